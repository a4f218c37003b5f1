"""A book in shocked markets as tables: P&L by spot and vol, ladders, the tail, the worst nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.instruments import USD_LIKE
from hedgecore.scenarios import IN_USD, ScenarioGrid, Tail
from hedgecore.tables.book import heading
from hedgecore.tables.text import TextTable, amount, day, signed_percent

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Axes:
    """The axes of a grid as they were asked for, and how they are written.

    Attributes
    ----------
    spot, vol, time
        Moves of spot, of vol, and years that pass.
    relative_vol, relative_spot
        Whether the moves are shares of it; else they are added to it, to spot in USD.
    """

    spot: Array
    vol: Array
    time: Array
    relative_vol: bool
    relative_spot: bool = True

    def words(self, axis: str) -> list[str]:
        """The values of an axis as text."""
        of: dict[str, Callable[[float], str]] = {
            "spot": signed_percent if self.relative_spot else _dollars,
            "vol": signed_percent if self.relative_vol else _points,
            "time": _days,
        }
        return [of[axis](float(value)) for value in getattr(self, axis)]

    def unit(self, axis: str) -> str:
        """What an axis is, with its unit."""
        vol = "move of vol, % of itself" if self.relative_vol else "move of vol, points"
        spot = "move of spot, %" if self.relative_spot else "move of spot, USD"
        return {"spot": spot, "vol": vol, "time": "days that pass"}[axis]

    def scaled(self, axis: str) -> Array:
        """The values of an axis in its unit."""
        unit = 365.0 if axis == "time" else 100.0
        if axis == "spot" and not self.relative_spot:
            unit = 1.0
        values: Array = np.round(getattr(self, axis) * unit, 9)
        return values


def moved(grid: ScenarioGrid) -> list[str]:
    """The underlyings that a grid moves: all but currencies."""
    return [coin for coin in dict.fromkeys(grid.underlying.tolist()) if coin not in USD_LIKE]


def heat_table(grid: ScenarioGrid, axes: Axes, coin: str | None, time: int = 0) -> TextTable:
    """P&L by move of spot and of vol at one time: in USD, of one underlying or of all."""
    pnl = grid.pnl(coin)[:, :, time]
    vols = axes.words("vol")
    when = axes.words("time")[time]
    lines = [
        (spot, *(amount(value) for value in row))
        for spot, row in zip(axes.words("spot"), pnl, strict=True)
    ]
    title = f"P&L of {coin or 'all'} in USD by move of spot and of vol, {passed(when)}"
    return TextTable(
        title,
        ("spot", *(f"vol {at}" for at in range(len(vols)))),
        ("spot\n", *(f"vol\n{vol}" for vol in vols)),
        tuple(lines),
    )


def ladder_table(grid: ScenarioGrid, axes: Axes, axis: str, coin: str | None) -> TextTable:
    """P&L and measures along one axis, of one underlying or, what is in USD, of all."""
    names = [name for name in grid.columns if coin is not None or name in IN_USD]
    columns = {name: grid.measure(name, coin).ravel() for name in names}
    lines = [
        (move, *(amount(float(columns[name][row])) for name in names))
        for row, move in enumerate(axes.words(axis))
    ]
    heads = [heading(name, coin or "") for name in names]
    title = f"{axis.capitalize()} ladder of {coin or 'all'}"
    return TextTable(title, (axis, *names), (f"{axis}\n", *heads), tuple(lines))


def tail_table(grid: ScenarioGrid, tail: Tail, most: int = 15) -> TextTable:
    """What the buckets that move contribute to value at risk and expected shortfall, the largest of either sign first."""
    order = np.argsort(-np.abs(tail.expected_shortfall_by_bucket), kind="stable")
    order = order[np.isin(grid.underlying[order], moved(grid))]
    lines = [
        (
            str(grid.underlying[i]),
            day(grid.expiry_time[i]),
            amount(float(tail.value_at_risk_by_bucket[i])),
            amount(float(tail.expected_shortfall_by_bucket[i])),
            _share(tail.expected_shortfall_by_bucket[i], tail.expected_shortfall),
        )
        for i in order[:most]
    ]
    rest = order[most:]
    if len(rest):
        var = float(tail.value_at_risk_by_bucket[rest].sum())
        es = float(tail.expected_shortfall_by_bucket[rest].sum())
        lines.append(
            (
                f"{len(rest)} other{'s' * (len(rest) != 1)}",
                "",
                amount(var),
                amount(es),
                _share(es, tail.expected_shortfall),
            )
        )
    return TextTable(
        f"Loss in the worst {100 * (1 - tail.level):.3g} % of nodes, USD",
        ("underlying", "expiry", "value_at_risk", "expected_shortfall", "share"),
        ("under-\nlying", "expiry\n", "value at\nrisk", "expected\nshortfall", "share of\nshortfall"),
        tuple(lines),
        ("total", "", amount(tail.value_at_risk), amount(tail.expected_shortfall), ""),
    )  # fmt: skip


def worst_table(grid: ScenarioGrid, axes: Axes, most: int = 10) -> TextTable:
    """The nodes of the largest loss in USD, with the part of every underlying."""
    coins = moved(grid)
    parts = {coin: grid.pnl(coin).ravel() for coin in coins}
    total = grid.pnl().ravel()
    words = [axes.words(axis) for axis in ("spot", "vol", "time")]
    lines = []
    for node in np.argsort(total, kind="stable")[:most]:
        where = np.unravel_index(node, grid.shape)
        lines.append(
            (
                *(names[i] for names, i in zip(words, where, strict=True)),
                amount(float(total[node])),
                *(amount(float(parts[coin][node])) for coin in coins),
            )
        )
    return TextTable(
        f"The {len(lines)} worst nodes, P&L in USD",
        ("spot", "vol", "time", "pnl_usd", *coins),
        ("spot", "vol", "time", "all", *coins),
        tuple(lines),
    )


def worst_node(grid: ScenarioGrid) -> int:
    """The node of the largest loss in USD."""
    return int(np.argmin(grid.pnl()))


def bucket_pnl_table(grid: ScenarioGrid, axes: Axes, node: int) -> TextTable:
    """P&L and measures of every underlying and expiry at one node."""
    lines = [
        (
            str(coin),
            day(when),
            *(amount(float(grid[name][node, i])) for name in ("pnl_coin", "pnl_usd")),
        )
        for i, (coin, when) in enumerate(zip(grid.underlying, grid.expiry_time, strict=True))
        if coin in moved(grid)
    ]
    return TextTable(
        f"By expiry at the worst node: {node_words(grid, axes, node)}",
        ("underlying", "expiry", "pnl_coin", "pnl_usd"),
        ("underlying", "expiry", "P&L, coin", "P&L, USD"),
        tuple(lines),
        ("total", "", "", amount(float(grid["pnl_usd"][node].sum()))),
    )


def node_words(grid: ScenarioGrid, axes: Axes, node: int) -> str:
    """Where a node of a product grid is."""
    where = np.unravel_index(node, grid.shape)
    spot, vol, time = (
        axes.words(axis)[i] for axis, i in zip(("spot", "vol", "time"), where, strict=True)
    )
    return f"spot {spot}, vol {vol}, {passed(time)}"


def passed(time: str) -> str:
    """When a node is, in words."""
    return "at once" if time == "0 days" else f"after {time}"


def _dollars(value: float) -> str:
    return f"{'+' if value > 0 else ''}{value:,.6g} USD"


def _points(value: float) -> str:
    return f"{'+' if value > 0 else ''}{100 * value:.3g} pts"


def _days(value: float) -> str:
    days = f"{365 * value:.4g}"
    return f"{days} day{'s' * (days != '1')}"


def _share(part: float, of: float) -> str:
    return "-" if not of else f"{round(100 * part / of, 1) + 0.0:.1f} %"
