"""What can be done: buying, selling, and rolling what is held into a neighbour, each at its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import instruments
from hedgecore.book import Book
from hedgecore.hedging.optimise.quotes import Quotes
from hedgecore.instruments import OPTION, factorised
from hedgecore.limits import is_number

Array = npt.NDArray[Any]
KINDS: Final = ("open", "resize", "roll")


def is_count(value: Any) -> bool:
    """Whether a value is a whole number that is not negative."""
    return isinstance(value, Integral) and is_number(value) and int(value) >= 0


@dataclass(frozen=True, kw_only=True)
class Rolls:
    """Which rolls there are and what they cost: a held option is closed and a neighbour opened, size for size, in one order.

    Attributes
    ----------
    strikes, expiries
        Up and down to so many listed strikes of the same expiry, and out (and in) to so many neighbouring expiries at the nearest strike.
    spread
        Share of the half spreads of both legs that the combination pays.
    cheaper_fee
        Share of its fee that the leg with the smaller one pays: venues reduce it for combinations.
    """

    strikes: int = 2
    expiries: int = 1
    spread: float = 1.0
    cheaper_fee: float = 1.0

    def __post_init__(self) -> None:
        for name in ("strikes", "expiries"):
            value = getattr(self, name)
            if not is_count(value):
                raise ValueError(f"{name} = {value!r} must be a whole number, zero or positive")
        for name in ("spread", "cheaper_fee"):
            value = getattr(self, name)
            if not (is_number(value) and 0 <= value <= 1):
                raise ValueError(f"{name} = {value!r} must be from 0 to 1")


@dataclass(frozen=True, eq=False)
class Actions:
    """Columns of the program: each is done by an amount that is not negative, in units of quantity.

    Attributes
    ----------
    kind
        "buy", "sell" or "roll".
    instrument, closes
        Places among the quotes: what is traded (opened by a roll), and what a roll closes (-1: no roll).
    side
        1 where the instrument is bought, -1 where it is sold; what a roll closes trades the other way.
    spread, fee, premium
        USD per unit: against the middle, to the venue, and paid for the premiums (negative: received).
    upper
        The largest amount: sizes at the best prices, and what is held, for rolls.
    lot
        What amounts are multiples of.
    """

    kind: Array
    instrument: Array
    closes: Array
    side: Array
    spread: Array
    fee: Array
    premium: Array
    upper: Array
    lot: Array

    @property
    def cost(self) -> Array:
        """USD per unit: spread and fee."""
        return np.asarray(self.spread + self.fee)

    def __len__(self) -> int:
        """Return the number of actions."""
        return len(self.kind)

    @cached_property
    def rolls(self) -> Array:
        """Which of them are rolls: their places."""
        return np.flatnonzero(self.closes >= 0)

    def gain(self, unit: Array) -> Array:
        """Return what a unit of each action adds, from what a unit of each instrument is: both by the last axis."""
        out: Array = unit[..., self.instrument]
        out[..., self.rolls] -= unit[..., self.closes[self.rolls]]
        out *= self.side
        return out

    def changes(self, instrument: int) -> Array:
        """Return what a unit of each action changes of the quantity of one instrument."""
        is_this, was_this = self.instrument == instrument, self.closes == instrument
        return np.asarray(self.side * (is_this.astype(float) - was_this))

    def trades(self, amount: Array, instruments: int) -> Array:
        """Return the net trade in each instrument, signed."""
        done = self.side * amount
        out = np.bincount(self.instrument, done, instruments)
        return out - np.bincount(self.closes[self.rolls], done[self.rolls], instruments)

    def names(self, quotes: Quotes) -> list[str]:
        """Return each in words."""
        name = quotes.table.name
        return [
            f"{kind} {name[i]}" if c < 0 else f"{kind} {name[c]} into {name[i]}"
            for kind, i, c in zip(self.kind, self.instrument, self.closes, strict=True)
        ]


def held_of(book: Book, quotes: Quotes) -> Array:
    """Return what the book holds of each quoted instrument: options by their terms, others by name."""
    table, net = book.instruments, book.net_quantity
    held = np.zeros(len(quotes))
    place = instruments.find_options(quotes.table, table)
    others = np.flatnonzero(quotes.table.type != OPTION)
    names = dict(zip(quotes.table.name[others].tolist(), others.tolist(), strict=True))
    for row in np.flatnonzero((net != 0) & (table.type != OPTION)):
        place[row] = names.get(str(table.name[row]), -1)
    known = place >= 0
    np.add.at(held, place[known], net[known])
    return held


def actions_of(quotes: Quotes, held: Array, kinds: Sequence[str], able: Array, rolls: Rolls) -> Actions:  # fmt: skip
    """Return what can be done with instruments that may be traded (``able``)."""
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"actions: {kind!r} is none of {', '.join(KINDS)}")
    is_held = held != 0
    allowed = able & (
        ("open" in kinds) & ~is_held | ("resize" in kinds) & is_held | quotes.future
    )  # fmt: skip
    buys = np.flatnonzero(allowed & (quotes.ask_size > 0))
    sells = np.flatnonzero(allowed & (quotes.bid_size > 0))
    pairs = _rolls(quotes, held, able, rolls) if "roll" in kinds else np.zeros((0, 2), np.intp)
    close, into = pairs[:, 0], pairs[:, 1]
    (sold_spread, bought_spread), (sold_fee, bought_fee) = quotes.spread, quotes.fee
    bid, ask = quotes.premium

    # a long option is rolled by a sale of it and a purchase of the other, a short one the other way round
    long = held[close] > 0
    leg_fees = np.array([
        np.where(long, sold_fee[close], bought_fee[close]),
        np.where(long, bought_fee[into], sold_fee[into]),
    ])  # fmt: skip
    leg_spreads = np.where(long, sold_spread[close] + bought_spread[into], bought_spread[close] + sold_spread[into])  # fmt: skip
    roll_fee = leg_fees.max(axis=0) + rolls.cheaper_fee * leg_fees.min(axis=0)
    paid = np.where(long, ask[into] - bid[close], ask[close] - bid[into])
    room = np.where(
        long,
        np.minimum(quotes.bid_size[close], quotes.ask_size[into]),
        np.minimum(quotes.ask_size[close], quotes.bid_size[into]),
    )
    return Actions(
        kind=np.repeat(["buy", "sell", "roll"], [len(buys), len(sells), len(pairs)]),
        instrument=np.r_[buys, sells, into].astype(np.intp),
        closes=np.r_[np.full(len(buys) + len(sells), -1), close].astype(np.intp),
        side=np.r_[np.ones(len(buys)), -np.ones(len(sells)), np.where(long, 1.0, -1.0)],
        spread=np.r_[bought_spread[buys], sold_spread[sells], rolls.spread * leg_spreads],
        fee=np.r_[bought_fee[buys], sold_fee[sells], roll_fee],
        premium=np.r_[ask[buys], -bid[sells], paid],
        upper=np.r_[quotes.ask_size[buys], quotes.bid_size[sells], np.minimum(room, np.abs(held[close]))],
        lot=np.r_[quotes.lot[buys], quotes.lot[sells], np.maximum(quotes.lot[close], quotes.lot[into])],
    )  # fmt: skip


def _rolls(quotes: Quotes, held: Array, able: Array, rolls: Rolls) -> Array:
    """Pairs (held, into) of the rolls that both legs are quoted for."""
    table = quotes.table
    options = np.flatnonzero(able & (table.type == OPTION))
    # those that can be rolled into each other stand together, by expiry and strike
    codes = [factorised(column)[1] for column in (table.base, table.kind, table.inverse, table.currency)]  # fmt: skip
    family = np.ravel_multi_index(codes, [c.max(initial=0) + 1 for c in codes])[options]
    order = np.lexsort((table.strike[options], table.expiry_time[options], family))
    options, family = options[order], family[order]
    start = np.r_[0, np.flatnonzero((np.diff(family) != 0) | (np.diff(table.expiry_time[options]) != 0)) + 1]  # fmt: skip
    chains = np.split(options, start[1:])
    chain_of = np.repeat(np.arange(len(chains)), [len(chain) for chain in chains])
    found: list[tuple[int, int]] = []
    for place in np.flatnonzero(held[options] != 0).tolist():
        i, here = int(options[place]), int(chain_of[place])
        chain, at = chains[here], place - int(start[here])
        into = chain[max(at - rolls.strikes, 0) : at + rolls.strikes + 1].tolist()
        for other in range(
            max(here - rolls.expiries, 0), min(here + rolls.expiries + 1, len(chains))
        ):
            if family[start[other]] == family[place]:
                near = np.argmin(np.abs(table.strike[chains[other]] - table.strike[i]))
                into.append(int(chains[other][near]))
        closing, opening = (
            (quotes.bid_size, quotes.ask_size)
            if held[i] > 0
            else (quotes.ask_size, quotes.bid_size)
        )
        found += [
            (i, j) for j in dict.fromkeys(into) if j != i and closing[i] > 0 and opening[j] > 0
        ]
    return np.array(found, np.intp).reshape(-1, 2)


def said(quotes: Quotes, held: Array, actions: Actions, k: int, amount: float) -> str:
    """What an action by an amount is for what is held: open, increase, reduce, close, reverse, or which way a roll goes."""
    i, c = int(actions.instrument[k]), int(actions.closes[k])
    table = quotes.table
    if c >= 0:
        if table.expiry_time[i] != table.expiry_time[c]:
            return "roll out" if table.expiry_time[i] > table.expiry_time[c] else "roll in"
        return "roll up" if table.strike[i] > table.strike[c] else "roll down"
    trade = amount if actions.kind[k] == "buy" else -amount
    if held[i] == 0:
        return "open"
    if np.sign(trade) == np.sign(held[i]):
        return "increase"
    left = abs(held[i]) - abs(trade)
    small = 1e-9 * abs(held[i])
    return "reduce" if left > small else "close" if left >= -small else "reverse"
