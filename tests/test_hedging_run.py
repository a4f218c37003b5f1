"""Runs: order of events, restraints, same bits, statistics, frontiers, errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import hedging as hg
from levels import AVAILABLE, run_at

CALL = hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1)
GBM = hc.paths.GBM(vol=0.6)
MANY: dict[str, hg.Policy] = {
    "clock": hg.Clock(every=3),
    "edge": hg.DeltaBand(width=0.05),
    "ww": hg.WhalleyWilmott(risk_aversion=1.0),
    "zakamouline": hg.Zakamouline(risk_aversion=1.0),
    "both": hg.FixedAndProportional(risk_aversion=1.0, fixed_cost=0.01),
    "move": hg.PriceMove(threshold=0.03),
    "leland": hg.Leland(every=2),
    "realised": hg.RealisedVolBand(width=0.05, half_life=20),
    "restrained": hg.Clock(
        cool_down=3, blackout=5, least_trade=0.01, lot=0.01, least_move=0.01, move_window=4
    ),
}


def run(policies: Any = None, n: int = 300, steps: int = 50, **arguments: Any) -> hg.Run:
    given = {"costs": hg.Costs(fee=5e-4), "seed": 9, "keep": hg.LEDGERS, **arguments}
    return hg.simulate(
        CALL, given.pop("paths", GBM), policies or MANY, n_paths=n, steps=steps, **given
    )


def on(spots: Any, policies: Any, **arguments: Any) -> hg.Run:
    spots = np.atleast_2d(np.asarray(spots, float))
    return run(
        policies, len(spots), spots.shape[1] - 1, paths=hc.paths.Given(spots, vol=0.6), **arguments
    )


EXECUTIONS = [
    hg.Execution(),
    hg.Execution(latency=2),
    hg.Execution(latency=hg.geometric(2.5, 1), failure=0.3, first_at_once=False),
]


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_same_bits_for_threads_and_shards(execution: hg.Execution) -> None:
    whole = run(n=1000, execution=execution, threads=1)
    two = run(n=1000, execution=execution, threads=2)
    for ledger in hg.LEDGERS:
        assert (whole.ledgers[ledger] == two.ledgers[ledger]).all()
    assert (whole.sums == two.sums).all()
    for first, n in ((0, 100), (100, 7), (107, 893)):
        shard = run(n=n, first_path=first, execution=execution)
        assert (shard.pnl == whole.pnl[:, first : first + n]).all()
        assert (shard.unhedged == whole.unhedged[first : first + n]).all()
    # a policy does not depend on the others
    alone = run({"ww": MANY["ww"]}, n=1000, execution=execution)
    assert (alone.pnl[0] == whole.pnl[whole.index("ww")]).all()


CODE = """
from hedgecore import hedging as hg
run = hg.simulate(
    [hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1), hg.Option(kind="put", strike=90, expiry=0.05, vol=0.7, quantity=2)],
    hc.paths.GBM(vol=0.6),
    [hg.Clock(), hg.WhalleyWilmott(risk_aversion=1.0), hg.Zakamouline(risk_aversion=1.0), hg.PriceMove(threshold=0.03),
     hg.FixedAndProportional(risk_aversion=1.0, fixed_cost=0.01), hg.RealisedVolBand(width=0.05, half_life=9)],
    n_paths=200, steps=40, seed=1, costs=hg.Costs(fee=1e-3), execution=hg.Execution(latency=1),
)
result["pnl"] = run.pnl
"""


def test_levels_agree() -> None:
    pnl = {level: run_at(level, CODE)["pnl"] for level in AVAILABLE}
    first = pnl.pop(next(iter(pnl)))
    for level, other in pnl.items():
        # decisions at a bound may fall otherwise where a rounding differs: few paths
        close = np.isclose(other, first, rtol=1e-9, atol=1e-9)
        assert close.mean() > 0.999, level


def test_no_decision_sees_the_future() -> None:
    """Two paths that agree until step 30 and then part: what is traded until then is the same, and nothing is earned of the spike
    but by what was held before it."""
    rng = np.random.default_rng(1)
    calm = 100 * np.exp(np.cumsum(np.r_[0, rng.normal(0, 0.01, 50)]))
    spike = calm.copy()
    spike[31:] *= 1.5
    for execution in (hg.Execution(), hg.Execution(latency=3)):
        # the trades of steps 0 to 30 alone: nothing is done after a cool-down that outlasts the path
        for policy in MANY.values():
            cut = [path[:32] for path in (calm, spike)]
            option = hg.Option(strike=100, expiry=0.1 * 31 / 50, vol=0.6, quantity=-1)
            result = hg.simulate(
                option, hc.paths.Given(np.array(cut), vol=0.6), {"p": policy}, n_paths=2, steps=31, seed=0, keep=hg.LEDGERS,
                costs=hg.Costs(fee=5e-4, close=False), execution=execution,
            )  # fmt: skip
            for ledger in ("turnover", "trades", "exposure", "latency", "cost"):
                a, b = result.ledgers[ledger][0]
                assert a == b, (policy, ledger)
            held = (result.pnl[0, 1] - result.pnl[0, 0]) - (result.unhedged[1] - result.unhedged[0])
            delta = held / (spike[31] - calm[31])
            assert abs(delta) < 1.6


def test_fills_have_the_price_after_the_latency() -> None:
    """A clock of one trade: bought at the price two steps on, and the difference is the latency line."""
    spots = [100.0, 101.0, 102.0, 107.0, 104.0, 105.0]
    policy = hg.Clock(every=100)
    result = on(
        spots,
        {"p": policy},
        execution=hg.Execution(latency=2, first_at_once=False),
        costs=hg.Costs(),
    )
    now = on(spots, {"p": policy}, costs=hg.Costs())
    delta = now.ledgers["turnover"][0, 0] and (now.pnl[0, 0] - now.unhedged[0]) / (105 - 100)
    assert 0.5 < delta < 0.6
    assert result.pnl[0, 0] - result.unhedged[0] == pytest.approx(delta * (105 - 102), rel=1e-12)
    assert result.ledgers["latency"][0, 0] == pytest.approx(delta * (102 - 100), rel=1e-12)
    # what is in flight at the end lapses
    late = on(spots, {"p": policy}, execution=hg.Execution(latency=5, first_at_once=False))
    assert late.ledgers["trades"][0, 0] == 0
    assert late.pnl[0, 0] == late.unhedged[0]


def test_restraints() -> None:
    flat = [
        100.0
    ] * 41  # the delta of an option at the money moves with time: a clock always trades
    for policy, trades in (
        (hg.Clock(), 40),
        (hg.Clock(cool_down=3), 10),
        (hg.Clock(blackout=10), 30),
        (hg.Clock(every=8), 5),
    ):
        result = on(flat, {"p": policy}, costs=hg.Costs(close=False))
        assert result.ledgers["trades"][0, 0] == trades
    lots = on(flat, {"p": hg.Clock(lot=0.25)}, costs=hg.Costs(close=False))
    assert lots.mean("turnover")[0] == pytest.approx(50)  # a delta of 0.5 and little more
    assert lots.mean("trades")[0] == 1
    small = run({"p": hg.Clock(least_trade=0.05)}, n=50, steps=40)
    assert (small.ledgers["trades"] < 41).all()
    # it trades where the price moved by 2 % in two steps, and at the start
    spots = [100, 101, 102.5, 102.6, 102.7, 99, 99, 99, 99]
    moved = on(spots, {"p": hg.Clock(least_move=0.02, move_window=2)}, costs=hg.Costs(close=False))
    assert moved.ledgers["trades"][0, 0] == 1 + 3  # steps 2, 5, 6
    aim, plain = (
        on(flat, {"p": policy}, costs=hg.Costs(close=False))
        for policy in (hg.Clock(target=0.2), hg.Clock())
    )
    assert aim.mean("turnover")[0] - plain.mean("turnover")[0] == pytest.approx(20)
    assert aim.mean("exposure")[0] == pytest.approx(0, abs=1e-12)


def test_vols_of_the_model() -> None:
    """Under Heston with the model's vol: the hedge at the path's own vol, against the same at given paths of that vol."""
    heston = hc.paths.Heston(v0=0.36, kappa=2, theta=0.36, xi=1e-3, rho=0.0)
    option = hg.Option(strike=100, expiry=0.1, quantity=-1)
    own = hg.simulate(option, heston, MANY, n_paths=200, steps=50, seed=3, costs=hg.Costs(fee=5e-4))
    fixed = hg.simulate(CALL, heston, MANY, n_paths=200, steps=50, seed=3, costs=hg.Costs(fee=5e-4))
    assert own.premium == pytest.approx(fixed.premium, rel=1e-12)
    calm = [name for name in MANY if name in ("clock", "leland", "zakamouline")]
    for name in calm:
        k = own.index(name)
        assert np.median(np.abs(own.pnl[k] - fixed.pnl[k])) < 2e-3
    wild = hc.paths.Heston(v0=0.36, kappa=2, theta=0.36, xi=1.2, rho=-0.3)
    a = hg.simulate(option, wild, hg.Clock(), n_paths=2000, steps=50, seed=3)
    b = hg.simulate(CALL, wild, hg.Clock(), n_paths=2000, steps=50, seed=3)
    assert not np.allclose(a.pnl, b.pnl)


def test_levels_as_funding_and_gas() -> None:
    flat = {
        "rate": hc.paths.MeanReverting(mean=1e-4, reversion=1.0, vol=0.0),
        "gas": hc.paths.MeanReverting(mean=2.0, reversion=1.0, vol=0.0),
    }
    a = run(instrument=hg.Perpetual(funding=3 * 365.0, funding_level="rate"), levels=flat, costs=hg.Costs(fixed=0.5, fixed_level="gas"),
            policies={"p": hg.Clock()})  # fmt: skip
    b = run(
        instrument=hg.Perpetual(funding=0.1095),
        costs=hg.Costs(fixed=1.0),
        policies={"p": hg.Clock()},
    )
    np.testing.assert_allclose(a.pnl, b.pnl, rtol=1e-12)
    assert a.mean("fixed")[0] == pytest.approx(a.mean("trades")[0], rel=1e-12)


def test_scorecard() -> None:
    result = run({"none": hg.NoHedge(), "clock": hg.Clock()}, n=4000)
    c = result.columns()
    assert (result.pnl[0] == result.unhedged).all()
    assert c["trades"][0] == 0
    assert c["effectiveness"][0] == pytest.approx(0.0, abs=1e-12)
    assert c["effectiveness"][1] > 0.95
    for k in range(2):
        pnl = result.pnl[k]
        assert c["mean"][k] == pytest.approx(pnl.mean())
        assert c["std"][k] == pytest.approx(pnl.std(ddof=1))
        assert c["es95"][k] == pytest.approx(-np.sort(pnl)[:200].mean())
        assert c["es99"][k] == pytest.approx(-np.sort(pnl)[:40].mean())
        assert c["worst"][k] == pnl[c["worst_path"][k]] == pnl.min()
        assert c["q05"][k] == np.quantile(pnl, 0.05)
    assert c["cost"] == pytest.approx(c["fee"] + c["spread"] + c["fixed"] + c["impact"])
    assert "clock" in result.summary()
    frame = result.to_frame("pandas") if _has("pandas") else None
    assert frame is None or list(frame.columns) == list(c)
    difference = result.difference("clock", "none")
    assert difference["std"][0] == pytest.approx(result.pnl[1].std() - result.pnl[0].std())
    with pytest.raises(KeyError, match="'cheap' is none of the policies"):
        result.index("cheap")


def _has(name: str) -> bool:
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def test_errors_of_tail_means() -> None:
    """The formula's standard error is the spread of the estimator: n = 2000, level .95."""
    rng = np.random.default_rng(5)
    draws = [hg.expected_shortfall(rng.standard_normal(2000), 0.95) for _ in range(1500)]
    estimates, errors = np.array(draws).T
    assert estimates.mean() == pytest.approx(2.0627, abs=0.01)  # n(1.6449) / 0.05
    assert errors.mean() == pytest.approx(0.0551, abs=0.001)
    assert errors.mean() == pytest.approx(estimates.std(), rel=0.06)
    # a fraction of a path on the boundary
    assert hg.expected_shortfall(np.array([-4.0, -2.0, -1.0, 0.0]), 0.6)[0] == pytest.approx(
        (4 + 0.6 * 2) / 1.6
    )


