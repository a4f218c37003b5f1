"""A book in shocked markets as sections of a page, as JSON and as rows.

What is shown is a list of sections, each made by a function of :data:`SECTIONS` of the findings: a new part of the command is
a field of the findings and a function in that list; terminal, page and JSON show what it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from hedgecore import tables
from hedgecore.report.pages import Box, Row, Section, defect_section, market_line, render
from hedgecore.report.tails import history_section, stress_section
from hedgecore.risk import Risk
from hedgecore.scenarios import IN_USD, ScenarioGrid
from hedgecore.tables import plain, rows_of
from hedgecore.tables import scenarios as text
from hedgecore.tables.scenarios import Axes

if TYPE_CHECKING:
    from hedgecore.tails import Simulation
    from hedgecore.venues.defects import Defect
    from hedgecore.venues.tables import Table

LADDERS: Final = ("spot", "vol", "time")
STILL: Final = "sticky strike"


@dataclass(frozen=True)
class ScenarioFindings:
    """A book in shocked markets and what is known around it.

    Attributes
    ----------
    risk
        Of the book in the market as it is.
    axes
        Of the grid.
    options
        Further arguments of :meth:`hedgecore.Book.scenarios`: measures, vol_tenor, threads, ...
    book
        What the book is, in words.
    quotes
        The quotes that the market was made from, or None.
    level
        Of value at risk and expected shortfall.
    notes
        Further sentences on how the market was made.
    dynamics
        How vols go with spot, in words; the rule itself is among ``options``.
    stress, history
        The book in named episodes, and under the moves of the past.
    other_defects
        Ledger of the file of positions, if a venue's.
    """

    risk: Risk
    axes: Axes
    options: Mapping[str, Any] = field(default_factory=dict)
    book: str = "the book"
    quotes: Table | None = None
    level: float = 0.975
    notes: tuple[str, ...] = ()
    other_defects: tuple[Defect, ...] = ()
    dynamics: str = STILL
    stress: Simulation | None = None
    history: Simulation | None = None

    @cached_property
    def grid(self) -> ScenarioGrid:
        """The book at every combination of the axes."""
        return self.shocked(spot=self.axes.spot, vol=self.axes.vol, time=self.axes.time)

    @cached_property
    def ladders(self) -> dict[str, ScenarioGrid]:
        """The book along each axis that has several values, the others at rest."""
        return {
            axis: self.shocked(**{axis: getattr(self.axes, axis)})
            for axis in LADDERS
            if len(getattr(self.axes, axis)) > 1
        }

    @cached_property
    def sections(self) -> list[Section]:
        """What terminal, page and JSON show."""
        return [section for make in SECTIONS for section in make(self)]

    @property
    def defects(self) -> tuple[Defect, ...]:
        """The ledgers of the quotes and of the positions."""
        found = () if self.quotes is None else self.quotes.part("quotes").defects
        return (*found, *self.other_defects)

    @property
    def time(self) -> str:
        """The market's time, UTC."""
        return str(np.datetime_as_string(self.risk.market.time, unit="s")).replace("T", " ")

    @property
    def remarks(self) -> list[str]:
        """What the figures cover and how they were made, in sentences."""
        slides = () if self.dynamics == STILL else (f"Vols with spot: {self.dynamics}.",)
        return [*tables.remarks(self.risk), *slides, *self.notes]

    def shocked(self, **axes: Any) -> ScenarioGrid:
        """The book in the market, under other shocks and the same options."""
        shock = "relative" if self.axes.relative_vol else "absolute"
        return self.risk.book.scenarios(self.risk.market, **axes, vol_shock=shock, **self.options)


def render_scenarios(findings: ScenarioFindings) -> str:
    """The report of the scenarios as HTML text."""
    note = (
        "P&L is the value at the node less that in the market, in USD at the moved index; amounts in a coin are never added "
        f"across coins. Spot moves index, forwards and futures of a coin by one factor, all coins together; vols: {findings.dynamics}; "
        "what expires as time passes is worth its payoff. Greeks of the ladders are those "
        "at the node."
    )  # fmt: skip
    return render(
        f"Scenarios of {findings.book}",
        findings.time,
        [market_line(findings.quotes, findings.risk.market, findings.remarks), note],
        [*findings.sections, defect_section(findings.defects)],
    )


