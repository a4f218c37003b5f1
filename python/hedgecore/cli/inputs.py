"""What the commands read: files of market data, a book, and the market to value it in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from hedgecore.terminal import phase

if TYPE_CHECKING:
    from hedgecore.book import Book, Market
    from hedgecore.chain import Vols
    from hedgecore.venues.tables import Table


@dataclass(frozen=True)
class Held:
    """A book and its market as a command was given them: ``quotes`` of the chain, ``ledger`` of the positions."""

    book: Book
    name: str
    market: Market
    quotes: Table
    ledger: tuple[Any, ...]


def read(path: Path) -> Table:
    """Read a file of market data, saying so."""
    from hedgecore import venues

    with phase(f"reading {path}") as done:
        table = venues.read(path)
        done(f"read {path}: {table.format}, {table.rows_read:,} rows")
    return table


def read_quotes(path: Path, at: str | None) -> Table:
    """Read the quotes in a file; refuse a time that is none, or before the first of them."""
    from hedgecore.chain import snapshot
    from hedgecore.venues import DataError

    quotes = read(path).part("quotes")
    if not quotes.frame.height:
        raise DataError(f"{quotes.source}: no quotes that can be used")
    try:
        snapshot(quotes.frame.select("timestamp", "instrument"), at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None
    return quotes


def read_held(
    chain: Path,
    positions: Path | None,
    at: str | None = None,
    vols: Vols = "mark",
    futures: Sequence[Path] = (),
) -> Held:
    """Read a book (without positions: the open interest) and make its market of quotes."""
    from hedgecore.book import Market
    from hedgecore.chain import newest_time, open_interest
    from hedgecore.venues import DataError

    book, ledger = (None, ()) if positions is None else _read_book(positions)
    quotes = read_quotes(chain, at)
    others = [read(path).part("quotes") for path in futures]
    with phase("vols of the market") as done:
        prices: dict[str, float] = {}
        for other in others:
            prices |= Market.from_quotes(other, newest_time(quotes, at)).prices
        market = Market.from_quotes(quotes, at, vols, prices=prices)
        done(
            f"made the market: {len(market.forwards)} forwards, prices of {len(market.prices)} futures"
        )
    if book is None:
        book = open_interest(quotes, at)
        if not len(book):
            raise DataError(f"{chain}: no open interest to be the book; give --positions")
    name = f"the open interest of {chain.name}" if positions is None else positions.name
    return Held(book, name, market, quotes, ledger)


def _read_book(path: Path) -> tuple[Book, tuple[Any, ...]]:
    """The book in a CSV or in a venue's JSON, and the ledger of the latter."""
    from hedgecore.book import Book

    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[", b"\x1f\x8b", b"PK")):
        return Book.from_csv(path), ()
    table = read(path).part("positions")
    return Book.from_positions(table), table.defects
