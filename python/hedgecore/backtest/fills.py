"""What a trade of an option costs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hedgecore.hedging.position import check, check_numbers


@dataclass(frozen=True, kw_only=True)
class Fills:
    """Fills at quotes, and fees.  Prices and fees are coins, as on a venue of inverse options; the defaults are Deribit's.

    Parameters
    ----------
    spread
        Where a trade is filled: 1 at bid or ask, 0 in the middle, 2 at twice the half spread away from it.
    size
        Most that is traded of an instrument at a snapshot where the chain quotes no size; where it does, no more than that.
    fee
        Coins for each option.
    fee_cap
        Of its price: the fee is no more.
    delivery_fee, delivery_cap
        Of an option that is settled: coins, and most as a share of what it pays.
    together
        Orders of one snapshot are filled whole and all, or none of them.
    """

    spread: float = 1.0
    size: float = math.inf
    fee: float = 3e-4
    fee_cap: float = 0.125
    delivery_fee: float = 1.5e-4
    delivery_cap: float = 0.125
    together: bool = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_numbers(self)
        for name in ("spread", "fee", "fee_cap", "delivery_fee", "delivery_cap"):
            value = getattr(self, name)
            check(0 <= value < math.inf, name, value, "zero or positive")
        check(self.size > 0, "size", self.size, "positive")

    def price(self, quantity: float, bid: float, ask: float) -> float:
        """Return the price of a trade, 0 at least; NaN where there is no quote for it."""
        if self.spread == 1.0:
            return ask if quantity > 0 else bid
        half = 0.5 * (ask - bid)
        price = 0.5 * (bid + ask) + math.copysign(self.spread * half, quantity)
        return float(np.maximum(price, 0.0))  # NaN stays

    def most(self, quantity: float, bid_size: float, ask_size: float) -> float:
        """Return the size that can be traded."""
        quoted = ask_size if quantity > 0 else bid_size
        return self.size if np.isnan(quoted) else quoted

    def fee_of(self, quantity: float, price: float) -> float:
        """Return the fee of a trade, in coins."""
        return abs(quantity) * min(self.fee, self.fee_cap * price)

    def delivery_of(self, quantity: float, payoff: float) -> float:
        """Return the fee of a settlement, in coins; the payoff is that of one option."""
        return abs(quantity) * min(self.delivery_fee, self.delivery_cap * payoff)
