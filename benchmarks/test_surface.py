"""A surface of twelve expiries fitted cold and warm, beside its peers; vols of a surface at many points.

Every fit is held to the quotes, every vol to the formula of its slices. Who takes weights is given hedgecore's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("polars", reason="smiles from quotes need polars")

from hedgecore import demo, surface, venues
from hedgecore.surface import fits, svi

Array = npt.NDArray[Any]


@cache
def smiles(move: float = 1.0) -> tuple[Any, ...]:
    """The demonstration's chain of BTC, 12 expiries, every vol times ``move``."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chain.csv"
        demo.demo_chain().write_csv(path)
        _, found = surface.smiles(venues.read(path))
    chosen = [s for s in found if s.base == "BTC"]
    assert len(chosen) == 12
    return tuple(
        replace(s, vol=s.vol * move, bid_vol=s.bid_vol * move, ask_vol=s.ask_vol * move)
        for s in chosen
    )


def targets(smile: Any) -> tuple[Array, Array, Array]:
    """k, w and weights of one expiry."""
    k = smile.log_moneyness
    return k, *fits._targets([smile], k, np.full(len(k), smile.expiry))


def inside(vols: Callable[[Any], Array]) -> float:
    """Share of the quotes whose bid and ask hold the vols of their smile between them."""
    held = [(s.bid_vol <= v) & (v <= s.ask_vol) for s in smiles() for v in [vols(s)]]
    return float(np.concatenate(held).mean())


def about(who: str, **more: Any) -> dict[str, Any]:
    strikes = sum(len(s) for s in smiles())
    return {
        "operation": "surface fit",
        "n": 12,
        "who": who,
        "threads": 1,
        "strikes": strikes,
        **more,
    }


LEAST_INSIDE = {"svi": 0.99, "svi_free": 0.99, "essvi": 0.97, "sabr": 0.5}


@pytest.mark.parametrize("model", surface.MODELS)
def test_cold(measure: Callable[..., Any], model: Any) -> None:
    fitted = measure(
        lambda: surface.fit(smiles(), model=model, threads=1), **about(f"hedgecore, {model}")
    )
    share = inside(lambda s: fitted.vol_at(s.log_moneyness, s.expiry))
    measure.about(inside=share)  # type: ignore[attr-defined]
    assert share >= LEAST_INSIDE[model]


@pytest.mark.parametrize("model", ["svi", "svi_free", "sabr"])
def test_warm(measure: Callable[..., Any], model: Any) -> None:
    """From the surface of vols that were 3 % lower."""
    before = surface.fit(smiles(0.97), model=model)
    fitted = measure(
        lambda: surface.fit(smiles(), model=model, warm=before, threads=1),
        **about(f"hedgecore, {model}, warm"),
    )
    share = inside(lambda s: fitted.vol_at(s.log_moneyness, s.expiry))
    measure.about(inside=share)  # type: ignore[attr-defined]
    assert share >= LEAST_INSIDE[model]


def test_scipy(measure: Callable[..., Any]) -> None:
    """Raw SVI by scipy.optimize.least_squares with hedgecore's residuals, from one start."""
    optimize = pytest.importorskip("scipy.optimize", reason="needs scipy (extra bench)")
    of_expiry = [targets(s) for s in smiles()]

    def one(k: Array, w: Array, weight: Array) -> Array:
        level = float(np.interp(0.0, k, w))
        start = [0.5 * level, 0.5 * np.sqrt(level), 0.0, 0.0, np.sqrt(level)]
        low, high = [-1.0, 0.0, -0.999, -2.0, 1e-4], [2.0, 5.0, 0.999, 2.0, 5.0]
        fit = optimize.least_squares(
            lambda p: (svi.variance(p, k)[0] - w) * weight, start, bounds=(low, high), x_scale=np.maximum(np.abs(start), 0.01)
        )  # fmt: skip
        found: Array = fit.x
        return found

    found = measure(lambda: [one(*rows) for rows in of_expiry], **about("scipy least_squares, SVI"))
    by_expiry = dict(zip([s.expiry for s in smiles()], found, strict=True))
    share = inside(
        lambda s: np.sqrt(svi.variance(by_expiry[s.expiry], s.log_moneyness)[0] / s.expiry)
    )
    measure.about(inside=share)  # type: ignore[attr-defined]
    assert share >= 0.9


def test_quantlib(measure: Callable[..., Any]) -> None:
    """Raw SVI by QuantLib's SviInterpolatedSmileSection, weighted by vega, from the same start as scipy's."""
    ql = pytest.importorskip("QuantLib", reason="needs QuantLib (extra bench)")
    today = ql.Date(10, 6, 2026)
    ql.Settings.instance().evaluationDate = today

    def section(smile: Any) -> Any:
        # dates are whole days: the smile is that of the nearest day, its vols scaled to the same total variance
        days = max(1, round(365 * smile.expiry))
        vol = smile.vol * np.sqrt(smile.expiry * 365 / days)
        atm = float(np.interp(0.0, smile.log_moneyness, vol))
        level = atm * atm * days / 365
        strikes = smile.forward * np.exp(smile.log_moneyness)
        root = float(np.sqrt(level))
        return ql.SviInterpolatedSmileSection(
            today + days, smile.forward, strikes.tolist(), False, atm, vol.tolist(),
            0.5 * level, 0.5 * root, root, 0.0, 0.0, False, False, False, False, False, True,
        )  # fmt: skip

    def work() -> list[Any]:
        found = [section(s) for s in smiles()]
        for one in found:
            one.a()  # it fits when it is first asked
        return found

    found = measure(work, **about("QuantLib, SVI"))
    by_expiry = dict(zip([s.expiry for s in smiles()], found, strict=True))

    def vols(s: Any) -> Array:
        one = by_expiry[s.expiry]
        p = [one.a(), one.b(), one.rho(), one.m(), one.sigma()]
        return np.asarray(np.sqrt(svi.variance(p, s.log_moneyness)[0] / s.expiry))

    share = inside(vols)
    measure.about(inside=share)  # type: ignore[attr-defined]
    assert share >= 0.5


