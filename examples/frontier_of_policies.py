"""Which way of hedging costs least for the risk it leaves: families of policies on the same paths.

One sold call of 30 days, at the money, vol 60 %, decisions every 15 minutes, 5 bp of the traded amount, first and last trade
charged; then with a fixed cost of 0.01 USD a trade on top, and with a latency of an hour.  Run it with a number of paths:
python examples/frontier_of_policies.py 20000
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import hedgecore as hc
from hedgecore import hedging as hg

Table = dict[float, dict[str, float]]
Families = dict[str, list[hg.Policy]]

#: Std of the net P&L at mean costs, from 6,000 paths of another program.
TABLE: Table = {
    0.20: {"Zakamouline": 0.344, "WW edge": 0.338, "band edge": 0.424, "WW middle": 0.463, "move": 0.511, "band middle": 0.555, "Leland clock": 0.651, "clock": 0.652},
    0.25: {"Zakamouline": 0.265, "WW edge": 0.272, "band edge": 0.319, "WW middle": 0.361, "move": 0.391, "band middle": 0.433, "Leland clock": 0.485, "clock": 0.497},
    0.30: {"Zakamouline": 0.228, "WW edge": 0.241, "band edge": 0.281, "WW middle": 0.308, "move": 0.317, "band middle": 0.362, "Leland clock": 0.391, "clock": 0.410},
}  # fmt: skip

#: The same with a fixed cost of 0.01 USD a trade.
FIXED_COST: Table = {
    0.30: {"both costs": 0.856, "quartic": 0.865, "WW middle": 0.893, "move": 0.991, "clock": 1.399},
    0.40: {"both costs": 0.687, "quartic": 0.684, "WW middle": 0.721, "move": 0.799, "clock": 1.154},
    0.60: {"both costs": 0.561, "quartic": 0.563, "WW middle": 0.568, "move": 0.628, "clock": 0.899},
}  # fmt: skip

#: The same as the first with a latency of four steps; the hedge of the start comes with the position.
LATENCY: Table = {0.25: {"Zakamouline": 0.416, "WW edge": 0.420, "band edge": 0.451, "clock": 0.580}}  # fmt: skip


def clocks(first: int, last: int, n: int) -> list[int]:
    """Return about n intervals, in equal proportions."""
    return [int(x) for x in np.unique(np.geomspace(first, last, n).round())]


def families(n: int) -> Families:
    """Return n settings of each family, with mean costs around 0.2 to 0.3.

    Four times as many of the band to its middle: its std is no smooth function of its width.
    """
    every = clocks(10, 42, n)
    return {
        "Zakamouline": [hg.Zakamouline(risk_aversion=x) for x in np.geomspace(0.25, 2.2, n)],
        "WW edge": [hg.WhalleyWilmott(risk_aversion=x) for x in np.geomspace(1.8, 26, n)],
        "band edge": [hg.DeltaBand(width=x) for x in np.geomspace(0.0135, 0.042, n)],
        "WW middle": [hg.WhalleyWilmott(risk_aversion=x, to="middle") for x in np.geomspace(0.13, 2.2, n)],
        "move": [hg.PriceMove(threshold=x) for x in np.geomspace(0.0105, 0.026, n)],
        "band middle": [hg.DeltaBand(width=x, to="middle") for x in np.geomspace(0.033, 0.09, 4 * n)],
        "Leland clock": [hg.Leland(every=x) for x in every],
        "clock": [hg.Clock(every=x) for x in every],
    }  # fmt: skip


def families_for_fixed_cost(n: int) -> Families:
    """Return n settings of each family that can bear a fixed cost, with mean costs around 0.3 to 0.6."""
    return {
        "both costs": [hg.FixedAndProportional(risk_aversion=x) for x in np.geomspace(0.4, 6, n)],
        "quartic": [hg.FixedAndProportional(risk_aversion=x, cost=0.0) for x in np.geomspace(0.25, 6, n)],
        "WW middle": [hg.WhalleyWilmott(risk_aversion=x, to="middle") for x in np.geomspace(0.025, 0.2, n)],
        "move": [hg.PriceMove(threshold=x) for x in np.geomspace(0.022, 0.046, n)],
        "clock": [hg.Clock(every=x) for x in clocks(48, 180, n)],
    }  # fmt: skip


def families_for_latency(n: int) -> Families:
    """Return n settings of each family, with mean costs around 0.25."""
    return {
        "Zakamouline": [hg.Zakamouline(risk_aversion=x) for x in np.geomspace(0.5, 1.6, n)],
        "WW edge": [hg.WhalleyWilmott(risk_aversion=x) for x in np.geomspace(3, 12, n)],
        "band edge": [hg.DeltaBand(width=x) for x in np.geomspace(0.016, 0.028, n)],
        "clock": [hg.Clock(every=x) for x in clocks(14, 28, n)],
    }


def month_call(
    policies: Mapping[str, Sequence[hg.Policy]], n_paths: int, fixed: float = 0.0, **arguments: Any
) -> hg.Run:
    """Return the simulation of families of policies."""
    return hg.sweep(
        hg.Option(strike=100, expiry=30 / 365, vol=0.6, quantity=-1),
        hc.paths.GBM(vol=0.6),
        policies,
        n_paths=n_paths,
        steps=30 * 96,
        seed=1,
        costs=hg.Costs(fee=5e-4, fixed=fixed),
        **arguments,
    )


def show(title: str, run: hg.Run, table: Table) -> None:
    """Print std and ES95 at equal mean costs, with their standard errors."""
    std, tail = run.frontier("std").at(list(table)), run.frontier("es95").at(list(table))
    print(f"{title}: {run.n_paths} paths, premium {run.premium:.3f}")
    print(
        f"{'cost':>5} {'family':13} {'std':>7} {'+-':>6} {'ratio':>7} {'+-':>6} {'table':>6} {'less':>6} {'ES95':>7} {'+-':>6}"
    )
    for k, (cost, family) in enumerate(zip(std["cost"], std["family"], strict=True)):
        want = table[cost][family]
        print(
            f"{cost:5.2f} {family:13} {std['risk'][k]:7.4f} {std['risk_error'][k]:6.4f} {std['ratio'][k]:7.4f} "
            f"{std['ratio_error'][k]:6.4f} {want:6.3f} {100 * (std['risk'][k] / want - 1):+5.1f}% {tail['risk'][k]:7.4f} "
            f"{tail['risk_error'][k]:6.4f}"
        )


def main(n_paths: int) -> None:
    """Print the three tables."""
    show("5 bp", month_call(families(12), n_paths), TABLE)
    fixed = month_call(families_for_fixed_cost(8), n_paths, fixed=0.01)
    show("5 bp and 0.01 USD a trade", fixed, FIXED_COST)
    late = month_call(families_for_latency(8), n_paths, execution=hg.Execution(latency=4))
    show("5 bp, an hour late", late, LATENCY)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
