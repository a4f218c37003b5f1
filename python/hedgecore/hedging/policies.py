"""When to trade the hedge, and how much.

x is the deviation: the delta of position and hedge, in coins, less the ``target``.  Every policy looks at steps 0, ``every``,
2 ``every``, ... and may be restrained by a cool-down, a blackout, a least trade or a least move of the price.
Formulas: Whalley and Wilmott, "An asymptotic analysis of an optimal hedging model for option pricing with transaction costs",
Mathematical Finance 7 (1997); Leland, "Option pricing and replication with transactions costs", Journal of Finance 40 (1985);
Zakamouline, "European option pricing and hedging with both fixed and proportional transaction costs", Journal of Economic Dynamics and
Control 30 (2006).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hedgecore.hedging.costs import Costs
from hedgecore.hedging.position import Position, check, check_numbers
from hedgecore.hedging.ratios import BLACK, HedgeRatio, ScaledDelta
from hedgecore.paths.random import whole


@dataclass(frozen=True)
class Setting:
    """What a policy may take from the simulation it is part of."""

    position: Position
    costs: Costs
    rate: float
    levels: tuple[str, ...] = ()
    asset: Mapping[str, Any] = field(default_factory=dict)  # what the core knows of the underlying


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What all policies have in common.

    Parameters
    ----------
    every
        It looks every so many steps.
    hedge_ratio
        Which delta of the position is hedged: :class:`~hedgecore.hedging.BlackDelta` and others.
    target
        The delta of position and hedge to hold, in coins.
    cool_down
        Steps without a trade after a trade.
    blackout
        Steps before an expiry without a trade.
    least_trade
        Smaller trades are not made; in coins, of an inverse perpetual USD.
    lot
        Trades are rounded to multiples of it.
    least_move, move_window
        It trades only where the logarithm of the price moved by ``least_move`` or more over the last ``move_window`` steps, in the first of them since
        the start.
    least_fall
        The same for falls, where ``least_move`` is for rises alone.
    """

    every: int = 1
    hedge_ratio: HedgeRatio = BLACK
    target: float = 0.0
    cool_down: int = 0
    blackout: int = 0
    least_trade: float = 0.0
    lot: float = 0.0
    least_move: float = 0.0
    move_window: int = 1
    least_fall: float | None = None

    @property
    def family(self) -> str:
        """The name under which settings are compared."""
        return type(self).__name__

    def law(self, setting: Setting) -> dict[str, Any]:
        """Return what the core needs of the law."""
        raise NotImplementedError

    def core(self, setting: Setting) -> dict[str, Any]:
        """Return what the core needs."""
        check_numbers(self)
        if not isinstance(self.hedge_ratio, HedgeRatio):
            raise TypeError(
                f"hedge_ratio must be one of hedgecore.hedging, as BlackDelta(), not {self.hedge_ratio!r}"
            )
        return {
            "hedge_ratio": self.hedge_ratio.core(setting.asset),
            "every": whole(self.every, "every", 1, 2**40),
            "target": self.target,
            "cool_down": whole(self.cool_down, "cool_down", 0, 2**40),
            "blackout": whole(self.blackout, "blackout", 0, 2**40),
            "least_trade": self.least_trade,
            "lot": self.lot,
            "least_move": self.least_move,
            "least_fall": -1.0 if self.least_fall is None else self.least_fall,
            "move_window": whole(self.move_window, "move_window", 1, 2**20),
            **self.law(setting),
        }

    def at_vol(self, scale: float, setting: Setting) -> dict[str, Any]:
        """Return the hedge ratio of a law that is a vol, and has no room for another."""
        if self.hedge_ratio != BLACK:
            raise ValueError(
                f"hedge_ratio must not be given: {self.family} hedges the delta at its own vol"
            )
        return ScaledDelta(vol_scale=scale).core(setting.asset)


def landing(to: Literal["edge", "middle"] | float) -> float:
    """Return where a trade goes, as a share of the half width."""
    if to == "edge":
        return 1.0
    if to == "middle":
        return 0.0
    if isinstance(to, str) or not 0 <= to <= 1:
        raise ValueError(f"to = {to!r} must be 'edge', 'middle' or a share of the half width")
    return float(to)


