"""``hedgecore risk``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hedgecore.cli import options
from hedgecore.cli.inputs import read_held
from hedgecore.cli.manners import (
    BREACHED,
    STDOUT,
    check_outputs,
    clear_errors,
    many,
    write_outputs,
)
from hedgecore.terminal import phase, print_risk

if TYPE_CHECKING:
    from hedgecore.chain import Vols
    from hedgecore.report import Findings


def risk(
    chain: options.Chain,
    positions: options.Positions = None,
    limits: Annotated[
        Path | None,
        typer.Option(
            help="Net limits in TOML; a breach is exit status 3.", exists=True, dir_okay=False
        ),
    ] = None,
    by: Annotated[
        Literal["underlying", "expiry", "strike"],
        typer.Option(help="Rows of the tables and of --csv."),
    ] = "expiry",
    at: options.At = None,
    futures: options.Futures = None,
    vols: options.Vols = "mark",
    json: options.Json = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write the rows of --by to this CSV; -: to the output.")
    ] = None,
    positions_csv: Annotated[
        Path | None, typer.Option(help="Write the risk of every position to this CSV file.")
    ] = None,
    parquet: Annotated[
        Path | None,
        typer.Option(help="Write every option of the chain, with vols and Greeks, as iv does."),
    ] = None,
    html: options.Html = None,
    threads: options.Threads = None,
) -> None:
    """Value and Greeks of a book by underlying, expiry and strike; limits; what was left out."""
    with clear_errors():
        outputs = {"json": json, "csv": csv, "positions-csv": positions_csv, "html": html}
        others = futures or []
        check_outputs(outputs | {"parquet": parquet}, chain, positions, limits, *others)
        found = assess(chain, positions, limits, at, vols, threads, others)
        write_risk(found, outputs, by)
        if parquet is not None and found.quotes is not None:
            from hedgecore.cli.chain import imply, write_rows

            write_rows(imply(found.quotes, True, threads), None, parquet)
        if STDOUT not in (json, csv):
            print_risk(found, by)
        if found.breaches:
            sys.stderr.write(f"hedgecore: {many(len(found.breaches), 'limit')} breached\n")
            raise typer.Exit(BREACHED)


def assess(
    chain: Path,
    positions: Path | None,
    limits: Path | None,
    at: str | None = None,
    vols: Vols = "mark",
    threads: int | None = None,
    futures: Sequence[Path] = (),
) -> Findings:
    """Everything that ``risk`` shows."""
    from hedgecore.limits import read_limits
    from hedgecore.report import Findings
    from hedgecore.venues import DataError

    rules = None if limits is None else read_limits(limits)
    held = read_held(chain, positions, at, vols, futures)
    with phase("Greeks") as done:
        found = Findings(
            held.book.risk(held.market, strikes=True, threads=threads),
            held.name,
            held.quotes,
            rules,
            held.ledger,
        )
        try:
            found.breaches  # noqa: B018  here, so that an error names the file
        except ValueError as error:
            raise DataError(f"{limits}: {error}") from None
        done(f"valued {found.risk.completeness.valued:,} instruments at {found.time} UTC")
    if not found.risk.completeness.valued:
        raise DataError(f"{positions or chain}: nothing can be valued: {found.risk.completeness}")
    return found


def write_risk(found: Findings, outputs: dict[str, Path | None], by: Any) -> None:
    """Write the files of ``risk``."""
    from hedgecore import report

    risk = found.risk
    write_outputs(
        outputs,
        {
            "json": lambda path: report.write_json(found, path),
            "csv": lambda path: report.write_csv(risk.table(by), path),
            "positions-csv": lambda path: report.write_csv(risk.positions(), path),
            "html": lambda path: report.write_report(found, path),
        },
    )
