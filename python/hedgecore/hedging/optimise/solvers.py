"""Linear, mixed-integer and quadratic programs, solved by HiGHS and Clarabel (extra ``optimise``)."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from hedgecore.limits import is_number

Array = npt.NDArray[Any]
T = TypeVar("T")
INFINITE: Final = np.inf
TIME_LIMIT: Final = 10.0
"""Seconds that a mode has, unless it is told otherwise."""
GAP: Final = 1e-3
"""Relative gap at which a program with whole numbers counts as solved."""
HINT: Final = "raise time_limit, take fewer quotes (Quotes.near_deltas), or leave out max_tickets and min_trade"


class SolverError(RuntimeError):
    """A solver ended without an answer: out of time, or in numerical trouble."""


class InfeasibleProgram(ValueError):
    """No point keeps all the rows."""


class UnboundedProgram(ValueError):
    """The objective falls without end; ``columns`` are those that grow with it."""

    def __init__(self, columns: Array) -> None:
        super().__init__("the objective falls without end")
        self.columns = columns


@dataclass(frozen=True, eq=False)
class Program:
    """Minimise offset + cost @ x + x' hessian x / 2 for lower <= x <= upper and low <= rows @ x <= high; some of x whole numbers.

    The hessian is that of the last columns, as many as it has.  ``opens`` says of each column which other one it is the ticket of (-1: of none).
    """

    cost: Array
    lower: Array
    upper: Array
    rows: Array
    low: Array
    high: Array
    whole: Array | None = None
    hessian: Array | None = field(default=None, repr=False)
    opens: Array | None = None
    offset: float = 0.0

    @property
    def has_whole(self) -> bool:
        """Whether some of x are whole numbers."""
        return self.whole is not None and bool(self.whole.any())

    def with_columns(
        self, cost: Array, lower: Array, upper: Array, rows: Array, whole: bool = False,
        opens: Array | None = None,
    ) -> Program:  # fmt: skip
        """Return the program with more columns, whose part of the rows is ``rows``."""
        n, more = len(self.cost), len(cost)
        kinds = np.zeros(n, bool) if self.whole is None else self.whole
        if opens is not None or self.opens is not None:
            before = np.full(n, -1) if self.opens is None else self.opens
            opens = np.r_[before, np.full(more, -1) if opens is None else opens]
        return replace(
            self, cost=np.r_[self.cost, cost], lower=np.r_[self.lower, lower],
            upper=np.r_[self.upper, upper], rows=np.hstack([self.rows, rows]),
            whole=np.r_[kinds, np.full(more, whole)], opens=opens,
        )  # fmt: skip

    def with_rows(self, rows: Array, low: Array, high: Array) -> Program:
        """Return the program with more rows."""
        return replace(
            self, rows=np.vstack([self.rows, rows]), low=np.r_[self.low, low], high=np.r_[self.high, high]
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Solution:
    """The best x, the objective there, and what a unit of each bound is worth.

    ``row_price`` is the change of the objective per unit that the bound of a row moves up, ``column_price`` that of a
    column's; both are 0 where no bound holds.  No point is better than ``bound``.  ``note`` is what the solver did not reach.
    """

    x: Array
    value: float
    row_price: Array
    column_price: Array
    bound: float
    note: str = ""

    @property
    def gap(self) -> float:
        """What is not proved, relative to the objective."""
        if self.value - self.bound <= 1e-9 * (1 + abs(self.value)):
            return 0.0
        return (self.value - self.bound) / abs(self.value) if self.value else INFINITE


class Clock:
    """What is left of a time limit in seconds."""

    def __init__(self, limit: float) -> None:
        self._end = time.monotonic() + limit

    @property
    def left(self) -> float:
        """Seconds, not below 0."""
        return max(self._end - time.monotonic(), 0.0)


def check_search(time_limit: float, gap: float = GAP) -> None:
    """Refuse a time limit or a gap that is none."""
    for name, value in (("time_limit", time_limit), ("gap", gap)):
        if not (is_number(value) and value >= 0):
            raise ValueError(f"{name} = {value!r} must be zero or positive")


def require(name: str) -> Any:
    """Return a solver's module, or raise an ImportError that names the extra."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f'optimising a hedge needs {name} ({error}): pip install "hedgecore[optimise]"'
        ) from error


