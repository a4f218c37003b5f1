"""Shards put together, histograms, paths followed step by step."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hedgecore as hc
from hedgecore import hedging as hg
from hedgecore.tables.hedging import chosen_rows, label

CALL = hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1)
POLICIES: dict[str, hg.Policy] = {
    "clock": hg.Clock(every=4),
    "edge": hg.DeltaBand(width=0.05),
    "ww": hg.WhalleyWilmott(risk_aversion=1.0),
}


def run(n: int = 300, steps: int = 40, **arguments: Any) -> hg.Run:
    given = {
        "policies": POLICIES,
        "paths": hc.paths.GBM(vol=0.6),
        "position": CALL,
        "costs": hg.Costs(fee=5e-4),
        "seed": 9,
        **arguments,
    }
    return hg.simulate(n_paths=n, steps=steps, **given)


class TestShards:
    @settings(max_examples=20, deadline=None)
    @given(
        cuts=st.lists(st.integers(1, 699), max_size=4, unique=True),
        order=st.randoms(use_true_random=False),
    )
    def test_a_run_is_the_union_of_its_shards(self, cuts: list[int], order: Any) -> None:
        whole = run(700, keep=hg.LEDGERS, trace=(0, 128, 699))
        bounds = [0, *sorted(cuts), 700]
        shards = [
            run(
                high - low, first_path=low, keep=hg.LEDGERS,
                trace=[path for path in (0, 128, 699) if low <= path < high],
            )
            for low, high in pairwise(bounds)
        ]  # fmt: skip
        order.shuffle(shards)
        joined = hg.Run.joined(shards)
        assert (joined.n_paths, joined.first_path, joined.names) == (700, 0, whole.names)
        assert (joined.unhedged == whole.unhedged).all()
        for name in hg.LEDGERS:
            assert (joined.ledgers[name] == whole.ledgers[name]).all()
            np.testing.assert_allclose(joined.mean(name), whole.mean(name), rtol=1e-13, atol=1e-15)
        assert joined.trace is not None
        assert whole.trace is not None
        assert joined.trace.paths.tolist() == [0, 128, 699]
        for name, values in joined.trace.columns().items():
            assert (values == whole.trace.columns()[name]).all(), name
        for name, values in joined.columns().items():
            if values.dtype == object:
                assert (values == whole.columns()[name]).all()
            else:
                np.testing.assert_allclose(values, whole.columns()[name], rtol=1e-12, atol=1e-14)

    def test_of_sweeps(self) -> None:
        families = {"clock": [hg.Clock(every=k) for k in (2, 4)], "none": [hg.NoHedge()]}
        common: Any = {"steps": 20, "seed": 1}
        shards = [
            hg.sweep(CALL, hc.paths.GBM(vol=0.6), families, n_paths=50, first_path=first, **common)
            for first in (0, 50)
        ]
        whole = hg.sweep(CALL, hc.paths.GBM(vol=0.6), families, n_paths=100, **common)
        joined = hg.Run.joined(shards)
        assert joined.families == ("clock", "clock", "none")
        assert (joined.pnl == whole.pnl).all()

    def test_settings_with_arrays(self) -> None:
        """Equal arrays are the same setting, wherever they lie."""
        spot = 100 * np.exp(np.cumsum(np.full((4, 21), 0.01), axis=1))
        shards = [
            run(2, 20, paths=hc.paths.Given(spot.copy(), vol=0.6), first_path=first)
            for first in (0, 2)
        ]
        assert hg.Run.joined(shards).n_paths == 4

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"first_path": 120}, "the run of paths 120 to 219 must begin where the one before ends: path 100 is next"),
            ({"first_path": 99}, "the run of paths 99 to 198 must not overlap: path 100 is next"),
            ({"seed": 10}, "the run of paths 100 to 199 has another seed: 10, not 9"),
            ({"costs": hg.Costs(fee=6e-4)}, "has another costs: Costs.fee=0.0006"),
            ({"drift": 0.1}, "has another drift: 0.1, not 0.0"),
            ({"paths": hc.paths.GBM(vol=0.7)}, r"has another paths: GBM\(vol=0.7\)"),
            ({"policies": {**POLICIES, "edge": hg.DeltaBand(width=0.1)}}, "has other policies"),
            ({"policies": {"clock": POLICIES["clock"]}}, "has other names"),
            ({"steps": 20}, "has another steps: 20, not 40"),
            ({"keep": ("turnover",)}, "ledgers: the run of path 100 has pnl, turnover, not pnl, cost"),
        ],
    )  # fmt: skip
    def test_what_does_not_fit(self, changes: dict[str, Any], message: str) -> None:
        other = run(100, **{"first_path": 100, **changes})
        with pytest.raises(ValueError, match=message):
            hg.Run.joined([run(100), other])

    def test_of_nothing(self) -> None:
        with pytest.raises(ValueError, match="there are none"):
            hg.Run.joined([])


class TestHistogram:
    @settings(max_examples=30, deadline=None)
    @given(bins=st.integers(1, 200))
    def test_every_path_is_counted(self, bins: int) -> None:
        result = run(500, 10)
        histogram = result.histogram(bins)
        assert histogram.counts.shape == (3, bins)
        assert (histogram.counts.sum(axis=1) == 500).all()
        assert not histogram.below.any()
        assert not histogram.above.any()
        for k in range(3):  # numpy's own count
            assert (histogram.counts[k] == np.histogram(result.pnl[k], histogram.edges)[0]).all()

    def test_given_edges(self) -> None:
        names, pnl = ("a",), np.array([[-2.0, -1.0, -0.5, 0.0, 0.0, 1.0, 1.0, 1.5]])
        histogram = hg.Histogram.of(names, pnl, [-1.0, 0.0, 1.0])
        assert histogram.counts.tolist() == [[2, 4]]  # the last bin has its upper edge
        assert (histogram.below.tolist(), histogram.above.tolist()) == ([1], [1])
        table = histogram.columns()
        assert table["low"].tolist() == [-1.0, 0.0]
        assert "policy" in str(histogram)

    def test_one_value(self) -> None:
        histogram = hg.Histogram.of(("a",), np.zeros((1, 7)), 4)
        assert histogram.counts.sum() == 7

    @pytest.mark.parametrize(
        ("bins", "message"),
        [
            (0, "bins = 0 must be from 1"),
            ([1.0], "two finite edges or more"),
            ([0.0, np.inf], "two finite edges or more"),
            ([0.0, 1.0, 1.0], r"bins\[2\] = 1.0 must be above bins\[1\] = 1.0"),
        ],
    )
    def test_bad_bins(self, bins: Any, message: str) -> None:
        with pytest.raises(ValueError, match=message):
            run(10, 5).histogram(bins)


INSTRUMENTS: list[hg.Spot | hg.Perpetual | hg.Future] = [
    hg.Spot(),
    hg.Perpetual(settlement="inverse", funding=0.1),
    hg.Future(maturity=0.2, basis=0.05),
]


class TestTrace:
    @pytest.mark.parametrize("instrument", INSTRUMENTS)
    @pytest.mark.parametrize(
        "execution", [hg.Execution(), hg.Execution(latency=3), hg.Execution(latency=[0.0, 0.5, 0.5], failure=0.3)]
    )  # fmt: skip
    def test_it_adds_up_to_the_ledgers(self, instrument: Any, execution: hg.Execution) -> None:
        """Turnover, trades, exposure and cost from the holdings of each step are those of the run."""
        costs = hg.Costs(fee=5e-4)
        result = run(
            300, trace=(3, 150, 299), keep=hg.LEDGERS, instrument=instrument, execution=execution, costs=costs
        )  # fmt: skip
        trace = result.trace
        assert trace is not None
        fills = np.diff(trace.held, axis=2, prepend=0.0)
        for row, path in enumerate(trace.paths):
            coins = np.abs(fills[:, row] * trace.unit[row])
            turnover = (coins * trace.spot[row]).sum(axis=1)
            np.testing.assert_allclose(turnover, result.ledgers["turnover"][:, path], rtol=1e-9)
            exposure = np.abs(trace.exposure[:, row, :-1]).mean(axis=1)
            np.testing.assert_allclose(exposure, result.ledgers["exposure"][:, path], rtol=1e-9, atol=1e-12)  # fmt: skip
            assert (trace.cost[:, row, -1] == result.ledgers["cost"][:, path]).all()
        assert (trace.held[..., -1] == 0).all()  # closed
        assert (trace.delta[:, -1] == 0).all()
        assert (np.diff(trace.cost, axis=2) >= 0).all()
        assert trace.times[-1] == pytest.approx(0.1)

    def test_prices_are_those_of_the_paths(self) -> None:
        spots = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, (5, 41)), axis=1))
        spots[:, 0] = 100.0
        trace = run(5, paths=hc.paths.Given(spots, vol=0.6), trace=(1, 4)).trace
        assert trace is not None
        np.testing.assert_allclose(trace.spot, spots[[1, 4]], rtol=1e-14)
        left = 0.1 - trace.times[:-1]
        greeks = hc.greeks(
            "call", strike=100, expiry=left, vol=0.6, spot=trace.spot[0, :-1], which=("delta",)
        )
        np.testing.assert_allclose(trace.delta[0, :-1], -greeks["delta"], rtol=1e-10)

    def test_orders_in_flight(self) -> None:
        trace = run(3, execution=hg.Execution(latency=3, first_at_once=False), trace=3).trace
        assert trace is not None
        assert trace.paths.tolist() == [0, 1, 2]
        np.testing.assert_allclose(trace.held[..., 3:-1], trace.ordered[..., :-4], rtol=1e-12)
        assert (trace.held[..., :3] == 0).all()

    def test_what_is_followed_changes_nothing(self) -> None:
        plain, followed = run(260, keep=hg.LEDGERS), run(260, keep=hg.LEDGERS, trace=range(260))
        assert plain.trace is None
        assert (plain.sums == followed.sums).all()
        again = run(260, trace=(77,), threads=1).trace
        assert again is not None
        assert followed.trace is not None
        assert (again.held[:, 0] == followed.trace.held[:, 77]).all()

    def test_custom_policies_too(self) -> None:
        policies: dict[str, hg.Policy] = {
            "mine": hg.Custom(decide=lambda s: -s.delta - s.ordered),
            "clock": hg.Clock(),
        }
        trace = run(4, policies=policies, trace=1).trace
        assert trace is not None
        np.testing.assert_allclose(trace.held[0], trace.held[1], atol=1e-12)

    def test_columns(self) -> None:
        trace = run(20, trace=(7, 2)).trace
        assert trace is not None
        table = trace.columns()
        assert len(table["policy"]) == 3 * 2 * 41
        assert table["path"][:41].tolist() == [2] * 41
        assert table["step"][:41].tolist() == list(range(41))
        assert table["order"][0] == trace.ordered[0, 0, 0]
        assert "exposure" in str(trace)
        frame = pytest.importorskip("pandas") and trace.to_frame("pandas")
        assert list(frame.columns) == list(table)
        with pytest.raises(KeyError, match="path 3 is none of those followed: 2, 7"):
            trace.row(3)

    @pytest.mark.parametrize(
        ("trace", "error", "message"),
        [
            (21, ValueError, "trace = 21 must be from 0 to 20"),
            ((3, 20), ValueError, r"trace\[1\] = 20 must be from 0 to 19"),
            ((3, 1.5), TypeError, r"trace\[0\] must be a whole number"),
            ((3, 3), ValueError, "trace: path 3 stands twice"),
            (True, TypeError, "trace must be a whole number"),
        ],
    )
    def test_bad_paths(self, trace: Any, error: type[Exception], message: str) -> None:
        with pytest.raises(error, match=message):
            run(20, trace=trace)

    def test_memory(self) -> None:
        with pytest.raises(MemoryError, match="this machine has"):
            hg.simulate(
                CALL, hc.paths.GBM(vol=0.6), [hg.Clock()] * 1000, n_paths=2**20, steps=2**20, seed=1, trace=2**20
            )  # fmt: skip


@pytest.fixture(scope="module")
def swept() -> hg.Run:
    pytest.importorskip("plotly")
    families: dict[str, list[hg.Policy]] = {
        "clock": [hg.Clock(every=n) for n in (2, 4, 8)],
        "edge": [hg.DeltaBand(width=w) for w in (0.02, 0.06, 0.15)],
        "ww": [hg.WhalleyWilmott(risk_aversion=g) for g in (0.3, 1.0, 3.0, 9.0)],
    }
    return hg.sweep(
        CALL, hc.paths.GBM(vol=0.6), families, n_paths=400, steps=60, seed=2, trace=(5,),
        costs=hg.Costs(fee=5e-4, half_spread=1e-4, fixed=0.01, impact=0.01),
    )  # fmt: skip


class TestFigures:
    def test_frontier(self, swept: hg.Run) -> None:
        frontier = swept.frontier("es95")
        table = frontier.columns()
        figure = frontier.plot()
        assert [trace.name for trace in figure.data] == ["clock", "edge", "ww"]
        for axis, name in (("x", "cost"), ("y", "es95")):
            drawn = [value for trace in figure.data for value in trace[axis]]
            assert drawn == pytest.approx(table[name], rel=1e-5)
        errors = [e for trace in figure.data for e in trace.error_y.array]
        assert errors == pytest.approx(table["es95_error"], rel=1e-5)
        assert figure.layout.xaxis.type == "log"
        assert len(swept.plot().data) == 3

    def test_shared_costs_are_in_reach_of_all(self, swept: hg.Run) -> None:
        frontier = swept.frontier()
        costs = frontier.shared_costs(4)
        assert len(costs) == 4
        assert costs == sorted(costs)
        assert len(frontier.at(costs)["family"]) == 4 * 3
        one = hg.simulate(CALL, hc.paths.GBM(vol=0.6), hg.Clock(), n_paths=9, steps=5, seed=1)
        assert one.frontier().shared_costs() == []

    def test_histogram(self, swept: hg.Run) -> None:
        figure = swept.histogram(20).plot()
        assert len(figure.data) == 10
        for trace in figure.data:  # every bin is drawn by its two ends
            assert sum(trace.y[::2]) == pytest.approx(100)
        assert len(swept.plot("pnl").data) == 10

    def test_costs_by_kind_add_up(self, swept: hg.Run) -> None:
        parts = swept.costs_by_kind()
        np.testing.assert_allclose(sum(parts.values()), swept.mean("cost"), rtol=1e-12)
        figure = swept.plot("costs")
        assert [trace.name for trace in figure.data] == [
            label(name) for name, values in parts.items() if values.any()
        ]
        for k in range(10):
            total = sum(trace.y[k] for trace in figure.data)
            assert total == pytest.approx(swept.mean("cost")[k], rel=1e-4)

    def test_tails(self, swept: hg.Run) -> None:
        shortfall, _, worst = swept.plot("tails").data
        assert shortfall.y == pytest.approx(swept.columns()["es95"], rel=1e-5)
        assert worst.y == pytest.approx(-swept.pnl.min(axis=1), rel=1e-5)

    def test_trace(self, swept: hg.Run) -> None:
        trace = swept.trace
        assert trace is not None
        price, wanted, edge = trace.plot(5, ["edge #2"]).data
        assert edge.name == "edge #2"
        assert price.y == pytest.approx(trace.spot[0], rel=1e-5)
        assert wanted.y[:-1] == pytest.approx(-trace.delta[0, :-1], rel=1e-5)
        # the edge of the band is never further away than its width
        gap = np.abs(np.array(wanted.y[:-1], float) - np.array(edge.y[:-1], float))
        assert gap.max() < 0.06 + 1e-5
        with pytest.raises(KeyError, match="'no' is none of the policies"):
            trace.plot(5, ["no"])

    def test_of_many_policies_one_setting_of_each_family_is_shown(self) -> None:
        policies = {"a": [hg.Clock(every=k) for k in range(1, 11)], "b": [hg.DeltaBand(width=0.01 * k) for k in range(1, 11)]}  # fmt: skip
        result = hg.sweep(CALL, hc.paths.GBM(vol=0.6), policies, n_paths=50, steps=30, seed=1, costs=hg.Costs(fee=1e-3))  # fmt: skip
        assert len(chosen_rows(result)) == 2
        with pytest.raises(ValueError, match="what must be one of frontier, pnl, tails, costs"):
            result.plot("all")  # type: ignore[arg-type]
