"""The hedging simulation: nanoseconds for each path and step, random numbers and normals included, beside its peers.

Measured on one thread at level v4 (v3), not on a quiet machine: one band 10.2 (16.1) ns, its paths 5.4 (7.8); a further band or clock about 1 (1.3),
Zakamouline 5.6 (8.6), the law of both costs 4.5 (6.4), of which most is for the fifth of the steps that trade.

Case by case: one option under GBM with one band; what a further policy costs; a strip of 200 options. The peers do the first case with
random numbers of their own; numpy, given the same paths, has the same P&L.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import hedgecore as hc
import peers
from hedgecore import hedging as hg
from hedgecore.hedging.attribution import LINES
from peers import bands

Array = npt.NDArray[np.float64]
STEPS, YEARS, VOL, COST, WIDTH = 250, 0.25, 0.6, 5e-4, 0.05
OPTION = hg.Option(strike=100, expiry=YEARS, vol=VOL, quantity=-1)
MANY = 10  # further policies

BAND = [hg.DeltaBand(width=WIDTH)]
FURTHER: dict[str, list[hg.Policy]] = {
    "band": [hg.DeltaBand(width=w) for w in np.linspace(0.02, 0.1, MANY)],
    "clock": [hg.Clock(every=1) for _ in range(MANY)],
    "move": [hg.PriceMove(threshold=w) for w in np.linspace(0.01, 0.1, MANY)],
    "Whalley-Wilmott": [hg.WhalleyWilmott(risk_aversion=g) for g in np.geomspace(0.1, 10, MANY)],
    "own delta (Leland)": [hg.Leland(every=1, cost=c) for c in np.linspace(2e-4, 1e-3, MANY)],
    "band or interval": [
        hg.AnyOf(hg.DeltaBand(width=w), hg.VolInterval(interval=10, half_life=50))
        for w in np.linspace(0.02, 0.1, MANY)
    ],
    "smooth": [hg.SmoothTrading(risk_aversion=g, impact=0.01) for g in np.geomspace(0.01, 1, MANY)],
    "own delta and band (Zakamouline)": [
        hg.Zakamouline(risk_aversion=g) for g in np.geomspace(0.1, 10, MANY)
    ],
    "fixed and proportional": [
        hg.FixedAndProportional(risk_aversion=g, fixed_cost=0.01)
        for g in np.geomspace(0.1, 10, MANY)
    ],
}


def simulated(policies: Any, n: int, threads: int, position: Any = OPTION) -> Callable[[], hg.Run]:
    return lambda: hg.simulate(
        position, hc.paths.GBM(vol=VOL), policies, n_paths=n, steps=STEPS, seed=1, costs=hg.Costs(fee=COST), keep=("pnl",),
        threads=threads,
    )  # fmt: skip


def exact_cdf(x: Array) -> Array:
    return np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x.tolist()])


def numpy_band(n: int, cdf: Callable[[Array], Array] = exact_cdf) -> Array:
    """The P&L of one band, by numpy over all paths at a time."""
    h = YEARS / STEPS
    normals = hc.paths.normals(1, n, STEPS, stream=0)
    log_spot = np.full(n, math.log(100.0))
    spot = np.full(n, 100.0)
    held, cash = np.zeros(n), np.zeros(n)
    for step in range(STEPS):
        s = VOL * math.sqrt(YEARS - step * h)
        x = held - cdf((log_spot - math.log(100.0)) / s + s / 2)
        trade = np.where(np.abs(x) > WIDTH, np.clip(x, -WIDTH, WIDTH) - x, 0.0)
        cash -= trade * spot + COST * np.abs(trade) * spot
        held += trade
        log_spot += VOL * math.sqrt(h) * normals[:, step] - 0.5 * VOL * VOL * h
        spot = np.exp(log_spot)
    premium = hc.price("call", strike=100, expiry=YEARS, vol=VOL, spot=100)
    return np.asarray(
        premium + cash + held * spot - COST * np.abs(held) * spot - np.maximum(spot - 100, 0)
    )


def about(who: str, n: int, threads: int, policies: int, options: int = 1) -> dict[str, Any]:
    return {
        "operation": "hedging", "n": n, "steps": STEPS, "who": who, "threads": threads, "policies": policies, "options": options,
    }  # fmt: skip


def sizes(config: pytest.Config, full: int) -> int:
    timed = config.getoption("benchmark_enable") or not config.getoption("benchmark_disable")
    return full if timed else 300


@pytest.mark.parametrize("threads", [1, 2])
def test_one_band(measure: Callable[..., Any], pytestconfig: pytest.Config, threads: int) -> None:
    n = sizes(pytestconfig, 100_000)
    run = measure(simulated(BAND, n, threads), **about("hedgecore", n, threads, 1))
    assert run.pnl[0, :200] == pytest.approx(numpy_band(200), abs=1e-9)


@pytest.mark.parametrize("who", bands.PEERS)
def test_one_band_by_peers(
    measure: Callable[..., Any], pytestconfig: pytest.Config, who: str
) -> None:
    n = sizes(pytestconfig, 20_000 if who == "pfhedge" else 100_000)
    if n < 1000:
        pytest.skip("peers are not imported where nothing is timed")
    premium = float(hc.price("call", strike=100, expiry=YEARS, vol=VOL, spot=100))
    try:
        call = bands.PEERS[who](bands.Job(n, STEPS, YEARS, VOL, WIDTH, COST, premium))
    except ImportError as error:
        peers.missing[f"{who}, hedging"] = f"not installed ({error})"
        pytest.skip(peers.missing[f"{who}, hedging"])
    pnl = measure(call, **about(who, n, 1, 1))
    costs = hg.Costs(fee=COST, close=who != "pfhedge")
    own = hg.simulate(
        OPTION, hc.paths.GBM(vol=VOL), BAND, n_paths=n, steps=STEPS, seed=2, costs=costs
    )
    c = own.columns()
    assert abs(pnl.mean() - c["mean"][0]) < 4.5 * math.sqrt(2) * c["mean_error"][0]
    assert abs(pnl.std() - c["std"][0]) < 4.5 * math.sqrt(2) * c["std_error"][0]


@pytest.mark.parametrize("kind", FURTHER)
def test_further_policies(
    measure: Callable[..., Any], pytestconfig: pytest.Config, kind: str
) -> None:
    """The band of the case above and ten more: the difference is theirs."""
    n = sizes(pytestconfig, 20_000)
    run = measure(simulated([*BAND, *FURTHER[kind]], n, 1), **about(kind, n, 1, 1 + MANY))
    assert (run.pnl[0] == simulated(BAND, n, 1)().pnl[0]).all()


def test_attribution(measure: Callable[..., Any], pytestconfig: pytest.Config) -> None:
    """One band with its P&L by line."""
    n = sizes(pytestconfig, 20_000)
    run = measure(
        lambda: hg.simulate(
            OPTION, hc.paths.GBM(vol=VOL), BAND, n_paths=n, steps=STEPS, seed=1, costs=hg.Costs(fee=COST), keep=("pnl",),
            threads=1, attribution=True,
        ),
        **about("attribution", n, 1, 1),
    )  # fmt: skip
    lines = run.attribution
    total = sum(lines.line(name) for name in LINES)
    assert total == pytest.approx(run.pnl, abs=1e-9)


def test_strip(measure: Callable[..., Any], pytestconfig: pytest.Config) -> None:
    n = sizes(pytestconfig, 2_000)
    strip = [
        hg.Option(kind=("call", "put")[j % 2], strike=60 + 0.4 * j, expiry=YEARS, vol=VOL, quantity=(-1.0) ** (j // 3))
        for j in range(200)
    ]  # fmt: skip
    run = measure(simulated(BAND, n, 1, strip), **about("strip", n, 1, 1, len(strip)))
    # the P&L of the position is the sum of its options'
    assert run.unhedged[:50] == pytest.approx(
        sum(simulated(BAND, 50, 1, option)().unhedged for option in strip), rel=1e-9, abs=1e-9
    )
