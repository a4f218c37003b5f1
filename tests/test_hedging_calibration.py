"""Impact from order books: ladders whose walk is known, fits against scipy, the real books of three markets."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import DEPTH_STREAMS
from hedgecore import hedging, paths
from hedgecore.hedging import calibrate_impact
from hedgecore.venues.depth import Books, rebuild

SIZES = [1.0, 3.0, 10.0, 30.0, 100.0]


def ladder(
    mid: float, half: float, tick: float, density: float, levels: int, power: float = 1.0
) -> Any:
    """Levels of which a walk to the end of the k-th costs exactly as in continuous depth: each at the mean of its stretch.

    Depth within x of the best is density (x / tick)^(1 / power), so the price moves by tick (q / density)^power.  A speck of size rests at the best.
    """
    q = density * np.arange(levels + 1)
    cost = tick * density / (power + 1) * (q / density) ** (power + 1)
    away = np.append(0.0, np.diff(cost) / density)
    size = np.append(1e-13, np.full(levels, density))
    return (
        np.column_stack((mid - half - away, size)),
        np.column_stack((mid + half + away, size)),
    )


def books_of(*ladders: Any) -> Books:
    return Books.from_levels([b for b, _ in ladders], [a for _, a in ladders])


def naive_walk(levels: list[tuple[float, float]], q: float) -> float:
    """Average price of q coins, level by level."""
    paid, left = 0.0, q
    for price, size in levels:
        take = min(left, size)
        paid, left = paid + take * price, left - take
    assert left <= 1e-12 * q
    return paid / q


@pytest.mark.parametrize(("tick", "density"), [(0.1, 2.0), (1.0, 0.25), (0.01, 10.0)])
def test_constant_density_is_linear_impact(tick: float, density: float) -> None:
    """Cost q^2 tick / (2 density): depth of `density` coins a tick."""
    sizes = density * np.array([1, 2, 5, 20, 50])
    fit = calibrate_impact(books_of(*(ladder(60000.0 + i, 3.0, tick, density, 50) for i in range(3))), sizes)  # fmt: skip
    for side in ("buy", "sell", "both"):
        assert fit.linear[side].value == pytest.approx(tick / (2 * density), rel=1e-6)
        assert fit.linear[side].r2 == pytest.approx(1, abs=1e-6)
        assert fit.power[side].exponent == pytest.approx(2, abs=1e-5)
    costs = fit.costs(fee=5e-4, close=False)
    assert costs == hedging.Costs(fee=5e-4, half_spread=costs.half_spread, impact=costs.impact, close=False)  # fmt: skip
    assert costs.half_spread == pytest.approx(3 / 60001.0, rel=1e-9)
    # what the simulation charges is what the walk paid
    for k, q in enumerate(sizes):
        charged = q * costs.half_spread * 60000 + costs.impact * q**2
        assert charged == pytest.approx(q * 60000 * fit.slippage[0, 0, k], rel=1e-4)


@pytest.mark.parametrize("power", [0.5, 1.48])
def test_powers_of_the_walk(power: float) -> None:
    """A price that moves by q^power costs q^(1 + power); 0.5 is the form of the square root."""
    books = books_of(*(ladder(60000.0, 3.0, 0.5, 2.0, 64, power) for _ in range(2)))
    fit = calibrate_impact(books, [2.0, 8.0, 32.0, 128.0])
    assert fit.power["both"].exponent == pytest.approx(1 + power, abs=1e-6)
    assert fit.power["both"].value * 60000 == pytest.approx(0.5 / (1 + power) / 2**power, rel=1e-6)
    np.testing.assert_allclose(fit.by_book["exponent"], 1 + power, atol=1e-6)
    if power == 0.5:
        root = fit.costs(form="root").root_impact
        assert root == pytest.approx(0.5 / 1.5 / math.sqrt(2.0) / 60000, rel=1e-6)
        assert fit.root["both"].r2 == pytest.approx(1, abs=1e-6)
        assert fit.linear["both"].r2 < 0.99


levels_of_a_side = st.lists(
    st.tuples(st.integers(0, 400), st.floats(0.01, 50)), min_size=1, max_size=12, unique_by=lambda x: x[0]
)  # fmt: skip


@given(
    levels_of_a_side,
    levels_of_a_side,
    st.lists(st.floats(0.01, 200), min_size=2, max_size=5, unique=True),
)
def test_any_book(bids: Any, asks: Any, sizes: list[float]) -> None:
    """The walk level by level; more costs more; what the book cannot fill is told."""
    bids = [(999.0 - p, s) for p, s in bids]
    asks = [(1001.0 + p, s) for p, s in asks]
    books = Books.from_levels([bids], [asks])
    walked = any(
        levels[0][1] < q <= sum(size for _, size in levels)
        for levels in (sorted(asks), sorted(bids, reverse=True))
        for q in sizes
    )
    if not walked:
        with pytest.raises(ValueError, match=r"no book is deep enough|the best level fills all"):
            calibrate_impact(books, sizes)
        return
    fit = calibrate_impact(books, sizes)
    (price,) = books.mid
    for row, (levels, sign) in enumerate(((sorted(asks), 1), (sorted(bids, reverse=True), -1))):
        total = sum(size for _, size in levels)
        assert (fit.beyond[row] == (np.array(sizes) > total)).all()
        for k, q in enumerate(sizes):
            if q < total * (1 - 1e-9):
                want = sign * (naive_walk(levels, q) / price - 1)
                assert fit.slippage[0, row, k] == pytest.approx(want, abs=1e-12)
        got = fit.slippage[0, row, np.argsort(sizes)]
        got = got[np.isfinite(got)]
        assert (np.diff(got) >= -1e-12).all()
        assert (got >= fit.half_spread[0] - 1e-12).all()
    assert fit.linear["both"].value >= 0
    assert np.isnan(fit.linear["both"].error)  # one book has no error


def test_fits_and_errors_against_scipy_and_resampling() -> None:
    scipy = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(3)
    ladders = [
        ladder(60000.0 + 10 * i, 3.0, tick, 2.0, 60) for i, tick in enumerate(rng.lognormal(-1, 0.5, 200))
    ]  # fmt: skip
    fit = calibrate_impact(books_of(*ladders), SIZES)
    excess = (fit.slippage - fit.half_spread[:, None, None])[:, 0]
    y, q = excess * fit.mid[:, None], fit.sizes
    found = scipy.least_squares(lambda a: (y - a[0] * q).ravel(), [1.0]).x[0]
    assert fit.linear["buy"].value == pytest.approx(found, rel=1e-6)
    slope, level = np.polyfit(np.log(q).ravel(), np.log(excess).ravel(), 1)
    assert fit.power["buy"].exponent == pytest.approx(1 + slope, rel=1e-9)
    assert fit.power["buy"].value == pytest.approx(math.exp(level), rel=1e-9)
    # errors: books drawn again with replacement
    linear, levels = [], []
    for _ in range(400):
        k = rng.integers(0, len(ladders), len(ladders))
        linear.append((y[k] * q[k]).sum() / (q[k] ** 2).sum())
        levels.append(np.exp(np.polyfit(np.log(q[k]).ravel(), np.log(excess[k]).ravel(), 1)[1]))
    assert fit.linear["buy"].error == pytest.approx(np.std(linear), rel=0.15)
    assert fit.power["buy"].error == pytest.approx(np.std(levels), rel=0.15)


def test_units_and_sides() -> None:
    thin, thick = ladder(100.0, 0.1, 0.1, 1.0, 20), ladder(100.0, 0.1, 0.1, 5.0, 20)
    books = Books.from_levels([thin[0]], [thick[1]], instrument="X")
    coins = calibrate_impact(books, [1.0, 10.0])
    usd = calibrate_impact(books, [100.0, 1000.0], unit="usd")
    np.testing.assert_allclose(usd.slippage, coins.slippage, rtol=1e-12)
    assert coins.linear["sell"].value == pytest.approx(0.05, rel=1e-6)
    assert coins.linear["buy"].value < coins.linear["both"].value < coins.linear["sell"].value
    assert coins.costs(side="sell").impact == coins.linear["sell"].value
    assert "Impact on X: 1 books" in repr(coins)
    far = calibrate_impact(books, [1.0, 10.0, 50.0])
    assert far.beyond.tolist() == [[0, 0, 0], [0, 0, 1]]
    assert math.isnan(far.slippage[0, 1, 2])
    assert far.linear["sell"].n == 2
    only_buys = calibrate_impact(books, [50.0, 60.0])
    with pytest.raises(ValueError, match="side = 'sell': the books could fill no order of it"):
        only_buys.costs(side="sell")


@pytest.mark.parametrize(
    ("sizes", "unit", "message"),
    [
        ([1.0, -2.0], "coins", r"sizes\[1\] = -2.0 must be positive"),
        ([0.0, 2.0], "coins", r"sizes\[0\] = 0.0 must be positive"),
        ([1.0, math.nan], "coins", r"sizes\[1\] = nan must be positive"),
        ([1.0], "coins", "at least two different sizes"),
        ([1.0, 1.0], "coins", "at least two different sizes"),
        ([1.0, 2.0], "contracts", "unit = 'contracts' must be 'coins' or 'usd'"),
        ([1e6, 2e6], "coins", "no book is deep enough"),
        ([1e-15, 2e-15], "coins", "the best level fills all of them"),
    ],
)
def test_bad_sizes(sizes: list[float], unit: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibrate_impact(books_of(ladder(100.0, 0.1, 0.1, 1.0, 20)), sizes, unit=unit)


def test_bad_forms_and_books() -> None:
    fit = calibrate_impact(books_of(ladder(100.0, 0.1, 0.1, 1.0, 20)), [1.0, 10.0])
    with pytest.raises(ValueError, match="form = 'cubic' must be 'linear' or 'root'"):
        fit.costs(form="cubic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="side = 'left' must be one of buy, sell, both"):
        fit.costs(side="left")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"book 0 is crossed: best bid 100\.0, best ask 99\.0"):
        calibrate_impact(Books.from_levels([[[100, 1]]], [[[99, 1]]]), [1.0, 2.0])
    locked = Books(
        np.zeros(1, "M8[us]"), np.zeros(2, np.int64), np.array([-1, 1], np.int8), np.array([9.0, 9.0]), np.ones(2)
    )  # fmt: skip
    with pytest.raises(ValueError, match="book 0 is crossed or locked"):
        calibrate_impact(locked, [0.5, 1.0])


@pytest.fixture(scope="module")
def real(depth_tables: Callable[[str], Any]) -> dict[str, Books]:
    """Books of three markets of one exchange over the same 345 s, one a second."""
    return {name: rebuild(depth_tables(name), every=1.0) for name in DEPTH_STREAMS}


def test_real_books(real: dict[str, Books]) -> None:
    """Steady over the window and alike between the markets: factors, not digits, are what six minutes of one day can say."""
    fits = {name: calibrate_impact(books, SIZES) for name, books in real.items()}
    value = {name: fit.linear["both"].value for name, fit in fits.items()}
    # the figures of docs/hedging.md
    found = {
        name: (
            round(value[name], 3),
            round(1e4 * fit.half_spread.mean(), 4),
            round(float(np.nanmedian(fit.by_book["exponent"])), 2),
            round(fit.power["both"].exponent, 2),
            round(fit.beyond[1, -1], 2),
            round(np.nanmean(real[name].depth(10, unit="usd").sum(axis=1)) / 1e6, 1),
        )
        for name, fit in fits.items()
    }
    assert found == {
        "spot": (0.646, 0.0042, 2.22, 2.04, 0.80, 5.6),
        "usdm": (0.269, 0.0096, 1.99, 1.90, 0.32, 19.7),
        "cm": (0.522, 0.0081, 1.85, 1.73, 0.0, 8.1),
    }
    # the deepest market is the USD-margined perpetual; all are within a factor of three
    assert value["usdm"] == min(value.values())
    assert max(value.values()) < 3 * value["usdm"]
    for name, books in real.items():
        fit = fits[name]
        assert fit.linear["both"].r2 > 0.85
        assert fit.linear["both"].error < 0.03 * value[name]
        assert 1.5 < np.nanmedian(fit.by_book["exponent"]) < 2.6
        assert 0.5 < fit.linear["buy"].value / fit.linear["sell"].value < 2
        # by quarters of the window
        quarters = [np.nanmean(part) for part in np.array_split(fit.by_book["linear"], 4)]
        assert max(quarters) < 1.6 * min(quarters)
        # spreads are one tick nearly always
        tick = 0.01 if name == "spot" else 0.1
        best = books.best
        assert np.median(best[:, 1] - best[:, 0]) == pytest.approx(tick, abs=1e-9)
    # the same coins: mids a few bp apart
    for name in ("usdm", "cm"):
        assert abs(real[name].mid.mean() / real["spot"].mid.mean() - 1) < 2e-3
    depths = {name: books.depth(10, unit="usd") for name, books in real.items()}
    for (
        depth
    ) in depths.values():  # published means are 3.5 million USD (another pair, another year)
        assert 1e6 < np.nanmean(depth) < 4e7


def test_costs_go_into_the_simulation(real: dict[str, Books]) -> None:
    costs = calibrate_impact(real["usdm"], SIZES).costs(fee=5e-4)
    run = hedging.simulate(
        hedging.Option(strike=60000, expiry=7 / 365, vol=0.6, quantity=-100),
        paths.GBM(vol=0.6),
        [hedging.Clock(every=4)],
        spot=60000, costs=costs, n_paths=200, steps=84, seed=1,
    )  # fmt: skip
    spread, impact = run.mean("spread"), run.mean("impact")
    assert run.costs == costs
    assert (spread > 0).all()
    assert (spread < impact).all()  # tens of coins against a spread of a tick
