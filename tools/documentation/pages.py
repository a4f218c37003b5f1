"""The pages and their blocks of code.

One rule for all pages: the blocks of a page run from top to bottom, in one process and one folder, in which ``hedgecore
demo`` was run before.  What a block prints stands in the ``text`` block below it; three dots at the end stand for more.
``console`` has commands, each after a dollar, with what they print.  A TOML block begins with a comment that names its
file.  A picture below a Python block shows the plotly figure that the block left in ``figure``.  ``c`` and ``cpp`` are whole
programs, ``sh`` is what sets up or takes minutes and is not run.  Blocks in braces are for Sphinx.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
_BLOCK: Final = re.compile(
    r"^```(\w*|\{[\w-]+\})(?: [^\n]*)?\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
_PICTURE: Final = re.compile(r"\s*!\[[^\]]*\]\((?:docs/)?(images/[\w-]+\.svg)\)")


@dataclass(frozen=True)
class Block:
    """A block of code: its language, text, line in the page, and what follows it."""

    language: str
    text: str
    line: int
    shown: str | None
    """The ``text`` block below it."""
    picture: str | None
    """The picture below it, or below its output."""

    @property
    def file(self) -> str | None:
        """The name in the first line of a TOML block."""
        named = re.match(r"# ([\w.-]+\.toml)\n", self.text) if self.language == "toml" else None
        return named[1] if named else None

    @property
    def commands(self) -> list[tuple[str, str]]:
        """The commands of a console, each with what stands below it."""
        if self.language != "console":
            return []
        found = re.findall(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", self.text, re.MULTILINE)
        return [(command, shown) for command, shown in found]


def pages() -> list[Path]:
    """README.md, CONTRIBUTING.md and every page below docs."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, from top to bottom."""
    text = page.read_text(encoding="utf-8")
    found = list(_BLOCK.finditer(text))
    result = []
    for at, match in enumerate(found):
        shown, end = None, match.end()
        if at + 1 < len(found):
            below = found[at + 1]
            if below[1] == "text" and not text[end : below.start()].strip():
                shown, end = below[2], below.end()
        picture = _PICTURE.match(text, end)
        result.append(
            Block(
                language=match[1],
                text=match[2],
                line=text.count("\n", 0, match.start()) + 1,
                shown=shown,
                picture=picture[1] if picture else None,
            )
        )
    return result


def name_of(page: Path) -> str:
    """The page as it is called in the repository."""
    return page.relative_to(ROOT).as_posix()
