"""Rows of quotes from the columns that a format has: names taken apart, units checked, defects told.

`quotes_table` is the last step of every reader of quotes.  It leaves out the rows that cannot be
used (no time, no known name, a name at odds with the columns, expired, repeated), takes zeros that
mean "none" as missing, takes values in another unit as missing, and counts all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from hedgecore import pricing
from hedgecore.venues import DataError
from hedgecore.venues.columns import YEAR_SECONDS
from hedgecore.venues.defects import Defect, count_rows
from hedgecore.venues.layouts import LAYOUTS, laid_out
from hedgecore.venues.quality import check_quotes
from hedgecore.venues.tables import Table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading quotes needs polars: pip install "hedgecore[data]"') from error

Parser = Callable[[pl.Series], pl.DataFrame]
"""Takes names apart, as `hedgecore.venues.deribit.instruments.parse_many`."""

LEAST_VOL: Final = 0.02
MOST_VOL: Final = 10.0
"""Vols of marks outside this range (2 % to 1000 %) are taken for another unit."""

MARK_TOLERANCE: Final = 0.01
"""Largest distance of a mark from the price at its vol, coins: twice the largest in real chains."""

_NAMED: Final = ("base", "type", "kind", "strike", "expiry_time", "settlement", "currency")
_VOLS: Final = ("bid_vol", "ask_vol", "mark_vol")
_PRICES: Final = ("bid", "ask", "mark", "last")
_IS_OPTION: Final = pl.col("type") == "option"


def quotes_table(
    frame: pl.DataFrame,
    *,
    parser: Parser,
    format: str,
    source: str,
    rows_read: int,
    ledger: Sequence[Defect],
    is_stream: bool = False,
    may_be_empty: bool = False,
) -> Table:
    """The table of quotes of ``frame``, which has the columns that the format has.

    Beside columns of the layout (with their units) ``frame`` has ``row`` and may have what the file
    itself says of the contract, compared with the name: ``own_kind`` ("call" or "put"),
    ``own_strike``, ``own_base``, ``own_expiry_time``; and ``own_expiry``, the file's years to
    expiry, only compared.  In a stream, rows of the same time and instrument are updates, not
    repetitions, and there are no snapshots.

    Raises
    ------
    DataError
        No row is left, or most vols or prices are in another unit than the format's.
    """
    given = set(frame.columns)
    frame = with_contracts(frame, parser)
    found = list(ledger)
    for name, description, is_bad, shown in _fatal(given, is_stream):
        found.append(
            count_rows(frame, name, description, is_bad, shown, dropped=True, label=_LABEL)
        )
        if found[-1].count:
            frame = frame.filter(is_bad.fill_null(False).not_())
    if frame.height == 0 and not may_be_empty:
        reasons = "; ".join(f"{d.name}: {d.count}" for d in found if d.count)
        raise DataError(f"{source}: none of its {rows_read} rows can be used ({reasons})")
    frame, zeros = _zeros_to_null(_all_columns(frame), given)
    frame, units = _in_unit(frame, source)
    found += [*zeros, *units, *check_quotes(frame, given, is_stream=is_stream)]
    return Table("quotes", format, laid_out(frame, "quotes"), tuple(found), source, rows_read)


_LABEL: Final = "instrument"


def with_contracts(frame: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Add what the names say, and the years to expiry where there is a timestamp."""
    names = frame["instrument"].unique()  # a few thousand names for half a million rows
    said = parser(names).select(*_NAMED).with_columns(names.alias("instrument"))
    frame = frame.join(said, on="instrument", how="left", maintain_order="left", nulls_equal=True)
    if "timestamp" not in frame.columns:
        return frame
    lifetime = (frame["expiry_time"] - frame["timestamp"]).dt.total_microseconds()
    # polars divides by multiplying with the inverse, but not so a single row: other last bits
    years = lifetime.cast(pl.Float64).to_numpy() / (1e6 * YEAR_SECONDS)
    return frame.with_columns(expiry=pl.Series(years, nan_to_null=True))