@dataclass(frozen=True)
class State:
    """What a :class:`Custom` policy sees: a block of paths at a step.  Arrays have a number for each path and are views of the core's
    memory, not to be written to: what is to be kept must be copied.

    Attributes
    ----------
    step
        The step.
    first_path
        The number of the first path of the block.
    spot
        Prices; with permanent impact the policy's own, here and in the Greeks.
    variance
        The model's variance per year.
    delta, spot_gamma
        Of the position: the delta to be hedged, by the policy's hedge ratio, and S times its gamma, in coins.
    held, ordered
        Of the instrument: what is held, and what will be when all orders are filled.
    """

    step: int
    first_path: int
    spot: npt.NDArray[np.float64]
    variance: npt.NDArray[np.float64]
    delta: npt.NDArray[np.float64]
    spot_gamma: npt.NDArray[np.float64]
    held: npt.NDArray[np.float64]
    ordered: npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Custom(Policy):
    """A policy in Python: a function of :class:`State` that returns the trades of all paths of the block, or None for none.

    Trades are in units of the instrument.  The function is called once for each block of up to 128 paths and step that the policy looks at,
    block by block from several threads, so that it may keep nothing between calls but by path; the restraints of
    :class:`Policy` apply to what it returns.  ``target`` counts for the exposure alone.
    """

    decide: Callable[[State], npt.ArrayLike | None]

    def law(self, setting: Setting) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Policy` says."""
        if not callable(self.decide):
            raise TypeError(f"decide must be a function of a State, not {self.decide!r}")
        return {"decide": lambda *values: self.decide(State(*values))}


@dataclass(frozen=True, kw_only=True)
class NoHedge(Policy):
    """Never trades."""

    def law(self, setting: Setting) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Policy` says."""
        return {"size": math.inf}


@dataclass(frozen=True, kw_only=True)
class Clock(Policy):
    """Trades to the target whenever it looks."""

    def law(self, setting: Setting) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Policy` says."""
        return {"size": 0.0, "inner": 0.0}


