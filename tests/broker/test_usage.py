"""What is refused before an order is ever sent: parameters, feeds, stock settings."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import pytest

from deleverage import Fees, PerpetualBroker
from deleverage.errors import DataError, LeverageError, UnknownName, UsageError
from deleverage.feeds import PerpetualData
from tests.broker.runs import Scripted, account, buy, market, play, still
from tests.markets import make_columns


@pytest.mark.parametrize(("argument", "value", "instead"), [
    ("leverage", 10, "PerpetualBroker(leverage="),
    ("margin", 100.0, 'PerpetualBroker(margin="isolated"|"cross")'),
    ("automargin", 0.1, "PerpetualBroker(leverage="),
    ("stocklike", True, "perpetuals are margined"),
    ("interest", 0.1, "funding table"),
    ("mult", 10.0, "size is in coin"),
    ("name", "ETHUSDT", "one broker fee"),
    ("commtype", bt.CommInfoBase.COMM_FIXED, "share of the notional"),
])
def test_a_setting_of_stock_commissions_names_the_parameter_to_use(
    argument: str, value: Any, instead: str
) -> None:
    """setcommission refuses what is the broker's own business, and says whose."""
    with pytest.raises(UsageError) as caught:
        account().setcommission(commission=0.001, **{argument: value})
    assert instead in str(caught.value)


def test_setcash_and_the_commission_rate_work() -> None:
    """setcash is the opening wallet, setcommission the fee of makers and takers alike."""
    broker = PerpetualBroker(leverage=10)
    broker.setcash(5_000)
    broker.setcommission(commission=0.001)
    run = play({1: buy(size=10)}, market(*still(5)), broker=broker)
    assert run.journal.entries[0].amount == 5_000
    assert [fill.fee for fill in run.journal.fills] == [pytest.approx(1.0)]
    assert run.broker.getvalue() == pytest.approx(4_999)
    broker.setcommission(commission=0.1, percabs=False)
    assert broker.p.fees == Fees.flat(0.001)


@pytest.mark.parametrize(("call", "hint"), [
    (lambda broker: broker.setcash(500), "use add_cash"),
    (lambda broker: broker.setcommission(commission=0.01), "after the account was opened"),
    (lambda broker: broker.set_slippage_perc(0.01), "after the account was opened"),
])
def test_a_setting_that_comes_too_late_is_refused(call: Any, hint: str) -> None:
    """Once the account is open a change would be ignored in silence: it is an error instead."""
    with pytest.raises(UsageError, match=hint):
        play({2: lambda strategy: call(strategy.broker)}, market(*still(5)))


def test_a_strategy_may_set_cash_before_the_account_opens_and_between_runs() -> None:
    """In ``__init__`` as stock scripts do, and again before the next run of the same broker."""
    class Rich(Scripted):
        def __init__(self) -> None:
            super().__init__()
            self.broker.setcash(7_000)

    run = play(Rich, market(*still(5)), params={"plan": {1: buy(size=1)}})
    assert run.broker.getvalue() == 7_000
    run.broker.setcash(9_000)
    assert play({1: buy(size=1)}, market(*still(5)), broker=run.broker).broker.getvalue() == 9_000


@pytest.mark.parametrize("cash", [0, -5, float("nan")])
def test_an_opening_wallet_must_be_positive(cash: float) -> None:
    """setcash and cash= alike."""
    with pytest.raises(UsageError, match="cash must be > 0"):
        account().setcash(cash)
    with pytest.raises(UsageError, match="cash"):
        account(cash=cash)


@pytest.mark.parametrize(("name", "why"), [
    ("set_coc", "already seen"), ("set_coo", "already ended"), ("set_filler", "volume_limit"),
    ("set_checksubmit", "always checks margin"), ("set_shortcash", "post margin"),
    ("set_slippage_fixed", "slippage_bp"), ("addcommissioninfo", "Fees"),
    ("seteosbar", "close"), ("set_fundstartval", "quote"),
])
def test_stock_switches_without_a_place_here_say_why(name: str, why: str) -> None:
    """Cheating on open or close, fillers and the like are refused by name."""
    with pytest.raises(UsageError, match=rf"broker\.{name}\(\).*{why}"):
        getattr(account(), name)(True)


def test_cheat_on_open_of_the_engine_is_refused() -> None:
    """Cerebro(cheat_on_open=True) asks the broker, and the broker declines."""
    with pytest.raises(UsageError, match="set_coo"):
        play({}, market(*still(3)), engine_options={"cheat_on_open": True})


