"""Historical simulation: 17,496 joint moves on 1,000 inverse options, and what follows from it.

Made of random moves of two coins; the P&L of some nodes is checked against the risk of the book in the moved market.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore.tails import Covariance, Moves, historical, parametric

NODES, OPTIONS = 17_496, 1_000
EXPIRIES = ("2026-01-09T08:00", "2026-01-30T08:00", "2026-03-27T08:00", "2026-12-25T08:00")
INDEX = {"BTC": 90_000.0, "ETH": 3_000.0}


def market(spot: dict[str, float] | None = None, vol: float = 0.6) -> hc.Market:
    levels = {coin: value * (spot or {}).get(coin, 1.0) for coin, value in INDEX.items()}
    forwards = {(coin, when): level for coin, level in levels.items() for when in EXPIRIES}
    return hc.Market("2026-01-01", index=levels, forwards=forwards, vols=vol)


def book() -> hc.Book:
    rng = np.random.default_rng(1)
    coins = rng.choice(list(INDEX), OPTIONS)
    centre = np.array([INDEX[coin] for coin in coins])
    return hc.Book.from_frame({
        "type": ["option"] * OPTIONS, "base": coins, "kind": rng.choice(["C", "P"], OPTIONS),
        "strike": np.round(centre * rng.uniform(0.7, 1.3, OPTIONS)), "expiry_time": rng.choice(EXPIRIES, OPTIONS),
        "settlement": ["inverse"] * OPTIONS, "quantity": rng.normal(size=OPTIONS),
    })  # fmt: skip


def moves(vols: bool) -> Moves:
    rng = np.random.default_rng(2)
    end = np.datetime64("2024-01-01", "us") + np.timedelta64(3600, "s") * np.arange(NODES)
    spot = {coin: rng.normal(0, 0.03, NODES) for coin in INDEX}
    changes = {coin: rng.normal(0, 0.03 if vols else 0.0, NODES) for coin in INDEX}
    return Moves.of(end, spot=spot, vol=changes, overlap=24)


def about(who: str, n: int, threads: int) -> dict[str, Any]:
    return {"operation": "tails", "n": n, "nodes": NODES, "who": who, "threads": threads}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("vols", [False, True])
def test_historical(measure: Callable[..., Any], vols: bool, threads: int) -> None:
    whole, here, history = book(), market(), moves(vols)
    who = f"historical, {'vols move' if vols else 'vols stand still'}"
    result = measure(lambda: historical(whole, here, history, threads=threads),
                     **about(who, OPTIONS, threads))  # fmt: skip
    base = whole.risk(here).total_usd["value_usd"]
    for i in range(0, NODES, 4000):
        value = 0.0
        for coin in INDEX:  # each coin has its own vol
            moved = market(
                {c: 1 + x[i] for c, x in history.spot.items()}, 0.6 * (1 + history.vol[coin][i])
            )
            value += whole.risk(moved).total[coin]["value_usd"]
        assert result.total[i] == pytest.approx(value - base, rel=1e-8, abs=1e-4)


def test_bootstrap(measure: Callable[..., Any]) -> None:
    result = historical(book(), market(), moves(True))
    made = measure(
        lambda: result.bootstrap(samples=1000), **about("bootstrap of 1,000 samples", OPTIONS, 1)
    )
    assert made.expected_shortfall.shape == (1000, 3)
    found = result.tail(0.975).expected_shortfall
    assert np.median(made.expected_shortfall[:, 1]) == pytest.approx(found, rel=0.1)


def test_contributions(measure: Callable[..., Any]) -> None:
    tail = historical(book(), market(), moves(True)).tail(0.975)
    parts = measure(lambda: tail.contributions(), **about("contributions by position", OPTIONS, 1))
    assert parts.expected_shortfall.sum() == pytest.approx(tail.expected_shortfall, rel=1e-9)


def test_parametric(measure: Callable[..., Any]) -> None:
    factors = {f"{coin}_{what}": 0.03 for coin in INDEX for what in ("spot", "vol")}
    whole, here, given = book(), market(), Covariance.of(factors)
    at_risk, shortfall = measure(
        lambda: parametric(whole, here, given).tail(0.975), **about("parametric, exact", OPTIONS, 1)
    )
    assert shortfall > at_risk > 0
