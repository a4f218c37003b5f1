"""The command: what it prints and writes, and how it fails."""

from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")
pytest.importorskip("rich")
pytest.importorskip("plotly")

from typer.testing import CliRunner

import hedgecore as hc
from commands import python, run
from hedgecore import demo, venues
from hedgecore.chain import implied, open_interest
from hedgecore.cli import app
from hedgecore.limits import read_limits
from hedgecore.risk import MEASURES
from hedgecore.tails import EPISODES

ChainFile = Callable[..., Path]

BOOK = "instrument,quantity,entry_price\nBTC-11JUN26-92000-C,-5,\nBTC-PERPETUAL,100000,90000\nUSDC,500,\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Chain, positions and limits of the demonstration."""
    return demo.write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def expected(files: tuple[Path, Path, Path]) -> Any:
    """The risk of the demonstration by the library."""
    chain, positions, _ = files
    market = hc.Market.from_quotes(venues.read(chain))
    return hc.Book.from_csv(positions).risk(market, strikes=True)


def positions_file(folder: Path, text: str = BOOK) -> Path:
    path = folder / "positions.csv"
    path.write_text(text)
    return path


class TestRisk:
    def test_open_interest_is_the_book(self, crash_file: Path) -> None:
        done = run("risk", crash_file)
        assert done.exit_code == 0
        for text in (
            *(
                "BTC by expiry",
                "ETH by expiry",
                "2026-03-27",
                "Black delta",
                "BTC/1 %",
                "bid missing",
            ),
            *("1548 of 1548 instruments valued.", "2026-02-05 15:51:32 UTC", "BTC 67,985 USD"),
        ):
            assert text in done.stdout
        assert "checks found nothing: line short" in done.stdout
        assert "limit" not in done.stdout
        assert "valued 1,548 instruments" in done.stderr
        assert "valued 1,548 instruments" not in done.stdout

    @pytest.mark.parametrize("by", ["underlying", "expiry", "strike"])
    def test_csv_has_the_table(
        self, files: tuple[Path, Path, Path], expected: Any, tmp_path: Path, by: Any
    ) -> None:
        chain, positions, _ = files
        out = tmp_path / "risk.csv"
        done = run("risk", chain, "--positions", positions, "--by", by, "--csv", out)
        assert done.exit_code == 0
        table = expected.table(by)
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == list(table)
        assert len(rows) == len(table["underlying"])
        for name in MEASURES:  # written so that they read back the same
            assert [float(row[name]) for row in rows] == table[name].tolist()
        if by != "underlying":
            assert {"2026-06-12T08:00:00Z", ""} <= {row["expiry_time"] for row in rows}
        if by == "strike":
            assert re.search(r"^2026-06-12 +92,000 +2 +-1\.351 ", done.stdout, re.MULTILINE)

    def test_json(self, files: tuple[Path, Path, Path], expected: Any, tmp_path: Path) -> None:
        chain, positions, limits = files
        out = tmp_path / "risk.json"
        done = run("risk", chain, "--positions", positions, "--limits", limits, "--json", out)
        assert done.exit_code == 3
        found = json.loads(out.read_text(), parse_constant=lambda name: pytest.fail(name))
        assert found["hedgecore"] == hc.__version__
        assert found["time"] == "2026-06-10T13:30:12Z"
        assert found["totals"] == expected.total
        assert found["total_usd"] == expected.total_usd
        assert set(found["units"]) == set(MEASURES)
        assert len(found["by_expiry"]) == len(expected.table("expiry")["underlying"])
        assert len(found["positions"]) == len(demo.POSITIONS)
        for base in ("BTC", "ETH"):
            for by in ("by_expiry", "by_strike", "positions"):
                total = sum(r["vega_usd"] for r in found[by] if r["underlying"] == base)
                assert total == pytest.approx(expected.total[base]["vega_usd"], rel=1e-9)
        assert found["completeness"]["valued"] == len(demo.POSITIONS)
        breaches = expected.check(read_limits(limits))
        assert [b["excess"] for b in found["breaches"]] == [b.excess for b in breaches]
        assert {d["name"] for d in found["defects"]} >= {"bid missing", "time to maturity off"}
        assert "name unknown" in found["checks_passed"]
        assert any("valued at the index" in remark for remark in found["remarks"])

    def test_all_files_at_once(self, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
        chain, positions, _ = files
        names = {
            "--json": "a.json",
            "--csv": "b.csv",
            "--positions-csv": "c.csv",
            "--html": "d.html",
        }
        options = [part for option, name in names.items() for part in (option, tmp_path / name)]
        done = run("risk", chain, "--positions", positions, "--threads", 1, *options)
        assert done.exit_code == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names.values())
        assert (tmp_path / "d.html").read_text().startswith("<!doctype html>")
        rows = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
        held = {row["instrument"]: float(row["quantity"]) for row in rows}
        assert held == {name: quantity for name, quantity, _ in demo.POSITIONS}

    def test_to_the_output(self, files: tuple[Path, Path, Path]) -> None:
        chain, positions, _ = files
        done = run("risk", chain, "--positions", positions, "--json", "-")
        assert json.loads(done.stdout)["book"] == "positions.csv"
        done = run("risk", chain, "--positions", positions, "--csv", "-", "--by", "underlying")
        assert [line.split(",")[0] for line in done.stdout.splitlines()] == [
            *("underlying", "BTC", "ETH", "USDC")
        ]

    def test_a_breach_is_no_failure(self, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
        chain, positions, limits = files
        html = tmp_path / "report.html"
        done = run("risk", chain, "--positions", positions, "--limits", limits, "--html", html)
        assert done.exit_code == 3
        assert "2 limits breached" in done.stdout
        assert "BTC-12JUN26-92000-C" in done.stdout
        assert done.stderr.splitlines()[-1] == "hedgecore: 2 limits breached"
        assert html.exists()

    def test_limits_that_are_kept(self, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
        chain, positions, _ = files
        limits = tmp_path / "limits.toml"
        limits.write_text("[BTC]\nnet_delta = 1_000\n")
        done = run("risk", chain, "--positions", positions, "--limits", limits)
        assert done.exit_code == 0
        assert "All limits kept." in done.stdout

    def test_what_is_left_out_is_said(self, files: tuple[Path, Path, Path], tmp_path: Path) -> None:
        path = positions_file(tmp_path, BOOK + "SOL_USDC-PERPETUAL,5,\nBTC-11JUN26-1-C,1,\n")
        done = run("risk", files[0], "--positions", path)
        assert done.exit_code == 0
        assert "3 of 5 instruments valued; left out: 1 without quote, 1 without vol" in done.stdout
        assert "No index, forward or price, not in the totals: SOL_USDC-PERPETUAL." in done.stdout
        assert "No quotes of BTC-PERPETUAL: valued at the index." in done.stdout

    def test_positions_of_the_exchange(self, files: tuple[Path, Path, Path], shared: Path) -> None:
        path = shared / "data/messages/deribit_json/http_get_positions.json"
        done = run("risk", files[0], "--positions", path, "--json", "-")
        found = json.loads(done.stdout)
        assert [p["instrument"] for p in found["positions"]] == ["BTC-PERPETUAL"]
        index = found["index"]["BTC"]
        assert found["totals"]["BTC"]["net_delta"] == pytest.approx(50 / index)
        profit = 50 * (1 / 7440.18 - 1 / index)
        assert found["totals"]["BTC"]["value_coin"] == pytest.approx(profit, rel=1e-9)

    def test_vols(self, crash_file: Path) -> None:
        totals = [
            json.loads(run("risk", crash_file, "--vols", vols, "--json", "-").stdout)["totals"]
            for vols in ("mark", "venue")
        ]
        mark, venue = (total["BTC"]["vega_usd"] for total in totals)
        assert mark != venue
        assert mark == pytest.approx(venue, rel=0.01)

    def test_a_time_in_a_quarter(self, quarter_file: Path, crash_file: Path) -> None:
        done = run("risk", quarter_file, "--at", "2026-02-05T16:00", "--json", "-")
        found = json.loads(done.stdout)
        assert found["time"] == "2026-02-05T15:51:32Z"
        table = venues.read(crash_file)
        total = open_interest(table).risk(hc.Market.from_quotes(table)).total
        for base, measures in found["totals"].items():
            for name, value in measures.items():
                assert value == pytest.approx(total[base][name], rel=1e-9, abs=1e-9)


class TestIv:
    def test_tables(self, crash_file: Path) -> None:
        done = run("iv", crash_file)
        assert done.exit_code == 0
        for text in (
            "BTC, inverse options",
            "ETH, inverse options",
            "2026-03-27",
            "parity",
            "ATM %",
        ):
            assert text in done.stdout
        assert "1,782 rows of options in 1 snapshot" in done.stdout
        assert "bid below intrinsic" in done.stdout

    def test_files_hold_every_row(self, crash_file: Path, tmp_path: Path) -> None:
        sheet, parquet = tmp_path / "iv.csv", tmp_path / "iv.parquet"
        assert run("iv", crash_file, "--csv", sheet, "--parquet", parquet).exit_code == 0
        frame = implied(venues.read(crash_file)).frame
        assert pl.read_parquet(parquet).equals(frame)
        read = pl.read_csv(sheet, infer_schema_length=None)
        assert read.columns == frame.columns
        for name in ("implied_mark", "model_vega", "strike"):
            assert read[name].equals(frame[name])
        assert read["timestamp"][0] == "2026-02-05T15:51:32.535650+00:00"
        assert len(list(tmp_path.iterdir())) == 2

    def test_the_whole_quarter(self, quarter_file: Path, tmp_path: Path) -> None:
        out = tmp_path / "iv.parquet"
        done = run("iv", quarter_file, "--at", "2026-02-05T16:00", "--parquet", out)
        assert done.exit_code == 0
        assert "563,174 rows of options in 355 snapshots" in done.stdout
        assert "Shown: the snapshot of 2026-02-05 15:51:32 UTC" in done.stdout
        assert pl.scan_parquet(out).select(pl.len()).collect().item() == 563_174

    def test_no_options(self, shared: Path) -> None:
        futures = shared / "data/chains/ticker_daily/deribit_btc_futures_20260114.csv.gz"
        done = run("iv", futures)
        assert done.exit_code == 1
        assert done.stderr.endswith("no options in this file\n")


class TestInspect:
    def test_a_chain(self, crash_file: Path) -> None:
        done = run("inspect", crash_file)
        assert done.exit_code == 0
        for text in (
            "Deribit six-hourly chain",
            "1,782 rows, 2026-02-05 15:51 to 2026-02-05 15:51 UTC, 1 snapshot",
            "1,782 instruments on BTC, ETH (option), 12 expiries",
            "bid float64 530 29.74 % 0.0001",
            "Columns of quotes (empty: last,",
            "row 4 BTC-27MAR26-230000-C",
        ):
            assert text in " ".join(done.stdout.split())

    def test_messages_of_several_kinds(self, shared: Path) -> None:
        done = run("inspect", shared / "data/messages/deribit_ws_capture_20210722.txt.gz")
        assert done.exit_code == 0
        assert "Columns of quotes" in done.stdout
        assert "Columns of books" in done.stdout

    def test_what_is_no_market_data(self, tmp_path: Path) -> None:
        path = tmp_path / "notes.csv"
        path.write_text("a,b\n1,2\n")
        done = run("inspect", path)
        assert done.exit_code == 1
        assert done.stderr == f"hedgecore: {path}: a table of no known format; its columns: a, b\n"


class TestFailures:
    def test_a_file_that_is_no_chain(self, tmp_path: Path) -> None:
        path = tmp_path / "[bold]notes.csv"
        path.write_text("a,b\n1,2\n")
        done = run("risk", path, "--csv", tmp_path / "out.csv")
        assert done.exit_code == 1
        assert done.stderr.splitlines()[-1].startswith(
            f"hedgecore: {path}: a table of no known format"
        )
        assert "Traceback" not in done.stderr
        assert list(tmp_path.iterdir()) == [path]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "instrument,quantity\nBTC-PERPETUAL,ten\n",
                "line 2: quantity = 'ten' is not a number",
            ),
            (
                "instrument,quantity\nBTC-PERPETUAL,1\nBTC-X,2\n",
                "instrument in line 3: 'BTC-X' is not",
            ),
            ("instrument\nBTC-PERPETUAL\n", "a book needs a column 'quantity'"),
            ("instrument,quantity\nSOL_USDC-PERPETUAL,1\n", "nothing can be valued"),
            ('{"jsonrpc": "2.0"}', "no known format"),
            ("", "no positions"),
        ],
    )
    def test_positions(
        self, files: tuple[Path, Path, Path], tmp_path: Path, text: str, message: str
    ) -> None:
        path = positions_file(tmp_path, text)
        done = run("risk", files[0], "--positions", path)
        assert done.exit_code == 1
        line = done.stderr.splitlines()[-1]
        assert line.startswith(f"hedgecore: {path}: ")
        assert message in line

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[BTC]\ndelta = 1\n", "BTC.delta: no such measure"),
            ("[btc]\nnet_delta = 1\n", "did you mean 'BTC'?"),
            ("[BTC\n", "Expected ']'"),
        ],
    )
    def test_limits(
        self, files: tuple[Path, Path, Path], tmp_path: Path, text: str, message: str
    ) -> None:
        path = tmp_path / "limits.toml"
        path.write_text(text)
        done = run("risk", files[0], "--limits", path)
        assert done.exit_code == 1
        line = done.stderr.splitlines()[-1]
        assert line.startswith(f"hedgecore: {path}: ")
        assert message in line

    def test_no_open_interest(self, chain_file: ChainFile) -> None:
        cells = {(row, "open_interest"): "0" for row in range(1, 11)}
        done = run("risk", chain_file(cells))
        assert done.exit_code == 1
        assert "no open interest to be the book; give --positions" in done.stderr

    def test_a_folder_that_is_not_there(self, chain_file: ChainFile, tmp_path: Path) -> None:
        done = run("risk", chain_file(), "--csv", tmp_path / "nowhere" / "risk.csv")
        assert done.exit_code == 1
        assert "no such folder to write risk.csv to" in done.stderr.splitlines()[-1]

    def test_inputs_are_not_overwritten(self, files: tuple[Path, Path, Path]) -> None:
        chain, positions, limits = files
        before = [path.read_bytes() for path in files]
        for path in files:
            done = run(
                *("risk", chain, "--positions", positions, "--limits", limits),
                *("--csv", path.parent / ".." / path.parent.name / path.name),
            )
            assert done.exit_code == 2
        assert run("iv", chain, "--parquet", chain).exit_code == 2
        assert [path.read_bytes() for path in files] == before

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--at", "noon"], "ISO 8601"),
            (["--at", "2020-01-01"], "no quotes at or before"),
            (["--threads", "0"], "--threads"),
            (["--by", "coin"], "--by"),
            (["--csv", "a.csv", "--json", "a.csv"], "what --json writes"),
            (["--html", "-"], "only JSON and CSV"),
        ],
    )
    def test_wrong_usage(self, chain_file: ChainFile, arguments: list[str], message: str) -> None:
        done = run("risk", chain_file(), *arguments)
        assert done.exit_code == 2
        assert message in " ".join(done.stderr.replace("│", " ").split())

    def test_missing_file(self) -> None:
        done = run("risk", "no-such-chain.csv")
        assert done.exit_code == 2
        assert "no-such-chain.csv" in done.stderr

    def test_interrupt(
        self, chain_file: ChainFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C in the middle of writing: status 130, no traceback, nothing half-written."""
        path, target = chain_file(), tmp_path / "risk.csv"

        def interrupted(_frame: pl.DataFrame, file: Path, **_options: object) -> None:
            Path(file).write_text("half")
            raise KeyboardInterrupt

        monkeypatch.setattr(pl.DataFrame, "write_csv", interrupted)
        done = run("iv", path, "--csv", target)
        assert done.exit_code == 130
        assert done.stderr.splitlines()[-1] == "hedgecore: interrupted"
        assert list(tmp_path.iterdir()) == [path]

    def test_exit_codes_are_in_the_help(self) -> None:
        for command in ([], ["risk"]):
            text = " ".join(run(*command, "--help").stdout.split())
            assert "3 limits are breached" in text
            assert "130 interrupted" in text


class TestWidth:
    """On a terminal columns are left out rather than numbers cut."""

    @pytest.mark.parametrize("width", [40, 80, 100, 150])
    def test_no_number_is_cut(self, files: tuple[Path, Path, Path], width: int) -> None:
        from io import StringIO

        from rich.console import Console

        from hedgecore.tables import bucket_table, vol_tables, vols_by_expiry
        from hedgecore.terminal import print_table

        chain, positions, _ = files
        quotes = venues.read(chain)
        risk = hc.Book.from_csv(positions).risk(hc.Market.from_quotes(quotes), strikes=True)
        tables = [bucket_table(risk, coin, "strike") for coin in ("BTC", "ETH")]
        tables += vol_tables(vols_by_expiry(implied(quotes).frame))
        for table in tables:
            out = Console(file=StringIO(), width=width, force_terminal=False)
            left_out = print_table(out, table)
            lines = out.file.getvalue().splitlines()  # type: ignore[attr-defined]
            assert "…" not in "".join(lines)
            kept = [n for n, name in enumerate(table.names) if name not in left_out]
            body = [line.split() for line in lines]
            for line in table.lines:
                assert " ".join(line[n] for n in kept).split() in body
            if width >= 100:
                assert max(map(len, lines)) <= width
            if width == 150:
                assert not left_out


class TestDemo:
    def test_files_and_tables(self, tmp_path: Path) -> None:
        out = tmp_path / "new" / "demo"
        done = run("demo", "--out", out)
        assert done.exit_code == 0
        names = sorted(path.name for path in out.iterdir())
        assert names == [
            *("chain.csv", "hedging.html", "hedging.toml", "limits.toml", "positions.csv"),
            *("report.html", "scenarios.html", "surface.html"),
        ]
        assert "limits of the demonstration are breached, as they are meant to be" in done.stdout
        by_hand = [shlex.split(line) for line in done.stdout.splitlines()[-4:]]
        assert [words[:2] for words in by_hand] == [
            ["hedgecore", command] for command in ("simulate", "surface", "scenarios", "risk")
        ]
        for words in by_hand:  # the same by hand, where the breach is an exit status
            page = Path(words[-1])
            before = page.read_bytes()
            again = run(*words[1:])
            assert again.exit_code == (3 if words[1] == "risk" else 0)
            assert page.read_bytes() == before
        assert again.stdout in done.stdout
        frontier = done.stdout.split("Families at equal mean cost")[1].split("\n\n")[0]
        assert (
            len([s for s in frontier.splitlines() if s[:1].isalpha() and not s.endswith(".")]) == 11
        )  # and the head; sentences are remarks
        page = (out / "scenarios.html").read_text()
        assert all(f"{name} trough" in page for name in EPISODES)

    def test_twice_gives_the_same(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            assert run("demo", "--out", tmp_path / name).exit_code == 0
        for file in sorted(path.name for path in (tmp_path / "one").iterdir()):
            one, two = (tmp_path / name / file for name in ("one", "two"))
            assert one.read_bytes() == two.read_bytes()


def test_version() -> None:
    assert run("version").stdout == f"hedgecore {hc.__version__}\n"


class TestAsAProgram:
    def test_it_runs(self, files: tuple[Path, Path, Path]) -> None:
        chain, positions, limits = files
        done = python("-m", "hedgecore", "risk", str(chain), "--positions", str(positions),
                      "--limits", str(limits))  # fmt: skip
        assert done.returncode == 3
        assert "Totals by underlying" in done.stdout
        assert max(map(len, done.stdout.splitlines()[3:10])) > 100  # not squeezed into 80 columns

    def test_bad_input_is_one_line(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.csv"
        path.touch()
        done = python("-m", "hedgecore", "risk", str(path))
        assert done.returncode == 1
        assert done.stderr == f"hedgecore: {path}: the file is empty\n"

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
        done = python("-c", code)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("hedgecore: ")
        assert f'pip install "hedgecore[{extra}]"' in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("module", ["typer", "rich.table", "polars", "hedgecore.chain"])
    def test_interrupted_in_the_first_moments(self, module: str, crash_file: Path) -> None:
        """Ctrl-C while the program is still loading: the same status, no traceback."""
        code = (
            "import sys\n"
            "class Interrupt:\n"
            "    def find_spec(self, name, path=None, target=None):\n"
            f"        if name == {module!r}: raise KeyboardInterrupt\n"
            "sys.meta_path.insert(0, Interrupt())\n"
            f"sys.argv = ['hedgecore', 'risk', {str(crash_file)!r}]\n"
            "from hedgecore.cli import main; main()"
        )
        done = python("-c", code)
        assert done.returncode == 130
        assert done.stderr.splitlines()[-1] == "hedgecore: interrupted"
        assert "Traceback" not in done.stderr

    def test_a_reader_that_goes_away(self, crash_file: Path) -> None:
        done = subprocess.run(
            [
                "sh",
                "-c",
                f"'{sys.executable}' -m hedgecore risk '{crash_file}' --by strike | head -n 1",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.startswith("Risk of the open interest")
        assert "Traceback" not in done.stderr

    def test_the_package_alone_loads_no_extra(self) -> None:
        code = (
            "import sys, hedgecore, hedgecore.venues\n"
            "loaded = {'polars', 'typer', 'rich', 'plotly', 'jinja2', 'pandas'} & set(sys.modules)\n"
            "sys.exit(str(loaded) if loaded else 0)"
        )
        done = python("-c", code)
        assert done.returncode == 0, done.stderr


def test_risk_writes_every_row_of_the_chain(crash_file: Path, tmp_path: Path) -> None:
    """``risk --parquet`` holds what ``iv --parquet`` does."""
    by_risk, by_iv = tmp_path / "risk.parquet", tmp_path / "iv.parquet"
    for command, path in (("risk", by_risk), ("iv", by_iv)):
        done = CliRunner().invoke(app, [command, str(crash_file), "--parquet", str(path)])
        assert done.exit_code == 0, done.output
    frame = pl.read_parquet(by_risk)
    assert frame.equals(pl.read_parquet(by_iv))
    assert {"implied_bid", "implied_ask", "implied_mark", "model_delta", "vol_source"} <= set(
        frame.columns
    )


def test_futures_give_perpetuals_their_prices(shared: Path, tmp_path: Path) -> None:
    """Without their quotes perpetuals are valued at the index and futures at the forward."""
    folder = shared / "data" / "chains"
    chain = folder / "deribit_btc_eth_6h_20260101_20260331.parquet"
    positions = tmp_path / "positions.csv"
    positions.write_text("instrument,quantity\nBTC-PERPETUAL,100000\nBTC-27MAR26,-100000\n")
    command = ["risk", str(chain), "--at", "2026-02-05T16:00", "--positions", str(positions)]
    others = [
        f"--futures={folder / name}_20260101_20260331.csv.gz"
        for name in ("perpetual_futures_prices", "term_futures_marks")
    ]
    deltas = []
    for options in ([], others):
        done = CliRunner().invoke(app, [*command, *options, "--json", "-"])
        assert done.exit_code == 0, done.output
        text = done.stdout
        deltas.append(json.loads(text[text.index("{") :])["totals"])
    at_index, quoted = (total["BTC"]["net_delta"] for total in deltas)
    # a perpetual at the index has exactly N / index; the quotes of this minute are elsewhere
    assert at_index != quoted
    assert quoted == pytest.approx(at_index, abs=0.02)


def test_rows_of_iv_do_not_go_to_the_output(chain_file: Callable[..., Path]) -> None:
    done = CliRunner().invoke(app, ["iv", str(chain_file()), "--csv", "-"])
    assert done.exit_code == 2
    assert not Path("-").exists()
