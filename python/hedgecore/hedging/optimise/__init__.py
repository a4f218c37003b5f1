"""What to trade: the trades that bring a book inside its limits, or take away its tail, at the least cost.

A :class:`Problem` says what is held, what can be traded (:class:`Quotes`) and what must hold afterwards; a mode solves it and gives
a :class:`Plan` that explains itself.

* :func:`cheapest`: least cost for limits and targets; lots, least trades and a number of tickets by whole numbers.
* :func:`neutralise`: targets met exactly by ridge least squares; numpy alone.
* :func:`least_variance`: cost against the variance under a covariance of spot and vol.
* :func:`least_shortfall`, :func:`frontier`: cost against the expected shortfall of :class:`Scenarios`.
* :func:`least_worst_case`: the worst of a list of scenarios.

Solvers (HiGHS, Clarabel) come with ``pip install "hedgecore[optimise]"``.  Amounts are in USD.
"""

from __future__ import annotations

from hedgecore.hedging.optimise.actions import Actions, Rolls
from hedgecore.hedging.optimise.cvar import Frontier, OverfitError, frontier, least_shortfall
from hedgecore.hedging.optimise.exact import neutralise
from hedgecore.hedging.optimise.exposures import MEASURES
from hedgecore.hedging.optimise.linear import cheapest
from hedgecore.hedging.optimise.plan import InfeasibleHedge, Plan, Violation
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.hedging.optimise.quadratic import least_variance
from hedgecore.hedging.optimise.quotes import Quotes
from hedgecore.hedging.optimise.robust import least_worst_case
from hedgecore.hedging.optimise.scenarios import Scenarios, TailReport
from hedgecore.hedging.optimise.solvers import SolverError

__all__ = [
    "MEASURES",
    "Actions",
    "Frontier",
    "InfeasibleHedge",
    "OverfitError",
    "Plan",
    "Problem",
    "Quotes",
    "Rolls",
    "Scenarios",
    "SolverError",
    "TailReport",
    "Violation",
    "cheapest",
    "frontier",
    "least_shortfall",
    "least_variance",
    "least_worst_case",
    "neutralise",
]
