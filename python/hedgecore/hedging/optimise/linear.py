"""Least cost for limits and targets: a linear program, or a mixed-integer one with lots, least trades and tickets."""

from __future__ import annotations

from hedgecore.hedging.optimise.plan import Plan
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.hedging.optimise.solvers import GAP, TIME_LIMIT


def cheapest(problem: Problem, *, time_limit: float = TIME_LIMIT, gap: float = GAP) -> Plan:
    """Return the cheapest trades that keep all limits and meet all targets.

    Absolute costs are linear by trades of either sign as columns of their own; nothing is bought and sold at once, since both cost.

    Parameters
    ----------
    problem
        With limits or targets.
    time_limit
        Seconds, 0.6 of them for the search and the rest for the plan that breaks least; what is not proved by then of a search with
        whole numbers (lots, least trades, tickets) is the plan's ``gap``. HiGHS looks at its clock between steps.
    gap
        Relative gap at which such a program counts as solved.

    Raises
    ------
    InfeasibleHedge
        No trades keep everything: names the constraints, and has the plan that breaks them least.
    SolverError
        No plan was found in time.
    """
    return problem.solve("cheapest", problem.program, time_limit=time_limit, gap=gap)
