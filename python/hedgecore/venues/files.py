"""What is in a file: a table, a JSON document or lines of messages, told by its content.

Gzip and zip (of one file) are unpacked first.  Every cell of a CSV stays text, so that no value is
guessed at before its column is known.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import zipfile
import zlib
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from os import PathLike
from pathlib import Path
from typing import Any, Final

from hedgecore.venues import DataError
from hedgecore.venues.defects import MAX_EXAMPLES, Defect

try:
    import polars as pl
except ImportError as error:
    raise ImportError('reading data needs polars: pip install "hedgecore[data]"') from error

_EPOCH: Final = r"(?P<epoch>\d{9,10}(?:\.\d+)?)"
# "<epoch>: {...}" received, "<address> <- <epoch>: {...}" sent, "<address> -> <epoch>: {...}" answer,
# "<nanoseconds> {...}" received
_CAPTURED: Final = re.compile(
    rf"^(?:(?:(?P<address>\S+) (?P<way><-|->) )?{_EPOCH}:|(?P<ns>\d{{19}})) (?P<json>[{{\[].*)$"
)
_MS: Final = re.compile(r"\d{13}(?:\.\d+)?")  # no name of a column
_CONNECTED: Final = re.compile(rf"^\S+ <-> {_EPOCH}$")
_ASIDE: Final = re.compile(r"^configuration: ")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a capture: its line, the time of receipt (s since 1970) and what it says."""

    row: int
    received: float | None
    body: Any
    sent: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file, in one of three forms; the other two are None.

    Attributes
    ----------
    source
        Path of the file, for messages.
    name
        Name of the file, or of the one inside the zip.
    table
        A parquet table with its types, or a CSV with every column text.  A CSV without a header
        (its first line is all numbers, or has a time in milliseconds) has the columns ``column_1``, ``column_2``, …
    has_header
        False for such a CSV.
    document
        A JSON document.
    messages
        The messages of a capture or of JSON lines.
    is_quoted
        Every line of a CSV has its values in quotes.
    rows
        Rows of the table or lines of the capture, before anything was left out.
    defects
        What was wrong with the file itself.
    """

    source: str
    name: str
    table: pl.DataFrame | None = None
    has_header: bool = True
    document: Any = None
    messages: tuple[Message, ...] | None = None
    rows: int = 0
    is_quoted: bool = False
    defects: tuple[Defect, ...] = field(default=())


def load(path: str | PathLike[str]) -> Content:
    """Read a file and tell by its content what it is.

    Raises
    ------
    DataError
        The file is empty, damaged, binary of an unknown kind, or text that is not UTF-8.
    OSError
        The file cannot be opened.
    """
    source = Path(path)
    content, name, is_checked = _unpacked(source.read_bytes(), source.name, str(source))
    if not content.strip():
        raise DataError(f"{source}: the file is empty")
    if content.startswith(b"PAR1"):
        try:
            table = pl.read_parquet(BytesIO(content))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(f"{source}: damaged parquet ({_first_line(error)})") from error
        return Content(str(source), name, table=table, rows=table.height)
    text = _decoded(content, str(source))
    start = text.lstrip()[:1]
    if start in ("{", "[") and (read := _document(text, source, name)):
        return read
    lines = text.splitlines()
    if start in ("{", "[") or any(_CAPTURED.match(line) for line in lines[:20]):
        return _messages(lines, source, name)
    return _csv(content, text, source, name, is_checked)


def unknown_format(content: Content) -> DataError:
    """The error that says what was found in a file of no known format."""
    if content.table is not None:
        columns = ", ".join(content.table.columns[:30])
        return DataError(f"{content.source}: a table of no known format; its columns: {columns}")
    if content.document is not None:
        shown = json.dumps(content.document)[:200]
        return DataError(f"{content.source}: JSON of no known format, beginning {shown}")
    return DataError(f"{content.source}: messages of no known format")


def _unpacked(content: bytes, name: str, source: str) -> tuple[bytes, str, bool]:
    """Content and name of the file, and whether a checksum of a zip vouches for its end."""
    if content.startswith(b"\x1f\x8b"):
        try:
            return gzip.decompress(content), name.removesuffix(".gz"), False
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{source}: damaged or truncated gzip ({error})") from error
    if content.startswith(b"PK"):
        try:
            with zipfile.ZipFile(BytesIO(content)) as archive:
                names = [item.filename for item in archive.infolist() if not item.is_dir()]
                if len(names) != 1:
                    raise DataError(f"{source}: a zip of {len(names)} files; one is expected")
                return archive.read(names[0]), names[0], True
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{source}: damaged or truncated zip ({error})") from error
    return content, name, False


def _decoded(content: bytes, source: str) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in content:
        what = "UTF-16 text" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "binary"
        raise DataError(f"{source}: {what}, not UTF-8 text, parquet, gzip or zip")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{source}: not UTF-8 text, parquet, gzip or zip (byte {error.start})"
        ) from error


def _document(text: str, source: Path, name: str) -> Content | None:
    """One JSON document; None if the text is several, one per line."""
    try:
        return Content(str(source), name, document=json.loads(text), rows=1)
    except (json.JSONDecodeError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        whole = 0
        for line in lines[:2]:
            try:
                whole += isinstance(json.loads(line), dict)
            except (json.JSONDecodeError, RecursionError):
                continue
        if whole:
            return None
        raise DataError(f"{source}: damaged or truncated JSON ({error})") from error


def _messages(lines: list[str], source: Path, name: str) -> Content:
    """JSON lines, or a capture of a connection: a time and a message per line."""
    found, broken, notes = list[Message](), list[str](), 0
    broken_count = 0
    for row, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if _CONNECTED.match(text) or _ASIDE.match(text):
            notes += 1
            continue
        captured = _CAPTURED.match(text)
        try:
            body = json.loads(captured["json"] if captured else text)
        except (json.JSONDecodeError, RecursionError):
            body = None
        if not isinstance(body, (dict, list)):  # a bare number is what is left of a line cut short
            broken_count += 1
            if len(broken) < MAX_EXAMPLES:
                broken.append(f"line {row}: {text[:60]!r}")
            continue
        received = None
        if captured:
            received = float(captured["epoch"]) if captured["epoch"] else int(captured["ns"]) / 1e9
        is_sent = captured is not None and captured["way"] == "<-"
        found.append(Message(row, received, body, is_sent))
    if not found:
        raise DataError(f"{source}: no line of it is a readable message ({'; '.join(broken)})")
    ledger = (
        Defect(
            "message unreadable",
            "a line that is neither a JSON message nor a note of the capture: left out",
            broken_count,
            len(found) + broken_count,
            unit="messages",
            dropped=True,
            examples=tuple(broken),
        ),
        Defect(
            "notes of the capture",
            "lines on connections, the set-up and requests sent: no messages of the exchange",
            notes + sum(message.sent for message in found),
            len(lines),
            unit="lines",
        ),
    )
    return Content(str(source), name, messages=tuple(found), rows=len(lines), defects=ledger)


def _csv(content: bytes, text: str, source: Path, name: str, is_checked: bool) -> Content:
    first = text.lstrip("\ufeff").splitlines()[0]
    cells = next(csv.reader([first]), [])
    has_header = not (
        all(_is_number(cell) or not cell for cell in cells) or any(map(_MS.fullmatch, cells))
    )
    if has_header and len(set(cells)) < len(cells):
        twice = sorted({cell for cell in cells if cells.count(cell) > 1})
        raise DataError(f"{source}: the header names {', '.join(twice)} twice")
    try:
        table = pl.read_csv(
            BytesIO(text.encode()),
            infer_schema=False,
            has_header=has_header,
            raise_if_empty=False,
        )
    except pl.exceptions.PolarsError as error:
        reason = _ragged_line(text) or _first_line(error)
        raise DataError(f"{source}: not a readable table ({reason})") from error
    if table.height == 0:
        raise DataError(f"{source}: a header but no rows")
    rows = table.height
    ledger = [_short_lines(text, len(cells), rows)]
    if not is_checked:
        is_cut = not content.endswith((b"\n", b"\r"))
        ledger.append(
            Defect(
                "last line not ended",
                "the file ends within a line, which may be cut short: left out",
                int(is_cut),
                1,
                unit="lines",
                dropped=True,
                examples=(text.splitlines()[-1][:60],) if is_cut else (),
            )
        )
        if is_cut:
            table = table.head(-1)
            if table.height == 0:
                raise DataError(f"{source}: its only row is not ended, it may be cut short")
    return Content(
        str(source),
        name,
        table=table,
        has_header=has_header,
        rows=rows,
        is_quoted=text.count('"') >= 2 * len(cells) * rows,
        defects=tuple(ledger),
    )


def _short_lines(text: str, width: int, rows: int) -> Defect:
    """Lines with fewer fields than the header: what is missing is taken as missing."""
    count, examples = 0, list[str]()
    quoted = '"' in text
    if quoted or text.count(",") != (width - 1) * (text.count("\n") + (not text.endswith("\n"))):
        lines = (
            csv.reader(StringIO(text))
            if quoted
            else (line.split(",") for line in text.splitlines())
        )
        try:
            for number, cells in enumerate(lines):
                if number and len(cells) < width and cells not in ([], [""]):
                    count += 1
                    if len(examples) < MAX_EXAMPLES:
                        examples.append(f"row {number}: {len(cells)} of {width} fields")
        except csv.Error as error:
            count += 1
            examples.append(str(error))
    return Defect(
        "line short",
        "fewer fields than the header has columns: the others are taken as missing",
        count,
        rows,
        examples=tuple(examples[:MAX_EXAMPLES]),
    )


def _ragged_line(text: str) -> str:
    """Where a CSV first has a row longer than its header; empty if it has none."""
    rows = csv.reader(StringIO(text))
    try:
        header = next(rows)
        for row in rows:
            if len(row) > len(header):
                return f"line {rows.line_num} has {len(row)} fields, the header {len(header)}"
    except (csv.Error, StopIteration):
        pass
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
