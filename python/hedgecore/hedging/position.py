"""What is hedged, and with what."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, SupportsFloat

import numpy as np

from hedgecore._inputs import kinds
from hedgecore.hedging.schedule import Schedule
from hedgecore.pricing import price
from hedgecore.surface import Surface
from hedgecore.surface.dynamics import SkewStickiness

NO_SMILE: Final = (0.0,) * 14


def check(good: bool, name: str, value: Any, demand: str) -> None:
    """Raise an error that names the argument and its value, unless it is good."""
    if not good:
        raise ValueError(f"{name} = {value} must be {demand}")


def check_numbers(thing: Any) -> None:
    """Raise an error that names the field of a dataclass that its hint says to be a number, unless it is one."""
    for f in fields(thing):
        kinds, value = str(f.type).split(" | "), getattr(thing, f.name)
        if "float" not in kinds or type(value).__name__ in kinds or "Literal" in str(f.type):
            continue
        if not (value is None and "None" in kinds) and (
            np.ndim(value) or not isinstance(value, SupportsFloat)
        ):
            raise TypeError(f"{f.name} must be a number, not {value!r}")


@dataclass(frozen=True)
class Smile:
    """The vol of an option as that of a surface at its expiry, which goes with the price by a rule of stickiness.

    At time t it is smile(ln(K / F_0) - (1 - R) ln(F_t / F_0)), F = S exp(rate (T - t)): as
    :class:`hedgecore.surface.dynamics.SkewStickiness` moves books.  The smile is the one that the surface has for the option's expiry
    at the start; ageing, it keeps its vols.

    Parameters
    ----------
    surface
        Of SVI slices: models "svi", "svi_free", "essvi".
    stickiness
        The skew-stickiness ratio R: 1 strikes keep their vols, 0 moneyness does.
    """

    surface: Surface
    stickiness: float = 1.0

    def __post_init__(self) -> None:
        """Check what the core would not know."""
        if getattr(self.surface, "form", None) != "svi":
            raise ValueError(
                f"surface must be one of SVI slices (svi, svi_free, essvi), not {self.surface!r}"
            )
        check(math.isfinite(self.stickiness), "stickiness", self.stickiness, "finite")

    def row(self, expiry: float) -> tuple[float, ...]:
        """Return what the core needs: two slices, their weights, the expiry and the ratio."""
        base = self.surface.base
        return tuple(SkewStickiness({base: self.surface}, self.stickiness).smile(base, expiry))

    def vol(self, strike: float, expiry: float, forward: float) -> float:
        """Return the vol at the start."""
        return float(self.surface.vol_at(math.log(strike / forward), expiry))


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
        Of its Greeks and of its premium, per sqrt(year); a :class:`Smile`: that of a surface, going with the price; None: the root
        of the model's variance, path by path.
    quantity
        Positive when held, negative when sold.
    settlement
        "linear" (quote currency) or "inverse" (coin).
    premium
        Of one option, in the currency of its settlement; None: Black's value at the vol.
    schedule
        What it is at each step, in place of strike, vol, quantity and time to expiry, which stand for the whole where one number is
        needed; for every option or for none.  What such options earn is kept elsewhere: P&L is that of the hedge.
    """

    kind: Any = "call"
    strike: float
    expiry: float
    vol: float | Smile | None = None
    quantity: float = 1.0
    settlement: Literal["linear", "inverse"] = "linear"
    premium: float | None = None
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        """Check what the core would only know by number."""
        kinds(self.kind)
        check_numbers(self)
        check(0 < self.strike < math.inf, "strike", self.strike, "positive")
        check(0 < self.expiry < math.inf, "expiry", self.expiry, "positive")
        check(math.isfinite(self.quantity), "quantity", self.quantity, "finite")
        if self.vol is not None and not isinstance(self.vol, Smile):
            check(0 < self.vol < math.inf, "vol", self.vol, "positive")
        if self.settlement not in ("linear", "inverse"):
            raise ValueError(f"settlement must be 'linear' or 'inverse', not {self.settlement!r}")

    def first_vol(self, spot: float, rate: float) -> float:
        """Return the vol at the start; 0 where it is that of the paths."""
        if isinstance(self.vol, Smile):
            return self.vol.vol(self.strike, self.expiry, spot * math.exp(rate * self.expiry))
        return self.vol or 0.0


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Options, and what is held beside them at the start.

    Parameters
    ----------
    options
        One or more.
    holding
        Of the instrument that hedges, in its units: it is there at the start, at the price there and without costs.
    horizon
        Years to the last step; None: to the last expiry.  What is held when no option lives is still hedged, to the target.
    """

    options: Sequence[Option]
    holding: float = 0.0
    horizon: float | None = None

    def __post_init__(self) -> None:
        """Check what the core would only know by number."""
        if isinstance(self.options, Option):
            raise TypeError(f"options must be several, as [option], not {self.options!r}")
        check_numbers(self)
        if not self.options:
            raise ValueError("position has no options")
        for row, option in enumerate(self.options):
            if not isinstance(option, Option):
                raise TypeError(f"position[{row}] must be an Option, not {option!r}")
        check(math.isfinite(self.holding), "holding", self.holding, "finite")
        last = max(option.expiry for option in self.options)
        if self.horizon is not None and not last * (1 - 1e-9) <= self.horizon < math.inf:
            raise ValueError(
                f"horizon = {self.horizon} must be the last expiry, {last}, or later, and finite"
            )


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
        How many steps to the horizon, and the years of one.
    vol
        What laws that know one vol alone take: the mean of the options' vols by the size of their quantities, or that of the model.
    model_vol
        Whether vols are those of the paths.
    coin
        Whether amounts are coins.
    holding
        Of the instrument, at the start.
    """

    options: tuple[Option, ...]
    steps: int
    step: float
    vol: float
    model_vol: bool
    coin: bool
    holding: float = 0.0

    @classmethod
    def of(
        cls,
        position: Option | Sequence[Option] | Strip,
        steps: int,
        coin: bool | None,
        spot: float,
        rate: float,
    ) -> Position:
        """Check the options and the steps; the vol of the model is not known yet."""
        if isinstance(position, Option):
            position = (position,)
        if not isinstance(position, (Strip, Iterable)):
            raise TypeError(f"position must be an Option, several, or a Strip, not {position!r}")
        held = position if isinstance(position, Strip) else Strip(options=tuple(position))
        strip = tuple(held.options)
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
        horizon = held.horizon or max(option.expiry for option in strip)
        step = horizon / steps
        for row, option in enumerate(strip):
            place = option.expiry / step
            if abs(place - round(place)) > 1e-6 * max(1.0, place) or round(place) < 1:
                raise ValueError(
                    f"position[{row}]: expiry = {option.expiry} does not fall on one of {steps} steps to {horizon}"
                )
        first = min((o.schedule.first for o in strip if o.schedule is not None), default=0)
        # of schedules what is there first: what is bought later is not known then
        there = [o for o in strip if o.schedule is None or o.schedule.first == first]
        sizes = np.array([abs(option.quantity) for option in there])
        vol = (
            0.0
            if model_vol
            else float(
                np.average(
                    [option.first_vol(spot, rate) for option in there],
                    weights=sizes if sizes.any() else None,
                )
            )
        )
        inverse = settlement == "inverse" if coin is None else coin
        return cls(strip, steps, step, vol, model_vol, inverse, held.holding)

    @property
    def gamma_sign(self) -> int:
        """+1 where all quantities are held, -1 where all are sold, 0 otherwise."""
        signs = set[float]()
        for option in self.options:
            held = [option.quantity] if option.schedule is None else option.schedule.quantity
            signs |= set(np.sign(np.asarray(held, np.float64)).tolist()) - {0.0}
        return int(signs.pop()) if len(signs) == 1 else 0

    def rows(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return what the core needs: kind, strike, quantity, vol, step of expiry and smile."""
        rows = []
        for o in self.options:
            smile = o.vol.row(o.expiry) if isinstance(o.vol, Smile) else NO_SMILE
            vol = 0.0 if isinstance(o.vol, Smile) else o.vol or 0.0
            expiry = round(o.expiry / self.step)
            rows.append([kinds(o.kind), o.strike, o.quantity, vol, expiry, *smile])
        return np.array(rows, np.float64)

    def schedules(self) -> list[tuple[int, np.ndarray[Any, np.dtype[np.float64]]]]:
        """Return the schedules as the core has them; none where the options have none."""
        given = [option.schedule for option in self.options]
        if all(schedule is None for schedule in given):
            return []
        for row, schedule in enumerate(given):
            if schedule is None:
                raise ValueError(f"position[{row}]: schedule must be given, as others are")
        return [schedule.core() for schedule in given if schedule is not None]

    def initial_value(self, spot: float, rate: float) -> float:
        """Return what the position costs at the start, in the numeraire; premiums are converted there."""
        total = 0.0
        for option in self.options:
            if option.schedule is not None:
                continue
            if option.premium is None:
                value = float(
                    price(
                        kind=option.kind,
                        strike=option.strike,
                        expiry=option.expiry,
                        vol=option.first_vol(spot, rate) or self.vol,
                        spot=spot,
                        rate=rate,
                    )
                )
            else:
                value = option.premium * (spot if option.settlement == "inverse" else 1.0)
            total += option.quantity * value
        return total / spot if self.coin else total
