"""Binance: captures of its public streams, with books, trades and best quotes.

A line is a time of receipt in nanoseconds and a message: depthUpdate, trade and bookTicker of one
market, and the answers with whole books (``lastUpdateId``).  The market is told by the members:
coin-margined futures have a pair (``ps``), USD-margined ones the number of the update before
(``pu``), spot neither.

Updates are numbered.  An update of spot holds the changes U to u, so that it follows the one that
ended with U - 1; one of futures names the one before as ``pu``.  A whole book of number L comes
late: it is put before the first update with u > L, the updates before that are in it already, and
that first one must reach back to L (Binance, "How to manage a local order book correctly").

Coin-margined sizes are contracts of 100 USD (BTC) or 10 USD (all other coins), and become USD.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from hedgecore.venues import DataError
from hedgecore.venues.books import books_table
from hedgecore.venues.columns import convert, fields, text_frame
from hedgecore.venues.defects import MAX_EXAMPLES, Defect
from hedgecore.venues.files import Content, Message
from hedgecore.venues.layouts import SETTLEMENTS, TIME, TYPES, laid_out
from hedgecore.venues.quotes import Parser, quotes_table
from hedgecore.venues.tables import Table
from hedgecore.venues.trades import trades_table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading captures needs polars: pip install "hedgecore[data]"') from error

Record = dict[str, Any]

_TRADES: Final = fields(
    timestamp=("time", "ms"),
    instrument=("s", "text"),
    side=("side", "text"),
    price="p",
    amount="q",
    trade_id=("t", "text"),
)
_TICKERS: Final = fields(
    timestamp=("time", "ms"), instrument=("s", "text"), bid="b", ask="a", bid_size="B", ask_size="A"
)
_LOG: Final = fields(
    received=("received", "seconds"),
    timestamp=("time", "ms"),
    channel=("channel", "text"),
    content=("content", "text"),
    instrument=("s", "text"),
)
_SIZES: Final = {"books": ("amount",), "trades": ("amount",), "quotes": ("bid_size", "ask_size")}
_QUOTES: Final = "USDT|USDC|FDUSD|TUSD|BUSD|DAI|USD|EUR|TRY|BRL|JPY|BTC|ETH|BNB"
_NAME: Final = rf"^([A-Z0-9]{{2,}}?)({_QUOTES})(?:_(PERP|\d{{6}}))?$"
MARKETS: Final = {"spot": "spot", "usdm": "USD-margined", "cm": "coin-margined"}


def parser(market: str) -> Parser:
    """What takes the names of a market apart, as `hedgecore.venues.deribit.instruments.parse_many`."""
    is_spot, is_inverse = market == "spot", market == "cm"

    def parse_many(names: pl.Series) -> pl.DataFrame:
        part = pl.col("name").cast(pl.String).str.extract_groups(_NAME).struct
        parts = names.to_frame("name").select(
            base=part.field("1"), quote=part.field("2"), end=part.field("3")
        )
        day = ("20" + pl.col("end")).str.to_date("%Y%m%d", strict=False).cast(pl.Datetime("us"))
        ends = pl.col("end").is_not_null()
        dated = ends & (pl.col("end") != "PERP")
        known = pl.col("base").is_not_null()
        known &= ~ends if is_spot else ends if is_inverse else pl.col("end").ne_missing("PERP")
        known &= ~dated | day.is_not_null()
        perpetual_or_future = pl.when(dated).then(pl.lit("future")).otherwise(pl.lit("perpetual"))
        kind = pl.lit("spot") if is_spot else perpetual_or_future
        columns = {
            "base": pl.col("base"),
            "quote": pl.col("quote"),
            "type": kind,
            "kind": pl.lit(None).cast(pl.Int8),
            "strike": pl.lit(None).cast(pl.Float64),
            "expiry_time": day.dt.replace_time_zone("UTC") + pl.duration(hours=8),
            "settlement": pl.lit("inverse" if is_inverse else "linear"),
            "currency": pl.col("base" if is_inverse else "quote"),
        }
        return parts.select(
            pl.when(known).then(value).alias(name) for name, value in columns.items()
        ).cast({"type": TYPES, "settlement": SETTLEMENTS, "expiry_time": TIME})

    return parse_many


def contract_size(base: pl.Expr) -> pl.Expr:
    """USD of a coin-margined contract."""
    return pl.when(base == "BTC").then(100.0).otherwise(10.0)


def read_content(content: Content) -> Table | None:
    """The table of a capture of Binance; None if it is none.

    Several kinds of messages give a table of kind ``"messages"`` with the others as its parts.  Their
    timestamps are those of matching (``T``), else of the event (``E``).

    Raises
    ------
    DataError
        Its messages are of several markets, or none of them can be used.
    """
    messages = [m for m in content.messages or () if not m.sent]
    kinds = [_kind(message.body) for message in messages]
    if not {"depthUpdate", "bookTicker"} & set(kinds):
        return None
    market = _market(messages, kinds, content.source)
    found, log, ledger = _sorted_out(messages, kinds)
    name = f"Binance {MARKETS[market]}"
    tables = {}
    if found["books"][0]:
        records, rows, sequence = _in_sequence(*found["books"], is_spot=market == "spot")
        books = books_table(
            records, rows, content.source, parser=parser(market), format=f"{name} books"
        )
        tables["books"] = replace(books, defects=(*sequence, *books.defects))
    for kind, spec in (("trades", _TRADES), ("quotes", _TICKERS)):
        records, rows = found[kind]
        if not records:
            continue
        raw = text_frame(records, [item.column for item in spec])
        frame, unreadable = convert(raw, spec, content.source, rows=rows)
        arguments: dict[str, Any] = {
            "parser": parser(market),
            "format": f"{name} {kind}",
            "source": content.source,
            "rows_read": len(records),
            "ledger": unreadable,
        }
        tables[kind] = (
            trades_table(frame, **arguments)
            if kind == "trades"
            else quotes_table(frame, **arguments, is_stream=True)
        )
    if market == "cm":
        tables = {kind: _in_usd(table) for kind, table in tables.items()}
    if len(tables) == 1:
        table = next(iter(tables.values()))
        return replace(table, defects=(*content.defects, *ledger, *table.defects))
    raw = text_frame(log, [item.column for item in _LOG])
    frame, unreadable = convert(raw, _LOG, content.source, rows=[m.row for m in messages])
    return Table(
        "messages",
        f"{name} messages",
        laid_out(frame, "messages"),
        (*content.defects, *ledger, *unreadable),
        content.source,
        content.rows,
        parts=tables,
    )


def _kind(body: Any) -> str:
    if not isinstance(body, dict):
        return "unknown"
    if "lastUpdateId" in body:
        return "snapshot"
    data = body.get("data")
    if not isinstance(data, dict) or not isinstance(body.get("stream"), str):
        return "unknown"
    kind = data.get("e")
    if kind in ("depthUpdate", "trade", "bookTicker"):
        return str(kind)
    return (
        "bookTicker" if kind is None and {"u", "s", "b", "B", "a", "A"} <= set(data) else "unknown"
    )


def _market(messages: Sequence[Message], kinds: Sequence[str], source: str) -> str:
    found = Counter(
        "cm" if "ps" in message.body["data"] else "usdm" if "pu" in message.body["data"] else "spot"
        for message, kind in zip(messages, kinds, strict=True)
        if kind == "depthUpdate"
    )
    if not found:  # best quotes alone: those of spot have no time
        found = Counter(
            "cm" if "ps" in m.body["data"] else "usdm" if "T" in m.body["data"] else "spot"
            for m, kind in zip(messages, kinds, strict=True)
            if kind == "bookTicker"
        )
    if len(found) > 1:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(found.items()))
        raise DataError(f"{source}: messages of several markets of Binance ({counts})")
    return next(iter(found))


def _sorted_out(
    messages: Sequence[Message], kinds: Sequence[str]
) -> tuple[dict[str, tuple[list[Record], list[int]]], list[Record], list[Defect]]:
    """Records by kind of table, the log of the messages, and what was wrong with them."""
    names = {m.body["data"].get("s") for m, k in zip(messages, kinds, strict=True) if k == "trade"}
    names |= {
        m.body["data"].get("s") for m, k in zip(messages, kinds, strict=True) if k == "depthUpdate"
    }
    only = next(iter(names)) if len(names) == 1 else None
    found: dict[str, tuple[list[Record], list[int]]] = {
        "books": ([], []),
        "trades": ([], []),
        "quotes": ([], []),
    }
    log, last_event, borrowed, unknown = list[Record](), None, list[str](), list[str]()
    for message, kind in zip(messages, kinds, strict=True):
        body = message.body
        data: Mapping[str, Any] = body if kind == "snapshot" else {}
        if kind not in ("snapshot", "unknown"):
            data = body["data"]
        time = data.get("T", data.get("E"))
        last_event = data.get("E", last_event)
        if kind == "unknown":
            unknown.append(f"message {message.row}")
        elif time is None and last_event is not None:
            time = last_event
            borrowed.append(f"message {message.row} {kind}")
        record = {**data, "time": time}
        if kind == "snapshot":
            record = {**_book(record, "bids", "asks", "snapshot"), "change_id": data["lastUpdateId"],
                      "instrument_name": data.get("symbol", only)}  # fmt: skip
            record["s"] = record["instrument_name"]
        elif kind == "depthUpdate":
            numbers = {"change_id": data.get("u"), "first": data.get("U"), "pu": data.get("pu")}
            record = {**_book(record, "b", "a", "change"), **numbers, "instrument_name": data.get("s"),
                      "s": data.get("s")}  # fmt: skip
        elif kind == "trade":  # m: the buyer is the maker
            side = {True: "sell", False: "buy"}.get(data.get("m"))  # type: ignore[arg-type]
            record["side"] = side
        table = {"trade": "trades", "bookTicker": "quotes"}.get(kind, "books")
        content = "unknown" if kind == "unknown" else table
        log.append({"received": message.received, "time": time, "s": record.get("s"),
                    "channel": body.get("stream") if isinstance(body, dict) else None,
                    "content": content})  # fmt: skip
        if kind != "unknown":
            found[table][0].append(record)
            found[table][1].append(message.row)
    ledger = [
        Defect(
            "message unknown",
            "of no kind that is read: left out",
            len(unknown),
            len(messages),
            unit="messages",
            dropped=True,
            examples=tuple(unknown[:MAX_EXAMPLES]),
        ),
        Defect(
            "message without a time",
            "given the event time of the last message that has one",
            len(borrowed),
            len(messages),
            unit="messages",
            examples=tuple(borrowed[:MAX_EXAMPLES]),
        ),
    ]
    return found, log, ledger


def _book(record: Record, bids: str, asks: str, kind: str) -> Record:
    """A book in the members of Deribit's: levels of action, price, amount; amount 0 deletes."""
    sides = {}
    for name, given in (("bids", bids), ("asks", asks)):
        levels = record.get(given)
        sides[name] = [
            ["delete" if _is_zero(level[1]) else "new" if kind == "snapshot" else "change", *level]
            if isinstance(level, list) and len(level) == 2
            else level
            for level in (levels if isinstance(levels, list) else [levels])
        ]
    return {**sides, "timestamp": record["time"], "type": kind}


