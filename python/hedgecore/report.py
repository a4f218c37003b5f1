"""What leaves the program as a file: the report of a book in HTML, the same as JSON, tables as CSV.

Files are written whole or not at all.  The report needs plotly and jinja2 (``pip install
"hedgecore[report]"``).  It is one file that holds the plotting library itself and works offline; its
page is ``templates/report.html``.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore import tables
from hedgecore.limits import Breach, check
from hedgecore.risk import Risk
from hedgecore.tables import plain, rows_of

if TYPE_CHECKING:
    from hedgecore.chain import Implied
    from hedgecore.venues.defects import Defect
    from hedgecore.venues.tables import Table

Row = dict[str, Any]
MOST_POSITIONS: Final = 200
"""Positions listed in the report; the JSON and CSV files have all."""


@dataclass(frozen=True)
class Findings:
    """The risk of a book and what is known around it: what report, JSON and terminal show.

    Attributes
    ----------
    risk
        Of the book in a market, with its strikes kept.
    book
        What the book is, in words, for example the name of the file of positions.
    quotes
        The quotes that the market was made from, or None: no smiles, forwards and defects.
    limits
        The limits to check, or None.
    other_defects
        Ledger of the file of positions, if a venue's.
    """

    risk: Risk
    book: str = "the book"
    quotes: Table | None = None
    limits: Mapping[str, Any] | None = None
    other_defects: tuple[Defect, ...] = field(default=())

    @cached_property
    def breaches(self) -> list[Breach] | None:
        """The breaches of limits; None without limits."""
        return None if self.limits is None else check(self.risk, self.limits)

    @cached_property
    def options(self) -> Implied | None:
        """Vols of the options quoted at the market's time; None without quotes of options."""
        if self.quotes is None:
            return None
        from dataclasses import replace

        from hedgecore.chain import implied, snapshot

        quotes = self.quotes.part("quotes")
        now = snapshot(quotes.frame, self.risk.market.time.item())
        result = implied(replace(quotes, frame=now), greeks=False)
        return result if result.frame.height else None

    @cached_property
    def defects(self) -> tuple[Defect, ...]:
        """The ledgers of the quotes (the whole file), of the vols at the time, of the positions."""
        if self.quotes is None:
            return self.other_defects
        found = self.options.defects if self.options else self.quotes.part("quotes").defects
        return (*found, *self.other_defects)

    @cached_property
    def time(self) -> str:
        """The market's time, UTC."""
        return str(np.datetime_as_string(self.risk.market.time, unit="s")).replace("T", " ")


# --- files --------------------------------------------------------------------------------------


@contextmanager
def replacing(path: str | PathLike[str]) -> Iterator[Path]:
    """Write a file whole or not at all: yields a temporary file beside ``path``.

    It takes the place of ``path`` when the block ends, and is removed if the block fails or is
    interrupted.

    Raises
    ------
    OSError
        The folder does not exist or cannot be written to.
    """
    target = Path(path)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder, not a file to write")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} to")
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    temporary = Path(name)
    try:
        os.close(handle)
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # as any new file, not private as temporary ones are
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_csv(columns: tables.Columns, path: str | PathLike[str]) -> None:
    """Write columns as CSV: times in ISO 8601 UTC, numbers that read back the same, "" for none."""
    with replacing(path) as file, file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([plain(value) for value in row.values()] for row in rows_of(columns))