def _interruptible(work: Callable[[], T], stop: threading.Event) -> T:
    """Return what work does in a thread of its own, so that Ctrl-C is heard; ``stop`` is set for the thread to end then."""
    done, out = threading.Event(), []

    def run() -> None:
        try:
            out.append(work())
        finally:
            done.set()

    # not Thread.join, which Ctrl-C makes believe that the thread has ended (Python 3.11)
    worker = threading.Thread(target=run)
    try:
        worker.start()
        while not done.wait(0.05):
            pass
    finally:
        stop.set()
        done.wait()
    worker.join()
    return out[0]


class Highs:
    """A linear or mixed-integer program in HiGHS, to which rows can be added between solutions."""

    def __init__(
        self, program: Program, *, time_limit: float = INFINITE, gap: float = 1e-6,
        target: float = -INFINITE, start: Array | None = None,
    ) -> None:  # fmt: skip
        """Load a program; with whole numbers a point of which the objective is ``target`` is enough, and ``start`` is one to begin with."""
        self._highspy = require("highspy")
        # the class below Highs: Highs itself writes a banner to the standard output, where JSON may go
        self._highs = self._highspy.Highs.__mro__[1]()
        for option, value in (
            ("output_flag", False), ("threads", 1), ("mip_rel_gap", gap), ("random_seed", 0), ("objective_target", target),
            ("primal_feasibility_tolerance", 1e-9), ("dual_feasibility_tolerance", 1e-9),
        ):  # fmt: skip
            self._highs.setOptionValue(option, value)
        self._clock = Clock(time_limit)
        self._limit = time_limit
        lp = self._highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(program.cost), len(program.low)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = program.cost, program.lower, program.upper
        lp.row_lower_, lp.row_upper_ = program.low, program.high
        lp.offset_ = program.offset
        row, column = np.nonzero(program.rows)
        lp.a_matrix_.format_ = self._highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.searchsorted(row, np.arange(len(program.low) + 1))
        lp.a_matrix_.index_, lp.a_matrix_.value_ = column, program.rows[row, column]
        self._whole = program.has_whole
        if program.whole is not None and self._whole:
            kinds = self._highspy.HighsVarType
            lp.integrality_ = [kinds.kInteger if w else kinds.kContinuous for w in program.whole]
        self._highs.passModel(lp)
        if start is not None:
            point = self._highspy.HighsSolution()
            point.col_value = start.tolist()
            self._highs.setSolution(point)

    def add_row(self, row: Array, low: float, high: float) -> None:
        """Add a row; the next solution starts from the last one."""
        at = np.flatnonzero(row).astype(np.int32)
        self._highs.addRow(low, high, len(at), at, np.ascontiguousarray(row[at]))

    def solve(self) -> Solution:
        """Solve as it stands."""
        highs, status = self._highs, self._highspy.HighsModelStatus
        self._run()
        found = highs.getModelStatus()
        if found == status.kUnboundedOrInfeasible:  # presolve does not say which
            highs.setOptionValue("presolve", "off")
            self._run()
            found = highs.getModelStatus()
        if found == status.kInfeasible:
            raise InfeasibleProgram("no point keeps all the rows")
        if found == status.kUnbounded:
            raise UnboundedProgram(self._ray())
        info, solution = highs.getInfo(), highs.getSolution()
        in_time = found == status.kOptimal or (
            found in (status.kTimeLimit, status.kInterrupt, status.kObjectiveTarget)
            and self._whole
            and info.primal_solution_status == 2
        )
        if not in_time:
            if found in (status.kTimeLimit, status.kInterrupt):
                raise SolverError(
                    f"no trades that keep everything were found in {self._limit:.3g} s; {HINT}"
                )
            raise SolverError(f"HiGHS ended with: {highs.modelStatusToString(found)}")
        x = np.array(solution.col_value)
        if self._whole:
            none = np.zeros(0)
            return Solution(
                x, info.objective_function_value, none, none, float(info.mip_dual_bound)
            )
        value = float(info.objective_function_value)
        return Solution(x, value, np.array(solution.row_dual), np.array(solution.col_dual), value)

    def _run(self) -> None:
        """Run in a thread of its own, so that Ctrl-C is heard and ends it."""
        if self._limit < INFINITE:
            # the solver counts its time over all runs of an object
            spent = float(self._highs.getRunTime())
            self._highs.setOptionValue("time_limit", spent + self._clock.left)
        kinds = self._highspy.cb.HighsCallbackType
        asking = (
            [kinds.kCallbackMipInterrupt]
            if self._whole
            else [kinds.kCallbackSimplexInterrupt, kinds.kCallbackIpmInterrupt]
        )
        self._highs.setCallback(self._asked, None)
        for kind in asking:
            self._highs.startCallback(kind)
        self._stop = threading.Event()
        _interruptible(self._highs.run, self._stop)
        for kind in asking:
            self._highs.stopCallback(kind)

    def _asked(self, kind: Any, message: str, out: Any, into: Any, data: Any) -> None:  # noqa: ARG002
        """Answer the solver, which asks again and again whether to stop."""
        into.user_interrupt = self._stop.is_set() or not self._clock.left

    def _ray(self) -> Array:
        found = self._highs.getPrimalRay()
        ray = np.array(found[2] if isinstance(found, tuple) and len(found) > 2 else [])
        return np.flatnonzero(np.abs(ray) > 1e-9) if ray.size else np.zeros(0, np.intp)


