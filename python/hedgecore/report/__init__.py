"""What leaves the program as a file: reports in HTML, the same as JSON, tables as CSV and parquet.

Files are written whole or not at all (``files``).  Every report is one HTML file that holds the plotting library itself and
works offline: ``pages`` has the page (``templates/report.html``), ``risk``, ``surface``, ``scenarios`` (with ``tails``)
``explain``, ``hedging`` and ``backtest`` what is on it.  It
needs plotly and jinja2 (``pip install "hedgecore[report]"``).  ``results`` has the folder of a backtest.
"""

from __future__ import annotations

from hedgecore.report.files import replacing, to_stdout, write_csv, write_parquet
from hedgecore.report.pages import Box, Section, require_plotting
from hedgecore.report.risk import Findings, document, render_report, write_json, write_report

__all__ = [
    "Box",
    "Findings",
    "Section",
    "document",
    "render_report",
    "replacing",
    "require_plotting",
    "to_stdout",
    "write_csv",
    "write_json",
    "write_parquet",
    "write_report",
]
