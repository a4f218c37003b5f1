"""The risk of a book: value and Greeks in total and by underlying, expiry and strike.

Amounts in the coin and amounts in USD stand in columns of different names, and nothing is added across
coins except in USD.  The two views convert into each other through the index.

Measures of every bucket (columns of :meth:`Risk.table`):

=====================  ==========================================================================
column                 meaning
=====================  ==========================================================================
value_coin, value_usd  value at the market, the premium of options and the profit of futures
                       included; the same amount in coin and in USD at the index
net_delta              coins to trade: F dv/dF of coin-settled instruments (net transaction delta, net
                       of premium), Delta_F F / S of linear ones
black_delta            coins: Black deltas in units of the underlying across expiries, Delta_F F / S
usd_delta              coins: derivative of value_usd by the index, forwards moving in proportion;
                       balances of the coin included
gamma                  coins per USD: d(black_delta)/dS of the options (futures have none in USD)
gamma_1pct             coins: change of the options' black_delta for a move of the underlying by 1 %
net_gamma_1pct         coins: change of net_delta for a move by 1 %
gamma_usd_1pct         USD: gamma_1pct at the index (gamma exposure)
vega_coin, vega_usd    per vol point (0.01)
vega_weighted          USD per vol point, each expiry times (reference tenor / expiry)^exponent
theta_coin, theta_usd  per calendar day
equity_coin            balances: coins held, or cash (its own currency for USD and the like)
positions              instruments with a net quantity
=====================  ==========================================================================

Within the half hour before expiry over which the settlement price is averaged, deltas fade linearly and gammas with
the square (the average so far is not part of the value).

With ``dynamics`` (:mod:`hedgecore.surface.dynamics`) the deltas have the move of the smile in them, vega x d vol / d ln(F):
net_delta, black_delta and usd_delta.  The gammas do not: they are those of vols that stay.

Inverse futures and perpetuals: a position of N USD at price p is worth N (1/entry - 1/p) coins and has a net delta
of N / p.  Source: Deribit's contract specifications and its definition of the net transaction delta.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import _core, frames, pricing
from hedgecore.instruments import CASH, FUTURE, OPTION, PERPETUAL, SPOT
from hedgecore.surface import dynamics as rules

if TYPE_CHECKING:
    from hedgecore.book import Aligned, Book, Market
    from hedgecore.surface.dynamics import Dynamics

Array = npt.NDArray[Any]
By = Literal["underlying", "expiry", "strike"]

SUMS: Final = ("price", "delta", "gamma", "black_delta", "black_gamma", "vega", "theta")
MEASURES: Final = (
    "value_coin", "value_usd", "net_delta", "black_delta", "usd_delta", "gamma", "gamma_1pct",
    "net_gamma_1pct", "gamma_usd_1pct", "vega_coin", "vega_usd", "vega_weighted", "theta_coin",
    "theta_usd", "equity_coin", "positions",
)  # fmt: skip
REFERENCE_TENOR: Final = 30 / 365
TENOR_EXPONENT: Final = 0.5


@dataclass(frozen=True)
class Completeness:
    """How much of a book the figures cover: numbers of instruments, and names of those left out.

    ``closed`` have a net quantity of 0.  ``no_quote``: no index, forward or price.  ``no_vol``:
    options without a vol.  ``expired``: before the market's time.  The last three add nothing to
    the totals.
    """

    positions: int
    valued: int
    closed: int
    no_quote: tuple[str, ...]
    no_vol: tuple[str, ...]
    expired: tuple[str, ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Names of the instruments that add nothing because they are not valued."""
        return (*self.no_quote, *self.no_vol, *self.expired)

    def __str__(self) -> str:
        left_out = [
            f"{len(names)} {what}"
            for what, names in (
                ("without quote", self.no_quote),
                ("without vol", self.no_vol),
                ("expired", self.expired),
            )
            if names
        ]
        closed = f", {self.closed} closed" if self.closed else ""
        return f"{self.valued} of {self.positions} instruments valued{closed}" + (
            f"; left out: {', '.join(left_out)}" if left_out else ""
        )


