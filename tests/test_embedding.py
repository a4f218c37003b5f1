"""hedgecore in programs of others: found in an installed wheel, as a part of the host, installed alone; the headers; the version."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hedgecore as hc
from builds import toolchain
from conftest import ROOT

EXAMPLE = ROOT / "examples" / "embedding"
BUILDS = ROOT / "build" / "tests" / "embedding"
HEADERS = sorted((ROOT / "cpp" / "include" / "hedgecore").iterdir())


def run(*command: str | Path, fails: bool = False, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(word) for word in command], check=False, capture_output=True, text=True, cwd=cwd
    )
    assert (done.returncode != 0) is fails, done.stdout + done.stderr
    return done.stdout + (done.stderr if fails else "")


@pytest.fixture(scope="session")
def cmake() -> str:
    beside = Path(sys.executable).parent
    found = shutil.which("cmake", path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("needs cmake (dependency group test)")
    for tool in ("g++", "gcc", "make"):
        if shutil.which(tool) is None:
            pytest.skip(f"needs {tool}")
    version = re.search(r"(\d+)\.(\d+)", run(found, "--version"))
    assert version
    if (int(version[1]), int(version[2])) < (3, 24):
        pytest.skip(f"needs cmake 3.24 or newer, not {version[0]}")
    return found


@pytest.fixture(scope="session")
def level() -> str:
    """One level, as each takes its time to build: that in use, or v3, which has the bits of v4."""
    return {"v4": "v3"}.get(hc.build_config()["level"], hc.build_config()["level"])


def built(cmake: str, source: Path, folder: Path, *options: str) -> Path:
    run(cmake, "-G", "Unix Makefiles", "-S", source, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", *options)  # fmt: skip
    run(cmake, "--build", folder, "--parallel", "2")
    return folder


@pytest.fixture(scope="session")
def from_wheel(cmake: str, level: str) -> Path:
    """The example, built against the package as installed here; kept for the next run."""
    where = run(sys.executable, "-m", "hedgecore", "--cmakedir").strip()
    return built(
        cmake, EXAMPLE, BUILDS / "wheel", f"-DCMAKE_PREFIX_PATH={where}", f"-DHEDGECORE_LEVELS={level}",
        "-DHEDGECORE_INSTALL=ON", "-DHEDGECORE_C_LIBRARY=ON",
    )  # fmt: skip


@pytest.fixture(scope="session")
def prefix(cmake: str, from_wheel: Path) -> Path:
    """The library alone, installed out of that build as a distribution would."""
    run(cmake, "--build", from_wheel, "--parallel", "2", "--target", "hedgecore_c")
    shutil.rmtree(BUILDS / "prefix", ignore_errors=True)
    run(cmake, "--install", from_wheel / "_hedgecore", "--prefix", BUILDS / "prefix")
    return BUILDS / "prefix"


@pytest.fixture(scope="module")
def expected() -> list[str]:
    """What the example prints, by Python."""
    vol = np.array([0.625, 0.5, 0.5625])
    chain = {
        "kind": np.array([1, -1, 1]), "strike": np.array([60_000.0, 65_000, 70_000]), "expiry": 0.125,
        "forward": 66_000.0, "settlement": "inverse",
    }  # fmt: skip
    greeks = hc.greeks(**chain, vol=vol, which=("price", "delta"))
    implied = hc.implied_vol(greeks.price, **chain)
    lines = [
        " ".join(f"{value:.17g}" for value in row)
        for row in zip(greeks.price, greeks.delta, implied, strict=True)
    ]
    n = 20_000
    quantity = np.arange(n) % 7 - 3.0
    sums, _ = hc._core.greek_sums(
        1, 50 + np.arange(n) / 256, 0.25, 0.625, None, 100.0, None, None, None, "linear",
        [hc.pricing.GREEK_NAMES.index(name) for name in ("delta", "vega")], [quantity, quantity],
        np.zeros(n, np.int32), 1, "raise", 1,
    )  # fmt: skip
    return [*lines, " ".join(f"{float(value):.17g}" for value in np.ravel(sums))]


def programs_print(folder: Path, expected: list[str]) -> None:
    for name in ("embedding_cpp", "embedding_c"):
        assert run(folder / name).splitlines() == expected, name


def test_an_installed_wheel(from_wheel: Path, expected: list[str]) -> None:
    programs_print(from_wheel, expected)


def test_an_installed_library(
    cmake: str, prefix: Path, expected: list[str], tmp_path: Path
) -> None:
    """Nothing of the library is compiled, by the package that is moved to another place."""
    moved = tmp_path / "moved"
    shutil.copytree(prefix, moved, symlinks=True)
    folder = built(cmake, EXAMPLE, tmp_path / "build", f"-DCMAKE_PREFIX_PATH={moved}")
    programs_print(folder, expected)
    objects = {path.name for path in folder.rglob("*.o")} - {"main.cpp.o", "main.c.o"}
    assert objects == set()


@pytest.mark.skipif(
    "HEDGECORE_EMBEDDING" not in os.environ,
    reason="builds the core again; the sources are those of the wheel: make embedding",
)
def test_a_part_of_the_host(cmake: str, expected: list[str], level: str) -> None:
    folder = built(
        cmake, EXAMPLE, BUILDS / "part", f"-DHEDGECORE_SOURCE={ROOT}", f"-DHEDGECORE_LEVELS={level}"
    )
    programs_print(folder, expected)


def test_a_part_of_the_host_leaves_the_host_alone(cmake: str, tmp_path: Path) -> None:
    """Configured: targets are there, and no setting, option or rule of installation is imposed."""
    (tmp_path / "CMakeLists.txt").write_text(
        f"""
