"""Resampled returns, replays, given paths and levels: what each path is made of, from its own random numbers."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import levels
from hedgecore.paths import (
    GBM,
    Bootstrap,
    Given,
    Replays,
    block_length,
    gas_price,
    log_returns,
    simulate,
    uniforms,
)
from path_models import FloatArray, within

RNG = np.random.default_rng(20261127)
ROWS = 500
RETURNS = RNG.standard_t(3, (ROWS, 2)) * 0.01
VOLS = 0.5 + 0.1 * RNG.random(ROWS)
RUN: dict[str, Any] = {"n_paths": 400, "n_steps": 300, "horizon": 300 / 8760, "seed": 4, "every": 1}


def returns_of(run: Any) -> FloatArray:
    return np.diff(np.log(run.spot), axis=-1)


# --- bootstrap -------------------------------------------------------------------------------------------------------


def rows_of(
    seed: int, n_paths: int, n_steps: int, rows: int, block: float
) -> npt.NDArray[np.int64]:
    """The rows that each path takes, time 0 first, as the documentation says."""
    u = uniforms(seed, n_paths, n_steps + 1, stream=4)
    row = np.floor(u[:, 0] * rows).astype(int)
    taken = [row]
    for k in range(1, n_steps + 1):
        drawn = np.floor(u[:, k] * block * rows).astype(int)
        row = np.where(u[:, k] < 1 / block, drawn, (row + 1) % rows)
        taken.append(row)
    return np.array(taken).T


def test_every_path_is_rows_of_the_history() -> None:
    """Vectors stay together: two prices, two levels; the history wraps round."""
    model = Bootstrap(RETURNS, {"vol": VOLS, "funding": np.arange(ROWS)}, block=25, recentre=False)
    run = simulate(model, **RUN)
    rows = rows_of(4, 400, 300, ROWS, 25)
    moves = returns_of(run)
    for asset in range(2):
        np.testing.assert_allclose(moves[asset], RETURNS[rows[:, 1:], asset], atol=1e-13)
    np.testing.assert_array_equal(run.levels["vol"], VOLS[rows])
    np.testing.assert_array_equal(run.levels["funding"], rows)
    assert ((rows[:, 1:] == 0) & (rows[:, :-1] == ROWS - 1)).any()


@pytest.mark.parametrize("block", [1, 7.5, 60])
def test_blocks_are_geometric_and_rows_uniform(block: float) -> None:
    model = Bootstrap(RETURNS[:, 0], {"row": np.arange(ROWS)}, block=block, recentre=False)
    rows = simulate(model, **RUN).levels["row"].astype(int)
    new = (rows[:, 1:] != (rows[:, :-1] + 1) % ROWS).ravel()
    within(new.astype(float), (1 - 1 / ROWS) / block)  # a new row may be the next one
    # lengths of blocks that begin and end inside: P(length > n) = (1 - p)^n
    if block > 1:
        starts = np.flatnonzero(new)
        lengths = np.diff(starts[:20_000])
        p = (1 - 1 / ROWS) / block
        for n in (1, 3, 10):
            within((lengths > n).astype(float), (1 - p) ** n)
    counts = np.bincount(rows[:, ::150].ravel(), minlength=10)
    assert len(counts) == ROWS
    far = rows[:, -1]
    assert abs(far.mean() - (ROWS - 1) / 2) < 4.5 * ROWS / math.sqrt(12 * len(far))


def test_recentred_and_scaled() -> None:
    step, drift, vols = 1 / 8760, [0.5, -0.2], [0.6, 0.9]
    model = Bootstrap(RETURNS, {"row": np.arange(ROWS)}, block=10, vol=vols)
    run = simulate(model, **RUN, drift=drift)
    assert run.variance is not None
    rows = run.levels["row"].astype(int)[:, 1:]
    for asset in range(2):
        used = np.zeros(ROWS)
        used[rows] = returns_of(run)[asset]
        assert (np.bincount(rows.ravel(), minlength=ROWS) > 0).all()
        assert np.exp(used).mean() == pytest.approx(math.exp(drift[asset] * step), rel=1e-13)
        assert used.std() / math.sqrt(step) == pytest.approx(vols[asset], rel=1e-9)
        scale = used.std() / RETURNS[:, asset].std()
        np.testing.assert_allclose(
            used - used.mean(), scale * (RETURNS[:, asset] - RETURNS[:, asset].mean()), atol=1e-12
        )
        np.testing.assert_allclose(run.vol[asset], vols[asset], rtol=1e-9)


def test_expectation_without_dependence() -> None:
    """Blocks of one row: E[S_t] = S_0 exp(drift t)."""
    run = simulate(
        Bootstrap(RETURNS[:, 0], block=1),
        n_paths=40_000,
        n_steps=50,
        horizon=0.1,
        seed=1,
        drift=2.0,
    )
    assert run.spot is not None
    within(run.spot[:, 0], 100 * math.exp(0.2))


def ar1(n: int, phi: float, rng: np.random.Generator) -> FloatArray:
    e, x = rng.normal(size=n), np.zeros(n)
    for i in range(1, n):
        x[i] = phi * x[i - 1] + e[i]
    return x


def test_block_length() -> None:
    """The stationary column of arch.bootstrap.optimal_block_length, version 8.0.0, for the same series."""
    rng = np.random.default_rng(5)
    for n, phi, expected in (
        (500, 0.0, 1.5453446494435514),
        (500, 0.5, 8.251737504847673),
        (5000, 0.9, 52.606935796664914),
        (3000, -0.4, 16.63289968142531),
    ):
        assert block_length(ar1(n, phi, rng)) == pytest.approx(expected, rel=1e-9)
    assert block_length(np.ones(50)) == 1
    for bad, message in (
        (np.ones((20, 2)), "one dimension"),
        (np.ones(5), "ten values"),
        (np.r_[np.ones(20), np.nan], r"series\[20\] = nan must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            block_length(bad)


def test_block_is_automatic() -> None:
    """Persistent magnitudes, returns without dependence: blocks are as long as the magnitudes ask."""
    rng = np.random.default_rng(6)
    vol = np.exp(ar1(2000, 0.97, rng) * 0.2)
    model = Bootstrap(vol * rng.normal(size=2000) * 0.01)
    assert model.mean_block == block_length(np.abs(np.asarray(model.returns)))
    assert model.mean_block > 3 * block_length(np.asarray(model.returns))
    assert Bootstrap(RETURNS, block=12).mean_block == 12


def test_real_hours(shared: Path) -> None:
    """BTC and ETH by the hour through two years: moments of the history, their correlation and clustering of magnitudes."""
    pl = pytest.importorskip("polars")
    closes = [
        pl.read_csv(shared / f"data/prices/{coin}USDT_1h_20240416_20260416.csv.gz")[
            "close"
        ].to_numpy()
        for coin in ("BTC", "ETH")
    ]
    returns = log_returns(np.array(closes).T)
    model = Bootstrap(returns, recentre=False)
    assert 20 < model.mean_block < 400
    run = simulate(model, n_paths=400, n_steps=720, horizon=720 / 8760, seed=2, every=1)
    moves = returns_of(run)
    for asset in range(2):
        assert moves[asset].std() == pytest.approx(returns[:, asset].std(), rel=0.05)
    assert np.corrcoef(moves[0].ravel(), moves[1].ravel())[0, 1] == pytest.approx(
        np.corrcoef(returns.T)[0, 1], abs=0.02
    )

    def clustering(x: FloatArray) -> float:
        size = np.abs(x)
        return float(np.corrcoef(size[..., 1:].ravel(), size[..., :-1].ravel())[0, 1])

    assert clustering(moves[0]) == pytest.approx(clustering(returns[:, 0]), abs=0.03)


# --- replays ---------------------------------------------------------------------------------------------------------

WINDOWS = [RNG.normal(-0.05, 0.01, 12), RNG.normal(-0.02, 0.01, 30)]


def test_windows_replace_returns() -> None:
    """Where a window runs its returns do, times the factor, from the first row to the last; elsewhere the model's."""
    stress = Replays(WINDOWS, rate=100, factor=1.5)
    plain, run = (returns_of(simulate(GBM(vol=0.5), **RUN, stress=s)) for s in (None, stress))
    u = uniforms(4, 400, 300, stream=5)
    share = -math.expm1(-100 / 8760)
    begun = 0
    for path in range(400):
        k = 0
        while k < 300:
            if u[path, k] < share:
                window = 1.5 * WINDOWS[int(u[path, k] / share * 2)]
                length = min(len(window), 300 - k)
                np.testing.assert_allclose(run[path, k : k + length], window[:length], atol=1e-13)
                k += length
                begun += 1
            else:
                assert run[path, k] == pytest.approx(plain[path, k], abs=1e-13)
                k += 1
    assert begun > 300


