"""Variance against cost: a quadratic program with a covariance of risk factors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from hedgecore.hedging.optimise.plan import Plan
from hedgecore.hedging.optimise.problem import Problem
from hedgecore.hedging.optimise.solvers import TIME_LIMIT
from hedgecore.scenarios.revalue import tenor_law
from hedgecore.tails import Covariance

if TYPE_CHECKING:
    from hedgecore.book import Market
    from hedgecore.instruments import Instruments

Array = npt.NDArray[np.float64]
Tenor = tuple[float, ...]
VOLS: Final = ("vol", "skew", "curvature")
"""Factors of vol, by the power of z that they move an option's by."""
LARGEST_Z: Final = 5.0
"""As in the core."""


def least_variance(
    problem: Problem, covariance: Covariance, *, risk_aversion: float,
    tenors: Mapping[str, Tenor] | None = None, time_limit: float = TIME_LIMIT,
) -> Plan:  # fmt: skip
    """Return the trades with the least cost + risk_aversion / 2 x variance of the P&L, within all that must hold.

    The P&L is delta, vega, gamma, vanna and volga times normal moves of spot and of vols; its variance is exact for these:
    a' C a + tr(G C G C) / 2, with slopes a, second derivatives G and covariance C.  A vol moves by level + skew z + curvature z^2,
    z = ln(K / F) / (atm vol sqrt(T)) as in :func:`hedgecore.scenarios.book_scenarios`.

    Parameters
    ----------
    problem
        Without lots, least trades and tickets.
    covariance
        Of ``BTC_spot`` and ``BTC_vol`` (the level) for every coin, and of ``BTC_skew`` and ``BTC_curvature`` where it has them, over the
        horizon wanted: given, or of moves (:func:`hedgecore.tails.covariance`).
    risk_aversion
        Per USD, positive.
    tenors
        How the vols of an expiry follow "vol", "skew" and "curvature": (reference, exponent) and so on, as ``vol_tenor`` of
        ``book_scenarios``; of what is not named all expiries move alike.
    time_limit
        Seconds.
    """
    if not 0 < risk_aversion < math.inf:
        raise ValueError(f"risk_aversion = {risk_aversion} must be positive")
    if problem.has_whole:
        raise ValueError("least_variance has no lots, min_trade or max_tickets")
    for name in tenors or {}:
        if name not in VOLS:
            raise ValueError(f"tenors: {name!r} is none of {', '.join(VOLS)}")
    own, each, moments = _features(problem, covariance, tenors or {})
    gain = problem.columns.gain(each) * problem.scale
    program, k = problem.program, len(own)
    # the exposures are columns of their own, so that the hessian stays small; in units of what the book has
    unit = np.maximum(np.abs(own), np.abs(gain).max(axis=1, initial=0.0)) + 1e-12
    hessian = risk_aversion * moments * np.outer(unit, unit)
    free = np.full(k, np.inf)
    with_risk = program.with_columns(np.zeros(k), -free, free, np.zeros((len(program.low), k)))
    rows = np.hstack([gain / unit[:, None], -np.eye(k)])
    with_risk = with_risk.with_rows(rows, -own / unit, -own / unit)
    with_risk = replace(with_risk, whole=None, hessian=hessian)
    plan = problem.solve("least variance", with_risk, time_limit=time_limit)
    now = own + each @ plan.quantity
    before, after = (math.sqrt(max(float(of @ moments @ of), 0.0)) for of in (own, now))
    note = f"standard deviation by the factors: {before:,.0f} -> {after:,.0f} USD"
    return replace(plan, notes=(*plan.notes, note))


