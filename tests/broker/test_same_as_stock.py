"""The same strategy on backtrader's own broker and on ours at 1x without fees: the same fills.

Where the rules agree: one level of an order group inside a bar, limits filled at a touch, bracket
children live one bar after their parent, mark equal to last.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import backtrader as bt
import pytest

from tests.broker.runs import ORDER, Run, Scripted, play
from tests.markets import random_market

AGREEING: dict[str, Any] = {"leverage": 1, "cash": 1e6, "fill": "touch", "entry_bar": "backtrader"}
SEEDS = (1, 2)


class Every(Scripted):
    """Every ten bars another step of a cycle: plain backtrader code, told what to send."""

    params = (("step", None), ("alone", True))

    def next(self) -> None:
        if self.bar % 10 == 3 and self.bar < 280:
            if self.p.alone:  # two orders filled in one bar: their order is not the stock broker's
                for order in self.broker.get_orders_open():
                    self.cancel(order)
            self.p.step(self, self.bar // 10)


def _near(strategy: Any, share: float) -> float:
    return round(strategy.data.close[0] * (1 + share), 2)


def _market(strategy: Any, turn: int) -> None:
    (strategy.buy if turn % 3 else strategy.sell)(size=1 + turn % 4)


def _close_position(strategy: Any, turn: int) -> None:
    if strategy.position.size:
        strategy.close()
    else:
        (strategy.buy if turn % 4 < 2 else strategy.sell)(size=2)


def _limit(strategy: Any, turn: int) -> None:
    side = 1 if turn % 2 else -1
    (strategy.buy if side > 0 else strategy.sell)(
        size=2, exectype=ORDER.Limit, price=_near(strategy, -side * (0.002, -0.001)[turn % 3 > 1]))


def _stop(strategy: Any, turn: int) -> None:
    side = 1 if turn % 2 else -1
    (strategy.buy if side > 0 else strategy.sell)(
        size=2, exectype=ORDER.Stop, price=_near(strategy, side * (0.002, -0.001)[turn % 3 > 1]))


def _stop_limit(strategy: Any, turn: int) -> None:
    side = 1 if turn % 2 else -1
    (strategy.buy if side > 0 else strategy.sell)(
        size=1, exectype=ORDER.StopLimit, price=_near(strategy, side * 0.002),
        plimit=_near(strategy, side * 0.004))


def _trail_amount(strategy: Any, turn: int) -> None:
    (strategy.sell if turn % 2 else strategy.buy)(size=1, exectype=ORDER.StopTrail, trailamount=12)


def _trail_percent(strategy: Any, turn: int) -> None:
    (strategy.sell if turn % 2 else strategy.buy)(size=1, exectype=ORDER.StopTrail,
                                                  trailpercent=0.004)


def _trail_limit(strategy: Any, turn: int) -> None:
    side = 1 if turn % 2 else -1
    price = strategy.data.close[0]
    (strategy.buy if side > 0 else strategy.sell)(
        size=1, exectype=ORDER.StopTrailLimit, price=price, plimit=price + side * 25,
        trailamount=10)


def _bracket(strategy: Any, turn: int) -> None:
    if strategy.position.size or strategy.broker.get_orders_open():
        return
    side = 1 if turn % 2 else -1
    make = strategy.buy_bracket if side > 0 else strategy.sell_bracket
    make(size=1, price=_near(strategy, -side * 0.001), stopprice=_near(strategy, -side * 0.006),
         limitprice=_near(strategy, side * 0.005),
         exectype=(ORDER.Limit, ORDER.Market)[turn % 3 > 1])


def _bracket_cancelled(strategy: Any, turn: int) -> None:
    if turn % 2:
        strategy.orders = strategy.buy_bracket(
            size=1, price=_near(strategy, -0.02), stopprice=_near(strategy, -0.05),
            limitprice=_near(strategy, 0.05))
    elif turn and strategy.orders[0].alive():
        strategy.cancel(strategy.orders[turn // 2 % 3])


def _one_cancels_other(strategy: Any, turn: int) -> None:
    if not strategy.position.size:
        strategy.buy(size=1)
    if not strategy.position.size or strategy.broker.get_orders_open():
        return
    stop = strategy.sell(size=1, exectype=ORDER.Stop, price=_near(strategy, -0.006))
    target = strategy.sell(size=1, exectype=ORDER.Limit, price=_near(strategy, 0.006), oco=stop)
    strategy.sell(size=1, exectype=ORDER.Limit, price=_near(strategy, 0.02), oco=target,
                  valid=dt.timedelta(days=2))


def _valid_timedelta(strategy: Any, turn: int) -> None:
    strategy.buy(size=1, exectype=ORDER.Limit, price=_near(strategy, -0.004),
                 valid=dt.timedelta(minutes=5 * (turn % 5) + 2))


def _valid_datetime(strategy: Any, turn: int) -> None:
    until = strategy.data.datetime.datetime(0) + dt.timedelta(minutes=5 * (turn % 6))
    strategy.sell(size=1, exectype=ORDER.Stop, price=_near(strategy, -0.003), valid=until)


def _valid_day(strategy: Any, turn: int) -> None:
    if not strategy.broker.get_orders_open():
        strategy.buy(size=1, exectype=ORDER.Limit, price=_near(strategy, -0.01), valid=ORDER.DAY)


def _cancel(strategy: Any, turn: int) -> None:
    for order in strategy.broker.get_orders_open():
        strategy.cancel(order)
    strategy.buy(size=1, exectype=ORDER.Limit, price=_near(strategy, -0.006))


def _target_size(strategy: Any, turn: int) -> None:
    strategy.order_target_size(target=(3, -2, 0, 5, 1, -4)[turn % 6])


def _target_value(strategy: Any, turn: int) -> None:
    strategy.order_target_value(target=(9_100, -7_300, 0, 16_000, 2_500)[turn % 5])


def _target_percent(strategy: Any, turn: int) -> None:
    strategy.order_target_percent(target=(0.1, -0.05, 0.0, 0.2, 0.02)[turn % 5])


def _tradeids(strategy: Any, turn: int) -> None:
    (strategy.buy if turn % 4 < 2 else strategy.sell)(size=1, tradeid=1 + turn % 2)


def _at_session_end(strategy: Any, turn: int) -> None:
    (strategy.buy if turn % 2 else strategy.sell)(size=1, exectype=ORDER.Close)


STEPS = (
    _market, _close_position, _limit, _stop, _stop_limit, _trail_amount, _trail_percent,
    _trail_limit, _bracket, _bracket_cancelled, _one_cancels_other, _valid_timedelta,
    _valid_datetime, _valid_day, _cancel, _target_size, _target_value, _target_percent, _tradeids,
)
LASTING = (_bracket, _bracket_cancelled, _one_cancels_other, _valid_day)


def _by_order(run: Run) -> dict[int, list[Any]]:
    told = defaultdict(list)
    for each in run.heard:
        told[each.number].append((each.bar, each.status, each.price, each.size))
    return dict(told)


def _both(strategy: type[bt.Strategy], seed: int, **options: Any) -> tuple[Run, Run]:
    columns = random_market(seed, 300, step="5m", crashes=0, basis=0, funding=False,
                            liquidations=False, lot_size=options.pop("lot", 1.0))
    ours = play(strategy, columns, **AGREEING, **options)
    return ours, play(strategy, columns, broker=bt.brokers.BackBroker(cash=1e6), **options)


def _compare(ours: Run, stock: Run) -> None:
    assert _by_order(ours) == _by_order(stock)
    for mine, theirs in zip(ours.strategy.trades, stock.strategy.trades, strict=True):
        assert (mine.bar, mine.status, mine.tradeid) == (theirs.bar, theirs.status, theirs.tradeid)
        assert (mine.size, mine.price, mine.pnl) == pytest.approx(
            (theirs.size, theirs.price, theirs.pnl), abs=1e-6)
    assert ours.broker.getvalue() == pytest.approx(stock.broker.getvalue(), abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__.strip("_"))
def test_the_stock_broker_fills_the_same(step: Callable[[Any, int], None], seed: int) -> None:
    """Every notification of every order, every trade and the final value are equal."""
    ours, stock = _both(Every, seed, params={"step": step, "alone": step not in LASTING})
    _compare(ours, stock)
    assert {each.status for each in ours.heard} - {"Submitted", "Accepted"}, "nothing happened"


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_at_the_session_end_fill_the_same_where_it_is_a_bar_s_close(seed: int) -> None:
    """With a session ending 00:00 both brokers fill at the close of the midnight bar."""
    ours, stock = _both(Every, seed, params={"step": _at_session_end},
                        feed_options={"sessionend": dt.time(0, 0)})
    _compare(ours, stock)
    assert any(each.status == "Completed" for each in ours.heard)


@pytest.mark.parametrize(("sizer", "options", "lot"), [
    (bt.sizers.FixedSize, {"stake": 3}, 1.0),
    (bt.sizers.FixedReverser, {"stake": 2}, 1.0),
    (bt.sizers.PercentSizer, {"percents": 30}, None),
    (bt.sizers.PercentSizerInt, {"percents": 40}, 1.0),
    (bt.sizers.AllInSizerInt, {}, 1.0),
])
def test_stock_sizers_size_the_same(sizer: type[bt.Sizer], options: Any, lot: Any) -> None:
    """A long-only strategy without sizes of its own."""
    def step(strategy: Any, turn: int) -> None:
        if strategy.position.size:
            strategy.close()
        else:
            strategy.buy()

    ours, stock = _both(Every, 4, params={"step": step}, lot=lot,
                        prepare=lambda cerebro: cerebro.addsizer(sizer, **options))
    _compare(ours, stock)
    assert ours.strategy.trades


def test_signals_trade_the_same() -> None:
    """cerebro.add_signal, backtrader's way without a strategy class."""
    class Cross(bt.Indicator):
        lines = ("signal",)

        def __init__(self) -> None:
            self.l.signal = self.data - bt.ind.SMA(self.data, period=15)

    def prepare(cerebro: bt.Cerebro) -> None:
        cerebro.strats.clear()
        cerebro.add_signal(bt.SIGNAL_LONGSHORT, Cross)
        cerebro.addanalyzer(bt.analyzers.Transactions, _name="transactions")

    ours, stock = _both(Scripted, 5, prepare=prepare)
    bought = [dict(run.strategy.analyzers.transactions.get_analysis()) for run in (ours, stock)]
    assert bought[0] == bought[1]
    assert len(bought[0]) > 10
    assert ours.broker.getvalue() == pytest.approx(stock.broker.getvalue())
