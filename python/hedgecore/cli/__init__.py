"""The command ``hedgecore``: risk, scenarios, P&L explain, hedges, surfaces and vols of a chain, what is in a file, hedging
simulations, backtests, a demonstration.

Tables go to the standard output, progress and errors to the standard error.  Exit status: 0 done,
1 bad input or a missing extra, 2 wrong usage, 3 limits are breached (everything is printed and
written all the same), 130 interrupted.  ``options`` has what the commands share of their options, ``inputs`` what they
read, ``manners`` how they write and fail.
"""

from __future__ import annotations

import sys

try:
    import typer

    from hedgecore.cli import (
        backtest,
        chain,
        demo,
        explain,
        hedge,
        risk,
        scenarios,
        simulate,
        surface,
    )
    from hedgecore.cli.manners import STATUS
except ImportError as error:
    _missing: ImportError | None = error
except KeyboardInterrupt:  # in the first moments there is nothing to tidy up
    sys.stderr.write("hedgecore: interrupted\n")
    sys.exit(130)
else:
    _missing = None


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


if _missing is None:
    app = typer.Typer(
        name="hedgecore",
        help="Prices, Greeks and risk of crypto options.",
        epilog=STATUS,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for _command in (
        *(risk.risk, scenarios.scenarios, explain.explain, hedge.hedge, surface.surface),
        *(chain.iv, chain.inspect, demo.demo, version),
    ):
        app.command(epilog=STATUS)(_command)
    app.command(epilog=STATUS, cls=simulate.SimulateCommand)(simulate.simulate)
    app.command(epilog=STATUS, cls=backtest.BacktestCommand)(backtest.backtest)