def test_frontier_errors_are_those_of_repetition() -> None:
    """Standard errors of a ratio at equal cost, against its spread over seeds."""
    families: Any = {
        "edge": [hg.DeltaBand(width=x) for x in (0.03, 0.06, 0.1)],
        "clock": [hg.Clock(every=n) for n in (2, 4, 8, 16)],
    }
    found = []
    for seed in range(60):
        result = hg.sweep(
            CALL, GBM, families, n_paths=400, steps=100, seed=seed, costs=hg.Costs(fee=5e-4)
        )
        at = result.frontier().at(0.11)
        assert at["family"].tolist() == ["edge", "clock"]
        found.append((at["risk"][0], at["risk_error"][0], at["ratio"][1], at["ratio_error"][1]))
    risk, risk_error, ratio, ratio_error = np.array(found).T
    # a std from 60 repetitions has an error of 9 %
    assert risk_error.mean() / risk.std() == pytest.approx(1, abs=0.3)
    assert ratio_error.mean() / ratio.std() == pytest.approx(1, abs=0.3)
    frontier = result.frontier("es95")
    assert frontier.point("edge", 100.0) is None
    assert "edge" in str(frontier)
    assert len(frontier.columns()["policy"]) == 7
    with pytest.raises(ValueError, match="by must be one of std, es95, es99, not 'var'"):
        result.frontier("var")  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="'band' is none of the families edge, clock"):
        result.frontier(families=["band"])


