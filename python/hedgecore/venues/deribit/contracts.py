"""Deribit's contracts and fees as data with a date: sizes, price steps, currencies, fees and caps.

They are what the exchange published at a date, not constants: every function takes another table or
schedule in their place.  Sources: the instrument records of the exchange's API (sizes, price steps,
base fees; 2022 for the alternative coins, January 2026 for BTC), its page on fees (caps), its notice
of 2023-07-06 on the price steps of options, its page on linear options (multipliers); delivery fees
are stated only by third parties.  Volume discounts, the reduced fee of a combo's cheaper direction
and liquidation fees are not in the schedule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

from hedgecore.venues.deribit.instruments import Instrument

FloatArray = npt.NDArray[np.float64]
Side = Literal["maker", "taker"]
Period = Literal["day", "week", "month", "perpetual"]


@dataclass(frozen=True, slots=True)
class Contract:
    """What one contract is, from a date on.

    Attributes
    ----------
    base, quote, type
        As in `Instrument`; ``quote`` ``"USD"`` means inverse.
    size
        Options and linear contracts: coins per contract.  Inverse futures: USD per contract.
    tick
        Smallest price step, in the unit of the price.
    steps
        Pairs (price, step): above this price the step is this one.
    min_amount
        Smallest order: coins, inverse futures USD.
    since
        First day on which it is known to hold.
    """

    base: str
    quote: str
    type: str
    size: float
    tick: float
    min_amount: float
    since: date
    steps: tuple[tuple[float, float], ...] = ()

    def tick_at(self, price: npt.ArrayLike) -> FloatArray:
        """The price step at each price."""
        prices = np.asarray(price, dtype=np.float64)
        ticks = np.full(prices.shape, self.tick)
        for above, step in sorted(self.steps):
            ticks = np.where(prices > above, step, ticks)
        return ticks

    def round_price(
        self, price: npt.ArrayLike, direction: Literal["down", "up", "nearest"] = "nearest"
    ) -> FloatArray:
        """Prices on the grid: the nearest, or the next below (a bid) or above (an ask)."""
        prices = np.asarray(price, dtype=np.float64)
        ticks = self.tick_at(prices)
        steps = prices / ticks
        whole = np.round(steps)
        if direction != "nearest":
            beyond = np.floor(steps) if direction == "down" else np.ceil(steps)
            # a price on the grid stays where it is whatever the rounding of the division
            whole = np.where(np.abs(steps - whole) < 1e-9 * np.maximum(1.0, whole), whole, beyond)
        decimals = max(
            0, -int(np.floor(np.log10(min([self.tick, *(s for _, s in self.steps)])))) + 1
        )
        return np.asarray(np.round(whole * ticks, decimals))


_START, _STEPS, _SEEN = date(2016, 1, 1), date(2023, 7, 6), date(2026, 1, 14)
_LISTED, _MULTIPLIED = date(2022, 5, 1), date(2024, 3, 1)
_OPTION_STEPS: Final = ((0.005, 0.0005),)


def _linear_perpetual(base: str, size: float, tick: float) -> Contract:
    return Contract(base, "USDC", "perpetual", size, tick, size, _LISTED)


CONTRACTS: Final[tuple[Contract, ...]] = (
    Contract("BTC", "USD", "option", 1.0, 0.0005, 0.1, _START),
    Contract("BTC", "USD", "option", 1.0, 0.0001, 0.1, _STEPS, _OPTION_STEPS),
    Contract("ETH", "USD", "option", 1.0, 0.0005, 1.0, _START),
    Contract("ETH", "USD", "option", 1.0, 0.0001, 1.0, _STEPS, _OPTION_STEPS),
    Contract("BTC", "USD", "perpetual", 10.0, 0.5, 10.0, _START),
    Contract("BTC", "USD", "future", 10.0, 0.5, 10.0, _START),
    Contract("BTC", "USD", "future", 10.0, 2.5, 10.0, _SEEN),
    Contract("ETH", "USD", "perpetual", 1.0, 0.05, 1.0, _START),
    Contract("ETH", "USD", "future", 1.0, 0.05, 1.0, _START),
    _linear_perpetual("BTC", 0.001, 1.0),
    _linear_perpetual("ETH", 0.01, 0.1),
    _linear_perpetual("SOL", 0.1, 0.01),
    _linear_perpetual("XRP", 10.0, 0.0001),
    _linear_perpetual("ADA", 10.0, 0.0001),
    _linear_perpetual("ALGO", 10.0, 0.0001),
    _linear_perpetual("AVAX", 0.1, 0.01),
    _linear_perpetual("BCH", 0.02, 0.01),
    _linear_perpetual("DOGE", 100.0, 1e-05),
    _linear_perpetual("DOT", 1.0, 0.001),
    _linear_perpetual("LINK", 1.0, 0.001),
    _linear_perpetual("LTC", 0.1, 0.01),
    _linear_perpetual("MATIC", 10.0, 0.0001),
    _linear_perpetual("NEAR", 1.0, 0.001),
    _linear_perpetual("TRX", 100.0, 1e-05),
    _linear_perpetual("UNI", 1.0, 0.001),
)
"""Contracts by the exchange's records; where one changed, a row for each date."""

