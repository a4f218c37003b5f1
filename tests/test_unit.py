"""The C++ unit tests (cpp/tests/unit), built by gcc without CMake: for this processor, and for arm64 under qemu."""

from __future__ import annotations

import platform
import re

import pytest

from builds import CPP, LEVELS, toolchain

listed = re.search(r"set\(areas ([^)]*)\)", (CPP / "tests/unit/CMakeLists.txt").read_text())
assert listed
AREAS = listed[1].split()


def test_every_file_is_an_area() -> None:
    files = {path.stem for path in (CPP / "tests/unit").glob("*.cpp")}
    assert files == {*AREAS, "main"}


@pytest.mark.parametrize("machine", LEVELS)
@pytest.mark.parametrize("area", AREAS)
def test_unit(area: str, machine: str) -> None:
    chain = toolchain("gcc", machine)
    # qemu 7.2 does not survive a fork while threads run
    left_out = [] if machine == platform.machine() else ["--test-case-exclude=*fork*"]
    printed = "\n".join(chain.run(chain.unit_tests(), f"--source-file=*/{area}.cpp", *left_out))
    cases = re.search(r"test cases:\s+(\d+)", printed)
    assert cases
    assert int(cases[1]) > 0
    assert "SUCCESS" in printed
