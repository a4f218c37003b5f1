"""Options carried through real chains in the order of time, and hedged between them by the policies of the simulation.

:class:`Tape` puts chains and bars into the order in which they became known; a :class:`Strategy` says what to hold; :func:`carry` trades,
marks and settles it; :func:`run` hedges it by every policy on the same prices, in the core that simulates; :func:`scorecard`,
:func:`frontier`, :func:`split` and :func:`stressed` say what the result is worth.
"""

from __future__ import annotations

from hedgecore.backtest.attribution import LINES
from hedgecore.backtest.carry import Carried, Life, carry
from hedgecore.backtest.evaluation import (
    daily,
    deflated_sharpe,
    drawdown,
    resampled_days,
    scorecard,
    shortfall,
    split,
    stressed,
)
from hedgecore.backtest.fills import Fills
from hedgecore.backtest.flow import Flow, MarketMaker
from hedgecore.backtest.frontier import equal_cost, frontier
from hedgecore.backtest.funding import Funding, funding
from hedgecore.backtest.futures import Futures, futures
from hedgecore.backtest.marked import Listed, marked
from hedgecore.backtest.run import Backtest, run
from hedgecore.backtest.strategies import (
    Counted,
    Leg,
    OpenInterestShare,
    Positions,
    Roll,
    Strategy,
    call_selling,
    put_selling,
    risk_reversal,
    straddle,
    strangle,
)
from hedgecore.backtest.tape import Found, Tape

__all__ = [
    "LINES",
    "Backtest",
    "Carried",
    "Counted",
    "Fills",
    "Flow",
    "Found",
    "Funding",
    "Futures",
    "Leg",
    "Life",
    "Listed",
    "MarketMaker",
    "OpenInterestShare",
    "Positions",
    "Roll",
    "Strategy",
    "Tape",
    "call_selling",
    "carry",
    "daily",
    "deflated_sharpe",
    "drawdown",
    "equal_cost",
    "frontier",
    "funding",
    "futures",
    "marked",
    "put_selling",
    "resampled_days",
    "risk_reversal",
    "run",
    "scorecard",
    "shortfall",
    "split",
    "straddle",
    "strangle",
    "stressed",
]
