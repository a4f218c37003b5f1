"""How a benchmark is measured, which sizes are run, and what is recorded with it."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable
from typing import Any

import pytest

import hedgecore as hc
import peers
import workload

QUICK = bool(os.environ.get("HEDGECORE_BENCH_QUICK"))


@pytest.fixture
def measure(benchmark: Any) -> Callable[..., Any]:
    """Time a call: ``measure(call, operation=..., n=..., ...)`` returns what the call returns.

    One call warms up; rounds of at least 0.2 ms follow, as many as fit half a second, at
    least 5 (3 for calls above half a second).  The keywords end up in the JSON, and so does what
    ``measure.about(...)`` adds.
    """

    def run(call: Callable[[], Any], **about: Any) -> Any:
        benchmark.group = ", ".join(
            str(about[key]) for key in ("operation", "form", "n") if key in about
        )
        benchmark.extra_info.update(about)
        if benchmark.disabled:
            return benchmark.pedantic(call)
        call()
        start = time.perf_counter()
        call()
        once = time.perf_counter() - start
        iterations = max(1, math.ceil(2e-4 / once))
        budget = 0.08 if QUICK else 0.5
        rounds = min(200, int(budget / (once * iterations)))
        return benchmark.pedantic(
            call, rounds=max(rounds, 5 if once < 0.5 else 3), iterations=iterations
        )

    run.about = benchmark.extra_info.update  # type: ignore[attr-defined]
    return run


def planned(config: pytest.Config) -> workload.Run:
    """Few sizes where nothing is timed, six where everything is."""
    if config.getoption("benchmark_disable") and not config.getoption("benchmark_enable"):
        return workload.Run([1, 1_000], timed=False)
    every = [1, 100, 1_000, 100_000, 1_000_000, 10_000_000]
    return workload.Run([1, 1_000, 100_000] if QUICK else every, timed=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes ``case`` gets the cases that its module lists for the sizes of this run."""
    if "case" in metafunc.fixturenames:
        cases = metafunc.module.cases(planned(metafunc.config))
        names = ["-".join(str(field) for field in case) for case in cases]
        metafunc.parametrize("case", cases, ids=names)


def pytest_benchmark_update_json(output_json: dict[str, Any]) -> None:
    """Add what a reader needs to judge the figures; leave out the name of the machine."""
    about = output_json["machine_info"]
    about.pop("node", None)
    about["hedgecore"] = hc.build_config()
    about["system"] = f"{platform.system()} {platform.machine()}"
    about["versions"] = peers.versions()
    about["missing"] = peers.missing
