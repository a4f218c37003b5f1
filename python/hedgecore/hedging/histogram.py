"""How the net P&L of every policy is distributed, counted in common bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.frames import Columns, Library, frame_of, text_table
from hedgecore.paths.random import whole

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of paths by net P&L, in bins that all policies share.

    Attributes
    ----------
    names
        Of the policies.
    edges
        Ascending, of shape (bins + 1,): bin k is from edges[k] to below edges[k + 1], the last bin with its upper edge.
    counts
        Of shape (policies, bins).
    below, above
        Of shape (policies,): the paths outside of the edges.
    """

    names: tuple[str, ...]
    edges: FloatArray
    counts: IntArray
    below: IntArray
    above: IntArray

    @classmethod
    def of(cls, names: tuple[str, ...], pnl: FloatArray, bins: int | Sequence[float]) -> Histogram:
        """Count the rows of ``pnl``."""
        if isinstance(bins, (int, np.integer)):
            count = whole(bins, "bins", 1, 10**6)
            low, high = float(pnl.min()), float(pnl.max())
            if not low < high:  # one value: a bin around it
                low, high = low - 0.5, high + 0.5
            edges = np.linspace(low, high, count + 1)
        else:
            edges = np.asarray(bins, np.float64)
            if edges.ndim != 1 or len(edges) < 2 or not np.isfinite(edges).all():
                raise ValueError("bins must be a number, or two finite edges or more")
            falls = np.flatnonzero(np.diff(edges) <= 0)
            if len(falls):
                at = int(falls[0]) + 1
                raise ValueError(
                    f"bins[{at}] = {edges[at]} must be above bins[{at - 1}] = {edges[at - 1]}"
                )
        counts, below, above = [], [], []
        for row in pnl:
            place = np.searchsorted(edges, row, side="right") - 1
            place[row == edges[-1]] = len(edges) - 2
            found = np.bincount(place + 1, minlength=len(edges) + 1)
            below.append(found[0])
            counts.append(found[1:-1])
            above.append(found[-1])
        return cls(names, edges, np.array(counts), np.array(below), np.array(above))

    def columns(self) -> Columns:
        """Return a row for each policy and bin: policy, low, high, count."""
        policies, bins = self.counts.shape
        return {
            "policy": np.repeat(np.array(self.names, dtype=object), bins),
            "low": np.tile(self.edges[:-1], policies),
            "high": np.tile(self.edges[1:], policies),
            "count": self.counts.reshape(-1),
        }

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return frame_of(self.columns(), library)

    def plot(self) -> Any:
        """Return the shares of the paths as a plotly figure, a line for each policy."""
        from hedgecore.figures import plot_histogram

        return plot_histogram(self)

    def __str__(self) -> str:
        """Return :meth:`columns` as text."""
        return text_table(self.columns())
