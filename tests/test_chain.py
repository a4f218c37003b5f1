"""Chains: implied vols, parity forwards, markets and books, against the exchange's own numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars")

import hedgecore as hc
from hedgecore import venues
from hedgecore.chain import (
    GREEKS,
    IMPLIED,
    SIDES,
    WINDOW,
    Implied,
    as_utc,
    forwards,
    implied,
    market_of,
    open_interest,
    snapshot,
    snapshots,
)
from hedgecore.venues.layouts import QUOTES
from hedgecore.venues.tables import Table

ChainFile = Callable[..., Path]


@pytest.fixture(scope="module")
def quarter(quarter_file: Path) -> Table:
    return venues.read(quarter_file)


@pytest.fixture(scope="module")
def crash(crash_file: Path) -> Table:
    return venues.read(crash_file)


@pytest.fixture(scope="module")
def crash_vols(crash: Table) -> Implied:
    return implied(crash)


@pytest.fixture(scope="module")
def at_file_vols(quarter: Table) -> hc.Greeks:
    frame = quarter.frame
    return hc.greeks(
        frame["kind"].to_numpy(),
        strike=frame["strike"].to_numpy(),
        expiry=frame["expiry"].to_numpy(),
        vol=frame["mark_vol"].to_numpy(),
        forward=frame["forward"].to_numpy(),
        settlement="inverse",
        which=("price", "black_delta", "vega"),
        errors="nan",
    )


def options(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Quotes in the layout with these values, the others as of an ordinary option."""
    usual = {
        "timestamp": datetime(2026, 6, 1, tzinfo=UTC), "base": "BTC", "type": "option", "kind": 1,
        "strike": 100.0, "expiry_time": datetime(2026, 9, 25, 8, tzinfo=UTC), "expiry": 0.3,
        "settlement": "inverse", "currency": "BTC", "forward": 100.0, "index": 99.0,
        "open_interest": 1.0,
    }  # fmt: skip
    rows = [
        {**usual, "instrument": f"option {i}", "row": i + 1, **row} for i, row in enumerate(rows)
    ]
    names = {name for row in rows for name in row}
    return pl.DataFrame(
        {
            name: pl.Series(
                [row.get(name) for row in rows] if name in names else [None] * len(rows),
                dtype=column.dtype,
            )
            for name, column in QUOTES.items()
        }
    )


def table_of(frame: pl.DataFrame) -> Table:
    return Table("quotes", "a test", frame, (), "test.csv", frame.height)


def counts(vols: Implied) -> dict[str, int]:
    return {defect.name: defect.count for defect in vols.defects}


class TestAgainstTheExchange:
    """The exchange rounds its vol to 0.01 points and takes marks up to minutes after the forward."""

    def test_marks(self, quarter: Table, at_file_vols: hc.Greeks) -> None:
        error = np.abs(at_file_vols["price"] - quarter.frame["mark"].to_numpy())
        assert quarter.frame.height == 563_174
        assert np.isfinite(error).mean() > 0.98
        assert np.nanmedian(error) <= 1e-5

    def test_delta(self, quarter: Table, at_file_vols: hc.Greeks) -> None:
        error = np.abs(at_file_vols["black_delta"] - quarter.frame["delta"].to_numpy())
        assert np.nanmedian(error) <= 2e-4

    def test_vega(self, quarter: Table, at_file_vols: hc.Greeks) -> None:
        usd_per_point = at_file_vols["vega"] * quarter.frame["forward"].to_numpy() / 100.0
        published = quarter.frame["vega"].to_numpy()
        seen = published > 1e-3  # published to 5 decimals
        assert np.nanmedian(np.abs(usd_per_point[seen] / published[seen] - 1.0)) <= 2e-3

    def test_parity_gives_the_forwards(self, crash: Table, quarter: Table) -> None:
        for frame in (crash.frame, snapshot(quarter.frame), snapshot(quarter.frame, "2026-01-20")):
            curve = forwards(frame)
            apart = (1e4 * (curve["parity_forward"] / curve["forward"] - 1)).abs()
            assert curve.height >= 20
            assert curve["pairs"].min() > 0
            assert apart.median() < 5.0

    def test_the_market_gives_the_marks_back_at_the_venues_vols(self, crash: Table) -> None:
        market = market_of(crash, vols="venue")
        book = open_interest(crash)
        value = (2 * book).risk(market).positions()
        mark = dict(crash.frame.select("instrument", "mark").drop_nulls().iter_rows())
        names = [str(name) for name in value["instrument"]]
        assert len(names) == 1548
        error = np.abs(
            value["value_coin"] / value["quantity"] - np.array([mark.get(n, np.nan) for n in names])
        )
        assert np.nanmedian(error) < 1e-3


