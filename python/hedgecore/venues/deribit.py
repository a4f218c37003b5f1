"""Deribit: a reader of option chains stored every few hours, one row per listed option.

Inverse options (BTC, ETH): European, priced and settled in the coin, strike in USD, expiring at
08:00 UTC.  The chain is read from parquet or from CSV, plain or gzipped; which of them a file is
shows its content, not its name.  Needs polars: ``pip install "hedgecore[data]"``.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from dataclasses import dataclass
from datetime import date
from io import BytesIO, StringIO
from os import PathLike
from pathlib import Path
from typing import Final

from hedgecore.venues import ChainError
from hedgecore.venues.defects import MAX_EXAMPLES, Defect, check_quality, drop_rows

try:
    import polars as pl
except ImportError as error:
    raise ImportError(
        'reading an option chain needs polars: pip install "hedgecore[data]"'
    ) from error

YEAR_SECONDS: Final = 365 * 86_400
"""Seconds in the exchange's year (ACT/365)."""

TEXTS: Final = {
    "timestamp": "UTC time of the snapshot",
    "instrument_name": "for example BTC-24APR26-65000-P",
    "option_type": "call or put",
    "expiry_datetime": "UTC time of expiry, 08:00",
    "currency": "the coin: BTC or ETH",
}
"""Columns that a file must have beside the numbers; the two times become UTC datetimes."""

NUMBERS: Final = {
    "strike": "USD per coin",
    "underlying": "forward of the row's expiry, USD per coin",
    "index_price": "index (spot), USD per coin",
    "bid_price": "best bid, coin; null where there is none",
    "ask_price": "best ask, coin; null where there is none",
    "mark_price": "the exchange's mark, coin; null where missing or not positive",
    "futures_price": "future (or synthetic future) of the same expiry, USD per coin",
    "time_to_maturity": "the file's own years to expiry, compared with `expiry` and not used",
    "implied_volatility": "the file's implied vol of the mark, decimal per square-root year",
    "delta": "the file's Black delta, coin per option",
    "vega": "the file's vega, USD per vol point (0.01)",
    "open_interest": "options outstanding, each on one coin",
}
"""Number columns that a file must have: name and unit.  All become float64."""

OPTIONAL_NUMBERS: Final = {
    "mid_price": "coin",
    "bid_ask_spread": "coin",
    "volume": "options traded in 24 hours",
    "volume_usd": "USD in 24 hours",
}
"""Number columns that a file may have; they are kept."""

DERIVED: Final = {
    "row": "row of the file, the first row of data being 1",
    "kind": "int8, +1 call, -1 put",
    "expiry": "years from the timestamp to the expiry, ACT/365",
}
"""Columns that the reader adds."""

_TIMES: Final = ("timestamp", "expiry_datetime")
_QUOTES: Final = ("bid_price", "ask_price", "mark_price")
_NAME: Final = r"^([A-Z]+)-(\d{1,2}[A-Z]{3}\d{2})-(\d{1,9})-([CP])$"


@dataclass(frozen=True, slots=True)
class Chain:
    """An option chain of one or more snapshots, as read from a file.

    Attributes
    ----------
    frame
        polars frame, one row per option and snapshot, in the order of the file.  It has the columns
        of `TEXTS`, `NUMBERS` and `DERIVED` (names and units there), those of `OPTIONAL_NUMBERS`
        that the file had, and any other column of the file, unchanged.  A snapshot is the rows of
        one ``timestamp``.
    defects
        The ledger of the file: every check made and what it found.
    source
        The file it was read from.
    rows_read
        Rows in the file; ``frame.height`` of them can be valued and are in the frame.
    """

    frame: pl.DataFrame
    defects: tuple[Defect, ...]
    source: str
    rows_read: int

    def __repr__(self) -> str:
        coins = "/".join(self.frame["currency"].unique().sort())
        snapshots = self.frame["timestamp"].n_unique()
        return f"Chain({self.source}: {self.frame.height:,} {coins} rows, {snapshots} snapshots)"


