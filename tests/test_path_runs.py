"""Runs of paths: the same bits for any threads, blocks, shards, times kept and levels; fork, Ctrl-C; bad input."""

from __future__ import annotations

import math
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

import levels
from hedgecore import paths
from hedgecore.paths import GBM, Correlated, Heston, Kou, Merton, simulate
from path_models import MODELS, FloatArray, same, terminal, within

# --- the same numbers, however they are asked for --------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_same_bits_for_threads_shards_and_blocks(name: str) -> None:
    def run(**more: Any) -> paths.Paths:
        return simulate(
            MODELS[name],
            **{"n_paths": 1003, "n_steps": 21, "horizon": 1.5, "seed": 77, "every": 7, **more},
        )

    whole = run(threads=1)
    for threads in (2, 5):
        other = run(threads=threads)
        same(whole.spot, other.spot)
        same(whole.variance, other.variance)
    for first, count in ((0, 1), (1, 130), (999, 4), (120, 16)):
        part = run(first_path=first, n_paths=count)
        same(np.asarray(whole.spot)[..., first : first + count, :], part.spot)
        same(np.asarray(whole.variance)[..., first : first + count, :], part.variance)
    assert not np.array_equal(np.asarray(whole.spot), np.asarray(run(seed=78).spot))


@pytest.mark.parametrize("name", MODELS)
def test_same_bits_for_the_times_kept(name: str) -> None:
    def run(**more: Any) -> FloatArray:
        return np.asarray(
            simulate(MODELS[name], n_paths=150, n_steps=40, horizon=0.4, seed=1, **more).spot
        )

    every = run(every=1)
    same(run(every=9), every[..., ::9])
    same(run(), every[..., -1:])
    same(run(at=[0, 1, 17, 33]), every[..., [0, 1, 17, 33]])
    assert run(at=[]).shape[-1] == 0


def test_paths_far_out() -> None:
    """Numbers of paths use all 64 bits."""
    far = simulate(GBM(vol=1), n_paths=3, n_steps=2, horizon=1, seed=1, first_path=2**40 + 5).spot
    near = simulate(GBM(vol=1), n_paths=3, n_steps=2, horizon=1, seed=1, first_path=5).spot
    assert not np.isin(np.asarray(far), np.asarray(near)).any()


def test_same_bits_on_every_level() -> None:
    arguments = {"n_paths": 300, "n_steps": 12, "horizon": 0.5, "seed": 6, "every": 4}
    code = f"""
from hedgecore.paths import *
for name, model in {MODELS!r}.items():
    run = simulate(model, **{arguments!r})
    result[name + ".spot"], result[name + ".variance"] = run.spot, run.variance
"""
    found = {level: levels.run_at(level, code) for level in levels.AVAILABLE}
    for name, model in MODELS.items():
        run = simulate(model, **arguments)
        for level, got in found.items():
            np.testing.assert_allclose(got[f"{name}.spot"], run.spot, rtol=1e-11, err_msg=level)
            if level != "v2":
                same(got[f"{name}.spot"], run.spot)
                same(got[f"{name}.variance"], run.variance)


def test_antithetic_pairs() -> None:
    x = np.log(
        np.asarray(
            simulate(GBM(vol=0.5), n_paths=200, n_steps=10, horizon=1, seed=3, antithetic=True).spot
        )
        / 100
    )
    np.testing.assert_allclose(x[::2] + x[1::2], -0.25, atol=1e-13)
    plain = np.asarray(simulate(GBM(vol=0.5), n_paths=100, n_steps=10, horizon=1, seed=3).spot)
    same(
        plain,
        np.asarray(
            simulate(GBM(vol=0.5), n_paths=200, n_steps=10, horizon=1, seed=3, antithetic=True).spot
        )[::2],
    )
    for name in ("kou", "bates"):
        s = terminal(MODELS[name], 40_000, 5, 0.3, antithetic=True).reshape(-1, 2)
        within(s.mean(axis=1), 100.0)
        assert np.corrcoef(s.T)[0, 1] < -0.5


# --- threads, fork, Ctrl-C -------------------------------------------------------------------------------------------


def test_progress() -> None:
    seen: list[tuple[int, int]] = []
    simulate(
        GBM(vol=1), n_paths=5000, n_steps=10, horizon=1, seed=1, progress=lambda *x: seen.append(x)
    )
    assert seen[-1] == (5000, 5000)
    assert seen == sorted(seen)


def test_an_error_in_progress_stops_the_run() -> None:
    def fail(done: int, total: int) -> None:
        raise RuntimeError(f"enough after {done} of {total}")

    with pytest.raises(RuntimeError, match="enough after"):
        simulate(GBM(vol=1), n_paths=10**7, n_steps=1000, horizon=1, seed=1, progress=fail)


def child(queue: Any) -> None:
    queue.put(terminal(MODELS["bates"], 5000, 10, 0.5, threads=2))


def test_fork() -> None:
    expected = terminal(MODELS["bates"], 5000, 10, 0.5, threads=2)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    try:
        same(queue.get(timeout=60), expected)
    finally:
        process.join(60)
    assert process.exitcode == 0


