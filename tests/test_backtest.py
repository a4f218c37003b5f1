"""The backtest: published figures, an independent account, no look-ahead, damage, fills and funding."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from backtest_data import HOUR, bars, chain, hourly, taken
from hedgecore import backtest as bk
from hedgecore import hedging as hg
from hedgecore.venues.deribit.contracts import FEES

POLICIES = {
    "none": hg.NoHedge(),
    "clock": hg.Clock(),
    "band": hg.DeltaBand(width=0.05),
    "move": hg.PriceMove(threshold=0.01),
    "WW": hg.WhalleyWilmott(risk_aversion=1e-3),
    "Zakamouline": hg.Zakamouline(risk_aversion=1e-3),
    "realised": hg.RealisedVolBand(width=0.05, half_life=24),
    "interval": hg.VolInterval(interval=6, half_life=24),
    "coarse": hg.Clock(every=5, lot=0.01, cool_down=2, blackout=3),
    "either": hg.AnyOf(hg.Clock(every=24), hg.DeltaBand(width=0.1)),
}
COSTS = hg.Costs(fee=5e-4, half_spread=1e-5)
CHAIN, BARS = chain(), bars()


def tape(**changed: Any) -> bk.Tape:
    return bk.Tape.of(
        "BTC", changed.pop("chains", CHAIN), bars=changed.pop("bars", BARS), **changed
    )


def with_funding(made: bk.Tape, rate: float = 1e-4) -> bk.Funding:
    return bk.Funding(np.full(len(made), rate), np.full(len(made), "data"))


@pytest.mark.parametrize("numeraire", ["quote", "coin"])
@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_every_account_agrees(numeraire: Any, settlement: Any) -> None:
    made = tape()
    test = bk.run(
        made, bk.strangle(7, delta=0.3), POLICIES, numeraire=numeraire, costs=COSTS, funding=with_funding(made),
        instrument=hg.Perpetual(settlement=settlement), execution=hg.Execution(latency=1),
    )  # fmt: skip
    assert len(test.carried.trades["step"]) == 6
    assert len(test.carried.settlements["step"]) == 4
    assert test.reconcile() < 1e-13
    # the residual is what the other lines leave: its size is what can fail
    assert (test.residual_share() < 0.05).all()
    for policy in test.names:
        entries = test.ledger(policy)
        assert (np.diff(entries["step"]) >= 0).all()
        own = "coin" if numeraire == "coin" else "usd"
        until = np.cumsum(np.bincount(entries["step"], entries[own], len(made)))
        np.testing.assert_allclose(until + test.carried.value, test.equity()[test.run.index(policy)], rtol=0, atol=1e-12 * np.abs(entries[own]).sum())  # fmt: skip
    if (numeraire, settlement) == (
        "quote",
        "linear",
    ):  # what the hedge is: coins, and what was paid for them
        fills = np.diff(test.held, axis=1, prepend=0.0)
        hedge = test.held * made.price - np.cumsum(fills * made.price, axis=1)
        rest = np.cumsum(test.funded - test.costs, axis=1)
        np.testing.assert_allclose(test.carried.equity + hedge + rest, test.equity(), rtol=0, atol=1e-6)  # fmt: skip
    np.testing.assert_allclose(test.equity("usd"), test.equity("coin") * made.price, rtol=1e-12, atol=1e-9)  # fmt: skip


def test_an_independent_account_of_a_hedged_straddle() -> None:
    """The option's premium, an hourly hedge at Black's delta, fees and payoff, by a plain loop over the hours."""
    import hedgecore as hc

    made = tape()
    name, strike, k_vol = "BTC-8JAN26-80000", 80_000.0, 0.5
    test = bk.run(
        made, bk.Positions({f"{name}-C": -1, f"{name}-P": -1}), hg.Clock(), fills=bk.Fills(fee_factor=0),
        costs=hg.Costs(fee=5e-4),
    )  # fmt: skip
    times, price = hourly()
    first = 1  # the snapshot of 08:25 is known at 09:00
    expiry = np.datetime64("2026-01-08T08:00", "us")
    end = int(np.flatnonzero(times == expiry)[0])
    cash = held = 0.0
    for t in range(first, end):
        years, forward = (expiry - times[t]) / np.timedelta64(365, "D"), price[t] * 1.002
        both = [hc.greeks(w, strike=strike, expiry=years, vol=k_vol, forward=forward, which=("price", "delta")) for w in (1, -1)]  # fmt: skip
        if t == first:  # the quote, half a tick below the mark, has moved on with it
            cash += sum(float(g.price) - 0.0005 * forward for g in both)
        wanted = sum(float(g.delta) for g in both)
        cash -= (wanted - held) * price[t] + 5e-4 * abs(wanted - held) * price[t]
        held = wanted
    cash += held * price[end] - 5e-4 * abs(held) * price[end] - abs(price[end] - strike)
    # the hedge is closed at the step at which the position ends, where its delta is 0
    assert test.equity()[0, -1] == pytest.approx(cash, rel=1e-9)


@pytest.mark.parametrize("cut", [5, 100, 250])
def test_what_comes_later_changes_nothing_before(cut: int) -> None:
    """A planted spike: prices, quotes, vols and funding after a step are other ones; everything until then is the same."""
    times, price = hourly()
    perpetual = {"timestamp": times[::6] + HOUR / 2, "base": np.full(len(times[::6]), "BTC"), "last": price[::6] * 1.001}  # fmt: skip
    made = tape(perpetual=perpetual)
    when = made.times[cut].view("M8[us]")
    later = CHAIN["timestamp"] > when
    wild = {name: column.copy() for name, column in CHAIN.items()}
    for name, factor in (("mark_vol", 3.0), ("index", 0.5), ("forward", 0.5), ("bid", 0.3), ("ask", 4.0), ("delta", 0.1)):  # fmt: skip
        wild[name][later] *= factor
    spiked = {**BARS, "close": np.where(BARS["timestamp"] + HOUR > when, BARS["close"] * 1.5, BARS["close"])}  # fmt: skip
    later = perpetual["timestamp"] > when
    other = tape(chains=wild, bars=spiked, perpetual={**perpetual, "last": perpetual["last"] * np.where(later, 1.01, 1.0)})  # fmt: skip
    funded = [bk.funding(t).rate for t in (made, other)]
    np.testing.assert_array_equal(funded[0][: cut + 1], funded[1][: cut + 1])
    assert (funded[0][cut + 7 : -1] != funded[1][cut + 7 : -1]).all()
    assert (other.price[cut + 1 :] != made.price[cut + 1 :]).all()
    flow = bk.Flow(np.array([1, -1, 1, -1]), np.array([0.3, 0.4, 0.6, 0.1]), np.array([3.0, 9, 12, 20]), np.array([1.0, -2, 0.5, -1]), 400.0)  # fmt: skip
    strategies = (
        bk.straddle(7),
        bk.strangle(5),
        bk.OpenInterestShare(-0.01, days=2),
        bk.MarketMaker(flow=flow, share=0.05),
    )
    for strategy in strategies:
        a, b = (
            bk.run(t, strategy, POLICIES, costs=COSTS, execution=hg.Execution(latency=2), fills=bk.Fills(together=False), funding=bk.funding(t))
            for t in (made, other)
        )  # fmt: skip
        np.testing.assert_array_equal(a.held[:, : cut + 1], b.held[:, : cut + 1])
        np.testing.assert_array_equal(a.pnl[:, : cut + 1], b.pnl[:, : cut + 1])
        before = [c.trades["step"] <= cut for c in (a.carried, b.carried)]
        for column in ("step", "instrument", "quantity", "price", "amount", "fee"):
            np.testing.assert_array_equal(
                a.carried.trades[column][before[0]], b.carried.trades[column][before[1]]
            )
        assert not np.array_equal(a.pnl[:, cut + 1 :], b.pnl[:, cut + 1 :])


def test_a_bar_is_known_at_its_end_and_a_snapshot_when_its_last_row_was_collected() -> None:
    late = {**CHAIN, "timestamp": CHAIN["timestamp"].copy()}
    first = np.flatnonzero(late["snapshot"] == late["snapshot"][0])
    late["timestamp"][first[-1]] += 2 * HOUR
    made = tape(chains=late)
    assert str(made.times[0].view("M8[us]"))[:16] == "2026-01-01T11:00"
    assert made.price[0] == BARS["close"][2]
    known = made.until(3)
    assert len(known.times) == 4
    assert (known.snapshots <= known.times[-1]).all()
    assert len(known.quotes["bid"]) == known.first_row[-1] < len(made.quotes["bid"])


def test_damage_is_reported_survived_and_reconciled() -> None:
    n = len(CHAIN["bid"])
    rng = np.random.default_rng(1)
    damaged = {name: column.copy() for name, column in CHAIN.items()}
    crossed = rng.random(n) < 0.05
    damaged["bid"][crossed], damaged["ask"][crossed] = CHAIN["ask"][crossed] + 0.01, CHAIN["bid"][crossed]  # fmt: skip
    damaged["bid"][rng.random(n) < 0.1] = 0.0
    damaged["mark_vol"][rng.random(n) < 0.02] = np.nan
    gone = (CHAIN["strike"] == 80_000) & (CHAIN["timestamp"] > CHAIN["timestamp"][n // 3])
    rows = np.flatnonzero(~gone)
    rows = rng.permutation(np.concatenate([rows, rows[:50]]))
    fewer = rng.permutation(np.delete(np.arange(len(BARS["close"])), [20, 21, 70]))
    made = tape(chains=taken(damaged, rows), bars=taken(BARS, fewer))
    said = {found.name: found.count for found in made.found}
    assert said["instrument twice in a snapshot: the first is kept"] == 50
    assert said["bar missing: the price before it stands"] == 3
    assert said["rows out of order: sorted"] > 1000
    assert said["bid above ask: neither is used"] > 0
    assert said["bid missing or not positive"] > 0
    assert said["no vol, no forward or expired: left out"] > 0
    held = bk.Positions({"BTC-22JAN26-80000-C": -1, "BTC-15JAN26-80000-P": 2})
    test = bk.run(made, held, POLICIES, costs=COSTS, fills=bk.Fills(together=False))
    assert test.carried.counts["marks older than a day"] > 100  # the vanished strike
    assert test.reconcile() < 1e-13
    assert np.isfinite(test.pnl).all()


def test_the_order_of_rows_and_of_files_is_nothing() -> None:
    n = len(CHAIN["bid"])
    half = np.random.default_rng(2).permutation(n)
    parts = [taken(CHAIN, half[: n // 2]), taken(CHAIN, half[n // 2 :])]
    a, b = (bk.run(t, bk.straddle(), hg.Clock()) for t in (tape(), tape(chains=parts)))
    np.testing.assert_array_equal(a.pnl, b.pnl)


def test_fills() -> None:
    fills = bk.Fills()
    assert fills.price(1, 0.02, 0.03) == 0.03
    assert fills.price(-1, 0.02, 0.03) == 0.02
    assert bk.Fills(spread=0).price(1, 0.02, 0.03) == pytest.approx(0.025)
    assert bk.Fills(spread=2).price(-1, 0.02, 0.03) == pytest.approx(0.015)
    assert np.isnan(fills.price(-1, np.nan, 0.03))
    # 0.0003 coins, at most an eighth of the price: Deribit's own example has 0.0000125 for 0.0001
    assert fills.fee_of(-2, 0.05) == 6e-4
    assert fills.fee_of(1, 1e-4) == pytest.approx(1.25e-5)
    friday, saturday = (np.datetime64(day, "us").astype(int).item() for day in ("2026-01-16T08:00", "2026-01-17T08:00"))  # fmt: skip
    assert fills.delivery_of(1, 0.0, friday) == 0.0
    assert fills.delivery_of(-3, 0.2, friday) == pytest.approx(4.5e-4)
    assert fills.delivery_of(-3, 0.2, saturday) == 0.0  # a daily option
    assert bk.Fills(spread=-1).price(1, 0.02, 0.03) == pytest.approx(
        0.02
    )  # who quotes buys at the bid
    maker = dataclasses.replace(FEES, inverse_option=(-1e-4, 3e-4))
    assert bk.Fills(fees=maker, side="maker", fee_factor=2).fee_of(1, 0.05) == pytest.approx(
        -1e-4
    )  # a rebate is no fee
    assert bk.Fills(fees=maker, fee_factor=2).fee_of(1, 1e-4) == pytest.approx(2.5e-5)
    sized = {**CHAIN, "bid_size": np.full(len(CHAIN["bid"]), 3.0), "ask_size": np.full(len(CHAIN["bid"]), 0.5)}  # fmt: skip
    name = "BTC-15JAN26-80000-C"
    for chains, fill, traded, counts in (
        (
            CHAIN,
            bk.Fills(size=2, together=False),
            2.0,
            {"orders cut to the configured size": 1, "fills without a quoted size": 1},
        ),
        (sized, bk.Fills(size=2, together=False), 0.5, {"orders cut to the quoted size": 1}),
        (sized, bk.Fills(), 0.5, {"orders cut to the quoted size": 1}),
        (
            {**sized, "contract_size": np.full(len(CHAIN["bid"]), 4.0)},
            bk.Fills(),
            2.0,
            {"orders cut to the quoted size": 1},
        ),  # contracts of four coins
    ):
        carried = bk.carry(tape(chains=chains), bk.Positions({name: 5}), fill)
        assert np.abs(carried.trades["quantity"]).sum() == traded
        assert {k: v for k, v in carried.counts.items() if v} == counts


def test_a_missing_bid_takes_its_own_option_alone() -> None:
    names = "BTC-15JAN26-80000-C", "BTC-15JAN26-80000-P"
    bid = np.where(CHAIN["instrument"] == names[0], np.nan, CHAIN["bid"])
    made = tape(chains={**CHAIN, "bid": bid})
    carried = bk.carry(made, bk.Positions(dict.fromkeys(names, -1)))
    assert carried.trades["instrument"].tolist() == [names[1]]
    assert carried.counts["orders without a quote or size"] == 1
    # a structure is all or nothing: it takes the next strike
    legs = bk.carry(made, bk.straddle()).trades["instrument"]
    assert names[0] not in legs
    none = tape(chains={**CHAIN, "bid": np.where(CHAIN["kind"] > 0, np.nan, CHAIN["bid"])})
    carried = bk.carry(none, bk.straddle())
    assert not len(carried.trades["step"])
    assert carried.counts == {"snapshots without an option for a leg": len(none.snapshots)}


@pytest.mark.parametrize("strategy", [bk.strangle(7, delta=0.3), "maker"])
def test_chains_without_deltas_have_those_of_black(strategy: Any) -> None:
    """The chains made up have Black's deltas: without them the same is traded."""
    if strategy == "maker":
        flow = bk.Flow(np.array([1, -1]), np.array([0.3, 0.4]), np.array([3.0, 9]), np.array([1.0, -2]), 400.0)  # fmt: skip
        strategy = bk.MarketMaker(flow=flow, share=0.05)
    bare = tape(chains={name: column for name, column in CHAIN.items() if name != "delta"})
    found = {f.name: f for f in bare.found}["delta missing: Black's at the vol of the mark chooses"]
    assert found.count == len(CHAIN["bid"])
    assert found.example.endswith("at 2026-01-01T08:25:00")
    a, b = (bk.carry(t, strategy).trades for t in (tape(), bare))
    assert len(a["step"]) > 0
    for column, values in a.items():
        np.testing.assert_array_equal(values, b[column])


