"""Threads: the same bits however the work is cut, calls from many threads, fork, Ctrl-C, shutdown."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import hedgecore as hc

N = 100_003  # several chunks and a ragged end


def book(n: int = N, seed: int = 5) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    forward = rng.uniform(100, 1e5, n)
    return {
        "kind": rng.choice(np.array([1, -1], np.int8), n),
        "strike": forward * np.exp(rng.normal(0, 0.5, n)),
        "expiry": rng.uniform(0, 2, n),
        "vol": rng.uniform(0, 2, n),
        "forward": forward,
    }


def all_greeks(arguments: dict[str, Any], **more: Any) -> dict[str, Any]:
    return hc.greeks(**arguments, which="all", settlement="inverse", **more).to_dict()


def assert_same(a: dict[str, Any], b: dict[str, Any]) -> None:
    for name, column in a.items():
        np.testing.assert_array_equal(column.view("u8"), b[name].view("u8"), err_msg=name)


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_same_bits_for_any_number_of_threads(threads: int) -> None:
    arguments = book()
    assert_same(all_greeks(arguments, threads=1), all_greeks(arguments, threads=threads))


def test_same_bits_however_the_rows_are_cut() -> None:
    arguments = book(5000)
    whole = all_greeks(arguments)
    for cuts in ([0, 1, 2, 5, 130, 5000], [0, 2499, 2500, 5000]):
        parts = [
            all_greeks({name: column[a:b] for name, column in arguments.items()})
            for a, b in pairwise(cuts)
        ]
        assert_same(whole, {name: np.concatenate([p[name] for p in parts]) for name in whole})


def third(column: Any) -> Any:
    """Every third element of a wider array."""
    wide = np.empty((len(column), 3), column.dtype)
    wide[:, 1] = column
    return wide[:, 1]


def backwards(column: Any) -> Any:
    """A negative stride."""
    return column[::-1].copy()[::-1]


def shifted(column: Any) -> Any:
    """One place off where the allocator aligns."""
    memory = np.empty((len(column) + 1) * column.itemsize, np.uint8)
    placed = memory[column.itemsize :].view(column.dtype)
    placed[:] = column
    return placed


@pytest.mark.parametrize("layout", [third, backwards, shifted])
def test_same_bits_for_any_stride_and_alignment(layout: Any) -> None:
    arguments = book(3001)
    moved = {name: layout(column) for name, column in arguments.items()}
    assert_same(all_greeks(arguments), all_greeks(moved))
    price = hc.price(**arguments)
    del arguments["vol"], moved["vol"]
    vol, again = hc.implied_vol(price, **arguments), hc.implied_vol(layout(price), **moved)
    assert_same({"vol": vol}, {"vol": again})


def test_one_at_a_time_is_the_same() -> None:
    arguments = book(300)
    whole = all_greeks(arguments)
    for i in range(300):
        one = all_greeks({name: column[i].item() for name, column in arguments.items()})
        for name, value in one.items():
            assert np.float64(value).view("u8") == whole[name][i].view("u8"), (i, name)


def test_faults_are_the_same_for_any_number_of_threads() -> None:
    arguments = book()
    arguments["strike"][[70_001, 40_000, 99_999]] = np.nan
    for threads in (1, 2, 5):
        with pytest.raises(ValueError, match=r"strike\[40000\] = nan .*\(3 bad rows in all\)"):
            hc.greeks(**arguments, threads=threads)


def test_calls_from_many_threads() -> None:
    arguments = [book(60_000, seed) for seed in range(8)]
    expected = [all_greeks(a, threads=1) for a in arguments]
    with ThreadPoolExecutor(8) as executor:
        for _ in range(3):
            for got, wanted in zip(executor.map(all_greeks, arguments), expected, strict=True):
                assert_same(got, wanted)


def test_other_threads_run_meanwhile() -> None:
    """The GIL is released: a Python thread makes progress during one long call."""
    arguments = book(2_000_000)
    started, ended = threading.Event(), threading.Event()
    ticks = 0

    def count() -> None:
        nonlocal ticks
        started.set()
        while not ended.is_set():
            ticks += 1

    thread = threading.Thread(target=count)
    thread.start()
    started.wait()
    before = ticks
    hc.greeks(**arguments, which="all", settlement="inverse", threads=1)
    during = ticks - before
    ended.set()
    thread.join()
    assert during > 100


def _child_sum(seed: int) -> float:
    return float(np.nansum(hc.price(**book(60_000, seed), threads=2)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_children_work_after_the_pool_has_started() -> None:
    expected = [_child_sum(seed) for seed in range(4)]  # starts the pool in this process
    with multiprocessing.get_context("fork").Pool(2) as pool:
        result = pool.map_async(_child_sum, range(4))
        assert result.get(timeout=120) == expected


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        check=False, env={**os.environ, **environment}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="signals work otherwise there")
def test_interrupt_stops_a_long_call_and_leaves_the_library_sound() -> None:
    done = run(
        """
        import os, signal, threading, numpy as np, hedgecore as hc
        n = 20_000_000
        strike = np.broadcast_to(np.array([100.0, 101.0]), (n // 2, 2)).reshape(-1)
        entered = threading.Event()

        def interrupt():
            entered.wait()
            os.kill(os.getpid(), signal.SIGINT)

        finished = 0
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            entered.set()
            for _ in range(100):  # far longer than any delay of the signal
                hc.greeks("call", strike=strike, expiry=0.5, vol=0.5, forward=100.0, which="all")
                finished += 1
        except KeyboardInterrupt:
            pass
        thread.join()
        assert finished < 100
        again = hc.price("call", strike=strike[:100_000], expiry=0.5, vol=0.5, forward=100.0)
        assert np.array_equal(again[:2], hc.price("call", strike=[100.0, 101.0], expiry=0.5, vol=0.5, forward=100.0))
        print("sound")
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "sound"


def test_interpreter_ends_with_a_live_pool() -> None:
    done = run(
        """
        import numpy as np, hedgecore as hc
        hc.price("call", strike=np.linspace(50, 150, 200_000), expiry=1, vol=1, forward=100.0, threads=4)
        """
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_number_of_threads() -> None:
    before = hc.num_threads()
    try:
        hc.set_num_threads(3)
        assert hc.num_threads() == 3
        with pytest.raises(ValueError, match="threads must be from 1 to 1024, not 0"):
            hc.set_num_threads(0)
    finally:
        hc.set_num_threads(before)
    assert (
        run(
            "import hedgecore as hc; print(hc.num_threads())", HEDGECORE_NUM_THREADS="7"
        ).stdout.strip()
        == "7"
    )
    wrong = run("import hedgecore as hc; hc.num_threads()", HEDGECORE_NUM_THREADS="many")
    assert "HEDGECORE_NUM_THREADS must be a whole number from 1 to 1024, not 'many'" in wrong.stderr
