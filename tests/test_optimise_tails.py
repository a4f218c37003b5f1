"""The modes of the hedge optimiser that take risk for a number: variance, expected shortfall, worst case; and their scenarios."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedge_problems import BOOK, LIMITS, MARKET, NAMES, problem, quotes, scenarios
from hedgecore.hedging import optimise as ho
from hedgecore.hedging.optimise import solvers
from hedgecore.scenarios import Nodes


@pytest.mark.usefixtures("highs")
def test_least_shortfall_is_the_optimum_of_rockafellar_and_uryasev() -> None:
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    of = problem(budget=4_000.0, quotes=quotes(NAMES[::3]))
    some = scenarios(of)
    plan = ho.least_shortfall(of, some, level=0.95, overfit="allow", tolerance=1e-9)
    m = len(some)
    x = cvxpy.Variable(len(of.columns), nonneg=True)
    edge, beyond = cvxpy.Variable(), cvxpy.Variable(m, nonneg=True)
    loss = -some.book - of.columns.gain(some.unit) @ x
    goal = of.columns.cost @ x + edge + cvxpy.sum(beyond) / (0.05 * m)
    keep = [beyond >= loss - edge, x <= of.columns.upper, of.columns.cost @ x <= 4_000]
    best = cvxpy.Problem(cvxpy.Minimize(goal), keep).solve(solver="CLARABEL")
    assert plan.objective == pytest.approx(best, rel=1e-6)
    assert plan.cost + plan.tails[0].expected_shortfall[1] == pytest.approx(best, rel=1e-6)


@pytest.mark.usefixtures("highs")
def test_shortfall_in_lots_and_for_a_bound() -> None:
    of = problem(budget=4_000.0, quotes=quotes(NAMES[::3]))
    some = scenarios(of)
    free = ho.least_shortfall(of, some, level=0.95, overfit="allow")
    lots = ho.least_shortfall(
        problem(budget=4_000.0, quotes=of.quotes, lots=True), some, level=0.95, overfit="allow"
    )
    steps = lots.amount / lots.problem.columns.lot
    assert np.allclose(steps, np.round(steps), atol=1e-9)
    assert lots.objective >= free.objective * (1 - 1e-6)
    assert lots.objective <= free.objective * 1.02
    bound = 0.5 * sum(free.tails[0].expected_shortfall)
    cheap = ho.least_shortfall(of, some, level=0.95, max_shortfall=bound, overfit="allow")
    assert cheap.tails[0].expected_shortfall[1] <= bound * (1 + 1e-5)
    assert cheap.cost < free.cost
    with pytest.raises(ValueError, match=r"max_shortfall = -1e\+09 cannot be reached") as caught:
        ho.least_shortfall(of, some, level=0.95, max_shortfall=-1e9, overfit="allow")
    # the least that is stated can be reached, and hardly less
    least = float(re.findall(r"is (-?[\d,.e+]+) USD", str(caught.value))[0].replace(",", ""))
    assert least <= free.tails[0].expected_shortfall[1] * (1 + 1e-5)
    room = 1e-4 * abs(least)
    ho.least_shortfall(of, some, level=0.95, max_shortfall=least + room, overfit="allow")
    with pytest.raises(ValueError, match="cannot be reached"):
        ho.least_shortfall(of, some, level=0.95, max_shortfall=least - room, overfit="allow")


@pytest.mark.usefixtures("highs")
def test_too_few_scenarios_in_the_tail_are_refused() -> None:
    of = problem(budget=4_000.0)
    some = scenarios(of)
    with pytest.raises(
        ho.OverfitError, match=r"4 effective scenarios in the tail .*21 instruments"
    ):
        ho.least_shortfall(of, some)
    plan = ho.least_shortfall(of, some, overfit="allow", held_out=scenarios(of, seed=2))
    assert any("fits the sample" in note for note in plan.notes)
    inside, outside = plan.tails
    assert (inside.label, outside.label) == ("in sample", "held out")
    assert inside.expected_shortfall[1] < inside.expected_shortfall[0]


@pytest.mark.usefixtures("highs")
def test_the_frontier_falls_with_the_budget() -> None:
    of = problem(quotes=quotes(NAMES[::3]))
    line = ho.frontier(of, scenarios(of), [500.0, 2_000.0, 8_000.0], level=0.95, overfit="allow")
    table = line.table()
    assert (table["cost"] <= table["budget"] * (1 + 1e-9)).all()
    total = table["cost"] + table["shortfall_in_sample"]
    assert (np.diff(total) <= 1e-6 * total[0]).all()


def test_histories_are_split_in_order_with_a_gap() -> None:
    of = problem(quotes=quotes(NAMES[:2]))
    some = scenarios(of, 100)
    some = ho.Scenarios(some.book, some.unit, some.weight, overlap=10.0)
    first, rest = some.split(0.5)
    assert (len(first), len(rest)) == (50, 41)
    assert rest.book[0] == some.book[59]
    assert first.sample == pytest.approx(5.0)


@pytest.mark.usefixtures("highs")
def test_the_worst_case_is_the_least() -> None:
    of = problem(quotes=quotes(NAMES[::3]))
    some = scenarios(of, 60)
    plan = ho.least_worst_case(of, some)
    worst = float((-some.pnl(plan.quantity)).max() + plan.cost)
    assert plan.objective == pytest.approx(worst, rel=1e-8)
    rng = np.random.default_rng(0)
    for _ in range(50):  # nothing near it is better
        x = np.clip(plan.amount * (1 + 0.05 * rng.standard_normal(len(plan.amount))), 0, of.columns.upper)  # fmt: skip
        assert (
            -some.pnl(of.columns.trades(x, len(of.quotes)))
        ).max() + of.columns.cost @ x >= worst * (1 - 1e-9)


@pytest.mark.usefixtures("highs")
def test_least_variance_is_the_optimum_of_cvxpy_and_its_variance_that_of_a_simulation() -> None:
    pytest.importorskip("clarabel", reason="quadratic programs need the extra optimise")
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    from hedgecore.hedging.optimise.quadratic import _features

    c = hc.tails.Covariance.of({"BTC_spot": 0.03, "BTC_vol": 0.04}, {("BTC_spot", "BTC_vol"): -0.5})
    of = problem(limits={"BTC": {"vega_usd": 400}})
    plan = ho.least_variance(of, c, risk_aversion=1e-5)
    own, each, moments = _features(of, c, {})
    draws = np.random.default_rng(3).multivariate_normal([0, 0], c.matrix, 400_000)
    s, v = draws.T
    sampled = np.cov(own @ np.array([s, v, s * s / 2, s * v, v * v / 2]))
    assert own @ moments @ own == pytest.approx(sampled, rel=0.01)
    x = cvxpy.Variable(len(of.columns), nonneg=True)  # in coins
    gain = of.columns.gain(each) * of.scale
    root = 1e-3 * np.linalg.cholesky(moments).T
    risk = 1e6 * cvxpy.sum_squares(root @ own + (root @ gain) @ x) * 1e-5 / 2
    total = of.rows.base + (of.rows.matrix * of.scale) @ x
    keep = [x <= of.columns.upper / of.scale, total <= of.rows.high, total >= of.rows.low]
    cost = (of.columns.cost * of.scale) @ x
    best = cvxpy.Problem(cvxpy.Minimize(cost + risk), keep).solve(solver="CLARABEL")
    now = own + each @ plan.quantity
    assert plan.cost + 1e-5 / 2 * now @ moments @ now == pytest.approx(best, rel=1e-6)


@pytest.mark.usefixtures("highs")
def test_what_clarabel_did_not_reach_is_in_the_notes() -> None:
    clarabel = pytest.importorskip("clarabel", reason="quadratic programs need the extra optimise")
    c = hc.tails.Covariance.of({"BTC_spot": 0.03, "BTC_vol": 0.04}, {("BTC_spot", "BTC_vol"): -0.5})
    of = problem(limits={"BTC": {"vega_usd": 400}})
    best = ho.least_variance(of, c, risk_aversion=1e-5)
    assert not any("Clarabel" in note for note in best.notes)
    assert best.gap <= 1e-8
    inner = clarabel.DefaultSettings
    noted = []
    for steps in range(4, 40):  # one step after the other, until all is reached

        def few(steps: int = steps) -> Any:
            settings = inner()
            settings.max_iter = steps
            return settings

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clarabel, "DefaultSettings", few)
            try:
                plan = ho.least_variance(of, c, risk_aversion=1e-5)
            except ho.SolverError as error:
                assert "MaxIterations" in str(error)  # noqa: PT017
                continue
        if not any("Clarabel did not reach its accuracy" in note for note in plan.notes):
            break
        noted.append(plan)
        assert plan.objective * (1 - plan.gap) <= best.objective * (1 + 1e-6)
        assert any("standard deviation" in note for note in plan.notes)
    assert noted
    assert plan.objective == pytest.approx(best.objective, rel=1e-9)


@pytest.mark.usefixtures("highs")
def test_what_clarabel_calls_almost_infeasible_is_asked_of_highs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clarabel = pytest.importorskip("clarabel", reason="quadratic programs need the extra optimise")
    program = solvers.Program(
        np.ones(2), np.zeros(2), np.ones(2), np.ones((1, 2)), np.array([1.0]), np.array([np.inf]),
        hessian=np.eye(2),
    )  # fmt: skip
    inner = clarabel.DefaultSolver

    class Unsure:
        def __init__(self, *program: Any) -> None:
            self._inner = inner(*program)

        def set_termination_callback(self, ask: Any) -> None:
            self._inner.set_termination_callback(ask)

        def solve(self) -> Any:
            x = self._inner.solve().x
            return SimpleNamespace(status="AlmostPrimalInfeasible", x=x)

    monkeypatch.setattr(clarabel, "DefaultSolver", Unsure)
    with pytest.raises(solvers.SolverError, match="AlmostPrimalInfeasible"):
        solvers.solve(program)
    with pytest.raises(solvers.InfeasibleProgram):
        solvers.solve(replace(program, low=np.array([2.5])))


TWISTS = hc.tails.Covariance.of(
    {"BTC_spot": 0.03, "BTC_vol": 0.04, "BTC_skew": 0.01, "BTC_curvature": 0.004},
    {
        ("BTC_spot", "BTC_vol"): -0.5,
        ("BTC_spot", "BTC_skew"): 0.3,
        ("BTC_vol", "BTC_curvature"): 0.4,
    },
)


@pytest.mark.parametrize("tenor", [None, (30 / 365, 0.5)])
def test_skew_and_curvature_move_what_the_scenarios_move(tenor: tuple[float, float] | None) -> None:
    """The expansion beside the full revaluation: their difference is of third order in the size of the moves."""
    from hedgecore.hedging.optimise.quadratic import _features

    of = problem()
    own, each, _ = _features(of, TWISTS, {"vol": tenor, "skew": tenor} if tenor else {})
    x = np.random.default_rng(4).multivariate_normal(np.zeros(4), TWISTS.matrix, 50)
    names = ("spot", "vol", "skew", "curvature")
    off = []
    for size in (1e-2, 5e-3):
        m = size * x
        powers = [
            m[:, i] * m[:, j] * (0.5 if i == j else 1.0) for i in range(4) for j in range(i, 4)
        ]
        expanded = np.array([*m.T, *powers])
        nodes = Nodes.of(**{name: {"BTC": m[:, i]} for i, name in enumerate(names)})
        full = ho.Scenarios.of(of, nodes, vol_tenor=tenor, skew_tenor=tenor)
        for pnl, features in ((full.book[:, None], own[:, None]), (full.unit, each)):
            wrong = np.abs(expanded.T @ features - pnl).max()
            scale = np.abs(pnl).max()
            assert wrong < 3e-4 * scale
            off.append(wrong / scale)
    assert off[2] < 0.3 * off[0]
    assert off[3] < 0.3 * off[1]


@pytest.mark.usefixtures("highs")
def test_least_variance_of_a_smile_that_twists_is_the_optimum_of_cvxpy() -> None:
    pytest.importorskip("clarabel", reason="quadratic programs need the extra optimise")
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    from hedgecore.hedging.optimise.quadratic import _features

    of = problem(limits={"BTC": {"vega_usd": 400}}, budget=20_000.0)
    own, each, moments = _features(of, TWISTS, {})
    plan = ho.least_variance(of, TWISTS, risk_aversion=1e-3)
    root = 1e-3 * np.linalg.cholesky(moments + 1e-18 * np.diag(np.diag(moments))).T
    x = cvxpy.Variable(len(of.columns), nonneg=True)
    gain = of.columns.gain(each) * of.scale
    risk = 1e6 * cvxpy.sum_squares(root @ own + (root @ gain) @ x) * 1e-3 / 2
    total = of.rows.base + (of.rows.matrix * of.scale) @ x
    keep = [x <= of.columns.upper / of.scale, total <= of.rows.high, total >= of.rows.low]
    cost = (of.columns.cost * of.scale) @ x
    best = cvxpy.Problem(cvxpy.Minimize(cost + risk), keep).solve(solver="CLARABEL")
    now = own + each @ plan.quantity
    assert plan.cost + 1e-3 / 2 * now @ moments @ now == pytest.approx(best, rel=1e-6)
    # a smile that twists is a risk of its own, which the plan for parallel moves leaves
    flat = ho.least_variance(of, TWISTS.taken(["BTC_spot", "BTC_vol"]), risk_aversion=1e-3)
    left = own + each @ flat.quantity
    assert plan.objective == pytest.approx(best, rel=1e-6)
    assert best < (1 - 1e-3) * (flat.cost + 1e-3 / 2 * left @ moments @ left)
    with pytest.raises(ValueError, match="tenors: 'level' is none of vol, skew, curvature"):
        ho.least_variance(of, TWISTS, risk_aversion=1e-5, tenors={"level": (0.1, 0.5)})
    with pytest.raises(ValueError, match="BTC_skew: the expansion has spot and vol alone"):
        hc.tails.parametric(BOOK, MARKET, TWISTS)


@pytest.mark.usefixtures("highs")
def test_scenarios_of_another_problem_are_refused() -> None:
    other = scenarios(problem(quotes=quotes(NAMES[:3])))
    with pytest.raises(ValueError, match=r"scenarios are of 4 instruments.* has 21 quotes"):
        ho.least_worst_case(problem(), other)
    with pytest.raises(ValueError, match=r"scenarios are of 4 instruments.* has 21 quotes"):
        ho.least_shortfall(problem(), other)


def test_residuals_are_options_hedged_by_hand_on_the_paths() -> None:
    """Black's delta at every step, in numpy, on the paths that the model has for the seed."""
    names = ["BTC-26JUN26-90000-C", "BTC-31JUL26-90000-P"]
    flat = MARKET.replaced(forwards=dict.fromkeys(MARKET.forwards, 90_000.0))
    of = ho.Problem(book=BOOK, market=flat, quotes=quotes(names), limits=LIMITS)
    model = hc.paths.GBM(vol=0.8)
    some = ho.Scenarios.of_residuals(of, model, n_paths=200, steps_per_day=4, seed=7)
    assert some.unit.shape == (200, 3)
    assert (some.unit[:, 2] == 0).all()  # the perpetual hedges
    expected = {}
    for name, days in ((names[0], 16), (names[1], 51), ("BTC-31JUL26-95000-P", 51)):
        expiry = np.datetime64("2026-06-10") + np.timedelta64(days, "D") + np.timedelta64(8, "h")
        steps = round((expiry - np.datetime64("2026-06-10")) / np.timedelta64(6, "h"))
        step = 1 / (365 * 4)
        path = hc.paths.simulate(
            model, n_paths=200, n_steps=steps, horizon=steps * step, seed=7, spot=90_000.0, every=1
        ).spot  # fmt: skip
        strike, kind = float(name.split("-")[2]), name[-1]
        gain = -hc.price(kind=kind, strike=strike, expiry=steps * step, vol=0.55, forward=90_000.0)
        for k in range(steps):
            left = (steps - k) * step
            delta = hc.greeks(
                kind=kind, strike=strike, expiry=left, vol=0.55, forward=path[:, k]
            ).delta
            gain = gain - delta * (path[:, k + 1] - path[:, k])
        end = path[:, -1] - strike
        expected[name] = gain + np.maximum(end if kind == "C" else -end, 0.0)
    for i, name in enumerate(names):
        assert some.unit[:, i] == pytest.approx(expected[name], abs=1e-6 * 90_000)
    book = -20.0 * expected[names[0]] + 12.0 * expected["BTC-31JUL26-95000-P"]
    assert some.book == pytest.approx(book, abs=2e-5 * 90_000)
    assert any("deltas are hedged to expiry" in note for note in some.notes)


