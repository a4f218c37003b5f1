"""Text of tables: cells, rows, and a table that terminal and page both show."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

Columns = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class TextTable:
    """A table of text: ``names`` of the columns, headings of two lines, lines, perhaps a footer."""

    title: str
    names: tuple[str, ...]
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    footer: tuple[str, ...] = ()

    def without(self, name: str) -> TextTable:
        """The table without one of its columns."""
        at = self.names.index(name)

        def cut(cells: tuple[str, ...]) -> tuple[str, ...]:
            return cells[:at] + cells[at + 1 :]

        lines = tuple(cut(line) for line in self.lines)
        return TextTable(self.title, cut(self.names), cut(self.header), lines, cut(self.footer))


def amount(value: float | None) -> str:
    """A number short enough for a table: four digits, or thousands marked, or M, or B."""
    if value is None or not math.isfinite(value):
        return "-"
    value += 0.0  # no minus before a zero
    for limit, unit in ((1e9, "B"), (1e6, "M")):
        if abs(value) >= 0.9995 * limit:
            return f"{value / limit:,.2f} {unit}"
    return f"{value:,.0f}" if abs(value) >= 999.95 else f"{value:.4g}"


def without_rounding(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Numbers, with 0 for what is no more than rounding beside the largest: less than 1e-9 of it."""
    numbers = np.array(values, np.float64)
    size = np.abs(np.nan_to_num(numbers))
    return np.where(size < 1e-9 * size.max(initial=0.0), 0.0, numbers)


def day(time: np.datetime64, none: str = "no expiry") -> str:
    """The day of an expiry, or ``none`` for what does not expire."""
    return none if np.isnat(time) else str(np.datetime_as_string(time, unit="D"))


def rows_of(columns: Columns, **where: str) -> list[dict[str, Any]]:
    """The rows of columns as mappings, those in which the columns named have the values given."""
    names, count = list(columns), len(next(iter(columns.values())))
    return [
        {name: columns[name][i] for name in names}
        for i in range(count)
        if all(str(columns[name][i]) == value for name, value in where.items())
    ]


def plain(value: Any) -> Any:
    """A value as JSON and CSV hold it: times in ISO 8601 UTC, None where there is no finite number."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else np.datetime_as_string(value, unit="s") + "Z"
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, (str, np.str_)):
        return str(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def price(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if value >= 10_000 else f"{value:,.2f}" if value >= 1 else f"{value:.6g}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.8g}"
    return "-" if value is None else str(value)


def listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def two_lines(text: str) -> str:
    """A heading of two lines, broken after its first word."""
    first, _, rest = text.partition(" ")
    return text if "\n" in text else f"{first}\n{rest}"


def signed_percent(value: float, digits: int = 3) -> str:
    """A move in percent, with its sign; 0 has none."""
    shown = f"{100 * value:.{digits}g}"
    return f"{'+' if value > 0 else ''}{shown} %"


def short(value: float) -> str:
    """A number for the cell of a heat map: three digits, with k, M or B."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * limit:
            scaled = value / limit
            return f"{scaled:.0f}{unit}" if abs(scaled) >= 99.95 else f"{scaled:.3g}{unit}"
    return f"{value + 0.0:.3g}"
