"""``hedgecore backtest``: what it prints and writes is the library's; a folder of results is whole or not there, and can be repeated."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import inspect
import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")
pytest.importorskip("plotly")

from backtest_data import write_files
from commands import check_page, error_of, run, without_library
from conftest import ROOT
from hedgecore import backtest as bk
from hedgecore import hedging as hg
from hedgecore import venues
from hedgecore.backtest import strategies
from hedgecore.backtest.config import catalogue, default_text, read_setup, setup_of
from hedgecore.backtest.data import DataFiles
from hedgecore.backtest.schema import schema
from hedgecore.report import files
from hedgecore.toml import ConfigError

TEXT = """
title = "straddles"

[data]
base = "BTC"
chains = "chains.parquet"
bars = "bars.csv"

[strategy]
type = "straddle"

[fills]
size = 5
fee_factor = 2

[costs]
fee = 5e-4

[scorecard]
reference = "clock"
samples = 200

[policies.clock]
type = "Clock"
every = 6

[policies.band]
type = "DeltaBand"
width = [0.05, 0.1]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backtest")
    write_files(folder)
    (folder / "a.toml").write_text(TEXT)
    return folder


@pytest.fixture(scope="module")
def results(made: Path) -> Path:
    """The folder of a run."""
    done = run("backtest", made / "a.toml", "--out", made / "results")
    assert done.exit_code == 0, done.stderr
    return made / "results"


def expected(made: Path, **changed: Any) -> bk.Backtest:
    tape = bk.Tape.of("BTC", venues.read(made / "chains.parquet"), bars=venues.read(made / "bars.csv"))  # fmt: skip
    policies = {"clock": hg.Clock(every=6), "band": [hg.DeltaBand(width=0.05), hg.DeltaBand(width=0.1)]}  # fmt: skip
    given = {"fills": bk.Fills(size=5, fee_factor=2), "costs": hg.Costs(fee=5e-4)} | changed
    return bk.run(tape, bk.straddle(), policies, **given)


