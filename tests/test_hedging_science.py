"""Published and derived laws of hedging, reproduced: each with the error that its number of paths leaves."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg
from hedgecore.hedging.statistics import std_error, std_influence


def month(policies: Any, steps: int, n: int = 40_000, **arguments: Any) -> hg.Run:
    """Derman and Kamal's option: a month, at the money, vol 20 %."""
    option = hg.Option(strike=100, expiry=1 / 12, vol=0.2, quantity=-1)
    return hg.simulate(
        option, hc.paths.GBM(vol=0.2), policies, n_paths=n, steps=steps, seed=3, **arguments
    )


@pytest.mark.parametrize(("steps", "std"), [(21, 0.428), (84, 0.2176), (252, 0.1272)])
def test_derman_and_kamal(steps: int, std: float) -> None:
    """Std of a hedge at equal intervals, from 200,000 paths; a few per cent below sqrt(pi / 4) vega vol / sqrt(N)."""
    columns = month(hg.Clock(), steps).columns()
    other = std / math.sqrt(2 * 200_000) * 1.7  # kurtosis 4.6
    rounding = 0.0005 if steps == 21 else 0.00005
    assert (
        abs(columns["std"][0] - std) < 4.5 * math.hypot(columns["std_error"][0], other) + rounding
    )
    vega = 100 * math.sqrt(1 / 12) * slow.density(0.5 * 0.2 * math.sqrt(1 / 12))
    assert 0.94 < columns["std"][0] / (math.sqrt(math.pi / 4) * vega * 0.2 / math.sqrt(steps)) < 1.0


def test_interest_changes_little() -> None:
    columns = month(hg.Clock(), 21, drift=0.05, rate=0.05).columns()
    assert abs(columns["std"][0] - 0.426) < 4.5 * columns["std_error"][0] + 0.0005
    assert abs(columns["mean"][0]) < 4.5 * columns["mean_error"][0]


