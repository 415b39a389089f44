"""Trades from hand-written journals: money, sizes, reasons, direction, excursions."""

from __future__ import annotations

import math

import pytest

from deleverage.statistics.episodes import episodes, unattributed
from deleverage.statistics.summary import RunRecord
from deleverage.statistics.trade_figures import trade_figures
from deleverage.statistics.trades import Trade
from deleverage.timestamps import HOUR, MINUTE
from tests.markets import make_columns
from tests.statistics.scribe import Scribe

ROWS = [(2_400, 2_410, 2_390, 2_400), (2_400, 2_420, 2_350, 2_410), (2_410, 2_430, 2_200, 2_300),
        (2_300, 2_460, 2_290, 2_450), (2_450, 2_500, 2_440, 2_480), (2_480, 2_490, 2_100, 2_150),
        (2_150, 2_160, 2_140, 2_150)]


def scribe(**options: object) -> Scribe:
    return Scribe(make_columns(ROWS), **options)  # type: ignore[arg-type]


def trades_of(book: Scribe, **options: object) -> tuple[Trade, ...]:
    return RunRecord.of(book.journal, book.columns, **options).trades  # type: ignore[arg-type]


def test_a_long_that_lived() -> None:
    """Net = gross + fees + funding; excursions in shares of the entry; right by its exit price."""
    book = scribe()
    book.open(1, 1.0, 2_400.0, fee=1.2)
    book.fund(3, 0.0001, 2_450.0)
    book.close(4, 2_450.0, fee=1.225, reason="limit")
    (trade,) = trades_of(book, exit_reasons={book.journal.fills[-1].order_ref: "target"})
    assert (trade.side, trade.entry_bar, trade.exit_bar) == (1, 1, 4)
    assert (trade.entry_price, trade.exit_price) == (2_400.0, 2_450.0)
    assert trade.gross == pytest.approx(50.0)
    assert trade.fees == pytest.approx(-2.425)
    assert trade.funding == pytest.approx(-0.245)
    assert trade.net == pytest.approx(50.0 - 2.425 - 0.245)
    assert trade.return_on_equity == pytest.approx(trade.net / 1_000)
    assert (trade.leverage, trade.entry_tier, trade.margin) == (10.0, "10–20x", 240.0)
    assert (trade.exit_reason, trade.liquidated, trade.margin_lost) == ("target", False, 0.0)
    assert trade.mae == pytest.approx(200 / 2_400)  # low of 2,200 in bar 2
    assert trade.mfe == pytest.approx(60 / 2_400)  # high of 2,460 in bar 3, not 2,500 in bar 4
    assert trade.holding_ns == 3 * MINUTE
    assert (trade.right, trade.right_basis) == (True, "exit")


def test_without_a_reason_of_the_strategy_the_order_speaks() -> None:
    """A plain strategy's exits carry the kind of order that filled."""
    book = scribe()
    book.open(1, 1.0, 2_400.0)
    book.close(3, 2_450.0, reason="stop")
    assert trades_of(book)[0].exit_reason == "stop"


def test_adding_and_reducing_are_one_trade() -> None:
    """Averages of what was opened and closed, the largest size held, every fee counted once."""
    book = scribe()
    book.open(1, 1.0, 2_400.0, fee=1.0)
    book.open(2, 1.0, 2_300.0, fee=1.0)
    book.close(3, 2_450.0, share=0.5, fee=0.5)
    book.close(4, 2_470.0, fee=0.5)
    (trade,) = trades_of(book)
    assert trade.entry_price == pytest.approx(2_350.0)
    assert trade.exit_price == pytest.approx(2_460.0)
    assert (trade.max_size, trade.max_notional) == (2.0, pytest.approx(4_700.0))
    assert trade.margin == pytest.approx(470.0)
    assert trade.net == pytest.approx(220.0 - 3.0)


def test_a_reversal_splits_its_fee_by_size() -> None:
    """One fill of −3 that closes 1 and opens 2 short gives a third of its fee to the long."""
    book = scribe()
    book.open(1, 1.0, 2_400.0)
    book.reverse(3, 2_450.0, -2.0, fee=3.0)
    book.close(6, 2_150.0)
    long, short = trades_of(book)
    assert (long.side, short.side) == (1, -1)
    assert (long.number, short.number) == (1, 2)
    assert (long.fees, short.fees) == (pytest.approx(-1.0), pytest.approx(-2.0))
    assert (long.gross, short.gross) == (pytest.approx(50.0), pytest.approx(600.0))
    assert unattributed(book.journal, episodes(book.journal), "ETHUSDT") == 0.0


def test_a_liquidated_long_lost_its_margin_and_may_have_been_right() -> None:
    """Liquidated at 2,170, the mark closes above entry later: right at the time exit, wrong at the
    end of the run. The basis says which was asked."""
    book = scribe(leverage=20.0)
    book.open(1, 1.0, 2_400.0, fee=1.2)
    book.liquidate(2, 2_280.0, mark_state="clipped", fee=2.0)
    (timed,) = trades_of(book, horizon_bars=3)  # bar 4 closes at 2,480
    assert timed.liquidated
    assert timed.exit_reason == "liquidation"
    assert (timed.margin_lost, timed.mark_state) == (pytest.approx(120.0 + 2.0), "clipped")
    assert timed.gross == pytest.approx(-120.0)
    assert timed.net == pytest.approx(-120.0 - 1.2 - 2.0)
    assert timed.mae == pytest.approx(120 / 2_400)  # the mark that triggered, not the bar's low
    assert (timed.right, timed.right_basis) == (True, "time exit")
    (ended,) = trades_of(book)  # bar 6 closes at 2,150
    assert (ended.right, ended.right_basis) == (False, "end of run")
    (beyond,) = trades_of(book, horizon_bars=50)
    assert beyond.right_basis == "end of run"


