"""The layouts: which columns a table of each kind has, with their types, units and meaning.

A reader gives every column of the layout of its kind, in this order, null where the file has
nothing.  Times are UTC with microseconds.  "Coin" is the base currency (BTC), "quote" the currency
in which a coin is priced (USD, USDC): a strike or a forward is quote currency per coin.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

try:
    import polars as pl
except ImportError as error:
    raise ImportError('the layouts of data need polars: pip install "hedgecore[data]"') from error


class Column(NamedTuple):
    """Type and meaning (with the unit) of a column."""

    dtype: Any
    meaning: str


TIME: Final = pl.Datetime("us", "UTC")
TYPES: Final = pl.Enum(["option", "future", "perpetual", "spot", "combo"])
SETTLEMENTS: Final = pl.Enum(["inverse", "linear"])
SIDES: Final = pl.Enum(["buy", "sell"])
BOOK_SIDES: Final = pl.Enum(["bid", "ask"])
ACTIONS: Final = pl.Enum(["new", "change", "delete"])

_NUMBER, _TEXT, _COUNT = pl.Float64(), pl.String(), pl.Int64()
_ROW: Final = {
    "row": Column(pl.UInt32(), "row (or message) of the file, the first of data being 1")
}
_TIMESTAMP: Final = {"timestamp": Column(TIME, "UTC time the exchange gives the row")}

CONTRACT: Final = {
    "instrument": Column(_TEXT, "the venue's name, for example BTC-24APR26-65000-P"),
    "base": Column(_TEXT, "the coin: BTC, ETH, SOL, …"),
    "type": Column(TYPES, "option, future, perpetual, spot or combo"),
    "kind": Column(pl.Int8(), "+1 call, -1 put, null otherwise"),
    "strike": Column(_NUMBER, "quote currency per coin"),
    "expiry_time": Column(TIME, "UTC time of expiry, 08:00; null for perpetuals and spot"),
}
"""What the name of an instrument says."""

_SETTLED: Final = {
    "settlement": Column(
        SETTLEMENTS, "inverse: settled in the coin; linear: in the quote currency"
    ),
    "currency": Column(_TEXT, "currency of option prices and of settlement: BTC, ETH, USDC, …"),
}
_EXPIRY: Final = {
    "expiry": Column(_NUMBER, "years from timestamp to expiry_time, ACT/365; null without expiry")
}

QUOTES: Final = {
    **_TIMESTAMP,
    **CONTRACT,
    **_EXPIRY,
    **_SETTLED,
    "forward": Column(
        _NUMBER, "options: forward of the expiry, quote currency per coin; else null"
    ),
    "forward_name": Column(_TEXT, "the venue's name of the forward, for example SYN.BTC-24APR26"),
    "index": Column(_NUMBER, "index (spot) price, quote currency per coin"),
    "bid": Column(_NUMBER, "best bid; options: in `currency`, else quote currency per coin"),
    "ask": Column(_NUMBER, "best ask, the same unit; null where there is none"),
    "mark": Column(_NUMBER, "the venue's mark, the same unit; null where missing or not positive"),
    "last": Column(_NUMBER, "last trade, the same unit"),
    "bid_size": Column(_NUMBER, "options: contracts; inverse futures: USD; linear: coins"),
    "ask_size": Column(_NUMBER, "the same"),
    "bid_vol": Column(_NUMBER, "implied by the bid, decimal per square-root year; null: no bid"),
    "ask_vol": Column(_NUMBER, "implied by the ask, decimal per square-root year"),
    "mark_vol": Column(_NUMBER, "implied by the mark, decimal per square-root year"),
    "delta": Column(_NUMBER, "the venue's Black delta (not net of the premium), coin per coin"),
    "gamma": Column(_NUMBER, "the venue's Black gamma, per unit of quote currency"),
    "vega": Column(_NUMBER, "the venue's vega, quote currency per vol point (0.01)"),
    "theta": Column(_NUMBER, "the venue's theta, quote currency per calendar day"),
    "rho": Column(_NUMBER, "the venue's rho, quote currency per 1 % of rate"),
    "open_interest": Column(_NUMBER, "options: coins; inverse futures: USD; linear futures: coins"),
    "volume": Column(_NUMBER, "traded in 24 hours, coins"),
    "rate": Column(_NUMBER, "the venue's interest rate, decimal per year"),
    "contract_size": Column(_NUMBER, "options, linear: coins; inverse futures: USD per contract"),
    "tick": Column(_NUMBER, "smallest price step, in the unit of the prices"),
    "maker_fee": Column(_NUMBER, "fraction; options: of the underlying, before the cap"),
    "taker_fee": Column(_NUMBER, "the same"),
    **_ROW,
    "snapshot": Column(_TEXT, "name of the snapshot the row belongs to; null in a stream"),
}
"""Quotes: chains, tickers, book summaries, hourly Greeks; one row per instrument and time."""

TRADES: Final = {
    **_TIMESTAMP,
    **CONTRACT,
    **_EXPIRY,
    **_SETTLED,
    "side": Column(SIDES, "side of the taker"),
    "price": Column(_NUMBER, "options: in `currency`; else quote currency per coin"),
    "amount": Column(_NUMBER, "options: coins; inverse futures: USD; linear and spot: coins"),
    "mark": Column(_NUMBER, "the venue's mark at the trade, the unit of the price"),
    "vol": Column(_NUMBER, "implied by the price, decimal per square-root year; null: none"),
    "index": Column(_NUMBER, "index price at the trade, quote currency per coin"),
    "trade_id": Column(_TEXT, "the venue's number of the trade, as text"),
    "trade_seq": Column(_COUNT, "number of the trade within its instrument"),
    "tick_direction": Column(pl.Int8(), "0 plus, 1 zero-plus, 2 minus, 3 zero-minus tick"),
    "liquidation": Column(_TEXT, "which side was liquidated: M maker, T taker, MT both; else null"),
    **_ROW,
}
"""Trades, one row each."""

BOOKS: Final = {
    **_TIMESTAMP,
    "instrument": CONTRACT["instrument"],
    "side": Column(BOOK_SIDES, "bid or ask"),
    "level": Column(pl.UInt32(), "place in the message's list of this side, 0 first"),
    "action": Column(ACTIONS, "new, change or delete"),
    "price": Column(_NUMBER, "options: in the settlement currency; else quote currency per coin"),
    "amount": Column(_NUMBER, "size left at this price, 0 for a delete; unit as in quotes"),
    "is_snapshot": Column(pl.Boolean(), "the message replaces the book; else it changes it"),
    "change_id": Column(_COUNT, "the venue's number of the state after the message"),
    "previous_id": Column(_COUNT, "number of the state that the message applies to; may be null"),
    **_ROW,
}
"""Order books, one row per level of a message."""

INSTRUMENTS: Final = {
    **CONTRACT,
    **_SETTLED,
    "quote": Column(_TEXT, "currency in which a coin is priced: USD, USDC, …"),
    "index_name": Column(_TEXT, "the index it settles to, for example btc_usd"),
    "contract_size": QUOTES["contract_size"],
    "tick": QUOTES["tick"],
    "tick_above": Column(
        _NUMBER, "price above which `tick_large` holds; null: one tick everywhere"
    ),
    "tick_large": Column(_NUMBER, "price step above `tick_above` (the first step)"),
    "min_amount": Column(_NUMBER, "smallest order; unit as the sizes in quotes"),
    "maker_fee": QUOTES["maker_fee"],
    "taker_fee": QUOTES["taker_fee"],
    "period": Column(_TEXT, "settlement period: day, week, month, perpetual"),
    "created": Column(TIME, "UTC time of listing"),
    "active": Column(pl.Boolean(), "listed and not expired"),
    "instrument_id": Column(_COUNT, "the venue's number"),
    **_ROW,
}
"""Instrument records, one row per instrument."""

COMBOS: Final = {
    "combo": Column(_TEXT, "the venue's name of the combo"),
    "instrument": Column(_TEXT, "the leg"),
    "amount": Column(_NUMBER, "legs bought per combo bought; negative: sold"),
    "state": Column(_TEXT, "active, inactive or rfq"),
    "created": Column(TIME, "UTC time of listing"),
    **_ROW,
}
"""Combos, one row per leg."""

POSITIONS: Final = {
    **CONTRACT,
    **_SETTLED,
    "side": Column(pl.Enum(["buy", "sell", "zero"]), "buy: long; sell: short"),
    "quantity": Column(_NUMBER, "signed, long +; options and linear: coins; inverse futures: USD"),
    "quantity_coin": Column(_NUMBER, "the same in coins; null if not given"),
    "entry_price": Column(_NUMBER, "average; options: in `currency`, else quote currency per coin"),
    "mark": Column(_NUMBER, "the same unit"),
    "index": QUOTES["index"],
    "delta": Column(_NUMBER, "coins, of the whole position"),
    "gamma": Column(_NUMBER, "per unit of quote currency, of the whole position"),
    "vega": Column(_NUMBER, "quote currency per vol point, of the whole position"),
    "theta": Column(_NUMBER, "quote currency per day, of the whole position"),
    "profit": Column(_NUMBER, "floating profit and loss, `currency`"),
    "total_profit": Column(_NUMBER, "profit and loss since the opening, `currency`"),
    "realized_profit": Column(_NUMBER, "of the session, `currency`"),
    "realized_funding": Column(_NUMBER, "of the session, `currency`; perpetuals"),
    "initial_margin": Column(_NUMBER, "`currency`"),
    "maintenance_margin": Column(_NUMBER, "`currency`"),
    "liquidation_price": Column(_NUMBER, "estimated; quote currency per coin"),
    "leverage": Column(_NUMBER, "as set or in use"),
    **_ROW,
}
"""Positions, one row per instrument."""

_ACCOUNT_NUMBERS: Final = {
    "balance": "balance",
    "equity": "balance with unrealised profit and options",
    "margin_balance": "what the margins are compared with",
    "initial_margin": "required to open",
    "maintenance_margin": "required to keep",
    "available_funds": "left for new positions",
    "delta_total": "delta of options (net of their value) and futures, coins",
    "options_delta": "delta of the options, coins",
    "options_gamma": "gamma of the options, per unit of quote currency",
    "options_vega": "vega of the options, quote currency per vol point",
    "options_theta": "theta of the options, quote currency per day",
    "options_value": "value of the options",
    "session_upl": "unrealised profit of the session",
    "session_rpl": "realised profit of the session",
    "total_pl": "profit and loss in total",
}
ACCOUNTS: Final = {
    "currency": Column(_TEXT, "the currency of every amount of the row that is not said otherwise"),
    "margin_model": Column(_TEXT, "segregated_sm, cross_sm, segregated_pm or cross_pm"),
    "portfolio_margin": Column(pl.Boolean(), "portfolio margining is on"),
    "cross_collateral": Column(pl.Boolean(), "cross collateral is on"),
    **{name: Column(_NUMBER, meaning) for name, meaning in _ACCOUNT_NUMBERS.items()},
    **_ROW,
}
"""Account summaries and portfolio messages, one row per currency (kinds accounts, portfolio)."""

ORDERS: Final = {
    "timestamp": Column(TIME, "UTC time of the last change"),
    "created": Column(TIME, "UTC time of the order"),
    "instrument": CONTRACT["instrument"],
    "order_id": Column(_TEXT, "the venue's number"),
    "label": Column(_TEXT, "the trader's label"),
    "side": Column(SIDES, "buy or sell"),
    "order_type": Column(_TEXT, "limit, market, …"),
    "state": Column(_TEXT, "open, filled, cancelled, rejected or untriggered"),
    "price": Column(_NUMBER, "limit; unit as in quotes"),
    "amount": Column(_NUMBER, "unit as the sizes in quotes"),
    "filled": Column(_NUMBER, "the same"),
    "average_price": Column(_NUMBER, "of the fills; null where nothing is filled"),
    "post_only": Column(pl.Boolean(), "may not take"),
    "reduce_only": Column(pl.Boolean(), "may not open"),
    **_ROW,
}
"""Orders, one row per answer or notice."""

EXPIRATIONS: Final = {
    "base": CONTRACT["base"],
    "type": CONTRACT["type"],
    "expiry_time": CONTRACT["expiry_time"],
    **_ROW,
}
"""Listed expiries, one row each."""

BARS: Final = {
    "timestamp": Column(TIME, "UTC time at which the bar begins"),
    "symbol": Column(_TEXT, "from the name of the file (the data do not say); null if not known"),
    "seconds": Column(pl.Int32(), "length of the bar"),
    "open": Column(_NUMBER, "first price, quote currency per coin"),
    "high": Column(_NUMBER, "highest"),
    "low": Column(_NUMBER, "lowest"),
    "close": Column(_NUMBER, "last"),
    "volume": Column(_NUMBER, "as given: coins, or contracts of inverse futures"),
    **_ROW,
}
"""Bars of traded prices."""

QUOTE_BARS: Final = {
    **{name: BARS[name] for name in ("timestamp", "symbol", "seconds")},
    **{
        f"{side}_{name}": Column(_NUMBER, f"{side}, quote currency per coin")
        for side in ("bid", "ask")
        for name in ("open", "high", "low", "close")
    },
    "bid_size": Column(_NUMBER, "last size at the bid, as given"),
    "ask_size": Column(_NUMBER, "last size at the ask, as given"),
    **_ROW,
}
"""Bars of the best bid and ask."""

FUNDING: Final = {
    "timestamp": Column(TIME, "UTC time of the payment"),
    "symbol": Column(_TEXT, "as given; null if the file does not say"),
    "rate": Column(_NUMBER, "fraction of the notional per period; longs pay shorts if positive"),
    "hours": Column(_NUMBER, "length of the period"),
    **_ROW,
}
"""Funding payments of perpetuals."""

DVOL: Final = {
    "timestamp": Column(
        TIME, "UTC time as given; Deribit's closes bear the start of their interval"
    ),
    "symbol": Column(_TEXT, "index, for example btc_usd; null if the file does not say"),
    "vol": Column(_NUMBER, "30-day volatility index, decimal per square-root year"),
    **_ROW,
}
"""Values of a volatility index."""

GAS: Final = {
    "timestamp": Column(TIME, "UTC time of the block; null where the file has none"),
    "block": Column(_COUNT, "number of the block"),
    "base_fee": Column(_NUMBER, "wei per unit of gas"),
    "gas_used": Column(_NUMBER, "units of gas"),
    "gas_limit": Column(_NUMBER, "units of gas"),
    **_ROW,
}
"""Base fees of blocks."""

MESSAGES: Final = {
    "received": Column(TIME, "UTC time of receipt, where the capture has it"),
    "timestamp": Column(TIME, "UTC time of the venue, where the message has it"),
    "channel": Column(_TEXT, "channel of the subscription; null for answers"),
    "content": Column(_TEXT, "kind of the rows in it, or what else it is: subscription, error, …"),
    "instrument": CONTRACT["instrument"],
    **_ROW,
}
"""Messages of a capture, one row each, whatever is in them."""

LAYOUTS: Final[dict[str, dict[str, Column]]] = {
    "quotes": QUOTES,
    "trades": TRADES,
    "books": BOOKS,
    "instruments": INSTRUMENTS,
    "combos": COMBOS,
    "positions": POSITIONS,
    "accounts": ACCOUNTS,
    "portfolio": ACCOUNTS,
    "orders": ORDERS,
    "expirations": EXPIRATIONS,
    "bars": BARS,
    "quote_bars": QUOTE_BARS,
    "funding": FUNDING,
    "dvol": DVOL,
    "gas": GAS,
    "messages": MESSAGES,
}
"""The layout of each kind of table."""


def laid_out(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """``frame`` with exactly the columns of its layout: others dropped, missing ones null."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(column.dtype).alias(name)
        for name, column in LAYOUTS[kind].items()
    )
