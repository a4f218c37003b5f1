"""What a perpetual pays for being held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.backtest.tape import HOUR_US, Tape, micros_of, tables_of
from hedgecore.frames import Library, frame_of

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
        Of each step "data", "modelled" (the venue's rule on the perpetual's premium), "none" (nothing is known: 0), or "mixed": data for a
        part of it, the rule or 0 for the rest.
    """

    rate: Array
    source: Array

    def to_frame(self, library: Library | None = None) -> Any:
        """Return a row for each step as a data frame, of pandas or polars."""
        return frame_of({"rate": self.rate, "source": self.source}, library)

    def __repr__(self) -> str:
        """Return how many steps have which source."""
        names, counts = np.unique(self.source[:-1], return_counts=True)
        return "funding: " + ", ".join(f"{name} {count:,} steps" for name, count in zip(names, counts, strict=True))  # fmt: skip


def rule(premium: Array, cap: float = 0.005) -> Array:
    """Return the rate per 8 hours that Deribit's rule makes of a premium: nothing within 0.025 %, the rest of it beyond, at most the cap."""
    beyond = np.maximum(DEAD_BAND, premium) + np.minimum(-DEAD_BAND, premium)
    return np.asarray(np.clip(beyond, -cap, cap))


def funding(tape: Tape, rates: Any = None, cap: float = 0.005) -> Funding:
    """Return the funding of a tape: from data as far as they cover a step, for the rest by the venue's rule from what was last seen.

    Parameters
    ----------
    tape
        Its premium is that of the perpetual over the index.
    rates
        A table of funding of :mod:`hedgecore.venues`: the rate of a payment is for the ``hours`` before it; a step gets of each
        payment the share of its hours that lies in the step.
    cap
        Of the modelled rate per 8 hours.
    """
    spans = np.append(np.diff(tape.times), 0)
    known = np.isfinite(tape.premium)
    per_8h = np.where(known, rule(np.where(known, tape.premium, 0.0), cap), 0.0)
    source = np.where(known, "modelled", "none").astype("U8")
    paid, covered = np.zeros(len(tape)), np.zeros(len(tape))
    if rates is not None:
        paid, covered = _paid(rates, tape.times)
        source = np.where(covered > 0, np.where(covered < spans, "mixed", "data"), source)
    return Funding(paid + per_8h * (spans - covered) / (8 * HOUR_US), source)


def _paid(rates: Any, times: Array) -> tuple[Array, Array]:
    """Of each step what payments bring, by their overlap with it, and the microseconds that they cover."""
    table = tables_of(rates)[0]
    end, rate = micros_of(table["timestamp"]), table["rate"].astype(np.float64)
    start = end - table["hours"].astype(np.float64) * HOUR_US
    good = np.isfinite(rate) & (start < end)
    order = np.flatnonzero(good)[np.argsort(end[good], kind="stable")]
    end, start, rate = end[order], start[order], rate[order]
    if not len(end):
        return np.zeros(len(times)), np.zeros(len(times))
    per_us = rate / (end - start)
    start[1:] = np.maximum(start[1:], end[:-1])  # no time is paid for twice
    lengths = end - start
    knots = np.stack([start, end], axis=1).ravel() - times[0]
    sums = []
    for amounts in (per_us * lengths, lengths):
        total = np.cumsum(amounts)
        at_knots = np.stack([total - amounts, total], axis=1).ravel()
        at_knots[2::2] = at_knots[1:-1:2]
        sums.append(np.append(np.diff(np.interp(times - times[0], knots, at_knots)), 0.0))
    return sums[0], sums[1]
