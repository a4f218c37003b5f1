"""The bounds of docs/accuracy.md on fewer points, the machinery that measures them, the document."""

from __future__ import annotations

import ctypes
import platform
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mpmath as m
import numpy as np
import pytest
from flint import arb

import hedgecore as hc
import oracle
from accuracy import exact
from accuracy.cases import (
    CASES,
    FORMS,
    FUNCTIONS,
    GROUPS,
    Case,
    Contract,
    Row,
    greeks_case,
    option_targets,
)
from accuracy.measure import Measured, measure, rows_of
from builds import LEVELS, flags, toolchain
from conftest import ROOT
from levels import AVAILABLE
from terms import mp

BY_NAME = {f"{case.group}: {case.name}": case for case in CASES}


@pytest.mark.parametrize("name", BY_NAME)
def test_every_result_is_within_its_bound_at_every_level(name: str) -> None:
    case = BY_NAME[name]
    measured = measure(case, 60 if case in FUNCTIONS else 3, AVAILABLE)
    for output in measured.outputs.values():
        assert output.compared.sum() > 200
    assert measured.violations() == []


def inlined(level: str) -> ctypes.CDLL:
    """The functions that no table of kernels lists, compiled by themselves with the flags of a level."""
    chain, name = toolchain("gcc", platform.machine()), f"plain_logarithm_{level}"
    given = (*flags("kernel_flags"), *flags(f"flags_{level}"))
    compiled = chain.compile(ROOT / "cpp" / "tests" / "plain_logarithm.cpp", name, *given)
    return ctypes.CDLL(str(chain.make(chain.folder / f"{name}.so", ["-shared", str(compiled)])))


def pointer(values: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)


