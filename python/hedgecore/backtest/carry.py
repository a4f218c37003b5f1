"""Options carried through a tape: what was traded, marked and settled, whatever hedges them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import pricing
from hedgecore.backtest.fills import Fills
from hedgecore.backtest.strategies import Strategy
from hedgecore.backtest.tape import Tape
from hedgecore.book import YEAR_US
from hedgecore.frames import Library, Listing
from hedgecore.hedging.position import Option
from hedgecore.hedging.schedule import Schedule
from hedgecore.pricing import price as black

Array = npt.NDArray[Any]
Numeraire = Literal["quote", "coin"]


@dataclass(eq=False)
class Life:
    """An option from its first trade to its settlement, or to the end of the tape.

    Attributes
    ----------
    name, kind, strike, expiry
        Of the option; +1 call, -1 put; expiry in microseconds.
    first
        The step of the first trade; arrays have a number for each step from there on.
    quantity
        Held after the trades of the step.
    forward, vol, years
        As last seen in the chain; the forward follows the price in between.
    moneyness
        The strike over the forward that decides on the delta: K / F, or what has the delta the chain gave.
    age
        Microseconds since it was quoted.
    value
        Of one, in the numeraire.
    """

    name: str
    kind: int
    strike: float
    expiry: int
    first: int
    quantity: Array
    forward: Array
    vol: Array
    years: Array
    moneyness: Array
    age: Array
    value: Array

    @property
    def steps(self) -> slice:
        """The steps at which it can be held."""
        return slice(self.first, self.first + len(self.quantity))

    def greeks(self, which: tuple[str, ...], numeraire: Numeraire) -> Any:
        """Return Greeks of one at each step, with respect to the forward."""
        settlement: Literal["linear", "inverse"] = "inverse" if numeraire == "coin" else "linear"
        return pricing.greeks(
            self.kind, strike=self.strike, expiry=self.years, vol=self.vol, forward=self.forward,
            settlement=settlement, which=which,
        )  # fmt: skip


@dataclass(eq=False)
class Carried:
    """Options that were carried through a tape.

    Attributes
    ----------
    tape, numeraire
        What they were carried through, and the currency of all amounts: USD ("quote") or the coin.
    lives
        One for each option.
    trades
        Rows of step, instrument, quantity, price (coins), amount received, fee, and edge: what the mark was better than the price.
    settlements
        Rows of step, instrument, quantity, price (USD per coin), amount received, fee.
    counts
        What could not be done, or only with old data.
    """

    tape: Tape
    numeraire: Numeraire
    lives: list[Life]
    trades: dict[str, Array]
    settlements: dict[str, Array]
    counts: Counter[str] = field(default_factory=Counter)

    def by_step(self, rows: dict[str, Array], column: str) -> Array:
        """Return the sum of a column of trades or settlements at each step."""
        return np.bincount(rows["step"], rows[column], len(self.tape))

    @cached_property
    def cash(self) -> Array:
        """Cash after each step: premiums, settlements, fees."""
        flow = sum(
            self.by_step(rows, "amount") - self.by_step(rows, "fee")
            for rows in (self.trades, self.settlements)
        )
        return np.asarray(np.cumsum(flow))  # fmt: skip

    @cached_property
    def value(self) -> Array:
        """The value of what is held after each step."""
        total = np.zeros(len(self.tape))
        for life in self.lives:
            total[life.steps] += life.quantity * life.value
        return total

    @property
    def equity(self) -> Array:
        """Cash and options after each step, without a hedge."""
        return np.asarray(self.cash + self.value)

    @cached_property
    def exposure(self) -> dict[str, Array]:
        """What the options are worth more after each step for a move: by name, an array each.

        delta: coins, for a move of the forwards; in coins net of the premium.  gamma: delta for a USD.  vega, theta: the numeraire for a vol
        point and for a day.
        """
        units = {"delta": 1.0, "gamma": 1.0, "vega": 0.01, "theta": 1.0 / 365.0}
        total = {name: np.zeros(len(self.tape)) for name in units}
        for life in self.lives:
            g = life.greeks(tuple(units), self.numeraire)
            for name, unit in units.items():
                total[name][life.steps] += unit * life.quantity * getattr(g, name)
        return total

    def columns(self) -> Listing:
        """Return what was traded and settled, in the order of time."""
        parts = [("trade", self.trades), ("settlement", self.settlements)]
        step = np.concatenate([rows["step"] for _, rows in parts])
        order = np.argsort(step, kind="stable")
        columns = {name: np.concatenate([rows[name] for _, rows in parts])[order] for name in self.settlements}  # fmt: skip
        what = np.concatenate([np.full(len(rows["step"]), name, "U10") for name, rows in parts])
        return Listing(
            {"time": self.tape.times[columns["step"]].view("M8[us]"), "what": what[order]} | columns
        )

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return self.columns().to_frame(library)

    def options(self) -> list[Option]:
        """Return them for :func:`hedgecore.hedging.simulate`, each with its schedule."""
        steps, step = len(self.tape) - 1, self.tape.step
        out = []
        for life in self.lives:
            last = min(life.first + len(life.quantity), steps) - life.first
            if last < 1:
                continue
            price = self.tape.price[life.steps][:last]
            schedule = Schedule(
                first=life.first, quantity=life.quantity[:last], strike=life.moneyness[:last] * price,
                vol=life.vol[:last], years=life.years[:last],
            )  # fmt: skip
            out.append(
                Option(
                    kind=life.kind, strike=life.strike, expiry=(life.first + last) * step, vol=float(life.vol[0]),
                    quantity=float(life.quantity[0]) or 1.0, schedule=schedule,
                )
            )  # fmt: skip
        return out


class _Marks:
    """Vols and forwards of instruments as last seen at each step."""

    def __init__(self, tape: Tape, quoted: bool) -> None:
        self.tape, self.quoted = tape, quoted
        which = tape.quotes["instrument"]
        self.order = np.argsort(which, kind="stable")
        self.start = np.searchsorted(which[self.order], np.arange(len(tape.name) + 1))
        self.snapshot = np.repeat(np.arange(len(tape.snapshots)), np.diff(tape.first_row))
        self.index = tape.index

    def rows(self, instrument: int, steps: Array) -> Array:
        """The row of the last quote that is known at each step."""
        rows = self.order[self.start[instrument] : self.start[instrument + 1]]
        at = np.searchsorted(self.snapshot[rows], self.tape.seen[steps], side="left") - 1
        return np.asarray(rows[at])

    def life(self, instrument: int, first: int) -> Life:
        """An option from a step on, nothing of it held yet."""
        tape = self.tape
        expiry = int(tape.expiry[instrument])
        end = tape.settlement(expiry)
        steps = np.arange(first, len(tape) if end is None else end)
        rows = self.rows(instrument, steps)
        q, price = tape.quotes, tape.price[steps]
        forward = price * (q["forward"][rows] / self.index[self.snapshot[rows]])
        vol = q["mark_vol"][rows]
        years = (expiry - tape.times[steps]) / YEAR_US
        strike, kind = float(tape.strike[instrument]), int(tape.kind[instrument])
        moneyness = strike / forward
        if self.quoted:
            moneyness = _of_delta(moneyness, q["delta"][rows], kind, vol, years)
        return Life(
            str(tape.name[instrument]), kind, strike, expiry, first, np.zeros(len(steps)), forward, vol, years, moneyness,
            tape.times[steps] - tape.snapshots[self.snapshot[rows]], np.zeros(0),
        )  # fmt: skip


def _of_delta(moneyness: Array, delta: Array, kind: int, vol: Array, years: Array) -> Array:
    """K / F at which Black's delta is that of the chain; where there is none, or 0 or 1, that of the strike."""
    from statistics import NormalDist

    share = delta if kind > 0 else 1.0 + delta
    good = np.isfinite(share) & (share > 0) & (share < 1)
    quantile = np.array([NormalDist().inv_cdf(x) if ok else 0.0 for x, ok in zip(share, good, strict=True)])  # fmt: skip
    total = vol * np.sqrt(years)
    return np.where(good, np.exp(0.5 * total * total - quantile * total), moneyness)


