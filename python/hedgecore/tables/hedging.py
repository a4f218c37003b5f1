"""Hedging simulations as tables: scorecard, frontier, risk at equal cost, costs by kind, the setting of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore.hedging.results import LEDGERS
from hedgecore.tables.text import TextTable, amount, plain, rows_of, two_lines

if TYPE_CHECKING:
    from hedgecore.hedging import Frontier, Run

RISKS: Final = {"std": "std of the net P&L", "es95": "ES95", "es99": "ES99"}
_LABELS: Final = {
    "pnl": "net P&L",
    "es95": "ES95",
    "es99": "ES99",
    "gamma_theta": "gamma and theta",
    "fee": "fees",
    "spread": "half spreads",
    "fixed": "fixed costs",
    "outage": "outage costs",
    "peg": "lost peg",
    "permanent": "permanent impact",
    "failures": "failed attempts",
    "exposure": "mean abs. exposure",
}
LEFT_OUT: Final = 14
"""Policies beyond which figures show one setting of each family."""


def label(name: str) -> str:
    """What a ledger or a column is called; its own name where it has no other."""
    return _LABELS.get(name, name.replace("_", " "))


def unit_of_money(run: Run) -> str:
    """The currency of amounts."""
    return "coins" if run.numeraire == "coin" else "quote currency"


def parts_of_cost(run: Run) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Mean costs of every policy by kind; their sum is the cost."""
    return run.costs_by_kind()


def chosen_rows(run: Run) -> list[int]:
    """Rows of the policies that a figure shows: all, or of each family the setting whose cost is nearest to the others'."""
    families = list(dict.fromkeys(run.families))
    if len(run.names) <= LEFT_OUT:
        return list(range(len(run.names)))
    cost = run.mean("cost")
    middle = np.median(cost[cost > 0]) if (cost > 0).any() else 0.0
    of = np.array(run.families, dtype=object)
    return [
        int(rows[np.argmin(np.abs(cost[rows] - middle))])
        for rows in (np.flatnonzero(of == family) for family in families)
    ]


def scorecard_table(run: Run) -> TextTable:
    """A row for each policy: mean, risk with standard errors, costs, what was traded."""
    table = run.columns()
    parts = ("mean", "std", "es95", "es99", "worst", "cost", "turnover", "trades", "exposure")
    errors = ("std", "es95")
    names = ["policy"]
    heads = ["policy\n"]
    for name in parts:
        names.append(name)
        heads.append("mean\nP&L" if name == "mean" else f"{label(name)}\n".replace("mean abs. exposure\n", "mean abs.\nexposure"))  # fmt: skip
        if name in errors:
            names.append(f"{name}_error")
            heads.append("standard\nerror")
    lines = tuple(
        (str(table["policy"][k]), *(amount(float(table[name][k])) for name in names[1:]))
        for k in range(len(run.names))
    )
    title = f"Net P&L of {run.n_paths:,} paths by policy, {unit_of_money(run)}"
    return TextTable(title, tuple(names), tuple(heads), lines)


def cost_table(run: Run) -> TextTable:
    """A row for each policy: costs by kind, and every other ledger that is not zero for all."""
    known = {"pnl", "cost", "turnover", "trades", "exposure"}
    columns: dict[str, Any] = {"cost": run.mean("cost"), "cost_error": run.error("cost")}
    columns |= {name: values for name, values in parts_of_cost(run).items() if values.any()}
    columns |= {
        name: run.mean(name)
        for name in LEDGERS
        if name not in known | set(columns) and run.mean(name).any()
    }
    lines = tuple(
        (str(run.names[k]), *(amount(float(values[k])) for values in columns.values()))
        for k in range(len(run.names))
    )
    heads = (
        "standard\nerror" if name.endswith("_error") else two_lines(label(name)) for name in columns
    )
    return TextTable(
        f"Mean costs by kind and other ledgers, {unit_of_money(run)}",
        ("policy", *columns), ("policy\n", *heads), lines,
    )  # fmt: skip


