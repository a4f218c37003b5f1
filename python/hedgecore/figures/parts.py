"""What every figure is made of: plain plotly.js traces and layouts, one look, every axis with its unit.

The page draws these as they are, and ``.plot()`` makes plotly figures of the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from hedgecore import tables

Row = dict[str, Any]

BID, ASK, MARK, PLAIN = "#2a9d8f", "#e76f51", "#264653", "#2a6f97"
PALETTE: Final = (
    PLAIN, ASK, BID, "#e9b949", "#8d6a9f", MARK, "#c1121f", "#6a994e", "#9c6644", "#4361ee", "#adb5bd", "#e05297",
)  # fmt: skip
LEGEND: Final = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
DAYS: Final = {"type": "log", "tickvals": [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]}
VOL: Final = "implied vol, % a year"
_AXIS: Final = {"gridcolor": "#e9edf1", "zerolinecolor": "#c4ccd4", "automargin": True}
_LOOK: Final = {
    "font": {"family": "system-ui, sans-serif", "size": 12, "color": "#1d2733"},
    "margin": {"l": 60, "r": 16, "t": 30, "b": 46},
    "hovermode": "closest",
    "plot_bgcolor": "#fff",
    "paper_bgcolor": "#fff",
    "colorway": [PLAIN],
}


def figure(title: str, data: list[Row], x: str, y: str, **layout: Any) -> Row:
    """One figure: plotly.js traces and a layout with both axes named."""
    layout["xaxis"] = _AXIS | {"title": {"text": x}, **layout.get("xaxis", {})}
    layout["yaxis"] = _AXIS | {"title": {"text": y}, **layout.get("yaxis", {})}
    return {"title": title, "data": data, "layout": _LOOK | layout}


def figure_3d(title: str, data: list[Row], x: str, y: str, z: str, **scene: Any) -> Row:
    """One figure in space, its three axes named."""
    axes = {
        f"{name}axis": {
            "title": {"text": text},
            "gridcolor": "#d5dce3",
            **scene.pop(f"{name}axis", {}),
        }
        for name, text in zip("xyz", (x, y, z), strict=True)
    }
    layout = _LOOK | {"margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "scene": axes | scene}
    return {"title": title, "data": data, "layout": layout}


def chosen(
    labels: list[str], traces: list[list[Row]], shown: int, **layouts: Any
) -> tuple[list[Row], Row]:
    """Traces of which one group is shown at a time, and the layout of the list to choose it from."""
    data = [row | {"visible": at == shown} for at, group in enumerate(traces) for row in group]
    owner = [at for at, group in enumerate(traces) for _ in group]
    buttons = [
        {"label": label, "method": "restyle", "args": [{"visible": [at == number for at in owner]}]}
        for number, label in enumerate(labels)
    ]
    menu = {
        "buttons": buttons,
        "active": shown,
        "x": 1,
        "xanchor": "right",
        "y": 1.02,
        "yanchor": "bottom",
    }
    return data, {"updatemenus": [menu | {"bgcolor": "#fff"}], **layouts}


def term_of_forwards(
    labels: list[str], days: Any, venue: Any, by_parity: Any, index: float | None
) -> Row:
    """Forwards over the index by expiry, the venue's and by parity; without an index, in the quote currency."""
    base = None if index is None or not np.isfinite(index) else float(index)
    data = [
        {
            "name": name,
            "x": numbers(days),
            "y": numbers(values if base is None else 100 * (values / base - 1)),
            "text": [
                f"{label}<br>{name}: {value:,.2f}" if np.isfinite(value) else f"{label}<br>{name}: -"
                for label, value in zip(labels, values, strict=True)
            ],
            "hovertemplate": "%{text}<extra></extra>",
            **look,
        }
        for name, values, look in (
            ("venue", venue, {"mode": "lines+markers", "line": {"color": MARK}}),
            ("put-call parity of mids", by_parity,
             {"mode": "markers", "marker": {"symbol": "circle-open", "color": ASK, "size": 9}}),
        )
    ]  # fmt: skip
    return figure(
        "Term structure of forwards",
        data,
        "days to expiry (log scale)",
        "quote currency per coin" if base is None else "forward over index, %",
        xaxis=DAYS,
        legend=LEGEND,
    )


def numbers(values: Any, digits: int = 6) -> list[float | None]:
    """Numbers short enough for a page; None where there is no finite one."""
    return [float(f"{v:.{digits}g}") if np.isfinite(v) else None for v in np.ravel(values).tolist()]


def rows_of_coin(columns: tables.Columns, coin: str) -> Row:
    rows = columns["underlying"] == coin
    return {name: column[rows] for name, column in columns.items()}


def bars(x: list[str], y: Any) -> Row:
    """Bars, those below zero in another colour; what is no finite number is left out."""
    values = [float(f"{value:.6g}") if np.isfinite(value) else None for value in y]
    colors = [ASK if value is not None and value < 0 else PLAIN for value in values]
    return {"type": "bar", "x": x, "y": values, "marker": {"color": colors}}


def falling(lines: Mapping[str, float], total: float, unit: str) -> Row:
    """Lines one after the other, and their sum: a waterfall."""
    return {
        "type": "waterfall",
        "x": [*lines, "P&L"],
        "y": numbers([*lines.values(), total]),
        "measure": [*["relative"] * len(lines), "total"],
        "increasing": {"marker": {"color": BID}},
        "decreasing": {"marker": {"color": ASK}},
        "totals": {"marker": {"color": MARK}},
        "connector": {"line": {"color": "#c4ccd4", "width": 1}},
        "hovertemplate": f"%{{x}}: %{{delta:,.5g}} {unit}<extra></extra>",
    }


def prices(strikes: Any) -> list[str]:
    return [f"{strike:,.12g}" for strike in strikes]


def strike_axis(strikes: Any) -> Row:
    names = prices(strikes)
    return {"type": "category", "categoryarray": names, "nticks": 26, "tickangle": -45}


def short_day(when: np.datetime64) -> str:
    return "no expiry" if np.isnat(when) else f"{when.item():%d %b %y}"


def distinct(number: int) -> str:
    """One colour after the other, for what has no order."""
    return PALETTE[number % len(PALETTE)]


def shade(number: int, of: int) -> str:
    """Colours from near (warm) to far (cold) expiries."""
    return f"hsl({int(15 + 235 * number / max(of - 1, 1))}, 62%, 46%)"
