"""Plotly figures of results, for notebooks: what ``.plot()`` of results returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hedgecore.figures import book, explain, hedging, scenarios, surface, tails
from hedgecore.figures.parts import Row
from hedgecore.tables.hedging import chosen_rows, unit_of_money
from hedgecore.tables.scenarios import Axes

if TYPE_CHECKING:
    from hedgecore.explain import Explain
    from hedgecore.hedging import Frontier, Histogram, Run, Trace
    from hedgecore.risk import Risk
    from hedgecore.scenarios import Ladder, ScenarioGrid
    from hedgecore.surface import Surface, Surfaces
    from hedgecore.tails import Simulation


def plot_surface(of: Surface, quotes: Any = None) -> Any:
    """Return the fitted smiles of a surface as a plotly figure.

    Parameters
    ----------
    quotes
        Smiles (:func:`hedgecore.surface.smiles`), or a table or frame of quotes: the figure then has one expiry, chosen
        from a list, with its bids and asks.  None: the fits of all expiries.

    Raises
    ------
    ImportError
        plotly is missing; the message names the extra.
    ValueError
        No quotes of an expiry of this surface.
    """
    if quotes is None:
        return made(surface.all_smiles(of))
    return made(surface.smile_by_expiry(of, _smiles(of, quotes)))


def plot_surfaces(of: Surfaces) -> Any:
    """Return the vols at the money of every coin by expiry as a plotly figure."""
    if not len(of):
        raise ValueError("there is no surface to plot: " + "; ".join(of.report))
    return made(surface.term_of(list(of.values())))


def plot_grid(
    of: ScenarioGrid,
    underlying: str | None = None,
    measure: str = "pnl_usd",
) -> Any:
    """Return a grid as a plotly figure: a heat map of P&L over spot and vol, or a ladder along the one axis that varies.

    Parameters
    ----------
    underlying, measure
        As for :meth:`hedgecore.scenarios.ScenarioGrid.measure`; a heat map is of ``pnl_usd`` or ``pnl_coin``.

    Raises
    ------
    ImportError
        plotly is missing; the message names the extra.
    ValueError
        For a list of nodes, which has no axes, and for coins that move by different amounts.
    """  # fmt: skip
    axes = axes_of(of, underlying)
    varying = [
        name for name, size in zip(("spot", "vol", "time"), of.shape, strict=True) if size > 1
    ]
    if len(varying) > 1:
        if measure not in ("pnl_usd", "pnl_coin"):
            raise ValueError(f"measure = {measure!r}: a heat map is of pnl_usd or pnl_coin")
        return made(scenarios.heat_map(of, axes, underlying, measure.removeprefix("pnl_")))
    axis = varying[0] if varying else "spot"
    return made(scenarios.ladder({axis: of}, axes, axis, measure, underlying))


def plot_risk(of: Risk, underlying: str | None = None) -> Any:
    """Return delta, gamma, vega and theta by expiry as a plotly figure of four panels.

    Parameters
    ----------
    underlying
        Which coin; may be left out where there is one.
    """
    coins = list(dict.fromkeys(str(coin) for coin in of.underlying))
    if underlying is None and len(coins) == 1:
        underlying = coins[0]
    if underlying not in coins:
        raise ValueError(f"underlying = {underlying!r} must be one of {', '.join(coins)}")
    _, subplots = _plotly()
    panels = book.of_expiries(of, underlying)
    figure = subplots.make_subplots(2, 2, subplot_titles=[panel["title"] for panel in panels])
    for number, panel in enumerate(panels):
        row, column = number // 2 + 1, number % 2 + 1
        for trace in panel["data"]:
            figure.add_trace(trace, row, column)
        figure.update_xaxes(panel["layout"]["xaxis"], row=row, col=column)
        figure.update_yaxes(panel["layout"]["yaxis"], row=row, col=column)
    look = {k: v for k, v in panels[0]["layout"].items() if k not in ("xaxis", "yaxis", "margin")}
    return figure.update_layout(**look, template="none", showlegend=False, height=760)


def plot_ladder(of: Ladder, underlying: str | None = None, measure: str = "pnl_usd") -> Any:
    """Return one measure along the axis of a ladder as a plotly figure; arguments as for :func:`plot_grid`."""
    axes = axes_of(of.grid, underlying)
    return made(scenarios.ladder({of.axis: of.grid}, axes, of.axis, measure, underlying))


def plot_simulation(of: Simulation, level: float = 0.975) -> Any:
    """Return the P&L of a simulation as a plotly figure.

    Draws of one distribution are a histogram, with value at risk and expected shortfall at ``level``; episodes and paths,
    of which there is no tail, are bars by label.
    """
    return made(tails.histogram(of, of.tail(level)) if of.sample else tails.episodes(of))


def plot_explain(
    of: Explain, underlying: str | None = None, currency: Literal["usd", "coin"] = "usd"
) -> Any:
    """Return the lines of a profit as a waterfall, of one underlying or (in USD) of all."""
    return made(explain.waterfall(of, underlying, currency))


def plot_run(
    of: Run, what: Literal["frontier", "pnl", "tails", "costs", "attribution"] = "frontier"
) -> Any:
    """Return a hedging simulation as a plotly figure: mean cost against std, histograms, tails, costs by kind, or what made the P&L."""
    if what == "frontier":
        return plot_frontier(of.frontier())
    if what == "pnl":
        shown = chosen_rows(of)
        return made(hedging.histogram(of.histogram(), unit_of_money(of), shown))
    figures = {"tails": hedging.tails, "costs": hedging.costs, "attribution": hedging.attribution}
    if what not in figures:
        raise ValueError(f"what must be one of frontier, pnl, {', '.join(figures)}, not {what!r}")
    return made(figures[what](of))


def plot_frontier(of: Frontier) -> Any:
    """Return mean cost against risk as a plotly figure, a line for each family, bars for standard errors."""
    return made(hedging.frontier(of))


def plot_histogram(of: Histogram) -> Any:
    """Return the shares of the paths by net P&L as a plotly figure."""
    return made(hedging.histogram(of))


def plot_trace(of: Trace, path: int | None = None, policies: Sequence[str] | None = None) -> Any:
    """Return price, position and hedges of one path over time as a plotly figure."""
    return made(hedging.trace(of, path, policies))


def axes_of(grid: ScenarioGrid, underlying: str | None) -> Axes:
    """Return the axes of a product grid, those of one underlying or the ones that all share."""
    if len(grid.shape) == 1:
        raise ValueError("a list of nodes has no axes to plot along: give spot, vol and time")
    if len(grid.shape) != 3:
        raise ValueError("a grid with axes of skew or curvature cannot be plotted: leave them out")
    picked = []
    for what, moves in (("spot", grid.spot), ("vol", grid.vol)):
        mine = [moves[underlying]] if underlying in moves else list(moves.values())
        if len({move.tobytes() for move in mine}) > 1:
            raise ValueError(f"the coins move by different amounts of {what}: name an underlying")
        picked.append((mine[0] if mine else np.zeros(len(grid))).reshape(grid.shape))
    time = grid.time.reshape(grid.shape)[0, 0, :]
    return Axes(
        picked[0][:, 0, 0], picked[1][0, :, 0], time, grid.vol_shock == "relative",
        grid.spot_shock == "relative",
    )  # fmt: skip


def made(row: Row) -> Any:
    """Return the plotly figure of traces and a layout."""
    objects, _ = _plotly()
    return objects.Figure(row["data"], row["layout"] | {"template": "none", "title": {"text": row["title"]},
                                                        "margin": {"t": 80}})  # fmt: skip


def _plotly() -> tuple[Any, Any]:
    try:
        import plotly.graph_objects  # type: ignore[import-untyped]
        import plotly.subplots  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError(
            f'plot() needs plotly ({error}): pip install "hedgecore[report]"'
        ) from error
    return plotly.graph_objects, plotly.subplots


def _smiles(of: Surface, quotes: Any) -> Sequence[Any]:
    from hedgecore.surface.quotes import Smile, smiles

    if isinstance(quotes, Sequence) and all(isinstance(one, Smile) for one in quotes):
        found = list(quotes)
    else:
        _, found = smiles(quotes, of.asof)
    mine = [
        s for s in found if s.base == of.base and len(s) and np.isclose(of.expiry, s.expiry).any()
    ]
    if not mine:
        raise ValueError(f"quotes: none of an expiry of {of.base} that the surface has")
    return mine
