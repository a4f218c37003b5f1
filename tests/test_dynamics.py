"""Smile dynamics: deltas against finite differences and identities, fits to made and to real history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hedgecore as hc
from hedgecore.surface import Surface, Surfaces, dynamics, sabr, svi
from hedgecore.surface.dynamics import (
    Bartlett,
    Dynamics,
    HullWhite,
    SkewStickiness,
    StickyMoneyness,
    StickyStrike,
)
from test_book import DECEMBER, JUNE, NAMES, QUANTITIES

EXPIRIES = [0.02, 0.1, 0.3, 1.0]
SABR = [(0.02, 0.6, 1.0, 2.0, -0.3), (0.3, 0.55, 1.0, 1.1, -0.2), (1.0, 0.6, 1.0, 0.7, 0.1)]


def smiles_of(
    base: str = "BTC", level: float = 1.0, lean: float = -0.3, forward: float = 88_000.0
) -> Surface:
    """A smooth surface of four slices, without arbitrage."""
    theta = np.array([0.3, 0.35, 0.38, 0.4]) * np.array(EXPIRIES) * level
    psi = np.array([0.05, 0.1, 0.18, 0.3]) * level
    slices = svi.from_ssvi(np.column_stack([theta, np.full(4, lean), psi]))
    return Surface(base, None, EXPIRIES, [forward] * 4, slices, [[-1, 1]] * 4)


SURFACES = Surfaces([smiles_of(), smiles_of("ETH", 1.4, 0.2, 3_100.0)])
RULES: list[Dynamics] = [
    StickyStrike(),
    StickyMoneyness(SURFACES),
    SkewStickiness(SURFACES, 2.0),
    SkewStickiness(SURFACES, {"BTC": 1.4, "ETH": -0.5}),
    SkewStickiness(SURFACES, lambda t: 1.5 + 0.2 * np.log(t)),
    HullWhite((-0.05, 0.3, -0.2), (0.04, 0.25, 0.1)),
    Bartlett({"BTC": SABR, "ETH": SABR}),
]


def market(**change: Any) -> hc.Market:
    arguments: dict[str, Any] = {
        "time": "2026-06-10T13:30",
        "index": {"BTC": 88_000, "ETH": 3_100},
        "forwards": {
            ("BTC", JUNE): 88_100, ("BTC", DECEMBER): 90_000, ("ETH", JUNE): 3_105, ("ETH", DECEMBER): 3_200,
        },
        "prices": {"BTC-PERPETUAL": 88_020},
        "vols": SURFACES,
        "rates": {"USDC": 0.04},
        "currencies": {"USDC": 0.999},
    }  # fmt: skip
    return hc.Market(**arguments | change)


def book() -> hc.Book:
    return hc.Book.from_frame({"instrument": NAMES, "quantity": QUANTITIES})


@given(
    rule=st.sampled_from(RULES),
    settlement=st.sampled_from(["linear", "inverse"]),
    kind=st.sampled_from([1, -1]),
    k=st.floats(-0.4, 0.4),
    expiry=st.floats(0.02, 1.5),
)
def test_the_delta_is_the_slope_of_the_option_repriced(
    rule: Dynamics, settlement: Any, kind: int, k: float, expiry: float
) -> None:
    forward, base = 88_000.0, "BTC"
    strike = forward * np.exp(k)
    vol = float(SURFACES["BTC"].vol_at(k, expiry))
    h = 1e-4

    def value(log_move: float) -> float:
        moved = vol + float(rule.slide(base, kind, forward, strike, expiry, vol, log_move))
        return float(
            hc.price(
                kind, strike=strike, expiry=expiry, vol=moved, forward=forward * np.exp(log_move),
                settlement=settlement,
            )
        )  # fmt: skip

    g = hc.greeks(
        kind, strike=strike, expiry=expiry, vol=vol, forward=forward, settlement=settlement,
        which=("delta", "vega"),
    )  # fmt: skip
    slope = float(rule.slope(base, kind, forward, strike, expiry, vol))
    per = 1.0 if settlement == "inverse" else forward  # linear: F dV/dF
    scale = 1.0 if settlement == "inverse" else forward
    numeric = (8 * (value(h) - value(-h)) - (value(2 * h) - value(-2 * h))) / (12 * h)
    assert g["delta"] * per + g["vega"] * slope == pytest.approx(numeric, abs=2e-7 * scale)


@given(k=st.floats(-0.5, 0.5), expiry=st.floats(0.02, 1.5), kind=st.sampled_from([1, -1]))
def test_sticky_moneyness_is_the_homogeneous_delta(k: float, expiry: float, kind: int) -> None:
    """Delta = (V - K dV/dK) / F of market prices (Bates 2005)."""
    forward, surface = 88_000.0, SURFACES["BTC"]
    strike = forward * np.exp(k)

    def price(x: Any) -> Any:
        return hc.price(
            kind, strike=x, expiry=expiry, vol=surface.vol(x, expiry, forward), forward=forward
        )

    h = 1e-4 * strike
    by_strike = (8 * (price(strike + h) - price(strike - h)) - (price(strike + 2 * h) - price(strike - 2 * h))) / (12 * h)  # fmt: skip
    g = hc.greeks(
        kind, strike=strike, expiry=expiry, vol=surface.vol(strike, expiry, forward), forward=forward,
        which=("delta", "vega"),
    )  # fmt: skip
    slope = StickyMoneyness(SURFACES).slope("BTC", kind, forward, strike, expiry, 0.0)
    expected = (price(strike) - strike * by_strike) / forward
    assert g["delta"] + g["vega"] * slope / forward == pytest.approx(expected, abs=1e-8)


def test_a_partial_delta_is_not_the_better_delta() -> None:
    """Where spot and vol fall together beyond the smile's own slope, sticky moneyness hedges worse than no smile at all."""
    rng = np.random.default_rng(4)
    surface = smiles_of(lean=-0.7)
    forward = strike = 88_000.0
    t, step = 0.1, rng.normal(0, 0.01, 4_000)
    vol, psi = float(surface.atm_vol(t)), float(surface.skew(0.0, t))
    moved = vol + psi * step + rng.normal(0, 0.002, 4_000)  # a skew-stickiness ratio of 2
    after = hc.price("call", strike=strike, expiry=t, vol=moved, forward=forward * np.exp(step))
    g = hc.greeks("call", strike=strike, expiry=t, vol=vol, forward=forward)

    def variance(rule: Dynamics) -> float:
        slope = rule.slope("BTC", 1, forward, strike, t, vol)
        delta = g["delta"] + g["vega"] * slope / forward
        return float(np.var(after - delta * forward * np.expm1(step)))

    of = {"BTC": surface}
    best, plain, partial = (
        variance(rule) for rule in (SkewStickiness(of, 2.0), StickyStrike(), StickyMoneyness(of))
    )
    assert best < plain < partial
    assert partial > 1.2 * plain


