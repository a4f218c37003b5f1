"""Hedges that others published, in their own measures: exponential utility, and mean cost with one and a half std."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from conftest import reference_rows
from hedgecore import hedging as hg

PATHS = 200_000


def sold_call(policies: Any, row: dict[str, str], years: float, seed: int) -> hg.Run:
    """What the table's programs do: the premium is not counted, every trade pays but the last."""
    vol = float(row["sigma"])
    option = hg.Option(strike=float(row["K"]), expiry=years, vol=vol, quantity=-1, premium=0.0)
    return hg.simulate(
        option, hc.paths.GBM(vol=vol), policies, n_paths=PATHS, steps=int(row["n_rebalances"]), seed=seed,
        spot=float(row["S0"]), costs=hg.Costs(fee=float(row["cost_rate"]), close=False),
    )  # fmt: skip


def test_exponential_utility(shared: Path) -> None:
    """(1 / a) ln E exp(-a P&L): Black's delta and Whalley and Wilmott's band as another program has them, both and Zakamouline's band
    above the optimum of its dynamic programme, and no worse than a published network.

    The table's lookback option is no position here.
    """
    seen: dict[str, int] = {}
    for row in reference_rows(shared, "exponential_utility_hedging.csv"):
        a, want, years = float(row["risk_aversion"]), float(row["premium"]), float(row["T"])
        kind = row["table"]
        seen[kind] = seen.get(kind, 0) + 1
        black, ww, zakamouline = (
            hg.Clock(), hg.WhalleyWilmott(risk_aversion=a), hg.Zakamouline(risk_aversion=a)
        )  # fmt: skip
        if kind.startswith("entropic_premium_mc"):
            run = sold_call([black if kind.endswith("bs") else ww], row, years, seed=11)
            got, error = hg.entropic_premium(run.pnl[0], a)
            other = float(row["note"].split("s.e. ")[1])
            assert abs(got - want) < 4.5 * math.hypot(error, other), (row, got, error)
        elif kind == "entropic_premium_dp":
            # Zakamouline's width divides by the risk aversion and the cost: without costs it is Black's delta
            run = sold_call([black, ww, zakamouline], row, years, seed=12)
            for pnl in run.pnl:
                got, error = hg.entropic_premium(pnl, a)
                assert got > want - 2e-5 - 4.5 * error, (row, got, error)
            best = min(hg.entropic_premium(pnl, a)[0] for pnl in run.pnl)
            assert best < 1.005 * want
        elif kind == "published_feed_forward_network":
            # its paths are 28 steps of a day, though the option is called one of 30 days
            run = sold_call([zakamouline], row, 28 / 365, seed=13)
            got, error = hg.entropic_premium(run.pnl[0], a)
            other = float(run.pnl[0].std()) / math.sqrt(20 * 50_000)
            assert got < want + 4.5 * math.hypot(error, other)
    assert seen["entropic_premium_mc_bs"] == seen["entropic_premium_mc_ww"] == 2
    assert seen["entropic_premium_dp"] == 3


def test_entropic_premium() -> None:
    """Normal P&L: -mean + a var / 2; its error is the spread of repetitions; large numbers do not overflow."""
    rng = np.random.default_rng(3)
    found = [hg.entropic_premium(rng.normal(0.5, 2.0, 2000), 0.3) for _ in range(600)]
    value, error = np.array(found).T
    assert abs(value.mean() - (-0.5 + 0.3 * 4 / 2)) < 4.5 * value.std() / math.sqrt(600) + 1e-3
    assert error.mean() == pytest.approx(value.std(), rel=0.12)
    assert hg.entropic_premium(np.array([-1e5, 0.0]), 1.0)[0] == pytest.approx(1e5 - math.log(2))
    assert hg.entropic_premium(np.array([-1.0, 0.0]), 1e-9)[0] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="risk_aversion = 0 must be positive"):
        hg.entropic_premium(np.zeros(3), 0)


#: Mean cost and std in % of the premium by the number of revisions, of a month and of a quarter (weekly, every 3 and 2 days, daily).
CAO = {
    1: {4: (68, 49), 7: (78, 42), 10: (86, 39), 21: (107, 37)},
    3: {13: (55, 30), 21: (63, 27), 32: (72, 27), 63: (90, 29)},
}


def cao(months: int, steps: int, policies: Any) -> tuple[hg.Run, float]:
    """S = K = 100, vol 20 %, drift 5 %, no interest, 1 %: Cao, Chen, Hull and Poulos, "Deep hedging of derivatives using reinforcement
    learning", Journal of Financial Data Science 3 (2021)."""
    option = hg.Option(strike=100, expiry=months / 12, vol=0.2, quantity=-1)
    run = hg.sweep(
        option, hc.paths.GBM(vol=0.2), policies, n_paths=40_000, steps=steps, seed=1, drift=0.05, costs=hg.Costs(fee=0.01)
    )  # fmt: skip
    return run, run.premium / 100


@pytest.mark.parametrize("months", CAO)
def test_delta_hedges_of_cao_et_al(months: int) -> None:
    for steps, (mean, std) in CAO[months].items():
        run, percent = cao(months, steps, {"clock": [hg.Clock()]})
        c = run.columns()
        assert abs(c["cost"][0] / percent - mean) < 0.5 + 4.5 * c["cost_error"][0] / percent
        assert abs(c["std"][0] / percent - std) < 0.5 + 4.5 * c["std_error"][0] / percent


@pytest.mark.parametrize(
    ("months", "steps", "mean", "std", "best", "agent"),
    [(1, 21, 62, 44, 127, 137), (3, 63, 45, 27, 85.5, 95)],
)
def test_a_band_beats_the_agent_of_cao_et_al(
    months: int, steps: int, mean: float, std: float, best: float, agent: float
) -> None:
    """Zakamouline's band with its risk aversion alone chosen: mean cost + 1.5 std, their objective, is that of a published search or
    less, and 7 to 10 % below their agent's (as remembered: 74 + 1.5 x 42, 53 + 1.5 x 28)."""
    bands = [hg.Zakamouline(risk_aversion=g) for g in np.geomspace(0.8, 8.0, 10)]
    run, percent = cao(months, steps, {"band": bands})
    point = run.frontier().point("band", mean * percent)
    assert point is not None
    assert abs(point.risk / percent - std) < 0.5 + 4.5 * point.error / percent + 0.5
    objective = (run.mean("cost") + 1.5 * run.pnl.std(axis=1, ddof=1)) / percent
    assert best - 2.0 < objective.min() < best + 0.5
    assert objective.min() < agent