def read_chain(path: str | PathLike[str]) -> Chain:
    """Read an option chain from a parquet or CSV file, the latter plain or gzipped.

    Times to expiry come from the timestamps on a 365-day year, as the exchange reckons; the file's
    own ``time_to_maturity`` is only compared with them.  A row stays in the chain whatever is wrong
    with its quotes.  It is left out, and counted in `Chain.defects`, if it cannot be valued (no
    time, forward, strike or known type, expired, a name at odds with its columns) or if it repeats
    an option of the same snapshot, which would count its open interest twice.

    Raises
    ------
    ChainError
        The file is empty, damaged or of another layout (the message names the missing columns), or
        no row of it can be valued.
    OSError
        The file cannot be opened.
    """
    source = Path(path)
    raw = _load(source.read_bytes(), source)
    missing = [name for name in (*TEXTS, *NUMBERS) if name not in raw.columns]
    if missing:
        raise ChainError(
            f"{source}: not a Deribit option chain; missing column{'s' * (len(missing) > 1)} "
            f"{', '.join(missing)}; found {', '.join(raw.columns[:30]) or 'none'}"
        )
    if raw.height == 0:
        raise ChainError(f"{source}: a header but no rows")
    typed, unreadable = _typed(raw, source)
    frame, dropped = drop_rows(_derived(typed))
    if frame.height == 0:
        reasons = "; ".join(f"{d.name}: {d.count}" for d in (unreadable, *dropped) if d.count)
        raise ChainError(f"{source}: none of its {raw.height} rows can be valued ({reasons})")
    quality = check_quality(frame)
    frame = frame.with_columns(pl.when(pl.col(name) > 0).then(name) for name in _QUOTES)
    return Chain(frame, (unreadable, *dropped, *quality), str(source), raw.height)


def instrument_name(currency: str, expires: date, strike: int, kind: int) -> str:
    """The exchange's name of an inverse option, for example ``BTC-3APR26-65000-P`` (kind -1)."""
    month = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"[3 * expires.month - 3 : 3 * expires.month]
    day = f"{expires.day}{month}{expires.year % 100:02d}"
    return f"{currency}-{day}-{strike}-{'C' if kind > 0 else 'P'}"


def parse_instruments(names: pl.Series) -> pl.DataFrame:
    """Take names of inverse options apart: currency, expiry_datetime, strike, kind; a row each.

    All four are null where a name is not that of an inverse option; a linear option, for example
    ``BTC_USDC-3APR26-65000-P``, is one such.
    """
    part = pl.col("name").str.extract_groups(_NAME).struct
    day = part.field("2").str.zfill(7).str.to_titlecase().str.to_date("%d%b%y", strict=False)
    parts = names.to_frame("name").select(
        currency=part.field("1"),
        expiry_datetime=day.cast(pl.Datetime("us", "UTC")) + pl.duration(hours=8),
        strike=part.field("3").cast(pl.Float64),
        kind=part.field("4").replace_strict({"C": 1, "P": -1}, return_dtype=pl.Int8),
    )
    known = pl.col("expiry_datetime").is_not_null()  # null too if the day is not in the calendar
    return parts.with_columns(pl.when(known).then(name) for name in parts.columns)


# --- the file -----------------------------------------------------------------------------------


def _load(content: bytes, source: Path) -> pl.DataFrame:
    """The table in ``content``; every column of a CSV as text, so that no value is guessed at."""
    if not content.strip():
        raise ChainError(f"{source}: the file is empty")
    if content.startswith(b"\x1f\x8b"):
        try:
            return _load(gzip.decompress(content), source)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ChainError(f"{source}: damaged or truncated gzip ({error})") from error
    try:
        if content.startswith(b"PAR1"):
            return pl.read_parquet(BytesIO(content))
        return pl.read_csv(BytesIO(content), infer_schema=False, raise_if_empty=False)
    except pl.exceptions.PolarsError as error:
        reason = _ragged_line(content) or str(error).splitlines()[0]
        raise ChainError(f"{source}: neither a parquet nor a CSV table ({reason})") from error


