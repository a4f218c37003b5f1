"""What made the P&L, against a slow definition: Taylor terms and revaluations option by option, step by step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hedgecore as hc
import hedging_oracle as slow
from hedgecore import hedging as hg
from hedgecore.hedging.attribution import LINES

STEPS, YEARS = 40, 0.25
H = YEARS / STEPS
HESTON = hc.paths.Heston(v0=0.36, kappa=2, theta=0.36, xi=1.2, rho=-0.7)
STRIP = [
    hg.Option(strike=103.0, expiry=YEARS, vol=0.5, quantity=-2.0),
    hg.Option(kind="put", strike=95.0, expiry=YEARS / 4, vol=0.7, quantity=1.5),
    hg.Option(strike=120.0, expiry=YEARS / 2, vol=0.55, quantity=3.0),
]
POLICIES = [hg.NoHedge(), hg.Clock(), hg.DeltaBand(width=0.1), hg.PriceMove(threshold=0.05)]


def value(o: hg.Option, spot: float, step: int, rate: float, vol: float, coin: bool) -> float:
    """Of one option in the currency of the accounts, what it pays at its expiry."""
    kind, left = (1 if o.kind == "call" else -1), round(o.expiry / H) - step
    if left == 0:
        worth = max(kind * (spot - o.strike), 0.0)
    else:
        worth = slow.black(slow.Leg(kind, o.strike, 0, vol, 1.0), spot, left * H, rate, vol)[0]
    return worth / spot if coin else worth


def derivatives(f: Any, x: float, v: float) -> tuple[float, ...]:
    """First and second ones by x and v, by differences of fourth order."""

    def first(g: Any, at: float, e: float) -> float:
        return float((8 * (g(at + e) - g(at - e)) - g(at + 2 * e) + g(at - 2 * e)) / (12 * e))

    def second(g: Any, at: float, e: float) -> float:
        near, far = g(at + e) + g(at - e), g(at + 2 * e) + g(at - 2 * e)
        return float((16 * near - far - 30 * g(at)) / (12 * e * e))

    ex, ev = 2e-3 * abs(x), 2e-3 * v
    return (
        first(lambda y: f(y, v), x, ex),
        second(lambda y: f(y, v), x, ex),
        first(lambda w: f(x, w), v, ev),
        first(lambda w: first(lambda y: f(y, w), x, ex), v, ev),
        second(lambda w: f(x, w), v, ev),
    )


def decay(o: hg.Option, spot: float, step: int, rate: float, vol: float) -> float:
    """Theta of an option, by a difference."""
    kind, left, e = (1 if o.kind == "call" else -1), (round(o.expiry / H) - step) * H, 1e-4 * H
    leg = slow.Leg(kind, o.strike, 0, vol, 1.0)
    before, after = (slow.black(leg, spot, left + d, rate, vol)[0] for d in (e, -e))
    return (after - before) / (2 * e)


def position_lines(
    options: list[hg.Option], spots: Any, vols: Any, rate: float, coin: bool, jump_vol: Any
) -> dict[str, float]:
    """The position's lines: derivatives by differences in S, or in -1 / S where amounts are coins."""
    out = dict.fromkeys(("delta", "gamma_theta", "vega", "vanna", "volga", "carry", "rest", "jumps"), 0.0)  # fmt: skip
    there = (lambda x: -1 / x) if coin else (lambda x: x)
    for t in range(STEPS):
        after, before = (math.exp(rate * (STEPS - u) * H) for u in (t + 1, t))
        s, s1 = float(spots[t]), float(spots[t + 1])
        rest = 0.0
        for j, o in enumerate(options):
            if round(o.expiry / H) <= t:
                continue
            last = round(o.expiry / H) == t + 1
            v = vols[j][t]
            dv = 0.0 if last else vols[j][t + 1] - v
            x, x1 = (-1 / s, -1 / s1) if coin else (s, s1)
            f = lambda y, w, o=o, t=t: value(o, there(y), t, rate, w, coin)
            d, g, vega, vanna, volga = derivatives(f, x, v)
            theta = decay(o, s, t, rate, v) / (s if coin else 1.0)
            terms = {
                "delta": d * (x1 - x),
                "gamma_theta": g * (x1 - x) ** 2 / 2 + theta * H,
                "vega": vega * dv,
                "vanna": vanna * (x1 - x) * dv,
                "volga": volga * dv * dv / 2,
            }
            now, then = value(o, s, t, rate, v, coin), value(o, s1, t + 1, rate, v + dv, coin)
            for name, term in terms.items():
                out[name] += o.quantity * term * after
            out["carry"] += o.quantity * now * (after - before)
            rest += o.quantity * (then - now - sum(terms.values())) * after
        big = abs(math.log(s1 / s)) > 4 * jump_vol(t) * math.sqrt(H)
        out["jumps" if big else "rest"] += rest
    return out


