"""A market maker's book: customers' trades resampled from real ones, on the options that there are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from hedgecore import pricing
from hedgecore.backtest.strategies import Counted, Orders, Strategy
from hedgecore.backtest.tape import DAY_US, Found, Tape, micros_of, tables_of
from hedgecore.book import YEAR_US
from hedgecore.hedging.position import check, check_numbers
from hedgecore.paths.history import stationary_rows
from hedgecore.paths.random import seed_of

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Flow:
    """Customers' trades of options in the order of time, in terms that fit any chain.

    Attributes
    ----------
    kind
        +1 call, -1 put.
    delta
        Its size, by Black at the vol of the trade and the index.
    days
        To expiry.
    amount
        Coins; positive where the customer bought.
    per_day
        How many a day there were, between the first and the last.
    found
        What was left out.
    """

    kind: Array
    delta: Array
    days: Array
    amount: Array
    per_day: float
    found: tuple[Found, ...] = ()

    @classmethod
    def of(cls, trades: Any, base: str) -> Flow:
        """Take them from a table of trades of :mod:`hedgecore.venues`: the taker is the customer.

        Raises
        ------
        ValueError
            There are fewer than ten of the coin with vol and index, or all at one time.
        """
        (table,) = tables_of(trades)
        mine = np.asarray(table["base"]).astype(np.str_) == base
        mine &= np.asarray(table["type"]).astype(np.str_) == "option"
        time, expiry = micros_of(table["timestamp"]), micros_of(table["expiry_time"])
        numbers = {name: table[name].astype(np.float64) for name in ("strike", "vol", "index", "amount")}  # fmt: skip
        good = mine & (expiry > time)
        for column in numbers.values():
            good &= np.isfinite(column) & (column > 0)
        rows = np.flatnonzero(good)[np.argsort(time[good], kind="stable")]
        if len(rows) < 10 or time[rows[0]] == time[rows[-1]]:
            raise ValueError(f"trades: {len(rows)} of {base} options have vol, index, amount and time left: ten or more at several times are needed")  # fmt: skip
        kind = table["kind"][rows].astype(np.int8)
        years = (expiry - time)[rows] / YEAR_US
        g = pricing.greeks(
            kind, strike=numbers["strike"][rows], expiry=years, vol=numbers["vol"][rows], forward=numbers["index"][rows],
            which=("delta",),
        )  # fmt: skip
        bought = np.asarray(table["side"])[rows].astype(np.str_) == "buy"
        left = int(mine.sum()) - len(rows)
        return cls(
            kind, np.abs(g.delta), 365.0 * years, np.where(bought, 1.0, -1.0) * numbers["amount"][rows],
            len(rows) * DAY_US / float(time[rows[-1]] - time[rows[0]]),
            (Found("trade without vol, index or amount: left out", left),) if left else (),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MarketMaker(Strategy):
    """The other side of customers' trades, held to expiry.

    Between two snapshots as many customers come as a Poisson law of their rate says; they trade as successive customers of the sample did
    (the stationary bootstrap), each the option with bid and ask that has the nearest days to expiry (in the logarithm), and of these with the
    nearest delta.  What a snapshot brings depends on the seed and its number alone.  Fills of ``spread=-1`` are at the
    maker's own quotes: it buys at the bid and sells at the ask.

    Parameters
    ----------
    flow
        The sample; where a configuration makes it, ``data.trades``.
    share
        Of all customers, those that come here.
    per_day
        All customers of a day; that of the sample where not given.
    block
        Mean number of successive customers that are drawn together.
    most
        Coins of an option beyond which no trade takes the maker.
    seed
        Of the random numbers.
    """

    whole: ClassVar[bool] = False

    flow: Flow | None = None
    share: float = 0.01
    per_day: float | None = None
    block: float = 10.0
    most: float = math.inf
    seed: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_numbers(self)
        seed_of(self.seed)
        check(0 < self.share <= 1, "share", self.share, "above 0 and at most 1")
        check(self.per_day is None or 0 < self.per_day < math.inf, "per_day", self.per_day, "positive")  # fmt: skip
        check(1 <= self.block < math.inf, "block", self.block, "1 or more")
        check(self.most > 0, "most", self.most, "positive")

    def orders(self, known: Tape, held: Mapping[str, float]) -> Orders:
        """As :class:`Strategy` says."""
        flow = self.flow
        if flow is None:
            raise ValueError("flow is missing: trades that customers are resampled from")
        now = len(known.snapshots)
        before = int(known.seen[-2]) if len(known) > 1 else 0
        if not before:
            return {}  # since when they come is not known
        elapsed = float(known.snapshots[now - 1] - known.snapshots[before - 1]) / DAY_US
        generator = np.random.Generator(np.random.Philox(key=[self.seed, now]))
        rate = flow.per_day if self.per_day is None else self.per_day
        count = int(generator.poisson(rate * self.share * elapsed))
        if not count:
            return {}
        n = len(flow.kind)
        drawn = np.concatenate([stationary_rows(generator, 1, n, self.block)[0] for _ in range(-(-count // n))])[:count]  # fmt: skip
        chain = known.chain()
        orders: dict[str, list[float]] = {}
        total, counts = dict(held), Counter[str]()
        for row, place in zip(drawn.tolist(), _nearest(flow, drawn, chain, int(known.times[-1])).tolist(), strict=True):  # fmt: skip
            if place < 0:
                counts["customers without an option that is quoted"] += 1
                continue
            name, quantity = str(known.name[chain["instrument"][place]]), -float(flow.amount[row])
            after = total.get(name, 0.0) + quantity
            if abs(after) > max(self.most, abs(total.get(name, 0.0))):
                counts["customers beyond the most"] += 1
                continue
            total[name] = after
            orders.setdefault(name, []).append(quantity)
        return Counted(orders, counts)


def _nearest(flow: Flow, drawn: Array, chain: Mapping[str, Array], now: int) -> Array:
    """The row of the chain for each customer; -1 where none of the kind has bid and ask."""
    days = (chain["expiry"] - now) / DAY_US
    delta = np.abs(chain["delta"])
    live = (days > 0) & np.isfinite(delta + chain["bid"] + chain["ask"])
    out = np.full(len(drawn), -1)
    for kind in (1, -1):
        rows, mine = np.flatnonzero(live & (chain["kind"] == kind)), np.flatnonzero(flow.kind[drawn] == kind)  # fmt: skip
        if not rows.size or not mine.size:
            continue
        listed, of = np.unique(days[rows], return_inverse=True)
        near = np.abs(np.log(flow.days[drawn[mine]][:, None] / listed)).argmin(axis=1)
        for expiry in np.unique(near):
            there, those = rows[of == expiry], mine[near == expiry]
            away = np.abs(flow.delta[drawn[those]][:, None] - delta[there])
            out[those] = there[away.argmin(axis=1)]
    return out
