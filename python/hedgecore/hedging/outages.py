"""Outages: events of a path, the same for all policies.

An event begins by chance, with a move of the price, or at fixed steps.  It lasts an exponential time, until the end of a step, and longer
where another begins meanwhile: none is on at the start, and long after
it one by chance alone is at a share 1 - exp(-rate duration) of the time, in the limit of short steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hedgecore.hedging.position import check, check_numbers
from hedgecore.paths.random import whole


@dataclass(frozen=True, kw_only=True)
class Outage:
    """What all events have in common.

    Parameters
    ----------
    rate
        How many begin a year.
    duration
        Mean length in years, of those that begin by chance or with a move.
    move
        One begins at a step to which the logarithm of the price moved by more than this; 0: none does.
    windows
        Pairs of steps: one lasts from the first to the one before the second.
    """

    kind: ClassVar[str] = ""

    rate: float = 0.0
    duration: float = 0.0
    move: float = 0.0
    windows: Sequence[tuple[int, int]] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_numbers(self)
        for name in ("rate", "duration", "move"):
            value = getattr(self, name)
            check(0 <= value < math.inf, name, value, "zero or positive")
        if (self.rate or self.move) and not self.duration:
            raise ValueError("duration must be given for events by chance or with a move")
        if not (self.rate or self.move or len(self.windows)):
            raise ValueError("an outage needs a rate, a move or windows")
        for row, window in enumerate(self.windows):
            if not isinstance(window, Sequence) or len(window) != 2:
                raise TypeError(f"windows[{row}] must be a pair of steps, not {window!r}")
            first, end = (whole(step, f"windows[{row}]", 0, 2**40) for step in window)
            check(first < end, f"windows[{row}]", tuple(window), "a first step and a later one")

    def core(self) -> dict[str, Any]:
        """Return what the core needs."""
        return {
            "kind": self.kind,
            "rate": self.rate,
            "mean": self.duration,
            "move": self.move,
            "windows": [int(step) for window in self.windows for step in window],
            "discount": 0.0,
            "cost": 0.0,
        }


@dataclass(frozen=True, kw_only=True)
class KeeperDown(Outage):
    """The keeper or its oracle is down: no decisions are made and none are settled.  Orders on their way are filled."""

    kind: ClassVar[str] = "keeper"


@dataclass(frozen=True, kw_only=True)
class ChainHalt(Outage):
    """The chain or venue is halted: nothing is filled, what is due waits until it goes on.  Closing at the last step is not stopped."""

    kind: ClassVar[str] = "chain"


@dataclass(frozen=True, kw_only=True)
class Depeg(Outage):
    """The stablecoin in which the hedge is bought, sold and settled is worth 1 - discount USD.

    The account is stablecoins.  Off the peg a coin costs S / (1 - discount) of them, and so do fees and costs of an amount in USD; premiums
    and payoffs count a stablecoin as a USD.  At the last step the account is worth what its stablecoins are.  The price moves to the
    discount at once and back at once; that a stablecoin may never come back is the event that lasts beyond the horizon.  Not modelled:
    collateral, and venues whose index or payoff is in stablecoins.  For the quote numeraire, with spot and linear perpetuals.

    Parameters
    ----------
    discount
        As a share of a USD.
    cost
        An added share of the amount of trades in the event: wider spreads.
    """

    kind: ClassVar[str] = "depeg"

    discount: float = 0.0
    cost: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        super().__post_init__()
        check(0 <= self.discount < 1, "discount", self.discount, "from 0 to below 1")
        check(0 <= self.cost < math.inf, "cost", self.cost, "zero or positive")

    def core(self) -> dict[str, Any]:
        """Return what the core needs."""
        return {**super().core(), "discount": self.discount, "cost": self.cost}
