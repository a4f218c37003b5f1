"""Digitals and Bachelier's model beside vanilla options under Black: ns per option, correctness asserted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hedgecore as hc

WHICH = ("price", "delta", "gamma", "vega", "theta", "rho")
N = 100_000
BLACK, BACHELIER = {"model": "black"}, {"model": "bachelier"}
CASH, ASSET = {"payoff": "cash_or_nothing"}, {"payoff": "asset_or_nothing"}


def chain(terms: dict[str, str]) -> dict[str, Any]:
    """Options like those of a crypto book: a day to two years, 30 to 120 % vol, out of the money."""
    rng = np.random.default_rng(20261122)
    forward = rng.uniform(5e4, 9e4, N)
    strike = forward * np.exp(rng.normal(0, 0.25, N))
    vol = rng.uniform(0.3, 1.2, N) * (forward if terms is BACHELIER else 1.0)
    kind = np.where(strike > forward, 1, -1).astype(np.int8)
    return {"kind": kind, "strike": strike, "expiry": rng.uniform(1 / 365, 2, N), "vol": vol, "forward": forward} | terms  # fmt: skip


@pytest.mark.parametrize(
    "terms", [BLACK, CASH, ASSET, BACHELIER], ids=lambda t: "-".join(t.values())
)
def test_six_greeks(benchmark: Any, terms: dict[str, str]) -> None:
    arguments = chain(terms)
    benchmark.group = f"models and payoffs: price and five Greeks, {N} options"
    g = benchmark(lambda: hc.greeks(**arguments, which=WHICH, threads=1))
    step = 1e-5 * arguments["forward"]
    up, down = (
        hc.price(**arguments | {"forward": arguments["forward"] + h}) for h in (step, -step)
    )
    np.testing.assert_allclose(g.delta, (up - down) / (2 * step), rtol=1e-5, atol=1e-5 * np.abs(g.delta).max())  # fmt: skip


@pytest.mark.parametrize("terms", [BLACK, BACHELIER], ids=lambda t: "-".join(t.values()))
def test_implied_vol(benchmark: Any, terms: dict[str, str]) -> None:
    arguments = chain(terms)
    vol, price = arguments["vol"], hc.price(**arguments)
    del arguments["vol"]
    benchmark.group = f"models: implied vol, {N} options"
    got = benchmark(lambda: hc.implied_vol(price, **arguments, threads=1))
    solvable = price > 1e-200
    np.testing.assert_allclose(got[solvable], vol[solvable], rtol=1e-12)
