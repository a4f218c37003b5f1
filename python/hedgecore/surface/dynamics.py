# ruff: noqa: ARG002 - every rule has the same arguments, and few need all of them
"""How vols go with the forward: sticky strike and moneyness, skew stickiness, Hull-White, Bartlett; fits to history.

A rule is how the vol of an option moves when its forward does: ``slope = d sigma_K / d ln F``, strike held.  The delta
that has the move of the smile in it follows for every option,

* linear: Delta + vega slope / F (on the forward),
* coin-settled: delta + vega slope, both in coin, delta = F dv/dF.

The rules of the smile itself (strike, moneyness, skew stickiness) know finite moves too: as the forward moves by the
factor u the vol of a strike slides by smile(k - (1 - R) ln u) - smile(k), k = ln(K / F), whose first order is (R - 1) psi
ln u with psi = d sigma / d ln K.  The others move it by slope x ln u.

References: Bergomi, "Smile dynamics IV" (2009); Bates, "Hedging the smirk" (2005); Hull and White, "Optimal delta
hedging for options" (2017); Bartlett, "Hedging under SABR model" (2006).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import pricing
from hedgecore.surface import sabr

if TYPE_CHECKING:
    from hedgecore.surface.surface import Surface

FloatArray = npt.NDArray[np.float64]
Ratio = float | Mapping[str, float] | Callable[[FloatArray], Any]
"""A skew-stickiness ratio: one number, by coin, or a function of the expiry in years."""

NO_SMILE: Final = np.zeros(14)


class Dynamics:
    """What every rule has: a slope, and what a finite move of the forward does."""

    def slope(
        self, base: str, kind: Any, forward: Any, strike: Any, expiry: Any, vol: Any
    ) -> FloatArray:
        """Return d vol / d ln(forward) of options of one coin, strikes held.

        Parameters
        ----------
        base
            The coin.
        kind
            +1 for calls, -1 for puts.
        forward, strike
            Quote currency per coin.
        expiry, vol
            Years, and per square-root year.
        """
        raise NotImplementedError

    def slide(
        self, base: str, kind: Any, forward: Any, strike: Any, expiry: Any, vol: Any, log_move: Any
    ) -> FloatArray:
        """Return by how much vols move as the forward moves by the factor exp(log_move)."""
        moved: FloatArray = self.slope(base, kind, forward, strike, expiry, vol) * log_move
        return moved

    def smile(self, base: str, expiry: float) -> FloatArray | None:
        """Return the smile of an expiry as the core takes it, or None for a rule that has no finite moves.

        Fourteen numbers: two slices of raw SVI, their weights, the expiry and the ratio (``ScenarioSmile`` in
        ``hedgecore/risk.hpp``); an expiry of 0 is no smile.
        """
        return None

    def atm_vol(self, base: str, expiry: float) -> float | None:
        """Return the vol at the forward, where the rule has a surface that knows it."""
        return None


@dataclass(frozen=True)
class StickyStrike(Dynamics):
    """Vols stay with their strikes: the plain deltas (skew-stickiness ratio 1)."""

    def slope(
        self, base: str, kind: Any, forward: Any, strike: Any, expiry: Any, vol: Any
    ) -> FloatArray:
        """Return zeros."""
        return np.zeros(np.broadcast_shapes(*map(np.shape, (kind, forward, strike, expiry, vol))))

    def smile(self, base: str, expiry: float) -> FloatArray:
        """Return no smile: nothing moves."""
        return NO_SMILE


@dataclass(frozen=True)
class SkewStickiness(Dynamics):
    """The smile moves at a part of the forward's pace: slope (R - 1) psi (Bergomi 2009).

    R = 1 is sticky strike, 0 sticky moneyness, 2 the rule of local vol and, for short expiries, of least variance under
    stochastic vol.

    Parameters
    ----------
    surfaces
        By coin; psi is the slope of their smiles.  Vols are those of the market all the same.
    ratio
        R: a number, by coin, or a function of the expiry in years (:func:`measure_ssr` makes one).
    """

    surfaces: Mapping[str, Surface]
    ratio: Ratio = 1.0

    def slope(
        self, base: str, kind: Any, forward: Any, strike: Any, expiry: Any, vol: Any
    ) -> FloatArray:
        """Return (R - 1) psi; 0 at expiry, where there is no vega."""
        surface = self._surface(base)
        years = np.asarray(expiry, np.float64)
        live = np.where(years > 0, years, 1.0)
        psi = surface.skew(np.log(np.asarray(strike) / np.asarray(forward)), live)
        return np.where(years > 0, (self._ratio(base, live) - 1.0) * psi, 0.0)

    def slide(
        self, base: str, kind: Any, forward: Any, strike: Any, expiry: Any, vol: Any, log_move: Any
    ) -> FloatArray:
        """Return smile(k - (1 - R) log_move) - smile(k)."""
        surface = self._surface(base)
        years = np.asarray(expiry, np.float64)
        live = np.where(years > 0, years, 1.0)
        k = np.log(np.asarray(strike) / np.asarray(forward))
        there = k - (1.0 - self._ratio(base, live)) * np.asarray(log_move)
        moved = surface.vol_at(there, live) - surface.vol_at(k, live)
        return np.where(years > 0, moved, 0.0)

    def smile(self, base: str, expiry: float) -> FloatArray:
        """Return the slices on both sides of an expiry, and what they weigh there."""
        surface = self._surface(base)
        if np.shape(surface.parameters)[-1:] != (5,):
            raise ValueError(
                f"scenarios need a surface of SVI slices; that of {base} is {surface!r}"
            )
        if not expiry > 0:
            return NO_SMILE
        times = surface.expiry
        right = min(int(np.searchsorted(times, expiry)), len(times) - 1)
        left = right if expiry <= times[0] or expiry >= times[-1] else right - 1
        if left == right:  # beyond the slices the vol stays: w in proportion to time
            weights = (expiry / times[left], 0.0)
        else:
            share = (expiry - times[left]) / (times[right] - times[left])
            weights = (1.0 - share, share)
        ratio = float(self._ratio(base, np.asarray(expiry)))
        near, far = surface.parameters[left], surface.parameters[right]
        return np.concatenate([near, far, weights, [expiry, ratio]])

    def atm_vol(self, base: str, expiry: float) -> float:
        """Return the vol of the surface at the forward."""
        return float(self._surface(base).atm_vol(expiry))

    def _surface(self, base: str) -> Surface:
        if base not in self.surfaces:
            raise ValueError(
                f"dynamics has no surface of {base}; there are {', '.join(self.surfaces) or 'none'}"
            )
        return self.surfaces[base]

    def _ratio(self, base: str, expiry: Any) -> Any:
        if isinstance(self.ratio, Mapping):
            if base not in self.ratio:
                raise ValueError(
                    f"dynamics has no ratio of {base}; there are {', '.join(self.ratio)}"
                )
            ratio = self.ratio[base]
        else:
            ratio = self.ratio(expiry) if callable(self.ratio) else self.ratio
        if not np.isfinite(ratio).all():
            raise ValueError(f"ratio of {base} = {ratio} must be finite")
        return ratio


class StickyMoneyness(SkewStickiness):
    """Vols stay with moneyness K / F, and so with delta: slope -psi (skew-stickiness ratio 0).

    What every model does whose prices are homogeneous in spot and strike when its vol stays where it is: the
    delta (V - K dV/dK) / F of market prices (Bates 2005).  It is the partial delta of Heston's model, and no better hedge for
    that: with spot and vol correlated at -0.7 its hedge has 1.45 times the variance of the plain one's.
    """

    def __init__(self, surfaces: Mapping[str, Surface]) -> None:
        super().__init__(surfaces, 0.0)


@dataclass(frozen=True)
class HullWhite(Dynamics):
    """Least-variance deltas by regression: slope (a + b D + c D^2) / sqrt(T), D the Black delta (Hull and White 2017).

    Parameters
    ----------
    call, put
        (a, b, c) of each kind; :func:`fit_hull_white` fits them.  D of a put is negative.
    """

    call: tuple[float, float, float]
    put: tuple[float, float, float]

    def slope(
        self, base: str, kind: Any, forward: Any, strike: Any, expiry: Any, vol: Any
    ) -> FloatArray:
        """Return the slope; 0 at expiry, where there is no vega."""
        shape = np.broadcast_shapes(*map(np.shape, (kind, forward, strike, expiry, vol)))
        columns = [
            np.broadcast_to(np.asarray(x, np.float64), shape).ravel()
            for x in (forward, strike, expiry, vol)
        ]
        f, k, t, sigma = columns
        sign = np.broadcast_to(np.asarray(kind), shape).ravel().astype(np.int8)
        delta = pricing.greeks(sign, strike=k, expiry=t, vol=sigma, forward=f, which=("delta",))[
            "delta"
        ]
        a, b, c = (np.where(sign > 0, *pair) for pair in zip(self.call, self.put, strict=True))
        root = np.sqrt(np.where(t > 0, t, 1.0))
        return np.where(t > 0, (a + delta * (b + c * delta)) / root, 0.0).reshape(shape)


@dataclass(frozen=True)
class Bartlett(Dynamics):
    """SABR with its vol going with the forward as it is expected to: least variance for beta = 1 (Bartlett 2006).

    slope = F d sigma/dF + rho nu F^(1 - beta) d sigma/d alpha of Hagan's vol.

    Parameters
    ----------
    parameters
        By coin an array with a row (expiry, alpha, beta, nu, rho) for each expiry, increasing; between
        expiries the parameters are interpolated linearly, beyond them they stay.
    """

    parameters: Mapping[str, Any]

    @classmethod
    def of(cls, surfaces: Mapping[str, Surface]) -> Bartlett:
        """Take the parameters of surfaces of SABR, by coin; ValueError for other ones."""
        for base, surface in surfaces.items():
            if surface.form != "sabr":
                raise ValueError(f"the surface of {base} has slices of {surface.form}, not of sabr")
        return cls({b: np.column_stack([s.expiry, s.parameters]) for b, s in surfaces.items()})

    def slope(
        self, base: str, kind: Any, forward: Any, strike: Any, expiry: Any, vol: Any
    ) -> FloatArray:
        """Return the slope of the model's smile."""
        if base not in self.parameters:
            raise ValueError(
                f"dynamics has no parameters of {base}; there are {', '.join(self.parameters)}"
            )
        rows = np.asarray(self.parameters[base], np.float64)
        if rows.ndim != 2 or rows.shape[1] != 5 or not (np.diff(rows[:, 0]) > 0).all():
            raise ValueError(
                f"parameters of {base} must be rows of (expiry, alpha, beta, nu, rho), expiries increasing"
            )
        shape = np.broadcast_shapes(*map(np.shape, (forward, strike, expiry)))
        f, k, t = (
            np.broadcast_to(np.asarray(x, np.float64), shape) for x in (forward, strike, expiry)
        )
        alpha, beta, nu, rho = (np.interp(t, rows[:, 0], column) for column in rows.T[1:])
        sabr.vol(k, forward=f, expiry=t, alpha=alpha, beta=beta, nu=nu, rho=rho)  # checks them
        step = sabr._TINY
        follows = rho * nu * f ** (1.0 - beta)
        moved = sabr._vol(k, f * (1 + 1j * step), t, alpha + 1j * step * follows, beta, nu, rho)
        return np.asarray(moved.imag / step, np.float64)


