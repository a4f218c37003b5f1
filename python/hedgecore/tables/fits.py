"""Fitted smiles beside the quotes they were fitted to: the figures of every expiry and of every quote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.surface import ENOUGH, Arbitrage, ModelFree, Surface, fit, model_free
from hedgecore.surface.implied_variance import MONTH
from hedgecore.surface.surface import PARAMETERS

if TYPE_CHECKING:
    from hedgecore.surface.quotes import ForwardFrom, Smile
    from hedgecore.surface.surface import Model

Array = npt.NDArray[Any]

CORE: Final = (0.1, 0.9)
"""The absolute deltas between which the share of quotes inside bid and ask is told apart."""


@dataclass(frozen=True)
class Fit:
    """The options of one coin and settlement: the smiles in their quotes, and the surface through them.

    Attributes
    ----------
    base, settlement
        Whose options.
    smiles
        Of every expiry with quotes, in order of time, usable or not.
    surface
        None where no expiry has enough strikes.
    index
        USD per coin, or NaN.
    model
        What the surface is made of, or would be.
    """

    base: str
    settlement: str
    smiles: tuple[Smile, ...]
    surface: Surface | None
    index: float
    model: Model = "svi_free"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters of a slice."""
        return PARAMETERS["sabr" if self.model == "sabr" else "svi"]

    @cached_property
    def places(self) -> dict[np.datetime64, int]:
        """Of each expiry time that has a slice the place among the slices."""
        fitted = [s.expiry_time for s in self.smiles if len(s) >= ENOUGH]
        return {when: place for place, when in enumerate(fitted)}

    @cached_property
    def arbitrage(self) -> Arbitrage | None:
        """The violations of the surface."""
        return None if self.surface is None else self.surface.arbitrage()

    @cached_property
    def strips(self) -> ModelFree:
        """Model-free variance of the expiries."""
        return model_free(self.smiles)

    @cached_property
    def month_vol(self) -> float:
        """Model-free vol of 30 days, decimal; NaN where no expiries stand on both sides."""
        try:
            return self.strips.index(MONTH) / 100
        except ValueError:
            return float("nan")

    @cached_property
    def quotes(self) -> dict[str, Array]:
        """A row for each strike used: vols of bid, middle, ask and fit, the slice's parameters.

        ``delta`` is Black's at the vol of the middle; ``error`` the fitted vol less that of the middle.
        NaN in the columns of the fit where the expiry has no slice.
        """
        parts = [self._quotes(smile) for smile in self.smiles if len(smile)]
        if not parts:
            return {}
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @cached_property
    def slices(self) -> dict[str, Array]:
        """A row for each expiry: forwards, what was used, parameters, shape, closeness, arbitrage.

        Vols are decimal, ``atm_slope`` is d vol / d ln(strike), ``error_...`` decimal too; the risk reversal and the
        butterfly are of Black deltas of 0.25 on the forward, not net of premium.  ``calendar_points`` are of the
        pair with the next slice.
        """
        from hedgecore.surface.quotes import REASONS

        model_free_vol = {strip.expiry: strip.vol for strip in self.strips.strips}
        rows = [
            self._slice(smile) | {"model_free_vol": model_free_vol.get(smile.expiry, float("nan"))}
            for smile in self.smiles
        ]
        columns = {name: np.array([row[name] for row in rows]) for name in rows[0]} if rows else {}
        return columns | {
            f"rejected_{why.replace(' ', '_').replace('-', '_')}": np.array(
                [smile.rejected.get(why, 0) for smile in self.smiles], np.int64
            )
            for why in REASONS
        }

    def _quotes(self, smile: Smile) -> dict[str, Array]:
        n, k = len(smile), smile.log_moneyness
        fitted, parameters = np.full(n, np.nan), np.full(len(self.parameters), np.nan)
        if self.surface is not None and smile.expiry_time in self.places:
            fitted = self.surface.vol_at(k, smile.expiry)
            parameters = self.surface.parameters[self.places[smile.expiry_time]]
        root = smile.vol * np.sqrt(smile.expiry)
        d1 = 0.5 * root - k / root
        delta = np.array([NormalDist().cdf(x) for x in d1]) - (smile.kind < 0)
        return {
            "underlying": np.full(n, self.base),
            "settlement": np.full(n, self.settlement),
            "expiry_time": np.full(n, smile.expiry_time),
            "expiry": np.full(n, smile.expiry),
            "forward": np.full(n, smile.forward),
            "strike": smile.strike,
            "kind": smile.kind,
            "log_moneyness": k,
            "delta": delta,
            "bid_vol": smile.bid_vol,
            "mid_vol": smile.vol,
            "ask_vol": smile.ask_vol,
            "fitted_vol": fitted,
            "error": fitted - smile.vol,
            "inside": (fitted >= smile.bid_vol) & (fitted <= smile.ask_vol),
            "core": smile.out_of_the_money & (np.abs(delta) >= CORE[0]) & (np.abs(delta) <= CORE[1]),
            **{
                name: np.full(n, value)
                for name, value in zip(self.parameters, parameters, strict=True)
            },
        }  # fmt: skip

    def _slice(self, smile: Smile) -> dict[str, Any]:
        none = float("nan")
        row: dict[str, Any] = {
            "underlying": self.base, "settlement": self.settlement, "expiry_time": smile.expiry_time,
            "expiry": smile.expiry, "forward": smile.forward, "forward_venue": smile.venue_forward,
            "forward_parity": smile.parity.forward, "discount": smile.discount, "rows": smile.rows,
            "two_sided": smile.two_sided, "strikes": len(smile),
            **dict.fromkeys(self.parameters, none), "atm_vol": none, "atm_slope": none,
            "risk_reversal_25": none, "butterfly_25": none,
            "model_free_vol": none,
            "inside": 0, "core_strikes": 0, "core_inside": 0, "error_median": none, "error_95": none,
            "butterfly_points": -1, "smallest_g": none, "calendar_points": -1, "lee_slope": none,
        }  # fmt: skip
        surface, found = self.surface, self.arbitrage
        at = self.places.get(smile.expiry_time)
        if surface is None or found is None or at is None:
            return row
        quotes = self._quotes(smile)
        row |= dict(zip(self.parameters, surface.parameters[at].tolist(), strict=True))
        row["atm_vol"] = float(surface.atm_vol(smile.expiry))
        row["atm_slope"] = float(surface.skew(0.0, smile.expiry))
        row["risk_reversal_25"], row["butterfly_25"] = wings(surface, smile.expiry)
        error, core = np.abs(quotes["error"]), quotes["core"]
        row["inside"] = int(quotes["inside"].sum())
        row["core_strikes"], row["core_inside"] = int(core.sum()), int(quotes["inside"][core].sum())
        row["error_median"], row["error_95"] = np.percentile(error, (50, 95)).tolist()
        row["butterfly_points"] = int(found.butterfly[at])
        row["smallest_g"], row["lee_slope"] = float(found.smallest_g[at]), float(found.lee[at])
        row["calendar_points"] = int(found.calendar[at]) if at < len(found.calendar) else 0
        return row


