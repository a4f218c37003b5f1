"""The vol surfaces of a chain as sections of a page, as JSON and as rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hedgecore import tables
from hedgecore.report.pages import Box, Row, Section, defect_section, render
from hedgecore.surface import MODELS
from hedgecore.surface.implied_variance import MONTH
from hedgecore.tables import plain, rows_of
from hedgecore.tables import surface as text
from hedgecore.tables.fits import CORE, Fit, fits_of, joined, wings

if TYPE_CHECKING:
    from hedgecore.surface.quotes import ForwardFrom
    from hedgecore.surface.surface import Model
    from hedgecore.venues.tables import Table


@dataclass(frozen=True)
class SurfaceFindings:
    """The fitted smiles of a chain and what is known around them.

    Attributes
    ----------
    quotes
        The table they were fitted to.
    asof
        UTC time of the newest quote.
    model, forward
        How they were fitted: :func:`hedgecore.surface.fit`, :func:`hedgecore.surface.smiles`.
    fits
        One for every coin and settlement.
    """

    quotes: Table
    asof: datetime
    model: Model
    forward: ForwardFrom
    fits: tuple[Fit, ...]

    @classmethod
    def of(
        cls,
        quotes: Table,
        at: str | datetime | None = None,
        *,
        model: Model = "svi_free",
        forward: ForwardFrom = "venue",
    ) -> SurfaceFindings:
        """Fit the surfaces of a table of quotes.

        Raises
        ------
        ValueError
            No quotes of options at that time; an unknown model or forward.
        """
        asof, fits = fits_of(quotes, at, model=model, forward=forward)
        return cls(quotes, asof, model, forward, fits)

    @cached_property
    def slices(self) -> tables.Columns:
        """A row for every expiry: :attr:`hedgecore.tables.fits.Fit.slices`."""
        return joined(self.fits, "slices")

    @cached_property
    def rows(self) -> tables.Columns:
        """A row for every strike used: :attr:`hedgecore.tables.fits.Fit.quotes`."""
        return joined(self.fits, "quotes")

    @cached_property
    def sections(self) -> list[Section]:
        """What terminal and page show."""
        return [_section(fit) for fit in self.fits]

    @property
    def time(self) -> str:
        """The time of the newest quote, UTC, to the second."""
        return f"{self.asof:%Y-%m-%d %H:%M:%S}"

    @property
    def remarks(self) -> list[str]:
        """How the fits were made, and every expiry that has none, in sentences."""
        source = "the venue's, by put-call parity where it has none"
        by = (
            "by put-call parity, the venue's where there is no pair"
            if self.forward == "parity"
            else source
        )
        return [
            f"Model: {MODELS[self.model]}. Forwards of the vols: {by}.",
            *(f"{line}." for line in text.unfit(self.fits)),
        ]


def render_surface(findings: SurfaceFindings) -> str:
    """The report of the surfaces as HTML text."""
    name = Path(findings.quotes.source).name
    note = (
        "Vols in % a year at the middle of bid and ask; slopes are d vol / d ln(strike); 25d RR is the vol of the call of "
        "Black delta 0.25 on the forward less that of the put, 25d BF their mean less the vol at the money. Model-free "
        "vols are of the strip of the strikes quoted, without what lies beyond them. Inside: share of the quotes out of the "
        f"money, of deltas {CORE[0]:g} to {CORE[1]:g}, whose bid and ask hold the fit between them."
    )  # fmt: skip
    return render(
        f"Vol surfaces of {name}",
        findings.time,
        [f". {' '.join(findings.remarks)}", note],
        [*findings.sections, defect_section(findings.quotes.defects)],
    )


def surface_document(findings: SurfaceFindings) -> Row:
    """The surfaces as JSON holds them; what is no finite number is None."""
    import hedgecore

    quotes = findings.quotes
    return {
        "hedgecore": hedgecore.__version__,
        "time": findings.asof.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "chain": {"source": quotes.source, "format": quotes.format, "rows": quotes.rows_read},
        "model": findings.model,
        "forward": findings.forward,
        "remarks": findings.remarks,
        "surfaces": [section.data for section in findings.sections],
        "defects": [plain(asdict(d)) for d in quotes.defects if d.count],
        "checks_passed": [d.name for d in quotes.defects if not d.count],
    }


def _section(fit: Fit) -> Section:
    from hedgecore import figures

    boxes = [Box(text.slice_table(fit))]
    if fit.surface is not None:
        boxes.append(Box(text.arbitrage_table(fit), printed=False, half=True))
        boxes.append(Box(text.parameter_table(fit), printed=False, half=True))
    boxes.append(Box(text.rejected_table(fit)))
    return Section(
        f"{fit.base}-{fit.settlement}",
        text.name_of(fit),
        tuple(_cards(fit)),
        lambda: figures.of_fit(fit),
        tuple(boxes),
        {
            "underlying": fit.base,
            "settlement": fit.settlement,
            "index": plain(fit.index),
            "model_free_vol_30d": plain(fit.month_vol),
            "expiries": plain(rows_of(fit.slices)),
            "quotes": plain(rows_of(fit.quotes)) if fit.quotes else [],
        },
    )


def _cards(fit: Fit) -> Sequence[tuple[str, str, str]]:
    if fit.surface is None:
        return []
    reversal, butterfly = wings(fit.surface, MONTH)
    inside, of = text.share_inside(fit)
    violations = [row for row in rows_of(fit.slices) if text.flags(row) not in ("none", "no slice")]
    return [
        ("index", tables.amount(fit.index), "USD"),
        ("at the money", f"{100 * float(fit.surface.atm_vol(MONTH)):.1f} %", "vol, 30 days"),
        ("risk reversal", _points(reversal), "vol points, 25 delta, 30 days"),
        ("butterfly", _points(butterfly), "vol points, 25 delta, 30 days"),
        ("model-free", _percent(fit.month_vol), "30 days, strikes quoted"),
        ("inside bid-ask", f"{100 * inside / of:.1f} %" if of else "-", f"of {of:,} quotes"),
        ("arbitrage", f"{len(violations)} of {len(fit.places)}", "slices, on a grid"),
    ]


def _points(value: float) -> str:
    return f"{100 * value:+.2f}" if math.isfinite(value) else "-"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if math.isfinite(value) else "-"