@pytest.mark.usefixtures("highs")
def test_what_is_left_of_a_hedged_book_is_hedged_by_options() -> None:
    of = problem(quotes=quotes(NAMES[::3]), budget=20_000.0)
    jumps = hc.paths.Merton(vol=0.4, intensity=12.0, jump_mean=-0.03, jump_std=0.1)
    some = ho.Scenarios.of_residuals(of, jumps, n_paths=600, steps_per_day=2, seed=1)
    plan = ho.least_shortfall(of, some, level=0.9, overfit="allow")
    before, after = plan.tails[0].expected_shortfall
    assert after < 0.5 * before
    assert some.notes[0] in plan.notes
    # a hedge that costs something is worse off by what it costs
    dear = ho.Scenarios.of_residuals(
        of, jumps, hc.hedging.Clock(every=4), n_paths=600, steps_per_day=2, seed=1,
        costs=hc.hedging.Costs(fee=0.001),
    )  # fmt: skip
    assert (dear.unit.mean(axis=0) < some.unit.mean(axis=0))[: len(of.quotes) - 1].any()
    two = hc.paths.Correlated(models=[jumps, jumps], correlation=[[1.0, 0.5], [0.5, 1.0]])
    with pytest.raises(
        ValueError, match="asset must say which of the 2 assets of the paths BTC is"
    ):
        ho.Scenarios.of_residuals(of, two, n_paths=10, steps_per_day=1, seed=1)
    second = ho.Scenarios.of_residuals(
        of, two, n_paths=10, steps_per_day=1, seed=1, asset={"BTC": 1}
    )
    assert len(second) == 10


