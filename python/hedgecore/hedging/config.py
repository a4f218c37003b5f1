"""Simulations out of configurations.

The tables of a configuration are the arguments of :func:`hedgecore.hedging.simulate`: ``position``, ``paths``, ``policies``, ``costs`` and
whatever else takes an object; those that are numbers, words or lists of them are keys of ``[run]``.  An entry of ``policies`` is a policy,
or a family of them where values are lists or ranges.  What is known is what the signatures say: ``hedgecore.config``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Final

from hedgecore import hedging, paths
from hedgecore.config import (
    Catalogue,
    hints_of,
    located,
    nearest,
    parameters_of,
)
from hedgecore.hedging.files import BookFiles
from hedgecore.hedging.policies import Policy
from hedgecore.hedging.results import LEDGERS, Run
from hedgecore.hedging.simulate import check_kept, simulate, sweep
from hedgecore.hedging.traces import followed
from hedgecore.paths.random import whole
from hedgecore.toml import ConfigError, change, toml_of

#: What a book says, in place of the configuration.
FROM_BOOK: Final = ("position", "spot", "steps")
_APART: Final = ("policies", "progress")
_SHARD_WORK: Final = 3e8  # nanoseconds of one core, about


def catalogue(folder: Path = Path()) -> Catalogue:
    """Return what configurations of simulations can name."""
    makers = {name: getattr(module, name) for module in (paths, hedging) for name in module.__all__}
    del makers["Policy"], makers["Run"]
    return Catalogue({name: maker for name, maker in makers.items() if callable(maker)}, folder)


def arguments() -> dict[str, tuple[Any, bool]]:
    """Return the arguments that a configuration may have: names to hints, and whether each is a key of ``[run]``."""
    hints = hints_of(simulate)
    known = catalogue()
    return {
        name: (hints[name], not known.takes_objects(hints[name]))
        for name in parameters_of(simulate)
        if name not in _APART
    }


@dataclass(frozen=True)
class Simulation:
    """A simulation that is described and not run yet.

    Attributes
    ----------
    arguments
        Of :func:`hedgecore.hedging.sweep`, but the families and the paths.
    families
        Names to policies.
    keys
        The key in the configuration of each policy, in the order of the run.
    n_paths, first_path, trace
        The paths, and the numbers of those that are followed.
    title
        What is hedged, in words: the key ``title``.
    text
        The configuration, changes and all, in TOML.
    threads
        Of the core; None: all.
    notes
        What was done to a book to simulate it, in sentences.
    """

    arguments: Mapping[str, Any]
    families: Mapping[str, list[Policy]]
    keys: tuple[str, ...]
    n_paths: int
    first_path: int
    trace: list[int]
    title: str
    text: str = ""
    threads: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def shard(self) -> int:
        """Paths of a shard: some tenths of a second of work, the same on any machine."""
        work = self.arguments["steps"] * (20 + 2 * len(self.keys))
        return max(1024, int(_SHARD_WORK / work) // 1024 * 1024)

    def run(self, progress: Callable[[int, int], Any] | None = None) -> Run:
        """Simulate all paths, shard by shard; what shards there are does not depend on threads or machine."""
        return Run.joined(self.shards(progress))

    def shards(self, progress: Callable[[int, int], Any] | None = None) -> Iterator[Run]:
        """Simulate shard by shard: what was yielded is a run of the first paths.

        Raises
        ------
        ConfigError
            Naming the key.
        """
        held = self.arguments["position"]
        several = len(held) if isinstance(held, Mapping) else 0
        ledgers = len(LEDGERS) if several else len({"pnl", "cost", *self.arguments.get("keep", ())})
        attribution = bool(self.arguments.get("attribution", False))
        check_kept(  # twice: the shards, and the run that they are joined to
            2 * self.n_paths * max(1, several), len(self.keys), ledgers, attribution, len(self.trace), self.arguments["steps"]
        )  # fmt: skip
        end = self.first_path + self.n_paths
        for first in range(self.first_path, end, self.shard):
            n = min(self.shard, end - first)
            done = first - self.first_path

            def report(more: int, _: int, before: int = done) -> None:
                assert progress is not None
                progress(before + more, self.n_paths)

            try:
                yield sweep(
                    **self.arguments, families=self.families, n_paths=n, first_path=first,
                    threads=self.threads,
                    trace=[path for path in self.trace if first <= path < first + n],
                    progress=None if progress is None else report,
                )  # fmt: skip
            except (ValueError, TypeError) as error:
                raise ConfigError(self._with_key(str(error))) from None

    def _with_key(self, message: str) -> str:
        """The message of an error of the simulation with the key of the policy it is about."""
        names = [
            f"{family} #{number}"
            for family, policies in self.families.items()
            for number in range(1, len(policies) + 1)
        ]
        found = re.match(r"policies\[(?:(\d+)|'(.*?)')\](?:: |\.)(.*)", message, re.DOTALL)
        if found is None:
            return self._with_table(message)
        row = int(found[1]) if found[1] else names.index(found[2]) if found[2] in names else -1
        return f"{self.keys[row]}.{found[3]}" if row >= 0 else message

    def _with_table(self, message: str) -> str:
        """The message of an error that is not about a policy with the table it is about, where a name in it says that."""
        words = re.findall(r"\w+", message.partition(" must ")[0])
        known = arguments()
        if words and words[0] in known:
            return f"run.{message}" if known[words[0]][1] else message
        tables = [  # options were checked when they were made
            table
            for table, value in self.arguments.items()
            if table != "position"
            and is_dataclass(value)
            and any(f.name in words for f in fields(value))
        ]
        return located(tables[0], ValueError(message)) if len(tables) == 1 else message


def read_simulation(
    path: str | PathLike[str], changes: Mapping[str, Any] | None = None
) -> Simulation:
    """Return the simulation that a file of TOML describes.

    Parameters
    ----------
    path
        The file; names of files in it are relative to its folder.
    changes
        Keys to values that take the place of the file's, for example ``{"run.n_paths": 1000}``.

    Raises
    ------
    ConfigError
        Naming the key, and for one that is unknown the nearest.
    """
    file = Path(path)
    return simulation_of(file.read_text(encoding="utf-8"), changes, file.parent, file.name)


def default_text() -> str:
    """Return the configuration of a sold call and ten families of policies."""
    return (files("hedgecore") / "templates" / "hedging.toml").read_text(encoding="utf-8")


def simulation_of(
    text: str,
    changes: Mapping[str, Any] | None = None,
    folder: Path = Path(),
    name: str = "the configuration",
) -> Simulation:
    """Return the simulation that a text in TOML describes; see :func:`read_simulation`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: {error}") from None
    for key, value in (changes or {}).items():
        change(document, key, value)
    written = toml_of(document)
    known, all_of = catalogue(folder), arguments()
    title = known.build(str, document.pop("title", name), "title")
    listed, of_book = document.pop("policies", None), document.pop("book", None)
    of_run = document.pop("run", {})
    if not isinstance(of_run, Mapping):
        raise ConfigError(f"run must be a table, not {of_run!r}")
    _check_keys(document, of_run, all_of, of_book is not None)
    given = {
        key: known.build(all_of[key][0], value, where)
        for table, prefix in ((document, ""), (of_run, "run."))
        for key, value in table.items()
        for where in (prefix + key,)
    }
    notes: tuple[str, ...] = ()
    if of_book is not None:
        of_files, notes = _held(known, of_book, given)
        given |= of_files
    families, keys = families_of(known, listed)
    n_paths = _checked("n_paths", given.pop("n_paths"), 1)
    first_path = _checked("first_path", given.pop("first_path", 0), 0)
    _checked("steps", given["steps"], 1)
    try:
        trace = followed(given.pop("trace", ()), first_path, n_paths)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"run.{error}") from None
    threads = given.pop("threads", None)
    return Simulation(
        given, families, keys, n_paths, first_path, trace, title, written, threads, notes
    )


