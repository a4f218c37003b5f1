"""Slow, obvious reference definitions, with as many digits as needed.

Prices are Black-Scholes-Merton, Bachelier and the digitals as printed in any textbook; every Greek
is a numerical derivative of that price, so that no formula of the library is repeated here.
"""

from __future__ import annotations

from dataclasses import dataclass

import mpmath as m
from mpmath import mpf

#: Orders of differentiation in (X, K, T, vol, r, q), and the sign, of the linear Greeks.
LINEAR = {
    "price": ((0, 0, 0, 0, 0, 0), 1),
    "delta": ((1, 0, 0, 0, 0, 0), 1),
    "gamma": ((2, 0, 0, 0, 0, 0), 1),
    "vega": ((0, 0, 0, 1, 0, 0), 1),
    "theta": ((0, 0, 1, 0, 0, 0), -1),
    "rho": ((0, 0, 0, 0, 1, 0), 1),
    "phi": ((0, 0, 0, 0, 0, 1), 1),
    "vanna": ((1, 0, 0, 1, 0, 0), 1),
    "volga": ((0, 0, 0, 2, 0, 0), 1),
    "charm": ((1, 0, 1, 0, 0, 0), -1),
    "veta": ((0, 0, 1, 1, 0, 0), -1),
    "speed": ((3, 0, 0, 0, 0, 0), 1),
    "zomma": ((2, 0, 0, 1, 0, 0), 1),
    "color": ((2, 0, 1, 0, 0, 0), -1),
    "ultima": ((0, 0, 0, 3, 0, 0), 1),
    "dual_delta": ((0, 1, 0, 0, 0, 0), 1),
    "dual_gamma": ((0, 2, 0, 0, 0, 0), 1),
}


@dataclass(frozen=True)
class Option:
    """One option; in the forward form X is the forward and q = r."""

    sign: int
    x: float
    strike: float
    expiry: float
    vol: float
    rate: float = 0.0
    carry: float = 0.0
    forward_form: bool = False
    model: str = "black"
    payoff: str = "vanilla"

    @property
    def arguments(self) -> tuple[mpf, ...]:
        return tuple(
            mpf(v) for v in (self.x, self.strike, self.expiry, self.vol, self.rate, self.carry)
        )

    def value(self, x: mpf, k: mpf, t: mpf, vol: mpf, r: mpf, q: mpf) -> mpf:
        if self.forward_form:
            q = r
        s = vol * m.sqrt(t)
        w, u, discount = self.sign, x * m.exp(-q * t), m.exp(-r * t)
        if self.model == "bachelier":
            distance = u / discount - k
            d = distance / s
            return discount * (w * distance * m.ncdf(w * d) + s * m.npdf(d))
        d1 = (m.log(x / k) + (r - q) * t) / s + s / 2
        asset, cash = u * m.ncdf(w * d1), discount * m.ncdf(w * (d1 - s))
        return {"asset_or_nothing": asset, "cash_or_nothing": cash}.get(
            self.payoff, w * (asset - k * cash)
        )

    def coin_value(self, x: mpf, *rest: mpf) -> mpf:
        return self.value(x, *rest) / x


def derivative(option: Option, orders: tuple[int, ...], coin: bool) -> mpf:
    """A partial derivative of the price, or of the coin price."""
    f = option.coin_value if coin else option.value
    if not any(orders):
        return f(*option.arguments)
    # relative steps: the arguments differ by many orders of magnitude
    scales = [abs(v) if v else mpf(1) for v in option.arguments]

    def scaled(*u: mpf) -> mpf:
        shifted = (v + s * (w - 1) for v, s, w in zip(option.arguments, scales, u, strict=True))
        return f(*shifted)

    value = m.diff(scaled, (mpf(1),) * 6, orders)
    for scale, order in zip(scales, orders, strict=True):
        value /= scale**order
    return value


def greek(option: Option, name: str, settlement: str = "linear", digits: int = 80) -> mpf:
    """A Greek, from derivatives of the price alone; digits are those of the in-the-money price."""
    with m.workdps(digits):
        if name.startswith("black_"):
            orders, sign = LINEAR[name.removeprefix("black_")]
            return sign * derivative(option, orders, coin=False)
        orders, sign = LINEAR[name]
        if settlement == "linear":
            return sign * derivative(option, orders, coin=False)
        x = mpf(option.x)
        order_x, *others = orders
        if order_x == 0:
            return sign * derivative(option, orders, coin=True)
        # delta is X dv/dX; further orders differentiate that product (Leibniz)
        lower = derivative(option, (order_x, *others), coin=True)
        value = x * lower
        if order_x > 1:
            value += (order_x - 1) * derivative(option, (order_x - 1, *others), coin=True)
        return sign * value


def condition_number(option: Option) -> float:
    """kappa: the sum of |x dV/dx| / V over the inputs."""
    with m.workdps(60 + int(d1(option) ** 2 / 4)):  # the wings cancel in d^2 / 4.6 digits
        price = option.value(*option.arguments)
        total = mpf(0)
        for i, value in enumerate(option.arguments):
            if value == 0:
                continue
            orders = tuple(int(i == j) for j in range(6))
            total += abs(value * derivative(option, orders, coin=False))
        return float(total / price)


def d1(option: Option) -> float:
    """The d1 of the textbook; the d of Bachelier's model."""
    with m.workdps(40):
        x, k, t, vol, r, q = option.arguments
        if option.forward_form:
            q = r
        s = vol * m.sqrt(t)
        if option.model == "bachelier":
            return float((x * m.exp((r - q) * t) - k) / s)
        return float((m.log(x / k) + (r - q) * t) / s + s / 2)
