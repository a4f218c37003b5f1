"""The risk of an option chain in Python: read, imply, total, look.

    python examples/risk_of_a_chain.py [CHAIN]

CHAIN is a six-hourly Deribit chain (parquet, CSV or gzipped CSV); without it the demo chain is
used.  Needs ``pip install "hedgecore[data]"``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import polars as pl
from hedgecore.demo import demo_chain
from hedgecore.risk import chain_risk
from hedgecore.venues.deribit import Chain, read_chain


def load() -> Chain:
    if len(sys.argv) > 1:
        return read_chain(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "demo.csv"
        demo_chain().write_csv(path)
        return read_chain(path)


chain = load()
print(chain)

print("\nDefects found:")
for defect in chain.defects:
    if defect.count:
        print(f"  {defect.name}: {defect.count:,} of {defect.total:,} {defect.unit} {defect.note}")

risk = chain_risk(chain)
print("\nThe open interest of the last snapshot, by expiry (coin and USD are kept apart):")
columns = ["currency", "days", "atm_vol", "delta_coin", "vega_usd_per_point", "theta_usd_per_day"]
with pl.Config(tbl_rows=40, tbl_cols=10):
    print(risk.by_expiry().select(columns))

rows = risk.snapshot()
near = rows.filter((pl.col("black_delta").abs() - 0.25).abs() < 0.02)
print("\nOptions near 25 delta, with the vols of bid and ask:")
print(near.select("instrument_name", "bid_vol", "ask_vol", "vol", "delta", "vega", "theta").head(8))
