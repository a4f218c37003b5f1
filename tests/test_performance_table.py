"""The tables of the README and of RESULTS.md are those of the kept medians."""

from __future__ import annotations

import json
from typing import Any

import pytest

import results


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return json.loads(results.DATA.read_text())  # type: ignore[no-any-return]


def test_readme(data: dict[str, Any]) -> None:
    text = results.README.read_text()
    assert results.with_table(text, data) == text, "python benchmarks/results.py makes it anew"


def test_results(data: dict[str, Any]) -> None:
    assert results.document(data) == results.TEXT.read_text(), (
        "python benchmarks/results.py makes it anew"
    )


def test_ratios_are_taken_within_a_run() -> None:
    """The peer of the second run is compared with the hedgecore of the second run."""

    def row(who: str, run: int, ns: float) -> dict[str, Any]:
        return {
            "operation": "peers: price", "form": "spot", "n": 100_000, "who": who, "ns": ns,
            "error": 1e-13, "run": run,
        }  # fmt: skip

    rows = [row("hedgecore", 0, 10.0), row("hedgecore", 1, 20.0), row("other", 1, 60.0)]
    machine = {"processor": "p", "cpus": 2, "hedgecore": {"level": "v3"}}
    best = results.summary({"machine": machine, "rows": rows}).splitlines()[2]
    assert best.endswith("| 10 | - | - | 60 (other), 3.0 times |")


def test_a_fast_but_wrong_peer_is_not_the_best() -> None:
    rows = [
        {"operation": "peers: price", "n": 100_000, "who": who, "ns": ns, "error": error, "run": 0}
        for who, ns, error in (("hedgecore", 10, 0), ("wrong", 5, 0.1), ("right", 40, 1e-12))
    ]
    machine = {"processor": "p", "cpus": 2, "hedgecore": {"level": "v3"}}
    best = results.summary({"machine": machine, "rows": rows}).splitlines()[2]
    assert "40 (right), 4.0 times" in best
