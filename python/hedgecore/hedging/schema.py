"""What configurations of simulations can have, in words: made of the signatures."""

from __future__ import annotations

import inspect
import textwrap
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from hedgecore.config import Catalogue, arms, hints_of, is_array, parameters_of
from hedgecore.hedging.config import arguments, catalogue
from hedgecore.hedging.files import BookFiles
from hedgecore.hedging.policies import Policy

WIDTH: Final = 110
HOW: Final = (
    "A table says its type by the key type, where it may have several. Policies are [[policies]], with a name if wanted, or",
    '[policies.NAME]; a list of values, or {from = 0.01, to = 0.1, count = 5} (evenly in the logarithm; spacing = "linear"),',
    'makes a family of settings. A number may be a quotient: "30/365".',
)
"""How tables are written."""
_WORDS: Final = {bool: "true/false", int: "whole", float: "number", str: "text"}


def schema() -> str:
    """Return the tables of a configuration, and the classes and functions that they can name, with their keys and defaults."""
    known, lines = (
        catalogue(),
        ["The configuration is TOML. Tables, and the types that they may have:", ""],
    )
    shown: dict[str, Any] = {}
    for name, (hint, of_run) in {**arguments(), "policies": (Policy, False)}.items():
        if of_run:
            continue
        shown |= makers_of(known, hint)
        lines += wrapped(f"  [{name}]", ", ".join(named_in(known, hint)))
    lines += wrapped(
        "  [book], in place of position, run.spot and run.steps:",
        keys_in_words(parameters_of(BookFiles), hints_of(BookFiles), known),
    )
    in_run = {name: hint for name, (hint, flag) in arguments().items() if flag}
    lines += wrapped("  [run]", keys_in_words(parameters_of_run(in_run), in_run, known))
    lines += wrapped("  title", "what is hedged, in words, for the report")
    lines += [
        "",
        *HOW,
        'Numbers may be {file = "btc_1h.csv.gz", column = "close", log_returns = true}.',
        "Times are years, but every, latency and the like are steps.",
        "",
    ]
    return "\n".join([*lines, *keys_of_types(known, shown)])


def keys_of_types(known: Catalogue, shown: Mapping[str, Any]) -> list[str]:
    """The keys of policies and of other classes and functions, in lines."""
    lines = ["Keys of each type, with their defaults:", ""]
    inherited = parameters_of(Policy)
    lines += wrapped("  any policy", keys_in_words(inherited, hints_of(Policy), known))
    for name, maker in shown.items():
        keys = parameters_of(maker)
        if inspect.isclass(maker) and issubclass(maker, Policy):
            keys = {key: value for key, value in keys.items() if key not in inherited}
        lines += wrapped(
            f"  {name}", keys_in_words(keys, hints_of(maker), known) or "no keys of its own"
        )
    return lines


def parameters_of_run(names: Mapping[str, Any]) -> dict[str, inspect.Parameter]:
    """The parameters of the simulation that are keys of ``[run]``."""
    from hedgecore.hedging.simulate import simulate

    return {name: parameters_of(simulate)[name] for name in names}


def named_in(known: Catalogue, hint: Any) -> dict[str, Any]:
    """All that a hint takes, at any depth."""
    found = dict(known.of(hint))
    for inner in typing.get_args(hint):
        found |= named_in(known, inner)
    return found


def makers_of(known: Catalogue, hint: Any) -> dict[str, Any]:
    """All that a hint takes, what these take in their turn, and so on."""
    found: dict[str, Any] = {}
    waiting = [hint]
    while waiting:
        new = {name: of for name, of in named_in(known, waiting.pop()).items() if name not in found}
        found |= new
        waiting += [of for maker in new.values() for of in hints_of(maker).values()]
    return found


def keys_in_words(parameters: Mapping[str, inspect.Parameter], hints: Any, known: Catalogue) -> str:
    words = []
    for name, parameter in parameters.items():
        kind = described(hints[name], known)
        default = parameter.default
        if default is parameter.empty:
            words.append(f"{name}: {kind}")
        elif default is None or type(default).__name__ == "_HAS_DEFAULT_FACTORY_CLASS":
            words.append(f"{name}: {kind} (may be left out)")
        else:
            words.append(f"{name}: {kind} = {default!r}")
    return ", ".join(words)


def described(hint: Any, catalogue: Catalogue) -> str:
    """Return what a hint accepts, in words."""
    words = []
    for arm in arms(hint):
        origin, arguments = typing.get_origin(arm), typing.get_args(arm)
        if origin is Literal:
            words += [repr(value) for value in arguments]
        elif is_array(arm):
            words.append("numbers or {file, column}")
        elif origin in (Sequence, list, tuple):
            words.append(f"list of {described(arguments[0], catalogue)}")
        elif origin in (Mapping, dict):
            words.append(f"table of {described(arguments[1], catalogue)}")
        elif arm in _WORDS:
            words.append(_WORDS[arm])
        elif arm is Any:
            words.append("value")
        elif inspect.isclass(arm):
            words.append(arm.__name__)
    return " | ".join(dict.fromkeys(words))


def wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        f"{head}  {text}", WIDTH, subsequent_indent="      ", break_long_words=False, break_on_hyphens=False
    )  # fmt: skip
