"""Forced closes in steps, and positions taken by auto-deleveraging: counted apart, adding up."""

from __future__ import annotations

import dataclasses
import math

import pytest

from deleverage.journal import Cause
from deleverage.statistics.costs import costs
from deleverage.statistics.exposure import exposure
from deleverage.statistics.liquidations import Liquidations, liquidations
from deleverage.statistics.near_miss import near_misses
from deleverage.statistics.summary import RunRecord, summary
from tests.markets import make_columns
from tests.statistics.scribe import Scribe

# a fall to 2,180 in bar 3, back to 2,400
ROWS = [(2_400, 2_410, 2_390, 2_400), (2_400, 2_420, 2_350, 2_410), (2_410, 2_420, 2_240, 2_250),
        (2_250, 2_260, 2_180, 2_200), (2_200, 2_320, 2_190, 2_300), (2_300, 2_410, 2_290, 2_400)]
LEVEL = 2_160 / 0.995  # of a 10x long from 2,400


def record(book: Scribe) -> RunRecord:
    return RunRecord.of(book.journal, book.columns)


def figures(book: Scribe) -> Liquidations:
    made = record(book)
    return liquidations(made.episodes, made.trades)


def stepped() -> Scribe:
    """A long of 4, stepped down by a half and by a half of the rest; the last quarter taken."""
    book = Scribe(make_columns(ROWS), cash=5_000.0)
    book.open(1, 4.0, 2_400.0, fee=4.0)
    book.step_down(3, 2_190.0, 0.5, fee=10.0)
    book.step_down(3, 2_185.0, 0.5, fee=5.0)
    book.liquidate(3, 2_150.0, fee=2.0)
    return book


def test_a_position_is_liquidated_once_by_the_step_that_leaves_nothing() -> None:
    """Three steps are one liquidation and two reductions; the trade is one, and liquidated."""
    book = stepped()
    found = figures(book)
    assert (found.count, found.reductions, found.reduced) == (1, 2, 0)
    assert (found.long, found.short) == (1, 0)
    assert [(row.size, row.size_after, row.stage) for row in found.rows] == [
        (2.0, 2.0, "market"), (1.0, 1.0, "market"), (1.0, 0.0, "takeover")]
    (trade,) = record(book).trades
    assert trade.liquidated
    assert trade.reductions == 2
    assert trade.exit_reason == "liquidation"
    assert trade.exit_price == pytest.approx((2 * 2_190 + 2_185 + 2_160) / 4)


def test_a_reduced_position_that_lived_is_no_liquidation() -> None:
    """Half of it was taken; the rest was closed by the strategy: it lived, its buffer used up."""
    book = Scribe(make_columns(ROWS), cash=5_000.0)
    book.open(1, 4.0, 2_400.0)
    book.step_down(3, LEVEL, 0.5, fee=10.0)
    book.close(5, 2_400.0)
    made = record(book)
    (trade,) = made.trades
    assert (trade.liquidated, trade.reductions, trade.exit_reason) == (False, 1, "market")
    assert trade.margin_lost == pytest.approx(2 * (2_400 - LEVEL) + 10.0)
    found = liquidations(made.episodes, made.trades)
    assert (found.count, found.reductions, found.reduced) == (0, 1, 1)
    near = near_misses(made.episodes, made.excursions, made.columns)
    assert (near.lived, near.at_95) == (1, 1)
    assert near.rows[0].buffer_used == pytest.approx(1.0)
    assert near.rows[0].distance_usd == pytest.approx(0.0, abs=1e-9)
    whole = summary(made)
    assert (whole["trades"]["liquidated"], whole["trades"]["reduced"]) == (0, 1)


