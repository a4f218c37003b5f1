"""Policies that are Python functions, and orders whose latency is random: against the built-in laws and the slow definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg

CALL = hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1)
GBM = hc.paths.GBM(vol=0.6)


def run(policies: Any, n: int = 300, **arguments: Any) -> hg.Run:
    given = {"costs": hg.Costs(fee=5e-4), "seed": 9, "keep": hg.LEDGERS, **arguments}
    return hg.simulate(CALL, GBM, policies, n_paths=n, steps=50, **given)


def clock(s: hg.State) -> Any:
    return -(s.ordered + s.delta)


def band(s: hg.State) -> Any:
    x = s.ordered + s.delta
    return np.where(np.abs(x) > 0.05, np.clip(x, -0.05, 0.05) - x, 0.0)


def whalley_wilmott(s: hg.State) -> Any:
    width = (1.5 * 5e-4 * s.spot_gamma**2 / s.spot / 1.0) ** (1 / 3)
    x = s.ordered + s.delta
    return np.where(np.abs(x) > width, np.clip(x, -width, width) - x, 0.0)


@pytest.mark.parametrize("execution", [hg.Execution(), hg.Execution(latency=2)])
def test_a_function_is_as_good_as_a_law(execution: hg.Execution) -> None:
    pairs: dict[str, tuple[Any, hg.Policy]] = {
        "clock": (clock, hg.Clock(every=2)),
        "band": (band, hg.DeltaBand(width=0.05, every=2)),
        "ww": (whalley_wilmott, hg.WhalleyWilmott(risk_aversion=1.0, every=2)),
    }
    policies: dict[str, hg.Policy] = {}
    for name, (function, law) in pairs.items():
        policies[f"{name}, custom"] = hg.Custom(decide=function, every=2)
        policies[name] = law
    for threads in (1, 2):
        result = run(policies, n=1000, execution=execution, threads=threads)
        for k in range(0, len(policies), 2):
            for ledger in ("pnl", "cost", "exposure", "latency"):
                a, b = result.ledgers[ledger][k : k + 2]
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=ledger)


def test_restraints_apply_to_functions() -> None:
    restraints: dict[str, Any] = {"cool_down": 3, "blackout": 5, "least_trade": 0.01, "lot": 0.01}
    result = run([hg.Custom(decide=clock, **restraints), hg.Clock(**restraints)])
    np.testing.assert_allclose(result.pnl[0], result.pnl[1], rtol=1e-9, atol=1e-9)


def test_what_a_function_sees() -> None:
    seen: list[hg.State] = []

    def look(s: hg.State) -> None:
        assert not s.spot.flags.writeable
        assert not s.spot.flags.owndata  # a view
        seen.append(s)

    result = run(hg.Custom(decide=look), n=200, threads=1)
    assert (result.pnl[0] == result.unhedged).all()
    assert [s.step for s in seen] == [*range(50), *range(50)]
    assert {(s.first_path, len(s.spot)) for s in seen} == {(0, 128), (128, 72)}
    # the arrays outlive the simulation, with what was there last
    spot = hc.paths.simulate(GBM, n_paths=200, n_steps=50, horizon=0.1, seed=9).spot
    assert spot is not None
    assert seen[-1].spot == pytest.approx(spot[128:, -1], rel=1e-12)


def test_errors_of_functions() -> None:
    def fails(s: hg.State) -> None:
        raise RuntimeError(f"at step {s.step}")

    for threads in (1, 2):
        with pytest.raises(RuntimeError, match="at step 0"):
            run(hg.Custom(decide=fails), n=5000, threads=threads)
    with pytest.raises(ValueError, match=r"orders of shape \(128,\), not \(3,\)"):
        run(hg.Custom(decide=lambda s: np.zeros(3)))  # noqa: ARG005
    with pytest.raises(TypeError, match="an array of orders or None"):
        run(hg.Custom(decide=lambda s: "all"))  # type: ignore[arg-type, return-value]  # noqa: ARG005
    with pytest.raises(
        ValueError, match=r"policies\[0\]: the order of path 0 at step 0 is not finite"
    ):
        run(hg.Custom(decide=lambda s: s.spot * math.nan))
    with pytest.raises(TypeError, match="decide must be a function"):
        run(hg.Custom(decide=3))  # type: ignore[arg-type]


def test_random_latency_and_failures_path_by_path() -> None:
    """Latencies and failures are the documented numbers of the stream `execution`; everything else is the slow definition."""
    shares, failure, n, steps = [0.2, 0.5, 0.3], 0.3, 40, 50
    below = np.cumsum(shares)
    attempts = 20
    numbers = [
        hc.paths.uniforms(9, n, steps, stream=hc.paths.random.STREAMS["execution"] | k << 16)
        for k in range(2 * attempts)
    ]

    def arrival(path: int, step: int) -> tuple[int, int]:
        delay = 0
        for k in range(attempts):
            wait = int(np.searchsorted(below[:-1], numbers[2 * k][path, step]))
            delay += wait
            if numbers[2 * k + 1][path, step] >= failure:
                return step + delay, k + 1
            delay += wait == 0
        raise AssertionError("unlikely")

    execution = hg.Execution(latency=shares, failure=failure, first_at_once=False)
    result = run(
        {"clock": hg.Clock(), "band": hg.DeltaBand(width=0.05)},
        n=n,
        execution=execution,
        costs=hg.Costs(fee=1e-3, fixed=0.1),
    )
    spots = hc.paths.simulate(GBM, n_paths=n, n_steps=steps, horizon=0.1, seed=9, every=1).spot
    assert spots is not None
    case = slow.Case(
        [slow.Leg(1, 100.0, steps, 0.6, -1.0)], 0.1 / steps, k=1e-3, fixed=0.1, first_at_once=False
    )
    for j, policy in enumerate((slow.clock(), slow.band(0.05))):
        for path in range(n):
            case.arrival = lambda step, path=path: arrival(path, step)
            want = slow.simulate(case, spots[path].tolist(), policy, -result.premium)
            for ledger in ("pnl", "cost", "fixed", "turnover", "latency", "exposure", "failures"):
                assert result.ledgers[ledger][j, path] == pytest.approx(
                    want[ledger], rel=1e-9, abs=1e-9
                ), (j, path, ledger)
