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
    for base, level, measure, low, high in net_limits.flat(limits, MEASURES):
        if base != "total" and not ((table.base == base).any() or (mine.base == base).any()):
            raise ValueError(f"{what} of {base!r}: neither the book nor the quotes have it")
        at = "" if base == "total" else base
        for label, quoted, own in _buckets(at, level, table, mine):
            values = np.nan_to_num(np.where(own, held[measure], 0.0))
            row = np.nan_to_num(np.where(quoted, units[measure], 0.0)) @ actions.legs
            # beyond a limit counts in parts of the limit, of what is held, or at the least of one unit traded
            scale = max(
                [abs(v) for v in (low, high) if np.isfinite(v)] + [abs(float(values.sum()))]
            )
            scale = scale or float(np.abs(row).max(initial=0.0)) or 1.0
            name = " ".join(part for part in (base, label, measure) if part)
            rows.append((name, unit_of(base, measure), float(values.sum()), row, low, high, 1 / scale))  # fmt: skip
    return rows


def _buckets(
    base: str, level: str, table: Instruments, mine: Instruments
) -> list[tuple[str, Array, Array]]:
    """(label, rows of the quotes, rows of the book) of each bucket of a limit."""
    quoted = (table.base == base) if base else np.ones(len(table), bool)
    own = (mine.base == base) if base else np.ones(len(mine), bool)
    if not level:
        return [("", quoted, own)]
    keys = []
    for of in (table, mine):
        when = np.datetime_as_string(of.expiry_time, unit="D") if len(of) else np.zeros(0, "U10")
        label = np.where(np.isnat(of.expiry_time), "no expiry", when)
        if level == "strike":
            strikes = np.array([f" {x:g}" for x in of.strike], dtype=np.str_)
            label = np.where(np.isnan(of.strike), "", np.char.add(label, strikes))
        keys.append(label)
    labels = np.unique(np.r_[keys[0][quoted], keys[1][own]])
    return [(str(k), quoted & (keys[0] == k), own & (keys[1] == k)) for k in labels if k]


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
                (f"position {quotes.table.name[i]}", "", float(held[i]), actions.legs[i], low, high, 1 / scale)
            )  # fmt: skip
    return rows


def size_rows(
    quotes: Quotes, actions: Actions
) -> list[tuple[str, str, float, Array, float, float, float]]:
    """Return the rows that keep outright trades and rolls of one instrument together within its quoted size."""
    rolled = np.flatnonzero(actions.closes >= 0)
    touched = np.unique(np.r_[actions.instrument[rolled], actions.closes[rolled]])
    rows = []
    for i in touched:
        for side, sign, size in (
            ("ask", 1.0, quotes.ask_size[i]),
            ("bid", -1.0, quotes.bid_size[i]),
        ):
            row = np.maximum(sign * actions.legs[i], 0.0)
            if np.isfinite(size) and np.count_nonzero(row) > 1:
                name = f"{side} size of {quotes.table.name[i]}"
                rows.append((name, "", 0.0, row, -np.inf, float(size), np.inf))
    return rows
