"""Order books rebuilt from streams: Binance's procedure done slowly, its own best quotes, broken streams; Bybit's top-5 books."""

from __future__ import annotations

import ast
import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("polars", reason="readers need the extra data")

from conftest import DEPTH_STREAMS, depth_stream
from hedgecore import venues
from hedgecore.venues import DataError, depth
from hedgecore.venues.tables import Table

UPDATES = {"spot": 3451, "usdm": 6551, "cm": 26847}
START = 1_700_000_000_000


@pytest.mark.parametrize("market", DEPTH_STREAMS)
class TestBinance:
    def test_nothing_is_missing(self, depth_tables: Callable[[str], Table], market: str) -> None:
        table = depth_tables(market)
        books = table.part("books")
        for defect in books.defects:
            if defect.name not in (
                "update before the book",
                "book came late",
                "sizes in contracts",
            ):
                assert defect.count == 0, defect
        assert (
            books.defect("book sequence broken").total
            + books.defect("update before the book").count
            == (UPDATES[market])
        )
        assert books.defect("book came late").count == 1
        assert table.defect("message unknown").count == 0
        assert table.part("quotes").defect("crossed").count == 0
        assert table.part("quotes").frame["type"].unique().to_list() == (
            ["spot"] if market == "spot" else ["perpetual"]
        )
        sides = table.part("trades").frame["side"]
        assert sides.null_count() == 0
        assert sides.n_unique() == 2

    def test_rebuilt_as_the_slow_way(
        self, shared: Path, depth_tables: Callable[[str], Table], market: str
    ) -> None:
        books = depth.rebuild(depth_tables(market), every=15.0)
        wanted = {int(t.astype("i8")) // 1000 for t in books.time}
        states, tops, quotes = slow_books(depth_stream(shared, market), wanted)
        for i, when in enumerate(books.time):
            bids, asks, low, high = states[int(when.astype("i8")) // 1000]
            want = [
                [(p, 100.0 * s / p if market == "cm" else s) for p, s in side]
                for side in (
                    [(p, s) for p, s in sorted(bids.items(), reverse=True) if p >= low],
                    [(p, s) for p, s in sorted(asks.items()) if p <= high],
                )
            ]
            got = books.levels(i)
            for side, listed in zip(got, want, strict=True):
                np.testing.assert_allclose(np.column_stack(side), listed, rtol=1e-15)
        # the venue's own best quotes by number of the update, and no crossed book at any update
        numbers = np.array([number for number, *_ in quotes])
        assert (np.diff(numbers) > 0).all()
        at = np.searchsorted(numbers, [u for u, *_ in tops], side="right") - 1
        pairs = [(top[1:], quotes[k][1:]) for top, k in zip(tops, at, strict=True) if k >= 0]
        assert len(pairs) > 0.9 * len(tops)
        assert all(top == quote for top, quote in pairs)
        assert all(bid < ask for _, bid, ask in tops)

    def test_ledger_of_times(self, depth_tables: Callable[[str], Table], market: str) -> None:
        books = depth.rebuild(depth_tables(market), every=1.0)
        found = {d.name: d.count for d in books.defects}
        assert found["book unknown"] == found["book crossed"] == found["before the first book"] == 0
        assert len(books) + found["side empty"] == books.defects[0].total
        assert (books.half_spread > 0).all()
        before = depth.rebuild(
            depth_tables(market), at=[books.time[0] - np.timedelta64(1, "us"), books.time[0]]
        )
        assert len(before) == 1
        assert before.defects[0].count == 1


def slow_books(path: Path, wanted: set[int]) -> tuple[Any, list[Any], list[Any]]:
    """Binance's procedure with dictionaries: states by the last ms <= wanted, best quotes at every 20th update, its own best quotes."""
    snapshot, updates, quotes = None, [], []
    with gzip.open(path, "rt") as file:
        for line in file:
            body = json.loads(line.split(" ", 1)[1])
            if "lastUpdateId" in body:
                snapshot = body
                continue
            data = body["data"]
            if data.get("e") == "depthUpdate":
                updates.append(data)
            elif "A" in data:
                quotes.append((data["u"], float(data["b"]), float(data["a"])))
    assert snapshot is not None
    last = snapshot["lastUpdateId"]
    updates = [data for data in updates if data["u"] > last]
    assert updates[0]["U"] <= last + 1 or updates[0].get("pu", last + 1) <= last
    bids = {float(p): float(s) for p, s in snapshot["bids"]}
    asks = {float(p): float(s) for p, s in snapshot["asks"]}
    low, high = min(bids), max(asks)
    states, tops, left = {}, [], sorted(wanted)
    # the state at a time is that before the first update after it
    for i, data in enumerate([*updates, None]):
        time = data.get("T", data["E"]) if data else np.inf
        while left and time > left[0]:
            states[left.pop(0)] = (dict(bids), dict(asks), low, high)
        if data is None:
            break
        for side, levels in ((bids, data["b"]), (asks, data["a"])):
            for price, size in levels:
                if float(size):
                    side[float(price)] = float(size)
                else:
                    side.pop(float(price), None)
        if i % 20 == 0:
            tops.append((data["u"], max(bids), min(asks)))
    return states, tops, quotes


def update(first: int, last: int, before: int | None, bids: Any = (), asks: Any = ()) -> Any:
    data = {"e": "depthUpdate", "E": START + last, "s": "BTCUSDT", "U": first, "u": last,
            "b": [list(level) for level in bids], "a": [list(level) for level in asks]}  # fmt: skip
    return {"stream": "btcusdt@depth", "data": data | ({} if before is None else {"pu": before})}


WHOLE = {
    "lastUpdateId": 10,
    "bids": [["99", "1"], ["98", "2"]],
    "asks": [["101", "3"], ["102", "4"]],
}


def written(tmp_path: Path, bodies: list[Any]) -> Path:
    path = tmp_path / "stream.txt"
    lines = [b if isinstance(b, str) else json.dumps(b) for b in bodies]
    path.write_text("".join(f"{(START + i) * 1_000_000} {line}\n" for i, line in enumerate(lines)))
    return path


class TestBrokenStreams:
    @pytest.mark.parametrize("futures", [False, True])
    def test_a_gap_is_not_bridged(self, tmp_path: Path, futures: bool) -> None:
        first = 11 if not futures else 13
        bodies = [
            update(8, 9, 7 if futures else None, [("97", "1")]),
            WHOLE,
            update(first - 1, 20, 9 if futures else None, [("99", "0"), ("98.5", "7")]),
            update(24, 30, 22 if futures else None, [("98.6", "7")]),  # 21 to 23 are missing
            WHOLE | {"lastUpdateId": 35, "E": START + 35},
            update(36, 40, 35 if futures else None, (), [("101", "0"), ("103", "9")]),
        ]
        table = venues.read(written(tmp_path, bodies))
        assert table.kind == "books"
        assert table.defect("book sequence broken").count == 1
        assert table.defect("update before the book").count == 1
        times = [np.datetime64(START + k, "ms") for k in (20, 30, 36, 40)]
        books = depth.rebuild(table, at=times)
        assert books.time.tolist() == [t.astype("M8[us]").item() for t in (times[0], *times[2:])]
        assert {d.name: d.count for d in books.defects}["book unknown"] == 1
        np.testing.assert_array_equal(books.best[0], [98.5, 101, 7, 3])
        np.testing.assert_array_equal(books.best[1], [99, 101, 1, 3])
        # 103 is beyond what the whole book showed
        assert [a.tolist() for a in books.levels(2)[1]] == [[102], [4]]

    def test_late_book_that_does_not_reach(self, tmp_path: Path) -> None:
        table = venues.read(written(tmp_path, [update(14, 20, None, [("99", "2")]), WHOLE]))
        assert table.defect("book sequence broken").count == 1
        with pytest.raises(DataError, match="book unknown: 1"):
            depth.rebuild(table, at=np.datetime64(START + 20, "ms"))

    def test_updates_without_levels_pass_the_number_on(self, tmp_path: Path) -> None:
        bodies = [
            update(1, 10, 0), WHOLE, update(11, 12, 10, [("99", "5")]), update(13, 14, 12), update(15, 16, 14, [("99", "6")])
        ]  # fmt: skip
        table = venues.read(written(tmp_path, bodies))
        assert table.defect("update empty").count == 1
        assert table.defect("book sequence broken").count == 0
        assert depth.rebuild(table, at=np.datetime64(START + 16, "ms")).best[0, 2] == 6

    def test_crossed_and_malformed_are_counted(self, tmp_path: Path) -> None:
        bodies = [
            update(9, 10, None, [("90", "1")]),
            WHOLE,
            '{"stream": "btcusdt@depth", "data"',
            {"stream": "btcusdt@other", "data": {"e": "kline"}},
            update(11, 12, None, [("101.5", "1")]),
            update(13, 14, None, [("101.5", "0"), ("x", "1"), ("97", "-1")], [("101",)]),
            update(15, 16, None, [("99", "0"), ("98", "0"), ("90", "0")]),
        ]
        table = venues.read(written(tmp_path, bodies))
        for name, count in {
            "message unreadable": 1,
            "message unknown": 1,
            "value unreadable": 1,
            "level unreadable": 1,
            "level incomplete": 1,
            "amount at odds with the action": 1,
        }.items():
            assert table.defect(name).count == count, name
        books = depth.rebuild(table, at=[np.datetime64(START + k, "ms") for k in (12, 14, 16)])
        assert {d.name: d.count for d in books.defects if d.count} == {
            "book crossed": 1,
            "side empty": 1,
        }
        assert books.best[0].tolist() == [99, 101, 1, 3]

    def test_errors(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"several markets of Binance \(spot 1, usdm 1\)"):
            venues.read(written(tmp_path, [update(1, 2, None), update(3, 4, 2)]))
        alone = venues.read(written(tmp_path, [update(1, 2, 0, [("9", "1")])]))
        with pytest.raises(DataError, match="no whole book of BTCUSDT"):
            depth.rebuild(alone)
        table = venues.read(written(tmp_path, [update(9, 10, None), WHOLE, update(11, 12, None, [("99", "1")])]))  # fmt: skip
        with pytest.raises(ValueError, match="instrument = 'ETHUSDT' has no book"):
            depth.rebuild(table, instrument="ETHUSDT")
        with pytest.raises(ValueError, match="every = -1 must be positive"):
            depth.rebuild(table, every=-1)
        with pytest.raises(ValueError, match="every and at exclude each other"):
            depth.rebuild(table, every=1, at=[0])
        with pytest.raises(ValueError, match="at must be times in order"):
            depth.rebuild(table, at=[np.datetime64(5, "s"), np.datetime64(4, "s")])
        with pytest.raises(ValueError, match="unit = 'usd' must be 'coins'"):
            depth.rebuild(table, unit="usd")

    def test_other_venues_need_the_unit(self, shared: Path) -> None:
        okx = venues.read(shared / "data/messages/okx_ws_capture_20220513.txt.gz")
        name = okx.part("books").frame["instrument"][0]
        with pytest.raises(ValueError, match="unit must say what the sizes of OKX books are"):
            depth.rebuild(okx, instrument=name)
        books = depth.rebuild(okx, instrument=name, unit="coins")
        assert (books.half_spread > 0).all()


class TestBybit:
    def test_every_book(self, shared: Path) -> None:
        path = shared / "data/depth/bybit_top5_20240701.csv.gz"
        table = venues.read(path)
        assert (table.kind, table.format) == ("books", "Bybit top-5 books")
        assert all(d.count == 0 for d in table.defects), table
        with gzip.open(path, "rt", newline="") as file:
            rows = list(csv.reader(file))
        assert table.rows_read == len(rows) == 1068
        names = sorted({row[1] for row in rows})
        assert len(names) == 78
        assert max(sum(row[1] == name for row in rows) for name in names) == 14
        with pytest.raises(ValueError, match=r"instrument must be one of .* \(78\)"):
            depth.rebuild(table)
        for name in names:
            books = depth.rebuild(table, instrument=name)
            own = [row for row in rows if row[1] == name]
            assert len(books) == len(own)
            for i, row in enumerate(own):
                bids, asks = ast.literal_eval(row[4])
                want = [sorted(((float(p), float(s)) for p, s in side), key=key)
                        for side, key in ((bids, lambda x: -x[0]), (asks, lambda x: x[0]))]  # fmt: skip
                for got, side in zip(books.levels(i), want, strict=True):
                    assert np.column_stack(got).tolist() == [list(level) for level in side]
            assert (books.half_spread > 0).all()

    def test_unreadable_books_are_counted(self, tmp_path: Path) -> None:
        path = tmp_path / "top5.csv"
        good = "\"[[['9', '1']], [['10', '2']]]\""
        path.write_text(
            f"both,BTCUSDT,{START}.5,{START},{good}\n"
            f"bid,BTCUSDT,{START}.6,{START + 1},\"__import__('os').getcwd()\"\n"
            f"ask,BTCUSDT,{START}.7,{START + 2},\"[[['9', '1']\"\n"
            f"ask,BTCUSDT,{START}.7,{START + 3},\"[[['9', '1']], [['8', '1']]]\"\n"
        )
        table = venues.read(path)
        assert table.defect("book unreadable").count == 2
        assert table.defect("book crossed").count == 1
        books = depth.rebuild(table)
        assert books.best.tolist() == [[9, 10, 1, 2]]
        assert {d.name: d.count for d in books.defects if d.count} == {"book crossed": 1}


class TestBooks:
    def test_depth_within(self) -> None:
        books = depth.Books.from_levels(
            [[[99.9, 1], [99.5, 2], [98.0, 4]]], [[[101, 7], [100.1, 3]]], time=["2024-08-08"]
        )
        np.testing.assert_allclose(books.mid, 100)
        np.testing.assert_allclose(books.half_spread, 0.001)
        np.testing.assert_allclose(books.depth(51), [[3, 3]])
        np.testing.assert_allclose(books.depth(51, unit="usd"), [[99.9 + 199, 300.3]])
        # beyond the last level nothing is known
        np.testing.assert_allclose(books.depth(150), [[3, np.nan]])
        with pytest.raises(ValueError, match="bp = 0 must be positive"):
            books.depth(0)
        with pytest.raises(ValueError, match="unit = 'contracts' must be"):
            books.depth(1, unit="contracts")  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("bids", "asks", "message"),
        [
            ([[[9, 1]]], [[[9, 1]]], "book 0 is crossed: best bid 9.0, best ask 9.0"),
            ([[[9, 1]], [[12, 1]]], [[[10, 1]], [[11, 1]]], "book 1 is crossed"),
            ([[]], [[[9, 1]]], "bids of book 0 are empty"),
            ([[[9, 1]]], [[[10, -1]]], r"asks of book 0: size = -1.0 \(level 0\) must be positive"),
            ([[[np.nan, 1]]], [[[10, 1]]], "bids of book 0: price = nan"),
            ([[[9, 1], [9, 2]]], [[[10, 1]]], "bids of book 0: price 9.0 is there twice"),
            ([[[9, 1, 1]]], [[[10, 1]]], r"shape \(1, 3\), not \(levels, 2\)"),
            ([], [], "bids and asks must be as many"),
        ],
    )
    def test_bad_books(self, bids: Any, asks: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            depth.Books.from_levels(bids, asks)
