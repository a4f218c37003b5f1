"""A slow, obvious definition of the hedging simulation, path by path, in plain Python floats.

Written from the order of events and from the published formulas, apart from the code under test: cash accounts that earn their rate, marked
perpetuals, orders in a list.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def density(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


@dataclass
class Leg:
    kind: int
    strike: float
    expiry: int  # step
    vol: float
    quantity: float


def black(
    leg: Leg, spot: float, left: float, rate: float, vol: float
) -> tuple[float, float, float]:
    """Value, delta and gamma of one option."""
    s = vol * math.sqrt(left)
    d1 = (math.log(spot / leg.strike) + rate * left) / s + s / 2
    w, paid = leg.kind, leg.strike * math.exp(-rate * left)
    value = w * (spot * cdf(w * d1) - paid * cdf(w * (d1 - s)))
    return value, w * cdf(w * d1), density(d1) / (spot * s)


@dataclass
class World:
    """What a policy is shown at a step."""

    step: int
    spot: float
    delta: float  # of the position
    gamma: float
    tau: float
    vol_delta: Callable[[float], float]  # the delta at vols times a factor
    history: list[float]
    rounding: float  # deviations that are none


@dataclass
class Case:
    legs: list[Leg]
    h: float
    rate: float = 0.0
    coin: bool = False
    instrument: str = "spot"
    funding: float = 0.0
    basis: float = 0.0
    maturity: float = 0.0
    k: float = 0.0
    fixed: float = 0.0
    impact: float = 0.0
    close: bool = True
    latency: int = 0
    variance: list[float] | None = None
    # when an order sent at that step is filled, and after how many attempts; else after `latency` and a block
    arrival: Callable[[int], tuple[int, int]] | None = None
    first_at_once: bool = True
    spread: float = 0.0  # of k
    per_coin: float = 0.0
    cap: float = 1.0
    least_fee: float = 0.0
    root: float = 0.0
    polled: Callable[[int], bool] = lambda _: True
    block: int = 0
    block_phase: int = 0
    settle_every: int = 0
    settle_size: float = math.inf
    down: dict[str, list[bool]] | None = None  # by kind and step
    discount: float = 0.0
    depeg_cost: float = 0.0
    permanent: float = 0.0
    smile: Callable[[Leg, int, float], float] | None = None  # the vol of a leg at a step and price
    more: Callable[[Leg, int, float, float], float] | None = (
        None  # added to Black's delta, as of `smile` with the vol
    )


@dataclass
class Order:
    """Decisions, as size and step, and when and after how many attempts they are filled."""

    decisions: list[tuple[float, int]]
    due: int = 0
    attempts: int = 1

    @property
    def size(self) -> float:
        return sum(size for size, _ in self.decisions)


def next_block(case: Case, step: int) -> int:
    """The first block after a step."""
    return next(
        t for t in range(step + 1, step + case.block + 1) if t % case.block == case.block_phase
    )


def arrives(case: Case, step: int) -> tuple[int, int]:
    if case.arrival is not None:
        return case.arrival(step)
    sent = step + case.latency
    return (next_block(case, sent) if case.block else sent), 1


def events(
    uniforms: list[float], spots: list[float], h: float, rate: float, mean: float, move: float, windows: list[tuple[int, int]]
) -> list[bool]:  # fmt: skip
    """Whether an outage is on at each step: every event begins, and lasts, apart from the others."""
    spans = [(float(a), float(b)) for a, b in windows]
    start = 1 - math.exp(-rate * h)
    for step in range(1, len(spots)):
        u = uniforms[step]
        if u < start:
            spans.append((step, step + max(-mean / h * math.log(u / start), 0.5)))
        elif move and abs(math.log(spots[step] / spots[step - 1])) > move:
            share = (u - start) / (1 - start)
            spans.append((step, step + max(-mean / h * math.log(share), 0.5)))
    return [any(a <= step < b for a, b in spans) for step in range(len(spots))]


def greeks(case: Case, step: int, spot: float, factor: float = 1.0) -> tuple[float, float]:
    """Delta (net of premium in coins) and gamma of the options that live."""
    delta = gamma = 0.0
    for leg in case.legs:
        if leg.expiry <= step:
            continue
        vol = math.sqrt(case.variance[step]) if case.variance is not None else leg.vol
        if case.smile is not None:
            vol = case.smile(leg, step, spot)
        value, d, g = black(leg, spot, (leg.expiry - step) * case.h, case.rate, vol * factor)
        delta += leg.quantity * (d - (value / spot if case.coin else 0.0))
        if case.more is not None:
            delta += leg.quantity * case.more(leg, step, spot, vol)
        gamma += leg.quantity * g
    return delta, gamma


def mean_left(case: Case, step: int) -> float:
    living = [leg for leg in case.legs if leg.expiry > step]
    size = sum(abs(leg.quantity) for leg in living)
    return sum(abs(leg.quantity) * (leg.expiry - step) for leg in living) / size * case.h


def per_unit(case: Case, step: int, spot: float) -> float:
    """Delta of a unit of the instrument."""
    if case.instrument == "inverse":
        return 1 / spot
    if case.instrument == "future":
        return math.exp(case.basis * (case.maturity - step * case.h))
    return 1.0


def simulate(
    case: Case, spots: list[float], policy: Callable[[World, float], float], initial: float
) -> dict[str, float]:
    """One path.  The policy returns the trade, in coins of delta, given the deviation."""
    steps = len(spots) - 1
    grow = math.exp(case.rate * case.h)
    rounding = 1e-12 * sum(abs(leg.quantity) for leg in case.legs)
    cash = -initial
    names = ("cost", "turnover", "trades", "latency", "exposure", "fixed", "impact", "failures", "fee", "spread", "outage", "peg", "permanent")  # fmt: skip
    out = dict.fromkeys((*names, "delta_drift", "gamma_leakage"), 0.0)
    held = ordered = 0.0
    orders: list[Order] = []  # on their way
    waiting: list[tuple[float, int]] = []  # decisions that are not settled
    known: list[
        tuple[float, float, float]
    ] = []  # price, delta and gamma of each step, at its decisions
    seen = (0.0, 0.0, 0.0)  # the same now

    def down(kind: str, step: int) -> bool:
        return case.down is not None and kind in case.down and case.down[kind][step]

    def dollar(step: int) -> float:
        """What a USD costs in the quote currency."""
        return 1 / (1 - case.discount) if down("depeg", step) else 1.0

    quoted = [spot * dollar(step) for step, spot in enumerate(spots)]

    def after(step: int) -> float:
        return math.exp(case.rate * (steps - step) * case.h)

    def money(usd: float, spot: float) -> float:
        return usd / spot if case.coin else usd

    def fill(step: int, size: float, attempts: int = 1) -> None:
        nonlocal cash, held
        spot = spots[step]
        coins = size * per_unit(case, step, spot)
        usd = dollar(step)
        # a trade moves the price, and is filled on average half way; what is marked gains what it moves
        moved = case.permanent * (held + size / 2) * usd
        held += size
        if case.instrument == "spot" and not case.coin:
            cash -= size * (quoted[step] + moved)
            out["permanent"] += size * moved * after(step)
        else:
            cash += size * moved
            out["permanent"] -= size * moved * after(step)
        amount = money(abs(coins) * (quoted[step] + moved), spot)
        kinds = {
            "fee": max(
                money(case.least_fee * usd, spot),
                (case.k - case.spread) * amount
                + min(money(case.per_coin * abs(coins) * usd, spot), case.cap * amount),
            ),
            "spread": case.spread * amount,
            "fixed": money(case.fixed * attempts * usd, spot),
            "impact": money(case.impact * coins**2 * usd, spot)
            + case.root * math.sqrt(abs(coins)) * amount,
            "outage": case.depeg_cost * amount if down("depeg", step) else 0.0,
        }
        cash -= sum(kinds.values())
        for kind, cost in kinds.items():
            out[kind] += cost * after(step)
            out["cost"] += cost * after(step)
        out["turnover"] += amount * after(step)
        out["trades"] += 1

    def fill_orders(step: int) -> None:
        """What is due at a step is one fill; it waits while the chain is halted."""
        nonlocal orders
        due = [o for o in orders if o.due == step]
        orders = [o for o in orders if o.due > step]
        if down("chain", step):
            for order in due:
                order.due += 1
            orders += due
            return
        if not due:
            return
        fill(step, sum(o.size for o in due), sum(o.attempts for o in due))
        decisions = [d for o in due for d in o.decisions]
        if case.instrument == "spot" and not case.coin:
            out["latency"] += sum(
                size * (quoted[step] * after(step) - quoted[decided] * after(decided))
                for size, decided in decisions
            )
        spot, delta, _ = seen
        mean = sum(known[decided][1] for _, decided in decisions) / len(decisions)
        out["delta_drift"] += abs(delta - mean)
        moved = sum(known[t][2] * (spot - known[t][0]) ** 2 / 2 for _, t in decisions)
        out["gamma_leakage"] += money(moved, spots[step]) * after(step)

    def send(step: int, decisions: list[tuple[float, int]]) -> None:
        order = Order(decisions)
        order.due, order.attempts = arrives(case, step)
        out["failures"] += order.attempts - 1
        orders.append(order)
        if order.due == step:
            fill_orders(step)

    for step in range(steps + 1):
        spot = spots[step]
        if step > 0:
            cash *= grow
            before = spots[step - 1]
            if case.instrument == "linear" or (case.instrument == "spot" and case.coin):
                paid = held * (quoted[step] - quoted[step - 1])
                own = held * case.permanent
                paid -= held * (quoted[step - 1] + own) * case.funding * case.h
                out["permanent"] += held * own * case.funding * case.h * after(step)
                cash += money(paid, spot)
            elif case.instrument == "inverse":
                coins = held * (1 / before - 1 / spot) - held / before * case.funding * case.h
                cash += coins if case.coin else coins * spot
            elif case.instrument == "future":
                price = [spots[t] * per_unit(case, t, 0.0) for t in (step - 1, step)]
                cash += money(held * (price[1] - price[0]), spot)
        for leg in case.legs:
            if leg.expiry == step:
                own = max(leg.kind * (spot + case.permanent * held - leg.strike), 0.0)
                cash += money(leg.quantity * own, spot)
                market = max(leg.kind * (spot - leg.strike), 0.0)
                out["permanent"] -= leg.quantity * (own - market) * after(step)
        if step == steps:
            break
        seen = (spot + case.permanent * held, *greeks(case, step, spot + case.permanent * held))
        known.append(seen)
        fill_orders(step)
        spot += case.permanent * held
        delta, gamma = greeks(case, step, spot)
        seen = known[-1] = (spot, delta, gamma)
        unit = per_unit(case, step, spot)
        world = World(
            step, spot, delta, gamma, mean_left(case, step), lambda f, t=step, s=spot: greeks(case, t, s, f)[0], spots[: step + 1], rounding
        )  # fmt: skip
        at_once = step == 0 and case.first_at_once
        size = 0.0
        if at_once or (case.polled(step) and not down("keeper", step)):
            size = policy(world, ordered * unit) / unit
        if abs(size * unit) > rounding:
            ordered += size
            if at_once:
                fill(step, size)
            elif case.settle_every or case.settle_size < math.inf:
                waiting.append((size, step))
            else:
                send(step, [(size, step)])
        net = abs(sum(size for size, _ in waiting) * unit)
        window = case.settle_every and step > 0 and step % case.settle_every == 0
        if net > rounding and not down("keeper", step) and (window or net >= case.settle_size):
            send(step, waiting)
            waiting = []
        out["exposure"] += abs(held * unit + delta) / steps
    if case.close:
        if abs(held * per_unit(case, steps, spots[-1])) > rounding:
            fill(steps, -held)
    elif case.instrument == "spot" and not case.coin:
        cash += held * (quoted[-1] + case.permanent * held)
        out["permanent"] -= case.permanent * held**2
    out["peg"] = cash * (1 - 1 / dollar(steps))
    return {"pnl": cash - out["peg"], **out}


# Policies: the trade, given the deltas of position and hedge.


def toward(x: float, low: float, high: float) -> float:
    return min(max(x, low), high) - x


def band(width: float, inner: float = 1.0, up: float = 1.0, down: float = 1.0) -> Any:
    def policy(w: World, hedge: float) -> float:
        x = w.delta + hedge
        if -down * width <= x <= up * width:
            return 0.0
        return toward(x, -down * width * inner, up * width * inner)

    return policy


def clock(every: int = 1, factor: float = 1.0) -> Any:
    def policy(w: World, hedge: float) -> float:
        return -(w.vol_delta(factor) + hedge) if w.step % every == 0 else 0.0

    return policy


def ratio(up: float, down: float, share: float) -> Any:
    def policy(w: World, hedge: float) -> float:
        x = w.delta + hedge
        return -share * x if x > up or x < -down else 0.0

    return policy


class Move:
    def __init__(self, threshold: float) -> None:
        self.threshold, self.last = threshold, None

    def __call__(self, w: World, hedge: float) -> float:
        if self.last is not None and abs(math.log(w.spot / self.last)) <= self.threshold:
            return 0.0
        if abs(w.delta + hedge) <= w.rounding:
            return 0.0
        self.last = w.spot
        return -(w.delta + hedge)


def whalley_wilmott(
    gamma: float, k: float, rate: float = 0.0, inner: float = 1.0, coin: bool = False
) -> Any:
    def policy(w: World, hedge: float) -> float:
        averse = gamma / w.spot if coin else gamma
        width = (1.5 * math.exp(-rate * w.tau) * k * w.spot * w.gamma**2 / averse) ** (1 / 3)
        return band(width, inner)(w, hedge)

    return policy


def zakamouline(gamma: float, k: float, vol: float, rate: float = 0.0, coin: bool = False) -> Any:
    def policy(w: World, hedge: float) -> float:
        averse = gamma / w.spot if coin else gamma
        share = (math.exp(-rate * w.tau) / vol) ** 0.25
        h0 = k / (averse * w.spot * vol**2 * w.tau)
        h1 = 1.12 * k**0.31 * w.tau**0.05 * share * (abs(w.gamma) / averse) ** 0.5
        kz = -4.76 * k**0.78 * w.tau**-0.02 * share * (averse * w.spot**2 * abs(w.gamma)) ** 0.15
        factor = math.sqrt(max(1 + kz if w.gamma > 0 else 1 - kz, 1e-4))
        x = w.vol_delta(factor) + hedge
        return toward(x, -h0 - h1, h0 + h1)

    return policy


def impulse_bounds(
    gamma: float, k: float, c: float, spot: float, curvature: float
) -> tuple[float, float]:
    """a and b of the law of fixed and proportional costs, by a bracketing root of its two equations."""
    kappa = 6 * curvature**2 / gamma
    fixed = lambda v: (2 * c * kappa / v) ** (1 / 3)
    # 2 a b (a + b) = (v^2 - u^2) v / 2 = k S kappa
    low = (2 * c * kappa) ** 0.25
    high = low + (2 * k * spot * kappa) ** (1 / 3) * 2
    high *= 2
    for _ in range(200):
        v = (low + high) / 2
        above = (v * v - fixed(v) ** 2) * v / 2 > k * spot * kappa
        low, high = (low, v) if above else (v, high)
    u = fixed(v)
    return (v - u) / 2, (v + u) / 2


def impulse(gamma: float, k: float, c: float) -> Any:
    def policy(w: World, hedge: float) -> float:
        a, b = impulse_bounds(gamma, k, c, w.spot, w.gamma)
        x = w.delta + hedge
        return toward(x, -a, a) if abs(x) > b else 0.0

    return policy


class Realised:
    def __init__(self, width: float, half_life: float, vol: float, power: float, h: float) -> None:
        self.width, self.keep, self.vol, self.power, self.h = (
            width,
            0.5 ** (1 / half_life),
            vol,
            power,
            h,
        )

    def __call__(self, w: World, hedge: float) -> float:
        variance = self.vol**2
        for a, b in zip(w.history, w.history[1:], strict=False):
            variance = self.keep * variance + (1 - self.keep) * math.log(b / a) ** 2 / self.h
        return band(self.width * (math.sqrt(variance) / self.vol) ** self.power)(w, hedge)


# Laws that remember their last trade, or look at a vol.


@dataclass
class Memory:
    """The last trade of a policy, which its members share."""

    step: int | None = None
    spot: float | None = None


def fixed_view(vol: float) -> Any:
    return lambda w: vol  # noqa: ARG005


def realised_view(half_life: float, vol: float, h: float) -> Any:
    keep = 0.5 ** (1 / half_life)

    def view(w: World) -> float:
        variance = vol**2
        for a, b in zip(w.history, w.history[1:], strict=False):
            variance = keep * variance + (1 - keep) * math.log(b / a) ** 2 / h
        return math.sqrt(variance)

    return view


def forecast_view(column: list[float]) -> Any:
    return lambda w: column[w.step]


def vol_band(width: float, view: Any, vol: float, power: float, inner: float = 1.0) -> Any:
    return lambda w, hedge: band(width * (view(w) / vol) ** power, inner)(w, hedge)


def interval(steps: float, view: Any, vol: float, power: float, memory: Memory) -> Any:
    def policy(w: World, hedge: float) -> float:
        passed = math.inf if memory.step is None else w.step - memory.step
        # a step is not lost to rounding
        return -(w.delta + hedge) if passed >= steps * (vol / view(w)) ** power - 1e-9 else 0.0

    return policy


def move(threshold: float, memory: Memory) -> Any:
    def policy(w: World, hedge: float) -> float:
        if memory.spot is not None and abs(math.log(w.spot / memory.spot)) <= threshold:
            return 0.0
        return -(w.delta + hedge)

    return policy


def forecast_whalley_wilmott(averse: float, k: float, view: Any, vol: float, case: Case) -> Any:
    def policy(w: World, hedge: float) -> float:
        gamma = greeks(case, w.step, w.spot, view(w) / vol)[1]
        return band((1.5 * k * w.spot * gamma**2 / averse) ** (1 / 3))(w, hedge)

    return policy


def smooth(averse: float, impact: float, view: Any, dt: float, horizon: float, h: float, coin: bool = False) -> Any:  # fmt: skip
    """The rate of Rogers and Singh, exp(-rate dt) of the deviation left after dt."""

    def policy(w: World, hedge: float) -> float:
        # in coins: risk aversion per coin, and a trade's impact is worth impact / S coins
        risk = averse * view(w) ** 2 * (1.0 if coin else w.spot**2)
        eta = impact * dt / (w.spot if coin else 1.0)
        kappa = math.sqrt(risk / (2 * eta))
        rate = kappa * math.tanh(kappa * (horizon - w.step * h))
        return math.expm1(-rate * dt) * (w.delta + hedge)

    return policy


def usd_ratio(up: float, down: float, share: float, target: float) -> Any:
    """Thresholds on the dollar delta less a target in USD."""

    def policy(w: World, hedge: float) -> float:
        excess = (w.delta + hedge) * w.spot - target
        return -share * excess / w.spot if excess > up or excess < -down else 0.0

    return policy


def any_of(*members: Any) -> Any:
    def policy(w: World, hedge: float) -> float:
        orders = [member(w, hedge) for member in members]
        return next((order for order in orders if abs(order) > w.rounding), 0.0)

    return policy


def all_of(*members: Any) -> Any:
    def policy(w: World, hedge: float) -> float:
        orders = [member(w, hedge) for member in members]
        return orders[0] if all(abs(order) > w.rounding for order in orders) else 0.0

    return policy


def restrained(
    law: Any, memory: Memory, *, every: int = 1, cool_down: int = 0, blackout: int = 0, least_trade: float = 0.0, lot: float = 0.0,
    rise: float = 0.0, fall: float = 0.0, window: int = 1, expiries: tuple[int, ...] = (),
) -> Any:  # fmt: skip
    """A law with its restraints: those of a member, or of the whole.  rise and fall are simple returns."""

    def policy(w: World, hedge: float) -> float:
        if w.step % every:
            return 0.0
        if any(0 < expiry - w.step <= blackout for expiry in expiries):
            return 0.0
        order = law(w, hedge)
        if lot:
            order = round(order / lot) * lot
        if abs(order) < least_trade:
            return 0.0
        if cool_down and memory.step is not None and w.step - memory.step <= cool_down:
            return 0.0
        change = w.history[-1] / w.history[max(w.step - window, 0)] - 1
        if w.step > 0 and -fall < change < rise:
            return 0.0
        return float(order)

    return policy


def remembering(law: Any, memory: Memory) -> Any:
    """What trades: the memory is of its trades alone."""

    def policy(w: World, hedge: float) -> float:
        order: float = law(w, hedge)
        if abs(order) > w.rounding:
            memory.step, memory.spot = w.step, w.spot
        return order

    return policy
