"""A market maker's book: customers' trades taken from real ones, put on the options that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from backtest_data import bars, chain
from hedgecore import backtest as bk
from hedgecore import hedging as hg

CHAIN, BARS = chain(), bars()
TAPE = bk.Tape.of("BTC", CHAIN, bars=BARS)


def flow(n: int = 50, seed: int = 1) -> bk.Flow:
    rng = np.random.default_rng(seed)
    return bk.Flow(
        rng.choice([1, -1], n), rng.uniform(0.05, 0.95, n), rng.uniform(1, 25, n), rng.choice([-2.0, -1, 0.1, 1, 3], n), 500.0
    )  # fmt: skip


def trades(**changed: Any) -> dict[str, Any]:
    """Twelve trades of two hours: a call at the money with a month to go, bought by the customer at even rows."""
    n = 12
    time = np.datetime64("2026-01-01T00:00", "us") + np.arange(n) * np.timedelta64(10, "m")
    columns = {
        "timestamp": time, "base": np.full(n, "BTC"), "type": np.full(n, "option"), "kind": np.full(n, 1), "strike": np.full(n, 80_000.0),
        "expiry_time": time + np.timedelta64(30, "D"), "vol": np.full(n, 0.5), "index": np.full(n, 80_000.0), "amount": np.arange(1.0, n + 1),
        "side": np.where(np.arange(n) % 2 == 0, "buy", "sell"),
    }  # fmt: skip
    return columns | changed


def test_a_sample_of_trades() -> None:
    shuffled = np.random.default_rng(2).permutation(12)
    sample = bk.Flow.of({name: column[shuffled] for name, column in trades().items()}, "BTC")
    assert sample.amount.tolist() == [1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12]
    np.testing.assert_allclose(sample.days, 30)
    # N(vol sqrt(T) / 2)
    np.testing.assert_allclose(sample.delta, 0.52856, atol=1e-5)
    assert sample.per_day == pytest.approx(12 / (110 / 1440))
    vol = np.full(12, 0.5)
    vol[3] = np.nan
    assert [f.count for f in bk.Flow.of(trades(vol=vol), "BTC").found] == [1]
    for bad, message in (
        ({"base": np.full(12, "ETH")}, "trades: 0 of BTC options"),
        ({"vol": np.full(12, np.nan)}, "trades: 0 of BTC options"),
        ({"timestamp": np.full(12, np.datetime64("2026-01-01", "us"))}, "ten or more at several times"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            bk.Flow.of(trades(**bad), "BTC")


def test_the_maker_takes_the_other_side_of_the_nearest_option() -> None:
    one = bk.Flow(np.array([-1]), np.array([0.31]), np.array([6.0]), np.array([2.0]), 1000.0)
    known = TAPE.until(6)
    orders = bk.MarketMaker(flow=one, share=0.05).orders(known, {})
    table = known.chain()
    days = (table["expiry"] - known.times[-1]) / 86_400_000_000
    rows = [k for k in range(len(days)) if table["kind"][k] < 0 and table["bid"][k] > 0 and days[k] == min(days, key=lambda d: abs(np.log(d / 6)))]  # fmt: skip
    best = min(rows, key=lambda k: abs(abs(table["delta"][k]) - 0.31))
    assert list(orders) == [str(known.name[table["instrument"][best]])]
    assert set(next(iter(orders.values()))) == {-2.0}


def test_what_a_snapshot_brings_depends_on_seed_and_number_alone() -> None:
    maker = bk.MarketMaker(flow=flow(), share=0.1)
    first, again = (maker.orders(TAPE.until(48), {}) for _ in range(2))
    assert first == again
    other = bk.MarketMaker(flow=flow(), share=0.1, seed=2).orders(TAPE.until(48), {})
    assert other != first
    shorter = bk.Tape.of("BTC", CHAIN, bars=BARS, end="2026-01-05")
    assert maker.orders(shorter.until(48), {}) == first


def test_customers_come_at_their_rate_with_the_sizes_of_the_sample() -> None:
    carried = bk.carry(TAPE, bk.MarketMaker(flow=flow(), share=0.1), bk.Fills(spread=-1, fee_factor=0))  # fmt: skip
    trades = carried.trades
    days = (TAPE.snapshots[-1] - TAPE.snapshots[0]) / 86_400_000_000
    expected = 500 * 0.1 * days
    gone = carried.counts["orders without a quote or size"]
    assert len(trades["step"]) + gone == pytest.approx(expected, abs=5 * np.sqrt(expected))
    assert set(np.abs(trades["quantity"])) == {0.1, 1.0, 2.0, 3.0}
    # both sides of one option between two snapshots are two trades, each with its spread
    assert (trades["edge"] > 0).all()
    assert carried.counts["structures not entered"] == 0
    test = bk.run(
        TAPE, carried, {"never": hg.NoHedge(), "clock": hg.Clock()}, costs=hg.Costs(fee=5e-4)
    )
    assert test.reconcile() < 1e-12
    assert test.pnl[1].std() < 0.5 * test.pnl[0].std()


def test_no_option_is_held_beyond_the_most() -> None:
    carried = bk.carry(TAPE, bk.MarketMaker(flow=flow(), share=0.5, most=4.0), bk.Fills(spread=-1))
    most = max(float(np.abs(life.quantity).max()) for life in carried.lives)
    assert 3 < most <= 4.0


def test_every_customer_is_a_trade_or_counted() -> None:
    no_calls = {**CHAIN, "ask": np.where(CHAIN["kind"] > 0, np.nan, CHAIN["ask"])}
    tape = bk.Tape.of("BTC", no_calls, bars=BARS)
    known, maker = TAPE.until(48), bk.MarketMaker(flow=flow(), share=0.5)
    came = sum(len(quantities) for quantities in maker.orders(known, {}).values())
    assert came > 20
    few = bk.MarketMaker(flow=flow(), share=0.5, most=2.0).orders(known, {})
    beyond = few.counts["customers beyond the most"]  # type: ignore[attr-defined]
    assert 0 < beyond == came - sum(len(quantities) for quantities in few.values())
    puts = maker.orders(tape.until(48), {})
    gone = puts.counts["customers without an option that is quoted"]  # type: ignore[attr-defined]
    assert 0 < gone == came - sum(len(quantities) for quantities in puts.values())
    carried = bk.carry(tape, maker, bk.Fills(spread=-1))
    assert carried.counts["customers without an option that is quoted"] > gone


def test_trades_of_one_side_share_its_size() -> None:
    sized = {**CHAIN, "bid_size": np.full(len(CHAIN["bid"]), 2.5), "ask_size": np.full(len(CHAIN["bid"]), 2.5)}  # fmt: skip
    tape = bk.Tape.of("BTC", sized, bars=BARS)
    carried = bk.carry(tape, bk.MarketMaker(flow=flow(), share=1.0), bk.Fills(spread=-1))
    held: dict[Any, float] = {}
    for step, name, quantity in zip(*(carried.trades[key] for key in ("step", "instrument", "quantity")), strict=True):  # fmt: skip
        held[step, name, quantity > 0] = held.get((step, name, quantity > 0), 0.0) + abs(quantity)
    assert max(held.values()) == 2.5
    assert carried.counts["orders cut to the quoted size"] > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"share": 0}, "share = 0 must be above 0"), ({"share": 2}, "share = 2 must be"), ({"per_day": -1}, "per_day = -1 must be positive"),
        ({"block": 0.5}, "block = 0.5 must be 1 or more"), ({"most": 0}, "most = 0 must be positive"), ({"seed": -1}, "seed = -1 must be"),
    ],
)  # fmt: skip
def test_what_is_no_maker(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bk.MarketMaker(**given)
    with pytest.raises(ValueError, match="flow is missing"):
        bk.MarketMaker().orders(TAPE.until(6), {})


def test_real_trades(shared: Path) -> None:
    """2022-01-01: 3,719 rows of ten and a half hours, of which 2,369 are repeated and one has no vol."""
    pytest.importorskip("polars")
    from hedgecore import venues

    sample = bk.Flow.of(venues.read(shared / "data/chains/deribit_btc_option_trades_20220101.csv.gz"), "BTC")  # fmt: skip
    assert len(sample.kind) == 1349
    assert [f.count for f in sample.found] == [1]
    assert sample.per_day == pytest.approx(1349 / 10.49 * 24, rel=0.01)
    assert np.median(np.abs(sample.amount)) == 0.8
