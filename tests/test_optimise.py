"""The hedge optimiser beside brute force and CVXPY, and what it says of what cannot be done."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore.hedging import optimise as ho
from hedgecore.hedging.optimise import solvers
from hedgecore.scenarios import Nodes


@pytest.fixture
def highs() -> None:
    pytest.importorskip("highspy", reason="the solvers need the extra optimise")


MARKET = hc.Market(
    "2026-06-10",
    index={"BTC": 90_000.0},
    forwards={("BTC", "2026-06-26"): 90_300.0, ("BTC", "2026-07-31"): 90_900.0},
    vols=0.55,
)
STRIKES = (80_000, 85_000, 90_000, 95_000, 100_000)
NAMES = [f"BTC-{day}-{k}-{c}" for day in ("26JUN26", "31JUL26") for k in STRIKES for c in "CP"]
BOOK = hc.Book.from_frame(
    {"instrument": ["BTC-26JUN26-90000-C", "BTC-31JUL26-95000-P"], "quantity": [-20.0, 12.0]}
)


def quotes(names: Sequence[str] = NAMES, size: float = 30.0, **more: Any) -> ho.Quotes:
    """Quotes about the model's price, wider where the option is dearer."""
    one = hc.Book.from_frame({"instrument": list(names), "quantity": np.ones(len(names))})
    fair = one.risk(MARKET).positions()
    price = dict(zip(fair["instrument"].tolist(), fair["value_coin"], strict=True))
    middle = np.array([price[name] for name in names])
    width = 0.0004 + 0.02 * middle
    columns = {"instrument": list(names), "bid": middle - width, "ask": middle + width}
    return ho.Quotes.of(columns, MARKET, size=size, **more)


def problem(**more: Any) -> ho.Problem:
    more = {"book": BOOK, "quotes": quotes(), "actions": ("open", "resize")} | more
    return ho.Problem(market=MARKET, **more)


LIMITS = {"BTC": {"net_delta": 0.5, "gamma_usd_1pct": 20_000, "expiry": {"vega_usd": 300}}}


def scenarios(of: ho.Problem, count: int = 400, seed: int = 1) -> ho.Scenarios:
    rng = np.random.default_rng(seed)
    move = 0.04 * rng.standard_t(4, count)
    vol = np.clip(-0.5 * move + 0.05 * rng.standard_normal(count), -0.4, 1.0)
    nodes = Nodes.of(spot={"BTC": np.expm1(move)}, vol={"BTC": vol}, time=1 / 365)
    return ho.Scenarios.of(of, nodes, vol_shock="relative")


@pytest.mark.usefixtures("highs")
def test_the_limits_hold_in_the_book_that_is_left() -> None:
    plan = ho.cheapest(problem(limits=LIMITS))
    assert not plan.book.check(
        {
            "BTC": {
                "net_delta": 0.5 + 1e-6,
                "gamma_usd_1pct": 20_000.01,
                "expiry": {"vega_usd": 300.001},
            }
        },
        MARKET,
    )
    assert BOOK.check(LIMITS, MARKET)  # which they did not before
    table = plan.table()
    assert plan.cost == pytest.approx(table["cost"].sum())
    assert plan.cost == pytest.approx(plan.spread + plan.fee)
    # the cost of an order by hand: against the middle, and the fee with its cap
    row = int(np.flatnonzero(table["instrument"] != "BTC-PERPETUAL")[0])
    at = plan.problem.quotes.table.name.tolist().index(table["instrument"][row])
    size, price = abs(table["quantity"][row]), table["price"][row]
    assert table["spread"][row] == pytest.approx(
        size * abs(price - plan.problem.quotes.middle[at]) * 90_000
    )
    assert table["fee"][row] == pytest.approx(size * min(0.0003, 0.125 * price) * 90_000)


