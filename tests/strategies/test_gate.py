"""The gate: when user code is called, in every mode of the engine, and what it refuses."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np
import pytest

import deleverage as dl
from deleverage.errors import UsageError
from deleverage.strategies.base import PerpetualStrategy
from tests.markets import make_columns
from tests.strategies.runs import MODES, run


class Watcher(PerpetualStrategy):
    """Buys at one wake bar, sells at the bar it asked for, and writes down when it was called."""

    params: Any = (("wakes_at", (3, 10, 11, 30)), ("after", 5))

    def __init__(self) -> None:
        self.called: list[int] = []

    def wake(self) -> list[int]:
        return list(self.p.wakes_at)

    def next_wake(self, bar: int) -> int | None:
        return bar + self.p.after if self.p.after else None

    def act(self) -> None:
        self.called.append(self.bar)
        if self.flat and self.bar == 10:
            self.buy(size=1)
        elif not self.flat and self.bar >= 16:
            self.close()


def flat_market(bars: int = 40) -> Any:
    """A SYNTHETIC market that stands still."""
    return make_columns([3_000.0 + bar % 2 for bar in range(bars)])


@pytest.mark.parametrize(("engine", "preload", "runonce"), MODES)
def test_act_runs_exactly_where_it_was_asked_for(engine: str, preload: bool,
                                                 runonce: bool) -> None:
    """Wake bars while flat; the fill's bar, then every fifth bar in position; the bar of the exit;
    wake bars again: the same bars under both engines, preload and runonce on or off."""
    ran = run(Watcher, flat_market(), engine=engine, preload=preload, runonce=runonce)
    # 10 decides, 11 brings the fill (and is a wake bar), 16 closes, 17 brings that fill
    assert ran.called == [3, 10, 11, 16, 17, 30]


def test_without_next_wake_only_notifications_call_in_position() -> None:
    """None from next_wake leaves a position alone until something happens to it."""
    assert run(Watcher, flat_market(), after=0).called == [3, 10, 11]


def test_stock_backtrader_broker_too() -> None:
    """The gate needs nothing of our broker: under backtrader's own the bars are the same."""
    cash = bt.brokers.BackBroker(cash=1e6)
    assert run(Watcher, flat_market(), broker=cash, engine="stock").called == [
        3, 10, 11, 16, 17, 30]


class Overrider(Watcher):
    """Overrides every notification without calling super()."""

    def notify_order(self, order: Any) -> None:
        """Swallowed."""

    def notify_trade(self, trade: Any) -> None:
        """Swallowed."""

    def start(self) -> None:
        """Swallowed as well."""


def test_overridden_notifications_do_not_blind_the_gate() -> None:
    """notify_order, notify_trade and start belong to the user: the gate does not pass there."""
    assert run(Overrider, flat_market()).called == [3, 10, 11, 16, 17, 30]


class FromNotification(PerpetualStrategy):
    """Sends its exit from notify_order."""

    def __init__(self) -> None:
        self.called: list[int] = []

    def wake(self) -> list[int]:
        return [5]

    def act(self) -> None:
        self.called.append(self.bar)
        if self.bar == 5:
            self.buy(size=1)

    def notify_order(self, order: Any) -> None:
        if order.status == order.Completed and order.isbuy():
            self.close()


def test_orders_from_notifications_are_legal() -> None:
    """An exit sent in notify_order fills in the next bar and is heard of there."""
    for engine in ("stock", "own"):
        ran = run(FromNotification, flat_market(), engine=engine)
        assert ran.called == [5, 6, 7]
        assert [fill.bar for fill in ran.broker.journal.fills] == [6, 7]


def test_a_liquidation_calls_act() -> None:
    """The bar in which the position is liquidated is a bar for act(), asked for or not."""
    class Doomed(FromNotification):
        def notify_order(self, order: Any) -> None:
            """Hold until the end."""

    prices = [3_000.0] * 10 + [2_600.0] * 10
    ran = run(Doomed, make_columns(prices))
    assert [event.bar for event in ran.broker.journal.liquidations] == [10]
    assert ran.called == [5, 6, 10]


