"""A gate: every loop of the kernels is vectorised, by each compiler at each level, or this fails.

The compilers are asked to say which loops they vectorised (builds.py).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from builds import KERNELS, toolchain
from conftest import ROOT

SOURCES = [
    *sorted((ROOT / "cpp" / "src" / "pricing").glob("*.inl")),
    *sorted((ROOT / "cpp" / "src" / "risk").glob("*.inl")),
    *sorted((ROOT / "cpp" / "src" / "surface").glob("*.inl")),
    *sorted((ROOT / "cpp" / "src" / "paths").glob("*.inl")),
    *sorted((ROOT / "cpp" / "src" / "hedging").glob("*.inl")),
    ROOT / "cpp" / "src" / "math" / "random.inl",
    ROOT / "cpp" / "src" / "dispatch" / "level.cpp",
]
BYTES = {"v2": 16, "v3": 32, "v4": 64, "arm64": 16}


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


def reported(report: str, pattern: str, least: int = 0) -> set[tuple[str, int]]:
    """File name and line of what the compiler reports in these words, with a width of at least so many."""
    found = re.findall(rf"([\w./-]+):(\d+):\d+: {pattern}", report)
    return {(Path(name).name, int(line)) for name, line, width in found if int(width or 0) >= least}


@pytest.mark.parametrize(("compiler", "machine", "level"), KERNELS)
def test_every_loop_is_vectorised(compiler: str, machine: str, level: str) -> None:
    chain = toolchain(compiler, machine)
    report = chain.kernels(level).with_suffix(".report").read_text()
    width = BYTES[level]
    if chain.is_clang:
        # in lanes: loops over bytes have more
        vectorised = reported(
            report, r"remark: vectorized loop \(vectorization width: (\d+),", width // 8
        )
        missed = reported(report, "remark: loop not vectorized()")
    else:
        vectorised = reported(report, r"optimized: loop vectorized using (\d+) byte", width)
        missed = set()  # gcc names what it tried on the way, too
    loops = listed_loops()
    assert len(loops) > 50
    scalar = [
        f"{name}:{line}"
        for name, line in loops
        if (name, line) not in vectorised or (name, line) in missed
    ]
    assert scalar == []
