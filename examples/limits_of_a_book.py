"""Limits of a book in Python: positions, a market, net limits, who is to blame for a breach.

    python examples/limits_of_a_book.py

Works on the book of ``hedgecore demo``.  Needs ``pip install "hedgecore[data]"``.
"""

from __future__ import annotations

import tempfile

import hedgecore as hc
from hedgecore.demo import write_demo

with tempfile.TemporaryDirectory() as folder:
    chain, positions, limits = write_demo(folder)
    book = hc.Book.from_csv(positions)
    market = hc.Market.from_quotes(hc.venues.read(chain))
    risk = book.risk(market, strikes=True)
    breaches = risk.check(limits)

print(book)
print(risk)
print("\nBreaches, the largest relative excess first:")
for breach in breaches:
    print(f"  {breach}")

# what a perpetual would have to be traded to bring the net delta of each coin to zero
for coin in ("BTC", "ETH"):
    delta = risk.total[coin]["net_delta"]
    print(
        f"{coin}: net delta {delta:,.2f}, trade {-delta * market.index[coin]:,.0f} USD of {coin}-PERPETUAL"
    )
