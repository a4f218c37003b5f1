"""Funding rates, volatility indices and gas fees: one value at a time."""

from __future__ import annotations

from typing import Any, Final

from hedgecore.venues import DataError
from hedgecore.venues.columns import Field, Parse, convert, fields, text_frame
from hedgecore.venues.defects import MAX_EXAMPLES, Defect, count_rows
from hedgecore.venues.files import Content
from hedgecore.venues.layouts import laid_out
from hedgecore.venues.tables import Table
from hedgecore.venues.timeline import gaps, in_order

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading series needs polars: pip install "hedgecore[data]"') from error

USUAL_RATE: Final = (2e-6, 3e-3)
"""The median funding rate, per 8 hours and without its sign, of 30 payments and more is in here."""

MOST_RATE: Final = 0.03
"""A funding rate above 3 % per 8 hours is taken for another unit."""

_LEAST_ROWS: Final = 30
_KNOWN_OFFSET: Final = (
    3  # payments at 03, 11 and 19 h are those of 00, 08 and 16 h on a clock of UTC+3
)


def rates_table(content: Content, raw: pl.DataFrame, lower: dict[str, str]) -> Table:
    """Funding rates as fractions per period, with their own times put on UTC and whole hours."""
    spec = [
        Field(lower["date"], "time", "timestamp"),
        Field(lower["symbol"], "text", "symbol"),
        Field(lower["funding rate"], "number", "rate"),
    ]
    frame, ledger = convert(raw, spec, content.source)
    return _funding(frame, content, ledger, "funding rates")


def pairs_table(content: Content) -> Table | None:
    """JSON pairs [milliseconds, value]: a volatility index or funding rates, told by the values.

    Raises
    ------
    DataError
        Pairs whose values are neither vol points nor funding rates in percent.
    """
    document = content.document
    if not isinstance(document, list) or not document or not isinstance(document[0], list):
        return None
    pairs = [pair for pair in document if _is_pair(pair)]
    if 2 * len(pairs) < len(document):
        return None
    rows = [row for row, pair in enumerate(document, start=1) if _is_pair(pair)]
    broken = [row for row, pair in enumerate(document, start=1) if not _is_pair(pair)]
    records = [{"ms": pair[0], "value": pair[1]} for pair in pairs]
    spec = fields(timestamp=("ms", "ms"), value=("value", "percent"))
    frame, ledger = convert(text_frame(records, ["ms", "value"]), spec, content.source, rows=rows)
    ledger.insert(
        0,
        Defect(
            "pair unreadable",
            "not a pair of a time and a value: left out",
            len(broken),
            len(document),
            dropped=True,
            examples=tuple(
                f"row {row}: {document[row - 1]!r:.40}" for row in broken[:MAX_EXAMPLES]
            ),
        ),
    )
    size = frame["value"].abs().median()
    step = frame["timestamp"].drop_nulls().sort().diff().median()
    hours = step.total_seconds() / 3600 if step is not None else 0.0  # type: ignore[union-attr]
    if isinstance(size, float) and 0.05 <= size <= 10.0:
        return _index(frame.rename({"value": "vol"}), content, ledger)
    if isinstance(size, float) and size < 0.05 and 0 < hours <= 8.1:
        return _funding(frame.rename({"value": "rate"}), content, ledger, "funding in percent")
    raise DataError(
        f"{content.source}: pairs of times and values, {hours:.1f} hours apart, of the size of "
        f"{100 * size if isinstance(size, float) else 'nothing'}: neither a volatility index in "
        "vol points nor funding rates in percent"
    )


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, list)
        and len(pair) == 2
        and all(isinstance(item, (int, float)) and not isinstance(item, bool) for item in pair)
    )