class TestImplied:
    def test_every_option_in_order(self, crash: Table, crash_vols: Implied) -> None:
        frame = crash_vols.frame
        added = [*IMPLIED, *(f"model_{name}" for name in GREEKS)]
        assert set(frame.columns) == {*QUOTES, *added}
        assert frame["row"].equals(crash.frame["row"])
        assert (crash_vols.source, crash_vols.rows_read) == (crash.source, 1782)

    def test_every_greek_of_the_quarter(self, quarter: Table) -> None:
        frame = implied(quarter).frame
        assert frame.height == 563_174
        for name in GREEKS:
            values = frame[f"model_{name}"]
            assert values.null_count() == 0, name
            assert np.isfinite(values.to_numpy()).all(), name

    def test_the_vols_give_the_quotes_back(self, crash_vols: Implied) -> None:
        for side in SIDES:
            rows = crash_vols.frame.filter(pl.col(f"{side}_status") == hc.Status.OK)
            assert rows.height > 500
            price = hc.price(
                rows["kind"].to_numpy(),
                strike=rows["strike"].to_numpy(),
                expiry=rows["expiry"].to_numpy(),
                vol=rows[f"implied_{side}"].to_numpy(),
                forward=rows["forward"].to_numpy(),
                settlement="inverse",
            )
            np.testing.assert_allclose(price, rows[side].to_numpy(), rtol=1e-10, atol=1e-13)

    def test_greeks_are_those_of_the_options(self, crash_vols: Implied) -> None:
        frame = crash_vols.frame
        alone = hc.greeks(
            frame["kind"].to_numpy(),
            strike=frame["strike"].to_numpy(),
            expiry=frame["expiry"].to_numpy(),
            vol=frame["vol"].to_numpy(),
            forward=frame["forward"].to_numpy(),
            settlement="inverse",
            which=GREEKS,
        )
        for name in GREEKS:
            np.testing.assert_array_equal(frame[f"model_{name}"].to_numpy(), alone[name])

    def test_without_greeks(self, crash: Table, crash_vols: Implied) -> None:
        plain = implied(crash, greeks=False)
        assert plain.frame.columns == [*QUOTES, *(n for n in plain.frame.columns if n in IMPLIED)]
        assert plain.frame.equals(crash_vols.frame.select(plain.frame.columns))
        assert plain.defects == crash_vols.defects

    def test_vol_is_the_marks_else_the_venues(self, crash_vols: Implied) -> None:
        frame = crash_vols.frame
        mark, venue = (frame.filter(pl.col("vol_source") == where) for where in ("mark", "venue"))
        assert mark.height + venue.height == frame.height
        assert venue.height == counts(crash_vols)["mark without a vol"] == 90
        assert mark["vol"].equals(mark["implied_mark"])
        assert venue["vol"].equals(venue["mark_vol"])

    def test_statuses_are_counted(self, crash: Table, crash_vols: Implied) -> None:
        found = counts(crash_vols)
        for side in SIDES:
            status = crash_vols.frame[f"{side}_status"].to_numpy()
            quoted = crash_vols.frame[side].is_not_null().to_numpy()
            assert found[f"{side} below intrinsic"] == (status[quoted] == 1).sum()
            assert found[f"{side} above maximum"] == (status[quoted] == 2).sum()
            assert (status[~quoted] == hc.Status.INVALID_INPUT).all()
        assert found["bid below intrinsic"] > 0
        assert [d.name for d in crash_vols.defects][: len(crash.defects)] == [
            d.name for d in crash.defects
        ]

    def test_neither_mark_nor_venue(self, chain_file: ChainFile) -> None:
        cells = {(3, "mark_price"): "0", (3, "implied_volatility"): "", (4, "mark_price"): ""}
        vols = implied(venues.read(chain_file(cells)))
        assert vols.frame["vol_source"].to_list()[:5] == ["mark", "mark", "none", "venue", "mark"]
        assert vols.frame["model_delta"].is_null().to_list() == [row == 2 for row in range(10)]
        assert counts(vols)["no vol at all"] == counts(vols)["mark without a vol"] == 1

    def test_a_vol_far_from_the_mark(self, chain_file: ChainFile) -> None:
        clean = counts(implied(venues.read(chain_file())))
        found = counts(implied(venues.read(chain_file({(9, "implied_volatility"): "0.9"}))))
        assert found["venue's vol far from mark"] == clean["venue's vol far from mark"] + 1

    def test_linear_beside_inverse(self) -> None:
        usd = hc.price("call", strike=100.0, expiry=0.3, vol=0.6, forward=100.0)
        frame = options(
            [
                {"mark": usd / 100.0},
                {"mark": usd, "settlement": "linear", "currency": "USDC"},
                {"mark": usd, "type": "future", "kind": None, "strike": None},
            ]
        )
        result = implied(table_of(frame)).frame
        assert result.height == 2
        np.testing.assert_allclose(result["implied_mark"].to_numpy(), 0.6, rtol=1e-10)
        deltas = result.select("model_black_delta", "model_delta").to_numpy()
        assert deltas[0, 0] == pytest.approx(deltas[1, 0], rel=1e-12)
        assert deltas[1, 0] == deltas[1, 1]
        assert deltas[0, 1] == pytest.approx(deltas[0, 0] - usd / 100.0, rel=1e-12)

    def test_threads_give_the_same_bits(self, crash: Table, crash_vols: Implied) -> None:
        assert implied(crash, threads=1).frame.equals(crash_vols.frame)

    def test_no_quotes_in_the_file(self, shared: Path) -> None:
        gas = venues.read(shared / "data/gas/eth_basefee_blocks_20220512.csv.gz")
        with pytest.raises(venues.DataError, match="no quotes in this file"):
            implied(gas)


