"""The simulation."""

from __future__ import annotations

import math
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeVar, cast

import numpy as np

from hedgecore import _core
from hedgecore.hedging.costs import Costs
from hedgecore.hedging.execution import Execution
from hedgecore.hedging.policies import Policy, Setting
from hedgecore.hedging.position import Instrument, Option, Position, Spot, Strip
from hedgecore.hedging.results import Run
from hedgecore.hedging.traces import Trace, followed
from hedgecore.hedging.underlyings import across
from hedgecore.paths.history import Given, Replays
from hedgecore.paths.levels import MeanReverting
from hedgecore.paths.models import Model
from hedgecore.paths.random import seed_of, whole
from hedgecore.paths.simulation import check_memory, core_of

#: Arguments that are no part of the setting of a run: what is in the result by itself, and how it is computed.
_APART = ("policies", "n_paths", "first_path", "keep", "trace", "threads", "progress")

T = TypeVar("T")
Held = Option | Sequence[Option] | Strip


def _named(policies: Any) -> dict[str, tuple[str, Policy]]:
    """Names to families and policies."""
    if isinstance(policies, Policy):
        policies = [policies]
    if isinstance(policies, Mapping):
        named = {str(name): policy for name, policy in policies.items()}
    elif not isinstance(policies, Iterable):
        raise TypeError(f"policies must be a policy, several, or names to them, not {policies!r}")
    else:
        listed = list(policies)
        for row, policy in enumerate(listed):
            if not isinstance(policy, Policy):
                raise TypeError(f"policies[{row}] must be a policy, not {policy!r}")
        same, seen, named = Counter(policy.family for policy in listed), Counter[str](), {}
        for policy in listed:
            family = policy.family
            seen[family] += 1
            named[f"{family} #{seen[family]}" if same[family] > 1 else family] = policy
    if not named:
        raise ValueError("policies: there are none")
    for name, policy in named.items():
        if not isinstance(policy, Policy):
            raise TypeError(f"policies[{name!r}] must be a policy, not {policy!r}")
    return {name: (policy.family, policy) for name, policy in named.items()}


def _single(argument: str, value: Any, default: T, *kinds: type) -> T:
    """Return what is given for a position of one underlying."""
    if isinstance(value, Mapping):
        raise TypeError(f"{argument} must not be by underlying: the position is not")
    if value is not None and not isinstance(value, kinds):
        names = " or ".join(f"{kind.__name__}(...)" for kind in kinds)
        raise TypeError(f"{argument} must be {names}, not {value!r}")
    return default if value is None else cast(T, value)


def _start(model: Model, spot: Any, asset: int) -> float:
    """The price that all paths of an asset start at."""
    if not isinstance(model, Given):
        values = np.asarray(100.0 if spot is None else spot, np.float64)
        return float(values if values.ndim == 0 else values[asset])
    given = np.asarray(model.spot, np.float64)
    if given.ndim not in (2, 3) or not given.size:
        raise ValueError(
            f"spot must be of shape (paths, times) or (assets, paths, times), not {given.shape}"
        )
    first = given.reshape(-1, *given.shape[-2:])[asset, :, 0]
    if not (first == first[0]).all():
        path = int(np.argmax(first != first[0]))
        raise ValueError(
            f"given paths must start at one price: path 0 at {first[0]}, path {path} at {first[path]}"
        )
    return float(first[0])


def _check_fixed(
    model: Model, levels: Mapping[str, MeanReverting] | None, name: str | None
) -> None:
    """Refuse fixed costs that pay for trades: of a series a negative value, of a process that it can have one."""
    values = np.asarray((getattr(model, "levels", None) or {}).get(name, 0.0), np.float64)
    if (values < 0).any():
        raise ValueError(
            f"fixed_level: the level {name!r} has {values.min()}, a cost must be zero or positive"
        )
    process = (levels or {}).get(name or "")
    if process is None or process.logarithmic or process.low >= 0:
        return
    start = process.mean if process.start is None else process.start
    if process.vol > 0 or min(process.mean, start) < 0:
        raise ValueError(
            f"fixed_level: low = {process.low} of the level {name!r} must be zero or positive: it can be negative, a cost cannot"
        )


def check_kept(
    n_paths: int, policies: int, ledgers: int, attribution: bool, traced: int, steps: int
) -> None:
    """Raise a MemoryError where the machine has not the memory for what a run returns, and for its constants by step."""
    check_memory(
        n_paths * (1 + policies * (ledgers + 0.2) + (9 + policies) * bool(attribution))
        + traced * (steps + 1) * (3 + 3 * policies)
        + 11.0 * steps,
        "keep fewer ledgers (keep), follow fewer paths (trace), have fewer policies or steps, or simulate shards (first_path)",
    )


