"""Bachelier's normal model: exact values, identities, edges, implied vols and bad input."""

from __future__ import annotations

import math
import re
import runpy
import warnings
from pathlib import Path
from typing import Any

import mpmath as m
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import hedgecore as hc
import oracle
from comparison import compare_with_oracle
from conftest import ROOT, reference_rows
from hedgecore.pricing import GREEK_NAMES
from levels import AVAILABLE, run_at
from terms import sizes_of
from test_pricing_reference import HALF_ULP, bound, check, columns

SETTLEMENTS = ["linear", "inverse"]
KINDS = ["call", "put"]
LN_2 = math.log(2.0)


@pytest.mark.parametrize("level", AVAILABLE)
def test_every_row_of_the_exact_file(shared: Path, level: str) -> None:
    rows = reference_rows(shared, "bachelier_greeks.csv")
    f, k, t, r, vol = columns(rows, "F", "K", "T", "r", "normal_vol")
    sign = np.array([1.0 if row["type"] == "call" else -1.0 for row in rows])
    names = ["price", "delta", "gamma", "vega", "theta", "rho", "vanna", "volga"]
    got = run_at(
        level,
        "result.update(hc.greeks(sign, strike=k, expiry=t, vol=vol, forward=f, discount=discount,"
        f" which={names!r}, model='bachelier').to_dict())",
        sign=sign, f=f, k=k, t=t, vol=vol, discount=np.exp(-r * t),
    )  # fmt: skip
    options = [
        oracle.Option(int(w), *values, forward_form=True, model="bachelier")
        for w, *values in zip(sign, f, k, t, vol, r, r, strict=True)
    ]
    kappa = np.array([oracle.condition_number(option) for option in options])
    d = np.array([oracle.d1(option) for option in options])
    sizes = sizes_of(options, "linear")
    for name in names:
        (reference,) = columns(rows, name)
        terms = np.array([size[name] for size in sizes])
        limit = bound(name, reference, kappa, d, terms)
        if name == "theta":  # the half-ulp of the discount factor, as in test_pricing_reference.py
            limit = limit + 4 * HALF_ULP / t * columns(rows, "price")[0]
        check(f"{name} ({level})", got[name], reference, limit, [row["id"] for row in rows])


def test_published_values(shared: Path) -> None:
    """The total standard deviation given as a vol over one year."""
    seen = 0
    for row in reference_rows(shared, "black_bachelier_values.csv"):
        price = hc.price(row["type"], strike=float(row["strike"]), expiry=1.0, vol=float(row["std_dev"]),
                         forward=float(row["forward"]), discount=float(row["discount"]), model=row["model"])  # fmt: skip
        assert price == pytest.approx(float(row["price"]), abs=float(row["tol"])), row
        seen += row["model"] == "bachelier"
    assert seen >= 2


def fresh_options(n: int, seed: int, forward_form: bool, inverse: bool) -> list[oracle.Option]:
    """Options all over the domain: either sign (inverse: a positive underlying), wings, seconds to expiry."""
    rng = np.random.default_rng(seed)
    made: list[oracle.Option] = []
    while len(made) < n:
        x = float(np.exp(rng.uniform(np.log(1e-2), np.log(2e5)))) * (1 if inverse else float(rng.choice([-1, 1])))  # fmt: skip
        t = float(np.exp(rng.uniform(np.log(3e-8), np.log(5))))
        total = abs(x) * float(np.exp(rng.uniform(-9, 2)))
        r, q = (0.0, 0.0) if forward_form else (float(v) for v in rng.uniform(-0.2, 0.2, 2))
        k = x * math.exp((r - q) * t) + total * float(rng.uniform(-13, 13))
        option = oracle.Option(
            int(rng.choice([-1, 1])), x, k, t, total / math.sqrt(t), r, q, forward_form, "bachelier"
        )
        if abs(oracle.d1(option)) < 14:
            made.append(option)
    return made


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("forward_form", [True, False])
def test_fresh_samples(settlement: str, forward_form: bool) -> None:
    options = fresh_options(20, 51 + forward_form, forward_form, settlement == "inverse")
    compare_with_oracle(options, settlement)


