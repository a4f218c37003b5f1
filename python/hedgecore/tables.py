"""The risk of a book and the vols of a chain as tables: text for terminal and report, rows for files.

Amounts in a coin and in USD stand in columns of different names and are never added to each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.instruments import FUTURE, OPTION, PERPETUAL
from hedgecore.risk import By, Risk

if TYPE_CHECKING:
    import polars as pl

    from hedgecore.limits import Breach
    from hedgecore.venues.defects import Defect
    from hedgecore.venues.tables import Table

Columns = Mapping[str, npt.NDArray[Any]]

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


@dataclass(frozen=True)
class TextTable:
    """A table of text: ``names`` of the columns, headings of two lines, lines, perhaps a footer."""

    title: str
    names: tuple[str, ...]
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    footer: tuple[str, ...] = ()

    def without(self, name: str) -> TextTable:
        """The table without one of its columns."""
        at = self.names.index(name)

        def cut(cells: tuple[str, ...]) -> tuple[str, ...]:
            return cells[:at] + cells[at + 1 :]

        lines = tuple(cut(line) for line in self.lines)
        return TextTable(self.title, cut(self.names), cut(self.header), lines, cut(self.footer))


def amount(value: float | None) -> str:
    """A number short enough for a table: four digits, or thousands marked, or M, or B."""
    if value is None or not math.isfinite(value):
        return "-"
    value += 0.0  # no minus before a zero
    for limit, unit in ((1e9, "B"), (1e6, "M")):
        if abs(value) >= 0.9995 * limit:
            return f"{value / limit:,.2f} {unit}"
    return f"{value:,.0f}" if abs(value) >= 999.95 else f"{value:.4g}"


def day(time: np.datetime64, none: str = "no expiry") -> str:
    """The day of an expiry, or ``none`` for what does not expire."""
    return none if np.isnat(time) else str(np.datetime_as_string(time, unit="D"))


# --- the book -----------------------------------------------------------------------------------


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
        ("instrument\n", "quantity\n", *(_heading(name, "coin") for name in names)),
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


def defect_table(defects: Iterable[Defect]) -> TextTable:
    """The defects that were found, with their meaning and the first example of each."""
    return TextTable(
        "Data defects",
        ("name", "count", "total", "share", "meaning", "example"),
        ("defect", "count", "of", "share", "what it is", "first found"),
        tuple(
            (
                d.name,
                f"{d.count:,}",
                f"{d.total:,} {d.unit}",
                f"{100 * d.share:.2f} %",
                "; ".join(filter(None, (d.description, d.note))),
                d.examples[0] if d.examples else "",
            )
            for d in defects
            if d.count
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
            lines.append(f"{what}, not in the totals: {_listed(names)}.")
    left_out = {*completeness.no_quote, *completeness.expired}
    for type_, where in ((PERPETUAL, "the index"), (FUTURE, "the forward of their expiry")):
        rows = (table.type == type_) & (risk.book.net_quantity != 0)
        held = [str(name) for name in table.name[rows]]
        names = tuple(n for n in held if n not in risk.market.prices and n not in left_out)
        if names:
            lines.append(f"No quotes of {_listed(names)}: valued at {where}.")
    lines += [f"{note[0].upper()}{note[1:]}." for note in risk.market.notes]
    averaged = risk.market.averaging / (365 * 86_400)
    years = risk.market.align(table).expiry
    fading = (years >= 0) & (years < averaged) & (risk.book.net_quantity != 0)
    if fading.any():
        names = tuple(str(name) for name in table.name[fading])
        lines.append(f"In the settlement window, deltas and gammas fading: {_listed(names)}.")
    return lines


# --- the chain ----------------------------------------------------------------------------------


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
                *(_price(row[name]) for name in ("forward", "parity_forward")),
                "-" if row["parity_bp"] is None else f"{row['parity_bp']:.1f}",
                f"{row['pairs']:,}",
                *(_percent(row[f"atm_{of}"]) for of in ("bid", "mark", "ask", "venue")),
                *(f"{row[name]:,}" for name in list(heads)[-4:]),
            )
            for row in group.iter_rows(named=True)
        ]
        title = f"{base}, {settlement} options: forwards and vols by expiry"
        tables.append(TextTable(title, tuple(heads), tuple(heads.values()), tuple(lines)))
    return tables


# --- a file -------------------------------------------------------------------------------------


def content_lines(table: Table) -> list[str]:
    """What a file is, in sentences: format, rows, times, instruments."""
    lines = [f"{table.source}: {table.format}", f"rows or messages read: {table.rows_read:,}"]
    for kind, part in (table.parts or {table.kind: table}).items():
        frame = part.frame
        line = f"{kind}: {frame.height:,} row{'s' * (frame.height != 1)}"
        if "timestamp" in frame and frame["timestamp"].null_count() < frame.height:
            first, last = frame["timestamp"].min(), frame["timestamp"].max()
            line += f", {_cell(first)} to {_cell(last)} UTC"
        if "snapshot" in frame and (count := frame["snapshot"].drop_nulls().n_unique()):
            line += f", {count:,} snapshot{'s' * (count > 1)}"
        if "instrument" in frame and (count := frame["instrument"].drop_nulls().n_unique()):
            line += f", {count:,} instrument{'s' * (count > 1)}"
        if "base" in frame:
            line += f" on {_listed(sorted(frame['base'].drop_nulls().unique()))}"
        if "type" in frame:
            types = sorted(frame["type"].cast(str).drop_nulls().unique())
            line += f" ({_listed(types)})" if types else ""
        if "expiry_time" in frame and (count := frame["expiry_time"].drop_nulls().n_unique()):
            line += f", {count:,} expir{'ies' if count > 1 else 'y'}"
        lines.append(line)
    return lines


def content_table(table: Table) -> TextTable:
    """The columns of a table: type, values missing, least and greatest value, meaning."""
    from hedgecore.venues.layouts import LAYOUTS

    frame, layout = table.frame, LAYOUTS[table.kind]
    rows = max(frame.height, 1)
    lines, empty = [], []
    for name in frame.columns:
        column, missing = frame[name], frame[name].null_count()
        if missing == frame.height:
            empty.append(name)
            continue
        low, high = (_cell(value) for value in _range(column))
        kind = str(column.dtype).split("(")[0].lower()
        lines.append(
            (
                name,
                kind,
                f"{missing:,}",
                f"{100 * missing / rows:.2f} %",
                low,
                high,
                layout[name].meaning,
            )
        )
    title = f"Columns of {table.kind}" + (f" (empty: {', '.join(empty)})" if empty else "")
    return TextTable(
        title,
        ("name", "type", "missing", "share", "least", "greatest", "meaning"),
        ("column", "type", "missing", "share", "least", "greatest", "meaning"),
        tuple(lines),
    )


# --- rows and cells -----------------------------------------------------------------------------


def rows_of(columns: Columns, **where: str) -> list[dict[str, Any]]:
    """The rows of columns as mappings, those in which the columns named have the values given."""
    names, count = list(columns), len(next(iter(columns.values())))
    return [
        {name: columns[name][i] for name in names}
        for i in range(count)
        if all(str(columns[name][i]) == value for name, value in where.items())
    ]


def plain(value: Any) -> Any:
    """A value as JSON and CSV hold it: times in ISO 8601 UTC, None where there is no finite number."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else np.datetime_as_string(value, unit="s") + "Z"
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, (str, np.str_)):
        return str(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def unit_of(measure: str, underlying: str) -> str:
    """The unit of a measure of an underlying."""
    if measure == "unvalued":  # of a breach: what the market cannot value
        return "instruments"
    return UNITS[measure].format(coin=underlying)


def _heading(name: str, coin: str) -> str:
    return "\n".join(_HEADS[name]).format(coin=coin)


def _headings(first: list[str], coin: str) -> tuple[str, ...]:
    return (*first, *(_heading(name, coin) for name in _HEADS))


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


def _price(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if value >= 10_000 else f"{value:,.2f}" if value >= 1 else f"{value:.6g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _range(column: pl.Series) -> tuple[Any, Any]:
    """The least and the greatest value; of words in the order of the alphabet."""
    import polars as pl

    if isinstance(column.dtype, (pl.Enum, pl.Categorical)):
        column = column.cast(pl.String)
    if isinstance(column.dtype, pl.Float64):
        column = column.fill_nan(None)
    return column.min(), column.max()


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return f"{value:,.8g}"
    return "-" if value is None else str(value)


def _listed(names: Sequence[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
