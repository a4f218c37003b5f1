"""The least worst case over a list of scenarios, cost included."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hedgecore.hedging.optimise.plan import Plan
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.hedging.optimise.scenarios import Scenarios
from hedgecore.hedging.optimise.solvers import TIME_LIMIT


def least_worst_case(
    problem: Problem, scenarios: Scenarios, *, time_limit: float = TIME_LIMIT
) -> Plan:
    """Return the trades whose largest loss over the scenarios, plus cost, is the least: min t, t >= loss_g + cost for all g.

    Weights do not count, ``time_limit`` is in seconds.  ``objective`` is t, the worst loss with the cost in it.

    Raises
    ------
    InfeasibleHedge
        No trades keep everything that must hold.
    """
    scenarios.check_fits(problem)
    program, n = problem.program, len(problem.columns)
    if problem.has_whole:
        raise ValueError("least_worst_case has no lots, min_trade or max_tickets")
    gain = problem.columns.gain(scenarios.unit) * problem.scale
    with_t = replace(program, cost=np.zeros(n)).with_columns(
        np.ones(1), np.array([-np.inf]), np.array([np.inf]), np.zeros((len(program.low), 1))
    )
    with_t = with_t.with_rows(
        np.hstack([gain - program.cost, np.ones((len(scenarios), 1))]),
        -scenarios.book,
        np.full(len(scenarios), np.inf),
    )
    plan = problem.solve("least worst case", with_t, time_limit=time_limit)
    return replace(plan, notes=scenarios.notes)
