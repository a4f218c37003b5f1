"""Bybit: collected top-5 books of perpetuals, a CSV without a header.

Columns: the side that changed (bid, ask or both), the symbol, the collector's milliseconds, the
exchange's milliseconds, and both sides of the book as the text of a Python list,
``[[[price, size], …], [[price, size], …]]``.  The best ask comes last.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from typing import Any, Final

from hedgecore.venues.books import books_table
from hedgecore.venues.defects import MAX_EXAMPLES, Defect
from hedgecore.venues.files import Content
from hedgecore.venues.layouts import SETTLEMENTS, TIME, TYPES
from hedgecore.venues.tables import Table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading books needs polars: pip install "hedgecore[data]"') from error

_BOOK: Final = re.compile(r"^\s*\[\s*\[")
_NAME: Final = r"^([A-Z0-9]+?)(USDT|USDC|PERP)$"


def parse_many(names: pl.Series) -> pl.DataFrame:
    """Take names apart, as `hedgecore.venues.deribit.instruments.parse_many`; null where unknown."""
    part = pl.col("name").cast(pl.String).str.extract_groups(_NAME).struct
    # BTCPERP is the perpetual in USDC
    parts = names.to_frame("name").select(
        base=part.field("1"), quote=part.field("2").replace("PERP", "USDC")
    )
    known = pl.col("base").is_not_null()
    columns = {
        "base": pl.col("base"),
        "quote": pl.col("quote"),
        "type": pl.lit("perpetual"),
        "kind": pl.lit(None).cast(pl.Int8),
        "strike": pl.lit(None).cast(pl.Float64),
        "expiry_time": pl.lit(None).cast(TIME),
        "settlement": pl.lit("linear"),
        "currency": pl.col("quote"),
    }
    return parts.select(
        pl.when(known).then(value).alias(name) for name, value in columns.items()
    ).cast({"type": TYPES, "settlement": SETTLEMENTS, "expiry_time": TIME})


def read_content(content: Content) -> Table | None:
    """The table of collected top-5 books; None if the content is something else.

    Raises
    ------
    DataError
        None of the books can be used.
    """
    raw = content.table
    if raw is None or content.has_header or raw.width != 5:
        return None
    side, symbol, _, time, text = raw.columns
    some = raw.head(20)
    if not (
        some[side].is_in(["bid", "ask", "both"]).any()
        and any(_BOOK.match(value or "") for value in some[text])
    ):
        return None
    records, broken = list[dict[str, Any]](), list[str]()
    rows = list[int]()
    for row, (name, stamp, value) in enumerate(raw.select(symbol, time, text).iter_rows(), start=1):
        book = _sides(value)
        if book is None:
            broken.append(f"row {row} {name}: {value!r:.40}")
            continue
        rows.append(row)
        records.append(
            {"instrument_name": name, "timestamp": stamp, "bids": book[0], "asks": book[1]}
        )
    table = books_table(
        records, rows, content.source, parser=parse_many, format="Bybit top-5 books"
    )
    unreadable = Defect(
        "book unreadable",
        "not the text of a list of bids and asks: left out",
        len(broken),
        raw.height,
        dropped=True,
        examples=tuple(broken[:MAX_EXAMPLES]),
    )
    return replace(
        table, defects=(*content.defects, unreadable, *table.defects), rows_read=content.rows
    )


def _sides(text: str | None) -> list[Any] | None:
    """Bids and asks of the text of a Python list; None if it is no such text."""
    try:
        book = ast.literal_eval(text or "")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    is_book = isinstance(book, list) and len(book) == 2
    return book if is_book and all(isinstance(side, list) for side in book) else None
