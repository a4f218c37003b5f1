"""Execution against the slow definition, path by path: polling, blocks, settlement, outages, leakage; fees by schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg
from hedgecore.paths.random import STREAMS
from test_hedging import POLICIES, SEED, STEPS, STRIP, H, compare, leg, spots

N = 24
CHOSEN = {name: POLICIES[name] for name in ("none", "clock", "edge", "move", "whalley-wilmott")}
CASE = slow.Case([leg(o) for o in STRIP], H, k=1e-3, spread=4e-4, fixed=0.03, impact=0.01)
COSTS = hg.Costs(fee=6e-4, half_spread=4e-4, fixed=0.03, impact=0.01)


def numbers(kind: str, index: int, n: int = N) -> Any:
    return hc.paths.uniforms(SEED, n, STEPS + 1, stream=STREAMS[kind] | index << 16)


def compare_paths(
    execution: hg.Execution, case_of: Callable[[int], slow.Case], paths: Any = None, **more: Any
) -> hg.Run:
    """As `compare`, where each path has a case of its own."""
    law = lambda: slow.whalley_wilmott(0.3, 2e-3, case_of(0).rate)
    chosen = {**CHOSEN, "whalley-wilmott": (CHOSEN["whalley-wilmott"][0], law)}
    return compare(case_of, chosen, STRIP, paths or spots(), execution=execution, **{"costs": COSTS, **more})  # fmt: skip


@pytest.mark.parametrize("first_at_once", [True, False])
def test_polling(first_at_once: bool) -> None:
    case = replace(CASE, polled=lambda t: t % 5 == 3, first_at_once=first_at_once, latency=2)
    chosen = {name: CHOSEN[name] for name in ("none", "clock", "edge", "move")}
    run = compare(
        case, chosen, STRIP, spots(), costs=COSTS,
        execution=hg.Execution(poll=5, poll_phase=3, latency=2, first_at_once=first_at_once),
    )  # fmt: skip
    # 12 polls, of which the last is at 58 and filled at the end, where it lapses; the close
    assert (run.ledgers["trades"][1] == 11 + 1 + first_at_once).all()


@pytest.mark.parametrize(("latency", "block", "phase"), [(0, 1, 0), (0, 4, 0), (3, 4, 1), (2, 7, 6)])  # fmt: skip
def test_blocks(latency: int, block: int, phase: int) -> None:
    case = replace(CASE, latency=latency, block=block, block_phase=phase)
    compare_paths(
        hg.Execution(latency=latency, blocks=hg.Blocks(every=block, phase=phase), leakage=True),
        lambda _: case,
    )


def arrival_of(
    latency: list[float], block: int, phase: int, inclusion: list[float], failure: float
) -> Callable[[int], Callable[[int], tuple[int, int]]]:
    """When an order of a step of a path arrives, by the documented numbers."""
    waits = [numbers("execution", 2 * k) for k in range(12)]
    fails = [numbers("execution", 2 * k + 1) for k in range(12)]
    more = [numbers("inclusion", k) for k in range(12)]
    case = replace(CASE, block=block, block_phase=phase)

    def of_path(path: int) -> Callable[[int], tuple[int, int]]:
        def arrival(step: int) -> tuple[int, int]:
            time = step
            for k in range(12):
                before = time
                time += int(np.searchsorted(np.cumsum(latency)[:-1], waits[k][path, step]))
                if block:
                    time = slow.next_block(case, time)
                    time += block * int(
                        np.searchsorted(np.cumsum(inclusion)[:-1], more[k][path, step])
                    )
                if fails[k][path, step] >= failure:
                    return time, k + 1
                time += time == before
            raise AssertionError("unlikely")

        return arrival

    return of_path


@pytest.mark.parametrize("settlement", [None, hg.Settlement(every=4)])
def test_random_inclusion_and_failures(settlement: hg.Settlement | None) -> None:
    latency, inclusion, failure = [0.5, 0.3, 0.2], [0.6, 0.3, 0.1], 0.2
    arrival = arrival_of(latency, 3, 1, inclusion, failure)
    every = settlement.every if settlement and settlement.every else 0
    run = compare_paths(
        hg.Execution(
            latency=latency, blocks=hg.Blocks(every=3, phase=1, inclusion=inclusion), failure=failure, settlement=settlement,
            leakage=True, first_at_once=False,
        ),
        lambda i: replace(CASE, arrival=arrival(i), settle_every=every, first_at_once=False),
    )  # fmt: skip
    assert run.mean("failures")[1] > 1


@pytest.mark.parametrize("latency", [0, 2])
@pytest.mark.parametrize(("every", "size"), [(6, None), (None, 0.3), (10, 0.3), (1, None)])
def test_settlement(every: int | None, size: float | None, latency: int) -> None:
    case = replace(
        CASE, settle_every=every or 0, settle_size=size or math.inf, latency=latency, fixed=0.5
    )
    run = compare_paths(
        hg.Execution(
            settlement=hg.Settlement(every=every, size=size), latency=latency, leakage=True
        ),
        lambda _: case,
        costs=replace(COSTS, fixed=0.5),
    )
    now = hg.simulate(
        STRIP, hc.paths.Given(spots().spot, vol=0.6), hg.Clock(), n_paths=N, steps=STEPS, seed=SEED, keep=("trades", "fixed"),
        costs=COSTS,
    )  # fmt: skip
    clock = run.index("clock")
    assert run.ledgers["fixed"][clock] == pytest.approx(0.5 * run.ledgers["trades"][clock])
    if every == 6 and latency == 0:  # 9 windows after the first trade, and the close
        assert (run.ledgers["trades"][clock] == 11).all()
    if every == 1 and latency == 0:
        assert (run.ledgers["trades"][clock] == now.ledgers["trades"][0]).all()


def test_settling_every_step_is_settling_nothing() -> None:
    """A window of one step without latency: the same ledgers as orders that are filled at once."""
    paths = hc.paths.Given(spots().spot, vol=0.6)
    arguments: Any = {"n_paths": N, "steps": STEPS, "seed": 1, "keep": hg.LEDGERS, "costs": COSTS}
    policies = {name: policy for name, (policy, _) in CHOSEN.items()}
    plain = hg.simulate(STRIP, paths, policies, **arguments)
    every = hg.Execution(settlement=hg.Settlement(every=1))
    settled = hg.simulate(STRIP, paths, policies, execution=every, **arguments)
    for ledger in hg.LEDGERS:
        np.testing.assert_allclose(settled.ledgers[ledger], plain.ledgers[ledger], rtol=1e-12, atol=1e-12)  # fmt: skip


OUTAGES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "keeper": ([hg.KeeperDown(rate=40, duration=5 * H)], {}),
    "keeper window": ([hg.KeeperDown(windows=[(5, 20), (30, 31)])], {"latency": 2}),
    "chain": ([hg.ChainHalt(rate=60, duration=4 * H)], {}),
    "chain and latency": ([hg.ChainHalt(rate=60, duration=4 * H)], {"latency": 3}),
    "chain with moves": ([hg.ChainHalt(move=0.06, duration=3 * H)], {"latency": 1}),
    "chain window": ([hg.ChainHalt(windows=[(0, 9), (40, 60)])], {"latency": 1}),
    "both, settled": (
        [hg.KeeperDown(rate=30, duration=4 * H), hg.ChainHalt(rate=30, duration=4 * H), hg.KeeperDown(move=0.05, duration=H)],
        {"settle": 4},
    ),
    "depeg": ([hg.Depeg(rate=40, duration=8 * H, discount=0.1, cost=0.02)], {}),
    "depeg at the end": ([hg.Depeg(windows=[(50, 61)], discount=0.05, cost=0.01)], {"latency": 1}),
}  # fmt: skip


@pytest.mark.parametrize("instrument", ["spot", "linear"])
@pytest.mark.parametrize("what", OUTAGES)
def test_outages(what: str, instrument: str) -> None:
    outages, settings_ = OUTAGES[what]
    paths = spots()
    streams = [numbers("outage", e) for e in range(len(outages))]
    shares: dict[str, dict[int, float]] = {}

    def case_of(i: int) -> slow.Case:
        path = paths.spot[i].tolist()
        down: dict[str, list[bool]] = {}
        for e, o in enumerate(outages):
            on = slow.events(
                streams[e][i].tolist(), path, H, o.rate, o.duration, o.move, list(o.windows)
            )
            down[o.kind] = [
                a or b for a, b in zip(on, down.get(o.kind, [False] * len(on)), strict=True)
            ]
        for kind, on in down.items():
            shares.setdefault(kind, {})[i] = sum(on[:-1]) / STEPS
        return replace(
            CASE, down=down, latency=settings_.get("latency", 0), settle_every=settings_.get("settle", 0),
            discount=getattr(outages[0], "discount", 0.0), depeg_cost=getattr(outages[0], "cost", 0.0),
            instrument=instrument, funding=0.2 if instrument == "linear" else 0.0, rate=0.05,
        )  # fmt: skip

    settle = settings_.get("settle")
    run = compare_paths(
        hg.Execution(
            outages=outages, latency=settings_.get("latency", 0), leakage="chain" in what,
            settlement=hg.Settlement(every=settle) if settle else None,
        ),
        case_of,
        paths,
        instrument=hg.Spot() if instrument == "spot" else hg.Perpetual(funding=0.2),
    )  # fmt: skip
    assert set(run.outages) == {o.kind for o in outages}
    for kind, share in run.outages.items():
        assert share == pytest.approx([shares[kind][i] for i in range(N)], rel=1e-12)
        assert 0 < share.mean() < 1
    assert run.pnl[0] == pytest.approx(run.unhedged, rel=1e-12)


def test_time_in_outages() -> None:
    """Events by chance: P(none at t) is the product over starts of 1 - p P(longer than t - s), exactly, and in the limit exp(-rate
    duration)."""
    steps, n = 400, 4000
    h, rate, duration = 0.1 / steps, 200.0, 0.002
    run = hg.simulate(
        hg.Option(strike=100, expiry=0.1, vol=0.6), hc.paths.GBM(vol=0.6), hg.NoHedge(), n_paths=n, steps=steps, seed=2,
        execution=hg.Execution(outages=[hg.KeeperDown(rate=rate, duration=duration)]),
    )  # fmt: skip
    p = 1 - math.exp(-rate * h)
    none, free = [1.0], 1.0
    for step in range(1, steps):
        free *= 1 - p * math.exp(-(step - 1) * h / duration)
        none.append(free)
    share = run.outages["keeper"]
    error = share.std() / math.sqrt(n)
    assert share.mean() == pytest.approx(1 - np.mean(none), abs=4.5 * error)
    assert 1 - none[-1] == pytest.approx(1 - math.exp(-rate * duration), rel=0.06)


def test_a_depeg_by_hand() -> None:
    """One coin bought off the peg and sold at par: the account loses what the stablecoins were worth less; the trade off the peg pays the
    added share, and a discount that lasts takes its share of all that there is."""
    flat = np.full((1, 4), 100.0)
    buy = hg.Custom(decide=lambda s: np.where(s.held == 0, 1.0, 0.0) if s.step == 1 else None)

    def pnl(windows: Any) -> Any:
        return hg.simulate(
            hg.Option(strike=1e-3, expiry=0.1, vol=0.6, quantity=0.0), hc.paths.Given(flat, vol=0.6), buy, n_paths=1, steps=3, seed=0,
            keep=hg.LEDGERS,
            execution=hg.Execution(outages=[hg.Depeg(windows=windows, discount=0.2, cost=0.01)]),
        )  # fmt: skip

    short = pnl([(1, 2)])
    assert short.pnl[0, 0] == pytest.approx(100 - 125 - 1.25)
    assert short.ledgers["outage"][0, 0] == pytest.approx(1.25)
    # bought at par, sold off the peg for 125 stablecoins, each worth 0.8
    lasting = pnl([(2, 4)])
    assert lasting.pnl[0, 0] == pytest.approx(0.8 * (125 - 100 - 1.25))
    assert lasting.ledgers["peg"][0, 0] == pytest.approx(0.2 * (125 - 100 - 1.25))


def test_leakage_by_hand() -> None:
    path = [100.0, 101.0, 104.0, 103.0, 103.0]
    option = hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1)
    run = hg.simulate(
        option, hc.paths.Given(np.array([path]), vol=0.6), hg.Clock(every=100), n_paths=1, steps=4, seed=0, keep=hg.LEDGERS,
        execution=hg.Execution(latency=2, first_at_once=False, leakage=True),
    )  # fmt: skip
    at = [
        hc.greeks("call", strike=100, expiry=0.1 * (4 - t) / 4, vol=0.6, spot=path[t])
        for t in (0, 2)
    ]
    gamma = -float(at[0].gamma)
    assert run.ledgers["gamma_leakage"][0, 0] == pytest.approx(0.5 * gamma * 4.0**2, rel=1e-9)
    assert run.ledgers["delta_drift"][0, 0] == pytest.approx(abs(float(at[1].delta) - float(at[0].delta)), rel=1e-9)  # fmt: skip
    without = hg.simulate(
        option, hc.paths.Given(np.array([path]), vol=0.6), hg.Clock(every=100), n_paths=1, steps=4, seed=0, keep=hg.LEDGERS,
        execution=hg.Execution(latency=2, first_at_once=False),
    )  # fmt: skip
    assert without.ledgers["gamma_leakage"][0, 0] == 0
    assert (without.pnl == run.pnl).all()


SCHEDULES: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "per coin": ({"fee_per_coin": 0.08}, {"per_coin": 0.08}),
    "per coin with a cap": ({"fee_per_coin": 0.08, "fee_cap": 7.5e-4}, {"per_coin": 0.08, "cap": 7.5e-4}),
    "least": ({"least_fee": 0.05}, {"least_fee": 0.05}),
    "all": (
        {"fee_per_coin": 0.08, "fee_cap": 8e-4, "least_fee": 0.02, "root_impact": 1e-3},
        {"per_coin": 0.08, "cap": 8e-4, "least_fee": 0.02, "root": 1e-3},
    ),
}  # fmt: skip


@pytest.mark.parametrize("coin", [False, True])
@pytest.mark.parametrize("what", SCHEDULES)
def test_fees_by_schedule(what: str, coin: bool) -> None:
    ours, theirs = SCHEDULES[what]
    compare(
        replace(CASE, coin=coin, instrument="inverse" if coin else "spot", **theirs),  # type: ignore[arg-type]
        {name: CHOSEN[name] for name in ("none", "clock", "edge")}, STRIP, spots(),
        costs=replace(COSTS, **ours),  # type: ignore[arg-type]
        instrument=hg.Perpetual(settlement="inverse") if coin else hg.Spot(), numeraire="coin" if coin else "quote",
    )  # fmt: skip


def test_maker_and_taker() -> None:
    """What rests pays the maker's fee, no half spread and no impact."""
    costs = hg.Costs(
        fee=5e-4, maker_fee=-1e-4, passive=0.4, half_spread=2e-4, impact=0.01, root_impact=1e-3
    )
    assert costs.proportional == pytest.approx(0.6 * 7e-4 - 0.4e-4)
    case = replace(CASE, k=costs.proportional, spread=0.6 * 2e-4, fixed=0.0, impact=0.6**2 * 0.01, root=0.6**1.5 * 1e-3)  # fmt: skip
    compare(case, CHOSEN, STRIP, spots(), costs=costs)
    rebate = hg.Costs(maker_fee=-1e-4, passive=0.5, half_spread=2e-4)
    run = hg.simulate(STRIP[0], hc.paths.GBM(vol=0.6), hg.Clock(), n_paths=10, steps=10, seed=1, costs=rebate)  # fmt: skip
    assert run.mean("fee")[0] < 0 < run.mean("spread")[0]
    with pytest.raises(ValueError, match=r"maker_fee = -0\.001 must be no rebate that the rest"):
        hg.Costs(maker_fee=-1e-3, passive=0.5)


