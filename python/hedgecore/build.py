"""What this copy of hedgecore was built with and what is in use; where it keeps what other programs build with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hedgecore import _core


def build_config() -> dict[str, Any]:
    """Return the version, compiler, levels of instruction sets and threads.

    ``level`` is the level in use: the highest that the processor has, or the
    lower one named by the environment variable ``HEDGECORE_ISA``.
    """
    return {
        "version": _core.__version__,
        "compiler": _core.compiler(),
        "levels_compiled": _core.compiled_levels(),
        "levels_available": _core.available_levels(),
        "level": _core.active_level(),
        "threads": _core.num_threads(),
    }


def get_include() -> str:
    """Return the folder to give to a C or C++ compiler (``-I``): ``#include <hedgecore/pricing.hpp>``."""
    return _sources("include")


def get_cmake_dir() -> str:
    """Return the folder of the CMake package, for ``CMAKE_PREFIX_PATH``: ``find_package(hedgecore)`` builds the core there."""
    return _sources("cmake")


def _sources(name: str) -> str:
    # Beside the compiled module: in an editable install the Python files are elsewhere.
    folder = Path(_core.__file__).parent / "native" / "cpp" / name
    if not folder.is_dir():
        raise FileNotFoundError(
            f"this copy of hedgecore was installed without its C++ sources: no folder {folder}"
        )
    return str(folder)
