"""The ledger of data defects: what was wrong in a file of quotes, how often, and where.

Real market data is never clean.  A reader of hedgecore survives every defect it knows and writes it
down here; nothing is repaired silently.  A ledger is a plain tuple of `Defect`, in the order of the
checks; those that found nothing are in it as well, so that it also says what was looked at.

Here is the ledger itself; the checks of quotes are in `hedgecore.venues.quality`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

try:
    import polars as pl
except ImportError as error:
    raise ImportError(
        'reading data of venues needs polars: pip install "hedgecore[data]"'
    ) from error

MAX_EXAMPLES: Final = 3
"""Examples kept per defect: enough to look it up in the file."""


@dataclass(frozen=True, slots=True)
class Defect:
    """One kind of defect and what was found of it.

    Attributes
    ----------
    name
        Short name, for example ``"bid missing"``.
    description
        What is meant, and what is done about it.
    count, total
        How many were found, out of how many looked at.
    unit
        What is counted: ``"rows"``, ``"values"``, ``"snapshots"`` or ``"gaps"``.
    dropped
        True if the rows counted were left out of the table.
    examples
        Up to three places where it was found.
    note
        A measured detail, for example a median and a maximum; may be empty.
    """

    name: str
    description: str
    count: int
    total: int
    unit: str = "rows"
    dropped: bool = False
    examples: tuple[str, ...] = ()
    note: str = ""

    @property
    def share(self) -> float:
        """The fraction found, 0 where nothing was looked at."""
        return self.count / self.total if self.total else 0.0


def count_rows(
    frame: pl.DataFrame,
    name: str,
    description: str,
    is_bad: pl.Expr,
    shown: tuple[str, ...],
    *,
    note: pl.Expr | None = None,
    dropped: bool = False,
    label: str = "instrument",
    unit: str = "rows",
) -> Defect:
    """Count the rows where ``is_bad`` and show the first few with the columns of ``shown``.

    ``label`` is the column by which an example is called beside its row; "" for none.
    """
    bad = frame.filter(is_bad)
    return Defect(
        name,
        description,
        count=bad.height,
        total=frame.height,
        unit=unit,
        dropped=dropped,
        examples=tuple(
            (f"row {row['row']} {row[label]}" if label else f"row {row['row']}")
            + "".join(f", {column} {_shown(row[column])}" for column in shown)
            for row in bad.head(MAX_EXAMPLES).iter_rows(named=True)
        ),
        note=bad.select(note).item() if note is not None and bad.height else "",
    )


def _shown(value: object) -> str:
    if value is None:
        return "missing"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
