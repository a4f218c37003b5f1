"""What made the P&L of carried options, step by step."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hedgecore.backtest.carry import Carried, Life
from hedgecore.book import YEAR_US

Array = npt.NDArray[Any]

#: The lines: what marks were better than fills; Taylor's terms with the Greeks of the start of the step; basis, moves of forwards
#: beside the price; jumps, what steps of more than four standard deviations leave over; fees of options; the hedge; what is left.
LINES: Final = (
    "edge", "delta", "gamma", "theta", "vega", "vanna", "volga", "basis", "jumps", "option_fees",
    "hedge", "funding", "hedge_costs", "residual",
)  # fmt: skip
GREEKS: Final = ("delta", "gamma", "vega", "theta", "vanna", "volga")


def lines_of(carried: Carried) -> dict[str, Array]:
    """Return the lines of the options by step, but what no term explains."""
    steps = len(carried.tape)
    lines = {name: np.zeros(steps) for name in LINES[:10]}
    lines["edge"] += carried.by_step(carried.trades, "edge")
    for rows in (carried.trades, carried.settlements):
        lines["option_fees"] -= carried.by_step(rows, "fee")
    for life in carried.lives:
        _add(lines, carried, life)
    return lines


def _add(lines: dict[str, Array], carried: Carried, life: Life) -> None:
    """Add what an option made of each step, at its end."""
    tape, coin = carried.tape, carried.numeraire == "coin"
    first, last = life.first, min(life.first + len(life.quantity), len(tape) - 1)
    n = last - first  # steps from first to last
    if n < 1:
        return
    price = tape.price[first : last + 1]
    forward, vol, value = (_with(x, n) for x in (life.forward, life.vol, life.value))
    if len(life.quantity) == n:  # settled at the end: the price is its forward then
        spot = price[-1]
        payoff = max(life.kind * (spot - life.strike), 0.0)
        forward, vol = np.append(forward, spot), np.append(vol, vol[-1])
        value = np.append(value, payoff / spot if coin else payoff)
    times = np.minimum(tape.times[first : last + 1], life.expiry)
    years = np.diff(times) / YEAR_US
    q, start = life.quantity[:n], forward[:-1]
    g = life.greeks(GREEKS, carried.numeraire)
    delta, gamma, vega, theta, vanna, volga = (np.asarray(getattr(g, name))[:n] for name in GREEKS)
    slope = delta / start if coin else delta
    bend = (gamma - slope) / start if coin else gamma
    cross = vanna / start if coin else vanna
    with_price, move, change = start * (price[1:] / price[:-1] - 1.0), np.diff(forward), np.diff(vol)  # fmt: skip
    terms = {
        "delta": slope * with_price, "gamma": 0.5 * bend * with_price**2, "theta": theta * years, "vega": vega * change,
        "vanna": cross * move * change, "volga": 0.5 * volga * change**2,
        "basis": slope * (move - with_price) + 0.5 * bend * (move**2 - with_price**2),
    }  # fmt: skip
    rest = np.diff(value) - sum(terms.values())
    jump = np.log(price[1:] / price[:-1]) ** 2 > 16.0 * vol[:-1] ** 2 * np.diff(tape.times[first : last + 1]) / YEAR_US  # fmt: skip
    terms["jumps"] = np.where(jump, rest, 0.0)
    for name, term in terms.items():
        lines[name][first + 1 : last + 1] += q * term


def _with(values: Array, n: int) -> Array:
    """Up to n + 1 of them."""
    return values[: n + 1]
