"""The command ``hedgecore``: the risk of an option chain, a demonstration, the version.

Tables go to the standard output, progress and errors to the standard error.  Exit status: 0 done,
1 bad input or a missing extra, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

try:
    import typer
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text
except ImportError as error:
    _missing: ImportError | None = error
else:
    _missing = None

from hedgecore.venues import ChainError

if TYPE_CHECKING:
    from hedgecore.risk import ChainRisk

_TIGHT: Final[dict[str, Any]] = {"pad_edge": False, "padding": (0, 1, 0, 0)}

PIPE_WIDTH: Final = 200
"""Columns of the tables where the standard output is no terminal."""


def risk(
    chain: Annotated[
        Path,
        typer.Argument(
            help="Option chain: six-hourly Deribit parquet or CSV, plain or gzipped.",
            exists=True,
            dir_okay=False,
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option(help="Show the last snapshot at or before this UTC time (ISO 8601)."),
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Write every row to this CSV file.")] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Write every row to this parquet file.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write a one-file HTML report of the snapshot shown.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the pricing core; default: all.")
    ] = None,
) -> None:
    """Implied vols, Greeks and data defects of an option chain, totals by expiry."""
    with _clear_errors():
        _risk(chain, at=at, csv=csv, parquet=parquet, report=report, threads=threads)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the files written.")] = Path("demo"),
) -> None:
    """The same on a realistic chain that the program makes itself; writes OUT/report.html."""
    with _clear_errors():
        from hedgecore.demo import demo_chain
        from hedgecore.report import replacing

        out.mkdir(parents=True, exist_ok=True)
        with _phase("making the chain") as done, replacing(out / "chain.csv") as file:
            chain = demo_chain()
            chain.write_csv(file)
            done(f"made {out / 'chain.csv'}, {chain.height:,} rows")
        _risk(out / "chain.csv", csv=out / "risk.csv", report=out / "report.html")


def version() -> None:
    """The version of hedgecore."""
    import hedgecore

    print(f"hedgecore {hedgecore.__version__}")


def main() -> None:
    """Run the command; the entry point of ``hedgecore`` and of ``python -m hedgecore``."""
    if _missing is not None:
        sys.exit(
            f"hedgecore: the command line needs typer and rich ({_missing}): "
            'pip install "hedgecore[cli]"'
        )
    app()


# --- the job ------------------------------------------------------------------------------------


def _risk(
    source: Path,
    *,
    at: str | None = None,
    csv: Path | None = None,
    parquet: Path | None = None,
    report: Path | None = None,
    threads: int | None = None,
) -> None:
    from hedgecore.report import replacing, require_plotting, write_report
    from hedgecore.risk import chain_risk
    from hedgecore.venues.deribit import read_chain

    if report is not None:
        require_plotting()  # say so before the work, not after
    for target in (csv, parquet, report):
        if target is not None and target.exists() and target.samefile(source):
            raise typer.BadParameter(f"{target} is the chain itself", param_hint="output file")

    with _phase(f"reading {source}") as done:
        chain = read_chain(source)
        done(f"read {source}: {chain.rows_read:,} rows, {chain.frame.height:,} can be valued")
    with _phase("implied vols and Greeks") as done:
        result = chain_risk(chain, threads=threads)
        done(f"implied 3 vols and computed every Greek of {result.frame.height:,} rows")
    try:
        result.snapshot(at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None

    if csv is not None:
        with _phase(f"writing {csv}") as done, replacing(csv) as file:
            result.frame.write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%.6f+00:00")
            done(f"wrote {csv}")
    if parquet is not None:
        with _phase(f"writing {parquet}") as done, replacing(parquet) as file:
            result.frame.write_parquet(file)
            done(f"wrote {parquet}")
    if report is not None:
        with _phase(f"writing {report}") as done:
            write_report(result, report, at=at)
            done(f"wrote {report}")
    _print_risk(result, at)


def _print_risk(result: ChainRisk, at: str | None) -> None:
    from hedgecore.tables import defect_table, expiry_table, usd_totals

    out = Console(highlight=False)
    if not out.is_terminal:
        out = Console(highlight=False, width=PIPE_WIDTH)
    times, shown = result.snapshots(), result.snapshot(at)["timestamp"][0]
    out.print(
        f"{escape(result.source)}: {result.frame.height:,} options in {len(times)} "
        f"snapshot{'s' * (len(times) > 1)}, {times[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M}"
        f" UTC\nShown: the snapshot of {shown:%Y-%m-%d %H:%M:%S} UTC, "
        "its open interest held long; USD at the index",
        soft_wrap=True,
    )
    for coin, (header, *lines, total) in expiry_table(result, at).items():
        table = Table(title=coin, title_justify="left", show_footer=True, **_TIGHT)
        for number, (cell, footer) in enumerate(zip(header, total, strict=True)):
            side = "right" if number else "left"
            table.add_column(cell, footer, justify=side, no_wrap=True)  # type: ignore[arg-type]
        for line in lines:
            table.add_row(*line)
        out.print(table)
    out.print(usd_totals(result, at) + "\n", soft_wrap=True)

    header, *lines = defect_table(result)
    table = Table(title="Data defects (whole file)", title_justify="left", **_TIGHT)
    for number, cell in enumerate(header):
        table.add_column(cell, justify="right" if 0 < number < 4 else "left", no_wrap=number < 4)
    for line in lines:
        table.add_row(*(Text(cell) for cell in line))
    out.print(table)
    clean = [defect.name for defect in result.defects if not defect.count]
    out.print(f"{len(clean)} checks found nothing: {', '.join(clean)}", soft_wrap=True)


# --- manners ------------------------------------------------------------------------------------


@contextmanager
def _phase(doing: str) -> Iterator[Callable[[str], None]]:
    """Show what is being done on the standard error, and afterwards what was done in how long."""
    err = Console(stderr=True, highlight=False)
    start = time.perf_counter()
    said = doing

    def done(text: str) -> None:
        nonlocal said
        said = text

    with err.status(escape(doing)):
        yield done
    err.print(f"{escape(said)} ({time.perf_counter() - start:.2f} s)", soft_wrap=True)


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Bad input, a missing extra and Ctrl-C end in one line and an exit status."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write("hedgecore: interrupted\n")
        raise typer.Exit(130) from None
    except BrokenPipeError:  # the reader of our table went away: nothing more to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from None
    except (ChainError, OSError, ImportError) as error:
        sys.stderr.write(f"hedgecore: {error}\n")
        raise typer.Exit(1) from None


if _missing is None:
    app = typer.Typer(
        name="hedgecore",
        help="Prices, Greeks and risk of crypto options.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for _command in (risk, demo, version):
        app.command()(_command)
