"""Scenario grids: the market itself, direct revaluation, Greeks, threads, edges, bad input, tails."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hedgecore as hc
from hedgecore import _core
from hedgecore.scenarios import MEASURES, PNL, Node, Nodes
from test_book import DECEMBER, JUNE, NAMES, QUANTITIES
from test_memory import growth

DAY = 1 / 365
TIME = np.datetime64("2026-06-10T13:30", "us")
GREEKS = ("price", "delta", "gamma", "vega", "theta")
COIN_GREEKS = (*GREEKS, "black_delta", "black_gamma")
NAMES_OF = {"linear": GREEKS, "inverse": COIN_GREEKS}


def market(spot: Any = None, vol: Any = None, time: float = 0.0, **change: Any) -> hc.Market:
    """A market, by coin with all prices moved by a factor and all vols by an amount."""
    u = {"BTC": 1.0, "ETH": 1.0} | (spot or {})
    bump = {"BTC": 0.0, "ETH": 0.0} | (vol or {})

    def vols(base: str, _: Any, strike: Any, __: Any) -> Any:
        return 0.5 + 0.1 * np.log(strike / 50_000) ** 2 + bump[base]

    arguments: dict[str, Any] = {
        "time": TIME + np.timedelta64(round(time * 365 * 86_400e6), "us"),
        "index": {"BTC": 88_000 * u["BTC"], "ETH": 3_100 * u["ETH"]},
        "forwards": {
            ("BTC", JUNE): 88_100 * u["BTC"], ("BTC", DECEMBER): 90_000 * u["BTC"],
            ("ETH", JUNE): 3_105 * u["ETH"], ("ETH", DECEMBER): 3_200 * u["ETH"],
        },
        "prices": {"BTC-PERPETUAL": 88_020 * u["BTC"]},
        "vols": vols,
        "rates": {"USDC": 0.04},
        "currencies": {"USDC": 0.999},
    }  # fmt: skip
    return hc.Market(**arguments | change)


ENTRIES = {"BTC-PERPETUAL": 80_000.0, "BTC-25DEC26": 91_000.0, "ETH_USDC-PERPETUAL": 3_000.0}


def book() -> hc.Book:
    prices = [ENTRIES.get(name, np.nan) for name in NAMES]
    return hc.Book.from_frame({"instrument": NAMES, "quantity": QUANTITIES, "entry_price": prices})


def random_options(n: int, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    forward = rng.uniform(5e4, 9e4, n)
    return {
        "kind": rng.choice(np.array([1, -1], np.int8), n),
        "strike": forward * np.exp(rng.normal(0, 0.3, n)),
        "expiry": rng.uniform(0.003, 2, n),
        "vol": rng.uniform(0.3, 1.2, n),
        "forward": forward,
    }


def sums(
    options: dict[str, Any],
    weight: Any,
    bucket: Any,
    nodes: Any,
    settlement: str,
    which: Any = None,
    **more: Any,
) -> Any:
    """Greek x bucket x node; nodes are rows of spot factor, vol scale, vol shift, time shift."""
    bucket = np.asarray(bucket, np.int32)
    factor, scale, shift, time = np.asarray(nodes, float).T
    spread = [np.tile(row, (int(bucket.max()) + 1, 1)) for row in (factor, scale, shift)]
    which = NAMES_OF[settlement] if which is None else which
    return _core.scenario_sums(
        options["kind"], options["strike"], options["expiry"], options["vol"], options["forward"],
        more.get("rate"), weight, settlement, [hc.pricing.GREEK_NAMES.index(name) for name in which],
        bucket, *spread, time, more.get("threads"),
    )  # fmt: skip


NODES = [
    (u, a, c, t) for t in (0.0, 0.001) for a, c in ((1, 0), (0.8, 0.05), (1.5, 0)) for u in (0.6, 0.95, 1, 1.3)
]  # fmt: skip


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize("discounted", [False, True])
def test_sums_are_those_of_the_greeks_at_shocked_inputs(settlement: str, discounted: bool) -> None:
    n = 1_000
    options, rng = random_options(n), np.random.default_rng(2)
    weight, bucket = rng.normal(size=n), rng.integers(0, 7, n)
    rate = rng.uniform(-0.1, 0.2, n) if discounted else None
    got = sums(options, weight, bucket, NODES, settlement, rate=rate)
    for j, (u, a, c, t) in enumerate(NODES):
        moved = {
            **options, "forward": options["forward"] * u, "vol": options["vol"] * a + c,
            "expiry": options["expiry"] - t,
        }  # fmt: skip
        if rate is not None:
            moved["discount"] = np.exp(-rate * moved["expiry"])
        g = hc.greeks(**moved, settlement=settlement, which=NAMES_OF[settlement])
        for k, name in enumerate(NAMES_OF[settlement]):
            expected = np.bincount(bucket, g[name] * weight, 7)
            size = np.bincount(bucket, np.abs(g[name] * weight), 7)
            assert (np.abs(got[k, :, j] - expected) <= 3e-14 * size).all(), (name, NODES[j])


@given(
    settlement=st.sampled_from(["linear", "inverse"]),
    kind=st.sampled_from([1, -1]),
    away=st.floats(-12, 12),
    total=st.floats(-7, 2),
    expiry=st.floats(1e-4, 5),
    move=st.floats(-2.5, 2.5),
)
def test_one_option_anywhere(
    settlement: str, kind: int, away: float, total: float, expiry: float, move: float
) -> None:
    """As exact as the forward is: ln(F/K) + ln u is rounded where ln(F u / K) would not be."""
    s = float(np.exp(total))
    vol = s / np.sqrt(expiry)
    strike, u = 7e4 * np.exp(away * s + move), float(np.exp(move))
    option = {"kind": kind, "strike": strike, "expiry": expiry, "vol": vol, "forward": 7e4}
    names = NAMES_OF[settlement]
    got = sums(option, 1.0, [0], [(u, 1, 0, 0)], settlement, names)[:, 0, 0]
    g = hc.greeks(**{**option, "forward": 7e4 * u}, settlement=settlement, which=names)
    d = abs(np.log(7e4 * u / strike)) / s + s / 2
    # what the logarithms are rounded by, a relative move of the forward, and what (1 + d) / s makes of that
    wobble = 2.0**-52 * (4 * (abs(move) + abs(np.log(7e4 / strike))) + 1)
    relative = wobble * (1 + d) / s + 2.0**-52 * (4 * d * d + 60)
    for k, name in enumerate(names):
        size = abs(g[name])
        if name == "gamma" and settlement == "inverse":  # two terms that cancel
            size = g.black_gamma + abs(g.delta) / (7e4 * u)
        assert abs(got[k] - g[name]) <= relative * size + 1e-290, name


def test_the_market_itself_is_book_risk() -> None:
    m, held = market(), book()
    grid = held.scenarios(
        m, spot=[-0.2, 0, 0.1], vol=[-0.1, 0, 0.2], time=[0, DAY], measures=MEASURES
    )
    risk = held.risk(m)
    here = np.ravel_multi_index((1, 1, 0), grid.shape)
    np.testing.assert_array_equal(grid.underlying, risk.underlying)
    np.testing.assert_array_equal(grid.expiry_time, risk.expiry_time)
    for name in MEASURES:
        np.testing.assert_allclose(
            grid[name][here], risk[name], rtol=1e-13, atol=1e-13, err_msg=name
        )
    for name in PNL:
        assert (grid[name][here] == 0).all()
    assert grid.completeness == risk.completeness


def test_every_node_is_book_risk_in_the_shocked_market() -> None:
    """Futures, perpetuals, balances, discounting and averaging included."""
    held, times = book(), [0.0, DAY, 16 * DAY - 0.3 * DAY]
    spots = {"BTC": [-0.3, 0.0, 0.15], "ETH": [-0.4, 0.1, 0.2]}
    bumps = {"BTC": [-0.1, 0.2]}
    m = market(averaging=86_400.0)
    grid = held.scenarios(m, spot=spots, vol=bumps, time=times, measures=MEASURES)
    base = held.risk(m)
    assert grid.shape == (3, 2, 3)
    for i in range(3):
        for j in range(2):
            for k, time in enumerate(times):
                shocked = market(
                    {coin: 1 + moves[i] for coin, moves in spots.items()}, {"BTC": bumps["BTC"][j]}, time,
                    averaging=86_400.0,
                )  # fmt: skip
                risk = held.risk(shocked)
                at = np.ravel_multi_index((i, j, k), grid.shape)
                for name in MEASURES:
                    scale = np.abs(risk[name]).max()
                    np.testing.assert_allclose(
                        grid[name][at], risk[name], rtol=1e-8, atol=1e-9 * scale, err_msg=name
                    )
                change = risk["value_usd"] - base["value_usd"]
                np.testing.assert_allclose(grid["pnl_usd"][at], change, rtol=1e-8, atol=1e-3)
                change = risk["value_coin"] - base["value_coin"]
                np.testing.assert_allclose(grid["pnl_coin"][at], change, rtol=1e-8, atol=1e-8)


def test_profit_of_futures_without_entry_price_counts_from_the_market() -> None:
    names = ["BTC-PERPETUAL", "ETH_USDC-PERPETUAL"]
    held = hc.Book.from_frame({"instrument": names, "quantity": [10_000.0, -50.0]})
    grid = held.scenarios(market(), spot=[0.1])
    coins = 10_000 * (1 / 88_020 - 1 / (88_020 * 1.1))
    assert grid.pnl("BTC", "coin").item() == pytest.approx(coins, rel=1e-12)
    assert grid.pnl("BTC").item() == pytest.approx(coins * 88_000 * 1.1, rel=1e-12)
    assert grid.pnl("ETH").item() == pytest.approx(-50 * 310 * 0.999, rel=1e-12)


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_small_shocks_agree_with_the_greeks(settlement: str) -> None:
    """To third order in the shock: halving it divides what is left by eight."""
    options, weight = random_options(200), np.ones(200)
    which = ("price", "delta", "gamma", "vega", "volga", "vanna", "theta")
    g = hc.greeks(**options, settlement=settlement, which=which)
    f = options["forward"]
    left = []
    for h in (4e-3, 2e-3):
        got = sums(
            options,
            weight,
            np.zeros(200),
            [(1, 1, 0, 0), (1 + h, 1, 0, 0), (1, 1, h, 0)],
            settlement,
        )[0, 0]
        if settlement == "linear":
            by_spot = g.delta * f * h + g.gamma * (f * h) ** 2 / 2
        else:  # delta = F dv/dF, gamma = d(delta)/dF: d2v/dF2 = (gamma - dv/dF) / F
            slope = g.delta / f
            by_spot = slope * f * h + (g.gamma - slope) / f * (f * h) ** 2 / 2
        by_vol = g.vega * h + g.volga * h**2 / 2
        left.append(
            [got[1] - got[0] - by_spot.sum(), got[2] - got[0] - by_vol.sum()]
        )  # fmt: skip
    ratio = np.array(left[0]) / np.array(left[1])
    np.testing.assert_allclose(ratio, 8, rtol=0.1)


def test_same_bits_for_any_number_of_threads_and_layout() -> None:
    n = 20_011
    options, rng = random_options(n), np.random.default_rng(3)
    weight, bucket = rng.normal(size=n), rng.integers(0, 29, n)
    one = sums(options, weight, bucket, NODES, "inverse", threads=1)
    for threads in (2, 3, 8):
        again = sums(options, weight, bucket, NODES, "inverse", threads=threads)
        np.testing.assert_array_equal(one.view("u8"), again.view("u8"))
    backwards = {name: column[::-1].copy()[::-1] for name, column in options.items()}
    again = sums(backwards, weight, bucket, NODES, "inverse", threads=2)
    np.testing.assert_array_equal(one.view("u8"), again.view("u8"))


def test_a_list_of_nodes_is_the_grid_of_the_same_nodes() -> None:
    spots, vols, times = [-0.2, 0.1], [0.0, 0.1, -0.2], [DAY, 0.0]
    m, held = market(), book()
    grid = held.scenarios(m, spot=spots, vol=vols, time=times)
    nodes = [Node(s, v, t, 2.0) for s in spots for v in vols for t in times]
    listed = held.scenarios(m, nodes=nodes)
    assert listed.shape == (12,)
    assert (listed.weight == 2).all()
    for name, column in grid.columns.items():
        np.testing.assert_array_equal(column, listed[name], err_msg=name)
    np.testing.assert_array_equal(grid.pnl().ravel(), listed.pnl())
    # shuffled, the same rows
    order = np.random.default_rng(1).permutation(12)
    shuffled = held.scenarios(m, nodes=[nodes[i] for i in order])
    np.testing.assert_array_equal(shuffled["pnl_usd"], listed["pnl_usd"][order])


def test_rules_of_shocks() -> None:
    m = market()
    one = hc.Book.from_frame({"instrument": [NAMES[0], NAMES[2]], "quantity": [1, 1]})
    years = m.align(one.instruments).levels[2]
    near, far = years

    def by_expiry(**shocks: Any) -> Any:
        return one.scenarios(m, **shocks)["pnl_usd"][0]

    def moved(*bumps: float) -> Any:
        return [by_expiry(vol=[bump])[i] for i, bump in enumerate(bumps)]

    ref = 30 * DAY
    law = by_expiry(vol=[0.1], vol_tenor=(ref, 0.5))
    np.testing.assert_allclose(
        law, moved(0.1 * (ref / near) ** 0.5, 0.1 * (ref / far) ** 0.5), rtol=1e-9
    )
    law = by_expiry(vol=[0.1], vol_tenor=(ref, 0.3, 0.13))
    np.testing.assert_allclose(
        law, moved(0.1 * (ref / near) ** 0.3, 0.1 * (ref / far) ** 0.13), rtol=1e-9
    )
    relative = by_expiry(vol=[0.2], vol_shock="relative")
    vol = 0.5 + 0.1 * np.log(np.array([90_000, 100_000]) / 50_000) ** 2
    np.testing.assert_allclose(relative, moved(*(0.2 * vol)), rtol=1e-9)
    np.testing.assert_allclose(
        by_expiry(spot=[8_800.0], spot_shock="absolute"), by_expiry(spot=[0.1]), rtol=1e-9
    )


def test_settled_by_the_passage_of_time() -> None:
    """Worth the payoff at the moved forward; no Greeks."""
    m = market(averaging=0.0)
    names = ["BTC-26JUN26-90000-C", "BTC-26JUN26-80000-P"]
    one = hc.Book.from_frame({"instrument": names, "quantity": [10, 10]})
    grid = one.scenarios(
        m, spot=[-0.2, 0.2], time=[0.05], measures=("value_coin", "net_delta", "vega_usd")
    )
    low, high = 88_100 * 0.8, 88_100 * 1.2
    np.testing.assert_allclose(
        grid.measure("value_coin").ravel(),
        [10 * (80_000 / low - 1), 10 * (1 - 90_000 / high)],
        rtol=1e-12,
    )
    assert (grid.measure("net_delta") == 0).all()
    assert (grid.measure("vega_usd") == 0).all()
    # in the core: one half of the delta at the strike
    option = {"kind": [1, -1], "strike": 100.0, "expiry": 0.5, "vol": 0.5, "forward": 80.0}
    at = sums(
        option, [1.0, 1.0], [0, 1], [(1.25, 1, 0, 0.5), (1.25, 1, 0, 9), (1.5, 1, 0, 9)], "linear"
    )
    assert at[0].tolist() == [[0, 0, 20], [0, 0, 0]]
    np.testing.assert_allclose(at[1], [[0.5, 0.5, 1], [-0.5, -0.5, 0]], rtol=1e-15)
    assert not at[2:].any()


def test_weights_of_zero_and_vols_of_zero() -> None:
    options = random_options(300)
    weight = np.where(np.arange(300) % 2, 1.0, 0.0)
    odd = {name: column[1::2] for name, column in options.items()}
    got = sums(options, weight, np.zeros(300), NODES, "linear")
    expected = sums(odd, 1.0, np.zeros(150), NODES, "linear")
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    still = {**options, "vol": 0.0}
    got = sums(still, 1.0, np.zeros(300), [(1, 1, 0, 0), (1.2, 2, 0, 0)], "linear")
    g = hc.greeks(**{**still, "forward": options["forward"] * 1.2}, which=("price", "delta"))
    np.testing.assert_allclose(got[:2, 0, 1], [g.price.sum(), g.delta.sum()], rtol=1e-13)


@pytest.mark.parametrize(
    ("shocks", "error", "message"),
    [
        ({"spot": [0.1, np.nan]}, ValueError, r"spot\[1\] = nan must be finite"),
        ({"spot": [[0.1]]}, ValueError, "spot must be one-dimensional"),
        ({"spot": [-1.0]}, ValueError, "spot = -1.0 takes BTC to zero or below"),
        ({"spot": [-90_000.0], "spot_shock": "absolute"}, ValueError, "takes BTC to zero"),
        ({"spot": {"BTX": [0.1]}}, ValueError, "spot: 'BTX' is no underlying of the market; there are BTC, ETH"),
        ({"spot": {"BTC": [0.1], "ETH": [0.1, 0.2]}}, ValueError, "axes of spot must have one length"),
        ({"vol": [0.1, -0.6]}, ValueError, r"vol of .*-[CP] = -0.* must be positive after every shock \(3 bad rows"),
        ({"vol": [-1.0], "vol_shock": "relative"}, ValueError, "must be positive after every shock"),
        ({"vol": [0.1], "vol_tenor": (0, 1)}, ValueError, r"vol_tenor = \(0, 1\) must be"),
        ({"vol": [0.1], "vol_tenor": (0.1,)}, ValueError, "vol_tenor"),
        ({"vol": [0.1], "vol_tenor": 0.5}, ValueError, "vol_tenor = 0.5 must be"),
        ({"nodes": [Node(), Node({"BTC": "x"})]}, TypeError, r"nodes\[1\].spot\['BTC'\] = 'x' must be a number"),
        ({"nodes": [Node(vol=None)]}, TypeError, r"nodes\[0\].vol = None must be a number"),
        ({"measures": "gama"}, ValueError, "measures: 'gama' is none of value_coin"),
        ({"time": [0.0, -0.1]}, ValueError, r"time\[1\] = -0.1 must be finite and not negative"),
        ({"measures": ["gama"]}, ValueError, "measures: 'gama' is none of value_coin"),
        ({"spot_shock": "log"}, ValueError, "spot_shock must be 'relative' or 'absolute', not 'log'"),
        ({"nodes": [Node()], "spot": [0.1]}, ValueError, "give either nodes or axes"),
        ({"nodes": [Node(), (0.1, 0)]}, TypeError, r"nodes\[1\] must be a Node, not tuple"),
        ({"nodes": [Node(weight=-1)]}, ValueError, r"weight of the nodes\[0\] = -1.0 must be finite and not"),
        ({"nodes": [Node(vol={"USDC": 1})]}, ValueError, r"nodes\[0\].vol: 'USDC' is no underlying"),
    ],
)  # fmt: skip
def test_clear_errors(shocks: dict[str, Any], error: type[Exception], message: str) -> None:
    held = hc.Book.from_frame({"instrument": NAMES[:4] + NAMES[5:9], "quantity": QUANTITIES[:8]})
    with pytest.raises(error, match=message):
        held.scenarios(market(), **shocks)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strike": 0.0}, r"strike\[0\] = 0.0 must be from 1e-150 to 1e150"),
        ({"forward": np.nan}, r"forward\[0\] = nan"),
        ({"expiry": -1.0}, r"expiry\[0\] = -1.0 must be from 0"),
        ({"vol": [0.5, -0.5]}, r"vol\[1\] = -0.5 must be from 0 .*\(the only bad row\)"),
        ({"rate": 2_000.0}, r"rate\[0\] = 2000.0 must be at most 700 / expiry"),
        ({"weight": [np.inf, 1.0]}, r"weight\[0\] = inf must be finite"),
        ({"bucket": [0, -1]}, r"bucket\[1\] = -1 must be from 0 to 0"),
        ({"which": ("rho",)}, "rho is not summed on scenarios with linear settlement"),
        ({"which": ("black_delta",)}, "black_delta is not summed"),
        ({"nodes": [(0, 1, 0, 0)]}, "spot_factor at node 0 = 0.0+ must be positive"),
        ({"nodes": [(1, 1, 0, 0), (1, 1, 0, -1)]}, "time_shift at node 1 = -1.0+ must be finite and not negative"),
    ],
)  # fmt: skip
def test_clear_errors_of_the_core(change: dict[str, Any], message: str) -> None:
    option = {"kind": [1, -1], "strike": 100.0, "expiry": 0.5, "vol": 0.5, "forward": 80.0}
    rest = {"weight": 1.0, "bucket": [0, 0], "nodes": [(1, 1, 0, 0)], "rate": None, "which": GREEKS}
    given = {**option, **rest, **change}
    with pytest.raises(ValueError, match=message):
        sums(
            given,
            given["weight"],
            given["bucket"],
            given["nodes"],
            "linear",
            given["which"],
            rate=given["rate"],
        )


def test_nodes_of_a_sequence_name_the_argument() -> None:
    with pytest.raises(TypeError, match="spot must be a mapping of coins to moves, not list"):
        Nodes.of(spot=[0.1])  # type: ignore[arg-type]


def test_one_measure_is_enough() -> None:
    grid = book().scenarios(market(), spot=[0.1], measures="vega_usd")
    assert list(grid.columns) == ["pnl_coin", "pnl_usd", "vega_usd"]


def test_positions_add_up() -> None:
    m = market(vols=lambda _, __, strike, ___: np.where(strike == 100_000, np.nan, 0.5))
    held = book()
    grid = held.scenarios(m, spot=[-0.1, 0.1], vol=[0.0, 0.1])
    blocks = list(grid.positions(block=3))
    assert [len(block["instrument"]) for block in blocks] == [3, 3, 3, 1]
    for name in grid.columns:
        total = np.nansum(np.concatenate([block[name] for block in blocks]), axis=0)
        expected = grid[name].sum(axis=1)
        np.testing.assert_allclose(total, expected, rtol=1e-11, atol=1e-9 * np.abs(expected).max())
    lost = np.concatenate([np.isnan(block["pnl_usd"]).all(axis=1) for block in blocks])
    names = np.concatenate([block["instrument"] for block in blocks])
    assert names[lost].tolist() == ["BTC-25DEC26-100000-C"]
    with pytest.raises(ValueError, match="block = 0 must be positive"):
        next(grid.positions(block=0))


def test_coins_and_usd_are_not_added() -> None:
    grid = book().scenarios(market(), spot=[-0.1, 0.1])
    with pytest.raises(ValueError, match="pnl_coin is in coins of several underlyings: name one"):
        grid.pnl(currency="coin")
    both = sum(grid.pnl(coin) for coin in ("BTC", "ETH", "USDC"))
    np.testing.assert_allclose(both, grid.pnl(), rtol=1e-12)
    assert set(grid.table("total")) == {
        "node", "time", "weight", "spot", "vol", "pnl_usd", "gamma_usd_1pct", "vega_usd",
    }  # fmt: skip
    assert (grid.pnl("USDC") == 0).all()
    coin = hc.Book.from_frame({"instrument": ["BTC"], "quantity": [2]}).scenarios(
        market(), spot=[0.1]
    )
    assert coin.pnl(currency="coin").item() == 0
    assert coin.pnl().item() == pytest.approx(2 * 8_800)
    with pytest.raises(ValueError, match="the book has nothing in 'SOL'; there are BTC, ETH, USDC"):
        grid.pnl("SOL")
    with pytest.raises(KeyError, match="'theta_usd' was not computed"):
        grid["theta_usd"]
    with pytest.raises(ValueError, match="by must be"):
        grid.table("strike")  # type: ignore[arg-type]


def test_tables() -> None:
    grid = book().scenarios(market(), spot={"BTC": [-0.1, 0.1]}, vol=[0.0, 0.1, 0.2])
    by_coin, by_expiry = grid.table(), grid.to_frame("expiry", "polars")
    assert len(by_coin["node"]) == 6 * 3
    assert by_expiry.height == 6 * len(grid.underlying)
    rows = (by_coin["underlying"] == "BTC") & (by_coin["spot"] == 0.1) & (by_coin["vol"] == 0.2)
    assert by_coin["pnl_usd"][rows].tolist() == [pytest.approx(grid.pnl("BTC")[1, 2, 0])]
    assert (by_coin["spot"][by_coin["underlying"] == "ETH"] == 0).all()
    assert "3 x" in repr(book().scenarios(market(), spot=[0, 1, 2]))
    with pytest.raises(ValueError, match="read-only"):
        grid["pnl_usd"][0] = 1.0
    empty = hc.Book.from_frame({"instrument": NAMES[:1], "quantity": [0]}).scenarios(
        market(), spot=[0.1]
    )
    assert empty.pnl().tolist() == [[[0.0]]]
    assert len(empty.table()["node"]) == 0


@given(
    moves=st.lists(
        st.tuples(st.floats(-0.5, 0.5), st.integers(0, 3)), min_size=1, max_size=30
    ).filter(lambda moves: any(weight for _, weight in moves)),
    level=st.floats(0.5, 0.99),
)
def test_tail_is_that_of_the_sorted_losses(moves: list[tuple[float, int]], level: float) -> None:
    """Beside the definition: nodes repeated by their weights, the worst (1 - level) of them averaged."""
    grid = book().scenarios(market(), nodes=[Node(spot=s, weight=w) for s, w in moves])
    tail = grid.tail(level)
    pnl = np.sort(np.repeat(grid.pnl(), [w for _, w in moves]))
    reach = (1 - level) * len(pnl)
    edge = int(np.ceil(reach - 1e-9)) - 1
    share = np.clip(reach - np.arange(len(pnl)), 0, 1)
    scale = 1e-9 * (1 + np.abs(pnl).max())
    assert tail.value_at_risk == pytest.approx(-pnl[max(edge, 0)], abs=scale)
    assert tail.expected_shortfall == pytest.approx(-(share @ pnl) / reach, abs=scale)
    assert tail.expected_shortfall >= tail.value_at_risk - scale
    assert tail.value_at_risk_by_bucket.sum() == pytest.approx(tail.value_at_risk, abs=scale)
    assert tail.expected_shortfall_by_bucket.sum() == pytest.approx(
        tail.expected_shortfall, abs=scale
    )


def test_tail_clear_errors() -> None:
    grid = book().scenarios(market(), nodes=[Node(0.1, weight=0.0)])
    with pytest.raises(ValueError, match="the weights of the nodes are all 0"):
        grid.tail()
    with pytest.raises(ValueError, match="level = 1 must be between 0 and 1"):
        grid.tail(1)


@pytest.mark.resident
def test_memory_does_not_grow_with_the_nodes() -> None:
    """Eight bytes for each of a million options, and the sums."""
    n = 1_000_000
    options = random_options(n)
    weight, bucket = np.ones(n), np.zeros(n, np.int32)
    nodes = [(u, 1, 0, 0) for u in np.linspace(0.7, 1.3, 31)]
    assert growth(lambda: sums(options, weight, bucket, nodes, "linear", threads=2)) < 16e6


@pytest.mark.skipif(sys.platform == "win32", reason="signals work otherwise there")
def test_interrupt() -> None:
    code = """
        import os, signal, threading, numpy as np
        from hedgecore import _core
        n, m = 2_000_000, 341
        ones, nodes = np.ones(n), np.ones((1, m))
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            for _ in range(100):
                _core.scenario_sums(np.ones(n, np.int8), ones, ones, ones, ones, None, ones, "linear", [0],
                                    np.zeros(n, np.int32), nodes, nodes, 0 * nodes, nodes[0], 1)
        except KeyboardInterrupt:
            print("stopped")
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True, text=True, timeout=120
    )  # fmt: skip
    assert done.stdout.strip() == "stopped", done.stderr