def test_risk_aversion_from_a_target() -> None:
    arguments: Any = {"n_paths": 1000, "steps": 100, "seed": 1, "costs": hg.Costs(fee=5e-4)}
    cost = hg.solve_risk_aversion(
        CALL, GBM, hg.WhalleyWilmott(risk_aversion=1.0), cost=0.15, **arguments
    )
    assert hg.simulate(CALL, GBM, cost, **arguments).mean("cost")[0] == pytest.approx(
        0.15, rel=1e-3
    )
    std = hg.solve_risk_aversion(CALL, GBM, hg.Zakamouline(risk_aversion=1.0), std=0.9, **arguments)
    assert hg.simulate(CALL, GBM, std, **arguments).pnl.std(ddof=1) == pytest.approx(0.9, rel=1e-3)
    with pytest.raises(ValueError, match=r"cost = 50\.0 is out of reach"):
        hg.solve_risk_aversion(
            CALL, GBM, hg.WhalleyWilmott(risk_aversion=1.0), cost=50.0, **arguments
        )
    with pytest.raises(ValueError, match="either cost or std"):
        hg.solve_risk_aversion(CALL, GBM, hg.WhalleyWilmott(risk_aversion=1.0), **arguments)


def test_latency_laws() -> None:
    shares = np.array(hg.geometric(3.0, 1))
    assert shares.sum() == pytest.approx(1)
    assert (shares * np.arange(len(shares))).sum() == pytest.approx(3.0)
    shares = np.array(hg.exponential(12.0, 4.0, 2.0))
    assert shares.sum() == pytest.approx(1)
    assert shares[0] == 0
    assert shares[1] == pytest.approx(1 - math.exp(-2 / 12))


