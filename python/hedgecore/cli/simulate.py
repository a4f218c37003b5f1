"""``hedgecore simulate``: hedging policies on the same simulated paths."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand

from hedgecore.cli import options
from hedgecore.cli.manners import STDOUT, check_outputs, clear_errors, many, write_outputs
from hedgecore.cli.values import refused
from hedgecore.terminal import output, print_sections, print_table

if TYPE_CHECKING:
    from hedgecore.hedging import Run
    from hedgecore.hedging.config import Simulation
    from hedgecore.report.hedging import HedgingFindings

INTERRUPTED: Final = 130
By = Literal["policy", "path", "step", "bin", "setting"]


class SimulateCommand(TyperCommand):
    """The command with the schema of configurations at the end of its help."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, then what configurations can have."""
        from hedgecore.hedging.schema import schema

        super().format_help(ctx, formatter)
        print(schema())


def simulate(
    config: Annotated[
        Path | None,
        typer.Argument(
            help="The simulation in TOML (below). Without it: a sold call of 30 days at the money and ten families of policies.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    paths: Annotated[int | None, typer.Option(help="How many paths: run.n_paths.")] = None,
    steps: Annotated[int | None, typer.Option(help="To the last expiry: run.steps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the random numbers: run.seed.")] = None,
    first_path: Annotated[
        int | None, typer.Option(help="Number of the first path, for shards: run.first_path.")
    ] = None,
    trace: Annotated[
        int | None, typer.Option(help="Paths followed step by step, the first so many: run.trace.")
    ] = None,
    vol: Annotated[
        float | None, typer.Option(help="Of the paths and of the options: paths.vol, position.vol.")
    ] = None,
    strike: Annotated[float | None, typer.Option(help="position.strike.")] = None,
    days: Annotated[
        float | None, typer.Option(help="To expiry: position.expiry, 365 to the year.")
    ] = None,
    kind: Annotated[Literal["call", "put"] | None, typer.Option(help="position.kind.")] = None,
    quantity: Annotated[
        float | None, typer.Option(help="Negative when sold: position.quantity.")
    ] = None,
    fee: Annotated[
        float | None, typer.Option(help="Share of the traded amount: costs.fee.")
    ] = None,
    latency: Annotated[
        int | None, typer.Option(help="Steps from decision to fill: execution.latency.")
    ] = None,
    changed: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any key of the configuration to a value in TOML: policies[2].width=0.1, paths.type='\"Kou\"'; may be repeated.",
        ),
    ] = None,
    threads: options.Threads = None,
    json: options.Json = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write the rows of --by; -: to the output.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write the rows of --by.")] = None,
    by: Annotated[
        By,
        typer.Option(
            help="Rows of --csv and --parquet: the scorecard by policy; what run.keep keeps by path; the steps of the paths that "
            "are followed; bins of the net P&L; the settings on the frontier."
        ),
    ] = "policy",
    html: options.Html = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the configuration, options and all, as TOML.")
    ] = None,
) -> None:
    """Hedging policies on the same simulated paths: what they earn, their tails, cost against risk.

    Ctrl-C ends with what is finished: it is printed and written, marked as partial, and the exit status is 130.
    """
    with clear_errors():
        outputs = {"json": json, "csv": csv, "parquet": parquet, "html": html, "save": save}
        check_outputs(outputs, config)
        changes = changes_of(changed or ())
        for key, value in (
            ("run.n_paths", paths), ("run.steps", steps), ("run.seed", seed), ("run.first_path", first_path),
            ("run.trace", trace), ("run.threads", threads), ("paths.vol", vol), ("position.vol", vol),
            ("position.strike", strike), ("position.expiry", None if days is None else days / 365),
            ("position.kind", kind), ("position.quantity", quantity), ("costs.fee", fee),
            ("execution.latency", latency),
        ):  # fmt: skip
            if value is not None:
                changes[key] = value
        simulation = planned(config, changes)
        check_rows(by, simulation, csv or parquet)
        found = assess(simulation)
        write_hedging(found, outputs, by)
        if STDOUT not in (json, csv):
            print_hedging(found)
        if found.partial:
            sys.stderr.write(
                f"hedgecore: interrupted after {found.run.n_paths:,} of {many(simulation.n_paths, 'path')}; these are printed and "
                "written\n"
            )
            raise typer.Exit(INTERRUPTED)