def test_reference_simulations(shared: Path) -> None:
    """Another Monte Carlo (numpy, its own random numbers): mean, std and ES of clocks, Leland's, Whalley-Wilmott's and thresholds."""
    with (shared / "reference" / "hedging_simulation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 14
    for row in rows:
        x = {
            name: float(row[name] or 0)
            for name in row
            if name not in ("table", "kind", "strategy", "source", "boyle_emanuel_note")
        }
        policy: hg.Policy = hg.Clock()
        if row["strategy"] == "ww":
            policy = hg.WhalleyWilmott(risk_aversion=x["strategy_param"])
        elif row["strategy"] == "threshold":  # trades to the delta
            policy = hg.DeltaBand(width=x["strategy_param"], to="middle")
        elif x["hedge_vol"] != x["sigma"]:
            policy = hg.ScaledVol(vol_scale=x["hedge_vol"] / x["sigma"], to="middle")
        run = hg.simulate(
            hg.Option(strike=x["K"], expiry=x["T"], vol=x["sigma"], quantity=-1), hc.paths.GBM(vol=x["sigma"]), policy,
            n_paths=20_000, steps=int(x["n_rebalances"]), seed=5, spot=x["S0"], drift=x["mu"], rate=x["r"],
            costs=hg.Costs(fee=x["cost_rate"]),
        )  # fmt: skip
        c = run.columns()
        es_error = x["se_mean"] * c["es95_error"][0] / c["mean_error"][0]
        for got, error, want, other in (
            (c["mean"][0], c["mean_error"][0], x["pnl_mean"], x["se_mean"]),
            (c["std"][0], c["std_error"][0], x["pnl_std"], x["se_std"]),
            (c["es95"][0], c["es95_error"][0], x["cvar95"], es_error),
        ):
            assert abs(got - want) < 4.5 * math.hypot(error, other), (row, got, error)
        cost_error = run.error("cost")[0] * math.hypot(1, math.sqrt(20_000 / x["paths"]))
        assert abs(c["cost"][0] - x["mean_cost"]) <= 4.5 * cost_error + 1e-12, row


def test_latency_multiplies_the_variance() -> None:
    """m steps of latency: 1 + 2 m to first order; 2.95, 4.83, 8.65, 15.7 at 504 steps."""
    base = month(hg.Clock(), 504, n=15_000)
    for lag, ratio in ((1, 2.95), (2, 4.83), (4, 8.65), (8, 15.7)):
        run = month(hg.Clock(), 504, n=15_000, execution=hg.Execution(latency=lag))
        a, b = run.pnl[0], base.pnl[0]
        error = 2 * ratio * std_error(std_influence(a) / a.std() - std_influence(b) / b.std())
        assert abs(a.var() / b.var() - ratio) < 4.5 * error + 0.01 * ratio
        # a martingale: latency has no expected cost
        assert abs(run.mean("latency")[0]) < 4.5 * run.error("latency")[0]
        assert run.error("latency")[0] > 0


def test_random_latency_and_failures_act_through_their_mean() -> None:
    """Variance is linear in the mean latency: geometric of mean 3, or 1 step with two failures out of three, is as 3 steps."""
    steady = month(hg.Clock(), 504, n=10_000, execution=hg.Execution(latency=3))
    for execution in (
        hg.Execution(latency=hg.geometric(3.0)),
        hg.Execution(latency=1, failure=2 / 3),
    ):
        run = month(hg.Clock(), 504, n=10_000, execution=execution)
        # orders that overtake each other make the mean of the position's age somewhat smaller
        assert 0.85 < run.pnl.var() / steady.pnl.var() < 1.3
    failures = month(
        hg.Clock(),
        84,
        n=5000,
        execution=hg.Execution(latency=1, failure=0.5),
        costs=hg.Costs(fixed=1.0),
    )
    # every step has an order, each with one failure and two attempts; fills that come together are one trade
    assert failures.mean("failures")[0] == pytest.approx(83, rel=0.03)
    assert failures.mean("fixed")[0] == pytest.approx(2 * 83, rel=0.04)
    assert failures.mean("trades")[0] < 84


def test_leland() -> None:
    """S = K = 100, rate and drift 5 %, vol 25 %, a year, 1 %, 100 revisions: premium 14.99, mean -.65, std .98; Black-Scholes
    -3.82 (of his premium less, 12.34) and 1.52.  The first trade is charged, the stock is delivered at the end."""
    option = hg.Option(strike=100, expiry=1, vol=0.25, quantity=-1, premium=14.99)
    run = hg.simulate(
        option, hc.paths.GBM(vol=0.25), {"leland": hg.Leland(), "black": hg.Clock()}, n_paths=40_000, steps=100, seed=2,
        drift=0.05, rate=0.05, costs=hg.Costs(fee=0.01, close=False),
    )  # fmt: skip
    scale = hg.Leland().law(_setting(run.costs, option, 100))["hedge_ratio"]["vol_scale"]
    assert 0.25 * scale == pytest.approx(0.320, abs=5e-4)
    want = hc.price("call", strike=100, expiry=1, vol=0.25 * scale, spot=100, rate=0.05)
    assert want == pytest.approx(14.99, abs=0.005)
    c = run.columns()
    assert abs(c["mean"][0] + 0.65) < 4.5 * c["mean_error"][0] + 0.005
    assert abs(c["std"][0] - 0.98) < 4.5 * c["std_error"][0] + 0.005
    black = (
        14.99 - hc.price("call", strike=100, expiry=1, vol=0.25, spot=100, rate=0.05)
    ) * math.exp(0.05)
    assert abs(c["mean"][1] - black + 3.82) < 4.5 * c["mean_error"][1] + 0.01
    assert abs(c["std"][1] - 1.52) < 4.5 * c["std_error"][1] + 0.005


def _setting(costs: hg.Costs, option: hg.Option, steps: int) -> Any:
    from hedgecore.hedging.policies import Setting
    from hedgecore.hedging.position import Position

    return Setting(Position.of(option, steps, None, 100.0, 0.0), costs, 0.0)


@pytest.mark.parametrize(("gamma", "k"), [(0.1, 1e-3), (1.0, 1e-2), (5.0, 2e-4)])
def test_half_widths(gamma: float, k: float) -> None:
    """The first trade, from a hedge of nothing, stops at the edge of the band: x there is the half width."""
    option = hg.Option(strike=105, expiry=0.5, vol=0.4, quantity=-1)
    policies = {
        "black": hg.Clock(),
        "ww": hg.WhalleyWilmott(risk_aversion=gamma, cost=k),
        "zakamouline": hg.Zakamouline(risk_aversion=gamma, cost=k),
        "both": hg.FixedAndProportional(risk_aversion=gamma, cost=k, fixed_cost=1e-3),
        "almost proportional": hg.FixedAndProportional(
            risk_aversion=gamma, cost=k, fixed_cost=1e-21
        ),
        "proportional": hg.FixedAndProportional(risk_aversion=gamma, cost=k, fixed_cost=0.0),
        "fixed": hg.FixedAndProportional(risk_aversion=gamma, cost=0.0, fixed_cost=1e-4),
    }
    run = hg.simulate(
        option, hc.paths.GBM(vol=1e-12), policies, n_paths=1, steps=1, seed=0, costs=hg.Costs(close=False), keep=hg.LEDGERS
    )  # fmt: skip
    held = dict(zip(policies, run.mean("turnover") / 100, strict=True))
    leg = slow.Leg(1, 105.0, 1, 0.4, -1.0)
    _, delta, curvature = slow.black(leg, 100.0, 0.5, 0.0, 0.4)
    assert held["black"] == pytest.approx(delta, rel=1e-12)
    ww = (1.5 * k * 100 * curvature**2 / gamma) ** (1 / 3)
    assert held["ww"] == pytest.approx(max(delta - ww, 0), rel=1e-9, abs=1e-12)
    h0 = k / (gamma * 100 * 0.16 * 0.5)
    h1 = 1.12 * k**0.31 * 0.5**0.05 * 0.4**-0.25 * math.sqrt(curvature / gamma)
    kz = -4.76 * k**0.78 * 0.5**-0.02 * 0.4**-0.25 * (gamma * 1e4 * curvature) ** 0.15
    _, centre, _ = slow.black(leg, 100.0, 0.5, 0.0, 0.4 * math.sqrt(1 - kz))
    assert held["zakamouline"] == pytest.approx(max(centre - h0 - h1, 0), rel=1e-9, abs=1e-12)
    a, b = slow.impulse_bounds(gamma, k, 1e-3, 100.0, curvature)
    assert held["both"] == pytest.approx(delta - a if delta > b else 0.0, rel=1e-9)
    # limits: c = 0 is Whalley-Wilmott's, traded to the edge; k = 0 goes to the middle, from b = (12 c Gamma^2 / gamma)^(1/4)
    assert held["proportional"] == pytest.approx(held["ww"], rel=1e-9, abs=1e-12)
    assert held["almost proportional"] == pytest.approx(held["ww"], rel=1e-4, abs=1e-6)
    quartic = (12 * 1e-4 * curvature**2 / gamma) ** 0.25
    assert held["fixed"] == pytest.approx(delta if delta > quartic else 0.0, rel=1e-9)


def test_published_half_widths() -> None:
    """S = K = 100, vol 25 %, a year, r = 0: the table of numerical Hodges-Neuberger solutions beside both asymptotic laws."""
    option = hg.Option(strike=100, expiry=1, vol=0.25, quantity=-1)
    delta = slow.cdf(0.125)
    for k, gamma, ww, zakamouline, centre in (
        (0.01, 1.0, 0.072, 0.049, 0.559),
        (0.01, 0.1, 0.156, 0.167, 0.556),
        (0.002, 1.0, 0.042, 0.029, 0.552),
        (0.001, 0.1, 0.072, 0.076, 0.551),
    ):
        run = hg.simulate(
            option, hc.paths.GBM(vol=1e-12),
            [hg.WhalleyWilmott(risk_aversion=gamma, cost=k), hg.Zakamouline(risk_aversion=gamma, cost=k)],
            n_paths=1, steps=1, seed=0, costs=hg.Costs(close=False),
        )  # fmt: skip
        held = run.mean("turnover") / 100
        assert delta - held[0] == pytest.approx(ww, abs=6e-4)
        assert centre - held[1] == pytest.approx(zakamouline, abs=1.1e-3)


def test_scaling() -> None:
    """S -> 600 S, K -> 600 K, gamma -> gamma / 600, fixed costs times 600: P&L times 600, everything else unchanged."""
    runs = []
    for scale in (1.0, 600.0):
        policies = [
            hg.WhalleyWilmott(risk_aversion=1.0 / scale),
            hg.Zakamouline(risk_aversion=1.0 / scale),
            hg.FixedAndProportional(risk_aversion=1.0 / scale),
            hg.DeltaBand(width=0.05),
            hg.PriceMove(threshold=0.02),
        ]
        runs.append(
            hg.simulate(
                hg.Option(strike=100 * scale, expiry=0.1, vol=0.6, quantity=-1),
                hc.paths.GBM(vol=0.6),
                policies,
                n_paths=500,
                steps=200,
                seed=4,
                spot=100 * scale,
                costs=hg.Costs(fee=5e-4, fixed=0.01 * scale),
                keep=hg.LEDGERS,
            )
        )
    np.testing.assert_allclose(runs[1].pnl / 600, runs[0].pnl, rtol=1e-8, atol=1e-8)
    for ledger in ("trades", "exposure"):
        np.testing.assert_allclose(
            runs[1].ledgers[ledger], runs[0].ledgers[ledger], rtol=1e-9, atol=1e-11
        )


def test_coin_accounting_is_neutral() -> None:
    """A coin-settled option hedged net of premium with inverse perpetuals: the hedging error in coins vanishes with the step."""
    option = hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1, settlement="inverse")
    stds = []
    for steps in (50, 200, 800):
        run = hg.simulate(
            option, hc.paths.GBM(vol=0.6), hg.Clock(), n_paths=4000, steps=steps, seed=6,
            instrument=hg.Perpetual(settlement="inverse"), drift=0.36,  # 1 / S is a martingale in coins
        )  # fmt: skip
        assert run.numeraire == "coin"
        stds.append(float(run.pnl.std()))
        assert abs(run.pnl.mean()) < 4.5 * run.pnl.std() / math.sqrt(4000)
    assert stds[0] / stds[1] == pytest.approx(2, rel=0.08)
    assert stds[1] / stds[2] == pytest.approx(2, rel=0.08)
