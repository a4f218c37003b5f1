"""Times of a series: missing and repeated ones left out, disorder and gaps counted."""

from __future__ import annotations

from hedgecore.venues import DataError
from hedgecore.venues.defects import MAX_EXAMPLES, Defect, count_rows

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading series needs polars: pip install "hedgecore[data]"') from error


def in_order(
    frame: pl.DataFrame, source: str, key: str = "timestamp"
) -> tuple[pl.DataFrame, list[Defect]]:
    """Leave out rows without ``key`` and those that repeat one; count those that go back.

    Raises
    ------
    DataError
        No row is left.
    """
    ledger, total = [], frame.height
    for name, what, is_bad in (
        ("essential value missing", f"no {key}: left out", pl.col(key).is_null()),
        (
            "row repeated",
            f"the same {key} twice: the first is kept, the others left out",
            pl.col(key).is_first_distinct().not_(),
        ),
    ):
        ledger.append(count_rows(frame, name, what, is_bad, (key,), dropped=True, label=""))
        frame = frame.filter(~is_bad)
    if frame.height == 0:
        reasons = "; ".join(f"{d.name}: {d.count}" for d in ledger if d.count)
        raise DataError(f"{source}: none of its {total} rows can be used ({reasons})")
    ledger.append(
        count_rows(
            frame,
            "not in order",
            f"a {key} before that of the row above",
            pl.col(key) < pl.col(key).shift(1),
            (key,),
            label="",
        )
    )
    return frame, ledger


def gaps(frame: pl.DataFrame, what: str) -> tuple[int | None, Defect]:
    """The usual step in seconds (None for one row), and the steps that are longer."""
    times = frame["timestamp"].drop_nulls().unique().sort()
    steps = pl.DataFrame({"from": times[:-1], "step": times.diff()[1:].dt.total_milliseconds()})
    usual = steps["step"].median()
    if not isinstance(usual, (int, float)) or usual <= 0:
        return None, Defect("gap", f"a {what} missing", 0, 0, unit="gaps")
    long = steps.filter(pl.col("step") > 1.5 * usual)
    missing = int((long["step"] / usual).round().sum() - long.height) if long.height else 0
    return round(usual / 1000), Defect(
        "gap",
        f"more than one and a half times the usual step to the next {what}",
        long.height,
        steps.height,
        unit="gaps",
        examples=tuple(
            f"after {time:%Y-%m-%d %H:%M}: {step / 3.6e6:.2f} hours"
            for time, step in long.head(MAX_EXAMPLES).iter_rows()
        ),
        note=f"{missing} missing" if missing else "",
    )
