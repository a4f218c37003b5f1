"""What made the P&L of each policy, line by line; their sum is the P&L."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.frames import Columns, Library, frame_of, text_table

if TYPE_CHECKING:
    from hedgecore.hedging.results import Run

FloatArray = npt.NDArray[np.float64]

LINES: Final = ("edge", "delta", "gamma_theta", "vega", "vanna", "volga", "carry", "jumps", "cost", "residual")  # fmt: skip
ALERT: Final = 0.05
"""A share of the residual above which Taylor's series does not explain the P&L: steps are too long."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """P&L by line, policy and path: sums over the steps of Taylor terms with the Greeks of the start of each step.

    * ``edge``: the value of the position at the start less what was paid for it.
    * ``delta``: net delta of position and hedge x dS.
    * ``gamma_theta``: Gamma dS^2 / 2 + theta dt, of all options.
    * ``vega``, ``vanna``, ``volga``: vega dvol, vanna dS dvol, volga dvol^2 / 2, each option with the move of its own vol.
    * ``carry``: funding, basis, interest on the hedge and on the position's value.
    * ``jumps``: what the revaluation has beyond these terms on steps with abs(ln(S' / S)) > 4 vol sqrt(dt); vol is the mean of
      the options' at the start, by the size of their quantities, or that of the model at the start of the step.
    * ``cost``: less all costs.
    * ``residual``: what the revaluation has beyond these terms on all other steps.

    In the quote currency the price is S; in coins it is -1 / S, in which spot, perpetuals and futures are linear, and the delta is
    that net of premium.  Amounts are in money of the last step.
    """

    names: tuple[str, ...]
    _position: dict[str, FloatArray]
    _price: FloatArray
    _hedge: FloatArray
    _cost: FloatArray

    @classmethod
    def of(cls, run: Run) -> Attribution:
        """Return that of a run; ValueError where it was not asked for."""
        if not run.lines:
            raise ValueError("attribution was not asked for: simulate(..., attribution=True)")
        position = {name: row for name, row in run.lines.items() if name != "hedge"}
        cost = run.ledgers["cost"]
        return cls(run.names, position, run.lines["hedge"], run.pnl - run.unhedged + cost, cost)

    def line(self, name: str) -> FloatArray:
        """Return a line, of shape (policies, paths)."""
        if name not in LINES:
            raise ValueError(f"line: {name!r} is none of {', '.join(LINES)}")
        if name == "cost":
            return -self._cost
        own = self._position[name]
        if name == "delta":
            return own + self._price
        if name == "carry":
            return own + (self._hedge - self._price)
        return np.broadcast_to(own, self._price.shape)

    def means(self) -> dict[str, FloatArray]:
        """Return the mean of each line, by policy."""
        return {name: self.line(name).mean(axis=1) for name in LINES}

    @property
    def residual_share(self) -> FloatArray:
        """By policy mean abs(residual) / the sum over all lines of mean abs(line)."""
        sizes = {name: np.abs(self.line(name)).mean(axis=1) for name in LINES}
        total = np.sum(list(sizes.values()), axis=0)
        return np.asarray(sizes["residual"] / np.where(total > 0, total, 1.0))

    def columns(self) -> Columns:
        """Return a row for each policy: mean and std of each line, the share of the residual and whether it is above :data:`ALERT`."""
        share = self.residual_share
        return {
            "policy": np.array(self.names, dtype=object),
            **self.means(),
            **{f"{name}_std": self.line(name).std(axis=1) for name in LINES},
            "residual_share": share,
            "alert": share > ALERT,
        }

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return frame_of(self.columns(), library)

    def summary(self) -> str:
        """Return the means as text."""
        columns = self.columns()
        return text_table({name: columns[name] for name in ("policy", *LINES, "residual_share")})
