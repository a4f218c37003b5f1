"""``hedgecore scenarios`` with episodes, history and smiles that slide: the library's figures, and how it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")
pytest.importorskip("plotly")

import hedgecore as hc
from commands import check_page, error_of, run, without_library
from hedgecore import demo, surface, venues
from hedgecore.cli.scenarios import _stressed
from hedgecore.report.tails import fitted_tail
from hedgecore.surface.dynamics import SkewStickiness
from hedgecore.tails import EPISODES, History, UnknownMove, historical, simulate, stress

SMALL = ("--spot", "-0.2,0,0.1", "--vol", "0", "--time", "0")
HOURS = 3000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return demo.write_demo(tmp_path_factory.mktemp("demo"))[:2]


@pytest.fixture(scope="module")
def market(files: tuple[Path, Path]) -> hc.Market:
    return hc.Market.from_quotes(venues.read(files[0]))


@pytest.fixture(scope="module")
def book(files: tuple[Path, Path]) -> hc.Book:
    return hc.Book.from_csv(files[1])


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Hourly bars of two coins in a layout that the readers know, one walk for each."""
    folder = tmp_path_factory.mktemp("prices")
    paths = {}
    generator = np.random.default_rng(3)
    common = generator.standard_t(4, HOURS)
    for coin, start in (("BTC", 90_000.0), ("ETH", 3_000.0)):
        close = start * np.exp(np.cumsum(0.004 * (common + generator.standard_normal(HOURS))))
        first = 1_700_000_000_000 // 3_600_000 * 3_600_000
        rows = [
            f"{first + 3_600_000 * i},{c:.4f},{c * 1.001:.4f},{c * 0.999:.4f},{c:.4f},1.0"
            for i, c in enumerate(close)
        ]
        paths[coin] = folder / f"{coin}USDT_1h.csv"
        paths[coin].write_text("timestamp,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return paths


def json_of(files: tuple[Path, Path], *more: object) -> Any:
    done = run("scenarios", files[0], "--positions", files[1], *SMALL, *more, "--json", "-")
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout, parse_constant=lambda name: pytest.fail(name))


