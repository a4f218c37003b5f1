"""The figures of simulations: histogram with its tail, episodes, contributions by position."""

from __future__ import annotations

import numpy as np

from hedgecore.figures.parts import ASK, BID, LEGEND, MARK, PLAIN, Row, figure, numbers
from hedgecore.instruments import USD_LIKE
from hedgecore.scenarios import Contributions, Tail
from hedgecore.tables.tails import words
from hedgecore.tails import Simulation

_BINS = 60
_COINS = (PLAIN, ASK, BID, "#e9c46a", "#8d6a9f")


def histogram(simulation: Simulation, tail: Tail) -> Row:
    """The share of the nodes by P&L, and where value at risk and expected shortfall are."""
    weight = simulation.nodes.weight
    share, edges = np.histogram(simulation.total, _BINS, weights=100 * weight / weight.sum())
    middle = 0.5 * (edges[1:] + edges[:-1])
    bars = {
        "type": "bar",
        "x": numbers(middle),
        "y": numbers(share),
        "width": float(edges[1] - edges[0]),
        "marker": {"color": [ASK if at < -tail.value_at_risk else PLAIN for at in middle]},
        "hovertemplate": "about %{x:,.4g} USD: %{y:.2f} % of the nodes<extra></extra>",
    }
    lines = [
        {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": -value, "x1": -value,
         "line": {"color": color, "dash": dash, "width": 1.5}}
        for value, color, dash in (
            (tail.value_at_risk, MARK, "dash"), (tail.expected_shortfall, ASK, "dot"),
        )
    ]  # fmt: skip
    title = f"P&L of {len(simulation):,} nodes; dashed: value at risk, dotted: expected shortfall, {100 * tail.level:g} %"
    return figure(title, [bars], "P&L, USD", "share of the nodes, %", shapes=lines, bargap=0)


def episodes(simulation: Simulation) -> Row:
    """P&L of every node by its label, a part for each underlying."""
    labels = [words(name) for name in simulation.label]
    coins = [c for c in dict.fromkeys(simulation.underlying.tolist()) if c not in USD_LIKE]
    data = [
        {
            "type": "bar",
            "name": coin,
            "x": labels,
            "y": numbers(simulation.pnl[:, simulation.underlying == coin].sum(axis=1)),
            "marker": {"color": _COINS[number % len(_COINS)]},
            "hovertemplate": f"%{{x}}: {coin} %{{y:,.5g}} USD<extra></extra>",
        }
        for number, coin in enumerate(coins)
    ]
    data.append(
        {
            "name": "all",
            "x": labels,
            "y": numbers(simulation.total),
            "mode": "markers",
            "marker": {"symbol": "diamond", "color": MARK, "size": 9},
            "hovertemplate": "%{x}: all %{y:,.5g} USD<extra></extra>",
        }
    )
    axis = {"type": "category", "tickangle": -45}
    return figure(
        "P&L by episode", data, "episode", "USD", xaxis=axis, barmode="relative", legend=LEGEND
    ) | {"wide": True}


def by_position(of: Contributions, most: int = 15) -> Row:
    """What the positions add to the expected shortfall, the largest of either sign."""
    order = np.argsort(-np.abs(of.expected_shortfall), kind="stable")[:most]
    order = order[np.argsort(-of.expected_shortfall[order], kind="stable")]
    bars = {
        "type": "bar",
        "x": of.instrument[order].tolist(),
        "y": numbers(of.expected_shortfall[order]),
        "marker": {"color": [ASK if v > 0 else PLAIN for v in of.expected_shortfall[order]]},
        "hovertemplate": "%{x}: %{y:,.5g} USD<extra></extra>",
    }
    axis = {"type": "category", "tickangle": -45}
    title = "Contributions of positions to the expected shortfall"
    return figure(title, [bars], "instrument", "USD of loss", xaxis=axis)
