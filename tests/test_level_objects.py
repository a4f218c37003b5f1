"""The object of each level, by each compiler: what it defines, needs and is made of."""

from __future__ import annotations

import re
import shutil

import pytest

from builds import KERNELS, output, toolchain


@pytest.mark.parametrize(("compiler", "machine", "level"), KERNELS)
def test_only_the_table_is_exported_and_nothing_is_called(
    compiler: str, machine: str, level: str
) -> None:
    """A weak symbol of a level could be taken by the linker for every level; and no kernel calls
    the mathematics library, or anything else."""
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("needs nm (Debian: binutils)")
    path = toolchain(compiler, machine).kernels(level)
    listing = output(nm, "--extern-only", str(path)).splitlines()
    symbols = [line.split()[-2:] for line in listing]
    assert [name for _, name in symbols] == [f"_ZN9hedgecore{len(level)}{level}5tableE"]
    assert symbols[0][0] in "DR"  # defined, neither weak nor unique


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_v4_works_on_512_bits(compiler: str) -> None:
    """Every kernel of the level computes on zmm registers, whether this machine runs it or not."""
    objdump = shutil.which("objdump")
    if objdump is None:
        pytest.skip("needs objdump (Debian: binutils)")
    path = toolchain(compiler, "x86_64").kernels("v4")
    code = output(objdump, "--disassemble", "--demangle", "--no-show-raw-insn", str(path))
    bodies = re.split(r"^[0-9a-f]+ <(.*)>:$", code, flags=re.MULTILINE)[1:]
    functions = dict(zip(bodies[::2], bodies[1::2], strict=True))
    kernels = {
        name: body
        for name, body in functions.items()
        if re.search(r"::\w+\(.*(Block|double)", name)
    }
    assert len(kernels) > 40
    assert [name for name, body in kernels.items() if "%zmm" not in body] == []
    assert [name for name, body in functions.items() if re.search(r"\bcall", body)] == []
