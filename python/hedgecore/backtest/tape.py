"""Chains and bars in the order in which they became known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import frames, pricing
from hedgecore.book import YEAR_US
from hedgecore.instruments import times_of

Array = npt.NDArray[Any]
HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
BESIDE_US: Final = 10 * 60_000_000
#: Distance from the index beyond which bars are of another coin, all of them, and beyond which one of them is told.
OTHER_COIN: Final = 0.05
FAR: Final = 0.2
NUMBERS: Final = ("bid", "ask", "bid_size", "ask_size", "mark", "mark_vol", "forward", "index", "delta", "open_interest")  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What was wrong with the data: a name, how many of them, an example."""

    name: str
    count: int
    example: str = ""


@dataclass(frozen=True, eq=False)
class Tape:
    """Quotes of the options on one coin and the prices that its hedge trades at, step by step.

    A snapshot is known from the first step at or after its latest row; a bar from its end.  Everything that decides sees
    :meth:`until` its step.

    Attributes
    ----------
    base
        The coin.
    times, price
        Of the steps: microseconds since 1970, UTC; USD per coin.
    name, kind, strike, expiry
        Of the instruments, numbered in the order in which they were first quoted; expiry in microseconds.
    snapshots
        Times of the snapshots, ascending.
    first_row
        Of each snapshot the row of its first quote, and the number of quotes at the end.
    seen
        Of each step the number of snapshots that are known.
    quotes
        Columns: ``instrument``, ascending within a snapshot, and :data:`NUMBERS`, NaN where there is none.
    premium
        Of each step (perpetual - index) / index as last seen; NaN where nothing is known.
    found
        What was wrong with the data.
    """

    base: str
    times: Array
    price: Array
    name: Array
    kind: Array
    strike: Array
    expiry: Array
    snapshots: Array
    first_row: Array
    seen: Array
    quotes: Mapping[str, Array]
    premium: Array
    found: tuple[Found, ...] = ()

    @classmethod
    def of(
        cls,
        base: str,
        chains: Any,
        *,
        bars: Any = None,
        perpetual: Any = None,
        start: Any = None,
        end: Any = None,
    ) -> Tape:
        """Put tables into the order of time.

        Parameters
        ----------
        base
            The coin, as "BTC".
        chains
            A table of quotes of :mod:`hedgecore.venues`, several, or frames with their columns; in any order.
        bars
            A table of bars, or its frame: the steps are the ends of its bars.  Without bars the steps are the snapshots, and prices
            their index (the median of its rows).
        perpetual
            Quotes of the perpetual, for the funding that is modelled.
        start, end
            Times within which the steps lie.

        Raises
        ------
        ValueError
            Nothing of the coin is left; no bar ends after the first snapshot.
        """
        found: list[Found] = []
        rows = _quotes(base, chains, found)
        listed = np.full(rows["instrument"].max() + 1, np.iinfo(np.int64).max)
        np.minimum.at(listed, rows["instrument"], rows["time"])
        rows["instrument"] = np.argsort(np.argsort(listed, kind="stable"))[rows["instrument"]]
        order = np.lexsort((rows["instrument"], rows["time"]))
        rows = {name: column[order] for name, column in rows.items()}
        snapshots, first = np.unique(rows["time"], return_index=True)
        index = _medians(rows["index"], np.append(first, len(order)))
        if bars is None:
            times, price = snapshots, index
        else:
            times, price = _bars(bars, snapshots, found)
            _check_prices(base, times, price, snapshots, index, found)
        inside = np.ones(len(times), bool)
        if start is not None:
            inside &= times >= micros(start, "start")
        if end is not None:
            inside &= times <= micros(end, "end")
        times, price = times[inside], price[inside]
        if len(times) < 2:
            raise ValueError(f"{base}: fewer than two steps lie within start = {start} and end = {end}")  # fmt: skip
        _, place = np.unique(rows["instrument"], return_index=True)
        names = rows.pop("name")[place]
        terms = {key: rows.pop(key)[place] for key in ("kind", "strike", "expiry")}
        rows.pop("time")
        return cls(
            base, times, price, names, terms["kind"], terms["strike"], terms["expiry"], snapshots,
            np.append(first, len(order)), np.searchsorted(snapshots, times, side="right"), rows,
            _premium(perpetual, base, times, snapshots, index, found), tuple(found),
        )  # fmt: skip

    def __len__(self) -> int:
        """Return the number of steps."""
        return len(self.times)

    @cached_property
    def index(self) -> Array:
        """The index at each snapshot: the median of its rows."""
        return _medians(self.quotes["index"], self.first_row)

    @property
    def step(self) -> float:
        """The mean step, in years."""
        return float(self.times[-1] - self.times[0]) / (len(self) - 1) / YEAR_US

    def __repr__(self) -> str:
        """Return size, span and defects."""
        span = " to ".join(str(t)[:16] for t in self.times[[0, -1]].view("M8[us]"))
        head = f"{self.base}: {len(self):,} steps, {len(self.snapshots)} snapshots, {self.first_row[-1]:,} quotes, {span} UTC"
        return "\n".join(
            [head, *(f"  {f.name}: {f.count:,}{' (' + f.example + ')' * bool(f.example) if f.example else ''}" for f in self.found)]
        )  # fmt: skip

    def until(self, step: int) -> Tape:
        """Return what is known at a step: nothing that came later."""
        known = int(self.seen[step])
        last = int(self.first_row[known])
        # ascending within a snapshot: its last quote is of the newest instrument in it
        newest = self.quotes["instrument"][self.first_row[1 : known + 1] - 1]
        listed = int(newest.max(initial=-1)) + 1
        return Tape(
            self.base, self.times[: step + 1], self.price[: step + 1],
            self.name[:listed], self.kind[:listed], self.strike[:listed], self.expiry[:listed], self.snapshots[:known],
            self.first_row[: known + 1], self.seen[: step + 1],
            {name: column[:last] for name, column in self.quotes.items()}, self.premium[: step + 1],
        )  # fmt: skip

    def chain(self, snapshot: int = -1) -> dict[str, Array]:
        """Return the quotes of a snapshot, the last where not given: its columns with kind, strike and expiry.

        Where a quote has no delta it is Black's, at vol and forward of the mark.
        """
        at = range(len(self.snapshots))[snapshot]
        part = slice(int(self.first_row[at]), int(self.first_row[at + 1]))
        columns = {name: column[part] for name, column in self.quotes.items()}
        which = columns["instrument"]
        columns |= {"kind": self.kind[which], "strike": self.strike[which], "expiry": self.expiry[which]}  # fmt: skip
        bare = ~np.isfinite(columns["delta"])
        if bare.any():
            g = pricing.greeks(
                columns["kind"], strike=columns["strike"], expiry=(columns["expiry"] - self.snapshots[at]) / YEAR_US,
                vol=columns["mark_vol"], forward=columns["forward"], which=("delta",),
            )  # fmt: skip
            columns["delta"] = np.where(bare, g.delta, columns["delta"])
        return columns

    def settlement(self, expiry: int) -> int | None:
        """Return the step at whose price what expires then is settled: the first at or after; None where the tape ends before."""
        step = int(np.searchsorted(self.times, expiry))
        return step if step < len(self.times) else None