def test_square_root_impact() -> None:
    """A hundredth of the day's volume at a daily vol of 3 %: 30 bp."""
    root = hg.square_root_impact(day_vol=0.03, day_volume=10_000)
    assert root * math.sqrt(100) == pytest.approx(0.003)
    with pytest.raises(ValueError, match="day_volume = 0 must be positive"):
        hg.square_root_impact(day_vol=0.03, day_volume=0)


FULL = hg.Execution(
    latency=[0.5, 0.5], failure=0.2, blocks=hg.Blocks(every=2, inclusion=[0.7, 0.3]), settlement=hg.Settlement(every=3, size=0.2),
    outages=[hg.KeeperDown(rate=100, duration=0.004), hg.ChainHalt(move=0.04, duration=0.004), hg.Depeg(rate=50, duration=0.01, discount=0.1)],
    leakage=True, poll=2,
)  # fmt: skip
EVERYTHING = hg.Costs(fee=5e-4, half_spread=1e-4, least_fee=0.01, fixed=0.01, impact=1e-3, root_impact=1e-3)  # fmt: skip


def everything(policies: Any, n: int, first: int = 0, threads: int | None = None) -> hg.Run:
    return hg.simulate(
        hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1), hc.paths.GBM(vol=0.6), policies, n_paths=n, steps=50, seed=9,
        keep=hg.LEDGERS, execution=FULL, costs=EVERYTHING, first_path=first, threads=threads,
    )  # fmt: skip


