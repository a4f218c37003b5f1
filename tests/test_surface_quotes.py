"""Smiles from dirty quotes: every reason, hopeless expiries, forwards by parity, as of a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars")

import hedgecore as hc
from hedgecore import surface
from hedgecore.surface import quotes
from test_chain import options

NOW = datetime(2026, 6, 1, tzinfo=UTC)
EXPIRY = datetime(2026, 9, 25, 8, tzinfo=UTC)


def chain_rows(vol: float = 0.6, **changes: Any) -> list[dict[str, Any]]:
    """Calls and puts of one expiry, priced by Black with a spread."""
    expiry = (EXPIRY - NOW) / timedelta(days=365)
    rows = []
    for strike in np.arange(60.0, 161.0, 10.0):
        for kind in (1, -1):
            price = hc.price(kind, strike=strike, expiry=expiry, vol=vol, forward=100.0,
                             settlement="inverse")  # fmt: skip
            rows.append({"kind": kind, "strike": strike, "bid": price * 0.99, "ask": price * 1.01,
                         "expiry": expiry, **changes})  # fmt: skip
    return rows


class TestDirtyQuotes:
    def test_every_reason_is_counted_and_the_smile_survives(self) -> None:
        rows = chain_rows()
        rows[0]["timestamp"] = NOW - timedelta(hours=1)
        rows[1]["bid"] = -0.5
        rows[2]["ask"] = None
        rows[3]["bid"], rows[3]["ask"] = rows[3]["ask"], rows[3]["bid"]
        rows.append(dict(rows[5]))
        rows[6] |= {"bid": 0.001, "ask": 0.002}
        rows[21] |= {"bid": 2.0, "ask": 3.0}
        rows[20] |= {"bid": 0.9999, "ask": 0.99995}
        rows[18] |= {"bid": 1e-5, "ask": 0.2}
        ((_, [smile])) = (quotes.smiles(options(rows)),)[0]
        assert smile.rejected == {
            "stale": 1, "not positive": 1, "one-sided": 1, "crossed": 1, "duplicate": 1,
            "below intrinsic": 1, "above maximum": 1, "absurd vol": 1, "wide": 1,
        }  # fmt: skip
        assert list(smile.rejected) == [why for why in surface.REASONS if why != "no forward"]
        assert smile.rows == 23
        fitted = surface.fit([smile])
        np.testing.assert_allclose(fitted.vol(smile.strike, smile.expiry), 0.6, atol=2e-3)
        assert "1 crossed" in fitted.report[0]

    def test_no_forward_at_all(self) -> None:
        rows = [row for row in chain_rows(forward=None) if row["kind"] == 1]
        _, [smile] = quotes.smiles(options(rows))
        assert smile.rejected == {"no forward": 11}
        _, [smile] = quotes.smiles(options(chain_rows(forward=None)))
        assert smile.forward == pytest.approx(100.0, rel=1e-3)
        assert len(smile) == 11

    def test_hopeless_expiries_leave_the_rest_alone(self) -> None:
        def days(n: int) -> dict[str, Any]:
            return {"expiry_time": EXPIRY + timedelta(days=n)}

        rows = chain_rows()
        rows += chain_rows(**days(1))[:2]  # one strike
        rows += [row | {"bid": None} for row in chain_rows(**days(2))]  # all one-sided
        rows += [row | {"bid": None, "ask": None} for row in chain_rows(**days(3))]  # empty
        rows += [row | {"bid": -1.0, "ask": float("nan")} for row in chain_rows(**days(4))]
        rows += [row | {"strike": 100.0} for row in chain_rows(**days(5))]  # one strike, repeated
        rows += chain_rows(base="ETH", currency="ETH")[:4]
        for model in surface.MODELS:
            fitted = surface.fit_all(options(rows), model=model)
            assert list(fitted) == ["BTC"]
            assert len(fitted["BTC"]) == 1
            assert fitted["BTC"].atm_vol(0.3) == pytest.approx(0.6, abs=2e-3)
            assert len(fitted["BTC"].report) == 6
            assert len(fitted.report) == 6
            assert all("no slice, a fit needs 3" in line for line in fitted.report)
            assert any("22 one-sided" in line for line in fitted.report)
            assert np.isnan(fitted("ETH", 100.0, [100.0], 0.1)).all()

    def test_no_quotes(self) -> None:
        with pytest.raises(ValueError, match="no quotes of options"):
            quotes.smiles(options(chain_rows()).clear())
        with pytest.raises(ValueError, match="no quotes of options at or before 2020"):
            quotes.smiles(options(chain_rows()), "2020-01-01")
        with pytest.raises(ValueError, match="forward must be 'venue' or 'parity'"):
            quotes.smiles(options(chain_rows()), forward="mid")  # type: ignore[arg-type]

    def test_as_of(self) -> None:
        """What came later is not known."""
        later = NOW + timedelta(hours=6)
        rows = chain_rows() + [row | {"timestamp": later} for row in chain_rows(0.9)]
        frame = options(rows).with_columns(
            instrument=pl.format("{}-{}", "strike", "kind"),
        )
        for at, time, vol in ((NOW + timedelta(hours=1), NOW, 0.6), (None, later, 0.9)):
            fitted = surface.fit_all(frame, at)["BTC"]
            assert fitted.asof == time
            assert fitted.atm_vol(fitted.expiry[0]) == pytest.approx(vol, abs=2e-2)

    def test_parity_of_linear_options(self) -> None:
        strike = np.arange(50.0, 151.0, 5.0)
        discount, forward = 0.97, 101.3
        call = 9.0 + np.maximum(discount * (forward - strike), 0)
        put = call - discount * (forward - strike)
        found = surface.parity(strike, call, put)
        assert (found.forward, found.discount) == pytest.approx((forward, discount), rel=1e-12)
        call[[2, 9, 17]] += [30.0, -20.0, 15.0]
        found = surface.parity(strike, call, put)
        assert (found.forward, found.discount) == pytest.approx((forward, discount), rel=2e-3)
        assert np.isnan(surface.parity(strike, put, call).forward)  # swapped: a negative discount
        assert np.isnan(surface.parity(strike[:0], call[:0], put[:0]).forward)
        inverse = surface.parity(strike, np.maximum(1 - strike / forward, 0) + 0.1,
                                 np.maximum(strike / forward - 1, 0) + 0.1, inverse=True)  # fmt: skip
        assert (inverse.forward, inverse.discount) == pytest.approx((forward, 1.0), rel=1e-12)

    @pytest.mark.parametrize("inverse", [False, True])
    def test_parity_of_dirty_columns(self, inverse: bool) -> None:
        strike = np.arange(50.0, 151.0, 5.0)
        put = np.full(len(strike), 0.2)
        call = put + (1 - strike / 101.3 if inverse else 101.3 - strike)
        call[3], put[8], dirty = np.nan, np.nan, strike.copy()
        dirty[12] = np.nan
        found = surface.parity(dirty, call, put, inverse=inverse)
        assert (found.forward, found.discount) == pytest.approx((101.3, 1.0), rel=1e-12)
        assert found.pairs == len(strike) - 3
        with pytest.raises(
            ValueError, match=r"equal in length, not of shapes \(21,\), \(20,\) and"
        ):
            surface.parity(strike, call[1:], put, inverse=inverse)
        strike[5] = strike[6]
        with pytest.raises(ValueError, match=r"strike = 80.0 stands 2 times"):
            surface.parity(strike, call, put, inverse=inverse)

    def test_discounted_linear_quotes_have_the_vol_they_were_made_with(self) -> None:
        expiry = (EXPIRY - NOW) / timedelta(days=365)
        rows = chain_rows(settlement="linear", currency="USDC", forward=99.0)
        for row in rows:
            price = 0.98 * hc.price(
                row["kind"], strike=row["strike"], expiry=expiry, vol=0.6, forward=100.0
            )
            row |= {"bid": float(price) * 0.999, "ask": float(price) * 1.001}
        _, [smile] = quotes.smiles(options(rows), forward="parity")
        assert (smile.forward, smile.discount) == pytest.approx((100.0, 0.98), rel=1e-9)
        np.testing.assert_allclose(smile.vol, 0.6, rtol=1e-9)

    def test_both_forwards_are_told(self) -> None:
        """The venue's and that of parity, whichever is used."""
        rows = chain_rows(forward=100.5)
        for used, forward in (("venue", 100.5), ("parity", 100.0)):
            _, [smile] = quotes.smiles(options(rows), forward=used)  # type: ignore[arg-type]
            assert smile.forward == pytest.approx(forward, rel=1e-9)
            assert smile.venue_forward == 100.5
            assert smile.parity.forward == pytest.approx(100.0, rel=1e-9)
            assert (smile.parity.discount, smile.parity.pairs) == (1.0, 11)
        _, [smile] = quotes.smiles(options(chain_rows(forward=None)))
        assert np.isnan(smile.venue_forward)
        assert smile.forward == smile.parity.forward
        calls = [row for row in rows if row["kind"] == 1]
        _, [smile] = quotes.smiles(options(calls), forward="parity")
        assert (smile.forward, smile.parity.pairs) == (100.5, 0)
        assert np.isnan(smile.parity.forward)

    def test_parity_is_of_two_sided_uncrossed_pairs_alone(self) -> None:
        rows = chain_rows()
        rows[0]["bid"] = None
        rows[3]["bid"], rows[3]["ask"] = 0.9, 0.1
        rows[4]["timestamp"] = NOW - timedelta(hours=2)
        _, [smile] = quotes.smiles(options(rows))
        assert smile.parity.pairs == 8

    def test_quotes_at_the_edge_of_each_rule(self) -> None:
        """What is equal to a bound stays in; a locked market has a vol; 0 is no quote."""
        rows = chain_rows()
        rows[0]["timestamp"] = NOW - timedelta(minutes=15)
        rows[3]["ask"] = rows[3]["bid"]
        rows[5]["bid"] = 0.0
        rows[6]["ask"] = float("inf")
        rows[7]["strike"] = float("nan")
        _, [smile] = quotes.smiles(options(rows))
        assert smile.rejected == {"not positive": 2, "one-sided": 1}

    def test_two_coins_and_settlements_do_not_mix(self) -> None:
        rows = chain_rows(0.6) + chain_rows(0.8, base="ETH", currency="ETH")
        linear = chain_rows(0.7, settlement="linear", currency="USDC")
        for row in linear:
            row |= {"bid": 100 * row["bid"], "ask": 100 * row["ask"]}
        _, found = quotes.smiles(options(rows + linear))
        assert [(s.base, s.settlement) for s in found] == [
            ("BTC", "inverse"), ("BTC", "linear"), ("ETH", "inverse"),
        ]  # fmt: skip
        for smile, vol in zip(found, (0.6, 0.7, 0.8), strict=True):
            assert smile.rows == 22
            np.testing.assert_allclose(smile.vol, vol, rtol=1e-6)

    def test_one_good_expiry_among_hopeless_ones_has_a_strip(self) -> None:
        rows = chain_rows()
        for day, changes in enumerate(({"bid": None}, {"bid": -1.0}, {"strike": 100.0}), start=1):
            rows += [row | changes for row in chain_rows(expiry_time=EXPIRY + timedelta(days=day))]
        _, smiles = quotes.smiles(options(rows))
        found = surface.model_free(smiles)
        assert len(found.strips) == 1
        assert len(found.left_out) == 3
        assert "2026-09-26: 0 strikes" in found.left_out[0]

    def test_nothing_left_is_an_error_that_says_why(self) -> None:
        _, smiles = quotes.smiles(options([row | {"bid": None} for row in chain_rows()]))
        for model in surface.MODELS:
            with pytest.raises(ValueError, match=r"no expiry has enough strikes: .*22 one-sided"):
                surface.fit(smiles, model=model)
        with pytest.raises(ValueError, match="fit takes the smiles of one base and settlement"):
            surface.fit([])
        assert not surface.model_free(smiles).strips

    def test_expired_rows_are_not_of_the_surface(self) -> None:
        rows = [row | {"expiry_time": NOW} for row in chain_rows()]
        assert quotes.smiles(options(rows)) == (NOW, [])
        assert not surface.fit_all(options(rows))


def test_limits_of_the_filters_are_what_they_should_be() -> None:
    from hedgecore.surface import quotes

    for change, error, words in (
        ({"max_age": 900}, TypeError, "max_age must be a datetime.timedelta, not 900"),
        ({"max_vol": -3}, ValueError, "max_vol = -3 must be positive"),
        ({"max_width": 0.0}, ValueError, "max_width = 0.0 must be positive"),
    ):
        with pytest.raises(error, match=words):
            quotes.smiles(None, **change)
