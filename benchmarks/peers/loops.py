"""numba: the loops that a careful user of numba would write, one pass, fastmath, erfc for the tails."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

import peers
import workload

_HALF = math.sqrt(0.5)
_DENSITY = 1 / math.sqrt(2 * math.pi)


def _price(
    kind: Any,
    strike: Any,
    expiry: Any,
    vol: Any,
    spot: Any,
    rate: Any,
    price: Any,
) -> None:
    for i in numba.prange(len(kind)):  # a plain range where one thread is asked for
        s = vol[i] * math.sqrt(expiry[i])
        d1 = (math.log(spot[i] / strike[i]) + rate[i] * expiry[i]) / s + 0.5 * s
        q = -kind[i] * _HALF
        present = strike[i] * math.exp(-rate[i] * expiry[i])
        price[i] = kind[i] * 0.5 * (spot[i] * math.erfc(q * d1) - present * math.erfc(q * (d1 - s)))


def _six(
    kind: Any,
    strike: Any,
    expiry: Any,
    vol: Any,
    spot: Any,
    rate: Any,
    price: Any,
    delta: Any,
    gamma: Any,
    vega: Any,
    theta: Any,
    rho: Any,
) -> None:
    for i in numba.prange(len(kind)):  # a plain range where one thread is asked for
        root = math.sqrt(expiry[i])
        s = vol[i] * root
        d1 = (math.log(spot[i] / strike[i]) + rate[i] * expiry[i]) / s + 0.5 * s
        q = -kind[i] * _HALF
        present = strike[i] * math.exp(-rate[i] * expiry[i])
        n1 = 0.5 * math.erfc(q * d1)
        n2 = present * 0.5 * math.erfc(q * (d1 - s))
        density = _DENSITY * math.exp(-0.5 * d1 * d1)
        price[i] = kind[i] * (spot[i] * n1 - n2)
        delta[i] = kind[i] * n1
        gamma[i] = density / (spot[i] * s)
        vega[i] = spot[i] * density * root
        theta[i] = -0.5 * spot[i] * density * vol[i] / root - kind[i] * rate[i] * n2
        rho[i] = kind[i] * expiry[i] * n2


def _implied_vol(
    price: Any,
    kind: Any,
    strike: Any,
    expiry: Any,
    spot: Any,
    rate: Any,
    vol: Any,
) -> None:
    """Newton on ln(price) of the out-of-the-money option: concave, so that it climbs from the left."""
    for i in numba.prange(len(kind)):  # a plain range where one thread is asked for
        present = strike[i] * math.exp(-rate[i] * expiry[i])
        x = math.log(spot[i] / present)
        otm = price[i]
        if kind[i] * x > 0:
            otm -= kind[i] * (spot[i] - present)
        c = otm / min(spot[i], present)
        x = abs(x)
        target = math.log(c)
        s = max(c * 2.5066282746310002, x / math.sqrt(-2 * target)) if c < 1 else math.nan
        for _ in range(64):
            d1 = -x / s + 0.5 * s
            ratio = math.erfc((s - d1) * _HALF) * math.exp(x)
            value = 0.5 * (math.erfc(-d1 * _HALF) - ratio)
            if not value > 0:
                s *= 1.25
                continue
            slope = _DENSITY * math.exp(-0.5 * d1 * d1) / value
            step = (target - math.log(value)) / slope
            s = max(0.5 * s, s + step)
            if abs(step) <= 1e-9 * s:  # it squares: what is left is below the last bit
                break
        vol[i] = s / math.sqrt(expiry[i])


def _grid(
    kind: Any,
    strike: Any,
    forward: Any,
    log_ratio: Any,
    root: Any,
    vol: Any,
    weight: Any,
    spots: Any,
    vols: Any,
    sums: Any,
) -> None:
    """The sums over the options at every node: price, delta, gamma, vega."""
    for j in range(len(vols)):
        for k in range(len(spots)):
            log_u = math.log(spots[k])
            price, delta, gamma, vega = 0.0, 0.0, 0.0, 0.0
            for i in range(len(strike)):
                f, s = forward[i] * spots[k], vol[i] * vols[j] * root[i]
                d1 = (log_ratio[i] + log_u) / s + 0.5 * s
                q = -kind[i] * _HALF
                n1, n2 = 0.5 * math.erfc(q * d1), 0.5 * math.erfc(q * (d1 - s))
                density = _DENSITY * math.exp(-0.5 * d1 * d1)
                price += weight[i] * kind[i] * (f * n1 - strike[i] * n2)
                delta += weight[i] * kind[i] * n1
                gamma += weight[i] * density / (f * s)
                vega += weight[i] * f * density * root[i]
            node = j * len(spots) + k
            sums[0, node], sums[1, node], sums[2, node], sums[3, node] = price, delta, gamma, vega


def operations(
    out: bool = False, threads: int = 1, svml: bool = False
) -> dict[str, peers.Operation]:
    """Return the operations; SVML is a property of the process, which has it or has it not."""
    if svml and not numba.config.USING_SVML:
        raise peers.Missing(
            "needs numba 0.61 and intel-cmplr-lib-rt, which `make bench` sets up beside"
        )
    if numba.config.USING_SVML and not svml:
        raise peers.Missing("this process has Intel SVML")

    if threads > 1:
        numba.set_num_threads(threads)
    how = {"error_model": "numpy", "parallel": threads > 1}
    price, six = (numba.njit(fastmath=True, **how)(loop) for loop in (_price, _six))
    grid = numba.njit(fastmath=True, error_model="numpy")(_grid)
    implied_vol = numba.njit(**how)(_implied_vol)  # fastmath may assume that there is no NaN

    def calling(loop: Callable[..., None], order: tuple[str, ...], columns: int) -> peers.Operation:
        def make(a: dict[str, Any]) -> Callable[[], Any]:
            inputs = [a[name] for name in order]
            n = len(inputs[0])
            given = [np.empty(n) for _ in range(columns)]

            def call() -> Any:
                results = given if out else [np.empty(n) for _ in range(columns)]
                loop(*inputs, *results)
                if columns == 1:
                    return results[0]
                return dict(zip(workload.SIX, results, strict=True))

            return call

        return make

    def make_grid(a: dict[str, Any]) -> Callable[[], Any]:
        kind = np.asarray(a["kind"], float)
        log_ratio, root = np.log(a["spot"] / a["strike"]), np.sqrt(a["expiry"])
        columns = (kind, a["strike"], a["spot"], log_ratio, root, a["vol"], a["quantity"])

        def call() -> Any:
            sums = np.empty((4, len(a["spots"]) * len(a["vols"])))
            grid(*columns, a["spots"], a["vols"], sums)
            return sums

        return call

    option = ("kind", "strike", "expiry", "vol", "spot", "rate")
    quoted = ("price", *(name for name in option if name != "vol"))
    return {
        "price": calling(price, option, 1),
        "six": calling(six, option, 6),
        "implied_vol": calling(implied_vol, quoted, 1),
        "grid": make_grid,
    }
