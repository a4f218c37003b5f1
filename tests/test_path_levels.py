"""Levels beside the prices: funding rates and gas prices, from their own random numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hedgecore.paths import (
    GBM,
    Bootstrap,
    MeanReverting,
    funding_rate,
    gas_price,
    normals,
    simulate,
    uniforms,
)
from path_models import within

RUN: dict[str, Any] = {"n_paths": 400, "n_steps": 300, "horizon": 300 / 8760, "seed": 4, "every": 1}


def test_a_level_is_an_exact_ornstein_uhlenbeck_process() -> None:
    process = MeanReverting(mean=2.0, reversion=30.0, vol=1.5, start=3.0, correlation=-0.6)
    run = simulate(
        GBM(vol=0.5), **RUN, levels={"other": gas_price(median=1, std=1, half_life=1), "x": process}
    )
    h = RUN["horizon"] / 300
    keep, noise = math.exp(-30 * h), 1.5 * math.sqrt(-math.expm1(-60 * h) / 60)
    z, price = normals(4, 400, 300, stream=6 + 256), normals(4, 400, 300, stream=0)
    x = np.full(400, 3.0)
    for k in range(301):
        np.testing.assert_allclose(run.levels["x"][:, k], x, rtol=1e-12, atol=1e-12)
        if k < 300:
            x = 2 + keep * (x - 2) + noise * (0.8 * z[:, k] - 0.6 * price[:, k])


def test_funding_rate() -> None:
    """The formula of the venue on an AR(1); long-run deviation, half-life and cap."""
    hour = 1 / 8760
    wide = funding_rate(premium=0.0002, std=0.0004, half_life=8 * hour, band=0.0, cap=1.0)
    run = simulate(
        GBM(vol=0.5),
        n_paths=4000,
        n_steps=300,
        horizon=300 * hour,
        seed=3,
        every=1,
        levels={"f": wide},
    )
    premium = run.levels["f"]
    within(premium[:, -1], 0.0002)
    within((premium[:, -1] - 0.0002) ** 2, 0.0004**2)
    lagged = np.corrcoef(premium[:, 250], premium[:, 258])[0, 1]
    assert abs(lagged - 0.5) < 4.5 * 0.75 / math.sqrt(4000)
    venue = funding_rate(premium=0.0002, std=0.0004, half_life=8 * hour, band=0.0005, cap=0.001)
    rate = simulate(
        GBM(vol=0.5),
        n_paths=4000,
        n_steps=300,
        horizon=300 * hour,
        seed=3,
        every=1,
        levels={"f": venue},
    ).levels["f"]
    expected = np.clip(premium + np.clip(0.0001 - premium, -0.0005, 0.0005), -0.001, 0.001)
    np.testing.assert_allclose(rate, expected, atol=1e-18)
    assert 0.5 < (rate == 0.0001).mean() < 0.95
    assert abs(rate).max() <= 0.001


def test_gas_price() -> None:
    hour = 1 / 8760
    calm = gas_price(median=20, std=0.5, half_life=12 * hour, start=30)
    wild = gas_price(
        median=20, std=0.5, half_life=12 * hour, start=30, spike_rate=200, spike_size=1.2, high=5000
    )
    paths = [
        simulate(
            GBM(vol=0.5),
            n_paths=2000,
            n_steps=200,
            horizon=200 * hour,
            seed=3,
            every=1,
            levels={"gas": level},
        ).levels["gas"]
        for level in (calm, wild)
    ]
    np.testing.assert_allclose(paths[0][:, 0], 30, rtol=1e-15)
    x = np.log(paths[0][:, -1] / 20)
    within(x, 0.0)
    within(x**2, 0.25)
    excess = np.log(paths[1] / paths[0])
    u = uniforms(3, 2000, 200, stream=7)
    share = -math.expm1(-200 * hour)
    spikes = np.where(u < share, -1.2 * np.log(np.minimum(u / share, 1)), 0)
    state = np.zeros(2000)
    for k in range(200):
        state = state / 2 + spikes[:, k]
        below = paths[1][:, k + 1] < 5000
        np.testing.assert_allclose(excess[below, k + 1], state[below], atol=1e-12)
    within(spikes[u < share], 1.2)


def test_bad_levels() -> None:
    for process, message in (
        (MeanReverting(mean=0, reversion=-1, vol=1), "process 0: reversion = -1 must be"),
        (
            MeanReverting(mean=0, reversion=1, vol=1, low=2, high=1),
            "process 0: low = 2 must be at most high",
        ),
        (
            MeanReverting(mean=0, reversion=1, vol=1, correlation=2),
            "process 0: correlation = 2 must be",
        ),
        (MeanReverting(mean=0, reversion=1, vol=1, logarithmic=True, band=1), "band = 1 must be 0"),
    ):
        with pytest.raises(ValueError, match=message):
            simulate(GBM(vol=1), **RUN, levels={"x": process})
    with pytest.raises(ValueError, match="only prices of a diffusion"):
        simulate(
            Bootstrap([0.01, -0.02, 0.01], block=2),
            **RUN,
            levels={"x": MeanReverting(mean=0, reversion=1, vol=1, correlation=0.5)},
        )
    with pytest.raises(ValueError, match="half_life = 0 must be positive"):
        gas_price(median=1, std=1, half_life=0)
    with pytest.raises(TypeError, match="levels: 'x' must be a MeanReverting"):
        simulate(GBM(vol=1), **RUN, levels={"x": 3})  # type: ignore[dict-item]
    process = gas_price(median=1, std=1, half_life=1)
    with pytest.raises(ValueError, match="there may be 8 levels, not 9"):
        simulate(GBM(vol=1), **RUN, levels={str(k): process for k in range(9)})
