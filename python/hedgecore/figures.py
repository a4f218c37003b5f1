"""The figures of the report: plain plotly.js traces and layouts, every axis with its unit.

Each public function returns a list of mappings with ``title``, ``data`` and ``layout``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore import tables
from hedgecore.risk import Risk

if TYPE_CHECKING:
    import polars as pl

    from hedgecore.venues.tables import Table

Row = dict[str, Any]

GREEKS: Final = {
    "Net delta": "net_delta",
    "Gamma": "gamma_1pct",
    "Vega": "vega_usd",
    "Theta": "theta_usd",
}
"""The Greeks drawn by expiry and by strike, with their measures."""

_BID, _ASK, _MARK = "#2a9d8f", "#e76f51", "#264653"
_LEGEND: Final = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
_DAYS: Final = {"type": "log", "tickvals": [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]}
_MONEYNESS: Final = "ln(strike / forward), out-of-the-money options"
_VOL: Final = "implied vol, % a year"


def of_chain(options: pl.DataFrame) -> list[Row]:
    """Smiles and term structures of one coin.

    ``options``: rows of one coin and snapshot with the columns of `hedgecore.chain.implied`.
    """
    if not options.height:
        return []
    options = options.sort("expiry_time", "settlement", "strike", "kind")
    groups = options.partition_by("expiry_time", "settlement", maintain_order=True)
    both = options["settlement"].n_unique() > 1
    labels = [
        f"{group['expiry_time'][0]:%d %b %Y}" + (f" {group['settlement'][0]}" if both else "")
        for group in groups
    ]
    otm = [
        group.filter(group["kind"] * (group["strike"] - group["forward"]) >= 0) for group in groups
    ]
    largest = int(np.argmax([float(group["open_interest"].sum()) for group in groups]))
    summary = tables.vols_by_expiry(options).sort("expiry_time", "settlement")
    return [
        _smile_by_expiry(labels, otm, largest),
        _all_smiles(labels, otm),
        _term_of_vols(labels, summary),
        _term_of_forwards(labels, summary, options),
    ]


def of_book(risk: Risk, coin: str) -> list[Row]:
    """Greeks of one coin by expiry, by strike, and the gamma exposure of the book."""
    by_expiry = _of(risk.table("expiry"), coin)
    strikes = _of(risk.table("strike"), coin)
    options = np.isfinite(strikes["strike"])
    levels, where = np.unique(strikes["strike"][options], return_inverse=True)
    shown = [
        _figure(
            f"{name} by expiry",
            [_bars([_short(when) for when in by_expiry["expiry_time"]], by_expiry[measure])],
            "expiry",
            tables.unit_of(measure, coin),
            xaxis={"type": "category", "tickangle": -45},
        )
        for name, measure in GREEKS.items()
    ]
    if not levels.size:
        return shown
    shown += [
        _figure(
            f"{name} of options by strike, all expiries",
            [_bars(_prices(levels), np.bincount(where, strikes[measure][options]))],
            "strike, USD",
            tables.unit_of(measure, coin),
            xaxis=_strike_axis(levels),
        )
        for name, measure in GREEKS.items()
    ]
    return [*shown, _exposure("Gamma exposure of the book by strike", risk, coin, dealer=False)]


def of_dealers(quotes: Table, risk: Risk, coin: str) -> list[Row]:
    """The gamma exposure of dealers who are long the calls and short the puts that are open."""
    from hedgecore.chain import open_interest

    interest = open_interest(quotes, risk.market.time.item())
    held = interest.instruments.base == coin
    if not held.any():
        return []
    title = "Gamma exposure of dealers long the open calls, short the open puts"
    return [_exposure(title, interest.risk(risk.market), coin, dealer=True)]


def _figure(title: str, data: list[Row], x: str, y: str, **layout: Any) -> Row:
    """One figure: plotly.js traces and a layout with both axes named."""
    layout["xaxis"] = {"title": {"text": x}, **layout.get("xaxis", {})}
    layout["yaxis"] = {"title": {"text": y}, **layout.get("yaxis", {})}
    return {"title": title, "data": data, "layout": layout}


def _smile_by_expiry(labels: list[str], otm: list[pl.DataFrame], shown: int) -> Row:
    """Vols implied by bid, ask and mark of one expiry, chosen from a list."""
    looks: list[tuple[str, Row]] = [
        ("bid", {"mode": "markers", "marker": {"symbol": "triangle-up", "color": _BID}}),
        ("ask", {"mode": "markers", "marker": {"symbol": "triangle-down", "color": _ASK}}),
        ("mark", {"mode": "lines", "line": {"color": _MARK, "width": 2}}),
    ]
    data = [
        {
            "name": side,
            "x": _moneyness(rows),
            "y": (100 * rows[f"implied_{side}"]).round(3).to_list(),
            "text": rows["instrument"].to_list(),
            "visible": number == shown,
            "hovertemplate": f"%{{text}}<br>{side} vol %{{y:.2f}} %<extra></extra>",
            **look,
        }
        for number, rows in enumerate(otm)
        for side, look in looks
    ]
    buttons = [
        {
            "label": label,
            "method": "restyle",
            "args": [{"visible": [index // len(looks) == number for index in range(len(data))]}],
        }
        for number, label in enumerate(labels)
    ]
    menu = {"buttons": buttons, "active": shown, "x": 1, "xanchor": "right", "y": 1.02}
    return _figure(
        "Smile of one expiry: bid, ask and mark",
        data,
        _MONEYNESS,
        _VOL,
        updatemenus=[{**menu, "yanchor": "bottom", "bgcolor": "#fff"}],
        legend=_LEGEND,
    )


def _all_smiles(labels: list[str], otm: list[pl.DataFrame]) -> Row:
    data = []
    for number, (label, rows) in enumerate(zip(labels, otm, strict=True)):
        deviation = rows["mark_vol"].fill_null(rows["vol"]) * rows["expiry"].sqrt()
        near = (rows["strike"] / rows["forward"]).log().abs() <= 2.5 * deviation
        rows = rows.filter(near.fill_null(False))  # beyond, marks are rounding
        data.append(
            {
                "name": label,
                "x": _moneyness(rows),
                "y": (100 * rows["vol"]).round(3).to_list(),
                "mode": "lines",
                "line": {"color": _shade(number, len(labels)), "width": 1.8},
                "hovertemplate": f"{label}: %{{y:.2f}} %<extra></extra>",
            }
        )
    return _figure("Smiles of all expiries (mark, to 2.5 deviations)", data, _MONEYNESS, _VOL)


def _term_of_vols(labels: list[str], summary: pl.DataFrame) -> Row:
    days = (365 * summary["expiry"]).round(4).to_list()
    looks: dict[str, Row] = {
        "bid": {"mode": "markers", "marker": {"symbol": "triangle-up", "color": _BID}},
        "ask": {"mode": "markers", "marker": {"symbol": "triangle-down", "color": _ASK}},
        "mark": {"mode": "lines+markers", "line": {"color": _MARK}, "marker": {"size": 5}},
    }
    data = [
        {
            "name": side,
            "x": days,
            "y": (100 * summary[f"atm_{side}"]).round(3).to_list(),
            "text": labels,
            "hovertemplate": f"%{{text}}: {side} %{{y:.2f}} %<extra></extra>",
            **look,
        }
        for side, look in looks.items()
    ]
    title = "Term structure of the at-the-money vol"
    return _figure(title, data, "days to expiry (log scale)", _VOL, xaxis=_DAYS, legend=_LEGEND)


def _term_of_forwards(labels: list[str], summary: pl.DataFrame, options: pl.DataFrame) -> Row:
    """Forwards over the index; without an index, in the quote currency."""
    index = options["index"].median()
    base = float(index) if isinstance(index, float) else None
    days = (365 * summary["expiry"]).round(4).to_list()
    looks: dict[str, tuple[str, Row]] = {
        "venue": ("forward", {"mode": "lines+markers", "line": {"color": _MARK}}),
        "put-call parity of mids": (
            "parity_forward",
            {"mode": "markers", "marker": {"symbol": "circle-open", "color": _ASK, "size": 9}},
        ),
    }
    data = []
    for name, (column, look) in looks.items():
        values = summary[column]
        data.append(
            {
                "name": name,
                "x": days,
                "y": (values if base is None else 100 * (values / base - 1)).round(5).to_list(),
                "text": [
                    f"{label}<br>{name}: {'-' if value is None else format(value, ',.2f')}"
                    for label, value in zip(labels, values, strict=True)
                ],
                "hovertemplate": "%{text}<extra></extra>",
                **look,
            }
        )
    return _figure(
        "Term structure of forwards",
        data,
        "days to expiry (log scale)",
        "quote currency per coin" if base is None else "forward over index, %",
        xaxis=_DAYS,
        legend=_LEGEND,
    )


def _exposure(title: str, risk: Risk, coin: str, *, dealer: bool) -> Row:
    table = _of(risk.gamma_exposure(dealer=dealer), coin)
    bars = _bars(_prices(table["strike"]), table["gamma_usd_1pct"])
    axis = _strike_axis(table["strike"])
    return _figure(title, [bars], "strike, USD", "USD of delta per 1 % move", xaxis=axis)


def _of(columns: tables.Columns, coin: str) -> Row:
    rows = columns["underlying"] == coin
    return {name: column[rows] for name, column in columns.items()}


def _bars(x: list[str], y: Any) -> Row:
    """Bars, those below zero in another colour; what is no finite number is left out."""
    values = [float(f"{value:.6g}") if np.isfinite(value) else None for value in y]
    colors = [_ASK if value is not None and value < 0 else "#2a6f97" for value in values]
    return {"type": "bar", "x": x, "y": values, "marker": {"color": colors}}


def _prices(strikes: Any) -> list[str]:
    return [f"{strike:,.12g}" for strike in strikes]


def _strike_axis(strikes: Any) -> Row:
    names = _prices(strikes)
    return {"type": "category", "categoryarray": names, "nticks": 26, "tickangle": -45}


def _moneyness(rows: pl.DataFrame) -> list[float]:
    return (rows["strike"] / rows["forward"]).log().round(5).to_list()


def _short(when: np.datetime64) -> str:
    return "no expiry" if np.isnat(when) else f"{when.item():%d %b %y}"


def _shade(number: int, of: int) -> str:
    """Colours from near (warm) to far (cold) expiries."""
    return f"hsl({int(15 + 235 * number / max(of - 1, 1))}, 62%, 46%)"
