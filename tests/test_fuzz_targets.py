"""The fuzz targets on their seeds, so that they do not rot: no fuzzer needed. `make fuzz` looks further.

What the fuzzers found stands in the tests of what was wrong, with their name in the text.
"""

from __future__ import annotations

import platform
import subprocess
from pathlib import Path

import pytest

import seeds
from builds import toolchain
from conftest import ROOT, shared_folder


@pytest.mark.parametrize("target", seeds.LENGTHS)
def test_native(target: str, tmp_path: Path) -> None:
    """Built by gcc with a main of our own in the place of the fuzzer's."""
    chain = toolchain("gcc", platform.machine())
    program = chain.program(f"fuzz_{target}", ROOT / "fuzz" / f"{target}.cpp", "replay")
    seeds.write(target, tmp_path)
    files = sorted(map(str, tmp_path.iterdir()))[::3]
    assert len(files) == 100
    assert chain.run(program, *files) == [f"{len(files)} inputs"]


def test_a_broken_property_is_seen(tmp_path: Path) -> None:
    """A target ends with what does not hold: the replay of one that always finds something."""
    source = tmp_path / "broken.cpp"
    source.write_text(
        '#include "bytes.hpp"\n'
        'extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {\n'
        "    fuzz::Bytes bytes(data, size);\n"
        '    if (bytes.byte() == 7) fuzz::broken("seven");\n    return 0;\n}\n'
    )
    chain = toolchain("gcc", platform.machine())
    program = tmp_path / "broken"
    command = [*chain.command, "-std=c++20", f"-I{ROOT / 'fuzz'}", str(source)]
    subprocess.run([*command, str(ROOT / "fuzz/replay.cpp"), "-o", str(program)], check=True)
    for byte, code in ((6, 0), (7, -6)):
        (tmp_path / "input").write_bytes(bytes([byte]))
        done = subprocess.run(
            [program, tmp_path / "input"], check=False, capture_output=True, text=True
        )
        assert done.returncode == code
        assert ("seven" in done.stderr) == (byte == 7)


@pytest.mark.parametrize("target", [*seeds.BY_HAND, "configs", "commands"])
def test_python(target: str) -> None:
    pytest.importorskip("polars", reason="readers need the extra data")
    pytest.importorskip("typer", reason="commands need the extra cli")
    from targets import TARGETS

    inputs = seeds.python(target, shared_folder())
    assert inputs
    for data in inputs:
        TARGETS[target](data)
        TARGETS[target](data[: len(data) // 2])
