"""Model-free implied variance: the log contract replicated by strips of out-of-the-money options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Strip:
    """Model-free variance of one expiry.

    Attributes
    ----------
    total_variance
        Expected integral of squared vol to expiry: vol^2 T of the variance swap.
    contribution
        The sum of the strip alone: sum(dK / K^2 Q(K)).
    forward, centre
        The forward used; the strike at or below it where puts give way to calls.
    expiry
        Years.
    """

    total_variance: float
    contribution: float
    forward: float
    centre: float
    expiry: float

    @property
    def vol(self) -> float:
        """The vol of the variance swap."""
        return float(np.sqrt(self.total_variance / self.expiry))


def strip_variance(
    strike: Any,
    price: Any,
    expiry: float,
    forward: float,
    *,
    rate: float = 0.0,
    centre: float | None = None,
) -> Strip:
    """Return 2 e^(rT) sum(dK / K^2 Q(K)) - (F / K0 - 1)^2 of one expiry.

    Parameters
    ----------
    strike
        Two or more, increasing.
    price
        Q(K) in the quote currency: puts below ``centre``, calls above, at ``centre`` the mean of both.
    expiry, rate
        Years; continuous rate per year.
    forward
        Of the expiry.
    centre
        K0; by default the last strike at or below the forward.

    Notes
    -----
    dK is half the distance between the neighbours, at the ends the distance to the only one (the rule of VIX, of the
    DVOL-like indices and of Demeterfi, Derman, Kamal and Zou 1999 in its discrete form).
    """
    strike = np.asarray(strike, np.float64)
    price = np.asarray(price, np.float64)
    if strike.ndim != 1 or strike.shape != price.shape or len(strike) < 2:
        raise ValueError("strike and price must be one-dimensional, of one length of at least 2")
    if not (strike[0] > 0 and (np.diff(strike) > 0).all()):
        raise ValueError("strike must be positive and increase")
    if not (np.isfinite(price).all() and (price >= 0).all()):
        raise ValueError("price must be finite and not negative")
    if not (expiry > 0 and forward > 0):
        raise ValueError(f"expiry = {expiry} and forward = {forward} must be positive")
    if centre is None:
        below = strike[strike <= forward]
        centre = float(below[-1]) if len(below) else float(strike[0])
    contribution = float(np.sum(_steps(strike) * price / strike**2))
    total = 2.0 * float(np.exp(rate * expiry)) * contribution - (forward / centre - 1.0) ** 2
    return Strip(total, contribution, float(forward), centre, expiry)


def index_vol(near: Strip, far: Strip, target: float) -> float:
    """Return the vol of a constant term in percent, by total variance linear in time between two strips.

    Parameters
    ----------
    target
        The term in years, for example 30 / 365 for DVOL.
    """
    if not far.expiry > near.expiry:
        raise ValueError("far must expire after near")
    share = (target - near.expiry) / (far.expiry - near.expiry)
    total = (1.0 - share) * near.total_variance + share * far.total_variance
    if not (target > 0 and total > 0):
        raise ValueError(f"target = {target}: total variance {total} there is not positive")
    return float(100.0 * np.sqrt(total / target))


def _steps(strike: FloatArray) -> FloatArray:
    steps = np.empty_like(strike)
    steps[1:-1] = 0.5 * (strike[2:] - strike[:-2])
    steps[0], steps[-1] = strike[1] - strike[0], strike[-1] - strike[-2]
    return steps
