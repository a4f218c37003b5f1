"""Diffusions: published prices, martingales and moments within 4.5 standard errors, the schemes number by number.

Seeds are fixed, so that what passes once passes always.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import reference_rows
from hedgecore.paths import (
    GBM,
    Bates,
    Correlated,
    Heston,
    Kou,
    Merton,
    gas_price,
    normals,
    simulate,
    uniforms,
)
from path_models import ERRORS, MODELS, FloatArray, same, terminal, within

# --- published prices ------------------------------------------------------------------------------------------------


def test_kou_price() -> None:
    """hedging-science: 9.14732 by Fourier cosines; one step or many."""
    model = Kou(vol=0.16, intensity=1, up_share=0.4, up_rate=10, down_rate=5)
    for n_steps in (1, 12):
        s = terminal(model, 400_000, n_steps, 0.5, drift=0.05)
        within(math.exp(-0.025) * np.maximum(s - 98, 0), 9.14732)


ANDERSEN = {
    "I": (Heston(v0=0.04, kappa=0.5, theta=0.04, xi=1.0, rho=-0.9), 10, (35.8498, 13.0847, 0.2958)),
    "II": (
        Heston(v0=0.04, kappa=0.3, theta=0.04, xi=0.9, rho=-0.5),
        15,
        (37.1697, 16.6492, 5.1382),
    ),
    "III": (
        Heston(v0=0.09, kappa=1.0, theta=0.09, xi=1.0, rho=-0.3),
        5,
        (38.7720, 21.7953, 9.9831),
    ),
}


@pytest.mark.parametrize("case", ANDERSEN)
def test_heston_prices(case: str) -> None:
    """Andersen's three cases in steps of a quarter, 200,000 paths: within three standard errors."""
    model, years, prices = ANDERSEN[case]
    s = terminal(model, 200_000, 4 * years, years)
    for strike, price in zip((70, 100, 140), prices, strict=True):
        payoff = np.maximum(s - strike, 0)
        assert abs(payoff.mean() - price) < 3 * payoff.std() / math.sqrt(len(s))


def test_merton_prices(shared: Path) -> None:
    """Haug's table, printed to a cent; one path for each of its 54 rows' laws."""
    for row in reference_rows(shared, "merton_jump.csv"):
        t, rate, total = float(row["t"]), float(row["r"]), float(row["sigma_total"])
        intensity, share = float(row["lambda"]), float(row["gamma"])
        std = math.sqrt(share * total**2 / intensity)
        model = Merton(
            vol=total * math.sqrt(1 - share),
            intensity=intensity,
            jump_mean=-(std**2) / 2,
            jump_std=std,
        )
        s = terminal(model, 40_000, 1, t, spot=float(row["spot"]), drift=rate - float(row["q"]))
        assert row["type"] == "call"
        payoff = math.exp(-rate * t) * np.maximum(s - float(row["strike"]), 0)
        within(payoff, float(row["price"]), float(row["tol"]))


def test_heston_and_bates_prices(shared: Path) -> None:
    """Fourier integrals of 30 digits; the step is a twentieth of the time or a week."""
    laws: dict[Any, list[dict[str, str]]] = {}
    for row in reference_rows(shared, "sv_jump_generated.csv"):
        if float(row["mu_v"]) == 0:  # jumps of the variance are no model here
            names = (
                "T",
                "r",
                "q",
                "v0",
                "kappa",
                "theta",
                "sigma_v",
                "rho",
                "lambda",
                "mu_s",
                "sigma_s",
            )
            laws.setdefault(tuple(row[name] for name in names), []).append(row)
    assert len(laws) >= 10
    for (t, r, q, v0, kappa, theta, xi, rho, intensity, mean, std), rows in laws.items():
        top, _, bottom = t.partition("/")
        years, rate, carry = float(top) / float(bottom or 1), float(r), float(r) - float(q)
        heston = {
            "v0": float(v0),
            "kappa": float(kappa),
            "theta": float(theta),
            "xi": float(xi),
            "rho": float(rho),
        }
        model: Any = Heston(**heston)
        if float(intensity):
            model = Bates(
                **heston, intensity=float(intensity), jump_mean=float(mean), jump_std=float(std)
            )
        n_steps = max(20, round(52 * years))
        s = terminal(model, 30_000, n_steps, years, spot=float(rows[0]["S"]), drift=carry)
        for row in rows:
            for sign, price in ((1, row["call"]), (-1, row["put"])):
                payoff = math.exp(-rate * years) * np.maximum(sign * (s - float(row["K"])), 0)
                if (payoff > 0).sum() > 200:  # else the error of the mean is no standard error
                    within(payoff, float(price))


