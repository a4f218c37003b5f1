"""A hedging simulation as a page and as JSON: scorecard, frontier, tails, costs, one path, and the setting to repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from hedgecore import tables
from hedgecore.hedging import Frontier, Run
from hedgecore.report.pages import Box, Row, Section, render
from hedgecore.tables import hedging as text
from hedgecore.tables import plain, rows_of

COSTS: Final = 3
"""How many costs families are compared at."""
PRINTED: Final = 16
"""Policies beyond which a terminal shows one setting of each family."""


@dataclass(frozen=True)
class HedgingFindings:
    """A simulation and what is known around it.

    Attributes
    ----------
    run
        The simulation.
    title
        What was hedged, in words.
    planned
        How many paths were asked for; more than the run has where it was interrupted.
    source
        The text of the configuration, if there is one.
    notes
        Further sentences.
    """

    run: Run
    title: str = "a position"
    planned: int | None = None
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether it was interrupted."""
        return self.planned is not None and self.run.n_paths < self.planned

    @property
    def remarks(self) -> list[str]:
        """What the figures are, in sentences."""
        run = self.run
        said = [
            f"{run.n_paths:,} paths, all policies on the same; premium {tables.amount(run.premium)} {text.unit_of_money(run)}."
        ]
        if self.partial:
            said.insert(0, f"PARTIAL: interrupted after {run.n_paths:,} of {self.planned:,} paths.")
        return [*said, *self.notes]

    @cached_property
    def frontiers(self) -> dict[str, Frontier]:
        """Cost against std and ES95, where the costs by path were kept."""
        if "cost" not in self.run.ledgers:
            return {}
        return {by: self.run.frontier(by) for by in ("std", "es95")}

    @cached_property
    def equal_costs(self) -> list[float]:
        """Costs that families are compared at."""
        frontier = self.frontiers.get("std")
        return [] if frontier is None else frontier.shared_costs(COSTS)

    @cached_property
    def sections(self) -> list[Section]:
        """What terminal, page and JSON show."""
        return [
            section
            for make in (_frontier, _scorecard, _costs, _attribution, _trace, _setting)
            for section in make(self)
        ]


def _frontier(of: HedgingFindings) -> list[Section]:
    """Cost against risk; families at equal cost."""
    frontiers = of.frontiers
    if not frontiers:
        return []

    def draw() -> list[Row]:
        from hedgecore.figures import hedging as figures

        shown = [figures.frontier(frontiers["std"])]
        if of.equal_costs:
            shown += [
                figures.equal_cost(frontier, of.equal_costs) for frontier in frontiers.values()
            ]
        return shown

    boxes = (Box(text.equal_cost_table(frontiers, of.equal_costs)),) if of.equal_costs else ()
    data = {
        by: {
            "settings": plain(rows_of(frontier.columns())),
            "equal_cost": plain(rows_of(frontier.at(of.equal_costs))) if of.equal_costs else [],
        }
        for by, frontier in frontiers.items()
    }
    return [Section("frontier", "Cost against risk", figures=draw, boxes=boxes, data=data)]


def _scorecard(of: HedgingFindings) -> list[Section]:
    """Every policy: P&L and its tails."""
    run = of.run
    table = run.columns()
    best = int(np.argmin(table["std"]))
    cheap = int(np.argmin(table["es95"]))
    money = text.unit_of_money(run)
    cards = (
        ("paths", f"{run.n_paths:,}", "PARTIAL" if of.partial else f"from path {run.first_path:,}"),
        ("premium", tables.amount(run.premium), money),
        ("std unhedged", tables.amount(float(run.unhedged.std(ddof=1 if run.n_paths > 1 else 0))), money),
        ("least std", tables.amount(float(table["std"][best])), f"{money}: {run.names[best]}"),
        ("least ES95", tables.amount(float(table["es95"][cheap])), f"{money}: {run.names[cheap]}"),
    )  # fmt: skip

    def draw() -> list[Row]:
        from hedgecore.figures import hedging as figures

        shown = text.chosen_rows(run)
        return [figures.histogram(run.histogram(), money, shown), figures.tails(run, shown)]

    whole = text.scorecard_table(run)
    boxes: tuple[Box, ...] = (Box(whole, "scroll" if len(run.names) > PRINTED else ""),)
    if len(run.names) > PRINTED:
        shown = text.chosen_rows(run)
        short = tables.TextTable(
            f"{whole.title}: one setting of each family", whole.names, whole.header,
            tuple(whole.lines[row] for row in shown),
        )  # fmt: skip
        boxes = (Box(short), Box(whole, "scroll", printed=False))
    return [Section("scorecard", "Net P&L", cards, draw, boxes, plain(rows_of(table)))]