cmake_minimum_required(VERSION 3.24)
project(host VERSION 7.8.9 LANGUAGES CXX)
set(SKBUILD 2)  # as if the host were built as a Python package
set(SKBUILD_PROJECT_VERSION 7.8.9)
add_subdirectory({ROOT} ${{CMAKE_BINARY_DIR}}/hedgecore)
foreach(variable CMAKE_BUILD_TYPE CMAKE_CXX_STANDARD CMAKE_POSITION_INDEPENDENT_CODE CMAKE_CXX_VISIBILITY_PRESET)
  if(${{variable}})
    message(FATAL_ERROR "${{variable}} is set")
  endif()
endforeach()
get_directory_property(version DIRECTORY {ROOT} DEFINITION hedgecore_VERSION)
if(NOT TARGET hedgecore::core OR TARGET _core OR HEDGECORE_INSTALL OR NOT version STREQUAL "{hc.__version__}")
  message(FATAL_ERROR "version ${{version}}")
endif()
"""
    )
    run(cmake, "-S", tmp_path, "-B", tmp_path / "build")
    wrong = run(cmake, "-S", tmp_path, "-B", tmp_path / "other", "-DHEDGECORE_LEVELS=v9", fails=True)  # fmt: skip
    assert "HEDGECORE_LEVELS: 'v9' is none of" in wrong


def test_the_wheel_has_the_sources() -> None:
    """Those of the repository, byte by byte: to build them as a part of the host or by find_package is the same."""
    shipped = Path(hc.get_cmake_dir()).parents[1]
    names = {path.relative_to(shipped) for path in shipped.rglob("*") if path.is_file()}
    generated = {Path("cpp/cmake/hedgecoreConfigVersion.cmake")}
    assert generated <= names
    for name in names - generated:
        assert (shipped / name).read_bytes() == (ROOT / name).read_bytes(), name
    suffixes = {".h", ".hpp", ".cpp", ".inl"}
    kept = [*(ROOT / "cpp" / "src").rglob("*"), *(ROOT / "cpp" / "include").rglob("*")]
    assert {path.relative_to(ROOT) for path in kept if path.suffix in suffixes} <= names
    assert sum((shipped / name).stat().st_size for name in names) < 1_000_000


def test_places() -> None:
    assert run(sys.executable, "-m", "hedgecore", "--include").strip() == hc.get_include()
    assert (Path(hc.get_include()) / "hedgecore" / "hedgecore.h").is_file()
    (entry,) = importlib.metadata.entry_points(group="cmake.root", name="hedgecore")
    found = importlib.resources.files(entry.load()).joinpath("hedgecoreConfig.cmake")
    assert Path(str(found)).resolve() == (Path(hc.get_cmake_dir()) / "hedgecoreConfig.cmake").resolve()  # fmt: skip


HOSTS = {
    # found in each directory, linked in another, found twice in one
    "directories": """
-- CMakeLists.txt
cmake_minimum_required(VERSION 3.24)
project(host LANGUAGES CXX)
add_subdirectory(a)
add_subdirectory(b)
-- a/CMakeLists.txt
find_package(hedgecore CONFIG REQUIRED)
find_package(hedgecore 0.1 REQUIRED COMPONENTS core)
add_library(host_a STATIC a.cpp)
target_link_libraries(host_a PUBLIC hedgecore::core)
-- a/a.cpp
#include <hedgecore/build_info.hpp>
-- b/CMakeLists.txt
find_package(hedgecore REQUIRED)
add_executable(program b.cpp)
target_link_libraries(program PRIVATE host_a hedgecore::core)
-- b/b.cpp
#include <hedgecore/build_info.hpp>
int main() { return hedgecore::version().empty(); }
""",
    # a host that knows no C++, with the static library and with the shared one
    "plain_c": """