def _funding(frame: pl.DataFrame, content: Content, ledger: list[Defect], form: str) -> Table:
    rows = len(content.document) if content.document is not None else content.rows
    hour = pl.col("timestamp").dt.round("1h")
    off = (pl.col("timestamp") - hour).dt.total_milliseconds().abs()
    shown = ("timestamp",)
    ledger = [
        *content.defects,
        *ledger,
        count_rows(
            frame,
            "time jitters",
            "up to a second beside the full hour: put on it",
            (off > 0) & (off <= 1000),
            shown,
            label="",
        ),
        count_rows(
            frame,
            "time not on the hour",
            "more than a second beside the full hour: left as it is",
            off > 1000,
            shown,
            label="",
        ),
    ]
    frame = frame.with_columns(
        pl.when(off <= 1000).then(hour).otherwise("timestamp").alias("timestamp")
    )
    frame, found = in_order(frame, content.source)
    seconds, gap = gaps(frame, "payment")
    ledger += [*found, gap]
    if seconds is not None and seconds == 8 * 3600:
        frame, clock = _on_utc(frame)
        ledger.append(clock)
    hours = seconds / 3600 if seconds else None
    frame, found = _plausible_rates(frame, hours or 8.0, content.source)
    frame = frame.with_columns(hours=pl.lit(hours))
    return Table(
        "funding", form, laid_out(frame, "funding"), (*ledger, *found), content.source, rows
    )


def _on_utc(frame: pl.DataFrame) -> tuple[pl.DataFrame, Defect]:
    """Put payments every 8 hours onto 00, 08, 16 UTC if they are all of a clock of UTC+3."""
    phase = pl.col("timestamp").dt.hour().cast(pl.Int32) % 8
    phases = frame.select(phase.alias("phase"))["phase"]
    elsewhere = phases != 0
    shifted = (phases == _KNOWN_OFFSET).mean()
    is_known = isinstance(shifted, float) and shifted > 0.95
    if is_known:
        frame = frame.with_columns(pl.col("timestamp") - pl.duration(hours=_KNOWN_OFFSET))
    what = (
        "payments at 03, 11 and 19 h, those of 00, 08 and 16 h UTC on a clock of UTC+3: 3 hours "
        "were taken off every time"
        if is_known
        else "payments every 8 hours elsewhere than at 00, 08 and 16 h: left as they are"
    )
    return frame, Defect("clock not UTC", what, int(elsewhere.sum()), frame.height)


def _plausible_rates(
    frame: pl.DataFrame, hours: float, source: str
) -> tuple[pl.DataFrame, list[Defect]]:
    rate = pl.col("rate") * (8.0 / hours)
    median = frame.select(rate.abs().median()).item()
    least, most = USUAL_RATE
    if median is not None and frame.height >= _LEAST_ROWS and not least <= median <= most:
        raise DataError(
            f"{source}: the median funding rate is {median:.3g} per 8 hours, if the file is in the "
            "unit of its format: fractions and percent mixed up?"
        )
    off = rate.abs() > MOST_RATE
    shown = ("timestamp", "rate")
    ledger = [
        count_rows(frame, "rate missing", "null", pl.col("rate").is_null(), shown, label=""),
        count_rows(
            frame,
            "rate implausible",
            "above 3 % per 8 hours, another unit? taken as missing",
            off,
            shown,
            label="",
        ),
        count_rows(
            frame,
            "rate unusual",
            "above 0.75 % per 8 hours: real, or another unit",
            (rate.abs() > 0.0075) & ~off,
            shown,
            label="",
        ),
    ]
    return frame.with_columns(pl.when(~off).then("rate").alias("rate")), ledger


def _index(frame: pl.DataFrame, content: Content, ledger: list[Defect]) -> Table:
    frame, found = in_order(frame, content.source)
    _, gap = gaps(frame, "value")
    off = ~pl.col("vol").is_between(0.05, 10.0)
    what = "below 5 or above 1000 vol points, another unit? taken as missing"
    ledger = [
        *content.defects,
        *ledger,
        *found,
        gap,
        count_rows(frame, "vol missing", "null", pl.col("vol").is_null(), ("timestamp",), label=""),
        count_rows(frame, "vol implausible", what, off, ("timestamp", "vol"), label=""),
    ]
    frame = frame.with_columns(pl.when(~off).then("vol").alias("vol"))
    return Table(
        "dvol",
        "volatility index",
        laid_out(frame, "dvol"),
        tuple(ledger),
        content.source,
        len(content.document),
    )


