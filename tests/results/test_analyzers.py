"""Analyzers in a Cerebro of one's own: the same figures as a result, stock engine included."""

from __future__ import annotations

import inspect
from typing import Any

import backtrader as bt
import pytest

import deleverage as dl
from deleverage.columns import MarketColumns
from deleverage.errors import UnknownName, UsageError
from deleverage.runner import run
from deleverage.spec import RunSpec
from tests.markets import make_columns, random_market
from tests.results.markets import Wobbler

NAMES = ("Drawdown", "LeverageExposure", "NearMisses", "Liquidations", "Funding", "Trades",
         "Performance")


def ran(engine: type[bt.Cerebro], *markets: MarketColumns, **analyzers: Any) -> Any:
    """The strategy after a run under ``engine`` with every analyzer."""
    cerebro = engine()
    for columns in markets:
        cerebro.adddata(dl.feeds.PerpetualData(columns=columns))  # type: ignore[call-arg]
    cerebro.setbroker(dl.PerpetualBroker(leverage=25, slippage_bp=2.0))
    cerebro.addsizer(dl.sizers.MarginFraction, fraction=0.2)
    cerebro.addstrategy(Wobbler, seed=2)
    for name in NAMES:
        cerebro.addanalyzer(getattr(dl.analyzers, name), _name=name.lower(), **analyzers)
    return cerebro.run()[0]


@pytest.mark.parametrize("engine", [bt.Cerebro, dl.Cerebro])
def test_the_same_figures_as_a_result(engine: type[bt.Cerebro]) -> None:
    """Each analyzer gives the part of the statistics that a RunResult holds, to the bit."""
    columns = random_market(2, 1_000, step="5m")
    strategy = ran(engine, columns)
    made = RunSpec(data="test", strategy="wobbler", params={"seed": 2}, leverage=25)
    figures = run(made, columns, Wobbler).statistics
    found = {name: getattr(strategy.analyzers, name.lower()).get_analysis() for name in NAMES}
    assert found["Drawdown"] == figures["drawdown"]
    assert found["LeverageExposure"] == figures["exposure"]
    assert found["NearMisses"] == figures["near_misses"]
    assert found["Liquidations"] == figures["liquidations"]
    assert found["Funding"] == figures["funding"]
    assert found["Performance"] == figures["performance"]
    assert found["Trades"]["figures"] == figures["trades"]
    assert len(found["Trades"]["list"]) == figures["trades"]["count"] + figures["trades"]["open"]


def test_an_instrument_is_chosen_by_its_symbol() -> None:
    """With two feeds the first is analysed, or the one named; a misspelt one is told so."""
    markets = [random_market(seed, 400, symbol=symbol) for seed, symbol in (
        (1, "ETHUSDT"), (2, "BTCUSDT"))]
    first = ran(dl.Cerebro, *markets)
    assert first.analyzers.trades.get_analysis()["list"]
    other = ran(dl.Cerebro, *markets, symbol="BTCUSDT")
    assert other.analyzers.trades.get_analysis()["list"] == []
    with pytest.raises(UnknownName, match="did you mean 'BTCUSDT'"):
        ran(dl.Cerebro, *markets, symbol="BTCUSD")


def test_a_stock_broker_is_refused_before_the_run() -> None:
    """Without a journal there is nothing to analyse; the error names the broker to set."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(dl.feeds.PerpetualData(  # type: ignore[call-arg]
        columns=make_columns([3_000.0] * 3)))
    cerebro.addstrategy(Wobbler)
    cerebro.addanalyzer(dl.analyzers.Drawdown)
    with pytest.raises(UsageError, match="reads the journal of a PerpetualBroker"):
        cerebro.run()


@pytest.mark.parametrize("name", NAMES)
def test_shells_are_jump_safe_and_hide_no_feed(name: str) -> None:
    """An engine may jump over bars, and no attribute hides backtrader's data… names."""
    shell = getattr(dl.analyzers, name)
    assert shell.jump_safe
    assert "next" not in vars(shell)
    own = {attribute for kind in inspect.getmro(shell) if kind.__module__.startswith("deleverage")
           for attribute in vars(kind)}
    assert not [attribute for attribute in own if attribute.startswith("data")]
    assert not [key for key in shell.params._getkeys() if key.startswith("data")]


def test_the_room_lists_its_names() -> None:
    """``__all__`` and ``dir`` are the public names; others raise AttributeError."""
    assert set(NAMES) | {"LeverageScan"} == set(dl.analyzers.__all__) == set(dir(dl.analyzers))
    with pytest.raises(AttributeError, match="has no attribute 'Sharpe'"):
        _ = dl.analyzers.Sharpe
