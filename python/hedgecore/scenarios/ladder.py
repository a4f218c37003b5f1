"""Ladders: a book along one axis of shocks, a table of P&L and Greeks by underlying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from hedgecore import frames
from hedgecore.scenarios.engine import book_scenarios
from hedgecore.scenarios.grid import Array, ScenarioGrid
from hedgecore.scenarios.nodes import Axis

if TYPE_CHECKING:
    from hedgecore.book import Book, Market

AXES: Final = ("spot", "vol", "time")
LADDER: Final = (
    "net_delta", "black_delta", "gamma_usd_1pct", "vega_usd", "theta_usd",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Ladder:
    """A book along one axis; made by :func:`book_ladder`.

    Attributes
    ----------
    axis
        "spot", "vol" or "time".
    grid
        What was computed: the axis is its only one of more than one value.
    """

    axis: str
    grid: ScenarioGrid

    def table(
        self, by: Literal["total", "underlying", "expiry"] = "underlying"
    ) -> dict[str, Array]:
        """Return a row for every rung and group, the groups together: shock, P&L, measures (``by="total"``: USD only)."""
        table = self.grid.table(by)
        groups = [table[name] for name in ("underlying", "expiry_time") if name in table]
        order = np.lexsort([table["node"], *reversed(groups)])
        head = [name for name in ("underlying", "expiry_time", self.axis) if name in table]
        rest = [name for name in self.grid.columns if name in table]
        return {name: table[name][order] for name in (*head, *rest)}

    def to_frame(
        self,
        by: Literal["total", "underlying", "expiry"] = "underlying",
        library: frames.Library | None = None,
    ) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(by), library)

    def __getitem__(self, name: str) -> dict[str, Array]:
        """Return P&L or a measure along the axis, by underlying."""
        coins = dict.fromkeys(self.grid.underlying.tolist())
        return {str(coin): self.grid.measure(name, str(coin)).ravel() for coin in coins}

    def __len__(self) -> int:
        """Return the number of rungs."""
        return len(self.grid)

    def plot(self, underlying: str | None = None, measure: str = "pnl_usd") -> Any:
        """Return one measure along the axis as a plotly figure: :func:`hedgecore.figures.plot_ladder`."""
        from hedgecore import figures

        return figures.plot_ladder(self, underlying, measure)

    def __repr__(self) -> str:
        unit = " (years)" if self.axis == "time" else ""
        head = f"Ladder of {self.axis}{unit}: {len(self)} rungs in {self.grid.market!r}"
        return f"{head}\n{frames.text_table(self.table())}\n{self.grid.completeness}"


def book_ladder(
    book: Book,
    market: Market,
    axis: Literal["spot", "vol", "time"],
    values: Axis | Sequence[float],
    *,
    measures: Sequence[str] = LADDER,
    **rules: Any,
) -> Ladder:
    """Revalue a book along one axis.

    Parameters
    ----------
    book, market
        What is held, and the market that is shocked.
    axis
        "spot", "vol" or "time" (years).
    values
        Numbers, or a mapping of coins to numbers of one length.
    measures, rules
        As in :func:`book_scenarios`: ``spot_shock``, ``vol_shock``, ``vol_tenor``, ``tenor``, ``threads``.

    Examples
    --------
    >>> import hedgecore as hc
    >>> book = hc.Book.from_frame({"instrument": ["BTC-26JUN26-90000-C"], "quantity": [10]})
    >>> market = hc.Market(
    ...     "2026-06-10", index={"BTC": 88_000}, forwards={("BTC", "2026-06-26T08:00"): 88_100}, vols=0.5
    ... )
    >>> ladder = book.ladder(market, "spot", [-0.1, 0, 0.1])
    >>> ladder["pnl_usd"]["BTC"].shape
    (3,)
    """
    if axis not in AXES:
        raise ValueError(f"axis must be 'spot', 'vol' or 'time', not {axis!r}")
    for name in AXES:
        if name in rules:
            raise TypeError(f"a ladder has one axis, {axis!r}: {name}= is none of its arguments")
    shocks: dict[str, Any] = {axis: values}
    return Ladder(axis, book_scenarios(book, market, measures=measures, **shocks, **rules))
