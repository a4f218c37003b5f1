"""What made the profit of a book between two market states.

The change of value is split, option by option, into the terms of its expansion in the moves of forward, vol and time; what
they leave is a line of its own, so that the lines add up to the full revaluation.

===========  ============================================================================================
line         with F the forward (price of a future), V the value in the currency of settlement
===========  ============================================================================================
delta        V_F (F0 S1/S0 - F0): the forward moved in proportion to the index
smile        vega x how far the rule of ``dynamics`` takes the vol as the forward moves; 0 without one
gamma        1/2 V_FF (F0 S1/S0 - F0)^2
vega         vega x the rest of the move of the vol
vanna        V_Fvol (F1 - F0) (vol1 - vol0)
volga        1/2 V_volvol (vol1 - vol0)^2
theta        theta x the time that passed, forward and rate held
carry        the forward's move against the index, F1 - F0 S1/S0 (roll and change of the basis, of futures and perpetuals
             too), to second order; and rho x the change of the discount rate
funding      what was paid, as given
residual     the full revaluation less all others
translation  the value before, in a currency that itself moved: value0 (S1 - S0) of what is settled in coin, seen in USD
===========  ============================================================================================

Every line is computed in the currency of settlement and converted at the rate after; so their sum is V1 c1 - V0 c0, c the
rate of the view, coin or USD.  Source: second-order expansions as in every textbook (Bergomi 2016, chapter 1);
"mid" is the midpoint rule, whose error is of third order in time as well; what expired in between is expanded
from the start.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import frames, pricing, risk
from hedgecore.instruments import FUTURE, NAT, OPTION, PERPETUAL, SPOT, expiries_of
from hedgecore.surface import dynamics as rules

if TYPE_CHECKING:
    from hedgecore.book import Aligned, Book, Market
    from hedgecore.surface.dynamics import Dynamics

Array = npt.NDArray[Any]
By = Literal["total", "underlying", "expiry"]
Currency = Literal["usd", "coin"]

TERMS: Final[tuple[str, ...]] = (
    "delta", "smile", "gamma", "vega", "vanna", "volga", "theta", "carry", "funding", "residual", "translation",
)  # fmt: skip
BLOCK: Final = 65_536
"""Positions worked on at a time."""


@dataclass(frozen=True)
class Explain:
    """The profit of a book between two markets by its causes; made by :func:`book_explain`.

    Attributes
    ----------
    underlying, expiry_time
        The bucket of each row: coin, expiry (NaT: perpetual, spot, cash, funding of a coin).
    usd, coin
        ``pnl`` and the lines of :data:`TERMS` by bucket, in USD and in the coin.
    left_out
        Names of instruments that one of the markets cannot value; they are in no line.
    settled
        Names of those that expired in between, at which price is up to ``settlements``.
    """

    before: Market
    after: Market
    underlying: Array
    expiry_time: Array
    usd: dict[str, Array]
    coin: dict[str, Array]
    left_out: tuple[str, ...]
    settled: tuple[str, ...]
    _work: _Work = field(repr=False)

    def table(self, by: By = "underlying", currency: Currency = "usd") -> dict[str, Array]:
        """Return P&L and its lines by underlying, by expiry too, or in total (in USD alone)."""
        if currency not in ("usd", "coin"):
            raise ValueError(f"currency must be 'usd' or 'coin', not {currency!r}")
        columns = self.usd if currency == "usd" else self.coin
        if by == "total":
            if currency != "usd":
                raise ValueError("a total over coins exists in USD alone")
            return {name: np.array([column.sum()]) for name, column in columns.items()}
        keys: dict[str, Array] = {"underlying": self.underlying}
        if by == "expiry":
            keys["expiry_time"] = self.expiry_time
        elif by != "underlying":
            raise ValueError(f"by must be 'total', 'underlying' or 'expiry', not {by!r}")
        order, start = risk.groups_of(keys)
        head = {name: key[order][start] for name, key in keys.items()}
        return head | {
            name: np.add.reduceat(column[order], start) if start.size else column[:0]
            for name, column in columns.items()
        }

    @property
    def total(self) -> dict[str, float]:
        """P&L and its lines in USD."""
        return {name: float(column.sum()) for name, column in self.usd.items()}

    def residual_share(self, underlying: str | None = None, currency: Currency = "usd") -> float:
        """Return abs(residual) / sum of abs(lines), translation left out; above 5 % the lines do not explain the P&L."""
        if underlying is None:
            sums = {name: column[0] for name, column in self.table("total", currency).items()}
        else:
            table = self.table("underlying", currency)
            row = table["underlying"] == underlying
            if not row.any():
                raise ValueError(f"the book has nothing in {underlying!r}")
            sums = {name: table[name][row][0] for name in TERMS}
        size = sum(abs(sums[name]) for name in TERMS if name not in ("residual", "translation"))
        return float(abs(sums["residual"]) / size) if size > 0 else 0.0

    def positions(self, block: int = 4096) -> Iterator[dict[str, Array]]:
        """Yield P&L and its lines by position, so many at a time: ``instrument``, ``quantity``, ``delta_usd``, ``delta_coin``, ..."""
        if block < 1:
            raise ValueError(f"block = {block} must be positive")
        work = self._work
        for first in range(0, len(work.rows), block):
            rows = work.rows[first : first + block]
            views = work.views(rows)
            table = work.table
            yield {
                "instrument": table.name[rows], "underlying": table.base[rows],
                "expiry_time": table.expiry_time[rows], "quantity": work.net[rows],
            } | {
                f"{name}_{view}": column
                for view, columns in zip(("usd", "coin"), views, strict=True)
                for name, column in columns.items()
            }  # fmt: skip

    def to_frame(
        self, by: By = "expiry", currency: Currency = "usd", library: frames.Library | None = None
    ) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(by, currency), library)

    def plot(self, underlying: str | None = None, currency: Currency = "usd") -> Any:
        """Return the lines as a waterfall: :func:`hedgecore.figures.plot_explain`."""
        from hedgecore import figures

        return figures.plot_explain(self, underlying, currency)

    def __repr__(self) -> str:
        table = self.table("expiry" if len(self.underlying) <= 40 else "underlying")
        span = " to ".join(
            np.datetime_as_string(m.time, unit="m").replace("T", " ")
            for m in (self.before, self.after)
        )
        rest = f"residual {self.residual_share():.2%} of the lines"
        for what, names in (("settled", self.settled), ("left out", self.left_out)):
            rest += (
                f"; {what}: {', '.join(names[:5])}{' ...' if len(names) > 5 else ''}"
                if names
                else ""
            )
        return f"P&L explained in USD, {span} UTC\n{frames.text_table(table)}\n{rest}"


def book_explain(
    book: Book,
    before: Market,
    after: Market,
    *,
    dynamics: Dynamics | None = None,
    at: Literal["start", "mid"] = "start",
    funding: Mapping[str, float] | None = None,
    settlements: Mapping[tuple[str, Any], float] | None = None,
) -> Explain:
    """Split the change of value of a book between two markets into its causes.

    Parameters
    ----------
    book
        What was held all the time.
    before, after
        The markets.
    dynamics
        A rule of :mod:`hedgecore.surface.dynamics`: what it makes of the vols as forwards move is the line ``smile``.
    at
        Where the Greeks are taken: "start", or "mid", in the middle between the two states, first-order ones being carried
        back to the start by those of second order (the midpoint rule; residuals are an order smaller in time, and smaller).
        What expired in between is expanded from the start.
    funding
        What was received (paid: negative) in between, by instrument in its currency of settlement, or by coin in the coin.
    settlements
        By (coin, expiry time) the price at which what expired in between was settled.  Not given: the index of
        ``after``, the first one known from then on.

    Raises
    ------
    ValueError
        ``after`` before ``before``; funding of what is neither held nor a coin; settlements that are not positive or of what did
        not expire in between.

    Notes
    -----
    ``pnl`` is the full revaluation and the funding.  The lines add up to it to rounding: within 16 half-ulps of the sum
    of their magnitudes.  Nothing fades within the averaging window before expiry, as the value does not either.
    """
    rules.check_rule(dynamics)
    if at not in ("start", "mid"):
        raise ValueError(f"at must be 'start' or 'mid', not {at!r}")
    if after.time < before.time:
        raise ValueError(f"after ({after.time}) must not lie before before ({before.time})")
    table, net = book.instruments, book.net_quantity
    entry = risk.entry_values(book)
    first, last = before.align(table), after.align(table)
    held = (net != 0) | np.isfinite(entry)
    gone = first.valued & (last.expiry < 0)
    last = _settled(table, last, gone, after, settlements)
    # an option without a vol after it expired needs none
    last = replace(
        last,
        vol=np.where(gone, first.vol, last.vol),
        expiry=np.where(gone, 0.0, last.expiry),
        rate=np.where(gone, first.rate, last.rate),
    )
    used = held & first.valued & (last.valued | (gone & np.isfinite(last.forward)))
    work = _Work(
        table,
        net,
        entry,
        np.flatnonzero(used),
        first,
        last,
        dynamics,
        at,
        _paid(table, used, after, funding),
    )

    pairs, bucket = table.expiries
    head = [(str(base), when) for base, when in pairs]
    used_pairs = set(bucket[work.rows].tolist())
    place = {}  # the bucket of what a coin's funding is: that of its perpetual, or one more
    for name in funding or {}:
        if name not in table.name[used]:
            same = [i for i in used_pairs if head[i][0] == name and np.isnat(head[i][1])]
            place[name] = same[0] if same else len(head)
            head += [] if same else [(name, NAT)]
    usd, coin = ({name: np.zeros(len(head)) for name in ("pnl", *TERMS)} for _ in range(2))
    for start in range(0, len(work.rows), BLOCK):
        rows = work.rows[start : start + BLOCK]
        for sums, view in zip((usd, coin), work.views(rows), strict=True):
            for name, column in sums.items():
                column += np.bincount(bucket[rows], view[name], len(head))
    for name, i in place.items():
        for sums, rate in ((usd, after.index[name]), (coin, 1.0)):
            for line in ("pnl", "funding"):
                sums[line][i] += rate * (funding or {})[name]
    kept = sorted(used_pairs | set(place.values()))
    for sums in (usd, coin):
        _close(sums)
        for name in sums:
            sums[name] = sums[name][kept]
    return Explain(
        before, after,
        np.array([head[i][0] for i in kept], dtype=np.str_), np.array([head[i][1] for i in kept], "M8[us]"),
        usd, coin,
        tuple(str(n) for n in table.name[held & ~used]), tuple(str(n) for n in table.name[used & gone]), work,
    )  # fmt: skip


def _close(columns: dict[str, Array]) -> None:
    """Make the residual what the other lines leave of the P&L."""
    others = sum(columns[name] for name in TERMS if name != "residual")
    columns["residual"] = columns["pnl"] - others


def _settled(
    table: Any,
    last: Aligned,
    gone: Array,
    after: Market,
    settlements: Mapping[tuple[str, Any], float] | None,
) -> Aligned:
    """The market's data after, with the price that what expired was settled at."""
    prices = {}
    for (base, when), price in (settlements or {}).items():
        if not (np.isfinite(price) and price > 0):
            raise ValueError(f"settlement of {base} {when} = {price} must be finite and positive")
        key = (base, expiries_of([when], 1, "settlements")[0])
        if not (gone & (table.base == base) & (table.expiry_time == key[1])).any():
            raise ValueError(f"settlements: nothing of the book in {base} expired at {key[1]}")
        prices[key] = price
    forward = last.forward.copy()
    for i in np.flatnonzero(gone):
        base = str(table.base[i])
        forward[i] = prices.get((base, table.expiry_time[i]), after.index.get(base, np.nan))
    return replace(last, forward=forward)


