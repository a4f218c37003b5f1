"""The documentation: every block of code runs and prints what stands below it, links lead somewhere, all is described.

The rule that blocks follow is stated in ``tools/documentation/pages.py``.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from builds import toolchain
from conftest import ROOT
from documentation.outline import outline, stored
from documentation.pages import DOCS, Block, blocks, name_of, pages

RUN = {"python", "console"}
LANGUAGES = RUN | {"text", "toml", "c", "cpp", "cmake", "sh"}
OF_SPHINX = {"{toctree}", "{eval-rst}", "{literalinclude}"}
EXECUTED = [page for page in pages() if any(block.language in RUN for block in blocks(page))]
PROGRAMS = [
    (page, block) for page in pages() for block in blocks(page) if block.language in ("c", "cpp")
]


@pytest.fixture(scope="module")
def demo_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``hedgecore demo`` makes before it computes."""
    pytest.importorskip("plotly", reason="the pages need the extra cli")
    from hedgecore.demo import write_demo, write_hedging

    folder = tmp_path_factory.mktemp("pages") / "demo"
    write_demo(folder)
    write_hedging(folder)
    return folder


def agrees(printed: str, shown: str) -> bool:
    """Word by word; three dots at the end stand for more."""
    found, words = printed.split(), shown.split()
    if words and words[-1] == "...":
        words = words[:-1]
        found = found[: len(words)]
    return found == words


