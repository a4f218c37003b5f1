"""Which hedge of short weekly straddles would have been best?  Twelve policies through real chains and hourly prices, with their errors.

python examples/backtest_of_a_strategy.py FOLDER BTC, with the folder of the data and a coin
"""

from __future__ import annotations

import sys
from pathlib import Path

from hedgecore import backtest as bk
from hedgecore import hedging as hg
from hedgecore import venues
from hedgecore.frames import text_table

POLICIES = {
    "never": hg.NoHedge(),
    "each hour": hg.Clock(),
    "each 8 hours": hg.Clock(every=8),
    "each day": hg.Clock(every=24),
    "band 0.05": hg.DeltaBand(width=0.05),
    "band 0.1": hg.DeltaBand(width=0.1),
    "move of 2 %": hg.PriceMove(threshold=0.02),
    "Leland": hg.Leland(every=8),
    "WhalleyWilmott": hg.WhalleyWilmott(risk_aversion=1e-3),
    "Zakamouline": hg.Zakamouline(risk_aversion=1e-3),
    "auto hedger": hg.AutoHedger(up=0.1, ratio=0.5),
    "realised vol": hg.RealisedVolBand(width=0.05, half_life=24),
}


def tape_of(folder: Path, coin: str) -> bk.Tape:
    """Return chains, hourly bars and the perpetual of a coin in the order of time."""
    return bk.Tape.of(
        coin,
        venues.read(folder / "chains/deribit_btc_eth_6h_20260101_20260331.parquet"),
        bars=venues.read(folder / f"prices/{coin}USDT_1h_20240416_20260416.csv.gz"),
        perpetual=venues.read(folder / "chains/perpetual_futures_prices_20260101_20260331.csv.gz"),
    )


def main(folder: Path, coin: str) -> None:
    """Print the ranking, what made the P&L, halves of the days, and stress."""
    tape = tape_of(folder, coin)
    arguments = {"costs": hg.Costs(fee=5e-4, half_spread=1e-5), "funding": bk.funding(tape)}
    runs = bk.stressed(tape, bk.straddle(days=7), POLICIES, **arguments)
    test = runs["as it is"]
    card = bk.scorecard(test, "each day")
    shown = ("policy", "pnl", "pnl_low", "pnl_high", "std", "less_std", "less_std_low", "less_std_high", "es", "cost", "trades")  # fmt: skip
    print(tape, arguments["funding"], text_table({name: card[name] for name in shown}), sep="\n")
    print(test.summary())
    halves = bk.split(test)
    print(text_table({name: halves[name] for name in ("policy", "std_in", "std_out", "rank_in", "rank_out")}))  # fmt: skip
    for name, run in runs.items():
        std = bk.daily(run).std(axis=1, ddof=1)
        row = "  ".join(f"{p} {s:.0f}" for p, s in zip(run.names, std, strict=True))
        print(f"{name}: std of days: {row}; accounts agree to {run.reconcile():.0e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