def test_fills_at_the_first_step_at_an_old_snapshot_are_counted() -> None:
    for start, count in (("2026-01-02T18:30", 2), ("2026-01-02T14:30", 0), (None, 0)):
        carried = bk.carry(tape(start=start), bk.straddle())
        assert carried.counts["fills at quotes older than a step"] == count


def test_a_premium_that_stands_is_told() -> None:
    times, price = hourly()
    perpetual = {"timestamp": times[6:13:6], "base": np.full(2, "BTC"), "last": price[6:13:6] * 1.001, "index": price[6:13:6]}  # fmt: skip
    made = tape(perpetual=perpetual)
    found = {f.name: f for f in made.found}["perpetual not seen for a day: its last premium stands"]
    assert found.count == (made.times > perpetual["timestamp"][-1].astype(int) + 86_400_000_000).sum()  # fmt: skip
    assert found.example == "at 2026-01-02T21:00"


def test_funding_is_the_venues_rule_or_data() -> None:
    from hedgecore.backtest.funding import rule

    np.testing.assert_allclose(
        rule(np.array([0.0, 2e-4, 1e-3, -1e-3, 0.1])), [0, 0, 7.5e-4, -7.5e-4, 5e-3], atol=1e-18
    )
    times, price = hourly()
    perpetual = {"timestamp": times[6::6] + HOUR / 2, "base": np.full(len(times[6::6]), "BTC"), "last": price[6::6] * 1.001}  # fmt: skip
    rates = {"timestamp": times[16:56:8], "rate": np.full(5, 2e-4), "hours": np.full(5, 8.0)}
    made = tape(perpetual=perpetual)
    found = bk.funding(made, rates)
    # each payment is for the eight hours before it; the first perpetual is seen seven hours after 8:00
    assert repr(found) == "funding: data 40 steps, modelled 452 steps, none 6 steps"
    data = found.source == "data"
    np.testing.assert_allclose(found.rate[data], 2e-4 / 8)
    assert (bk.funding(tape()).rate == 0).all()
    assert set(bk.funding(tape()).source) == {"none"}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tape(chains=taken(CHAIN, CHAIN["base"] == "ETH")), "no options on BTC"),
        (lambda: tape(start="2027-01-01"), "fewer than two steps"),
        (lambda: tape(bars=taken(BARS, slice(0, 1))), "fewer than two end between"),
        (lambda: bk.run(tape(), bk.Positions({"BTC-1JAN30-5-C": 1}), hg.Clock()), "'BTC-1JAN30-5-C' is no option"),
        (lambda: bk.run(tape(), bk.straddle(400), hg.NoHedge(), numeraire="eur"), "numeraire must be"),
        (lambda: bk.run(tape(), bk.straddle(), hg.Clock(), deltas="none"), "deltas must be"),
        (lambda: bk.run(tape(), bk.Roll((bk.Leg("call"),), days=1, least_days=2), hg.Clock()), "least_days = 2 must be"),
        (lambda: bk.Fills(fee_factor=-1), "fee_factor = -1 must be zero or positive"),
        (lambda: bk.Fills(spread=-2), "spread = -2 must be -1 or more"),
        (lambda: bk.Fills(side="customer"), "side must be 'taker' or 'maker'"),
        (lambda: bk.Fills(size=0), "size = 0 must be positive"),
        (lambda: bk.run(tape(end="2026-01-01T13:00"), bk.Positions({"BTC-8JAN26-60000-P": -1}, at="2026-01-02"), hg.Clock()), "nothing was traded"),
        (lambda: bk.run(tape(), bk.straddle(), hg.Clock(), instrument=hg.Spot(), funding=with_funding(tape())), "only perpetuals pay"),
    ],
)  # fmt: skip
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


