"""Deribit's messages: what is in each of them, and the tables that a file of them makes.

A file is one JSON document (an answer or a notice), JSON lines, or a capture of a connection.  All
messages are JSON-RPC 2.0: notices of subscriptions, answers to requests, errors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from hedgecore.venues import books
from hedgecore.venues.columns import convert, fields, text_frame
from hedgecore.venues.defects import MAX_EXAMPLES, Defect, count_rows
from hedgecore.venues.deribit import records
from hedgecore.venues.deribit.instruments import parse_many
from hedgecore.venues.files import Content, Message
from hedgecore.venues.layouts import laid_out
from hedgecore.venues.tables import Table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading messages needs polars: pip install "hedgecore[data]"') from error

Record = Mapping[str, Any]

_CHANNELS: Final = {
    "ticker": "quotes",
    "incremental_ticker": "quotes",
    "quote": "quotes",
    "markprice": "quotes",
    "trades": "trades",
    "user.trades": "trades",
    "book": "books",
    "chart.trades": "bars",
    "deribit_volatility_index": "dvol",
    "user.portfolio": "portfolio",
    "user.orders": "orders",
}
"""Kind of the rows of a channel, by the first words of its name."""


@dataclass(frozen=True, slots=True)
class Part:
    """Records of one kind in a message, with the row by which they are called."""

    kind: str
    row: int
    records: Sequence[Record]
    channel: str | None = None


def read_messages(content: Content) -> Table | None:
    """The table of a file of messages of Deribit; None if it is none.

    Messages of one kind give the table of that kind; of several, a table of kind ``"messages"``
    with the tables as its parts.

    Raises
    ------
    DataError
        Nothing in the messages can be used, or they are in other units than the exchange's.
    """
    if content.document is not None:
        messages: Sequence[Message] = [Message(1, None, content.document)]
    else:
        messages = [m for m in content.messages or () if not m.sent]
    if not any(is_deribit(message.body) for message in messages):
        return None
    parts, log = list[Part](), list[Record]()
    for message in messages:
        found, what = _parts_of(message, is_document=content.document is not None)
        parts += found
        log.append(_log_entry(message, found, what))
    ledger = [*content.defects, *_log_defects(log)]
    tables = {
        kind: _table(kind, [part for part in parts if part.kind == kind], content, messages)
        for kind in dict.fromkeys(part.kind for part in parts)
    }
    if len(tables) == 1:
        table = next(iter(tables.values()))
        return replace(table, defects=(*ledger, *table.defects))
    frame, unreadable = convert(
        text_frame(log, [item.column for item in _LOG]), _LOG, content.source,
        rows=[entry["row"] for entry in log],
    )  # fmt: skip
    ledger += [*unreadable, *_late(frame)]
    return Table(
        "messages",
        "Deribit messages",
        laid_out(frame, "messages"),
        tuple(ledger),
        content.source,
        content.rows,
        parts=tables,
    )


_LOG: Final = fields(
    received=("received", "seconds"),
    timestamp=("timestamp", "ms"),
    channel=("channel", "text"),
    content=("content", "text"),
    instrument=("instrument", "text"),
)


def is_deribit(body: Any) -> bool:
    """Whether a JSON value looks like a message of Deribit (JSON-RPC 2.0)."""
    if not isinstance(body, dict) or body.get("jsonrpc") != "2.0":
        return False
    return "result" in body or "params" in body or "error" in body


def _parts_of(message: Message, *, is_document: bool) -> tuple[list[Part], str]:
    """The records in a message, and in a word what it is if there are none."""
    body, row = message.body, message.row
    if not is_deribit(body):
        return [], "unknown"
    if "error" in body:
        return [], "error"
    channel = None
    if body.get("method") == "subscription":
        params = body.get("params")
        if not isinstance(params, dict):
            return [], "unknown"
        channel, data = str(params.get("channel")), params.get("data")
        found = _of_channel(channel, data)
    elif "result" in body:
        found = _of_result(body["result"])
        if isinstance(body["result"], list) and not found:
            is_ack = all(isinstance(item, str) for item in body["result"])
            return [], "subscription" if is_ack else "unknown"
    else:
        return [], "request"
    parts = []
    for kind, listed in found:
        usable = [record for record in listed if isinstance(record, dict)]
        if len(usable) < len(listed):
            return [], "unknown"
        if is_document and kind != "books":  # the records of a document are its rows
            parts += [Part(kind, at, [one], channel) for at, one in enumerate(usable, start=1)]
        else:
            parts.append(Part(kind, row, usable, channel))
    return parts, "" if parts else "unknown"


def _of_channel(channel: str, data: Any) -> list[tuple[str, list[Any]]]:
    listed = data if isinstance(data, list) else [data]
    words = channel.split(".")
    if words[:2] == ["user", "changes"] and isinstance(data, dict):
        parts = [(name, data.get(name) or []) for name in ("trades", "positions", "orders")]
        return [(kind, rows) for kind, rows in parts if rows]
    for length in (2, 1):
        kind = _CHANNELS.get(".".join(words[:length]))
        if kind:
            return [(kind, listed)]
    return []


def _of_result(result: Any) -> list[tuple[str, list[Any]]]:
    """What an answer holds, by its members."""
    if isinstance(result, list):
        if not result or not all(isinstance(item, dict) for item in result):
            return []
        kind = _record_kind(result[0])
        return [(kind, result)] if kind else []
    if not isinstance(result, dict):
        return []
    if isinstance(result.get("trades"), list) and ("has_more" in result or "order" in result):
        orders = [("orders", [result["order"]])] if "order" in result else []
        return orders + ([("trades", result["trades"])] if result["trades"] else [])
    if isinstance(result.get("summaries"), list):
        return [("accounts", result["summaries"])]
    if "bids" in result and "asks" in result:
        return [("quotes", [result]), ("books", [result])]
    kind = _record_kind(result)
    if kind:
        return [(kind, [result])]
    expirations = [
        {"base": base, "type": type_, "day": day}
        for base, by_type in result.items()
        if isinstance(by_type, dict)
        for type_, days in by_type.items()
        if isinstance(days, list)
        for day in days
    ]
    return [("expirations", expirations)] if expirations else []


_MEMBERS: Final = (
    ("instruments", {"instrument_name", "contract_size", "kind"}),
    ("combos", {"id", "legs"}),
    ("orders", {"order_id", "order_state"}),
    ("trades", {"trade_seq", "price", "direction"}),
    ("positions", {"instrument_name", "size", "direction", "average_price"}),
    ("accounts", {"currency", "equity", "balance"}),
    ("quotes", {"instrument_name", "best_bid_price"}),
    ("quotes", {"instrument_name", "mark_price", "volume"}),
)
"""Members by which a record is known, tried in this order."""


def _record_kind(record: Record) -> str | None:
    return next((kind for kind, members in _MEMBERS if members <= set(record)), None)


def _table(
    kind: str, parts: Sequence[Part], content: Content, messages: Sequence[Message]
) -> Table:
    rows = [part.row for part in parts for _ in part.records]
    flat = [record for part in parts for record in part.records]
    if kind == "books":
        return books.books_table(
            flat, rows, content.source, parser=parse_many, format="Deribit books"
        )
    if kind == "bars":
        flat = [{**r, "channel": part.channel} for part in parts for r in part.records]
    if kind == "instruments":
        received = {message.row: message.received for message in messages}
        if content.document is None:
            flat = [{**r, "received": received[n]} for r, n in zip(flat, rows, strict=True)]
    return records.table(kind, flat, rows, content.source, is_stream=len(messages) > 1)


def _log_entry(message: Message, parts: Sequence[Part], what: str) -> dict[str, Any]:
    first: Record = parts[0].records[0] if parts and parts[0].records else {}
    stamp = first.get("timestamp") or first.get("creation_timestamp")
    names = {record.get("instrument_name") for part in parts for record in part.records}
    return {
        "row": message.row,
        "received": message.received,
        "timestamp": stamp if isinstance(stamp, (int, float)) else None,
        "channel": parts[0].channel if parts else None,
        "content": "+".join(dict.fromkeys(part.kind for part in parts)) or what,
        "instrument": names.pop() if len(names) == 1 else None,
        "body": message.body,
    }


def _log_defects(log: Sequence[Record]) -> list[Defect]:
    counts = Counter(entry["content"] for entry in log)

    def examples(what: str) -> tuple[str, ...]:
        shown = [entry for entry in log if entry["content"] == what][:MAX_EXAMPLES]
        return tuple(f"message {entry['row']}: {str(entry['body'])[:80]}" for entry in shown)

    def found(name: str, what: str, description: str, *, dropped: bool) -> Defect:
        return Defect(
            name,
            description,
            counts[what],
            len(log),
            unit="messages",
            dropped=dropped,
            examples=examples(what),
        )

    return [
        found("error answer", "error", "the exchange refused a request", dropped=False),
        found("message unknown", "unknown", "of no kind that is read: left out", dropped=True),
    ]


def _late(frame: pl.DataFrame) -> list[Defect]:
    if frame["received"].null_count() == frame.height:
        return []
    return [
        count_rows(
            frame,
            "received before its time",
            "the receiver's clock is behind the exchange's: the exchange's time is used",
            pl.col("received") < pl.col("timestamp"),
            ("received", "timestamp"),
            label="channel",
            unit="messages",
        )
    ]
