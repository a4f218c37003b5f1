"""A book in shocked markets: P&L and measures by node and bucket, tails, positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import frames, risk
from hedgecore.scenarios.revalue import Shocks, columns_of
from hedgecore.scenarios.tail import Tail, tail_of

if TYPE_CHECKING:
    from hedgecore.book import Book, Market

Array = npt.NDArray[Any]
By = Literal["total", "underlying", "expiry"]

PNL: Final = ("pnl_coin", "pnl_usd")
IN_USD: Final = frozenset(
    {"pnl_usd", "value_usd", "gamma_usd_1pct", "vega_usd", "vega_weighted", "theta_usd"}
)


@dataclass(frozen=True)
class ScenarioGrid:
    """A book in shocked markets; made by :func:`book_scenarios`.

    Attributes
    ----------
    shape
        (spots, vols, times) of a product grid, with skews and curvatures before the times where they have axes;
        (nodes,) of a list.
    spot, vol, skew, curvature
        By coin the move at each node, as it was given; the last two empty where there is none.
    time, weight
        Of each node.
    underlying, expiry_time
        The buckets: coin, expiry (NaT: perpetual, spot, cash).
    columns
        P&L and measures, each with a row for every node and a column for every bucket.  Nodes of a
        product grid count the times fastest.
    completeness
        What the figures cover.
    spot_shock, vol_shock
        How the moves were meant, "relative" or "absolute"; nodes of a list may each say it of their vol, and if they
        differ ``vol_shock`` is "mixed".
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
    _shocks: Shocks = field(repr=False)
    skew: dict[str, Array] = field(default_factory=dict)
    curvature: dict[str, Array] = field(default_factory=dict)
    spot_shock: Literal["relative", "absolute"] = "relative"
    vol_shock: Literal["relative", "absolute", "mixed"] = "absolute"

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

    @property
    def _moves(self) -> dict[str, dict[str, Array]]:
        """What moves, spot and vol always among it."""
        shaped = {"skew": self.skew, "curvature": self.curvature}
        return {"spot": self.spot, "vol": self.vol} | {n: m for n, m in shaped.items() if m}

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
            for name, moves in self._moves.items():
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
        head |= {name: column(moves) for name, moves in self._moves.items()}
        head |= {
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

    def positions(
        self, block: int = 256, nodes: npt.ArrayLike | None = None
    ) -> Iterator[dict[str, Array]]:
        """Yield P&L and measures by position, so many positions at a time, at all nodes or at some.

        Every item has ``instrument``, ``underlying`` and ``quantity`` of its rows, and for each of
        ``columns`` a matrix of positions x nodes; NaN where the market cannot value a position.
        """
        shocks = self._shocks if nodes is None else _at(self._shocks, np.asarray(nodes))
        yield from self._by_position(block, shocks)

    def _pnl_of_positions(self, nodes: Array, block: int) -> Iterator[dict[str, Array]]:
        """Blocks of P&L alone, at some nodes."""
        yield from self._by_position(block, replace(_at(self._shocks, nodes), names=()))

    def _by_position(self, block: int, shocks: Shocks) -> Iterator[dict[str, Array]]:
        if block < 1:
            raise ValueError(f"block = {block} must be positive")
        table, data = self.book.instruments, self.market.align(self.book.instruments)
        paid = risk.entry_values(self.book)
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
            columns = columns_of(
                single,
                some,
                np.arange(len(rows)),
                some.levels,
                shocks.take(pair[rows]),
                paid[rows],
            )
            head = {"instrument": one.name, "underlying": one.base, "quantity": quantity}
            yield head | {
                name: np.where(some.valued[:, None], column, np.nan)
                for name, column in columns.items()
            }

    def tail(self, level: float = 0.975) -> Tail:
        """Return value at risk and expected shortfall of the P&L in USD over the weighted nodes.

        With standard errors (NaN for a product of axes, which is no sample), contributions of the buckets and, on demand, of the positions: see :func:`tail_of`.

        Raises
        ------
        ValueError
            For a level outside (0, 1), and where all weights are 0.
        """
        return tail_of(
            self["pnl_usd"], self.weight, level, blocks=self._pnl_of_positions,
            left_out=self.completeness.left_out, drawn=len(self.shape) == 1,
        )  # fmt: skip

    def plot(self, underlying: str | None = None, **options: Any) -> Any:
        """Return a heat map or a ladder as a plotly figure: :func:`hedgecore.figures.plot_grid`."""
        from hedgecore import figures

        return figures.plot_grid(self, underlying, **options)

    def __repr__(self) -> str:
        pnl = self["pnl_usd"].sum(axis=1)
        span = f"P&L from {pnl.min():,.6g} to {pnl.max():,.6g} USD" if len(pnl) else "no nodes"
        size = " x ".join(str(n) for n in self.shape)
        return f"ScenarioGrid of {size} nodes in {self.market!r}\n{span}\n{self.completeness}"


def _at(shocks: Shocks, nodes: Array) -> Shocks:
    """The shocks of some nodes, in the order in which the core shares work, the market before them."""
    columns = shocks.place[nodes]
    kept = np.unique(columns)
    taken = np.r_[0, kept]
    size = len(shocks.time)
    arrays: dict[str, Any] = {
        f.name: value[..., taken]
        for f in fields(shocks)
        if isinstance(value := getattr(shocks, f.name), np.ndarray) and value.shape[-1] == size
    }
    return replace(shocks, **arrays | {"place": np.searchsorted(kept, columns) + 1})