MULTIPLIERS: Final = {"SOL": 10.0, "XRP": 1000.0, "MATIC": 1000.0}
"""Coins per contract of linear (USDC) options, March 2024.  Their price steps are in no record."""


def contract(
    instrument: Instrument, on: date | None = None, contracts: Sequence[Contract] = CONTRACTS
) -> Contract:
    """The contract of an instrument on a day (by default the latest known).

    Raises
    ------
    ValueError
        The table has no such contract on that day.
    """
    known = [
        item
        for item in contracts
        if (item.base, item.quote, item.type)
        == (instrument.base, instrument.quote, instrument.type)
        and (on is None or item.since <= on)
    ]
    if not known:
        when = "" if on is None else f" on {on}"
        raise ValueError(
            f"no contract of {instrument.base}/{instrument.quote} {instrument.type}{when} in the "
            "table; pass one in contracts="
        )
    return max(known, key=lambda item: item.since)


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """Fees of the exchange at a date: fractions, and caps as fractions of the option's price.

    Attributes
    ----------
    as_of
        Day on which the schedule is known to hold.
    inverse_future, inverse_weekly_future, linear_future
        (maker, taker) of the notional; a negative maker fee is a rebate.
    inverse_option, linear_option
        (maker, taker) of the underlying: of a coin, or of the index.
    option_cap
        Largest fee of an option trade, as a fraction of its price.
    option_delivery, option_delivery_cap
        Of the underlying and of the option's value, at expiry; daily options are free.
    future_delivery, weekly_future_delivery
        Of the notional, at expiry.
    """

    as_of: date
    inverse_future: tuple[float, float]
    inverse_weekly_future: tuple[float, float]
    linear_future: tuple[float, float]
    inverse_option: tuple[float, float]
    linear_option: tuple[float, float]
    option_cap: float
    option_delivery: float
    option_delivery_cap: float
    future_delivery: float
    weekly_future_delivery: float


FEES: Final = FeeSchedule(
    as_of=date(2026, 1, 14),
    inverse_future=(0.0, 0.0005),
    inverse_weekly_future=(-0.0001, 0.0005),
    linear_future=(0.0, 0.0005),
    inverse_option=(0.0003, 0.0003),
    linear_option=(0.0001, 0.0005),
    option_cap=0.125,
    option_delivery=0.00015,
    option_delivery_cap=0.125,
    future_delivery=0.00025,
    weekly_future_delivery=0.0,
)
"""Base fees, January 2026."""


