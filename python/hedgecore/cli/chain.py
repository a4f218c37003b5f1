"""``hedgecore iv`` and ``hedgecore inspect``: the vols of a chain, what is in a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hedgecore.cli import options
from hedgecore.cli.inputs import read, read_quotes
from hedgecore.cli.manners import STDOUT, check_outputs, clear_errors, many
from hedgecore.terminal import output, phase, print_defects, print_table

if TYPE_CHECKING:
    from hedgecore.chain import Implied
    from hedgecore.venues.tables import Table


def iv(
    chain: options.Chain,
    at: options.At = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write every option of the file, with vols and Greeks.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="The same as parquet.")] = None,
    threads: options.Threads = None,
) -> None:
    """Implied vols of bid, ask and mark and forwards by put-call parity, beside the exchange's."""
    with clear_errors():
        if csv == STDOUT:
            raise typer.BadParameter("the rows go to a file", param_hint="--csv")
        check_outputs({"csv": csv, "parquet": parquet}, chain)
        _iv(chain, at, csv, parquet, threads)


def inspect(
    file: Annotated[
        Path, typer.Argument(help="Any file of market data.", exists=True, dir_okay=False)
    ],
) -> None:
    """What format a file has, what is in it, and what is wrong with it."""
    with clear_errors():
        from hedgecore.tables import content_lines, content_table, defect_table

        table = read(file)
        out = output()
        out.print("\n".join(content_lines(table)), markup=False, soft_wrap=True)
        for part in (table.parts or {table.kind: table}).values():
            print_table(out, content_table(part), left=2, texts=("meaning",))
        print_defects(
            out, defect_table(table.defects), [d.name for d in table.defects if not d.count]
        )


def imply(table: Table, greeks: bool, threads: int | None) -> Implied:
    """Imply the vols of every row, saying so."""
    from hedgecore.chain import implied
    from hedgecore.venues import DataError

    with phase("implied vols") as done:
        result = implied(table, greeks=greeks, threads=threads)
        if not result.frame.height:
            raise DataError(f"{table.source}: no options in this file")
        what = "3 vols and every Greek" if greeks else "3 vols"
        done(f"implied {what} of {result.frame.height:,} rows")
    return result


def write_rows(result: Implied, csv: Path | None, parquet: Path | None) -> None:
    """Write every option with its vols and Greeks."""
    from hedgecore.report import replacing

    if csv is not None:
        with phase(f"writing {csv}") as done, replacing(csv) as file:
            result.frame.write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%.6f+00:00")
            done(f"wrote {csv}")
    if parquet is not None:
        with phase(f"writing {parquet}") as done, replacing(parquet) as file:
            result.frame.write_parquet(file)
            done(f"wrote {parquet}")


def _iv(
    source: Path, at: str | None, csv: Path | None, parquet: Path | None, threads: int | None
) -> None:
    from hedgecore.chain import snapshot, snapshots
    from hedgecore.tables import defect_table, vol_tables, vols_by_expiry

    result = imply(read_quotes(source, at), bool(csv or parquet), threads)
    write_rows(result, csv, parquet)
    out, now = output(), snapshot(result.frame, at)
    times = snapshots(result.frame)
    shown_at: Any = now["timestamp"].max()
    out.print(
        f"{source}: {many(result.frame.height, 'row')} of options in {many(len(times), 'snapshot')}, "
        f"{times[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M} UTC\nShown: the snapshot of "
        f"{shown_at:%Y-%m-%d %H:%M:%S} UTC. Vols in % a year; bp of the venue's forward.",
        markup=False,
        soft_wrap=True,
    )
    for shown in vol_tables(vols_by_expiry(now)):
        print_table(out, shown)
    clean = [defect.name for defect in result.defects if not defect.count]
    print_defects(out, defect_table(result.defects), clean)
