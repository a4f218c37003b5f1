"""What is measured: one entry of ``CASES`` for each function, form and settlement.

A case says how its inputs are drawn, how the library is called, what the exact results are and
what error each may have.  A further closed form joins with one entry (and its exact values).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from flint import arb

from accuracy import exact

Array = npt.NDArray[np.float64]
Row = dict[str, float]

SEED = 20261122
HALF_ULP = 2.0**-53
#: Options are compared whose out-of-the-money value is larger.
LEAST_PRICE = 1e-300
#: Smaller results, and those made of smaller amounts of money, lose bits to underflow: not compared.
LEAST = 1e-305
#: Implied vols are compared where at least three digits of them are in the price.
LEAST_DIGITS = 1e-3
#: The rounding of an implied vol itself, relative; added to what the price carries.
VOL_ROUNDING = 2e-16


class Target(NamedTuple):
    """An exact result and, relative to it, the unit its errors are shown in and the largest allowed.

    The numerical contract is the bound; slack is what is allowed beyond it where the inputs carry
    less.  A bound of infinity promises nothing: the result is not compared.
    """

    value: arb
    unit: float
    bound: float
    slack: float = 0.0


class Axis(NamedTuple):
    """One axis of the maps: a heading, and a label for each region."""

    title: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """Arguments by name, and the region of each row along each axis of the case."""

    arguments: dict[str, Array]
    regions: tuple[npt.NDArray[np.intp], ...]


@dataclass(frozen=True)
class Case:
    """One entry: a group is a section of the document, its cases are columns or rows of its tables.

    ``exact`` gives the targets of one row by the names of the results; a result that it leaves out
    is not compared.
    """

    group: str
    name: str
    axes: tuple[Axis, ...]
    draw: Callable[[np.random.Generator, int], Sample]
    code: str  # sees the arguments by name, np, hc and core; leaves what it computes in ``result``
    exact: Callable[[Row], dict[str, Target]]

    def sample(self, per_cell: int) -> Sample:
        """The same points whatever other cases there are."""
        key = zlib.crc32(f"{self.group}: {self.name}".encode())
        return self.draw(np.random.default_rng([SEED, key]), per_cell)


# --- vector functions ---------------------------------------------------------------------------


def spread(rng: np.random.Generator, low: float, high: float, n: int) -> Array:
    """Magnitudes spread evenly over the exponents."""
    even = np.exp(rng.uniform(np.log(low), np.log(high), n))
    # moved off exp of a double, at which a logarithm would be a double almost exactly
    return np.clip(even * rng.uniform(1 - 1e-6, 1 + 1e-6, n), low, high)


#: Draws so many points, as one column for each argument.
Draw = Callable[[np.random.Generator, int], tuple[Array, ...]]


def _uniform(low: float, high: float) -> Draw:
    return lambda rng, n: (rng.uniform(low, high, n),)


def _magnitudes(low: float, high: float, center: float = 0.0, signs: Sequence[int] = (1,)) -> Draw:
    """The center plus magnitudes spread evenly over the exponents."""
    return lambda rng, n: (center + rng.choice(signs, n) * spread(rng, low, high, n),)


def _any_pair(rng: np.random.Generator, n: int) -> tuple[Array, ...]:
    return spread(rng, 1e-308, 1.7e308, n), spread(rng, 1e-308, 1.7e308, n)


def _close_pair(rng: np.random.Generator, n: int) -> tuple[Array, ...]:
    a = spread(rng, 0.5, 2, n)
    return a, a * (1 + rng.choice([-1, 1], n) * spread(rng, 1e-16, 0.9, n))


def _neighbours(rng: np.random.Generator, n: int) -> tuple[Array, ...]:
    a = spread(rng, 0.3, 3, n)
    return a, a + rng.choice([-1, 1], n) * rng.integers(1, 9, n) * np.spacing(a)


def _function(
    name: str, exact_value: Callable[..., arb], worst: float, regions: dict[str, Draw]
) -> Case:
    """A vector function; worst is the bound of its error in ulp."""
    names = "ab" if name == "log_ratio" else "x"

    def draw(rng: np.random.Generator, n: int) -> Sample:
        n *= 20  # regions are few here: more points for each
        parts = zip(*(region(rng, n) for region in regions.values()), strict=True)
        arguments = dict(zip(names, map(np.concatenate, parts), strict=True))
        return Sample(arguments, (np.arange(len(regions)).repeat(n),))

    def targets(row: Row) -> dict[str, Target]:
        value = exact.certified(lambda: {name: exact_value(*map(arb, row.values()))})[name]
        size = abs(float(value))
        ulp = float(np.spacing(size)) / size if size else 1.0
        return {name: Target(value, ulp, worst * ulp)}

    return Case(
        "vector functions", name, (Axis("argument", tuple(regions)),), draw,
        f"result[{name!r}] = core.{name}({', '.join(names)})", targets,
    )  # fmt: skip


#: With the largest error in ulp that each vector function may have (docs/numerics.md).
FUNCTIONS = [
    _function("exp", arb.exp, 0.75, {
        "-708 to -1": _uniform(-708, -1),
        "-1 to 1": _uniform(-1, 1),
        "±1e-300 to ±1": _magnitudes(1e-300, 1, signs=(-1, 1)),
        "1 to 709.7": _uniform(1, 709.7),
    }),
    _function("log", arb.log, 0.8, {
        "5e-324 to 2.2e-308": _magnitudes(5e-324, 2.2e-308),
        "2.2e-308 to 1/2": _magnitudes(2.2e-308, 0.5),
        "1/2 to 2": _uniform(0.5, 2),
        "1 ± 1e-15 to 1 ± 1/2": _magnitudes(1e-15, 0.5, 1.0, (-1, 1)),
        "2 to 1.7e308": _magnitudes(2, 1.7e308),
    }),
    _function("log_ratio", lambda a, b: (a / b).log(), 0.8, {
        "1e-308 to 1.7e308 both": _any_pair,
        "b = a (1 ± 1e-16 to 0.9)": _close_pair,
        "1 to 8 doubles apart": _neighbours,
    }),
    _function("normal_pdf", exact.normal_pdf, 2.4, {
        "±1e-300 to ±1": _magnitudes(1e-300, 1, signs=(-1, 1)),
        "-10 to 10": _uniform(-10, 10),
        "-37.5 to -10": _uniform(-37.5, -10),
        "10 to 37.5": _uniform(10, 37.5),
    }),
    _function("normal_cdf", exact.normal_cdf, 8.5, {
        "-37.5 to -10": _uniform(-37.5, -10),
        "-10 to -1": _uniform(-10, -1),
        "-1 to 1": _uniform(-1, 1),
        "-1 to -1e-300": _magnitudes(1e-300, 1, signs=(-1,)),
        "1 to 8.5": _uniform(1, 8.5),
    }),
    _function("normal_quantile", exact.normal_quantile, 2.7, {
        "5e-324 to 2.2e-308": _magnitudes(5e-324, 2.2e-308),
        "2.2e-308 to 0.01": _magnitudes(2.2e-308, 0.01),
        "0 to 1": _uniform(0, 1),
        "1/2 ± 1e-3": _uniform(0.499, 0.501),
        "0.6 to 1 - 1e-16": _magnitudes(1e-16, 0.4, 1.0, (-1,)),
    }),
]  # fmt: skip


# --- options ------------------------------------------------------------------------------------

TOTAL_VOLS = (1.8e-7, 1e-5, 1e-3, 0.01, 0.1, 1.0, 5.0, 20.0, 70.0)
DEVIATIONS = (0.0, 0.0, 0.1, 1.0, 3.0, 6.0, 12.0, 24.0, 37.0)  # the first region is 0 itself
OPTION_AXES = (
    Axis("side", ("out of the money", "in the money")),
    Axis(
        "total vol",
        tuple(f"{a:g} to {b:g}" for a, b in pairwise(TOTAL_VOLS)),
    ),
    Axis(
        "deviations",
        ("0", *(f"{a:g} to {b:g}" for a, b in pairwise(DEVIATIONS[1:]))),
    ),
)
SECOND, DECADES = 1 / 31_536_000, 50.0
LEAST_VOL, LARGEST_VOL = 1e-3, 10.0
LARGEST_LOG_MONEYNESS = 600.0
FORMS = {
    "forward": "forward=x",
    "discounted forward": "forward=x, discount=discount",
    "spot": "spot=x, rate=rate, carry=carry",
}


Sampler = Callable[[np.random.Generator, int], Sample]


def _add_rates(arguments: dict[str, Array], form: str, rng: np.random.Generator) -> Array:
    """Rates and carries, or the discount, as the form has them; (r - q) T."""
    expiry = arguments["expiry"]
    count = len(expiry)
    rate, carry = (
        np.where(rng.random(count) < 0.1, 0.0, rng.uniform(-0.3, 0.3, count)) for _ in range(2)
    )
    if form == "spot":
        arguments |= {"rate": rate, "carry": carry}
        return (rate - carry) * expiry
    if form == "discounted forward":
        arguments["discount"] = np.exp(-rate * expiry)
    return np.zeros(count)


def _options(form: str) -> Sampler:
    """n options in every region of side, total vol and standard deviations from the money."""

    def draw(rng: np.random.Generator, n: int) -> Sample:
        sides, rows, columns = (axis.labels for axis in OPTION_AXES)
        regions = np.indices((len(sides), len(rows), len(columns))).reshape(3, -1).repeat(n, axis=1)
        low_s, high_s = np.array(TOTAL_VOLS)[regions[1]], np.array(TOTAL_VOLS)[regions[1] + 1]
        low_h, high_h = np.array(DEVIATIONS)[regions[2]], np.array(DEVIATIONS)[regions[2] + 1]
        # where ln(F / K) would leave the domain a region is cut, and left out if nothing remains
        high_s = np.where(
            low_h > 0, np.minimum(high_s, LARGEST_LOG_MONEYNESS / np.maximum(low_h, 1)), high_s
        )
        inside = low_s < high_s
        regions, (low_s, high_s, low_h, high_h) = (
            regions[:, inside],
            (v[inside] for v in (low_s, high_s, low_h, high_h)),
        )
        count = len(low_s)
        s = np.exp(rng.uniform(np.log(low_s), np.log(high_s)))
        h = rng.uniform(low_h, np.minimum(high_h, LARGEST_LOG_MONEYNESS / s))
        vol = np.exp(
            rng.uniform(
                np.log(np.maximum(LEAST_VOL, s / np.sqrt(DECADES))),
                np.log(np.minimum(LARGEST_VOL, s / np.sqrt(SECOND))),
            )
        )
        expiry = (s / vol) ** 2
        kind = rng.choice([-1.0, 1.0], count)
        x = spread(rng, 1e-2, 2e5, count)
        lead = kind * np.where(regions[0] == 0, -1, 1) * h * s  # ln(F / K)
        arguments = {"kind": kind, "x": x, "expiry": expiry, "vol": vol}
        growth = _add_rates(arguments, form, rng)
        arguments["strike"] = x * np.exp(growth - lead)
        return Sample(arguments, tuple(regions))

    return draw


#: Total vols of Bachelier's model, by the size of the underlying.
RELATIVE_VOLS = (1e-9, 1e-6, 1e-3, 0.01, 0.1, 1.0, 10.0, 1e3, 1e6)
NORMAL_AXES = (
    OPTION_AXES[0],
    Axis("total vol / underlying", tuple(f"{a:g} to {b:g}" for a, b in pairwise(RELATIVE_VOLS))),
    OPTION_AXES[2],
)


def _normal_options(form: str, settlement: str) -> Sampler:
    """The same for Bachelier's model; with linear settlement the underlying has either sign, or is 0."""

    def draw(rng: np.random.Generator, n: int) -> Sample:
        shape = tuple(len(axis.labels) for axis in NORMAL_AXES)
        regions = np.indices(shape).reshape(3, -1).repeat(n, axis=1)
        side, row, column = regions
        count = len(side)
        totals, deviations = np.log(RELATIVE_VOLS), np.array(DEVIATIONS)
        size = spread(rng, 1e-2, 2e5, count)
        total = size * np.exp(rng.uniform(totals[row], totals[row + 1]))
        distance = rng.uniform(deviations[column], deviations[column + 1]) * total
        expiry = spread(rng, SECOND, DECADES, count)
        kind = rng.choice([-1.0, 1.0], count)
        sign = rng.choice([-1.0, 0.0, 1.0], count, p=[0.45, 0.1, 0.45])
        x = size if settlement == "inverse" else size * sign
        arguments = {"kind": kind, "x": x, "expiry": expiry, "vol": total / np.sqrt(expiry)}
        growth = _add_rates(arguments, form, rng)
        arguments["strike"] = x * np.exp(growth) + kind * np.where(side == 0, 1, -1) * distance
        return Sample(arguments, tuple(regions))

    return draw


