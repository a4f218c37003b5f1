"""A book in files, made ready for the simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hedgecore.hedging.book import BookStrips, from_book

if TYPE_CHECKING:
    from hedgecore.hedging.position import Instrument


def book_of_files(
    positions: str,
    chain: str,
    steps_per_day: int,
    underlying: str | None = None,
    at: str | None = None,
    vols: Literal["mark", "mid", "venue"] = "mark",
    surfaces: Literal["svi", "svi_free", "essvi"] | None = None,
    stickiness: float = 1.0,
    convert: bool = True,
    *,
    folder: Path = Path(),
    rate: float = 0.0,
    instrument: Instrument | Mapping[str, Instrument] | None = None,
) -> BookStrips:
    """Return what a book holds in the market of a chain, by :func:`hedgecore.hedging.from_book`.

    Parameters
    ----------
    positions
        A file: CSV with the columns instrument and quantity, or the exchange's positions in JSON.
    chain
        A file of quotes in any known format: indices, forwards and vols at the newest time.
    steps_per_day
        The grid.
    underlying
        The coin whose part of the book is taken; None: all.
    at
        The last snapshot at or before this UTC time instead.
    vols
        Implied from marks, from mids, or as the venue prints them.
    surfaces, stickiness
        Vols are those of fitted smiles that go with the price by this skew-stickiness ratio.
    convert
        Whether futures, perpetuals and coins that do not hedge count by their delta at the start; else they are an error.
    folder
        Where files that are named relatively lie.
    rate, instrument
        Of the simulation.
    """
    from hedgecore.book import Book, Market
    from hedgecore.surface import fit_all
    from hedgecore.venues import read

    for name, file in (("positions", positions), ("chain", chain)):
        if not (folder / file).is_file():
            raise ValueError(f"{name}: there is no file {folder / file}")
    path = folder / positions
    if path.suffix == ".csv":
        book = Book.from_csv(path)
    else:
        book = Book.from_positions(read(path).part("positions"))
    quotes = read(folder / chain).part("quotes")
    found = from_book(
        book,
        Market.from_quotes(quotes, at, vols),
        steps_per_day=steps_per_day,
        rate=rate,
        instrument=instrument,
        surfaces=None if surfaces is None else fit_all(quotes, at, model=surfaces),
        stickiness=stickiness,
        convert=convert,
    )
    if underlying is None:
        return found
    if underlying not in found.position:
        raise ValueError(f"underlying = {underlying!r} must be one of {', '.join(found.position)}")
    return replace(
        found,
        position={underlying: found.position[underlying]},
        spot={underlying: found.spot[underlying]},
    )


def arguments_of(found: BookStrips) -> dict[str, Any]:
    """Return position, spot and steps for :func:`hedgecore.hedging.simulate`: of one underlying itself, of several by name."""
    names = list(found.position)
    if len(names) == 1:
        strip = found.position[names[0]]
        steps = found.steps
        horizon = max(option.expiry for option in strip.options)
        if horizon < found.horizon:  # the last expiry of the others is not its own
            steps = round(steps * horizon / found.horizon)
            strip = replace(strip, horizon=None)
        return {"position": strip, "spot": found.spot[names[0]], "steps": steps}
    return {"position": found.position, "spot": found.spot, "steps": found.steps}
