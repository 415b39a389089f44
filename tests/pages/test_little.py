"""Results with little in them: what cannot be drawn is left out with one line that says why."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from deleverage import pages
from deleverage.beside import Compared
from deleverage.compare import Comparison
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from tests.markets import make_columns, random_market
from tests.pages.reader import Node, charts, tree
from tests.tearsheet import sheets


def _page(result: RunResult) -> Node:
    return tree(pages.run_page(Compared(result)))


def _absent(page: Node) -> dict[str, str]:
    return {node.attributes["id"].removeprefix("absent-"): node.text
            for node in page.all(class_="absent")}


def test_no_trade_is_a_page() -> None:
    """A run without a trade has its market and equity, and says what cannot be drawn."""
    page = _page(run(RunSpec(data="test", strategy="level_reclaim", params={"levels": "9000"}),
                     random_market(1, 300)))
    missing = _absent(page)
    assert missing["distance"].endswith("nothing was held to a bar's close")
    assert missing["frontier"].endswith("no trade could be replayed")
    assert missing["waterfall"].endswith("nothing was earned or paid")
    assert "--no-scan" in missing["scan"]
    assert page.one(id="trade-list").text.endswith("none")
    assert {"chart-price", "chart-equity"} <= set(charts(page)["roots"].values())


@pytest.mark.parametrize("bars", [1, 2])
def test_one_bar_is_a_page(bars: int) -> None:
    """A market of one bar or two is drawn."""
    page = _page(run(RunSpec(data="test", strategy="buy_and_hold"), random_market(1, bars)))
    assert "all of them" in page.one(id="market").text
    assert f"{bars} bar" in page.one(id="market").text


def test_a_missing_table_is_named() -> None:
    """Without a liquidations table the chart is one line that says so; price is still drawn."""
    result = run(RunSpec(data="test", strategy="buy_and_hold"),
                 make_columns(np.linspace(3_000.0, 2_900.0, 200)))
    page = _page(result)
    assert _absent(page)["liquidations"] == (
        "Liquidations by venue no liquidations table: nothing is known of them")
    assert "chart-price" in charts(page)["roots"].values()


def test_nothing_recorded_is_a_page() -> None:
    """A result without curves and market says so, alone and in a comparison."""
    result = sheets.result()
    page = _page(result)
    assert "no curves were recorded" in _absent(page)["equity"]
    assert "no overview" in _absent(page)["price"]
    other = tree(pages.comparison_page(Comparison.of([Compared(result), Compared(result)])))
    assert "none of the results" in _absent(other)["growth"]


def test_what_is_not_a_number_is_left_out(result: RunResult) -> None:
    """NaN in curves, market and figures neither breaks the page nor is printed as a figure."""
    assert result.overview is not None
    curves, seen = result.curves(), result.overview
    lost = np.full(len(curves), np.nan)
    half = np.where(np.arange(len(curves)) % 2, curves.equity, np.nan)
    part = np.where(np.arange(len(seen)) % 3, seen.mark_low, np.nan)
    dark = {venue: np.full(len(seen), np.nan) for venue in seen.long_usd}
    page = _page(dataclasses.replace(
        result, recorded=dataclasses.replace(curves, equity=half, liquidation_price=lost,
                                             distance=lost),
        overview=dataclasses.replace(seen, mark_low=part, long_usd=dark, short_usd=dark)))
    assert "not zero" in page.one(id="market").text
    assert "no mark could liquidate" in _absent(page)["distance"]
    words = [node.text for tag in ("td", "p", "li", "figcaption") for node in page.all(tag)]
    assert words
    assert [text for text in words if "nan" in text.lower().split()] == []


def test_a_result_of_markets_by_hand_is_drawn() -> None:
    """A liquidation price far outside the market's range is told in words, not drawn to scale."""
    result = run(RunSpec(data="test", strategy="buy_and_hold", leverage=2.0),
                 make_columns(np.linspace(3_000.0, 3_010.0, 100)))
    assert "outside this frame" in _page(result).one(id="market").text