def test_an_open_position_is_valued_at_mark() -> None:
    """The last position still held has no exit and an unrealised profit inside its gross."""
    book = scribe()
    book.open(4, -1.0, 2_450.0, fee=1.0)
    (trade,) = trades_of(book)
    assert (trade.exit_bar, trade.exit_ns, trade.exit_price) == (None, None, None)
    assert trade.unrealised == pytest.approx(300.0)
    assert trade.gross == pytest.approx(300.0)
    assert trade.net == pytest.approx(299.0)
    assert (trade.exit_reason, trade.right_basis) == ("open", "end of run")
    assert trade.holding_ns == 2 * MINUTE


def test_the_entry_tier_of_a_cross_position_is_the_accounts() -> None:
    """2,400 of notional on 1,000 of wallet is 2.4x, whatever leverage was set."""
    book = scribe(isolated=False, leverage=50.0)
    book.open(1, 1.0, 2_400.0)
    (trade,) = trades_of(book)
    assert (trade.leverage, trade.entry_tier) == (50.0, "2–3x")
    assert trade.entry_leverage == pytest.approx(2.4)
    assert trade.margin == 0.0


def test_bars_of_fills_count_only_as_far_as_known() -> None:
    """In a fill's bar the excursion is what the lowest equity of the journal says, not the wick."""
    book = scribe()
    book.open(1, 1.0, 2_400.0, worst=980.0)  # mark 2,380 after the fill; the bar's low is 2,350
    book.close(2, 2_390.0, worst=940.0)  # mark 2,340 before the exit; the bar's low is 2,200
    (trade,) = trades_of(book)
    assert trade.mae == pytest.approx(60 / 2_400)
    silent = scribe()
    silent.open(1, 1.0, 2_400.0)
    silent.close(2, 2_390.0)
    assert trades_of(silent)[0].mae == pytest.approx(10 / 2_400)  # its exit alone


def test_figures_over_the_list() -> None:
    """Counts, factor, expectancy and direction by hand over three trades and an open one."""
    book = scribe()
    book.open(0, 1.0, 2_400.0)
    book.close(1, 2_410.0)
    book.open(1, 1.0, 2_410.0)
    book.close(2, 2_300.0)
    book.open(2, 1.0, 2_300.0)
    book.close(3, 2_450.0)
    book.open(4, 1.0, 2_480.0)
    trades = trades_of(book)
    figures = trade_figures(trades, 7 * MINUTE)
    assert (figures.count, figures.open, figures.wins, figures.losses) == (3, 1, 2, 1)
    assert figures.profit_factor == pytest.approx(160 / 110)
    assert figures.expectancy == pytest.approx(50 / 3)
    (longs,) = figures.by_side
    known = [trade for trade in trades if trade.exit_bar is not None]
    assert longs.mae == pytest.approx(sum(trade.mae or 0.0 for trade in known) / 3)
    assert longs.mfe == pytest.approx(sum(trade.mfe or 0.0 for trade in known) / 3)
    assert longs.worst_mae == max(trade.mae or 0.0 for trade in known)
    assert figures.best_share == pytest.approx(150 / 50)
    assert figures.net_without_best == pytest.approx(-100.0)
    assert (figures.right, figures.wrong) == (2, 2)
    assert figures.p_liquidated_right == 0.0
    assert figures.time_in_market == pytest.approx(5 / 7)
    assert figures.average_holding_h == pytest.approx(MINUTE / HOUR)
    assert figures.withheld == {"sqn": "n/a (n=3)"}
    assert figures.sqn is None
    assert [(group.name, group.count) for group in figures.by_side] == [("long", 3)]


def test_no_trades_have_no_averages() -> None:
    """An empty list gives zeros for counts and None, with reasons, for everything else."""
    figures = trade_figures((), HOUR)
    assert (figures.count, figures.wins, figures.time_in_market) == (0, 0, 0.0)
    for name in ("win_rate", "profit_factor", "expectancy", "best", "p_liquidated_right", "sqn"):
        assert getattr(figures, name) is None
    assert figures.withheld["profit_factor"] == "n/a (n=0)"


def test_sqn_from_thirty_trades_on() -> None:
    """SQN is √n × mean ÷ standard deviation once there are 30 closed trades."""
    book = scribe(cash=100_000.0)
    for k in range(30):
        book.open(0, 1.0, 2_400.0)
        book.close(1, 2_400.0 + (10 if k % 2 else -4))
    figures = trade_figures(trades_of(book), HOUR)
    spread = math.sqrt(15 * 2 * 49 / 29)
    assert figures.sqn == pytest.approx(math.sqrt(30) * 3 / spread)
