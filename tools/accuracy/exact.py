"""Exact values in ball arithmetic: every number here carries a proven bound of its own error.

The closed forms are those of docs/conventions.md, written once more, with as many digits as it
takes; tests/test_accuracy.py compares each with the numerical derivatives of tests/oracle.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Self, TypeVar

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
class ClosedForm(ABC):
    """One option; a closed form adds its value, its linear and inverse Greeks, and what their errors are measured by.

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

    @classmethod
    def of(cls, row: dict[str, float]) -> Self:
        """The option of one row of arguments, in the form that they are in; the doubles are exact."""
        x, k, t, vol = (arb(row[name]) for name in ("x", "strike", "expiry", "vol"))
        forward_form = "rate" not in row
        rate = -arb(row.get("discount", 1.0)).log() / t if forward_form else arb(row["rate"])
        carry = rate if forward_form else arb(row["carry"])
        return cls(int(row["kind"]), x, k, t, vol, rate, carry, forward_form)

    @property
    @abstractmethod
    def d1(self) -> Sum:
        """What the distribution function is taken of: d of Bachelier's model."""

    @property
    @abstractmethod
    def density(self) -> arb:
        """Positive, in money; of a vanilla option vega / sqrt(T)."""

    @property
    @abstractmethod
    def parts(self) -> tuple[arb, ...]:
        """Positive amounts that the value is made of, beside the density."""

    @property
    @abstractmethod
    def value(self) -> arb:
        """The linear price."""

    @property
    @abstractmethod
    def linear(self) -> dict[str, Sum]:
        """Every Greek of linear settlement; rho and phi are those of the spot form."""

    @property
    @abstractmethod
    def inverse(self) -> dict[str, Sum]:
        """Every Greek of inverse settlement, likewise."""

    @cached_property
    def total_vol(self) -> arb:
        return self.vol * self.expiry.sqrt()

    @cached_property
    def growth(self) -> arb:
        """r - q, by which the underlying grows; the ball of a difference would not be 0 in the forward form."""
        return arb(0) if self.forward_form else self.rate - self.carry

    @cached_property
    def legs(self) -> tuple[arb, arb]:
        """The discounted underlying and strike, U and B."""
        return (
            self.x * (-self.carry * self.expiry).exp(),
            self.strike * (-self.rate * self.expiry).exp(),
        )

    @cached_property
    def out_of_money(self) -> Self:
        """The option itself, or the other of call and put: the one whose value is all time value."""
        u, b = self.legs
        return replace(self, kind=-self.kind) if self.kind * (u - b) > 0 else self

    @cached_property
    def condition(self) -> arb:
        """kappa: the sum of |input x dV/dinput| / V over the inputs as they are given."""
        slope = {name: greek.value for name, greek in self.linear.items()}
        total = self.x * slope["delta"], self.strike * slope["dual_delta"], self.vol * slope["vega"]
        if self.forward_form:  # forward, strike, vol, expiry at a given discount, the discount
            by_rates = (self.expiry * (slope["theta"] - self.rate * self.value),
                        self.value if self.rate != 0 else arb(0))  # fmt: skip
        else:
            by_rates = (self.expiry * slope["theta"],
                        self.rate * slope["rho"], self.carry * slope["phi"])  # fmt: skip
        return sum(map(abs, (*total, *by_rates)), arb(0)) / self.value

    def greeks(self, settlement: str) -> dict[str, Sum]:
        """Every Greek, with the sizes of its terms."""
        greeks = dict(self.inverse if settlement == "inverse" else self.linear)
        if self.forward_form:
            greeks["rho"] = -self.expiry * greeks["price"]
            del greeks["phi"]
        if settlement == "inverse":
            greeks["black_delta"] = self.linear["delta"]
            greeks["black_gamma"] = self.linear["gamma"]
        return greeks


