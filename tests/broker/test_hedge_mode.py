"""Both sides at once, isolated: two positions in one instrument, each on its own margin.

One maintenance bracket of 0.5 %, no fees, 10x: ten coins bought at 100 post 100 and die at
90 / 0.995 (Bybit: 90.5), sold at 110 / 1.005 (109.5). All bars are SYNTHETIC.
"""

from __future__ import annotations

from typing import Any

import pytest

from deleverage import venues
from deleverage.errors import UsageError
from tests.account.table import ladder_of
from tests.broker.runs import ORDER, Run, buy, close, market, play, sell, still

PLAIN = ladder_of([(0, None, 0.005, 100)])
LONG, SHORT = "ETHUSDT long", "ETHUSDT short"
BOTH = {0: lambda s: [s.buy(size=10), s.sell(size=6)]}


def _run(plan: Any, *rows: Any, venue: str = "binance", **options: Any) -> Run:
    funding = options.pop("funding", ())
    options.setdefault("ladder", PLAIN)
    return play(plan, market(*(rows or still(6)), venue=venue, funding=funding), venue=venue,
                hedge=True, **options)


def _held(run: Run) -> dict[str, float]:
    return {slot: held.size for slot, held in run.broker.account.state.positions.items()}


def _trades(run: Run) -> list[tuple[int, str, int, float]]:
    return [(t.bar, t.status, t.tradeid, t.pnl) for t in run.strategy.trades]


@pytest.mark.parametrize("venue", venues.names())
def test_a_buy_and_a_sale_stand_side_by_side_on_every_venue(venue: str) -> None:
    """Neither closes the other; each posts its own margin."""
    run = _run(BOTH, venue=venue)
    assert _held(run) == {LONG: 10, SHORT: -6}
    assert (run.journal.balance(LONG), run.journal.balance(SHORT)) == (100, 60)
    assert run.broker.getcash() == 9_840
    assert [shot.symbol for shot in run.journal.snapshots] == [LONG, SHORT]


def test_backtrader_s_position_is_the_net_one() -> None:
    """Ten long and six short are four; its value is four coins' notional."""
    run = _run(BOTH)
    assert run.size == 4
    assert run.broker.getvalue([run.cerebro.datas[0]]) == 400
    assert run.broker.getvalue() == 10_000


@pytest.mark.parametrize(("gone", "left"), [
    ({"size": 10, "position_side": "long"}, -6), ({"size": 6, "position_side": "short"}, 10)])
def test_the_net_position_is_what_is_left_of_the_other_side(gone: Any, left: float) -> None:
    """One side closed whole: the other is still there, in the strategy's eyes too."""
    order = sell(**gone) if gone["position_side"] == "long" else buy(**gone)
    run = _run({**BOTH, 2: order})
    assert run.size == left
    assert list(_held(run).values()) == [left]
    price = run.broker.getposition(run.cerebro.datas[0]).price
    assert price == 100


def test_reduce_only_closes_the_side_it_is_against() -> None:
    """A sale that only reduces sells of the long; a second trade's end is told by its id."""
    run = _run({**BOTH, 2: sell(size=10, reduce_only=True), 3: buy(size=6, reduce_only=True)},
               *still(3), *still(1, 104), *still(2, 106))
    assert run.fills() == [(1, 10, 100), (1, -6, 100), (3, -10, 104), (4, 6, 106)]
    assert _held(run) == {}
    assert run.size == 0
    assert _trades(run) == [(1, "open", 0, 0), (1, "open", 1, 0), (3, "closed", 0, 40),
                            (4, "closed", 1, -36)]


def test_position_side_says_which_one_is_meant() -> None:
    """A sale of the long side reduces it, as far as there is any of it; it opens nothing."""
    run = _run({**BOTH, 2: sell(size=25, position_side="long"),
                3: buy(size=2, position_side="short")})
    assert run.fills()[2:] == [(3, -10, 100), (4, 2, 100)]
    assert _held(run) == {SHORT: -4}


def test_there_is_no_reversal() -> None:
    """A sale of 25 against a long of ten opens a short of 25."""
    run = _run({0: buy(size=10), 2: sell(size=25)})
    assert _held(run) == {LONG: 10, SHORT: -25}
    assert run.size == -15


@pytest.mark.parametrize(("word", "side"), [(buy, "long"), (sell, "short")])
def test_an_order_that_opens_a_side_cannot_reduce_it(word: Any, side: str) -> None:
    """buy, long, reduce_only: one line says what is wrong."""
    with pytest.raises(UsageError, match=f"cannot reduce a {side} position"):
        _run({**BOTH, 2: word(size=1, position_side=side, reduce_only=True)})


def test_a_misspelt_side_is_answered() -> None:
    """With the names there are."""
    with pytest.raises(UsageError, match=r"position side.*'lng'.*did you mean 'long'"):
        _run({0: buy(size=1, position_side="lng")})


def test_with_nothing_on_that_side_a_reducing_order_dies() -> None:
    """It is cancelled at the open and opens nothing."""
    run = _run({0: buy(size=10), 2: buy(size=6, reduce_only=True)})
    assert [(each.bar, each.status) for each in run.ends()] == [(1, "Completed"), (3, "Canceled")]
    assert _held(run) == {LONG: 10}


