"""Vol surfaces: fitted smiles of one underlying, what lies between them, and their arbitrage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import _core, frames
from hedgecore.surface import svi

if TYPE_CHECKING:
    from hedgecore.surface.quotes import Smile

FloatArray = npt.NDArray[np.float64]
Model = Literal["svi", "svi_free", "essvi"]

MODELS: Final = {
    "svi": "raw SVI by expiry",
    "svi_free": "raw SVI by expiry without butterfly arbitrage on the quoted range",
    "essvi": "eSSVI without butterfly and without calendar arbitrage",
}
ENOUGH: Final = 3
"""Strikes that a slice needs. With three or four, fewer than SVI has parameters, it is one of SSVI."""
_OF_SVI: Final = 5
_SMALLEST_HALF_WIDTH: Final = 1e-3
"""Of a quote, in vol: a tenth of a point, so that a tight quote does not silence its neighbours."""


@dataclass(frozen=True, slots=True)
class Arbitrage:
    """Violations of a surface on a grid of k; each count is of grid points.

    Attributes
    ----------
    butterfly
        For each slice the points within the quoted range with g < 0.
    smallest_g
        For each slice the smallest g there.
    calendar
        For each pair of neighbouring slices the points of the grid where total variance falls.
    lee
        For each slice the larger of its slopes at infinity; Lee's bound is 2.
    """

    butterfly: npt.NDArray[np.intp]
    smallest_g: FloatArray
    calendar: npt.NDArray[np.intp]
    lee: FloatArray

    @property
    def free(self) -> bool:
        """Whether there is none."""
        return not (self.butterfly.any() or self.calendar.any() or (self.lee > 2.0).any())


class Surface:
    """Total variance by log-moneyness and time, from one SVI slice for each expiry.

    Between expiries total variance is linear in time at constant k = ln(strike / forward); before the first
    and after the last the vol at constant k stays that of the nearest slice.  Without calendar arbitrage
    between the slices there is none between them.

    Parameters
    ----------
    base
        The coin.
    asof
        UTC time of the newest quote: what the surface knows.
    expiry
        Years from then, ACT/365, increasing.
    forward
        Quote currency per coin, for each expiry.
    parameters
        (a, b, rho, m, sigma) for each expiry: shape (n, 5).
    quoted
        Smallest and largest k with a quote, for each expiry: shape (n, 2).
    expiry_time
        UTC, for each expiry, if known.
    model
        What the slices are: one of :data:`MODELS`.
    report
        One line for each expiry looked at: what was used, what was left out and why.
    """

    def __init__(
        self,
        base: str,
        asof: datetime | None,
        expiry: Any,
        forward: Any,
        parameters: Any,
        quoted: Any,
        *,
        expiry_time: Any = None,
        model: Model = "svi",
        report: Sequence[str] = (),
    ) -> None:
        self.base = base
        self.asof = asof
        self.expiry = np.asarray(expiry, np.float64)
        self.forward = np.asarray(forward, np.float64)
        self.parameters = np.asarray(parameters, np.float64)
        self.quoted = np.asarray(quoted, np.float64)
        self.expiry_time = None if expiry_time is None else np.asarray(expiry_time, "M8[us]")
        self.model = model
        self.report = tuple(report)
        n = len(self.expiry)
        if self.parameters.shape != (n, 5) or self.quoted.shape != (n, 2) or len(self.forward) != n:
            raise ValueError(
                f"{n} expiries need parameters of shape ({n}, 5), quoted of ({n}, 2) and {n} forwards"
            )
        if not n:
            raise ValueError("a surface needs at least one slice")
        if not ((self.expiry > 0).all() and (np.diff(self.expiry) > 0).all()):
            raise ValueError(f"expiry must be positive and increase: {self.expiry}")
        if not (np.isfinite(self.parameters).all() and (self.forward > 0).all()):
            raise ValueError("parameters must be finite and forwards positive")

    def __len__(self) -> int:
        """Return the number of slices."""
        return len(self.expiry)

    def __repr__(self) -> str:
        days = self.expiry * 365.0
        return (
            f"Surface of {self.base} at {self.asof}: {len(self)} slices of {self.model}, "
            f"{days[0]:.1f} to {days[-1]:.1f} days"
        )

    def _at(self, k: Any, expiry: Any) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Total variance, its two derivatives in k and the one in time, at (k, expiry)."""
        k, t = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(expiry, np.float64))
        times = self.expiry
        right = np.clip(np.searchsorted(times, t, side="left"), 0, len(times) - 1)
        left = np.where(t <= times[0], right, np.maximum(right - 1, 0))
        left = np.where(t >= times[-1], right, left)
        near = np.array(svi.variance(self.parameters[left], k))
        far = np.array(svi.variance(self.parameters[right], k))
        span = times[right] - times[left]
        flat = span == 0.0  # outside the slices: w in proportion to time
        share = np.where(flat, 0.0, (t - times[left]) / np.where(flat, 1.0, span))
        rise = np.where(flat, near[0] / times[left], (far[0] - near[0]) / np.where(flat, 1.0, span))
        level = np.where(flat, t / times[left], 1.0)
        w, slope, curvature = level * ((1.0 - share) * near + share * far)
        return w, slope, curvature, rise

    def total_variance(self, k: Any, expiry: Any) -> FloatArray:
        """Return vol^2 T at k = ln(strike / forward) and expiry in years; the arguments broadcast."""
        return self._at(k, expiry)[0]

    def vol(self, strike: Any, expiry: Any, forward: Any = None) -> FloatArray:
        """Return the vol (per square-root year) at strikes, of the surface's forward or the given one."""
        return self.vol_at(np.log(np.asarray(strike) / self._forward(expiry, forward)), expiry)

    def vol_at(self, k: Any, expiry: Any) -> FloatArray:
        """Return the vol at k = ln(strike / forward); expiry 0 has the vol of the first slice."""
        t = np.maximum(np.asarray(expiry, np.float64), 1e-9)
        vol: FloatArray = np.sqrt(self._at(k, t)[0] / t)
        return vol

    def __call__(self, base: str, forward: Any, strike: Any, expiry: Any) -> FloatArray:
        """Return vols as :class:`hedgecore.Market` asks for them; NaN for another coin."""
        if base != self.base:
            return np.full(np.shape(strike), np.nan)
        return self.vol(strike, expiry, forward)

    def _forward(self, expiry: Any, forward: Any = None) -> FloatArray:
        if forward is not None:
            return np.asarray(forward, np.float64)
        level: FloatArray = np.exp(np.interp(expiry, self.expiry, np.log(self.forward)))
        return level

    def atm_vol(self, expiry: Any) -> FloatArray:
        """Return the vol at the forward."""
        return self.vol_at(0.0, expiry)

    def skew(self, k: Any, expiry: Any) -> FloatArray:
        """Return d vol / d ln(strike) at k: the at-the-money slope at k = 0."""
        w, slope, _, _ = self._at(k, expiry)
        skew: FloatArray = slope / (2.0 * np.sqrt(w * np.asarray(expiry, np.float64)))
        return skew

    def butterfly(self, k: Any, expiry: Any) -> FloatArray:
        """Return Gatheral's g(k), of the sign of the density."""
        w, slope, curvature, _ = self._at(k, expiry)
        return svi.butterfly_of(w, slope, curvature, np.asarray(k, np.float64))

    def density(self, strike: Any, expiry: Any) -> FloatArray:
        """Return the risk-neutral density of the price at expiry, per unit of quote currency."""
        k = np.log(np.asarray(strike, np.float64) / self._forward(expiry))
        density: FloatArray = self.log_density(k, expiry) / strike
        return density

    def log_density(self, k: Any, expiry: Any) -> FloatArray:
        """Return the risk-neutral density of ln(price / forward) at expiry."""
        w, slope, curvature, _ = self._at(k, expiry)
        return svi.log_density(w, svi.butterfly_of(w, slope, curvature, np.asarray(k)), k)

    def local_variance(self, k: Any, expiry: Any) -> FloatArray:
        """Return Dupire's local variance (dw/dT) / g, per year; NaN where there is arbitrage."""
        w, slope, curvature, rise = self._at(k, expiry)
        g = svi.butterfly_of(w, slope, curvature, np.asarray(k, np.float64))
        out: FloatArray = np.where((g > 0) & (rise >= 0), rise / np.where(g > 0, g, 1.0), np.nan)
        return out

    def arbitrage(self, points: int = 401) -> Arbitrage:
        """Return the violations: butterfly over each slice's quoted range, calendar over twice the widest."""
        k = np.linspace(self.quoted[:, 0], self.quoted[:, 1], points, axis=-1)
        g = svi.butterfly(self.parameters[:, None, :], k)
        reach = 2.0 * np.abs(self.quoted).max()
        everywhere = np.linspace(-reach, reach, points)
        w = svi.variance(self.parameters[:, None, :], everywhere[None, :])[0]
        falls = np.diff(w, axis=0) < -1e-12 * w[:-1]
        _, b, rho, _, _ = self.parameters.T
        return Arbitrage(
            (g < 0).sum(axis=1), g.min(axis=1), falls.sum(axis=1), b * (1.0 + np.abs(rho))
        )

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return one row for each slice: expiry, forward, parameters, at-the-money vol and slope."""
        columns: dict[str, Any] = (
            {} if self.expiry_time is None else {"expiry_time": self.expiry_time}
        )
        columns |= {"expiry": self.expiry, "forward": self.forward}
        columns |= dict(zip(("a", "b", "rho", "m", "sigma"), self.parameters.T, strict=True))
        columns |= {
            "atm_vol": self.atm_vol(self.expiry),
            "atm_skew": self.skew(0.0, self.expiry),
            "k_low": self.quoted[:, 0],
            "k_high": self.quoted[:, 1],
        }
        return frames.frame_of(columns, library)

    def plot(self, quotes: Any = None) -> Any:
        """Return smiles, with bids and asks of quotes, as a plotly figure: :func:`hedgecore.figures.plot_surface`."""
        from hedgecore import figures

        return figures.plot_surface(self, quotes)


class Surfaces(Mapping[str, Surface]):
    """Surfaces by coin; called as :class:`hedgecore.Market` asks for vols.

    ``report`` has a line for every expiry that has no slice, of any coin.
    """

    def __init__(self, surfaces: Iterable[Surface], report: Sequence[str] = ()) -> None:
        self._of = {surface.base: surface for surface in surfaces}
        self.report = tuple(report)

    def __getitem__(self, base: str) -> Surface:
        return self._of[base]

    def __iter__(self) -> Any:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def __call__(self, base: str, forward: Any, strike: Any, expiry: Any) -> FloatArray:
        """Return vols; NaN for a coin without a surface."""
        if base not in self._of:
            return np.full(np.shape(strike), np.nan)
        return self._of[base](base, forward, strike, expiry)

    def plot(self) -> Any:
        """Return vols at the money by expiry as a plotly figure: :func:`hedgecore.figures.plot_surfaces`."""
        from hedgecore import figures

        return figures.plot_surfaces(self)


def fit(
    smiles: Sequence[Smile],
    *,
    model: Model = "svi",
    asof: datetime | None = None,
    warm: Surface | None = None,
) -> Surface:
    """Fit a surface to the smiles of one underlying.

    Residuals in total variance are divided by half the bid-ask, at least a tenth of a vol point, and multiplied by
    vega relative to the largest, exp(-d1^2 / 2); beyond one they count linearly, so bad quotes do not pull.

    Parameters
    ----------
    smiles
        As :func:`hedgecore.surface.smiles` returns them.  Those with fewer than 3 strikes are left out and
        named in ``report``.
    model
        One of :data:`MODELS`.
    warm
        An earlier surface of raw SVI: slices of the same expiry time start from it.

    Raises
    ------
    ValueError
        Smiles of several underlyings, or none with enough strikes (the message says why).
    """
    if model not in MODELS:
        raise ValueError(f"model must be one of {', '.join(MODELS)}, not {model!r}")
    if len({(s.base, s.settlement) for s in smiles}) != 1:
        raise ValueError("fit takes the smiles of one base and settlement; fit_all takes any")
    report = [described(smile) for smile in smiles]
    used = sorted((s for s in smiles if len(s) >= ENOUGH), key=lambda s: s.expiry)
    if not used:
        raise ValueError("no expiry has enough strikes: " + "; ".join(report))
    first = np.cumsum([0, *(len(s) for s in used)])
    k = np.concatenate([s.log_moneyness for s in used])
    w, weight = _targets(used, k)
    times = np.array([s.expiry_time for s in used])
    if model == "essvi":
        parameters = svi.from_ssvi(_core.fit_essvi(k, w, weight, first.tolist()))
    else:
        start = None if warm is None else _starts(warm, used[0].base, times)
        parameters, _ = _core.fit_svi(k, w, weight, first.tolist(), start, model == "svi_free")
        for i in np.flatnonzero(np.diff(first) < _OF_SVI):
            rows = slice(first[i], first[i + 1])
            alone = _core.fit_essvi(k[rows], w[rows], weight[rows], [0, len(used[i])])
            parameters[i] = svi.from_ssvi(alone[0])
    return Surface(
        used[0].base,
        asof,
        [s.expiry for s in used],
        [s.forward for s in used],
        parameters,
        np.column_stack([ends.reduceat(k, first[:-1]) for ends in (np.minimum, np.maximum)]),
        expiry_time=times,
        model=model,
        report=report,
    )


def fit_all(
    data: Any,
    at: str | datetime | None = None,
    *,
    model: Model = "svi",
    warm: Surfaces | None = None,
    **filters: Any,
) -> Surfaces:
    """Fit the surface of every coin in quotes; of inverse and linear options those with more strikes.

    Parameters
    ----------
    data, at, filters
        As for :func:`hedgecore.surface.smiles`.
    model, warm
        As for :func:`fit`.

    Returns
    -------
    Surfaces
        A mapping by coin that is itself a function for ``Market(vols=...)``.  A coin without an expiry that
        fits is not in it; ``report`` says why.
    """
    from hedgecore.surface.quotes import smiles as smiles_of

    asof, found = smiles_of(data, at, **filters)
    fitted: list[Surface] = []
    report: list[str] = []
    for base in sorted({s.base for s in found}):
        by_settlement = [
            [s for s in found if s.base == base and s.settlement == settlement]
            for settlement in ("inverse", "linear")
        ]
        chosen = max(by_settlement, key=lambda group: sum(len(s) for s in group))
        report += [described(s) for s in found if s.base == base and len(s) < ENOUGH]
        if any(len(s) >= ENOUGH for s in chosen):
            start = warm[base] if warm is not None and base in warm else None
            fitted.append(fit(chosen, model=model, asof=asof, warm=start))
    return Surfaces(fitted, report)


def described(smile: Smile) -> str:
    """Return a line that says what of an expiry was used and what was not."""
    left = ", ".join(f"{count} {why}" for why, count in smile.rejected.items()) or "nothing"
    day = np.datetime_as_string(smile.expiry_time, unit="D")
    verdict = "" if len(smile) >= ENOUGH else f": no slice, a fit needs {ENOUGH}"
    return (
        f"{smile.base} {smile.settlement} {day}: {len(smile)} strikes of {smile.rows} rows "
        f"(left out: {left}){verdict}"
    )


def _targets(smiles: Sequence[Smile], k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Total variance, and one over its residual that counts as one, of the quotes of all smiles."""
    vol, bid, ask = (
        np.concatenate([getattr(s, name) for s in smiles]) for name in ("vol", "bid_vol", "ask_vol")
    )
    expiry = np.repeat([s.expiry for s in smiles], [len(s) for s in smiles])
    # an ask without a finite vol is as wide as it can be
    half = np.maximum(0.5 * (np.minimum(ask, 3.0 * vol) - bid), _SMALLEST_HALF_WIDTH)
    root = vol * np.sqrt(expiry)
    d1 = 0.5 * root - k / root
    vega = np.exp(-0.5 * np.minimum(d1 * d1, 60.0))
    return vol * vol * expiry, vega / (2.0 * vol * expiry * half)


def _starts(warm: Surface, base: str, times: npt.NDArray[Any]) -> FloatArray:
    """The slices of an earlier surface at these expiry times; NaN where it has none."""
    if warm.base != base or warm.expiry_time is None:
        raise ValueError(f"warm must be a surface of {base} with expiry times")
    known = dict(zip(warm.expiry_time, warm.parameters, strict=True))
    return np.array([known.get(when, np.full(5, np.nan)) for when in times])
