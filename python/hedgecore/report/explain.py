"""What made the profit of a book between two markets, as a page and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hedgecore import tables
from hedgecore.explain import TERMS, Explain
from hedgecore.instruments import USD_LIKE
from hedgecore.report.pages import Box, Row, Section, render
from hedgecore.tables import plain, rows_of
from hedgecore.tables.explain import explain_table, lines_of
from hedgecore.tables.text import listed

MOST_UNEXPLAINED = 0.05
"""Share of the residual from which on the lines do not explain the profit."""


@dataclass(frozen=True)
class ExplainFindings:
    """The causes of a profit and what is known around them.

    Attributes
    ----------
    lines
        By :meth:`hedgecore.Book.explain`.
    book, source
        What the book is, and what the markets are from, in words.
    dynamics
        How vols go with spot, in words.
    greeks
        Where the Greeks were taken: "start" or "mid".
    notes
        Further sentences on how the markets were made.
    """

    lines: Explain
    book: str
    source: str
    dynamics: str = "sticky strike"
    greeks: str = "start"
    notes: tuple[str, ...] = ()

    @property
    def times(self) -> tuple[str, str]:
        """Of the markets, UTC, to the second."""
        before, after = (
            str(np.datetime_as_string(market.time, unit="s")).replace("T", " ")
            for market in (self.lines.before, self.lines.after)
        )
        return before, after

    @property
    def coins(self) -> list[str]:
        """The underlyings with options, futures or perpetuals, or a balance."""
        return [
            coin for coin in dict.fromkeys(self.lines.underlying.tolist()) if coin not in USD_LIKE
        ]

    @property
    def remarks(self) -> list[str]:
        """How it was made, what was settled and left out, in sentences."""
        lines = self.lines
        where = "in the middle" if self.greeks == "mid" else "at the start"
        how = (
            f"Vols with spot: {self.dynamics}; Greeks {where}. The lines add up to the full revaluation; what they do not "
            "explain is the residual."
        )
        said = [how, *self.notes]
        share = lines.residual_share()
        if share > MOST_UNEXPLAINED:
            said.append(
                f"The residual is {100 * share:.1f} % of the lines: they do not explain this profit."
            )
        for what, names in (
            ("Settled in between at the index of the market after", lines.settled),
            ("Not valued in one of the markets, in no line", lines.left_out),
        ):
            if names:
                said.append(f"{what}: {listed(names)}.")
        return said

    @cached_property
    def sections(self) -> list[Section]:
        """What terminal, page and JSON show."""
        return [self._total(), *(self._coin(coin) for coin in self.coins)]

    def _total(self) -> Section:
        lines = self.lines
        total = lines.total
        moves = [
            (f"index of {coin}", tables.amount(lines.after.index.get(coin)), _change(lines, coin))
            for coin in self.coins
        ]
        cards = (
            ("P&L", tables.amount(total["pnl"]), "USD"),
            ("residual", tables.amount(total["residual"]), "USD"),
            ("residual share", f"{100 * lines.residual_share():.2f} %", "of the sum of the lines"),
            *moves,
        )

        def draw() -> list[Row]:
            from hedgecore.figures import explain as figures

            return [figures.waterfall(lines) | {"wide": True}]

        return Section(
            "total", "All coins", cards, draw, (Box(explain_table(lines, "underlying")),),
            {"lines": plain(total), "residual_share": lines.residual_share()},
        )  # fmt: skip

    def _coin(self, coin: str) -> Section:
        lines = self.lines

        def draw() -> list[Row]:
            from hedgecore.figures import explain as figures

            return [figures.waterfall(lines, coin), figures.waterfall(lines, coin, "coin")]

        boxes = (
            Box(explain_table(lines, "expiry", coin)),
            Box(explain_table(lines, "expiry", coin, "coin"), printed=False),
        )
        data = {
            "usd": plain(lines_of(lines, coin)),
            "coin": plain(lines_of(lines, coin, "coin")),
            "residual_share": lines.residual_share(coin),
            "by_expiry": plain(rows_of(lines.table("expiry"), underlying=coin)),
        }
        cards = (
            ("P&L", tables.amount(data["usd"]["pnl"]), "USD"),
            ("P&L", tables.amount(data["coin"]["pnl"]), coin),
            ("residual share", f"{100 * data['residual_share']:.2f} %", "of the sum of the lines"),
        )
        return Section(coin, coin, cards, draw, boxes, data)


def render_explain(findings: ExplainFindings) -> str:
    """The report as HTML text."""
    before, after = findings.times
    note = (
        "delta, gamma: the forward moved with the index; smile: what the rule makes of vols as it moves; vega, vanna, volga: the rest "
        "of the moves of vol; theta: time; carry: moves of forwards against the index, discount rates; translation: the value before, "
        "in a coin that itself moved in USD; residual: the full revaluation less all others."
    )  # fmt: skip
    return render(
        f"P&L of {findings.book}",
        f"{before} to {after}",
        [f", markets from {findings.source}. {' '.join(findings.remarks)}", note],
        findings.sections,
    )


def explain_document(findings: ExplainFindings) -> Mapping[str, object]:
    """The causes as JSON holds them."""
    import hedgecore

    lines = findings.lines
    return {
        "hedgecore": hedgecore.__version__,
        "from": plain(lines.before.time),
        "to": plain(lines.after.time),
        "book": findings.book,
        "chain": findings.source,
        "dynamics": findings.dynamics,
        "greeks": findings.greeks,
        "terms": list(TERMS),
        "remarks": findings.remarks,
        "settled": list(lines.settled),
        "left_out": list(lines.left_out),
        **{section.name: section.data for section in findings.sections},
    }


def _change(lines: Explain, coin: str) -> str:
    before, after = (market.index.get(coin) for market in (lines.before, lines.after))
    return "USD" if not before or not after else f"USD, {100 * (after / before - 1):+.2f} %"
