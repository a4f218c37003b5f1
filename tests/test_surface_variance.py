"""Variance swaps of a surface and the model-free index of a chain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("polars")

import hedgecore as hc
from hedgecore import surface, venues
from hedgecore.surface import svi
from test_surface import smile_of, three_slices


def by_density(s: surface.Surface, expiry: float) -> float:
    """E[-2 ln(S / F)] by the density, a definition that shares nothing with the formula but the smile."""
    u = np.linspace(-8.0, 8.0, 400_001)
    k, step = 0.1 * np.sinh(u), u[1] - u[0]
    values = -2.0 * k * s.log_density(k, expiry) * 0.1 * np.cosh(u)
    return float(np.sqrt(values.sum() * step / expiry))


class TestVarianceSwaps:
    def test_a_flat_smile_has_its_vol(self) -> None:
        flat = [[0.25 * t, 0.0, 0.0, 0.0, 0.1] for t in (0.1, 0.4)]
        s = surface.Surface("BTC", None, [0.1, 0.4], [100, 100], flat, [[-0.5, 0.5]] * 2)
        for tails in ("wings", "flat"):
            found = s.variance_swap_vol([0.01, 0.1, 0.2, 0.4, 2.0], tails=tails)  # type: ignore[arg-type]
            np.testing.assert_allclose(found, 0.5, rtol=1e-13)
        constant = surface.Surface(
            "BTC", None, [0.1], [100], [[0.5, 1.0, 0.0, 0.0]], [[-0.5, 0.5]], model="sabr"
        )
        assert constant.variance_swap_vol(0.1) == pytest.approx(0.5, rel=1e-13)

    @pytest.mark.parametrize("expiry", [0.02, 0.05, 0.1, 0.3, 0.5, 0.7])
    def test_the_density_says_the_same(self, expiry: float) -> None:
        s = three_slices()
        assert s.variance_swap_vol(expiry, tails="wings") == pytest.approx(
            by_density(s, expiry), rel=1e-9
        )

    def test_a_sharp_bend(self) -> None:
        s = surface.Surface("BTC", None, [0.5], [100], [[0.05, 0.2, -0.2, 0.03, 1e-3]], [[-1, 1]])
        assert s.variance_swap_vol(0.5, tails="wings") == pytest.approx(
            by_density(s, 0.5), rel=1e-5
        )

    def test_strips_without_end_come_to_the_same(self) -> None:
        s, t = three_slices(), 0.15
        strike = np.exp(np.linspace(-6, 4, 40_001))
        price = hc.price(
            np.where(strike < 1, -1, 1), strike=strike, expiry=t, vol=s.vol(strike, t, 1.0), forward=1.0
        )  # fmt: skip
        strip = surface.strip_variance(strike, price, t, 1.0)
        assert s.variance_swap_vol(t, tails="wings") == pytest.approx(strip.vol, rel=1e-5)

    def test_flat_tails(self) -> None:
        """As a surface that is the slice within the quotes and constant beyond."""
        s = surface.Surface(
            "BTC", None, [0.25], [100], [[0.02, 0.2, -0.3, 0.0, 0.2]], [[-0.4, 0.3]]
        )
        strike = np.exp(np.linspace(-6, 4, 40_001))
        vol = s.vol_at(np.clip(np.log(strike), -0.4, 0.3), 0.25)
        price = hc.price(
            np.where(strike < 1, -1, 1), strike=strike, expiry=0.25, vol=vol, forward=1.0
        )
        strip = surface.strip_variance(strike, price, 0.25, 1.0)
        assert s.variance_swap_vol(0.25) == pytest.approx(strip.vol, rel=1e-5)
        assert s.variance_swap_vol(0.25, tails="flat") < s.variance_swap_vol(0.25, tails="wings")

    def test_sabr_goes_on_in_straight_lines(self) -> None:
        s = surface.Surface(
            "BTC", None, [0.25], [100], [[0.6, 1.0, 1.5, -0.4]], [[-0.7, 0.5]], model="sabr"
        )
        k = np.linspace(-6, 4, 40_001)
        inside = np.clip(k, -0.7, 0.5)
        w = s.total_variance(inside, 0.25) + (k - inside) * (s._at(inside, 0.25)[1])
        price = hc.price(
            np.where(k < 0, -1, 1), strike=np.exp(k), expiry=0.25, vol=np.sqrt(w / 0.25), forward=1.0
        )  # fmt: skip
        strip = surface.strip_variance(np.exp(k), price, 0.25, 1.0)
        assert s.variance_swap_vol(0.25, tails="wings") == pytest.approx(strip.vol, rel=1e-4)

    def test_errors(self) -> None:
        s = three_slices()
        with pytest.raises(ValueError, match=r"expiry = 0\.0 must be positive"):
            s.variance_swap_vol([0.1, 0.0])
        with pytest.raises(ValueError, match="tails must be 'wings' or 'flat'"):
            s.variance_swap_vol(0.1, tails="zero")  # type: ignore[arg-type]
        steep = surface.Surface("BTC", None, [1.0], [1], [[0.1, 1.0, -1.0, 0.0, 0.3]], [[-1, 1]])
        with pytest.raises(ValueError, match=r"as fast as 2 abs\(k\) on the left"):
            steep.variance_swap_vol(1.0, tails="wings")


def quoted(expiry: float, vol: float = 0.6, **changes: Any) -> Any:
    return smile_of(lambda k: vol + 0 * k, expiry, 100 * np.exp(np.linspace(-2, 2, 801)), **changes)


class TestModelFree:
    def test_flat_smiles(self) -> None:
        smiles = [quoted(t, v) for t, v in ((0.02, 0.5), (0.05, 0.55), (0.2, 0.65))]
        found = surface.model_free(smiles[::-1])
        for strip, vol in zip(found.strips, (0.5, 0.55, 0.65), strict=True):
            assert strip.vol == pytest.approx(vol, rel=1e-3)
        t = 30 / 365
        share = (t - 0.05) / 0.15
        total = (1 - share) * 0.05 * 0.55**2 + share * 0.2 * 0.65**2
        assert found.index() == pytest.approx(100 * np.sqrt(total / t), rel=1e-3)
        assert found.index(0.05) == pytest.approx(55, rel=1e-3)
        with pytest.raises(ValueError, match=r"BTC: no strips on both sides of 182\.5 days"):
            found.index(0.5)

    def test_a_strike_off_the_forward(self) -> None:
        """The forward between two strikes: (F / K0 - 1)^2 and the mean at the centre."""
        smile = smile_of(lambda k: 0.6 + 0 * k, 0.2, 98.7 * np.exp(np.linspace(-2, 2, 161)))
        (strip,) = surface.model_free([smile]).strips
        assert strip.vol == pytest.approx(0.6, rel=1e-3)
        assert strip.centre == pytest.approx(0.987, rel=1e-12)

    def test_what_has_no_strip_is_named(self) -> None:
        short = smile_of(lambda k: 0.5 + 0 * k, 0.1, [90, 100, 110])
        above = smile_of(lambda k: 0.5 + 0 * k, 0.3, [110, 120, 130, 140, 150])
        empty = smile_of(lambda k: 0.5 + 0 * k, 0.4, [])
        found = surface.model_free([short, above, empty, quoted(0.2)])
        assert len(found.strips) == 1
        assert [
            next(w for w in ("5 strikes, 0 of them", "3 strikes", "0 strikes") if w in line)
            for line in found.left_out
        ] == ["3 strikes", "5 strikes, 0 of them", "0 strikes"]
        with pytest.raises(ValueError, match="one base and settlement, at least one"):
            surface.model_free([])

    def test_a_real_chain(self, quarter_file: Path) -> None:
        """Strips lie by the variance swaps of the fits, a month away from either end."""
        frame = venues.read(quarter_file).part("quotes").frame
        chain = frame.partition_by("snapshot", maintain_order=True)[100]
        asof, smiles = surface.smiles(chain)
        for base in ("BTC", "ETH"):
            of_base = [s for s in smiles if s.base == base]
            found = surface.model_free(of_base)
            assert not found.left_out
            fitted = surface.fit(of_base, asof=asof)
            month = 30 / 365
            near = fitted.variance_swap_vol(month, tails="flat")
            assert found.index() == pytest.approx(100 * near, abs=1.0)
            assert near > fitted.atm_vol(month)


def test_svi_of_one_slice_by_hand() -> None:
    """w linear in k: b = 0 but for a slope is no SVI; a symmetric smile has the same swap mirrored in k."""
    right, left = (
        surface.Surface("BTC", None, [0.3], [1], [[0.03, 0.15, rho, m, 0.1]], [[-1, 1]])
        for rho, m in ((-0.4, 0.05), (0.4, -0.05))
    )
    k = np.linspace(-1, 1, 9)
    np.testing.assert_allclose(right.vol_at(k, 0.3), left.vol_at(-k, 0.3))
    # under the measure of the coin the mirrored smile is that of 1 / S: E_coin[2 ln(S / F)] of one is the
    # variance swap of the other
    u = np.linspace(-8.0, 8.0, 400_001)
    x, step = 0.1 * np.sinh(u), u[1] - u[0]
    values = 2.0 * x * np.exp(x) * right.log_density(x, 0.3) * 0.1 * np.cosh(u)
    assert left.variance_swap_vol(0.3, tails="wings") == pytest.approx(
        float(np.sqrt(values.sum() * step / 0.3)), rel=1e-8
    )
    assert svi.variance(right.parameters[0], 0.0)[0] == right.total_variance(0.0, 0.3)
