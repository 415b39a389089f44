"""A cross account: one wallet behind every position, and it ends at zero, never below."""

from __future__ import annotations

from typing import Any

import pytest

from deleverage.journal import Cause
from tests.broker.runs import ORDER, Scripted, buy, market, play, sell, still
from tests.markets import make_columns

FALL = [*still(4), (100, 100, 70, 70), *still(3, 70)]


def _bitcoin(*rows: Any, **options: Any) -> Any:
    return make_columns(list(rows), symbol="BTCUSDT", **options)


def _buy_second(size: float, **options: Any) -> Any:
    return lambda strategy: strategy.buy(data=strategy.data1, size=size, **options)


def test_the_account_stops_at_exactly_zero() -> None:
    """500 coins on 10,000: equity at 80.32 is the maintenance of 160.6; all of it is lost."""
    run = play({1: buy(size=500)}, market(*FALL), margin="cross", liquidation="takeover")
    event, = run.journal.liquidations
    # (wallet + amount − Q·E) / (Q·rate − Q): 10,000 and 500 coins, first bracket
    assert event.liquidation_price == pytest.approx((50_000 - 10_000) / (500 * 0.996))
    assert (event.margin_mode, event.loss) == ("cross", 10_000.0)
    assert event.price == pytest.approx(80.0)
    assert run.broker.getvalue() == 0.0
    assert run.broker.account.state.free == 0.0


@pytest.mark.parametrize("opened", [70.0, 40.0])
def test_a_gap_through_zero_stops_at_zero_too(opened: float) -> None:
    """What lies below is recorded as the deficit."""
    run = play({1: buy(size=500)}, market(*still(4), *still(3, opened)), margin="cross")
    event, = run.journal.liquidations
    assert (event.gap, event.loss) == (True, 10_000.0)
    assert event.deficit == pytest.approx(500 * (80 - opened))
    assert run.broker.getvalue() == 0.0


def test_the_whole_wallet_stands_behind_a_position() -> None:
    """A fall that kills an isolated 10x position does not touch the same one in cross."""
    rows = [*still(4), (100, 100, 85, 85), *still(3, 85)]
    assert play({1: buy(size=100)}, market(*rows)).journal.liquidations != []
    cross = play({1: buy(size=100)}, market(*rows), margin="cross")
    assert cross.journal.liquidations == []
    assert cross.broker.getvalue() == 8_500.0


def test_unrealised_profit_is_available_and_losses_are_not() -> None:
    """Available = wallet + unrealised − initial margin at mark (Binance) or at entry (Bybit)."""
    up = [*still(4), (100, 110, 100, 110), *still(2, 110)]
    run = play({1: buy(size=100)}, market(*up), margin="cross")
    assert run.broker.getcash() == pytest.approx(10_000 + 1_000 - 1_100)
    entry = play({1: buy(size=100)}, market(*up, venue="bybit"), margin="cross", venue="bybit")
    assert entry.broker.getcash() == pytest.approx(10_000 + 1_000 - 1_000)


def test_a_liquidation_takes_every_position_and_every_order() -> None:
    """Two instruments: both positions are taken over, all orders of the account cancelled."""
    other = _bitcoin(*still(9))

    def orders(strategy: Scripted) -> None:
        strategy.buy(size=1, exectype=ORDER.Limit, price=60)
        strategy.buy(data=strategy.data1, size=1, exectype=ORDER.Limit, price=60)

    plan = {1: buy(size=400), 2: _buy_second(100), 3: orders}
    run = play(plan, [market(*FALL, (70,) * 4), other], margin="cross")
    assert [event.symbol for event in run.journal.liquidations] == ["ETHUSDT", "BTCUSDT"]
    assert run.broker.getvalue() == 0.0
    assert run.broker.get_orders_open() == []
    assert [t.status for t in run.strategy.trades].count("closed") == 2
    assert sum(event.loss for event in run.journal.liquidations) == pytest.approx(10_000)


def test_isolated_positions_and_orders_of_other_instruments_live_on() -> None:
    """In isolated mode only the instrument itself is touched."""
    plan = {1: buy(size=400), 2: _buy_second(100),
            3: _buy_second(1, exectype=ORDER.Limit, price=60)}
    run = play(plan, [market(*FALL), _bitcoin(*still(8))])
    assert [event.symbol for event in run.journal.liquidations] == ["ETHUSDT"]
    assert run.broker.getposition(run.cerebro.datas[1]).size == 100.0
    assert len(run.broker.get_orders_open()) == 1
    assert run.broker.getvalue() == 10_000 - 4_000


