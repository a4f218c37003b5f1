"""Hedge ratios and vols from surfaces: against slow definitions and the rules of hedgecore.surface; Heston's one-day hedges."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg
from hedgecore.hedging.statistics import std_error
from hedgecore.surface import Surface
from hedgecore.surface.dynamics import HullWhite, SkewStickiness

STEPS, YEARS = 40, 0.25
H = YEARS / STEPS
HESTON = hc.paths.Heston(v0=0.36, kappa=2, theta=0.36, xi=1.2, rho=-0.7)
SURFACE = Surface(
    "BTC", None, [0.1, 0.3], [100.0, 101.0],
    [[0.01, 0.06, -0.4, 0.02, 0.25], [0.06, 0.12, -0.3, 0.05, 0.4]], [[-1, 1]] * 2,
)  # fmt: skip
TERMS = [
    ("call", 103.0, YEARS, -2.0),
    ("put", 95.0, YEARS / 4, 1.5),
    ("call", 120.0, YEARS / 2, 3.0),
]
FITTED = {"call": (0.05, -0.2, 0.1), "put": (-0.1, 0.15, 0.3)}


def strip(vol: Any) -> list[hg.Option]:
    return [hg.Option(kind=k, strike=x, expiry=t, quantity=q, vol=vol) for k, x, t, q in TERMS]


def seen(options: Any, ratio: hg.HedgeRatio, n: int = 5, **arguments: Any) -> dict[int, Any]:
    """What a function is shown at each step: spots, variances and the delta of the ratio."""
    shown: dict[int, Any] = {}

    def look(state: hg.State) -> None:
        shown[state.step] = tuple(
            np.array(x[:n]) for x in (state.spot, state.variance, state.delta)
        )

    hg.simulate(
        options, HESTON, hg.Custom(decide=look, hedge_ratio=ratio), n_paths=n, steps=STEPS, seed=8, **arguments
    )  # fmt: skip
    return shown


def share(x: float) -> float:
    """The integral that the share of a reverting variance is, by the midpoint rule: (1/T) of the mean over u of e^-xu - (1 - u) e^-xu."""
    u = (np.arange(200_000) + 0.5) / 200_000
    return float(0.5 * np.mean(np.exp(-x * u) - (1 - u) * np.exp(-x * u)))


def test_share_of_a_reverting_variance() -> None:
    """d = mean of e^(-x u), (1 - d) / x = mean of (1 - u) e^(-x u); their difference, on both sides of where the formula changes."""
    for x in (0.0, 1e-3, 0.3, 0.999, 1.001, 4.0):
        ratio = hg.StochasticVolDelta(rho=1.0, xi=0.4, kappa=x / YEARS)
        option = hg.Option(strike=100, expiry=YEARS, vol=0.5, quantity=1)
        spot, _, delta = seen(option, ratio, n=1)[0]
        d1 = 0.5 * 0.5 * math.sqrt(YEARS)
        want = slow.cdf(d1) + slow.density(d1) * math.sqrt(YEARS) * 0.4 / 0.5 * share(x)
        assert delta[0] == pytest.approx(want, abs=1e-11), x
        assert spot[0] == pytest.approx(100)


@pytest.mark.parametrize("coin", [False, True])
@pytest.mark.parametrize(
    ("name", "source"),
    [
        (name, source)
        for name in ("black", "vol_scale", "smile", "hull_white", "stochastic_vol")
        for source in ("constant", "model", "smile")
        if name != "smile" or source == "smile"  # its slope is that of the option's smile
    ],
)
def test_deltas(name: str, source: str, coin: bool) -> None:
    """Each ratio at each step and path is Black's delta and vega / S times the slope that the rules of surfaces have."""
    rate, held = (0.0 if coin else 0.04), 0.4
    vol = {"constant": 0.55, "model": None, "smile": hg.Smile(SURFACE, held)}[source]
    ratio: hg.HedgeRatio = {
        "black": hg.BlackDelta(),
        "vol_scale": hg.ScaledDelta(vol_scale=1.2),
        "smile": hg.SmileDelta(stickiness=1.7),
        "hull_white": hg.MinimumVariance(**FITTED),
        "stochastic_vol": hg.StochasticVolDelta(),
    }[name]
    shown = seen(strip(vol), ratio, rate=rate, numeraire="coin" if coin else "quote")
    start = 100.0
    for step in (0, 3, 10, 25, STEPS - 1):
        spot, variance, delta = shown[step]
        for i, s in enumerate(spot):
            want = 0.0
            for kind_name, strike, expiry, quantity in TERMS:
                left = expiry - step * H
                if left < H / 2:
                    continue
                kind = 1 if kind_name == "call" else -1
                forward, first = s * math.exp(rate * left), start * math.exp(rate * expiry)
                k = math.log(strike / first) - (1 - held) * math.log(forward / first)
                sigma = {
                    "constant": 0.55,
                    "model": math.sqrt(variance[i]),
                    "smile": float(SURFACE.vol_at(k, expiry)),
                }[source]
                used = sigma * (1.2 if name == "vol_scale" else 1.0)
                value, d, gamma = slow.black(
                    slow.Leg(kind, strike, 0, used, 1), s, left, rate, used
                )
                vega = gamma * s * s * used * left
                slope = 0.0
                if name == "smile":
                    slope = 0.7 * float(SURFACE.skew(k, expiry))
                elif name == "hull_white":
                    slope = float(
                        HullWhite(**FITTED).slope("BTC", kind, forward, strike, left, sigma)
                    )
                elif name == "stochastic_vol":
                    slope = -0.7 * 1.2 / sigma * share(2 * left)
                want += quantity * (d - (value / s if coin else 0.0) + vega / s * slope)
            assert delta[i] == pytest.approx(want, rel=1e-9, abs=1e-9), (step, i)


