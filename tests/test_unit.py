"""The C++ unit tests (cpp/tests/unit), built by gcc without CMake."""

from __future__ import annotations

import platform
import re

import pytest

from builds import CPP, toolchain

listed = re.search(r"set\(areas ([^)]*)\)", (CPP / "tests/unit/CMakeLists.txt").read_text())
assert listed
AREAS = listed[1].split()


def test_every_file_is_an_area() -> None:
    files = {path.stem for path in (CPP / "tests/unit").glob("*.cpp")}
    assert files == {*AREAS, "main"}


@pytest.mark.parametrize("area", AREAS)
def test_unit(area: str) -> None:
    chain = toolchain("gcc", platform.machine())
    printed = "\n".join(chain.run(chain.unit_tests(), f"--source-file=*/{area}.cpp"))
    cases = re.search(r"test cases:\s+(\d+)", printed)
    assert cases
    assert int(cases[1]) > 0
    assert "SUCCESS" in printed