def test_a_liquidated_leg_leaves_the_other_one() -> None:
    """The long dies at 90.45 with its 100; the short of six has won 60 at 90."""
    run = _run({0: lambda s: [s.buy(size=10), s.sell(size=6)],
                1: lambda s: [s.sell(size=10, exectype=ORDER.Stop, price=80, position_side="long"),
                              s.buy(size=6, exectype=ORDER.Stop, price=120, reduce_only=True)]},
               *still(3), (100, 100, 90, 90), *still(2, 90), liquidation="takeover")
    event, = run.journal.liquidations
    assert (event.symbol, event.size, event.size_after, event.loss) == ("ETHUSDT", 10, 0, 100)
    assert event.liquidation_price == pytest.approx(90 / 0.995)
    assert _held(run) == {SHORT: -6}
    assert run.size == -6
    # the stop of the long died with it, that of the short did not
    assert [order.isbuy() for order in run.broker.get_orders_open()] == [True]
    assert run.broker.getvalue() == pytest.approx(10_000 - 100 + 60)
    assert _trades(run) == [(1, "open", 0, 0), (1, "open", 1, 0), (3, "closed", 0, -100)]


def test_an_order_on_its_way_dies_with_its_own_leg_only() -> None:
    """Sent a bar before the long dies: the short's close arrives and fills, the long's does not."""
    plan = {0: BOTH[0], 3: lambda s: [s.buy(size=6, reduce_only=True),
                                      s.sell(size=10, reduce_only=True)]}
    run = _run(plan, *still(4), (100, 100, 90, 90), *still(3, 90), latency=1,
               liquidation="takeover")
    assert run.fills()[2:] == [(4, -10, 90), (5, 6, 90)]
    assert _held(run) == {}


def test_both_legs_can_die_in_one_bar() -> None:
    """A wick to both sides, the low first or the high first: 160 are gone either way."""
    run = _run(BOTH, *still(3), (100, 111, 89, 100), *still(1), liquidation="takeover")
    assert [(event.size, event.loss) for event in run.journal.liquidations] == [(10, 100), (-6, 60)]
    assert run.broker.getvalue() == 9_840
    assert run.size == 0


def test_funding_is_paid_on_both_sides() -> None:
    """At 0.1 % ten long pay 1 and six short get 0.6; each margin bears its own."""
    run = _run(BOTH, funding=[("2026-01-28T00:03", 0.001)])
    assert [(p.size, p.amount, p.payer) for p in run.journal.funding] == [
        (10, -1, "position"), (-6, pytest.approx(0.6), "position")]
    assert run.journal.balance(LONG) == pytest.approx(99)
    assert run.journal.balance(SHORT) == pytest.approx(60.6)
    assert run.broker.getvalue() == pytest.approx(9_999.6)


def test_a_bracket_guards_its_own_side() -> None:
    """The stop of a long bracket sells the long, whatever the short beside it does."""
    run = _run({0: sell(size=6), 1: lambda s: s.buy_bracket(
        size=10, exectype=ORDER.Market, stopprice=95, limitprice=110)},
        *still(4), (100, 100, 94, 96), *still(1, 96))
    assert run.fills() == [(1, -6, 100), (2, 10, 100), (4, -10, 95)]
    assert _held(run) == {SHORT: -6}


def test_margin_and_leverage_are_changed_by_side() -> None:
    """side= chooses the position margin goes to; leverage is the instrument's, both follow."""
    def change(strategy: Any) -> None:
        assert strategy.broker.add_margin(30, side="short")
        assert strategy.broker.add_margin(20)
        assert strategy.broker.set_leverage(20)

    run = _run({**BOTH, 2: change})
    # 100 + 20 − 50 and 60 + 30 − 30
    assert (run.journal.balance(LONG), run.journal.balance(SHORT)) == (70, 60)


def test_add_margin_names_the_side_that_holds_nothing() -> None:
    """One line."""
    with pytest.raises(UsageError, match="no position in ETHUSDT short"):
        _run({0: buy(size=10), 2: lambda s: s.broker.add_margin(5, side="short")})
    with pytest.raises(UsageError, match=r"position side.*'shrot'.*did you mean 'short'"):
        _run({0: buy(size=10), 2: lambda s: s.broker.add_margin(5, side="shrot")})


def test_an_increase_keeps_the_other_side_s_entry() -> None:
    """Each side averages its own fills: 12 coins for 1,216, six short from 100."""
    run = _run({**BOTH, 2: buy(size=2)}, *still(3), *still(3, 108))
    entries = {slot: held.entry_price for slot, held in
               run.broker.account.state.positions.items()}
    assert entries == pytest.approx({LONG: 1_216 / 12, SHORT: 100})


def test_each_side_s_resting_orders_reserve_their_own_margin() -> None:
    """A buy of 950 and a sale of 630 open two positions: 95 and 63 are held back."""
    run = _run({0: lambda s: [s.buy(size=10, exectype=ORDER.Limit, price=95),
                              s.sell(size=6, exectype=ORDER.Limit, price=105)]})
    assert run.broker.getcash() == pytest.approx(10_000 - 95 - 63)


def test_close_knows_the_net_position_only_and_closes_with_reduce_only() -> None:
    """A plain close() is a sale of what backtrader sees and opens a short; told to only reduce, it
    sells of the long."""
    plain = _run({0: buy(size=10), 2: close})
    assert _held(plain) == {LONG: 10, SHORT: -10}
    told = _run({0: buy(size=10), 2: lambda s: s.close(reduce_only=True)})
    assert _held(told) == {}
    both = _run({**BOTH, 2: lambda s: s.close(reduce_only=True)})
    assert _held(both) == {LONG: 6, SHORT: -6}
