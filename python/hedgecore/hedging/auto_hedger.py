"""The automatic hedgers that venues and tools offer.

Sources: Greeks.live, "How to use Greeks.Live Auto DDH service" (2023-01-18) and "An introduction to Advanced Auto DDH" (2022-01-09);
Bybit help, "Dynamic Delta Hedge" (2024-10-19); Gate help, article 51384; the public script schepal/delta_hedge (2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from hedgecore.hedging.policies import Policy, Setting
from hedgecore.hedging.position import check

_SECONDS = 365 * 86_400.0


def _steps(seconds: float, setting: Setting, name: str) -> int:
    """Return how many steps of the simulation that is."""
    check(0 < seconds < math.inf, name, seconds, "positive, in seconds")
    step = setting.position.step * _SECONDS
    steps = round(seconds / step)
    if steps < 1 or abs(seconds / step - steps) > 1e-6 * steps:
        raise ValueError(
            f"{name} = {seconds:g} s is no whole number of steps, which have {step:.6g} s; None takes every step"
        )
    return steps


def _around(lower: float, target: float, upper: float) -> tuple[float, float]:
    check(math.isfinite(target), "target", target, "finite")
    check(lower <= target, "lower", lower, f"at most the target {target:g}")
    check(upper >= target, "upper", upper, f"at least the target {target:g}")
    return upper - target, target - lower


@dataclass(frozen=True, kw_only=True)
class AutoHedger(Policy):
    """The automatic hedgers that venues offer: when x leaves its thresholds, ``ratio`` x is traded.

    :meth:`greeks_live`, :meth:`bybit`, :meth:`gate` and :meth:`deribit_script` have the settings of each.  All of them know what they have ordered, cancel
    nothing in flight, and trade at the market: what an execution with failures makes anew, they would order anew at their next look.

    Parameters
    ----------
    up, down
        Thresholds for positive and negative x; ``down`` is ``up`` where not given.
    ratio
        Of the deviation that is traded: 0.5 leaves half of it, 1.5 overshoots.
    delta_in
        "coins", or "USD": the dollar delta, delta x S, less a ``target`` in USD, is compared with thresholds in USD.
    polling
        Seconds between its looks, a whole number of steps; in place of ``every``.
    quiet_move, quiet_window
        It does not trade while abs(S / S before - 1) over the last ``quiet_window`` seconds is below ``quiet_move``; since the start, in the first
        of them.
    """

    up: float
    down: float | None = None
    ratio: float = 1.0
    delta_in: Literal["coins", "USD"] = "coins"
    polling: float | None = None
    quiet_move: float = 0.0
    quiet_window: float = 3600.0

    @classmethod
    def greeks_live(
        cls,
        *,
        threshold: float | None = None,
        up: float | None = None,
        down: float | None = None,
        ratio: float = 1.0,
        target: float = 0.0,
        delta_in: Literal["coins", "USD"] = "coins",
        polling: float | None = 5.0,
        **restraints: Any,
    ) -> AutoHedger:
        """Greeks.live: every 5 seconds, back to the target beyond a threshold (Auto DDH), or two thresholds and a ratio (Advanced)."""
        if (threshold is None) == (up is None and down is None):
            raise ValueError("give threshold, or up and down")
        if threshold is None and (up is None or down is None):
            raise ValueError(f"give both up = {up} and down = {down}")
        first, second = (up, down) if threshold is None else (threshold, threshold)
        assert first is not None
        return cls(
            up=first, down=second, ratio=ratio, target=target, delta_in=delta_in, polling=polling, **restraints
        )  # fmt: skip

    @classmethod
    def bybit(
        cls,
        *,
        lower: float,
        upper: float,
        target: float = 0.0,
        quiet_move: float = 0.0,
        quiet_window: float = 3600.0,
        polling: float | None = 6.0,
        **restraints: Any,
    ) -> AutoHedger:
        """Bybit: every 6 seconds, to the target when the delta is outside of [lower, upper], unless the market is quiet."""
        up, down = _around(lower, target, upper)
        return cls(
            up=up, down=down, target=target, polling=polling, quiet_move=quiet_move, quiet_window=quiet_window, **restraints
        )  # fmt: skip

    @classmethod
    def gate(
        cls,
        *,
        lower: float,
        upper: float,
        target: float = 0.0,
        polling: float | None = None,
        **restraints: Any,
    ) -> AutoHedger:
        """Gate: to the target when the delta of an underlying is outside of [lower, upper]; how often it looks is not published."""
        up, down = _around(lower, target, upper)
        return cls(up=up, down=down, target=target, polling=polling, **restraints)

    @classmethod
    def deribit_script(
        cls, *, threshold: float = 0.1, polling: float | None = 30.0, **restraints: Any
    ) -> AutoHedger:
        """A public script for Deribit's perpetual (2020): every 30 seconds, to zero beyond 0.1 coins.

        The script sizes its order in USD at the mean of the last minute's candle; here it is sized at the price.
        """
        return cls(up=threshold, polling=polling, **restraints)

    def law(self, setting: Setting) -> dict[str, Any]:
        """As :class:`Policy` says."""
        down = self.up if self.down is None else self.down
        check(0 <= self.up < math.inf, "up", self.up, "zero or positive")
        check(0 <= down < math.inf, "down", down, "zero or positive")
        check(0 < self.ratio <= 1.5, "ratio", self.ratio, "above 0 and at most 1.5")
        if self.delta_in not in ("coins", "USD"):
            raise ValueError(f"delta_in must be 'coins' or 'USD', not {self.delta_in!r}")
        core = {
            "size": 1.0,
            "up": self.up,
            "down": down,
            "by_ratio": True,
            "ratio": self.ratio,
            "in_money": self.delta_in == "USD",
        }
        if self.polling is not None:
            if self.every != 1:
                raise ValueError(f"give polling = {self.polling} or every = {self.every}, not both")
            core["every"] = _steps(self.polling, setting, "polling")
        check(0 <= self.quiet_move < 1, "quiet_move", self.quiet_move, "from 0 to below 1")
        if self.quiet_move > 0:
            if self.least_move != 0.0 or self.least_fall is not None:
                raise ValueError(
                    f"give quiet_move = {self.quiet_move}, or least_move and least_fall"
                )
            core["least_move"] = math.log1p(self.quiet_move)
            core["least_fall"] = -math.log1p(-self.quiet_move)
            core["move_window"] = _steps(self.quiet_window, setting, "quiet_window")
        return core
