"""SABR: Hagan's vols as published, and deltas as derivatives of Black's price along the model's moves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hedgecore as hc
from conftest import reference_rows
from hedgecore.surface import sabr

MODEL = {"forward": 100.0, "expiry": 0.25, "alpha": 0.6, "beta": 1.0, "nu": 1.5, "rho": -0.4}


def test_published_vols(shared: Path) -> None:
    rows = [
        row
        for row in reference_rows(shared, "sabr.csv")
        if row["measure"] in ("lognormal_vol_hagan2002", "lognormal_vol_hagan")
    ]
    assert len(rows) >= 150
    names = {"t": "expiry"} | {n: n for n in ("forward", "alpha", "beta", "nu", "rho")}
    for row in rows:
        found = sabr.vol(float(row["strike"]), **{to: float(row[n]) for n, to in names.items()})
        assert found == pytest.approx(float(row["expected"]), abs=float(row["tol"])), row


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
