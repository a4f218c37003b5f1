"""Permanent impact: every policy at a price of its own, against the slow definition; what it cannot be combined with."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg
from hedgecore.surface import Surface
from hedging_oracle import Memory
from test_hedging import MEAN_VOL, POLICIES, STRIP, H, compare, leg, spots

CASE = slow.Case([leg(o) for o in STRIP], H, k=1e-3, spread=4e-4, fixed=0.03, impact=0.01, permanent=0.4)  # fmt: skip
COSTS = hg.Costs(fee=6e-4, half_spread=4e-4, fixed=0.03, impact=0.01, permanent=0.4)
OPTION = hg.Option(strike=100, expiry=0.1, vol=0.6, quantity=-1)
GBM = hc.paths.GBM(vol=0.6)
SURFACE = Surface(
    "BTC", None, [0.1, 0.3], [100.0, 101.0],
    [[0.01, 0.06, -0.4, 0.02, 0.25], [0.06, 0.12, -0.3, 0.05, 0.4]], [[-1, 1]] * 2,
)  # fmt: skip
FITTED = {"call": (0.05, -0.2, 0.1), "put": (-0.1, 0.15, 0.3)}


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("instrument", ["spot", "linear"])
@pytest.mark.parametrize("latency", [0, 2])
def test_trades_greeks_funding_and_payoffs(latency: int, instrument: str, close: bool) -> None:
    funding = 0.2 if instrument == "linear" else 0.0
    case = replace(CASE, latency=latency, instrument=instrument, funding=funding, rate=0.05, close=close)  # fmt: skip
    chosen = {name: POLICIES[name] for name in ("none", "clock", "edge", "move")}
    law = (hg.WhalleyWilmott(risk_aversion=0.3, cost=2e-3), lambda: slow.whalley_wilmott(0.3, 2e-3, 0.05))  # fmt: skip
    run = compare(
        case, {**chosen, "law": law}, STRIP, spots(), costs=replace(COSTS, close=close),
        execution=hg.Execution(latency=latency, leakage=latency > 0),
        instrument=hg.Spot() if instrument == "spot" else hg.Perpetual(funding=funding),
    )  # fmt: skip
    assert np.abs(run.ledgers["permanent"][1:]).min() > 0
    assert (run.ledgers["permanent"][0] == 0).all()


def remembering(make: Any) -> Any:
    def policy() -> Any:
        memory = Memory()
        return slow.remembering(make(memory), memory)

    return policy


def test_every_policy_and_combinations() -> None:
    """Moves over a window and realised vols are the market's; PriceMove compares own prices."""
    policies = {
        **POLICIES,
        "zakamouline": (hg.Zakamouline(risk_aversion=0.3, cost=2e-3), lambda: slow.zakamouline(0.3, 2e-3, MEAN_VOL)),
        "usd": (hg.AutoHedger.greeks_live(up=8.0, down=8.0, ratio=0.5, target=0.0, delta_in="USD", polling=None), lambda: slow.usd_ratio(8.0, 8.0, 0.5, 0.0)),
        "any": (
            hg.AnyOf(hg.DeltaBand(width=0.1), hg.PriceMove(threshold=0.08), hg.Clock(every=7)),
            remembering(lambda m: slow.any_of(slow.band(0.1), slow.move(0.08, m), slow.clock(7))),
        ),
        "all": (
            hg.AllOf(hg.WhalleyWilmott(risk_aversion=0.3, cost=2e-3), hg.PriceMove(threshold=0.03), cool_down=2, least_move=0.02, move_window=3),
            remembering(
                lambda m: slow.restrained(
                    slow.all_of(slow.whalley_wilmott(0.3, 2e-3), slow.move(0.03, m)), m, cool_down=2,
                    rise=math.expm1(0.02), fall=-math.expm1(-0.02), window=3,
                )
            ),
        ),
    }  # fmt: skip
    for latency in (0, 3):
        run = compare(
            replace(CASE, latency=latency), policies, STRIP, spots(), costs=COSTS, execution=hg.Execution(latency=latency)
        )  # fmt: skip
        assert (run.mean("trades")[1:] > 2).all()


