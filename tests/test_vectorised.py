"""A gate: every loop of the kernels is vectorised, or this test fails.

The compiler is asked again, with the flags of the build, to say which loops it vectorised.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT

SOURCES = [
    *sorted((ROOT / "cpp" / "src" / "pricing").glob("*.inl")),
    ROOT / "cpp" / "src" / "dispatch" / "level.cpp",
]
FLAGS = [
    "-std=c++20", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fPIC",
    "-march=x86-64-v3", "-DHC_LEVEL=v3",
]  # fmt: skip


def listed_loops() -> list[tuple[str, int]]:
    """File name and line of every loop: HC_EACH, and the passes made by HC_GREEK, HC_GREEK_PER_COIN and HC_MAP."""
    loops = []
    for path in SOURCES:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if line.startswith("#define") or line.endswith("\\"):
                continue  # the macros themselves
            if re.search(r"(^|\)|else)\s*HC_EACH\(", line) or re.match(
                r"HC_(GREEK|GREEK_PER_COIN|MAP)\(\w+, ", line
            ):
                loops.append((path.name, number))
    return loops


def test_flags_are_those_of_the_build() -> None:
    text = (ROOT / "cpp" / "CMakeLists.txt").read_text()
    assert f"set(kernel_flags {' '.join(FLAGS[1:5])})" in text
    assert f"set(flags_v3 {FLAGS[6]})" in text


def test_every_loop_is_vectorised(tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("needs g++, whose reports it reads")
    version = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True, check=True)
    machine = subprocess.run([compiler, "-dumpmachine"], capture_output=True, text=True, check=True)
    if not machine.stdout.startswith("x86_64") or int(version.stdout.split(".")[0]) < 11:
        pytest.skip(f"needs g++ 11 or newer for x86-64, not {version.stdout} {machine.stdout}")
    report = tmp_path / "report.txt"
    subprocess.run(
        [compiler, *FLAGS, f"-I{ROOT / 'cpp/include'}", f"-I{ROOT / 'cpp/src'}", "-c", "-o", str(tmp_path / "level.o"),
         str(ROOT / "cpp/src/dispatch/level.cpp"), f"-fopt-info-vec-optimized={report}"],
        check=True,
    )  # fmt: skip
    found = re.findall(
        r"([\w./-]+):(\d+):\d+: optimized: loop vectorized using 32 byte", report.read_text()
    )
    vectorised = {(Path(name).name, int(line)) for name, line in found}
    loops = listed_loops()
    assert len(loops) > 50
    scalar = [f"{name}:{line}" for name, line in loops if (name, line) not in vectorised]
    assert scalar == []
