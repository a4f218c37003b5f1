"""Backtests out of configurations.

Tables are the arguments of :func:`hedgecore.backtest.run` that take objects (``strategy``, ``policies``, ``fills``, ``costs``, ...),
``[data]`` (:class:`DataFiles`), ``[scorecard]`` (arguments of :func:`hedgecore.backtest.scorecard`) and ``[run]``: numbers and words.
What is known is what the signatures say: ``hedgecore.config``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Final

from hedgecore import hedging
from hedgecore.backtest import strategies
from hedgecore.backtest.data import DataFiles, Marks
from hedgecore.backtest.evaluation import scorecard, stressed
from hedgecore.backtest.fills import Fills
from hedgecore.backtest.flow import Flow, MarketMaker
from hedgecore.backtest.run import Backtest, run, settings_of
from hedgecore.backtest.strategies import Strategy
from hedgecore.config import Catalogue, hints_of, located, nearest, parameters_of
from hedgecore.frames import Listing
from hedgecore.hedging.config import families_of
from hedgecore.hedging.policies import Policy
from hedgecore.toml import ConfigError, change, toml_of
from hedgecore.venues.deribit.contracts import FeeSchedule

#: Arguments of a run that are tables, and those that are keys of ``[run]``.
TABLES: Final = ("strategy", "fills", "costs", "execution", "instrument")
KEYS: Final = ("numeraire", "deltas")


def catalogue(folder: Path = Path()) -> Catalogue:
    """Return what configurations of backtests can name."""
    made = [getattr(module, name) for module in (hedging, strategies) for name in module.__all__]
    makers = {maker.__name__: maker for maker in made if callable(maker)}
    for name in ("Policy", "Run", "Strategy"):
        del makers[name]
    return Catalogue(makers | {"MarketMaker": MarketMaker, "Fills": Fills, "FeeSchedule": FeeSchedule, "DataFiles": DataFiles, "Marks": Marks}, folder)  # fmt: skip


@dataclass(frozen=True)
class Setup:
    """A backtest that is described and not run yet.

    Attributes
    ----------
    data
        Its files.
    families
        Names to policies.
    keys
        The key in the configuration of each policy, in the order of the run.
    arguments
        Of :func:`hedgecore.backtest.run`.
    scorecard
        Arguments of :func:`hedgecore.backtest.scorecard`.
    stress
        Whether it is run under stress too.
    title
        In words.
    text
        The configuration, changes and all, in TOML.
    folder
        Where files that are named relatively lie.
    """

    data: DataFiles
    families: Mapping[str, Sequence[Policy]]
    keys: tuple[str, ...]
    arguments: Mapping[str, Any]
    scorecard: Mapping[str, Any] = field(default_factory=dict)
    stress: bool = False
    title: str = "a strategy"
    text: str = ""
    folder: Path = Path()

    @property
    def policies(self) -> int:
        """How many."""
        return sum(map(len, self.families.values()))

    def run(self, progress: Callable[[int, int], Any] | None = None) -> Outcome:
        """Read the data, run and score it.

        Parameters
        ----------
        progress
            Called with the snapshots that are done, and all.
        """
        tape, funding, futures = self.data.read(self.folder)
        strategy = self.arguments["strategy"]
        if isinstance(strategy, MarketMaker):
            flow = Flow.of(self.data.read_trades(self.folder), tape.base)
            strategy, tape = (
                replace(strategy, flow=flow),
                replace(tape, found=tape.found + flow.found),
            )
        given = {**self.arguments, "strategy": strategy, "funding": funding, "futures": futures}
        try:
            test = run(tape, policies=self.families, progress=progress, **given)
        except ValueError as error:
            raise ConfigError(self._with_key(str(error))) from None
        card = scorecard(test, **self.scorecard)
        tests = stressed(tape, policies=self.families, **given) if self.stress else {}
        return Outcome(self, test, card, tests)

    def _with_key(self, message: str) -> str:
        """The message of an error with the key of the policy it is about."""
        found = re.match(r"policies\['(.*?)'\]: (.*)", message, re.DOTALL)
        names = list(settings_of(self.families)[0])
        return f"{self.keys[names.index(found[1])]}.{found[2]}" if found and found[1] in names else message  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """A backtest that was run.

    Attributes
    ----------
    setup
        What it was to be.
    test
        The backtest.
    card
        Its scorecard.
    stressed
        The same under stress, by name; empty where it was not asked for.
    """

    setup: Setup
    test: Backtest
    card: Listing
    stressed: Mapping[str, Backtest]


def default_text() -> str:
    """Return a configuration to begin with."""
    return (files("hedgecore") / "templates" / "backtest.toml").read_text(encoding="utf-8")


def read_setup(path: str | PathLike[str], changes: Mapping[str, Any] | None = None) -> Setup:
    """Return the backtest that a file of TOML describes.

    Parameters
    ----------
    path
        The file; names of files in it are relative to its folder.
    changes
        Keys to values that take the place of the file's, for example ``{"costs.fee": 1e-3}``.

    Raises
    ------
    ConfigError
        Naming the key, and for one that is unknown the nearest.
    """
    file = Path(path)
    return setup_of(file.read_text(encoding="utf-8"), changes, file.parent, file.name)


def setup_of(
    text: str,
    changes: Mapping[str, Any] | None = None,
    folder: Path = Path(),
    name: str = "the configuration",
) -> Setup:
    """Return the backtest that a text in TOML describes; see :func:`read_setup`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: {error}") from None
    for key, value in (changes or {}).items():
        change(document, key, value)
    written = toml_of(document)
    known, hints = catalogue(folder), hints_of(run)
    tables = ("title", "data", *TABLES, "policies", "scorecard", "run")
    for key in document:
        if key not in tables:
            raise ConfigError(f"{key} is unknown{_instead(key, tables)}")
    for key in ("data", "strategy", "policies"):
        if key not in document:
            raise ConfigError(f"{key} is missing")
    of_run, of_card = (_table(document, key) for key in ("run", "scorecard"))
    stress = known.build(bool, of_run.pop("stress", False), "run.stress")
    for key in of_run:
        if key not in KEYS:
            raise ConfigError(f"run.{key} is unknown{_instead(key, (*KEYS, 'stress'))}")
    arguments = {key: known.build(hints[key], value, f"run.{key}") for key, value in of_run.items()}
    arguments |= {
        key: known.build(Strategy if key == "strategy" else hints[key], document[key], key)
        for key in TABLES if key in document
    }  # fmt: skip
    data = known.build(DataFiles, document["data"], "data")
    families, keys = families_of(known, document["policies"])
    return Setup(
        data, families, keys, arguments, _of_scorecard(known, of_card, families), stress,
        known.build(str, document.get("title", name), "title"), written, folder,
    )  # fmt: skip


def _of_scorecard(
    known: Catalogue, table: Mapping[str, Any], families: Mapping[str, Sequence[Policy]]
) -> dict[str, Any]:
    """Arguments of the scorecard; the policies that can be its reference are known before anything is run."""
    hints = hints_of(scorecard)
    names = [name for name in parameters_of(scorecard) if name != "test"]
    for key in table:
        if key not in names:
            raise ConfigError(f"scorecard.{key} is unknown{_instead(key, names)}")
    given = {key: known.build(hints[key], value, f"scorecard.{key}") for key, value in table.items()}  # fmt: skip
    policies = list(settings_of(families)[0])
    reference = given.get("reference")
    if reference is not None and reference not in policies:
        raise ConfigError(f"scorecard.reference = {reference!r} is unknown{_instead(reference, policies)}")  # fmt: skip
    return given


def _table(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    table = document.get(key, {})
    if not isinstance(table, Mapping):
        raise ConfigError(located(key, ValueError(f"must be a table, not {table!r}")))
    return dict(table)


def _instead(key: str, names: Sequence[str]) -> str:
    """What an unknown key may have meant."""
    like = nearest(key, names)
    return f"; the nearest is {like}" if like else f"; known: {', '.join(names)}"
