"""The chain that the program makes: the same every time, and like a real one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

pl = pytest.importorskip("polars")

from hedgecore.demo import COINS, SNAPSHOT, _ssvi_vol, demo_chain, expiries
from hedgecore.risk import chain_risk
from hedgecore.venues.deribit import Chain, read_chain


@pytest.fixture(scope="module")
def chain(demo_frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    path = tmp_path_factory.mktemp("demo") / "chain.csv"
    demo_frame.write_csv(path)
    return read_chain(path)


def test_the_same_every_time(demo_frame: pl.DataFrame) -> None:
    assert demo_chain().write_csv() == demo_frame.write_csv()


def test_layout_is_that_of_the_raw_files(demo_frame: pl.DataFrame, crash_file: Path) -> None:
    assert demo_frame.columns == pl.read_csv(crash_file, n_rows=1).columns


def test_every_row_can_be_valued_and_defects_are_as_in_life(chain: Chain) -> None:
    assert chain.frame.height == chain.rows_read > 1500
    share = {defect.name: defect.share for defect in chain.defects}
    assert 0.03 < share["bid missing"] < 0.15
    assert 0.005 < share["ask missing"] < 0.04
    assert 0.005 < share["mark outside bid-ask"] < 0.04
    assert share["time to maturity off"] == share["index moved within a snapshot"] == 1.0
    assert share["crossed"] == 0.0
    assert not any(defect.count for defect in chain.defects if defect.dropped)


def test_the_marks_give_the_vols_back(chain: Chain) -> None:
    frame = chain_risk(chain).frame
    assert (frame["mark_status"] == 0).all()
    seen = frame.filter(pl.col("file_vega") > 1.0)
    assert (seen["mark_vol"] - seen["file_vol"]).abs().max() < 2e-4


def test_quotes_stand_on_the_ticks(chain: Chain) -> None:
    for side in ("bid_price", "ask_price"):
        price = chain.frame[side].drop_nulls().to_numpy()
        assert (price > 0).all()
        ticks = price / np.where(price < 0.005, 0.0001, 0.0005)
        np.testing.assert_allclose(ticks, np.round(ticks), atol=1e-6)


def test_listing() -> None:
    listed = expiries(SNAPSHOT)
    days = [(expiry.month, expiry.day, expiry.year % 100) for expiry in listed]
    assert days == [
        *[(6, 11, 26), (6, 12, 26), (6, 13, 26), (6, 19, 26), (6, 26, 26), (7, 3, 26), (7, 10, 26)],
        *[(7, 31, 26), (8, 28, 26), (9, 25, 26), (12, 25, 26), (3, 26, 27)],
    ]
    assert all(expiry.hour == 8 for expiry in listed)


@pytest.mark.parametrize("now", [datetime(2026, 12, 31, 9), datetime(2026, 1, 30, 7, 59)])
def test_listing_on_other_days(now: datetime) -> None:
    listed = expiries(now.replace(tzinfo=UTC))
    assert listed == sorted(set(listed))
    assert listed[0] > now.replace(tzinfo=UTC)
    assert 10 <= len(listed) <= 14


@pytest.mark.parametrize("coin", COINS, ids=lambda coin: coin.currency)
def test_no_static_arbitrage(coin: object) -> None:
    """Total variance grows with expiry at every strike; call prices fall and are convex in it."""
    import hedgecore as hc

    moneyness = np.linspace(-2.0, 2.0, 401)
    strike = np.exp(moneyness)
    before = np.zeros_like(moneyness)
    for expiry in expiries(SNAPSHOT):
        years = (expiry - SNAPSHOT).total_seconds() / 31_536_000
        vol = _ssvi_vol(coin, moneyness, years)
        total = vol**2 * years
        assert (total > before).all()
        before = total
        call = hc.price("call", strike=strike, expiry=years, vol=vol, forward=1.0)
        slope = np.diff(call) / np.diff(strike)
        assert (slope <= 1e-12).all()
        assert (np.diff(slope) >= -1e-12).all()
