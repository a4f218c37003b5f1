"""Parametric value at risk: delta, gamma and vega of a book under jointly normal factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import frames
from hedgecore.scenarios import Nodes, book_scenarios
from hedgecore.scenarios.tail import without
from hedgecore.tails.factors import Covariance
from hedgecore.tails.moves import check_number
from hedgecore.tails.quadratic import QuadraticForm
from hedgecore.tails.simulation import LEVELS, held

if TYPE_CHECKING:
    from hedgecore.book import Book, Market
    from hedgecore.risk import Completeness

Array = npt.NDArray[Any]
Method = Literal["exact", "cornish_fisher", "delta_normal"]
METHODS: Final = ("exact", "cornish_fisher", "delta_normal")
_STENCIL: Final = (
    (0, 0), (1, 0), (-1, 0), (2, 0), (-2, 0), (0, 1), (0, -1), (0, 2), (0, -2),
    (1, 1), (1, -1), (-1, 1), (-1, -1), (2, 2), (2, -2), (-2, 2), (-2, -2), (0, 0),
)  # fmt: skip
"""Steps of spot and vol; time passes at the last."""


@dataclass(frozen=True, eq=False)
class DeltaGamma:
    """P&L = drift + delta'x + x' gamma x / 2 in USD, x the moves of the factors; made by :func:`parametric`.

    Attributes
    ----------
    factors
        ``BTC_spot`` (relative move of the coin), ``BTC_vol`` (absolute change of all its vols), ...
    drift
        P&L of the time that passes.
    delta
        USD per unit of each factor.
    gamma
        USD per squares and products of them: gamma, vanna and volga; nothing across coins.
    covariance
        Of the factors.
    form
        The distribution of the P&L.
    completeness
        What of the book the figures cover.
    """

    factors: tuple[str, ...]
    drift: float
    delta: Array
    gamma: Array
    covariance: Covariance
    form: QuadraticForm
    completeness: Completeness

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of positions that the market cannot value: they are in no figure."""
        return self.completeness.left_out

    def pnl(self, moves: npt.ArrayLike) -> Array:
        """Return the P&L of the expansion at moves of shape (..., factors)."""
        x = np.asarray(moves, np.float64)
        out: Array = self.drift + x @ self.delta + 0.5 * np.einsum("...i,ij,...j", x, self.gamma, x)
        return out

    def tail(self, level: float = 0.975, method: Method = "exact") -> tuple[float, float]:
        """Return value at risk and expected shortfall in USD.

        ``method``: "exact" inverts the distribution of the expansion, "cornish_fisher" expands about the normal
        one, "delta_normal" leaves gamma, vanna and volga out.
        """
        if method == "exact":
            return self.form.tail(level)
        if method == "cornish_fisher":
            return self.form.cornish_fisher(level)
        if method == "delta_normal":
            flat = np.zeros_like(self.gamma)
            plain = QuadraticForm.of(self.drift, self.delta, flat, self.covariance.matrix)
            return plain.cornish_fisher(level)  # exact where skew and kurtosis are 0
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")

    def table(self, levels: Sequence[float] = LEVELS) -> dict[str, Array]:
        """Return a row for each level and method."""
        rows = [
            (level, method, *self.tail(level, method)) for level in levels for method in METHODS
        ]
        names = ("level", "method", "value_at_risk", "expected_shortfall")
        return {
            name: np.array(column)
            for name, column in zip(names, zip(*rows, strict=True), strict=True)
        }

    def to_frame(
        self, levels: Sequence[float] = LEVELS, library: frames.Library | None = None
    ) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(levels), library)

    def __repr__(self) -> str:
        known = {
            "factor": np.array(self.factors), "deviation": self.covariance.deviation,
            "delta": self.delta, "gamma": np.diag(self.gamma),
        }  # fmt: skip
        return (
            f"DeltaGamma in USD, drift {self.drift:,.6g}\n{frames.text_table(known)}\n"
            f"{frames.text_table(self.table())}\n{self.completeness}{without(self.left_out)}"
        )


