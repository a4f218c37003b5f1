"""A gate: no listed kernel runs more instructions than benchmarks/baseline.json allows.

Times on a shared machine hide a loss of 5 %; counts of instructions do not.
"""

from __future__ import annotations

import pytest

import instructions

TOLERANCE = 0.05


@pytest.mark.parametrize("level", instructions.LEVELS)
def test_instructions_per_option(level: str, notes: list[str]) -> None:
    known = instructions.baseline()
    key = instructions.compiler_key()
    if level not in known.get(key, {}):
        pytest.skip(f"the baseline knows {', '.join(known)}; make baseline adds {key}")
    changes = instructions.changes(level)
    assert len(changes) >= 20
    worse = [
        f"{name}: {before} -> {now} instructions per option"
        for name, (before, now) in changes.items()
        if not now <= before * (1 + TOLERANCE)  # a kernel that one side lacks, too
    ]
    assert worse == []
    notes.extend(
        f"{key} {level} {name}: {before} -> {now} instructions per option; make baseline keeps it"
        for name, (before, now) in changes.items()
        if now < before * (1 - TOLERANCE)
    )
