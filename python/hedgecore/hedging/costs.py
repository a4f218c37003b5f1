"""What trading costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hedgecore.hedging.position import check, level_index


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs of a trade of the hedge; those of the first and of the last trade are charged too.

    Parameters
    ----------
    fee, half_spread
        Shares of the traded amount.
    fixed
        USD a trade (gas, an operator's charge), also for attempts that fail; the factor of the level where there is one.
    fixed_level
        The level of the paths that is the fixed cost: a gas price, with ``fixed`` the gas units times the price of the gas coin.
    impact
        Linear and temporary: a trade of q coins is ``impact`` x abs(q) worse than the price, USD per coin, and costs impact q^2.
    close
        The hedge that is left at the last expiry is sold at these costs.
    """

    fee: float = 0.0
    half_spread: float = 0.0
    fixed: float = 0.0
    fixed_level: str | None = None
    impact: float = 0.0
    close: bool = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("fee", "half_spread", "fixed", "impact"):
            value = getattr(self, name)
            check(0 <= value < math.inf, name, value, "zero or positive")

    @property
    def proportional(self) -> float:
        """Fee and half spread."""
        return self.fee + self.half_spread

    def core(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what the core needs."""
        return {
            "proportional": self.proportional,
            "fixed": self.fixed,
            "fixed_level": level_index(self.fixed_level, names, "fixed_level"),
            "impact": self.impact,
            "close": self.close,
        }
