"""Paths out of histories: resampled returns, replays of windows, given paths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.paths.models import Model
from hedgecore.paths.random import whole

FloatArray = npt.NDArray[np.float64]


def log_returns(prices: npt.ArrayLike) -> FloatArray:
    """Return ln(p[t + 1] / p[t]) along the first axis.

    Raises
    ------
    ValueError
        Naming the first price that is not positive and finite.
    """
    p = np.asarray(prices, np.float64)
    good = np.isfinite(p) & (p > 0)
    if not good.all():
        row = np.unravel_index(int(np.argmin(good)), p.shape)
        place = ", ".join(str(int(i)) for i in row)
        raise ValueError(f"prices[{place}] = {p[row]} must be positive and finite")
    return np.asarray(np.diff(np.log(p), axis=0))


def stationary_rows(generator: np.random.Generator, samples: int, n: int, block: float) -> Any:
    """Return rows of places in a history of length n, by the stationary bootstrap of Politis and Romano (1994).

    Blocks start anywhere, have geometric lengths of mean ``block`` and go on from the first place after the last.
    """
    fresh = generator.random((samples, n)) < 1 / block
    fresh[:, 0] = True
    start = generator.integers(0, n, (samples, n))
    place = np.arange(n)
    begun = np.maximum.accumulate(np.where(fresh, place, 0), axis=1)
    return (np.take_along_axis(start, begun, axis=1) + place - begun) % n


def block_length(series: npt.ArrayLike) -> float:
    """Return the mean length of a block that suits the stationary bootstrap of the mean of a series.

    The rule of Politis and White, "Automatic block-length selection for the dependent bootstrap" (2004), with the
    correction of Patton, Politis and White (2009).  At least 1; at most min(3 sqrt(n), n / 3).
    """
    x = np.asarray(series, np.float64)
    if x.ndim != 1 or len(x) < 10:
        raise ValueError(
            f"series must have one dimension and ten values or more, not shape {x.shape}"
        )
    if not np.isfinite(x).all():
        row = int(np.argmin(np.isfinite(x)))
        raise ValueError(f"series[{row}] = {x[row]} must be finite")
    n, e = len(x), x - x.mean()
    most = math.ceil(min(3 * math.sqrt(n), n / 3))
    run = max(5, int(math.log10(n)))
    last = min(math.ceil(math.sqrt(n)) + run, n - 2)
    covariance = np.array([e[k:] @ e[: n - k] for k in range(last + 1)]) / n
    if covariance[0] <= 0:
        return 1.0
    # the first of `run` insignificant correlations in a row, as in Patton's program and those after it
    small = np.abs(covariance) < 2 * math.sqrt(math.log10(n) / n) * covariance[0]
    lag = next((k for k in range(1, last - run + 2) if small[k : k + run].all()), last)
    window = min(2 * lag, last)
    k = np.arange(1, window + 1)
    taper = np.minimum(1.0, 2 * (1 - k / window))
    spread = covariance[0] + 2 * (taper * covariance[1 : window + 1]).sum()
    slope = 2 * (taper * k * covariance[1 : window + 1]).sum()
    if spread == 0:
        return 1.0
    return float(np.clip(abs(slope / spread) ** (2 / 3) * n ** (1 / 3), 1.0, most))


def _matrix(values: npt.ArrayLike, name: str) -> FloatArray:
    """Rows of log returns, a column for each asset."""
    array = np.asarray(values, np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or not array.size:
        raise ValueError(
            f"{name} must have a row for each step and a column for each asset, not shape {array.shape}"
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        row, column = bad[0].tolist()
        raise ValueError(
            f"{name}[{row}, {column}] = {array[row, column]} must be finite ({len(bad)} bad values in all)"
        )
    return array


def _with_levels(returns: FloatArray, levels: Mapping[str, npt.ArrayLike], name: str) -> FloatArray:
    columns = [returns]
    for level, values in levels.items():
        column = _matrix(values, f"{name} {level!r}")
        if column.shape != (len(returns), 1):
            raise ValueError(
                f"{name} {level!r} must have {len(returns)} rows as the returns have, not shape {np.shape(values)}"
            )
        columns.append(column)
    return np.ascontiguousarray(np.concatenate(columns, axis=1))


@dataclass(frozen=True)
class Bootstrap(Model):
    """The stationary bootstrap of real returns (Politis and Romano, 1994), one row of the history a step.

    Rows are vectors, so that what happened together stays together.  At each step a new row is drawn with probability
    1 / ``block``, else the next row follows; after the last comes the first.

    Parameters
    ----------
    returns
        Log returns by step, of shape (rows,) or (rows, assets): the step of the simulation is theirs.
    levels
        Names to columns of the same rows, taken as they are: implied vol, funding, spread after that return.
    block
        Mean length of a block, in steps; None: the largest :func:`block_length` of the returns and of their magnitudes,
        since vols persist where returns do not.
    recentre
        Shift the returns so that the mean of exp(return) over the history is exp(drift x step): without serial dependence
        E[S_t] = S_0 exp(drift t).  False: they keep their mean, and drift must be 0.
    vol
        Scale the returns of each asset, around their mean, to this vol per sqrt(year); a number or one for each asset.
    """

    returns: npt.ArrayLike
    levels: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    block: float | None = None
    recentre: bool = True
    vol: float | Sequence[float] | None = None

    @property
    def n_assets(self) -> int:
        """The columns of returns."""
        return int(_matrix(self.returns, "returns").shape[1])

    @property
    def level_names(self) -> tuple[str, ...]:
        """The names of the levels."""
        return tuple(self.levels)

    @property
    def mean_block(self) -> float:
        """The mean length of a block that is used."""
        if self.block is not None:
            return float(self.block)
        table = _matrix(self.returns, "returns")
        return max(block_length(column) for column in [*table.T, *np.abs(table).T])

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:
        """As :class:`Model` says."""
        table = _matrix(self.returns, "returns").copy()
        std = table.std(axis=0)
        if self.vol is not None:
            wanted = np.broadcast_to(np.asarray(self.vol, np.float64), std.shape)
            if not (np.isfinite(wanted) & (wanted >= 0)).all():
                raise ValueError(f"vol = {self.vol} must be zero or positive")
            if not (std > 0).all():
                raise ValueError(
                    f"returns of asset {int(np.argmin(std))} are all equal: they cannot be scaled to a vol"
                )
            mean = table.mean(axis=0)
            table = mean + (table - mean) * (wanted * math.sqrt(step) / std)
        if self.recentre:
            table += np.asarray(drift) * step - np.log(np.exp(table).mean(axis=0))
        elif any(drift):
            raise ValueError(f"drift = {list(drift)} must be 0 where the returns are not recentred")
        vols = table.std(axis=0) / math.sqrt(step)
        return {
            "assets": [{"vol": float(vol)} for vol in vols],
            "history": _with_levels(table, self.levels, "levels"),
            "block": self.mean_block,
        }


@dataclass(frozen=True)
class Replays:
    """Windows of real returns that replace those of a model at random times: crashes as they were, or worse.

    Parameters
    ----------
    windows
        One for each episode: log returns by step, of shape (rows,) or (rows, assets).
    rate
        Windows a year, outside of windows: at each step one begins with probability 1 - exp(-rate x step), each as likely.
    factor
        Of the log returns in windows.
    levels
        One mapping for each window, with the names that the model's history has.

    Nothing is taken off for what the windows do to the mean of the price.
    """

    windows: Sequence[npt.ArrayLike]
    rate: float
    factor: float = 1.0
    levels: Sequence[Mapping[str, npt.ArrayLike]] | None = None

    def core(self, names: tuple[str, ...], n_assets: int) -> dict[str, Any]:
        """Return what the core needs."""
        levels = self.levels if self.levels is not None else [{}] * len(self.windows)
        if not len(self.windows):
            raise ValueError("windows: there are none")
        if len(levels) != len(self.windows):
            raise ValueError(
                f"levels must be {len(self.windows)}, one mapping for each window, not {len(levels)}"
            )
        tables = []
        for k, (window, columns) in enumerate(zip(self.windows, levels, strict=True)):
            table = _matrix(window, f"windows[{k}]")
            if table.shape[1] != n_assets:
                raise ValueError(
                    f"windows[{k}] must have a column for each of {n_assets} assets, not shape {table.shape}"
                )
            if set(columns) != set(names):
                raise ValueError(
                    f"levels[{k}] must have {', '.join(names) or 'no columns'}, as the model has, not {', '.join(columns) or 'none'}"
                )
            tables.append(
                _with_levels(table, {name: columns[name] for name in names}, f"levels[{k}]")
            )
        return {
            "windows": np.concatenate(tables),
            "lengths": [len(table) for table in tables],
            "rate": self.rate,
            "factor": self.factor,
        }


@dataclass(frozen=True)
class Given(Model):
    """Paths of the user: what is simulated beside them, and what consumes paths, takes these as they are.

    Parameters
    ----------
    spot
        Of shape (paths, times) or (assets, paths, times), the start included.
    levels
        Names to arrays of shape (paths, times).
    first_path
        The number of the first of these paths.
    vol
        What is reported as their vol.
    """

    spot: npt.ArrayLike
    levels: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    first_path: int = 0
    vol: float = 0.0
    from_spot = False

    @property
    def n_assets(self) -> int:
        """One, or the length of the first of three axes."""
        shape = np.shape(self.spot)
        return int(shape[0]) if len(shape) == 3 else 1

    @property
    def level_names(self) -> tuple[str, ...]:
        """The names of the levels."""
        return tuple(self.levels)

    def core(self, step: float, drift: Sequence[float]) -> dict[str, Any]:  # noqa: ARG002
        """As :class:`Model` says."""
        spot = np.asarray(self.spot, np.float64)
        if spot.ndim not in (2, 3):
            raise ValueError(
                f"spot must be of shape (paths, times) or (assets, paths, times), not {spot.shape}"
            )
        columns = [spot.reshape(-1, *spot.shape[-2:])]
        for name, values in self.levels.items():
            level = np.asarray(values, np.float64)
            if level.shape != spot.shape[-2:]:
                raise ValueError(
                    f"levels {name!r} must be of shape {spot.shape[-2:]} as the paths are, not {level.shape}"
                )
            columns.append(level[None])
        return {
            "assets": [{"vol": self.vol}] * self.n_assets,
            "given": np.concatenate(columns) if len(columns) > 1 else columns[0],
            "given_first": whole(self.first_path, "first_path", 0, 2**64 - 1),
        }
