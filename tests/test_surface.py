"""Surfaces: published smiles, identities of the density, arbitrage, dirty quotes and the exchange's chains."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pl = pytest.importorskip("polars")

import hedgecore as hc
from hedgecore import _core, chain, surface, venues
from hedgecore.surface import quotes, svi
from surface_quality import measure

VOGT = np.array([-0.0410, 0.1331, 0.3060, 0.3586, 0.4153])
"""Gatheral and Jacquier (2014), section 5.1, after Vogt: T = 1, with butterfly arbitrage."""
NOW = datetime(2026, 6, 1, tzinfo=UTC)
EXPIRY = datetime(2026, 9, 25, 8, tzinfo=UTC)


def smile_of(
    vol: Callable[[Any], Any], expiry: float = 0.3, strikes: Any = None, spread: float = 0.005
) -> quotes.Smile:
    """A clean smile, quoted out of the money at a forward of 100."""
    strike = np.asarray(np.arange(60.0, 161.0, 5.0) if strikes is None else strikes)
    k = np.log(strike / 100.0)
    mid = np.asarray(vol(k), np.float64)
    return quotes.Smile(
        "BTC", "inverse", np.datetime64("2026-06-01T08:00", "us") + int(expiry * 3.1536e13),
        expiry, 100.0, 1.0, strike, k, mid - spread, mid + spread, mid,
        np.where(k >= 0, 1, -1).astype(np.int8), len(strike), {}, len(strike),
    )  # fmt: skip


def slice_of(parameters: Any, expiry: float = 1.0) -> surface.Surface:
    return surface.Surface("BTC", None, [expiry], [100.0], [parameters], [[-1.5, 1.5]])


def three_slices() -> surface.Surface:
    ssvi = np.array([[0.01, -0.3, 0.2], [0.03, -0.25, 0.35], [0.09, -0.2, 0.6]])
    return surface.Surface(
        "BTC", None, [0.05, 0.15, 0.5], [100.0, 101.0, 103.0], svi.from_ssvi(ssvi), [[-1, 1]] * 3
    )


class TestPublished:
    def test_vogt_in_jump_wing_parameters(self) -> None:
        """(v, psi, p, c, smallest v) as the paper prints them."""
        one = slice_of(VOGT)
        atm = one.atm_vol(1.0)
        assert atm**2 == pytest.approx(0.01742625, abs=1e-8)
        assert one.skew(0.0, 1.0) == pytest.approx(-0.1752111, abs=1e-7)
        assert one.arbitrage().lee[0] / atm == pytest.approx(1.316798, abs=1e-6)
        k = np.linspace(-1, 1, 200_001)
        assert one.total_variance(k, 1.0).min() == pytest.approx(0.0116249, abs=1e-7)

    def test_vogt_has_butterfly_arbitrage_and_the_constrained_fit_has_none(self) -> None:
        assert slice_of(VOGT).arbitrage().butterfly[0] > 0
        k = np.linspace(-1.5, 1.5, 41)
        smile = smile_of(lambda k: np.sqrt(svi.variance(VOGT, k)[0]), 1.0, 100 * np.exp(k))
        raw = surface.fit([smile], model="svi")
        free = surface.fit([smile], model="svi_free")
        np.testing.assert_allclose(raw.parameters[0], VOGT, atol=1e-5)
        assert not raw.arbitrage().free
        assert free.arbitrage(2001).free
        near = np.linspace(-0.5, 0.5, 21)
        assert np.abs(free.vol_at(near, 1.0) - raw.vol_at(near, 1.0)).max() < 0.01

    def test_model_free_vol_of_the_data_set(self, shared: Path) -> None:
        """14 days of ETH, 2021-10-01: the index and every intermediate, from bids and asks."""
        name = "eth_mfiv14d_evidence_20211001T0702.json.gz"
        record = json.loads(gzip.decompress((shared / "data/chains" / name).read_bytes()))
        params, rate = record["params"], record["context"]["risklessRate"]
        printed = record["result"]["intermediates"]
        index = params["underlyingPrice"]
        at = {
            side: {
                (o["expirationDate"], o["strikePrice"]): 0.5
                * (o["bestBidPrice"] + o["bestAskPrice"])
                * index
                for o in params["options"]
                if o["optionType"] == side and "bestBidPrice" in o and "bestAskPrice" in o
            }
            for side in ("put", "call")
        }
        strips = []
        for n, (book, date) in enumerate(
            [("finalNearBook", "nearDate"), ("finalNextBook", "nextDate")], start=1
        ):
            when, word = params[date], ("near", "next")[n - 1]
            elapsed = datetime.fromisoformat(when) - datetime(2021, 10, 1, 7, 2, tzinfo=UTC)
            expiry = elapsed / timedelta(days=365)
            assert expiry == pytest.approx(printed[f"T{n}"], rel=1e-12)
            centre = printed[f"{word}ForwardStrike"]
            gap = at["call"][when, centre] - at["put"][when, centre]
            forward = centre + np.exp(rate * expiry) * gap
            assert forward == pytest.approx(printed[f"F{n}"], rel=1e-12)
            strikes = [option["strikePrice"] for _, option in printed[book]]
            price = [
                0.5 * (at["call"][when, k] + at["put"][when, k])
                if k == centre
                else at["put" if k < centre else "call"][when, k]
                for k in strikes
            ]
            strip = surface.strip_variance(strikes, price, expiry, forward, rate=rate)
            assert strip.centre == printed[f"FS{n}"]
            assert strip.contribution == pytest.approx(printed[f"{word}Contribution"], rel=1e-12)
            assert strip.total_variance == pytest.approx(
                printed[f"{word}ModSigmaSquared"], rel=1e-12
            )
            strips.append(strip)
        value = surface.index_vol(*strips, 14 / 365)
        assert value == pytest.approx(record["result"]["value"], rel=1e-12)
        assert round(value, 2) == 103.68


class TestIdentities:
    @pytest.mark.parametrize("expiry", [0.02, 0.05, 0.1, 0.3, 0.5, 0.8])
    def test_density(self, expiry: float) -> None:
        """It integrates to 1, its mean is the forward, and a call by it is Black's at the vol."""
        s = three_slices()
        k = np.linspace(-60, 60, 400_001)
        density, step = s.log_density(k, expiry), k[1] - k[0]
        assert density.min() >= 0
        assert density.sum() * step == pytest.approx(1.0, abs=1e-6)
        assert (density * np.exp(k)).sum() * step == pytest.approx(1.0, abs=1e-5)
        forward = float(np.exp(np.interp(expiry, s.expiry, np.log(s.forward))))
        for strike in (80.0, 100.0, 130.0):
            payoff = np.maximum(forward * np.exp(k) - strike, 0)
            black = hc.price(
                "call", strike=strike, expiry=expiry, vol=s.vol(strike, expiry), forward=forward
            )
            assert (density * payoff).sum() * step == pytest.approx(float(black), abs=2e-3)
        assert s.density(forward, expiry) * forward == pytest.approx(
            float(s.log_density(0.0, expiry))
        )

    def test_derivatives_are_those_of_the_vol(self) -> None:
        s, h = three_slices(), 1e-5
        for expiry in (0.03, 0.1, 0.5, 0.9):
            for k in (-0.4, 0.0, 0.3):
                slope = (s.vol_at(k + h, expiry) - s.vol_at(k - h, expiry)) / (2 * h)
                assert s.skew(k, expiry) == pytest.approx(float(slope), rel=1e-6, abs=1e-8)

    def test_local_variance_is_dupires(self) -> None:
        """From call prices by differences: 2 C_T / (K^2 C_KK), at forward 1."""
        s, t, h = three_slices(), 0.3, 1e-3

        def call(strike: float, expiry: float) -> float:
            vol = s.vol_at(np.log(strike), expiry)
            return float(hc.price("call", strike=strike, expiry=expiry, vol=vol, forward=1.0))

        for strike in (0.8, 1.0, 1.25):
            in_time = (call(strike, t + 1e-4) - call(strike, t - 1e-4)) / 2e-4
            convex = (call(strike + h, t) - 2 * call(strike, t) + call(strike - h, t)) / h**2
            expected = 2 * in_time / (strike**2 * convex)
            assert s.local_variance(np.log(strike), t) == pytest.approx(expected, rel=1e-4)

    def test_a_flat_surface(self) -> None:
        flat = surface.Surface(
            "BTC", None, [0.1, 0.4], [100, 100],
            [[0.25 * 0.1, 0, 0, 0, 0.1], [0.25 * 0.4, 0, 0, 0, 0.1]], [[-1, 1]] * 2,
        )  # fmt: skip
        for expiry in (0.05, 0.1, 0.2, 0.4, 2.0):
            np.testing.assert_allclose(flat.vol([50, 100, 200], expiry), 0.5, rtol=1e-14)
            np.testing.assert_allclose(flat.local_variance([-0.5, 0.0, 0.5], expiry), 0.25)

    def test_total_variance_is_linear_between_expiries_and_vol_flat_outside(self) -> None:
        s, k = three_slices(), np.linspace(-1, 1, 5)
        middle = 0.5 * (s.total_variance(k, 0.05) + s.total_variance(k, 0.15))
        np.testing.assert_allclose(s.total_variance(k, 0.1), middle, rtol=1e-14)
        np.testing.assert_allclose(s.vol_at(k, 0.01), s.vol_at(k, 0.05), rtol=1e-14)
        np.testing.assert_allclose(s.vol_at(k, 3.0), s.vol_at(k, 0.5), rtol=1e-14)

    def test_an_ssvi_slice_is_an_svi_slice(self) -> None:
        theta, rho, psi = 0.04, -0.35, 0.5
        phi, k = psi / theta, np.linspace(-2, 2, 9)
        direct = theta / 2 * (1 + rho * phi * k + np.sqrt((phi * k + rho) ** 2 + 1 - rho**2))
        found = svi.variance(svi.from_ssvi([theta, rho, psi]), k)[0]
        np.testing.assert_allclose(found, direct, rtol=1e-13)

    def test_strips_of_a_flat_smile(self) -> None:
        strike = np.arange(5.0, 1000.0, 0.25)
        kind = np.where(strike < 100, -1, 1)
        price = hc.price(kind, strike=strike, expiry=0.25, vol=0.6, forward=100.0)
        strip = surface.strip_variance(strike, price, 0.25, 100.0)
        assert strip.vol == pytest.approx(0.6, abs=2e-5)


