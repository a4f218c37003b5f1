"""What a perpetual pays for being held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.backtest.tape import HOUR_US, Tape, _tables, _times

Array = npt.NDArray[Any]
DEAD_BAND: Final = 0.00025


@dataclass(frozen=True, eq=False)
class Funding:
    """Funding by step.

    Attributes
    ----------
    rate
        Of each step: what longs pay until the next, as a share of the notional.
    source
        Of each step "data", "modelled" (the venue's rule on the perpetual's premium) or "none" (nothing is known: 0).
    """

    rate: Array
    source: Array

    def __repr__(self) -> str:
        """Return how many steps have which source."""
        names, counts = np.unique(self.source[:-1], return_counts=True)
        return "funding: " + ", ".join(f"{name} {count:,} steps" for name, count in zip(names, counts, strict=True))  # fmt: skip


def rule(premium: Array, cap: float = 0.005) -> Array:
    """Return the rate per 8 hours that Deribit's rule makes of a premium: nothing within 0.025 %, the rest of it beyond, at most the cap."""
    beyond = np.maximum(DEAD_BAND, premium) + np.minimum(-DEAD_BAND, premium)
    return np.asarray(np.clip(beyond, -cap, cap))


def funding(tape: Tape, rates: Any = None, cap: float = 0.005) -> Funding:
    """Return the funding of a tape: from data where they cover a step, else by the venue's rule from what was last seen.

    Parameters
    ----------
    tape
        Its premium is that of the perpetual over the index.
    rates
        A table of funding of :mod:`hedgecore.venues`: the rate of a payment is for the ``hours`` before it, so that it is taken for
        the steps in them.
    cap
        Of the modelled rate per 8 hours.
    """
    spans = np.append(np.diff(tape.times), 0) / (8 * HOUR_US)
    known = np.isfinite(tape.premium)
    per_8h = np.where(known, rule(np.where(known, tape.premium, 0.0), cap), 0.0)
    source = np.where(known, "modelled", "none").astype("U8")
    if rates is not None:
        table = _tables(rates)[0]
        paid, rate, hours = (_times(table["timestamp"]), table["rate"].astype(np.float64), table["hours"].astype(np.float64))  # fmt: skip
        order = np.argsort(paid, kind="stable")
        paid, rate, hours = paid[order], rate[order], hours[order]
        at = np.searchsorted(paid, tape.times, side="right")
        inside = at < len(paid)
        at = np.minimum(at, len(paid) - 1)
        inside &= tape.times >= paid[at] - hours[at] * HOUR_US
        inside &= np.isfinite(rate[at])
        per_8h = np.where(inside, rate[at] * 8.0 / hours[at], per_8h)
        source = np.where(inside, "data", source)
    return Funding(per_8h * spans, source)
