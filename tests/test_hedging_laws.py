"""Combinations, laws that follow the vol, smooth trading and the venues' hedgers: each against a slow definition, path by path."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg
from hedgecore.hedging import config as hedging_config
from hedging_oracle import Memory
from levels import AVAILABLE, run_at

STEPS, YEARS, VOL, N = 60, 0.25, 0.5, 24
H = YEARS / STEPS
EXPIRIES = (20, 60)
STRIP = [
    hg.Option(strike=103.0, expiry=YEARS, vol=VOL, quantity=-2.0),
    hg.Option(kind="put", strike=95.0, expiry=YEARS / 3, vol=VOL, quantity=1.5),
]
LEGS = [slow.Leg(1, 103.0, 60, VOL, -2.0), slow.Leg(-1, 95.0, 20, VOL, 1.5)]
SPOTS = hc.paths.simulate(
    hc.paths.GBM(vol=0.6), n_paths=N, n_steps=STEPS, horizon=YEARS, seed=11, every=1
).spot
assert SPOTS is not None
FORECAST = np.exp(
    np.random.default_rng(5).normal(math.log(0.6), 0.3, (N, STEPS + 1))
)  # a vol for each path and time
MODEL = hc.paths.Given(SPOTS, levels={"forecast": FORECAST}, vol=0.6)

Make = Callable[[int, slow.Case], Any]


def check(
    policies: dict[str, tuple[hg.Policy, Make]], case: slow.Case | None = None, model: Any = MODEL, **arguments: Any
) -> hg.Run:  # fmt: skip
    case = case or slow.Case(LEGS, H, k=1e-3, impact=0.01)
    n = len(np.asarray(model.spot))
    run = hg.simulate(
        STRIP, model, {name: policy for name, (policy, _) in policies.items()}, n_paths=n, steps=STEPS, seed=0, keep=hg.LEDGERS,
        costs=hg.Costs(fee=case.k, impact=case.impact), **arguments,
    )  # fmt: skip
    for j, (name, (_, make)) in enumerate(policies.items()):
        assert (run.ledgers["trades"][j] > 1).any(), name  # beside the closing one
        for i in range(n):
            want = slow.simulate(
                case, np.asarray(model.spot)[i].tolist(), make(i, case), -run.premium
            )
            for ledger in ("trades", "pnl", "cost", "turnover"):
                assert run.ledgers[ledger][j, i] == pytest.approx(
                    want[ledger], rel=1e-9, abs=1e-9
                ), (name, i, ledger)
    return run


def shared(make: Callable[[Memory], Any]) -> Make:
    """A definition with a memory of its own on each path."""

    def policy(i: int, case: slow.Case) -> Any:  # noqa: ARG001
        memory = Memory()
        return slow.remembering(make(memory), memory)

    return policy


def at(law: Any, memory: Memory, **restraints: Any) -> Any:
    return slow.restrained(law, memory, expiries=EXPIRIES, **restraints)


COMBINATIONS: dict[str, tuple[hg.Policy, Make]] = {
    "band or clock": (
        hg.AnyOf(hg.DeltaBand(width=0.1), hg.Clock(every=7)),
        shared(lambda m: slow.any_of(slow.band(0.1), at(slow.clock(), m, every=7))),
    ),
    "clock or band": (
        hg.AnyOf(hg.Clock(every=7), hg.DeltaBand(width=0.1)),
        shared(lambda m: slow.any_of(at(slow.clock(), m, every=7), slow.band(0.1))),
    ),
    "band and move": (
        hg.AllOf(hg.DeltaBand(width=0.05, to="middle"), hg.PriceMove(threshold=0.05)),
        shared(lambda m: slow.all_of(slow.band(0.05, 0.0), slow.move(0.05, m))),
    ),
    "move and band": (
        hg.AllOf(hg.PriceMove(threshold=0.05), hg.DeltaBand(width=0.1)),
        shared(lambda m: slow.all_of(slow.move(0.05, m), slow.band(0.1))),
    ),
    "three": (
        hg.AnyOf(hg.PriceMove(threshold=0.08, every=2), hg.DeltaBand(width=0.2), hg.Clock(every=11)),
        shared(
            lambda m: slow.any_of(
                at(slow.move(0.08, m), m, every=2), slow.band(0.2), at(slow.clock(), m, every=11)
            )
        ),
    ),
    "nested": (
        hg.AnyOf(
            hg.AllOf(hg.DeltaBand(width=0.1), hg.PriceMove(threshold=0.04)),
            hg.AllOf(hg.Clock(every=5), hg.DeltaBand(width=0.04), cool_down=8),
        ),
        shared(
            lambda m: slow.any_of(
                slow.all_of(slow.band(0.1), slow.move(0.04, m)),
                at(slow.all_of(at(slow.clock(), m, every=5), slow.band(0.04)), m, cool_down=8),
            )
        ),
    ),
    "whole restrained": (
        hg.AnyOf(
            hg.DeltaBand(width=0.1), hg.Clock(every=3), cool_down=4, blackout=6, least_trade=0.05, lot=0.02, least_move=0.01, move_window=3
        ),
        shared(
            lambda m: at(
                slow.any_of(slow.band(0.1), at(slow.clock(), m, every=3)), m, cool_down=4, blackout=6, least_trade=0.05, lot=0.02,
                rise=math.expm1(0.01), fall=-math.expm1(-0.01), window=3,
            )
        ),
    ),
    "members restrained": (
        hg.AnyOf(
            hg.DeltaBand(width=0.05, cool_down=5, lot=0.03), hg.Clock(every=4, blackout=9, least_trade=0.08), hg.VolInterval(interval=9, half_life=5, power=0)
        ),
        shared(
            lambda m: slow.any_of(
                at(slow.band(0.05), m, cool_down=5, lot=0.03),
                at(slow.clock(), m, every=4, blackout=9, least_trade=0.08),
                slow.interval(9, slow.fixed_view(1.0), 1.0, 0, m),
            )
        ),
    ),
    "of laws": (
        hg.AnyOf(hg.WhalleyWilmott(risk_aversion=0.3, cost=2e-3), hg.AutoHedger(up=0.2, ratio=0.5)),
        shared(lambda m: slow.any_of(slow.whalley_wilmott(0.3, 2e-3), slow.ratio(0.2, 0.2, 0.5))),  # noqa: ARG005
    ),
}  # fmt: skip


@pytest.mark.parametrize("latency", [0, 2])
def test_combinations(latency: int) -> None:
    case = slow.Case(LEGS, H, k=1e-3, impact=0.01, latency=latency)
    run = check(COMBINATIONS, case, execution=hg.Execution(latency=latency))
    assert len(set(run.mean("cost").tolist())) == len(COMBINATIONS)


def test_a_combination_of_one_is_that_one() -> None:
    laws: list[hg.Policy] = [
        hg.DeltaBand(width=0.05), hg.Zakamouline(risk_aversion=1.0, cost=1e-3), hg.PriceMove(threshold=0.03), hg.Clock(every=2, lot=0.01)
    ]  # fmt: skip
    for kind in (hg.AnyOf, hg.AllOf):
        run = hg.simulate(
            STRIP, MODEL, [*laws, *(kind(kind(law)) for law in laws)], n_paths=N, steps=STEPS, seed=0, keep=hg.LEDGERS
        )  # fmt: skip
        for ledger in hg.LEDGERS:
            if ledger != "exposure":
                assert (run.ledgers[ledger][:4] == run.ledgers[ledger][4:]).all(), ledger
        np.testing.assert_allclose(
            run.ledgers["exposure"][:4], run.ledgers["exposure"][4:], rtol=1e-12
        )


def test_the_exposure_is_that_of_the_first_target() -> None:
    run = hg.simulate(
        STRIP, MODEL, [hg.AnyOf(hg.DeltaBand(width=0.1, target=0.3), hg.Clock(every=9, target=0.3)), hg.DeltaBand(width=0.1, target=0.3)],
        n_paths=N, steps=STEPS, seed=0, keep=hg.LEDGERS,
    )  # fmt: skip
    assert (run.ledgers["exposure"][0] < run.ledgers["exposure"][1]).all()
    assert (run.ledgers["exposure"] <= 0.1 + 1e-9).all()


def test_mistakes_in_combinations() -> None:
    with pytest.raises(ValueError, match="AnyOf has no members"):
        hg.AnyOf()
    with pytest.raises(TypeError, match=r"members\[1\] must be a policy, not 3"):
        hg.AllOf(hg.Clock(), 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"members\[0\] is a Custom policy"):
        hg.AnyOf(hg.Custom(decide=lambda s: None))  # noqa: ARG005
    with pytest.raises(ValueError, match=r"target = 0\.5 is for the members"):
        hg.AnyOf(hg.Clock(), target=0.5)
    with pytest.raises(
        ValueError, match=r"policies\['x'\]: members\[1\]: members\[0\]: width = -1 must be"
    ):
        check({"x": (hg.AnyOf(hg.Clock(), hg.AllOf(hg.DeltaBand(width=-1))), lambda *_: None)})
    with pytest.raises(
        ValueError, match=r"policies\[0\]: members\[1\]: risk_aversion = -2 must be positive"
    ):
        check({"x": (hg.AnyOf(hg.Clock(), hg.WhalleyWilmott(risk_aversion=-2)), lambda *_: None)})


def test_the_law_of_both_costs_wherever_its_root_lies() -> None:
    """Paths far inside of the band are told by a bound of the width alone: no trade may be lost, whichever cost rules."""
    settings = [
        (g, k, c) for g in (1e-3, 1.0, 1e3) for k in (0.0, 1e-5, 5e-3) for c in (1e-6, 0.05)
    ]
    few = hc.paths.Given(SPOTS[:6], vol=0.6)
    policies: dict[str, tuple[hg.Policy, Make]] = {
        str(setting): (
            hg.FixedAndProportional(
                risk_aversion=setting[0], cost=setting[1], fixed_cost=setting[2]
            ),
            lambda i, case, setting=setting: slow.impulse(*setting),  # noqa: ARG005
        )
        for setting in settings
    }
    check(policies, model=few)


def views(i: int) -> dict[str, tuple[dict[str, Any], Any]]:
    return {
        "realised": ({"half_life": 8}, slow.realised_view(8, VOL, H)),
        "forecast": ({"forecast_level": "forecast"}, slow.forecast_view(FORECAST[i].tolist())),
    }


@pytest.mark.parametrize("of", ["realised", "forecast"])
def test_laws_that_follow_the_vol(of: str) -> None:
    given = views(0)[of][0]
    policies: dict[str, tuple[hg.Policy, Make]] = {
        "band": (
            hg.RealisedVolBand(width=0.1, power=1.5, **given),
            lambda i, case: slow.vol_band(0.1, views(i)[of][1], VOL, 1.5),  # noqa: ARG005
        ),
        "half way": (
            hg.RealisedVolBand(width=0.1, power=1 / 3, to=0.5, **given),
            lambda i, case: slow.vol_band(0.1, views(i)[of][1], VOL, 1 / 3, 0.5),  # noqa: ARG005
        ),
        "interval": (
            hg.VolInterval(interval=6, **given),
            lambda i, case: shared(lambda m: slow.interval(6, views(i)[of][1], VOL, 2, m))(i, case),
        ),
        "long interval": (
            hg.VolInterval(interval=7.5, power=1, vol=0.6, every=2, **given),
            lambda i, case: shared(
                lambda m: at(slow.interval(7.5, realised_at(0.6, of, i), 0.6, 1, m), m, every=2)
            )(i, case),
        ),
        "whalley-wilmott": (
            hg.ForecastWhalleyWilmott(risk_aversion=0.3, cost=2e-3, **given),
            lambda i, case: slow.forecast_whalley_wilmott(0.3, 2e-3, views(i)[of][1], VOL, case),
        ),
        "smooth": (
            hg.SmoothTrading(risk_aversion=0.05, impact=0.3, **given),
            lambda i, case: slow.smooth(0.05, 0.3, views(i)[of][1], H, YEARS, H),  # noqa: ARG005
        ),
    }  # fmt: skip
    check(policies)


def realised_at(vol: float, of: str, i: int) -> Any:
    return slow.realised_view(8, vol, H) if of == "realised" else views(i)[of][1]


def test_averages_that_start_from_different_vols_are_apart() -> None:
    """A policy does not depend on the others."""
    pair = [hg.RealisedVolBand(width=0.1, half_life=30, vol=v) for v in (0.3, 0.9)]
    together = hg.simulate(STRIP, MODEL, pair, n_paths=N, steps=STEPS, seed=0)
    for j, policy in enumerate(pair):
        alone = hg.simulate(STRIP, MODEL, policy, n_paths=N, steps=STEPS, seed=0)
        assert (together.pnl[j] == alone.pnl[0]).all()


def test_an_interval_of_constant_variance() -> None:
    """Under power 2 the mean squared return between trades is interval x vol^2 x dt, in calm and in wild markets alike."""
    means = []
    for vol in (0.4, 0.8):
        run = hg.simulate(
            hg.Option(strike=100, expiry=1.0, vol=0.6, quantity=-1), hc.paths.GBM(vol=vol), hg.VolInterval(interval=100, half_life=400),
            n_paths=30, steps=20_000, seed=3, keep=("trades",),
        )  # fmt: skip
        means.append(vol**2 * 20_000 / (run.ledgers["trades"].mean() - 1))
    # whole steps, the EWMA that starts from vol and late options without gamma leave a few per cent
    assert means == pytest.approx([100 * 0.6**2] * 2, rel=0.06)


@pytest.mark.parametrize("coin", [False, True])
def test_smooth_trading(coin: bool) -> None:
    averse = 5.0 if coin else 0.05
    policies: dict[str, tuple[hg.Policy, Make]] = {
        "always": (
            hg.SmoothTrading(risk_aversion=averse),
            lambda i, case: slow.smooth(averse, 0.3, slow.fixed_view(VOL), H, YEARS, H, coin),  # noqa: ARG005
        ),
        "every third": (
            hg.SmoothTrading(risk_aversion=averse, vol=0.7, every=3),
            shared(
                lambda m: at(slow.smooth(averse, 0.3, slow.fixed_view(0.7), 3 * H, YEARS, H, coin), m, every=3)
            ),
        ),
        "fast": (
            hg.SmoothTrading(risk_aversion=1e4 * averse, least_trade=0.02),
            shared(
                lambda m: at(slow.smooth(1e4 * averse, 0.3, slow.fixed_view(VOL), H, YEARS, H, coin), m, least_trade=0.02)
            ),
        ),
    }  # fmt: skip
    check(
        policies,
        slow.Case(LEGS, H, k=1e-3, impact=0.3, coin=coin),
        numeraire="coin" if coin else "quote",
    )


def test_smooth_trading_keeps_its_variance() -> None:
    """Var(x) = s^2 / (2 kappa), through the mean of abs(x).  A strip of many strikes has the same gamma everywhere, so that s is gamma S sigma."""
    steps, years, n, vol, averse, impact, size, gap = 4000, 1.0, 128, 0.3, 1.0, 100.0, 0.02, 2.0
    h, model = years / steps, hc.paths.GBM(vol=vol)
    strikes = np.arange(20.0, 330.0, gap)
    strip = [hg.Option(strike=k, expiry=years, vol=vol, quantity=size) for k in strikes]
    start = sum(
        slow.black(slow.Leg(1, k, steps, vol, size), 100.0, years, 0.0, vol)[1] * size
        for k in strikes.tolist()
    )
    run = hg.simulate(
        strip, model, hg.SmoothTrading(risk_aversion=averse, impact=impact, target=start), n_paths=n, steps=steps, seed=2, keep=hg.LEDGERS
    )  # fmt: skip
    spot = hc.paths.simulate(model, n_paths=n, n_steps=steps, horizon=years, seed=2, every=1).spot
    assert spot is not None
    kappa = np.sqrt(averse * (vol * spot) ** 2 / (2 * impact * h))
    assert np.median(kappa * h) < 0.04  # nearly continuous
    s = size / gap * spot * vol
    want = (np.sqrt(2 / np.pi) * s / np.sqrt(2 * kappa)).mean()
    assert run.mean("exposure")[0] == pytest.approx(want, rel=0.04)


def test_a_fast_smooth_law_is_a_clock() -> None:
    run = hg.simulate(
        STRIP, MODEL, [hg.SmoothTrading(risk_aversion=1e9, impact=1e-3), hg.Clock()], n_paths=N, steps=STEPS, seed=0
    )  # fmt: skip
    assert run.pnl[0] == pytest.approx(run.pnl[1], abs=1e-9)


def test_mistakes_in_vols() -> None:
    def fails(policy: hg.Policy, message: str, model: Any = MODEL) -> None:
        with pytest.raises(ValueError, match=message):
            hg.simulate(STRIP, model, {"x": policy}, n_paths=N, steps=STEPS, seed=0)

    fails(hg.RealisedVolBand(width=0.1), "give half_life or forecast_level")
    fails(hg.VolInterval(interval=3, half_life=2, forecast_level="forecast"), "not both")
    fails(hg.VolInterval(interval=-3, half_life=2), "interval = -3 must be positive")
    fails(hg.VolInterval(interval=3, half_life=2, power=11), "power = -11 must be")
    fails(
        hg.VolInterval(interval=3, forecast_level="vol"),
        r"forecast_level: 'vol' is no level of the paths \(forecast\)",
    )
    fails(hg.SmoothTrading(risk_aversion=1.0), "impact = 0.0 must be positive")
    fails(hg.SmoothTrading(risk_aversion=-1.0, impact=1.0), "risk_aversion = -1 must be positive")
    broken = FORECAST.copy()
    broken[13, 40] = -0.2
    model = hc.paths.Given(SPOTS, levels={"forecast": broken})
    for policy in (
        hg.RealisedVolBand(width=0.1, forecast_level="forecast"),
        hg.AnyOf(hg.Clock(), hg.ForecastWhalleyWilmott(risk_aversion=1.0, cost=1e-3, forecast_level="forecast")),
    ):  # fmt: skip
        fails(
            policy,
            r"policies\[0\]: (members\[1\]: )?forecast_level: the vol of path 13 at step 40 is -0\.2",
            model,
        )


# The venues' hedgers.  Steps of 6 seconds are not those of an option of months: a day of 10-minute steps here, seconds scaled.

SECONDS = YEARS * 365 * 86_400 / STEPS  # of a step

HEDGERS: dict[str, tuple[hg.Policy, Make]] = {
    "Greeks.live Auto": (
        hg.AutoHedger.greeks_live(threshold=0.1, target=0.05, polling=SECONDS),
        lambda *_: lambda w, hedge: slow.ratio(0.1, 0.1, 1.0)(w, hedge - 0.05),
    ),
    "Greeks.live Advanced": (
        hg.AutoHedger.greeks_live(up=0.1, down=0.2, ratio=0.5, polling=2 * SECONDS),
        shared(lambda m: at(slow.ratio(0.1, 0.2, 0.5), m, every=2)),
    ),
    "Greeks.live Advanced, overshooting": (
        hg.AutoHedger.greeks_live(up=0.2, down=0.1, ratio=1.5, polling=None),
        lambda *_: slow.ratio(0.2, 0.1, 1.5),
    ),
    "Greeks.live Advanced, USD": (
        hg.AutoHedger.greeks_live(up=8.0, down=15.0, ratio=0.8, target=-4.0, delta_in="USD", polling=None),
        lambda *_: slow.usd_ratio(8.0, 15.0, 0.8, -4.0),
    ),
    "Bybit": (
        hg.AutoHedger.bybit(
            lower=-0.2, upper=0.1, target=-0.02, quiet_move=0.04, quiet_window=3 * SECONDS, polling=SECONDS
        ),
        shared(
            lambda m: at(
                lambda w, hedge: slow.ratio(0.12, 0.18, 1.0)(w, hedge + 0.02), m, rise=0.04, fall=0.04, window=3
            )
        ),
    ),
    "Gate": (hg.AutoHedger.gate(lower=-0.1, upper=0.15), lambda *_: slow.ratio(0.15, 0.1, 1.0)),
    "script": (
        hg.AutoHedger.deribit_script(polling=5 * SECONDS),
        shared(lambda m: at(slow.ratio(0.1, 0.1, 1.0), m, every=5)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("latency", [0, 3])
def test_the_hedgers_of_venues(latency: int) -> None:
    """With latency: what is in flight counts as held and is not cancelled when the delta comes back."""
    case = slow.Case(LEGS, H, k=1e-3, impact=0.01, latency=latency)
    check(HEDGERS, case, execution=hg.Execution(latency=latency))


def test_a_dollar_target_is_held() -> None:
    run = hg.simulate(
        STRIP, MODEL, hg.AutoHedger(up=0.0, target=500.0, delta_in="USD"), n_paths=N, steps=STEPS, seed=0, keep=hg.LEDGERS
    )  # fmt: skip
    assert run.ledgers["exposure"] == pytest.approx(0.0, abs=1e-9)


def test_polling_in_seconds() -> None:
    option = hg.Option(strike=100, expiry=1 / 365, vol=0.6, quantity=-1)

    def run(policy: hg.Policy, steps: int) -> hg.Run:
        return hg.simulate(option, hc.paths.GBM(vol=0.6), policy, n_paths=20, steps=steps, seed=1)

    five = run(hg.AutoHedger.greeks_live(threshold=0.1), 86_400)
    assert (five.pnl == run(hg.AutoHedger(up=0.1, every=5), 86_400).pnl).all()
    with pytest.raises(
        ValueError, match="polling = 5 s is no whole number of steps, which have 60 s"
    ):
        run(hg.AutoHedger.greeks_live(threshold=0.1), 1440)
    with pytest.raises(ValueError, match="quiet_window = 3600 s is no whole number of steps"):
        run(hg.AutoHedger.bybit(lower=-0.1, upper=0.1, quiet_move=0.01, polling=None), 7)
    with pytest.raises(ValueError, match="not both"):
        run(hg.AutoHedger.greeks_live(threshold=0.1, every=2), 86_400)
    with pytest.raises(ValueError, match=r"lower = 0\.2 must be at most the target 0"):
        hg.AutoHedger.bybit(lower=0.2, upper=0.3)
    with pytest.raises(ValueError, match="give threshold, or up and down"):
        hg.AutoHedger.greeks_live()
    with pytest.raises(ValueError, match="delta_in must be 'coins' or 'USD'"):
        run(hg.AutoHedger(up=0.1, delta_in="EUR"), 24)  # type: ignore[arg-type]


EVERYTHING: dict[str, hg.Policy] = {
    **{name: policy for name, (policy, _) in {**COMBINATIONS, **HEDGERS}.items()},
    "interval": hg.VolInterval(interval=6, half_life=8),
    "ww": hg.ForecastWhalleyWilmott(risk_aversion=0.3, cost=2e-3, forecast_level="forecast"),
    "smooth": hg.SmoothTrading(risk_aversion=0.05, impact=0.3),
}


def test_same_bits() -> None:
    """For threads, shards, order of the policies."""
    names = list(EVERYTHING)

    def run(names: list[str], **arguments: Any) -> hg.Run:
        return hg.simulate(
            STRIP, hc.paths.GBM(vol=0.6), {name: EVERYTHING[name] for name in names}, steps=STEPS, seed=4, keep=hg.LEDGERS,
            levels={"forecast": hc.paths.MeanReverting(mean=-0.5, reversion=20, vol=1.0, logarithmic=True)}, **arguments,
        )  # fmt: skip

    whole = run(names, n_paths=300, threads=1)
    two = run(names, n_paths=300, threads=2)
    part = run(names[::-1], n_paths=33, first_path=100)
    for ledger in hg.LEDGERS:
        assert (whole.ledgers[ledger] == two.ledgers[ledger]).all()
        assert (whole.ledgers[ledger][:, 100:133] == part.ledgers[ledger][::-1]).all()


def test_levels_agree() -> None:
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_hedging_laws as t
run = hc.hedging.simulate(t.STRIP, t.MODEL, t.EVERYTHING, n_paths=t.N, steps=t.STEPS, seed=0)
result["pnl"] = run.pnl
"""
    pnl = [run_at(level, code)["pnl"] for level in AVAILABLE]
    for other in pnl[1:]:
        assert np.isclose(other, pnl[0], rtol=1e-9, atol=1e-9).mean() > 0.999


def test_combinations_in_configurations() -> None:
    text = """
[run]
n_paths = 50
steps = 60
seed = 4
[position]
strike = 100
expiry = 0.1
vol = 0.6
[paths]
type = "GBM"
vol = 0.6
[policies.both]
type = "AnyOf"
members = [{type = "DeltaBand", width = 0.05}, {type = "Clock", every = 20}]
cool_down = 2
"""
    run = hedging_config.simulation_of(text).run()
    same = hg.simulate(
        hg.Option(strike=100, expiry=0.1, vol=0.6), hc.paths.GBM(vol=0.6),
        hg.AnyOf(hg.DeltaBand(width=0.05), hg.Clock(every=20), cool_down=2), n_paths=50, steps=60, seed=4,
    )  # fmt: skip
    assert (run.pnl == same.pnl).all()
