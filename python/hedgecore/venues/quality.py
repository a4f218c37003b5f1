"""What is wrong with quotes that stay in the table: counted, told, and left as it is."""

from __future__ import annotations

from typing import Final

import numpy as np

from hedgecore.venues.columns import YEAR_SECONDS
from hedgecore.venues.defects import MAX_EXAMPLES, Defect, count_rows

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading quotes needs polars: pip install "hedgecore[data]"') from error

_BID, _ASK, _MARK = pl.col("bid"), pl.col("ask"), pl.col("mark")
_IS_OPTION: Final = pl.col("type") == "option"

_CHECKS: Final[tuple[tuple[str, str, set[str], pl.Expr, tuple[str, ...]], ...]] = (
    (
        "not two-sided",
        "bid or ask missing",
        {"bid", "ask"},
        _BID.is_null() | _ASK.is_null(),
        ("bid", "ask"),
    ),
    ("crossed", "bid above ask", {"bid", "ask"}, _BID > _ASK, ("bid", "ask")),
    (
        "mark outside bid-ask",
        "mark below the bid or above the ask, where there is one",
        {"bid", "ask", "mark"},
        (_MARK < _BID).fill_null(False) | (_MARK > _ASK).fill_null(False),
        ("bid", "ask", "mark"),
    ),
    (
        "bid without a vol",
        "an option with a bid that has no vol (below intrinsic, or not given)",
        {"bid", "bid_vol"},
        _IS_OPTION & _BID.is_not_null() & pl.col("bid_vol").is_null(),
        ("bid", "forward", "strike"),
    ),
    (
        "vols out of order",
        "bid vol above ask vol",
        {"bid_vol", "ask_vol"},
        pl.col("bid_vol") > pl.col("ask_vol"),
        ("bid_vol", "ask_vol"),
    ),
    (
        "mark vol outside bid-ask",
        "mark vol below the bid's or above the ask's, where there is one",
        {"bid_vol", "ask_vol", "mark_vol"},
        (pl.col("mark_vol") < pl.col("bid_vol")).fill_null(False)
        | (pl.col("mark_vol") > pl.col("ask_vol")).fill_null(False),
        ("bid_vol", "mark_vol", "ask_vol"),
    ),
    (
        "open interest missing",
        "missing or negative",
        {"open_interest"},
        ~(pl.col("open_interest") >= 0).fill_null(False),
        ("open_interest",),
    ),
    (
        "open interest implausible",
        "more than 20 billion USD of the underlying in one option: another unit?",
        {"open_interest", "index"},
        (pl.col("type") == "option") & (pl.col("open_interest") * pl.col("index") > 2e10),
        ("open_interest", "index"),
    ),
    (
        "index far from forward",
        "more than 3 % between index and forward of an option that expires within three days",
        {"index", "forward"},
        (pl.col("type") == "option")
        & pl.col("expiry").is_between(0, 3 / 365)
        & ((pl.col("forward") / pl.col("index") - 1).abs() > 0.03),
        ("index", "forward"),
    ),
    (
        "price stale",
        "no trade in the minute from which the price is taken",
        {"own_candle_volume"},
        pl.col("own_candle_volume") <= 0,
        ("last",),
    ),
    (
        "price of another time",
        "the price is of another second than the snapshot, up to a minute away",
        {"own_gap_seconds"},
        pl.col("own_gap_seconds").abs() >= 1.0,
        ("own_gap_seconds",),
    ),
    (
        "forward moved within a snapshot",
        "options of one expiry were quoted against more than one price of the future",
        {"own_prices_seen"},
        pl.col("own_prices_seen") > 1,
        ("mark",),
    ),
    (
        "futures price missing",
        "no future of this expiry; the forward of the row is used in any case",
        {"own_futures_price"},
        pl.col("own_futures_price").is_null(),
        (),
    ),
)


