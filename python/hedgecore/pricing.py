"""Prices, Greeks and implied vols of European options, linear and coin-settled (inverse).

Conventions, for every function here:

* vol is a decimal per square-root year (0.65 is 65 %), with ``model="bachelier"`` an amount of the
  quote currency per square-root year; expiry is in years (ACT/365);
* kind is "call"/"put", "C"/"P", +1/-1 or True/False (call);
* give exactly one of ``forward`` (with ``discount``, the discount factor, default 1) and
  ``spot`` (with continuous ``rate`` and ``carry``, default 0; carry is the dividend yield,
  funding or lending rate of the underlying);
* ``settlement="linear"``: premium and payoff in the quote currency; ``"inverse"``: in the
  coin, payoff (S - K)+ / S;
* ``model="black"``: lognormal (Black-76, Black-Scholes-Merton); ``"bachelier"``: normal, where
  forward (spot) and strike may be negative, except that ``settlement="inverse"`` needs a positive
  underlying;
* ``payoff="vanilla"``, or under the model "black" a digital: ``"cash_or_nothing"`` pays one unit of
  the quote currency if in the money, ``"asset_or_nothing"`` one unit of the underlying (inverse:
  1 / S coin and 1 coin);
* every argument is a number or a one-dimensional array of any stride; numbers and arrays of
  one row are spread over the rows of the others.  Results are numbers when all arguments
  are, else float64 arrays;
* ``errors="raise"`` turns rows outside the domain (NaN, infinity, negative inputs) into one
  ValueError that names the argument, its first bad row, the value and how many there are;
  ``errors="nan"`` gives NaN in those rows alone;
* ``threads`` is the number of threads for this call (default: ``hedgecore.num_threads()``).

Formulas: Black (1976), Black and Scholes (1973), Merton (1973); Greeks as in Haug, The
Complete Guide to Option Pricing Formulas (2007), chapter 2; Bachelier (1900); digitals by Reiner and
Rubinstein (1991); docs/conventions.md has them all.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, overload

import numpy as np
import numpy.typing as npt

from hedgecore import _core, frames, units

Number = float | npt.ArrayLike
Kind = str | bool | int | npt.ArrayLike
Settlement = Literal["linear", "inverse"]
Model = Literal["black", "bachelier"]
Payoff = Literal["vanilla", "cash_or_nothing", "asset_or_nothing"]
Errors = Literal["raise", "nan"]

#: Every Greek, in the order of the core.
GREEK_NAMES: tuple[str, ...] = tuple(_core.greek_names)
_DEFAULT = ("price", "delta", "gamma", "vega", "theta", "rho")


class Status(enum.IntEnum):
    """What became of a row of :func:`implied_vol`."""

    OK = 0
    BELOW_INTRINSIC = 1
    ABOVE_MAXIMUM = 2
    INVALID_INPUT = 3


@lru_cache(maxsize=256)
def _plan(which: Any, settlement: str, spot_form: bool) -> tuple[bytes, tuple[str, ...]]:
    """The Greeks asked for: their places in GREEK_NAMES, and their names."""
    if which is None:
        names = _DEFAULT + (("black_delta",) if settlement == "inverse" else ())
    elif which == "all":
        left_out = {"phi"} if not spot_form else set()
        if settlement != "inverse":
            left_out |= {"black_delta", "black_gamma"}
        names = tuple(name for name in GREEK_NAMES if name not in left_out)
    else:
        names = tuple(dict.fromkeys((which,) if isinstance(which, str) else which))
    if not names:
        raise ValueError("which must name at least one Greek")
    for name in names:
        if name not in GREEK_NAMES:
            raise ValueError(f"which: {name!r} is not a Greek; there are {', '.join(GREEK_NAMES)}")
    return bytes(map(GREEK_NAMES.index, names)), names


class Greeks:
    """Greeks of one option or of many, as columns: ``g.delta``, ``g["delta"]``.

    Made by :func:`greeks`.  Numbers for one option, float64 arrays for several.  The result
    refers to the arrays it was computed from, without copying them; :meth:`scaled` needs them
    as they were for the presets that redefine a Greek, and says so when they have changed.

    Attributes
    ----------
    names
        The columns, in the order asked for.
    settlement
        "linear" or "inverse".
    model
        "black" or "bachelier".
    payoff
        "vanilla", "cash_or_nothing" or "asset_or_nothing".
    units
        The preset in force, "natural" as computed.
    """

    __slots__ = ("_columns", "_inputs", "model", "payoff", "settlement", "units")

    def __init__(
        self,
        columns: dict[str, Any],
        settlement: str,
        inputs: tuple[Any, ...] | None = None,
        units: str = "natural",
        model: str = "black",
        payoff: str = "vanilla",
    ) -> None:
        self._columns = columns
        self._inputs = inputs
        self.settlement = settlement
        self.units = units
        self.model = model
        self.payoff = payoff

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, in the order asked for."""
        return tuple(self._columns)

    def __getitem__(self, name: str) -> Any:
        try:
            return self._columns[name]
        except KeyError:
            raise KeyError(
                f"{name!r} was not computed; there are {', '.join(self._columns)}"
            ) from None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy and pickle look for these before __init__ has run
            raise AttributeError(name)
        try:
            return self._columns[name]
        except KeyError:
            hint = "ask for it with which=" if name in GREEK_NAMES else "not a Greek"
            raise AttributeError(f"{name!r} is not in this result: {hint}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return Greeks, (
            self._columns, self.settlement, self._inputs, self.units, self.model, self.payoff,
        )  # fmt: skip

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        """Return the number of options, as a frame does; iteration is over the names."""
        first = next(iter(self._columns.values()))
        return 1 if np.ndim(first) == 0 else len(first)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    def keys(self) -> tuple[str, ...]:
        """Return the names, so that ``dict(g)`` works."""
        return self.names

    def to_dict(self) -> dict[str, Any]:
        """Return a dict of the columns (the arrays are not copied)."""
        return dict(self._columns)

    def to_frame(self, library: Literal["pandas", "polars"] | None = None) -> Any:
        """Return a data frame: of pandas if installed, else of polars, unless named."""
        return frames.frame_of(self._columns, library)

    def scaled(self, preset: str) -> Greeks:
        """Return the Greeks in the units of a desk or of another system.

        Parameters
        ----------
        preset
            "desk", "deribit", "vollib" or "quantlib"; :mod:`hedgecore.units` has the table.
            Columns that the other system does not show are left out.

        Raises
        ------
        ValueError
            For a preset that has no units for this settlement, model or payoff.
        """
        if self.units != "natural":
            raise ValueError(f"these Greeks are in {self.units} units: scale the natural ones")
        if self._inputs is None:
            raise ValueError("the call that was to fill these Greeks failed")
        chosen = units.preset_of(preset, self.settlement, self.model, self.payoff)
        names = units.shown(chosen, self.settlement, self.names)
        if not names:
            raise ValueError(f"{preset} shows none of {', '.join(self.names)}")
        wanted = units.needed(chosen, self.settlement, names)
        columns = dict(self._columns)
        if chosen.rules:  # they read the inputs, which must still be what they were
            columns |= self._recomputed(tuple(name for name in wanted if name not in columns))
        restated = units.restate(chosen, self.settlement, names, columns, self._numeric_inputs())
        if len(self) == 1 and np.ndim(next(iter(self._columns.values()))) == 0:
            restated = {name: float(value) for name, value in restated.items()}
        return Greeks(restated, self.settlement, None, preset, self.model, self.payoff)

    def _numeric_inputs(self) -> dict[str, Any]:
        assert self._inputs is not None
        _, strike, expiry, _, forward, spot, *_ = self._inputs
        named = {
            "underlying": spot if forward is None else forward,
            "strike": strike,
            "expiry": expiry,
        }
        return {name: np.asarray(value, float) for name, value in named.items()}

    def _recomputed(self, missing: tuple[str, ...]) -> dict[str, Any]:
        """Columns not asked for, after a check that the inputs still are what they were."""
        assert self._inputs is not None
        witness = self.names[0]
        terms = (self.settlement, self.model, self.payoff)
        fresh = _evaluate(self._inputs, (witness, *missing), terms, "nan", None)
        if not np.array_equal(fresh[witness], self._columns[witness], equal_nan=True):
            raise RuntimeError("the input arrays have changed since these Greeks were computed")
        return {name: fresh[name] for name in missing}

    def __repr__(self) -> str:
        n = len(self)
        rows = list(range(n)) if n <= 10 else [*range(5), *range(n - 5, n)]
        table = [self.names]
        for row in rows:
            table.append(
                tuple(f"{np.atleast_1d(column)[row]:.8g}" for column in self._columns.values())
            )
        widths = [max(len(line[j]) for line in table) for j in range(len(self.names))]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in table
        ]
        if n > 10:
            lines.insert(6, "  ".join("...".rjust(width) for width in widths))
        options = "1 option" if n == 1 else f"{n} options"
        others = [name for name in (self.model, self.payoff) if name not in ("black", "vanilla")]
        terms = ", ".join([self.settlement, *others, f"{self.units} units"])
        return "\n".join([f"Greeks of {options} ({terms})", *lines])


