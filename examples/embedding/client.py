"""The C interface by ctypes, without numpy, as any language with foreign calls would do it: main.cpp and main.c print the same.

The library is the argument (libhedgecore_c.so, built with HEDGECORE_C_LIBRARY), else the compiled module of the Python package.
"""

from __future__ import annotations

import ctypes as c
import sys

PRICE, DELTA, VEGA = 0, 1, 3


class Column(c.Structure):
    _fields_ = (("data", c.POINTER(c.c_double)), ("stride", c.c_ssize_t))


class Options(c.Structure):
    """``hc_options``."""

    _fields_ = (
        ("size", c.c_size_t), ("n", c.c_size_t), ("coin_settled", c.c_int), ("model", c.c_int), ("payoff", c.c_int),
        ("kind", c.POINTER(c.c_int8)), ("kind_stride", c.c_ssize_t),
        *((name, Column) for name in ("strike", "expiry", "vol", "forward", "discount", "spot", "rate", "carry")),
    )  # fmt: skip


def array(values: list[float]) -> Column:
    return Column((c.c_double * len(values))(*values), 1)


def number(value: float) -> Column:
    return Column((c.c_double * 1)(value), 0)


def main(path: str) -> None:
    library = c.CDLL(path)
    library.hc_last_error.restype = c.c_char_p

    def done(status: int) -> None:
        if status != 0:
            raise SystemExit(library.hc_last_error().decode())

    vol = [0.625, 0.5, 0.5625]
    chain = Options(
        size=c.sizeof(Options), n=3, coin_settled=1, kind=(c.c_int8 * 3)(1, -1, 1), kind_stride=1,
        strike=array([60_000, 65_000, 70_000]), vol=array(vol), expiry=number(0.125), forward=number(66_000),
    )  # fmt: skip
    price, delta, implied = ((c.c_double * 3)() for _ in range(3))
    out = (c.POINTER(c.c_double) * 2)(price, delta)
    done(
        library.hc_greeks(
            c.byref(chain), c.c_size_t(2), (c.c_int * 2)(PRICE, DELTA), out, None, None
        )
    )
    done(
        library.hc_implied_vol(c.byref(chain), c.byref(Column(price, 1)), implied, None, None, None)
    )
    for row in zip(price, delta, implied, strict=True):
        print(" ".join(f"{value:.17g}" for value in row))

    n = 20_000
    book = Options(
        size=c.sizeof(Options), n=n, kind=(c.c_int8 * 1)(1), strike=array([50 + i / 256 for i in range(n)]),
        expiry=number(0.25), vol=number(vol[0]), spot=number(100),
    )  # fmt: skip
    quantity = array([float(i % 7 - 3) for i in range(n)])
    sums = (c.c_double * 2)()
    terms = (c.c_int * 2)(DELTA, VEGA)
    done(library.hc_greek_sums(
        c.byref(book), c.c_size_t(2), terms, (Column * 2)(quantity, quantity), None, c.c_size_t(1), sums, None, None
    ))  # fmt: skip
    print(" ".join(f"{value:.17g}" for value in sums))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        from hedgecore import _core

        main(_core.__file__)
