"""``hedgecore scenarios``: what it prints and writes is the library's, and how it fails."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")
pytest.importorskip("plotly")

import hedgecore as hc
from commands import check_page, error_of, run, without_library
from hedgecore import demo, surface, venues
from hedgecore.cli.scenarios import axis_of
from hedgecore.report.scenarios import ScenarioFindings, render_scenarios
from hedgecore.tables.scenarios import Axes

ChainFile = Callable[..., Path]
SMALL = ("--spot", "-0.2,0,0.1", "--vol", "-0.1:0.1:3", "--time", "0,2")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Chain and positions of the demonstration."""
    return demo.write_demo(tmp_path_factory.mktemp("demo"))[:2]


@pytest.fixture(scope="module")
def market(files: tuple[Path, Path]) -> hc.Market:
    return hc.Market.from_quotes(venues.read(files[0]))


@pytest.fixture(scope="module")
def book(files: tuple[Path, Path]) -> hc.Book:
    return hc.Book.from_csv(files[1])


@pytest.fixture(scope="module")
def found(book: hc.Book, market: hc.Market) -> ScenarioFindings:
    axes = Axes(
        np.array([-0.2, 0.0, 0.1]), np.array([-0.1, 0.0, 0.1]), np.array([0.0, 2 / 365]), True
    )
    return ScenarioFindings(book.risk(market), axes, {}, "positions.csv")


def grid_of(book: hc.Book, market: hc.Market, **options: Any) -> Any:
    """The grid of :data:`SMALL` by the library."""
    axes: dict[str, Any] = {"spot": [-0.2, 0, 0.1], "vol": [-0.1, 0, 0.1], "time": [0, 2 / 365]}
    return book.scenarios(market, **axes | {"vol_shock": "relative"} | options)