def _names(which: Any, terms: tuple[str, str, str], inputs: tuple[Any, ...]) -> tuple[str, ...]:
    return _plan(_hashable(which), terms[0], inputs[5] is not None)[1]


def _hashable(which: Any) -> Any:
    return which if which is None or isinstance(which, (str, tuple)) else tuple(which)


def _evaluate(
    inputs: tuple[Any, ...],
    which: Any,
    terms: tuple[str, str, str],
    errors: str,
    threads: int | None,
    out: Any = None,
) -> dict[str, Any]:
    """The columns; the terms are settlement, model and payoff."""
    if which.__class__ is not tuple:
        which = _hashable(which)
    numbers, names = _plan(which, terms[0], inputs[5] is not None)
    return _core.greeks(*inputs, *terms, numbers, names, errors, threads, out)  # type: ignore[call-arg]


def greeks(
    kind: Kind,
    *,
    strike: Number,
    expiry: Number,
    vol: Number,
    forward: Number | None = None,
    spot: Number | None = None,
    discount: Number | None = None,
    rate: Number | None = None,
    carry: Number | None = None,
    settlement: Settlement = "linear",
    model: Model = "black",
    payoff: Payoff = "vanilla",
    which: str | Sequence[str] | None = None,
    errors: Errors = "raise",
    threads: int | None = None,
    out: Greeks | Mapping[str, npt.NDArray[np.float64]] | None = None,
) -> Greeks:
    """Greeks of European options, any subset, in one pass.

    Greeks are plain derivatives: vega per 1.00 of vol, theta (and charm, veta, color) per year of
    calendar time, rho and phi per 1.00 of rate; :meth:`Greeks.scaled` restates them.  In the
    forward form they are with respect to the forward: theta at constant forward and rate, rho = -T price
    (the forward held fixed), and phi is an error.

    Inverse: v is the coin price, delta = F dv/dF (the units of the underlying to trade, net of the
    premium), gamma = d(delta)/dF, vanna = d(delta)/dvol, charm = d(delta)/dt; vega, theta and the
    rest are in coin; black_delta and black_gamma are those of the value in the quote currency.

    Parameters
    ----------
    kind, strike, expiry, vol, forward, spot, discount, rate, carry, settlement, model, payoff, errors, threads
        See the conventions of this module.
    which
        Names out of ``hedgecore.pricing.GREEK_NAMES``, or "all"; default price, delta, gamma,
        vega, theta, rho, and black_delta when inverse; with ``out``, all that it holds.
    out
        Write the results into these arrays instead of new ones: an earlier result, which is
        refilled and returned, or a mapping of names to arrays.  Writeable contiguous float64
        arrays with one value for each row, none of them overlapping an argument.  When rows are in
        error (``errors="raise"``), they hold NaN and the others their values.  Two threads must
        not write into the same arrays at once.

    Returns
    -------
    Greeks
        A struct of columns.

    Raises
    ------
    ValueError
        For rows outside the domain (``errors="raise"``), lengths that do not fit, inputs that
        do not go together, or a digital payoff under the model "bachelier".
    TypeError
        For arguments that are not numbers.

    Examples
    --------
    >>> import hedgecore as hc
    >>> g = hc.greeks("call", strike=70_000, expiry=30 / 365, vol=0.55, forward=68_000)
    >>> round(g.delta, 6)
    0.458189
    """
    inputs = (kind, strike, expiry, vol, forward, spot, discount, rate, carry)
    terms = (settlement, model, payoff)
    if out is None:
        columns = _evaluate(inputs, which, terms, errors, threads)
        return Greeks(columns, settlement, inputs, "natural", model, payoff)
    return _evaluate_into(out, inputs, which, terms, errors, threads)


