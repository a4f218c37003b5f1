"""Every real file opens with one call; the ledgers of chains agree with counts made in plain Python."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from venue_ledgers import (
    Rows,
    counts,
    falls,
    iso,
    millis,
    moved,
    number,
    rows_of,
    some,
    two_sided,
)

pl = pytest.importorskip("polars")

from hedgecore.venues import DataError, deribit, read
from hedgecore.venues.layouts import LAYOUTS
from hedgecore.venues.tables import Table


def test_every_file_opens_in_its_layout(shared: Path) -> None:
    opened = Counter[str]()
    for folder in ("chains", "messages", "prices", "funding_vol", "gas"):
        for path in sorted((shared / "data" / folder).rglob("*")):
            if path.is_dir():
                continue
            table = read(path)
            opened[folder] += 1
            assert table.rows_read > 0
            assert str(path) in repr(table)
            for part in (table, *table.parts.values()):
                layout = {name: column.dtype for name, column in LAYOUTS[part.kind].items()}
                assert dict(part.frame.schema) == layout, path
                assert list(part.frame.columns) == list(layout)
                assert part.frame.height > 0
    assert opened == {"chains": 56, "messages": 23, "prices": 20, "funding_vol": 6, "gas": 6}


def test_files_of_other_formats_are_a_clear_error(shared: Path) -> None:
    for path in sorted((shared / "data/liquidations").iterdir()):
        with pytest.raises(DataError, match=rf"{path.name}.*no known format"):
            read(path)


class TestSixHourly:
    def expected(self, rows: Rows, snapshots: list[str]) -> dict[str, int]:
        found = Counter(two_sided(rows, "bid_price", "ask_price", "mark_price"))
        index: dict[Any, list[float]] = {}
        for row, snapshot in zip(rows, snapshots, strict=True):
            index.setdefault((snapshot, row["currency"]), []).append(float(row["index_price"]))
            left = (iso(row["expiry_datetime"]) - iso(row["timestamp"])).total_seconds()
            off = float(row["time_to_maturity"]) * 365 * 86_400 - left
            found["time to maturity off"] += abs(off) > 1.0
            found["futures price missing"] += number(row["futures_price"]) is None
        found["index moved within a snapshot"] = moved(index)
        found["rows in no order"] = falls([row["instrument_name"] for row in rows], snapshots)
        return dict(+found)

    def test_raw_snapshots(self, shared: Path) -> None:
        paths = sorted((shared / "data/chains/raw").iterdir())
        assert len(paths) == 24
        for path in paths:
            rows = rows_of(path)
            table = read(path)
            assert (table.kind, table.format) == ("quotes", "Deribit six-hourly chain")
            assert counts(table) == self.expected(rows, ["one"] * len(rows)), path
            assert table.frame["snapshot"].unique().to_list() == [path.name.split("_")[3][:16]]

    def test_quarter(self, quarter_file: Path) -> None:
        columns = [
            "timestamp",
            "expiry_datetime",
            "time_to_maturity",
            "instrument_name",
            "currency",
        ]
        columns += [
            "bid_price",
            "ask_price",
            "mark_price",
            "index_price",
            "futures_price",
            "snapshot_id",
        ]
        raw = pl.read_parquet(quarter_file, columns=columns)
        table = deribit.read_quotes(quarter_file)
        found = counts(table)
        assert (table.frame.height, table.rows_read) == (563_174, 563_174)
        assert table.frame["snapshot"].n_unique() == 355
        # the whole quarter in plain Python takes long: every tenth snapshot in full
        ids = sorted(set(raw["snapshot_id"]))[::10]
        part = raw.filter(pl.col("snapshot_id").is_in(ids))
        rows = part.to_dicts()
        expected = self.expected(rows, [row["snapshot_id"] for row in rows])
        path = Path(table.source)
        assert path == quarter_file
        whole = two_sided(
            raw.select("bid_price", "ask_price", "mark_price").to_dicts(),
            "bid_price",
            "ask_price",
            "mark_price",
        )
        assert found["time to maturity off"] == 563_174
        assert found["index moved within a snapshot"] == 710
        assert {name: found.get(name, 0) for name in whole} == whole
        times = [iso(time) for time in sorted(set(raw["timestamp"]))]
        hours = [(b - a).total_seconds() / 3600 for a, b in pairwise(times)]
        usual = sorted(hours)[len(hours) // 2]
        assert found["snapshot gap irregular"] == sum(
            h > 1.5 * usual or h < 0.5 * usual for h in hours
        )
        assert expected["index moved within a snapshot"] == 2 * len(ids)
        assert found["rows in no order"] == falls(
            raw["instrument_name"].to_list(), raw["snapshot_id"].to_list()
        )
        assert set(found) == {*expected, "snapshot gap irregular"}

    def test_values_are_those_of_the_file(self, crash_file: Path) -> None:
        rows, frame = rows_of(crash_file), deribit.read_quotes(crash_file).frame
        assert frame.height == len(rows)
        for row, read_row in zip(rows, frame.iter_rows(named=True), strict=True):
            assert read_row["instrument"] == row["instrument_name"]
            assert (read_row["bid"], read_row["ask"]) == (
                some(row["bid_price"]),
                some(row["ask_price"]),
            )
            assert read_row["mark_vol"] == float(row["implied_volatility"])
            assert read_row["forward"] == float(row["underlying"])
            assert read_row["strike"] == float(row["strike"])
            left = iso(row["expiry_datetime"]) - iso(row["timestamp"])
            assert read_row["expiry"] == pytest.approx(left.total_seconds() / 31_536_000, rel=1e-14)
            assert read_row["currency"] == read_row["base"] == row["currency"]


class TestDailyTickers:
    def test_all_days(self, shared: Path) -> None:
        paths = sorted((shared / "data/chains/ticker_daily").iterdir())
        assert len(paths) == 26
        for path in paths:
            rows, table = rows_of(path), read(path)
            assert table.format == "Deribit daily ticker"
            assert counts(table) == self.expected(path, rows), path
            self.check_units(rows, table)

    def expected(self, path: Path, rows: Rows) -> dict[str, int]:
        found = Counter(two_sided(rows, "best_bid_price", "best_ask_price", "mark_price"))
        options = [row for row in rows if row["kind"] == "option"]
        for row in options:
            bid, ask, mark = (some(row[f"{side}_iv"]) for side in ("bid", "ask", "mark"))
            found["bid vol missing"] += bid is None
            found["ask vol missing"] += ask is None
            found["mark vol missing"] += mark is None
            found["bid without a vol"] += bid is None and some(row["best_bid_price"]) is not None
            found["vols out of order"] += bool(bid and ask and bid > ask)
            found["mark vol outside bid-ask"] += bool(
                mark and ((bid and mark < bid) or (ask and mark > ask))
            )
            found["given in percent"] += 3
            found["mark coarse"] += some(row["mark_price"]) is not None
            found["gamma coarse"] += float(row["greeks_gamma"]) <= 1.0001e-4
        times = [int(row["timestamp"]) for row in rows]
        found["times differ within a snapshot"] = max(times) > min(times)
        found["index moved within a snapshot"] = len({row["index_price"] for row in rows}) > 1
        found["rows in no order"] = falls([r["instrument_name"] for r in rows], [0] * len(rows))
        found["clock columns"] = len(
            {"current_time_utc", "current_time_nyc", "current_date_nyc"} & set(rows[0])
        )
        found["day differs from the name"] = f"{millis(min(times)):%Y%m%d}" not in path.name
        return {name: int(count) for name, count in found.items() if count}

    def check_units(self, rows: Rows, table: Table) -> None:
        first = table.frame["timestamp"].min()
        assert isinstance(first, datetime)
        for row, got in zip(rows, table.frame.iter_rows(named=True), strict=True):
            assert got["timestamp"] == millis(row["timestamp"])
            assert got["snapshot"] == f"{first:%Y%m%dT%H%M%SZ}"
            assert got["taker_fee"] == float(row["taker_commission"])
            assert got["tick"] == float(row["tick_size"])
            assert got["open_interest"] == float(row["open_interest"])
            if row["kind"] == "option":
                assert got["mark_vol"] == pytest.approx(float(row["mark_iv"]) / 100, rel=1e-15)
                assert got["expiry_time"] == millis(row["expiration_timestamp"])
                assert got["forward"] == float(row["underlying_price"])
                assert got["theta"] == float(row["greeks_theta"])
            else:
                assert got["type"] == (
                    "perpetual" if row["settlement_period"] == "perpetual" else "future"
                )
                assert got["forward"] is None
                assert got["settlement"] == "inverse"


class TestOtherChains:
    def test_hourly_greeks(self, shared: Path) -> None:
        path = shared / "data/chains/deribit_btc_hourly_greeks_20260123_20260124.csv.gz"
        rows, table = rows_of(path), read(path)
        found: Counter[str] = Counter()
        for row in rows:
            bid, ask, mark = (some(row[f"{side}_iv"]) for side in ("bid", "ask", "mark"))
            found["bid vol missing"] += bid is None
            found["ask vol missing"] += ask is None
            found["mark vol missing"] += mark is None
            found["vols out of order"] += bool(bid and ask and bid > ask)
            found["mark vol outside bid-ask"] += bool(
                mark and ((bid and mark < bid) or (ask and mark > ask))
            )
        found["given in percent"] = 3 * len(rows)
        found["no prices"] = len(rows)
        found["rows in no order"] = falls(
            [r["instrument_name"] for r in rows], [r["date"] for r in rows]
        )
        assert counts(table) == dict(+found)
        assert table.frame["snapshot"].n_unique() == 37
        assert table.frame["bid"].null_count() == table.frame.height == 24_562
        assert round(found["bid vol missing"] / len(rows), 2) == 0.28

    def test_option_trades(self, shared: Path) -> None:
        path = shared / "data/chains/deribit_btc_option_trades_20220101.csv.gz"
        text = gzip.decompress(path.read_bytes()).decode()
        rows, table = rows_of(path), read(path)
        once = list({row["trade_id"]: row for row in rows[::-1]}.values())[::-1]
        # the first of each, in the order of the file
        seen, kept = set(), []
        for row in rows:
            if row["trade_id"] not in seen:
                seen.add(row["trade_id"])
                kept.append(row)
        assert len(once) == len(kept)
        times = [int(row["t"]) for row in kept]
        lines = text.splitlines()[1:]
        assert counts(table) == {
            "given in percent": len(rows),
            "numbers in quotes": sum(line.startswith('"') for line in lines),
            "numbers with an exponent": sum("E-" in line for line in lines),
            "row repeated": len(rows) - len(kept),
            "vol missing": sum(float(row["iv"]) == 0 for row in kept),
            "not in order of time": sum(b < a for a, b in pairwise(times)),
            "day partial": 1,
        }
        assert "00:00 to 10:29" in table.defect("day partial").examples[0]
        assert table.frame["price"].to_list() == [float(row["p"]) for row in kept]
        assert table.frame["timestamp"].to_list() == [millis(row["t"]) for row in kept]

    def test_evidence_of_an_index(self, shared: Path) -> None:
        path = shared / "data/chains/eth_mfiv14d_evidence_20211001T0702.json.gz"
        table = read(path)
        rows = json.loads(gzip.decompress(path.read_bytes()))["params"]["options"]
        found = Counter(
            two_sided(
                [{"b": r.get("bestBidPrice"), "a": r.get("bestAskPrice"), "m": r.get("markPrice")} for r in rows],
                "b", "a", "m",
            )
        )  # fmt: skip
        for r in rows:
            if "bestBidPrice" in r and "bestAskPrice" in r and r.get("mid") is not None:
                middle = (r["bestBidPrice"] + r["bestAskPrice"]) / 2 * r["underlyingPrice"]
                found["mid differs"] += abs(r["mid"] - middle) > 1e-6 * middle
        found["times differ within a snapshot"] = 1
        found["rows in no order"] = falls([r["symbol"] for r in rows], [0] * len(rows))
        assert counts(table) == dict(+found)
        assert table.frame["index"].unique().to_list() == [3027.64]

    @pytest.mark.parametrize(
        ("name", "instrument", "prefix"),
        [
            ("perpetual_futures_prices", "instrument_name", "candle_"),
            ("term_futures_marks", "futures_instrument_name", "term_candle_"),
        ],
    )
    def test_futures_at_snapshots(
        self, shared: Path, name: str, instrument: str, prefix: str
    ) -> None:
        path = shared / f"data/chains/{name}_20260101_20260331.csv.gz"
        rows, table = rows_of(path), read(path)
        gap = "candle_price_gap_seconds" if name.startswith("perp") else "term_candle_gap_seconds"
        time = "obs_datetime" if name.startswith("perp") else "timestamp"
        found = Counter(
            {
                "price stale": sum(float(r[prefix + "volume"]) == 0 for r in rows),
                "price of another time": sum(float(r[gap]) >= 1 for r in rows),
                "snapshot gap irregular": 4,
                "rows in no order": falls([r[instrument] for r in rows], [r[time] for r in rows]),
            }
        )
        if name.startswith("perp"):
            found.update(two_sided(rows, "perp_futures_best_bid", "perp_futures_best_ask", None))
        else:
            found["forward moved within a snapshot"] = sum(
                int(r["distinct_prices_seen"]) > 1 for r in rows
            )
        assert counts(table) == dict(+found)
        assert table.frame["last"].to_list() == [float(r[prefix + "price_used"]) for r in rows]


def test_the_documented_layouts_are_those_of_the_code() -> None:
    text = (Path(__file__).parent.parent / "docs/data-formats.md").read_text()
    for kind, layout in LAYOUTS.items():
        if kind == "portfolio":  # as accounts
            continue
        section = text.split(f"\n### {kind}")[1].split("\n### ")[0]
        documented = [line.split(" | ") for line in section.splitlines() if line.startswith("| `")]
        assert [cells[0].strip("| `") for cells in documented] == list(layout), kind
        assert [cells[-1].removesuffix(" |") for cells in documented] == [
            column.meaning for column in layout.values()
        ], kind
