"""Values of options that are more than a number: axes, lists, assumptions, files of coins, rules."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

AXIS: Final = "LOW:HIGH:COUNT or a list"
MOST: Final = 1000


def axis_of(
    text: str, option: str, *, above: float | None = None, least: float | None = None
) -> npt.NDArray[np.float64]:
    """Return the values of an axis, increasing: LOW:HIGH:COUNT, or numbers with commas between."""
    import numpy as np

    try:
        if ":" in text:
            low, high, count = text.split(":")
            if not 1 <= int(count) <= MOST:
                raise refused(text, option, f"COUNT must be from 1 to {MOST}")
            # rounded, so that 0 is 0 and the node at rest is on the grid
            values = np.round(np.linspace(float(low), float(high), int(count)), 12)
        else:
            values = np.array([float(part) for part in text.split(",")])
    except typer.BadParameter:
        raise
    except ValueError:
        raise refused(text, option, f"neither {AXIS} of numbers") from None
    if not np.isfinite(values).all():
        raise refused(text, option, "every value must be finite")
    if above is not None and not (values > above).all():
        raise refused(text, option, f"{values.min():g} takes it to zero or below")
    if least is not None and not (values >= least).all():
        raise refused(text, option, f"{values.min():g} is below {least:g}")
    return np.unique(values + 0.0)


def tenor_of(text: str) -> tuple[float, ...]:
    """Return (years, exponents) of ``--vol-tenor``."""
    try:
        reference, *exponents = (float(part) for part in text.split(","))
    except ValueError:
        raise refused(text, "--vol-tenor", "not numbers with commas between") from None
    if not (
        0 < reference < math.inf and len(exponents) in (1, 2) and all(map(math.isfinite, exponents))
    ):
        raise refused(text, "--vol-tenor", "must be DAYS,EXPONENT or DAYS,SHORT,LONG")
    return (reference / 365, *exponents)


def measures_of(text: str) -> Sequence[str]:
    """Return the names in ``--measures``."""
    from hedgecore.scenarios import MEASURES

    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in MEASURES:
            raise refused(text, "--measures", f"{name!r} is none of {', '.join(MEASURES)}")
    return names


def refused(text: str, option: str, why: str) -> typer.BadParameter:
    """The error of a value of an option."""
    return typer.BadParameter(f"{text!r}: {why}", param_hint=option)


def assumptions(texts: Sequence[str], option: str) -> dict[str, float | tuple[str, float]]:
    """Return by coin a move, or (coin, beta): ``ETH=-0.3``, ``ETH=1.2*BTC``."""
    out: dict[str, float | tuple[str, float]] = {}
    for text in texts:
        found = re.fullmatch(r"\s*(\w+)\s*=\s*([^*\s]+)\s*(?:\*\s*(\w+)\s*)?", text)
        try:
            value = float(found[2]) if found else math.nan
        except ValueError:
            value = math.nan
        if found is None or not math.isfinite(value):
            raise refused(text, option, "must be COIN=MOVE or COIN=NUMBER*COIN")
        coin, other = found[1].upper(), found[3]
        if coin in out:
            raise refused(text, option, f"{coin} stands twice")
        if other is None and option == "--assume" and not value > -1:
            raise refused(text, option, f"{value:g} takes it to zero or below")
        out[coin] = value if other is None else (other.upper(), value)
    return out


def hours_of(text: str, option: str) -> float:
    """Return hours: ``24h``, ``7d``."""
    found = re.fullmatch(r"\s*([\d.]+)\s*([hd])\s*", text)
    try:
        value = float(found[1]) if found else math.nan
    except ValueError:
        value = math.nan
    if found is None or not value > 0:
        raise refused(text, option, "must be hours or days, for example 24h or 7d")
    return value * (24.0 if found[2] == "d" else 1.0)


def named_files(texts: Sequence[str], option: str) -> list[tuple[str | None, Path]]:
    """Return coin (None where it is not said) and path: ``FILE``, ``BTC=FILE``."""
    out: list[tuple[str | None, Path]] = []
    for text in texts:
        coin, sign, rest = text.partition("=")
        named = bool(sign) and coin.isalnum() and not Path(text).exists()
        path = Path(rest if named else text)
        if not path.is_file():
            raise refused(text, option, f"there is no file {path}")
        out.append((coin.upper() if named else None, path))
    return out


def dynamics_of(text: str) -> float | None:
    """Return the skew-stickiness ratio of ``--dynamics``; None for sticky strike, where nothing slides."""
    if text == "sticky-strike":
        return None
    if text == "sticky-moneyness":
        return 0.0
    name, _, number = text.partition("=")
    try:
        ratio = float(number) if name == "ssr" else math.nan
    except ValueError:
        ratio = math.nan
    if not math.isfinite(ratio):
        raise refused(text, "--dynamics", "must be sticky-strike, sticky-moneyness or ssr=NUMBER")
    return ratio
