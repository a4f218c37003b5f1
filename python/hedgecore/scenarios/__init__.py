"""Scenario grids: a whole book revalued under shocks of spot, vol and time.

A node is a move of the underlyings, a shock of the vols and a passage of time.  At every node the
options are revalued in full, futures, perpetuals and balances as :mod:`hedgecore.risk` values them,
and summed by underlying and expiry.

* Spot: the index, the forwards and the prices of futures of a coin move by one factor.
* Vol: ``vol' = vol + x`` or ``vol (1 + x)``, the shock x of an expiry being scaled by
  (reference / expiry)^exponent where that is asked for.
* Time: years by which every expiry comes closer, forwards held.  What expires on the way is worth its
  payoff at the moved forward and has no Greeks.

P&L is the value at the node less that in the market, in the coin (``pnl_coin``) and in USD at the moved index
(``pnl_usd``).  Amounts of different coins are never added; totals over underlyings exist in USD only.
Currencies (USD, USDC, ...) do not move.
"""

from __future__ import annotations

from hedgecore.scenarios.engine import book_scenarios
from hedgecore.scenarios.grid import IN_USD, PNL, ScenarioGrid
from hedgecore.scenarios.ladder import Ladder, book_ladder
from hedgecore.scenarios.nodes import Node, Nodes
from hedgecore.scenarios.revalue import DEFAULT, MEASURES
from hedgecore.scenarios.tail import Bootstrap, Contributions, Tail, bootstrap, tail_of

__all__ = [
    "DEFAULT",
    "IN_USD",
    "MEASURES",
    "PNL",
    "Bootstrap",
    "Contributions",
    "Ladder",
    "Node",
    "Nodes",
    "ScenarioGrid",
    "Tail",
    "book_ladder",
    "book_scenarios",
    "bootstrap",
    "tail_of",
]
