"""Scenarios in which vols go with the forward, and shocks with a shape: against direct revaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import _core
from hedgecore.scenarios import MEASURES, Node, Nodes
from hedgecore.surface.dynamics import (
    Bartlett,
    HullWhite,
    SkewStickiness,
    StickyMoneyness,
    StickyStrike,
)
from test_book import JUNE, NAMES
from test_dynamics import SABR, SURFACES, market
from test_memory import growth
from test_scenarios import NAMES_OF, book, random_options

SPOTS = [-0.3, -0.05, 0.0, 0.1, 0.4]
GREEKS = ("price", "delta", "gamma", "vega")
SLICES = np.concatenate([SURFACES["BTC"].parameters[1], SURFACES["BTC"].parameters[2]])


def shocked(factor: float, vol: Any) -> hc.Market:
    """The market with all prices moved, and vols as a function of (base, old forward, strike, expiry)."""
    m = market()
    return m.replaced(
        index={k: v * factor for k, v in m.index.items()},
        forwards={k: v * factor for k, v in m.forwards.items()},
        prices={k: v * factor for k, v in m.prices.items()},
        vols=lambda base, f, k, t: vol(base, f / factor, k, t),
    )


def close(got: Any, expected: Any, name: str = "", rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(
        got, expected, rtol=rtol, atol=rtol * np.abs(expected).max(), err_msg=name
    )


@pytest.mark.parametrize("ratio", [0.0, 0.5, 2.0])
def test_every_node_is_the_book_in_a_market_whose_smile_slid(ratio: float) -> None:
    rule = SkewStickiness(SURFACES, ratio)
    held, m = book(), market()
    grid = held.scenarios(
        m, spot=SPOTS, vol=[0.0, 0.2], vol_shock="relative", dynamics=rule, measures=MEASURES
    )
    for i, move in enumerate(SPOTS):
        for j, bump in enumerate((0.0, 0.2)):

            def vol(
                base: str, f: Any, k: Any, t: Any, move: float = move, bump: float = bump
            ) -> Any:
                x = np.log(k / f)
                slid = SURFACES[base].vol_at(x - (1 - ratio) * np.log1p(move), t)
                return (SURFACES[base].vol_at(x, t) + (slid - SURFACES[base].vol_at(x, t))) * (
                    1 + bump
                )

            risk = held.risk(shocked(1 + move, vol))
            at = 2 * i + j
            for name in ("value_usd", "gamma_usd_1pct", "vega_usd", "theta_usd", "net_gamma_1pct"):
                close(grid[name][at], risk[name], name)
    if ratio == 0.0:  # a surface in the moved market is sticky moneyness by itself
        for i, move in enumerate(SPOTS):
            there = shocked(1 + move, lambda base, f, k, t, u=1 + move: SURFACES(base, f * u, k, t))
            risk = held.risk(there, dynamics=rule)
            for name in ("value_usd", "net_delta", "black_delta", "usd_delta"):
                close(grid[name][2 * i], risk[name], name)


@pytest.mark.parametrize(
    "rule",
    [
        StickyMoneyness(SURFACES),
        SkewStickiness(SURFACES, {"BTC": 1.6, "ETH": 0.4}),
        HullWhite((-0.02, 0.03, -0.02), (0.02, 0.03, 0.01)),
        Bartlett({"BTC": SABR, "ETH": SABR}),
    ],
)
def test_zero_node_is_book_risk_and_deltas_are_slopes_of_the_pnl(rule: Any) -> None:
    held, m = book(), market(averaging=0.0)
    zero = held.scenarios(m, spot=[0.0], dynamics=rule, measures=MEASURES)
    risk = held.risk(m, dynamics=rule)
    for name in MEASURES:
        np.testing.assert_allclose(zero[name][0], risk[name], rtol=1e-11, atol=1e-11, err_msg=name)
    h = 1e-4
    for move, bump in ((0.0, 0.0), (-0.1, 0.1), (0.2, 0.3)):
        steps = [(1 + move) * np.exp(k * h) - 1 for k in (-2, -1, 0, 1, 2)]
        grid = held.scenarios(
            m, spot=steps, vol=[bump], vol_shock="relative", dynamics=rule,
            measures=("usd_delta", "net_delta"),
        )  # fmt: skip
        pnl = grid["pnl_usd"]
        slope = (8 * (pnl[3] - pnl[1]) - (pnl[4] - pnl[0])) / (12 * h)
        spot = np.array([m.index.get(str(base), 1.0) for base in grid.underlying]) * (1 + move)
        moving = np.array([str(base) in ("BTC", "ETH") for base in grid.underlying])
        close((grid["usd_delta"][2] * spot)[moving], slope[moving], rtol=1e-7)


def test_small_moves_agree_with_the_greeks_to_third_order() -> None:
    """Spot and vol together, the smile's part of delta and gamma taken from the rule by differences."""
    rule = SkewStickiness(SURFACES, 0.3)
    f, t = 88_000.0, 0.15
    held = hc.Book.from_frame(
        {"base": ["BTC"], "kind": ["call"], "strike": [93_000.0], "quantity": [10.0], "settlement": ["inverse"],
         "expiry_time": [np.datetime64("2026-06-10T13:30", "us") + np.timedelta64(round(t * 3.1536e13), "us")]}
    )  # fmt: skip
    when = held.instruments.expiry_time[0]
    m = hc.Market("2026-06-10T13:30", index={"BTC": f}, forwards={("BTC", when): f}, vols=SURFACES)
    greeks = held.risk(m, dynamics=rule)
    step = 1e-4
    near = held.scenarios(
        m, spot=np.expm1([-step, step]), dynamics=rule, measures=("net_delta", "vega_coin")
    )
    bend = np.diff(near["net_delta"][:, 0])[0] / (2 * step)
    cross = np.diff(near["vega_coin"][:, 0])[0] / (2 * step) * 100
    by_vol = held.scenarios(m, vol=[-step, step], dynamics=rule, measures=("vega_coin",))
    volga = np.diff(by_vol["vega_coin"][:, 0])[0] / (2 * step) * 100
    left = []
    for h in (4e-3, 2e-3):
        pnl = held.scenarios(m, nodes=[Node(np.expm1(h), 0.5 * h)], dynamics=rule).pnl(
            currency="coin"
        )[0]
        taylor = (
            greeks["net_delta"][0] * h + 0.5 * bend * h**2 + greeks["vega_coin"][0] * 100 * 0.5 * h
        )
        taylor += cross * h * 0.5 * h + 0.5 * volga * (0.5 * h) ** 2
        left.append(pnl - taylor)
    assert left[0] / left[1] == pytest.approx(8, rel=0.1)


