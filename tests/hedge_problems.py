"""A small market, its quotes and problems, for the tests of the hedge optimiser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import hedgecore as hc
from hedgecore.hedging import optimise as ho
from hedgecore.scenarios import Nodes

MARKET = hc.Market(
    "2026-06-10",
    index={"BTC": 90_000.0},
    forwards={("BTC", "2026-06-26"): 90_300.0, ("BTC", "2026-07-31"): 90_900.0},
    vols=0.55,
)
STRIKES = (80_000, 85_000, 90_000, 95_000, 100_000)
NAMES = [f"BTC-{day}-{k}-{c}" for day in ("26JUN26", "31JUL26") for k in STRIKES for c in "CP"]
BOOK = hc.Book.from_frame(
    {"instrument": ["BTC-26JUN26-90000-C", "BTC-31JUL26-95000-P"], "quantity": [-20.0, 12.0]}
)


def quotes(names: Sequence[str] = NAMES, size: float = 30.0, **more: Any) -> ho.Quotes:
    """Quotes about the model's price, wider where the option is dearer."""
    one = hc.Book.from_frame({"instrument": list(names), "quantity": np.ones(len(names))})
    fair = one.risk(MARKET).positions()
    price = dict(zip(fair["instrument"].tolist(), fair["value_coin"], strict=True))
    middle = np.array([price[name] for name in names])
    width = 0.0004 + 0.02 * middle
    columns = {"instrument": list(names), "bid": middle - width, "ask": middle + width}
    return ho.Quotes.of(columns, MARKET, size=size, **more)


def problem(**more: Any) -> ho.Problem:
    more = {"book": BOOK, "quotes": quotes(), "actions": ("open", "resize")} | more
    return ho.Problem(market=MARKET, **more)


LIMITS = {"BTC": {"net_delta": 0.5, "gamma_usd_1pct": 20_000, "expiry": {"vega_usd": 300}}}


def scenarios(of: ho.Problem, count: int = 400, seed: int = 1) -> ho.Scenarios:
    rng = np.random.default_rng(seed)
    move = 0.04 * rng.standard_t(4, count)
    vol = np.clip(-0.5 * move + 0.05 * rng.standard_normal(count), -0.4, 1.0)
    nodes = Nodes.of(spot={"BTC": np.expm1(move)}, vol={"BTC": vol}, time=1 / 365)
    return ho.Scenarios.of(of, nodes, vol_shock="relative")