def close(got: Any, want: float, scale: float) -> None:
    assert float(got) == pytest.approx(want, rel=2e-5, abs=2e-7 * scale)


def test_the_vol_of_a_jump_is_that_of_the_start_of_its_step() -> None:
    model = hc.paths.Bates(
        v0=0.36, kappa=2, theta=0.36, xi=4, rho=-0.7, intensity=100, jump_mean=0.0, jump_std=0.3
    )
    run = hg.simulate(
        hg.Option(strike=103.0, expiry=0.02), model, hg.NoHedge(), n_paths=4000, steps=2, seed=3, attribution=True
    )  # fmt: skip
    paths = hc.paths.simulate(model, n_paths=4000, n_steps=2, horizon=0.02, seed=3, every=1)
    big = np.abs(np.diff(np.log(paths.spot))) > 4 * np.sqrt(
        np.maximum(paths.variance[:, :-1], 1e-12) * 0.01
    )
    stale = np.abs(np.diff(np.log(paths.spot))[:, 1]) > 0.24
    assert (stale != big[:, 1]).mean() > 0.05  # what the first vol would take for one
    assert not run.lines["jumps"][~big.any(axis=1)].any()
    assert not run.lines["residual"][big.all(axis=1)].any()


@pytest.mark.parametrize("coin", [False, True])
@pytest.mark.parametrize("source", ["constant", "model", "smile"])
def test_lines_of_the_position(coin: bool, source: str) -> None:
    rate = 0.0 if coin else 0.06
    n = 4
    paths = hc.paths.simulate(HESTON, n_paths=n, n_steps=STEPS, horizon=YEARS, seed=5, every=1)
    options, mean = STRIP, float(np.average([0.5, 0.7, 0.55], weights=[2, 1.5, 3]))
    if source != "constant":
        vol = None if source == "model" else hg.Smile(skewed(), stickiness=0.3)
        options = [
            hg.Option(kind=o.kind, strike=o.strike, expiry=o.expiry, quantity=o.quantity, vol=vol)
            for o in STRIP
        ]
    run = hg.simulate(
        options, HESTON, POLICIES, n_paths=n, steps=STEPS, seed=5, rate=rate, attribution=True,
        numeraire="coin" if coin else "quote",
    )  # fmt: skip
    scale = abs(run.premium)
    for i in range(n):
        variance = paths.variance[i]
        if source == "constant":
            vols, jump = [[o.vol] * (STEPS + 1) for o in options], (lambda _: mean)
        elif source == "model":
            vols, jump = [np.sqrt(variance).tolist()] * 3, (lambda t, v=variance: math.sqrt(v[t]))
        else:
            vols = [smile_vols(o, paths.spot[i], rate) for o in options]
            start = float(np.average([v[0] for v in vols], weights=[2, 1.5, 3]))
            jump = lambda _, start=start: start
        want = position_lines(options, paths.spot[i], vols, rate, coin, jump)
        for name in ("delta", "gamma_theta", "vega", "vanna", "volga", "carry", "jumps"):
            close(run.lines[name][i], want[name], scale)
        close(run.lines["residual"][i], want["rest"], 30 * scale)
        close(run.lines["edge"][i], 0.0, scale)
    if source == "constant":
        for name in ("vega", "vanna", "volga"):
            assert (run.lines[name] == 0).all()


def skewed() -> Any:
    """A surface of two slices with a skew."""
    from hedgecore.surface import Surface

    slices = [[0.01, 0.06, -0.4, 0.02, 0.25], [0.06, 0.12, -0.3, 0.05, 0.4]]
    return Surface("BTC", None, [0.1, 0.3], [100.0, 101.0], slices, [[-1, 1]] * 2)


def smile_vols(o: hg.Option, spots: Any, rate: float) -> list[float]:
    """The vol of an option along a path, from the surface's own evaluation and the rule of stickiness."""
    assert isinstance(o.vol, hg.Smile)
    forward = spots * np.exp(rate * (o.expiry - np.arange(STEPS + 1) * H))
    k = np.log(o.strike / forward[0]) - (1 - o.vol.stickiness) * np.log(forward / forward[0])
    return [float(v) for v in o.vol.surface.vol_at(k, o.expiry)]


