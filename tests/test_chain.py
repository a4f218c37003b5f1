"""The risk of a chain: against the exchange's own numbers, and against plain sums."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

pl = pytest.importorskip("polars")

import hedgecore as hc
from hedgecore.risk import COLUMNS, GREEKS, TOTALS, ChainRisk, chain_risk
from hedgecore.venues.deribit import Chain, read_chain

ChainFile = Callable[..., Path]


@pytest.fixture(scope="module")
def quarter(quarter_file: Path) -> Chain:
    return read_chain(quarter_file)


@pytest.fixture(scope="module")
def quarter_risk(quarter: Chain) -> ChainRisk:
    return chain_risk(quarter)


@pytest.fixture(scope="module")
def crash(crash_file: Path) -> ChainRisk:
    return chain_risk(read_chain(crash_file))


@pytest.fixture(scope="module")
def greeks(quarter: Chain) -> hc.Greeks:
    """At the file's vols."""
    frame = quarter.frame
    return hc.greeks(
        frame["kind"].to_numpy(),
        strike=frame["strike"].to_numpy(),
        expiry=frame["expiry"].to_numpy(),
        vol=frame["implied_volatility"].to_numpy(),
        forward=frame["underlying"].to_numpy(),
        settlement="inverse",
        which=("price", "black_delta", "vega"),
    )


def counts(risk: ChainRisk) -> dict[str, int]:
    return {defect.name: defect.count for defect in risk.defects}


class TestAgainstTheExchange:
    """The exchange rounds its vol to 0.01 points and takes marks up to minutes after the forward."""

    def test_marks(self, quarter: Chain, greeks: hc.Greeks) -> None:
        error = np.abs(greeks["price"] - quarter.frame["mark_price"].to_numpy())
        assert np.nanmedian(error) <= 1e-5

    def test_delta(self, quarter: Chain, greeks: hc.Greeks) -> None:
        error = np.abs(greeks["black_delta"] - quarter.frame["delta"].to_numpy())
        assert np.nanmedian(error) <= 2e-4

    def test_vega(self, quarter: Chain, greeks: hc.Greeks) -> None:
        usd_per_point = greeks["vega"] * quarter.frame["underlying"].to_numpy() / 100.0
        published = quarter.frame["vega"].to_numpy()
        seen = published > 1e-3  # published to 5 decimals
        assert np.median(np.abs(usd_per_point[seen] / published[seen] - 1.0)) <= 2e-3


class TestRows:
    def test_every_row_is_there_in_order(self, quarter: Chain, quarter_risk: ChainRisk) -> None:
        assert quarter_risk.frame.columns == list(COLUMNS)
        assert quarter_risk.frame["row"].equals(quarter.frame["row"])

    def test_every_row_has_every_greek(self, quarter_risk: ChainRisk) -> None:
        greeks = quarter_risk.frame.select(*GREEKS)
        assert sum(greeks.null_count().row(0)) == 0
        assert all(np.isfinite(greeks[name].to_numpy()).all() for name in GREEKS)

    def test_implied_vols_give_the_quotes_back(self, crash: ChainRisk) -> None:
        for side in ("bid", "ask", "mark"):
            rows = crash.frame.filter(pl.col(f"{side}_status") == hc.Status.OK)
            assert rows.height > 500
            price = hc.price(
                rows["kind"].to_numpy(),
                strike=rows["strike"].to_numpy(),
                expiry=rows["expiry"].to_numpy(),
                vol=rows[f"{side}_vol"].to_numpy(),
                forward=rows["forward"].to_numpy(),
                settlement="inverse",
            )
            np.testing.assert_allclose(price, rows[side].to_numpy(), rtol=1e-10, atol=1e-13)

    def test_vol_is_the_marks_else_the_files(self, crash: ChainRisk) -> None:
        frame = crash.frame
        mark, file = (frame.filter(pl.col("vol_source") == where) for where in ("mark", "file"))
        assert mark.height + file.height == frame.height
        assert file.height == counts(crash)["mark without a vol"] == 90
        assert mark["vol"].equals(mark["mark_vol"])
        assert file["vol"].equals(file["file_vol"])

    def test_statuses_are_counted(self, crash: ChainRisk) -> None:
        found = counts(crash)
        for side in ("bid", "ask", "mark"):
            status = crash.frame[f"{side}_status"].to_numpy()
            quoted = crash.frame[side].is_not_null().to_numpy()
            assert found[f"{side} below intrinsic"] == (status[quoted] == 1).sum()
            assert found[f"{side} above maximum"] == (status[quoted] == 2).sum()
            assert (status[~quoted] == hc.Status.INVALID_INPUT).all()
        assert found["bid below intrinsic"] > 0

    def test_neither_mark_nor_file_vol(self, chain_file: ChainFile) -> None:
        cells = {(3, "mark_price"): "0", (3, "implied_volatility"): "", (4, "mark_price"): ""}
        risk = chain_risk(read_chain(chain_file(cells)))
        assert risk.frame["vol_source"].to_list()[:5] == ["mark", "mark", "none", "file", "mark"]
        assert risk.frame["delta"].is_null().to_list() == [row == 2 for row in range(10)]
        found = counts(risk)
        assert (found["no vol at all"], found["file vol missing"]) == (1, 1)
        assert found["mark without a vol"] == 1
        assert risk.by_expiry()["valued"].to_list() == [9]

    def test_file_vol_far_from_the_mark(self, chain_file: ChainFile) -> None:
        clean = counts(chain_risk(read_chain(chain_file())))
        found = counts(chain_risk(read_chain(chain_file({(9, "implied_volatility"): "0.9"}))))
        assert found["file vol far from mark"] == clean["file vol far from mark"] + 1

    def test_threads_give_the_same_bits(self, crash_file: Path, crash: ChainRisk) -> None:
        for threads in (1, 2, 3):
            assert chain_risk(read_chain(crash_file), threads=threads).frame.equals(crash.frame)