class TestFits:
    @given(
        atm=st.floats(0.2, 1.5), rho=st.floats(-0.8, 0.8), m=st.floats(-0.2, 0.2),
        wing=st.floats(0.2, 1.2), expiry=st.floats(0.01, 1.0),
    )  # fmt: skip
    @settings(max_examples=60)
    def test_a_smile_of_svi_is_found_again(
        self, atm: float, rho: float, m: float, wing: float, expiry: float
    ) -> None:
        scale = atm * np.sqrt(expiry)
        b = min(wing * scale, 1.9 / (1 + abs(rho)))  # within Lee's bound
        true = [0.4 * scale**2, b, rho, m * scale, 0.6 * scale]
        smile = smile_of(
            lambda k: np.sqrt(svi.variance(true, k)[0] / expiry),
            expiry,
            100 * np.exp(np.linspace(-2.5, 2.5, 15) * scale),
        )
        fitted = surface.fit([smile], model="svi")
        assert np.abs(fitted.vol_at(smile.log_moneyness, expiry) - smile.vol).max() < 2e-4

    def test_bad_rows_do_not_pull(self) -> None:
        def vol(k: Any) -> Any:
            return np.sqrt(0.3 + 0.2 * (k + 0.1) ** 2)

        clean = smile_of(vol)
        bad = clean.vol.copy()
        bad[[4, 13]] += [0.8, -0.3]
        dirty = replace(clean, vol=bad, bid_vol=bad - 0.005, ask_vol=bad + 0.005)
        fits = [surface.fit([s]).vol_at(clean.log_moneyness, 0.3) for s in (clean, dirty)]
        assert np.abs(fits[0] - fits[1]).max() < 0.01

    @given(seed=st.integers(0, 2**32 - 1))
    @settings(max_examples=60)
    def test_constrained_fits_are_free_whatever_the_quotes(self, seed: int) -> None:
        """Smiles at random: crossing in time, of any shape."""
        rng = np.random.default_rng(seed)
        smiles = []
        for expiry in np.sort(rng.uniform(0.005, 1.0, 4)):
            level, width = rng.uniform(0.2, 1.2), 2 * np.sqrt(expiry)
            strikes = 100 * np.exp(np.linspace(-width, width, rng.integers(5, 25)))
            noise = rng.normal(0, 0.05, len(strikes))
            tilt = rng.normal(0, 0.2)
            smiles.append(
                smile_of(
                    lambda k, a=level, n=noise, b=tilt: np.maximum(a + b * k + n, 0.05),
                    float(expiry),
                    strikes,
                )
            )
        essvi = surface.fit(smiles, model="essvi").arbitrage(1001)
        assert essvi.free, essvi
        constrained = surface.fit(smiles, model="svi_free")
        assert not constrained.arbitrage(1001).butterfly.any(), constrained.arbitrage(1001)
        for i, smile in enumerate(smiles):  # and beyond the quotes
            reach = 3 * np.median(smile.vol) * np.sqrt(smile.expiry)
            low, high = constrained.quoted[i]
            k = np.linspace(low - reach, high + reach, 1001)
            assert (constrained.butterfly(k, smile.expiry) >= 0).all(), i
        for model in surface.MODELS:
            fitted = surface.fit(smiles, model=model)
            assert (
                model == "sabr"
                or (fitted.arbitrage().lee <= 1.95 + 1e-12).all()
                or (model == "essvi" and not fitted.arbitrage().beyond_lee.any())
            )
            assert (
                fitted.total_variance(np.linspace(-5, 5, 101)[:, None], fitted.expiry) > 0
            ).all()

    def test_essvi_has_no_calendar_arbitrage_far_out(self) -> None:
        """Where neighbours leave no room: a short expiry far above the long ones."""
        smiles = [smile_of(lambda k, v=v: v + 0.1 * k**2, t) for v, t in
                  [(2.0, 0.05), (0.5, 0.1), (0.6, 0.4), (0.3, 0.5)]]  # fmt: skip
        fitted = surface.fit(smiles, model="essvi")
        w = fitted.total_variance(np.linspace(-20, 20, 4001)[:, None], fitted.expiry)
        assert (np.diff(w, axis=1) >= -1e-12 * w[:, 1:]).all()

    def test_a_warm_start_ends_where_a_cold_one_does(self) -> None:
        before = [smile_of(lambda k: 0.5 + 0.1 * k**2 - 0.1 * k, t) for t in (0.1, 0.3)]
        after = [smile_of(lambda k: 0.6 + 0.15 * k**2 - 0.2 * k, t) for t in (0.1, 0.3)]
        cold = surface.fit(after, model="svi")
        warm = surface.fit(after, model="svi", warm=surface.fit(before[1:], model="svi"))
        k = np.linspace(-0.5, 0.4, 19)
        for t in (0.1, 0.3):
            np.testing.assert_allclose(warm.vol_at(k, t), cold.vol_at(k, t), atol=2e-4)
        jump = [smile_of(lambda k: 2.0 - 0.5 * k, 0.3)]
        again = surface.fit(jump, model="svi", warm=cold)
        np.testing.assert_allclose(again.vol_at(k, 0.3), 2.0 - 0.5 * k, atol=5e-3)

    def test_three_strikes_are_a_slice_of_ssvi(self) -> None:
        three = smile_of(lambda k: 0.5 + 0.1 * k**2 - 0.1 * k, strikes=[90, 100, 115])
        for model in surface.MODELS:
            fitted = surface.fit([three, smile_of(lambda k: 0.6 + 0.1 * k**2, 0.5)], model=model)
            assert len(fitted) == 2
            assert np.abs(fitted.vol_at(three.log_moneyness, 0.3) - three.vol).max() < 5e-3
            assert fitted.arbitrage().butterfly[0] == 0

    def test_an_absurd_start_is_no_start(self) -> None:
        """Found by the fuzz target surfaces: weights of 0 gave a fit of no numbers."""
        k = np.linspace(-0.3, 0.3, 7)
        w, weight = 0.04 * (1 - 0.2 * k + k * k), np.full(7, 1e3)
        _, cold = _core.fit_svi(k, w, weight, [0, 7], None, False)
        for start in ([1e307, 1e307, 0.0, 0.0, 0.1], [np.nan, 0.1, 0.0, 0.0, 0.1]):
            fitted, quality = _core.fit_svi(k, w, weight, [0, 7], [start], False)
            assert np.isfinite(fitted).all()
            assert quality[0, 0] <= 1.01 * cold[0, 0]

    def test_errors(self) -> None:
        smile = smile_of(lambda k: 0.5 + 0 * k)
        with pytest.raises(
            ValueError, match="model must be one of svi, svi_free, essvi, sabr, not"
        ):
            surface.fit([smile], model="spline")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="one base"):
            surface.fit([smile, replace(smile, base="ETH")])
        short = smile_of(lambda k: 0.5 + 0 * k, strikes=[90, 110])
        with pytest.raises(ValueError, match=r"no expiry has enough strikes: BTC inverse .* 2 str"):
            surface.fit([short])
        with pytest.raises(ValueError, match="warm must be a surface of BTC"):
            surface.fit([smile], warm=slice_of(VOGT))
        with pytest.raises(TypeError, match=r"warm must be surfaces by coin, .* not Surface"):
            surface.fit_all(None, warm=slice_of(VOGT))  # type: ignore[arg-type]
        k = np.zeros(3)
        with pytest.raises(ValueError, match="quote 0: k must be finite, w and weight"):
            _core.fit_svi(k, k, k + 1, [0, 3], None, False)
        with pytest.raises(ValueError, match="expiry 0 has under 3 quotes"):
            _core.fit_essvi(k[:2], k[:2] + 1, k[:2] + 1, [0, 2])
        # found by the fuzz target surfaces: fits of such quotes were zeros or no numbers
        k, w, weight = np.array([-0.1, 0.0, 0.1]), np.full(3, 0.04), np.full(3, 100.0)
        for name, columns, message in (
            ("svi", (k * [1, 1, 2000], w, weight), r"k\[2\] = 200 must be from -100 to 100"),
            ("svi", (k, w * [1, 1e20, 1], weight), r"w\[1\] = 4e\+18 must be from 1e-20 to 1e\+06"),
            (
                "essvi",
                (k, w, weight * [1e200, 1, 1]),
                r"expiry 0: weight x w\[0\] = 4e\+200 must be from",
            ),
            (
                "sabr",
                (k, w, weight * [1, 1, 1e-30]),
                r"weight x w\[2\] = .*e-30 must be from 1e-20",
            ),
        ):
            more = {"svi": (None, False), "essvi": (), "sabr": ([1.0], [0.1], 1.0, None)}[name]
            with pytest.raises(ValueError, match=message):
                getattr(_core, f"fit_{name}")(*columns, [0, 3], *more)
        with pytest.raises(ValueError, match="forward = 0 must be from 1e-100"):
            _core.fit_sabr(k, w, weight, [0, 3], [0.0], [0.1], 1.0, None)
        with pytest.raises(ValueError, match="strike must be positive and increase"):
            surface.strip_variance([2, 1], [1, 1], 1.0, 1.0)
        with pytest.raises(ValueError, match="expiry must be positive and increase"):
            surface.Surface("BTC", None, [0.1, 0.1], [1, 1], [VOGT] * 2, [[0, 1]] * 2)


