"""The folder of a backtest: its tables as parquet, the configuration, and what is needed to repeat it to the bit.

``manifest.json`` has the version, the SHA-256 of every file that was read and written, and of every column as it was computed: a
repeated run is compared by these, so that no library's way of writing files is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np

from hedgecore.backtest import frontier
from hedgecore.backtest.config import Outcome, Setup, setup_of
from hedgecore.backtest.data import fingerprint
from hedgecore.report.files import making, write_json, write_parquet, write_text
from hedgecore.tables.text import Columns

CONFIG: Final = "config.toml"
MANIFEST: Final = "manifest.json"


class DifferentError(ValueError):
    """What was repeated is not what it was."""


def tables_of(outcome: Outcome) -> dict[str, Columns]:
    """Return the tables of a backtest by the names of their files.

    steps: every policy and step; ledger: every entry of every policy; options: trades and settlements; scorecard; frontier; stress: P&L and
    std of days of every policy under each stress, where that was asked for.
    """
    from hedgecore.backtest import daily

    test = outcome.test
    ledgers = {name: test.ledger(name) for name in test.names}
    columns = next(iter(ledgers.values()))
    policies = np.concatenate([np.full(len(of["step"]), name, object) for name, of in ledgers.items()])  # fmt: skip
    tables: dict[str, Columns] = {
        "steps": test.columns(),
        "ledger": {"policy": policies} | {name: np.concatenate([of[name] for of in ledgers.values()]) for name in columns},
        "options": test.carried.columns(), "scorecard": outcome.card, "frontier": frontier(test),
    }  # fmt: skip
    if outcome.stressed:
        days = {name: daily(of) for name, of in outcome.stressed.items()}
        tables["stress"] = {
            "stress": np.repeat(np.array(list(days), object), len(test.names)), "policy": np.array([*test.names] * len(days), object),
            "pnl": np.concatenate([of.sum(axis=1) for of in days.values()]), "std": np.concatenate([of.std(axis=1, ddof=1) for of in days.values()]),
        }  # fmt: skip
    return tables


def fingerprints(setup: Setup) -> dict[str, str]:
    """Return the SHA-256 of the files that a backtest reads, by their names relative to the folder of the configuration."""
    return {_name(path, setup.folder): fingerprint(path) for paths in setup.data.files(setup.folder).values() for path in paths}  # fmt: skip


def write_results(outcome: Outcome, path: str | PathLike[str], read: Mapping[str, str]) -> None:
    """Write the folder of a backtest, whole or not at all.

    Parameters
    ----------
    outcome
        What was run.
    path
        The folder; it must not be there.
    read
        SHA-256 of what was read, taken before it was: :func:`fingerprints`.

    Raises
    ------
    FileExistsError
        Something of that name is there.
    """
    import hedgecore

    tables = tables_of(outcome)
    with making(path) as folder:
        write_text(outcome.setup.text, folder / CONFIG)
        for name, columns in tables.items():
            write_parquet(columns, folder / f"{name}.parquet")
        written = {file.name: fingerprint(file) for file in sorted(folder.iterdir())}
        manifest = {
            "hedgecore": hedgecore.__version__,
            "build": dict(hedgecore.build_config()),
            "numpy": np.__version__,
            "folder": str(outcome.setup.folder.resolve()),
            "data": dict(read),
            "files": written,
            "columns": digests(tables),
        }
        write_json(manifest, folder / MANIFEST)


def digests(tables: Mapping[str, Columns]) -> dict[str, dict[str, str]]:
    """Return the SHA-256 of every column, in its bits; of texts in UTF-8."""
    return {name: {key: _digest(column) for key, column in columns.items()} for name, columns in tables.items()}  # fmt: skip


def repeat(
    path: str | PathLike[str],
    data: str | PathLike[str] | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Outcome:
    """Run the backtest of a folder again; what comes out must be the same bits.

    Parameters
    ----------
    path
        A folder that :func:`write_results` made.
    data
        Where the data are, if not where they were.
    progress
        As of :meth:`hedgecore.backtest.config.Setup.run`.

    Raises
    ------
    DifferentError
        Naming the file, or the column, that is another one.
    """
    folder = Path(path)
    manifest = _manifest(folder)
    _same(manifest["files"], {name: folder / name for name in manifest["files"]}, "written")
    where = Path(manifest["folder"] if data is None else data)
    setup = setup_of((folder / CONFIG).read_text(encoding="utf-8"), None, where, str(folder / CONFIG))  # fmt: skip
    _same(manifest["data"], {name: where / name for name in manifest["data"]}, "read")
    more = set(fingerprints(setup)) - set(manifest["data"])
    if more:
        raise DifferentError(f"{min(more)} is read now and was not")
    outcome = setup.run(progress)
    now, before = digests(tables_of(outcome)), manifest["columns"]
    for name in [*before, *(set(now) - set(before))]:
        for column in [*before.get(name, {}), *(set(now.get(name, {})) - set(before.get(name, {})))]:  # fmt: skip
            if now.get(name, {}).get(column) != before.get(name, {}).get(column):
                raise DifferentError(f"{name}.{column} is not what it was: hedgecore {manifest['hedgecore']} and {manifest['build']} wrote it")  # fmt: skip
    return outcome


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / MANIFEST
    if not file.is_file():
        raise FileNotFoundError(f"{folder} is no folder of a backtest: there is no {MANIFEST}")
    try:
        document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        missing = {"hedgecore", "build", "folder", "data", "files", "columns"} - set(document)
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"{file}: {error}") from None
    if missing:
        raise ValueError(f"{file} has no {', '.join(sorted(missing))}")
    return document


def _same(known: Mapping[str, str], files: Mapping[str, Path], what: str) -> None:
    for name, sha in known.items():
        if not files[name].is_file():
            raise DifferentError(f"{files[name]} is not there")
        if fingerprint(files[name]) != sha:
            raise DifferentError(f"{files[name]} is not the file that was {what}")


def _name(path: Path, folder: Path) -> str:
    return os.path.relpath(path, folder)


def _digest(column: Any) -> str:
    values = np.asarray(column)
    if values.dtype.kind in "OU":
        data = json.dumps([str(value) for value in values.tolist()]).encode()
    else:
        data = np.ascontiguousarray(values).tobytes()
    return hashlib.sha256(data).hexdigest()
