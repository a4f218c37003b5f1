"""Instructions per option of the listed kernels, counted by callgrind; ``make baseline`` keeps them.

A count is exact: it is the same on a busy machine, and any processor that runs the level gives it.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from builds import Toolchain, output, toolchain
from conftest import ROOT

BASELINE = ROOT / "benchmarks" / "baseline.json"
LEVELS = ("v2", "v3")  # valgrind knows no AVX-512
Counts = dict[str, float]


def compiler() -> Toolchain:
    return toolchain("gcc", "x86_64")


def compiler_key() -> str:
    """The first key of the baseline: another major version makes other code."""
    return f"gcc {compiler().version.split('.')[0]}"


def baseline() -> dict[str, dict[str, Counts]]:
    """Compiler, level, kernel to instructions per option."""
    found: dict[str, dict[str, Counts]] = json.loads(BASELINE.read_text())
    return found


@functools.cache
def measure(level: str) -> Counts:
    """Kernel to instructions per option, as this machine's compiler makes it."""
    if platform.machine() != "x86_64":
        pytest.skip("the baseline is of x86-64")
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        pytest.skip("needs valgrind, which counts the instructions")
    program = compiler().program("instructions")
    with tempfile.TemporaryDirectory() as folder:
        dump = Path(folder) / "callgrind"
        done = subprocess.run(
            [valgrind, "--tool=callgrind", "--toggle-collect=measured", "--dump-after=measured",
             f"--callgrind-out-file={dump}", str(program)],
            check=False, capture_output=True, text=True, env={**os.environ, "HEDGECORE_ISA": level},
        )  # fmt: skip
        if "is not a level that this build and this machine have" in done.stderr:
            pytest.skip(f"valgrind does not run {level} on this processor")
        assert done.returncode == 0, done.stderr
        counts = {}
        for number, line in enumerate(done.stdout.splitlines(), start=1):
            name, options = line.split()
            total = re.search(r"^totals: (\d+)", Path(f"{dump}.{number}").read_text(), re.MULTILINE)
            assert total
            counts[name] = round(int(total[1]) / int(options), 2)
    return counts


def changes(level: str) -> dict[str, tuple[float, float]]:
    """Kernel to instructions per option before and now; nan where only one is known."""
    before, now = baseline().get(compiler_key(), {}).get(level, {}), measure(level)
    missing = float("nan")
    return {name: (before.get(name, missing), now.get(name, missing)) for name in {**before, **now}}


def main() -> None:
    """Write the counts of this compiler into the baseline, and say what has changed."""
    known = baseline()
    for level in LEVELS:
        for name, (before, now) in changes(level).items():
            print(f"{compiler_key()} {level} {name:45} {before:8.2f} -> {now:8.2f}")
        known.setdefault(compiler_key(), {})[level] = measure(level)
    BASELINE.write_text(json.dumps(known, indent=2) + "\n")
    print(f"{output(str(compiler().linker), '--version').splitlines()[0]}: {BASELINE}")


if __name__ == "__main__":
    try:
        main()
    except pytest.skip.Exception as missing:
        sys.exit(str(missing))
