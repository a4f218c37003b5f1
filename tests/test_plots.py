"""``.plot()`` of results: plotly figures of the same traces as the pages have."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("plotly")

import plotly.graph_objects as go

import hedgecore as hc
from hedgecore import demo, surface, venues
from hedgecore.scenarios import Node
from hedgecore.surface import Surfaces


@pytest.fixture(scope="module")
def quotes(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return venues.read(demo.write_demo(tmp_path_factory.mktemp("demo"))[0])


@pytest.fixture(scope="module")
def surfaces(quotes: Any) -> Surfaces:
    return surface.fit_all(quotes)


@pytest.fixture(scope="module")
def market(quotes: Any) -> hc.Market:
    return hc.Market.from_quotes(quotes)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> hc.Book:
    return hc.Book.from_csv(demo.write_demo(tmp_path_factory.mktemp("demo"))[1])


class TestSurface:
    def test_smiles(self, surfaces: Surfaces) -> None:
        btc = surfaces["BTC"]
        figure = btc.plot()
        assert isinstance(figure, go.Figure)
        assert len(figure.data) == len(btc)
        line = figure.data[0]
        assert np.allclose(line.y, 100 * btc.vol_at(np.array(line.x), btc.expiry[0]), rtol=1e-3)
        assert line.name == "11 Jun 2026"

    def test_quotes_beside_the_fits(self, surfaces: Surfaces, quotes: Any) -> None:
        _, smiles = surface.smiles(quotes)
        mine = [smile for smile in smiles if smile.base == "BTC"]
        figure = surfaces["BTC"].plot(quotes)
        assert len(figure.data) == 3 * len(mine)
        assert np.allclose(figure.data[1].y, 100 * mine[0].ask_vol, rtol=1e-4)
        assert figure == surfaces["BTC"].plot(mine)
        assert len(figure.layout.updatemenus[0].buttons) == len(mine)

    def test_of_no_expiry_of_it(self, surfaces: Surfaces, quotes: Any) -> None:
        _, smiles = surface.smiles(quotes)
        with pytest.raises(ValueError, match="quotes: none of an expiry of BTC"):
            surfaces["BTC"].plot([s for s in smiles if s.base == "ETH"])

    def test_without_expiry_times(self) -> None:
        one = surface.Surface("BTC", None, [0.1], [100.0], [[0.04, 0, 0, 0, 1]], [[-1, 1]])
        assert one.plot().data[0].name == "36.5 days"

    def test_terms_of_every_coin(self, surfaces: Surfaces) -> None:
        figure = surfaces.plot()
        assert [line.name for line in figure.data] == ["BTC", "ETH"]
        eth = surfaces["ETH"]
        assert np.allclose(figure.data[1].y, 100 * eth.atm_vol(eth.expiry), rtol=1e-5)
        with pytest.raises(ValueError, match="no surface to plot: ETH has no quotes"):
            Surfaces([], ["ETH has no quotes"]).plot()


class TestGrid:
    SPOT, VOL = (-0.2, 0.0, 0.1), (-0.1, 0.0, 0.1, 0.2)

    def test_heat_map(self, book: hc.Book, market: hc.Market) -> None:
        grid = book.scenarios(market, spot=self.SPOT, vol=self.VOL)
        figure = grid.plot()
        assert figure.data[0].type == "heatmap"
        assert np.allclose(np.array(figure.data[0].z), grid.pnl()[:, :, 0].T, rtol=1e-5)
        assert figure.layout.yaxis.title.text == "move of vol, points"
        grid = book.scenarios(market, spot=self.SPOT, vol=self.VOL, vol_shock="relative")
        coin = grid.plot("ETH", measure="pnl_coin")
        assert np.allclose(np.array(coin.data[0].z), grid.pnl("ETH", "coin")[:, :, 0].T, rtol=1e-5)
        assert coin.layout.yaxis.title.text == "move of vol, % of itself"

    @pytest.mark.parametrize("axis", ["spot", "vol", "time"])
    def test_ladder(self, book: hc.Book, market: hc.Market, axis: str) -> None:
        grid = book.scenarios(market, **{axis: np.array([0.0, 0.05, 0.1])})
        figure = grid.plot("BTC", measure="net_delta")
        assert np.allclose(figure.data[0].y, grid.measure("net_delta", "BTC").ravel(), rtol=1e-5)
        assert axis in figure.layout.title.text
        assert figure.layout.yaxis.title.text == "BTC"

    def test_what_cannot_be_drawn(self, book: hc.Book, market: hc.Market) -> None:
        with pytest.raises(ValueError, match="a list of nodes has no axes"):
            book.scenarios(market, nodes=[Node(0.1), Node(0.2)]).plot()
        grid = book.scenarios(market, spot=self.SPOT, vol=self.VOL)
        with pytest.raises(ValueError, match="a heat map is of pnl_usd or pnl_coin"):
            grid.plot(measure="vega_usd")
        with pytest.raises(ValueError, match="nothing in 'SOL'"):
            grid.plot("SOL")
        apart = book.scenarios(market, spot={"BTC": [-0.1, 0.1], "ETH": [-0.2, 0.2]})
        with pytest.raises(ValueError, match="by different amounts of spot: name an underlying"):
            apart.plot()
        assert apart.plot("ETH").data[0].x == (-20.0, 20.0)


class TestRisk:
    def test_greeks_by_expiry(self, book: hc.Book, market: hc.Market) -> None:
        risk = book.risk(market)
        figure = risk.plot("BTC")
        assert isinstance(figure, go.Figure)
        table = risk.table("expiry")
        mine = table["underlying"] == "BTC"
        for bars, name in zip(
            figure.data, ("net_delta", "gamma_1pct", "vega_usd", "theta_usd"), strict=True
        ):
            assert np.allclose(bars.y, table[name][mine], rtol=1e-5)

    def test_the_coin_is_named_where_there_are_several(
        self, book: hc.Book, market: hc.Market
    ) -> None:
        with pytest.raises(ValueError, match="underlying = None must be one of BTC, ETH, USDC"):
            book.risk(market).plot()
        one = hc.Book.from_frame({"instrument": ["BTC-26JUN26-92000-C"], "quantity": [1]})
        assert len(one.risk(market).plot().data) == 4


def test_a_missing_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['plotly'] = None\n"
        "import hedgecore as hc\n"
        "book = hc.Book.from_frame({'instrument': ['BTC-PERPETUAL'], 'quantity': [1000.0]})\n"
        "book.risk(hc.Market('2026-06-10', index={'BTC': 90000})).plot()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "plot() needs plotly" in done.stderr.splitlines()[-1]
    assert 'pip install "hedgecore[report]"' in done.stderr.splitlines()[-1]
