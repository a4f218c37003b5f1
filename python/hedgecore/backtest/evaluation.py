"""How good a hedge was, on one history: figures with errors, differences on the same days, and what many tries are worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore import hedging
from hedgecore.backtest.carry import Carried
from hedgecore.backtest.fills import Fills
from hedgecore.backtest.run import COSTS, Backtest, run
from hedgecore.backtest.tape import DAY_US, Tape
from hedgecore.frames import Columns, Listing
from hedgecore.hedging.statistics import mean_of_worst
from hedgecore.paths.history import block_length, stationary_rows
from hedgecore.paths.random import whole
from hedgecore.scenarios.tail import check_level

Array = npt.NDArray[Any]
EULER: Final = 0.5772156649015329


def daily(test: Backtest) -> Array:
    """Return P&L by UTC day, of shape (policies, days), in the numeraire; what a step brings is of the day it ends in."""
    return days_of(test.tape, test.pnl)[1]


def days_of(tape: Tape, values: Array) -> tuple[Array, Array]:
    """Return the UTC days of a tape, and the sums by day of what steps bring, along the last axis."""
    day = (tape.times - 1) // DAY_US
    first = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    return day[first].astype("M8[D]"), np.add.reduceat(values, first, axis=-1)


def resampled_days(pnl: Array, samples: int, seed: int, block: float | None = None) -> Array:
    """Return rows of days, drawn by the stationary bootstrap: blocks of geometric length, the same days for all policies.

    Parameters
    ----------
    pnl
        Of shape (policies, days).
    samples, seed
        How many rows; of the random numbers.
    block
        Mean days of a block; where not given the longest that the series and their magnitudes ask for.
    """
    n = pnl.shape[1]
    if n < 10:
        raise ValueError(
            f"there are {n} days: errors need ten or more; samples = 0 leaves them out"
        )
    if block is None:
        block = max(block_length(row) for row in [*pnl, *np.abs(pnl)])
    if not block >= 1:
        raise ValueError(f"block = {block} must be 1 day or longer")
    generator = np.random.Generator(np.random.Philox(seed))
    return np.asarray(stationary_rows(generator, samples, n, block))


def drawdown(pnl: Array) -> Array:
    """Return the largest fall of the sum from its highest point, along the last axis."""
    total = np.concatenate([np.zeros((*pnl.shape[:-1], 1)), np.cumsum(pnl, axis=-1)], axis=-1)
    return np.asarray((np.maximum.accumulate(total, axis=-1) - total).max(axis=-1))


def shortfall(pnl: Array, level: float = 0.95) -> Array:
    """Return the expected shortfall along the last axis: the mean loss of the worst share of days, losses positive."""
    check_level(level)
    return mean_of_worst(pnl, level)[0]


def scorecard(
    test: Backtest,
    reference: str | None = None,
    *,
    samples: int = 2000,
    seed: int = 1,
    block: float | None = None,
    level: float = 0.95,
) -> Listing:
    """Return a row for each policy: P&L of the days, its tails, costs, effectiveness, and how far each figure can be trusted.

    ``*_low`` and ``*_high`` hold the middle 95 % of the stationary bootstrap of the days; ``less_*`` are differences to the reference on the
    same resampled days.  effectiveness is 1 - Var(hedged) / Var(unhedged), tail_effectiveness the same of the expected shortfall, of
    days.  es99 is of one day in a hundred: of a quarter little more than its worst day.  sharpe is per year and says something only of
    strategies with an edge.

    Parameters
    ----------
    test
        The backtest.
    reference
        A policy; the first where not given.
    samples, seed, block
        As of :func:`resampled_days`; no samples: intervals are NaN.
    level
        Of the expected shortfall.
    """
    samples = whole(samples, "samples", 100, 10**6) if samples else 0
    other = test.run.index(reference) if reference is not None else 0
    pnl = daily(test)
    _, unhedged = days_of(test.tape, np.diff(test.carried.equity, prepend=0.0))
    if pnl.shape[1] < 2:
        raise ValueError("there is one day: a scorecard needs two or more")
    rows = resampled_days(pnl, samples, seed, block) if samples else np.arange(pnl.shape[1])[None]
    drawn = np.stack([row[rows] for row in pnl])  # policies, samples, days
    std, es, es99 = pnl.std(axis=1, ddof=1), shortfall(pnl, level), shortfall(pnl, 0.99)
    std_drawn, es_drawn, sum_drawn = drawn.std(axis=2, ddof=1), shortfall(drawn, level), drawn.sum(axis=2)  # fmt: skip

    def interval(name: str, values: Array) -> Columns:
        low, high = (
            np.quantile(values, [0.025, 0.975], axis=1)
            if samples
            else np.full((2, len(values)), np.nan)
        )
        return {f"{name}_low": low, f"{name}_high": high}

    def both(name: str) -> Array:
        return np.asarray(test.run.mean(name) + test.roll_parts[name].sum(axis=1))

    premium = np.abs(test.carried.trades["amount"]).sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        sharpe = pnl.mean(axis=1) / std * math.sqrt(365)
        sharpe_drawn = drawn.mean(axis=2) / std_drawn * math.sqrt(365)
        effectiveness = 1 - pnl.var(axis=1, ddof=1) / unhedged.var(ddof=1)
        tail = 1 - es / shortfall(unhedged, level)
    return Listing({
        "policy": np.array(test.names, dtype=object), "pnl": pnl.sum(axis=1), **interval("pnl", sum_drawn),
        "std": std, **interval("std", std_drawn), "es": es, **interval("es", es_drawn),
        "es99": es99, **interval("es99", shortfall(drawn, 0.99)),
        "drawdown": drawdown(test.pnl), "worst_day": pnl.min(axis=1), "worst_step": test.pnl.min(axis=1),
        "cost": test.costs.sum(axis=1), **{name: both(name) for name in COSTS},
        "funding": test.funded.sum(axis=1), "turnover": both("turnover") / max(premium, 1e-300),
        "trades": both("trades"), "effectiveness": effectiveness, "tail_effectiveness": tail,
        "sharpe": sharpe, **interval("sharpe", np.nan_to_num(sharpe_drawn)), "deflated_sharpe": deflated_sharpe(pnl),
        "less_pnl": pnl.sum(axis=1) - pnl[other].sum(), **interval("less_pnl", sum_drawn - sum_drawn[other]),
        "less_std": std - std[other], **interval("less_std", std_drawn - std_drawn[other]),
        "less_es": es - es[other], **interval("less_es", es_drawn - es_drawn[other]),
    })  # fmt: skip


def deflated_sharpe(pnl: Array, tries: int | None = None) -> Array:
    """Return the probability that a Sharpe ratio is above what the best of so many tries without edge would have.

    Bailey and Lopez de Prado, "The deflated Sharpe ratio", Journal of Portfolio Management 40 (2014).

    Parameters
    ----------
    pnl
        Of shape (tries, days).
    tries
        How many settings were tried; the rows where not given.
    """
    n = len(pnl) if tries is None else whole(tries, "tries", 1, 10**9)
    if n > 1 and len(pnl) == 1:
        raise ValueError(
            f"tries = {n} needs the P&L of two tries or more: how far their ratios differ is not in one row"
        )
    spread = pnl.std(axis=1, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(spread > 0, pnl.mean(axis=1) / spread, 0.0)
        wide = pnl.std(axis=1)
        score = (pnl - pnl.mean(axis=1, keepdims=True)) / np.where(wide > 0, wide, 1.0)[:, None]
    between = float(ratio.std(ddof=1)) if n > 1 else 0.0
    return _deflated(ratio, (score**3).mean(axis=1), (score**4).mean(axis=1), pnl.shape[1], n, between)  # fmt: skip


def _deflated(
    ratio: Array, skew: Array, kurtosis: Array, days: int, tries: int, between: float
) -> Array:
    """The probability by Sharpe ratios per day, their moments, and the std of the ratios between the tries."""
    normal, best = NormalDist(), 0.0
    if tries > 1:
        best = between * ((1 - EULER) * normal.inv_cdf(1 - 1 / tries) + EULER * normal.inv_cdf(1 - 1 / (tries * math.e)))  # fmt: skip
    error = np.sqrt(np.maximum(1 - skew * ratio + (kurtosis - 1) / 4 * ratio**2, 1e-12) / (days - 1))  # fmt: skip
    return np.array([normal.cdf(x) for x in (ratio - best) / error])


def split(test: Backtest, share: float = 0.5, level: float = 0.95) -> Listing:
    """Return figures of the days before and after a share of them: what was chosen on the first, and what it was worth on the rest.

    ``rank_in`` and ``rank_out`` are by std, 1 the smallest.
    """
    if not 0 < share < 1:
        raise ValueError(f"share = {share} must be between 0 and 1")
    pnl = daily(test)
    at = round(share * pnl.shape[1])
    if not 2 <= at <= pnl.shape[1] - 2:
        raise ValueError(f"share = {share} leaves fewer than two days of {pnl.shape[1]}")
    columns = Listing(policy=np.array(test.names, dtype=object))
    for name, part in (("in", pnl[:, :at]), ("out", pnl[:, at:])):
        std = part.std(axis=1, ddof=1)
        columns |= {
            f"pnl_{name}": part.sum(axis=1), f"std_{name}": std, f"es_{name}": shortfall(part, level),
            f"rank_{name}": np.argsort(np.argsort(std, kind="stable"), kind="stable") + 1,
        }  # fmt: skip
    return columns


def stressed(
    tape: Any,
    strategy: Any,
    policies: Any,
    *,
    fills: Fills | None = None,
    costs: hedging.Costs | None = None,
    execution: hedging.Execution | None = None,
    progress: Callable[[int, int], Any] | None = None,
    **arguments: Any,
) -> dict[str, Backtest]:
    """Run the same backtest as it is, with twice the spreads, with twice the fees and their caps, and with hedges 1 and 2 steps later.

    A rebate is no fee: it stays as it is.  Of options twice the spread is the quoted half spread at least, also for who is filled in the
    middle; who is filled at its own side of it earns half.  Of the hedge it is twice ``half_spread``, which is 0 where none is given.

    Parameters
    ----------
    tape, strategy, policies, fills, costs, execution, arguments
        As of :func:`run`; options that were carried already cannot have other fills.
    progress
        Called with the runs that are done, and all.
    """
    if isinstance(strategy, Carried):
        raise TypeError("strategy must be a strategy, not options that were carried already: they keep their fills")  # fmt: skip
    fills, costs, execution = fills or Fills(), costs or hedging.Costs(), execution or hedging.Execution()  # fmt: skip
    dear = replace(
        costs, fee=2 * costs.fee, maker_fee=max(2 * costs.maker_fee, costs.maker_fee), fee_per_coin=2 * costs.fee_per_coin,
        fee_cap=2 * costs.fee_cap, least_fee=2 * costs.least_fee,
    )  # fmt: skip
    dear_fills = replace(fills, fee_factor=2 * fills.fee_factor)
    variants = {
        "as it is": (fills, costs, execution),
        "spreads x 2": (replace(fills, spread=max(2 * fills.spread, 1.0) if fills.spread >= 0 else 0.5 * fills.spread), replace(costs, half_spread=2 * costs.half_spread), execution),
        "fees x 2": (dear_fills, dear, execution),
        "1 step late": (fills, costs, replace(execution, latency=_later(execution.latency, 1))),
        "2 steps late": (fills, costs, replace(execution, latency=_later(execution.latency, 2))),
    }  # fmt: skip
    out = {}
    for name, (fill, cost, how) in variants.items():
        out[name] = run(tape, strategy, policies, fills=fill, costs=cost, execution=how, **arguments)  # fmt: skip
        if progress is not None:
            progress(len(out), len(variants))
    return out


def _later(latency: int | Sequence[float], steps: int) -> int | list[float]:
    """A latency, of a number or of probabilities, so many steps longer."""
    if isinstance(latency, (int, np.integer)):
        return int(latency) + steps
    return [0.0] * steps + [float(x) for x in latency]