class TestStress:
    ASSUMED = ("--assume", "ETH=1.2*BTC", "--assume-vol", "BTC=0.65", "--assume-vol", "ETH=1.0*btc")

    def test_all_episodes_with_assumptions(
        self, files: tuple[Path, Path], book: hc.Book, market: hc.Market
    ) -> None:
        read = json_of(files, "--stress", *self.ASSUMED)["stress"]
        mine = stress(
            book, market, assume={"ETH": ("BTC", 1.2)}, assume_vol={"BTC": 0.65, "ETH": ("BTC", 1.0)}
        )  # fmt: skip
        assert [row["label"] for row in read["episodes"]] == mine.label.tolist()
        assert [row["pnl_usd"] for row in read["episodes"]] == mine.total.tolist()
        assert len(read["episodes"]) == 2 * len(EPISODES)
        assert mine.total.tolist() == sorted(mine.total)
        row = next(r for r in read["episodes"] if r["label"] == "2020-03-12 trough")
        assert row["spot_ETH"] == pytest.approx(1.2 * row["spot_BTC"])
        assert (row["vol_BTC"], row["vol_ETH"]) == (0.65, 0.65)

    def test_what_is_not_known_is_left_out_with_its_reason(self, files: tuple[Path, Path]) -> None:
        done = run("scenarios", files[0], "--positions", files[1], *SMALL, "--stress")
        assert done.exit_code == 0
        assert "2026-02-05 trough" in done.stdout
        assert "Left out: episode 2020-03-12: the price of ETH is not known." in done.stdout
        assert "2020-03-12 trough" not in done.stdout

    def test_a_book_that_no_episode_knows(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        path = tmp_path / "positions.csv"
        path.write_text("instrument,quantity\nBTC-26JUN26-92000-C,1\nETH-26JUN26-3000-P,1\n")
        book = hc.Book.from_csv(path)
        with pytest.raises(UnknownMove, match="left out: episode 2020-03-12: the price of ETH"):
            stress(book, hc.Market.from_quotes(venues.read(files[0])), ["2020-03-12"], skip=True)

    def test_of_none_the_command_says_so(self) -> None:
        book = hc.Book.from_frame({"instrument": ["XRP_USDC-PERPETUAL"], "quantity": [1000.0]})
        risk = book.risk(hc.Market("2026-06-10", index={"XRP": 2.0}))
        found, (said,) = _stressed(risk, {}, {}, {})
        assert found is None
        assert "the price of XRP is not known" in said
        found, said = _stressed(risk, {"XRP": ("BTC", 1.2)}, {}, {})
        assert found is not None
        assert len(found) == 2 * len(EPISODES)

    def test_page_has_a_bar_for_every_end(self, files: tuple[Path, Path], tmp_path: Path) -> None:
        html = tmp_path / "a.html"
        done = run("scenarios", files[0], "--positions", files[1], *SMALL, "--stress",
                   *self.ASSUMED, "--html", html)  # fmt: skip
        assert done.exit_code == 0
        figures = check_page(without_library(html.read_text()))
        bars = figures["stress-1"]["data"]
        assert [trace["name"] for trace in bars] == ["BTC", "ETH", "all"]
        parts = np.add(bars[0]["y"], bars[1]["y"])
        assert np.allclose(parts, bars[2]["y"], rtol=1e-4, atol=20)


class TestHistory:
    def arguments(self, prices: dict[str, Path]) -> list[object]:
        return [x for coin, path in prices.items() for x in ("--history", f"{coin}={path}")]

    def test_figures_are_the_library_s(
        self, files: tuple[Path, Path], book: hc.Book, market: hc.Market, prices: dict[str, Path]
    ) -> None:
        read = json_of(files, *self.arguments(prices), "--horizon", "2h", "--tail", "0.95")
        mine = historical(book, market, History.of(prices), horizon=2, still_vols=True)
        past, tails = read["history"], mine.tails()
        assert past["moves"] == HOURS - 2
        for name in ("value_at_risk", "expected_shortfall", "value_at_risk_error"):
            assert [row[name] for row in past["tails"]] == tails[name].tolist()
        shares = sum(row["expected_shortfall"] for row in past["contributions"])
        assert shares == pytest.approx(tails["expected_shortfall"][0], rel=1e-9)
        assert past["worst"][0]["pnl_usd"] == mine.total.min()
        assert "vols of BTC, ETH stand still" in past["notes"]
        tail, _ = fitted_tail(mine)
        assert tail is not None
        assert tail.losses == (HOURS - 2) / 2
        assert past["pareto"]["xi"] == tail.xi

    def test_tables_and_page(
        self, files: tuple[Path, Path], prices: dict[str, Path], tmp_path: Path
    ) -> None:
        html = tmp_path / "a.html"
        done = run("scenarios", files[0], "--positions", files[1], *SMALL, *self.arguments(prices),
                   "--html", html)  # fmt: skip
        assert done.exit_code == 0
        for text in ("Value at risk and expected shortfall", "10 worst dates", "13 others",
                     "No Pareto tail beyond 90 % of the 124 moves"):  # fmt: skip
            assert text in done.stdout
        figures = check_page(without_library(html.read_text()))
        (bars,) = figures["history-1"]["data"]
        assert sum(bars["y"]) == pytest.approx(100, rel=1e-4)
        assert len(figures["history-1"]["layout"]["shapes"]) == 2
        assert len(figures["history-2"]["data"][0]["x"]) == 15

    def test_real_prices_name_their_coin(self, files: tuple[Path, Path], shared: Path) -> None:
        folder = shared / "data"
        dvol = folder / "funding_vol/deribit_dvol_btc_daily_20221106_20251112.json.gz"
        both = [
            x for coin in ("BTC", "ETH")
            for x in ("--history", folder / f"prices/{coin}USDT_1h_20240416_20260416.csv.gz")
        ]  # fmt: skip
        read = json_of(files, *both, "--dvol", f"BTC={dvol}")["history"]
        assert read["moves"] == 573
        assert {"spot_BTC", "spot_ETH", "vol_BTC"} <= set(read["worst"][0])
        assert "vols of ETH stand still" in read["notes"]
        done = run("scenarios", files[0], "--positions", files[1], *both, "--dvol", dvol)
        assert done.exit_code == 2
        assert "which coin of the book (BTC, ETH) is it?" in error_of(done)

    def test_a_coin_without_prices(self, files: tuple[Path, Path], prices: dict[str, Path]) -> None:
        done = run(
            "scenarios", files[0], "--positions", files[1], "--history", f"BTC={prices['BTC']}"
        )
        assert done.exit_code == 1
        assert "the history has no prices of ETH, which the book holds" in done.stderr


class TestDynamics:
    @pytest.mark.parametrize(("word", "ratio"), [("sticky-moneyness", 0.0), ("ssr=1.6", 1.6)])
    def test_smiles_slide_everywhere(
        self, files: tuple[Path, Path], book: hc.Book, market: hc.Market, word: str, ratio: float
    ) -> None:
        read = json_of(files, "--dynamics", word, "--stress")
        rule = SkewStickiness(surface.fit_all(venues.read(files[0])), ratio)
        grid = book.scenarios(market, spot=[-0.2, 0, 0.1], vol_shock="relative", dynamics=rule)
        assert read["total"]["worst_node"]["pnl_usd"] == grid.pnl().min()
        assert read["axes"]["dynamics"].endswith("by SVI fitted to the quotes")
        assert any(line.startswith("Vols with spot:") for line in read["remarks"])
        mine = stress(book, market, skip=True, dynamics=rule)
        assert [row["pnl_usd"] for row in read["stress"]["episodes"]] == mine.total.tolist()

    def test_sticky_strike_is_the_default(self, files: tuple[Path, Path]) -> None:
        still = json_of(files, "--dynamics", "sticky-strike")
        assert still["nodes"] == json_of(files)["nodes"]
        assert still["axes"]["dynamics"] == "sticky strike"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stress", "--assume", "ETH"], "--assume: 'ETH': must be COIN=MOVE"),
        (["--stress", "--assume", "ETH=x*BTC"], "--assume: 'ETH=x*BTC': must be COIN=MOVE"),
        (["--stress", "--assume", "ETH=-1"], "--assume: 'ETH=-1': -1 takes it to zero"),
        (["--stress", "--assume", "ETH=-.1", "--assume", "eth=-.2"], "ETH stands twice"),
        (["--assume-vol", "ETH=0.1"], "--assume-vol: 'ETH=0.1': is for --stress"),
        (["--dvol", "pyproject.toml"], "is for --history, which is not given"),
        (["--history", "no-such.csv"], "--history: 'no-such.csv': there is no file"),
        (["--horizon", "soon"], "--horizon: 'soon': must be hours or days"),
        (["--horizon", "0h"], "--horizon: '0h': must be hours or days"),
        (["--dynamics", "sticky"], "--dynamics: 'sticky': must be sticky-strike"),
        (["--dynamics", "ssr=inf"], "--dynamics: 'ssr=inf': must be sticky-strike"),
    ],
)
def test_wrong_usage_names_option_and_value(
    files: tuple[Path, Path], arguments: list[str], message: str
) -> None:
    done = run("scenarios", files[0], "--positions", files[1], *arguments)
    assert done.exit_code == 2
    assert message in error_of(done)


