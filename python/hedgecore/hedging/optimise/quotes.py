"""What can be traded: quotes with sizes, lots and fees, and what a trade costs against the middle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import frames, instruments
from hedgecore.instruments import FUTURE, OPTION, PERPETUAL, Instruments

if TYPE_CHECKING:
    from hedgecore.book import Market
    from hedgecore.venues.deribit.contracts import FeeSchedule

Array = npt.NDArray[Any]
_NUMBERS: Final = ("bid", "ask", "mark", "bid_size", "ask_size", "lot")
_TRADED: Final = ("option", "future", "perpetual", "spot")


@dataclass(frozen=True, eq=False)
class Quotes:
    """Instruments that can be traded now, one entry per row in every column.

    Prices are in the unit of the venue (options: settlement currency per coin; futures: quote currency per coin), quantities
    as in a :class:`hedgecore.Book` (coins; USD for inverse futures and perpetuals).  NaN for a side without a quote.

    Attributes
    ----------
    table
        The instruments.
    bid, ask
        The best of each side.
    middle
        Half way; where a side is missing the mark.
    bid_size, ask_size
        What can be sold and bought at these prices; infinite where nobody says.
    lot
        The smallest order, of which trades are multiples.
    fee
        USD per unit traded, on the side that takes: (of a sale, of a purchase).
    unit
        USD per unit of the price and of quantity: a trade of q at p costs q p unit (inverse futures: see :meth:`spread`).
    index
        USD per coin.
    notes
        What was assumed and left out.
    """

    table: Instruments
    bid: Array
    ask: Array
    middle: Array
    bid_size: Array
    ask_size: Array
    lot: Array
    fee: tuple[Array, Array]
    unit: Array
    index: Array
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        data: Any,
        market: Market,
        *,
        at: Any = None,
        size: float | Mapping[str, float] | None = None,
        half_spread: float = 1e-4,
        perpetuals: bool = True,
        fees: FeeSchedule | None = None,
        venue: str = "deribit",
    ) -> Quotes:
        """Make them of quotes and the market that values the book.

        Parameters
        ----------
        data
            A table read by :mod:`hedgecore.venues` or its frame, or columns ``instrument`` (the venue's names), ``bid``, ``ask`` and, where
            known, ``mark``, ``bid_size``, ``ask_size`` and ``lot``.
        market
            Whose indices, forwards and vols count; instruments that it cannot value are left out.
        at
            The snapshot, where the data have several (:func:`hedgecore.chain.snapshot`).
        size
            Coins that can be traded of each instrument and side where the data have no size; by pattern of names, the first
            that fits.  None: no limit, which ``notes`` say.
        half_spread
            Share of the price on either side of futures and perpetuals that have a mark and no bid and ask; crossed ones are left out.
        perpetuals
            Whether the inverse perpetual of every coin is added, at the market's price for it or else at the index, where the data have none.
        fees
            By default those of Deribit (:data:`hedgecore.venues.deribit.FEES`).

        Raises
        ------
        ValueError
            Naming the column, the row and the value; and where nothing can be traded.
        """
        from hedgecore.venues.deribit.contracts import FEES

        if not 0 <= half_spread < 1:
            raise ValueError(f"half_spread = {half_spread} must be from 0 to below 1")
        columns = _columns(data, at)
        table = _table(columns, venue)
        numbers = {name: _number(columns, name, len(table)) for name in _NUMBERS}
        notes: list[str] = []
        if perpetuals:
            table, numbers = _with_perpetuals(table, numbers, market, notes)
        bid, ask = numbers["bid"].copy(), numbers["ask"].copy()
        crossed = bid > ask
        bid[crossed] = ask[crossed] = np.nan
        data_of = market.align(table)
        future = (table.type == FUTURE) | (table.type == PERPETUAL)
        mark = np.where(np.isnan(numbers["mark"]) & future, data_of.forward, numbers["mark"])
        bare = future & ~crossed & np.isnan(bid) & np.isnan(ask) & np.isfinite(mark)
        bid[bare], ask[bare] = (
            mark[bare] * (1 - half_spread),
            mark[bare] * (1 + half_spread),
        )
        two_sided = np.isfinite(bid) & np.isfinite(ask)
        middle = np.where(two_sided, (bid + ask) / 2, mark)
        quoted = (np.isfinite(bid) | np.isfinite(ask)) & np.isfinite(middle)
        rows = np.flatnonzero(quoted & data_of.valued)
        for count, what in (
            (crossed.sum(), "crossed quotes left out"),
            (bare.sum(), f"futures and perpetuals with a mark alone: {half_spread:.2%} on either side"),
            ((~quoted & ~crossed).sum(), "instruments without a quote left out"),
            ((quoted & ~data_of.valued).sum(), "quotes that the market cannot value left out"),
        ):  # fmt: skip
            if count:
                notes.append(f"{count:,} {what}")
        if not rows.size:
            raise ValueError("quotes: nothing can be traded: no quote that the market can value")
        kept, data_of = table.take(rows), data_of.take(rows)
        bid, ask, middle = bid[rows], ask[rows], middle[rows]
        lot = _lots(kept, numbers["lot"][rows])
        index, inverse = data_of.index, kept.inverse
        unit = np.where(inverse, index, data_of.unit)
        sizes = []
        for side in ("bid_size", "ask_size"):
            given = numbers[side][rows]
            assumed = _assumed(kept, size, index, data_of.forward)
            sizes.append(np.where(np.isnan(given), assumed, given))
        unknown = int((np.isinf(sizes[0]) | np.isinf(sizes[1])).sum())
        if unknown:
            notes.append(f"{unknown:,} instruments without a size: what they trade has no limit")
        sides = [np.where(np.isfinite(side), side, middle) for side in (bid, ask)]
        fee = tuple(_fee(kept, side, index, unit, fees or FEES) for side in sides)
        return cls(
            kept, bid, ask, middle, np.where(np.isfinite(bid), sizes[0], 0.0),
            np.where(np.isfinite(ask), sizes[1], 0.0), lot, (fee[0], fee[1]), unit, index, tuple(notes),
        )  # fmt: skip

    def __len__(self) -> int:
        """Return the number of instruments."""
        return len(self.table)

    @cached_property
    def future(self) -> Array:
        """Which are futures or perpetuals: their price is no premium."""
        return np.asarray((self.table.type == FUTURE) | (self.table.type == PERPETUAL))

    @cached_property
    def spread(self) -> tuple[Array, Array]:
        """USD per unit traded by which a sale at the bid and a purchase at the ask are worse than the middle; never below 0.

        A unit of an inverse future is 1 USD: bought at a in place of m it loses 1/m - 1/a coins.
        """
        inverse = self.future & self.table.inverse
        out = []
        for price, sign in ((self.bid, -1.0), (self.ask, 1.0)):
            worse = np.where(
                inverse, sign * (1 / self.middle - 1 / price), sign * (price - self.middle)
            )
            out.append(np.maximum(np.nan_to_num(worse * self.unit), 0.0))  # fmt: skip
        return out[0], out[1]

    @cached_property
    def premium(self) -> tuple[Array, Array]:
        """USD per unit that a sale brings and that a purchase takes; 0 for futures."""
        bid, ask = (
            np.where(self.future, 0.0, np.nan_to_num(p) * self.unit) for p in (self.bid, self.ask)
        )
        return bid, ask

    @cached_property
    def delta_scale(self) -> Array:
        """Coins that a unit stands for: 1, and 1 / index for what is counted in USD."""
        return np.where(self.future & self.table.inverse, 1 / self.index, 1.0)

    def take(self, rows: Any) -> Quotes:
        """Return some of the instruments: places, or a mask."""
        changes: dict[str, Any] = {}
        for f in fields(self):
            value = getattr(self, f.name)
            if f.name == "table":
                changes[f.name] = value.take(rows)
            elif f.name == "fee":
                changes[f.name] = (value[0][rows], value[1][rows])
            else:
                changes[f.name] = value if f.name == "notes" else value[rows]
        return Quotes(**changes)

    def matching(self, patterns: Sequence[str]) -> Array:
        """Return which names fit one of the patterns (``BTC-*-C``); ValueError for a pattern that fits none."""
        out = np.zeros(len(self), bool)
        names = self.table.name.tolist()
        for pattern in patterns:
            fits = np.array([fnmatchcase(name, pattern) for name in names], bool)
            if not fits.any():
                raise ValueError(f"{pattern!r} fits no instrument that is quoted")
            out |= fits
        return out

    def near_deltas(
        self,
        market: Market,
        deltas: Sequence[float] = (0.1, 0.25, 0.5),
        expiries: int | None = None,
        kept: Sequence[str] = (),
    ) -> Quotes:
        """Return futures, perpetuals, names that fit ``kept``, and of every expiry the calls and puts nearest to these deltas.

        Few instruments on many scenarios: what a tail can be trusted with.  Only options quoted on both sides count.

        Parameters
        ----------
        market
            Of the deltas: plain Black ones, by magnitude.
        deltas
            From 0 to 1.
        expiries
            Of each coin the nearest so many that have a day left; None: all.
        kept
            Patterns of further names, for example of what is held.
        """
        from hedgecore.hedging.optimise.exposures import unit_measures

        chosen = self.future.copy()
        if kept:
            chosen |= self.matching(kept)
        black = np.abs(unit_measures(self.table, market)["black_delta"])
        days = (self.table.expiry_time - market.time).astype(np.int64) / 86_400e6
        able = (self.table.type == OPTION) & np.isfinite(self.bid) & np.isfinite(self.ask)
        able &= days >= 1
        for base in np.unique(self.table.base):
            here = able & (self.table.base == base)
            for when in np.unique(self.table.expiry_time[here])[:expiries]:
                for kind in (1, -1):
                    rows = np.flatnonzero(
                        here & (self.table.expiry_time == when) & (self.table.kind == kind)
                    )
                    for delta in deltas if rows.size else ():
                        chosen[rows[np.argmin(np.abs(black[rows] - delta))]] = True
        return self.take(chosen)

    def __repr__(self) -> str:
        counts = [np.count_nonzero(self.table.type == i) for i in range(len(_TRADED))]
        kinds = [
            f"{n:,} {name}{'' if n == 1 else 's'}"
            for n, name in zip(counts, _TRADED, strict=True)
            if n
        ]
        return "\n".join([f"Quotes of {', '.join(kinds)}", *self.notes])


def _columns(data: Any, at: Any) -> dict[str, Array]:
    """The columns of one snapshot."""
    if hasattr(data, "part") or (hasattr(data, "columns") and "timestamp" in data.columns):
        from hedgecore.chain import quotes_frame, snapshot

        data = snapshot(quotes_frame(data), at)
        data = data.filter(data["type"].is_in(list(_TRADED)))
        columns = {
            name: data[name].to_numpy()
            for name in ("instrument", "base", "strike", "bid", "ask", "mark", "bid_size", "ask_size")
        }  # fmt: skip
        for name in ("type", "settlement", "currency"):
            columns[name] = data[name].to_numpy().astype(np.str_)
        columns["kind"] = data["kind"].fill_null(0).to_numpy().astype(np.int8)
        when = data["expiry_time"].dt.replace_time_zone(None).to_numpy()
        columns["expiry_time"] = when.astype("M8[us]")
        # sizes count contracts, of options in units of contract_size coins
        size = data["contract_size"].fill_null(1.0).to_numpy()
        size = np.where(columns["type"] == "option", size, 1.0)
        for name in ("bid_size", "ask_size"):
            columns[name] = columns[name] * size
        return columns
    if at is not None:
        raise ValueError("at is for quotes with a timestamp")
    return frames.columns_of(data)


def _table(columns: Mapping[str, Array], venue: str) -> Instruments:
    if "instrument" not in columns:
        raise ValueError(f"quotes need a column 'instrument'; there are {', '.join(columns)}")
    names = np.asarray(columns["instrument"]).astype(np.str_)
    distinct, count = np.unique(names, return_counts=True)
    if (count > 1).any():
        raise ValueError(f"quotes: {distinct[count > 1][0]} stands in {count.max()} rows")
    if "base" in columns:
        return instruments.from_columns({**columns, "name": names}, len(names))
    from hedgecore.book import instruments_of

    return instruments_of(names, np.arange(len(names)), venue)


def _number(columns: Mapping[str, Array], name: str, rows: int) -> Array:
    """A column of numbers; NaN where there is none and for prices of 0, which are no quotes."""
    if name not in columns:
        if name in ("bid", "ask"):
            raise ValueError(f"quotes need a column {name!r}; there are {', '.join(columns)}")
        return np.full(rows, np.nan)
    try:
        values: Array = np.array(columns[name], np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numbers: {error}") from None
    instruments.check(values < 0, name, values, "zero or positive, or none")
    instruments.check(np.isinf(values), name, values, "finite, or none")
    if name in ("bid", "ask", "mark", "lot"):
        values[values == 0] = np.nan
    return values


def _with_perpetuals(
    table: Instruments, numbers: dict[str, Array], market: Market, notes: list[str]
) -> tuple[Instruments, dict[str, Array]]:
    """The inverse perpetuals of coins that have none among the quotes."""
    there = set(table.base[(table.type == PERPETUAL) & table.inverse].tolist())
    coins = [
        c for c in np.unique(table.base).tolist() if c not in there and np.isfinite(market.worth(c))
    ]
    if not coins:
        return table, numbers
    more = instruments.from_columns(
        {
            "base": np.array(coins), "type": np.full(len(coins), "perpetual"),
            "settlement": np.full(len(coins), "inverse"),
            "name": np.array([f"{coin}-PERPETUAL" for coin in coins]),
        },
        len(coins),
    )  # fmt: skip
    both = Instruments(
        *(np.concatenate([getattr(table, f.name), getattr(more, f.name)]) for f in fields(table))
    )
    none = np.full(len(coins), np.nan)
    said = [name for name in more.name.tolist() if name not in market.prices]
    if said:
        notes.append(f"{', '.join(said)} not quoted: at the index")
    return both, {name: np.r_[column, none] for name, column in numbers.items()}


def _assumed(
    table: Instruments, size: float | Mapping[str, float] | None, index: Array, price: Array
) -> Array:
    """Sizes where the data have none, in units of quantity."""
    coins = np.full(len(table), np.inf)
    by_name = size if isinstance(size, Mapping) else {} if size is None else {"*": size}
    for row, name in enumerate(table.name.tolist()) if by_name else ():
        for pattern, value in by_name.items():
            if not value > 0:
                raise ValueError(f"size of {pattern!r} = {value} must be positive")
            if fnmatchcase(name, pattern):
                coins[row] = value
                break
    in_usd = table.inverse & ((table.type == FUTURE) | (table.type == PERPETUAL))
    return np.where(in_usd, coins * np.where(np.isfinite(price), price, index), coins)


def _lots(table: Instruments, given: Array) -> Array:
    """The smallest orders: as given, else of the venue's contracts."""
    from hedgecore.venues.deribit.contracts import CONTRACTS

    smallest = {
        (c.base, c.quote == "USD", c.type): c.min_amount for c in sorted(CONTRACTS, key=lambda c: c.since)
    }  # fmt: skip
    types = np.array(instruments.TYPES)[table.type]
    known = [
        smallest.get((str(b), bool(i), str(t)), np.nan)
        for b, i, t in zip(table.base, table.inverse, types, strict=True)
    ]
    return np.where(np.isnan(given), known, given)


def _fee(
    table: Instruments, price: Array, index: Array, unit: Array, schedule: FeeSchedule
) -> Array:
    """USD per unit of a trade that takes; spot has none."""
    from hedgecore.venues.deribit.contracts import future_fee, option_fee

    fee = np.zeros(len(table))
    future = (table.type == FUTURE) | (table.type == PERPETUAL)
    for inverse in (True, False):
        rows = np.flatnonzero((table.type == OPTION) & (table.inverse == inverse))
        per_index = None if inverse else index[rows]
        fee[rows] = option_fee(price[rows], 1.0, schedule=schedule, index=per_index)
        rows = np.flatnonzero(future & (table.inverse == inverse))
        if rows.size:
            fee[rows] = future_fee(
                price[rows], 1.0, settlement="inverse" if inverse else "linear", schedule=schedule
            )
    return fee * unit
