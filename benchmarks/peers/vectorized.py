"""py_vollib_vectorized: vollib's functions compiled by numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import py_vollib_vectorized as vectorized

import peers

UNITS = {"vega": 0.01, "theta": 1 / 365, "rho": 0.01}


def operations() -> dict[str, peers.Operation]:
    """Return the operations."""

    def option(a: dict[str, Any]) -> tuple[Any, ...]:
        flags = np.where(a["kind"] > 0, "c", "p")
        return flags, a["spot"], a["strike"], a["expiry"], a["rate"]

    def price(a: dict[str, Any]) -> Callable[[], Any]:
        flag, *terms = option(a)
        return lambda: vectorized.vectorized_black_scholes(
            flag, *terms, a["vol"], return_as="numpy"
        )

    def six(a: dict[str, Any]) -> Callable[[], Any]:
        flag, *terms = option(a)
        alone = price(a)
        return lambda: {
            "price": alone(),
            **vectorized.get_all_greeks(
                flag, *terms, a["vol"], model="black_scholes", return_as="dict"
            ),
        }

    def implied_vol(a: dict[str, Any]) -> Callable[[], Any]:
        flag, *terms = option(a)
        return lambda: vectorized.vectorized_implied_volatility(
            a["price"], *terms, flag, on_error="ignore", return_as="numpy"
        )

    return {"price": price, "six": six, "implied_vol": implied_vol}
