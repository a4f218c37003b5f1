"""Options with a schedule: the same decisions as options without one, Greeks of the terms of each step, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import hedging, paths

STEPS = 40
YEARS = 40 / 365


def path() -> np.ndarray[Any, Any]:
    moves = np.random.default_rng(5).normal(0, 0.03, STEPS)
    return 100 * np.exp(np.concatenate([[0.0], np.cumsum(moves)]))


def run(options: list[hedging.Option], policies: Any, **more: Any) -> hedging.Run:
    spot = path()[None]
    return hedging.simulate(
        options, paths.Given(spot), policies, n_paths=1, steps=STEPS, seed=1, trace=1,
        costs=hedging.Costs(fee=5e-4), **{"numeraire": "quote", **more},
    )  # fmt: skip


def option(schedule: hedging.Schedule | None = None, **terms: Any) -> hedging.Option:
    return hedging.Option(
        **{"strike": 105, "expiry": YEARS, "vol": 0.6, "quantity": -2.0, "schedule": schedule, **terms}
    )  # fmt: skip


def constant() -> hedging.Schedule:
    n = np.arange(STEPS)
    return hedging.Schedule(
        first=0, quantity=np.full(STEPS, -2.0), strike=np.full(STEPS, 105.0), vol=np.full(STEPS, 0.6),
        years=(STEPS - n) * (YEARS / STEPS),
    )  # fmt: skip


LAWS = {
    "clock": hedging.Clock(),
    "band": hedging.DeltaBand(width=0.1),
    "move": hedging.PriceMove(threshold=0.05),
    "Leland": hedging.Leland(),
    "WW": hedging.WhalleyWilmott(risk_aversion=0.1),
    "Zakamouline": hedging.Zakamouline(risk_aversion=0.1),
    "stochastic vol": hedging.Clock(
        hedge_ratio=hedging.StochasticVolDelta(rho=-0.5, xi=1.0, kappa=2.0)
    ),
    "blackout": hedging.Clock(blackout=5),
}


@pytest.mark.parametrize("numeraire", ["quote", "coin"])
def test_a_schedule_of_constant_terms_is_the_option(numeraire: str) -> None:
    plain, scheduled = (
        run([option(x)], LAWS, numeraire=numeraire) for x in (None, constant())
    )  # fmt: skip
    assert plain.trace is not None
    assert scheduled.trace is not None
    np.testing.assert_allclose(scheduled.trace.held, plain.trace.held, rtol=0, atol=1e-12)
    np.testing.assert_allclose(scheduled.trace.cost, plain.trace.cost, rtol=1e-12, atol=1e-12)
    # what the option earns is kept elsewhere
    np.testing.assert_allclose(scheduled.pnl, plain.pnl - plain.unhedged, rtol=0, atol=1e-9)
    assert (scheduled.unhedged == 0).all()


def test_deltas_are_those_of_the_terms_of_each_step() -> None:
    rng = np.random.default_rng(6)
    first, n = 7, 20
    schedules = [
        hedging.Schedule(
            first=start, quantity=rng.normal(size=n), strike=rng.uniform(80, 120, n), vol=rng.uniform(0.3, 0.9, n),
            years=rng.uniform(0.01, 0.2, n),
        )
        for start in (first, first + 9)
    ]  # fmt: skip
    kinds = ("call", "put")
    options = [option(s, kind=k) for s, k in zip(schedules, kinds, strict=True)]
    trace = run(options, hedging.Clock()).trace
    assert trace is not None
    wanted = np.zeros(STEPS + 1)
    for s, kind in zip(schedules, kinds, strict=True):
        at = slice(s.first, s.first + n)
        delta = hc.greeks(
            kind, strike=s.strike, expiry=s.years, vol=s.vol, forward=path()[at], which=("delta",)
        ).delta
        wanted[at] += np.asarray(s.quantity) * delta
    np.testing.assert_allclose(trace.delta[0], wanted, rtol=0, atol=1e-13)
    np.testing.assert_allclose(trace.held[0, 0, :-1], -wanted[:-1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"vol": np.where(np.arange(STEPS) == 3, 0.0, 0.5)}, r"vol\[3\] = 0.0 must be positive"),
        ({"quantity": np.full(STEPS, np.nan)}, r"quantity\[0\] = nan must be finite"),
        ({"strike": np.full(STEPS - 1, 100.0)}, r"strike must be of one length with quantity"),
        ({"first": 1}, r"schedule = 41.* must be over before the step of expiry"),
        ({"first": -1}, r"first = -1"),
    ],
)
def test_bad_schedules_are_named(changed: dict[str, Any], message: str) -> None:
    given = {name: getattr(constant(), name) for name in ("first", "quantity", "strike", "vol", "years")}  # fmt: skip
    with pytest.raises(ValueError, match=message):
        run([option(hedging.Schedule(**given | changed))], hedging.Clock())


def test_what_a_schedule_does_not_go_with() -> None:
    with pytest.raises(ValueError, match="schedule must be given, as others are"):
        run([option(constant()), option()], hedging.Clock())
    with pytest.raises(ValueError, match="attribution"):
        run([option(constant())], hedging.Clock(), attribution=True)
    with pytest.raises(ValueError, match="permanent"):
        hedging.simulate(
            [option(constant())], paths.Given(path()[None]), hedging.Clock(), n_paths=1, steps=STEPS, seed=1,
            numeraire="quote", costs=hedging.Costs(permanent=0.1),
        )  # fmt: skip
