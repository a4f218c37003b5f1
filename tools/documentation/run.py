"""Runs the blocks of one page: ``python -m documentation.run PAGE OUT``, in a folder that has the files of the demonstration.

Writes to OUT, as JSON, what every block printed and how its commands ended; figures go beside it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shlex
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from documentation.pages import Block, blocks

_SHELL = f'hedgecore() {{ {shlex.quote(sys.executable)} -m hedgecore "$@"; }}\n'


def run_page(page: Path, out: Path) -> None:
    """Every block of a page, until one fails."""
    names: dict[str, Any] = {"__name__": "__main__"}
    results = []
    for block in blocks(page):
        result: dict[str, Any] = {"line": block.line}
        if block.language == "python":
            result |= _python(block, names, page)
            if block.picture and not result.get("error"):
                drawn = out.with_name(Path(block.picture).stem + ".json")
                drawn.write_text(names["figure"].to_json())
        elif block.language == "console":
            result["commands"] = [_command(command) for command, _ in block.commands]
        elif block.file:
            Path(block.file).write_text(block.text)
        results.append(result)
        if result.get("error"):
            break
    out.write_text(json.dumps(results))


def _python(block: Block, names: dict[str, Any], page: Path) -> dict[str, Any]:
    names.pop("figure", None)
    printed = io.StringIO()
    try:
        # the empty lines make a traceback name the line of the page
        code = compile("\n" * block.line + block.text, str(page), "exec")
        with contextlib.redirect_stdout(printed):
            exec(code, names)  # noqa: S102
    except Exception:  # noqa: BLE001
        return {"printed": printed.getvalue(), "error": traceback.format_exc()}
    return {"printed": printed.getvalue()}


def _command(command: str) -> dict[str, Any]:
    done = subprocess.run(
        ["sh", "-c", _SHELL + command],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    return {"printed": done.stdout, "status": done.returncode, "error": done.stderr}


if __name__ == "__main__":
    run_page(Path(sys.argv[1]), Path(sys.argv[2]))
