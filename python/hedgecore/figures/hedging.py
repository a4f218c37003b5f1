"""The figures of hedging simulations: frontier, risk at equal cost, P&L, tails, costs by kind, one path step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore.figures.parts import LEGEND, MARK, PLAIN, Row, distinct, figure, numbers, shade
from hedgecore.tables import amount
from hedgecore.tables.hedging import RISKS, chosen_rows, label, parts_of_cost, unit_of_money

if TYPE_CHECKING:
    from hedgecore.hedging import Frontier, Histogram, Run, Trace

MOST: Final = 1000
"""Times of a path that are drawn; a longer path is thinned."""
SHOWN: Final = 4
"""Policies of a path that are drawn at first; the others are drawn when their names are clicked."""


def frontier(of: Frontier) -> Row:
    """Mean cost against risk, a line for each family; bars are standard errors."""
    table, data = of.columns(), []
    names = list(of.families)
    for number, family in enumerate(names):
        rows = table["family"] == family
        data.append(
            {
                "name": family,
                "x": numbers(table["cost"][rows]),
                "y": numbers(table[of.by][rows]),
                "error_x": _bars(table["cost_error"][rows]),
                "error_y": _bars(table[f"{of.by}_error"][rows]),
                "text": table["policy"][rows].tolist(),
                "mode": "lines+markers",
                "line": {"color": distinct(number), "width": 1.6},
                "marker": {"size": 5},
                "hovertemplate": "%{text}<br>cost %{x:,.4g}, risk %{y:,.4g}<extra></extra>",
            }
        )
    money = unit_of_money(of.run)
    logarithmic = all(value and value > 0 for row in data for value in [*row["x"], *row["y"]])
    axis = {"type": "log" if logarithmic else "linear"}
    return figure(
        f"Mean cost against {RISKS[of.by]}; bars: standard errors", data, f"mean cost, {money}",
        f"{RISKS[of.by]}, {money}", xaxis=axis, yaxis=axis,
    ) | {"wide": True}  # fmt: skip


def equal_cost(of: Frontier, costs: Sequence[float]) -> Row:
    """The risk of every family at equal mean costs, with its standard error."""
    table, data = of.at(costs), []
    for number, cost in enumerate(costs):
        rows = table["cost"] == cost
        data.append(
            {
                "type": "bar",
                "name": f"cost {amount(cost)}",
                "x": table["family"][rows].tolist(),
                "y": numbers(table["risk"][rows]),
                "error_y": _bars(table["risk_error"][rows]),
                "marker": {"color": shade(number, len(costs))},
                "hovertemplate": f"%{{x}} at cost {amount(cost)}: %{{y:,.4g}}<extra></extra>",
            }
        )
    money = unit_of_money(of.run)
    axis = {"type": "category", "tickangle": -30}
    return figure(
        f"{RISKS[of.by][0].upper()}{RISKS[of.by][1:]} at equal mean cost; bars: standard errors", data,
        "family", f"{RISKS[of.by]}, {money}", xaxis=axis, barmode="group", legend=LEGEND,
    )  # fmt: skip


def histogram(of: Histogram, money: str = "numeraire", shown: Sequence[int] | None = None) -> Row:
    """The share of the paths by net P&L, a line of steps for each policy."""
    rows = range(len(of.names)) if shown is None else shown
    inside = np.maximum(of.counts.sum(axis=1) + of.below + of.above, 1)
    data = [
        {
            "name": of.names[row],
            "x": numbers(np.repeat(of.edges, 2)[1:-1]),
            "y": numbers(np.repeat(100 * of.counts[row] / inside[row], 2)),
            "mode": "lines",
            "line": {"color": distinct(number), "width": 1.4},
            "hovertemplate": f"{of.names[row]}: about %{{x:,.4g}}: %{{y:.2f}} % of the paths<extra></extra>",
        }
        for number, row in enumerate(rows)
    ]
    return figure(
        "Net P&L", data, f"net P&L, {money}", "share of the paths, %", yaxis={"rangemode": "tozero"},
        xaxis={"range": _nearly_all(of, list(rows))},
    )  # fmt: skip


def _nearly_all(of: Histogram, rows: list[int]) -> list[float]:
    """From where to where all but 1 path in 1000 of either side are; the rest is in the data and not in the first view."""
    share = np.cumsum(of.counts[rows].sum(axis=0))
    low, high = np.searchsorted(share, [0.001 * share[-1], 0.999 * share[-1]])
    return [float(of.edges[low]), float(of.edges[min(high + 1, len(of.edges) - 1)])]


def tails(of: Run, shown: Sequence[int] | None = None) -> Row:
    """ES95, ES99 and the worst path of policies, as losses."""
    rows = np.array(chosen_rows(of) if shown is None else shown)
    table = of.columns()
    looks = (
        ("ES95", table["es95"], table["es95_error"], PLAIN),
        ("ES99", table["es99"], table["es99_error"], MARK),
        ("worst path", -table["worst"], None, "#c4ccd4"),
    )
    data = [
        {
            "type": "bar",
            "name": name,
            "x": table["policy"][rows].tolist(),
            "y": numbers(values[rows]),
            "marker": {"color": color},
            "hovertemplate": f"%{{x}}: {name} %{{y:,.4g}}<extra></extra>",
            **({} if errors is None else {"error_y": _bars(errors[rows])}),
        }
        for name, values, errors, color in looks
    ]
    axis = {"type": "category", "tickangle": -30}
    return figure(
        "Tails of the net P&L", data, "policy", f"loss, {unit_of_money(of)}",
        xaxis=axis, barmode="group", legend=LEGEND,
    )  # fmt: skip


def costs(of: Run, shown: Sequence[int] | None = None) -> Row:
    """Mean costs of policies by kind, one on the other."""
    rows = np.array(chosen_rows(of) if shown is None else shown)
    parts = {name: values for name, values in parts_of_cost(of).items() if values.any()}
    names = [of.names[row] for row in rows]
    data = [
        {
            "type": "bar",
            "name": label(kind),
            "x": names,
            "y": numbers(values[rows]),
            "marker": {"color": distinct(number)},
            "hovertemplate": f"%{{x}}: {label(kind)} %{{y:,.4g}}<extra></extra>",
        }
        for number, (kind, values) in enumerate(parts.items())
    ] or [{"type": "bar", "name": "none", "x": names, "y": [0.0] * len(names)}]
    axis = {"type": "category", "tickangle": -30}
    return figure(
        "Mean costs by kind", data, "policy", unit_of_money(of),
        xaxis=axis, barmode="relative", legend=LEGEND,
    )  # fmt: skip


def attribution(of: Run, shown: Sequence[int] | None = None) -> Row:
    """What made the mean net P&L of policies, line by line, one on the other; the marks are their sums."""
    rows = np.array(chosen_rows(of) if shown is None else shown)
    names = [of.names[row] for row in rows]
    lines = {name: values[rows] for name, values in of.attribution.means().items()}
    data: list[Row] = [
        {
            "type": "bar",
            "name": label(name),
            "x": names,
            "y": numbers(values),
            "marker": {"color": distinct(number)},
            "hovertemplate": f"%{{x}}: {label(name)} %{{y:,.4g}}<extra></extra>",
        }
        for number, (name, values) in enumerate(lines.items())
        if values.any()
    ]
    data.append(
        {
            "name": "net P&L",
            "x": names,
            "y": numbers(of.pnl[rows].mean(axis=1)),
            "mode": "markers",
            "marker": {"symbol": "diamond", "color": "#1d2733", "size": 8},
            "hovertemplate": "%{x}: net P&L %{y:,.4g}<extra></extra>",
        }
    )
    axis = {"type": "category", "tickangle": -30}
    return figure(
        "What made the mean net P&L", data, "policy", unit_of_money(of),
        xaxis=axis, barmode="relative", legend=LEGEND,
    ) | {"wide": True}  # fmt: skip


def trace(of: Trace, path: int | None = None, policies: Sequence[str] | None = None) -> Row:
    """One path: its price above, below what is to be hedged and the hedges of policies, in coins."""
    row = of.row(path)
    for name in policies or ():
        if name not in of.names:
            raise KeyError(f"{name!r} is none of the policies {', '.join(of.names)}")
    shown = [of.names.index(name) for name in policies or of.names]
    stride = -(-len(of.times) // MOST)
    at = np.unique(np.r_[np.arange(0, len(of.times), stride), len(of.times) - 1])
    days = numbers(365 * of.times[at])
    price = {
        "name": "price",
        "x": days,
        "y": numbers(of.spot[row, at]),
        "yaxis": "y2",
        "mode": "lines",
        "line": {"color": MARK, "width": 1.2},
        "hovertemplate": "day %{x:.2f}: price %{y:,.6g}<extra></extra>",
    }
    wanted = {
        "name": "to be held",
        "x": days,
        "y": numbers(-of.delta[row, at]),
        "mode": "lines",
        "line": {"color": "#9aa5b1", "width": 3},
        "hovertemplate": "day %{x:.2f}: the hedge ratio asks for %{y:.4g}<extra></extra>",
    }
    hedges = [
        {
            "name": of.names[policy],
            "x": days,
            "y": numbers(of.held[policy, row, at] * of.unit[row, at]),
            "mode": "lines",
            "line": {"color": distinct(number), "width": 1.2, "shape": "hv"},
            "visible": True if number < SHOWN else "legendonly",
            "hovertemplate": f"day %{{x:.2f}}: {of.names[policy]} holds %{{y:.4g}}<extra></extra>",
        }
        for number, policy in enumerate(shown)
    ]
    above: dict[str, Any] = {
        "domain": [0.66, 1.0],
        "title": {"text": "price"},
        "gridcolor": "#e9edf1",
    }
    return figure(
        f"Path {of.paths[row]}: price, what the position asks for, and what policies hold",
        [price, wanted, *hedges], "days from the start", "hedge, coins", yaxis={"domain": [0.0, 0.6]}, yaxis2=above,
    ) | {"wide": True}  # fmt: skip


def _bars(errors: Any) -> Row:
    return {"type": "data", "array": numbers(errors), "thickness": 1, "width": 2}
