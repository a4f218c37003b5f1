"""The command ``hedgecore``: the risk of a book, the vols of a chain, what is in a file, a demonstration.

Tables go to the standard output, progress and errors to the standard error.  Exit status: 0 done,
1 bad input or a missing extra, 2 wrong usage, 3 limits are breached (everything is printed and
written all the same), 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

try:
    import typer

    from hedgecore.terminal import output, phase, print_defects, print_risk, print_table
except ImportError as error:
    _missing: ImportError | None = error
except KeyboardInterrupt:  # in the first moments there is nothing to tidy up
    sys.stderr.write("hedgecore: interrupted\n")
    sys.exit(130)
else:
    _missing = None

if TYPE_CHECKING:
    from hedgecore.book import Book
    from hedgecore.chain import Implied, Vols
    from hedgecore.report import Findings
    from hedgecore.venues.tables import Table

BREACHED: Final = 3
"""Exit status where limits are breached."""

_STATUS: Final = (
    "Exit status: 0 done; 1 bad input or a missing extra; 2 wrong usage; "
    "3 limits are breached (everything is printed and written all the same); 130 interrupted."
)
_STDOUT: Final = Path("-")


def risk(
    chain: Annotated[
        Path,
        typer.Argument(
            help="Option chain or quotes in any known format (see: hedgecore inspect).",
            exists=True,
            dir_okay=False,
        ),
    ],
    positions: Annotated[
        Path | None,
        typer.Option(
            help="The book: CSV with the columns instrument, quantity and perhaps entry_price, or the "
            "exchange's positions in JSON. Without it the open interest of the chain is the book.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
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
    at: Annotated[
        str | None,
        typer.Option(help="The last snapshot at or before this UTC time (ISO 8601)."),
    ] = None,
    futures: Annotated[
        list[Path] | None,
        typer.Option(
            help="Quotes of perpetuals and futures in any known format; may be repeated.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    vols: Annotated[
        Literal["mark", "mid", "venue"],
        typer.Option(help="Implied from marks, from mids, or as the venue prints them."),
    ] = "mark",
    json: Annotated[
        Path | None, typer.Option(help="Write everything to this JSON file; -: to the output.")
    ] = None,
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
    html: Annotated[
        Path | None, typer.Option(help="Write a one-file report that works offline.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the pricing core; default: all.")
    ] = None,
) -> None:
    """Value and Greeks of a book by underlying, expiry and strike; limits; what was left out."""
    with _clear_errors():
        outputs = {"json": json, "csv": csv, "positions-csv": positions_csv, "html": html}
        others = futures or []
        _check_outputs(outputs | {"parquet": parquet}, chain, positions, limits, *others)
        found = _assess(chain, positions, limits, at, vols, threads, others)
        _write(found, outputs, by)
        if parquet is not None and found.quotes is not None:
            _write_rows(_implied(found.quotes, True, threads), None, parquet)
        if _STDOUT not in (json, csv):
            print_risk(found, by)
        if found.breaches:
            sys.stderr.write(f"hedgecore: {_many(len(found.breaches), 'limit')} breached\n")
            raise typer.Exit(BREACHED)


def iv(
    chain: Annotated[
        Path,
        typer.Argument(
            help="Option chain or quotes in any known format.", exists=True, dir_okay=False
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option(help="Show the last snapshot at or before this UTC time (ISO 8601)."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write every option of the file, with vols and Greeks.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="The same as parquet.")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the pricing core; default: all.")
    ] = None,
) -> None:
    """Implied vols of bid, ask and mark and forwards by put-call parity, beside the exchange's."""
    with _clear_errors():
        if csv == _STDOUT:
            raise typer.BadParameter("the rows go to a file", param_hint="--csv")
        _check_outputs({"csv": csv, "parquet": parquet}, chain)
        _iv(chain, at, csv, parquet, threads)


