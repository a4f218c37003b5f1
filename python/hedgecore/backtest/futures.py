"""Dated futures as what hedges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.backtest.tape import DAY_US, Found, Tape, micros_of, over_index, tables_of
from hedgecore.frames import Library, Listing
from hedgecore.hedging.position import check

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Futures:
    """The future that hedges, step by step.

    Attributes
    ----------
    name
        Of the contract that is held from each step on.
    price
        Its price there: the tape's price times future over index as last seen.
    before
        The price there of the contract that was held until then: another one at a roll.
    times
        Of the steps.
    found
        What was wrong with the data.
    """

    name: Array
    price: Array
    before: Array
    times: Array
    found: tuple[Found, ...] = ()

    @property
    def rolls(self) -> Array:
        """The steps at which one contract is left for the next."""
        return np.flatnonzero(self.name[1:] != self.name[:-1]) + 1

    def columns(self) -> Listing:
        """Return a row for each step."""
        return Listing(time=self.times.view("M8[us]"), name=self.name, price=self.price, before=self.before)  # fmt: skip

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return self.columns().to_frame(library)

    def __repr__(self) -> str:
        """Return the contracts in the order of time."""
        held = [str(self.name[0]), *(f"{self.name[k]} from {str(self.times[k].view('M8[us]'))[:16]}" for k in self.rolls)]  # fmt: skip
        return f"futures: {', '.join(held)}"


def futures(
    tape: Tape, quotes: Any, name: str | None = None, *, days: float = 30.0, least_days: float = 1.0
) -> Futures:
    """Return the futures that hedge a tape: one that is named, or always the next, rolled before it expires.

    Between quotes the price is that of the tape times future over index as last seen.

    Parameters
    ----------
    tape
        What is hedged.
    quotes
        A table of quotes of :mod:`hedgecore.venues` with futures of the coin: the mark, or where there is none the last trade.
    name
        A contract for the whole tape.
    days, least_days
        Without a name: the contract whose expiry is nearest to so many days is held, until fewer than ``least_days`` are left.

    Raises
    ------
    ValueError
        There is no future of the coin, or of that name, at a step.
    """
    check(0 < least_days <= days, "least_days", least_days, f"positive and at most days = {days}")
    found: list[Found] = []
    rows = _prices(tape, quotes, found)
    listed = {str(n): rows["expiry"][rows["name"] == n][0] for n in np.unique(rows["name"])}
    if name is not None:
        if name not in listed:
            raise ValueError(f"name = {name!r} is no future of {tape.base}: {', '.join(listed)}")
        if listed[name] < tape.times[-1]:
            raise ValueError(f"name = {name!r} expires at {_said(listed[name])}, before the last step {_said(tape.times[-1])}")  # fmt: skip
        listed, least_days = {name: listed[name]}, 0.0
    ratio = {n: _seen(tape, rows, n)[0] for n in listed}
    held = _held(tape, listed, ratio, days, least_days)
    of = np.stack([ratio[n] for n in listed])[held, np.arange(len(tape))]
    was = np.stack([ratio[n] for n in listed])[np.append(held[0], held[:-1]), np.arange(len(tape))]
    names = np.array(list(listed))[held]
    seen = np.stack([_seen(tape, rows, n)[1] for n in listed])[held, np.arange(len(tape))]
    old = int((tape.times - seen > DAY_US).sum())
    if old:
        found.append(Found("future not seen for a day: what it was over the index stands", old))
    return Futures(names, tape.price * of, tape.price * was, tape.times, tuple(found))


def _held(
    tape: Tape, listed: dict[str, int], ratio: dict[str, Array], days: float, least_days: float
) -> Array:
    """The place of the contract that is held from each step on."""
    expiry, least = np.array(list(listed.values())), least_days * DAY_US
    known = np.isfinite(np.stack(list(ratio.values())))
    held, now = np.zeros(len(tape), np.int64), -1
    for step, time in enumerate(tape.times.tolist()):
        if now < 0 or expiry[now] - time < least:
            usable = known[:, step] & (expiry - time >= least)
            if not usable.any():
                raise ValueError(f"there is no price of a future of {tape.base} to hold from {_said(time)} on")  # fmt: skip
            away = np.abs(expiry - time - days * DAY_US)
            now = int(np.argmin(np.where(usable, away, np.inf)))
        held[step] = now
    return held


def _prices(tape: Tape, quotes: Any, found: list[Found]) -> dict[str, Array]:
    """Prices of futures of the coin over the index, in the order of time."""
    parts: dict[str, list[Array]] = {}
    for table in tables_of(quotes):
        mine = np.asarray(table["base"]).astype(np.str_) == tape.base
        mine &= np.asarray(table["type"]).astype(np.str_) == "future"
        price = table["mark"].astype(np.float64)
        price = np.where(np.isfinite(price), price, table["last"].astype(np.float64))
        mine &= np.isfinite(price) & (price > 0)
        own = (
            np.asarray(table["index"]).astype(np.float64)
            if "index" in table
            else np.full(len(price), np.nan)
        )
        columns = {
            "index": own[mine], "time": micros_of(table["timestamp"][mine]), "name": np.asarray(table["instrument"][mine]).astype(np.str_),
            "expiry": micros_of(table["expiry_time"][mine]), "price": price[mine],
        }  # fmt: skip
        for key, column in columns.items():
            parts.setdefault(key, []).append(column)
    rows = {key: np.concatenate(columns) for key, columns in parts.items()}
    if not len(rows["time"]):
        raise ValueError(f"quotes have no prices of futures of {tape.base}")
    order = np.argsort(rows["time"], kind="stable")
    rows = {key: column[order] for key, column in rows.items()}
    rows["ratio"] = over_index(rows["price"], rows["time"], rows["index"], tape.snapshots, tape.index, found, "future")  # fmt: skip
    known = np.isfinite(rows["ratio"])
    if not known.any():
        raise ValueError(
            f"quotes have no future of {tape.base} within ten minutes after a snapshot"
        )
    return {key: column[known] for key, column in rows.items()}


def _seen(tape: Tape, rows: dict[str, Array], name: str) -> tuple[Array, Array]:
    """Of each step the future over the index as last seen, NaN where nothing is known; and when that was."""
    mine = np.flatnonzero(rows["name"] == name)
    at = np.searchsorted(rows["time"][mine], tape.times, side="right") - 1
    last = mine[np.maximum(at, 0)]
    return np.where(at >= 0, rows["ratio"][last], np.nan), rows["time"][last]


def _said(time: int) -> str:
    return str(np.int64(time).view("M8[us]"))[:16]