@dataclass(frozen=True)
class Risk:
    """Value and Greeks of a book in a market; made by :func:`book_risk`.

    Attributes
    ----------
    underlying, expiry_time, strike
        The bucket of each row: coin, expiry (NaT: perpetual, spot, cash), strike (NaN where
        not asked for, or none).
    columns
        The measures of :data:`MEASURES`, one value per bucket.
    completeness
        What the figures cover.
    """

    book: Book
    market: Market
    underlying: Array
    expiry_time: Array
    strike: Array
    columns: dict[str, Array]
    completeness: Completeness
    tenor: tuple[float, float]
    dynamics: Dynamics | None = None

    def __getitem__(self, name: str) -> Array:
        """Return one measure by bucket."""
        return self.columns[name]

    @property
    def has_strikes(self) -> bool:
        """Whether the buckets go down to strikes (or there are no options to have them)."""
        known = ~np.isnan(self.strike)
        return bool(known.any()) or not (self.book.instruments.type == OPTION).any()

    def table(self, by: By = "underlying") -> dict[str, Array]:
        """Return the measures summed by underlying, by expiry too, or by strike too.

        Raises
        ------
        ValueError
            If strikes are asked for and were not kept (``book.risk(market, strikes=True)``).
        """
        keys: dict[str, Array] = {"underlying": self.underlying}
        if by in ("expiry", "strike"):
            keys["expiry_time"] = self.expiry_time
        if by == "strike":
            if not self.has_strikes:
                raise ValueError(
                    "strikes were not kept: ask for them with risk(market, strikes=True)"
                )
            keys["strike"] = self.strike
        elif by not in ("underlying", "expiry"):
            raise ValueError(f"by must be 'underlying', 'expiry' or 'strike', not {by!r}")
        order, start = groups_of(keys)
        head = {name: key[order][start] for name, key in keys.items()}
        sums = {
            name: np.add.reduceat(column[order], start) if start.size else column[:0]
            for name, column in self.columns.items()
        }
        return head | sums

    @cached_property
    def total(self) -> dict[str, dict[str, float]]:
        """The measures by underlying: ``risk.total["BTC"]["net_delta"]``."""
        table = self.table()
        return {
            str(base): {name: float(table[name][i]) for name in MEASURES}
            for i, base in enumerate(table["underlying"])
        }

    @property
    def total_usd(self) -> dict[str, float]:
        """The measures that are amounts of USD, over all underlyings."""
        return {
            name: float(self.columns[name].sum())
            for name in ("value_usd", "gamma_usd_1pct", "vega_usd", "vega_weighted", "theta_usd")
        }

    def gamma_exposure(self, dealer: bool = False) -> dict[str, Array]:
        """Return USD of delta per 1 % move by underlying and strike, all expiries together.

        With ``dealer`` the sign is that of a dealer who is long the calls and short the puts of the
        book held by customers (the common reading of open interest): calls count plus, puts minus.
        """
        net = self.book.net_quantity
        table = self.book.instruments
        data = self.market.align(table)
        rows = np.flatnonzero((table.type == OPTION) & data.valued & (net != 0))
        gamma = self._greeks(rows, ("black_gamma",))["black_gamma"]
        usd = net[rows] * gamma * data.unit[rows] * data.forward[rows] ** 2 / 100
        if dealer:
            usd = usd * table.kind[rows]
        order, start = groups_of({"underlying": table.base[rows], "strike": table.strike[rows]})
        return {
            "underlying": table.base[rows][order][start],
            "strike": table.strike[rows][order][start],
            "gamma_usd_1pct": np.add.reduceat(usd[order], start) if start.size else usd,
        }

    def positions(self) -> dict[str, Array]:
        """Return the measures of each instrument with a net quantity, and its name and quantity.

        NaN where the market cannot value it.
        """
        from dataclasses import replace

        table = self.book.instruments
        paid = entry_values(self.book)
        rows = np.flatnonzero((self.book.net_quantity != 0) | np.isfinite(paid))
        one = table.take(rows)
        single = type(self.book)(
            replace(one, contract_size=np.ones(len(rows))),
            np.arange(len(rows)),
            self.book.net_quantity[rows],
        )
        data = self.market.align(table).take(rows)
        entry = paid[rows]
        bucket = np.arange(len(rows))
        columns, _ = _measures(
            single, data, bucket, data.levels, entry, self.tenor, None, self.dynamics
        )
        # what cannot be valued has no figures, rather than zeros
        columns = {
            name: np.where(data.valued, column, np.nan) if name != "positions" else column
            for name, column in columns.items()
        }
        head = {"instrument": one.name, "underlying": one.base, "expiry_time": one.expiry_time,
                "strike": one.strike, "quantity": self.book.net_quantity[rows]}  # fmt: skip
        return head | columns

    def check(self, limits: Any) -> list[Any]:
        """Return the breaches of net limits: :func:`hedgecore.limits.check`."""
        from hedgecore import limits as module

        return list(module.check(self, limits))

    def to_frame(self, by: By = "expiry", library: frames.Library | None = None) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(by), library)

    def plot(self, underlying: str | None = None) -> Any:
        """Return Greeks by expiry as a plotly figure: :func:`hedgecore.figures.plot_risk`."""
        from hedgecore import figures

        return figures.plot_risk(self, underlying)

    def __repr__(self) -> str:
        shown = ("positions", "value_coin", "value_usd", "net_delta", "black_delta", "gamma_1pct",
                 "vega_usd", "theta_usd", "equity_coin")  # fmt: skip
        table = self.table("expiry" if len(self.underlying) <= 40 else "underlying")
        keys = [name for name in ("underlying", "expiry_time") if name in table]
        text = frames.text_table({name: table[name] for name in (*keys, *shown)})
        return f"Risk in {self.market!r}\n{text}\n{self.completeness}"

    def _greeks(self, rows: Array, which: tuple[str, ...]) -> dict[str, Array]:
        """Greeks of some options of the book, one unit each."""
        table, data = self.book.instruments, self.market.align(self.book.instruments)
        out = {name: np.zeros(len(rows)) for name in which}
        for inverse in (True, False):
            mask = table.inverse[rows] == inverse
            chosen = rows[mask]
            if not chosen.size:
                continue
            names = which if inverse else tuple(n.removeprefix("black_") for n in which)
            g = pricing.greeks(**option_terms(table, data, chosen), which=names, errors="nan")
            for name, plain in zip(which, names, strict=True):
                out[name][mask] = g[plain]
        return out


