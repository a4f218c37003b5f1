"""The hedge optimiser on the demo's BTC chain: limits by expiry, whole lots, tickets, variance, the expected shortfall of many scenarios.

Moves are made; what a plan must keep is checked in the book that it leaves, and its tail against the P&L of the scenarios themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import workload

pytest.importorskip("polars", reason="the demo's chain needs the extra data")
pytest.importorskip("highspy", reason="the solvers need the extra optimise")

from hedgecore.hedging import optimise as ho
from hedgecore.scenarios import Nodes

SIZE = {"BTC-PERPETUAL": 500, "*": 25}
LIMITS = {"BTC": {"net_delta": 1.0, "gamma_usd_1pct": 500_000, "expiry": {"vega_usd": 9_000}}}
WHOLE: dict[str, dict[str, Any]] = {
    "cheapest": {}, "cheapest, in lots": {"lots": True}, "cheapest, 8 tickets": {"max_tickets": 8},
    "cheapest, in lots, 8 tickets": {"lots": True, "max_tickets": 8},
}  # fmt: skip


def cases(run: workload.Run) -> list[tuple[int, int]]:
    """Instruments and scenarios; the larger ones where they are timed."""
    return [(22, 4_000), (22, 44_000), (507, 44_000)] if run.timed else [(22, 4_000)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("demo"))


@cache
def read(folder: str) -> tuple[hc.Book, hc.Market, Any]:
    from hedgecore.demo import write_demo

    chain, positions, _ = write_demo(folder)
    table = hc.venues.read(chain)
    return hc.Book.from_csv(positions), hc.Market.from_quotes(table), table


@cache
def some(folder: str, n: int) -> ho.Quotes:
    """So many instruments of the chain, spread over it, the perpetual among them."""
    _, market, table = read(folder)
    every = ho.Quotes.of(table, market, size=SIZE)
    every = every.take(every.table.base == "BTC")
    options, last = len(every) - 1, len(every) - 1
    return every.take(np.r_[np.linspace(0, options - 1, n - 1).astype(int), last])


def about(who: str, n: int) -> dict[str, Any]:
    return {"operation": "hedge optimiser", "n": n, "who": who, "threads": 2}


def test_quotes(measure: Callable[..., Any], folder: str) -> None:
    """What can be traded, out of the table of the whole chain, BTC and ETH."""
    _, market, table = read(folder)
    quotes = measure(lambda: ho.Quotes.of(table, market, size=SIZE), **about("quotes", 2_048))
    assert len(quotes) == 2_048


@pytest.mark.parametrize("n", [500, 969])
@pytest.mark.parametrize("who", WHOLE)
def test_cheapest(measure: Callable[..., Any], folder: str, who: str, n: int) -> None:
    """The problem with its rows, and its solution."""
    book, market, _ = read(folder)
    quotes = some(folder, n)

    def solve() -> ho.Plan:
        problem = ho.Problem(book=book, market=market, quotes=quotes, limits=LIMITS, **WHOLE[who])
        return ho.cheapest(problem, time_limit=60.0)

    plan = measure(solve, **about(who, n))
    measure.about(gap=plan.gap)
    assert plan.gap <= 1e-3
    assert plan.tickets <= WHOLE[who].get("max_tickets", n)
    total = plan.after.total["BTC"]
    assert abs(total["net_delta"]) <= 1 + 1e-6
    assert abs(total["gamma_usd_1pct"]) <= 500_000.01


def test_least_variance(measure: Callable[..., Any], folder: str) -> None:
    """The quadratic program, with level, skew and curvature of the smile."""
    pytest.importorskip("clarabel", reason="quadratic programs need the extra optimise")
    book, market, _ = read(folder)
    quotes = some(folder, 500)
    coins, deviation = ("BTC", "ETH"), {"spot": 0.03, "vol": 0.03, "skew": 0.01, "curvature": 0.004}
    covariance = hc.tails.Covariance.of(
        {f"{c}_{f}": d for c in coins for f, d in deviation.items()}
    )

    def solve() -> ho.Plan:
        problem = ho.Problem(book=book, market=market, quotes=quotes, limits=LIMITS)
        return ho.least_variance(problem, covariance, risk_aversion=1e-5)

    plan = measure(solve, **about("least variance", 500))
    assert abs(plan.after.total["BTC"]["net_delta"]) <= 1 + 1e-6


def moves(count: int) -> Nodes:
    rng = np.random.default_rng(3)
    spot = np.clip(0.04 * rng.standard_t(4, count), -0.6, 0.6)
    vol = np.clip(-0.5 * spot + 0.05 * rng.standard_normal(count), -0.4, 1.0)
    return Nodes.of(spot={"BTC": np.expm1(spot)}, vol={"BTC": vol}, time=1 / 365)


def test_least_shortfall(measure: Callable[..., Any], folder: str, case: tuple[int, int]) -> None:
    """After the revaluation; 44,000 scenarios of 22 instruments are enough to trust."""
    n, count = case
    _, market, _ = read(folder)
    quotes = some(folder, n)
    btc = hc.Book.from_frame({
        "instrument": ["BTC-26JUN26-90000-C"], "quantity": [-50.0],
    })  # fmt: skip
    problem = ho.Problem(book=btc, market=market, quotes=quotes, actions=("open",))
    scenarios = ho.Scenarios.of(problem, moves(count), vol_shock="relative")
    overfit = (
        "raise" if (n, count) == (22, 44_000) else "allow"
    )  # 20 in the tail for each: just enough
    plan = measure(
        lambda: ho.least_shortfall(problem, scenarios, overfit=overfit, time_limit=60.0),
        **about(f"expected shortfall of {count:,} scenarios", n),
    )
    assert plan.gap <= 1e-6
    before, after = plan.tails[0].expected_shortfall
    assert after < before
    # the tail by hand: the mean of the worst hundredth
    worst = np.sort(scenarios.pnl(plan.quantity))[: count // 100]
    assert after == pytest.approx(-worst.mean(), rel=1e-9)