STRADDLES = (
    ("BTC-27FEB26-88000", "2026-01-27T04:02:34", -14_229, -3_113, -3_792),
    ("BTC-27MAR26-88000", "2026-01-02T09:18:09", -5_871, -1_327, None),
    ("ETH-27FEB26-3000", "2026-01-27T04:02:34", -689, -110, None),
    ("BTC-27MAR26-68000", "2026-02-27T04:28:40", 6_924, 651, None),
)


def test_straddles_through_the_real_chains(quarter_file: Any) -> None:
    """Sold at the bid, hedged at each snapshot at the index with the chain's deltas, no fees: figures of an independent script."""
    pytest.importorskip("polars")
    from hedgecore import venues

    table = venues.read(quarter_file)
    policies = {"never": hg.NoHedge(), "each": hg.Clock(), "fourth": hg.Clock(every=4)}
    for name, at, never, each, fourth in STRADDLES:
        made = bk.Tape.of(name[:3], table, start=at)
        test = bk.run(
            made, bk.Positions({f"{name}-C": -1, f"{name}-P": -1}, at=at), policies, deltas="quoted",
            fills=bk.Fills(fee_factor=0),
        )  # fmt: skip
        got = np.round(test.equity("usd")[:, -1]).tolist()
        assert got[:2] == [never, each]
        assert fourth is None or got[2] == fourth
        assert test.reconcile() < 1e-13
