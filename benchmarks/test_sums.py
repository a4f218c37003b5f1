"""Greeks of many positions summed by bucket, without one value kept per option, beside numpy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import hedgecore as hc
import workload
from hedgecore import _core
from hedgecore.risk import SUMS

BUCKETS = 50


class Case(NamedTuple):
    n: int
    threads: int


def cases(run: workload.Run) -> list[Case]:
    """List the cases."""
    return [Case(n, threads) for n in run.sizes for threads in (1, 2)]


def held(n: int) -> tuple[workload.Arrays, Any, Any]:
    """Options, their quantities and their buckets."""
    rng = np.random.default_rng(workload.SEED)
    bucket = rng.integers(0, BUCKETS, n).astype(np.int32)
    return workload.chain(n, "forward"), rng.normal(size=n), bucket


def test_sums(measure: Callable[..., Any], case: Case) -> None:
    options, quantity, bucket = held(case.n)
    codes = [hc.pricing.GREEK_NAMES.index(name) for name in SUMS]
    columns = (options[name] for name in ("kind", "strike", "expiry", "vol", "forward"))
    arguments = (
        *columns, None, None, None, None, "inverse", codes, [quantity] * len(codes), bucket,
        BUCKETS, "raise", case.threads,
    )  # fmt: skip
    read = {**options, "quantity": quantity, "bucket": bucket}
    sums, _ = measure(
        lambda: _core.greek_sums(*arguments),
        operation="sums", form="forward", who="hedgecore", result="fresh",
        bytes=workload.traffic(read, 0), **case._asdict(),
    )  # fmt: skip
    g = hc.greeks(**options, settlement="inverse", which=SUMS)
    workload.assert_exact(g, SUMS, "forward", "inverse")
    for name, column in zip(SUMS, sums, strict=True):
        expected = np.bincount(bucket, g[name] * quantity, BUCKETS)
        size = np.bincount(bucket, np.abs(g[name] * quantity), BUCKETS)
        assert (np.abs(column - expected) <= 1e-12 * size).all()


@pytest.mark.parametrize("n", [100_000])
def test_sums_of_fresh_greeks(measure: Callable[..., Any], n: int) -> None:
    """The same by way of the Greeks of every option: what greek_sums saves."""
    options, quantity, bucket = held(n)

    def sums() -> list[Any]:
        g = hc.greeks(**options, settlement="inverse", which=SUMS, threads=1)
        return [np.bincount(bucket, g[name] * quantity, BUCKETS) for name in SUMS]

    got = measure(
        sums, operation="sums", form="forward", who="hedgecore.greeks and numpy.bincount",
        result="fresh", n=n, threads=1,
    )  # fmt: skip
    assert len(got) == len(SUMS)