# --- martingales and moments -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("drift", [0.0, 0.3])
def test_expectation(name: str, drift: float) -> None:
    """E[S_t] = S_0 exp(drift t) at every time, in long steps and short ones."""
    for n_steps, horizon in ((4, 0.5), (40, 0.25)):
        run = simulate(
            MODELS[name], n_paths=40_000, n_steps=n_steps, horizon=horizon, spot=50.0, drift=drift, seed=3,
            every=n_steps // 4,
        )  # fmt: skip
        assert run.spot is not None
        spots = run.spot if run.spot.ndim == 3 else run.spot[None]
        for asset in spots:
            assert (asset[:, 0] == asset[0, 0]).all()
            assert asset[0, 0] == pytest.approx(50.0, rel=1e-15)
            for k in range(1, 5):
                within(asset[:, k], 50.0 * math.exp(drift * run.times[k]))


def test_gbm_is_the_sum_of_its_normals() -> None:
    vol, drift, n_steps, horizon = 0.8, 0.1, 37, 0.3
    h = horizon / n_steps
    run = simulate(
        GBM(vol=vol), n_paths=300, n_steps=n_steps, horizon=horizon, drift=drift, seed=11, every=1
    )
    z = normals(11, 300, n_steps, stream=0)
    path = np.cumsum((drift - vol**2 / 2) * h + vol * math.sqrt(h) * z, axis=1)
    assert run.spot is not None
    np.testing.assert_allclose(run.spot[:, 1:], 100 * np.exp(path), rtol=1e-13)
    assert (run.vol == vol).all()


def test_jumps_are_counted_exactly() -> None:
    """Kou's log return without a diffusion is zero with probability exp(-intensity h), and Merton's jumps have their moments."""
    h = 0.25
    for intensity in (0.5, 6.0, 300.0):
        s = terminal(Merton(vol=0, intensity=intensity, jump_mean=0.0, jump_std=0.0), 1000, 1, h)
        assert (s == s[0]).all()
        mean, std = 0.02, 0.01
        x = np.log(
            terminal(
                Merton(vol=0, intensity=intensity, jump_mean=mean, jump_std=std), 100_000, 1, h
            )
            / 100
        )
        x += intensity * h * math.expm1(mean + std**2 / 2)
        expected = intensity * h
        within(x, expected * mean)
        within((x - expected * mean) ** 2, expected * (mean**2 + std**2))
        if intensity < 100:
            within((np.abs(x) < 1e-12).astype(float), math.exp(-expected))


def test_kou_is_its_uniforms() -> None:
    """Count and sizes by inversion, from the streams the documentation names."""
    model = Kou(vol=0, intensity=2.0, up_share=0.3, up_rate=8, down_rate=4)
    n, h = 5000, 0.5
    u = uniforms(20261127, n, 1, stream=2)[:, 0]
    below = np.cumsum([math.exp(-1) / math.factorial(k) for k in range(20)])
    counts = (u[:, None] > below).sum(axis=1)
    x = np.zeros(n)
    for k in range(counts.max()):
        v = uniforms(20261127, n, 1, stream=3 + 65536 * k)[:, 0]
        jump = np.where(v < 0.7, np.log(v / 0.7) / 4, -np.log((1 - v) / 0.3) / 8)
        x += np.where(counts > k, jump, 0)
    mean = 0.3 * 8 / 7 + 0.7 * 4 / 5 - 1
    np.testing.assert_allclose(
        np.log(terminal(model, n, 1, h) / 100), x - 2.0 * mean * h, rtol=1e-12, atol=1e-12
    )


