"""A book revalued at many nodes, in parts, of which the P&L by bucket is kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hedgecore import frames
from hedgecore.instruments import OPTION, USD_LIKE
from hedgecore.scenarios import Bootstrap, Nodes, ScenarioGrid, Tail, book_scenarios, tail_of
from hedgecore.scenarios import bootstrap as resampled

if TYPE_CHECKING:
    from hedgecore.book import Book, Market
    from hedgecore.risk import Completeness

Array = npt.NDArray[Any]
Progress = Callable[[int, int], None]
"""Called with the nodes done and the nodes in all."""

LEVELS = (0.95, 0.975, 0.99)
_PART = 4096
"""Nodes revalued at a time: what bounds the memory."""


@dataclass(frozen=True, eq=False)
class Simulation:
    """P&L of a book at nodes that have names: dates of a history, episodes, numbers of scenarios.

    Attributes
    ----------
    book, market
        What was revalued, and the market that was shocked.
    nodes
        The shocks and weights.
    label
        Of each node: the end of its stretch of history (UTC), the name of an episode, a number.
    underlying, expiry_time
        The buckets, as in :class:`hedgecore.scenarios.ScenarioGrid`.
    pnl
        USD, nodes x buckets.
    overlap
        By how many nodes one stretch of history is shared (1: none is).
    completeness
        What of the book the figures cover.
    rules
        What was asked of :func:`hedgecore.scenarios.book_scenarios`.
    notes
        What was left out or assumed.
    sample
        Whether the nodes are draws of one distribution, so that a tail of them means something; episodes and paths are not.
    """

    book: Book
    market: Market
    nodes: Nodes
    label: Array
    underlying: Array
    expiry_time: Array
    pnl: Array
    overlap: float
    completeness: Completeness
    rules: dict[str, Any]
    notes: tuple[str, ...]
    sample: bool = True

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.label)

    @property
    def total(self) -> Array:
        """P&L of the book in USD by node."""
        total: Array = self.pnl.sum(axis=1)
        return total

    def tail(self, level: float = 0.975) -> Tail:
        """Return value at risk and expected shortfall with errors and contributions: see :func:`tail_of`."""
        return tail_of(
            self.pnl, self.nodes.weight, level, overlap=self.overlap, blocks=self._blocks,
            left_out=self.completeness.left_out,
        )  # fmt: skip

    def tails(self, levels: Sequence[float] = LEVELS) -> dict[str, Array]:
        """Return a row for each level: value at risk, expected shortfall, their standard errors, nodes in the tail."""
        found = [self.tail(level) for level in levels]
        names = (
            "level", "value_at_risk", "value_at_risk_error", "expected_shortfall",
            "expected_shortfall_error",
        )  # fmt: skip
        columns = {name: np.array([getattr(tail, name) for tail in found]) for name in names}
        return columns | {"nodes": np.array([len(tail.nodes) for tail in found])}

    def bootstrap(
        self,
        levels: Sequence[float] = LEVELS,
        *,
        block: float | None = None,
        samples: int = 1000,
        seed: int = 0,
    ) -> Bootstrap:
        """Return resampled value at risk and expected shortfall: :func:`hedgecore.scenarios.bootstrap`.

        ``block`` is a number of nodes; by default n^(1/3) of them, twice the overlap where that is more.
        """
        if block is None:
            block = max(np.ceil(len(self) ** (1 / 3)), 2 * self.overlap if self.overlap > 1 else 1)
        return resampled(
            self.total, self.nodes.weight, levels, block=float(block), samples=samples, seed=seed
        )

    def table(self) -> dict[str, Array]:
        """Return a row for every node: label, shocks by coin, time, weight, P&L by underlying and in all."""
        columns: dict[str, Array] = {"label": self.label}
        for what, moves in (("spot", self.nodes.spot), ("vol", self.nodes.vol)):
            columns |= {f"{what}_{coin}": values for coin, values in moves.items()}
        columns |= {"time": self.nodes.time, "weight": self.nodes.weight}
        for coin in dict.fromkeys(self.underlying.tolist()):
            columns[f"pnl_usd_{coin}"] = self.pnl[:, self.underlying == coin].sum(axis=1)
        return columns | {"pnl_usd": self.total}

    def worst(self, count: int = 10) -> dict[str, Array]:
        """Return the rows of :meth:`table` with the largest losses, worst first."""
        rows = np.argsort(self.total, kind="stable")[:count]
        return {name: column[rows] for name, column in self.table().items()}

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(), library)

    def grid(self, nodes: npt.ArrayLike, measures: Sequence[str] = ()) -> ScenarioGrid:
        """Return some nodes as a grid: measures, tables and positions there."""
        return book_scenarios(
            self.book,
            self.market,
            nodes=taken(self.nodes, np.asarray(nodes)),
            measures=measures,
            **self.rules,
        )

    def plot(self, level: float = 0.975) -> Any:
        """Return the P&L as a plotly figure: :func:`hedgecore.figures.plot_simulation`."""
        from hedgecore import figures

        return figures.plot_simulation(self, level)

    def _blocks(self, nodes: Array, block: int) -> Iterator[dict[str, Array]]:
        yield from self.grid(nodes).positions(block)

    def __repr__(self) -> str:
        head = f"Simulation of {len(self):,} nodes in {self.market!r}"
        tails = frames.text_table(self.tails()) if self.sample and len(self) > 1 else ""
        worst = self.worst(5 if self.sample else 20)
        parts = [head, tails, "worst nodes:", frames.text_table(worst), str(self.completeness)]
        parts += self.notes
        return "\n".join(part for part in parts if part)


def simulate(
    book: Book,
    market: Market,
    scenarios: Any,
    *,
    columns: Sequence[str] | None = None,
    label: npt.ArrayLike | None = None,
    overlap: float = 1.0,
    notes: tuple[str, ...] = (),
    part: int = _PART,
    progress: Progress | None = None,
    **rules: Any,
) -> Simulation:
    """Revalue a book under scenarios of the user's own, a part of them at a time.

    P&L by bucket is kept and nothing else, so that memory is 8 bytes for each node and bucket.  Ctrl-C ends it.

    Parameters
    ----------
    book, market
        What is held, and the market that is shocked.
    scenarios
        :class:`hedgecore.scenarios.Nodes`, or a frame, mapping or matrix (scenarios x columns, with
        ``columns`` to name them) of ``BTC_spot``, ``BTC_vol``, ... (coin and factor), ``time`` (years) and
        ``weight``.  A coin of the book without a column does not move; ``notes`` say so.
    columns
        Names of the columns of a matrix.
    label
        A name for each scenario, by default its number.
    overlap, notes
        Kept in the result.
    part
        Scenarios at a time.
    progress
        Called after each part with the scenarios done and their number.
    rules
        ``spot_shock``, ``vol_shock``, ``vol_tenor``, ``threads`` of
        :func:`hedgecore.scenarios.book_scenarios`.

    Raises
    ------
    ValueError
        For columns of other names, numbers that are not finite, and what the grid refuses.
    """
    nodes = _nodes(scenarios, columns)
    n = len(nodes)
    if not n:
        raise ValueError("there are no scenarios")
    if part < 1:
        raise ValueError(f"part = {part} must be positive")
    names = np.arange(n) if label is None else np.asarray(label)
    if len(names) != n:
        raise ValueError(f"label has {len(names)} rows for {n} scenarios")
    pnl: Array | None = None
    for first in range(0, n, part):
        rows = np.arange(first, min(first + part, n))
        try:
            grid = book_scenarios(book, market, nodes=taken(nodes, rows), measures=(), **rules)
        except ValueError as error:
            found = re.search(r"(.* at node )(\d+)$", str(error))
            if found is None:
                raise
            bad = first + int(found[2])  # the grid counts from the beginning of the part
            named = "" if label is None else f" ({names[bad]})"
            raise ValueError(f"{found[1]}{bad}{named}") from None
        if pnl is None:
            pnl = np.empty((n, len(grid.underlying)))
        pnl[rows] = grid["pnl_usd"]
        if progress is not None:
            progress(int(rows[-1]) + 1, n)
    assert pnl is not None
    still = [coin for coin in held(book)[0] if not {coin} & (nodes.spot.keys() | nodes.vol.keys())]
    notes = (*notes, *(f"no moves of {coin}: it stands still" for coin in still))
    pnl.setflags(write=False)
    return Simulation(
        book, market, nodes, names, grid.underlying, grid.expiry_time, pnl, float(overlap),
        grid.completeness, rules, notes,
    )  # fmt: skip


def held(book: Book) -> tuple[list[str], list[str]]:
    """Return the coins of a book that can move, and those of them with options."""
    table = book.instruments
    active = book.net_quantity != 0
    active[book.row[np.isfinite(book.entry_price)]] = True  # closed at a profit in the coin
    bases: Any = table.base[active]
    coins = [str(base) for base in dict.fromkeys(bases.tolist()) if base not in USD_LIKE]
    options = set(table.base[active & (table.type == OPTION)].tolist())
    return coins, [coin for coin in coins if coin in options]


def taken(nodes: Nodes, rows: Array) -> Nodes:
    """Some of the nodes, whatever columns they have."""
    changes: dict[str, Any] = {"shape": (len(rows),)}
    for entry in fields(nodes):
        value = getattr(nodes, entry.name)
        if isinstance(value, np.ndarray):
            changes[entry.name] = value[rows]
        elif isinstance(value, Mapping):
            changes[entry.name] = {name: column[rows] for name, column in value.items()}
    return replace(nodes, **changes)


def _nodes(scenarios: Any, columns: Sequence[str] | None) -> Nodes:
    if isinstance(scenarios, Nodes):
        return scenarios
    if isinstance(scenarios, np.ndarray) or columns is not None:
        matrix = np.asarray(scenarios, np.float64)
        if columns is None or matrix.ndim != 2 or matrix.shape[1] != len(columns):
            wide = "no names" if columns is None else f"{len(columns)} names"
            raise ValueError(
                f"a matrix of scenarios needs columns= with a name for each: shape {matrix.shape}, {wide}"
            )
        if len(set(columns)) < len(columns):
            raise ValueError(f"a name stands twice in columns: {', '.join(columns)}")
        scenarios = dict(zip(columns, matrix.T, strict=True))
    found: dict[str, Any] = {"spot": {}, "vol": {}}
    for name, values in frames.columns_of(scenarios).items():
        named = re.fullmatch(r"(.+)_(spot|vol)", name)
        if named:
            found[named[2]][named[1]] = values
        elif name in ("time", "weight"):
            found[name] = values
        else:
            raise ValueError(
                f"column {name!r} of scenarios is none of <coin>_spot, <coin>_vol, time, weight"
            )
    return Nodes.of(**found)
