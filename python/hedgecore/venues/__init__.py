"""Venues: readers of the data of exchanges, names in, columns out.

`hedgecore.venues.deribit` reads option chains and `hedgecore.venues.defects` is the ledger in which
it writes down what was wrong in a file.  Both need polars (``pip install "hedgecore[data]"``);
importing this package does not load it.
"""

from __future__ import annotations


class ChainError(ValueError):
    """A file that is no readable option chain; the message names file, column, row or value."""
