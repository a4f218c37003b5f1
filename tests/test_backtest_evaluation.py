"""What a backtest is worth, and what it takes as given: small cases by hand, published figures, plain loops."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backtest_data import HOUR, bars, chain, taken
from hedgecore import backtest as bk
from hedgecore import hedging as hg
from hedgecore.backtest import evaluation

CHAIN, BARS = chain(), bars()


def made(chains: Any = CHAIN, **changed: Any) -> bk.Tape:
    return bk.Tape.of("BTC", chains, bars=BARS, **changed)


def by_days(pnl: Any, cost: Any = None) -> Any:
    """A backtest of one step a day with that P&L."""
    pnl = np.asarray(pnl, np.float64)
    policies, days = pnl.shape
    names = tuple("abcdefgh"[:policies])
    times = (np.arange(days, dtype=np.int64) + 20_000) * 86_400_000_000 + 3_600_000_000
    return SimpleNamespace(
        tape=SimpleNamespace(times=times), pnl=pnl, costs=np.zeros_like(pnl) if cost is None else np.asarray(cost)[:, None],
        names=names, run=SimpleNamespace(families=names),
    )  # fmt: skip


def test_funding_adds_up_the_payments_within_a_step() -> None:
    """Steps of six hours, payments each hour: 6e-5 for the first hour of each step; then a day of which half an hour is not covered."""
    tape = bk.Tape.of("BTC", CHAIN)
    start, n = tape.times[0], len(tape) - 1
    assert set(np.diff(tape.times)) == {6 * 3_600_000_000}
    end = (start + (np.arange(6 * n) + 1) * 3_600_000_000).view("M8[us]")
    rate = np.where(np.arange(6 * n) % 6 == 0, 6e-5, 0.0)
    rates = {"timestamp": end, "rate": rate, "hours": np.ones(6 * n)}
    found = bk.funding(tape, rates)
    assert found.rate.sum() == pytest.approx(6e-5 * n, rel=1e-9)
    np.testing.assert_allclose(found.rate[:-1], 6e-5, rtol=1e-9)
    assert set(found.source[:-1]) == {"data"}
    part = bk.funding(tape, taken(rates, slice(0, 8)))  # a step, and two hours of the next
    assert part.source[:3].tolist() == ["data", "mixed", "none"]
    premium = np.full(len(tape), 1e-3)
    object.__setattr__(tape, "premium", premium)
    part = bk.funding(tape, taken(rates, slice(0, 8)))
    np.testing.assert_allclose(part.rate[:3], [6e-5, 6e-5 + 7.5e-4 * 4 / 8, 7.5e-4 * 6 / 8], rtol=1e-9)  # fmt: skip
    assert part.source[:3].tolist() == ["data", "mixed", "modelled"]


def test_an_option_is_not_seen_before_it_is_quoted() -> None:
    late = np.datetime64("2026-01-05T00:00", "us")
    early = (CHAIN["strike"] != 64_000) | (CHAIN["timestamp"] >= late)
    tape = made(taken(CHAIN, early))
    assert (tape.strike == 64_000).any()
    for step in (0, 30, len(tape) - 1):
        known = tape.until(step)
        assert (64_000 in known.strike) == (known.snapshots[-1].view("M8[us]") >= late)
        assert set(known.quotes["instrument"]) == set(range(len(known.name)))
        for column in (known.kind, known.strike, known.expiry):
            assert len(column) == len(known.name)
    name = str(tape.name[tape.strike == 64_000][0])
    carried = bk.carry(tape, bk.Positions({name: 1.0}))
    assert carried.counts["orders without a quote or size"] == 1


def test_what_was_carried_has_its_fills() -> None:
    tape = made()
    carried = bk.carry(tape, bk.straddle())
    bk.run(tape, carried, hg.NoHedge())
    for name, value in (("fills", bk.Fills()), ("numeraire", "coin"), ("deltas", "quoted")):
        given: Any = {name: value}
        with pytest.raises(ValueError, match=f"{name} = .* must not be given"):
            bk.run(tape, carried, hg.NoHedge(), **given)
    with pytest.raises(TypeError, match="strategy must be a strategy"):
        bk.stressed(tape, carried, hg.NoHedge())


@pytest.mark.parametrize("latency", [0, 2, [0.5, 0.5]])
def test_stresses_are_on_top_of_what_is_given(latency: Any, monkeypatch: Any) -> None:
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(evaluation, "run", lambda *_, **given: asked.append(given))
    costs = hg.Costs(fee=5e-4, maker_fee=1e-4, passive=0.5, fee_per_coin=1.0, fee_cap=0.1, least_fee=2.0)  # fmt: skip
    bk.stressed(None, None, None, costs=costs, execution=hg.Execution(latency=latency))
    law = latency if isinstance(latency, list) else [0.0] * latency + [1.0]
    for given, more in zip(asked[3:], (1, 2), strict=True):
        assert given["execution"].core()["below"] == hg.Execution(latency=[0.0] * more + law).core()["below"]  # fmt: skip
    dear, fills = asked[2]["costs"], asked[2]["fills"]
    for name in ("fee", "maker_fee", "fee_per_coin", "fee_cap", "least_fee"):
        assert getattr(dear, name) == 2 * getattr(costs, name)
    assert fills.fee_factor == 2
    bk.stressed(None, None, None, costs=hg.Costs(fee=5e-4, maker_fee=-1e-4, passive=0.5))
    assert asked[7]["costs"].maker_fee == -1e-4
    for spread, stress in ((1.0, 2.0), (0.0, 1.0), (0.25, 1.0), (0.75, 1.5), (-1.0, -0.5)):
        asked.clear()
        bk.stressed(None, None, None, fills=bk.Fills(spread=spread))
        assert asked[1]["fills"].spread == stress


def test_no_price_is_below_zero() -> None:
    fills = bk.Fills(spread=2)
    assert fills.price(-1, 0.01, 0.05) == 0.0
    assert np.isnan(fills.price(-1, np.nan, 0.05))


def test_a_ledger_that_differs_is_told() -> None:
    tape = made()
    test = bk.run(tape, bk.straddle(), hg.Clock(), costs=hg.Costs(fee=5e-4))
    assert test.reconcile() < 1e-13
    assert (test.residual_share() < 0.05).all()
    other = bk.Backtest(test.carried, test.run, bk.Funding(np.full(len(tape), 1e-4), np.full(len(tape), "data")))  # fmt: skip
    assert other.reconcile() > 1e-6

    class Late(bk.Backtest):
        """Its entries are an hour late: the end is the same, the steps before it are not."""

        def ledger(self, policy: str) -> Any:
            entries = super().ledger(policy)
            entries["step"] = np.minimum(entries["step"] + 1, len(tape) - 1)
            return entries

    assert Late(test.carried, test.run, None).reconcile() > 1e-6


def test_deflated_sharpe_is_that_of_the_paper() -> None:
    """Bailey and Lopez de Prado (2014): 2.5 a year of 250 days, 5 years, 100 tries of variance 0.5, skew -3, kurtosis 10."""
    one = (np.array([2.5 / 250**0.5]), np.array([-3.0]), np.array([10.0]))
    assert evaluation._deflated(*one, 1250, 100, (0.5 / 250) ** 0.5)[0] == pytest.approx(0.9004, abs=2e-4)  # fmt: skip
    stats = pytest.importorskip("scipy.stats")
    pnl = np.random.default_rng(5).gamma(2.0, size=(6, 90)) - 1.8
    ratio = pnl.mean(axis=1) / pnl.std(axis=1, ddof=1)
    best = ratio.std(ddof=1) * ((1 - np.euler_gamma) * stats.norm.ppf(1 - 1 / 40) + np.euler_gamma * stats.norm.ppf(1 - 1 / (40 * np.e)))  # fmt: skip
    skew, kurtosis = stats.skew(pnl, axis=1), stats.kurtosis(pnl, axis=1, fisher=False)
    wide = np.sqrt(1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2)
    np.testing.assert_allclose(
        bk.deflated_sharpe(pnl, 40), stats.norm.cdf((ratio - best) * np.sqrt(89) / wide), rtol=1e-10
    )
    with pytest.raises(ValueError, match="tries = 1000 needs"):
        bk.deflated_sharpe(pnl[:1], 1000)


def test_shortfall_and_drawdown() -> None:
    pnl = np.array([[3.0, -4.0, 1.0, -2.0, 5.0], [1.0, 1.0, 1.0, 1.0, 1.0]])
    np.testing.assert_allclose(bk.shortfall(pnl, 0.7), [(4 + 0.5 * 2) / 1.5, -1.0])
    np.testing.assert_array_equal(bk.drawdown(pnl), [5.0, 0.0])  # from 3 to -2
    assert bk.drawdown(np.array([-1.0, -1.0, 5.0])) == 2.0  # from the start
    for level in (0.0, 1.0, 95.0):
        with pytest.raises(ValueError, match=f"level = {level} must be between 0 and 1"):
            bk.shortfall(pnl, level)


def test_resampled_days_are_runs_of_days() -> None:
    rows = bk.resampled_days(np.ones((1, 12)), 20_000, 3, block=4.0)
    follows = rows[:, 1:] == (rows[:, :-1] + 1) % 12
    # it goes on with 3/4, or starts anew there by chance
    assert follows.mean() == pytest.approx(0.75 + 0.25 / 12, abs=4e-3)
    np.testing.assert_allclose(np.bincount(rows.ravel()) / rows.size, 1 / 12, atol=2e-3)


def test_frontier_and_split_by_hand() -> None:
    pnl = [[1, -1, 1, -1, 3, -3], [2, -2, 2, -2, 1, -1], [3, -3, 3, -3, 2, -2], [3, -3, 3, -3, 2, -2]]  # fmt: skip
    table = bk.frontier(by_days(pnl, cost=[9.0, 5.0, 6.0, 1.0]), level=0.5)
    assert table["policy"].tolist() == ["a", "b", "c", "d"]
    # b has the least std, d the least cost; b is better than a and c in both
    std = [np.sqrt(sum(x * x for x in row) / 5) for row in pnl]
    assert std[1] < std[0] < std[2]
    assert table["efficient"].tolist() == [False, True, False, True]
    np.testing.assert_allclose(table["std"], std)
    np.testing.assert_allclose(table["es"], [5 / 3, 5 / 3, 8 / 3, 8 / 3])
    halves = bk.split(by_days(pnl), 2 / 3, level=0.5)
    assert halves["rank_in"].tolist() == [1, 2, 3, 4]
    assert halves["rank_out"].tolist() == [4, 1, 2, 3]
    np.testing.assert_allclose(halves["std_out"], np.sqrt([18.0, 2.0, 8.0, 8.0]))
    np.testing.assert_array_equal(halves["es_in"], [1.0, 2.0, 3.0, 3.0])
    with pytest.raises(ValueError, match="fewer than two days of 6"):
        bk.split(by_days(pnl), 0.1)


def test_days_are_those_in_which_steps_end() -> None:
    test = bk.run(made(), bk.straddle(), hg.Clock())
    sums: dict[Any, float] = {}
    for time, pnl in zip(test.tape.times.view("M8[us]"), test.pnl[0], strict=True):
        day = (time - HOUR // 3600).astype("M8[D]")  # midnight is of the day before
        sums[day] = sums.get(day, 0.0) + pnl
    np.testing.assert_allclose(bk.daily(test)[0], list(sums.values()), atol=1e-9)
