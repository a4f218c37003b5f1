"""The figures of a book in shocked markets: heat maps, ladders, contributions."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import tables
from hedgecore.figures.parts import (
    ASK,
    LEGEND,
    MARK,
    PLAIN,
    Row,
    bars,
    chosen,
    figure,
    numbers,
    shade,
    short_day,
)
from hedgecore.scenarios import ScenarioGrid, Tail
from hedgecore.tables.scenarios import Axes, moved, passed
from hedgecore.tables.text import short

Array = npt.NDArray[Any]

_SCALE: Final = [
    [0.0, "#b3261e"],
    [0.25, "#eda08f"],
    [0.5, "#fbfbfa"],
    [0.75, "#8fc3b4"],
    [1.0, "#1e7a4c"],
]
"""Losses red, gains green, none white."""
_MOST_LINES: Final = 5


def heat_map(grid: ScenarioGrid, axes: Axes, coin: str | None, currency: str = "usd") -> Row:
    """P&L by move of spot and of vol; the time is chosen from a list where there are several."""
    pnl = grid.measure(f"pnl_{currency}", coin)
    unit = "USD" if currency == "usd" else coin or "coin"
    most = float(np.abs(pnl).max()) or 1.0
    traces: list[list[Row]] = []
    for at in range(pnl.shape[2]):
        values = pnl[:, :, at].T
        traces.append(
            [
                {
                    "type": "heatmap",
                    "x": axes.words("spot"),
                    "y": axes.words("vol"),
                    "z": [numbers(row) for row in values],
                    "text": [[short(float(v)) for v in row] for row in values],
                    "texttemplate": "%{text}",
                    "textfont": {"size": 11},
                    "colorscale": _SCALE,
                    "zmin": -most,
                    "zmax": most,
                    "xgap": 1,
                    "ygap": 1,
                    "colorbar": {"title": {"text": unit}, "thickness": 12},
                    "hovertemplate": f"spot %{{x}}, vol %{{y}}: %{{z:,.6g}} {unit}<extra></extra>",
                }
            ]
        )
    shown: dict[str, Any] = {"xaxis": {"type": "category"}, "yaxis": {"type": "category"}}
    if len(traces) > 1:
        data, layout = chosen([passed(time) for time in axes.words("time")], traces, 0)
        shown |= layout
    else:
        data = traces[0]
    title = f"P&L of {coin or 'all'} in {unit}, by move of spot and of vol"
    return figure(title, data, axes.unit("spot"), axes.unit("vol"), **shown) | {"wide": True}


def ladder(
    grids: dict[str, ScenarioGrid], axes: Axes, axis: str, name: str, coin: str | None
) -> Row:
    """One measure along one axis, the others held."""
    values = grids[axis].measure(name, coin).ravel()
    unit = tables.unit_of(name, coin or "")
    line = {
        "x": numbers(axes.scaled(axis)),
        "y": numbers(values),
        "mode": "lines+markers",
        "line": {"color": PLAIN, "width": 2},
        "marker": {"color": [ASK if value < 0 else PLAIN for value in values], "size": 6},
        "hovertemplate": f"%{{x}}: %{{y:,.5g}} {unit}<extra></extra>",
    }
    words = {"pnl_usd": "P&L", "pnl_coin": "P&L in coin"}.get(name, _words(name))
    return figure(f"{words}, {axis} ladder of {coin or 'all'}", [line], axes.unit(axis), unit)


def pnl_by_spot(grid: ScenarioGrid, axes: Axes, coin: str | None) -> Row:
    """P&L along spot at the first time, a line for some of the moves of vol."""
    pnl = grid.pnl(coin)[:, :, 0]
    picked = np.unique(np.linspace(0, pnl.shape[1] - 1, min(_MOST_LINES, pnl.shape[1])).round())
    words, sign = axes.words("vol"), " %" if axes.relative_spot else " USD"
    data = [
        {
            "name": f"vol {words[at]}",
            "x": numbers(axes.scaled("spot")),
            "y": numbers(pnl[:, at]),
            "mode": "lines",
            "line": {"color": shade(number, len(picked)), "width": 2},
            "hovertemplate": f"vol {words[at]}, spot %{{x}}{sign}: %{{y:,.5g}} USD<extra></extra>",
        }
        for number, at in enumerate(picked.astype(int).tolist())
    ]
    title = f"P&L of {coin or 'all'} by move of spot, {passed(axes.words('time')[0])}"
    return figure(title, data, axes.unit("spot"), "USD", legend=LEGEND)


def by_expiry(grid: ScenarioGrid, node: int, where: str) -> Row:
    """P&L of every bucket that moves at one node."""
    rows = np.isin(grid.underlying, moved(grid))
    title = f"P&L by expiry at the worst node: {where}"
    axis = {"type": "category", "tickangle": -45}
    shown = bars(_buckets(grid, rows), grid["pnl_usd"][node, rows])
    return figure(title, [shown], "underlying and expiry", "USD", xaxis=axis)


def contributions(grid: ScenarioGrid, tail: Tail) -> Row:
    """What the buckets contribute to value at risk and expected shortfall."""
    rows = np.isin(grid.underlying, moved(grid))
    data = [
        {
            "type": "bar",
            "name": name,
            "x": _buckets(grid, rows),
            "y": numbers(values[rows]),
            "marker": {"color": color},
            "hovertemplate": f"%{{x}}: {name} %{{y:,.5g}} USD<extra></extra>",
        }
        for name, values, color in (
            ("value at risk", tail.value_at_risk_by_bucket, PLAIN),
            ("expected shortfall", tail.expected_shortfall_by_bucket, ASK),
        )
    ]
    axis = {"type": "category", "tickangle": -45}
    title = "Contributions to the loss in the tail"
    return figure(title, data, "underlying and expiry", "USD of loss", xaxis=axis, legend=LEGEND)


def distribution(grid: ScenarioGrid, tail: Tail) -> Row:
    """The P&L of all nodes in order, and where the tail begins."""
    pnl = np.sort(grid.pnl().ravel())
    share = 100 * (np.arange(len(pnl)) + 0.5) / len(pnl)
    line = {
        "x": numbers(share),
        "y": numbers(pnl),
        "mode": "lines",
        "line": {"color": MARK, "width": 2, "shape": "hv"},
        "hovertemplate": "%{x:.1f} % of the nodes are below %{y:,.5g} USD<extra></extra>",
    }
    edges = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": -value, "y1": -value,
         "line": {"color": color, "dash": dash, "width": 1.5}}
        for value, color, dash in ((tail.value_at_risk, PLAIN, "dash"), (tail.expected_shortfall, ASK, "dot"))
    ]  # fmt: skip
    title = "P&L of all nodes in order; dashed: value at risk, dotted: expected shortfall"
    return figure(title, [line], "share of the nodes, %", "USD", shapes=edges)


def _words(name: str) -> str:
    return name.removesuffix("_usd_1pct").removesuffix("_usd").replace("_", " ").capitalize()


def _buckets(grid: ScenarioGrid, rows: Array) -> list[str]:
    return [
        f"{coin} {short_day(when)}"
        for coin, when in zip(grid.underlying[rows], grid.expiry_time[rows], strict=True)
    ]
