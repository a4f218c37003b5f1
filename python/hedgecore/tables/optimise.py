"""A plan of the hedge optimiser as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hedgecore.tables.text import TextTable, amount, plain, rows_of, without_rounding

if TYPE_CHECKING:
    from hedgecore.hedging.optimise import Plan


def order_table(plan: Plan) -> TextTable:
    """The orders, the dearest first; costs in USD below."""
    names = ("action", "instrument", "closes", "quantity", "price", "premium", "spread", "fee", "before", "after")  # fmt: skip
    rows = rows_of(plan.table()) if plan.tickets else []
    lines = tuple(
        tuple(row[n] if isinstance(row[n], str) else amount(float(row[n])) for n in names) for row in rows
    )  # fmt: skip
    sums = {"premium": plan.premium, "spread": plan.spread, "fee": plan.fee}
    footer = ("all", *(amount(sums[n]) if n in sums else "" for n in names[1:]))
    table = TextTable("Orders; premium, spread and fee in USD", names, names, lines, footer)
    return table if any(row["closes"] for row in rows) else table.without("closes")


def measure_table(plan: Plan) -> TextTable:
    """Measures by underlying before and after."""
    rows = [r for r in rows_of(plan.measures()) if r["before"] != 0 or r["after"] != 0]
    names = ("underlying", "measure", "before", "after", "change")
    lines = tuple(
        (str(r["underlying"]), str(r["measure"]), *map(amount, without_rounding([r[n] for n in names[2:]])))
        for r in rows
    )  # fmt: skip
    return TextTable("Measures before and after", names, names, lines)


def binding_table(plan: Plan) -> TextTable:
    """What binds, and what a unit of it is worth."""
    rows = rows_of(plan.constraints(binding=True))
    names = ("constraint", "before", "after", "low", "high", "binding", "shadow_price")
    heads = (*names[:-1], "USD per\nunit")

    def cell(value: Any) -> str:
        if isinstance(value, str):
            return str(value)
        return "" if np.isinf(value) else amount(float(value))

    lines = tuple(tuple(cell(row[n]) for n in names) for row in rows)
    return TextTable("What binds", names, heads, lines)


def plan_document(plan: Plan) -> dict[str, Any]:
    """The plan in plain values, as JSON holds it."""
    orders = rows_of(plan.table()) if plan.tickets else []
    constraints = plan.constraints()
    return {
        "mode": plan.mode,
        "cost": {"total": plan.cost, "spread": plan.spread, "fees": plan.fee, "premiums": plan.premium},
        "gap": plain(plan.gap),
        "orders": plain(orders),
        "measures": plain(rows_of(plan.measures())),
        "constraints": plain(rows_of(constraints) if len(constraints["constraint"]) else []),
        "violations": [vars(violation) | {"low": plain(violation.low), "high": plain(violation.high)} for violation in plan.violations],
        "unvalued": [{"underlying": breach.underlying, "count": breach.value, "positions": dict(breach.positions)} for breach in plan.unvalued],
        "notes": [*plan.notes, *plan.problem.quotes.notes],
    }  # fmt: skip