@dataclass(frozen=True)
class Lognormal(ClosedForm):
    """What the payoffs under Black's model have in common."""

    @cached_property
    def _middle(self) -> Sum:
        """ln(U / B) / s."""
        moneyness = Sum((self.x / self.strike).log()) + Sum(self.growth * self.expiry)
        return moneyness / self.total_vol

    @cached_property
    def d1(self) -> Sum:
        return self._middle + Sum(self.total_vol / 2)

    @cached_property
    def d2(self) -> Sum:
        return self._middle - Sum(self.total_vol / 2)

    @cached_property
    def slopes(self) -> tuple[Sum, Sum]:
        """d(d1)/dT and d(d2)/dT."""
        lead = Sum(self.growth / self.total_vol)
        return lead - self.d2 / (2 * self.expiry), lead - self.d1 / (2 * self.expiry)


@dataclass(frozen=True)
class Black(Lognormal):
    """The vanilla option of Black, Scholes and Merton."""

    @cached_property
    def density(self) -> arb:
        """E = U n(d1) = B n(d2)."""
        return self.legs[0] * normal_pdf(self.d1.value)

    @cached_property
    def parts(self) -> tuple[arb, ...]:
        """U N(w d1) and B N(w d2)."""
        (u, b), w = self.legs, self.kind
        return u * normal_cdf(w * self.d1.value), b * normal_cdf(w * self.d2.value)

    @cached_property
    def value(self) -> arb:
        return self.kind * (self.parts[0] - self.parts[1])

    @cached_property
    def linear(self) -> dict[str, Sum]:
        w, x, k, t, vol, r, q = (
            self.kind, self.x, self.strike, self.expiry, self.vol, self.rate, self.carry,
        )  # fmt: skip
        s, d1, d2, one = self.total_vol, self.d1, self.d2, Sum(1)
        u, b = (Sum(part) for part in self.parts)
        gamma = Sum(self.density / (x * x * s))
        vega = Sum(self.density * t.sqrt())
        unit = Sum(self.density / x)
        steep = d1 * self.slopes[0]
        product = d1 * d2
        return {
            "price": Sum(self.value),
            "delta": w * u / x,
            "gamma": gamma,
            "vega": vega,
            "theta": w * q * u - w * r * b - vega * vol / (2 * t),
            "rho": w * t * b,
            "phi": -w * t * u,
            "vanna": -unit * d2 / vol,
            "volga": vega * product / vol,
            "charm": w * q * u / x - unit * self.slopes[0],
            "veta": vega * (Sum(q) + steep - Sum(1 / (2 * t))),
            "speed": -gamma * (d1 / s + one) / x,
            "zomma": gamma * (product - one) / vol,
            "color": gamma * (Sum(q) + steep + Sum(1 / (2 * t))),
            "ultima": -vega * (product * (one - product) + d1 * d1 + d2 * d2) / (vol * vol),
            "dual_delta": -w * b / k,
            "dual_gamma": Sum(self.density / (k * k * s)),
        }

    @cached_property
    def inverse(self) -> dict[str, Sum]:
        x, s, vol, r = self.x, self.total_vol, self.vol, self.rate
        d1, d2, q, one = self.d1, self.d2, self.carry, Sum(1)
        unit = Sum(self.density / x)
        steep = unit / s
        net = Sum(self.kind * self.parts[1] / x)
        charm = r * net - unit * self.slopes[1]
        by_time = Sum(q) + d1 * self.slopes[0] + Sum(1 / (2 * self.expiry))
        per_coin = {name: value / x for name, value in self.linear.items()}
        return per_coin | {
            "delta": net,
            "gamma": (steep - net) / x,
            "vanna": -unit * d1 / vol,
            "charm": charm,
            "speed": (net + net - steep * (d1 / s + one + one)) / (x * x),
            "zomma": unit / (x * vol) * ((d1 * d2 - one) / s + d1),
            "color": (steep * by_time - charm) / x,
        }