def planned(config: Path | None, changes: Mapping[str, Any]) -> Simulation:
    """The simulation of a file, or of the default."""
    from hedgecore.hedging.config import default_text, read_simulation, simulation_of

    if config is None:
        return simulation_of(default_text(), changes)
    return read_simulation(config, changes)


def assess(simulation: Simulation) -> HedgingFindings:
    """Simulate with a bar of progress; what is finished when Ctrl-C comes is kept."""
    from hedgecore.hedging import Run
    from hedgecore.report.hedging import HedgingFindings

    shards: list[Run] = []
    policies = sum(map(len, simulation.families.values()))
    with bar(simulation.n_paths, many(policies, "policy").replace("policys", "policies")) as report:
        try:
            for shard in simulation.shards(report):
                shards.append(shard)  # noqa: PERF402  what came before an interruption stays
        except KeyboardInterrupt:
            if not shards:
                raise
    return HedgingFindings(
        Run.joined(shards), simulation.title, simulation.n_paths, simulation.text, simulation.notes
    )


@contextmanager
def bar(paths: int, what: str) -> Iterator[Any]:
    """Show how many paths are done on the standard error, and afterwards how many in how long."""
    err = Console(stderr=True, highlight=False)
    start, seen = time.perf_counter(), 0
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} paths"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task(f"simulating {what}", total=paths)

        def report(done: int, _: int) -> None:
            nonlocal seen
            seen = done
            progress.update(task, completed=done)

        yield report
    err.print(f"simulated {what} on {seen:,} paths ({time.perf_counter() - start:.2f} s)")


def changes_of(texts: Any) -> dict[str, Any]:
    """Keys and values of ``--set``."""
    import tomllib

    out: dict[str, Any] = {}
    for text in texts:
        key, sign, value = text.partition("=")
        try:
            out[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise refused(text, "--set", f"must be KEY=VALUE in TOML: {error}") from None
        if not sign or not key.strip():
            raise refused(text, "--set", "must be KEY=VALUE")
    return out


def check_rows(by: By, simulation: Simulation, path: Path | None) -> None:
    """Refuse rows of steps where no path is followed, before anything is simulated."""
    if path is not None and by == "step" and not simulation.trace:
        raise refused(by, "--by", "no path is followed: say --trace")


def rows_of_run(found: HedgingFindings, by: By) -> Mapping[str, Any]:
    """Columns of ``--csv`` and ``--parquet``; the scorecard says of how many paths it is and of how many it was to be."""
    import numpy as np

    run = found.run
    if by == "policy":
        count = len(run.names)
        paths = {"paths": run.n_paths, "paths_planned": found.planned or run.n_paths}
        return run.columns() | {name: np.full(count, value) for name, value in paths.items()}
    if by == "path":
        return run.paths_columns()
    if by == "step":
        assert run.trace is not None
        return run.trace.columns()
    return run.histogram().columns() if by == "bin" else run.frontier().columns()


def write_hedging(
    found: HedgingFindings, outputs: Mapping[str, Path | None], by: By = "policy"
) -> None:
    """Write the files of ``simulate``."""
    from hedgecore.report import files
    from hedgecore.report.hedging import hedging_document, render_hedging

    write_outputs(
        outputs,
        {
            "json": lambda path: files.write_json(hedging_document(found), path),
            "csv": lambda path: files.write_csv(rows_of_run(found, by), path),
            "parquet": lambda path: files.write_parquet(rows_of_run(found, by), path),
            "html": lambda path: files.write_text(render_hedging(found), path),
            "save": lambda path: files.write_text(found.source, path),
        },
    )


def print_frontier(found: HedgingFindings) -> None:
    """Print the families at one mean cost, the middle one, and what was simulated."""
    from hedgecore.tables.hedging import equal_cost_table

    out, costs = output(), found.equal_costs
    out.print(f"\nHedging of {found.title}", markup=False, soft_wrap=True)
    print_table(out, equal_cost_table(found.frontiers, costs[len(costs) // 2 :][:1]))
    for remark in found.remarks:
        out.print(remark, markup=False, soft_wrap=True)


def print_hedging(found: HedgingFindings) -> None:
    """Print the tables of ``simulate``."""
    out = output()
    out.print(f"Hedging of {found.title}", markup=False, soft_wrap=True)
    print_sections(out, found.sections, found.remarks, ())