@pytest.mark.parametrize("page", EXECUTED, ids=name_of)
def test_blocks_print_what_is_below_them(page: Path, demo_files: Path, tmp_path: Path) -> None:
    shutil.copytree(demo_files, tmp_path / "work" / "demo")
    out = tmp_path / "results.json"
    done = subprocess.run(
        [sys.executable, "-m", "documentation.run", str(page), str(out)],
        cwd=tmp_path / "work", check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = {result["line"]: result for result in json.loads(out.read_text())}
    status = 0
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        if block.language == "python":
            got = results[block.line]
            assert "error" not in got, f"{where}: {got['error']}"
            assert agrees(got["printed"], block.shown or ""), f"{where} printed\n{got['printed']}"
        elif block.language == "console":
            assert block.commands, f"{where}: a command begins with a dollar"
            got = results[block.line]["commands"]
            for (command, shown), result in zip(block.commands, got, strict=True):
                if command == "echo $?":  # of the command before
                    assert shown.strip() == str(status), where
                    continue
                assert agrees(result["printed"], shown), f"{where}: {command}\n{result}"
                status = result["status"]
                assert status in (0, 3), f"{where}: {command}\n{result['error']}"
        if block.picture:
            figure = json.loads((tmp_path / f"{Path(block.picture).stem}.json").read_text())
            check_picture(DOCS / block.picture, figure)


def check_picture(picture: Path, figure: dict[str, Any]) -> None:
    """The picture is small and of this figure."""
    assert picture.stat().st_size <= 60_000, picture
    now, before = outline(figure), stored(picture.read_text(encoding="utf-8"))
    stale = f"{picture} is of another figure: make pictures"
    assert len(now) == len(before), stale
    for trace, drawn in zip(now, before, strict=True):
        for key, value in trace.items():
            got = drawn[key]
            same = pytest.approx(value, rel=1e-6, abs=1e-9) if isinstance(value, list) else value
            assert got == same, f"{stale} ({trace['name']}, {key})"


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    for page in pages():
        text = page.read_text(encoding="utf-8")
        assert text.count("\n```") + text.startswith("```") == 2 * len(blocks(page)), page
        for block in blocks(page):
            where = f"{name_of(page)}:{block.line}: {block.language}"
            assert block.language in LANGUAGES | OF_SPHINX, where
            if block.language == "toml":
                assert block.file, f"{where} has no file name in its first line"
                users = [b for b in blocks(page) if b is not block and block.file in b.text]
                assert any(b.language in RUN for b in users), f"{where}: nothing reads {block.file}"


SETS_UP = re.compile(
    r"pip install .*|hedgecore demo|git clone .*|pre-commit install|apt-get install .*|\. \.venv/bin/activate"
)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_commands_that_are_not_run_exist(page: Path) -> None:
    """``sh`` is for what sets up or takes minutes: the targets of the Makefile, pip, scripts of the repository."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for block in blocks(page):
        for line in block.text.splitlines() if block.language == "sh" else ():
            command = line.split("#")[0].strip()
            if not command or SETS_UP.fullmatch(command):
                continue
            first, *words = command.split()
            where = f"{name_of(page)}:{block.line}: {line}"
            if first == "make":
                assert words[0] in targets, where
            else:
                assert first == "python", where
                assert (ROOT / words[0]).is_file(), where


@pytest.mark.parametrize(
    ("page", "block"), PROGRAMS, ids=[f"{name_of(page)}:{block.line}" for page, block in PROGRAMS]
)
def test_programs_print_what_is_below_them(page: Path, block: Block, tmp_path: Path) -> None:
    """Compiled without warnings against the public headers alone."""
    chain = toolchain("gcc", platform.machine())
    name = f"docs_{page.stem}_{block.line}"
    source = tmp_path / f"{name}.{block.language}"
    source.write_text(block.text)
    printed = chain.run(chain.program(name, source))
    assert block.shown is not None, "nothing shows what it prints"
    assert printed == block.shown.splitlines()


CMAKE = [(page, block) for page in pages() for block in blocks(page) if block.language == "cmake"]


@pytest.mark.parametrize(
    ("page", "block"), CMAKE, ids=[f"{name_of(page)}:{block.line}" for page, block in CMAKE]
)
def test_cmake_finds_what_is_named(page: Path, block: Block, tmp_path: Path) -> None:
    """A block with the sources beside it is configured; others are lines of an example that is built elsewhere."""
    if "add_subdirectory(hedgecore)" not in block.text:
        examples = [path.read_text() for path in (ROOT / "examples").rglob("CMakeLists.txt")]
        lines = [line.strip() for line in block.text.splitlines() if line.strip()]
        assert any(all(line in text for line in lines) for text in examples), name_of(page)
        return
    cmake = shutil.which("cmake")
    if cmake is None or shutil.which("g++") is None:
        pytest.skip("needs cmake and g++ (Debian: cmake, g++)")
    (tmp_path / "hedgecore").symlink_to(ROOT)
    (tmp_path / "main.cpp").write_text("int main() {}\n")
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.24)\nproject(consumer LANGUAGES CXX)\n"
        "add_executable(program main.cpp)\n" + block.text
    )
    done = subprocess.run(
        [cmake, "-S", str(tmp_path), "-B", str(tmp_path / "build")],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def anchors(page: Path) -> set[str]:
    """The places of a page that links may name, as GitHub and the site make them from headings."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*pages(), ROOT / "benchmarks" / "RESULTS.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    text = re.sub(r"`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?:|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{name_of(page)}: {target}"
        if anchor and found.suffix == ".md":
            assert anchor in anchors(found), f"{name_of(page)}: {target}"


def test_files_that_the_guides_name_exist() -> None:
    """CONTRIBUTING.md says which files to touch: by name, or by the end of a path."""
    files = [path.name for path in ROOT.glob("*.*")]
    files += [path.relative_to(ROOT).as_posix() for path in (ROOT / "cpp").rglob("*.*")]
    for folder in ("python/hedgecore", "tests", "tools", "benchmarks", "docs", "examples", "fuzz"):
        files += [path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*.*")]
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w./-]+\.(?:cpp|hpp|inl|h|py|pyi|json))`", text))
    assert len(named) > 60
    missing = [name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in files)]
    assert missing == []


def test_the_front_page_quotes_the_benchmarks() -> None:
    front = (DOCS / "index.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for title, said in (
        ("price, delta, gamma, vega, theta, rho", "{} ns** for a price and five Greeks"),
        ("implied vol within 8 standard deviations", "{} ns for an implied vol, on one thread"),
    ):
        measured = re.search(rf"^\| {title} \| ([\d.]+) \|", readme, re.MULTILINE)
        assert measured
        assert said.format(measured[1]) in front


def test_every_page_has_its_place() -> None:
    """The tables of contents reach every page, each once."""
    listed = []
    for page in DOCS.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for tree in re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            for line in tree.splitlines():
                if line and not line.startswith(":"):
                    listed.append((page.parent / f"{line}.md").resolve())
    assert len(listed) == len(set(listed))
    assert {*listed, DOCS / "index.md"} == set(DOCS.rglob("*.md"))


def public_modules() -> list[str]:
    """The modules that the package names, and those that its packages name as public."""
    import hedgecore

    found = ["hedgecore"]
    for name in hedgecore._MODULES:
        module = importlib.import_module(f"hedgecore.{name}")
        found.append(module.__name__)
        for inner in getattr(module, "__all__", ()):
            if inspect.ismodule(getattr(module, inner)):
                found.append(getattr(module, inner).__name__)
    return found


def test_every_public_name_is_in_the_reference() -> None:
    pytest.importorskip("plotly", reason="reports need the extra report")
    text = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    listed = set(re.findall(r"^\.\. automodule:: ([\w.]+)\n   :members:", text, re.MULTILINE))
    assert set(public_modules()) <= listed
    for name in listed:
        module = importlib.import_module(name)
        assert module.__doc__, name
        for public in getattr(module, "__all__", ()):
            value = getattr(module, public)
            if callable(value) and not public.startswith("_"):
                assert inspect.getdoc(value), f"{name}.{public}"


def test_every_header_is_in_the_reference() -> None:
    text = (DOCS / "api" / "cpp.md").read_text(encoding="utf-8")
    headers = {path.name for path in (ROOT / "cpp" / "include" / "hedgecore").iterdir()}
    assert set(re.findall(r"include/hedgecore/([\w.]+)", text)) == headers
