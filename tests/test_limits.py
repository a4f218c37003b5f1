"""Expiry 0, vol 0, strike 0, underlying 0: the limits of the formulas, checked by approaching them."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hedgecore as hc
from hedgecore.pricing import GREEK_NAMES
from levels import AVAILABLE, run_at

KINDS = ["call", "put"]
LN_2 = math.log(2.0)
SETTLEMENTS = ["linear", "inverse"]
FORMS = [
    {"forward": 100.0},
    {"forward": 100.0, "discount": 0.9},
    {"spot": 100.0, "rate": 0.03, "carry": 0.07},
]


def names_for(form: dict[str, float], settlement: str) -> list[str]:
    return [
        name
        for name in GREEK_NAMES
        if (name != "phi" or "spot" in form) and (settlement == "inverse" or "black" not in name)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("strike", [80.0, 125.0])
@pytest.mark.parametrize("edge", ["vol", "expiry", "strike"])
def test_limits_away_from_the_money(
    kind: str, settlement: str, form: dict[str, float], strike: float, edge: str
) -> None:
    at = {"strike": strike, "expiry": 0.5, "vol": 0.6}
    near = dict(at)
    at[edge] = 0.0
    near[edge] = {"vol": 1e-4, "expiry": 1e-13, "strike": 1e-12}[edge]
    if edge == "expiry" and "discount" in form:
        form = form | {"discount": 1.0}  # at expiry nothing is discounted
    names = names_for(form, settlement)
    limit = hc.greeks(kind, settlement=settlement, which=names, **form, **at)
    close = hc.greeks(kind, settlement=settlement, which=names, **form, **near)
    for name in names:
        if edge == "strike" and name in ("dual_gamma",):
            continue  # n(d2) / K vanishes only slowly in K
        assert limit[name] == pytest.approx(close[name], rel=1e-5, abs=1e-8), name


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("edge", ["vol", "expiry"])
def test_limits_at_the_money(kind: str, settlement: str, form: dict[str, float], edge: str) -> None:
    """At the kink: finite values are the limits, poles are infinite with the right sign."""
    if "spot" in form:
        form = {
            "spot": 100.0,
            "rate": 0.05,
            "carry": 0.05,
        }  # so that the forward is the strike at any time
    if edge == "expiry" and "discount" in form:
        form = form | {"discount": 1.0}
    at = {"strike": 100.0, "expiry": 0.5, "vol": 0.6}
    near, nearer = dict(at), dict(at)
    at[edge], near[edge], nearer[edge] = 0.0, 1e-8, 1e-16
    names = names_for(form, settlement)
    limit, close, closer = (
        hc.greeks(kind, settlement=settlement, which=names, **form, **point)
        for point in (at, near, nearer)
    )
    poles = 0
    for name in names:
        if abs(closer[name]) > 50 * abs(close[name]) and abs(closer[name]) > 1e2:
            assert limit[name] == math.copysign(math.inf, closer[name]), name
            poles += 1
        else:
            assert limit[name] == pytest.approx(closer[name], rel=1e-4, abs=1e-5), name
    assert limit["gamma"] == math.inf
    assert poles >= 3


@pytest.mark.parametrize("form", [{"forward": 0.0}, {"spot": 0.0, "rate": 0.02, "carry": 0.01}])
def test_worthless_underlying(form: dict[str, float]) -> None:
    common = {"strike": 50.0, "expiry": 1.0, "vol": 0.5, **form}
    call = hc.greeks("call", which="all", **common)
    assert all(value == 0.0 for value in call.to_dict().values())
    put = hc.greeks("put", which="all", **common)
    discount = math.exp(-0.02) if "spot" in form else 1.0
    assert put.price == pytest.approx(50 * discount)
    assert put.delta == pytest.approx(-math.exp(-0.01) if "spot" in form else -1.0)
    assert put.gamma == put.vega == put.volga == 0.0
    coin_call = hc.greeks("call", settlement="inverse", **common)
    coin_put = hc.greeks("put", settlement="inverse", **common)
    assert coin_call.price == 0.0
    assert coin_put.price == math.inf
    assert coin_put.delta == -math.inf
    assert coin_put.black_delta == put.delta


def test_nothing_is_nan_on_the_edges() -> None:
    edges = np.array([0.0, 1e-320, 1e-30, 1.0, 1e30])
    grid = [g.ravel() for g in np.meshgrid(edges, edges, edges, edges)]
    x, k, t, vol = grid
    for settlement in SETTLEMENTS:
        for kind in KINDS:
            g = hc.greeks(kind, strike=k, expiry=t, vol=vol, forward=x, settlement=settlement,
                          which=["price", "delta"])  # fmt: skip
            assert not np.isnan(g.price).any()
            assert not np.isnan(g.delta).any()
            if settlement == "linear":
                intrinsic = np.maximum((x - k) if kind == "call" else (k - x), 0)
                assert np.all(g.price >= intrinsic * (1 - 1e-15))
                assert np.all(g.price <= (x if kind == "call" else k))


def test_expired_chain_is_worth_its_payoff() -> None:
    strike = np.array([90.0, 100.0, 110.0])
    np.testing.assert_array_equal(
        hc.price("call", strike=strike, expiry=0, vol=0.5, forward=100.0), [10, 0, 0]
    )
    np.testing.assert_array_equal(
        hc.price("put", strike=strike, expiry=0, vol=0.5, forward=100.0, settlement="inverse"),
        [0, 0, 0.1],
    )


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize(
    "rates",
    [
        {"rate": 0.0, "carry": 0.05, "vol": 0.6},
        {"rate": 0.05, "carry": 0.0, "vol": 0.6},
        {"rate": 0.0, "carry": 0.4, "vol": 0.3},
        {"rate": 0.4, "carry": 0.0, "vol": 0.3},
    ],
)
def test_poles_at_expiry_have_the_sign_of_the_approach(
    settlement: str, rates: dict[str, float]
) -> None:
    """Spot at the strike, rate and carry apart: what is large a moment before is infinite at expiry."""
    common = {"strike": 100.0, "spot": 100.0, "settlement": settlement, "which": "all", **rates}
    limit = hc.greeks("call", expiry=0.0, **common)
    close, closer = (hc.greeks("call", expiry=t, **common) for t in (1e-12, 1e-16))
    for name in ("gamma", "theta", "charm", "veta", "speed", "zomma", "color", "dual_gamma"):
        assert abs(closer[name]) > 30 * abs(close[name]), name
        assert limit[name] == math.copysign(math.inf, closer[name]), name
    for name in ("price", "delta", "vega", "rho", "phi", "vanna", "volga", "ultima", "dual_delta"):
        assert limit[name] == pytest.approx(closer[name], abs=1e-5), name


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize(("strike", "rate", "carry"), [(200.0, LN_2, 0.0), (50.0, 0.0, LN_2)])
def test_poles_at_vol_0_have_the_sign_of_the_approach(
    settlement: str, strike: float, rate: float, carry: float
) -> None:
    """The growth to expiry, ln 2 to the last bit, puts the forward exactly at the strike."""
    common = {"strike": strike, "spot": 100.0, "expiry": 1.0, "rate": rate, "carry": carry,
              "settlement": settlement, "which": "all"}  # fmt: skip
    limit, close = hc.greeks("call", vol=0.0, **common), hc.greeks("call", vol=1e-9, **common)
    for name in ("gamma", "charm", "speed", "zomma", "color", "dual_gamma"):
        assert limit[name] == math.copysign(math.inf, close[name]), name
    for name in ("price", "delta", "vega", "theta", "vanna", "volga", "veta", "ultima"):
        assert limit[name] == pytest.approx(close[name], rel=1e-6, abs=1e-5), name


def test_strike_0_comes_before_underlying_0() -> None:
    call = hc.greeks("call", strike=0.0, forward=0.0, expiry=1.0, vol=0.5)
    put = hc.greeks("put", strike=0.0, forward=0.0, expiry=1.0, vol=0.5)
    assert (call.price, call.delta, call.gamma) == (0.0, 1.0, 0.0)
    assert (put.price, put.delta, put.gamma) == (0.0, 0.0, 0.0)


def test_worthless_coin_puts_keep_their_carry() -> None:
    g = hc.greeks("put", strike=50.0, spot=0.0, rate=0.0, carry=0.03, expiry=2.0, vol=0.5,
                  settlement="inverse", which=["phi", "theta"])  # fmt: skip
    assert g.phi == pytest.approx(2.0 * math.exp(-0.06))
    assert g.theta == pytest.approx(-0.03 * math.exp(-0.06))


def test_value_at_vol_0_is_never_negative() -> None:
    rng = np.random.default_rng(1)
    n = 20_000
    spot, t = rng.uniform(1, 1e4, n), rng.uniform(0, 20, n)
    r, q = rng.uniform(-0.2, 0.2, n), rng.uniform(-0.2, 0.2, n)
    strike = spot * np.exp((r - q) * t)
    for kind in KINDS:
        price = hc.price(kind, strike=strike, expiry=t, vol=0.0, spot=spot, rate=r, carry=q)
        assert (price >= 0).all()


@pytest.mark.parametrize("level", AVAILABLE)
def test_rates_and_expiries_next_to_the_largest_number(level: str) -> None:
    """Their product is in the domain; without FMA its rounding error was not."""
    got = run_at(
        level,
        "result['p'] = hc.price('put', strike=120.0, spot=100.0, vol=[3, 1e-300],"
        " expiry=[5e-324, 1.5e308], rate=[1.5e308, 1e-309])",
    )
    assert got["p"] == pytest.approx([20.0, 120.0 * math.exp(-0.15) - 100.0], rel=1e-14)


EDGES = ["underlying", "strike", "expiry", "vol"]
ZEROS = [
    (contract, settlement, edges)
    for contract in (
        {}, {"payoff": "cash_or_nothing"}, {"payoff": "asset_or_nothing"}, {"model": "bachelier"},
    )
    for settlement in SETTLEMENTS
    for edges in (*([edge] for edge in EDGES), EDGES)
    # a coin has a positive price under Bachelier's model
    if not ("model" in contract and settlement == "inverse" and "underlying" in edges)
]  # fmt: skip


@pytest.mark.parametrize(("contract", "settlement", "edges"), ZEROS)
@pytest.mark.parametrize("kind", KINDS)
def test_negative_zero_is_zero(
    contract: dict[str, str], settlement: str, edges: list[str], kind: str
) -> None:
    """The fuzzer of prices: a coin-settled put at underlying -0 and expiry 0 was worth -infinity."""
    for form in FORMS:
        found = []
        for zero in (0.0, -0.0):
            at = {"strike": 100.0, "expiry": 0.5, "vol": 0.6, **form}
            for edge in edges:
                at[next(iter(form)) if edge == "underlying" else edge] = zero
            got = hc.greeks(kind, settlement=settlement, which="all", **contract, **at)
            found.append(got.to_dict())
        for name, value in found[0].items():
            np.testing.assert_array_equal(found[1][name], value, err_msg=name)
