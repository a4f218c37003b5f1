"""Values in another unit: an error if most of a column, a reported row if one, never a wrong number."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pl = pytest.importorskip("polars")

from hedgecore.venues import DataError, read
from venue_samples import (
    ROWS,
    Cells,
    as_csv,
    cells,
    samples,
    write,
)

__all__ = ["samples", "write"]  # fixtures


def scaled(rows: Cells, columns: list[str], factor: float | Callable[[dict[str, str]], float],
           only: int | None = None) -> Cells:  # fmt: skip
    """A copy with numbers multiplied, in all rows or in one."""
    changed = [dict(row) for row in rows]
    for place, row in enumerate(changed):
        for column in columns:
            if row[column] and (only is None or place == only):
                times = factor(row) if callable(factor) else factor
                row[column] = repr(float(row[column]) * times)
    return changed


VOLS = {
    "six-hourly": (["implied_volatility"], 100.0),
    "ticker": (["mark_iv", "bid_iv", "ask_iv"], 0.01),
    "hourly": (["mark_iv", "bid_iv", "ask_iv"], 0.01),
    "trades": (["iv"], 0.01),
}
TIMES = {
    "ticker": "timestamp",
    "futures": "timestamp",
    "trades": "t",
    "bars": "timestamp",
}


class TestUnits:
    @pytest.mark.parametrize("name", list(VOLS))
    def test_vols_in_the_other_unit(self, name: str, samples: Any, write: Any) -> None:
        rows = cells(samples, name)
        columns, factor = VOLS[name]
        with pytest.raises(DataError, match=r"vol are not in the unit|vol.*percent and decimal"):
            read(write(as_csv(scaled(rows, columns, factor))))
        clean = read(write(as_csv(rows)))
        table = read(write(as_csv(scaled(rows, columns, factor, only=3))))
        column = "vol" if name == "trades" else "mark_vol"
        found = {defect.name: defect.count for defect in table.defects}
        assert found[f"{column.replace('_', ' ')} implausible"] == 1
        row = table.frame.filter(pl.col("row") == 4)
        assert row[column].to_list() == [None]
        others = pl.col("row") != 4
        assert table.frame.filter(others)[column].equals(clean.frame.filter(others)[column])

    @pytest.mark.parametrize("name", list(TIMES))
    def test_seconds_and_microseconds_for_milliseconds(
        self, name: str, samples: Any, write: Any
    ) -> None:
        rows = cells(samples, name)
        height = read(write(as_csv(rows))).frame.height
        for factor in (1e-3, 1e3, 1e6):
            changed = scaled(rows, [TIMES[name]], factor)
            for row in changed:
                row[TIMES[name]] = str(int(float(row[TIMES[name]])))
            with pytest.raises(DataError, match="no times of 2009 to 2099"):
                read(write(as_csv(changed)))
            changed = [*rows[:3], changed[3], *rows[4:]]
            table = read(write(as_csv(changed)))
            assert table.defect("time implausible").count == 1
            assert table.frame.height in (height - 1, height)  # a repeated trade may take its place
            assert 4 not in table.frame["row"]

    def test_prices_in_usd(self, samples: Any, write: Any) -> None:
        for name, forward, prices, mark in (
            ("six-hourly", "underlying", ["bid_price", "ask_price", "mark_price"], "mark_price"),
            (
                "ticker",
                "underlying_price",
                ["best_bid_price", "best_ask_price", "mark_price"],
                "mark_price",
            ),
        ):
            rows = cells(samples, name)
            in_usd = scaled(rows, prices, lambda row, at=forward: float(row[at]))
            with pytest.raises(DataError, match="prices in coin and in quote currency mixed up"):
                read(write(as_csv(in_usd)))
            worth = [float(row[mark]) for row in rows]
            place = max(range(len(rows)), key=lambda n: worth[n])
            table = read(write(as_csv([*rows[:place], in_usd[place], *rows[place + 1 :]])))
            got = table.frame.filter(pl.col("row") == place + 1).row(0, named=True)
            assert (got["bid"], got["mark"]) == (None, None)
            assert table.defect("mark implausible").count == 1

    def test_every_single_mark_in_usd_is_found(self, crash_file: Path, write: Any) -> None:
        rows = list(csv.DictReader(io.StringIO(gzip.decompress(crash_file.read_bytes()).decode())))
        for place in range(0, len(rows), 97):
            usd = float(rows[place]["mark_price"]) * float(rows[place]["underlying"])
            if usd < 0.05:  # then it is within the rounding of marks
                continue
            changed = [*rows[:place], {**rows[place], "mark_price": repr(usd)}, *rows[place + 1 :]]
            table = read(write(as_csv(changed)))
            assert table.defect("mark implausible").count == 1, rows[place]
            assert table.frame.filter(pl.col("row") == place + 1)["mark"].to_list() == [None]

    def test_forward_or_index_in_another_unit(self, samples: Any, write: Any) -> None:
        rows = cells(samples, "six-hourly")
        for column in ("underlying", "index_price"):
            with pytest.raises(DataError, match="forward"):
                read(write(as_csv(scaled(rows, [column], 0.001))))
            table = read(write(as_csv(scaled(rows, [column], 0.001, only=3))))
            got = table.frame.filter(pl.col("row") == 4).row(0, named=True)
            assert (got["forward"], got["index"]) == (None, None)
            assert table.defect("forward implausible").count == 1

    def test_strikes_in_another_unit(self, samples: Any, write: Any) -> None:
        rows = cells(samples, "six-hourly")
        with pytest.raises(DataError, match=f"name inconsistent with columns: {ROWS}"):
            read(write(as_csv(scaled(rows, ["strike"], 0.001))))
        table = read(write(as_csv(scaled(rows, ["strike"], 0.001, only=3))))
        assert table.defect("name inconsistent with columns").count == 1

    def test_delta_in_percent(self, samples: Any, write: Any) -> None:
        rows = cells(samples, "ticker")
        with pytest.raises(DataError, match="not a Black delta"):
            read(write(as_csv(scaled(rows, ["greeks_delta"], 100.0))))

    def test_funding_in_the_other_unit(self, samples: Any, write: Any) -> None:
        rows = cells(samples, "funding")
        with pytest.raises(DataError, match="fractions and percent mixed up"):
            read(write(as_csv(scaled(rows, ["Funding Rate"], 100.0))))
        pairs = json.loads(samples["percent"])
        as_fraction = [[time, value / 100] for time, value in pairs]
        with pytest.raises(DataError, match="fractions and percent mixed up"):
            read(write(json.dumps(as_fraction).encode()))

    def test_volatility_index_as_a_fraction(self, samples: Any, write: Any) -> None:
        pairs = json.loads(samples["dvol"])
        with pytest.raises(DataError, match="neither a volatility index"):
            read(write(json.dumps([[time, value / 100] for time, value in pairs]).encode()))
        pairs[3][1] /= 100
        table = read(write(json.dumps(pairs).encode()))
        assert table.defect("vol implausible").count == 1
        assert table.frame["vol"][3] is None

    def test_gas_in_wei_for_gwei(self, samples: Any, write: Any) -> None:
        rows = cells(samples, "gas-gwei")
        with pytest.raises(DataError, match="wei and gwei mixed up"):
            read(write(as_csv(scaled(rows, ["base_fee_gwei"], 1e9))))
        table = read(write(as_csv(scaled(rows, ["base_fee_gwei"], 1e9, only=3))))
        assert table.defect("base fee implausible").count == 1
        both = scaled(cells(samples, "gas"), ["basefee_wei"], 1e-9, only=3)
        table = read(write(as_csv(both)))
        assert table.defect("fees differ").count == 1

    def test_minutes_in_seconds(self, samples: Any, write: Any) -> None:
        with zipfile.ZipFile(io.BytesIO(samples["day"])) as archive:
            inner = archive.namelist()[0]
            text = archive.read(inner).decode()
        lines = [line.split(",") for line in text.splitlines()]
        changed = "\n".join(",".join([str(int(cell[0]) * 1000), *cell[1:]]) for cell in lines)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(inner, changed)
        with pytest.raises(DataError, match="no milliseconds since midnight"):
            read(write(buffer.getvalue()))

    def test_tickers_in_messages(self, samples: Any, write: Any) -> None:
        text = samples["capture"].decode()
        broken = re.sub(
            r'"mark_iv":([0-9.]+)', lambda vol: f'"mark_iv":{float(vol[1]) / 100!r}', text
        )
        with pytest.raises(DataError, match="percent and decimal vols mixed up"):
            read(write(broken.encode()))
        one = text.replace('"mark_iv":142.78', '"mark_iv":1.4278', 1)
        quotes = read(write(one.encode())).part("quotes")
        assert quotes.defect("mark vol implausible").count == 1


@pytest.mark.parametrize(
    ("change", "name", "least"),
    [
        ({"open_interest": pl.col("open_interest") * pl.col("index_price")}, "open interest implausible", 500),
        ({"open_interest": pl.col("volume_usd")}, "open interest implausible", 5),
        ({"index_price": pl.col("index_price") * 1.05}, "index far from forward", 100),
    ],
)  # fmt: skip
def test_other_amounts_are_reported(
    shared: Path, tmp_path: Path, change: dict[str, pl.Expr], name: str, least: int
) -> None:
    """Open interest in USD, volume in its place, an index 5 % off: none of them in the real file."""
    source = shared / "data/chains/raw/deribit_options_snapshot_20260208T212730Z.csv.gz"
    frame = pl.read_csv(source, infer_schema_length=None)
    path = tmp_path / "chain.csv"
    for columns, low in (({}, 0), (change, least)):
        frame.with_columns(**columns).write_csv(path)
        (found,) = [d for d in read(path).defects if d.name == name]
        assert found.count >= low
        assert bool(found.count) == bool(columns)
