"""Cost against risk by family of policies: published tables, laws of ratios, and what common paths and hedges do for errors."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg
from hedgecore.hedging.statistics import std_error, std_influence

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import frontier_of_policies as example

MONTH = hg.Option(strike=100, expiry=30 / 365, vol=0.6, quantity=-1)
GBM = hc.paths.GBM(vol=0.6)


def compare(run: hg.Run, table: example.Table) -> None:
    """Every cell within 4 %, and two standard errors of this run."""
    frontier = run.frontier()
    for cost, row in table.items():
        for family, std in row.items():
            assert len(frontier.families[family][0]) >= 8
            point = frontier.point(family, cost)
            assert point is not None, (family, cost)
            assert point.error < 0.025 * std
            assert abs(point.risk / std - 1) < 0.04 + 2 * point.error / std, (family, cost, point)


def test_the_frontier_of_policies() -> None:
    """Eight families at mean costs .20, .25, .30.  docs/hedging.md has the same from 50,000 paths, where all are within 4 %."""
    run = example.month_call(example.families(9), n_paths=2500)
    compare(run, example.TABLE)
    # the order of the families, as it was published
    at = run.frontier(families=["clock", "move", "WW middle", "band edge", "WW edge"]).at(0.25)
    assert (np.diff(at["risk"]) < 0).all()


def test_the_frontier_with_a_fixed_cost() -> None:
    """c = .01 USD a trade: edge bands are a disaster (4.35), the law of both costs pays a tenth."""
    families = example.families_for_fixed_cost(8)
    families["WW edge"] = [hg.WhalleyWilmott(risk_aversion=1.0)] * 8
    run = example.month_call(families, n_paths=2500, fixed=0.01)
    compare(run, example.FIXED_COST)
    edge = run.mean("cost")[run.index("WW edge #1")]
    assert edge == pytest.approx(4.35, rel=0.02)


def test_the_frontier_with_latency() -> None:
    """An hour: what is left is the latency's own variance, and families come closer."""
    late = hg.Execution(latency=4)
    run = example.month_call(example.families_for_latency(8), n_paths=2500, execution=late)
    compare(run, example.LATENCY)


def test_bands_beat_clocks_by_the_law() -> None:
    """At equal cost, std of middle / edge = 1.41 and of clock / edge = 1.95 by local analysis; full paths give 1.37 and 1.93."""
    families: example.Families = {
        "edge": [hg.WhalleyWilmott(risk_aversion=g) for g in np.geomspace(1.8, 4.0, 3)],
        "middle": [
            hg.WhalleyWilmott(risk_aversion=g, to="middle") for g in np.geomspace(0.15, 0.45, 4)
        ],
        "clock": [hg.Clock(every=n) for n in (28, 32, 36, 40)],
    }
    at = example.month_call(families, n_paths=6000).frontier().at(0.2, against="edge")
    ratios = dict(zip(at["family"], zip(at["ratio"], at["ratio_error"], strict=True), strict=True))
    for family, local, simulated in (("middle", 1.41, 1.37), ("clock", 1.95, 1.93)):
        ratio, error = ratios[family]
        assert abs(ratio / simulated - 1) < 0.05 + 2 * error / simulated
        assert abs(ratio / local - 1) < 0.05 + 2 * error / local


def test_a_band_to_its_middle_has_steps() -> None:
    """Trades to the middle move the hedge by a width and an overshoot of .583 of a step's move; it starts at delta_0 and ends at one
    coin or none.  Where n such moves make 1 - delta_0, a wider band leaves out the last of them: std jumps there and is flat behind.
    Straight lines between few settings are 5 % wrong in this family."""
    vol = 0.6 * math.sqrt(30 / 365)
    start, curvature = slow.cdf(vol / 2), slow.density(vol / 2) / vol
    overshoot = 0.583 * curvature * 0.6 * math.sqrt(30 / 365 / 2880)
    centres = [(1 - start) / n - overshoot for n in (3, 4, 5)]
    policies = [hg.DeltaBand(width=w * x, to="middle") for w in centres for x in (0.97, 1.03, 1.09)]
    run = hg.simulate(MONTH, GBM, policies, n_paths=8000, steps=2880, seed=1)
    for k in (0, 3, 6):
        before, after, later = run.pnl[k : k + 3]
        bend = 2 * after.std() - before.std() - later.std()
        error = std_error(2 * std_influence(after) - std_influence(before) - std_influence(later))
        assert bend > 4.5 * error, (centres[k // 3], bend, error)


def test_common_paths_make_differences_sharp() -> None:
    """Two bands a tenth apart: the variance of their difference is less than a hundredth of what independent paths would leave."""
    policies = {"a": hg.DeltaBand(width=0.055), "b": hg.DeltaBand(width=0.06)}
    arguments: Any = {"steps": 720, "costs": hg.Costs(fee=5e-4)}
    a, b = hg.simulate(MONTH, GBM, policies, n_paths=20_000, seed=1, **arguments).pnl
    assert (a.var() + b.var()) / (a - b).var() > 100
    # and so over repetitions, whose spread is the paired error
    runs = [
        hg.simulate(MONTH, GBM, policies, n_paths=250, seed=seed, **arguments) for seed in range(80)
    ]
    means = np.array([run.pnl.mean(axis=1) for run in runs])
    spread = (means[:, 0] - means[:, 1]).std()
    stated = [run.difference("b", "a")["mean"][1] for run in runs]
    assert np.mean(stated) == pytest.approx(spread, rel=0.3)  # 80 repetitions know a std to 8 %
    independent = (means[0::2, 0] - means[1::2, 1]).std()
    assert independent > 8 * spread


def test_the_hedge_is_a_control_variate() -> None:
    """Variance of the option's payoff over that of the hedged option, 30 days, 720 steps: by the law 2,300 at least with a trade at each
    step, 515 with a band.

    The 515 has no set-up with it: that its band is Whalley and Wilmott's with risk aversion 1 for 5 bp, on hourly steps without costs, is a
    guess, which agrees. It holds the simulation to what it was when the guess was made; it reproduces no published figure.
    """
    run = hg.simulate(
        MONTH, GBM, {"each step": hg.Clock(), "band": hg.WhalleyWilmott(risk_aversion=1.0, cost=5e-4)}, n_paths=40_000, steps=720,
        seed=1,
    )  # fmt: skip
    s = 0.6 * math.sqrt(30 / 365)
    first, second = (
        100 * slow.cdf(s / 2) - 100 * slow.cdf(-s / 2),
        1e4 * (math.exp(s * s) * slow.cdf(1.5 * s) - 2 * slow.cdf(s / 2) + slow.cdf(-s / 2)),
    )
    payoff = second - first**2
    vega = 100 * math.sqrt(30 / 365) * slow.density(s / 2)
    local = math.pi / 4 * (vega * 0.6) ** 2 / 720  # Derman and Kamal: a few per cent too large
    for name, ratio, slack in (("each step", payoff / local, 0.06), ("band", 515.0, 0.0)):
        pnl = run.pnl[run.index(name)]
        centred = (pnl - pnl.mean()) ** 2 / pnl.var()
        whole = (run.unhedged - run.unhedged.mean()) ** 2 / run.unhedged.var()
        got, error = run.unhedged.var() / pnl.var(), std_error(whole - centred)
        assert abs(got / ratio - 1) < slack + 4.5 * error, (name, got, ratio, error)
