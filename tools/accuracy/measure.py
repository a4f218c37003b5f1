"""Errors of the library against the exact values of a case, at each level of instruction sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from accuracy import exact
from accuracy.cases import Array, Case, Row, Sample
from levels import run_at

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Output:
    """One result of a case, by row; all but the value relative to it.

    NaN where there is no exact value; an error is infinite where the result is not finite.
    """

    value: Array
    unit: Array
    bound: Array
    allowed: Array  # the bound and its slack
    errors: dict[str, Array]  # by level

    @property
    def compared(self) -> Mask:
        return np.isfinite(self.bound)

    def error(self, level: str | None = None) -> Array:
        """The error at a level, or the largest at any."""
        return self.errors[level] if level else np.maximum.reduce(list(self.errors.values()))

    def ratio(self, per: Array, level: str | None = None) -> Array:
        """Errors in units of another column; 0 where the result is not compared."""
        unit = np.where(self.compared, per, 1.0)
        return np.where(self.compared, self.error(level), 0.0) / unit


@dataclass(frozen=True)
class Measured:
    """A case, the points it was measured at, and its results by name."""

    case: Case
    sample: Sample
    outputs: dict[str, Output]

    def row(self, i: int) -> Row:
        return {name: float(values[i]) for name, values in self.sample.arguments.items()}

    def violations(self) -> list[str]:
        """One line for each result that is further off than allowed at some level: the worst of its errors."""
        found = []
        for name, output in self.outputs.items():
            for level in output.errors:
                ratio = output.ratio(output.allowed, level)
                bad, worst = int((ratio > 1).sum()), int(np.argmax(ratio))
                if bad:
                    found.append(
                        f"{self.case.group}: {self.case.name}: {name} ({level}): {ratio[worst]:.3g} times what is "
                        f"allowed at {self.row(worst)} ({bad} of {output.compared.sum()})"
                    )
        return found


def rows_of(sample: Sample) -> Iterator[Row]:
    names = list(sample.arguments)
    for values in zip(*sample.arguments.values(), strict=True):
        yield dict(zip(names, map(float, values), strict=True))


def measure(
    case: Case,
    per_cell: int,
    levels: list[str],
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """The errors of every result of a case at these levels; progress sees rows done and in all."""
    sample = case.sample(per_cell)
    n = len(sample.regions[0])
    columns: dict[str, Array] = {}
    for i, row in enumerate(rows_of(sample)):
        for name, target in case.exact(row).items():
            column = columns.setdefault(name, np.full((5, n), np.nan))
            column[:, i] = *exact.split(target.value), *target[1:]
        if progress and i % 256 == 0:
            progress(i, n)
    with ThreadPoolExecutor(len(levels)) as pool:  # each level is a process, which mostly starts
        runs = {
            level: pool.submit(run_at, level, case.code, **sample.arguments) for level in levels
        }
        got = {level: run.result() for level, run in runs.items()}
    outputs = {}
    for name, (near, lack, unit, bound, slack) in columns.items():
        errors = {}
        for level in levels:
            # the difference of neighbours is exact
            with np.errstate(invalid="ignore", over="ignore"):
                error = np.abs((got[level][name] - near) / np.where(near == 0, 1.0, near) - lack)
            errors[level] = np.where(np.isfinite(got[level][name]), error, np.inf)
        outputs[name] = Output(near, unit, bound, bound + slack, errors)
    return Measured(case, sample, outputs)
