"""Members of the records in Deribit's messages, and how each is read."""

from __future__ import annotations

from typing import Final

from hedgecore.venues.columns import Field, fields
from hedgecore.venues.layouts import LAYOUTS

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading records needs polars: pip install "hedgecore[data]"') from error

_NAME: Final = fields(instrument=("instrument_name", "text"))
_TIME: Final = fields(timestamp=("timestamp", "ms"))
_QUOTES: Final = _TIME + _NAME + fields(
    forward="underlying_price",
    forward_name=("underlying_index", "text"),
    index="index_price",
    bid="best_bid_price",
    ask="best_ask_price",
    mark="mark_price",
    last="last_price",
    bid_size="best_bid_amount",
    ask_size="best_ask_amount",
    bid_vol=("bid_iv", "percent"),
    ask_vol=("ask_iv", "percent"),
    mark_vol=("mark_iv", "percent"),
    delta="greeks.delta",
    gamma="greeks.gamma",
    vega="greeks.vega",
    theta="greeks.theta",
    rho="greeks.rho",
    open_interest="open_interest",
    volume="stats.volume",
    rate="interest_rate",
)  # fmt: skip
ALIASES: Final = {
    "bid_price": "best_bid_price",
    "ask_price": "best_ask_price",
    "last": "last_price",
    "volume": "stats.volume",
    "creation_timestamp": "timestamp",
    "iv": "mark_iv",
}
"""Members of book summaries and marks, and their names in tickers."""

_TRADES: Final = _TIME + _NAME + fields(
    side=("direction", "text"),
    price="price",
    amount="amount",
    mark="mark_price",
    vol=("iv", "percent"),
    index="index_price",
    trade_id=("trade_id", "text"),
    trade_seq=("trade_seq", "integer"),
    tick_direction=("tick_direction", "integer"),
    liquidation=("liquidation", "text"),
)  # fmt: skip
_INSTRUMENTS: Final = _NAME + fields(
    own_type=("instrument_type", "text"),
    own_expires="expiration_timestamp",
    own_strike="strike",
    own_kind=("option_type", "text"),
    own_base=("base_currency", "text"),
    received=("received", "seconds"),
    index_name=("price_index", "text"),
    contract_size="contract_size",
    tick="tick_size",
    tick_above="steps.above_price",
    tick_large="steps.tick_size",
    min_amount="min_trade_amount",
    maker_fee="maker_commission",
    taker_fee="taker_commission",
    period=("settlement_period", "text"),
    created=("creation_timestamp", "ms"),
    active=("is_active", "flag"),
    instrument_id=("instrument_id", "integer"),
)
_POSITIONS: Final = _NAME + fields(
    direction=("direction", "text"),
    size="size",
    size_coin="size_currency",
    entry_price="average_price",
    mark="mark_price",
    index="index_price",
    delta="delta",
    gamma="gamma",
    vega="vega",
    theta="theta",
    profit="floating_profit_loss",
    total_profit="total_profit_loss",
    realized_profit="realized_profit_loss",
    realized_funding="realized_funding",
    initial_margin="initial_margin",
    maintenance_margin="maintenance_margin",
    liquidation_price="estimated_liquidation_price",
    leverage="leverage",
)
_ACCOUNTS: Final = fields(
    currency=("currency", "text"),
    margin_model=("margin_model", "text"),
    portfolio_margin=("portfolio_margining_enabled", "flag"),
    cross_collateral=("cross_collateral_enabled", "flag"),
) + [
    Field(name, "number", name)
    for name, column in LAYOUTS["accounts"].items()
    if column.dtype == pl.Float64
]
_ORDERS: Final = _NAME + fields(
    timestamp=("last_update_timestamp", "ms"),
    created=("creation_timestamp", "ms"),
    order_id=("order_id", "text"),
    label=("label", "text"),
    own_side=("direction", "text"),
    order_type=("order_type", "text"),
    state=("order_state", "text"),
    price="price",
    amount="amount",
    filled="filled_amount",
    average_price="average_price",
    post_only=("post_only", "flag"),
    reduce_only=("reduce_only", "flag"),
)
_COMBOS: Final = fields(
    combo=("id", "text"),
    instrument=("leg", "text"),
    amount="leg_amount",
    state=("state", "text"),
    created=("creation_timestamp", "ms"),
)
_BARS: Final = fields(
    timestamp=("tick", "ms"),
    symbol=("symbol", "text"),
    seconds=("seconds", "integer"),
    open="open",
    high="high",
    low="low",
    close="close",
    volume="volume",
)
_DVOL: Final = _TIME + fields(symbol=("index_name", "text"), vol=("volatility", "percent"))
_EXPIRATIONS: Final = fields(base=("base", "text"), type=("type", "text"), day=("day", "text"))
FIELDS: Final = {
    "quotes": _QUOTES,
    "trades": _TRADES,
    "instruments": _INSTRUMENTS,
    "positions": _POSITIONS,
    "accounts": _ACCOUNTS,
    "portfolio": _ACCOUNTS,
    "orders": _ORDERS,
    "combos": _COMBOS,
    "bars": _BARS,
    "dvol": _DVOL,
    "expirations": _EXPIRATIONS,
}
"""How the records of each kind are read."""
