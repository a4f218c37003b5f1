"""docs/accuracy.md: the tables and maps of what was measured."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Sequence
from itertools import groupby

import flint
import numpy as np

import hedgecore as hc
from accuracy.cases import LEAST, LEAST_DIGITS, LEAST_PRICE, SEED, VOL_ROUNDING, Array
from accuracy.measure import Mask, Measured, Output

NOTHING = "-"


def number(x: float) -> str:
    """Two digits; errors that have long vanished in a rounding are 0."""
    if x < 1e-20:
        return "0"
    return f"{x:.2g}" if x < 1e4 or not np.isfinite(x) else f"{x:.1e}"


def pair(errors: Array) -> str:
    """The largest and the 99th percentile."""
    if not errors.size:
        return NOTHING
    return f"{number(errors.max())} / {number(np.percentile(errors, 99, method='higher'))}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"| {' | '.join(padded)} |"

    return "\n".join([line(lines[0]), line(["-" * w for w in widths]), *map(line, lines[1:])])


def call(measured: Measured, i: int) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in measured.row(i).items())
    return f"`{arguments}`"


# --- sections -----------------------------------------------------------------------------------


def functions(results: list[Measured], levels: list[str]) -> str:
    rows = []
    for measured in results:
        (name, output), *_ = measured.outputs.items()
        bound = np.nanmax(output.bound / output.unit)
        for region, label in enumerate(measured.case.axes[0].labels):
            here = (measured.sample.regions[0] == region) & output.compared
            errors = (pair(output.ratio(output.unit, level)[here]) for level in levels)
            rows.append([name, label, str(here.sum()), *errors, number(bound)])
    return table(["function", "argument", "points", *levels, "bound"], rows)


def greek_names(results: list[Measured]) -> list[str]:
    return list(dict.fromkeys(name for measured in results for name in measured.outputs))


def by_case(results: list[Measured], per: str) -> str:
    """Greeks down, cases across: the largest error in units of the bound, or of what is allowed."""
    rows = []
    for name in greek_names(results):
        cells = []
        for measured in results:
            output = measured.outputs.get(name)
            if output is None:
                cells.append(NOTHING)
                continue
            worst = float(output.ratio(getattr(output, per)).max())
            cells.append(f"**{number(worst)}**" if worst > 1 else number(worst))
        rows.append([name, *cells])
    return table(["", *(measured.case.name for measured in results)], rows)


def by_level(results: list[Measured], levels: list[str]) -> str:
    rows = []
    for measured in results:
        outputs = measured.outputs.values()
        cells = (
            number(max(output.ratio(output.allowed, level).max() for output in outputs))
            for level in levels
        )
        compared = sum(int(output.compared.sum()) for output in outputs)
        points = len(measured.sample.regions[0])
        rows.append([measured.case.group, measured.case.name, str(points), str(compared), *cells])
    return table(["", "", "points", "results compared", *levels], rows)


def by_region(results: list[Measured], axis: int) -> str:
    """Greeks down, one axis of the regions across: worst and 99th percentile over all cases."""
    labels = results[0].case.axes[axis].labels
    rows = []
    for name in greek_names(results):
        cells = []
        for region in range(len(labels)):
            errors = [
                output.ratio(output.unit)[
                    output.compared & (measured.sample.regions[axis] == region)
                ]
                for measured in results
                if (output := measured.outputs.get(name))
            ]
            cells.append(pair(np.concatenate(errors)))
        rows.append([name, *cells])
    return table([results[0].case.axes[axis].title, *labels], rows)


def maps(measured: Measured, name: str, reached_only: bool) -> str:
    """One map for each side: total vol down, standard deviations from the money across."""
    output = measured.outputs[name]
    sides, totals, deviations = measured.case.axes
    side, row, column = measured.sample.regions
    text = []
    for s, label in enumerate(sides.labels):
        rows = []
        for r, total in enumerate(totals.labels):
            cells = []
            for c in range(len(deviations.labels)):
                here = (side == s) & (row == r) & (column == c)
                if reached_only:
                    cells.append(pair(output.error()[here & output.compared]))
                else:
                    cells.append(attainable_and_reached(output, here))
            rows.append([total, *cells])
        head = [f"{totals.title} \\ {deviations.title}", *deviations.labels]
        text.append(f"{label.capitalize()}:\n\n{table(head, rows)}")
    return "\n\n".join(text)


def attainable_and_reached(output: Output, here: Mask) -> str:
    priced = here & np.isfinite(output.unit)
    if not priced.any():
        return NOTHING
    attainable = float(np.median(output.unit[priced])) - VOL_ROUNDING
    errors = output.error()[here & output.compared]
    left = "none" if attainable >= 1 else f"{max(attainable, 0.0):.0e}"
    return f"{left} / {f'{errors.max():.0e}' if errors.size else NOTHING}"


def implied_contract(results: list[Measured]) -> str:
    rows = []
    for measured in results:
        output = measured.outputs["vol"]
        for side, label in enumerate(measured.case.axes[0].labels):
            here = (measured.sample.regions[0] == side) & output.compared
            by = (pair(output.ratio(per)[here]) for per in (output.bound, output.allowed))
            rows.append([measured.case.name, label, str(here.sum()), *by])
    header = ["", "side", "compared", "of 6 (a + 2e-16)", "of what is allowed"]
    return table(header, rows)


def beyond(results: list[Measured]) -> str:
    """Where the contract is exceeded: how often, by how much, and at what input."""
    rows = []
    for measured in results:
        for name, output in measured.outputs.items():
            ratio = output.ratio(output.bound)
            over = int((ratio > 1).sum())
            if not over:
                continue
            worst = int(np.argmax(ratio))
            share = f"{over} of {output.compared.sum()}"
            allowed = number(output.ratio(output.allowed)[worst])
            rows.append(
                [measured.case.name, name, share, number(ratio[worst]), allowed, call(measured, worst)]
            )  # fmt: skip
    if not rows:
        return "Nowhere."
    header = ["", "result", "rows beyond", "times the bound", "of what is allowed", "at"]
    return table(header, rows)


def worst_inputs(results: list[Measured]) -> str:
    rows = []
    for name in greek_names(results):
        found = []
        for measured in results:
            output = measured.outputs.get(name)
            if output is None:
                continue
            ratio = output.ratio(output.allowed)
            worst = int(np.argmax(ratio))
            found.append((float(ratio[worst]), measured, worst))
        ratio_found, measured, worst = max(found, key=lambda item: item[0])
        case = f"{measured.case.group}: {measured.case.name}"
        rows.append([name, case, number(ratio_found), call(measured, worst)])
    return table(["result", "case", "of what is allowed", "at"], rows)


# --- the document -------------------------------------------------------------------------------


def greek_section(results: list[Measured]) -> str:
    return f"""\