@pytest.mark.parametrize(("n_paths", "n_steps"), [(10**9, 10**4), (3, 10**9)])
def test_interrupt(n_paths: int, n_steps: int) -> None:
    """Ctrl-C during a run of hours: many paths, or few of many steps."""
    code = textwrap.dedent(f"""
        import hedgecore as hc
        begun = False
        def progress(done, total):
            global begun
            if not begun:
                begun = True
                print("running", flush=True)
        try:
            hc.paths.simulate(hc.paths.GBM(vol=1), n_paths={n_paths}, n_steps={n_steps}, horizon=1, seed=1,
                              keep=(), progress=progress)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "running\n"
        os.kill(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "interrupted\n"
    finally:
        process.kill()
    assert process.returncode == 0


# --- bad input -------------------------------------------------------------------------------------------------------

RUN: dict[str, Any] = {"n_paths": 10, "n_steps": 5, "horizon": 1.0, "seed": 1}
HESTON = {"v0": 0.04, "kappa": 1, "theta": 0.04, "xi": 1, "rho": 0}
MERTON = {"vol": 0.5, "intensity": 1, "jump_mean": 0, "jump_std": 0.1}
KOU = {"vol": 0.5, "intensity": 1, "up_share": 0.5, "up_rate": 10, "down_rate": 10}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (GBM(vol=-0.1), "vol = -0.1 must be zero or positive"),
        (GBM(vol=math.nan), "vol = nan must be"),
        (Heston(**{**HESTON, "kappa": 0}), "kappa = 0 must be positive"),
        (Heston(**{**HESTON, "xi": -1}), "xi = -1 must be positive"),
        (Heston(**{**HESTON, "rho": 1.1}), "rho = 1.1 must be from -1 to 1"),
        (Heston(**{**HESTON, "v0": -0.04}), "v0 = -0.04 must be zero or positive"),
        (Heston(**{**HESTON, "rho": 0.9, "xi": 39, "kappa": 25}), "rho = 0.9 must be smaller, or the steps shorter"),
        (Merton(**{**MERTON, "intensity": -1}), "intensity = -1 must be"),
        (Merton(**{**MERTON, "intensity": 1e5}), "intensity = 1e.05 must be at most 500 jumps a step"),
        (Merton(**{**MERTON, "jump_std": -1}), "jump_std = -1 must be"),
        (Kou(**{**KOU, "up_rate": 1}), "up_rate = 1 must be above 1"),
        (Kou(**{**KOU, "up_share": 1.5}), "up_share = 1.5 must be from 0 to 1"),
        (Kou(**{**KOU, "down_rate": 0}), "down_rate = 0 must be positive"),
        (Correlated([GBM(vol=1), GBM(vol=-2)]), "asset 1: vol = -2 must be"),
        (Correlated([GBM(vol=1), GBM(vol=1)], 1.5), r"correlation\[1\]\[0\] = 1.5 must be from -1 to 1"),
        (Correlated([GBM(vol=1)] * 3, -0.9), "correlation is not positive semidefinite: asset 2"),
        (Correlated([GBM(vol=1)] * 2, [[1, 0.5], [0.4, 1]]), r"correlation\[1\]\[0\] = 0.4 differs from \[0\]\[1\]"),
        (Correlated([GBM(vol=1)] * 2, [[1, 0.5]]), r"correlation must be a number or of shape \(2, 2\), not \(1, 2\)"),
        (Correlated([GBM(vol=1)] * 9), "there must be 1 to 8 assets, not 9"),
        (
            Correlated([Merton(**MERTON), Merton(**{**MERTON, "intensity": 2})], common_jumps=True),
            "asset 1: intensity = 2 must be that of the first asset",
        ),
    ],
)  # fmt: skip
def test_bad_models(model: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulate(model, **RUN)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_paths": 0}, ValueError, "n_paths = 0 must be from 1"),
        ({"n_steps": 0}, ValueError, "n_steps = 0 must be from 1"),
        ({"n_steps": 2.5}, TypeError, "n_steps must be a whole number, not 2.5"),
        ({"horizon": -1}, ValueError, "horizon = -1.0 must be positive"),
        ({"horizon": math.nan}, ValueError, "horizon = nan must be positive"),
        ({"seed": -5}, ValueError, "seed = -5 must be"),
        ({"spot": 0}, ValueError, "spot = 0 must be positive"),
        ({"spot": [1, 2]}, ValueError, r"spot must be a number or 1 numbers.*\(2,\)"),
        ({"drift": math.inf}, ValueError, "drift = inf must be finite"),
        ({"every": 0}, ValueError, "every = 0 must be from 1"),
        ({"at": [3, 3]}, ValueError, r"at\[1\] = 3 must be above at\[0\] = 3"),
        ({"at": [6]}, ValueError, r"at\[0\] = 6 must be from 0 to 5"),
        ({"at": [1], "every": 2}, ValueError, "either every or at"),
        ({"keep": ("spot", "delta")}, ValueError, "keep: 'delta' is none of spot, vol, levels"),
        ({"first_path": -1}, ValueError, "first_path = -1 must be"),
        ({"threads": 0}, ValueError, "threads must be from 1 to 1024"),
        ({"n_paths": 10**9, "n_steps": 10**6, "every": 1}, MemoryError, "this machine has .* GB: keep fewer times"),
        ({"model": "gbm"}, TypeError, "model must be one of hedgecore.paths, not 'gbm'"),
        ({"model": GBM(vol="high")}, TypeError, "vol must be a number, not 'high'"),
    ],
)  # fmt: skip
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        simulate(**{"model": GBM(vol=0.5), **RUN, **arguments})


def test_vol_that_was_not_kept() -> None:
    with pytest.raises(ValueError, match="vol was not kept"):
        _ = simulate(GBM(vol=1), **RUN, keep=("spot",)).vol