class Everywhere(PerpetualStrategy):
    """Says neither when it wakes nor what it wants next."""

    def __init__(self) -> None:
        self.called: list[int] = []

    def act(self) -> None:
        self.called.append(self.bar)
        if self.bar == 3:
            self.buy(size=1)


def test_a_strategy_that_names_nothing_sees_every_bar() -> None:
    """Without wake() and next_wake(), act() runs at every bar, in position as well."""
    assert run(Everywhere, flat_market(20)).called == list(range(20))


@pytest.mark.parametrize(("wake", "message"), [
    ([5, 3], "must ascend, found bar 3 after 5"),
    ([3, 3], "must ascend"),
    ([-1, 3], "names bar -1"),
    ([3, 40], "names bar 40"),
    ([1.5], "must return bar numbers"),
    (np.zeros(40, dtype=bool), "flatnonzero"),
])
def test_bad_wakes_are_refused(wake: Any, message: str) -> None:
    """Unsorted, repeated, negative, late and non-integer wakes say what is wrong with them."""
    class Bad(Watcher):
        def wake(self) -> Any:
            return wake

    with pytest.raises(UsageError, match=message):
        run(Bad, flat_market())


def test_next_wake_in_the_past_is_refused() -> None:
    """A bar that has been is no bar to look at next."""
    class Bad(Watcher):
        def next_wake(self, bar: int) -> int:
            return bar

    with pytest.raises(UsageError, match=r"next_wake\(11\) returned 11"):
        run(Bad, flat_market())


def test_overriding_next_says_which_to_drop() -> None:
    """next() is the gate; a class that overrides it is refused when it is defined."""
    with pytest.raises(UsageError, match=r"move the code into act\(\) and drop next\(\)"):
        class Mixed(PerpetualStrategy):
            def next(self) -> None:
                """Would bypass the gate."""


def test_columns_need_a_perpetual_feed() -> None:
    """Another feed has no columns, which is said with the feed to use."""
    import pandas as pd

    index = pd.date_range("2026-01-28", periods=5, freq="min")
    frame = pd.DataFrame({name: [1.0] * 5 for name in ("open", "high", "low", "close", "volume")},
                         index=index)
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame))
    cerebro.addstrategy(Everywhere)
    with pytest.raises(UsageError, match="PerpetualData as its first feed, found PandasData"):
        cerebro.run()


def test_next_look_names_what_time_alone_opens() -> None:
    """The next wake while flat, the asked-for bar in position, None where nothing was asked for:
    that is where an engine may jump to."""
    looks: dict[int, int | None] = {}

    class Asked(Watcher):
        def notify_order(self, order: Any) -> None:
            looks[self.bar] = self.next_look(self.bar)

        def act(self) -> None:
            looks[self.bar] = self.next_look(self.bar)
            super().act()

    ran = run(Asked, flat_market())
    assert looks == {3: 10, 10: 11, 11: None, 16: None, 17: 30, 30: None}
    ran = run(Watcher, flat_market(14), wakes_at=(10,), after=50)
    assert ran.next_look(11) == 61


def test_indicators_delay_the_gate_like_any_strategy() -> None:
    """With a backtrader indicator, bars before its period are prenext and call nothing."""
    class WithAverage(Everywhere):
        def __init__(self) -> None:
            super().__init__()
            self.average = bt.indicators.SimpleMovingAverage(self.data.close, period=5)

    for engine in ("stock", "own"):
        assert run(WithAverage, flat_market(20), engine=engine).called[0] == 4


def test_exit_reasons_are_kept_by_reference() -> None:
    """Any order sent with ``reason=`` is found in exit_reasons, entries excepted."""
    class Reasoned(Watcher):
        def act(self) -> None:
            if self.flat and self.bar == 10:
                self.buy(size=1, reason="entry")
            elif not self.flat:
                self.close(reason="signal")

    ran = run(Reasoned, flat_market())
    opening, closing = ran.broker.journal.fills
    assert ran.exit_reasons == {closing.order_ref: "signal"}
    assert opening.order_ref not in ran.exit_reasons


def test_the_base_is_jump_safe() -> None:
    """The engine recognises the base by this attribute."""
    assert PerpetualStrategy.jump_safe
    assert dl.strategies.__name__ == "deleverage.strategies"
