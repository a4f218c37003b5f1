"""The plain C interface, called as a C program would: ctypes on the compiled core."""

from __future__ import annotations

import ctypes as c
import platform
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builds import toolchain
from conftest import ROOT
from hedgecore import _core, surface
from hedgecore.pricing import GREEK_NAMES

OK, BAD_ROWS, INVALID_ARGUMENT, STOPPED = 0, 1, 2, 3
HEADER = ROOT / "cpp" / "include" / "hedgecore" / "hedgecore.h"
Doubles = c.POINTER(c.c_double)
POLL = c.CFUNCTYPE(c.c_int, c.c_void_p)


class Structure(c.Structure):
    """A structure that knows its size, as hedgecore.h asks for."""

    def __init__(self, **members: Any) -> None:
        super().__init__(size=c.sizeof(type(self)), **members)


class Execution(Structure):
    _fields_ = (("size", c.c_size_t), ("threads", c.c_int), ("poll", POLL), ("user", c.c_void_p))


class Faults(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("count", c.c_size_t), ("row", c.c_size_t),
        ("argument", c.c_char_p), ("value", c.c_double), ("demand", c.c_char_p),
    )  # fmt: skip


class Options(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("n", c.c_size_t), ("coin_settled", c.c_int),
        ("kind", c.POINTER(c.c_int8)), ("strike", Doubles), ("expiry", Doubles), ("vol", Doubles),
        ("forward", Doubles), ("weight", Doubles), ("bucket", c.POINTER(c.c_int32)),
        ("rate", Doubles), ("slope", Doubles),
    )  # fmt: skip


class Smile(c.Structure):
    _fields_ = (
        ("near_svi", c.c_double * 5), ("far_svi", c.c_double * 5), ("near_weight", c.c_double),
        ("far_weight", c.c_double), ("expiry", c.c_double), ("stickiness", c.c_double),
    )  # fmt: skip


