"""Simulations out of configurations: what they give is the library's, every error names the key."""

from __future__ import annotations

import dataclasses
import inspect
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from conftest import ROOT
from hedgecore import hedging as hg
from hedgecore.hedging.config import (
    arguments,
    catalogue,
    default_text,
    read_simulation,
    simulation_of,
)
from hedgecore.hedging.policies import Policy
from hedgecore.hedging.schema import schema
from hedgecore.paths.models import Model
from hedgecore.toml import ConfigError, toml_of

TEXT = """
[run]
n_paths = 3000
steps = 60
seed = 4
drift = 0.1

[position]
strike = 100
expiry = "30/365"
vol = 0.6
quantity = -1

[paths]
type = "Kou"
vol = 0.5
intensity = 10
up_share = 0.4
up_rate = 20
down_rate = 20

[costs]
fee = 5e-4

[execution]
latency = {type = "geometric", mean = 1.5, least = 1}

[[policies]]
type = "Clock"
every = [2, 4, 8]

[[policies]]
name = "edge"
type = "DeltaBand"
width = {from = 0.02, to = 0.08, count = 3}

[[policies]]
type = "WhalleyWilmott"
risk_aversion = 1.0
to = 0.5
"""


def test_it_is_the_library_s_run() -> None:
    mine = simulation_of(TEXT).run()
    library = hg.sweep(
        hg.Option(strike=100, expiry=30 / 365, vol=0.6, quantity=-1),
        hc.paths.Kou(vol=0.5, intensity=10, up_share=0.4, up_rate=20, down_rate=20),
        {
            "Clock": [hg.Clock(every=k) for k in (2, 4, 8)],
            "edge": [hg.DeltaBand(width=w) for w in (0.02, 0.04, 0.08)],
            "WhalleyWilmott 0.5": [hg.WhalleyWilmott(risk_aversion=1.0, to=0.5)],
        },
        n_paths=3000,
        steps=60,
        seed=4,
        drift=0.1,
        costs=hg.Costs(fee=5e-4),
        execution=hg.Execution(latency=hg.geometric(1.5, 1)),
    )
    assert mine.names == library.names
    assert mine.families == library.families
    np.testing.assert_allclose(mine.pnl, library.pnl, rtol=1e-11, atol=1e-11)  # widths to an ulp
    assert (mine.pnl[:3] == library.pnl[:3]).all()


def test_shards_are_put_together() -> None:
    simulation = simulation_of(TEXT)
    pieces = dataclasses.replace(simulation, n_paths=2500, trace=[3, 2400])
    assert simulation.shard % 1024 == 0
    seen: list[tuple[int, int]] = []
    whole = pieces.run(lambda done, of: seen.append((done, of)))
    assert seen[-1] == (2500, 2500)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    small = type("Small", (type(pieces),), {"shard": 1024})(**vars(pieces))
    shards = list(small.shards())
    assert [run.n_paths for run in shards] == [1024, 1024, 452]
    joined = hg.Run.joined(shards)
    assert (joined.pnl == whole.pnl).all()
    assert joined.trace is not None
    assert joined.trace.paths.tolist() == [3, 2400]


def test_text_with_changes_is_the_same_simulation() -> None:
    """What is written back gives the same run."""
    changed = simulation_of(
        TEXT,
        {
            "run.n_paths": 200,
            "policies[1].width": 0.05,
            "costs.fixed": 0.01,
            "levels.gas": {"type": "gas_price", "median": 20.0, "std": 0.5, "half_life": 0.01},
            "costs.fixed_level": "gas",
        },
    )
    again = simulation_of(changed.text)
    assert len(again.families["edge"]) == 1
    assert again.arguments["costs"] == hg.Costs(fee=5e-4, fixed=0.01, fixed_level="gas")
    assert (changed.run().pnl == again.run().pnl).all()


def test_toml_reads_back() -> None:
    document = tomllib.loads(default_text())
    assert tomllib.loads(toml_of(document)) == document
    document = tomllib.loads(TEXT)
    assert tomllib.loads(toml_of(document)) == document


def test_the_default() -> None:
    simulation = simulation_of(default_text(), {"run.n_paths": 50, "run.steps": 40})
    assert len(simulation.families) == 10
    assert len(simulation.run().names) == len(simulation.keys)


