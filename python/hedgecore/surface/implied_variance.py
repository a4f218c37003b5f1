"""Model-free implied variance: the log contract by strips of out-of-the-money options, and by a whole smile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import pricing

if TYPE_CHECKING:
    from hedgecore.surface.quotes import Smile

FloatArray = npt.NDArray[np.float64]

MONTH: Final = 30 / 365
"""The term of DVOL, in years."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Model-free variance of one expiry.

    Attributes
    ----------
    total_variance
        Expected integral of squared vol to expiry: vol^2 T of the variance swap.
    contribution
        The sum of the strip alone: sum(dK / K^2 Q(K)).
    forward, centre
        The forward used; the strike at or below it where puts give way to calls.
    expiry
        Years.
    """

    total_variance: float
    contribution: float
    forward: float
    centre: float
    expiry: float

    @property
    def vol(self) -> float:
        """The vol of the variance swap."""
        return float(np.sqrt(self.total_variance / self.expiry))


def strip_variance(
    strike: Any,
    price: Any,
    expiry: float,
    forward: float,
    *,
    rate: float = 0.0,
    centre: float | None = None,
) -> Strip:
    """Return 2 e^(rT) sum(dK / K^2 Q(K)) - (F / K0 - 1)^2 of one expiry.

    Parameters
    ----------
    strike
        Two or more, increasing.
    price
        Q(K) in the quote currency: puts below ``centre``, calls above, at ``centre`` the mean of both.
    expiry, rate
        Years; continuous rate per year.
    forward
        Of the expiry.
    centre
        K0; by default the last strike at or below the forward.

    Notes
    -----
    dK is half the distance between the neighbours, at the ends the distance to the only one (the rule of VIX, of the
    DVOL-like indices and of Demeterfi, Derman, Kamal and Zou 1999 in its discrete form).
    """
    strike = np.asarray(strike, np.float64)
    price = np.asarray(price, np.float64)
    if strike.ndim != 1 or strike.shape != price.shape or len(strike) < 2:
        raise ValueError("strike and price must be one-dimensional, of one length of at least 2")
    if not (strike[0] > 0 and (np.diff(strike) > 0).all()):
        raise ValueError("strike must be positive and increase")
    if not (np.isfinite(price).all() and (price >= 0).all()):
        raise ValueError("price must be finite and not negative")
    if not (expiry > 0 and forward > 0):
        raise ValueError(f"expiry = {expiry} and forward = {forward} must be positive")
    if centre is None:
        below = strike[strike <= forward]
        centre = float(below[-1]) if len(below) else float(strike[0])
    contribution = float(np.sum(_steps(strike) * price / strike**2))
    total = 2.0 * float(np.exp(rate * expiry)) * contribution - (forward / centre - 1.0) ** 2
    return Strip(total, contribution, float(forward), centre, expiry)


def index_vol(near: Strip, far: Strip, target: float) -> float:
    """Return the vol of a constant term in percent, by total variance linear in time between two strips.

    Parameters
    ----------
    target
        The term in years, for example 30 / 365 for DVOL.
    """
    if not far.expiry > near.expiry:
        raise ValueError("far must expire after near")
    share = (target - near.expiry) / (far.expiry - near.expiry)
    total = (1.0 - share) * near.total_variance + share * far.total_variance
    if not (target > 0 and total > 0):
        raise ValueError(f"target = {target}: total variance {total} there is not positive")
    return float(100.0 * np.sqrt(total / target))


@dataclass(frozen=True, slots=True)
class ModelFree:
    """Model-free variance of an underlying by expiry, from the quotes alone.

    Attributes
    ----------
    base, settlement
        Whose options.
    strips
        One for each expiry with enough strikes, in order of time.
    left_out
        A line for each expiry without one, that says why.
    """

    base: str
    settlement: str
    strips: tuple[Strip, ...]
    left_out: tuple[str, ...]

    def index(self, term: float = MONTH) -> float:
        """Return the vol of a constant term (years) in percent: that of DVOL by default.

        By the strips before and after it (:func:`index_vol`).

        Raises
        ------
        ValueError
            Where no strip expires before the term, or none after: nothing is extrapolated.
        """
        near = [strip for strip in self.strips if strip.expiry <= term]
        far = [strip for strip in self.strips if strip.expiry > term]
        if near and near[-1].expiry == term:
            return 100.0 * near[-1].vol
        if not near or not far:
            terms = ", ".join(f"{365 * strip.expiry:.1f}" for strip in self.strips) or "none"
            raise ValueError(
                f"{self.base}: no strips on both sides of {365 * term:.1f} days, they expire in {terms} days"
            )
        return index_vol(near[-1], far[0], term)


def model_free(smiles: Sequence[Smile], *, enough: int = 5) -> ModelFree:
    """Return the strips of the smiles of one underlying: one for each expiry, of the middles of its quotes.

    Undiscounted prices by Black's formula at the vol of each strike's middle: of the option out of the money
    where its quote is usable, by put-call parity of the other one else.  See :func:`strip_variance`.

    Parameters
    ----------
    smiles
        As :func:`hedgecore.surface.smiles` returns them.
    enough
        Strikes that an expiry needs, some of them on either side of the forward.
    """
    if len({(s.base, s.settlement) for s in smiles}) != 1:
        raise ValueError("model_free takes the smiles of one base and settlement, at least one")
    strips, left_out = [], []
    for smile in sorted(smiles, key=lambda s: s.expiry):
        below = int((smile.strike <= smile.forward).sum())
        if len(smile) < enough or not 0 < below < len(smile):
            day = np.datetime_as_string(smile.expiry_time, unit="D")
            left_out.append(
                f"{smile.base} {smile.settlement} {day}: {len(smile)} strikes, {below} of them up to the "
                f"forward; a strip needs {enough} on both sides"
            )
            continue
        kind = np.where(smile.log_moneyness <= 0, -1, 1)
        moneyness = np.exp(
            smile.log_moneyness
        )  # of the row's own forward, that the vol is implied on
        price = pricing.price(
            kind, strike=moneyness, expiry=smile.expiry, vol=smile.vol, forward=1.0, threads=1
        )
        centre = int(np.flatnonzero(moneyness <= 1.0)[-1])
        price[centre] += 0.5 * (1.0 - moneyness[centre])  # the mean of put and call
        strips.append(strip_variance(moneyness, price, smile.expiry, 1.0))
    return ModelFree(smiles[0].base, smiles[0].settlement, tuple(strips), tuple(left_out))


def log_contract(
    point: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    ends: tuple[float, float] | None = None,
    *,
    flat: bool = False,
) -> float:
    """Return E[-2 ln(S / F)] of a smile: the total variance of the variance swap.

    Parameters
    ----------
    point
        Total variance w and its slope at k.
    ends
        Where the smile is trusted: beyond, w goes on in straight lines.  None: everywhere.
    flat
        Beyond the ends w stays, and so does the vol.

    Raises
    ------
    ValueError
        Where w rises as fast as 2 abs(k) to the left: the price may then fall to 0, and its logarithm has no
        mean; or where the integral does not settle.

    Notes
    -----
    The integral of w(k) n(d2(k)) d(-d2(k)) over all k, d2 = -k / sqrt(w) - sqrt(w) / 2: integration by parts of
    the strip 2 sum(dK / K^2 Q(K)) (Fukasawa, "The normalizing transformation of the implied volatility
    smile", 2012; Morokoff, Akesson and Zhou 1999).  By Gauss and Legendre on k = sqrt(w(0)) sinh(u), halving
    panels until they agree to 1e-13.
    """
    corners = np.array([] if ends is None else ends, np.float64)

    def smile(k: FloatArray) -> tuple[FloatArray, FloatArray]:
        if ends is None:
            return point(k)
        inside = np.clip(k, *corners)
        w, slope = point(inside)
        if flat:
            return w, np.where(k == inside, slope, 0.0)
        return w + slope * (k - inside), slope

    def integrand(k: FloatArray) -> FloatArray:
        w, slope = smile(k)
        root = np.sqrt(w)
        d2 = -k / root - 0.5 * root
        rise = (1.0 - 0.5 * k * slope / w + 0.25 * slope) / root
        found: FloatArray = w * np.exp(-0.5 * d2 * d2) / np.sqrt(2.0 * np.pi) * rise
        return found

    scale = float(np.sqrt(smile(np.zeros(1))[0][0]))
    limits = []
    for side in (-1.0, 1.0):
        steps = np.arange(1.0, 40.0)
        k = side * scale * np.sinh(steps)
        w, _ = smile(k)
        gone = np.abs(-k / np.sqrt(w) - 0.5 * np.sqrt(w)) > _GONE
        if not gone.any():
            raise ValueError(
                f"total variance grows as fast as 2 abs(k) on the {'left' if side < 0 else 'right'}: "
                "the log contract has no value"
            )
        limits.append(side * steps[np.argmax(gone)])
    cuts = np.unique(np.clip([limits[0], *np.arcsinh(corners / scale), limits[1]], *limits))

    def integral(a: FloatArray, b: FloatArray) -> FloatArray:
        half = 0.5 * (b - a)[:, None]
        u = a[:, None] + half * (1.0 + _NODES)
        values = integrand(scale * np.sinh(u)) * scale * np.cosh(u)
        found: FloatArray = (half * _WEIGHTS * values).sum(axis=1)
        return found

    # a panel that its halves agree with is done
    edges = np.concatenate([*(np.linspace(a, b, 4, endpoint=False) for a, b in pairwise(cuts)), cuts[-1:]])  # fmt: skip
    low, high = edges[:-1], edges[1:]
    whole = integral(low, high)
    size, value = float(np.abs(whole).sum()), 0.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        left, right = integral(low, middle), integral(middle, high)
        open_ = np.abs(left + right - whole) > 1e-13 * size
        value += float((left + right)[~open_].sum())
        if not open_.any():
            return value
        low, high = (
            np.concatenate([low[open_], middle[open_]]),
            np.concatenate([middle[open_], high[open_]]),
        )
        whole = np.concatenate([left[open_], right[open_]])
    raise ValueError("the log contract of this smile does not settle")


_GONE: Final = 9.0
"""Deviations beyond which the normal density is nothing: 1e-18."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def _steps(strike: FloatArray) -> FloatArray:
    steps = np.empty_like(strike)
    steps[1:-1] = 0.5 * (strike[2:] - strike[:-2])
    steps[0], steps[-1] = strike[1] - strike[0], strike[-1] - strike[-2]
    return steps
