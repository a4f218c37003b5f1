"""The formulas of docs/conventions.md for digitals and for Bachelier's model, with the size of their terms.

Where the terms of a Greek cancel, its error is measured against the sum of their absolute values.
The formulas are the documented ones, so that a comparison with the oracle proves the page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpmath as m
from mpmath import mpf

from oracle import Option


@dataclass(frozen=True)
class Sized:
    """A value and the sum of the absolute values of the terms that it is the sum of."""

    value: mpf
    size: mpf

    def __add__(self, other: Sized | mpf | float) -> Sized:
        other = sized(other)
        return Sized(self.value + other.value, self.size + other.size)

    def __mul__(self, other: Sized | mpf | float) -> Sized:
        other = sized(other)
        return Sized(self.value * other.value, self.size * other.size)

    def __truediv__(self, other: mpf | float) -> Sized:
        return Sized(self.value / other, self.size / abs(other))

    def __neg__(self) -> Sized:
        return Sized(-self.value, self.size)

    def __sub__(self, other: Sized | mpf | float) -> Sized:
        return self + -sized(other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Sized | mpf | float) -> Sized:
        return -self + other


def sized(x: Sized | mpf | float) -> Sized:
    """X itself, or a number as a single term."""
    return x if isinstance(x, Sized) else Sized(mpf(x), abs(mpf(x)))


def digital_terms(option: Option, settlement: str) -> dict[str, Sized]:
    """Every Greek of a digital."""
    inverse, asset = settlement == "inverse", option.payoff == "asset_or_nothing"
    x, k, T, vol, r, q = option.arguments
    q = r if option.forward_form else q
    w, b, s = option.sign, r - q, vol * m.sqrt(T)
    middle = Sized(m.log(x / k) + b * T, abs(m.log(x / k)) + abs(b * T)) / s
    d1, d2 = middle + s / 2, middle - s / 2
    d, c = (d1, d2) if asset else (d2, d1)
    lean = d1 if inverse else d2
    p, rho = asset - inverse, q if asset else r
    discount = m.exp(-rho * T) * x**p
    v, D = sized(discount * m.ncdf(w * d.value)), sized(w * discount * m.npdf(d.value))
    d_T, c_T = sized(b / s) - c / (2 * T), sized(b / s) - d / (2 * T)
    charm = p * rho * v + D / s * (rho + lean * d_T + 1 / (2 * T))
    per_x = mpf(1) if inverse else x
    M = lean - p * s
    greeks = {
        "price": v,
        "delta": (p * v + D / s) / per_x,
        "gamma": (p * p * v - D / s**2 * M) / x if inverse else -D * c / (s * x) ** 2,
        "vega": -c * D / vol,
        "theta": rho * v - D * d_T,
        "rho": (D * (T / s) if asset else D * (T / s) - T * v),
        "phi": (-D * (T / s) - T * v if asset else -D * (T / s)),
        "vanna": D / (s * vol * per_x) * (c * lean - 1),
        "volga": D / vol**2 * (d + c - d * c * c),
        "charm": charm / per_x,
        "veta": D / vol * (c_T - c * (rho + d * d_T)),
        "speed": (
            (p * p * (p - 1) * v + D / s**3 * (M * (lean + s) + (p * p * s * s - 1))) / x**2
            if inverse
            else D / (s * x) ** 3 * (c * (lean + 2 * s) - 1)
        ),
        "zomma": (
            D / (s * s * vol * x) * (2 * lean + c - c * lean * lean)
            if inverse
            else D / (s * s * vol * x * x) * (d + 2 * c - d * c * c)
        ),
        "color": (
            (p * p * rho * v + D / s**2 * (d_T - rho * M - lean * (lean * d_T + 1 / T))) / x
            if inverse
            else D / (s * x) ** 2 * (c_T - c * (rho + d * d_T + 1 / T))
        ),
        "ultima": D / vol**3 * (3 * (d + c) * (d * c - 1) + c * c * c * (1 - d * d)),
        "dual_delta": -D / (s * k),
        "dual_gamma": D / (s * k) ** 2 * (s - d),
    }
    if option.forward_form:
        greeks["rho"] = -T * v
        del greeks["phi"]
    return greeks | plain_ones(option, settlement, digital_terms)


def bachelier_terms(option: Option, settlement: str) -> dict[str, Sized]:
    """Every Greek under Bachelier's model."""
    x, k, T, vol, r, q = option.arguments
    q = r if option.forward_form else q
    w, b = option.sign, r - q
    a, D = m.exp(-q * T), m.exp(-r * T)
    U, B, s = x * a, k * D, D * vol * m.sqrt(T)
    d = Sized(U - B, abs(U) + abs(B)) / s
    n, N = m.npdf(d.value), m.ncdf(w * d.value)
    v = sized(option.value(*option.arguments))
    d_T = sized(b * U / s) - d / (2 * T)
    gamma, vega = sized(a * a * n / s), sized(D * m.sqrt(T) * n)
    greeks = {
        "price": v,
        "delta": sized(w * a * N),
        "gamma": gamma,
        "vega": vega,
        "theta": r * v + w * (q - r) * U * N - sized(s * n / (2 * T)),
        "rho": T * (sized(w * B * N) - s * n),
        "phi": sized(-w * T * U * N),
        "vanna": -a * n / vol * d,
        "volga": vega / vol * d * d,
        "charm": q * sized(w * a * N) - a * n * d_T,
        "veta": vega * (sized(r) - 1 / (2 * T) + d * d_T),
        "speed": -gamma * d * (a / s),
        "zomma": gamma / vol * (d * d - 1),
        "color": gamma * (sized(2 * q) - r + 1 / (2 * T) + d * d_T),
        "ultima": vega / vol**2 * d * d * (d * d - 3),
        "dual_delta": sized(-w * D * N),
        "dual_gamma": sized(D * D * n / s),
    }
    if option.forward_form:
        greeks["rho"] = -T * v
        del greeks["phi"]
    if settlement == "linear":
        return greeks
    P = (sized(w * B * N) - s * n) / x
    vanna = -n / (vol * x) * (U * d + s)
    charm = r * P + n / x * (sized(s / (2 * T)) - U * d_T)
    return {name: value / x for name, value in greeks.items()} | {
        "delta": P,
        "gamma": greeks["gamma"] - P / x,
        "vanna": vanna,
        "charm": charm,
        "speed": greeks["speed"] - greeks["gamma"] / x + 2 * P / x**2,
        "zomma": greeks["zomma"] - vanna / x,
        "color": greeks["color"] - charm / x,
        "black_delta": greeks["delta"],
        "black_gamma": greeks["gamma"],
    }


def plain_ones(
    option: Option, settlement: str, terms: Callable[[Option, str], dict[str, Sized]]
) -> dict[str, Sized]:
    """black_delta and black_gamma, which inverse settlement has beside its own."""
    if settlement == "linear":
        return {}
    linear = terms(option, "linear")
    return {"black_delta": linear["delta"], "black_gamma": linear["gamma"]}