def test_windows_bring_their_levels() -> None:
    model = Bootstrap(RETURNS[:, 0], {"vol": VOLS}, block=20)
    stress = Replays(
        WINDOWS, rate=200, levels=[{"vol": np.full(12, 2.0)}, {"vol": np.full(30, 3.0)}]
    )
    run = simulate(model, **RUN, stress=stress)
    vol = run.levels["vol"][:, 1:]
    moves = returns_of(run)
    for value, window in zip((2.0, 3.0), WINDOWS, strict=True):
        inside = vol == value
        assert 0.02 < inside.mean() < 0.9
        gaps = np.abs(moves[inside][:, None] - window).min(axis=1)
        assert gaps.max() < 1e-13
    assert np.isin(vol[vol < 2], VOLS).all()


def test_bad_windows() -> None:
    for stress, message in (
        (Replays([], rate=1), "windows: there are none"),
        (Replays([[0.1, math.nan]], rate=1), r"windows\[0\]\[1, 0\] = nan must be finite"),
        (Replays([[0.1], []], rate=1), r"windows\[1\] must have a row"),
        (Replays([RETURNS], rate=1), r"windows\[0\] must have a column for each of 1 assets"),
        (Replays(WINDOWS, rate=-1), "rate = -1 must be zero or positive"),
        (Replays(WINDOWS, rate=1, factor=math.inf), "factor = inf must be finite"),
        (Replays(WINDOWS, rate=1, levels=[{}]), "levels must be 2"),
        (
            Replays(WINDOWS, rate=1, levels=[{}, {"vol": np.ones(30)}]),
            r"levels\[1\] must have no columns",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            simulate(GBM(vol=1), **RUN, stress=stress)


# --- given paths -----------------------------------------------------------------------------------------------------


def test_given_paths_come_back() -> None:
    spot = np.exp(RNG.normal(size=(300, 21)).cumsum(axis=1) * 0.1)
    model = Given(spot, {"vol": spot / 2}, first_path=1000, vol=0.3)
    run = simulate(model, n_paths=150, n_steps=20, horizon=1, seed=0, first_path=1100, every=5)
    np.testing.assert_allclose(run.spot, spot[100:250, ::5], rtol=1e-14)
    np.testing.assert_array_equal(run.levels["vol"], spot[100:250, ::5] / 2)
    assert (run.vol == 0.3).all()
    both = simulate(Given(np.array([spot, 2 * spot])), n_paths=300, n_steps=20, horizon=1, seed=0)
    np.testing.assert_allclose(both.spot, [spot[:, -1:], 2 * spot[:, -1:]], rtol=1e-14)


def test_bad_given_paths() -> None:
    run = {"n_paths": 3, "n_steps": 4, "horizon": 1.0, "seed": 0}
    good = np.full((3, 5), 100.0)
    nan, zero = good.copy(), np.full((2, 3, 5), 100.0)
    nan[1, 3] = math.nan
    zero[1, 2, 4] = 0
    for model, more, message in (
        (Given(nan), {}, "spot, path 1, time 3: nan must be positive and finite"),
        (Given(zero), {}, "spot of asset 1, path 2, time 4: 0 must be positive"),
        (Given(good, {"vol": nan}), {}, "level 0, path 1, time 3: nan must be finite"),
        (Given(good), {"n_paths": 4}, "there are 3 given paths: not paths 0 to 4"),
        (Given(good, first_path=9), {}, "there are 3 given paths: not paths 0 to 3"),
        (Given(good), {"n_steps": 5}, "steps = 5 needs 6 times, but the given paths have 5"),
        (Given(good[0]), {}, r"spot must be of shape .* not \(5,\)"),
        (Given(good, {"vol": good[:2]}), {}, r"levels 'vol' must be of shape \(3, 5\)"),
        (Given(good), {"spot": 3.0}, "spot and drift have no meaning"),
        (Given(good), {"stress": Replays(WINDOWS, rate=1)}, "given paths have no replays"),
    ):
        with pytest.raises(ValueError, match=message):
            simulate(model, **{**run, **more})


def test_bad_histories() -> None:
    for model, more, message in (
        (Bootstrap([]), {}, r"returns must have a row for each step.*\(0, 1\)"),
        (Bootstrap([0.1, math.inf] * 10), {}, r"returns\[1, 0\] = inf must be finite \(10 bad values"),
        (Bootstrap(RETURNS, block=0.5), {}, "block = 0.5 must be 1 step or longer"),
        (Bootstrap(RETURNS, {"vol": VOLS[1:]}, block=2), {}, r"levels 'vol' must have 500 rows"),
        (Bootstrap(RETURNS, block=2, vol=-1), {}, "vol = -1 must be zero or positive"),
        (Bootstrap(np.zeros(50), block=2, vol=1), {}, "returns of asset 0 are all equal"),
        (Bootstrap(RETURNS, block=2, recentre=False), {"drift": 0.1}, r"drift = \[0.1, 0.1\] must be 0"),
        (Bootstrap(RETURNS, {"gas": VOLS}, block=2), {"levels": {"gas": gas_price(median=1, std=1, half_life=1)}},
         "'gas' is a level of the model already"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            simulate(model, **{**RUN, **more})
    with pytest.raises(ValueError, match=r"prices\[2\] = -1.0 must be positive and finite"):
        log_returns([1, 2, -1])


# --- the same numbers ------------------------------------------------------------------------------------------------


def full(
    returns: FloatArray, vols: FloatArray, n_paths: int = 700, first: int = 0, threads: int = 1
) -> dict[str, Any]:
    """Everything at once; run at other levels from its source, so it needs nothing but its arguments."""
    from hedgecore import paths

    run = paths.simulate(
        paths.Bootstrap(returns, {"vol": vols}, block=9),
        n_paths=n_paths,
        n_steps=40,
        horizon=0.1,
        seed=4,
        every=8,
        first_path=first,
        threads=threads,
        stress=paths.Replays(
            [returns[:7] * 3, returns[50:80]],
            rate=50,
            factor=1.2,
            levels=[{"vol": vols[:7]}, {"vol": vols[50:80]}],
        ),
        levels={
            "f": paths.funding_rate(std=0.001, half_life=0.001),
            "g": paths.gas_price(median=9, std=1, half_life=0.01, spike_rate=99),
        },
    )
    return {"spot": run.spot, "variance": run.variance, **run.levels}


def test_same_bits_for_threads_and_shards() -> None:
    whole = full(RETURNS, VOLS)
    for threads in (2, 5):
        other = full(RETURNS, VOLS, threads=threads)
        for name, values in whole.items():
            np.testing.assert_array_equal(values, other[name])
    part = full(RETURNS, VOLS, 130, 401)
    for name, values in whole.items():
        np.testing.assert_array_equal(values[..., 401:531, :], part[name])


def test_same_bits_on_every_level() -> None:
    code = "\n".join(
        [
            "from typing import Any",
            "FloatArray = Any",
            inspect.getsource(full),
            "result = full(returns, vols, 300)",
        ]
    )
    whole = full(RETURNS, VOLS, 300)
    for level in levels.AVAILABLE:
        got = levels.run_at(level, code, returns=RETURNS, vols=VOLS)
        for name, values in whole.items():
            np.testing.assert_allclose(got[name], values, rtol=1e-12, atol=1e-18)
            if level != "v2":
                np.testing.assert_array_equal(got[name], values)