class TestOutput:
    def test_the_tables_are_the_library_s(self, made: Path, results: Path) -> None:
        test = expected(made)
        assert test.names == ("clock", "band #1", "band #2")
        assert test.run.families == ("clock", "band", "band")
        steps = pl.read_parquet(results / "steps.parquet")
        assert steps["pnl"].to_list() == test.pnl.ravel().tolist()
        lines = [f"pnl_{name}" for name in bk.LINES]
        np.testing.assert_allclose(steps.select(pl.sum_horizontal(lines)).to_series(), test.pnl.ravel(), atol=1e-9)  # fmt: skip
        np.testing.assert_allclose(steps["delta"], (test.carried.exposure["delta"] + test.held).ravel())  # fmt: skip
        ledger = pl.read_parquet(results / "ledger.parquet")
        sums = ledger.group_by("policy").agg(pl.col("usd").sum())
        for policy, usd in sums.iter_rows():
            end = test.equity()[test.run.index(policy), -1] - test.carried.value[-1]
            assert usd == pytest.approx(end, abs=1e-8)
        options = pl.read_parquet(results / "options.parquet")
        assert options.filter(pl.col("what") == "trade").height == len(test.carried.trades["step"])
        card = pl.read_parquet(results / "scorecard.parquet")
        assert card["std"].to_list() == bk.scorecard(test, "clock", samples=200)["std"].tolist()
        assert sorted(path.name for path in results.iterdir()) == [
            "config.toml", "frontier.parquet", "ledger.parquet", "manifest.json", "options.parquet", "scorecard.parquet", "steps.parquet",
        ]  # fmt: skip

    def test_options_are_keys(self, made: Path, tmp_path: Path) -> None:
        done = run(
            "backtest", made / "a.toml", "--fee", 0.001, "--latency", 1, "--end", "2026-01-15T08:00", "--stress", "--set", "strategy.days=14",
            "--json", tmp_path / "a.json", "--csv", "-",
        )  # fmt: skip
        assert done.exit_code == 0, done.stderr
        rows = list(csv.DictReader(done.stdout.splitlines()))
        read = json.loads((tmp_path / "a.json").read_text())
        setup = setup_of(read["setting"]["configuration"], None, made)
        assert setup.arguments["costs"].fee == 0.001
        assert setup.arguments["execution"].latency == 1
        assert setup.arguments["strategy"].days == 14
        outcome = setup.run()
        assert [float(row["pnl"]) for row in rows] == outcome.card["pnl"].tolist()
        assert set(read["stress"]) == {"as it is", "spreads x 2", "fees x 2", "1 step late", "2 steps late"}  # fmt: skip
        late = read["stress"]["2 steps late"]["clock"]["std"]
        assert late == pytest.approx(bk.daily(outcome.stressed["2 steps late"])[0].std(ddof=1))
        assert read["events"]["fills"]["fills without a quoted size"] == 2

    def test_the_page_is_whole(self, made: Path, tmp_path: Path) -> None:
        assert run("backtest", made / "a.toml", "--html", tmp_path / "a.html").exit_code == 0
        page = without_library((tmp_path / "a.html").read_text())
        figures = check_page(page)
        assert set(figures) == {
            *(f"equity-{k}" for k in (1, 2, 3, 4)), "scorecard-1", "frontier-1", *(f"exposure-{k}" for k in (1, 2, 3, 4)), "attribution-1",
        }  # fmt: skip
        assert all(len(figures[f"equity-{k}"]["data"]) == 3 for k in (1, 2, 3, 4))
        test = expected(made)
        fall = figures["attribution-1"]["data"][0]
        assert fall["y"][-1] == pytest.approx(test.pnl[0].sum(), rel=1e-5)
        assert sum(fall["y"][:-1]) == pytest.approx(fall["y"][-1], rel=1e-4)
        for text in (
            "The worst 5 days of each policy", "Trades and settlements of options", "Fills of the hedge, clock", "What was counted",
            "fills without a quoted size", "fee_factor = 2", "chains.parquet", "Margin is not in the scorecard",
        ):  # fmt: skip
            assert text in page

    def test_tables(self, made: Path) -> None:
        done = run("backtest", made / "a.toml")
        assert done.exit_code == 0, done.stderr
        for text in ("Backtest of straddles", "Scorecard, USD", "What made the P&L, USD", "bid missing or not positive", "band #2"):  # fmt: skip
            assert text in done.stdout
        assert "backtest, 3 policies: " in done.stderr

    def test_help_has_the_schema(self) -> None:
        done = run("backtest", "--help")
        assert done.exit_code == 0
        for text in ("--repeat", "[data]", "chains: text | list of text", "OpenInterestShare", "DeltaBand  width: number", "FeeSchedule"):  # fmt: skip
            assert text in done.stdout


class TestRepeat:
    def test_it_is_the_same(self, results: Path) -> None:
        done = run("backtest", "--repeat", results)
        assert done.exit_code == 0, done.stderr
        assert "The same to the bit" in done.stdout

    def test_elsewhere(self, made: Path, results: Path, tmp_path: Path) -> None:
        for name in ("chains.parquet", "bars.csv"):
            shutil.copy(made / name, tmp_path / name)
        shutil.copytree(results, tmp_path / "results")
        document = json.loads((tmp_path / "results/manifest.json").read_text())
        document["folder"] = "/none"
        (tmp_path / "results/manifest.json").write_text(json.dumps(document))
        done = run("backtest", "--repeat", tmp_path / "results")
        assert done.exit_code == 1
        assert "is not there" in error_of(done)
        assert run("backtest", "--repeat", tmp_path / "results", "--data", tmp_path).exit_code == 0
        bars = (tmp_path / "bars.csv").read_text()
        (tmp_path / "bars.csv").write_text(bars[:-2] + "9\n")
        done = run("backtest", "--repeat", tmp_path / "results", "--data", tmp_path)
        assert "bars.csv is not the file that was read" in error_of(done)

    def test_what_differs_is_named(self, results: Path, tmp_path: Path) -> None:
        shutil.copytree(results, tmp_path / "a")
        with (tmp_path / "a/steps.parquet").open("ab") as file:
            file.write(b" ")
        assert "steps.parquet is not the file that was written" in error_of(run("backtest", "--repeat", tmp_path / "a"))  # fmt: skip
        shutil.copytree(results, tmp_path / "b")
        document = json.loads((tmp_path / "b/manifest.json").read_text())
        document["columns"]["steps"]["held"] = "0" * 64
        (tmp_path / "b/manifest.json").write_text(json.dumps(document))
        assert "steps.held is not what it was" in error_of(run("backtest", "--repeat", tmp_path / "b"))  # fmt: skip
        (tmp_path / "b/manifest.json").write_text('{"hedgecore": "0"}')
        assert "has no build" in error_of(run("backtest", "--repeat", tmp_path / "b"))
        (tmp_path / "b/manifest.json").unlink()
        assert "is no folder of a backtest" in error_of(run("backtest", "--repeat", tmp_path / "b"))


