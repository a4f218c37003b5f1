"""Objects out of configurations: tables of TOML become dataclasses, by their fields and type hints.

A table says the class (or a function that makes one) by the key ``type`` and has its arguments as keys.  Nothing is listed here:
what a class accepts is what its signature and its hints say.  Errors name the key, as in ``policies[2].width``.
"""

from __future__ import annotations

import builtins
import difflib
import inspect
import itertools
import math
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from hedgecore.toml import ConfigError, key_in

_ALTERNATIVES_MOST: Final = 10_000
_RANGE: Final = {"from", "to", "count"}


@dataclass(frozen=True)
class Catalogue:
    """What configurations can name.

    Attributes
    ----------
    makers
        Names to classes and to functions that return them.
    folder
        Where files that are named relatively lie.
    """

    makers: Mapping[str, Any]
    folder: Path = Path()

    def of(self, hint: Any) -> dict[str, Any]:
        """Return the makers of values for a hint: its classes and those derived from them, and functions that return such."""
        classes = tuple(arm for arm in arms(hint) if inspect.isclass(arm) and arm not in _PLAIN)
        lists = tuple(
            typing.get_args(arm) for arm in arms(hint) if typing.get_origin(arm) in (Sequence, list)
        )
        out = {}
        for name, maker in self.makers.items():
            if inspect.isclass(maker):
                if is_dataclass(maker) and issubclass(maker, classes) and _buildable(maker):
                    out[name] = maker
                continue
            made = hints_of(maker).get("return")
            if not _buildable(maker):
                continue
            if (inspect.isclass(made) and issubclass(made, classes)) or (
                typing.get_origin(made) is list and typing.get_args(made) in lists
            ):
                out[name] = maker
        return out

    def numbers(self, hint: Any) -> dict[str, Any]:
        """Return the functions that return a number, where a hint takes one."""
        if float not in arms(hint):
            return {}
        return {
            name: maker
            for name, maker in self.makers.items()
            if not inspect.isclass(maker)
            and hints_of(maker).get("return") is float
            and _buildable(maker)
        }

    def takes_objects(self, hint: Any) -> bool:
        """Return whether a hint takes objects of classes, at any depth; lists of numbers are none."""
        made = (m if inspect.isclass(m) else hints_of(m)["return"] for m in self.of(hint).values())
        return any(map(inspect.isclass, made)) or any(
            self.takes_objects(inner) for arm in arms(hint) for inner in typing.get_args(arm)
        )

    def build(self, hint: Any, value: Any, where: str) -> Any:
        """Return the value of a hint."""
        return self.alternatives(hint, value, where, sweep=False)[0]

    def alternatives(self, hint: Any, value: Any, where: str, *, sweep: bool) -> list[Any]:
        """Return the values of a hint, one; with ``sweep`` one for each combination of lists and ranges in it.

        A list where one value is wanted stands for each of its values; ``{from, to, count}`` for so many values between, evenly in
        the logarithm (``spacing = "linear"``: evenly), rounded where whole numbers are wanted.
        """
        if sweep and isinstance(value, list) and not _takes_lists(hint):
            return [
                one
                for k, item in enumerate(value)
                for one in self.alternatives(hint, item, f"{where}[{k}]", sweep=True)
            ]
        if isinstance(value, Mapping):
            if sweep and "type" not in value and _RANGE & set(value) and _is_number(hint):
                return _range(value, where, whole=float not in arms(hint))
            objects = {} if _is_by_name(hint, value) else self.of(hint)
            if objects or "type" in value:
                return self._objects(objects | self.numbers(hint), hint, value, where, sweep)
        complaints = []
        for arm in arms(hint):
            try:
                return self._arm(arm, value, where, sweep)
            except _WrongKindError as error:
                complaints.append(str(error))
        raise ConfigError(
            f"{where} must be {' or '.join(dict.fromkeys(complaints)) or 'left out'}, not {value!r}"
        )

    def _arm(self, hint: Any, value: Any, where: str, sweep: bool) -> list[Any]:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if hint is Any:
            return [value]
        if origin is Literal:
            if value in arguments and not isinstance(value, bool):
                return [value]
            raise _WrongKindError(" or ".join(map(repr, arguments)))
        if is_array(hint):
            return [self._array(value, where)]
        if origin in (Sequence, list, tuple):
            if not isinstance(value, list):
                raise _WrongKindError("a list")
            items = [
                self.alternatives(arguments[0], item, f"{where}[{k}]", sweep=sweep)
                for k, item in enumerate(value)
            ]
            return [list(combination) for combination in _product(items, where)]
        if origin in (Mapping, dict):
            if not isinstance(value, Mapping):
                raise _WrongKindError("a table")
            items = [
                self.alternatives(arguments[1], item, key_in(where, name), sweep=sweep)
                for name, item in value.items()
            ]
            return [dict(zip(value, one, strict=True)) for one in _product(items, where)]
        if hint in _PLAIN:
            return [_PLAIN[hint](value, where)]
        if origin is Callable:
            raise ConfigError(f"{where}: a function has no place in a configuration")
        makers = self.of(hint)
        raise _WrongKindError(f"a table with type = {_listed(makers)}" if makers else "a table")

    def _objects(
        self,
        makers: Mapping[str, Any],
        hint: Any,
        table: Mapping[str, Any],
        where: str,
        sweep: bool,
    ) -> list[Any]:
        name = table.get("type")
        if name is None:
            maker = _meant([one for one in makers.values() if one in arms(hint)], table)
            if maker is None:
                raise ConfigError(
                    f"{key_in(where, 'type')} is missing; it is one of {_listed(makers)}"
                )
        elif isinstance(name, str) and name in makers:
            maker = makers[name]
        else:
            raise ConfigError(
                f"{key_in(where, 'type')} = {name!r} is unknown{_nearest(name, makers)}"
            )
        return self.calls(
            maker, {k: v for k, v in table.items() if k != "type"}, where, sweep=sweep
        )

    def calls(
        self, maker: Any, table: Mapping[str, Any], where: str, *, sweep: bool = False
    ) -> list[Any]:
        """Return what a class or function makes of a table, one for each combination of alternatives."""
        arguments = self.arguments(maker, table, where, sweep=sweep)
        return [_called(maker, one, where) for one in arguments]

    def arguments(
        self, maker: Any, table: Mapping[str, Any], where: str, *, sweep: bool = False
    ) -> list[dict[str, Any]]:
        """Return the arguments for a class or function out of a table, one set for each combination of alternatives."""
        parameters, hints = parameters_of(maker), hints_of(maker)
        for key in table:
            if key not in parameters:
                raise ConfigError(f"{key_in(where, key)} is unknown{_nearest(key, parameters)}")
        for key, parameter in parameters.items():
            if key not in table and parameter.default is parameter.empty:
                raise ConfigError(f"{key_in(where, key)} is missing")
        items = [
            self.alternatives(hints[key], value, key_in(where, key), sweep=sweep)
            for key, value in table.items()
        ]
        return [dict(zip(table, one, strict=True)) for one in _product(items, where)]

    def _array(self, value: Any, where: str) -> Any:
        """Numbers: as they stand, or of a file."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if isinstance(value, list):
            try:
                return np.array(value, np.float64)
            except (ValueError, TypeError):
                raise ConfigError(f"{where} must be a list of numbers") from None
        if not isinstance(value, Mapping):
            raise _WrongKindError("a list of numbers, or a table with file and column")
        (given,) = self.arguments(numbers_of_file, value, where)
        path = self.folder / given.pop("file")
        return _called(lambda **rest: numbers_of_file(str(path), **rest), given, where)


def _meant(makers: Sequence[Any], table: Mapping[str, Any]) -> Any:
    """The one class that a table without a type can be: the only one that takes it, else the only one that knows most of its keys."""
    fitting = []
    for maker in makers:
        parameters = parameters_of(maker).values()
        needed = {p.name for p in parameters if p.default is p.empty}
        if needed <= set(table) <= {p.name for p in parameters}:
            fitting.append(maker)
    if not fitting:
        known = [len(set(table) & set(parameters_of(maker))) for maker in makers]
        most = max(known, default=0)
        fitting = [maker for maker, n in zip(makers, known, strict=True) if n == most]
    return fitting[0] if len(fitting) == 1 else None


def _is_by_name(hint: Any, value: Mapping[str, Any]) -> bool:
    """Whether a table has names to objects, where that and an object are possible."""
    mapped = any(typing.get_origin(arm) in (Mapping, dict) for arm in arms(hint))
    if not mapped or not value or not all(isinstance(v, (Mapping, list)) for v in value.values()):
        return False
    classes: list[Any] = [arm for arm in arms(hint) if inspect.isclass(arm) and arm not in _PLAIN]
    return not {"type", *(key for one in classes for key in parameters_of(one))} & set(value)


def numbers_of_file(file: str, column: str = "close", log_returns: bool = False) -> Any:
    """Return numbers of a file: an array of numpy (.npy), or a column of a file in a known format, ascending in time.

    Parameters
    ----------
    file
        Its name.
    column
        Of the file's layout: the close of prices where not given.
    log_returns
        The logarithms of the ratios of successive numbers instead.
    """
    from hedgecore.paths import log_returns as returns_of

    if not Path(file).is_file():
        raise ConfigError(f"file: there is no file {file}")
    if file.endswith(".npy"):
        values = np.asarray(np.load(file, allow_pickle=False), np.float64)
    else:
        from hedgecore import venues

        frame = venues.read(Path(file)).frame
        if column not in frame.columns:
            raise ConfigError(f"column = {column!r} is unknown{_nearest(column, frame.columns)}")
        if "timestamp" in frame.columns:
            frame = frame.sort("timestamp")
        values = frame[column].cast(float).to_numpy()
    return returns_of(values) if log_returns else values


class Unknown:
    """A class that is not loaded: no table makes one."""


class _Names(dict[str, Any]):
    """Names of modules; those that are not loaded are unknown."""

    def __missing__(self, name: str) -> Any:
        if hasattr(builtins, name):
            raise KeyError(name)
        return Unknown


class _WrongKindError(Exception):
    """A value is not of the kind of a hint; says what it must be."""


def _truth(value: Any, where: str) -> bool:  # noqa: ARG001
    if isinstance(value, bool):
        return value
    raise _WrongKindError("true or false")


def _whole(value: Any, where: str) -> int:  # noqa: ARG001
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _WrongKindError("a whole number")


def _number(value: Any, where: str) -> float:
    """A number, or a quotient of two: "30/365"."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isnan(value):
            raise ConfigError(f"{where} must be a number, not nan")
        return float(value)
    if isinstance(value, str):
        found = re.fullmatch(r"\s*([-+.\deE]+)\s*/\s*([.\deE+]+)\s*", value)
        try:
            if found:
                return float(found[1]) / float(found[2])
        except (ValueError, ZeroDivisionError):
            pass
    raise _WrongKindError('a number or a quotient like "30/365"')