@dataclass(frozen=True)
class MeasuredStickiness:
    """Skew-stickiness ratios measured by :func:`measure_ssr`; a function of the expiry for :class:`SkewStickiness`.

    Attributes
    ----------
    expiry
        Years.
    ratio
        Within [-1, 3].
    raw
        Before they were brought there.
    standard_error
        Of ``raw``, robust to moves of unequal size (White 1980).
    moves
        How many moves of the forward each comes from.
    """

    expiry: FloatArray
    ratio: FloatArray
    raw: FloatArray
    standard_error: FloatArray
    moves: npt.NDArray[np.intp]

    def __call__(self, expiry: Any) -> FloatArray:
        """Return the ratio at other expiries: linear between those measured, constant beyond."""
        return np.asarray(np.interp(expiry, self.expiry, self.ratio), np.float64)


def measure_ssr(
    history: Sequence[Surface],
    expiry: Any = (7 / 365, 30 / 365, 90 / 365),
    *,
    half_life: float | None = None,
) -> MeasuredStickiness:
    """Measure the skew-stickiness ratio: moves of the vol at the forward over psi x moves of ln(forward).

    A regression through the origin of the one on the other over consecutive surfaces, at constant expiry, psi the slope at
    the forward before the move (Bergomi 2009).

    Parameters
    ----------
    history
        Surfaces of one coin in order of time.
    expiry
        Years, one or more, increasing.
    half_life
        Of the weights, in moves; None: all count the same.

    Raises
    ------
    ValueError
        Fewer than three surfaces, several coins, or an expiry at which nothing moved.
    """
    if len(history) < 3 or len({surface.base for surface in history}) > 1:
        raise ValueError("history must have three surfaces or more, of one coin")
    if half_life is not None and not half_life > 0:
        raise ValueError(f"half_life = {half_life} must be positive")
    t = np.atleast_1d(np.asarray(expiry, np.float64))
    if not ((t > 0).all() and (np.diff(t) > 0).all()):
        raise ValueError(f"expiry must be positive and increase: {t}")
    vol = np.array([surface.atm_vol(t) for surface in history])
    forward = np.array([np.log(surface.forward_at(t)) for surface in history])
    psi = np.array([surface.skew(0.0, t) for surface in history[:-1]])
    y, x = np.diff(vol, axis=0), psi * np.diff(forward, axis=0)
    age = np.arange(len(y))[::-1]
    weight = np.ones(len(y)) if half_life is None else 0.5 ** (age / half_life)
    square = weight @ (x * x)
    if not (square > 0).all():
        raise ValueError(f"nothing moved at expiry {t[np.argmin(square)]}: no ratio")
    raw = (weight @ (x * y)) / square
    left = y - raw * x
    error = np.sqrt((weight**2) @ (x * x * left * left)) / square
    return MeasuredStickiness(t, np.clip(raw, -1.0, 3.0), raw, error, np.full(len(t), len(y)))


