"""Histories: prices and vols of several coins at common times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import frames
from hedgecore.instruments import times_of
from hedgecore.tails.moves import HOUR, Moves, VolChange, check_number, span

if TYPE_CHECKING:
    from hedgecore.surface import Surface

Array = npt.NDArray[Any]
TENOR: Final = 30 / 365
_MOST: Final = {"price": np.inf, "vol": 10.0}
"""Above this a vol is in per cent: 10 is 1,000 %."""
_VALUES: Final = ("close", "price", "vol", "value")


@dataclass(frozen=True, eq=False)
class History:
    """Levels of prices and vols at the times that all series have.

    Attributes
    ----------
    time
        UTC, increasing.
    price
        By coin, quote currency per coin.
    vol
        By coin, decimal per square-root year, of one tenor.
    notes
        For every series what it has and what of it was left out.
    """

    time: Array
    price: dict[str, Array]
    vol: dict[str, Array]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        prices: Mapping[str, Any] | None = None,
        vols: Mapping[str, Any] | None = None,
        *,
        start: Any = None,
        end: Any = None,
    ) -> History:
        """Make a history of series, at the times that all of them have; nothing is filled forward.

        Parameters
        ----------
        prices, vols
            By coin a series: the path of a file or a table that :func:`hedgecore.venues.read` reads (price bars,
            volatility indices), a frame or mapping with ``time`` (or ``timestamp``) and ``close``, ``price``, ``vol`` or
            ``value``, or a pair (times, values).  A bar counts at its end, as does a value of a volatility
            index, whose stamps are the beginnings of the intervals it closes (Deribit's DVOL).
        start, end
            Times before and after which nothing is used.

        Raises
        ------
        ValueError
            Naming the series, and the row of a value that is not positive, or of a vol above 10 (it is in per cent); also
            where no time is common.
        """
        series = {("price", coin): source for coin, source in (prices or {}).items()}
        series |= {("vol", coin): source for coin, source in (vols or {}).items()}
        if not series:
            raise ValueError("a history needs at least one series of prices or vols")
        first = None if start is None else times_of([start], 1, "start")[0]
        last = None if end is None else times_of([end], 1, "end")[0]
        notes: list[str] = []
        levels: dict[tuple[str, str], tuple[Array, Array]] = {}
        common: Array | None = None
        for key, source in series.items():
            name = f"{key[0]} of {key[1]}"
            times, values, missing = _cleaned(*_series(source, name), name, _MOST[key[0]])
            inside = np.ones(len(times), bool)
            if first is not None:
                inside &= times >= first
            if last is not None:
                inside &= times <= last
            times, values = times[inside], values[inside]
            levels[key] = (times, values)
            common = times if common is None else np.intersect1d(common, times, assume_unique=True)
            notes.append(f"{name}: {len(times):,} values{missing}")
        assert common is not None
        if len(common) < 2:
            raise ValueError(
                "the series have fewer than 2 times in common: "
                + "; ".join(f"{k[0]} of {k[1]} {span(t)}" for k, (t, _) in levels.items())
            )
        out: dict[str, dict[str, Array]] = {"price": {}, "vol": {}}
        for i, (key, (times, values)) in enumerate(levels.items()):
            out[key[0]][key[1]] = values[np.searchsorted(times, common)]
            left = len(times) - len(common)
            notes[i] += f", {left:,} at times that another series lacks left out" if left else ""
        return cls(common, out["price"], out["vol"], tuple(notes))

    @classmethod
    def from_chains(cls, data: Any, *, tenor: float = TENOR) -> History:
        """Make a history of option chains: the index, and the at-the-money vol of a tenor, at each snapshot.

        The vol at the forward of an expiry is that of the venue's marks, linear in ln(strike / forward) between
        the neighbouring strikes; total variance is linear in time between the expiries, and the vol is flat
        beyond them.  Snapshots where a coin has no such vol are left out and counted.

        Parameters
        ----------
        data
            A path or table of quotes with ``mark_vol`` (:func:`hedgecore.venues.read`), or its frame.
        tenor
            Years.
        """
        from hedgecore.tails.chains import levels_of

        time, price, vol, notes = levels_of(data, tenor)
        return cls(time, price, vol, notes)

    @property
    def step(self) -> float:
        """The usual step, in hours."""
        return float(np.median(np.diff(self.time).astype(np.int64)) / HOUR)

    def moves(
        self,
        horizon: float | None = None,
        *,
        overlapping: bool = True,
        vol_change: VolChange = "relative",
        tolerance: float = 0.0,
    ) -> Moves:
        """Return the moves over a horizon.

        Parameters
        ----------
        horizon
            Hours; None: from each time to the next, whatever lies between.
        overlapping
            Whether a move starts at every time, or only where the one before has ended.
        vol_change
            "relative": v'/v - 1; "absolute": v' - v.
        tolerance
            Hours by which the length of a move may differ from the horizon (irregular snapshots); moves are not
            rescaled.  Starts without an end within it are dropped and counted.
        """
        if vol_change not in ("relative", "absolute"):
            raise ValueError(f"vol_change must be 'relative' or 'absolute', not {vol_change!r}")
        n = len(self.time)
        if horizon is None:
            start, end, dropped = np.arange(n - 1), np.arange(1, n), 0
            overlap = 1.0
        else:
            check_number(horizon, "horizon", "hours")
            check_number(tolerance, "tolerance", "hours")
            if not 0 < horizon < np.inf or not 0 <= tolerance < horizon:
                raise ValueError(
                    f"horizon = {horizon} must be positive, tolerance = {tolerance} from 0 to below it"
                )
            clock = self.time.astype(np.int64)
            goal = clock + round(horizon * HOUR)
            after = np.clip(np.searchsorted(clock, goal), 1, n - 1)
            nearer = np.where(clock[after] - goal < goal - clock[after - 1], after, after - 1)
            found = np.abs(clock[nearer] - goal) <= tolerance * HOUR
            found &= nearer > np.arange(n)
            possible = goal <= clock[-1] + tolerance * HOUR
            if overlapping:
                start = np.flatnonzero(found)
                dropped = int((possible & ~found).sum())
            else:
                start, dropped = _chained(found, possible, nearer)
            end = nearer[start]
            overlap = max(1.0, horizon / self.step) if overlapping else 1.0
            if not len(start):
                raise ValueError(
                    f"no two times of the history are {horizon:g} hours apart (tolerance {tolerance:g}); "
                    f"its usual step is {self.step:g} hours"
                )
        notes = list(self.notes)
        if dropped:
            notes.append(f"{dropped:,} starts without a value {horizon:g} hours later left out")
        spot = {coin: level[end] / level[start] - 1 for coin, level in self.price.items()}
        vol = {
            coin: level[end] / level[start] - 1 if vol_change == "relative" else level[end] - level[start]
            for coin, level in self.vol.items()
        }  # fmt: skip
        return Moves(
            self.time[start], self.time[end], spot, vol, vol_change, np.ones(len(start)), overlap,
            tuple(notes),
        )  # fmt: skip

    def __len__(self) -> int:
        """Return the number of times."""
        return len(self.time)

    def __repr__(self) -> str:
        have = ", ".join(
            f"{what} of {', '.join(of)}" for what, of in (("prices", self.price), ("vols", self.vol)) if of
        )  # fmt: skip
        return f"History of {have}: {span(self.time)}, every {self.step:g} hours\n" + "\n".join(
            self.notes
        )


def vols_of(surfaces: Iterable[Surface], tenor: float = TENOR) -> tuple[Array, Array]:
    """Return the at-the-money vols of fitted surfaces of one coin as a series: times ``asof`` and vols at a tenor.

    Raises
    ------
    ValueError
        For a surface without a time, and one of another coin.
    """
    times: list[Any] = []
    values: list[float] = []
    base = None
    for i, surface in enumerate(surfaces):
        base = surface.base if base is None else base
        if surface.base != base:
            raise ValueError(f"surfaces[{i}] is of {surface.base}, not of {base}")
        if surface.asof is None:
            raise ValueError(f"surfaces[{i}] of {base} has no time (asof)")
        times.append(surface.asof)
        values.append(float(surface.atm_vol(tenor)))
    return times_of(np.array(times, object), len(times), "asof"), np.array(values)


def _chained(found: Array, possible: Array, nearer: Array) -> tuple[Array, int]:
    """Starts of moves of which each begins where the one before ended, or at the next time that has an end."""
    start: list[int] = []
    dropped, i = 0, 0
    while i < len(found) and possible[i]:
        if found[i]:
            start.append(i)
            i = int(nearer[i])
        else:
            dropped += 1
            i += 1
    return np.array(start, np.intp), dropped


def _series(source: Any, name: str) -> tuple[Array, Array]:
    """Times and values of whatever holds a series."""
    if isinstance(source, (str, PathLike)):
        from hedgecore import venues

        source = venues.read(source)
    if isinstance(source, tuple) and len(source) == 2:
        return times_of(source[0], 0, f"time of {name}"), np.asarray(source[1], np.float64)
    kind = getattr(source, "kind", None)
    if kind is not None:
        if kind not in ("bars", "dvol"):
            raise ValueError(f"{name}: a table of {kind} is no series of prices or vols")
        source = source.frame
    columns = frames.columns_of(source)
    stamp = next((columns[c] for c in ("time", "timestamp") if c in columns), None)
    values = next((columns[c] for c in _VALUES if c in columns), None)
    if stamp is None or values is None:
        raise ValueError(
            f"{name}: columns time (or timestamp) and one of {', '.join(_VALUES)} are needed; "
            f"there are {', '.join(columns)}"
        )
    times = times_of(stamp, 0, f"time of {name}")
    if kind == "bars" or "seconds" in columns:
        length = np.asarray(columns["seconds"], np.float64)
        if not np.isfinite(length).all():
            raise ValueError(f"{name}: the length of its bars is not known")
        times = times + (length * 1e6).astype("m8[us]")
    elif kind == "dvol" and len(times) > 1:
        times = times + np.median(np.diff(np.sort(times)).astype(np.int64)).astype("m8[us]")
    return times, values.astype(np.float64)


def _cleaned(times: Array, values: Array, name: str, most: float) -> tuple[Array, Array, str]:
    """In order of time, without rows that have no value; a note of what is missing."""
    if times.ndim != 1 or times.shape != values.shape:
        raise ValueError(
            f"{name}: times {times.shape} and values {values.shape} must be one-dimensional and equal"
        )
    bad = np.flatnonzero(~np.isnan(values) & ~((values > 0) & (values < np.inf)))
    if bad.size:
        raise ValueError(f"{name}[{bad[0]}] = {values[bad[0]]} must be positive and finite")
    bad = np.flatnonzero(values > most)
    if bad.size:
        raise ValueError(
            f"{name}[{bad[0]}] = {values[bad[0]]} must be a decimal per square-root year: 0.55 for 55 %"
        )
    known = ~np.isnan(values) & ~np.isnat(times)
    empty = int((~known).sum())
    times, values = times[known], values[known]
    times, place, count = np.unique(times, return_index=True, return_counts=True)
    values = values[place]
    repeated = int((count - 1).sum())
    text = f", {empty:,} without a value left out" if empty else ""
    text += f", {repeated:,} with the time of an earlier row left out" if repeated else ""
    if len(times) > 2:
        steps = np.diff(times).astype(np.int64)
        usual = np.quantile(steps, 0.5, method="lower")
        gaps = int((steps > 1.5 * usual).sum())
        text += f", {gaps:,} gaps" if gaps else ""
    return times, values, text
