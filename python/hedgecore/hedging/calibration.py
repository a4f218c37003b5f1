"""Impact from order books: what market orders of given sizes would have paid, and the costs that fit it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore.hedging.costs import Costs
from hedgecore.hedging.position import check
from hedgecore.venues.depth import Books, Unit

FloatArray = npt.NDArray[np.float64]
SIDES: Final = ("buy", "sell", "both")
Side = Literal["buy", "sell", "both"]


@dataclass(frozen=True)
class Fit:
    """One coefficient by least squares.

    Attributes
    ----------
    value, error
        And its standard error, by book: points of a book are not taken as independent, different books are.  NaN from one book.
    exponent, exponent_error
        p of cost ~ q^p beyond the half spread: 2 and 1.5 where they are given, error 0.
    r2
        Share of the variance (around the mean) that the fit explains; below 0 where the mean would do better.
    rmse
        Root mean square of what is left, basis points of the mid.
    n, books
        Points, and the books they are of.
    """

    value: float
    error: float
    exponent: float
    exponent_error: float
    r2: float
    rmse: float
    n: int
    books: int


@dataclass(frozen=True, eq=False, repr=False)
class ImpactFit:
    """Costs of walking books, and the laws fitted to them (:func:`calibrate_impact`).

    Arrays over sides have buys first, then sells; NaN stands for sizes beyond the visible book, and in the fits by book where fewer than two
    sizes reached past the best level.

    Attributes
    ----------
    instrument, time
        Of the books; time (n,) UTC.
    mid
        USD per coin (n,).
    half_spread
        Quoted, share of the mid (n,); its mean is the ``half_spread`` of the costs.
    sizes
        Coins (n, k): those asked for, or what USD amounts were at the mid.
    slippage
        Average price of the order away from the mid, share of it (n, 2, k); the half spread is in it.
    beyond
        Share of the orders of each side and size that the visible book could not fill (2, k); they are in no fit.
    at_best
        Share of the filled orders that the best level filled alone (2, k): beyond the half spread they pay nothing, and no power law has them.
    linear, root, power
        Fits by side, "buy", "sell", "both", pooled over the books: slippage beyond the half spread of a q (USD per coin), b sqrt(q) and
        c q^(p - 1) (shares of the mid).  The first two minimise squares of the slippage, the last those of its logarithm: small orders are in it
        only where the best level was thin, which lowers the pooled p; the p of the books are free of that.
    by_book
        Their coefficients and p in each book: "linear", "root", "power", "exponent" (n, 2).
    """

    instrument: str
    time: npt.NDArray[np.datetime64]
    mid: FloatArray
    half_spread: FloatArray
    sizes: FloatArray
    slippage: FloatArray
    beyond: FloatArray
    at_best: FloatArray
    linear: dict[str, Fit]
    root: dict[str, Fit]
    power: dict[str, Fit]
    by_book: dict[str, FloatArray]

    def costs(
        self, fee: float = 0.0, *, form: Literal["linear", "root"] = "linear", side: Side = "both", **others: Any
    ) -> Costs:  # fmt: skip
        """Return :class:`Costs` with the mean half spread and the impact of a form and a side; ``others`` are further arguments of it.

        Raises
        ------
        ValueError
            An unknown form or side, or a side of which no order could be filled.
        """
        if form not in ("linear", "root"):
            raise ValueError(f"form = {form!r} must be 'linear' or 'root'")
        if side not in SIDES:
            raise ValueError(f"side = {side!r} must be one of {', '.join(SIDES)}")
        if not self.linear[side].n:
            raise ValueError(f"side = {side!r}: the books could fill no order of it")
        impact, root = self.linear[side].value, self.root[side].value
        return Costs(
            fee=fee,
            half_spread=float(self.half_spread.mean()),
            impact=impact if form == "linear" else 0.0,
            root_impact=root if form == "root" else 0.0,
            **others,
        )

    def __repr__(self) -> str:
        """Show the fits."""
        spread = 1e4 * self.half_spread
        beyond = np.isnan(self.slippage).mean()
        lines = [
            f"Impact on {self.instrument or '?'}: {len(self.time):,} books, half spread {spread.mean():.4f} bp "
            + f"(from {spread.min():.4f} to {spread.max():.4f}), {beyond:.1%} of the orders beyond the visible book"
        ]
        rows = [
            (side, name, f"{fit.value:.4g}", f"{fit.error:.2g}", f"{fit.exponent:.3f}", f"{fit.exponent_error:.2g}",
             f"{fit.r2:.3f}", f"{fit.rmse:.3f}", f"{fit.n:,}")
            for side in SIDES
            for name, fit in (("linear", self.linear[side]), ("root", self.root[side]), ("power", self.power[side]))
        ]  # fmt: skip
        head = ("side", "law", "value", "error", "exponent", "error", "R2", "rmse bp", "points")
        widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
        lines += [
            "  ".join(cell.ljust(w) if k < 2 else cell.rjust(w) for k, (cell, w) in enumerate(zip(row, widths, strict=True)))
            for row in [head, *rows]
        ]  # fmt: skip
        return "\n".join(lines)


def calibrate_impact(books: Books, sizes: Sequence[float], *, unit: Unit = "coins") -> ImpactFit:
    """Walk books with market orders and fit the impact of :class:`Costs`.

    An order of q coins takes the best levels in turn; it pays the half spread of the quotes and, beyond it, an excess.  Fitted is the excess per
    coin: a q (``impact`` a, USD per coin), b sqrt(q) (``root_impact`` b, a share) and the free power c q^(p - 1).  All buy and sell sizes in all
    books weigh the same.

    The walk is an order executed at once, convex in q where the book thins out: from published depths within 10 and 100 bp of BTC the price moves
    as q^1.48, so that p is 2.48.  A large order sliced over hours follows the square root instead, on which books say nothing:
    that is :func:`square_root_impact`.

    Parameters
    ----------
    books
        Of :func:`hedgecore.venues.depth.rebuild` or :meth:`hedgecore.venues.depth.Books.from_levels`.  Books that are near in time are alike: the
        standard errors take them as independent, so space them, or read the errors as too small.
    sizes
        Of the orders, at least two different ones.
    unit
        "coins" or "usd" (at each book's mid).

    Raises
    ------
    ValueError
        A size that is not positive, fewer than two, no order that a book could fill, or none that reached past the best level; a broken book.
    """
    asked = np.asarray(sizes, float)
    if asked.ndim != 1 or len(np.unique(asked)) < 2:
        raise ValueError(f"sizes must be a list of at least two different sizes, not {sizes!r}")
    for k, size in enumerate(asked):
        check(0 < size < math.inf, f"sizes[{k}]", size, "positive")
    if unit not in ("coins", "usd"):
        raise ValueError(f"unit = {unit!r} must be 'coins' or 'usd'")
    mid, half = books.mid, books.half_spread
    if not (half > 0).all():
        i = int(np.argmin(half > 0))
        raise ValueError(f"books: book {i} is crossed or locked (half spread {half[i]:.3g})")
    coins = np.broadcast_to(asked, (len(books), len(asked)))
    if unit == "usd":
        coins = coins / mid[:, None]
    slippage = np.full((len(books), 2, len(asked)), np.nan)
    best = books.best[:, [3, 2]]  # a buy takes asks
    for i in range(len(books)):
        bids, asks = books.levels(i)
        slippage[i, 0] = _walk(*asks, coins[i], mid[i])
        slippage[i, 1] = -_walk(*bids, coins[i], mid[i])
    filled = np.isfinite(slippage)
    if not filled.any():
        raise ValueError(f"sizes = {sizes!r}: no book is deep enough for any of them")
    inside = filled & (coins[:, None, :] <= best[:, :, None])
    if (inside == filled).all():
        raise ValueError(f"sizes = {sizes!r}: the best level fills all of them, none has an impact")
    excess = np.where(inside, 0.0, slippage - half[:, None, None])
    size = np.broadcast_to(coins[:, None, :], excess.shape)
    price = np.broadcast_to(mid[:, None, None], excess.shape)
    which = np.broadcast_to(np.arange(len(books))[:, None, None], excess.shape)
    laws: dict[str, dict[str, Fit]] = {"linear": {}, "root": {}, "power": {}}
    for side, taken in zip(SIDES, (slice(0, 1), slice(1, 2), slice(0, 2)), strict=True):
        use = filled[:, taken]
        y, q, s, group = (a[:, taken][use] for a in (excess, size, price, which))
        laws["linear"][side] = _proportional(y * s, q, s, 2.0, group)
        laws["root"][side] = _proportional(y, np.sqrt(q), np.ones_like(q), 1.5, group)
        walked = ~inside[:, taken][use]
        laws["power"][side] = _power(y[walked], q[walked], group[walked])
    count = np.maximum(filled.sum(axis=0), 1)
    return ImpactFit(
        books.instrument,
        books.time,
        mid,
        half,
        np.array(coins),
        slippage,
        1.0 - filled.mean(axis=0),
        inside.sum(axis=0) / count,
        laws["linear"],
        laws["root"],
        laws["power"],
        _by_book(excess, size, price, filled, inside),
    )


def _walk(price: FloatArray, size: FloatArray, coins: FloatArray, mid: float) -> FloatArray:
    """Average price over the mid, less 1, of orders that take levels in turn; NaN beyond the last."""
    total = np.concatenate(([0.0], np.cumsum(size)))
    paid = np.concatenate(([0.0], np.cumsum(size * (price - mid))))
    cost = np.interp(coins, total, paid) / (coins * mid)
    return np.where(coins <= total[-1], cost, np.nan)


def _proportional(
    y: FloatArray, x: FloatArray, unit: FloatArray, exponent: float, group: npt.NDArray[np.int64]
) -> Fit:
    """Least squares of y = a x; ``unit`` turns y into shares of the mid."""
    if not len(y):
        return _NONE
    power = float(x @ x)
    value = float(x @ y) / power
    left = y - value * x
    error = math.sqrt(_by_group(x * left, group) / power**2)
    return Fit(value, error, exponent, 0.0, _r2(y, left), _rmse(left / unit), len(y), _count(group))


def _power(y: FloatArray, q: FloatArray, group: npt.NDArray[np.int64]) -> Fit:
    """Least squares of ln y = ln c + (p - 1) ln q."""
    good = y > 0  # an excess lost in rounding has no logarithm
    y, q, group = y[good], q[good], group[good]
    if len(np.unique(q)) < 2:
        return _NONE
    center = float(np.log(q).mean())  # so that level and slope are apart
    x, z = np.log(q) - center, np.log(y)
    slope, level = float(x @ z) / float(x @ x), float(z.mean())
    left = z - level - slope * x
    influence = np.column_stack((left / len(z), x * left / float(x @ x)))
    toward = influence @ np.array([1.0, -center])  # of ln c = level - slope center
    slope_error = math.sqrt(_by_group(influence[:, 1], group))
    value = math.exp(level - slope * center)
    return Fit(
        value,
        value * math.sqrt(_by_group(toward, group)),
        1.0 + slope,
        slope_error,
        _r2(z, left),
        _rmse(y - value * q**slope),
        len(z),
        _count(group),
    )


def _by_book(
    excess: FloatArray,
    size: FloatArray,
    price: FloatArray,
    filled: npt.NDArray[np.bool_],
    inside: npt.NDArray[np.bool_],
) -> dict[str, FloatArray]:
    """The three laws in each book and side."""
    y, q = np.where(filled, excess, 0.0), np.where(filled, size, 0.0)
    use = filled & ~inside & (excess > 0)
    n = use.sum(axis=2)
    enough = n >= 2
    x = np.where(use, np.log(size), 0.0)
    z = np.where(use, np.log(np.where(use, excess, 1.0)), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_z = x.sum(axis=2) / n, z.sum(axis=2) / n
        away = np.where(use, x - mean_x[:, :, None], 0.0)
        slope = (away * z).sum(axis=2) / (away * away).sum(axis=2)
        found = {
            "linear": (y * price * q).sum(axis=2) / (q * q).sum(axis=2),
            "root": (y * np.sqrt(q)).sum(axis=2) / q.sum(axis=2),
            "power": np.exp(mean_z - slope * mean_x),
            "exponent": 1.0 + slope,
        }
    return {name: np.where(enough, values, np.nan) for name, values in found.items()}


_NONE: Final = Fit(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0, 0)


def _by_group(score: FloatArray, group: npt.NDArray[np.int64]) -> float:
    """Variance of a sum of scores whose groups are independent (Liang and Zeger, Biometrika 73, 1986), with g / (g - 1)."""
    labels, where = np.unique(group, return_inverse=True)
    if len(labels) < 2:
        return math.nan
    sums = np.bincount(where, score)
    return float(sums @ sums) * len(labels) / (len(labels) - 1)


def _r2(y: FloatArray, left: FloatArray) -> float:
    spread = float(np.sum((y - y.mean()) ** 2))
    return 1.0 - float(left @ left) / spread if spread > 0 else math.nan


def _rmse(share: FloatArray) -> float:
    return 1e4 * math.sqrt(float(np.mean(share * share)))


def _count(group: npt.NDArray[np.int64]) -> int:
    return len(np.unique(group))
