"""A book and its market, made ready for the simulation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hedgecore.book import Book, Market
from hedgecore.hedging.position import (
    Future,
    Instrument,
    Option,
    Perpetual,
    Smile,
    Spot,
    Strip,
    check,
)
from hedgecore.instruments import CASH, FUTURE, OPTION, SPOT
from hedgecore.paths.random import whole
from hedgecore.surface import Surface

YEAR_DAYS = 365


@dataclass(frozen=True)
class BookStrips:
    """What :func:`from_book` returns.

    Attributes
    ----------
    position, spot
        By underlying: for :func:`hedgecore.hedging.simulate`.
    steps, horizon
        To the last expiry, and its years.
    largest_shift
        Years by which an expiry was moved to its step, at most; below half a step but for expiries before the first one.
    largest_basis
        The largest abs(ln(F / (S exp(rate T)))) of an option: the simulation has the forward S exp(rate T), and values there.
    converted
        Names of what is counted by its delta at the start, being no instrument that hedges.
    left_out
        Names of balances in currencies that are no coin.
    """

    position: dict[str, Strip]
    spot: dict[str, float]
    steps: int
    horizon: float
    largest_shift: float
    largest_basis: float
    converted: tuple[str, ...]
    left_out: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the book, in sentences; empty where nothing was."""
        minutes = self.largest_shift * YEAR_DAYS * 1440
        said = (
            (minutes >= 0.05, f"Expiries were moved to their steps, by {minutes:.1f} minutes at most."),
            (
                self.largest_basis >= 5e-6,
                f"Forwards are S exp(rate T), up to {1e4 * self.largest_basis:.1f} bp from those of the market.",
            ),
            (self.converted, f"Counted by their delta at the start: {', '.join(self.converted)}."),
            (self.left_out, f"Left out, being no coins: {', '.join(self.left_out)}."),
        )  # fmt: skip
        return tuple(text for holds, text in said if holds)


def from_book(
    book: Book,
    market: Market,
    *,
    steps_per_day: int,
    rate: float = 0.0,
    instrument: Instrument | Mapping[str, Instrument] | None = None,
    surfaces: Mapping[str, Surface] | None = None,
    stickiness: float = 1.0,
    convert: bool = False,
) -> BookStrips:
    """Turn a book into the options of every underlying and what is held beside them, for :func:`hedgecore.hedging.simulate`.

    Options of one instrument are one, of its net quantity, calls and puts, linear and inverse; each keeps the vol that the market has
    for it, or that of a surface; premiums are the model's values, so that P&L counts from the market's time.  Expiries go
    to the nearest step, the first where they are before it.  Futures, perpetuals and coins are held at the start, at the price there: entry
    prices are not looked at.  Stablecoins are dollars.

    Parameters
    ----------
    book, market
        The market must value every option.
    steps_per_day
        The grid.
    rate
        That of the simulation.
    instrument
        What hedges, one for all or by underlying; :class:`Spot` where not given.
    surfaces, stickiness
        By underlying: vols are those of :class:`Smile` instead of the market's.
    convert
        Whether other instruments than the one that hedges count by their delta at the start; else they are an error.

    Raises
    ------
    ValueError
        Naming the instrument that has no value, has expired or does not hedge; a book without options.
    """
    n = whole(steps_per_day, "steps_per_day", 1, 86_400_000)
    step = 1.0 / (YEAR_DAYS * n)
    table, net, known = book.instruments, book.net_quantity, market.align(book.instruments)
    options: dict[str, list[Option]] = {}
    holding: dict[str, float] = {}
    shift = basis = 0.0
    converted: list[str] = []
    left_out: list[str] = []
    last = 1
    for row in np.flatnonzero(net):
        base, name = str(table.base[row]), str(table.name[row])
        kind = int(table.type[row])
        if kind == CASH:
            left_out.append(name)
            continue
        if not known.valued[row] or known.expiry[row] <= 0:
            why = "has expired" if known.expiry[row] <= 0 else "has no value in the market"
            raise ValueError(f"{name} {why}")
        quantity, spot = float(net[row]), float(known.index[row])
        if kind != OPTION:
            trade = instrument.get(base) if isinstance(instrument, Mapping) else instrument
            own = _own(kind, bool(table.inverse[row]), trade or Spot())
            if not own and not convert:
                raise ValueError(f"{name} is not what hedges: convert=True counts it by its delta")
            if not own:
                converted.append(name)
            forward = spot if kind == SPOT else float(known.forward[row])
            delta = quantity / forward if table.inverse[row] and kind != SPOT else quantity
            units = delta * spot if _inverse(trade) else delta
            holding[base] = holding.get(base, 0.0) + (quantity if own else units)
            continue
        years, strike = float(known.expiry[row]), float(table.strike[row])
        at = max(1, round(years / step))
        last, shift = max(last, at), max(shift, abs(at * step - years))
        basis = max(basis, abs(math.log(float(known.forward[row]) / spot) - rate * years))
        vol: float | Smile = float(known.vol[row])
        if surfaces is not None:
            if base not in surfaces:
                raise ValueError(f"surfaces has nothing for {base}")
            vol = Smile(surfaces[base], stickiness)
        else:
            check(0 < float(known.vol[row]) < math.inf, f"vol of {name}", vol, "positive")
        options.setdefault(base, []).append(
            Option(
                kind=int(table.kind[row]), strike=strike, expiry=at * step, vol=vol, quantity=quantity,
                settlement="inverse" if table.inverse[row] else "linear",
            )
        )  # fmt: skip
    if not options:
        raise ValueError("the book has no options")
    if bare := [base for base in holding if base not in options]:
        raise ValueError(f"the book has no options on {bare[0]}: nothing there needs a hedge")
    horizon = last * step
    return BookStrips(
        position={
            base: Strip(options=tuple(strip), holding=holding.get(base, 0.0), horizon=horizon)
            for base, strip in options.items()
        },
        spot={base: float(market.index[base]) for base in options},
        steps=last,
        horizon=horizon,
        largest_shift=shift,
        largest_basis=basis,
        converted=tuple(converted),
        left_out=tuple(left_out),
    )


def _inverse(trade: Any) -> bool:
    return isinstance(trade, Perpetual) and trade.settlement == "inverse"


def _own(kind: int, inverse: bool, trade: Instrument) -> bool:
    """Whether what is held is the instrument that hedges; a future is never known to be."""
    if kind == SPOT:
        return isinstance(trade, Spot)
    if kind == FUTURE or isinstance(trade, Future):
        return False
    return isinstance(trade, Perpetual) and inverse == _inverse(trade)
