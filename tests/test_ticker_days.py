"""Thirteen days of the exchange's full tickers: its own Greeks of every BTC option."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import hedgecore as hc

DAYS = ["14", "15", "16", "17", "18", "22", "23", "24", "25", "26", "27", "28", "29"]


@pytest.fixture(scope="module")
def tickers(shared: Path) -> pl.DataFrame:
    folder = shared / "data" / "chains" / "ticker_daily"
    wanted = ["option_type", "strike", "expiration_timestamp", "timestamp", "mark_price", "mark_iv",
              "underlying_price", *(f"greeks_{name}" for name in ("delta", "gamma", "vega", "theta", "rho"))]  # fmt: skip
    days = [
        pl.read_csv(
            folder / f"deribit_btc_options_202601{day}.csv.gz", infer_schema_length=None
        ).select(pl.col("option_type"), pl.col(wanted[1:]).cast(pl.Float64))
        for day in DAYS
    ]
    frame = pl.concat(days)
    expiry = (pl.col("expiration_timestamp") - pl.col("timestamp")) / (365 * 86_400_000)
    return frame.with_columns(expiry=expiry).filter(pl.col("expiry") > 1 / 365)


def test_medians_against_the_exchange(tickers: pl.DataFrame) -> None:
    f = tickers["underlying_price"].to_numpy()
    g = hc.greeks(tickers["option_type"], strike=tickers["strike"], expiry=tickers["expiry"],
                  vol=tickers["mark_iv"].to_numpy() / 100, forward=f, settlement="inverse").scaled("deribit")  # fmt: skip
    shown = {
        name: tickers[f"greeks_{name}"].to_numpy()
        for name in ("delta", "gamma", "vega", "theta", "rho")
    }
    assert len(f) > 8000
    assert np.median(np.abs(g.price - tickers["mark_price"].to_numpy())) <= 3.5e-5
    assert np.median(np.abs(g.delta - shown["delta"])) <= 1e-5
    assert np.max(np.abs(g.gamma - shown["gamma"])) <= 7e-6  # printed to 5 decimals
    for name, limit in (("vega", 1e-4), ("rho", 5e-5), ("theta", 2e-4)):
        known = shown[name] != 0
        relative = np.abs(g[name] / np.where(known, shown[name], 1) - 1)[known]
        assert np.median(relative) <= limit, name


def test_vols_of_the_marks(tickers: pl.DataFrame) -> None:
    """The exchange's vol comes back from its mark as far as the mark is printed (1e-4 coin)."""
    f, t = tickers["underlying_price"].to_numpy(), tickers["expiry"].to_numpy()
    common = {"strike": tickers["strike"], "expiry": t, "forward": f, "settlement": "inverse"}
    vol, status = hc.implied_vol(
        tickers["mark_price"], tickers["option_type"], return_status=True, **common
    )
    exchange = tickers["mark_iv"].to_numpy() / 100
    vega = hc.greeks(tickers["option_type"], vol=exchange, which="vega", **common).vega
    liquid = (status == 0) & (vega > 0.01)
    assert liquid.sum() > 5000
    assert np.median(np.abs(vol - exchange)[liquid]) <= 5e-5 / np.median(vega[liquid])
