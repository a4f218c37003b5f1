"""QuantLib: its calculator of Black's formula, one option at a time, as its Python interface has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import QuantLib as ql

import peers

LARGEST = 1_000


def operations() -> dict[str, peers.Operation]:
    """Return the operations: loops over options; numbers of Python in, numbers out."""

    def rows(a: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
        return list(zip(*(a[name].tolist() for name in names), strict=True))

    def side(kind: int) -> Any:
        return ql.Option.Call if kind > 0 else ql.Option.Put

    def calculator(
        kind: int, strike: float, expiry: float, vol: float, spot: float, rate: float
    ) -> Any:
        discount = np.exp(-rate * expiry)
        payoff = ql.PlainVanillaPayoff(side(kind), strike)
        return ql.BlackCalculator(payoff, spot / discount, vol * np.sqrt(expiry), discount)

    option = ("kind", "strike", "expiry", "vol", "spot", "rate")

    def price(a: dict[str, Any]) -> Callable[[], Any]:
        options = rows(a, *option)
        return lambda: np.array([calculator(*terms).value() for terms in options])

    def six(a: dict[str, Any]) -> Callable[[], Any]:
        options = rows(a, *option)

        def one(terms: tuple[Any, ...]) -> tuple[float, ...]:
            _, _, expiry, _, spot, _ = terms
            black = calculator(*terms)
            return (
                black.value(), black.delta(spot), black.gamma(spot), black.vega(expiry),
                black.theta(spot, expiry), black.rho(expiry),
            )  # fmt: skip

        names = ("price", "delta", "gamma", "vega", "theta", "rho")
        return lambda: dict(zip(names, np.array([one(t) for t in options]).T, strict=True))

    def implied_vol(a: dict[str, Any]) -> Callable[[], Any]:
        options = rows(a, "price", "kind", "strike", "expiry", "spot", "rate")

        def one(
            price: float, kind: int, strike: float, expiry: float, spot: float, rate: float
        ) -> float:
            discount = np.exp(-rate * expiry)
            total = ql.blackFormulaImpliedStdDev(
                side(kind),
                strike,
                spot / discount,
                price,
                discount,
                0.0,
                ql.nullDouble(),
                1e-14,
                1000,
            )  # LiRS is slower and gives up in the wings
            return float(total / np.sqrt(expiry))

        return lambda: np.array([one(*terms) for terms in options])

    return {"price": price, "six": six, "implied_vol": implied_vol}