@pytest.mark.parametrize("level", AVAILABLE)
def test_wings_keep_their_relative_accuracy(level: str) -> None:
    """s n(d) (1 - |d| R(|d|)) for every |d| down to 1e-290, where the textbook form has no digit left."""
    rng = np.random.default_rng(4)
    d = np.concatenate(
        [rng.uniform(0, 36, 400), rng.uniform(0, 1, 200), 10 ** rng.uniform(-9, 0, 50)]
    )
    vol = np.exp(rng.uniform(-9, 9, len(d)))
    strike = d * vol
    got = run_at(
        level,
        "result['call'] = hc.price(1, strike=strike, expiry=1, vol=vol, forward=0.0, model='bachelier')\n"
        "result['put'] = hc.price(-1, strike=-strike, expiry=1, vol=vol, forward=0.0, model='bachelier')",
        strike=strike, vol=vol,
    )  # fmt: skip
    exact, limit = [], []
    with m.workdps(340):
        for k, v in zip(strike, vol, strict=True):
            z = m.mpf(float(k)) / m.mpf(float(v))
            chance, density = m.ncdf(-z), m.npdf(z)
            value = v * (density - z * chance)
            kappa = (k * chance + 1.5 * v * density) / value  # strike, vol, expiry
            exact.append(float(value))
            limit.append(float(8 * (kappa + 1) * m.mpf(2) ** -53 * value))
    ids = [repr(pair) for pair in zip(strike, vol, strict=True)]
    check(f"wing ({level})", got["call"], np.array(exact), np.array(limit), ids)
    np.testing.assert_array_equal(got["put"], got["call"])


underlyings = st.floats(-1e6, 1e6)
distances = st.floats(-8, 8).map(lambda d: round(d, 12))  # no subnormal numbers
expiries = st.floats(1e-6, 10)
totals = st.floats(1e-3, 1e6)
rates = st.floats(-0.3, 0.3)
kinds = st.sampled_from(KINDS)


def spot_form(x: float, d: float, t: float, total: float, r: float, q: float) -> dict[str, Any]:
    """An option whose strike is d standard deviations from the forward."""
    return {
        "strike": float(x * np.exp((r - q) * t) + d * total), "expiry": t, "vol": total / t**0.5,
        "spot": x, "rate": r, "carry": q, "model": "bachelier", "which": "all",
    }  # fmt: skip


@given(underlyings, distances, expiries, totals, rates, rates)
def test_parity(x: float, d: float, t: float, total: float, r: float, q: float) -> None:
    common = spot_form(x, d, t, total, r, q)
    call, put = hc.greeks("call", **common), hc.greeks("put", **common)
    u, b = x * np.exp(-q * t), common["strike"] * np.exp(-r * t)
    size = abs(u) + abs(b)
    assert call.price - put.price == pytest.approx(u - b, rel=0, abs=4e-15 * (size + call.price))
    assert call.delta - put.delta == pytest.approx(np.exp(-q * t), rel=1e-14)
    assert call.dual_delta - put.dual_delta == pytest.approx(-np.exp(-r * t), rel=1e-14)
    slack = 1e-13 * t * (size + call.price + put.price + total * np.exp(-r * t))
    assert call.rho - put.rho == pytest.approx(t * b, rel=0, abs=slack)
    assert call.phi - put.phi == pytest.approx(-t * u, rel=0, abs=slack)
    for name in ("gamma", "vega", "vanna", "volga", "speed", "zomma", "color", "veta", "ultima", "dual_gamma"):  # fmt: skip
        assert call[name] == put[name], name


@given(underlyings, distances, expiries, totals, rates, rates, kinds)
def test_mirror(x: float, d: float, t: float, total: float, r: float, q: float, kind: Any) -> None:
    """A call on X struck at K is a put on -X struck at -K, to the last bit."""
    common = spot_form(x, d, t, total, r, q)
    mirrored = common | {"spot": -x, "strike": -common["strike"]}
    other = "put" if kind == "call" else "call"
    g, h = hc.greeks(kind, **common), hc.greeks(other, **mirrored)
    for name in ("price", "gamma", "vega", "theta", "rho", "phi", "volga", "veta", "zomma", "color", "ultima", "dual_gamma"):  # fmt: skip
        assert g[name] == h[name], name
    for name in ("delta", "vanna", "charm", "speed", "dual_delta"):
        assert g[name] == -h[name], name


