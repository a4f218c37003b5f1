"""How soon Ctrl-C ends a long call, from the signal to the KeyboardInterrupt, and whether the next call is right.

python benchmarks/latency_of_interrupts.py 20 for 20 interrupts of every call of CALLS, at random moments; with names after the number for
those alone. Beside the time on the clock stands what the main thread worked in it: on a machine that has other work the rest is waiting for a
processor. tests/test_robustness.py runs each once.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import hedgecore as hc
from hedgecore import _core, paths
from hedgecore import hedging as hg

N = 10**8
GBM = paths.GBM(vol=0.6)
SHORT_CALL = hg.Option(strike=100, expiry=1.0, vol=0.6, quantity=-1)


def rows(value: float, n: int = N) -> Any:
    """An array of n rows that takes no memory, and is read where it lies."""
    return np.broadcast_to(np.array(value), n)


def hedge(n_paths: int, steps: int) -> None:
    hg.simulate(SHORT_CALL, GBM, hg.DeltaBand(width=0.05), n_paths=n_paths, steps=steps, seed=1)


def simulate(n_paths: int, n_steps: int) -> None:
    paths.simulate(GBM, n_paths=n_paths, n_steps=n_steps, horizon=1, seed=1, keep=())


def quotes(expiries: int, strikes: int) -> tuple[Any, Any, Any, list[int]]:
    """k, total variances that no smile fits, weights, and where each expiry begins."""
    k = np.tile(np.linspace(-1, 1, strikes), expiries)
    level = np.repeat(np.linspace(0.1, 1, expiries), strikes)
    w = level * (1 + 0.5 * np.abs(k) + 0.2 * np.sin(9 * k))
    return k, w, rows(1e3, len(k)), list(range(0, len(k) + 1, strikes))


def fit_sabr(expiries: int, strikes: int) -> None:
    k, w, weight, first = quotes(expiries, strikes)
    _core.fit_sabr(k, w, weight, first, np.full(expiries, 100.0), np.ones(expiries), 1.0, None)


def scenarios(n: int, ones: Any) -> None:
    one, none = rows(1.0, n), 0 * ones
    kind, bucket = np.ones(n, np.int8), np.zeros(n, np.int32)
    _core.scenario_sums(
        kind, one, one, one, one, None, one, "linear", [0, 1], bucket, ones, ones, none, ones[0], None
    )  # fmt: skip


def sums_of_greeks(n: int, bucket: Any) -> None:
    _core.greek_sums(
        1, 100.0, 1.0, rows(0.6, n), 100.0, None, None, None, None, "linear", [0, 1, 2, 3], [1.0, 1.0, 1.0, 1.0],
        bucket, 1, "raise", None
    )  # fmt: skip


SLICES = _core.Slices("svi", [0.1, 1.0], [100.0, 100.0], [[0.01, 0.1, 0.0, 0.0, 0.1], [0.1, 0.2, 0.0, 0.0, 0.2]])  # fmt: skip

CALLS: dict[str, Callable[[], Any]] = {
    "price": lambda: hc.price("call", strike=rows(100.0), expiry=0.5, vol=0.5, forward=100.0),
    "greeks": lambda: hc.greeks(
        "call", strike=rows(100.0), expiry=0.5, vol=0.5, forward=100.0, which=("delta", "ultima")
    ),
    "implied_vol": lambda: hc.implied_vol(
        rows(14.0), "call", strike=100.0, expiry=0.5, forward=100.0
    ),
    "greek_sums": partial(sums_of_greeks, N, np.zeros(N, np.int32)),
    "surface": lambda: _core.surface_vol(SLICES, rows(0.1), None, None, 0.5, None),
    "scenarios, many options": lambda: scenarios(2_000_000, np.ones((1, 341))),
    "scenarios, many nodes": lambda: scenarios(500, np.ones((1, 1_000_000))),
    "hedging, many paths": lambda: hedge(10**7, 8760),
    "hedging, many steps": lambda: hedge(100, 1_000_000),
    "paths, many paths": lambda: simulate(10**9, 1000),
    "paths, many steps": lambda: simulate(3, 10**9),
    "fit_svi, many expiries": lambda: _core.fit_svi(*quotes(20_000, 50), None, True),
    "fit_svi, many strikes": lambda: _core.fit_svi(*quotes(2, 1_000_000), None, True),
    "fit_essvi": lambda: _core.fit_essvi(*quotes(5_000, 50)),
    "fit_sabr": lambda: fit_sabr(20_000, 50),
}


def interrupted(call: Callable[[], Any], delay: float) -> tuple[float, float]:
    """Seconds from a signal that comes after ``delay`` to the end of a call that would take longer, and those of the main thread's work."""
    working = time.pthread_getcpuclockid(threading.main_thread().ident or 0)
    sent: list[float] = []

    def interrupt() -> None:
        sent.extend((time.perf_counter(), time.clock_gettime(working)))
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(delay, interrupt)
    timer.start()
    try:
        while True:
            call()
    except KeyboardInterrupt:
        return time.perf_counter() - sent[0], time.clock_gettime(working) - sent[1]


def check_next_call() -> None:
    """The pool works on, and what it returns is right."""
    strikes = np.linspace(20, 250, 60_000)
    found = hc.price("call", strike=strikes, expiry=0.5, vol=0.6, forward=100.0, threads=2)
    for i in (0, 30_000, 59_999):
        alone = hc.price("call", strike=strikes[i], expiry=0.5, vol=0.6, forward=100.0)
        assert found[i] == alone, (i, found[i], alone)


def main(repeats: int, names: list[str]) -> None:
    """Measure and print."""
    drawn = random.Random(1)
    for name in names or CALLS:
        took, worked = [], []
        for _ in range(repeats):
            both = interrupted(CALLS[name], drawn.uniform(0.2, 0.6))
            took.append(1e3 * both[0])
            worked.append(1e3 * both[1])
            check_next_call()
        print(
            f"{name:24} median {statistics.median(took):6.1f} ms, worst {max(took):6.1f} ms; worked {max(worked):6.1f} ms",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
