"""Scenario grids: a whole book revalued under shocks of spot, vol and time.

A node is a move of the underlyings, a shock of the vols and a passage of time.  At every node the
options are revalued in full, futures, perpetuals and balances as :mod:`hedgecore.risk` values them,
and summed by underlying and expiry.

* Spot: the index, the forwards and the prices of futures of a coin move by one factor.
* Vol: ``vol' = vol + x`` or ``vol (1 + x)``, the shock x of an expiry being scaled by
  (reference / expiry)^exponent where that is asked for.
* Time: years by which every expiry comes closer, forwards held.  What expires on the way is worth its
  payoff at the moved forward and has no Greeks.

P&L is the value at the node less that in the market, in the coin (``pnl_coin``) and in USD at the moved index
(``pnl_usd``).  Amounts of different coins are never added; totals over underlyings exist in USD only.
Currencies (USD, USDC, ...) do not move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from hedgecore import _core, frames, pricing, risk
from hedgecore.instruments import CASH, FUTURE, OPTION, PERPETUAL, SPOT, USD_LIKE

if TYPE_CHECKING:
    from hedgecore.book import Aligned, Book, Market

Array = npt.NDArray[Any]
Shock = float | Mapping[str, float]
Axis = Sequence[float] | npt.NDArray[Any] | Mapping[str, Sequence[float] | npt.NDArray[Any]]
By = Literal["total", "underlying", "expiry"]

PNL: Final = ("pnl_coin", "pnl_usd")
MEASURES: Final = tuple(n for n in risk.MEASURES if n not in ("equity_coin", "positions"))
IN_USD: Final = frozenset(
    {"pnl_usd", "value_usd", "gamma_usd_1pct", "vega_usd", "vega_weighted", "theta_usd"}
)
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
class Node:
    """One scenario: moves of spot and of vol (for all coins, or by coin), years that pass, and a weight."""

    spot: Shock = 0.0
    vol: Shock = 0.0
    time: float = 0.0
    weight: float = 1.0


class Tail(NamedTuple):
    """Value at risk and expected shortfall of the weighted nodes, in USD; losses are positive.

    The contributions are by bucket (the order of ``ScenarioGrid.underlying``) and add up to the measure.
    """

    level: float
    value_at_risk: float
    expected_shortfall: float
    value_at_risk_by_bucket: Array
    expected_shortfall_by_bucket: Array


@dataclass(frozen=True)
class ScenarioGrid:
    """A book in shocked markets; made by :func:`book_scenarios`.

    Attributes
    ----------
    shape
        (spots, vols, times) of a product grid, (nodes,) of a list.
    spot, vol
        By coin the move at each node, as it was given.
    time, weight
        Of each node.
    underlying, expiry_time
        The buckets: coin, expiry (NaT: perpetual, spot, cash).
    columns
        P&L and measures, each with a row for every node and a column for every bucket.  Nodes of a
        product grid count the times fastest.
    completeness
        What the figures cover.
    """

    book: Book
    market: Market
    shape: tuple[int, ...]
    spot: dict[str, Array]
    vol: dict[str, Array]
    time: Array
    weight: Array
    underlying: Array
    expiry_time: Array
    columns: dict[str, Array]
    completeness: risk.Completeness
    _shocks: _Shocks = field(repr=False)

    def __getitem__(self, name: str) -> Array:
        """Return P&L or a measure by node and bucket."""
        try:
            return self.columns[name]
        except KeyError:
            raise KeyError(
                f"{name!r} was not computed; there are {', '.join(self.columns)}"
            ) from None

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.time)

    def measure(self, name: str, underlying: str | None = None) -> Array:
        """Return P&L or a measure in the shape of the grid, of one underlying or of all.

        Raises
        ------
        ValueError
            For an amount of coins without an underlying, where the book has several.
        """
        column = self[name]
        if underlying is None:
            if name not in IN_USD and len(set(self.underlying.tolist())) > 1:
                raise ValueError(f"{name} is in coins of several underlyings: name one of them")
            chosen = np.ones(len(self.underlying), bool)
        else:
            chosen = self.underlying == underlying
            if not chosen.any():
                known = ", ".join(dict.fromkeys(self.underlying.tolist()))
                raise ValueError(f"the book has nothing in {underlying!r}; there are {known}")
        total: Array = column[:, chosen].sum(axis=1).reshape(self.shape)
        return total

    def pnl(self, underlying: str | None = None, currency: Literal["usd", "coin"] = "usd") -> Array:
        """Return the profit and loss in the shape of the grid."""
        return self.measure(f"pnl_{currency}", underlying)

    def table(self, by: By = "underlying") -> dict[str, Array]:
        """Return a row for every node and group: shocks, weight, P&L and measures.

        ``by="total"`` has one group and what is in USD; shocks that differ by coin are not in it.
        """
        nodes = np.arange(len(self))
        if by == "total":
            head = {"node": nodes, "time": self.time, "weight": self.weight}
            for name, moves in (("spot", self.spot), ("vol", self.vol)):
                if len({move.tobytes() for move in moves.values()}) == 1:
                    head[name] = next(iter(moves.values()))
            sums = {n: c.sum(axis=1) for n, c in self.columns.items() if n in IN_USD}
            return head | sums
        if by == "expiry":
            start = np.arange(len(self.underlying))
        elif by == "underlying":
            start = np.flatnonzero(
                np.r_[True, self.underlying[1:] != self.underlying[:-1]][: len(self.underlying)]
            )
        else:
            raise ValueError(f"by must be 'total', 'underlying' or 'expiry', not {by!r}")
        groups = len(start)
        names = self.underlying[start]
        still = np.zeros(len(self))

        def column(moves: dict[str, Array]) -> Array:
            rows = [moves.get(str(name), still) for name in names]
            return np.array(rows).reshape(groups, len(self)).T.ravel()

        head = {"node": np.repeat(nodes, groups), "underlying": np.tile(names, len(self))}
        if by == "expiry":
            head["expiry_time"] = np.tile(self.expiry_time, len(self))
        head |= {
            "spot": column(self.spot), "vol": column(self.vol),
            "time": np.repeat(self.time, groups), "weight": np.repeat(self.weight, groups),
        }  # fmt: skip
        sums = {
            name: (np.add.reduceat(matrix, start, axis=1) if groups else matrix).ravel()
            for name, matrix in self.columns.items()
        }
        return head | sums

    def to_frame(self, by: By = "underlying", library: frames.Library | None = None) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(by), library)

    def positions(self, block: int = 256) -> Iterator[dict[str, Array]]:
        """Yield P&L and measures by position, so many positions at a time.

        Every item has ``instrument``, ``underlying`` and ``quantity`` of its rows, and for each of
        ``columns`` a matrix of positions x nodes; NaN where the market cannot value a position.
        """
        if block < 1:
            raise ValueError(f"block = {block} must be positive")
        table, data = self.book.instruments, self.market.align(self.book.instruments)
        paid = risk._entry_values(self.book)
        held = np.flatnonzero((self.book.net_quantity != 0) | np.isfinite(paid))
        _, pair = table.expiries
        for first in range(0, len(held), block):
            rows = held[first : first + block]
            one = table.take(rows)
            quantity = self.book.net_quantity[rows]
            single = type(self.book)(
                replace(one, contract_size=np.ones(len(rows))), np.arange(len(rows)), quantity
            )
            some = data.take(rows)
            columns = _columns(
                single,
                some,
                np.arange(len(rows)),
                some.levels,
                self._shocks.take(pair[rows]),
                paid[rows],
            )
            head = {"instrument": one.name, "underlying": one.base, "quantity": quantity}
            yield head | {
                name: np.where(some.valued[:, None], column, np.nan)
                for name, column in columns.items()
            }

    def tail(self, level: float = 0.975) -> Tail:
        """Return value at risk and expected shortfall of the P&L in USD over the weighted nodes.

        The nodes are sorted by P&L; with the total weight W the tail is the worst (1 - level) W of it, the node at its
        edge in part.  Value at risk is the loss at that node, expected shortfall the mean loss of the tail.

        Raises
        ------
        ValueError
            For a level outside (0, 1), and where all weights are 0.
        """
        if not 0 < level < 1:
            raise ValueError(f"level = {level} must be between 0 and 1")
        total = self.weight.sum()
        if total <= 0:
            raise ValueError("the weights of the nodes are all 0")
        matrix = self["pnl_usd"]
        order = np.argsort(matrix.sum(axis=1), kind="stable")
        order = order[self.weight[order] > 0]
        reach = (1 - level) * total
        past = np.cumsum(self.weight[order])
        edge = min(int(np.searchsorted(past, reach * (1 - 1e-12))), len(order) - 1)
        share = self.weight[order[: edge + 1]].copy()
        share[-1] = max(reach - (past[edge] - share[-1]), 0.0)
        at_edge = -matrix[order[edge]]
        mean = -(share @ matrix[order[: edge + 1]]) / share.sum()
        return Tail(level, float(at_edge.sum()), float(mean.sum()), at_edge, mean)

    def __repr__(self) -> str:
        pnl = self["pnl_usd"].sum(axis=1)
        span = f"P&L from {pnl.min():,.6g} to {pnl.max():,.6g} USD" if len(pnl) else "no nodes"
        size = " x ".join(str(n) for n in self.shape)
        return f"ScenarioGrid of {size} nodes in {self.market!r}\n{span}\n{self.completeness}"


@dataclass(frozen=True)
class _Shocks:
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

    def take(self, rows: Array) -> _Shocks:
        return replace(
            self, factor=self.factor[rows], scale=self.scale[rows], shift=self.shift[rows]
        )


def book_scenarios(
    book: Book,
    market: Market,
    *,
    spot: Axis | None = None,
    vol: Axis | None = None,
    time: Sequence[float] | npt.NDArray[Any] | None = None,
    nodes: Sequence[Node] | None = None,
    spot_shock: Literal["relative", "absolute"] = "relative",
    vol_shock: Literal["relative", "absolute"] = "absolute",
    vol_tenor: tuple[float, ...] | None = None,
    measures: Sequence[str] = DEFAULT,
    tenor: tuple[float, float] = (risk.REFERENCE_TENOR, risk.TENOR_EXPONENT),
    threads: int | None = None,
) -> ScenarioGrid:
    """Revalue a book under every combination of shocks, or at a list of nodes.

    Parameters
    ----------
    book, market
        What is held, and the market that is shocked.
    spot, vol, time
        The axes of a product grid; an axis not given is (0,).  Spot and vol may be a mapping of
        coins to axes of one length, that move together; coins not named stay where they are.
    nodes
        Instead of the axes: a sequence of :class:`Node`.
    spot_shock
        "relative": -0.1 is a fall by 10 %; "absolute": an amount of USD added to the index, in
        proportion to which everything of the coin moves.
    vol_shock
        "absolute": 0.05 adds five vol points; "relative": 0.1 makes a vol of 0.60 one of 0.66.
    vol_tenor
        (reference, exponent) scales the shock of an expiry by (reference / expiry)^exponent, both in
        years before time passes; (reference, short, long) has exponents of its own for expiries below and from
        the reference on.  None: parallel.
    measures
        Out of :data:`MEASURES` (:mod:`hedgecore.risk` has their units); P&L is always there.
    tenor
        Of ``vega_weighted``, as in :func:`hedgecore.risk.book_risk`.
    threads
        Of the core, for this call.

    Raises
    ------
    ValueError
        For shocks that are not finite, that take an underlying or a vol to zero or below, or that name a coin the
        market does not know; times and weights below zero; unknown measures.

    Examples
    --------
    >>> import hedgecore as hc
    >>> book = hc.Book.from_frame({"instrument": ["BTC-26JUN26-90000-C"], "quantity": [10]})
    >>> market = hc.Market(
    ...     "2026-06-10", index={"BTC": 88_000}, forwards={("BTC", "2026-06-26T08:00"): 88_100}, vols=0.5
    ... )
    >>> grid = book.scenarios(market, spot=[-0.1, 0, 0.1], vol=[-0.1, 0, 0.1])
    >>> grid.pnl().shape
    (3, 3, 1)
    """
    for name in measures:
        if name not in MEASURES:
            raise ValueError(f"measures: {name!r} is none of {', '.join(MEASURES)}")
    for what, choice in (("spot_shock", spot_shock), ("vol_shock", vol_shock)):
        if choice not in ("relative", "absolute"):
            raise ValueError(f"{what} must be 'relative' or 'absolute', not {choice!r}")
    table, data = book.instruments, market.align(book.instruments)
    pairs, bucket = table.expiries
    coins = [base for base in dict.fromkeys(base for base, _ in pairs) if base not in USD_LIKE]
    if nodes is None:
        shape, spots, vols, times, weights = _product(spot, vol, time, coins, market)
    elif spot is None and vol is None and time is None:
        shape, spots, vols, times, weights = _listed(nodes, coins, market)
    else:
        raise ValueError("give either nodes or axes (spot, vol, time)")

    still = np.zeros(len(times))
    index, _, years = data.levels
    factor, scale, shift = (np.ones((len(pairs), len(times) + 1)) for _ in range(3))
    shift[:] = 0.0
    order = np.lexsort([*vols.values(), times])  # vol and time that are equal stand together
    for i, (base, _) in enumerate(pairs):
        move, bump = spots.get(base, still)[order], vols.get(base, still)[order]
        if np.isfinite(index[i]):
            factor[i, 1:] = 1 + (move if spot_shock == "relative" else move / index[i])
        if not (factor[i] > 0).all():
            worst = move[np.argmin(factor[i, 1:])]
            raise ValueError(f"spot = {worst} takes {base} to zero or below")
        bump = bump * _law(vol_tenor, years[i])
        (scale if vol_shock == "relative" else shift)[i, 1:] += bump
    place = np.empty(len(times), np.intp)
    place[order] = np.arange(1, len(times) + 1)
    shocks = _Shocks(
        factor, scale, shift, np.r_[0.0, times[order]], place, tuple(dict.fromkeys(measures)), tenor, threads
    )  # fmt: skip
    entry = risk._entry_values(book)
    columns = _columns(book, data, bucket, data.levels, shocks, entry)
    active = (book.net_quantity != 0) | np.isfinite(entry)
    used = np.bincount(bucket[active], minlength=len(pairs)) > 0
    final = {name: np.ascontiguousarray(column[used].T) for name, column in columns.items()}
    for array in (*final.values(), *spots.values(), *vols.values(), times, weights):
        array.setflags(write=False)
    return ScenarioGrid(
        book, market, shape, spots, vols, times, weights,
        np.array([base for base, _ in pairs], dtype=np.str_)[used],
        np.array([when for _, when in pairs], "M8[us]")[used],
        final, risk._completeness(book, data), shocks,
    )  # fmt: skip


def _columns(
    book: Book,
    data: Aligned,
    bucket: Array,
    levels: tuple[Array, Array, Array],
    shocks: _Shocks,
    entry: Array,
) -> dict[str, Array]:
    """P&L and measures by bucket and node."""
    table, net = book.instruments, book.net_quantity
    held = data.valued & ((net != 0) | np.isfinite(entry))
    buckets = len(levels[0])
    s = np.where(np.isfinite(levels[0]), levels[0], 0.0)[:, None] * shocks.factor
    f = levels[1][:, None] * shocks.factor
    t = levels[2][:, None] - shocks.time
    live = np.where(t < 0, 0.0, risk._live(t, data.averaging))
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
    shocks: _Shocks,
) -> Array:
    """The sums of the core; its complaints name the instrument."""
    if not inverse:
        weight = weight * data.unit[rows]
    try:
        return _core.scenario_sums(
            table.kind[rows], table.strike[rows], data.expiry[rows], data.vol[rows], data.forward[rows],
            data.rate[rows] if data.rate.any() else None, weight, "inverse" if inverse else "linear",
            [pricing.GREEK_NAMES.index(name) for name in greeks], np.ascontiguousarray(bucket, np.int32),
            shocks.factor, shocks.scale, shocks.shift, shocks.time, shocks.threads,
        )  # fmt: skip
    except ValueError as error:
        text = re.sub(
            r"^(\w+)\[(\d+)\]", lambda m: f"{m[1]} of {table.name[rows[int(m[2])]]}", str(error)
        )
        raise ValueError(text) from None


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


def _law(tenor: tuple[float, ...] | None, years: float) -> float:
    """What the vol shock of an expiry is multiplied by."""
    if tenor is None or not years > 0:
        return 1.0
    reference, *exponents = tenor
    if not (reference > 0 and len(exponents) in (1, 2) and np.isfinite(tenor).all()):
        raise ValueError(
            f"vol_tenor = {tenor} must be (reference, exponent) or (reference, short, long)"
        )
    return float((reference / years) ** exponents[0 if years < reference else -1])


def _finite(values: Any, name: str, least: float = -np.inf) -> Array:
    array = np.array(values, np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, not of shape {array.shape}")
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= least)))
    if bad.size:
        demand = "finite" if least == -np.inf else "finite and not negative"
        raise ValueError(f"{name}[{bad[0]}] = {array[bad[0]]} must be {demand}")
    return array


def _known(names: Any, what: str, market: Market) -> None:
    for name in names:
        if name not in market.index or name in USD_LIKE:
            known = ", ".join(market.index)
            raise ValueError(f"{what}: {name!r} is no underlying of the market; there are {known}")


def _axis(
    axis: Axis | None, name: str, coins: list[str], market: Market
) -> tuple[int, dict[str, Array]]:
    """The length of an axis, and the shocks by coin."""
    if not isinstance(axis, Mapping):
        values = _finite((0.0,) if axis is None else axis, name)
        return len(values), dict.fromkeys(coins, values)
    _known(axis, name, market)
    by_coin = {coin: _finite(values, f"{name}[{coin!r}]") for coin, values in axis.items()}
    lengths = {len(values) for values in by_coin.values()}
    if len(lengths) != 1:
        raise ValueError(f"the axes of {name} must have one length for all coins")
    n = lengths.pop()
    return n, {coin: by_coin.get(coin, np.zeros(n)) for coin in coins}


Parts = tuple[tuple[int, ...], dict[str, Array], dict[str, Array], Array, Array]


def _product(spot: Any, vol: Any, time: Any, coins: list[str], market: Market) -> Parts:
    n_spot, spots = _axis(spot, "spot", coins, market)
    n_vol, vols = _axis(vol, "vol", coins, market)
    times = _finite((0.0,) if time is None else time, "time", 0.0)
    shape = (n_spot, n_vol, len(times))

    def spread(values: Array, axis: int) -> Array:
        view = values.reshape([-1 if k == axis else 1 for k in range(3)])
        return np.broadcast_to(view, shape).ravel()

    return (
        shape,
        {coin: spread(values, 0) for coin, values in spots.items()},
        {coin: spread(values, 1) for coin, values in vols.items()},
        spread(times, 2),
        np.ones(int(np.prod(shape))),
    )


def _listed(nodes: Sequence[Node], coins: list[str], market: Market) -> Parts:
    nodes = list(nodes)
    for i, node in enumerate(nodes):
        if not isinstance(node, Node):
            raise TypeError(f"nodes[{i}] must be a Node, not {type(node).__name__}")
        for what in ("spot", "vol"):
            shock = getattr(node, what)
            if isinstance(shock, Mapping):
                _known(shock, f"nodes[{i}].{what}", market)

    def of(what: str, coin: str) -> Array:
        shocks = (getattr(node, what) for node in nodes)
        values = [x.get(coin, 0.0) if isinstance(x, Mapping) else x for x in shocks]
        return _finite(values, f"{what} of the nodes")

    return (
        (len(nodes),),
        {coin: of("spot", coin) for coin in coins},
        {coin: of("vol", coin) for coin in coins},
        _finite([node.time for node in nodes], "time of the nodes", 0.0),
        _finite([node.weight for node in nodes], "weight of the nodes", 0.0),
    )
