"""What this copy of hedgecore was built with and what is in use."""

from __future__ import annotations

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
