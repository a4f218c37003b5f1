"""A million positions netted and summed by underlying and expiry, beside the kernel alone.

The difference of the two medians is what aggregation costs beyond the Greeks themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore.risk import SUMS

N = 1_000_000
ABOUT = {"operation": "book", "n": N, "threads": 1}


@pytest.fixture(scope="module")
def held() -> tuple[hc.Book, hc.Market]:
    rng = np.random.default_rng(20261122)
    first = np.datetime64("2026-06-12T08:00", "us")
    days = first + np.arange(1, 400, 8).astype("m8[D]")
    base = rng.choice(np.array(["BTC", "ETH"]), N)
    level = {"BTC": 88_000.0, "ETH": 3_100.0}
    forward = np.where(base == "BTC", level["BTC"], level["ETH"])
    book = hc.Book.from_frame(
        {
            "base": base,
            "kind": rng.choice(np.array([1, -1], np.int8), N),
            "strike": forward * np.exp(rng.normal(0, 0.3, N)),
            "expiry_time": rng.choice(days, N),
            "settlement": np.full(N, "inverse"),
            "quantity": rng.normal(size=N),
        }
    )
    market = hc.Market(
        "2026-06-10T13:30",
        index=level,
        forwards={(coin, day): 1.01 * level[coin] for coin in level for day in days},
        vols=lambda *terms: 0.5 + 0.1 * np.log(terms[2] / terms[1]) ** 2,
    )
    market.align(book.instruments)
    return book, market


def test_book_risk(measure: Callable[..., Any], held: tuple[hc.Book, hc.Market]) -> None:
    book, market = held
    risk = measure(lambda: book.risk(market, threads=1), who="Book.risk", **ABOUT)
    data = market.align(book.instruments)
    g = hc.greeks(
        book.instruments.kind, strike=book.instruments.strike, expiry=data.expiry, vol=data.vol,
        forward=data.forward, settlement="inverse", which="delta",
    )  # fmt: skip
    assert risk["net_delta"].sum() == pytest.approx((g.delta * book.quantity).sum(), rel=1e-9)


def test_book_risk_in_a_new_market(
    measure: Callable[..., Any], held: tuple[hc.Book, hc.Market]
) -> None:
    """Every tick another market: its data are brought into the book's order first."""
    book, market = held
    risk = measure(
        lambda: book.risk(market.replaced(vols=0.6), threads=1),
        who="Book.risk in a new market",
        **ABOUT,
    )
    assert np.isfinite(risk["net_delta"]).all()


def test_the_kernel_alone(measure: Callable[..., Any], held: tuple[hc.Book, hc.Market]) -> None:
    book, market = held
    data = market.align(book.instruments)
    g = measure(
        lambda: hc.greeks(
            book.instruments.kind,
            strike=book.instruments.strike,
            expiry=data.expiry,
            vol=data.vol,
            forward=data.forward,
            settlement="inverse",
            which=SUMS,
            threads=1,
        ),
        who="the same Greeks of every option, by greeks",
        **ABOUT,
    )
    assert g.names == SUMS


def test_memory(held: tuple[hc.Book, hc.Market]) -> None:
    """The figures of docs/books.md."""
    import dataclasses
    import tracemalloc

    book, market = held

    def size(columns: Any) -> int:
        values = (getattr(columns, field.name) for field in dataclasses.fields(columns))
        return sum(value.nbytes for value in values if isinstance(value, np.ndarray))

    tracemalloc.start()
    book.risk(market, threads=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    sizes = {
        "terms": size(book.instruments),
        "market": size(market.align(book.instruments)),
        "summing": peak,
    }
    print({name: f"{value / 1e6:.0f} MB" for name, value in sizes.items()})
    assert max(sizes.values()) <= 60e6