def test_a_smile_moves_as_books_do() -> None:
    """The vol after a move is that of SkewStickiness.slide: premium, Greeks and stickiness are one rule."""
    for held in (0.0, 1.0, 2.0):
        smile, rule = hg.Smile(SURFACE, held), SkewStickiness({"BTC": SURFACE}, held)
        option = hg.Option(strike=90.0, expiry=0.2, vol=smile, quantity=1.0)
        run = hg.simulate(
            option, hc.paths.Given([[100.0, 80.0, 80.0]], vol=0.5), hg.NoHedge(), n_paths=1, steps=2, seed=0, attribution=True
        )  # fmt: skip
        first = float(SURFACE.vol_at(math.log(0.9), 0.2))
        then = first + float(rule.slide("BTC", 1, 100.0, 90.0, 0.2, first, math.log(0.8)))
        vega = slow.density(math.log(100 / 90) / (first * math.sqrt(0.2)) + first * math.sqrt(0.2) / 2) * 100 * math.sqrt(0.2)  # fmt: skip
        assert float(run.lines["vega"][0]) == pytest.approx(vega * (then - first), rel=1e-9, abs=1e-11)  # fmt: skip
        assert -run.premium == pytest.approx(hc.price("call", strike=90.0, expiry=0.2, vol=first, spot=100.0), rel=1e-12)  # fmt: skip


def test_sticky_strike_is_a_constant_vol() -> None:
    constant = [
        hg.Option(
            kind=k, strike=x, expiry=t, quantity=q, vol=float(SURFACE.vol_at(math.log(x / 100), t))
        )
        for k, x, t, q in TERMS
    ]
    policies = [hg.Clock(), hg.DeltaBand(width=0.1), hg.Zakamouline(risk_aversion=1.0, cost=1e-3)]
    a, b = (
        hg.simulate(o, HESTON, policies, n_paths=100, steps=STEPS, seed=1)
        for o in (strip(hg.Smile(SURFACE)), constant)
    )
    np.testing.assert_allclose(a.pnl, b.pnl, rtol=1e-9, atol=1e-8)