def attribution_table(run: Run) -> TextTable:
    """A row for each policy: what made its mean net P&L, line by line, and the share that is not explained."""
    table = run.attribution.columns()
    lines = [name for name in run.attribution.means() if table[name].any()]
    heads = (
        "policy\n",
        "mean\nP&L",
        *(two_lines(label(name)) for name in lines),
        "share of\nresidual",
    )
    rows = tuple(
        (
            str(run.names[k]),
            amount(float(run.pnl[k].mean())),
            *(amount(float(table[name][k])) for name in lines),
            f"{100 * table['residual_share'][k]:.2f} %",
        )
        for k in range(len(run.names))
    )
    return TextTable(
        f"What made the mean net P&L, {unit_of_money(run)}",
        ("policy", "pnl", *lines, "residual_share"), heads, rows,
    )  # fmt: skip


def equal_cost_table(frontiers: Mapping[str, Frontier], costs: Sequence[float]) -> TextTable:
    """Risk of every family at equal mean costs, the least risk of the first measure first; ratios to it with paired errors."""
    first = next(iter(frontiers.values()))
    names, heads = ["family", "cost"], ["family\n", "mean\ncost"]
    for by in frontiers:
        names += [by, f"{by}_error", f"{by}_ratio", f"{by}_ratio_error"]
        heads += [f"{label(by)}\n", "standard\nerror", "of the\nfirst", "standard\nerror"]
    lines = []
    for cost in costs:
        table = first.at([cost])
        order = [str(table["family"][k]) for k in np.argsort(table["risk"])]
        rows = {
            by: {str(row["family"]): row for row in rows_of(of.at([cost], against=order[0]))}
            for by, of in frontiers.items()
        }
        for family in order:
            line = [family, amount(cost)]
            for by in frontiers:
                row = rows[by][family]
                line += [amount(row["risk"]), amount(row["risk_error"])]
                line += [f"{row[name]:.3f}" for name in ("ratio", "ratio_error")]
            lines.append(tuple(line))
    return TextTable(
        f"Families at equal mean cost, {unit_of_money(first.run)}",
        tuple(names),
        tuple(heads),
        tuple(lines),
    )


def setting_table(run: Run) -> TextTable:
    """Every argument of a run, so that it can be repeated."""
    lines = []
    for name, value in setting_of(run).items():
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            lines += [(f"{name}[{k}]", _words(item)) for k, item in enumerate(value)]
        elif name in ("policies", "levels") and value:
            lines += [(f"{name}[{key!r}]", _words(item)) for key, item in value.items()]
        else:
            lines.append((name, _words(value)))
    return TextTable("The setting of this run", ("argument", "value"), ("argument", "value"), tuple(lines))  # fmt: skip


def setting_of(run: Run) -> dict[str, Any]:
    """Every argument of a run in plain values; what has its default within a class is left out."""
    return {
        **{name: plain_setting(value) for name, value in run.setting.items()},
        "first_path": run.first_path,
        "n_paths": run.n_paths,
        "premium": run.premium,
        "policies": {
            name: plain_setting(policy)
            for name, policy in zip(run.names, run.policies, strict=True)
        },
    }


def plain_setting(value: Any) -> Any:
    """A setting in plain values: a class by its name and what differs from its defaults, a large array by its shape and a hash."""
    if is_dataclass(value) and not isinstance(value, type):
        given = {
            f.name: plain_setting(getattr(value, f.name))
            for f in fields(value)
            if f.init and not _is_default(f, getattr(value, f.name))
        }
        return {"type": type(value).__name__, **given}
    if isinstance(value, np.ndarray):
        if value.size <= 16:
            return value.tolist()
        text = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16]
        return f"array of shape {value.shape}, sha256 {text}"
    if isinstance(value, Mapping):
        return {str(key): plain_setting(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) > 200:
            return plain_setting(np.asarray(value))
        return [plain_setting(item) for item in value]
    if callable(value):
        return f"function {getattr(value, '__qualname__', repr(value))}"
    return plain(value)


def _is_default(f: Field[Any], value: Any) -> bool:
    default = f.default if f.default_factory is MISSING else f.default_factory()
    return default is not MISSING and type(value) is type(default) and bool(value == default)


def _words(value: Any) -> str:
    """Plain values as one line."""
    if isinstance(value, Mapping):
        items = {name: _words(item) for name, item in value.items()}
        kind = items.pop("type", "")
        return f"{kind}({', '.join(f'{name}={item}' for name, item in items.items())})"
    if isinstance(value, list):
        return f"[{', '.join(map(_words, value))}]"
    return "-" if value is None else str(value)
