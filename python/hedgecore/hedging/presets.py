"""Costs and execution of four ways to hedge, with the sources of their numbers.

What has no source is an argument, and its default is said to be an assumption.  Impact is left at zero but for pools.
Gas prices are those of real chains: :data:`GAS`, or any other level of the paths.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from hedgecore.hedging.costs import Costs
from hedgecore.hedging.execution import Blocks, Execution, Settlement, exponential
from hedgecore.hedging.position import check
from hedgecore.paths.levels import MeanReverting, gas_price

YEAR = 365.0 * 86_400.0
"""Seconds."""

#: Base fees of Ethereum in gwei as processes, fitted by :func:`hedgecore.paths.fit_gas_price` to what blocks paid: every 15th block from August to
#: December 2021 (half-life at an hour), all blocks of nine hours of 2022-05-12, a crash (at a quarter of an hour), and of three hours of
#: 2025-11-26 (at a minute).
GAS: Mapping[str, MeanReverting] = {
    "2021": gas_price(median=81.1, std=0.527, half_life=8905 / YEAR),
    "2022-05-12": gas_price(median=260.9, std=0.546, half_life=2676 / YEAR),
    "2025-11-26": gas_price(median=0.0579, std=0.0765, half_life=50 / YEAR),
}


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What :func:`hedgecore.hedging.simulate` takes of a way to hedge.

    Attributes
    ----------
    costs, execution
        Of the simulation.
    levels
        Of the paths: the gas price, where it is a process.
    rounding
        Names of durations to (seconds meant, seconds simulated): whole steps.
    """

    costs: Costs
    execution: Execution
    levels: Mapping[str, MeanReverting] = field(default_factory=dict)
    rounding: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Return keyword arguments of :func:`hedgecore.hedging.simulate`."""
        return {"costs": self.costs, "execution": self.execution, "levels": dict(self.levels)}


class _Clock:
    """Seconds as whole steps, and what that makes of them."""

    def __init__(self, step: float, coarse: bool) -> None:
        check(0 < step < math.inf, "step", step, "positive")
        self.seconds, self.coarse = step * YEAR, coarse
        self.rounding: dict[str, tuple[float, float]] = {}

    def steps(self, name: str, seconds: float, least: int = 1) -> int:
        """The nearest number of steps, `least` at least."""
        check(0 <= seconds < math.inf, name, seconds, "zero or positive")
        steps = max(round(seconds / self.seconds), least if seconds > 0 else 0)
        if abs(steps * self.seconds - seconds) > 0.5 * seconds and not self.coarse:
            raise ValueError(
                f"{name} = {seconds:g} s cannot be told in steps of {self.seconds:g} s: take shorter steps, or coarse=True for "
                f"{steps * self.seconds:g} s"
            )
        self.rounding[name] = (seconds, steps * self.seconds)
        return steps


def centralised_api(
    step: float,
    *,
    fee: float = 5e-4,
    maker_fee: float = 0.0,
    passive: float = 0.0,
    half_spread: float = 1e-5,
    poll: float = 5.0,
    coarse: bool = False,
) -> Preset:
    """Return a hedger on the interface of a central exchange: a perpetual at the taker's fee, looked at every few seconds.

    Parameters
    ----------
    step
        Years of a step.
    fee, maker_fee, passive
        As of :class:`Costs`.  0.05 % for takers and 0 for makers are Deribit's of BTC, ETH and USDC perpetuals.
    half_spread
        Share.  Mean quoted spreads of BTC and ETH on the largest exchange were 0.19 and 0.06 bp in 2023, the median of a panel of coins
        2.07 bp: the default is half of BTC's.
    poll
        Seconds between looks: 5 for Greeks.live's hedger (Bybit's: 6).
    coarse
        Whether steps may be too long for a duration, which then is one step, or none.

    Orders are answered within milliseconds, which no step tells: there is no latency.
    """
    clock = _Clock(step, coarse)
    return Preset(
        costs=Costs(fee=fee, maker_fee=maker_fee, passive=passive, half_spread=half_spread),
        execution=Execution(poll=clock.steps("poll", poll)),
        rounding=clock.rounding,
    )


def swap_gas(*, hops: int = 1, ticks: int = 1, chain: Literal["ethereum", "arbitrum"] = "ethereum") -> int:  # fmt: skip
    """Return the gas of a swap in pools of concentrated liquidity, with the 21,000 of any transaction.

    The heuristic of Uniswap's router: 2,000 (Arbitrum: 5,000) + 80,000 a pool + 31,000 an initialised tick that is crossed, and 15,000 for
    a single pool: 149,000 for one pool and one tick.  The true ones of 120,000 to 190,000 are around it.
    """
    check(hops >= 1, "hops", hops, "1 or more")
    check(ticks >= 0, "ticks", ticks, "zero or positive")
    base = 5_000 if chain == "arbitrum" else 2_000
    return 21_000 + base + 80_000 * hops + 31_000 * ticks + (15_000 if hops == 1 else 0)


def _on_chain(
    gas: str | float | MeanReverting, gas_units: float, gas_coin: float, pool_fee: float, pool_coins: float | None, spot: float
) -> tuple[Costs, dict[str, MeanReverting]]:  # fmt: skip
    """Costs of swaps in a pool, and the level that is the gas price in gwei."""
    for name, value in (("gas_units", gas_units), ("gas_coin", gas_coin), ("spot", spot)):
        check(0 < value < math.inf, name, value, "positive")
    if pool_coins is not None:
        check(0 < pool_coins < math.inf, "pool_coins", pool_coins, "positive")
    per_gwei = gas_units * 1e-9 * gas_coin
    impact = 0.0 if pool_coins is None else spot / pool_coins
    if isinstance(gas, (int, float)):
        check(0 <= gas < math.inf, "gas", gas, "zero or positive")
        return Costs(fee=pool_fee, fixed=per_gwei * gas, impact=impact), {}
    if isinstance(gas, str) and gas not in GAS:  # a level of the model
        return Costs(fee=pool_fee, fixed=per_gwei, fixed_level=gas, impact=impact), {}
    process = GAS[gas] if isinstance(gas, str) else gas
    return Costs(fee=pool_fee, fixed=per_gwei, fixed_level="gas", impact=impact), {"gas": process}


def l1_manual(
    step: float,
    *,
    gas: str | float | MeanReverting,
    gas_coin: float,
    spot: float = 100.0,
    gas_units: float | None = None,
    pool_fee: float = 5e-4,
    pool_coins: float | None = None,
    look: float = 3600.0,
    block: float = 12.0,
    failure: float = 0.0,
    coarse: bool = False,
) -> Preset:
    """Return a person who hedges by swaps on Ethereum: looks now and then, pays gas for each trade, and waits for the next block.

    Parameters
    ----------
    step, coarse
        As of :func:`centralised_api`.
    gas
        The gas price in gwei: a number, a process, the name of one of :data:`GAS`, or of a level of the path model (a bootstrap of real fees).
    gas_coin
        USD for the coin that gas is paid in; constant.
    spot
        The price at the start, for the impact of the pool.
    gas_units
        Of a trade; :func:`swap_gas` where not given.
    pool_fee
        Share; pools have 0.01, 0.05, 0.30 and 1 %.
    pool_coins
        What the pool of constant product holds of the coin: a trade of q is worse by the share q / pool_coins, to first order; None: no impact.
    look
        Seconds between looks; an hour is an assumption.
    block
        Seconds: 12 on Ethereum.
    failure
        As of :class:`Execution`; none is an assumption.
    """
    clock = _Clock(step, coarse)
    units = swap_gas() if gas_units is None else gas_units
    costs, levels = _on_chain(gas, units, gas_coin, pool_fee, pool_coins, spot)
    execution = Execution(
        poll=clock.steps("look", look),
        blocks=Blocks(every=clock.steps("block", block)),
        failure=failure,
    )
    return Preset(costs=costs, execution=execution, levels=levels, rounding=clock.rounding)


def l1_vault(
    step: float,
    *,
    gas: str | float | MeanReverting,
    gas_coin: float,
    spot: float = 100.0,
    gas_units: float | None = None,
    pool_fee: float = 5e-4,
    pool_coins: float | None = None,
    window: float | None = None,
    settle_size: float | None = None,
    block: float = 12.0,
    failure: float = 0.0,
    coarse: bool = False,
) -> Preset:
    """Return a vault on Ethereum: its keeper looks at every block and settles what it has decided, at once or netted in windows.

    Parameters
    ----------
    step, gas, gas_coin, spot, gas_units, pool_fee, pool_coins, block, failure, coarse
        As of :func:`l1_manual`.
    window
        Seconds between settlements; None: none by time.  With a law of fixed costs, whose bounds are a and b, about (b^2 - a^2) / s^2 is natural, s
        being abs(Gamma) S vol.
    settle_size
        Coins that settle at once; None: none by size.  With neither every decision is an order.
    """
    clock = _Clock(step, coarse)
    units = swap_gas() if gas_units is None else gas_units
    costs, levels = _on_chain(gas, units, gas_coin, pool_fee, pool_coins, spot)
    blocks = clock.steps("block", block)
    execution = Execution(
        poll=blocks,
        blocks=Blocks(every=blocks),
        settlement=_settlement(clock, window, settle_size),
        failure=failure,
    )
    return Preset(costs=costs, execution=execution, levels=levels, rounding=clock.rounding)


def l2_vault(
    step: float,
    *,
    gas: str | float | MeanReverting,
    gas_coin: float,
    spot: float = 100.0,
    chain: Literal["arbitrum", "base"] = "arbitrum",
    gas_units: float | None = None,
    pool_fee: float = 5e-4,
    pool_coins: float | None = None,
    inclusion: float = 4.8,
    poll: float = 5.0,
    window: float | None = None,
    settle_size: float | None = None,
    failure: float = 0.0,
    coarse: bool = False,
) -> Preset:
    """Return a vault on a second layer: as :func:`l1_vault`, with short blocks and a random time to inclusion.

    The fee for data on the first layer is not in it: where it counts, it is a part of ``gas_units``.

    Parameters
    ----------
    step, gas, gas_coin, spot, gas_units, pool_fee, pool_coins, window, settle_size, failure, coarse
        As of :func:`l1_vault`.  No series of gas prices of these chains is known here: ``gas`` is what they ask.
    chain
        "arbitrum": blocks of 0.25 s; "base": of 2 s.  Blocks shorter than half a step are no grid: fills are at any step.
    inclusion
        Seconds, the median of the time to inclusion, taken to be exponential.  4.8 is a vendor's for Arbitrum: an order of magnitude.
    poll
        Seconds between looks of the keeper; 5, as those of central exchanges, is an assumption.
    """
    seconds = {"arbitrum": 0.25, "base": 2.0}
    if chain not in seconds:
        raise ValueError(f"chain must be 'arbitrum' or 'base', not {chain!r}")
    clock = _Clock(step, coarse)
    units = (
        swap_gas(chain="arbitrum" if chain == "arbitrum" else "ethereum") if gas_units is None else gas_units
    )  # fmt: skip
    costs, levels = _on_chain(gas, units, gas_coin, pool_fee, pool_coins, spot)
    check(0 <= inclusion < math.inf, "inclusion", inclusion, "zero or positive")
    if inclusion and inclusion < 0.5 * clock.seconds and not coarse:
        raise ValueError(
            f"inclusion = {inclusion:g} s cannot be told in steps of {clock.seconds:g} s: take shorter steps, or coarse=True"
        )
    block = round(seconds[chain] / clock.seconds)
    clock.rounding["block"] = (seconds[chain], block * clock.seconds)
    execution = Execution(
        latency=exponential(inclusion / math.log(2), clock.seconds) if inclusion else 0,
        poll=clock.steps("poll", poll),
        blocks=Blocks(every=block) if block else None,
        settlement=_settlement(clock, window, settle_size),
        failure=failure,
    )
    return Preset(costs=costs, execution=execution, levels=levels, rounding=clock.rounding)


def _settlement(clock: _Clock, window: float | None, size: float | None) -> Settlement | None:
    if window is None and size is None:
        return None
    return Settlement(every=None if window is None else clock.steps("window", window), size=size)
