"""The same bits: for any threads, cuts, strides and alignment, compiler and processor with FMA.

cpp/tests/same_bits.cpp hashes what every kernel returns; the builds are those of builds.py. The
Python API on arrays of any layout: test_threads.py.
"""

from __future__ import annotations

import functools
import platform

import pytest

import hedgecore as hc
from builds import Toolchain, toolchain
from conftest import ROOT
from hedgecore import _core


def native() -> Toolchain:
    return toolchain("gcc", platform.machine())


@functools.cache
def native_levels() -> list[str]:
    return native().run(native().program("same_bits"), "--levels")


@functools.cache
def hashes(chain: Toolchain, level: str, *arguments: str) -> dict[str, tuple[str, str]]:
    """Name of each kernel to the hash of its results and of their special values."""
    program = chain.program("same_bits")
    if level not in (available := chain.run(program, "--levels")):
        pytest.skip(f"this machine runs {', '.join(available)}, not {level}")
    lines = [line.split() for line in chain.run(program, *arguments, level=level)]
    assert len(lines) > 100
    found = {name: (values, pattern) for name, values, pattern in lines}
    assert len(found) == len(lines)
    return found


def different(a: dict[str, tuple[str, str]], b: dict[str, tuple[str, str]]) -> list[str]:
    """The kernels whose results differ; cpp/tests/same_bits --values NAME shows where."""
    assert a.keys() == b.keys()
    return [name for name in a if a[name] != b[name]]


@pytest.mark.parametrize("threads", ["1", "2", "3", "8"])
def test_any_number_of_threads(threads: str) -> None:
    for level in native_levels():
        one = hashes(native(), level)
        assert different(hashes(native(), level, "--threads", threads), one) == []


@pytest.mark.parametrize("layout", ["pieces", "strided", "reversed", "shifted"])
def test_any_cuts_strides_and_alignment(layout: str) -> None:
    for level in native_levels():
        plain = hashes(native(), level)
        assert different(hashes(native(), level, "--layout", layout), plain) == []


@pytest.mark.parametrize(
    ("compiler", "machine", "level"),
    [
        ("clang", "x86_64", "v3"),
        ("gcc", "x86_64", "v4"),
        ("clang", "x86_64", "v4"),
        ("gcc", "aarch64", "arm64"),
        ("clang", "aarch64", "arm64"),
    ],
)
def test_every_level_with_fma_agrees(compiler: str, machine: str, level: str) -> None:
    assert different(hashes(toolchain(compiler, machine), level),
                     hashes(toolchain("gcc", "x86_64"), "v3")) == []  # fmt: skip


def test_compilers_agree_without_fma() -> None:
    a, b = (hashes(toolchain(compiler, "x86_64"), "v2") for compiler in ("gcc", "clang"))
    assert different(a, b) == []


def test_special_values_without_fma() -> None:
    """v2 is NaN, infinite and zero where v3 is; its other values differ in their last bits."""
    v2, v3 = (hashes(toolchain("gcc", "x86_64"), level) for level in ("v2", "v3"))
    assert [name for name in v3 if v2[name][1] != v3[name][1]] == []
    assert len(different(v2, v3)) > len(v3) // 2  # the hashes do see last bits


def test_every_kernel_is_hashed() -> None:
    """Each vector function; each Greek of each settlement and form; implied vol; sums; scenarios."""
    names = hashes(native(), native_levels()[-1])
    declared = (ROOT / "cpp/include/hedgecore/math.hpp").read_text()
    functions = [
        line.split()[1].split("(")[0] for line in declared.splitlines() if line.startswith("void ")
    ]
    assert {f"math.{name}" for name in functions} == {n for n in names if n.startswith("math.")}
    forms = {
        "forward": {"forward": 100.0},
        "discounted": {"forward": 100.0, "discount": 0.9},
        "spot": {"spot": 100.0},
    }
    for settlement in ("linear", "inverse"):
        for form, inputs in forms.items():
            got = hc.greeks(
                "call",
                strike=100.0,
                expiry=1.0,
                vol=0.5,
                settlement=settlement,
                which="all",
                **inputs,
            )
            wanted = {
                *got.to_dict(),
                "implied_vol",
                "implied_vol.status",
                "greek_sums.1",
                "greek_sums.29",
            }
            assert {f"black.{settlement}.{form}.{name}" for name in wanted} <= names.keys()
        for form in ("forward", "rate"):
            assert f"black.{settlement}.{form}.scenario_sums" in names
            assert f"black.{settlement}.{form}.scenario_sums.shaped" in names
    models = ("gbm", "merton", "kou", "heston", "bates", "correlated", "bootstrap")
    assert {
        f"paths.{model}.{what}" for model in models for what in ("spot", "variance")
    } <= names.keys()
    assert {
        "paths.uniforms",
        "paths.normals",
        "paths.correlated.level",
        "paths.bootstrap.level",
    } <= names.keys()
    assert {
        f"hedging.{numeraire}.{ledger}"
        for numeraire in ("quote", "coin")
        for ledger in _core.hedge_ledgers
    } <= names.keys()
    assert {
        f"hedging.{numeraire}.attribution.{line}"
        for numeraire in ("quote", "coin")
        for line in (*_core.hedge_lines, "price", "pnl")
    } <= names.keys()