def book_risk(
    book: Book,
    market: Market,
    *,
    strikes: bool | npt.ArrayLike = False,
    tenor: tuple[float, float] = (REFERENCE_TENOR, TENOR_EXPONENT),
    dynamics: Dynamics | None = None,
    threads: int | None = None,
) -> Risk:
    """Value a book and sum its Greeks by underlying and expiry, in one pass over its instruments.

    Positions in one instrument are netted first.  Nothing is kept per position; ask
    :meth:`Risk.positions` for that.

    Parameters
    ----------
    book, market
        What is held, and the market to value it in.
    strikes
        True: a bucket for each strike too.  An array: buckets between these edges (increasing),
        named by their lower edge; what is below the first has the bucket -infinity.
    tenor
        Reference tenor in years and exponent of ``vega_weighted``, by default 30 days and 0.5.
    dynamics
        How vols go with the forward: a rule of :mod:`hedgecore.surface.dynamics`, which the deltas then have in them.
        None: a vol stays with its option (sticky strike).
    threads
        Of the core, for this call.
    """
    table, data = book.instruments, market.align(book.instruments)
    pairs, bucket = table.expiries
    head = {
        "underlying": np.array([base for base, _ in pairs], dtype=np.str_),
        "expiry_time": np.array([when for _, when in pairs], "M8[us]"),
        "strike": np.full(len(pairs), np.nan),
    }
    levels = data.levels
    if strikes is not False:
        floor = table.strike if strikes is True else _floors(table.strike, strikes)
        order, start = groups_of({"pair": bucket, "strike": floor})
        first = bucket[order][start]
        inner = np.zeros(len(table), np.int32)
        inner[order] = np.repeat(np.arange(len(start)), np.diff(start, append=len(order)))
        head = {name: column[first] for name, column in head.items()}
        head["strike"] = floor[order][start]
        levels = (levels[0][first], levels[1][first], levels[2][first])
        bucket = inner
    columns, completeness = _measures(
        book, data, bucket, levels, entry_values(book), tenor, threads, dynamics
    )
    used = columns["positions"] > 0
    return Risk(
        book, market, head["underlying"][used], head["expiry_time"][used], head["strike"][used],
        {name: columns[name][used] for name in MEASURES}, completeness, tenor, dynamics,
    )  # fmt: skip


