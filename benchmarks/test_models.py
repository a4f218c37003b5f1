"""Digitals and Bachelier's model: ns per option, correctness asserted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import workload

WHICH = ("price", "delta", "gamma", "vega", "theta", "rho")
N = 100_000
BACHELIER = {"model": "bachelier"}
CASH, ASSET = {"payoff": "cash_or_nothing"}, {"payoff": "asset_or_nothing"}


def chain(terms: dict[str, str]) -> dict[str, Any]:
    """Options like those of a crypto book: a day to two years, 30 to 120 % vol, out of the money."""
    rng = np.random.default_rng(20261122)
    forward = rng.uniform(5e4, 9e4, N)
    strike = forward * np.exp(rng.normal(0, 0.25, N))
    vol = rng.uniform(0.3, 1.2, N) * (forward if terms is BACHELIER else 1.0)
    kind = np.where(strike > forward, 1, -1).astype(np.int8)
    return {"kind": kind, "strike": strike, "expiry": rng.uniform(1 / 365, 2, N), "vol": vol, "forward": forward} | terms  # fmt: skip


ABOUT = {"form": "forward", "n": N, "threads": 1, "result": "fresh", "who": "hedgecore"}


@pytest.mark.parametrize("terms", [CASH, ASSET, BACHELIER], ids=lambda t: "-".join(t.values()))
def test_six_greeks(measure: Callable[..., Any], terms: dict[str, str]) -> None:
    arguments = chain(terms)
    arrays = {k: v for k, v in arguments.items() if k not in terms}
    (operation,) = terms.values()
    g = measure(
        lambda: hc.greeks(**arguments, which=WHICH, threads=1),
        operation=operation, bytes=workload.traffic(arrays, len(WHICH)), **ABOUT,
    )  # fmt: skip
    step = 1e-5 * arguments["forward"]
    up, down = (
        hc.price(**arguments | {"forward": arguments["forward"] + h}) for h in (step, -step)
    )
    np.testing.assert_allclose(g.delta, (up - down) / (2 * step), rtol=1e-5, atol=1e-5 * np.abs(g.delta).max())  # fmt: skip


def test_implied_vol(measure: Callable[..., Any]) -> None:
    arguments = chain(BACHELIER)
    vol, price = arguments["vol"], hc.price(**arguments)
    del arguments["vol"]
    arrays = {"price": price, **{k: v for k, v in arguments.items() if k not in BACHELIER}}
    got = measure(
        lambda: hc.implied_vol(price, **arguments, threads=1),
        operation="normal_vol", bytes=workload.traffic(arrays, 1), **ABOUT,
    )  # fmt: skip
    solvable = price > 1e-200
    np.testing.assert_allclose(got[solvable], vol[solvable], rtol=1e-12)
