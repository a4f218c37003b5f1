"""The hedge optimiser beside brute force and CVXPY: limits, whole numbers, targets, actions."""

from __future__ import annotations

import itertools
import subprocess
import sys
import textwrap
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedge_problems import BOOK, LIMITS, MARKET, NAMES, problem, quotes
from hedgecore.hedging import optimise as ho
from hedgecore.hedging.optimise import solvers


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


@pytest.mark.parametrize("ridge", [0.1, 10.0])
def test_ridge_is_the_optimum_of_cvxpy(ridge: float) -> None:
    cvxpy = pytest.importorskip("cvxpy", reason="the oracle of the test group")
    targets = {"BTC": {"net_delta": 0.0, "gamma_usd_1pct": 1_000.0, "vega_usd": 0.0}}
    of = problem(targets=targets)
    plan = ho.neutralise(of, ridge=ridge)
    names, off = of.rows.name, of.rows.low - of.rows.base
    unit = np.eye(len(of.quotes)) * of.quotes.delta_scale  # coins
    after = np.array([of.rows.matrix[i][of.columns.kind == "buy"] for i in range(len(names))])
    assert after.shape[1] == len(of.quotes)  # every one can be bought
    z = cvxpy.Variable(len(of.quotes))
    weight = 1 / np.abs(off)
    goal = cvxpy.sum_squares(cvxpy.multiply(weight, after @ np.linalg.inv(unit) @ z - off)) + ridge * cvxpy.sum_squares(z)  # fmt: skip
    best = cvxpy.Problem(cvxpy.Minimize(goal)).solve(solver="CLARABEL")
    coins = plan.quantity * of.quotes.delta_scale
    reached = float(((weight * (after @ plan.quantity - off)) ** 2).sum() + ridge * coins @ coins)
    assert reached == pytest.approx(best, rel=1e-6)


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
@pytest.mark.parametrize("seed", range(5))
def test_the_search_counts_what_columns_left_out_cost(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hedgecore.hedging.optimise import search

    monkeypatch.setattr(search, "NEAR", 5)
    rng, n = np.random.default_rng(seed), 30
    rows = rng.integers(1, 20, (3, n)).astype(float)
    low = rows @ np.full(n, 2.0) + 150.5
    program = solvers.Program(
        rng.integers(20, 100, n).astype(float), np.full(n, 2.0), np.full(n, 9.0), rows, low,
        np.full(3, np.inf), np.ones(n, bool), offset=7.0,
    )  # fmt: skip
    best = solvers.Highs(program, gap=0.0).solve()
    found = search.search(program, time_limit=60.0, gap=1e-9)
    assert found.value == pytest.approx(7.0 + program.cost @ found.x, rel=1e-9)
    assert found.value == pytest.approx(best.value, rel=1e-9)
    assert found.bound <= found.value * (1 + 1e-9)
    assert (program.rows @ found.x >= low - 1e-6).all()


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