def test_same_bits_for_threads_shards_and_order() -> None:
    policies = {"clock": hg.Clock(), "edge": hg.DeltaBand(width=0.05), "move": hg.PriceMove(threshold=0.03)}  # fmt: skip
    whole = everything(policies, 1000, threads=1)
    two = everything(dict(reversed(policies.items())), 1000, threads=2)
    for ledger in hg.LEDGERS:
        assert (whole.ledgers[ledger] == two.ledgers[ledger][::-1]).all()
    for first, n in ((0, 100), (100, 7), (107, 893)):
        shard = everything(policies, n, first)
        assert (shard.pnl == whole.pnl[:, first : first + n]).all()
        for kind, share in whole.outages.items():
            assert (shard.outages[kind] == share[first : first + n]).all()
    assert np.isfinite(whole.pnl).all()


@settings(max_examples=15, deadline=None)
@given(
    latency=st.integers(0, 3), block=st.integers(0, 5), every=st.integers(0, 6), size=st.sampled_from([0.0, 0.1, 1.0]),
    poll=st.integers(1, 4), rate=st.sampled_from([0.0, 80.0]), fixed=st.sampled_from([0.0, 0.1]),
)  # fmt: skip
def test_identities(
    latency: int, block: int, every: int, size: float, poll: int, rate: float, fixed: float
) -> None:
    """pnl = unhedged + what the trades earn - cost; costs by kind sum to cost; no more trades than decisions could make."""
    settled = bool(every or size)
    execution = hg.Execution(
        latency=latency, poll=poll, blocks=hg.Blocks(every=block) if block else None, leakage=True,
        settlement=hg.Settlement(every=every or None, size=size or None) if settled else None,
        outages=[hg.ChainHalt(rate=rate, duration=0.003), hg.KeeperDown(rate=rate, duration=0.003)] if rate else [],
    )  # fmt: skip
    run = hg.simulate(
        hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1), hc.paths.GBM(vol=0.6), {"clock": hg.Clock(), "band": hg.DeltaBand(width=0.03)},
        n_paths=64, steps=30, seed=latency + 7 * block, keep=hg.LEDGERS, execution=execution, costs=hg.Costs(fee=1e-3, fixed=fixed),
    )  # fmt: skip
    free = hg.simulate(
        hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1), hc.paths.GBM(vol=0.6), {"clock": hg.Clock(), "band": hg.DeltaBand(width=0.03)},
        n_paths=64, steps=30, seed=latency + 7 * block, keep=hg.LEDGERS, execution=execution,
    )  # fmt: skip
    ledgers = run.ledgers
    np.testing.assert_allclose(free.pnl - ledgers["cost"], run.pnl, rtol=0, atol=1e-9)
    assert (ledgers["cost"] == sum(ledgers[k] for k in ("fee", "spread", "fixed", "impact", "outage"))).all()  # fmt: skip
    if rate or block:  # orders that come into a block together are one trade, and each pays
        assert (ledgers["fixed"] >= fixed * ledgers["trades"] * (1 - 1e-12)).all()
    else:
        np.testing.assert_allclose(ledgers["fixed"], fixed * ledgers["trades"], rtol=1e-12)
    polls = math.ceil(30 / poll)
    assert (ledgers["trades"] <= 2 + polls).all()
    assert (ledgers["gamma_leakage"] <= 1e-12).all()  # a sold option


