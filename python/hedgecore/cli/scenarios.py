"""``hedgecore scenarios``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from hedgecore.cli import options
from hedgecore.cli.inputs import Held, read_held
from hedgecore.cli.manners import STDOUT, check_outputs, clear_errors, many, write_outputs
from hedgecore.cli.surface import Models
from hedgecore.terminal import output, phase, print_sections

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hedgecore.chain import Vols
    from hedgecore.report.scenarios import ScenarioFindings
    from hedgecore.risk import Risk
    from hedgecore.surface.surface import Model

SPOT: Final = "-0.3:0.3:13"
VOL: Final = {"relative": "-0.3:0.3:7", "absolute": "-0.1:0.1:5"}
TIME: Final = "0,1,7"
MEASURES: Final = "net_delta,gamma_usd_1pct,vega_usd"
TAIL: Final = 0.975
_AXIS: Final = "LOW:HIGH:COUNT or a list"
_MOST: Final = 1000


def scenarios(
    chain: options.Chain,
    positions: options.Positions = None,
    at: options.At = None,
    futures: options.Futures = None,
    vols: options.Vols = "mark",
    spot: Annotated[
        str, typer.Option(help=f"Moves of spot, 0.1 being 10 %: {_AXIS}, for example -0.1,0,0.1.")
    ] = SPOT,
    vol: Annotated[
        str | None,
        typer.Option(
            help=f"Moves of vol: {_AXIS}; by default {VOL['relative']}, absolute {VOL['absolute']}."
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
    time: Annotated[str, typer.Option(help=f"Days that pass: {_AXIS}.")] = TIME,
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
    """P&L and Greeks of a book on a grid of moves of spot, vol and time; ladders; the tail."""
    with clear_errors():
        outputs = {"json": json, "csv": csv, "html": html}
        others = futures or []
        check_outputs(outputs, chain, positions, *others)
        found = assess(
            chain, positions, at=at, vols=vols, futures=others, spot=spot, vol=vol, vol_shock=vol_shock,
            vol_tenor=vol_tenor, time=time, measures=measures, model=model, tail=tail, threads=threads,
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
    shocks: dict[str, Any] = {"measures": _measures(measures), "threads": threads}
    if vol_tenor is not None:
        shocks["vol_tenor"] = _tenor(vol_tenor)

    from hedgecore.report.scenarios import ScenarioFindings
    from hedgecore.tables.scenarios import Axes
    from hedgecore.venues import DataError

    held = read_held(chain, positions, at, vols, futures)
    risk = held.book.risk(held.market, threads=threads)
    notes: tuple[str, ...] = ()
    if model is not None:
        risk, notes = _with_surface(held, risk, model, at)
    elif risk.completeness.no_vol:
        notes = ("--model takes the vols of options without a quote from a surface.",)
    if not risk.completeness.valued:
        raise DataError(f"{positions or chain}: nothing can be valued: {risk.completeness}")
    with phase("scenarios") as done:
        found = ScenarioFindings(
            risk, Axes(**axes, relative_vol=relative), shocks, held.name, held.quotes, tail, notes, held.ledger
        )  # fmt: skip
        grid, _ = found.grid, found.ladders
        done(f"revalued {risk.completeness.valued:,} instruments at {many(len(grid), 'node')}")
    return found


def _with_surface(
    held: Held, risk: Risk, model: Model, at: str | None
) -> tuple[Risk, tuple[str, ...]]:
    """The risk where a fitted surface gives the vols that quotes do not, and what there is to say of it."""
    from hedgecore.surface import fit_all

    with phase("fitting") as done:
        fits = fit_all(held.quotes, at, model=model)
        filled = held.book.risk(held.market.replaced(vols=fits))
        done(f"fitted {many(sum(len(one) for one in fits.values()), 'smile')}")
    given = len(risk.completeness.no_vol) - len(filled.completeness.no_vol)
    said = f"{many(given, 'vol')} of options without a quote {'are' if given != 1 else 'is'} from the surface ({model})."
    return filled, (said, *(f"{line}." for line in fits.report))


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


# --- values of options --------------------------------------------------------------------------


def axis_of(
    text: str, option: str, *, above: float | None = None, least: float | None = None
) -> npt.NDArray[np.float64]:
    """Return the values of an axis, increasing: LOW:HIGH:COUNT, or numbers with commas between."""
    import numpy as np

    try:
        if ":" in text:
            low, high, count = text.split(":")
            if not 1 <= int(count) <= _MOST:
                raise _refused(text, option, f"COUNT must be from 1 to {_MOST}")
            # rounded, so that 0 is 0 and the node at rest is on the grid
            values = np.round(np.linspace(float(low), float(high), int(count)), 12)
        else:
            values = np.array([float(part) for part in text.split(",")])
    except typer.BadParameter:
        raise
    except ValueError:
        raise _refused(text, option, f"neither {_AXIS} of numbers") from None
    if not np.isfinite(values).all():
        raise _refused(text, option, "every value must be finite")
    if above is not None and not (values > above).all():
        raise _refused(text, option, f"{values.min():g} takes it to zero or below")
    if least is not None and not (values >= least).all():
        raise _refused(text, option, f"{values.min():g} is below {least:g}")
    return np.unique(values + 0.0)


def _tenor(text: str) -> tuple[float, ...]:
    try:
        reference, *exponents = (float(part) for part in text.split(","))
    except ValueError:
        raise _refused(text, "--vol-tenor", "not numbers with commas between") from None
    if not (
        0 < reference < math.inf and len(exponents) in (1, 2) and all(map(math.isfinite, exponents))
    ):
        raise _refused(text, "--vol-tenor", "must be DAYS,EXPONENT or DAYS,SHORT,LONG")
    return (reference / 365, *exponents)


def _measures(text: str) -> Sequence[str]:
    from hedgecore.scenarios import MEASURES

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in MEASURES:
            raise _refused(text, "--measures", f"{name!r} is none of {', '.join(MEASURES)}")
    return names


def _refused(text: str, option: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(f"{text!r}: {why}", param_hint=option)
