"""Random numbers that are a function of where they are used.

The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2,
3", SC 2011).  The 64-bit seed is its key.  Every pair of a path and a stream has an endless sequence of
numbers; number m is half ``m % 2`` of call ``m // 2``, whose counter has the words

====  ====================
word  content
====  ====================
0     the call
1     the stream
2, 3  the path, low half first
====  ====================

A call returns words w0 to w3: half 0 is the 64-bit number ``w1 * 2**32 + w0``, half 1 ``w3 * 2**32 + w2``.
With k its upper 52 bits, the uniform is ``(k + 0.5) / 2**52``, in (0, 1); a normal is the quantile of a
uniform.  With antithetic pairs, paths 2j and 2j + 1 take the numbers of path j, the second of them 1 - u
for every u.

Models take number s of a stream for the step from time s to s + 1.  A stream is kind + 256 asset + 65536
index; the kinds are those of :data:`STREAMS`.  The choice of rows of a history takes number s + 1, its
number 0 draws the start.  Kinds from 128 to 255 are left to users.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hedgecore import _core

#: Kinds of streams.
STREAMS = {
    "price": 0,
    "variance": 1,
    "jump_count": 2,
    "jump_size": 3,
    "choice": 4,
    "splice": 5,
    "process": 6,
    "spike": 7,
    "execution": 8,
    "inclusion": 9,
    "outage": 10,
}


def whole(value: Any, name: str, low: int, high: int) -> int:
    """Return value as an int, or raise an error that names the argument."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} = {value} must be from {low} to {high}")
    return int(value)


def seed_of(seed: Any) -> int:
    """Return a seed of 64 bits."""
    return whole(seed, "seed", 0, 2**64 - 1)


def philox(counters: npt.ArrayLike, seed: int) -> npt.NDArray[np.uint32]:
    """Return the words of Philox4x32-10.

    Parameters
    ----------
    counters
        Of shape (4,) or (n, 4): words of 32 bits.
    seed
        The key: its low 32 bits are word 0 of the key.
    """
    words = np.asarray(counters)
    if words.ndim not in (1, 2) or words.shape[-1] != 4:
        raise ValueError(f"counters must be of shape (4,) or (n, 4), not {words.shape}")
    if words.dtype.kind not in "iu" or (words.size and not 0 <= words.min() <= words.max() < 2**32):
        raise ValueError("counters must be whole numbers from 0 to 2**32 - 1")
    return _core.philox4x32(seed_of(seed), words.reshape(-1, 4).astype(np.uint32)).reshape(
        words.shape
    )


def _numbers(
    normal: bool, seed: Any, n_paths: Any, n: Any, stream: Any, first_path: Any, first: Any,
    antithetic: bool, threads: int | None,
) -> npt.NDArray[np.float64]:  # fmt: skip
    return _core.path_numbers(
        seed_of(seed),
        whole(first_path, "first_path", 0, 2**64 - 1),
        whole(n_paths, "n_paths", 0, 2**40),
        whole(stream, "stream", 0, 2**32 - 1),
        whole(first, "first", 0, 2**33),
        whole(n, "n", 0, 2**33),
        normal,
        bool(antithetic),
        threads,
    )


def uniforms(
    seed: int,
    n_paths: int,
    n: int,
    *,
    stream: int = 128,
    first_path: int = 0,
    first: int = 0,
    antithetic: bool = False,
    threads: int | None = None,
) -> npt.NDArray[np.float64]:
    """Return uniforms in (0, 1), of shape (n_paths, n): numbers ``first`` to ``first + n`` of each path.

    Parameters
    ----------
    seed
        0 to 2**64 - 1.
    n_paths, first_path
        Rows, and the path of the first of them.
    n, first
        Columns, and the number of the first of them.
    stream
        Which sequence of the paths; 128 to 255 are used by no model.
    antithetic
        Path 2j + 1 has one minus the uniforms of path 2j.
    threads
        Of the core, for this call.
    """
    return _numbers(False, seed, n_paths, n, stream, first_path, first, antithetic, threads)


def normals(
    seed: int,
    n_paths: int,
    n: int,
    *,
    stream: int = 128,
    first_path: int = 0,
    first: int = 0,
    antithetic: bool = False,
    threads: int | None = None,
) -> npt.NDArray[np.float64]:
    """Return standard normals: the quantiles of :func:`uniforms`, which has the arguments.

    ``normals(seed, n_paths, n_steps, stream=0)`` are those that drive the price of a model's first asset.
    """
    return _numbers(True, seed, n_paths, n, stream, first_path, first, antithetic, threads)