def test_sticky_strike_is_the_plain_grid() -> None:
    held, m = book(), market()
    shocks: dict[str, Any] = {
        "spot": SPOTS,
        "vol": [-0.1, 0.1],
        "time": [0, 0.01],
        "measures": MEASURES,
    }
    plain = held.scenarios(m, **shocks)
    for rule in (StickyStrike(), SkewStickiness(SURFACES, 1.0)):
        same = held.scenarios(m, **shocks, dynamics=rule)
        for name in plain.columns:
            np.testing.assert_array_equal(same[name], plain[name], err_msg=name)
    still = held.scenarios(m, **shocks, skew=[0.0], curvature=[0.0])
    assert still.shape == (5, 2, 1, 1, 2)
    for name in plain.columns:
        np.testing.assert_array_equal(still[name], plain[name], err_msg=name)


def test_time_does_not_move_the_smile() -> None:
    held, m = book(), market()
    rule = StickyMoneyness(SURFACES)
    grid = held.scenarios(m, spot=[0.1], time=[0.0, 0.01], dynamics=rule, measures=("value_usd",))
    later = shocked(1.1, lambda base, f, k, t: SURFACES(base, f * 1.1, k, t + 0.01)).replaced(
        time=np.datetime64("2026-06-10T13:30", "us") + np.timedelta64(round(0.01 * 3.1536e13), "us")
    )
    close(grid["value_usd"][1], held.risk(later)["value_usd"], rtol=1e-8)