class TestSnapshots:
    def test_default_is_the_last(self, quarter: Table) -> None:
        times = snapshots(quarter.frame)
        assert (len(times), times) == (355, sorted(times))
        assert snapshot(quarter.frame)["timestamp"].unique().to_list() == [times[-1]]

    @pytest.mark.parametrize(
        "at",
        [
            "2026-02-05T16:00",
            "2026-02-05T17:00+01:00",
            datetime(2026, 2, 5, 16),
            datetime(2026, 2, 5, 16, tzinfo=UTC),
            "2026-02-05T15:51:32.535650",
        ],
    )
    def test_the_last_at_or_before(self, quarter: Table, crash: Table, at: str | datetime) -> None:
        now = snapshot(quarter.frame, at)
        assert now["timestamp"].unique().to_list() == crash.frame["timestamp"].unique().to_list()
        assert set(now["instrument"]) == set(crash.frame["instrument"])
        assert market_of(quarter, at).index == market_of(crash).index

    def test_one_microsecond_before(self, quarter: Table) -> None:
        times = snapshots(quarter.frame)
        second = snapshot(quarter.frame, times[1] - timedelta(microseconds=1))
        assert second["timestamp"].max() == times[0]

    def test_before_the_first(self, quarter: Table) -> None:
        with pytest.raises(ValueError, match=r"before 2025-12-31.*the first is of 2026-01-01"):
            snapshot(quarter.frame, "2025-12-31")

    def test_no_time(self, crash: Table) -> None:
        with pytest.raises(ValueError, match="'noon' is not an ISO 8601 time"):
            snapshot(crash.frame, "noon")
        assert as_utc("2026-01-01T01:00+01:00") == datetime(2026, 1, 1, tzinfo=UTC)

    def test_of_each_instrument_the_last_within_the_window(self) -> None:
        start = datetime(2026, 6, 1, tzinfo=UTC)
        frame = options(
            [
                {"instrument": "a", "timestamp": start, "mark": 1.0},
                {"instrument": "a", "timestamp": start + WINDOW, "mark": 2.0},
                {"instrument": "b", "timestamp": start + timedelta(minutes=1), "mark": 3.0},
                {"instrument": "c", "timestamp": start - timedelta(minutes=1), "mark": 4.0},
            ]
        )
        now = snapshot(frame)
        assert dict(now.select("instrument", "mark").iter_rows()) == {"a": 2.0, "b": 3.0}
        assert snapshots(frame) == [start + WINDOW]