def simulate(
    position: Held | Mapping[str, Held],
    paths: Model,
    policies: Policy | Sequence[Policy] | Mapping[str, Any],
    *,
    n_paths: int,
    steps: int,
    seed: int,
    spot: float | tuple[float, ...] | Mapping[str, float] | None = None,
    drift: float | tuple[float, ...] = 0.0,
    rate: float = 0.0,
    levels: Mapping[str, MeanReverting] | None = None,
    stress: Replays | None = None,
    asset: int | Mapping[str, int] | None = None,
    instrument: Instrument | Mapping[str, Instrument] | None = None,
    costs: Costs | Mapping[str, Costs] | None = None,
    execution: Execution | Mapping[str, Execution] | None = None,
    numeraire: Literal["quote", "coin"] | None = None,
    attribution: bool = False,
    keep: Sequence[str] = ("pnl", "cost"),
    trace: int | Sequence[int] = (),
    first_path: int = 0,
    threads: int | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> Run:
    """Hedge a position on the paths of a model by every policy, and return what it earned.

    All policies see the same paths.  Path i has the same bits for any number of threads and in any run that contains it.

    At step t = 0, 1, ...: the price is observed; what expires is settled; orders that are due are filled; policies that look
    decide; orders without latency are filled; the market moves.  At the last step the last options are settled, orders in flight
    lapse and the hedge is closed.  No decision sees what comes later.

    Parameters
    ----------
    position
        Options, held to their expiries, each of which must fall on a step; or a :class:`Strip`.  Several underlyings: names to the
        options of each, hedged each by itself on the same paths, to one horizon, in the quote currency; the result has the sums path by
        path, and each in :attr:`Run.by_underlying`.
    paths
        A model of :mod:`hedgecore.paths`.
    policies
        One, several, or names to policies; or, as instrument, costs and execution, names of the underlyings to those of each.
    n_paths
        How many.
    steps
        From the start to the last expiry.
    seed
        0 to 2**64 - 1.
    spot, drift
        As of :func:`hedgecore.paths.simulate`: the price at the start (100), and E[S_t] = spot exp(drift t).  Spots may be by name
        of the underlying.
    rate
        Per year, that cash earns; the options' forward is S exp(rate (T - t)).
    levels, stress
        As of :func:`hedgecore.paths.simulate`.
    asset
        Which of the paths' assets is the underlying, the first where not given; by name where there are several (in the order of the
        position where not given).
    instrument
        What is traded: :class:`Spot` where not given, :class:`Perpetual`, :class:`Future`.
    costs, execution
        None of either where not given.
    numeraire
        "quote" or "coin"; where not given that of the options' settlement.  In coins the hedge ratio is the delta net of premium,
        which leaves the coin value of position and hedge unmoved.
    attribution
        Whether what made the P&L is kept, path by path: :attr:`Run.attribution`.
    keep
        What is kept for each policy and path, out of :data:`hedgecore.hedging.LEDGERS`.  Means of all are in the result anyway.
    trace
        Numbers of paths that are followed step by step, or how many of the first: :attr:`Run.trace`.
    first_path
        The number of the first path: shards of one run, which :meth:`Run.joined` puts together.
    threads, progress
        As of :func:`hedgecore.paths.simulate`.

    Raises
    ------
    ValueError
        Naming the argument that is outside of its domain, and its value.
    MemoryError
        For more than this machine has.
    """
    if isinstance(position, Mapping):
        everything = {n: v for n, v in locals().items() if n not in ("position", "paths")}
        return across(simulate, position, paths, everything)
    given = {name: value for name, value in locals().items() if name not in _APART}
    n_paths = whole(n_paths, "n_paths", 1, 2**40)
    steps = whole(steps, "steps", 1, 2**32)
    first_path = whole(first_path, "first_path", 0, 2**64 - 1 - n_paths)
    if numeraire not in (None, "quote", "coin"):
        raise ValueError(f"numeraire must be 'quote' or 'coin', not {numeraire!r}")
    for name in keep:
        if name not in _core.hedge_ledgers:
            raise ValueError(f"keep: {name!r} is none of {', '.join(_core.hedge_ledgers)}")
    if isinstance(spot, Mapping) or isinstance(asset, Mapping):
        raise TypeError("spot and asset must not be by underlying: the position is not")
    traded: Instrument = _single("instrument", instrument, Spot(), *typing.get_args(Instrument))
    costs = _single("costs", costs, Costs(), Costs)
    execution = _single("execution", execution, Execution(), Execution)
    stress = _single("stress", stress, None, Replays)
    kept = tuple(dict.fromkeys(("pnl", *(("cost",) if attribution else ()), *keep)))
    named = _named(policies)
    assets = paths.n_assets if isinstance(paths, Model) else 1
    underlying = 0 if asset is None else whole(asset, "asset", 0, assets - 1)
    start = _start(paths, spot, underlying)
    held = Position.of(
        position, steps, None if numeraire is None else numeraire == "coin", start, rate
    )
    core, names = core_of(paths, held.step, spot, drift, levels, stress)
    _check_fixed(paths, levels, costs.fixed_level)
    own = core["assets"][underlying]
    if held.model_vol:
        vol = math.sqrt(own["v0"]) if "v0" in own else float(own["vol"])
        if not vol > 0:
            raise ValueError("vol of the options must be given: the paths have none of their own")
        held = replace(held, vol=vol)
    initial = held.initial_value(start, rate)
    setting = Setting(held, costs, rate, tuple(names), own)
    laws = []
    for name, (_, policy) in named.items():
        try:
            laws.append(policy.core(setting))
        except (ValueError, TypeError) as error:
            raise type(error)(f"policies[{name!r}]: {error}") from None
    terms = {
        "rate": float(rate),
        "numeraire": "coin" if held.coin else "quote",
        "model_vol": held.model_vol,
        "initial_value": initial,
        "asset": underlying,
        "spot": start,
        "holding": held.holding,
        "attribution": bool(attribution),
        "schedules": held.schedules(),
    }
    traced = followed(trace, first_path, n_paths)
    check_kept(n_paths, len(named), len(kept), attribution, len(traced), steps)
    option, ledgers, sums, outages, steps_of, lines, hedge = _core.simulate_hedging(
        core, seed_of(seed), first_path, n_paths, steps, held.step, held.rows(), terms, traded.core(names),
        laws, costs.core(names), execution.core(), kept,
        [path - first_path for path in traced], threads, progress,
    )  # fmt: skip
    numeraire = "coin" if held.coin else "quote"
    return Run(
        names=tuple(named),
        families=tuple(family for family, _ in named.values()),
        policies=tuple(policy for _, policy in named.values()),
        unhedged=option,
        ledgers=ledgers,
        sums=sums,
        premium=-initial,
        costs=costs,
        numeraire=numeraire,
        first_path=first_path,
        outages=outages,
        setting=given | {"costs": costs, "execution": execution, "numeraire": numeraire},
        start=start,
        lines={}
        if lines is None or hedge is None
        else {**dict(zip(_core.hedge_lines, lines, strict=True)), "hedge": hedge},
        trace=Trace(
            tuple(named),
            np.array(traced, np.int64),
            np.asarray(np.arange(steps + 1) * held.step, np.float64),
            **steps_of,
        )
        if traced
        else None,
    )


def sweep(
    position: Held | Mapping[str, Held],
    paths: Model,
    families: Mapping[str, Sequence[Policy]],
    **arguments: Any,
) -> Run:
    """Simulate families of policies, each with several settings, in one pass.

    Parameters
    ----------
    position, paths, arguments
        As of :func:`simulate`.
    families
        Names to the settings of each, for :meth:`Run.frontier`.
    """
    policies: dict[str, Policy] = {}
    of: list[str] = []
    for family, settings in families.items():
        for number, policy in enumerate(settings, 1):
            policies[f"{family} #{number}"] = policy
            of.append(family)
    run = simulate(position, paths, policies, **arguments)
    return replace(run, families=tuple(of))


def solve_risk_aversion(
    position: Held | Mapping[str, Held],
    paths: Model,
    policy: Policy,
    *,
    cost: float | None = None,
    std: float | None = None,
    low: float = 1e-8,
    high: float = 1e8,
    tolerance: float = 1e-3,
    **arguments: Any,
) -> Policy:
    """Return the policy with the risk aversion at which its mean cost, or the std of its P&L, is the one wanted.

    By sections of the logarithm, 16 settings in a pass, all on the same paths; the mean cost rises with the risk aversion.

    Parameters
    ----------
    position, paths, arguments
        As of :func:`simulate`.
    policy
        One with a ``risk_aversion``, whose value is not read.
    cost, std
        The target: one of them.
    low, high
        Bounds of the risk aversion.
    tolerance
        Relative, of the target.

    Raises
    ------
    ValueError
        Where the target is outside of what the bounds reach, with what they reach.
    """
    if (cost is None) == (std is None):
        raise ValueError("give either cost or std")
    name, target = ("cost", cost) if std is None else ("std", std)
    assert target is not None
    if not hasattr(policy, "risk_aversion"):
        raise TypeError(f"policy: {policy!r} has no risk_aversion")
    if not 0 < low < high < math.inf:
        raise ValueError(f"low = {low} must be positive and below high = {high}")
    bounds = (math.log(low), math.log(high))
    for _ in range(12):
        grid = np.linspace(*bounds, 16)
        tried = [replace(policy, risk_aversion=math.exp(x)) for x in grid]  # type: ignore[call-arg]
        run = simulate(position, paths, tried, **arguments)
        values = run.mean("cost") if name == "cost" else run.pnl.std(axis=1, ddof=1)
        best = int(np.argmin(np.abs(values - target)))
        if abs(values[best] - target) <= tolerance * abs(target):
            return tried[best]
        crossing = np.flatnonzero((values[:-1] - target) * (values[1:] - target) <= 0)
        if not len(crossing):
            raise ValueError(
                f"{name} = {target} is out of reach: risk aversions from {math.exp(bounds[0]):.3g} to {math.exp(bounds[1]):.3g} "
                f"give {values.min():.6g} to {values.max():.6g}"
            )
        # cost rises and std falls with the risk aversion; where both wander (std at large costs) the lowest crossing is the cheapest
        bounds = (float(grid[crossing[0]]), float(grid[crossing[0] + 1]))
    raise ValueError(
        f"{name} = {target} is not met to {tolerance}: it jumps near risk aversion {math.exp(bounds[0]):.6g}"
    )
