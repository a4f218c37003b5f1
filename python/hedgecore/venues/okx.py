"""OKX: captures of its public WebSocket, with tickers, trades and books.

Names: ``BTC-USD-220527`` is an inverse future, ``UNI-USD-SWAP`` an inverse perpetual,
``BTC-USDT-SWAP`` a linear one, ``BTC-USDT`` spot, ``BTC-USD-220527-30000-C`` an inverse option; all
expire at 08:00 UTC.  Sizes of derivatives are contracts, and the messages do not say what a contract
is: they are left as they are, and the ledger says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hedgecore.venues import books
from hedgecore.venues.columns import convert, fields, text_frame
from hedgecore.venues.defects import Defect
from hedgecore.venues.files import Content, Message
from hedgecore.venues.layouts import SETTLEMENTS, TIME, TYPES, laid_out
from hedgecore.venues.quotes import quotes_table
from hedgecore.venues.tables import Table
from hedgecore.venues.trades import trades_table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading captures needs polars: pip install "hedgecore[data]"') from error

Record = Mapping[str, Any]

_TICKERS: Final = fields(
    timestamp=("ts", "ms"),
    instrument=("instId", "text"),
    bid="bidPx",
    ask="askPx",
    last="last",
    bid_size="bidSz",
    ask_size="askSz",
    volume="coins",
)
_TRADES: Final = fields(
    timestamp=("ts", "ms"),
    instrument=("instId", "text"),
    side=("side", "text"),
    price="px",
    amount="sz",
    trade_id=("tradeId", "text"),
)
_LOG: Final = fields(
    received=("received", "seconds"),
    timestamp=("ts", "ms"),
    channel=("channel", "text"),
    content=("content", "text"),
    instrument=("instId", "text"),
)
_KINDS: Final = {"tickers": "quotes", "trades": "trades", "books": "books", "books5": "books"}
_NAME: Final = r"^([A-Z0-9]+)-([A-Z]+)(?:-(?:(SWAP)|(\d{6})(?:-(\d{1,12}(?:\.\d+)?)-([CP]))?))?$"


def parse_many(names: pl.Series) -> pl.DataFrame:
    """Take names apart, as `hedgecore.venues.deribit.instruments.parse_many`; null where unknown."""
    part = pl.col("name").cast(pl.String).str.extract_groups(_NAME).struct
    parts = names.to_frame("name").select(
        base=part.field("1"),
        quote=part.field("2"),
        swap=part.field("3"),
        day=part.field("4"),
        strike=part.field("5").cast(pl.Float64),
        side=part.field("6"),
    )
    day = ("20" + pl.col("day")).str.to_date("%Y%m%d", strict=False).cast(pl.Datetime("us"))
    is_spot = pl.col("swap").is_null() & pl.col("day").is_null()
    inverse = (pl.col("quote") == "USD") & ~is_spot
    parts = parts.with_columns(
        expiry_time=day.dt.replace_time_zone("UTC") + pl.duration(hours=8),
        kind=pl.col("side").replace_strict({"C": 1, "P": -1}, return_dtype=pl.Int8),
        type=pl.when(is_spot)
        .then(pl.lit("spot"))
        .when(pl.col("swap").is_not_null())
        .then(pl.lit("perpetual"))
        .when(pl.col("side").is_not_null())
        .then(pl.lit("option"))
        .otherwise(pl.lit("future")),
        settlement=pl.when(inverse).then(pl.lit("inverse")).otherwise(pl.lit("linear")),
        currency=pl.when(inverse).then("base").otherwise("quote"),
    )
    known = pl.col("base").is_not_null() & (
        pl.col("day").is_null() | pl.col("expiry_time").is_not_null()
    )
    columns = ("base", "quote", "type", "kind", "strike", "expiry_time", "settlement", "currency")
    return parts.select(pl.when(known).then(name).alias(name) for name in columns).cast(
        {"type": TYPES, "settlement": SETTLEMENTS, "expiry_time": TIME}
    )


def is_okx(body: Any) -> bool:
    """Whether a JSON value looks like a message of OKX."""
    if not isinstance(body, dict):
        return False
    arg = body.get("arg")
    return isinstance(arg, dict) and "channel" in arg and ("data" in body or "event" in body)


def read_content(content: Content) -> Table | None:
    """The table of a capture or message of OKX; None if it is none.

    Several kinds of messages give a table of kind ``"messages"`` with the others as its parts.

    Raises
    ------
    DataError
        Nothing in the messages can be used.
    """
    if content.document is not None:
        messages: Sequence[Message] = [Message(1, None, content.document)]
    else:
        messages = [m for m in content.messages or () if not m.sent]
    if not any(is_okx(message.body) for message in messages):
        return None
    found: dict[str, tuple[list[Record], list[int]]] = {}
    log, rows = list[Record](), list[int]()
    for message in messages:
        kind, records = _records(message.body)
        first: Record = records[0] if records else {}
        arg = message.body.get("arg") if isinstance(message.body, dict) else None
        rows.append(message.row)
        log.append({**(arg if isinstance(arg, dict) else {}), "received": message.received,
                    "ts": first.get("ts"), "content": kind})  # fmt: skip
        if records:
            listed, numbers = found.setdefault(kind, ([], []))
            listed += records
            numbers += [message.row] * len(records)
    counts = Counter(entry["content"] for entry in log)
    ledger = [
        *content.defects,
        Defect("error answer", "a request was refused", counts["error"], len(log), unit="messages"),
        Defect(
            "message unknown",
            "of no kind that is read: left out",
            counts["unknown"],
            len(log),
            unit="messages",
            dropped=True,
        ),
    ]
    tables = {
        kind: _table(kind, records, numbers, content.source)
        for kind, (records, numbers) in found.items()
    }
    if len(tables) == 1:
        table = next(iter(tables.values()))
        return replace(table, defects=(*ledger, *table.defects))
    frame, unreadable = convert(
        text_frame(log, [item.column for item in _LOG]), _LOG, content.source, rows=rows
    )
    return Table(
        "messages",
        "OKX messages",
        laid_out(frame, "messages"),
        (*ledger, *unreadable),
        content.source,
        content.rows,
        parts=tables,
    )


def _records(body: Any) -> tuple[str, list[Record]]:
    """What a message is, and its records."""
    if not is_okx(body):
        is_error = isinstance(body, dict) and body.get("event") == "error"
        return "error" if is_error else "unknown", []
    arg, data = body["arg"], body.get("data")
    if "event" in body:
        return "error" if body["event"] == "error" else "subscription", []
    kind = _KINDS.get(str(arg["channel"]), "unknown")
    if kind == "unknown" or not isinstance(data, list):
        return "unknown", []
    records = [{"instId": arg.get("instId"), **item} for item in data if isinstance(item, dict)]
    if kind == "books":
        records = [_book(record, body.get("action", "snapshot")) for record in records]
    if kind == "quotes":
        for record in records:  # volCcy24h is in coins for derivatives, vol24h for spot
            record["coins"] = record.get(
                "vol24h" if record.get("instType") == "SPOT" else "volCcy24h"
            )
    return kind, list(records)


def _book(record: Record, action: Any) -> dict[str, Any]:
    """A book in the members of Deribit's: levels of action, price, amount; amount 0 deletes."""
    sides = {}
    for side in ("bids", "asks"):
        levels = record.get(side)
        sides[side] = [
            ["delete" if str(level[1]) == "0" else "new", level[0], level[1]]
            if isinstance(level, list) and len(level) >= 2
            else level
            for level in (levels if isinstance(levels, list) else [])
        ]
    return {
        **sides,
        "instrument_name": record.get("instId"),
        "timestamp": record.get("ts"),
        "type": "snapshot" if action == "snapshot" else "update",
    }


def _table(kind: str, records: list[Record], rows: list[int], source: str) -> Table:
    if kind == "books":
        table = books.books_table(records, rows, source, parser=parse_many, format="OKX books")
        column = "amount"
    else:
        spec = _TICKERS if kind == "quotes" else _TRADES
        raw = text_frame(records, [item.column for item in spec])
        frame, ledger = convert(raw, spec, source, rows=rows)
        if kind == "quotes":
            table = quotes_table(
                frame,
                parser=parse_many,
                format="OKX tickers",
                source=source,
                rows_read=len(records),
                ledger=ledger,
                is_stream=True,
            )
            column = "bid_size"
        else:
            table = trades_table(
                frame,
                parser=parse_many,
                format="OKX trades",
                source=source,
                rows_read=len(records),
                ledger=ledger,
            )
            column = "amount"
    types = parse_many(table.frame["instrument"])["type"]
    contracts = int(((types != "spot") & table.frame[column].is_not_null()).sum())
    what = "sizes of derivatives are contracts, and no message says what a contract is: left so"
    note = Defect("sizes in contracts", what, contracts, table.frame.height)
    return replace(table, defects=(*table.defects, note))
