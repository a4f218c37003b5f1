"""Least cost for limits and targets: a linear program, or a mixed-integer one with lots, least trades and tickets."""

from __future__ import annotations

from hedgecore.hedging.optimise.plan import Plan
from hedgecore.hedging.optimise.problem import Problem


def cheapest(problem: Problem, *, time_limit: float = 2.0, gap: float = 5e-3) -> Plan:
    """Return the cheapest trades that keep all limits and meet all targets.

    Absolute costs are linear by trades of either sign as columns of their own; nothing is bought and sold at once, since both cost.

    Parameters
    ----------
    problem
        With limits or targets.
    time_limit
        Seconds for a program with whole numbers (lots, least trades, tickets); what is not proved by then is the plan's ``gap``.
    gap
        Relative gap at which such a program counts as solved.

    Raises
    ------
    InfeasibleHedge
        No trades keep everything: names the constraints, and has the plan that breaks them least.
    SolverError
        No plan was found in time.
    """
    found = problem.solve("cheapest", problem.program, time_limit=time_limit, gap=gap)
    return problem.plan("cheapest", found, objective=found.value)
