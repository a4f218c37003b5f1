"""From the decision to the fill, and what may stop either."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hedgecore.hedging.outages import Outage
from hedgecore.hedging.position import check, check_numbers
from hedgecore.paths.random import whole

_LONGEST: Final = 2**20
"""Steps or blocks that an order may wait."""


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


def _below(law: int | Sequence[float], name: str) -> list[float]:
    """Probabilities of at most 0, 1, 2, ... of a number or of its probabilities."""
    if isinstance(law, (int, np.integer)):
        check(0 <= law <= _LONGEST, name, law, f"zero or positive, and at most {_LONGEST:,}")
        return [0.0] * int(law) + [1.0]
    shares = np.asarray(law, np.float64)
    if shares.ndim != 1 or not len(shares) or not (shares >= 0).all():
        raise ValueError(f"{name} must be a number, or probabilities of 0, 1, 2, ...")
    total = float(shares.sum())
    check(abs(total - 1.0) < 1e-9, f"the sum of {name}", total, "1")
    below = [min(float(x), 1.0) for x in np.cumsum(shares)]
    last = int(np.flatnonzero(shares)[-1])
    return [*below[:last], 1.0]


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Fills are at blocks alone.  An order of step t goes into the first block after t, or some blocks later.

    Parameters
    ----------
    every, phase
        Blocks are at steps ``phase``, ``phase`` + ``every``, ...
    inclusion
        How many blocks more an order waits, or the probabilities of 0, 1, 2, ...
    """

    every: int
    phase: int = 0
    inclusion: int | Sequence[float] = 0

    def core(self) -> dict[str, Any]:
        """Return what the core needs."""
        every = whole(self.every, "every", 1, 2**32)
        return {
            "block": every,
            "block_phase": whole(self.phase, "phase", 0, every - 1),
            "inclusion": _below(self.inclusion, "inclusion"),
        }


@dataclass(frozen=True, kw_only=True)
class Settlement:
    """Decisions are netted off the chain; what they net to is one order, which pays the fixed cost once.

    A policy knows what it has decided.  What nets to nothing goes on waiting; what waits at the last step lapses.

    Parameters
    ----------
    every
        Settled at steps ``every``, 2 ``every``, ...; None: not by time.
    size
        Settled as soon as the net is so many coins; None: not by size.
    """

    every: int | None = None
    size: float | None = None

    def core(self) -> dict[str, Any]:
        """Return what the core needs."""
        if self.every is None and self.size is None:
            raise ValueError("a settlement needs every or size")
        if self.size is not None:
            check(0 < self.size < math.inf, "size", self.size, "positive")
        return {
            "settle_every": 0 if self.every is None else whole(self.every, "every", 1, 2**32),
            "settle_size": self.size or 0.0,
        }


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How orders are executed: decided when the keeper polls, settled, sent, on their way for the latency, and included in a block.

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
    poll, poll_phase
        Decisions are made at steps ``poll_phase``, ``poll_phase`` + ``poll``, ... only, and there at those that the policy looks at.
    blocks
        Fills are at blocks; the latency is what goes before them.
    settlement
        Decisions are netted before they are orders.
    outages
        Events that stop decisions or fills (:class:`KeeperDown`, :class:`ChainHalt`), or a stablecoin off its peg (:class:`Depeg`).
    leakage
        Whether the ledgers ``delta_drift`` and ``gamma_leakage`` are kept: what the position moved between decision and fill.
    """

    latency: int | Sequence[float] = 0
    failure: float = 0.0
    first_at_once: bool = True
    poll: int = 1
    poll_phase: int = 0
    blocks: Blocks | None = None
    settlement: Settlement | None = None
    outages: Sequence[Outage] = ()
    leakage: bool = False

    def core(self) -> dict[str, Any]:
        """Return what the core needs."""
        check_numbers(self)
        check(0 <= self.failure < 1, "failure", self.failure, "from 0 to below 1")
        for name, value, kind in (("blocks", self.blocks, Blocks), ("settlement", self.settlement, Settlement)):  # fmt: skip
            if not (value is None or isinstance(value, kind)):
                raise TypeError(f"{name} must be {kind.__name__}(...), not {value!r}")
        if isinstance(self.outages, Outage):
            raise TypeError(f"outages must be several, as [outage], not {self.outages!r}")
        poll = whole(self.poll, "poll", 1, 2**32)
        for row, outage in enumerate(self.outages):
            if not isinstance(outage, Outage):
                raise TypeError(f"outages[{row}] must be an outage, not {outage!r}")
        return {
            "below": _below(self.latency, "latency"),
            "failure": self.failure,
            "first_at_once": bool(self.first_at_once),
            "poll": poll,
            "poll_phase": whole(self.poll_phase, "poll_phase", 0, poll - 1),
            "block": 0,
            "block_phase": 0,
            "inclusion": [1.0],
            "settle_every": 0,
            "settle_size": 0.0,
            "outages": [outage.core() for outage in self.outages],
            "leakage": bool(self.leakage),
            **(self.blocks.core() if self.blocks else {}),
            **(self.settlement.core() if self.settlement else {}),
        }
