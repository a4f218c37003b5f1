"""Implied vols: the reference file, round trips over the whole domain, and every way to have none."""

from __future__ import annotations

import warnings
from pathlib import Path

import mpmath as m
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hedgecore as hc
from conftest import reference_rows
from levels import AVAILABLE, run_at


@pytest.mark.parametrize("level", AVAILABLE)
def test_every_row_of_the_reference_file(shared: Path, level: str) -> None:
    rows = reference_rows(shared, "implied_vol.csv")
    f, k, t, price, vol, attainable = (
        np.array([float(row[name]) for row in rows])
        for name in ("F", "K", "T", "price", "sigma", "attainable_rel_double_log")
    )
    sign = np.array([1.0 if row["type"] == "call" else -1.0 for row in rows])
    for scale in ("linear", "inverse"):
        quoted = "price / f" if scale == "inverse" else "price"
        got = run_at(
            level,
            f"result['vol'], result['status'] = hc.implied_vol({quoted}, sign, strike=k, expiry=t, forward=f,"
            f" settlement={scale!r}, return_status=True)",
            sign=sign, f=f, k=k, t=t, price=price,
        )  # fmt: skip
        if scale == "inverse":
            # the division by the forward rounds the price once more before the solver sees it
            plain = np.array([float(row["attainable_rel"]) for row in rows])
            attainable = attainable + 2 * plain
            solvable = got["status"] == 0
            assert (
                solvable.mean() > 0.98
            )  # at the limits the rounding decides whether there is a vol at all
        else:
            solvable = np.full(len(rows), True)
            assert (got["status"] == 0).all()
        error = np.abs(got["vol"] / vol - 1)[solvable]
        unit = (attainable + 2e-16)[solvable]
        worst = int(np.argmax(error / unit))
        assert error[worst] <= 6 * unit[worst], (rows[worst]["id"], error[worst] / unit[worst])
        assert np.median(error) < 3e-16


def exact_normalised(a: float, s: float) -> m.mpf:
    """The out-of-the-money value over the smaller leg, and its distance from 1."""
    x, v = m.mpf(a), m.mpf(s)
    return m.ncdf(-x / v + v / 2) - m.exp(x) * m.ncdf(-x / v - v / 2)


def test_fresh_samples_over_the_whole_domain() -> None:
    """Prices made with 60 digits, rounded once, then solved; what half an ulp carries is the unit."""
    rng = np.random.default_rng(11)
    calls = []
    with m.workdps(700):
        while len(calls) < 400:
            # |z1| spread over what a double can hold; both tiny and huge total vols
            s = float(np.exp(rng.uniform(np.log(1e-7), np.log(18))))
            h = float(rng.choice([0.0, np.exp(rng.uniform(np.log(1e-8), np.log(36)))]))
            strike = float(np.exp(h * s))
            if not np.isfinite(strike) or strike > 1e200:
                continue
            exact_x = m.log(m.mpf(strike))
            price = exact_normalised(float(exact_x), s) if strike == 1.0 else (
                m.ncdf(-exact_x / s + m.mpf(s) / 2) - m.mpf(strike) * m.ncdf(-exact_x / s - m.mpf(s) / 2)
            )  # fmt: skip
            rounded = float(price)
            if not 1e-300 < rounded < 1 - 1e-13:
                continue
            vega = m.npdf(-exact_x / s + m.mpf(s) / 2)
            correction = (m.mpf(rounded) - price) / vega  # vol of the double, to first order
            attainable = float(price * m.mpf(2) ** -53 / (vega * s))
            calls.append((strike, rounded, float(s + correction), attainable))
    strike, price, vol, attainable = map(np.array, zip(*calls, strict=True))
    got = hc.implied_vol(price, "call", strike=strike, expiry=1.0, forward=1.0)
    error = np.abs(got / vol - 1) / (attainable + 2e-16)
    worst = int(np.argmax(error))
    assert error[worst] <= 6, (strike[worst], price[worst], got[worst], vol[worst])


moneyness = st.floats(-3, 3)
total_vols = st.floats(1e-4, 6)


@given(st.floats(1e-3, 1e6), moneyness, st.floats(1e-6, 10), total_vols, st.sampled_from([1, -1]),
       st.sampled_from(["linear", "inverse"]), st.sampled_from(["forward", "discount", "spot"]))  # fmt: skip
def test_round_trip(
    x: float, mny: float, t: float, s: float, sign: int, settlement: str, form: str
) -> None:
    """The vol comes back as far as the price determines it."""
    k, vol = float(x * np.exp(mny)), s / np.sqrt(t)
    named = {
        "forward": {"forward": x},
        "discount": {"forward": x, "discount": 0.93},
        "spot": {"spot": x, "rate": 0.05, "carry": -0.02},
    }[form]
    common = {"strike": k, "expiry": t, "settlement": settlement, **named}
    g = hc.greeks(sign, vol=vol, which=["price", "vega"], **common)
    back, status = hc.implied_vol(g.price, sign, return_status=True, **common)
    leg = (x + k) / (x if settlement == "inverse" else 1.0)
    # a few roundings of the legs, in units of vol
    slack = 8 * 2.2e-16 * leg / g.vega if g.vega > 0 else np.inf
    if slack > 0.01 * vol:
        assert status in (hc.Status.OK, hc.Status.ABOVE_MAXIMUM, hc.Status.BELOW_INTRINSIC)
        return
    assert status is hc.Status.OK
    assert back == pytest.approx(vol, rel=1e-14, abs=slack)


