"""What trading costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hedgecore.hedging.position import check, check_numbers, level_index


def square_root_impact(*, day_vol: float, day_volume: float, factor: float = 1.0) -> float:
    """Return :attr:`Costs.root_impact` of the law of the square root: a trade of q coins costs the share factor x day_vol x sqrt(q / day_volume).

    Donier and Bonart, "A million metaorder analysis of market impact on the Bitcoin", Market Microstructure and Liquidity 1 (2015): over four
    decades of size, with a factor of order one.

    Parameters
    ----------
    day_vol
        Standard deviation of the return of a day, as a decimal.
    day_volume
        Coins traded in a day.
    factor
        Y.
    """
    for name, value in (("day_vol", day_vol), ("day_volume", day_volume), ("factor", factor)):
        check(0 < value < math.inf, name, value, "positive")
    return factor * day_vol / math.sqrt(day_volume)


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs of a trade of the hedge; those of the first and of the last trade are charged too.

    A trade of q coins at S pays the fee max(least_fee, q (fee S + min(fee_per_coin, fee_cap S))), half_spread q S, fixed, and
    impact q^2 + root_impact q^(3/2) S.  A share ``passive`` of q rests in the book and is filled there: it pays ``maker_fee`` in place of
    ``fee``, no half spread and no impact.  That it is filled at all, and not sooner when the price runs through it, is an assumption.

    Parameters
    ----------
    fee
        Share of the traded amount, of what takes from the book.
    maker_fee, passive
        Share of the traded amount (negative: a rebate) of what rests in it, and what share of the size that is.
    fee_per_coin, fee_cap
        USD a coin on top, at most that share of the amount; of the whole size.
    least_fee
        USD a trade: the fee is this at least.
    half_spread
        Share of the traded amount.
    fixed
        USD a trade (gas, an operator's charge), also for attempts that fail; the factor of the level where there is one.
    fixed_level
        The level of the paths that is the fixed cost: a gas price, with ``fixed`` the gas units times the price of the gas coin.
    impact
        Linear and temporary: a trade of q coins is ``impact`` x abs(q) worse than the price, USD per coin, and costs impact q^2.
    root_impact
        Of the square root, temporary: a trade of q coins is worse by the share ``root_impact`` x sqrt(abs(q)) (:func:`square_root_impact`).
    permanent
        Linear and permanent, USD per coin: a coin that is traded moves the price by it for good.  A policy that holds h coins lives at S +
        ``permanent`` h: there it decides, with Greeks, ratios and vols of smiles there, pays funding, and options pay; a trade of q coins is
        filled half way, at S + permanent (h + q / 2), so that a round trip costs nothing.  What this changes is the ledger ``permanent``,
        which is no part of the cost.  Realised vols and moves over a window that a policy observes are the market's.  For the quote
        currency, with spot and linear perpetuals.
    close
        The hedge that is left at the last expiry is sold at these costs.
    """

    fee: float = 0.0
    maker_fee: float = 0.0
    passive: float = 0.0
    fee_per_coin: float = 0.0
    fee_cap: float = 1.0
    least_fee: float = 0.0
    half_spread: float = 0.0
    fixed: float = 0.0
    fixed_level: str | None = None
    impact: float = 0.0
    root_impact: float = 0.0
    permanent: float = 0.0
    close: bool = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_numbers(self)
        for name in ("fee", "fee_per_coin", "fee_cap", "least_fee", "half_spread", "fixed", "impact", "root_impact", "permanent"):  # fmt: skip
            value = getattr(self, name)
            check(0 <= value < math.inf, name, value, "zero or positive")
        check(0 <= self.passive <= 1, "passive", self.passive, "from 0 to 1")
        check(math.isfinite(self.maker_fee), "maker_fee", self.maker_fee, "finite")
        check(
            self.proportional >= 0,
            "maker_fee",
            self.maker_fee,
            "no rebate that the rest of the trade does not pay for",
        )

    @property
    def mean_fee(self) -> float:
        """The fee as a share of the amount, of maker and taker by what rests and what takes."""
        return (1.0 - self.passive) * self.fee + self.passive * self.maker_fee

    @property
    def proportional(self) -> float:
        """What a small trade costs as a share of its amount: fee and half spread, of what rests and what takes."""
        return self.mean_fee + (1.0 - self.passive) * self.half_spread

    def core(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what the core needs."""
        taken = 1.0 - self.passive
        return {
            "fee": self.mean_fee,
            "half_spread": taken * self.half_spread,
            "fee_per_coin": self.fee_per_coin,
            "fee_cap": self.fee_cap,
            "least_fee": self.least_fee,
            "fixed": self.fixed,
            "fixed_level": level_index(self.fixed_level, names, "fixed_level"),
            "impact": taken**2 * self.impact,
            "root_impact": taken**1.5 * self.root_impact,
            "permanent": self.permanent,
            "close": self.close,
        }
