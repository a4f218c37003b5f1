"""What episodes and history would do to a book, as sections of the page of scenarios."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from hedgecore import tables
from hedgecore.report.pages import Box, Row, Section
from hedgecore.tables import plain, rows_of
from hedgecore.tables import tails as text
from hedgecore.tails import ParetoTail, Simulation, pareto

if TYPE_CHECKING:
    from hedgecore.report.scenarios import ScenarioFindings

LEVELS: Final = (0.95, 0.975, 0.99)
THRESHOLD: Final = 0.9
"""Level of the losses beyond which the tail is fitted."""
_AS_IT_WAS: Final = (
    "Moves of prices and 30-day vols as they were: trough, from the peak to the low with the highest vol; end, from the "
    "beginning of the episode to its end."
)
_PAST: Final = (
    "The joint moves of the past on the book of today, every option revalued. Standard errors are for independent moves, "
    "their number divided by the overlap."
)


def stress_section(found: ScenarioFindings) -> list[Section]:
    """The book in named episodes, the largest loss first; which are left out and why."""
    from hedgecore.figures import tails as figures

    stress = found.stress
    if stress is None:
        return []
    total = stress.total
    cards = (
        ("worst P&L", tables.amount(float(total[0])), f"USD: {stress.label[0]}"),
        ("best P&L", tables.amount(float(total[-1])), f"USD: {stress.label[-1]}"),
    )
    notes = (
        _AS_IT_WAS,
        *(_sentence(note) for note in stress.notes),
    )  # fmt: skip
    table = text.nodes_table(stress, "P&L in episodes of the past, USD", "episode")
    data = {
        "vol_change": stress.rules["vol_shock"],
        "episodes": plain(rows_of(stress.table())),
        "notes": list(stress.notes),
    }
    return [
        Section("stress", "Stress", cards, lambda: [figures.episodes(stress)], (Box(table, "", notes),), data)
    ]  # fmt: skip


def history_section(found: ScenarioFindings) -> list[Section]:
    """Moves of the past on today's book: value at risk, expected shortfall, worst dates, what contributes."""
    from hedgecore.figures import tails as figures

    simulation = found.history
    if simulation is None:
        return []
    tail = simulation.tail(found.level)
    parts = tail.contributions()
    levels = tuple(sorted({*LEVELS, found.level}))
    beyond, why = fitted_tail(simulation)
    cards = (
        ("value at risk", tables.amount(tail.value_at_risk),
         f"USD of loss, level {tail.level:g}, error {tables.amount(tail.value_at_risk_error)}"),
        ("expected shortfall", tables.amount(tail.expected_shortfall),
         f"USD of loss, level {tail.level:g}, error {tables.amount(tail.expected_shortfall_error)}"),
        ("worst P&L", tables.amount(float(simulation.total.min())), "USD"),
        ("moves", f"{len(simulation):,}", f"overlap {simulation.overlap:.4g}"),
    )  # fmt: skip
    notes = (
        _PAST,
        why,
        *(_sentence(note) for note in simulation.notes),
    )  # fmt: skip
    left = (f"Left out: {', '.join(parts.left_out)}.",) if parts.left_out else ()

    def draw() -> list[Row]:
        return [figures.histogram(simulation, tail), figures.by_position(parts)]

    boxes = (
        Box(text.tails_table(simulation, levels, beyond), "", notes),
        Box(text.nodes_table(simulation, "The 10 worst dates (ends of the moves), P&L in USD", "end", 10)),
        Box(text.positions_table(parts, tail.level), "", left),
    )  # fmt: skip
    data = {
        "moves": len(simulation),
        "overlap": simulation.overlap,
        "level": tail.level,
        "tails": plain(rows_of(simulation.tails(levels))),
        "worst": plain(rows_of(simulation.worst(10))),
        "contributions": plain(rows_of(parts.table())),
        "pareto": None
        if beyond is None
        else {
            "threshold": beyond.threshold,
            "quantile": beyond.quantile,
            "losses": beyond.losses,
            "excesses": beyond.excesses,
            "xi": beyond.xi,
            "xi_error": plain(beyond.xi_error),
            "beta": beyond.beta,
            "beta_error": plain(beyond.beta_error),
            "tails": plain(rows_of(beyond.table())),
        },
        "notes": [why, *simulation.notes],
    }
    return [Section("history", "Historical simulation", cards, draw, boxes, data)]


def fitted_tail(simulation: Simulation) -> tuple[ParetoTail | None, str]:
    """A generalised Pareto tail of moves that do not overlap, and a sentence on it, or on why there is none."""
    stride = math.ceil(simulation.overlap)
    alone = simulation.total[::stride]
    try:
        tail = pareto(alone, THRESHOLD)
    except ValueError as error:
        return (
            None,
            f"No Pareto tail beyond {100 * THRESHOLD:g} % of the {len(alone):,} moves that do not overlap: {error}.",
        )
    return tail, (
        f"Pareto tail: of {tail.losses:,} moves that do not overlap the {tail.excesses:,} losses beyond {tables.amount(tail.threshold)} "
        f"USD, shape {tail.xi:.2f} (error {tail.xi_error:.2f})."
    )  # fmt: skip


def _sentence(note: str) -> str:
    return f"{note[0].upper()}{note[1:]}."
