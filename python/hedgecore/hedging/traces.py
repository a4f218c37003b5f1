"""Paths that were followed step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.frames import Columns, Library, frame_of, text_table
from hedgecore.paths.random import whole

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trace:
    """Some paths, step by step, under every policy.

    Times are 0 to steps, after the fills of each; at the last the options are settled and the hedge is closed.

    Attributes
    ----------
    names
        Of the policies.
    paths
        The numbers of the paths.
    times
        Years from the start, of shape (times,).
    spot
        Prices, of shape (paths, times).
    delta
        What is to be hedged: the hedge ratio of the position, in coins, of shape (paths, times); 0 at the end.
    unit
        The delta of a unit of the instrument, in coins, of shape (paths, times): 1 of spot and linear perpetuals.
    held, ordered
        Of the instrument, of shape (policies, paths, times): what is held, and what will be when all orders are filled.  Orders in
        flight at the end lapse.
    cost
        All costs until then, of shape (policies, paths, times), in the numeraire and in money of the last step.
    """

    names: tuple[str, ...]
    paths: npt.NDArray[np.int64]
    times: FloatArray
    spot: FloatArray
    delta: FloatArray
    unit: FloatArray
    held: FloatArray
    ordered: FloatArray
    cost: FloatArray

    @property
    def exposure(self) -> FloatArray:
        """The delta of position and hedge, in coins, of shape (policies, paths, times)."""
        return np.asarray(self.delta + self.held * self.unit)

    def row(self, path: int | None) -> int:
        """Return the row of a path; the first where None."""
        if path is None:
            return 0
        found = np.flatnonzero(self.paths == path)
        if not len(found):
            raise KeyError(f"path {path} is none of those followed: {numbers_of(self.paths)}")
        return int(found[0])

    def columns(self) -> Columns:
        """Return a row for each policy, path and time: policy, path, step, time, spot, delta, held, ordered, order,
        exposure, cost.

        ``order`` is what was ordered at that step; at the last, what closes the hedge.
        """
        policies, paths, times = self.held.shape
        order = np.diff(self.ordered, axis=2, prepend=0.0)

        def spread(values: Any) -> npt.NDArray[Any]:
            return np.broadcast_to(values, (policies, paths, times)).reshape(-1)

        return {
            "policy": spread(np.array(self.names, dtype=object)[:, None, None]),
            "path": spread(self.paths[:, None]),
            "step": spread(np.arange(times)),
            "time": spread(self.times),
            "spot": spread(self.spot),
            "delta": spread(self.delta),
            "held": spread(self.held),
            "ordered": spread(self.ordered),
            "order": spread(order),
            "exposure": spread(self.exposure),
            "cost": spread(self.cost),
        }

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return frame_of(self.columns(), library)

    def plot(self, path: int | None = None, policies: Sequence[str] | None = None) -> Any:
        """Return price, position and holdings of a path over time as a plotly figure.

        Parameters
        ----------
        path
            Its number; the first where not given.
        policies
            Names; all where not given.
        """
        from hedgecore.figures import plot_trace

        return plot_trace(self, path, policies)

    def __str__(self) -> str:
        """Return :meth:`columns` as text."""
        return text_table(self.columns())


def numbers_of(paths: npt.ArrayLike) -> str:
    """Return numbers of paths in words."""
    listed = [str(int(path)) for path in np.ravel(paths)]
    return ", ".join(listed if len(listed) <= 8 else [*listed[:7], "...", listed[-1]])


def followed(trace: int | Sequence[int], first_path: int, n_paths: int) -> list[int]:
    """Return the numbers of the paths to follow, ascending: those named, or the first so many."""
    last = first_path + n_paths - 1
    if isinstance(trace, (int, np.integer)):
        return list(range(first_path, first_path + whole(trace, "trace", 0, n_paths)))
    named = [
        whole(path, f"trace[{row}]", first_path, last)
        for row, path in enumerate(np.asarray(trace).tolist())
    ]
    if len(set(named)) < len(named):
        twice = next(path for path in named if named.count(path) > 1)
        raise ValueError(f"trace: path {twice} stands twice")
    return sorted(named)