class TestForwards:
    def test_exact_for_exact_quotes(self) -> None:
        """Quotes made from a forward of 103 give it back, in coin and in the quote currency."""
        rows = []
        for settlement in ("inverse", "linear"):
            for strike in (95.0, 100.0, 105.0):
                for kind in (1, -1):
                    price = float(hc.price(kind, strike=strike, expiry=0.3, vol=0.6, forward=103.0,
                                           settlement=settlement))  # fmt: skip
                    rows.append({"kind": kind, "strike": strike, "settlement": settlement,
                                 "bid": price * 0.99, "ask": price * 1.01})  # fmt: skip
        curve = forwards(options(rows))
        np.testing.assert_allclose(curve["parity_forward"].to_numpy(), 103.0, rtol=1e-12)
        assert curve["pairs"].to_list() == [3, 3]
        assert curve["forward"].to_list() == [100.0, 100.0]

    def test_one_sided_and_crossed_quotes_do_not_count(self) -> None:
        curve = forwards(
            options(
                [
                    {"kind": 1, "bid": 0.1, "ask": 0.12},
                    {"kind": -1, "bid": None, "ask": 0.12},
                    {"kind": 1, "strike": 105.0, "bid": 0.1, "ask": 0.12},
                    {"kind": -1, "strike": 105.0, "bid": 0.13, "ask": 0.12},
                ]
            )
        )
        assert curve["parity_forward"].to_list() == [None]
        assert curve["pairs"].to_list() == [0]