def test_ratios_are_shared_and_change_nothing_else() -> None:
    """A policy has the same bits alone and among policies of all ratios; Zakamouline's band moves with the ratio's delta."""
    ratios: list[hg.HedgeRatio] = [
        hg.BlackDelta(), hg.ScaledDelta(vol_scale=1.2), hg.MinimumVariance(**FITTED), hg.StochasticVolDelta(),
        hg.SmileDelta(stickiness=2.0), hg.SmileDelta(stickiness=1.0),
    ]  # fmt: skip
    policies: dict[str, hg.Policy] = {}
    for j, ratio in enumerate(ratios):
        policies[f"clock {j}"] = hg.Clock(every=3, hedge_ratio=ratio)
        policies[f"band {j}"] = hg.DeltaBand(width=0.05, hedge_ratio=ratio)
        policies[f"law {j}"] = hg.Zakamouline(risk_aversion=1.0, cost=1e-3, hedge_ratio=ratio)
    given: dict[str, Any] = {"n_paths": 200, "steps": STEPS, "seed": 3, "keep": hg.LEDGERS}
    options = strip(hg.Smile(SURFACE, 0.5))
    run = hg.simulate(options, HESTON, policies, **given)
    for name in ("clock 2", "band 4", "law 3", "clock 0"):
        alone = hg.simulate(options, HESTON, policies[name], threads=2, **given)
        for ledger in hg.LEDGERS:
            assert (alone.ledgers[ledger][0] == run.ledgers[ledger][run.index(name)]).all()
    # R = 1 is Black's delta
    np.testing.assert_allclose(run.pnl[run.index("clock 5")], run.pnl[run.index("clock 0")], atol=1e-9)  # fmt: skip
    assert len({float(run.pnl[j].std()) for j in range(0, 15, 3)}) == 5


def characteristic(u: Any, tau: float, v: Any, m: Any) -> Any:
    """Heston's characteristic function of ln(S_T / S_0), in the form without jumps of the logarithm (Albrecher et al. 2007)."""
    b = m.kappa - m.rho * m.xi * 1j * u
    d = np.sqrt(b * b + m.xi**2 * (u * u + 1j * u))
    g, e = (b - d) / (b + d), np.exp(-d * tau)
    c = m.kappa * m.theta / m.xi**2 * ((b - d) * tau - 2 * np.log((1 - g * e) / (1 - g)))
    return np.exp(c + v * (b - d) / m.xi**2 * (1 - e) / (1 - g * e))


def heston_call(spot: Any, v: Any, strike: float, tau: float, m: Any) -> Any:
    """By Lewis's integral."""
    u = (np.arange(1500) + 0.5) * 0.1
    k = np.log(np.asarray(spot, float) / strike)[..., None]
    phi = characteristic(u - 0.5j, tau, np.asarray(v, float)[..., None], m)
    part = (np.exp(1j * u * k) * phi / (u * u + 0.25)).real.sum(-1) * 0.1 / math.pi
    return spot - np.sqrt(np.asarray(spot) * strike) * part


