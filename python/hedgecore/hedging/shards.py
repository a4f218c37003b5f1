"""Runs in pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hedgecore.hedging.traces import Trace

if TYPE_CHECKING:
    from hedgecore.hedging.results import Run


def joined_runs(runs: Iterable[Run]) -> Run:
    """Return the run of all paths of shards; see :meth:`Run.joined`."""
    shards = sorted(runs, key=lambda run: run.first_path)
    if not shards:
        raise ValueError("runs: there are none")
    first, end = shards[0], shards[0].first_path
    for run in shards:
        paths = f"the run of paths {run.first_path} to {run.first_path + run.n_paths - 1}"
        if run.first_path != end:
            what = "begin where the one before ends" if run.first_path > end else "not overlap"
            raise ValueError(f"{paths} must {what}: path {end} is next")
        for name in {**first.setting, **run.setting}:
            mine, other = run.setting.get(name), first.setting.get(name)
            if not same(mine, other):
                raise ValueError(f"{paths} has another {name}: {mine!r}, not {other!r}")
        end += run.n_paths
    apart = ("setting", "first_path", "sums", "trace", "by_underlying")
    traces = [run.trace for run in shards if run.trace is not None]
    return replace(
        first,
        **{f.name: _joined(f.name, shards) for f in fields(first) if f.name not in apart},
        sums=np.sum([run.sums for run in shards], axis=0),
        trace=_joined_traces(traces) if traces else None,
        by_underlying={
            name: joined_runs(run.by_underlying[name] for run in shards)
            for name in first.by_underlying
        },
    )


def _joined(name: str, shards: Sequence[Run]) -> Any:
    """A field of all shards: what has a number for each path is put together, all else must be the same."""
    values = [getattr(run, name) for run in shards]
    if all(by_path(value, run.n_paths) for value, run in zip(values, shards, strict=True)):
        if not isinstance(values[0], Mapping):
            return np.concatenate(values, axis=-1)
        for run, value in zip(shards, values, strict=True):
            if set(value) != set(values[0]):
                raise ValueError(
                    f"{name}: the run of path {run.first_path} has {', '.join(value)}, not {', '.join(values[0])}"
                )
        return {key: np.concatenate([value[key] for value in values], axis=-1) for key in values[0]}
    for run, value in zip(shards, values, strict=True):
        if not same(value, values[0]):
            raise ValueError(
                f"the run of path {run.first_path} has other {name}: {value!r}, not {values[0]!r}"
            )
    return values[0]


def by_path(value: Any, n_paths: int) -> bool:
    """Return whether a value is an array whose last axis is that of the paths, or names of such arrays."""
    if isinstance(value, Mapping):
        return bool(value) and all(by_path(item, n_paths) for item in value.values())
    return isinstance(value, np.ndarray) and value.ndim > 0 and value.shape[-1] == n_paths


def _joined_traces(traces: Sequence[Trace]) -> Trace:
    def along(name: str, axis: int) -> Any:
        return np.concatenate([getattr(trace, name) for trace in traces], axis=axis)

    return replace(
        traces[0],
        **{name: along(name, 0) for name in ("paths", "spot", "delta", "unit")},
        **{name: along(name, 1) for name in ("held", "ordered", "cost")},
    )


def same(a: Any, b: Any) -> bool:
    """Return whether two settings are the same, arrays and all."""
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return bool(np.array_equal(np.asarray(a), np.asarray(b)))
    if type(a) is not type(b):
        return False
    if is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    if isinstance(a, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, Sequence) and not isinstance(a, str):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
