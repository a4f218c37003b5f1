"""A plan that explains itself: trades, what they cost, risk before and after, what binds and what it is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hedgecore import frames
from hedgecore.book import Book
from hedgecore.hedging.optimise.actions import said
from hedgecore.hedging.optimise.exposures import SECOND, book_measures

if TYPE_CHECKING:
    from hedgecore.hedging.optimise.problem import Problem
    from hedgecore.hedging.optimise.scenarios import TailReport
    from hedgecore.limits import Breach
    from hedgecore.risk import Risk

Array = npt.NDArray[Any]
SHOWN = ("net_delta", "gamma_usd_1pct", "vega_usd", "theta_usd", *SECOND)


@dataclass(frozen=True)
class Violation:
    """A bound that the least-violating plan does not keep: ``excess`` is above ``high`` where positive, below ``low`` where negative."""

    name: str
    low: float
    high: float
    excess: float

    def __str__(self) -> str:
        limit = self.high if self.excess > 0 else self.low
        return f"{self.name} beyond {limit:,.6g} by {abs(self.excess):,.6g}"


@dataclass(frozen=True, eq=False)
class Plan:
    """What to trade, and why.

    Attributes
    ----------
    problem, mode
        What was solved, and how.
    amount
        Of each action (``problem.columns``), in units of quantity.
    row_price
        Shadow price of each row of ``problem.rows``: change of the objective, in USD, per unit that its bound is higher.
    size_price
        Of each action whose size is used up: change of the objective per unit that the size is larger, negative.
    gap
        What is not proved of the optimum with whole numbers, relative: the search ended there, at its time limit where this is more
        than ``asked_gap``.
    violations
        Of the least-violating plan of a problem that has none: :class:`InfeasibleHedge`.
    tails
        Value at risk and expected shortfall before and after, in the sample and outside it.
    notes
        What there is to say of it.
    """

    problem: Problem
    mode: str
    amount: Array
    row_price: Array
    size_price: Array
    gap: float = 0.0
    asked_gap: float = 1e-6
    violations: tuple[Violation, ...] = ()
    tails: tuple[TailReport, ...] = ()
    notes: tuple[str, ...] = ()
    objective: float = field(default=float("nan"))

    @cached_property
    def quantity(self) -> Array:
        """The net trade in each quoted instrument, signed."""
        return self.problem.columns.trades(self.amount, len(self.problem.quotes))

    @property
    def spread(self) -> float:
        """USD against the middles."""
        return float(self.problem.columns.spread @ self.amount)

    @property
    def fee(self) -> float:
        """USD to the venue."""
        return float(self.problem.columns.fee @ self.amount)

    @property
    def cost(self) -> float:
        """USD: spread and fee."""
        return self.spread + self.fee

    @property
    def premium(self) -> float:
        """USD paid for the premiums of options, net of those received."""
        return float(self.problem.columns.premium @ self.amount)

    @property
    def tickets(self) -> int:
        """Number of orders."""
        return int(np.count_nonzero(self.amount))

    @property
    def unvalued(self) -> tuple[Breach, ...]:
        """What is held under limits or targets and cannot be valued: a breach, since no trade can be said to keep them."""
        return self.problem.unvalued

    @property
    def warnings(self) -> tuple[str, ...]:
        """What stands before the orders: breaches that no figure shows, and a search that ended early."""
        said = [f"NOT VALUED, counts as a breach: {breach}" for breach in self.unvalued]
        if self.gap > self.asked_gap * (1 + 1e-9):
            over = f"{self.gap:.0%}" if self.gap >= 0.01 else f"{self.gap:.2%}"
            # the gap is relative to what was minimised
            what = "the cost" if self.mode == "cheapest" else "the objective"
            what = "what it breaks" if self.violations else what
            said.append(
                f"NOT PROVED: up to {over} of {what} may be too much: the search ended at its time limit"
                if math.isfinite(self.gap)
                else f"NOT PROVED: how much of {what} is too much is not known: the search ended at its time limit"
            )
        return tuple(said)

    @cached_property
    def trades(self) -> Book:
        """The net trades as a book; entry prices are the quotes that are paid, but of what the book holds without one."""
        rows = np.flatnonzero(self.quantity)
        q, own = self.problem.quotes, self.problem.book
        unstated = own.instruments.name[own.row[np.isnan(own.entry_price)]]
        quote = np.where(self.quantity > 0, q.ask, q.bid)
        entry = np.where(np.isin(q.table.name, unstated) | ~(quote > 0), np.nan, quote)
        return Book(q.table, rows, self.quantity[rows], entry[rows])

    @cached_property
    def book(self) -> Book:
        """What is held afterwards."""
        return self.problem.book + self.trades

    @property
    def before(self) -> Risk:
        """The risk of the book."""
        return self.problem.before

    @cached_property
    def after(self) -> Risk:
        """The risk after the trades, computed anew."""
        return self.book.risk(self.problem.market)

    def table(self) -> dict[str, Array]:
        """Return a row for each order: what it is for, instrument, signed quantity, price, costs in USD, quantity before and after.

        The price of a roll is that of the leg that is opened, less that of the leg that is closed.
        """
        p, q, a = self.problem, self.problem.quotes, self.problem.columns
        rows = np.flatnonzero(self.amount)
        rows = rows[np.argsort(-(a.cost * self.amount)[rows], kind="stable")]
        opened, closed = a.instrument[rows], a.closes[rows]
        sign = a.side[rows]
        price = np.where(sign > 0, q.ask[opened], q.bid[opened])
        rolled = np.where(sign > 0, q.bid[closed], q.ask[closed])
        names = q.table.name
        # what is bought and sold twice over (outright and in a roll) is judged one after the other
        words = [
            said(q, p.held, a, int(k), amount)
            for k, amount in zip(rows, self.amount[rows], strict=True)
        ]
        return {
            "action": np.array(words, dtype=np.str_),
            "instrument": names[opened],
            "closes": np.where(closed >= 0, names[closed], ""),
            "quantity": sign * self.amount[rows],
            "price": np.where(closed >= 0, price - rolled, price),
            "premium": a.premium[rows] * self.amount[rows],
            "spread": a.spread[rows] * self.amount[rows],
            "fee": a.fee[rows] * self.amount[rows],
            "cost": a.cost[rows] * self.amount[rows],
            "before": p.held[opened],
            "after": p.held[opened] + self.quantity[opened],
        }

    def measures(self) -> dict[str, Array]:
        """Return the measures of the book by underlying before and after, the latter computed anew."""
        out: dict[str, list[Any]] = {
            n: [] for n in ("underlying", "measure", "before", "after", "change")
        }
        after = book_measures(self.book, self.problem.market)
        first = self.problem.book_measures
        for base in dict.fromkeys([*first["underlying"].tolist(), *after["underlying"].tolist()]):
            for name in SHOWN:
                was, now = (
                    float(np.nansum(of[name][of["underlying"] == base])) for of in (first, after)
                )
                for key, value in zip(out, (base, name, was, now, now - was), strict=True):
                    out[key].append(value)
        return {name: np.array(values) for name, values in out.items()}

    def constraints(self, binding: bool = False) -> dict[str, Array]:
        """Return a row for each bound: before, after, its ends, which binds, and its shadow price.

        Parameters
        ----------
        binding
            Only those that bind, and the sizes that are used up.
        """
        rows, columns = self.problem.rows, self.problem.columns
        after = rows.base + rows.matrix @ self.amount
        reach = 1e-7 * np.maximum(1.0, np.abs(after))
        at_low, at_high = after <= rows.low + reach, after >= rows.high - reach
        if (
            self.problem.lots
        ):  # whole lots stop short of bounds: what binds is what the relaxation pays for
            at_low, at_high = at_low | (self.row_price > 0), at_high | (self.row_price < 0)
        side = np.where(
            at_low & at_high, "both", np.where(at_low, "low", np.where(at_high, "high", ""))
        )
        full = np.flatnonzero((self.size_price < 0) & (self.amount > 0))
        actions = columns.names(self.problem.quotes)
        # a size that two actions share stands here for what it is worth beside that of each
        shown = (side != "") & (np.isfinite(rows.weight) | (self.row_price != 0))
        bound = np.r_[shown, np.ones(len(full), bool)]
        table = {
            "constraint": np.r_[np.array(rows.name, np.str_), np.array([f"size: {actions[k]}" for k in full], np.str_)],
            "unit": np.r_[np.array(rows.unit, np.str_), np.full(len(full), "")],
            "before": np.r_[rows.base, np.zeros(len(full))],
            "after": np.r_[after, self.amount[full]],
            "low": np.r_[rows.low, np.zeros(len(full))],
            "high": np.r_[rows.high, columns.upper[full]],
            "binding": np.r_[side, np.full(len(full), "high")],
            "shadow_price": np.r_[self.row_price, self.size_price[full]] + 0.0,  # no minus before a zero
        }  # fmt: skip
        return {name: column[bound] if binding else column for name, column in table.items()}

    def to_frame(self, library: frames.Library | None = None) -> Any:
        """Return :meth:`table` as a data frame."""
        return frames.frame_of(self.table(), library)

    def __repr__(self) -> str:
        head = (
            f"Plan ({self.mode}): {self.tickets} orders, cost {self.cost:,.2f} USD (spread {self.spread:,.2f}, "
            f"fees {self.fee:,.2f}), premiums {self.premium:,.2f} USD"
        )
        parts = [head, *self.warnings]
        if self.violations:
            parts.append("NOT KEPT: " + "; ".join(map(str, self.violations)))
        table = self.table()
        shown: tuple[str, ...] = (
            "action",
            "instrument",
            "closes",
            "quantity",
            "price",
            "spread",
            "fee",
            "before",
            "after",
        )
        if not (table["closes"] != "").any():
            shown = tuple(name for name in shown if name != "closes")
        if self.tickets:
            parts.append(frames.text_table({name: table[name] for name in shown}))
        measures = self.measures()
        shows = (measures["before"] != 0) | (measures["after"] != 0)
        parts.append(frames.text_table({name: column[shows] for name, column in measures.items()}))
        binding = self.constraints(binding=True)
        if len(binding["constraint"]):
            parts.append("binding, with the shadow price in USD per unit")
            parts.append(frames.text_table(binding))
        parts += [str(report) for report in self.tails]
        parts += [*self.notes, *self.problem.quotes.notes]
        left = self.problem.before.completeness.left_out
        if left:
            parts.append(f"not valued, in no figure: {', '.join(left)}")
        return "\n".join(parts)


class InfeasibleHedge(ValueError):
    """No trades keep everything that must hold.

    Attributes
    ----------
    plan
        The one that breaks it least, in parts of the limits.
    conflict
        The constraints that cannot be kept together.
    full
        Actions whose sizes are used up in it.
    """

    def __init__(self, plan: Plan, conflict: tuple[str, ...], full: tuple[str, ...]) -> None:
        self.plan, self.conflict, self.full = plan, conflict, full
        names = ", ".join(conflict) or "what must hold"
        text = f"no trades keep all of: {names}"
        if full:
            more = f" and {len(full) - 5} more" if len(full) > 5 else ""
            text += f", within the sizes (used up: {', '.join(full[:5])}{more})"
        broken = "; ".join(str(v) for v in plan.violations[:5])
        super().__init__(f"{text}. The least-violating plan (.plan) has {broken}")
