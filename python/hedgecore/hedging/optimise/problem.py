"""A hedging problem: what is held, what can be traded, and what must hold afterwards."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hedgecore import risk
from hedgecore.book import Book, Market
from hedgecore.hedging.optimise import actions as doing
from hedgecore.hedging.optimise import constraints, solvers
from hedgecore.hedging.optimise.actions import Actions, Rolls, is_count
from hedgecore.hedging.optimise.constraints import Rows
from hedgecore.hedging.optimise.exposures import MEASURES, book_measures, unit_measures
from hedgecore.hedging.optimise.plan import InfeasibleHedge, Plan, Violation
from hedgecore.hedging.optimise.quotes import Quotes
from hedgecore.limits import Breach, flat, is_number, read_limits, unvalued

Array = npt.NDArray[Any]
_HARD = 1e3
"""How much more than a limit a row of cash, cost or tickets weighs where not all can be kept."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What is held, what can be traded, and what must hold afterwards; the modes solve it.

    Attributes
    ----------
    book, market
        What is held, and the market that values it.
    quotes
        What can be traded.
    limits
        Net limits as in :mod:`hedgecore.limits` (a mapping, or the path of a TOML file), of :data:`MEASURES`.
    targets
        The same form: values to be met exactly, or pairs [low, high].
    actions
        "open" (instruments that are not held), "resize" (those that are), "roll" (see :class:`Rolls`); futures and perpetuals can be
        traded in any case.
    rolls
        Which rolls there are, and what they cost.
    positions
        Limits on what is held afterwards, by pattern of names: a magnitude or a pair [low, high].
    forbid
        Patterns of names that are not traded.
    cash
        USD that premiums and fees may take at most, net of premiums received.
    budget
        USD that the trades may cost at most (spread and fees).
    lots
        Whether trades are multiples of the lots.
    min_trade
        The least size of a trade that is made at all, coins.
    max_tickets
        The largest number of orders; a roll is one.

    Raises
    ------
    ValueError
        Naming the argument and the value; for limits of what neither the book nor the quotes have.
    """

    book: Book
    market: Market
    quotes: Quotes
    limits: Mapping[str, Any] | str | Path = field(default_factory=dict)
    targets: Mapping[str, Any] = field(default_factory=dict)
    actions: Sequence[str] = ("open", "resize", "roll")
    rolls: Rolls = Rolls()  # noqa: RUF009  frozen
    positions: Mapping[str, float | Sequence[float]] = field(default_factory=dict)
    forbid: Sequence[str] = ()
    cash: float | None = None
    budget: float | None = None
    lots: bool = False
    min_trade: float = 0.0
    max_tickets: int | None = None

    def __post_init__(self) -> None:
        """Check the numbers, and build the rows so that wrong names are said here."""
        self._check_kinds()
        for name in ("cash", "budget"):
            value = getattr(self, name)
            if value is not None and not (is_number(value) and 0 <= value < math.inf):
                raise ValueError(f"{name} = {value!r} must be zero or positive, or None")
        if not (is_number(self.min_trade) and 0 <= self.min_trade < math.inf):
            raise ValueError(f"min_trade = {self.min_trade!r} must be zero or positive")
        if self.max_tickets is not None and not is_count(self.max_tickets):
            raise ValueError(f"max_tickets = {self.max_tickets!r} must be a whole number or None")
        if isinstance(self.limits, (str, Path)):
            object.__setattr__(self, "limits", read_limits(self.limits, MEASURES))
        if self.lots:
            bad = np.flatnonzero(~(self.columns.lot > 0))
            if bad.size:
                name = self.quotes.table.name[self.columns.instrument[bad[0]]]
                raise ValueError(f"lots: no lot of {name} is known; give a column 'lot'")
        if not len(self.columns):
            raise ValueError("quotes: nothing may be traded (actions, forbid, sizes)")
        self.rows  # noqa: B018

    def _check_kinds(self) -> None:
        for name, kind, words in (
            ("book", Book, "a Book"),
            ("market", Market, "a Market"),
            ("quotes", Quotes, "Quotes"),
            ("lots", (bool, np.bool_), "True or False"),
            ("rolls", Rolls, "Rolls"),
            ("targets", Mapping, "a mapping"),
            ("positions", Mapping, "a mapping"),
            ("limits", (Mapping, str, Path), "a mapping or the path of a file"),
        ):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise ValueError(f"{name} = {value!r} must be {words}")  # noqa: TRY004
        for name in ("actions", "forbid"):
            value = getattr(self, name)
            # a text is a sequence of letters, each of which would be a pattern
            if isinstance(value, str) or not all(isinstance(one, str) for one in value):
                raise ValueError(f"{name} = {value!r} must be a list of texts")

    @cached_property
    def held(self) -> Array:
        """What the book holds of each quoted instrument."""
        return doing.held_of(self.book, self.quotes)

    @cached_property
    def columns(self) -> Actions:
        """What can be done."""
        able = np.ones(len(self.quotes), bool)
        if self.forbid:
            able &= ~self.quotes.matching(self.forbid)
        return doing.actions_of(self.quotes, self.held, self.actions, able, self.rolls)

    @cached_property
    def unit_measures(self) -> dict[str, Array]:
        """Measures of one unit of each quoted instrument."""
        return unit_measures(self.quotes.table, self.market)

    @cached_property
    def book_measures(self) -> dict[str, Array]:
        """Measures by instrument of the book."""
        return book_measures(self.book, self.market)

    @cached_property
    def before(self) -> risk.Risk:
        """The risk of the book."""
        return self.book.risk(self.market)

    @cached_property
    def unvalued(self) -> tuple[Breach, ...]:
        """What is held under limits or targets and cannot be valued: they cannot be said to be kept."""
        asked = (self.limits, _exact(self.targets))
        bases = {
            rule[0] for one in asked if isinstance(one, Mapping) for rule in flat(one, MEASURES)
        }
        return tuple(unvalued(self.before, bases))

    @cached_property
    def rows(self) -> Rows:
        """Everything that must hold."""
        columns = self.columns
        limits = self.limits if isinstance(self.limits, Mapping) else {}
        rows: list[tuple[str, str, float, Array, float, float, float]] = []
        for what, asked in (("limits", limits), ("targets", _exact(self.targets))):
            rows += constraints.measure_rows(
                asked, what, self.quotes, self.unit_measures, self.book_measures,
                self.book.instruments, columns,
            )  # fmt: skip
        constraints.check_targets(rows)
        rows += constraints.position_rows(self.positions, self.quotes, self.held, columns)
        rows += constraints.size_rows(self.quotes, columns)
        for name, bound, row in (
            ("cash", self.cash, columns.premium + columns.fee),
            ("cost", self.budget, columns.cost),
        ):
            if bound is not None:
                weight = _HARD / max(bound, 1.0)
                rows.append((name, "USD", 0.0, row, -np.inf, float(bound), weight))
        return Rows.of(len(columns), rows)

    @cached_property
    def scale(self) -> Array:
        """What a variable of the program stands for: a lot, or a coin where trades need not be whole lots."""
        if self.lots:
            return self.columns.lot
        return np.asarray(1.0 / self.quotes.delta_scale[self.columns.instrument])

    @property
    def has_whole(self) -> bool:
        """Whether the program has whole numbers: lots, least trades, tickets."""
        return self.lots or self.min_trade > 0 or self.max_tickets is not None

    @cached_property
    def program(self) -> solvers.Program:
        """Minimise the cost; tickets and least trades are columns behind those of the actions."""
        columns, rows, n = self.columns, self.rows, len(self.columns)
        upper = columns.upper / self.scale
        if self.lots:
            if self.targets:
                # the search for sums that are equal to the last digit does not end
                raise ValueError("targets are met exactly, which trades in lots cannot: give limits around them, as [-0.1, 0.1]")  # fmt: skip
            upper = np.floor(upper + 1e-9)
        program = solvers.Program(
            columns.cost * self.scale, np.zeros(n), upper, rows.matrix * self.scale,
            rows.low - rows.base, rows.high - rows.base, np.full(n, self.lots),
        )  # fmt: skip
        if self.min_trade == 0 and self.max_tickets is None:
            return program
        endless = np.flatnonzero(np.isinf(upper))
        if endless.size:
            name = self.quotes.table.name[columns.instrument[endless[0]]]
            raise ValueError(
                f"max_tickets and min_trade need sizes, and {name} has none: Quotes.of(size=)"
            )
        program = program.with_columns(
            np.zeros(n), np.zeros(n), np.ones(n), np.zeros((len(rows), n)), whole=True, opens=np.arange(n)
        )  # fmt: skip
        coins = self.scale * self.quotes.delta_scale[columns.instrument]
        least = np.minimum(self.min_trade / coins, upper)
        program = program.with_rows(
            np.hstack([np.eye(n), -np.diag(upper)]), np.full(n, -np.inf), np.zeros(n)
        )
        if self.min_trade > 0:
            program = program.with_rows(
                np.hstack([np.eye(n), -np.diag(least)]), np.zeros(n), np.full(n, np.inf)
            )
            # less than the least cannot be traded at all
            too_small = coins * upper < self.min_trade * (1 - 1e-12)
            program.upper[:n][too_small] = 0.0
        if self.max_tickets is not None:
            tickets = np.r_[np.zeros(n), np.ones(n)][None, :]
            program = program.with_rows(tickets, np.array([-np.inf]), np.array([float(self.max_tickets)]))  # fmt: skip
        return program

    def plan(self, mode: str, solution: solvers.Solution, **more: Any) -> Plan:
        """Return what a solution of the program (or of one that has it in front) means."""
        n = len(self.columns)
        amount = np.maximum(solution.x[:n], 0.0) * self.scale
        if self.lots:
            amount = np.round(solution.x[:n]) * self.scale
        amount[amount < 1e-9 * np.maximum(self.scale, 1.0)] = 0.0
        prices = solution.row_price[: len(self.rows)]
        sizes = np.where(
            amount < columns_full(self, amount), 0.0, solution.column_price[:n] / self.scale
        )
        notes = (solution.note,) if solution.note else ()
        more = {"objective": solution.value, "gap": solution.gap, "notes": notes} | more
        return Plan(self, mode, amount, prices, np.minimum(sizes, 0.0), **more)

    def solve(
        self, mode: str, program: solvers.Program, *, time_limit: float, gap: float = solvers.GAP
    ) -> Plan:
        """Solve a program whose first columns are those of the actions; where there is no best point, raise an error that says why."""
        solvers.check_search(time_limit, gap)
        clock = solvers.Clock(time_limit)
        try:
            # what may be needed for the plan that breaks least is kept back
            found = solvers.solve(program, time_limit=0.6 * time_limit, gap=gap)
        except solvers.InfeasibleProgram:
            self.give_up(mode, time_limit=clock.left, gap=gap)
        except solvers.UnboundedProgram as error:
            raise self.endless(error) from None
        return self.plan(mode, found, asked_gap=gap)

    def give_up(self, mode: str, *, time_limit: float, gap: float) -> NoReturn:
        """Raise for a program without a point: which rows contradict each other, with the plan that breaks them least."""
        program = self.program
        rows = len(self.rows)
        weight = np.full(len(program.low), np.inf)
        weight[:rows] = self.rows.weight
        try:
            found = solvers.relax(program, weight, time_limit=time_limit, gap=gap)
        except (solvers.InfeasibleProgram, solvers.SolverError) as error:
            raise solvers.SolverError(
                f"no trades keep everything, and the plan that breaks it least was not found ({error}); {solvers.HINT}"
            ) from None
        names = self.rows.name
        soft = np.flatnonzero(np.isfinite(self.rows.weight))
        broken = soft[np.abs(found.excess[soft]) * self.rows.weight[soft] > 1e-9]
        violations = tuple(
            Violation(
                names[i], float(self.rows.low[i]), float(self.rows.high[i]), float(found.excess[i])
            )
            for i in broken
        )
        conflict = [names[i] for i in found.conflict if i < rows]
        actions = self.columns.names(self.quotes)
        full = tuple(actions[k] for k in found.full if k < len(actions))
        if (
            self.max_tickets is not None
            and self.has_whole
            and any(i >= rows for i in found.conflict)
        ):
            conflict.append("tickets")
        plan = self.plan(mode, found.solution, violations=violations)
        raise InfeasibleHedge(plan, tuple(conflict), full)

    def endless(self, error: solvers.UnboundedProgram) -> ValueError:
        """Return the error for an objective without end, naming the actions that grow with it."""
        names = self.columns.names(self.quotes)
        grow = [names[k] for k in error.columns if k < len(names)]
        some = ", ".join(grow[:5]) + (f" and {len(grow) - 5} more" if len(grow) > 5 else "")
        return ValueError(
            f"the objective falls without end by {some or 'actions without a size'}: give sizes (Quotes.of(size=)), "
            "limits on positions or a budget"
        )


def columns_full(problem: Problem, amount: Array) -> Array:
    """Amounts from which on the size of an action is used up."""
    upper = problem.columns.upper
    return np.where(np.isfinite(upper) & (amount > 0), upper * (1 - 1e-9), np.inf)


def _exact(targets: Mapping[str, Any]) -> dict[str, Any]:
    """Targets as limits: a number is met exactly."""
    out: dict[str, Any] = {}
    for name, value in targets.items():
        if isinstance(value, Mapping):
            out[name] = _exact(value)
        else:
            out[name] = value if isinstance(value, (list, tuple)) else [value, value]
    return out