def carry(
    tape: Tape,
    strategy: Strategy,
    fills: Fills | None = None,
    *,
    numeraire: Numeraire = "quote",
    deltas: Literal["model", "quoted"] = "model",
    progress: Callable[[int, int], Any] | None = None,
) -> Carried:
    """Carry the options of a strategy through a tape.

    At each step what has expired is settled at its price, the first at or after the expiry; then, where a snapshot is new, the
    strategy says what to trade.  A fill is at the quotes of that snapshot; where the price has moved on since, the quote moves as the
    model's value does.  Marks are Black's at the vol last seen, at a forward that follows the price.

    Parameters
    ----------
    tape, strategy, fills
        The data, what to hold, what trades cost.
    numeraire
        "quote": premiums are turned into USD at the forward when they are paid, fees at the price.  "coin": all stays in coins.
    deltas
        Whether the hedge sees Black's deltas of the marks, or those that the chain quotes.
    progress
        Called with the steps that are done, and all.

    Raises
    ------
    ValueError
        Naming the argument that is outside of its domain, or the option that the strategy wants and the chains do not have.
    """
    if numeraire not in ("quote", "coin"):
        raise ValueError(f"numeraire must be 'quote' or 'coin', not {numeraire!r}")
    if deltas not in ("model", "quoted"):
        raise ValueError(f"deltas must be 'model' or 'quoted', not {deltas!r}")
    if not isinstance(strategy, Strategy):
        raise TypeError(f"strategy must be a Strategy, not {strategy!r}")
    work = _Work(tape, fills or Fills(), numeraire, _Marks(tape, deltas == "quoted"))
    fresh = np.flatnonzero(np.diff(tape.seen, prepend=0) > 0)
    for done, step in enumerate(fresh.tolist()):
        work.trade(step, strategy)
        if progress is not None:
            progress(done + 1, len(fresh))
    return work.finish()