-- CMakeLists.txt
cmake_minimum_required(VERSION 3.24)
project(host LANGUAGES C)
find_package(hedgecore REQUIRED COMPONENTS core c)
add_subdirectory(b)
-- b/CMakeLists.txt
add_executable(program b.c)
target_link_libraries(program PRIVATE hedgecore::core)
add_executable(shared b.c)
target_link_libraries(shared PRIVATE hedgecore::c)
-- b/b.c
#include <hedgecore/hedgecore.h>
int main(void) { return hc_api_version() != HC_API_VERSION; }
""",
}


@pytest.mark.parametrize("name", HOSTS)
def test_hosts_of_other_shapes(cmake: str, prefix: Path, tmp_path: Path, name: str) -> None:
    for part in HOSTS[name].split("-- ")[1:]:
        file, text = part.split("\n", 1)
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text)
    folder = built(cmake, tmp_path, tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run(folder / "b" / "program")
    if name == "plain_c":
        run(folder / "b" / "shared")
    wheel = f"-DCMAKE_PREFIX_PATH={hc.get_cmake_dir()}"
    run(cmake, "-S", tmp_path, "-B", tmp_path / "other", wheel, "-DHEDGECORE_C_LIBRARY=ON")


def test_what_is_not_there_is_not_found(cmake: str, tmp_path: Path) -> None:
    host = "cmake_minimum_required(VERSION 3.24)\nproject(host LANGUAGES CXX)\n"
    where = f"-DCMAKE_PREFIX_PATH={hc.get_cmake_dir()}"
    for wanted, message in (
        ("0.2 CONFIG REQUIRED", f"version: {hc.__version__}"),
        ("REQUIRED COMPONENTS core fortran", "has no component 'fortran'"),
    ):
        (tmp_path / "CMakeLists.txt").write_text(f"{host}find_package(hedgecore {wanted})\n")
        said = run(cmake, "-S", tmp_path, "-B", tmp_path / "build", where, fails=True)
        assert message in " ".join(said.split())


def test_the_client_by_ctypes(prefix: Path, expected: list[str]) -> None:
    client = EXAMPLE / "client.py"
    assert run(sys.executable, client).splitlines() == expected
    (library,) = (path for path in prefix.rglob("libhedgecore_c.so"))
    assert run(sys.executable, "-S", client, library).splitlines() == expected


def test_the_shared_library_exports_the_c_interface_alone(prefix: Path) -> None:
    nm = shutil.which("nm")
    if nm is None:
        pytest.skip("needs nm (Debian: binutils)")
    (library,) = (path for path in prefix.rglob("libhedgecore_c.so"))
    listing = run(nm, "--dynamic", "--defined-only", library).splitlines()
    strong = {line.split()[-1] for line in listing if line.split()[-2] in "TDBR"}
    header = (ROOT / "cpp" / "include" / "hedgecore" / "hedgecore.h").read_text()
    assert strong == set(re.findall(r"HC_API [\w\s*]+?(hc_\w+)\(", header))


def test_headers_of_another_version_do_not_link(prefix: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cpp" / "include", tmp_path / "include")
    version = tmp_path / "include" / "hedgecore" / "version.hpp"
    text = version.read_text()
    current = int(re.findall(r"#define HEDGECORE_API_VERSION (\d+)", text)[0])
    library = next(prefix.rglob("libhedgecore.a"))
    (tmp_path / "host.cpp").write_text(
        "#include <hedgecore/build_info.hpp>\nint main() { return hedgecore::version().empty(); }\n"
    )
    command = ["g++", "-std=c++20", "-O2", f"-I{tmp_path / 'include'}", tmp_path / "host.cpp", library, "-pthread"]  # fmt: skip
    run(*command, "-o", tmp_path / "host")
    run(tmp_path / "host")
    version.write_text(text.replace(f"API_VERSION {current}\n", f"API_VERSION {current + 1}\n"))
    assert f"hedgecore::library_has_api_{current + 1}" in run(*command, "-o", tmp_path / "host", fails=True)  # fmt: skip


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_public_headers_compile_alone(compiler: str, tmp_path: Path) -> None:
    """Each as the only one of a source, which includes it twice."""
    chain = toolchain(compiler, platform.machine())
    strict = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"]
    for header in HEADERS:
        source = tmp_path / f"{header.stem}_alone.cpp"
        source.write_text(f"#include <hedgecore/{header.name}>\n" * 2)
        chain.compile(source, source.stem, *strict)
    assert {header.suffix for header in HEADERS} == {".h", ".hpp"}
    plain = tmp_path / "plain.c"
    plain.write_text("#include <hedgecore/hedgecore.h>\n" * 2)
    toolchain("gcc", platform.machine()).compile_c(plain, "plain")


def test_every_header_knows_the_version() -> None:
    """By itself or by another: so that each checks the library that it is linked with."""
    folder = HEADERS[0].parent

    def included(name: str) -> set[str]:
        found = set(re.findall(r'#include "hedgecore/([\w.]+)"', (folder / name).read_text()))
        return found.union(*(included(inner) for inner in found))

    for header in HEADERS:
        if header.name not in ("version.hpp", "hedgecore.h"):
            assert "version.hpp" in included(header.name), header.name
