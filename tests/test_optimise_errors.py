"""What the hedge optimiser says of what cannot be done, of bad arguments and of searches that end early."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedge_problems import BOOK, LIMITS, MARKET, NAMES, problem, quotes
from hedgecore.hedging import optimise as ho
from hedgecore.hedging.optimise import solvers


@pytest.mark.usefixtures("highs")
def test_what_cannot_be_kept_is_named_with_the_plan_that_breaks_it_least() -> None:
    limits = {"BTC": {"vega_usd": 1, "gamma_usd_1pct": 1e9}}
    of = problem(quotes=quotes(["BTC-26JUN26-80000-P"], size=2.0), limits=limits)
    with pytest.raises(
        ho.InfeasibleHedge, match=r"BTC vega_usd.*used up: \w+ BTC-26JUN26-80000-P"
    ) as caught:
        ho.cheapest(of)
    error = caught.value
    assert error.conflict == ("BTC vega_usd",)
    (violation,) = error.plan.violations
    after = error.plan.after.total["BTC"]["vega_usd"]
    assert abs(after) - 1 == pytest.approx(abs(violation.excess), rel=1e-6)
    assert abs(after) < abs(error.plan.before.total["BTC"]["vega_usd"])
    assert "NOT KEPT" in repr(error.plan)


@pytest.mark.usefixtures("highs")
def test_an_objective_without_end_names_what_grows() -> None:
    of = problem(quotes=quotes(size=None))
    pnl = ho.Scenarios.of_matrix(of, np.zeros(2), np.ones((2, len(of.quotes))) * 1e6)
    with pytest.raises(ValueError, match=r"falls without end by buy .*give sizes"):
        ho.least_worst_case(of, pnl)


@pytest.mark.usefixtures("highs")
@pytest.mark.parametrize("kind", ["whole numbers", "linear", "quadratic"])
def test_ctrl_c_ends_a_solver(kind: str) -> None:
    # whole numbers: a market split, which takes hours; the others are large. The key is pressed when the solver first asks whether to stop
    if kind == "quadratic":
        pytest.importorskip("clarabel", reason="quadratic programs need the extra optimise")
    code = """
        import os, signal, sys, threading
        import numpy as np
        from hedgecore.hedging.optimise import solvers

        kind = sys.argv[1]
        rng = np.random.default_rng(1)
        if kind == "whole numbers":
            rows = rng.integers(0, 100, (5, 40)).astype(float)
            half = np.floor(rows.sum(axis=1) / 2)
            program = solvers.Program(np.zeros(40), np.zeros(40), np.ones(40), rows, half, half, np.ones(40, bool))
        else:
            rows, n = rng.normal(size=(300, 400)), 400
            hessian = np.eye(n) if kind == "quadratic" else None
            free = np.full(300, np.inf)
            program = solvers.Program(rng.normal(size=n), np.zeros(n), np.ones(n), rows, -free, np.ones(300), hessian=hessian)
        answer, pressed = threading.Event.is_set, []
        def press(self):
            if threading.current_thread() is not threading.main_thread() and not pressed:
                pressed.append(os.kill(os.getpid(), signal.SIGINT))
            return answer(self)
        class Pressing(threading.Event):
            is_set = press
        solvers.threading.Event = Pressing
        try:
            solvers.solve(program, time_limit=60.0)
        except KeyboardInterrupt:
            print("interrupted", len(pressed))
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), kind], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("interrupted 1\n", "")