def test_settlement_outages_and_failures() -> None:
    case = replace(CASE, latency=1, settle_every=6, block=3, block_phase=1, down={"keeper": [5 <= t < 15 for t in range(61)], "chain": [30 <= t < 40 for t in range(61)]})  # fmt: skip
    chosen = {name: POLICIES[name] for name in ("none", "clock", "edge", "move")}
    compare(
        case, chosen, STRIP, spots(), costs=COSTS,
        execution=hg.Execution(
            latency=1, settlement=hg.Settlement(every=6), blocks=hg.Blocks(every=3, phase=1), leakage=True,
            outages=[hg.KeeperDown(windows=[(5, 15)]), hg.ChainHalt(windows=[(30, 40)])],
        ),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["vol_scale", "smile", "hull_white"])
def test_smiles_and_hedge_ratios(name: str) -> None:
    """Vols of a smile follow the own price; a ratio that several policies have is computed at the price of each."""
    held, rate = 0.4, 0.04
    ratio: hg.HedgeRatio = {
        "vol_scale": hg.ScaledDelta(vol_scale=1.2), "smile": hg.SmileDelta(stickiness=1.7), "hull_white": hg.MinimumVariance(**FITTED)
    }[name]  # fmt: skip
    options = [replace(o, vol=hg.Smile(SURFACE, held)) for o in STRIP]
    legs = [leg(replace(o, vol=0.5)) for o in STRIP]

    def moneyness(x: slow.Leg, step: int, spot: float) -> float:
        forwards = 100 * math.exp(rate * x.expiry * H), spot * math.exp(rate * (x.expiry - step) * H)  # fmt: skip
        return math.log(x.strike / forwards[0]) - (1 - held) * math.log(forwards[1] / forwards[0])

    def vol(x: slow.Leg, step: int, spot: float) -> float:
        return float(SURFACE.vol_at(moneyness(x, step, spot), x.expiry * H))

    def more(x: slow.Leg, step: int, spot: float, sigma: float) -> float:
        left = (x.expiry - step) * H
        _, delta, gamma = slow.black(x, spot, left, rate, sigma)
        if name == "vol_scale":
            return slow.black(x, spot, left, rate, 1.2 * sigma)[1] - delta
        if name == "smile":
            slope = 0.7 * float(SURFACE.skew(moneyness(x, step, spot), x.expiry * H))
        else:
            a, b, c = FITTED["call" if x.kind > 0 else "put"]
            slope = (a + b * delta + c * delta**2) / math.sqrt(left)
        return gamma * spot * sigma * left * slope

    model = hc.paths.Given(spots(n=6).spot, vol=0.6)
    of = {"clock": slow.clock(3), "band": slow.band(0.05)}
    policies = {"clock": hg.Clock(every=3, hedge_ratio=ratio), "black": hg.Clock(), "band": hg.DeltaBand(width=0.05, hedge_ratio=ratio)}  # fmt: skip
    policies["custom"] = hg.Custom(decide=lambda s: -s.delta - s.ordered if s.step % 3 == 0 else np.zeros_like(s.delta), hedge_ratio=ratio)  # fmt: skip
    run = hg.simulate(
        options, model, policies, n_paths=6, steps=60, seed=0, rate=rate, keep=hg.LEDGERS, costs=hg.Costs(fee=1e-3, permanent=0.4)
    )  # fmt: skip
    case = slow.Case(legs, H, rate=rate, k=1e-3, permanent=0.4, smile=vol, more=more)
    for which, policy in of.items():
        for i in range(6):
            want = slow.simulate(case, np.asarray(model.spot)[i].tolist(), policy, -run.premium)
            for ledger in ("trades", "pnl", "turnover", "permanent"):
                got = run.ledgers[ledger][run.index(which), i]
                assert got == pytest.approx(want[ledger], rel=1e-8, abs=1e-8), (which, i, ledger)
    np.testing.assert_allclose(run.pnl[3], run.pnl[0], rtol=1e-9, atol=1e-9)


