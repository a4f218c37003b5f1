"""What can be held: a table of options, futures, perpetuals, coins and cash.

One row per distinct instrument, as arrays; a book refers to the rows.  Names belong to a venue
and are read by it (:mod:`hedgecore.venues`); instruments without a name are described by columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore._inputs import kinds as kinds_of

TYPES: Final = ("option", "future", "perpetual", "spot", "cash")
OPTION, FUTURE, PERPETUAL, SPOT, CASH = range(5)
USD_LIKE: Final = frozenset({"USD", "USDC", "USDT", "USDE", "EUR", "DAI"})
"""Currencies that are no coin: a balance in one of them is cash."""

Array = npt.NDArray[Any]
NAT: Final = np.datetime64("NaT", "us")


@dataclass(frozen=True)
class Instruments:
    """A table of instruments, one entry per row in every column.

    Attributes
    ----------
    name
        The venue's name, or one made from the columns.
    base
        The coin of the underlying, for example "BTC"; of a balance its currency.
    type
        int8 index into :data:`TYPES`.
    kind
        int8: +1 call, -1 put, 0 not an option.
    strike
        Quote currency per coin; NaN where there is none.
    expiry_time
        datetime64[us], UTC; NaT where there is none.
    inverse
        True where settled in the coin.
    currency
        The currency of settlement.
    contract_size
        What a quantity of 1 stands for: coins for options, spot and linear futures (1 where
        quantities are given in coins), quote currency for inverse futures and perpetuals.
    """

    name: Array
    base: Array
    type: Array
    kind: Array
    strike: Array
    expiry_time: Array
    inverse: Array
    currency: Array
    contract_size: Array

    def __len__(self) -> int:
        return len(self.name)

    @cached_property
    def bases(self) -> tuple[Array, Array]:
        """The distinct bases, and for each row which of them it has."""
        return factorised(self.base)

    @cached_property
    def expiries(self) -> tuple[list[tuple[str, np.datetime64]], Array]:
        """The distinct pairs of base and expiry time (NaT: none), and which each row has."""
        names, base = self.bases
        times, when = np.unique(self.expiry_time.view(np.int64), return_inverse=True)
        codes, pair = np.unique(
            base.astype(np.int64) * max(len(times), 1) + when, return_inverse=True
        )
        pairs = [
            (str(names[c // len(times)]), np.int64(times[c % len(times)]).view("M8[us]"))
            for c in codes
        ]
        return pairs, pair.astype(np.int32)

    @cached_property
    def only_options(self) -> bool | None:
        """True: all are inverse options; False: all are linear ones; None: neither."""
        if len(self) and (self.type == OPTION).all() and (self.inverse == self.inverse[0]).all():
            return bool(self.inverse[0])
        return None

    def take(self, rows: Array) -> Instruments:
        """Return those rows."""
        return Instruments(*(getattr(self, field.name)[rows] for field in fields(self)))

    def columns(self) -> dict[str, Array]:
        """Return the columns by name, the type as text."""
        table = {field.name: getattr(self, field.name) for field in fields(self)}
        table["type"] = np.array(TYPES)[self.type] if len(self) else np.zeros(0, "U9")
        return table


def from_columns(columns: Mapping[str, Array], rows: int) -> Instruments:
    """Return instruments described by columns; missing columns take their defaults.

    Columns: ``base`` (required); ``type`` (default "option" where there is a strike or a kind,
    "future" where there is an expiry alone, else "spot" or "cash"); ``kind``, ``strike`` and ``expiry_time`` for options, ``expiry_time`` for futures;
    ``settlement`` ("linear" or "inverse", default "linear"); ``currency`` (default the coin when
    inverse, else "USD"); ``contract_size`` (default 1); ``name``.

    Raises
    ------
    ValueError
        Naming the column, the first bad row and its value.
    """
    if "base" not in columns:
        raise ValueError("a book needs a column 'instrument', or 'base' with the terms of each row")
    base = _text(columns["base"])
    strike = _numbers(columns.get("strike"), rows, np.nan, "strike")
    expiry_time = expiries_of(columns.get("expiry_time"), rows, "expiry_time")
    type_ = _types(
        columns.get("type"), strike, base, _given(columns.get("kind"), rows), expiry_time
    )
    option = type_ == OPTION
    kind = np.zeros(rows, np.int8)
    if option.any():
        if "kind" not in columns:
            raise ValueError("options need a column 'kind' (call or put)")
        check(option & ~(strike >= 0), "strike", strike, "given and not negative for an option")
        kind[option] = np.asarray(kinds_of(np.asarray(columns["kind"])[option]))
    dated = option | (type_ == FUTURE)
    check(
        dated & np.isnat(expiry_time), "expiry_time", expiry_time, "given for an option or future"
    )
    inverse = _settlements(columns.get("settlement"), rows)
    coin = np.where(inverse, base, np.where(type_ >= SPOT, base, "USD"))
    currency = _text(columns["currency"]) if "currency" in columns else coin
    size = _numbers(columns.get("contract_size"), rows, 1.0, "contract_size")
    check(~(size > 0), "contract_size", size, "positive")
    if "name" in columns:
        name = _text(columns["name"])
    else:
        name = _names(base, type_, kind, strike, expiry_time, inverse)
    return Instruments(name, base, type_, kind, strike, expiry_time, inverse, currency, size)


def from_named(names: Sequence[str], parsed: Sequence[Any]) -> Instruments:
    """Return instruments from names and what a venue's parser made of them.

    The parser's results have the attributes ``base``, ``type``, ``kind``, ``strike``,
    ``expiry_time``, ``settlement`` and ``currency``.
    """
    return Instruments(
        name=np.array(names, dtype=np.str_),
        base=np.array([p.base for p in parsed], dtype=np.str_),
        type=np.array([TYPES.index(p.type) for p in parsed], np.int8),
        kind=np.array([p.kind or 0 for p in parsed], np.int8),
        strike=np.array([np.nan if p.strike is None else p.strike for p in parsed], np.float64),
        expiry_time=np.array(
            [NAT if p.expiry_time is None else _utc(p.expiry_time) for p in parsed], "M8[us]"
        ),
        inverse=np.array([p.settlement == "inverse" for p in parsed], bool),
        currency=np.array([p.currency for p in parsed], dtype=np.str_),
        contract_size=np.ones(len(parsed)),
    )


@dataclass(frozen=True)
class Balance:
    """A balance in a currency, in the shape of a venue's parsed name."""

    base: str
    kind: int | None = None
    strike: float | None = None
    expiry_time: None = None
    settlement: str = "linear"

    @property
    def type(self) -> str:
        """``"cash"`` for the dollar and its like, else ``"spot"``."""
        return "cash" if self.base in USD_LIKE else "spot"

    @property
    def currency(self) -> str:
        """The currency itself."""
        return self.base


