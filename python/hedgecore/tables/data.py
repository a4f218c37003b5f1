"""What is in a file of market data, and what is wrong with it, as tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from hedgecore.tables.text import TextTable, cell, listed

if TYPE_CHECKING:
    import polars as pl

    from hedgecore.venues.defects import Defect
    from hedgecore.venues.tables import Table


def content_lines(table: Table) -> list[str]:
    """What a file is, in sentences: format, rows, times, instruments."""
    lines = [f"{table.source}: {table.format}", f"rows or messages read: {table.rows_read:,}"]
    for kind, part in (table.parts or {table.kind: table}).items():
        frame = part.frame
        line = f"{kind}: {frame.height:,} row{'s' * (frame.height != 1)}"
        if "timestamp" in frame and frame["timestamp"].null_count() < frame.height:
            first, last = frame["timestamp"].min(), frame["timestamp"].max()
            line += f", {cell(first)} to {cell(last)} UTC"
        if "snapshot" in frame and (count := frame["snapshot"].drop_nulls().n_unique()):
            line += f", {count:,} snapshot{'s' * (count > 1)}"
        if "instrument" in frame and (count := frame["instrument"].drop_nulls().n_unique()):
            line += f", {count:,} instrument{'s' * (count > 1)}"
        if "base" in frame:
            line += f" on {listed(sorted(frame['base'].drop_nulls().unique()))}"
        if "type" in frame:
            types = sorted(frame["type"].cast(str).drop_nulls().unique())
            line += f" ({listed(types)})" if types else ""
        if "expiry_time" in frame and (count := frame["expiry_time"].drop_nulls().n_unique()):
            line += f", {count:,} expir{'ies' if count > 1 else 'y'}"
        lines.append(line)
    return lines


def content_table(table: Table) -> TextTable:
    """The columns of a table: type, values missing, least and greatest value, meaning."""
    from hedgecore.venues.layouts import LAYOUTS

    frame, layout = table.frame, LAYOUTS[table.kind]
    rows = max(frame.height, 1)
    lines, empty = [], []
    for name in frame.columns:
        column, missing = frame[name], frame[name].null_count()
        if missing == frame.height:
            empty.append(name)
            continue
        low, high = (cell(value) for value in _range(column))
        kind = str(column.dtype).split("(")[0].lower()
        lines.append(
            (
                name,
                kind,
                f"{missing:,}",
                f"{100 * missing / rows:.2f} %",
                low,
                high,
                layout[name].meaning,
            )
        )
    title = f"Columns of {table.kind}" + (f" (empty: {', '.join(empty)})" if empty else "")
    return TextTable(
        title,
        ("name", "type", "missing", "share", "least", "greatest", "meaning"),
        ("column", "type", "missing", "share", "least", "greatest", "meaning"),
        tuple(lines),
    )


def defect_table(defects: Iterable[Defect]) -> TextTable:
    """The defects that were found, with their meaning and the first example of each."""
    return TextTable(
        "Data defects",
        ("name", "count", "total", "share", "meaning", "example"),
        ("defect", "count", "of", "share", "what it is", "first found"),
        tuple(
            (
                d.name,
                f"{d.count:,}",
                f"{d.total:,} {d.unit}",
                f"{100 * d.share:.2f} %",
                "; ".join(filter(None, (d.description, d.note))),
                d.examples[0] if d.examples else "",
            )
            for d in defects
            if d.count
        ),
    )


def _range(column: pl.Series) -> tuple[Any, Any]:
    """The least and the greatest value; of words in the order of the alphabet."""
    import polars as pl

    if isinstance(column.dtype, (pl.Enum, pl.Categorical)):
        column = column.cast(pl.String)
    if isinstance(column.dtype, pl.Float64):
        column = column.fill_nan(None)
    return column.min(), column.max()
