"""A book in shocked markets in Python: a grid, its tail, what hurts, options without a quote from a surface.

    python examples/scenarios_of_a_book.py

Works on the book of ``hedgecore demo``.  Needs ``pip install "hedgecore[data]"``; with ``hedgecore[report]`` it writes
heat.html too.
"""

from __future__ import annotations

import tempfile

import numpy as np

import hedgecore as hc
from hedgecore import surface
from hedgecore.demo import write_demo

with tempfile.TemporaryDirectory() as folder:
    chain, positions, _ = write_demo(folder)
    quotes = hc.venues.read(chain)
    book = hc.Book.from_csv(positions)

# a strike that nobody quotes has the vol of the surface
book = book + hc.Book.from_frame({"instrument": ["BTC-26JUN26-93123-C"], "quantity": [25.0]})
market = hc.Market.from_quotes(quotes).replaced(vols=surface.fit_all(quotes, model="essvi"))

spot, vol = np.round(np.linspace(-0.3, 0.3, 13), 12), np.round(np.linspace(-0.3, 0.3, 7), 12)
grid = book.scenarios(market, spot=spot, vol=vol, vol_shock="relative")
print(grid)

tail = grid.tail(0.975)
print(
    f"\nExpected shortfall of the worst 2.5 % of the nodes: {tail.expected_shortfall:,.0f} USD, of it"
)
for i in np.argsort(-np.abs(tail.expected_shortfall_by_bucket))[:5]:
    when = "no expiry" if np.isnat(grid.expiry_time[i]) else str(grid.expiry_time[i])[:10]
    print(f"  {grid.underlying[i]} {when:10} {tail.expected_shortfall_by_bucket[i]:12,.0f}")

worst = np.unravel_index(np.argmin(grid.pnl()), grid.shape)
print(f"\nThe worst node: spot {spot[worst[0]]:+.0%}, vol {vol[worst[1]]:+.0%}")
print("Positions that lose most there, USD:")
node = int(np.argmin(grid.pnl()))
names, losses = zip(
    *((block["instrument"], block["pnl_usd"][:, node]) for block in grid.positions()), strict=True
)
names, losses = np.concatenate(names), np.concatenate(losses)
for i in np.argsort(losses)[:5]:
    print(f"  {names[i]:24} {losses[i]:12,.0f}")

try:
    grid.plot().write_html("heat.html")
except ImportError as error:
    print(error)
