"""The chain that the program makes: the same every time, and like a real one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

pl = pytest.importorskip("polars")

import hedgecore as hc
from hedgecore import venues
from hedgecore.chain import forwards, implied
from hedgecore.demo import (
    COINS,
    POSITIONS,
    SNAPSHOT,
    Coin,
    _ssvi_vol,
    demo_chain,
    demo_positions,
    expiries,
    write_demo,
)
from hedgecore.instruments import TYPES
from hedgecore.venues.tables import Table


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def chain(files: tuple[Path, Path, Path]) -> Table:
    return venues.read(files[0])


def test_the_same_every_time(demo_frame: pl.DataFrame) -> None:
    assert demo_chain().write_csv() == demo_frame.write_csv()
    assert demo_positions().equals(demo_positions())


def test_layout_is_that_of_the_raw_files(demo_frame: pl.DataFrame, crash_file: Path) -> None:
    assert demo_frame.columns == pl.read_csv(crash_file, n_rows=1).columns


def test_every_row_can_be_valued_and_defects_are_as_in_life(chain: Table) -> None:
    assert chain.frame.height == chain.rows_read > 1500
    share = {defect.name: defect.share for defect in chain.defects}
    assert 0.03 < share["bid missing"] < 0.15
    assert 0.005 < share["ask missing"] < 0.04
    assert 0.005 < share["mark outside bid-ask"] < 0.04
    assert share["time to maturity off"] == share["index moved within a snapshot"] == 1.0
    assert chain.format == "Deribit six-hourly chain"
    assert share["crossed"] == 0.0
    assert not any(defect.count for defect in chain.defects if defect.dropped)


def test_the_marks_give_the_vols_back(chain: Table) -> None:
    frame = implied(chain, greeks=False).frame
    assert (frame["mark_status"] == 0).all()
    seen = frame.filter(pl.col("vega") > 1.0)
    assert (seen["implied_mark"] - seen["mark_vol"]).abs().max() < 2e-4


def test_parity_gives_the_forwards_back(chain: Table) -> None:
    curve = forwards(chain.frame)
    apart = (curve["parity_forward"] / curve["forward"] - 1).abs()
    assert curve.height == 24
    assert apart.max() < 1e-3


def test_quotes_stand_on_the_ticks(chain: Table) -> None:
    for side in ("bid", "ask"):
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
def test_no_static_arbitrage(coin: Coin) -> None:
    """Total variance grows with expiry at every strike; call prices fall and are convex in it."""
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


class TestBook:
    def test_it_holds_what_desks_hold(self, files: tuple[Path, Path, Path]) -> None:
        table = hc.Book.from_csv(files[1]).instruments
        assert set(table.type) == set(range(len(TYPES)))
        assert {"BTC", "ETH", "USDC"} == set(table.base)
        options = table.type == 0
        net = hc.Book.from_csv(files[1]).net_quantity
        for base in ("BTC", "ETH"):
            mine = options & (table.base == base)
            assert set(table.kind[mine]) == {1, -1}
            assert (net[mine] > 0).any()
            assert (net[mine] < 0).any()
            assert len(set(table.expiry_time[mine])) >= 6
        perpetual = table.type == TYPES.index("perpetual")
        assert set(table.inverse[perpetual]) == {True, False}

    def test_every_option_is_listed(self, demo_frame: pl.DataFrame) -> None:
        listed = set(demo_frame["instrument_name"])
        held = [name for name, *_ in POSITIONS if name.count("-") == 3]
        assert len(held) == 21
        assert set(held) <= listed

    def test_all_is_valued_and_some_limits_are_breached(
        self, files: tuple[Path, Path, Path], chain: Table
    ) -> None:
        book = hc.Book.from_csv(files[1])
        risk = book.risk(hc.Market.from_quotes(chain), strikes=True)
        assert risk.completeness.valued == len(POSITIONS)
        breaches = book.check(files[2])
        assert [(b.underlying, b.measure) for b in breaches] == [
            ("BTC", "gamma_usd_1pct"),
            ("BTC", "theta_usd"),
        ]
        assert breaches[0].bucket == "2026-06-12 92000"

    def test_files_are_written_into_a_new_folder(self, tmp_path: Path) -> None:
        paths = write_demo(tmp_path / "a" / "b")
        assert [path.name for path in paths] == ["chain.csv", "positions.csv", "limits.toml"]
        assert all(path.parent == tmp_path / "a" / "b" for path in paths)
