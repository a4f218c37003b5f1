"""The textbook's formulas over whole arrays: numpy with scipy, jax.jit, torch.compile, one thread."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any

import numpy as np

import peers
import workload

_DENSITY = 1 / math.sqrt(2 * math.pi)
_ORDER = ("kind", "strike", "expiry", "vol", "spot", "rate")


def _formulas(xp: Any, ndtr: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def price(kind: Any, strike: Any, expiry: Any, vol: Any, spot: Any, rate: Any) -> Any:
        s = vol * xp.sqrt(expiry)
        d1 = (xp.log(spot / strike) + rate * expiry) / s + 0.5 * s
        present = strike * xp.exp(-rate * expiry)
        return kind * (spot * ndtr(kind * d1) - present * ndtr(kind * (d1 - s)))

    def six(kind: Any, strike: Any, expiry: Any, vol: Any, spot: Any, rate: Any) -> Any:
        root = xp.sqrt(expiry)
        s = vol * root
        d1 = (xp.log(spot / strike) + rate * expiry) / s + 0.5 * s
        n1 = ndtr(kind * d1)
        n2 = strike * xp.exp(-rate * expiry) * ndtr(kind * (d1 - s))
        density = _DENSITY * xp.exp(-0.5 * d1 * d1)
        vega = spot * density * root
        return (
            kind * (spot * n1 - n2),
            kind * n1,
            density / (spot * s),
            vega,
            -0.5 * vega * vol / expiry - kind * rate * n2,
            kind * expiry * n2,
        )

    return price, six


def _sheet(xp: Any, ndtr: Any) -> Callable[..., Any]:
    """The sums at all spots of a grid that share a vol: spots x options, all that can be hoisted hoisted."""

    def sheet(
        kind: Any, strike: Any, forward: Any, log_ratio: Any, root: Any, s: Any, weight: Any, factor: Any
    ) -> Any:  # fmt: skip
        u = factor[:, None]
        moved = forward * u
        d1 = (log_ratio + xp.log(u)) / s + 0.5 * s
        n1, n2 = ndtr(kind * d1), ndtr(kind * (d1 - s))
        density = _DENSITY * xp.exp(-0.5 * d1 * d1)
        return (
            (kind * (moved * n1 - strike * n2)) @ weight,
            (kind * n1) @ weight,
            (density / (moved * s)) @ weight,
            (moved * density * root) @ weight,
        )

    return sheet


def operations(library: str) -> dict[str, peers.Operation]:
    """Return the operations; arrays go in and come out as numpy's, which is part of the call."""
    take: Callable[[Any], Any]
    give: Callable[[Any], Any]
    if library == "numpy":
        from scipy.special import ndtr

        price, six = _formulas(np, ndtr)
        sheet = _sheet(np, ndtr)
        take = give = lambda values: values
    elif library == "jax":
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
        import jax

        jax.config.update("jax_enable_x64", True)
        price, six = map(jax.jit, _formulas(jax.numpy, jax.scipy.special.ndtr))
        sheet = jax.jit(_sheet(jax.numpy, jax.scipy.special.ndtr))
        take, give = jax.numpy.asarray, np.asarray
    else:
        import torch

        torch.set_num_threads(1)
        price, six = map(torch.compile, _formulas(torch, torch.special.ndtr))
        sheet = torch.compile(_sheet(torch, torch.special.ndtr))
        take, give = torch.from_numpy, lambda values: values.numpy()

    def make_price(a: dict[str, Any]) -> Callable[[], Any]:
        inputs = [a[name] for name in _ORDER]
        return lambda: give(price(*map(take, inputs)))

    def make_six(a: dict[str, Any]) -> Callable[[], Any]:
        inputs = [a[name] for name in _ORDER]
        return lambda: dict(zip(workload.SIX, map(give, six(*map(take, inputs))), strict=True))

    def make_grid(a: dict[str, Any]) -> Callable[[], Any]:
        kind = np.asarray(a["kind"], float)
        root, log_ratio = np.sqrt(a["expiry"]), np.log(a["spot"] / a["strike"])
        few = max(1, 2000 // len(a["spots"])) if library == "numpy" else len(kind)  # in the cache

        def rows(first: int, vol: Any) -> Any:
            cut = slice(first, first + few)
            columns = (kind, a["strike"], a["spot"], log_ratio, root, vol * root, a["quantity"])
            return sheet(*(take(column[cut]) for column in columns), take(a["spots"]))

        def grid() -> Any:
            out = np.zeros((4, len(a["vols"]), len(a["spots"])))
            for j, factor in enumerate(a["vols"]):
                for first in range(0, len(kind), few):
                    for greek, sums in zip(out, rows(first, factor * a["vol"]), strict=True):
                        greek[j] += give(sums)
            return out.reshape(4, -1)

        return grid

    return {"price": make_price, "six": make_six, "grid": make_grid}