@pytest.mark.parametrize("with_surface", [False, True])
def test_skew_and_curvature(with_surface: bool) -> None:
    held, m = book(), market()
    rule = StickyMoneyness(SURFACES) if with_surface else None
    skews, curvatures, ref = [-0.03, 0.02], {"BTC": [0.0, 0.01]}, 30 / 365
    grid = held.scenarios(
        m, spot=[-0.2, 0.1], vol=[0.05], skew=skews, curvature=curvatures, time=[0.0], dynamics=rule,
        skew_tenor=(ref, 0.5), measures=("value_usd", "vega_usd"),
    )  # fmt: skip
    assert grid.shape == (2, 1, 2, 2, 1)
    for at in np.ndindex(grid.shape):
        move, skew = (-0.2, 0.1)[at[0]], skews[at[2]]

        def vol(
            base: str, f: Any, k: Any, t: Any, at: Any = at, u: float = 1 + move, skew: float = skew
        ) -> Any:
            surface, x = SURFACES[base], np.log(k / f)
            z = np.clip(x / (surface.atm_vol(t) * np.sqrt(t)), -5, 5)
            curve = curvatures["BTC"][at[3]] if base == "BTC" else 0.0
            quoted = surface.vol_at(x - np.log(u), t) if with_surface else surface.vol_at(x, t)
            return quoted + 0.05 + skew * (ref / t) ** 0.5 * z + curve * z * z

        risk = held.risk(shocked(1 + move, vol))
        row = np.ravel_multi_index(at, grid.shape)
        for name in ("value_usd", "vega_usd"):
            close(grid[name][row], risk[name], name)
    same = held.scenarios(
        m,
        nodes=Nodes.of(
            spot={"BTC": 0.1, "ETH": 0.1}, vol={"BTC": 0.05, "ETH": 0.05}, skew={"BTC": [0.02, 0.02], "ETH": 0.02},
            curvature={"BTC": [0.0, 0.01]},
        ),
        skew_tenor=(ref, 0.5), dynamics=rule,
    )  # fmt: skip
    np.testing.assert_array_equal(same["pnl_usd"], grid["pnl_usd"].reshape(2, 2, 2, -1)[1, 1])
    table = grid.table()
    rows = (table["underlying"] == "BTC") & (table["skew"] == 0.02) & (table["curvature"] == 0.01)
    np.testing.assert_allclose(table["pnl_usd"][rows], grid.pnl("BTC")[:, 0, 1, 1, 0], rtol=1e-12)
    assert (table["curvature"][table["underlying"] == "ETH"] == 0).all()
    assert (grid.table("total")["skew"] == np.tile([-0.03, -0.03, 0.02, 0.02], 2)).all()


def test_far_strikes_are_bounded() -> None:
    """At two billion the moneyness is far beyond five standard deviations: it counts as five."""
    when = JUNE
    held = hc.Book.from_frame(
        {
            "base": ["BTC"],
            "kind": ["put"],
            "strike": [2e9],
            "quantity": [1.0],
            "expiry_time": [when],
        }
    )
    m = hc.Market(
        "2026-06-10T13:30", index={"BTC": 88_000}, forwards={("BTC", when): 88_000}, vols=0.5
    )
    grid = held.scenarios(
        m, nodes=[Node(skew=0.1), Node(vol=0.5)], measures=("vega_coin", "theta_coin")
    )
    np.testing.assert_allclose(grid["pnl_usd"][0], grid["pnl_usd"][1], rtol=1e-12)