def test_progress_is_reported() -> None:
    seen: list[tuple[int, int]] = []
    run(progress=lambda done, of: seen.append((done, of)))
    assert seen[-1] == (300, 300)


def test_an_error_of_the_progress_stops_the_run() -> None:
    def stop(*_: int) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        run(n=50_000, steps=500, keep=(), progress=stop)


BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"policies": hg.DeltaBand(width=-0.1)},
        ValueError,
        r"policies\['DeltaBand edge'\]: width = -0.1 must be zero or positive",
    ),
    (
        {"policies": hg.DeltaBand(width=0.1, to="corner")},
        ValueError,
        "to = 'corner' must be 'edge', 'middle'",
    ),  # type: ignore[arg-type]
    ({"policies": []}, ValueError, "there are none"),
    ({"policies": ["clock"]}, TypeError, r"policies\[0\] must be a policy, not 'clock'"),
    ({"policies": {"a": 1}}, TypeError, r"policies\['a'\] must be a policy"),
    ({"policies": hg.Clock(every=0)}, ValueError, "every = 0 must be from 1"),
    (
        {"policies": hg.AutoHedger(up=0.1, ratio=2.0)},
        ValueError,
        "ratio = 2.0 must be above 0 and at most 1.5",
    ),
    (
        {"policies": hg.WhalleyWilmott(risk_aversion=0.0)},
        ValueError,
        r"policies\[0\]: risk_aversion = 0 must be positive",
    ),
    (
        {"policies": hg.Clock(lot=-1.0)},
        ValueError,
        r"policies\[0\]: lot = -1 must be zero or positive",
    ),
    (
        {"policies": hg.Clock(target=math.nan)},
        ValueError,
        r"policies\[0\]: target = nan must be finite",
    ),
    ({"steps": 0}, ValueError, "steps = 0 must be from 1"),
    ({"n_paths": 0}, ValueError, "n_paths = 0 must be from 1"),
    ({"seed": -1}, ValueError, "seed = -1"),
    ({"numeraire": "eur"}, ValueError, "numeraire must be 'quote' or 'coin', not 'eur'"),
    (
        {"numeraire": "coin", "rate": 0.1},
        ValueError,
        "rate = 0.1 must be 0 where amounts are coins",
    ),
    ({"keep": ["gamma"]}, ValueError, "keep: 'gamma' is none of pnl, cost"),
    ({"execution": hg.Execution(latency=-1)}, ValueError, "latency = -1 must be zero or positive"),
    (
        {"execution": hg.Execution(latency=[0.5, 0.4])},
        ValueError,
        "the sum of latency = 0.9 must be 1",
    ),
    (
        {"execution": hg.Execution(failure=1.0)},
        ValueError,
        "failure = 1.0 must be from 0 to below 1",
    ),
    (
        {"instrument": hg.Perpetual(funding_level="rate")},
        ValueError,
        "funding_level: 'rate' is no level of the paths",
    ),
    (
        {"instrument": hg.Future(maturity=0.05)},
        ValueError,
        "maturity = 0.05 must be at the last expiry or later",
    ),
    (
        {"costs": hg.Costs(fixed_level="gas", fixed=1.0)},
        ValueError,
        "fixed_level: 'gas' is no level",
    ),
    (
        {
            "paths": hc.paths.Given(np.full((10, 6), 100.0), levels={"gas": np.full((10, 6), -1.0)}),
            "costs": hg.Costs(fixed_level="gas", fixed=1.0),
        },
        ValueError,
        "fixed_level: the level 'gas' has -1.0, a cost must be zero or positive",
    ),
    (
        {
            "levels": {"gas": hc.paths.MeanReverting(mean=1.0, reversion=50.0, vol=9.0)},
            "costs": hg.Costs(fixed_level="gas", fixed=1.0),
        },
        ValueError,
        "fixed_level: low = -inf of the level 'gas' must be zero or positive",
    ),
    ({"paths": "GBM"}, TypeError, "model must be one of hedgecore.paths"),
    ({"paths": hc.paths.GBM(vol=-0.5)}, ValueError, "vol = -0.5 must be zero or positive"),
    ({"n_paths": 2**39, "threads": 1}, MemoryError, "this machine has"),
    ({"steps": 2**32}, MemoryError, "have fewer policies or steps"),
    ({"policies": 3}, TypeError, "policies must be a policy, several, or names to them, not 3"),
    ({"policies": hg.DeltaBand(width="wide")}, TypeError, r"width must be a number, not 'wide'"),  # type: ignore[arg-type]
    ({"policies": hg.Clock(target=None)}, TypeError, "target must be a number, not None"),  # type: ignore[arg-type]
    ({"instrument": "perpetual"}, TypeError, r"instrument must be Spot\(...\) or .*, not 'perpetual'"),
    ({"costs": 1e-3}, TypeError, r"costs must be Costs\(...\), not 0.001"),
    ({"execution": "fast"}, TypeError, r"execution must be Execution\(...\), not 'fast'"),
    ({"stress": 3}, TypeError, r"stress must be Replays\(...\), not 3"),
    ({"execution": hg.Execution(latency=10**9)}, ValueError, "latency = 1000000000 must be zero or positive, and at most 1,048,576"),
    ({"execution": hg.Execution(blocks=3)}, TypeError, r"blocks must be Blocks\(...\), not 3"),  # type: ignore[arg-type]
    ({"execution": hg.Execution(outages=hg.KeeperDown(windows=[(1, 2)]))}, TypeError, "outages must be several"),  # type: ignore[arg-type]
    ({"policies": hg.Clock(hedge_ratio=hg.MinimumVariance(call=1, put=2))}, ValueError, "call = 1 must be three finite"),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("changes", "error", "message"), BAD)
