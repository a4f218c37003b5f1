"""``hedgecore surface``: what it prints and writes is the library's, and how it fails."""

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

from commands import check_page, error_of, run, without_library
from hedgecore import demo, surface, venues
from hedgecore.report.surface import SurfaceFindings, render_surface
from hedgecore.surface.surface import PARAMETERS

ChainFile = Callable[..., Path]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chain of the demonstration."""
    return demo.write_demo(tmp_path_factory.mktemp("demo"))[0]


@pytest.fixture(scope="module")
def found(chain: Path) -> SurfaceFindings:
    return SurfaceFindings.of(venues.read(chain))


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def without_quotes(chain: Path, target: Path, day: str) -> Path:
    """The demo chain with no bid of BTC at one expiry."""
    frame = pl.read_csv(chain)
    gone = (pl.col("currency") == "BTC") & pl.col("expiry_datetime").str.starts_with(day)
    frame.with_columns(bid_price=pl.when(gone).then(None).otherwise(pl.col("bid_price"))).write_csv(
        target
    )
    return target


class TestOutput:
    @pytest.mark.parametrize("model", list(surface.MODELS))
    def test_csv_is_the_fit_of_the_library(self, chain: Path, tmp_path: Path, model: Any) -> None:
        strikes, slices = tmp_path / "strikes.csv", tmp_path / "slices.csv"
        done = run("surface", chain, "--model", model, "--csv", strikes, "--slices-csv", slices)
        assert done.exit_code == 0
        fitted = surface.fit_all(venues.read(chain), model=model)
        by_expiry = rows_of(slices)
        assert len(by_expiry) == 24
        for coin in ("BTC", "ETH"):
            mine = [row for row in by_expiry if row["underlying"] == coin]
            read = [[float(row[name]) for name in PARAMETERS[fitted[coin].form]] for row in mine]
            assert np.array_equal(read, fitted[coin].parameters)
            atm = [float(row["atm_vol"]) for row in mine]
            assert np.array_equal(atm, fitted[coin].atm_vol(fitted[coin].expiry))
            violations = fitted[coin].arbitrage()
            assert [int(row["butterfly_points"]) for row in mine] == violations.butterfly.tolist()
            assert sum(int(row["calendar_points"]) for row in mine) == violations.calendar.sum()
        for row in rows_of(strikes):
            of = fitted[row["underlying"]]
            vol = of.vol_at(float(row["log_moneyness"]), float(row["expiry"]))
            assert float(row["fitted_vol"]) == pytest.approx(float(vol), rel=1e-14)
            assert (row["inside"] == "True") == (
                float(row["bid_vol"]) <= float(row["fitted_vol"]) <= float(row["ask_vol"] or "inf")
            )

    def test_every_row_is_used_or_counted(self, chain: Path, tmp_path: Path) -> None:
        slices = tmp_path / "slices.csv"
        assert run("surface", chain, "--slices-csv", slices).exit_code == 0
        _, smiles = surface.smiles(venues.read(chain))
        rows = rows_of(slices)
        for smile, row in zip(smiles, rows, strict=True):
            assert (int(row["rows"]), int(row["strikes"])) == (smile.rows, len(smile))
            for why, count in smile.rejected.items():
                assert int(row["rejected_" + why.replace(" ", "_").replace("-", "_")]) == count

    def test_json_and_parquet(self, chain: Path, found: SurfaceFindings, tmp_path: Path) -> None:
        out, parquet = tmp_path / "surface.json", tmp_path / "surface.parquet"
        assert run("surface", chain, "--json", out, "--parquet", parquet).exit_code == 0
        read = json.loads(out.read_text(), parse_constant=lambda name: pytest.fail(name))
        assert read["time"] == "2026-06-10T13:30:12Z"
        assert read["model"] == "svi_free"
        assert [part["underlying"] for part in read["surfaces"]] == ["BTC", "ETH"]
        for part, fit in zip(read["surfaces"], found.fits, strict=True):
            assert len(part["expiries"]) == 12
            assert part["model_free_vol_30d"] == fit.month_vol
            assert [row["fitted_vol"] for row in part["quotes"]] == fit.quotes[
                "fitted_vol"
            ].tolist()
        frame = pl.read_parquet(parquet)
        assert frame.height == len(found.rows["strike"])
        assert frame.columns == list(found.rows)
        assert np.array_equal(frame["fitted_vol"].to_numpy(), found.rows["fitted_vol"])
        assert str(frame["expiry_time"][0]) == "2026-06-11 08:00:00+00:00"

    def test_tables(self, chain: Path) -> None:
        done = run("surface", chain)
        assert done.exit_code == 0
        for text in (
            "BTC, inverse options: raw SVI by expiry without butterfly arbitrage",
            "25d RR",
            "left out of ETH",
            "one-sided",
        ):
            assert text in done.stdout
        assert "fitted 24 of 24 smiles" in done.stderr
        assert "fitted" not in done.stdout
        assert "on the quoted range and near it. Forwards of the vols: the venue's" in done.stdout

    def test_to_the_output(self, chain: Path) -> None:
        done = run("surface", chain, "--csv", "-")
        assert next(csv.DictReader(done.stdout.splitlines()))["underlying"] == "BTC"
        assert json.loads(run("surface", chain, "--json", "-").stdout)["surfaces"]

    def test_forwards_by_parity(self, chain: Path, tmp_path: Path) -> None:
        slices = tmp_path / "slices.csv"
        done = run("surface", chain, "--forward", "parity", "--slices-csv", slices)
        assert "put-call parity, the venue's where" in done.stdout
        for row in rows_of(slices):
            assert float(row["forward"]) != float(row["forward_venue"])
            assert float(row["forward"]) == pytest.approx(float(row["forward_venue"]), rel=2e-3)

    def test_a_real_chain_at_a_time(self, quarter_file: Path, crash_file: Path) -> None:
        one = json.loads(
            run("surface", quarter_file, "--at", "2026-02-05T16:00", "--json", "-").stdout
        )
        two = json.loads(run("surface", crash_file, "--json", "-").stdout)
        assert one["time"] == two["time"] == "2026-02-05T15:51:32Z"
        for a, b in zip(one["surfaces"], two["surfaces"], strict=True):
            assert [row["strikes"] for row in a["expiries"]] == [
                row["strikes"] for row in b["expiries"]
            ]
            for name in ("atm_vol", "risk_reversal_25", "model_free_vol"):
                values = [[row[name] for row in part["expiries"]] for part in (a, b)]
                assert values[0] == pytest.approx(values[1], rel=1e-4)
            near = [row["risk_reversal_25"] for row in a["expiries"] if row["expiry"] < 30 / 365]
            assert max(near) < 0  # puts are dear in the fall


class TestPage:
    def test_it_is_whole_and_loads_nothing(self, found: SurfaceFindings) -> None:
        page = without_library(render_surface(found))
        figures = check_page(page)
        assert len(figures) == 18
        smile = figures["BTC-inverse-1"]
        (menu,) = smile["layout"]["updatemenus"]
        assert len(menu["buttons"]) == 12
        assert [trace["visible"] for trace in smile["data"]].count(True) == 3
        for text in ("Arbitrage, of 401 points", "Rows left out of BTC", "Parameters: w = a + b"):
            assert text in page
        assert "2026-06-10 13:30:12 UTC" in page

    def test_figures_are_the_fit(self, found: SurfaceFindings) -> None:
        figures = {f["title"]: f for f in found.sections[0].figures()}
        fit = found.fits[0]
        atm = figures["Term structure: at the money and model-free"]["data"][0]
        assert atm["y"] == pytest.approx(100 * fit.slices["atm_vol"], rel=1e-5)
        space = figures["The surface"]["data"][0]
        assert fit.surface is not None
        near = space["z"][0][len(space["x"]) // 2]
        assert near == pytest.approx(
            100 * float(fit.surface.atm_vol(fit.surface.expiry[0])), rel=1e-3
        )

    def test_names_are_escaped(self, found: SurfaceFindings) -> None:
        from dataclasses import replace

        evil = "<script>alert(1)</script>"
        fits = (replace(found.fits[0], base=evil),)
        quotes = replace(found.quotes, source=evil)
        html = render_surface(SurfaceFindings(quotes, found.asof, "svi", "venue", fits))
        assert "<script>alert" not in html


class TestBadInput:
    def test_the_rest_survives_an_expiry_that_does_not_fit(
        self, chain: Path, tmp_path: Path
    ) -> None:
        path = without_quotes(chain, tmp_path / "chain.csv", "2026-06-26")
        out, html = tmp_path / "surface.json", tmp_path / "surface.html"
        done = run("surface", path, "--json", out, "--html", html)
        assert done.exit_code == 0
        assert "fitted 23 of 24 smiles" in done.stderr
        line = "BTC inverse 2026-06-26: 0 strikes of 90 rows (left out: 90 one-sided): no slice"
        assert line in done.stdout
        read = json.loads(out.read_text())
        assert any(remark.startswith(line) for remark in read["remarks"])
        gone = [row for row in read["surfaces"][0]["expiries"] if row["strikes"] == 0]
        assert len(gone) == 1
        assert gone[0]["atm_vol"] is gone[0]["a"] is gone[0]["lee_slope"] is None
        check_page(without_library(html.read_text()))

    def test_a_coin_that_does_not_fit(self, demo_frame: pl.DataFrame, tmp_path: Path) -> None:
        path = tmp_path / "chain.csv"
        none = pl.when(pl.col("currency") == "ETH").then(None).otherwise(pl.col("bid_price"))
        demo_frame.with_columns(bid_price=none).write_csv(path)
        html = tmp_path / "surface.html"
        done = run("surface", path, "--html", html)
        assert done.exit_code == 0
        assert "ETH, inverse options: nothing fits" in done.stdout
        check_page(without_library(html.read_text()))

    def test_nothing_fits(self, chain_file: ChainFile) -> None:
        done = run("surface", chain_file({(row, "bid_price"): None for row in range(1, 11)}))
        assert done.exit_code == 1
        assert "nothing fits: BTC inverse 2026-06-11: 0 strikes of 10 rows" in error_of(done)

    def test_no_options(self, shared: Path) -> None:
        done = run(
            "surface", shared / "data/chains/ticker_daily/deribit_btc_futures_20260114.csv.gz"
        )
        assert done.exit_code == 1
        assert done.stderr.endswith("no options in this file\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--at", "noon"], "ISO 8601"),
            (["--at", "2020-01-01"], "no quotes at or before"),
            (["--model", "heston"], "--model"),
            (["--forward", "spot"], "--forward"),
            (["--csv", "a.csv", "--json", "a.csv"], "what --json writes"),
            (["--parquet", "-"], "only JSON and CSV"),
        ],
    )
    def test_wrong_usage(self, chain_file: ChainFile, arguments: list[str], message: str) -> None:
        done = run("surface", chain_file(), *arguments)
        assert done.exit_code == 2
        assert message in error_of(done)

    def test_missing_file(self) -> None:
        done = run("surface", "no-such-chain.csv")
        assert done.exit_code == 2
        assert "no-such-chain.csv" in done.stderr

    def test_interrupt(self, chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def interrupted(_frame: pl.DataFrame, file: Path, **_options: object) -> None:
            Path(file).write_text("half")
            raise KeyboardInterrupt

        monkeypatch.setattr(pl.DataFrame, "write_parquet", interrupted)
        done = run("surface", chain, "--parquet", tmp_path / "rows.parquet")
        assert done.exit_code == 130
        assert done.stderr.splitlines()[-1] == "hedgecore: interrupted"
        assert list(tmp_path.iterdir()) == []
