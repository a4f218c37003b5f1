"""The options that every benchmark prices, and what a right answer is.

The first rows are the same whatever the number of rows, so that 50-digit values of these witnesses
serve every size.  Inputs are not rotated, neither for hedgecore nor for its peers: a call reads what
the call before it read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import hedgecore as hc
import oracle

Arrays = dict[str, npt.NDArray[Any]]
FORMS = ("forward", "spot")
SIX = ("price", "delta", "gamma", "vega", "theta", "rho")
WITNESSES = 6
SEED = 20261122


class Run(NamedTuple):
    """The sizes of a run, and whether it takes times."""

    sizes: list[int]
    timed: bool


def _uniforms(n: int, columns: int) -> npt.NDArray[np.float64]:
    return np.random.default_rng(SEED).random((n, columns)).T


def _between(u: npt.NDArray[np.float64], low: float, high: float) -> npt.NDArray[np.float64]:
    return np.ascontiguousarray(low + (high - low) * u)


def chain(n: int, form: str, deviations: float = 3.0) -> Arrays:
    """A crypto book, a day to two years, 30 to 120 % vol, out of the money.

    Strikes lie within so many standard deviations of the forward.  The spot form has a rate.
    """
    u = _uniforms(n, 5)
    forward, expiry, vol = (
        _between(u[0], 5e4, 9e4),
        _between(u[1], 1 / 365, 2),
        _between(u[2], 0.3, 1.2),
    )
    away = _between(u[3], -deviations, deviations) * vol * np.sqrt(expiry)
    options = {
        "kind": np.where(away > 0, 1, -1).astype(np.int8),
        "strike": forward * np.exp(away),
        "expiry": expiry,
        "vol": vol,
    }
    if form == "forward":
        return {**options, "forward": forward}
    rate = _between(u[4], 0.0, 0.06)
    return {**options, "spot": forward * np.exp(-rate * expiry), "rate": rate}


def domain(n: int, form: str) -> Arrays:
    """The whole domain of implied vol: total vols of 1e-4 to 10, prices down to 1e-300.

    Half of the prices are spread evenly by their logarithm, the other half lies near the forward.
    """
    u = _uniforms(n, 5)
    total = np.exp(_between(u[2], np.log(1e-4), np.log(10)))
    expiry = _between(u[1], 1 / 365, 2)
    forward = np.full(n, 7e4)
    # the price is about exp(-z^2 / 2) of the forward where the strike is z + total / 2 deviations away
    z = np.where(u[3] < 0.5, 4 * u[4], np.sqrt(1360 * u[4]))
    away = total * (z - 0.5 * np.minimum(z, total))
    put = u[0] < 0.5
    options = {
        "kind": np.where(put, -1, 1).astype(np.int8),
        "strike": forward * np.exp(np.where(put, -away, away)),
        "expiry": expiry,
        "vol": total / np.sqrt(expiry),
    }
    if form == "forward":
        return {**options, "forward": forward}
    return {**options, "spot": forward, "rate": np.zeros(n)}


def earlier(n: int, names: Sequence[str]) -> hc.Greeks:
    """An earlier result with these columns, to be refilled."""
    settlement = "inverse" if "black_delta" in names else "linear"
    return hc.greeks(
        "C", strike=np.ones(n), expiry=1, vol=1, forward=1, which=tuple(names), settlement=settlement
    )  # fmt: skip


def quotes(n: int, form: str, whole_domain: bool = False) -> tuple[Arrays, npt.NDArray[np.float64]]:
    """Arguments of implied_vol, and the vols that its prices were made with."""
    options = domain(n, form) if whole_domain else chain(n, form, deviations=8.0)
    price = hc.price(**options)
    vol = options.pop("vol")
    return {"price": price, **options}, vol


def information(arguments: Arrays, vol: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What one unit in the last place of the price changes in the vol, relative."""
    rest = {name: values for name, values in arguments.items() if name != "price"}
    vega = hc.greeks(**rest, vol=vol, which="vega").vega
    return 2.0**-52 * arguments["price"] / (vega * vol)


@lru_cache(maxsize=64)
def _witness(form: str, settlement: str, name: str, row: int) -> float:
    options = chain(WITNESSES, form)
    at = {key: float(values[row]) for key, values in options.items()}
    option = oracle.Option(
        int(at["kind"]),
        at["forward" if form == "forward" else "spot"],
        at["strike"],
        at["expiry"],
        at["vol"],
        rate=at.get("rate", 0.0),
        forward_form=form == "forward",
    )
    return float(oracle.greek(option, name, settlement))


def assert_exact(
    columns: Any, names: Sequence[str], form: str, settlement: str = "linear"
) -> float:
    """Hold the first rows to 50-digit values; return the largest relative error found there."""
    worst = 0.0
    for name in names:
        values = np.asarray(columns[name])
        assert np.isfinite(values[:: max(1, len(values) // 1000)]).all(), name
        for row in range(min(WITNESSES, len(values))):
            exact = _witness(form, settlement, name, row)
            worst = max(worst, abs(float(values[row]) / exact - 1))
    assert worst < 1e-11, f"{worst:.1e} away from the 50-digit value"
    return worst


def traffic(inputs: Arrays, outputs: int) -> int:
    """Bytes moved per option: each input once, each result twice (a store reads its line first)."""
    return sum(values.itemsize for values in inputs.values()) + 16 * outputs
