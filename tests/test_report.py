"""The report: one file, complete, offline; files written whole or not at all; tables as text."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("plotly")

pytest.importorskip("typer")

import hedgecore as hc
from commands import check_page, figures_of, without_library
from hedgecore import demo, tables, venues
from hedgecore.chain import implied, open_interest, snapshot
from hedgecore.limits import read_limits
from hedgecore.report import Findings, document, render_report, replacing, write_csv, write_report
from hedgecore.risk import MEASURES, Risk


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """The demonstration: a book in two coins, with a breach."""
    chain, positions, limits = demo.write_demo(tmp_path_factory.mktemp("demo"))
    quotes = venues.read(chain)
    risk = hc.Book.from_csv(positions).risk(hc.Market.from_quotes(quotes), strikes=True)
    return Findings(risk, "positions.csv", quotes, read_limits(limits))


@pytest.fixture(scope="module")
def crash(crash_file: Path) -> Findings:
    quotes = venues.read(crash_file)
    risk = open_interest(quotes).risk(hc.Market.from_quotes(quotes), strikes=True)
    return Findings(risk, "the open interest", quotes)


def page_of(findings: Findings | Risk) -> str:
    return without_library(render_report(findings))


@pytest.fixture(scope="module")
def page(found: Findings) -> str:
    return page_of(found)


class TestPage:
    def test_it_is_whole_and_loads_nothing(self, page: str) -> None:
        assert len(check_page(page)) == 28

    def test_one_expiry_of_the_smile_is_shown_at_a_time(self, page: str) -> None:
        smile = figures_of(page)["BTC-1"]
        (menu,) = smile["layout"]["updatemenus"]
        assert len(smile["data"]) == 3 * len(menu["buttons"]) == 36
        shown = [trace["visible"] for trace in smile["data"]]
        assert shown == menu["buttons"][menu["active"]]["args"][0]["visible"]
        assert shown.count(True) == 3

    def test_bars_are_the_measures(self, page: str, found: Findings) -> None:
        by_title = {
            (place.split("-")[0], figure["title"]): figure["data"][0]
            for place, figure in figures_of(page).items()
        }
        for coin in ("BTC", "ETH"):
            total = found.risk.total[coin]
            for name, measure in {"Vega": "vega_usd", "Theta": "theta_usd"}.items():
                for title in (f"{name} by expiry", f"{name} of options by strike, all expiries"):
                    assert sum(by_title[coin, title]["y"]) == pytest.approx(
                        total[measure], rel=1e-4
                    )
            exposure = by_title[coin, "Gamma exposure of the book by strike"]
            assert sum(exposure["y"]) == pytest.approx(total["gamma_usd_1pct"], rel=1e-4)
            dealers = by_title[
                coin, "Gamma exposure of dealers long the open calls, short the open puts"
            ]
            assert len(dealers["x"]) > len(exposure["x"])
            assert min(dealers["y"]) < 0 < max(dealers["y"])

    def test_tables_are_in_it(self, page: str, found: Findings) -> None:
        shown = [
            tables.underlying_table(found.risk),
            *(tables.bucket_table(found.risk, coin, "expiry") for coin in ("BTC", "ETH")),
            tables.position_table(found.risk),
            tables.breach_table(found.breaches or []),
        ]
        for table in shown:
            assert all(f"<td>{cell}</td>" in page for line in table.lines for cell in line)
        assert "2 limits breached" in page
        assert "bid below intrinsic" in page
        assert "2026-06-10 13:30:12 UTC" in page
        assert "28 of 28 instruments valued." in page
        assert 'id="USDC"' not in page  # a balance has no section

    def test_without_limits(self, crash: Findings) -> None:
        page = page_of(crash)
        assert "breached" not in page
        assert "All limits kept" not in page
        assert "All limits kept" in page_of(replace(crash, limits={"BTC": {"net_delta": 1e9}}))

    def test_of_a_book_without_quotes(self) -> None:
        """A market by hand has no smiles and no ledger; the rest is there."""
        market = hc.Market(
            "2026-06-10T13:30",
            index={"BTC": 88_000},
            forwards={("BTC", "2026-06-26T08:00"): 88_100},
            vols=0.5,
        )
        book = hc.Book.from_frame({"instrument": ["BTC-26JUN26-90000-C"], "quantity": [10]})
        page = page_of(book.risk(market, strikes=True))
        assert len(figures_of(page)) == 9
        with pytest.raises(ValueError, match="strikes were not kept"):
            render_report(book.risk(market))

    def test_of_futures_alone(self) -> None:
        market = hc.Market("2026-06-10T13:30", index={"BTC": 88_000})
        book = hc.Book.from_frame({"instrument": ["BTC-PERPETUAL", "BTC"], "quantity": [1e5, 2]})
        assert len(figures_of(page_of(book.risk(market, strikes=True)))) == 4

    def test_names_are_escaped(self, found: Findings) -> None:
        evil = "<script>alert(1)</script>"
        quotes = replace(found.quotes, source=evil)  # type: ignore[type-var]
        html = page_of(replace(found, book=evil, quotes=quotes))
        assert "<script>alert" not in html

    def test_several_snapshots(self, quarter_file: Path, crash_file: Path) -> None:
        quarter, crash = venues.read(quarter_file), venues.read(crash_file)
        risk = open_interest(crash).risk(
            hc.Market.from_quotes(quarter, "2026-02-05T16:00"), strikes=True
        )
        findings = Findings(risk, quotes=quarter)
        assert findings.options is not None
        assert findings.options.frame.height == crash.frame.height
        assert {d.total for d in findings.defects if d.name == "bid missing"} == {563_174}


class TestDocument:
    def test_is_json(self, found: Findings) -> None:
        read = json.loads(json.dumps(document(found), allow_nan=False))
        assert read["totals"] == found.risk.total
        assert read["index"] == dict(sorted(found.risk.market.index.items()))
        assert [row["strike"] for row in read["by_strike"]].count(None) == 4
        assert read["by_expiry"][-1]["expiry_time"] is None

    def test_infinite_is_none(self) -> None:
        june = "2026-06-26T08:00"
        market = hc.Market(
            june, index={"BTC": 9e4}, forwards={("BTC", june): 9e4}, vols=0.5, averaging=0
        )
        book = hc.Book.from_frame({"instrument": ["BTC-26JUN26-90000-C"], "quantity": [1]})
        findings = Findings(book.risk(market, strikes=True))
        assert document(findings)["totals"]["BTC"]["gamma"] is None
        page_of(findings)

    def test_breaches_are_none_without_limits(self, crash: Findings) -> None:
        assert document(crash)["breaches"] is None
        assert document(replace(crash, limits={}))["breaches"] == []

    def test_csv(self, found: Findings, tmp_path: Path) -> None:
        path = tmp_path / "risk.csv"
        table = found.risk.table("strike")
        write_csv(table, path)
        read = pl.read_csv(path, infer_schema_length=None)
        assert read.columns == list(table)
        for name in MEASURES:
            np.testing.assert_array_equal(read[name].to_numpy(), table[name])


class TestTables:
    def test_units_of_every_measure(self) -> None:
        assert set(tables.UNITS) == set(MEASURES)
        assert tables.unit_of("gamma_1pct", "ETH") == "ETH per 1 % move"

    def test_by_expiry(self, crash: Findings) -> None:
        assert tables.coins(crash.risk) == ["BTC", "ETH"]
        table = tables.bucket_table(crash.risk, "ETH", "expiry")
        assert "value\nETH" in table.header
        assert not any("BTC" in cell for cell in table.header)
        assert (len(table.lines), table.footer[0]) == (12, "total")
        assert {len(line) for line in (*table.lines, table.names)} == {len(table.header)}
        assert tables.defect_table(crash.defects).lines[0][:2] == ("bid missing", "530")

    def test_only_usd_is_added_across_coins(self, found: Findings) -> None:
        table = tables.underlying_table(found.risk)
        assert [line[0] for line in table.lines] == ["BTC", "ETH", "USDC"]
        total = dict(zip(table.names, table.footer, strict=True))
        assert total["net_delta"] == total["value_coin"] == total["equity_coin"] == ""
        assert total["vega_usd"] == tables.amount(found.risk.total_usd["vega_usd"])

    def test_largest_positions_first(self, found: Findings) -> None:
        rows, count = tables.largest_positions(found.risk, 5)
        assert (len(rows), count) == (5, 28)
        assert rows[0]["instrument"] == "BTC"
        assert tables.position_table(found.risk, 5).title == "Positions (the largest 5 of 28)"

    def test_what_is_not_valued_is_not_zero(self, found: Findings) -> None:
        book = hc.Book.from_frame({"instrument": ["SOL_USDC-PERPETUAL", "BTC"], "quantity": [5, 1]})
        risk = book.risk(found.risk.market, strikes=True)
        shown = {line[0]: line for line in tables.position_table(risk).lines}
        assert set(shown["SOL_USDC-PERPETUAL"][2:]) == {"-"}
        rows = {row["instrument"]: row for row in document(Findings(risk))["positions"]}
        assert rows["SOL_USDC-PERPETUAL"]["net_delta"] is None
        assert rows["BTC"]["value_coin"] == 1.0

    def test_remarks(self, found: Findings) -> None:
        assert tables.remarks(found.risk) == [
            "28 of 28 instruments valued.",
            "No quotes of BTC-PERPETUAL, ETH-PERPETUAL, ETH_USDC-PERPETUAL: valued at the index.",
            "No quotes of BTC-26JUN26: valued at the forward of their expiry.",
        ]

    def test_at_the_money_vols(self, crash: Findings) -> None:
        assert crash.quotes is not None
        summary = tables.vols_by_expiry(implied(crash.quotes, greeks=False).frame)
        for coin in ("BTC", "ETH"):
            rows = summary.filter(pl.col("base") == coin)
            bid, mark, ask, venue = (
                rows[f"atm_{of}"].to_numpy() for of in ("bid", "mark", "ask", "venue")
            )
            assert (bid < mark).all()
            assert (mark < ask).all()
            assert np.abs(mark - venue).max() < 0.02
            assert (np.diff(mark) < 0).all()  # short vols above long ones in the fall
        statuses = summary.select("solved", "below_intrinsic", "above_maximum", "no_price")
        assert (statuses.sum_horizontal() == 3 * summary["options"]).all()

    def test_at_the_money_needs_strikes_on_both_sides(self, crash: Findings) -> None:
        assert crash.quotes is not None
        frame = implied(crash.quotes, greeks=False).frame
        above = frame.filter(pl.col("strike") > 1.05 * pl.col("forward"))
        assert tables.vols_by_expiry(above)["atm_mark"].null_count() == 24
        assert snapshot(frame).height == frame.height

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (None, "-"),
            (float("nan"), "-"),
            (0.0, "0"),
            (-0.0, "0"),
            (0.012346, "0.01235"),
            (-999.96, "-1,000"),
            (999.94, "999.9"),
            (12_345.6, "12,346"),
            (-1_234_567.0, "-1.23 M"),
            (999_999.0, "1.00 M"),
            (2.5e9, "2.50 B"),
        ],
    )
    def test_amounts(self, value: float | None, text: str) -> None:
        assert tables.amount(value) == text


class TestReplacing:
    def test_whole(self, tmp_path: Path) -> None:
        target = tmp_path / "a.txt"
        target.write_text("old")
        with replacing(target) as file:
            file.write_text("new")
            assert target.read_text() == "old"
        assert target.read_text() == "new"
        assert list(tmp_path.iterdir()) == [target]

    @pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
    def test_or_not_at_all(self, tmp_path: Path, failure: type[BaseException]) -> None:
        target = tmp_path / "a.txt"

        def fail() -> None:
            with replacing(target) as file:
                file.write_text("half")
                raise failure

        with pytest.raises(failure):
            fail()
        assert list(tmp_path.iterdir()) == []

    def test_a_file_like_any_other(self, tmp_path: Path) -> None:
        plain = tmp_path / "plain"
        plain.touch()
        with replacing(tmp_path / "a.txt") as file:
            file.write_text("new")
        assert (tmp_path / "a.txt").stat().st_mode == plain.stat().st_mode

    def test_no_such_folder(self, tmp_path: Path) -> None:
        with (
            pytest.raises(OSError, match="no such folder to write"),
            replacing(tmp_path / "nowhere" / "a.txt"),
        ):
            pass

    def test_a_folder(self, tmp_path: Path, found: Findings) -> None:
        with pytest.raises(OSError, match="is a folder"):
            write_report(found, tmp_path)


@pytest.mark.parametrize("module", ["plotly", "jinja2"])
def test_a_missing_extra_is_named(module: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from hedgecore.report import require_plotting; require_plotting()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert 'pip install "hedgecore[report]"' in run.stderr.splitlines()[-1]
