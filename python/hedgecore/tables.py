"""The risk of a chain as tables of text: for the terminal and for the report."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hedgecore.risk import ChainRisk

_AMOUNTS: Final = {
    "open_interest": ("open", "interest"),
    "value_coin": ("value", "{coin}"),
    "value_usd": ("value", "USD"),
    "delta_coin": ("net delta", "{coin}"),
    "black_delta_coin": ("Black delta", "{coin}"),
    "gamma_coin_per_percent": ("gamma", "{coin}/1 %"),
    "vega_coin_per_point": ("vega", "{coin}/point"),
    "vega_usd_per_point": ("vega", "USD/point"),
    "theta_coin_per_day": ("theta", "{coin}/day"),
    "theta_usd_per_day": ("theta", "USD/day"),
}


def amount(value: float | None) -> str:
    """A number short enough for a table: four digits, or thousands marked, or M, or B."""
    if value is None or not math.isfinite(value):
        return "-"
    for limit, unit in ((1e9, "B"), (1e6, "M")):
        if abs(value) >= 0.9995 * limit:
            return f"{value / limit:,.2f} {unit}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def expiry_table(risk: ChainRisk, at: str | datetime | None = None) -> dict[str, list[list[str]]]:
    """The totals by expiry as text: for each coin the header, a line per expiry, the total.

    Header entries have two lines, what and in which unit.
    """
    tables: dict[str, list[list[str]]] = {}
    by_expiry = list(risk.by_expiry(at).iter_rows(named=True))
    for total in risk.by_currency(at).iter_rows(named=True):
        coin = total["currency"]
        header = ["expiry\nUTC", "days\n", "options\n", "forward\nUSD", "ATM vol\n%"]
        header += [f"{what}\n{unit.format(coin=coin)}" for what, unit in _AMOUNTS.values()]
        lines = [header]
        for row in by_expiry:
            if row["currency"] == coin:
                atm = row["atm_vol"]
                lines.append(
                    [
                        f"{row['expiry_datetime']:%Y-%m-%d}",
                        f"{row['days']:.1f}",
                        f"{row['options']:,}",
                        amount(row["forward"]),
                        "-" if atm is None else f"{100 * atm:.1f}",
                        *(amount(row[name]) for name in _AMOUNTS),
                    ]
                )
        lines.append(["total", "", f"{total['options']:,}", "", ""])
        lines[-1] += [amount(total[name]) for name in _AMOUNTS]
        tables[coin] = lines
    return tables


def usd_totals(risk: ChainRisk, at: str | datetime | None = None) -> str:
    """What may be added across coins: the USD amounts, in a sentence."""
    by_currency = risk.by_currency(at)
    value, vega, theta = (
        amount(float(by_currency[name].sum()))
        for name in ("value_usd", "vega_usd_per_point", "theta_usd_per_day")
    )
    return f"All coins, in USD: value {value}, vega {vega} per point, theta {theta} per day."


def defect_table(risk: ChainRisk) -> list[list[str]]:
    """The defects found as text: a header, then name, count, of, share, meaning and an example."""
    lines = [["defect", "count", "of", "share", "what it is", "first found"]]
    for defect in risk.defects:
        if defect.count:
            lines.append(
                [
                    defect.name,
                    f"{defect.count:,}",
                    f"{defect.total:,} {defect.unit}",
                    f"{100 * defect.share:.2f} %",
                    "; ".join(filter(None, (defect.description, defect.note))),
                    defect.examples[0],
                ]
            )
    return lines
