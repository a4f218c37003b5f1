"""SABR: Hagan's vol and the deltas that follow from it.

dF = alpha F^beta dW, d alpha = nu alpha dZ, correlation rho.  References: Hagan, Kumar, Lesniewski and Woodward, "Managing
smile risk" (2002), equation 2.17; Bartlett, "Hedging under SABR model" (2006).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hedgecore import pricing

FloatArray = npt.NDArray[np.float64]

_TINY = 1e-30
"""Of a complex step: f(x + i h) / h has the derivative as its imaginary part, to the last digits."""


def vol(
    strike: Any, *, forward: Any, expiry: Any, alpha: Any, beta: Any, nu: Any, rho: Any
) -> FloatArray:
    """Return Black's vol by Hagan's formula; the arguments broadcast.

    Parameters
    ----------
    strike, forward
        Positive, in the quote currency.
    expiry
        Years.
    alpha, beta, nu, rho
        alpha > 0, 0 <= beta <= 1 (crypto: 1 by convention), nu >= 0, abs(rho) < 1.

    Raises
    ------
    ValueError
        Naming the argument that is outside of these.
    """
    values = {
        name: np.asarray(value, np.float64)
        for name, value in {
            "strike": strike, "forward": forward, "expiry": expiry, "alpha": alpha,
            "beta": beta, "nu": nu, "rho": rho,
        }.items()
    }  # fmt: skip
    _check(values)
    result: FloatArray = _vol(**values)
    return result


def delta(
    kind: Any,
    strike: Any,
    *,
    forward: Any,
    expiry: Any,
    alpha: Any,
    beta: Any,
    nu: Any,
    rho: Any,
    dynamics: Literal["bartlett", "hagan"] = "bartlett",
) -> FloatArray:
    """Return the delta on the forward of a linear option, undiscounted, with the move of the smile in it.

    "hagan": alpha stays as the forward moves; "bartlett": alpha moves by its expectation given the forward's move,
    d alpha = rho nu / F^beta dF, which for beta = 1 is the delta of least variance (Keller-Ressel 2022).

    Parameters
    ----------
    kind
        "call" or "put", or +1 and -1.
    strike, forward, expiry, alpha, beta, nu, rho
        As for :func:`vol`.
    """
    if dynamics not in ("bartlett", "hagan"):
        raise ValueError(f"dynamics must be 'bartlett' or 'hagan', not {dynamics!r}")
    sigma = vol(
        strike, forward=forward, expiry=expiry, alpha=alpha, beta=beta, nu=nu, rho=rho
    )  # checks them
    forward, alpha = np.asarray(forward, np.float64), np.asarray(alpha, np.float64)
    follows = np.asarray(rho) * np.asarray(nu) / forward ** np.asarray(beta, np.float64)
    moves = follows if dynamics == "bartlett" else 0.0 * follows
    stepped = _vol(
        np.asarray(strike, np.float64), forward + 1j * _TINY, np.asarray(expiry, np.float64),
        alpha + 1j * _TINY * moves, np.asarray(beta, np.float64), np.asarray(nu, np.float64),
        np.asarray(rho, np.float64),
    )  # fmt: skip
    black = pricing.greeks(
        kind, strike=strike, expiry=expiry, vol=sigma, forward=forward, which=("delta", "vega")
    )
    return np.asarray(black["delta"] + black["vega"] * (stepped.imag / _TINY), np.float64)


def _check(values: dict[str, FloatArray]) -> None:
    def finite_and(name: str, good: Any, what: str) -> None:
        value = values[name]
        bad = ~(np.isfinite(value) & good)
        if bad.any():
            raise ValueError(f"{name} = {value[bad].ravel()[0]} must be {what}")

    for name in ("strike", "forward", "alpha"):
        finite_and(name, values[name] > 0, "positive and finite")
    for name in ("expiry", "nu"):
        finite_and(name, values[name] >= 0, "finite and not negative")
    finite_and("beta", (values["beta"] >= 0) & (values["beta"] <= 1), "between 0 and 1")
    finite_and("rho", np.abs(values["rho"]) < 1, "between -1 and 1")


def _vol(strike: Any, forward: Any, expiry: Any, alpha: Any, beta: Any, nu: Any, rho: Any) -> Any:
    """The formula, of real or complex forward and alpha."""
    rest = 1.0 - beta
    moneyness = np.log(forward / strike)
    middle = np.exp(0.5 * rest * np.log(forward * strike))  # (F K)^((1 - beta) / 2)
    square = (rest * moneyness) ** 2
    leading = alpha / (middle * (1.0 + square / 24.0 + square * square / 1920.0))
    z = nu / alpha * middle * moneyness
    # x(z, rho) = -x(-z, -rho): without cancellation on either side
    sign = np.where(z.real < 0, -1.0, 1.0)
    size, lean = sign * z, sign * rho
    root = np.sqrt(1.0 - 2.0 * lean * size + size * size)
    x = np.log1p((size * (size - 2.0 * lean) / (root + 1.0) + size) / (1.0 - lean))
    near = np.abs(z) < 1e-5  # the series to second order is exact there, and z = 0 has no ratio
    series = 1.0 - 0.5 * rho * z + (2.0 - 3.0 * rho * rho) / 12.0 * z * z
    ratio = np.where(near, series, size / np.where(near, 1.0, x))
    drift = (
        rest * rest / 24.0 * (alpha / middle) ** 2
        + 0.25 * rho * beta * nu * alpha / middle
        + (2.0 - 3.0 * rho * rho) / 24.0 * nu * nu
    )
    return leading * ratio * (1.0 + drift * expiry)
