"""P&L of the book and of every instrument over scenarios: from nodes of a grid, a history's moves, or a matrix of the user's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.book import Book
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.scenarios import Nodes, book_scenarios, tail_of
from hedgecore.tails import Moves

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scenarios:
    """P&L in USD at market value, before what the trades cost.

    Attributes
    ----------
    book
        Of the book, by scenario.
    unit
        Of one unit long of each quoted instrument: scenarios x instruments, in the order of the quotes.
    weight
        Of each scenario, not negative.
    overlap
        By how many scenarios one stretch of history is shared.
    """

    book: Array
    unit: Array
    weight: Array
    overlap: float = 1.0

    def __post_init__(self) -> None:
        """Check shapes and numbers."""
        m = len(self.book)
        if self.unit.ndim != 2 or len(self.unit) != m or self.weight.shape != (m,) or not m:
            raise ValueError(
                f"scenarios of unequal shapes: book {self.book.shape}, unit {self.unit.shape}, weight {self.weight.shape}"
            )
        for name in ("book", "unit", "weight"):
            values = getattr(self, name)
            bad = np.argwhere(~np.isfinite(values))
            if len(bad):
                place = ", ".join(map(str, bad[0]))
                raise ValueError(f"{name}[{place}] = {values[tuple(bad[0])]} must be finite")
        if (self.weight < 0).any() or not self.weight.sum() > 0:
            raise ValueError("weight must not be negative, and not 0 everywhere")
        if not 1 <= self.overlap < np.inf:
            raise ValueError(f"overlap = {self.overlap} must be at least 1")

    @classmethod
    def of(cls, problem: Problem, moves: Nodes | Moves, **rules: Any) -> Scenarios:
        """Revalue the book and every instrument in full at nodes, or at the moves of a history.

        Parameters
        ----------
        problem
            Its book, market and quotes.
        moves
            Nodes, or moves as of :meth:`hedgecore.tails.History.moves`.
        rules
            Of :func:`hedgecore.scenarios.book_scenarios`; ``vol_shock`` of moves is theirs.
        """
        overlap = 1.0
        if isinstance(moves, Moves):
            rules = {"vol_shock": moves.vol_change} | rules
            overlap, moves = moves.overlap, moves.nodes(problem.market.index)
        table = problem.quotes.table
        one = Book(table, np.arange(len(table)), np.ones(len(table)))
        asked: dict[str, Any] = {"nodes": moves, "measures": ()} | rules
        grid = book_scenarios(one, problem.market, **asked)
        unit = np.vstack([block["pnl_usd"] for block in grid.positions()]).T
        own = book_scenarios(problem.book, problem.market, **asked)["pnl_usd"].sum(axis=1)
        return cls(own, np.ascontiguousarray(unit), np.array(moves.weight), overlap)

    @classmethod
    def of_matrix(cls, problem: Problem, book: Any, unit: Any, weight: Any = None) -> Scenarios:
        """Take P&L that was computed elsewhere, for example delta-hedged residuals of :func:`hedgecore.hedging.simulate`.

        ``unit`` has a column for each quoted instrument, one unit long.
        """
        pnl, each = np.array(book, np.float64), np.array(unit, np.float64)
        if each.ndim != 2 or each.shape[1] != len(problem.quotes):
            raise ValueError(
                f"unit of shape {each.shape} must have a column for each of the {len(problem.quotes)} quotes"
            )
        return cls(pnl, each, np.ones(len(pnl)) if weight is None else np.array(weight, np.float64))

    def __len__(self) -> int:
        """Return the number of scenarios."""
        return len(self.book)

    @property
    def sample(self) -> float:
        """The effective number of scenarios: (sum w)^2 / sum w^2, over the overlap."""
        return float(self.weight.sum() ** 2 / (self.weight**2).sum() / self.overlap)

    def split(self, share: float = 0.7) -> tuple[Scenarios, Scenarios]:
        """Return the first so much of them and the rest, without those whose stretches of history reach over the cut.

        In order, not at random: scenarios that share history must not stand on both sides.
        """
        if not 0 < share < 1:
            raise ValueError(f"share = {share} must be between 0 and 1")
        cut = round(share * len(self))
        start = cut + int(np.ceil(self.overlap)) - 1
        if not cut > 0 or not start < len(self):
            raise ValueError(f"share = {share} of {len(self)} scenarios leaves nothing on one side")
        return self._taken(slice(0, cut)), self._taken(slice(start, None))

    def _taken(self, rows: slice) -> Scenarios:
        return Scenarios(self.book[rows], self.unit[rows], self.weight[rows], self.overlap)

    def pnl(self, quantity: Array) -> Array:
        """P&L of the book and of trades."""
        return np.asarray(self.book + self.unit @ quantity)


@dataclass(frozen=True)
class TailReport:
    """Value at risk and expected shortfall in USD before and after the trades, their cost not in it, and the standard error of the latter's.

    ``label`` says whether the plan was fitted to these scenarios ("in sample") or not ("held out"); ``sample`` is their
    effective number, ``tail`` how many of them are in the tail.
    """

    label: str
    level: float
    sample: float
    value_at_risk: tuple[float, float]
    expected_shortfall: tuple[float, float]
    error: tuple[float, float]

    @property
    def tail(self) -> float:
        """Effective scenarios in the tail."""
        return self.sample * (1 - self.level)

    @property
    def cut(self) -> float:
        """By what share the expected shortfall fell."""
        before, after = self.expected_shortfall
        return 1 - after / before if before > 0 else float("nan")

    def __str__(self) -> str:
        (before, after), (error, now) = self.expected_shortfall, self.error
        return (
            f"ES{100 * self.level:g} {self.label} ({self.tail:,.0f} effective scenarios in the tail): {before:,.0f} (error {error:,.0f}) "
            f"-> {after:,.0f} (error {now:,.0f}) USD, {-100 * self.cut:+.1f} %"
        )


def report(scenarios: Scenarios, quantity: Array, level: float, label: str) -> TailReport:
    """Return the tail before and after trades."""
    found = [
        tail_of(pnl[:, None], scenarios.weight, level, overlap=scenarios.overlap)
        for pnl in (scenarios.book, scenarios.pnl(quantity))
    ]
    before, after = found
    return TailReport(
        label, level, scenarios.sample, (before.value_at_risk, after.value_at_risk),
        (before.expected_shortfall, after.expected_shortfall),
        (before.expected_shortfall_error, after.expected_shortfall_error),
    )  # fmt: skip
