"""A backtest as tables: scorecard, tails, what made the P&L, fills, what was counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore.tables.text import Columns, TextTable, amount, two_lines

if TYPE_CHECKING:
    from hedgecore.backtest import Backtest

_LABELS: Final = {
    "pnl": "P&L", "es": "ES of days", "es99": "ES99 of days", "std": "std of days", "option_fees": "fees of options",
    "hedge_costs": "costs of the hedge", "less_std": "std less the\nreference", "deflated_sharpe": "deflated\nSharpe",
}  # fmt: skip
MOST_FILLS: Final = 500
"""Rows of fills on a page; all are in the ledger."""


def label(name: str) -> str:
    """What a line or a column is called."""
    return _LABELS.get(name, name.replace("_", " "))


def money_of(test: Backtest) -> str:
    """The unit of the numeraire."""
    return test.tape.base if test.carried.numeraire == "coin" else "USD"


def scorecard_table(card: Columns, unit: str) -> TextTable:
    """A row for each policy: P&L and risk of days with intervals, costs, what was traded."""
    wide = ("pnl", "std", "less_std", "es", "es99")
    names = (*wide, "drawdown", "worst_day", "cost", "funding", "trades", "effectiveness", "tail_effectiveness", "deflated_sharpe")  # fmt: skip

    def cell(name: str, row: int) -> str:
        value = amount(float(card[name][row]))
        if name not in wide:
            return value
        low, high = (amount(float(card[f"{name}_{side}"][row])) for side in ("low", "high"))
        return value if low == "-" else f"{value} ({low} to {high})"

    lines = tuple((str(policy), *(cell(name, row) for name in names)) for row, policy in enumerate(card["policy"]))  # fmt: skip
    heads = tuple(two_lines(label(name)) for name in names)
    return TextTable(f"Scorecard, {unit}; in brackets 95 % of the bootstrap of days", ("policy", *names), ("policy\n", *heads), lines)  # fmt: skip


def short_scorecard(table: TextTable) -> TextTable:
    """The scorecard without the columns that a terminal has no room for."""
    for name in ("es99", "worst_day", "tail_effectiveness", "deflated_sharpe", "funding"):
        table = table.without(name)
    return table


def tail_table(test: Backtest, count: int = 5) -> TextTable:
    """The worst days of each policy, and how much the options lost on them without a hedge."""
    from hedgecore.backtest import daily
    from hedgecore.backtest.evaluation import days_of

    pnl, (days, bare) = daily(test), days_of(test.tape, np.diff(test.carried.equity, prepend=0.0))
    lines = []
    for name, of in zip(test.names, pnl, strict=True):
        for row in np.argsort(of, kind="stable")[:count].tolist():
            lines.append((name, str(days[row]), amount(float(of[row])), amount(float(bare[row]))))
    return TextTable(
        f"The worst {count} days of each policy, {money_of(test)}", ("policy", "day", "pnl", "unhedged"),
        ("policy", "day", "P&L", "options\nunhedged"), tuple(lines),
    )  # fmt: skip


def lines_of(test: Backtest) -> dict[str, Any]:
    """The lines of the P&L that are more than rounding."""
    most = max(float(np.abs(line).max()) for line in test.lines.values())
    return {name: line for name, line in test.lines.items() if np.abs(line).max() > 1e-12 * most}


def attribution_table(test: Backtest) -> TextTable:
    """A row for each policy: what made its P&L, and the share that nothing explains."""
    lines = {name: line.sum(axis=1) for name, line in lines_of(test).items()}
    share = test.residual_share()
    rows = tuple(
        (name, amount(float(test.pnl[k].sum())), *(amount(float(line[k])) for line in lines.values()), f"{100 * share[k]:.2f} %")
        for k, name in enumerate(test.names)
    )  # fmt: skip
    heads = ("policy\n", "P&L\n", *(two_lines(label(name)) for name in lines), "share of\nresidual")
    return TextTable(f"What made the P&L, {money_of(test)}", ("policy", "pnl", *lines, "residual_share"), heads, rows)  # fmt: skip


def option_table(test: Backtest) -> TextTable:
    """Trades and settlements of options."""
    rows = test.carried.columns()
    return _fills("Trades and settlements of options", rows, ("what", "instrument", "quantity", "price", "amount", "fee"), money_of(test))  # fmt: skip


def hedge_table(test: Backtest, policy: str) -> TextTable:
    """Fills of the hedge of a policy."""
    j = test.run.index(policy)
    fills, cost = np.diff(test.held[j], prepend=0.0), test.costs[j]
    steps = np.flatnonzero(fills)
    rows = {
        "time": test.tape.times[steps].view("M8[us]"), "quantity": fills[steps], "held": test.held[j][steps],
        "price": test.price[steps], "cost": cost[steps],
    }  # fmt: skip
    return _fills(f"Fills of the hedge, {policy}", rows, ("quantity", "held", "price", "cost"), money_of(test))  # fmt: skip


def _fills(title: str, rows: Columns, names: tuple[str, ...], unit: str) -> TextTable:
    count = len(rows["time"])
    more = f": the first {MOST_FILLS} of {count:,}" if count > MOST_FILLS else ""
    lines = tuple(
        (str(rows["time"][k])[:16].replace("T", " "), *(_cell(rows[name][k]) for name in names))
        for k in range(min(count, MOST_FILLS))
    )
    return TextTable(f"{title}, amounts in {unit}{more}", ("time", *names), ("time", *names), lines)  # fmt: skip


def event_table(test: Backtest) -> TextTable:
    """What was wrong with the data, what could not be done, where funding and prices are from: how often each."""
    lines = [("data", found.name, f"{found.count:,}", found.example) for found in test.found]
    lines += [("fills", name, f"{count:,}", "") for name, count in sorted(test.carried.counts.items())]  # fmt: skip
    if test.funding is not None:
        names, counts = np.unique(test.funding.source[:-1], return_counts=True)
        words = {"data": "from data", "modelled": "modelled by the venue's rule", "none": "unknown, taken as 0", "mixed": "from data for a part, the rest modelled or 0"}  # fmt: skip
        lines += [("funding", f"steps {words[str(name)]}", f"{count:,}", "") for name, count in zip(names, counts, strict=True)]  # fmt: skip
    if test.futures is not None:
        lines += [("futures", found.name, f"{found.count:,}", "") for found in test.futures.found]
        rolls = test.futures.rolls
        lines.append(("futures", "rolls", f"{len(rolls):,}", ", ".join(dict.fromkeys(map(str, test.futures.name)))))  # fmt: skip
    heads = ("of", "what", "count", "example")
    return TextTable("What was counted", heads, heads, tuple(lines))


def equal_cost_table(table: Columns, unit: str) -> TextTable:
    """Families at equal cost."""
    lines = tuple(
        (
            str(table["family"][k]), amount(float(table["cost"][k])),
            *(amount(float(table[name][k])) for name in ("std", "std_low", "std_high", "es")),
            *(f"{table[name][k]:.3f}" if np.isfinite(table[name][k]) else "-" for name in ("ratio", "ratio_low", "ratio_high")),
        )
        for k in range(len(table["cost"]))
    )  # fmt: skip
    return TextTable(
        f"Families at equal cost, {unit}; ratios of the std to the least one, with 95 % of the same resampled days",
        tuple(table), ("family", "cost", "std of\ndays", "from", "to", "ES of\ndays", "ratio", "from", "to"), lines,
    )  # fmt: skip


def stress_table(tests: Mapping[str, Backtest]) -> TextTable:
    """The std of days and the P&L of each policy, under each stress."""
    from hedgecore.backtest import daily

    first = next(iter(tests.values()))
    cells = [
        (amount(float(row.sum())), amount(float(row.std(ddof=1))))
        for test in tests.values() for row in daily(test)
    ]  # fmt: skip
    n = len(first.names)
    lines = tuple((name, *(cell for k in range(len(tests)) for cell in cells[k * n + row])) for row, name in enumerate(first.names))  # fmt: skip
    names = tuple(f"{what} {name}" for name in tests for what in ("pnl", "std"))
    heads = tuple(f"{name}\n{what}" for name in tests for what in ("P&L", "std"))
    return TextTable(f"Under stress, {money_of(first)}", ("policy", *names), ("policy\n", *heads), lines)  # fmt: skip


def _cell(value: object) -> str:
    return str(value) if isinstance(value, str) else f"{float(value):,.6g}"  # type: ignore[arg-type]
