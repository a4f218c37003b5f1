"""The distribution of a quadratic form of normals, by inverting its moment generating function."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.scenarios.tail import check_level

Array = npt.NDArray[Any]

_NORMAL: Final = NormalDist()
_BENDS: Final = (0.5, -0.5, 0.2, -0.2, 0.05, -0.05, 0.0)
_GROWTH: Final = 5.0
"""By how much, in its logarithm, the integrand may grow beyond what it is at the saddle point."""
_FAR: Final = 60.0
_DEEP: Final = 80.0
_STEPS: Final = (0.05, 0.025, 0.0125)
_CLOSE: Final = 1e-9


@dataclass(frozen=True, eq=False)
class QuadraticForm:
    """Q = constant + sum(linear_j y_j + square_j y_j^2 / 2), y independent standard normals.

    Distribution and partial expectation are Bromwich integrals of exp(K(s) - s x), K the cumulant generating
    function (Imhof 1961; Rice 1980), along hyperbolas through the saddle point that bend to where the integrand
    decays; the trapezoidal rule on them is halved until it agrees to 1e-9 of the result.
    """

    constant: float
    linear: Array
    square: Array

    @classmethod
    def of(cls, constant: float, delta: Array, gamma: Array, covariance: Array) -> QuadraticForm:
        """Return constant + delta'x + x' gamma x / 2 with x normal, of mean zero and this covariance."""
        size, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(size, 0.0))  # x = root y
        square, turn = np.linalg.eigh(root.T @ gamma @ root)
        return cls(float(constant), turn.T @ (root.T @ delta), square)

    def cumulants(self, count: int = 4) -> Array:
        """Return the first cumulants: mean, variance, third, fourth, ..."""
        b, lam = self.linear, self.square
        out = [self.constant + lam.sum() / 2]
        factorial = 1.0
        for k in range(2, count + 1):
            factorial *= k - 1  # (k - 1)!
            out.append(
                factorial / 2 * (lam**k).sum() + factorial * k / 2 * (b**2 * lam ** (k - 2)).sum()
            )
        return np.array(out)

    @property
    def deviation(self) -> float:
        """Standard deviation."""
        return float(np.sqrt(self.cumulants(2)[1]))

    def cdf(self, x: float) -> float:
        """Return the probability of Q <= x."""
        return self._below(x)[0]

    def shortfall_below(self, x: float) -> float:
        """Return the expectation of (x - Q) where it is positive."""
        return self._below(x)[2]

    def quantile(self, p: float) -> float:
        """Return the x with P(Q <= x) = p, by Newton's method within a bracket."""
        check_level(p, "p")
        mean, size = self.cumulants(1)[0], self.deviation
        if size == 0:
            return float(mean)
        low, high = mean - size, mean + size
        while self.cdf(low) > p:
            low -= 2 * (mean - low)
        while self.cdf(high) < p:
            high += 2 * (high - mean)
        x = min(max(mean + size * _NORMAL.inv_cdf(p), low), high)
        for _ in range(200):
            below, density, _ = self._below(x)
            if below > p:
                high = x
            else:
                low = x
            step = (below - p) / density if density > 0 else np.inf
            following = x - step
            if not low < following < high:
                following = (low + high) / 2
            if abs(following - x) <= 1e-11 * size or high - low <= 1e-13 * size:
                return float(following)
            x = following
        return float(x)

    def tail(self, level: float) -> tuple[float, float]:
        """Return value at risk and expected shortfall of the loss -Q."""
        check_level(level)
        q = self.quantile(1 - level)
        return -q, -q + self.shortfall_below(q) / (1 - level)

    def cornish_fisher(self, level: float) -> tuple[float, float]:
        """Return value at risk and expected shortfall by the Cornish-Fisher expansion to the fourth cumulant.

        The expected shortfall is the mean of the expanded quantiles beyond the level.  An approximation, for
        comparison: it may even fall as the level rises when skew and kurtosis are large.
        """
        check_level(level)
        mean, variance, third, fourth = self.cumulants()
        size = np.sqrt(variance)
        if size == 0:
            return -float(mean), -float(mean)
        skew, excess = -third / size**3, fourth / size**4  # of the loss
        z = _NORMAL.inv_cdf(level)
        density, p = _NORMAL.pdf(z), 1 - level
        powers = np.array([1.0, z, z**2, z**3])
        tails = np.array([p, density, z * density + p, (z**2 + 2) * density]) / p
        weights = np.array([
            -skew / 6,
            1 - excess / 8 + 5 * skew**2 / 36,
            skew / 6,
            excess / 24 - skew**2 / 18,
        ])  # fmt: skip
        return float(size * weights @ powers - mean), float(size * weights @ tails - mean)

    def _below(self, x: float) -> tuple[float, float, float]:
        """P(Q <= x), the density, and the expectation of (x - Q)+."""
        mean, size = float(self.cumulants(1)[0]), self.deviation
        if not size > 0:
            return float(x >= mean), 0.0, max(x - mean, 0.0)
        b, lam = self.linear / size, self.square / size
        lam = np.where(np.abs(lam) < 1e-14, 0.0, lam)
        y, centre = (x - self.constant) / size, (mean - self.constant) / size
        sign = 1.0 if y < centre else -1.0  # the lower tail of Q, or that of -Q
        tail, density, beyond = _lower_tail(sign * b, sign * lam, sign * y)
        if sign > 0:
            return tail, density / size, beyond * size
        return 1 - tail, density / size, (y - centre + beyond) * size


