"""The hedging simulation: a position, a path model and a set of policies, all on the same paths.

>>> import hedgecore as hc
>>> run = hc.hedging.simulate(
...     hc.hedging.Option(strike=100, expiry=30 / 365, vol=0.6, quantity=-1),
...     hc.paths.GBM(vol=0.6),
...     [hc.hedging.Clock(every=24), hc.hedging.WhalleyWilmott(risk_aversion=1.0)],
...     costs=hc.hedging.Costs(fee=5e-4), n_paths=2000, steps=720, seed=1,
... )
>>> run.pnl.shape
(2, 2000)
"""

from __future__ import annotations

from hedgecore.hedging.attribution import Attribution
from hedgecore.hedging.auto_hedger import AutoHedger
from hedgecore.hedging.book import BookStrips, from_book
from hedgecore.hedging.calibration import ImpactFit, calibrate_impact
from hedgecore.hedging.combinations import AllOf, AnyOf
from hedgecore.hedging.costs import Costs, square_root_impact
from hedgecore.hedging.execution import Blocks, Execution, Settlement, exponential, geometric
from hedgecore.hedging.frontier import Frontier
from hedgecore.hedging.histogram import Histogram
from hedgecore.hedging.outages import ChainHalt, Depeg, KeeperDown
from hedgecore.hedging.policies import (
    Clock,
    Custom,
    DeltaBand,
    FixedAndProportional,
    Leland,
    NoHedge,
    Policy,
    PriceMove,
    ScaledVol,
    State,
    WhalleyWilmott,
    Zakamouline,
)
from hedgecore.hedging.position import Future, Option, Perpetual, Smile, Spot, Strip
from hedgecore.hedging.presets import (
    GAS,
    Preset,
    centralised_api,
    l1_manual,
    l1_vault,
    l2_vault,
    swap_gas,
)
from hedgecore.hedging.ratios import (
    BlackDelta,
    HedgeRatio,
    MinimumVariance,
    ScaledDelta,
    SmileDelta,
    StochasticVolDelta,
)
from hedgecore.hedging.results import LEDGERS, Run
from hedgecore.hedging.schedule import Schedule
from hedgecore.hedging.simulate import simulate, solve_risk_aversion, sweep
from hedgecore.hedging.statistics import entropic_premium, expected_shortfall
from hedgecore.hedging.traces import Trace
from hedgecore.hedging.vol_policies import (
    ForecastWhalleyWilmott,
    RealisedVolBand,
    SmoothTrading,
    VolInterval,
)

__all__ = [
    "GAS",
    "LEDGERS",
    "AllOf",
    "AnyOf",
    "Attribution",
    "AutoHedger",
    "BlackDelta",
    "Blocks",
    "BookStrips",
    "ChainHalt",
    "Clock",
    "Costs",
    "Custom",
    "DeltaBand",
    "Depeg",
    "Execution",
    "FixedAndProportional",
    "ForecastWhalleyWilmott",
    "Frontier",
    "Future",
    "HedgeRatio",
    "Histogram",
    "ImpactFit",
    "KeeperDown",
    "Leland",
    "MinimumVariance",
    "NoHedge",
    "Option",
    "Perpetual",
    "Policy",
    "Preset",
    "PriceMove",
    "RealisedVolBand",
    "Run",
    "ScaledDelta",
    "ScaledVol",
    "Schedule",
    "Settlement",
    "Smile",
    "SmileDelta",
    "SmoothTrading",
    "Spot",
    "State",
    "StochasticVolDelta",
    "Strip",
    "Trace",
    "VolInterval",
    "WhalleyWilmott",
    "Zakamouline",
    "calibrate_impact",
    "centralised_api",
    "entropic_premium",
    "expected_shortfall",
    "exponential",
    "from_book",
    "geometric",
    "l1_manual",
    "l1_vault",
    "l2_vault",
    "simulate",
    "solve_risk_aversion",
    "square_root_impact",
    "swap_gas",
    "sweep",
]
