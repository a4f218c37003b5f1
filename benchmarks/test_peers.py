"""The same work by other means, in spot form with six arrays in, each with its largest error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import hedgecore as hc
import peers
import workload

OPERATIONS = ("price", "six", "implied_vol", "implied_vol_domain")
LARGEST = 1_000_000


class Case(NamedTuple):
    operation: str
    n: int
    who: str


def cases(run: workload.Run) -> list[Case]:
    """List the cases, neighbours in time; where nothing is timed no peer is imported."""
    return [
        Case(operation, n, who)
        for operation in OPERATIONS
        for n in run.sizes
        if n <= (LARGEST if operation == "six" else 100_000)
        for who in peers.TITLES
        if run.timed or who.startswith("hedgecore")
    ]


def errors_of_vols(got: Any, inputs: workload.Arrays, vol: Any) -> Any:
    """Relative errors beyond what the price's own last bits leave open; a NaN counts as 1."""
    wrong = np.abs(np.nan_to_num(np.asarray(got, float), nan=0.0) / vol - 1)
    return np.where(wrong <= 64 * workload.information(inputs, vol), 0.0, wrong)


def errors_of_columns(got: Any, inputs: workload.Arrays, units: dict[str, float]) -> Any:
    """Relative errors; those of theta are relative to its first term at least, as it has zeros."""
    right = hc.greeks(**inputs, which=workload.SIX)
    workload.assert_exact(right, workload.SIX, "spot")
    worst = np.zeros(len(inputs["strike"]))
    for name in got:
        size = np.abs(right[name])
        if name == "theta":
            size = np.maximum(size, 0.5 * right.vega * inputs["vol"] / inputs["expiry"])
        value = np.asarray(got[name], float) / units.get(name, 1.0)
        worst = np.maximum(worst, np.abs(value - right[name]) / size)
    return worst


@pytest.mark.filterwarnings("ignore")
def test_peer(measure: Callable[..., Any], case: Case) -> None:
    operation, n, who = case
    peer = peers.load(who)
    if peer is None:
        pytest.skip(f"{who}: {peers.missing[who]}")
    make = peer.operations.get(operation.removesuffix("_domain"))
    if make is None:
        pytest.skip(f"{who} has no {operation}")
    if n > peer.largest:
        pytest.skip(f"{who} is too slow for {n} options")
    if operation.startswith("implied_vol"):
        inputs, vol = workload.quotes(n, "spot", operation == "implied_vol_domain")
    else:
        inputs = workload.chain(n, "spot")
    about: dict[str, Any] = {**case._asdict(), "operation": f"peers: {operation}", "form": "spot"}
    got = measure(make(inputs), **about)
    if operation.startswith("implied_vol"):
        error = errors_of_vols(got, inputs, vol)
    else:
        columns = got if operation == "six" else {"price": got}
        error = errors_of_columns(columns, inputs, peer.units)
        if who.startswith("hedgecore"):  # not against itself
            error = np.array(workload.assert_exact(columns, tuple(columns), "spot"))
    measure.about(error=float(error.max()))  # type: ignore[attr-defined]
    if who.startswith("hedgecore"):
        assert error.max() < 1e-11
    elif operation != "implied_vol_domain":  # whether it was called rightly shows in the usual row
        assert np.median(error) < 1e-6, f"{who} was not asked for the same"