def test_money_of_the_steps_adds_up() -> None:
    """Loss, fees and returned margin by row, by stage, by tier at entry and from gross to net."""
    book = stepped()
    made = record(book)
    found = liquidations(made.episodes, made.trades)
    fall = costs(book.journal, made.episodes, made.trades, "ETHUSDT")
    # realised 2 × −210 and 1 × −215, then the margin of one coin: 240; fees 17
    assert found.margin_lost == pytest.approx(420 + 215 + 240 + 17)
    assert found.margin_lost == pytest.approx(-(fall.of_gross.liquidations + fall.liquidation_fees))
    assert found.fees == fall.liquidation_fees == pytest.approx(-17.0)
    assert math.fsum(row.fee for row in found.rows) == pytest.approx(found.fees)
    assert found.returned == pytest.approx((480 - 420 - 10) + (240 - 215 - 5))
    assert found.fund_gained == pytest.approx(15.0)
    assert found.deficit == pytest.approx(10.0)  # bankrupt at 2,160, taken over at 2,150
    assert [(row.stage, row.count, row.reductions) for row in found.by_stage] == [
        ("market", 0, 2), ("takeover", 1, 0)]
    for rows in (found.by_stage, found.by_mark_state):
        assert math.fsum(row.margin_lost for row in rows) == pytest.approx(found.margin_lost)
    assert fall.unattributed == pytest.approx(0.0, abs=1e-9)
    change = book.journal.wallet() - 5_000.0
    assert fall.net == pytest.approx(change)
    (tier,) = [row for row in exposure(made.course, made.episodes, made.trades, made.fall,
                                       made.start_ns).by_entry if row.trades]
    assert (tier.liquidations, tier.reductions) == (1, 2)
    assert tier.margin_lost == pytest.approx(found.margin_lost)
    assert tier.net == pytest.approx(change)


def test_a_lift_of_the_fund_is_part_of_net_and_its_gains_are_not() -> None:
    """What the fund paid into the account is ``insurance``, in the waterfall as in the table."""
    book = stepped()
    book.lift(3, 7.5)
    made = record(book)
    found = liquidations(made.episodes, made.trades)
    fall = costs(book.journal, made.episodes, made.trades, "ETHUSDT")
    assert found.insurance == fall.insurance == pytest.approx(7.5)
    assert fall.net == pytest.approx(fall.gross + fall.fees + fall.funding + fall.liquidation_fees
                                     + fall.insurance)
    assert fall.unattributed == pytest.approx(0.0, abs=1e-9)


def test_each_step_shows_as_a_margin_ratio_of_one() -> None:
    """The close before a reduction met a ratio of at least 1 in the tier it was in."""
    book = Scribe(make_columns(ROWS), cash=5_000.0)
    book.open(1, 4.0, 2_400.0)
    book.step_down(3, LEVEL, 0.5)
    made = record(book)
    rows = exposure(made.course, made.episodes, made.trades, made.fall, made.start_ns).by_tier
    at_2_250 = next(row for row in rows if row.tier == "20–50x")  # 25x: 2,250 over 240 − 150
    assert at_2_250.margin_ratio_max == pytest.approx(1.0)


def test_auto_deleveraging_is_an_exit_of_its_own() -> None:
    """The venue took the rest: its reason is auto-deleveraged, its money price profit."""
    book = Scribe(make_columns(ROWS), cash=5_000.0)
    book.open(1, -2.0, 2_400.0)
    book.close(3, 2_200.0, share=0.5, reason="adl")
    book.close(3, 2_190.0, reason="adl")
    book.open(4, 1.0, 2_300.0)
    book.close(4, 2_310.0, share=0.5, reason="adl")
    book.close(5, 2_400.0)
    made = record(book)
    taken, part = made.trades
    assert (taken.exit_reason, taken.deleveraged, taken.liquidated) == ("auto-deleveraged", 2,
                                                                         False)
    assert taken.gross == pytest.approx(410.0)
    assert (part.exit_reason, part.deleveraged) == ("market", 1)
    found = summary(made)
    assert found["trades"]["auto_deleveraged"] == 2
    assert {row["name"]: row["count"] for row in found["trades"]["by_exit_reason"]} == {
        "auto-deleveraged": 1, "market": 1}
    assert found["liquidations"]["count"] == 0


