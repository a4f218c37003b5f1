"""``hedgecore hedge``: the plan it prints and writes, and how it fails."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("highspy", reason="the solvers need the extra optimise")
polars = pytest.importorskip("polars", reason="the command reads chains")
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


def test_futures_give_the_price_and_orders_are_written_as_parquet(
    demo: tuple[Path, Path], tmp_path: Path
) -> None:
    chain, positions = demo
    time = next(csv.DictReader(chain.read_text().splitlines()))["timestamp"]
    futures, config, orders = (
        tmp_path / name for name in ("f.csv", "hedge.toml", "orders.parquet")
    )
    head = "snapshot_file,snapshot_timestamp_ms,obs_datetime,coin,instrument_name,candle_price_choice,candle_price_used,candle_price_gap_seconds,candle_volume,perp_futures_mark_price"
    stamp = round(datetime.fromisoformat(time).timestamp() * 1000)
    futures.write_text(
        f"{head}\n{chain.name},{stamp},{time},BTC,BTC-PERPETUAL,close,92500.0,0.0,1.0,92500.0\n"
    )
    config.write_text("size = 500\nactions = []\n[limits.BTC]\nnet_delta = 1.0\n")
    found = []
    for more in ([], ["--futures", futures]):
        done = run("hedge", chain, "--positions", positions, "--config", config, *more, "--parquet", orders)  # fmt: skip
        assert done.exit_code == 0, done.output
        rows = polars.read_parquet(orders)
        assert rows["instrument"].to_list() == ["BTC-PERPETUAL"]
        assert rows["cost"].to_list() == pytest.approx((rows["spread"] + rows["fee"]).to_list())
        found.append(rows["price"][0])
    # a mark alone is sold half a spread of 1 bp below: of the index, or of the price that was given
    index = float(next(csv.DictReader(chain.read_text().splitlines()))["index_price"])
    assert found == pytest.approx([index * (1 - 1e-4), 92_500 * (1 - 1e-4)], abs=30)
    assert found[1] == pytest.approx(92_500 * (1 - 1e-4), rel=1e-9)


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


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('budget = "x"', "budget must be a number"),
        ('min_trade = "1"', "min_trade must be a number"),
        ('size = "a"', "size must be a number"),
        ("half_spread = true", "half_spread must be a number"),
        ("rolls = 3", "rolls must be a table"),
        ("rolls = {strikes = -1}", "rolls.strikes = -1 must be a whole number"),
        ("rolls = {spreads = 1.0}", "rolls.spreads is unknown"),
        ("targets = 3", "targets must be a table"),
        ("positions = 4", "positions must be a table"),
        ('positions = {"BTC-*" = "a"}', "positions.BTC-* must be a number"),
        ('lots = "no"', "lots must be true or false"),
        ('forbid = "BTC-*"', "forbid must be a list"),
        ('actions = "open"', "actions must be a list"),
        ("max_tickets = true", "max_tickets must be a whole number"),
    ],
)
def test_values_of_the_wrong_kind_are_named(
    demo: tuple[Path, Path], tmp_path: Path, line: str, complaint: str
) -> None:
    chain, positions = demo
    config = tmp_path / "hedge.toml"
    config.write_text(f"{line}\n[limits.BTC]\nnet_delta = 1.0\n")
    done = run("hedge", chain, "--positions", positions, "--config", config)
    assert done.exit_code == 1
    assert f"hedge.toml: {complaint}" in error_of(done)