def _ragged_line(content: bytes) -> str:
    """Where a CSV first has a row longer than its header; empty if it has none."""
    rows = csv.reader(StringIO(content.decode("utf-8", errors="replace")))
    try:
        header = next(rows)
        for row in rows:
            if len(row) > len(header):
                return f"line {rows.line_num} has {len(row)} fields, the header {len(header)}"
    except (csv.Error, StopIteration):
        pass
    return ""


def _typed(raw: pl.DataFrame, source: Path) -> tuple[pl.DataFrame, Defect]:
    """The columns in their types, a row number, and the count of numbers and times unreadable."""
    typed: dict[str, pl.Expr] = {}
    readable_types = (pl.String, pl.Null, pl.Float64, pl.Float32)
    for name in (*NUMBERS, *OPTIONAL_NUMBERS):
        if name in raw.columns:
            dtype = raw.schema[name]
            if not (dtype in readable_types or dtype.is_numeric()):
                raise ChainError(f"{source}: column {name} holds {dtype}, not numbers")
            value = pl.col(name)
            if dtype == pl.String:
                value = value.str.strip_chars()
            value = value.cast(pl.Float64, strict=False)
            typed[name] = pl.when(value.is_finite()).then(value)
    for name in _TIMES:
        typed[name] = _as_time(raw, name, source)
    for name in set(TEXTS) - set(_TIMES):
        if raw.schema[name] not in (pl.String, pl.Null, pl.Categorical):
            raise ChainError(f"{source}: column {name} holds {raw.schema[name]}, not text")
        typed[name] = pl.col(name).cast(pl.String).str.strip_chars()

    frame = raw.with_columns(**typed).with_row_index("row", offset=1)
    count, total, examples = 0, 0, list[str]()
    for name in (*NUMBERS, *_TIMES):
        total += raw.height - raw[name].null_count()
        lost = pl.DataFrame({"row": frame["row"], "value": raw[name]}).filter(
            raw[name].is_not_null() & frame[name].is_null()
        )
        texts = lost.with_columns(pl.col("value").cast(pl.String).str.strip_chars())
        empty = pl.col("value").str.to_lowercase().is_in(["", "nan", "null", "none"])
        bad = texts.filter(~empty)
        count += bad.height
        where = bad.head(MAX_EXAMPLES - len(examples)).iter_rows()
        examples += [f"row {row}: {name} {value!r}" for row, value in where]
    return frame, Defect(
        "value unreadable",
        "a number or a time that cannot be read, or is infinite; taken as missing",
        count,
        total,
        unit="values",
        examples=tuple(examples),
    )


def _as_time(raw: pl.DataFrame, name: str, source: Path) -> pl.Expr:
    """Column ``name`` as UTC times: ISO 8601 text, or datetimes (naive ones are taken as UTC)."""
    dtype = raw.schema[name]
    value = pl.col(name)
    if dtype in (pl.String, pl.Null):
        # "%+" wants an offset: a text without one is given UTC
        text = value.cast(pl.String).str.strip_chars().str.replace(" ", "T", literal=True)
        text = (
            pl.when(text.str.contains(r"T.*(Z|[+-]\d\d:?\d\d)$")).then(text).otherwise(text + "Z")
        )
        return text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    if isinstance(dtype, pl.Datetime):
        utc = value.dt.convert_time_zone("UTC") if dtype.time_zone else value
        return utc.dt.replace_time_zone("UTC").cast(pl.Datetime("us", "UTC"))
    raise ChainError(f"{source}: column {name} holds {dtype}, not times")


def _derived(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `kind` and `expiry`, and what the name says as columns ``name_*`` (dropped later)."""
    names = frame["instrument_name"].unique()  # a few thousand names for half a million rows
    said = parse_instruments(names).rename(lambda column: "name_" + column)
    lifetime = (pl.col("expiry_datetime") - pl.col("timestamp")).dt.total_microseconds()
    kinds = {"call": 1, "put": -1, "c": 1, "p": -1}
    return frame.join(
        said.with_columns(names), on="instrument_name", how="left", maintain_order="left"
    ).with_columns(
        kind=pl.col("option_type")
        .str.to_lowercase()
        .replace_strict(kinds, default=None, return_dtype=pl.Int8),
        expiry=lifetime / (1e6 * YEAR_SECONDS),
    )
