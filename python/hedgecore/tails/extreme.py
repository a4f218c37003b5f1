"""Extreme values: losses beyond a threshold as a generalised Pareto distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import frames
from hedgecore.scenarios.tail import check_level
from hedgecore.tails.simulation import Simulation

Array = npt.NDArray[Any]
Method = Literal["mle", "pwm"]

ENOUGH: Final = 100
"""Losses beyond the threshold that a fit needs."""


@dataclass(frozen=True)
class ParetoTail:
    """P(L - u > y | L > u) = (1 + xi y / beta)^(-1/xi); made by :func:`pareto`.  Errors are for independent losses.

    Attributes
    ----------
    threshold, quantile
        u, and the level of the losses that it is.
    losses, excesses
        How many losses there are, and how many beyond u.
    xi, beta
        Shape and scale.
    covariance
        Of their estimates: ((var xi, cov), (cov, var beta)); infinite where the method has none.
    method
        "mle" or "pwm".
    """

    threshold: float
    quantile: float
    losses: int
    excesses: int
    xi: float
    beta: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    method: str

    @property
    def xi_error(self) -> float:
        """Standard error of xi."""
        return float(np.sqrt(self.covariance[0][0]))

    @property
    def beta_error(self) -> float:
        """Standard error of beta."""
        return float(np.sqrt(self.covariance[1][1]))

    def value_at_risk(self, level: float) -> float:
        """Return u + beta / xi (((n / n_u) (1 - level))^-xi - 1), for levels beyond the threshold."""
        return self._at_risk(level, self.xi, self.beta)

    def expected_shortfall(self, level: float) -> float:
        """Return (VaR + beta - xi u) / (1 - xi).

        Raises
        ------
        ValueError
            For xi >= 1: the mean of the tail is infinite.
        """
        if self.xi >= 1:
            raise ValueError(f"xi = {self.xi:.4g}: from 1 on the expected shortfall is infinite")
        return self._shortfall(level, self.xi, self.beta)

    def errors(self, level: float) -> tuple[float, float]:
        """Return standard errors of value at risk and expected shortfall, by the delta method.

        The threshold is taken as given; the share of losses beyond it is not: its binomial error is in both.
        """
        share = self.excesses / self.losses
        cov = np.zeros((3, 3))
        cov[:2, :2] = self.covariance
        cov[2, 2] = share * (1 - share) / self.losses
        found = []
        for of in (self._at_risk, self._shortfall):
            if of == self._shortfall and self.xi >= 1:
                found.append(np.inf)
                continue
            point = np.array([self.xi, self.beta, share])
            slope = np.zeros(3)
            for i, h in enumerate(1e-5 * np.array([1.0, self.beta, share])):
                up, down = point.copy(), point.copy()
                up[i] += h
                down[i] -= h
                slope[i] = (of(level, *up) - of(level, *down)) / (2 * h)
            found.append(float(np.sqrt(slope @ cov @ slope)))
        return found[0], found[1]

    def _at_risk(self, level: float, xi: float, beta: float, share: float | None = None) -> float:
        share = self.excesses / self.losses if share is None else share
        check_level(level)
        if level < self.quantile:
            raise ValueError(f"level = {level} lies before the threshold, at {self.quantile}")
        stretch = np.log((1 - level) / share)
        growth = -stretch if abs(xi) < 1e-12 else np.expm1(-xi * stretch) / xi
        return float(self.threshold + beta * growth)

    def _shortfall(self, level: float, xi: float, beta: float, share: float | None = None) -> float:
        at_risk = self._at_risk(level, xi, beta, share)
        return (at_risk + beta - xi * self.threshold) / (1 - xi)

    def table(self, levels: npt.ArrayLike = (0.975, 0.99, 0.995, 0.999)) -> dict[str, Array]:
        """Return a row for each level: value at risk, expected shortfall (infinite for xi >= 1), their errors."""
        chosen = np.atleast_1d(np.asarray(levels, np.float64))
        errors = np.array([self.errors(level) for level in chosen])
        shortfall = [self.expected_shortfall(q) if self.xi < 1 else np.inf for q in chosen]
        return {
            "level": chosen,
            "value_at_risk": np.array([self.value_at_risk(level) for level in chosen]),
            "value_at_risk_error": errors[:, 0],
            "expected_shortfall": np.array(shortfall),
            "expected_shortfall_error": errors[:, 1],
        }

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(), library)

    def __repr__(self) -> str:
        head = (
            f"ParetoTail by {self.method}: {self.excesses} of {self.losses} losses beyond {self.threshold:,.6g} "
            f"(level {self.quantile:g}), xi {self.xi:.4g} (error {self.xi_error:.2g}), "
            f"beta {self.beta:,.6g} (error {self.beta_error:.2g})"
        )
        levels = [q for q in (0.975, 0.99, 0.995, 0.999) if q >= self.quantile]
        return f"{head}\n{frames.text_table(self.table(levels))}" if levels else head


def pareto(
    pnl: npt.ArrayLike | Simulation, quantile: float = 0.95, *, method: Method = "mle"
) -> ParetoTail:
    """Fit the tail of the losses beyond a threshold that is stated as a level of them.

    * "mle": maximum likelihood, reduced to one parameter (Grimshaw, Computing maximum likelihood estimates for the
      generalized Pareto distribution, 1993); errors of Smith (1987), for xi > -1/2.
    * "pwm": probability-weighted moments (Hosking and Wallis 1987); errors theirs, for xi < 1/2.

    Parameters
    ----------
    pnl
        A simulation with equal weights, or its P&L by node in USD: every loss counts the same.
    quantile
        Level of the losses that is the threshold, usually 0.90 to 0.95: look at :func:`mean_excess`.
    method
        "mle" or "pwm".

    Raises
    ------
    ValueError
        For fewer than 100 losses beyond the threshold, numbers that are not finite, and weights that differ.
    """
    check_level(quantile, "quantile")
    if method not in ("mle", "pwm"):
        raise ValueError(f"method must be 'mle' or 'pwm', not {method!r}")
    losses = _losses(pnl)
    threshold = float(np.quantile(losses, quantile))
    excess = np.sort(losses[losses > threshold] - threshold)
    n = len(excess)
    if n < ENOUGH:
        raise ValueError(
            f"{n} of {len(losses)} losses lie beyond the threshold at {quantile:g}: "
            f"a fit needs {ENOUGH}"
        )
    xi, beta = (_likeliest if method == "mle" else _weighted_moments)(excess)
    infinite = ((np.inf, np.inf), (np.inf, np.inf))
    cov = infinite
    if method == "mle" and xi > -0.5:
        cov = _symmetric((1 + xi) ** 2 / n, -beta * (1 + xi) / n, 2 * beta**2 * (1 + xi) / n)
    elif method == "pwm" and xi < 0.5:
        k = -xi
        over = n * (1 + 2 * k) * (3 + 2 * k)
        cov = _symmetric(
            (1 + k) * (2 + k) ** 2 * (1 + k + 2 * k**2) / over,
            -beta * (2 + k) * (2 + 6 * k + 7 * k**2 + 2 * k**3) / over,
            beta**2 * (7 + 18 * k + 11 * k**2 + 2 * k**3) / over,
        )
    return ParetoTail(threshold, quantile, len(losses), n, xi, beta, cov, method)


def mean_excess(
    pnl: npt.ArrayLike | Simulation,
    quantiles: npt.ArrayLike = (0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99),
) -> dict[str, Array]:
    """Return for thresholds the mean of the losses beyond them, less the threshold, with its standard error.

    From where on it is a straight line in the threshold a generalised Pareto tail fits: of slope xi / (1 - xi).
    """
    losses = _losses(pnl)
    levels = np.atleast_1d(np.asarray(quantiles, np.float64))
    for level in levels:
        check_level(level, "quantile")
    rows = []
    for threshold in np.quantile(losses, levels):
        excess = losses[losses > threshold] - threshold
        if len(excess) < 2:
            raise ValueError(f"fewer than 2 losses lie beyond {threshold:,.6g}")
        rows.append(
            (threshold, len(excess), excess.mean(), excess.std(ddof=1) / np.sqrt(len(excess)))
        )
    names = ("threshold", "excesses", "mean_excess", "error")
    columns = zip(*rows, strict=True)
    return {"quantile": levels} | {
        name: np.array(column) for name, column in zip(names, columns, strict=True)
    }


def _symmetric(a: float, b: float, c: float) -> tuple[tuple[float, float], tuple[float, float]]:
    return ((float(a), float(b)), (float(b), float(c)))


def _losses(pnl: npt.ArrayLike | Simulation) -> Array:
    if isinstance(pnl, Simulation):
        weight = pnl.nodes.weight
        if np.ptp(weight) > 0:
            raise ValueError(
                f"the weights of the simulation run from {weight.min():.3g} to {weight.max():.3g}: "
                "pareto counts every loss the same"
            )
        pnl = pnl.total
    values = np.asarray(pnl, np.float64)
    if values.ndim != 1:
        raise ValueError(f"pnl must be one-dimensional, not of shape {values.shape}")
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"pnl[{bad[0]}] = {values[bad[0]]} must be finite")
    return -values


def _likeliest(excess: Array) -> tuple[float, float]:
    """xi and beta of the largest likelihood with xi >= -1.

    With theta = -xi / beta the best xi is the mean of ln(1 - theta y), and what is left is a function of theta alone:
    -1 - xi - ln(-xi / theta) by loss.
    """
    scale = excess.mean()
    y = excess / scale
    top, low = y[-1], y[0]

    def profile(theta: float) -> float:
        xi = float(np.log1p(-theta * y).mean())
        return -1 - xi - np.log(-xi / theta) if xi >= -1 else -np.inf

    def rises(theta: float) -> bool:
        xi, slope = float(np.log1p(-theta * y).mean()), float(-(y / (1 - theta * y)).mean())
        return -slope - slope / xi + 1 / theta > 0

    # no maximum lies below 2 (low - mean) / low^2 nor above 1 / top (Grimshaw); both ends are approached by ratios
    least = -min(2 * (1 - low) / low**2 if low > 0 else np.inf, 1e6)
    near = 1 - np.geomspace(1e-9, 1, 60, endpoint=False)[::-1]
    theta = np.concatenate([-np.geomspace(-least, 1e-6, 120), near / top])
    height = np.array([profile(value) for value in theta])
    i = int(np.argmax(height))
    if not height[i] > -1 - 1e-6:  # -1: the exponential, the limit theta -> 0
        return 0.0, float(scale)
    left, right = theta[max(i - 1, 0)], theta[min(i + 1, len(theta) - 1)]
    for _ in range(60):
        middle = (left + right) / 2
        if middle == 0:
            return 0.0, float(scale)
        if rises(middle):
            left = middle
        else:
            right = middle
    best = (left + right) / 2
    xi = float(np.log1p(-best * y).mean())
    if abs(xi) < 1e-9:
        return 0.0, float(scale)
    return xi, float(-xi / best * scale)


def _weighted_moments(excess: Array) -> tuple[float, float]:
    """xi and beta from the mean and the mean times the chance to be exceeded, plotting positions (i - 0.35) / n."""
    n = len(excess)
    position = (np.arange(1, n + 1) - 0.35) / n
    mean = float(excess.mean())
    weighted = float(((1 - position) * excess).mean())
    gap = mean - 2 * weighted
    return 2 - mean / gap, 2 * mean * weighted / gap