class TestPlots:
    def test_histogram_and_episodes(self, book: hc.Book, market: hc.Market) -> None:
        draws = np.random.default_rng(1).normal(0, 0.03, (500, 2))
        sample = simulate(book, market, draws, columns=["BTC_spot", "ETH_spot"])
        figure = sample.plot(0.95)
        assert sum(figure.data[0].y) == pytest.approx(100, rel=1e-4)
        tail = sample.tail(0.95)
        assert [line.x0 for line in figure.layout.shapes] == [
            -tail.value_at_risk,
            -tail.expected_shortfall,
        ]
        beyond = [
            y
            for x, y in zip(figure.data[0].x, figure.data[0].y, strict=True)
            if x < -tail.value_at_risk
        ]
        assert sum(beyond) == pytest.approx(5, abs=2)
        fall = stress(book, market, ["2026-02-05"])
        assert fall.plot().data[-1].y == pytest.approx(fall.total, rel=1e-5)

    def test_ladder(self, book: hc.Book, market: hc.Market) -> None:
        ladder = book.ladder(market, "spot", {"BTC": [-5000, 0, 5000]}, spot_shock="absolute")
        figure = ladder.plot("BTC", "net_delta")
        assert np.allclose(figure.data[0].y, ladder["net_delta"]["BTC"], rtol=1e-5)
        assert figure.layout.xaxis.title.text == "move of spot, USD"
        assert figure.data[0].x == (-5000, 0, 5000)
        assert book.ladder(market, "vol", [0.1]).plot().data[0].x == (10.0,)

    def test_grids_know_what_their_shocks_mean(self, book: hc.Book, market: hc.Market) -> None:
        grid = book.scenarios(
            market, spot=[-1000, 0], vol=[-0.1, 0], spot_shock="absolute", vol_shock="relative"
        )
        assert (grid.spot_shock, grid.vol_shock) == ("absolute", "relative")
        figure = grid.plot()
        assert figure.layout.xaxis.title.text == "move of spot, USD"
        assert figure.layout.yaxis.title.text == "move of vol, % of itself"
        assert figure.data[0].x == ("-1,000 USD", "0 USD")
        shaped = book.scenarios(market, spot=[0, 0.1], skew=[0, 0.01])
        with pytest.raises(ValueError, match="axes of skew or curvature cannot be plotted"):
            shaped.plot()
