"""Each constraint of the hedge optimiser where it binds, what can be traded, and rolls beside buys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedge_problems import BOOK, LIMITS, MARKET, NAMES, problem, quotes
from hedgecore.hedging import optimise as ho
from hedgecore.venues.deribit.contracts import FEES

pytestmark = pytest.mark.usefixtures("highs")
DELTA = {"BTC": {"usd_delta": [0.0, 0.0]}}


def held_after(plan: ho.Plan) -> dict[str, float]:
    """What the book that is left holds, by name."""
    of = plan.book
    return dict(zip(of.instruments.name.tolist(), of.net_quantity.tolist(), strict=True))


def named(plan: ho.Plan) -> list[str]:
    return [str(name) for name in plan.constraints(binding=True)["constraint"]]


def test_positions_after_the_trades_are_bounded() -> None:
    free = ho.cheapest(problem(limits=LIMITS))
    most = max(free.quantity[:-1], key=abs)
    name = str(free.problem.quotes.table.name[int(np.flatnonzero(free.quantity == most)[0])])
    before = free.problem.held[free.problem.quotes.table.name.tolist().index(name)]
    bound = abs(before + most) / 2
    plan = ho.cheapest(problem(limits=LIMITS, positions={name: bound}))
    assert abs(held_after(plan)[name]) <= bound * (1 + 1e-9)
    assert plan.cost > free.cost
    assert f"position {name}" in named(plan)
    sides = ho.cheapest(problem(limits=LIMITS, positions={"BTC-*": [-1e9, 1e9], name: [0, 1e9]}))
    assert held_after(sides).get(name, 0.0) >= -1e-9


def test_quoted_sizes_are_not_exceeded_by_buys_sells_and_rolls_together() -> None:
    of = problem(
        quotes=quotes(size={"BTC-PERPETUAL": 30.0, "*": 4.0}), actions=("open", "resize", "roll"),
        limits={"BTC": {"net_delta": 0.5, "gamma_usd_1pct": 100_000, "expiry": {"vega_usd": 1_200}}},
    )  # fmt: skip
    plan = ho.cheapest(of)
    bought, sold = np.zeros(len(of.quotes)), np.zeros(len(of.quotes))
    for amount, side, i, c in zip(plan.amount, of.columns.side, of.columns.instrument, of.columns.closes, strict=True):  # fmt: skip
        for at, trade in ((i, side * amount), (c, -side * amount)):
            if at >= 0:
                (bought if trade > 0 else sold)[at] += abs(trade)
    assert (bought <= of.quotes.ask_size * (1 + 1e-9)).all()
    assert (sold <= of.quotes.bid_size * (1 + 1e-9)).all()
    assert any("size" in name for name in named(plan))


def test_cash_bounds_premiums_and_fees_net_of_premiums_received() -> None:
    free = ho.cheapest(problem(limits=LIMITS))
    paid = free.premium + free.fee
    assert paid > 0
    plan = ho.cheapest(problem(limits=LIMITS, cash=paid / 2))
    assert plan.premium + plan.fee == pytest.approx(paid / 2)
    assert plan.cost > free.cost
    assert "cash" in named(plan)
    # by hand: options are paid at the quote, futures are not
    table = plan.table()
    option = table["instrument"] != "BTC-PERPETUAL"
    by_hand = (table["quantity"] * table["price"])[option].sum() * 90_000
    assert plan.premium == pytest.approx(by_hand)


def test_a_budget_bounds_the_cost() -> None:
    cost = ho.cheapest(problem(limits=LIMITS)).cost
    assert ho.cheapest(problem(limits=LIMITS, budget=cost * 1.001)).cost == pytest.approx(cost)
    with pytest.raises(ho.InfeasibleHedge, match="cost") as caught:
        ho.cheapest(problem(limits=LIMITS, budget=cost / 2))
    assert caught.value.plan.cost <= cost / 2 * (1 + 1e-6)


def test_the_least_trade_and_the_number_of_tickets() -> None:
    plan = ho.cheapest(problem(limits=LIMITS, min_trade=3.0))
    coins = plan.amount * plan.problem.quotes.delta_scale[plan.problem.columns.instrument]
    assert plan.tickets
    assert (coins[plan.amount > 0] >= 3.0 * (1 - 1e-9)).all()
    few = ho.cheapest(problem(limits=LIMITS, max_tickets=4))
    assert few.tickets <= 4
    assert few.cost >= ho.cheapest(problem(limits=LIMITS)).cost


def test_what_is_forbidden_is_not_traded_and_may_be_held() -> None:
    free = ho.cheapest(problem(limits=LIMITS))
    assert any(name.startswith("BTC-31JUL26") for name in free.table()["instrument"])
    plan = ho.cheapest(problem(limits=LIMITS, forbid=["BTC-26JUN26-90000-C", "BTC-31JUL26-*-C"]))
    traded = plan.table()["instrument"].tolist()
    assert not [n for n in traded if n == "BTC-26JUN26-90000-C" or (n.startswith("BTC-31JUL26") and n.endswith("C"))]  # fmt: skip
    assert held_after(plan)["BTC-26JUN26-90000-C"] == -20.0


def test_lots_are_those_of_the_contracts() -> None:
    plan = ho.cheapest(problem(limits=LIMITS, lots=True))
    for name, quantity in zip(plan.table()["instrument"], plan.table()["quantity"], strict=True):
        lot = 10.0 if name == "BTC-PERPETUAL" else 0.1
        assert quantity / lot == pytest.approx(round(quantity / lot), abs=1e-7)
    prices = plan.constraints(binding=True)
    assert len(prices["constraint"])
    assert (prices["shadow_price"] != 0).all()


LINEAR = {
    "BTC": (89_990.0, 90_010.0), "BTC-PERPETUAL": (89_900.0, 90_100.0),
    "BTC-26JUN26": (90_200.0, 90_400.0), "BTC_USDC-PERPETUAL": (89_900.0, 90_100.0),
}  # fmt: skip


@pytest.mark.parametrize("cheap", LINEAR)
def test_coins_perpetuals_and_futures_hedge_delta_beside_options(cheap: str) -> None:
    """The one whose spread is narrow does it."""
    bid, ask = np.array([*LINEAR.values()]).T
    middle, width = (bid + ask) / 2, np.array([0.01 if name == cheap else 1.0 for name in LINEAR])
    data = {"instrument": [*LINEAR], "bid": middle - 20 * width, "ask": middle + 20 * width}
    none = replace(FEES, inverse_future=(0, 0), inverse_weekly_future=(0, 0), linear_future=(0, 0))
    traded = ho.Quotes.of(data, MARKET, size=100.0, fees=none)
    plan = ho.cheapest(problem(quotes=traded, limits=DELTA))
    assert plan.table()["instrument"].tolist() == [cheap]
    assert plan.after.total["BTC"]["usd_delta"] == pytest.approx(0.0, abs=1e-3)
    # what it costs is the half spread on the coins traded
    coins = abs(plan.before.total["BTC"]["usd_delta"])
    assert plan.cost == pytest.approx(0.2 * coins, rel=0.02)


def test_a_purchase_of_coins_has_no_fee_and_takes_cash() -> None:
    spot = ho.Quotes.of(
        {"instrument": ["BTC"], "bid": [89_990.0], "ask": [90_010.0]}, MARKET, size=100.0, perpetuals=False
    )  # fmt: skip
    plan = ho.cheapest(problem(quotes=spot, limits=DELTA))
    assert plan.fee == 0.0
    (quantity,) = plan.table()["quantity"]
    assert plan.premium == pytest.approx(quantity * (90_010.0 if quantity > 0 else 89_990.0))
    assert "1 spot" in repr(spot)


def test_a_roll_is_weighed_against_closing_and_opening() -> None:
    """Vega out of the near expiry: a combination that pays half of the spreads is taken, one that pays all is not needed."""
    limits = {"BTC": {"expiry": {"vega_usd": [-9_000, 900]}, "net_delta": 5.0}}
    names = [n for n in NAMES if n.endswith("C") or "95000" in n]
    of: dict[str, Any] = {"quotes": quotes(names), "limits": limits}
    every = ("open", "resize", "roll")
    dear = ho.cheapest(problem(actions=every, rolls=ho.Rolls(spread=1.0), **of))
    cheap = ho.cheapest(problem(actions=every, rolls=ho.Rolls(spread=0.1, cheaper_fee=0.0), **of))
    without = ho.cheapest(problem(actions=("open", "resize"), **of))
    # at the prices of two orders a roll is nothing but these
    assert dear.cost == pytest.approx(without.cost, rel=1e-7)
    assert cheap.cost < without.cost
    assert any(word.startswith("roll") for word in cheap.table()["action"])


@pytest.mark.parametrize(
    ("quantity", "into", "word"),
    [(-5.0, "BTC-26JUN26-95000-C", "roll up"), (-5.0, "BTC-26JUN26-85000-C", "roll down"),
     (5.0, "BTC-31JUL26-90000-C", "roll out"), (-5.0, "BTC-31JUL26-90000-C", "roll out")],
)  # fmt: skip
def test_a_roll_closes_at_one_quote_and_opens_at_the_other(
    quantity: float, into: str, word: str
) -> None:
    first = "BTC-26JUN26-90000-C"
    book = hc.Book.from_frame({"instrument": [first], "quantity": [quantity]})
    of = problem(
        book=book, quotes=quotes([first, into], perpetuals=False), actions=("roll",),
        positions={first: 0.0}, limits={"BTC": {"vega_usd": 1e9}},
    )  # fmt: skip
    plan = ho.cheapest(of)
    table = plan.table()
    assert table["action"].tolist() == [word]
    assert held_after(plan).get(into) == pytest.approx(quantity)
    assert held_after(plan).get(first, 0.0) == pytest.approx(0.0)
    q, names = of.quotes, of.quotes.table.name.tolist()
    i, c = names.index(into), names.index(first)
    bought, sold = (q.ask[i], q.bid[c]) if quantity > 0 else (q.ask[c], q.bid[i])
    paid = (bought - sold) * 90_000 * abs(quantity)
    assert plan.premium == pytest.approx(paid)
    middles = (q.middle[i] - q.middle[c]) * np.sign(quantity) * 90_000 * abs(quantity)
    assert plan.spread == pytest.approx(paid - middles)


def test_the_book_of_the_tests_breaks_the_limits() -> None:
    assert BOOK.check(LIMITS, MARKET)