def test_a_round_trip() -> None:
    """Bought in pieces and sold at the end without options: nothing is lost to the own impact, whatever the pieces."""
    buys = {"p": hg.Custom(decide=lambda s: np.full(len(s.spot), [0.5, 2.0, -1.0, 0.25][s.step]))}
    run = hg.simulate(
        replace(OPTION, quantity=0.0), GBM, buys, n_paths=20, steps=4, seed=1, keep=hg.LEDGERS, costs=hg.Costs(permanent=1.5)
    )  # fmt: skip
    assert run.ledgers["permanent"] == pytest.approx(0, abs=1e-12)
    # a sold call whose hedge pushes the price pays more where it ends in the money
    call = replace(OPTION, quantity=-10.0)
    moved = hg.simulate(
        call, GBM, hg.Clock(), n_paths=2000, steps=50, seed=1, keep=("permanent",), costs=hg.Costs(permanent=0.2)
    )  # fmt: skip
    assert moved.mean("permanent")[0] > 4 * moved.error("permanent")[0]


def test_a_tiny_impact_is_nearly_none() -> None:
    """The branch with own prices tends to the plain one, whose ledger is 0."""
    arguments: Any = {"n_paths": 200, "steps": 40, "seed": 2, "keep": hg.LEDGERS}
    plain = hg.simulate(OPTION, GBM, hg.Clock(), costs=hg.Costs(fee=1e-3), **arguments)
    tiny = hg.simulate(OPTION, GBM, hg.Clock(), costs=hg.Costs(fee=1e-3, permanent=1e-12), **arguments)  # fmt: skip
    np.testing.assert_allclose(tiny.pnl, plain.pnl, atol=1e-9)
    assert (plain.ledgers["permanent"] == 0).all()


def test_same_bits_for_threads_shards_and_order() -> None:
    ratio = hg.ScaledDelta(vol_scale=1.2)
    policies = {
        "clock": hg.Clock(), "band": hg.DeltaBand(width=0.05, hedge_ratio=ratio), "move": hg.PriceMove(threshold=0.03, hedge_ratio=ratio),
        "custom": hg.Custom(decide=lambda s: -s.delta - s.ordered),
    }  # fmt: skip
    arguments: Any = {"steps": 30, "seed": 3, "keep": hg.LEDGERS, "costs": hg.Costs(fee=1e-3, permanent=0.3), "execution": hg.Execution(latency=1)}  # fmt: skip
    whole = hg.simulate(OPTION, GBM, policies, n_paths=400, threads=1, **arguments)
    shard = hg.simulate(OPTION, GBM, dict(reversed(policies.items())), n_paths=150, first_path=200, threads=2, **arguments)  # fmt: skip
    for ledger in hg.LEDGERS:
        assert (shard.ledgers[ledger][::-1] == whole.ledgers[ledger][:, 200:350]).all()
    # a clock in Python is a clock
    np.testing.assert_allclose(whole.pnl[3], whole.pnl[0], rtol=1e-9, atol=1e-9)


def test_the_price_stays_above_zero() -> None:
    with pytest.raises(ValueError, match="permanent: own trades took the price of path 0 to 0 or below"):  # fmt: skip
        hg.simulate(replace(OPTION, quantity=20.0), GBM, hg.Clock(), n_paths=10, steps=5, seed=1, costs=hg.Costs(permanent=50.0))  # fmt: skip


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"numeraire": "coin"}, "0 but for instruments that are spot or linear perpetuals, in the quote currency as numeraire"),
        ({"instrument": hg.Perpetual(settlement="inverse")}, "0 but for instruments that are spot or linear perpetuals"),
        ({"instrument": hg.Future(maturity=0.1)}, "0 but for instruments that are spot or linear perpetuals"),
        ({"execution": hg.Execution(outages=[hg.Depeg(windows=[(0, 1)])])}, "0 with outages that are a depeg"),
        ({"attribution": True}, "0 with attribution"),
        ({"position": hg.Strip(options=(OPTION,), holding=0.5)}, "0 where the position has a holding"),
    ],
)  # fmt: skip
def test_what_it_cannot_be_combined_with(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r"permanent = 0\.1 must be " + message):
        hg.simulate(
            paths=GBM, policies=hg.Clock(), n_paths=10, steps=5, seed=1, costs=hg.Costs(permanent=0.1), **{"position": OPTION, **more}
        )  # fmt: skip


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="permanent must be 0 where trace follows paths"):
        hg.simulate(OPTION, GBM, hg.Clock(), n_paths=10, steps=5, seed=1, costs=hg.Costs(permanent=0.1), trace=2)  # fmt: skip
    with pytest.raises(ValueError, match=r"permanent = -0\.1 must be zero or positive"):
        hg.Costs(permanent=-0.1)
