"""Documents of TOML in plain values: written as text, changed by key."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

_PART: Final = r'(?:[\w-]+|"[^"]+")'


class ConfigError(ValueError):
    """A value of a configuration that cannot be used; the message names its key."""


def toml_of(document: Mapping[str, Any], where: str = "") -> str:
    """Return a document as TOML: plain values first, then tables; lists of tables as tables of their own."""
    lines, tables = [], []
    for key, value in document.items():
        name = key if re.fullmatch(r"[\w-]+", key) else json.dumps(key)
        at = key_in(where, name)
        if isinstance(value, Mapping):
            tables.append(f"\n[{at}]\n{toml_of(value, at)}")
        elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            tables += [f"\n[[{at}]]\n{toml_of(item, at)}" for item in value]
        elif value is not None:
            lines.append(f"{name} = {_toml_value(value)}\n")
    return "".join([*lines, *tables])


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml_value, value))}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value.isoformat() if isinstance(value, date) else repr(value)  # a datetime is a date


def change(document: dict[str, Any], key: str, value: Any) -> None:
    """Set a key of a document, ``run.n_paths``, ``policies[2].width`` or ``policies."price move".every``; missing tables are made."""
    if not re.fullmatch(rf"{_PART}(\.{_PART}|\[\d+\])*", key):
        raise ConfigError(f"{key} is no key that can be changed")
    *way, last = re.findall(rf"{_PART}|\[\d+\]", key)
    place: Any = document
    for part in way:
        at = _place(place, part, key)
        place = place[at] if isinstance(at, int) else place.setdefault(at, {})
    place[_place(place, last, key)] = value


def _place(place: Any, part: str, key: str) -> str | int:
    """The name or number of a part of a key, where what it is in can have such."""
    if part.startswith("["):
        row = int(part[1:-1])
        if isinstance(place, list) and row < len(place):
            return row
        raise ConfigError(f"{key}: there is no {part} to change")
    if isinstance(place, dict):
        return part.strip('"')
    raise ConfigError(f"{key}: {part} is of no table")


def key_in(where: str, key: str) -> str:
    """Return the key of a value in a table."""
    return f"{where}.{key}" if where else key