class TestMarket:
    def test_what_it_holds(self, crash: Table) -> None:
        market = market_of(crash)
        assert str(market.time).startswith("2026-02-05T15:51:32.53565")
        assert set(market.index) == {"BTC", "ETH"}
        assert len(market.forwards) == 24
        assert market.prices == {}
        assert hc.Market.from_quotes(crash.frame).forwards == market.forwards

    def test_futures_and_perpetuals_have_their_prices(self, shared: Path) -> None:
        day = shared / "data/chains/ticker_daily"
        table = venues.read(day / "deribit_btc_futures_20260114.csv.gz")
        market = market_of(table)
        assert "BTC-PERPETUAL" in market.prices
        marks = dict(snapshot(table.frame).select("instrument", "mark").iter_rows())
        assert market.prices["BTC-PERPETUAL"] == marks["BTC-PERPETUAL"]

    def test_more_arguments_go_before_the_quotes(self, crash: Table) -> None:
        market = market_of(
            crash, index={"BTC": 70_000.0, "SOL": 100.0}, prices={"BTC-PERPETUAL": 7e4}
        )
        assert (market.index["BTC"], market.index["SOL"]) == (70_000.0, 100.0)
        assert market.prices == {"BTC-PERPETUAL": 7e4}

    def test_vols_of_mids_lie_between_those_of_the_sides(self, crash: Table) -> None:
        known, vol = market_of(crash, vols="mid").option_vols  # type: ignore[misc]
        frame = implied(crash).frame.select("instrument", "implied_bid", "implied_ask")
        sides = {name: (bid, ask) for name, bid, ask in frame.drop_nulls().iter_rows()}
        inside = [
            sides[str(name)][0] - 1e-9 <= v <= sides[str(name)][1] + 1e-9
            for name, v in zip(known.name, vol, strict=True)
            if str(name) in sides and np.isfinite(v)
        ]
        assert len(inside) > 900
        assert np.mean(inside) > 0.99

    def test_wrong_vols(self, crash: Table) -> None:
        with pytest.raises(ValueError, match="vols must be 'mark', 'mid' or 'venue', not 'last'"):
            market_of(crash, vols="last")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="quotes must be a table"):
            market_of({"instrument": []})


class TestOpenInterest:
    def test_the_book(self, crash: Table) -> None:
        book = open_interest(crash)
        held = crash.frame.filter(pl.col("open_interest") > 0)
        assert len(book) == held.height == 1548
        assert book.quantity.sum() == pytest.approx(held["open_interest"].sum(), rel=1e-12)

    def test_its_risk_is_the_plain_sum(self, crash: Table, crash_vols: Implied) -> None:
        """Row by row at its own forward and vol, where the market has one forward for the expiry and one
        vol for the strike: about the same, theta of the deep in-the-money rows least."""
        total = open_interest(crash).risk(market_of(crash)).total
        for base in ("BTC", "ETH"):
            rows = crash_vols.frame.filter((pl.col("base") == base) & (pl.col("open_interest") > 0))
            held = rows["open_interest"]
            for measure, value in {
                "value_coin": (held * rows["model_price"]).sum(),
                "net_delta": (held * rows["model_delta"]).sum(),
                "vega_coin": (held * rows["model_vega"]).sum() / 100,
                "theta_coin": (held * rows["model_theta"]).sum() / 365,
            }.items():
                slack = 0.15 if measure == "theta_coin" else 2e-2
                assert total[base][measure] == pytest.approx(value, rel=slack), (base, measure)

    def test_of_one_time(self, quarter: Table, crash: Table) -> None:
        book = open_interest(quarter, "2026-02-05T16:00")
        assert sorted(book.instruments.name) == sorted(open_interest(crash).instruments.name)

    def test_missing_open_interest_counts_as_none(self, crash: Table) -> None:
        frame = crash.frame.with_columns(open_interest=pl.lit(None, pl.Float64))
        assert len(open_interest(replace(crash, frame=frame))) == 0


def test_call_and_put_of_a_strike_share_a_vol(crash: Table) -> None:
    """A synthetic forward has no gamma and no vega, however deep its sides are in the money."""
    m = market_of(crash)
    names = [str(n) for n in m.option_vols[0].name]  # type: ignore[index]
    calls = [n for n in names if n.endswith("-C") and n[:-1] + "P" in names]
    assert len(calls) > 300
    legs = calls + [n[:-1] + "P" for n in calls]
    held = hc.Book.from_frame(
        {"instrument": legs, "quantity": [1.0] * len(calls) + [-1.0] * len(calls)}
    )
    gross = hc.Book.from_frame({"instrument": calls, "quantity": [1.0] * len(calls)}).risk(m).total
    for base, total in held.risk(m).total.items():
        for measure in ("gamma", "vega_usd"):
            assert abs(total[measure]) < 1e-9 * abs(gross[base][measure])
    assert any("option vols are the venue's own" in note for note in m.notes)