### The contract

The largest error in units of the bound; above 1 in bold.

{by_case(results, "bound")}

The largest error in units of what is allowed:

{by_case(results, "allowed")}

### Beyond the contract

{beyond(results)}

### By region

A finer measure than the contract: the error in half-ulps of the sum of the absolute values of the terms, over
kappa + 1 for the price and kappa + 1 + d1^2 + (1 + abs(d1)) c for Greeks; 1e-12 plays no part in it. All cases
together.

By {results[0].case.axes[1].title}:

{by_region(results, 1)}

By standard deviations from the money:

{by_region(results, 2)}

### Maps of the relative error of the price

Case: {results[0].case.name}. The inputs carry kappa half-ulps (1.1e-16) themselves.

{maps(results[0], "price", True)}"""


def implied_section(results: list[Measured]) -> str:
    return f"""\
### The contract

Compared where half an ulp of the inputs leaves at least three digits of the vol (a relative change below
{LEAST_DIGITS:g}). In the spot form the contract counts the price alone, while the discounted legs and their moneyness
are rounded too: this is where it is exceeded.

{implied_contract(results)}

### Attainable and reached

Case: {results[0].case.name}; relative to the vol. The first number is the median of what half an ulp of the price
carries (2^-53 price / (vol vega); the price of an in-the-money option is mostly intrinsic value, whose rounding is in
it), "none" where it is the vol itself; the second the largest error of the vols compared. A vol is itself rounded to
1.1e-16.

{maps(results[0], "vol", False)}"""


def section(group: str, results: list[Measured], levels: list[str]) -> str:
    """A group holds functions, or prices with Greeks, or implied vols: what it returns tells."""
    if len(results[0].case.axes) == 1:
        text = f"Errors in ulp.\n\n{functions(results, levels)}"
    elif set(results[0].outputs) == {"vol"}:
        text = implied_section(results)
    else:
        text = greek_section(results)
    return f"## {group[0].upper()}{group[1:]}\n\n{text}"


def write(results: list[Measured], levels: list[str], per_cell: int) -> str:
    """The whole document; it holds no date, so that two versions differ where results do."""
    groups = groupby(results, lambda item: item.case.group)
    sections = "\n\n".join(section(group, list(found), levels) for group, found in groups)
    config = hc.build_config()
    points = sum(len(measured.sample.regions[0]) for measured in results)
    compared = sum(int(o.compared.sum()) for measured in results for o in measured.outputs.values())
    broken = [line for measured in results for line in measured.violations()]
    violations = "None." if not broken else "\n".join(f"- {line}" for line in broken)
    return f"""\
