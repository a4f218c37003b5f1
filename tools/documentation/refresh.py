"""Writes into the pages what their blocks print, and draws their pictures: ``python -m documentation.refresh [PAGE ...]``.

Look at the difference before it is committed: what a page shows is what the tests hold the code to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from documentation.outline import outline, stored
from documentation.pages import DOCS, ROOT, Block, blocks, name_of, pages
from documentation.pictures import draw
from hedgecore.demo import write_demo, write_hedging


def run(page: Path, folder: Path) -> dict[int, dict[str, Any]]:
    """The results of a page's blocks by line; figures are left in the folder."""
    work, out = folder / "work", folder / "results.json"
    write_demo(work / "demo")
    write_hedging(work / "demo")
    subprocess.run(
        [sys.executable, "-m", "documentation.run", str(page), str(out)],
        cwd=work, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
    )  # fmt: skip
    return {result["line"]: result for result in json.loads(out.read_text())}


def refreshed(page: Path, results: dict[int, dict[str, Any]]) -> str:
    """The page with what its blocks printed."""
    for result in results.values():
        if isinstance(error := result.get("error"), str):
            sys.exit(f"{name_of(page)}: {error}")
    lines = page.read_text(encoding="utf-8").split("\n")
    for block in reversed(blocks(page)):
        result = results.get(block.line, {})
        begin, end = block.line, block.line + block.text.count("\n")
        if block.language == "python":
            _replace_output(lines, block, end, result["printed"].rstrip())
        elif block.language == "console":
            text = ""
            for (command, shown), got in zip(block.commands, result["commands"], strict=True):
                printed = got["printed"].rstrip().split("\n") if got["printed"].strip() else []
                kept = shown.rstrip().split("\n")
                if kept[-1] == "...":
                    printed = [*printed[: len(kept) - 1], "..."]
                if command == "echo $?":
                    printed = kept
                text += "".join(f"{line.rstrip()}\n" for line in (f"$ {command}", *printed))
                if got["status"] not in (0, 3):
                    sys.exit(f"{name_of(page)}:{block.line}: {command}: {got['error']}")
            lines[begin:end] = text.rstrip("\n").split("\n")
    return "\n".join(lines)


def _replace_output(lines: list[str], block: Block, end: int, printed: str) -> None:
    """After the line that closes a Python block comes an empty one and the output."""
    if block.shown is not None:
        first = lines.index("```text", end) + 1
        lines[first : first + block.shown.count("\n")] = printed.split("\n")
    elif printed:
        lines[end + 1 : end + 1] = ["", "```text", *printed.split("\n"), "```"]


def main(wanted: list[str]) -> None:
    """Refresh some pages, or all."""
    for page in pages():
        runs = any(block.language in ("python", "console") for block in blocks(page))
        if not runs or (wanted and name_of(page) not in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(refreshed(page, run(page, Path(folder))), encoding="utf-8")
            for block in blocks(page):
                if not block.picture:
                    continue
                target = DOCS / block.picture
                figure = json.loads(Path(folder, f"{target.stem}.json").read_text())
                if target.exists() and stored(target.read_text(encoding="utf-8")) == outline(
                    figure
                ):
                    continue
                target.write_text(draw(figure), encoding="utf-8")
                print(f"{name_of(page)}: {block.picture}, {target.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
