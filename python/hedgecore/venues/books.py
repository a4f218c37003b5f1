"""Order books in messages: one row per level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hedgecore.venues import DataError
from hedgecore.venues.columns import convert, fields, text_columns, text_frame
from hedgecore.venues.defects import MAX_EXAMPLES, Defect, count_rows
from hedgecore.venues.layouts import ACTIONS, BOOK_SIDES, laid_out
from hedgecore.venues.quotes import Parser
from hedgecore.venues.tables import Table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading books needs polars: pip install "hedgecore[data]"') from error

_FIELDS: Final = fields(
    timestamp=("timestamp", "ms"),
    instrument=("instrument_name", "text"),
    side=("side", "text"),
    level=("level", "integer"),
    action=("action", "text"),
    price="price",
    amount="amount",
    is_snapshot=("is_snapshot", "flag"),
    change_id=("change_id", "integer"),
    previous_id=("prev_change_id", "integer"),
)


def books_table(
    books: Sequence[Mapping[str, Any]],
    rows: Sequence[int],
    source: str,
    *,
    parser: Parser,
    format: str,
) -> Table:
    """The table of books, from the records of snapshots, changes, grouped books and answers.

    A level is [price, amount] or [action, price, amount]; a record without a type, or of type
    snapshot, is the whole book.

    Raises
    ------
    DataError
        No level of any of them can be used, although there are some.
    """
    place, side, level, action = list[int](), list[str](), list[int](), list[Any]()
    price, amount = list[Any](), list[Any]()
    broken, empty = list[str](), list[str]()
    for number, (book, row) in enumerate(zip(books, rows, strict=True)):
        before = len(place)
        for name in ("bid", "ask"):
            listed = book.get(f"{name}s")
            for at, item in enumerate(listed if isinstance(listed, list) else [listed]):
                if not isinstance(item, list) or len(item) not in (2, 3):
                    broken.append(f"message {row}: {name} {item!r:.40}")
                    continue
                place.append(number)
                side.append(name)
                level.append(at)
                action.append(item[0] if len(item) == 3 else "new")
                price.append(item[-2])
                amount.append(item[-1])
        if len(place) == before:
            empty.append(f"message {row} {book.get('instrument_name')}")
    said = text_frame(
        [
            {
                **{name: book.get(name) for name in _OF_BOOK},
                "is_snapshot": book.get("type", "snapshot") == "snapshot",
            }
            for book in books
        ],
        [*_OF_BOOK, "is_snapshot"],
    )
    raw = said[pl.Series(place, dtype=pl.UInt32)].with_columns(
        pl.Series("side", side, dtype=pl.String),
        pl.Series("level", level, dtype=pl.Int64),
        *text_columns({"action": action, "price": price, "amount": amount}),
    )
    frame, ledger = convert(raw, _FIELDS, source, rows=[rows[number] for number in place])
    names = frame["instrument"].unique()
    known = names.filter(parser(names)["type"].is_not_null())
    fatal = [
        (
            "level incomplete",
            "no time, instrument, price or amount, or an unknown action: left out",
            pl.any_horizontal(
                pl.col(name).is_null() for name in ("timestamp", "instrument", "price", "amount")
            )
            | ~pl.col("action").is_in(list(ACTIONS.categories)).fill_null(False),
        ),
        (
            "name unknown",
            "not the name of an instrument of the venue: left out",
            ~pl.col("instrument").is_in(known.to_list()),
        ),
        (
            "amount at odds with the action",
            "a delete of more than 0, or another action of 0 or less: left out",
            (pl.col("amount") < 0) | ((pl.col("amount") == 0) != (pl.col("action") == "delete")),
        ),
    ]
    ledger = [
        Defect(
            "level unreadable",
            "not a list of a price and an amount: left out",
            len(broken),
            len(broken) + len(place),
            unit="levels",
            dropped=True,
            examples=tuple(broken[:MAX_EXAMPLES]),
        ),
        *ledger,
    ]
    for name, what, is_bad in fatal:
        shown = ("action", "price", "amount")
        found = count_rows(
            frame, name, what, is_bad, shown, dropped=True, label="instrument", unit="levels"
        )
        ledger.append(found)
        frame = frame.filter(is_bad.fill_null(False).not_())
    if frame.height == 0 and (place or broken):
        reasons = "; ".join(f"{d.name}: {d.count}" for d in ledger if d.count)
        raise DataError(f"{source}: no level of its books can be used ({reasons})")
    frame = frame.with_columns(pl.col("side").cast(BOOK_SIDES), pl.col("action").cast(ACTIONS))
    ledger += [
        Defect(
            "book empty",
            "a book or a change without any level: no rows",
            len(empty),
            len(books),
            unit="messages",
            examples=tuple(empty[:MAX_EXAMPLES]),
        ),
        _broken_sequence(books, rows),
        _crossed(frame),
    ]
    return Table("books", format, laid_out(frame, "books"), tuple(ledger), source, len(books))


_OF_BOOK: Final = ("timestamp", "instrument_name", "change_id", "prev_change_id")


def _broken_sequence(books: Sequence[Mapping[str, Any]], rows: Sequence[int]) -> Defect:
    """Changes that do not apply to the state left by the message before."""
    last: dict[Any, Any] = {}
    changes, broken = 0, list[str]()
    for book, row in zip(books, rows, strict=True):
        name, number = str(book.get("instrument_name")), book.get("change_id")
        if book.get("type") == "change" and name in last:
            changes += 1
            if book.get("prev_change_id") != last[name]:
                broken.append(f"message {row} {name}: after {last[name]}")
        last[name] = number
    return Defect(
        "book sequence broken",
        "a change that does not follow the message before: changes in between are missing",
        len(broken),
        changes,
        unit="messages",
        examples=tuple(broken[:MAX_EXAMPLES]),
    )


def _crossed(frame: pl.DataFrame) -> Defect:
    price = pl.col("price")
    best = (
        frame.filter("is_snapshot")
        .group_by("row", "instrument", maintain_order=True)
        .agg(
            bid=price.filter(pl.col("side") == "bid").max(),
            ask=price.filter(pl.col("side") == "ask").min(),
        )
    )
    bad = best.filter(pl.col("bid") >= pl.col("ask"))
    return Defect(
        "book crossed",
        "a whole book whose best bid is at or above its best ask",
        bad.height,
        best.height,
        unit="messages",
        examples=tuple(f"message {n} {name}" for n, name, *_ in bad.head(MAX_EXAMPLES).iter_rows()),
    )
