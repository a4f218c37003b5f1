"""The figures of fitted smiles, against the pricing functions and against plain sums."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

pl = pytest.importorskip("polars")

import hedgecore as hc
from hedgecore import demo, surface, venues
from hedgecore.surface import Surface
from hedgecore.surface.implied_variance import MONTH
from hedgecore.tables.fits import Fit, fits_of, wings
from surface_quality import Quality


@pytest.fixture(scope="module")
def fits(tmp_path_factory: pytest.TempPathFactory) -> tuple[Fit, ...]:
    chain, *_ = demo.write_demo(tmp_path_factory.mktemp("demo"))
    return fits_of(venues.read(chain))[1]


def flat(vol: float) -> Surface:
    """A surface of one vol: w = a."""
    t = np.array([0.1, 0.5])
    zero = np.zeros(2)
    parameters = np.column_stack([vol**2 * t, zero, zero, zero, np.ones(2)])
    return Surface("BTC", None, t, [100.0, 101.0], parameters, [[-1, 1], [-1, 1]])


class TestWings:
    def test_a_flat_smile_has_none(self) -> None:
        reversal, butterfly = wings(flat(0.6), 0.3)
        assert abs(reversal) < 1e-12
        assert abs(butterfly) < 1e-12

    def test_they_are_at_the_delta(self, fits: tuple[Fit, ...]) -> None:
        """On a fine grid of strikes Black's deltas say where 0.25 is."""
        for fit in fits:
            assert fit.surface is not None
            for t, forward in zip(fit.surface.expiry, fit.surface.forward, strict=True):
                reach = 3 * float(fit.surface.atm_vol(t)) * np.sqrt(t)
                strike = forward * np.exp(np.linspace(-reach, reach, 20_001))
                vol = fit.surface.vol(strike, t, forward)
                at = {
                    kind: np.interp(0.25, *pair)
                    for kind in ("call", "put")
                    for delta in [np.abs(hc.greeks(kind, strike=strike, expiry=t, vol=vol, forward=forward,
                                                   which=("delta",))["delta"])]
                    for pair in [(delta, vol) if kind == "put" else (delta[::-1], vol[::-1])]
                }  # fmt: skip
                reversal, butterfly = wings(fit.surface, float(t))
                assert reversal == pytest.approx(at["call"] - at["put"], abs=1e-6)
                middle = 0.5 * (at["call"] + at["put"]) - float(fit.surface.atm_vol(t))
                assert butterfly == pytest.approx(middle, abs=1e-6)


class TestModelFree:
    def test_every_expiry_has_that_of_its_strip(self, fits: tuple[Fit, ...]) -> None:
        for fit in fits:
            strips = surface.model_free(fit.smiles).strips
            assert fit.slices["model_free_vol"].tolist() == [strip.vol for strip in strips]

    def test_thirty_days_are_between_their_neighbours(self, fits: tuple[Fit, ...]) -> None:
        for fit in fits:
            strips = fit.strips.strips
            near, far = [
                strip for before, after in pairwise(strips)
                if before.expiry <= MONTH <= after.expiry
                for strip in (before, after)
            ]  # fmt: skip
            assert min(near.vol, far.vol) <= fit.month_vol <= max(near.vol, far.vol)


def test_quotes_inside_are_those_that_the_tool_counts(fits: tuple[Fit, ...]) -> None:
    """`tools/surface_quality.py` counts the same by the core's deltas."""
    for fit in fits:
        assert fit.surface is not None
        counted = Quality()
        counted.add(fit.surface, list(fit.smiles), 0.0)
        assert counted.quotes == fit.slices["core_strikes"].sum()
        assert counted.inside == fit.slices["core_inside"].sum()
        assert counted.butterfly_free == (fit.slices["butterfly_points"] == 0).sum()
        assert counted.calendar == fit.slices["calendar_points"].sum()


def test_deltas_are_the_core_s(fits: tuple[Fit, ...]) -> None:
    quotes = fits[0].quotes
    delta = hc.greeks(
        quotes["kind"],
        strike=np.exp(quotes["log_moneyness"]),
        expiry=quotes["expiry"],
        vol=quotes["mid_vol"],
        forward=1.0,
        which=("delta",),
    )["delta"]
    assert np.allclose(quotes["delta"], delta, atol=1e-12)


def test_the_surface_is_that_of_fit_all(tmp_path_factory: pytest.TempPathFactory) -> None:
    chain, *_ = demo.write_demo(tmp_path_factory.mktemp("demo"))
    quotes = venues.read(chain)
    for model in surface.MODELS:
        mine = fits_of(quotes, model=model)[1]
        all_of = surface.fit_all(quotes, model=model)
        for fit in mine:
            assert fit.surface is not None
            assert np.array_equal(fit.surface.parameters, all_of[fit.base].parameters)
