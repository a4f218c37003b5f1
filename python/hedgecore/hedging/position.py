"""What is hedged, and with what."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hedgecore._inputs import kinds
from hedgecore.pricing import price


def check(good: bool, name: str, value: Any, demand: str) -> None:
    """Raise an error that names the argument and its value, unless it is good."""
    if not good:
        raise ValueError(f"{name} = {value} must be {demand}")


@dataclass(frozen=True, kw_only=True)
class Option:
    """A European option on the price, held to its expiry.

    Parameters
    ----------
    kind
        "call" or "put", as everywhere.
    strike
        In the quote currency.
    expiry
        Years from the start.
    vol
        Of its Greeks and of its premium, per sqrt(year); None: the root of the model's variance, path by path.
    quantity
        Positive when held, negative when sold.
    settlement
        "linear" (quote currency) or "inverse" (coin).
    premium
        Of one option, in the currency of its settlement; None: Black's value at the vol.
    """

    kind: Any = "call"
    strike: float
    expiry: float
    vol: float | None = None
    quantity: float = 1.0
    settlement: Literal["linear", "inverse"] = "linear"
    premium: float | None = None

    def __post_init__(self) -> None:
        """Check what the core would only know by number."""
        kinds(self.kind)
        check(0 < self.strike < math.inf, "strike", self.strike, "positive")
        check(0 < self.expiry < math.inf, "expiry", self.expiry, "positive")
        check(math.isfinite(self.quantity), "quantity", self.quantity, "finite")
        if self.vol is not None:
            check(0 < self.vol < math.inf, "vol", self.vol, "positive")
        if self.settlement not in ("linear", "inverse"):
            raise ValueError(f"settlement must be 'linear' or 'inverse', not {self.settlement!r}")


@dataclass(frozen=True)
class Spot:
    """The coin itself, bought with and sold for cash that earns the rate."""

    def core(self, names: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002
        """Return what the core needs."""
        return _instrument("spot")


@dataclass(frozen=True, kw_only=True)
class Perpetual:
    """A perpetual at the price of the coin.

    Parameters
    ----------
    settlement
        "linear": its size is coins, its P&L the quote currency.  "inverse": its size is USD, its P&L coins.
    funding
        Per year, paid by longs to shorts, as a share of the notional; the factor of the level where there is one.
    funding_level
        The level of the paths that is the funding rate: of a rate per 8 hours ``funding`` is 3 * 365.
    """

    settlement: Literal["linear", "inverse"] = "linear"
    funding: float = 0.0
    funding_level: str | None = None

    def core(self, names: Sequence[str]) -> dict[str, Any]:
        """Return what the core needs."""
        if self.settlement not in ("linear", "inverse"):
            raise ValueError(f"settlement must be 'linear' or 'inverse', not {self.settlement!r}")
        return _instrument(
            f"{self.settlement}_perpetual",
            funding=self.funding,
            funding_level=level_index(self.funding_level, names, "funding_level"),
        )


@dataclass(frozen=True, kw_only=True)
class Future:
    """A linear future: its price is S exp(basis (maturity - t)), its size is coins.

    Parameters
    ----------
    maturity
        Years from the start, at the last expiry of the position or later.
    basis
        Per year, constant.
    """

    maturity: float
    basis: float = 0.0

    def core(self, names: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002
        """Return what the core needs."""
        return _instrument("dated_future", basis=self.basis, maturity=self.maturity)


Instrument = Spot | Perpetual | Future


def _instrument(kind: str, **values: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "funding": 0.0,
        "funding_level": -1,
        "basis": 0.0,
        "maturity": 0.0,
        **values,
    }


def level_index(name: str | None, names: Sequence[str], argument: str) -> int:
    """Return the place of a level among those of the paths, -1 for None."""
    if name is None:
        return -1
    if name not in names:
        raise ValueError(
            f"{argument}: {name!r} is no level of the paths ({', '.join(names) or 'they have none'})"
        )
    return list(names).index(name)


@dataclass(frozen=True)
class Position:
    """The options of a simulation, put on its steps.

    Attributes
    ----------
    options
        In the order given.
    steps, step
        How many steps to the last expiry, and the years of one.
    vol
        What laws that know one vol alone take: the mean of the options' vols by the size of their quantities, or that of the model.
    model_vol
        Whether vols are those of the paths.
    coin
        Whether amounts are coins.
    """

    options: tuple[Option, ...]
    steps: int
    step: float
    vol: float
    model_vol: bool
    coin: bool

    @classmethod
    def of(cls, options: Option | Sequence[Option], steps: int, coin: bool | None) -> Position:
        """Check the options and the steps; the vol of the model is not known yet."""
        strip = (options,) if isinstance(options, Option) else tuple(options)
        if not strip:
            raise ValueError("position has no options")
        for row, option in enumerate(strip):
            if not isinstance(option, Option):
                raise TypeError(f"position[{row}] must be an Option, not {option!r}")
        model_vol = strip[0].vol is None
        settlement = strip[0].settlement
        for row, option in enumerate(strip):
            if (option.vol is None) != model_vol:
                raise ValueError(
                    f"position[{row}]: vol = {option.vol}, but position[0]: vol = {strip[0].vol}: either all are given or none"
                )
            if coin is None and option.settlement != settlement:
                raise ValueError(
                    f"position[{row}] is {option.settlement}, position[0] is {settlement}: say the numeraire"
                )
        horizon = max(option.expiry for option in strip)
        step = horizon / steps
        for row, option in enumerate(strip):
            place = option.expiry / step
            if abs(place - round(place)) > 1e-6 * max(1.0, place) or round(place) < 1:
                raise ValueError(
                    f"position[{row}]: expiry = {option.expiry} does not fall on one of {steps} steps to the last expiry {horizon}"
                )
        sizes = np.array([abs(option.quantity) for option in strip])
        vol = (
            0.0
            if model_vol
            else float(
                np.average(
                    [option.vol or 0.0 for option in strip],
                    weights=sizes if sizes.any() else None,
                )
            )
        )
        return cls(
            strip, steps, step, vol, model_vol, settlement == "inverse" if coin is None else coin
        )

    @property
    def gamma_sign(self) -> int:
        """+1 where all quantities are held, -1 where all are sold, 0 otherwise."""
        signs = {np.sign(option.quantity) for option in self.options if option.quantity}
        return int(signs.pop()) if len(signs) == 1 else 0

    def rows(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return what the core needs: kind, strike, quantity, vol and step of expiry."""
        return np.array(
            [
                [kinds(o.kind), o.strike, o.quantity, o.vol or 0.0, round(o.expiry / self.step)]
                for o in self.options
            ],
            np.float64,
        )

    def initial_value(self, spot: float, rate: float) -> float:
        """Return what the position costs at the start, in the numeraire; premiums are converted there."""
        total = 0.0
        for option in self.options:
            if option.premium is None:
                value = float(
                    price(
                        kind=option.kind,
                        strike=option.strike,
                        expiry=option.expiry,
                        vol=option.vol or self.vol,
                        spot=spot,
                        rate=rate,
                    )
                )
            else:
                value = option.premium * (spot if option.settlement == "inverse" else 1.0)
            total += option.quantity * value
        return total / spot if self.coin else total
