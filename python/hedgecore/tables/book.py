"""The risk of a book as tables.

Amounts in a coin and in USD stand in columns of different names and are never added to each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore.instruments import FUTURE, OPTION, PERPETUAL
from hedgecore.risk import By, Risk
from hedgecore.tables.text import TextTable, amount, day, listed, rows_of

if TYPE_CHECKING:
    from hedgecore.limits import Breach

UNITS: Final = {
    "value_coin": "{coin}",
    "value_usd": "USD",
    "net_delta": "{coin}",
    "black_delta": "{coin}",
    "usd_delta": "{coin}",
    "gamma": "{coin} per USD",
    "gamma_1pct": "{coin} per 1 % move",
    "net_gamma_1pct": "{coin} per 1 % move",
    "gamma_usd_1pct": "USD per 1 % move",
    "vega_coin": "{coin} per vol point",
    "vega_usd": "USD per vol point",
    "vega_weighted": "USD per vol point",
    "theta_coin": "{coin} per day",
    "theta_usd": "USD per day",
    "equity_coin": "{coin}",
    "positions": "instruments",
}
"""Unit of each measure of :mod:`hedgecore.risk`; ``{coin}`` is the underlying of the row."""


_PNL: Final = {"pnl_coin": "{coin}", "pnl_usd": "USD"}
"""Units of what scenarios add to these measures."""

_HEADS: Final = {
    "positions": ("instru-", "ments"),
    "value_coin": ("value", "{coin}"),
    "value_usd": ("value", "USD"),
    "net_delta": ("net delta", "{coin}"),
    "usd_delta": ("USD delta", "{coin}"),
    "black_delta": ("Black delta", "{coin}"),
    "gamma_1pct": ("gamma", "{coin}/1 %"),
    "gamma_usd_1pct": ("gamma", "USD/1 %"),
    "vega_usd": ("vega", "USD/point"),
    "vega_weighted": ("weighted", "vega, USD"),
    "theta_usd": ("theta", "USD/day"),
    "equity_coin": ("balance", "{coin}"),
}
"""Measures of the tables of a book, in order, and their headings."""


def coins(risk: Risk) -> list[str]:
    """The underlyings of options, futures and perpetuals: those that have more than a balance."""
    table = risk.book.instruments
    held = (risk.book.net_quantity != 0) & np.isin(table.type, (OPTION, FUTURE, PERPETUAL))
    return sorted({str(base) for base in table.base[held]} & set(risk.total))


def underlying_table(risk: Risk) -> TextTable:
    """The totals of every underlying, and in the footer what may be added: the USD amounts."""
    usd = {"positions": sum(t["positions"] for t in risk.total.values()), **risk.total_usd}
    return TextTable(
        "Totals by underlying",
        ("underlying", *_HEADS),
        _headings(["under-\nlying"], "coin"),
        tuple((coin, *_amounts(total)) for coin, total in risk.total.items()),
        ("all", *_amounts({name: usd.get(name) for name in _HEADS}, missing="")),
    )


def bucket_table(risk: Risk, coin: str, by: By) -> TextTable:
    """The risk of one underlying by expiry, or by expiry and strike, and its total."""
    rows = rows_of(risk.table(by), underlying=coin)
    keys = ["expiry_time", "strike"] if by == "strike" else ["expiry_time"]
    lines = []
    for row in rows:
        head = [day(row["expiry_time"])]
        if by == "strike":
            head.append("-" if math.isnan(row["strike"]) else f"{row['strike']:,.12g}")
        lines.append((*head, *_amounts(row)))
    return TextTable(
        f"{coin} by {by}",
        (*keys, *_HEADS),
        _headings([f"{key.removesuffix('_time')}\n" for key in keys], coin),
        tuple(lines),
        ("total", *[""] * (len(keys) - 1), *_amounts(risk.total[coin])),
    )


def largest_positions(risk: Risk, most: int) -> tuple[list[dict[str, Any]], int]:
    """The positions of the greatest value or delta in USD, and how many there are in all."""
    columns = risk.positions()
    index = np.array([risk.market.index.get(str(base), 1.0) for base in columns["underlying"]])
    delta = np.maximum(np.abs(columns["black_delta"]), np.abs(columns["usd_delta"])) * index
    size = np.nan_to_num(np.maximum(np.abs(columns["value_usd"]), delta))
    order = np.argsort(-size, kind="stable")[:most]
    rows = rows_of({name: column[order] for name, column in columns.items()})
    return rows, len(size)


def position_table(risk: Risk, most: int = 200) -> TextTable:
    """Each of the largest positions; quantities in the unit of the instrument."""
    names = tuple(name for name in _HEADS if name != "positions")
    rows, count = largest_positions(risk, most)
    lines = [(r["instrument"], f"{r['quantity']:,.10g}", *_amounts(r, names)) for r in rows]
    shown = "all" if len(rows) == count else f"the largest {len(rows)}"
    return TextTable(
        f"Positions ({shown} of {count:,})",
        ("instrument", "quantity", *names),
        ("instrument\n", "quantity\n", *(heading(name, "coin") for name in names)),
        tuple(lines),
    )


def breach_table(breaches: Sequence[Breach]) -> TextTable:
    """The breaches of limits, the largest relative excess first."""
    return TextTable(
        f"{len(breaches)} limit{'s' * (len(breaches) != 1)} breached",
        ("where", "measure", "value", "limit", "excess", "unit", "most"),
        ("where", "measure", "value", "limit", "beyond by", "unit", "most of it"),
        tuple(
            (
                f"{b.underlying} {b.bucket}".strip(),
                b.measure,
                amount(b.value),
                amount(b.high if b.value > b.high else b.low),
                amount(b.excess),
                unit_of(b.measure, b.underlying),
                ", ".join(f"{name} {amount(share)}" for name, share in b.positions[:2]),
            )
            for b in breaches
        ),
    )


def remarks(risk: Risk) -> list[str]:
    """What the figures cover, and which prices stand in for missing ones, in sentences."""
    completeness, table = risk.completeness, risk.book.instruments
    lines = [f"{completeness}."]
    for what, names in (
        ("No index, forward or price", completeness.no_quote),
        ("No vol", completeness.no_vol),
        ("Expired", completeness.expired),
    ):
        if names:
            lines.append(f"{what}, not in the totals: {listed(names)}.")
    left_out = {*completeness.no_quote, *completeness.expired}
    for type_, where in ((PERPETUAL, "the index"), (FUTURE, "the forward of their expiry")):
        rows = (table.type == type_) & (risk.book.net_quantity != 0)
        held = [str(name) for name in table.name[rows]]
        names = tuple(n for n in held if n not in risk.market.prices and n not in left_out)
        if names:
            lines.append(f"No quotes of {listed(names)}: valued at {where}.")
    lines += [f"{note[0].upper()}{note[1:]}." for note in risk.market.notes]
    averaged = risk.market.averaging / (365 * 86_400)
    years = risk.market.align(table).expiry
    fading = (years >= 0) & (years < averaged) & (risk.book.net_quantity != 0)
    if fading.any():
        names = tuple(str(name) for name in table.name[fading])
        lines.append(f"In the settlement window, deltas and gammas fading: {listed(names)}.")
    return lines


def unit_of(measure: str, underlying: str) -> str:
    """The unit of a measure of an underlying."""
    if measure == "unvalued":  # of a breach: what the market cannot value
        return "instruments"
    if measure in _PNL:
        return _PNL[measure].format(coin=underlying)
    return UNITS[measure].format(coin=underlying)


def heading(name: str, coin: str) -> str:
    """The heading of a measure in two lines, its unit below."""
    if name in _PNL:
        return f"P&L\n{unit_of(name, coin)}"
    if name not in _HEADS:
        return f"{name.replace('_', ' ')}\n{unit_of(name, coin)}"
    return "\n".join(_HEADS[name]).format(coin=coin)


def _headings(first: list[str], coin: str) -> tuple[str, ...]:
    return (*first, *(heading(name, coin) for name in _HEADS))


def _amounts(
    row: Mapping[str, Any], names: Iterable[str] = tuple(_HEADS), missing: str = "-"
) -> tuple[str, ...]:
    return tuple(
        missing
        if row[name] is None
        else f"{row[name]:,.0f}"
        if name == "positions"
        else amount(float(row[name]))
        for name in names
    )
