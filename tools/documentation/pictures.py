"""Figures of pages as SVG, drawn by a headless browser: a Chromium on the path."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from plotly.offline import get_plotlyjs

from documentation.outline import with_outline

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZE: Final = (760, 400)
INK: Final = "#7a828c"
"""Grey that is read on a white page and on a black one."""
LINE: Final = "rgba(128,138,150,0.28)"
_PAGE: Final = """<!doctype html><meta charset="utf-8"><div id="chart"></div><pre id="svg"></pre>
<script>{library}</script><script>
const figure = {figure};
Plotly.newPlot("chart", figure).then(() => Plotly.toImage("chart", {{format: "svg", width: {width}, height: {height}}}))
  .then(url => {{ document.getElementById("svg").textContent = url; }});
</script>"""
_DARK: Final = {"#264653": "#4f7f93", "#2a6f97": "#3d8bbd", "#1d2733": INK, "#333": INK}
"""Colours that are lost on a dark page, and what takes their place."""


def look(figure: dict[str, Any]) -> dict[str, Any]:
    """The figure without a ground of its own, in colours that are read on light and dark pages."""
    text = json.dumps({"data": figure["data"], "layout": figure["layout"]})
    for ours, both in _DARK.items():
        text = text.replace(f'"{ours}"', f'"{both}"')
    figure = json.loads(text)
    layout = figure["layout"]
    layout |= {
        "template": "none",
        "width": layout.get("width", SIZE[0]),
        "height": layout.get("height", SIZE[1]),
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {**layout.get("font", {}), "color": INK, "size": 13, "family": "sans-serif"},
    }
    layout.pop("updatemenus", None)
    if layout.get("legend", {}).get("orientation") == "h":
        layout.pop("title", None)  # where the legend is; the text beside the picture says it
    top = 48 if layout.get("title", {}).get("text") else 20
    layout["margin"] = {"l": 64, "r": 16, "b": 56, "t": max(top, 20)}
    if layout.get("annotations") or layout.get("legend", {}).get("orientation") == "h":
        layout["margin"]["t"] = 64
    for name, axis in layout.items():
        if re.fullmatch(r"[xy]axis\d*", name):
            axis |= {"gridcolor": LINE, "zerolinecolor": INK, "linecolor": LINE, "automargin": True}
    return figure


def draw(figure: dict[str, Any]) -> str:
    """The figure as SVG."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"pictures are drawn by a browser: none of {', '.join(BROWSERS)} is on the path")
    shown = look(figure)
    size = shown["layout"]
    page = _PAGE.format(
        library=get_plotlyjs(), figure=json.dumps(shown), width=size["width"], height=size["height"]
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figure.html")
        file.write_text(page, encoding="utf-8")
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
             "--virtual-time-budget=10000", "--dump-dom", file.as_uri()],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
    found = re.search(r'<pre id="svg">data:image/svg\+xml,(.*?)</pre>', done.stdout, re.DOTALL)
    if found is None:
        sys.exit(f"{browser} drew nothing: {done.stderr[-500:]}")
    svg = unquote(html.unescape(found[1]))
    svg = re.sub(r"-?\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}", svg)
    return with_outline(svg, figure)
