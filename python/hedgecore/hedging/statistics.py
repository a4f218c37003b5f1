"""Statistics of P&L with their standard errors, by influence: d(statistic) is the mean of the influence of each path.

Influences let statistics of policies on the same paths be compared with errors that know of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def mean_of_worst(pnl: FloatArray, level: float) -> tuple[FloatArray, FloatArray, float]:
    """Return along the last axis the mean loss of the worst 1 - level, the values it is of in ascending order, and how many that is.

    The last of the values counts with its fraction.
    """
    n = pnl.shape[-1]
    tail = n * (1.0 - level)
    whole = min(int(tail), n - 1)
    worst = np.sort(np.partition(pnl, whole, axis=-1)[..., : whole + 1], axis=-1)
    loss = -worst[..., :whole].sum(axis=-1) - (tail - whole) * worst[..., whole]
    return np.asarray(loss / tail), worst, tail


def expected_shortfall(pnl: FloatArray, level: float) -> tuple[float, float]:
    """Return the mean loss of the worst 1 - level of paths, and its standard error.

    The path on the boundary counts with its fraction.  The error is that of Var(L | L > q) + level (ES - q)^2 over n (1 - level).
    """
    shortfall, worst, tail = mean_of_worst(pnl, level)
    whole = len(worst) - 1
    quantile = -worst[whole]
    spread = float(worst[:whole].var()) if whole > 1 else 0.0
    error = np.sqrt((spread + level * (shortfall - quantile) ** 2) / tail)
    return float(shortfall), float(error)


def shortfall_influence(pnl: FloatArray, level: float) -> FloatArray:
    """Return the influence of each path on the expected shortfall."""
    shortfall, _ = expected_shortfall(pnl, level)
    tail = len(pnl) * (1.0 - level)
    quantile = -float(np.partition(pnl, int(tail))[int(tail)])
    return np.asarray(quantile + np.maximum(-pnl - quantile, 0.0) / (1.0 - level) - shortfall)


def entropic_premium(pnl: FloatArray, risk_aversion: float) -> tuple[float, float]:
    """Return (1 / a) ln mean exp(-a pnl), and its standard error: what must be added for the utility of doing nothing.

    The measure of Hodges and Neuberger, "Optimal replication of contingent claims under transaction costs" (1989), for exponential
    utility of absolute risk aversion a, per unit of the P&L.  The error is meaningless where few paths carry the mean.
    """
    if not 0 < risk_aversion < np.inf:
        raise ValueError(f"risk_aversion = {risk_aversion} must be positive")
    exponent = -risk_aversion * np.asarray(pnl, np.float64)
    top = float(exponent.max())
    weights = np.exp(exponent - top)
    mean = float(weights.mean())
    error = float(weights.std()) / (mean * risk_aversion * np.sqrt(len(weights)))
    return (top + float(np.log(mean))) / risk_aversion, error


def std_influence(x: FloatArray) -> FloatArray:
    """Return the influence of each path on the standard deviation."""
    centred = x - x.mean()
    std = np.sqrt((centred * centred).mean())
    return np.asarray((centred * centred - std * std) / (2 * std)) if std > 0 else np.zeros_like(x)


def std_error(influence: FloatArray) -> float:
    """Return the standard error of a statistic; of one path NaN."""
    return float(influence.std() / np.sqrt(len(influence))) if len(influence) > 1 else np.nan