class TestInterruption:
    @pytest.mark.parametrize("when", ["steps", "ledger", "manifest"])
    def test_a_folder_is_whole_or_not_there(
        self, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
    ) -> None:
        """A signal while a file is written: neither the folder nor a part of it is left, and the next run writes all of it."""
        real = files.replacing

        def replacing(path: Any) -> Any:
            if Path(path).stem == when:
                signal.raise_signal(signal.SIGINT)
            return real(path)

        monkeypatch.setattr(files, "replacing", replacing)
        done = run("backtest", made / "a.toml", "--out", tmp_path / "results")
        assert done.exit_code == 130
        assert list(tmp_path.iterdir()) == []
        monkeypatch.setattr(files, "replacing", real)
        assert run("backtest", made / "a.toml", "--out", tmp_path / "results").exit_code == 0
        assert run("backtest", "--repeat", tmp_path / "results").exit_code == 0

    def test_between_two_snapshots(
        self, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, seen = strategies.Roll.orders, []

        def orders(self: Any, known: bk.Tape, held: Any) -> Any:
            seen.append(len(known))
            if len(seen) == 3:
                signal.raise_signal(signal.SIGINT)
            return real(self, known, held)

        monkeypatch.setattr(strategies.Roll, "orders", orders)
        done = run("backtest", made / "a.toml", "--out", tmp_path / "results", "--csv", tmp_path / "a.csv")  # fmt: skip
        assert done.exit_code == 130
        assert len(seen) == 3
        assert "interrupted" in done.stderr
        assert list(tmp_path.iterdir()) == []


class TestConfiguration:
    def test_every_strategy_and_what_it_takes(self) -> None:
        known = catalogue().of(strategies.Strategy)
        assert set(known) == set(strategies.__all__) - {"Leg", "Strategy"} | {"MarketMaker"}
        text = TEXT.replace('type = "straddle"', 'type = "Roll"\nlegs = [{kind = "call", delta = 0.2}, {kind = "put", ratio = -2}]')  # fmt: skip
        roll = setup_of(text).arguments["strategy"]
        assert roll == bk.Roll([bk.Leg("call", delta=0.2), bk.Leg("put", -2.0)])
        held = setup_of(TEXT.replace('type = "straddle"', 'type = "Positions"\nquantity = {"BTC-8JAN26-80000-C" = -1}'))  # fmt: skip
        assert held.arguments["strategy"].quantity == {"BTC-8JAN26-80000-C": -1}

    def test_a_fee_schedule(self) -> None:
        fees = "[fills.fees]\nas_of = 2026-01-14\n" + "".join(
            f"{name} = {[1e-4, 2e-4] if 'future' in name or 'option' in name else 0.1}\n"
            for name in ("inverse_future", "inverse_weekly_future", "linear_future", "inverse_option", "linear_option")
        ) + "option_cap = 0.1\noption_delivery = 0\noption_delivery_cap = 0\nfuture_delivery = 0\nweekly_future_delivery = 0\n"  # fmt: skip
        setup = setup_of(TEXT + fees)
        assert setup.arguments["fills"].fee_of(1, 0.05) == pytest.approx(4e-4)
        assert setup_of(setup.text).arguments["fills"] == setup.arguments["fills"]
        with pytest.raises(ConfigError, match=r"fills.fees.as_of must be a day like 2026-01-14"):
            setup_of(TEXT + fees.replace("2026-01-14", '"soon"'))

    def test_the_template_is_one(self) -> None:
        setup = setup_of(default_text())
        assert setup.policies == 18
        assert isinstance(setup.arguments["strategy"], bk.Roll)

    def test_the_schema_names_every_argument(self) -> None:
        text = schema()
        for name in (*inspect.signature(bk.Fills).parameters, *inspect.signature(bk.OpenInterestShare).parameters, "future_days", "reference"):  # fmt: skip
            assert f"{name}: " in text

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"data.chain": "a"}, "data.chain is unknown; the nearest is chains"),
            ({"data.chains": "none.parquet"}, "there is no file"),
            ({"data.chains": "none*.parquet"}, "there is no file like"),
            ({"data.future": "BTC-27MAR26"}, "must not be given without a file futures"),
            ({"strategy.type": "stradle"}, "strategy.type = 'stradle' is unknown; the nearest is straddle"),
            ({"strategy.days": "soon"}, "strategy.days must be a number"),
            ({"fills.fee_factor": -1}, "fills.fee_factor = -1.0 must be zero or positive"),
            ({"scorecard.reference": "clok"}, "scorecard.reference = 'clok' is unknown; the nearest is clock"),
            ({"scorecard.sample": 3}, "scorecard.sample is unknown; the nearest is samples"),
            ({"run.numeraire": "eur"}, "run.numeraire must be 'quote' or 'coin'"),
            ({"run.seed": 1}, "run.seed is unknown"),
            ({"polices": {}}, "polices is unknown; the nearest is policies"),
            ({"run.stress": 1}, "run.stress must be true or false"),
            ({"policies.band.width": [0.1, -1]}, "policies.band.width = -1.0 must be zero or positive"),
        ],
    )  # fmt: skip
    def test_errors_name_the_key(self, made: Path, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError if "no file" not in message else ValueError) as error:
            read_setup(made / "a.toml", changes).run()
        assert message in str(error.value)

    @pytest.mark.parametrize(
        ("arguments", "message", "status"),
        [
            ([], "say a configuration or --repeat", 2),
            (["a.toml", "--repeat", "."], "one of them", 2),
            (["a.toml", "--out", "."], "is there already", 1),
            (["a.toml", "--out", "none/results"], "no such folder", 1),
            (["--repeat", ".", "--fee", "0.1"], "--repeat takes nothing", 2),
            (["a.toml", "--html", "-"], "only JSON and CSV go to the output", 2),
            (["a.toml", "--set", "fills"], "--set", 2),
            (["a.toml", "--end", "2026-01-01T09:00"], "fewer than two steps", 1),
        ],
    )  # fmt: skip
    def test_of_the_command(
        self, made: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str, status: int
    ) -> None:  # fmt: skip
        monkeypatch.chdir(made)
        done = run("backtest", *arguments)
        assert done.exit_code == status
        assert message in error_of(done)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("backtest_*.toml")), ids=lambda p: p.stem)  # fmt: skip