def solve(program: Program, *, time_limit: float = INFINITE, gap: float = 1e-6) -> Solution:
    """Solve a program: with a hessian by Clarabel, else by HiGHS.

    A mixed-integer program is solved a second time with its whole numbers held, for the prices; where all are whole they are those of
    its relaxation.

    Raises
    ------
    InfeasibleProgram, UnboundedProgram, SolverError
        What the program is, or what became of the solver.
    """
    if program.hessian is not None:
        return _quadratic(program, time_limit)
    if not program.has_whole:
        return Highs(program, time_limit=time_limit).solve()
    from hedgecore.hedging.optimise.search import search

    assert program.whole is not None
    clock = Clock(time_limit)
    found = search(program, time_limit=time_limit, gap=gap)
    x = np.where(program.whole, np.round(found.x), found.x)
    if program.whole.all():
        return replace(found, x=x)
    # the rounding moves rows off their bounds by the solver's tolerance: they have that much more room
    value = program.rows @ x
    room = np.where(value == program.rows @ found.x, 0.0, 1e-9 * (1.0 + np.abs(value)))
    fixed = replace(
        program, whole=None, lower=np.where(program.whole, x, program.lower),
        upper=np.where(program.whole, x, program.upper), low=np.minimum(program.low, value - room),
        high=np.maximum(program.high, value + room),
    )  # fmt: skip
    try:
        again = Highs(fixed, time_limit=clock.left).solve()
    except SolverError:
        return replace(found, x=x)
    return replace(again, bound=found.bound)