def test_heston_variance_moments() -> None:
    """The scheme keeps mean and variance of v exactly, step after step (Andersen 2008)."""
    m: Any = MODELS["heston"]
    horizon = 0.75
    for n_steps in (1, 3, 30):
        v = simulate(m, n_paths=100_000, n_steps=n_steps, horizon=horizon, seed=2).variance
        assert v is not None
        assert (v >= 0).all()
        e = math.exp(-m.kappa * horizon)
        mean = m.theta + (m.v0 - m.theta) * e
        var = m.v0 * m.xi**2 * e * (1 - e) / m.kappa + m.theta * m.xi**2 * (1 - e) ** 2 / (
            2 * m.kappa
        )
        within(v[:, 0], mean)
        within((v[:, 0] - mean) ** 2, var)


def qe_step(
    m: Heston, h: float, x: float, v: float, zv: float, uv: float, z: float
) -> tuple[float, float]:
    """One step of QE-M as the paper writes it, with plain functions."""
    e = math.exp(-m.kappa * h)
    mean = m.theta + (v - m.theta) * e
    square = v * m.xi**2 * e * (1 - e) / m.kappa + m.theta * m.xi**2 * (1 - e) ** 2 / (2 * m.kappa)
    psi = square / mean**2
    k1 = h / 2 * (m.kappa * m.rho / m.xi - 0.5) - m.rho / m.xi
    k2 = h / 2 * (m.kappa * m.rho / m.xi - 0.5) + m.rho / m.xi
    k3 = k4 = h / 2 * (1 - m.rho**2)
    a_ = k2 + k4 / 2
    if psi <= 1.5:
        b2 = 2 / psi - 1 + math.sqrt(2 / psi) * math.sqrt(2 / psi - 1)
        a = mean / (1 + b2)
        w = a * (math.sqrt(b2) + zv) ** 2
        k0 = -a_ * b2 * a / (1 - 2 * a_ * a) + math.log(1 - 2 * a_ * a) / 2
    else:
        p = (psi - 1) / (psi + 1)
        beta = (1 - p) / mean
        w = 0.0 if uv <= p else math.log((1 - p) / (1 - uv)) / beta
        k0 = -math.log(p + beta * (1 - p) / (beta - a_))
    k0 -= (k1 + k3 / 2) * v
    return x + k0 + k1 * v + k2 * w + math.sqrt(k3 * v + k4 * w) * z, w


@pytest.mark.parametrize("case", ["I", "III", "inverse leverage"])
def test_heston_is_the_scheme_step_by_step(case: str) -> None:
    """Both branches of the scheme, from the numbers of its two streams."""
    model = ANDERSEN[case][0] if case in ANDERSEN else MODELS[case]
    n, n_steps, horizon = 40, 12, 3.0 if case in ANDERSEN else 0.5
    run = simulate(model, n_paths=n, n_steps=n_steps, horizon=horizon, seed=8, every=1)
    assert run.spot is not None
    assert run.variance is not None
    z, zv, uv = (f(8, n, n_steps, stream=s) for f, s in ((normals, 0), (normals, 1), (uniforms, 1)))
    zeros = 0
    for i in range(n):
        x, v = math.log(100), model.v0
        for k in range(n_steps):
            x, v = qe_step(model, horizon / n_steps, x, v, zv[i, k], uv[i, k], z[i, k])
            assert run.spot[i, k + 1] == pytest.approx(math.exp(x), rel=1e-11)
            assert run.variance[i, k + 1] == pytest.approx(v, rel=1e-11, abs=1e-15)
            zeros += v == 0
    assert zeros > 0 or case == "inverse leverage"


# --- several assets --------------------------------------------------------------------------------------------------


def log_steps(
    model: Any, n_paths: int = 2000, n_steps: int = 50, horizon: float = 0.2
) -> FloatArray:
    """(assets, paths, steps)"""
    run = simulate(
        model, n_paths=n_paths, n_steps=n_steps, horizon=horizon, seed=5, every=1, keep=("spot",)
    )
    assert run.spot is not None
    return np.diff(np.log(run.spot), axis=2)


def assert_correlation(a: FloatArray, b: FloatArray, expected: float, slack: float = 0.0) -> None:
    got = np.corrcoef(a.ravel(), b.ravel())[0, 1]
    assert abs(got - expected) < ERRORS * (1 - expected**2) / math.sqrt(a.size) + slack, (
        got,
        expected,
    )


