"""A book in files, made ready for the simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hedgecore.hedging.book import BookStrips, from_book

if TYPE_CHECKING:
    from hedgecore.hedging.position import Instrument


@dataclass(frozen=True, kw_only=True)
class BookFiles:
    """A book and its market: the table ``[book]`` of a configuration.

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
    """

    positions: str
    chain: str
    steps_per_day: int
    underlying: str | None = None
    at: str | None = None
    vols: Literal["mark", "mid", "venue"] = "mark"
    surfaces: Literal["svi", "svi_free", "essvi"] | None = None
    stickiness: float = 1.0
    convert: bool = True

    def arguments(
        self, folder: Path, rate: float, instrument: Instrument | Mapping[str, Instrument] | None
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return position, spot and steps for :func:`hedgecore.hedging.simulate`, and what was done to the book in sentences.

        Of one underlying itself, of several by name.

        Parameters
        ----------
        folder
            Where files that are named relatively lie.
        rate, instrument
            Of the simulation.

        Raises
        ------
        ValueError
            Naming the argument, or the instrument that cannot be simulated.
        """
        found = self._strips(folder, rate, instrument)
        if self.underlying is None and len(found.position) > 1:
            return {
                "position": found.position,
                "spot": found.spot,
                "steps": found.steps,
            }, found.notes
        ((name, strip),) = found.position.items()
        return {"position": strip, "spot": found.spot[name], "steps": found.steps}, found.notes

    def _strips(self, folder: Path, rate: float, instrument: Any) -> BookStrips:
        from hedgecore.book import Book, Market
        from hedgecore.surface import fit_all
        from hedgecore.venues import read

        for name in ("positions", "chain"):
            file = folder / getattr(self, name)
            if not file.is_file():
                raise ValueError(f"{name}: there is no file {file}")
        path = folder / self.positions
        if path.suffix == ".csv":
            book = Book.from_csv(path)
        else:
            book = Book.from_positions(read(path).part("positions"))
        if self.underlying is not None:
            bases = book.instruments.base[book.row]
            if self.underlying not in bases:
                known = ", ".join(dict.fromkeys(map(str, bases)))
                raise ValueError(f"underlying = {self.underlying!r} must be one of {known}")
            own = bases == self.underlying
            book = Book(book.instruments, book.row[own], book.quantity[own])
        quotes = read(folder / self.chain).part("quotes")
        fits = None if self.surfaces is None else fit_all(quotes, self.at, model=self.surfaces)
        return from_book(
            book, Market.from_quotes(quotes, self.at, self.vols), steps_per_day=self.steps_per_day, rate=rate,
            instrument=instrument, surfaces=fits, stickiness=self.stickiness, convert=self.convert,
        )  # fmt: skip
