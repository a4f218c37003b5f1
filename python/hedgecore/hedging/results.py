"""What a simulation returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from hedgecore._core import hedge_ledgers
from hedgecore.frames import Columns, Library, frame_of, text_table
from hedgecore.hedging.histogram import Histogram
from hedgecore.hedging.statistics import expected_shortfall, std_error, std_influence

if TYPE_CHECKING:
    from hedgecore.hedging.attribution import Attribution
    from hedgecore.hedging.costs import Costs
    from hedgecore.hedging.frontier import Frontier
    from hedgecore.hedging.policies import Policy
    from hedgecore.hedging.traces import Trace

FloatArray = npt.NDArray[np.float64]

#: What may be kept for each policy and path: the net P&L; all costs; the amount traded; the number of trades; fixed costs; cost of
#: temporary impact; latency, the size of each fill times what the price moved between decision and fill; exposure, the mean over time of
#: abs(x); failed attempts; fees; half spreads; the added costs of trades in outages; peg, what the account lost as its stablecoins are worth
#: less at the end; permanent, what the own price changed, a loss; delta_drift, the sum over fills of abs(delta of the position there - at the decision), in coins; gamma_leakage, of 1/2 Gamma
#: dS^2 between the two.  cost = fee + spread + fixed + impact + outage.  Amounts are in the numeraire, in money of the last step.
LEDGERS: tuple[str, ...] = tuple(hedge_ledgers)
#: The ledgers that `cost` is the sum of, in the order in which they are added.
COSTS: tuple[str, ...] = ("fee", "spread", "fixed", "impact", "outage")


@dataclass(frozen=True, eq=False)
class Run:
    """P&L of a position under several policies, on the same paths.

    Attributes
    ----------
    names, families, policies
        Of each policy.
    unhedged
        P&L of the position alone, by path.
    ledgers
        What was kept: names to arrays of shape (policies, paths).
    premium
        Received for the position at the start, negative where paid, in the numeraire.
    costs, numeraire
        Of the simulation.
    first_path
        The number of the first path.
    sums
        (policies, ledgers, 2): sums over the paths, and of squares.
    outages
        "keeper", "chain" and "depeg", where there are such, to the share of the steps of each path at which there was one.
    setting
        What was simulated: the arguments of :func:`hedgecore.hedging.simulate` by name, but the policies and the paths.
    trace
        The paths that were followed step by step; None where there are none.  Of several underlyings each run has its own.
    start
        The price at the start.
    lines
        With attribution: P&L of the position by line and path, and of shape (policies, paths) what the hedge earned by moves
        of the price, "hedge".  :attr:`attribution` puts them together.
    by_underlying
        Of several underlyings: the run of each, whose sums this is.  Costs, instrument and policies of this are those of the first;
        exposures are amounts at the prices of the start.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    policies: tuple[Policy, ...]
    unhedged: FloatArray
    ledgers: dict[str, FloatArray]
    sums: FloatArray
    premium: float
    costs: Costs
    numeraire: str
    first_path: int
    outages: dict[str, FloatArray] = field(default_factory=dict)
    setting: Mapping[str, Any] = field(default_factory=dict)
    trace: Trace | None = None
    start: float = 0.0
    lines: dict[str, FloatArray] = field(default_factory=dict)
    by_underlying: Mapping[str, Run] = field(default_factory=dict)

    @classmethod
    def joined(cls, runs: Iterable[Run]) -> Run:
        """Return the run of all paths of shards, in any order.

        What is kept by path is that of one run to the bit; means of ledgers that are not kept agree to rounding.

        Raises
        ------
        ValueError
            Paths are missing or stand twice; the shards differ in policies, settings or what they keep: names which.
        """
        from hedgecore.hedging.shards import joined_runs

        return joined_runs(runs)

    @property
    def attribution(self) -> Attribution:
        """What made the P&L: for runs with ``attribution=True``, ValueError for others."""
        from hedgecore.hedging.attribution import Attribution

        return Attribution.of(self)

    @property
    def n_paths(self) -> int:
        """How many paths there are."""
        return len(self.unhedged)

    @property
    def pnl(self) -> FloatArray:
        """Net P&L, of shape (policies, paths)."""
        return self.ledgers["pnl"]

    def mean(self, ledger: str) -> FloatArray:
        """Return the mean of a ledger for each policy."""
        return np.asarray(self.sums[:, self._place(ledger), 0] / self.n_paths)

    def error(self, ledger: str) -> FloatArray:
        """Return the standard error of that mean; of one path NaN."""
        n, mean = self.n_paths, self.mean(ledger)
        if n < 2:
            return np.full(len(mean), np.nan)
        square = self.sums[:, self._place(ledger), 1] / n
        return np.sqrt(np.maximum(square - mean * mean, 0.0) / (n - 1))

    def costs_by_kind(self) -> dict[str, FloatArray]:
        """Return mean costs of every policy by kind; their sum is the mean of ``cost``."""
        return {name: self.mean(name) for name in COSTS}

    def _place(self, ledger: str) -> int:
        if ledger not in LEDGERS:
            raise ValueError(f"ledger: {ledger!r} is none of {', '.join(LEDGERS)}")
        return LEDGERS.index(ledger)

    def index(self, name: str) -> int:
        """Return the row of a policy."""
        if name not in self.names:
            raise KeyError(f"{name!r} is none of the policies {', '.join(self.names)}")
        return self.names.index(name)

    def difference(self, name: str, other: str) -> dict[str, tuple[float, float]]:
        """Return mean, std and es95 of one policy less those of another, each with the standard error of paired paths."""
        from hedgecore.hedging.statistics import shortfall_influence

        a, b = self.pnl[self.index(name)], self.pnl[self.index(other)]
        return {
            "mean": (float((a - b).mean()), std_error(a - b)),
            "std": (float(a.std() - b.std()), std_error(std_influence(a) - std_influence(b))),
            "es95": (
                expected_shortfall(a, 0.95)[0] - expected_shortfall(b, 0.95)[0],
                std_error(shortfall_influence(a, 0.95) - shortfall_influence(b, 0.95)),
            ),
        }

    def columns(self) -> Columns:
        """Return the scorecard: a row for each policy.

        mean, std, skew, quantiles, es95, es99 and worst are of the net P&L (losses positive for ES), ``*_error`` are standard errors;
        cost, its kinds fee, spread, fixed, impact and outage, and all other ledgers are means over the paths, ``from_*`` those of the
        lines of the attribution; effectiveness is
        1 - Var(hedged) / Var(unhedged).
        """
        pnl, n = self.pnl, self.n_paths
        mean = pnl.mean(axis=1)
        centred = pnl - mean[:, None]
        variance = (centred**2).mean(axis=1)
        std = np.sqrt(variance)
        with np.errstate(invalid="ignore", divide="ignore"):
            skew = np.where(std > 0, (centred**3).mean(axis=1) / std**3, 0.0)
            effectiveness = 1 - variance / self.unhedged.var()
        tails = {
            level: np.array([expected_shortfall(row, level) for row in pnl])
            for level in (0.95, 0.99)
        }
        quantiles = np.quantile(pnl, [0.01, 0.05, 0.5, 0.95], axis=1)
        return {
            "policy": np.array(self.names, dtype=object),
            "family": np.array(self.families, dtype=object),
            "mean": mean,
            "mean_error": std / np.sqrt(n - 1) if n > 1 else np.full(len(std), np.nan),
            "std": std * np.sqrt(n / max(n - 1, 1)),
            "std_error": np.array([std_error(std_influence(row)) for row in pnl]),
            "skew": skew,
            "q01": quantiles[0],
            "q05": quantiles[1],
            "median": quantiles[2],
            "q95": quantiles[3],
            "es95": tails[0.95][:, 0],
            "es95_error": tails[0.95][:, 1],
            "es99": tails[0.99][:, 0],
            "es99_error": tails[0.99][:, 1],
            "worst": pnl.min(axis=1),
            "worst_path": self.first_path + pnl.argmin(axis=1),
            "cost": self.mean("cost"),
            "cost_error": self.error("cost"),
            **{name: self.mean(name) for name in LEDGERS if name not in ("pnl", "cost")},
            "latency_error": self.error("latency"),
            "effectiveness": effectiveness,
            **({f"from_{k}": v for k, v in self.attribution.means().items()} if self.lines else {}),
        }

    def paths_columns(self) -> Columns:
        """Return a row for each policy and path of what was kept: policy, path, unhedged, and the ledgers."""
        policies, n = len(self.names), self.n_paths
        return {
            "policy": np.repeat(np.array(self.names, dtype=object), n),
            "path": np.tile(self.first_path + np.arange(n), policies),
            "unhedged": np.tile(self.unhedged, policies),
            **{name: values.reshape(-1) for name, values in self.ledgers.items()},
        }

    def to_html(self, path: str | PathLike[str], title: str = "a position") -> None:
        """Write the run as a report, one HTML file that works offline.

        Parameters
        ----------
        path
            The file, written whole or not at all.
        title
            What was hedged, in words.

        Raises
        ------
        ImportError
            plotly or jinja2 is missing; the message names the extra.
        """
        from hedgecore.report.files import write_text
        from hedgecore.report.hedging import HedgingFindings, render_hedging

        write_text(render_hedging(HedgingFindings(self, title)), path)

    def to_frame(self, library: Library | None = None) -> Any:
        """Return :meth:`columns` as a data frame, of pandas or polars."""
        return frame_of(self.columns(), library)

    def summary(self) -> str:
        """Return the scorecard as text."""
        columns = self.columns()
        names = ("policy", "mean", "std", "es95", "es99", "worst", "cost", "turnover", "trades", "exposure")  # fmt: skip
        return text_table({name: columns[name] for name in names})

    def histogram(self, bins: int | Sequence[float] = 60) -> Histogram:
        """Return counts of paths by net P&L, in bins that all policies share.

        Parameters
        ----------
        bins
            How many, from the worst path of all to the best; or their edges.
        """
        return Histogram.of(self.names, self.pnl, bins)

    def plot(
        self, what: Literal["frontier", "pnl", "tails", "costs", "attribution"] = "frontier"
    ) -> Any:
        """Return a plotly figure.

        Parameters
        ----------
        what
            "frontier": mean cost against std, with errors; "pnl": histograms; "tails": ES95, ES99 and the worst path;
            "costs": by kind; "attribution": what made the mean P&L.
        """
        from hedgecore.figures import plot_run

        return plot_run(self, what)

    def frontier(
        self,
        by: Literal["std", "es95", "es99"] = "std",
        families: Sequence[str] | None = None,
    ) -> Frontier:
        """Return mean cost against risk, by family."""
        from hedgecore.hedging.frontier import frontier_of

        return frontier_of(self, by, families)