def option_fee(
    price: npt.ArrayLike,
    amount: npt.ArrayLike,
    *,
    index: npt.ArrayLike | None = None,
    side: Side = "taker",
    schedule: FeeSchedule = FEES,
) -> FloatArray:
    """Fee of option trades, in the currency of the price; arrays broadcast.

    ``price`` per coin and ``amount`` in coins (contracts times multiplier; the sign is ignored).
    Without ``index`` the options are inverse: ``min(0.0003, 0.125 price)`` coin per option.  With
    ``index`` (quote currency per coin) they are linear: ``min(0.0005 index, 0.125 price)``.

    Raises
    ------
    ValueError
        A price or an index is negative or missing, an amount is missing.
    """
    prices, size = _positive(price, "price"), np.abs(_finite(amount, "amount"))
    _one_of(side, "side", get_args(Side))
    maker, taker = schedule.inverse_option if index is None else schedule.linear_option
    rate = maker if side == "maker" else taker
    unit = 1.0 if index is None else _positive(index, "index")
    return np.asarray(np.minimum(rate * unit, schedule.option_cap * prices) * size)


def future_fee(
    price: npt.ArrayLike,
    amount: npt.ArrayLike,
    *,
    settlement: Literal["inverse", "linear"] = "inverse",
    period: Period = "perpetual",
    side: Side = "taker",
    schedule: FeeSchedule = FEES,
) -> FloatArray:
    """Fee of trades in futures and perpetuals; arrays broadcast, a negative fee is a rebate.

    ``price`` in quote currency per coin.  Inverse: ``amount`` in USD, the fee in coin.  Linear:
    ``amount`` in coins, the fee in quote currency.  ``period`` is that of the instrument's record.

    Raises
    ------
    ValueError
        A price is not positive, an amount is missing.
    """
    prices, size = _positive(price, "price", above=True), np.abs(_finite(amount, "amount"))
    _one_of(side, "side", get_args(Side))
    _one_of(settlement, "settlement", ("inverse", "linear"))
    _one_of(period, "period", get_args(Period))
    if settlement == "linear":
        rates = schedule.linear_future
    elif period == "week":
        rates = schedule.inverse_weekly_future
    else:
        rates = schedule.inverse_future
    notional = size * prices if settlement == "linear" else size / prices
    return np.asarray(rates[side == "taker"] * notional)


def option_delivery_fee(
    value: npt.ArrayLike,
    amount: npt.ArrayLike,
    *,
    delivery_price: npt.ArrayLike | None = None,
    period: Period = "month",
    schedule: FeeSchedule = FEES,
) -> FloatArray:
    """Fee at the expiry of options, in their currency: none for daily options and worthless ones.

    ``value`` is the payoff per coin, in the currency of settlement; ``delivery_price`` (quote
    currency per coin) is given for linear options and only for them.

    Raises
    ------
    ValueError
        A value or a price is negative or missing, an amount is missing.
    """
    values, size = _positive(value, "value"), np.abs(_finite(amount, "amount"))
    _one_of(period, "period", get_args(Period))
    rate = 0.0 if period == "day" else schedule.option_delivery
    unit = 1.0 if delivery_price is None else _positive(delivery_price, "delivery_price")
    return np.asarray(np.minimum(rate * unit, schedule.option_delivery_cap * values) * size)


def future_delivery_fee(
    delivery_price: npt.ArrayLike,
    amount: npt.ArrayLike,
    *,
    settlement: Literal["inverse", "linear"] = "inverse",
    period: Period = "month",
    schedule: FeeSchedule = FEES,
) -> FloatArray:
    """Fee at the expiry of futures; units and errors as in `future_fee`."""
    prices = _positive(delivery_price, "delivery_price", above=True)
    size = np.abs(_finite(amount, "amount"))
    _one_of(settlement, "settlement", ("inverse", "linear"))
    _one_of(period, "period", get_args(Period))
    rate = schedule.weekly_future_delivery if period == "week" else schedule.future_delivery
    return np.asarray(rate * (size * prices if settlement == "linear" else size / prices))


def _one_of(word: str, name: str, known: tuple[str, ...]) -> None:
    if word not in known:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, not {word!r}")


def _finite(values: npt.ArrayLike, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: {np.sum(~np.isfinite(array))} values are missing or infinite")
    return array


def _positive(values: npt.ArrayLike, name: str, *, above: bool = False) -> FloatArray:
    array = _finite(values, name)
    bad = array <= 0 if above else array < 0
    if np.any(bad):
        raise ValueError(
            f"{name}: {array[bad].flat[0]} is {'not positive' if above else 'negative'}"
        )
    return array