@pytest.mark.usefixtures("highs")
def test_rolls_of_a_problem_without_a_plan_warn_of_nothing() -> None:
    limits = {"BTC": {"vega_usd": 1, "gamma_usd_1pct": 1}}
    of = problem(quotes=quotes(size=0.05), actions=("open", "resize", "roll"), limits=limits)
    assert np.isinf(of.rows.weight).any()  # the sizes that rolls share
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ho.InfeasibleHedge) as caught:
            ho.cheapest(of)
    assert all(violation.name.startswith("BTC ") for violation in caught.value.plan.violations)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"limits": {"BTC": {"speed": 1}}}, "BTC.speed: no such measure"),
        ({"limits": {"SOL": {"net_delta": 1}}}, "neither the book nor the quotes have it"),
        ({"budget": -1.0}, "budget = -1.0 must be"),
        ({"forbid": ["ETH-*"]}, "'ETH-[*]' fits no instrument"),
        ({"actions": ("hold",)}, "'hold' is none of open, resize, roll"),
        ({"actions": "open"}, "actions = 'open' must be a list of texts"),
        ({"forbid": "BTC-*"}, "forbid = 'BTC-[*]' must be a list of texts"),
        ({"budget": "x"}, "budget = 'x' must be zero or positive, or None"),
        ({"cash": True}, "cash = True must be zero or positive, or None"),
        ({"min_trade": "1"}, "min_trade = '1' must be zero or positive"),
        ({"lots": "no"}, "lots = 'no' must be True or False"),
        ({"rolls": 3}, "rolls = 3 must be Rolls"),
        ({"book": None}, "book = None must be a Book"),
        (
            {"limits": {"BTC": {"net_delta": 1}}, "targets": {"BTC": {"net_delta": 5}}},
            r"BTC net_delta: the target 5 is outside of the limit .-1, 1.",
        ),
        ({"targets": 3}, "targets = 3 must be a mapping"),
        ({"targets": {"BTC": {"net_delta": "x"}}}, "BTC.net_delta = .'x'"),
        ({"positions": 4}, "positions = 4 must be a mapping"),
        ({"positions": {"BTC-PERPETUAL": "a"}}, "positions of 'BTC-PERPETUAL' = 'a' must be"),
        ({"positions": {"BTC-PERPETUAL": [1]}}, "positions of 'BTC-PERPETUAL' = .1. must be"),
        ({"max_tickets": 2.5}, "max_tickets = 2.5 must be a whole number"),
        ({"max_tickets": True}, "max_tickets = True must be a whole number"),
        ({"positions": {"BTC-PERPETUAL": [2, 1]}}, "positions of 'BTC-PERPETUAL'"),
    ],
)
def test_bad_arguments_are_named(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        problem(**more)


@pytest.mark.usefixtures("highs")
def test_bad_quotes_are_named_and_crossed_ones_left_out() -> None:
    with pytest.raises(ValueError, match=r"bid\[1\] = -0.1 must be zero or positive"):
        ho.Quotes.of({"instrument": NAMES[:2], "bid": [0.1, -0.1], "ask": [0.1, 0.1]}, MARKET)
    with pytest.raises(ValueError, match="stands in 2 rows"):
        ho.Quotes.of({"instrument": [NAMES[0]] * 2, "bid": [0.1] * 2, "ask": [0.1] * 2}, MARKET)
    kept = ho.Quotes.of({"instrument": NAMES[:2], "bid": [0.2, 0.1], "ask": [0.1, 0.2]}, MARKET)
    assert kept.table.name.tolist() == [NAMES[1], "BTC-PERPETUAL"]
    assert any("1 crossed" in note for note in kept.notes)
    with pytest.raises(ValueError, match="need sizes"):
        ho.cheapest(problem(quotes=quotes(size=None), limits=LIMITS, max_tickets=3))


@pytest.mark.parametrize("name", ["BTC-PERPETUAL", "BTC-26JUN26"])
def test_a_crossed_future_is_left_out_and_not_traded_at_its_mark(name: str) -> None:
    columns = {"instrument": [NAMES[1], name], "bid": [0.1, 90_400.0], "ask": [0.2, 90_300.0]}
    kept = ho.Quotes.of({**columns, "mark": [0.15, 90_350.0]}, MARKET, perpetuals=False)
    assert kept.table.name.tolist() == [NAMES[1]]
    assert any("1 crossed" in note for note in kept.notes)
    assert not any("mark alone" in note for note in kept.notes)
    # a crossed perpetual is not added again, and one without quotes has its mark
    kept = ho.Quotes.of({**columns, "mark": [0.15, 90_350.0]}, MARKET)
    assert ("BTC-PERPETUAL" in kept.table.name) == (name != "BTC-PERPETUAL")
    bare = {**columns, "bid": [0.1, np.nan], "ask": [0.2, np.nan], "mark": [0.15, 90_350.0]}
    kept = ho.Quotes.of(bare, MARKET, perpetuals=False)
    assert kept.bid[1] == pytest.approx(90_350.0 * (1 - 1e-4))


def test_a_missing_solver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(ImportError, match=r"hedgecore\[optimise\]"):
        solvers.require("highspy")


def test_targets_in_lots_are_refused() -> None:
    of = problem(lots=True, targets={"BTC": {"net_delta": 0.0}})
    with pytest.raises(ValueError, match="targets are met exactly, which trades in lots cannot"):
        ho.cheapest(of)


@pytest.mark.usefixtures("highs")
def test_the_time_limit_bounds_the_whole_call() -> None:
    # the plan that breaks the budget least is a search of its own
    of = problem(lots=True, limits=LIMITS, budget=1.0, max_tickets=3)
    ends: list[float] = []
    inner = solvers.Highs.__init__

    def noted(self: solvers.Highs, program: solvers.Program, **options: Any) -> None:
        ends.append(time.monotonic() + options["time_limit"])
        inner(self, program, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solvers.Highs, "__init__", noted)
        start = time.monotonic()
        with pytest.raises((ho.InfeasibleHedge, ho.SolverError)):
            ho.cheapest(of, time_limit=1.0)
    assert len(ends) > 1
    assert ends[0] <= start + 0.6 + 0.05
    # no run of the solver may take longer than what is left of the second
    assert max(ends) <= start + 1.0 + 0.05


@pytest.mark.usefixtures("highs")
@pytest.mark.parametrize("error", [solvers.InfeasibleProgram("x"), solvers.SolverError("x")])
def test_a_search_without_any_plan_is_a_solver_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    of = problem(limits=LIMITS, lots=True)

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(solvers, "relax", fail)
    with pytest.raises(ho.SolverError, match="raise time_limit"):
        of.give_up("cheapest", time_limit=1.0, gap=1e-3)
    with pytest.raises(ho.SolverError, match="were found in 1e-09 s; raise time_limit"):
        solvers.Highs(of.program, time_limit=1e-9).solve()


@pytest.mark.usefixtures("highs")
def test_a_search_that_ended_early_says_so() -> None:
    plan = ho.cheapest(problem(limits=LIMITS))
    assert "NOT PROVED" not in str(plan)
    early = replace(plan, gap=0.5722, asked_gap=5e-3)
    text = "NOT PROVED: up to 57% of the cost may be too much: the search ended at its time limit"
    assert text in str(early)


@pytest.mark.usefixtures("highs")
@pytest.mark.parametrize(
    "more",
    [{"lots": True}, {"max_tickets": 2}, {"lots": True, "max_tickets": 3}, {"lots": True, "min_trade": 2.0}],
)  # fmt: skip
def test_out_of_time_the_first_plan_stands_with_its_gap(more: dict[str, Any]) -> None:
    """Time is left for the relaxation and one plan near it."""
    lot = np.ones(len(quotes()))
    lot[-1] = 10_000.0  # the perpetual, in USD
    of = problem(quotes=replace(quotes(), lot=lot), limits=LIMITS, **more)
    best = ho.cheapest(of, gap=1e-6, time_limit=60.0)
    inner, calls = solvers.Highs.solve, iter(range(2))

    def slow(self: solvers.Highs) -> solvers.Solution:
        if next(calls, None) is None:
            raise solvers.SolverError("no time is left")
        return inner(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solvers.Highs, "solve", slow)
        plan = ho.cheapest(of, gap=1e-9)
    assert not plan.violations
    assert plan.problem is of
    assert not plan.book.check({"BTC": {"net_delta": 0.5 + 1e-6, "gamma_usd_1pct": 20_000.01, "expiry": {"vega_usd": 300.001}}}, MARKET)  # fmt: skip
    assert plan.tickets <= more.get("max_tickets", len(of.columns))
    if "lots" in more:
        assert np.all(plan.quantity % lot == 0)
    assert 0 < plan.gap < np.inf
    assert plan.cost * (1 - plan.gap) <= best.cost * (1 + 1e-9)
    assert best.cost <= plan.cost * (1 + 1e-6)
    assert "NOT PROVED: up to" in str(plan)


@pytest.mark.usefixtures("highs")
def test_one_plan_is_found_in_no_time_or_the_error_says_so() -> None:
    of = problem(limits=LIMITS, max_tickets=4)
    with pytest.raises(ho.SolverError, match="no trades that keep everything were found"):
        ho.cheapest(of, time_limit=1e-9)


def test_what_cannot_be_valued_under_limits_is_with_the_plan() -> None:
    book = BOOK + hc.Book.from_frame({"instrument": ["BTC-25DEC26-90000-C"], "quantity": [3.0]})
    of = problem(book=book, limits=LIMITS)
    (breach,) = of.unvalued
    assert breach == book.check(LIMITS, MARKET)[0]
    assert dict(breach.positions) == {"BTC-25DEC26-90000-C": 3.0}
    plan = ho.neutralise(problem(book=book, targets={"BTC": {"net_delta": 0.0}}))
    assert plan.unvalued
    assert "NOT VALUED" in str(plan)