def test_vol_at_the_forward_is_of_the_quotes_where_they_are() -> None:
    held = book()
    m = market()
    data = m.align(held.instruments)
    option = held.instruments.kind != 0
    quoted = m.replaced(
        option_vols=(held.instruments.take(np.flatnonzero(option)), data.vol[option]), vols=None
    )
    strikes = [90_000.0, 95_000.0]
    names = [f"BTC-26JUN26-{k:.0f}-C" for k in strikes]
    two = hc.Book.from_frame({"instrument": names, "quantity": [1, 1]}).instruments
    at = hc.Market("2026-06-10", index={"BTC": 9e4}, option_vols=(two, np.array([0.4, 0.6])))
    share = np.log(92_000 / 90_000) / np.log(95_000 / 90_000)
    assert at.atm_vol("BTC", JUNE, 92_000.0) == pytest.approx(0.4 + 0.2 * share)
    assert at.atm_vol("BTC", JUNE, 80_000.0) == 0.4
    assert np.isnan(at.atm_vol("ETH", JUNE, 3_000.0))
    assert np.isfinite(held.scenarios(quoted, skew=[0.01]).pnl()).all()


def test_a_venues_margin_grid() -> None:
    """Deribit's PME: nine moves of price by three of vol, (30 / DTE)^0.30 or 0.13, shocked-up vols at least 50 %."""
    held, m = book(), market(vols=lambda _, f, k, __: 0.25 + 0.2 * np.abs(np.log(k / f)))
    day = 1 / 365
    nodes = [
        Node(spot=move, vol=vol, vol_shock="relative")
        for vol in (-0.25, 0.0, 0.50) for move in np.linspace(-0.16, 0.16, 9)
    ]  # fmt: skip
    extended = [
        Node(spot=move, vol=0.5, weight=0.4, vol_shock="relative") for move in (-0.66, 1.0, 5.0)
    ]
    nodes += [*extended, Node(spot=0.05, vol=0.1)]  # absolute, as the call says
    grid = held.scenarios(
        m, nodes=nodes, vol_tenor=(30 * day, 0.30, 0.13), min_vol_up=0.5, measures=("value_usd",)
    )
    assert len(grid) == 31
    floors = 0
    for i, node in enumerate(nodes):

        def vol(_: str, f: Any, k: Any, t: Any, node: Node = node) -> Any:
            nonlocal floors
            plain = 0.25 + 0.2 * np.abs(np.log(k / f))
            bump = node.vol * (30 * day / t) ** np.where(t < 30 * day, 0.30, 0.13)
            up = plain * (1 + bump) if node.vol_shock == "relative" else plain + bump
            if node.vol <= 0:
                return up
            floors += int((up < 0.5).sum())
            return np.maximum(up, 0.5)

        risk = held.risk(shocked(1 + node.spot, vol))
        close(grid["value_usd"][i], risk["value_usd"])
    assert floors > 20
    least = held.scenarios(m, nodes=nodes[:27], vol_tenor=(30 * day, 0.30, 0.13, 60 * day))
    assert np.abs(least["pnl_usd"] - grid["pnl_usd"][:27]).max() > 1


def core_sums(n: int, settlement: str, threads: int = 1, greeks: Any = GREEKS, **more: Any) -> Any:
    """A grid with everything: smiles, skew, curvature, floors, in five buckets."""
    options, rng = random_options(n), np.random.default_rng(2)
    bucket = rng.integers(0, 5, n).astype(np.int32)
    nodes = np.array([(u, a, c) for a, c in ((1, 0), (1.5, 0.1)) for u in (0.6, 0.95, 1, 1.3)]).T
    factor, scale, shift = (np.tile(row, (5, 1)) for row in nodes)
    smile = np.array([[*SLICES, 0.6, 0.5, 0.2, r] for r in (0.0, 1.0, 2.0, 0.5, -1.0)])
    arguments = {
        "vol_skew": 0.01 * (factor - 1), "vol_curvature": 0.002 * scale, "atm_vol": np.full(5, 0.6),
        "vol_floor": np.full_like(factor, 0.35), "smile": smile,
    } | more  # fmt: skip
    return _core.scenario_sums(
        options["kind"], options["strike"], options["expiry"], options["vol"], options["forward"], None,
        rng.normal(size=n), settlement, [hc.pricing.GREEK_NAMES.index(name) for name in greeks], bucket,
        factor, scale, shift, np.zeros(8), threads, **arguments,
    )  # fmt: skip


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_same_bits_for_any_number_of_threads(settlement: str) -> None:
    names = NAMES_OF[settlement]
    one = core_sums(20_011, settlement, 1, names)
    assert np.isfinite(one).all()
    for threads in (2, 3, 8):
        again = core_sums(20_011, settlement, threads, names)
        np.testing.assert_array_equal(one.view("u8"), again.view("u8"))