def scenario_document(findings: ScenarioFindings) -> Row:
    """The scenarios as JSON holds them; what is no finite number is None."""
    import hedgecore

    quotes, axes = findings.quotes, findings.axes
    options = {
        name: plain(value)
        for name, value in findings.options.items()
        if name not in ("threads", "dynamics")
    }
    return {
        "hedgecore": hedgecore.__version__,
        "time": plain(findings.risk.market.time),
        "book": findings.book,
        "chain": quotes and {"source": quotes.source, "format": quotes.format, "rows": quotes.rows_read},
        "index": dict(sorted(findings.risk.market.index.items())),
        "axes": {
            **{axis: getattr(axes, axis).tolist() for axis in LADDERS},
            "vol_shock": "relative" if axes.relative_vol else "absolute",
            **options,
            "dynamics": findings.dynamics,
        },
        "units": {name: tables.unit_of(name, "{coin}") for name in findings.grid.columns},
        "completeness": plain(asdict(findings.risk.completeness)),
        "remarks": findings.remarks,
        "nodes": plain(rows_of(findings.grid.table("underlying"))),
        **{section.name: section.data for section in findings.sections if section.data is not None},
        "defects": [plain(asdict(d)) for d in findings.defects if d.count],
        "checks_passed": [d.name for d in findings.defects if not d.count],
    }  # fmt: skip


# --- the sections -------------------------------------------------------------------------------


def total_section(found: ScenarioFindings) -> list[Section]:
    """P&L of everything in USD: heat map, ladders, the worst nodes."""
    from hedgecore.figures import scenarios as figures

    grid, axes = found.grid, found.axes
    node = text.worst_node(grid)
    where = text.node_words(grid, axes, node)
    pnl = grid.pnl().ravel()
    best = int(np.argmax(pnl))
    cards = [
        ("value", tables.amount(found.risk.total_usd["value_usd"]), "USD, at the market"),
        ("worst P&L", tables.amount(float(pnl[node])), f"USD: {where}"),
        ("best P&L", tables.amount(float(pnl[best])), f"USD: {text.node_words(grid, axes, best)}"),
        ("nodes", f"{len(grid):,}", " x ".join(str(n) for n in grid.shape)),
    ]
    spot, vol, time = (
        [Box(text.ladder_table(found.ladders[axis], axes, axis, None), printed=False, half=True)]
        if axis in found.ladders
        else []
        for axis in LADDERS
    )
    boxes = [  # halves of about one height stand side by side
        Box(text.heat_table(grid, axes, None)),
        *spot,
        Box(text.bucket_pnl_table(grid, axes, node), left=2, printed=False, half=True),
        *vol,
        Box(text.worst_table(grid, axes), left=3, half=True),
        *time,
    ]

    def draw() -> list[Row]:
        return [
            figures.heat_map(grid, axes, None),
            *_ladder_figures(found, None, ("pnl_usd",)),
            figures.by_expiry(grid, node, where),
        ]

    data = {
        "worst_node": {
            "node": node,
            "spot": float(axes.spot[np.unravel_index(node, grid.shape)[0]]),
            "vol": float(axes.vol[np.unravel_index(node, grid.shape)[1]]),
            "time": float(grid.time[node]),
            "pnl_usd": plain(float(pnl[node])),
            "by_expiry": [
                {"underlying": str(coin), "expiry_time": plain(when), "pnl_coin": plain(coins), "pnl_usd": plain(usd)}
                for coin, when, coins, usd in zip(
                    grid.underlying, grid.expiry_time, grid["pnl_coin"][node], grid["pnl_usd"][node], strict=True
                )
            ],
        },
        "ladders": {
            axis: plain(rows_of(of.table("underlying"))) for axis, of in found.ladders.items()
        },
    }  # fmt: skip
    return [Section("total", "All coins", tuple(cards), draw, tuple(boxes), data)]


