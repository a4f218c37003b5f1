"""Restating Greeks in the units of other systems: one table for all presets.

The natural units are plain derivatives: vega per 1.00 of vol, theta per year,
rho per 1.00 of rate.  A preset multiplies a column by a factor, or redefines it
where the other system means something else by the same name.  Columns that the
other system does not show are left out of the restated result.

================  ==========================================================================
preset            meaning
================  ==========================================================================
``desk``          vega, vanna, zomma per vol point; volga per point^2, ultima per point^3;
                  theta, charm, color per calendar day; veta per day and point; rho, phi per 1 %
``deribit``       what the exchange's ticker shows: price as it settles (coin or USD); delta
                  and gamma of the USD value (Black, not net of premium); vega in USD per vol
                  point; theta in USD per day, -min(abs(theta) min(1, days) / 365, value); rho in
                  USD per 1 %, +-K T N(+-d2) / 100, the forward moving with the rate
``vollib``        price, delta, gamma as they are; vega per vol point, theta per day (365),
                  rho per 1 % (linear settlement only)
``quantlib``      everything per 1.00 and per year, as in ``natural`` (linear settlement
                  only); names are kept: QuantLib's ``dividendRho`` is phi, its
                  ``strikeSensitivity`` is dual_delta
================  ==========================================================================

All but ``natural`` are for the model "black": a vol point means nothing in Bachelier's model, whose
vol is an amount of currency.  ``deribit``, ``vollib`` and ``quantlib`` are for vanilla payoffs.

Sources: Deribit's ticker as recomputed from its records (theta cap and rho included);
py_vollib's ``greeks.analytical``; QuantLib's ``VanillaOption``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Columns = Mapping[str, Any]
# (natural columns, inputs: underlying, strike, expiry) -> restated column
Rule = Callable[[Columns, Columns], Any]

POINT = 0.01
DAYS_PER_YEAR = 365.0
DAY = 1.0 / DAYS_PER_YEAR


@dataclass(frozen=True)
class Preset:
    """How one system states its Greeks.

    ``factors`` multiplies natural columns; ``rules`` replaces columns, per
    settlement, with the natural columns each rule reads.  It serves the settlements, models
    and payoffs that it lists.
    """

    settlements: tuple[str, ...]
    models: tuple[str, ...] = ("black",)
    payoffs: tuple[str, ...] = ("vanilla",)
    factors: Mapping[str, float] = field(default_factory=dict)
    rules: Mapping[str, Mapping[str, tuple[tuple[str, ...], Rule]]] = field(default_factory=dict)


def _capped_theta(value: str, to_usd: bool) -> Rule:
    def theta(columns: Columns, inputs: Columns) -> Any:
        scale = inputs["underlying"] if to_usd else 1.0
        per_day = np.abs(columns["theta"]) * scale * DAY
        days = inputs["expiry"] * DAYS_PER_YEAR
        return -np.minimum(per_day * np.minimum(1.0, days), columns[value] * scale)

    return theta


def _strike_rho(to_usd: bool) -> Rule:
    def rho(columns: Columns, inputs: Columns) -> Any:
        scale = inputs["underlying"] if to_usd else 1.0
        return -inputs["strike"] * inputs["expiry"] * columns["dual_delta"] * scale * POINT

    return rho


def _same(name: str) -> Rule:
    return lambda columns, _: columns[name]


_ALL = {
    "price": 1.0, "delta": 1.0, "gamma": 1.0, "vega": 1.0, "theta": 1.0, "rho": 1.0, "phi": 1.0,
    "vanna": 1.0, "volga": 1.0, "charm": 1.0, "veta": 1.0, "speed": 1.0, "zomma": 1.0,
    "color": 1.0, "ultima": 1.0, "dual_delta": 1.0, "dual_gamma": 1.0,
    "black_delta": 1.0, "black_gamma": 1.0,
}  # fmt: skip

_PAYOFFS = ("vanilla", "cash_or_nothing", "asset_or_nothing")

PRESETS: Mapping[str, Preset] = {
    "natural": Preset(("linear", "inverse"), ("black", "bachelier"), _PAYOFFS, _ALL),
    "desk": Preset(
        ("linear", "inverse"),
        ("black",),
        _PAYOFFS,
        _ALL
        | {"vega": POINT, "vanna": POINT, "zomma": POINT, "volga": POINT**2, "ultima": POINT**3}
        | {"theta": DAY, "charm": DAY, "color": DAY, "veta": DAY * POINT}
        | {"rho": POINT, "phi": POINT},
    ),
    "deribit": Preset(
        ("linear", "inverse"),
        rules={
            "linear": {
                "price": (("price",), _same("price")),
                "delta": (("delta",), _same("delta")),
                "gamma": (("gamma",), _same("gamma")),
                "vega": (("vega",), lambda columns, _: columns["vega"] * POINT),
                "theta": (("theta", "price"), _capped_theta("price", to_usd=False)),
                "rho": (("dual_delta",), _strike_rho(to_usd=False)),
            },
            "inverse": {
                "price": (("price",), _same("price")),
                "delta": (("black_delta",), _same("black_delta")),
                "gamma": (("black_gamma",), _same("black_gamma")),
                "vega": (
                    ("vega",),
                    lambda columns, inputs: columns["vega"] * inputs["underlying"] * POINT,
                ),
                "theta": (("theta", "price"), _capped_theta("price", to_usd=True)),
                "rho": (("dual_delta",), _strike_rho(to_usd=True)),
            },
        },
    ),
    "vollib": Preset(
        ("linear",),
        factors={"price": 1.0, "delta": 1.0, "gamma": 1.0, "vega": POINT, "theta": DAY, "rho": POINT},
    ),
    "quantlib": Preset(
        ("linear",),
        factors=dict.fromkeys(
            ("price", "delta", "gamma", "vega", "theta", "rho", "phi", "dual_delta"), 1.0
        ),
    ),
}  # fmt: skip


def preset_of(name: str, settlement: str, model: str, payoff: str) -> Preset:
    """Return the preset of that name, checked to fit settlement, model and payoff."""
    preset = PRESETS.get(name)
    if preset is None:
        known = ", ".join(repr(key) for key in PRESETS)
        raise ValueError(f"preset must be one of {known}, not {name!r}")
    if settlement not in preset.settlements:
        raise ValueError(f"{name} has no {settlement} options: its units are for linear ones")
    if model not in preset.models:
        raise ValueError(
            f"{name} has no units for the model {model!r}, whose vol is an amount of currency"
        )
    if payoff not in preset.payoffs:
        raise ValueError(
            f"{name} has no units for the payoff {payoff!r}: they are for vanilla ones"
        )
    return preset


def needed(preset: Preset, settlement: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the natural columns that restating these names reads."""
    rules = preset.rules.get(settlement, {})
    columns: dict[str, None] = {}
    for name in names:
        for column in rules[name][0] if name in rules else (name,):
            columns[column] = None
    return tuple(columns)


def restate(
    preset: Preset, settlement: str, names: tuple[str, ...], columns: Columns, inputs: Columns
) -> dict[str, Any]:
    """Return the named columns in the preset's units."""
    rules = preset.rules.get(settlement, {})
    restated: dict[str, Any] = {}
    for name in names:
        if name in rules:
            restated[name] = rules[name][1](columns, inputs)
        else:
            restated[name] = columns[name] * preset.factors[name]
    return restated


def shown(preset: Preset, settlement: str, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the names that the preset's system shows."""
    rules = preset.rules.get(settlement, {})
    return tuple(name for name in names if name in rules or name in preset.factors)