@given(underlyings, distances, expiries, totals, kinds, st.integers(-40, 40))
def test_scaling_by_powers_of_two_is_exact(
    x: float, d: float, t: float, total: float, kind: Any, power: int
) -> None:
    """Homogeneous of degree one in forward, strike and vol."""
    c = 2.0**power
    common = {"expiry": t, "model": "bachelier", "which": "all"}
    k, vol = x + d * total, total / t**0.5
    one = hc.greeks(kind, strike=k, forward=x, vol=vol, **common)
    other = hc.greeks(kind, strike=c * k, forward=c * x, vol=c * vol, **common)
    for name, degree in {"price": 1, "delta": 0, "vega": 0, "theta": 1, "gamma": -1, "vanna": -1, "speed": -2}.items():  # fmt: skip
        assert other[name] == one[name] * c**degree, name


@given(underlyings, distances, expiries, totals, rates, rates, kinds)
def test_euler(x: float, d: float, t: float, total: float, r: float, q: float, kind: Any) -> None:
    """V = X dV/dX + K dV/dK + vol dV/dvol."""
    common = spot_form(x, d, t, total, r, q)
    g = hc.greeks(kind, **common)
    terms = np.array([x * g.delta, common["strike"] * g.dual_delta, common["vol"] * g.vega])
    assert g.price == pytest.approx(terms.sum(), rel=0, abs=1e-14 * np.abs(terms).sum())


@given(underlyings, distances, expiries, totals, rates, kinds)
def test_equation_of_the_model(
    x: float, d: float, t: float, total: float, r: float, kind: Any
) -> None:
    """On the forward: theta + vol^2 gamma / 2 - r V = 0, and once more differentiated by the vol."""
    common = {"strike": x + d * total, "expiry": t, "vol": total / t**0.5, "model": "bachelier"}
    discount = float(np.exp(-r * t))
    g = hc.greeks(kind, forward=x, discount=discount, which="all", **common)
    rate, vol = -np.log(discount) / t, common["vol"]
    assume(g.vega > 1e-280)
    # gamma is that of a discounted value, whose discount the variance of the forward does not have
    terms = np.array([g.theta, 0.5 * vol**2 * g.gamma, -rate * g.price])
    assert terms.sum() == pytest.approx(0, abs=1e-13 * np.abs(terms).sum() + 4e-16 / t * g.price)
    terms = np.array([g.veta, vol * g.gamma, 0.5 * vol**2 * g.zomma, -rate * g.vega])
    assert terms.sum() == pytest.approx(0, abs=1e-12 * (np.abs(terms).sum() + g.vega / t))


@given(underlyings, distances, expiries, totals, rates, rates, kinds)
def test_forward_form_is_the_spot_form_on_the_forward(
    x: float, d: float, t: float, total: float, r: float, q: float, kind: Any
) -> None:
    """The discount multiplies; theta earns the rate on the value."""
    k, vol = x + d * total, total / t**0.5
    discount = float(np.exp(-r * t))
    common = {"strike": k, "expiry": t, "vol": vol, "model": "bachelier", "which": "all"}
    plain = hc.greeks(kind, forward=x, **common)
    assume(plain.price > 1e-280)
    g = hc.greeks(kind, forward=x, discount=discount, **common)
    for name in ("price", "delta", "gamma", "vega", "vanna", "volga", "speed", "zomma", "ultima", "dual_delta", "dual_gamma"):  # fmt: skip
        assert g[name] == pytest.approx(discount * plain[name], rel=1e-14 * (1 + d * d)), name
    rate = -np.log(discount) / t
    for name, base in {
        "theta": "price",
        "charm": "delta",
        "veta": "vega",
        "color": "gamma",
    }.items():
        terms = [discount * plain[name], rate * g[base]]
        slack = 1e-13 * (1 + d * d) * (abs(terms[0]) + abs(terms[1])) + 1e-15 / t * abs(g[base])
        assert g[name] == pytest.approx(sum(terms), rel=0, abs=slack), name
    # the same forward by way of a spot
    spot = x * float(np.exp(-(r - q) * t))
    by_spot = hc.greeks(kind, spot=spot, rate=r, carry=q, **common)
    slack = 4e-15 * (abs(x) + abs(k) + total) * discount
    assert by_spot.price == pytest.approx(g.price, rel=0, abs=slack)
    assert by_spot.dual_delta == pytest.approx(g.dual_delta, rel=0, abs=slack / total + 1e-15)