def coin_sections(found: ScenarioFindings) -> list[Section]:
    """P&L of each coin in USD and in the coin, and its Greeks along the ladders."""
    return [_coin(found, coin) for coin in text.moved(found.grid)]


def tail_section(found: ScenarioFindings) -> list[Section]:
    """Value at risk and expected shortfall over the nodes, and what contributes."""
    from hedgecore.figures import scenarios as figures

    grid = found.grid
    tail = grid.tail(found.level)
    note = (
        f"Of {len(grid):,} nodes that count the same: a measure of the grid that was asked for, not a probability. Losses are "
        "positive; contributions add up to the total."
    )  # fmt: skip
    cards = (
        ("value at risk", tables.amount(tail.value_at_risk), f"USD of loss, level {tail.level:g}"),
        ("expected shortfall", tables.amount(tail.expected_shortfall), f"USD of loss, level {tail.level:g}"),
    )  # fmt: skip
    data = {
        "level": tail.level,
        "value_at_risk": tail.value_at_risk,
        "expected_shortfall": tail.expected_shortfall,
        "contributions": [
            {"underlying": str(coin), "expiry_time": plain(when), "value_at_risk": float(var), "expected_shortfall": float(es)}
            for coin, when, var, es in zip(
                grid.underlying, grid.expiry_time, tail.value_at_risk_by_bucket,
                tail.expected_shortfall_by_bucket, strict=True,
            )
        ],
    }  # fmt: skip
    return [
        Section(
            "tail",
            "Tail of the grid",
            cards,
            lambda: [figures.contributions(grid, tail), figures.distribution(grid, tail)],
            (Box(text.tail_table(grid, tail), "", (note,), left=2),),
            data,
        )
    ]


SECTIONS: Final[tuple[Callable[[ScenarioFindings], list[Section]], ...]] = (
    total_section,
    coin_sections,
    tail_section,
    stress_section,
    history_section,
)
"""What is shown, in order; each makes no, one or several sections."""


def _coin(found: ScenarioFindings, coin: str) -> Section:
    from hedgecore.figures import scenarios as figures

    grid, axes = found.grid, found.axes
    pnl, coins = grid.pnl(coin), grid.pnl(coin, "coin")
    total = found.risk.total.get(coin, {})
    cards = [("index", tables.amount(found.risk.market.index.get(coin)), "USD")]
    for what, measure, unit in (
        ("net delta", "net_delta", f"{coin}, at the market"),
        ("gamma", "gamma_usd_1pct", "USD per 1 % move"),
        ("vega", "vega_usd", "USD per vol point"),
        ("theta", "theta_usd", "USD per day"),
    ):
        cards.append((what, tables.amount(total.get(measure)), unit))
    cards.append(("worst P&L", tables.amount(float(pnl.min())), "USD, on the grid"))
    cards.append(("worst P&L", tables.amount(float(coins.min())), f"{coin}, on the grid"))
    names = tuple(name for name in grid.columns if name != "pnl_coin")

    def draw() -> list[Row]:
        return [
            figures.heat_map(grid, axes, coin),
            figures.heat_map(grid, axes, coin, "coin"),
            *_ladder_figures(found, coin, names),
        ]

    boxes = [
        Box(text.heat_table(grid, axes, coin)),
        *(
            Box(text.ladder_table(of, axes, axis, coin), half=True)
            for axis, of in found.ladders.items()
        ),
    ]
    return Section(coin, coin, tuple(cards), draw, tuple(boxes))


def _ladder_figures(found: ScenarioFindings, coin: str | None, names: tuple[str, ...]) -> list[Row]:
    """P&L by spot for several moves of vol, measures along spot, P&L along vol and time."""
    from hedgecore.figures import scenarios as figures

    shown = []
    if "spot" in found.ladders:
        shown.append(figures.pnl_by_spot(found.grid, found.axes, coin))
        shown += [
            figures.ladder(found.ladders, found.axes, "spot", name, coin)
            for name in names
            if name != "pnl_usd" and (coin is not None or name in IN_USD)
        ]
    shown += [
        figures.ladder(found.ladders, found.axes, axis, "pnl_usd", coin)
        for axis in ("vol", "time")
        if axis in found.ladders
    ]
    return shown
