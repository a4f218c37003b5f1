"""The page of every report: one HTML file that holds the plotting library itself and works offline.

A page is a title, a few lines and sections; a section has cards, figures and boxes with a table each.  The terminal prints
the boxes, JSON takes the data.  Needs plotly and jinja2: ``pip install "hedgecore[report]"``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgecore import tables
from hedgecore.tables.text import TextTable

if TYPE_CHECKING:
    from hedgecore.book import Market
    from hedgecore.venues.defects import Defect
    from hedgecore.venues.tables import Table

Row = dict[str, Any]


@dataclass(frozen=True)
class Box:
    """A table in its frame, with lines of text.

    Attributes
    ----------
    table
        Its title heads the box.
    look
        Classes of the page: "bad", "good", "text" (cells to the left), "scroll".
    notes
        Lines of text between title and table.
    printed
        Whether a terminal shows it too.
    half
        Whether it fills half the width of the page.
    left, texts
        For the terminal: columns to the left, and columns that may be broken into lines.
    """

    table: TextTable
    look: str = ""
    notes: tuple[str, ...] = ()
    printed: bool = True
    half: bool = False
    left: int = 1
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """One part of what is shown.

    Attributes
    ----------
    name, title
        Its key in JSON and anchor on the page; its heading, "" for none.
    cards
        (what, how much, unit) of the figures at its head.
    figures
        Makes the figures when a page asks for them.
    boxes
        The tables.
    data
        What JSON holds of it, in plain values; None for nothing.
    """

    name: str
    title: str
    cards: tuple[tuple[str, str, str], ...] = ()
    figures: Callable[[], list[Row]] = list
    boxes: tuple[Box, ...] = ()
    data: Any = field(default=None, repr=False)


def require_plotting() -> tuple[Any, Any]:
    """Return the modules jinja2 and plotly.offline, or raise ImportError naming the extra."""
    try:
        import jinja2
        import plotly.offline  # type: ignore[import-untyped]
    except ImportError as error:
        raise ImportError(
            f'a report needs plotly and jinja2 ({error}): pip install "hedgecore[report]"'
        ) from error
    return jinja2, plotly.offline


def render(title: str, time: str, lines: Sequence[str], sections: Iterable[Section]) -> str:
    """Return the HTML text of a page; the first of the lines follows the time, where there is one ("").

    Raises
    ------
    ImportError
        plotly or jinja2 is missing; the message names the extra.
    """
    import hedgecore

    jinja2, offline = require_plotting()
    # autoescape guards the text; names and figures go through tojson, the library is trusted
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("hedgecore", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    html: str = pages.get_template("report.html").render(
        title=title,
        time=time,
        lines=list(lines),
        sections=[
            (section, [{"wide": False} | figure for figure in section.figures()])
            for section in sections
        ],
        version=hedgecore.__version__,
        plotly=offline.get_plotlyjs(),
    )
    return html


def market_line(quotes: Table | None, market: Market, remarks: Sequence[str]) -> str:
    """Where a market is from, its indices, and what there is to say of the figures."""
    source = "" if quotes is None else f", market from {Path(quotes.source).name}"
    index = ", ".join(f"{name} {tables.amount(v)} USD" for name, v in sorted(market.index.items()))
    return f"{source}: {index}. {' '.join(remarks)}"


def defect_section(defects: Iterable[Defect]) -> Section:
    """The defects found in the data, and the checks that found nothing."""
    defects = list(defects)
    clean = [defect.name for defect in defects if not defect.count]
    line = f"{len(clean)} checks found nothing{': ' if clean else ''}{', '.join(clean)}."
    table = tables.defect_table(defects)
    return Section("defects", "Data defects", boxes=(Box(table, "text", (line,)),))
