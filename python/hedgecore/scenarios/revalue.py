"""The revaluation of a book at every node, by underlying and expiry: sums of the core turned into measures."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import _core, pricing, risk
from hedgecore.instruments import CASH, FUTURE, OPTION, PERPETUAL, SPOT
from hedgecore.surface import dynamics as rules

if TYPE_CHECKING:
    from hedgecore.book import Aligned, Book
    from hedgecore.surface.dynamics import Dynamics

Array = npt.NDArray[Any]

MEASURES: Final = tuple(n for n in risk.MEASURES if n not in ("equity_coin", "positions"))
DEFAULT: Final = ("net_delta", "gamma_usd_1pct", "vega_usd")
_SOURCES: Final = {  # sums of the core that a measure is made of; value is always there
    "net_delta": ("delta", "black_delta"), "black_delta": ("black_delta",),
    "usd_delta": ("delta", "black_delta"), "gamma": ("black_gamma",), "gamma_1pct": ("black_gamma",),
    "net_gamma_1pct": ("gamma", "black_gamma"), "gamma_usd_1pct": ("black_gamma",),
    "vega_coin": ("vega",), "vega_usd": ("vega",), "vega_weighted": ("vega",),
    "theta_coin": ("theta",), "theta_usd": ("theta",),
}  # fmt: skip
_USD_OF: Final = {
    "value_usd": "value_coin", "vega_usd": "vega_coin", "theta_usd": "theta_coin",
    "gamma_usd_1pct": "gamma_1pct",
}  # fmt: skip


@dataclass(frozen=True)
class Shocks:
    """The nodes by bucket, in the order in which the core shares work; the market itself is the first of them."""

    factor: Array
    scale: Array
    shift: Array
    time: Array
    place: Array
    """Of each node of the result among these."""
    names: tuple[str, ...]
    tenor: tuple[float, float]
    threads: int | None
    skew: Array | None = None
    curvature: Array | None = None
    floor: Array | None = None
    atm_vol: Array | None = None
    smile: Array | None = None
    dynamics: Dynamics | None = None
    """A rule without smiles, whose slopes are columns of options."""

    def take(self, rows: Array) -> Shocks:
        """Return the shocks of those buckets."""
        changes: dict[str, Any] = {}
        for name in ("factor", "scale", "shift", "skew", "curvature", "floor", "atm_vol", "smile"):
            array = getattr(self, name)
            changes[name] = None if array is None else array[rows]
        return replace(self, **changes)


def columns_of(
    book: Book,
    data: Aligned,
    bucket: Array,
    levels: tuple[Array, Array, Array],
    shocks: Shocks,
    entry: Array,
) -> dict[str, Array]:
    """P&L and measures by bucket and node."""
    table, net = book.instruments, book.net_quantity
    held = data.valued & ((net != 0) | np.isfinite(entry))
    buckets = len(levels[0])
    s = np.where(np.isfinite(levels[0]), levels[0], 0.0)[:, None] * shocks.factor
    f = levels[1][:, None] * shocks.factor
    t = levels[2][:, None] - shocks.time
    live = np.where(t < 0, 0.0, risk.live_share(t, data.averaging))
    names = dict.fromkeys(
        ("value_coin", *(n for m in shocks.names for n in (_USD_OF.get(m, m), m)))
    )
    out = {name: np.zeros(s.shape) for name in names}

    for inverse in (True, False):
        rows = np.flatnonzero(held & (table.type == OPTION) & (table.inverse == inverse))
        if not rows.size:
            continue
        wanted = dict.fromkeys(("price", *(n for m in names for n in _SOURCES.get(m, ()))))
        greek_of = {n: n if inverse else n.removeprefix("black_") for n in wanted}
        greeks = list(dict.fromkeys(greek_of.values()))
        sums = _sums(table, data, rows, net[rows], inverse, greeks, bucket[rows], shocks)
        filled = np.bincount(bucket[rows], minlength=buckets) > 0
        here = (s[filled], f[filled], t[filled])
        got = dict.fromkeys(risk.SUMS, np.zeros(here[0].shape))
        got |= {n: sums[greeks.index(greek)][filled] for n, greek in greek_of.items()}
        parts = risk.option_measures(got, here, live[filled], inverse, shocks.tenor)
        for name in out.keys() & parts.keys():
            out[name][filled] += parts[name]

    for name, amount in _futures(book, data, held, bucket, entry, s, shocks.factor, live).items():
        if name in out:
            out[name] += amount
    for kind in (SPOT, CASH):
        rows = np.flatnonzero(held & (table.type == kind))
        amount = np.bincount(bucket[rows], net[rows], buckets)[:, None]
        out["value_coin"] += amount
        if kind == SPOT and "usd_delta" in out:
            out["usd_delta"] += amount
    for usd, coin in _USD_OF.items():
        if usd in out:
            out[usd] = out[coin] * s
    value = {"pnl_coin": out["value_coin"], "pnl_usd": out["value_coin"] * s}
    final = {name: amount[:, shocks.place] - amount[:, :1] for name, amount in value.items()}
    return final | {name: out[name][:, shocks.place] for name in shocks.names}


def _sums(
    table: Any,
    data: Aligned,
    rows: Array,
    weight: Array,
    inverse: bool,
    greeks: list[str],
    bucket: Array,
    shocks: Shocks,
) -> Array:
    """The sums of the core; its complaints name the instrument."""
    if not inverse:
        weight = weight * data.unit[rows]
    slope = None
    if shocks.dynamics is not None:
        slope = rules.by_option(shocks.dynamics.slope, table, data, rows)
    try:
        return _core.scenario_sums(
            table.kind[rows], table.strike[rows], data.expiry[rows], data.vol[rows], data.forward[rows],
            data.rate[rows] if data.rate.any() else None, weight, "inverse" if inverse else "linear",
            [pricing.GREEK_NAMES.index(name) for name in greeks], np.ascontiguousarray(bucket, np.int32),
            shocks.factor, shocks.scale, shocks.shift, shocks.time, shocks.threads, shocks.skew, shocks.curvature,
            shocks.floor, shocks.atm_vol, slope, shocks.smile,
        )  # fmt: skip
    except ValueError as error:
        text = re.sub(
            r"^(\w+)\[(\d+)\]", lambda m: f"{m[1]} of {table.name[rows[int(m[2])]]}", str(error)
        )
        raise ValueError(text + _at_node(str(error), data.vol[rows], bucket, shocks)) from None


def _at_node(complaint: str, vol: Array, bucket: Array, shocks: Shocks) -> str:
    """Which node makes the vol of a complaint; nothing where more than scale and shift moved it."""
    found = re.match(r"vol\[(\d+)\] = (\S+) must be positive after every shock", complaint)
    if found is None:
        return ""
    row, value = int(found[1]), float(found[2])
    shocked = vol[row] * shocks.scale[bucket[row]] + shocks.shift[bucket[row]]
    columns = np.flatnonzero(np.isclose(shocked, value, rtol=1e-9, atol=1e-12))
    nodes = np.flatnonzero(np.isin(shocks.place, columns))
    return f" at node {nodes[0]}" if nodes.size else ""


def _futures(
    book: Book,
    data: Aligned,
    held: Array,
    bucket: Array,
    entry: Array,
    s: Array,
    factor: Array,
    live: Array,
) -> dict[str, Array]:
    """Futures and perpetuals: linear in the price or in its inverse, so that sums at the market serve every node."""
    table, net = book.instruments, book.net_quantity
    rows = np.flatnonzero(held & ((table.type == FUTURE) | (table.type == PERPETUAL)))
    if not rows.size:
        return {}
    inverse, q, p = table.inverse[rows], net[rows], data.forward[rows]
    now = np.where(inverse, q / p, q * p)
    paid = np.where(np.isnan(entry[rows]), now, entry[rows])

    def total(amount: Array) -> Array:
        return np.bincount(bucket[rows], amount, len(s))[:, None]

    coin = np.where(inverse, 1.0, 0.0)
    unit = np.where(inverse, 0.0, data.unit[rows])
    with np.errstate(divide="ignore"):
        per_index = np.where(s > 0, 1 / s, 0.0)
    inverse_coins = total(now * coin) / factor
    linear_coins = total(now * unit) * factor * per_index
    profit = total(paid * coin) - inverse_coins + linear_coins - total(paid * unit) * per_index
    linear_live = linear_coins * live
    coins = inverse_coins * live + linear_live
    return {
        "value_coin": profit,
        "net_delta": coins,
        "black_delta": total(q * coin) * per_index * live + linear_live,
        # the USD value of an inverse position is S x coins: its derivative is the profit plus the delta
        "usd_delta": coins + total(paid * coin) - inverse_coins,
        "net_gamma_1pct": -inverse_coins * live / 100,
    }


def tenor_law(tenor: tuple[float, ...] | None, years: float, name: str = "vol_tenor") -> float:
    """What the vol shock of an expiry is multiplied by."""
    if tenor is None or not years > 0:
        return 1.0
    reference, *exponents = tenor if isinstance(tenor, Sequence) else (0.0,)
    if not (reference > 0 and len(exponents) in (1, 2, 3) and np.isfinite(tenor).all()):
        raise ValueError(
            f"{name} = {tenor} must be (reference, exponent) or (reference, short, long[, least expiry])"
        )
    if len(exponents) == 3:
        years = max(years, exponents.pop())
    return float((reference / years) ** exponents[0 if years < reference else -1])
