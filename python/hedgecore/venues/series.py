"""Series of other sources: price bars, funding rates, volatility indices, gas fees.

=====================  ===================================================================
format                 known by
=====================  ===================================================================
price bars             columns open, high, low, close and timestamp, date, time or datetime:
                       ISO 8601 (UTC unless it says otherwise) or milliseconds since 1970
minute bars of a day   a zip of a CSV without header, named by day and symbol: milliseconds
                       since midnight and 5 columns (traded) or 10 (bid and ask)
funding rates          columns Symbol, Date, Funding Rate (fraction per period)
funding in percent     JSON pairs [milliseconds, percent], at most 8 hours apart
volatility index       JSON pairs [milliseconds, vol points]
gas fees               a column block_number and one of the base fee in wei or gwei
=====================  ===================================================================
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from hedgecore.venues import DataError
from hedgecore.venues.columns import Field, Parse, convert
from hedgecore.venues.defects import Defect, count_rows
from hedgecore.venues.files import Content
from hedgecore.venues.layouts import TIME, laid_out
from hedgecore.venues.rates import gas_table, pairs_table, rates_table
from hedgecore.venues.tables import Table
from hedgecore.venues.timeline import gaps, in_order

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading series needs polars: pip install "hedgecore[data]"') from error

_OHLC: Final = ("open", "high", "low", "close")
_TIMES: Final = ("timestamp", "datetime", "date", "time")
_SIDED: Final = tuple(f"{side}_{name}" for side in ("bid", "ask") for name in _OHLC)
_DAY_MS: Final = 86_400_000
_DAY_NAMED: Final = re.compile(r"(\d{8})_([a-z0-9]+)_minute_(?:trade|quote)(_perp)?", re.IGNORECASE)
_PAIR_NAMED: Final = re.compile(r"([A-Z0-9]{2,10}?(?:USDT|USDC|BUSD|USD))(_perp)?_")
JUMP: Final = 0.10
"""A bar that closes further than this from the one before is counted as a jump."""


def read_content(content: Content) -> Table | None:
    """The table of what was loaded; None if it is of no format of this module.

    Raises
    ------
    DataError
        It is of a format here but cannot be read, or is in other units than the format's.
    """
    if content.document is not None:
        return pairs_table(content)
    raw = content.table
    if raw is None:
        return None
    if not content.has_header:
        return _day_of_minutes(content, raw)
    lower = {name.strip().lower(): name for name in raw.columns}
    time = next((lower[name] for name in _TIMES if name in lower), None)
    if time is not None and set(_OHLC) <= set(lower):
        return _bars(content, raw, lower, time)
    if {"symbol", "date", "funding rate"} <= set(lower):
        return rates_table(content, raw, lower)
    if "block_number" in lower and any("fee" in name for name in lower):
        return gas_table(content, raw, lower)
    return None


def _bars(content: Content, raw: pl.DataFrame, lower: dict[str, str], time: str) -> Table:
    values = raw[time]
    first = values.drop_nulls().head(1).cast(pl.String)
    is_count = values.dtype.is_integer() or bool(
        first.str.contains(r"^\s*\d+(\.0*)?\s*$").any() and values.dtype == pl.String
    )
    parse: Parse = "ms" if is_count else "time"
    spec = [Field(time, parse, "timestamp")]
    spec += [Field(lower[name], "number", name) for name in (*_OHLC, "volume") if name in lower]
    frame, ledger = convert(raw, spec, content.source)
    named = _PAIR_NAMED.search(content.name)
    symbol = named[1] + ("-PERP" if named[2] else "") if named else None
    return _finished(frame, content, ledger, "bars", "price bars", symbol, _OHLC)


def _day_of_minutes(content: Content, raw: pl.DataFrame) -> Table | None:
    named = _DAY_NAMED.search(content.name)
    kind = {6: "bars", 11: "quote_bars"}.get(raw.width)
    if kind is None or named is None:
        return None
    try:
        midnight = datetime.strptime(named[1], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        raise DataError(f"{content.source}: {content.name} names no day of the calendar") from None
    prices: tuple[str, ...] = _OHLC
    names = ["ms", *_OHLC, "volume"]
    if kind == "quote_bars":
        prices = _SIDED
        names = ["ms", *_SIDED[:4], "bid_size", *_SIDED[4:], "ask_size"]
    spec = [Field(column, "number", name) for column, name in zip(raw.columns, names, strict=True)]
    frame, ledger = convert(raw, spec, content.source)
    outside = ~pl.col("ms").is_between(0, _DAY_MS - 1)
    what = "not a number of milliseconds within a day: taken as missing"
    off = count_rows(frame, "time implausible", what, outside, ("ms",), label="")
    if 2 * off.count > frame.height:
        raise DataError(
            f"{content.source}: {off.count} of {frame.height} values of the first column are no "
            "milliseconds since midnight"
        )
    micros = (pl.col("ms") * 1000).cast(pl.Int64)
    frame = frame.with_columns(
        timestamp=pl.when(~outside).then(
            pl.lit(midnight).cast(TIME) + pl.duration(microseconds=micros)
        )
    )
    symbol = named[2].upper() + ("-PERP" if named[3] else "")
    last: datetime | None = frame["timestamp"].max()  # type: ignore[assignment]
    whole = last is not None and (last - midnight).total_seconds() >= 22 * 3600
    partial = Defect(
        "day partial",
        "the bars of the day end before 22:00",
        int(not whole),
        1,
        unit="days",
        examples=() if whole else (f"last bar {last:%H:%M}" if last else "no time",),
    )
    form = "minute bars of a day" if kind == "bars" else "minute bars of bid and ask of a day"
    return _finished(frame, content, [*ledger, off, partial], kind, form, symbol, prices)


def _finished(
    frame: pl.DataFrame,
    content: Content,
    ledger: list[Defect],
    kind: str,
    form: str,
    symbol: str | None,
    prices: tuple[str, ...],
) -> Table:
    """The table of bars: order, gaps, impossible prices and bars that say nothing, all counted."""
    frame, found = in_order(frame, content.source)
    ledger = [*content.defects, *ledger, *found]
    seconds, gap = gaps(frame, "bar")
    ledger.append(gap)
    not_positive = pl.any_horizontal((pl.col(name) <= 0).fill_null(False) for name in prices)
    empty = pl.all_horizontal(pl.col(name).is_null() for name in prices)
    some = pl.any_horizontal(pl.col(name).is_null() for name in prices) & ~empty
    inconsistent = pl.any_horizontal(
        (pl.col(f"{side}high") < pl.max_horizontal(*(f"{side}{n}" for n in _OHLC)))
        | (pl.col(f"{side}low") > pl.min_horizontal(*(f"{side}{n}" for n in _OHLC)))
        for side in (("",) if kind == "bars" else ("bid_", "ask_"))
    )
    close = pl.col("close" if kind == "bars" else "bid_close")
    checks = [
        ("bar empty", "a time without any price: null", empty),
        ("price missing", "some of the prices of a bar are missing", some),
        ("price not positive", "taken as missing", not_positive),
        ("bar inconsistent", "the high is not the highest or the low not the lowest", inconsistent),
        (
            "jump",
            f"closes more than {JUMP:.0%} away from the bar before: real, or another unit",
            (close / close.shift(1) - 1.0).abs() > JUMP,
        ),
    ]
    if kind == "bars":
        flat = (pl.col("high") == pl.col("low")) & (pl.col("open") == pl.col("close"))
        checks.append(("bar flat", "no move at all: no trade, or an outage that was filled", flat))
        if "volume" in frame.columns:
            checks.append(("no volume", "nothing was traded", pl.col("volume") == 0))
    else:
        crossed = pl.col("bid_close") > pl.col("ask_close")
        checks.append(("crossed", "the last bid is above the last ask", crossed))
    shown = tuple(name for name in ("timestamp", "close", "bid_close") if name in frame.columns)
    ledger += [
        count_rows(frame, name, what, is_bad, shown, label="") for name, what, is_bad in checks
    ]
    frame = frame.with_columns(
        *(pl.when(pl.col(name) > 0).then(name).alias(name) for name in prices),
        symbol=pl.lit(symbol),
        seconds=pl.lit(seconds),
    )
    return Table(kind, form, laid_out(frame, kind), tuple(ledger), content.source, content.rows)
