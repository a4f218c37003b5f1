"""The models that the tests of paths simulate, and what they compare with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.paths import GBM, Bates, Correlated, Heston, Kou, Merton, simulate

FloatArray = npt.NDArray[np.float64]
ERRORS = 4.5  # standard errors

MODELS: dict[str, Any] = {
    "gbm": GBM(vol=0.7),
    "merton": Merton(vol=0.5, intensity=12, jump_mean=-0.04, jump_std=0.09),
    "kou": Kou(vol=0.5, intensity=30, up_share=0.4, up_rate=15, down_rate=10),
    "heston": Heston(v0=0.5, kappa=2, theta=0.36, xi=1.2, rho=-0.4),
    "inverse leverage": Heston(v0=0.5, kappa=2, theta=0.36, xi=1.2, rho=0.6),
    "bates": Bates(
        v0=0.5, kappa=2, theta=0.36, xi=1.2, rho=-0.4, intensity=12, jump_mean=-0.04, jump_std=0.09
    ),
}
PAIR = Correlated(
    [MODELS["bates"], MODELS["kou"], MODELS["gbm"]],
    [[1, 0.8, 0.5], [0.8, 1, 0.3], [0.5, 0.3, 1]],
)
MODELS["three"] = PAIR


def within(values: FloatArray, expected: float, slack: float = 0.0) -> None:
    """The mean lies within the standard errors of what is expected."""
    error = values.std() / math.sqrt(len(values))
    assert abs(values.mean() - expected) < ERRORS * error + slack, (values.mean(), expected, error)


def terminal(model: Any, n_paths: int, n_steps: int, horizon: float, **more: Any) -> FloatArray:
    got = simulate(
        model, n_paths=n_paths, n_steps=n_steps, horizon=horizon, **{"seed": 20261127, **more}
    ).spot
    assert got is not None
    return got[..., 0]


def same(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(np.asarray(a).view("u8"), np.asarray(b).view("u8"))