def parametric(
    book: Book,
    market: Market,
    covariance: Covariance,
    *,
    horizon: float = 0.0,
    still_vols: bool = False,
    step: tuple[float, float] = (1e-3, 1e-3),
    vol_tenor: tuple[float, ...] | None = None,
    threads: int | None = None,
) -> DeltaGamma:
    """Expand a book to second order in spot and vol of every coin, and find the distribution under normal factors.

    The derivatives are central differences of the full revaluation, so that premium in the coin, futures,
    balances and rules of vols are all in them; the drift is the revaluation after ``horizon``.

    Parameters
    ----------
    book, market
        What is held, and the market to expand in.
    covariance
        Of the factors, over the horizon; factors of coins that the book does not hold are left aside.
    horizon
        Hours that pass, for the drift alone.
    still_vols
        Whether vols without a factor may stand still.
    step
        Of the differences: relative for spot, absolute for vol.
    vol_tenor
        How the vols of an expiry follow the factor, as in :func:`hedgecore.scenarios.book_scenarios`.
    threads
        Of the core.

    Raises
    ------
    ValueError
        Where the covariance lacks a factor of the book.
    """
    check_number(horizon, "horizon", "hours")
    if not 0 <= horizon < np.inf:
        raise ValueError(f"horizon = {horizon} must be hours, not negative")
    h, k = step
    if not (0 < h < 0.1 and 0 < k < 0.1):
        raise ValueError(f"step = {step} must be two numbers between 0 and 0.1")
    coins, with_options = held(book)
    known = covariance.factors
    spots = [f"{coin}_spot" for coin in coins]
    vols = [f"{coin}_vol" for coin in with_options if not still_vols or f"{coin}_vol" in known]
    for name in (*spots, *vols):
        if name not in known:
            hint = "; still_vols=True lets it stand still" if name.endswith("_vol") else ""
            raise ValueError(f"the covariance has no {name}; there are {', '.join(known)}{hint}")
    twists = [f"{coin}_{what}" for coin in with_options for what in ("skew", "curvature")]
    for name in twists:
        if name in known:
            raise ValueError(f"{name}: the expansion has spot and vol alone; covariance.taken([...]) leaves it out")  # fmt: skip
    factors = (*spots, *vols)
    chosen = covariance.taken(factors)

    x, y = np.array(_STENCIL, np.float64).T
    time = np.r_[np.zeros(len(x) - 1), horizon / (365 * 24)]
    moving = [name.removesuffix("_vol") for name in vols]
    nodes = Nodes.of(spot=dict.fromkeys(coins, h * x), vol=dict.fromkeys(moving, k * y), time=time)
    grid = book_scenarios(
        book, market, nodes=nodes, measures=(), vol_tenor=vol_tenor, threads=threads
    )
    delta, gamma = np.zeros(len(factors)), np.zeros((len(factors), len(factors)))
    drift = 0.0
    for coin in dict.fromkeys(grid.underlying.tolist()):
        at = dict(zip(_STENCIL, grid.pnl(coin)[:-1], strict=False))
        drift += float(grid.pnl(coin)[-1])
        if coin not in coins:
            continue
        i = factors.index(f"{coin}_spot")
        delta[i], gamma[i, i] = _derivatives([at[m, 0] for m in (-2, -1, 0, 1, 2)], h)
        if coin in moving:
            j = factors.index(f"{coin}_vol")
            delta[j], gamma[j, j] = _derivatives([at[0, m] for m in (-2, -1, 0, 1, 2)], k)
            near, wide = (at[m, m] - at[m, -m] - at[-m, m] + at[-m, -m] for m in (1, 2))
            gamma[i, j] = gamma[j, i] = (16 * near - wide) / (48 * h * k)
    form = QuadraticForm.of(drift, delta, gamma, chosen.matrix)
    return DeltaGamma(factors, drift, delta, gamma, chosen, form, grid.completeness)


def _derivatives(p: list[float], h: float) -> tuple[float, float]:
    """First and second derivative of five values a step apart, to the fourth order."""
    first = (8 * (p[3] - p[1]) - (p[4] - p[0])) / (12 * h)
    return first, (16 * (p[3] + p[1]) - (p[4] + p[0]) - 30 * p[2]) / (12 * h**2)