def _measures(
    book: Book,
    data: Aligned,
    bucket: Array,
    levels: tuple[Array, Array, Array],
    entry: Array,
    tenor: tuple[float, float],
    threads: int | None,
    dynamics: Dynamics | None = None,
) -> tuple[dict[str, Array], Completeness]:
    """The measures by bucket.

    A bucket is part of one underlying and one expiry: its levels (index, forward, time to expiry) are those of
    all its options, so that the sums of the core need only the quantity as weight.
    """
    rules.check_rule(dynamics)
    table, net = book.instruments, book.net_quantity
    active = (net != 0) | np.isfinite(entry)  # a position closed at a profit still has it
    held = data.valued & active
    everything = bool(held.all())
    buckets = len(levels[0])
    out = {name: np.zeros(buckets) for name in MEASURES}

    for inverse in (True, False):
        every = everything and table.only_options is inverse
        rows: Any = slice(None)
        if not every:
            rows = np.flatnonzero(held & (table.type == OPTION) & (table.inverse == inverse))
            if not rows.size:
                continue
        names = SUMS if inverse else tuple(name.removeprefix("black_") for name in SUMS)
        codes = [pricing.GREEK_NAMES.index(name) for name in names]
        where = bucket if every else bucket[rows]
        weight = net if every else net[rows]
        if not inverse and (data.unit != 1).any():
            weight = weight * data.unit[rows]
        option = option_terms(table, data, rows)
        weights = [weight] * len(codes)
        if dynamics is not None:
            chosen = np.arange(len(table)) if every else rows
            codes.append(pricing.GREEK_NAMES.index("vega"))
            weights.append(weight * rules.by_option(dynamics.slope, table, data, chosen))
        sums, _ = _core.greek_sums(
            option["kind"], option["strike"], option["expiry"], option["vol"], option["forward"],
            None, option.get("discount"), None, None, option["settlement"], codes,
            weights, np.ascontiguousarray(where, np.int32), buckets, "raise", threads,
        )  # fmt: skip
        filled = np.bincount(where, minlength=buckets) > 0
        got = {name: column[filled] for name, column in zip(SUMS, sums, strict=False)}
        s, f, t = (level[filled] for level in levels)
        if dynamics is not None:
            smile = sums[-1][filled] / (1.0 if inverse else f)
            got["black_delta"] = got["black_delta"] + smile
            got["delta"] = got["delta"] + smile
        parts = option_measures(got, (s, f, t), live_share(t, data.averaging), inverse, tenor)
        for name, amount in parts.items():
            out[name][filled] += amount

    _add_futures(out, book, data, held, bucket, buckets, entry)
    for kind in (SPOT, CASH):
        rows = np.flatnonzero(held & (table.type == kind))
        amount = np.bincount(bucket[rows], net[rows], buckets)
        out["equity_coin"] += amount
        out["value_coin"] += amount
        if kind == SPOT:
            out["usd_delta"] += amount
    counted = bucket if everything else bucket[active]
    out["positions"] = np.bincount(counted, minlength=buckets).astype(np.float64)
    s = np.where(np.isfinite(levels[0]), levels[0], 0.0)
    for coin_name, usd_name in (
        ("value_coin", "value_usd"), ("vega_coin", "vega_usd"), ("theta_coin", "theta_usd"),
        ("gamma_1pct", "gamma_usd_1pct"),
    ):  # fmt: skip
        out[usd_name] = out[coin_name] * s
    return out, completeness_of(book, data)