@given(st.floats(1e-3, 1e6), distances, expiries, st.floats(1e-4, 10), rates, rates, kinds)
def test_inverse_follows_from_linear(
    x: float, d: float, t: float, total: float, r: float, q: float, kind: Any
) -> None:
    """v = V / X, differentiated by hand."""
    common = spot_form(x, d, t, total * x, r, q)
    usd, coin = hc.greeks(kind, **common), hc.greeks(kind, settlement="inverse", **common)
    assume(usd.vega > 1e-280)
    size = abs(usd.delta) + usd.price / x
    assert coin.price == pytest.approx(usd.price / x, rel=1e-15)
    assert coin.black_delta == usd.delta
    assert coin.black_gamma == usd.gamma
    assert coin.delta == pytest.approx(usd.delta - usd.price / x, rel=0, abs=1e-13 * size)
    assert coin.gamma == pytest.approx(usd.gamma - coin.delta / x, rel=0, abs=1e-13 * (usd.gamma + size / x))  # fmt: skip
    assert coin.vanna == pytest.approx(usd.vanna - usd.vega / x, rel=1e-9, abs=1e-12 * (usd.vega / x + abs(usd.vanna)))  # fmt: skip
    for name in ("vega", "theta", "rho", "phi", "volga", "veta", "ultima", "dual_delta", "dual_gamma"):  # fmt: skip
        assert coin[name] == pytest.approx(usd[name] / x, rel=1e-15), name


def test_black_at_small_vols_is_bachelier() -> None:
    """With a normal vol of F times a small lognormal one and strikes next to the money the models meet."""
    strike = 100.0 + 1e-3 * np.linspace(-3, 3, 13)
    black = hc.price("call", strike=strike, expiry=1.0, vol=1e-5, forward=100.0)
    normal = hc.price("call", strike=strike, expiry=1.0, vol=1e-3, forward=100.0, model="bachelier")
    np.testing.assert_allclose(normal, black, rtol=3e-4)  # d^3 s / 2


def names_for(form: dict[str, float], settlement: str) -> list[str]:
    return [
        name
        for name in GREEK_NAMES
        if (name != "phi" or "spot" in form) and (settlement == "inverse" or "black" not in name)
    ]


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("edge", ["vol", "expiry"])
@pytest.mark.parametrize(
    "form",
    [
        {"forward": 100.0},
        {"forward": 100.0, "discount": 0.9},
        {"spot": 100.0, "rate": 0.03, "carry": 0.07},
        {"spot": -100.0, "rate": 0.03, "carry": 0.07},
    ],
)
def test_limits_away_from_the_money(settlement: Any, edge: str, form: dict[str, float]) -> None:
    if settlement == "inverse" and form.get("spot", 1.0) < 0.0:
        form = form | {"spot": 30.0}
    for kind in KINDS:
        for strike in (-125.0, -80.0, 0.0, 80.0, 125.0):
            at = {"strike": strike, "expiry": 0.5, "vol": 60.0}
            near = dict(at)
            at[edge] = 0.0
            near[edge] = {"vol": 1e-4, "expiry": 1e-13}[edge]
            given_form = (
                form | {"discount": 1.0} if edge == "expiry" and "discount" in form else form
            )
            names = names_for(form, settlement)
            common = {"settlement": settlement, "model": "bachelier", "which": names, **given_form}
            limit, close = hc.greeks(kind, **common, **at), hc.greeks(kind, **common, **near)
            for name in names:
                assert limit[name] == pytest.approx(close[name], rel=1e-5, abs=1e-8), name