def _fatal(given: set[str], is_stream: bool) -> list[tuple[str, str, pl.Expr, tuple[str, ...]]]:
    """What makes a row useless: name, description, condition, columns shown."""
    at_odds = [
        pl.col(own) != pl.col(said)
        for own, said in (
            ("own_base", "base"),
            ("own_strike", "strike"),
            ("own_expiry_time", "expiry_time"),
        )
        if own in given
    ]
    if "own_kind" in given:
        kinds = {"call": 1, "put": -1, "c": 1, "p": -1}
        kind = pl.col("own_kind").str.to_lowercase()
        # another word than call or put is at odds with the name as well
        at_odds.append(
            pl.col("own_kind").is_not_null()
            & kind.replace_strict(kinds, default=0, return_dtype=pl.Int8).ne_missing(pl.col("kind"))
        )
    shown = tuple(name for name in ("own_base", "own_strike", "own_kind") if name in given)
    checks = [
        (
            "essential value missing",
            "no timestamp or no instrument: left out",
            pl.col("timestamp").is_null() | pl.col("instrument").is_null(),
            ("timestamp",),
        ),
        (
            "name unknown",
            "not the name of an instrument of the venue: left out",
            pl.col("type").is_null(),
            (),
        ),
        (
            "name inconsistent with columns",
            "coin, expiry, strike or type differ from the name, the contract is in doubt: left out",
            pl.any_horizontal(at_odds) if at_odds else pl.lit(False),
            shown,
        ),
        (
            "expired",
            "the quote is of the time of expiry or later: left out",
            pl.col("expiry") <= 0,
            ("timestamp", "expiry_time"),
        ),
    ]
    if not is_stream:
        checks.append(
            (
                "row repeated",
                "the same instrument twice at a time: the first is kept, the others left out",
                pl.struct("timestamp", "instrument").is_first_distinct().not_(),
                ("timestamp",),
            )
        )
    return checks


def _all_columns(frame: pl.DataFrame) -> pl.DataFrame:
    missing = {name: c.dtype for name, c in LAYOUTS["quotes"].items() if name not in frame.columns}
    return frame.with_columns(pl.lit(None).cast(dtype).alias(n) for n, dtype in missing.items())


def _zeros_to_null(frame: pl.DataFrame, given: set[str]) -> tuple[pl.DataFrame, list[Defect]]:
    """Zeros that mean "none", or nothing at all, are counted and become null."""
    ledger = [
        count_rows(
            frame,
            f"{name.replace('_', ' ')} missing",
            f"no {name.replace('_', ' ')}, or not positive: null",
            ~(pl.col(name) > 0).fill_null(False),
            (name,),
            label=_LABEL,
        )
        for name in ("bid", "ask", "mark", "index")
        if name in given
    ]
    options = frame.filter(_IS_OPTION)
    ledger += [
        count_rows(
            options,
            f"{name.replace('_', ' ')} missing",
            f"options whose {name.replace('_', ' ')} is missing or not positive (0: none): null",
            ~(pl.col(name) > 0).fill_null(False),
            (name,),
            label=_LABEL,
        )
        for name in (*_VOLS, "forward")
        if name in given and options.height
    ]
    columns = (*_PRICES, *_VOLS, "index", "forward")
    return frame.with_columns(pl.when(pl.col(n) > 0).then(n).alias(n) for n in columns), ledger


def _in_unit(frame: pl.DataFrame, source: str) -> tuple[pl.DataFrame, list[Defect]]:
    """Take values that can only be in another unit as missing; an error if they are most of them."""
    index_off = _IS_OPTION & (pl.col("forward") / pl.col("index")).log().abs().gt(np.log(2.0))
    vol_off = [
        _IS_OPTION & (pl.col("mark_vol") > 0) & ~pl.col("mark_vol").is_between(LEAST_VOL, MOST_VOL),
        # a bid's or an ask's vol is unbounded in principle, but not below all marks
        _IS_OPTION & (pl.col("bid_vol") > 0) & ~pl.col("bid_vol").is_between(1e-3, 20.0),
        _IS_OPTION & (pl.col("ask_vol") > 0) & ~pl.col("ask_vol").is_between(1e-3, 20.0),
    ]
    ledger: list[Defect] = []
    for name, bad in zip(("mark_vol", "bid_vol", "ask_vol"), vol_off, strict=True):
        frame = _judge(frame, ledger, source, name, bad)
    both = frame.with_columns(index=pl.when(~index_off.fill_null(False)).then("index"))
    frame = _judge(frame, ledger, source, "forward", index_off).with_columns(both["index"])
    frame = frame.with_columns(model=_model_price(frame))
    for name in _PRICES:
        frame = _judge(frame, ledger, source, name, _price_off(name))
    return _judge(frame, ledger, source, "delta", pl.col("delta").abs() > 1.0 + 1e-6), ledger