def _is_zero(amount: Any) -> bool:
    return isinstance(amount, str) and not amount.strip("0.") and "0" in amount


def _in_sequence(
    records: list[Record], rows: list[int], *, is_spot: bool
) -> tuple[list[Record], list[int], list[Defect]]:
    """Books in the order in which they apply, each with the number of the state before it."""
    order, late, old, empty = list[int](), list[str](), list[str](), list[str]()
    for name in dict.fromkeys(record["instrument_name"] for record in records):
        own = [i for i, record in enumerate(records) if record["instrument_name"] == name]
        placed = [i for i in own if records[i]["type"] == "change"]
        wholes = [i for i in own if records[i]["type"] == "snapshot"]
        for whole in wholes:
            number = records[whole]["change_id"]
            before = [i for i in placed if i < whole]
            at = next((i for i in before if _above(records[i]["change_id"], number)), None)
            if at is not None:
                late.append(f"message {rows[whole]} {name}: before message {rows[at]}")
                placed.insert(placed.index(at), whole)
            else:
                placed.insert(len(before), whole)
        if wholes:
            first = placed.index(wholes[0])
            old += [f"message {rows[i]} {name}" for i in placed[:first]]
            placed = placed[first:]
        _linked([records[i] for i in placed], is_spot)
        blank = [i for i in placed if not records[i]["bids"] and not records[i]["asks"]]
        empty += [f"message {rows[i]} {name}" for i in blank]
        left = set(placed) - set(blank)
        order += [i for i in placed if i in left]
    ledger = [
        Defect(
            "update before the book",
            "it is in the whole book that came after it, or has no book to apply to: left out",
            len(old),
            len(records),
            unit="messages",
            dropped=True,
            examples=tuple(old[:MAX_EXAMPLES]),
        ),
        Defect(
            "book came late",
            "a whole book that is older than updates received before it: put before them",
            len(late),
            len(records),
            unit="messages",
            examples=tuple(late[:MAX_EXAMPLES]),
        ),
        Defect(
            "update empty",
            "without a level: left out, the next one follows the update before it",
            len(empty),
            len(records),
            unit="messages",
            dropped=True,
            examples=tuple(empty[:MAX_EXAMPLES]),
        ),
    ]
    return [records[i] for i in order], [rows[i] for i in order], ledger