def test_examples(path: Path) -> None:
    """They say what they need; below they run on the real data."""
    setup = read_setup(path)
    assert setup.policies > 10
    assert setup.scorecard["reference"] in setup.families
    with pytest.raises(ValueError, match="there is no file"):
        setup.run()


def test_the_market_maker_of_the_page(shared: Path) -> None:
    """What docs/backtest.md says of examples/backtest_market_maker.toml."""
    setup = read_setup(ROOT / "examples" / "backtest_market_maker.toml")
    outcome = dataclasses.replace(setup, folder=shared / "data").run()
    card, trades = outcome.card, outcome.test.carried.trades
    assert len(trades["step"]) == 1397
    assert [round(outcome.test.lines[name][0].sum()) for name in ("edge", "option_fees")] == [
        73_663,
        -45_233,
    ]
    row = card["policy"].tolist().index
    assert [round(card["std"][row(name)]) for name in ("never", "clock #1", "band #4")] == [32_740, 8_210, 8_876]  # fmt: skip
    assert [round(card["cost"][row(name)]) for name in ("clock #1", "band #4")] == [76_709, 43_788]
    assert [round(card[f"pnl_{side}"][row("band #4")]) for side in ("low", "high")] == [-82_419, 196_271]  # fmt: skip
    table = bk.equal_cost(outcome.test)
    assert round(table["cost"][0]) == 39_859
    np.testing.assert_allclose([table[f"ratio{end}"][0] for end in ("", "_low", "_high")], [1.10, 1.03, 1.24], atol=0.006)  # fmt: skip