def check_quotes(frame: pl.DataFrame, given: set[str], *, is_stream: bool) -> list[Defect]:
    """The checks for which the format has the columns; zeros are null by now."""
    ledger = [
        count_rows(frame, name, description, is_bad, shown, label="instrument")
        for name, description, needs, is_bad, shown in _CHECKS
        if needs <= given
    ]
    if "own_expiry" in given:
        ledger.append(_year(frame))
    if not is_stream:
        ledger += [_disorder(frame), _time_spread(frame)]
        if "index" in given:
            ledger.append(_index_spread(frame))
        if frame["snapshot"].n_unique() > 2:
            ledger.append(_gaps(frame))
    return ledger


def _year(frame: pl.DataFrame) -> Defect:
    years, own = pl.col("expiry"), pl.col("own_expiry")
    return count_rows(
        frame,
        "time to maturity off",
        "the file's years to expiry differ from a 365-day year by more than a second; not used",
        ((own - years).abs() * YEAR_SECONDS > 1.0) | own.is_null(),
        ("own_expiry", "expiry"),
        note=pl.format(
            "the file's year has {} days (median)", (365 * years / own).median().round(4)
        ),
        label="instrument",
    )


def _disorder(frame: pl.DataFrame) -> Defect:
    """Rows that come before the row above them, by whichever order fits the file better."""
    when = "snapshot" if frame["snapshot"].null_count() == 0 else "timestamp"
    orders = ([when, "instrument"], [when, "base", "expiry_time", "strike", "kind", "instrument"])
    falls = []
    for order in orders:
        at = frame.select(*order, at=pl.int_range(pl.len())).sort(order, maintain_order=True)["at"]
        rank = at.arg_sort().cast(pl.Int64)  # where each row of the file belongs
        falls.append(int((rank.diff() < 0).sum()))
    return Defect(
        "rows in no order",
        "rows that sort before the row above, by name or by coin, expiry, strike and kind",
        min(falls),
        frame.height,
    )


def _time_spread(frame: pl.DataFrame) -> Defect:
    """Snapshots whose rows have different times."""
    spread = (
        frame.drop_nulls("snapshot")
        .group_by("snapshot", maintain_order=True)
        .agg(
            seconds=(pl.col("timestamp").max() - pl.col("timestamp").min()).dt.total_milliseconds()
            / 1000.0
        )
    )
    wide = spread.filter(pl.col("seconds") > 0)
    return Defect(
        "times differ within a snapshot",
        "the rows of a snapshot were collected one after the other",
        wide.height,
        spread.height,
        unit="snapshots",
        examples=tuple(f"{name}: {s:.3f} s" for name, s in wide.head(MAX_EXAMPLES).iter_rows()),
        note=f"maximum {wide['seconds'].to_numpy().max():.3f} s" if wide.height else "",
    )


def _index_spread(frame: pl.DataFrame) -> Defect:
    """How far the index moved while the quotes of one snapshot were collected."""
    index = pl.col("index")
    spread = (
        frame.drop_nulls(["index", "snapshot"])
        .group_by("snapshot", "base", maintain_order=True)
        .agg(spread=100.0 * (index.max() - index.min()) / index.median())
    )
    moved = spread.filter(pl.col("spread") > 0)
    note = ""
    if moved.height:
        values = spread["spread"].to_numpy()
        note = f"median {np.median(values):.3f} %, maximum {values.max():.3f} %"
    return Defect(
        "index moved within a snapshot",
        "quotes of one snapshot were collected over minutes: (max - min) / median of the index",
        count=moved.height,
        total=spread.height,
        unit="snapshots",
        examples=tuple(
            f"{name} {base}: {value:.3f} %"
            for name, base, value in moved.top_k(MAX_EXAMPLES, by="spread").iter_rows()
        ),
        note=note,
    )


def _gaps(frame: pl.DataFrame) -> Defect:
    """Gaps between successive snapshots more than half again as long as the median gap."""
    times = frame.group_by("snapshot").agg(pl.col("timestamp").min())["timestamp"].unique().sort()
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