@pytest.mark.usefixtures("highs")
def test_cheapest_is_the_optimum_of_cvxpy() -> None:
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    of = problem(limits=LIMITS, cash=200_000.0, positions={"BTC-26JUN26-*": 25})
    plan = ho.cheapest(of)
    x = cvxpy.Variable(len(of.columns), nonneg=True)
    total = of.rows.base + of.rows.matrix @ x
    keep = [x <= of.columns.upper]
    keep += [total[i] <= h for i, h in enumerate(of.rows.high) if np.isfinite(h)]
    keep += [total[i] >= low for i, low in enumerate(of.rows.low) if np.isfinite(low)]
    best = cvxpy.Problem(cvxpy.Minimize(of.columns.cost @ x), keep).solve(solver="CLARABEL")
    assert plan.cost == pytest.approx(best, rel=1e-6)


@pytest.mark.usefixtures("highs")
def test_shadow_prices_are_the_change_of_the_cost() -> None:
    def cost(delta: float) -> ho.Plan:
        return ho.cheapest(problem(limits={"BTC": {"net_delta": [delta, delta], "vega_usd": 20}}))

    plan, step = cost(0.5), 1e-3
    row = plan.problem.rows.name.index("BTC net_delta")
    moved = (cost(0.5 + step).cost - cost(0.5 - step).cost) / (2 * step)
    assert plan.row_price[row] == pytest.approx(moved, rel=1e-6, abs=1e-6)
    assert "BTC vega_usd" in plan.constraints(binding=True)["constraint"].tolist()


@pytest.mark.usefixtures("highs")
def test_lots_are_the_optimum_of_brute_force() -> None:
    names = ["BTC-26JUN26-90000-C", "BTC-31JUL26-90000-P", "BTC-31JUL26-95000-P"]
    chosen = quotes(names, size=3.0, perpetuals=False)
    chosen = ho.Quotes(**{**chosen.__dict__, "lot": np.ones(3)})
    book = hc.Book.from_frame({"instrument": names[:1], "quantity": [-2.0]})
    limits = {"BTC": {"net_delta": 0.6, "vega_usd": 40}}
    of = ho.Problem(book=book, market=MARKET, quotes=chosen, limits=limits, lots=True)
    plan = ho.cheapest(of, gap=1e-9)
    best = np.inf
    (sold, bought), fee = chosen.spread, chosen.fee
    for z in itertools.product(range(-3, 4), repeat=3):
        after = book + hc.Book(chosen.table, np.arange(3), np.array(z, float))
        total = after.risk(MARKET).total.get("BTC", {"net_delta": 0.0, "vega_usd": 0.0})
        if abs(total["net_delta"]) <= 0.6 and abs(total["vega_usd"]) <= 40:
            up, down = np.maximum(z, 0), np.maximum(-np.array(z), 0)
            best = min(best, float(up @ (bought + fee[1]) + down @ (sold + fee[0])))
    assert plan.cost == pytest.approx(best, rel=1e-9)
    assert np.all(plan.quantity == np.round(plan.quantity))


@pytest.mark.usefixtures("highs")
def test_tickets_and_least_trades() -> None:
    free = ho.cheapest(problem(limits=LIMITS))
    few = ho.cheapest(problem(limits=LIMITS, max_tickets=free.tickets - 1, min_trade=0.5), gap=1e-6)
    assert few.tickets <= free.tickets - 1
    assert few.cost >= free.cost - 1e-6
    coins = few.amount * few.problem.quotes.delta_scale[few.problem.columns.instrument]
    assert (coins[few.amount > 0] >= 0.5 - 1e-6).all()


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


def test_targets_met_exactly_need_no_solver() -> None:
    targets = {"BTC": {"net_delta": 0.0, "vega_usd": 0.0, "gamma_usd_1pct": 0.0}}
    names = ["BTC-26JUN26-90000-P", "BTC-31JUL26-90000-P"]
    of = problem(quotes=quotes(names, size=None), targets=targets)
    after = ho.neutralise(of).after.total["BTC"]
    before = of.before.total["BTC"]
    for name in targets["BTC"]:
        assert abs(after[name]) < 1e-8 * abs(before[name])
    held_back = ho.neutralise(of, ridge=10.0)
    assert np.abs(held_back.quantity).sum() < np.abs(ho.neutralise(of).quantity).sum()
    with pytest.raises(ValueError, match="is missed"):
        ho.neutralise(problem(quotes=quotes(names[:1], perpetuals=False), targets=targets))