def test_the_crash_of_the_page(shared: Path) -> None:
    """What docs/backtest.md says of examples/backtest_of_a_crash.toml."""
    setup = read_setup(ROOT / "examples" / "backtest_of_a_crash.toml")
    outcome = dataclasses.replace(setup, folder=shared / "data").run()
    test, card = outcome.test, outcome.card
    assert (len(test.tape), len(test.tape.snapshots)) == (10_081, 841)
    assert {str(found.name) for found in test.tape.found} == set()
    row = card["policy"].tolist().index
    for name, std, cost in (
        ("clock #1", 435, 5788),
        ("clock #3", 372, 1812),
        ("each day", 1209, 511),
    ):
        assert (round(card["std"][row(name)]), round(card["cost"][row(name)])) == (std, cost)
    table = bk.equal_cost(test)
    at = slice(3, 6)
    assert table["family"][at].tolist() == ["clock", "band", "price move"]
    assert [round(x) for x in table["cost"][at]] == [1332] * 3
    assert [round(x) for x in table["std"][at]] == [412, 463, 439]
    np.testing.assert_allclose(table["ratio_low"][at][1:], [0.79, 0.80], atol=0.006)
    np.testing.assert_allclose(table["ratio_high"][at][1:], [1.50, 1.37], atol=0.006)


def test_the_families_of_the_page(shared: Path) -> None:
    """What docs/backtest.md says of examples/backtest_of_straddles.toml: families at equal cost, and dated futures."""
    file = ROOT / "examples" / "backtest_of_straddles.toml"
    ether = {"data.base": "ETH", "data.bars": "prices/ETHUSDT_1h_20240416_20260416.csv.gz"}
    for changes, cost, families in (
        ({}, 2003, {"band": (374, 1, 1), "Zakamouline": (387, 0.97, 1.09), "auto hedger": (393, 0.98, 1.10), "clock": (529, 1.24, 1.61)}),
        (ether, 43, {"band": (20, 1, 1), "Zakamouline": (20, 0.91, 1.16), "auto hedger": (20, 0.97, 1.06)}),
    ):  # fmt: skip
        outcome = dataclasses.replace(read_setup(file, changes), folder=shared / "data").run()
        table = bk.equal_cost(outcome.test)
        rows = np.flatnonzero(np.round(table["cost"]) == cost)
        assert {table["family"][k] for k in rows} == set(families)
        for k in rows:
            std, low, high = families[table["family"][k]]
            assert round(table["std"][k]) == std
            np.testing.assert_allclose([table["ratio_low"][k], table["ratio_high"][k]], [low, high], atol=0.006)  # fmt: skip
    text = (
        file.read_text()
        .replace("perpetual = ", "futures = ")
        .replace("perpetual_futures_prices", "term_futures_marks")
    )
    for changes, rolls, std in (({}, 3, 330), ({"data.future": "BTC-26JUN26"}, 0, 633)):
        outcome = setup_of(text, changes, shared / "data").run()
        assert outcome.test.futures is not None
        assert len(outcome.test.futures.rolls) == rolls
        assert outcome.card["std"][outcome.card["policy"] == "clock #1"] == pytest.approx(
            std, abs=0.6
        )
        assert outcome.test.reconcile() < 1e-12


@pytest.mark.parametrize("name", ["chains.parquet", "bars.csv.gz"])
def test_a_file_that_is_cut_off_ends_the_run(name: str, tmp_path: Path) -> None:
    write_files(tmp_path)
    bars = tmp_path / "bars.csv"
    (tmp_path / "bars.csv.gz").write_bytes(gzip.compress(bars.read_bytes()))
    files_read = DataFiles(base="BTC", chains="chains.parquet", bars="bars.csv.gz")
    assert len(files_read.read(tmp_path)[0]) > 400
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(venues.DataError, match=name):
        files_read.read(tmp_path)
    text = TEXT.replace("bars.csv", "bars.csv.gz")
    (tmp_path / "a.toml").write_text(text)
    assert name in error_of(run("backtest", tmp_path / "a.toml", "--out", tmp_path / "results"))
    assert not (tmp_path / "results").exists()