@dataclass(frozen=True, kw_only=True)
class DeltaBand(Policy):
    """Trades when x is outside of a band of fixed width, to its edge, its middle or a share of the way.

    Parameters
    ----------
    width
        Half width, in coins.
    to
        "edge", "middle", or the share of the half width at which x lands.
    up, down
        Factors of the half width for positive and negative x.
    """

    width: float
    to: Literal["edge", "middle"] | float = "edge"
    up: float = 1.0
    down: float = 1.0

    @property
    def family(self) -> str:
        """The name under which settings are compared."""
        return f"DeltaBand {self.to}"

    def law(self, setting: Setting) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Policy` says."""
        check(0 <= self.width < math.inf, "width", self.width, "zero or positive")
        return {"size": self.width, "inner": landing(self.to), "up": self.up, "down": self.down}


@dataclass(frozen=True, kw_only=True)
class PriceMove(Policy):
    """Trades to the target when abs(ln(S / S at the last trade)) is above a threshold.  The first trade needs no move.

    ``up`` and ``down`` are factors of the threshold.  A threshold of m days' vol is m * vol * sqrt(1 / 365).
    """

    threshold: float
    up: float = 1.0
    down: float = 1.0

    def law(self, setting: Setting) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Policy` says."""
        check(0 <= self.threshold < math.inf, "threshold", self.threshold, "zero or positive")
        return {"trigger": "move", "size": self.threshold, "up": self.up, "down": self.down}


@dataclass(frozen=True, kw_only=True)
class Leland(Policy):
    """:class:`Clock` with the delta at sigma sqrt(1 +- Le), Le = sqrt(2 / pi) 2 k / (sigma sqrt(dt)).

    Plus for sold options, minus for held ones, where Le < 1 is needed; k the proportional cost of one way, dt the interval.

    Parameters
    ----------
    cost
        k; that of the simulation where not given.
    """

    cost: float | None = None

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        sign, vol = setting.position.gamma_sign, setting.position.vol
        if sign == 0:
            raise ValueError("Leland's vol needs options that are all held or all sold")
        k = setting.costs.proportional if self.cost is None else self.cost
        number = math.sqrt(8 / math.pi) * k / (vol * math.sqrt(self.every * setting.position.step))
        check(
            sign < 0 or number < 1, "Leland's number", number, "below 1 for options that are held"
        )
        return {
            "size": 0.0,
            "inner": 0.0,
            "hedge_ratio": self.at_vol(math.sqrt(1.0 - sign * number), setting),
        }


@dataclass(frozen=True, kw_only=True)
class ScaledVol(Policy):
    """:class:`Clock` or, with a width, :class:`DeltaBand` around the delta at another vol: hedging at a vol of one's own.

    Parameters
    ----------
    vol_scale
        Of the options' vols.
    width, to
        As of :class:`DeltaBand`.
    """

    vol_scale: float
    width: float = 0.0
    to: Literal["edge", "middle"] | float = "edge"

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        check(0 <= self.width < math.inf, "width", self.width, "zero or positive")
        return {
            "hedge_ratio": self.at_vol(self.vol_scale, setting),
            "size": self.width,
            "inner": landing(self.to),
        }


@dataclass(frozen=True, kw_only=True)
class _Averse(Policy):
    """Laws with a risk aversion."""

    risk_aversion: float
    cost: float | None = None
    factor: float = 1.0
    least_width: float = 0.0

    def averse(self, setting: Setting) -> dict[str, Any]:
        """Return what these laws have in common."""
        return {
            "risk_aversion": self.risk_aversion,
            "cost": setting.costs.proportional if self.cost is None else self.cost,
            "size": self.factor,
            "least_width": self.least_width,
        }


@dataclass(frozen=True, kw_only=True)
class WhalleyWilmott(_Averse):
    """A band of half width ((3/2) e^(-r tau) k S Gamma^2 / gamma)^(1/3) around Black's delta; Gamma is the position's.

    Parameters
    ----------
    risk_aversion
        gamma, per unit of the currency in which amounts are.
    cost
        k; that of the simulation where not given.
    factor
        Of the half width.
    least_width
        The half width is not smaller than that; in coins.
    to
        "edge", "middle" or the share of the half width at which x lands.
    """

    to: Literal["edge", "middle"] | float = "edge"

    @property
    def family(self) -> str:
        """The name under which settings are compared."""
        return f"WhalleyWilmott {self.to}"

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        return {"width": "whalley_wilmott", "inner": landing(self.to), **self.averse(setting)}


@dataclass(frozen=True, kw_only=True)
class Zakamouline(_Averse):
    """A band of half width H0 + H1 around the delta at a modified vol, traded to its edge.

    H0 = k / (gamma S sigma^2 tau), H1 = 1.12 k^0.31 tau^0.05 (e^(-r tau) / sigma)^0.25 (abs(Gamma) / gamma)^0.5, vol^2 = sigma^2
    (1 -+ Kz) with Kz = -4.76 k^0.78 tau^-0.02 (e^(-r tau) / sigma)^0.25 (gamma S^2 abs(Gamma))^0.15: higher where the position's gamma
    is negative.  tau is the mean time to expiry, by the size of the quantities.

    Parameters
    ----------
    risk_aversion, cost, factor, least_width
        As of :class:`WhalleyWilmott`.
    vol
        sigma of these formulas; the mean of the options' where not given.
    constant
        4.76; other texts have 5.76.
    """

    vol: float | None = None
    constant: float = 4.76

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        return {
            "width": "zakamouline",
            "centre": "zakamouline",
            "vol": setting.position.vol if self.vol is None else self.vol,
            "zakamouline": self.constant,
            **self.averse(setting),
        }


@dataclass(frozen=True, kw_only=True)
class FixedAndProportional(_Averse):
    """Optimal for a fixed cost c and a proportional cost k: nothing below b, from there to a.

    With kappa = 6 Gamma^2 / gamma: 2 a b (a + b) = k S kappa, (a + b) (b - a)^3 / 2 = c kappa.  c = 0 is :class:`WhalleyWilmott`,
    k = 0 has a = 0 and b = (12 c Gamma^2 / gamma)^(1/4).

    Parameters
    ----------
    risk_aversion, cost, factor, least_width
        As of :class:`WhalleyWilmott`; the factor is one of a and b.
    fixed_cost
        c, USD; that of the simulation where not given.
    """

    fixed_cost: float | None = None

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        fixed = self.fixed_cost
        if fixed is None:
            if setting.costs.fixed_level is not None:
                raise ValueError("fixed_cost must be given where the fixed cost is a level")
            fixed = setting.costs.fixed
        return {"width": "fixed_and_proportional", "fixed_cost": fixed, **self.averse(setting)}
