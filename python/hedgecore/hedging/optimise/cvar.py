"""The hedge of least expected shortfall (conditional value at risk), by cutting planes.

Rockafellar and Uryasev, "Optimization of conditional value-at-risk", Journal of Risk 2 (2000): a linear program with a row for
each scenario.  Here the expected shortfall is a column that cuts hold up: at a point, its tail gives a linear function that
is nowhere above it.  Each round adds one cut, so that the program stays small whatever the number of scenarios.
Source: Kuenzi-Bay and Mayer, "Computational aspects of minimizing conditional value-at-risk", Computational Management Science 3 (2006).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import frames
from hedgecore.hedging.optimise import solvers
from hedgecore.hedging.optimise.plan import Plan
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.hedging.optimise.scenarios import Scenarios, report
from hedgecore.scenarios.tail import check_level

Array = npt.NDArray[Any]
RULE: Final = 20
"""Effective scenarios in the tail for each instrument: below, the plan fits the sample and not the tail."""
_ROUNDS: Final = 3000


class OverfitError(ValueError):
    """Too few scenarios in the tail for the number of instruments."""


def least_shortfall(
    problem: Problem,
    scenarios: Scenarios,
    *,
    level: float = 0.99,
    max_shortfall: float | None = None,
    held_out: Scenarios | None = None,
    overfit: Literal["raise", "allow"] = "raise",
    tolerance: float = 1e-6,
) -> Plan:
    """Return the trades with the least cost + expected shortfall, within all that must hold.

    Parameters
    ----------
    problem
        Its ``budget`` bounds the cost.
    scenarios
        That the plan is fitted to.
    level
        Of the expected shortfall.
    max_shortfall
        With it the cheapest trades whose expected shortfall (before cost) is at most this, USD.
    held_out
        Scenarios of which the plan's tail is reported beside that of the sample; without them a note says that there are none.
    overfit
        "raise": refuse fewer than 20 effective scenarios in the tail for each instrument; "allow": say so in the plan's notes.
    tolerance
        Relative, of the expected shortfall.

    Raises
    ------
    OverfitError
        By the rule above, with the numbers.
    InfeasibleHedge
        No trades keep everything.
    """
    check_level(level)
    scenarios.check_fits(problem)
    if held_out is not None:
        held_out.check_fits(problem, "held_out")
    if max_shortfall is not None and not math.isfinite(max_shortfall):
        raise ValueError(f"max_shortfall = {max_shortfall} must be finite")
    notes = [*_overfit(problem, scenarios, level, overfit)]
    if held_out is None:
        notes.append(
            "no held-out scenarios: the expected shortfall in the sample flatters the plan"
        )
    program = _with_shortfall(problem, scenarios, max_shortfall)
    shortfall = _Shortfall(problem, scenarios, level)
    mode = "least shortfall" if max_shortfall is None else "cheapest for a shortfall"
    try:
        found = _cut(program, shortfall, len(problem.columns), tolerance)
    except solvers.InfeasibleProgram:
        if max_shortfall is None:
            problem.give_up(mode, problem.program)
        bare = replace(program, cost=np.r_[np.zeros(len(program.cost) - 1), 1.0])
        bare.upper[-1] = np.inf
        try:
            least = _cut(bare, shortfall, len(problem.columns), tolerance)
        except solvers.InfeasibleProgram:  # not the shortfall: something else cannot be kept
            problem.give_up(mode, problem.program)
        reached = shortfall.at(least.x[: len(problem.columns)])[0]
        cost = float(problem.program.cost @ least.x[: len(problem.program.cost)])
        raise ValueError(
            f"max_shortfall = {max_shortfall:,.6g} cannot be reached: the least expected shortfall is {reached:,.6g} USD, at a cost of {cost:,.6g}"
        ) from None
    except solvers.UnboundedProgram as error:
        raise problem.endless(error) from None
    plan = problem.plan(mode, found, objective=found.value, notes=tuple(notes))
    tails = [report(scenarios, plan.quantity, level, "in sample")]
    if held_out is not None:
        tails.append(report(held_out, plan.quantity, level, "held out"))
    return replace(plan, tails=tuple(tails))


class _Shortfall:
    """Expected shortfall and its slope by the variables of the program."""

    def __init__(self, problem: Problem, scenarios: Scenarios, level: float) -> None:
        self.book, self.unit = scenarios.book, scenarios.unit
        self.columns, self.scale = problem.columns, problem.scale
        self.weight = scenarios.weight / scenarios.weight.sum()
        self.reach = 1 - level

    def at(self, x: Array) -> tuple[float, Array]:
        """The mean of the worst losses of weight 1 - level, that at the edge in part."""
        pnl = self.book + self.unit @ self.columns.trades(self.scale * x, self.unit.shape[1])
        order = np.argsort(pnl, kind="stable")
        past = np.cumsum(self.weight[order])
        edge = min(int(np.searchsorted(past, self.reach * (1 - 1e-12))), len(order) - 1)
        nodes = order[: edge + 1]
        share = self.weight[nodes].copy()
        share[-1] = max(self.reach - (past[edge] - share[-1]), 0.0)
        share /= share.sum()
        return -float(share @ pnl[nodes]), -self.columns.gain(share @ self.unit[nodes]) * self.scale


def _with_shortfall(problem: Problem, scenarios: Scenarios, most: float | None) -> solvers.Program:
    """The program with a column for the expected shortfall behind the others, and a box around trades without a size."""
    program = problem.program
    n = len(problem.columns)
    floor = float(np.abs(scenarios.book).max()) + 1.0
    unit = np.abs(scenarios.unit).max(axis=0)[problem.columns.instrument] * problem.scale
    box = 100 * floor / np.maximum(unit, 1e-9)
    upper = program.upper.copy()
    upper[:n] = np.minimum(upper[:n], box)
    if problem.lots:
        upper[:n] = np.floor(upper[:n])
    boxed = replace(program, upper=upper)
    # the loss of what trades within the box can earn at most bounds the column from below
    lowest = -(floor + float((upper[:n] * unit).sum()))
    high = np.inf if most is None else most
    price = 1.0 if most is None else 0.0
    return boxed.with_columns(
        np.array([price]), np.array([lowest]), np.array([high]), np.zeros((len(program.low), 1))
    )  # fmt: skip


def _cut(
    program: solvers.Program, shortfall: _Shortfall, n: int, tolerance: float
) -> solvers.Solution:
    """Add cuts until the column of the expected shortfall is what it stands for."""
    whole, program = program.whole, replace(program, whole=None)
    master = solvers.Highs(program)
    cuts: list[tuple[Array, float]] = []
    found = _rounds(master, shortfall, n, tolerance, cuts, np.zeros(len(program.cost)))
    if whole is None or not whole.any():
        return found
    # whole numbers: the same rounds, from the cuts that are there already
    held = replace(program, whole=whole)
    for row, low in cuts:
        held = held.with_rows(row[None, :], np.array([low]), np.array([np.inf]))
    master = solvers.Highs(held, time_limit=30.0, gap=max(tolerance, 1e-6))
    best = _rounds(master, shortfall, n, max(tolerance, 1e-6), cuts, None)
    fixed = np.where(whole, np.round(best.x), np.nan)
    final = replace(
        program, lower=np.where(whole, fixed, program.lower), upper=np.where(whole, fixed, program.upper)
    )  # fmt: skip
    for row, low in cuts:
        final = final.with_rows(row[None, :], np.array([low]), np.array([np.inf]))
    return replace(solvers.solve(final), gap=best.gap)


def _rounds(
    master: solvers.Highs, shortfall: _Shortfall, n: int, tolerance: float,
    cuts: list[tuple[Array, float]], start: Array | None,
) -> solvers.Solution:  # fmt: skip
    x = start
    for _ in range(_ROUNDS):
        if x is not None:
            value, slope = shortfall.at(x[:n])
            row = np.zeros(len(x))
            row[:n], row[-1] = -slope, 1.0
            low = value - float(slope @ x[:n])
            master.add_row(row, low, np.inf)
            cuts.append((row, low))
        found = master.solve()
        value, _ = shortfall.at(found.x[:n])
        if value - found.x[-1] <= tolerance * max(1.0, abs(value)):
            return found
        x = found.x
    raise solvers.SolverError(f"the expected shortfall has not settled after {_ROUNDS} cuts")


def _overfit(problem: Problem, scenarios: Scenarios, level: float, overfit: str) -> tuple[str, ...]:
    if overfit not in ("raise", "allow"):
        raise ValueError(f"overfit must be 'raise' or 'allow', not {overfit!r}")
    count = len(np.unique(np.r_[problem.columns.instrument, problem.columns.closes[problem.columns.closes >= 0]]))  # fmt: skip
    tail = scenarios.sample * (1 - level)
    if tail >= RULE * count * (1 - 1e-9):
        return ()
    text = (
        f"{tail:,.0f} effective scenarios in the tail (of {scenarios.sample:,.0f} at {level:g}) for {count} instruments: fewer than {RULE} each, "
        "the plan fits the sample"
    )
    if overfit == "raise":
        raise OverfitError(
            f"{text}; give more scenarios or fewer instruments (Quotes.near_deltas), or overfit='allow'"
        )
    return (text,)


@dataclass(frozen=True, eq=False)
class Frontier:
    """Cost against expected shortfall, by budget."""

    budget: Array
    plans: tuple[Plan, ...]

    def table(self) -> dict[str, Array]:
        """Return a row for each budget: cost, orders, expected shortfall in the sample and, where there is one, held out."""
        columns = {
            "budget": self.budget,
            "cost": np.array([plan.cost for plan in self.plans]),
            "orders": np.array([plan.tickets for plan in self.plans]),
        }
        for i, first in enumerate(self.plans[0].tails):
            name = f"shortfall_{first.label.replace(' ', '_')}"
            columns[name] = np.array([plan.tails[i].expected_shortfall[1] for plan in self.plans])
        return columns

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(), library)

    def __repr__(self) -> str:
        return f"Frontier of cost and expected shortfall in USD\n{frames.text_table(self.table())}"


def frontier(
    problem: Problem, scenarios: Scenarios, budgets: Sequence[float], **options: Any
) -> Frontier:
    """Return the plans of least expected shortfall for a sweep of budgets (USD): the efficient frontier.

    ``options`` as in :func:`least_shortfall`.
    """
    amounts = np.array(budgets, np.float64)
    if amounts.ndim != 1 or not amounts.size:
        raise ValueError("budgets must be a list of amounts of USD")
    plans = [
        least_shortfall(replace(problem, budget=float(b)), scenarios, **options) for b in amounts
    ]
    return Frontier(amounts, tuple(plans))
