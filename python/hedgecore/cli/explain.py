"""``hedgecore explain``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hedgecore.cli import options
from hedgecore.cli.inputs import check_time, market_of, read, read_book, read_quotes, sliding
from hedgecore.cli.manners import STDOUT, check_outputs, clear_errors, many, write_outputs
from hedgecore.cli.values import dynamics_of
from hedgecore.terminal import output, phase, print_sections

if TYPE_CHECKING:
    from hedgecore.chain import Vols
    from hedgecore.report.explain import ExplainFindings


def explain(
    chain: options.Chain,
    start: Annotated[
        str | None,
        typer.Option("--from", help="The last snapshot of CHAIN at or before this UTC time."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", help="The same for the market after; default: the newest."),
    ] = None,
    after: Annotated[
        Path | None,
        typer.Option(
            help="The file with the market after; default: CHAIN.", exists=True, dir_okay=False
        ),
    ] = None,
    positions: options.Positions = None,
    futures: options.Futures = None,
    vols: options.Vols = "mark",
    dynamics: options.Dynamics = "sticky-strike",
    greeks: Annotated[
        Literal["start", "mid"],
        typer.Option(help="Where the Greeks are taken: in the market before, or half way."),
    ] = "start",
    by: Annotated[
        Literal["total", "underlying", "expiry"], typer.Option(help="Rows of --csv.")
    ] = "expiry",
    json: options.Json = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write the lines in USD to this CSV; -: to the output.")
    ] = None,
    html: options.Html = None,
) -> None:
    """What made the P&L of a book between two snapshots: delta, gamma, vega, theta, carry, residual."""
    with clear_errors():
        outputs = {"json": json, "csv": csv, "html": html}
        others = futures or []
        check_outputs(outputs, chain, positions, after, *others)
        found = assess(
            chain, start, end, after, positions, vols=vols, futures=others, dynamics=dynamics, greeks=greeks
        )  # fmt: skip
        write_explain(found, outputs, by)
        if STDOUT not in (json, csv):
            print_explain(found)


def assess(
    chain: Path,
    start: str | None,
    end: str | None,
    after: Path | None = None,
    positions: Path | None = None,
    *,
    vols: Vols = "mark",
    futures: Sequence[Path] = (),
    dynamics: str = "sticky-strike",
    greeks: Literal["start", "mid"] = "start",
) -> ExplainFindings:
    """Everything that ``explain`` shows."""
    ratio = dynamics_of(dynamics)
    if start is None and after is None:
        raise typer.BadParameter("say from when, or give --after", param_hint="--from")

    from hedgecore.chain import open_interest
    from hedgecore.report.explain import ExplainFindings
    from hedgecore.venues import DataError

    book = None if positions is None else read_book(positions)[0]
    quotes = read_quotes(chain, start, "--from")
    later = quotes if after is None else read_quotes(after, None)
    check_time(later, end, "--to")
    others = [read(path).part("quotes") for path in futures]
    before = market_of(quotes, start, vols, others)
    then = market_of(later, end, vols, others)
    if not before.time < then.time:
        raise typer.BadParameter(
            f"the market after, of {then.time} UTC, is not later than that before, of {before.time} UTC",
            param_hint="--to" if after is None else "--after",
        )
    if book is None:
        book = open_interest(quotes, start)
        if not len(book):
            raise DataError(f"{chain}: no open interest to be the book; give --positions")
    rule, words, said = sliding(quotes, start, ratio)
    with phase("P&L explain") as done:
        lines = book.explain(before, then, dynamics=rule, at=greeks)
        if not len(lines.underlying):
            raise DataError(f"{positions or chain}: nothing can be valued in both markets")
        done(f"explained the P&L of {many(len(lines.underlying), 'bucket')}")
    name = f"the open interest of {chain.name}" if positions is None else positions.name
    source = chain.name if after is None else f"{chain.name} and {after.name}"
    return ExplainFindings(lines, name, source, words, greeks, said)


def write_explain(
    found: ExplainFindings,
    outputs: dict[str, Path | None],
    by: Literal["total", "underlying", "expiry"] = "expiry",
) -> None:
    """Write the files of ``explain``."""
    from hedgecore.report import files
    from hedgecore.report.explain import explain_document, render_explain

    write_outputs(
        outputs,
        {
            "json": lambda path: files.write_json(explain_document(found), path),
            "csv": lambda path: files.write_csv(found.lines.table(by), path),
            "html": lambda path: files.write_text(render_explain(found), path),
        },
    )


def print_explain(found: ExplainFindings) -> None:
    """Print the tables of ``explain``."""
    out = output()
    before, after = found.times
    out.print(f"P&L of {found.book}, {before} to {after} UTC", markup=False, soft_wrap=True)
    print_sections(out, found.sections, found.remarks, ())
