"""``make accuracy``: measures every case and writes docs/accuracy.md, whole or not at all."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from accuracy import document
from accuracy.cases import CASES, Case
from accuracy.measure import Measured, measure
from levels import AVAILABLE

TARGET = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"


def _measured(case: Case, place: str, per_cell: int) -> Measured:
    head, start = f"{place} {case.group}: {case.name}", time.monotonic()
    moves = sys.stderr.isatty()

    def progress(done: int, total: int) -> None:
        if moves:
            print(f"\r{head} {100 * done // total:3d} %", end="", file=sys.stderr, flush=True)

    measured = measure(case, per_cell, AVAILABLE, progress)
    lead = "\r" if moves else ""
    print(f"{lead}{head}, {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)
    return measured


def main() -> int:
    parser = argparse.ArgumentParser(prog="make accuracy", description=__doc__)
    parser.add_argument("--points", type=int, default=100, help="options in each cell of the maps")
    parser.add_argument("--output", type=Path, default=TARGET)
    given = parser.parse_args()
    if given.points < 1:
        parser.error("--points must be at least 1")
    results = []
    try:
        for i, case in enumerate(CASES, start=1):
            results.append(_measured(case, f"[{i}/{len(CASES)}]", given.points))
    except KeyboardInterrupt:
        print(f"\ninterrupted: {given.output} is as it was", file=sys.stderr)
        return 130
    part = given.output.with_suffix(".part")
    part.write_text(document.write(results, AVAILABLE, given.points))
    part.replace(given.output)
    print(f"wrote {given.output}", file=sys.stderr)
    broken = [line for measured in results for line in measured.violations()]
    print("\n".join(broken), end="\n" if broken else "", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