def test_bartlett_is_that_of_sabr() -> None:
    strike, forward, t = np.linspace(50_000, 150_000, 41), 88_000.0, 0.3
    for beta in (1.0, 0.6):
        alpha, nu, rho = 0.55 * forward ** (1 - beta), 1.1, -0.2
        rule = Bartlett({"BTC": [(t, alpha, beta, nu, rho)]})
        terms = {
            "forward": forward,
            "expiry": t,
            "alpha": alpha,
            "beta": beta,
            "nu": nu,
            "rho": rho,
        }
        vol = sabr.vol(strike, **terms)
        g = hc.greeks("put", strike=strike, expiry=t, vol=vol, forward=forward)
        slope = rule.slope("BTC", -1, forward, strike, t, vol)
        expected = sabr.delta("put", strike, **terms)
        np.testing.assert_allclose(g["delta"] + g["vega"] * slope / forward, expected, atol=1e-13)


def test_risk_with_dynamics_is_the_sum_over_its_options() -> None:
    m, held = market(), book()
    plain = held.risk(m)
    table, data = held.instruments, m.align(held.instruments)
    rows = np.flatnonzero(table.kind != 0)
    for rule in RULES[1:]:
        moved = held.risk(m, dynamics=rule)
        slope = dynamics.by_option(rule.slope, table, data, rows)
        net: dict[str, float] = {}
        for i, x in zip(rows, slope, strict=True):
            inverse = bool(table.inverse[i])
            g = hc.greeks(
                table.kind[i], strike=table.strike[i], expiry=data.expiry[i], vol=data.vol[i],
                forward=data.forward[i], settlement="inverse" if inverse else "linear",
                discount=np.exp(-data.rate[i] * data.expiry[i]), which=("vega",),
            )  # fmt: skip
            coin = g["vega"] if inverse else g["vega"] * data.unit[i] / data.index[i]
            base = str(table.base[i])
            net[base] = net.get(base, 0.0) + held.net_quantity[i] * coin * x
        for base, more in net.items():
            for name in ("net_delta", "usd_delta"):
                change = moved.total[base][name] - plain.total[base][name]
                assert change == pytest.approx(more, rel=1e-9, abs=1e-12), (rule, name)
        for name in ("gamma", "gamma_1pct", "net_gamma_1pct", "vega_usd", "theta_usd", "value_usd"):
            np.testing.assert_array_equal(moved[name], plain[name])
        by_position = moved.positions()["net_delta"]
        assert np.nansum(by_position) == pytest.approx(moved["net_delta"].sum(), rel=1e-10)
    same = held.risk(m, dynamics=StickyStrike())
    for name in hc.risk.MEASURES:
        np.testing.assert_array_equal(same[name], plain[name], err_msg=name)


