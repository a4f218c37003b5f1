"""Hedging simulations by the plain C interface: the numbers of Python to the bit, bad arguments, programs in C and C++."""

from __future__ import annotations

import ctypes as c
import math
import platform
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from builds import toolchain
from conftest import ROOT
from hedgecore import _core
from hedgecore import hedging as hg
from hedgecore.hedging.policies import Setting
from hedgecore.hedging.position import Position
from test_c_interface import INVALID_ARGUMENT, OK, Doubles, Execution, Structure, pointer, said

N, STEPS = 700, 60


class PathModel(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("kind", c.c_int),
        *((name, c.c_double) for name in (
            "spot", "drift", "vol", "v0", "kappa", "theta", "xi", "rho", "intensity", "jump_mean", "jump_std",
            "up_share", "up_rate", "down_rate",
        )),
        ("given", Doubles), ("given_paths", c.c_size_t), ("given_levels", c.c_size_t), ("given_first", c.c_uint64),
    )  # fmt: skip


class Options(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("n", c.c_size_t), ("kind", c.POINTER(c.c_int8)), ("strike", Doubles),
        ("expiry", Doubles), ("quantity", Doubles), ("vol", Doubles), ("premium", Doubles),
    )  # fmt: skip


class HedgeRun(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("seed", c.c_uint64), ("first_path", c.c_uint64), ("paths", c.c_size_t),
        ("steps", c.c_size_t), ("rate", c.c_double), ("coin", c.c_int),
    )  # fmt: skip


class Instrument(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("kind", c.c_int), ("funding", c.c_double), ("has_funding_level", c.c_int),
        ("funding_level", c.c_size_t), ("basis", c.c_double), ("maturity", c.c_double),
    )  # fmt: skip


class Policy(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("trigger", c.c_int), ("centre", c.c_int), ("width", c.c_int), ("every", c.c_size_t),
        *((name, c.c_double) for name in ("half_width", "up", "down", "inner")), ("by_ratio", c.c_int),
        *((name, c.c_double) for name in (
            "ratio", "target", "least_width", "risk_aversion", "cost", "fixed_cost", "vol", "vol_scale", "zakamouline",
            "decay", "power", "impact", "least_trade", "lot",
        )),
        *((name, c.c_size_t) for name in ("cool_down", "blackout", "move_window")),
        ("least_move", c.c_double), ("least_fall", c.c_double), ("in_money", c.c_int),
    )  # fmt: skip


class Costs(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("fee", c.c_double), ("half_spread", c.c_double), ("fixed", c.c_double),
        ("has_fixed_level", c.c_int), ("fixed_level", c.c_size_t),
        *((name, c.c_double) for name in ("impact", "root_impact", "fee_per_coin", "fee_cap", "least_fee")),
        ("keep_at_end", c.c_int), ("permanent", c.c_double),
    )  # fmt: skip


class Outage(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("kind", c.c_int), *((name, c.c_double) for name in ("rate", "mean", "move")),
        ("window", c.POINTER(c.c_uint64)), ("windows", c.c_size_t), ("discount", c.c_double), ("cost", c.c_double),
    )  # fmt: skip


class Orders(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("latency", Doubles), ("latencies", c.c_size_t), ("failure", c.c_double),
        ("first_late", c.c_int), *((name, c.c_size_t) for name in ("poll", "poll_phase", "block", "block_phase")),
        ("inclusion", Doubles), ("inclusions", c.c_size_t), ("settle_every", c.c_size_t), ("settle_size", c.c_double),
        ("outage", c.POINTER(Outage)), ("outages", c.c_size_t), ("leakage", c.c_int),
    )  # fmt: skip


class Outputs(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("ledgers", c.c_size_t), ("ledger", c.POINTER(Doubles)), ("sums", Doubles), ("unhedged", Doubles),
        ("lines", c.c_size_t), ("line", c.POINTER(Doubles)), ("price", Doubles),
    )  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Any:
    loaded = c.CDLL(_core.__file__)
    loaded.hc_last_error.restype = c.c_char_p
    return loaded


