"""Fixtures and settings shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

import hedgecore as hc

if TYPE_CHECKING:
    import polars as pl

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile(
    "hedgecore",
    deadline=None,  # shared machines pause; a time is never what a test judges
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("hedgecore")


def pytest_report_header() -> str:
    """The build under test, at the head of every run."""
    return "hedgecore: " + ", ".join(f"{key} {value}" for key, value in hc.build_config().items())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that measure this process come first: results that fall into holes of a used heap do not show as they are."""
    items.sort(key=lambda item: item.get_closest_marker("resident") is None)


@pytest.fixture
def notes(record_property: Callable[[str, object], None]) -> Iterator[list[str]]:
    """Lines for the end of the run: what passes and yet asks for attention."""
    lines: list[str] = []
    yield lines
    for line in lines:
        record_property("note", line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The notes, which came with the reports of the tests, from whatever process ran them."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    notes = [
        str(value)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "teardown"
        for name, value in report.user_properties
        if name == "note"
    ]
    if notes:
        terminalreporter.section("notes")
        terminalreporter.write_line("\n".join(notes))


def shared_folder() -> Path | None:
    """The folder of shared references and market data, if this machine has it."""
    named = os.environ.get("HEDGECORE_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared references and market data; they are not part of the repository."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("needs the folder of shared references and market data (HEDGECORE_SHARED)")
    return folder


def reference_rows(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of one reference file."""
    import csv

    with (folder / "reference" / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def quarter_file(shared: Path) -> Path:
    """A quarter of six-hourly chains of BTC and ETH: 355 snapshots, 563,174 rows."""
    return shared / "data/chains/deribit_btc_eth_6h_20260101_20260331.parquet"


@pytest.fixture(scope="session")
def crash_file(shared: Path) -> Path:
    """One raw snapshot, in the fall of 2026-02-05."""
    return shared / "data/chains/raw/deribit_options_snapshot_20260205T155132Z.csv.gz"


@pytest.fixture(scope="session")
def demo_frame() -> pl.DataFrame:
    """The demo chain in the layout of the raw CSV."""
    pytest.importorskip("polars")
    from hedgecore.demo import demo_chain

    return demo_chain()


@pytest.fixture
def chain_file(demo_frame: pl.DataFrame, tmp_path: Path) -> Callable[..., Path]:
    """Write ten rows of the demo chain to a CSV, with some cells replaced, and return its path.

    ``chain_file({(3, "strike"): "abc"})`` puts abc into the strike of row 3 (the first is row 1).
    """
    import polars as pl

    def write(cells: dict[tuple[int, str], Any] | None = None, rows: int = 10) -> Path:
        table = demo_frame.head(rows).cast(pl.String).to_dict(as_series=False)
        for (row, column), value in (cells or {}).items():
            table[column][row - 1] = value
        path = tmp_path / "chain.csv"
        pl.DataFrame(table).write_csv(path)
        return path

    return write


DEPTH_STREAMS = {"spot": "spot_btcusdt", "usdm": "usdm_btcusdt", "cm": "cm_btcusd_perp"}


def depth_stream(folder: Path, market: str) -> Path:
    """A capture of a market of Binance: the same 345 s of three."""
    return folder / f"data/depth/binance_{DEPTH_STREAMS[market]}_20240808_2354_2359.gz"


@pytest.fixture(scope="session")
def depth_tables(shared: Path) -> Callable[[str], Any]:
    """What the captures of :data:`DEPTH_STREAMS` hold, each read once."""
    pytest.importorskip("polars", reason="readers need the extra data")
    from hedgecore import venues

    read: dict[str, Any] = {}

    def table(market: str) -> Any:
        if market not in read:
            read[market] = venues.read(depth_stream(shared, market))
        return read[market]

    return table


@pytest.fixture
def highs() -> None:
    """Skip where the solvers are not installed."""
    pytest.importorskip("highspy", reason="the solvers need the extra optimise")
