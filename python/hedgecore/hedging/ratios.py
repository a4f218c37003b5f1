"""Which delta a policy hedges.

All start from Black's delta, net of premium in coins, and add vega / S times d vol / d ln S: what the vol of the option is expected to do as
the price moves.  As :mod:`hedgecore.surface.dynamics` has it for books.  Exposures are measured by Black's delta, whatever is hedged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from hedgecore.hedging.position import check


@dataclass(frozen=True)
class HedgeRatio:
    """What all hedge ratios have in common."""

    def core(self, asset: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the core needs; the asset is what it knows of the paths' model."""
        raise NotImplementedError


@dataclass(frozen=True)
class BlackDelta(HedgeRatio):
    """Black's delta N(d1); in coins net of premium, Delta - V / S."""

    def core(self, asset: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`HedgeRatio` says."""
        return {"kind": "black"}


BLACK: Final = BlackDelta()


@dataclass(frozen=True, kw_only=True)
class ScaledDelta(HedgeRatio):
    """Black's delta at the options' vols times a factor: hedging at a vol of one's own."""

    vol_scale: float

    def core(self, asset: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`HedgeRatio` says."""
        check(0 < self.vol_scale < math.inf, "vol_scale", self.vol_scale, "positive")
        return {"kind": "scaled_vol", "vol_scale": self.vol_scale}


@dataclass(frozen=True, kw_only=True)
class SmileDelta(HedgeRatio):
    """Delta + (R - 1) vega psi / S, psi = d vol / d ln K of the option's own smile (Bergomi, "Smile dynamics IV", 2009).

    Options must have a :class:`~hedgecore.hedging.Smile` as their vol.

    Parameters
    ----------
    stickiness
        The skew-stickiness ratio R: 1 strikes keep their vols (Black's delta), 0 moneyness does, 2 local vol and the least variance of
        short expiries under stochastic vol.
    """

    stickiness: float

    def core(self, asset: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`HedgeRatio` says."""
        check(math.isfinite(self.stickiness), "stickiness", self.stickiness, "finite")
        return {"kind": "smile", "stickiness": self.stickiness}


@dataclass(frozen=True, kw_only=True)
class MinimumVariance(HedgeRatio):
    """Delta + vega / (S sqrt(tau)) (a + b D + c D^2), D Black's delta (Hull and White, "Optimal delta hedging for options", 2017).

    Parameters
    ----------
    call, put
        (a, b, c) of each kind; D of a put is negative.  :func:`hedgecore.surface.dynamics.fit_hull_white` fits them; its
        ``dynamics`` has both.
    """

    call: Sequence[float]
    put: Sequence[float]

    def core(self, asset: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`HedgeRatio` says."""
        for name, values in (("call", self.call), ("put", self.put)):
            if np.shape(values) != (3,) or not all(math.isfinite(x) for x in values):
                raise ValueError(f"{name} = {values} must be three finite numbers: a, b, c")
        return {"kind": "hull_white", "call": list(self.call), "put": list(self.put)}


@dataclass(frozen=True, kw_only=True)
class StochasticVolDelta(HedgeRatio):
    """The delta of least variance in Heston's model, C_S + rho xi C_v / S, to first order in the vol of vol.

    With C_S the delta of sticky moneyness and prices by their implied vols it is Delta + vega / S rho xi / vol (d - (1 - d) / x) / 2, where
    x = kappa tau and d = (1 - e^-x) / x: half of what the vol at constant moneyness moves by goes back as the smile moves with
    the price (Bergomi and Guyon, "Stochastic volatility's orderly smiles", 2012; variance near its mean).  Jumps are left out.

    Parameters
    ----------
    rho, xi, kappa
        Correlation of price and variance, vol of variance, speed of its reversion; those of the paths' model (Heston, Bates) where not
        given.
    """

    rho: float | None = None
    xi: float | None = None
    kappa: float | None = None

    def core(self, asset: Mapping[str, Any]) -> dict[str, Any]:
        """As :class:`HedgeRatio` says."""
        values = {}
        for name in ("rho", "xi", "kappa"):
            given = getattr(self, name)
            if given is None and name not in asset:
                raise ValueError(f"{name} must be given: the paths have no stochastic variance")
            values[name] = float(asset[name] if given is None else given)
        check(-1 <= values["rho"] <= 1, "rho", values["rho"], "from -1 to 1")
        check(0 <= values["xi"] < math.inf, "xi", values["xi"], "zero or positive")
        check(0 <= values["kappa"] < math.inf, "kappa", values["kappa"], "zero or positive")
        return {
            "kind": "stochastic_vol",
            "covariance": values["rho"] * values["xi"],
            "reversion": values["kappa"],
        }