def _costs(of: HedgingFindings) -> list[Section]:
    """What it costs, by kind, and the other ledgers."""
    run = of.run

    def draw() -> list[Row]:
        from hedgecore.figures import hedging as figures

        return [figures.costs(run) | {"wide": True}]

    table = text.cost_table(run)
    box = Box(table, "scroll" if len(run.names) > PRINTED else "", printed=False)
    return [Section("costs", "Costs", figures=draw, boxes=(box,))]


def _attribution(of: HedgingFindings) -> list[Section]:
    """What made the P&L, where that was asked for."""
    run = of.run
    if not run.lines:
        return []

    def draw() -> list[Row]:
        from hedgecore.figures import hedging as figures

        return [figures.attribution(run)]

    whole = text.attribution_table(run)
    many = len(run.names) > PRINTED
    box = Box(whole, "scroll" if many else "", printed=not many)
    boxes: tuple[Box, ...] = (box,)
    if many:
        lines = tuple(whole.lines[row] for row in text.chosen_rows(run))
        title = f"{whole.title}: one setting of each family"
        boxes = (Box(tables.TextTable(title, whole.names, whole.header, lines)), box)
    data = plain(rows_of(run.attribution.columns()))
    return [Section("attribution", "What made the P&L", figures=draw, boxes=boxes, data=data)]


def _trace(of: HedgingFindings) -> list[Section]:
    """One path step by step, if any was followed."""
    run = of.run
    traces = {name: one.trace for name, one in (run.by_underlying or {"": run}).items()}

    def draw() -> list[Row]:
        from hedgecore.figures import hedging as figures

        names = [run.names[row] for row in text.chosen_rows(run)]
        return [
            row | {"title": f"{name}: {row['title']}" if name else row["title"]}
            for name, trace in traces.items()
            if trace is not None
            for path in trace.paths[:3]
            for row in (figures.trace(trace, int(path), names),)
        ]

    if all(trace is None for trace in traces.values()):
        return []
    return [Section("path", "One path", figures=draw)]


def _setting(of: HedgingFindings) -> list[Section]:
    """All that is needed to repeat the run."""
    boxes = [Box(text.setting_table(of.run), "text scroll", printed=False)]
    if of.source:
        lines = tuple((line,) for line in of.source.rstrip("\n").split("\n"))
        boxes.append(
            Box(
                tables.TextTable("The configuration", ("line",), ("",), lines),
                "text scroll",
                printed=False,
            )
        )
    return [
        Section("setting", "Setting", boxes=tuple(boxes), data=text.setting_of(of.run))
    ]  # fmt: skip


def render_hedging(findings: HedgingFindings) -> str:
    """The report as HTML text."""
    note = (
        "Costs are means over the paths and count in the P&L; ES95 is the mean loss of the worst 5 % of the paths. Families are compared at "
        "equal mean cost on straight lines in the logarithms; standard errors know that all policies have the same paths."
    )  # fmt: skip
    return render(
        f"Hedging of {findings.title}",
        "",
        [" ".join(findings.remarks), note],
        findings.sections,
    )


def hedging_document(findings: HedgingFindings) -> Mapping[str, Any]:
    """The simulation as JSON holds it."""
    import hedgecore

    return {
        "hedgecore": hedgecore.__version__,
        "hedged": findings.title,
        "paths": findings.run.n_paths,
        "planned": findings.planned or findings.run.n_paths,
        "partial": findings.partial,
        "remarks": findings.remarks,
        **{section.name: section.data for section in findings.sections if section.data is not None},
    }
