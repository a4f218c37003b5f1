"""constraints.txt pins, with hashes, all that `make` installs; `make lock` renews it."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
TEXT = (ROOT / "constraints.txt").read_text()
EXTRAS = PROJECT["project"]["optional-dependencies"]
GROUPS = PROJECT["dependency-groups"]
WANTED = {
    "build": PROJECT["build-system"]["requires"],
    "hedgecore": PROJECT["project"]["dependencies"],
    **{f"extra {name}": EXTRAS[name] for name in ("data", "report", "cli", "optimise")},
    **{f"group {name}": wanted for name, wanted in GROUPS.items() if name != "svml"},
}


def pins() -> dict[str, list[Requirement]]:
    """Name of a package to its pins, one for each set of Pythons and platforms."""
    found = defaultdict(list)
    for line in re.findall(r"^\S+==.*?(?= \\$)", TEXT, re.MULTILINE):
        pin = Requirement(line)
        found[canonicalize_name(pin.name)].append(pin)
    return found


@pytest.mark.parametrize("where", WANTED)
def test_pins_are_what_pyproject_asks_for(where: str) -> None:
    known = pins()
    for wanted in WANTED[where]:
        if isinstance(wanted, dict):  # another group
            continue
        asked = Requirement(wanted)
        if asked.name == "hedgecore":  # an extra of its own
            continue
        pinned = known[canonicalize_name(asked.name)]
        assert pinned, f"{where}: {asked} has no pin: make lock"
        for pin in pinned:
            (version,) = pin.specifier
            assert version.version in asked.specifier, f"{where}: {pin} is not {asked}: make lock"


def test_every_pin_has_hashes_and_none_names_an_index() -> None:
    entries = re.split(r"\n(?=\S)", TEXT.partition("make lock\n")[2].strip())
    assert len(entries) == sum(map(len, pins().values())) > 80
    for entry in entries:
        first, *hashes = entry.split(" \\\n")
        assert hashes, first
        assert all(re.fullmatch(r" +--hash=sha256:[0-9a-f]{64}", line) for line in hashes), first
