"""The figures of a book: Greeks by expiry and by strike, gamma exposure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from hedgecore import tables
from hedgecore.figures.parts import (
    Row,
    bars,
    figure,
    prices,
    rows_of_coin,
    short_day,
    strike_axis,
)
from hedgecore.risk import Risk

if TYPE_CHECKING:
    from hedgecore.venues.tables import Table

GREEKS: Final = {
    "Net delta": "net_delta",
    "Gamma": "gamma_1pct",
    "Vega": "vega_usd",
    "Theta": "theta_usd",
}
"""The Greeks drawn by expiry and by strike, with their measures."""


def of_book(risk: Risk, coin: str) -> list[Row]:
    """Greeks of one coin by expiry, by strike, and the gamma exposure of the book."""
    strikes = rows_of_coin(risk.table("strike"), coin)
    options = np.isfinite(strikes["strike"])
    levels, where = np.unique(strikes["strike"][options], return_inverse=True)
    shown = of_expiries(risk, coin)
    if not levels.size:
        return shown
    shown += [
        figure(
            f"{name} of options by strike, all expiries",
            [bars(prices(levels), np.bincount(where, strikes[measure][options]))],
            "strike, USD",
            tables.unit_of(measure, coin),
            xaxis=strike_axis(levels),
        )
        for name, measure in GREEKS.items()
    ]
    return [*shown, _exposure("Gamma exposure of the book by strike", risk, coin, dealer=False)]


def of_expiries(risk: Risk, coin: str) -> list[Row]:
    """Greeks of one coin by expiry."""
    by_expiry = rows_of_coin(risk.table("expiry"), coin)
    return [
        figure(
            f"{name} by expiry",
            [bars([short_day(when) for when in by_expiry["expiry_time"]], by_expiry[measure])],
            "expiry",
            tables.unit_of(measure, coin),
            xaxis={"type": "category", "tickangle": -45},
        )
        for name, measure in GREEKS.items()
    ]


def of_dealers(quotes: Table, risk: Risk, coin: str) -> list[Row]:
    """The gamma exposure of dealers who are long the calls and short the puts that are open."""
    from hedgecore.chain import open_interest

    interest = open_interest(quotes, risk.market.time.item())
    held = interest.instruments.base == coin
    if not held.any():
        return []
    title = "Gamma exposure of dealers long the open calls, short the open puts"
    return [_exposure(title, interest.risk(risk.market), coin, dealer=True)]


def _exposure(title: str, risk: Risk, coin: str, *, dealer: bool) -> Row:
    table = rows_of_coin(risk.gamma_exposure(dealer=dealer), coin)
    shown = bars(prices(table["strike"]), table["gamma_usd_1pct"])
    axis = strike_axis(table["strike"])
    return figure(title, [shown], "strike, USD", "USD of delta per 1 % move", xaxis=axis)
