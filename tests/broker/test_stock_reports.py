"""backtrader's own analyzers, observers and writer on this broker, under stock bt.Cerebro."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import backtrader as bt
import pytest

from deleverage import Fees
from tests.broker.runs import buy, close, market, play, sell, still

# a long won 20, a short lost 10, a long liquidated at 10x loses its margin of 110
ROWS = [*still(3), (100, 110, 100, 110), *still(2, 110), (110, 115, 110, 115), *still(1, 115),
        (110, 110, 110, 110), *still(1, 110), (110, 110, 80, 80), *still(2, 80)]
PLAN = {1: buy(size=2), 3: close, 4: sell(size=2), 6: close, 7: buy(size=10)}


def _analysed(analyzer: type[bt.Analyzer], **options: Any) -> Any:
    run = play(PLAN, market(*ROWS), prepare=lambda cerebro: cerebro.addanalyzer(
        analyzer, _name="it", **options))
    return run.strategy.analyzers.it.get_analysis()


def test_trade_analyzer() -> None:
    """Counts wins, losses and the liquidated trade as closed."""
    found = _analysed(bt.analyzers.TradeAnalyzer)
    assert (found.total.total, found.total.closed, found.total.open) == (3, 3, 0)
    assert (found.won.total, found.lost.total) == (1, 2)
    assert found.won.pnl.total == pytest.approx(20.0)
    assert found.lost.pnl.total == pytest.approx(-120.0)
    assert (found.long.total, found.short.total) == (2, 1)


def test_draw_down() -> None:
    """From the peak after the first trade to the end after the liquidation."""
    found = _analysed(bt.analyzers.DrawDown)
    assert found.max.moneydown == pytest.approx(120.0)
    assert found.max.drawdown == pytest.approx(100 * 120 / 10_020)


def test_time_return() -> None:
    """One return a bar; together the return of the account."""
    found = _analysed(bt.analyzers.TimeReturn, timeframe=bt.TimeFrame.Minutes)
    product = 1.0
    for value in found.values():
        product *= 1 + value
    assert product == pytest.approx(9_900 / 10_000)
    assert found[dt.datetime(2026, 1, 28, 0, 4)] == pytest.approx(0.002)


def test_transactions() -> None:
    """Every fill with size and price, the forced close among them."""
    found = _analysed(bt.analyzers.Transactions)
    sizes = [(round(row[0], 9), round(row[1], 9)) for rows in found.values() for row in rows]
    assert sizes == [(2.0, 100.0), (-2.0, 110.0), (-2.0, 110.0), (2.0, 115.0), (10.0, 110.0),
                     (-10.0, pytest.approx(99 / 0.996))]


def test_sqn() -> None:
    """System quality number over the three trades."""
    found = _analysed(bt.analyzers.SQN)
    assert found.trades == 3
    assert found.sqn < 0


@pytest.mark.parametrize("analyzer", [
    bt.analyzers.AnnualReturn, bt.analyzers.Calmar, bt.analyzers.GrossLeverage,
    bt.analyzers.LogReturnsRolling, bt.analyzers.PeriodStats, bt.analyzers.PositionsValue,
    bt.analyzers.PyFolio, bt.analyzers.Returns, bt.analyzers.SharpeRatio,
    bt.analyzers.TimeDrawDown, bt.analyzers.VWR,
])
def test_the_other_stock_analyzers_run(analyzer: type[bt.Analyzer]) -> None:
    """None of them meets a method this broker does not have."""
    def prepare(cerebro: bt.Cerebro) -> None:
        cerebro.addobserver(bt.observers.Broker)  # AnnualReturn reads it
        cerebro.addanalyzer(analyzer, _name="it")

    assert play(PLAN, market(*ROWS), prepare=prepare).strategy.analyzers.it.get_analysis() \
        is not None


def test_positions_value_is_signed_notional() -> None:
    """What PositionsValue reads by feed is getvalue([data])."""
    found = _analysed(bt.analyzers.PositionsValue)
    assert list(found.values())[3:7] == [[220.0], [0], [-220.0], [-230.0]]


def test_the_standard_observers() -> None:
    """stdstats=True: Broker, Trades and BuySell see cash, value, profits and fills."""
    run = play(PLAN, market(*ROWS), engine_options={"stdstats": True})
    broker, trades, buysell = (getattr(run.strategy.observers, name)
                               for name in ("broker", "trades", "buysell"))
    assert broker.value.array[3] == 10_020.0
    assert broker.cash.array[2] == 9_980.0
    assert broker.value.array[len(ROWS) - 1] == pytest.approx(9_900.0)
    assert trades.pnlplus.array[4] == pytest.approx(20.0)
    assert trades.pnlminus.array[7] == pytest.approx(-10.0)
    assert trades.pnlminus.array[10] == pytest.approx(-110.0)
    assert buysell[0].buy.array[2] == pytest.approx(100.0, rel=0.02)


@pytest.mark.parametrize("observer", [
    bt.observers.Cash, bt.observers.Value, bt.observers.FundValue, bt.observers.FundShares,
    bt.observers.DrawDown, bt.observers.TimeReturn, bt.observers.LogReturns,
    bt.observers.DataTrades,
])
def test_the_other_observers_run(observer: type[bt.Observer]) -> None:
    """Each reads the broker every bar."""
    run = play(PLAN, market(*ROWS), prepare=lambda cerebro: cerebro.addobserver(observer))
    assert len(run.journal.liquidations) == 1


def test_the_writer() -> None:
    """WriterFile prints values at begin and end, and every bar as CSV."""
    out = io.StringIO()
    run = play(PLAN, market(*ROWS), fees=Fees.flat(0.0), prepare=lambda cerebro: cerebro.addwriter(
        bt.WriterFile, csv=True, out=out))
    text = out.getvalue()
    assert "Begin: 10000.0" in text
    assert f"End: {run.broker.getvalue()}" in text
    assert text.count("ETHUSDT") >= len(ROWS)


def test_trade_history() -> None:
    """Cerebro(tradehistory=True) keeps each step of a trade."""
    run = play(PLAN, market(*ROWS), engine_options={"tradehistory": True})
    trades = [trade for by_id in run.strategy._trades.values() for each in by_id.values()
              for trade in each]
    assert [len(trade.history) for trade in trades] == [2, 2, 2]


def test_an_optimisation_runs_each_combination_from_the_start() -> None:
    """optstrategy with one process: the account of one run knows nothing of another's."""
    cerebro = bt.Cerebro(stdstats=False, maxcpus=1)
    from deleverage.feeds import PerpetualData
    from tests.broker.runs import Scripted, account

    cerebro.adddata(PerpetualData(columns=market(*ROWS)))
    cerebro.setbroker(account())
    cerebro.addanalyzer(bt.analyzers.Returns, _name="returns")
    cerebro.optstrategy(Scripted, plan=[{1: buy(size=n)} for n in (1, 2, 1)])
    first, second, again = (run[0].analyzers.returns.get_analysis()["rtot"]
                            for run in cerebro.run())
    assert first == again != second
