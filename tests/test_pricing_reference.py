"""Prices and Greeks against 50-digit values: the shared reference files and fresh samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import hedgecore as hc
import oracle
from conftest import reference_rows
from levels import AVAILABLE, run_at
from terms import sizes_of

Array = npt.NDArray[np.float64]
HALF_ULP = 2.0**-53
LEAST = 1e-305  # below, values lose bits to underflow


def columns(rows: list[dict[str, str]], *names: str) -> list[Array]:
    return [np.array([float(row[name]) for row in rows]) for name in names]


def bound(name: str, reference: Array, kappa: Array, d1: Array, sizes: Array) -> Array:
    """The contract: half-ulps times the condition, or 1e-12 of the terms near a zero crossing."""
    condition = kappa + 1 if name == "price" else kappa + 1 + d1**2
    return np.maximum(8 * condition * HALF_ULP * np.abs(reference), 1e-12 * sizes)


def check(name: str, got: Array, reference: Array, limit: Array, ids: list[str]) -> None:
    comparable = (np.abs(reference) > LEAST) & np.isfinite(reference)
    error = np.abs(got - reference)
    worst = int(np.argmax(np.where(comparable, error / np.maximum(limit, 5e-324), 0)))
    assert np.all(np.isfinite(got)), name
    assert np.all((error <= limit) | ~comparable), (
        f"{name} of {ids[worst]}: {got[worst]!r} instead of {reference[worst]!r}, "
        f"{error[worst] / limit[worst]:.3g} times the bound"
    )


REFERENCE_NAMES = {name: "rho_q" if name == "phi" else name for name in oracle.LINEAR}


@pytest.mark.parametrize("level", AVAILABLE)
@pytest.mark.parametrize("file", ["bsm_greeks.csv", "black76_greeks.csv"])
def test_every_row_of_the_exact_files(shared: Path, file: str, level: str) -> None:
    rows = reference_rows(shared, file)
    spot_form = file.startswith("bsm")
    names = [name for name, column in REFERENCE_NAMES.items() if column in rows[0]]
    x, k, t, r, vol, kappa, d1 = columns(
        rows, "S" if spot_form else "F", "K", "T", "r", "sigma", "kappa", "d1"
    )
    q = columns(rows, "q")[0] if spot_form else r
    sign = np.array([1.0 if row["type"] == "call" else -1.0 for row in rows])
    form = "spot=x, rate=r, carry=q" if spot_form else "forward=x, discount=discount"
    got = run_at(
        level,
        f"result.update(hc.greeks(sign, strike=k, expiry=t, vol=vol, {form}, which={names!r}).to_dict())",
        sign=sign, x=x, k=k, t=t, r=r, q=q, vol=vol, discount=np.exp(-r * t),
    )  # fmt: skip
    options = [
        oracle.Option(int(w), *values, forward_form=not spot_form)
        for w, *values in zip(sign, x, k, t, vol, r, q, strict=True)
    ]
    sizes = sizes_of(options, "linear")
    for name in names:
        (reference,) = columns(rows, REFERENCE_NAMES[name])
        terms = np.array([size.get(name, 0.0) for size in sizes])
        limit = bound(name, reference, kappa, d1, terms)
        if not spot_form and name in ("theta", "charm", "color", "veta"):
            # The forward form is given the discount factor, whose own half-ulp moves the rate by half an ulp / T;
            # rate x (price, delta, gamma, vega) is a term of these Greeks.
            base = {"theta": "price", "charm": "delta", "color": "gamma", "veta": "vega"}[name]
            limit = limit + 4 * HALF_ULP / t * np.abs(columns(rows, base)[0])
        check(f"{name} ({level})", got[name], reference, limit, [row["id"] for row in rows])


def test_inverse_file(shared: Path) -> None:
    rows = reference_rows(shared, "inverse_option_greeks.csv")
    f, k, t, vol = columns(rows, "F", "K", "T", "sigma")
    g = hc.greeks([row["type"] for row in rows], strike=k, expiry=t, vol=vol, forward=f,
                  settlement="inverse", which="all")  # fmt: skip
    deribit = g.scaled("deribit")
    got = {
        "price_coin": g.price, "price_usd": g.price * f, "delta_bs": g.black_delta,
        "delta_premium_adjusted": g.delta, "dprice_coin_dF": g.delta / f,
        "d2price_coin_dF2": (g.gamma - g.delta / f) / f, "ddelta_pa_dF": g.gamma,
        "gamma_bs": g.black_gamma, "vega_usd_per_volpt": deribit.vega,
        "vega_coin_per_volpt": g.vega / 100, "theta_usd_per_day": g.theta * f / 365,
        "theta_usd_deribit_rule": deribit.theta, "theta_coin_per_day": g.theta / 365,
        "rho_usd_per_1pct": deribit.rho,
    }  # fmt: skip
    options = [
        oracle.Option(1 if row["type"] == "call" else -1, *values, forward_form=True)
        for row, *values in zip(rows, f, k, t, vol, strict=True)
    ]
    kappa = np.array([oracle.condition_number(option) for option in options])
    d1 = np.array([oracle.d1(option) for option in options])
    sizes = sizes_of(options, "inverse")
    terms = {"ddelta_pa_dF": np.array([size.get("gamma", 0.0) for size in sizes])}
    terms["d2price_coin_dF2"] = terms["ddelta_pa_dF"] / f + np.abs(g.delta) / f**2
    for name, values in got.items():
        (reference,) = columns(rows, name)
        limit = bound(name, reference, kappa, d1, terms.get(name, np.zeros(len(rows))))
        check(name, values, reference, limit, [row["id"] for row in rows])


def fresh_options(n: int, seed: int, forward_form: bool) -> list[oracle.Option]:
    """Options all over the domain: wings, seconds to expiry, vols of 0.1 % to 1000 %."""
    rng = np.random.default_rng(seed)
    made: list[oracle.Option] = []
    while len(made) < n:
        x = float(np.exp(rng.uniform(np.log(1e-2), np.log(2e5))))
        t = float(np.exp(rng.uniform(np.log(3e-8), np.log(5))))
        vol = float(np.exp(rng.uniform(np.log(1e-3), np.log(10))))
        k = x * float(np.exp(rng.uniform(-1, 1) * min(6.0, 30 * vol * np.sqrt(t))))
        r, q = (float(v) for v in rng.uniform(-0.2, 0.2, 2))
        option = oracle.Option(
            int(rng.choice([-1, 1])), x, k, t, vol, 0.0 if forward_form else r,
            0.0 if forward_form else q, forward_form,
        )  # fmt: skip
        if abs(oracle.d1(option)) < 14:  # 1e-43 of the price: within the digits of the oracle
            made.append(option)
    return made


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize("forward_form", [True, False])
def test_fresh_samples(settlement: str, forward_form: bool) -> None:
    options = fresh_options(40, 7 + forward_form, forward_form)
    x, k, t, vol, r, q = (
        np.array(v, float) for v in zip(*(o.arguments for o in options), strict=True)
    )
    form = {"forward": x} if forward_form else {"spot": x, "rate": r, "carry": q}
    g = hc.greeks([o.sign for o in options], strike=k, expiry=t, vol=vol, which="all",
                  settlement=settlement, **form)  # fmt: skip
    kappa = np.array([oracle.condition_number(option) for option in options])
    d1 = np.array([oracle.d1(option) for option in options])
    sizes = sizes_of(options, settlement)
    ids = [repr(option) for option in options]
    for name in g.names:
        reference = np.array([float(oracle.greek(option, name, settlement)) for option in options])
        terms = np.array([size.get(name, 0.0) for size in sizes])
        check(
            f"{settlement} {name}",
            g[name],
            reference,
            bound(name, reference, kappa, d1, terms),
            ids,
        )


def test_published_european_values(shared: Path) -> None:
    """Haug's tables (T in whole days of a 360-day year)."""
    measures = {"price": "price", "delta": "delta", "gamma": "gamma", "vega": "vega", "theta": "theta",
                "rho": "rho", "rho_q": "phi", "theta_per_day": "theta", "dual_delta": "dual_delta"}  # fmt: skip
    seen = 0
    for row in reference_rows(shared, "european_haug.csv"):
        name = measures.get(row["measure"])
        if name is None:
            continue
        expiry = round(float(row["t"]) * 360) / 360
        g = hc.greeks(row["type"], strike=float(row["strike"]), expiry=expiry, vol=float(row["sigma"]),
                      spot=float(row["spot"]), rate=float(row["r"]), carry=float(row["q"]), which=name)  # fmt: skip
        value = g[name] / 365 if row["measure"] == "theta_per_day" else g[name]
        assert value == pytest.approx(float(row["expected"]), abs=float(row["tol"])), row
        seen += 1
    assert seen >= 20


def test_py_vollib_values(shared: Path) -> None:
    for row in reference_rows(shared, "py_vollib_bs.csv"):
        g = hc.greeks(row["type"], strike=float(row["K"]), expiry=float(row["T"]), vol=float(row["sigma"]),
                      spot=float(row["S"]), rate=float(row["r"]), which=row["measure"])  # fmt: skip
        assert g[row["measure"]] == pytest.approx(float(row["expected"]), rel=1e-7, abs=1e-8), row
