"""The figures of a backtest: equity and its falls, exposure through time, what made the P&L, cost against risk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from hedgecore.figures.parts import LEGEND, Row, chosen, distinct, falling, figure, numbers
from hedgecore.tables.backtest import label, lines_of, money_of

if TYPE_CHECKING:
    from hedgecore.backtest import Backtest
    from hedgecore.tables.text import Columns

MOST: Final = 1000
"""Steps that are drawn; more are thinned."""
SHOWN: Final = 6
"""Policies that are drawn at first; the others are drawn when their names are clicked."""


def equity(test: Backtest, currency: Literal["usd", "coin"]) -> Row:
    """What was earned until each step, a line for each policy."""
    return _lines(test, test.equity(currency), "Equity", unit_of(test, currency))


def drawdown(test: Backtest, currency: Literal["usd", "coin"]) -> Row:
    """How far each policy is below its highest equity."""
    earned = np.maximum.accumulate(np.maximum(test.equity(currency), 0.0), axis=1)
    return _lines(test, test.equity(currency) - earned, "Drawdown", unit_of(test, currency))


def exposure(test: Backtest, name: Literal["delta", "gamma", "vega"]) -> Row:
    """An exposure after each step: the delta with the hedge of each policy, or what the options alone have."""
    own = {"name": "options alone", "values": test.carried.exposure[name]}
    units = {
        "delta": "coins", "gamma": "coins for a USD", "vega": f"{money_of(test)} for a vol point",
    }  # fmt: skip
    if name != "delta":
        title = f"{label(name).capitalize()} of the options"
        return _drawn(test, [own], title, units[name])
    policies = [
        {"name": policy, "values": values}
        for policy, values in zip(test.names, test.exposure["delta"], strict=True)
    ]
    return _drawn(test, [own, *policies], "Delta of options and hedge", units["delta"])


def price(test: Backtest) -> Row:
    """The price that the hedge trades at."""
    return _drawn(test, [{"name": test.tape.base, "values": test.price}], "Price of the hedge", "USD a coin")  # fmt: skip


def waterfall(test: Backtest) -> Row:
    """What made the P&L, line by line, of the policy that is chosen."""
    unit, traces = money_of(test), []
    for row in range(len(test.names)):
        lines = {label(name): float(line[row].sum()) for name, line in lines_of(test).items()}
        lines = {name: value for name, value in lines.items() if value} or {"residual": 0.0}
        traces.append([falling(lines, float(test.pnl[row].sum()), unit)])
    data, layout = chosen(list(test.names), traces, 0, xaxis={"type": "category"})
    return figure("What made the P&L", data, "cause", unit, **layout) | {"wide": True}


def frontier(table: Columns, unit: str) -> Row:
    """Cost of the hedge against the std of days, a line for each family."""
    families = list(dict.fromkeys(table["family"].tolist()))
    data = []
    for number, family in enumerate(families):
        rows = table["family"] == family
        data.append(
            {
                "name": family, "x": numbers(table["cost"][rows]), "y": numbers(table["std"][rows]),
                "text": table["policy"][rows].tolist(), "mode": "lines+markers",
                "line": {"color": distinct(number), "width": 1.6}, "marker": {"size": 6},
                "hovertemplate": "%{text}<br>cost %{x:,.4g}, std of days %{y:,.4g}<extra></extra>",
            }
        )  # fmt: skip
    return figure("Cost of the hedge against the std of days", data, f"cost, {unit}", f"std of days, {unit}")  # fmt: skip


def intervals(card: Columns, unit: str) -> Row:
    """The std of days of each policy less that of the reference, with the middle 95 % of the bootstrap."""
    middle = card["less_std"]
    bars = {
        "type": "data", "symmetric": False, "thickness": 1, "width": 3,
        "array": numbers(card["less_std_high"] - middle), "arrayminus": numbers(middle - card["less_std_low"]),
    }  # fmt: skip
    trace = {
        "name": "std less that of the reference", "x": card["policy"].tolist(), "y": numbers(middle), "error_y": bars,
        "mode": "markers", "marker": {"size": 8, "color": distinct(0)},
        "hovertemplate": "%{x}: %{y:,.4g}<extra></extra>",
    }  # fmt: skip
    axis = {"type": "category", "tickangle": -30}
    return figure("Std of days less that of the reference, on the same resampled days; bars: 95 %", [trace], "policy", unit, xaxis=axis)  # fmt: skip


def unit_of(test: Backtest, currency: Literal["usd", "coin"]) -> str:
    """The unit of amounts in a currency."""
    return "USD" if currency == "usd" else test.tape.base


def _lines(test: Backtest, values: Any, title: str, unit: str) -> Row:
    """A line for each policy."""
    lines = [{"name": name, "values": row} for name, row in zip(test.names, values, strict=True)]
    return _drawn(test, lines, f"{title}, {unit}", unit)


def _drawn(test: Backtest, lines: Sequence[Row], title: str, unit: str) -> Row:
    """Lines through time."""
    steps = len(test.tape)
    at = np.unique(np.r_[np.arange(0, steps, -(-steps // MOST)), steps - 1])
    days = [str(time)[:16] for time in test.tape.times[at].view("M8[us]")]
    data = [
        {
            "name": line["name"], "x": days, "y": numbers(line["values"][at]), "mode": "lines",
            "line": {"color": distinct(number), "width": 1.2}, "visible": True if number < SHOWN else "legendonly",
            "hovertemplate": f"{line['name']}, %{{x}}: %{{y:,.5g}} {unit}<extra></extra>",
        }
        for number, line in enumerate(lines)
    ]  # fmt: skip
    above = {"legend": LEGEND} if len(lines) <= SHOWN else {}  # many stand beside the figure
    return figure(title, data, "UTC", unit, **above)
