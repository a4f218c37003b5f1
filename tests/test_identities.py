"""Relations that hold whatever the numbers: parity, scaling, linear against inverse, monotony."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hedgecore as hc

moneyness = st.floats(-1.5, 1.5)
positive = st.floats(1e-3, 1e6)
expiries = st.floats(1e-6, 10)
vols = st.floats(0.01, 5)
rates = st.floats(-0.3, 0.3)


@given(positive, moneyness, expiries, vols, rates, rates)
def test_parity(x: float, m: float, t: float, vol: float, r: float, q: float) -> None:
    k = x * np.exp(m)
    common = {
        "strike": k,
        "expiry": t,
        "vol": vol,
        "spot": x,
        "rate": r,
        "carry": q,
        "which": "all",
    }
    call, put = hc.greeks("call", **common), hc.greeks("put", **common)
    u, b = x * np.exp(-q * t), k * np.exp(-r * t)
    size = u + b
    assert call.price - put.price == pytest.approx(u - b, rel=0, abs=4e-15 * size)
    assert call.delta - put.delta == pytest.approx(u / x, rel=1e-14)
    assert call.dual_delta - put.dual_delta == pytest.approx(-b / k, rel=1e-14)
    assert call.rho - put.rho == pytest.approx(t * b, rel=1e-13)
    assert call.phi - put.phi == pytest.approx(-t * u, rel=1e-13)
    for name in (
        "gamma",
        "vega",
        "vanna",
        "volga",
        "speed",
        "zomma",
        "color",
        "veta",
        "ultima",
        "dual_gamma",
    ):
        assert call[name] == put[name], name


@given(positive, moneyness, expiries, vols, st.sampled_from(["call", "put"]), st.integers(-40, 40))
def test_scaling_by_powers_of_two_is_exact(
    x: float, m: float, t: float, vol: float, kind: str, power: int
) -> None:
    """Prices are homogeneous of degree one: with powers of two to the last bit."""
    k, c = float(x * np.exp(m)), 2.0**power
    one = hc.greeks(kind, strike=k, expiry=t, vol=vol, forward=x)
    other = hc.greeks(kind, strike=c * k, expiry=t, vol=vol, forward=c * x)
    assume(min(one.price, one.vega) > 1e-250)  # subnormal numbers have few digits to compare
    assert other.price == c * one.price
    assert other.delta == one.delta
    assert other.vega == c * one.vega
    assert other.gamma == one.gamma / c


@given(positive, moneyness, expiries, vols, rates, rates, st.sampled_from(["call", "put"]))
def test_euler(x: float, m: float, t: float, vol: float, r: float, q: float, kind: str) -> None:
    """V = X dV/dX + K dV/dK."""
    k = x * np.exp(m)
    g = hc.greeks(kind, strike=k, expiry=t, vol=vol, spot=x, rate=r, carry=q, which="all")
    size = abs(x * g.delta) + abs(k * g.dual_delta)
    assert g.price == pytest.approx(x * g.delta + k * g.dual_delta, rel=0, abs=1e-14 * size)


@given(positive, moneyness, expiries, vols, rates, rates, st.sampled_from(["call", "put"]))
def test_inverse_follows_from_linear(
    x: float, m: float, t: float, vol: float, r: float, q: float, kind: str
) -> None:
    """v = V / X, differentiated by hand."""
    k = float(x * np.exp(m))
    common = {
        "strike": k,
        "expiry": t,
        "vol": vol,
        "spot": x,
        "rate": r,
        "carry": q,
        "which": "all",
    }
    usd, coin = hc.greeks(kind, **common), hc.greeks(kind, settlement="inverse", **common)
    assume(usd.vega > 1e-280)  # subnormal numbers have few digits to compare
    assert coin.price == pytest.approx(usd.price / x, rel=1e-15)
    assert coin.black_delta == usd.delta
    assert coin.black_gamma == usd.gamma
    size = abs(usd.delta) + usd.price / x
    assert coin.delta == pytest.approx(usd.delta - usd.price / x, rel=0, abs=1e-14 * size)
    assert coin.gamma == pytest.approx(
        usd.gamma - coin.delta / x, rel=0, abs=1e-14 * (usd.gamma + size / x)
    )
    assert coin.vega == pytest.approx(usd.vega / x, rel=1e-15)
    assert coin.vanna == pytest.approx(usd.vanna - usd.vega / x, rel=1e-9, abs=1e-11 * usd.vega / x)
    assert coin.theta == pytest.approx(usd.theta / x, rel=1e-14)
    # gamma_v = Gamma - delta_v / X, so X speed_v = X Speed - gamma_v + delta_v / X
    assert x * coin.speed == pytest.approx(
        x * usd.speed - coin.gamma + coin.delta / x, rel=0,
        abs=1e-11 * (x * abs(usd.speed) + usd.gamma * (1 + 1 / (vol * t**0.5)) + size / x),
    )  # fmt: skip


@given(positive, moneyness, expiries, vols, rates, rates)
def test_black_scholes_equation(
    x: float, m: float, t: float, vol: float, r: float, q: float
) -> None:
    """theta + (r - q) X delta + vol^2 X^2 gamma / 2 - r V = 0."""
    k = float(x * np.exp(m))
    g = hc.greeks("put", strike=k, expiry=t, vol=vol, spot=x, rate=r, carry=q, which="all")
    assume(g.vega > 1e-280)  # subnormal numbers have few digits to compare
    terms = np.array([g.theta, (r - q) * x * g.delta, 0.5 * vol**2 * x**2 * g.gamma, -r * g.price])
    size = np.abs(terms).sum() + abs(r * k) + abs(q * x)
    assert terms.sum() == pytest.approx(0, abs=1e-13 * size)
    # and the same once more differentiated by vol
    terms = np.array([
        g.veta, (r - q) * x * g.vanna, vol * x**2 * g.gamma, 0.5 * vol**2 * x**2 * g.zomma, -r * g.vega,
    ])  # fmt: skip
    assert terms.sum() == pytest.approx(0, abs=1e-11 * (np.abs(terms).sum() + g.vega / t))


@given(positive, moneyness, expiries, vols, rates, rates, st.sampled_from(["call", "put"]),
       st.sampled_from(["linear", "inverse"]))  # fmt: skip
def test_forward_form_is_the_spot_form_on_the_forward(
    x: float, m: float, t: float, vol: float, r: float, q: float, kind: str, settlement: str
) -> None:
    k = float(x * np.exp(m))
    forward, discount = x * np.exp((r - q) * t), np.exp(-(r if settlement == "linear" else q) * t)
    common = {"strike": k, "expiry": t, "vol": vol, "settlement": settlement}
    by_spot = hc.price(kind, spot=x, rate=r, carry=q, **common)
    by_forward = hc.price(kind, forward=forward, discount=discount, **common)
    assume(by_spot > 1e-9 * (1 + k / x) * (x if settlement == "linear" else 1))
    assert by_forward == pytest.approx(by_spot, rel=1e-5, abs=1e-13 * (x + k))


def test_prices_fall_smoothly_into_the_wing() -> None:
    """No noise where a subtraction of two distribution functions loses all digits."""
    strike = 100 * np.exp(np.linspace(0, 3.6, 4001))
    price = hc.price("call", strike=strike, expiry=0.04, vol=0.5, forward=100.0)
    assert price[-1] < 1e-280
    slope = np.diff(np.log(price))
    assert np.all(slope < 0)
    assert np.all(np.diff(slope) < 1e-9)