def test_correlation_of_prices() -> None:
    matrix = [[1, 0.85, -0.2], [0.85, 1, 0.1], [-0.2, 0.1, 1]]
    x = log_steps(Correlated([GBM(vol=0.5), GBM(vol=0.8), GBM(vol=1.0)], matrix))
    for i in range(3):
        for j in range(i):
            assert_correlation(x[i], x[j], matrix[i][j])


def test_an_asset_moves_as_it_does_alone() -> None:
    """The first one to the bit: its streams are its own, whatever stands beside it."""
    both = terminal(Correlated([MODELS["bates"], MODELS["kou"]], 0.8), 500, 20, 0.2)
    same(both[0], terminal(MODELS["bates"], 500, 20, 0.2))
    alone = terminal(MODELS["kou"], 100_000, 5, 0.2)
    beside = terminal(Correlated([MODELS["bates"], MODELS["kou"]], 0.8), 100_000, 5, 0.2)[1]
    for power in (1, 2):
        spread = math.hypot(*(np.log(s / 100).__pow__(power).std() for s in (alone, beside)))
        gap = (np.log(alone / 100) ** power).mean() - (np.log(beside / 100) ** power).mean()
        assert abs(gap) < ERRORS * spread / math.sqrt(len(alone))


def test_correlation_under_stochastic_variance() -> None:
    """Equal rho: prices and variances of two assets have the correlation, up to the terms of higher order in the step."""
    h: Any = Heston(v0=0.36, kappa=2, theta=0.36, xi=0.3, rho=-0.6)
    run = simulate(Correlated([h, h], 0.7), n_paths=4000, n_steps=60, horizon=0.1, seed=5, every=1)
    assert run.spot is not None
    assert run.variance is not None
    for x in (np.log(run.spot), run.variance):
        steps = np.diff(x, axis=2)
        assert_correlation(steps[0], steps[1], 0.7, 0.01)
    assert_correlation(np.diff(np.log(run.spot))[0], np.diff(run.variance)[0], -0.6, 0.01)


def test_perfect_and_singular_correlation() -> None:
    x = log_steps(Correlated([GBM(vol=0.5), GBM(vol=0.5)], 1.0), 100)
    np.testing.assert_allclose(x[0], x[1], rtol=0, atol=1e-13)
    # the third is a sum of the first two
    r = math.sqrt(0.5)
    x = log_steps(
        Correlated([GBM(vol=1), GBM(vol=1), GBM(vol=1)], [[1, 0, r], [0, 1, r], [r, r, 1]]), 100
    )
    shift = 0.5 * 0.2 / 50
    np.testing.assert_allclose(x[2] + shift, r * (x[0] + x[1] + 2 * shift), atol=1e-13)


def test_common_jumps() -> None:
    """Same times, same quantile; without them, independent."""
    a = Merton(vol=0.0, intensity=20, jump_mean=0.1, jump_std=0.02)
    b = Merton(vol=0.0, intensity=20, jump_mean=-0.2, jump_std=0.04)
    common = log_steps(Correlated([a, b], 0.0, common_jumps=True))
    drift = [-20 * math.expm1(m.jump_mean + m.jump_std**2 / 2) * 0.2 / 50 for m in (a, b)]
    jump = [x - d for x, d in zip(common, drift, strict=True)]
    jumped = np.abs(jump[0]) > 1e-9
    assert 0.05 < jumped.mean() < 0.1
    assert (jumped == (np.abs(jump[1]) > 1e-9)).all()
    counts = (2 * jump[0][jumped] - jump[1][jumped]) / 0.4  # of N jumps, 2 (0.1 N) + 0.2 N
    np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)
    assert set(np.rint(counts)) == {1, 2, 3}
    apart = log_steps(Correlated([a, b], 0.0))
    assert_correlation(apart[0], apart[1], 0.0)


def test_a_negative_spread_of_gas_prices_is_named() -> None:
    with pytest.raises(ValueError, match="std = -1 must be zero or positive"):
        gas_price(median=1.0, std=-1, half_life=0.01)