def _evaluate_into(
    out: Greeks | Mapping[str, npt.NDArray[np.float64]],
    inputs: tuple[Any, ...],
    which: Any,
    terms: tuple[str, str, str],
    errors: str,
    threads: int | None,
) -> Greeks:
    arrays: Any
    if isinstance(out, Greeks):
        if out.units != "natural":
            raise ValueError(f"out is in {out.units} units: give a result in natural ones")
        result, arrays = out, out.to_dict()
        wanted = tuple(arrays) if which is None else _names(which, terms, inputs)
        missing = [name for name in wanted if name not in arrays]
        if missing:
            raise ValueError(f"out[{missing[0]!r}] is missing")
        if len(wanted) < len(arrays):
            raise ValueError(f"which names some of the columns of out only: {', '.join(wanted)}")
    elif isinstance(out, Mapping):
        result, arrays = Greeks({}, *terms[:1], None, "natural", *terms[1:]), out
    else:
        raise TypeError(
            f"out must be an earlier result or a mapping of names to arrays, not {type(out).__name__}"
        )
    # until all has gone well the columns belong to no inputs, so that nothing can be restated from them
    result.settlement, result.model, result.payoff = terms
    result._inputs = None
    names = tuple(arrays) if which is None else which
    result._columns = _evaluate(inputs, names, terms, errors, threads, arrays)
    result._inputs = inputs
    return result