def inspect(
    file: Annotated[
        Path, typer.Argument(help="Any file of market data.", exists=True, dir_okay=False)
    ],
) -> None:
    """What format a file has, what is in it, and what is wrong with it."""
    with _clear_errors():
        from hedgecore.tables import content_lines, content_table, defect_table

        table = _read(file)
        out = output()
        out.print("\n".join(content_lines(table)), markup=False, soft_wrap=True)
        for part in (table.parts or {table.kind: table}).values():
            print_table(out, content_table(part), left=2, texts=("meaning",))
        print_defects(
            out, defect_table(table.defects), [d.name for d in table.defects if not d.count]
        )


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the files written.")] = Path("demo"),
) -> None:
    """The risk of a book in two coins, in a market that the program makes itself; OUT/report.html."""
    with _clear_errors():
        from hedgecore.demo import write_demo

        with phase("making chain, positions and limits") as done:
            chain, positions, limits = write_demo(out)
            done(f"made {chain}, {positions.name} and {limits.name}")
        html = out / "report.html"
        found = _assess(chain, positions, limits)
        _write(found, {"html": html}, "expiry")
        print_risk(found, "expiry")
        count = len(found.breaches or ())
        print(
            f"\n{count} limits of the demonstration are breached, as they are meant to be: the command"
            f" below therefore ends\nwith exit status {BREACHED}. Open {html} in a browser. The same"
            f" by hand, or with files of your own:\n\n  hedgecore risk {chain} --positions {positions}"
            f" --limits {limits} --html {html}"
        )


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
    try:
        app()
    except KeyboardInterrupt:
        sys.stderr.write("hedgecore: interrupted\n")
        sys.exit(130)


# --- the jobs -----------------------------------------------------------------------------------


def _read(path: Path) -> Table:
    from hedgecore import venues

    with phase(f"reading {path}") as done:
        table = venues.read(path)
        done(f"read {path}: {table.format}, {table.rows_read:,} rows")
    return table


def _assess(
    chain: Path,
    positions: Path | None,
    limits: Path | None,
    at: str | None = None,
    vols: Vols = "mark",
    threads: int | None = None,
    futures: Sequence[Path] = (),
) -> Findings:
    """Everything that ``risk`` shows."""
    from hedgecore.book import Market
    from hedgecore.chain import newest_time, open_interest
    from hedgecore.limits import read_limits
    from hedgecore.report import Findings
    from hedgecore.venues import DataError

    rules = None if limits is None else read_limits(limits)
    book, ledger = (None, ()) if positions is None else _read_book(positions)
    quotes = _read(chain).part("quotes")
    _check_time(quotes, at)
    others = [_read(path).part("quotes") for path in futures]
    with phase("vols and Greeks") as done:
        prices: dict[str, float] = {}
        for other in others:
            prices |= Market.from_quotes(other, newest_time(quotes, at)).prices
        market = Market.from_quotes(quotes, at, vols, prices=prices)
        if book is None:
            book = open_interest(quotes, at)
            if not len(book):
                raise DataError(f"{chain}: no open interest to be the book; give --positions")
        found = Findings(
            book.risk(market, strikes=True, threads=threads),
            f"the open interest of {chain.name}" if positions is None else positions.name,
            quotes,
            rules,
            ledger,
        )
        try:
            found.breaches  # noqa: B018  here, so that an error names the file
        except ValueError as error:
            raise DataError(f"{limits}: {error}") from None
        done(f"valued {found.risk.completeness.valued:,} instruments at {found.time} UTC")
    if not found.risk.completeness.valued:
        raise DataError(f"{positions or chain}: nothing can be valued: {found.risk.completeness}")
    return found


def _read_book(path: Path) -> tuple[Book, tuple[Any, ...]]:
    """The book in a CSV or in a venue's JSON, and the ledger of the latter."""
    from hedgecore.book import Book

    with path.open("rb") as file:
        start = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    if not start.startswith((b"{", b"[", b"\x1f\x8b", b"PK")):
        return Book.from_csv(path), ()
    table = _read(path).part("positions")
    return Book.from_positions(table), table.defects


def _write(found: Findings, outputs: dict[str, Path | None], by: Any) -> None:
    from hedgecore import report

    risk = found.risk
    writers: dict[str, Callable[[Path], None]] = {
        "json": lambda path: report.write_json(found, path),
        "csv": lambda path: report.write_csv(risk.table(by), path),
        "positions-csv": lambda path: report.write_csv(risk.positions(), path),
        "html": lambda path: report.write_report(found, path),
    }
    for name, path in outputs.items():
        if path == _STDOUT:
            report.to_stdout(writers[name])
        elif path is not None:
            with phase(f"writing {path}") as done:
                writers[name](path)
                done(f"wrote {path}")


