"""What leaves the program as a file: written whole or not at all, and the report of a chain in HTML.

The report needs plotly and jinja2 (``pip install "hedgecore[report]"``).  It is one file that holds
the plotting library itself and works offline; its page is ``templates/report.html``.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgecore.tables import amount, defect_table, expiry_table, usd_totals

if TYPE_CHECKING:
    import polars as pl

    from hedgecore.risk import ChainRisk

Row = dict[str, Any]


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """Write a file whole or not at all: yields a temporary file beside ``path``.

    It takes the place of ``path`` when the block ends, and is removed if the block fails or is
    interrupted.

    Raises
    ------
    OSError
        The folder does not exist or cannot be written to.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder, not a file to write")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} to")
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # as any new file, not private as temporary ones are
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def require_plotting() -> tuple[Any, Any]:
    """Return the modules jinja2 and plotly.offline, or raise ImportError naming the extra."""
    try:
        import jinja2
        import plotly.offline  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError(
            f'a report needs plotly and jinja2 ({error}): pip install "hedgecore[report]"'
        ) from error
    return jinja2, plotly.offline


def write_report(
    risk: ChainRisk, path: str | PathLike[str], *, at: str | datetime | None = None
) -> None:
    """Write the report of one snapshot (the last one at or before ``at``) as one HTML file.

    Raises
    ------
    ImportError
        plotly or jinja2 is missing; the message names the extra.
    ValueError
        There is no snapshot at or before ``at``.
    OSError
        The file cannot be written.
    """
    html = render_report(risk, at=at)
    with replacing(path) as file:
        file.write_text(html, encoding="utf-8")


