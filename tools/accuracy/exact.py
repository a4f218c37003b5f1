"""Exact values in ball arithmetic: every number here carries a proven bound of its own error.

The closed forms are those of docs/conventions.md, written once more, with as many digits as it
takes; tests/test_accuracy.py compares each with the numerical derivatives of tests/oracle.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from flint import arb, ctx

DIGITS = 50
_BITS = 167  # of 50 digits
precision = ctx.workprec  # a context with that many bits
Result = TypeVar("Result")


def certified(compute: Callable[[], dict[str, arb]]) -> dict[str, arb]:
    """The values to at least 50 digits each, computed with more bits until the balls prove it."""
    bits = 256
    while True:
        with ctx.workprec(bits):
            values = compute()
            if all(value.rel_accuracy_bits() >= _BITS for value in values.values()):
                return values
        if bits > 16384:
            raise ArithmeticError(f"{bits} bits are not enough for {DIGITS} digits of {values}")
        bits *= 2


def split(value: arb) -> tuple[float, float]:
    """The nearest double, and what it lacks relative to it: what errors are measured against."""
    with precision(256):
        near = float(value.mid())
        return near, float(((value - near) / near).mid()) if near else 0.0


def normal_pdf(x: arb) -> arb:
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def normal_cdf(x: arb) -> arb:
    return (-x / arb(2).sqrt()).erfc() / 2


def normal_quantile(p: arb) -> arb:
    return -arb(2).sqrt() * (2 * p).erfcinv()


class Sum:
    """A sum of terms: its value, and the sum of the absolute values of its terms when expanded."""

    __slots__ = ("size", "value")

    def __init__(self, value: arb | float, size: arb | None = None) -> None:
        self.value = arb(value)
        self.size = abs(self.value) if size is None else size

    @property
    def mixed(self) -> bool:
        """Whether there are terms of both signs (by more than a millionth)."""
        return bool(self.size > 1.000001 * abs(self.value))

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.value + other.value, self.size + other.size)

    def __neg__(self) -> Sum:
        return Sum(-self.value, self.size)

    def __sub__(self, other: Sum) -> Sum:
        return self + -other

    def __mul__(self, other: Sum | arb | float) -> Sum:
        if isinstance(other, Sum):
            return Sum(self.value * other.value, self.size * other.size)
        factor = arb(other)
        return Sum(self.value * factor, self.size * abs(factor))

    __rmul__ = __mul__

    def __truediv__(self, other: arb | float) -> Sum:
        return Sum(self.value / other, self.size / abs(arb(other)))


@dataclass(frozen=True)
class Black:
    """One option of Black, Scholes and Merton.

    x is the spot, or the forward if ``forward_form``: there rate = carry, both standing for the
    discount factor, and the forward is held fixed.
    """

    kind: int
    x: arb
    strike: arb
    expiry: arb
    vol: arb
    rate: arb
    carry: arb
    forward_form: bool

    @cached_property
    def total_vol(self) -> arb:
        return self.vol * self.expiry.sqrt()

    @cached_property
    def legs(self) -> tuple[arb, arb]:
        """The discounted underlying and strike, U and B."""
        return (
            self.x * (-self.carry * self.expiry).exp(),
            self.strike * (-self.rate * self.expiry).exp(),
        )

    @cached_property
    def d1(self) -> Sum:
        s = self.total_vol
        growth = (self.rate - self.carry) * self.expiry
        return (Sum((self.x / self.strike).log()) + Sum(growth)) / s + Sum(s / 2)

    @cached_property
    def d2(self) -> Sum:
        return self.d1 - Sum(self.total_vol)

    @cached_property
    def density(self) -> arb:
        """E = U n(d1) = B n(d2)."""
        return self.legs[0] * normal_pdf(self.d1.value)

    @cached_property
    def parts(self) -> tuple[arb, arb]:
        """U N(w d1) and B N(w d2)."""
        (u, b), w = self.legs, self.kind
        return u * normal_cdf(w * self.d1.value), b * normal_cdf(w * self.d2.value)

    @cached_property
    def value(self) -> arb:
        return self.kind * (self.parts[0] - self.parts[1])

    @cached_property
    def out_of_money(self) -> Black:
        """The option itself, or the other of call and put: the one whose value is all time value."""
        u, b = self.legs
        return replace(self, kind=-self.kind) if self.kind * (u - b) > 0 else self

    @cached_property
    def condition(self) -> arb:
        """kappa: the sum of |input x dV/dinput| / V over the inputs as they are given."""
        (u, b), r, q, t = self.parts, self.rate, self.carry, self.expiry
        by_vol = self.density * self.total_vol
        total = u + b + by_vol
        if self.forward_form:  # forward, strike, vol, expiry at a given discount, the discount
            total += by_vol / 2 + (self.value if r != 0 else 0)
        else:
            total += t * abs(self.kind * (r * b - q * u) + by_vol / (2 * t))
            total += t * (abs(r) * b + abs(q) * u)
        return total / self.value

    def greeks(self, settlement: str) -> dict[str, Sum]:
        """Every Greek, with the sizes of its terms."""
        return self._inverse() if settlement == "inverse" else self._linear()

    @cached_property
    def _slopes(self) -> tuple[Sum, Sum]:
        """d(d1)/dT and d(d2)/dT."""
        lead = Sum((self.rate - self.carry) / self.total_vol)
        return lead - self.d2 / (2 * self.expiry), lead - self.d1 / (2 * self.expiry)

    @cached_property
    def _linear_greeks(self) -> dict[str, Sum]:
        w, x, k, t, vol, r, q = (
            self.kind, self.x, self.strike, self.expiry, self.vol, self.rate, self.carry,
        )  # fmt: skip
        s, d1, d2, one = self.total_vol, self.d1, self.d2, Sum(1)
        u, b = (Sum(part) for part in self.parts)
        gamma = Sum(self.density / (x * x * s))
        vega = Sum(self.density * t.sqrt())
        unit = Sum(self.density / x)
        steep = d1 * self._slopes[0]
        product = d1 * d2
        greeks = {
            "price": Sum(self.value),
            "delta": w * u / x,
            "gamma": gamma,
            "vega": vega,
            "theta": w * q * u - w * r * b - vega * vol / (2 * t),
            "rho": -t * Sum(self.value) if self.forward_form else w * t * b,
            "phi": -w * t * u,
            "vanna": -unit * d2 / vol,
            "volga": vega * product / vol,
            "charm": w * q * u / x - unit * self._slopes[0],
            "veta": vega * (Sum(q) + steep - Sum(1 / (2 * t))),
            "speed": -gamma * (d1 / s + one) / x,
            "zomma": gamma * (product - one) / vol,
            "color": gamma * (Sum(q) + steep + Sum(1 / (2 * t))),
            "ultima": -vega * (product * (one - product) + d1 * d1 + d2 * d2) / (vol * vol),
            "dual_delta": -w * b / k,
            "dual_gamma": Sum(self.density / (k * k * s)),
        }
        if self.forward_form:
            del greeks["phi"]
        return greeks

    def _linear(self) -> dict[str, Sum]:
        return dict(self._linear_greeks)

    def _inverse(self) -> dict[str, Sum]:
        linear, x, s, vol, r = self._linear_greeks, self.x, self.total_vol, self.vol, self.rate
        d1, d2, q, one = self.d1, self.d2, self.carry, Sum(1)
        unit = Sum(self.density / x)
        steep = unit / s
        net = Sum(self.kind * self.parts[1] / x)
        charm = r * net - unit * self._slopes[1]
        by_time = Sum(q) + d1 * self._slopes[0] + Sum(1 / (2 * self.expiry))
        per_coin = {name: value / x for name, value in linear.items()}
        return per_coin | {
            "delta": net,
            "gamma": (steep - net) / x,
            "vanna": -unit * d1 / vol,
            "charm": charm,
            "speed": (net + net - steep * (d1 / s + one + one)) / (x * x),
            "zomma": unit / (x * vol) * ((d1 * d2 - one) / s + d1),
            "color": (steep * by_time - charm) / x,
            "black_delta": linear["delta"],
            "black_gamma": linear["gamma"],
        }


def black(row: dict[str, float]) -> Black:
    """The option of one row of arguments, in the form that they are in; the doubles are exact."""
    x, k, t, vol = (arb(row[name]) for name in ("x", "strike", "expiry", "vol"))
    forward_form = "rate" not in row
    rate = -arb(row.get("discount", 1.0)).log() / t if forward_form else arb(row["rate"])
    carry = rate if forward_form else arb(row["carry"])
    return Black(int(row["kind"]), x, k, t, vol, rate, carry, forward_form)


def implied(option: Black, price: arb) -> arb:
    """The vol at which the option is worth exactly that; its own vol is where to start.

    Newton's iteration on the logarithm of the out-of-the-money value.
    """
    (u, b), w = option.legs, option.kind
    target = price - w * (u - b) if w * (u - b) > 0 else price
    if not target > 0:
        raise ArithmeticError("there is no vol: the price is not above the intrinsic value")
    option = option.out_of_money
    for _ in range(100):
        vega = option.density * option.expiry.sqrt()
        step = (option.value / target).log() * option.value / vega
        # the ball would grow from step to step; Newton mends what is cut off
        vol = arb((option.vol - step).mid())
        if abs(step) < vol * arb(2) ** -90:
            return vol  # the next step would be of the order of 2^-180
        option = replace(option, vol=vol)
    raise ArithmeticError("Newton's iteration has not settled")
