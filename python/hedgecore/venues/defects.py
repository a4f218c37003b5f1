"""The ledger of data defects: what was wrong in a file of quotes, how often, and where.

Real market data is never clean.  A reader of hedgecore survives every defect it knows and writes it
down here; nothing is repaired silently.  A ledger is a plain tuple of `Defect`, in the order of the
checks; those that found nothing are in it as well, so that it also says what was looked at.

The checks below are those of an option chain with the columns of `hedgecore.venues.deribit`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

try:
    import polars as pl
except ImportError as error:
    raise ImportError(
        'reading an option chain needs polars: pip install "hedgecore[data]"'
    ) from error

MAX_EXAMPLES: Final = 3
"""Examples kept per defect: enough to look it up in the file."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One kind of defect and what was found of it.

    Attributes
    ----------
    name
        Short name, for example ``"bid missing"``.
    description
        What is meant, and what is done about it.
    count, total
        How many were found, out of how many looked at.
    unit
        What is counted: ``"rows"``, ``"values"``, ``"snapshots"`` or ``"gaps"``.
    dropped
        True if the rows counted were left out of the table.
    examples
        Up to three places where it was found.
    note
        A measured detail, for example a median and a maximum; may be empty.
    """

    name: str
    description: str
    count: int
    total: int
    unit: str = "rows"
    dropped: bool = False
    examples: tuple[str, ...] = ()
    note: str = ""

    @property
    def share(self) -> float:
        """The fraction found, 0 where nothing was looked at."""
        return self.count / self.total if self.total else 0.0


def count_rows(
    frame: pl.DataFrame,
    name: str,
    description: str,
    is_bad: pl.Expr,
    shown: tuple[str, ...],
    *,
    note: pl.Expr | None = None,
    dropped: bool = False,
) -> Defect:
    """Count the rows where ``is_bad`` and show the first few with the columns of ``shown``."""
    bad = frame.filter(is_bad)
    return Defect(
        name,
        description,
        count=bad.height,
        total=frame.height,
        dropped=dropped,
        examples=tuple(
            f"row {row['row']} {row['instrument_name']}"
            + "".join(f", {column} {_shown(row[column])}" for column in shown)
            for row in bad.head(MAX_EXAMPLES).iter_rows(named=True)
        ),
        note=bad.select(note).item() if note is not None and bad.height else "",
    )


def _shown(value: object) -> str:
    if value is None:
        return "missing"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def drop_rows(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Defect]]:
    """Leave out the rows that cannot be valued, each counted under the first reason that holds."""
    ledger = []
    for name, description, is_bad, shown in _FATAL:
        ledger.append(count_rows(frame, name, description, is_bad, shown, dropped=True))
        if ledger[-1].count:
            frame = frame.filter(is_bad.fill_null(False).not_())
    return frame.drop([column for column in frame.columns if column.startswith("name_")]), ledger


def check_quality(frame: pl.DataFrame) -> list[Defect]:
    """Count what is wrong with the quotes of the rows that stay."""
    ledger = [
        count_rows(frame, name, description, is_bad, shown, note=note)
        for name, description, is_bad, shown, note in _QUALITY
    ]
    return [*ledger, _index_spread(frame), _snapshot_gaps(frame)]


def _index_spread(frame: pl.DataFrame) -> Defect:
    """How far the index moved while the quotes of one snapshot were collected."""
    index = pl.col("index_price")
    spread = (
        frame.filter(index > 0)
        .group_by("timestamp", "currency", maintain_order=True)
        .agg(spread=100.0 * (index.max() - index.min()) / index.median())
    )
    moved = spread.filter(pl.col("spread") > 0)
    note = ""
    if moved.height:
        values = spread["spread"].to_numpy()
        note = f"median {np.median(values):.3f} %, maximum {values.max():.3f} %"
    return Defect(
        "index moved within a snapshot",
        "quotes under one timestamp were collected over minutes: (max - min) / median of the index",
        count=moved.height,
        total=spread.height,
        unit="snapshots",
        examples=tuple(
            f"{time:%Y-%m-%d %H:%M} {currency}: {value:.3f} %"
            for time, currency, value in moved.top_k(MAX_EXAMPLES, by="spread").iter_rows()
        ),
        note=note,
    )


def _snapshot_gaps(frame: pl.DataFrame) -> Defect:
    """Gaps between successive snapshots more than half again as long as the median gap."""
    times = frame["timestamp"].unique().sort()
    gaps = pl.DataFrame({"from": times[:-1], "hours": times.diff()[1:].dt.total_seconds() / 3600})
    usual = pl.col("hours").median()
    long = gaps.filter((pl.col("hours") > 1.5 * usual) | (pl.col("hours") < 0.5 * usual))
    note = ""
    if long.height:
        hours = gaps["hours"].to_numpy()
        note = f"hours: median {np.median(hours):.1f}, from {hours.min():.1f} to {hours.max():.1f}"
    return Defect(
        "snapshot gap irregular",
        "time to the next snapshot more than half away from the median gap",
        count=long.height,
        total=gaps.height,
        unit="gaps",
        examples=tuple(
            f"after {time:%Y-%m-%d %H:%M}: {hours:.1f} hours"
            for time, hours in long.head(MAX_EXAMPLES).iter_rows()
        ),
        note=note,
    )


_YEAR_SECONDS: Final = 365 * 86_400
_ESSENTIAL: Final = (
    "timestamp",
    "instrument_name",
    "option_type",
    "expiry_datetime",
    "currency",
    "strike",
    "underlying",
)

_FATAL: Final[tuple[tuple[str, str, pl.Expr, tuple[str, ...]], ...]] = (
    (
        "essential value missing",
        f"no {', no '.join(_ESSENTIAL)}: cannot be valued, left out",
        pl.any_horizontal(pl.col(name).is_null() for name in _ESSENTIAL),
        _ESSENTIAL,
    ),
    (
        "strike or forward not positive",
        "cannot be valued, left out",
        (pl.col("strike") <= 0) | (pl.col("underlying") <= 0),
        ("strike", "underlying"),
    ),
    (
        "option type unknown",
        "neither call nor put: left out",
        pl.col("option_type").is_not_null() & pl.col("kind").is_null(),
        ("option_type",),
    ),
    (
        "name not of an inverse option",
        "settled in something else than the coin, or unreadable: left out",
        pl.col("instrument_name").is_not_null() & pl.col("name_kind").is_null(),
        (),
    ),
    (
        "name inconsistent with columns",
        "currency, expiry, strike or type differ from the name, the contract is in doubt: left out",
        pl.any_horizontal(
            pl.col("name_" + name) != pl.col(name)
            for name in ("currency", "expiry_datetime", "strike", "kind")
        ),
        ("currency", "expiry_datetime", "strike", "option_type"),
    ),
    (
        "expired",
        "the snapshot is at or after the expiry: left out",
        pl.col("expiry") <= 0,
        ("timestamp", "expiry_datetime"),
    ),
    (
        "row repeated",
        "the same option twice in a snapshot: the first is kept, the others left out",
        pl.struct("timestamp", "instrument_name").is_first_distinct().not_(),
        ("timestamp",),
    ),
)

_NO_BID: Final = ~(pl.col("bid_price") > 0).fill_null(False)
_NO_ASK: Final = ~(pl.col("ask_price") > 0).fill_null(False)
_BID, _ASK, _MARK = (pl.col(name) for name in ("bid_price", "ask_price", "mark_price"))
_YEAR_RATIO: Final = pl.col("expiry") / pl.col("time_to_maturity")

_QUALITY: Final[tuple[tuple[str, str, pl.Expr, tuple[str, ...], pl.Expr | None], ...]] = (
    ("bid missing", "no bid, or not positive: no bid vol", _NO_BID, ("bid_price",), None),
    ("ask missing", "no ask, or not positive: no ask vol", _NO_ASK, ("ask_price",), None),
    ("not two-sided", "bid or ask missing", _NO_BID | _NO_ASK, ("bid_price", "ask_price"), None),
    (
        "crossed",
        "bid above ask",
        ~_NO_BID & ~_NO_ASK & (_BID > _ASK),
        ("bid_price", "ask_price"),
        None,
    ),
    (
        "mark missing",
        "no mark, or not positive: valued at the file's vol",
        ~(_MARK > 0).fill_null(False),
        ("mark_price",),
        None,
    ),
    (
        "mark outside bid-ask",
        "mark below the bid or above the ask, where there is one",
        (~_NO_BID & (_MARK < _BID)) | (~_NO_ASK & (_MARK > _ASK)),
        ("bid_price", "ask_price", "mark_price"),
        None,
    ),
    (
        "futures price missing",
        "no future of this expiry; the forward of the row is used in any case",
        pl.col("futures_price").is_null(),
        (),
        None,
    ),
    (
        "index missing",
        "no index price, or not positive: no USD amounts for this row",
        ~(pl.col("index_price") > 0).fill_null(False),
        ("index_price",),
        None,
    ),
    (
        "open interest missing",
        "missing or negative: counts as 0 in the totals",
        ~(pl.col("open_interest") >= 0).fill_null(False),
        ("open_interest",),
        None,
    ),
    (
        "time to maturity off",
        "the file's years to expiry differ from a 365-day year by more than a second; not used",
        ((pl.col("time_to_maturity") - pl.col("expiry")).abs() * _YEAR_SECONDS > 1.0)
        | pl.col("time_to_maturity").is_null(),
        ("time_to_maturity", "expiry"),
        pl.format("the file's year has {} days (median)", (365 * _YEAR_RATIO).median().round(4)),
    ),
)