BAD: list[tuple[Callable[[], Any], str]] = [
    (lambda: hg.Execution(poll=0), "poll = 0 must be from 1"),
    (lambda: hg.Execution(poll=3, poll_phase=3), "poll_phase = 3 must be from 0 to 2"),
    (lambda: hg.Execution(blocks=hg.Blocks(every=0)), "every = 0 must be from 1"),
    (lambda: hg.Execution(blocks=hg.Blocks(every=2, phase=2)), "phase = 2 must be from 0 to 1"),
    (lambda: hg.Execution(blocks=hg.Blocks(every=2, inclusion=[0.5, 0.6])), "the sum of inclusion = 1.1 must be 1"),
    (lambda: hg.Execution(settlement=hg.Settlement()), "a settlement needs every or size"),
    (lambda: hg.Execution(settlement=hg.Settlement(size=-1.0)), "size = -1.0 must be positive"),
    (lambda: hg.Execution(outages=[hg.KeeperDown()]), "an outage needs a rate, a move or windows"),
    (lambda: hg.Execution(outages=[hg.KeeperDown(rate=1.0)]), "duration must be given"),
    (lambda: hg.Execution(outages=[hg.ChainHalt(windows=[(3, 3)])]), r"windows\[0\] = \(3, 3\) must be a first step and a later one"),
    (lambda: hg.Execution(outages=[hg.Depeg(rate=1.0, duration=0.1, discount=1.0)]), "discount = 1.0 must be from 0 to below 1"),
    (lambda: hg.Execution(outages=[hg.KeeperDown(windows=[(0, 1)])] * 9), "outages: there are 9, at most 8 can be"),
    (lambda: hg.Execution(outages=[hg.Depeg(windows=[(0, 1)])] * 2), r"outages\[1\]: depeg = 1 must be the only one"),
    (lambda: hg.Execution(outages=["keeper"]), r"outages\[0\] must be an outage, not 'keeper'"),  # type: ignore[list-item]
]  # fmt: skip


