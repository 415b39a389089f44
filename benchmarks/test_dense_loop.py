"""The dense loop: our engine and account against backtrader's own loop under the same account.

Run with ``make bench``. The ratio of the two rows is the figure; both assert the same fills and the
same final equity, so that speed cannot be bought with a change of behaviour.
"""

from __future__ import annotations

import backtrader as bt
import pytest

import deleverage as dl
from deleverage.columns import MarketColumns
from tests.markets import random_market

BARS = 20_000


@pytest.fixture(scope="module")
def market() -> MarketColumns:
    """SYNTHETIC: two weeks of one-minute bars with crashes, funding and liquidations."""
    return random_market(20260131, BARS)


class Bracketed(bt.Strategy):
    """Enters with a bracket every 500 bars while flat."""

    def next(self) -> None:
        if not self.position and len(self) % 500 == 1:
            close = self.data.close[0]
            self.buy_bracket(size=2, exectype=bt.Order.Market, stopprice=close * 0.97,
                             limitprice=close * 1.03)


def run(engine: type[bt.Cerebro], market: MarketColumns) -> tuple[int, float]:
    """Number of fills and final equity."""
    cerebro = engine(stdstats=False)
    cerebro.adddata(dl.feeds.PerpetualData(columns=market))
    cerebro.setbroker(dl.PerpetualBroker(venue="binance", leverage=20, cash=10_000))
    cerebro.addstrategy(Bracketed)
    cerebro.run()
    return len(cerebro.broker.journal.fills), cerebro.broker.getvalue()


@pytest.mark.parametrize("engine", [bt.Cerebro, dl.Cerebro], ids=["stock_loop", "lean_loop"])
def test_dense(benchmark, market: MarketColumns, engine: type[bt.Cerebro]) -> None:
    """One dense run of 20,000 bars, CPU time, with its fills and final equity asserted."""
    expected = run(bt.Cerebro, market)
    assert expected[0] > 10
    assert benchmark.pedantic(run, args=(engine, market), rounds=3, warmup_rounds=1) == expected
