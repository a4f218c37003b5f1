"""Time and peak memory of a long simulation: one sold call of a year under GBM, hedged by a band, in hourly steps.

python benchmarks/memory_of_hedging.py 1000000 8760, the paths and the steps. What is proven of the memory: "Memory" in docs/hedging.md.
"""

from __future__ import annotations

import resource
import sys
import time

import hedgecore as hc
from hedgecore import hedging as hg


def main(n_paths: int, steps: int) -> None:
    """Simulate and print."""
    start = time.perf_counter()
    run = hg.simulate(
        hg.Option(strike=100, expiry=1.0, vol=0.6, quantity=-1),
        hc.paths.GBM(vol=0.6),
        hg.DeltaBand(width=0.05),
        n_paths=n_paths,
        steps=steps,
        seed=1,
        costs=hg.Costs(fee=5e-4),
    )
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n_paths:,} paths x {steps:,} steps: {took:.1f} s, {1e9 * took / (n_paths * steps):.2f} ns per step of a path, "
        f"{hc.build_config()['threads']} threads, peak {peak:.0f} MiB of memory"
    )
    print(run.summary())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
