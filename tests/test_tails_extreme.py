"""Generalised Pareto tails and backtests of value at risk."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgecore.tails import coverage, mean_excess, pareto

stats = pytest.importorskip("scipy.stats")


def sample(xi: float, n: int, seed: int = 0, beta: float = 2.0) -> Any:
    """P&L whose losses are generalised Pareto."""
    return -stats.genpareto.rvs(xi, scale=beta, size=n, random_state=np.random.default_rng(seed))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("xi", [-0.3, -0.05, 0.0, 0.1, 0.3, 0.8, 1.3])
def test_likelihood_is_not_below_scipys(xi: float, seed: int) -> None:
    fit = pareto(sample(xi, 4000, seed), 0.9)
    losses = -sample(xi, 4000, seed)
    excess = losses[losses > fit.threshold] - fit.threshold
    assert fit.excesses == len(excess) == 400

    def height(shape: float, scale: float) -> float:
        return float(stats.genpareto.logpdf(excess, shape, scale=scale).sum())

    shape, _, scale = stats.genpareto.fit(excess, floc=0)
    mine = height(fit.xi, fit.beta)
    assert mine >= height(shape, scale) - 1e-6
    for move in (1e-4, -1e-4):  # a maximum in both directions
        assert mine >= height(fit.xi + move, fit.beta) - 1e-9
        assert mine >= height(fit.xi, fit.beta * (1 + move)) - 1e-9


@pytest.mark.parametrize("method", ["mle", "pwm"])
@pytest.mark.parametrize("xi", [-0.2, 0.0, 0.25])
def test_errors_are_the_spread_over_many_samples(method: Any, xi: float) -> None:
    """Losses of which all beyond a fixed level are kept: estimates and their stated errors."""
    fits = [pareto(sample(xi, 4000, 100 + seed), 0.5, method=method) for seed in range(300)]
    found = np.array([(f.xi, f.beta, f.xi_error, f.beta_error) for f in fits])
    beta = 2.0 * 2**xi  # of the excesses over the median
    assert found[:, 0].mean() == pytest.approx(xi, abs=0.01)
    assert found[:, 1].mean() == pytest.approx(beta, rel=0.02)
    assert found[:, 0].std() == pytest.approx(found[:, 2].mean(), rel=0.15)
    # the threshold is estimated too: beta wanders with it by xi times its own error
    assert found[:, 1].std() == pytest.approx(found[:, 3].mean(), rel=0.2)


@pytest.mark.parametrize("method", ["mle", "pwm"])
@pytest.mark.parametrize("xi", [-0.2, 0.0, 0.3])
def test_measures_are_those_of_the_distribution(method: Any, xi: float) -> None:
    fit = pareto(sample(xi, 100_000), 0.95, method=method)
    for level in (0.975, 0.99, 0.999):
        at_risk = stats.genpareto.ppf(level, xi, scale=2.0)
        shortfall = (at_risk + 2.0) / (1 - xi)
        errors = fit.errors(level)
        assert fit.value_at_risk(level) == pytest.approx(at_risk, abs=4 * errors[0])
        assert fit.expected_shortfall(level) == pytest.approx(shortfall, abs=4 * errors[1])
        assert errors[1] < 0.1 * shortfall
    share = fit.excesses / fit.losses
    tail = 1 - (1 - 0.99) / share
    ours = fit.threshold + stats.genpareto.ppf(tail, fit.xi, scale=fit.beta)
    assert fit.value_at_risk(0.99) == pytest.approx(ours)
    mean = stats.genpareto(fit.xi, scale=fit.beta).expect(
        lambda y: y, lb=ours - fit.threshold, conditional=True
    )
    assert fit.expected_shortfall(0.99) == pytest.approx(fit.threshold + mean, rel=1e-6)
    assert fit.value_at_risk(0.95) == pytest.approx(fit.threshold, rel=1e-9)


def test_tails_of_students_t_have_its_shape() -> None:
    fit = pareto(np.random.default_rng(0).standard_t(4, 200_000), 0.99)
    assert fit.xi == pytest.approx(0.25, abs=4 * fit.xi_error)
    assert fit.value_at_risk(0.9995) == pytest.approx(stats.t.ppf(0.9995, 4), rel=0.05)


def test_errors_of_the_measures_are_their_spread() -> None:
    fits = [pareto(sample(0.2, 5000, 500 + seed), 0.9) for seed in range(300)]
    found = np.array([(f.value_at_risk(0.995), *f.errors(0.995), f.expected_shortfall(0.995))
                      for f in fits])  # fmt: skip
    # the formula holds the threshold, and with it the share beyond it, to be drawn
    assert found[:, 0].std() == pytest.approx(found[:, 1].mean(), rel=0.25)
    assert found[:, 3].std() == pytest.approx(found[:, 2].mean(), rel=0.3)


@given(scale=st.floats(1e-6, 1e9), shift=st.floats(-10, 10))
def test_scale_and_shift(scale: float, shift: float) -> None:
    pnl = sample(0.2, 1500)
    one, other = pareto(pnl, 0.9), pareto(scale * (pnl + shift), 0.9)
    assert other.xi == pytest.approx(one.xi, abs=1e-6)
    assert other.beta == pytest.approx(scale * one.beta, rel=1e-6)


def test_mean_excess_is_a_line_of_the_right_slope() -> None:
    table = mean_excess(sample(0.2, 200_000), [0.5, 0.8, 0.9, 0.95])
    slope = np.polyfit(table["threshold"], table["mean_excess"], 1)[0]
    assert slope == pytest.approx(0.2 / 0.8, abs=0.03)
    losses = -sample(0.2, 200_000)
    beyond = losses[losses > table["threshold"][2]] - table["threshold"][2]
    assert table["mean_excess"][2] == pytest.approx(beyond.mean())
    assert table["excesses"][2] == len(beyond)


def test_tables_and_text() -> None:
    fit = pareto(sample(0.3, 5000), 0.9)
    table = fit.table()
    assert table["expected_shortfall"][1] == fit.expected_shortfall(0.99)
    assert "xi" in repr(fit)
    heavy = pareto(sample(1.4, 5000), 0.9)
    assert np.isinf(heavy.table([0.99])["expected_shortfall"][0])
    with pytest.raises(ValueError, match="from 1 on the expected shortfall is infinite"):
        heavy.expected_shortfall(0.99)
    assert np.isinf(pareto(sample(0.8, 5000), 0.9, method="pwm").xi_error)


@pytest.mark.parametrize(
    ("pnl", "more", "text"),
    [
        (np.arange(1000.0), {"quantile": 0.95}, "50 of 1000 losses lie beyond the threshold at 0.95"),
        ([1.0, np.nan], {}, r"pnl\[1\] = nan must be finite"),
        (np.zeros((3, 3)), {}, "must be one-dimensional"),
        (np.arange(5000.0), {"method": "moments"}, "method must be 'mle' or 'pwm'"),
        (np.arange(5000.0), {"quantile": 1.0}, "quantile = 1.0 must be between 0 and 1"),
    ],
)  # fmt: skip
def test_clear_errors(pnl: Any, more: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        pareto(pnl, **more)
    with pytest.raises(ValueError, match="lies before the threshold"):
        pareto(sample(0.1, 2000), 0.9).value_at_risk(0.8)


def test_a_simulation_stands_for_its_losses() -> None:
    import hedgecore as hc
    from hedgecore.tails import simulate

    held = hc.Book.from_frame({"instrument": ["BTC"], "quantity": [1.0]})
    market = hc.Market("2026-06-10", index={"BTC": 100_000.0})
    moves = 0.02 * np.clip(np.random.default_rng(5).standard_t(4, 3000), -20, 20)
    result = simulate(held, market, {"BTC_spot": moves})
    assert pareto(result, 0.9) == pareto(result.total, 0.9)
    assert mean_excess(result)["error"].tolist() == mean_excess(result.total)["error"].tolist()
    weight = np.linspace(0.5, 2, 3000)
    uneven = simulate(held, market, {"BTC_spot": moves, "weight": weight})
    for fit in (pareto, mean_excess):
        with pytest.raises(
            ValueError, match=r"run from 0.5 to 2: pareto counts every loss the same"
        ):
            fit(uneven)


# --- backtests


def test_kupiecs_ratio_is_the_binomial_one() -> None:
    """250 days at 99 % with 7 exceptions: 5.497, rejected at 5 %."""
    pnl = np.zeros(250)
    pnl[::40] = -2.0
    found = coverage(pnl, 1.0, 0.99)
    assert found.exceptions == 7
    x, n = 7, 250
    ratio = 2 * (stats.binom.logpmf(x, n, x / n) - stats.binom.logpmf(x, n, 0.01))
    assert found.frequency == pytest.approx(ratio)
    assert found.frequency_p == pytest.approx(stats.chi2.sf(ratio, 1))
    assert found.frequency == pytest.approx(5.497, abs=5e-4)
    assert found.frequency_p < 0.05


def test_clusters_are_not_independent() -> None:
    """Ten exceptions in a row and ten spread out: the same frequency, another independence."""
    row, spread = np.zeros(400), np.zeros(400)
    row[100:110] = -2
    spread[::40] = -2
    one, other = coverage(row, np.ones(400), 0.975), coverage(spread, 1.0, 0.975)
    assert one.frequency == other.frequency == pytest.approx(0, abs=1e-12)
    assert one.independence_p < 1e-6
    assert other.independence_p > 0.3
    # by hand: transitions 388 quiet-quiet, 1, 1, 9
    free = 388 * np.log(388 / 389) + np.log(1 / 389) + np.log(1 / 10) + 9 * np.log(9 / 10)
    tied = 389 * np.log(389 / 399) + 10 * np.log(10 / 399)
    assert one.independence == pytest.approx(2 * (free - tied))
    assert one.both == one.frequency + one.independence
    assert one.both_p == pytest.approx(stats.chi2.sf(one.both, 2))
    assert one.independence_p == pytest.approx(stats.chi2.sf(one.independence, 1))


def test_right_forecasts_are_rejected_as_often_as_the_test_says() -> None:
    generator = np.random.default_rng(0)
    found = [coverage(generator.standard_normal(2000), 1.6448536, 0.95) for _ in range(500)]
    assert np.mean([f.frequency_p < 0.05 for f in found]) == pytest.approx(0.05, abs=0.03)
    assert np.mean([f.independence_p < 0.05 for f in found]) == pytest.approx(0.05, abs=0.04)
    wrong = [coverage(1.3 * generator.standard_normal(2000), 1.6448536, 0.95) for _ in range(50)]
    assert np.mean([f.both_p < 0.05 for f in wrong]) > 0.95


def test_no_exceptions_and_only_exceptions() -> None:
    none = coverage(np.zeros(100), 1.0, 0.99)
    assert none.frequency == pytest.approx(-200 * np.log(0.99))
    assert none.independence == 0
    assert none.independence_p == 1
    every = coverage(-np.ones(100), 0.5, 0.99)
    assert every.exceptions == 100
    assert every.frequency_p < 1e-30


@pytest.mark.parametrize(
    ("pnl", "feared", "text"),
    [
        ([1.0], 1.0, "a series of at least 2"),
        ([1.0, 2.0], [1.0], r"value_at_risk of shape \(1,\)"),
        ([1.0, np.inf], 1.0, r"pnl\[1\] = inf must be finite"),
        ([1.0, 2.0], [1.0, np.nan], r"value_at_risk\[1\] = nan"),
    ],
)
def test_clear_errors_of_backtests(pnl: Any, feared: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        coverage(pnl, feared, 0.99)
