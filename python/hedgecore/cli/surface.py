"""``hedgecore surface``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hedgecore.cli import options
from hedgecore.cli.inputs import read_quotes
from hedgecore.cli.manners import STDOUT, check_outputs, clear_errors, many, write_outputs
from hedgecore.terminal import output, phase, print_sections

if TYPE_CHECKING:
    from hedgecore.report.surface import SurfaceFindings
    from hedgecore.surface.quotes import ForwardFrom
    from hedgecore.surface.surface import Model

Models = Literal["svi", "svi_free", "essvi", "sabr"]
"""Those of :data:`hedgecore.surface.MODELS`, which takes longer to import than a help text may."""


def surface(
    chain: options.Chain,
    at: options.At = None,
    model: Annotated[
        Models,
        typer.Option(
            help="Raw SVI by expiry; the same without butterfly arbitrage where quoted; eSSVI without butterfly "
            "and calendar arbitrage; SABR by expiry, beta 1."
        ),
    ] = "svi_free",
    forward: Annotated[
        Literal["venue", "parity"],
        typer.Option(help="Forwards of the vols: the exchange's, or by put-call parity of mids."),
    ] = "venue",
    json: options.Json = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Write every strike used: vols of bid, middle, ask and fit, parameters; -: to the output."
        ),
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="The same as parquet.")] = None,
    slices_csv: Annotated[
        Path | None,
        typer.Option(
            help="Write every expiry: forwards, parameters, shape, arbitrage, rejected rows."
        ),
    ] = None,
    html: options.Html = None,
) -> None:
    """Vol surfaces fitted to the quotes of a chain: shape, closeness, arbitrage, what was left out."""
    with clear_errors():
        outputs = {
            "json": json,
            "csv": csv,
            "parquet": parquet,
            "slices-csv": slices_csv,
            "html": html,
        }
        check_outputs(outputs, chain)
        found = fitted(chain, at, model, forward)
        write_surface(found, outputs)
        if STDOUT not in (json, csv):
            print_surface(found)


def fitted(
    chain: Path, at: str | None = None, model: Model = "svi_free", forward: ForwardFrom = "venue"
) -> SurfaceFindings:
    """Everything that ``surface`` shows."""
    from hedgecore.report.surface import SurfaceFindings
    from hedgecore.tables.surface import unfit
    from hedgecore.venues import DataError

    quotes = read_quotes(chain, at)
    if not (quotes.frame["type"] == "option").any():
        raise DataError(f"{chain}: no options in this file")
    with phase("fitting") as done:
        found = SurfaceFindings.of(quotes, at, model=model, forward=forward)
        slices = sum(len(fit.places) for fit in found.fits)
        if not slices:
            raise DataError(
                f"{chain}: nothing fits: {'; '.join(unfit(found.fits)) or 'all options have expired'}"
            )
        count = sum(len(fit.smiles) for fit in found.fits)
        done(f"fitted {slices} of {many(count, 'smile')} at {found.time} UTC")
    return found


def write_surface(found: SurfaceFindings, outputs: dict[str, Path | None]) -> None:
    """Write the files of ``surface``."""
    from hedgecore.report import files
    from hedgecore.report.surface import render_surface, surface_document

    write_outputs(
        outputs,
        {
            "json": lambda path: files.write_json(surface_document(found), path),
            "csv": lambda path: files.write_csv(found.rows, path),
            "parquet": lambda path: files.write_parquet(found.rows, path),
            "slices-csv": lambda path: files.write_csv(found.slices, path),
            "html": lambda path: files.write_text(render_surface(found), path),
        },
    )


def print_surface(found: SurfaceFindings) -> None:
    """Print the tables of ``surface``."""
    out = output()
    out.print(
        f"Vol surfaces of {found.quotes.source} at {found.time} UTC", markup=False, soft_wrap=True
    )
    print_sections(out, found.sections, found.remarks, found.quotes.defects)