WORDS = {
    "trigger": ("deviation", "move", "interval"),
    "centre": ("shared", "zakamouline"),
    "width": ("fixed", "whalley_wilmott", "zakamouline", "fixed_and_proportional", "realised_vol", "smooth"),
}  # fmt: skip


def structure_of(library: Any, policy: hg.Policy, setting: Setting) -> Policy:
    """What Python hands to the core, in C's structure."""
    made = Policy()
    assert library.hc_hedge_policy_init(c.byref(made)) == OK
    made.inner = 1.0  # the core's own
    for name, value in policy.core(setting).items():
        if name in WORDS:
            setattr(made, name, WORDS[name].index(value))
        elif name == "hedge_ratio":
            made.vol_scale = value.get("vol_scale", 1.0)
        elif name == "size":
            made.half_width = value
        elif hasattr(made, name):
            setattr(made, name, value)
        else:
            assert name == "forecast_level", name
            assert value == -1
    return made


OPTIONS = [
    hg.Option(strike=100, expiry=0.2, vol=0.6, quantity=-1),
    hg.Option(kind="put", strike=90, expiry=0.1, vol=0.7, quantity=2),
]
COSTS = hg.Costs(fee=5e-4, half_spread=1e-4, fixed=0.01, impact=1e-3)
POLICIES: list[hg.Policy] = [
    hg.Clock(every=3), hg.DeltaBand(width=0.05, to=0.4), hg.AutoHedger(up=0.05, down=0.1, ratio=0.7),
    hg.PriceMove(threshold=0.03), hg.ScaledVol(vol_scale=1.1, width=0.02), hg.WhalleyWilmott(risk_aversion=0.5, cool_down=2),
    hg.Zakamouline(risk_aversion=0.5), hg.FixedAndProportional(risk_aversion=0.3, blackout=2),
    hg.RealisedVolBand(width=0.05, half_life=10), hg.NoHedge(),
]  # fmt: skip
HESTON = {"v0": 0.5, "kappa": 2.0, "theta": 0.36, "xi": 1.2, "rho": -0.4}
JUMPS = {"intensity": 12.0, "jump_mean": -0.04, "jump_std": 0.09}
KOU = {"intensity": 30.0, "up_share": 0.4, "up_rate": 15.0, "down_rate": 10.0}
MODELS: dict[str, tuple[int, Any, dict[str, float]]] = {
    "gbm": (0, hc.paths.GBM, {"vol": 0.6}),
    "merton": (1, hc.paths.Merton, {"vol": 0.5, **JUMPS}),
    "kou": (2, hc.paths.Kou, {"vol": 0.5, **KOU}),
    "heston": (3, hc.paths.Heston, HESTON),
    "bates": (4, hc.paths.Bates, {**HESTON, **JUMPS}),
}


def arrays(names: Iterable[str], shape: tuple[int, ...]) -> tuple[dict[str, Any], Any]:
    """Arrays by name, and the array of pointers to them."""
    made = {name: np.empty(shape) for name in names}
    return made, (Doubles * len(made))(*(pointer(a) for a in made.values()))


