"""What a trade of an option costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from hedgecore.backtest.tape import DAY_US
from hedgecore.hedging.position import check, check_numbers
from hedgecore.venues.deribit.contracts import (
    FEES,
    FeeSchedule,
    Period,
    Side,
    option_delivery_fee,
    option_fee,
)

#: Of the days since Thursday 1970-01-01, modulo 7.
FRIDAY: Final = 1


@dataclass(frozen=True, kw_only=True)
class Fills:
    """Fills at quotes, and fees.  Prices and fees are coins, as on a venue of inverse options.

    Parameters
    ----------
    spread
        Where a trade is filled: 1 at bid or ask, 0 in the middle, 2 at twice the half spread away from it; -1 on the other side of
        it, as who quotes is.
    size
        Most that is traded of an instrument at a snapshot where the chain quotes no size; where it does, no more than that.
    fees
        Of the venue: :data:`hedgecore.venues.deribit.contracts.FEES`, whose day is in it, where not given.  Options of days other than
        Friday are daily ones, which are delivered without a fee.
    side
        "taker" or "maker".
    fee_factor
        Fees and their caps times this; 0: none.  A rebate stays as it is.
    together
        Orders of a structure are filled whole and all, or none of them.
    """

    spread: float = 1.0
    size: float = math.inf
    fees: FeeSchedule | None = None
    side: Side = "taker"
    fee_factor: float = 1.0
    together: bool = True

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_numbers(self)
        check(-1 <= self.spread < math.inf, "spread", self.spread, "-1 or more")
        check(0 <= self.fee_factor < math.inf, "fee_factor", self.fee_factor, "zero or positive")
        check(self.size > 0, "size", self.size, "positive")
        if self.side not in ("taker", "maker"):
            raise ValueError(f"side must be 'taker' or 'maker', not {self.side!r}")

    @property
    def schedule(self) -> FeeSchedule:
        """The fees of the venue."""
        return FEES if self.fees is None else self.fees

    def price(self, quantity: float, bid: float, ask: float) -> float:
        """Return the price of a trade, 0 at least; NaN where there is no quote for it."""
        if abs(self.spread) == 1.0:
            return ask if self.spread * quantity > 0 else bid
        half = 0.5 * (ask - bid)
        price = 0.5 * (bid + ask) + self.spread * math.copysign(half, quantity)
        return float(np.maximum(price, 0.0))  # NaN stays

    def most(self, quantity: float, bid_size: float, ask_size: float) -> float:
        """Return the size that can be traded."""
        quoted = ask_size if quantity > 0 else bid_size
        return self.size if np.isnan(quoted) else quoted

    def fee_of(self, quantity: float, price: float) -> float:
        """Return the fee of a trade, in coins."""
        return self._times(float(option_fee(price, quantity, side=self.side, schedule=self.schedule)))  # fmt: skip

    def delivery_of(self, quantity: float, payoff: float, expiry: int) -> float:
        """Return the fee of a settlement, in coins; the payoff is that of one option, the expiry in microseconds."""
        period: Period = "week" if expiry // DAY_US % 7 == FRIDAY else "day"
        return self._times(float(option_delivery_fee(payoff, quantity, period=period, schedule=self.schedule)))  # fmt: skip

    def _times(self, fee: float) -> float:
        return fee * self.fee_factor if fee > 0 else fee
