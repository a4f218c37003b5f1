"""Full order books at chosen times: rebuilt from a whole book and the changes after it.

>>> from hedgecore.venues import read
>>> books = rebuild(read("binance_spot.gz"), every=1.0)  # doctest: +SKIP
>>> books.depth(10.0)  # coins within 10 bp of the mid, per book: bids, asks  # doctest: +SKIP

`Books` itself needs numpy alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from hedgecore.venues import DataError

if TYPE_CHECKING:
    from hedgecore.venues.defects import Defect
    from hedgecore.venues.tables import Table

FloatArray = npt.NDArray[np.float64]
Levels = tuple[FloatArray, FloatArray]
"""Prices and sizes, best first."""
Unit = Literal["coins", "usd"]


@dataclass(frozen=True, eq=False, repr=False)
class Books:
    """Order books of one instrument at several times, all in order and none crossed.

    Attributes
    ----------
    time
        datetime64[us], UTC, one per book.
    book
        Book of each level, 0 first.
    side
        -1 bid, +1 ask.
    price
        Quote currency (USD) per coin; in each book the bids, best first, then the asks, best first.
    size
        Coins.
    instrument
        The venue's name.
    defects
        The ledger of what was asked for and could not be rebuilt.
    """

    time: npt.NDArray[np.datetime64]
    book: npt.NDArray[np.int64]
    side: npt.NDArray[np.int8]
    price: FloatArray
    size: FloatArray
    instrument: str = ""
    defects: tuple[Defect, ...] = ()

    @classmethod
    def from_levels(
        cls,
        bids: Sequence[Any],
        asks: Sequence[Any],
        *,
        time: Any = None,
        instrument: str = "",
    ) -> Books:
        """Books from their levels: for each book an array (n, 2) of price and size (coins), in any order.

        ``time`` are their times, one per book (UTC; the epoch without any).

        Raises
        ------
        ValueError
            A side is empty, a price or size is not positive and finite, a price is there twice, or a book is crossed; named by book and level.
        """
        if len(bids) != len(asks) or not len(bids):
            raise ValueError(f"bids and asks must be as many, and some: {len(bids)}, {len(asks)}")
        stamps = np.zeros(len(bids), "M8[us]") if time is None else np.asarray(time, "M8[us]")
        if stamps.shape != (len(bids),):
            raise ValueError(f"time has shape {stamps.shape}, the books are {len(bids)}")
        books = [
            (_side(bid, "bids", i, -1), _side(ask, "asks", i, 1))
            for i, (bid, ask) in enumerate(zip(bids, asks, strict=True))
        ]
        for i, (bid, ask) in enumerate(books):
            if bid[0][0] >= ask[0][0]:
                raise ValueError(f"book {i} is crossed: best bid {bid[0][0]}, best ask {ask[0][0]}")
        return _stacked(stamps, books, instrument, ())

    def __len__(self) -> int:
        """Return the number of books."""
        return len(self.time)

    def __repr__(self) -> str:
        """Describe them."""
        span = f"{self.time[0]} to {self.time[-1]}, " if len(self) else ""
        lines = [
            f"Books of {self.instrument or '?'}: {len(self):,}, {span}{len(self.price):,} levels"
        ]
        lines += [
            f"  {d.name}: {d.count:,} of {d.total:,} {d.unit}" for d in self.defects if d.count
        ]
        return "\n".join(lines)

    def levels(self, i: int) -> tuple[Levels, Levels]:
        """Return prices and sizes of a book, best first: bids, asks."""
        start, end = np.searchsorted(self.book, [i, i + 1])
        middle = start + int(np.searchsorted(self.side[start:end], 0))
        bids, asks = slice(start, middle), slice(middle, end)
        return (self.price[bids], self.size[bids]), (self.price[asks], self.size[asks])

    @property
    def best(self) -> FloatArray:
        """Best quotes (n, 4): bid, ask, size at the bid, size at the ask."""
        starts = np.flatnonzero(np.diff(self.book * 2 + (self.side > 0), prepend=-1))
        price, size = self.price[starts].reshape(-1, 2), self.size[starts].reshape(-1, 2)
        return np.column_stack((price, size))

    @property
    def mid(self) -> FloatArray:
        """Middle of the best quotes, USD per coin."""
        best = self.best
        return 0.5 * (best[:, 0] + best[:, 1])

    @property
    def half_spread(self) -> FloatArray:
        """Half of ask less bid, as a share of the mid."""
        best = self.best
        return (best[:, 1] - best[:, 0]) / (best[:, 1] + best[:, 0])

    def depth(self, bp: float, *, unit: Unit = "coins") -> FloatArray:
        """Return what rests within ``bp`` basis points of the mid (n, 2), bids and asks, in coins or in USD.

        NaN where the book ends sooner: what lies beyond its last level is not known.
        """
        if not 0 < bp < math.inf:
            raise ValueError(f"bp = {bp} must be positive")
        if unit not in ("coins", "usd"):
            raise ValueError(f"unit = {unit!r} must be 'coins' or 'usd'")
        mid = self.mid[self.book]
        away = self.side * (self.price - mid) <= 1e-4 * bp * mid
        amount = self.size * (self.price if unit == "usd" else 1.0)
        place = 2 * self.book + (self.side > 0)
        total = np.bincount(place[away], amount[away], 2 * len(self))
        beyond = np.bincount(place[~away], minlength=2 * len(self))
        return np.where(beyond > 0, total, np.nan).reshape(-1, 2)


def rebuild(
    table: Table,
    *,
    every: float | None = None,
    at: Any = None,
    instrument: str | None = None,
    unit: Unit | None = None,
) -> Books:
    """Rebuild the books of an instrument at chosen times from a table of books.

    A book is what the last whole book before the time and all changes after it leave, between the lowest bid and the highest ask of that whole
    book: it was cut there, and what changes beyond it does not show all that rests there.  Where a change does not follow the state before it, the
    book is unknown until the next whole one: such times are left out and counted, as are crossed books and those without a side.

    Parameters
    ----------
    table
        Of :func:`hedgecore.venues.read`, of kind "books" or with such a part.
    every
        Seconds between the books, from the first whole book to the last message.
    at
        Times instead (UTC, datetime64 or what numpy takes for it), in order.  Without either: at each whole book of the file.
    instrument
        Needed where the table has several.
    unit
        What the sizes are, "coins" or "usd" (inverse futures); known for Binance and Bybit.

    Raises
    ------
    DataError
        No books in the table, no whole book among them, or none at any of the times.
    ValueError
        Times that are not in order, an instrument that is not there, a unit that is needed.
    """
    import polars as pl

    from hedgecore.venues.defects import MAX_EXAMPLES, Defect

    table = table.part("books")
    frame = table.frame
    names = sorted(frame["instrument"].unique())
    if instrument is None and len(names) > 1:
        raise ValueError(f"instrument must be one of {', '.join(names[:8])}, … ({len(names)})")
    name = names[0] if instrument is None else instrument
    if name not in names:
        raise ValueError(f"instrument = {name!r} has no book in {table.source}")
    in_usd = _sizes(table.format, unit) == "usd"
    frame = frame.filter(pl.col("instrument") == name)
    row = frame["row"].to_numpy()
    starts = np.flatnonzero(np.diff(row.astype(np.int64), prepend=-1))
    first = frame[starts]
    when = np.maximum.accumulate(first["timestamp"].to_numpy().astype("M8[us]"))
    whole = first["is_snapshot"].to_numpy()
    if not whole.any():
        raise DataError(f"{table.source}: no whole book of {name} to begin with")
    intact = _intact(whole, first["change_id"].to_list(), first["previous_id"].to_list())
    times, messages = _times(when, whole, every, at)
    ends = np.append(starts, frame.height)
    key = frame["price"].to_numpy() * np.where(frame["side"] == "ask", 1.0, -1.0)
    amount = frame["amount"].to_numpy()

    kept, books = list[int](), list[tuple[Levels, Levels]]()
    lost: dict[str, list[str]] = {"early": [], "broken": [], "crossed": [], "empty": []}
    state, done, reach = (np.empty(0), np.empty(0)), -1, (-np.inf, -np.inf)
    last_whole = np.maximum.accumulate(np.where(whole, np.arange(len(whole)), -1))
    for k, message in enumerate(messages):
        begin = last_whole[message] if message >= 0 else -1
        if begin < 0 or not intact[message]:
            lost["early" if begin < 0 else "broken"].append(str(times[k]))
            continue
        if begin > done:
            state, done = (np.empty(0), np.empty(0)), begin - 1
            shown = key[ends[begin] : ends[begin + 1]]
            reach = (shown[shown < 0].max(initial=-np.inf), shown[shown > 0].max(initial=-np.inf))
        new = slice(ends[done + 1], ends[message + 1])
        state, done = _merged(state, key[new], amount[new]), message
        seen = state[0] <= np.where(state[0] < 0, *reach)
        keys, sizes = state[0][seen], state[1][seen]
        split = int(np.searchsorted(keys, 0.0))
        bid_price, ask_price = -keys[:split], keys[split:]
        if not len(bid_price) or not len(ask_price):
            lost["empty"].append(str(times[k]))
        elif bid_price[0] >= ask_price[0]:
            lost["crossed"].append(str(times[k]))
        else:
            size = sizes / np.abs(keys) if in_usd else sizes
            kept.append(k)
            books.append(((bid_price, size[:split]), (ask_price, size[split:])))
    what = {
        "early": ("before the first book", "no whole book by that time"),
        "broken": ("book unknown", "a change is missing since the last whole book"),
        "crossed": ("book crossed", "the best bid is at or above the best ask"),
        "empty": ("side empty", "no bid or no ask in the range that the last whole book showed"),
    }
    ledger = tuple(
        Defect(title, f"{text}: left out", len(lost[kind]), len(times), unit="times", dropped=True,
               examples=tuple(lost[kind][:MAX_EXAMPLES]))
        for kind, (title, text) in what.items()
    )  # fmt: skip
    if not books:
        reasons = "; ".join(f"{d.name}: {d.count}" for d in ledger if d.count)
        raise DataError(f"{table.source}: no book of {name} at any of the times ({reasons})")
    return _stacked(times[kept], books, name, ledger)


def _sizes(format: str, unit: Unit | None) -> Unit:
    known: Unit | None = None
    if format.startswith(("Binance", "Bybit")):
        known = "usd" if "coin-margined" in format else "coins"
    if unit is None and known is None:
        raise ValueError(f"unit must say what the sizes of {format} are: 'coins' or 'usd'")
    if unit not in (None, "coins", "usd") or (unit and known and unit != known):
        raise ValueError(f"unit = {unit!r} must be {f'{known!r}' if known else repr('coins')}")
    return unit or known  # type: ignore[return-value]


def _intact(whole: npt.NDArray[np.bool_], number: list[Any], before: list[Any]) -> list[bool]:
    """Whether the state after each message is known; without numbers every change is taken to follow."""
    found, good = list[bool](), False
    for i, is_whole in enumerate(whole):
        follows = i > 0 and (
            before[i] == number[i - 1] or (before[i] is None and number[i] is None)
        )
        good = bool(is_whole) or (good and follows)
        found.append(good)
    return found


def _times(
    when: npt.NDArray[np.datetime64], whole: npt.NDArray[np.bool_], every: float | None, at: Any
) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.int64]]:
    """The times and the last message by each."""
    if every is not None and at is not None:
        raise ValueError("every and at exclude each other")
    if every is None and at is None:
        return when[whole], np.flatnonzero(whole)
    if every is not None:
        if not 1e-6 <= every < math.inf:
            raise ValueError(f"every = {every} must be positive, seconds")
        start, end = when[np.argmax(whole)], when[-1]
        count = int((end - start) / np.timedelta64(1, "us") / (1e6 * every)) + 1
        times = start + np.round(np.arange(count) * (1e6 * every)).astype("m8[us]")
    else:
        times = np.atleast_1d(np.asarray(at, "M8[us]"))
        if not len(times) or np.isnat(times).any() or (np.diff(times) < np.timedelta64(0)).any():
            raise ValueError("at must be times in order, at least one")
    return times, np.searchsorted(when, times, side="right") - 1


def _merged(state: Levels, key: FloatArray, amount: FloatArray) -> Levels:
    """The levels that are left, by rising key: the last amount of each."""
    keys, amounts = np.append(state[0], key)[::-1], np.append(state[1], amount)[::-1]
    unique, last = np.unique(keys, return_index=True)
    left = amounts[last]
    return unique[left > 0], left[left > 0]


def _side(levels: Any, name: str, book: int, sign: int) -> Levels:
    array = np.asarray(levels, float)
    if array.size == 0:
        raise ValueError(f"{name} of book {book} are empty")
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(f"{name} of book {book} have shape {array.shape}, not (levels, 2)")
    for column, what in enumerate(("price", "size")):
        bad = np.flatnonzero(~((array[:, column] > 0) & np.isfinite(array[:, column])))
        if len(bad):
            raise ValueError(
                f"{name} of book {book}: {what} = {array[bad[0], column]} (level {bad[0]}) must be positive"
            )
    array = array[np.argsort(sign * array[:, 0], kind="stable")]
    twice = np.flatnonzero(np.diff(array[:, 0]) == 0)
    if len(twice):
        raise ValueError(f"{name} of book {book}: price {array[twice[0], 0]} is there twice")
    return array[:, 0], array[:, 1]


def _stacked(
    time: npt.NDArray[np.datetime64],
    books: Sequence[tuple[Levels, Levels]],
    instrument: str,
    defects: tuple[Defect, ...],
) -> Books:
    sides = [side for book in books for side in book]
    counts = [len(price) for price, _ in sides]
    return Books(
        time,
        np.repeat(np.arange(len(sides)) // 2, counts),
        np.repeat(np.tile(np.array([-1, 1], np.int8), len(books)), counts),
        np.concatenate([price for price, _ in sides]),
        np.concatenate([size for _, size in sides]),
        instrument,
        defects,
    )
