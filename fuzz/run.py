"""Fuzz for a bounded time, or run one input again: ``make fuzz``, ``make fuzz TARGET=books INPUT=FILE``.

Targets in C++ are built by clang with libFuzzer, those in Python run under atheris.  Corpora and
findings are kept in build/fuzz.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import seeds

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "fuzz"
NATIVE = tuple(seeds.LENGTHS)
PYTHON = (*seeds.BY_HAND, "configs", "commands")
#: The longest input, in bytes, and the longest time one may take, in seconds.
LONGEST, SLOWEST = {"readers": 20_000, "configs": 8_000, "commands": 20_000}, 60


def clang() -> str:
    """The clang++ that brings libFuzzer."""
    for name in ("clang++", *(f"clang++-{n}" for n in range(25, 13, -1))):
        if path := shutil.which(name):
            return path
    sys.exit("fuzzing C++ needs clang with libFuzzer (Debian: apt-get install clang)")


def built(target: str, scalar: bool) -> Path:
    """The program of a target in C++."""
    folder = BUILD / ("scalar" if scalar else "native")
    options = ["-DHEDGECORE_FUZZ=ON", f"-DHEDGECORE_CHECK_KERNELS={'ON' if scalar else 'OFF'}"]
    compiler = [f"-DCMAKE_CXX_COMPILER={clang()}", "-DCMAKE_BUILD_TYPE=Release"]
    subprocess.run(["cmake", "-S", ROOT, "-B", folder, *options, *compiler], check=True)
    subprocess.run(
        ["cmake", "--build", folder, "--target", f"fuzz_{target}", "--parallel"], check=True
    )
    return folder / "fuzz" / f"fuzz_{target}"


def run(target: str, seconds: int, given: Path | None, scalar: bool) -> int:
    """Fuzz one target, or run it on one input; not 0 for a finding."""
    corpus, findings = BUILD / "corpus" / target, BUILD / "findings" / target
    findings.mkdir(parents=True, exist_ok=True)
    if target in NATIVE:
        command = [str(built(target, scalar))]
    else:
        command = [sys.executable, str(Path(__file__)), "--under-atheris", target]
    limits = [f"-timeout={SLOWEST}", f"-max_len={LONGEST.get(target, 2_000)}", "-rss_limit_mb=4096"]
    if given:
        return subprocess.run([*command, str(given)], check=False).returncode
    shared = Path(os.environ.get("HEDGECORE_SHARED", ROOT.parent / "shared"))
    seeds.write(target, corpus, shared if shared.is_dir() else None)
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={findings}/",
        "-print_final_stats=1",
    ]
    done = subprocess.run([*command, *options, *limits, str(corpus)], check=False)
    if done.returncode != 0:
        print(
            f"\n{target}: a finding, see above. Again: make fuzz TARGET={target} INPUT=FILE, a file of {findings}"
        )
    return done.returncode


def under_atheris(target: str, arguments: list[str]) -> None:
    """Fuzz a target in Python in this process, with what the library runs followed."""
    try:
        import atheris
    except ImportError:
        sys.exit("fuzzing Python needs atheris (dependency group fuzz)")
    from targets import TARGETS

    for seed in seeds.python(target, None):  # so that all modules are there
        TARGETS[target](seed)
    # by function: what watches imports leaves out those of an editable install
    for function in gc.get_objects():
        if isinstance(function, FunctionType) and str(function.__module__).startswith("hedgecore"):
            atheris.instrument_func(function)
    atheris.Setup([sys.argv[0], *arguments], TARGETS[target])
    atheris.Fuzz()


def main() -> None:
    """Read the arguments and run."""
    if sys.argv[1:2] == ["--under-atheris"]:
        sys.path.insert(0, str(ROOT / "tests"))
        under_atheris(sys.argv[2], sys.argv[3:])
        return
    sys.path.insert(0, str(ROOT / "tests"))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--target", choices=(*NATIVE, *PYTHON), help="one target alone")
    parser.add_argument("--input", type=Path, help="run the target on this file")
    parser.add_argument(
        "--scalar", action="store_true", help="check kernels for undefined behaviour"
    )
    given = parser.parse_args()
    if given.input and not given.target:
        parser.error("--input needs --target")
    targets = [given.target] if given.target else [*NATIVE, *PYTHON]
    results = {t: run(t, given.seconds, given.input, given.scalar) for t in targets}
    for target, code in results.items():
        print(f"{target}: {'nothing found' if code == 0 else 'FOUND'}")
    sys.exit(any(results.values()))


if __name__ == "__main__":
    main()