def rockafellar_uryasev(of: ho.Problem, some: ho.Scenarios, reach: float) -> tuple[Any, Any, list[Any]]:  # fmt: skip
    """Cost, expected shortfall and constraints in CVXPY, by the rows of the paper."""
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    x = cvxpy.Variable(len(of.columns), nonneg=True)
    edge, beyond = cvxpy.Variable(), cvxpy.Variable(len(some), nonneg=True)
    loss = -some.book - (of.columns.gain(some.unit) * of.scale) @ x  # x in coins
    shortfall = edge + (some.weight / some.weight.sum()) @ beyond / reach
    return (
        (of.columns.cost * of.scale) @ x,
        shortfall,
        [beyond >= loss - edge, x <= of.columns.upper / of.scale],
    )


@pytest.mark.usefixtures("highs")
def test_shortfall_of_unequal_weights_is_the_optimum_of_cvxpy() -> None:
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    of = problem(quotes=quotes(NAMES[::3]), budget=4_000.0)
    some = scenarios(of, 500)
    some = ho.Scenarios(some.book, some.unit, np.random.default_rng(5).exponential(size=500))
    cost, shortfall, keep = rockafellar_uryasev(of, some, 0.1)
    best = cvxpy.Problem(cvxpy.Minimize((cost + shortfall) / 1e4), [*keep, cost <= 4_000]).solve(
        solver="HIGHS"
    )
    plan = ho.least_shortfall(of, some, level=0.9, overfit="allow", tolerance=1e-9)
    assert plan.objective == pytest.approx(1e4 * best, rel=1e-6)
    assert plan.cost + plan.tails[0].expected_shortfall[1] == pytest.approx(1e4 * best, rel=1e-6)