_WEI: Final = ("base_fee_per_gas_wei", "basefee_wei", "base_fee_wei")
_GWEI: Final = ("base_fee_gwei", "basefee_gwei")
_MOST_WEI: Final = 1e13  # 10,000 gwei, three times the highest base fee there has been


def gas_table(content: Content, raw: pl.DataFrame, lower: dict[str, str]) -> Table | None:
    """Base fees by block; None if no column says the unit of the fee."""
    wei = next((lower[name] for name in _WEI if name in lower), None)
    gwei = next((lower[name] for name in _GWEI if name in lower), None)
    if wei is None and gwei is None:
        return None
    spec = [Field(lower["block_number"], "integer", "block")]
    others: tuple[tuple[str, Parse, str], ...] = (
        ("timestamp", "time", "timestamp"),
        ("timestamp_utc", "time", "timestamp"),
        ("timestamp_unix", "seconds", "own_seconds"),
        ("gas_used", "number", "gas_used"),
        ("gas_limit", "number", "gas_limit"),
    )
    spec += [Field(lower[column], parse, name) for column, parse, name in others if column in lower]
    spec += [Field(wei, "number", "wei")] if wei else []
    spec += [Field(gwei, "number", "gwei")] if gwei else []
    frame, ledger = convert(raw, spec, content.source)
    fee = pl.col("wei") if wei else pl.col("gwei") * 1e9
    frame, found = in_order(frame.with_columns(base_fee=fee), content.source, key="block")
    ledger = [*content.defects, *ledger, *found, *_fee_checks(frame, content.source)]
    off = ~pl.col("base_fee").is_between(1.0, _MOST_WEI) & (pl.col("base_fee") != 0)
    frame = frame.with_columns(pl.when(~off).then("base_fee").alias("base_fee"))
    return Table(
        "gas", "gas fees", laid_out(frame, "gas"), tuple(ledger), content.source, content.rows
    )


def _fee_checks(frame: pl.DataFrame, source: str) -> list[Defect]:
    fee, block = pl.col("base_fee"), pl.col("block")
    off = ~fee.is_between(1.0, _MOST_WEI) & (fee != 0)
    step = (block - block.shift(1)).median()
    next_one = block == block.shift(1) + 1
    # a block may use one unit more than twice its target if its limit is odd
    limit = (fee - fee.shift(1)).abs() > fee.shift(1) / 8 * (1.0 + 1e-6) + 1.0
    checks = [
        ("base fee missing", "null", fee.is_null()),
        ("base fee implausible", "below 1 wei or above 10,000 gwei: taken as missing", off),
        ("block missing", "a larger step than usual from the block before", block.diff() > step),
        (
            "base fee moved too far",
            "by more than an eighth from one block to the next, which the rule of Ethereum forbids",
            next_one & limit,
        ),
    ]
    if "timestamp" in frame.columns:
        time = pl.col("timestamp")
        checks += [
            ("time missing", "null", time.is_null()),
            ("time goes back", "earlier than the block before", time < time.shift(1)),
        ]
        if "own_seconds" in frame.columns:
            differs = pl.col("own_seconds") != time
            checks.append(
                ("times differ", "the two times of a row differ: the text is used", differs)
            )
    else:
        checks.append(("time missing", "this file has no times: null", pl.lit(True)))
    if {"wei", "gwei"} <= set(frame.columns):
        apart = (pl.col("wei") / 1e9 - pl.col("gwei")).abs() > 1e-6 * pl.col("gwei").abs()
        checks.append(("fees differ", "the fees in wei and in gwei differ: wei is used", apart))
    ledger = [
        count_rows(frame, name, what, is_bad, ("block", "base_fee"), label="")
        for name, what, is_bad in checks
    ]
    implausible = ledger[1]
    if 2 * implausible.count > frame.height:
        raise DataError(
            f"{source}: {implausible.count} of {frame.height} base fees are not in the unit of this "
            "format: wei and gwei mixed up?"
        )
    return ledger