class Nodes(Structure):
    _fields_ = (
        ("size", c.c_size_t), ("n", c.c_size_t), ("buckets", c.c_size_t),
        ("spot_factor", Doubles), ("vol_scale", Doubles), ("vol_shift", Doubles), ("time_shift", Doubles),
        ("vol_skew", Doubles), ("vol_curvature", Doubles), ("vol_floor", Doubles), ("atm_vol", Doubles),
        ("smiles", c.POINTER(Smile)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def library() -> Any:
    loaded = c.CDLL(_core.__file__)
    loaded.hc_version.restype = loaded.hc_last_error.restype = c.c_char_p
    loaded.hc_surface_free.restype = None
    return loaded


def pointer(values: Any, kind: Any = c.c_double) -> Any:
    """To an array that the caller keeps."""
    return None if values is None else values.ctypes.data_as(c.POINTER(kind))


def said(library: Any) -> str:
    text: bytes = library.hc_last_error()
    return text.decode()


SLICES = {
    "expiry": np.array([0.05, 0.2, 0.7]),
    "forward": np.array([70_000.0, 70_900.0, 73_000.0]),
    "parameters": np.array([
        [0.004, 0.06, -0.3, 0.01, 0.08], [0.02, 0.1, -0.25, 0.0, 0.15], [0.08, 0.2, -0.2, 0.02, 0.4]
    ]),
}  # fmt: skip


def points(n: int = 1000) -> dict[str, Any]:
    rng = np.random.default_rng(7)
    return {
        "strike": rng.uniform(30_000, 150_000, n),
        "expiry": rng.uniform(0.01, 1.2, n),
        "forward": rng.uniform(60_000, 80_000, n),
    }


@pytest.fixture
def handle(library: Any) -> Any:
    made = c.c_void_p()
    status = library.hc_surface_new(
        0, c.c_size_t(3), *(pointer(SLICES[name]) for name in ("expiry", "forward", "parameters")), c.byref(made)
    )  # fmt: skip
    assert status == OK
    yield made
    library.hc_surface_free(made)


def test_the_program_of_the_documentation(tmp_path: Path) -> None:
    """Compiled as C99 without warnings, linked to the library, it prints what Python says."""
    chain = toolchain("gcc", platform.machine())
    text = (ROOT / "docs" / "embedding.md").read_text()
    source = tmp_path / "vols.c"
    programs = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
    source.write_text(next(program for program in programs if "hc_surface_vol" in program))
    printed = chain.run(chain.program("vols_in_c", source))
    svi = [[0.004, 0.06, -0.30, 0.01, 0.08], [0.020, 0.10, -0.25, 0.00, 0.15]]
    fitted = surface.Surface("BTC", None, [0.05, 0.2], [70_000, 70_900], svi, [[-1, 1]] * 2)
    strikes = [60_000, 70_000, 80_000]
    vols = fitted.vol(np.array(strikes, float), 0.1)
    assert printed == [f"{k} {vol:.4f}" for k, vol in zip(strikes, vols, strict=True)]


def test_every_declared_function_is_there(library: Any) -> None:
    declared = re.findall(r"HC_API [\w\s*]+?(hc_\w+)\(", HEADER.read_text())
    assert len(declared) == len(set(declared)) >= 8
    for name in declared:
        assert getattr(library, name)


def test_versions(library: Any) -> None:
    assert library.hc_api_version() == 1
    assert library.hc_version().decode() == _core.__version__


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("with_forward", [False, True])
def test_vols_are_those_of_python_to_the_bit(
    library: Any, handle: Any, threads: int, with_forward: bool
) -> None:
    p = points()
    forward = p["forward"] if with_forward else None
    vol = np.empty(1000)
    how = Execution(threads=threads)
    status = library.hc_surface_vol(
        handle, c.c_size_t(1000), pointer(p["strike"]), pointer(p["expiry"]), pointer(forward),
        pointer(vol), c.byref(how), None,
    )  # fmt: skip
    assert status == OK
    assert said(library) == ""
    quoted = np.array([[-1.0, 1.0]] * 3)
    fitted = surface.Surface("BTC", None, **SLICES, quoted=quoted)
    assert vol.tobytes() == fitted.vol(p["strike"], p["expiry"], forward).tobytes()


def test_variances(library: Any, handle: Any) -> None:
    n = 2001
    k, expiry = np.linspace(-1, 1, n), np.full(n, 0.3)
    w, slope, curvature, rise = (np.empty(n) for _ in range(4))
    outputs = map(pointer, (w, slope, curvature, rise))
    status = library.hc_surface_variance(
        handle, c.c_size_t(n), pointer(k), pointer(expiry), *outputs, None, None
    )
    assert status == OK
    fitted = surface.Surface("BTC", None, **SLICES, quoted=np.array([[-1.0, 1.0]] * 3))
    assert w.tobytes() == fitted.total_variance(k, expiry).tobytes()
    step = k[1] - k[0]
    assert np.allclose(np.gradient(w, step)[1:-1], slope[1:-1], rtol=0, atol=2e-6)
    assert np.allclose(np.gradient(slope, step)[1:-1], curvature[1:-1], rtol=0, atol=2e-4)
    later = fitted.total_variance(k, 0.3 + 1e-4)
    assert np.allclose((later - w) / 1e-4, rise, rtol=1e-7)


def test_rows_outside_the_domain(library: Any, handle: Any) -> None:
    strike, expiry, vol = np.array([7e4, -1.0, 7e4]), np.array([0.1, 0.1, np.nan]), np.empty(3)
    faults = Faults()
    status = library.hc_surface_vol(
        handle, c.c_size_t(3), pointer(strike), pointer(expiry), None, pointer(vol), None, c.byref(faults)
    )  # fmt: skip
    assert status == BAD_ROWS
    assert np.isnan(vol).tolist() == [False, True, True]
    assert (faults.count, faults.row, faults.argument, faults.value) == (2, 1, b"strike", -1.0)
    assert "strike[1] = -1" in said(library)
    assert "2 bad rows" in said(library)


def test_a_surface_that_is_none(library: Any) -> None:
    made = c.c_void_p(1)
    expiry = np.array([0.2, 0.1, 0.3])
    columns = (pointer(expiry), pointer(SLICES["forward"]), pointer(SLICES["parameters"]))
    assert library.hc_surface_new(0, c.c_size_t(3), *columns, c.byref(made)) == INVALID_ARGUMENT
    assert made.value is None
    assert "expiry" in said(library)
    assert library.hc_surface_new(9, c.c_size_t(3), *columns, c.byref(made)) == INVALID_ARGUMENT
    assert "model = 9" in said(library)
    assert (
        library.hc_surface_new(0, c.c_size_t(3), None, *columns[1:], c.byref(made))
        == INVALID_ARGUMENT
    )
    assert said(library) == "expiry must not be null"
    library.hc_surface_free(None)


def grid(n: int = 500, buckets: int = 3, nodes: int = 20) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    held = {
        "kind": rng.choice(np.array([1, -1], np.int8), n), "strike": rng.uniform(4e4, 1.2e5, n),
        "expiry": rng.uniform(0.02, 1.0, n), "vol": rng.uniform(0.3, 0.9, n),
        "forward": np.full(n, 7e4), "weight": rng.normal(size=n),
        "bucket": rng.integers(0, buckets, n).astype(np.int32),
    }  # fmt: skip
    moved = {
        "spot_factor": np.tile(np.linspace(0.7, 1.3, nodes), (buckets, 1)),
        "vol_scale": np.ones((buckets, nodes)), "vol_shift": np.full((buckets, nodes), 0.02),
        "time_shift": np.zeros(nodes),
    }  # fmt: skip
    return {"options": held, "nodes": moved}


GREEKS = ("price", "delta", "gamma", "vega", "theta", "black_delta", "black_gamma")


def sums_in_c(
    library: Any, given: dict[str, Any], how: Any = None, settled: int = 1, **more: Any
) -> tuple[int, np.ndarray]:
    held, moved = given["options"], given["nodes"] | more
    buckets, nodes = moved["spot_factor"].shape
    kinds = {"kind": c.c_int8, "bucket": c.c_int32}
    columns = {name: pointer(a, kinds.get(name, c.c_double)) for name, a in held.items()}
    options = Options(n=len(held["strike"]), coin_settled=settled, **columns)
    smiles = moved.pop("smiles", None)
    shocks = Nodes(n=nodes, buckets=buckets, **{name: pointer(a) for name, a in moved.items()})
    if smiles is not None:
        shocks.smiles = (Smile * buckets)(*smiles)
    codes = (c.c_int * len(GREEKS))(*(GREEK_NAMES.index(name) for name in GREEKS))
    sums = np.empty((len(GREEKS), buckets, nodes))
    status = library.hc_scenario_sums(
        c.byref(options), c.byref(shocks), c.c_size_t(len(GREEKS)), codes, pointer(sums),
        how and c.byref(how), None,
    )  # fmt: skip
    return status, sums


@pytest.mark.parametrize("threads", [1, 2])
def test_sums_are_those_of_python_to_the_bit(library: Any, threads: int) -> None:
    given = grid()
    held, moved = given["options"], given["nodes"]
    svi, flat = SLICES["parameters"][0], (1.0, 0.0, 0.05, 0.5)
    smile = np.tile(np.concatenate([svi, svi, flat]), (3, 1))
    extra = {"vol_skew": np.full((3, 20), 0.01), "vol_curvature": np.full((3, 20), 0.002), "vol_floor": np.full((3, 20), 0.1), "atm_vol": np.full(3, 0.6)}  # fmt: skip
    status, sums = sums_in_c(
        library, given, Execution(threads=threads), **extra,
        smiles=[Smile((c.c_double * 5)(*svi), (c.c_double * 5)(*svi), *flat)] * 3,
    )  # fmt: skip
    assert status == OK, said(library)
    expected = _core.scenario_sums(
        *(held[name] for name in ("kind", "strike", "expiry", "vol", "forward")), None, held["weight"], "inverse",
        [GREEK_NAMES.index(name) for name in GREEKS], held["bucket"], moved["spot_factor"], moved["vol_scale"],
        moved["vol_shift"], moved["time_shift"], 1, **extra, smile=smile,
    )  # fmt: skip
    assert sums.tobytes() == expected.tobytes()


def test_an_older_caller_has_shorter_structures(library: Any) -> None:
    given = grid()
    held, moved = given["options"], given["nodes"]
    full = sums_in_c(library, given)[1]
    kinds = {"kind": c.c_int8, "bucket": c.c_int32}
    options = Options(n=500, coin_settled=1, **{k: pointer(a, kinds.get(k, c.c_double)) for k, a in held.items()})  # fmt: skip
    shocks = Nodes(n=20, buckets=3, **{name: pointer(a) for name, a in moved.items()})
    shocks.size = Nodes.vol_skew.offset  # what follows is not his: never read
    shocks.vol_skew = c.cast(c.c_void_p(16), Doubles)
    codes = (c.c_int * len(GREEKS))(*(GREEK_NAMES.index(name) for name in GREEKS))
    sums = np.empty((len(GREEKS), 3, 20))
    status = library.hc_scenario_sums(c.byref(options), c.byref(shocks), c.c_size_t(len(GREEKS)), codes, pointer(sums), None, None)  # fmt: skip
    assert status == OK, said(library)
    assert sums.tobytes() == full.tobytes()
    shocks.size = 3
    status = library.hc_scenario_sums(c.byref(options), c.byref(shocks), c.c_size_t(len(GREEKS)), codes, pointer(sums), None, None)  # fmt: skip
    assert status == INVALID_ARGUMENT
    assert "hc_nodes.size = 3" in said(library)


def test_bad_arguments_of_sums(library: Any) -> None:
    given = grid()
    assert sums_in_c(library, given, settled=-1)[0] == INVALID_ARGUMENT
    assert "hc_scenario_options.coin_settled = -1 must be 0 or 1" in said(library)
    given["nodes"]["spot_factor"][1, 4] = -1.0
    status, _ = sums_in_c(library, given)
    assert status == INVALID_ARGUMENT
    assert "spot_factor at node 4" in said(library)
    given = grid()
    given["options"]["bucket"][7] = 9
    assert sums_in_c(library, given)[0] == INVALID_ARGUMENT
    assert "bucket[7] = 9" in said(library)
    given = grid()
    given["options"]["strike"][3] = np.nan
    assert sums_in_c(library, given)[0] == BAD_ROWS
    assert "strike[3] = nan" in said(library)
    given = grid()
    given["options"]["weight"] = None
    assert sums_in_c(library, given)[0] == INVALID_ARGUMENT
    assert said(library) == "weight must not be null"


def test_a_bad_row_whose_vol_a_shock_takes_counts_once(library: Any) -> None:
    """Found by the target scenarios: it was reported twice."""
    given = grid(n=1, buckets=1)
    given["options"]["kind"][0] = 5
    given["nodes"]["vol_shift"][:] = -2.0
    status, sums = sums_in_c(library, given)
    assert status == BAD_ROWS
    assert not sums.any()
    assert said(library) == "kind[0] = 5 must be +1 (call) or -1 (put) (1 bad rows in all)"


@pytest.mark.parametrize(
    ("n", "buckets", "message"),
    [
        (2, 1 << 63, "buckets = 9223372036854775808 must be at most 2147483647"),
        (
            1 << 62,
            1 << 30,
            "4611686018427387904 x 1073741824 numbers are more than memory can have",
        ),
    ],
)
def test_nodes_that_no_memory_holds(library: Any, n: int, buckets: int, message: str) -> None:
    """Found by the target c_interface: n x buckets wrapped around to 0, and null arrays were read."""
    shocks = Nodes(n=n, buckets=buckets)
    codes = (c.c_int * 1)(0)
    status = library.hc_scenario_sums(c.byref(Options()), c.byref(shocks), c.c_size_t(1), codes, None, None, None)  # fmt: skip
    assert status == INVALID_ARGUMENT
    assert said(library) == message


def test_poll_stops_a_long_call(library: Any) -> None:
    asked: list[int] = []

    @POLL
    def stop(_: Any) -> int:
        asked.append(1)
        return 1

    status, _ = sums_in_c(library, grid(n=200_000, nodes=400), Execution(threads=1, poll=stop))
    assert status == STOPPED
    assert asked
    assert said(library) == "stopped by poll"


def test_errors_belong_to_their_thread(library: Any) -> None:
    given = grid()
    given["nodes"]["spot_factor"][0, 0] = -1.0
    assert sums_in_c(library, given)[0] == INVALID_ARGUMENT
    other: list[Any] = []

    def work() -> None:
        other.append(said(library))
        other.append(sums_in_c(library, grid())[0])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert other == ["", OK]
    assert "spot_factor" in said(library)
