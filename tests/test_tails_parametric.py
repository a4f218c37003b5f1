"""Quadratic forms of normals and the parametric measures of a book."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hedgecore as hc
from hedgecore.scenarios import Nodes
from hedgecore.tails import Covariance, QuadraticForm, parametric, simulate
from test_scenarios import book, market

stats = pytest.importorskip("scipy.stats")
integrate = pytest.importorskip("scipy.integrate")

FACTORS = ("BTC_spot", "ETH_spot", "BTC_vol", "ETH_vol")


def form(constant: float, linear: Any, square: Any) -> QuadraticForm:
    return QuadraticForm(constant, np.array(linear, float), np.array(square, float))


def small() -> Covariance:
    return Covariance.of(
        dict(zip(FACTORS, (0.03, 0.04, 0.03, 0.025), strict=True)),
        {("BTC_spot", "ETH_spot"): 0.9, ("BTC_spot", "BTC_vol"): -0.6, ("BTC_vol", "ETH_vol"): 0.8,
         ("ETH_spot", "ETH_vol"): -0.5, ("ETH_spot", "BTC_vol"): -0.5, ("BTC_spot", "ETH_vol"): -0.55},
    )  # fmt: skip


# --- the distribution


@pytest.mark.parametrize("p", [1e-8, 0.001, 0.025, 0.3, 0.5, 0.9, 0.9999])
def test_linear_form_is_normal(p: float) -> None:
    q = form(3.0, [4.0, 3.0], [0.0, 0.0])
    x = stats.norm.ppf(p, 3.0, 5.0)
    assert q.cdf(x) == pytest.approx(p, rel=1e-9)
    assert q.quantile(p) == pytest.approx(x, abs=1e-8)
    at_risk, shortfall = q.tail(1 - p)
    assert at_risk == pytest.approx(-x, abs=1e-7)
    z = stats.norm.ppf(p)
    assert shortfall == pytest.approx(-3 + 5 * stats.norm.pdf(z) / p, rel=1e-6)


@pytest.mark.parametrize("square", [2.0, -2.0, 0.05, -50.0])
@pytest.mark.parametrize("shift", [0.0, 0.7, 4.0])
@pytest.mark.parametrize("p", [1e-4, 0.01, 0.2, 0.6, 0.99])
def test_one_square_is_noncentral_chi_square(square: float, shift: float, p: float) -> None:
    """square / 2 (y + shift)^2, less its constant: scipy.stats.ncx2 (chi2 without shift)."""
    q = form(square * shift**2 / 2, [square * shift], [square])
    law = stats.ncx2(1, shift**2) if shift else stats.chi2(1)
    x = square / 2 * (law.ppf(p) if square > 0 else law.isf(p))
    assert q.cdf(x) == pytest.approx(p, rel=2e-7)
    assert q.quantile(p) == pytest.approx(x, rel=1e-5, abs=1e-7 * abs(square))


def test_nothing_lies_beyond_the_bound_of_squares() -> None:
    long_gamma = form(-1.0, [0.5], [2.0])
    assert long_gamma.cdf(-1.0 - 0.0625 - 1e-9) == 0
    assert long_gamma.cdf(-1.0) > 0
    assert form(-1.0, [0.5], [-2.0]).cdf(-1.0 + 0.0625 + 1e-9) == 1
    assert form(2.0, [0.0], [0.0]).tail(0.99) == (-2.0, -2.0)


@settings(max_examples=50)
@given(
    parts=st.lists(st.tuples(st.floats(-2, 2), st.floats(-2, 2)), min_size=1, max_size=5).filter(
        lambda parts: sum(b**2 + lam**2 for b, lam in parts) > 0.01
    ),
    u=st.floats(-2.5, 2.5),
)
def test_mirror_density_and_partial_expectation(parts: list[tuple[float, float]], u: float) -> None:
    """P(Q <= x) + P(-Q <= -x) = 1; the partial expectation has the distribution as its slope."""
    b, lam = (np.array(column) for column in zip(*parts, strict=True))
    q, mirror = form(0.3, b, lam), form(-0.3, -b, -lam)
    x = float(q.cumulants(1)[0] + u * q.deviation)
    assert q.cdf(x) + mirror.cdf(-x) == pytest.approx(1, abs=1e-8)
    edges = np.linspace(x, x + 0.2 * q.deviation, 11)
    heights = [q.cdf(edge) for edge in edges]
    assert (np.diff(heights) >= -1e-9).all()
    rise = q.shortfall_below(float(edges[-1])) - q.shortfall_below(x)
    # a square alone has a density without bound at its edge
    assert rise == pytest.approx(integrate.trapezoid(heights, edges), abs=2e-2 * q.deviation)
    mean = q.shortfall_below(x) - mirror.shortfall_below(-x)
    assert mean == pytest.approx(x - q.cumulants(1)[0], abs=1e-7 * q.deviation)


@pytest.mark.parametrize(
    ("linear", "square"),
    [
        ([1.0, 0.5, 0.2, 0.1], [-1.5, 0.4, 0.05, -0.01]),
        ([0.3, 0.8], [2.0, -1.0]),
        ([0.0, 0.0, 0.0], [-1.0, -1.0, -1.0]),
        ([1.0, 0.2, 0.0], [1e-9, -0.1, 3.0]),
        ([5.0, 0.01], [0.01, -8.0]),
        ([0.47, 0.005, 2e-8], [-0.44, 1.17, -5e-8]),  # squares of many sizes
        ([0.26, 0.005], [5e-9, -1.4]),
    ],
)
def test_mixed_forms_beside_monte_carlo(linear: list[float], square: list[float]) -> None:
    q = form(0.5, linear, square)
    y = np.random.default_rng(0).standard_normal((1_000_000, len(linear)))
    sample = np.sort(0.5 + y @ q.linear + (y * y) @ q.square / 2)
    for level in (0.9, 0.975, 0.999):
        at_risk, shortfall = q.tail(level)
        n = round((1 - level) * len(sample))
        error = sample[:n].std() / np.sqrt(n) + np.sqrt(level / n) * (shortfall - at_risk)
        assert at_risk == pytest.approx(-sample[n], abs=5 * error + 1e-3 * q.deviation)
        assert shortfall == pytest.approx(-sample[:n].mean(), abs=5 * error)
        assert shortfall >= at_risk
    moments = q.cumulants()
    assert moments[0] == pytest.approx(sample.mean(), abs=5 * q.deviation / 1000)
    assert moments[1] == pytest.approx(sample.var(), rel=0.02)
    assert moments[2] / moments[1] ** 1.5 == pytest.approx(stats.skew(sample), rel=0.06, abs=0.02)
    assert moments[3] / moments[1] ** 2 == pytest.approx(stats.kurtosis(sample), rel=0.2, abs=0.03)


def test_sums_of_equal_squares_are_chi_square() -> None:
    q = form(0.0, [0.0] * 4, [2.0] * 4)
    for x in (1e-3, 0.5, 3.0, 12.0, 40.0):
        assert q.cdf(x) == pytest.approx(stats.chi2.cdf(x, 4), rel=1e-8)
        assert 1 - q.cdf(x) == pytest.approx(stats.chi2.sf(x, 4), abs=1e-9)


def test_cornish_fisher_near_the_normal() -> None:
    """Exact without curvature, close with a little of it, and its shortfall the mean of its quantiles."""
    plain = form(1.0, [2.0], [0.0])
    assert plain.cornish_fisher(0.975) == pytest.approx(plain.tail(0.975), rel=1e-9)
    bent = form(1.0, [2.0, 0.5], [-0.2, 0.1])
    assert bent.cornish_fisher(0.975) == pytest.approx(bent.tail(0.975), rel=2e-3)
    levels = 0.975 + 0.025 * (np.arange(20_000) + 0.5) / 20_000
    quantiles = [bent.cornish_fisher(level)[0] for level in levels]
    assert bent.cornish_fisher(0.975)[1] == pytest.approx(np.mean(quantiles), rel=1e-4)


# --- a book


def test_the_expansion_has_the_greeks_of_the_book() -> None:
    risk = book().risk(market())
    fitted = parametric(book(), market(), small())
    assert fitted.factors == FACTORS
    table = risk.table()
    for coin in ("BTC", "ETH"):
        row = table["underlying"].tolist().index(coin)
        i, j = FACTORS.index(f"{coin}_spot"), FACTORS.index(f"{coin}_vol")
        index = market().index[coin]
        assert fitted.delta[i] == pytest.approx(table["usd_delta"][row] * index, rel=1e-7)
        assert fitted.delta[j] == pytest.approx(100 * table["vega_usd"][row], rel=1e-7)
        assert fitted.gamma[i, FACTORS.index("ETH_spot" if coin == "BTC" else "BTC_spot")] == 0
        options = book().scenarios(market(), spot=[-1e-4, 1e-4], measures=("vega_usd",))
        vegas = options.measure("vega_usd", coin).ravel()
        assert fitted.gamma[i, j] == pytest.approx(100 * np.diff(vegas)[0] / 2e-4, rel=1e-4)
    assert fitted.drift == 0


def test_linear_options_have_their_gamma() -> None:
    """USD gamma of linear options: d2V/dx2 = 100 times the delta gained per 1 % in USD."""
    options = hc.Book.from_frame(
        {
            "instrument": ["BTC_USDC-26JUN26-95000-P", "BTC_USDC-26JUN26-85000-C"],
            "quantity": [7, -3],
        }
    )
    fitted = parametric(options, market(), small())
    gamma = options.risk(market()).total_usd["gamma_usd_1pct"]
    assert fitted.gamma[0, 0] == pytest.approx(100 * gamma, rel=1e-6)
    theta = options.risk(market()).total_usd["theta_usd"]
    aged = parametric(options, market(), small(), horizon=0.24)
    assert aged.drift == pytest.approx(theta / 100, rel=1e-3)
    assert aged.delta == pytest.approx(fitted.delta)


def test_small_moves_of_the_full_revaluation_are_those_of_the_expansion() -> None:
    fitted = parametric(book(), market(), small())
    moves = np.random.default_rng(0).uniform(-0.002, 0.002, (50, 4))
    nodes = Nodes.of(spot=dict(zip(("BTC", "ETH"), moves.T[:2], strict=True)),
                     vol=dict(zip(("BTC", "ETH"), moves.T[2:], strict=True)))  # fmt: skip
    pnl = book().scenarios(market(), nodes=nodes).pnl()
    assert fitted.pnl(moves) == pytest.approx(pnl, rel=1e-3, abs=1e-4 * np.abs(pnl).max())


def test_measures_beside_monte_carlo_and_full_revaluation() -> None:
    covariance = small().times(0.25)
    fitted = parametric(book(), market(), covariance)
    draws = np.random.default_rng(1).multivariate_normal(np.zeros(4), covariance.matrix, 200_000)
    sample = np.sort(fitted.pnl(draws))
    at_risk, shortfall = fitted.tail(0.975)
    assert at_risk == pytest.approx(-sample[5000], rel=0.02)
    assert shortfall == pytest.approx(-sample[:5000].mean(), rel=0.02)
    full = simulate(book(), market(), draws[:20_000], columns=FACTORS).tail(0.975)
    assert shortfall == pytest.approx(full.expected_shortfall, rel=0.1)
    plain = fitted.tail(0.975, "delta_normal")
    size = np.sqrt(fitted.delta @ covariance.matrix @ fitted.delta)
    assert plain[0] == pytest.approx(stats.norm.ppf(0.975) * size)
    table = fitted.table([0.95, 0.99])
    assert table["method"].tolist() == ["exact", "cornish_fisher", "delta_normal"] * 2
    assert "DeltaGamma" in repr(fitted)


def test_factors_that_are_missing_or_still() -> None:
    spots = small().taken(["BTC_spot", "ETH_spot"])
    with pytest.raises(ValueError, match="no BTC_vol; there are BTC_spot, ETH_spot; still_vols"):
        parametric(book(), market(), spots)
    still = parametric(book(), market(), spots, still_vols=True)
    assert still.factors == ("BTC_spot", "ETH_spot")
    with pytest.raises(ValueError, match="the covariance has no ETH_spot"):
        parametric(book(), market(), small().taken(["BTC_spot", "BTC_vol"]))
    here = market(vols=lambda _, __, strike, ___: np.where(strike == 100_000, np.nan, 0.5))
    lacking = parametric(book(), here, spots, still_vols=True)
    assert lacking.left_out == ("BTC-25DEC26-100000-C",)
    assert "cannot value: BTC-25DEC26-100000-C" in repr(lacking)
    assert still.left_out == ()
    assert "cannot value" not in repr(still)
    with pytest.raises(ValueError, match="method must be one of"):
        still.tail(0.9, "normal")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="horizon must be a number of hours, not '1d'"):
        parametric(book(), market(), small(), horizon="1d")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="horizon = -1 must be hours"):
        parametric(book(), market(), small(), horizon=-1)


@pytest.mark.parametrize(
    ("factors", "matrix", "text"),
    [
        (("BTC",), [[1.0]], "factor 'BTC' must be one of <coin>_spot, <coin>_vol"),
        (("BTC_spot", "BTC_spot"), np.eye(2), "stands twice"),
        (("BTC_spot",), np.eye(2), r"matrix of shape \(2, 2\) for 1 factors"),
        (("BTC_spot", "BTC_vol"), [[1, 0.5], [0.2, 1]], "must be symmetric"),
        (("BTC_spot", "BTC_vol"), [[1, 2], [2, 1]], "eigenvalue of -1"),
        (("BTC_spot",), [[-1.0]], "variance of BTC_spot = -1.0 is negative"),
        (("BTC_spot",), [[np.nan]], r"matrix\[0, 0\] = nan must be finite"),
    ],
)
def test_clear_errors_of_covariances(factors: Any, matrix: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Covariance(factors, np.array(matrix, float))