@pytest.mark.usefixtures("highs")
def test_futures_with_an_entry_price_are_entered_at_the_quote() -> None:
    held = {"instrument": ["BTC-PERPETUAL"], "quantity": [1e6], "entry_price": [85_000.0]}
    of = problem(actions=(), limits={"BTC": {"net_delta": 1.0}})
    of = replace(of, book=BOOK + hc.Book.from_frame(held))
    plan = ho.cheapest(of)
    assert abs(plan.after.total["BTC"]["net_delta"]) == pytest.approx(1.0)
    (row,) = np.flatnonzero(plan.quantity)
    assert of.quotes.table.name[row] == "BTC-PERPETUAL"
    assert plan.trades.entry_price.tolist() == [
        (of.quotes.ask if plan.quantity[row] > 0 else of.quotes.bid)[row]
    ]
    value = [r.total["BTC"]["value_usd"] for r in (plan.before, plan.after)]
    # the book is worth less by the spread alone
    assert value[1] - value[0] == pytest.approx(-plan.spread, rel=1e-3)
    # what is held without a price stays so: the two would be added up
    bare = hc.Book.from_frame({"instrument": ["BTC-PERPETUAL"], "quantity": [1e6]})
    plan = ho.cheapest(replace(of, book=BOOK + bare))
    assert np.isnan(plan.trades.entry_price).all()
    assert abs(plan.after.total["BTC"]["net_delta"]) == pytest.approx(1.0)


def test_neutralise_does_not_look_at_lots() -> None:
    targets = {"BTC": {"net_delta": 0.0, "gamma_usd_1pct": 0.0}}
    chosen = quotes(["BTC-26JUN26-90000-P"], size=None)
    plan = ho.neutralise(problem(quotes=chosen, targets=targets, lots=True))
    after, before = plan.after.total["BTC"], plan.before.total["BTC"]
    for name in targets["BTC"]:
        assert abs(after[name]) < 1e-8 * abs(before[name])
    assert "lots are not looked at" in repr(plan)
    assert not any("lots" in note for note in ho.neutralise(replace(plan.problem)).notes)