def joined(first: Instruments, second: Instruments) -> tuple[Instruments, Array]:
    """Return the distinct rows of both tables, and where in it the rows of both went, in order."""
    both = Instruments(
        *(np.concatenate([getattr(first, f.name), getattr(second, f.name)]) for f in fields(first))
    )
    terms = [getattr(both, f.name) for f in fields(both)]
    comparable = [c.view(np.int64) if c.dtype.kind in "fM" else c for c in terms]  # NaN equals NaN
    place: dict[Any, int] = {}
    where = np.array(
        [
            place.setdefault(row, len(place))
            for row in zip(*(c.tolist() for c in comparable), strict=True)
        ],
        np.intp,
    )
    _, kept = np.unique(where, return_index=True)
    return both.take(kept), where


def factorised(words: Array) -> tuple[Array, Array]:
    """Return the distinct words and for each row which it has; quick where they are few."""
    codes = np.full(len(words), -1, np.int32)
    found: list[Any] = []
    left = np.flatnonzero(codes < 0)
    while left.size:
        if len(found) == 32:
            names, inverse = np.unique(words, return_inverse=True)
            return names, inverse.astype(np.int32)
        word = words[left[0]]
        same = words[left] == word
        codes[left[same]] = len(found)
        found.append(word)
        left = left[~same]
    return np.array(found, dtype=words.dtype), codes


def find_options(known: Instruments, wanted: Instruments) -> Array:
    """Return for each wanted option its row among the known ones, by its terms; -1 if it is not there."""
    bases, base_code = wanted.bases
    known_bases = {str(name): i for i, name in enumerate(known.bases[0])}
    base = np.array([known_bases.get(str(name), -1) for name in bases] or [-1])
    expiries = np.unique(known.expiry_time.view(np.int64))
    strikes = np.unique(known.strike)

    def keys(table: Instruments, base_of: Array) -> Array:
        when = np.searchsorted(expiries, table.expiry_time.view(np.int64))
        at = np.searchsorted(strikes, table.strike)
        when, at = np.minimum(when, len(expiries) - 1), np.minimum(at, len(strikes) - 1)
        there = (expiries[when] == table.expiry_time.view(np.int64)) & (strikes[at] == table.strike)
        key = ((base_of.astype(np.int64) * len(expiries) + when) * len(strikes) + at) * 4
        key += (table.kind > 0) * 2 + table.inverse
        return np.where(there & (base_of >= 0) & (table.type == OPTION), key, -1)

    if not len(known) or not len(wanted):
        return np.full(len(wanted), -1, np.intp)
    known_keys = keys(known, known.bases[1])
    order = np.argsort(known_keys, kind="stable")
    wanted_keys = keys(wanted, base[base_code])
    place = np.minimum(np.searchsorted(known_keys[order], wanted_keys), len(order) - 1)
    found = (known_keys[order][place] == wanted_keys) & (wanted_keys >= 0)
    return np.where(found, order[place], -1)