class TestOutput:
    @pytest.mark.parametrize("by", ["total", "underlying", "expiry"])
    def test_csv_is_the_grid_of_the_library(
        self, files: tuple[Path, Path], book: hc.Book, market: hc.Market, tmp_path: Path, by: Any
    ) -> None:
        out = tmp_path / "nodes.csv"
        done = run("scenarios", files[0], "--positions", files[1], *SMALL, "--by", by, "--csv", out)
        assert done.exit_code == 0
        table = grid_of(book, market).table(by)
        rows = list(csv.DictReader(out.read_text().splitlines()))
        assert list(rows[0]) == list(table)
        for name in ("spot", "vol", "time", "pnl_usd", "vega_usd"):
            assert [float(row[name]) for row in rows] == table[name].tolist()

    @pytest.mark.parametrize(
        ("arguments", "options"),
        [
            (["--vol-shock", "absolute"], {"vol_shock": "absolute"}),
            (["--vol-tenor", "30,0.5"], {"vol_tenor": (30 / 365, 0.5)}),
            (["--vol-tenor", "30,0.3,0.6"], {"vol_tenor": (30 / 365, 0.3, 0.6)}),
            (["--measures", "theta_usd, gamma"], {"measures": ["theta_usd", "gamma"]}),
            (["--threads", "1"], {"threads": 1}),
        ],
    )
    def test_options_reach_the_library(
        self, files: tuple[Path, Path], book: hc.Book, market: hc.Market, arguments: list[str],
        options: dict[str, Any],
    ) -> None:  # fmt: skip
        done = run("scenarios", files[0], "--positions", files[1], *SMALL, *arguments, "--csv", "-")
        table = grid_of(book, market, **options).table("underlying")
        rows = list(csv.DictReader(done.stdout.splitlines()))
        assert list(rows[0]) == list(table)
        for name in set(table) - {"underlying", "node"}:
            assert [float(row[name]) for row in rows] == table[name].tolist()

    def test_json(
        self, files: tuple[Path, Path], book: hc.Book, market: hc.Market, tmp_path: Path
    ) -> None:
        out = tmp_path / "scenarios.json"
        done = run(
            "scenarios", files[0], "--positions", files[1], *SMALL, "--tail", "0.9", "--json", out
        )
        assert done.exit_code == 0
        read = json.loads(out.read_text(), parse_constant=lambda name: pytest.fail(name))
        grid = grid_of(book, market)
        tail = grid.tail(0.9)
        assert read["axes"]["spot"] == [-0.2, 0.0, 0.1]
        assert read["axes"]["vol_shock"] == "relative"
        assert read["tail"]["value_at_risk"] == tail.value_at_risk
        for name in ("value_at_risk", "expected_shortfall"):
            parts = sum(row[name] for row in read["tail"]["contributions"])
            assert parts == pytest.approx(read["tail"][name], rel=1e-9)
        worst = read["total"]["worst_node"]
        assert worst["pnl_usd"] == grid.pnl().min()
        assert sum(row["pnl_usd"] for row in worst["by_expiry"]) == pytest.approx(worst["pnl_usd"])
        assert (worst["spot"], worst["vol"]) == (-0.2, -0.1)
        ladder = read["total"]["ladders"]["spot"]
        at_rest = [row for row in ladder if row["spot"] == 0.0]
        assert [row["pnl_usd"] for row in at_rest] == [0.0] * len(at_rest)
        total = book.risk(market).total
        for row in at_rest:
            assert row["net_delta"] == pytest.approx(
                total[row["underlying"]]["net_delta"], rel=1e-12
            )
        assert len(read["nodes"]) == 18 * 3
        assert read["units"]["pnl_coin"] == "{coin}"
        assert read["completeness"]["valued"] == len(demo.POSITIONS)

    def test_tables(self, files: tuple[Path, Path]) -> None:
        done = run("scenarios", files[0], "--positions", files[1])
        assert done.exit_code == 0
        for text in (
            *("P&L of all in USD by move of spot and of vol, at once", "P&L of ETH in USD"),
            *(
                "Spot ladder of BTC",
                "Time ladder of ETH",
                "The 10 worst nodes",
                "Loss in the worst 2.5 %",
            ),
            *("28 of 28 instruments valued.", "not a probability", "7 days"),
        ):
            assert text in done.stdout
        assert "revalued 28 instruments at 273 nodes" in done.stderr
        still = [line for line in done.stdout.splitlines() if line.startswith("0 % ")]
        assert all(" 0 " in line for line in still[:3])

    def test_one_node(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        html = tmp_path / "one.html"
        axes = ("--spot", "-0.1", "--vol", "0", "--time", "0")
        done = run("scenarios", files[0], "--positions", files[1], *axes, "--html", html)
        assert done.exit_code == 0
        check_page(without_library(html.read_text()))

    def test_open_interest_of_a_real_chain(self, crash_file: Path, tmp_path: Path) -> None:
        html = tmp_path / "scenarios.html"
        done = run("scenarios", crash_file, *SMALL, "--html", html)
        assert done.exit_code == 0
        assert "1548 of 1548 instruments valued." in done.stdout
        figures = check_page(without_library(html.read_text()))
        heat = figures["BTC-1"]["data"][0]
        quotes = venues.read(crash_file)
        from hedgecore.chain import open_interest

        grid = grid_of(open_interest(quotes), hc.Market.from_quotes(quotes))
        assert np.allclose(np.array(heat["z"]).T, grid.pnl("BTC")[:, :, 0], rtol=1e-5)

    def test_futures_have_their_prices(self, shared: Path, tmp_path: Path) -> None:
        folder = shared / "data/chains"
        positions = tmp_path / "positions.csv"
        positions.write_text("instrument,quantity\nBTC-PERPETUAL,100000\n")
        command = ["scenarios", folder / "deribit_btc_eth_6h_20260101_20260331.parquet", *SMALL,
                   "--at", "2026-02-05T16:00", "--positions", positions, "--json", "-"]  # fmt: skip
        pnl = [
            json.loads(run(*command, *more).stdout)["total"]["worst_node"]["pnl_usd"]
            for more in (
                [],
                ["--futures", folder / "perpetual_futures_prices_20260101_20260331.csv.gz"],
            )
        ]
        assert pnl[0] != pnl[1]
        assert pnl[0] == pytest.approx(pnl[1], rel=0.02)


class TestSurface:
    """Options without a quote."""

    POSITIONS = (
        "instrument,quantity\nBTC-26JUN26-92000-C,5\nBTC-26JUN26-93123-C,5\nBTC-11JUN26-1-C,1\n"
    )

    def test_are_left_out_without_a_model(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        path = tmp_path / "positions.csv"
        path.write_text(self.POSITIONS)
        done = run("scenarios", files[0], "--positions", path, *SMALL)
        assert done.exit_code == 0
        assert "1 of 3 instruments valued; left out: 2 without vol" in done.stdout
        assert "--model takes the vols" in done.stdout

    def test_have_the_vols_of_one(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        path = tmp_path / "positions.csv"
        path.write_text(self.POSITIONS)
        done = run(
            "scenarios", files[0], "--positions", path, *SMALL, "--model", "essvi", "--json", "-"
        )
        assert done.exit_code == 0
        read = json.loads(done.stdout)
        assert read["completeness"]["valued"] == 3
        assert "2 vols of options without a quote are from the surface (essvi)." in read["remarks"]
        quotes = venues.read(files[0])
        fits = surface.fit_all(quotes, model="essvi")
        market = hc.Market.from_quotes(quotes).replaced(vols=fits)
        grid = grid_of(hc.Book.from_csv(path), market)
        assert read["total"]["worst_node"]["pnl_usd"] == grid.pnl().min()


class TestPage:
    def test_it_is_whole_and_loads_nothing(self, found: ScenarioFindings) -> None:
        page = without_library(render_scenarios(found))
        figures = check_page(page)
        assert set(figures) == {
            *(f"total-{n}" for n in range(1, 6)), *(f"{c}-{n}" for c in ("BTC", "ETH") for n in range(1, 9)),
            "tail-1", "tail-2",
        }  # fmt: skip
        heat = figures["total-1"]
        assert np.allclose(np.array(heat["data"][1]["z"]).T, found.grid.pnl()[:, :, 1], rtol=1e-5)
        (menu,) = heat["layout"]["updatemenus"]
        assert [button["label"] for button in menu["buttons"]] == ["at once", "after 2 days"]
        assert [trace["visible"] for trace in heat["data"]] == [True, False]

    def test_contributions_are_drawn(self, found: ScenarioFindings) -> None:
        tail = found.grid.tail(found.level)
        (section,) = [s for s in found.sections if s.name == "tail"]
        drawn = section.figures()[0]["data"]
        assert [trace["name"] for trace in drawn] == ["value at risk", "expected shortfall"]
        assert sum(drawn[1]["y"]) == pytest.approx(tail.expected_shortfall, rel=1e-4)
        assert section.boxes[0].table.footer[0] == "total"

    def test_names_are_escaped(self, found: ScenarioFindings) -> None:
        from dataclasses import replace

        evil = "<script>alert(1)</script>"
        html = render_scenarios(replace(found, book=evil, notes=(evil,)))
        assert "<script>alert" not in html

    def test_a_section_more_is_a_function_more(
        self, found: ScenarioFindings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What terminal, page and JSON show is the list of sections alone."""
        from dataclasses import replace

        from hedgecore.report import scenarios

        def more(_found: ScenarioFindings) -> list[scenarios.Section]:
            return [scenarios.Section("extra", "Something else", data={"value": 1})]

        monkeypatch.setattr(scenarios, "SECTIONS", (*scenarios.SECTIONS, more))
        other = replace(found)
        assert scenarios.scenario_document(other)["extra"] == {"value": 1}
        assert '<h2 id="extra">Something else</h2>' in render_scenarios(other)


class TestAxes:
    def test_a_range_has_its_zero(self) -> None:
        values = axis_of("-0.3:0.3:13", "--spot")
        assert len(values) == 13
        assert values[6] == 0.0
        assert values[8] == 0.1

    def test_a_list_is_put_in_order(self) -> None:
        assert axis_of("0.1,-0.1,0,0.1", "--spot").tolist() == [-0.1, 0.0, 0.1]
        assert axis_of("5:5:1", "--time").tolist() == [5.0]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--spot", "-0.3:x:13"], "--spot: '-0.3:x:13': neither LOW:HIGH:COUNT"),
            (["--spot", "-0.3:0.3"], "--spot: '-0.3:0.3': neither LOW:HIGH:COUNT"),
            (["--spot", ""], "--spot: '': neither"),
            (["--spot", "-1,0"], "--spot: '-1,0': -1 takes it to zero or below"),
            (["--vol", "0,inf"], "--vol: '0,inf': every value must be finite"),
            (["--vol", "-1.5:0:4"], "--vol: '-1.5:0:4': -1.5 takes it to zero or below"),
            (["--vol", "0:1:100000"], "COUNT must be from 1 to 1000"),
            (["--time", "-1,0"], "--time: '-1,0': -1 is below 0"),
            (["--vol-tenor", "30"], "--vol-tenor: '30': must be DAYS,EXPONENT"),
            (["--vol-tenor", "a,b"], "--vol-tenor: 'a,b': not numbers"),
            (["--measures", "vega_usd,delta"], "--measures: 'vega_usd,delta': 'delta' is none of"),
            (["--tail", "1"], "--tail: 1.0 must be between 0 and 1"),
            (["--vol-shock", "both"], "--vol-shock"),
            (["--model", "heston"], "--model"),
            (["--at", "noon"], "ISO 8601"),
            (["--html", "-"], "only JSON and CSV"),
        ],
    )
    def test_wrong_usage_names_option_and_value(
        self, chain_file: ChainFile, arguments: list[str], message: str
    ) -> None:
        done = run("scenarios", chain_file(), *arguments)
        assert done.exit_code == 2
        assert message in error_of(done)


class TestFailures:
    def test_a_vol_that_a_shock_takes_away(self, files: tuple[Path, Path]) -> None:
        done = run("scenarios", *files[:1], "--vol-shock", "absolute", "--vol", "-0.9,0")
        assert done.exit_code == 1
        assert "vol" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr

    def test_nothing_to_value(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        path = tmp_path / "positions.csv"
        path.write_text("instrument,quantity\nSOL_USDC-PERPETUAL,1\n")
        done = run("scenarios", files[0], "--positions", path)
        assert done.exit_code == 1
        assert f"{path}: nothing can be valued" in done.stderr

    def test_missing_file(self, files: tuple[Path, Path]) -> None:
        for arguments in (["no-such.csv"], [files[0], "--positions", "no-such.csv"]):
            done = run("scenarios", *arguments)
            assert done.exit_code == 2
            assert "no-such.csv" in error_of(done)

    def test_interrupt(
        self, files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*_arguments: object, **_options: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(hc.Book, "scenarios", interrupted)
        done = run("scenarios", files[0], "--positions", files[1], "--csv", tmp_path / "a.csv")
        assert done.exit_code == 130
        assert done.stderr.splitlines()[-1] == "hedgecore: interrupted"
        assert list(tmp_path.iterdir()) == []
