"""``hedgecore explain``: what it prints and writes is the library's, and how it fails."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")
pytest.importorskip("plotly")

import hedgecore as hc
from commands import check_page, error_of, run, without_library
from conftest import ROOT
from hedgecore import demo, surface, venues
from hedgecore.explain import TERMS, Explain
from hedgecore.surface.dynamics import SkewStickiness


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The demo chain, the same six hours later with vols in the marks up by a tenth of themselves, and the positions."""
    folder = tmp_path_factory.mktemp("demo")
    chain, positions, _ = demo.write_demo(folder)
    frame = pl.read_csv(chain)
    later = folder / "later.csv"
    frame.with_columns(
        timestamp=pl.lit("2026-06-10T19:30:12+00:00"), mark_price=pl.col("mark_price") * 1.01
    ).write_csv(later)
    return chain, later, positions


@pytest.fixture(scope="module")
def lines(files: tuple[Path, Path, Path]) -> Explain:
    return explained(files)


def explained(files: tuple[Path, Path, Path], **options: Any) -> Explain:
    before, after = (hc.Market.from_quotes(venues.read(path)) for path in files[:2])
    return hc.Book.from_csv(files[2]).explain(before, after, **options)


def command(files: tuple[Path, Path, Path], *more: object) -> list[object]:
    return ["explain", files[0], "--after", files[1], "--positions", files[2], *more]


class TestOutput:
    @pytest.mark.parametrize("by", ["total", "underlying", "expiry"])
    def test_csv_is_the_library_s(
        self, files: tuple[Path, Path, Path], lines: Explain, by: Any
    ) -> None:
        done = run(*command(files, "--by", by, "--csv", "-"))
        assert done.exit_code == 0
        rows = list(csv.DictReader(done.stdout.splitlines()))
        table = lines.table(by)
        assert list(rows[0]) == list(table)
        for name in ("pnl", *TERMS):
            assert [float(row[name]) for row in rows] == table[name].tolist()
        assert abs(lines.total["pnl"]) > 1000

    def test_json_adds_up(self, files: tuple[Path, Path, Path], lines: Explain) -> None:
        read = json.loads(run(*command(files, "--json", "-")).stdout)
        assert (read["from"], read["to"]) == ("2026-06-10T13:30:12Z", "2026-06-10T19:30:12Z")
        total = read["total"]["lines"]
        assert total["pnl"] == lines.total["pnl"]
        assert sum(total[name] for name in TERMS) == pytest.approx(total["pnl"], rel=1e-9)
        assert read["total"]["residual_share"] == lines.residual_share()
        for coin in ("BTC", "ETH"):
            parts = [row["pnl"] for row in read[coin]["by_expiry"]]
            assert sum(parts) == pytest.approx(read[coin]["usd"]["pnl"], rel=1e-9)

    @pytest.mark.parametrize(("word", "ratio"), [("sticky-moneyness", 0.0), ("ssr=1.6", 1.6)])
    def test_rules_reach_the_library(
        self, files: tuple[Path, Path, Path], word: str, ratio: float
    ) -> None:
        done = run(*command(files, "--dynamics", word, "--greeks", "mid", "--json", "-"))
        read = json.loads(done.stdout)
        rule = SkewStickiness(surface.fit_all(venues.read(files[0])), ratio)
        assert read["total"]["lines"] == explained(files, dynamics=rule, at="mid").total
        assert "by SVI fitted to the quotes; Greeks in the middle" in read["remarks"][0]

    def test_tables(self, files: tuple[Path, Path, Path]) -> None:
        done = run(*command(files))
        assert done.exit_code == 0
        for text in (
            "P&L of positions.csv, 2026-06-10 13:30:12 to 2026-06-10 19:30:12 UTC",
            *("P&L of all in USD by underlying", "P&L of ETH in USD by expiry"),
            "Vols with spot: sticky strike; Greeks at the start.",
        ):
            assert text in done.stdout

    def test_rounding_is_no_amount(self, lines: Explain) -> None:
        from hedgecore.tables.explain import explain_table

        noise = {"carry": np.full(len(lines.underlying), -6.7e-10)}
        table = explain_table(replace(lines, usd=lines.usd | noise), "underlying")
        assert "carry" not in table.names
        # beside amounts of its own size it is one
        small = {name: column * 1e-12 for name, column in lines.usd.items()}
        table = explain_table(replace(lines, usd=small | noise), "underlying")
        assert "carry" in table.names

    def test_two_snapshots_of_a_quarter(self, quarter_file: Path, tmp_path: Path) -> None:
        html = tmp_path / "explain.html"
        times = ("--from", "2026-02-05T00:00", "--to", "2026-02-05T12:00")
        done = run("explain", quarter_file, *times, "--html", html, "--json", tmp_path / "a.json")
        assert done.exit_code == 0
        assert "Settled in between" in done.stdout
        check_page(without_library(html.read_text()))
        read = json.loads((tmp_path / "a.json").read_text())
        assert read["to"] == "2026-02-05T09:36:47Z"
        assert all(name.split("-")[1] == "5FEB26" for name in read["settled"])
        assert read["total"]["residual_share"] < 0.05

    def test_the_documentation_shows_this(self, quarter_file: Path) -> None:
        text = (ROOT / "docs" / "reports.md").read_text().split("The open interest of a chain")[1]
        asked = text.split("`")[1].split()
        shown = text.split("```text\n")[1].split("```")[0].split()
        assert (asked[0], shown[-1]) == ("--from", "...")
        found = run("explain", quarter_file, *asked).stdout
        found = found.replace(quarter_file.name, "chain.parquet").split()
        assert found[: len(shown) - 1] == shown[:-1]