@pytest.mark.parametrize(
    "path", sorted(set((ROOT / "examples").glob("*.toml")) - set((ROOT / "examples").glob("backtest_*"))), ids=lambda p: p.stem
)  # fmt: skip
def test_examples(path: Path) -> None:
    run = read_simulation(path, {"run.n_paths": 200}).run()
    assert np.isfinite(run.pnl).all()
    assert (run.mean("cost") >= 0).all()


def test_numbers_of_files(tmp_path: Path) -> None:
    returns = np.random.default_rng(1).normal(0, 0.01, 200)
    np.save(tmp_path / "returns.npy", returns)
    (tmp_path / "a.toml").write_text(TEXT)
    given = {"type": "Bootstrap", "returns": {"file": "returns.npy"}, "block": 5.0}
    simulation = read_simulation(tmp_path / "a.toml", {"paths": given, "run.n_paths": 20})
    assert (simulation.arguments["paths"].returns == returns).all()
    given = {
        "type": "Bootstrap",
        "returns": {"file": "returns.npy", "log_returns": True},
        "block": 5.0,
    }
    with pytest.raises(ConfigError, match=r"paths.returns.prices\[\d+\] = -.* must be positive"):
        read_simulation(tmp_path / "a.toml", {"paths": given})


def test_prices_of_a_known_format(shared: Path) -> None:
    pytest.importorskip("polars")
    found = sorted((shared / "data" / "prices").glob("*BTC*1h*.csv*"))
    if not found:
        pytest.skip("no hourly prices of BTC")
    given = {
        "type": "Bootstrap",
        "returns": {"file": str(found[0]), "column": "close", "log_returns": True},
        "vol": 0.6,
        "block": 24.0,
    }
    run = simulation_of(TEXT, {"paths": given, "run.n_paths": 50, "run.drift": 0.0}).run()
    assert np.isfinite(run.pnl).all()