@pytest.mark.parametrize("coin", [False, True])
@pytest.mark.parametrize("instrument", ["spot", "linear", "inverse", "future"])
@pytest.mark.parametrize("latency", [0, 2])
def test_lines_of_policies_add_up(coin: bool, instrument: str, latency: int) -> None:
    """The sum is the P&L to rounding; the net delta line is that of what is held, step by step, and carry is funding and basis."""
    trade: Any = {
        "spot": hg.Spot(),
        "linear": hg.Perpetual(funding=0.3),
        "inverse": hg.Perpetual(settlement="inverse", funding=0.3),
        "future": hg.Future(maturity=0.4, basis=0.15),
    }[instrument]
    rate = 0.0 if coin else 0.05
    strip = hg.Strip(options=STRIP, holding=40.0 if instrument == "inverse" else 0.4)
    run = hg.simulate(
        strip, HESTON, POLICIES, n_paths=130, steps=STEPS, seed=2, rate=rate, attribution=True, instrument=trade,
        costs=hg.Costs(fee=5e-4, fixed=0.01, impact=0.01), execution=hg.Execution(latency=latency),
        numeraire="coin" if coin else "quote", trace=5,
    )  # fmt: skip
    lines = run.attribution
    total = np.sum([lines.line(name) for name in LINES], axis=0)
    np.testing.assert_allclose(total, run.pnl, atol=1e-11 * abs(run.premium))
    trace = run.trace
    assert trace is not None
    for i in range(5):
        s = trace.spot[i]
        for j in range(len(POLICIES)):
            held = trace.held[j, i]
            net = held[:-1] * trace.unit[i, :-1] + trace.delta[i, :-1]
            y = np.diff(s) * np.exp(rate * H * np.arange(STEPS)[::-1]) / (s[1:] if coin else 1.0)
            close(lines.line("delta")[j, i], float(net @ y), abs(run.premium))
    if instrument == "spot" and rate == 0:
        assert np.abs(lines.line("carry")).max() < 1e-12
    if instrument != "spot":
        assert np.abs(lines.line("carry")[1]).max() > 1e-4 * abs(run.premium)
    assert run.columns()["from_cost"] == pytest.approx(-run.mean("cost"))


def test_attribution_changes_nothing_and_is_shared() -> None:
    arguments: dict[str, Any] = {
        "n_paths": 300, "steps": STEPS, "seed": 4, "costs": hg.Costs(fee=5e-4),
        "execution": hg.Execution(latency=hg.geometric(2.0), failure=0.2),
    }  # fmt: skip
    plain = hg.simulate(STRIP, HESTON, POLICIES, **arguments)
    full = hg.simulate(STRIP, HESTON, POLICIES, attribution=True, **arguments)
    assert (plain.pnl == full.pnl).all()
    alone = hg.simulate(STRIP, HESTON, POLICIES[2], attribution=True, threads=2, **arguments)
    for name in LINES:
        assert (alone.attribution.line(name)[0] == full.attribution.line(name)[2]).all()
    parts = [
        hg.simulate(STRIP, HESTON, POLICIES, attribution=True, first_path=first, **arguments | {"n_paths": n})
        for first, n in ((0, 140), (140, 160))
    ]  # fmt: skip
    joined = hg.Run.joined(parts)
    for name in LINES:
        assert (joined.attribution.line(name) == full.attribution.line(name)).all()
    with pytest.raises(ValueError, match="attribution was not asked for"):
        _ = plain.attribution


@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(["call", "put"]),
    strike=st.floats(40, 250),
    vol=st.floats(0.2, 1.5),
    quantity=st.floats(-3, 3),
    premium=st.none() | st.floats(0, 20),
    coin=st.booleans(),
)
def test_sums_for_any_option(
    kind: str, strike: float, vol: float, quantity: float, premium: float | None, coin: bool
) -> None:
    option = hg.Option(
        kind=kind, strike=strike, expiry=0.1, vol=vol, quantity=quantity, premium=premium
    )
    run = hg.simulate(
        option, hc.paths.Merton(vol=0.5, intensity=12, jump_mean=-0.1, jump_std=0.1), POLICIES, n_paths=40, steps=20, seed=1,
        attribution=True, numeraire="coin" if coin else "quote", costs=hg.Costs(fee=1e-3),
    )  # fmt: skip
    total = np.sum([run.attribution.line(name) for name in LINES], axis=0)
    np.testing.assert_allclose(
        total, run.pnl, atol=(1e-11 if not coin else 1e-13) * (1 + abs(quantity)) * 100
    )


def test_residual_falls_with_the_step_and_jumps_are_told_apart() -> None:
    """The share of the residual is small for short steps; jumps go to their own line."""
    option = hg.Option(strike=100, expiry=30 / 365, vol=0.6, quantity=-1)
    shares = []
    for steps in (120, 480, 1920):
        run = hg.simulate(
            option, hc.paths.GBM(vol=0.6), hg.Clock(), n_paths=500, steps=steps, seed=1, attribution=True
        )  # fmt: skip
        shares.append(float(run.attribution.residual_share[0]))
        assert np.abs(run.lines["jumps"]).mean() < 0.01 * np.abs(run.lines["gamma_theta"]).mean()
    assert shares[0] > shares[1] > shares[2]
    assert shares[2] < 0.05
    jumpy = hc.paths.Merton(vol=0.4, intensity=24, jump_mean=-0.08, jump_std=0.05)
    run = hg.simulate(option, jumpy, hg.Clock(), n_paths=1000, steps=720, seed=1, attribution=True)
    columns = run.attribution.columns()
    assert abs(columns["jumps"][0]) > 20 * abs(columns["residual"][0])
    assert "residual_share" in run.attribution.summary()
