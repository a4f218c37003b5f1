"""The package as installed: what importing it costs and loads, its build, its stub."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hedgecore as hc
from conftest import ROOT
from levels import AVAILABLE, run_at

OPTIONAL = ["polars", "pandas", "plotly", "jinja2", "typer", "rich", "scipy", "mpmath", "pyarrow"]


def test_import_needs_numpy_alone() -> None:
    code = f"""
import sys, numpy
for name in {OPTIONAL!r}:
    sys.modules[name] = None  # as if it were not installed
before = set(sys.modules)
import hedgecore
loaded = {{name.partition('.')[0] for name in set(sys.modules) - before}}
print(sorted(loaded - set(sys.stdlib_module_names) - {{'hedgecore', 'numpy'}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_only_numpy_is_required() -> None:
    required = [r for r in importlib.metadata.requires("hedgecore") or [] if "extra ==" not in r]
    assert [r.split(">")[0] for r in required] == ["numpy"]


def test_one_version() -> None:
    assert hc.__version__ == importlib.metadata.version("hedgecore")
    assert hc.build_config()["version"] == hc.__version__
    header = (ROOT / "cpp/include/hedgecore/version.hpp").read_text()
    assert f'#define HEDGECORE_VERSION "{hc.__version__}"' in header
    newest = re.search(r"^## \[(.*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == hc.__version__


def test_no_other_file_states_the_version() -> None:
    """Those of C and CMake, as a library and as a package: test_c_interface.py, test_embedding.py."""
    stated = re.compile(
        rf"^[^/#*\n]*\bversion\b[^/#*\n]*{re.escape(hc.__version__)}", re.IGNORECASE | re.MULTILINE
    )
    files = [ROOT / "pyproject.toml", ROOT / "CMakeLists.txt"]
    for folder in ("cpp", "python"):
        files += [
            f
            for f in (ROOT / folder).rglob("*")
            if f.suffix in {".py", ".txt", ".cmake", ".h", ".cpp"}
        ]
    assert [str(file) for file in files if stated.search(file.read_text(encoding="utf-8"))] == []
    assert stated.search(f'version = "{hc.__version__}"')


def test_build_config() -> None:
    config = hc.build_config()
    assert config["level"] in config["levels_available"]
    assert set(config["levels_available"]) <= set(config["levels_compiled"])
    assert config["threads"] >= 1


@pytest.mark.parametrize("level", AVAILABLE)
def test_level_can_be_lowered(level: str) -> None:
    got = run_at(
        level,
        "result['p'] = np.array([hc.price('call', strike=100, expiry=1, vol=0.2, forward=100.0)])",
    )
    assert got["p"][0] == pytest.approx(7.965567455405804, rel=1e-14)


def test_wrong_level_is_an_error() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import hedgecore as hc; hc.price('call', strike=1, expiry=1, vol=1, forward=1.0)"],
        check=False, env={**os.environ, "HEDGECORE_ISA": "avx3"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert (
        "HEDGECORE_ISA='avx3' is not a level that this build and this machine have" in done.stderr
    )


def test_stub_matches_the_extension() -> None:
    pytest.importorskip("mypy", reason="stubtest comes with mypy (dependency group lint)")
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "hedgecore._core", "--concise"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem
)
def test_the_examples_run(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("polars", reason="the examples read chains")
    command = [sys.executable, str(path)]
    if path.stem == "ranking_on_real_data":  # this and the next two have no data of their own
        command += [str(request.getfixturevalue("shared") / "data" / "prices"), "100"]
    if path.stem == "backtest_of_a_strategy":
        command += [str(request.getfixturevalue("shared") / "data"), "BTC"]
    if path.stem == "hedge_of_a_book":
        pytest.importorskip("highspy", reason="the example needs the extra optimise")
        command += [str(request.getfixturevalue("shared") / "data")]
    if path.stem == "frontier_of_policies":
        command += ["1000"]  # paths
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_books_by_name_need_numpy_alone() -> None:
    code = f"""
import sys
for name in {OPTIONAL!r}:
    sys.modules[name] = None  # as if it were not installed
import hedgecore as hc
book = hc.Book.from_frame({{'instrument': ['BTC-26JUN26-90000-C', 'BTC-PERPETUAL'], 'quantity': [1, -1000.0]}})
market = hc.Market('2026-06-10', index={{'BTC': 90000}}, vols=0.5,
                   forwards={{('BTC', '2026-06-26T08:00'): 90000.0}})
risk = book.risk(market)
print(round(risk.total['BTC']['black_delta'], 3))
try:
    risk.to_frame()
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "0.51",
        "to_frame() needs pandas or polars: pip install polars",
    ]


def test_levels_are_those_of_the_processor() -> None:
    """What the system says of the processor, in its words, against what the core finds by itself."""
    info = Path("/proc/cpuinfo")
    if not info.exists() or platform.machine() != "x86_64":
        pytest.skip("needs Linux on x86-64, whose /proc/cpuinfo lists the features")
    flags = set(re.search(r"^flags\s*:(.*)$", info.read_text(), re.MULTILINE)[1].split())
    needed = {
        "v2": "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3",
        "v3": "avx avx2 bmi1 bmi2 f16c fma abm movbe",
        "v4": "avx512f avx512bw avx512cd avx512dq avx512vl",
    }
    expected = []
    for level, features in needed.items():
        if not set(features.split()) <= flags:
            break
        expected.append(level)
    assert hc.build_config()["levels_available"] == expected
