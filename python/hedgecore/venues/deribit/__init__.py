"""Deribit: readers of its chains, tickers and messages; its instruments, contracts and settlement.

`read` opens a file of any format of the exchange and `read_quotes` insists on quotes.  Names are in
`hedgecore.venues.deribit.instruments`, contract sizes and fees in
`hedgecore.venues.deribit.contracts`, the settlement window in
`hedgecore.venues.deribit.settlement`.  Needs polars: ``pip install "hedgecore[data]"``.
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hedgecore.venues.files import Content
    from hedgecore.venues.tables import Table

__all__ = [
    "read",
    "read_content",
    "read_quotes",
]


def read(path: str | PathLike[str]) -> Table:
    """Read a file of any format of Deribit; which one it is shows its content, not its name.

    Raises
    ------
    DataError
        The file is empty, damaged, of no format of Deribit, or in other units than its format says.
    OSError
        The file cannot be opened.
    """
    from hedgecore.venues.files import load, unknown_format

    content = load(path)
    table = read_content(content)
    if table is None:
        raise unknown_format(content)
    return table


def read_quotes(path: str | PathLike[str]) -> Table:
    """Read the quotes of a file of Deribit (of several kinds of messages: that part).

    Raises
    ------
    DataError
        As `read`, or the file holds no quotes.
    OSError
        The file cannot be opened.
    """
    return read(path).part("quotes")


def read_content(content: Content) -> Table | None:
    """The table of what was loaded, None if it is of no format of Deribit; errors as in `read`."""
    from hedgecore.venues.deribit.chains import read_table
    from hedgecore.venues.deribit.evidence import read_evidence
    from hedgecore.venues.deribit.messages import read_messages

    for reader in (read_table, read_evidence, read_messages):
        table = reader(content)
        if table is not None:
            return table
    return None
