"""Chains and bars made up for the tests of the backtest: a random price, six-hourly chains at a flat vol, hourly bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import hedgecore as hc

HOUR = np.timedelta64(3600, "s")
START = np.datetime64("2026-01-01T08:00", "us")
Columns = dict[str, np.ndarray[Any, Any]]


def hourly(days: int = 21, seed: int = 3, vol: float = 0.6) -> tuple[Any, Any]:
    """Times, and prices there."""
    n = 24 * days + 1
    moves = np.random.default_rng(seed).normal(0, vol * np.sqrt(1 / 8760), n - 1)
    return START + np.arange(n) * HOUR, 80_000 * np.exp(np.append(0.0, np.cumsum(moves)))


def bars(days: int = 21, seed: int = 3) -> Columns:
    """Bars that end at each hour but the first."""
    times, price = hourly(days, seed)
    return {"timestamp": times[:-1], "seconds": np.full(len(times) - 1, 3600), "close": price[1:]}


def chain(days: int = 21, seed: int = 3, vol: float = 0.5, basis: float = 1.002) -> Columns:
    """Snapshots each six hours, 25 minutes after the hour, of weekly expiries; marks are Black's, quotes half a tick around them."""
    times, price = hourly(days, seed)
    rows: dict[str, list[Any]] = {}
    for at in range(0, len(times) - 1, 6):
        when, index = times[at] + np.timedelta64(25 * 60, "s"), price[at]
        for week in (1, 2, 3):
            day = (START + np.timedelta64(7 * week, "D")).astype("M8[D]")
            expiry = day.astype("M8[us]") + 8 * HOUR
            years = (expiry - when) / np.timedelta64(365, "D")
            if years <= 0:
                continue
            for strike in range(60_000, 104_000, 4_000):
                for kind, letter in ((1, "C"), (-1, "P")):
                    forward = index * basis
                    g = hc.greeks(kind, strike=strike, expiry=years, vol=vol, forward=forward, which=("price", "delta"))  # fmt: skip
                    mark = float(g.price) / forward
                    row = {
                        "timestamp": when, "snapshot": str(when)[:13], "base": "BTC", "type": "option", "kind": kind,
                        "instrument": f"BTC-{day.item():%-d%b%y}-{strike}-{letter}".upper(), "strike": float(strike), "expiry_time": expiry,
                        "bid": max(mark - 0.0005, 0.0), "ask": mark + 0.0005, "mark": mark, "mark_vol": vol, "forward": forward,
                        "index": index, "delta": float(g.delta), "open_interest": 100.0,
                    }  # fmt: skip
                    for name, value in row.items():
                        rows.setdefault(name, []).append(value)
    return {name: np.array(column) for name, column in rows.items()}


def taken(columns: Columns, rows: Any) -> Columns:
    """Those rows."""
    return {name: column[rows] for name, column in columns.items()}


def write_files(folder: Path, days: int = 21) -> None:
    """Write the made-up chains and bars as files in the layouts of the real ones: chains, bars, perpetual and futures."""
    import polars as pl

    made, (times, price) = chain(days), hourly(days)
    stamp = np.char.add(np.datetime_as_string(made["timestamp"], unit="us"), "+00:00")
    expiry = np.char.add(np.datetime_as_string(made["expiry_time"], unit="s"), "+00:00")
    n = len(stamp)
    pl.DataFrame(
        {
            "timestamp": stamp, "instrument_name": made["instrument"], "underlying": made["forward"],
            "underlying_name": np.char.rpartition(np.char.rpartition(made["instrument"], "-")[:, 0], "-")[:, 0],
            "option_type": np.where(made["kind"] > 0, "call", "put"), "strike": made["strike"], "expiry_datetime": expiry,
            "time_to_maturity": (made["expiry_time"] - made["timestamp"]) / np.timedelta64(36525 * 864, "s"),
            "bid_price": made["bid"], "ask_price": made["ask"], "mark_price": made["mark"], "mid_price": (made["bid"] + made["ask"]) / 2,
            "futures_price": made["forward"], "futures_instrument_name": np.full(n, "-"), "implied_volatility": made["mark_vol"],
            "delta": made["delta"], "vega": np.zeros(n), "open_interest": made["open_interest"], "volume": np.zeros(n),
            "bid_ask_spread": made["ask"] - made["bid"], "currency": made["base"], "index_price": made["index"],
            "volume_usd": np.zeros(n), "snapshot_id": made["snapshot"],
        }
    ).write_parquet(folder / "chains.parquet")  # fmt: skip
    pl.DataFrame(
        {
            "timestamp": np.char.add(np.datetime_as_string(times[:-1], unit="s"), "+00:00"),
            "open": price[:-1], "high": np.maximum(price[:-1], price[1:]), "low": np.minimum(price[:-1], price[1:]),
            "close": price[1:], "volume": np.ones(len(times) - 1),
        }
    ).write_csv(folder / "bars.csv")  # fmt: skip
