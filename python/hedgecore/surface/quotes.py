"""From the quotes of a chain to one clean smile for each expiry, with every rejected row counted by its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import chain, pricing

try:
    import polars as pl
except ImportError as error:
    raise ImportError('quotes of chains need polars: pip install "hedgecore[data]"') from error

FloatArray = npt.NDArray[np.float64]
ForwardFrom = Literal["venue", "parity"]

REASONS: Final = {
    "stale": "older than the newest quote by more than `max_age`",
    "not positive": "a bid, ask or strike that is negative, infinite or not a number",
    "one-sided": "bid or ask missing",
    "crossed": "bid above ask",
    "duplicate": "strike and kind stand there already, with a newer quote",
    "no forward": "neither the venue nor put-call parity gives a forward",
    "below intrinsic": "no vol gives the middle of bid and ask: it is below intrinsic",
    "above maximum": "no vol gives the middle: above all that an option can be worth",
    "absurd vol": "vol of the middle above `max_vol`",
    "wide": "bid to ask wider than `max_width` times the vol of the middle",
}
"""Why a row is not used, in the order of the checks: a row counts for the first that applies."""

_KEYS: Final = ("base", "settlement", "expiry_time")


@dataclass(frozen=True, slots=True)
class Smile:
    """The usable quotes of one expiry: one row for each strike, in order.

    Attributes
    ----------
    base, settlement, expiry_time, expiry
        Whose they are; years from the newest quote, ACT/365.
    forward, discount
        Quote currency per coin (the median of the rows); discount factor of prices.
    strike, log_moneyness
        ``log_moneyness`` is ln(strike / forward of the row).
    bid_vol, ask_vol, vol
        Implied by bid (0 where it is below intrinsic), ask and their middle.
    kind
        +1 call, -1 put: the option out of the money where its quote is usable, else the other one.
    rows, rejected
        Rows looked at; how many were left out, by reason (:data:`REASONS`).
    two_sided
        Strikes where call or put has both sides, whatever else is said of them.
    """

    base: str
    settlement: str
    expiry_time: np.datetime64
    expiry: float
    forward: float
    discount: float
    strike: FloatArray
    log_moneyness: FloatArray
    bid_vol: FloatArray
    ask_vol: FloatArray
    vol: FloatArray
    kind: npt.NDArray[np.int8]
    rows: int
    rejected: dict[str, int]
    two_sided: int

    def __len__(self) -> int:
        """Return the number of strikes."""
        return len(self.strike)

    @property
    def out_of_the_money(self) -> npt.NDArray[np.bool_]:
        """Whether the quote of each strike is that of the option out of the money."""
        return self.kind * self.log_moneyness >= 0


@dataclass(frozen=True, slots=True)
class Parity:
    """Forward and discount factor by put-call parity: ``pairs`` strikes had both sides of call and put."""

    forward: float
    discount: float
    pairs: int


def parity(
    strike: FloatArray, call: FloatArray, put: FloatArray, *, inverse: bool = False
) -> Parity:
    """Return the forward and the discount factor in calls and puts of one expiry.

    Linear: C - P = D (F - K), a line in K.  Its slope is the median of the slopes between all pairs of
    strikes (Theil and Sen), which withstands a quarter of bad rows; F is the median of K + (C - P) / D.
    Inverse prices: c - p = 1 - K / F, discounting being part of the coin: D = 1.

    Parameters
    ----------
    strike, call, put
        Distinct strikes and prices, linear ones in the quote currency, inverse ones in the coin.

    Returns
    -------
    Parity
        NaN where there is nothing to tell from: no strike; for a linear D, under three strikes D is 1.
    """
    strike, gap = np.asarray(strike, np.float64), np.asarray(call) - np.asarray(put)
    if not len(strike):
        return Parity(np.nan, np.nan, 0)
    if inverse:
        with np.errstate(divide="ignore"):
            found = strike / (1.0 - gap)
        found = found[np.isfinite(found) & (found > 0)]
        return Parity(float(np.median(found)) if len(found) else np.nan, 1.0, len(found))
    discount = 1.0
    if len(strike) >= 3:
        i, j = np.triu_indices(len(strike), 1)
        discount = float(-np.median((gap[i] - gap[j]) / (strike[i] - strike[j])))
    if not 0.5 < discount < 2.0:  # no rate of this world: the quotes are not of one expiry
        return Parity(np.nan, np.nan, len(strike))
    return Parity(float(np.median(strike + gap / discount)), discount, len(strike))


def smiles(
    data: Any,
    at: str | datetime | None = None,
    *,
    forward: ForwardFrom = "venue",
    max_age: timedelta = chain.WINDOW,
    max_vol: float = 10.0,
    max_width: float = 0.5,
    enough: int = 5,
) -> tuple[datetime, list[Smile]]:
    """Return the time of the newest quote and the smile of every expiry that has quotes.

    Parameters
    ----------
    data
        A table read by :mod:`hedgecore.venues`, or its frame.
    at
        Only what was known then: quotes at or before it, of each instrument the last.
    forward
        "venue": the forward of the row where it has one, else by parity; "parity": by parity, with the
        discount factor in the quotes of linear options.
    max_age, max_vol, max_width
        See :data:`REASONS`.  Wide quotes stay where an expiry has fewer than ``enough`` others: their
        weight in a fit is small anyway.
    """
    if forward not in ("venue", "parity"):
        raise ValueError(f"forward must be 'venue' or 'parity', not {forward!r}")
    frame = chain._frame(data).filter(pl.col("type") == "option")
    if at is not None:
        frame = frame.filter(pl.col("timestamp") <= chain.as_utc(at))
    if not frame.height:
        raise ValueError("no quotes of options" + (f" at or before {at}" if at else ""))
    asof: Any = frame["timestamp"].max()
    frame = (
        frame.filter(pl.col("expiry_time") > asof)
        .sort("timestamp", descending=True, maintain_order=True)
        .unique("instrument", keep="first", maintain_order=True)
    )
    out = []
    for keys, rows in frame.group_by(_KEYS, maintain_order=True):
        out.append(_smile(keys, rows, asof, forward, max_age, max_vol, max_width, enough))
    return asof, sorted(out, key=lambda s: (s.base, s.settlement, s.expiry_time))


def _smile(
    keys: tuple[Any, ...],
    rows: pl.DataFrame,
    asof: datetime,
    forward_from: ForwardFrom,
    max_age: timedelta,
    max_vol: float,
    max_width: float,
    enough: int,
) -> Smile:
    """The smile of one expiry, of rows with the newest first."""
    base, settlement, expiry_time = keys
    n = rows.height
    bid, ask, strike = (
        rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
        for name in ("bid", "ask", "strike")
    )
    missing = [rows[name].is_null().to_numpy() for name in ("bid", "ask")]
    kind = rows["kind"].fill_null(0).to_numpy()
    reason = np.full(n, "", dtype="U16")

    def reject(where: npt.NDArray[np.bool_], why: str) -> None:
        reason[where & (reason == "")] = why

    reject((rows["timestamp"] < asof - max_age).to_numpy(), "stale")
    good_strike = np.isfinite(strike) & (strike > 0) & (kind != 0)
    for price, absent in ((bid, missing[0]), (ask, missing[1])):
        absent |= price == 0.0  # a venue's way to say that there is none
        reject(~absent & ~(np.isfinite(price) & (price > 0)), "not positive")
    reject(~good_strike, "not positive")
    reject(missing[0] | missing[1], "one-sided")
    two_sided = len(np.unique(strike[reason == ""]))
    reject(bid > ask, "crossed")
    seen: set[tuple[float, int]] = set()
    for i in np.flatnonzero(reason == ""):
        pair = (float(strike[i]), int(kind[i]))
        if pair in seen:
            reason[i] = "duplicate"
        seen.add(pair)

    mid = 0.5 * (bid + ask)
    usable = reason == ""
    both, calls, puts = np.intersect1d(
        strike[usable & (kind > 0)], strike[usable & (kind < 0)], return_indices=True
    )
    found = parity(
        both,
        mid[np.flatnonzero(usable & (kind > 0))[calls]],
        mid[np.flatnonzero(usable & (kind < 0))[puts]],
        inverse=settlement == "inverse",
    )
    forward = rows["forward"].fill_null(np.nan).to_numpy().copy()
    known = np.isfinite(forward) & (forward > 0)
    discount = 1.0
    if forward_from == "parity" and np.isfinite(found.forward):
        forward[:], discount = found.forward, found.discount
    else:
        forward[~known] = found.forward
    reject(~np.isfinite(forward), "no forward")

    expiry = (expiry_time - asof).total_seconds() / (365 * 86_400)
    vols = {name: np.full(n, np.nan) for name in ("bid", "ask", "mid")}
    status = np.full(n, int(pricing.Status.OK))
    chosen = np.flatnonzero(reason == "")
    if len(chosen):
        for name, price in (("bid", bid), ("ask", ask), ("mid", mid)):
            vol, state = pricing.implied_vol(
                price[chosen] / discount,
                kind[chosen],
                strike=strike[chosen],
                expiry=expiry,
                forward=forward[chosen],
                settlement=settlement,
                return_status=True,
                threads=1,
            )
            if name == "bid":  # below intrinsic: any vol is above what it implies
                vol = np.where(state == pricing.Status.BELOW_INTRINSIC, 0.0, vol)
            if name == "ask":
                vol = np.where(state == pricing.Status.ABOVE_MAXIMUM, np.inf, vol)
            vols[name][chosen] = vol
            if name == "mid":
                status[chosen] = state
    vol = vols["mid"]
    reject((status == pricing.Status.BELOW_INTRINSIC) | (vol == 0), "below intrinsic")
    reject(status == pricing.Status.ABOVE_MAXIMUM, "above maximum")
    reject(~np.isnan(vol) & (vol > max_vol), "absurd vol")
    moneyness = np.full(n, np.nan)
    ok = reason == ""
    moneyness[ok] = np.log(strike[ok] / forward[ok])
    wide = ok & ~(vols["ask"] - vols["bid"] <= max_width * vol)
    if len(np.unique(strike[ok & ~wide])) >= enough:
        reject(wide, "wide")

    # one row for each strike: out of the money first
    ok = np.flatnonzero(reason == "")
    order = ok[np.lexsort((-(kind[ok] * moneyness[ok]), strike[ok]))]
    _, first = np.unique(strike[order], return_index=True)
    picked = order[first]
    values, counts = np.unique(reason[reason != ""], return_counts=True)
    tally = dict(zip(values.tolist(), counts.tolist(), strict=True))
    usable_forward = forward[np.isfinite(forward)]
    return Smile(
        base,
        settlement,
        np.datetime64(expiry_time.replace(tzinfo=None), "us"),
        expiry,
        float(np.median(usable_forward)) if len(usable_forward) else np.nan,
        discount,
        strike[picked],
        moneyness[picked],
        vols["bid"][picked],
        vols["ask"][picked],
        vol[picked],
        kind[picked].astype(np.int8),
        n,
        {why: tally[why] for why in REASONS if why in tally},
        two_sided,
    )
