"""``hedgecore hedge``: the plan it prints and writes, and how it fails."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

pytest.importorskip("highspy", reason="the solvers need the extra optimise")
pytest.importorskip("typer", reason="the command needs the extra cli")

from commands import error_of, run
from hedgecore.demo import write_demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    chain, positions, _ = write_demo(tmp_path_factory.mktemp("hedge"))
    return chain, positions


def test_the_plan_is_printed_and_written(demo: tuple[Path, Path], tmp_path: Path) -> None:
    chain, positions = demo
    limits = tmp_path / "limits.toml"
    limits.write_text("[BTC]\nnet_delta = 1.0\nvega_usd = 9000\n")
    orders, document = tmp_path / "orders.csv", tmp_path / "plan.json"
    done = run("hedge", chain, "--positions", positions, "--limits", limits, "--size", 25, "--csv", orders, "--json", document)  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Plan: ")
    assert "BTC net_delta" in done.stdout
    plan = json.loads(document.read_text())
    kept = {row["constraint"]: row["after"] for row in plan["constraints"]}
    assert abs(kept["BTC net_delta"]) <= 1 + 1e-6
    assert abs(kept["BTC vega_usd"]) <= 9000.001
    rows = list(csv.DictReader(orders.read_text().splitlines()))
    assert sum(float(row["cost"]) for row in rows) == pytest.approx(plan["cost"]["total"])


def test_limits_that_cannot_be_kept_are_status_3(demo: tuple[Path, Path], tmp_path: Path) -> None:
    chain, positions = demo
    config = tmp_path / "hedge.toml"
    config.write_text('size = 0.1\nactions = ["resize"]\n[limits.BTC]\nvega_usd = 1\n')
    done = run("hedge", chain, "--positions", positions, "--config", config)
    assert done.exit_code == 3
    assert "NOT KEPT: BTC vega_usd" in done.stdout
    assert "no trades keep all of: BTC vega_usd" in error_of(done)


def test_bad_configurations_are_named(demo: tuple[Path, Path], tmp_path: Path) -> None:
    chain, positions = demo
    assert run("hedge", chain, "--positions", positions).exit_code == 2
    config = tmp_path / "hedge.toml"
    config.write_text("sizes = 3\n")
    done = run("hedge", chain, "--positions", positions, "--config", config)
    assert done.exit_code == 1
    assert "'sizes' is none of limits" in error_of(done)