@pytest.mark.resident
def test_memory_does_not_grow_with_the_nodes() -> None:
    assert growth(lambda: core_sums(1_000_000, "linear", 2)) < 60e6  # inputs of this call included


def test_a_vol_that_the_slide_takes_is_reported() -> None:
    held, m = book(), market()
    rule = HullWhite((3.0, 0.0, 0.0), (3.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"vol of .* = -.* must be positive after every shock"):
        held.scenarios(m, spot=[-0.3], dynamics=rule)


def test_lost_vols_come_back_at_the_next_node() -> None:
    """In the core an option counts nothing where its vol is lost, and all where it is not."""
    held = hc.Book.from_frame({"instrument": [NAMES[0]], "quantity": [1.0]})
    nodes = [Node(vol=0.0), Node(vol=0.3)]
    assert (held.scenarios(market(), nodes=nodes)["pnl_usd"] != 0).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vol_curvature": None}, "vol_skew and vol_curvature need each other and atm_vol"),
        ({"atm_vol": None}, "vol_skew and vol_curvature need each other and atm_vol"),
        ({"atm_vol": np.full(5, np.nan)}, "atm_vol must be finite and not negative: that of bucket 0"),
        ({"vol_skew": np.full((5, 8), np.inf)}, "vol_skew at node 0 = inf must be finite"),
        ({"vol_floor": np.full((5, 8), np.nan)}, "vol_floor at node 0 = nan must be a number"),
        ({"vol_floor": np.zeros((5, 7))}, "vol_floor must have a row for each bucket"),
        ({"smile": np.zeros((5, 13))}, "smile must have a row for each bucket"),
        ({"smile": np.full((5, 14), np.nan)}, "the numbers of a smile must be finite: those of bucket 0"),
        ({"smile": np.full((5, 14), -1.0)}, "the expiry of a smile must not be negative"),
        ({"smile": np.tile(np.r_[np.zeros(12), 1.0, 0.0], (5, 1))}, "sigma of a smile must be positive"),
        ({"slope": np.full(50, np.inf)}, r"slope\[0\] = inf must be finite"),
    ],
)  # fmt: skip
def test_clear_errors_of_the_core(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        core_sums(50, "linear", **change)


@pytest.mark.parametrize(
    ("shocks", "message"),
    [
        ({"dynamics": StickyMoneyness({"BTC": SURFACES["BTC"]})}, "dynamics has no surface of ETH"),
        ({"skew": [np.inf]}, r"skew\[0\] = inf must be finite"),
        ({"skew": {"BTX": [0.1]}}, "skew: 'BTX' is no underlying of the market"),
        ({"skew": [0.1], "nodes": [Node()]}, "give either nodes or axes"),
        ({"skew": [0.1], "skew_tenor": (0, 1)}, r"skew_tenor = \(0, 1\) must be"),
        ({"vol": [0.1], "min_vol_up": np.nan}, "min_vol_up of BTC = nan must be a number"),
        ({"nodes": [Node(), Node(vol_shock="log")]}, r"nodes\[1\].vol_shock must be 'relative' or 'absolute'"),
        ({"nodes": [Node(skew={"USDC": 1})]}, r"nodes\[0\].skew: 'USDC' is no underlying"),
        ({"skew": [-0.9]}, "must be positive after every shock"),
    ],
)  # fmt: skip
def test_clear_errors(shocks: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        book().scenarios(market(), **shocks)
