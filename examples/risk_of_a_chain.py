"""The risk of an option chain in Python: read, imply, value its open interest, look.

    python examples/risk_of_a_chain.py [CHAIN]

CHAIN is a file of quotes in any format that ``hedgecore inspect`` knows; without it the demo chain
is used.  Needs ``pip install "hedgecore[data]"``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import polars as pl

import hedgecore as hc
from hedgecore.chain import forwards, implied, open_interest, snapshot
from hedgecore.demo import write_demo
from hedgecore.venues.tables import Table


def load() -> Table:
    if len(sys.argv) > 1:
        return hc.venues.read(sys.argv[1]).part("quotes")
    with tempfile.TemporaryDirectory() as folder:
        chain, *_ = write_demo(Path(folder))
        return hc.venues.read(chain)


chain = load()
print(chain)

vols = implied(chain)
print("\nForwards of the last snapshot, the venue's and by put-call parity:")
print(forwards(snapshot(vols.frame)))

book, market = open_interest(chain), hc.Market.from_quotes(chain)
risk = book.risk(market, strikes=True)
print("\nThe open interest, by expiry (coin and USD are kept apart):")
columns = ["underlying", "expiry_time", "net_delta", "gamma_1pct", "vega_usd", "theta_usd"]
with pl.Config(tbl_rows=40, tbl_cols=10):
    print(risk.to_frame("expiry", "polars").select(columns))
print(risk.completeness)

near = snapshot(vols.frame).filter((pl.col("model_black_delta").abs() - 0.25).abs() < 0.02)
print("\nOptions near 25 delta, with the vols of bid and ask:")
shown = ["instrument", "implied_bid", "implied_ask", "vol", "model_delta", "model_vega"]
print(near.select(shown).head(8))