def _medians(values: Array, first: Array) -> Array:
    """The median of each part."""
    return np.array([np.nanmedian(x) for x in np.split(values, first[1:-1])])


def micros(value: Any, name: str) -> int:
    return int(times_of([value], 1, name)[0].astype("M8[us]").astype(np.int64))


def tables_of(data: Any, base: str | None = None) -> list[frames.Columns]:
    """The columns of one table or of several, of a polars frame only what is of the coin."""
    several = data if isinstance(data, (list, tuple)) else [data]
    out = []
    for table in several:
        frame: Any = getattr(table, "frame", table)
        if base is not None and hasattr(frame, "lazy"):
            frame = frame.filter((frame["base"] == base) & (frame["type"] == "option"))
            wanted = ("timestamp", "instrument", "base", "type", "settlement", "kind", "strike", "expiry_time", "snapshot", "contract_size", *NUMBERS)  # fmt: skip
            frame = frame.select([name for name in wanted if name in frame.columns])
        out.append(frames.columns_of(frame))
    return out


def micros_of(values: Array) -> Array:
    return np.asarray(values).astype("M8[us]").astype(np.int64)


def _quotes(base: str, chains: Any, found: list[Found]) -> dict[str, Array]:
    """Options of the coin, one row for each instrument and snapshot; `found` is told what was left out."""
    parts: dict[str, list[Array]] = {}
    for table in tables_of(chains, base):
        mine = np.asarray(table["base"] == base) & np.asarray(table["type"] == "option")
        if "settlement" in table:
            linear = mine & np.asarray(table["settlement"] == "linear")
            _tell(found, "settled in the quote currency: left out", int(linear.sum()))
            mine &= ~linear
        if not mine.any():
            continue
        stamp = micros_of(table["timestamp"][mine])
        if "snapshot" in table:  # known when its last row was collected
            _, group = np.unique(np.asarray(table["snapshot"][mine]).astype(np.str_), return_inverse=True)  # fmt: skip
            latest = np.full(group.max() + 1, np.iinfo(np.int64).min)
            np.maximum.at(latest, group, stamp)
            stamp = latest[group]
        columns = {
            "time": stamp, "name": np.asarray(table["instrument"][mine]).astype(np.str_), "kind": table["kind"][mine].astype(np.int8),
            "strike": table["strike"][mine].astype(np.float64), "expiry": micros_of(table["expiry_time"][mine]),
        }  # fmt: skip
        for name in NUMBERS:
            given = table[name][mine].astype(np.float64) if name in table else np.full(len(stamp), np.nan)  # fmt: skip
            columns[name] = given
        if "contract_size" in table:  # sizes count contracts
            size = table["contract_size"][mine].astype(np.float64)
            for name in ("bid_size", "ask_size"):
                columns[name] *= np.where(np.isnan(size), 1.0, size)
        for name, column in columns.items():
            parts.setdefault(name, []).append(column)
        backwards = int((np.diff(stamp) < 0).sum())
        _tell(found, "rows out of order: sorted", backwards)
    if not parts:
        raise ValueError(f"chains have no options on {base}")
    rows = {name: np.concatenate(columns) for name, columns in parts.items()}
    names, rows["instrument"] = np.unique(rows["name"], return_inverse=True)
    kept = np.sort(_distinct(rows))
    _tell(found, "instrument twice in a snapshot: the first is kept", len(rows["time"]) - len(kept))
    rows = {name: column[kept] for name, column in rows.items()}
    for name in ("bid", "ask", "mark", "mark_vol", "forward", "index"):
        bad = ~(np.isfinite(rows[name]) & (rows[name] > 0))
        _tell(found, f"{name} missing or not positive", int(bad.sum()), _example(rows, bad))
        rows[name] = np.where(bad, np.nan, rows[name])
    crossed = rows["bid"] > rows["ask"]
    _tell(found, "bid above ask: neither is used", int(crossed.sum()), _example(rows, crossed))
    for name in ("bid", "ask"):
        rows[name] = np.where(crossed, np.nan, rows[name])
    useless = np.isnan(rows["mark_vol"]) | np.isnan(rows["forward"]) | np.isnan(rows["index"])
    useless |= rows["expiry"] <= rows["time"]
    _tell(found, "no vol, no forward or expired: left out", int(useless.sum()), _example(rows, useless))  # fmt: skip
    rows = {name: column[~useless] for name, column in rows.items()}
    if not len(rows["time"]):
        raise ValueError(f"chains have no usable quote of an option on {base}")
    bare = ~np.isfinite(rows["delta"])
    _tell(found, "delta missing: Black's at the vol of the mark chooses", int(bare.sum()), _example(rows, bare))  # fmt: skip
    used, rows["instrument"] = np.unique(rows["instrument"], return_inverse=True)
    rows["name"] = names[used][rows["instrument"]]
    return rows


