"""From shocks to a grid: what :meth:`hedgecore.Book.scenarios` calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import risk
from hedgecore.instruments import OPTION, USD_LIKE
from hedgecore.scenarios.grid import ScenarioGrid
from hedgecore.scenarios.nodes import MOVES, Axis, Node, Nodes
from hedgecore.scenarios.revalue import DEFAULT, MEASURES, Shocks, columns_of, tenor_law
from hedgecore.surface.dynamics import check_rule

if TYPE_CHECKING:
    from typing import Any

    from hedgecore.book import Aligned, Book, Market
    from hedgecore.surface.dynamics import Dynamics

    Array = npt.NDArray[Any]


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
    skew: Axis | None = None,
    curvature: Axis | None = None,
    skew_tenor: tuple[float, ...] | None = None,
    curvature_tenor: tuple[float, ...] | None = None,
    min_vol_up: float | Mapping[str, float] | None = None,
    dynamics: Dynamics | None = None,
    measures: str | Sequence[str] = DEFAULT,
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
        the reference on; a fourth number is the least expiry that counts.  None: parallel.
    skew, curvature
        More axes: vols move by skew x z + curvature x z^2 in vol points, z = ln(K / F) / (atm vol sqrt(T)) in the market
        before any move, at most 5 in magnitude.  The vol at the forward is that of the surface of ``dynamics`` where there
        is one, else it is interpolated in the market's vols of the expiry.
    skew_tenor, curvature_tenor
        As ``vol_tenor``, for these.
    min_vol_up
        Where ``vol`` is a shock upwards, the shocked vol is at least this (a number, or by coin): a rule of venues'
        portfolio margins.
    dynamics
        How vols go with the forward (:mod:`hedgecore.surface.dynamics`): before the shocks of vol the smile slides,
        and deltas at the nodes have that in them.  None: a vol stays with its option (sticky strike).
    measures
        One or several out of :data:`MEASURES` (:mod:`hedgecore.risk` has their units); P&L is always there.
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
    check_rule(dynamics)
    if isinstance(measures, str):
        measures = (measures,)
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
        listed = Nodes.product(spot, vol, time, coins, skew, curvature)
    elif all(axis is None for axis in (spot, vol, time, skew, curvature)):
        listed = (
            nodes if isinstance(nodes, Nodes) else Nodes.listed(nodes, coins, market, vol_shock)
        )
    else:
        raise ValueError("give either nodes or axes (spot, vol, time, skew, curvature)")
    listed.check(market)
    still = np.zeros(len(listed))
    moves = {
        what: {coin: getattr(listed, what).get(coin, still) for coin in coins}
        for what in MOVES
        if what in ("spot", "vol") or getattr(listed, what)
    }
    spots, vols, times = moves["spot"], moves["vol"], listed.time
    if listed.relative is None:
        relative = np.full(len(listed), vol_shock == "relative")
    else:
        relative = listed.relative

    index, _, years = data.levels
    shape = (len(pairs), len(times) + 1)
    factor, scale, shift = np.ones(shape), np.ones(shape), np.zeros(shape)
    floor = None if min_vol_up is None else np.full(shape, -np.inf)
    # what is equal in vol and time stands together
    shaped = {
        what: np.zeros(shape)
        for what in ("skew", "curvature")
        if moves.keys() & {"skew", "curvature"}
    }
    keys = [move for what, by_coin in moves.items() if what != "spot" for move in by_coin.values()]
    order = np.lexsort([*keys, relative, times])
    for i, (base, _) in enumerate(pairs):
        move, bump = spots.get(base, still)[order], vols.get(base, still)[order]
        if np.isfinite(index[i]):
            factor[i, 1:] = 1 + (move if spot_shock == "relative" else move / index[i])
        if not (factor[i] > 0).all():
            worst = move[np.argmin(factor[i, 1:])]
            raise ValueError(f"spot = {worst} takes {base} to zero or below")
        bump = bump * tenor_law(vol_tenor, years[i])
        scale[i, 1:] += np.where(relative[order], bump, 0.0)
        shift[i, 1:] += np.where(relative[order], 0.0, bump)
        if floor is not None:
            floor[i, 1:][bump > 0] = _least_vol(min_vol_up, base)
        for what, law in (("skew", skew_tenor), ("curvature", curvature_tenor)):
            if what in moves:
                twist = moves[what].get(base, still)[order] * tenor_law(
                    law, years[i], f"{what}_tenor"
                )
                shaped[what][i, 1:] = twist
    place = np.empty(len(times), np.intp)
    place[order] = np.arange(1, len(times) + 1)
    filled = np.zeros(len(pairs), bool)  # buckets with options
    filled[bucket[(table.type == OPTION) & data.valued]] = True
    smile = None if dynamics is None else _smiles(dynamics, pairs, years, filled)
    finite_rule = smile is not None
    if smile is not None and not smile.any():  # sticky strike: nothing to slide
        smile = None
    shocks = Shocks(
        factor, scale, shift, np.r_[0.0, times[order]], place, tuple(dict.fromkeys(measures)), tenor, threads,
        shaped.get("skew"), shaped.get("curvature"), floor,
        _atm_vols(market, data, pairs, filled, dynamics) if shaped else None,
        smile, None if finite_rule else dynamics,
    )  # fmt: skip
    entry = risk.entry_values(book)
    columns = columns_of(book, data, bucket, data.levels, shocks, entry)
    active = (book.net_quantity != 0) | np.isfinite(entry)
    used = np.bincount(bucket[active], minlength=len(pairs)) > 0
    final = {name: np.ascontiguousarray(column[used].T) for name, column in columns.items()}
    weights = listed.weight
    of_coins = [move for by_coin in moves.values() for move in by_coin.values()]
    for array in (*final.values(), *of_coins, times, weights):
        array.setflags(write=False)
    return ScenarioGrid(
        book, market, listed.shape, spots, vols, times, weights,
        np.array([base for base, _ in pairs], dtype=np.str_)[used],
        np.array([when for _, when in pairs], "M8[us]")[used],
        final, risk.completeness_of(book, data), shocks, moves.get("skew", {}), moves.get("curvature", {}),
        spot_shock, _meaning(relative),
    )  # fmt: skip


def _meaning(relative: Array) -> Literal["relative", "absolute", "mixed"]:
    return "relative" if relative.all() else "mixed" if relative.any() else "absolute"


def _least_vol(least: float | Mapping[str, float] | None, base: str) -> float:
    value = least.get(base, -np.inf) if isinstance(least, Mapping) else least
    if value is None or np.isnan(value) or value == np.inf:
        raise ValueError(f"min_vol_up of {base} = {value} must be a number")
    return float(value)


def _smiles(
    dynamics: Dynamics, pairs: list[tuple[str, np.datetime64]], years: Array, filled: Array
) -> Array | None:
    """The smiles of the buckets with options; None for a rule that has none."""
    out = np.zeros((len(pairs), 14))
    for i in np.flatnonzero(filled):
        row = dynamics.smile(pairs[i][0], float(years[i]))
        if row is None:
            return None
        out[i] = row
    return out


def _atm_vols(
    market: Market,
    data: Aligned,
    pairs: list[tuple[str, np.datetime64]],
    filled: Array,
    dynamics: Dynamics | None,
) -> Array:
    """The vol at the forward of the buckets with options: of the surface, of the quotes, of the market's function."""
    _, forward, years = data.levels
    out = np.zeros(len(pairs))
    for i in np.flatnonzero(filled & (years > 0)):
        base, when = pairs[i]
        vol = None if dynamics is None else dynamics.atm_vol(base, float(years[i]))
        out[i] = market.atm_vol(base, when, float(forward[i])) if vol is None else vol
        if not out[i] > 0:
            raise ValueError(
                f"skew and curvature need the vol at the forward of {base} {when}: there is none"
            )
    return out
