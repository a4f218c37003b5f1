"""The figures of a chain: smiles and term structures in the quotes of one coin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hedgecore import tables
from hedgecore.figures.parts import (
    ASK,
    BID,
    DAYS,
    LEGEND,
    MARK,
    VOL,
    Row,
    chosen,
    figure,
    shade,
    term_of_forwards,
)

if TYPE_CHECKING:
    import polars as pl

_MONEYNESS = "ln(strike / forward), out-of-the-money options"


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
    index = options["index"].cast(float).median()
    return [
        _smile_by_expiry(labels, otm, largest),
        _all_smiles(labels, otm),
        _term_of_vols(labels, summary),
        term_of_forwards(
            labels,
            (365 * summary["expiry"]).to_numpy(),
            summary["forward"].cast(float).to_numpy(),
            summary["parity_forward"].cast(float).to_numpy(),
            index if isinstance(index, float) else None,
        ),
    ]


def _smile_by_expiry(labels: list[str], otm: list[pl.DataFrame], shown: int) -> Row:
    """Vols implied by bid, ask and mark of one expiry, chosen from a list."""
    looks: list[tuple[str, Row]] = [
        ("bid", {"mode": "markers", "marker": {"symbol": "triangle-up", "color": BID}}),
        ("ask", {"mode": "markers", "marker": {"symbol": "triangle-down", "color": ASK}}),
        ("mark", {"mode": "lines", "line": {"color": MARK, "width": 2}}),
    ]
    traces = [
        [
            {
                "name": side,
                "x": _moneyness(rows),
                "y": (100 * rows[f"implied_{side}"]).round(3).to_list(),
                "text": rows["instrument"].to_list(),
                "hovertemplate": f"%{{text}}<br>{side} vol %{{y:.2f}} %<extra></extra>",
                **look,
            }
            for side, look in looks
        ]
        for rows in otm
    ]
    data, layout = chosen(labels, traces, shown, legend=LEGEND)
    return figure("Smile of one expiry: bid, ask and mark", data, _MONEYNESS, VOL, **layout)


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
                "line": {"color": shade(number, len(labels)), "width": 1.8},
                "hovertemplate": f"{label}: %{{y:.2f}} %<extra></extra>",
            }
        )
    return figure("Smiles of all expiries (mark, to 2.5 deviations)", data, _MONEYNESS, VOL)


def _term_of_vols(labels: list[str], summary: pl.DataFrame) -> Row:
    days = (365 * summary["expiry"]).round(4).to_list()
    looks: dict[str, Row] = {
        "bid": {"mode": "markers", "marker": {"symbol": "triangle-up", "color": BID}},
        "ask": {"mode": "markers", "marker": {"symbol": "triangle-down", "color": ASK}},
        "mark": {"mode": "lines+markers", "line": {"color": MARK}, "marker": {"size": 5}},
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
    return figure(title, data, "days to expiry (log scale)", VOL, xaxis=DAYS, legend=LEGEND)


def _moneyness(rows: pl.DataFrame) -> list[float]:
    return (rows["strike"] / rows["forward"]).log().round(5).to_list()