def option_targets(option: Callable[[], exact.ClosedForm], settlement: str) -> dict[str, Target]:
    """Price and Greeks of one option under the contract of docs/numerics.md.

    Where the terms of d1 (ln(X / K) / s, rates x expiry / s, s / 2) cancel, their rounding is
    larger than that of d1, by which N(d1) and n(d1) change; the slack is that, in the same way.
    """
    terms: dict[str, exact.Sum] = {}

    def compute() -> dict[str, arb]:
        o = option()
        terms.update(o.greeks(settlement))
        return {name: term.value for name, term in terms.items()} | {
            "time value": o.out_of_money.value,
            "least amount": min(*o.parts, o.density),
            "kappa": o.condition,
            "d1": o.d1.value,
            "terms of d1": o.d1.size,
        }

    values = exact.certified(compute)
    if not (values["time value"] > LEAST_PRICE and values["least amount"] > LEAST):
        return {}
    kappa, d1 = float(values["kappa"]), abs(float(values["d1"]))
    cancelled = (1 + d1) * (float(values["terms of d1"]) - d1)
    targets = {}
    for name, term in terms.items():
        if not LEAST < abs(term.value) < 1e300:
            continue
        sizes = float(term.size / abs(term.value))
        condition, more = (kappa + 1, 0.0) if name == "price" else (kappa + 1 + d1**2, cancelled)
        bound = 8 * condition * HALF_ULP
        if term.mixed:
            bound = max(bound, 1e-12 * sizes)
        unit = (condition + more) * HALF_ULP * sizes
        slack = 8 * more * HALF_ULP * sizes
        targets[name] = Target(term.value, unit, bound, slack)
    return targets