def times_of(values: Any, rows: int, name: str) -> Array:
    """Return UTC times as datetime64[us]: datetimes, ISO text, or NaT for none."""
    if values is None:
        return np.full(rows, NAT)
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = np.array([NAT if _is_none(v) else _utc(v) for v in array], "M8[us]")
    elif array.dtype.kind in "UST":
        try:
            array = np.array(
                [NAT if v in ("", "NaT") else _utc(v) for v in array.tolist()], "M8[us]"
            )
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    elif array.dtype.kind != "M":
        raise TypeError(f"{name} must be times (datetimes or ISO 8601 text), not {array.dtype}")
    return array.astype("M8[us]")


def expiries_of(values: Any, rows: int, name: str) -> Array:
    """Return expiry times like :func:`times_of`; a date alone is 08:00 UTC, when options expire."""
    if values is not None:
        items = np.asarray(values).tolist() if np.asarray(values).dtype.kind in "UT" else None
        if items is not None:
            values = [f"{v}T08:00" if len(v) == 10 and v[4:5] == "-" else v for v in items]
    return times_of(values, rows, name)


def check(bad: Array, name: str, values: Array, demand: str) -> None:
    """Raise a ValueError for the first bad row, if there is one."""
    rows = np.flatnonzero(bad)
    if rows.size:
        first = int(rows[0])
        count = "the only bad row" if rows.size == 1 else f"{rows.size} bad rows in all"
        raise ValueError(f"{name}[{first}] = {values[first]!s} must be {demand} ({count})")


def _utc(value: Any) -> np.datetime64:
    """A time as UTC; a naive one is taken as UTC."""
    from datetime import UTC, datetime

    if isinstance(value, np.datetime64):
        time: np.datetime64 = value.astype("M8[us]")
        return time
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise TypeError(f"{value!r} is not a time")
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return np.datetime64(value, "us")


def _is_none(value: Any) -> bool:
    return value is None or str(value) in ("NaT", "nan", "")


def _text(values: Any) -> Array:
    return np.asarray(values).astype(np.str_)


def _numbers(values: Any, rows: int, default: float, name: str) -> Array:
    if values is None:
        return np.full(rows, default)
    array = np.asarray(values)
    if array.dtype.kind == "O":
        array = np.array([np.nan if v is None else v for v in array], dtype=object)
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be numbers: {error}") from None


def _given(values: Any, rows: int) -> Array:
    """Which rows of a column of words hold one."""
    if values is None:
        return np.zeros(rows, bool)
    array = np.asarray(values)
    if array.dtype.kind in "biu":
        return np.ones(rows, bool)
    if array.dtype.kind == "f":
        return np.asarray(~np.isnan(array))
    if array.dtype.kind in "UST":
        return np.asarray(array != array.dtype.type(""))
    return np.array([not _is_none(v) for v in array.tolist()], bool)


def _types(values: Any, strike: Array, base: Array, has_kind: Array, expiry_time: Array) -> Array:
    if values is None:
        balances = np.where(np.isin(base, list(USD_LIKE)), CASH, SPOT)
        dated = np.where(np.isnat(expiry_time), balances, FUTURE)
        return np.where(np.isnan(strike) & ~has_kind, dated, OPTION).astype(np.int8)
    words = np.char.lower(_text(values))
    types = np.full(len(words), -1, np.int8)
    for code, word in enumerate(TYPES):
        types[words == word] = code
    check(types < 0, "type", words, f"one of {', '.join(TYPES)}")
    return types


def _settlements(values: Any, rows: int) -> Array:
    if values is None:
        return np.zeros(rows, bool)
    words = np.char.lower(_text(values))
    check(~np.isin(words, ["linear", "inverse"]), "settlement", words, "linear or inverse")
    return np.asarray(words == "inverse")


def _names(
    base: Array, type_: Array, kind: Array, strike: Array, expiry_time: Array, inverse: Array
) -> Array:
    """Readable names for instruments that came without: base, type, expiry, strike, kind."""
    if len(base) > 100_000:  # a name per row would cost more than the risk itself
        return np.full(len(base), "")
    days = np.datetime_as_string(expiry_time, unit="D").tolist() if len(base) else []
    names = []
    for b, t, k, x, day, coin in zip(base, type_, kind, strike, days, inverse, strict=True):
        if t == OPTION:
            names.append(f"{b} {day} {x:g} {'C' if k > 0 else 'P'}{'' if coin else ' linear'}")
        elif t in (FUTURE, PERPETUAL):
            when = f" {day}" if t == FUTURE else ""
            names.append(f"{b}{when} {TYPES[t]}{'' if coin else ' linear'}")
        else:
            names.append(str(b))
    return np.array(names, dtype=np.str_)
