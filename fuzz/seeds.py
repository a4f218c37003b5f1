"""Seed corpora: inputs for the fuzzers to start from, the same each time.

The targets in C++ read choices and numbers byte by byte (bytes.hpp): what most bytes say is plausible.
"""

from __future__ import annotations

import random
from pathlib import Path

#: Targets in C++ to the lengths of their seeds.
LENGTHS = {"pricing": (8, 400), "hedging": (80, 400), "c_interface": (20, 600)}


def native(target: str, count: int = 300) -> list[bytes]:
    """Return inputs of a target in C++: plausible ones, with ever more of any bits among them."""
    chance = random.Random(target)
    least, most = LENGTHS[target]
    seeds = []
    for k in range(count):
        wild = 0.3 * max(0.0, k / count - 0.5)
        length = chance.randint(least, most)
        seeds.append(
            bytes(
                chance.randrange(256) if chance.random() < wild else chance.randrange(192)
                for _ in range(length)
            )
        )
    return seeds


def write(target: str, folder: Path) -> None:
    """Put the seeds of a target into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, seed in enumerate(native(target)):
        (folder / f"seed-{k:03}").write_bytes(seed)
