"""The settlement window: 07:30 to 08:00 UTC on the day of expiry.

The delivery price is the time-weighted average of the index over the last 30 minutes.  While it is
formed, the part of it that is already known no longer moves, so the delta of what expires decays
linearly to zero: with u the fraction of the window gone by, delta and mark count with 1 - u.
Perpetuals are not affected.  Source: the exchange's pages on settlement and on delta.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WINDOW: Final = timedelta(minutes=30)
"""Length of the window before an expiry."""


def elapsed_fraction(timestamp: Any, expiry_time: Any) -> FloatArray:
    """Fraction u of the window gone by: 0 until 07:30, 1 from 08:00 of the day of expiry.

    ``timestamp`` and ``expiry_time`` are UTC times, scalars or arrays that broadcast: datetimes
    (naive ones are taken as UTC), numpy datetime64, polars Series of datetimes.

    Raises
    ------
    ValueError
        A time is missing or is no time.
    """
    left = _micros(expiry_time, "expiry_time") - _micros(timestamp, "timestamp")
    return np.asarray(np.clip(1.0 - left / (WINDOW / timedelta(microseconds=1)), 0.0, 1.0))


def delta_decay(timestamp: Any, expiry_time: Any) -> FloatArray:
    """Factor 1 - u on the delta (and the mark in the net delta) of what expires; see above."""
    return np.asarray(1.0 - elapsed_fraction(timestamp, expiry_time))


def net_transaction_delta(
    delta: npt.ArrayLike, mark: npt.ArrayLike, timestamp: Any, expiry_time: Any
) -> FloatArray:
    """Net transaction delta of inverse options, coin: (delta - mark) x (1 - u).

    ``delta`` is the Black delta and ``mark`` the mark price in the coin, per option.  An option of
    delta 1 and mark 0.3 has 0.7 before the window and 0.35 at 07:45.
    """
    net = np.asarray(delta, dtype=np.float64) - np.asarray(mark, dtype=np.float64)
    return np.asarray(net * delta_decay(timestamp, expiry_time))


def settlement_price(
    average: npt.ArrayLike, future_average: npt.ArrayLike, elapsed: npt.ArrayLike
) -> FloatArray:
    """Delivery price u A + (1 - u) B from the average A so far and the average B of the rest.

    ``elapsed`` is u (see `elapsed_fraction`); at u = 0 the average so far has no weight and may be
    NaN, at u = 1 the average of the rest may be.

    Raises
    ------
    ValueError
        ``elapsed`` is outside 0 to 1.
    """
    u = np.asarray(elapsed, dtype=np.float64)
    if not np.all((u >= 0.0) & (u <= 1.0)):
        raise ValueError("elapsed: a fraction of the window is within 0 to 1")
    known = np.where(u > 0.0, u * np.asarray(average, dtype=np.float64), 0.0)
    return np.asarray(
        known + np.where(u < 1.0, (1.0 - u) * np.asarray(future_average, dtype=np.float64), 0.0)
    )


def average_so_far(times: Any, prices: npt.ArrayLike, at: Any, expiry_time: Any) -> float:
    """Time-weighted average of the index from the start of the window until ``at``.

    ``times`` (sorted, UTC) and ``prices`` (quote currency per coin) are samples of the index, each
    holding until the next.  NaN before the window; after it, the delivery price.

    Raises
    ------
    ValueError
        The samples are not sorted, not positive, or none is at or before the start of the window.
    """
    stamps, values = _micros(times, "times"), np.asarray(prices, dtype=np.float64)
    if stamps.ndim != 1 or stamps.shape != values.shape:
        raise ValueError("times and prices: arrays of one dimension and the same length")
    if np.any(np.diff(stamps) < 0):
        raise ValueError("times: samples of the index must be sorted")
    if not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError("prices: samples of the index must be positive")
    end = float(_micros(expiry_time, "expiry_time"))
    start = end - WINDOW / timedelta(microseconds=1)
    until = min(float(_micros(at, "at")), end)
    if until <= start:
        return np.nan
    if not stamps.size or stamps[0] > start:
        raise ValueError("times: no sample of the index at or before the start of the window")
    edges = np.clip(np.append(stamps, np.inf), start, until)
    return float(np.sum(np.diff(edges) * values) / (until - start))


def _micros(times: Any, name: str) -> FloatArray:
    """Microseconds since 1970 as float64 (exact until 2255)."""
    if isinstance(times, datetime):
        utc = times.replace(tzinfo=UTC) if times.tzinfo is None else times
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        return np.asarray((utc - epoch) / timedelta(microseconds=1), dtype=np.float64)
    if hasattr(times, "dt"):  # a polars Series: its epoch is that of UTC whatever its time zone
        values = times.dt.epoch("us").to_numpy()
    elif np.asarray(times).dtype.kind == "M":
        stamps = np.asarray(times).astype("datetime64[us]")
        values = np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64).astype(np.float64))
    else:
        items = np.asarray(times, dtype=object)
        if not all(isinstance(item, datetime) for item in items.flat):
            raise ValueError(f"{name}: expected UTC times, got {times!r:.60}")
        flat = [float(_micros(item, name)) for item in items.flat]
        values = np.array(flat, dtype=np.float64).reshape(items.shape)
    micros = np.asarray(values, dtype=np.float64)
    if np.isnan(micros).any():
        raise ValueError(f"{name}: a time is missing")
    return micros