def option_measures(
    got: dict[str, Array],
    levels: tuple[Array, Array, Array],
    live: Array,
    inverse: bool,
    tenor: tuple[float, float],
) -> dict[str, Array]:
    """Measures from sums of Greeks (names of :data:`SUMS`) at the levels index, forward and time to expiry."""
    s, f, t = levels
    basis = f / s
    per_coin = 1.0 if inverse else 1 / s
    coin, vega, theta = (got[name] * per_coin for name in ("price", "vega", "theta"))
    black = _faded(got["black_delta"], live) * basis
    curve = _faded(got["black_gamma"], live**2) * basis
    net_curve = _faded(got["gamma"], live**2) if inverse else curve
    return {
        "value_coin": coin,
        "net_delta": _faded(got["delta"], live) if inverse else black,
        "black_delta": black,
        "usd_delta": _faded(got["delta"], live) + coin if inverse else black,
        "gamma": curve * basis,
        "gamma_1pct": curve * f / 100,
        "net_gamma_1pct": net_curve * f / 100,
        "vega_coin": vega / 100,
        "vega_weighted": vega * s / 100 * (tenor[0] / np.where(t > 0, t, np.inf)) ** tenor[1],
        "theta_coin": theta / 365,
    }


def _add_futures(
    out: dict[str, Array],
    book: Book,
    data: Aligned,
    held: Array,
    bucket: Array,
    buckets: int,
    entry: Array,
) -> None:
    table, net = book.instruments, book.net_quantity
    traded = held & ((table.type == FUTURE) | (table.type == PERPETUAL))
    rows = np.flatnonzero(traded)
    if not rows.size:
        return
    inverse, q, p, s, where = (
        table.inverse[rows],
        net[rows],
        data.forward[rows],
        data.index[rows],
        bucket[rows],
    )
    # sum of quantity / entry (inverse) or quantity x entry (linear); without an entry price no profit
    paid = np.where(np.isnan(entry[rows]), np.where(inverse, q / p, q * p), entry[rows])
    unit = data.unit[rows]
    profit = np.where(inverse, paid - q / p, (q * p - paid) * unit / s)
    coins = np.where(inverse, q / p, q * p * unit / s)
    live = live_share(data.expiry[rows], data.averaging)
    black = np.where(inverse, q / s, coins) * live
    coins = coins * live
    # usd value of an inverse position is S x coins: its derivative is the profit plus the delta in coins
    usd = np.where(inverse, profit + coins, coins)

    def total(amount: Array) -> Array:
        return np.bincount(where, amount, buckets)

    out["value_coin"] += total(profit)
    out["net_delta"] += total(coins)
    out["black_delta"] += total(black)
    out["usd_delta"] += total(usd)
    out["net_gamma_1pct"] += total(np.where(inverse, -coins / 100, 0.0))


def entry_values(book: Book) -> Array:
    """Return by instrument the sum of quantity / entry (inverse) or quantity x entry (linear); NaN: none."""
    table = book.instruments
    total = np.full(len(table), np.nan)
    traded = np.flatnonzero(
        ~np.isnan(book.entry_price) & np.isin(table.type[book.row], (FUTURE, PERPETUAL))
    )
    if not traded.size:
        return total
    row = book.row[traded]
    q = book.quantity[traded] * table.contract_size[row]
    paid = np.where(table.inverse[row], q / book.entry_price[traded], q * book.entry_price[traded])
    # positions of the same instrument without an entry price would be counted at nothing
    partial = np.isin(row, book.row[np.isnan(book.entry_price)])
    if partial.any():
        name = table.name[row[partial][0]]
        raise ValueError(
            f"entry_price of {name} is given for some of its positions and not for others"
        )
    total[np.unique(row)] = 0.0
    np.add.at(total, row, paid)
    return total