# Accuracy

Made by `make accuracy` (`N={per_cell}`, seed {SEED}); not edited by hand. How the numbers come about is in
[numerics.md](numerics.md).

| | |
| --- | --- |
| hedgecore | {config["version"]}, {config["compiler"]} |
| levels | {", ".join(levels)} |
| processor family | {platform.machine()} |
| exact values | python-flint {flint.__version__} (FLINT {flint.__FLINT_VERSION__}), balls proven to 50 digits or more |
| numpy | {np.__version__} |
| points | {points:,} |
| results compared at each level | {compared:,} |

## What is measured

The exact value is that of the doubles given, no rounding of an input being excused. An error is that of the worst level
unless a level is named. "a / b" in a table is the largest error and the 99th percentile.

- **Vector functions**: {20 * per_cell:,} points in each interval, errors in units in the last place of the exact value.
- **Options**: {per_cell} points in every cell of side (in or out of the money) x total vol s = vol sqrt(T) x standard
  deviations from the money, |ln(F / K)| / s; cells beyond |ln(F / K)| = 600 are empty. Vols from 0.1 % to 1000 %, expiries
  from a second to 50 years, calls and puts, underlyings from 0.01 to 200,000, rates and carries from -30 % to 30 %
  with a tenth of each zero; inputs are spread evenly in their logarithms, rates and deviations evenly. Compared are options whose
  out-of-the-money value is above {LEAST_PRICE:g} and whose amounts U N(w d1), B N(w d2), U n(d1) are above {LEAST:g}, and results above
  {LEAST:g}: below lies the underflow.
- **Digitals**: the same options, paying cash or the asset; the amounts are those of call and put, and U n(d1).
- **Bachelier's model**: likewise, with the total vol from 1e-9 to 1e6 times the size of the underlying, which with linear
  settlement has either sign or is 0 (a tenth), and deviations |F - K| / (vol sqrt(T)); the amounts are N(w d) and s n(d).
- **Implied vols**: the same options, priced exactly, the price rounded once; the exact vol is the one that this double has.

Bounds, with kappa the condition number of the price (linear, for both settlements), d1 being d in Bachelier's model, and a half-ulp
2^-53 of the value:

| result | the contract: bound | allowed beyond it |
| --- | --- | --- |
| price | 8 (kappa + 1) half-ulps | nothing |
| Greeks | 8 (kappa + 1 + d1^2) half-ulps, or 1e-12 of the sum of the absolute values of the terms where these have both signs | 8 (1 + abs(d1)) c half-ulps of the terms |
| implied vol | 6 (a + {VOL_ROUNDING:g}), a the relative change of the vol that half an ulp of the price makes | spot form: 6 times the change that half an ulp of every other input makes |

c is what cancels in d1: the sum of the absolute values of its terms ln(X / K) / s, (r - q) T / s and s / 2, less abs(d1).
It is 0 where they have one sign. It matters in the money at total vols in the tens, and in the spot form where
(r - q) T is hundreds of times s: there the rounding of the terms moves d1 by many half-ulps of d1. The price of an
in-the-money option hardly feels it, so that kappa does not cover it; its vega does. The tests assert the bound with
what is allowed beyond it. In Bachelier's model the terms of d are those of (X - K) + X (exp((r - q) T) - 1), over
vol sqrt(T): c is 0 in the forward form, and in the spot form large where growth takes the forward from far away next to the
strike.

Results that break what is allowed:

{violations}

## By level

The largest error in units of what is allowed.

{by_level(results, levels)}

{sections}

## Worst inputs

For each result the input of the largest error in units of what is allowed.

{worst_inputs(results)}

## Reproduce

`make accuracy` writes this file; `make accuracy N=1000` takes ten times the points. The points depend on the seed, on N and
on the name of the case alone. Cases, bounds and samplers: `tools/accuracy/cases.py`; closed forms:
`tools/accuracy/exact.py`, compared with numerical derivatives of the price by `tests/test_accuracy.py`, which also holds what is allowed
on fewer points.
"""
