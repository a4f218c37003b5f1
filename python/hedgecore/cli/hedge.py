"""``hedgecore hedge``."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from hedgecore.terminal import output, phase, print_table

if TYPE_CHECKING:
    from hedgecore.chain import Vols
    from hedgecore.hedging.optimise import InfeasibleHedge, Plan

OF_QUOTES = ("size", "half_spread")
OF_SEARCH = ("time_limit", "gap")


def hedge(
    chain: options.Chain,
    positions: options.Positions = None,
    limits: Annotated[
        Path | None,
        typer.Option(help="What must hold: net limits in TOML, as of risk.", exists=True, dir_okay=False),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="More of the problem in TOML: targets, positions, forbid, actions, rolls, cash, budget, lots, min_trade, "
            "max_tickets, size, half_spread, time_limit, gap, limits. Options go before it.",
            exists=True, dir_okay=False,
        ),
    ] = None,
    size: Annotated[
        float | None, typer.Option(help="Coins that can be traded of each side where the data have no size.")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Most that spreads and fees may cost, USD.")] = None,
    lots: Annotated[bool | None, typer.Option("--lots/--no-lots", help="Trades in whole lots.")] = None,
    max_tickets: Annotated[int | None, typer.Option(min=0, help="Largest number of orders.")] = None,
    time_limit: Annotated[
        float | None, typer.Option(help="Seconds for the search (10).")
    ] = None,
    gap: Annotated[
        float | None, typer.Option(help="Relative gap at which a search with whole numbers ends (0.001).")
    ] = None,
    at: options.At = None,
    futures: options.Futures = None,
    vols: options.Vols = "mark",
    json: options.Json = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write the orders to this CSV; -: to the output.")
    ] = None,
    parquet: Annotated[Path | None, typer.Option(help="Write the orders to this parquet file.")] = None,
) -> None:  # fmt: skip
    """What to trade: the cheapest orders that bring a book inside its limits, and why."""
    with clear_errors():
        outputs = {"json": json, "csv": csv, "parquet": parquet}
        others = futures or []
        check_outputs(outputs, chain, positions, limits, config, *others)
        said = {"size": size, "budget": budget, "lots": lots, "max_tickets": max_tickets, "time_limit": time_limit, "gap": gap}  # fmt: skip
        settings = read_settings(config, limits, {k: v for k, v in said.items() if v is not None})
        plan, failed = assess(chain, positions, settings, at, vols, others)
        write_plan(plan, outputs)
        if STDOUT not in (json, csv):
            print_plan(plan, failed)
        if failed is not None:
            sys.stderr.write(f"hedgecore: {failed}\n")
        if plan.unvalued:
            sys.stderr.write(
                f"hedgecore: {many(len(plan.unvalued), 'limit')} breached by what cannot be valued\n"
            )
        if failed is not None or plan.unvalued:
            raise typer.Exit(BREACHED)


def read_settings(
    config: Path | None, limits: Path | None, said: Mapping[str, Any]
) -> dict[str, Any]:
    """What the files and the options say of the problem."""
    from hedgecore.config import Catalogue, hints_of
    from hedgecore.hedging.optimise import MEASURES, Problem, Quotes, Rolls, cheapest
    from hedgecore.limits import read_limits

    settings: dict[str, Any] = {}
    if config is not None:
        try:
            document = tomllib.loads(config.read_text(encoding="utf-8"))
            hints, of_quotes, of_search = map(hints_of, (Problem, Quotes.of, cheapest))
            known = {
                f.name: hints[f.name]
                for f in fields(Problem)
                if f.name not in ("book", "market", "quotes")
            }
            known |= {name: of_quotes[name] for name in OF_QUOTES}
            known |= {name: of_search[name] for name in OF_SEARCH}
            catalogue = Catalogue({"Rolls": Rolls})
            for name, value in document.items():
                if name not in known:
                    raise ValueError(f"{name!r} is none of {', '.join(known)}")
                settings[name] = catalogue.build(known[name], value, name)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"{config}: {error}") from None
    if limits is not None:
        settings["limits"] = read_limits(limits, MEASURES)
    settings |= said
    if not settings.get("limits") and not settings.get("targets"):
        raise typer.BadParameter("say what must hold: --limits, or --config with limits or targets")
    return settings


def assess(
    chain: Path,
    positions: Path | None,
    settings: Mapping[str, Any],
    at: str | None = None,
    vols: Vols = "mark",
    futures: Sequence[Path] = (),
) -> tuple[Plan, InfeasibleHedge | None]:
    """The plan; where nothing keeps everything the least-violating one, and the error that says why."""
    from hedgecore.hedging import optimise
    from hedgecore.venues import DataError

    held = read_held(chain, positions, at, vols, futures)
    rest = {name: value for name, value in settings.items() if name not in OF_QUOTES + OF_SEARCH}
    of_search = {name: settings[name] for name in OF_SEARCH if name in settings}
    of_quotes = {name: settings[name] for name in OF_QUOTES if name in settings}
    with phase("optimising") as done:
        quotes = optimise.Quotes.of(held.quotes, held.market, at=at, **of_quotes)
        problem = optimise.Problem(book=held.book, market=held.market, quotes=quotes, **rest)
        whole = problem.before.completeness
        if not whole.valued:
            raise DataError(f"{positions or chain}: nothing can be valued: {whole}")
        try:
            plan, failed = optimise.cheapest(problem, **of_search), None
        except optimise.InfeasibleHedge as error:
            plan, failed = error.plan, error
        except optimise.SolverError as error:
            raise ValueError(f"{error} (--time-limit)") from None
        done(f"weighed {len(problem.columns):,} actions under {many(len(problem.rows), 'bound')}")
    return plan, failed


def write_plan(plan: Plan, outputs: dict[str, Path | None]) -> None:
    """Write the files of ``hedge``."""
    import hedgecore
    from hedgecore.report import files
    from hedgecore.tables import plain
    from hedgecore.tables.optimise import plan_document

    head = {
        "hedgecore": hedgecore.__version__,
        "time": plain(plan.problem.market.time),
        "index": dict(plan.problem.market.index),
    }
    write_outputs(
        outputs,
        {
            "json": lambda path: files.write_json(head | plan_document(plan), path),
            "csv": lambda path: files.write_csv(plan.table(), path),
            "parquet": lambda path: files.write_parquet(plan.table(), path),
        },
    )


def print_plan(plan: Plan, failed: InfeasibleHedge | None) -> None:
    """Print the tables of ``hedge``."""
    from hedgecore.tables import amount
    from hedgecore.tables.optimise import binding_table, measure_table, order_table

    out = output()
    kind = "Plan" if failed is None else "Least-violating plan"
    out.print(
        f"{kind}: {many(plan.tickets, 'order')}, cost {amount(plan.cost)} USD (spread {amount(plan.spread)}, fees "
        f"{amount(plan.fee)}), premiums {amount(plan.premium)} USD",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    for warning in plan.warnings:
        out.print(warning, style="bold red", markup=False, soft_wrap=True)
    for violation in plan.violations:
        out.print(f"NOT KEPT: {violation}", style="bold red", markup=False, soft_wrap=True)
    if plan.tickets:
        print_table(out, order_table(plan), left=2)
    print_table(out, measure_table(plan), left=2)
    binding = binding_table(plan)
    if binding.lines:
        print_table(out, binding)
    notes = [*plan.notes, *plan.problem.quotes.notes]
    left = plan.problem.before.completeness.left_out
    if left:
        notes.append(f"not valued, in no figure: {', '.join(left)}")
    for note in notes:
        out.print(note, markup=False, soft_wrap=True)
