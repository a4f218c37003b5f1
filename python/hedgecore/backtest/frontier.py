"""Cost against risk on one history, and families of policies at equal cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.backtest.evaluation import daily, resampled_days, shortfall
from hedgecore.backtest.run import Backtest
from hedgecore.frames import Listing
from hedgecore.hedging.frontier import shared_costs
from hedgecore.paths.random import whole

Array = npt.NDArray[Any]


def frontier(
    test: Backtest, families: Mapping[str, str] | None = None, level: float = 0.95
) -> Listing:
    """Return cost against risk of the days: a row for each policy, by family and cost.

    ``efficient``: no other policy has both less cost and a smaller std.

    Parameters
    ----------
    test
        The backtest.
    families
        Policies to the names of their families; those of the policies where not given.
    level
        Of the expected shortfall.

    Raises
    ------
    KeyError
        A name is of no policy.
    """
    pnl, cost, family = daily(test), test.costs.sum(axis=1), _families(test, families)
    std = pnl.std(axis=1, ddof=1)
    better = (cost[None] <= cost[:, None]) & (std[None] <= std[:, None])
    better &= (cost[None] < cost[:, None]) | (std[None] < std[:, None])
    order = np.lexsort((cost, family.astype(np.str_)))
    columns = {
        "family": family, "policy": np.array(test.names, dtype=object), "cost": cost, "std": std,
        "es": shortfall(pnl, level), "pnl": pnl.sum(axis=1), "efficient": ~better.any(axis=1),
    }  # fmt: skip
    return Listing({name: column[order] for name, column in columns.items()})


def equal_cost(
    test: Backtest,
    costs: float | Sequence[float] | None = None,
    families: Mapping[str, str] | None = None,
    against: str | None = None,
    *,
    level: float = 0.95,
    samples: int = 2000,
    seed: int = 1,
    block: float | None = None,
) -> Listing:
    """Return the risk of families at equal costs: straight in the logarithms of cost and risk, between the settings around each cost.

    A family is left out where its settings do not reach a cost; one setting alone reaches none, and one without costs is in none.  ``*_low`` and ``*_high`` hold the middle
    95 % of the bootstrap of the days; the ratio of the std to that of another family is of the same days.

    Parameters
    ----------
    test, families, level
        As of :func:`frontier`.
    costs
        Three within what most families reach where not given.
    against
        The family of the ratios; at each cost the one with the least std where not given.
    samples, seed, block
        As of :func:`resampled_days`.

    Raises
    ------
    KeyError
        A name is of no policy or of no family.
    ValueError
        No cost is given and none can be compared at.
    """
    samples = whole(samples, "samples", 100, 10**6)
    pnl, cost, family = daily(test), test.costs.sum(axis=1), _families(test, families)
    names = list(dict.fromkeys(family.tolist()))
    if against is not None and against not in names:
        raise KeyError(f"{against!r} is none of the families {', '.join(names)}")
    rows = {name: np.flatnonzero((family == name) & (cost > 0)) for name in names}
    rows = {name: of[np.argsort(cost[of], kind="stable")] for name, of in rows.items()}
    wanted = shared_costs([cost[of] for of in rows.values()], 3) if costs is None else np.atleast_1d(costs).tolist()  # fmt: skip
    if not wanted:
        raise ValueError("costs: no family has two settings of different costs")
    days = resampled_days(pnl, samples, seed, block)
    drawn = np.stack([row[days] for row in pnl])
    with np.errstate(divide="ignore"):  # a policy without risk
        log_std, log_es = np.log(pnl.std(axis=1, ddof=1)), np.log(np.maximum(shortfall(pnl, level), 0.0))  # fmt: skip
        log_std_drawn = np.log(drawn.std(axis=2, ddof=1))
    lines: list[tuple[Any, ...]] = []
    for at in wanted:
        there = {name: between for name, of in rows.items() if (between := _between(cost, of, at)) is not None}  # fmt: skip
        std, es, of_days = ({name: w @ x[two] for name, (two, w) in there.items()} for x in (log_std, log_es, log_std_drawn))  # fmt: skip
        other = against if against is not None else min(std, key=lambda name: std[name], default="")
        for name in there:
            ratio, low, high = np.nan, np.nan, np.nan
            if other in there:
                ratio = np.exp(std[name] - std[other])
                low, high = np.exp(np.quantile(of_days[name] - of_days[other], [0.025, 0.975]))
            lines.append((at, name, np.exp(std[name]), *np.exp(np.quantile(of_days[name], [0.025, 0.975])), np.exp(es[name]), ratio, low, high))  # fmt: skip
    heads = ("cost", "family", "std", "std_low", "std_high", "es", "ratio", "ratio_low", "ratio_high")  # fmt: skip
    columns = list(zip(*lines, strict=True)) if lines else [()] * len(heads)
    return Listing({head: np.array(column, object if head == "family" else np.float64) for head, column in zip(heads, columns, strict=True)})  # fmt: skip


def _families(test: Backtest, given: Mapping[str, str] | None) -> Array:
    """The family of each policy."""
    given = given or {}
    for name in given:
        if name not in test.names:
            raise KeyError(f"families: {name!r} is none of the policies {', '.join(test.names)}")
    own = zip(test.names, test.run.families, strict=True)
    return np.array([given.get(name, family) for name, family in own], dtype=object)


def _between(cost: Array, rows: Array, at: float) -> tuple[Array, Array] | None:
    """The two settings around a cost, and their weights in the logarithm; None where they do not reach it."""
    of = cost[rows]
    if len(of) < 2 or not of[0] <= at <= of[-1]:
        return None
    k = int(np.clip(np.searchsorted(of, at), 1, len(of) - 1))
    gap = np.log(of[k] / of[k - 1])
    w = float(np.log(at / of[k - 1]) / gap) if gap > 0 else 0.0
    return rows[k - 1 : k + 1], np.array([1 - w, w])
