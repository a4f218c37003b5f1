"""Historical simulation: what happened, happening to today's book."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgecore.tails.history import History
from hedgecore.tails.moves import Moves, VolChange
from hedgecore.tails.simulation import Progress, Simulation, held, simulate

if TYPE_CHECKING:
    from hedgecore.book import Book, Market
    from hedgecore.surface.dynamics import Dynamics


def historical(
    book: Book,
    market: Market,
    history: History | Moves,
    *,
    horizon: float | None = None,
    overlapping: bool = True,
    vol_change: VolChange = "relative",
    tolerance: float = 0.0,
    decay: float | None = None,
    warmup: int = 100,
    halflife: float | None = None,
    still_vols: bool = False,
    aging: bool = False,
    vol_tenor: tuple[float, ...] | None = None,
    dynamics: Dynamics | None = None,
    progress: Progress | None = None,
    threads: int | None = None,
) -> Simulation:
    """Replay the joint moves of a history on today's book, every option revalued in full.

    Parameters
    ----------
    book, market
        What is held, and the market that the moves start from.
    history
        Levels at common times, or moves made of them.
    horizon, overlapping, vol_change, tolerance
        Of the moves of a history, see :meth:`History.moves`; the horizon is 24 hours unless given.  Moves have
        theirs already: only the defaults may stand beside them.
    decay, warmup
        With ``decay``, for each horizon of time, the moves are scaled to today's volatility: :meth:`Moves.filtered`.
    halflife
        Days; old moves weigh less: :meth:`Moves.weighted`.
    still_vols
        Whether vols of coins that the history has none of may stand still.
    aging
        Whether the time of each move passes as well.
    vol_tenor
        How the vol change of an expiry follows that of the history's tenor, as in
        :func:`hedgecore.scenarios.book_scenarios`; None: all change alike.
    dynamics
        How the smile slides with spot before its vols change, as there.
    progress, threads
        As in :func:`simulate`.

    Returns
    -------
    Simulation
        ``label`` has the end of each move.

    Raises
    ------
    ValueError
        Where the book holds a coin without prices in the history, or options without vols and ``still_vols`` is not
        set; what :class:`Moves` and the grid refuse.
    """
    if isinstance(history, Moves):
        if (horizon, overlapping, vol_change, tolerance) != (None, True, "relative", 0.0):
            raise ValueError(
                "moves have their horizon, overlap and vol_change: give these to History.moves"
            )
        moves = history
    else:
        moves = history.moves(
            24.0 if horizon is None else horizon, overlapping=overlapping, vol_change=vol_change,
            tolerance=tolerance,
        )  # fmt: skip
    coins, with_options = held(book)
    absent = [coin for coin in coins if coin not in moves.spot]
    if absent:
        raise ValueError(
            f"the history has no prices of {', '.join(absent)}, which the book holds; "
            f"there are {', '.join(moves.spot)}"
        )
    notes = []
    flat = [coin for coin in with_options if coin not in moves.vol]
    if flat:
        if not still_vols:
            raise ValueError(
                f"the history has no vols of {', '.join(flat)}, in which the book has options: give them, "
                "or let them stand still with still_vols=True"
            )
        notes.append(f"vols of {', '.join(flat)} stand still")
    if decay is not None:
        moves = moves.filtered(decay, warmup)
    if halflife is not None:
        moves = moves.weighted(halflife)
    return simulate(
        book, market, moves.nodes(coins, aging=aging), label=moves.end, overlap=moves.overlap,
        notes=(*moves.notes, *notes), progress=progress, vol_shock=moves.vol_change,
        vol_tenor=vol_tenor, dynamics=dynamics, threads=threads,
    )  # fmt: skip
