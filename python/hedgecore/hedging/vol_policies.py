"""Policies that follow the vol of the market: what was realised, or a forecast that comes with the paths.

Formulas: Whalley and Wilmott as in :mod:`hedgecore.hedging.policies`; Rogers and Singh, "The cost of illiquidity and its effects on
hedging", Mathematical Finance 20 (2010); Almgren and Li, "Option hedging with smooth market impact", Market Microstructure and Liquidity 2 (2016).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from hedgecore.hedging.policies import Policy, Setting, WhalleyWilmott, landing
from hedgecore.hedging.position import check, level_index


@dataclass(frozen=True, kw_only=True)
class _Vol:
    """The vol of a law.

    Parameters
    ----------
    half_life
        Realised vol: the root of the exponentially weighted mean of squared returns, from vol^2 at the start.  The half-life of the weights, in steps.
    forecast_level
        In its place, the level of the paths that is the vol, per year, at each time: a forecast.
    vol
        The usual vol; the mean of the options' where not given.
    """

    half_life: float | None = None
    forecast_level: str | None = None
    vol: float | None = None

    def view(self, setting: Setting, *, needed: bool = True) -> dict[str, Any]:
        """Return what the core needs of it."""
        if self.half_life is not None and self.forecast_level is not None:
            raise ValueError(
                f"give half_life = {self.half_life} or forecast_level = {self.forecast_level!r}, not both"
            )
        if needed and self.half_life is None and self.forecast_level is None:
            raise ValueError("give half_life or forecast_level")
        decay = 0.0
        if self.half_life is not None:
            check(0 < self.half_life < math.inf, "half_life", self.half_life, "positive")
            decay = 0.5 ** (1.0 / self.half_life)
        vol = setting.position.vol if self.vol is None else self.vol
        check(0 < vol < math.inf, "vol", vol, "positive")
        return {
            "decay": decay,
            "forecast_level": level_index(self.forecast_level, setting.levels, "forecast_level"),
            "vol": vol,
        }


@dataclass(frozen=True, kw_only=True)
class RealisedVolBand(_Vol, Policy):
    """A band that widens with the vol: half width ``width`` (realised / vol)^power.

    Parameters
    ----------
    width
        Half width where the realised vol is ``vol``, in coins.
    half_life
        Realised vol: the root of the exponentially weighted mean of squared returns, from vol^2 at the start.  The half-life of the weights, in
        steps.
    forecast_level
        In its place, the level of the paths that is the vol, per year, at each time: a forecast.
    vol
        The mean of the options' vols where not given.
    power
        1/3 is that of the cost-optimal band.
    to
        As of :class:`DeltaBand`.
    """

    width: float
    power: float = 1.0
    to: Literal["edge", "middle"] | float = "edge"

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        check(0 < self.width < math.inf, "width", self.width, "positive")
        return {
            "width": "realised_vol",
            "size": self.width,
            "inner": landing(self.to),
            "power": self.power,
            **self.view(setting),
        }


@dataclass(frozen=True, kw_only=True)
class VolInterval(_Vol, Policy):
    """Trades to the target when ``interval`` (vol / realised)^power steps or more have passed since its last trade.

    With power 2 the variance of the returns between two trades is the same in calm and in wild markets.

    Parameters
    ----------
    interval
        Steps where the realised vol is ``vol``; not necessarily a whole number.
    half_life, forecast_level, vol
        As of :class:`RealisedVolBand`.
    power
        0 is a clock that starts anew with each trade.
    """

    interval: float
    power: float = 2.0

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        check(0 < self.interval < math.inf, "interval", self.interval, "positive")
        view = self.view(setting)
        return {
            "trigger": "interval",
            "width": "realised_vol",
            "size": self.interval,
            "power": -self.power,
            **view,
        }


@dataclass(frozen=True, kw_only=True)
class ForecastWhalleyWilmott(_Vol, WhalleyWilmott):
    """:class:`WhalleyWilmott` with the gamma at the vol that is expected: the band narrows and widens with it, the delta stays Black's.

    The vols of the options are taken times realised / vol, or forecast / vol, for the gamma alone.

    Parameters
    ----------
    risk_aversion, cost, factor, least_width, to
        As of :class:`WhalleyWilmott`.
    half_life, forecast_level, vol
        As of :class:`RealisedVolBand`.
    """

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        return {**super().law(setting), **self.view(setting)}


@dataclass(frozen=True, kw_only=True)
class SmoothTrading(_Vol, Policy):
    """Optimal under temporary impact alone: whenever it looks, the share 1 - exp(-kappa tanh(kappa (T - t)) dt) of x is traded.

    kappa = (gamma sigma^2 S^2 / (2 eta))^(1/2), eta = ``impact`` dt: trading q coins in dt costs eta (q / dt)^2 dt.  T is the last expiry, dt the time of
    ``every`` steps.  Far from T the deviation has the variance s^2 / (2 kappa) where dt is short, s the vol of the delta.  It starts without a hedge and
    buys it smoothly too.

    Parameters
    ----------
    risk_aversion
        gamma, per unit of the currency in which amounts are.
    impact
        USD per coin squared; that of the simulation where not given.
    vol
        sigma; the mean of the options' vols where not given.
    half_life, forecast_level
        As of :class:`RealisedVolBand`: sigma is the realised vol, or the forecast.
    """

    risk_aversion: float
    impact: float | None = None

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        impact = setting.costs.impact if self.impact is None else self.impact
        check(0 < impact < math.inf, "impact", impact, "positive")
        return {
            "width": "smooth",
            "risk_aversion": self.risk_aversion,
            "impact": impact,
            **self.view(setting, needed=False),
        }
