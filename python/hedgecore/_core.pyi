from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__version__: str
greek_names: tuple[str, ...]

def active_level() -> str: ...
def available_levels() -> list[str]: ...
def compiled_levels() -> list[str]: ...
def compiler() -> str: ...
def num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def exp(x: npt.ArrayLike) -> npt.NDArray[np.float64]: ...
def log(x: npt.ArrayLike) -> npt.NDArray[np.float64]: ...
def log_ratio(a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float64]: ...
def normal_pdf(x: npt.ArrayLike) -> npt.NDArray[np.float64]: ...
def normal_cdf(x: npt.ArrayLike) -> npt.NDArray[np.float64]: ...
def normal_quantile(p: npt.ArrayLike) -> npt.NDArray[np.float64]: ...
def greeks(
    kind: Any,
    strike: Any,
    expiry: Any,
    vol: Any,
    forward: Any,
    spot: Any,
    discount: Any,
    rate: Any,
    carry: Any,
    settlement: str,
    model: str,
    payoff: str,
    which: bytes,
    names: tuple[str, ...],
    errors: str,
    threads: int | None,
    out: Any,
    /,
) -> dict[str, Any]: ...
def implied_vol(
    price: Any,
    kind: Any,
    strike: Any,
    expiry: Any,
    forward: Any,
    spot: Any,
    discount: Any,
    rate: Any,
    carry: Any,
    settlement: str,
    model: str,
    payoff: str,
    errors: str,
    threads: int | None,
    out: Any,
    wants_status: bool,
    /,
) -> tuple[Any, Any]: ...
def greek_sums(
    kind: Any,
    strike: Any,
    expiry: Any,
    vol: Any,
    forward: Any,
    spot: Any,
    discount: Any,
    rate: Any,
    carry: Any,
    settlement: str,
    greeks: Sequence[int],
    weights: Sequence[Any],
    bucket: npt.NDArray[np.int32],
    buckets: int,
    errors: str,
    threads: int | None,
) -> tuple[npt.NDArray[np.float64], int]: ...
def scenario_sums(
    kind: Any,
    strike: Any,
    expiry: Any,
    vol: Any,
    forward: Any,
    rate: Any,
    weight: Any,
    settlement: str,
    greeks: Sequence[int],
    bucket: npt.NDArray[np.int32],
    spot_factor: npt.NDArray[np.float64],
    vol_scale: npt.NDArray[np.float64],
    vol_shift: npt.NDArray[np.float64],
    time_shift: npt.NDArray[np.float64],
    threads: int | None,
    vol_skew: npt.NDArray[np.float64] | None = None,
    vol_curvature: npt.NDArray[np.float64] | None = None,
    vol_floor: npt.NDArray[np.float64] | None = None,
    atm_vol: npt.NDArray[np.float64] | None = None,
    slope: npt.NDArray[np.float64] | None = None,
    smile: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]: ...

class Slices:
    def __init__(
        self,
        model: str,
        expiry: npt.NDArray[np.float64],
        forward: npt.NDArray[np.float64],
        parameters: npt.NDArray[np.float64],
    ) -> None: ...

def surface_vol(
    slices: Slices, k: Any, strike: Any, forward: Any, expiry: Any, threads: int | None, /
) -> Any: ...
def surface_variance(
    slices: Slices, k: Any, strike: Any, forward: Any, expiry: Any, threads: int | None, /
) -> tuple[Any, Any, Any, Any]: ...
def fit_sabr(
    k: npt.NDArray[np.float64],
    w: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    first: Sequence[int],
    forward: Any,
    expiry: Any,
    beta: float,
    warm: npt.NDArray[np.float64] | None,
    threads: int | None = None,
) -> npt.NDArray[np.float64]: ...
def philox4x32(seed: int, counters: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]: ...
def path_numbers(
    seed: int,
    first_path: int,
    paths: int,
    stream: int,
    first_number: int,
    count: int,
    normal: bool,
    antithetic: bool,
    threads: int | None,
) -> npt.NDArray[np.float64]: ...
def simulate_paths(
    model: dict[str, Any],
    seed: int,
    first_path: int,
    paths: int,
    steps: int,
    step: float,
    antithetic: bool,
    times: Sequence[int],
    wants: tuple[bool, bool, bool],
    threads: int | None,
    progress: Any,
) -> tuple[
    npt.NDArray[np.float64] | None,
    npt.NDArray[np.float64] | None,
    npt.NDArray[np.float64] | None,
]: ...

hedge_ledgers: tuple[str, ...]
hedge_lines: tuple[str, ...]

def simulate_hedging(
    model: dict[str, Any],
    seed: int,
    first_path: int,
    paths: int,
    steps: int,
    step: float,
    position: npt.NDArray[np.float64],
    terms: dict[str, Any],
    instrument: dict[str, Any],
    policies: list[dict[str, Any]],
    costs: dict[str, Any],
    orders: dict[str, Any],
    keep: Sequence[str],
    trace: Sequence[int],
    threads: int | None,
    progress: Any,
) -> tuple[
    npt.NDArray[np.float64],
    dict[str, npt.NDArray[np.float64]],
    npt.NDArray[np.float64],
    dict[str, npt.NDArray[np.float64]],
    dict[str, npt.NDArray[np.float64]],
    npt.NDArray[np.float64] | None,
    npt.NDArray[np.float64] | None,
]: ...
def fit_svi(
    k: npt.NDArray[np.float64],
    w: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    first: Sequence[int],
    warm: npt.NDArray[np.float64] | None,
    no_butterfly: bool,
    threads: int | None = None,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...
def fit_essvi(
    k: npt.NDArray[np.float64],
    w: npt.NDArray[np.float64],
    weight: npt.NDArray[np.float64],
    first: Sequence[int],
) -> npt.NDArray[np.float64]: ...
