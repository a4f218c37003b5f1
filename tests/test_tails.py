"""Tails with errors, the bootstrap, contributions of positions, scenarios in parts, ladders."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hedgecore as hc
from hedgecore.scenarios import Node, Nodes, bootstrap, tail_of
from hedgecore.tails import simulate
from test_book import NAMES, QUANTITIES
from test_memory import growth
from test_scenarios import book, market


def scenarios(n: int, seed: int = 0) -> dict[str, Any]:
    """Columns of joint moves."""
    x = np.random.default_rng(seed).standard_normal((4, n))
    return {
        "BTC_spot": 0.05 * x[0], "ETH_spot": 0.05 * (0.8 * x[0] + 0.6 * x[1]),
        "BTC_vol": 0.02 * x[2], "ETH_vol": 0.02 * x[3],
    }  # fmt: skip


def one_column(pnl: Any, weight: Any = None, level: float = 0.95) -> Any:
    pnl = np.asarray(pnl, float)
    return tail_of(pnl[:, None], np.ones(len(pnl)) if weight is None else weight, level)


# --- errors of the estimators


@pytest.mark.parametrize("level", [0.95, 0.99])
def test_standard_errors_are_the_spread_over_many_samples(level: float) -> None:
    """Normal losses: hedging-science 8.13 has .0551 against .0561 at n = 2000, level .95."""
    generator = np.random.default_rng(3)
    found = np.array([
        (t.value_at_risk, t.expected_shortfall, t.value_at_risk_error, t.expected_shortfall_error)
        for t in (one_column(generator.standard_normal(2000), level=level) for _ in range(3000))
    ])  # fmt: skip
    spread = found[:, :2].std(axis=0)
    assert found[:, 3].mean() == pytest.approx(spread[1], rel=0.08)
    assert np.sqrt((found[:, 2] ** 2).mean()) == pytest.approx(spread[0], rel=0.2)
    if level == 0.95:
        assert spread[1] == pytest.approx(0.056, rel=0.06)


def test_errors_know_the_weights_and_the_overlap() -> None:
    pnl = np.random.default_rng(0).standard_normal(4000)
    plain = one_column(pnl)
    weight = np.where(np.arange(4000) < 2000, 1.0, 0.0)
    half = tail_of(pnl[:, None], weight, 0.95)
    assert half.sample == 2000
    assert half.expected_shortfall == one_column(pnl[:2000]).expected_shortfall
    assert half.expected_shortfall_error == one_column(pnl[:2000]).expected_shortfall_error
    shared = tail_of(pnl[:, None], np.ones(4000), 0.95, overlap=4)
    assert shared.expected_shortfall_error == pytest.approx(2 * plain.expected_shortfall_error)
    assert np.isnan(one_column([1.0, 2.0], level=0.99).expected_shortfall_error)


def test_bootstrap_of_independent_nodes_agrees_with_the_formulas() -> None:
    pnl = np.random.default_rng(5).standard_t(5, 3000)
    tail = one_column(pnl, level=0.975)
    table = bootstrap(pnl, np.ones(3000), [0.975], block=1, samples=2000).table()
    assert table["expected_shortfall_error"][0] == pytest.approx(
        tail.expected_shortfall_error, rel=0.1
    )
    assert table["value_at_risk_error"][0] == pytest.approx(tail.value_at_risk_error, rel=0.35)
    assert table["expected_shortfall_low"][0] < tail.expected_shortfall
    assert table["expected_shortfall_high"][0] > tail.expected_shortfall


def test_errors_of_overlapping_sums_see_their_dependence() -> None:
    """Sums of 24 independent normals: blocks find the spread of many histories, single nodes a quarter of it; the
    formula with the overlap is on the safe side."""
    generator = np.random.default_rng(1)
    n = 4000

    def sums() -> Any:
        return np.convolve(generator.standard_normal(n + 23), np.ones(24), "valid")

    truth = np.std([one_column(sums()).expected_shortfall for _ in range(500)])

    def mean_error(block: int) -> float:
        made = [bootstrap(sums(), np.ones(n), [0.95], block=block, samples=60) for _ in range(15)]
        errors = [m.table()["expected_shortfall_error"][0] for m in made]
        return float(np.sqrt(np.mean(np.square(errors))))

    assert mean_error(1) < 0.4 * truth
    assert mean_error(48) == pytest.approx(truth, rel=0.3)
    formula = [tail_of(sums()[:, None], np.ones(n), 0.95, overlap=24) for _ in range(20)]
    safe = np.mean([tail.expected_shortfall_error for tail in formula])
    assert truth < safe < 1.6 * truth


def test_bootstrap_is_the_tail_of_each_resampled_history() -> None:
    """Blocks beside the definition, drawn with the same numbers one by one."""
    pnl, weight = np.random.default_rng(2).standard_normal((2, 50))
    weight = np.abs(weight)
    made = bootstrap(pnl, weight, [0.9, 0.8], block=5, samples=7, seed=9)
    generator = np.random.default_rng(9)
    fresh, start = generator.random((7, 50)) < 1 / 5, generator.integers(0, 50, (7, 50))
    for i in range(7):
        rows, place = [], 0
        for j in range(50):
            place = int(start[i, j]) if j == 0 or fresh[i, j] else (place + 1) % 50
            rows.append(place)
        for k, level in enumerate((0.9, 0.8)):
            tail = tail_of(pnl[rows][:, None], weight[rows], level)
            assert made.value_at_risk[i, k] == tail.value_at_risk
            assert made.expected_shortfall[i, k] == pytest.approx(tail.expected_shortfall)
    again = bootstrap(pnl, weight, [0.9, 0.8], block=5, samples=7, seed=9)
    assert np.array_equal(again.expected_shortfall, made.expected_shortfall)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"block": 0.5}, "block = 0.5 must be at least 1"),
        ({"samples": 1}, "samples = 1 must be at least 2"),
        ({"levels": [0.9, 1.0]}, "level = 1.0 must be between 0 and 1"),
        ({"weight": np.zeros(4)}, "no node of positive weight"),
    ],
)
def test_bootstrap_clear_errors(change: dict[str, Any], text: str) -> None:
    arguments: dict[str, Any] = {"pnl": np.arange(4.0), "weight": np.ones(4), "levels": [0.9], "block": 2}  # fmt: skip
    with pytest.raises(ValueError, match=text):
        bootstrap(**arguments | change)


# --- contributions


@given(
    moves=st.lists(st.tuples(st.floats(-0.4, 0.4), st.integers(0, 3)), min_size=2, max_size=20)
    .filter(lambda moves: any(weight for _, weight in moves)),
    level=st.floats(0.5, 0.99),
    block=st.integers(1, 9),
)  # fmt: skip
def test_contributions_of_positions_add_up(
    moves: list[tuple[float, int]], level: float, block: int
) -> None:
    nodes = [Node(spot={"BTC": s, "ETH": -0.5 * s}, vol=0.1 * s, weight=w) for s, w in moves]
    grid = book().scenarios(market(), nodes=nodes)
    tail = grid.tail(level)
    parts = tail.contributions(block)
    scale = 1e-9 * (1 + np.abs(grid["pnl_usd"]).max())
    assert len(parts) == len(set(NAMES))
    assert parts.value_at_risk.sum() == pytest.approx(tail.value_at_risk, abs=scale)
    assert parts.expected_shortfall.sum() == pytest.approx(tail.expected_shortfall, abs=scale)
    for coin in ("BTC", "ETH"):
        of_coin = tail.expected_shortfall_by_bucket[grid.underlying == coin].sum()
        mine = parts.expected_shortfall[parts.underlying == coin].sum()
        assert mine == pytest.approx(of_coin, abs=scale)
    assert tail.expected_shortfall >= tail.value_at_risk - scale


def test_a_contribution_is_what_the_position_loses_alone_at_those_nodes() -> None:
    spot = np.linspace(-0.3, 0.3, 41)
    grid = book().scenarios(market(), nodes=Nodes.of(spot={"BTC": spot, "ETH": spot}))
    tail = grid.tail(0.8)
    parts = tail.contributions()
    for place, name in enumerate(parts.instrument.tolist()):
        rows = [
            i for i, other in enumerate(NAMES) if other == name
        ]  # one of them stands in two rows
        alone = hc.Book.from_frame({
            "instrument": [NAMES[i] for i in rows], "quantity": [QUANTITIES[i] for i in rows],
            "entry_price": book().entry_price[rows],
        })  # fmt: skip
        pnl = alone.scenarios(market(), nodes=Nodes.of(spot={"BTC": spot, "ETH": spot})).pnl()
        loss = -(tail.share @ pnl[tail.nodes])
        assert parts.expected_shortfall[place] == pytest.approx(loss, abs=1e-7)
        assert parts.value_at_risk[place] == pytest.approx(-pnl[tail.nodes[-1]], abs=1e-7)


def test_contributions_name_what_has_no_vol() -> None:
    here = market(vols=None)
    tail = book().scenarios(here, nodes=[Node(-0.1), Node(0.1)]).tail(0.5)
    parts = tail.contributions()
    assert "BTC-26JUN26-80000-P" in parts.left_out or len(parts.left_out) > 0
    assert np.isfinite(parts.expected_shortfall).all()
    assert parts.expected_shortfall.sum() == pytest.approx(tail.expected_shortfall)
    with pytest.raises(ValueError, match="no positions behind it"):
        one_column([1.0, 2.0]).contributions()


def test_tails_say_what_they_leave_out() -> None:
    here = market(vols=lambda _, __, strike, ___: np.where(strike == 100_000, np.nan, 0.5))
    name = "BTC-25DEC26-100000-C"
    grid = book().scenarios(here, nodes=[Node(-0.1), Node(0.1)])
    for tail in (grid.tail(0.5), simulate(book(), here, scenarios(10)).tail(0.5)):
        assert tail.left_out == tail.contributions().left_out == (name,)
        assert f"without 1 of the positions, which the market cannot value: {name}" in repr(tail)
    whole = book().scenarios(market(), nodes=[Node(-0.1), Node(0.1)]).tail(0.5)
    assert whole.left_out == ()
    assert "without" not in repr(whole)
    many = replace(whole, left_out=tuple("abcdefg"))
    assert repr(many).endswith(
        "without 7 of the positions, which the market cannot value: a, b, c, d, e and 2 more"
    )


def test_tail_of_a_product_is_that_of_the_list() -> None:
    spot, vol = [-0.2, -0.1, 0.05, 0.2], [-0.05, 0.1]
    product = book().scenarios(market(), spot=spot, vol=vol)
    listed = book().scenarios(market(), nodes=[Node(s, v) for s in spot for v in vol])
    for level in (0.6, 0.8, 0.95):
        one, other = product.tail(level), listed.tail(level)
        assert one.expected_shortfall == other.expected_shortfall
        # axes are laid out: what they have no errors of, a list may be a sample of
        assert np.isnan([one.value_at_risk_error, one.expected_shortfall_error]).all()
        assert np.isfinite(other.expected_shortfall_error) or level == 0.95
        assert np.array_equal(one.nodes, other.nodes)


def test_positions_at_some_nodes_are_those_columns() -> None:
    grid = book().scenarios(market(), spot=[-0.2, 0, 0.1], vol=[-0.1, 0.1], time=[0, 0.01])
    chosen = np.array([7, 2, 11, 2])
    whole = [block["pnl_usd"] for block in grid.positions(5)]
    some = [block["pnl_usd"] for block in grid.positions(5, nodes=chosen)]
    for one, other in zip(whole, some, strict=True):
        np.testing.assert_array_equal(one[:, chosen], other)


# --- scenarios of the user's own, in parts


def test_parts_and_threads_change_no_bit() -> None:
    columns = scenarios(300) | {"time": np.linspace(0, 0.02, 300)}
    grid = book().scenarios(market(), nodes=Nodes.of(
        spot={c: columns[f"{c}_spot"] for c in ("BTC", "ETH")},
        vol={c: columns[f"{c}_vol"] for c in ("BTC", "ETH")}, time=columns["time"],
    ))  # fmt: skip
    for part, threads in ((300, 1), (64, 2), (7, 3)):
        result = simulate(book(), market(), columns, part=part, threads=threads)
        np.testing.assert_array_equal(result.pnl, grid["pnl_usd"])
    tail = result.tail(0.9)
    assert tail.expected_shortfall == grid.tail(0.9).expected_shortfall
    assert tail.contributions().expected_shortfall.sum() == pytest.approx(tail.expected_shortfall)
    np.testing.assert_array_equal(result.total, result.pnl.sum(axis=1))


def test_full_revaluation_is_the_risk_in_the_shocked_market() -> None:
    columns = scenarios(2000)
    result = simulate(book(), market(), columns)
    base = sum(book().risk(market())["value_usd"])
    for i in np.random.default_rng(1).integers(0, 2000, 12):
        moved = market(
            spot={c: 1 + columns[f"{c}_spot"][i] for c in ("BTC", "ETH")},
            vol={c: columns[f"{c}_vol"][i] for c in ("BTC", "ETH")},
        )
        value = sum(book().risk(moved)["value_usd"])
        assert result.total[i] == pytest.approx(value - base, rel=1e-9, abs=1e-5)


def test_matrix_frame_and_nodes_are_the_same_scenarios() -> None:
    pytest.importorskip("pandas")
    import pandas as pd

    columns = scenarios(20) | {"weight": np.arange(20.0)}
    one = simulate(book(), market(), columns)
    matrix = np.column_stack(list(columns.values()))
    other = simulate(book(), market(), matrix, columns=list(columns))
    third = simulate(book(), market(), pd.DataFrame(columns), label=np.arange(100, 120))
    assert np.array_equal(one.pnl, other.pnl)
    assert np.array_equal(one.pnl, third.pnl)
    assert third.worst(1)["label"][0] == 100 + int(np.argmin(one.total))
    assert third.to_frame("pandas").shape == (20, 11)
    assert one.tail(0.9).expected_shortfall == third.tail(0.9).expected_shortfall
    assert "Simulation of 20 nodes" in repr(one)
    assert one.notes == ()
    lone = simulate(book(), market(), {"BTC_spot": [0.1, -0.1]})
    assert lone.notes == ("no moves of ETH: it stands still",)
    assert lone.notes[0] in repr(lone)


def test_progress_is_told_and_may_end_it() -> None:
    seen: list[tuple[int, int]] = []
    simulate(book(), market(), scenarios(10), part=4, progress=lambda *done: seen.append(done))
    assert seen == [(4, 10), (8, 10), (10, 10)]

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(book(), market(), scenarios(10), part=4, progress=stop)


@pytest.mark.resident
def test_memory_of_many_scenarios_is_that_of_the_sums() -> None:
    """100,000 scenarios: 8 bytes for each of 4 shocks, time and weight, each bucket, and one part at work."""
    few, many = (scenarios(n) for n in (8192, 108_192))
    whole, here = book(), market()
    small = growth(lambda: simulate(whole, here, few, threads=1))
    large = growth(lambda: simulate(whole, here, many, threads=1))
    assert large - small < 2 * 100_000 * 8 * (4 + 2 + 1 + len(whole.instruments.expiries[0]))


@pytest.mark.parametrize(
    ("given", "more", "text"),
    [
        ({"BTC": [0.1]}, {}, "column 'BTC' of scenarios is none of"),
        ({"SOL_spot": [0.1]}, {}, "'SOL' is no underlying of the market"),
        ({"BTC_spot": [0.1, np.nan]}, {}, r"spot\['BTC'\]\[1\] = nan must be finite"),
        ({"BTC_spot": [-1.2]}, {}, "takes BTC to zero or below"),
        ({"BTC_spot": []}, {}, "there are no scenarios"),
        (np.zeros((2, 2)), {}, "needs columns="),
        (np.zeros((2, 2)), {"columns": ["BTC_spot"]}, "1 names"),
        (np.zeros((2, 2)), {"columns": ["BTC_spot", "BTC_spot"]}, "stands twice"),
        ({"BTC_spot": [0.1]}, {"label": [1, 2]}, "label has 2 rows for 1 scenarios"),
        ({"BTC_spot": [0.1]}, {"part": 0}, "part = 0 must be positive"),
    ],
)
def test_clear_errors_of_scenarios(given: Any, more: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        simulate(book(), market(), given, **more)


def test_a_lost_vol_names_the_node() -> None:
    spot, vol = np.zeros(9), np.zeros(9)
    vol[7] = -0.8
    given = Nodes.of(spot={"BTC": spot}, vol={"BTC": vol})
    text = r"vol of BTC.* must be positive after every shock .* at node 7"
    with pytest.raises(ValueError, match=text + "$"):
        book().scenarios(market(), nodes=given)
    with pytest.raises(ValueError, match=text + "$"):
        simulate(book(), market(), given, part=4)
    with pytest.raises(ValueError, match=text + r" \(h\)$"):
        simulate(book(), market(), given, part=4, label=list("abcdefghi"))


# --- ladders


@pytest.mark.parametrize("axis", ["spot", "vol", "time"])
def test_ladder_is_the_grid_along_one_axis(axis: str) -> None:
    values = [0.0, 0.01, 0.05]
    ladder = book().ladder(market(), axis, values)
    for i, value in enumerate(values):
        shock: dict[str, Any] = {axis: [value]}
        single = book().scenarios(market(), measures=("vega_usd",), **shock)
        for coin in ("BTC", "ETH"):
            assert ladder["pnl_usd"][coin][i] == single.pnl(coin).item()
            assert ladder["vega_usd"][coin][i] == single.measure("vega_usd", coin).item()
    table = ladder.table()
    rows = table["underlying"] == "ETH"
    assert table[axis][rows].tolist() == values
    np.testing.assert_array_equal(table["pnl_usd"][rows], ladder["pnl_usd"]["ETH"])
    assert list(table)[:2] == ["underlying", axis]
    assert f"Ladder of {axis}" in repr(ladder)
    assert len(ladder) == 3
    assert list(ladder.table("total"))[:2] == [axis, "pnl_usd"]


def test_ladder_clear_errors() -> None:
    with pytest.raises(ValueError, match="axis must be 'spot', 'vol' or 'time', not 'rate'"):
        book().ladder(market(), "rate", [0.0])
    with pytest.raises(TypeError, match="a ladder has one axis, 'spot': vol= is none"):
        book().ladder(market(), "spot", [0.0], vol=[0.1])
