"""hedgecore: the engine for dynamic hedging of crypto options."""

from __future__ import annotations

from hedgecore._core import __version__, num_threads, set_num_threads
from hedgecore.build import build_config
from hedgecore.pricing import Greeks, Status, greeks, implied_vol, price

__all__ = [
    "Greeks",
    "Status",
    "__version__",
    "build_config",
    "greeks",
    "implied_vol",
    "num_threads",
    "price",
    "set_num_threads",
]
