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
Mask = npt.NDArray[np.bool_]
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
_COLUMNS: Final = ("timestamp", "instrument", "kind", "strike", "bid", "ask", "forward")
_CODE: Final = {why: code for code, why in enumerate(REASONS, start=1)}
_USED: Final = 0
_YEAR: Final = 365 * 86_400


@dataclass(frozen=True, slots=True)
class Parity:
    """Forward and discount factor by put-call parity: ``pairs`` strikes had both sides of call and put."""

    forward: float
    discount: float
    pairs: int


_NO_PARITY: Final = Parity(np.nan, np.nan, 0)


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
    venue_forward
        The venue's forward, the median of its rows, whichever is used; NaN where it gives none.
    parity
        Forward and discount factor in the quotes, whichever is used; NaN where they give none.
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
    venue_forward: float = np.nan
    parity: Parity = _NO_PARITY

    def __len__(self) -> int:
        """Return the number of strikes."""
        return len(self.strike)

    @property
    def out_of_the_money(self) -> npt.NDArray[np.bool_]:
        """Whether the quote of each strike is that of the option out of the money."""
        return self.kind * self.log_moneyness >= 0


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
        Distinct strikes and prices, linear ones in the quote currency, inverse ones in the coin.  A strike without one of
        them (NaN) is left out.

    Returns
    -------
    Parity
        NaN where there is nothing to tell from: no strike; for a linear D, under three strikes D is 1.

    Raises
    ------
    ValueError
        For columns of several lengths, and a strike that stands twice.
    """
    strike, call, put = (np.asarray(x, np.float64) for x in (strike, call, put))
    if not (strike.ndim == 1 and strike.shape == call.shape == put.shape):
        raise ValueError(
            "strike, call and put must be one-dimensional and equal in length, not of shapes "
            f"{strike.shape}, {call.shape} and {put.shape}"
        )
    known = ~(np.isnan(strike) | np.isnan(call) | np.isnan(put))
    strike, gap = strike[known], (call - put)[known]
    values, count = np.unique(strike, return_counts=True)
    if (count > 1).any():
        raise ValueError(f"strike = {values[count > 1][0]} stands {count[count > 1][0]} times")
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
    if not isinstance(max_age, timedelta):
        raise TypeError(f"max_age must be a datetime.timedelta, not {max_age!r}")
    for name, limit in (("max_vol", max_vol), ("max_width", max_width)):
        if not limit > 0:
            raise ValueError(f"{name} = {limit} must be positive")
    if forward not in ("venue", "parity"):
        raise ValueError(f"forward must be 'venue' or 'parity', not {forward!r}")
    frame = chain.quotes_frame(data).filter(pl.col("type") == "option")
    if at is not None:
        frame = frame.filter(pl.col("timestamp") <= chain.as_utc(at))
    if not frame.height:
        raise ValueError("no quotes of options" + (f" at or before {at}" if at else ""))
    asof: Any = frame["timestamp"].max()
    frame = (
        frame.filter(pl.col("expiry_time") > asof)
        .select(*_KEYS, *_COLUMNS)
        .sort("timestamp", descending=True, maintain_order=True)
        .unique("instrument", keep="first", maintain_order=True)
        .sort(_KEYS, maintain_order=True)
    )
    if not frame.height:
        return asof, []
    rows = _Rows(frame, asof)
    rows.look(max_age)
    rows.set_forwards(forward)
    rows.imply()
    rows.judge(max_vol, max_width, enough)
    return asof, rows.smiles()


class _Rows:
    """The options of all expiries, those of an expiry together, the newest first; and what is wrong with each."""

    def __init__(self, frame: pl.DataFrame, asof: datetime) -> None:
        n = frame.height
        self.group = frame.select(pl.struct(_KEYS).rle_id()).to_series().to_numpy().astype(np.intp)
        self.first = np.flatnonzero(np.diff(self.group, prepend=-1))
        self.count = np.diff(self.first, append=n)
        self.keys = frame[self.first.tolist()].select(_KEYS).rows()
        self.years = np.array([(when - asof).total_seconds() / _YEAR for _, _, when in self.keys])
        self.inverse = np.array([settlement == "inverse" for _, settlement, _ in self.keys])
        self.age = (asof - frame["timestamp"]).to_numpy()
        self.bid, self.ask, self.strike, self.forward = (
            frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
            for name in ("bid", "ask", "strike", "forward")
        )
        self.missing = [
            frame[name].is_null().to_numpy()
            | (price == 0.0)  # 0: a venue's way to say that there is none
            for name, price in (("bid", self.bid), ("ask", self.ask))
        ]
        self.kind = frame["kind"].fill_null(0).to_numpy()
        self.reason = np.zeros(n, np.int8)

    def reject(self, where: Mask, why: str) -> None:
        self.reason[where & (self.reason == _USED)] = _CODE[why]

    def strikes(self, where: Mask) -> npt.NDArray[np.intp]:
        """How many different strikes each expiry has among these rows."""
        rows = np.flatnonzero(where)
        rows = rows[np.lexsort((self.strike[rows], self.group[rows]))]
        return np.bincount(self.group[rows[self._starts(rows)]], minlength=len(self.keys))

    def _starts(self, rows: npt.NDArray[np.intp]) -> Mask:
        """Of rows in order of expiry and strike, the first of each strike."""
        group, strike = self.group[rows], self.strike[rows]
        starts = np.ones(len(rows), bool)
        starts[1:] = (group[1:] != group[:-1]) | (strike[1:] != strike[:-1])
        return starts

    def look(self, max_age: timedelta) -> None:
        """Reject what can be told of a row without its expiry's other ones; and duplicates."""
        self.reject(self.age > np.timedelta64(max_age), "stale")
        for price, missing in zip((self.bid, self.ask), self.missing, strict=True):
            self.reject(~missing & ~(np.isfinite(price) & (price > 0)), "not positive")
        good = np.isfinite(self.strike) & (self.strike > 0) & (self.kind != 0)
        self.reject(~good, "not positive")
        self.reject(self.missing[0] | self.missing[1], "one-sided")
        self.two_sided = self.strikes(self.reason == _USED)
        self.reject(self.bid > self.ask, "crossed")
        rows = np.flatnonzero(self.reason == _USED)
        rows = rows[np.lexsort((self.kind[rows], self.strike[rows], self.group[rows]))]
        again = ~self._starts(rows)
        again[1:] &= self.kind[rows[1:]] == self.kind[rows[:-1]]
        self.reason[rows[again]] = _CODE["duplicate"]
        self.mid = 0.5 * (self.bid + self.ask)
        rows = rows[~again]
        puts = np.flatnonzero(~self._starts(rows)) - 1  # each strike has one put, before its call
        self.pairs = rows[puts], rows[puts + 1]

    def set_forwards(self, forward_from: ForwardFrom) -> None:
        """The forward of each row, of the venue or by parity, and the discount factor of each expiry."""
        put, call = self.pairs
        ends = np.searchsorted(self.group[put], np.arange(len(self.keys) + 1))
        strike, calls, puts = self.strike[put], self.mid[call], self.mid[put]
        self.parity = [
            parity(strike[a:b], calls[a:b], puts[a:b], inverse=bool(inverse))
            for a, b, inverse in zip(ends[:-1], ends[1:], self.inverse, strict=True)
        ]
        implied, discount = np.array([(p.forward, p.discount) for p in self.parity]).T
        known = np.isfinite(self.forward) & (self.forward > 0)
        self.venue_forward = self.medians(self.forward, known)
        by_parity = np.isfinite(implied) & (forward_from == "parity")
        self.discount = np.where(by_parity, discount, 1.0)
        self.forward = np.where(known & ~by_parity[self.group], self.forward, implied[self.group])
        self.reject(~np.isfinite(self.forward), "no forward")

    def medians(self, values: FloatArray, where: Mask) -> list[float]:
        """The median of each expiry over these rows; NaN where there are none."""
        rows = np.flatnonzero(where)
        rows = rows[np.lexsort((values[rows], self.group[rows]))]
        ends = np.searchsorted(self.group[rows], np.arange(len(self.keys) + 1))
        last = len(rows) - 1
        low, high = (
            values[rows[np.clip(at, 0, last)]] if len(rows) else np.full(len(self.keys), np.nan)
            for at in ((ends[:-1] + ends[1:] - 1) // 2, (ends[:-1] + ends[1:]) // 2)
        )
        middle: list[float] = np.where(np.diff(ends) > 0, 0.5 * (low + high), np.nan).tolist()
        return middle

    def imply(self) -> None:
        """The vols of bid, ask and middle, in one call for each settlement."""
        n = len(self.reason)
        self.vols = np.full((3, n), np.nan)
        self.status = np.full((3, n), int(pricing.Status.OK), np.int8)
        prices = np.stack([self.bid, self.ask, self.mid]) / self.discount[self.group]
        used = self.reason == _USED
        for settlement in ("inverse", "linear"):
            rows = np.flatnonzero(used & (self.inverse[self.group] == (settlement == "inverse")))
            if not len(rows):
                continue
            vol, status = pricing.implied_vol(
                prices[:, rows].ravel(),
                np.tile(self.kind[rows], 3),
                strike=np.tile(self.strike[rows], 3),
                expiry=np.tile(self.years[self.group[rows]], 3),
                forward=np.tile(self.forward[rows], 3),
                settlement=settlement,
                return_status=True,
                threads=1,
            )
            self.vols[:, rows], self.status[:, rows] = vol.reshape(3, -1), status.reshape(3, -1)
        # below intrinsic: any vol is above what the bid implies
        self.vols[0, self.status[0] == pricing.Status.BELOW_INTRINSIC] = 0.0
        self.vols[1, self.status[1] == pricing.Status.ABOVE_MAXIMUM] = np.inf

    def judge(self, max_vol: float, max_width: float, enough: int) -> None:
        """Reject by vols; of wide quotes where the others are enough."""
        bid, ask, vol = self.vols
        status = self.status[2]
        self.reject((status == pricing.Status.BELOW_INTRINSIC) | (vol == 0), "below intrinsic")
        self.reject(status == pricing.Status.ABOVE_MAXIMUM, "above maximum")
        self.reject(~np.isnan(vol) & (vol > max_vol), "absurd vol")
        used = self.reason == _USED
        wide = used & ~(ask - bid <= max_width * vol)
        self.reject(wide & (self.strikes(used & ~wide) >= enough)[self.group], "wide")

    def smiles(self) -> list[Smile]:
        """One smile for each expiry, one row for each strike: out of the money first."""
        rows = np.flatnonzero(self.reason == _USED)
        moneyness = np.full(len(self.reason), np.nan)
        moneyness[rows] = np.log(self.strike[rows] / self.forward[rows])
        rows = rows[
            np.lexsort((-(self.kind * moneyness)[rows], self.strike[rows], self.group[rows]))
        ]
        rows = rows[self._starts(rows)]
        ends = np.searchsorted(self.group[rows], np.arange(len(self.keys) + 1))
        kinds = len(REASONS) + 1
        tally = np.bincount(self.group * kinds + self.reason, minlength=len(self.keys) * kinds)
        forward = self.medians(self.forward, np.isfinite(self.forward))
        columns: dict[str, Any] = {
            "strike": self.strike[rows],
            "log_moneyness": moneyness[rows],
            **dict(zip(("bid_vol", "ask_vol", "vol"), self.vols[:, rows], strict=True)),
            "kind": self.kind[rows].astype(np.int8),
        }
        found = []
        for i, (base, settlement, when) in enumerate(self.keys):
            counts = tally[i * kinds : (i + 1) * kinds].tolist()
            found.append(
                Smile(
                    base=base,
                    settlement=settlement,
                    expiry_time=np.datetime64(when.replace(tzinfo=None), "us"),
                    expiry=float(self.years[i]),
                    forward=forward[i],
                    discount=float(self.discount[i]),
                    **{name: values[ends[i] : ends[i + 1]] for name, values in columns.items()},
                    rows=int(self.count[i]),
                    rejected={why: counts[code] for why, code in _CODE.items() if counts[code]},
                    two_sided=int(self.two_sided[i]),
                    venue_forward=self.venue_forward[i],
                    parity=self.parity[i],
                )
            )
        return found
