"""How Sphinx makes the site: ``make docs``. Nothing is fetched, and the pages load nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import hedgecore

DOCS = Path(__file__).parent
ROOT = DOCS.parent

project = "hedgecore"
author = "The hedgecore developers"
copyright = "The hedgecore developers, Apache-2.0"
release = version = hedgecore.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["attrs_block", "colon_fence"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True
smartquotes = False  # options begin with two dashes
highlight_language = "python"
nitpicky = True
# names of other packages, which only their own sites know, and of the package that are no documented objects
nitpick_ignore_regex = [
    ("py:.*", r"(np|npt|numpy|pl|polars|pd|pandas|go|plotly|typer|typing|collections|datetime|os|pathlib)\..*"),
    ("py:.*", r"(?!hedgecore\.).*"),
    ("py:.*", r"hedgecore\..*\.(_\w+|Aligned|Catalogue|Content|Setting)"),
    ("py:class", r"hedgecore\.tables\..*"),
]  # fmt: skip

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_use_type_comments = False
napoleon_google_docstring = False
napoleon_use_ivar = True
suppress_warnings = [
    "ref.python"
]  # names of attributes, which napoleon refers to by the last part alone
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
add_module_names = False
default_role = "any"

html_theme = "furo"
html_title = "hedgecore"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["../build/live"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f6f96", "color-brand-content": "#1f6f96"},
    "dark_css_variables": {"color-brand-primary": "#6cb8dc", "color-brand-content": "#6cb8dc"},
}

#: Pages whose text is a file outside of docs: it is written once.
FILES = {
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
    "performance": "benchmarks/RESULTS.md",
}


def read_source(_app: Any, docname: str, source: list[str]) -> None:
    """The text of a page: perhaps another file's, its links as they are from docs."""
    if docname in FILES:
        file = ROOT / FILES[docname]
        source[0] = _links(file.read_text(encoding="utf-8"), file.parent)
    else:
        source[0] = _links(source[0], (DOCS / docname).parent)
    if docname == "cli":
        source[0] += _commands()


def _links(text: str, folder: Path) -> str:
    """Links between files as links between pages; what is no page is shown as its name."""

    def replaced(match: re.Match[str]) -> str:
        label, target, anchor = match[1], match[2], match[3] or ""
        found = (folder / target).resolve()
        name = found.relative_to(ROOT).as_posix() if found.is_relative_to(ROOT) else ""
        page = next((page for page, file in FILES.items() if file == name), None)
        if page:
            return f"[{label}](/{page}.md{anchor})"
        if found.is_relative_to(DOCS):
            if label == Path(target).name:
                label = ""  # the title of what it leads to
            return f"[{label}](/{found.relative_to(DOCS).as_posix()}{anchor})"
        return f"{label} (`{name}`)" if label != name else f"`{name}`"

    return re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)", replaced, text)


def _commands() -> str:
    """The help of every command, by typer."""
    done = subprocess.run(
        [sys.executable, "-m", "typer", "hedgecore.cli", "utils", "docs", "--name", "hedgecore"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    text = re.sub(r"^# .*$", "", done.stdout, count=1, flags=re.MULTILINE)
    # a usage is no command to copy
    return text.replace("```console\n$ ", "```text\n")


def plain_docstring(*event: Any) -> None:
    """Single backticks in docstrings name code where they are no role."""
    lines: list[str] = event[-1]
    for at, line in enumerate(lines):
        lines[at] = re.sub(r"(?<![:`\w])`([^`<>]+)`(?![`_])", r"``\1``", line)


def setup(app: Any) -> None:
    """What Sphinx calls."""
    app.connect("source-read", read_source)
    app.connect("autodoc-process-docstring", plain_docstring)
