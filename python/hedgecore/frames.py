"""Columns in and frames out: whatever holds columns becomes a dict of numpy arrays, and back.

Data-frame libraries are optional: they are used when what comes in is theirs, or when asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[Any]]
Library = Literal["pandas", "polars"]


class Listing(dict[str, npt.NDArray[Any]]):
    """Columns by name, that print as a table."""

    def to_frame(self, library: Library | None = None) -> Any:
        """Return them as a data frame, of pandas or polars."""
        return frame_of(self, library)

    def __str__(self) -> str:
        """Return them as text."""
        return text_table(self)


def columns_of(data: Any) -> Columns:
    """Return the columns of a frame, a mapping of arrays, or anything with Arrow's PyCapsule.

    pandas and polars frames keep their column names; an index is ignored.  Other objects with
    ``__arrow_c_stream__`` (pyarrow tables, duckdb results, …) are read through polars.

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For columns of different lengths.
    """
    if isinstance(data, Mapping):
        columns = {str(name): np.atleast_1d(np.asarray(column)) for name, column in data.items()}
    elif hasattr(data, "to_numpy") and hasattr(data, "columns"):  # pandas, polars
        columns = {str(name): np.asarray(data[name].to_numpy()) for name in data.columns}
    elif hasattr(data, "__arrow_c_stream__"):
        try:
            import polars as pl
        except ImportError as error:
            raise ImportError(
                'reading Arrow tables needs polars: pip install "hedgecore[data]"'
            ) from error
        columns = columns_of(pl.DataFrame(data))
    else:
        raise TypeError(
            "data must be a pandas or polars frame, a mapping of columns or an Arrow table, "
            f"not {type(data).__name__}"
        )
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of different lengths: {lengths}")
    return columns


def frame_of(columns: Mapping[str, Any], library: Library | None = None) -> Any:
    """Return a data frame: of pandas if installed, else of polars, unless named."""
    table = {name: np.atleast_1d(column) for name, column in columns.items()}
    for candidate in (library,) if library else ("pandas", "polars"):
        try:
            module = __import__(candidate)
        except ImportError:
            continue
        return module.DataFrame(table)
    missing = library or "pandas or polars"
    raise ImportError(f"to_frame() needs {missing}: pip install {library or 'polars'}")


def text_table(columns: Mapping[str, Any], most: int = 40) -> str:
    """Return columns as aligned text, the middle left out beyond ``most`` rows."""
    cells = {
        name: [_cell(value) for value in np.atleast_1d(column)] for name, column in columns.items()
    }
    n = len(next(iter(cells.values()), []))
    rows = [*range(most // 2), -1, *range(n - most // 2, n)] if n > most else list(range(n))
    lines = [list(cells)]
    lines += [["..." if row < 0 else cells[name][row] for name in cells] for row in rows]
    widths = [max(len(line[j]) for line in lines) for j in range(len(cells))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    )


def _cell(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return "-" if np.isnan(value) else f"{value:,.6g}"
    if isinstance(value, np.datetime64):
        return "-" if np.isnat(value) else np.datetime_as_string(value, unit="m").replace("T", " ")
    return str(value)