def test_bad_input(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    arguments: dict[str, Any] = {
        "paths": GBM,
        "policies": hg.Clock(),
        "n_paths": 10,
        "steps": 5,
        "seed": 1,
        **changes,
    }
    with pytest.raises(error, match=message):
        hg.simulate(CALL, arguments.pop("paths"), arguments.pop("policies"), **arguments)


def test_bad_positions_and_paths() -> None:
    def simulate(position: Any, paths: Any = GBM, n: int = 2, steps: int = 5) -> None:
        hg.simulate(position, paths, hg.Clock(), n_paths=n, steps=steps, seed=1)

    for name, value in (
        ("vol", -0.6),
        ("vol", math.nan),
        ("strike", 0.0),
        ("expiry", -1.0),
        ("quantity", math.inf),
    ):
        with pytest.raises(ValueError, match=f"{name} = {value}"):
            hg.Option(**{"strike": 100.0, "expiry": 0.1, "vol": 0.6, name: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="kind = 'straddle'"):
        hg.Option(kind="straddle", strike=100, expiry=0.1)
    with pytest.raises(ValueError, match=r"fee = -0\.1 must be zero or positive"):
        hg.Costs(fee=-0.1)
    for text in ("0.6", [0.6]):
        with pytest.raises(TypeError, match=r"vol must be a number, not"):
            hg.Option(strike=100, expiry=0.1, vol=text)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="fee must be a number, not '5 bp'"):
        hg.Costs(fee="5 bp")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"windows\[0\] must be a pair of steps, not 3"):
        hg.KeeperDown(windows=[3, 5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="position must be an Option, several, or a Strip, not 3"):
        simulate(3)
    with pytest.raises(TypeError, match="options must be several"):
        hg.Strip(options=CALL)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="position has no options"):
        simulate([])
    with pytest.raises(TypeError, match=r"position\[1\] must be an Option, not 3"):
        simulate([CALL, 3])
    with pytest.raises(
        ValueError, match=r"position\[1\]: expiry = 0.05 does not fall on one of 5 steps"
    ):
        simulate([CALL, hg.Option(strike=90, expiry=0.05, vol=0.5)])
    with pytest.raises(ValueError, match="either all are given or none"):
        simulate([CALL, hg.Option(strike=90, expiry=0.1)])
    with pytest.raises(
        ValueError, match=r"position\[1\] is inverse, position\[0\] is linear: say the numeraire"
    ):
        simulate([CALL, hg.Option(strike=90, expiry=0.1, vol=0.5, settlement="inverse")])
    spots = np.full((2, 6), 100.0)
    spots[1, 3] = math.nan
    with pytest.raises(ValueError, match="path 1, time 3: nan must be positive and finite"):
        simulate(CALL, hc.paths.Given(spots))
    with pytest.raises(ValueError, match="steps = 9 needs 10 times, but the given paths have 6"):
        simulate(CALL, hc.paths.Given(np.full((2, 6), 100.0)), steps=9)
    with pytest.raises(ValueError, match="there are 2 given paths"):
        simulate(CALL, hc.paths.Given(np.full((2, 6), 100.0)), n=3)
    with pytest.raises(ValueError, match="must be of shape"):
        simulate(CALL, hc.paths.Given(np.full(6, 100.0)))
    with pytest.raises(
        ValueError, match=r"must start at one price: path 0 at 100\.0, path 1 at 50\.0"
    ):
        simulate(CALL, hc.paths.Given(np.array([[100.0] * 6, [50.0] * 6])))
    with pytest.raises(ValueError, match="vol of the options must be given"):
        simulate(hg.Option(strike=100, expiry=0.1), hc.paths.Given(np.full((2, 6), 100.0)))
    with pytest.raises(ValueError, match="all held or all sold"):
        hg.simulate(
            [CALL, hg.Option(strike=90, expiry=0.1, vol=0.5)],
            GBM,
            hg.Leland(),
            n_paths=2,
            steps=5,
            seed=1,
        )
