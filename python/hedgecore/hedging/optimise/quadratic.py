"""Variance against cost: a quadratic program with a covariance of risk factors."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from hedgecore.hedging.optimise.plan import Plan
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.hedging.optimise.solvers import TIME_LIMIT
from hedgecore.tails import Covariance

Array = npt.NDArray[np.float64]


def least_variance(
    problem: Problem, covariance: Covariance, *, risk_aversion: float, time_limit: float = TIME_LIMIT
) -> Plan:  # fmt: skip
    """Return the trades with the least cost + risk_aversion / 2 x variance of the P&L, within all that must hold.

    The P&L is delta, vega, gamma, vanna and volga times normal moves of spot and of vols (all expiries of a coin alike); its variance is exact for these:
    a' C a + tr(G C G C) / 2, with slopes a, second derivatives G and covariance C.

    Parameters
    ----------
    problem
        Without lots, least trades and tickets.
    covariance
        Of ``BTC_spot`` and ``BTC_vol`` for every coin, over the horizon wanted: given, or of moves (:func:`hedgecore.tails.covariance`).
    risk_aversion
        Per USD, positive.
    time_limit
        Seconds.
    """
    if not 0 < risk_aversion < math.inf:
        raise ValueError(f"risk_aversion = {risk_aversion} must be positive")
    if problem.has_whole:
        raise ValueError("least_variance has no lots, min_trade or max_tickets")
    own, each, moments = _features(problem, covariance)
    gain = problem.columns.gain(each) * problem.scale
    program, n, k = problem.program, len(problem.columns), len(own)
    # the exposures are columns of their own, so that the hessian stays small; in units of what the book has
    unit = np.maximum(np.abs(own), np.abs(gain).max(axis=1, initial=0.0)) + 1e-12
    hessian = np.zeros((n + k, n + k))
    hessian[n:, n:] = risk_aversion * moments * np.outer(unit, unit)
    free = np.full(k, np.inf)
    with_risk = program.with_columns(np.zeros(k), -free, free, np.zeros((len(program.low), k)))
    rows = np.hstack([gain / unit[:, None], -np.eye(k)])
    with_risk = with_risk.with_rows(rows, -own / unit, -own / unit)
    with_risk = replace(with_risk, whole=None, hessian=hessian)
    plan = problem.solve("least variance", with_risk, time_limit=time_limit)
    now = own + each @ plan.quantity
    before, after = (math.sqrt(max(float(of @ moments @ of), 0.0)) for of in (own, now))
    note = f"standard deviation by the factors: {before:,.0f} -> {after:,.0f} USD"
    return replace(plan, notes=(note,))


def _features(problem: Problem, covariance: Covariance) -> tuple[Array, Array, Array]:
    """Slopes and second derivatives of the book and of each instrument by coin, and the covariance of what multiplies them."""
    held, table = problem.book_measures, problem.quotes.table
    coins = [c for c in problem.market.index if (held["underlying"] == c).any() or (table.base == c).any()]  # fmt: skip
    factors = [f"{coin}_{what}" for coin in coins for what in ("spot", "vol")]
    c = covariance.taken(factors).matrix
    own: list[Array] = []
    each: list[Array] = []
    pairs: list[tuple[int, int]] = []
    for number, coin in enumerate(coins):
        index = problem.market.index[coin]
        for bag, of, base in (
            (own, held, held["underlying"]),
            (each, problem.unit_measures, table.base),
        ):
            here = base == coin

            def amount(name: str, of: dict[str, Array] = of, here: Array = here) -> Array:
                return np.where(here, np.nan_to_num(of[name]), 0.0)

            delta, vega = amount("usd_delta") * index, amount("vega_usd") * 100
            gamma = amount("gamma_usd_1pct") * 100
            vanna, volga = amount("vanna_usd_1pct") * 1e4, amount("volga_usd") * 1e4
            rows = [delta, vega, gamma, vanna, volga]
            bag += [row.sum() for row in rows] if bag is own else rows
        s, v = 2 * number, 2 * number + 1
        pairs += [(s, -1), (v, -1), (s, s), (s, v), (v, v)]
    size = len(pairs)
    moments = np.zeros((size, size))
    for i, (a, b) in enumerate(pairs):
        for j, (d, e) in enumerate(pairs):
            if b < 0 and e < 0:
                moments[i, j] = c[a, d]
            elif (
                b >= 0 and e >= 0
            ):  # halves for squares: the product of spot and vol stands twice in the form
                half = (0.5 if a == b else 1.0) * (0.5 if d == e else 1.0)
                moments[i, j] = half * (c[a, d] * c[b, e] + c[a, e] * c[b, d])
    return np.array(own), np.array(each), moments
