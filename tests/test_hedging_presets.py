"""Presets: what they make of seconds, gas and pools, and that they run; gas prices of real chains."""

from __future__ import annotations

import csv
import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hedgecore as hc
from hedgecore import hedging as hg
from hedgecore.hedging.presets import YEAR

STEP = 4.0 / YEAR  # of 4 seconds


def shown(preset: hg.Preset) -> dict[str, Any]:
    steps = 900
    option = hg.Option(strike=100, expiry=steps * STEP, vol=0.6, quantity=-1)
    run = hg.simulate(
        option, hc.paths.GBM(vol=0.6), hg.DeltaBand(width=0.02), n_paths=200, steps=steps, seed=1, keep=hg.LEDGERS, **preset.arguments(),
    )  # fmt: skip
    return {name: run.mean(name)[0] for name in hg.LEDGERS}


def test_a_centralised_api() -> None:
    preset = hg.centralised_api(STEP)
    assert preset.costs.proportional == pytest.approx(5.1e-4)
    assert preset.execution.poll == 1
    assert preset.rounding == {"poll": (5.0, pytest.approx(4.0))}
    means = shown(preset)
    assert means["fee"] / means["turnover"] == pytest.approx(5e-4)
    assert means["spread"] / means["turnover"] == pytest.approx(1e-5)
    assert means["fixed"] == 0


def test_seconds_that_no_step_tells() -> None:
    with pytest.raises(ValueError, match=r"poll = 5 s cannot be told in steps of 60 s: take shorter steps, or coarse=True for 60 s"):  # fmt: skip
        hg.centralised_api(60 / YEAR)
    assert hg.centralised_api(60 / YEAR, coarse=True).rounding["poll"] == (5.0, pytest.approx(60.0))
    with pytest.raises(ValueError, match=r"inclusion = 4\.8 s cannot be told in steps of 60 s"):
        hg.l2_vault(60 / YEAR, gas=0.1, gas_coin=3000, poll=60)
    with pytest.raises(ValueError, match="step = 0 must be positive"):
        hg.centralised_api(0)


def test_gas_of_a_swap() -> None:
    assert hg.swap_gas() == 149_000
    assert hg.swap_gas(hops=2, ticks=3) == 21_000 + 2_000 + 160_000 + 93_000
    assert hg.swap_gas(chain="arbitrum") == 152_000
    with pytest.raises(ValueError, match="hops = 0 must be 1 or more"):
        hg.swap_gas(hops=0)


def test_a_person_on_the_first_layer() -> None:
    preset = hg.l1_manual(STEP, gas=50.0, gas_coin=3000.0, look=600.0, pool_coins=1e5)
    assert preset.costs.fixed == pytest.approx(149_000 * 50e-9 * 3000)
    assert preset.costs.impact == pytest.approx(1e-3)
    assert (preset.execution.poll, preset.execution.blocks) == (150, hg.Blocks(every=3))
    means = shown(preset)
    assert means["fixed"] == pytest.approx(means["trades"] * preset.costs.fixed)
    assert means["trades"] < 2 + 6
    # a small trade in a pool of constant product: x coins, y USD
    x, q = 1e5, 3.0
    y = 100.0 * x
    paid = y * x / (x - q) - y
    assert paid / q - 100.0 == pytest.approx(preset.costs.impact * q, rel=1e-4)


def test_a_vault_on_the_first_layer() -> None:
    costs = {"gas_coin": 3000.0, "gas_units": 200_000}
    now = hg.l1_vault(STEP, gas="2025-11-26", **costs)
    netted = hg.l1_vault(STEP, gas="2025-11-26", window=600.0, settle_size=0.2, **costs)
    assert now.levels == {"gas": hg.GAS["2025-11-26"]}
    assert netted.execution.settlement == hg.Settlement(every=150, size=0.2)
    every, some = shown(now), shown(netted)
    assert some["trades"] < every["trades"]
    assert some["exposure"] > every["exposure"]
    # gas of 0.058 gwei: 3.5 cents a trade
    assert every["fixed"] / every["trades"] == pytest.approx(200_000 * 0.0581e-9 * 3000, rel=0.03)