@pytest.mark.parametrize(("options", "near"), [
    ({"leverge": 5}, "unknown broker parameter 'leverge'; did you mean 'leverage'"),
    ({"margin": "isolate"}, "unknown margin mode 'isolate'; did you mean 'isolated'"),
    ({"path": "advers"}, "did you mean 'adverse'"),
    ({"fill": "thru"}, "unknown fill rule 'thru'"),
    ({"entry_bar": "lives"}, "did you mean 'live'"),
    ({"missing": "skp"}, "did you mean 'skip'"),
    ({"mark": "lst"}, "did you mean 'last'"),
    ({"on_liquidation": "stopp"}, "did you mean 'stop'"),
    ({"venue": "binanse"}, "unknown venue 'binanse'; did you mean 'binance'"),
    ({"stop_trigger": "lastt"}, "unknown trigger price 'lastt'; did you mean 'last'"),
])
def test_a_misspelt_broker_parameter_is_answered_with_the_near_miss(
    options: dict[str, Any], near: str
) -> None:
    """Nothing is taken silently, neither a name nor a choice."""
    with pytest.raises(UnknownName) as caught:
        account(**options)
    assert near in str(caught.value)


def test_a_misspelt_trigger_of_one_order_is_answered_too() -> None:
    """``trigger=`` in an order's own keywords."""
    order = buy(size=1, price=110, exectype=bt.Order.Stop, trigger="marc")
    with pytest.raises(UnknownName, match="unknown trigger price 'marc'; did you mean 'mark'"):
        play({1: order}, market(*still(4)))


def test_a_symbol_without_a_ladder_lists_those_that_have_one() -> None:
    """Margin cannot be computed without brackets."""
    with pytest.raises(UnknownName, match="ETHUSDT"):
        play({}, make_columns([100.0] * 3, symbol="NOPEUSDT"))


@pytest.mark.parametrize("leverage", [0, -1, float("nan"), 126])
def test_leverage_outside_the_venue_s_limit_is_refused(leverage: float) -> None:
    """Above zero and at most what the first bracket grants."""
    with pytest.raises((UsageError, LeverageError), match="leverage"):
        play({}, market(*still(3)), leverage=leverage)


def _plain(name: str = "ETHUSDT") -> Any:
    import pandas as pd

    index = pd.date_range("2026-01-28 00:01", periods=6, freq="min")
    frame = pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), 100.0),
                         index=index)
    return bt.feeds.PandasData(dataname=frame, name=name)


def _with_plain(feed: Any, **options: Any) -> Any:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(feed, name=feed.p.name)
    cerebro.setbroker(account(**options))
    cerebro.addstrategy(Scripted, plan={1: buy(size=1)})
    cerebro.run()
    return cerebro.broker


def test_a_feed_without_mark_must_be_asked_for() -> None:
    """Any other backtrader feed trades on last only by mark='last', without funding by 'skip'."""
    with pytest.raises(DataError, match=r"'ETHUSDT' has no mark price.*mark='last'"):
        _with_plain(_plain())
    with pytest.raises(DataError, match=r"'ETHUSDT' has no funding table.*missing='skip'"):
        _with_plain(_plain(), mark="last")
    broker = _with_plain(_plain(), mark="last", missing="skip")
    assert broker.journal.fills[0].price == 100.0


def test_a_feed_without_a_name_cannot_be_traded() -> None:
    """The name is the instrument."""
    with pytest.raises(DataError, match=r"without a name"):
        _with_plain(_plain(""), mark="last", missing="skip")


def test_an_order_on_a_resampled_clone_names_the_feed_to_use() -> None:
    """The clone's bars have ended before the order would meet them."""
    plan = {12: lambda strategy: strategy.buy(data=strategy.data1, size=1)}
    with pytest.raises(UsageError, match=r"'ETHUSDT'"):
        play(plan, market(*still(30)), prepare=lambda cerebro: cerebro.resampledata(
            cerebro.datas[0], timeframe=bt.TimeFrame.Minutes, compression=5))


def test_two_feeds_of_one_instrument_are_refused() -> None:
    """An account trades each instrument on one feed."""
    with pytest.raises(UsageError, match="two feeds of the same instrument 'ETHUSDT'"):
        play({}, [market(*still(3)), market(*still(3))])


def test_a_missing_mark_fails_only_where_it_is_needed() -> None:
    """An instrument nobody trades may lack its mark; a resting order on it may not."""
    with_mark, without = market(*still(6)), make_columns([50.0] * 6, symbol="BTCUSDT",
                                                         mark="missing")
    assert play({1: buy(size=1)}, [with_mark, without]).size == 1.0
    with pytest.raises(DataError, match=r"BTCUSDT: no mark price for the bar"):
        play({1: lambda strategy: strategy.buy(data=strategy.data1, size=1)}, [with_mark, without])


def test_a_perpetual_feed_misspelt_parameter_is_refused() -> None:
    """The feed answers as the broker does."""
    with pytest.raises(UnknownName, match="todate"):
        PerpetualData(columns=market(*still(3)), todat="2026-01-28")
