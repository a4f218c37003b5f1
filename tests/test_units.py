"""Presets against the numbers of the systems whose units they restate."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import hedgecore as hc
from conftest import reference_rows

YEAR_MS = 365 * 86_400_000


def columns(rows: list[dict[str, str]], *names: str) -> list[np.ndarray]:
    return [np.array([float(row[name]) for row in rows]) for name in names]


def test_deribit_ticker_rows(shared: Path) -> None:
    """Complete records of the exchange: the tolerances established on 994 records, of which these are a part."""
    rows = reference_rows(shared, "deribit_ticker_rows.csv")
    stamp, expires, k, f, iv, mark = columns(
        rows, "timestamp_ms", "expiry_ms", "strike", "underlying_price", "mark_iv", "mark_price"
    )
    g = hc.greeks([row["type"] for row in rows], strike=k, expiry=(expires - stamp) / YEAR_MS, vol=iv / 100,
                  forward=f, settlement="inverse").scaled("deribit")  # fmt: skip
    assert g.names == ("price", "delta", "gamma", "vega", "theta", "rho")
    shown = {name: columns(rows, name)[0] for name in ("delta", "gamma", "vega", "theta", "rho")}
    error = {name: np.abs(g[name] - shown[name]) for name in shown}
    assert np.median(np.abs(g.price - mark)) <= 5e-6
    assert np.max(np.abs(g.price - mark)) <= 5.2e-4
    assert np.median(error["delta"]) <= 3.2e-6
    assert error["delta"].max() <= 9.2e-5
    assert error["gamma"].max() <= 6.4e-6
    assert (error["vega"] / f).max() <= 5e-7
    assert (error["rho"] / f).max() <= 2e-7
    assert np.median(error["theta"] / f) <= 4e-9
    assert (error["theta"] / f).max() <= 2e-5


def test_deribit_snapshot_rows(shared: Path) -> None:
    rows = reference_rows(shared, "deribit_snapshot_rows_2026.csv")
    t, k, f, iv, mark = columns(
        rows, "t_at_snapshot_start", "strike", "underlying_price", "mark_iv", "mark_price"
    )
    g = hc.greeks([row["type"] for row in rows], strike=k, expiry=t, vol=iv / 100, forward=f,
                  settlement="inverse").scaled("deribit")  # fmt: skip
    delta, vega = columns(rows, "delta", "vega")
    # the time is that of the start of the collection: quotes are up to minutes younger
    assert np.median(np.abs(g.price - mark)) <= 2e-5
    assert np.median(np.abs(g.delta - delta)) <= 3e-4
    assert np.median(np.abs(g.vega - vega)[vega > 0] / vega[vega > 0]) <= 2e-3


def test_okx_rows(shared: Path) -> None:
    """Both sets of Greeks side by side: BS in USD and PA in coin."""
    rows = [row for row in reference_rows(shared, "okx_opt_summary_rows.csv") if all(row.values())]
    assert len(rows) >= 8
    stamp, expires, k, f, vol = columns(
        rows, "timestamp_ms", "expiry_ms", "strike", "forward_price", "mark_vol"
    )
    g = hc.greeks([row["type"] for row in rows], strike=k, expiry=(expires - stamp) / YEAR_MS, vol=vol,
                  forward=f, settlement="inverse", which="all")  # fmt: skip
    lever, delta_pa, vega_pa, theta_pa, delta_bs = columns(
        rows, "lever_inverse_of_coin_price", "delta_pa", "vega_pa", "theta_pa", "delta_bs"
    )
    np.testing.assert_allclose(g.price, 1 / lever, rtol=7e-3)
    assert np.abs(g.delta - delta_pa).max() <= 1e-3
    assert np.abs(g.black_delta - delta_bs).max() <= 1e-3
    np.testing.assert_allclose(g.vega / 100, vega_pa, rtol=7e-3)
    np.testing.assert_allclose(g.theta / 365, theta_pa, rtol=7e-3)


def test_deribit_worked_example() -> None:
    """BTC-27SEP24-40000-C of 2023-11-10: the published ticker (ccxt's documentation of Greeks)."""
    g = hc.greeks("call", strike=40_000, expiry=0.882499, vol=0.6086, forward=39_165.86,
                  settlement="inverse").scaled("deribit")  # fmt: skip
    assert g.price == pytest.approx(0.2169, abs=5e-5)
    assert g.delta == pytest.approx(0.59833, abs=2e-5)
    assert g.gamma == pytest.approx(0.00002, abs=5e-6)
    assert g.vega == pytest.approx(142.30124, rel=2e-5)
    assert g.theta == pytest.approx(-13.4441, rel=1e-4)
    assert g.rho == pytest.approx(131.82621, rel=2e-5)


def test_deribit_theta_cap() -> None:
    """An hour before expiry theta is scaled to the lifetime, and never exceeds the value."""
    hour = 1 / (365 * 24)
    g = hc.greeks(
        "call",
        strike=70_000,
        expiry=hour,
        vol=0.5,
        forward=[70_000, 69_000, 75_000.0],
        settlement="inverse",
    )
    shown = g.scaled("deribit").theta
    usd = g.price * np.array([70_000, 69_000, 75_000.0])
    per_day = -g.theta * np.array([70_000, 69_000, 75_000.0]) / 365
    np.testing.assert_allclose(shown, -np.minimum(per_day / 24, usd), rtol=1e-12)
    assert shown[0] == pytest.approx(-per_day[0] / 24)
    assert np.all(-shown <= usd * (1 + 1e-15))


def test_linear_deribit_is_the_inverse_one_in_usd() -> None:
    common = {"strike": [60_000.0, 80_000], "expiry": 0.1, "vol": 0.6, "forward": 70_000.0}
    linear = hc.greeks("put", **common).scaled("deribit")
    inverse = hc.greeks("put", **common, settlement="inverse").scaled("deribit")
    np.testing.assert_allclose(linear.price, inverse.price * 70_000, rtol=1e-14)
    for name in ("delta", "gamma", "vega", "theta", "rho"):
        np.testing.assert_allclose(linear[name], inverse[name], rtol=1e-13, err_msg=name)


def test_vollib_worked_examples() -> None:
    """Hull's example (S=49, K=50, T=0.3846, r=5 %, vol 20 %) as py_vollib 1.0.12 prints it."""
    g = hc.greeks("c", strike=50, expiry=0.3846, vol=0.2, spot=49, rate=0.05).scaled("vollib")
    assert g.names == ("price", "delta", "gamma", "vega", "theta", "rho")
    assert g.delta == pytest.approx(0.5216016339715761, rel=1e-13)
    assert g.gamma == pytest.approx(0.06554537725247868, rel=1e-13)
    assert g.theta == pytest.approx(-0.011795588943961929, rel=1e-13)
    assert g.vega == pytest.approx(0.12105242754243843, rel=1e-13)
    assert g.rho == pytest.approx(0.08906574098800946, rel=1e-13)
    # its Black-76 put on the same numbers
    discount = np.exp(-0.05 * 0.3846)
    g = hc.greeks("p", strike=50, expiry=0.3846, vol=0.2, forward=49, discount=discount).scaled(
        "vollib"
    )
    assert g.delta == pytest.approx(-0.5298835421176763, rel=1e-13)
    assert g.gamma == pytest.approx(0.0640646705882491, rel=1e-13)
    assert g.theta == pytest.approx(-0.008027991553118148, rel=1e-13)
    assert g.vega == pytest.approx(0.11831778562417139, rel=1e-13)
    assert g.rho == pytest.approx(-0.011243286001308292, rel=1e-13)


def test_quantlib_worked_example() -> None:
    """VanillaOption of QuantLib 1.44: put, S=100, K=105, T=1 (365 days), r=5 %, q=2 %, vol 25 %."""
    g = hc.greeks("put", strike=105, expiry=1.0, vol=0.25, spot=100, rate=0.05, carry=0.02,
                  which="all").scaled("quantlib")  # fmt: skip
    for name, value in QUANTLIB.items():
        assert g[name] == pytest.approx(value, rel=1e-11), name


#: Printed by QuantLib's AnalyticEuropeanEngine (QuantLib 1.44): NPV, delta, gamma, vega, theta, rho, dividendRho,
#: strikeSensitivity.
QUANTLIB = {
    "price": 10.800397968530863,
    "delta": -0.4706180910146241,
    "gamma": 0.015622293128486626,
    "vega": 39.055732821216566,
    "theta": -2.9300924311816505,
    "rho": -57.86220706999329,
    "phi": 47.06180910146243,
    "dual_delta": 0.551068638761841,
}


def test_desk_units() -> None:
    common = {"strike": 100.0, "expiry": 0.3, "vol": 0.5, "spot": 98.0, "rate": 0.04, "carry": 0.01}
    g = hc.greeks("put", **common, which="all")
    desk = g.scaled("desk")
    factors = {
        "vega": 1e-2, "vanna": 1e-2, "zomma": 1e-2, "volga": 1e-4, "ultima": 1e-6, "theta": 1 / 365,
        "charm": 1 / 365, "color": 1 / 365, "veta": 1 / 36500, "rho": 1e-2, "phi": 1e-2,
    }  # fmt: skip
    assert desk.names == g.names
    for name in g.names:
        assert desk[name] == pytest.approx(g[name] * factors.get(name, 1.0), rel=1e-15), name
    # and what the units mean: one point up, one day later
    up = hc.price("put", **common | {"vol": 0.505}) - hc.price("put", **common | {"vol": 0.495})
    assert desk.vega == pytest.approx(up, rel=1e-4)
    later = hc.price("put", **common | {"expiry": 0.3 - 1 / 365}) - g.price
    assert desk.theta == pytest.approx(later, rel=1e-2)


def test_scaling_asks_for_what_it_needs_by_itself() -> None:
    common = {
        "strike": [60_000.0, 80_000],
        "expiry": 0.1,
        "vol": 0.6,
        "forward": 70_000.0,
        "settlement": "inverse",
    }
    only = hc.greeks("put", **common, which=("rho", "delta")).scaled("deribit")
    full = hc.greeks("put", **common, which="all").scaled("deribit")
    assert only.names == ("rho", "delta")
    np.testing.assert_array_equal(only.rho, full.rho)
    np.testing.assert_array_equal(only.delta, full.delta)


def test_changed_inputs_are_noticed() -> None:
    strike = np.array([60_000.0, 80_000])
    g = hc.greeks("put", strike=strike, expiry=0.1, vol=0.6, forward=70_000.0)
    strike[0] = 65_000
    with pytest.raises(RuntimeError, match="the input arrays have changed"):
        g.scaled("deribit")
    expiry = np.array([0.1, 0.2])
    g = hc.greeks(
        "put", strike=60_000, expiry=expiry, vol=0.6, forward=70_000.0, which=("price", "theta")
    )
    expiry[:] = 5.0
    with pytest.raises(RuntimeError, match="the input arrays have changed"):
        g.scaled("deribit")  # needs no further Greek, but reads the expiry


def test_errors_of_scaling() -> None:
    g = hc.greeks("put", strike=60_000, expiry=0.1, vol=0.6, forward=70_000.0)
    with pytest.raises(ValueError, match="preset must be one of 'natural', 'desk'"):
        g.scaled("bloomberg")
    with pytest.raises(ValueError, match="scale the natural ones"):
        g.scaled("desk").scaled("desk")
    inverse = hc.greeks(
        "put", strike=60_000, expiry=0.1, vol=0.6, forward=70_000.0, settlement="inverse"
    )
    with pytest.raises(ValueError, match="vollib has no inverse options"):
        inverse.scaled("vollib")
    with pytest.raises(ValueError, match="deribit shows none of vanna"):
        hc.greeks(
            "put", strike=60_000, expiry=0.1, vol=0.6, forward=70_000.0, which="vanna"
        ).scaled("deribit")


def test_result_object() -> None:
    g = hc.greeks(
        ["C", "P"], strike=100, expiry=0.5, vol=0.4, forward=95.0, which=("vega", "price")
    )
    assert g.names == tuple(g) == ("vega", "price")
    assert g["price"] is g.price
    assert dict(g).keys() == g.to_dict().keys()
    assert len(g) == 2
    assert "Greeks of 2 options (linear, natural units)" in repr(g)
    with pytest.raises(KeyError, match="'delta' was not computed; there are vega, price"):
        g["delta"]
    with pytest.raises(AttributeError, match="ask for it with which="):
        _ = g.delta
    with pytest.raises(AttributeError, match="not a Greek"):
        _ = g.deltas
    for twin in (pickle.loads(pickle.dumps(g)), copy.copy(g), copy.deepcopy(g)):
        np.testing.assert_array_equal(twin.price, g.price)
        assert twin.names == g.names
    assert g.to_frame("pandas").columns.tolist() == ["vega", "price"]
    assert g.to_frame("polars").columns == ["vega", "price"]
    assert hc.greeks("C", strike=100, expiry=0.5, vol=0.4, forward=95.0).to_frame(
        "pandas"
    ).shape == (1, 6)
    long = repr(hc.greeks("C", strike=np.arange(50.0, 150), expiry=0.5, vol=0.4, forward=95.0))
    assert len(long.splitlines()) == 13
    assert "..." in long