def _text(value: Any, where: str) -> str:  # noqa: ARG001
    if isinstance(value, str):
        return value
    raise _WrongKindError("a text")


def _day(value: Any, where: str) -> date:  # noqa: ARG001
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise _WrongKindError("a day like 2026-01-14")


_PLAIN: Final[dict[Any, Callable[[Any, str], Any]]] = {
    bool: _truth,
    int: _whole,
    float: _number,
    str: _text,
    date: _day,
}


def arms(hint: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union, without None; a hint that is none is its own."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        found = [arm for arm in typing.get_args(hint) if arm is not type(None)]
        if any(
            is_array(arm) for arm in found
        ):  # ArrayLike is a union of many: one of them stands for all
            return (
                *(arm for arm in found if arm is float),
                next(arm for arm in found if is_array(arm)),
                *(arm for arm in found if typing.get_origin(arm) is Mapping),
            )
        return tuple(found)
    return (hint,)


@cache
def parameters_of(maker: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class or function by name."""
    return inspect.signature(maker).parameters


@cache
def hints_of(maker: Any) -> dict[str, Any]:
    """Return the type hints of a class or function, evaluated where they were written.

    A name that is there for type checkers alone is :class:`Unknown`.
    """
    names = _Names()
    for part in reversed(getattr(maker, "__mro__", (maker,))):
        names |= vars(inspect.getmodule(part) or types.ModuleType(""))
    return typing.get_type_hints(maker, localns=names)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like another, if one is."""
    found = difflib.get_close_matches(str(name), list(known), 1, 0.6)
    return found[0] if found else None


def _called(maker: Any, arguments: Mapping[str, Any], where: str) -> Any:
    try:
        return maker(**arguments)
    except ConfigError as error:
        raise ConfigError(f"{where}.{error}") from None
    except (ValueError, TypeError, OSError) as error:
        raise ConfigError(located(where, error)) from None


def located(where: str, error: Exception) -> str:
    """Return the message of an error with the key that it is about, where it begins with a name."""
    text = str(error)
    return (
        f"{where}.{text}" if re.match(r"\w+(\[.*?\])?( = | must |: )", text) else f"{where}: {text}"
    )


def _range(table: Mapping[str, Any], where: str, *, whole: bool) -> list[Any]:
    for key in table:
        if key not in _RANGE | {"spacing"}:
            raise ConfigError(
                f"{key_in(where, key)} is unknown{_nearest(key, (*_RANGE, 'spacing'))}"
            )
    for key in sorted(_RANGE - set(table)):
        raise ConfigError(f"{key_in(where, key)} is missing")
    low, high = (
        Catalogue({}).build(float, table[key], key_in(where, key)) for key in ("from", "to")
    )
    count = Catalogue({}).build(int, table["count"], key_in(where, "count"))
    spacing = Catalogue({}).build(
        Literal["log", "linear"], table.get("spacing", "log"), key_in(where, "spacing")
    )
    for key, end in (("from", low), ("to", high)):
        if not math.isfinite(end):
            raise ConfigError(f"{key_in(where, key)} = {end} must be finite")
    if not 1 <= count <= 1000:
        raise ConfigError(f"{key_in(where, 'count')} = {count} must be from 1 to 1000")
    if spacing == "log" and not (low > 0 and high > 0):
        raise ConfigError(
            f'{where}: from = {low:g} and to = {high:g} must be positive, or spacing = "linear"'
        )
    values = np.geomspace(low, high, count) if spacing == "log" else np.linspace(low, high, count)
    return list(dict.fromkeys(round(x) for x in values.tolist())) if whole else values.tolist()


def _product(items: Sequence[list[Any]], where: str) -> list[tuple[Any, ...]]:
    count = math.prod(len(item) for item in items)
    if count > _ALTERNATIVES_MOST:
        raise ConfigError(
            f"{where} stands for {count:,} settings, more than {_ALTERNATIVES_MOST:,}"
        )
    return list(itertools.product(*items))


def _takes_lists(hint: Any) -> bool:
    return any(
        is_array(arm) or typing.get_origin(arm) in (Sequence, list, tuple) for arm in arms(hint)
    )


def _is_number(hint: Any) -> bool:
    return any(arm in (int, float) for arm in arms(hint))


def is_array(hint: Any) -> bool:
    """Whether a hint is numpy's: an array, or an arm of ArrayLike."""
    module = getattr(typing.get_origin(hint) or hint, "__module__", "")
    return module.startswith("numpy")


@cache
def _buildable(maker: Any) -> bool:
    """Whether a table can hold what a class or function must be given: no functions, nothing unknown, no arguments of any name."""
    hints = hints_of(maker)
    return all(
        parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        and (
            parameter.default is not parameter.empty
            or not any(
                typing.get_origin(arm) is Callable or Unknown in (arm, *typing.get_args(arm))
                for arm in arms(hints.get(name))
            )
        )
        for name, parameter in parameters_of(maker).items()
    )


def _nearest(name: Any, known: Iterable[str]) -> str:
    known = list(known)
    like = nearest(str(name), known)
    return f"; the nearest is {like}" if like else f"; known: {', '.join(known)}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
