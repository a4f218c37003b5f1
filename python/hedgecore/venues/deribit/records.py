"""Records in Deribit's messages: tickers, trades, instruments, positions, accounts, orders, …"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hedgecore.venues import DataError
from hedgecore.venues.columns import convert, text_frame
from hedgecore.venues.defects import Defect, count_rows
from hedgecore.venues.deribit.instruments import parse_many
from hedgecore.venues.deribit.members import ALIASES, FIELDS
from hedgecore.venues.layouts import SIDES, laid_out
from hedgecore.venues.quotes import quotes_table, with_contracts
from hedgecore.venues.tables import Table
from hedgecore.venues.trades import trades_table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading records needs polars: pip install "hedgecore[data]"') from error

Record = Mapping[str, Any]

FORMATS: Final = {
    "quotes": "Deribit tickers",
    "trades": "Deribit trades",
    "instruments": "Deribit instruments",
    "positions": "Deribit positions",
    "accounts": "Deribit account summaries",
    "portfolio": "Deribit portfolio",
    "orders": "Deribit orders",
    "combos": "Deribit combos",
    "bars": "Deribit chart",
    "dvol": "Deribit volatility index",
    "expirations": "Deribit expirations",
}


def table(
    kind: str, found: Sequence[Record], rows: Sequence[int], source: str, *, is_stream: bool
) -> Table:
    """The table of records of one kind, ``rows`` being their messages or places in the document.

    Raises
    ------
    DataError
        None of them can be used, or they are in other units than the exchange's.
    """
    flat, rows = _flat(kind, found, rows)
    spec = FIELDS[kind]
    held = {name for record in flat for name in record}
    raw = text_frame(flat, [item.column for item in spec if item.column in held])
    frame, ledger = convert(raw, spec, source, rows=rows)
    needed = {"timestamp": pl.Datetime("us", "UTC"), "instrument": pl.String()}
    if kind in ("quotes", "trades"):
        absent = [name for name in needed if name not in frame.columns]
        frame = frame.with_columns(pl.lit(None, dtype=needed[name]).alias(name) for name in absent)
    if kind == "quotes":
        return quotes_table(
            frame,
            parser=parse_many,
            format=FORMATS[kind],
            source=source,
            rows_read=len(found),
            ledger=ledger,
            is_stream=is_stream,
        )
    if kind == "trades":
        for name, dtype in (("price", pl.Float64), ("amount", pl.Float64), ("side", pl.String)):
            if name not in frame.columns:
                frame = frame.with_columns(pl.lit(None, dtype=dtype).alias(name))
        return trades_table(
            frame,
            parser=parse_many,
            format=FORMATS[kind],
            source=source,
            rows_read=len(found),
            ledger=ledger,
        )
    frame = frame.with_columns(
        pl.lit(None).alias(item.name) for item in spec if item.name not in frame.columns
    )
    if kind in _FINISH:
        frame = _FINISH[kind](frame, ledger)
    key = _KEYS.get(kind)
    if key:
        is_bad = pl.any_horizontal(pl.col(name).is_null() for name in key)
        what = f"no {', no '.join(key)}: left out"
        ledger.append(
            count_rows(frame, "essential value missing", what, is_bad, (), dropped=True, label="")
        )
        frame = frame.filter(~is_bad)
    if frame.height == 0:
        reasons = "; ".join(f"{d.name}: {d.count}" for d in ledger if d.count)
        raise DataError(f"{source}: none of its {len(found)} {kind} can be used ({reasons})")
    return Table(kind, FORMATS[kind], laid_out(frame, kind), tuple(ledger), source, len(found))


def _flat(
    kind: str, found: Sequence[Record], rows: Sequence[int]
) -> tuple[list[dict[str, Any]], list[int]]:
    """Records without nesting: ``greeks.delta``, one per leg of a combo, and so on."""
    flat, numbers = list[dict[str, Any]](), list(rows)
    for record in found:
        one = dict(record)
        for inner in ("greeks", "stats"):
            nested = one.pop(inner, None)
            if isinstance(nested, dict):
                one |= {f"{inner}.{name}": value for name, value in nested.items()}
        if kind == "quotes":
            one = {ALIASES[n]: v for n, v in one.items() if n in ALIASES} | one
        if kind == "instruments":
            steps = one.get("tick_size_steps")
            if isinstance(steps, list) and steps and isinstance(steps[0], dict):
                one |= {f"steps.{name}": value for name, value in steps[0].items()}
        if kind == "bars":
            one |= _of_chart(str(one.get("channel")))
        flat.append(one)
    if kind == "combos":
        legs = [
            ({**one, "leg": leg.get("instrument_name"), "leg_amount": leg.get("amount")}, row)
            for one, row in zip(flat, rows, strict=True)
            for leg in (one["legs"] if isinstance(one["legs"], list) else [])
            if isinstance(leg, dict)
        ]
        return [one for one, _ in legs], [row for _, row in legs]
    return flat, numbers


def _of_chart(channel: str) -> dict[str, Any]:
    """Symbol and length of a bar, from a channel like chart.trades.BTC-PERPETUAL.1 (minutes, 1D)."""
    words = channel.split(".")
    resolution = words[-1] if len(words) == 4 else ""
    seconds = (
        86_400 if resolution == "1D" else 60 * int(resolution) if resolution.isdigit() else None
    )
    return {"symbol": words[2] if len(words) == 4 else None, "seconds": seconds}


def _instruments(frame: pl.DataFrame, ledger: list[Defect]) -> pl.DataFrame:
    frame = with_contracts(frame, parse_many)
    quotes = parse_many(frame["instrument"])["quote"]
    frame = frame.with_columns(quote=quotes)
    expires = (
        (pl.col("own_expires") * 1000).clip(0, 4.1e15).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    )
    kinds = {"call": 1, "put": -1}
    kind = (
        pl.col("own_kind").cast(pl.String).replace_strict(kinds, default=None, return_dtype=pl.Int8)
    )
    settlements = {"reversed": "inverse", "linear": "linear"}
    settled = pl.col("own_type").cast(pl.String).replace_strict(
        settlements, default=None, return_dtype=pl.String
    )  # fmt: skip
    at_odds = [
        pl.col("own_strike") != pl.col("strike"),
        pl.col("own_base") != pl.col("base"),
        kind != pl.col("kind"),
        (settled != pl.col("settlement").cast(pl.String)) & (pl.col("type") != "spot"),
        expires.dt.date() != pl.col("expiry_time").dt.date(),
    ]
    for name, what, is_bad in (
        ("name unknown", "not the name of an instrument: left out", pl.col("type").is_null()),
        (
            "name inconsistent with columns",
            "coin, expiry, strike, type or settlement differ from the name: left out",
            pl.any_horizontal(at_odds),
        ),
        (
            "row repeated",
            "the same instrument twice: the first is kept",
            pl.col("instrument").is_first_distinct().not_(),
        ),
    ):
        ledger.append(count_rows(frame, name, what, is_bad, (), dropped=True, label="instrument"))
        frame = frame.filter(is_bad.fill_null(False).not_())
    ledger += [
        count_rows(
            frame,
            "expiry not at 08:00",
            "the record has another time of the day of expiry than 08:00 UTC: 08:00 is used",
            expires != pl.col("expiry_time"),
            ("expiry_time",),
            label="instrument",
        ),
        count_rows(
            frame,
            "record newer than its receipt",
            "listed after the time at which the capture received it: the capture's times are off",
            pl.col("created") > pl.col("received"),
            ("created", "received"),
            label="instrument",
        ),
        count_rows(
            frame,
            "record of an older form",
            "without an index and a settlement currency: both as the name says",
            pl.col("index_name").is_null(),
            (),
            label="instrument",
        ),
    ]
    return frame


def _positions(frame: pl.DataFrame, ledger: list[Defect]) -> pl.DataFrame:
    frame = with_contracts(frame, parse_many)
    sign = pl.col("direction").cast(pl.String).replace_strict(
        {"buy": 1.0, "sell": -1.0, "zero": 0.0}, default=None, return_dtype=pl.Float64
    )  # fmt: skip
    for name, what, is_bad in (
        ("name unknown", "not the name of an instrument: left out", pl.col("type").is_null()),
        (
            "position unclear",
            "no size, no direction, or one at odds with the sign of the size: left out",
            pl.col("size").is_null()
            | sign.is_null()
            | ((pl.col("size") < 0) & (sign > 0))
            | ((pl.col("size") != 0) & (sign == 0)),
        ),
    ):
        shown = ("direction", "size")
        ledger.append(
            count_rows(frame, name, what, is_bad, shown, dropped=True, label="instrument")
        )
        frame = frame.filter(~is_bad)
    return frame.with_columns(
        side="direction",
        quantity=pl.col("size").abs() * sign,
        quantity_coin=pl.col("size_coin").cast(pl.Float64).abs() * sign,
    )


def _orders(frame: pl.DataFrame, ledger: list[Defect]) -> pl.DataFrame:
    known = pl.col("own_side").is_in(["buy", "sell"]).fill_null(False)
    what = "neither buy nor sell: null"
    ledger.append(count_rows(frame, "side unknown", what, ~known, (), label="instrument"))
    average = pl.col("average_price").cast(pl.Float64)
    return frame.with_columns(
        side=pl.when(known).then("own_side").cast(SIDES),
        average_price=pl.when(average != 0).then(average),
    )


def _bars(frame: pl.DataFrame, ledger: list[Defect]) -> pl.DataFrame:
    prices = [pl.col(name).cast(pl.Float64) for name in ("open", "high", "low", "close")]
    inconsistent = (prices[1] < pl.max_horizontal(prices)) | (prices[2] > pl.min_horizontal(prices))
    what = "the high is not the highest or the low not the lowest"
    ledger.append(count_rows(frame, "bar inconsistent", what, inconsistent, (), label=""))
    return frame


def _dvol(frame: pl.DataFrame, ledger: list[Defect]) -> pl.DataFrame:
    off = ~pl.col("vol").cast(pl.Float64).is_between(0.02, 10.0)
    what = "below 2 % or above 1000 %, another unit? taken as missing"
    ledger.append(count_rows(frame, "vol implausible", what, off, ("vol",), label=""))
    return frame.with_columns(pl.when(~off).then("vol").alias("vol"))


def _expirations(frame: pl.DataFrame, ledger: list[Defect]) -> pl.DataFrame:
    base = pl.col("base").str.to_uppercase()
    named = frame.select(base + "-" + pl.col("day").str.to_uppercase()).to_series()
    parsed = parse_many(named)
    known = pl.col("type").is_in(["option", "future"])
    frame = frame.with_columns(expiry_time=parsed["expiry_time"], base=base)
    bad = pl.col("expiry_time").is_null() | ~known
    what = "no day of the calendar, or neither option nor future: left out"
    ledger.append(
        count_rows(frame, "expiry unreadable", what, bad, ("day",), dropped=True, label="")
    )
    return frame.filter(~bad)


_FINISH: Final = {
    "instruments": _instruments,
    "positions": _positions,
    "orders": _orders,
    "bars": _bars,
    "dvol": _dvol,
    "expirations": _expirations,
}
_KEYS: Final = {
    "accounts": ("currency",),
    "portfolio": ("currency",),
    "orders": ("instrument", "order_id"),
    "combos": ("combo", "instrument", "amount"),
    "bars": ("timestamp", "open", "high", "low", "close"),
    "dvol": ("timestamp", "vol"),
}