@pytest.fixture(scope="module")
def frame(quarter_file: Path) -> Any:
    return venues.read(quarter_file).frame


class TestRealChains:
    def test_a_sample_of_the_quarter(self, frame: Any) -> None:
        chains = frame.partition_by("snapshot", maintain_order=True)[::60]
        found, facts = measure(chains)
        assert len(chains) == 6
        assert not facts["unfitted"]
        assert found["svi"].inside_share >= 0.977
        assert found["svi_free"].inside_share >= 0.977
        assert found["essvi"].inside_share >= 0.90
        assert found["svi"].percentile(50) <= 0.2
        assert found["svi"].percentile(95) <= 1.0
        for model in ("svi_free", "essvi"):
            assert found[model].butterfly_free == found[model].slices > 100
        assert found["essvi"].calendar == 0
        assert all(found[model].lee == 0 for model in ("svi", "svi_free", "essvi", "svi warm"))
        assert found["svi warm"].inside_share >= found["svi"].inside_share - 0.005

    @pytest.mark.parametrize("when", ["2026-03-09T04:4", "2026-01-13T21:2", "2026-01-12T04:0"])
    def test_few_strikes_shortly_before_expiry(self, frame: Any, when: str) -> None:
        """The penalty leads some slices astray: they are not worse than SSVI, which is free as well."""
        chains = frame.partition_by("snapshot", maintain_order=True)
        (chain,) = (c for c in chains if c["timestamp"].max().isoformat().startswith(when))
        _, found = surface.smiles(chain)
        smiles = [s for s in found if s.base == "BTC" and s.expiry < 1 / 365 and len(s) >= 5]
        assert smiles
        for smile in smiles:
            free = surface.fit([smile])
            assert not free.arbitrage(1001).butterfly.any()
            near = np.abs(smile.log_moneyness) < smile.vol.min() * np.sqrt(smile.expiry)
            error = np.abs(free.vol_at(smile.log_moneyness, smile.expiry) - smile.vol)[near]
            assert error.max() < 0.1

    def test_parity_forwards_are_those_of_chain(self, frame: Any) -> None:
        snap = chain.snapshot(frame)
        _, smiles = quotes.smiles(snap, forward="parity")
        known = {
            (row["base"], row["expiry_time"].replace(tzinfo=None)): row["forward"]
            for row in chain.forwards(snap).iter_rows(named=True)
        }
        gaps = [s.forward / known[s.base, s.expiry_time.item()] - 1 for s in smiles]
        assert np.median(np.abs(gaps)) < 5e-4

    def test_a_market_takes_surfaces(self, frame: Any) -> None:
        market = hc.Market.from_quotes(frame)
        fitted = surface.fit_all(frame)
        assert fitted["BTC"].asof == chain.newest_time(frame)
        smooth = market.replaced(vols=fitted, option_vols=None)
        book = chain.open_interest(frame)
        marks, modelled = book.risk(market), book.risk(smooth)
        for coin in ("BTC", "ETH"):
            assert modelled.total[coin]["vega_usd"] == pytest.approx(
                marks.total[coin]["vega_usd"], rel=0.02
            )
        assert set(fitted["BTC"].to_frame("polars").columns) >= {"expiry_time", "atm_vol", "rho"}