def _iv(
    source: Path, at: str | None, csv: Path | None, parquet: Path | None, threads: int | None
) -> None:
    from hedgecore.chain import snapshot, snapshots
    from hedgecore.tables import defect_table, vol_tables, vols_by_expiry

    table = _read(source).part("quotes")
    _check_time(table, at)
    result = _implied(table, bool(csv or parquet), threads)
    _write_rows(result, csv, parquet)
    out, now = output(), snapshot(result.frame, at)
    times = snapshots(result.frame)
    shown_at: Any = now["timestamp"].max()
    out.print(
        f"{source}: {_many(result.frame.height, 'row')} of options in {_many(len(times), 'snapshot')}, "
        f"{times[0]:%Y-%m-%d %H:%M} to {times[-1]:%Y-%m-%d %H:%M} UTC\nShown: the snapshot of "
        f"{shown_at:%Y-%m-%d %H:%M:%S} UTC. Vols in % a year; bp of the venue's forward.",
        markup=False,
        soft_wrap=True,
    )
    for shown in vol_tables(vols_by_expiry(now)):
        print_table(out, shown)
    clean = [defect.name for defect in result.defects if not defect.count]
    print_defects(out, defect_table(result.defects), clean)


def _implied(table: Table, greeks: bool, threads: int | None) -> Implied:
    from hedgecore.chain import implied
    from hedgecore.venues import DataError

    with phase("implied vols") as done:
        result = implied(table, greeks=greeks, threads=threads)
        if not result.frame.height:
            raise DataError(f"{table.source}: no options in this file")
        what = "3 vols and every Greek" if greeks else "3 vols"
        done(f"implied {what} of {result.frame.height:,} rows")
    return result


def _write_rows(result: Implied, csv: Path | None, parquet: Path | None) -> None:
    from hedgecore.report import replacing

    if csv is not None:
        with phase(f"writing {csv}") as done, replacing(csv) as file:
            result.frame.write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%.6f+00:00")
            done(f"wrote {csv}")
    if parquet is not None:
        with phase(f"writing {parquet}") as done, replacing(parquet) as file:
            result.frame.write_parquet(file)
            done(f"wrote {parquet}")


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _check_time(quotes: Table, at: str | None) -> None:
    """Refuse a time that is none, or before the first quote."""
    from hedgecore.chain import snapshot
    from hedgecore.venues import DataError

    if not quotes.frame.height:
        raise DataError(f"{quotes.source}: no quotes that can be used")
    try:
        snapshot(quotes.frame.select("timestamp", "instrument"), at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--at") from None


def _check_outputs(outputs: dict[str, Path | None], *inputs: Path | None) -> None:
    """Refuse to overwrite an input, and two outputs of one name; say early what is missing."""
    if outputs.get("html") is not None:
        from hedgecore.report import require_plotting

        require_plotting()
    taken: dict[Path, str] = {p.resolve(): "an input" for p in inputs if p is not None}
    for name, path in outputs.items():
        if path is None:
            continue
        if path == _STDOUT and name not in ("json", "csv"):
            raise typer.BadParameter("only JSON and CSV go to the output", param_hint=f"--{name}")
        where = path if path == _STDOUT else path.resolve()
        if where in taken:
            raise typer.BadParameter(f"{path} is {taken[where]}", param_hint=f"--{name}")
        taken[where] = f"what --{name} writes"


# --- manners ------------------------------------------------------------------------------------


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
    except (ValueError, OSError, ImportError) as error:  # DataError is a ValueError
        sys.stderr.write(f"hedgecore: {error}\n")
        raise typer.Exit(1) from None


if _missing is None:
    app = typer.Typer(
        name="hedgecore",
        help="Prices, Greeks and risk of crypto options.",
        epilog=_STATUS,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for _command in (risk, iv, inspect, demo, version):
        app.command(epilog=_STATUS)(_command)
