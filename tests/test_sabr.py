"""SABR: Hagan's vols as published, deltas as derivatives of Black's price along the model's moves, fits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("polars")

import hedgecore as hc
import test_surface
from conftest import reference_rows
from hedgecore import surface
from hedgecore.surface import sabr

MODEL = {"forward": 100.0, "expiry": 0.25, "alpha": 0.6, "beta": 1.0, "nu": 1.5, "rho": -0.4}


def test_published_vols(shared: Path) -> None:
    rows = [
        row
        for row in reference_rows(shared, "sabr.csv")
        if row["measure"] in ("lognormal_vol_hagan2002", "lognormal_vol_hagan")
    ]
    assert len(rows) >= 150
    core = 0
    names = {"t": "expiry"} | {n: n for n in ("forward", "alpha", "beta", "nu", "rho")}
    for row in rows:
        found = sabr.vol(float(row["strike"]), **{to: float(row[n]) for n, to in names.items()})
        assert found == pytest.approx(float(row["expected"]), abs=float(row["tol"])), row
        if float(row["forward"]) > 0 and float(row["t"]) > 0:
            slice_ = surface.Surface(
                "BTC", None, [float(row["t"])], [float(row["forward"])],
                [[float(row[n]) for n in ("alpha", "beta", "nu", "rho")]], [[-1, 1]], model="sabr",
            )  # fmt: skip
            assert slice_.vol(float(row["strike"]), float(row["t"])) == pytest.approx(
                float(row["expected"]), abs=float(row["tol"])
            ), row
            core += 1
    assert core >= 150


def test_constant_vol() -> None:
    flat = MODEL | {"nu": 0.0}
    np.testing.assert_allclose(sabr.vol([50.0, 100.0, 200.0], **flat), 0.6, rtol=1e-15)
    for dynamics in ("hagan", "bartlett"):
        black = hc.greeks("put", strike=90, expiry=0.25, vol=0.6, forward=100.0, which=("delta",))[
            "delta"
        ]
        assert sabr.delta("put", 90.0, **flat, dynamics=dynamics) == pytest.approx(float(black))


def test_it_is_smooth_at_the_money() -> None:
    k = 100.0 * np.exp(np.array([-2e-6, -1e-6, 0.0, 1e-6, 2e-6]) * 5)
    vol = sabr.vol(k, **MODEL)
    assert np.abs(np.diff(vol, 2)).max() < 1e-9


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("strike", [70.0, 100.0, 101.0, 150.0])
@pytest.mark.parametrize("dynamics", ["hagan", "bartlett"])
def test_deltas_are_derivatives_along_the_models_moves(
    beta: float, strike: float, dynamics: str
) -> None:
    model = MODEL | {"beta": beta, "alpha": 0.6 * 100.0 ** (1 - beta)}
    h = 1e-3

    def price(move: float) -> float:
        moved = dict(model)
        moved["forward"] += move
        if dynamics == "bartlett":
            moved["alpha"] += model["rho"] * model["nu"] / model["forward"] ** beta * move
        vol = float(sabr.vol(strike, **moved))
        return float(
            hc.price("call", strike=strike, expiry=0.25, vol=vol, forward=moved["forward"])
        )

    found = sabr.delta("call", strike, **model, dynamics=dynamics)
    assert found == pytest.approx((price(h) - price(-h)) / (2 * h), abs=1e-7)


def test_put_and_call_differ_by_one() -> None:
    strikes = np.array([60.0, 100.0, 170.0])
    gap = sabr.delta("call", strikes, **MODEL) - sabr.delta("put", strikes, **MODEL)
    np.testing.assert_allclose(gap, 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "value"),
    [("alpha", 0.0), ("rho", 1.0), ("beta", 1.1), ("nu", np.nan), ("forward", -1)],
)
def test_errors(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} = "):
        sabr.vol([90.0, 100.0], **(MODEL | {name: value}))
    with pytest.raises(ValueError, match="dynamics must be"):
        sabr.delta("call", 90.0, **MODEL, dynamics="sticky")


def smile_at(beta: float, expiry: float = 0.25, noise: float = 0.0, **change: float) -> Any:
    """A smile of the model at a forward of 100, and what it was made of."""
    model = MODEL | {"beta": beta, "alpha": 0.6 * 100.0 ** (1 - beta), "expiry": expiry} | change
    strike = 100.0 * np.exp(np.linspace(-2, 2, 21) * 0.6 * np.sqrt(expiry))
    vol = sabr.vol(strike, **model)
    vol = vol * (1 + noise * np.sin(np.arange(21) * 2.0))
    return test_surface.smile_of(
        lambda k: np.interp(k, np.log(strike / 100), vol), expiry, strike
    ), model


class TestFits:
    @pytest.mark.parametrize("beta", [1.0, 0.7, 0.5, 0.0])
    @given(nu=st.floats(0.1, 2.0), rho=st.floats(-0.85, 0.85), expiry=st.floats(0.01, 1.0))
    @settings(max_examples=25)
    def test_a_smile_of_sabr_is_found_again(
        self, beta: float, nu: float, rho: float, expiry: float
    ) -> None:
        smile, model = smile_at(beta, expiry, nu=nu / np.sqrt(expiry) ** 0.5, rho=rho)
        fitted = surface.fit([smile], model="sabr", beta=beta)
        assert fitted.model == "sabr"
        np.testing.assert_allclose(fitted.vol(smile.strike, expiry), smile.vol, atol=2e-5)
        if nu > 0.3:
            names = ("alpha", "beta", "nu", "rho")
            np.testing.assert_allclose(fitted.parameters[0], [model[n] for n in names], rtol=2e-2, atol=5e-3)  # fmt: skip

    def test_warm_and_cold_end_alike(self) -> None:
        (before, _), (after, _) = smile_at(1.0), smile_at(1.0, noise=0.01, nu=2.0, rho=0.1)
        first = surface.fit([before], model="sabr")
        cold, warm = (surface.fit([after], model="sabr", warm=w) for w in (None, first))
        np.testing.assert_allclose(warm.vol(after.strike, 0.25), cold.vol(after.strike, 0.25), atol=1e-4)  # fmt: skip
        with pytest.raises(ValueError, match="warm is a surface of sabr: a fit of svi_free cannot"):
            surface.fit([after], warm=first)

    def test_bad_rows_do_not_pull(self) -> None:
        smile, _ = smile_at(1.0)
        bad = smile.vol.copy()
        bad[[4, 13]] += [0.8, -0.3]
        dirty = replace(smile, vol=bad, bid_vol=bad - 0.005, ask_vol=bad + 0.005)
        clean, pulled = (surface.fit([s], model="sabr").vol(smile.strike, 0.25) for s in (smile, dirty))  # fmt: skip
        assert np.abs(clean - pulled).max() < 0.01

    def test_what_no_sabr_fits_still_has_a_slice(self) -> None:
        rng = np.random.default_rng(5)
        for _ in range(20):
            expiry = float(rng.uniform(0.005, 1.0))
            noise = rng.uniform(0.1, 2.0, 21)
            strike = 100.0 * np.exp(np.linspace(-3, 3, 21) * np.sqrt(expiry))
            smile = test_surface.smile_of(
                lambda k, s=strike, n=noise: np.interp(k, np.log(s / 100), n), expiry, strike
            )
            for beta in (0.0, 0.5, 1.0):
                fitted = surface.fit([smile], model="sabr", beta=beta)
                vol = fitted.vol(strike, expiry)
                assert np.isfinite(vol).all()
                assert (vol > 0).all()

    def test_deltas_of_a_fitted_slice(self) -> None:
        smile, model = smile_at(1.0)
        fitted = surface.fit([smile], model="sabr")
        alpha, beta, nu, rho = fitted.parameters[0]
        found = sabr.delta("call", smile.strike, forward=100.0, expiry=0.25, alpha=alpha, beta=beta, nu=nu, rho=rho)  # fmt: skip
        np.testing.assert_allclose(found, sabr.delta("call", smile.strike, **model), atol=1e-4)

    def test_arbitrage_and_frame(self) -> None:
        smile, _ = smile_at(1.0)
        fitted = surface.fit([smile], model="sabr")
        assert fitted.arbitrage().lee[0] == np.inf
        assert not fitted.arbitrage().butterfly.any()
        assert set(fitted.to_frame("polars").columns) >= {"alpha", "beta", "nu", "rho", "atm_vol"}

    def test_errors(self) -> None:
        smile, _ = smile_at(1.0)
        for beta in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match=r"beta = .* must be from 0 to 1"):
                surface.fit([smile], model="sabr", beta=beta)
