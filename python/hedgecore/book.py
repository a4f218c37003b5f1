"""Book and Market: what is held, and what is needed to value it at a time."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import frames, instruments
from hedgecore.instruments import FUTURE, OPTION, PERPETUAL, SPOT, Instruments

if TYPE_CHECKING:
    from hedgecore.explain import Explain
    from hedgecore.limits import Breach
    from hedgecore.risk import Risk
    from hedgecore.scenarios import Ladder, ScenarioGrid

Array = npt.NDArray[Any]
YEAR_US: Final = 365 * 86_400 * 1_000_000
"""Microseconds in a year (ACT/365)."""

VolFunction = Callable[[str, Array, Array, Array], Array]
"""(base, forward, strike, expiry in years) -> vol, arrays of one length."""


class Book:
    """Signed quantities of instruments.

    A quantity is in coins for options, spot and linear futures and perpetuals, in the quote
    currency (USD) for inverse futures and perpetuals, in units of itself for balances; long is
    positive.  Positions in the same instrument may stand in several rows.

    Parameters
    ----------
    table
        The distinct instruments.
    row
        For each position its row in the table.
    quantity
        For each position its signed quantity.
    entry_price
        For futures and perpetuals the average price paid, where known (NaN: the current price,
        no profit or loss is counted).
    """

    def __init__(
        self, table: Instruments, row: Array, quantity: Array, entry_price: Array | None = None
    ) -> None:
        self.instruments = table
        self.row = _frozen(row, np.intp)
        self.quantity = _frozen(quantity, np.float64)
        n = len(self.quantity)
        prices = np.full(n, np.nan) if entry_price is None else entry_price
        self.entry_price = _frozen(prices, np.float64)
        if len(self.row) != n or len(self.entry_price) != n:
            raise ValueError("row, quantity and entry_price must have one length")
        instruments.check(~np.isfinite(self.quantity), "quantity", self.quantity, "finite")
        wrong = ~np.isnan(self.entry_price) & ~(
            (self.entry_price > 0) & (self.entry_price < np.inf)
        )
        instruments.check(wrong, "entry_price", self.entry_price, "positive and finite, or none")
        self._latest: Risk | None = None

    @classmethod
    def from_frame(cls, data: Any, venue: str = "deribit") -> Book:
        """Make a book from a frame: pandas, polars, any Arrow table, or a mapping of columns.

        Parameters
        ----------
        data
            Columns ``quantity`` and either ``instrument`` (or ``instrument_name``: names of the
            venue) or the terms of each row, see :func:`hedgecore.instruments.from_columns`.
            Optionally ``entry_price``, and ``contract_size``, by which quantities are multiplied (where
            they count contracts).  Other columns are ignored.
        venue
            Whose names these are.

        Raises
        ------
        ValueError
            Naming the column, the first bad row, its value, and how many there are.
        """
        columns = frames.columns_of(data)
        if "quantity" not in columns:
            raise ValueError(f"a book needs a column 'quantity'; there are {', '.join(columns)}")
        quantity = _numbers(columns["quantity"], "quantity")
        entry = columns.get("entry_price")
        entry_price = None if entry is None else _numbers(entry, "entry_price")
        names = columns.get("instrument", columns.get("instrument_name"))
        if names is None:
            table = instruments.from_columns(columns, len(quantity))
            return cls(table, np.arange(len(quantity)), quantity, entry_price)
        if "contract_size" in columns:
            size = _numbers(columns["contract_size"], "contract_size")
            instruments.check(~(size > 0), "contract_size", size, "positive")
            quantity = quantity * size
        distinct, row = np.unique(np.asarray(names).astype(np.str_), return_inverse=True)
        return cls(instruments_of(distinct, row, venue), row, quantity, entry_price)

    @classmethod
    def from_csv(cls, path: str | Path, venue: str = "deribit") -> Book:
        """Make a book from a CSV file with the columns of :meth:`from_frame`.

        Raises
        ------
        ValueError
            Naming the file, and the line where it has no number.
        """
        path = Path(path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            try:
                lines = [(reader.line_num, line) for line in reader if line]
            except (csv.Error, UnicodeDecodeError) as error:
                raise ValueError(f"{path}: not a CSV file ({error})") from error
        if len(lines) < 2:
            raise ValueError(f"{path}: no positions")
        header = [name.strip() for name in lines[0][1]]
        named = [name for name in header if name]  # a column without a name is a frame's index
        if len(set(named)) < len(named):
            raise ValueError(f"{path}: a column name stands twice in {', '.join(named)}")
        numbers = [number for number, _ in lines[1:]]
        columns: dict[str, list[Any]] = {name: [] for name in named}
        for number, line in lines[1:]:
            if len(line) != len(header):
                raise ValueError(f"{path}: line {number} has not as many fields as the header")
            for name, value in zip(header, line, strict=True):
                if name:
                    columns[name].append(value.strip())
        for name in ("quantity", "entry_price", "strike", "contract_size"):
            if name in columns:
                columns[name] = [
                    _number(value, f"{path}: line {number}: {name}")
                    for number, value in zip(numbers, columns[name], strict=True)
                ]
        try:
            return cls.from_frame(columns, venue)
        except ValueError as error:
            # rows of the frame are lines of the file, below its header; other numbers in brackets are names'
            text = re.sub(
                r"\[(\d+)\]",
                lambda row: (
                    f" in line {numbers[int(row[1])]}" if int(row[1]) < len(numbers) else row[0]
                ),
                str(error),
            )
            raise ValueError(f"{path}: {text}") from None

    @classmethod
    def from_positions(cls, data: Any, venue: str = "deribit") -> Book:
        """Make a book from the positions a venue reports.

        Parameters
        ----------
        data
            A table of kind "positions" read by :mod:`hedgecore.venues`, or its frame: columns
            ``instrument``, ``quantity`` (signed) and, where reported, ``entry_price``.
        """
        return cls.from_frame(getattr(data, "frame", data), venue)

    def __len__(self) -> int:
        """Return the number of positions."""
        return len(self.quantity)

    def __repr__(self) -> str:
        table = self.instruments
        counts = np.bincount(table.type[self.row], minlength=5) if len(self) else np.zeros(5, int)
        parts = [
            f"{count} {name}{'s' if count > 1 and name not in ('spot', 'cash') else ''}"
            for count, name in zip(counts, instruments.TYPES, strict=True)
            if count
        ]
        bases = ", ".join(str(name) for name in table.bases[0])
        return f"Book of {len(self)} positions in {bases or 'nothing'} ({', '.join(parts)})"

    def __neg__(self) -> Book:
        return Book(self.instruments, self.row, -self.quantity, self.entry_price)

    def __mul__(self, factor: float) -> Book:
        return Book(self.instruments, self.row, self.quantity * factor, self.entry_price)

    __rmul__ = __mul__

    def __add__(self, other: Book) -> Book:
        """Return the positions of both; instruments that both hold are one row of the new table."""
        if not isinstance(other, Book):
            return NotImplemented
        table, where = instruments.joined(self.instruments, other.instruments)
        return Book(
            table,
            where[np.concatenate([self.row, other.row + len(self.instruments)])],
            np.concatenate([self.quantity, other.quantity]),
            np.concatenate([self.entry_price, other.entry_price]),
        )

    @cached_property
    def net_quantity(self) -> Array:
        """Signed quantity of each row of ``instruments``, in units of its contract size."""
        n = len(self.instruments)
        one_each = len(self) == n and np.array_equal(self.row, np.arange(n))
        net = self.quantity if one_each else np.bincount(self.row, self.quantity, minlength=n)
        return net * self.instruments.contract_size

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return the positions as a data frame."""
        table = self.instruments.take(self.row).columns()
        return frames.frame_of(
            table | {"quantity": self.quantity, "entry_price": self.entry_price}, library
        )

    def risk(self, market: Market, **options: Any) -> Risk:
        """Return value and Greeks in a market: :func:`hedgecore.risk.book_risk`."""
        from hedgecore.risk import book_risk

        self._latest = book_risk(self, market, **options)
        return self._latest

    def scenarios(self, market: Market, **shocks: Any) -> ScenarioGrid:
        """Return value and Greeks in shocked markets: :func:`hedgecore.scenarios.book_scenarios`."""
        from hedgecore.scenarios import book_scenarios

        return book_scenarios(self, market, **shocks)

    def explain(self, before: Market, after: Market, **options: Any) -> Explain:
        """Return what made the profit between two markets: :func:`hedgecore.explain.book_explain`."""
        from hedgecore.explain import book_explain

        return book_explain(self, before, after, **options)

    def check(self, limits: Any, market: Market | None = None) -> list[Breach]:
        """Return the breaches of net limits: :func:`hedgecore.limits.check`.

        Without a market, of the latest :meth:`risk` of this book.
        """
        from hedgecore import limits as module

        risk = self._latest if market is None else self.risk(market)
        if risk is None:
            raise ValueError("give the market to check in, or call risk(market) before")
        return module.check(risk, limits)

    def ladder(self, market: Market, axis: Any, values: Any, **rules: Any) -> Ladder:
        """Return P&L and Greeks along one axis: :func:`hedgecore.scenarios.book_ladder`."""
        from hedgecore.scenarios import book_ladder

        return book_ladder(self, market, axis, values, **rules)


