"""From shocks to a grid: what :meth:`hedgecore.Book.scenarios` calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import risk
from hedgecore.instruments import USD_LIKE
from hedgecore.scenarios.grid import ScenarioGrid
from hedgecore.scenarios.nodes import Axis, Node, Nodes
from hedgecore.scenarios.revalue import DEFAULT, MEASURES, Shocks, columns_of, tenor_law

if TYPE_CHECKING:
    from typing import Any

    from hedgecore.book import Book, Market


def book_scenarios(
    book: Book,
    market: Market,
    *,
    spot: Axis | None = None,
    vol: Axis | None = None,
    time: Sequence[float] | npt.NDArray[Any] | None = None,
    nodes: Sequence[Node] | Nodes | None = None,
    spot_shock: Literal["relative", "absolute"] = "relative",
    vol_shock: Literal["relative", "absolute"] = "absolute",
    vol_tenor: tuple[float, ...] | None = None,
    measures: Sequence[str] = DEFAULT,
    tenor: tuple[float, float] = (risk.REFERENCE_TENOR, risk.TENOR_EXPONENT),
    threads: int | None = None,
) -> ScenarioGrid:
    """Revalue a book under every combination of shocks, or at a list of nodes.

    Parameters
    ----------
    book, market
        What is held, and the market that is shocked.
    spot, vol, time
        The axes of a product grid; an axis not given is (0,).  Spot and vol may be a mapping of
        coins to axes of one length, that move together; coins not named stay where they are.
    nodes
        Instead of the axes: a sequence of :class:`Node`, or the arrays of :class:`Nodes`.
    spot_shock
        "relative": -0.1 is a fall by 10 %; "absolute": an amount of USD added to the index, in
        proportion to which everything of the coin moves.
    vol_shock
        "absolute": 0.05 adds five vol points; "relative": 0.1 makes a vol of 0.60 one of 0.66.
    vol_tenor
        (reference, exponent) scales the shock of an expiry by (reference / expiry)^exponent, both in
        years before time passes; (reference, short, long) has exponents of its own for expiries below and from
        the reference on.  None: parallel.
    measures
        Out of :data:`MEASURES` (:mod:`hedgecore.risk` has their units); P&L is always there.
    tenor
        Of ``vega_weighted``, as in :func:`hedgecore.risk.book_risk`.
    threads
        Of the core, for this call.

    Raises
    ------
    ValueError
        For shocks that are not finite, that take an underlying or a vol to zero or below, or that name a coin the
        market does not know; times and weights below zero; unknown measures.

    Examples
    --------
    >>> import hedgecore as hc
    >>> book = hc.Book.from_frame({"instrument": ["BTC-26JUN26-90000-C"], "quantity": [10]})
    >>> market = hc.Market(
    ...     "2026-06-10", index={"BTC": 88_000}, forwards={("BTC", "2026-06-26T08:00"): 88_100}, vols=0.5
    ... )
    >>> grid = book.scenarios(market, spot=[-0.1, 0, 0.1], vol=[-0.1, 0, 0.1])
    >>> grid.pnl().shape
    (3, 3, 1)
    """
    for name in measures:
        if name not in MEASURES:
            raise ValueError(f"measures: {name!r} is none of {', '.join(MEASURES)}")
    for what, choice in (("spot_shock", spot_shock), ("vol_shock", vol_shock)):
        if choice not in ("relative", "absolute"):
            raise ValueError(f"{what} must be 'relative' or 'absolute', not {choice!r}")
    table, data = book.instruments, market.align(book.instruments)
    pairs, bucket = table.expiries
    coins = [base for base in dict.fromkeys(base for base, _ in pairs) if base not in USD_LIKE]
    if nodes is None:
        listed = Nodes.product(spot, vol, time, coins)
    elif spot is None and vol is None and time is None:
        listed = nodes if isinstance(nodes, Nodes) else Nodes.listed(nodes, coins, market)
    else:
        raise ValueError("give either nodes or axes (spot, vol, time)")
    listed.check(market)
    still = np.zeros(len(listed))
    spots = {coin: listed.spot.get(coin, still) for coin in coins}
    vols = {coin: listed.vol.get(coin, still) for coin in coins}
    times = listed.time

    index, _, years = data.levels
    factor, scale, shift = (np.ones((len(pairs), len(times) + 1)) for _ in range(3))
    shift[:] = 0.0
    order = np.lexsort([*vols.values(), times])  # vol and time that are equal stand together
    for i, (base, _) in enumerate(pairs):
        move, bump = spots.get(base, still)[order], vols.get(base, still)[order]
        if np.isfinite(index[i]):
            factor[i, 1:] = 1 + (move if spot_shock == "relative" else move / index[i])
        if not (factor[i] > 0).all():
            worst = move[np.argmin(factor[i, 1:])]
            raise ValueError(f"spot = {worst} takes {base} to zero or below")
        bump = bump * tenor_law(vol_tenor, years[i])
        (scale if vol_shock == "relative" else shift)[i, 1:] += bump
    place = np.empty(len(times), np.intp)
    place[order] = np.arange(1, len(times) + 1)
    shocks = Shocks(
        factor, scale, shift, np.r_[0.0, times[order]], place, tuple(dict.fromkeys(measures)), tenor, threads
    )  # fmt: skip
    entry = risk._entry_values(book)
    columns = columns_of(book, data, bucket, data.levels, shocks, entry)
    active = (book.net_quantity != 0) | np.isfinite(entry)
    used = np.bincount(bucket[active], minlength=len(pairs)) > 0
    final = {name: np.ascontiguousarray(column[used].T) for name, column in columns.items()}
    weights = listed.weight
    for array in (*final.values(), *spots.values(), *vols.values(), times, weights):
        array.setflags(write=False)
    return ScenarioGrid(
        book, market, listed.shape, spots, vols, times, weights,
        np.array([base for base, _ in pairs], dtype=np.str_)[used],
        np.array([when for _, when in pairs], "M8[us]")[used],
        final, risk._completeness(book, data), shocks,
    )  # fmt: skip
