"""Paths of each model, ns per step of a path, random numbers included; geometric Brownian motion beside numpy and numba.

Only the last time is kept.  What comes out is checked: E[S_T] = S_0 within five standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from hedgecore import paths

Array = npt.NDArray[np.float64]
STEPS, VOL = 250, 0.6
HORIZON = STEPS / 8760
JUMPS = {"intensity": 10.0, "jump_mean": -0.05, "jump_std": 0.1}
HESTON = {"v0": 0.36, "kappa": 2.0, "theta": 0.36, "xi": 1.2, "rho": -0.3}
HISTORY = np.random.default_rng(1).standard_t(4, (10_000, 2)) * 0.005
MODELS: dict[str, paths.models.Model] = {
    "GBM": paths.GBM(vol=VOL),
    "Merton": paths.Merton(vol=VOL, **JUMPS),
    "Kou": paths.Kou(vol=VOL, intensity=10, up_share=0.4, up_rate=15, down_rate=10),
    "Heston": paths.Heston(**HESTON),
    "Bates": paths.Bates(**HESTON, **JUMPS),
    "two correlated GBM": paths.Correlated([paths.GBM(vol=VOL)] * 2, 0.8),
    "two correlated Heston": paths.Correlated([paths.Heston(**HESTON)] * 2, 0.8),
    "bootstrap of one series": paths.Bootstrap(HISTORY[:, 0], block=1),
    "bootstrap of two series": paths.Bootstrap(HISTORY, block=1),
}


@pytest.fixture
def n_paths(request: pytest.FixtureRequest) -> int:
    """Few where nothing is timed."""
    timed = request.config.getoption("benchmark_enable")
    return 20_000 if timed else 2_000


def about(who: str, n_paths: int, threads: int) -> dict[str, Any]:
    return {"operation": "paths", "n": n_paths * STEPS, "who": who, "threads": threads}


def check(spot: Array) -> None:
    for asset in spot.reshape(-1, spot.shape[-1]):
        assert abs(asset.mean() - 100) < 5 * asset.std() / math.sqrt(len(asset))
        assert asset.std() > 5


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_model(measure: Callable[..., Any], n_paths: int, name: str, threads: int) -> None:
    run = measure(
        lambda: paths.simulate(
            MODELS[name], n_paths=n_paths, n_steps=STEPS, horizon=HORIZON, seed=1, keep=("spot",), threads=threads
        ),
        **about(name, n_paths, threads),
    )  # fmt: skip
    check(run.spot[..., 0])


def test_normals_alone(measure: Callable[..., Any], n_paths: int) -> None:
    z = measure(
        lambda: paths.normals(1, n_paths, STEPS, stream=0, threads=1),
        **about("normals alone, kept", n_paths, 1),
    )
    assert abs(z.mean()) < 5 / math.sqrt(z.size)


def test_numpy(measure: Callable[..., Any], n_paths: int) -> None:
    """Generator.standard_normal (PCG64, ziggurat) and a sum over steps, in pieces that stay in the cache."""

    def simulate() -> Array:
        rng = np.random.default_rng(1)
        spot = np.empty(n_paths)
        h = HORIZON / STEPS
        for i in range(0, n_paths, 500):
            z = rng.standard_normal((min(500, n_paths - i), STEPS))
            x = np.cumsum(-(VOL**2) / 2 * h + VOL * math.sqrt(h) * z, axis=1)
            spot[i : i + 500] = 100 * np.exp(x[:, -1])
        return spot

    check(measure(simulate, **about("GBM by numpy", n_paths, 1)))


def test_numba(measure: Callable[..., Any], n_paths: int) -> None:
    """The same path by path, compiled; its normals are numpy's."""
    numba = pytest.importorskip("numba")

    def simulate(n: int, steps: int, drift: float, diffusion: float) -> Array:
        np.random.seed(1)  # noqa: NPY002 - what numba knows
        spot = np.empty(n)
        for i in range(n):
            x = 0.0
            for _ in range(steps):
                x += drift + diffusion * np.random.standard_normal()  # noqa: NPY002
            spot[i] = 100 * math.exp(x)
        return spot

    compiled = numba.njit(simulate)
    h = HORIZON / STEPS
    arguments = (n_paths, STEPS, -(VOL**2) / 2 * h, VOL * math.sqrt(h))
    check(measure(lambda: compiled(*arguments), **about("GBM by numba", n_paths, 1)))
