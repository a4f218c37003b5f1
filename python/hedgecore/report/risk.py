"""The risk of a book as a page, as JSON: what is known around it, and how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore import tables
from hedgecore.limits import Breach, check
from hedgecore.report import files
from hedgecore.report.pages import Box, Row, Section, defect_section, market_line, render
from hedgecore.risk import Risk
from hedgecore.tables import plain, rows_of

if TYPE_CHECKING:
    from hedgecore.chain import Implied
    from hedgecore.venues.defects import Defect
    from hedgecore.venues.tables import Table

MOST_POSITIONS: Final = 200
"""Positions listed in the report; the JSON and CSV files have all."""

_UNITS: Final = (
    "Amounts in a coin are never added across coins; USD are at the index. Net delta: coins to trade, net of the "
    "premium where settled in the coin. USD delta: derivative of the value in USD by the index, balances included. "
    "Black delta: not net of premium, in units of the underlying. Black-76 on the forward of each expiry, ACT/365."
)


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
    files.write_json(document(findings), path)


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
    files.write_text(render_report(findings), path)


def render_report(findings: Findings | Risk) -> str:
    """The HTML text of `write_report`."""
    if isinstance(findings, Risk):
        findings = Findings(findings)
    risk, breaches = findings.risk, findings.breaches
    boxes = [Box(tables.underlying_table(risk))]
    if breaches:
        boxes.insert(0, Box(tables.breach_table(breaches), look="bad text"))
    elif breaches is not None:
        boxes.insert(0, Box(tables.TextTable("All limits kept", (), (), ()), look="good"))
    positions = tables.position_table(risk, MOST_POSITIONS)
    note = "Quantities in coins; of inverse futures and perpetuals in USD."
    return render(
        f"Risk of {findings.book}",
        findings.time,
        [market_line(findings.quotes, risk.market, tables.remarks(risk)), _UNITS],
        [
            Section("all", "", boxes=tuple(boxes)),
            *(_section(findings, coin) for coin in tables.coins(risk)),
            Section("positions", "Positions", boxes=(Box(positions, "scroll", (note,)),)),
            defect_section(findings.defects),
        ],
    )


def _section(findings: Findings, coin: str) -> Section:
    """Cards, figures and table of one coin."""
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
    table = tables.bucket_table(risk, coin, "expiry")
    return Section(coin, coin, tuple(cards), lambda: _figures(findings, coin), (Box(table),))


def _figures(findings: Findings, coin: str) -> list[Row]:
    from hedgecore import figures

    shown: list[Row] = []
    if findings.options is not None:
        options = findings.options.frame
        shown += figures.of_chain(options.filter(options["base"] == coin))
    shown += figures.of_book(findings.risk, coin)
    if findings.quotes is not None and "open_interest" in findings.quotes.part("quotes").frame:
        shown += figures.of_dealers(findings.quotes, findings.risk, coin)
    return shown
