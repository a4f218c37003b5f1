"""What options are held: positions of the user, or rules that choose from the chain that is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from hedgecore._inputs import kinds
from hedgecore.backtest.tape import HOUR_US, Tape, micros
from hedgecore.hedging.position import check

__all__ = [
    "Leg",
    "OpenInterestShare",
    "Positions",
    "Roll",
    "Strategy",
    "call_selling",
    "put_selling",
    "risk_reversal",
    "straddle",
    "strangle",
]

#: Quantities by instrument; several where they are trades of their own.
Orders = Mapping[str, float | Sequence[float]]


class Counted(dict[str, Any]):
    """Orders, and by name how often something was not ordered: :attr:`Carried.counts` gets it."""

    def __init__(self, orders: Orders, counts: Mapping[str, int]) -> None:
        super().__init__(orders)
        self.counts = dict(counts)


@dataclass(frozen=True)
class Strategy:
    """A rule: at each new snapshot, what to trade.

    ``whole``: its orders are one structure, which :attr:`Fills.together` is about; else each is filled as far as it can be.
    """

    whole: ClassVar[bool] = True

    def orders(self, known: Tape, held: Mapping[str, float]) -> Orders:
        """Return quantities to trade, by instrument: positive to buy; a list where there are several trades of one.

        Parameters
        ----------
        known
            All that is known at the step, and nothing else.
        held
            Quantities that are held, by instrument.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Positions(Strategy):
    """Options of the user, traded at one snapshot and held to their expiries; each for itself: what has no quote then is counted.

    Parameters
    ----------
    quantity
        By instrument; negative when sold.
    at
        They are traded at the first snapshot at or after that time; at the first of all where not given.
    """

    whole: ClassVar[bool] = False

    quantity: Mapping[str, float]
    at: Any = None

    def orders(self, known: Tape, held: Mapping[str, float]) -> Orders:  # noqa: ARG002
        """As :class:`Strategy` says."""
        for name, quantity in self.quantity.items():
            check(math.isfinite(quantity), f"quantity of {name}", quantity, "finite")
        target = (
            0 if self.at is None else int(np.searchsorted(known.snapshots, micros(self.at, "at")))
        )
        before = int(known.seen[-2]) if len(known) > 1 else 0
        return dict(self.quantity) if before <= target < len(known.snapshots) else {}


@dataclass(frozen=True)
class Leg:
    """An option of a structure.

    Parameters
    ----------
    kind
        "call" or "put", or another word or number for it that :func:`hedgecore.price` takes.
    ratio
        How many for one structure; negative: the other side.
    delta
        The size of the delta of what is chosen, between 0 and 1, by the chain's own deltas; None: the strike nearest to the forward.
    """

    kind: Any
    ratio: float = 1.0
    delta: float | None = None

    def __post_init__(self) -> None:
        kinds(self.kind)
        check(math.isfinite(self.ratio) and self.ratio != 0, "ratio", self.ratio, "finite and not zero")  # fmt: skip
        check(self.delta is None or 0 < self.delta < 1, "delta", self.delta, "between 0 and 1")


NOT_FOUND: Final = Counted({}, {"snapshots without an option for a leg": 1})


@dataclass(frozen=True)
class Roll(Strategy):
    """A structure that is entered whenever nothing is held, and held to its expiry.

    Parameters
    ----------
    legs
        What it is made of.
    days
        The expiry nearest to so many days is taken.
    quantity
        Structures; negative: sold.
    least_days
        Expiries sooner than that are not.
    """

    legs: Sequence[Leg]
    days: float = 7.0
    quantity: float = -1.0
    least_days: float = 1.0

    def orders(self, known: Tape, held: Mapping[str, float]) -> Orders:
        """As :class:`Strategy` says."""
        check(0 < self.least_days <= self.days, "least_days", self.least_days, f"positive and at most days = {self.days}")  # fmt: skip
        if any(held.values()):
            return {}
        chain = known.chain()
        days = (chain["expiry"] - known.times[-1]) / (24 * HOUR_US)
        usable = days >= self.least_days
        if not usable.any():
            return NOT_FOUND
        expiries = np.unique(chain["expiry"][usable])
        target = known.times[-1] + self.days * 24 * HOUR_US
        expiry = expiries[np.argmin(np.abs(expiries - target))]
        orders: dict[str, float] = {}
        for leg in self.legs:
            side = np.sign(self.quantity * leg.ratio)
            quote = chain["ask"] if side > 0 else chain["bid"]
            fits = (chain["expiry"] == expiry) & (chain["kind"] == kinds(leg.kind)) & np.isfinite(quote)  # fmt: skip
            if not fits.any():
                return NOT_FOUND
            rows = np.flatnonzero(fits)
            if leg.delta is None:
                away = np.abs(np.log(chain["strike"][rows] / chain["forward"][rows]))
            else:
                away = np.abs(np.abs(chain["delta"][rows]) - leg.delta)
            name = str(known.name[chain["instrument"][rows[np.argmin(away)]]])
            orders[name] = orders.get(name, 0.0) + self.quantity * leg.ratio
        return orders


def straddle(days: float = 7.0, quantity: float = -1.0) -> Roll:
    """Return call and put at the money."""
    return Roll((Leg("call"), Leg("put")), days, quantity)


def strangle(days: float = 7.0, quantity: float = -1.0, delta: float = 0.25) -> Roll:
    """Return call and put of a delta out of the money."""
    return Roll((Leg("call", delta=delta), Leg("put", delta=delta)), days, quantity)


def risk_reversal(days: float = 7.0, quantity: float = 1.0, delta: float = 0.25) -> Roll:
    """Return a call held against a put sold."""
    return Roll((Leg("call", delta=delta), Leg("put", -1.0, delta)), days, quantity)


def put_selling(days: float = 7.0, quantity: float = -1.0, delta: float = 0.25) -> Roll:
    """Return a put of a delta."""
    return Roll((Leg("put", delta=delta),), days, quantity)


def call_selling(days: float = 7.0, quantity: float = -1.0, delta: float = 0.25) -> Roll:
    """Return a call of a delta: a covered call where coins are counted, which cover it; in the quote currency a naked one."""
    return Roll((Leg("call", delta=delta),), days, quantity)


@dataclass(frozen=True)
class OpenInterestShare(Strategy):
    """A share of the open interest in every option of the chain, traded anew each so many days.

    Parameters
    ----------
    share
        Of the open interest; negative: sold.
    days
        Between trades.
    """

    whole: ClassVar[bool] = False

    share: float = -0.001
    days: float = 7.0

    def orders(self, known: Tape, held: Mapping[str, float]) -> Orders:
        """As :class:`Strategy` says."""
        check(self.days > 0, "days", self.days, "positive")
        period = self.days * 24 * HOUR_US
        now = len(known.snapshots)
        before = int(known.seen[-2]) if len(known) > 1 else 0
        first = known.snapshots[0]
        if before and (known.snapshots[now - 1] - first) // period == (known.snapshots[before - 1] - first) // period:  # fmt: skip
            return {}
        chain = known.chain()
        orders: dict[str, float] = {}
        for which, interest in zip(chain["instrument"], chain["open_interest"], strict=True):
            name = str(known.name[which])
            change = self.share * interest - held.get(name, 0.0)
            if np.isfinite(change) and change:
                orders[name] = float(change)
        return orders
