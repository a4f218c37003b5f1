"""Running the command in a test, and looking at the pages that it writes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

from plotly.offline import get_plotlyjs
from typer.testing import CliRunner

from hedgecore.cli import app


def run(*arguments: object) -> Any:
    """Run the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def error_of(done: Any) -> str:
    """What was complained of, in one line."""
    return " ".join(done.stderr.replace("│", " ").split())


def without_library(html: str) -> str:
    """A page without the plotting library, which must be in it once."""
    assert html.count(get_plotlyjs()) == 1
    return html.replace(get_plotlyjs(), "")


def figures_of(page: str) -> dict[str, dict[str, Any]]:
    """The figures of a page by place."""
    drawn = re.findall(r'^draw\("([\w-]+-\d+)", (.*)\);$', page, re.MULTILINE)
    return {place: json.loads(text) for place, text in drawn}


def check_page(page: str) -> dict[str, dict[str, Any]]:
    """Hold a page to what every report promises; returns its figures."""
    assert not re.search(r"https?:|\bsrc=|<link|@import|url\(", page)  # it loads nothing
    parser = _Balance()
    parser.feed(page)
    assert parser.open == []
    figures = figures_of(page)
    for place, figure in figures.items():
        assert page.count(f'id="{place}"') == 1
        layout = figure["layout"]
        names = "xyz" if "scene" in layout else "xy"
        axes = layout.get("scene", layout)
        assert all(axes[f"{name}axis"]["title"]["text"] for name in names)
        for trace in figure["data"]:
            values = trace.get("z", [trace["y"]])
            assert any(value is not None for row in values for value in row)
            if "z" in trace:
                assert (len(values), len(values[0])) == (len(trace["y"]), len(trace["x"]))
            else:
                assert len(trace["x"]) == len(trace["y"]) > 0
    return figures


class _Balance(HTMLParser):
    """Every element that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, _attributes: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
