"""``hedgecore simulate``: what it prints and writes is the library's, and how it fails or is interrupted."""

from __future__ import annotations

import csv
import json
import os
import re
import select
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")
pytest.importorskip("plotly")

from commands import check_page, error_of, run, without_library
from hedgecore import hedging as hg
from hedgecore.hedging.config import Simulation, default_text, simulation_of

QUICK = ("--paths", 300, "--steps", 60)


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


class TestOutput:
    def test_csv_is_the_library_s_scorecard(self) -> None:
        done = run("simulate", *QUICK, "--fee", 0.001, "--csv", "-")
        assert done.exit_code == 0, done.stderr
        expected = simulation_of(
            default_text(), {"run.n_paths": 300, "run.steps": 60, "costs.fee": 0.001}
        ).run()
        rows = rows_of(done.stdout)
        columns = expected.columns()
        assert [row["policy"] for row in rows] == list(expected.names)
        for name in ("mean", "std", "es95", "cost", "turnover", *hg.LEDGERS[3:]):
            assert [float(row[name]) for row in rows] == columns[name].tolist()
        assert {(row["paths"], row["paths_planned"]) for row in rows} == {("300", "300")}

    def test_rows_by(self, tmp_path: Path) -> None:
        heads = {
            "path": ["policy", "path", "unhedged", "pnl", "cost"],
            "step": ["policy", "path", "step", "time", "spot", "delta"],
            "bin": ["policy", "low", "high", "count"],
            "setting": ["family", "policy", "cost", "std"],
        }
        for by, names in heads.items():
            path = tmp_path / f"{by}.parquet"
            assert run("simulate", *QUICK, "--by", by, "--parquet", path).exit_code == 0
            frame = pl.read_parquet(path)
            assert frame.columns[: len(names)] == names
            assert frame.height > 0
        counts = pl.read_parquet(tmp_path / "bin.parquet")
        assert set(counts.group_by("policy").agg(pl.col("count").sum())["count"]) == {300}

    def test_options_are_keys(self, tmp_path: Path) -> None:
        saved = tmp_path / "saved.toml"
        done = run(
            "simulate", *QUICK, "--seed", 5, "--vol", 0.8, "--strike", 110, "--days", 10, "--kind", "put", "--quantity", -2,
            "--latency", 3, "--threads", 1, "--first-path", 7, "--trace", 2, "--save", saved,
            "--set", "policies.clock.every=[3]", "--set", 'policies."Leland clock"={type = "NoHedge"}',
        )  # fmt: skip
        assert done.exit_code == 0, done.stderr
        document = tomllib.loads(saved.read_text())
        assert document["position"] == {
            "kind": "put", "strike": 110.0, "expiry": 10 / 365, "vol": 0.8, "quantity": -2.0,
        }  # fmt: skip
        assert document["run"] == {
            "n_paths": 300, "steps": 60, "seed": 5, "trace": 2, "first_path": 7, "threads": 1,
        }  # fmt: skip
        assert document["execution"] == {"latency": 3}
        assert document["policies"]["clock"]["every"] == [3]
        assert document["policies"]["Leland clock"] == {"type": "NoHedge"}
        again = run("simulate", saved, "--csv", "-").stdout
        first = run("simulate", saved, "--set", "run.threads=2", "--csv", "-").stdout
        assert rows_of(again) == rows_of(first)

    def test_tables(self) -> None:
        done = run("simulate", *QUICK)
        for text in (
            "Hedging of a sold call by ten families of policies",
            "Families at equal mean cost, quote currency",
            "Net P&L of 300 paths by policy, quote currency: one setting of each family",
            "300 paths, all policies on the same; premium 6.854 quote currency.",
        ):
            assert text in done.stdout
        assert "simulated 61 policies on 300 paths" in done.stderr

    def test_json(self) -> None:
        read = json.loads(run("simulate", *QUICK, "--json", "-").stdout)
        assert (read["paths"], read["planned"], read["partial"]) == (300, 300, False)
        assert len(read["scorecard"]) == 61
        assert set(hg.LEDGERS) - {"pnl"} <= set(read["scorecard"][0])
        assert read["setting"]["seed"] == 1
        assert read["setting"]["paths"] == {"type": "GBM", "vol": 0.6}
        assert read["frontier"]["std"]["equal_cost"]

    def test_the_page_is_whole(self, tmp_path: Path) -> None:
        html = tmp_path / "hedging.html"
        assert run("simulate", *QUICK, "--set", "costs.impact=0.001", "--html", html).exit_code == 0
        page = without_library(html.read_text())
        figures = check_page(page)
        assert set(figures) == {
            *(f"frontier-{k}" for k in (1, 2, 3)), "scorecard-1", "scorecard-2", "costs-1", "path-1",
        }  # fmt: skip
        assert len(figures["frontier-1"]["data"]) == 10
        assert {trace["name"] for trace in figures["costs-1"]["data"]} >= {"impact"}
        for text in (
            "The setting of this run",
            "GBM(vol=0.6)",
            "The configuration",
            "n_paths = 300",
        ):
            assert text in page
        assert "PARTIAL" not in page

    def test_a_run_of_python_has_the_same_page(self, tmp_path: Path) -> None:
        result = simulation_of(default_text(), {"run.n_paths": 100, "run.steps": 30}).run()
        result.to_html(tmp_path / "a.html", "my call")
        page = without_library((tmp_path / "a.html").read_text())
        check_page(page)
        assert "Hedging of my call" in page

    def test_help_has_the_schema(self) -> None:
        done = run("simulate", "--help")
        assert done.exit_code == 0
        for text in ("--paths", "[policies]", "DeltaBand  width: number", "130"):
            assert text in done.stdout