def test_no_vega_no_slope_at_expiry() -> None:
    for rule in RULES[:-1]:
        slope = rule.slope("BTC", np.array([1, -1]), 88_000.0, np.array([8e4, 9e4]), 0.0, 0.5)
        np.testing.assert_array_equal(slope, [0.0, 0.0])


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            StickyMoneyness({"BTC": SURFACES["BTC"]}),
            "dynamics has no surface of ETH; there are BTC",
        ),
        (SkewStickiness(SURFACES, {"BTC": 1.0}), "dynamics has no ratio of ETH; there are BTC"),
        (SkewStickiness(SURFACES, float("nan")), "ratio of BTC = nan must be finite"),
        (Bartlett({"BTC": SABR}), "dynamics has no parameters of ETH"),
        (Bartlett({"BTC": [(1, 2)], "ETH": SABR}), "parameters of BTC must be rows of"),
        (HullWhite((np.nan, 0, 0), (0, 0, 0)), "dynamics gives BTC-.*-C the slope nan"),
    ],
)
def test_clear_errors(rule: Dynamics, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        book().risk(market(), dynamics=rule)


class TestMeasuredStickiness:
    def history(self, ratio: float, n: int = 400, noise: float = 0.0) -> list[Surface]:
        """A smile that goes with the forward at a known ratio: its level moves by (R psi) d ln F at the forward."""
        rng = np.random.default_rng(7)
        surfaces, level, forward = [], 1.0, 88_000.0
        for _ in range(n):
            surface = smiles_of("BTC", level, forward=forward)
            surfaces.append(surface)
            move = rng.normal(0, 0.01)
            atm, psi = float(surface.atm_vol(0.1)), float(surface.skew(0.0, 0.1))
            target = atm + ratio * psi * move + noise * rng.normal()
            level *= (target / atm) ** 2
            forward *= np.exp(move)
        return surfaces

    @pytest.mark.parametrize("ratio", [-0.5, 0.0, 1.0, 1.7])
    def test_known_ratio(self, ratio: float) -> None:
        exact = dynamics.measure_ssr(self.history(ratio), 0.1)
        assert exact.raw[0] == pytest.approx(ratio, abs=1e-9)
        noisy = dynamics.measure_ssr(self.history(ratio, noise=0.002), 0.1)
        assert abs(noisy.raw[0] - ratio) < 4 * noisy.standard_error[0]
        assert 0.01 < noisy.standard_error[0] < 1
        recent = dynamics.measure_ssr(self.history(ratio, noise=0.002), 0.1, half_life=50)
        assert recent.standard_error[0] > noisy.standard_error[0]

    def test_bounds_and_use(self) -> None:
        measured = dynamics.measure_ssr(self.history(5.0), [0.05, 0.1])
        assert measured.raw[1] > 3
        assert measured.ratio[1] == 3.0
        rule = SkewStickiness(SURFACES, measured)
        slope = rule.slope("BTC", 1, 88_000.0, 88_000.0, 0.1, 0.5)
        assert slope == pytest.approx(2 * SURFACES["BTC"].skew(0.0, 0.1))

    def test_clear_errors(self) -> None:
        history = self.history(1.0, 5)
        with pytest.raises(ValueError, match="three surfaces or more, of one coin"):
            dynamics.measure_ssr(history[:2])
        with pytest.raises(ValueError, match=r"nothing moved at expiry 0.1"):
            dynamics.measure_ssr([history[0]] * 4, 0.1)
        with pytest.raises(ValueError, match="half_life = 0 must be positive"):
            dynamics.measure_ssr(history, half_life=0)
        with pytest.raises(ValueError, match="expiry must be positive and increase"):
            dynamics.measure_ssr(history, [0.1, 0.05])


class TestFittedHullWhite:
    def columns(self, noise: float = 0.0, n: int = 4_000) -> dict[str, Any]:
        rng = np.random.default_rng(5)
        rule = HullWhite((-0.05, 0.3, -0.2), (0.04, 0.25, 0.1))
        kind = rng.choice(np.array([1, -1], np.int8), n)
        forward = rng.uniform(6e4, 9e4, n)
        strike, expiry = forward * np.exp(rng.normal(0, 0.1, n)), rng.uniform(0.02, 1, n)
        g = hc.greeks(
            kind, strike=strike, expiry=expiry, vol=0.6, forward=forward, which=("delta", "vega")
        )
        move = forward * rng.normal(0, 0.01, n)
        slope = rule.slope("BTC", kind, forward, strike, expiry, 0.6)
        change = g["delta"] * move + g["vega"] * (
            slope * move / forward + noise * rng.normal(size=n)
        )
        return {
            "kind": kind, "delta": g["delta"], "vega": g["vega"], "expiry": expiry, "forward": forward,
            "move": move, "change": change,
        }  # fmt: skip

    def test_known_coefficients(self) -> None:
        fit = dynamics.fit_hull_white(**self.columns())
        np.testing.assert_allclose(fit.dynamics.call, (-0.05, 0.3, -0.2), atol=1e-10)
        np.testing.assert_allclose(fit.dynamics.put, (0.04, 0.25, 0.1), atol=1e-10)
        assert fit.gain_in == pytest.approx(1.0)
        assert np.isnan(fit.gain_out)

    def test_out_of_sample_and_ridge(self) -> None:
        columns = self.columns(noise=0.002)
        half = np.arange(4_000) < 2_000
        fit = dynamics.fit_hull_white(**columns, fitted=half)
        assert fit.rows == 2_000
        assert 0 < fit.gain_out < 1
        pulled = dynamics.fit_hull_white(**columns, fitted=half, ridge=1.0)
        assert np.linalg.norm(pulled.dynamics.call) < np.linalg.norm(fit.dynamics.call)
        assert pulled.gain_in < fit.gain_in

    def test_clear_errors(self) -> None:
        columns = self.columns(n=20)
        with pytest.raises(ValueError, match=r"expiry\[0\] = 0.0 must be positive and finite"):
            dynamics.fit_hull_white(**columns | {"expiry": np.zeros(20)})
        with pytest.raises(ValueError, match=r"vega must have 20 rows as kind has"):
            dynamics.fit_hull_white(**columns | {"vega": np.zeros(3)})
        with pytest.raises(ValueError, match="are too few for three coefficients"):
            dynamics.fit_hull_white(**columns, fitted=np.arange(20) < 1)
        with pytest.raises(ValueError, match="ridge = -1 must not be negative"):
            dynamics.fit_hull_white(**columns, ridge=-1)


@pytest.fixture(scope="module")
def frame(quarter_file: Path) -> Any:
    pl = pytest.importorskip("polars")
    from hedgecore import venues

    return venues.read(quarter_file).frame.filter(pl.col("base") == "BTC")


class TestRealChains:
    """BTC on the six-hourly chains; the figures stand at the end of the run."""

    def test_ratios_through_the_crash(self, frame: Any, notes: list[str]) -> None:
        from hedgecore import surface

        chains = frame.partition_by("snapshot", maintain_order=True)[120:180]
        measured = dynamics.measure_ssr([surface.fit_all(chain)["BTC"] for chain in chains])
        text = ", ".join(
            f"{365 * t:.0f} days {r:.2f} +- {e:.2f}"
            for t, r, e in zip(measured.expiry, measured.raw, measured.standard_error, strict=True)
        )
        notes.append(f"skew-stickiness of BTC, 60 chains of February 2026: {text}")
        # vols rose as the price fell: beyond the smile's own slope
        assert (measured.raw > 1.0).all()
        assert (measured.raw < 3.5).all()
        assert ((measured.standard_error > 0.1) & (measured.standard_error < 1.0)).all()

    def test_gain_of_the_regression(self, frame: Any, notes: list[str]) -> None:
        from smile_history import moves

        columns, when = moves(frame)
        fit = dynamics.fit_hull_white(**columns, fitted=when < np.sort(when)[2 * len(when) // 3])
        notes.append(
            f"Hull-White on {len(when)} six-hourly moves of BTC options: gain {fit.gain_in:.1%} on the first two "
            f"thirds, {fit.gain_out:.1%} on the last"
        )
        assert len(when) > 150_000
        assert fit.gain_in > 0.1
        assert fit.gain_out > 0.1


def test_what_is_no_rule_is_an_error() -> None:
    book = hc.Book.from_frame({"instrument": ["BTC-26JUN26-90000-C"], "quantity": [1]})
    market = hc.Market("2026-06-10", index={"BTC": 88_000}, vols=0.5)
    for call in (
        book.risk,
        book.scenarios,
        lambda m, dynamics: book.explain(m, m, dynamics=dynamics),
    ):
        with pytest.raises(TypeError, match=r"dynamics must be a rule of .*, not 'sticky_delta'"):
            call(market, dynamics="sticky_delta")
