"""The reader of Deribit chains: real files, every defect, every way to be no chain."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pl = pytest.importorskip("polars")

from hedgecore.venues import ChainError
from hedgecore.venues.defects import Defect
from hedgecore.venues.deribit import (
    DERIVED,
    NUMBERS,
    TEXTS,
    YEAR_SECONDS,
    Chain,
    instrument_name,
    parse_instruments,
    read_chain,
)

ChainFile = Callable[..., Path]


def ledger(chain: Chain) -> dict[str, Defect]:
    return {defect.name: defect for defect in chain.defects}


@pytest.fixture(scope="module")
def quarter(quarter_file: Path) -> Chain:
    return read_chain(quarter_file)


class TestRealFiles:
    def test_every_row_of_the_quarter_is_read(self, quarter: Chain) -> None:
        assert quarter.rows_read == quarter.frame.height == 563_174
        assert quarter.frame["timestamp"].n_unique() == 355
        assert set(quarter.frame["currency"].unique()) == {"BTC", "ETH"}

    def test_layout_is_the_documented_one(self, quarter: Chain) -> None:
        schema = quarter.frame.schema
        assert set(TEXTS) | set(NUMBERS) | set(DERIVED) <= set(schema)
        assert all(schema[name] == pl.Float64 for name in (*NUMBERS, "expiry"))
        assert schema["kind"] == pl.Int8
        assert schema["timestamp"] == schema["expiry_datetime"] == pl.Datetime("us", "UTC")
        assert not [name for name in schema if name.startswith("name_")]

    def test_expiry_is_from_the_timestamps_on_a_365_day_year(self, quarter: Chain) -> None:
        row = quarter.frame.row(0, named=True)
        seconds = (row["expiry_datetime"] - row["timestamp"]).total_seconds()
        assert row["expiry_datetime"] == datetime(2026, 1, 2, 8, tzinfo=UTC)
        assert row["expiry"] == pytest.approx(seconds / YEAR_SECONDS, rel=1e-15)

    def test_defects_of_the_quarter_are_counted(self, quarter: Chain) -> None:
        counts = {name: defect.count for name, defect in ledger(quarter).items() if defect.count}
        assert counts == {
            "bid missing": 36_354,
            "ask missing": 9_618,
            "not two-sided": 38_048,
            "mark missing": 7_142,
            "mark outside bid-ask": 14_143,
            "time to maturity off": 563_174,
            "index moved within a snapshot": 710,
            "snapshot gap irregular": 4,
        }

    def test_the_ledger_measures(self, quarter: Chain) -> None:
        found = ledger(quarter)
        assert "365.25 days" in found["time to maturity off"].note
        assert "median 0.090 %, maximum 1.135 %" in found["index moved within a snapshot"].note
        assert found["bid missing"].examples[0].startswith("row 2 BTC-2JAN26-75000-P")

    def test_raw_csv_and_parquet_agree(self, quarter: Chain, crash_file: Path) -> None:
        raw = read_chain(crash_file).frame
        same = quarter.frame.filter(pl.col("timestamp") == raw["timestamp"][0])
        columns = [name for name in raw.columns if name != "row"]
        order = ["instrument_name"]
        assert raw.select(columns).sort(order).equals(same.select(columns).sort(order))


class TestContentNotName:
    def test_the_kind_of_file_shows_in_its_content(
        self, chain_file: ChainFile, tmp_path: Path
    ) -> None:
        plain = chain_file()
        expected = read_chain(plain).frame
        disguised = tmp_path / "gzip.parquet"
        disguised.write_bytes(gzip.compress(plain.read_bytes()))
        parquet = tmp_path / "parquet.csv"
        pl.read_csv(plain).write_parquet(parquet)
        for path in (disguised, parquet):
            assert read_chain(path).frame.equals(expected)

    @pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
    def test_parquet_with_true_times(
        self, chain_file: ChainFile, tmp_path: Path, zone: str | None
    ) -> None:
        expected = read_chain(chain_file()).frame
        times = ["timestamp", "expiry_datetime"]
        changed = expected.drop("row", "kind", "expiry").with_columns(
            pl.col(times).dt.convert_time_zone(zone)
            if zone
            else pl.col(times).dt.replace_time_zone(None).cast(pl.Datetime("ms"))
        )
        changed.write_parquet(tmp_path / "times.parquet")
        read = read_chain(tmp_path / "times.parquet").frame
        assert read["expiry_datetime"].equals(expected["expiry_datetime"])
        assert (read["expiry"] - expected["expiry"]).abs().max() < 0.001 / YEAR_SECONDS

    @pytest.mark.parametrize(
        "text",
        ["2026-06-10T13:30:12Z", "2026-06-10 13:30:12", "2026-06-10T15:30:12+02:00"],
    )
    def test_times_with_and_without_offset(self, chain_file: ChainFile, text: str) -> None:
        chain = read_chain(chain_file({(1, "timestamp"): text}))
        assert chain.frame["timestamp"][0] == datetime(2026, 6, 10, 13, 30, 12, tzinfo=UTC)


class TestNoChain:
    def test_missing_columns_are_named(self, chain_file: ChainFile) -> None:
        path = chain_file()
        pl.read_csv(path).drop("strike", "mark_price").write_csv(path)
        with pytest.raises(ChainError, match=r"chain\.csv.*columns strike, mark_price"):
            read_chain(path)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "empty"),
            (b" \n", "empty"),
            (b"hello\nworld\n", "missing column"),
            (b"a,b\n1,2,3\n", "line 2 has 3 fields"),
            (b"PAR1 and then nothing", "parquet"),
            (b"\x1f\x8b\x08\x00 not gzip", "gzip"),
            (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "chain.bin"),
        ],
    )
    def test_content_that_is_no_table(self, tmp_path: Path, content: bytes, message: str) -> None:
        path = tmp_path / "chain.bin"
        path.write_bytes(content)
        with pytest.raises(ChainError, match=message):
            read_chain(path)

    def test_truncated_gzip(self, crash_file: Path, tmp_path: Path) -> None:
        path = tmp_path / "short.csv.gz"
        path.write_bytes(crash_file.read_bytes()[:20_000])
        with pytest.raises(ChainError, match="truncated gzip"):
            read_chain(path)

    def test_header_only(self, chain_file: ChainFile) -> None:
        with pytest.raises(ChainError, match="no rows"):
            read_chain(chain_file(rows=0))

    def test_column_of_the_wrong_type(self, chain_file: ChainFile, tmp_path: Path) -> None:
        frame = pl.read_csv(chain_file())
        path = tmp_path / "wrong.parquet"
        for name, wrong in (
            ("strike", pl.concat_list("strike")),
            ("timestamp", pl.lit(3.5)),
            ("currency", pl.lit(1)),
        ):
            frame.with_columns(wrong.alias(name)).write_parquet(path)
            with pytest.raises(ChainError, match=f"column {name} holds"):
                read_chain(path)

    def test_no_row_can_be_valued(self, chain_file: ChainFile) -> None:
        path = chain_file({(row, "strike"): "?" for row in range(1, 11)})
        with pytest.raises(ChainError, match=r"none of its 10 rows.*essential value missing: 10"):
            read_chain(path)

    def test_missing_file_and_folder(self, tmp_path: Path) -> None:
        for path in (tmp_path / "nothing.csv", tmp_path):
            with pytest.raises(OSError, match=path.name):
                read_chain(path)


class TestDefectsAreSurvivedAndCounted:
    @pytest.mark.parametrize("value", ["abc", "1,5", "inf", "-Infinity", "0x10"])
    def test_unreadable_quote(self, chain_file: ChainFile, value: str) -> None:
        chain = read_chain(chain_file({(3, "bid_price"): value}))
        found = ledger(chain)["value unreadable"]
        assert (found.count, found.examples) == (1, (f"row 3: bid_price {value!r}",))
        assert chain.frame.height == 10
        assert chain.frame["bid_price"][2] is None

    @pytest.mark.parametrize("value", ["", " ", "nan", "NaN", "0", "0.0", "-0.01"])
    def test_missing_quote(self, chain_file: ChainFile, value: str) -> None:
        clean = ledger(read_chain(chain_file()))
        chain = read_chain(chain_file({(3, "bid_price"): value}))
        found = ledger(chain)
        assert found["value unreadable"].count == 0
        assert found["bid missing"].count == clean["bid missing"].count + 1
        assert chain.frame["bid_price"][2] is None

    def test_numbers_in_other_notation(self, chain_file: ChainFile) -> None:
        chain = read_chain(chain_file({(1, "mark_price"): " 5.0E-4 "}))
        assert chain.frame["mark_price"][0] == 5e-4

    @pytest.mark.parametrize(
        ("name", "cells"),
        [
            ("essential value missing", {(3, "underlying"): ""}),
            ("essential value missing", {(3, "timestamp"): "yesterday"}),
            ("strike or forward not positive", {(3, "underlying"): "-1"}),
            ("option type unknown", {(3, "option_type"): "straddle"}),
            ("name not of an inverse option", {(3, "instrument_name"): "BTC_USDC-11JUN26-86000-C"}),
            ("name not of an inverse option", {(3, "instrument_name"): "BTC-31JUN26-86000-C"}),
            ("name inconsistent with columns", {(3, "strike"): "86001"}),
            ("name inconsistent with columns", {(3, "currency"): "ETH"}),
            ("name inconsistent with columns", {(3, "option_type"): "put"}),
            (
                "name inconsistent with columns",
                {(3, "expiry_datetime"): "2026-06-11T09:00:00+00:00"},
            ),
            ("expired", {(3, "timestamp"): "2026-06-11T08:00:00+00:00"}),
        ],
    )
    def test_a_row_that_cannot_be_valued_is_left_out(
        self, chain_file: ChainFile, name: str, cells: dict[tuple[int, str], str]
    ) -> None:
        chain = read_chain(chain_file(cells))
        found = ledger(chain)
        assert {defect.name: defect.count for defect in chain.defects if defect.dropped} == {
            other: int(other == name) for other in found if found[other].dropped
        }
        assert found[name].examples[0].startswith("row 3 ")
        assert chain.frame["row"].to_list() == [1, 2, *range(4, 11)]
        assert chain.rows_read == 10

    def test_repeated_rows_count_once(self, chain_file: ChainFile) -> None:
        path = chain_file()
        lines = path.read_text().splitlines()
        path.write_text("\n".join([*lines, lines[4], lines[4]]) + "\n")
        chain = read_chain(path)
        found = ledger(chain)["row repeated"]
        assert (found.count, chain.frame.height, chain.rows_read) == (2, 10, 12)
        assert found.examples[0].startswith("row 11 ")

    def test_quality(self, chain_file: ChainFile) -> None:
        cells = {
            (1, "bid_price"): "0.9",
            (1, "ask_price"): "0.8",
            (3, "mark_price"): "0",
            (4, "futures_price"): "",
            (5, "index_price"): "",
            (6, "open_interest"): "-3",
            (7, "time_to_maturity"): "",
        }
        chain = read_chain(chain_file(cells))
        found = ledger(chain)
        assert chain.frame.height == 10
        for name in (
            "crossed",
            "mark missing",
            "futures price missing",
            "index missing",
            "open interest missing",
        ):
            assert found[name].count == 1, name
        assert found["mark outside bid-ask"].count >= 1
        assert found["time to maturity off"].count == 10
        assert "bid_price 0.9, ask_price 0.8" in found["crossed"].examples[0]

    def test_examples_are_three_at_most(self, quarter: Chain) -> None:
        assert max(len(defect.examples) for defect in quarter.defects) == 3


class TestNames:
    @given(
        st.sampled_from(["BTC", "ETH"]),
        st.dates(date(2016, 1, 1), date(2068, 12, 31)),
        st.integers(1, 999_999_999),
        st.sampled_from([1, -1]),
    )
    def test_round_trip(self, currency: str, expires: date, strike: int, kind: int) -> None:
        name = instrument_name(currency, expires, strike, kind)
        parts = parse_instruments(pl.Series([name])).row(0, named=True)
        assert parts == {
            "currency": currency,
            "expiry_datetime": datetime(expires.year, expires.month, expires.day, 8, tzinfo=UTC),
            "strike": float(strike),
            "kind": kind,
        }

    def test_the_exchange_writes_days_without_a_zero(self) -> None:
        assert instrument_name("BTC", date(2026, 4, 3), 65_000, -1) == "BTC-3APR26-65000-P"

    @given(st.lists(st.one_of(st.none(), st.text(max_size=30)), max_size=5))
    def test_other_text_gives_nulls(self, texts: list[str | None]) -> None:
        parts = parse_instruments(pl.Series(texts, dtype=pl.String))
        assert parts.height == len(texts)
        assert parts.null_count().row(0) == (len(texts),) * 4

    @pytest.mark.parametrize(
        "name",
        [
            "BTC-PERPETUAL",
            "BTC-26JUN26",
            "SOL_USDC-3APR26-150-C",
            "BTC-30FEB26-1-C",
            "BTC-3Apr26-1-C",
        ],
    )
    def test_other_instruments_give_nulls(self, name: str) -> None:
        assert parse_instruments(pl.Series([name])).row(0) == (None,) * 4
