"""Every Greek of a list of options beside the oracle, at every level of instruction sets."""

from __future__ import annotations

from collections.abc import Iterable

import mpmath as m
import numpy as np
import numpy.typing as npt

import oracle
from levels import AVAILABLE, run_at
from terms import mp, terms
from test_pricing_reference import bound, check


def columns_of(options: list[oracle.Option]) -> dict[str, npt.NDArray[np.float64]]:
    """The inputs as arrays, by the names of the oracle."""
    names = ("sign", "x", "strike", "expiry", "vol", "rate", "carry")
    return {name: np.array([float(getattr(o, name)) for o in options]) for name in names}


def compare_with_oracle(
    options: list[oracle.Option], settlement: str, levels: Iterable[str] = AVAILABLE
) -> None:
    """Hold every Greek to the contract. The options share model, payoff and form; forward forms are not discounted."""
    first = options[0]
    form = "forward=x" if first.forward_form else "spot=x, rate=rate, carry=carry"
    code = (
        f"result.update(hc.greeks(sign, strike=strike, expiry=expiry, vol=vol, {form}, which='all',"
        f" settlement={settlement!r}, model={first.model!r}, payoff={first.payoff!r}).to_dict())"
    )
    got = {level: run_at(level, code, **columns_of(options)) for level in levels}
    kappa = np.array([oracle.condition_number(option) for option in options])
    d = np.array([oracle.d1(option) for option in options])
    closed = [terms(option, settlement) for option in options]
    ids = [repr(option) for option in options]
    for name in closed[0]:
        exact = [oracle.greek(option, name, settlement) for option in options]
        with m.workdps(80):
            for greeks, value in zip(closed, exact, strict=True):  # the documented formula
                assert abs(mp(greeks[name].value) - value) <= 1e-25 * mp(greeks[name].size), name
        reference = np.array([float(value) for value in exact])
        sizes = np.array([float(greeks[name].size) for greeks in closed])
        limit = bound(name, reference, kappa, d, sizes)
        for level, columns in got.items():
            label = f"{first.model} {first.payoff} {settlement} {name} ({level})"
            check(label, columns[name], reference, limit, ids)
