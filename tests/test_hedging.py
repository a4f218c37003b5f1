"""The hedging simulation against a slow definition of it, path by path."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg

STEPS, YEARS, SEED = 60, 0.25, 5
H = YEARS / STEPS
GBM = hc.paths.GBM(vol=0.6)
N = 24


def spots(model: Any = GBM, drift: float = 0.0, n: int = N) -> Any:
    return hc.paths.simulate(
        model, n_paths=n, n_steps=STEPS, horizon=YEARS, seed=11, drift=drift, every=1
    )


def call(**changes: Any) -> hg.Option:
    return hg.Option(**{"strike": 103.0, "expiry": YEARS, "vol": 0.5, "quantity": -2.0, **changes})


def leg(option: hg.Option) -> slow.Leg:
    kind = 1 if option.kind == "call" else -1
    return slow.Leg(
        kind, option.strike, round(option.expiry / H), option.vol or 0.0, option.quantity
    )


STRIP = [
    call(),
    call(kind="put", strike=95.0, expiry=YEARS / 3, quantity=1.5, vol=0.7),
    call(strike=120.0, expiry=YEARS / 2, quantity=3.0, vol=0.55),
]
MEAN_VOL = float(np.average([0.5, 0.7, 0.55], weights=[2, 1.5, 3]))

POLICIES: dict[str, tuple[hg.Policy, Any]] = {
    "none": (hg.NoHedge(), lambda: lambda *_: 0.0),
    "clock": (hg.Clock(), lambda: slow.clock()),
    "slow clock": (hg.Clock(every=7), lambda: slow.clock(7)),
    "edge": (hg.DeltaBand(width=0.1), lambda: slow.band(0.1)),
    "middle": (hg.DeltaBand(width=0.1, to="middle"), lambda: slow.band(0.1, 0.0)),
    "asymmetric": (
        hg.DeltaBand(width=0.1, to=0.4, up=0.5, down=1.5),
        lambda: slow.band(0.1, 0.4, 0.5, 1.5),
    ),
    "auto hedger": (
        hg.AutoHedger(up=0.05, down=0.15, ratio=0.5),
        lambda: slow.ratio(0.05, 0.15, 0.5),
    ),
    "overshooting": (hg.AutoHedger(up=0.08, ratio=1.5), lambda: slow.ratio(0.08, 0.08, 1.5)),
    "move": (hg.PriceMove(threshold=0.06), lambda: slow.Move(0.06)),
    "own vol": (hg.ScaledVol(vol_scale=1.3, to="middle"), lambda: slow.clock(1, 1.3)),
    "whalley-wilmott": (
        hg.WhalleyWilmott(risk_aversion=0.3, cost=2e-3),
        lambda: slow.whalley_wilmott(0.3, 2e-3),
    ),
    "half way": (
        hg.WhalleyWilmott(risk_aversion=0.3, cost=2e-3, to=0.5),
        lambda: slow.whalley_wilmott(0.3, 2e-3, inner=0.5),
    ),
    "impulse": (
        hg.FixedAndProportional(risk_aversion=0.3, cost=2e-3, fixed_cost=0.02),
        lambda: slow.impulse(0.3, 2e-3, 0.02),
    ),
    "realised": (
        hg.RealisedVolBand(width=0.1, half_life=10, vol=0.6, power=1.5),
        lambda: slow.Realised(0.1, 10, 0.6, 1.5, H),
    ),
}


def compare(
    case: slow.Case | Callable[[int], slow.Case],
    policies: dict[str, tuple[hg.Policy, Any]],
    options: list[hg.Option],
    paths: Any,
    **arguments: Any,
) -> hg.Run:
    """Simulate, and compare every ledger of every path and policy; `case` may be one for each path."""
    case_of = (lambda _: case) if isinstance(case, slow.Case) else case
    first = case_of(0)
    run = hg.simulate(
        options,
        hc.paths.Given(paths.spot, vol=0.6),
        {name: policy for name, (policy, _) in policies.items()},
        n_paths=len(paths.spot),
        steps=STEPS,
        seed=SEED,
        keep=hg.LEDGERS,
        rate=first.rate,
        **arguments,
    )
    scale = abs(run.premium) + 1e-3
    leakage = "execution" in arguments and arguments["execution"].leakage
    for j, (name, (_, make)) in enumerate(policies.items()):
        for i in range(len(paths.spot)):
            want = slow.simulate(case_of(i), paths.spot[i].tolist(), make(), -run.premium)
            got = {ledger: float(run.ledgers[ledger][j, i]) for ledger in hg.LEDGERS}
            for ledger in ("trades", "failures"):
                assert got[ledger] == want[ledger], (name, i, ledger)
            leaks = ("delta_drift", "gamma_leakage") if leakage else ()
            kinds = ("fee", "spread", "fixed", "impact", "outage")
            assert got["cost"] == sum(got[kind] for kind in kinds), (name, i)
            for ledger in (
                "pnl",
                "cost",
                "turnover",
                "exposure",
                "peg",
                "permanent",
                *kinds,
                *leaks,
            ):
                assert got[ledger] == pytest.approx(want[ledger], rel=1e-9, abs=1e-9 * scale), (
                    name,
                    i,
                    ledger,
                )
            if first.instrument == "spot" and not first.coin:
                assert got["latency"] == pytest.approx(
                    want["latency"], rel=1e-8, abs=1e-8 * scale
                ), (name, i)
    for ledger in hg.LEDGERS:
        assert run.mean(ledger) == pytest.approx(
            run.ledgers[ledger].mean(axis=1), rel=1e-12, abs=1e-12
        )
    return run


@pytest.mark.parametrize("latency", [0, 1, 4])
def test_every_policy_on_a_strip(latency: int) -> None:
    case = slow.Case(
        [leg(o) for o in STRIP], H, k=1e-3, spread=4e-4, fixed=0.03, impact=0.01, latency=latency
    )
    run = compare(
        case, POLICIES, STRIP, spots(),
        costs=hg.Costs(fee=6e-4, half_spread=4e-4, fixed=0.03, impact=0.01), execution=hg.Execution(latency=latency),
    )  # fmt: skip
    assert len(set(run.mean("cost").tolist())) == len(POLICIES)


def test_zakamouline_and_leland() -> None:
    options = [call()]
    le = math.sqrt(8 / math.pi) * 2e-3 / (0.5 * math.sqrt(3 * H))
    policies = {
        "zakamouline": (
            hg.Zakamouline(risk_aversion=0.3),
            lambda: slow.zakamouline(0.3, 2e-3, 0.5),
        ),
        "leland": (hg.Leland(every=3), lambda: slow.clock(3, math.sqrt(1 + le))),
    }
    compare(
        slow.Case([leg(options[0])], H, k=2e-3),
        policies,
        options,
        spots(),
        costs=hg.Costs(fee=2e-3),
    )
    options = [call(quantity=2.0)]
    policies["leland"] = (hg.Leland(every=3), lambda: slow.clock(3, math.sqrt(1 - le)))
    compare(
        slow.Case([leg(options[0])], H, k=2e-3),
        policies,
        options,
        spots(),
        costs=hg.Costs(fee=2e-3),
    )


def test_zakamouline_on_a_strip() -> None:
    policies = {
        "zakamouline": (
            hg.Zakamouline(risk_aversion=0.3, cost=2e-3),
            lambda: slow.zakamouline(0.3, 2e-3, MEAN_VOL),
        )
    }
    compare(slow.Case([leg(o) for o in STRIP], H), policies, STRIP, spots())


def test_a_rate() -> None:
    options = [call(quantity=1.0), call(kind="put", quantity=-1.0, strike=90.0)]
    policies = {
        **{name: POLICIES[name] for name in ("clock", "edge", "move")},
        "whalley-wilmott": (
            hg.WhalleyWilmott(risk_aversion=0.3, cost=2e-3),
            lambda: slow.whalley_wilmott(0.3, 2e-3, 0.08),
        ),
        "zakamouline": (
            hg.Zakamouline(risk_aversion=0.3, cost=2e-3),
            lambda: slow.zakamouline(0.3, 2e-3, 0.5, 0.08),
        ),
    }
    case = slow.Case([leg(o) for o in options], H, rate=0.08, k=1e-3, fixed=0.01, impact=0.02)
    compare(
        case,
        policies,
        options,
        spots(drift=0.08),
        costs=hg.Costs(fee=1e-3, fixed=0.01, impact=0.02),
    )


@pytest.mark.parametrize("coin", [False, True])
@pytest.mark.parametrize("instrument", ["spot", "linear", "inverse", "future"])
def test_instruments_and_numeraires(instrument: str, coin: bool) -> None:
    funding = 0.3 if instrument in ("linear", "inverse") else 0.0
    maturity, basis = (0.4, 0.15) if instrument == "future" else (0.0, 0.0)
    trade: Any = {
        "spot": hg.Spot(),
        "linear": hg.Perpetual(funding=funding),
        "inverse": hg.Perpetual(settlement="inverse", funding=funding),
        "future": hg.Future(maturity=maturity, basis=basis),
    }[instrument]
    case = slow.Case(
        [leg(o) for o in STRIP], H, coin=coin, instrument=instrument, funding=funding, basis=basis,
        maturity=maturity, k=1e-3, fixed=0.03, impact=0.01,
    )  # fmt: skip
    policies = {
        **{name: POLICIES[name] for name in ("none", "clock", "edge", "auto hedger", "move")},
        "whalley-wilmott": (
            hg.WhalleyWilmott(risk_aversion=30.0 if coin else 0.3, cost=2e-3),
            lambda: slow.whalley_wilmott(30.0 if coin else 0.3, 2e-3, coin=coin),
        ),
        "zakamouline": (
            hg.Zakamouline(risk_aversion=30.0 if coin else 0.3, cost=2e-3),
            lambda: slow.zakamouline(30.0 if coin else 0.3, 2e-3, MEAN_VOL, coin=coin),
        ),
    }
    costs = hg.Costs(fee=1e-3, fixed=0.03, impact=0.01)
    compare(
        case,
        policies,
        STRIP,
        spots(),
        costs=costs,
        instrument=trade,
        numeraire="coin" if coin else "quote",
    )


@pytest.mark.parametrize("instrument", ["spot", "future"])
def test_a_hedge_that_is_kept(instrument: str) -> None:
    options = [call()]
    case = slow.Case(
        [leg(o) for o in options],
        H,
        instrument=instrument,
        basis=0.1,
        maturity=0.3,
        close=False,
        k=1e-3,
    )
    trade: Any = hg.Spot() if instrument == "spot" else hg.Future(maturity=0.3, basis=0.1)
    names = ("clock", "edge")
    compare(
        case,
        {n: POLICIES[n] for n in names},
        options,
        spots(),
        costs=hg.Costs(fee=1e-3, close=False),
        instrument=trade,
    )
