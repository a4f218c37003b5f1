"""Histories, their moves, historical simulation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hedgecore as hc
from hedgecore.tails import History, Moves, covariance, historical, vols_of
from test_scenarios import book, market

START = np.datetime64("2025-01-01T00:00", "us")
HOUR = np.timedelta64(3600, "s")


def times(n: int, step: int = 1) -> Any:
    return START + step * HOUR * np.arange(n)


def walk(n: int, seed: int = 0, size: float = 0.01) -> Any:
    return 100 * np.exp(np.cumsum(size * np.random.default_rng(seed).standard_normal(n)))


def made(n: int = 400) -> History:
    when = times(n)
    return History.of(
        {"BTC": (when, walk(n, 1)), "ETH": (when, walk(n, 2))},
        {"BTC": (when, walk(n, 3) / 200), "ETH": (when, walk(n, 4) / 200)},
    )


# --- alignment


def test_only_common_times_are_used_and_what_is_lost_is_said() -> None:
    when = times(10)
    btc = (when, np.arange(1.0, 11))
    values = np.arange(11.0, 21)
    values[4] = np.nan
    eth = (np.delete(when, [2, 7]), np.delete(values, [2, 7]))
    history = History.of({"BTC": btc, "ETH": eth})
    assert history.time.tolist() == np.delete(when, [2, 4, 7]).tolist()
    assert history.price["BTC"].tolist() == [1, 2, 4, 6, 7, 9, 10]
    assert history.price["ETH"].tolist() == [11, 12, 14, 16, 17, 19, 20]
    assert history.notes == (
        "price of BTC: 10 values, 3 at times that another series lacks left out",
        "price of ETH: 7 values, 1 without a value left out, 3 gaps",
    )


def test_order_does_not_matter_and_repeated_times_are_counted() -> None:
    when = times(5)
    shuffled = np.array([3, 0, 2, 4, 1, 3])
    history = History.of({"BTC": (when[shuffled], 1.0 + shuffled)})
    assert history.price["BTC"].tolist() == [1, 2, 3, 4, 5]
    assert "1 with the time of an earlier row left out" in history.notes[0]


def test_frames_and_tables_of_bars_count_at_their_end() -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"timestamp": times(3), "seconds": [3600] * 3, "close": [1.0, 2.0, 3.0]})
    history = History.of({"BTC": frame})
    assert history.time.tolist() == (times(3) + HOUR).tolist()
    plain = History.of({"BTC": {"time": times(3), "price": [1.0, 2.0, 3.0]}})
    assert plain.time.tolist() == times(3).tolist()
    cut = History.of({"BTC": (times(9), np.arange(1.0, 10))}, start="2025-01-01T02:00",
                     end="2025-01-01T05:00")  # fmt: skip
    assert cut.price["BTC"].tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("prices", "text"),
    [
        ({}, "at least one series"),
        ({"BTC": (times(3), [1.0, 0.0, 2.0])}, r"price of BTC\[1\] = 0.0 must be positive"),
        ({"BTC": (times(3), [1.0, 2.0])}, "must be one-dimensional and equal"),
        ({"BTC": (times(3), [1.0, 2, 3]), "ETH": (times(3) + HOUR / 2, [1.0, 2, 3])}, "in common"),
        ({"BTC": {"time": times(2), "size": [1, 2]}}, "one of close, price, vol, value"),
    ],
)
def test_clear_errors_of_series(prices: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        History.of(prices)


# --- moves


def test_moves_over_a_horizon_skip_gaps() -> None:
    kept = np.r_[0:5, 7:12]
    history = History.of({"BTC": (times(12)[kept], 1.0 + kept)})
    moves = history.moves(2)
    assert ((moves.end - moves.start) == 2 * HOUR).all()
    starts = [0, 1, 2, 7, 8, 9]
    assert moves.start.tolist() == times(12)[starts].tolist()
    assert moves.spot["BTC"] == pytest.approx([2 / (1 + s) for s in starts])
    assert moves.overlap == 2
    assert "2 starts without a value 2 hours later left out" in moves.notes
    apart = history.moves(2, overlapping=False)
    assert apart.start.tolist() == times(12)[[0, 2, 7, 9]].tolist()
    assert apart.overlap == 1
    assert "1 starts" in apart.notes[-1]


def test_moves_of_irregular_times_within_a_tolerance() -> None:
    minutes = np.array([0, 350, 730, 1070, 1440, 1800])
    history = History.of({"BTC": (START + minutes * np.timedelta64(60, "s"), 1.0 + np.arange(6))})
    moves = history.moves(6, tolerance=0.2)
    assert moves.spot["BTC"] == pytest.approx([1 / 1, 1 / 4, 1 / 5])  # 350, 370, 360 minutes
    with pytest.raises(ValueError, match="no two times of the history are 3 hours apart"):
        history.moves(3)
    every = history.moves(None)
    assert len(every) == 5
    for bad in ("1d", np.timedelta64(1, "D")):
        with pytest.raises(TypeError, match="horizon must be a number of hours, not"):
            history.moves(bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="horizon = -1 must be positive"):
        history.moves(-1)


def test_vol_changes_are_relative_or_absolute() -> None:
    history = History.of(vols={"BTC": (times(3), [0.5, 0.6, 0.3])})
    assert history.moves(1).vol["BTC"] == pytest.approx([0.2, -0.5])
    assert history.moves(1, vol_change="absolute").vol["BTC"] == pytest.approx([0.1, -0.3])
    with pytest.raises(ValueError, match="vol_change must be"):
        history.moves(1, vol_change="log")  # type: ignore[arg-type]


def test_vols_in_per_cent_are_refused() -> None:
    text = r"vol of BTC\[2\] = 55.0 must be a decimal per square-root year: 0.55 for 55 %"
    with pytest.raises(ValueError, match=text):
        History.of(vols={"BTC": (times(3), [0.5, np.nan, 55.0])})
    assert History.of(vols={"BTC": (times(2), [0.5, 10.0])}).vol["BTC"][1] == 10.0


@given(decay=st.floats(0.8, 0.99), seed=st.integers(0, 99), horizon=st.integers(1, 3))
def test_filtered_moves_beside_the_definition(decay: float, seed: int, horizon: int) -> None:
    history = History.of(
        {"BTC": (times(60), walk(60, seed))}, {"BTC": (times(60), walk(60, 7) / 200)}
    )
    moves = history.moves(horizon, vol_change="absolute")
    done = moves.filtered(decay, warmup=20)

    kept = decay ** (1 / horizon)  # a move an hour: so many make up a horizon

    def variance(squares: Any) -> float:
        v = squares[:20].mean()
        for s in squares[20:]:
            v = kept * v + (1 - kept) * s
        return float(v)

    logs, changes = np.log1p(moves.spot["BTC"]), moves.vol["BTC"]
    for i, start in enumerate(done.start):
        before = moves.end <= start
        assert before.sum() >= 20
        for x, y, exponential in (
            (logs, done.spot["BTC"], True),
            (changes, done.vol["BTC"], False),
        ):
            ratio = np.sqrt(variance(x**2) / variance(x[before] ** 2))
            here = x[moves.start == start][0] * ratio
            assert y[i] == pytest.approx(np.expm1(here) if exponential else here, rel=1e-9)
    assert len(done) == (np.searchsorted(moves.end, moves.start, "right") >= 20).sum()


def test_filtered_moves_of_a_calm_market_are_small() -> None:
    """A storm, then calm: the storm's moves shrink to today's volatility."""
    x = np.random.default_rng(0).standard_normal(600) * np.where(np.arange(600) < 300, 0.05, 0.01)
    moves = Moves.of(times(600), spot={"BTC": np.expm1(x)})
    done = moves.filtered(0.94, warmup=50)
    storm = done.spot["BTC"][:240]
    assert storm.std() == pytest.approx(done.spot["BTC"][300:].std(), rel=0.35)
    assert moves.spot["BTC"][50:290].std() > 3 * storm.std()
    assert "the first 50 left out" in done.notes[-1]


def test_weights_halve() -> None:
    moves = made().moves(1).weighted(2)
    assert moves.weight[-1] == 1
    assert moves.weight[-1 - 48] == pytest.approx(0.5)
    with pytest.raises(ValueError, match="halflife = 0 must be positive"):
        moves.weighted(0)


def test_moves_of_arrays() -> None:
    moves = Moves.of(times(3), spot={"BTC": [0.1, -0.1, 0.2]}, vol={"BTC": [0.0, 0.1, 0.0]})
    assert moves.start.tolist() == times(3)[[0, 0, 1]].tolist()
    with pytest.raises(ValueError, match=r"end\[1\] = .* must be after"):
        Moves.of(times(2)[::-1], spot={"BTC": [0.1, 0.2]})
    with pytest.raises(ValueError, match="2 ends for moves of 3 rows"):
        Moves.of(times(2), spot={"BTC": [0.1, 0.2, 0.3]})
    with pytest.raises(ValueError, match="warmup = 3 must be from 2 to below the 3 moves"):
        moves.filtered(0.9, warmup=3)


# --- historical simulation


def test_a_linear_book_has_the_quantiles_of_the_returns() -> None:
    """Spot alone: the loss at the edge of the worst 5 of 100 returns, exactly."""
    moves = Moves.of(times(100), spot={"BTC": np.random.default_rng(0).normal(0, 0.03, 100)})
    spot = hc.Book.from_frame({"instrument": ["BTC"], "quantity": [2.0]})
    here = hc.Market("2026-06-10", index={"BTC": 65_536.0})
    tail = historical(spot, here, moves).tail(0.95)
    worst = np.sort(moves.spot["BTC"])[:5]
    assert tail.value_at_risk == pytest.approx(-131_072 * worst[-1], rel=1e-13)
    assert tail.expected_shortfall == pytest.approx(-131_072 * worst.mean(), rel=1e-13)


def test_the_nodes_are_the_moves_and_have_their_dates() -> None:
    history = made()
    result = historical(book(), market(), history, horizon=24, aging=True)
    moves = history.moves(24)
    assert np.array_equal(result.label, moves.end)
    assert (result.nodes.time == 24 / 8760).all()
    assert result.overlap == 24
    worst = result.worst(3)
    i = int(np.argmin(result.total))
    assert worst["label"][0] == moves.end[i]
    assert worst["spot_BTC"][0] == moves.spot["BTC"][i]
    assert worst["vol_ETH"][0] == moves.vol["ETH"][i]
    alone = book().scenarios(
        market(), vol_shock="relative",
        spot={c: [moves.spot[c][i]] for c in ("BTC", "ETH")},
        vol={c: [moves.vol[c][i]] for c in ("BTC", "ETH")}, time=[24 / 8760],
    )  # fmt: skip
    assert result.total[i] == pytest.approx(alone.pnl().item(), rel=1e-12)
    assert result.tails()["expected_shortfall"].shape == (3,)
    assert result.bootstrap(samples=20).block == 48
    same = historical(book(), market(), moves, aging=True, threads=2)
    assert np.array_equal(same.pnl, result.pnl)


def test_filters_and_weights_are_those_of_the_moves() -> None:
    history = made()
    result = historical(book(), market(), history, horizon=1, decay=0.9, warmup=30, halflife=3)
    moves = history.moves(1).filtered(0.9, 30).weighted(3)
    assert np.array_equal(result.nodes.weight, moves.weight)
    assert np.array_equal(result.nodes.spot["ETH"], moves.spot["ETH"])
    assert result.notes == moves.notes


def test_what_a_history_lacks_is_an_error_that_names_it() -> None:
    when = times(50)
    btc = {"BTC": (when, walk(50))}
    both = btc | {"ETH": (when, walk(50))}
    with pytest.raises(ValueError, match="no prices of ETH, which the book holds; there are BTC"):
        historical(book(), market(), History.of(btc), horizon=1)
    with pytest.raises(ValueError, match="no vols of BTC, ETH, in which the book has options"):
        historical(book(), market(), History.of(both), horizon=1)
    still = historical(book(), market(), History.of(both), horizon=1, still_vols=True)
    assert "vols of BTC, ETH stand still" in still.notes
    with pytest.raises(ValueError, match="moves have their horizon"):
        historical(book(), market(), History.of(both).moves(1), horizon=1)
    down = History.of(
        both, {"BTC": (when, np.resize([2.0, 0.5], 50)), "ETH": (when, np.full(50, 0.5))}
    )
    with pytest.raises(ValueError, match="vol of BTC"):
        historical(book(), market(), down, horizon=1, vol_change="absolute")


def test_surfaces_make_a_series_of_vols() -> None:
    from datetime import UTC, datetime

    from hedgecore.surface import Surface

    def flat(day: int, vol: float) -> Surface:
        t = [0.05, 0.2]
        return Surface("BTC", datetime(2025, 1, day, tzinfo=UTC), t, [1e5, 1e5],
                       [[vol**2 * x, 0, 0, 0, 0.1] for x in t], [[-1, 1]] * 2)  # fmt: skip

    series = vols_of([flat(1, 0.5), flat(2, 0.6), flat(3, 0.3)])
    history = History.of(vols={"BTC": series})
    assert history.moves(24).vol["BTC"] == pytest.approx([0.2, -0.5])


# --- covariance of moves


def test_covariance_of_moves_beside_numpy() -> None:
    moves = made().moves(1, vol_change="absolute")
    rows = np.array([*moves.spot.values(), *moves.vol.values()])
    cov = covariance(moves, mean=True)
    assert cov.factors == ("BTC_spot", "ETH_spot", "BTC_vol", "ETH_vol")
    np.testing.assert_allclose(cov.matrix, np.cov(rows), rtol=1e-12)
    decay = 0.97 ** np.arange(rows.shape[1])[::-1]
    np.testing.assert_allclose(
        covariance(moves, decay=0.97).matrix, (rows * decay) @ rows.T / decay.sum(), rtol=1e-12
    )
    with pytest.raises(ValueError, match="absolute vol changes"):
        covariance(made().moves(1))


def test_decay_is_for_each_horizon_of_overlapping_moves() -> None:
    moves = made().moves(4, vol_change="absolute")
    rows = np.array([*moves.spot.values(), *moves.vol.values()])
    age = np.arange(rows.shape[1])[::-1] / 4
    weight = 0.9**age / (0.9**age).sum()
    np.testing.assert_allclose(
        covariance(moves, decay=0.9).matrix, (rows * weight) @ rows.T, rtol=1e-12
    )


# --- real data


@pytest.mark.parametrize("threads", [1, 2])
def test_two_years_of_hours_on_a_book(shared: Path, threads: int) -> None:
    """17,496 joint days of BTC and ETH: the worst ends on 2024-08-05."""
    pytest.importorskip("polars")
    prices = {
        coin: shared / f"data/prices/{coin}USDT_1h_20240416_20260416.csv.gz"
        for coin in ("BTC", "ETH")
    }
    history = History.of(prices)
    assert len(history) == 17_520
    spots = hc.Book.from_frame({"instrument": ["BTC", "ETH"], "quantity": [1.0, 10.0]})
    result = historical(spots, market(), history, horizon=24, threads=threads)
    assert len(result) == 17_496
    assert str(result.worst(1)["label"][0]).startswith("2024-08-05")
    by_hand = 88_000 * (history.price["BTC"][24:] / history.price["BTC"][:-24] - 1) + 31_000 * (
        history.price["ETH"][24:] / history.price["ETH"][:-24] - 1
    )
    np.testing.assert_allclose(result.total, by_hand, rtol=1e-9, atol=1e-6)
    tail = result.tail(0.99)
    assert tail.value_at_risk == pytest.approx(
        -np.sort(by_hand)[int(np.ceil(0.01 * 17_496)) - 1], rel=1e-9
    )


def test_vols_of_a_quarter_of_chains(quarter_file: Path) -> None:
    """Real vols: they move against the price, and 2026-02-05 has the highest."""
    pytest.importorskip("polars")
    history = History.from_chains(quarter_file)
    assert len(history) > 350
    highest = history.time[np.argmax(history.vol["BTC"])]
    assert str(highest).startswith("2026-02-05T21")
    moves = history.moves(24, tolerance=1.5, vol_change="absolute")
    cov = covariance(moves)
    i, j = cov.factors.index("BTC_spot"), cov.factors.index("BTC_vol")
    assert cov.correlation[i, j] < -0.5
    result = historical(book(), market(), moves)
    assert result.tail(0.95).expected_shortfall > 0


def test_vols_of_chains_are_those_of_fitted_surfaces(crash_file: Path) -> None:
    """Beside SVI fits of the same snapshot: half a vol point."""
    pytest.importorskip("polars")
    from hedgecore import surface, venues
    from hedgecore.tails.chains import levels_of

    table = venues.read(crash_file)
    _, price, vol, _ = levels_of(table, 30 / 365)
    fitted = surface.fit_all(table)
    for coin in vol:
        assert vol[coin][0] == pytest.approx(float(fitted[coin].atm_vol(30 / 365)), abs=0.005)
        assert price[coin][0] == pytest.approx(float(fitted[coin].forward[0]), rel=0.01)


def test_an_index_of_vol_counts_at_the_end_of_its_day(shared: Path) -> None:
    """DVOL is stamped at the beginning of the day it closes: moved to the end, it rises with the day's move."""
    pytest.importorskip("polars")
    history = History.of(
        {"BTC": shared / "data/prices/BTCUSDT_1h_20240416_20260416.csv.gz"},
        {"BTC": shared / "data/funding_vol/deribit_dvol_btc_daily_20221106_20251112.json.gz"},
    )
    assert history.step == 24
    moves = history.moves(24)
    size, rise = np.abs(moves.spot["BTC"]), moves.vol["BTC"]
    same = np.corrcoef(size, rise)[0, 1]
    assert same > 0.2
    assert same > np.corrcoef(size[1:], rise[:-1])[0, 1]  # the index before the day
    assert same > np.corrcoef(size[:-1], rise[1:])[0, 1]
