"""One account, several clocks: other steps, other starts, gaps; all valued at last known marks."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.coarser import coarser
from deleverage.columns import MarketColumns
from deleverage.errors import DataError
from deleverage.journal import Journal
from deleverage.statistics.clock import bars_of, lowest_within, marks_on, union_clock
from deleverage.statistics.curves import Curves, account_curves
from deleverage.statistics.exposure import exposure
from deleverage.statistics.summary import RunRecord
from deleverage.timestamps import MINUTE, parse
from tests.markets import make_columns
from tests.statistics.scribe import Scribe

ETH = [(2_400, 2_410, 2_390, 2_400), (2_400, 2_420, 2_350, 2_410), (2_410, 2_430, 2_200, 2_300)]
BTC = [(close, close + 50, close - 200, close) for close in range(80_000, 81_500, 100)]
BTC[7] = (80_700, 80_900, 78_000, 80_700)


def pair() -> tuple[Scribe, Scribe]:
    """ETH on 5m bars and BTC on 1m bars, both from midnight on, in one cross account of 10,000."""
    eth = Scribe(make_columns(ETH, step="5m"), cash=10_000.0, isolated=False)
    btc = Scribe(make_columns(BTC, symbol="BTCUSDT"), isolated=False, journal=eth.journal)
    return eth, btc


def at(curves: Curves, clock: str) -> int:
    return int(np.searchsorted(curves.close_ns, parse(f"2026-01-28T{clock}")))


def test_every_close_of_either_is_an_instant() -> None:
    """5m and 1m bars: the union has 15 instants; between its own closes ETH is worth its last
    known mark."""
    eth, btc = pair()
    btc.open(1, 1.0, 80_100.0)  # closes at 00:02
    eth.open(0, 2.0, 2_400.0)  # closes at 00:05
    union = account_curves(eth.journal, eth.columns, [btc.columns], clock="union")
    assert len(union) == 15
    assert union.equity[at(union, "00:02")] == pytest.approx(10_000 + 0)
    assert union.equity[at(union, "00:04")] == pytest.approx(10_000 + 200)
    assert union.size[at(union, "00:04")] == 0
    # 00:07: ETH still at 2,400 of 00:05, BTC at 80,600
    assert union.size[at(union, "00:07")] == 2
    assert union.equity[at(union, "00:07")] == pytest.approx(10_000 + 500)
    # 00:10: ETH at 2,410
    assert union.equity[at(union, "00:10")] == pytest.approx(10_000 + 800 + 20)


def test_the_lowest_since_the_close_before_counts_the_others_bars() -> None:
    """On ETH's own clock the wick of BTC at 00:08 is the worst of ETH's bar that ends at 00:10."""
    eth, btc = pair()
    btc.open(1, 1.0, 80_100.0)
    own = account_curves(eth.journal, eth.columns, [btc.columns])
    union = account_curves(eth.journal, eth.columns, [btc.columns], clock="union")
    assert own.close_ns is eth.columns.close_ns
    assert own.equity.tolist() == union.equity[[4, 9, 14]].tolist()
    assert own.worst_equity[1] == pytest.approx(10_000 - 2_100)
    assert union.worst_equity[7] == pytest.approx(10_000 - 2_100)
    assert union.worst_equity[9] == pytest.approx(10_000 + 600)  # BTC at its low of 80,700


def test_extremes_of_bars_that_end_together_count_in_one_instant() -> None:
    """At 00:10 both end: ETH at 2,350 and BTC at 80,700 together, as nothing says otherwise."""
    eth, btc = pair()
    btc.open(1, 1.0, 80_100.0)
    eth.open(0, 2.0, 2_400.0)
    union = account_curves(eth.journal, eth.columns, [btc.columns], clock="union")
    assert union.worst_equity[at(union, "00:10")] == pytest.approx(10_000 + 600 - 100)
    eth.journal.worst_equity[parse("2026-01-28T00:10")] = 9_800.0
    told = account_curves(eth.journal, eth.columns, [btc.columns], clock="union")
    assert told.worst_equity[at(told, "00:10")] == 9_800.0  # the journal knows better


def test_a_later_start_and_an_earlier_end() -> None:
    """BTC listed at 00:07 and gone at 00:12 counts from its first bar on, then at its last mark."""
    eth = Scribe(make_columns(ETH, step="5m"), cash=10_000.0, isolated=False)
    late = make_columns(BTC[:5], symbol="BTCUSDT", start="2026-01-28T00:07")
    btc = Scribe(late, isolated=False, journal=eth.journal)
    btc.open(0, 1.0, 80_000.0)  # closes at 00:08
    union = account_curves(eth.journal, eth.columns, [late], clock="union")
    stamps = [parse(f"2026-01-28T00:{minute:02}") for minute in (5, 8, 9, 10, 11, 12, 15)]
    assert union.close_ns.tolist() == stamps
    assert union.equity.tolist() == pytest.approx(
        [10_000, 10_000, 10_100, 10_200, 10_300, 10_400, 10_400])
    own = account_curves(eth.journal, eth.columns, [late])
    assert own.equity.tolist() == pytest.approx([10_000, 10_200, 10_400])
    there = account_curves(eth.journal, late, [eth.columns])
    assert there.position.tolist() == [1] * 5
    assert there.mark.tolist() == marks_on(late, late.close_ns).close.tolist()


def test_a_gap_of_one_instrument_is_no_gap_of_the_account() -> None:
    """Where ETH has no bars, the account still moves with BTC; ETH keeps its last known mark."""
    columns = make_columns([(2_400, 2_410, 2_390, 2_400 + k) for k in range(10)])
    keep = np.array([0, 1, 2, 7, 8, 9])
    holed = without(columns, keep)
    eth = Scribe(holed, cash=100_000.0, isolated=False)
    btc = Scribe(make_columns(BTC[:10], symbol="BTCUSDT"), isolated=False, journal=eth.journal)
    eth.open(1, 10.0, 2_401.0)
    btc.open(1, 1.0, 80_100.0)
    union = account_curves(eth.journal, holed, [btc.columns], clock="union")
    assert len(union) == 10
    assert union.mark[2:7].tolist() == [2_402.0] * 5
    assert union.equity[5] == pytest.approx(100_000 + 10 + 400)
    # the wick of BTC in its bar 7, where ETH's bars begin again
    assert account_curves(eth.journal, holed, [btc.columns]).worst_equity[3] == pytest.approx(
        100_000 - 2_100 - 110)


def without(columns: MarketColumns, keep: np.ndarray) -> MarketColumns:
    """The bars of ``keep`` alone, as a feed with a gap delivers them."""
    mark = columns.execution_mark
    return dataclasses.replace(
        columns, close_ns=columns.close_ns[keep],
        lines={name: line[keep] for name, line in columns.lines.items()},
        execution_mark=type(mark)(*(getattr(mark, item.name)[keep]
                                    for item in dataclasses.fields(mark))))


def test_a_settlement_counts_from_the_close_of_its_bar_on() -> None:
    """Funding at 00:07 on ETH is booked in the walk of the bar that ends at 00:10, not before the
    fills of that bar."""
    eth, btc = pair()
    btc.open(1, 1.0, 80_100.0)
    eth.open(0, 2.0, 2_400.0)
    eth.fund(1, 0.01, 2_400.0)
    entry = eth.journal.entries[-1]
    eth.journal.entries[-1] = dataclasses.replace(entry, ts=parse("2026-01-28T00:07"))
    union = account_curves(eth.journal, eth.columns, [btc.columns], clock="union")
    assert union.wallet[at(union, "00:09")] == 10_000.0
    assert union.wallet[at(union, "00:10")] == pytest.approx(10_000 - 48)


def test_clocks_that_never_meet_are_refused() -> None:
    """Two instruments without a common instant: one line that names both and their times."""
    eth = Scribe(make_columns(ETH, step="5m"))
    later = make_columns(BTC, symbol="BTCUSDT", start="2026-01-28T00:15")
    with pytest.raises(DataError, match=r"the clocks of ETHUSDT \(2026-01-28 00:05 … 2026-01-28 "
                                        r"00:15\) and BTCUSDT \(2026-01-28 00:16 … .*\) never "
                                        "meet: no account can hold both"):
        account_curves(eth.journal, eth.columns, [later])
    touching = make_columns(BTC, symbol="BTCUSDT", start="2026-01-28T00:14")
    assert len(account_curves(eth.journal, eth.columns, [touching], clock="union")) == 17
    with pytest.raises(DataError, match=r"BTCUSDT \(no bars\)"):
        union_clock([eth.columns, touching.sliced(0, 0)])


def test_bars_of_instants() -> None:
    """An instant belongs to the bar that ends at or after it; one after the last close to none."""
    columns = make_columns(ETH, step="5m")
    stamps = [parse(f"2026-01-28T00:{minute:02}") for minute in (0, 5, 6, 15, 16)]
    assert bars_of(columns, np.array(stamps)).tolist() == [0, 0, 1, 2, 3]


PATHS = st.lists(st.integers(90, 110), min_size=12, max_size=40)
DEAL = st.tuples(st.integers(0, 1), st.integers(0, 39), st.sampled_from([-2.0, 1.0, 3.0]))
DEALS = st.lists(DEAL, max_size=8)


@settings(max_examples=100, deadline=None)
@given(one=PATHS, other=PATHS, step=st.integers(2, 7), shift=st.integers(-5, 5), deals=DEALS)
def test_the_curve_is_the_sum_of_its_parts_at_every_instant(
    one: list[int], other: list[int], step: int, shift: int,
    deals: list[tuple[int, int, float]],
) -> None:
    """At every instant, equity is the entries booked so far plus each position at the last mark
    known then, looked up one by one; the own clock is a sample of it with its least in between."""
    begin = parse("2026-01-28")
    markets = [make_columns([float(x) for x in one]),
               make_columns([float(x) for x in other], symbol="BTCUSDT", step=f"{step}m",
                            start=str(np.datetime64(begin + shift * MINUTE, "ns"))[:19])]
    books = [Scribe(markets[0], isolated=False)]
    books.append(Scribe(markets[1], isolated=False, journal=books[0].journal))
    for stamp, which, size in sorted(
            (int(markets[which].close_ns[bar]), which, size) for which, bar, size in deals
            if bar < len(markets[which])):
        book = books[which]
        bar = int(np.searchsorted(book.columns.close_ns, stamp))
        if book.size and book.size * size < 0:
            book.close(bar, float(book.columns.lines["close"][bar]), fee=0.5)
        else:
            book.open(bar, size, float(book.columns.lines["close"][bar]), fee=0.5)
    journal = books[0].journal
    union = account_curves(journal, markets[0], [markets[1]], clock="union")
    for k, stamp in enumerate(union.close_ns.tolist()):
        assert union.equity[k] == pytest.approx(naive(journal, markets, stamp), abs=1e-9)
    assert (union.worst_equity <= union.equity + 1e-9).all()
    for index, market in enumerate(markets):
        own = account_curves(journal, market, [markets[1 - index]])
        sample = np.searchsorted(union.close_ns, market.close_ns)
        np.testing.assert_allclose(own.equity, union.equity[sample], rtol=1e-12)
        least = lowest_within(union.worst_equity, union.close_ns, market.close_ns)
        np.testing.assert_allclose(own.worst_equity, least, rtol=1e-12)


def naive(journal: Journal, markets: list[MarketColumns], stamp: int) -> float:
    """Equity at one instant, record by record."""
    worth = math.fsum(entry.amount for entry in journal.entries if entry.ts <= stamp)
    for market in markets:
        symbol = market.market.instrument.symbol
        known = [shot for shot in journal.snapshots if shot.symbol == symbol and shot.ts <= stamp]
        closes = [float(close) for at, close in zip(
            market.close_ns, market.execution_mark.close, strict=True) if at <= stamp]
        if known and known[-1].size:
            worth += known[-1].size * (closes[-1] - known[-1].entry_price)
    return worth


def test_both_sides_of_one_instrument_at_once() -> None:
    """Hedged: equity is exact, the size net, the notional of both; a position's own curves are the
    larger one's, and the lowest equity is at the extreme that hurts both together most."""
    long = Scribe(make_columns(ETH), cash=10_000.0)
    short = Scribe(long.columns, journal=long.journal, leverage=5.0)
    short.number = 1  # numbers count over the account
    long.open(0, 3.0, 2_400.0)
    short.open(0, -1.0, 2_400.0)
    hedged = [dataclasses.replace(shot, symbol=f"ETHUSDT {'long' if shot.size > 0 else 'short'}")
              for shot in long.journal.snapshots]
    long.journal.snapshots[:] = hedged
    record = RunRecord.of(long.journal, long.columns)
    curves = record.curves
    assert curves.size.tolist() == [2.0, 2.0, 2.0]
    assert curves.notional.tolist() == pytest.approx([9_600, 9_640, 9_200])
    assert curves.equity.tolist() == pytest.approx([10_000, 10_020, 9_800])
    assert curves.worst_equity[2] == pytest.approx(10_000 - 3 * 200 + 200)
    assert curves.position.tolist() == [1, 1, 1]
    assert curves.account_leverage[0] == pytest.approx(0.96)
    assert curves.position_leverage[0] == pytest.approx(10.0)
    assert [trade.side for trade in record.trades] == [1, -1]
    assert [trade.margin for trade in record.trades] == pytest.approx([720.0, 480.0])
    assert exposure(record.course, record.episodes, record.trades, record.fall,
                    record.start_ns).bars_in_market == 3