@pytest.mark.parametrize(("path", "dead"), [("adverse", True), ("favourable", False)])
def test_adverse_takes_every_position_at_its_worst_in_the_same_instant(
    path: str, dead: bool
) -> None:
    """Each low alone is survived; together they are not. Adverse puts both at once, and says so."""
    first = market(*still(5), (100, 100, 88, 100), *still(2))
    second = _bitcoin(*still(5), (100, 100, 88, 100), *still(2))
    plan = {1: buy(size=500), 2: _buy_second(490)}
    run = play(plan, [first, second], margin="cross", leverage=20, path=path)
    assert bool(run.journal.liquidations) is dead
    assert (run.broker.getvalue() == 0.0) is dead


def test_a_fall_counts_against_both_from_the_bar_in_which_the_second_opens() -> None:
    """The second opens while both stand at the open; the first one's low then ends the account.

    20,000 and 19,000 at 20x: 10,000 − 8·1,000 is left at the low of 92, 9,750 − 100 were free.
    """
    first = market(*still(3), (100, 100, 92, 100), *still(2))
    plan = {1: buy(size=1_000), 2: _buy_second(900)}
    run = play(plan, [first, _bitcoin(*still(3), (100, 100, 97, 100), *still(2))], margin="cross",
               leverage=20)
    assert run.reasons == []
    assert [fill.symbol for fill in run.journal.fills[:2]] == ["ETHUSDT", "BTCUSDT"]
    assert {(event.bar, event.symbol) for event in run.journal.liquidations} == {
        (3, "ETHUSDT"), (3, "BTCUSDT")}
    assert run.broker.getvalue() == 0.0
    apart = play(plan, [first, _bitcoin(*still(3), (100, 103, 100, 100), *still(2))],
                 margin="cross", leverage=20)
    assert apart.journal.liquidations == []


def test_a_winner_pays_for_a_loser() -> None:
    """A hedged account lives through what kills each leg alone."""
    first = market(*still(4), (100, 100, 70, 70), *still(3, 70))
    second = _bitcoin(*still(4), (100, 100, 70, 70), *still(3, 70))
    plan = {1: buy(size=500), 2: lambda strategy: strategy.sell(data=strategy.data1, size=500)}
    run = play(plan, [first, second], margin="cross", leverage=20, path="favourable")
    assert run.journal.liquidations == []
    assert run.broker.getvalue() == 10_000.0


def test_instruments_of_other_steps_are_judged_when_a_bar_of_either_ends() -> None:
    """A five-minute and an hourly feed: the fast one's fall is survived, the slow one's is not."""
    fast = [*still(42), (100, 100, 89, 89), *still(6, 89)]
    slow = [*still(3), (100, 100, 90, 90)]
    plan = {13: buy(size=490), 14: _buy_second(490)}
    run = play(plan, [market(*fast, step="5m"), _bitcoin(*slow, step="1h")], margin="cross",
               leverage=20)
    assert [(fill.symbol, fill.reason) for fill in run.journal.fills] == [
        ("ETHUSDT", "market"), ("BTCUSDT", "market"),
        ("BTCUSDT", "liquidation"), ("ETHUSDT", "liquidation")]  # more maintenance first
    assert run.journal.liquidations[0].ts == int(market(*fast, step="5m").close_ns[47])
    assert run.broker.getvalue() == 0.0


def test_the_journal_books_each_position_s_share_of_the_loss() -> None:
    """Each is closed at its mark moved by the same share against it; together: all there was."""
    other = _bitcoin(*still(8))
    run = play({1: buy(size=400), 2: _buy_second(100)}, [market(*FALL), other], margin="cross",
               liquidation="takeover")
    losses = [entry for entry in run.journal.entries if entry.cause is Cause.LIQUIDATION]
    assert [entry.symbol for entry in losses] == ["ETHUSDT", "BTCUSDT"]
    eth, btc = run.journal.liquidations
    assert (eth.trigger_mark - eth.price) / eth.trigger_mark == pytest.approx(
        (btc.trigger_mark - btc.price) / btc.trigger_mark)
    assert sum(entry.amount for entry in losses) == pytest.approx(-10_000)


def test_a_short_squeezed_in_cross_ends_at_zero() -> None:
    """The mirror image."""
    rows = [*still(4), (100, 135, 100, 135), *still(3, 135)]
    run = play({1: sell(size=500)}, market(*rows), margin="cross", liquidation="takeover")
    assert run.broker.getvalue() == 0.0
    assert run.journal.liquidations[0].price == pytest.approx(120.0)
