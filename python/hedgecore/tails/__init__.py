"""Risk measures: what a book can lose, from history, stress, distributions and scenarios, with error bars.

* :func:`historical`: real joint moves of prices and vols (:class:`History`, :class:`Moves`) on today's book.
* :func:`stress` and :func:`replay`: the moves of named episodes (:data:`EPISODES`).
* :func:`simulate`: scenarios of the user's own.
* :func:`parametric`: delta, gamma and vega under normal factors, the distribution inverted exactly.
* :func:`pareto`: the tail beyond a threshold as a generalised Pareto distribution.
* :func:`coverage`: backtests of value at risk.

The first three revalue every option in full and give a :class:`~hedgecore.tails.Simulation`.  Losses are positive, in USD.
"""

from __future__ import annotations

from hedgecore.tails.backtest import Coverage, coverage
from hedgecore.tails.extreme import ParetoTail, mean_excess, pareto
from hedgecore.tails.factors import Covariance, covariance
from hedgecore.tails.historical import historical
from hedgecore.tails.history import History, vols_of
from hedgecore.tails.moves import Moves
from hedgecore.tails.parametric import DeltaGamma, parametric
from hedgecore.tails.quadratic import QuadraticForm
from hedgecore.tails.simulation import Simulation, simulate
from hedgecore.tails.stress import EPISODES, Episode, Fact, UnknownMove, replay, stress

__all__ = [
    "EPISODES",
    "Covariance",
    "Coverage",
    "DeltaGamma",
    "Episode",
    "Fact",
    "History",
    "Moves",
    "ParetoTail",
    "QuadraticForm",
    "Simulation",
    "UnknownMove",
    "covariance",
    "coverage",
    "historical",
    "mean_excess",
    "parametric",
    "pareto",
    "replay",
    "simulate",
    "stress",
    "vols_of",
]
