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
    from hedgecore.surface.dynamics import Dynamics
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


def read_quotes(path: Path, at: str | None, option: str = "--at") -> Table:
    """Read the quotes in a file; refuse a time that is none, or before the first of them."""
    from hedgecore.venues import DataError

    quotes = read(path).part("quotes")
    if not quotes.frame.height:
        raise DataError(f"{quotes.source}: no quotes that can be used")
    check_time(quotes, at, option)
    return quotes


def check_time(quotes: Table, at: str | None, option: str) -> None:
    """Refuse a time that is none, or before the first quotes."""
    from hedgecore.chain import snapshot

    try:
        snapshot(quotes.frame.select("timestamp", "instrument"), at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def read_held(
    chain: Path,
    positions: Path | None,
    at: str | None = None,
    vols: Vols = "mark",
    futures: Sequence[Path] = (),
) -> Held:
    """Read a book (without positions: the open interest) and make its market of quotes."""
    from hedgecore.chain import open_interest
    from hedgecore.venues import DataError

    book, ledger = (None, ()) if positions is None else read_book(positions)
    quotes = read_quotes(chain, at)
    market = market_of(quotes, at, vols, [read(path).part("quotes") for path in futures])
    if book is None:
        book = open_interest(quotes, at)
        if not len(book):
            raise DataError(f"{chain}: no open interest to be the book; give --positions")
    name = f"the open interest of {chain.name}" if positions is None else positions.name
    return Held(book, name, market, quotes, ledger)


def market_of(
    quotes: Table, at: str | None, vols: Vols = "mark", futures: Sequence[Table] = ()
) -> Market:
    """Make the market of quotes, and of those of futures at the same time."""
    from hedgecore.book import Market
    from hedgecore.chain import newest_time

    with phase("vols of the market") as done:
        prices: dict[str, float] = {}
        for other in futures:
            prices |= Market.from_quotes(other, newest_time(quotes, at)).prices
        market = Market.from_quotes(quotes, at, vols, prices=prices)
        done(
            f"made the market: {len(market.forwards)} forwards, prices of {len(market.prices)} futures"
        )
    return market


def sliding(
    quotes: Table, at: str | None, ratio: float | None
) -> tuple[Dynamics | None, str, tuple[str, ...]]:
    """The rule of a skew-stickiness ratio by SVI fitted to quotes, in words too, and what does not fit; None is sticky strike."""
    if ratio is None:
        return None, "sticky strike", ()
    from hedgecore.surface import fit_all
    from hedgecore.surface.dynamics import SkewStickiness

    with phase("fitting") as done:
        fits = fit_all(quotes, at)
        done(f"fitted {sum(len(one) for one in fits.values())} smiles that slide with spot")
    words = "sticky moneyness" if ratio == 0 else f"skew-stickiness ratio {ratio:g}"
    return SkewStickiness(fits, ratio), f"{words} by SVI fitted to the quotes", fits.report


def series_of(
    files: Sequence[tuple[str | None, Path]], option: str, coins: Sequence[str]
) -> dict[str, Table]:
    """Read series by coin: the one that was said, else the coin of the book that the symbol of the file begins with."""
    out: dict[str, Table] = {}
    for said, path in files:
        table = read(path)
        if table.kind not in ("bars", "dvol"):
            raise typer.BadParameter(
                f"{path}: {table.kind} are neither price bars nor a vol index", param_hint=option
            )
        coin = said
        if coin is None:
            symbols = table.frame["symbol"].drop_nulls().unique().to_list()
            known = {c for c in coins for symbol in symbols if symbol.upper().startswith(c)}
            if len(symbols) != 1 or not known:
                names = ", ".join(symbols) or "no symbol"
                raise typer.BadParameter(
                    f"{path}: which coin of the book ({', '.join(coins)}) is it? It has {names}; say COIN={path}",
                    param_hint=option,
                )
            coin = max(known, key=len)
        if coin in out:
            raise typer.BadParameter(f"{path}: a second series of {coin}", param_hint=option)
        out[coin] = table
    return out


def read_book(path: Path) -> tuple[Book, tuple[Any, ...]]:
    """The book in a CSV or in a venue's JSON, and the ledger of the latter."""
    from hedgecore.book import Book

    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[", b"\x1f\x8b", b"PK")):
        return Book.from_csv(path), ()
    table = read(path).part("positions")
    return Book.from_positions(table), table.defects
