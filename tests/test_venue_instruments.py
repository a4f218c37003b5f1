"""Names of instruments, contracts, fees and the settlement window of Deribit."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pl = pytest.importorskip("polars")

from hedgecore.venues.deribit import contracts, instruments, settlement
from hedgecore.venues.deribit.instruments import Instrument, combo_legs, parse, parse_many

DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(
    lambda day: datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
)
COINS = st.sampled_from(["BTC", "ETH", "SOL", "XRP", "MATIC", "B2"])
QUOTES = st.sampled_from(["USD", "USDC", "USDT", "EURR"])
STRIKES = st.one_of(
    st.integers(1, 999_999_999).map(float),
    st.integers(1, 99_999_999).map(lambda n: n / 10_000),
)
INSTRUMENTS = st.one_of(
    st.builds(
        lambda base, quote, kind, strike, time: Instrument(
            base, "option", quote, kind, strike, time
        ),
        COINS,
        QUOTES,
        st.sampled_from([1, -1]),
        STRIKES,
        DAYS,
    ),
    st.builds(lambda b, q, t: Instrument(b, "future", q, expiry_time=t), COINS, QUOTES, DAYS),
    st.builds(lambda b, q: Instrument(b, "perpetual", q), COINS, QUOTES),
    st.builds(lambda b, q: Instrument(b, "spot", q), COINS, QUOTES),
    st.builds(
        lambda b, q, s, legs: Instrument(b, "combo", q, strategy=s, legs=legs),
        COINS,
        QUOTES,
        st.sampled_from(["FS", "CS", "CSR12", "STRG", "CCAL"]),
        st.sampled_from(
            ["27MAR26_PERP", "3APR26-90000_100000", "26JUN26_19JUN26-69000", "1JAN27-1d5"]
        ),
    ),
)


class TestNames:
    @given(INSTRUMENTS)
    def test_round_trip(self, instrument: Instrument) -> None:
        assert parse(instruments.format(instrument)) == instrument
        assert instrument.name == instruments.format(instrument)

    @given(st.lists(INSTRUMENTS, min_size=1, max_size=8))
    def test_many_at_once_say_the_same(self, known: list[Instrument]) -> None:
        frame = parse_many(pl.Series([item.name for item in known]))
        for row, item in zip(frame.iter_rows(named=True), known, strict=True):
            assert row == {name: getattr(item, name) for name in row}

    @given(
        st.lists(
            st.one_of(st.none(), st.text(max_size=30), st.text("BTC-27MARPD_0d65", max_size=20))
        )
    )
    def test_other_text_is_refused_by_both(self, texts: list[str | None]) -> None:
        frame = parse_many(pl.Series(texts, dtype=pl.String))
        for text, row in zip(texts, frame.iter_rows(named=True), strict=True):
            try:
                known = parse(text or "")
            except ValueError:
                assert set(row.values()) == {None}, text
            else:
                assert row["type"] == known.type

    @pytest.mark.parametrize(
        ("name", "settled", "currency", "strike"),
        [
            ("BTC-24APR26-65000-P", "inverse", "BTC", 65_000.0),
            ("SOL_USDC-27MAR26-150-C", "linear", "USDC", 150.0),
            ("XRP_USDC-30JUN24-0d625-C", "linear", "USDC", 0.625),
            ("BTC-27MAR26", "inverse", "BTC", None),
            ("ETH_USDC-PERPETUAL", "linear", "USDC", None),
            ("BTC_USDC", "linear", "USDC", None),
            ("BTC-COMBO-1", "inverse", "BTC", None),
        ],
    )
    def test_what_a_name_says(
        self, name: str, settled: str, currency: str, strike: float | None
    ) -> None:
        item = parse(name)
        assert (item.settlement, item.currency, item.strike) == (settled, currency, strike)
        assert item.name == name

    @pytest.mark.parametrize(
        "name",
        ["", "BTC", "BTC-30FEB26-1-C", "BTC-3Apr26-1-C", "BTC-3APR26-1-X", "btc-PERPETUAL", "BTC-0JAN26",
         "BTC-FS-33MAR26_PERP", "BTC-3APR26-1.5-C", " BTC-PERPETUAL", "BTC-PERPETUAL\n"],
    )  # fmt: skip
    def test_unknown_names_are_a_clear_error(self, name: str) -> None:
        with pytest.raises(ValueError, match="not an instrument of Deribit: expected a name like"):
            parse(name)

    @pytest.mark.parametrize(
        "instrument",
        [
            Instrument("BTC", "option"),
            Instrument("BTC", "option", kind=1, strike=1.0),
            Instrument("BTC", "option", kind=1, strike=-1.0, expiry_time=datetime(2026, 1, 1, 8, tzinfo=UTC)),
            Instrument("BTC", "future", expiry_time=datetime(2026, 1, 1, 9, tzinfo=UTC)),
            Instrument("BTC", "future", expiry_time=datetime(1999, 1, 1, 8, tzinfo=UTC)),
            Instrument("BTC", "combo"),
            Instrument("BTC", "share"),
        ],
    )  # fmt: skip
    def test_an_instrument_without_a_name(self, instrument: Instrument) -> None:
        with pytest.raises(
            ValueError, match=r"needs|is at 08:00|two digits|no instrument|a strike"
        ):
            instruments.format(instrument)

    def test_every_name_of_the_exchange(self, shared: Path) -> None:
        path = shared / "data/messages/deribit_rest_get_instruments_20210722.txt.gz"
        names = [
            record["instrument_name"]
            for line in gzip.decompress(path.read_bytes()).decode().splitlines()
            if '"result"' in line
            for record in json.loads(line[line.index(": {") + 2 :])["result"]
        ]
        assert len(names) == 1017
        assert [parse(name).name for name in names] == names

    def test_legs_of_combos_as_the_exchange_lists_them(self, shared: Path) -> None:
        text = (shared / "data/messages/deribit_json/http_get_combos.json").read_text()
        for combo in json.loads(text)["result"]:
            legs = {(leg["amount"], leg["instrument_name"]) for leg in combo["legs"]}
            assert set(combo_legs(combo["id"])) == legs
        with pytest.raises(ValueError, match="cannot be told"):
            combo_legs("BTC-STRG-27MAR26-80000_100000")
        with pytest.raises(ValueError, match="not a combo"):
            combo_legs("BTC-PERPETUAL")


class TestContracts:
    def test_sizes_steps_and_fees_are_those_of_the_records(self, shared: Path) -> None:
        path = shared / "data/messages/deribit_rest_get_instruments_20210722.txt.gz"
        fees = contracts.FEES
        compared = 0
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            if '"result"' not in line:
                continue
            for record in json.loads(line[line.index(": {") + 2 :])["result"]:
                item = parse(record["instrument_name"])
                if item.base == "SOL" and item.quote == "USD":
                    continue  # delisted
                known = contracts.contract(item, date(2022, 6, 1))
                assert known.size == record["contract_size"], item.name
                assert known.tick == record["tick_size"], item.name
                charged = (record["maker_commission"], record["taker_commission"])
                is_weekly = record["settlement_period"] == "week"
                rates = {
                    ("option", "inverse"): fees.inverse_option,
                    ("future", "inverse"): fees.inverse_weekly_future if is_weekly else fees.inverse_future,
                    ("perpetual", "inverse"): fees.inverse_future,
                    ("perpetual", "linear"): fees.linear_future,
                }[item.type, item.settlement]  # fmt: skip
                assert charged == rates, item.name
                compared += 1
        assert compared > 800

    def test_price_steps_by_date(self) -> None:
        option = parse("BTC-24APR26-65000-P")
        assert (
            contracts.contract(option, date(2023, 7, 5)).tick_at([0.001, 0.1]).tolist()
            == [5e-4] * 2
        )
        today = contracts.contract(option)
        assert today.tick_at([0.005, 0.0051]).tolist() == [1e-4, 5e-4]
        assert today.round_price([0.0052, 0.0049, 0.0301], "up").tolist() == [
            0.0055,
            0.0049,
            0.0305,
        ]
        assert today.round_price([0.0052, 0.0049, 0.0301], "down").tolist() == [0.005, 0.0049, 0.03]
        with pytest.raises(ValueError, match=r"no contract of DOGE/USD option; pass|in the table"):
            contracts.contract(parse("DOGE-24APR26-1-P"))

    def test_option_fees_with_their_cap(self) -> None:
        # the exchange's example: an option traded at 0.0001 BTC pays 0.0000125
        assert contracts.option_fee([0.0001, 0.01, 0.0], [1, -2, 5]).tolist() == pytest.approx(
            [0.0000125, 0.0006, 0.0]
        )
        linear = contracts.option_fee([10.0, 0.1], 10.0, index=200.0)
        assert linear.tolist() == pytest.approx([0.0005 * 200 * 10, 0.125 * 0.1 * 10])
        maker = contracts.option_fee(10.0, 10.0, index=200.0, side="maker")
        assert maker == pytest.approx(0.0001 * 200 * 10)

    def test_misspelt_words_are_errors(self) -> None:
        for call in (
            lambda: contracts.option_fee(0.01, 1, side="Maker"),  # type: ignore[arg-type]
            lambda: contracts.future_fee(60_000, 1_000, side="Taker"),  # type: ignore[arg-type]
            lambda: contracts.future_fee(60_000, 1_000, settlement="Linear"),  # type: ignore[arg-type]
            lambda: contracts.future_fee(60_000, 1_000, period="weekly"),  # type: ignore[arg-type]
            lambda: contracts.option_delivery_fee(0.1, 1, period="daily"),  # type: ignore[arg-type]
        ):
            with pytest.raises(ValueError, match="must be one of"):
                call()

    def test_future_and_delivery_fees(self) -> None:
        # the exchange's examples: 10,000 USD of a weekly future at 100,000
        weekly = {"price": 100_000, "amount": 10_000, "period": "week"}
        assert contracts.future_fee(**weekly) == pytest.approx(0.00005)
        assert contracts.future_fee(**weekly, side="maker") == pytest.approx(-0.00001)
        assert contracts.future_fee(200, 10, settlement="linear") == pytest.approx(1.0)
        assert contracts.option_delivery_fee([0.2, 0.0001], 1).tolist() == pytest.approx(
            [1.5e-4, 1.25e-5]
        )
        assert contracts.option_delivery_fee(0.2, 1, period="day") == 0
        assert contracts.future_delivery_fee(100_000, 10_000) == pytest.approx(0.000025)
        assert contracts.future_delivery_fee(100_000, 10_000, period="week") == 0

    def test_another_schedule_and_bad_input(self) -> None:
        from dataclasses import replace

        dear = replace(contracts.FEES, inverse_option=(0.0004, 0.0004), option_cap=0.2)
        assert contracts.option_fee([0.0001, 1.0], 1, schedule=dear).tolist() == [0.00002, 0.0004]
        for bad in (-0.1, np.nan):
            with pytest.raises(ValueError, match="price"):
                contracts.option_fee(bad, 1)
        with pytest.raises(ValueError, match="amount"):
            contracts.future_fee(1.0, np.inf)


class TestSettlementWindow:
    END = datetime(2026, 1, 2, 8, tzinfo=UTC)

    def test_the_worked_example_of_the_exchange(self) -> None:
        half = self.END - timedelta(minutes=15)
        assert settlement.net_transaction_delta(1.0, 0.3, half, self.END) == pytest.approx(0.35)
        assert (
            settlement.net_transaction_delta(1.0, 0.3, half - timedelta(hours=1), self.END) == 0.7
        )

    def test_the_fraction_is_linear_and_ends(self) -> None:
        times = [self.END - timedelta(minutes=m) for m in (60, 30, 20, 15, 0, -5)]
        expected = [0, 0, 1 / 3, 0.5, 1, 1]
        naive = np.array([time.replace(tzinfo=None) for time in times], dtype="datetime64[us]")
        for given_times in (times, pl.Series(times), naive):
            assert settlement.elapsed_fraction(given_times, self.END).tolist() == pytest.approx(
                expected
            )
            decay = settlement.delta_decay(given_times, self.END)
            assert decay.tolist() == pytest.approx([1 - u for u in expected])
        with pytest.raises(ValueError, match="missing"):
            settlement.elapsed_fraction(pl.Series([self.END, None]), self.END)
        with pytest.raises(ValueError, match="UTC times"):
            settlement.elapsed_fraction("2026-01-02", self.END)

    def test_the_delivery_price_is_the_average(self) -> None:
        start = self.END - settlement.WINDOW
        times = [
            start - timedelta(seconds=30),
            start + timedelta(minutes=10),
            start + timedelta(minutes=20),
        ]
        prices = [90.0, 120.0, 150.0]
        assert np.isnan(settlement.average_so_far(times, prices, start, self.END))
        so_far = settlement.average_so_far(times, prices, start + timedelta(minutes=15), self.END)
        assert so_far == pytest.approx((90 * 10 + 120 * 5) / 15)
        whole = settlement.average_so_far(times, prices, self.END + timedelta(hours=1), self.END)
        assert whole == pytest.approx(120.0)
        rest = (120 * 5 + 150 * 10) / 15
        assert settlement.settlement_price(so_far, rest, 0.5) == pytest.approx(whole)
        assert settlement.settlement_price(np.nan, 100.0, 0.0) == 100.0
        assert settlement.settlement_price(100.0, np.nan, 1.0) == 100.0
        with pytest.raises(ValueError, match="within 0 to 1"):
            settlement.settlement_price(1.0, 1.0, 1.1)
        for bad_times, bad_prices, message in (
            (times[::-1], prices, "sorted"),
            (times[1:], prices[1:], "no sample"),
            (times, [1.0, 0.0, 1.0], "positive"),
            (times, [1.0], "same length"),
        ):
            with pytest.raises(ValueError, match=message):
                settlement.average_so_far(bad_times, bad_prices, self.END, self.END)