def to_stdout(write: Callable[[Path], None]) -> None:
    """Let a function write its file, and copy it to the standard output."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "output"
        write(file)
        print(file.read_text(encoding="utf-8"), end="")


def document(findings: Findings) -> Row:
    """The findings as JSON holds them; what is no finite number is None.

    ``units`` says the unit of every measure, ``{coin}`` being the underlying of the row.
    """
    import hedgecore

    risk, quotes = findings.risk, findings.quotes
    exposure = rows_of(risk.gamma_exposure())
    return {
        "hedgecore": hedgecore.__version__,
        "time": plain(risk.market.time),
        "book": findings.book,
        "chain": quotes and {"source": quotes.source, "format": quotes.format, "rows": quotes.rows_read},
        "index": dict(sorted(risk.market.index.items())),
        "units": tables.UNITS,
        "totals": plain(risk.total),
        "total_usd": plain(risk.total_usd),
        "breaches": None if findings.breaches is None else [plain(asdict(b)) for b in findings.breaches],
        "completeness": plain(asdict(risk.completeness)),
        "remarks": tables.remarks(risk),
        **{f"by_{by}": plain(rows_of(risk.table(by))) for by in ("expiry", "strike")},
        "gamma_exposure": plain(exposure),
        "positions": plain(rows_of(risk.positions())),
        "defects": [plain(asdict(d)) for d in findings.defects if d.count],
        "checks_passed": [d.name for d in findings.defects if not d.count],
    }  # fmt: skip


def write_json(findings: Findings, path: str | PathLike[str]) -> None:
    """Write `document` as one JSON file."""
    text = json.dumps(document(findings), indent=1, allow_nan=False)
    with replacing(path) as file:
        file.write_text(text + "\n", encoding="utf-8")


# --- the report ---------------------------------------------------------------------------------


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


def write_report(findings: Findings | Risk, path: str | PathLike[str]) -> None:
    """Write the report as one HTML file.

    Raises
    ------
    ImportError
        plotly or jinja2 is missing; the message names the extra.
    ValueError
        The strikes were not kept: the report needs ``book.risk(market, strikes=True)``.
    OSError
        The file cannot be written.
    """
    html = render_report(findings)
    with replacing(path) as file:
        file.write_text(html, encoding="utf-8")


def render_report(findings: Findings | Risk) -> str:
    """The HTML text of `write_report`."""
    import hedgecore

    jinja2, offline = require_plotting()
    if isinstance(findings, Risk):
        findings = Findings(findings)
    risk, breaches = findings.risk, findings.breaches
    # autoescape guards the text; the figures go through tojson, the library is trusted
    pages = jinja2.Environment(
        loader=jinja2.PackageLoader("hedgecore", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    html: str = pages.get_template("report.html").render(
        book=findings.book,
        time=findings.time,
        chain=None if findings.quotes is None else Path(findings.quotes.source).name,
        index=sorted((name, tables.amount(value)) for name, value in risk.market.index.items()),
        remarks=tables.remarks(risk),
        breaches=None if breaches is None else tables.breach_table(breaches),
        totals=tables.underlying_table(risk),
        coins=[_section(findings, coin) for coin in tables.coins(risk)],
        positions=tables.position_table(risk, MOST_POSITIONS),
        defects=tables.defect_table(findings.defects),
        clean=[defect.name for defect in findings.defects if not defect.count],
        version=hedgecore.__version__,
        plotly=offline.get_plotlyjs(),
    )
    return html


def _section(findings: Findings, coin: str) -> Row:
    """Cards, figures and table of one coin."""
    from hedgecore import figures

    risk = findings.risk
    total = risk.total[coin]
    cards = [("index", tables.amount(risk.market.index.get(coin)), "USD")]
    for what, measure, note in (
        ("value", "value_coin", f"{coin} = {tables.amount(total['value_usd'])} USD"),
        ("net delta", "net_delta", f"{coin}, net of premium"),
        ("USD delta", "usd_delta", f"{coin}, balances included"),
        ("gamma", "gamma_1pct", f"{coin} per 1 % move"),
        ("vega", "vega_usd", "USD per vol point"),
        ("theta", "theta_usd", "USD per day"),
    ):
        cards.append((what, tables.amount(total[measure]), note))
    shown = []
    if findings.options is not None:
        options = findings.options.frame
        shown += figures.of_chain(options.filter(options["base"] == coin))
    shown += figures.of_book(risk, coin)
    if findings.quotes is not None and "open_interest" in findings.quotes.part("quotes").frame:
        shown += figures.of_dealers(findings.quotes, risk, coin)
    return {
        "name": coin,
        "cards": cards,
        "figures": shown,
        "table": tables.bucket_table(risk, coin, "expiry"),
    }