def _quadratic(program: Program, time_limit: float) -> Solution:
    """A convex quadratic program by Clarabel's interior point."""
    if program.has_whole:
        raise ValueError("a quadratic program has no whole numbers")
    clock = Clock(time_limit)
    clarabel = require("clarabel")
    sparse = require("scipy.sparse")
    n = len(program.cost)
    identity = sparse.identity(n, format="csr")
    rows = sparse.csr_matrix(program.rows)
    equal = program.low == program.high
    parts = [  # (matrix, bound, sign): sign x matrix @ x <= sign x bound
        (rows[equal], program.high[equal], 1.0),
        (rows[up := ~equal & np.isfinite(program.high)], program.high[up], 1.0),
        (rows[down := ~equal & np.isfinite(program.low)], program.low[down], -1.0),
        (identity[top := np.isfinite(program.upper)], program.upper[top], 1.0),
        (identity[floor := np.isfinite(program.lower)], program.lower[floor], -1.0),
    ]
    matrix = sparse.vstack([sign * part for part, _, sign in parts], format="csc")
    bound = np.concatenate([sign * part for _, part, sign in parts])
    cones = [clarabel.ZeroConeT(int(equal.sum()))] if equal.any() else []
    if len(bound) > equal.sum():
        cones.append(clarabel.NonnegativeConeT(int(len(bound) - equal.sum())))
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    settings.time_limit = time_limit
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9
    assert program.hessian is not None
    flat = n - len(program.hessian)
    blocks = [sparse.csc_matrix((flat, flat)), sparse.triu(program.hessian)]
    upper = sparse.block_diag(blocks, format="csc")
    stop = threading.Event()
    solver = clarabel.DefaultSolver(upper, program.cost, matrix, bound, cones, settings)
    solver.set_termination_callback(lambda _: stop.is_set())
    found = _interruptible(solver.solve, stop)
    status = str(found.status)
    if status == "PrimalInfeasible":
        raise InfeasibleProgram("no point keeps all the rows")
    if status == "AlmostPrimalInfeasible":  # the rows are linear: HiGHS knows
        Highs(replace(program, cost=np.zeros(n), hessian=None), time_limit=clock.left).solve()
    if status == "DualInfeasible":
        raise UnboundedProgram(np.flatnonzero(np.abs(np.array(found.x)) > 1e-6))
    if status == "MaxTime":
        raise SolverError(f"Clarabel found no point in {time_limit:.3g} s; {HINT}")
    if status not in ("Solved", "AlmostSolved"):
        raise SolverError(f"Clarabel ended with: {status}")
    row_price, column_price = np.zeros(len(program.low)), np.zeros(n)
    prices = np.split(np.array(found.z), np.cumsum([part.shape[0] for part, _, _ in parts])[:-1])
    row_price[equal] -= prices[0]
    row_price[up] -= prices[1]
    row_price[down] += prices[2]
    column_price[top] -= prices[3]
    column_price[floor] += prices[4]
    x = np.clip(np.array(found.x), program.lower, program.upper)
    value, proved = (program.offset + float(of) for of in (found.obj_val, found.obj_val_dual))
    note = ""
    if status == "AlmostSolved":
        note = f"Clarabel did not reach its accuracy: constraints are kept to {found.r_prim:.1e} of their size, the objective is proved to {abs(value - proved):,.3g} USD"
    return Solution(x, value, row_price, column_price, min(proved, value), note)


@dataclass(frozen=True, eq=False)
class Relaxed:
    """The point that breaks the rows least.

    Attributes
    ----------
    solution
        Of the program with the rows moved just so far.
    excess
        By how much each row is beyond its bounds.
    conflict
        The rows that cannot be kept together: those that bound the least violation.
    full
        Columns at their upper bounds, where more would violate less.
    """

    solution: Solution
    excess: Array
    conflict: Array
    full: Array


def relax(
    program: Program, weight: Array, *, time_limit: float = INFINITE, gap: float = 1e-6
) -> Relaxed:
    """Find the least weighted violation of the rows, and among its points the one of least cost.

    A weight of infinity is a row that must be kept.  Either search has half of the time; where the second finds nothing in it, the
    first point stands.
    """
    options = {"time_limit": time_limit / 2, "gap": gap}
    n, m = len(program.cost), len(program.low)
    soft = np.flatnonzero(np.isfinite(weight))
    slack = np.zeros((m, 2 * len(soft)))
    slack[soft, np.arange(len(soft))] = 1.0
    slack[soft, len(soft) + np.arange(len(soft))] = -1.0
    price = np.r_[weight[soft], weight[soft]]
    plain = replace(program, cost=np.zeros(n), hessian=None)
    zero, free = np.zeros(2 * len(soft)), np.full(2 * len(soft), INFINITE)
    try:
        least = solve(plain.with_columns(price, zero, free, slack), **options)
    except InfeasibleProgram as error:
        raise InfeasibleProgram("even rows that cannot be moved contradict each other") from error
    used = least.x[n : n + len(soft)] - least.x[n + len(soft) :]
    excess = np.zeros(m)
    excess[soft] = -used
    # a hair of room, without which the second program may have no point at all
    room = 1e-9 * (1.0 + np.abs(excess))
    low = np.where(excess < 0, program.low + excess - room, program.low)
    high = np.where(excess > 0, program.high + excess + room, program.high)
    try:
        solution = solve(replace(program, low=low, high=high), **options)
    except (InfeasibleProgram, SolverError):
        if not program.has_whole:
            raise
        value = program.offset + float(program.cost @ least.x[:n])
        bound = value - least.gap * abs(value)
        solution = Solution(least.x[:n], value, np.zeros(m), np.zeros(n), bound)
    conflict = np.flatnonzero(np.abs(least.row_price) > 1e-9 * max(price.min(initial=1.0), 1e-12))
    full = np.flatnonzero((least.column_price[:n] < -1e-12) & (least.x[:n] > 0))
    return Relaxed(solution, excess, conflict, full)
