"""Independent counts of what is in files of market data: plain Python, nothing of the readers."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hedgecore.venues.tables import Table

Rows = list[dict[str, Any]]


def counts(table: Table) -> dict[str, int]:
    """What the ledger found, by name."""
    names = [defect.name for defect in table.defects]
    assert len(set(names)) == len(names), names
    return {defect.name: defect.count for defect in table.defects if defect.count}


def positive(**found: int) -> dict[str, int]:
    return {name.replace("_", " "): count for name, count in found.items() if count}


def rows_of(path: Path) -> Rows:
    with gzip.open(path, "rt", newline="") as file:
        return list(csv.DictReader(file))


def number(text: Any) -> float | None:
    return None if text in ("", None) else float(text)


def some(text: Any) -> float | None:
    """The number, None where it is 0 or missing."""
    value = number(text)
    return value if value is not None and value > 0 else None


def iso(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def millis(text: Any) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(float(text)))


@cache
def contract_key(name: str) -> tuple[Any, ...]:
    """Coin, expiry, strike, kind and name, what is missing before all else."""
    parts = name.split("-")
    expiry = datetime.min
    if parts[1] != "PERPETUAL":
        expiry = datetime.strptime(parts[1].zfill(7).title(), "%d%b%y")
    strike = float(parts[2]) if len(parts) == 4 else -1.0
    kind = {"C": 1, "P": -1}[parts[3]] if len(parts) == 4 else -2
    return parts[0], expiry, strike, kind, name


def falls(names: list[str], snapshots: list[Any]) -> int:
    """Rows that sort before the row above, by name or by contract, whichever gives fewer."""
    by_name = list(zip(snapshots, names, strict=True))
    by_contract = list(zip(snapshots, map(contract_key, names), strict=True))
    return min(sum(b < a for a, b in pairwise(keys)) for keys in (by_name, by_contract))


def two_sided(rows: Rows, bid: str, ask: str, mark: str | None) -> dict[str, int]:
    found: Counter[str] = Counter()
    for row in rows:
        b, a, m = some(row[bid]), some(row[ask]), some(row[mark]) if mark else None
        found["bid missing"] += b is None
        found["ask missing"] += a is None
        found["not two-sided"] += b is None or a is None
        found["crossed"] += bool(b and a and b > a)
        if mark:
            found["mark missing"] += m is None
            found["mark outside bid-ask"] += bool(m and ((b and m < b) or (a and m > a)))
    return dict(found)


def moved(groups: dict[Any, list[float]]) -> int:
    return sum(max(values) > min(values) for values in groups.values())
