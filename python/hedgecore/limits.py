"""Net limits of a book and their breaches.

Limits are a mapping, in Python or in a TOML file, of underlying to measure to the largest magnitude allowed::

    [BTC]
    net_delta = 25.0             # coins, in total
    vega_usd = 50_000            # USD per vol point
    [BTC.expiry]                 # the same measures in any one expiry
    vega_usd = 20_000
    [BTC.strike]                 # in any one strike of any one expiry
    gamma_usd_1pct = 100_000
    [total]                      # over all underlyings: measures in USD only
    vega_usd = 60_000

Measures are those of :mod:`hedgecore.risk`.  A pair [low, high] in place of a number limits each side.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore.risk import MEASURES, book_risk

if TYPE_CHECKING:
    from hedgecore.risk import Risk

LEVELS: Final = ("expiry", "strike")
LARGEST: Final = 5
#: Beyond a limit by no more than this part of it is at the limit, as a plan leaves it: sums are rounded.
ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Breach:
    """One measure beyond its limit.

    Attributes
    ----------
    underlying
        The coin, or "total".
    bucket
        "" for the whole, else the expiry, or expiry and strike.
    measure, value, low, high
        The measure ("unvalued": instruments that the market cannot value), its value and the limits it
        should stay between.
    excess
        By how much it is beyond, in the unit of the measure, positive.
    positions
        The instruments that contribute most to the value, with their contributions.
    """

    underlying: str
    bucket: str
    measure: str
    value: float
    low: float
    high: float
    excess: float
    positions: tuple[tuple[str, float], ...]

    def __str__(self) -> str:
        where = f"{self.underlying} {self.bucket}".strip()
        limit = f"{self.high:,.6g}" if self.value > self.high else f"{self.low:,.6g}"
        by = ", ".join(f"{name} {amount:,.4g}" for name, amount in self.positions)
        return f"{where}: {self.measure} {self.value:,.6g} beyond {limit} by {self.excess:,.6g}" + (
            f" (most: {by})" if by else ""
        )


def read_limits(path: str | Path, measures: Sequence[str] = MEASURES) -> dict[str, Any]:
    """Read limits of some measures from a TOML file.

    Raises
    ------
    ValueError
        Naming the file and what is wrong with it.
    """
    path = Path(path)
    try:
        limits = tomllib.loads(path.read_text(encoding="utf-8"))
        flat(limits, measures)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from None
    return limits


def check(risk: Risk, limits: Mapping[str, Any] | str | Path) -> list[Breach]:
    """Return the breaches of net limits, the largest relative excess first.

    Positions under a limit that the market cannot value come before all: a breach of the measure
    "unvalued", with their number and quantities, since the limit cannot be said to be kept.

    Parameters
    ----------
    risk
        Of a book in a market.  Where limits are by strike and it has none, it is computed anew with every
        strike a bucket.
    limits
        A mapping as in this module's description, or the path of a TOML file.

    Raises
    ------
    ValueError
        For unknown measures or levels, limits that are no numbers, and underlyings that neither the
        book nor the market knows.
    """
    if isinstance(limits, (str, Path)):
        limits = read_limits(limits)
    rules = flat(limits)
    levels = {level for _, level, *_ in rules}
    if "strike" in levels and not risk.has_strikes:
        risk = book_risk(risk.book, risk.market, strikes=True, tenor=risk.tenor)
    tables = {"": risk.table("underlying")}
    for level in levels - {""}:
        tables[level] = risk.table(level)  # type: ignore[arg-type]
    known = {str(name).upper(): str(name) for name in risk.underlying}
    found: list[tuple[float, tuple[str, int, str, float, float]]] = []
    for base, level, measure, low, high in rules:
        if base != "total" and base not in known.values() and base.upper() in known:
            raise ValueError(f"limits of {base!r}: did you mean {known[base.upper()]!r}?")
        if base not in {"total", *known.values(), *risk.market.index, *risk.market.currencies}:
            raise ValueError(f"limits of {base!r}: neither the book nor the market knows it")
        table = tables[level]
        if base == "total":
            rows, values = [-1], [float(table[measure].sum())]
        else:
            rows = np.flatnonzero(table["underlying"] == base).tolist()
            values = [float(table[measure][row]) for row in rows]
        for row, value in zip(rows, values, strict=True):
            excess = max(value - high, low - value)
            size = max(abs(high if value > high else low), 1e-300)
            if excess > ROUNDING * size or math.isnan(value):
                found.append((excess / size, (level, row, f"{base}|{measure}", low, high)))
    unknown = unvalued(risk, {base for base, *_ in rules})
    if not found:
        return unknown
    positions = risk.positions()
    found.sort(key=lambda item: -item[0])
    return unknown + [_breach(tables, risk.strike, positions, *breach) for _, breach in found]


def unvalued(risk: Risk, bases: set[str]) -> list[Breach]:
    """What is held under a limit and cannot be valued: the limit cannot be said to be kept."""
    table, net = risk.book.instruments, risk.book.net_quantity
    left_out = {*risk.completeness.no_quote, *risk.completeness.no_vol}
    rows = np.flatnonzero(np.isin(table.name, list(left_out)) & (net != 0))
    breaches = []
    for base in sorted(bases):
        mine = rows if base == "total" else rows[table.base[rows] == base]
        if mine.size:
            most = mine[np.argsort(-np.abs(net[mine]), kind="stable")][:LARGEST]
            held = tuple((str(table.name[i]), float(net[i])) for i in most)
            count = float(mine.size)
            breaches.append(Breach(base, "", "unvalued", count, 0.0, 0.0, count, held))
    return breaches


def _breach(
    tables: dict[str, dict[str, Any]], risk_strikes: Any, positions: dict[str, Any], level: str, row: int, what: str,
    low: float, high: float,
) -> Breach:  # fmt: skip
    base, measure = what.split("|")
    table = tables[level]
    inside = np.ones(len(positions["instrument"]), bool)
    bucket = ""
    if row >= 0:
        inside &= positions["underlying"] == base
        if level in LEVELS:
            when = table["expiry_time"][row]
            times = positions["expiry_time"]
            inside &= (times == when) | (np.isnat(times) & np.isnat(when))
            bucket = "no expiry" if np.isnat(when) else np.datetime_as_string(when, unit="D")
        if level == "strike":
            strike = table["strike"][row]
            # buckets are named by their lower edge; with a bucket for each strike that is the strike
            edges = np.unique(risk_strikes[~np.isnan(risk_strikes)])
            place = np.searchsorted(edges, positions["strike"], side="right") - 1
            inside &= (place >= 0) & (edges[np.maximum(place, 0)] == strike)
            bucket += f" {strike:g}"
        value = float(table[measure][row])
    else:
        value = float(table[measure].sum())
    rows = np.flatnonzero(inside)
    share = positions[measure][rows]
    order = rows[np.argsort(-share * np.sign(value), kind="stable")]
    order = order[positions[measure][order] * value > 0][:LARGEST]  # those of the same sign
    most = tuple((str(positions["instrument"][i]), float(positions[measure][i])) for i in order)
    return Breach(base, bucket, measure, value, low, high, max(value - high, low - value), most)


def flat(
    limits: Mapping[str, Any], measures: Sequence[str] = MEASURES
) -> list[tuple[str, str, str, float, float]]:
    """Return (underlying, level, measure, low, high) of every limit; level is "", "expiry" or "strike".

    Raises
    ------
    ValueError
        For unknown measures or levels, and limits that are no numbers.
    """
    rules: list[tuple[str, str, str, float, float]] = []
    for base, table in limits.items():
        if not isinstance(table, Mapping):
            raise ValueError(f"limits of {base!r} = {table!r} must be a table of measures")  # noqa: TRY004
        for name, limit in table.items():
            if name in LEVELS:
                if base == "total" or not isinstance(limit, Mapping):
                    raise ValueError(f"{base}.{name} must be a table of measures of one underlying")
                rules += [_rule(base, name, key, value, measures) for key, value in limit.items()]
            else:
                rules.append(_rule(base, "", name, limit, measures))
    return rules


def _rule(
    base: str, level: str, measure: str, limit: Any, measures: Sequence[str]
) -> tuple[str, str, str, float, float]:
    where = ".".join(part for part in (base, level, measure) if part)
    if measure not in measures:
        raise ValueError(f"{where}: no such measure; there are {', '.join(measures)}")
    if base == "total" and not (
        measure.endswith(("_usd", "usd_1pct")) or measure == "vega_weighted"
    ):
        raise ValueError(f"{where}: a total over underlyings is limited in USD measures only")
    pair = (
        limit if isinstance(limit, (list, tuple)) else [-limit, limit] if is_number(limit) else None
    )
    if pair is None or len(pair) != 2 or not all(is_number(v) for v in pair) or pair[0] > pair[1]:
        raise ValueError(
            f"{where} = {limit!r} must be a number that is not negative or a pair [low, high]"
        )
    return base, level, measure, float(pair[0]), float(pair[1])


def is_number(value: Any) -> bool:
    """Whether a value is a number; True, False and nan are none."""
    return isinstance(value, Real) and not isinstance(value, bool) and not math.isnan(value)
