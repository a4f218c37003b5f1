"""Levels that move by themselves beside the prices: funding rates, gas prices, spreads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class MeanReverting:
    """A mean-reverting Gaussian state x, dx = reversion (mean - x) dt + vol dW in exact steps; the level is made of it.

    Parameters
    ----------
    mean, reversion, vol
        Of x; reversion per year (ln 2 / half-life), vol per sqrt(year).  The long-run standard deviation is vol / sqrt(2 reversion).
    start
        x at time 0; the mean where not given.
    logarithmic
        The level is e^x, not x.
    correlation
        Of dW with the first asset's price; only where that is a diffusion.
    spike_rate, spike_size, spike_decay
        Spikes a year (at most one a step), their mean size (exponential, added to x), and how fast they decay, per year.
    anchor, band
        The level is x + clamp(anchor - x, -band, band): how venues make a funding rate of a premium index.
    low, high
        The level is cut to these.
    """

    mean: float
    reversion: float
    vol: float
    start: float | None = None
    logarithmic: bool = False
    correlation: float = 0.0
    spike_rate: float = 0.0
    spike_size: float = 0.0
    spike_decay: float = 0.0
    anchor: float = 0.0
    band: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    def core(self) -> dict[str, Any]:
        """Return what the core needs."""
        if self.logarithmic and self.band:
            raise ValueError(f"band = {self.band} must be 0 where the state is a logarithm")
        return {**vars(self), "start": self.mean if self.start is None else self.start}


def _positive(**values: float) -> None:
    for name, value in values.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} = {value} must be positive")


def funding_rate(
    *,
    premium: float = 0.0,
    std: float,
    half_life: float,
    start: float | None = None,
    interest: float = 0.0001,
    band: float = 0.0005,
    cap: float = 0.0075,
    correlation: float = 0.0,
) -> MeanReverting:
    """Return a funding rate per funding period: a premium index that reverts (an AR(1) in steps) and the venue's formula.

    rate = clamp(premium + clamp(interest - premium, -band, band), -cap, cap).

    Parameters
    ----------
    premium, std
        Long-run mean and standard deviation of the premium index, as fractions per period.
    half_life
        Of its deviations, in years.
    start
        The premium at time 0.
    interest, band, cap
        Of the venue, as fractions per period.  0.01 %, 0.05 % and 0.75 % are usual for periods of 8 hours; interest = 0 and
        band = 0.00025 give Deribit's.
    correlation
        Of the index with the price of the first asset.
    """
    _positive(half_life=half_life, cap=cap)
    reversion = math.log(2) / half_life
    return MeanReverting(
        mean=premium, reversion=reversion, vol=std * math.sqrt(2 * reversion), start=start, anchor=interest,
        band=band, low=-cap, high=cap, correlation=correlation,
    )  # fmt: skip


def gas_price(
    *,
    median: float,
    std: float,
    half_life: float,
    start: float | None = None,
    spike_rate: float = 0.0,
    spike_size: float = 1.0,
    spike_half_life: float = 1 / 8760,
    low: float = 0.0,
    high: float = math.inf,
) -> MeanReverting:
    """Return a gas price: its logarithm reverts, and spikes multiply it.

    Parameters
    ----------
    median
        Of the price without spikes, in the unit that the level shall have (gwei).
    std, half_life
        Long-run standard deviation of the logarithm, and the half-life of its deviations in years.
    start
        The price at time 0; the median where not given.
    spike_rate, spike_size, spike_half_life
        Spikes a year; the mean of the logarithm of the factor; its half-life in years.
    low, high
        Limits of the price.
    """
    _positive(median=median, half_life=half_life, spike_half_life=spike_half_life)
    if not 0 <= std < math.inf:
        raise ValueError(f"std = {std} must be zero or positive")
    if start is not None:
        _positive(start=start)
    reversion = math.log(2) / half_life
    return MeanReverting(
        mean=math.log(median), reversion=reversion, vol=std * math.sqrt(2 * reversion),
        start=None if start is None else math.log(start), logarithmic=True, spike_rate=spike_rate,
        spike_size=spike_size, spike_decay=math.log(2) / spike_half_life, low=low, high=high,
    )  # fmt: skip


def fit_gas_price(prices: Any, step: float, lag: int = 1) -> MeanReverting:
    """Return the process of :func:`gas_price` with the median, the spread and a half-life of a series.

    The half-life is that of the autocorrelation of the logarithm at one lag.  Fees of blocks have more than one: minutes within a surge, hours and
    days between them, so that the lag should be the time over which the simulation pays.  There are no spikes beside it.

    Parameters
    ----------
    prices
        A series without gaps, in the unit that the level shall have.
    step
        Years from one to the next.
    lag
        In steps.

    Raises
    ------
    ValueError
        Prices that are not positive or too few, or an autocorrelation at the lag that is not between 0 and 1.
    """
    series = np.asarray(prices, np.float64)
    _positive(step=step)
    if series.ndim != 1 or not 1 <= lag < len(series) // 2:
        raise ValueError(f"lag = {lag} must be from 1 to below half of {series.size} prices")
    bad = np.flatnonzero(~((series > 0) & np.isfinite(series)))
    if len(bad):
        raise ValueError(f"prices[{bad[0]}] = {series[bad[0]]} must be positive")
    x = np.log(series)
    std = float(x.std())
    if std == 0:
        raise ValueError("prices: all are the same")
    correlation = float(np.corrcoef(x[:-lag], x[lag:])[0, 1])
    if not 0 < correlation < 1:
        raise ValueError(
            f"the autocorrelation of the logarithms at lag {lag} is {correlation:.3g}: it must be between 0 and 1, take another lag"
        )
    half_life = lag * step * math.log(2) / -math.log(correlation)
    return gas_price(median=float(np.median(series)), std=std, half_life=half_life)