def assert_approached(limit: hc.Greeks, close: hc.Greeks, closer: hc.Greeks, least: int) -> None:
    """Finite limits are near the values close by, poles are infinite with their sign."""
    poles = 0
    for name in limit.names:
        if abs(closer[name]) > 8 * abs(close[name]) and abs(closer[name]) > 1.0:
            assert limit[name] == math.copysign(math.inf, closer[name]), name
            poles += 1
        else:
            assert limit[name] == pytest.approx(closer[name], rel=1e-4, abs=1e-4), name
    assert poles >= least


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("edge", ["vol", "expiry"])
@pytest.mark.parametrize("x", [100.0, -100.0, 0.0])
def test_limits_at_the_money(settlement: Any, kind: Any, edge: str, x: float) -> None:
    """The forward is the strike all the way."""
    if settlement == "inverse" and x <= 0.0:
        x = 7.0
    for form in ({"forward": x}, {"forward": x, "discount": 0.9}, {"spot": x, "rate": 0.05, "carry": 0.05}):  # fmt: skip
        at = {"strike": x, "expiry": 0.5, "vol": 60.0}
        near, nearer = dict(at), dict(at)
        at[edge], near[edge], nearer[edge] = 0.0, 1e-8, 1e-16
        if edge == "expiry" and "discount" in form:
            form = form | {"discount": 1.0}
        names = names_for(form, settlement)
        common = {"settlement": settlement, "model": "bachelier", "which": names, **form}
        limit, close, closer = (hc.greeks(kind, **common, **point) for point in (at, near, nearer))
        assert_approached(limit, close, closer, 4)
        assert limit.price == 0.0


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize(("rate", "carry"), [(0.0, 0.05), (0.05, 0.0), (0.4, 0.0)])
@pytest.mark.parametrize("vol", [3.0, 200.0])
def test_poles_at_expiry_have_the_sign_of_the_approach(
    settlement: Any, rate: float, carry: float, vol: float
) -> None:
    """Spot at the strike, rate and carry apart: what is large a moment before is infinite at expiry."""
    for kind in KINDS:
        for x in (100.0,) if settlement == "inverse" else (100.0, -100.0):
            common = {"strike": x, "spot": x, "rate": rate, "carry": carry, "vol": vol, "model": "bachelier",
                      "settlement": settlement, "which": "all"}  # fmt: skip
            limit, close, closer = (
                hc.greeks(kind, expiry=t, **common) for t in (0.0, 1e-12, 1e-16)
            )
            assert_approached(limit, close, closer, 7)


@pytest.mark.parametrize("settlement", SETTLEMENTS)
@pytest.mark.parametrize(("strike", "rate", "carry"), [(200.0, LN_2, 0.0), (50.0, 0.0, LN_2)])
def test_poles_at_vol_0_have_the_sign_of_the_approach(
    settlement: Any, strike: float, rate: float, carry: float
) -> None:
    """The growth to expiry, ln 2 to the last bit, puts the forward exactly at the strike."""
    for kind in KINDS:
        common = {"strike": strike, "spot": 100.0, "expiry": 1.0, "rate": rate, "carry": carry,
                  "settlement": settlement, "model": "bachelier", "which": "all"}  # fmt: skip
        assert hc.price(kind, vol=0.0, **{k: v for k, v in common.items() if k != "which"}) == 0.0
        limit, close, closer = (hc.greeks(kind, vol=vol, **common) for vol in (0.0, 1e-7, 1e-9))
        assert_approached(limit, close, closer, 5)


def test_zero_and_negative_underlyings_are_ordinary() -> None:
    g = hc.greeks(
        "call", strike=[-10.0, 0.0, 10.0], expiry=1.0, vol=20.0, forward=0.0, model="bachelier"
    )
    assert np.all(np.diff(g.price) < 0)
    assert g.price[1] == pytest.approx(20.0 / math.sqrt(2 * math.pi), rel=1e-15)
    assert g.delta[1] == pytest.approx(0.5, rel=1e-15)


# --- implied vol ---------------------------------------------------------------------------------------------------


