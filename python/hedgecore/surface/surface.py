"""Vol surfaces: fitted smiles of one underlying, what lies between them, and their arbitrage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import _core, frames
from hedgecore.surface import svi
from hedgecore.surface.implied_variance import log_contract

FloatArray = npt.NDArray[np.float64]
Values = Any
"""A float (of numpy) or FloatArray, as the arguments are."""
Model = Literal["svi", "svi_free", "essvi", "sabr"]

MODELS: Final = {
    "svi": "raw SVI by expiry",
    "svi_free": "raw SVI by expiry without butterfly arbitrage on the quoted range and near it",
    "essvi": "eSSVI without butterfly and without calendar arbitrage",
    "sabr": "SABR by expiry, Hagan's formula at a given beta",
}
PARAMETERS: Final = {
    "svi": ("a", "b", "rho", "m", "sigma"),
    "sabr": ("alpha", "beta", "nu", "rho"),
}
"""Of a slice, by its form: SSVI slices have that of SVI."""


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
        For each slice the larger of its slopes at infinity; Lee's bound is 2, which SABR breaks far out.
    """

    butterfly: npt.NDArray[np.intp]
    smallest_g: FloatArray
    calendar: npt.NDArray[np.intp]
    lee: FloatArray

    @property
    def free(self) -> bool:
        """Whether there is none."""
        return not (self.butterfly.any() or self.calendar.any() or self.beyond_lee.any())

    @property
    def beyond_lee(self) -> npt.NDArray[np.bool_]:
        """For each slice whether its slopes reach Lee's bound, but for rounding."""
        return self.lee > 2.0 - 1e-9