@dataclass(frozen=True)
class Digital(Lognormal):
    """Cash-or-nothing and asset-or-nothing, in the notation of docs/conventions.md: V = A X^p N(w d)."""

    asset: ClassVar[bool]

    @cached_property
    def density(self) -> arb:
        """abs(D)."""
        return self._whole * normal_pdf((self.d1 if self.asset else self.d2).value)

    @cached_property
    def parts(self) -> tuple[arb, ...]:
        """What call and put pay on, and the density of the vanilla option, which the kernel starts from."""
        d = (self.d1 if self.asset else self.d2).value
        return (self._whole * normal_cdf(d), self._whole * normal_cdf(-d),
                self.legs[0] * normal_pdf(self.d1.value))  # fmt: skip

    @cached_property
    def value(self) -> arb:
        return self.parts[0 if self.kind > 0 else 1]

    @property
    def _whole(self) -> arb:
        u, b = self.legs
        return u if self.asset else b / self.strike

    @cached_property
    def out_of_money(self) -> Self:
        """That of the two whose distribution function is that of the tail."""
        d = (self.d1 if self.asset else self.d2).value
        return replace(self, kind=-self.kind) if self.kind * d > 0 else self

    @cached_property
    def linear(self) -> dict[str, Sum]:
        return self._greeks(inverse=False)

    @cached_property
    def inverse(self) -> dict[str, Sum]:
        return self._greeks(inverse=True)

    def _greeks(self, inverse: bool) -> dict[str, Sum]:
        x, k, T, vol, s = self.x, self.strike, self.expiry, self.vol, self.total_vol
        d1, d2, one = self.d1, self.d2, Sum(1)
        d, c = (d1, d2) if self.asset else (d2, d1)
        d_T, c_T = self.slopes if self.asset else self.slopes[::-1]
        L = d1 if inverse else d2
        p, rho = self.asset - inverse, Sum(self.carry if self.asset else self.rate)
        unit = x if inverse else arb(1)
        v, D = Sum(self.value / unit), Sum(self.kind * self.density / unit)
        per_x = arb(1) if inverse else x
        M, aged = L - Sum(p * s), Sum(1 / (2 * T))
        return {
            "price": v,
            "delta": (p * v + D / s) / per_x,
            "gamma": (p * p * v - D * M / s**2) / x if inverse else -D * c / (s * x) ** 2,
            "vega": -c * D / vol,
            "theta": rho * v - D * d_T,
            "rho": D * (T / s) if self.asset else D * (T / s) - v * T,
            "phi": -D * (T / s) - v * T if self.asset else -D * (T / s),
            "vanna": D * (c * L - one) / (s * vol * per_x),
            "volga": D * (d + c - d * c * c) / vol**2,
            "charm": (p * rho * v + D * (rho + L * d_T + aged) / s) / per_x,
            "veta": D * (c_T - c * (rho + d * d_T)) / vol,
            "speed": (
                (p * p * (p - 1) * v + D * (M * (L + Sum(s)) + Sum(p * p * s * s) - one) / s**3) / x**2
                if inverse
                else D * (c * (L + Sum(2 * s)) - one) / (s * x) ** 3
            ),
            "zomma": (
                D * (2 * L + c - c * L * L) / (s * s * vol * x)
                if inverse
                else D * (d + 2 * c - d * c * c) / (s * s * vol * x * x)
            ),
            "color": (
                (p * p * rho * v + D * (d_T - rho * M - L * (L * d_T + 2 * aged)) / s**2) / x
                if inverse
                else D * (c_T - c * (rho + d * d_T + 2 * aged)) / (s * x) ** 2
            ),
            "ultima": D * (3 * (d + c) * (d * c - one) + c * c * c * (one - d * d)) / vol**3,
            "dual_delta": -D / (s * k),
            "dual_gamma": D * (Sum(s) - d) / (s * k) ** 2,
        }  # fmt: skip


class CashOrNothing(Digital):
    asset = False


class AssetOrNothing(Digital):
    asset = True