@pytest.mark.parametrize(("make", "message"), BAD)
def test_bad_input(make: Callable[[], hg.Execution], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        hg.simulate(
            hg.Option(strike=100, expiry=0.1, vol=0.6), hc.paths.GBM(vol=0.6), hg.Clock(), n_paths=2, steps=4, seed=1, execution=make()
        )  # fmt: skip


def test_a_depeg_is_of_the_quote_currency() -> None:
    depeg = hg.Execution(outages=[hg.Depeg(windows=[(0, 1)])])
    option = hg.Option(strike=100, expiry=0.1, vol=0.6)
    arguments: Any = {"n_paths": 2, "steps": 4, "seed": 1, "execution": depeg}
    with pytest.raises(ValueError, match="must be counted in the quote currency"):
        hg.simulate(option, hc.paths.GBM(vol=0.6), hg.Clock(), numeraire="coin", **arguments)
    with pytest.raises(ValueError, match="must be with spot or a linear perpetual"):
        hg.simulate(option, hc.paths.GBM(vol=0.6), hg.Clock(), instrument=hg.Perpetual(settlement="inverse"), **arguments)  # fmt: skip


def test_the_first_trade_of_a_move_needs_no_move() -> None:
    """Whenever it is made: at a later poll, after an outage at the start, in a combination that waits."""
    chosen = {"move": CHOSEN["move"]}
    case = replace(CASE, polled=lambda t: t % 4 == 2, first_at_once=False)
    run = compare(case, chosen, STRIP, spots(), costs=COSTS, execution=hg.Execution(poll=4, poll_phase=2, first_at_once=False))  # fmt: skip
    assert (run.ledgers["trades"][0] >= 2).all()
    case = replace(CASE, down={"keeper": [t < 5 for t in range(STEPS + 1)]}, first_at_once=False)
    down = hg.Execution(outages=[hg.KeeperDown(windows=[(0, 5)])], first_at_once=False)
    compare(case, chosen, STRIP, spots(), costs=COSTS, execution=down)
    # one flat path: nothing ever moves, and the hedge is made once and closed
    flat = hc.paths.Given(np.full((1, 11), 100.0), vol=0.6)
    run = hg.simulate(
        hg.Option(strike=100, expiry=0.1, vol=0.6), flat, hg.PriceMove(threshold=0.01), n_paths=1, steps=10, seed=0, keep=("trades",),
        execution=hg.Execution(poll=5, poll_phase=3, first_at_once=False),
    )  # fmt: skip
    assert run.ledgers["trades"][0, 0] == 2


def test_orders_in_flight_have_a_bound() -> None:
    """A ring that no machine has: refused before it is allocated."""
    arguments: Any = {"n_paths": 10, "steps": 400_000, "seed": 0, "threads": 1}
    with pytest.raises(
        ValueError,
        match=r"orders in flight: 4000 policies with 400001 times .* latency, blocks and failure .* GB on 1 threads; .* fewer policies",
    ):  # fmt: skip
        hg.simulate(
            hg.Option(strike=100, expiry=0.1, vol=0.6), hc.paths.GBM(vol=0.6), [hg.Clock(every=j + 1) for j in range(4000)],
            execution=hg.Execution(latency=100_000, failure=0.01), **arguments,
        )  # fmt: skip
