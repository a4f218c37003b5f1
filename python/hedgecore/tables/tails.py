"""Simulations as tables: episodes, value at risk with its errors, the worst nodes, what contributes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hedgecore.instruments import USD_LIKE
from hedgecore.scenarios import Contributions
from hedgecore.tables.text import TextTable, amount, signed_percent
from hedgecore.tails import ParetoTail, Simulation


def nodes_table(
    simulation: Simulation, title: str, first: str, most: int | None = None
) -> TextTable:
    """The nodes of a simulation, the largest loss first: moves of spot and vol, P&L by underlying and of all."""
    coins = [c for c in dict.fromkeys(simulation.underlying.tolist()) if c not in USD_LIKE]
    rows = simulation.worst(len(simulation) if most is None else most)
    relative = simulation.rules.get("vol_shock") == "relative"
    moves = [
        (f"{what}_{coin}", what, coin)
        for what in ("spot", "vol")
        for coin in coins
        if f"{what}_{coin}" in rows
    ]

    def cell(what: str, value: float) -> str:
        if what == "vol" and not relative:
            return f"{'+' if value > 0 else ''}{100 * value:.3g} pts"
        return signed_percent(value)

    lines = tuple(
        (
            words(rows["label"][i]),
            *(cell(what, float(rows[name][i])) for name, what, _ in moves),
            *(amount(float(rows[f"pnl_usd_{coin}"][i])) for coin in coins),
            amount(float(rows["pnl_usd"][i])),
        )
        for i in range(len(rows["label"]))
    )
    names = (first, *(name for name, _, _ in moves), *(f"pnl_{c}" for c in coins), "pnl_usd")
    heads = (
        f"{first}\n",
        *(f"{what}\n{coin}" for _, what, coin in moves),
        *(f"P&L\n{coin}, USD" for coin in coins),
        "P&L\nall, USD",
    )
    return TextTable(title, names, heads, lines)


def tails_table(
    simulation: Simulation, levels: Sequence[float], tail: ParetoTail | None
) -> TextTable:
    """Value at risk and expected shortfall by level with their standard errors; the fitted tail below."""
    rows = simulation.tails(levels)
    lines = [_line("history", rows, i, f"{rows['nodes'][i]:,}") for i in range(len(levels))]
    if tail is not None:
        reached = [level for level in (*levels, 0.999) if level >= tail.quantile]
        fitted = tail.table(reached)
        lines += [
            _line("Pareto tail", fitted, i, f"{tail.excesses:,}") for i in range(len(reached))
        ]
    return TextTable(
        "Value at risk and expected shortfall, USD of loss",
        ("from", "level", "value_at_risk", "value_at_risk_error", "expected_shortfall",
         "expected_shortfall_error", "nodes"),
        ("from\n", "level\n", "value at\nrisk", "standard\nerror", "expected\nshortfall", "standard\nerror",
         "nodes\nin it"),
        tuple(lines),
    )  # fmt: skip


def positions_table(of: Contributions, level: float, most: int = 15) -> TextTable:
    """What the positions add to value at risk and expected shortfall, the largest of either sign first, and the sum."""
    order = np.argsort(-np.abs(of.expected_shortfall), kind="stable")
    total = of.expected_shortfall.sum()

    def line(name: str, quantity: str, var: float, es: float) -> tuple[str, ...]:
        share = f"{100 * es / total:.1f} %" if total else "-"
        return (name, quantity, amount(var), amount(es), share)

    lines = [
        line(
            str(of.instrument[i]), f"{of.quantity[i]:,.10g}", float(of.value_at_risk[i]),
            float(of.expected_shortfall[i]),
        )
        for i in order[:most]
    ]  # fmt: skip
    rest = order[most:]
    if len(rest):
        name = f"{len(rest):,} other{'s' * (len(rest) != 1)}"
        lines.append(
            line(name, "", float(of.value_at_risk[rest].sum()), float(of.expected_shortfall[rest].sum()))
        )  # fmt: skip
    return TextTable(
        f"What positions contribute to the loss in the worst {100 * (1 - level):.3g} %, USD",
        ("instrument", "quantity", "value_at_risk", "expected_shortfall", "share"),
        ("instrument\n", "quantity\n", "value at\nrisk", "expected\nshortfall", "share of\nshortfall"),
        tuple(lines),
        ("total", "", amount(float(of.value_at_risk.sum())), amount(float(total)), ""),
    )  # fmt: skip


def words(label: Any) -> str:
    """The name of a node: a time to the minute, or what it is called."""
    if isinstance(label, np.datetime64):
        return str(np.datetime_as_string(label, unit="m")).replace("T", " ")
    return str(label)


def _line(source: str, rows: dict[str, Any], i: int, nodes: str) -> tuple[str, ...]:
    names = (
        "value_at_risk", "value_at_risk_error", "expected_shortfall", "expected_shortfall_error",
    )  # fmt: skip
    return (
        source, f"{100 * rows['level'][i]:g} %", *(amount(float(rows[name][i])) for name in names), nodes,
    )  # fmt: skip
