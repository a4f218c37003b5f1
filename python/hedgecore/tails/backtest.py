"""Backtests of value at risk: are losses beyond it as frequent, and as scattered, as the level says?"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, log, sqrt

import numpy as np
import numpy.typing as npt

from hedgecore.scenarios.tail import check_level


@dataclass(frozen=True)
class Coverage:
    """Tests of a series of forecasts; made by :func:`coverage`.

    Attributes
    ----------
    level, days
        Of the forecasts, and how many there are.
    exceptions, expected
        Losses beyond the forecast, and how many were to be expected.
    frequency, frequency_p
        Kupiec's likelihood ratio, chi-square with 1 degree of freedom, and its p-value.
    independence, independence_p
        Christoffersen's: whether an exception makes one on the next day likelier; 1 degree of freedom.
    both, both_p
        Their sum, 2 degrees of freedom.
    """

    level: float
    days: int
    exceptions: int
    expected: float
    frequency: float
    frequency_p: float
    independence: float
    independence_p: float
    both: float
    both_p: float

    def __repr__(self) -> str:
        return (
            f"Coverage at {self.level:.4g}: {self.exceptions} exceptions in {self.days} days, "
            f"{self.expected:.4g} expected; p-values: frequency {self.frequency_p:.3g}, "
            f"independence {self.independence_p:.3g}, both {self.both_p:.3g}"
        )


def coverage(pnl: npt.ArrayLike, value_at_risk: npt.ArrayLike, level: float) -> Coverage:
    """Test forecasts of value at risk against what came.

    Sources: Kupiec (1995), Techniques for verifying the accuracy of risk measurement models; Christoffersen (1998),
    Evaluating interval forecasts.

    Parameters
    ----------
    pnl
        What came after each forecast, in the order of time, without overlap.
    value_at_risk
        The forecasts as positive losses; one number counts for all.
    level
        Of the forecasts.
    """
    check_level(level)
    came = np.asarray(pnl, np.float64)
    if came.ndim != 1 or len(came) < 2:
        raise ValueError(f"pnl must be a series of at least 2, not of shape {came.shape}")
    feared = np.asarray(value_at_risk, np.float64)
    if feared.ndim == 0:
        feared = np.full(len(came), feared)
    if feared.shape != came.shape:
        raise ValueError(f"value_at_risk of shape {feared.shape} for pnl of shape {came.shape}")
    for name, values in (("pnl", came), ("value_at_risk", feared)):
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise ValueError(f"{name}[{bad[0]}] = {values[bad[0]]} must be finite")
    hit = -came > feared
    n, x = len(hit), int(hit.sum())
    p = 1 - level
    frequency = 2 * (_likelihood(n - x, x, x / n) - _likelihood(n - x, x, p))
    before, after = hit[:-1], hit[1:]
    count = [[int(((before == i) & (after == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    (n00, n01), (n10, n11) = count
    free = _likelihood(n00, n01, _share(n00, n01)) + _likelihood(n10, n11, _share(n10, n11))
    tied = _likelihood(n00 + n10, n01 + n11, (n01 + n11) / (n - 1))
    independence = 2 * (free - tied)
    frequency, independence = max(frequency, 0.0), max(independence, 0.0)
    both = frequency + independence
    return Coverage(
        level, n, x, n * p, frequency, erfc(sqrt(frequency / 2)), independence,
        erfc(sqrt(independence / 2)), both, exp(-both / 2),
    )  # fmt: skip


def _share(misses: int, hits: int) -> float:
    return hits / (misses + hits) if misses + hits else 0.0


def _likelihood(misses: int, hits: int, p: float) -> float:
    """Log-likelihood of a series with hits of probability p; 0 ln 0 = 0."""
    return (misses * log(1 - p) if misses else 0.0) + (hits * log(p) if hits else 0.0)
