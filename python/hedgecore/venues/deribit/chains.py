"""Deribit's chains, tickers and trades in tables: parquet and CSV, told apart by their columns.

==========================  ===============================================================
format                      columns by which it is known (in any order)
==========================  ===============================================================
six-hourly chain            underlying, implied_volatility (decimal), expiry_datetime
daily ticker                instrument_name, mark_price, best_bid_price, settlement_currency
hourly Greeks               date, expiry_name, mark_iv (percent), gamma; no prices
option trades               q, p, s, t (ms), iv (percent), trade_seq
perpetual at snapshots      candle_price_used, perp_futures_mark_price
futures at snapshots        term_candle_price_used, snapshot_term_mark_price
==========================  ===============================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from hedgecore.venues import DataError
from hedgecore.venues.columns import Field, convert, fields
from hedgecore.venues.defects import Defect
from hedgecore.venues.deribit.instruments import parse_many
from hedgecore.venues.files import Content
from hedgecore.venues.quotes import quotes_table
from hedgecore.venues.tables import Table
from hedgecore.venues.trades import trades_table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading chains needs polars: pip install "hedgecore[data]"') from error


@dataclass(frozen=True, slots=True)
class Format:
    """A format of a table: its name, the columns it must have, and how its columns are read."""

    name: str
    required: frozenset[str]
    fields: tuple[Field, ...]


_SIX_HOURLY: Final = fields(
    timestamp=("timestamp", "time"),
    instrument=("instrument_name", "text"),
    own_base=("currency", "text"),
    own_kind=("option_type", "text"),
    own_strike="strike",
    own_expiry_time=("expiry_datetime", "time"),
    own_expiry="time_to_maturity",
    forward="underlying",
    forward_name=("underlying_name", "text"),
    index="index_price",
    bid="bid_price",
    ask="ask_price",
    mark="mark_price",
    mark_vol="implied_volatility",
    delta="delta",
    vega="vega",
    open_interest="open_interest",
    volume="volume",
    own_futures_price="futures_price",
    snapshot=("snapshot_id", "text"),
)
_TICKER: Final = fields(
    timestamp=("timestamp", "ms"),
    instrument=("instrument_name", "text"),
    own_base=("base_currency", "text"),
    own_kind=("option_type", "text"),
    own_strike="strike",
    own_expires=("expiration_timestamp", "number"),
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
    delta="greeks_delta",
    gamma="greeks_gamma",
    vega="greeks_vega",
    theta="greeks_theta",
    rho="greeks_rho",
    open_interest="open_interest",
    volume="stats_volume",
    rate="interest_rate",
    contract_size="contract_size",
    tick="tick_size",
    maker_fee="maker_commission",
    taker_fee="taker_commission",
)
_HOURLY: Final = fields(
    timestamp=("date", "time"),
    instrument=("instrument_name", "text"),
    own_kind=("type", "text"),
    own_strike="strike",
    own_day=("expiry_date", "time"),
    bid_vol=("bid_iv", "percent"),
    ask_vol=("ask_iv", "percent"),
    mark_vol=("mark_iv", "percent"),
    delta="delta",
    gamma="gamma",
    vega="vega",
    theta="theta",
    rho="rho",
    open_interest="open_interest",
    volume="volume",
)
_TRADES: Final = fields(
    timestamp=("t", "ms"),
    instrument=("instrument_name", "text"),
    side=("direction", "text"),
    price="p",
    amount="q",
    vol=("iv", "percent"),
    index="index_price",
    trade_id=("trade_id", "text"),
    trade_seq=("trade_seq", "integer"),
    tick_direction=("tick_direction", "integer"),
    own_day=("d", "time"),
)
_PERPETUAL: Final = fields(
    timestamp=("obs_datetime", "time"),
    instrument=("instrument_name", "text"),
    own_base=("coin", "text"),
    bid="perp_futures_best_bid",
    ask="perp_futures_best_ask",
    last="candle_price_used",
    own_gap_seconds="candle_price_gap_seconds",
    own_candle_volume="candle_volume",
)
_TERM: Final = fields(
    timestamp=("timestamp", "time"),
    instrument=("futures_instrument_name", "text"),
    own_base=("currency", "text"),
    mark="snapshot_term_mark_price",
    last="term_candle_price_used",
    own_gap_seconds="term_candle_gap_seconds",
    own_candle_volume="term_candle_volume",
    own_prices_seen="distinct_prices_seen",
)


def _format(name: str, known_by: str, spec: list[Field]) -> Format:
    return Format(name, frozenset(known_by.split()), tuple(spec))


FORMATS: Final = (
    _format(
        "Deribit six-hourly chain",
        "timestamp instrument_name option_type strike expiry_datetime underlying index_price "
        "bid_price ask_price mark_price implied_volatility",
        _SIX_HOURLY,
    ),
    _format(
        "Deribit daily ticker",
        "timestamp instrument_name expiration_timestamp mark_price best_bid_price best_ask_price "
        "index_price settlement_currency",
        _TICKER,
    ),
    _format(
        "Deribit hourly Greeks",
        "date instrument_name expiry_name expiry_date strike type gamma delta bid_iv ask_iv mark_iv",
        _HOURLY,
    ),
    _format(
        "Deribit option trades",
        "q p t iv instrument_name index_price direction trade_seq trade_id",
        _TRADES,
    ),
    _format(
        "Deribit perpetual prices at snapshots",
        "obs_datetime coin instrument_name candle_price_used candle_price_gap_seconds "
        "candle_volume perp_futures_mark_price",
        _PERPETUAL,
    ),
    _format(
        "Deribit futures prices at snapshots",
        "timestamp futures_instrument_name term_candle_price_used term_candle_gap_seconds "
        "snapshot_term_mark_price",
        _TERM,
    ),
)
"""Formats of tables, tried in this order."""


def read_table(content: Content) -> Table | None:
    """The table of a file of one of `FORMATS`; None if it is of none of them.

    Raises
    ------
    DataError
        It is of a format here but cannot be read, or lacks some of the columns of one.
    """
    raw = content.table
    if raw is None or not content.has_header:
        return None
    columns = set(raw.columns)
    for item in FORMATS:
        if item.required <= columns:
            return _read(content, raw, item)
    for item in FORMATS:
        missing = item.required - columns
        if len(missing) <= max(1, len(item.required) // 3):
            raise DataError(
                f"{content.source}: nearly a {item.name}, but column"
                f"{'s' * (len(missing) > 1)} {', '.join(sorted(missing))} are missing"
            )
    return None


def _read(content: Content, raw: pl.DataFrame, item: Format) -> Table:
    if raw.height == 0:
        raise DataError(f"{content.source}: a header but no rows")
    frame, unreadable = convert(raw, item.fields, content.source)
    ledger = [*content.defects, *unreadable]
    if item.name == "Deribit option trades":
        return trades_table(
            frame.with_columns(own_is_trade=_is_trade(raw)),
            parser=parse_many,
            format=item.name,
            source=content.source,
            rows_read=content.rows,
            ledger=[*ledger, *_as_written(content, raw)],
        )
    time = pl.col("timestamp")
    if "own_expires" in frame.columns:  # of a perpetual it is the year 3000, which is no expiry
        micros = (pl.col("own_expires") * 1000).clip(0, 4.1e15).cast(pl.Int64)
        is_day = pl.col("own_expires") < 4.1e12
        frame = frame.with_columns(
            own_expiry_time=pl.when(is_day).then(micros.cast(pl.Datetime("us", "UTC")))
        )
        time = time.min()  # one collection, each row with its own time
    if "own_day" in frame.columns:
        frame = frame.with_columns(own_expiry_time=pl.col("own_day") + pl.duration(hours=8))
    if "snapshot" not in frame.columns:
        frame = frame.with_columns(snapshot=time.dt.to_string("%Y%m%dT%H%M%SZ"))
    table = quotes_table(
        frame,
        parser=parse_many,
        format=item.name,
        source=content.source,
        rows_read=content.rows,
        ledger=ledger,
    )
    return replace(table, defects=(*table.defects, *_of_format(content, raw, item, table)))


def _is_trade(raw: pl.DataFrame) -> pl.Series:
    """The column s says TRADE; true where there is no such column."""
    if "s" not in raw.columns:
        return pl.Series([True]).new_from_index(0, raw.height)
    return (raw["s"].cast(pl.String).str.strip_chars() == "TRADE").fill_null(False)


def _as_written(content: Content, raw: pl.DataFrame) -> list[Defect]:
    """How the numbers of the trades are written, which some readers stumble over."""
    numbers = [
        name for name in ("q", "p", "t", "iv", "index_price") if raw.schema[name] == pl.String
    ]
    exponents = raw.filter(pl.any_horizontal(pl.col(numbers).str.contains("(?i)[0-9]e[+-]?[0-9]")))
    quoted = content.rows if content.is_quoted else 0
    return [
        Defect("numbers in quotes", "read as numbers all the same", quoted, content.rows),
        Defect(
            "numbers with an exponent",
            "such as 5.0E-4: read as numbers all the same",
            exponents.height,
            raw.height,
        ),
    ]


def _of_format(content: Content, raw: pl.DataFrame, item: Format, table: Table) -> list[Defect]:
    """What only one format has."""
    options = table.frame.filter(pl.col("type") == "option")
    if item.name == "Deribit hourly Greeks":
        what = "this format has neither prices nor forwards: join them from another source"
        return [Defect("no prices", what, table.frame.height, table.frame.height)]
    if item.name != "Deribit daily ticker":
        return []
    coarse = (options["mark"] * 1e4 - (options["mark"] * 1e4).round()).abs() < 1e-6
    first: datetime = table.frame["timestamp"].min()  # type: ignore[assignment]
    named = re.search(r"(20\d{6})", Path(content.source).name)
    other_day = bool(named) and f"{first:%Y%m%d}" != named[1] if named else False
    clocks = [name for name in raw.columns if re.match("current_(time|date)", name)]
    ledger = [
        Defect(
            "clock columns",
            "columns of the collector's clock as day numbers: not used, the rows have their time",
            len(clocks),
            raw.width,
            unit="columns",
            examples=tuple(clocks[:3]),
        ),
        Defect(
            "day differs from the name",
            "the file is named for another UTC day than its first row is of",
            int(other_day),
            1,
            unit="files",
            examples=(f"{first:%Y-%m-%d %H:%M}",) if other_day else (),
        ),
    ]
    if options.height:
        known = options["mark"].drop_nulls().len()
        what = "marks are given to 0.0001 coin, gammas to 0.00001: small ones are rounded away"
        ledger += [
            Defect("mark coarse", what, int(coarse.sum()), known, unit="values"),
            Defect(
                "gamma coarse",
                "gammas of at most 0.0001, rounded by 5 % and more",
                int((options["gamma"] <= 1e-4 + 1e-12).sum()),
                options["gamma"].drop_nulls().len(),
                unit="values",
            ),
        ]
    return ledger
