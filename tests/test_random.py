"""Philox: the published words, the layout of the numbers, normals by quantile, independence of everything but their place."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import levels
from hedgecore import _core
from hedgecore.paths import normals, philox, uniforms

ONES = 0xFFFFFFFF


def key(low: int, high: int) -> int:
    return high << 32 | low


#: Random123 1.14.0, kat_vectors, philox4x32 10: counter, key, words.
PUBLISHED = [
    ([0, 0, 0, 0], key(0, 0), [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([ONES] * 4, key(ONES, ONES), [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        key(0xA4093822, 0x299F31D0),
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]


def slow_philox(counter: list[int], seed: int) -> list[int]:
    """The definition, in whole numbers of Python."""
    c0, c1, c2, c3 = counter
    k0, k1 = seed & ONES, seed >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = p1 >> 32 ^ c1 ^ k0, p1 & ONES, p0 >> 32 ^ c3 ^ k1, p0 & ONES
        k0, k1 = k0 + 0x9E3779B9 & ONES, k1 + 0xBB67AE85 & ONES
    return [c0, c1, c2, c3]


@pytest.mark.parametrize(("counter", "seed", "words"), PUBLISHED)
@pytest.mark.parametrize("rows", [1, 2, 8, 21])
def test_published_words(counter: list[int], seed: int, words: list[int], rows: int) -> None:
    """Alone, and in every lane of a vector."""
    got = philox([counter] * rows, seed)
    assert got.dtype == np.uint32
    assert (got == words).all()
    assert (philox(counter, seed) == words).all()


def test_output_of_the_standard_library() -> None:
    """C++26 [rand.predef]: the 10,000th number of a default-constructed std::philox4x32 is 1955073260."""
    assert philox([2499, 0, 0, 0], 20111115)[3] == 1955073260


word = st.integers(0, ONES)


@given(
    st.lists(st.tuples(word, word, word, word), min_size=1, max_size=40), st.integers(0, 2**64 - 1)
)
def test_words_are_those_of_the_definition(counters: list[tuple[int, ...]], seed: int) -> None:
    expected = [slow_philox(list(counter), seed) for counter in counters]
    assert philox(counters, seed).tolist() == expected


def layout(seed: int, path: int, number: int, stream: int) -> float:
    """The uniform as the documentation states it."""
    words = slow_philox([number >> 1, stream, path & ONES, path >> 32], seed)
    low, high = words[2 * (number & 1) : 2 * (number & 1) + 2]
    return ((high << 32 | low) >> 12) / 2**52 + 2.0**-53


@given(
    st.integers(0, 2**64 - 1),
    st.integers(0, 2**64 - 300),
    st.integers(0, 2**33 - 40),
    st.integers(0, ONES),
    st.integers(1, 140),
    st.integers(1, 35),
)
def test_numbers_lie_where_the_documentation_says(
    seed: int, path: int, first: int, stream: int, n_paths: int, n: int
) -> None:
    got = uniforms(seed, n_paths, n, stream=stream, first_path=path, first=first)
    for i in {0, n_paths // 2, n_paths - 1}:
        for j in {0, n // 2, n - 1}:
            assert got[i, j] == layout(seed, path + i, first + j, stream)


def test_normals_are_the_quantiles_of_the_uniforms() -> None:
    u, z = (f(3, 1000, 300, stream=5, first=7) for f in (uniforms, normals))
    quantiles = _core.normal_quantile(u.ravel()).reshape(u.shape)
    np.testing.assert_array_equal(z.view("u8"), quantiles.view("u8"))


def test_same_bits_on_every_level() -> None:
    code = "result['u'] = hc.paths.uniforms(9, 333, 21); result['z'] = hc.paths.normals(9, 333, 21)"
    u, z = uniforms(9, 333, 21), normals(9, 333, 21)
    for level in levels.AVAILABLE:
        got = levels.run_at(level, code)
        np.testing.assert_array_equal(got["u"], u, err_msg=level)
        if level != "v2":  # without multiply-add the last bits differ
            np.testing.assert_array_equal(got["z"], z, err_msg=level)
        np.testing.assert_allclose(got["z"], z, rtol=2e-15, atol=0)


def test_antithetic_pairs() -> None:
    plain = uniforms(4, 50, 11)
    u = uniforms(4, 100, 11, antithetic=True)
    np.testing.assert_array_equal(u[::2], plain)
    np.testing.assert_array_equal(u[1::2], 1 - plain)
    z = normals(4, 100, 11, antithetic=True)
    np.testing.assert_array_equal(z[::2], -z[1::2])
    np.testing.assert_array_equal(uniforms(4, 31, 11, first_path=7, antithetic=True), u[7:38])


def correlation(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    """In standard errors of independent numbers."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1] * np.sqrt(a.size))


def test_numbers_are_uniform_and_independent() -> None:
    n_paths, n = 4000, 100
    u = uniforms(20261127, n_paths, n)
    assert 0 < u.min() < 1e-4
    assert 1 - 1e-4 < u.max() < 1
    counts = np.histogram(u, 64, (0, 1))[0]
    chi_square = ((counts - u.size / 64) ** 2 / (u.size / 64)).sum()
    assert abs(chi_square - 63) < 4.5 * np.sqrt(2 * 63)
    for other in (
        uniforms(20261128, n_paths, n),
        uniforms(20261127, n_paths, n, stream=129),
        uniforms(20261127, n_paths, n, first_path=1),
        uniforms(20261127, n_paths, n, first=1),
    ):
        assert abs(correlation(u, other)) < 4.5
    z = normals(20261127, n_paths, n)
    assert abs(z.mean()) < 4.5 / np.sqrt(z.size)
    assert abs(z.var() - 1) < 4.5 * np.sqrt(2 / z.size)
    assert abs((z**4).mean() - 3) < 4.5 * np.sqrt(96 / z.size)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"seed": -1}, ValueError, "seed = -1 must be from 0 to 18446744073709551615"),
        ({"seed": 2**64}, ValueError, "seed = 18446744073709551616 must be"),
        ({"seed": 1.0}, TypeError, "seed must be a whole number, not 1.0"),
        ({"seed": True}, TypeError, "seed must be a whole number, not True"),
        ({"n_paths": -3}, ValueError, "n_paths = -3 must be from 0"),
        ({"stream": 2**32}, ValueError, "stream = 4294967296 must be"),
        ({"first": 2**33}, ValueError, "numbers of a stream are below"),
        ({"first_path": 2**64 - 1}, ValueError, "first_path [+] paths must be below"),
        ({"threads": 0}, ValueError, "threads must be from 1 to 1024, not 0"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    good: dict[str, object] = {"seed": 1, "n_paths": 3, "n": 4}
    for function in (uniforms, normals):
        with pytest.raises(error, match=message):
            function(**{**good, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "counters", [[1, 2, 3], [[1, 2, 3, 4, 5]], [0.5, 0, 0, 0], [-1, 0, 0, 0], [2**32, 0, 0, 0]]
)
def test_bad_counters(counters: list[object]) -> None:
    with pytest.raises(ValueError, match="counters must be"):
        philox(counters, 1)  # type: ignore[arg-type]