def _features(
    problem: Problem, covariance: Covariance, tenors: Mapping[str, Tenor]
) -> tuple[Array, Array, Array]:
    """Slopes and second derivatives of the book and of each instrument by coin, and the covariance of what multiplies them."""
    held, table, market = problem.book_measures, problem.quotes.table, problem.market
    mine = problem.book.instruments.take(held["row"])
    coins = [c for c in market.index if (mine.base == c).any() or (table.base == c).any()]
    moving = {
        coin: [what for what in VOLS if what == "vol" or f"{coin}_{what}" in covariance.factors]
        for coin in coins
    }
    # a table at a time, for which the market is aligned once
    own, each = (
        np.array([row for coin in coins for row in _derivatives(of, rows, market, coin, moving[coin], tenors)])
        for of, rows in ((held, mine), (problem.unit_measures, table))
    )  # fmt: skip
    factors: list[str] = []
    pairs: list[tuple[int, int]] = []
    for coin in coins:
        first, n = len(factors), 1 + len(moving[coin])
        pairs += [(first + i, -1) for i in range(n)]
        pairs += [(first + i, first + j) for i in range(n) for j in range(i, n)]
        factors += [f"{coin}_{what}" for what in ("spot", *moving[coin])]
    c = covariance.taken(factors).matrix
    size = len(pairs)
    moments = np.zeros((size, size))
    for i, (a, b) in enumerate(pairs):
        for j, (d, e) in enumerate(pairs):
            if b < 0 and e < 0:
                moments[i, j] = c[a, d]
            elif b >= 0 and e >= 0:
                # halves for squares: the product of two factors stands twice in the form
                half = (0.5 if a == b else 1.0) * (0.5 if d == e else 1.0)
                moments[i, j] = half * (c[a, d] * c[b, e] + c[a, e] * c[b, d])
    return own.sum(axis=1), each, moments


def _derivatives(
    of: Mapping[str, Array], table: Instruments, market: Market, coin: str, moving: Sequence[str],
    tenors: Mapping[str, Tenor],
) -> list[Array]:  # fmt: skip
    """Slopes by spot and the factors of vol, then the second derivatives: P&L in USD of each row, 0 of other coins."""
    here = table.base == coin

    def amount(name: str, scale: float) -> Array:
        return np.where(here, np.nan_to_num(of[name]), 0.0) * scale

    vega, vanna, volga = (
        amount(name, scale)
        for name, scale in (("vega_usd", 1e2), ("vanna_usd_1pct", 1e4), ("volga_usd", 1e4))
    )
    moves = _moves_of_vol(table, market, np.flatnonzero(here & (vega != 0)), moving, tenors)
    out = [amount("usd_delta", market.index[coin]), *(vega * move for move in moves)]
    data = market.align(table)
    # the gamma of risk is by the forward; the USD value of a coin-settled option is its price at the forward, times index / forward
    basis = np.where(here & table.inverse, data.index / data.forward, 1.0)
    gamma = amount("gamma_usd_1pct", 1e2) * np.where(np.isfinite(basis), basis, 1.0)
    out += [gamma, *(vanna * move for move in moves)]
    out += [volga * moves[i] * moves[j] for i in range(len(moves)) for j in range(i, len(moves))]
    return out


def _moves_of_vol(
    table: Instruments, market: Market, rows: npt.NDArray[np.intp], moving: Sequence[str], tenors: Mapping[str, Tenor]
) -> list[Array]:  # fmt: skip
    """How far the vol of some options moves with a unit of each factor: 1, z and z^2, by the law of its expiry."""
    data = market.align(table)
    pairs, bucket = table.expiries
    out = [np.zeros(len(table)) for _ in moving]
    for code in np.unique(bucket[rows]).tolist():
        at = rows[bucket[rows] == code]
        (base, when), years = pairs[code], float(data.expiry[at[0]])
        z = np.zeros(len(at))
        if len(moving) > 1 and years > 0:
            forward = float(data.levels[1][code])
            atm = market.atm_vol(base, when, forward)
            if not atm > 0:
                raise ValueError(f"skew and curvature need the vol at the forward of {base} {when}: there is none")  # fmt: skip
            z = np.clip(np.log(table.strike[at] / forward) / (atm * np.sqrt(years)), -LARGEST_Z, LARGEST_Z)  # fmt: skip
        for move, what in zip(out, moving, strict=True):
            move[at] = z ** VOLS.index(what) * tenor_law(tenors.get(what), years, what)
    return out
