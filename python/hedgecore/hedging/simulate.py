"""The simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from hedgecore import _core
from hedgecore.hedging.costs import Costs
from hedgecore.hedging.execution import Execution
from hedgecore.hedging.policies import Policy, Setting
from hedgecore.hedging.position import Instrument, Option, Position, Spot
from hedgecore.hedging.results import Run
from hedgecore.hedging.traces import Trace, followed
from hedgecore.paths.history import Given, Replays
from hedgecore.paths.levels import MeanReverting
from hedgecore.paths.models import Model
from hedgecore.paths.random import seed_of, whole
from hedgecore.paths.simulation import check_memory, core_of

#: Arguments that are no part of the setting of a run: what is in the result by itself, and how it is computed.
_APART = ("policies", "n_paths", "first_path", "keep", "trace", "threads", "progress")


def _named(policies: Any) -> dict[str, tuple[str, Policy]]:
    """Names to families and policies."""
    if isinstance(policies, Policy):
        policies = [policies]
    if isinstance(policies, Mapping):
        named = {str(name): policy for name, policy in policies.items()}
    else:
        listed = list(policies)
        named = {}
        for row, policy in enumerate(listed):
            if not isinstance(policy, Policy):
                raise TypeError(f"policies[{row}] must be a policy, not {policy!r}")
            same = sum(other.family == policy.family for other in listed)
            number = sum(name.startswith(f"{policy.family} #") for name in named) + 1
            named[f"{policy.family} #{number}" if same > 1 else policy.family] = policy
    if not named:
        raise ValueError("policies: there are none")
    for name, policy in named.items():
        if not isinstance(policy, Policy):
            raise TypeError(f"policies[{name!r}] must be a policy, not {policy!r}")
    return {name: (policy.family, policy) for name, policy in named.items()}


def _start(model: Model, spot: float | None) -> float:
    """The price that all paths start at."""
    if not isinstance(model, Given):
        return 100.0 if spot is None else float(spot)
    given = np.asarray(model.spot, np.float64)
    if given.ndim not in (2, 3) or not given.size:
        raise ValueError(
            f"spot must be of shape (paths, times) or (assets, paths, times), not {given.shape}"
        )
    first = given.reshape(-1, *given.shape[-2:])[0, :, 0]
    if not (first == first[0]).all():
        path = int(np.argmax(first != first[0]))
        raise ValueError(
            f"given paths must start at one price: path 0 at {first[0]}, path {path} at {first[path]}"
        )
    return float(first[0])


def simulate(
    position: Option | Sequence[Option],
    paths: Model,
    policies: Policy | Sequence[Policy] | Mapping[str, Policy],
    *,
    n_paths: int,
    steps: int,
    seed: int,
    spot: float | None = None,
    drift: float = 0.0,
    rate: float = 0.0,
    levels: Mapping[str, MeanReverting] | None = None,
    stress: Replays | None = None,
    instrument: Instrument | None = None,
    costs: Costs | None = None,
    execution: Execution | None = None,
    numeraire: Literal["quote", "coin"] | None = None,
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
        Options, held to their expiries, each of which must fall on a step.
    paths
        A model of :mod:`hedgecore.paths`; its first asset is the underlying.
    policies
        One, several, or names to policies.
    n_paths
        How many.
    steps
        From the start to the last expiry.
    seed
        0 to 2**64 - 1.
    spot, drift
        As of :func:`hedgecore.paths.simulate`: the price at the start (100), and E[S_t] = spot exp(drift t).
    rate
        Per year, that cash earns; the options' forward is S exp(rate (T - t)).
    levels, stress
        As of :func:`hedgecore.paths.simulate`.
    instrument
        What is traded: :class:`Spot` where not given, :class:`Perpetual`, :class:`Future`.
    costs, execution
        None of either where not given.
    numeraire
        "quote" or "coin"; where not given that of the options' settlement.  In coins the hedge ratio is the delta net of premium,
        which leaves the coin value of position and hedge unmoved.
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
    given = {name: value for name, value in locals().items() if name not in _APART}
    n_paths = whole(n_paths, "n_paths", 1, 2**40)
    steps = whole(steps, "steps", 1, 2**32)
    first_path = whole(first_path, "first_path", 0, 2**64 - 1 - n_paths)
    if numeraire not in (None, "quote", "coin"):
        raise ValueError(f"numeraire must be 'quote' or 'coin', not {numeraire!r}")
    for name in keep:
        if name not in _core.hedge_ledgers:
            raise ValueError(f"keep: {name!r} is none of {', '.join(_core.hedge_ledgers)}")
    kept = tuple(dict.fromkeys(("pnl", *keep)))
    named = _named(policies)
    held = Position.of(position, steps, None if numeraire is None else numeraire == "coin")
    core, names = core_of(paths, held.step, spot, drift, levels, stress)
    if held.model_vol:
        asset = core["assets"][0]
        vol = math.sqrt(asset["v0"]) if "v0" in asset else float(asset["vol"])
        if not vol > 0:
            raise ValueError("vol of the options must be given: the paths have none of their own")
        held = replace(held, vol=vol)
    costs, execution = costs or Costs(), execution or Execution()
    start = _start(paths, spot)
    initial = held.initial_value(start, rate)
    setting = Setting(held, costs, rate, tuple(names))
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
    }
    traced = followed(trace, first_path, n_paths)
    check_memory(
        n_paths * (1 + len(named) * (len(kept) + 0.2))
        + len(traced) * (steps + 1) * (2 + 3 * len(named))
    )
    option, ledgers, sums, outages, steps_of = _core.simulate_hedging(
        core, seed_of(seed), first_path, n_paths, steps, held.step, held.rows(), terms, (instrument or Spot()).core(names),
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
    position: Option | Sequence[Option],
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
    position: Option | Sequence[Option],
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