@pytest.mark.usefixtures("highs")
def test_the_cheapest_for_a_shortfall_is_the_optimum_of_cvxpy() -> None:
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    of = problem(quotes=quotes(NAMES[::3]))
    some = scenarios(of)
    bound = 0.3 * ho.least_shortfall(of, some, level=0.95, overfit="allow").tails[0].expected_shortfall[0]  # fmt: skip
    cost, shortfall, keep = rockafellar_uryasev(of, some, 0.05)
    best = cvxpy.Problem(cvxpy.Minimize(cost), [*keep, shortfall <= bound]).solve(solver="CLARABEL")
    plan = ho.least_shortfall(of, some, level=0.95, max_shortfall=bound, overfit="allow", tolerance=1e-9)  # fmt: skip
    assert plan.cost == pytest.approx(best, rel=1e-6)


@pytest.mark.usefixtures("highs")
def test_shortfall_in_lots_is_the_optimum_of_brute_force() -> None:
    names = ["BTC-26JUN26-90000-C", "BTC-31JUL26-90000-P", "BTC-31JUL26-95000-P"]
    chosen = quotes(names, size=4.0, perpetuals=False)
    of = problem(
        book=hc.Book.from_frame({"instrument": names[:1], "quantity": [-2.6]}),
        quotes=replace(chosen, lot=np.ones(3)), lots=True,
    )  # fmt: skip
    some = scenarios(of, 300)
    plan = ho.least_shortfall(of, some, level=0.9, overfit="allow", gap=1e-9)
    (sold, bought), fee = chosen.spread, chosen.fee
    best = np.inf
    for z in itertools.product(range(-4, 5), repeat=3):
        up, down = np.maximum(z, 0), np.maximum(-np.array(z), 0)
        cost = float(up @ (bought + fee[1]) + down @ (sold + fee[0]))
        best = min(best, cost - float(np.sort(some.pnl(np.array(z, float)))[:30].mean()))
    assert plan.objective == pytest.approx(best, rel=1e-8)
    assert plan.cost + plan.tails[0].expected_shortfall[1] == pytest.approx(best, rel=1e-8)


