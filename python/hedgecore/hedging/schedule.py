"""What an option is step by step, where it is carried through data: bought and sold on the way, at the vols and forwards there were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore.paths.random import whole

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Schedule:
    """The terms of an option at the steps ``first``, ``first`` + 1, ..., and nothing of it before and after.

    Parameters
    ----------
    first
        A step.
    quantity
        How many are held after what is traded at the step; positive when held, negative when sold.
    strike
        Where the forward is not the price: strike times price / forward.
    vol
        Per sqrt(year).
    years
        To expiry.
    """

    first: int
    quantity: npt.ArrayLike
    strike: npt.ArrayLike
    vol: npt.ArrayLike
    years: npt.ArrayLike

    def core(self) -> tuple[int, FloatArray]:
        """Return what the core needs: the first step, and a row for each step."""
        columns: dict[str, Any] = {
            name: np.asarray(getattr(self, name), np.float64)
            for name in ("quantity", "strike", "vol", "years")
        }
        n = len(np.atleast_1d(columns["quantity"]))
        for name, column in columns.items():
            if column.shape != (n,) or not n:
                raise ValueError(
                    f"schedule: {name} must be of one length with quantity, {n}, not of shape {column.shape}"
                )
            good = np.isfinite(column) & ((column > 0) | (name == "quantity"))
            if not good.all():
                row = int(np.argmin(good))
                demand = "finite" if name == "quantity" else "positive"
                raise ValueError(f"schedule: {name}[{row}] = {column[row]} must be {demand}")
        table = np.column_stack(list(columns.values()))
        return whole(self.first, "schedule: first", 0, 2**32), np.ascontiguousarray(table)
