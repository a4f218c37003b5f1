"""The machine's limits as a small library, compiled where it is used."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path


class NoCompilerError(RuntimeError):
    """There is nothing to build machine.cpp with."""


@lru_cache(maxsize=1)
def library(folder: Path) -> ctypes.CDLL:
    """Build and load machine.cpp; the functions release the GIL."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise NoCompilerError("the machine's limits need g++ or clang++")
    built = folder / "machine.so"
    source = Path(__file__).with_name("machine.cpp")
    flags = ["-O3", "-march=native", "-ffp-contract=fast", "-std=c++20", "-pthread"]
    subprocess.run([compiler, *flags, "-shared", "-fPIC", source, "-o", built], check=True)
    loaded = ctypes.CDLL(str(built))
    size, pointer, threads = ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int
    loaded.copy.argtypes = [pointer, pointer, size, threads]
    loaded.triad.argtypes = [pointer, pointer, pointer, size, threads]
    loaded.fma.argtypes = [size, threads]
    loaded.fma.restype = ctypes.c_double
    return loaded
