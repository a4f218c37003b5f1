"""``hedgecore backtest``: strategies and hedging policies through real chains."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand

from hedgecore.cli import options
from hedgecore.cli.manners import STDOUT, check_outputs, clear_errors, many, write_outputs
from hedgecore.cli.simulate import changes_of
from hedgecore.terminal import output, phase, print_sections, print_table

if TYPE_CHECKING:
    from hedgecore.report.backtest import BacktestFindings


class BacktestCommand(TyperCommand):
    """The command with the schema of configurations at the end of its help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, then what configurations can have."""
        from hedgecore.backtest.schema import schema

        super().format_help(ctx, formatter)
        print(schema())


def backtest(
    config: Annotated[
        Path | None,
        typer.Argument(help="The backtest in TOML (below).", exists=True, dir_okay=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Make this folder: tables as parquet, the configuration, fingerprints. Whole or not at all."),
    ] = None,
    repeat: Annotated[
        Path | None,
        typer.Option(help="Run the backtest of such a folder again, in place of a configuration: it must be the same to the bit.", exists=True, file_okay=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Where the files of the configuration are, if not beside it.", exists=True, file_okay=False),
    ] = None,
    start: Annotated[str | None, typer.Option(help="UTC: data.start.")] = None,
    end: Annotated[str | None, typer.Option(help="UTC: data.end.")] = None,
    fee: Annotated[float | None, typer.Option(help="Share of the traded amount: costs.fee.")] = None,
    latency: Annotated[int | None, typer.Option(help="Steps from decision to fill: execution.latency.")] = None,
    stress: Annotated[bool, typer.Option("--stress", help="Under stressed spreads, fees and latencies too: run.stress.")] = False,
    changed: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any key of the configuration to a value in TOML: strategy.days=14; may be repeated."),
    ] = None,
    json: options.Json = None,
    csv: Annotated[Path | None, typer.Option(help="Write the scorecard to this CSV; -: to the output.")] = None,
    html: options.Html = None,
) -> None:  # fmt: skip
    """A strategy and its hedges through real chains: what they would have earned, and how far that can be trusted.

    Ctrl-C leaves the files that are complete and no others.
    """
    with clear_errors():
        outputs = {"json": json, "csv": csv, "html": html}
        if (config is None) == (repeat is None):
            raise typer.BadParameter("say a configuration or --repeat, one of them")
        changes = changes_of(changed or ())
        for key, value in (
            ("data.start", start), ("data.end", end), ("costs.fee", fee), ("execution.latency", latency),
            ("run.stress", stress or None),
        ):  # fmt: skip
            if value is not None:
                changes[key] = value
        check_outputs(outputs, config)
        if out is not None:
            from hedgecore.report.files import new_folder

            new_folder(out)
        if repeat is not None:
            if changes or out is not None:
                raise typer.BadParameter("--repeat takes nothing that changes the backtest, and no --out")  # fmt: skip
            found = repeated(repeat, data)
        else:
            assert config is not None
            found = assess(config, changes, data)
        if out is not None:
            write_folder(found, out)
        write_backtest(found, outputs)
        if STDOUT not in (json, csv):
            print_backtest(found)
            if repeat is not None:
                output().print(f"The same to the bit as {repeat}.", markup=False, soft_wrap=True)


def assess(config: Path, changes: dict[str, Any], data: Path | None) -> BacktestFindings:
    """Run a configuration with a bar of progress."""
    from dataclasses import replace

    from hedgecore.backtest.config import read_setup
    from hedgecore.report.backtest import BacktestFindings
    from hedgecore.report.results import fingerprints

    setup = read_setup(config, changes)
    if data is not None:
        setup = replace(setup, folder=data)
    read = fingerprints(setup)
    with bar(many(setup.policies, "policy").replace("policys", "policies")) as report:
        outcome = setup.run(report)
    return BacktestFindings(outcome, read)


def repeated(folder: Path, data: Path | None) -> BacktestFindings:
    """Run the backtest of a folder again."""
    from hedgecore.report.backtest import BacktestFindings
    from hedgecore.report.results import fingerprints, repeat

    with bar("again") as report:
        outcome = repeat(folder, data, report)
    return BacktestFindings(outcome, fingerprints(outcome.setup))


@contextmanager
def bar(what: str) -> Iterator[Any]:
    """Show how many snapshots are done on the standard error, and afterwards how many in how long."""
    err = Console(stderr=True, highlight=False)
    start, seen = time.perf_counter(), 0
    columns = (
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f} snapshots"),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(f"reading data, hedging by {what}", total=None)

        def report(done: int, of: int) -> None:
            nonlocal seen
            seen = done
            progress.update(task, completed=done, total=of)

        yield report
    err.print(f"backtest, {what}: {seen:,} snapshots ({time.perf_counter() - start:.2f} s)")


def write_folder(found: BacktestFindings, out: Path) -> None:
    """Write the folder of results."""
    from hedgecore.report.results import write_results

    with phase(f"writing {out}") as done:
        write_results(found.outcome, out, found.fingerprints)
        done(f"wrote {out}")


def write_backtest(found: BacktestFindings, outputs: dict[str, Path | None]) -> None:
    """Write the files of ``backtest``."""
    from hedgecore.report import files
    from hedgecore.report.backtest import backtest_document, render_backtest

    write_outputs(
        outputs,
        {
            "json": lambda path: files.write_json(backtest_document(found), path),
            "csv": lambda path: files.write_csv(found.outcome.card, path),
            "html": lambda path: files.write_text(render_backtest(found), path),
        },
    )


def print_backtest(found: BacktestFindings) -> None:
    """Print the tables of ``backtest``."""
    from hedgecore.tables.backtest import money_of, scorecard_table, short_scorecard

    out = output()
    out.print(f"Backtest of {found.outcome.setup.title}", markup=False, soft_wrap=True)
    print_table(out, short_scorecard(scorecard_table(found.outcome.card, money_of(found.test))))
    print_sections(out, found.sections, found.remarks, ())