@dataclass(frozen=True)
class HullWhiteFit:
    """Coefficients by kind, and what they gain: 1 - SSE(least variance) / SSE(Black), on the rows of the fit and beyond.

    ``gain_out`` is NaN where no rows were held back; a negative one says that the plain delta is better.
    """

    dynamics: HullWhite
    rows: int
    gain_in: float
    gain_out: float


def fit_hull_white(
    kind: Any,
    *,
    delta: Any,
    vega: Any,
    expiry: Any,
    forward: Any,
    move: Any,
    change: Any,
    fitted: Any = None,
    ridge: float = 0.0,
) -> HullWhiteFit:
    """Fit (a, b, c) by kind: least squares of change - delta move on vega / sqrt(T) move / F x (1, D, D^2).

    Parameters
    ----------
    kind
        +1 for calls, -1 for puts.
    delta, vega, expiry, forward
        Black's delta and vega in the quote currency (of coin-settled options too), years and forward before the move.
    move, change
        Of the forward and of the option's value, both in the quote currency.
    fitted
        Which rows the fit may see; the others judge it (``gain_out``).  None: all.
    ridge
        Pulls the coefficients to 0: this share of the regressors' mean square is added to it.

    Raises
    ------
    ValueError
        Columns of several lengths, numbers that are not finite, expiries that are not positive, a kind with
        fewer than four rows to fit.
    """
    names = ("kind", "delta", "vega", "expiry", "forward", "move", "change")
    columns = [
        np.asarray(c, np.float64) for c in (kind, delta, vega, expiry, forward, move, change)
    ]
    n = len(columns[0])
    for name, column in zip(names, columns, strict=True):
        if column.shape != (n,):
            raise ValueError(f"{name} must have {n} rows as kind has, not shape {column.shape}")
        positive = name in ("expiry", "forward")
        bad = np.flatnonzero(~np.isfinite(column) | (positive & ~(column > 0)))
        if bad.size:
            demand = "positive and finite" if positive else "finite"
            raise ValueError(f"{name}[{bad[0]}] = {column[bad[0]]} must be {demand}")
    if not ridge >= 0:
        raise ValueError(f"ridge = {ridge} must not be negative")
    side, d, v, t, f, move, change = columns
    seen = np.ones(n, bool) if fitted is None else np.asarray(fitted, bool)
    target = change - d * move
    x = (v / np.sqrt(t) * move / f)[:, None] * np.stack([np.ones(n), d, d * d], axis=1)
    left = target.copy()
    found = {}
    for sign, name in ((1, "call"), (-1, "put")):
        rows = (side == sign) & seen
        if (side == sign).any() and np.count_nonzero(rows) < 4:
            raise ValueError(
                f"{np.count_nonzero(rows)} rows of {name}s are too few for three coefficients"
            )
        gram = x[rows].T @ x[rows]
        gram += ridge * np.diag(np.diag(gram))
        beta = np.linalg.lstsq(gram, x[rows].T @ target[rows], rcond=None)[0]
        found[name] = (float(beta[0]), float(beta[1]), float(beta[2]))
        left[side == sign] -= x[side == sign] @ beta
    gains = []
    for rows in (seen, ~seen):
        plain = float(target[rows] @ target[rows])
        gains.append(1.0 - float(left[rows] @ left[rows]) / plain if plain > 0 else float("nan"))
    rule = HullWhite(found["call"], found["put"])
    return HullWhiteFit(rule, int(np.count_nonzero(seen)), gains[0], gains[1])


