"""What a reader returns: rows in a documented layout, and the ledger of what was wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from hedgecore.venues import DataError

if TYPE_CHECKING:
    import polars as pl

    from hedgecore.venues.defects import Defect

_NO_PARTS: Mapping[str, Table] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file in the layout of their kind.

    Attributes
    ----------
    kind
        What a row is, a key of `hedgecore.venues.layouts.LAYOUTS`: ``"quotes"``, ``"trades"``,
        ``"books"``, ``"bars"``, …  A file that holds messages of several kinds gives a table of
        kind ``"messages"``, one row per message, and the tables of each kind in `parts`.
    format
        The format that was recognised, for example ``"Deribit six-hourly chain"``.
    frame
        polars frame with exactly the columns of ``LAYOUTS[kind]``, in that order; null where the
        file has nothing.  Rows are in the order of the file.
    defects
        The ledger of the file: every check made and what it found.
    source
        The file it was read from.
    rows_read
        Rows (or messages) in the file; what was left out is counted in the ledger.
    parts
        The tables by kind of a file of several kinds of messages, else empty.
    """

    kind: str
    format: str
    frame: pl.DataFrame
    defects: tuple[Defect, ...]
    source: str
    rows_read: int
    parts: Mapping[str, Table] = field(default_factory=lambda: _NO_PARTS)

    def __repr__(self) -> str:
        found = [defect for defect in self.defects if defect.count]
        size = f"{self.frame.height:,} rows x {self.frame.width} columns"
        head = f"Table of {self.kind} ({self.format}): {size}"
        lines = [f"{head}, {self.rows_read:,} read from {self.source}"]
        if self.parts:
            shown = ", ".join(f"{kind} {part.frame.height:,}" for kind, part in self.parts.items())
            lines.append(f"  parts: {shown}")
        lines += [
            f"  {defect.name}: {defect.count:,} of {defect.total:,} {defect.unit}"
            + (" (left out)" if defect.dropped else "")
            for defect in found
        ]
        return "\n".join(lines)

    def part(self, kind: str) -> Table:
        """The table of one kind: this one, or one of its `parts`.

        Raises
        ------
        DataError
            The file holds no rows of this kind.
        """
        if kind == self.kind:
            return self
        if kind in self.parts:
            return self.parts[kind]
        held = ", ".join(self.parts) or self.kind
        raise DataError(f"{self.source}: no {kind} in this file ({self.format}); it holds {held}")

    def defect(self, name: str) -> Defect:
        """The entry of the ledger of this name (the first of them).

        Raises
        ------
        KeyError
            No such check was made of this file.
        """
        for defect in self.defects:
            if defect.name == name:
                return defect
        raise KeyError(name)
