"""Diffusions and jump diffusions.

Prices have E[S_t] = S_0 exp(drift t): the compensator of jumps is taken off, drift 0 is a martingale.
Times are years, vols per sqrt(year), variances and intensities per year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


class Model:
    """What :func:`hedgecore.paths.simulate` accepts: has a number of assets and says what the core needs."""

    #: whether spots and drifts of the call apply
    from_spot = True

    @property
    def n_assets(self) -> int:
        """How many prices a path has."""
        return 1

    @property
    def level_names(self) -> tuple[str, ...]:
        """The columns beside the prices."""
        return ()

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:
        """Return what the core needs; the step in years."""
        raise NotImplementedError


def _single(**fields: float) -> dict[str, Any]:
    return {"assets": [{"vol": 0.0, **fields}]}


@dataclass(frozen=True, kw_only=True)
class GBM(Model):
    """Geometric Brownian motion of that vol, exact for any step."""

    vol: float

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Model` says."""
        return _single(vol=self.vol)


@dataclass(frozen=True, kw_only=True)
class Merton(Model):
    """Geometric Brownian motion with normal jumps of the logarithm, exact for any step.

    ``intensity`` jumps a year, each normal with ``jump_mean`` and ``jump_std`` (Merton, "Option pricing when
    underlying stock returns are discontinuous", 1976).
    """

    vol: float
    intensity: float
    jump_mean: float
    jump_std: float

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Model` says."""
        return _single(**vars(self))


@dataclass(frozen=True, kw_only=True)
class Kou(Model):
    """Geometric Brownian motion with double exponential jumps of the logarithm, exact for any step.

    ``intensity`` jumps a year: with probability ``up_share`` up by an exponential of mean 1 / ``up_rate``, else down
    by one of mean 1 / ``down_rate``; up_rate > 1 (Kou, "A jump-diffusion model for option pricing", 2002).
    """

    vol: float
    intensity: float
    up_share: float
    up_rate: float
    down_rate: float

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Model` says."""
        return _single(**vars(self))


@dataclass(frozen=True, kw_only=True)
class Heston(Model):
    """Heston's stochastic variance, dv = kappa (theta - v) dt + xi sqrt(v) dW, by Andersen's scheme QE-M (2008).

    ``v0`` and ``theta`` are variances, ``rho`` is the correlation of price and variance.  The scheme is not exact:
    its bias falls with the step, and E[S] is kept exactly.  With rho > 0 and steps so long that this expectation may not exist,
    an error says so.
    """

    v0: float
    kappa: float
    theta: float
    xi: float
    rho: float

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Model` says."""
        return _single(**vars(self))


@dataclass(frozen=True, kw_only=True)
class Bates(Model):
    """:class:`Heston` with the jumps of :class:`Merton` (Bates, "Jumps and stochastic volatility", 1996)."""

    v0: float
    kappa: float
    theta: float
    xi: float
    rho: float
    intensity: float
    jump_mean: float
    jump_std: float

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Model` says."""
        return _single(**vars(self))


@dataclass(frozen=True)
class Correlated(Model):
    """Up to eight assets, each of its own model, with correlated Brownian motions.

    Parameters
    ----------
    models
        One for each asset: GBM, Merton, Kou, Heston or Bates.
    correlation
        A number for all pairs, or a matrix: symmetric, ones on its diagonal, positive semidefinite.  It correlates the
        motions of the prices and, by the same matrix, those of the variances; under Heston a price is rho times the latter
        and sqrt(1 - rho^2) times the former, so that assets of equal rho have this correlation.
    common_jumps
        Jumps come at the same times in every asset that has jumps (their intensities must be equal), each from its own law at
        the same quantile.  Otherwise they are independent.
    """

    models: Sequence[Model]
    correlation: float | npt.ArrayLike = 0.0
    common_jumps: bool = False

    @property
    def n_assets(self) -> int:
        """One for each model."""
        return len(self.models)

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:
        """As :class:`Model` says."""
        for model in self.models:
            if not isinstance(model, (GBM, Merton, Kou, Heston, Bates)):
                raise TypeError(f"models: {model!r} is none of GBM, Merton, Kou, Heston, Bates")
        n = len(self.models)
        matrix = np.asarray(self.correlation, np.float64)
        if matrix.ndim == 0:
            matrix = np.where(np.eye(n, dtype=bool), 1.0, float(matrix))
        if matrix.shape != (n, n):
            raise ValueError(
                f"correlation must be a number or of shape ({n}, {n}), not {matrix.shape}"
            )
        assets = [model.core(step, drift)["assets"][0] for model in self.models]
        return {
            "assets": assets,
            "correlation": matrix.ravel().tolist(),
            "common_jumps": bool(self.common_jumps),
        }