def _check_keys(
    document: Mapping[str, Any],
    of_run: Mapping[str, Any],
    known: Mapping[str, tuple[Any, bool]],
    of_book: bool,
) -> None:
    """Refuse keys that are unknown, missing, or said by the book."""
    tables = [*(key for key, (_, run) in known.items() if not run), "policies", "book", "title"]
    run_keys = [key for key, (_, run) in known.items() if run]
    for prefix, table, right in (("", document, tables), ("run.", of_run, run_keys)):
        for key in table:
            if key not in right:
                raise ConfigError(f"{prefix}{key} is unknown{_instead(key, tables, run_keys)}")
    parameters, given = parameters_of(simulate), {**of_run, **document}
    for key, (_, run) in known.items():
        where = f"run.{key}" if run else key
        if of_book and key in FROM_BOOK:
            if key in given:
                raise ConfigError(f"{where}: the book says it")
        elif parameters[key].default is parameters[key].empty and key not in given:
            raise ConfigError(f"{where} is missing{', or book' * (key == 'position')}")


def _held(
    known: Catalogue, table: Any, given: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Position, spot and steps of a book in files, and what was done to it."""
    files = Catalogue({"BookFiles": BookFiles}).build(BookFiles, table, "book")
    try:
        found: tuple[dict[str, Any], tuple[str, ...]] = files.arguments(
            known.folder, given.get("rate", 0.0), given.get("instrument")
        )
    except (ValueError, OSError) as error:
        raise ConfigError(located("book", error)) from None
    return found


def families_of(known: Catalogue, listed: Any) -> tuple[dict[str, list[Policy]], tuple[str, ...]]:
    """Return families of policies out of the tables ``policies``, and the key of each policy."""
    if isinstance(listed, Mapping):
        entries = [(f"policies.{name}", name, entry) for name, entry in listed.items()]
    elif isinstance(listed, list):
        entries = [(f"policies[{k}]", None, entry) for k, entry in enumerate(listed)]
    else:
        raise ConfigError("policies must be tables: [[policies]], or [policies.NAME]")
    families: dict[str, list[Policy]] = {}
    keys: dict[str, list[str]] = {}
    for where, name, entry in entries:
        if not isinstance(entry, Mapping):
            raise ConfigError(f"{where} must be a table, not {entry!r}")
        table = dict(entry)
        if name is None:
            name = table.pop("name", None)
            if not isinstance(name, str | None):
                raise ConfigError(f"{where}.name must be a text, not {name!r}")
        for policy in known.alternatives(Policy, table, where, sweep=True):
            family = name or policy.family
            families.setdefault(family, []).append(policy)
            keys.setdefault(family, []).append(where)
    if not families:
        raise ConfigError("policies: there are none")
    return families, tuple(key for of in keys.values() for key in of)


def _checked(name: str, value: Any, least: int) -> int:
    try:
        return whole(value, name, least, 2**40)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"run.{error}") from None


def _instead(key: str, tables: list[str], of_run: list[str]) -> str:
    """What an unknown key may have meant."""
    names = {name: name for name in (*tables, "run")} | {name: f"run.{name}" for name in of_run}
    if key in names:
        return f"; it is {names[key]}"
    like = nearest(key, names)
    return f"; the nearest is {names[like]}" if like else f"; known: {', '.join(names.values())}"