def test_a_vault_on_the_second_layer() -> None:
    preset = hg.l2_vault(STEP, gas=0.02, gas_coin=3000.0)
    shares = np.asarray(preset.execution.latency)
    # a median of 4.8 s in steps of 4: half of them come by then
    assert np.interp(4.8 / 4, np.arange(len(shares)), np.cumsum(shares)) == pytest.approx(0.5, abs=0.06)  # fmt: skip
    assert preset.execution.blocks is None
    assert preset.rounding["block"] == (0.25, 0.0)
    assert hg.l2_vault(1 / YEAR, gas=0.02, gas_coin=3000.0, chain="base").execution.blocks == hg.Blocks(every=2)  # fmt: skip
    assert shown(preset)["latency"] != 0
    with pytest.raises(ValueError, match="chain must be 'arbitrum' or 'base', not 'solana'"):
        hg.l2_vault(STEP, gas=0.02, gas_coin=3000.0, chain="solana")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="gas_coin = 0 must be positive"):
        hg.l2_vault(STEP, gas=0.02, gas_coin=0)


FILES = {
    "2021": ("eth_basefee_every15blocks_20210805_20211231.csv.gz", "base_fee_gwei", 15 * 13.413, 18),
    "2022-05-12": ("eth_basefee_blocks_20220512.csv.gz", "basefee_gwei", 34_002 / 2399, 64),
    "2025-11-26": ("eth_basefee_blocks_20251126.csv.gz", "basefee_gwei", 10_932 / 898, 5),
}  # fmt: skip


def fees(shared: Path, name: str) -> Any:
    file, column, seconds, lag = FILES[name]
    with gzip.open(shared / "data" / "gas" / file, "rt") as lines:
        return np.array([float(row[column]) for row in csv.DictReader(lines)]), seconds / YEAR, lag


@pytest.mark.parametrize("name", FILES)
def test_gas_prices_are_those_of_the_chain(shared: Path, name: str) -> None:
    prices, step, lag = fees(shared, name)
    fitted, kept = hc.paths.fit_gas_price(prices, step, lag), hg.GAS[name]
    for attribute in ("mean", "vol", "reversion"):
        assert getattr(kept, attribute) == pytest.approx(getattr(fitted, attribute), rel=5e-3)


def test_a_bootstrap_of_real_gas(shared: Path) -> None:
    """Fees of blocks, drawn as a level of the model beside returns, are the fixed cost."""
    prices, _, _ = fees(shared, "2022-05-12")
    returns = np.random.default_rng(1).normal(0, 0.6 * math.sqrt(STEP), len(prices))
    model = hc.paths.Bootstrap(returns, levels={"gas": prices}, block=60)
    preset = hg.l1_vault(STEP, gas="gas", gas_coin=2000.0)
    assert preset.levels == {}
    run = hg.simulate(
        hg.Option(strike=100, expiry=300 * STEP, vol=0.6, quantity=-1), model, hg.DeltaBand(width=0.02), n_paths=300, steps=300, seed=1,
        **preset.arguments(),
    )  # fmt: skip
    each = run.mean("fixed")[0] / run.mean("trades")[0]
    assert each == pytest.approx(149_000e-9 * 2000 * prices.mean(), rel=0.2)


def test_fitting_a_gas_price() -> None:
    """The process that is simulated comes back."""
    process = hc.paths.gas_price(median=30.0, std=0.4, half_life=200 * STEP)
    levels = hc.paths.simulate(
        hc.paths.GBM(vol=0.5), n_paths=1, n_steps=60_000, horizon=60_000 * STEP, seed=4, every=1, levels={"gas": process}, keep=("levels",),
    ).levels  # fmt: skip
    fitted = hc.paths.fit_gas_price(levels["gas"][0], STEP, 20)
    assert fitted.mean == pytest.approx(math.log(30.0), abs=0.1)
    assert fitted.reversion == pytest.approx(process.reversion, rel=0.3)
    assert fitted.vol == pytest.approx(process.vol, rel=0.2)
    for prices, message in (
        ([1.0, 2.0, -1.0, 1.0], r"prices\[2\] = -1.0 must be positive"),
        ([1.0, 1.0, 1.0, 1.0], "all are the same"),
        ([1.0, 2.0, 1.0, 2.0, 1.0], "the autocorrelation of the logarithms at lag 1 is -1"),
        ([1.0], "lag = 1 must be from 1"),
    ):
        with pytest.raises(ValueError, match=message):
            hc.paths.fit_gas_price(prices, STEP)
