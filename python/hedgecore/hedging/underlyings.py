"""Several underlyings on the same paths, each hedged by itself; what they earn is added path by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hedgecore.hedging.position import Option, Strip
from hedgecore.hedging.results import LEDGERS, Run
from hedgecore.paths.models import Model
from hedgecore.paths.random import whole

#: What may be one for all, or names of underlyings to their own.
_BY_NAME = ("policies", "instrument", "costs", "execution")


def across(
    simulate: Callable[..., Run], position: Mapping[str, Any], paths: Model, given: dict[str, Any]
) -> Run:
    """Simulate every underlying, and return the sums with the runs of each in ``by_underlying``."""
    if not position:
        raise ValueError("position has no underlyings")
    given = dict(given)
    asset, spot, progress = given.pop("asset"), given.pop("spot"), given.pop("progress")
    assets = _assets(position, asset, paths)
    if isinstance(spot, Mapping):
        spot = _spots(spot, assets, paths)
    strips = {
        name: held if isinstance(held, Strip) else Strip(options=[held] if isinstance(held, Option) else held)
        for name, held in position.items()
    }  # fmt: skip
    if given["numeraire"] is None:
        coins = [n for n, s in strips.items() if any(o.settlement == "inverse" for o in s.options)]
        if coins:
            raise ValueError(
                f"numeraire must be given as 'quote': options on {coins[0]} are settled in coins"
            )
    elif given["numeraire"] != "quote":
        raise ValueError(
            f"numeraire = {given['numeraire']!r} must be 'quote' for several underlyings: their coins differ"
        )
    horizon = max(s.horizon or max(o.expiry for o in s.options) for s in strips.values())
    keep = tuple(dict.fromkeys(("pnl", *given["keep"])))
    runs: dict[str, Run] = {}
    total: dict[str, Any] = dict.fromkeys(LEDGERS, 0.0)
    for number, (name, strip) in enumerate(strips.items()):
        own = {
            key: value[name] if key in _BY_NAME and _by_name(key, value, position) else value
            for key, value in given.items()
        }
        tell = None if progress is None else _part(progress, number, len(strips))
        try:
            run = simulate(
                replace(strip, horizon=horizon), paths,
                **own | {"keep": LEDGERS, "numeraire": "quote", "asset": assets[name], "spot": spot, "progress": tell},
            )  # fmt: skip
        except (ValueError, TypeError) as error:
            raise type(error)(f"{name}: {error}") from None
        if runs and run.names != (first := next(iter(runs.values()))).names:
            raise ValueError(
                f"policies of {name} are {', '.join(run.names)}, those of {next(iter(runs))} {', '.join(first.names)}: "
                "they need the same names"
            )
        # coins of different kinds are no sum: exposures are added at the prices of the start
        for ledger, values in run.ledgers.items():
            total[ledger] = total[ledger] + values * (run.start if ledger == "exposure" else 1.0)
        kept = {n: x for n, x in run.ledgers.items() if n in keep or (run.lines and n == "cost")}
        runs[name] = replace(run, ledgers=kept)
    return _total(runs, total, keep)


def _by_name(key: str, value: Any, position: Mapping[str, Any]) -> bool:
    """Whether a mapping is by underlying; one that names some of them and not others is a mistake."""
    if not isinstance(value, Mapping):
        return False
    missing = [name for name in position if name not in value]
    if not missing:
        return True
    if key != "policies" or len(missing) < len(position):
        raise ValueError(f"{key} has nothing for {missing[0]}")
    return False


def _assets(position: Mapping[str, Any], asset: Any, paths: Model) -> dict[str, int]:
    if asset is None:
        asset = {name: k for k, name in enumerate(position)}
        if len(asset) != paths.n_assets:
            raise ValueError(
                f"asset must be given: {len(asset)} underlyings, {paths.n_assets} assets of the paths"
            )
    if not isinstance(asset, Mapping):
        raise TypeError(f"asset must map underlyings to assets of the paths, not {asset!r}")
    if missing := [name for name in position if name not in asset]:
        raise ValueError(f"asset has nothing for {missing[0]}")
    return {n: whole(asset[n], f"asset[{n!r}]", 0, paths.n_assets - 1) for n in position}


def _spots(spot: Mapping[str, float], assets: Mapping[str, int], paths: Model) -> list[float]:
    values = [100.0] * paths.n_assets
    for name, place in assets.items():
        if name not in spot:
            raise ValueError(f"spot has nothing for {name}")
        values[place] = float(spot[name])
    return values


def _part(progress: Callable[[int, int], Any], number: int, of: int) -> Callable[[int, int], Any]:
    return lambda done, total: progress(number * total + done, of * total)


def _total(runs: dict[str, Run], ledgers: dict[str, Any], keep: tuple[str, ...]) -> Run:
    first = next(iter(runs.values()))
    sums = np.stack(
        [np.stack([x.sum(axis=1), (x * x).sum(axis=1)], axis=-1) for x in ledgers.values()], axis=1
    )
    asked = bool(first.lines)
    return replace(
        first,
        unhedged=np.sum([run.unhedged for run in runs.values()], axis=0),
        ledgers={n: x for n, x in ledgers.items() if n in keep or (asked and n == "cost")},
        sums=sums,
        premium=sum(run.premium for run in runs.values()),
        lines={
            name: np.sum([run.lines[name] for run in runs.values()], axis=0) for name in first.lines
        },
        trace=None,
        by_underlying=runs,
    )
