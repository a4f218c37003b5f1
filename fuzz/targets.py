"""What is fuzzed in Python: readers of files, configurations, books, names and, in command_lines.py, commands.

A target takes bytes.  What it reads gives a result or the documented error, with the place in its
text; another exception, or an AssertionError for a property that does not hold, is a finding.
"""

from __future__ import annotations

import csv
import tempfile
import tomllib
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

import command_lines
from hedgecore.book import Book
from hedgecore.hedging.config import default_text, simulation_of
from hedgecore.limits import read_limits
from hedgecore.toml import ConfigError
from hedgecore.venues import DataError, binance, bybit, okx, read
from hedgecore.venues.deribit import instruments
from hedgecore.venues.layouts import LAYOUTS


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="hedgecore-fuzz-"))


def _file(content: bytes, name: str = "data.bin") -> Path:
    path = _folder() / name
    path.write_bytes(content)
    return path


def readers(data: bytes) -> None:
    """Any bytes as a file: a table in its layout, or a DataError with the file's name."""
    path = _file(data)
    try:
        table = read(path)
    except DataError as error:
        assert str(path) in str(error), error
        return
    for part in (table, *table.parts.values()):
        layout = {name: column.dtype for name, column in LAYOUTS[part.kind].items()}
        assert dict(part.frame.schema) == layout
    said = any(defect.count for defect in table.defects)
    assert table.frame.height or said or table.parts, "nothing read and nothing reported"


def books(data: bytes) -> None:
    """A CSV of positions, a file of limits: every line is a position, or an error names the file."""
    path = _file(data, "book.csv")
    try:
        book = Book.from_csv(path)
    except ValueError as error:
        assert str(path) in str(error), error
    else:
        with path.open(newline="", encoding="utf-8-sig") as file:
            assert len(book) == sum(1 for line in csv.reader(file) if line) - 1
    try:
        read_limits(path)
    except ValueError as error:
        assert str(path) in str(error), error


def names(data: bytes) -> None:
    """Names of instruments, a line each: one at a time as many at once, and back again."""
    lines = data.decode("utf-8", "replace").split("\n")[:50]
    many = instruments.parse_many(pl.Series("name", lines, dtype=pl.String))
    for name, row in zip(lines, many.iter_rows(named=True), strict=True):
        try:
            one = instruments.parse(name)
        except ValueError:
            assert row["type"] is None, name
            continue
        for column in ("base", "quote", "type", "strike", "expiry_time"):
            got = row[column]
            if column == "expiry_time" and got is not None:
                assert one.expiry_time is not None
                assert got.timestamp() == one.expiry_time.timestamp(), name
            else:
                assert got == getattr(one, column), (name, column)
        assert instruments.parse(instruments.format(one)) == one, name
    for parse in (okx.parse_many, bybit.parse_many, *map(binance.parser, ("spot", "usdm", "cm"))):
        assert parse(pl.Series("name", lines, dtype=pl.String)).height == len(lines)


#: What a key of a configuration may be changed to.
VALUES: tuple[Any, ...] = (
    0, -1, 1, 2, 10**30, -0.0, 1e-320, 1e308, float("nan"), float("inf"), "", "14/365", "1/0", "nan",
    "x" * 300, True, False, [], [1, "a"], [[]], {}, {"type": "Clock"}, {"type": "Heston"}, {"type": ""},
    {"from": 1, "to": 0, "count": 3}, {"from": 0, "to": 1, "count": 0}, {"from": -1, "to": 1, "count": 1},
    {"from": 1, "to": 2, "count": 10**9}, {"type": "geometric", "mean": -1}, {"a": {"b": {"c": []}}},
)  # fmt: skip


def _keys(document: Any, at: str = "") -> list[str]:
    """Every key of a document, as `hedgecore.toml.change` takes it."""
    found = []
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for key, value in pairs:
        part = f"[{key}]" if isinstance(document, list) else f'"{key}"'
        where = at + part if isinstance(document, list) or not at else f"{at}.{part}"
        found.append(where)
        if isinstance(value, (dict, list)):
            found += _keys(value, where)
    return found


@cache
def _template_keys() -> list[str]:
    return _keys(tomllib.loads(default_text()))


def configs(data: bytes) -> None:
    """A text in TOML, or the template with keys changed: a simulation, or a ConfigError."""
    changes: dict[str, Any] = {}
    text = data[1:].decode("utf-8", "replace")
    if data[:1] < b"\x80":
        keys = _template_keys()
        for key, value in zip(data[1:7:2], data[2:8:2], strict=False):
            changes[keys[key % len(keys)]] = deepcopy(VALUES[value % len(VALUES)])
        text = default_text()
    try:
        simulation_of(text, changes, _folder())
    except ConfigError as error:
        assert str(error)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "readers": readers,
    "books": books,
    "names": names,
    "configs": configs,
    "commands": command_lines.commands,
}
