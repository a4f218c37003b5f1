"""Linear, mixed-integer and quadratic programs, solved by HiGHS and Clarabel (extra ``optimise``)."""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
INFINITE: Final = np.inf


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
    """Minimise cost @ x + x' hessian x / 2 for lower <= x <= upper and low <= rows @ x <= high; some of x whole numbers."""

    cost: Array
    lower: Array
    upper: Array
    rows: Array
    low: Array
    high: Array
    whole: Array | None = None
    hessian: Array | None = field(default=None, repr=False)

    def with_columns(
        self, cost: Array, lower: Array, upper: Array, rows: Array, whole: bool = False
    ) -> Program:
        """Return the program with more columns, whose part of the rows is ``rows``."""
        n, more = len(self.cost), len(cost)
        kinds = np.zeros(n, bool) if self.whole is None else self.whole
        return replace(
            self, cost=np.r_[self.cost, cost], lower=np.r_[self.lower, lower],
            upper=np.r_[self.upper, upper], rows=np.hstack([self.rows, rows]),
            whole=np.r_[kinds, np.full(more, whole)],
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
    column's; both are 0 where no bound holds.  ``gap`` is what is not proved of a mixed-integer program, relative.
    """

    x: Array
    value: float
    row_price: Array
    column_price: Array
    gap: float = 0.0


def require(name: str) -> Any:
    """Return a solver's module, or raise an ImportError that names the extra."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f'optimising a hedge needs {name} ({error}): pip install "hedgecore[optimise]"'
        ) from error


class Highs:
    """A linear or mixed-integer program in HiGHS, to which rows can be added between solutions."""

    def __init__(
        self, program: Program, *, time_limit: float = INFINITE, gap: float = 1e-6
    ) -> None:
        self._highspy = require("highspy")
        # the class below Highs: Highs itself writes a banner to the standard output, where JSON may go
        self._highs = self._highspy.Highs.__mro__[1]()
        for option, value in (
            ("output_flag", False), ("threads", 1), ("mip_rel_gap", gap), ("random_seed", 0),
            ("primal_feasibility_tolerance", 1e-9), ("dual_feasibility_tolerance", 1e-9),
        ):  # fmt: skip
            self._highs.setOptionValue(option, value)
        if time_limit < INFINITE:
            self._highs.setOptionValue("time_limit", float(time_limit))
        lp = self._highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(program.cost), len(program.low)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = program.cost, program.lower, program.upper
        lp.row_lower_, lp.row_upper_ = program.low, program.high
        row, column = np.nonzero(program.rows)
        lp.a_matrix_.format_ = self._highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_ = np.searchsorted(row, np.arange(len(program.low) + 1))
        lp.a_matrix_.index_, lp.a_matrix_.value_ = column, program.rows[row, column]
        self._whole = program.whole is not None and bool(program.whole.any())
        if self._whole:
            assert program.whole is not None
            kinds = self._highspy.HighsVarType
            lp.integrality_ = [kinds.kInteger if w else kinds.kContinuous for w in program.whole]
        self._highs.passModel(lp)

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
            found == status.kTimeLimit and self._whole and info.primal_solution_status == 2
        )
        if not in_time:
            raise SolverError(f"HiGHS ended with: {highs.modelStatusToString(found)}")
        x = np.array(solution.col_value)
        if self._whole:
            none = np.zeros(0)
            return Solution(x, info.objective_function_value, none, none, float(info.mip_gap))
        return Solution(
            x, info.objective_function_value, np.array(solution.row_dual), np.array(solution.col_dual)
        )  # fmt: skip

    def _run(self) -> None:
        """Run; whole numbers in a thread of their own, so that Ctrl-C is heard and ends it."""
        if not self._whole:
            self._highs.run()
            return
        kind = self._highspy.cb.HighsCallbackType.kCallbackMipInterrupt
        self._highs.setCallback(self._asked, None)
        self._highs.startCallback(kind)
        self._stop, done = False, threading.Event()

        def work() -> None:
            try:
                self._highs.run()
            finally:
                done.set()

        # not Thread.join, which Ctrl-C makes believe that the thread has ended (Python 3.11)
        worker = threading.Thread(target=work)
        try:
            worker.start()
            while not done.wait(0.05):
                pass
        finally:
            self._stop = True
            done.wait()
            self._highs.stopCallback(kind)
        worker.join()

    def _asked(self, kind: Any, message: str, out: Any, into: Any, data: Any) -> None:  # noqa: ARG002
        """Answer the solver, which asks again and again whether to stop."""
        into.user_interrupt = self._stop

    def _ray(self) -> Array:
        found = self._highs.getPrimalRay()
        ray = np.array(found[2] if isinstance(found, tuple) and len(found) > 2 else [])
        return np.flatnonzero(np.abs(ray) > 1e-9) if ray.size else np.zeros(0, np.intp)


def solve(program: Program, *, time_limit: float = INFINITE, gap: float = 1e-6) -> Solution:
    """Solve a program: with a hessian by Clarabel, else by HiGHS.

    A mixed-integer program is solved a second time with its whole numbers held, for the prices.

    Raises
    ------
    InfeasibleProgram, UnboundedProgram, SolverError
        What the program is, or what became of the solver.
    """
    if program.hessian is not None:
        return _quadratic(program)
    found = Highs(program, time_limit=time_limit, gap=gap).solve()
    if program.whole is None or not program.whole.any():
        return found
    held = np.where(program.whole, np.round(found.x), np.nan)
    fixed = replace(
        program, whole=None, lower=np.where(program.whole, held, program.lower),
        upper=np.where(program.whole, held, program.upper),
    )  # fmt: skip
    again = Highs(fixed).solve()
    return replace(again, gap=found.gap)


def _quadratic(program: Program) -> Solution:
    """A convex quadratic program by Clarabel's interior point."""
    if program.whole is not None and program.whole.any():
        raise ValueError("a quadratic program has no whole numbers")
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
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-9
    upper = sparse.triu(sparse.csc_matrix(program.hessian), format="csc")
    found = clarabel.DefaultSolver(upper, program.cost, matrix, bound, cones, settings).solve()
    status = str(found.status)
    if status in ("PrimalInfeasible", "AlmostPrimalInfeasible"):
        raise InfeasibleProgram("no point keeps all the rows")
    if status in ("DualInfeasible", "AlmostDualInfeasible"):
        raise UnboundedProgram(np.flatnonzero(np.abs(np.array(found.x)) > 1e-6))
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
    return Solution(x, float(found.obj_val), row_price, column_price)


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


def relax(program: Program, weight: Array, **options: Any) -> Relaxed:
    """Find the least weighted violation of the rows, and among its points the one of least cost.

    A weight of infinity is a row that must be kept.
    """
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
    solution = solve(replace(program, low=low, high=high), **options)
    conflict = np.flatnonzero(np.abs(least.row_price) > 1e-9 * max(price.min(initial=1.0), 1e-12))
    full = np.flatnonzero((least.column_price[:n] < -1e-12) & (least.x[:n] > 0))
    return Relaxed(solution, excess, conflict, full)
