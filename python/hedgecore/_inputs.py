"""Turning what users write for call and put into the +1/-1 of the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_WORDS = {"call": 1, "c": 1, "1": 1, "+1": 1, "put": -1, "p": -1, "-1": -1}
_DEMAND = "must be 'call'/'put', 'C'/'P', +1/-1 or True/False (call)"


def kinds(value: Any, invalid_as_zero: bool = False) -> int | npt.NDArray[np.int8]:
    """Return +1 for calls and -1 for puts: an int for one kind, an int8 array for several.

    Parameters
    ----------
    value
        "call"/"put", "C"/"P" in any case, +1/-1, True/False (call), or an array or
        sequence of these.
    invalid_as_zero
        Give 0 for anything else, instead of an error.

    Raises
    ------
    ValueError
        Naming the first kind that is none of these, its row, and how many there are.
    """
    one = value is None or np.isscalar(value)
    array = np.asarray(None if one else value)
    if array.ndim == 0:
        item = value if one else array.item()
        sign = _sign(item)
        if not sign and not invalid_as_zero:
            raise ValueError(f"kind = {item!r} {_DEMAND}")
        return sign
    # of masked arrays (numpy.ma) what is masked is missing
    masked = np.asarray(value.mask) if hasattr(value, "filled") else np.zeros((), bool)
    if array.dtype.kind in "biuf":
        valid = np.ones(array.shape, bool) if array.dtype == bool else np.abs(array) == 1
        signs = np.where(array > 0, 1, -1).astype(np.int8)
    else:
        signs = _signs_of_words(array)
        valid = signs != 0
    valid = valid & ~masked
    if not valid.all():
        if not invalid_as_zero:
            _raise_first(array, valid)
        signs = np.where(valid, signs, 0).astype(np.int8)
    return signs


def _sign(item: Any) -> int:
    """+1, -1 or 0 (neither) of one kind."""
    if isinstance(item, bytes):
        item = item.decode("ascii", "replace")
    if isinstance(item, str):
        return _WORDS.get(item.strip().lower(), 0)
    if isinstance(item, (bool, np.bool_)):
        return 1 if item else -1
    if isinstance(item, (int, float, np.integer, np.floating)) and item in (1, -1):
        return int(item)
    return 0


def _signs_of_words(array: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """+1, -1 or 0 (neither) of each item; each distinct word is looked at once."""
    if array.dtype.kind == "O":
        return np.array([_sign(item) for item in array.ravel()], np.int8).reshape(array.shape)
    if array.dtype.kind not in "UST":  # text: fixed width, bytes, variable width
        return np.zeros(array.shape, np.int8)
    words, where = np.unique(array, return_inverse=True)
    return np.array([_sign(word) for word in words.tolist()], np.int8)[where].reshape(array.shape)


def _raise_first(array: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> None:
    bad = np.flatnonzero(~valid.ravel())
    first = int(bad[0])
    rows = "the only bad row" if len(bad) == 1 else f"{len(bad)} bad rows in all"
    raise ValueError(f"kind[{first}] = {array.ravel().tolist()[first]!r} {_DEMAND} ({rows})")