def fits_of(
    quotes: Any,
    at: str | datetime | None = None,
    *,
    model: Model = "svi_free",
    forward: ForwardFrom = "venue",
) -> tuple[datetime, tuple[Fit, ...]]:
    """Return the time of the newest quote and a fit for every coin and settlement with options.

    Parameters are those of :func:`hedgecore.surface.fit_all`; where nothing fits, the fit has no surface.
    """
    from hedgecore import chain, surface

    asof, found = surface.smiles(quotes, at, forward=forward)
    frame = chain.snapshot(chain.quotes_frame(quotes), at)
    index: dict[str, Any] = {
        str(base): rows["index"].cast(float).median()
        for (base,), rows in frame.partition_by("base", as_dict=True).items()
    }
    fits = []
    for base, settlement in dict.fromkeys((s.base, s.settlement) for s in found):
        mine = [s for s in found if (s.base, s.settlement) == (base, settlement)]
        fitted = None
        if any(len(s) >= ENOUGH for s in mine):
            fitted = fit(mine, model=model, asof=asof)
        fits.append(
            Fit(
                base,
                settlement,
                tuple(mine),
                fitted,
                float("nan") if index.get(base) is None else float(index[base]),
                model,
            )
        )
    return asof, tuple(fits)


def wings(surface: Surface, expiry: float, delta: float = 0.25) -> tuple[float, float]:
    """Return risk reversal and butterfly of an expiry: vol of the call less that of the put, their mean less at the money.

    The strikes are those where Black's delta on the forward, N(d1), is ``delta`` and 1 - ``delta``, at the vol of the
    surface; NaN where the smile never gets there.
    """
    call, put = (
        float(surface.vol_at(_strike_of(surface, expiry, NormalDist().inv_cdf(side)), expiry))
        for side in (delta, 1.0 - delta)
    )
    return call - put, 0.5 * (call + put) - float(surface.atm_vol(expiry))


def _strike_of(surface: Surface, expiry: float, d1: float) -> float:
    """The k at which d1 = -k / sqrt(w) + sqrt(w) / 2 has this value, by bisection; NaN where it never has."""

    def above(k: float) -> bool:
        root = float(np.sqrt(surface.total_variance(k, expiry)))
        return 0.5 * root - k / root > d1

    reach = 2.0 * float(np.sqrt(surface.total_variance(0.0, expiry)))
    for _ in range(12):
        if above(-reach) and not above(reach):
            break
        reach *= 2.0
    else:
        return float("nan")
    low, high = -reach, reach
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if above(middle) else (low, middle)
    return 0.5 * (low + high)


def joined(fits: Sequence[Fit], what: str) -> dict[str, Array]:
    """Return ``quotes`` or ``slices`` of several fits as one set of columns."""
    parts = [part for part in (getattr(one, what) for one in fits) if part]
    if not parts:
        return {}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
