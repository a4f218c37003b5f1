"""Batches of paths as arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore import _core
from hedgecore.paths.history import Replays
from hedgecore.paths.levels import MeanReverting
from hedgecore.paths.models import Model
from hedgecore.paths.random import seed_of, whole

FloatArray = npt.NDArray[np.float64]
QUANTITIES = ("spot", "vol", "levels")


@dataclass(frozen=True)
class Paths:
    """What :func:`simulate` returns.

    Attributes
    ----------
    steps, times
        The times kept, as numbers of steps and in years.
    spot
        (paths, times), or (assets, paths, times) where the model has several assets; None where not kept.
    variance
        Instantaneous variance per year, of the same shape: the model's own, or the square of its vol.
    levels
        Names to arrays of shape (paths, times).
    first_path
        The number of the first path.
    """

    steps: npt.NDArray[np.int64]
    times: FloatArray
    spot: FloatArray | None
    variance: FloatArray | None
    levels: dict[str, FloatArray]
    first_path: int

    @property
    def vol(self) -> FloatArray:
        """The square root of the variance."""
        if self.variance is None:
            raise ValueError("vol was not kept: keep=('vol',)")
        return np.sqrt(self.variance)


def _each(values: Any, n: int, name: str) -> list[float]:
    """A number for each asset."""
    array = np.asarray(values, np.float64)
    if array.shape not in ((), (1,), (n,)):
        raise ValueError(
            f"{name} must be a number or {n} numbers, one for each asset, not of shape {array.shape}"
        )
    return [float(x) for x in np.broadcast_to(array, (n,))]


def _kept_steps(n_steps: int, every: Any, at: Any) -> list[int]:
    if every is not None and at is not None:
        raise ValueError("give either every or at")
    if at is not None:
        steps = [
            whole(step, f"at[{k}]", 0, n_steps) for k, step in enumerate(np.asarray(at).tolist())
        ]
        for k in range(1, len(steps)):
            if steps[k] <= steps[k - 1]:
                raise ValueError(f"at[{k}] = {steps[k]} must be above at[{k - 1}] = {steps[k - 1]}")
        return steps
    if every is None:
        return [n_steps]
    return list(range(0, n_steps + 1, whole(every, "every", 1, 2**33)))


def check_memory(
    numbers: float, advice: str = "keep fewer times (every, at), or simulate shards (first_path)"
) -> None:
    try:
        have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):  # pragma: no cover
        return
    if 8 * numbers > have:
        raise MemoryError(
            f"what is kept takes {8e-9 * numbers:,.0f} GB, this machine has {1e-9 * have:,.0f} GB: {advice}"
        )


def core_of(
    model: Model,
    step: float,
    spot: float | Sequence[float] | None,
    drift: float | Sequence[float],
    levels: Mapping[str, MeanReverting] | None,
    stress: Replays | None,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what the core needs of a model and what goes with it, for steps of that many years, and the names of all levels."""
    if not isinstance(model, Model):
        raise TypeError(f"model must be one of hedgecore.paths, not {model!r}")
    n, beside = model.n_assets, dict(levels or {})
    if twice := [name for name in model.level_names if name in beside]:
        raise ValueError(f"levels: {twice[0]!r} is a level of the model already")
    if not model.from_spot and (spot is not None or np.any(drift)):
        raise ValueError("spot and drift have no meaning for given paths")

    drifts = _each(drift, n, "drift")
    core = {"correlation": [], "common_jumps": False, **model.core(step, drifts)}
    spots = _each(100.0 if spot is None else spot, n, "spot")
    core["assets"] = [
        {**asset, "spot": s, "drift": d}
        for asset, s, d in zip(core["assets"], spots, drifts, strict=True)
    ]
    core["processes"] = []
    for name, process in beside.items():
        if not isinstance(process, MeanReverting):
            raise TypeError(f"levels: {name!r} must be a MeanReverting, not {process!r}")
        core["processes"].append(process.core())
    if stress is not None:
        core |= stress.core(model.level_names, n)
    return core, (*model.level_names, *beside)


