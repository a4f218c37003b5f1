"""Which way of hedging costs least for the risk it leaves: eight families of policies on the same paths.

One sold call of 30 days, at the money, vol 60 %, decisions every 15 minutes, 5 bp of the traded amount, first and last trade
charged.  Run it with a number of paths: python examples/frontier_of_policies.py 20000
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import numpy as np

import hedgecore as hc
from hedgecore import hedging as hg

#: Std of the net P&L at mean costs, from 6,000 paths of another program.
TABLE = {
    0.20: {"Zakamouline": 0.344, "WW edge": 0.338, "band edge": 0.424, "WW middle": 0.463, "move": 0.511, "band middle": 0.555, "Leland clock": 0.651, "clock": 0.652},
    0.25: {"Zakamouline": 0.265, "WW edge": 0.272, "band edge": 0.319, "WW middle": 0.361, "move": 0.391, "band middle": 0.433, "Leland clock": 0.485, "clock": 0.497},
    0.30: {"Zakamouline": 0.228, "WW edge": 0.241, "band edge": 0.281, "WW middle": 0.308, "move": 0.317, "band middle": 0.362, "Leland clock": 0.391, "clock": 0.410},
}  # fmt: skip


def families(n: int) -> dict[str, list[hg.Policy]]:
    """Return n settings of each family, with mean costs around 0.2 to 0.3."""
    every = np.unique(np.geomspace(10, 42, n).round().astype(int)).tolist()
    return {
        "Zakamouline": [hg.Zakamouline(risk_aversion=x) for x in np.geomspace(0.25, 2.2, n)],
        "WW edge": [hg.WhalleyWilmott(risk_aversion=x) for x in np.geomspace(1.8, 26, n)],
        "band edge": [hg.DeltaBand(width=x) for x in np.geomspace(0.0135, 0.042, n)],
        "WW middle": [hg.WhalleyWilmott(risk_aversion=x, to="middle") for x in np.geomspace(0.13, 2.2, n)],
        "move": [hg.PriceMove(threshold=x) for x in np.geomspace(0.0105, 0.026, n)],
        "band middle": [hg.DeltaBand(width=x, to="middle") for x in np.geomspace(0.033, 0.09, n)],
        "Leland clock": [hg.Leland(every=x) for x in every],
        "clock": [hg.Clock(every=x) for x in every],
    }  # fmt: skip


def month_call(
    policies: Mapping[str, Sequence[hg.Policy]], n_paths: int, fixed: float = 0.0
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
    )


def main(n_paths: int) -> None:
    """Print std and ES95 at equal mean costs, with their standard errors."""
    run = month_call(families(12), n_paths)
    std, tail = run.frontier("std").at(list(TABLE)), run.frontier("es95").at(list(TABLE))
    print(f"{n_paths} paths, premium {run.premium:.3f}")
    print(
        f"{'cost':>5} {'family':13} {'std':>7} {'+-':>6} {'of Zak.':>8} {'+-':>6} {'table':>6} {'ES95':>7} {'+-':>6}"
    )
    for k, cost in enumerate(std["cost"]):
        family = std["family"][k]
        print(
            f"{cost:5.2f} {family:13} {std['risk'][k]:7.4f} {std['risk_error'][k]:6.4f} {std['ratio'][k]:8.4f} "
            f"{std['ratio_error'][k]:6.4f} {TABLE[cost][family]:6.3f} {tail['risk'][k]:7.4f} {tail['risk_error'][k]:6.4f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