@dataclass(frozen=True)
class Contract:
    """A model and a payoff: as they are called, drawn and computed."""

    model: str = "black"
    payoff: str = "vanilla"

    @property
    def closed_form(self) -> type[exact.ClosedForm]:
        return exact.CLOSED_FORMS[self.model, self.payoff]

    @property
    def axes(self) -> tuple[Axis, ...]:
        return NORMAL_AXES if self.model == "bachelier" else OPTION_AXES

    def draw(self, form: str, settlement: str) -> Sampler:
        return _normal_options(form, settlement) if self.model == "bachelier" else _options(form)

    def call(self, function: str, given: str, form: str, settlement: str) -> str:
        return (
            f"hc.{function}({given}, strike=strike, expiry=expiry, {FORMS[form]},"
            f" settlement={settlement!r}, model={self.model!r}"
        )


def greeks_case(group: str, contract: Contract, form: str, settlement: str) -> Case:
    call = contract.call("greeks", "kind, vol=vol, which='all'", form, settlement)
    return Case(
        group, f"{settlement}, {form}", contract.axes, contract.draw(form, settlement),
        f"result.update({call}, payoff={contract.payoff!r}).to_dict())",
        lambda row: option_targets(lambda: contract.closed_form.of(row), settlement),
    )  # fmt: skip