class TestFailures:
    @pytest.mark.parametrize(
        ("arguments", "message", "status"),
        [
            (["--paths", "0"], "run.n_paths = 0 must be from 1", 1),
            (["--vol", "-1"], "position.vol = -1.0 must be positive", 1),
            (["--set", "policies.clock.evry=2"], "policies.clock.evry is unknown; the nearest is every", 1),
            (["--set", "policies.clock"], "--set", 2),
            (["--set", "run.seed=soon"], "--set", 2),
            (["none.toml"], "none.toml", 2),
            (["--by", "step", "--trace", "0", "--csv", "-"], "no path is followed: say --trace", 2),
            (["--html", "-"], "only JSON and CSV go to the output", 2),
            (["--csv", "/none/a.csv"], "no such folder", 1),
        ],
    )  # fmt: skip
    def test_errors(self, arguments: list[str], message: str, status: int) -> None:
        done = run("simulate", *arguments, *(QUICK if "--paths" not in arguments else ()))
        assert done.exit_code == status
        assert message in error_of(done)

    def test_what_cannot_be_written_or_held_is_said_before_the_simulation(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        done = run("simulate", "--paths", str(10**11))
        assert done.exit_code == 1
        assert "this machine has" in error_of(done)

        def never(*_: Any) -> Any:
            raise AssertionError("it was simulated")

        monkeypatch.setattr("hedgecore.cli.simulate.assess", never)
        done = run("simulate", *QUICK, "--html", "/none/a.html")
        assert done.exit_code == 1
        assert "no such folder to write a.html to" in error_of(done)

    def test_a_config_is_not_written_over(self, tmp_path: Path) -> None:
        config = tmp_path / "a.toml"
        config.write_text(default_text())
        done = run("simulate", config, *QUICK, "--save", config)
        assert done.exit_code == 2
        assert "is an input" in error_of(done)


class TestInterruption:
    def test_what_is_finished_is_kept_and_marked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = Simulation.shards
        monkeypatch.setattr(Simulation, "shard", 128)

        def interrupted(self: Simulation, progress: Any = None) -> Iterator[hg.Run]:
            shards = whole(self, progress)
            yield next(shards)
            yield next(shards)
            raise KeyboardInterrupt

        monkeypatch.setattr(Simulation, "shards", interrupted)
        outputs = {name: tmp_path / f"a.{name}" for name in ("csv", "json", "html")}
        options = [word for name, path in outputs.items() for word in (f"--{name}", path)]
        done = run("simulate", *QUICK, *options)
        assert done.exit_code == 130
        assert "PARTIAL: interrupted after 256 of 300 paths." in done.stdout
        assert "interrupted after 256 of 300 paths" in done.stderr
        read = json.loads(outputs["json"].read_text())
        assert (read["paths"], read["planned"], read["partial"]) == (256, 300, True)
        assert "PARTIAL: interrupted after 256 of 300 paths" in outputs["html"].read_text()
        rows = rows_of(outputs["csv"].read_text())
        assert {(row["paths"], row["paths_planned"]) for row in rows} == {("256", "300")}
        monkeypatch.setattr(Simulation, "shards", whole)
        same = rows_of(run("simulate", "--paths", 256, "--steps", 60, "--csv", "-").stdout)
        for a, b in zip(rows, same, strict=True):
            assert (a["mean"], a["es95"], a["cost"]) == (b["mean"], b["es95"], b["cost"])

    def test_nothing_is_written_before_the_first_shard(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_: Any) -> Iterator[hg.Run]:
            raise KeyboardInterrupt

        monkeypatch.setattr(Simulation, "shards", interrupted)
        done = run("simulate", *QUICK, "--csv", tmp_path / "a.csv")
        assert done.exit_code == 130
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.skipif(os.name != "posix", reason="signals and terminals of POSIX")
    def test_by_a_signal(self, tmp_path: Path) -> None:
        """Ctrl-C once the bar shows that a shard is finished: the paths of the file are the first of the run."""
        import pty  # POSIX alone has it

        path = tmp_path / "a.csv"
        changes: dict[str, Any] = {
            "run.steps": 2000, "run.keep": [], "run.trace": 0, "policies": {"clock": {"type": "Clock"}}
        }  # fmt: skip
        shard = simulation_of(default_text(), changes | {"run.n_paths": 100_000_000}).shard
        ours, its = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "hedgecore", "simulate", "--steps", "2000", "--paths", "100000000",
             "--set", "run.keep=[]", "--set", "run.trace=0", "--csv", str(path),
             "--set", 'policies={clock={type="Clock"}}'],
            stderr=its, env=os.environ | {"TERM": "xterm", "COLUMNS": "200"},
        )  # fmt: skip
        os.close(its)
        said, asked = "", False
        while select.select([ours], [], [], 300)[0]:
            try:
                said += os.read(ours, 65_536).decode(errors="replace")
            except OSError:  # Linux says so that the other end is closed
                break
            done = [int(n.replace(",", "")) for n in re.findall(r"([\d,]+) of 100,000,000", said)]
            if not asked and max(done, default=0) > shard:
                process.send_signal(signal.SIGINT)
                asked = True
        os.close(ours)
        assert process.wait(timeout=120) == 130, said
        assert "interrupted after" in said
        (row,) = rows_of(path.read_text())
        assert 0 < int(row["paths"]) < int(row["paths_planned"]) == 100_000_000
        assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
        n = int(row["paths"])
        again = simulation_of(default_text(), changes | {"run.n_paths": n}).run()
        assert float(row["mean"]) == again.pnl.mean(axis=1)[0]
        assert np.isfinite(float(row["es99"]))
