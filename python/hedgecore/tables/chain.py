"""The vols and forwards of a chain as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hedgecore.tables.text import TextTable, percent, price

if TYPE_CHECKING:
    import polars as pl


def vols_by_expiry(options: pl.DataFrame) -> pl.DataFrame:
    """Summarise the options of one snapshot by coin, settlement and expiry.

    Parameters
    ----------
    options
        The frame of :func:`hedgecore.chain.implied` of one snapshot.

    Returns
    -------
    Columns of :func:`hedgecore.chain.forwards`; ``parity_bp``, the forward by parity over the
    venue's in basis points; ``options``; ``atm_bid``, ``atm_mark``, ``atm_ask``, ``atm_venue``: vols
    (decimal) at the forward, linear in ln(K/F) between the nearest strikes with a vol,
    out-of-the-money sides, null where no strikes straddle it; and of the three quotes of every
    option together ``solved``, ``below_intrinsic``, ``above_maximum``, ``no_price``.
    """
    import polars as pl

    from hedgecore.chain import SIDES, forwards

    keys = ["base", "settlement", "expiry_time"]
    status = pl.concat_list(f"{side}_status" for side in SIDES)
    counts = options.group_by(keys).agg(
        options=pl.len(),
        **{
            name: status.list.count_matches(code).sum()
            for code, name in enumerate(("solved", "below_intrinsic", "above_maximum", "no_price"))
        },
    )
    vols = {f"atm_{side}": f"implied_{side}" for side in SIDES} | {"atm_venue": "mark_vol"}
    at_money = [
        {**dict(zip(keys, key, strict=True))} | {n: _at_money(group, v) for n, v in vols.items()}
        for key, group in options.group_by(keys)
    ]
    schema = {key: options.schema[key] for key in keys} | dict.fromkeys(vols, pl.Float64())
    return (
        forwards(options)
        .with_columns(parity_bp=1e4 * (pl.col("parity_forward") / pl.col("forward") - 1))
        .join(counts, on=keys, how="left")
        .join(pl.DataFrame(at_money, schema=schema), on=keys, how="left")
        .sort(keys)
    )


def vol_tables(summary: pl.DataFrame) -> list[TextTable]:
    """The frame of :func:`vols_by_expiry` as text, a table for each coin and settlement."""
    heads = {
        "expiry": "expiry\n", "days": "days\n", "options": "op-\ntions", "forward": "forward\nvenue",
        "parity_forward": "forward\nparity", "parity_bp": "diff.\nbp", "pairs": "pairs\n",
        "atm_bid": "ATM %\nbid", "atm_mark": "ATM %\nmark", "atm_ask": "ATM %\nask",
        "atm_venue": "ATM %\nvenue", "solved": "quotes\nsolved", "below_intrinsic": "below\nintr.",
        "above_maximum": "above\nmax.", "no_price": "no\nprice",
    }  # fmt: skip
    tables = []
    for (base, settlement), group in summary.group_by("base", "settlement", maintain_order=True):
        lines = [
            (
                f"{row['expiry_time']:%Y-%m-%d}",
                f"{365 * row['expiry']:.1f}",
                f"{row['options']:,}",
                *(price(row[name]) for name in ("forward", "parity_forward")),
                "-" if row["parity_bp"] is None else f"{row['parity_bp']:.1f}",
                f"{row['pairs']:,}",
                *(percent(row[f"atm_{of}"]) for of in ("bid", "mark", "ask", "venue")),
                *(f"{row[name]:,}" for name in list(heads)[-4:]),
            )
            for row in group.iter_rows(named=True)
        ]
        title = f"{base}, {settlement} options: forwards and vols by expiry"
        tables.append(TextTable(title, tuple(heads), tuple(heads.values()), tuple(lines)))
    return tables


def _at_money(expiry: pl.DataFrame, vol: str) -> float | None:
    """Vol at the forward, linear in ln(K/F) between the nearest strikes; None where there are none."""
    moneyness = np.log(expiry["strike"].to_numpy() / expiry["forward"].to_numpy())
    values = expiry[vol].cast(float).to_numpy()
    otm = (expiry["kind"].to_numpy() * moneyness >= 0) & (values > 0)
    order = np.argsort(moneyness[otm], kind="stable")
    if not order.size:
        return None
    at = float(np.interp(0.0, moneyness[otm][order], values[otm][order], np.nan, np.nan))
    return None if math.isnan(at) else at
