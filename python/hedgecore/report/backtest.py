"""A backtest as a page and as JSON: equity, scorecard, exposure, what made the P&L, tails, fills, what was counted, the setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hedgecore import tables
from hedgecore.backtest import Backtest, daily, equal_cost, frontier
from hedgecore.backtest.config import Outcome
from hedgecore.frames import Listing
from hedgecore.report.pages import Box, Row, Section, render
from hedgecore.tables import backtest as text
from hedgecore.tables import plain, rows_of


@dataclass(frozen=True)
class BacktestFindings:
    """A backtest and what is known around it.

    Attributes
    ----------
    outcome
        What was run.
    fingerprints
        SHA-256 of the files that it read, by name.
    """

    outcome: Outcome
    fingerprints: Mapping[str, str]

    @property
    def test(self) -> Backtest:
        """The backtest."""
        return self.outcome.test

    @property
    def reference(self) -> str:
        """The policy that others are compared with."""
        return str(self.outcome.setup.scorecard.get("reference") or self.test.names[0])

    @property
    def remarks(self) -> list[str]:
        """What the figures are, in sentences."""
        test = self.test
        first, last = (
            str(t)[:16].replace("T", " ") for t in test.tape.times[[0, -1]].view("M8[us]")
        )
        said = [
            f"{test.tape.base}, {first} to {last} UTC: {len(test.tape):,} steps, {len(test.tape.snapshots):,} snapshots, {test.tape.first_row[-1]:,} quotes.",
            f"Amounts are {text.money_of(test)}.",
            f"One history: differences are those to {self.reference!r} on the same resampled days.",
            f"Accounts agree to {test.reconcile():.0e} of what was turned over; what the lines of the P&L leave is {100 * test.residual_share().max():.2f} % of them at most.",
        ]  # fmt: skip
        if test.funding is not None and np.isin(test.funding.source, ("modelled", "mixed")).any():
            said.append("Funding is modelled by the venue's rule where no rates are given.")
        if test.futures is not None:
            said.append(f"Hedged with {', '.join(dict.fromkeys(map(str, test.futures.name)))}.")
        return [*said, "Margin is not in the scorecard."]

    @cached_property
    def equal_cost(self) -> Listing | None:
        """Families at equal cost, where they can be compared."""
        given = {k: v for k, v in self.outcome.setup.scorecard.items() if k != "reference"}
        cost, family = self.test.costs.sum(axis=1), np.array(self.test.run.families)
        several = any(len(set(cost[(family == name) & (cost > 0)])) > 1 for name in family)
        return equal_cost(self.test, **given) if several and given.get("samples") != 0 else None

    @cached_property
    def sections(self) -> list[Section]:
        """What terminal, page and JSON show."""
        made = (_equity, _scorecard, _frontier, _exposure, _attribution, _tails, _stress, _fills, _events, _setting)  # fmt: skip
        return [section for make in made for section in make(self)]


def _equity(of: BacktestFindings) -> list[Section]:
    """Equity and drawdown in both currencies."""
    test, card, unit = of.test, of.outcome.card, text.money_of(of.test)
    best = int(np.argmin(card["std"]))
    cards = (
        ("policies", f"{len(test.names)}", f"on {daily(test).shape[1]} days"),
        ("premiums", tables.amount(float(np.abs(test.carried.trades["amount"]).sum())), unit),
        ("options unhedged", tables.amount(float(test.carried.equity[-1])), unit),
        ("least std of days", tables.amount(float(card["std"][best])), f"{unit}: {test.names[best]}"),
        ("its P&L", tables.amount(float(card["pnl"][best])), f"{unit}, {tables.amount(float(card['pnl_low'][best]))} to {tables.amount(float(card['pnl_high'][best]))}"),
    )  # fmt: skip

    def draw() -> list[Row]:
        from hedgecore.figures import backtest as figures

        return [
            *(figures.equity(test, currency) for currency in ("usd", "coin")),
            *(figures.drawdown(test, currency) for currency in ("usd", "coin")),
        ]

    return [Section("equity", "Equity and drawdown", cards, draw)]


def _scorecard(of: BacktestFindings) -> list[Section]:
    """Every policy, with intervals."""
    card, unit = of.outcome.card, text.money_of(of.test)

    def draw() -> list[Row]:
        from hedgecore.figures import backtest as figures

        return [figures.intervals(card, unit) | {"wide": True}]

    whole = text.scorecard_table(card, unit)
    boxes = (Box(whole, "scroll", printed=False),)
    return [Section("scorecard", "Scorecard", figures=draw, boxes=boxes, data=plain(rows_of(card)))]


def _frontier(of: BacktestFindings) -> list[Section]:
    """Cost against risk; families at equal cost."""
    table, unit = frontier(of.test), text.money_of(of.test)

    def draw() -> list[Row]:
        from hedgecore.figures import backtest as figures

        return [figures.frontier(table, unit) | {"wide": True}]

    data = {"settings": plain(rows_of(table))}
    boxes: tuple[Box, ...] = ()
    if of.equal_cost is not None:
        data["equal_cost"] = plain(rows_of(of.equal_cost))
        boxes = (Box(text.equal_cost_table(of.equal_cost, unit)),)
    return [Section("frontier", "Cost against risk", figures=draw, boxes=boxes, data=data)]


def _exposure(of: BacktestFindings) -> list[Section]:
    """Delta, gamma and vega through time."""

    def draw() -> list[Row]:
        from hedgecore.figures import backtest as figures

        return [
            *(figures.exposure(of.test, name) for name in ("delta", "gamma", "vega")),
            figures.price(of.test),
        ]

    return [Section("exposure", "Exposure through time", figures=draw)]


def _attribution(of: BacktestFindings) -> list[Section]:
    """What made the P&L."""
    test = of.test

    def draw() -> list[Row]:
        from hedgecore.figures import backtest as figures

        return [figures.waterfall(test)]

    sums = {name: line.sum(axis=1) for name, line in test.lines.items()}
    data = plain(rows_of({"policy": np.array(test.names, dtype=object), "pnl": test.pnl.sum(axis=1), **sums}))  # fmt: skip
    boxes = (Box(text.attribution_table(test), "scroll"),)
    return [Section("attribution", "What made the P&L", figures=draw, boxes=boxes, data=data)]


def _tails(of: BacktestFindings) -> list[Section]:
    """The worst days."""
    return [Section("tails", "Tails", boxes=(Box(text.tail_table(of.test), "scroll", printed=False),))]  # fmt: skip


def _stress(of: BacktestFindings) -> list[Section]:
    """The same run under stress."""
    if not of.outcome.stressed:
        return []
    data = {
        name: {p: {"pnl": float(row.sum()), "std": float(row.std(ddof=1))} for p, row in zip(test.names, daily(test), strict=True)}
        for name, test in of.outcome.stressed.items()
    }  # fmt: skip
    return [Section("stress", "Under stress", boxes=(Box(text.stress_table(of.outcome.stressed)),), data=data)]  # fmt: skip


def _fills(of: BacktestFindings) -> list[Section]:
    """Fills of options, and of the hedge of the reference."""
    boxes = (
        Box(text.option_table(of.test), "text scroll", printed=False),
        Box(text.hedge_table(of.test, of.reference), "scroll", printed=False),
    )
    return [Section("fills", "Fills", boxes=boxes)]


def _events(of: BacktestFindings) -> list[Section]:
    """What was counted."""
    test = of.test
    table = text.event_table(test)
    data = {
        "data": [{"name": f.name, "count": f.count, "example": f.example} for f in test.found],
        "fills": dict(test.carried.counts),
    }
    if test.funding is not None:
        names, counts = np.unique(test.funding.source[:-1], return_counts=True)
        data["funding"] = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return [Section("events", "What was counted", boxes=(Box(table, "text", left=2, texts=("example",)),), data=data)]  # fmt: skip


def _setting(of: BacktestFindings) -> list[Section]:
    """All that is needed to repeat the run."""
    source = of.outcome.setup.text.rstrip("\n").split("\n")
    boxes = (
        Box(tables.TextTable("The configuration", ("line",), ("",), tuple((line,) for line in source)), "text scroll", printed=False),
        Box(tables.TextTable("The data", ("file", "sha256"), ("file", "SHA-256"), tuple(of.fingerprints.items())), "text scroll", printed=False),
    )  # fmt: skip
    return [Section("setting", "Setting", boxes=boxes, data={"configuration": of.outcome.setup.text, "data": dict(of.fingerprints)})]  # fmt: skip


def render_backtest(findings: BacktestFindings) -> str:
    """The report as HTML text."""
    title = f"Backtest of {findings.outcome.setup.title}"
    return render(title, "", [" ".join(findings.remarks)], findings.sections)


def backtest_document(findings: BacktestFindings) -> Mapping[str, Any]:
    """The backtest as JSON holds it."""
    import hedgecore

    return {
        "hedgecore": hedgecore.__version__,
        "title": findings.outcome.setup.title,
        "remarks": findings.remarks,
        **{section.name: section.data for section in findings.sections if section.data is not None},
    }
