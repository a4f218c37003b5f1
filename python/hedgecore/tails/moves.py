"""Joint moves of coins: of a history, or given; scaled to today's volatility, weighted by age."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from numbers import Real
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import frames
from hedgecore.instruments import times_of
from hedgecore.scenarios import Nodes

Array = npt.NDArray[Any]
VolChange = Literal["relative", "absolute"]

HOUR: Final = 3_600_000_000
"""Microseconds."""


@dataclass(frozen=True, eq=False)
class Moves:
    """Joint moves of coins: what happened between ``start`` and ``end``.

    Attributes
    ----------
    start, end
        UTC.
    spot
        By coin the relative move of the price.
    vol
        By coin the change of vol, relative or absolute as ``vol_change`` says.
    vol_change
        "relative" or "absolute".
    weight
        Of each move.
    overlap
        By how many moves one stretch of history is shared.
    notes
        What was left out, and what was done to the moves.
    """

    start: Array
    end: Array
    spot: dict[str, Array]
    vol: dict[str, Array]
    vol_change: VolChange
    weight: Array
    overlap: float
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        end: Any,
        *,
        spot: Mapping[str, npt.ArrayLike],
        vol: Mapping[str, npt.ArrayLike] | None = None,
        start: Any = None,
        vol_change: VolChange = "relative",
        overlap: float = 1.0,
    ) -> Moves:
        """Make moves of arrays: times of their ends (and starts, else the end before), returns and vol changes.

        Raises
        ------
        ValueError
            For columns of several lengths, times that do not increase, moves that are not finite.
        """
        if vol_change not in ("relative", "absolute"):
            raise ValueError(f"vol_change must be 'relative' or 'absolute', not {vol_change!r}")
        ends = times_of(end, 0, "end")
        nodes = Nodes.of(spot=spot, vol=vol)
        if len(nodes) != len(ends):
            raise ValueError(f"{len(ends)} ends for moves of {len(nodes)} rows")
        back = np.flatnonzero(np.diff(ends) <= np.timedelta64(0))
        if back.size:
            raise ValueError(
                f"end[{back[0] + 1}] = {ends[back[0] + 1]} must be after the one before"
            )
        starts = np.r_[ends[:1], ends[:-1]] if start is None else times_of(start, 0, "start")
        return cls(starts, ends, nodes.spot, nodes.vol, vol_change, nodes.weight, overlap)

    def __len__(self) -> int:
        """Return the number of moves."""
        return len(self.end)

    def taken(self, rows: Array) -> Moves:
        """Return some of the moves."""
        changes: dict[str, Any] = {
            name: getattr(self, name)[rows] for name in ("start", "end", "weight")
        }
        for name in ("spot", "vol"):
            changes[name] = {c: values[rows] for c, values in getattr(self, name).items()}
        return replace(self, **changes)

    def filtered(self, decay: float = 0.97, warmup: int = 100) -> Moves:
        """Return the moves at today's volatility: each times (volatility now / volatility when it began).

        Source: Hull and White (1998), Barone-Adesi, Giannopoulos and Vosper (1999).  The volatility of every factor is an
        exponentially weighted mean of squared moves (of ln(1 + x); of absolute vol changes themselves) that
        had ended when the move began, with ``decay`` for each horizon of time: decay^(1 / overlap) from one move to
        the next.  It begins with the mean square of the first ``warmup`` moves, and moves that begin before these have
        ended are left out.
        """
        if not 0 < decay < 1:
            raise ValueError(f"decay = {decay} must be between 0 and 1")
        if not 2 <= warmup < len(self):
            raise ValueError(f"warmup = {warmup} must be from 2 to below the {len(self)} moves")
        kept = decay ** (1 / self.overlap)
        known = np.searchsorted(self.end, self.start, side="right")  # moves that had ended
        rows = np.flatnonzero(known >= warmup)
        if not rows.size:
            raise ValueError(f"no move begins after the first warmup = {warmup} have ended")

        def scaled(values: Array, logarithmic: bool, name: str) -> Array:
            x = np.log1p(values) if logarithmic else values
            square = x * x
            seed = float(square[:warmup].mean())
            if not seed > 0:
                raise ValueError(f"{name} does not move in the first warmup = {warmup} moves")
            path = np.array(
                list(accumulate(square[warmup:], lambda v, s: kept * v + (1 - kept) * s, initial=seed))
            )  # fmt: skip
            ratio = np.sqrt(path[-1] / path[known[rows] - warmup])
            y = x[rows] * ratio
            out: Array = np.expm1(y) if logarithmic else y
            return out

        spot = {coin: scaled(values, True, f"spot of {coin}") for coin, values in self.spot.items()}
        relative = self.vol_change == "relative"
        vol = {
            coin: scaled(values, relative, f"vol of {coin}") for coin, values in self.vol.items()
        }
        note = (
            f"moves scaled to the volatility of the last one (decay {decay:g} a horizon); the first "
            f"{len(self) - len(rows):,} left out"
        )
        return replace(self.taken(rows), spot=spot, vol=vol, notes=(*self.notes, note))

    def weighted(self, halflife: float) -> Moves:
        """Return the moves with weights that halve with every ``halflife`` days of age.

        Source: Boudoukh, Richardson and Whitelaw, The best of both worlds, 1998.
        """
        if not 0 < halflife < np.inf:
            raise ValueError(f"halflife = {halflife} must be positive")
        age = (self.end[-1] - self.end).astype(np.int64) / (24 * HOUR)
        note = f"weights halve with every {halflife:g} days of age"
        return replace(
            self, weight=self.weight * 0.5 ** (age / halflife), notes=(*self.notes, note)
        )

    def nodes(self, coins: Iterable[str] | None = None, *, aging: bool = False) -> Nodes:
        """Return the moves as nodes of a grid; with ``aging`` the time between start and end passes as well."""
        kept = None if coins is None else set(coins)

        def some(moves: dict[str, Array]) -> dict[str, Array]:
            return {coin: x for coin, x in moves.items() if kept is None or coin in kept}

        years = (self.end - self.start).astype(np.int64) / (365 * 24 * HOUR)
        return Nodes.of(
            spot=some(self.spot), vol=some(self.vol), time=years if aging else 0.0, weight=self.weight
        )  # fmt: skip

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return the moves as a data frame."""
        columns = {"start": self.start, "end": self.end}
        columns |= {f"{coin}_spot": values for coin, values in self.spot.items()}
        columns |= {f"{coin}_vol": values for coin, values in self.vol.items()}
        return frames.frame_of(columns | {"weight": self.weight}, library)

    def __repr__(self) -> str:
        have = [*(f"{coin} spot" for coin in self.spot), *(f"{coin} vol" for coin in self.vol)]
        return f"{len(self):,} moves of {', '.join(have)}: {span(self.end)}\n" + "\n".join(
            self.notes
        )


def check_number(value: Any, name: str, unit: str) -> None:
    """Raise a TypeError for what is no number."""
    if not isinstance(value, Real) or isinstance(value, np.timedelta64):  # an integer to numpy
        raise TypeError(f"{name} must be a number of {unit}, not {value!r}")


def span(times: Array) -> str:
    """Return how many times there are, the first and the last."""
    if not len(times):
        return "0 times"
    first, last = (np.datetime_as_string(t, unit="m").replace("T", " ") for t in times[[0, -1]])
    return f"{len(times):,} times from {first} to {last}"
