"""LeverageExposure: time by current tier, money by tier at entry, each adding up."""

from __future__ import annotations

import math

import pytest

from deleverage.statistics.exposure import Exposure, exposure, hours
from deleverage.statistics.summary import RunRecord
from deleverage.timestamps import MINUTE
from tests.markets import make_columns
from tests.statistics.scribe import Scribe

ROWS = [(2_400, 2_410, 2_390, 2_400), (2_400, 2_420, 2_350, 2_400), (2_400, 2_430, 2_290, 2_300),
        (2_300, 2_460, 2_290, 2_450), (2_450, 2_900, 2_440, 2_880), (2_880, 2_890, 2_800, 2_850)]


def figures(book: Scribe) -> Exposure:
    record = RunRecord.of(book.journal, book.columns)
    return exposure(record.course, record.episodes, record.trades, record.fall, record.start_ns)


def test_time_goes_to_the_tier_of_each_close() -> None:
    """A 10x long is 10x at entry, 16x when it has lost 100, 8.4x and 4x when it has won."""
    book = Scribe(make_columns(ROWS))
    book.open(1, 1.0, 2_400.0)
    book.close(5, 2_850.0)
    found = figures(book)
    time = {row.tier: row.time_h * 60 for row in found.by_tier if row.time_h}
    # closes of bars 1 and 2 (10x, 16.4x) in 10–20x, bar 3 (8.4x) in 5–10x, bar 4 (4x) in 3–5x
    assert time == pytest.approx({"10–20x": 2.0, "5–10x": 1.0, "3–5x": 1.0})
    assert found.time_in_market_h * 60 == pytest.approx(4.0)
    assert found.time_in_market == pytest.approx(4 / 6)
    assert found.bars_in_market == 4
    row = found.by_tier[5]
    assert row.notional_hours * 60 == pytest.approx(2_400 + 2_300)
    level = 2_160 / 0.995
    assert row.distance_p50 == pytest.approx(
        ((2_400 - level) / 2_400 + (2_300 - level) / 2_300) / 2)
    assert row.margin_ratio_max == pytest.approx(0.005 * 2_290 / (240 - 110))
    assert found.max_position_leverage == pytest.approx(2_300 / 140)


def test_a_liquidation_shows_as_a_margin_ratio_of_one() -> None:
    """The tier held before a liquidation met a margin ratio of at least 1."""
    book = Scribe(make_columns(ROWS), leverage=19.0)
    book.open(1, 1.0, 2_400.0)
    book.liquidate(3, 2_285.0)
    rows = {row.tier: row for row in figures(book).by_tier}
    assert rows["50–100x"].margin_ratio_max == pytest.approx(1.0)  # 87x at 2,300


def test_money_goes_to_the_tier_at_entry() -> None:
    """A 10x loser that drifts to 16x keeps its loss in 10–20x; sums are the run's net."""
    book = Scribe(make_columns(ROWS), cash=2_000.0)
    book.open(1, 1.0, 2_400.0, fee=1.0)
    book.close(2, 2_300.0, fee=1.0)
    book.leverage = 50.0
    book.open(3, 1.0, 2_450.0, fee=1.0)
    book.fund(4, 0.001, 2_880.0)
    found = figures(book)
    rows = {row.tier: row for row in found.by_entry if row.trades}
    assert set(rows) == {"10–20x", "50–100x"}
    assert rows["10–20x"].net == pytest.approx(-102.0)
    assert rows["50–100x"].gross == pytest.approx(400.0)
    assert rows["50–100x"].funding == pytest.approx(-2.88)
    change = math.fsum(entry.amount for entry in book.journal.entries) + 400.0 - 2_000.0
    assert math.fsum(row.net for row in found.by_entry) == pytest.approx(change, abs=1e-9)


def test_drawdown_contributions_sum_to_the_fall() -> None:
    """What each entry tier added over the deepest drawdown sums to the change of equity."""
    book = Scribe(make_columns(ROWS))
    book.open(1, 1.0, 2_400.0, fee=1.0)
    book.close(5, 2_850.0)
    found = figures(book)
    by_tier = {row.tier: row.drawdown for row in found.by_entry if row.trades}
    assert by_tier == {"10–20x": pytest.approx(-1.0 - 100.0)}  # fee and the fall to 2,300
    assert found.drawdown_from_ns == int(book.columns.close_ns[0])


def test_a_flat_run_has_no_exposure() -> None:
    """Without a position every time is zero and every extreme None."""
    found = figures(Scribe(make_columns(ROWS)))
    assert found.time_in_market_h == 0.0
    assert found.max_account_leverage is None
    assert all(row.time_h == 0.0 and row.distance_p50 is None for row in found.by_tier)
    assert len(found.by_tier) == len(found.by_entry) == 9


def test_hours_between_closes() -> None:
    """Each close counts to the next, gaps included; the last one has no time after it."""
    columns = make_columns(ROWS)
    assert hours(columns.close_ns).tolist() == pytest.approx([1 / 60] * 5 + [0.0])
    stamps = columns.close_ns.copy()
    stamps[3:] += 59 * MINUTE
    assert hours(stamps)[2] == pytest.approx(1.0)