def option_terms(table: Any, data: Aligned, rows: Any) -> dict[str, Any]:
    """Return the arguments of the core for some options, all of one settlement."""
    inverse = bool(table.inverse[rows][0])
    arguments = {
        "kind": table.kind[rows], "strike": table.strike[rows], "expiry": data.expiry[rows],
        "vol": data.vol[rows], "forward": data.forward[rows],
        "settlement": "inverse" if inverse else "linear",
    }  # fmt: skip
    if data.rate.any():
        arguments["discount"] = np.exp(-data.rate[rows] * data.expiry[rows])
    return arguments


def completeness_of(book: Book, data: Aligned) -> Completeness:
    """Return how much of a book can be valued, and what cannot."""
    table = book.instruments
    held = book.net_quantity != 0
    active = int(np.count_nonzero(held))
    if active == len(table) and data.valued.all():
        return Completeness(active, active, 0, (), (), ())
    expired = held & (data.expiry < 0)
    quoted = np.isfinite(data.index) & ((table.type >= SPOT) | np.isfinite(data.forward))
    no_quote = held & ~expired & ~quoted
    no_vol = held & ~expired & quoted & (table.type == OPTION) & ~np.isfinite(data.vol)

    def names(rows: Array) -> tuple[str, ...]:
        return tuple(str(name) for name in table.name[rows])

    left_out = int((expired | no_quote | no_vol).sum())
    return Completeness(
        positions=len(table), valued=active - left_out, closed=len(table) - active,
        no_quote=names(no_quote), no_vol=names(no_vol), expired=names(expired),
    )  # fmt: skip


def live_share(years: Array, averaging: float) -> Array:
    """Return what is left of deltas while the settlement price is being averaged: 1 before, then to 0 at expiry.

    With the fraction u of the window gone the settlement price is u x (average so far) + (1 - u) x (average to come): what
    moves with the index is 1 - u of it (Deribit: delta and net transaction delta decay linearly from 07:30 to 08:00).
    """
    if averaging <= 0:
        return np.ones(np.shape(years))
    return np.clip(np.nan_to_num(years, nan=np.inf) * 365 * 86_400 / averaging, 0.0, 1.0)


def _faded(amount: Array, live: Array) -> Array:
    """A Greek times what is left of it; nothing left of a pole (gamma at the money at expiry) is 0."""
    return np.where(live > 0, np.where(live > 0, amount, 0.0) * live, 0.0)


def _floors(strike: Array, edges: npt.ArrayLike) -> Array:
    edge: Array = np.asarray(edges, np.float64)
    if edge.ndim != 1 or not edge.size or not (np.diff(edge) > 0).all():
        raise ValueError("strikes must be True or increasing edges")
    lower: Array = np.concatenate([[-np.inf], edge])[np.searchsorted(edge, strike, side="right")]
    return np.where(np.isnan(strike), np.nan, lower)


def groups_of(keys: dict[str, Array]) -> tuple[Array, Array]:
    """Return an order that brings equal keys together, and where each group starts in it."""
    columns: Iterable[Array] = [
        np.nan_to_num(k, nan=np.inf) if k.dtype.kind == "f" else k for k in keys.values()
    ]
    columns = list(columns)
    order = np.lexsort(columns[::-1])
    if not order.size:
        return order, order
    change = np.zeros(len(order), bool)
    change[0] = True
    for column in columns:
        ordered = column[order]
        if ordered.dtype.kind == "M":
            ordered = ordered.view(np.int64)
        change[1:] |= ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(change)
