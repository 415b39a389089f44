"""Analyzers in a Cerebro of one's own: the same figures as a result, stock engine included."""

from __future__ import annotations

import inspect
from typing import Any

import backtrader as bt
import numpy as np
import pytest

import deleverage as dl
from deleverage.analyzers.base import record_of
from deleverage.columns import MarketColumns
from deleverage.errors import UnknownName, UsageError
from deleverage.runner import run
from deleverage.spec import RunSpec
from deleverage.statistics.costs import costs
from deleverage.statistics.curves import account_curves
from tests.markets import make_columns, random_market
from tests.results.markets import Wobbler

NAMES = ("Drawdown", "LeverageExposure", "NearMisses", "Liquidations", "FundingLedger",
         "TradeList", "Returns", "Costs", "Paradox", "SurvivalFrontier", "Cascades")


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
    assert found["FundingLedger"]["figures"] == figures["funding"]
    assert len(found["FundingLedger"]["ledger"]) == figures["funding"]["payments"] > 0
    assert found["Costs"] == figures["costs"]
    assert found["Returns"] == figures["performance"]
    assert found["Cascades"] == figures["cascades"]
    assert found["Paradox"] == figures["paradox"]
    assert found["SurvivalFrontier"] == figures["frontier"]
    assert found["TradeList"]["figures"] == figures["trades"]
    assert len(found["TradeList"]["list"]) == figures["trades"]["count"] + figures["trades"]["open"]


def test_an_instrument_is_chosen_by_its_symbol() -> None:
    """With two feeds the first is analysed, or the one named; a misspelt one is told so."""
    markets = [random_market(seed, 400, symbol=symbol) for seed, symbol in (
        (1, "ETHUSDT"), (2, "BTCUSDT"))]
    first = ran(dl.Cerebro, *markets)
    assert first.analyzers.tradelist.get_analysis()["list"]
    other = ran(dl.Cerebro, *markets, symbol="BTCUSDT")
    assert other.analyzers.tradelist.get_analysis()["list"] == []
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


class Pair(bt.Strategy):  # type: ignore[misc]
    """Buys, sells and closes either of two instruments at random bars."""

    params = (("seed", 0),)

    def __init__(self) -> None:
        self.chance = np.random.default_rng(self.p.seed)

    def next(self) -> None:
        """One random order now and then."""
        if self.chance.random() > 0.1:
            return
        data = self.datas[self.chance.integers(2)]
        if self.getposition(data).size and self.chance.random() < 0.5:
            self.close(data)
        else:
            act = self.buy if self.chance.random() < 0.5 else self.sell
            act(data, size=round(6_000 / data.close[0], 3))


@pytest.mark.parametrize("seed", range(6))
def test_two_instruments_on_different_clocks_add_up(seed: int) -> None:
    """A cross account of ETH on 5m and BTC on 7m bars, listed later, gone earlier: every booking
    belongs to a position, their nets are the account's, and the union curve ends at its value."""
    eth = random_market(seed, 900, step="5m")
    btc = random_market(seed + 100, 500, step="7m", symbol="BTCUSDT", price=80_000.0,
                        start="2026-01-28T06:00")
    cerebro = dl.Cerebro()
    for columns in (eth, btc):
        cerebro.adddata(dl.feeds.PerpetualData(columns=columns))  # type: ignore[call-arg]
    cerebro.setbroker(dl.PerpetualBroker(leverage=20, margin="cross", cash=1_500,
                                         path=("adverse", "ohlc", "favourable")[seed % 3]))
    cerebro.addstrategy(Pair, seed=seed)
    ran = cerebro.run()[0]
    worth, nets = ran.broker.getvalue() - 1_500, []
    for symbol in ("ETHUSDT", "BTCUSDT"):
        record = record_of(ran, symbol)
        fall = costs(record.journal, record.episodes, record.trades, symbol)
        assert fall.unattributed == pytest.approx(0.0, abs=1e-6)
        nets.append(fall.net)
        assert (record.curves.worst_equity <= record.curves.equity + 1e-9).all()
    assert sum(nets) == pytest.approx(worth, abs=1e-6)
    union = account_curves(ran.broker.journal, eth, [btc], clock="union")
    assert union.equity[-1] == pytest.approx(worth + 1_500)
    assert len(union) > len(eth)
    own = record_of(ran, "ETHUSDT").curves
    at = np.searchsorted(union.close_ns, own.close_ns)
    np.testing.assert_allclose(own.equity, union.equity[at])
