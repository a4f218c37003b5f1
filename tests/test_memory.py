"""A call takes no memory beyond its results, at any number of options."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc

N = 1_000_000
STATUS = Path("/proc/self/status")
SIX = ("price", "delta", "gamma", "vega", "theta", "rho")


def resident(which: str) -> int:
    """Bytes of this process in memory now (VmRSS), or at most since the last reset (VmHWM)."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(which))
    return 1024 * int(line.split()[1])


def give_back() -> None:
    """What the allocator holds for later goes back to the system (glibc), or results would be made in what other tests left."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def growth(call: Callable[[], Any]) -> int:
    """Bytes by which memory grew at most during a call after a first one; its result counts.

    The largest of three: what other tests left may be given back meanwhile, by allocators of their own.
    """
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pytest.skip("needs Linux, to measure the peak of one call")
    call()  # threads, caches of the allocator
    grown = []
    for _ in range(3):
        give_back()
        Path("/proc/self/clear_refs").write_text("5")
        before = resident("VmRSS")
        result = call()
        grown.append(resident("VmHWM") - before)
        del result
    return max(grown)


@pytest.fixture(scope="module")
def options() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    forward = rng.uniform(5e4, 9e4, N)
    return {
        "kind": np.ones(N, np.int8),
        "strike": forward * rng.uniform(0.8, 1.2, N),
        "expiry": rng.uniform(0.01, 2, N),
        "vol": rng.uniform(0.3, 1.2, N),
        "forward": forward,
    }


@pytest.mark.resident
@pytest.mark.parametrize("threads", [1, 2])
def test_fresh_results_are_all_that_is_allocated(options: dict[str, Any], threads: int) -> None:
    grown = growth(lambda: hc.greeks(**options, which=SIX, threads=threads))
    assert 0.9 * 8 * N * len(SIX) < grown < 8 * N * len(SIX) + 2e6


@pytest.mark.resident
@pytest.mark.parametrize("threads", [1, 2])
def test_given_results_need_no_memory(options: dict[str, Any], threads: int) -> None:
    # written to before: a page takes memory when it is first touched
    column = np.zeros(N)
    columns = {name: np.zeros(N) for name in SIX}
    for out in (column, *columns.values()):
        out.fill(1.0)
    assert growth(lambda: hc.price(**options, out=column, threads=threads)) < 2e6
    assert growth(lambda: hc.greeks(**options, which=SIX, out=columns, threads=threads)) < 2e6
    quoted = {name: values for name, values in options.items() if name != "vol"}
    price = column.copy()
    assert growth(lambda: hc.implied_vol(price, **quoted, out=column, threads=threads)) < 2e6


SIMULATION = """
import resource
import hedgecore as hc
from hedgecore import hedging as hg

policies = [hg.DeltaBand(width=0.05), hg.Clock(every=8), hg.Leland(every=8)]
option = hg.Option(strike=100, expiry=1.0, vol=0.6, quantity=-1)

def peak(n, steps):
    hg.simulate(option, hc.paths.GBM(vol=0.6), policies, n_paths=n, steps=steps, seed=1, threads={threads})
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

print(peak(1000, 8), peak(50_000, 8), peak(50_000, 1600))
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_a_simulation_takes_no_memory_for_its_steps(threads: int) -> None:
    """P&L and cost by path and policy are all that grows, in an interpreter of its own: blocks of paths hold the states of one step."""
    if sys.platform != "linux":
        pytest.skip("needs Linux, where the peak is in kB")
    program = [sys.executable, "-c", SIMULATION.format(threads=threads)]
    printed = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    small, few, many = (1024 * int(word) for word in printed.split())
    assert few - small < 8 * 50_000 * (2 * 3 + 1) + 2e6
    assert many - few < 1e6
