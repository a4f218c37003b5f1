"""Price bars, funding, volatility indices and gas: every real file, its rows and its ledger."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from venue_ledgers import (
    counts,
    iso,
    millis,
    positive,
    rows_of,
)

pl = pytest.importorskip("polars")

from hedgecore.venues import read


class TestSeries:
    def test_bars(self, shared: Path) -> None:
        for path in sorted((shared / "data/prices").glob("*.csv.gz")):
            rows = [{name.lower(): value for name, value in row.items()} for row in rows_of(path)]
            time = "datetime" if "datetime" in rows[0] else "timestamp"
            stamps = [millis(r[time]) if r[time].isdigit() else iso(r[time]) for r in rows]
            closes = [float(r["close"]) for r in rows]
            table = read(path)
            assert counts(table) == positive(
                jump=sum(abs(b / a - 1) > 0.1 for a, b in pairwise(closes)),
                bar_flat=sum(
                    r["high"] == r["low"] and float(r["open"]) == float(r["close"]) for r in rows
                ),
                no_volume=sum(float(r["volume"]) == 0 for r in rows),
            ), path
            assert table.frame["timestamp"].to_list() == stamps
            assert table.frame["close"].to_list() == closes
            step = (stamps[1] - stamps[0]).total_seconds()
            assert table.frame["seconds"].unique().to_list() == [step]
            assert table.frame["symbol"][0] == path.name.split("_")[0] + (
                "-PERP" if "perp" in path.name else ""
            )

    def test_parquet_bars(self, shared: Path) -> None:
        path = shared / "data/prices/BTCUSDT_30m_20210101_20240731.parquet"
        raw, table = pl.read_parquet(path).to_dicts(), read(path)
        closes = [row["close"] for row in raw]
        steps = [b / a - 1 for a, b in pairwise(closes) if a and b]
        assert counts(table) == {
            "bar empty": sum(row["open"] is None for row in raw),
            "jump": sum(abs(step) > 0.1 for step in steps),
            "no volume": sum(row["volume"] == 0 for row in raw),
        }

    def test_minutes_of_a_day(self, shared: Path) -> None:
        midnight = datetime(2022, 12, 13, tzinfo=UTC)
        for path in sorted((shared / "data/prices/multivenue_20221213").iterdir()):
            with zipfile.ZipFile(path) as archive:
                text = archive.read(archive.namelist()[0]).decode()
            rows = [[float(cell) for cell in row] for row in csv.reader(io.StringIO(text))]
            table = read(path)
            minutes = [row[0] for row in rows]
            is_quote = "quote" in path.name
            found = Counter(
                {
                    "day partial": minutes[-1] < 22 * 3_600_000,
                    "gap": sum(b - a > 60_000 for a, b in pairwise(minutes)),
                }
            )
            if is_quote:
                found["crossed"] = sum(row[4] > row[9] for row in rows)
            else:
                found["bar flat"] = sum(row[1] == row[4] and row[2] == row[3] for row in rows)
                found["no volume"] = sum(row[5] == 0 for row in rows)
            assert counts(table) == {name: int(n) for name, n in found.items() if n}, path
            assert table.kind == ("quote_bars" if is_quote else "bars")
            assert table.frame["timestamp"][0] == midnight + timedelta(milliseconds=minutes[0])

    def test_funding(self, shared: Path) -> None:
        for path in sorted((shared / "data/funding_vol").glob("*.csv.gz")):
            rows, table = rows_of(path), read(path)
            stamps = [iso(row["Date"]) for row in rows]
            jitters = sum(stamp.microsecond != 0 for stamp in stamps)
            is_shifted = "binance" in path.name
            full = [stamp.replace(microsecond=0) for stamp in stamps]
            usual = full[1] - full[0]
            gap = sum(b - a > 1.5 * usual for a, b in pairwise(full))
            assert counts(table) == positive(
                time_jitters=jitters, clock_not_UTC=len(rows) if is_shifted else 0, gap=gap
            )
            shift = timedelta(hours=3 if is_shifted else 0)
            assert table.frame["timestamp"].to_list() == [time - shift for time in full]
            assert table.frame["rate"].to_list() == [float(row["Funding Rate"]) for row in rows]
            assert table.frame["hours"].unique().to_list() == [usual.total_seconds() / 3600]

    def test_pairs(self, shared: Path) -> None:
        folder = shared / "data/funding_vol"
        path = folder / "btc_funding_8h_percent_20221103_20251112.json.gz"
        pairs = json.loads(gzip.decompress(path.read_bytes()))
        table = read(path)
        assert table.kind == "funding"
        assert counts(table) == {
            "given in percent": len(pairs),
            "time jitters": sum(time % 3_600_000 != 0 for time, _ in pairs),
        }
        assert table.frame["rate"].to_list() == [value / 100 for _, value in pairs]
        assert table.frame["timestamp"].dt.hour().is_in([0, 8, 16]).all()
        path = folder / "deribit_dvol_btc_daily_20221106_20251112.json.gz"
        pairs = json.loads(gzip.decompress(path.read_bytes()))
        table = read(path)
        assert (table.kind, table.rows_read) == ("dvol", 1102)
        assert counts(table) == {"given in percent": len(pairs), "gap": 1}
        assert table.defect("gap").note == "1 missing"
        assert table.frame["vol"].max() == 1.1472

    def test_gas(self, shared: Path) -> None:
        for path in sorted((shared / "data/gas").iterdir()):
            rows, table = rows_of(path), read(path)
            blocks = [int(row["block_number"]) for row in rows]
            steps = [b - a for a, b in pairwise(blocks)]
            usual = sorted(steps)[len(steps) // 2]
            wei = next((n for n in rows[0] if n.endswith("wei") and "gwei" not in n), None)
            fees = [float(row[wei]) if wei else float(row["base_fee_gwei"]) * 1e9 for row in rows]
            far = sum(
                step == 1 and abs(b - a) > a / 8 * 1.000001 + 1
                for step, a, b in zip(steps, fees, fees[1:], strict=False)
            )
            assert counts(table) == positive(
                time_missing=0
                if "times" in path.name or any("time" in n for n in rows[0])
                else len(rows),
                block_missing=sum(step > usual for step in steps),
                base_fee_moved_too_far=far,
            ), path
            assert far == 0
            assert table.frame["base_fee"].to_list() == pytest.approx(fees, rel=1e-15)
