"""The tail of a sample of P&L: value at risk, expected shortfall, their errors, what contributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore import frames
from hedgecore.paths.history import stationary_rows

Array = npt.NDArray[Any]
Blocks = Callable[[Array, int], Iterator[dict[str, Array]]]
"""(nodes, positions in a block) -> blocks as of ``ScenarioGrid.positions``, at those nodes alone."""

_MOST: int = 4_000_000
"""Numbers that the bootstrap holds at a time."""


@dataclass(frozen=True, eq=False)
class Contributions:
    """What each position adds to value at risk and expected shortfall, in USD; the columns add up to the tail's.

    ``left_out`` names positions that the market cannot value: they are in neither.
    """

    instrument: Array
    underlying: Array
    quantity: Array
    value_at_risk: Array
    expected_shortfall: Array
    left_out: tuple[str, ...]

    def table(self) -> dict[str, Array]:
        """Return the columns, the largest part of the expected shortfall first."""
        order = np.argsort(-self.expected_shortfall, kind="stable")
        names = ("instrument", "underlying", "quantity", "value_at_risk", "expected_shortfall")
        return {name: getattr(self, name)[order] for name in names}

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(), library)

    def __len__(self) -> int:
        """Return the number of positions."""
        return len(self.instrument)

    def __repr__(self) -> str:
        left = f"\nleft out: {', '.join(self.left_out)}" if self.left_out else ""
        return f"Contributions in USD\n{frames.text_table(self.table())}{left}"


@dataclass(frozen=True, eq=False)
class Tail:
    """Value at risk and expected shortfall of weighted nodes, in USD; losses are positive.

    The errors are standard errors for independent nodes drawn from one distribution: they mean something for a
    history or a simulation.  NaN for a product grid, which someone laid out, and with fewer than two nodes in the tail.

    Attributes
    ----------
    level
        Of confidence, for example 0.975.
    value_at_risk, expected_shortfall
        The loss at the edge of the worst (1 - level) of the weight, and the mean loss of it.
    value_at_risk_error, expected_shortfall_error
        One standard error of each, by :func:`tail_of`.
    value_at_risk_by_bucket, expected_shortfall_by_bucket
        Contributions by bucket (the order of ``underlying`` of grid or simulation); they add up to the measure.
    sample
        The effective number of nodes, (sum w)^2 / sum w^2, over the overlap of a history.
    nodes, share
        The nodes of the tail, worst first, the last that at the edge; what part of the tail each is.
    left_out
        Names of positions that the market cannot value: the tail is without them.
    """

    level: float
    value_at_risk: float
    expected_shortfall: float
    value_at_risk_error: float
    expected_shortfall_error: float
    value_at_risk_by_bucket: Array
    expected_shortfall_by_bucket: Array
    sample: float
    nodes: Array
    share: Array
    left_out: tuple[str, ...] = ()
    _blocks: Blocks | None = field(default=None, repr=False)

    def contributions(self, block: int = 256) -> Contributions:
        """Return what each position adds, revalued at the nodes of the tail alone, so many positions at a time."""
        if self._blocks is None:
            raise ValueError("this tail was made of numbers: there are no positions behind it")
        parts: list[dict[str, Array]] = []
        for rows in self._blocks(self.nodes, block):
            loss = -rows["pnl_usd"]
            head = {name: rows[name] for name in ("instrument", "underlying", "quantity")}
            parts.append(head | {"edge": loss[:, -1], "mean": loss @ self.share})
        empty = {"instrument": "", "underlying": "", "quantity": 0.0, "edge": 0.0, "mean": 0.0}
        joined = {
            name: np.concatenate([part[name] for part in parts]) if parts else np.array([none])[:0]
            for name, none in empty.items()
        }
        known = np.isfinite(joined["mean"])
        left = tuple(joined["instrument"][~known].tolist())
        instrument, underlying, quantity, edge, mean = (c[known] for c in joined.values())
        return Contributions(instrument, underlying, quantity, edge, mean, left)

    def __repr__(self) -> str:
        return (
            f"Tail at {self.level:.4g}: value at risk {self.value_at_risk:,.6g} "
            f"(error {self.value_at_risk_error:,.3g}), expected shortfall {self.expected_shortfall:,.6g} "
            f"(error {self.expected_shortfall_error:,.3g}) USD, {len(self.nodes)} nodes in the tail"
            f"{without(self.left_out)}"
        )


def tail_of(
    pnl: Array,
    weight: Array,
    level: float = 0.975,
    *,
    overlap: float = 1.0,
    blocks: Blocks | None = None,
    left_out: tuple[str, ...] = (),
    drawn: bool = True,
) -> Tail:
    """Return the tail of P&L by node and bucket.

    The nodes are sorted by P&L; with the total weight W the tail is the worst (1 - level) W of it, the node at its
    edge in part.  With a = level, q the value at risk and n the effective number of nodes:

    * SE(ES)^2 = [Var(L | L > q) + a (ES - q)^2] / (n (1 - a)).  Source: Manistre and Hancock, Variance of the
      CTE estimator, 2005.
    * SE(VaR) = half of Q(a + d) - Q(a - d), d = sqrt(a (1 - a) / n), Q the quantiles of the nodes: the spread of
      the order statistics that one standard deviation of the binomial count reaches.

    Parameters
    ----------
    pnl
        USD, nodes x buckets.
    weight
        Of each node, not negative.
    level
        Between 0 and 1.
    overlap
        By how many nodes one stretch of history is shared: n is divided by it.
    blocks
        Where the positions behind the nodes are had from.
    left_out
        Names of positions that are not in ``pnl``.
    drawn
        Whether the nodes are draws of one distribution; if not, the errors are NaN.

    Raises
    ------
    ValueError
        For a level outside (0, 1), and where all weights are 0.
    """
    check_level(level)
    total = weight.sum()
    if total <= 0:
        raise ValueError("the weights of the nodes are all 0")
    order = np.argsort(pnl.sum(axis=1), kind="stable")
    order = order[weight[order] > 0]
    reach = (1 - level) * total
    past = np.cumsum(weight[order])
    edge = min(int(np.searchsorted(past, reach * (1 - 1e-12))), len(order) - 1)
    nodes = order[: edge + 1]
    share = weight[nodes].copy()
    share[-1] = max(reach - (past[edge] - share[-1]), 0.0)
    share = share / share.sum()
    at_edge, mean = -pnl[order[edge]], -(share @ pnl[nodes])
    at_risk, shortfall = float(at_edge.sum()), float(mean.sum())
    sample = float(total**2 / (weight**2).sum() / overlap)
    errors = (np.nan, np.nan)
    if drawn and len(nodes) > 1:
        losses = -pnl.sum(axis=1)
        spread = float(share @ (losses[nodes] - shortfall) ** 2)
        square = spread + level * (shortfall - at_risk) ** 2
        delta = np.sqrt(level * (1 - level) / sample)
        ends = np.clip([1 - level - delta, 1 - level + delta], 0.0, 1.0) * total
        place = np.minimum(np.searchsorted(past, ends), len(order) - 1)
        far, near = losses[order[place]]
        errors = (float(far - near) / 2, float(np.sqrt(square / (sample * (1 - level)))))
    return Tail(
        level, at_risk, shortfall, *errors, at_edge, mean, sample, nodes, share, left_out, blocks
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Value at risk and expected shortfall of resampled histories, in USD.

    Attributes
    ----------
    level
        The levels.
    value_at_risk, expected_shortfall
        Samples x levels.
    block
        Mean length of the blocks, in nodes.
    """

    level: Array
    value_at_risk: Array
    expected_shortfall: Array
    block: float

    def table(self, interval: float = 0.9) -> dict[str, Array]:
        """Return for each level the standard errors and a central interval of so much probability."""
        check_level(interval, "interval")
        ends = [(1 - interval) / 2, (1 + interval) / 2]
        columns = {"level": self.level}
        for name in ("value_at_risk", "expected_shortfall"):
            values = getattr(self, name)
            low, high = np.quantile(values, ends, axis=0)
            columns |= {
                f"{name}_error": values.std(axis=0, ddof=1),
                f"{name}_low": low, f"{name}_high": high,
            }  # fmt: skip
        return columns

    def to_frame(self, interval: float = 0.9, library: frames.Library | None = None) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(interval), library)

    def __repr__(self) -> str:
        head = f"Bootstrap: {len(self.value_at_risk)} samples, blocks of {self.block:g} nodes, USD"
        return f"{head}\n{frames.text_table(self.table())}"


