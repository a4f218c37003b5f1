"""The figures of a P&L and its causes."""

from __future__ import annotations

from hedgecore.explain import TERMS, Currency, Explain
from hedgecore.figures.parts import Row, falling, figure
from hedgecore.tables.explain import lines_of


def waterfall(of: Explain, underlying: str | None = None, currency: Currency = "usd") -> Row:
    """The lines of a profit one after the other, and their sum; lines of 0 are left out."""
    lines = lines_of(of, underlying, currency)
    unit = "USD" if currency == "usd" else str(underlying)
    shown = [name for name in TERMS if lines[name] != 0] or ["residual"]
    trace = falling({name: lines[name] for name in shown}, lines["pnl"], unit)
    title = f"P&L of {underlying or 'all'} in {unit} by cause"
    return figure(title, [trace], "cause", unit, xaxis={"type": "category"})