def exact_vols(
    price: npt.NDArray[np.float64], distance: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The total vols s at which options |d| s = distance out of the money have these prices, and what half an ulp carries."""
    vols, carried = [], []
    with m.workdps(60):
        for value, gap in zip(
            map(m.mpf, map(float, price)), map(m.mpf, map(float, distance)), strict=True
        ):
            # ln of the price, so that the wings are no harder than the money: Newton in ln s
            log_s = m.log(value * m.sqrt(2 * m.pi) + gap / 30)
            for _ in range(200):
                s = m.exp(log_s)
                z = gap / s
                tail = m.sqrt(m.pi / 2) * m.exp(z * z / 2) * m.erfc(z / m.sqrt(2))  # Mills ratio
                slope = 1 - z * tail
                step = slope * (m.log(value / (s * slope)) + m.log(2 * m.pi) / 2 + z * z / 2)
                log_s += max(min(step, m.mpf(1) / 2), -m.mpf(1) / 2)
                if abs(step) < m.mpf(10) ** -35:
                    break
            vols.append(float(m.exp(log_s)))
            carried.append(float(slope * m.mpf(2) ** -53))
    return np.array(vols), np.array(carried)


@pytest.mark.parametrize("level", AVAILABLE)
def test_implied_vols_over_the_whole_domain(level: str) -> None:
    """Any two doubles: prices down to the smallest ones, z up to 50, next to the money and exactly at it."""
    rng = np.random.default_rng(12)
    n = 500
    price = np.concatenate(
        [10.0 ** rng.uniform(-300, 300, 2 * n), 10.0 ** rng.uniform(-4, 4, 2 * n)]
    )
    near = price[n:] * 10.0 ** rng.uniform(-9, 7, 3 * n)
    distance = np.concatenate([10.0 ** rng.uniform(-300, 300, n), near])
    distance[rng.uniform(size=4 * n) < 0.02] = 0.0
    assert np.isfinite(distance).all()
    vol, carried = exact_vols(price, distance)
    got = run_at(
        level,
        "result['vol'], result['status'] = hc.implied_vol(price, 'call', strike=distance, expiry=1.0, forward=0.0,"
        " model='bachelier', return_status=True)",
        price=price, distance=distance,
    )  # fmt: skip
    assert (got["status"] == 0).all()
    error = np.abs(got["vol"] / vol - 1) / (carried + 2e-16)
    worst = int(np.argmax(error))
    print(
        f"{level}: {len(vol)} pairs, |m| / s to {(distance / vol).max():.1f}, worst {error[worst]:.2f}, median {np.median(error):.2f} of the unit"
    )
    assert error[worst] <= 6, (price[worst], distance[worst], got["vol"][worst], vol[worst])


@given(underlyings, st.floats(-12, 12), expiries, totals, st.sampled_from([1, -1]),
       st.sampled_from(["forward", "discount", "spot"]))  # fmt: skip
def test_round_trip(x: float, d: float, t: float, total: float, sign: int, form: str) -> None:
    """The vol comes back as far as the price determines it."""
    named = {
        "forward": {"forward": x},
        "discount": {"forward": x, "discount": 0.93},
        "spot": {"spot": x, "rate": 0.05, "carry": -0.02},
    }[form]
    vol = total / t**0.5
    k = float((x * np.exp(0.07 * t) if form == "spot" else x) + d * total)
    common = {"strike": k, "expiry": t, "model": "bachelier", **named}
    g = hc.greeks(sign, vol=vol, which=["price", "vega"], **common)
    back, status = hc.implied_vol(g.price, sign, return_status=True, **common)
    slack = 8 * 2.2e-16 * (abs(x) + abs(k) + g.price) * math.exp(0.07 * t) / g.vega if g.vega > 0 else math.inf  # fmt: skip
    if slack > 0.01 * vol:
        assert status in (hc.Status.OK, hc.Status.BELOW_INTRINSIC)
        return
    assert status is hc.Status.OK
    assert back == pytest.approx(vol, rel=1e-14, abs=slack)


@given(st.floats(1e-3, 1e6), st.floats(-8, 8), expiries, st.floats(1e-3, 10), st.sampled_from([1, -1]))  # fmt: skip
def test_round_trip_of_coin_prices(x: float, d: float, t: float, share: float, sign: int) -> None:
    total = share * x
    common = {"strike": x + d * total, "expiry": t, "forward": x, "discount": 0.97,
              "settlement": "inverse", "model": "bachelier"}  # fmt: skip
    vol = total / t**0.5
    g = hc.greeks(sign, vol=vol, which=["price", "vega"], **common)
    back = hc.implied_vol(g.price, sign, **common)
    slack = 8 * 2.2e-16 * (2 + abs(d) * share + g.price) / g.vega
    assume(slack < 0.01 * vol)
    assert back == pytest.approx(vol, rel=1e-14, abs=slack)


def test_status_codes() -> None:
    code = hc.Status
    price = np.array([5.0, 0.0, -1.0, 4.999, 1e300, np.nan, 5.0, np.inf, 20.0, 5.0])
    strike = np.array([100.0, 120, 120, 95, 100, 100, np.nan, 100, 80, -1])
    vol, status = hc.implied_vol(price, "call", strike=strike, expiry=0.25, forward=100.0,
                                 model="bachelier", return_status=True)  # fmt: skip
    assert status.tolist() == [
        code.OK, code.OK, code.BELOW_INTRINSIC, code.BELOW_INTRINSIC, code.OK, code.INVALID_INPUT,
        code.INVALID_INPUT, code.INVALID_INPUT, code.OK, code.BELOW_INTRINSIC,
    ]  # fmt: skip
    assert np.isnan(vol[status != 0]).all()
    assert vol[1] == vol[8] == 0.0
    assert vol[4] == pytest.approx(1e300 * math.sqrt(2 * math.pi / 0.25), rel=1e-15)
    assert hc.implied_vol(5.0, "call", strike=0.0, expiry=1.0, forward=0.0, model="bachelier") > 0.0
    vol, status = hc.implied_vol(1e308, "call", strike=0.0, expiry=1e-9, forward=0.0,
                                 model="bachelier", return_status=True)  # fmt: skip
    assert (math.isnan(vol), status) == (True, code.ABOVE_MAXIMUM)
    vol, status = hc.implied_vol(5.0, "put", strike=0.0, expiry=0.0, forward=0.0,
                                 model="bachelier", return_status=True)  # fmt: skip
    assert (math.isnan(vol), status) == (True, code.INVALID_INPUT)


def test_raise_names_the_first_bad_row() -> None:
    common: dict[str, Any] = {"expiry": 1.0, "model": "bachelier", "errors": "raise"}
    with pytest.raises(ValueError, match=r"price\[1\] = 0.1 must be not below the intrinsic value \(2 bad rows"):  # fmt: skip
        hc.implied_vol([30.0, 0.1, 0.2], "call", strike=80.0, forward=100.0, **common)
    with pytest.raises(ValueError, match=r"price = 1e.308 must be below the value at the largest finite vol"):  # fmt: skip
        hc.implied_vol(1e308, "call", strike=0.0, forward=0.0, **common)
    with pytest.raises(
        ValueError, match=r"forward = -1.0 must be positive with inverse settlement"
    ):
        hc.implied_vol(1.0, "call", strike=0.0, forward=-1.0, settlement="inverse", **common)


def test_polynomials_are_as_good_as_stated() -> None:
    """The derivative of the fitted Mills ratio and the start of the implied vol, in exact arithmetic."""
    folder = ROOT / "cpp" / "src" / "math"
    module = runpy.run_path(str(folder / "coefficients.py"))
    text = (folder / "coefficients.inl").read_text()

    def table(name: str) -> list[m.mpf]:
        (body,) = re.findall(rf"{name}\[\d+\] = {{(.*?)}}", text, flags=re.DOTALL)
        return [m.mpf(float(x)) for x in body.split(",") if x.strip()]

    def constant(name: str) -> m.mpf:
        (value,) = re.findall(rf"{name} = (.*?);", text)
        return m.mpf(float(value))

    def polynomial(terms: list[m.mpf], x: m.mpf) -> m.mpf:
        return m.fsum(c * x**i for i, c in enumerate(terms))

    g = table("mills_terms")
    slopes = [i * c for i, c in enumerate(g)][1:]
    scale, offset = constant("mills_scale"), constant("mills_offset")
    start = table("normal_start_terms")
    weight, shift = constant("normal_start_weight"), constant("normal_start_shift")
    with m.workdps(40):
        for z in (m.mpf(k) / 8 for k in range(561)):
            y = 1 / (z + constant("mills_shift"))
            v = scale * y - offset
            value, slope = polynomial(g, v), polynomial(slopes, v)
            fitted = y * y * (1 + 2 * y * value + y * y * scale * slope)
            assert abs(fitted / (1 - z * module["mills"](z)) - 1) < 6e-17, z
        for k in range(300):
            ell = m.exp(m.log(m.mpf(10)) * (-7 + k * m.mpf(10.16) / 299))
            z = module["normal_distance"](ell)
            share = (1 - z * module["mills"](z)) / z * m.npdf(z)  # O / |m|
            assert abs(m.log1p(weight / share) / ell - 1) < 1e-25
            t = 1 / m.sqrt(ell + shift)
            assert abs(ell * t * polynomial(start, t) / z - 1) < 7.3e-6, ell


any_number = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(st.lists(any_number, min_size=5, max_size=5), st.sampled_from(SETTLEMENTS))
def test_any_floats_give_a_vol_or_a_status(values: list[float], settlement: Any) -> None:
    price, strike, expiry, forward, discount = values
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vol, status = hc.implied_vol(price, "put", strike=strike, expiry=expiry, forward=forward, discount=discount,
                                     settlement=settlement, model="bachelier", return_status=True)  # fmt: skip
    assert (status is hc.Status.OK) == (not np.isnan(vol))
    assert not vol < 0
    assert not np.isinf(vol)


@given(st.lists(any_number, min_size=4, max_size=4), st.sampled_from(SETTLEMENTS), st.booleans())
def test_any_floats_give_a_value_or_an_error(
    values: list[float], settlement: Any, by_spot: bool
) -> None:
    strike, expiry, vol, x = values
    form = {"spot": x, "rate": 0.01} if by_spot else {"forward": x}
    arguments = {"strike": strike, "expiry": expiry, "vol": vol, "settlement": settlement,
                 "model": "bachelier", **form}  # fmt: skip
    inside = all(map(math.isfinite, values)) and expiry >= 0 and vol >= 0
    inside = inside and (settlement == "linear" or x > 0) and math.isfinite(x - strike)
    if by_spot and inside:
        inside = 0.01 * expiry <= 700
    g = hc.greeks("put", errors="nan", **arguments)
    if not inside:
        assert np.isnan(g.price)
        with pytest.raises(ValueError, match=r"must be (finite|positive|at)"):
            hc.greeks("put", **arguments)
    else:
        assert g.price >= 0
        assert not np.isnan(g.delta)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strike": np.nan}, "^strike = nan must be finite$"),
        ({"forward": np.inf}, "^forward = inf must be finite$"),
        ({"vol": -1.0}, "vol = -1.0 must be finite and not negative"),
        ({"expiry": -1.0}, "expiry = -1.0 must be finite and not negative"),
        ({"forward": 1e308, "strike": -1e308}, "strike = -1e.308 must be at a finite distance from the underlying"),
        ({"settlement": "inverse", "forward": 0.0}, "forward = 0.0 must be positive with inverse settlement"),
        ({"settlement": "inverse", "forward": None, "spot": -3.0}, "spot = -3.0 must be positive with inverse"),
        ({"forward": None, "spot": 1.0, "carry": 1410.0}, "carry = 1410.0 must be at most 700 / expiry"),
        ({"forward": None, "spot": 1.0, "rate": -1410.0}, "rate = -1410.0 must be at most 700 / expiry"),
        ({"discount": 0.0}, "discount = 0.0 must be finite and positive"),
        ({"model": "normal"}, "model must be 'black' or 'bachelier', not 'normal'"),
        ({"payoff": "asset_or_nothing"}, "digital payoffs are priced under model 'black' only"),
    ],
)  # fmt: skip
def test_clear_errors(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"strike": 100.0, "expiry": 0.5, "vol": 20.0, "forward": 95.0, "model": "bachelier"}  # fmt: skip
    with pytest.raises(ValueError, match=message):
        hc.price("call", **arguments | change)


def test_bad_rows_do_not_touch_the_others() -> None:
    strike = np.linspace(-50, 150, 1000)
    common: dict[str, Any] = {"expiry": 0.5, "vol": 40.0, "forward": 95.0, "model": "bachelier"}
    clean = hc.greeks("put", strike=strike, which="all", **common)
    dirty = strike.copy()
    bad = np.arange(1000) % 7 == 3
    dirty[bad] = np.tile([np.nan, -np.inf, np.inf], 1000)[: bad.sum()]
    g = hc.greeks("put", strike=dirty, which="all", errors="nan", **common)
    for name in g.names:
        assert np.isnan(g[name][bad]).all(), name
        np.testing.assert_array_equal(g[name][~bad], clean[name][~bad], err_msg=name)


def test_units() -> None:
    """No preset knows a vol that is an amount of currency."""
    g = hc.greeks("call", strike=100.0, expiry=0.5, vol=40.0, forward=95.0, model="bachelier")
    for preset in ("desk", "deribit", "vollib", "quantlib"):
        with pytest.raises(ValueError, match=f"{preset} has no units for the model 'bachelier'"):
            g.scaled(preset)
    assert g.scaled("natural").to_dict() == g.to_dict()
    assert "bachelier" in repr(g)


def test_same_bits_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(9)
    n = 20_011
    forward = rng.normal(0, 100, n)
    common = {"strike": forward + rng.normal(0, 40, n), "expiry": rng.uniform(0, 2, n),
              "forward": forward, "model": "bachelier"}  # fmt: skip
    vol = rng.uniform(0, 90, n)
    one, two = (hc.greeks(1, threads=threads, vol=vol, which="all", **common) for threads in (1, 2))
    for name in one.names:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)
    first, second = (hc.implied_vol(one.price, 1, threads=threads, **common) for threads in (1, 2))
    np.testing.assert_array_equal(first, second)