def in_c(library: Any, model: PathModel, **changes: Any) -> tuple[int, dict[str, Any]]:
    """The simulation as a C program would ask for it."""
    options, rate = changes.get("options", OPTIONS), changes.get("rate", 0.02)
    position = Position.of(options, STEPS, changes.get("coin"), 100.0, rate)
    if position.model_vol:
        position = replace(position, vol=math.sqrt(model.v0))
    setting = Setting(position, COSTS, rate)
    laws = (Policy * len(POLICIES))(*(structure_of(library, p, setting) for p in POLICIES))
    columns = {
        "kind": np.array([1 if o.kind == "call" else -1 for o in options], np.int8),
        **{name: np.array([float(getattr(o, name)) for o in options]) for name in ("strike", "expiry", "quantity")},
    }  # fmt: skip
    if not position.model_vol:
        columns["vol"] = np.array([o.vol for o in options])
    kinds = {"kind": c.c_int8}
    asked = Options(
        n=len(options), **{k: pointer(a, kinds.get(k, c.c_double)) for k, a in columns.items()}
    )
    kept, ledgers = arrays(hg.LEDGERS, (len(POLICIES), N))
    sums, unhedged = np.empty((len(POLICIES), len(hg.LEDGERS), 2)), np.empty(N)
    outputs = Outputs(
        ledgers=len(hg.LEDGERS), ledger=ledgers, sums=pointer(sums), unhedged=pointer(unhedged)
    )
    lines: dict[str, Any] = {}
    if changes.get("attribution"):
        lines, by_line = arrays(_core.hedge_lines, (N,))
        outputs.lines, outputs.line = len(lines), by_line
        lines["hedge"] = np.empty((len(POLICIES), N))
        outputs.price = pointer(lines["hedge"])
    run = HedgeRun(
        seed=7, first_path=3, paths=N, steps=STEPS, rate=rate, coin=int(bool(changes.get("coin")))
    )
    costs = changes.get("costs", COSTS)
    paid = Costs(**{name: getattr(costs, name) for name in ("fee", "half_spread", "fixed", "impact", "permanent")})  # fmt: skip
    status = library.hc_hedge_simulate(
        c.byref(model), c.byref(run), c.byref(asked), changes.get("instrument"), c.c_size_t(len(POLICIES)), laws, c.byref(paid),
        c.byref(changes.get("orders", Orders())), c.byref(outputs), c.byref(Execution(threads=changes.get("threads", 1))),
    )  # fmt: skip
    return status, {"ledgers": kept, "sums": sums, "unhedged": unhedged, "lines": lines}


def in_python(model: Any, **arguments: Any) -> hg.Run:
    given: dict[str, Any] = {"position": OPTIONS, "rate": 0.02, "costs": COSTS, **arguments}
    return hg.simulate(
        paths=model, policies=POLICIES, n_paths=N, steps=STEPS, seed=7, first_path=3, keep=hg.LEDGERS, **given
    )  # fmt: skip


def compare(got: dict[str, Any], run: hg.Run) -> None:
    assert got["unhedged"].tobytes() == run.unhedged.tobytes()
    for name in hg.LEDGERS:
        assert got["ledgers"][name].tobytes() == run.ledgers[name].tobytes(), name
    assert got["sums"].tobytes() == run.sums.tobytes()
    assert got["lines"].keys() == run.lines.keys()
    for name, line in run.lines.items():
        assert got["lines"][name].tobytes() == line.tobytes(), name


def latencies(shares: Any, **more: Any) -> Orders:
    """Orders that are late."""
    return Orders(latency=(c.c_double * len(shares))(*shares), latencies=len(shares), **more)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_simulations_are_those_of_python_to_the_bit(library: Any, name: str, threads: int) -> None:
    kind, model, values = MODELS[name]
    status, got = in_c(
        library, PathModel(kind=kind, spot=101.0, drift=0.1, **values), threads=threads
    )
    assert status == OK, said(library)
    compare(got, in_python(model(**values), spot=101.0, drift=0.1))


def test_vols_of_the_model_and_late_orders(library: Any) -> None:
    options = [hg.Option(strike=100, expiry=0.2, quantity=-1)]
    model = PathModel(kind=3, spot=100.0, **HESTON)
    orders = latencies([0.2, 0.5, 0.3], failure=0.2, leakage=1)
    status, got = in_c(library, model, options=options, orders=orders)
    assert status == OK, said(library)
    run = in_python(
        hc.paths.Heston(**HESTON), position=options,
        execution=hg.Execution(latency=[0.2, 0.5, 0.3], failure=0.2, leakage=True),
    )  # fmt: skip
    assert run.ledgers["failures"].any()
    assert run.ledgers["gamma_leakage"].any()
    compare(got, run)


