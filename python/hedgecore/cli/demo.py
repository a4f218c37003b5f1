"""``hedgecore demo``: every report of a book, in a market that the program makes itself."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Final

import typer

from hedgecore.cli import risk, scenarios, simulate, surface
from hedgecore.cli.manners import BREACHED, clear_errors
from hedgecore.terminal import phase, print_risk

ASSUMED: Final = ("ETH=1.2*BTC",)
ASSUMED_VOLS: Final = ("BTC=0.65", "ETH=1*BTC")
"""Where an episode does not know them: vols of BTC as in February 2026, ETH's along."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the files written.")] = Path("demo"),
) -> None:
    """Risk, scenarios, vol surfaces and hedging policies of a book in two coins, in a market that the program makes itself."""
    with clear_errors():
        from hedgecore.demo import write_demo, write_hedging

        with phase("making chain, positions and limits") as done:
            chain, positions, limits = write_demo(out)
            config = write_hedging(out)
            done(f"made {chain}, {positions.name}, {limits.name} and {config.name}")
        report, shocked, fitted, hedged = (
            out / f"{name}.html" for name in ("report", "scenarios", "surface", "hedging")
        )
        found = risk.assess(chain, positions, limits)
        risk.write_risk(found, {"html": report}, "expiry")
        shocks = scenarios.assess(
            chain, positions, stress=True, assume=ASSUMED, assume_vol=ASSUMED_VOLS
        )
        scenarios.write_scenarios(shocks, {"html": shocked})
        surface.write_surface(surface.fitted(chain), {"html": fitted})
        policies = simulate.assess(simulate.planned(config, {}))
        simulate.write_hedging(policies, {"html": hedged})
        print_risk(found, "expiry")
        simulate.print_frontier(policies)
        given = " ".join(
            f"{option} {shlex.quote(value)}"
            for option, values in (("--assume", ASSUMED), ("--assume-vol", ASSUMED_VOLS))
            for value in values
        )
        count = len(found.breaches or ())
        print(
            f"\nOpen {report}, {shocked}, {fitted} and {hedged} in a browser. The same by hand, or with files of your own;\n{count} "
            "limits of the demonstration are breached, as they are meant to be: the last of these commands therefore\n"
            f"ends with exit status {BREACHED}.\n\n"
            f"  hedgecore simulate {config} --html {hedged}\n"
            f"  hedgecore surface {chain} --html {fitted}\n"
            f"  hedgecore scenarios {chain} --positions {positions} --stress {given} --html {shocked}\n"
            f"  hedgecore risk {chain} --positions {positions} --limits {limits} --html {report}"
        )
