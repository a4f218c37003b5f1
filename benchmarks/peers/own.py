"""hedgecore itself, measured right beside its peers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import hedgecore as hc
import peers
import workload


def operations(out: bool = False, threads: int = 1) -> dict[str, peers.Operation]:
    """Return the operations, with fresh or given results."""

    def with_column(function: Callable[..., Any]) -> peers.Operation:
        def make(a: dict[str, Any]) -> Callable[[], Any]:
            to = {"out": np.empty(len(a["strike"]))} if out else {}
            return lambda: function(**a, threads=threads, **to)

        return make

    def six(a: dict[str, Any]) -> Callable[[], Any]:
        to = {"out": {name: np.empty(len(a["strike"])) for name in workload.SIX}} if out else {}
        return lambda: hc.greeks(**a, which=workload.SIX, threads=threads, **to)

    return {
        "price": with_column(hc.price),
        "six": six,
        "implied_vol": with_column(hc.implied_vol),
    }
