"""Running the library at another level of instruction sets: a level is fixed when a process starts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

import hedgecore as hc

AVAILABLE: list[str] = hc.build_config()["levels_available"]


def run_at(
    level: str, code: str, **arrays: npt.NDArray[np.float64]
) -> dict[str, npt.NDArray[np.float64]]:
    """Run code in a process at that level.

    The code sees the arrays by name, ``np``, ``hc`` and ``core``, and leaves what it wants back in
    the dict ``result``.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, taken = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(given, **arrays)
        program = (
            "import numpy as np, hedgecore as hc\n"
            "from hedgecore import _core as core\n"
            f"globals().update(np.load({str(given)!r}))\n"
            f"assert hc.build_config()['level'] == {level!r}\n"
            "result = {}\n"
            f"{code}\n"
            f"np.savez({str(taken)!r}, **result)\n"
        )
        environment = {**os.environ, "HEDGECORE_ISA": level}
        subprocess.run([sys.executable, "-c", program], env=environment, check=True)
        with np.load(taken) as file:
            return {name: file[name] for name in file.files}
