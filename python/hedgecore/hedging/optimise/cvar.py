"""The hedge of least expected shortfall (conditional value at risk), by cutting planes.

Rockafellar and Uryasev, "Optimization of conditional value-at-risk", Journal of Risk 2 (2000): a linear program with a row for
each scenario.  Here the expected shortfall is a column that cuts hold up: at a point, its tail gives a linear function that
is nowhere above it, so that the program stays small whatever the number of scenarios.  The tail of some scenarios alone gives such
a function too: most cuts are of those that were bad so far, and all are looked at when little is left to gain by these.  A second
cut of each round, between its point and the best one, keeps the points from jumping about.
Sources: Kuenzi-Bay and Mayer, "Computational aspects of minimizing conditional value-at-risk", Computational Management Science 3
(2006); Ben-Ameur and Neto, "Acceleration of cutting-plane and column generation algorithms", Networks 49 (2007).
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
from hedgecore.hedging.optimise.actions import Actions
from hedgecore.hedging.optimise.plan import Plan
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.hedging.optimise.scenarios import Scenarios, report
from hedgecore.hedging.optimise.search import search
from hedgecore.hedging.optimise.solvers import GAP, TIME_LIMIT
from hedgecore.scenarios.tail import check_level

Array = npt.NDArray[Any]
RULE: Final = 20
"""Effective scenarios in the tail for each instrument: below, the plan fits the sample and not the tail."""
_ROUNDS: Final = 3000
_WORST: Final = 8
"""Weight of the scenarios that are looked at first, in tails."""
_TOWARDS: Final = 0.3
"""Where the second cut of a round is, from the best point to that of the round."""


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
    time_limit: float = TIME_LIMIT,
    gap: float = GAP,
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
    time_limit
        Seconds for all of the search; the best plan so far is returned then, with what is not proved of it as its ``gap``.
    gap
        Relative gap at which a search with whole numbers ends.

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
    notes = [*scenarios.notes, *_overfit(problem, scenarios, level, overfit)]
    if held_out is None:
        notes.append(
            "no held-out scenarios: the expected shortfall in the sample flatters the plan"
        )
    solvers.check_search(time_limit, gap)
    clock = solvers.Clock(time_limit)
    program = _with_shortfall(problem, scenarios, max_shortfall)
    shortfall = _Shortfall.of(problem, scenarios, level)
    mode = "least shortfall" if max_shortfall is None else "cheapest for a shortfall"
    try:
        found = _cut(program, shortfall, tolerance, gap, clock)
    except solvers.InfeasibleProgram:
        if max_shortfall is None:
            problem.give_up(mode, time_limit=clock.left, gap=gap)
        bare = replace(program, cost=np.r_[np.zeros(len(program.cost) - 1), 1.0])
        bare.upper[-1] = np.inf
        try:
            least = _cut(bare, shortfall, tolerance, gap, clock)
        except solvers.InfeasibleProgram:  # not the shortfall: something else cannot be kept
            problem.give_up(mode, time_limit=clock.left, gap=gap)
        reached = shortfall.at(least.x[: len(problem.columns)])[0]
        cost = float(problem.program.cost @ least.x[: len(problem.program.cost)])
        raise ValueError(
            f"max_shortfall = {max_shortfall:,.6g} cannot be reached: the least expected shortfall is {reached:,.6g} USD, at a cost of {cost:,.6g}"
        ) from None
    except solvers.UnboundedProgram as error:
        raise problem.endless(error) from None
    plan = problem.plan(
        mode, found, asked_gap=max(tolerance, gap * problem.has_whole), notes=tuple(notes)
    )
    tails = [report(scenarios, plan.quantity, level, "in sample")]
    if held_out is not None:
        tails.append(report(held_out, plan.quantity, level, "held out"))
    return replace(plan, tails=tuple(tails))


@dataclass(frozen=True, eq=False)
class _Shortfall:
    """Expected shortfall and its slope by the variables of the program, over all scenarios or some of them."""

    book: Array
    unit: Array
    weight: Array
    reach: float
    columns: Actions
    scale: Array

    @classmethod
    def of(cls, problem: Problem, scenarios: Scenarios, level: float) -> _Shortfall:
        """Make that of scenarios."""
        weight = scenarios.weight / scenarios.weight.sum()
        return cls(scenarios.book, scenarios.unit, weight, 1 - level, problem.columns, problem.scale)  # fmt: skip

    def among(self, rows: Array) -> _Shortfall:
        """Return that of some scenarios, of weight 1 - level and more: nowhere above that of all."""
        return replace(self, book=self.book[rows], unit=self.unit[rows], weight=self.weight[rows])

    def pnl(self, x: Array) -> Array:
        """P&L by scenario."""
        amount = x[: len(self.scale)] * self.scale
        return np.asarray(self.book + self.unit @ self.columns.trades(amount, self.unit.shape[1]))

    def worst(self, pnl: Array, weight: float) -> tuple[Array, Array]:
        """Return the worst outcomes of a weight (all, where they have less), the worst first, and the weight up to each."""
        count = min(len(pnl), int(2 * weight * len(pnl)) + 1)
        while True:
            near = np.argpartition(pnl, count - 1)[:count]
            order = near[np.argsort(pnl[near], kind="stable")]
            past = np.cumsum(self.weight[order])
            if past[-1] >= weight or count == len(pnl):
                break
            count = min(len(pnl), 4 * count)
        end = min(int(np.searchsorted(past, weight * (1 - 1e-12))), len(order) - 1) + 1
        return order[:end], past[:end]

    def at(self, x: Array, pnl: Array | None = None) -> tuple[float, Array]:
        """The mean of the worst losses of weight 1 - level, that at the edge in part, and its slope."""
        pnl = self.pnl(x) if pnl is None else pnl
        nodes, past = self.worst(pnl, self.reach)
        share = self.weight[nodes].copy()
        share[-1] = max(self.reach - (past[-1] - share[-1]), 0.0)
        share /= share.sum()
        slope = -self.columns.gain(share @ self.unit[nodes]) * self.scale
        return -float(share @ pnl[nodes]), slope


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
    program: solvers.Program, shortfall: _Shortfall, tolerance: float, gap: float, clock: solvers.Clock
) -> solvers.Solution:  # fmt: skip
    """Add cuts until the column of the expected shortfall is what it stands for."""
    cuts = _Cuts(len(program.cost))
    free = replace(program, whole=None)
    found = _rounds(free, shortfall, tolerance, clock, cuts)
    if not program.has_whole:
        return found
    # whole numbers begin with the cuts that hold the relaxation up
    held = program.with_rows(*cuts.near(found.x))
    best: solvers.Solution | None = None
    bound = -np.inf
    while True:
        try:
            found = search(held, time_limit=clock.left, gap=gap / 2)
        except solvers.SolverError:
            if best is None:
                raise
            break
        bound = max(bound, found.bound)
        value, slope = shortfall.at(found.x)
        lack = value - found.x[-1]
        true = found.value + program.cost[-1] * lack
        small = tolerance * max(1.0, abs(value))
        # with a bound on the shortfall only what keeps it counts
        if (program.cost[-1] or value <= program.upper[-1] + small) and (
            best is None or true < best.value
        ):
            best = replace(found, value=true)
        if lack <= small or (best and best.value - bound <= gap * abs(best.value)):
            break
        row, low = cuts.add(found.x, value, slope)
        held = held.with_rows(row[None, :], np.array([low]), np.array([np.inf]))
    assert best is not None
    return replace(best, bound=bound)


class _Cuts:
    """Rows that hold up the last column."""

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._cuts: list[tuple[Array, float]] = []

    def add(self, x: Array, value: float, slope: Array) -> tuple[Array, float]:
        """Keep and return the row and its lower bound: the last column is at least the linear function at x."""
        row = np.zeros(self._columns)
        row[: len(slope)], row[-1] = -slope, 1.0
        self._cuts.append((row, value - float(slope @ x[: len(slope)])))
        return self._cuts[-1]

    def near(self, x: Array) -> tuple[Array, Array, Array]:
        """Return rows and both bounds of those that are within a hundredth of the last column at x."""
        rows = np.array([row for row, _ in self._cuts]).reshape(-1, self._columns)
        low = np.array([low for _, low in self._cuts])
        close = rows @ x - low <= 0.01 * max(1.0, abs(x[-1]))
        return rows[close], low[close], np.full(int(close.sum()), np.inf)


def _rounds(
    program: solvers.Program, shortfall: _Shortfall, tolerance: float, clock: solvers.Clock, cuts: _Cuts
) -> solvers.Solution:  # fmt: skip
    """Solve without whole numbers; out of time the best point so far, with its bound."""
    master = solvers.Highs(program, time_limit=clock.left)
    price = program.cost[-1]

    def hold(x: Array, value: float, slope: Array) -> None:
        row, low = cuts.add(x, value, slope)
        master.add_row(row, low, np.inf)

    zero = np.zeros(len(program.cost))
    pnl = shortfall.pnl(zero)
    hold(zero, *shortfall.at(zero, pnl))
    rows, _ = shortfall.worst(pnl, _WORST * shortfall.reach)
    some = shortfall.among(rows)
    anchor: Array | None = None  # the best point by the scenarios looked at so far
    lowest = left = np.inf
    best: solvers.Solution | None = None
    for _ in range(_ROUNDS):
        try:
            found = master.solve()
        except solvers.SolverError:
            if best is None or clock.left:
                raise
            break
        value, slope = some.at(found.x)
        lack = value - found.x[-1]
        if lack <= max(0.5 * left, tolerance * max(1.0, abs(value))):
            pnl = shortfall.pnl(found.x)
            value, slope = shortfall.at(found.x, pnl)
            lack = value - found.x[-1]
            if lack <= tolerance * max(1.0, abs(value)):
                return found
            left = min(left, lack)
            true = found.value + price * lack
            if price and (best is None or true < best.value):
                best = replace(found, value=true)
            more, _ = shortfall.worst(pnl, _WORST / 2 * shortfall.reach)
            rows = np.union1d(rows, more)
            some = shortfall.among(rows)
            lowest = np.inf
        hold(found.x, value, slope)
        if not price:
            continue
        true = found.value + lack
        if anchor is not None and true >= lowest:
            between = anchor + _TOWARDS * (found.x - anchor)
            value, slope = some.at(between)
            hold(between, value, slope)
            nearer = float(program.cost[:-1] @ between[:-1]) + value
            if nearer < lowest:
                anchor, lowest = between, nearer
        else:
            anchor, lowest = found.x, true
    if best is None:
        raise solvers.SolverError(f"the expected shortfall has not settled after {_ROUNDS} cuts")
    return replace(best, bound=found.value)


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
