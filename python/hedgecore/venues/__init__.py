"""Venues: readers of the data of exchanges, names in, columns out.

`read` opens any file of a format that hedgecore knows and tells by its content which one it is: option
chains, tickers, trades, books, instruments, positions and accounts of Deribit
(`hedgecore.venues.deribit`), captures of OKX and Binance (`hedgecore.venues.okx`,
`hedgecore.venues.binance`), top-5 books of Bybit (`hedgecore.venues.bybit`), bars of prices, funding
rates, volatility indices and gas fees (`hedgecore.venues.series`).  What comes out is a
`hedgecore.venues.tables.Table` in one of the layouts of `hedgecore.venues.layouts`, with a ledger of
what was wrong in the file (`hedgecore.venues.defects`).  `hedgecore.venues.depth` rebuilds full order books
from such tables.

All of them need polars (``pip install "hedgecore[data]"``); importing this package does not load it.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgecore.venues.tables import Table


class DataError(ValueError):
    """A file that cannot be read as what it should be; the message names file, column or value."""


class ChainError(DataError):
    """A file that is no readable option chain; the message names file, column, row or value."""


def read(path: str | PathLike[str]) -> Table:
    """Read any file of a known format; which one it is shows its content, not its name.

    Returns a `Table`: its ``kind`` and ``format`` say what was found, its ``frame`` has exactly the
    columns of that kind in `hedgecore.venues.layouts`, its ``defects`` what was wrong in the file.

    Raises
    ------
    DataError
        The file is empty, damaged, of no known format or in other units than its format says.
    OSError
        The file cannot be opened.
    """
    from hedgecore.venues import binance, bybit, deribit, okx, series
    from hedgecore.venues.files import load, unknown_format

    content = load(path)
    for reader in (
        deribit.read_content,
        okx.read_content,
        binance.read_content,
        bybit.read_content,
        series.read_content,
    ):
        table: Table | None = reader(content)
        if table is not None:
            return table
    raise unknown_format(content)
