"""What real chains say of smile dynamics: ``python tools/smile_history.py CHAINS.parquet`` prints the tables of docs/dynamics.md."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import polars as pl

import hedgecore as hc
from hedgecore import surface, venues
from hedgecore.surface import dynamics


def moves(frame: Any) -> tuple[dict[str, Any], Any]:
    """What options with |delta| in 0.05..0.95 and three days to live did until the next chain, theta taken off."""
    known = frame.filter(
        (pl.col("type") == "option") & (pl.col("mark_vol") > 0) & (pl.col("mark") > 0)
    )
    times = known["timestamp"].unique().sort()
    follows = pl.DataFrame({"timestamp": times[:-1], "next": times[1:]})
    follows = follows.filter(pl.col("next") - pl.col("timestamp") < pl.duration(hours=8))
    later = known.select("instrument", next="timestamp", forward1="forward", mark1="mark")
    pairs = known.join(follows, on="timestamp").join(later, on=["next", "instrument"])
    pairs = pairs.sort("timestamp", "instrument")
    names = ("strike", "expiry", "forward", "mark", "mark_vol", "forward1", "mark1")
    c = {name: pairs[name].to_numpy() for name in names}
    kind = pairs["kind"].to_numpy().astype(np.int8)
    g = hc.greeks(
        kind, strike=c["strike"], expiry=c["expiry"], vol=c["mark_vol"], forward=c["forward"],
        which=("delta", "vega", "theta"),
    )  # fmt: skip
    years = (pairs["next"] - pairs["timestamp"]).dt.total_seconds().to_numpy() / 31_536_000
    columns = {
        "kind": kind, "delta": g["delta"], "vega": g["vega"], "expiry": c["expiry"], "forward": c["forward"],
        "move": c["forward1"] - c["forward"],
        "change": c["mark1"] * c["forward1"] - c["mark"] * c["forward"] - g["theta"] * years,
    }  # fmt: skip
    size = np.abs(g["delta"])
    used = (size > 0.05) & (size < 0.95) & (c["expiry"] > 3 / 365)
    when = pairs["timestamp"].to_numpy().astype(np.int64)
    return {name: column[used] for name, column in columns.items()}, when[used]


def main() -> None:
    """Print skew-stickiness ratios and the gains of Hull and White's regression for each coin."""
    frame = venues.read(sys.argv[1]).frame
    for coin in ("BTC", "ETH"):
        own = frame.filter(pl.col("base") == coin)
        chains = own.partition_by("snapshot", maintain_order=True)
        history = [surface.fit_all(chain)[coin] for chain in chains]
        third = len(history) // 3
        parts = {"all": history} | {
            f"third {i + 1}": history[i * third : (i + 1) * third] for i in range(3)
        }
        for name, part in parts.items():
            found = dynamics.measure_ssr(part)
            cells = (
                f"{r:.2f} +- {e:.2f}" for r, e in zip(found.raw, found.standard_error, strict=True)
            )
            print(f"{coin} {name}: R at 7, 30, 90 days {', '.join(cells)}")
        columns, when = moves(own)
        fitted = when < np.sort(when)[2 * len(when) // 3]
        for ridge in (0.0, 1.0):
            fit = dynamics.fit_hull_white(**columns, fitted=fitted, ridge=ridge)
            print(
                f"{coin} Hull-White, {len(when)} moves, ridge {ridge}: gain {fit.gain_in:.1%} fitted, {fit.gain_out:.1%} held back"
            )


if __name__ == "__main__":
    main()
