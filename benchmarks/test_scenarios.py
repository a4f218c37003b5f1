"""A book of 10,000 options on a grid of 31 spots and 11 vols, P&L and Greeks summed at every node, beside its peers.

Every result is checked against the Greeks of the options at some of the nodes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import hedgecore as hc
import peers
import workload
from hedgecore import _core

Array = npt.NDArray[Any]
SPOTS, VOLS, EXPIRIES = np.linspace(0.7, 1.3, 31), np.linspace(0.6, 1.6, 11), 12
GREEKS = ("price", "delta", "gamma", "vega")
NODES = len(SPOTS) * len(VOLS)


def held(n: int) -> tuple[workload.Arrays, Array, Array]:
    """Options of twelve expiries, their quantities and buckets."""
    options = workload.chain(n, "forward")
    rng = np.random.default_rng(workload.SEED)
    bucket = rng.integers(0, EXPIRIES, n).astype(np.int32)
    options["expiry"] = np.linspace(3 / 365, 1.5, EXPIRIES)[bucket]
    return options, rng.normal(size=n), bucket


SMILE = np.array([0.01, 0.1, -0.3, 0.0, 0.2, 0.02, 0.15, -0.2, 0.05, 0.3, 0.6, 0.5])
"""Two slices of SVI and what they weigh."""


def core(
    n: int, settlement: str, which: tuple[str, ...], threads: int, ratio: float | None = None
) -> Callable[[], Array]:
    """The grid; with a skew-stickiness ratio the smile slides with the spot."""
    options, quantity, bucket = held(n)
    smile = None
    if ratio is not None:
        years = np.linspace(3 / 365, 1.5, EXPIRIES)
        smile = np.array([[*SMILE[:10], *(SMILE[10:] * t), t, ratio] for t in years])
    spread = (EXPIRIES, 1)
    factor, scale = (
        np.tile(np.tile(SPOTS, len(VOLS)), spread),
        np.tile(np.repeat(VOLS, len(SPOTS)), spread),
    )
    still = np.zeros_like(factor)
    codes = [hc.pricing.GREEK_NAMES.index(name) for name in which]
    columns = [options[name] for name in ("kind", "strike", "expiry", "vol", "forward")]
    return lambda: _core.scenario_sums(
        *columns, None, quantity, settlement, codes, bucket, factor, scale, still, still[0], threads, smile=smile
    )  # fmt: skip


def smile_vol(k: Array) -> Array:
    w, v = (
        a + b * (r * (k - m) + np.hypot(k - m, s)) for a, b, r, m, s in SMILE[:10].reshape(2, 5)
    )
    return np.sqrt(SMILE[10] * w + SMILE[11] * v)


def check(
    n: int, settlement: str, which: tuple[str, ...], sums: Array, ratio: float | None = None
) -> None:
    """Greek x node, at a node in 20."""
    options, quantity, _ = held(n)
    for node in range(0, NODES, 20):
        u, a = SPOTS[node % len(SPOTS)], VOLS[node // len(SPOTS)]
        vol, slope = options["vol"] * a, 0.0
        if ratio is not None:
            k, h = np.log(options["strike"] / options["forward"]), 1e-5
            x = k - (1 - ratio) * np.log(u)
            vol = (options["vol"] + smile_vol(x) - smile_vol(k)) * a
            slope = (ratio - 1) * (smile_vol(x + h) - smile_vol(x - h)) / (2 * h) * a
        moved = {**options, "forward": options["forward"] * u, "vol": vol}
        g = hc.greeks(**moved, settlement=settlement, which=which)
        for name, row in zip(which, sums, strict=True):
            terms = g[name] * quantity
            if (
                name == "delta" and ratio is not None
            ):  # the smile's part, whose slope is taken by differences
                terms = terms + quantity * g["vega"] * slope / (
                    options["forward"] * u if settlement == "linear" else 1.0
                )
                assert abs(row[node] - terms.sum()) <= 1e-8 * np.abs(terms).sum(), (name, node)
                continue
            assert abs(row[node] - terms.sum()) <= 1e-11 * np.abs(terms).sum(), (name, node)


def about(who: str, threads: int, n: int) -> dict[str, Any]:
    return {"operation": "scenarios", "n": n, "nodes": NODES, "who": who, "threads": threads}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("settlement", ["linear", "inverse"], ids="hedgecore-{}".format)
def test_grid(measure: Callable[..., Any], settlement: str, threads: int) -> None:
    sums = measure(
        core(10_000, settlement, GREEKS, threads), **about(f"hedgecore, {settlement}", threads, 10_000)
    )  # fmt: skip
    check(10_000, settlement, GREEKS, sums.sum(axis=1))


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
def test_grid_with_a_sliding_smile(measure: Callable[..., Any], settlement: str) -> None:
    """Sticky moneyness: a smile evaluated and a sheet made anew at every spot."""
    sums = measure(
        core(10_000, settlement, GREEKS, 1, 0.0), **about(f"hedgecore, {settlement}, sticky moneyness", 1, 10_000)
    )  # fmt: skip
    check(10_000, settlement, GREEKS, sums.sum(axis=1), 0.0)


def test_grid_of_values_alone(measure: Callable[..., Any]) -> None:
    sums = measure(
        core(10_000, "linear", ("price",), 1), **about("hedgecore, values alone", 1, 10_000)
    )
    check(10_000, "linear", ("price",), sums.sum(axis=1))


def test_fresh_prices(measure: Callable[..., Any]) -> None:
    """One price of each option: what a revaluation costs by itself."""
    options, _, _ = held(10_000)
    measure(
        lambda: hc.price(**options, threads=1),
        **(about("hedgecore.price", 1, 10_000) | {"nodes": 1}),
    )


def test_grid_of_a_book(measure: Callable[..., Any]) -> None:
    """Book.scenarios as a whole."""
    options, quantity, bucket = held(10_000)
    first = np.datetime64("2026-06-12T08:00", "us")
    days = first + np.arange(EXPIRIES) * np.timedelta64(30, "D")
    columns = {
        "base": np.full(10_000, "BTC"), "kind": options["kind"], "expiry_time": days[bucket],
        "strike": options["strike"], "settlement": np.full(10_000, "inverse"), "quantity": quantity,
    }  # fmt: skip
    book = hc.Book.from_frame(columns)
    market = hc.Market(
        "2026-06-10", index={"BTC": 7e4}, vols=0.6, forwards={("BTC", day): 7e4 for day in days}
    )
    book.risk(market)
    grid = measure(
        lambda: book.scenarios(
            market, spot=SPOTS - 1, vol=VOLS - 1, vol_shock="relative", threads=1,
            measures=("net_delta", "net_gamma_1pct", "vega_usd"),
        ),
        **about("Book.scenarios, inverse", 1, 10_000),
    )  # fmt: skip
    assert np.isfinite(grid.pnl()).all()


def cases(run: workload.Run) -> list[tuple[str]]:
    """List the peers on one thread; where nothing is timed only what need not be compiled."""
    return [
        (who,)
        for who in peers.TITLES
        if not who.startswith("hedgecore") and "out=" not in who and "threads" not in who
        if run.timed or who == "numpy and scipy"
    ]


@pytest.mark.filterwarnings("ignore")
def test_grid_by_a_peer(measure: Callable[..., Any], case: tuple[str]) -> None:
    (who,) = case
    peer = peers.load(who)
    if peer is None:
        pytest.skip(f"{who}: {peers.missing[who]}")
    if "grid" not in peer.operations:
        pytest.skip(f"{who} would revalue node by node what `peers: six` measures")
    options, quantity, _ = held(10_000)
    spot_form = {
        **{name: options[name] for name in ("kind", "strike", "expiry", "vol")},
        "spot": options["forward"], "quantity": quantity, "spots": SPOTS, "vols": VOLS,
    }  # fmt: skip
    sums = measure(peer.operations["grid"](spot_form), **about(who, 1, 10_000))
    check(10_000, "linear", GREEKS, sums)
