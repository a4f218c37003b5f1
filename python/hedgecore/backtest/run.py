"""A backtest: options carried through a tape, hedged by every policy on the same history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import hedging
from hedgecore.backtest.attribution import LINES, lines_of
from hedgecore.backtest.carry import Carried, Numeraire, carry
from hedgecore.backtest.fills import Fills
from hedgecore.backtest.funding import Funding
from hedgecore.backtest.strategies import Strategy
from hedgecore.backtest.tape import Tape
from hedgecore.frames import Columns, Library, frame_of, text_table
from hedgecore.paths.history import Given

Array = npt.NDArray[Any]
Currency = Literal["usd", "coin"]


@dataclass(frozen=True, eq=False)
class Backtest:
    """What a strategy and its hedges earned.

    Attributes
    ----------
    carried
        The options: :class:`hedgecore.backtest.Carried`.
    run
        The hedges: the run of :func:`hedgecore.hedging.simulate` on the tape's prices, whose only path is the history.
    funding
        By step; None where the instrument pays none.
    """

    carried: Carried
    run: hedging.Run
    funding: Funding | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the policies."""
        return self.run.names

    @property
    def tape(self) -> Tape:
        """The data."""
        return self.carried.tape

    @cached_property
    def held(self) -> Array:
        """Of the instrument after the fills of each step, of shape (policies, steps)."""
        assert self.run.trace is not None
        return np.asarray(self.run.trace.held[:, 0, :])

    @cached_property
    def _money(self) -> Array:
        """The numeraire for a USD at each step."""
        price = self.tape.price
        return 1.0 / price if self.carried.numeraire == "coin" else np.ones_like(price)

    @cached_property
    def _inverse(self) -> bool:
        return getattr(self.run.setting["instrument"], "settlement", "") == "inverse"

    @cached_property
    def moves(self) -> Array:
        """What the hedge earned by moves of the price since the step before, of shape (policies, steps)."""
        price = self.tape.price
        unit = np.diff(price) / (price[:-1] if self._inverse else 1.0)
        return _since(self.held[:, :-1] * unit * self._money[1:])

    @cached_property
    def funded(self) -> Array:
        """Funding received since the step before, of shape (policies, steps)."""
        if self.funding is None:
            return np.zeros_like(self.held)
        price, rate = self.tape.price, self.funding.rate[:-1]
        unit = rate * price[1:] / price[:-1] if self._inverse else rate * price[:-1]
        return _since(-self.held[:, :-1] * unit * self._money[1:])

    @cached_property
    def costs(self) -> Array:
        """All costs of the hedge at each step, of shape (policies, steps)."""
        assert self.run.trace is not None
        return np.diff(self.run.trace.cost[:, 0, :], axis=1, prepend=0.0)

    @cached_property
    def pnl(self) -> Array:
        """What was earned since the step before, of shape (policies, steps)."""
        options = np.diff(self.carried.equity, prepend=0.0)
        return options + self.moves + self.funded - self.costs

    def equity(self, currency: Currency | None = None) -> Array:
        """Return what was earned until each step, of shape (policies, steps).

        Parameters
        ----------
        currency
            "usd" or "coin"; the numeraire's where not given.  The other one is at the price of the step.
        """
        own = np.cumsum(self.pnl, axis=1)
        numeraire = "coin" if self.carried.numeraire == "coin" else "usd"
        if currency in (None, numeraire):
            return own
        if currency not in ("usd", "coin"):
            raise ValueError(f"currency must be 'usd' or 'coin', not {currency!r}")
        return own * self.tape.price if currency == "usd" else own / self.tape.price

    @cached_property
    def lines(self) -> dict[str, Array]:
        """What made the P&L, of shape (policies, steps): :data:`LINES`, whose sum is :attr:`pnl`, the last being what the others leave."""
        own = lines_of(self.carried)
        shape = self.held.shape
        lines = {name: np.broadcast_to(own[name], shape) for name in LINES if name in own}
        lines |= {"hedge": self.moves, "funding": self.funded, "hedge_costs": -self.costs}
        known = sum(lines.values())
        return {name: lines.get(name, self.pnl - known) for name in LINES}

    def reconcile(self) -> float:
        """Return the largest difference, over policies, of two accounts of the end, as a share of what was turned over.

        Cash and positions, and what the core's own ledger says of the hedge.  The lines are not compared: the residual is what the others
        leave, so that they always add up; :meth:`residual_share` says how much that is.
        """
        end = self.equity()[:, -1]
        core = self.carried.equity[-1] + self.run.pnl[:, 0]
        size = 1e-300 + np.abs(self.carried.trades["amount"]).sum() + np.abs(self.pnl).sum(axis=1)
        return float(np.max(np.abs(end - core) / size))

    def residual_share(self) -> Array:
        """Return abs(residual) over the sum of the sizes of all lines, by policy."""
        sizes = sum(np.abs(line).sum(axis=1) for line in self.lines.values())
        return np.asarray(np.abs(self.lines["residual"]).sum(axis=1) / np.maximum(sizes, 1e-300))

    def ledger(self, policy: str) -> Columns:
        """Return the entries of a policy in the order of time, with amounts in both currencies and the balance of cash.

        Rows of ``account``: "option" and "settlement" (premium, payoff), "option fee", "hedge" (variation of what is held),
        "funding", "hedge cost".  Cash at the end and the value of open options are the equity.
        """
        j = self.run.index(policy)
        parts = []
        for account, rows in (("option", self.carried.trades), ("settlement", self.carried.settlements)):  # fmt: skip
            parts.append((account, rows["step"], rows["instrument"], rows["quantity"], rows["price"], rows["amount"]))  # fmt: skip
            parts.append(("option fee", rows["step"], rows["instrument"], rows["quantity"], rows["price"], -rows["fee"]))  # fmt: skip
        price = self.tape.price
        fills = np.diff(self.held[j], prepend=0.0)
        for account, amounts, quantity in (
            ("hedge", self.moves[j], np.append(0.0, self.held[j][:-1])),
            ("funding", self.funded[j], np.append(0.0, self.held[j][:-1])),
            ("hedge cost", -self.costs[j], fills),
        ):
            steps = np.flatnonzero(amounts)
            named = np.full(len(steps), "hedge")
            parts.append((account, steps, named, quantity[steps], price[steps], amounts[steps]))
        steps = np.concatenate([part[1] for part in parts]).astype(np.int64)
        order = np.argsort(steps, kind="stable")
        steps = steps[order]
        accounts = np.concatenate([np.full(len(part[1]), part[0], "U10") for part in parts])[order]
        instrument, quantity, at, amount = (np.concatenate([part[k] for part in parts])[order] for k in range(2, 6))  # fmt: skip
        usd, coin = (amount * price[steps], amount) if self.carried.numeraire == "coin" else (amount, amount / price[steps])  # fmt: skip
        return {
            "time": self.tape.times[steps].view("M8[us]"), "step": steps, "account": accounts, "instrument": instrument,
            "quantity": quantity, "price": at, "usd": usd, "coin": coin, "cash": np.cumsum(amount),
        }  # fmt: skip

    def columns(self) -> Columns:
        """Return a row for each policy and step: what is held, earned and by what, in the numeraire, and equity in both currencies."""
        policies, steps = self.held.shape

        def spread(values: Any) -> Array:
            return np.broadcast_to(values, (policies, steps)).reshape(-1)

        return {
            "policy": spread(np.array(self.names, dtype=object)[:, None]), "step": spread(np.arange(steps)),
            "time": spread(self.tape.times.view("M8[us]")), "price": spread(self.tape.price),
            "held": spread(self.held), "options": spread(self.carried.value), "pnl": spread(self.pnl),
            "equity_usd": spread(self.equity("usd")), "equity_coin": spread(self.equity("coin")),
            **{name: spread(line) for name, line in self.lines.items()},
        }  # fmt: skip

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return frame_of(self.columns(), library)

    def summary(self) -> str:
        """Return totals by policy as text: P&L and what made it."""
        totals = {name: line.sum(axis=1) for name, line in self.lines.items()}
        return text_table({"policy": np.array(self.names, dtype=object), "pnl": self.pnl.sum(axis=1), **totals})  # fmt: skip


