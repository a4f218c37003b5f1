"""A P&L and its causes as tables."""

from __future__ import annotations

from hedgecore.explain import TERMS, By, Currency, Explain
from hedgecore.tables.text import TextTable, amount, day, rows_of, without_rounding


def lines_of(of: Explain, underlying: str | None, currency: Currency = "usd") -> dict[str, float]:
    """P&L and its lines of one underlying, or in USD of all."""
    if underlying is None:
        if currency != "usd":
            raise ValueError("lines in coins are of one of them: name an underlying")
        return of.total
    table = of.table("underlying", currency)
    if underlying not in table["underlying"]:
        known = ", ".join(table["underlying"].tolist())
        raise ValueError(f"the book has nothing in {underlying!r}; there are {known}")
    (row,) = rows_of(table, underlying=underlying)
    return {name: float(row[name]) for name in ("pnl", *TERMS)}


def explain_table(
    of: Explain, by: By, underlying: str | None = None, currency: Currency = "usd"
) -> TextTable:
    """P&L and its lines by underlying, or those of one underlying by expiry; the sums below."""
    rows = rows_of(
        of.table(by, currency), **({} if underlying is None else {"underlying": underlying})
    )
    names = ("pnl", *TERMS)
    amounts = without_rounding([[float(row[name]) for name in names] for row in rows])
    rows = [
        row | dict(zip(names, own, strict=True)) for row, own in zip(rows, amounts, strict=True)
    ]
    shown = [n for n in names if n in ("pnl", "residual") or any(row[n] != 0 for row in rows)]
    key = "expiry" if by == "expiry" else "underlying"
    lines = tuple(
        (
            day(row["expiry_time"]) if by == "expiry" else str(row["underlying"]),
            *(amount(float(row[name])) for name in shown),
        )
        for row in rows
    )
    footer: tuple[str, ...] = ()
    if currency == "usd" or underlying is not None:
        sums = lines_of(of, underlying, currency)
        footer = ("all", *map(amount, without_rounding([sums[name] for name in shown])))
    unit = "USD" if currency == "usd" else str(underlying)
    title = f"P&L of {underlying or 'all'} in {unit} by {key}"
    heads = [{"pnl": "P&L", "translation": "trans-\nlation"}.get(name, name) for name in shown]
    return TextTable(title, (key, *shown), (key, *heads), lines, footer)
