"""What the commands show, as tables: text for terminal and page, columns for files.

``text`` has the cells, ``book`` the risk of a book, ``chain`` vols and forwards, ``data`` the content of a file, ``fits``
the figures of fitted smiles, ``surface`` these as text, ``scenarios`` a book in shocked markets, ``hedging`` simulations,
``backtest`` strategies through real chains.
"""

from __future__ import annotations

from hedgecore.tables.book import (
    UNITS,
    breach_table,
    bucket_table,
    coins,
    largest_positions,
    position_table,
    remarks,
    underlying_table,
    unit_of,
)
from hedgecore.tables.chain import vol_tables, vols_by_expiry
from hedgecore.tables.data import content_lines, content_table, defect_table
from hedgecore.tables.text import Columns, TextTable, amount, day, plain, rows_of

__all__ = [
    "UNITS",
    "Columns",
    "TextTable",
    "amount",
    "breach_table",
    "bucket_table",
    "coins",
    "content_lines",
    "content_table",
    "day",
    "defect_table",
    "largest_positions",
    "plain",
    "position_table",
    "remarks",
    "rows_of",
    "underlying_table",
    "unit_of",
    "vol_tables",
    "vols_by_expiry",
]