def _paid(table: Any, used: Array, after: Market, funding: Mapping[str, float] | None) -> Array:
    """Funding by instrument; ValueError for names that are neither held nor coins."""
    paid = np.zeros(len(table))
    for name, amount in (funding or {}).items():
        if not np.isfinite(amount):
            raise ValueError(f"funding of {name} = {amount} must be finite")
        rows = np.flatnonzero(used & (table.name == name))
        if rows.size:
            paid[rows[0]] += amount
        elif name not in after.index:
            raise ValueError(f"funding: {name!r} is neither held nor a coin of the market")
    return paid


@dataclass(frozen=True)
class _Work:
    """What the lines of some rows of the table are computed from."""

    table: Any
    net: Array
    entry: Array
    rows: Array
    before: Aligned
    after: Aligned
    dynamics: Dynamics | None
    at: str
    paid: Array

    def views(self, rows: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """P&L and lines of positions in USD and in coin."""
        own, value = self._native(rows)
        out = []
        rates = [self._rates(data, rows) for data in (self.before, self.after)]
        for view in range(2):
            start, end = rates[0][view], rates[1][view]
            columns: dict[str, Array] = {name: own[name] * end for name in TERMS if name in own}
            columns["translation"] = value[0] * (end - start)
            columns["pnl"] = value[1] * end - value[0] * start + columns["funding"]
            _close(columns)
            out.append(columns)
        return out[0], out[1]

    def _rates(self, data: Aligned, rows: Array) -> tuple[Array, Array]:
        """USD, and coins, per unit of the currency of settlement."""
        linear = ~self.table.inverse[rows] & (self.table.type[rows] < SPOT)
        s, unit = data.index[rows], data.unit[rows]
        return np.where(linear, unit, s), np.where(linear, unit / s, 1.0)

    def _native(self, rows: Array) -> tuple[dict[str, Array], tuple[Array, Array]]:
        """The lines but residual and translation, and the values before and after, in the currency of settlement."""
        own = {
            name: np.zeros(len(rows)) for name in TERMS if name not in ("residual", "translation")
        }
        own["funding"] = self.paid[rows]
        values = (np.where(self.table.type[rows] >= SPOT, self.net[rows], 0.0),) * 2
        values = (values[0].copy(), values[1].copy())
        for inverse in (True, False):
            same = self.table.inverse[rows] == inverse
            for kinds, part in (((OPTION,), self._options), ((FUTURE, PERPETUAL), self._futures)):
                where = np.flatnonzero(same & np.isin(self.table.type[rows], kinds))
                if where.size:
                    lines, both = part(rows[where], inverse)
                    for name, column in lines.items():
                        own[name][where] = column
                    for value, column in zip(values, both, strict=True):
                        value[where] = column
        return own, values

    def _moves(self, rows: Array) -> tuple[Array, Array, Array, Array]:
        """Forward before, its moves with the index and in all, the factor of the index."""
        f0, f1 = self.before.forward[rows], self.after.forward[rows]
        factor = self.after.index[rows] / self.before.index[rows]
        return f0, f0 * factor - f0, f1 - f0, factor

    def _options(self, rows: Array, inverse: bool) -> tuple[dict[str, Array], tuple[Array, Array]]:
        q = self.net[rows]
        f0, with_index, move, _ = self._moves(rows)
        ends = [self._state(data, rows) for data in (self.before, self.after)]
        values = tuple(
            q * self._greeks(rows, state, inverse, ("price",))["price"] for state in ends
        )
        vol, years, rate = ((b - a) for a, b in zip(ends[0][1:], ends[1][1:], strict=True))
        middle = self.at == "mid"
        # between a life and a payoff there is no middle: what expired is expanded from the start
        half = np.where(ends[1][2] > 0, 0.5, 0.0) if middle else 0.0
        state = tuple(a + half * (b - a) for a, b in zip(*ends, strict=True))
        g = self._greeks(
            rows, state, inverse, ("price", "delta", "gamma", "vega", "theta", "vanna", "volga")
        )
        f, live = state[0], state[2] > 0
        curved = {
            name: np.where(live, g[name], 0.0)
            for name in ("gamma", "vega", "theta", "vanna", "volga")
        }
        slope = g["delta"] / f if inverse else g["delta"]
        bend = (curved["gamma"] - slope) / f if inverse else curved["gamma"]
        cross = curved["vanna"] / f if inverse else curved["vanna"]
        vega, volga = curved["vega"], curved["volga"]
        if middle:
            slope = slope - half * (bend * move + cross * vol)
            vega = vega - half * (volga * vol + cross * move)
        slide = np.zeros(len(rows))
        if self.dynamics is not None:
            log_move = np.log(self.after.forward[rows] / f0)
            slide = rules.by_option(self.dynamics.slide, self.table, self.before, rows, log_move)
            slide = np.where(ends[1][2] > 0, slide, 0.0)  # what expired has no smile any more
        basis = slope * (move - with_index) + 0.5 * bend * (move * move - with_index * with_index)
        lines = {
            "delta": slope * with_index, "smile": vega * slide, "gamma": 0.5 * bend * with_index**2,
            "vega": vega * (vol - slide), "vanna": cross * move * vol, "volga": 0.5 * volga * vol * vol,
            "theta": curved["theta"] * -years, "carry": basis - state[2] * g["price"] * rate,
        }  # fmt: skip
        return {name: q * line for name, line in lines.items()}, (values[0], values[1])

    def _futures(self, rows: Array, inverse: bool) -> tuple[dict[str, Array], tuple[Array, Array]]:
        q, (p, with_index, move, _) = self.net[rows], self._moves(rows)
        p1 = p + move
        now = q / p if inverse else q * p
        paid = np.where(np.isnan(self.entry[rows]), now, self.entry[rows])
        if inverse:
            values = (paid - q / p, paid - q / self.after.forward[rows])
            mid = 0.5 * (p + p1) if self.at == "mid" else p
            slope, bend = q / mid**2, -2.0 * q / mid**3
            if self.at == "mid":
                slope = slope - 0.5 * bend * move
        else:
            values = (q * p - paid, q * self.after.forward[rows] - paid)
            slope, bend = q, np.zeros(len(rows))
        basis = slope * (move - with_index) + 0.5 * bend * (move * move - with_index * with_index)
        lines = {"delta": slope * with_index, "gamma": 0.5 * bend * with_index**2, "carry": basis}
        return lines, values

    def _state(self, data: Aligned, rows: Array) -> tuple[Array, Array, Array, Array]:
        return data.forward[rows], data.vol[rows], data.expiry[rows], data.rate[rows]

    def _greeks(
        self, rows: Array, state: tuple[Array, ...], inverse: bool, which: tuple[str, ...]
    ) -> Any:
        forward, vol, years, rate = state
        return pricing.greeks(
            self.table.kind[rows], strike=self.table.strike[rows], expiry=years, vol=vol, forward=forward,
            discount=np.exp(-rate * years) if rate.any() else None,
            settlement="inverse" if inverse else "linear", which=which,
        )  # fmt: skip
