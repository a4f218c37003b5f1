"""Exact neutralisation: ridge least squares of the targets, without regard to costs, sizes or limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hedgecore.hedging.optimise import solvers
from hedgecore.hedging.optimise.plan import Plan
from hedgecore.hedging.optimise.problem import Problem


def neutralise(problem: Problem, *, ridge: float = 0.0) -> Plan:
    """Return the trades z that minimise |W (E z + e - target)|^2 + ridge |z|^2, z in coins and W one over what the book is off.

    With as many fit instruments as targets and ``ridge`` 0 every target is met; with more, the least |z| does it.  What it
    costs is stated and not minimised; ``notes`` name quoted sizes that it exceeds, and say that trades are in no whole lots where
    ``lots`` asks for them.  Needs numpy alone.

    Parameters
    ----------
    problem
        Its ``targets`` are met; quotes are the instruments to do it with.  Limits, sizes, lots and budget are not looked at.
    ridge
        Not negative: above 0 large trades are held back, where instruments are nearly alike.

    Raises
    ------
    ValueError
        Without targets, and where ``ridge`` is 0 and the instruments cannot meet them.
    """
    if not 0 <= ridge < np.inf:
        raise ValueError(f"ridge = {ridge} must be zero or positive")
    notes = []
    if problem.lots:  # rounded trades would miss the targets
        problem = replace(problem, lots=False)
        notes.append("lots are not looked at: the trades are in no whole lots")
    rows, columns, quotes = problem.rows, problem.columns, problem.quotes
    equal = np.flatnonzero(rows.low == rows.high)
    if not equal.size:
        raise ValueError("targets: there is none to be met exactly")
    outright = np.flatnonzero(columns.closes < 0)
    each, first = np.unique(columns.instrument[outright], return_index=True)
    sign = np.where(columns.kind[outright[first]] == "buy", 1.0, -1.0)
    coins = quotes.delta_scale[each]
    matrix = rows.matrix[np.ix_(equal, outright[first])] * sign / coins
    off = rows.low[equal] - rows.base[equal]
    weight = 1 / np.where(off != 0, np.abs(off), np.abs(matrix).max(axis=1, initial=1e-300))
    scaled, goal = matrix * weight[:, None], off * weight
    if ridge:
        scaled = np.vstack([scaled, np.sqrt(ridge) * np.eye(len(each))])
        goal = np.r_[goal, np.zeros(len(each))]
    # what would trade on a side without a quote is left out, and the rest solved again
    sides = [set(columns.kind[outright[columns.instrument[outright] == i]]) for i in each]
    kept, z = np.ones(len(each), bool), np.zeros(len(each))
    while True:
        z[:] = 0.0
        z[kept] = np.linalg.lstsq(scaled[:, kept], goal, rcond=None)[0]
        words = np.where(z / coins > 0, "buy", "sell")
        drop = np.array([z[k] != 0 and words[k] not in sides[k] for k in range(len(each))])
        if not drop.any():
            break
        kept &= ~drop
    if not kept.all():
        names = ", ".join(str(quotes.table.name[i]) for i in each[~kept])
        notes.append(f"left out, without a quote on the side that was needed: {names}")
    missed = np.abs(matrix @ z - off) * weight
    if not ridge and missed.max() > 1e-8:
        worst = rows.name[equal[int(np.argmax(missed))]]
        left = f" ({notes[-1]})" if not kept.all() else ""
        raise ValueError(
            f"the {kept.sum()} instruments cannot meet all targets: {worst} is missed{left}"
        )
    x = np.zeros(len(columns))
    over = []
    for i, amount in zip(each, z / coins, strict=True):
        side = "buy" if amount > 0 else "sell"
        if amount == 0:
            continue
        found = np.flatnonzero((columns.instrument == i) & (columns.kind == side))
        x[found[0]] = abs(amount) / problem.scale[found[0]]
        if abs(amount) > columns.upper[found[0]]:
            over.append(str(quotes.table.name[i]))
    if over:
        notes.append(f"more than the quoted sizes: {', '.join(over)}")
    prices = np.zeros(len(rows)), np.zeros(len(columns))
    return problem.plan("exact", solvers.Solution(x, 0.0, *prices, 0.0), notes=tuple(notes))