class Surface:
    """Total variance by log-moneyness and time, from one slice for each expiry: of SVI or of SABR.

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
        Of each expiry: (a, b, rho, m, sigma), shape (n, 5); of model "sabr" (alpha, beta, nu, rho), shape
        (n, 4), on the forward of the expiry.
    quoted
        Smallest and largest k with a quote, for each expiry: shape (n, 2).
    expiry_time
        UTC, for each expiry, if known.
    model
        What the slices are: one of :data:`MODELS`.
    report
        One line for each expiry looked at: what was used, what was left out and why; or a function that
        makes them, called when they are first asked for.

    Raises
    ------
    ValueError
        Naming the slice, where expiries do not increase, a forward is not positive or parameters give no
        smile (a total variance below 0, abs(rho) above 1).

    Notes
    -----
    The arrays cannot be written to: the core holds the slices.  Methods take numbers or arrays that broadcast
    and return a float for numbers alone.
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
        report: Sequence[str] | Callable[[], Sequence[str]] = (),
    ) -> None:
        if model not in MODELS:
            raise ValueError(f"model must be one of {', '.join(MODELS)}, not {model!r}")
        self.base = base
        self.asof = asof
        self.model = model
        self.form: Literal["svi", "sabr"] = "sabr" if model == "sabr" else "svi"
        self.expiry, self.forward, self.parameters, self.quoted = (
            _fixed(values) for values in (expiry, forward, parameters, quoted)
        )
        self.expiry_time = None if expiry_time is None else np.asarray(expiry_time, "M8[us]")
        self._report = report
        n, width = len(self.expiry), len(PARAMETERS[self.form])
        if (
            self.parameters.shape != (n, width)
            or self.quoted.shape != (n, 2)
            or len(self.forward) != n
        ):
            raise ValueError(
                f"{n} expiries need parameters of shape ({n}, {width}), quoted of ({n}, 2) and {n} forwards"
            )
        self._slices = _core.Slices(self.form, self.expiry, self.forward, self.parameters)

    @property
    def report(self) -> tuple[str, ...]:
        """One line for each expiry looked at: what was used, what was left out and why."""
        if callable(self._report):
            self._report = self._report()
        return tuple(self._report)

    def __len__(self) -> int:
        """Return the number of slices."""
        return len(self.expiry)

    def __repr__(self) -> str:
        days = self.expiry * 365.0
        return (
            f"Surface of {self.base} at {self.asof}: {len(self)} slices of {self.model}, "
            f"{days[0]:.1f} to {days[-1]:.1f} days"
        )

    def _at(self, k: Any, expiry: Any, threads: int | None = None) -> tuple[Values, ...]:
        """Total variance, its two derivatives in k and the one in time, at (k, expiry)."""
        (k, expiry), shape = _flat(k, expiry)
        values = _core.surface_variance(self._slices, k, None, None, expiry, threads)
        return tuple(_shaped(value, shape) for value in values)

    def total_variance(self, k: Any, expiry: Any, *, threads: int | None = None) -> Values:
        """Return vol^2 T at k = ln(strike / forward) and expiry in years."""
        return self._at(k, expiry, threads)[0]

    def vol(
        self, strike: Any, expiry: Any, forward: Any = None, *, threads: int | None = None
    ) -> Values:
        """Return the vol (per square-root year) at strikes, of the surface's forward or the given one."""
        (strike, expiry, forward), shape = _flat(strike, expiry, forward)
        vol = _core.surface_vol(self._slices, None, strike, forward, expiry, threads)
        return _shaped(vol, shape)

    def vol_at(self, k: Any, expiry: Any, *, threads: int | None = None) -> Values:
        """Return the vol at k = ln(strike / forward); expiry 0 has the vol of the first slice."""
        (k, expiry), shape = _flat(k, expiry)
        vol = _core.surface_vol(self._slices, k, None, None, expiry, threads)
        return _shaped(vol, shape)

    def __call__(self, base: str, forward: Any, strike: Any, expiry: Any) -> FloatArray:
        """Return vols as :class:`hedgecore.Market` asks for them; NaN for another coin."""
        if base != self.base:
            return np.full(np.shape(strike), np.nan)
        vol: FloatArray = self.vol(strike, expiry, forward)
        return vol

    def forward_at(self, expiry: Any) -> Values:
        """Return the forward: its logarithm linear in time between expiries, beyond them that of the nearest."""
        level: Values = np.exp(np.interp(expiry, self.expiry, np.log(self.forward)))
        return level

    def atm_vol(self, expiry: Any) -> Values:
        """Return the vol at the forward."""
        return self.vol_at(0.0, expiry)

    def skew(self, k: Any, expiry: Any) -> FloatArray:
        """Return d vol / d ln(strike) at k: the at-the-money slope at k = 0; expiry 0 as for :meth:`vol_at`."""
        t = np.where(np.equal(expiry, 0.0), self.expiry[0], np.asarray(expiry, np.float64))
        w, slope, _, _ = self._at(k, t)
        skew: FloatArray = slope / (2.0 * np.sqrt(w * t))
        return skew

    def butterfly(self, k: Any, expiry: Any) -> FloatArray:
        """Return Gatheral's g(k), of the sign of the density, at a positive expiry."""
        w, slope, curvature, _ = self._at(k, _positive(expiry))
        return svi.butterfly_of(w, slope, curvature, np.asarray(k, np.float64))

    def density(self, strike: Any, expiry: Any) -> FloatArray:
        """Return the risk-neutral density of the price at expiry, per unit of quote currency."""
        strike = np.asarray(strike, np.float64)
        k = np.log(strike / self.forward_at(expiry))
        density: FloatArray = self.log_density(k, expiry) / strike
        return density

    def log_density(self, k: Any, expiry: Any) -> FloatArray:
        """Return the risk-neutral density of ln(price / forward) at a positive expiry."""
        w, slope, curvature, _ = self._at(k, _positive(expiry))
        return svi.log_density(w, svi.butterfly_of(w, slope, curvature, np.asarray(k)), k)

    def local_variance(self, k: Any, expiry: Any) -> FloatArray:
        """Return Dupire's local variance (dw/dT) / g, per year, at a positive expiry; NaN where there is arbitrage."""
        w, slope, curvature, rise = self._at(k, _positive(expiry))
        g = svi.butterfly_of(w, slope, curvature, np.asarray(k, np.float64))
        out: FloatArray = np.where((g > 0) & (rise >= 0), rise / np.where(g > 0, g, 1.0), np.nan)
        return out

    def variance_swap_vol(self, expiry: Any, *, tails: Literal["wings", "flat"] = "flat") -> Values:
        """Return the vol of the variance swap: sqrt(E[-2 ln(S / F)] / T) of the smile at each expiry.

        Parameters
        ----------
        expiry
            Years, positive.
        tails
            Beyond the quotes (between expiries their ends by linear interpolation): "flat", the vol of the last
            quote; "wings", SVI as it is and SABR, whose formula has no log contract, in straight lines of w.  Steep
            wings carry much of the variance, on no quote's word, and where they have arbitrage it means nothing.

        Raises
        ------
        ValueError
            Where an expiry is not positive, or the smile has no log contract: see
            :func:`hedgecore.surface.log_contract`.
        """
        if tails not in ("wings", "flat"):
            raise ValueError(f"tails must be 'wings' or 'flat', not {tails!r}")
        times = _positive(expiry)
        flat = tails == "flat"
        vols = np.empty(times.shape)
        for at, t in np.ndenumerate(times):
            low, high = (float(np.interp(t, self.expiry, ends)) for ends in self.quoted.T)
            trusted = (min(low, 0.0), max(high, 0.0)) if flat or self.form == "sabr" else None
            vols[at] = np.sqrt(log_contract(partial(self._point, t), trusted, flat=flat) / t)
        return vols if times.ndim else float(vols)

    def _point(self, expiry: float, k: FloatArray) -> tuple[FloatArray, FloatArray]:
        w, slope, _, _ = self._at(k, expiry)
        return w, slope

    def arbitrage(self, points: int = 401) -> Arbitrage:
        """Return the violations: butterfly over each slice's quoted range, calendar over twice the widest."""
        k = np.linspace(self.quoted[:, 0], self.quoted[:, 1], points, axis=-1)
        g = self.butterfly(k, self.expiry[:, None])
        reach = 2.0 * np.abs(self.quoted).max()
        w = self.total_variance(np.linspace(-reach, reach, points), self.expiry[:, None])
        falls = np.diff(w, axis=0) < -1e-12 * w[:-1]
        if self.form == "svi":
            _, b, rho, _, _ = self.parameters.T
            lee = b * (1.0 + np.abs(rho))
        else:  # w of Hagan's formula grows faster than k, unless it is constant
            _, beta, nu, _ = self.parameters.T
            lee = np.where((nu == 0.0) & (beta == 1.0), 0.0, np.inf)
        return Arbitrage((g < 0).sum(axis=1), g.min(axis=1), falls.sum(axis=1), lee)

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return one row for each slice: expiry, forward, parameters, at-the-money vol and slope."""
        columns: dict[str, Any] = (
            {} if self.expiry_time is None else {"expiry_time": self.expiry_time}
        )
        columns |= {"expiry": self.expiry, "forward": self.forward}
        columns |= dict(zip(PARAMETERS[self.form], self.parameters.T, strict=True))
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


def _positive(expiry: Any) -> FloatArray:
    """The expiry, of what is not there for an option that expires now."""
    times = np.asarray(expiry, np.float64)
    bad = ~(np.isfinite(times) & (times > 0))
    if bad.any():
        raise ValueError(f"expiry = {times[bad].ravel()[0]} must be positive and finite")
    return times


def _fixed(values: Any) -> FloatArray:
    array = np.array(values, np.float64)
    array.setflags(write=False)
    return array


def _flat(*values: Any) -> tuple[tuple[Any, ...], tuple[int, ...] | None]:
    """Arguments as the core takes them, and the shape to give the result: None where it is right as it is."""
    for value in values:
        kind = type(value)
        if not (
            kind is float
            or value is None
            or kind is int
            or (kind is np.ndarray and value.ndim == 1)
        ):
            break
    else:
        return values, None
    given = [value for value in values if value is not None]
    arrays = np.broadcast_arrays(*(np.asarray(value, np.float64) for value in given))
    if arrays[0].ndim == 0:
        return tuple(None if value is None else float(value) for value in values), None
    flat = iter([array.ravel() for array in arrays])
    return tuple(None if value is None else next(flat) for value in values), arrays[0].shape


def _shaped(value: Any, shape: tuple[int, ...] | None) -> Values:
    if shape is not None:
        return value.reshape(shape)
    return np.float64(value) if type(value) is float else value


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
