"""Files that are written whole or not at all: CSV, JSON, parquet, text."""

from __future__ import annotations

import csv
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

from hedgecore.tables.text import Columns, plain, rows_of


def writable(path: str | PathLike[str]) -> Path:
    """Return a path as one that a file can be written to: IsADirectoryError for a folder, FileNotFoundError where there is none to hold it."""
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder, not a file to write")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} to")
    return target


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """Write a file whole or not at all: yields a temporary file beside ``path``.

    It takes the place of ``path`` when the block ends, and is removed if the block fails or is
    interrupted.

    Raises
    ------
    OSError
        The folder does not exist or cannot be written to.
    """
    target = writable(path)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    temporary = Path(name)
    try:
        os.close(handle)
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # as any new file, not private as temporary ones are
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def new_folder(path: str | PathLike[str]) -> Path:
    """Return a path as one that a folder can be made at: FileExistsError where something is, FileNotFoundError where its parent is not."""
    target = Path(path)
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to make {target.name} in")
    return target


@contextmanager
def making(path: str | PathLike[str]) -> Iterator[Path]:
    """Make a folder whole or not at all: yields a temporary one beside ``path``, that takes its name when the block ends."""
    target = new_folder(path)
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o777 & ~mask)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_csv(columns: Columns, path: str | PathLike[str]) -> None:
    """Write columns as CSV: times in ISO 8601 UTC, numbers that read back the same, "" for none."""
    with replacing(path) as file, file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([plain(value) for value in row.values()] for row in rows_of(columns))


def write_parquet(columns: Columns, path: str | PathLike[str]) -> None:
    """Write columns as parquet, times as UTC; needs polars."""
    import polars as pl

    frame = pl.DataFrame(dict(columns)).with_columns(
        pl.col(pl.Datetime).dt.replace_time_zone("UTC"), pl.col(pl.Float64).fill_nan(None)
    )
    with replacing(path) as file:
        frame.write_parquet(file)


def write_json(document: Mapping[str, Any], path: str | PathLike[str]) -> None:
    """Write a document of plain values as one JSON file; what is no finite number must be None."""
    text = json.dumps(document, indent=1, allow_nan=False)
    with replacing(path) as file:
        file.write_text(text + "\n", encoding="utf-8")


def write_text(text: str, path: str | PathLike[str]) -> None:
    """Write a text in UTF-8."""
    with replacing(path) as file:
        file.write_text(text, encoding="utf-8")


def to_stdout(write: Callable[[Path], None]) -> None:
    """Let a function write its file, and copy it to the standard output."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "output"
        write(file)
        print(file.read_text(encoding="utf-8"), end="")