def _above(number: Any, limit: Any) -> bool:
    return isinstance(number, int) and isinstance(limit, int) and number > limit


def _linked(books: Sequence[Record], is_spot: bool) -> None:
    """Give each update the number of the state that it applies to.

    That of the first update after a whole book is the book's, if the update reaches back to it; an
    update without a level passes the number before it on.
    """
    after: int | None = None
    passed: tuple[Any, Any] | None = None
    for book in books:
        if book["type"] == "snapshot":
            after, passed = book["change_id"], None
            continue
        first = book["first"]
        before = (first - 1 if isinstance(first, int) else None) if is_spot else book["pu"]
        if isinstance(after, int):
            reaches = isinstance(before, int) and before <= after
            if reaches and _above(book["change_id"], after - 1):
                before = after
        after = None
        if passed is not None and before == passed[0]:
            before = passed[1]
        passed = None
        book["prev_change_id"] = before
        if not book["bids"] and not book["asks"]:
            passed = (book["change_id"], before)


def _in_usd(table: Table) -> Table:
    """The table with sizes of coin-margined contracts in USD."""
    names = table.frame["instrument"].unique()
    bases = parser("cm")(names).select("base").with_columns(instrument=names)
    frame = table.frame.drop("base", strict=False).join(
        bases, on="instrument", how="left", maintain_order="left"
    )
    columns = _SIZES[table.kind]
    usd = contract_size(pl.col("base"))
    frame = frame.with_columns(pl.col(name) * usd for name in columns)
    if table.kind == "quotes":
        frame = frame.with_columns(contract_size=usd)
    sizes = sum(frame[name].len() - frame[name].null_count() for name in columns)
    what = "contracts of 100 USD (BTC) or 10 USD (other coins): turned into USD"
    note = Defect("sizes in contracts", what, sizes, sizes, unit="values")
    return replace(table, frame=laid_out(frame, table.kind), defects=(*table.defects, note))
