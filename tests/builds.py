"""The core built by each compiler for each processor: the flags of cpp/CMakeLists.txt, no CMake.

Objects and programs are kept in build/tests; each is remade when its command, its compiler, what it is made of or a
header of the core has changed.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

import hedgecore as hc
from conftest import ROOT

CPP = ROOT / "cpp"
CMAKE = (CPP / "CMakeLists.txt").read_text()
LEVELS = {"x86_64": ("v2", "v3", "v4"), "aarch64": ("arm64",)}
#: every compiler, processor and level that the gates look at
KERNELS = [(c, m, level) for m in LEVELS for c in ("gcc", "clang") for level in LEVELS[m]]


def flags(variable: str) -> list[str]:
    """What cpp/CMakeLists.txt sets a variable to; nothing where it does not."""
    found = re.search(rf"set\({variable} ([^)]*)\)", CMAKE)
    return found[1].split() if found else []


def core_sources() -> list[Path]:
    listed = re.search(r"add_library\(hedgecore_core STATIC([^)]*)\)", CMAKE)
    assert listed
    return [CPP / name for name in [*listed[1].split(), *flags("c_interface")]]


@functools.cache
def headers_digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(CPP.rglob("*")):
        if path.suffix in (".hpp", ".inl", ".h"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


@dataclass(frozen=True)
class Toolchain:
    """A compiler for a processor. g++ links; with clang it lends its headers and library."""

    name: str
    machine: str
    command: tuple[str, ...]
    version: str
    linker: str

    @property
    def is_clang(self) -> bool:
        return self.name.startswith("clang")

    @property
    def folder(self) -> Path:
        return ROOT / "build" / "tests" / f"{self.name}-{self.machine}"

    def make(self, target: Path, arguments: list[str], command: tuple[str, ...] = ()) -> Path:
        """The target, made by the compiler (or that command) if what makes it has changed; once, whoever asks for it meanwhile."""
        line = [*(command or self.command), *arguments, "-o", str(target)]
        files = [Path(word).read_bytes() for word in arguments if Path(word).is_file()]
        read = hashlib.sha256(b"".join(files)).hexdigest()
        key = "\n".join([*line, self.version, headers_digest(), read])
        stamp = target.with_name(f"{target.name}.made-by")
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f"{target.name}.lock")):
            if target.exists() and stamp.exists() and stamp.read_text() == key:
                return target
            stamp.unlink(missing_ok=True)
            # the wheel's compiler says nothing on what it finds in its cache: each call has its own
            with tempfile.TemporaryDirectory() as cache:
                zig = {"ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache}
                done = subprocess.run(
                    line, check=False, capture_output=True, text=True, env={**os.environ, **zig}
                )
            assert done.returncode == 0, " ".join(line) + "\n" + done.stderr
            target.with_suffix(".log").write_text(done.stderr)
            stamp.write_text(key)
        return target

    def compile(self, source: Path, name: str, *more: str) -> Path:
        common = ["-std=c++20", "-fPIC", f"-I{CPP / 'include'}", f"-I{CPP / 'src'}"]
        return self.make(self.folder / f"{name}.o", [*common, *more, "-c", str(source)])

    def compile_c(self, source: Path, name: str) -> Path:
        warnings = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"]
        command = ["-x", "c", *warnings, f"-I{CPP / 'include'}", "-c", str(source)]
        return self.make(self.folder / f"{name}.o", command)

    def compile_public(self, source: Path, name: str) -> Path:
        """A program in C++ that knows the public headers alone."""
        strict = ["-std=c++20", "-Wall", "-Wextra", "-Werror", f"-I{CPP / 'include'}"]
        return self.make(self.folder / f"{name}.o", [*strict, "-c", str(source)])

    def kernels(self, level: str) -> Path:
        """The object of a level; beside it, as .report, which loops were vectorised."""
        report = self.folder / f"{level}.report"
        march = flags(f"flags_{level}")
        if self.is_clang:
            march = [flag.replace("x86-64-", "x86_64_") for flag in march]  # as zig spells it
            asked = ["-Rpass=loop-vectorize", "-Rpass-missed=loop-vectorize"]
        else:
            asked = [f"-fopt-info-vec-optimized={report}"]
        done = self.compile(
            CPP / "src/dispatch/level.cpp", level,
            *flags("kernel_flags"), *march, f"-DHC_LEVEL={level}", *asked,
        )  # fmt: skip
        if self.is_clang:
            copy = shutil.copy(done.with_suffix(".log"), report.with_suffix(f".{os.getpid()}"))
            copy.replace(report)  # at once, for those who read it meanwhile
        return done

    @property
    def settings(self) -> list[str]:
        """Flags of what is no kernel."""
        levels = [f"-DHC_HAS_{level.upper()}=1" for level in LEVELS[self.machine]]
        return ["-DNDEBUG", *flags("core_flags"), *levels]

    def program(self, name: str, source: Path | None = None, replay: str = "") -> Path:
        """A program of cpp/tests, or of a source in C or C++, linked to the core.

        With ``replay`` the source is a fuzz target, and that file of fuzz its main.
        The program itself is always compiled by g++.
        """
        gcc = toolchain("gcc", self.machine)
        main = source or CPP / "tests" / f"{name}.cpp"
        if source is None or replay:
            own = [partial(gcc.compile, main, name, "-O1", *self.settings)]
        elif source.suffix == ".cpp":
            own = [partial(gcc.compile_public, main, name)]
        else:
            own = [partial(gcc.compile_c, main, name)]
        if replay:
            own.append(partial(gcc.compile, ROOT / "fuzz" / f"{replay}.cpp", replay))
        return self.link(name, own)

    def unit_tests(self) -> Path:
        """The program of cpp/tests/unit, or a skip without doctest."""
        gcc = toolchain("gcc", self.machine)
        header = [*gcc.command, "-E", "-include", "doctest/doctest.h", "-x", "c++", os.devnull]
        if subprocess.run(header, check=False, capture_output=True).returncode != 0:
            pytest.skip("needs doctest (Debian: doctest-dev)")
        return self.link(
            "unit",
            [
                partial(gcc.compile, path, f"unit-{path.stem}", "-O1", *self.settings)
                for path in sorted((CPP / "tests" / "unit").glob("*.cpp"))
            ],
        )

    def link(self, name: str, own: list[Callable[[], Path]]) -> Path:
        """A program of its own objects and the core with all levels of the processor.

        The sources of the core that compute nothing are always compiled by g++.
        """
        gcc = toolchain("gcc", self.machine)
        with ThreadPoolExecutor(hc.num_threads()) as pool:
            objects = [pool.submit(self.kernels, level) for level in LEVELS[self.machine]]
            for path in core_sources():
                compiler = gcc if path.parent.name in ("dispatch", "parallel") else self
                objects.append(
                    pool.submit(compiler.compile, path, path.stem, "-O3", *self.settings)
                )
            objects += [pool.submit(make) for make in own]
            paths = [str(task.result()) for task in objects]
        # static, so that it runs under qemu without the libraries of its processor
        alone = [] if self.machine == platform.machine() else ["-static"]
        return self.make(self.folder / name, [*paths, *alone, "-pthread"], (self.linker,))

    def run(self, program: Path, *arguments: str, level: str = "") -> list[str]:
        """The lines that the program prints, run under qemu if it is for another processor."""
        runner = []
        if self.machine != platform.machine():
            emulator = shutil.which(f"qemu-{self.machine}")
            if emulator is None:
                pytest.skip(
                    f"needs qemu-{self.machine} to run {self.machine} code (Debian: qemu-user)"
                )
            runner = [emulator, "-cpu", "max"]
        done = subprocess.run(
            [*runner, str(program), *arguments],
            check=False, capture_output=True, text=True, env={**os.environ, "HEDGECORE_ISA": level},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()


@functools.cache
def toolchain(compiler: str, machine: str) -> Toolchain:
    """The compiler, or a skip that says what is missing."""
    if sys.platform != "linux" or platform.machine() not in LEVELS:
        pytest.skip("needs Linux on x86-64 or aarch64")
    native = machine == platform.machine()
    gxx = shutil.which("g++" if native else f"{machine}-linux-gnu-g++")
    if gxx is None:
        package = machine.replace("_", "-")
        wanted = "g++" if native else f"g++ for {machine} (Debian: g++-{package}-linux-gnu)"
        pytest.skip(f"needs {wanted}")
    version = output(gxx, "-dumpfullversion").strip()
    if int(version.split(".")[0]) < 11:
        pytest.skip(f"needs g++ 11 or newer, not {version}")
    if compiler == "gcc":
        return Toolchain("gcc", machine, (gxx,), version, gxx)
    if platform.libc_ver()[0] != "glibc":
        pytest.skip("needs glibc, whose headers clang is given")
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("needs the clang of the wheel ziglang (dependency group test)")
    headers = re.findall(
        r"^ (/.*c\+\+.*)$", output(gxx, "-E", "-v", "-x", "c++", "/dev/null"), re.MULTILINE
    )
    zig = (sys.executable, "-m", "ziglang", "c++", "-target", f"{machine}-linux-gnu.2.34")
    own_headers = ("-nostdinc++", *(f"-I{folder}" for folder in headers))
    version += output(*zig, "--version")
    return Toolchain("clang", machine, (*zig, *own_headers), version, gxx)
