"""From the decision to the fill."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hedgecore.hedging.position import check


def geometric(mean: float, least: int = 0) -> list[float]:
    """Return probabilities of latencies of 0, 1, 2, ... steps: ``least`` and a geometric number on top, of that mean in all.

    What is beyond a probability of 1e-12 is added to the longest.
    """
    check(least >= 0, "least", least, "zero or positive")
    check(least <= mean < math.inf, "mean", mean, f"at least {least}")
    success = 1.0 / (1.0 + mean - least)
    shares = [0.0] * least
    left = 1.0
    while left > 1e-12 and success < 1.0:
        shares.append(left * success)
        left -= shares[-1]
    if success == 1.0:
        return [*shares, 1.0]
    shares[-1] += left
    return shares


def exponential(mean: float, step: float, least: float = 0.0) -> list[float]:
    """Return probabilities of latencies in steps of ``step`` when they are ``least`` and an exponential of ``mean``, in the same unit.

    A latency that ends within a step is that of its end: decisions and fills are at steps.
    """
    check(0 < mean < math.inf, "mean", mean, "positive")
    check(0 < step < math.inf, "step", step, "positive")
    check(0 <= least < math.inf, "least", least, "zero or positive")
    last = math.ceil((least + 28.0 * mean) / step)
    below = np.clip(-np.expm1(-(np.arange(last + 1) * step - least) / mean), 0.0, 1.0)
    below[-1] = 1.0
    return [float(x) for x in np.diff(below, prepend=0.0)]


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How orders are executed.

    Parameters
    ----------
    latency
        Steps from decision to fill, or the probabilities of 0, 1, 2, ... steps (:func:`geometric`, :func:`exponential`, a
        histogram).  Each order has its own; a policy knows what it has ordered and does not order it twice.
    failure
        Probability that an attempt fails when it is due; it is made again after another latency, at the next step at the earliest, and
        pays the fixed cost again (all are charged with the fill; orders that lapse pay nothing).  After some tens of attempts (a probability below 1e-9) it succeeds.
    first_at_once
        The trade at the start is filled at the start: the position comes with its hedge.
    """

    latency: int | Sequence[float] = 0
    failure: float = 0.0
    first_at_once: bool = True

    def core(self) -> dict[str, Any]:
        """Return what the core needs."""
        if isinstance(self.latency, (int, np.integer)):
            check(self.latency >= 0, "latency", self.latency, "zero or positive")
            below = [0.0] * int(self.latency) + [1.0]
        else:
            shares = np.asarray(self.latency, np.float64)
            if shares.ndim != 1 or not len(shares) or not (shares >= 0).all():
                raise ValueError("latency must be steps, or probabilities of 0, 1, 2, ... steps")
            total = float(shares.sum())
            check(abs(total - 1.0) < 1e-9, "the sum of latency", total, "1")
            below = [min(float(x), 1.0) for x in np.cumsum(shares)]
            last = int(np.flatnonzero(shares)[-1])
            below = [*below[:last], 1.0]
        check(0 <= self.failure < 1, "failure", self.failure, "from 0 to below 1")
        return {
            "below": below,
            "failure": self.failure,
            "first_at_once": bool(self.first_at_once),
        }
