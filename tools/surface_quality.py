"""How well surfaces fit real chains: ``python tools/surface_quality.py CHAIN.parquet`` prints figures.

Counted are two-sided quotes of options out of the money with |delta| from 0.1 to 0.9 (Black's, on the forward, at the vol of
the middle). Fits are timed without reading and filtering quotes, which has a line of its own. Beside hedgecore's models stands
the plain fit of raw SVI by scipy.optimize.least_squares with the same residuals (extra ``bench``), on one chain in so many as a
second argument says (default 10), because it is slow.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import hedgecore as hc
from hedgecore import surface, venues
from hedgecore.surface import fits, quotes, svi

SCIPY = "scipy SVI"


@dataclass
class Quality:
    """Counts and errors of one model over many chains."""

    surfaces: int = 0
    slices: int = 0
    butterfly_free: int = 0
    calendar: int = 0
    lee: int = 0
    quotes: int = 0
    inside: int = 0
    seconds: list[float] = field(default_factory=list)
    strikes: int = 0
    errors: list[Any] = field(default_factory=list)

    def add(self, fitted: surface.Surface, smiles: list[quotes.Smile], seconds: float) -> None:
        """Count a surface and the smiles that it was fitted to."""
        self.surfaces += 1
        self.seconds.append(seconds)
        arbitrage = fitted.arbitrage()
        self.slices += len(fitted)
        self.butterfly_free += int((arbitrage.butterfly == 0).sum())
        self.calendar += int(arbitrage.calendar.sum())
        self.lee += int(arbitrage.beyond_lee.sum())
        for smile in smiles:
            vol = fitted.vol_at(smile.log_moneyness, smile.expiry)
            delta = np.abs(
                hc.greeks(
                    smile.kind,
                    strike=np.exp(smile.log_moneyness),
                    expiry=smile.expiry,
                    vol=smile.vol,
                    forward=1.0,
                    which=("delta",),
                )["delta"]
            )
            counted = smile.out_of_the_money & (delta >= 0.1) & (delta <= 0.9)
            inside = (vol >= smile.bid_vol) & (vol <= smile.ask_vol)
            self.quotes += int(counted.sum())
            self.strikes += len(smile)
            self.inside += int((inside & counted).sum())
            self.errors.append(100.0 * np.abs(vol - smile.vol)[counted])

    @property
    def inside_share(self) -> float:
        """Share of quotes whose bid and ask hold the fit between them."""
        return self.inside / self.quotes

    def percentile(self, percent: float) -> float:
        """Percentile of the distance from the vol of the middle, in vol points."""
        return float(np.percentile(np.concatenate(self.errors), percent))


def by_scipy(smiles: list[quotes.Smile]) -> surface.Surface:
    """Raw SVI as anyone would: one start, bounds, least squares; weighted as hedgecore's."""
    from scipy.optimize import least_squares

    parameters = []
    for smile in smiles:
        k = smile.log_moneyness
        w, weight = fits._targets([smile], k, np.full(len(k), smile.expiry))
        level = float(np.interp(0.0, k, w))
        root = np.sqrt(level)
        # the smallest w in place of a, so that no total variance is negative
        start = [0.5 * level, 0.5 * root, 0.0, 0.0, root]

        def raw(x: Any) -> Any:
            low, b, rho, m, sigma = x
            return [low - b * sigma * np.sqrt(1 - rho * rho), b, rho, m, sigma]

        fit = least_squares(
            lambda x, k=k, w=w, weight=weight, raw=raw: (svi.variance(raw(x), k)[0] - w) * weight,
            start,
            bounds=([0.0, 0.0, -0.999, -2.0, 1e-4], [2.0, 5.0, 0.999, 2.0, 5.0]),
            x_scale=np.maximum(np.abs(start), 0.01),
        )
        parameters.append(raw(fit.x))
    return surface.Surface(
        smiles[0].base, None, [s.expiry for s in smiles], [s.forward for s in smiles], parameters,
        [[s.log_moneyness[0], s.log_moneyness[-1]] for s in smiles],
    )  # fmt: skip


def measure(
    chains: Iterable[Any], scipy_every: int = 0
) -> tuple[dict[str, Quality], dict[str, Any]]:
    """Fit every model to every chain, a frame of quotes each; and what there is to say of the quotes.

    One chain in ``scipy_every`` is also fitted by scipy; 0: none.
    """
    found = {name: Quality() for name in (*surface.MODELS, "svi warm")}
    if scipy_every:
        found[SCIPY] = Quality()
    facts: dict[str, Any] = {"unfitted": [], "rejected": {}, "rows": 0, "seconds": []}
    last: dict[str, surface.Surface] = {}
    for number, chain in enumerate(chains):
        start = time.perf_counter()
        asof, smiles = quotes.smiles(chain)
        facts["seconds"].append(time.perf_counter() - start)
        for smile in smiles:
            facts["rows"] += smile.rows
            for why, count in smile.rejected.items():
                facts["rejected"][why] = facts["rejected"].get(why, 0) + count
            if smile.two_sided >= 5 and len(smile) < surface.ENOUGH:
                facts["unfitted"].append(surface.described(smile))
        for base in sorted({smile.base for smile in smiles}):
            of_base = [s for s in smiles if s.base == base]
            used = [s for s in of_base if len(s) >= surface.ENOUGH]
            for name, quality in found.items():
                warm = last.get(base) if name == "svi warm" else None
                if name == "svi warm" and warm is None:
                    continue
                if name == SCIPY:
                    if number % scipy_every == 0:
                        start = time.perf_counter()
                        fitted = by_scipy(used)
                        quality.add(fitted, used, time.perf_counter() - start)
                    continue
                model: Any = name.split()[0]
                start = time.perf_counter()
                fitted = surface.fit(of_base, model=model, asof=asof, warm=warm)
                quality.add(fitted, used, time.perf_counter() - start)
                if name == "svi":
                    now = fitted
            last[base] = now
    return found, facts


def main() -> None:
    """Print the figures of a file."""
    frame = venues.read(sys.argv[1]).part("quotes").frame
    every = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    found, facts = measure(frame.partition_by("snapshot", maintain_order=True), every)
    print(f"{len(facts['seconds'])} chains, {facts['rows']} rows; left out: {facts['rejected']}")
    print(f"smiles from quotes: median {1e3 * np.median(facts['seconds']):.1f} ms per chain")
    print(
        f"expiries with 5 or more two-sided strikes that were not fitted: {len(facts['unfitted'])}"
    )
    for line in facts["unfitted"][:5]:
        print("  ", line)
    for name, q in found.items():
        print(
            f"{name}: inside bid-ask {100 * q.inside_share:.2f} % of {q.quotes}; error median "
            f"{q.percentile(50):.3f}, 95 % {q.percentile(95):.3f}, largest {q.percentile(100):.2f} vol points; "
            f"free of butterfly arbitrage {100 * q.butterfly_free / q.slices:.2f} % of {q.slices} slices; "
            f"calendar violations {q.calendar}; beyond Lee {q.lee}; "
            f"fit median {1e3 * np.median(q.seconds):.3f} ms of {q.slices / q.surfaces:.1f} slices, "
            f"{q.strikes / q.surfaces:.0f} strikes"
        )


if __name__ == "__main__":
    main()
