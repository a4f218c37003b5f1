"""A backtest: options carried through a tape, hedged by every policy on the same history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import hedging
from hedgecore.backtest.attribution import LINES, lines_of
from hedgecore.backtest.carry import Carried, Numeraire, carry
from hedgecore.backtest.fills import Fills
from hedgecore.backtest.funding import Funding
from hedgecore.backtest.futures import Futures
from hedgecore.backtest.strategies import Strategy
from hedgecore.backtest.tape import Found, Tape
from hedgecore.frames import Library, Listing, text_table
from hedgecore.paths.history import Given

Array = npt.NDArray[Any]
Currency = Literal["usd", "coin"]
#: The ledgers of the core that are parts of the cost.
COSTS: Final = ("fee", "spread", "fixed", "impact")


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
    futures
        Where these are what hedges.
    """

    carried: Carried
    run: hedging.Run
    funding: Funding | None
    futures: Futures | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the policies."""
        return self.run.names

    @property
    def tape(self) -> Tape:
        """The data."""
        return self.carried.tape

    @property
    def found(self) -> tuple[Found, ...]:
        """What was wrong with the data, futures among them."""
        return self.tape.found + (() if self.futures is None else self.futures.found)

    @cached_property
    def held(self) -> Array:
        """Of the instrument after the fills of each step, of shape (policies, steps)."""
        assert self.run.trace is not None
        return np.asarray(self.run.trace.held[:, 0, :])

    @property
    def price(self) -> Array:
        """Of what hedges, at each step."""
        return self.tape.price if self.futures is None else self.futures.price

    @cached_property
    def coins(self) -> Array:
        """The hedge in coins after the fills of each step, of shape (policies, steps)."""
        return self.held / self.price if self._inverse else self.held

    @cached_property
    def exposure(self) -> dict[str, Array]:
        """Delta with the hedge, gamma and vega after each step, of shape (policies, steps), in the units of :attr:`Carried.exposure`."""
        own = self.carried.exposure
        return {"delta": own["delta"] + self.coins} | {
            name: np.broadcast_to(own[name], self.held.shape) for name in ("gamma", "vega", "theta")
        }

    @cached_property
    def _money(self) -> Array:
        """The numeraire for a USD at each step."""
        return 1.0 / self.price if self.carried.numeraire == "coin" else np.ones_like(self.price)

    @cached_property
    def _inverse(self) -> bool:
        return getattr(self.run.setting["instrument"], "settlement", "") == "inverse"

    @cached_property
    def moves(self) -> Array:
        """What the hedge earned by moves of the price since the step before, of shape (policies, steps)."""
        price = self.price
        then = price if self.futures is None else self.futures.before
        money = 1.0 / then if self.carried.numeraire == "coin" else np.ones_like(then)
        unit = (then[1:] - price[:-1]) / (price[:-1] if self._inverse else 1.0)
        return _since(self.held[:, :-1] * unit * money[1:])

    @cached_property
    def rolled(self) -> Array:
        """What it costs at each step to leave one future for the next, of shape (policies, steps)."""
        return np.asarray(sum(self.roll_parts[name] for name in COSTS))

    @cached_property
    def roll_parts(self) -> dict[str, Array]:
        """What rolls add at each step, of shape (policies, steps): to every one of :data:`COSTS`, to turnover and trades.

        A roll is two trades of what is held, by the law of :class:`hedgecore.hedging.Costs`, each at the price of its future.
        """
        parts = {name: np.zeros_like(self.held) for name in (*COSTS, "turnover", "trades")}
        if self.futures is None:
            return parts
        at = self.futures.rolls
        law = replace(self.run.costs, fixed_level=None).core(())
        for price in (self.futures.before[at], self.futures.price[at]):
            held = np.abs(self.held[:, at - 1])
            coins = held / price if self._inverse else held
            fee = coins * (
                law["fee"] * price + np.minimum(law["fee_per_coin"], law["fee_cap"] * price)
            )
            usd = {
                "fee": np.where(held > 0, np.maximum(fee, law["least_fee"]), 0.0),
                "spread": law["half_spread"] * coins * price,
                "fixed": law["fixed"] * (held > 0),
                "impact": law["impact"] * coins**2 + law["root_impact"] * coins**1.5 * price,
                "turnover": coins * price,
            }
            for name, amount in usd.items():
                parts[name][:, at] += amount / price if self.carried.numeraire == "coin" else amount
            parts["trades"][:, at] += held > 0
        return parts

    @cached_property
    def funded(self) -> Array:
        """Funding received since the step before, of shape (policies, steps)."""
        if self.funding is None:
            return np.zeros_like(self.held)
        price, rate = self.price, self.funding.rate[:-1]
        unit = rate * price[1:] / price[:-1] if self._inverse else rate * price[:-1]
        return _since(-self.held[:, :-1] * unit * self._money[1:])

    @cached_property
    def costs(self) -> Array:
        """All costs of the hedge at each step, of shape (policies, steps)."""
        assert self.run.trace is not None
        return np.diff(self.run.trace.cost[:, 0, :], axis=1, prepend=0.0) + self.rolled

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
        """Return the largest difference of three accounts, over policies and steps, as a share of what was turned over.

        At every step P&L until then, and cash of :meth:`ledger` with the value of open options; at the end what the core's own ledger says of
        the hedge.  The lines are not compared: the residual is what the others
        leave, so that they always add up; :meth:`residual_share` says how much that is.
        """
        own = self.equity()
        core = self.carried.equity[-1] + self.run.pnl[:, 0] - self.rolled.sum(axis=1)
        if self.futures is not None:  # the core knows one price: of a roll it sees a move
            at = self.futures.rolls
            was, now = self.futures.before[at], self.futures.price[at]
            core -= (self.held[:, at - 1] * (1 / was - 1 / now if self._inverse else now - was)).sum(axis=1)  # fmt: skip
        size = 1e-300 + np.abs(self.carried.trades["amount"]).sum() + np.abs(self.pnl).sum(axis=1)
        away = np.abs(own[:, -1] - core)
        currency = "coin" if self.carried.numeraire == "coin" else "usd"
        for j, policy in enumerate(self.names):
            entries = self.ledger(policy)
            cash = np.cumsum(np.bincount(entries["step"], entries[currency], len(self.tape)))
            away[j] = max(away[j], np.abs(cash + self.carried.value - own[j]).max())
        return float(np.max(away / size))

    def residual_share(self) -> Array:
        """Return abs(residual) over the sum of the sizes of all lines, by policy."""
        sizes = sum(np.abs(line).sum(axis=1) for line in self.lines.values())
        return np.asarray(np.abs(self.lines["residual"]).sum(axis=1) / np.maximum(sizes, 1e-300))

    def ledger(self, policy: str) -> Listing:
        """Return the entries of a policy in the order of time, with amounts in both currencies and the balance of cash.

        Rows of ``account``: "option" and "settlement" (premium, payoff), "option fee", "hedge" (variation of what is held),
        "funding", "hedge cost".  Cash at the end and the value of open options are the equity.
        """
        j = self.run.index(policy)
        parts = []
        for account, rows in (("option", self.carried.trades), ("settlement", self.carried.settlements)):  # fmt: skip
            parts.append((account, rows["step"], rows["instrument"], rows["quantity"], rows["price"], rows["amount"]))  # fmt: skip
            parts.append(("option fee", rows["step"], rows["instrument"], rows["quantity"], rows["price"], -rows["fee"]))  # fmt: skip
        price = self.price
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
        index = self.tape.price[steps]
        usd, coin = (amount * index, amount) if self.carried.numeraire == "coin" else (amount, amount / index)  # fmt: skip
        return Listing({
            "time": self.tape.times[steps].view("M8[us]"), "step": steps, "account": accounts, "instrument": instrument,
            "quantity": quantity, "price": at, "usd": usd, "coin": coin, "cash": np.cumsum(amount),
        })  # fmt: skip

    def columns(self) -> Listing:
        """Return a row for each policy and step: what is held, exposures, what is earned and by what (``pnl_*``), in the numeraire, and equity in both currencies."""
        policies, steps = self.held.shape

        def spread(values: Any) -> Array:
            return np.broadcast_to(values, (policies, steps)).reshape(-1)

        return Listing({
            "policy": spread(np.array(self.names, dtype=object)[:, None]), "step": spread(np.arange(steps)),
            "time": spread(self.tape.times.view("M8[us]")), "price": spread(self.tape.price),
            "hedged_at": spread(self.price), "held": spread(self.held), "options": spread(self.carried.value),
            **{name: spread(values) for name, values in self.exposure.items()}, "pnl": spread(self.pnl),
            "equity_usd": spread(self.equity("usd")), "equity_coin": spread(self.equity("coin")),
            **{f"pnl_{name}": spread(line) for name, line in self.lines.items()},
        })  # fmt: skip

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return self.columns().to_frame(library)

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
    policies: hedging.Policy
    | Sequence[hedging.Policy]
    | Mapping[str, hedging.Policy | Sequence[hedging.Policy]],
    *,
    fills: Fills | None = None,
    numeraire: Numeraire | None = None,
    deltas: Literal["model", "quoted"] | None = None,
    instrument: hedging.Perpetual | hedging.Spot | None = None,
    costs: hedging.Costs | None = None,
    execution: hedging.Execution | None = None,
    funding: Funding | None = None,
    futures: Futures | None = None,
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
        One, several, or names to policies; or families: names to lists of policies.
    instrument
        A perpetual or spot; a linear perpetual where not given (beside futures in coins an inverse one).
    costs, execution
        Of the hedge; none where not given.
    funding
        Of the perpetual: :func:`hedgecore.backtest.funding`; none where not given.
    futures
        What hedges in place of a perpetual at the tape's price: :func:`hedgecore.backtest.futures`.  ``instrument`` then says how they are
        settled: linear in the quote currency, inverse in coins.

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
    named, families = settings_of(policies)
    options = carried.options()
    if not options:
        raise ValueError(f"nothing was traded: {dict(carried.counts) or 'the strategy wants nothing'}")  # fmt: skip
    fits: Literal["linear", "inverse"] = "inverse" if futures is not None and carried.numeraire == "coin" else "linear"  # fmt: skip
    traded = instrument or hedging.Perpetual(settlement=fits)
    steps, levels = len(tape) - 1, {}
    if funding is not None:
        if not isinstance(traded, hedging.Perpetual):
            raise ValueError("funding must not be given: only perpetuals pay it")
        traded = replace(traded, funding=1.0 / tape.step, funding_level="funding")
        levels = {"funding": funding.rate[None]}
    if futures is not None:
        _check_futures(futures, tape, traded, carried.numeraire, funding)
    price = tape.price if futures is None else futures.price
    hedges = hedging.simulate(
        hedging.Strip(options=options, horizon=steps * tape.step), Given(price[None], levels), named, n_paths=1, steps=steps, seed=1, trace=1,
        numeraire=carried.numeraire, instrument=traded, costs=costs, execution=execution, threads=1,
        keep=tuple(name for name in hedging.LEDGERS if name != "delta_drift" and name != "gamma_leakage"),
    )  # fmt: skip
    if families is not None:
        hedges = replace(hedges, families=families)
    return Backtest(carried, hedges, funding, futures)


def settings_of(policies: Any) -> tuple[Any, tuple[str, ...] | None]:
    """Return names to policies, and where they are given by families the family of each."""
    if not isinstance(policies, Mapping) or all(isinstance(p, hedging.Policy) for p in policies.values()):  # fmt: skip
        return policies, None
    named, families = {}, []
    for family, given in policies.items():
        settings = [given] if isinstance(given, hedging.Policy) else list(given)
        for number, policy in enumerate(settings, 1):
            named[family if len(settings) == 1 else f"{family} #{number}"] = policy
            families.append(family)
    return named, tuple(families)


def _check_futures(
    futures: Futures, tape: Tape, traded: Any, numeraire: Numeraire, funding: Funding | None
) -> None:
    if funding is not None:
        raise ValueError("funding must not be given beside futures: they pay none")
    if not np.array_equal(futures.times, tape.times):
        raise ValueError("futures: they are of another tape")
    fits = "inverse" if numeraire == "coin" else "linear"
    if not isinstance(traded, hedging.Perpetual) or traded.settlement != fits:
        raise ValueError(f'instrument = {traded!r} must be Perpetual(settlement="{fits}") beside futures with numeraire = {numeraire!r}')  # fmt: skip
