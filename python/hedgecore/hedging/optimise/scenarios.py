"""P&L of the book and of every instrument over scenarios: nodes of a grid, moves of a history, delta-hedged options on paths, or a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.book import Book
from hedgecore.hedging.book import YEAR_DAYS, from_book
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.hedging.policies import Clock, Policy
from hedgecore.hedging.simulate import simulate
from hedgecore.instruments import OPTION, find_options
from hedgecore.paths.history import Given
from hedgecore.paths.models import Model
from hedgecore.paths.random import whole
from hedgecore.scenarios import Nodes, book_scenarios, tail_of
from hedgecore.surface import Surface
from hedgecore.tails import Moves

Array = npt.NDArray[Any]
_HEDGED: Final = (
    "scenarios of options whose deltas are hedged to expiry: futures, perpetuals and coins earn 0"
)


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
    notes
        What there is to say of them; plans repeat it.
    """

    book: Array
    unit: Array
    weight: Array
    overlap: float = 1.0
    notes: tuple[str, ...] = ()

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
        """Take P&L that was computed elsewhere.

        ``unit`` has a column for each quoted instrument, one unit long.
        """
        pnl, each = np.array(book, np.float64), np.array(unit, np.float64)
        if each.ndim != 2 or each.shape[1] != len(problem.quotes):
            raise ValueError(
                f"unit of shape {each.shape} must have a column for each of the {len(problem.quotes)} quotes"
            )
        return cls(pnl, each, np.ones(len(pnl)) if weight is None else np.array(weight, np.float64))

    @classmethod
    def of_residuals(
        cls,
        problem: Problem,
        paths: Model,
        policy: Policy | None = None,
        *,
        n_paths: int,
        steps_per_day: int,
        seed: int,
        asset: Mapping[str, int] | None = None,
        surfaces: Mapping[str, Surface] | None = None,
        stickiness: float = 1.0,
        **rules: Any,
    ) -> Scenarios:
        """Simulate what is left of each option once its delta is hedged on the paths of a model, to its expiry.

        With them the trades are the static part of a hedge whose dynamic part goes on: delta needs none, so that futures,
        perpetuals and coins earn 0.  The hedges of all options add up to that of the book where the policy trades to the
        delta and costs nothing, as the default does; with bands or costs each is hedged as if it were alone, which costs more.

        Parameters
        ----------
        problem
            Its book, market and quotes; options have the market's vols, at the forward S.
        paths
            A model of :mod:`hedgecore.paths`: the same paths for all options.
        policy
            One of :mod:`hedgecore.hedging`, for one unit; by default :class:`hedgecore.hedging.Clock`.
        n_paths, steps_per_day, seed
            How many paths, how often the policy looks, and the seed of the paths.
        asset
            By coin, which of the paths' assets it is; needed for several.
        surfaces, stickiness
            As of :func:`hedgecore.hedging.from_book`.
        rules
            Of :func:`hedgecore.hedging.simulate`: drift, levels, stress, instrument, costs, execution, threads.

        Raises
        ------
        ValueError
            For options that the market cannot value, and coins without an asset.
        """
        n_paths = whole(n_paths, "n_paths", 1, 2**40)
        book, table = problem.book, problem.quotes.table
        net = book.net_quantity
        bare = np.flatnonzero((book.instruments.type == OPTION) & (net != 0))
        bare = bare[find_options(table, book.instruments.take(bare)) < 0]
        common = rules | {"n_paths": n_paths, "seed": seed}
        unit, notes = np.zeros((n_paths, len(table))), dict.fromkeys((_HEDGED,))
        own = np.zeros(n_paths)
        for of, rows in ((table, np.flatnonzero(table.type == OPTION)), (book.instruments, bare)):
            if not rows.size:
                continue
            one = Book(of.take(rows), np.arange(len(rows)), np.ones(len(rows)))
            ready = from_book(
                one, problem.market, steps_per_day=steps_per_day, surfaces=surfaces, stickiness=stickiness
            )  # fmt: skip
            notes |= dict.fromkeys(ready.notes)
            assets = _assets(ready.spot, paths, asset)
            left = {base: iter(strip.options) for base, strip in ready.position.items()}
            for row in rows.tolist():
                base = str(of.base[row])
                option = next(left[base])
                steps = round(option.expiry * YEAR_DAYS * steps_per_day)
                spot = None if isinstance(paths, Given) else _spots(ready.spot, assets, paths)
                run = simulate(
                    option, paths, policy or Clock(), steps=steps, numeraire="quote", keep=("pnl",),
                    asset=assets[base], spot=spot, **common,
                )  # fmt: skip
                if of is table:
                    unit[:, row] = run.pnl[0]
                else:
                    own += net[row] * run.pnl[0]
        return cls(own + unit @ problem.held, unit, np.ones(n_paths), notes=tuple(notes))

    def check_fits(self, problem: Problem, name: str = "scenarios") -> None:
        """Refuse those of another problem's quotes."""
        if self.unit.shape[1] != len(problem.quotes):
            raise ValueError(
                f"{name} are of {self.unit.shape[1]} instruments and the problem has {len(problem.quotes)} quotes: make them of this problem (Scenarios.of)"
            )

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
        return replace(self, book=self.book[rows], unit=self.unit[rows], weight=self.weight[rows])

    def pnl(self, quantity: Array) -> Array:
        """P&L of the book and of trades."""
        return np.asarray(self.book + self.unit @ quantity)


def _assets(
    spot: Mapping[str, float], paths: Model, asset: Mapping[str, int] | None
) -> dict[str, int]:
    """Which asset of the paths each coin is."""
    if asset is None and len(spot) == paths.n_assets == 1:
        return dict.fromkeys(spot, 0)
    for base in spot:
        if base not in (asset or {}):
            raise ValueError(f"asset must say which of the {paths.n_assets} assets of the paths {base} is")  # fmt: skip
    return dict(asset or {})


def _spots(spot: Mapping[str, float], assets: Mapping[str, int], paths: Model) -> tuple[float, ...]:
    """The price that each asset starts at; 100 of one that is no coin of the book."""
    start = [100.0] * paths.n_assets
    for base, place in assets.items():
        start[place] = spot.get(base, 100.0)
    return tuple(start)


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