@pytest.mark.parametrize(
    ("rho", "partial", "least"), [(-0.7, 1.454, 0.858), (-0.3, 1.060, 0.983), (0.3, 1.065, 0.978)]
)
def test_one_day_hedges_in_heston(rho: float, partial: float, least: float) -> None:
    """Variance of a hedge for a day by that of Black's delta at the implied vol, another program's figures: the delta of sticky
    moneyness (the model's own dC/dS) is worse, that of least variance better."""
    m = hc.paths.Heston(v0=0.36, kappa=2, theta=0.36, xi=1.2, rho=rho)
    tau, day, n = 30 / 365, 1 / 365, 6000
    paths = hc.paths.simulate(m, n_paths=n, n_steps=24, horizon=day, seed=17)
    assert paths.spot is not None
    assert paths.variance is not None
    spot, variance = paths.spot[:, 0], paths.variance[:, 0]
    first = float(heston_call(np.array(100.0), np.array(0.36), 100.0, tau, m))
    gain = np.concatenate(
        [heston_call(s, v, 100.0, tau - day, m) for s, v in zip(np.split(spot, 10), np.split(variance, 10), strict=True)]
    ) - first  # fmt: skip
    vol = float(hc.implied_vol(first, "call", strike=100.0, expiry=tau, forward=100.0))
    # the smile of the model near the money, as a slice: its psi is what sticky moneyness takes
    up, down = (heston_call(np.array(100.0), np.array(0.36), x, tau, m) for x in (100.5, 99.5))
    vols = [
        float(hc.implied_vol(float(c), "call", strike=x, expiry=tau, forward=100.0))
        for c, x in ((up, 100.5), (down, 99.5))
    ]
    psi = (vols[0] - vols[1]) / math.log(100.5 / 99.5)
    w, slope, bend = vol * vol * tau, 2 * vol * psi * tau, 0.02
    slice_ = [w - bend, 1.0 * abs(slope) / 0.5 * 1.0, 0.5 * math.copysign(1, slope), 0.0, 0.0]
    slice_[4] = bend / slice_[1]
    surface = Surface("BTC", None, [tau], [100.0], [slice_], [[-1, 1]])
    option = hg.Option(strike=100, expiry=tau, vol=hg.Smile(surface), quantity=1)
    deltas: dict[str, float] = {}
    for name, ratio in {
        "black": hg.BlackDelta(),
        "partial": hg.SmileDelta(stickiness=0.0),
        "local": hg.SmileDelta(stickiness=2.0),
        "least": hg.StochasticVolDelta(),
    }.items():

        def look(state: hg.State, name: str = name) -> None:
            deltas[name] = float(state.delta[0])

        hg.simulate(option, m, hg.Custom(decide=look, hedge_ratio=ratio, every=1000), n_paths=1, steps=30, seed=0)  # fmt: skip
    # the delta of the model itself
    e = 0.01
    own = float(heston_call(np.array(100 + e), np.array(0.36), 100.0, tau, m) - heston_call(np.array(100 - e), np.array(0.36), 100.0, tau, m)) / (2 * e)  # fmt: skip
    assert deltas["partial"] == pytest.approx(own, abs=2e-3)
    # and that of least variance, of which the core's is the first order in the vol of vol
    by_v = float(heston_call(np.array(100.0), np.array(0.361), 100.0, tau, m) - heston_call(np.array(100.0), np.array(0.359), 100.0, tau, m)) / 0.002  # fmt: skip
    assert deltas["least"] == pytest.approx(own + rho * 1.2 * by_v / 100, abs=4e-3)
    move = spot - 100

    def ratio_of(name: str) -> tuple[float, float]:
        a, b = (gain - deltas[x] * move for x in (name, "black"))
        r = a.var() / b.var()
        centred = [(x - x.mean()) ** 2 / x.var() for x in (a, b)]
        return r, r * std_error(centred[0] - centred[1])

    for name, want in (("partial", partial), ("least", least), ("local", least)):
        got, error = ratio_of(name)
        assert abs(got - want) < 4.5 * error + 0.012, (name, got, error)


def test_bad_input() -> None:
    option = hg.Option(strike=100, expiry=YEARS, vol=0.5, quantity=1)
    go: Any = lambda policy, o=option, model=HESTON: hg.simulate(o, model, policy, n_paths=2, steps=4, seed=0)  # fmt: skip
    with pytest.raises(ValueError, match=r"delta of a smile needs options with one; position\[0\]"):
        go(hg.Clock(hedge_ratio=hg.SmileDelta(stickiness=0.0)))
    with pytest.raises(ValueError, match="rho must be given: the paths have no stochastic"):
        go(hg.Clock(hedge_ratio=hg.StochasticVolDelta()), model=hc.paths.GBM(vol=0.5))
    with pytest.raises(ValueError, match=r"call = .* must be three finite numbers"):
        go(hg.Clock(hedge_ratio=hg.MinimumVariance(call=(1, 2), put=(0, 0, 0))))
    with pytest.raises(ValueError, match="hedges the delta at its own vol"):
        go(hg.ScaledVol(vol_scale=1.1, hedge_ratio=hg.StochasticVolDelta()))
    with pytest.raises(TypeError, match="hedge_ratio must be one of"):
        go(hg.Clock(hedge_ratio="smile"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stickiness = nan must be finite"):
        go(hg.Clock(hedge_ratio=hg.SmileDelta(stickiness=math.nan)))
    sabr = Surface("BTC", None, [0.1], [100.0], [[0.5, 1.0, 1.0, -0.3]], [[-1, 1]], model="sabr")
    with pytest.raises(ValueError, match="surface must be one of SVI slices"):
        hg.Smile(sabr)
    low = Surface("BTC", None, [0.1], [100.0], [[-0.015625, 0.125, 0.0, 0.0, 0.125]], [[-1, 1]])
    with pytest.raises(ValueError, match=r"position\[0\]: smile: its least total variance"):
        go(hg.Clock(), o=hg.Option(strike=100, expiry=0.1, vol=hg.Smile(low), quantity=1))