def test_status_codes() -> None:
    price = np.array([5.0, 0.0, -1.0, 4.999, 100.0, 101.0, np.nan, 5.0, np.inf, 20.0])
    strike = np.array([100.0, 120, 120, 95, 100, 100, 100, -1, 100, 80])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vol, status = hc.implied_vol(
            price, "call", strike=strike, expiry=0.25, forward=100.0, return_status=True
        )
    code = hc.Status
    assert status.dtype == np.int8
    assert status.tolist() == [
        code.OK, code.OK, code.BELOW_INTRINSIC, code.BELOW_INTRINSIC, code.ABOVE_MAXIMUM,
        code.ABOVE_MAXIMUM, code.INVALID_INPUT, code.INVALID_INPUT, code.INVALID_INPUT, code.OK,
    ]  # fmt: skip
    assert np.isnan(vol[(status != 0)]).all()
    assert vol[1] == 0.0
    assert vol[9] == 0.0  # exactly the intrinsic value


def test_raise_names_the_first_bad_row() -> None:
    with pytest.raises(
        ValueError, match=r"price\[1\] = 0.1 must be not below the intrinsic value \(2 bad rows"
    ):
        hc.implied_vol(
            [30.0, 0.1, 0.2], "call", strike=80.0, expiry=1.0, forward=100.0, errors="raise"
        )
    with pytest.raises(ValueError, match=r"price = 200.0 must be below the value at infinite vol"):
        hc.implied_vol(200.0, "call", strike=80.0, expiry=1.0, forward=100.0, errors="raise")


def test_expiry_zero_has_no_vol() -> None:
    vol, status = hc.implied_vol(
        5.0, "put", strike=100.0, expiry=0.0, forward=95.0, return_status=True
    )
    assert np.isnan(vol)
    assert status is hc.Status.INVALID_INPUT


def test_scalar_results_are_plain() -> None:
    vol, status = hc.implied_vol(0.05, "C", strike=70_000.0, expiry=0.1, forward=68_000.0,
                                 settlement="inverse", return_status=True)  # fmt: skip
    assert type(vol) is float
    assert status is hc.Status.OK


def test_inverse_put_above_one_coin() -> None:
    """A deep in-the-money inverse put is worth more than a coin, and still has a vol."""
    price = hc.price(
        "put", strike=160_000, expiry=0.75, vol=0.75, forward=46_593.7, settlement="inverse"
    )
    assert price > 2.4
    vol = hc.implied_vol(
        price, "put", strike=160_000, expiry=0.75, forward=46_593.7, settlement="inverse"
    )
    assert vol == pytest.approx(0.75, rel=1e-12)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True, width=64), min_size=5, max_size=5))
def test_any_floats_give_a_vol_or_a_status(values: list[float]) -> None:
    price, strike, expiry, forward, discount = values
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        vol, status = hc.implied_vol(price, "put", strike=strike, expiry=expiry, forward=forward,
                                     discount=discount, return_status=True)  # fmt: skip
    assert (status is hc.Status.OK) == (not np.isnan(vol))
    assert not vol < 0


def test_tiny_prices_have_vols() -> None:
    """At the money price = 0.4 F s, down to the smallest doubles; out of the money far wings."""
    price = 10.0 ** np.arange(-320, 1.0)
    vol, status = hc.implied_vol(
        price, "call", strike=100.0, expiry=1.0, forward=100.0, return_status=True
    )
    assert (status == 0).all()
    small = (price < 1e-8) & (price > 1e-310)  # subnormal numbers have few digits to compare
    np.testing.assert_allclose(vol[small], price[small] / 100 * np.sqrt(2 * np.pi), rtol=1e-3)
    np.testing.assert_allclose(
        vol[small & (price > 1e-300)],
        (price / 100 * np.sqrt(2 * np.pi))[small & (price > 1e-300)],
        rtol=1e-14,
    )
    for strike in (100.0000001, 101.0, 150.0, 1e5):
        vol, status = hc.implied_vol(
            price, "call", strike=strike, expiry=1.0, forward=100.0, return_status=True
        )
        assert (status == 0).all()
        assert np.all(np.diff(vol) > 0)
        back = hc.price("call", strike=strike, expiry=1.0, vol=vol, forward=100.0)
        np.testing.assert_allclose(back[price > 1e-300], price[price > 1e-300], rtol=1e-11)


def test_a_price_that_is_none_beside_the_largest_has_vol_zero() -> None:
    """The smallest double over 1e5 is 0: the price is the intrinsic value, as far as doubles can say."""
    vol, status = hc.implied_vol(
        5e-324, "call", strike=1e5, expiry=1.0, forward=1e5, return_status=True
    )
    assert (vol, status) == (0.0, hc.Status.OK)


def test_amounts_without_digits_have_no_vol() -> None:
    """At the smallest discount the discounted forward and strike are 126 and 124 units of the last bit."""
    tiny = 5e-324
    vol, status = hc.implied_vol(
        tiny, "call", strike=123.92767223620966, expiry=0.15, forward=126.22110322728312,
        discount=tiny, settlement="inverse", return_status=True,
    )  # fmt: skip
    assert np.isnan(vol)
    assert status is hc.Status.INVALID_INPUT