@pytest.mark.usefixtures("highs")
def test_the_worst_case_is_the_optimum_of_cvxpy() -> None:
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    of = problem(quotes=quotes(NAMES[::3]), limits={"BTC": {"vega_usd": 2_000}})
    some = scenarios(of, 100)
    x = cvxpy.Variable(len(of.columns), nonneg=True)
    cost = of.columns.cost @ x
    goal = cvxpy.max(-some.book - of.columns.gain(some.unit) @ x) + cost
    total = of.rows.base + of.rows.matrix @ x
    keep = [x <= of.columns.upper, total <= of.rows.high, total >= of.rows.low]
    best = cvxpy.Problem(cvxpy.Minimize(goal), keep).solve(solver="CLARABEL")
    assert ho.least_worst_case(of, some).objective == pytest.approx(best, rel=1e-6)


@pytest.mark.usefixtures("highs")
def test_out_of_time_the_best_plan_so_far_says_what_is_not_proved() -> None:
    """The clock runs out after the eighth program."""
    of = problem(budget=4_000.0)
    some = scenarios(of)
    best = ho.least_shortfall(of, some, level=0.95, overfit="allow")
    left = iter(range(8))
    inner = solvers.Highs.solve

    def slow(self: solvers.Highs) -> solvers.Solution:
        if next(left, None) is None:
            self._clock = solvers.Clock(0.0)
            clock.append(self._clock)
            raise solvers.SolverError("no time is left")
        return inner(self)

    clock: list[solvers.Clock] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solvers.Highs, "solve", slow)
        patch.setattr(solvers.Clock, "left", property(lambda _: 0.0 if clock else 9.0))
        plan = ho.least_shortfall(of, some, level=0.95, overfit="allow")
    assert plan.gap > 0
    assert plan.objective * (1 - plan.gap) <= best.objective <= plan.objective
    assert "NOT PROVED: up to" in str(plan)
    assert "of the objective may be too much" in str(plan)
