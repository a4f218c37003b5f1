"""From the columns of a file to columns with types and units: numbers, times, flags.

A value that cannot be read becomes null and is counted; a time outside 2009 to 2100 is none, so that
seconds taken for milliseconds cannot pass for a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from hedgecore.venues import DataError
from hedgecore.venues.defects import MAX_EXAMPLES, Defect
from hedgecore.venues.layouts import TIME

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading data needs polars: pip install "hedgecore[data]"') from error

Parse = Literal["number", "percent", "integer", "text", "time", "ms", "seconds", "flag"]
"""How a column is read: percent is divided by 100; time is ISO 8601 text or a datetime column;
ms and seconds count from 1970."""

YEAR_SECONDS: Final = 365 * 86_400
"""Seconds in a year (ACT/365)."""

_FIRST_TIME: Final = datetime(2009, 1, 1, tzinfo=UTC)
_LAST_TIME: Final = datetime(2100, 1, 1, tzinfo=UTC)
_EMPTY: Final = ["", "nan", "null", "none", "na", "n/a"]
_PER_SECOND: Final = {"ms": 1e3, "seconds": 1.0}


class Field(NamedTuple):
    """A column of a file: its name, how it is read, and the name that the reader gives it."""

    column: str
    parse: Parse
    name: str


def fields(**spec: str | tuple[str, Parse]) -> list[Field]:
    """Fields from ``name="column"`` (a number) or ``name=("column", parse)``."""
    return [
        Field(value, "number", name) if isinstance(value, str) else Field(value[0], value[1], name)
        for name, value in spec.items()
    ]


def convert(
    raw: pl.DataFrame, wanted: Sequence[Field], source: str, rows: Sequence[int] | None = None
) -> tuple[pl.DataFrame, list[Defect]]:
    """The wanted columns of ``raw`` in their types, with a ``row`` number: ``rows``, or from 1.

    A column that the file does not have is left out.  The ledger counts values that are no number,
    no time or no flag (null, "" and "nan" are missing, not unreadable) and times out of range.

    Raises
    ------
    DataError
        A column holds lists, times where numbers are expected and the like, or times that are
        mostly out of range, which are counts in another unit.
    """
    present = [item for item in wanted if item.column in raw.columns]
    numbers = range(1, raw.height + 1) if rows is None else rows
    frame = pl.DataFrame({"row": pl.Series(numbers, dtype=pl.UInt32)})
    frame = frame.with_columns(**{item.name: _read(raw, item, source) for item in present})
    ledger = [_unreadable(raw, frame, present)]
    percents = [item.name for item in present if item.parse == "percent"]
    if percents:
        values = sum(frame[name].len() - frame[name].null_count() for name in percents)
        what = f"{', '.join(percents)}: divided by 100"
        ledger.append(Defect("given in percent", what, values, values, unit="values"))
    timed = [item.name for item in present if item.parse in ("time", "ms", "seconds")]
    if timed:
        frame, implausible = _plausible_times(frame, timed, source)
        ledger.append(implausible)
    return frame, ledger


def text_frame(records: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    """Columns of text from JSON records: numbers as they would be written, null where missing."""
    return pl.DataFrame(
        text_columns({name: [record.get(name) for record in records] for name in columns})
    )


def text_columns(columns: Mapping[str, Sequence[Any]]) -> list[pl.Series]:
    """Columns of text from JSON values."""
    return [
        pl.Series(name, [_as_text(value) for value in values], dtype=pl.String)
        for name, values in columns.items()
    ]


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _read(raw: pl.DataFrame, item: Field, source: str) -> pl.Series:
    """One column in its type."""
    values = raw[item.column]
    dtype = values.dtype
    if item.parse == "time":
        return as_times(values, item.column, source)
    if item.parse == "text":
        if dtype not in (pl.String, pl.Null, pl.Categorical) and not isinstance(dtype, pl.Enum):
            raise DataError(f"{source}: column {item.column} holds {dtype}, not text")
        text = values.cast(pl.String).str.strip_chars()
        return text.set(text == "", None)
    if item.parse == "flag":
        if dtype == pl.Boolean:
            return values
        if dtype not in (pl.String, pl.Null):
            raise DataError(f"{source}: column {item.column} holds {dtype}, not true or false")
        lower = values.cast(pl.String).str.strip_chars().str.to_lowercase()
        return lower.replace_strict(
            ["true", "false"], [True, False], default=None, return_dtype=pl.Boolean
        )
    if not (dtype in (pl.String, pl.Null) or dtype.is_numeric()):
        raise DataError(f"{source}: column {item.column} holds {dtype}, not numbers")
    if dtype == pl.String:
        values = values.str.strip_chars()
    if item.parse == "integer":
        return values.cast(pl.Int64, strict=False)
    numbers = values.cast(pl.Float64, strict=False)
    numbers = numbers.set(numbers.is_infinite() | numbers.is_nan(), None)
    if item.parse == "percent":  # polars would multiply by 0.01, which rounds twice
        return pl.Series(item.name, numbers.to_numpy() / 100.0, nan_to_null=True)
    if item.parse in _PER_SECOND:
        micros = numbers * (1e6 / _PER_SECOND[item.parse])
        # out of the range of the type is out of the range of times, which is checked later
        return micros.clip(-9e18, 9e18).round().cast(pl.Int64).cast(TIME)
    return numbers


def as_times(values: pl.Series, column: str, source: str) -> pl.Series:
    """UTC times from ISO 8601 text or datetimes; those without an offset are taken as UTC."""
    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        utc = values.dt.convert_time_zone("UTC") if dtype.time_zone else values
        return utc.dt.replace_time_zone("UTC").cast(TIME)
    if dtype == pl.Date:
        return values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if dtype not in (pl.String, pl.Null):
        raise DataError(f"{source}: column {column} holds {dtype}, not times")
    distinct = values.cast(pl.String).unique()  # few times among half a million rows
    text = pl.col("text").str.strip_chars().str.replace(" ", "T", literal=True)
    text = text.str.replace(r"^(\d{4}-\d\d-\d\d)$", "${1}T00:00:00")
    # "%+" wants an offset: a text without one is given UTC
    text = pl.when(text.str.contains(r"T.*(Z|[+-]\d\d:?\d\d)$")).then(text).otherwise(text + "Z")
    known = distinct.to_frame("text").with_columns(
        time=text.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    )
    all_text = values.cast(pl.String).to_frame("text")
    return all_text.join(known, on="text", how="left", maintain_order="left")["time"]


def _unreadable(raw: pl.DataFrame, frame: pl.DataFrame, present: Sequence[Field]) -> Defect:
    count, total, examples = 0, 0, list[str]()
    for item in present:
        if item.parse == "text":
            continue
        values = raw[item.column]
        total += values.len() - values.null_count()
        lost = values.is_not_null() & frame[item.name].is_null()
        if not lost.any():
            continue
        texts = pl.DataFrame({"row": frame["row"], "value": values}).filter(lost)
        texts = texts.with_columns(pl.col("value").cast(pl.String).str.strip_chars())
        bad = texts.filter(~pl.col("value").str.to_lowercase().is_in(_EMPTY))
        count += bad.height
        where = bad.head(max(0, MAX_EXAMPLES - len(examples))).iter_rows()
        examples += [f"row {row}: {item.column} {value!r}" for row, value in where]
    return Defect(
        "value unreadable",
        "a number, time or flag that cannot be read, or is infinite; taken as missing",
        count,
        total,
        unit="values",
        examples=tuple(examples),
    )


def _plausible_times(
    frame: pl.DataFrame, timed: Sequence[str], source: str
) -> tuple[pl.DataFrame, Defect]:
    count, total, examples = 0, 0, list[str]()
    for name in timed:
        outside = (pl.col(name) < _FIRST_TIME) | (pl.col(name) >= _LAST_TIME)
        present = frame.filter(pl.col(name).is_not_null())
        bad = present.filter(outside)
        total += present.height
        count += bad.height
        where = bad.head(max(0, MAX_EXAMPLES - len(examples)))["row"]
        examples += [f"row {row}: {name}" for row in where]
        if 2 * bad.height > present.height:
            raise DataError(
                f"{source}: {bad.height} of {present.height} values of {name} are no times of 2009 "
                "to 2099 in the unit of this format: seconds, milliseconds and microseconds mixed up?"
            )
        if bad.height:
            frame = frame.with_columns(pl.when(~outside).then(name).alias(name))
    return frame, Defect(
        "time implausible",
        "before 2009 or after 2099, a count in another unit: taken as missing",
        count,
        total,
        unit="values",
        examples=tuple(examples),
    )
