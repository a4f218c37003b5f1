"""A host's threads in place of the pool, in C by ctypes; in C++: cpp/tests/unit/executor.cpp."""

from __future__ import annotations

import ctypes as c
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import _core

WORK = c.CFUNCTYPE(None, c.c_void_p)
SUBMIT = c.CFUNCTYPE(c.c_int, c.c_void_p, WORK, c.c_void_p)


@pytest.fixture
def install() -> Iterator[Any]:
    library = c.CDLL(_core.__file__)
    kept = []

    def use(submit: Any) -> None:
        kept.append(SUBMIT(submit))
        assert library.hc_set_executor(kept[-1], None) == 0

    yield use
    assert library.hc_set_executor(None, None) == 0


def prices(threads: int) -> bytes:
    strikes = np.linspace(20, 250, 60_000)
    price = hc.price("call", strike=strikes, expiry=0.5, vol=0.6, forward=100.0, threads=threads)
    return np.asarray(price).tobytes()


def test_threads_of_the_host(install: Any) -> None:
    expected = prices(1)
    threads: list[threading.Thread] = []

    def on_a_thread(_: Any, work: Any, argument: Any) -> int:
        threads.append(threading.Thread(target=work, args=(argument,)))
        threads[-1].start()
        return 0

    install(on_a_thread)
    assert prices(8) == expected
    assert len(threads) == 7
    assert prices(1) == expected
    assert len(threads) == 7
    for thread in threads:
        thread.join()


def test_inline_late_and_refused(install: Any) -> None:
    expected = prices(1)
    late: list[tuple[Any, Any]] = []
    asked = 0

    def any_manner(_: Any, work: Any, argument: Any) -> int:
        nonlocal asked
        asked += 1
        if asked % 3 == 0:
            return 1
        if asked % 3 == 1:
            late.append((work, argument))
        else:
            work(argument)
        return 0

    install(any_manner)
    assert prices(8) == expected
    assert (asked, len(late)) == (7, 3)
    for work, argument in reversed(late):  # after the call: nothing but its end
        work(argument)
    assert prices(8) == expected


def test_the_pool_comes_back(install: Any) -> None:
    asked = 0

    def refuse(*_: Any) -> int:
        nonlocal asked
        asked += 1
        return 1

    install(refuse)
    expected = prices(4)
    assert asked == 3
    assert c.CDLL(_core.__file__).hc_set_executor(None, None) == 0
    assert prices(4) == expected
    assert asked == 3