def _distinct(rows: Mapping[str, Array]) -> Array:
    """The first row of each instrument and time."""
    order = np.lexsort((rows["instrument"], rows["time"]))
    time, which = rows["time"][order], rows["instrument"][order]
    new = np.concatenate([[True], (np.diff(time) != 0) | (np.diff(which) != 0)])
    return np.asarray(order[new])


def _example(rows: Mapping[str, Array], bad: Array) -> str:
    if not bad.any():
        return ""
    row = int(np.argmax(bad))
    return f"{rows['name'][row]} at {str(rows['time'][row].view('M8[us]'))[:19]}"


def _when(times: Array, rows: Array) -> str:
    return f"at {str(times[np.argmax(rows)].view('M8[us]'))[:16]}" if rows.any() else ""


def _tell(found: list[Found], name: str, count: int, example: str = "") -> None:
    if count:
        found.append(Found(name, count, example))


def _bars(bars: Any, snapshots: Array, found: list[Found]) -> tuple[Array, Array]:
    """Ends and closes of bars from the first snapshot to the last, on a grid without gaps."""
    ends, close, length = bars_of(bars, found)
    inside = (ends >= snapshots[0]) & (ends <= snapshots[-1] + length)
    ends, close = ends[inside], close[inside]
    if len(ends) < 2:
        raise ValueError("bars: fewer than two end between the first snapshot and the last")
    grid = np.arange(ends[0], ends[-1] + 1, length)
    last = np.searchsorted(ends, grid, side="right") - 1
    _tell(found, "bar missing: the price before it stands", int((ends[last] != grid).sum()))
    return grid, close[last]