@dataclass(frozen=True)
class Aligned:
    """Market data in the order of a table of instruments; NaN where the market has none.

    ``index`` is the value of one coin (of one unit, for cash) in USD; ``forward`` the forward of
    an option's expiry, the price of a future or perpetual; ``expiry`` in years, negative for what
    has expired; ``rate`` of the settlement currency; ``unit`` the USD per unit of the currency in
    which a linear instrument is priced (1 for inverse ones).  ``levels`` are index, forward and
    expiry by pair of base and expiry time (the order of ``Instruments.expiries``).  ``valued`` says
    which instruments the market can value; ``averaging`` is the market's.
    """

    index: Array
    unit: Array
    forward: Array
    expiry: Array
    vol: Array
    rate: Array
    levels: tuple[Array, Array, Array]
    valued: Array
    averaging: float

    def take(self, rows: Array) -> Aligned:
        """Return those rows, each with levels of its own."""
        taken = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name not in ("levels", "averaging")
        }
        levels = (taken["index"], taken["forward"], taken["expiry"])
        return Aligned(**taken, levels=levels, averaging=self.averaging)


class Market:
    """What is needed to value a book at one time.

    A market does not change; :meth:`replaced` makes another one.

    Parameters
    ----------
    time
        UTC.
    index
        USD per coin, by coin.
    forwards
        Quote currency per coin by (coin, expiry time).
    prices
        Quote currency per coin of futures and perpetuals, by name.  A perpetual without a price is
        valued at the index, a future without one at the forward of its expiry.
    vols
        A vol for all, a function of (base, forward, strike, expiry) as a surface is, or vols of
        options by :meth:`from_quotes`.
    option_vols
        Options and their vols: a table of instruments and an array.  Where it has an option it
        goes before ``vols``.
    rates
        Continuous discount rates by currency of settlement; 0 where not given.
    currencies
        USD per unit of currencies that are no coin; USD, USDC and USDT are 1 unless given.
    averaging
        Seconds before expiry over which the venue averages the index into the settlement price: deltas
        and gammas fade within it.  1800 by default (Deribit: 07:30 to 08:00 UTC); 0 for none.
    notes
        What there is to know about where the data come from.
    """

    def __init__(
        self,
        time: Any,
        *,
        index: Mapping[str, float],
        forwards: Mapping[tuple[str, Any], float] | None = None,
        prices: Mapping[str, float] | None = None,
        vols: float | VolFunction | None = None,
        option_vols: tuple[Instruments, Array] | None = None,
        rates: Mapping[str, float] | None = None,
        currencies: Mapping[str, float] | None = None,
        averaging: float = 1800.0,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._arguments = {
            "time": time, "index": index, "forwards": forwards, "prices": prices, "vols": vols,
            "option_vols": option_vols, "rates": rates, "currencies": currencies,
            "averaging": averaging, "notes": notes,
        }  # fmt: skip
        self.time = instruments.times_of([time], 1, "time")[0]
        self.index = _fixed({name: float(value) for name, value in index.items()})
        self.forwards = _fixed(
            {
                (base, instruments.expiries_of([when], 1, "forwards")[0]): float(value)
                for (base, when), value in (forwards or {}).items()
            }
        )
        self.prices = _fixed({name: float(value) for name, value in (prices or {}).items()})
        self.vols = vols
        self.option_vols = option_vols
        self.rates = _fixed(rates or {})
        self.currencies = _fixed({"USD": 1.0, "USDC": 1.0, "USDT": 1.0} | dict(currencies or {}))
        self.averaging = float(averaging)
        self.notes = notes
        tables: tuple[tuple[str, Mapping[Any, float]], ...] = (
            ("index", self.index), ("price", self.prices), ("forward", self.forwards),
            ("currency", self.currencies),
        )  # fmt: skip
        for what, table in tables:
            for name, value in table.items():
                if not (np.isfinite(value) and value > 0):
                    raise ValueError(f"{what} of {name} = {value} must be finite and positive")
        for currency, rate in self.rates.items():
            if not np.isfinite(rate):
                raise ValueError(f"rate of {currency} = {rate} must be finite")
        self._latest: tuple[Instruments, Aligned] | None = None
        self._ready = True

    def __setattr__(self, name: str, value: Any) -> None:
        # what was computed in this market is remembered: it must stay what it was
        if getattr(self, "_ready", False) and name != "_latest":
            raise AttributeError(
                f"a Market does not change: market.replaced({name}=...) makes another"
            )
        super().__setattr__(name, value)

    def replaced(self, **changes: Any) -> Market:
        """Return another market with some arguments changed: ``market.replaced(index={"BTC": 9e4})``."""
        return Market(**(self._arguments | changes))

    @classmethod
    def from_quotes(
        cls,
        data: Any,
        at: Any = None,
        vols: Literal["mark", "mid", "venue"] = "mark",
        **more: Any,
    ) -> Market:
        """Make a market from quotes of one time: :func:`hedgecore.chain.market_of`."""
        from hedgecore.chain import market_of

        return market_of(data, at=at, vols=vols, **more)

    def __repr__(self) -> str:
        coins = ", ".join(f"{name} {value:,.2f}" for name, value in self.index.items())
        when = np.datetime_as_string(self.time, unit="s").replace("T", " ")
        options = len(self.option_vols[0]) if self.option_vols else 0
        return (
            f"Market of {when} UTC ({coins}; {len(self.forwards)} forwards, {options} option vols)"
        )

    def align(self, table: Instruments) -> Aligned:
        """Return the market's data for each instrument of the table."""
        if self._latest is not None and self._latest[0] is table:
            return self._latest[1]
        aligned = self._align(table)
        self._latest = (table, aligned)
        return aligned

    def _align(self, table: Instruments) -> Aligned:
        bases, base_code = table.bases
        index = np.array([self.worth(b) for b in bases])[base_code] if len(table) else np.zeros(0)

        pairs, pair_code = table.expiries
        forward_of = [self.forwards.get((str(b), t), np.nan) for b, t in pairs]
        years_of = [
            (t - self.time).astype(np.int64) / YEAR_US if not np.isnat(t) else np.nan
            for _, t in pairs
        ]
        levels = (
            np.array([self.worth(base) for base, _ in pairs]),
            np.array(forward_of),
            np.array(years_of),
        )
        forward = levels[1][pair_code] if len(table) else np.zeros(0)
        years = levels[2][pair_code] if len(table) else np.zeros(0)

        traded = np.flatnonzero((table.type == FUTURE) | (table.type == PERPETUAL))
        for i in traded:
            fallback = forward[i] if table.type[i] == FUTURE else index[i]
            forward[i] = self.prices.get(str(table.name[i]), fallback)
        held = table.type >= SPOT
        forward = np.where(held, np.nan, forward)

        vol = self._vols(table, forward, years)
        rate = np.zeros(len(table))
        for currency, value in self.rates.items():
            rate[table.currency == currency] = value
        unit = np.ones(len(table))
        for currency, value in self.currencies.items():
            if value != 1.0:
                unit[~table.inverse & (table.type < SPOT) & (table.currency == currency)] = value
        quoted = np.isfinite(index) & (held | np.isfinite(forward)) & ~(years < 0)
        valued = quoted & ((table.type != OPTION) | np.isfinite(vol))
        return Aligned(index, unit, forward, years, vol, rate, levels, valued, self.averaging)

    def worth(self, base: Any) -> float:
        """Return USD per unit of a coin or currency; NaN where not known."""
        worth: float = self.index.get(str(base), self.currencies.get(str(base), np.nan))
        return worth

    def atm_vol(self, base: str, expiry_time: Any, forward: float) -> float:
        """Return the vol at the forward: the options' vols interpolated in ln(strike), else ``vols``; NaN for none.

        Calls and puts of a strike count together; below the lowest strike and above the highest one the vol is theirs.
        """
        when = instruments.expiries_of([expiry_time], 1, "expiry_time")[0]
        if self.option_vols is not None:
            known, values = self.option_vols
            here = (known.base == base) & (known.expiry_time == when) & (known.type == OPTION)
            here &= np.isfinite(values)
            if here.any():
                strikes, place = np.unique(known.strike[here], return_inverse=True)
                mean = np.bincount(place, values[here]) / np.bincount(place)
                return float(np.interp(np.log(forward), np.log(strikes), mean))
        if callable(self.vols):
            years = (when - self.time).astype(np.int64) / YEAR_US
            at = np.array([forward])
            return float(np.asarray(self.vols(base, at, at, np.array([years])))[0])
        return float("nan") if self.vols is None else float(self.vols)

    def _vols(self, table: Instruments, forward: Array, years: Array) -> Array:
        vol = np.full(len(table), np.nan)
        option = table.type == OPTION
        if self.option_vols is not None:
            known, values = self.option_vols
            place = instruments.find_options(known, table)
            vol[place >= 0] = values[place[place >= 0]]
        missing = np.flatnonzero(option & np.isnan(vol) & np.isfinite(forward) & (years >= 0))
        if missing.size and self.vols is not None:
            if callable(self.vols):
                bases, base_code = table.bases
                for code in np.unique(base_code[missing]):
                    rows = missing[base_code[missing] == code]
                    vol[rows] = self.vols(
                        str(bases[code]), forward[rows], table.strike[rows], years[rows]
                    )
            else:
                vol[missing] = self.vols
        return vol


def instruments_of(names: Array, row: Array, venue: str) -> Instruments:
    """Return the instruments of a venue's names; balances are the bare names of currencies."""
    if venue != "deribit":
        raise ValueError(f"venue {venue!r} is not known; there is 'deribit'")
    from hedgecore.venues.deribit.instruments import parse

    parsed: list[Any] = []
    bad: dict[int, str] = {}
    for i, name in enumerate(names.tolist()):
        if re.fullmatch("[A-Z][A-Z0-9]{1,5}", name):  # BTC, USDC: a balance
            parsed.append(instruments.Balance(name))
            continue
        try:
            parsed.append(parse(name))
            if parsed[-1].type not in instruments.TYPES:
                bad[i] = f"{name!r} is a {parsed[-1].type}: give its legs"
        except ValueError as error:
            bad[i] = str(error)
    if bad:
        first = int(np.flatnonzero(np.isin(row, list(bad)))[0])
        count = f"{len(bad)} such name{'s' if len(bad) > 1 else ''} in all"
        raise ValueError(f"instrument[{first}]: {bad[int(row[first])]} ({count})")
    return instruments.from_named(names.tolist(), parsed)


def _numbers(values: Array, name: str) -> Array:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numbers: {error}") from None


def _frozen(values: Any, dtype: Any) -> Array:
    """A copy that cannot be written to: what a book was asked stays true of it."""
    array = np.array(values, dtype)
    array.setflags(write=False)
    return array


def _fixed(table: Mapping[Any, Any]) -> Mapping[Any, Any]:
    return MappingProxyType(dict(table))


def _number(text: str, where: str) -> float:
    if text == "":
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{where} = {text!r} is not a number") from None
