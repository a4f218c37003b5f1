"""The closed forms of tools/accuracy/exact.py for the options of the oracle.

Where the terms of a Greek cancel, its error is measured against the sum of their absolute values. The formulas are
those of docs/conventions.md, so that a comparison with the oracle proves the page.
"""

from __future__ import annotations

import mpmath as m
from flint import arb

from accuracy import exact
from oracle import Option

BITS = 1600  # the wings cancel in d^2 / 1.4 bits


def mp(value: arb) -> m.mpf:
    """The same number in mpmath, to its working precision."""
    return m.mpf(value.mid().str(m.mp.dps, radius=False))


def terms(option: Option, settlement: str) -> dict[str, exact.Sum]:
    """Every Greek, with the sizes of its terms; the inputs are taken as doubles."""
    x, k, t, vol, r, q = (arb(float(value)) for value in option.arguments)
    carry = r if option.forward_form else q
    closed_form = exact.CLOSED_FORMS[option.model, option.payoff]
    with exact.precision(BITS):
        return closed_form(option.sign, x, k, t, vol, r, carry, option.forward_form).greeks(
            settlement
        )


def sizes_of(options: list[Option], settlement: str) -> list[dict[str, float]]:
    """The sum of the absolute values of the terms of each Greek that has terms of both signs, otherwise 0."""
    return [
        {name: float(term.size) if term.mixed else 0.0 for name, term in terms(o, settlement).items()}
        for o in options
    ]  # fmt: skip
