"""Other ways to do the same work: each module here is one, imported only where it is measured.

``module.operations(**variant)`` returns a mapping from an operation ("price", "six",
"implied_vol", "grid") to a function that takes the arguments of the operation in spot form and returns a
call without arguments; a grid has ``quantity`` and the factors ``spots`` and ``vols`` too.  What a peer wants prepared (flags, its own objects, arrays to write to) is
prepared there and not timed.  ``UNITS`` says what a module returns for 1 of a Greek,
``LARGEST`` above how many options it is too slow to wait for.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

#: The title in the tables: the module, and the variant that its operations() is asked for.
TITLES: dict[str, tuple[str, dict[str, Any]]] = {
    "hedgecore": ("own", {}),
    "hedgecore, out=": ("own", {"out": True}),
    "hedgecore, two threads": ("own", {"threads": 2}),
    "numba": ("loops", {}),
    "numba, out=": ("loops", {"out": True}),
    "numba, two threads": ("loops", {"threads": 2}),
    "numba with Intel SVML": ("loops", {"svml": True}),
    "numba with Intel SVML, out=": ("loops", {"svml": True, "out": True}),
    "numpy and scipy": ("arrays", {"library": "numpy"}),
    "jax.jit": ("arrays", {"library": "jax"}),
    "torch.compile": ("arrays", {"library": "torch"}),
    "fast-vollib": ("fastvollib", {"backend": "numpy"}),
    "fast-vollib, its solver after Jaeckel": ("fastvollib", {"backend": "jaeckel"}),
    "fast-vollib, its numba backend, its own threads": ("fastvollib", {"backend": "numba"}),
    "py_vollib_vectorized": ("vectorized", {}),
    "QuantLib": ("quantlib", {}),
}

_PACKAGES = (
    "numpy", "scipy", "numba", "llvmlite", "intel-cmplr-lib-rt", "jax", "torch", "fast-vollib",
    "py_vollib_vectorized", "QuantLib", "pytest-benchmark",
)  # fmt: skip

Operation = Callable[[dict[str, Any]], Callable[[], Any]]


class Missing(RuntimeError):
    """This peer cannot be measured here, and why."""


class Peer(NamedTuple):
    """A peer that runs here."""

    operations: dict[str, Operation]
    units: dict[str, float]
    largest: int


#: Why peers could not be measured, of those that were asked for.
missing: dict[str, str] = {}


@cache
def load(title: str) -> Peer | None:
    """Import a peer and try it on one option; None if that fails, and ``missing`` says why."""
    name, variant = TITLES[title]
    try:
        with warnings.catch_warnings():  # what a peer warns of is for its makers
            warnings.simplefilter("ignore")
            return _tried(name, variant)
    except Missing as reason:
        missing[title] = str(reason)
    except ImportError as error:
        missing[title] = f"not installed ({error})"
    except Exception as error:  # noqa: BLE001 - whatever a peer raises is the reason it lacks
        lines = str(error).strip().splitlines() or [""]
        line = next((line for line in lines if "cannot" in line), lines[0])
        missing[title] = f"installed, but fails: {type(error).__name__}: {line[:120]}"
    return None


def _tried(name: str, variant: dict[str, Any]) -> Peer:
    module = importlib.import_module(f"peers.{name}")
    peer = Peer(
        module.operations(**variant),
        getattr(module, "UNITS", {}),
        getattr(module, "LARGEST", 10**9),
    )
    option = {"kind": 1, "strike": 100.0, "expiry": 1.0, "vol": 0.2, "spot": 100.0, "rate": 0.0}
    one = {key: np.array([value]) for key, value in option.items()}
    for operation, make in peer.operations.items():
        given = one
        if operation == "implied_vol":
            given = {**one, "price": np.array([7.9655674554058])}
            del given["vol"]
        if operation == "grid":
            given = {**one, "quantity": np.ones(1), "spots": np.ones(1), "vols": np.ones(1)}
        make(given)()
    return peer


def versions() -> dict[str, str]:
    """Return the versions of what is installed."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
