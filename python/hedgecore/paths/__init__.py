"""Paths: prices, variances and levels beside them, simulated, resampled or given.

:func:`simulate` moves a model through time in the core, in blocks of paths that stay in the cache, and
keeps only the times asked for.  Path i is the same numbers in any run that contains it, for any number
of threads: the random numbers are a function of seed, path, stream and step (:mod:`hedgecore.paths.random`
states the layout).

>>> import hedgecore as hc
>>> run = hc.paths.simulate(
...     hc.paths.Heston(v0=0.36, kappa=2, theta=0.36, xi=1.2, rho=-0.3),
...     spot=60_000, n_paths=1000, n_steps=24 * 30, horizon=30 / 365, seed=7, every=24,
... )
>>> run.spot.shape, run.vol.shape
((1000, 31), (1000, 31))
"""

from __future__ import annotations

from hedgecore.paths.history import Bootstrap, Given, Replays, block_length, log_returns
from hedgecore.paths.levels import MeanReverting, fit_gas_price, funding_rate, gas_price
from hedgecore.paths.models import GBM, Bates, Correlated, Heston, Kou, Merton
from hedgecore.paths.random import normals, philox, uniforms
from hedgecore.paths.simulation import Paths, simulate

__all__ = [
    "GBM",
    "Bates",
    "Bootstrap",
    "Correlated",
    "Given",
    "Heston",
    "Kou",
    "MeanReverting",
    "Merton",
    "Paths",
    "Replays",
    "block_length",
    "fit_gas_price",
    "funding_rate",
    "gas_price",
    "log_returns",
    "normals",
    "philox",
    "simulate",
    "uniforms",
]