def test_permanent_impact(library: Any) -> None:
    costs = replace(COSTS, permanent=0.2)
    model = PathModel(kind=1, spot=100.0, **MODELS["merton"][2])
    status, got = in_c(library, model, costs=costs)
    assert status == OK, said(library)
    run = in_python(hc.paths.Merton(**MODELS["merton"][2]), costs=costs)
    assert run.ledgers["permanent"].any()
    compare(got, run)
    status, _ = in_c(library, model, costs=costs, attribution=True)
    assert status != OK
    assert "permanent = 0.2 must be 0 with attribution" in said(library)


def test_attribution(library: Any) -> None:
    model = PathModel(kind=1, spot=100.0, **MODELS["merton"][2])
    status, got = in_c(library, model, attribution=True)
    assert status == OK, said(library)
    run = in_python(hc.paths.Merton(**MODELS["merton"][2]), attribution=True)
    assert run.lines["jumps"].any()
    compare(got, run)


def test_outages(library: Any) -> None:
    window = np.array([5, 9, 20, 21], np.uint64)
    outages = (Outage * 3)(
        Outage(kind=0, rate=20.0, mean=0.01, window=pointer(window, c.c_uint64), windows=2),
        Outage(kind=1, move=0.06, mean=0.02),
        Outage(kind=2, rate=5.0, mean=0.02, discount=0.03, cost=1e-3),
    )
    orders = latencies([0.5, 0.5], outage=outages, outages=3)
    status, got = in_c(library, PathModel(kind=0, spot=100.0, vol=0.6), orders=orders)
    assert status == OK, said(library)
    execution = hg.Execution(
        latency=[0.5, 0.5],
        outages=[
            hg.KeeperDown(rate=20.0, duration=0.01, windows=[(5, 9), (20, 21)]),
            hg.ChainHalt(move=0.06, duration=0.02),
            hg.Depeg(rate=5.0, duration=0.02, discount=0.03, cost=1e-3),
        ],
    )
    run = in_python(hc.paths.GBM(vol=0.6), execution=execution)
    assert all(share.any() for share in run.outages.values())
    assert run.ledgers["peg"].any()
    compare(got, run)
    for row, name, value, message in (
        (1, "kind", 3, "outages[1]: kind = 3 is none"),
        (2, "discount", 1.5, "outages[2]: discount = 1.5 must be from 0 to below 1"),
        (1, "move", 0.0, "outages[1]: an outage needs a rate, a move or windows"),
        (2, "size", 16, f"outages[2].size = 16 must be that of the first, {c.sizeof(Outage)}"),
    ):
        kept = getattr(outages[row], name)
        setattr(outages[row], name, value)
        status, _ = in_c(library, PathModel(kind=0, spot=100.0, vol=0.6), orders=orders)
        assert (status, said(library)) == (INVALID_ARGUMENT, message)
        setattr(outages[row], name, kept)
    outages[0].window = None
    status, _ = in_c(library, PathModel(kind=0, spot=100.0, vol=0.6), orders=orders)
    assert (status, said(library)) == (INVALID_ARGUMENT, "outages[0]: window must not be null")


def test_given_paths_with_a_level_as_funding(library: Any) -> None:
    rng = np.random.default_rng(3)
    spot = 100 * np.exp(np.cumsum(rng.normal(0, 0.03, (N, STEPS + 1)), axis=1))
    spot[:, 0] = 100
    funding = rng.normal(0.1, 0.3, spot.shape)
    given = np.stack([spot, funding])
    model = PathModel(kind=5, given=pointer(given), given_paths=N, given_levels=1, given_first=3)
    perpetual = Instrument(kind=2, funding=1.0, has_funding_level=1, funding_level=0)
    inverse: dict[str, Any] = {"coin": True, "rate": 0.0, "instrument": c.byref(perpetual)}
    status, got = in_c(library, model, **inverse)
    assert status == OK, said(library)
    run = in_python(
        hc.paths.Given(spot, {"funding": funding}, first_path=3), numeraire="coin", rate=0.0,
        instrument=hg.Perpetual(settlement="inverse", funding=1.0, funding_level="funding"),
    )  # fmt: skip
    compare(got, run)
    assert in_c(library, model, **{**inverse, "rate": 0.02})[0] == INVALID_ARGUMENT
    assert "rate" in said(library)
    perpetual.funding_level = 1
    assert in_c(library, model, **inverse)[0] == INVALID_ARGUMENT
    assert said(library) == "funding_level = 1 must be below the 1 levels that are given"
    given[0, 5, 0] = 99.0
    assert in_c(library, model)[0] == INVALID_ARGUMENT
    assert said(library) == "given paths must start at one price: path 0 at 100, path 5 at 99"