def _lower_tail(b: Array, lam: Array, x: float) -> tuple[float, float, float]:
    """P(Q <= x), density and E(x - Q)+ of the form without constant, at x not above its mean."""
    curved = lam != 0
    least = -float((b[curved] ** 2 / (2 * lam[curved])).sum())
    if (lam[curved] > 0).all() and not b[~curved].any() and x <= least:
        return 0.0, 0.0, 0.0
    c = _saddle(b, lam, x)
    curve = float((lam**2 / (2 * (1 - lam * c) ** 2) + b**2 / (1 - lam * c) ** 3).sum() + 1 / c**2)
    width = 1 / np.sqrt(curve)
    for slope in (
        _BENDS
    ):  # which way it decays shows: the sign of x - least does not tell where some squares are tiny
        previous = np.full(3, np.nan)
        for step in _STEPS:
            now = _integrals(b, lam, x, c, width, slope, step)
            if now is None:
                break
            if (np.abs(now - previous) <= _CLOSE * np.abs(now) + 1e-15).all():
                tail, density, beyond = (max(float(value), 0.0) for value in now)
                return min(tail, 1.0), density, beyond
            previous = now
    raise ArithmeticError(
        f"the distribution of the quadratic form does not converge at x = {x:.6g} standard deviations "
        f"(linear {b}, square {lam})"
    )


def _saddle(b: Array, lam: Array, x: float) -> float:
    """The s < 0 where exp(K(s) - s x) / |s| is least, by bisection of the slope of its logarithm."""

    def slope(s: float) -> float:
        d = 1 - lam * s
        return float((lam / (2 * d) + b**2 * s * (1 - lam * s / 2) / d**2).sum()) - x - 1 / s

    high, low = -1e-12, -1.0
    wall = 1 / float(lam.min()) if lam.min(initial=0.0) < 0 else -np.inf
    while low > wall and slope(low) > 0 and low > -1e12:
        high, low = low, 2 * low
    low = max(low, wall * (1 - 1e-12)) if np.isfinite(wall) else low
    for _ in range(60):
        middle = (low + high) / 2
        if slope(middle) > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def _integrals(
    b: Array, lam: Array, x: float, c: float, width: float, slope: float, step: float
) -> Array | None:
    """The three integrals along c + i v + slope (hypot(v, width) - width), by the trapezoidal rule in u, v = width sinh(u).

    None where the integrand grows along the way.
    """
    u = np.arange(0.0, _FAR, step)
    v = width * np.sinh(u)
    reach = np.hypot(v, width)
    s = c + slope * (reach - width) + 1j * v
    turn = (slope * v / reach + 1j) * width * np.cosh(u)
    d = 1 - lam[:, None] * s
    # far out (b s)^2 / d and s x cancel: there b^2 s^2 / d = b^2 / lam^2 (1 / d - 1) - b^2 s / lam
    far = np.abs(lam * c) > 1
    ratio = b[far] / lam[far]
    exponent = (0.5 * (b[~far, None] * s) ** 2 / d[~far]).sum(axis=0)
    exponent += (0.5 * ratio[:, None] ** 2 * (1 / d[far] - 1)).sum(axis=0)
    exponent -= s * (x + (ratio * b[far]).sum() / 2) + 0.5 * np.log(d).sum(axis=0)
    depth = exponent.real - exponent[0].real
    gone = (
        depth < -_DEEP
    )  # from there on the path may as well go straight up, where the integrand only falls
    cut = int(np.argmax(gone)) if gone.any() else len(gone)
    if not depth[:cut].max() <= _GROWTH:
        return None
    value = np.exp(exponent[:cut]) * turn[:cut]
    s = s[:cut]
    value[0] /= 2
    parts = np.array([(-value / s).sum(), value.sum(), (value / s**2).sum()])
    integrals: Array = parts.imag * step / np.pi
    return integrals
