"""fast-vollib: Black-Scholes, all Greeks, implied vol by Halley and after Jaeckel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fast_vollib
import numpy as np
from fast_vollib.jackel.jackel_iv import jackel_iv_black

import peers

UNITS = {"vega": 0.01, "theta": 1 / 365, "rho": 0.01}


def jaeckel(a: dict[str, Any]) -> Callable[[], Any]:
    """Its solver after Jaeckel, which takes undiscounted prices."""
    call = a["kind"] > 0

    def solve() -> Any:
        growth = np.exp(a["rate"] * a["expiry"])
        return jackel_iv_black(
            a["price"] * growth, a["spot"] * growth, a["strike"], a["expiry"], call
        )

    return solve


def operations(backend: str) -> dict[str, peers.Operation]:
    """Return the operations, through one of its backends."""
    if backend == "jaeckel":
        return {"implied_vol": jaeckel}
    how = {"backend": backend}

    def option(a: dict[str, Any]) -> tuple[Any, ...]:
        flags = np.where(a["kind"] > 0, "c", "p")
        return flags, a["spot"], a["strike"], a["expiry"], a["rate"]

    def price(a: dict[str, Any]) -> Callable[[], Any]:
        flag, *terms = option(a)
        return lambda: fast_vollib.fast_black_scholes(
            flag, *terms, a["vol"], return_as="numpy", **how
        )

    def six(a: dict[str, Any]) -> Callable[[], Any]:
        flag, *terms = option(a)
        alone = price(a)
        return lambda: {
            "price": alone(),
            **fast_vollib.get_all_greeks(flag, *terms, a["vol"], return_as="dict", **how),
        }

    def implied_vol(a: dict[str, Any]) -> Callable[[], Any]:
        flag, *terms = option(a)
        return lambda: fast_vollib.fast_implied_volatility(
            a["price"], *terms, flag, on_error="ignore", return_as="numpy", **how
        )

    return {"price": price, "six": six, "implied_vol": implied_vol}