def fast_vollib() -> tuple[Any, Any]:
    """Its calibrator and the observations of the smiles."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip(
            "fast_vollib.surface", reason="needs fast-vollib (extra bench)"
        )
        from fast_vollib.surface.fitting import SVICalibrator
    rows = [targets(s) for s in smiles()]
    observations = module.SurfaceObservations(
        k=np.concatenate([k for k, _, _ in rows]),
        T=np.concatenate([np.full(len(s), s.expiry) for s in smiles()]),
        iv=np.concatenate([s.vol for s in smiles()]),
        weight=np.concatenate([weight / weight.max() for _, _, weight in rows]) ** 2,
    )
    return SVICalibrator(n_starts=1), observations


def test_fast_vollib(measure: Callable[..., Any]) -> None:
    calibrator, observations = fast_vollib()
    fitted = measure(lambda: calibrator.fit(observations), **about("fast-vollib, SVI"))
    share = inside(
        lambda s: np.sqrt(
            fitted.total_variance(s.log_moneyness, np.full(len(s), s.expiry)) / s.expiry
        )
    )
    measure.about(inside=share)  # type: ignore[attr-defined]
    assert share >= 0.5


# --- vols at points ------------------------------------------------------------------------------------------------


def points(n: int) -> tuple[Array, Array]:
    """k and expiry at random, between the first slice and the last."""
    rng = np.random.default_rng(20261122)
    expiry = np.array([s.expiry for s in smiles()])
    t = rng.uniform(expiry[0], expiry[-1], n)
    return rng.normal(0, 0.5, n) * np.sqrt(t), t


def asked(who: str, n: int, threads: int = 1) -> dict[str, Any]:
    return {"operation": "surface vol", "n": n, "who": who, "threads": threads}


def by_numpy(fitted: surface.Surface, k: Array, t: Array) -> Array:
    """The rule in numpy, of SVI slices."""
    right = np.clip(np.searchsorted(fitted.expiry, t), 1, len(fitted) - 1)
    near, far = (svi.variance(fitted.parameters[at], k)[0] for at in (right - 1, right))
    early, late = fitted.expiry[right - 1], fitted.expiry[right]
    share = (t - early) / (late - early)
    return np.asarray(np.sqrt(((1 - share) * near + share * far) / t))


@pytest.mark.parametrize("n", [1, 1_000, 100_000])
@pytest.mark.parametrize("model", ["svi", "sabr"])
def test_vols(measure: Callable[..., Any], model: Any, n: int) -> None:
    fitted = surface.fit(smiles(), model=model)
    k, t = points(n)
    arguments = (float(k[0]), float(t[0])) if n == 1 else (k, t)
    vol = measure(lambda: fitted.vol_at(*arguments, threads=1), **asked(f"hedgecore, {model}", n))
    if model == "svi":
        np.testing.assert_allclose(vol, by_numpy(fitted, k, t), rtol=1e-12)


def test_vols_of_two_threads(measure: Callable[..., Any]) -> None:
    fitted = surface.fit(smiles())
    k, t = points(100_000)
    vol = measure(lambda: fitted.vol_at(k, t, threads=2), **asked("hedgecore, svi", 100_000, 2))
    np.testing.assert_allclose(vol, by_numpy(fitted, k, t), rtol=1e-12)


def test_vols_in_order_of_expiry(measure: Callable[..., Any]) -> None:
    """As a chain is: expiry after expiry."""
    fitted = surface.fit(smiles())
    k, t = points(100_000)
    t = np.sort(t)
    vol = measure(
        lambda: fitted.vol_at(k, t, threads=1), **asked("hedgecore, svi, by expiry", 100_000)
    )
    np.testing.assert_allclose(vol, by_numpy(fitted, k, t), rtol=1e-12)


def test_derivatives(measure: Callable[..., Any]) -> None:
    """w, its two derivatives in k and that in time."""
    fitted = surface.fit(smiles())
    k, t = points(100_000)
    w, slope, _, _ = measure(
        lambda: fitted._at(k, t, 1), **asked("hedgecore, svi, w and three derivatives", 100_000)
    )
    np.testing.assert_allclose(w, by_numpy(fitted, k, t) ** 2 * t, rtol=1e-12)
    up, down = (by_numpy(fitted, k + h, t) ** 2 * t for h in (1e-6, -1e-6))
    np.testing.assert_allclose(slope, (up - down) / 2e-6, atol=1e-6)


def test_vols_by_numpy(measure: Callable[..., Any]) -> None:
    fitted = surface.fit(smiles())
    k, t = points(100_000)
    measure(lambda: by_numpy(fitted, k, t), **asked("numpy", 100_000))


def test_vols_by_fast_vollib(measure: Callable[..., Any]) -> None:
    calibrator, observations = fast_vollib()
    fitted = calibrator.fit(observations)
    k, t = points(100_000)
    vol = measure(lambda: np.sqrt(fitted.total_variance(k, t) / t), **asked("fast-vollib", 100_000))
    slices = np.array([[p.a, p.b, p.rho, p.m, p.sigma] for p in fitted.slices])
    same = surface.Surface("BTC", None, fitted.maturities, np.ones(12), slices, [[-1, 1]] * 12)
    np.testing.assert_allclose(vol, same.vol_at(k, t), rtol=1e-9)