def test_neutralise_needs_numpy_alone() -> None:
    code = """
        import sys
        for name in ("highspy", "clarabel", "scipy", "polars", "pandas"):
            sys.modules[name] = None  # as if it were not installed
        import hedgecore as hc
        from hedgecore.hedging import optimise as ho
        name = "BTC-26JUN26-90000-C"
        market = hc.Market("2026-06-10", index={"BTC": 90_000.0}, vols=0.55, forwards={("BTC", "2026-06-26"): 90_300.0})
        book = hc.Book.from_frame({"instrument": [name], "quantity": [-20.0]})
        quotes = ho.Quotes.of({"instrument": [name], "bid": [0.045], "ask": [0.046]}, market)
        targets = {"BTC": {"net_delta": 0.0, "gamma_usd_1pct": 0.0}}
        problem = ho.Problem(book=book, market=market, quotes=quotes, targets=targets)
        print(round(float(ho.neutralise(problem).quantity[0]), 9))
        try:
            ho.cheapest(problem)
        except ImportError as error:
            print(error)
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    bought, message = done.stdout.splitlines()
    assert float(bought) == 20.0
    assert 'pip install "hedgecore[optimise]"' in message


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
@pytest.mark.parametrize(
    "more",
    [{"lots": True}, {"max_tickets": 3}, {"lots": True, "max_tickets": 3}, {"lots": True, "min_trade": 2.0}],
)  # fmt: skip
def test_the_search_has_the_optimum_of_the_whole_program(more: dict[str, Any]) -> None:
    lot = np.ones(len(quotes()))
    lot[-1] = 10_000.0  # the perpetual, in USD
    of = problem(quotes=replace(quotes(), lot=lot), limits=LIMITS, **more)
    plan = ho.cheapest(of, gap=1e-9, time_limit=60.0)
    best = solvers.Highs(of.program, gap=1e-9).solve()
    assert plan.gap <= 1e-9
    assert plan.cost == pytest.approx(best.value, rel=1e-6)
    # what reduced costs and the neighbourhood leave out is in no plan that is better
    from hedgecore.hedging.optimise import search

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "NEAR", 2)
        few = ho.cheapest(of, gap=1e-9, time_limit=60.0)
    assert few.cost == pytest.approx(best.value, rel=1e-6)


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
def test_a_roll_is_one_order_for_both_legs() -> None:
    forbid = ["BTC-PERPETUAL"]
    rolls = ho.Rolls(cheaper_fee=0.0, spread=0.5)
    of = problem(
        actions=("roll",), rolls=rolls, forbid=forbid,
        limits={"BTC": {"expiry": {"vega_usd": [-5_000, 900]}, "vega_usd": [-1e9, 1e9]}},
    )  # fmt: skip
    plan = ho.cheapest(of)
    table = plan.table()
    assert plan.tickets >= 1
    assert set(table["action"].tolist()) <= {"roll up", "roll down", "roll out", "roll in"}
    k = int(np.flatnonzero(plan.amount)[0])
    i, c = of.columns.instrument[k], of.columns.closes[k]
    q = of.quotes
    own = [q.spread[0], q.spread[1]]
    bought, sold = (c, i) if of.held[c] < 0 else (i, c)
    assert of.columns.spread[k] == pytest.approx(0.5 * (own[1][bought] + own[0][sold]))
    assert of.columns.fee[k] == pytest.approx(max(q.fee[1][bought], q.fee[0][sold]))
    assert np.abs(plan.quantity[c]) <= abs(of.held[c]) * (1 + 1e-9)


@pytest.mark.usefixtures("highs")
def test_what_a_trade_is_for() -> None:
    plan = ho.cheapest(problem(actions=("resize",), targets={"BTC": {"expiry": {"vega_usd": 0.0}}}))
    table = plan.table()
    words = dict(zip(table["instrument"].tolist(), table["action"].tolist(), strict=True))
    assert words["BTC-26JUN26-90000-C"] == "close"
    assert words["BTC-31JUL26-95000-P"] == "close"


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


def test_what_cannot_be_valued_under_limits_is_with_the_plan() -> None:
    book = BOOK + hc.Book.from_frame({"instrument": ["BTC-25DEC26-90000-C"], "quantity": [3.0]})
    of = problem(book=book, limits=LIMITS)
    (breach,) = of.unvalued
    assert breach == book.check(LIMITS, MARKET)[0]
    assert dict(breach.positions) == {"BTC-25DEC26-90000-C": 3.0}
    plan = ho.neutralise(problem(book=book, targets={"BTC": {"net_delta": 0.0}}))
    assert plan.unvalued
    assert "NOT VALUED" in str(plan)


@pytest.mark.usefixtures("highs")
def test_scenarios_of_another_problem_are_refused() -> None:
    other = scenarios(problem(quotes=quotes(NAMES[:3])))
    with pytest.raises(ValueError, match=r"scenarios are of 4 instruments.* has 21 quotes"):
        ho.least_worst_case(problem(), other)
    with pytest.raises(ValueError, match=r"scenarios are of 4 instruments.* has 21 quotes"):
        ho.least_shortfall(problem(), other)


def test_neutralise_leaves_out_what_has_no_quote_on_the_side_needed() -> None:
    both = quotes(NAMES[:6])
    asked = {"targets": {"BTC": {"net_delta": 0.0, "vega_usd": 0.0}}}
    traded = ho.neutralise(problem(quotes=both, **asked))
    first = int(np.argmax(np.abs(traded.quantity)))
    side = "ask" if traded.quantity[first] > 0 else "bid"
    bare = {name: getattr(both, name).copy() for name in (side, f"{side}_size")}
    bare[side][first], bare[f"{side}_size"][first] = np.nan, 0.0
    plan = ho.neutralise(problem(quotes=replace(both, **bare), **asked))
    assert plan.quantity[first] == 0
    name = both.table.name[first]
    assert any(note.endswith(f"on the side that was needed: {name}") for note in plan.notes)
    assert plan.after.total["BTC"]["net_delta"] == pytest.approx(0.0, abs=1e-6)
