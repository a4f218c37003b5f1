"""Cash-or-nothing and asset-or-nothing digitals: exact values, identities, edges and bad input."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import mpmath as m
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hedgecore as hc
import oracle
from comparison import compare_with_oracle
from conftest import reference_rows
from hedgecore.pricing import GREEK_NAMES
from levels import AVAILABLE, run_at
from terms import sizes_of
from test_pricing_reference import bound, check, columns, fresh_options

PAYOFFS = ["cash_or_nothing", "asset_or_nothing"]
SETTLEMENTS = ["linear", "inverse"]
KINDS = ["call", "put"]
FORMS = [
    {"forward": 100.0},
    {"forward": 100.0, "discount": 0.9},
    {"spot": 100.0, "rate": 0.03, "carry": 0.07},
]
LN_2 = math.log(2.0)


@pytest.mark.parametrize("level", AVAILABLE)
def test_every_row_of_the_exact_file(shared: Path, level: str) -> None:
    rows = reference_rows(shared, "digital_greeks.csv")
    x, k, t, r, q, vol = columns(rows, "S", "K", "T", "r", "q", "sigma")
    sign = np.array([1.0 if row["type"] == "call" else -1.0 for row in rows])
    names = {
        "cash_or_nothing": {"price": "cash_or_nothing", "delta": "con_delta", "gamma": "con_gamma",
                            "vega": "con_vega", "theta": "con_theta"},
        "asset_or_nothing": {"price": "asset_or_nothing", "delta": "aon_delta"},
    }  # fmt: skip
    for payoff in PAYOFFS:
        got = run_at(
            level,
            "result.update(hc.greeks(sign, strike=k, expiry=t, vol=vol, spot=x, rate=r, carry=q,"
            f" which={list(names[payoff])!r}, payoff={payoff!r}).to_dict())",
            sign=sign, x=x, k=k, t=t, r=r, q=q, vol=vol,
        )  # fmt: skip
        options = [
            oracle.Option(int(w), *values, payoff=payoff)
            for w, *values in zip(sign, x, k, t, vol, r, q, strict=True)
        ]
        kappa = np.array([oracle.condition_number(option) for option in options])
        d1 = np.array([oracle.d1(option) for option in options])
        sizes = sizes_of(options, "linear")
        for name, column in names[payoff].items():
            (reference,) = columns(rows, column)
            terms = np.array([size[name] for size in sizes])
            limit = bound(name, reference, kappa, d1, terms)
            check(f"{payoff} {name} ({level})", got[name], reference, limit, [row["id"] for row in rows])  # fmt: skip


def test_published_gap_option(shared: Path) -> None:
    """Haug: a gap call pays S - 57 if S is above the strike, an asset less 57 units of cash."""
    (row,) = (
        r for r in reference_rows(shared, "digital.csv") if r["table"] == "gap_european(strike2=57)"
    )
    common = {
        "strike": float(row["strike"]), "spot": float(row["spot"]), "rate": float(row["r"]),
        "carry": float(row["q"]), "expiry": float(row["t"]), "vol": float(row["sigma"]),
    }  # fmt: skip
    asset, cash = (hc.price(row["type"], payoff=p, **common) for p in ("asset_or_nothing", "cash_or_nothing"))  # fmt: skip
    assert asset - 57 * cash == pytest.approx(float(row["price"]), abs=float(row["tol"]))


@pytest.mark.parametrize("payoff", PAYOFFS)
@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("forward_form", [True, False])
def test_fresh_samples(payoff: str, settlement: str, forward_form: bool) -> None:
    options = [
        replace(o, payoff=payoff) for o in fresh_options(10, 31 + forward_form, forward_form)
    ]
    compare_with_oracle(options, settlement)


@pytest.mark.parametrize("payoff", PAYOFFS)
def test_wings_keep_their_relative_accuracy(payoff: str) -> None:
    """Out of the money down to 1e-300."""
    rng = np.random.default_rng(3)
    got, exact, limits = [], [], []
    while len(got) < 25:
        vol, t = float(np.exp(rng.uniform(-4, 1))), float(np.exp(rng.uniform(-8, 1)))
        s = vol * math.sqrt(t)
        sign, d = int(rng.choice([-1, 1])), float(rng.uniform(10, 36))
        if d * s > 400:
            continue
        option = oracle.Option(sign, 100.0, 100.0 * math.exp(sign * d * s), t, vol, payoff=payoff)
        with m.workdps(400):
            value = option.value(*option.arguments)
        if not 1e-300 < value < 1e-15:
            continue
        kappa = oracle.condition_number(option)
        got.append(hc.price(sign, strike=option.strike, expiry=t, vol=vol, forward=100.0, payoff=payoff))  # fmt: skip
        exact.append(float(value))
        limits.append(8 * (kappa + 1) * 2.0**-53 * float(value))
    check("price", np.array(got), np.array(exact), np.array(limits), [str(p) for p in exact])


moneyness = st.floats(-1.5, 1.5)
positive = st.floats(1e-3, 1e6)
expiries = st.floats(1e-6, 10)
vols = st.floats(0.01, 5)
rates = st.floats(-0.3, 0.3)
kinds = st.sampled_from(KINDS)
payoffs = st.sampled_from(PAYOFFS)
settlements = st.sampled_from(SETTLEMENTS)


@given(positive, moneyness, expiries, vols, rates, rates, payoffs, settlements)
def test_call_and_put_make_the_whole(
    x: float, mny: float, t: float, vol: float, r: float, q: float, payoff: Any, settlement: Any
) -> None:
    """One of the two pays: together they are the discounted unit, which neither vol nor strike move."""
    common = {"strike": x * np.exp(mny), "expiry": t, "vol": vol, "spot": x, "rate": r, "carry": q,
              "payoff": payoff, "settlement": settlement, "which": "all"}  # fmt: skip
    call, put = hc.greeks("call", **common), hc.greeks("put", **common)
    whole = np.exp(-r * t) if payoff == "cash_or_nothing" else x * np.exp(-q * t)
    unit = x if settlement == "inverse" else 1.0
    assert call.price + put.price == pytest.approx(whole / unit, rel=4e-15)
    for name in ("vega", "vanna", "volga", "veta", "zomma", "ultima", "dual_delta", "dual_gamma"):
        assert call[name] == -put[name], name


@given(positive, moneyness, expiries, vols, rates, rates, kinds, settlements)
def test_vanilla_is_asset_less_strike_times_cash(
    x: float, mny: float, t: float, vol: float, r: float, q: float, kind: Any, settlement: Any
) -> None:
    k = float(x * np.exp(mny))
    w = 1 if kind == "call" else -1
    common = {"strike": k, "expiry": t, "vol": vol, "spot": x, "rate": r, "carry": q,
              "settlement": settlement, "which": "all"}  # fmt: skip
    vanilla = hc.greeks(kind, **common)
    cash, asset = (hc.greeks(kind, payoff=payoff, **common) for payoff in ("cash_or_nothing", "asset_or_nothing"))  # fmt: skip
    assume(vanilla.vega > 1e-280)  # subnormal numbers have few digits to compare
    s = vol * t**0.5
    d = (abs(mny) + abs(r - q) * t) / s + s
    for name in ("price", "delta", "gamma", "vega", "theta", "rho", "phi", "vanna", "volga", "speed"):  # fmt: skip
        size = abs(asset[name]) + k * abs(cash[name])
        # the larger of the two errs with d^2; the Greeks of higher order cancel inside themselves too
        slack = 4e-15 * (1 + d * d) * size + 1e-12 * abs(vanilla[name])
        if name in ("vanna", "volga", "speed"):
            slack += 1e-12 * (1 + d**3) * size
        assert w * (asset[name] - k * cash[name]) == pytest.approx(vanilla[name], rel=0, abs=slack), name  # fmt: skip


@given(positive, moneyness, expiries, vols, rates, rates, kinds, settlements)
def test_digitals_are_slopes_of_the_vanilla(
    x: float, mny: float, t: float, vol: float, r: float, q: float, kind: Any, settlement: Any
) -> None:
    """Cash is -w dV/dK, asset w X dV/dX; the slope of cash in the strike is the curvature of the vanilla."""
    k = float(x * np.exp(mny))
    w = 1 if kind == "call" else -1
    common = {"strike": k, "expiry": t, "vol": vol, "spot": x, "rate": r, "carry": q,
              "settlement": settlement, "which": "all"}  # fmt: skip
    vanilla, cash, asset = (hc.greeks(kind, payoff=payoff, **common) for payoff in ("vanilla", *PAYOFFS))  # fmt: skip
    assume(vanilla.vega > 1e-280)
    s = vol * t**0.5
    d2 = (-mny + (r - q) * t) / s - s / 2
    tolerance = 4e-15 * (1 + d2 * d2 + (d2 + s) ** 2)
    assert cash.price == pytest.approx(-w * vanilla.dual_delta, rel=tolerance)
    plain_delta = x * vanilla.delta if settlement == "linear" else vanilla.black_delta
    assert asset.price == pytest.approx(w * plain_delta, rel=tolerance)
    assert cash.dual_delta == pytest.approx(-w * vanilla.dual_gamma, rel=tolerance)


@given(positive, moneyness, expiries, vols, rates, kinds, payoffs, settlements)
def test_a_discount_multiplies(
    x: float, mny: float, t: float, vol: float, r: float, kind: Any, payoff: Any, settlement: Any
) -> None:
    """Theta earns the rate on the value, veta on the vega; rho is that of the discount alone."""
    discount = float(np.exp(-r * t))
    common = {"strike": float(x * np.exp(mny)), "expiry": t, "vol": vol, "forward": x, "payoff": payoff,
              "settlement": settlement, "which": "all"}  # fmt: skip
    plain, g = hc.greeks(kind, **common), hc.greeks(kind, discount=discount, **common)
    assume(plain.price > 1e-280 and abs(plain.dual_delta) > 1e-280)
    for name in ("price", "vega", "vanna", "volga", "ultima", "dual_delta", "dual_gamma"):
        assert g[name] == pytest.approx(discount * plain[name], rel=1e-14, abs=1e-300), name
    assert g.rho == pytest.approx(-t * g.price, rel=1e-15)
    rate = -np.log(discount) / t
    for name, base in (("theta", "price"), ("veta", "vega")):
        terms = np.array([discount * plain[name], rate * g[base]])
        slack = 1e-13 * np.abs(terms).sum() + 1e-15 / t * abs(g[base])
        assert g[name] == pytest.approx(terms.sum(), rel=0, abs=slack), name


@given(positive, moneyness, expiries, vols, rates, rates, kinds, payoffs)
def test_inverse_follows_from_linear(
    x: float, mny: float, t: float, vol: float, r: float, q: float, kind: Any, payoff: Any
) -> None:
    """v = V / X, differentiated by hand."""
    common = {"strike": float(x * np.exp(mny)), "expiry": t, "vol": vol, "spot": x, "rate": r,
              "carry": q, "payoff": payoff, "which": "all"}  # fmt: skip
    usd, coin = hc.greeks(kind, **common), hc.greeks(kind, settlement="inverse", **common)
    assume(abs(usd.vega) + abs(usd.dual_delta) > 1e-280)
    assert coin.price == pytest.approx(usd.price / x, rel=1e-15)
    assert coin.black_delta == usd.delta
    assert coin.black_gamma == usd.gamma
    size = abs(usd.delta) + usd.price / x + abs(usd.dual_delta) * 2
    assert coin.delta == pytest.approx(usd.delta - usd.price / x, rel=0, abs=1e-13 * size)
    for name in (
        "vega",
        "theta",
        "rho",
        "phi",
        "volga",
        "veta",
        "ultima",
        "dual_delta",
        "dual_gamma",
    ):
        assert coin[name] == pytest.approx(usd[name] / x, rel=1e-9, abs=1e-12 * abs(usd.theta) / x), name  # fmt: skip


@given(positive, moneyness, expiries, vols, kinds, payoffs, st.integers(-40, 40))
def test_scaling_by_powers_of_two_is_exact(
    x: float, mny: float, t: float, vol: float, kind: Any, payoff: Any, power: int
) -> None:
    """Cash is homogeneous of degree 0 in forward and strike, asset of degree 1."""
    k, c = float(x * np.exp(mny)), 2.0**power
    common = {"expiry": t, "vol": vol, "payoff": payoff}
    one = hc.greeks(kind, strike=k, forward=x, **common)
    other = hc.greeks(kind, strike=c * k, forward=c * x, **common)
    assume(one.price > 1e-250)
    scale = c if payoff == "asset_or_nothing" else 1.0
    assume(abs(one.vega) > 1e-250)
    assert other.price == scale * one.price
    assert other.vega == scale * one.vega
    assert other.delta == scale / c * one.delta
    assert other.gamma == scale / c / c * one.gamma


@given(positive, moneyness, expiries, vols, rates, rates, kinds, payoffs)
def test_black_scholes_equation(
    x: float, mny: float, t: float, vol: float, r: float, q: float, kind: Any, payoff: Any
) -> None:
    """theta + (r - q) X delta + vol^2 X^2 gamma / 2 - r V = 0."""
    g = hc.greeks(kind, strike=float(x * np.exp(mny)), expiry=t, vol=vol, spot=x, rate=r, carry=q,
                  payoff=payoff, which="all")  # fmt: skip
    terms = np.array([g.theta, (r - q) * x * g.delta, 0.5 * vol**2 * x**2 * g.gamma, -r * g.price])
    s = vol * t**0.5
    density = x * abs(g.dual_delta) * (1 + (abs(mny) + abs(r - q) * t) / s + s) / t * (1 + s)
    size = np.abs(terms).sum() + density
    assert terms.sum() == pytest.approx(0, abs=1e-12 * size + 1e-300)


@given(positive, moneyness, expiries, vols, kinds, payoffs, settlements)
def test_a_digital_is_worth_part_of_what_it_may_pay(
    x: float, mny: float, t: float, vol: float, kind: Any, payoff: Any, settlement: Any
) -> None:
    price = hc.price(kind, strike=float(x * np.exp(mny)), expiry=t, vol=vol, forward=x,
                     payoff=payoff, settlement=settlement)  # fmt: skip
    whole = (1.0 if payoff == "cash_or_nothing" else x) / (x if settlement == "inverse" else 1.0)
    assert 0.0 <= price <= whole * (1 + 1e-15)


def names_for(form: dict[str, float], settlement: str) -> list[str]:
    return [
        name
        for name in GREEK_NAMES
        if (name != "phi" or "spot" in form) and (settlement == "inverse" or "black" not in name)
    ]


@pytest.mark.parametrize("payoff", PAYOFFS)
@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("edge", ["vol", "expiry", "strike"])
def test_limits_away_from_the_money(
    payoff: Any, settlement: Any, form: dict[str, float], edge: str
) -> None:
    for kind in KINDS:
        for strike in (80.0, 125.0):
            at = {"strike": strike, "expiry": 0.5, "vol": 0.6}
            near = dict(at)
            at[edge] = 0.0
            near[edge] = {"vol": 1e-4, "expiry": 1e-13, "strike": 1e-12}[edge]
            at_expiry = edge == "expiry" and "discount" in form
            given = (
                form | {"discount": 1.0} if at_expiry else form
            )  # at expiry nothing is discounted
            names = names_for(given, settlement)
            common = {"settlement": settlement, "payoff": payoff, "which": names, **given}
            limit, close = hc.greeks(kind, **common, **at), hc.greeks(kind, **common, **near)
            for name in names:
                if edge == "strike" and name in ("dual_delta", "dual_gamma"):
                    continue  # n(d) / K vanishes only slowly in K
                assert limit[name] == pytest.approx(close[name], rel=1e-5, abs=1e-8), name


def assert_approached(limit: hc.Greeks, close: hc.Greeks, closer: hc.Greeks) -> int:
    """Finite limits are near the values close by, poles are infinite with their sign; how many there are."""
    poles = 0
    for name in limit.names:
        if abs(closer[name]) > 8 * abs(close[name]) and abs(closer[name]) > 1.0:
            assert limit[name] == math.copysign(math.inf, closer[name]), name
            poles += 1
        else:
            assert limit[name] == pytest.approx(closer[name], rel=1e-4, abs=2e-4), name
    return poles


@pytest.mark.parametrize("payoff", PAYOFFS)
@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("edge", ["vol", "expiry"])
@pytest.mark.parametrize(
    "form", [{"forward": 100.0}, {"spot": 100.0, "rate": 0.05, "carry": 0.05}, {"forward": 100.0, "discount": 0.9}]
)  # fmt: skip
def test_limits_at_the_money(
    payoff: Any, settlement: Any, kind: Any, edge: str, form: dict[str, float]
) -> None:
    """The forward is the strike all the way: half the payoff, and poles with the sign of the approach."""
    at = {"strike": 100.0, "expiry": 0.5, "vol": 0.6}
    near, nearer = dict(at), dict(at)
    at[edge], near[edge], nearer[edge] = 0.0, 1e-8, 1e-16
    if edge == "expiry" and "discount" in form:
        form = form | {"discount": 1.0}
    names = names_for(form, settlement)
    common = {"settlement": settlement, "payoff": payoff, "which": names, **form}
    limit, close, closer = (hc.greeks(kind, **common, **point) for point in (at, near, nearer))
    assert assert_approached(limit, close, closer) >= 5
    discount = form.get("discount", math.exp(-0.05 * at["expiry"]) if "spot" in form else 1.0)
    whole = (1.0 if payoff == "cash_or_nothing" else 100.0) / (100.0 if settlement == "inverse" else 1.0)  # fmt: skip
    assert limit.price == pytest.approx(0.5 * discount * whole, rel=1e-15)


@pytest.mark.parametrize("payoff", PAYOFFS)
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
    payoff: Any, settlement: Any, rates: dict[str, float]
) -> None:
    """Spot at the strike, rate and carry apart: what is large a moment before is infinite at expiry."""
    for kind in KINDS:
        common = {"strike": 100.0, "spot": 100.0, "settlement": settlement, "payoff": payoff, "which": "all", **rates}  # fmt: skip
        limit, close, closer = (hc.greeks(kind, expiry=t, **common) for t in (0.0, 1e-12, 1e-16))
        assert assert_approached(limit, close, closer) >= 10


@pytest.mark.parametrize("payoff", PAYOFFS)
@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize(("strike", "rate", "carry"), [(200.0, LN_2, 0.0), (50.0, 0.0, LN_2)])
def test_poles_at_vol_0_have_the_sign_of_the_approach(
    payoff: Any, settlement: Any, strike: float, rate: float, carry: float
) -> None:
    """The growth to expiry, ln 2 to the last bit, puts the forward exactly at the strike."""
    for kind in KINDS:
        common = {"strike": strike, "spot": 100.0, "expiry": 1.0, "rate": rate, "carry": carry,
                  "settlement": settlement, "payoff": payoff, "which": "all"}  # fmt: skip
        limit, close, closer = (hc.greeks(kind, vol=vol, **common) for vol in (0.0, 1e-7, 1e-9))
        assert assert_approached(limit, close, closer) >= 10


@pytest.mark.parametrize("form", [{"forward": 0.0}, {"spot": 0.0, "rate": 0.02, "carry": 0.01}])
def test_worthless_underlying(form: dict[str, float]) -> None:
    common: dict[str, Any] = {"strike": 50.0, "expiry": 1.0, "vol": 0.5, "which": "all", **form}
    discount = math.exp(-0.02) if "spot" in form else 1.0
    carried = math.exp(-0.01) if "spot" in form else 1.0
    for payoff in PAYOFFS:
        for settlement in SETTLEMENTS:
            call = hc.greeks("call", payoff=payoff, settlement=settlement, **common)
            assert all(value == 0.0 for value in call.to_dict().values())
    cash = hc.greeks("put", payoff="cash_or_nothing", **common)
    assert (cash.price, cash.delta) == (pytest.approx(discount), 0.0)
    asset = hc.greeks("put", payoff="asset_or_nothing", **common)
    assert (asset.price, asset.delta) == (0.0, pytest.approx(carried))
    coins = hc.greeks("put", payoff="cash_or_nothing", settlement="inverse", **common)
    assert (coins.price, coins.delta, coins.gamma) == (math.inf, -math.inf, math.inf)
    coin = hc.greeks("put", payoff="asset_or_nothing", settlement="inverse", **common)
    assert (coin.price, coin.delta) == (pytest.approx(carried), 0.0)


def test_expired_digitals_are_worth_their_payoff() -> None:
    strike = np.array([90.0, 100.0, 110.0])
    for kind, paid in (("call", [1.0, 0.5, 0.0]), ("put", [0.0, 0.5, 1.0])):
        common = {"strike": strike, "expiry": 0.0, "vol": 0.5, "forward": 100.0}
        for payoff, unit in (("cash_or_nothing", 1.0), ("asset_or_nothing", 100.0)):
            value = hc.price(kind, payoff=payoff, **common)
            np.testing.assert_array_equal(value, np.array(paid) * unit)
            value = hc.price(kind, payoff=payoff, settlement="inverse", **common)
            np.testing.assert_array_equal(value, np.array(paid) * unit / 100.0)


def test_nothing_is_nan_on_the_edges() -> None:
    edges = np.array([0.0, 1e-320, 1e-30, 1.0, 1e30])
    x, k, t, vol = (g.ravel() for g in np.meshgrid(edges, edges, edges, edges))
    for settlement in SETTLEMENTS:
        for payoff in PAYOFFS:
            for kind in KINDS:
                price = hc.price(kind, strike=k, expiry=t, vol=vol, forward=x, settlement=settlement,
                                 payoff=payoff)  # fmt: skip
                assert not np.isnan(price).any()
                assert (price >= 0).all()
                if settlement == "linear":
                    whole = 1.0 if payoff == "cash_or_nothing" else x
                    assert (price <= whole * (1 + 1e-15)).all()


@pytest.mark.parametrize("payoff", PAYOFFS)
def test_bad_rows_do_not_touch_the_others(payoff: Any) -> None:
    strike = np.linspace(50, 150, 1000)
    common: dict[str, Any] = {"expiry": 0.5, "vol": 0.4, "forward": 95.0, "payoff": payoff}
    clean = hc.greeks("put", strike=strike, which="all", **common)
    dirty = strike.copy()
    bad = np.arange(1000) % 7 == 3
    dirty[bad] = np.tile([np.nan, -1.0, np.inf], 1000)[: bad.sum()]
    g = hc.greeks("put", strike=dirty, which="all", errors="nan", **common)
    for name in g.names:
        assert np.isnan(g[name][bad]).all(), name
        np.testing.assert_array_equal(g[name][~bad], clean[name][~bad], err_msg=name)
    with pytest.raises(
        ValueError, match=r"strike\[3\] = nan must be finite and not negative \(143 bad"
    ):
        hc.greeks("put", strike=dirty, **common)


COMMON: dict[str, Any] = {"strike": 100.0, "expiry": 0.5, "forward": 95.0}


def test_wrong_choices_are_clear_errors() -> None:
    choices = "payoff must be 'vanilla', 'cash_or_nothing' or 'asset_or_nothing', not 'digital'"
    for call in (hc.price, hc.greeks):
        with pytest.raises(ValueError, match=choices):
            call("call", vol=0.4, payoff="digital", **COMMON)
        with pytest.raises(ValueError, match="model must be 'black' or 'bachelier', not 'sabr'"):
            call("call", vol=0.4, model="sabr", **COMMON)
        with pytest.raises(ValueError, match="digital payoffs are priced under model 'black' only"):
            call("call", vol=0.4, model="bachelier", payoff="cash_or_nothing", **COMMON)
    with pytest.raises(ValueError, match=choices):
        hc.implied_vol(0.3, "call", payoff="digital", **COMMON)  # type: ignore[call-overload]
    for payoff in PAYOFFS:
        with pytest.raises(ValueError, match="does not determine the vol"):
            hc.implied_vol(0.3, "call", payoff=payoff, **COMMON)


def test_units() -> None:
    """Desk units are those of any payoff; what other systems show is for vanilla ones."""
    g = hc.greeks("call", vol=0.4, payoff="cash_or_nothing", **COMMON, which="all")
    desk = g.scaled("desk")
    assert desk.payoff == "cash_or_nothing"
    assert desk.vega == g.vega / 100
    assert desk.theta == pytest.approx(g.theta / 365, rel=1e-15)
    assert "cash_or_nothing, desk units" in repr(desk)
    for preset in ("deribit", "vollib", "quantlib"):
        with pytest.raises(
            ValueError, match=f"{preset} has no units for the payoff 'cash_or_nothing'"
        ):
            g.scaled(preset)


def test_same_bits_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(9)
    n = 20_011
    forward = rng.uniform(50, 150, n)
    common = {"strike": forward * np.exp(rng.normal(0, 0.4, n)), "expiry": rng.uniform(0, 2, n),
              "vol": rng.uniform(0, 2, n), "forward": forward, "which": "all"}  # fmt: skip
    for payoff in PAYOFFS:
        one, two = (hc.greeks(1, payoff=payoff, threads=threads, **common) for threads in (1, 2))
        for name in one.names:
            np.testing.assert_array_equal(one[name], two[name], err_msg=name)
