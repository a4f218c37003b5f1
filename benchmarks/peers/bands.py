"""A sold call under GBM, hedged with a band to its edge: the whole job, random numbers included, on one thread.

``PEERS`` names functions that return a call without arguments for a :class:`Job`; the call returns the P&L of each path.  Every trade
pays, but for pfhedge, which has no closing trade.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Job(NamedTuple):
    """Spot and strike are 100; years, vol per sqrt(year), half width in coins, share of the traded amount, premium."""

    paths: int
    steps: int
    years: float
    vol: float
    width: float
    cost: float
    premium: float


def by_numpy(job: Job) -> Callable[[], Array]:
    """Pieces of paths that stay in the cache; PCG64 and the ziggurat."""
    from scipy.special import ndtr

    h = job.years / job.steps
    scale, drift = job.vol * math.sqrt(h), -0.5 * job.vol**2 * h

    def piece(rng: np.random.Generator, n: int) -> Array:
        x, spot, held, cash = np.zeros(n), np.full(n, 100.0), np.zeros(n), np.zeros(n)
        for step in range(job.steps):
            s = job.vol * math.sqrt(job.years - step * h)
            delta = ndtr(x / s + s / 2)
            trade = np.clip(held, delta - job.width, delta + job.width) - held
            cash -= (trade + job.cost * np.abs(trade)) * spot
            held += trade
            x += drift + scale * rng.standard_normal(n)
            spot = 100 * np.exp(x)
        close = held * spot - job.cost * np.abs(held) * spot
        return np.asarray(job.premium + cash + close - np.maximum(spot - 100, 0))

    def call() -> Array:
        rng = np.random.default_rng(1)
        sizes = [min(2000, job.paths - k) for k in range(0, job.paths, 2000)]
        return np.concatenate([piece(rng, n) for n in sizes])

    return call


def by_numba(job: Job) -> Callable[[], Array]:
    """Path by path, compiled, fastmath; PCG64 and the ziggurat."""
    import numba

    def paths(
        rng: Any, n: int, roots: Array, drift: float, scale: float, width: float, cost: float, pnl: Array
    ) -> None:  # fmt: skip
        for i in range(n):
            x, spot, held, cash = 0.0, 100.0, 0.0, 0.0
            for s in roots:
                delta = 0.5 * math.erfc(-(x / s + 0.5 * s) * 0.7071067811865476)
                trade = min(max(held, delta - width), delta + width) - held
                cash -= (trade + cost * abs(trade)) * spot
                held += trade
                x += drift + scale * rng.standard_normal()
                spot = 100 * math.exp(x)
            pnl[i] = cash + held * spot - cost * abs(held) * spot - max(spot - 100, 0.0)

    compiled = numba.njit(fastmath=True)(paths)
    h = job.years / job.steps
    roots = job.vol * np.sqrt(job.years - h * np.arange(job.steps))

    def call() -> Array:
        pnl = np.empty(job.paths)
        compiled(
            np.random.default_rng(1), job.paths, roots, -0.5 * job.vol**2 * h, job.vol * math.sqrt(h), job.width, job.cost, pnl
        )  # fmt: skip
        return np.asarray(job.premium + pnl)

    return call


def by_jax(job: Job) -> Callable[[], Array]:
    """jax.jit of a loop over steps, pieces of paths that stay in the cache; threefry and the inverse error function."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    import jax

    jax.config.update("jax_enable_x64", True)
    jnp, n = jax.numpy, 500
    h = job.years / job.steps
    scale, drift = job.vol * math.sqrt(h), -0.5 * job.vol**2 * h

    def piece(key: Any) -> Any:
        def step(k: Any, state: Any) -> Any:
            x, held, cash = state
            s = job.vol * jnp.sqrt(job.years - k * h)
            delta = jax.scipy.special.ndtr(x / s + s / 2)
            spot = 100 * jnp.exp(x)
            trade = jnp.clip(held, delta - job.width, delta + job.width) - held
            z = jax.random.normal(jax.random.fold_in(key, k), (n,))
            return x + drift + scale * z, held + trade, cash - (trade + job.cost * jnp.abs(trade)) * spot  # fmt: skip

        x, held, cash = jax.lax.fori_loop(0, job.steps, step, (jnp.zeros(n),) * 3)
        spot = 100 * jnp.exp(x)
        return (
            job.premium + cash + held * spot - job.cost * jnp.abs(held) * spot - jnp.maximum(spot - 100, 0)
        )  # fmt: skip

    pieces = -(-job.paths // n)
    whole = jax.jit(lambda key: jax.lax.map(piece, jax.random.split(key, pieces)))
    return lambda: np.asarray(whole(jax.random.key(1))).ravel()[: job.paths]


def by_pfhedge(job: Job) -> Callable[[], Array]:
    """pfhedge's own simulation and hedger on torch, in double precision; its module for Black's delta, clamped."""
    import torch
    from pfhedge.instruments import BrownianStock, EuropeanOption
    from pfhedge.nn import BlackScholes, Hedger

    torch.set_num_threads(1)
    stock = BrownianStock(
        sigma=job.vol, cost=job.cost, dt=job.years / job.steps, dtype=torch.float64
    )
    option = EuropeanOption(stock, strike=100.0, maturity=job.years)

    class Band(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.black = BlackScholes(option)

        def inputs(self) -> list[str]:
            return [*self.black.inputs(), "prev_hedge"]

        def forward(self, given: Any) -> Any:
            delta = self.black(given[..., :-1])
            return given[..., [-1]].clamp(min=delta - job.width, max=delta + job.width)

    band = Band()
    hedger = Hedger(band, band.inputs())

    def call() -> Array:
        torch.manual_seed(1)
        with torch.no_grad():
            option.simulate(n_paths=job.paths, init_state=(100.0,))
            pnl: Array = hedger.compute_pl(option).numpy()
        return job.premium + pnl

    return call


PEERS: dict[str, Callable[[Job], Callable[[], Array]]] = {
    "numba": by_numba,
    "jax.jit": by_jax,
    "numpy and scipy": by_numpy,
    "pfhedge": by_pfhedge,
}
