"""What does it cost to halve the tail of a book?  Fifty options on the real chain of 4 February 2026, the evening before the crash.

python examples/hedge_of_a_book.py FOLDER, with the folder of the data
"""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import hedgecore as hc
from hedgecore import venues
from hedgecore.frames import text_table
from hedgecore.hedging import optimise as ho
from hedgecore.hedging.optimise.scenarios import report
from hedgecore.scenarios import Nodes
from hedgecore.tails import History

DAY = date(2026, 2, 4)
CHAINS = "chains/deribit_btc_eth_6h_20260101_20260331.parquet"
DVOL = "funding_vol/deribit_dvol_btc_daily_20221106_20251112.json.gz"
FITTED = "prices/BTCUSDT_1h_20170817_20231220.csv.gz"  # years that the plans are fitted to
HELD_OUT = (
    "prices/BTCUSDT_1h_20240416_20260416.csv.gz"  # and those they are judged by, up to the chain
)
SIZE = {"BTC-PERPETUAL": 500, "*": 25}  # coins a side: the chains have none
BUDGETS = [2_500, 5_000, 10_000, 20_000]


def book_of(quotes: ho.Quotes, market: hc.Market, interest: dict[str, float]) -> hc.Book:
    """Return 50 options drawn by open interest from those with two days left and more: 5 to 25 coins, seven of ten sold."""
    rng = np.random.default_rng(8)
    weight = np.array([interest.get(str(name), 0.0) for name in quotes.table.name])
    weight[~(quotes.table.expiry_time > market.time + np.timedelta64(2, "D"))] = 0.0
    rows = rng.choice(len(quotes), 50, replace=False, p=weight / weight.sum())
    coins = np.round(rng.uniform(5, 25, 50), 1) * np.where(rng.random(50) < 0.7, -1, 1)
    return hc.Book(quotes.table, rows, coins)


def days_of(prices: Path, dvol: Path, until: datetime, count: int, seed: int) -> Nodes:
    """Return days, which pass, made of a history of hours before ``until``: four stretches of 6 hours drawn from it, and a move of vol.

    The move of ln(vol) is a line in the move of the price and its magnitude, fitted to the days that DVOL covers, and one of the
    residuals of these days.
    """
    rng = np.random.default_rng(seed)
    hours = History.of({"BTC": prices}, end=until).moves(6).spot["BTC"]
    moves = np.prod(1 + hours[rng.integers(len(hours), size=(count, 4))], axis=1) - 1
    days = History.of({"BTC": prices}, {"BTC": dvol}, end=until).moves(24)

    def features(move: np.ndarray) -> np.ndarray:
        return np.column_stack([np.ones(len(move)), move, np.abs(move)])

    known, log_vol = features(days.spot["BTC"]), np.log1p(days.vol["BTC"])
    line = np.linalg.lstsq(known, log_vol, rcond=None)[0]
    rest = log_vol - known @ line
    vol = np.expm1(features(moves) @ line + rng.choice(rest, count))
    return Nodes.of(spot={"BTC": moves}, vol={"BTC": vol}, time=1 / 365)


def pnl_of(book: hc.Book, now: hc.Market, then: hc.Market) -> float:
    """Return what the value of a book changed by, USD."""
    before, after = (book.risk(market).total["BTC"]["value_usd"] for market in (now, then))
    return after - before


def main(folder: Path) -> None:
    """Print cost, tails and what the next day brought: with no trade, with the perpetual alone, and for each budget."""
    chain = venues.read(folder / CHAINS)
    times = chain.frame["timestamp"].unique().sort()
    at = times.filter(times.dt.date() == DAY).max()
    later = times.filter(times >= at + timedelta(hours=23)).min()
    market, next_market = (hc.Market.from_quotes(chain, time) for time in (at, later))
    rows = chain.frame.filter(pl.col("timestamp") == at)
    interest = dict(rows.select("instrument", "open_interest").iter_rows())
    every = ho.Quotes.of(chain, market, at=at, size=SIZE)
    every = every.take(every.table.base == "BTC")
    book = book_of(every, market, interest)
    quotes = every.near_deltas(market, (0.1, 0.25, 0.5), expiries=3)
    problem = ho.Problem(book=book, market=market, quotes=quotes, actions=("open", "resize"))
    count = 2_000 * len(quotes)  # 20 in the tail of 1 % for each instrument
    fitted, held_out = (
        ho.Scenarios.of(problem, days_of(folder / prices, folder / DVOL, at, count, seed), vol_shock="relative")
        for prices, seed in ((FITTED, 1), (HELD_OUT, 2))
    )  # fmt: skip
    line = ho.frontier(problem, fitted, BUDGETS, held_out=held_out)
    flat = replace(problem, actions=(), targets={"BTC": {"usd_delta": 0.0}})
    plans = {"perpetual alone": ho.cheapest(flat)}
    plans |= {f"at most {b:,.0f}": p for b, p in zip(line.budget, line.plans, strict=True)}
    table: dict[str, list[Any]] = {}
    for name, plan in ({"no trade": None} | plans).items():
        trades = np.zeros(len(quotes)) if plan is None else plan.quantity
        inside, outside = (
            report(of, trades, 0.99, label) for of, label in ((fitted, "in sample"), (held_out, "held out"))
        )  # fmt: skip
        row = {
            "hedge": name,
            "cost": plan.cost if plan else 0.0,
            "orders": plan.tickets if plan else 0,
            "ES99_in_sample": inside.expected_shortfall[1],
            "ES99_held_out": outside.expected_shortfall[1],
            "error": outside.error[1],
            "cut": f"{outside.cut:.1%}",
            "next_day": pnl_of(book + plan.trades if plan else book, market, next_market),
        }
        for key, value in row.items():
            table.setdefault(key, []).append(
                float(round(value)) if isinstance(value, float) else value
            )
    print(
        f"{at:%Y-%m-%d %H:%M} UTC, BTC {market.index['BTC']:,.0f} USD; {later:%Y-%m-%d %H:%M}: {next_market.index['BTC']:,.0f}. "
        f"{len(quotes)} instruments, {count:,} scenarios of a day on either side"
    )
    print(text_table({key: np.array(values) for key, values in table.items()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
