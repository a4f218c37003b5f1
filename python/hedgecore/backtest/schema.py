"""What configurations of backtests can have, in words: made of the signatures."""

from __future__ import annotations

from typing import Any

from hedgecore.backtest.config import KEYS, TABLES, catalogue
from hedgecore.backtest.data import DataFiles
from hedgecore.backtest.evaluation import scorecard
from hedgecore.backtest.run import run
from hedgecore.backtest.strategies import Strategy
from hedgecore.config import hints_of, parameters_of
from hedgecore.hedging.policies import Policy
from hedgecore.hedging.schema import (
    HOW,
    keys_in_words,
    keys_of_types,
    makers_of,
    named_in,
    wrapped,
)


def schema() -> str:
    """Return the tables of a configuration, and the classes and functions that they can name, with their keys and defaults."""
    known, of_run = catalogue(), hints_of(run)
    shown: dict[str, Any] = {}
    lines = ["The configuration is TOML. Tables, and the types that they may have:", ""]
    lines += wrapped("  [data]", keys_in_words(parameters_of(DataFiles), hints_of(DataFiles), known))  # fmt: skip
    hints = {"strategy": Strategy, **{key: of_run[key] for key in TABLES[1:]}, "policies": Policy}
    for name, hint in hints.items():
        shown |= makers_of(known, hint)
        lines += wrapped(f"  [{name}]", ", ".join(named_in(known, hint)))
    card = {name: of for name, of in parameters_of(scorecard).items() if name != "test"}
    lines += wrapped("  [scorecard]", keys_in_words(card, hints_of(scorecard), known))
    keys = {name: parameters_of(run)[name] for name in KEYS}
    lines += wrapped("  [run]", f"{keys_in_words(keys, of_run, known)}, stress: true/false = False")
    lines += wrapped("  title", "what is tested, in words, for the report")
    lines += ["", *HOW, "Times are days where they are called so; every, latency and the like are steps.", ""]  # fmt: skip
    return "\n".join([*lines, *keys_of_types(known, shown)])