def test_a_change_between_own_closes_belongs_to_the_bar_in_progress() -> None:
    """Taken at 00:07 with another instrument, a 5m position ended in the bar closing at 00:10,
    whatever bar the record names."""
    eth = Scribe(make_columns(ROWS, step="5m"), cash=5_000.0, isolated=False)
    btc = Scribe(make_columns([80_000.0] * 30, symbol="BTCUSDT"), isolated=False,
                 journal=eth.journal)
    btc.open(1, 0.001, 80_000.0)
    eth.open(0, 1.0, 2_400.0)
    eth.close(1, 2_400.0, reason="liquidation")
    book = eth.journal
    ts = int(btc.columns.close_ns[6])
    for name in ("entries", "fills", "snapshots"):
        records = getattr(book, name)
        for index, found in enumerate(records):
            if found.symbol == "ETHUSDT" and found.bar == 1:
                records[index] = dataclasses.replace(found, bar=0, ts=ts)  # the last bar it knew
    made = RunRecord.of(book, eth.columns, others=[btc.columns])
    (trade,) = made.trades
    assert trade.exit_bar == 1
    assert made.curves.position.tolist() == [1, -1, -1, -1, -1, -1]
    assert trade.holding_ns == 5 * 60 * 10**9
    assert [entry.bar for entry in book.entries if entry.cause is Cause.DEPOSIT] == [-1]


def test_a_reversal_may_skip_a_number() -> None:
    """Positions are numbered over the account: with one of BTC opened meanwhile, ETH's reversal
    goes from 1 to 3, and all its money is put down to the right one."""
    eth = Scribe(make_columns(ROWS), cash=5_000.0)
    eth.open(1, 1.0, 2_400.0)
    eth.number = 2  # of BTC, beside it
    fills, shots = eth.journal.fills, eth.journal.snapshots
    eth.reverse(2, 2_300.0, -1.0, fee=2.0)
    fills[-1] = dataclasses.replace(fills[-1], position=1)
    assert shots[-1].position == 3
    eth.close(4, 2_310.0)
    long, short = record(eth).trades
    assert (long.number, short.number) == (1, 3)
    assert (long.net, short.net) == (pytest.approx(-101.0), pytest.approx(-11.0))
    assert short.exit_bar == 4


def test_a_position_ends_where_the_account_says_so() -> None:
    """Sums of many parts carry dust: the account's own size after the fill decides."""
    book = Scribe(make_columns(ROWS), cash=5_000.0)
    for _ in range(3):
        book.open(1, 0.1, 2_400.0)
    book.close(4, 2_300.0)
    fills = book.journal.fills
    fills[-1] = dataclasses.replace(fills[-1], size=-0.2999, closed=-0.2999)
    (trade,) = record(book).trades
    assert (trade.exit_bar, trade.exit_reason) == (4, "market")


def test_the_lowest_equity_of_an_account_is_not_put_down_to_one_of_two_instruments() -> None:
    """While BTC was held, the lowest equity in ETH's entry bar tells nothing about ETH's mark."""
    eth = Scribe(make_columns(ROWS), cash=5_000.0, isolated=False)
    btc = Scribe(make_columns([80_000.0] * 6, symbol="BTCUSDT"), isolated=False,
                 journal=eth.journal)
    btc.open(0, 0.001, 80_000.0)
    eth.open(1, 1.0, 2_400.0, worst=4_960.0)
    eth.close(2, 2_390.0)
    beside = RunRecord.of(eth.journal, eth.columns, others=[btc.columns])
    assert beside.trades[0].mae == pytest.approx(10 / 2_400)
    alone = Scribe(make_columns(ROWS), cash=5_000.0, isolated=False)
    alone.open(1, 1.0, 2_400.0, worst=4_960.0)
    alone.close(2, 2_390.0)
    assert record(alone).trades[0].mae == pytest.approx(40 / 2_400)