def price(
    kind: Kind,
    *,
    strike: Number,
    expiry: Number,
    vol: Number,
    forward: Number | None = None,
    spot: Number | None = None,
    discount: Number | None = None,
    rate: Number | None = None,
    carry: Number | None = None,
    settlement: Settlement = "linear",
    model: Model = "black",
    payoff: Payoff = "vanilla",
    errors: Errors = "raise",
    threads: int | None = None,
    out: npt.NDArray[np.float64] | None = None,
) -> Any:
    """Prices of European options, in the quote currency (linear) or in the coin (inverse).

    Parameters and errors are those of :func:`greeks`.  Out-of-the-money prices keep their
    relative accuracy down to 1e-300.

    Parameters
    ----------
    out
        Write the prices into this array (writeable, contiguous, float64, one value for each row,
        not overlapping an argument) and return it.

    Returns
    -------
    float or ndarray
        One price for each row.
    """
    columns = _core.greeks(
        kind,
        strike,
        expiry,
        vol,
        forward,
        spot,
        discount,
        rate,
        carry,
        settlement,
        model,
        payoff,
        b"\0",
        ("price",),
        errors,
        threads,
        _array_or_none(out),
    )
    return columns["price"]


def _array_or_none(out: Any) -> Any:
    if out is not None and not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a float64 array, not {type(out).__name__}")
    return out


@overload
def implied_vol(
    price: Number,
    kind: Kind,
    *,
    strike: Number,
    expiry: Number,
    forward: Number | None = None,
    spot: Number | None = None,
    discount: Number | None = None,
    rate: Number | None = None,
    carry: Number | None = None,
    settlement: Settlement = "linear",
    model: Model = "black",
    payoff: Payoff = "vanilla",
    errors: Errors = "nan",
    return_status: Literal[False] = False,
    threads: int | None = None,
    out: npt.NDArray[np.float64] | None = None,
) -> Any: ...
@overload
def implied_vol(
    price: Number, kind: Kind, *, strike: Number, expiry: Number, forward: Number | None = None,
    spot: Number | None = None, discount: Number | None = None, rate: Number | None = None,
    carry: Number | None = None, settlement: Settlement = "linear", model: Model = "black",
    payoff: Payoff = "vanilla", errors: Errors = "nan", return_status: Literal[True],
    threads: int | None = None, out: npt.NDArray[np.float64] | None = None,
) -> tuple[Any, Any]: ...  # fmt: skip
def implied_vol(
    price: Number,
    kind: Kind,
    *,
    strike: Number,
    expiry: Number,
    forward: Number | None = None,
    spot: Number | None = None,
    discount: Number | None = None,
    rate: Number | None = None,
    carry: Number | None = None,
    settlement: Settlement = "linear",
    model: Model = "black",
    payoff: Payoff = "vanilla",
    errors: Errors = "nan",
    return_status: bool = False,
    threads: int | None = None,
    out: npt.NDArray[np.float64] | None = None,
) -> Any:
    """Vols at which European options are worth the given prices.

    Accurate to what the last bit of the price carries, over the whole domain, in a fixed number
    of steps (black: a closed-form start after Stefanica and Radoicic 2017, then two Householder
    steps; bachelier: a polynomial start, then one step).

    Parameters
    ----------
    price
        In the quote currency (linear) or in the coin (inverse).
    kind, strike, expiry, forward, spot, discount, rate, carry, settlement, model, threads
        See the conventions of this module.
    payoff
        "vanilla" alone: the value of a digital does not determine the vol, which is an error.
    errors
        "nan" (default): rows without a solution are NaN, since quotes below their intrinsic
        value are data, not bugs.  "raise": the first such row is a ValueError.
    return_status
        Also return a code for each row: a :class:`Status` for one option, an int8 array for several.
    out
        Write the vols into this array (writeable, contiguous, float64, one value for each row,
        not overlapping an argument) and return it.

    Returns
    -------
    float or ndarray, or a pair with the status
        0 where the price is the intrinsic value; NaN below it, at or above the value at
        infinite vol (the model "bachelier" has no such maximum), where a price does not depend on
        the vol (expiry 0; under "black" strike or underlying 0), and for invalid input.
    """
    vols, status = _core.implied_vol(
        price,
        kind,
        strike,
        expiry,
        forward,
        spot,
        discount,
        rate,
        carry,
        settlement,
        model,
        payoff,
        errors,
        threads,
        _array_or_none(out),
        return_status,
    )
    if not return_status:
        return vols
    return vols, Status(status) if isinstance(status, int) else status