def test_the_logarithm_that_prices_use() -> None:
    case = BY_NAME["vector functions: log_ratio"]
    sample = case.sample(60)
    a, b = sample.arguments.values()
    exact_values = [exact.split(case.exact(row)["log_ratio"].value) for row in rows_of(sample)]
    near, lack = np.array(exact_values).T
    for level in set(AVAILABLE) & set(LEVELS[platform.machine()]):
        got = np.empty_like(a)
        inlined(level).plain_log_ratio(
            pointer(a), pointer(b), pointer(got), ctypes.c_size_t(len(a))
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ulps = np.abs((got - near) - lack * near) / np.spacing(np.abs(near))
        worst = int(np.argmax(np.where(near == 0, got != 0, ulps)))
        print(f"{level}: {ulps[worst]:.2f} ulp at ({a[worst]!r}, {b[worst]!r})")
        assert ulps[worst] < 2.1, (level, a[worst], b[worst], got[worst], near[worst])


def test_the_inverse_root_that_policies_use() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([np.exp(rng.uniform(-700, 700, 2000)), rng.uniform(1e-4, 4, 4000)])
    with m.workdps(40):
        values = [1 / m.sqrt(m.mpf(v)) for v in x.tolist()]
    for level in set(AVAILABLE) & set(LEVELS[platform.machine()]):
        got = np.empty_like(x)
        inlined(level).inverse_roots(pointer(x), pointer(got), ctypes.c_size_t(len(x)))
        ulps = [
            abs(m.mpf(g) - v) / np.spacing(float(v))
            for g, v in zip(got.tolist(), values, strict=True)
        ]
        assert max(ulps) < 2, level


# --- the exact values ---------------------------------------------------------------------------


def exact_quantile(p: float) -> m.mpf:
    """By Newton's iteration on the logarithm of the distribution."""
    p = m.mpf(p)
    if p == 0.5:
        return m.mpf(0)
    tail = min(p, 1 - p)
    if abs(p - m.mpf(0.5)) < m.mpf("0.1"):
        x = m.sqrt(2) * m.erfinv(abs(2 * p - 1))
    else:
        x = m.sqrt(max(-2 * m.log(tail) - m.log(2 * m.pi), m.mpf("0.05")))
        for _ in range(60):
            n = m.erfc(x / m.sqrt(2)) / 2
            step = n * m.log(n / tail) * m.sqrt(2 * m.pi) * m.exp(x * x / 2)
            x += step
            if abs(step) < m.mpf(10) ** -50 * x:
                break
    return -x if p < 0.5 else x


DEFINITIONS = {
    "exp": lambda x: m.exp(m.mpf(x)),
    "log": lambda x: m.log(m.mpf(x)),
    "log_ratio": lambda a, b: m.log(m.mpf(a) / m.mpf(b)),
    "normal_pdf": lambda x: m.exp(-(m.mpf(x) ** 2) / 2) / m.sqrt(2 * m.pi),
    "normal_cdf": lambda x: m.erfc(-m.mpf(x) / m.sqrt(2)) / 2,
    "normal_quantile": exact_quantile,
}


@pytest.mark.parametrize("case", FUNCTIONS, ids=lambda case: case.name)
def test_exact_functions_are_those_of_mpmath(case: Case) -> None:
    with m.workdps(60):
        for row in rows_of(case.sample(1)):
            value = case.exact(row)[case.name].value
            assert abs(mp(value) - DEFINITIONS[case.name](*row.values())) <= 1e-45 * abs(mp(value))


def oracle_option(row: Row, contract: Contract) -> oracle.Option:
    x, k, t, vol = (row[name] for name in ("x", "strike", "expiry", "vol"))
    form = {"model": contract.model, "payoff": contract.payoff}
    if "rate" in row:
        return oracle.Option(int(row["kind"]), x, k, t, vol, row["rate"], row["carry"], **form)
    with m.workdps(120):
        rate = -m.log(m.mpf(row.get("discount", 1.0))) / m.mpf(t)
    return oracle.Option(int(row["kind"]), x, k, t, vol, rate, rate, forward_form=True, **form)


def moderate_options(
    case: Case, contract: Contract, n: int = 1
) -> list[tuple[exact.ClosedForm, oracle.Option]]:
    """Options of a case within the digits of the oracle, all over the map; exact and for the oracle."""
    pairs = []
    for row in rows_of(case.sample(1)):
        option = oracle_option(row, contract)
        total = row["vol"] * row["expiry"] ** 0.5
        relative = total / abs(row["x"]) if contract.model == "bachelier" and row["x"] else total
        if abs(oracle.d1(option)) < 14 and 1e-5 < relative < 10:
            pairs.append((row, option))
    chosen = pairs[len(pairs) // (2 * n) :: max(1, len(pairs) // n)][:n]  # not the money alone
    with exact.precision(600):
        return [(contract.closed_form.of(row), option) for row, option in chosen]


CLOSED_FORMS = {
    group: contract for group, (make, contract) in GROUPS.items() if make is greeks_case
}


@pytest.mark.parametrize("settlement", ["linear", "inverse"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("group", CLOSED_FORMS)
def test_closed_forms_are_derivatives_of_the_price(group: str, form: str, settlement: str) -> None:
    case = BY_NAME[f"{group}: {settlement}, {form}"]
    for closed, option in moderate_options(case, CLOSED_FORMS[group]):
        with exact.precision(600):
            greeks = closed.greeks(settlement)
            kappa = float(closed.condition)
        assert len(greeks) == 16 + (form == "spot") + 2 * (settlement == "inverse")
        for name, terms in greeks.items():
            expected = oracle.greek(option, name, settlement, digits=110)
            with m.workdps(110):
                error, size = abs(mp(terms.value) - expected), mp(terms.size)
                # exactly at the money some are 0, and the numerical derivative nearly so
                vanishes = size == 0 and error < 1e-60
                assert error <= 1e-25 * size or vanishes, (name, option, mp(terms.value), expected)
                assert size >= abs(mp(terms.value)) * (1 - m.mpf(10) ** -50)
        if form != "discounted forward":  # there the oracle's inputs are the rate, not the discount
            assert kappa == pytest.approx(oracle.condition_number(option), rel=1e-12)


@pytest.mark.parametrize("group", ["implied vols", "Bachelier: implied vols"])
def test_implied_vol_is_bracketed(group: str) -> None:
    """The exact value of the option is below the price a hair below that vol, above it above."""
    case, (_, contract) = BY_NAME[f"{group}: inverse, spot"], GROUPS[group]
    targets = [(row, case.exact(row).get("vol")) for row in rows_of(case.sample(1))]
    solved = [(row, t.value) for row, t in targets if t is not None and np.isfinite(t.bound)]
    assert len(solved) > 50
    for row, vol in solved:
        with exact.precision(1200):
            price, hair = arb(row["price"]) * arb(row["x"]), arb(2) ** -160
            option = contract.closed_form.of(row)
            values = [replace(option, vol=vol * factor).value for factor in (1 - hair, 1 + hair)]
            assert values[0] < price < values[1]


def test_sizes_of_terms() -> None:
    """Terms add in absolute value, products expand."""
    a, b = exact.Sum(3.0), exact.Sum(-2.0)
    assert float((a + b).value) == 1
    assert float((a + b).size) == 5
    assert float(((a + b) * (a - b) / -2.0).size) == 12.5
    assert (a + b).mixed
    assert not (a - b).mixed


def test_digits_are_certified_even_where_terms_cancel() -> None:
    """With 256 bits nothing would be left of 1e-100 beside 1."""

    def compute() -> dict[str, arb]:
        return {"x": (1 + arb(10) ** -100) - 1}

    with exact.precision(60):  # whatever is in force outside
        found = exact.certified(compute)["x"]
    with exact.precision(600):
        assert abs(found * arb(10) ** 100 - 1) < arb(10) ** -49


# --- errors are found ---------------------------------------------------------------------------

PLANTED = [
    ("prices and Greeks: linear, forward", "result['price'] *= 1 + 1e-13", "price"),
    ("prices and Greeks: inverse, spot", "result['color'][7] = np.nan", "color"),
    ("prices and Greeks: linear, spot", "result['phi'] = -result['phi']", "phi"),
    ("prices and Greeks: inverse, forward", "result['vanna'] += 1e-9 * result['vega']", "vanna"),
    ("prices and Greeks: linear, discounted forward", "result['rho'] *= 1 - 1e-12", "rho"),
    ("implied vols: linear, forward", "result['vol'] *= 1 + 3e-15", "vol"),
    ("cash-or-nothing digitals: inverse, spot", "result['gamma'] *= 1 + 1e-11", "gamma"),
    ("asset-or-nothing digitals: linear, forward", "result['ultima'] *= 1 + 1e-10", "ultima"),
    ("Bachelier: prices and Greeks: linear, spot", "result['speed'] *= 1 + 1e-12", "speed"),
    ("Bachelier: implied vols: inverse, forward", "result['vol'] *= 1 + 3e-15", "vol"),
    ("vector functions: exp", "result['exp'] = np.nextafter(result['exp'], np.inf)", "exp"),
]


@pytest.mark.parametrize(("name", "damage", "result"), PLANTED)
def test_a_planted_error_is_found(name: str, damage: str, result: str) -> None:
    case = replace(BY_NAME[name], code=f"{BY_NAME[name].code}\n{damage}")
    found = measure(case, 1, AVAILABLE[-1:]).violations()
    assert len(found) == 1
    assert f": {result} ({AVAILABLE[-1]})" in found[0]


def test_the_contract_is_the_one_of_the_docs() -> None:
    """Half-ulps by hand, for an option whose terms of d1 have one sign."""
    row = {"kind": 1.0, "x": 110.0, "strike": 100.0, "expiry": 0.25, "vol": 0.5}
    targets = option_targets(lambda: exact.Black.of(row), "linear")
    option = oracle_option(row, Contract())
    kappa, d1 = oracle.condition_number(option), oracle.d1(option)
    assert targets["price"].bound == pytest.approx(8 * (kappa + 1) * 2.0**-53, rel=1e-12)
    assert targets["delta"].bound == pytest.approx(8 * (kappa + 1 + d1**2) * 2.0**-53, rel=1e-12)
    assert all(target.slack < 1e-25 for target in targets.values())


# --- the document -------------------------------------------------------------------------------

DOCUMENT = ROOT / "docs" / "accuracy.md"


def tables(text: str) -> dict[tuple[str, str], list[list[str]]]:
    """The rows by section and by the heading or bold-free paragraph that introduces them."""
    found: dict[tuple[str, str], list[list[str]]] = {}
    section = title = ""
    for line in text.splitlines():
        if line.startswith("## "):
            section = line[3:]
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split(" | ")]
            found.setdefault((section, title), []).append([cell.strip("| ") for cell in cells])
        elif line.strip():
            title = line.strip("# ")
    return found


@pytest.fixture(scope="module")
def document() -> str:
    return DOCUMENT.read_text()


def test_tables_of_the_document_are_rectangular(document: str) -> None:
    found = tables(document)
    assert len(found) > 12
    for title, lines in found.items():
        assert len({len(cells) for cells in lines}) == 1, title
        assert set("".join(lines[1])) <= {"-"}, title


def test_document_names_every_case_and_result(document: str) -> None:
    found = tables(document)
    listed = {
        (cells[0], cells[1])
        for cells in found["By level", "The largest error in units of what is allowed."]
    }
    assert {(case.group, case.name) for case in CASES} <= listed
    by_result = {cells[0] for cells in found["Worst inputs", "For each result the input of the largest error in units of what is allowed."]}  # fmt: skip
    assert set(hc.pricing.GREEK_NAMES) | {case.name for case in FUNCTIONS} | {"vol"} <= by_result


def test_document_states_what_the_tests_hold(document: str) -> None:
    """No declared error is above what is allowed, and the bounds are those of the cases."""
    assert "Results that break what is allowed:\n\nNone." in document
    found = tables(document)
    levels = found["By level", "The largest error in units of what is allowed."]
    ratios = [float(cell) for cells in levels[2:] for cell in cells[4:]]
    ratios += [
        float(cell)
        for (_, title), lines in found.items()
        if title == "The largest error in units of what is allowed:"
        for cells in lines[2:]
        for cell in cells[1:]
        if cell != "-"
    ]
    assert len(ratios) > 17 * 6 * len(CLOSED_FORMS)
    assert min(ratios) > 0
    assert max(ratios) <= 1
    bounds = {
        cells[0]: float(cells[-1]) for cells in found["Vector functions", "Errors in ulp."][2:]
    }
    for case in FUNCTIONS:
        target = case.exact(next(rows_of(case.sample(1))))[case.name]
        assert bounds[case.name] == pytest.approx(target.bound / target.unit)


def test_numerics_states_the_bounds_of_the_functions() -> None:
    text = (ROOT / "docs" / "numerics.md").read_text()
    names = {"exp": "exp", "log": "ln", "log_ratio": "ln(a / b)", "normal_pdf": "normal density",
             "normal_cdf": "normal distribution", "normal_quantile": "normal quantile"}  # fmt: skip
    for case in FUNCTIONS:
        target = case.exact(next(rows_of(case.sample(1))))[case.name]
        (stated,) = re.findall(
            rf"^\| {re.escape(names[case.name])} \|.*\| ([\d.]+) \|$", text, re.MULTILINE
        )
        assert float(stated) == pytest.approx(target.bound / target.unit)


def test_document_has_no_date(document: str) -> None:
    assert not re.search(r"20\d\d-\d\d|\b\d\d:\d\d\b", document)


def test_command_writes_the_whole_file_or_none(tmp_path: Path) -> None:
    """A run over fewer cases, and one that is interrupted."""
    target = tmp_path / "accuracy.md"
    program = (
        "import sys; from accuracy import __main__ as command\n"
        "chosen = ('vector functions: exp', 'prices and Greeks: linear, forward',"
        " 'Bachelier: implied vols: linear, forward')\n"
        "command.CASES[:] = [c for c in command.CASES if c.group + ': ' + c.name in chosen]\n"
        "{}\n"
        f"sys.argv = ['accuracy', '--points', '1', '--output', {str(target)!r}]\n"
        "sys.exit(command.main())"
    )

    def run(change: str) -> subprocess.CompletedProcess[str]:
        paths = ":".join(str(ROOT / name) for name in ("tools", "tests"))
        return subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {paths!r}.split(':')\n{program.format(change)}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    stop = "def stop(*_): raise KeyboardInterrupt\ncommand.measure = stop"
    interrupted = run(stop)
    assert interrupted.returncode == 130, interrupted.stderr
    assert "interrupted" in interrupted.stderr
    assert list(tmp_path.iterdir()) == []
    whole = run("")
    assert whole.returncode == 0, whole.stderr
    assert list(tmp_path.iterdir()) == [target]
    text = target.read_text()
    assert {"Vector functions", "Prices and Greeks", "Bachelier: implied vols"} <= set(re.findall("^## (.*)$", text, re.MULTILINE))  # fmt: skip
    assert "[3/3] Bachelier: implied vols: linear, forward" in whole.stderr


def test_a_point_does_not_depend_on_the_other_cases() -> None:
    case = CASES[3]
    first, second = case.sample(2), case.sample(2)
    assert all(np.array_equal(first.arguments[name], second.arguments[name]) for name in first.arguments)  # fmt: skip
    other = CASES[7].sample(2)
    assert not np.array_equal(other.arguments["x"], CASES[8].sample(2).arguments["x"])


def test_measured_rows_are_the_arguments_as_given() -> None:
    measured: Measured = measure(BY_NAME["prices and Greeks: linear, forward"], 1, AVAILABLE[:1])
    row = measured.row(5)
    price = hc.price(row["kind"], strike=row["strike"], expiry=row["expiry"], vol=row["vol"], forward=row["x"])  # fmt: skip
    assert price == pytest.approx(measured.outputs["price"].value[5], rel=1e-12)
