"""Chains where there are none: options marked on a surface, along bars of any length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore import pricing
from hedgecore.backtest.tape import DAY_US, bars_of, micros, micros_of, tables_of
from hedgecore.book import YEAR_US
from hedgecore.frames import Columns
from hedgecore.hedging.position import check, check_numbers
from hedgecore.paths.random import whole
from hedgecore.surface import Surface

Array = npt.NDArray[Any]
#: What a volatility index is of.
MONTH = 30.0 / 365.0


@dataclass(frozen=True, kw_only=True)
class Listed:
    """Which options there are, and what they are quoted at.

    Parameters
    ----------
    every
        Bars from one snapshot to the next.
    days
        Expiries within so many days: those of Fridays at 08:00 UTC.
    width
        Strikes within that share of the price; what was listed stays until it expires.
    strikes
        USD from one to the next.
    half_spread
        In vol: bids and asks are the values at the vol of the mark less and more that.
    """

    every: int = 1
    days: float = 35.0
    width: float = 0.3
    strikes: float
    half_spread: float = 0.01

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_numbers(self)
        whole(self.every, "every", 1, 2**31)
        for name in ("days", "strikes"):
            check(0 < getattr(self, name) < math.inf, name, getattr(self, name), "positive")
        check(0 < self.width < 1, "width", self.width, "between 0 and 1")
        check(0 <= self.half_spread < math.inf, "half_spread", self.half_spread, "zero or positive")


def marked(
    base: str,
    bars: Any,
    surface: Surface | float,
    listed: Listed,
    *,
    index: Any = None,
    known_after: float = 24.0,
    start: Any = None,
    end: Any = None,
) -> Columns:
    """Return chains for :meth:`hedgecore.backtest.Tape.of` of options that are marked on a surface along bars.

    A snapshot is at the end of a bar, at its close, with forwards at the price.  The smile goes with the price (sticky moneyness).  With a
    volatility index all vols are its last known value over the surface's own variance-swap vol of 30 days times as high, at moneyness
    by as much wider: the smile keeps its shape in standard deviations.

    Parameters
    ----------
    base
        The coin.
    bars
        A table of bars, or its frame.
    surface
        A surface, or one vol for all.
    listed
        What there is.
    index
        A table of a volatility index (DVOL): time and vol.
    known_after
        Hours from the time of a value of the index to when it is known: values of days stand at their beginnings.
    start, end
        Times within which the bars end.

    Raises
    ------
    ValueError
        The index has no value that is known at the first bar.
    """
    ends, close, _ = bars_of(bars, [])
    inside = (ends >= (ends[0] if start is None else micros(start, "start"))) & (ends <= (ends[-1] if end is None else micros(end, "end")))  # fmt: skip
    ends, close = ends[inside], close[inside]
    if not len(ends):
        raise ValueError(f"bars: no bar ends within start = {start} and end = {end}")
    at = np.arange(0, len(ends), listed.every)
    time, price = ends[at], close[at]
    level = _levels(surface, index, time, known_after)
    expiry, strike, first = _terms(time, price, listed)
    row, term = np.nonzero((first[None] <= np.arange(len(time))[:, None]) & (expiry[None] > time[:, None]))  # fmt: skip
    when, spot, years = time[row], price[row], (expiry[term] - time[row]) / YEAR_US
    k = np.log(strike[term] / spot)
    scale = level[row]
    vol = np.full(len(row), float(surface)) if not isinstance(surface, Surface) else np.asarray(surface.vol_at(k / scale, years))  # fmt: skip
    vol = vol * scale
    low = np.maximum(vol - listed.half_spread, 1e-4)
    parts: dict[str, list[Array]] = {}
    for kind, letter in ((1, "C"), (-1, "P")):
        terms: dict[str, Any] = {"strike": strike[term], "expiry": years, "forward": spot}
        g = pricing.greeks(kind, vol=vol, which=("price", "delta"), **terms)
        bid, ask = (np.asarray(pricing.price(kind, vol=v, **terms)) / spot for v in (low, vol + listed.half_spread))  # fmt: skip
        names = _names(base, expiry, strike, letter)
        for name, column in {
            "timestamp": when.view("M8[us]"), "instrument": names[term], "kind": np.full(len(row), kind), "strike": strike[term],
            "expiry_time": expiry[term].view("M8[us]"), "bid": bid, "ask": ask, "mark": np.asarray(g.price) / spot, "mark_vol": vol,
            "forward": spot, "index": spot, "delta": np.asarray(g.delta),
        }.items():  # fmt: skip
            parts.setdefault(name, []).append(column)
    order = np.argsort(np.concatenate(parts["timestamp"]), kind="stable")
    columns = {name: np.concatenate(column)[order] for name, column in parts.items()}
    n = len(columns["strike"])
    return columns | {"base": np.full(n, base), "type": np.full(n, "option")}


def _levels(surface: Any, index: Any, time: Array, known_after: float) -> Array:
    """The index over the surface's vol of 30 days, as last known; 1 without an index."""
    if index is None:
        return np.ones(len(time))
    check(0 <= known_after < math.inf, "known_after", known_after, "zero or positive")
    (table,) = tables_of(index)
    when, vol = micros_of(table["timestamp"]), table["vol"].astype(np.float64)
    good = np.isfinite(vol) & (vol > 0)
    order = np.argsort(when[good], kind="stable")
    known, vol = when[good][order] + round(known_after * DAY_US / 24), vol[good][order]
    last = np.searchsorted(known, time, side="right") - 1
    if last.min() < 0:
        raise ValueError(f"index: no value is known at {str(time[0].view('M8[us]'))[:16]}, the first bar")  # fmt: skip
    own = float(surface.variance_swap_vol(MONTH)) if isinstance(surface, Surface) else float(surface)  # fmt: skip
    return np.asarray(vol[last] / own)


def _terms(time: Array, price: Array, listed: Listed) -> tuple[Array, Array, Array]:
    """Expiry and strike of everything that is listed, and the snapshot from which on it is."""
    first_day, last_day = int(time[0] // DAY_US), int((time[-1] + listed.days * DAY_US) // DAY_US)
    fridays = [day for day in range(first_day, last_day + 1) if day % 7 == 1]
    out: list[tuple[int, float, int]] = []
    low, high = (np.ceil(price * (1 - listed.width) / listed.strikes), np.floor(price * (1 + listed.width) / listed.strikes))  # fmt: skip
    for day in fridays:
        end = day * DAY_US + DAY_US // 3
        since = int(np.searchsorted(time, end - listed.days * DAY_US))
        until = int(np.searchsorted(time, end))
        if since >= until:
            continue
        lowest, highest = np.minimum.accumulate(low[since:until]), np.maximum.accumulate(high[since:until])  # fmt: skip
        for number in range(max(int(lowest[-1]), 1), int(highest[-1]) + 1):
            there = (lowest <= number) & (number <= highest)
            out.append((end, number * listed.strikes, since + int(np.argmax(there))))
    if not out:
        raise ValueError(f"days = {listed.days}: no Friday is so near to the bars")
    expiry, strike, first = (np.array(column) for column in zip(*out, strict=True))
    return expiry, strike, first


def _names(base: str, expiry: Array, strike: Array, letter: str) -> Array:
    """Names in the manner of the venue."""
    days = [
        f"{day.day}{day:%b%y}".upper() for day in expiry.view("M8[us]").astype("M8[D]").tolist()
    ]
    return np.array([f"{base}-{day}-{x:.12g}-{letter}" for day, x in zip(days, strike, strict=True)])  # fmt: skip