# --- implied vol --------------------------------------------------------------------------------


def _priced(contract: Contract, form: str, settlement: str) -> Sampler:
    """Options with their price rounded to a double, as the quote to imply the vol from."""

    def draw(rng: np.random.Generator, n: int) -> Sample:
        sample = contract.draw(form, settlement)(rng, n)
        names = list(sample.arguments)
        prices = []
        for values in zip(*sample.arguments.values(), strict=True):
            option_row = dict(zip(names, map(float, values), strict=True))
            with exact.precision(256):
                option = contract.closed_form.of(option_row)
                value = option.value / option.x if settlement == "inverse" else option.value
                prices.append(float(value.mid()))
        return Sample(sample.arguments | {"price": np.array(prices)}, sample.regions)

    return draw


def vol_targets(contract: Contract, row: Row, settlement: str) -> dict[str, Target]:
    """The vol that the price given implies, under the contract of docs/numerics.md.

    The unit is the relative change of the vol that half an ulp of the price makes, plus the
    rounding of the vol; the slack, in the spot form, what half an ulp of the other inputs makes.
    Where half an ulp of the price leaves less than three digits nothing is promised.
    """
    with exact.precision(256):
        option = contract.closed_form.of(row)
        if not option.out_of_money.value > LEAST_PRICE or not row["price"] > LEAST_PRICE:
            return {}
        price = arb(row["price"]) * (option.x if settlement == "inverse" else 1)
        by_vol = option.density * option.total_vol  # vol x vega
        attainable = HALF_ULP * float(price / by_vol)
        others = 0.0
        if not option.forward_form:
            others = HALF_ULP * float((option.condition * option.value - by_vol) / by_vol)
        unit = attainable + VOL_ROUNDING
        if not attainable + others < LEAST_DIGITS:
            return {"vol": Target(option.vol, unit, np.inf)}
        return {"vol": Target(exact.implied(option, price), unit, 6 * unit, 6 * others)}


def implied_case(group: str, contract: Contract, form: str, settlement: str) -> Case:
    call = contract.call("implied_vol", "price, kind", form, settlement)
    return Case(
        group, f"{settlement}, {form}", contract.axes, _priced(contract, form, settlement),
        f"result['vol'] = {call})",
        lambda row: vol_targets(contract, row, settlement),
    )  # fmt: skip


#: Sections of docs/accuracy.md, in order.
GROUPS = {
    "prices and Greeks": (greeks_case, Contract()),
    "implied vols": (implied_case, Contract()),
    "cash-or-nothing digitals": (greeks_case, Contract(payoff="cash_or_nothing")),
    "asset-or-nothing digitals": (greeks_case, Contract(payoff="asset_or_nothing")),
    "Bachelier: prices and Greeks": (greeks_case, Contract(model="bachelier")),
    "Bachelier: implied vols": (implied_case, Contract(model="bachelier")),
}

CASES: list[Case] = [
    *FUNCTIONS,
    *(make(group, contract, form, settlement) for group, (make, contract) in GROUPS.items()
      for settlement in ("linear", "inverse") for form in FORMS),
]  # fmt: skip
