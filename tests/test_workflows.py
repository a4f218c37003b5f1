"""The workflows: sound by schema and audit, actions pinned by commit; the wheels they build are tested."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from conftest import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def tool(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name} (dependency group lint)")
    return found


def test_schema() -> None:
    command = [tool("check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run(
        [*command, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_audit() -> None:
    done = subprocess.run(
        [tool("zizmor"), "--offline", "--quiet", str(ROOT / ".github")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned(path: Path) -> None:
    used = re.findall(r"uses: (.*)", path.read_text())
    assert used
    assert [u for u in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", u)] == []


def test_targets_exist() -> None:
    """Every make target that a workflow runs is one of the Makefile."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in WORKFLOWS:
        text = path.read_text()
        wanted = set(re.findall(r"run: make ([\w-]+)", text))
        for listed in re.findall(r"target: \[(.*)\]", text):
            wanted |= {name.strip() for name in listed.split(",")}
        assert wanted <= targets, f"{path.name}: no {', '.join(sorted(wanted - targets))}"


def test_wheels_are_tested_as_installed() -> None:
    chosen = tomllib.loads((ROOT / "pyproject.toml").read_text())
    settings = chosen["tool"]["cibuildwheel"]
    assert all((ROOT / source).is_file() for source in settings["test-sources"])
    classified = {
        match[1].replace(".", "")
        for line in chosen["project"]["classifiers"]
        if (match := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    }
    assert {name.removeprefix("cp").removesuffix("-*") for name in settings["build"]} == classified
