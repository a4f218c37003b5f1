"""Vol surfaces: smiles from dirty quotes, SVI and eSSVI fits, what follows from them, model-free implied variance.

Fitting takes arrays of a :class:`Smile`; reading smiles from quotes (:func:`smiles`, :func:`fit_all`) needs
polars: ``pip install "hedgecore[data]"``.
"""

from __future__ import annotations

from typing import Any

from hedgecore.surface import dynamics, sabr, svi
from hedgecore.surface.fits import ENOUGH, described, fit, fit_all
from hedgecore.surface.implied_variance import (
    ModelFree,
    Strip,
    index_vol,
    log_contract,
    model_free,
    strip_variance,
)
from hedgecore.surface.surface import MODELS, Arbitrage, Surface, Surfaces

_OF_QUOTES = ("REASONS", "Parity", "Smile", "parity", "smiles")

__all__ = [
    "ENOUGH",
    "MODELS",
    "REASONS",
    "Arbitrage",
    "ModelFree",
    "Parity",
    "Smile",
    "Strip",
    "Surface",
    "Surfaces",
    "described",
    "dynamics",
    "fit",
    "fit_all",
    "index_vol",
    "log_contract",
    "model_free",
    "parity",
    "sabr",
    "smiles",
    "strip_variance",
    "svi",
]


def __getattr__(name: str) -> Any:
    if name in _OF_QUOTES:
        from hedgecore.surface import quotes

        return getattr(quotes, name)
    raise AttributeError(f"module 'hedgecore.surface' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_OF_QUOTES})
