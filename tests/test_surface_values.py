"""Values of surfaces in the core: against 40 digits, at every level, for any threads; bad points; copies."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import mpmath as m
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import levels
from hedgecore import _core, surface
from hedgecore.surface import sabr

EXPIRY = np.array([0.02, 0.1, 0.4, 1.2])
FORWARD = np.array([100.0, 101.0, 104.0, 110.0])
SLICES: dict[str, Any] = {
    "svi": [
        [0.002, 0.06, -0.3, 0.01, 0.05], [0.01, 0.15, -0.4, -0.02, 0.12],
        [0.05, 0.3, -0.2, 0.05, 0.3], [0.2, 0.5, 0.1, 0.1, 0.6],
    ],
    "sabr": [[0.6, 1.0, 3.0, -0.3], [4.0, 0.6, 2.0, 0.2], [7.0, 0.5, 1.2, -0.6], [55.0, 0.0, 0.4, 0.0]],
}  # fmt: skip


def surface_of(model: str) -> surface.Surface:
    return surface.Surface(
        "BTC", None, EXPIRY, FORWARD, SLICES[model], [[-1.0, 1.0]] * 4, model=model  # type: ignore[arg-type]
    )  # fmt: skip


def hagan(k: Any, expiry: float, forward: float, alpha: Any, beta: Any, nu: Any, rho: Any) -> Any:
    """Equation 2.17 as printed, in the forward and the strike."""
    alpha, beta, nu, rho, f = (m.mpf(float(x)) for x in (alpha, beta, nu, rho, forward))
    strike, rest = f * m.exp(k), 1 - beta
    log = m.log(f / strike)
    middle = (f * strike) ** (rest / 2)
    z = nu / alpha * middle * log
    x = m.log((m.sqrt(1 - 2 * rho * z + z * z) + z - rho) / (1 - rho))
    ratio = z / x if x else m.mpf(1)
    below = middle * (1 + rest**2 / 24 * log**2 + rest**4 / 1920 * log**4)
    drift = (
        rest**2 / 24 * alpha**2 / middle**2
        + rho * beta * nu * alpha / (4 * middle)
        + (2 - 3 * rho**2) / 24 * nu**2
    )
    return alpha / below * ratio * (1 + drift * expiry)


def total_variance(model: str, i: int, k: Any) -> Any:
    p, expiry = SLICES[model][i], m.mpf(float(EXPIRY[i]))
    if model == "sabr":
        return hagan(k, expiry, FORWARD[i], *p) ** 2 * expiry
    a, b, rho, mid, sigma = (m.mpf(x) for x in p)
    return a + b * (rho * (k - mid) + m.sqrt((k - mid) ** 2 + sigma**2))


def between(model: str, k: Any, t: Any) -> Any:
    """The rule in words: linear in time at constant k, outside the vol of the nearest slice."""
    t = m.mpf(float(t))
    times = [m.mpf(float(x)) for x in EXPIRY]
    if t <= times[0]:
        return total_variance(model, 0, k) * t / times[0]
    if t >= times[-1]:
        return total_variance(model, 3, k) * t / times[-1]
    i = max(j for j in range(3) if times[j] <= t)
    share = (t - times[i]) / (times[i + 1] - times[i])
    return (1 - share) * total_variance(model, i, k) + share * total_variance(model, i + 1, k)


K = np.array([-1.5, -0.4, -0.11, -0.03, -1e-3, 2e-7, 0.02, 0.1, 0.3, 1.3])
TIMES = np.array([0.005, 0.02, 0.07, 0.1, 0.33, 0.4, 0.9, 1.2, 2.5])


@pytest.fixture(scope="module", params=["svi", "sabr"])
def exact(request: pytest.FixtureRequest) -> tuple[str, Any, Any]:
    """A model, (k, t) and there w, dw/dk, d2w/dk2 by differentiation of 40-digit values."""
    points = [(k, t) for t in TIMES for k in K]
    with m.workdps(60):
        values = [
            [float(m.diff(lambda x, t=t: between(request.param, x, t), m.mpf(k), n, h=m.mpf("1e-15"))) for n in (0, 1, 2)]
            for k, t in points
        ]  # fmt: skip
    return request.param, np.array(points).T, np.array(values).T


def assert_near(found: Any, values: Any, tolerance: float) -> None:
    """Relative; derivatives also against the size that they have over all points, where they pass through 0."""
    for got, exact in zip(found, values, strict=True):
        error = np.abs(got - exact) / np.maximum(np.abs(exact), 1e-3 * np.abs(exact).max())
        assert error.max() < tolerance


def test_values_and_derivatives_are_exact(exact: tuple[str, Any, Any]) -> None:
    model, (k, t), values = exact
    s = surface_of(model)
    w, slope, curvature, rise = s._at(k, t)
    np.testing.assert_allclose(w, values[0], rtol=3e-15)
    assert_near((slope, curvature), values[1:], 3e-11)
    np.testing.assert_allclose(s.vol_at(k, t), np.sqrt(values[0] / t), rtol=3e-15)
    for i in range(0, len(k), 7):
        if np.abs(t[i] - EXPIRY).min() > 1e-6:
            h = m.mpf("1e-12")
            up, down = (between(model, m.mpf(k[i]), t[i] + s * float(h)) for s in (1, -1))
            assert rise[i] == pytest.approx(float((up - down) / (2 * h)), rel=1e-3)


@pytest.mark.parametrize("level", levels.AVAILABLE)
def test_every_level(exact: tuple[str, Any, Any], level: str) -> None:
    model, (k, t), values = exact
    code = (
        f"s = core.Slices({model!r}, expiry, forward, parameters)\n"
        "w, slope, curvature, rise = core.surface_variance(s, k, None, None, t, None)\n"
        "result |= dict(w=w, slope=slope, curvature=curvature)\n"
        "result['vol'] = core.surface_vol(s, None, strike, at, t, 1)\n"
    )
    found = levels.run_at(
        level, code, expiry=EXPIRY, forward=FORWARD, parameters=np.array(SLICES[model]), k=k, t=t,
        strike=50.0 * np.exp(k), at=np.full(len(k), 50.0),
    )  # fmt: skip
    np.testing.assert_allclose(found["w"], values[0], rtol=3e-15)
    assert_near((found["slope"], found["curvature"]), values[1:], 3e-11)
    np.testing.assert_allclose(found["vol"], np.sqrt(values[0] / t), rtol=2e-14)


def test_strikes_are_measured_from_the_forward() -> None:
    s = surface_of("svi")
    strike = np.linspace(60, 180, 25)
    for t in (0.01, 0.1, 0.25, 3.0):
        own = np.exp(np.interp(t, EXPIRY, np.log(FORWARD)))
        np.testing.assert_allclose(s.vol(strike, t), s.vol_at(np.log(strike / own), t), rtol=1e-13)
        given = s.vol(strike, t, 95.0)
        np.testing.assert_allclose(given, s.vol_at(np.log(strike / 95.0), t), rtol=1e-13)


@pytest.mark.parametrize("model", ["svi", "sabr"])
def test_the_same_bits_for_any_threads_and_any_cut(model: str) -> None:
    s = surface_of(model)
    rng = np.random.default_rng(3)
    k, t = rng.normal(0, 0.3, 20_011), rng.uniform(0, 1.5, 20_011)
    one = s.vol_at(k, t, threads=1)
    np.testing.assert_array_equal(one, s.vol_at(k, t, threads=2))
    np.testing.assert_array_equal(
        one, np.concatenate([s.vol_at(k[:777], t[:777]), s.vol_at(k[777:], t[777:])])
    )
    for i in range(0, 20_011, 3001):
        assert s.vol_at(float(k[i]), float(t[i])) == one[i]
    order = np.argsort(t)  # blocks of one bracket take a shorter way
    np.testing.assert_array_equal(one[order], s.vol_at(k[order], t[order]))


def test_shapes() -> None:
    s = surface_of("svi")
    assert isinstance(s.vol_at(0.1, 0.2), float)
    assert isinstance(s.total_variance(np.float64(0.1), 1), float)
    assert s.vol_at([0.1], 0.2).shape == (1,)
    assert s.vol_at(np.zeros((3, 1)), EXPIRY).shape == (3, 4)
    assert s.vol([], 0.2).shape == (0,)
    grid = s.vol(np.array([90.0, 100.0])[:, None], EXPIRY)
    assert grid[1, 2] == s.vol(100.0, 0.4)
    np.testing.assert_array_equal(s.vol_at(np.zeros(8)[::2], 0.2), s.vol_at(0.0, 0.2))


@given(k=st.floats(-3, 3), t=st.floats(0, 5))
def test_vols_are_positive_and_continuous(k: float, t: float) -> None:
    for model in ("svi", "sabr"):
        s = surface_of(model)
        vol = s.vol_at(k, t)
        assert 0 < vol < 20
        assert s.vol_at(k, t + 1e-9) == pytest.approx(vol, rel=1e-5)
        assert s.vol_at(k + 1e-9, t) == pytest.approx(vol, rel=1e-5)


def test_a_kink_has_a_slope_and_no_curvature() -> None:
    s = surface.Surface("BTC", None, [1.0], [1.0], [[0.04, 0.1, 0.0, 0.0, 0.0]], [[-1, 1]])
    w, slope, curvature, _ = s._at(np.array([-0.5, 0.0, 0.5]), 1.0)
    np.testing.assert_allclose(w, [0.09, 0.04, 0.09])
    np.testing.assert_allclose(slope, [-0.1, 0.0, 0.1])
    np.testing.assert_array_equal(curvature, 0.0)


class TestBadInput:
    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda s: s.vol([90.0, -1.0], 0.1), r"strike\[1\] = -1.* must be positive"),
            (lambda s: s.vol([-90.0, 1.0], 0.1, -100.0), r"strike\[0\] = -90.* must be positive"),
            (lambda s: s.vol(90.0, 0.1, 0.0), "forward = 0.* must be positive"),
            (lambda s: s.vol(np.inf, 0.1), "strike = inf must be positive and finite"),
            (lambda s: s.vol_at([0.0, 0.1, np.nan], 0.1), r"k\[2\] = nan must be finite"),
            (lambda s: s.vol_at(0.0, [0.1, -0.1]), r"expiry\[1\] = -0.1.* must be finite and not neg"),
            (lambda s: s.skew(0.0, np.inf), "expiry = inf must be finite"),
            (lambda s: s.vol_at(np.zeros(3), np.ones(2)), r"2 rows, but k has 3|has 2 rows"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("model", ["svi", "sabr"])
    def test_points(self, model: str, call: Any, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            call(surface_of(model))

    def test_what_expires_now_has_no_density(self) -> None:
        s = surface_of("svi")
        for call in (s.butterfly, s.log_density, s.local_variance, s.density):
            with pytest.raises(ValueError, match=r"expiry = 0\.0 must be positive"):
                call(0.5, [0.1, 0.0])
        assert s.skew(0.1, 0.0) == pytest.approx(s.skew(0.1, 0.01), rel=1e-14)
        assert s.vol_at(0.1, 0.0) == pytest.approx(s.vol_at(0.1, 0.02), rel=1e-14)
        assert s.total_variance(0.1, 0.0) == 0.0

    def test_the_other_rows_are_counted(self) -> None:
        k = np.zeros(300)
        k[[7, 250, 299]] = np.nan
        with pytest.raises(ValueError, match=r"k\[7\] = nan .*3 bad rows"):
            surface_of("svi").vol_at(k, 0.1)

    @pytest.mark.parametrize(
        ("model", "change", "words"),
        [
            ("svi", [0.01, -0.1, 0.0, 0.0, 0.1], "slice 1: SVI needs b >= 0"),
            ("svi", [0.01, 0.1, 1.5, 0.0, 0.1], r"slice 1: SVI needs b >= 0, \|rho\| <= 1"),
            ("svi", [-0.1, 0.1, 0.0, 0.0, 0.1], "slice 1: total variance is negative"),
            (
                "svi",
                [np.nan, 0.1, 0.0, 0.0, 0.1],
                "slice 1: a must be from -1e100 to 1e100, not nan",
            ),
            ("svi", [0.01, 0.1, 0.0, 1e155, 0.1], r"slice 1: m must be .* not 1e\+155"),
            ("svi", [0.01, 0.1, 0.0, 0.0, 1e200], r"slice 1: sigma must be .* not 1e\+200"),
            ("sabr", [0.0, 1.0, 1.0, 0.0], "slice 1: SABR needs alpha > 0"),
            ("sabr", [0.5, 1.1, 1.0, 0.0], "slice 1: SABR needs alpha > 0, beta from 0 to 1"),
            ("sabr", [0.5, 1.0, 1.0, 1.0], r"slice 1: SABR .* \|rho\| < 1"),
        ],
    )
    def test_slices(self, model: str, change: list[float], words: str) -> None:
        parameters = [SLICES[model][0], change, *SLICES[model][2:]]
        with pytest.raises(ValueError, match=words):
            surface.Surface("BTC", None, EXPIRY, FORWARD, parameters, [[-1, 1]] * 4, model=model)  # type: ignore[arg-type]

    def test_slices_that_do_not_fit_together(self) -> None:
        good = {"expiry": EXPIRY, "forward": FORWARD, "parameters": SLICES["svi"], "quoted": [[-1, 1]] * 4}  # fmt: skip
        for name, value, words in (
            ("forward", [1.0, 0.0, 1.0, 1.0], "slice 1: forward must be positive"),
            ("expiry", [0.1, 0.1, 0.2, 0.3], "slice 1: expiry must be positive and increase"),
            ("expiry", [0.0, 0.1, 0.2, 0.3], "slice 0: expiry must be positive"),
            ("parameters", SLICES["sabr"], r"need parameters of shape \(4, 5\)"),
        ):
            with pytest.raises(ValueError, match=words):
                surface.Surface("BTC", None, **(good | {name: value}))
        with pytest.raises(ValueError, match="at least one slice"):
            surface.Surface("BTC", None, [], [], np.zeros((0, 5)), np.zeros((0, 2)))
        with pytest.raises(ValueError, match="model must be one of"):
            surface.Surface("BTC", None, **good, model="cubic")  # type: ignore[arg-type]

    def test_the_core_wants_points_of_one_sort(self) -> None:
        slices = surface_of("svi")._slices
        for k, strike, forward in ((None, None, None), (0.0, 1.0, None), (0.0, None, 1.0)):
            with pytest.raises(
                ValueError, match=r"give exactly one of k and strike|forward goes with"
            ):
                _core.surface_vol(slices, k, strike, forward, 0.1, None)


def test_slices_that_were_never_made_are_no_slices() -> None:
    for nothing in (_core.Slices.__new__(_core.Slices), None, 3.0):
        for call in (_core.surface_vol, _core.surface_variance):
            with pytest.raises(TypeError, match="slices must be Slices"):
                call(nothing, 0.0, None, None, 0.1, None)  # type: ignore[arg-type]


def test_surfaces_cannot_be_changed_and_can_be_copied() -> None:
    s = surface_of("sabr")
    with pytest.raises(ValueError, match="read-only"):
        s.parameters[0, 0] = 1.0
    for other in (copy.deepcopy(s), pickle.loads(pickle.dumps(s))):
        assert other.vol_at(0.1, 0.3) == s.vol_at(0.1, 0.3)


def test_sabr_slices_are_the_vols_of_the_module() -> None:
    s = surface_of("sabr")
    strike = np.linspace(40, 250, 43)
    for i, (alpha, beta, nu, rho) in enumerate(SLICES["sabr"]):
        direct = sabr.vol(
            strike, forward=FORWARD[i], expiry=EXPIRY[i], alpha=alpha, beta=beta, nu=nu, rho=rho
        )
        np.testing.assert_allclose(s.vol(strike, EXPIRY[i]), direct, rtol=1e-12)