def test_figures_are_of_the_bars_the_account_walked() -> None:
    """A strategy on 5m bars over 1m bars: what happened at 00:07 is found there, whatever 5m bar
    the records name, with the mark's extremes of the finer bars it was held through."""
    fine = make_columns([(2_400, 2_401, 2_399, 2_400)] * 6 + [(2_400, 2_420, 2_390, 2_410)]
                        + [(2_410, 2_415, 2_300, 2_405)] * 2 + [(2_405, 2_500, 2_404, 2_405)] * 6)
    book = Scribe(fine, cash=1_000.0)
    book.open(6, 1.0, 2_400.0, worst=990.0)  # closes at 00:07
    book.close(8, 2_405.0, worst=905.0)
    journal = book.journal
    for name in ("entries", "fills", "snapshots"):
        records = getattr(journal, name)
        records[:] = [dataclasses.replace(found, bar=min(found.bar, 1)) for found in records]
    coarse = coarser(fine, 5 * MINUTE)
    record = RunRecord.of(journal, coarse)
    (trade,) = record.trades
    assert (trade.entry_bar, trade.exit_bar) == (6, 8)
    assert trade.holding_ns == 2 * MINUTE
    assert trade.mae == pytest.approx(100 / 2_400)  # the low of 00:08, not the 2,500 after 00:09
    assert trade.mfe == pytest.approx(15 / 2_400)
    assert len(record.curves) == len(fine)
    assert record.curves.worst_equity[6:10].tolist() == pytest.approx([990, 900, 905, 1_005])
    assert record.start_ns == parse("2026-01-28")
    journal.entries[0] = dataclasses.replace(journal.entries[0], ts=int(coarse.close_ns[0]))
    assert RunRecord.of(journal, coarse).curves.wallet[0] == 1_000.0  # there from the beginning
