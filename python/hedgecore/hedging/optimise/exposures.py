"""What a unit of an instrument, and a book, adds to every measure that can be limited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import pricing, risk
from hedgecore.instruments import OPTION

if TYPE_CHECKING:
    from hedgecore.book import Book, Market
    from hedgecore.instruments import Instruments

Array = npt.NDArray[Any]

SECOND: Final = ("vanna_usd_1pct", "volga_usd")
"""Measures beside those of :mod:`hedgecore.risk`: change of vega_usd for a move of the underlying by 1 %, and for a vol point."""

MEASURES: Final = (*(m for m in risk.MEASURES if m not in ("equity_coin", "positions")), *SECOND)
"""What can be limited and brought to a target."""


def unit_measures(table: Instruments, market: Market) -> dict[str, Array]:
    """Return the measures of one unit of each instrument; NaN where the market cannot value it."""
    from hedgecore.book import Book

    one = Book(table, np.arange(len(table)), np.ones(len(table)))
    return book_measures(one, market)


def book_measures(book: Book, market: Market) -> dict[str, Array]:
    """Return the measures of each instrument with a net quantity, as :meth:`hedgecore.risk.Risk.positions`, and :data:`SECOND`."""
    columns = book.risk(market).positions()
    table, net = book.instruments, book.net_quantity
    paid = risk.entry_values(book)
    rows = np.flatnonzero((net != 0) | np.isfinite(paid))
    for name, amount in zip(SECOND, _second(table, market, rows), strict=True):
        columns[name] = amount * net[rows]
    columns["row"] = rows
    return columns


def _second(table: Instruments, market: Market, rows: Array) -> tuple[Array, Array]:
    """Vanna and volga of a unit of some instruments, in USD."""
    data = market.align(table)
    out = np.zeros((2, len(rows)))
    for inverse in (True, False):
        here = (table.type[rows] == OPTION) & (table.inverse[rows] == inverse) & data.valued[rows]
        chosen = rows[here]
        if not chosen.size:
            continue
        g = pricing.greeks(
            **risk.option_terms(table, data, chosen), which=("vega", "vanna", "volga"), errors="nan"
        )
        usd = data.index[chosen] if inverse else data.unit[chosen]
        # d vega / d ln F: the delta of an inverse option is a derivative by ln F already, and its vega is paid in a coin that
        # moves as well
        slope = g["vanna"] + g["vega"] if inverse else data.forward[chosen] * g["vanna"]
        out[0, here] = np.nan_to_num(slope * usd) * 1e-4
        out[1, here] = np.nan_to_num(g["volga"] * usd) * 1e-4
    out[:, ~data.valued[rows]] = np.nan
    return out[0], out[1]
