"""What a strategy asks for is what is traded, or an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from backtest_data import bars, chain
from hedgecore import backtest as bk


@pytest.mark.parametrize(("kind", "letter"), [("call", "C"), ("C", "C"), ("CALL", "C"), (1, "C"), (True, "C"),
                                              ("put", "P"), ("P", "P"), (-1, "P")])  # fmt: skip
def test_a_leg_is_of_the_kind_that_is_said(kind: Any, letter: str) -> None:
    tape = bk.Tape.of("BTC", chain(days=8), bars=bars(days=8))
    (name,) = bk.Roll((bk.Leg(kind),)).orders(tape.until(0), {})
    assert name[-1] == letter


@pytest.mark.parametrize(
    ("leg", "message"),
    [
        ({"kind": "cal"}, "kind = 'cal' must be"),
        ({"kind": "call", "delta": 25}, "delta = 25 must be between 0 and 1"),
        ({"kind": "call", "delta": -0.25}, "delta = -0.25 must be between 0 and 1"),
        ({"kind": "call", "ratio": np.nan}, "ratio = nan must be finite"),
    ],
)
def test_what_is_no_leg(leg: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bk.Leg(**leg)


def test_a_delta_in_per_cent_is_no_strangle() -> None:
    with pytest.raises(ValueError, match="delta = 25 must be between 0 and 1"):
        bk.strangle(delta=25)
