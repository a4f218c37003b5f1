"""hedgecore: the engine for dynamic hedging of crypto options."""

from __future__ import annotations

import importlib
from typing import Any

from hedgecore._core import __version__, num_threads, set_num_threads
from hedgecore.book import Book, Market
from hedgecore.build import build_config, get_cmake_dir, get_include
from hedgecore.pricing import Greeks, Status, greeks, implied_vol, price

__all__ = [
    "Book",
    "Greeks",
    "Market",
    "Status",
    "__version__",
    "build_config",
    "get_cmake_dir",
    "get_include",
    "greeks",
    "implied_vol",
    "num_threads",
    "price",
    "set_num_threads",
]

#: Modules reached as attributes of the package when first used; some need an extra.
_MODULES = (
    "backtest",
    "chain",
    "demo",
    "explain",
    "hedging",
    "limits",
    "paths",
    "report",
    "risk",
    "scenarios",
    "surface",
    "tails",
    "units",
    "venues",
)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"hedgecore.{name}")
    raise AttributeError(f"module 'hedgecore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
