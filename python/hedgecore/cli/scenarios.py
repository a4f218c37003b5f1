"""``hedgecore scenarios``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from hedgecore.cli import options
from hedgecore.cli.inputs import Held, read_held, series_of, sliding
from hedgecore.cli.manners import STDOUT, check_outputs, clear_errors, many, write_outputs
from hedgecore.cli.surface import Models
from hedgecore.cli.values import (
    AXIS,
    assumptions,
    axis_of,
    dynamics_of,
    hours_of,
    measures_of,
    named_files,
    refused,
    tenor_of,
)
from hedgecore.terminal import output, phase, print_sections

if TYPE_CHECKING:
    from hedgecore.chain import Vols
    from hedgecore.report.scenarios import ScenarioFindings
    from hedgecore.risk import Risk
    from hedgecore.surface.dynamics import Dynamics
    from hedgecore.surface.surface import Model
    from hedgecore.tails import Simulation
    from hedgecore.tails.stress import Assumed

SPOT: Final = "-0.3:0.3:13"
VOL: Final = {"relative": "-0.3:0.3:7", "absolute": "-0.1:0.1:5"}
TIME: Final = "0,1,7"
MEASURES: Final = "net_delta,gamma_usd_1pct,vega_usd"
TAIL: Final = 0.975
HORIZON: Final = "24h"


def scenarios(
    chain: options.Chain,
    positions: options.Positions = None,
    at: options.At = None,
    futures: options.Futures = None,
    vols: options.Vols = "mark",
    spot: Annotated[
        str, typer.Option(help=f"Moves of spot, 0.1 being 10 %: {AXIS}, for example -0.1,0,0.1.")
    ] = SPOT,
    vol: Annotated[
        str | None,
        typer.Option(
            help=f"Moves of vol: {AXIS}; by default {VOL['relative']}, absolute {VOL['absolute']}."
        ),
    ] = None,
    vol_shock: Annotated[
        Literal["relative", "absolute"],
        typer.Option(help="Whether 0.1 makes a vol of 0.50 one of 0.55 or of 0.60."),
    ] = "relative",
    vol_tenor: Annotated[
        str | None,
        typer.Option(
            help="REFERENCE,EXPONENT: the move of an expiry is multiplied by (REFERENCE / days to expiry)^EXPONENT; "
            "a third number is the exponent from the reference on. Default: parallel."
        ),
    ] = None,
    time: Annotated[str, typer.Option(help=f"Days that pass: {AXIS}.")] = TIME,
    measures: Annotated[
        str,
        typer.Option(
            help="Measures beside P&L, with commas between, as hedgecore risk names them."
        ),
    ] = MEASURES,
    model: Annotated[
        Models | None,
        typer.Option(
            help="Surface that gives options without a quote their vols. Without it these are left out."
        ),
    ] = None,
    dynamics: options.Dynamics = "sticky-strike",
    stress: Annotated[
        bool, typer.Option("--stress", help="The book in named falls of the past as well.")
    ] = False,
    assume: Annotated[
        list[str] | None,
        typer.Option(
            help="With --stress: the move of a coin where an episode does not know it, ETH=-0.3 or ETH=1.2*BTC; may be repeated."
        ),
    ] = None,
    assume_vol: Annotated[
        list[str] | None,
        typer.Option(help="The same for its relative change of vol: ETH=0.5 or ETH=1.0*BTC."),
    ] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[COIN=]FILE",
            help="Prices of a coin of the book, whose joint moves are replayed on it; may be repeated. Without COIN= the file "
            "must name it.",
        ),
    ] = None,
    dvol: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[COIN=]FILE",
            help="With --history: vols of a coin; without them its vols stand still.",
        ),
    ] = None,
    horizon: Annotated[
        str, typer.Option(help="With --history: length of the moves, 24h or 7d.")
    ] = HORIZON,
    tail: Annotated[
        float, typer.Option(help="Level of value at risk and expected shortfall over the nodes.")
    ] = TAIL,
    by: Annotated[
        Literal["total", "underlying", "expiry"], typer.Option(help="Rows of --csv at every node.")
    ] = "underlying",
    json: options.Json = None,
    csv: Annotated[
        Path | None, typer.Option(help="Write P&L and measures at every node; -: to the output.")
    ] = None,
    html: options.Html = None,
    threads: options.Threads = None,
) -> None:
    """P&L and Greeks of a book on a grid of moves of spot, vol and time; ladders; tail; stress; history."""
    with clear_errors():
        outputs = {"json": json, "csv": csv, "html": html}
        others = futures or []
        check_outputs(outputs, chain, positions, *others)
        found = assess(
            chain, positions, at=at, vols=vols, futures=others, spot=spot, vol=vol, vol_shock=vol_shock,
            vol_tenor=vol_tenor, time=time, measures=measures, model=model, tail=tail, threads=threads,
            dynamics=dynamics, stress=stress, assume=assume or (), assume_vol=assume_vol or (),
            history=history or (), dvol=dvol or (), horizon=horizon,
        )  # fmt: skip
        write_scenarios(found, outputs, by)
        if STDOUT not in (json, csv):
            print_scenarios(found)


def assess(
    chain: Path,
    positions: Path | None,
    *,
    at: str | None = None,
    vols: Vols = "mark",
    futures: Sequence[Path] = (),
    spot: str = SPOT,
    vol: str | None = None,
    vol_shock: Literal["relative", "absolute"] = "relative",
    vol_tenor: str | None = None,
    time: str = TIME,
    measures: str = MEASURES,
    model: Model | None = None,
    tail: float = TAIL,
    threads: int | None = None,
    dynamics: str = "sticky-strike",
    stress: bool = False,
    assume: Sequence[str] = (),
    assume_vol: Sequence[str] = (),
    history: Sequence[str] = (),
    dvol: Sequence[str] = (),
    horizon: str = HORIZON,
) -> ScenarioFindings:
    """Everything that ``scenarios`` shows; what is asked for is checked before anything is read."""
    if not 0 < tail < 1:
        raise typer.BadParameter(f"{tail} must be between 0 and 1", param_hint="--tail")
    relative = vol_shock == "relative"
    axes = {
        "spot": axis_of(spot, "--spot", above=-1.0),
        "vol": axis_of(vol or VOL[vol_shock], "--vol", above=-1.0 if relative else None),
        "time": axis_of(time, "--time", least=0.0) / 365,
    }
    shocks: dict[str, Any] = {"measures": measures_of(measures), "threads": threads}
    if vol_tenor is not None:
        shocks["vol_tenor"] = tenor_of(vol_tenor)
    ratio = dynamics_of(dynamics)
    assumed = assumptions(assume, "--assume"), assumptions(assume_vol, "--assume-vol")
    hours = hours_of(horizon, "--horizon")
    for option, given, needs, there in (
        ("--assume", assume, "--stress", stress), ("--assume-vol", assume_vol, "--stress", stress),
        ("--dvol", dvol, "--history", history),
    ):  # fmt: skip
        if given and not there:
            raise refused(given[0], option, f"is for {needs}, which is not given")
    series = named_files(history, "--history"), named_files(dvol, "--dvol")

    from hedgecore.report.scenarios import ScenarioFindings
    from hedgecore.tables.scenarios import Axes
    from hedgecore.venues import DataError

    held = read_held(chain, positions, at, vols, futures)
    rule, words, said = sliding(held.quotes, at, ratio)
    risk = held.book.risk(held.market, dynamics=rule, threads=threads)
    notes: tuple[str, ...] = ()
    if model is not None:
        risk, notes = _with_surface(held, risk, model, at, rule)
    elif risk.completeness.no_vol:
        notes = ("--model takes the vols of options without a quote from a surface.",)
    if not risk.completeness.valued:
        raise DataError(f"{positions or chain}: nothing can be valued: {risk.completeness}")
    if rule is not None:
        shocks["dynamics"] = rule
    again = {"vol_tenor": shocks.get("vol_tenor"), "dynamics": rule, "threads": threads}
    episodes, why = _stressed(risk, *assumed, again) if stress else (None, ())
    past = _replayed(risk, *series, hours, again) if history else None
    with phase("scenarios") as done:
        found = ScenarioFindings(
            risk, Axes(axes["spot"], axes["vol"], axes["time"], relative), shocks, held.name, held.quotes, tail,
            (*notes, *said, *why), held.ledger, words, episodes, past,
        )  # fmt: skip
        grid, _ = found.grid, found.ladders
        done(f"revalued {risk.completeness.valued:,} instruments at {many(len(grid), 'node')}")
    return found


def _with_surface(
    held: Held, risk: Risk, model: Model, at: str | None, rule: Dynamics | None
) -> tuple[Risk, tuple[str, ...]]:
    """The risk where a fitted surface gives the vols that quotes do not, and what there is to say of it."""
    from hedgecore.surface import fit_all

    with phase("fitting") as done:
        fits = fit_all(held.quotes, at, model=model)
        filled = held.book.risk(held.market.replaced(vols=fits), dynamics=rule)
        done(f"fitted {many(sum(len(one) for one in fits.values()), 'smile')}")
    given = len(risk.completeness.no_vol) - len(filled.completeness.no_vol)
    said = f"{many(given, 'vol')} of options without a quote {'are' if given != 1 else 'is'} from the surface ({model})."
    return filled, (said, *(f"{line}." for line in fits.report))


def _stressed(
    risk: Risk, assume: Assumed, assume_vol: Assumed, rules: dict[str, Any]
) -> tuple[Simulation | None, tuple[str, ...]]:
    """The book in every episode that knows enough; sentences where none does."""
    from hedgecore.tails import UnknownMove, stress

    with phase("episodes") as done:
        try:
            found = stress(
                risk.book, risk.market, assume=assume, assume_vol=assume_vol, skip=True, **rules
            )
        except UnknownMove as error:
            return None, (f"No episode of the past for this book: {error}. See --assume.",)
        done(f"replayed {many(len(found), 'end')} of episodes")
    return found, ()


def _replayed(
    risk: Risk,
    prices: Sequence[tuple[str | None, Path]],
    vols: Sequence[tuple[str | None, Path]],
    hours: float,
    rules: dict[str, Any],
) -> Simulation:
    """The moves of the past on the book."""
    from hedgecore.tails import History, historical
    from hedgecore.tails.simulation import held

    coins, _ = held(risk.book)
    of_prices, of_vols = (
        series_of(files, option, coins)
        for files, option in ((prices, "--history"), (vols, "--dvol"))
    )
    with phase("history") as done:
        past = History.of(of_prices, of_vols)
        found = historical(risk.book, risk.market, past, horizon=hours, still_vols=True, **rules)
        done(f"replayed {many(len(found), 'move')} of {hours:g} h")
    return found


def write_scenarios(
    found: ScenarioFindings,
    outputs: dict[str, Path | None],
    by: Literal["total", "underlying", "expiry"] = "underlying",
) -> None:
    """Write the files of ``scenarios``."""
    from hedgecore.report import files
    from hedgecore.report.scenarios import render_scenarios, scenario_document

    write_outputs(
        outputs,
        {
            "json": lambda path: files.write_json(scenario_document(found), path),
            "csv": lambda path: files.write_csv(found.grid.table(by), path),
            "html": lambda path: files.write_text(render_scenarios(found), path),
        },
    )


def print_scenarios(found: ScenarioFindings) -> None:
    """Print the tables of ``scenarios``."""
    from hedgecore.tables import amount

    out, index = output(), found.risk.market.index
    prices = ", ".join(f"{name} {amount(value)} USD" for name, value in sorted(index.items()))
    out.print(
        f"Scenarios of {found.book} at {found.time} UTC ({prices})", markup=False, soft_wrap=True
    )
    print_sections(out, found.sections, found.remarks, found.defects)
