"""Cost against risk, policy families compared at equal cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hedgecore.frames import Columns, Library, frame_of, text_table
from hedgecore.hedging.statistics import (
    expected_shortfall,
    shortfall_influence,
    std_error,
    std_influence,
)

if TYPE_CHECKING:
    from hedgecore.hedging.results import Run

FloatArray = npt.NDArray[np.float64]
MEASURES = {"std": 0.0, "es95": 0.95, "es99": 0.99}


@dataclass(frozen=True)
class Point:
    """A family at a cost: the risk, its standard error and the influence of each path on its logarithm."""

    risk: float
    error: float
    influence: FloatArray


@dataclass(frozen=True, eq=False)
class Frontier:
    """Mean cost against a measure of risk of the net P&L.

    Attributes
    ----------
    by
        "std", "es95" or "es99".
    families
        Names to (cost, risk) of each setting, in the order of cost.
    run
        The simulation.
    """

    by: str
    families: dict[str, tuple[FloatArray, FloatArray]]
    _rows: dict[str, list[int]]
    run: Run

    def point(self, family: str, cost: float) -> Point | None:
        """Return the risk of a family at a mean cost; None where its settings do not reach it.

        Straight in the logarithms of cost and risk, between the two settings around it.
        """
        costs, risks = self.families[family]
        k = int(np.searchsorted(costs, cost))
        if len(costs) < 2 or cost < costs[0] or cost > costs[-1]:
            return None
        k = min(max(k, 1), len(costs) - 1)
        (c0, c1), (r0, r1) = costs[k - 1 : k + 1], risks[k - 1 : k + 1]
        gap, slope = np.log(c1 / c0), np.log(r1 / r0)
        w = float(np.log(cost / c0) / gap) if gap > 0 else 0.0
        low, high = self._rows[family][k - 1 : k + 1]
        influence = (1 - w) * self._risk_influence(low) / r0 + w * self._risk_influence(high) / r1
        if gap > 0:
            paid = self.run.ledgers["cost"]
            moved = (1 - w) * (paid[low] / c0 - 1) + w * (paid[high] / c1 - 1)
            influence = influence - slope / gap * moved
        risk = float(np.exp(np.log(r0) + w * slope))
        return Point(risk, risk * std_error(influence), influence)

    def at(self, costs: float | Sequence[float], against: str | None = None) -> Columns:
        """Return risk and standard error of each family at equal mean costs, and its ratio to that of another.

        Parameters
        ----------
        costs
            Mean costs.
        against
            The family that others are divided by; the first where not given.  Errors of ratios are those of paired paths.

        Returns
        -------
        Columns
            cost, family, risk, risk_error, ratio, ratio_error; a family is left out where its settings do not reach a cost.
        """
        reference = next(iter(self.families)) if against is None else against
        if reference not in self.families:
            raise KeyError(f"{reference!r} is none of the families {', '.join(self.families)}")
        rows: list[tuple[Any, ...]] = []
        for cost in np.atleast_1d(np.asarray(costs, np.float64)).tolist():
            base = self.point(reference, cost)
            for family in self.families:
                point = self.point(family, cost)
                if point is None:
                    continue
                ratio = error = np.nan
                if base is not None:
                    ratio = point.risk / base.risk
                    error = ratio * std_error(point.influence - base.influence)
                rows.append((cost, family, point.risk, point.error, ratio, error))
        names = ("cost", "family", "risk", "risk_error", "ratio", "ratio_error")
        table = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        return {
            name: np.array(column, dtype=object if name == "family" else np.float64)
            for name, column in zip(names, table, strict=True)
        }

    def columns(self) -> Columns:
        """Return all settings: family, policy, cost, risk, and the standard errors of both."""
        rows = [(family, row) for family, of in self._rows.items() for row in of]
        order = [row for _, row in rows]
        return {
            "family": np.array([family for family, _ in rows], dtype=object),
            "policy": np.array([self.run.names[row] for _, row in rows], dtype=object),
            "cost": np.concatenate([cost for cost, _ in self.families.values()]),
            self.by: np.concatenate([risk for _, risk in self.families.values()]),
            "cost_error": self.run.error("cost")[order],
            f"{self.by}_error": np.array([std_error(self._risk_influence(row)) for row in order]),
        }

    def shared_costs(self, count: int = 3) -> list[float]:
        """Return mean costs at which as many families as possible can be compared, evenly in the logarithm.

        They lie within the range that most families reach with their settings; empty where no family has a range.
        """
        return shared_costs([costs for costs, _ in self.families.values()], count)

    def plot(self) -> Any:
        """Return cost against risk as a plotly figure, a line for each family, bars for standard errors."""
        from hedgecore.figures import plot_frontier

        return plot_frontier(self)

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return frame_of(self.columns(), library)

    def __str__(self) -> str:
        """Return :meth:`columns` as text."""
        return text_table(self.columns())

    def _risk_influence(self, row: int) -> FloatArray:
        pnl = self.run.pnl[row]
        return (
            std_influence(pnl) if self.by == "std" else shortfall_influence(pnl, MEASURES[self.by])
        )


def shared_costs(families: Iterable[FloatArray], count: int) -> list[float]:
    """Return costs within the range that most families reach, by the ascending costs of each; see :meth:`Frontier.shared_costs`."""
    ranges = [(float(c[0]), float(c[-1])) for c in families if len(c) > 1 and 0 < c[0] < c[-1]]
    if not ranges:
        return []
    ends = sorted({end for both in ranges for end in both})
    pieces = list(pairwise(ends))
    reach = [sum(low <= a and b <= high for low, high in ranges) for a, b in pieces]
    low, high = max(
        (piece for piece, n in zip(pieces, reach, strict=True) if n == max(reach)),
        key=lambda piece: piece[1] / piece[0],
    )
    return [float(x) for x in np.geomspace(low, high, count + 2)[1:-1]]


def frontier_of(run: Run, by: str, families: Sequence[str] | None) -> Frontier:
    """Return the frontier of a run."""
    if by not in MEASURES:
        raise ValueError(f"by must be one of {', '.join(MEASURES)}, not {by!r}")
    if "cost" not in run.ledgers:
        raise ValueError("the frontier needs the costs by path: keep=('cost',)")
    wanted = list(dict.fromkeys(run.families)) if families is None else list(families)
    cost = run.mean("cost")
    groups, rows = {}, {}
    for family in wanted:
        members = [k for k, of in enumerate(run.families) if of == family]
        if not members:
            raise KeyError(
                f"{family!r} is none of the families {', '.join(dict.fromkeys(run.families))}"
            )
        members.sort(key=lambda k: float(cost[k]))
        risk = [
            float(run.pnl[k].std(ddof=1))
            if by == "std"
            else expected_shortfall(run.pnl[k], MEASURES[by])[0]
            for k in members
        ]
        rows[family] = members
        groups[family] = (cost[members], np.array(risk))
    return Frontier(by, groups, rows, run)
