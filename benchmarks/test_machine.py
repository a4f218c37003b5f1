"""What the machine can do at most: memory bandwidth and multiply-adds, on one thread and on two."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import machine

pytestmark = pytest.mark.parametrize("threads", [1, 2])


@pytest.fixture(scope="module")
def limits(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    try:
        return machine.library(tmp_path_factory.mktemp("machine"))
    except machine.NoCompilerError as error:
        pytest.skip(str(error))


@pytest.fixture
def n(benchmark: Any) -> int:
    """Elements of an array: beyond any cache where time is taken."""
    return 1_000 if benchmark.disabled else 10_000_000


def test_copy(measure: Callable[..., Any], limits: ctypes.CDLL, n: int, threads: int) -> None:
    a, b = np.arange(n, dtype=float), np.zeros(n)
    measure(
        lambda: limits.copy(a.ctypes.data, b.ctypes.data, n, threads),
        operation="machine", who="copy", bytes=24, n=n, threads=threads,
    )  # fmt: skip
    assert np.array_equal(a, b)


def test_triad(measure: Callable[..., Any], limits: ctypes.CDLL, n: int, threads: int) -> None:
    a, b, c = np.arange(n, dtype=float), np.ones(n), np.zeros(n)
    measure(
        lambda: limits.triad(a.ctypes.data, b.ctypes.data, c.ctypes.data, n, threads),
        operation="machine", who="triad", bytes=32, n=n, threads=threads,
    )  # fmt: skip
    assert np.array_equal(c, a + 3)


def test_fma(measure: Callable[..., Any], limits: ctypes.CDLL, n: int, threads: int) -> None:
    steps = n // 10
    value = measure(
        lambda: limits.fma(steps, threads),
        operation="machine", who="fma", n=steps * limits.multiply_adds() * threads, threads=threads,
    )  # fmt: skip
    # x <- a x + b has the fixed point 1; twelve chains started from a, a + 1, ...
    left = 0.999999**steps
    assert value == pytest.approx(12 + left * sum(0.999999 + k - 1 for k in range(12)), rel=1e-9)
