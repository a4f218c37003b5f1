"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Chain = Annotated[
    Path,
    typer.Argument(
        help="Option chain or quotes in any known format (see: hedgecore inspect).",
        exists=True,
        dir_okay=False,
    ),
]
Positions = Annotated[
    Path | None,
    typer.Option(
        help="The book: CSV with the columns instrument, quantity and perhaps entry_price, or the "
        "exchange's positions in JSON. Without it the open interest of the chain is the book.",
        exists=True,
        dir_okay=False,
    ),
]
At = Annotated[
    str | None,
    typer.Option(help="The last snapshot at or before this UTC time (ISO 8601)."),
]
Futures = Annotated[
    list[Path] | None,
    typer.Option(
        help="Quotes of perpetuals and futures in any known format; may be repeated.",
        exists=True,
        dir_okay=False,
    ),
]
Vols = Annotated[
    Literal["mark", "mid", "venue"],
    typer.Option(help="Implied from marks, from mids, or as the venue prints them."),
]
Json = Annotated[
    Path | None, typer.Option(help="Write everything to this JSON file; -: to the output.")
]
Html = Annotated[Path | None, typer.Option(help="Write a one-file report that works offline.")]
Dynamics = Annotated[
    str,
    typer.Option(
        metavar="sticky-strike|sticky-moneyness|ssr=R",
        help="How vols go with spot: they stay with the strike, with the moneyness, or by a skew-stickiness ratio R, by the "
        "slopes of SVI fitted to the chain.",
    ),
]
Threads = Annotated[
    int | None, typer.Option(min=1, help="Threads of the pricing core; default: all.")
]