@dataclass(frozen=True)
class Bachelier(ClosedForm):
    """The vanilla option of Bachelier's normal model."""

    @cached_property
    def d1(self) -> Sum:
        """d, its terms those of (X - K) + X (exp((r - q) T) - 1): in the forward form there is one."""
        growth = (self.growth * self.expiry).expm1()
        return (Sum(self.x - self.strike) + Sum(self.x * growth)) / self.total_vol

    @cached_property
    def density(self) -> arb:
        """exp(-r T) n(d)."""
        return (-self.rate * self.expiry).exp() * normal_pdf(self.d1.value)

    @property
    def _spread(self) -> arb:
        """s n(d)."""
        return self.total_vol * self.density

    @cached_property
    def chance(self) -> arb:
        """N(w d)."""
        return normal_cdf(self.kind * self.d1.value)

    @property
    def parts(self) -> tuple[arb, ...]:
        return self.chance, self._spread

    @cached_property
    def value(self) -> arb:
        u, b = self.legs
        return self.kind * (u - b) * self.chance + self._spread

    @cached_property
    def linear(self) -> dict[str, Sum]:
        w, T, vol, r, q, d = self.kind, self.expiry, self.vol, self.rate, self.carry, self.d1
        u, b = self.legs
        a, discount, b_n = (-q * T).exp(), (-r * T).exp(), Sum(w * b * self.chance)
        s, v, one = discount * self.total_vol, Sum(self.value), Sum(1)
        n = normal_pdf(d.value)
        d_T = Sum(self.growth * u / s) - d / (2 * T)
        delta, gamma, vega = (
            Sum(w * a * self.chance),
            Sum(a * a * n / s),
            Sum(self.density * T.sqrt()),
        )
        return {
            "price": v,
            "delta": delta,
            "gamma": gamma,
            "vega": vega,
            "theta": r * v + Sum(-w * self.growth * u * self.chance) - Sum(self._spread / (2 * T)),
            "rho": T * (b_n - Sum(self._spread)),
            "phi": Sum(-w * T * u * self.chance),
            "vanna": -a * n / vol * d,
            "volga": vega * d * d / vol,
            "charm": q * delta - a * n * d_T,
            "veta": vega * (Sum(r) - Sum(1 / (2 * T)) + d * d_T),
            "speed": -gamma * d * (a / s),
            "zomma": gamma * (d * d - one) / vol,
            "color": gamma * (Sum(2 * q) - Sum(r) + Sum(1 / (2 * T)) + d * d_T),
            "ultima": vega * d * d * (d * d - Sum(3)) / vol**2,
            "dual_delta": Sum(-w * discount * self.chance),
            "dual_gamma": Sum(discount * discount * n / s),
        }  # fmt: skip

    @cached_property
    def inverse(self) -> dict[str, Sum]:
        x, T, vol, linear, d = self.x, self.expiry, self.vol, self.linear, self.d1
        u, n = self.legs[0], normal_pdf(self.d1.value)
        s, b_n = self._spread / n, self.kind * self.legs[1] * self.chance
        d_T = Sum(self.growth * u / s) - d / (2 * T)
        net = (Sum(b_n) - Sum(self._spread)) / x
        vanna = -n / (vol * x) * (u * d + Sum(s))
        charm = self.rate * net + n / x * (Sum(s / (2 * T)) - u * d_T)
        return {name: value / x for name, value in linear.items()} | {
            "delta": net,
            "gamma": linear["gamma"] - net / x,
            "vanna": vanna,
            "charm": charm,
            "speed": linear["speed"] - linear["gamma"] / x + 2 * net / x**2,
            "zomma": linear["zomma"] - vanna / x,
            "color": linear["color"] - charm / x,
        }


#: By model and payoff.
CLOSED_FORMS: dict[tuple[str, str], type[ClosedForm]] = {
    ("black", "vanilla"): Black,
    ("black", "cash_or_nothing"): CashOrNothing,
    ("black", "asset_or_nothing"): AssetOrNothing,
    ("bachelier", "vanilla"): Bachelier,
}


def implied(option: ClosedForm, price: arb) -> arb:
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