class TestPage:
    def test_it_is_whole(
        self, files: tuple[Path, Path, Path], lines: Explain, tmp_path: Path
    ) -> None:
        html = tmp_path / "explain.html"
        assert run(*command(files, "--html", html)).exit_code == 0
        figures = check_page(without_library(html.read_text()))
        assert {"total-1", "BTC-1", "BTC-2", "ETH-1", "ETH-2"} <= set(figures)
        (fall,) = figures["total-1"]["data"]
        assert sum(fall["y"][:-1]) == pytest.approx(fall["y"][-1], rel=1e-3)
        assert fall["y"][-1] == pytest.approx(lines.total["pnl"], rel=1e-5)
        assert fall["measure"][-1] == "total"


class TestFailures:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "--from: say from when"),
            (["--from", "noon"], "--from"),
            (["--from", "2026-06-10T14:00", "--to", "2020-01-01"], "--to"),
            (["--from", "2026-06-10T14:00"], "is not later than that before"),
            (["--from", "2026-06-10T14:00", "--dynamics", "ssr=x"], "--dynamics: 'ssr=x': must be"),
            (["--from", "2026-06-10T14:00", "--after", "none.csv"], "none.csv"),
            (["--from", "2026-06-10T14:00", "--html", "-"], "only JSON and CSV"),
        ],
    )
    def test_wrong_usage(
        self, files: tuple[Path, Path, Path], arguments: list[str], message: str
    ) -> None:
        done = run("explain", files[0], "--positions", files[2], *arguments)
        assert done.exit_code == 2
        assert message in error_of(done)

    def test_nothing_in_both(self, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
        path = tmp_path / "positions.csv"
        path.write_text("instrument,quantity\nSOL_USDC-PERPETUAL,1\n")
        done = run("explain", files[0], "--after", files[1], "--positions", path)
        assert done.exit_code == 1
        assert "nothing can be valued in both markets" in done.stderr


class TestPlot:
    def test_waterfall(self, lines: Explain) -> None:
        (trace,) = lines.plot("BTC", "coin").data
        table = lines.table("underlying", "coin")
        row = int(np.flatnonzero(table["underlying"] == "BTC")[0])
        assert trace.y[-1] == pytest.approx(table["pnl"][row], rel=1e-5)
        assert lines.plot().data[0].x[-1] == "P&L"

    def test_what_cannot_be_drawn(self, lines: Explain) -> None:
        with pytest.raises(ValueError, match="nothing in 'SOL'"):
            lines.plot("SOL")
        with pytest.raises(ValueError, match="name an underlying"):
            lines.plot(currency="coin")