def simulate(
    model: Model,
    *,
    n_paths: int,
    n_steps: int,
    horizon: float,
    seed: int,
    spot: float | Sequence[float] | None = None,
    drift: float | Sequence[float] = 0.0,
    every: int | None = None,
    at: Sequence[int] | None = None,
    keep: Sequence[str] = QUANTITIES,
    levels: Mapping[str, MeanReverting] | None = None,
    stress: Replays | None = None,
    antithetic: bool = False,
    first_path: int = 0,
    threads: int | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Paths:
    """Simulate paths in equal steps and keep the times asked for.

    Memory is that of what is kept, and one block of paths for each thread.  The numbers depend on the seed, the path and the
    steps alone: the same bits for any number of threads, and ``first_path`` gives shards of one run.

    Parameters
    ----------
    model
        One of :mod:`hedgecore.paths`: GBM, Merton, Kou, Heston, Bates, Correlated, Bootstrap, Given.
    n_paths, n_steps
        How many.
    horizon
        Years from the start to the last step.
    seed
        0 to 2**64 - 1.
    spot
        At the start, for each asset or one for all; 100 where not given.  Given paths have their own.
    drift
        Per year, E[S_t] = spot exp(drift t), for each asset or one for all.  0 for a martingale; mu under the real measure;
        rate less yield under the pricing measure.
    every
        Keep time 0 and every so many steps.  Neither this nor ``at``: the last step alone.
    at
        Keep these steps, ascending from 0 to n_steps.
    keep
        Out of "spot", "vol" and "levels".
    levels
        Names to processes beside the prices (:func:`~hedgecore.paths.funding_rate`, :func:`~hedgecore.paths.gas_price`); those
        of the model's history come on top.
    stress
        Windows that replace the model's returns at random times.
    antithetic
        Path 2j + 1 mirrors path 2j: every uniform u becomes 1 - u.
    first_path
        The number of the first path.
    threads
        Of the core, for this call.
    progress
        Called now and then with the paths done and their number, and at the end.

    Raises
    ------
    ValueError
        Naming the argument that is outside of its domain, and its value.
    MemoryError
        For more than this machine has.
    KeyboardInterrupt
        Ctrl-C stops the work within about a tenth of a second.
    """
    if not isinstance(model, Model):
        raise TypeError(f"model must be one of hedgecore.paths, not {model!r}")
    n_paths = whole(n_paths, "n_paths", 1, 2**40)
    n_steps = whole(n_steps, "n_steps", 1, 2**33 - 1)
    first_path = whole(first_path, "first_path", 0, 2**64 - 1 - n_paths)
    horizon = float(horizon)
    if not 0 < horizon < np.inf:
        raise ValueError(f"horizon = {horizon} must be positive")
    for name in keep:
        if name not in QUANTITIES:
            raise ValueError(f"keep: {name!r} is none of {', '.join(QUANTITIES)}")
    step = horizon / n_steps
    steps = _kept_steps(n_steps, every, at)
    core, names = core_of(model, step, spot, drift, levels, stress)
    n = model.n_assets
    wants = ("spot" in keep, "vol" in keep, "levels" in keep and bool(names))
    check_memory(n_paths * len(steps) * (n * wants[0] + n * wants[1] + len(names) * wants[2]))
    prices, variances, columns = _core.simulate_paths(
        core, seed_of(seed), first_path, n_paths, n_steps, step, bool(antithetic), steps, wants, threads, progress
    )  # fmt: skip
    if n == 1:
        prices, variances = (None if x is None else x[0] for x in (prices, variances))
    kept = np.array(steps, np.int64)
    return Paths(
        steps=kept,
        times=np.asarray(kept * step, np.float64),
        spot=prices,
        variance=variances,
        levels={} if columns is None else dict(zip(names, columns, strict=True)),
        first_path=first_path,
    )
