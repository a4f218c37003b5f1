"""The hedge optimiser on the demo's BTC chain: limits by expiry, whole lots, the expected shortfall of many scenarios.

Moves are made; a plan's tail is checked against the P&L of the scenarios themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import hedgecore as hc

pytest.importorskip("polars", reason="the demo's chain needs the extra data")
pytest.importorskip("highspy", reason="the solvers need the extra optimise")

from hedgecore.hedging import optimise as ho
from hedgecore.scenarios import Nodes


@cache
def held(folder: str) -> tuple[hc.Book, hc.Market, ho.Quotes]:
    from hedgecore.demo import write_demo

    chain, positions, _ = write_demo(folder)
    table = hc.venues.read(chain)
    market = hc.Market.from_quotes(table)
    quotes = ho.Quotes.of(table, market, size={"BTC-PERPETUAL": 500, "*": 25})
    return hc.Book.from_csv(positions), market, quotes.take(quotes.table.base == "BTC")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("demo"))


LIMITS = {"BTC": {"net_delta": 1.0, "gamma_usd_1pct": 500_000, "expiry": {"vega_usd": 9_000}}}


def about(who: str, n: int) -> dict[str, Any]:
    return {"operation": "hedge optimiser", "n": n, "who": who, "threads": 2}


@pytest.mark.parametrize("lots", [False, True])
def test_cheapest(measure: Callable[..., Any], folder: str, lots: bool) -> None:
    """The problem with its matrix, and its solution."""
    book, market, quotes = held(folder)

    def solve() -> ho.Plan:
        problem = ho.Problem(book=book, market=market, quotes=quotes, limits=LIMITS, lots=lots)
        return ho.cheapest(problem)

    plan = measure(solve, **about(f"cheapest{', in lots' if lots else ''}", len(quotes)))
    measure.about(gap=plan.gap)
    total = plan.after.total["BTC"]
    assert abs(total["net_delta"]) <= 1 + 1e-6
    assert abs(total["gamma_usd_1pct"]) <= 500_000.01


def moves(count: int) -> Nodes:
    rng = np.random.default_rng(3)
    spot = np.clip(0.04 * rng.standard_t(4, count), -0.6, 0.6)
    vol = np.clip(-0.5 * spot + 0.05 * rng.standard_normal(count), -0.4, 1.0)
    return Nodes.of(spot={"BTC": np.expm1(spot)}, vol={"BTC": vol}, time=1 / 365)


@pytest.mark.parametrize("count", [4_000, 44_000])
def test_least_shortfall(measure: Callable[..., Any], folder: str, count: int) -> None:
    """After the revaluation; 4,000 scenarios are too few to trust, 44,000 of 22 instruments are enough."""
    _, market, quotes = held(folder)
    few = quotes.near_deltas(market, (0.1, 0.25, 0.5), expiries=3)
    btc = hc.Book.from_frame({
        "instrument": ["BTC-26JUN26-90000-C"], "quantity": [-50.0],
    })  # fmt: skip
    problem = ho.Problem(book=btc, market=market, quotes=few, actions=("open",))
    scenarios = ho.Scenarios.of(problem, moves(count), vol_shock="relative")
    plan = measure(
        lambda: ho.least_shortfall(problem, scenarios, overfit="allow"),
        **about(f"expected shortfall of {count:,} scenarios", len(few)),
    )
    before, after = plan.tails[0].expected_shortfall
    assert after < before
