"""The command: what it prints and writes, and how it fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("plotly")

import hedgecore
from hedgecore.cli import app
from hedgecore.risk import COLUMNS, chain_risk
from hedgecore.venues import deribit
from typer.testing import CliRunner

ChainFile = Callable[..., Path]
runner = CliRunner()


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


class TestRisk:
    def test_tables(self, crash_file: Path) -> None:
        run = runner.invoke(app, ["risk", str(crash_file)])
        assert run.exit_code == 0
        for text in ("BTC", "ETH", "2026-03-27", "Black delta", "bid missing", "530", "1,782 rows"):
            assert text in run.stdout
        assert "All coins, in USD: value" in run.stdout
        assert "checks found nothing: value unreadable" in run.stdout
        assert "implied 3 vols" in run.stderr
        assert "implied 3 vols" not in run.stdout

    def test_files(self, crash_file: Path, tmp_path: Path) -> None:
        csv, parquet, report = (tmp_path / f"risk.{kind}" for kind in ("csv", "parquet", "html"))
        run = runner.invoke(
            app,
            [
                *["risk", str(crash_file), "--csv", str(csv), "--parquet", str(parquet)],
                *["--report", str(report), "--threads", "1"],
            ],
        )
        assert run.exit_code == 0
        expected = chain_risk(deribit.read_chain(crash_file)).frame
        assert pl.read_parquet(parquet).equals(expected)
        read = pl.read_csv(csv)
        assert read.columns == list(COLUMNS)
        assert read["vega"].equals(expected["vega"])  # written so that they read back the same
        assert read["timestamp"][0] == "2026-02-05T15:51:32.535650+00:00"
        assert report.read_text().startswith("<!doctype html>")
        assert len(list(tmp_path.iterdir())) == 3

    def test_the_whole_quarter(self, quarter_file: Path) -> None:
        run = runner.invoke(app, ["risk", str(quarter_file), "--at", "2026-02-05T16:00"])
        assert run.exit_code == 0
        assert "563,174 options in 355 snapshots" in run.stdout
        assert "Shown: the snapshot of 2026-02-05 15:51:32 UTC" in run.stdout

    def test_a_file_that_is_no_chain(self, tmp_path: Path) -> None:
        path = tmp_path / "[bold]notes.csv"
        path.write_text("a,b\n1,2\n")
        run = runner.invoke(app, ["risk", str(path), "--csv", str(tmp_path / "out.csv")])
        assert run.exit_code == 1
        (line,) = run.stderr.splitlines()[-1:]
        assert line.startswith(f"hedgecore: {path}: not a Deribit option chain; missing columns")
        assert "Traceback" not in run.stderr
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_is_not_there(self, chain_file: ChainFile, tmp_path: Path) -> None:
        target = tmp_path / "nowhere" / "risk.csv"
        run = runner.invoke(app, ["risk", str(chain_file()), "--csv", str(target)])
        assert run.exit_code == 1
        assert "no such folder to write risk.csv to" in run.stderr.splitlines()[-1]

    def test_the_chain_is_not_overwritten(self, chain_file: ChainFile) -> None:
        path = chain_file()
        before = path.read_bytes()
        run = runner.invoke(app, ["risk", str(path), "--csv", str(path)])
        assert run.exit_code == 2
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--at", "noon"], "ISO 8601"),
            (["--at", "2020-01-01"], "no snapshot"),
            (["--threads", "0"], "--threads"),
        ],
    )
    def test_wrong_usage(self, chain_file: ChainFile, arguments: list[str], message: str) -> None:
        run = runner.invoke(app, ["risk", str(chain_file()), *arguments])
        assert run.exit_code == 2
        assert message in run.stderr

    def test_missing_file(self) -> None:
        run = runner.invoke(app, ["risk", "no-such-chain.csv"])
        assert run.exit_code == 2
        assert "no-such-chain.csv" in run.stderr

    def test_interrupt(
        self, chain_file: ChainFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C in the middle of writing: status 130, no traceback, nothing half-written."""
        path, target = chain_file(), tmp_path / "risk.csv"

        def interrupted(_frame: pl.DataFrame, file: Path, **_options: object) -> None:
            Path(file).write_text("half")
            raise KeyboardInterrupt

        monkeypatch.setattr(pl.DataFrame, "write_csv", interrupted)
        run = runner.invoke(app, ["risk", str(path), "--csv", str(target)])
        assert run.exit_code == 130
        assert run.stderr.splitlines()[-1] == "hedgecore: interrupted"
        assert list(tmp_path.iterdir()) == [path]


class TestDemo:
    def test_files_and_tables(self, tmp_path: Path) -> None:
        run = runner.invoke(app, ["demo", "--out", str(tmp_path / "new" / "demo")])
        assert run.exit_code == 0
        names = sorted(path.name for path in (tmp_path / "new" / "demo").iterdir())
        assert names == ["chain.csv", "report.html", "risk.csv"]
        assert "2026-06-26" in run.stdout
        assert "report.html" in run.stderr

    def test_twice_gives_the_same(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            assert runner.invoke(app, ["demo", "--out", str(tmp_path / name)]).exit_code == 0
        for file in ("chain.csv", "risk.csv", "report.html"):
            one, two = (tmp_path / name / file for name in ("one", "two"))
            assert one.read_bytes() == two.read_bytes()


def test_version() -> None:
    run = runner.invoke(app, ["version"])
    assert run.stdout == f"hedgecore {hedgecore.__version__}\n"


class TestAsAProgram:
    def test_it_runs(self, crash_file: Path) -> None:
        run = python("-m", "hedgecore", "risk", str(crash_file))
        assert run.returncode == 0
        assert "All coins, in USD" in run.stdout
        assert max(map(len, run.stdout.splitlines()[3:10])) > 120  # not squeezed into 80 columns

    def test_bad_input_is_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.csv"
        path.touch()
        run = python("-m", "hedgecore", "risk", str(path))
        assert run.returncode == 1
        assert run.stderr == f"hedgecore: {path}: the file is empty\n"

    @pytest.mark.parametrize(
        ("module", "extra"),
        [("typer", "cli"), ("rich", "cli"), ("polars", "data"), ("plotly", "report")],
    )
    def test_a_missing_extra_is_named(self, module: str, extra: str, tmp_path: Path) -> None:
        code = (
            f"import sys; sys.modules[{module!r}] = None\n"
            f"sys.argv = ['hedgecore', 'demo', '--out', {str(tmp_path / 'out')!r}]\n"
            "from hedgecore.cli import main; main()"
        )
        run = python("-c", code)
        assert run.returncode == 1
        assert run.stderr.splitlines()[-1].startswith("hedgecore: ")
        assert f'pip install "hedgecore[{extra}]"' in run.stderr.splitlines()[-1]
        assert "Traceback" not in run.stderr

    def test_the_package_alone_loads_no_extra(self) -> None:
        code = (
            "import sys, hedgecore, hedgecore.venues\n"
            "loaded = {'polars', 'typer', 'rich', 'plotly', 'jinja2', 'pandas'} & set(sys.modules)\n"
            "sys.exit(str(loaded) if loaded else 0)"
        )
        run = python("-c", code)
        assert run.returncode == 0, run.stderr