class _Work:
    """What is held while a tape is gone through."""

    def __init__(self, tape: Tape, fills: Fills, numeraire: Numeraire, marks: _Marks) -> None:
        self.tape, self.fills, self.coin, self.marks = tape, fills, numeraire == "coin", marks
        self.place = {str(name): i for i, name in enumerate(tape.name)}
        self.lives: dict[str, Life] = {}
        self.trades: list[tuple[Any, ...]] = []
        self.counts: Counter[str] = Counter()

    def trade(self, step: int, strategy: Strategy) -> None:
        """Ask the strategy at a step, and fill what it wants."""
        now = int(self.tape.times[step])
        held = {
            n: float(x.quantity[step - x.first]) for n, x in self.lives.items() if x.expiry > now
        }
        given = strategy.orders(self.tape.until(step), held)
        self.counts.update(getattr(given, "counts", {}))
        wanted = [(name, float(q)) for name, qs in given.items() for q in np.atleast_1d(qs) if q]
        taken: dict[tuple[str, bool], float] = defaultdict(float)
        deals = [(deal, q) for name, q in wanted if (deal := self._deal(step, name, q, taken))]
        short = len(wanted) - len(deals)
        self.counts["orders without a quote or size"] += short
        cut = [deal for deal, q in deals if abs(deal[2]) < abs(q)]
        for deal in cut:
            quoted = "quoted" if self._is_sized(deal) else "configured"
            self.counts[f"orders cut to the {quoted} size"] += 1
        if self.fills.together and strategy.whole and (short or cut):
            self.counts["structures not entered"] += 1
            return
        if step == 0 and now - int(self.tape.snapshots[self.tape.seen[0] - 1]) > self.tape.times[1] - now:  # fmt: skip
            self.counts["fills at quotes older than a step"] += len(deals)
        for deal, _ in deals:
            self.counts["fills without a quoted size"] += not self._is_sized(deal)
            self._book(step, *deal)

    def _is_sized(self, deal: tuple[str, int, float, float]) -> bool:
        """Whether the chain quotes a size for a deal."""
        _, row, quantity, _ = deal
        return bool(np.isfinite(self.tape.quotes["ask_size" if quantity > 0 else "bid_size"][row]))

    def _deal(
        self, step: int, name: str, quantity: float, taken: dict[tuple[str, bool], float]
    ) -> tuple[str, int, float, float] | None:
        """What can be traded of an order now beside what is taken, and the price at its snapshot; None: nothing."""
        tape = self.tape
        if name not in self.place:
            raise ValueError(f"{name!r} is no option of the chains")
        which, last = self.place[name], int(tape.seen[step]) - 1
        part = slice(int(tape.first_row[last]), int(tape.first_row[last + 1]))
        row = part.start + int(np.searchsorted(tape.quotes["instrument"][part], which))
        if (
            row >= part.stop
            or tape.quotes["instrument"][row] != which
            or tape.expiry[which] <= tape.times[step]
        ):
            return None  # fmt: skip
        q = {key: float(tape.quotes[key][row]) for key in ("bid", "ask", "bid_size", "ask_size")}
        price = self.fills.price(quantity, q["bid"], q["ask"])
        side = name, quantity > 0
        most = self.fills.most(quantity, q["bid_size"], q["ask_size"]) - taken[side]
        if not price >= 0 or not most > 0:
            return None
        filled = min(abs(quantity), most)
        taken[side] += filled
        return name, row, float(np.copysign(filled, quantity)), price

    def _book(self, step: int, name: str, row: int, quantity: float, price: float) -> None:
        """Trade at the price of the snapshot, moved on to the step."""
        which = self.place[name]
        life = self.lives.get(name)
        if life is None:
            life = self.lives[name] = self.marks.life(which, step)
            usd = np.asarray(black(life.kind, strike=life.strike, expiry=life.years, vol=life.vol, forward=life.forward))  # fmt: skip
            life.value = usd / life.forward if self.coin else usd
        at = step - life.first
        forward, spot = float(life.forward[at]), float(self.tape.price[step])
        now = float(life.value[at]) / (1.0 if self.coin else forward)
        then_years = (life.expiry - int(self.tape.snapshots[self.tape.seen[step] - 1])) / YEAR_US
        then_forward = float(self.tape.quotes["forward"][row])
        if then_years == life.years[at] and then_forward == forward:
            then = now
        else:
            then = float(black(life.kind, strike=life.strike, expiry=then_years, vol=float(life.vol[at]), forward=then_forward)) / then_forward  # fmt: skip
        price = max(price + (now - then), 0.0)
        life.quantity[at:] += quantity
        unit = 1.0 if self.coin else forward
        fee = self.fills.fee_of(quantity, price) * (1.0 if self.coin else spot)
        edge = quantity * (float(life.value[at]) - price * unit)
        self.trades.append((step, name, quantity, price, -quantity * price * unit, fee, edge))

    def finish(self) -> Carried:
        """Settle what has expired."""
        tape, settled = self.tape, []
        for name, life in self.lives.items():
            end = life.first + len(life.quantity)
            held = float(life.quantity[-1])
            old = (life.age > 24 * 3_600_000_000) & (life.quantity != 0)
            self.counts["marks older than a day"] += int(old.sum())
            if end >= len(tape):
                self.counts["options open at the end"] += int(held != 0)
                continue
            if not held:
                continue
            spot = float(tape.price[end])
            payoff = max(life.kind * (spot - life.strike), 0.0)
            fee = self.fills.delivery_of(held, payoff / spot, life.expiry) * (
                1.0 if self.coin else spot
            )
            settled.append(
                (end, name, held, spot, held * payoff / (spot if self.coin else 1.0), fee)
            )
        names = ("step", "instrument", "quantity", "price", "amount", "fee", "edge")
        return Carried(
            tape, "coin" if self.coin else "quote", list(self.lives.values()), _columns(self.trades, names),
            _columns(sorted(settled), names[:-1]), +self.counts,
        )  # fmt: skip


def _columns(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> dict[str, Array]:
    types = {"step": np.int64, "instrument": np.str_}
    return {
        name: np.array([row[i] for row in rows], types.get(name, np.float64))
        for i, name in enumerate(names)
    }
