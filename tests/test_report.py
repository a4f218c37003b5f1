"""The report: one file, complete, offline; and files written whole or not at all."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

pytest.importorskip("polars")
pytest.importorskip("plotly")

from plotly.offline import get_plotlyjs

from hedgecore.report import render_report, replacing, write_report
from hedgecore.risk import ChainRisk, chain_risk
from hedgecore.tables import amount, defect_table, expiry_table
from hedgecore.venues.deribit import read_chain


@pytest.fixture(scope="module")
def crash(crash_file: Path) -> ChainRisk:
    return chain_risk(read_chain(crash_file))


@pytest.fixture(scope="module")
def page(crash: ChainRisk) -> str:
    """The report without the plotting library, which must be in it once."""
    html = render_report(crash)
    assert html.count(get_plotlyjs()) == 1
    return html.replace(get_plotlyjs(), "")


def test_it_loads_nothing_from_elsewhere(page: str) -> None:
    assert not re.search(r"https?:|\bsrc=|<link|@import|url\(", page)


def test_it_is_well_formed(page: str) -> None:
    class Balance(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, _attributes: object) -> None:
            if tag not in ("meta", "br"):
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_every_figure_has_data_and_named_axes(page: str) -> None:
    figures = {
        place: json.loads(text)
        for place, text in re.findall(r'^draw\("([A-Z]+-\d+)", (.*)\);$', page, re.MULTILINE)
    }
    assert len(figures) == 24
    for place, figure in figures.items():
        assert f'id="{place}"' in page
        assert figure["title"] in page
        assert figure["layout"]["xaxis"]["title"]["text"]
        assert figure["layout"]["yaxis"]["title"]["text"]
        assert all(len(trace["x"]) == len(trace["y"]) > 0 for trace in figure["data"])
        assert any(any(value is not None for value in trace["y"]) for trace in figure["data"])


def test_one_expiry_of_the_smile_is_shown_at_a_time(page: str) -> None:
    smile = json.loads(re.search(r'^draw\("BTC-1", (.*)\);$', page, re.MULTILINE)[1])  # type: ignore[index]
    (menu,) = smile["layout"]["updatemenus"]
    assert len(smile["data"]) == 3 * len(menu["buttons"]) == 36
    shown = [trace["visible"] for trace in smile["data"]]
    assert shown == menu["buttons"][menu["active"]]["args"][0]["visible"]
    assert shown.count(True) == 3


def test_tables_are_in_it(page: str, crash: ChainRisk) -> None:
    for table in expiry_table(crash).values():
        assert all(f"<td>{cell}</td>" in page for line in table[1:] for cell in line)
    assert "bid below intrinsic" in page
    assert "2026-02-05 15:51:32 UTC" in page


def test_names_from_the_file_are_escaped(crash: ChainRisk) -> None:
    odd = ChainRisk(crash.frame, crash.defects, "<script>alert(1)</script>", crash.rows_read)
    assert "<script>alert" not in render_report(odd)


def test_several_snapshots(quarter_file: Path) -> None:
    page = render_report(chain_risk(read_chain(quarter_file)), at="2026-02-05T16:00")
    assert "one of 355 snapshots" in page
    assert "2026-02-05 15:51:32 UTC" in page


def test_tables_as_text(crash: ChainRisk) -> None:
    tables = expiry_table(crash)
    assert list(tables) == ["BTC", "ETH"]
    header, *lines, total = tables["ETH"]
    assert "value\nETH" in header
    assert not any("BTC" in cell for cell in header)
    assert (len(lines), total[0]) == (12, "total")
    assert {len(line) for line in tables["ETH"]} == {len(header)}
    assert defect_table(crash)[1][:2] == ["bid missing", "530"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (float("nan"), "-"),
        (0.0, "0"),
        (0.012346, "0.01235"),
        (-999.96, "-1000"),
        (12_345.6, "12,346"),
        (-1_234_567.0, "-1.23 M"),
        (999_999.0, "1.00 M"),
        (2.5e9, "2.50 B"),
    ],
)
def test_amounts(value: float | None, text: str) -> None:
    assert amount(value) == text


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

    def test_a_folder(self, tmp_path: Path, crash: ChainRisk) -> None:
        with pytest.raises(OSError, match="is a folder"):
            write_report(crash, tmp_path)


@pytest.mark.parametrize("module", ["plotly", "jinja2"])
def test_a_missing_extra_is_named(module: str) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None\n"
        "from hedgecore.report import require_plotting; require_plotting()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert 'pip install "hedgecore[report]"' in run.stderr.splitlines()[-1]
