"""A quarter of quotes, twenty policies: the tape, what is carried, the hedges, the scorecard.

Chains are made up; with `HEDGECORE_SHARED` or ../shared the real quarter of both coins is measured too, its file included.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hedgecore import backtest as bk
from hedgecore import hedging as hg

POLICIES = {
    "never": [hg.NoHedge()],
    "clock": [hg.Clock(every=k) for k in (1, 2, 4, 8, 24)],
    "band": [hg.DeltaBand(width=w) for w in (0.02, 0.05, 0.1, 0.15, 0.2)],
    "move": [hg.PriceMove(threshold=x) for x in (0.005, 0.01, 0.02)],
    "Zakamouline": [hg.Zakamouline(risk_aversion=x) for x in (1e-4, 1e-3, 1e-2)],
    "auto hedger": [hg.AutoHedger(up=x, ratio=0.5) for x in (0.05, 0.1, 0.2)],
}
SHARED = Path(os.environ.get("HEDGECORE_SHARED", Path(__file__).resolve().parents[2] / "shared"))
COSTS = hg.Costs(fee=5e-4)
STRATEGIES = {"straddles": bk.straddle(7), "share of open interest": bk.OpenInterestShare(-0.001)}


def quarter(days: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Hourly bars, and six-hourly chains of about 1,560 options."""
    n = 24 * days
    moves = np.random.default_rng(1).normal(0, 0.5 / np.sqrt(8760), n)
    bars = {
        "timestamp": np.datetime64("2026-01-01T00:00", "us") + np.arange(n) * np.timedelta64(1, "h"),
        "seconds": np.full(n, 3600), "close": 80_000 * np.exp(np.cumsum(moves)),
    }  # fmt: skip
    chains = bk.marked("BTC", bars, 0.5, bk.Listed(every=6, days=63, width=0.35, strikes=700))
    return bars, chains | {"open_interest": np.full(len(chains["strike"]), 100.0)}


def hedged(chains: Any, bars: Any, strategy: bk.Strategy, coin: str) -> bk.Backtest:
    """The whole of it, from the table of quotes."""
    tape = bk.Tape.of(coin, chains, bars=bars)
    test = bk.run(tape, strategy, POLICIES, costs=COSTS)
    card = bk.scorecard(test)
    assert len(card["policy"]) == 20
    return test


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_quarter(measure: Callable[..., Any], benchmark: Any, strategy: str) -> None:
    bars, chains = quarter(12 if benchmark.disabled else 90)
    n = len(chains["strike"])
    test = measure(
        lambda: hedged(chains, bars, STRATEGIES[strategy], "BTC"), operation="backtest", n=n, who=f"{strategy}, 20 policies", threads=1
    )  # fmt: skip
    assert test.reconcile() < 1e-12
    assert (test.residual_share() < 0.05).all()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_real_quarter(measure: Callable[..., Any], benchmark: Any, strategy: str) -> None:
    """Both coins, one after the other, files and all."""
    pytest.importorskip("polars", reason="the files need the extra data")
    if benchmark.disabled or not SHARED.is_dir():
        pytest.skip(f"nothing is timed, or there is no {SHARED}")
    from hedgecore import venues

    def whole() -> list[bk.Backtest]:
        table = venues.read(SHARED / "data/chains/deribit_btc_eth_6h_20260101_20260331.parquet")
        return [
            hedged(table, venues.read(SHARED / f"data/prices/{coin}USDT_1h_20240416_20260416.csv.gz"), STRATEGIES[strategy], coin)
            for coin in ("BTC", "ETH")
        ]  # fmt: skip

    tests = measure(whole, operation="backtest", n=563_174, who=f"{strategy}, 20 policies, real", threads=1)  # fmt: skip
    assert all(test.reconcile() < 1e-12 for test in tests)
