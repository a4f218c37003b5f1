"""Messages of Deribit and OKX: every real file, its rows and its ledger."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from venue_ledgers import (
    counts,
    two_sided,
)

pl = pytest.importorskip("polars")

from hedgecore.venues import DataError, read


class TestMessages:
    def test_capture(self, shared: Path) -> None:
        path = shared / "data/messages/deribit_ws_capture_20210722.txt.gz"
        table = read(path)
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        received = [line for line in lines if line[:1].isdigit()]
        bodies = [json.loads(line[line.index(": ") + 2 :]) for line in received]
        data = [body["params"]["data"] for body in bodies if "params" in body]
        late = sum(
            float(line.split(": ")[0]) < body["params"]["data"]["timestamp"] / 1000
            for line, body in zip(received, bodies, strict=True)
            if "params" in body
        )
        assert counts(table) == {
            "notes of the capture": sum(bool(line.strip()) for line in lines) - len(received),
            "received before its time": late,
        }
        tickers = [record for record in data if "mark_iv" in record]
        books = [record for record in data if "bids" in record]
        found = Counter(two_sided(tickers, "best_bid_price", "best_ask_price", "mark_price"))
        for ticker in tickers:
            found["bid vol missing"] += ticker["bid_iv"] == 0
            found["ask vol missing"] += ticker["ask_iv"] == 0
            found["given in percent"] += 3
        assert counts(table.part("quotes")) == dict(+found)
        levels = sum(len(book["bids"]) + len(book["asks"]) for book in books)
        assert table.part("books").frame.height == levels
        empty = sum(not book["bids"] and not book["asks"] for book in books)
        assert counts(table.part("books")) == {"book empty": empty}
        assert table.frame.height == len(bodies) == 136
        quotes = table.part("quotes").frame
        assert quotes["mark_vol"].to_list() == [ticker["mark_iv"] / 100 for ticker in tickers]
        with pytest.raises(DataError, match=r"no trades in this file.*quotes, books"):
            table.part("trades")

    def test_instruments(self, shared: Path) -> None:
        path = shared / "data/messages/deribit_rest_get_instruments_20210722.txt.gz"
        table, newer, older, total = read(path), 0, 0, 0
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        for line in lines[:-1]:
            head, body = line[: line.index(": {")], json.loads(line[line.index(": {") + 2 :])
            for record in body["result"]:
                total += 1
                newer += record["creation_timestamp"] / 1000 > float(head.split("-> ")[1])
                older += "price_index" not in record
        assert counts(table) == {
            "notes of the capture": 1,
            "record newer than its receipt": newer,
            "record of an older form": older,
        }
        assert table.frame.height == total == 1017

    def test_json_lines(self, shared: Path) -> None:
        table = read(shared / "data/messages/deribit_ws_rest_messages_2021_2023.jsonl")
        assert counts(table) == {}
        contents = Counter(table.frame["content"].to_list())
        assert contents == {"trades": 2, "books": 4, "quotes": 5, "bars": 1, "quotes+books": 1}
        option = table.part("trades").frame.row(1, named=True)
        assert (option["vol"], option["price"], option["side"]) == (0.7844, 0.007, "buy")
        bar = table.part("bars").frame.row(0, named=True)
        assert (bar["symbol"], bar["seconds"], bar["close"]) == ("BTC-PERPETUAL", 60, 31595.5)
        assert counts(table.part("quotes")) == {
            "given in percent": 3,
            "mark missing": 1,
            "index missing": 3,
            "mark outside bid-ask": 3,
            "open interest missing": 1,
        }

    def test_samples(self, shared: Path) -> None:
        folder = shared / "data/messages/deribit_json"
        expected = {
            "http_get_account_summaries": ("accounts", {}),
            "http_get_combos": ("combos", {}),
            "http_get_expirations_btc_option": ("expirations", {}),
            "http_get_instrument_option": ("instruments", {"expiry not at 08:00": 1}),
            "http_get_instruments": (
                "instruments",
                {"expiry not at 08:00": 2, "record of an older form": 1},
            ),
            "http_get_last_trades": ("trades", {}),
            "http_get_order_book": ("messages", {}),
            "http_get_positions": ("positions", {}),
            "ws_book_delta": ("books", {}),
            "ws_book_snapshot": ("books", {}),
            "ws_error": ("messages", {"error answer": 1}),
            "ws_order_buy_response": ("orders", {}),
            "ws_order_cancel_response": ("orders", {}),
            "ws_portfolio": ("portfolio", {}),
            "ws_quote": ("quotes", {}),
            "ws_subscribe_response": ("messages", {}),
            "ws_ticker": ("quotes", {"mark outside bid-ask": 1}),
            "ws_trades": ("trades", {}),
            "ws_volatility_index": ("dvol", {"given in percent": 1}),
        }
        found = {}
        for path in sorted(folder.iterdir()):
            table = read(path)
            found[path.stem] = (table.kind, counts(table))
        assert found == expected

    def test_positions_and_accounts(self, shared: Path) -> None:
        folder = shared / "data/messages/deribit_json"
        position = read(folder / "http_get_positions.json").frame.row(0, named=True)
        assert (position["quantity"], position["entry_price"]) == (50.0, 7440.18)
        assert (position["side"], position["type"], position["currency"]) == (
            "buy",
            "perpetual",
            "BTC",
        )
        assert position["delta"] == position["quantity_coin"] == 0.006687487
        account = read(folder / "http_get_account_summaries.json").frame
        assert account["currency"].to_list() == ["BTC", "ETH"]
        assert account["equity"].to_list() == [302.61869214, 100.0]
        assert account["portfolio_margin"].to_list() == [False, False]
        portfolio = read(folder / "ws_portfolio.json").frame.row(0, named=True)
        assert (portfolio["currency"], portfolio["margin_model"]) == ("USDT", "cross_sm")

    def test_okx(self, shared: Path) -> None:
        path = shared / "data/messages/okx_ws_capture_20220513.txt.gz"
        table = read(path)
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        received = [line for line in lines if line[:1].isdigit()]
        bodies = [json.loads(line[line.index(": ") + 2 :]) for line in received]
        assert counts(table) == {"notes of the capture": len(lines) - len(received)}
        sized = Counter[str]()
        for body in (body for body in bodies if "data" in body):
            kind = {"tickers": "quotes"}.get(body["arg"]["channel"], body["arg"]["channel"])
            is_spot = body["arg"]["instId"].count("-") == 1
            for item in body["data"]:
                rows = len(item["bids"]) + len(item["asks"]) if kind == "books" else 1
                sized[kind] += 0 if is_spot else rows
        for kind in ("quotes", "trades", "books"):
            assert table.part(kind).defect("sizes in contracts").count == sized[kind]
        swap = table.part("quotes").frame.filter(pl.col("instrument") == "UNI-USD-SWAP")
        assert set(swap["type"]) == {"perpetual"}
        assert set(swap["settlement"]) == {"inverse"}