def render_report(risk: ChainRisk, *, at: str | datetime | None = None) -> str:
    """The HTML text of `write_report`."""
    import hedgecore

    jinja2, offline = require_plotting()

    rows, by_expiry = risk.snapshot(at), risk.by_expiry(at)
    times, tables = risk.snapshots(), expiry_table(risk, at)
    coins = []
    for total in risk.by_currency(at).iter_rows(named=True):
        coin = total["currency"]
        expiries = by_expiry.filter(by_expiry["currency"] == coin)
        smiles = rows.filter(rows["currency"] == coin).sort("expiry_datetime", "strike", "kind")
        coins.append(
            {
                "name": coin,
                "cards": _cards(coin, total),
                "table": tables[coin],
                "figures": _figures(coin, smiles, expiries),
            }
        )
    # autoescape guards the text; the figures go through tojson, the library is trusted
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("hedgecore", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    html: str = pages.get_template("report.html").render(
        source=Path(risk.source).name,
        shown=f"{rows['timestamp'][0]:%Y-%m-%d %H:%M:%S} UTC",
        snapshots=len(times),
        first=f"{times[0]:%Y-%m-%d %H:%M}",
        last=f"{times[-1]:%Y-%m-%d %H:%M}",
        options=f"{rows.height:,}",
        rows=f"{risk.frame.height:,}",
        usd=usd_totals(risk, at),
        coins=coins,
        defects=defect_table(risk),
        clean=[defect.name for defect in risk.defects if not defect.count],
        version=hedgecore.__version__,
        plotly=offline.get_plotlyjs(),
    )
    return html


def _cards(coin: str, total: Row) -> list[tuple[str, str, str]]:
    """The headline numbers of a coin: what, how much, in which unit."""
    return [
        ("index", amount(total["index"]), "USD"),
        ("open interest", amount(total["open_interest"]), f"options on 1 {coin}"),
        ("value", amount(total["value_coin"]), f"{coin} = {amount(total['value_usd'])} USD"),
        ("net delta", amount(total["delta_coin"]), f"{coin}, net of premium"),
        ("gamma", amount(total["gamma_coin_per_percent"]), f"{coin} per 1 % move"),
        ("vega", amount(total["vega_usd_per_point"]), "USD per vol point"),
        ("theta", amount(total["theta_usd_per_day"]), "USD per day"),
    ]


# --- figures: plain plotly.js traces and layouts ------------------------------------------------


def _figures(coin: str, rows: pl.DataFrame, by_expiry: pl.DataFrame) -> list[Row]:
    """The figures of a coin; ``rows`` in order of expiry, strike and kind."""
    groups = rows.partition_by("expiry_datetime", maintain_order=True)
    labels = [f"{group['expiry_datetime'][0]:%d %b %Y}" for group in groups]
    otm = [
        group.filter(group["kind"] * (group["strike"] - group["forward"]) >= 0) for group in groups
    ]
    largest = int(by_expiry["open_interest"].arg_max() or 0)
    greeks = {
        "net delta": ("delta_coin", f"{coin}"),
        "gamma": ("gamma_coin_per_percent", f"{coin} per 1 % move"),
        "vega": ("vega_usd_per_point", "USD per vol point"),
        "theta": ("theta_usd_per_day", "USD per day"),
    }
    held = by_expiry["expiry_datetime"].dt.strftime("%d %b %y").to_list()
    return [
        _smile_by_expiry(labels, otm, largest),
        _all_smiles(labels, otm),
        _figure(
            "At-the-money vol",
            [
                {
                    "x": by_expiry["days"].to_list(),
                    "y": (100 * by_expiry["atm_vol"]).to_list(),
                    "text": labels,
                    "mode": "lines+markers",
                    "hovertemplate": "%{text}: %{y:.2f} %<extra></extra>",
                }
            ],
            "days to expiry (log scale)",
            "vol, % a year",
            xaxis={"type": "log", "tickvals": [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]},
        ),
        _open_interest(rows),
        *(
            _figure(
                f"{name.capitalize()} of the open interest by expiry",
                [{"type": "bar", "x": held, "y": by_expiry[column].to_list()}],
                "expiry",
                unit,
                xaxis={"type": "category", "tickangle": -45},
            )
            for name, (column, unit) in greeks.items()
        ),
        *_greeks_of_a_call(coin, labels, groups),
    ]


def _figure(title: str, data: list[Row], x: str, y: str, **layout: Any) -> Row:
    """One figure: plotly.js traces and a layout with both axes named."""
    layout["xaxis"] = {"title": {"text": x}, **layout.get("xaxis", {})}
    layout["yaxis"] = {"title": {"text": y}, **layout.get("yaxis", {})}
    return {"title": title, "data": data, "layout": layout}


def _moneyness(rows: pl.DataFrame) -> list[float]:
    return (rows["strike"] / rows["forward"]).log().round(5).to_list()


def _smile_by_expiry(labels: list[str], otm: list[pl.DataFrame], shown: int) -> Row:
    """Vols implied by bid, ask and mark of one expiry, chosen from a list."""
    looks: list[tuple[str, Row]] = [
        ("bid", {"mode": "markers", "marker": {"symbol": "triangle-up", "color": "#2a9d8f"}}),
        ("ask", {"mode": "markers", "marker": {"symbol": "triangle-down", "color": "#e76f51"}}),
        ("mark", {"mode": "lines", "line": {"color": "#264653", "width": 2}}),
    ]
    data = [
        {
            "name": side,
            "x": _moneyness(rows),
            "y": (100 * rows[f"{side}_vol"]).round(3).to_list(),
            "text": rows["instrument_name"].to_list(),
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
        "ln(strike / forward), out-of-the-money options",
        "implied vol, % a year",
        updatemenus=[{**menu, "yanchor": "bottom", "bgcolor": "#fff"}],
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )


def _all_smiles(labels: list[str], otm: list[pl.DataFrame]) -> Row:
    data = []
    for number, (label, rows) in enumerate(zip(labels, otm, strict=True)):
        near = rows.filter(rows["black_delta"].abs() >= 0.01)  # beyond, marks are rounding
        data.append(
            {
                "name": label,
                "x": _moneyness(near),
                "y": (100 * near["vol"]).round(3).to_list(),
                "mode": "lines",
                "line": {"color": _shade(number, len(labels)), "width": 1.8},
                "hovertemplate": f"{label}: %{{y:.2f}} %<extra></extra>",
            }
        )
    return _figure(
        "Smiles of all expiries (mark, Black delta beyond 1 %)",
        data,
        "ln(strike / forward), out-of-the-money options",
        "implied vol, % a year",
    )


def _open_interest(rows: pl.DataFrame) -> Row:
    """Open interest by strike, all expiries: calls upwards, puts downwards."""
    data: list[Row] = []
    for kind, name, color in ((1, "calls", "#2a9d8f"), (-1, "puts", "#e76f51")):
        held = rows.filter(rows["kind"] == kind).select("strike", "open_interest")
        held = held.group_by("strike").sum().sort("strike")
        data.append(
            {
                "type": "bar",
                "name": name,
                "x": [f"{strike:,.0f}" for strike in held["strike"]],
                "y": (kind * held["open_interest"]).to_list(),
                "marker": {"color": color},
                "hovertemplate": f"%{{x}} {name}: %{{customdata:,.1f}}<extra></extra>",
                "customdata": held["open_interest"].to_list(),
            }
        )
    strikes = [f"{strike:,.0f}" for strike in rows["strike"].unique().sort()]
    return _figure(
        "Open interest by strike, all expiries: calls up, puts down",
        data,
        "strike, USD",
        "options (puts below zero)",
        barmode="relative",
        xaxis={"type": "category", "categoryarray": strikes, "nticks": 26, "tickangle": -45},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )


def _greeks_of_a_call(coin: str, labels: list[str], groups: list[pl.DataFrame]) -> list[Row]:
    """Greeks of one call by strike, a line per expiry."""
    calls = [group.filter(group["kind"] == 1) for group in groups]
    forward = float(groups[0]["forward"][0])
    shown: dict[str, tuple[str, Callable[[pl.DataFrame], pl.Series]]] = {
        "Net delta": (f"{coin}, net of premium", lambda g: g["delta"]),
        "Gamma": (f"{coin} per 1 % move", lambda g: g["gamma"] * g["forward"] / 100),
        "Vega": ("USD per vol point", lambda g: g["vega"] * g["index"] / 100),
        "Theta": ("USD per day", lambda g: g["theta"] * g["index"] / 365),
    }
    return [
        _figure(
            f"{name} of one call by strike",
            [
                {
                    "name": label,
                    "x": group["strike"].to_list(),
                    "y": values(group).to_list(),
                    "mode": "lines",
                    "line": {"color": _shade(number, len(labels)), "width": 1.6},
                    "hovertemplate": f"{label}, strike %{{x:,}}: %{{y:.4g}}<extra></extra>",
                }
                for number, (label, group) in enumerate(zip(labels, calls, strict=True))
            ],
            "strike, USD",
            unit,
            xaxis={"range": [0.4 * forward, 2.0 * forward]},
        )
        for name, (unit, values) in shown.items()
    ]


def _shade(number: int, of: int) -> str:
    """Colours from near (warm) to far (cold) expiries."""
    return f"hsl({int(15 + 235 * number / max(of - 1, 1))}, 62%, 46%)"
