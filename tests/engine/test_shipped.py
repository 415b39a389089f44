"""The strategies in the folder, on the SYNTHETIC scenarios and on a real year: one run, however."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import backtrader as bt
import pytest

import deleverage as dl
from deleverage import scenarios
from deleverage.columns import MarketColumns
from deleverage.errors import MissingTable
from deleverage.strategies import registry
from tests.engine.runs import (
    DENSE,
    JUMP,
    MODES,
    STOCK,
    THOROUGH,
    Mode,
    Outcome,
    Thorough,
    Watched,
    engine_of,
    outcome_of,
)

EVERY_BAR = {"random_entry": {"trades": 6, "hold": "6h"}}  # parameters beside the defaults


@cache
def listening(name: str) -> type[bt.Strategy]:
    """A shipped strategy that writes down what it is told, and when it acts."""
    kind: Any = registry.load(name)

    class Listening(kind):  # type: ignore[misc]
        """Notes every call of user code and passes it on."""

        def __init__(self) -> None:
            self.told: list[Any] = []
            super().__init__()

        def act(self) -> None:
            self.told.append((len(self) - 1, "act", self.broker.getvalue(), self.position.size))
            super().act()

        def notify_order(self, order: bt.Order) -> None:
            done = order.executed
            self.told.append((len(self) - 1, "order", order.ref, order.getstatusname(), done.size,
                              done.price, done.pnl, self.broker.getcash(), dict(order.info)))
            super().notify_order(order)

        def notify_trade(self, trade: bt.Trade) -> None:
            self.told.append((len(self) - 1, "trade", trade.status, trade.pnlcomm, trade.barlen))
            super().notify_trade(trade)

        def notify_liquidation(self, event: Any) -> None:
            self.told.append((len(self) - 1, "liquidation", event))

        def notify_funding(self, payment: Any) -> None:
            self.told.append((len(self) - 1, "funding", payment))

    return Listening


def ran(name: str, columns: MarketColumns, mode: Mode, step: str | None = None,
        beside: MarketColumns | None = None, **account: Any) -> Outcome:
    """A shipped strategy on a market, on bars of ``step``, with another market ``beside`` it that
    it does not trade: isolated, 10x, a fifth of equity as margin."""
    engine = engine_of(mode)
    engine.adddata(dl.feeds.PerpetualData(columns=columns, step=step))
    if beside is not None:
        engine.adddata(dl.feeds.PerpetualData(columns=beside))
    broker = (Thorough if mode.thorough else Watched)(
        **{"leverage": 10, "missing": "impute", **account})
    engine.setbroker(broker)
    engine.addsizer(dl.sizers.MarginFraction)
    engine.addstrategy(listening(name), **EVERY_BAR.get(name, {}))
    return outcome_of(engine, broker, engine.run()[0].told)


@pytest.mark.parametrize("market", scenarios.names())
def test_shipped_strategies_jump_through_the_scenarios(market: str) -> None:
    """All six on three weeks of minutes: dense and jump alike, most bars never visited."""
    columns = scenarios.columns(market)
    found: Counter[str] = Counter()
    for name in registry.names():
        dense, jump = ran(name, columns, DENSE), ran(name, columns, JUMP)
        assert dense.differs(jump) == "", name
        assert (jump.used, jump.visits < jump.bars / 50) == ("jump", True), name
        found.update(bars=jump.bars, visited=jump.visits, fills=len(jump.journal.fills),
                     funding=len(jump.journal.funding))
    print(dict(found))
    assert found["fills"] >= 6
    assert found["funding"] >= 20


@pytest.mark.parametrize("modes", [
    (DENSE, JUMP), pytest.param((STOCK, JUMP), marks=pytest.mark.slow)],
    ids=lambda modes: modes[0].name)
def test_shipped_strategies_do_not_mind_a_faster_feed(modes: tuple[Mode, ...]) -> None:
    """On bars of five minutes beside another market's minutes: dense, stock and jump alike, and the
    fills are those of the strategy alone; a signal is followed once, not while its bar stands.
    """
    columns, found = scenarios.columns("risk").sliced(0, 12_000), Counter[str]()
    renamed = replace(columns.market.instrument, symbol="BTCUSDT")
    beside = replace(columns, market=replace(columns.market, instrument=renamed))
    for name in registry.names():
        alone = ran(name, columns, JUMP, step="5m").journal.fills
        outcomes = [ran(name, columns, mode, step="5m", beside=beside) for mode in modes]
        assert outcomes[0].differs(outcomes[1]) == "", name
        fills = outcomes[1].journal.fills
        assert [(fill.bar, fill.size, fill.price) for fill in fills] == [
            (fill.bar, fill.size, fill.price) for fill in alone], name
        assert outcomes[1].visits < outcomes[1].bars / 20
        found.update(fills=len(fills), bars=outcomes[1].bars, visited=outcomes[1].visits)
    print(dict(found))
    assert found["fills"] >= 4


@pytest.mark.slow
@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("market", scenarios.names())
def test_shipped_strategies_are_one_run_in_every_mode(market: str, name: str) -> None:
    """Stock and own engine, preload and runonce on or off, every bar walked, and the jump."""
    columns = scenarios.columns(market)
    stock = ran(name, columns, STOCK)
    for mode in MODES[1:]:
        assert stock.differs(ran(name, columns, mode)) == "", mode.name


# ------------------------------------------------------------------ a real year

@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("margin", ["isolated", "cross"])
@pytest.mark.parametrize("leverage", [10, 50])
def test_shipped_strategies_jump_through_a_real_year(real_year: MarketColumns, leverage: int,
                                                     margin: str) -> None:
    """86,604 bars, at two leverages and in both margin modes: jump and dense alike, and at 10x
    every bar walked as well."""
    found: Counter[str] = Counter()
    for name in registry.names():
        account: Any = {"venue": "bybit", "leverage": leverage, "margin": margin}
        try:
            dense, jump = (ran(name, real_year, mode, **account) for mode in (DENSE, JUMP))
        except MissingTable:  # this year has no liquidations
            continue
        assert dense.differs(jump) == "", name
        if leverage == 10:
            assert dense.differs(ran(name, real_year, THOROUGH, **account)) == "", name
        found.update(runs=1, bars=jump.bars, visited=jump.visits, fills=len(jump.journal.fills),
                     liquidations=len(jump.journal.liquidations),
                     funding=len(jump.journal.funding))
    print(dict(found))
    assert found["runs"] >= 4
    assert found["visited"] < found["bars"] / 50
    assert found["funding"] > 50
