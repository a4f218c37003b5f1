"""What can be done: buying, selling, and rolling what is held into a neighbour, each at its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import instruments
from hedgecore.book import Book
from hedgecore.hedging.optimise.quotes import Quotes
from hedgecore.instruments import OPTION
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
    legs
        Instruments x actions: what a unit changes of each quantity.
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
    legs: Array
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
    names = {str(name): i for i, name in enumerate(quotes.table.name)}
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
    n = len(quotes)
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
    legs = np.zeros((n, len(buys) + len(sells) + len(pairs)))
    column = np.arange(legs.shape[1])
    b, s, r = np.split(column, [len(buys), len(buys) + len(sells)])
    legs[buys, b] = 1.0
    legs[sells, s] = -1.0
    legs[close, r] = np.where(long, -1.0, 1.0)
    legs[into, r] = np.where(long, 1.0, -1.0)
    return Actions(
        kind=np.array(["buy"] * len(buys) + ["sell"] * len(sells) + ["roll"] * len(pairs)),
        instrument=np.r_[buys, sells, into].astype(np.intp),
        closes=np.r_[np.full(len(buys) + len(sells), -1), close].astype(np.intp),
        legs=legs,
        spread=np.r_[bought_spread[buys], sold_spread[sells], rolls.spread * leg_spreads],
        fee=np.r_[bought_fee[buys], sold_fee[sells], roll_fee],
        premium=np.r_[ask[buys], -bid[sells], paid],
        upper=np.r_[quotes.ask_size[buys], quotes.bid_size[sells], np.minimum(room, np.abs(held[close]))],
        lot=np.r_[quotes.lot[buys], quotes.lot[sells], np.maximum(quotes.lot[close], quotes.lot[into])],
    )  # fmt: skip


def _rolls(quotes: Quotes, held: Array, able: Array, rolls: Rolls) -> Array:
    """Pairs (held, into) of the rolls that both legs are quoted for."""
    table = quotes.table
    found: list[tuple[int, int]] = []
    option = able & (table.type == OPTION)
    for i in np.flatnonzero(option & (held != 0)).tolist():
        like = option & (table.base == table.base[i]) & (table.kind == table.kind[i])
        like &= (table.inverse == table.inverse[i]) & (table.currency == table.currency[i])
        near = np.flatnonzero(like & (table.expiry_time == table.expiry_time[i]))
        near = near[np.argsort(table.strike[near])]
        at = int(np.flatnonzero(near == i)[0])
        into = near[max(at - rolls.strikes, 0) : at + rolls.strikes + 1].tolist()
        times = np.unique(table.expiry_time[like])
        here = int(np.searchsorted(times, table.expiry_time[i]))
        for when in times[max(here - rolls.expiries, 0) : here + rolls.expiries + 1]:
            rows = np.flatnonzero(like & (table.expiry_time == when))
            into.append(int(rows[np.argmin(np.abs(table.strike[rows] - table.strike[i]))]))
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
