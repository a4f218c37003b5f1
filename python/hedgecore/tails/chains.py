"""At-the-money vols of option chains at one tenor, snapshot by snapshot.  Needs polars."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.chain import snapshots

try:
    import polars as pl
except ImportError as error:
    raise ImportError('chains need polars: pip install "hedgecore[data]"') from error

Array = npt.NDArray[Any]


def levels_of(
    data: Any, tenor: float
) -> tuple[Array, dict[str, Array], dict[str, Array], tuple[str, ...]]:
    """Times of the snapshots, index and vol at ``tenor`` years by coin, and what was left out."""
    if not 0 < tenor < np.inf:
        raise ValueError(f"tenor = {tenor} must be positive")
    if isinstance(data, (str, PathLike)):
        from hedgecore import venues

        data = venues.read(data)
    frame: pl.DataFrame = data.part("quotes").frame if hasattr(data, "part") else data
    times = pl.Series("snapshot", snapshots(frame)).cast(frame["timestamp"].dtype)
    usable = (pl.col("mark_vol") > 0) & (pl.col("forward") > 0) & (pl.col("index") > 0)
    rows = (
        frame.lazy()
        .filter((pl.col("type") == "option") & (pl.col("expiry_time") > pl.col("timestamp")))
        .filter(usable)
        .sort("timestamp")
        .join_asof(
            pl.LazyFrame({"timestamp": times, "at": times}), on="timestamp", strategy="forward"
        )
        .with_columns(forward=pl.col("forward").median().over("at", "base", "expiry_time"))
        .group_by("at", "base", "settlement", "expiry_time", "strike")
        .agg(pl.col("forward").first(), pl.col("index").median(), pl.col("mark_vol").mean())
        .with_columns(k=(pl.col("strike") / pl.col("forward")).log())
        .sort("k")
    )
    below, above = pl.col("k") <= 0, pl.col("k") > 0
    sides = [
        getattr(pl.col(name).filter(side), pick)().alias(f"{name}_{pick}")
        for side, pick in ((below, "last"), (above, "first"))
        for name in ("k", "mark_vol")
    ]
    share = -pl.col("k_last") / (pl.col("k_first") - pl.col("k_last"))
    slices = (
        rows.group_by("at", "base", "settlement", "expiry_time")
        .agg(pl.col("index").median(), *sides)
        .drop_nulls()
        .with_columns(
            vol=pl.col("mark_vol_last")
            + share * (pl.col("mark_vol_first") - pl.col("mark_vol_last")),
            years=(pl.col("expiry_time") - pl.col("at")).dt.total_microseconds() / (365 * 86400e6),
        )
        .filter(pl.col("years") > 0)
        .sort("at", "base", "years")
        .collect()
    )
    if not slices.height:
        raise ValueError("the chains have no expiry with a mark vol on each side of the forward")
    price: dict[str, Array] = {}
    vol: dict[str, Array] = {}
    every = times.to_numpy().astype("M8[us]")
    place = {when: i for i, when in enumerate(times.to_list())}
    for (base,), coin in sorted(slices.partition_by("base", as_dict=True).items()):
        often = coin["settlement"].value_counts().sort("count", "settlement")["settlement"][-1]
        name = str(base)
        price[name], vol[name] = (np.full(len(every), np.nan) for _ in range(2))
        chosen = coin.filter(pl.col("settlement") == often)
        for (when,), part in chosen.partition_by("at", as_dict=True).items():
            years, level = part["years"].to_numpy(), part["vol"].to_numpy()
            t = np.clip(tenor, years[0], years[-1])
            vol[name][place[when]] = np.sqrt(np.interp(t, years, level**2 * years) / t)
            price[name][place[when]] = part["index"].median()
    known = np.all([np.isfinite(v) for v in vol.values()], axis=0)
    note = f"chains: {len(every):,} snapshots, vols at {tenor * 365:g} days"
    left = int((~known).sum())
    note += f", {left:,} without one of a coin left out" if left else ""
    order = np.argsort(every[known], kind="stable")
    return (
        every[known][order],
        {c: v[known][order] for c, v in price.items()},
        {c: v[known][order] for c, v in vol.items()},
        (note,),
    )