def bars_of(bars: Any, found: list[Found]) -> tuple[Array, Array, int]:
    """Return ends and closes of bars in the order of time, and their length in microseconds; `found` is told of what was left out."""
    table = tables_of(bars)[0]
    seconds = np.unique(table["seconds"])
    if len(seconds) != 1:
        raise ValueError(f"bars must be of one length, not of {', '.join(str(s) for s in seconds[:4])} seconds")  # fmt: skip
    length = int(seconds[0]) * 1_000_000
    ends, close = micros_of(table["timestamp"]) + length, table["close"].astype(np.float64)
    good = np.isfinite(close) & (close > 0)
    _tell(found, "bar without a close: left out", int((~good).sum()))
    ends, first = np.unique(ends[good], return_index=True)
    _tell(found, "bar twice: the first is kept", int(good.sum()) - len(ends))
    if not len(ends):
        raise ValueError("bars: none has a close")
    return ends, close[good][first], length


def _check_prices(
    base: str, times: Array, price: Array, snapshots: Array, index: Array, found: list[Found]
) -> None:
    """Refuse bars of another coin; `found` is told of those far from the index."""
    step = np.searchsorted(times, snapshots)
    known = step < len(times)
    away = np.abs(price[step[known]] / index[known] - 1.0)
    if not known.any():
        return

    def said(row: int) -> str:
        when, of_bar, of_index = times[step[known][row]], price[step[known][row]], index[known][row]
        return (
            f"{of_bar:,.6g} at {str(when.view('M8[us]'))[:16]}, the index of {base} {of_index:,.6g}"
        )

    if away.min() > OTHER_COIN:
        raise ValueError(f"bars are of another coin than the chains: the nearest is {said(int(np.argmin(away)))}")  # fmt: skip
    far = away > FAR
    _tell(found, "bar more than 20 % from the index of the snapshot before it", int(far.sum()), said(int(np.argmax(far))))  # fmt: skip


def over_index(
    price: Array,
    when: Array,
    own: Any,
    snapshots: Array,
    index: Array,
    found: list[Found],
    what: str,
) -> Array:
    """Return prices over the index: their own where there is one, else that of a snapshot at most ten minutes before; NaN where there is none.

    `found` is told how many have none.
    """
    beside = np.searchsorted(snapshots, when, side="right") - 1
    near = (beside >= 0) & (when - snapshots[np.maximum(beside, 0)] <= BESIDE_US)
    of_snapshot = np.where(near, index[np.maximum(beside, 0)], np.nan)
    given = np.full(len(when), np.nan) if own is None else own.astype(np.float64)
    over = price / np.where(np.isfinite(given) & (given > 0), given, of_snapshot)
    _tell(found, f"{what} without an index beside it: left out", int(np.isnan(over).sum()))
    return np.asarray(over)


def _premium(
    data: Any, base: str, times: Array, snapshots: Array, index: Array, found: list[Found]
) -> Array:
    """What the perpetual is above the index, as last seen."""
    if data is None:
        return np.full(len(times), np.nan)
    table = tables_of(data)[0]
    mine = (np.asarray(table["base"]).astype(np.str_) == base) & np.isfinite(table["last"].astype(np.float64))  # fmt: skip
    if not mine.any():
        raise ValueError(f"perpetual has no prices of {base}")
    when, last = micros_of(table["timestamp"][mine]), table["last"][mine].astype(np.float64)
    own = table["index"][mine] if "index" in table else None
    share = over_index(last, when, own, snapshots, index, found, "perpetual") - 1.0
    order = np.argsort(when, kind="stable")
    order = order[np.isfinite(share[order])]
    if not len(order):
        return np.full(len(times), np.nan)
    at = np.searchsorted(when[order], times, side="right") - 1
    old = (at >= 0) & (times - when[order][np.maximum(at, 0)] > DAY_US)
    _tell(
        found,
        "perpetual not seen for a day: its last premium stands",
        int(old.sum()),
        _when(times, old),
    )
    return np.where(at >= 0, share[order][np.maximum(at, 0)], np.nan)