def check_rule(rule: Any) -> None:
    """Raise a TypeError for what is neither a rule nor None."""
    if rule is not None and not isinstance(rule, Dynamics):
        raise TypeError(
            f"dynamics must be a rule of hedgecore.surface.dynamics, such as StickyMoneyness(surfaces), not {rule!r}"
        )


def by_option(
    what: Callable[..., FloatArray], table: Any, data: Any, rows: npt.NDArray[Any], *more: Any
) -> FloatArray:
    """Return a slope or a slide (a method of a rule) of some options of a table in a market's data.

    Raises
    ------
    ValueError
        Naming the option where the rule gives no number.
    """
    out = np.zeros(len(rows))
    bases, code = table.bases
    for i in np.unique(code[rows]):
        mask = code[rows] == i
        chosen = rows[mask]
        out[mask] = what(
            str(bases[i]), table.kind[chosen], data.forward[chosen], table.strike[chosen], data.expiry[chosen],
            data.vol[chosen], *(np.asarray(x)[mask] for x in more),
        )  # fmt: skip
    bad = np.flatnonzero(~np.isfinite(out))
    if bad.size:
        name = table.name[rows[bad[0]]]
        raise ValueError(f"dynamics gives {name} the slope {out[bad[0]]} ({bad.size} such options)")
    return out