def _judge(
    frame: pl.DataFrame, ledger: list[Defect], source: str, column: str, is_bad: pl.Expr
) -> pl.DataFrame:
    """Count what is bad in a column and make it null; an error if it is most of the column."""
    present = frame.drop_nulls(column)
    if present.height == 0:
        return frame
    found = count_rows(
        present,
        f"{column.replace('_', ' ')} implausible",
        _UNITS[column],
        is_bad,
        (column,),
        label=_LABEL,
        unit="values",
    )
    if 2 * found.count > present.height:
        raise DataError(
            f"{source}: {found.count} of {present.height} values of {column} are not in the unit of "
            f"this format ({'; '.join(found.examples)}): {_UNITS[column]}"
        )
    ledger.append(found)
    if not found.count:
        return frame
    return frame.with_columns(pl.when(~is_bad.fill_null(False)).then(column).alias(column))


_UNITS: Final = {
    **dict.fromkeys(_VOLS, "percent and decimal vols mixed up? taken as missing"),
    **dict.fromkeys(_PRICES, "prices in coin and in quote currency mixed up? taken as missing"),
    "forward": "forward and index differ by more than a factor of 2: both taken as missing",
    "delta": "outside -1 to 1: not a Black delta per coin, taken as missing",
}


def _model_price(frame: pl.DataFrame) -> pl.Series:
    """Black price of every option at its own mark vol, in the unit of its prices; else null."""
    columns = {
        name: frame[name].cast(pl.Float64).to_numpy()
        for name in ("kind", "strike", "expiry", "forward", "mark_vol")
    }
    usable = np.ones(frame.height, dtype=bool)
    for values in columns.values():
        usable &= np.isfinite(values)
    usable &= (columns["forward"] > 0) & (columns["strike"] > 0) & (columns["mark_vol"] > 0)
    model = np.full(frame.height, np.nan)
    if usable.any():
        kept = {name: values[usable] for name, values in columns.items()}
        forward = kept["forward"]
        price = pricing.greeks(
            kept["kind"].astype(np.int8),
            strike=kept["strike"],
            expiry=kept["expiry"],
            forward=forward,
            vol=kept["mark_vol"],
            which=("price",),
            errors="nan",
        )["price"]
        is_inverse = (frame["settlement"] == "inverse").to_numpy()[usable]
        model[usable] = np.where(is_inverse, price / forward, price)
    return pl.Series(model, nan_to_null=True)


def _price_off(name: str) -> pl.Expr:
    """Where a price is impossible, or is what the price at the row's vol is in the other unit."""
    price, forward = pl.col(name), pl.col("forward")
    inverse = pl.col("settlement") == "inverse"
    unit = pl.when(inverse).then(1.0).otherwise(forward)  # worth of a coin in the price's unit
    other = pl.when(inverse).then(pl.col("model") * forward).otherwise(pl.col("model") / forward)
    swapped = (
        (price / other).log().abs().lt(np.log(3.0))
        & (price / pl.col("model")).log().abs().gt(np.log(10.0))
        & pl.when(inverse).then(price > (0.5 if name == "ask" else 0.15)).otherwise(True)
    )
    relative = pl.col("strike") / forward
    most = unit * pl.when(pl.col("kind") > 0).then(1.0).otherwise(relative)  # of a call, of a put
    times = {"bid": 1.1, "mark": 1.1, "last": 3.0, "ask": 20.0}  # asks can be anything
    bad = swapped.fill_null(False) | (price > most * times[name] + 0.01 * unit)
    if name == "mark":
        away = (price - pl.col("model")).abs() > MARK_TOLERANCE * unit
        bad = bad | away.fill_null(False)
    traded = pl.col("type").is_in(["future", "perpetual"])
    far = (price / pl.col("index")).log().abs().gt(np.log(2.0))
    return (price > 0) & ((_IS_OPTION & bad.fill_null(False)) | (traded & far.fill_null(False)))