def _since(values: Array) -> Array:
    """Put what a step brings at its end."""
    return np.concatenate([np.zeros((len(values), 1)), values], axis=1)


def run(
    tape: Tape,
    strategy: Strategy | Carried,
    policies: hedging.Policy | Sequence[hedging.Policy] | Mapping[str, hedging.Policy],
    *,
    fills: Fills | None = None,
    numeraire: Numeraire | None = None,
    deltas: Literal["model", "quoted"] | None = None,
    instrument: hedging.Perpetual | hedging.Spot | None = None,
    costs: hedging.Costs | None = None,
    execution: hedging.Execution | None = None,
    funding: Funding | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Backtest:
    """Carry a strategy's options through a tape and hedge them by every policy.

    The options are the same whatever hedges them, so they are carried once.  Policies, costs and execution are those of
    :func:`hedgecore.hedging.simulate`, which decides and fills step by step on the tape's prices.

    Parameters
    ----------
    tape, strategy, fills, numeraire, deltas, progress
        As of :func:`carry`; or what it returned in place of a strategy, beside which there is no fills, numeraire or deltas.
    policies
        One, several, or names to policies.
    instrument
        A linear perpetual where not given; a perpetual or spot.
    costs, execution
        Of the hedge; none where not given.
    funding
        Of the perpetual: :func:`hedgecore.backtest.funding`; none where not given.

    Raises
    ------
    ValueError
        Naming what is outside of its domain; nothing was traded.
    """
    if isinstance(strategy, Carried):
        carried = strategy
        for name, value in (("fills", fills), ("numeraire", numeraire), ("deltas", deltas)):
            if value is not None:
                raise ValueError(f"{name} = {value!r} must not be given: the options were carried already")  # fmt: skip
        if carried.tape is not tape:
            raise ValueError("strategy: what was carried must have been carried through this tape")
    else:
        carried = carry(tape, strategy, fills, numeraire=numeraire or "quote", deltas=deltas or "model", progress=progress)  # fmt: skip
    options = carried.options()
    if not options:
        raise ValueError(f"nothing was traded: {dict(carried.counts) or 'the strategy wants nothing'}")  # fmt: skip
    traded = instrument or hedging.Perpetual()
    steps, levels = len(tape) - 1, {}
    if funding is not None:
        if not isinstance(traded, hedging.Perpetual):
            raise ValueError("funding must not be given: only perpetuals pay it")
        traded = replace(traded, funding=1.0 / tape.step, funding_level="funding")
        levels = {"funding": funding.rate[None]}
    hedges = hedging.simulate(
        hedging.Strip(options=options, horizon=steps * tape.step), Given(tape.price[None], levels), policies, n_paths=1, steps=steps, seed=1, trace=1,
        numeraire=carried.numeraire, instrument=traded, costs=costs, execution=execution, threads=1,
        keep=tuple(name for name in hedging.LEDGERS if name != "delta_drift" and name != "gamma_leakage"),
    )  # fmt: skip
    return Backtest(carried, hedges, funding)
