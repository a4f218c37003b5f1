"""Every headline operation by size, form, threads, and with fresh or given (``out=``) results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import hedgecore as hc
import workload

INVERSE = hc.greeks("C", strike=1, expiry=1, vol=1, forward=1, which="all", settlement="inverse")
OPERATIONS = ("price", "six", "inverse", "implied_vol", "implied_vol_domain")
#: The other form costs what its extra inputs cost, whatever is computed: it is measured where peers use it.
IN_SPOT_FORM = ("price", "six", "implied_vol")
LARGEST_FRESH = 1_000_000


class Case(NamedTuple):
    operation: str
    form: str
    n: int
    threads: int
    result: str


def cases(run: workload.Run) -> list[Case]:
    """List the cases; neighbours in time differ in threads and results alone."""
    return [
        Case(operation, form, n, threads, result)
        for operation in OPERATIONS
        for form in (workload.FORMS if operation in IN_SPOT_FORM else ("forward",))
        for n in run.sizes
        for threads in (1, 2)
        for result in ("fresh", "out")
        if result == "out" or n <= LARGEST_FRESH
    ]


@pytest.fixture
def given(case: Case) -> dict[str, Any]:
    """The keywords that say where results go and how many threads make them."""
    to: dict[str, Any] = {"threads": case.threads}
    if case.result == "out":
        names = {"six": workload.SIX, "inverse": INVERSE.names}.get(case.operation)
        to["out"] = workload.earlier(case.n, names) if names else np.empty(case.n)
    return to


def test_hedgecore(measure: Callable[..., Any], case: Case, given: dict[str, Any]) -> None:
    operation, form, n, *_ = case
    about = {**case._asdict(), "who": "hedgecore"}
    if operation.startswith("implied_vol"):
        inputs, vol = workload.quotes(n, form, operation == "implied_vol_domain")
        bytes_ = workload.traffic(inputs, 1)
        got = measure(lambda: hc.implied_vol(**inputs, **given), bytes=bytes_, **about)
        error = np.abs(np.asarray(got) / vol - 1)
        assert (error < 1e-12 + 64 * workload.information(inputs, vol)).all()
        return
    inputs = workload.chain(n, form)
    if operation == "price":
        bytes_ = workload.traffic(inputs, 1)
        got = {"price": measure(lambda: hc.price(**inputs, **given), bytes=bytes_, **about)}
        workload.assert_exact(got, ("price",), form)
        return
    settlement = "inverse" if operation == "inverse" else "linear"
    names = INVERSE.names if operation == "inverse" else workload.SIX
    got = measure(
        lambda: hc.greeks(**inputs, which=names, settlement=settlement, **given),
        bytes=workload.traffic(inputs, len(names)),
        **about,
    )
    workload.assert_exact(got, names, form, settlement)
