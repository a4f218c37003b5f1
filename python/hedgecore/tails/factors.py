"""Risk factors: spot returns and vol changes by coin, their joint covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.tails.moves import Moves

Array = npt.NDArray[Any]
WHATS: Final = ("spot", "vol", "skew", "curvature")


@dataclass(frozen=True, eq=False)
class Covariance:
    """Of factors named ``BTC_spot`` (relative move), ``BTC_vol`` (absolute change, 0.01 is one vol point), ... over a horizon.

    ``BTC_skew`` and ``BTC_curvature`` twist the smile, as of :func:`hedgecore.scenarios.book_scenarios`; the hedge of least variance knows
    them (:func:`hedgecore.hedging.optimise.least_variance`).

    Raises
    ------
    ValueError
        For names that are no factors or stand twice, a matrix of another shape, with numbers that are not finite, not symmetric
        or with a negative eigenvalue.
    """

    factors: tuple[str, ...]
    matrix: Array

    def __post_init__(self) -> None:
        matrix = np.array(self.matrix, np.float64)
        n = len(self.factors)
        for name in self.factors:
            coin, _, what = name.rpartition("_")
            if not coin or what not in WHATS:
                said = ", ".join(f"<coin>_{one}" for one in WHATS)
                raise ValueError(f"factor {name!r} must be one of {said}")
        if len(set(self.factors)) < n:
            raise ValueError(f"a factor stands twice in {', '.join(self.factors)}")
        if matrix.shape != (n, n):
            raise ValueError(f"matrix of shape {matrix.shape} for {n} factors")
        if not np.isfinite(matrix).all():
            i, j = np.argwhere(~np.isfinite(matrix))[0]
            raise ValueError(f"matrix[{i}, {j}] = {matrix[i, j]} must be finite")
        size = np.sqrt(np.abs(np.diag(matrix)))
        if (np.abs(matrix - matrix.T) > 1e-9 * np.outer(size, size)).any():
            raise ValueError("matrix must be symmetric")
        negative = np.flatnonzero(np.diag(matrix) < 0)
        if negative.size:
            name = self.factors[negative[0]]
            raise ValueError(f"variance of {name} = {matrix[negative[0], negative[0]]} is negative")
        unit = np.where(size > 0, size, 1.0)
        least = float(np.linalg.eigvalsh(matrix / np.outer(unit, unit)).min(initial=0.0))
        if least < -1e-9:
            raise ValueError(f"the correlations have an eigenvalue of {least:.3g}: no covariance")
        matrix.setflags(write=False)
        object.__setattr__(self, "factors", tuple(self.factors))
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def of(
        cls, deviations: dict[str, float], correlations: dict[tuple[str, str], float] | None = None
    ) -> Covariance:
        """Make one of standard deviations by factor, and correlations of pairs (0 where not given)."""
        names = tuple(deviations)
        matrix = np.eye(len(names))
        for (one, other), value in (correlations or {}).items():
            for name in (one, other):
                if name not in deviations:
                    raise ValueError(f"correlations: no deviation of {name!r} is given")
            i, j = names.index(one), names.index(other)
            matrix[i, j] = matrix[j, i] = value
        size = np.array(list(deviations.values()), np.float64)
        return cls(names, matrix * np.outer(size, size))

    @property
    def deviation(self) -> Array:
        """Standard deviation of each factor."""
        deviation: Array = np.sqrt(np.diag(self.matrix))
        return deviation

    @property
    def correlation(self) -> Array:
        """Correlations; 0 with a factor that does not move."""
        size = self.deviation
        unit = np.where(size > 0, size, np.inf)
        correlation: Array = self.matrix / np.outer(unit, unit)
        return correlation + np.diag((size == 0).astype(np.float64))

    def times(self, factor: float) -> Covariance:
        """Return the covariance times a factor: of independent moves, over so many horizons."""
        if not 0 < factor < np.inf:
            raise ValueError(f"factor = {factor} must be positive")
        return Covariance(self.factors, self.matrix * factor)

    def taken(self, factors: Sequence[str]) -> Covariance:
        """Return that of some of the factors."""
        for name in factors:
            if name not in self.factors:
                raise ValueError(
                    f"no covariance of {name}; there is that of {', '.join(self.factors)}"
                )
        rows = [self.factors.index(name) for name in factors]
        return Covariance(tuple(factors), self.matrix[np.ix_(rows, rows)])

    def __repr__(self) -> str:
        from hedgecore.frames import text_table

        columns: dict[str, Any] = {"factor": np.array(self.factors), "deviation": self.deviation}
        correlation = self.correlation
        columns |= {name: correlation[:, i] for i, name in enumerate(self.factors)}
        return f"Covariance: deviations and correlations\n{text_table(columns)}"


def covariance(moves: Moves, *, decay: float | None = None, mean: bool = False) -> Covariance:
    """Return the weighted covariance of moves, around zero unless ``mean``.

    Parameters
    ----------
    moves
        With absolute vol changes (``vol_change="absolute"``), over the horizon wanted.
    decay
        With it the moves weigh 1, d, d^2, ... from the latest back (EWMA; RiskMetrics 1996), times their own
        weights; d = decay^(1 / overlap), so that ``decay`` is for each horizon of time whether moves overlap or not.
    mean
        Whether the mean is taken off (and the number of moves reduced by one).
    """
    if moves.vol and moves.vol_change != "absolute":
        raise ValueError('the covariance is of absolute vol changes: moves(vol_change="absolute")')
    if len(moves) < 2:
        raise ValueError(f"a covariance needs at least 2 moves, not {len(moves)}")
    columns = {f"{coin}_spot": x for coin, x in moves.spot.items()}
    columns |= {f"{coin}_vol": x for coin, x in moves.vol.items()}
    x = np.array(list(columns.values()))
    weight = moves.weight
    if decay is not None:
        if not 0 < decay < 1:
            raise ValueError(f"decay = {decay} must be between 0 and 1")
        weight = weight * decay ** (np.arange(len(moves))[::-1] / moves.overlap)
    weight = weight / weight.sum()
    lost = 0.0
    if mean:
        x = x - (x @ weight)[:, None]
        lost = float((weight**2).sum())
    matrix = (x * weight) @ x.T / (1 - lost)
    return Covariance(tuple(columns), (matrix + matrix.T) / 2)