def test_bad_arguments(library: Any) -> None:
    gbm = {"kind": 0, "spot": 100.0, "vol": 0.6}
    for changes, message in (
        ({"kind": 9}, "hc_path_model.kind = 9 is none"),
        ({"vol": -1.0}, "vol"),
    ):
        assert in_c(library, PathModel(**{**gbm, **changes}))[0] == INVALID_ARGUMENT
        assert message in said(library)
    model = PathModel(**gbm)
    assert in_c(library, model, orders=latencies([0.5, 0.4]))[0] == INVALID_ARGUMENT
    assert "the sum of latency = 0.9" in said(library)
    assert in_c(library, model, orders=Orders(failure=1.5))[0] == INVALID_ARGUMENT
    assert "failure" in said(library)
    assert in_c(library, model, orders=Orders(first_late=2))[0] == INVALID_ARGUMENT
    assert "first_late = 2 must be 0 or 1" in said(library)
    null = library.hc_hedge_simulate(
        None, None, None, None, c.c_size_t(0), None, None, None, None, None
    )
    assert null == INVALID_ARGUMENT
    assert "must not be null" in said(library)
    run = HedgeRun(paths=1, steps=(1 << 64) - 1)
    options = Options(n=1, **{name: pointer(np.ones(1)) for name in ("strike", "expiry", "quantity")})  # fmt: skip
    options.kind = pointer(np.ones(1, np.int8), c.c_int8)
    too_long = library.hc_hedge_simulate(
        c.byref(model), c.byref(run), c.byref(options), None, c.c_size_t(0), None, None, None, None, None
    )  # fmt: skip
    assert too_long == INVALID_ARGUMENT
    assert said(library) == "steps = 18446744073709551615 must be at most 8589934591"
    policy = Policy()
    policy.size = 3
    assert library.hc_hedge_policy_init(c.byref(policy)) == INVALID_ARGUMENT


def test_an_older_policy_is_shorter(library: Any) -> None:
    """What follows is not the caller's: it is not written and means nothing."""
    policy = Policy()
    policy.size = Policy.least_fall.offset
    policy.least_fall = 0.25
    assert library.hc_hedge_policy_init(c.byref(policy)) == OK
    assert policy.least_fall == 0.25
    assert policy.every == 1
    assert policy.zakamouline == 4.76


@pytest.mark.parametrize(
    ("language", "call"), [("c", "hc_hedge_simulate"), ("cpp", "simulate_hedging")]
)
def test_programs_of_the_documentation(tmp_path: Path, language: str, call: str) -> None:
    """Compiled against the public headers alone, they print what Python says."""
    chain = toolchain("gcc", platform.machine())
    text = (ROOT / "docs" / "embedding.md").read_text()
    source = tmp_path / f"hedge.{language}"
    programs = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    source.write_text(next(program for program in programs if call in program))
    printed = chain.run(chain.program(f"hedge_in_{language}", source))
    run = hg.simulate(
        hg.Option(strike=100, expiry=30 / 365, vol=0.6, quantity=-1), hc.paths.GBM(vol=0.6),
        [hg.Clock(every=24), hg.DeltaBand(width=0.05)], n_paths=2000, steps=720, seed=1, costs=hg.Costs(fee=5e-4),
    )  # fmt: skip
    means = zip(run.mean("pnl"), run.mean("cost"), strict=True)
    assert printed == [f"mean {pnl:.4f} cost {cost:.4f}" for pnl, cost in means]
