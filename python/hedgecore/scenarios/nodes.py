"""The nodes of a scenario grid: how far the underlyings, the vols and the clock move at each, and what it weighs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore.instruments import USD_LIKE

if TYPE_CHECKING:
    from hedgecore.book import Market

Array = npt.NDArray[Any]
Shock = float | Mapping[str, float]
Axis = Sequence[float] | npt.NDArray[Any] | Mapping[str, Sequence[float] | npt.NDArray[Any]]
VolShock = Literal["relative", "absolute"]

MOVES: Final = ("spot", "vol", "skew", "curvature")
"""What moves by coin."""


@dataclass(frozen=True)
class Node:
    """One scenario: moves of spot and of vol (for all coins, or by coin), years that pass, and a weight.

    ``skew`` and ``curvature`` move vols by skew x z + curvature x z^2, z the moneyness in standard deviations;
    ``vol_shock`` is this node's reading of ``vol``, where it differs from that of the call.
    """

    spot: Shock = 0.0
    vol: Shock = 0.0
    time: float = 0.0
    weight: float = 1.0
    skew: Shock = 0.0
    curvature: Shock = 0.0
    vol_shock: VolShock | None = None


@dataclass(frozen=True)
class Nodes:
    """Many nodes as arrays of one length: what a list of :class:`Node` or a product of axes becomes.

    Attributes
    ----------
    spot, vol
        By coin the move at each node; a coin not named stays where it is.
    time
        Years that pass, not negative.
    weight
        Of each node, not negative.
    shape
        Of the results: (spots, vols, times) of a product, with skews and curvatures before the times where
        they have axes; (nodes,) of a list.
    skew, curvature
        By coin as ``spot`` and ``vol``.
    relative
        Whether ``vol`` is relative at each node; None: as the call says.

    Raises
    ------
    ValueError
        For columns of several lengths, and numbers that are not finite or negative where they may not be.
    """

    spot: dict[str, Array]
    vol: dict[str, Array]
    time: Array
    weight: Array
    shape: tuple[int, ...]
    skew: dict[str, Array] = field(default_factory=dict)
    curvature: dict[str, Array] = field(default_factory=dict)
    relative: Array | None = None

    @classmethod
    def of(
        cls,
        *,
        spot: Mapping[str, npt.ArrayLike] | None = None,
        vol: Mapping[str, npt.ArrayLike] | None = None,
        time: npt.ArrayLike = 0.0,
        weight: npt.ArrayLike = 1.0,
        skew: Mapping[str, npt.ArrayLike] | None = None,
        curvature: Mapping[str, npt.ArrayLike] | None = None,
        vol_shock: VolShock | Sequence[VolShock] | None = None,
    ) -> Nodes:
        """Make nodes of columns: for each coin the moves, times and weights; single values count for all nodes.

        Examples
        --------
        >>> history = Nodes.of(spot={"BTC": [-0.05, 0.02], "ETH": [-0.08, 0.03]}, vol={"BTC": [0.1, -0.02]})
        >>> len(history)
        2
        """
        moves = dict(zip(MOVES, (spot, vol, skew, curvature), strict=True))
        for what, by_coin in moves.items():
            if by_coin is not None and not isinstance(by_coin, Mapping):
                raise TypeError(
                    f"{what} must be a mapping of coins to moves, not {type(by_coin).__name__}"
                )
        columns: dict[str, Any] = {
            f"{what}[{coin!r}]": values
            for what, by_coin in moves.items()
            for coin, values in (by_coin or {}).items()
        }
        columns |= {"time": time, "weight": weight, "vol_shock": vol_shock}
        lengths = {np.size(values) for values in columns.values() if np.ndim(values)} or {1}
        if len(lengths) > 1:
            sizes = ", ".join(f"{name} {np.size(v)}" for name, v in columns.items() if np.ndim(v))
            raise ValueError(f"the columns of nodes must have one length: {sizes}")
        n = lengths.pop()

        def column(name: str, values: npt.ArrayLike, least: float = -np.inf) -> Array:
            return finite(np.full(n, values) if np.ndim(values) == 0 else values, name, least)

        by_move = {
            what: {
                coin: column(f"{what}[{coin!r}]", values)
                for coin, values in (by_coin or {}).items()
            }
            for what, by_coin in moves.items()
        }
        relative = None
        if vol_shock is not None:
            words = [vol_shock] * n if isinstance(vol_shock, str) else list(vol_shock)
            relative = _relative(words, "absolute", "vol_shock[{}]")
        return cls(
            by_move["spot"], by_move["vol"], column("time", time, 0.0), column("weight", weight, 0.0), (n,),
            by_move["skew"], by_move["curvature"], relative,
        )  # fmt: skip

    @classmethod
    def product(
        cls,
        spot: Axis | None,
        vol: Axis | None,
        time: Any,
        coins: list[str],
        skew: Axis | None = None,
        curvature: Axis | None = None,
    ) -> Nodes:
        """Make the product of axes, times fastest; an axis that is no mapping moves all the coins given."""
        axes = {"spot": spot, "vol": vol}
        axes |= {n: a for n, a in (("skew", skew), ("curvature", curvature)) if a is not None}
        moves = {name: _axis(axis, name, coins) for name, axis in axes.items()}
        times = finite((0.0,) if time is None else time, "time", 0.0)
        shape = (*(n for n, _ in moves.values()), len(times))

        def spread(values: Array, axis: int) -> Array:
            view = values.reshape([-1 if k == axis else 1 for k in range(len(shape))])
            return np.broadcast_to(view, shape).ravel()

        by_move = {
            name: {coin: spread(values, axis) for coin, values in by_coin.items()}
            for axis, (name, (_, by_coin)) in enumerate(moves.items())
        }
        count = np.ones(int(np.prod(shape)))
        return cls(
            by_move["spot"], by_move["vol"], spread(times, len(shape) - 1), count, shape,
            by_move.get("skew", {}), by_move.get("curvature", {}),
        )  # fmt: skip

    @classmethod
    def listed(
        cls,
        nodes: Sequence[Node],
        coins: list[str],
        market: Market,
        vol_shock: VolShock = "absolute",
    ) -> Nodes:
        """Make nodes of a list; a shock that is no mapping moves all the coins given."""
        nodes = list(nodes)
        named: dict[str, set[str]] = {what: set(coins) for what in MOVES}
        for i, node in enumerate(nodes):
            if not isinstance(node, Node):
                raise TypeError(f"nodes[{i}] must be a Node, not {type(node).__name__}")
            for what, names in named.items():
                shock = getattr(node, what)
                if isinstance(shock, Mapping):
                    _check_known(shock, f"nodes[{i}].{what}", market)
                    names.update(shock)
                    for coin, value in shock.items():
                        _check_number(value, f"nodes[{i}].{what}[{coin!r}]")
                else:
                    _check_number(shock, f"nodes[{i}].{what}")

        def of(what: str, coin: str) -> Array:
            shocks = (getattr(node, what) for node in nodes)
            other = np.array([x.get(coin, 0.0) if isinstance(x, Mapping) else x for x in shocks])
            return finite(other, f"{what} of the nodes")

        def moves(what: str) -> dict[str, Array]:
            if what in ("skew", "curvature") and all(
                _is_zero(getattr(node, what)) for node in nodes
            ):
                return {}
            return {coin: of(what, coin) for coin in sorted(named[what])}

        words = [node.vol_shock for node in nodes]
        return cls(
            moves("spot"),
            moves("vol"),
            finite([node.time for node in nodes], "time of the nodes", 0.0),
            finite([node.weight for node in nodes], "weight of the nodes", 0.0),
            (len(nodes),),
            moves("skew"),
            moves("curvature"),
            _relative(words, vol_shock, "nodes[{}].vol_shock") if any(words) else None,
        )

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.time)

    def check(self, market: Market) -> None:
        """Refuse coins that the market does not know."""
        for what in MOVES:
            _check_known(getattr(self, what), what, market)


def finite(values: Any, name: str, least: float = -np.inf) -> Array:
    """Return one-dimensional numbers as an array; ValueError for others, naming the first."""
    array = np.array(values, np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must be one-dimensional, not of shape {array.shape}")
    bad = np.flatnonzero(~(np.isfinite(array) & (array >= least)))
    if bad.size:
        demand = "finite" if least == -np.inf else "finite and not negative"
        raise ValueError(f"{name}[{bad[0]}] = {array[bad[0]]} must be {demand}")
    return array


def _check_number(value: Any, name: str) -> None:
    if not isinstance(value, Real) and not (isinstance(value, np.ndarray) and value.ndim == 0):
        raise TypeError(f"{name} = {value!r} must be a number")


def _is_zero(shock: Shock) -> bool:
    return not any(shock.values()) if isinstance(shock, Mapping) else shock == 0


def _relative(words: Sequence[VolShock | None], default: VolShock, where: str) -> Array:
    """Which words are "relative"; ValueError for one that is no kind of shock, saying where."""
    for i, word in enumerate(words):
        if word not in ("relative", "absolute", None):
            raise ValueError(f"{where.format(i)} must be 'relative' or 'absolute', not {word!r}")
    return np.array([(word or default) == "relative" for word in words], bool)


def _check_known(names: Iterable[str], what: str, market: Market) -> None:
    for name in names:
        if name not in market.index or name in USD_LIKE:
            known = ", ".join(market.index)
            raise ValueError(f"{what}: {name!r} is no underlying of the market; there are {known}")


def _axis(axis: Axis | None, name: str, coins: list[str]) -> tuple[int, dict[str, Array]]:
    """The length of an axis, and the shocks by coin."""
    if not isinstance(axis, Mapping):
        values = finite((0.0,) if axis is None else axis, name)
        return len(values), dict.fromkeys(coins, values)
    by_coin = {coin: finite(values, f"{name}[{coin!r}]") for coin, values in axis.items()}
    lengths = {len(values) for values in by_coin.values()}
    if len(lengths) != 1:
        raise ValueError(f"the axes of {name} must have one length for all coins")
    n = lengths.pop()
    return n, dict.fromkeys(coins, np.zeros(n)) | by_coin
