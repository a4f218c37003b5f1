"""Stress episodes: the facts against the data they were measured on, replays, what must be assumed."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore.tails import EPISODES, Episode, Fact, History, replay, stress
from test_scenarios import book, market

FACTS = [(episode, coin) for episode in EPISODES.values() for coin in episode.coins]
NAMED = [f"{episode.name} {coin}" for episode, coin in FACTS]
HOUR = np.timedelta64(3600, "s")


def spots(*coins: str) -> hc.Book:
    return hc.Book.from_frame({"instrument": list(coins), "quantity": [1.0] * len(coins)})


@cache
def table(path: Path) -> Any:
    from hedgecore import venues

    return venues.read(path)


@cache
def chain_history(path: Path) -> History:
    return History.from_chains(table(path))


def file_of(shared: Path, series: str) -> Path:
    (found,) = [f for f in shared.glob("data/*/*") if f.name.startswith(series + ".")]
    return found


@pytest.mark.parametrize(("episode", "coin"), FACTS, ids=NAMED)
def test_prices_are_those_of_the_data(shared: Path, episode: Episode, coin: str) -> None:
    pl = pytest.importorskip("polars")
    fact = episode.coins[coin]
    frame = table(file_of(shared, fact.prices)).frame
    time = pl.col("timestamp").dt.replace_time_zone(None)
    bars = frame.filter(
        (time >= np.datetime64(episode.start).item()) & (time < np.datetime64(episode.end).item())
    )
    length = np.datetime64(episode.end) - np.datetime64(episode.start)
    assert bars.height == length / np.timedelta64(bars["seconds"][0], "s")
    low = bars["low"].arg_min()
    assert fact.before == bars["open"][0]
    assert fact.low == bars["low"][low]
    assert fact.peak == bars["high"][: low + 1].max()
    assert fact.after == bars["close"][-1]


@pytest.mark.parametrize(("episode", "coin"), FACTS, ids=NAMED)
def test_vols_are_those_of_the_data(shared: Path, episode: Episode, coin: str) -> None:
    pytest.importorskip("polars")
    fact = episode.coins[coin]
    if fact.vols is None:
        assert (fact.vol_before, fact.vol_peak, fact.vol_after) == (None, None, None)
        return
    path = file_of(shared, fact.vols)
    if "dvol" in fact.vols:
        history = History.of(vols={coin: path})
        digits = 4
    else:
        history = chain_history(path)
        digits = 3
    start, end = np.datetime64(episode.start), np.datetime64(episode.end)
    before = history.vol[coin][history.time <= start]
    within = history.vol[coin][(history.time > start) & (history.time <= end)]
    assert fact.vol_before == round(before[-1], digits)
    assert fact.vol_peak == round(within.max(), digits)
    assert fact.vol_after == round(within[-1], digits)


def test_moves_of_the_trough_and_the_end() -> None:
    here = hc.Market("2026-06-10", index={"BTC": 100_000.0})
    result = stress(spots("BTC"), here)
    assert len(result) == 12
    by_name = dict(zip(result.label.tolist(), result.total, strict=True))
    assert by_name["2020-03-12 trough"] == pytest.approx(1e5 * (3782.13 / 7966.17 - 1))
    assert by_name["2020-03-12 end"] == pytest.approx(1e5 * (5578.60 / 7934.58 - 1))
    assert (np.diff(result.total) >= 0).all()
    assert result.label[0] == "2020-03-12 trough"
    half = stress(spots("BTC"), here, ["2025-10-10"], at="trough", scale=0.5)
    assert half.total[0] == pytest.approx(0.5 * by_name["2025-10-10 trough"])
    assert "every move times 0.5" in half.notes
    assert "value_at_risk" not in repr(result)
    assert len(result.to_frame("polars") if _has_polars() else result.table()["label"]) == 12


def _has_polars() -> bool:
    try:
        import polars  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("change", ["relative", "absolute"])
def test_a_replay_is_the_full_revaluation(change: Any) -> None:
    result = stress(book(), market(), ["2026-02-05"], at="trough", vol_change=change, aging=True)
    btc, eth = (EPISODES["2026-02-05"].coins[coin] for coin in ("BTC", "ETH"))

    def vol(fact: Fact) -> float:
        assert fact.vol_peak is not None
        assert fact.vol_before is not None
        if change == "relative":
            return fact.vol_peak / fact.vol_before - 1
        return fact.vol_peak - fact.vol_before

    grid = book().scenarios(
        market(), spot={"BTC": [btc.low / btc.peak - 1], "ETH": [eth.low / eth.peak - 1]},
        vol={"BTC": [vol(btc)], "ETH": [vol(eth)]}, time=[3 / 365], vol_shock=change,
    )  # fmt: skip
    assert result.total[0] == pytest.approx(grid.pnl().item(), rel=1e-12)


def test_nothing_is_assumed_in_silence() -> None:
    with pytest.raises(ValueError, match="episode 2020-03-12: the price of ETH is not known"):
        stress(spots("BTC", "ETH"), market())
    with pytest.raises(ValueError, match="episode 2024-08-05: the vol of ETH is not known"):
        stress(book(), market(), ["2024-08-05"])
    with pytest.raises(ValueError, match="episode 2020-03-12: the vol of BTC is not known"):
        stress(book(), market(), assume={"ETH": -0.5})
    result = stress(
        spots("BTC", "ETH"), market(), ["2020-03-12"], at="trough", assume={"ETH": ("BTC", 1.2)}
    )
    fall = 3782.13 / 7966.17 - 1
    assert result.nodes.spot["ETH"][0] == pytest.approx(1.2 * fall)
    assert result.notes == ("move of ETH where not known: 1.2 times that of BTC",)
    known = stress(spots("ETH"), market(), ["2024-08-05"], at="trough", assume={"ETH": -0.9})
    assert known.nodes.spot["ETH"][0] == pytest.approx(2111 / 2935.46 - 1)  # what is known stays
    assert known.notes == ()  # and what was given in vain is not said to be assumed
    vols = stress(book(), market(), ["2024-08-05"], assume_vol={"ETH": ("BTC", 0.9)}, at="trough")
    assert vols.nodes.vol["ETH"][0] == pytest.approx(0.9 * (0.6308 / 0.5145 - 1))

    chained = stress(
        book(), market(), "2020-03-12", at="trough", assume={"ETH": -0.6, "SOL": -0.7},
        assume_vol={"BTC": 0.5, "ETH": ("BTC", 1)},
    )  # fmt: skip
    assert chained.nodes.vol["ETH"].tolist() == [0.5]
    assert chained.notes == (
        "move of ETH where not known: -0.6 (relative)",
        "vol change of BTC where not known: +0.5 (relative)",
        "vol change of ETH where not known: 1 times that of BTC",
    )
    points = stress(book(), market(), "2024-08-05", assume_vol={"ETH": 0.2}, vol_change="absolute")
    assert points.notes == ("vol change of ETH where not known: +0.2 (absolute)",)
    # an episode that is left out needs nothing
    some = stress(
        book(), market(), ["2020-03-12", "2024-08-05"], assume={"ETH": -0.5}, skip=True,
        assume_vol={"ETH": ("BTC", 1)},
    )  # fmt: skip
    assert some.notes[0] == "vol change of ETH where not known: 1 times that of BTC"
    assert some.notes[1].startswith("left out: episode 2020-03-12")


def test_one_episode_is_enough() -> None:
    name = "2026-02-05"
    for one in (name, EPISODES[name], [name]):
        assert stress(spots("BTC"), market(), one, at="end").label.tolist() == [f"{name} end"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"episodes": ["2008-09-15"]}, "episode '2008-09-15' is none of 2020-03-12"),
        ({"episodes": []}, "no episodes to replay"),
        ({"at": "middle"}, "at must be 'trough' or 'end', not 'middle'"),
        ({"scale": np.nan}, "scale = nan must be finite"),
        ({"scale": 2.0, "episodes": ["2020-03-12"]}, "takes BTC to zero or below"),
        ({"vol_change": "log"}, "vol_change must be"),
    ],
)
def test_clear_errors(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        stress(spots("BTC"), market(), **change)


def test_episodes_of_the_users_own() -> None:
    mine = Episode("mine", "2030-01-01", "2030-01-02", {"BTC": Fact(100, 110, 55, 99, "made up")})
    result = stress(spots("BTC"), market(), [mine])
    assert result.nodes.spot["BTC"].tolist() == pytest.approx([-0.5, -0.01])
    other = replace(mine, coins={})
    with pytest.raises(ValueError, match="episode mine: the price of BTC is not known"):
        stress(spots("BTC"), market(), [other])


def test_replay_of_a_path() -> None:
    when = np.datetime64("2025-10-10T00:00") + HOUR * np.arange(60)
    price = 100 + np.arange(60.0)
    vol = 0.4 + 0.001 * np.arange(60)
    result = replay(
        spots("BTC"), market(), {"BTC": (when, price)}, "2025-10-10", vols={"BTC": (when, vol)},
        scale=0.5, aging=True,
    )  # fmt: skip
    assert len(result) == 49
    assert result.total == pytest.approx(88_000 * 0.5 * np.arange(49) / 100)
    assert result.nodes.time[-1] == pytest.approx(2 / 365)
    assert result.label[0] == when[0]
    both = {"BTC": (when, price), "ETH": (when, price)}
    with pytest.raises(ValueError, match="episode 2025-10-10: the vol of BTC is not known"):
        replay(book(), market(), both, "2025-10-10")
    moved = replay(book(), market(), both, "2025-10-10", assume_vol={"BTC": 0.2, "ETH": ("BTC", 1)},
                   vols={"BTC": (when, vol)})  # fmt: skip
    assert np.array_equal(moved.nodes.vol["ETH"], moved.nodes.vol["BTC"])
    assert moved.total[0] == 0
    constant = replay(book(), market(), both, "2025-10-10", assume_vol={"BTC": 0.2, "ETH": 0.1})
    assert constant.nodes.vol["BTC"].tolist() == [0.0] + [0.2] * 48
    span = replay(spots("BTC"), market(), {"BTC": (when, price)}, (when[3], when[7]))
    assert span.total == pytest.approx(88_000 * np.arange(5) / 103)
    with pytest.raises(ValueError, match="no price of SOL to take that of ETH from"):
        replay(spots("BTC", "ETH"), market(), {"BTC": (when, price)}, "2025-10-10",
               assume={"ETH": ("SOL", 1.0)})  # fmt: skip


def test_replay_of_real_minutes(shared: Path) -> None:
    """Through 2025-10-10 in bars of 5 minutes: the worst node is that of the lowest closes."""
    pytest.importorskip("polars")
    prices = {
        coin: table(file_of(shared, f"{coin}USDT_perp_5m_20250704_20251231"))
        for coin in ("BTC", "ETH")
    }
    result = replay(spots("BTC", "ETH"), market(), prices, "2025-10-10")
    assert len(result) == 577
    assert str(result.worst(1)["label"][0]).startswith("2025-10-10T21:20")
    with_low = stress(spots("BTC", "ETH"), market(), ["2025-10-10"], at="trough")
    assert with_low.total[0] < result.total.min() < 0.6 * with_low.total[0]