class TestTotals:
    def test_layout(self, crash: ChainRisk) -> None:
        heads = ["currency", "expiry_datetime", "days", "forward", "atm_vol"]
        assert crash.by_expiry().columns == [*heads, *TOTALS]
        assert crash.by_currency().columns == ["currency", "index", *TOTALS]

    def test_plain_sums(self, crash: ChainRisk) -> None:
        for total in crash.by_expiry().iter_rows(named=True):
            rows = crash.frame.filter(
                (pl.col("currency") == total["currency"])
                & (pl.col("expiry_datetime") == total["expiry_datetime"])
            ).to_dict(as_series=True)
            held = {name: rows["open_interest"] * rows[name] for name in GREEKS}
            expected = {
                "options": len(rows["row"]),
                "open_interest": rows["open_interest"].sum(),
                "value_coin": held["price"].sum(),
                "value_usd": (held["price"] * rows["index"]).sum(),
                "delta_coin": held["delta"].sum(),
                "black_delta_coin": held["black_delta"].sum(),
                "gamma_coin_per_percent": (held["gamma"] * rows["forward"]).sum() / 100,
                "vega_coin_per_point": held["vega"].sum() / 100,
                "vega_usd_per_point": (held["vega"] * rows["index"]).sum() / 100,
                "theta_coin_per_day": held["theta"].sum() / 365,
                "theta_usd_per_day": (held["theta"] * rows["index"]).sum() / 365,
            }
            for name, value in expected.items():
                assert total[name] == pytest.approx(value, rel=1e-10, abs=1e-9), name

    def test_net_delta_is_black_delta_less_the_premium(self, crash: ChainRisk) -> None:
        table = crash.by_expiry()
        premium = (table["black_delta_coin"] - table["delta_coin"]).to_numpy()
        np.testing.assert_allclose(premium, table["value_coin"].to_numpy(), rtol=1e-9)

    def test_coins_are_kept_apart(self, crash: ChainRisk) -> None:
        by_coin = crash.by_currency()
        assert by_coin["currency"].to_list() == ["BTC", "ETH"]
        sums = crash.by_expiry().group_by("currency", maintain_order=True).sum()
        for name in TOTALS:
            np.testing.assert_allclose(by_coin[name].to_numpy(), sums[name].to_numpy(), rtol=1e-10)

    def test_atm_vol_lies_between_its_neighbours(self, crash: ChainRisk) -> None:
        atm = crash.by_expiry().filter(pl.col("currency") == "BTC")["atm_vol"].to_numpy()
        assert (atm > 0.5).all()
        assert (atm < 1.3).all()
        assert (np.diff(atm) < 0).all()  # short vols above long ones in the fall

    def test_atm_vol_needs_strikes_on_both_sides(self, chain_file: ChainFile) -> None:
        assert chain_risk(read_chain(chain_file())).by_expiry()["atm_vol"].to_list() == [None]

    def test_missing_open_interest_counts_as_none(self, chain_file: ChainFile) -> None:
        cells = {(row, "open_interest"): "" for row in range(1, 10)}
        risk = chain_risk(read_chain(chain_file({**cells, (10, "open_interest"): "2.5"})))
        total = risk.by_currency().row(0, named=True)
        assert (total["open_interest"], counts(risk)["open interest missing"]) == (2.5, 9)
        assert total["delta_coin"] == pytest.approx(2.5 * risk.frame["delta"][9])

    def test_no_usd_without_an_index(self, chain_file: ChainFile) -> None:
        total = chain_risk(read_chain(chain_file({(3, "index_price"): ""}))).by_currency()
        assert not np.isfinite(total["value_usd"][0])
        assert np.isfinite(total["value_coin"][0])


class TestSnapshots:
    def test_default_is_the_last(self, quarter_risk: ChainRisk) -> None:
        times = quarter_risk.snapshots()
        assert (len(times), times) == (355, sorted(times))
        assert quarter_risk.snapshot()["timestamp"].unique().to_list() == [times[-1]]

    @pytest.mark.parametrize(
        "at",
        [
            "2026-02-05T16:00",
            "2026-02-05T17:00+01:00",
            datetime(2026, 2, 5, 16),
            datetime(2026, 2, 5, 16, tzinfo=UTC),
            "2026-02-05T15:51:32.535650",
        ],
    )
    def test_the_last_one_at_or_before(
        self, quarter_risk: ChainRisk, crash: ChainRisk, at: str | datetime
    ) -> None:
        names = ["currency", *TOTALS]
        assert quarter_risk.by_expiry(at).select(names).rows() == [
            pytest.approx(row) for row in crash.by_expiry().select(names).rows()
        ]

    def test_before_the_first(self, quarter_risk: ChainRisk) -> None:
        with pytest.raises(ValueError, match=r"before 2025-12-31.*the first is of 2026-01-01"):
            quarter_risk.snapshot("2025-12-31")

    def test_no_time(self, crash: ChainRisk) -> None:
        with pytest.raises(ValueError, match="'noon' is not an ISO 8601 time"):
            crash.snapshot("noon")