def bootstrap(
    pnl: Array,
    weight: Array,
    levels: Sequence[float],
    *,
    block: float,
    samples: int = 1000,
    seed: int = 0,
) -> Bootstrap:
    """Resample a history in blocks of random length, so that what hangs together in time stays together.

    The stationary bootstrap of Politis and Romano (1994): blocks start anywhere, have geometric lengths of mean
    ``block`` and go on from the first node after the last.  The same seed gives the same samples.

    Parameters
    ----------
    pnl
        By node, in the order of time.
    weight
        Of each node; a node that is drawn brings its weight along.
    levels
        Of confidence.
    block
        Mean length in nodes, at least 1 (1: independent nodes).
    samples
        At least 2.
    seed
        Of numpy's generator (PCG64).
    """
    for level in levels:
        check_level(level)
    n = len(pnl)
    if not 1 <= block < np.inf:
        raise ValueError(f"block = {block} must be at least 1")
    if samples < 2:
        raise ValueError(f"samples = {samples} must be at least 2")
    order = np.argsort(pnl, kind="stable")
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    losses, heavy = -pnl[order], weight[order]
    made: list[tuple[Array, Array]] = []
    generator = np.random.default_rng(seed)
    at_once = max(1, min(samples, _MOST // n))
    for first in range(0, samples, at_once):
        rows = min(at_once, samples - first)
        drawn = stationary_rows(generator, rows, n, block)
        places = rank[drawn] + n * np.arange(rows)[:, None]
        count = np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n)
        mass = count * heavy
        past, sums = np.cumsum(mass, axis=1), np.cumsum(mass * losses, axis=1)
        if (past[:, -1] <= 0).any():
            raise ValueError("a sample of the bootstrap has no node of positive weight")
        at_risk, shortfall = np.empty((rows, len(levels))), np.empty((rows, len(levels)))
        line = np.arange(rows)
        for j, level in enumerate(levels):
            reach = (1 - level) * past[:, -1]
            edge = (past >= (reach * (1 - 1e-12))[:, None]).argmax(axis=1)
            at_risk[:, j] = losses[edge]
            beyond = sums[line, edge] - (past[line, edge] - reach) * losses[edge]
            shortfall[:, j] = beyond / reach
        made.append((at_risk, shortfall))
    return Bootstrap(
        np.array(levels, np.float64), np.concatenate([a for a, _ in made]),
        np.concatenate([s for _, s in made]), float(block),
    )  # fmt: skip


def without(left_out: Sequence[str], most: int = 5) -> str:
    """Return a line that names positions left out; nothing where there are none."""
    if not left_out:
        return ""
    names = ", ".join(left_out[:most])
    more = f" and {len(left_out) - most} more" if len(left_out) > most else ""
    return (
        f"\nwithout {len(left_out)} of the positions, which the market cannot value: {names}{more}"
    )


def check_level(level: float, name: str = "level") -> None:
    """Raise a ValueError for a level that is not between 0 and 1."""
    if not 0 < level < 1:
        raise ValueError(f"{name} = {level} must be between 0 and 1")
