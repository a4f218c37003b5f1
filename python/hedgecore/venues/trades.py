"""Rows of trades from the columns that a format has: names taken apart, units checked, defects told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hedgecore.venues import DataError
from hedgecore.venues.defects import MAX_EXAMPLES, Defect, count_rows
from hedgecore.venues.layouts import SIDES, laid_out
from hedgecore.venues.quotes import LEAST_VOL, Parser, with_contracts
from hedgecore.venues.tables import Table

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading trades needs polars: pip install "hedgecore[data]"') from error

MOST_VOL: Final = 20.0
"""Vols of trades above 2000 % are taken for percent."""

_IS_OPTION: Final = pl.col("type") == "option"


def trades_table(
    frame: pl.DataFrame,
    *,
    parser: Parser,
    format: str,
    source: str,
    rows_read: int,
    ledger: Sequence[Defect],
) -> Table:
    """The table of trades of ``frame``, which has the columns that the format has.

    Beside columns of the layout, with their units (``side`` as text), it has ``row`` and may have
    ``own_day`` (the file's day, compared with the time) and ``own_is_trade``.

    Raises
    ------
    DataError
        No row is left, or most prices or vols are in another unit than the format's.
    """
    given = set(frame.columns)
    frame = with_contracts(frame, parser)
    found = list(ledger)
    for name, description, is_bad, shown in _fatal(given):
        bad = count_rows(frame, name, description, is_bad, shown, dropped=True, label="instrument")
        found.append(bad)
        if bad.count:
            frame = frame.filter(is_bad.fill_null(False).not_())
    if frame.height == 0:
        reasons = "; ".join(f"{d.name}: {d.count}" for d in found if d.count)
        raise DataError(f"{source}: none of its {rows_read} trades can be used ({reasons})")
    side = pl.col("side").str.to_lowercase()
    sides = {"buy": "buy", "sell": "sell"}
    frame = frame.with_columns(side=side.replace_strict(sides, default=None, return_dtype=SIDES))
    frame, units = _in_unit(frame, given, source)
    found += [
        *units,
        count_rows(
            frame,
            "side unknown",
            "neither buy nor sell: null",
            pl.col("side").is_null(),
            (),
            label="instrument",
        ),
        *_time_checks(frame, given),
    ]
    return Table("trades", format, laid_out(frame, "trades"), tuple(found), source, rows_read)


def _fatal(given: set[str]) -> list[tuple[str, str, pl.Expr, tuple[str, ...]]]:
    repeated = pl.struct("instrument", "trade_id").is_first_distinct().not_()
    return [
        (
            "essential value missing",
            "no timestamp, instrument, price or amount: left out",
            pl.any_horizontal(
                pl.col(name).is_null() for name in ("timestamp", "instrument", "price", "amount")
            ),
            ("timestamp", "price", "amount"),
        ),
        (
            "not a trade",
            "the file marks the row as something else: left out",
            ~pl.col("own_is_trade") if "own_is_trade" in given else pl.lit(False),
            (),
        ),
        (
            "name unknown",
            "not the name of an instrument of the venue: left out",
            pl.col("type").is_null(),
            (),
        ),
        (
            "price or amount not positive",
            "no trade has it: left out",
            (pl.col("amount") <= 0) | ((pl.col("price") <= 0) & (pl.col("type") != "combo")),
            ("price", "amount"),
        ),
        (
            "expired",
            "the trade is of the time of expiry or later: left out",
            pl.col("expiry") <= 0,
            ("timestamp", "expiry_time"),
        ),
        (
            "row repeated",
            "the same number of a trade twice: the first is kept, the others left out",
            pl.col("trade_id").is_not_null() & repeated if "trade_id" in given else pl.lit(False),
            ("trade_id",) if "trade_id" in given else (),
        ),
    ]


def _in_unit(
    frame: pl.DataFrame, given: set[str], source: str
) -> tuple[pl.DataFrame, list[Defect]]:
    """Vols and prices that can only be in another unit become null, or an error if they are most."""
    ledger = []
    checks = []
    if "vol" in given:
        none = _IS_OPTION & ~(pl.col("vol") > 0).fill_null(False)
        what = "an option trade without an implied vol (0: below intrinsic): null"
        ledger.append(count_rows(frame, "vol missing", what, none, ("price",), label="instrument"))
        frame = frame.with_columns(pl.when(pl.col("vol") > 0).then("vol").alias("vol"))
        checks.append(("vol", ~pl.col("vol").is_between(LEAST_VOL, MOST_VOL)))
    inverse = pl.col("settlement") == "inverse"
    relative = pl.col("strike") / pl.col("index") if "index" in given else pl.lit(1.0)
    most = pl.when(pl.col("kind") > 0).then(1.0).otherwise(pl.max_horizontal(1.0, relative))
    checks.append(("price", _IS_OPTION & inverse & (pl.col("price") > 2.0 * most)))
    if "index" in given:
        far = (pl.col("price") / pl.col("index")).log().abs() > 0.7
        checks[-1] = (
            "price",
            checks[-1][1] | (pl.col("type").is_in(["future", "perpetual"]) & far),
        )
    for name, is_bad in checks:
        present = frame.drop_nulls(name)
        what = "no such value is possible, another unit? taken as missing"
        bad = count_rows(
            present, f"{name} implausible", what, is_bad, (name,), label="instrument", unit="values"
        )
        if 2 * bad.count > present.height:
            raise DataError(
                f"{source}: {bad.count} of {present.height} values of {name} are not in the unit of "
                f"this format ({'; '.join(bad.examples)})"
            )
        ledger.append(bad)
        if bad.count:
            kept = pl.when(~is_bad.fill_null(False)).then(name).alias(name)
            frame = frame.with_columns(kept)
    return frame, ledger


def _time_checks(frame: pl.DataFrame, given: set[str]) -> list[Defect]:
    ledger = [
        count_rows(
            frame,
            "not in order of time",
            "trades that are earlier than the row before",
            pl.col("timestamp") < pl.col("timestamp").shift(1),
            ("timestamp",),
            label="instrument",
        )
    ]
    if "own_day" in given:
        day = pl.col("timestamp").dt.truncate("1d")
        ledger.append(
            count_rows(
                frame,
                "day differs from the time",
                "the column of the day is of another UTC day than the time; not used",
                (pl.col("own_day") != day) | pl.col("own_day").is_null(),
                ("timestamp",),
                label="instrument",
            )
        )
        spans = frame.group_by(day.alias("day")).agg(
            first=pl.col("timestamp").min(), last=pl.col("timestamp").max()
        )
        hours = (pl.col("last") - pl.col("first")).dt.total_seconds() / 3600
        partial = spans.filter(hours < 22.0).sort("day")
        ledger.append(
            Defect(
                "day partial",
                "the trades of the day span less than 22 hours",
                partial.height,
                spans.height,
                unit="days",
                examples=tuple(
                    f"{day:%Y-%m-%d}: {first:%H:%M} to {last:%H:%M}"
                    for day, first, last in partial.head(MAX_EXAMPLES).iter_rows()
                ),
            )
        )
    return ledger