class TestBook:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        pytest.importorskip("polars")
        from hedgecore.demo import write_demo, write_hedging

        write_demo(tmp_path)
        write_hedging(tmp_path)
        return tmp_path

    def test_it_is_from_book_s(self, folder: Path) -> None:
        from hedgecore import venues

        simulation = read_simulation(folder / "hedging.toml")
        strips = hg.from_book(
            hc.Book.from_csv(folder / "positions.csv"),
            hc.Market.from_quotes(venues.read(folder / "chain.csv")),
            steps_per_day=12,
            rate=simulation.arguments["rate"],
            instrument=simulation.arguments["instrument"],
            convert=True,
        )
        held = simulation.arguments["position"]
        assert held.options == strips.position["BTC"].options
        assert held.holding == strips.position["BTC"].holding
        assert simulation.arguments["spot"] == strips.spot["BTC"]
        assert simulation.arguments["steps"] == strips.steps
        assert len(held.options) == 12
        assert simulation.notes[0] == strips.notes[0]  # the same last expiry
        assert "bp from those of the market" in simulation.notes[1]
        assert "Counted by their delta at the start: BTC" in simulation.notes[2]
        assert "ETH" not in " ".join(simulation.notes)  # it is not hedged

    def test_several_coins(self, folder: Path) -> None:
        both = {
            "type": "Correlated",
            "models": [{"type": "GBM", "vol": 0.45}, {"type": "GBM", "vol": 0.65}],
            "correlation": 0.8,
        }
        document = tomllib.loads((folder / "hedging.toml").read_text())
        del document["book"]["underlying"]
        document["book"]["steps_per_day"] = 1
        document["run"]["n_paths"] = 20
        document["policies"] = {"clock": {"type": "Clock", "every": [1, 7]}}
        run = simulation_of(toml_of(document | {"paths": both}), folder=folder).run()
        assert list(run.by_underlying) == ["BTC", "ETH"]
        np.testing.assert_allclose(
            sum(one.pnl for one in run.by_underlying.values()), run.pnl, rtol=1e-12
        )

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"book.positions": "none.csv"}, "book.positions: there is no file .*none.csv"),
            ({"book.underlying": "SOL"}, "book.underlying = 'SOL' must be one of BTC, ETH"),
            (
                {"book.step_per_day": 3},
                "book.step_per_day is unknown; the nearest is steps_per_day",
            ),
            ({"book.steps_per_day": 0}, "book.steps_per_day = 0 must be from 1"),
            ({"book.convert": False}, "book: .* is not what hedges"),
            ({"run.steps": 100}, "run.steps: the book says it"),
            ({"position.strike": 100}, "position: the book says it"),
            ({"book": 3}, "book must be a table"),
        ],
    )
    def test_errors(self, folder: Path, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            read_simulation(folder / "hedging.toml", changes)


class TestSchema:
    def test_every_class_of_the_package_is_there_with_all_its_keys(self) -> None:
        """What colleagues add appears by itself: every policy, model, cost and so on that the modules export."""
        text = " ".join(schema().split())
        for module in (hg, hc.paths):
            for name in module.__all__:
                cls = getattr(module, name)
                if not (inspect.isclass(cls) and issubclass(cls, (Policy, Model))):
                    continue
                if name in ("Policy", "Custom") or not dataclasses.is_dataclass(cls):
                    continue
                assert f" {name} " in text
                for field in dataclasses.fields(cls):
                    assert f"{field.name}: " in text, (name, field.name)
        for cls in (hg.Costs, hg.Execution, hg.Option):
            assert all(f"{field.name}: " in text for field in dataclasses.fields(cls))
        for name in ("geometric", "exponential", "funding_rate", "gas_price"):
            assert f" {name} " in text

    def test_arguments_are_those_of_the_simulation(self) -> None:
        names = set(inspect.signature(hg.simulate).parameters)
        assert set(arguments()) == names - {"policies", "progress"}

    def test_functions_have_no_place(self) -> None:
        assert "Custom" not in catalogue().of(Policy)
        assert "solve_risk_aversion" not in catalogue().of(Policy)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"policies[1].widht": 0.1}, r"policies\[1\].widht is unknown; the nearest is width"),
    ({"policies[1].width": -0.1}, r"policies\[1\].width = -0.1 must be zero or positive"),
    ({"policies[1].width": "wide"}, r"policies\[1\].width must be a number or a quotient like .* not 'wide'"),
    ({"policies[1].width": {"from": 0.1, "to": 0.2}}, r"policies\[1\].width.count is missing"),
    ({"policies[1].width": {"from": 0.1, "to": 0.2, "count": 3, "spaced": 1}}, r"policies\[1\].width.spaced is unknown; the nearest is spacing"),
    ({"policies[1].width": {"from": -0.1, "to": 0.2, "count": 3}}, "must be positive, or spacing"),
    ({"policies[1].width": {"from": 0.1, "to": 0.2, "count": 0}}, r"policies\[1\].width.count = 0 must be from 1"),
    ({"policies[1].width": {"from": 0.1, "to": 0.2, "count": 900}, "policies[1].up": {"from": 0.1, "to": 0.2, "count": 900}}, r"policies\[1\] stands for 810,000 settings"),
    ({"policies[0].every": [2, 0]}, r"policies\[0\].every = 0 must be from 1"),
    ({"policies[0].every": [2, 2.5]}, r"policies\[0\].every\[1\] must be a whole number, not 2.5"),
    ({"policies[0].every": True}, r"policies\[0\].every must be a whole number, not True"),
    ({"policies[2].risk_aversion": 0.0}, r"policies\[2\].risk_aversion = 0 must be positive"),
    ({"policies[2].to": "corner"}, r"policies\[2\].to must be 'edge' or 'middle' or a number .* not 'corner'"),
    ({"policies[0].type": "Clok"}, r"policies\[0\].type = 'Clok' is unknown; the nearest is Clock"),
    ({"policies[0].type": {}}, r"policies\[0\].type = .* is unknown"),
    ({"policies[0].type": ["Clock"]}, r"policies\[0\].type = .* is unknown"),
    ({"policies[1].width": {"from": 0.1, "to": float("inf"), "count": 3}}, r"policies\[1\].width.to = inf must be finite"),
    ({"position.kind": {}}, "position.kind = {}"),
    ({"policies[0]": {"every": 2}}, r"policies\[0\].type is missing; it is one of"),
    ({"policies[0]": 3}, r"policies\[0\] must be a table, not 3"),
    ({"policies[0].name": 3}, r"policies\[0\].name must be a text"),
    ({"policies[9].every": 3}, r"policies\[9\].every: there is no \[9\] to change"),
    ({"policies": {"mine": {"type": "Custom"}}}, "policies.mine.type = 'Custom' is unknown"),
    ({"policies": []}, "policies: there are none"),
    ({"policies": 1}, "policies must be tables"),
    ({"run.n_path": 3}, "run.n_path is unknown; the nearest is run.n_paths"),
    ({"run.n_paths": 2.5}, "run.n_paths must be a whole number, not 2.5"),
    ({"run.n_paths": 0}, "run.n_paths = 0 must be from 1"),
    ({"run.seed": -1}, "run.seed = -1 must be from 0"),
    ({"run.trace": [3000]}, r"run.trace\[0\] = 3000 must be from 0 to 2999"),
    ({"run.keep": ["gas"]}, "run.keep: 'gas' is none of"),
    ({"run.numeraire": "gold"}, "run.numeraire must be 'quote' or 'coin', not 'gold'"),
    ({"run.rate": float("nan")}, "run.rate must be a number, not nan"),
    ({"run.fee": 1.0}, "run.fee is unknown"),
    ({"n_paths": 3}, "n_paths is unknown; it is run.n_paths"),
    ({"cost": {}}, "cost is unknown; the nearest is costs"),
    ({"position.strike": -1.0}, "position.strike = -1.0 must be positive"),
    ({"position.strick": 1.0}, "position.strick is unknown; the nearest is strike"),
    ({"position.kind": "straddle"}, "position.kind = 'straddle'"),
    ({"position": {}}, "position.type is missing; it is one of Option, Strip"),
    ({"position": {"expiry": 0.1}}, "position.strike is missing"),
    ({"position": []}, "position has no options"),
    ({"position": [{"strike": 100.0, "expiry": 0.1, "vol": 0.6}, {"strike": 100.0, "expiry": 0.01234, "vol": 0.6}]}, r"position\[1\]: expiry = 0.01234 does not fall on one of 60 steps"),
    ({"position": [{"strike": 100.0, "expiry": 0.1, "vol": 0.6}, {"strike": "x", "expiry": 0.1}]}, r"position\[1\].strike must be a number"),
    ({"position.expiry": "30/0"}, "position.expiry must be a number or a quotient"),
    ({"paths.type": "Kuo"}, "paths.type = 'Kuo' is unknown; the nearest is Kou"),
    ({"paths": {"vol": 0.5}}, "paths.type is missing; it is one of GBM"),
    ({"paths": {"type": "GBM"}}, "paths.vol is missing"),
    ({"paths": {"type": "GBM", "vol": -0.5}}, "paths.vol = -0.5 must be zero or positive"),
    ({"paths": {"type": "Bootstrap", "returns": {"file": "none.csv"}}}, "paths.returns.file: there is no file none.csv"),
    ({"paths": {"type": "Bootstrap", "returns": {"fiel": "none.csv"}}}, "paths.returns.fiel is unknown; the nearest is file"),
    ({"paths": {"type": "Bootstrap", "returns": ["a"]}}, "paths.returns must be a list of numbers"),
    ({"paths": {"type": "Correlated", "models": [{"type": "GBM", "vol": 0.5}, {"type": "GBM"}]}}, r"paths.models\[1\].vol is missing"),
    ({"costs.fee": -1.0}, "costs.fee = -1.0 must be zero or positive"),
    ({"costs.close": 1}, "costs.close must be true or false, not 1"),
    ({"costs.fixed_level": "gas"}, "costs.fixed_level: 'gas' is no level of the paths"),
    ({"execution.latency": {"type": "gemetric"}}, "execution.latency.type = 'gemetric' is unknown; the nearest is geometric"),
    ({"execution.latency": {"type": "geometric", "mean": -1.0}}, "execution.latency.mean = -1.0 must be at least 0"),
    ({"execution.latency": [0.5, 0.4]}, "execution: the sum of latency = 0.9 must be 1"),
    ({"execution.latency": "slow"}, "execution.latency must be .*, not 'slow'"),
    ({"levels.gas": {"type": "gas_price", "median": 20.0, "std": 0.5, "half_life": -1.0}}, "levels.gas.half_life = -1.0 must be positive"),
    ({"instrument": {}}, "instrument.type is missing; it is one of"),
    ({"instrument": {"type": "Perpetual", "settlement": "invers"}}, "instrument.settlement must be 'linear' or 'inverse', not 'invers'"),
    ({"costs": 3}, "costs must be a table with type = Costs or a table, not 3"),
    ({"run": 3}, "run must be a table, not 3"),
    ({"run.a b": 3}, "run.a b is no key that can be changed"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "message"), BAD, ids=[repr(c)[:60] for c, _ in BAD])
def test_errors_name_the_key(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        simulation_of(TEXT, changes).run()


def test_what_is_no_toml() -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml: .*line 1"):
        simulation_of("a = = 1", name="mine.toml")
    with pytest.raises(ConfigError, match="position is missing"):
        simulation_of("")
