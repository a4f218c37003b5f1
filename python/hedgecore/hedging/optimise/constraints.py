"""Rows of the program: limits and targets of measures, positions, sizes, cash and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore import limits as net_limits
from hedgecore.hedging.optimise.actions import Actions
from hedgecore.hedging.optimise.exposures import MEASURES
from hedgecore.hedging.optimise.quotes import Quotes
from hedgecore.instruments import Instruments
from hedgecore.limits import is_number

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """Amounts that stay between bounds: low <= base + matrix @ amounts of actions <= high.

    ``base`` is what the book has now; ``weight`` is what a unit beyond the bounds counts where not all can be kept
    (infinity: a bound of the market, that nobody can move).
    """

    name: tuple[str, ...]
    unit: tuple[str, ...]
    base: Array
    matrix: Array
    low: Array
    high: Array
    weight: Array

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.name)

    @classmethod
    def of(cls, columns: int, rows: list[tuple[str, str, float, Array, float, float, float]]) -> Rows:  # fmt: skip
        """Make them of (name, unit, base, row, low, high, weight)."""
        name, unit, base, matrix, low, high, weight = zip(*rows, strict=True) if rows else [()] * 7
        return cls(
            tuple(name), tuple(unit), np.array(base, float), np.array(matrix, float).reshape(-1, columns),
            np.array(low, float), np.array(high, float), np.array(weight, float),
        )  # fmt: skip


def unit_of(base: str, measure: str) -> str:
    """Return the currency of a measure."""
    in_usd = base == "total" or "usd" in measure or measure == "vega_weighted"
    return "USD" if in_usd and measure != "usd_delta" else base


def measure_rows(
    limits: Mapping[str, Any],
    what: str,
    quotes: Quotes,
    units: Mapping[str, Array],
    held: Mapping[str, Array],
    book: Instruments,
    actions: Actions,
) -> list[tuple[str, str, float, Array, float, float, float]]:
    """Return the rows of limits or targets (``what``) in the form of :mod:`hedgecore.limits`."""
    rows = []
    table = quotes.table
    mine = book.take(held["row"])
    buckets: dict[str, _Buckets] = {}
    for base, level, measure, low, high in net_limits.flat(limits, MEASURES):
        quoted, own = (
            np.ones(len(of), bool) if base == "total" else of.base == base for of in (table, mine)
        )
        if not (base == "total" or quoted.any() or own.any()):
            raise ValueError(f"{what} of {base!r}: neither the book nor the quotes have it")
        if level not in buckets:
            buckets[level] = _Buckets.of(level, table, mine)
        unit = np.nan_to_num(np.where(quoted, units[measure], 0.0))
        own_value = np.nan_to_num(np.where(own, held[measure], 0.0))
        within = buckets[level]
        values = np.bincount(within.own, own_value, len(within.labels))
        matrix = within.gain(unit, actions)
        largest = np.abs(matrix).max(axis=1, initial=0.0)
        known = np.zeros(len(within.labels), bool)
        known[within.quoted[quoted]] = known[within.own[own]] = True
        for i in np.flatnonzero(known):
            if within.labels[i] is None:
                continue
            # beyond a limit counts in parts of the limit, of what is held, or at the least of one unit traded
            scale = max([abs(v) for v in (low, high) if np.isfinite(v)] + [abs(float(values[i]))])
            scale = scale or float(largest[i]) or 1.0
            name = " ".join(part for part in ("" if base == "total" else base, within.labels[i], measure) if part)  # fmt: skip
            rows.append((name, unit_of(base, measure), float(values[i]), matrix[i], low, high, 1 / scale))  # fmt: skip
    return rows


def check_targets(rows: list[tuple[str, str, float, Array, float, float, float]]) -> None:
    """Refuse limits and targets of one measure that no value keeps, saying which is which; limits come first in ``rows``."""
    seen: dict[str, tuple[float, float]] = {}
    for name, _, _, _, low, high, _ in rows:
        first = seen.setdefault(name, (low, high))
        if max(low, first[0]) > min(high, first[1]):
            limit, target = (
                f"{a:.6g}" if a == b else f"[{a:.6g}, {b:.6g}]" for a, b in (first, (low, high))
            )
            raise ValueError(f"{name}: the target {target} is outside of the limit {limit}")


@dataclass(frozen=True, eq=False)
class _Buckets:
    """What a limit is for each of: its labels (None: no bucket) and the places among them of the quotes and of what the book has."""

    labels: list[str | None]
    quoted: Array
    own: Array

    @classmethod
    def of(cls, level: str, table: Instruments, mine: Instruments) -> _Buckets:
        """Make those of a level: all in one, by expiry, or by expiry and strike."""
        n = len(table)
        if not level:
            return cls([""], np.zeros(n, np.intp), np.zeros(len(mine), np.intp))
        when = np.concatenate([of.expiry_time for of in (table, mine)]).astype("M8[D]")
        days, code = np.unique(when, return_inverse=True)
        names = np.where(np.isnat(days), "no expiry", np.datetime_as_string(days)).tolist()
        labels: list[str | None] = names
        if level == "strike":
            strikes, at = np.unique(np.r_[table.strike, mine.strike], return_inverse=True)
            both, code = np.unique(code * len(strikes) + at, return_inverse=True)
            pairs = [divmod(int(pair), len(strikes)) for pair in both]
            labels = [None if np.isnan(strikes[k]) else f"{names[d]} {strikes[k]:g}" for d, k in pairs]  # fmt: skip
        return cls(labels, code[:n], code[n:])

    def gain(self, unit: Array, actions: Actions) -> Array:
        """What a unit of each action adds in each bucket."""
        out = np.zeros((len(self.labels), len(actions)))
        column, rolls = np.arange(len(actions)), actions.rolls
        out[self.quoted[actions.instrument], column] = unit[actions.instrument]
        closed = actions.closes[rolls]
        out[self.quoted[closed], rolls] -= unit[closed]
        out *= actions.side
        return out


def position_rows(
    positions: Mapping[str, Any], quotes: Quotes, held: Array, actions: Actions
) -> list[tuple[str, str, float, Array, float, float, float]]:
    """Return the rows of limits on what is held after the trades, by pattern of names."""
    rows = []
    for pattern, limit in positions.items():
        pair = limit if isinstance(limit, (list, tuple)) else (limit,)
        if len(pair) == 1 and is_number(limit):
            pair = (-limit, limit)
        if len(pair) != 2 or not all(map(is_number, pair)) or not pair[0] <= pair[1]:
            raise ValueError(
                f"positions of {pattern!r} = {limit!r} must be a number that is not negative or a pair [low, high]"
            )
        for i in np.flatnonzero(quotes.matching([pattern])):
            low, high = float(pair[0]), float(pair[1])
            scale = max(abs(low), abs(high), abs(held[i])) or 1.0
            rows.append(
                (f"position {quotes.table.name[i]}", "", float(held[i]), actions.changes(int(i)), low, high, 1 / scale)
            )  # fmt: skip
    return rows


def size_rows(
    quotes: Quotes, actions: Actions
) -> list[tuple[str, str, float, Array, float, float, float]]:
    """Return the rows that keep outright trades and rolls of one instrument together within its quoted size."""
    rolled = actions.rolls
    rows = []
    for i in np.unique(np.r_[actions.instrument[rolled], actions.closes[rolled]]):
        trade = actions.changes(int(i))
        for side, sign, size in (
            ("ask", 1.0, quotes.ask_size[i]),
            ("bid", -1.0, quotes.bid_size[i]),
        ):
            row = np.maximum(sign * trade, 0.0)
            if np.isfinite(size) and np.count_nonzero(row) > 1:
                name = f"{side} size of {quotes.table.name[i]}"
                rows.append((name, "", 0.0, row, -np.inf, float(size), np.inf))
    return rows
