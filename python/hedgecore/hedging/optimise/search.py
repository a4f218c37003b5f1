"""Programs with whole numbers: the relaxation, its neighbourhood, and what reduced costs leave over.

Costs of hedges are nearly those of their relaxations, with which HiGHS alone spends its time on thousands of columns that cannot be
in a good plan.  Here it gets the columns near the relaxed point first.  What that finds is proved against the relaxation; where this
is not enough, columns whose reduced cost is more than what could still be gained keep their bounds, and the rest is solved.

Sources: Angelelli, Mansini and Speranza, "Kernel search: a heuristic framework for portfolio selection", Computational Optimization and
Applications 51 (2012); reduced-cost fixing as in Achterberg, "Constraint integer programming" (2007), 7.7.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.hedging.optimise.solvers import (
    Clock,
    Highs,
    InfeasibleProgram,
    Program,
    Solution,
    SolverError,
)

Array = npt.NDArray[Any]
NEAR: Final = 100
"""Whole numbers that are free in the neighbourhood of a relaxation, beside those that it uses."""


def search(program: Program, *, time_limit: float, gap: float) -> Solution:
    """Return the best point that is found, and what is not proved of it; row and column prices are those of the relaxation.

    Where some whole numbers are tickets, which open other columns, a search with tickets alone whole comes first: it bounds the cost
    of lots far better than the relaxation does.

    Raises
    ------
    InfeasibleProgram, UnboundedProgram, SolverError
        What the program is; SolverError where no point was found in time.
    """
    assert program.whole is not None
    clock = Clock(time_limit)
    relaxed = Highs(replace(program, whole=None), time_limit=clock.left).solve()
    point, bound = relaxed.x, relaxed.value
    stages = [program.whole]
    tickets = program.whole & (program.opens >= 0) if program.opens is not None else None
    if tickets is not None and tickets.any() and not tickets[program.whole].all():
        stages.insert(0, tickets)
    # a plan to fall back on, before time goes into better ones
    first = _near_point(program, _near(program, relaxed, point), clock.left / 4, target=np.inf)
    best = None if first is None else replace(first, bound=bound)
    for left, whole in zip(range(len(stages), 0, -1), stages, strict=True):
        staged = replace(program, whole=whole)
        try:
            found = _stage(
                staged, relaxed, point, bound, Clock(clock.left / left), gap / left, best
            )
        except SolverError:
            if left == 1:
                raise
        else:
            point, bound = found.x, found.bound
    return replace(found, row_price=relaxed.row_price, column_price=relaxed.column_price)


def _stage(
    program: Program, relaxed: Solution, point: Array, bound: float, clock: Clock, gap: float,
    best: Solution | None,
) -> Solution:  # fmt: skip
    """Solve near a point; what is not proved by ``bound``, with all that reduced costs leave. Out of time ``best`` or better stands."""
    enough = bound + gap * abs(bound)
    near = _near(program, relaxed, point)
    inner = _near_point(program, near, clock.left / 2, gap=gap / 4, target=enough)
    if inner is not None and (best is None or inner.value < best.value):
        best = inner
    rest = program
    if best is not None:
        best = replace(best, bound=bound)
        if best.value <= enough:
            return best
        rest = _tightened(program, relaxed, best.value)
    try:
        full = Highs(
            rest, time_limit=clock.left, gap=gap, target=enough, start=None if best is None else best.x
        ).solve()  # fmt: skip
    except InfeasibleProgram:
        if best is None:
            raise
        return replace(best, bound=best.value)  # nothing is better
    except SolverError:
        if best is None:
            raise
        return best
    if best is None:
        return replace(full, bound=max(bound, full.bound))
    # what the tightened program does not have is no better than the best known
    bound = max(bound, min(full.bound, best.value))
    return replace(full if full.value < best.value else best, bound=bound)


def _near_point(
    program: Program, columns: Array, time_limit: float, *, target: float, gap: float = 1e-6
) -> Solution | None:
    """What is found with some columns alone; None where that is nothing."""
    try:
        taken = _taken(program, columns)
        inner = Highs(taken, time_limit=time_limit, gap=gap, target=target).solve()
    except (InfeasibleProgram, SolverError):
        return None
    x = program.lower.copy()
    x[columns] = inner.x
    return replace(inner, x=x)


def _near(program: Program, relaxed: Solution, point: Array) -> Array:
    """Columns that a point uses, those of least reduced cost, and what is not whole; a ticket goes with what it opens."""
    assert program.whole is not None
    worth = np.abs(relaxed.column_price)
    kept = point > program.lower + 1e-9
    tickets = np.flatnonzero(program.opens >= 0) if program.opens is not None else np.zeros(0, int)
    if not tickets.size:
        chosen = np.flatnonzero(program.whole)
        kept |= ~program.whole
    else:
        assert program.opens is not None
        opened = program.opens[tickets]
        chosen, worth = tickets, worth.copy()
        worth[tickets] += worth[opened]
        kept[tickets] |= kept[opened]
        alone = ~program.whole
        alone[opened] = False
        kept |= alone
    kept[chosen[np.argsort(worth[chosen], kind="stable")[:NEAR]]] = True
    if tickets.size:
        kept[opened] = kept[tickets]
    return np.flatnonzero(kept)


def _taken(program: Program, columns: Array) -> Program:
    """The program with some columns alone; the others are at their lower bounds."""
    assert program.whole is not None
    left = np.ones(len(program.cost), bool)
    left[columns] = False
    base = program.rows[:, left] @ program.lower[left] if program.lower[left].any() else 0.0
    return Program(
        program.cost[columns], program.lower[columns], program.upper[columns], program.rows[:, columns],
        program.low - base, program.high - base, program.whole[columns],
        offset=program.offset + float(program.cost[left] @ program.lower[left]),
    )  # fmt: skip


def _tightened(program: Program, relaxed: Solution, value: float) -> Program:
    """The program without what cannot be better than a value: a column whose reduced cost is d moves by at most what is left, over d."""
    assert program.whole is not None
    room = max(value - relaxed.value, 0.0) + 1e-9 * abs(value)
    price = relaxed.column_price
    dear, cheap = price > 1e-9, price < -1e-9
    step = room / np.where(dear | cheap, np.abs(price), 1.0)
    step = np.where(program.whole, np.floor(step + 1e-6), step)
    return replace(
        program,
        upper=np.where(dear, np.minimum(program.upper, program.lower + step), program.upper),
        lower=np.where(cheap, np.maximum(program.lower, program.upper - step), program.lower),
    )
