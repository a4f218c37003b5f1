"""The figures of reports and of ``.plot()``: plain plotly.js traces and layouts, every axis with its unit.

Each function ``of_...`` returns a list of mappings with ``title``, ``data`` and ``layout``; ``plot_...`` makes one plotly
figure of the same and needs plotly: ``pip install "hedgecore[report]"``.
"""

from __future__ import annotations

from hedgecore.figures.book import GREEKS, of_book, of_dealers
from hedgecore.figures.chain import of_chain
from hedgecore.figures.plot import (
    plot_explain,
    plot_frontier,
    plot_grid,
    plot_histogram,
    plot_ladder,
    plot_risk,
    plot_run,
    plot_simulation,
    plot_surface,
    plot_surfaces,
    plot_trace,
)
from hedgecore.figures.surface import of_fit

__all__ = [
    "GREEKS",
    "of_book",
    "of_chain",
    "of_dealers",
    "of_fit",
    "plot_explain",
    "plot_frontier",
    "plot_grid",
    "plot_histogram",
    "plot_ladder",
    "plot_risk",
    "plot_run",
    "plot_simulation",
    "plot_surface",
    "plot_surfaces",
    "plot_trace",
]
