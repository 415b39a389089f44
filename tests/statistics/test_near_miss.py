"""Near misses: buffer used at the worst point inside the bar, once per position that lived."""

from __future__ import annotations

import math

import numpy as np
import pytest

from deleverage.statistics.episodes import episodes
from deleverage.statistics.excursions import Excursion, excursions
from deleverage.statistics.near_miss import NearMisses, near_misses, volatility_24h
from deleverage.timestamps import DAY, MINUTE
from tests.markets import make_columns
from tests.statistics.scribe import RATE, Scribe

ROWS = [(2_400, 2_410, 2_390, 2_400), (2_400, 2_420, 2_350, 2_410), (2_410, 2_430, 2_200, 2_300),
        (2_300, 2_460, 2_190, 2_450), (2_450, 2_500, 2_440, 2_480)]


def met(book: Scribe) -> tuple[Excursion, ...]:
    return excursions(episodes(book.journal), book.journal, book.columns)


def figures(book: Scribe) -> NearMisses:
    return near_misses(episodes(book.journal), met(book), book.columns)


def long_held(rows: object = ROWS, **options: object) -> Scribe:
    book = Scribe(make_columns(rows, **options))  # type: ignore[arg-type]
    book.open(1, 1.0, 2_400.0)
    book.close(4, 2_480.0)
    return book


def test_buffer_used_to_the_letter() -> None:
    """1 − (equity − maintenance) ÷ (the same at entry), at the worst mark of 2,190."""
    book = long_held()
    used = 1 - ((240 - 210) - RATE * 2_190) / (240 - RATE * 2_400)
    assert met(book)[0].buffer_used == pytest.approx(used)
    found = figures(book)
    assert (found.lived, found.at_80, found.at_90, found.at_95) == (1, 1, 1, 0)
    (row,) = found.rows
    level = 2_160 / (1 - RATE)
    assert row.bar == 3  # the worst point, not the first beyond 80 %
    assert row.buffer_used == pytest.approx(used)
    assert row.distance_usd == pytest.approx(2_190 - level)
    assert row.distance_bp == pytest.approx((2_190 - level) / 2_190 * 1e4)
    assert found.closest_bp == pytest.approx(row.distance_bp)
    assert row.distance_vol is None  # no 24 h lie before it
    assert (row.mark_state, row.last_through, row.open) == ("exact", False, False)


def test_funding_paid_uses_the_buffer() -> None:
    """A settlement of 12 dollars borne by the margin brings the same mark closer."""
    book = Scribe(make_columns(ROWS))
    book.open(1, 1.0, 2_400.0)
    book.fund(2, 0.005, 2_400.0)
    book.close(4, 2_480.0)
    used = 1 - ((240 - 12 - 210) - RATE * 2_190) / (240 - RATE * 2_400)
    assert met(book)[0].buffer_used == pytest.approx(used)


def test_added_margin_is_a_new_measure() -> None:
    """After 100 dollars of added margin the buffer is measured against the larger one."""
    book = Scribe(make_columns(ROWS))
    book.open(1, 1.0, 2_400.0)
    book.add_margin(2, 100.0)
    book.close(4, 2_480.0)
    before = 1 - ((240 - 200) - RATE * 2_200) / (240 - RATE * 2_400)
    after = 1 - ((340 - 210) - RATE * 2_190) / (340 - RATE * 2_400)
    assert met(book)[0].buffer_used == pytest.approx(max(before, after))


def test_a_cross_position_uses_the_accounts_buffer() -> None:
    """In cross the buffer is the whole wallet above maintenance."""
    book = Scribe(make_columns(ROWS), cash=260.0, isolated=False)
    book.open(1, 1.0, 2_400.0)
    book.close(4, 2_480.0)
    used = 1 - ((260 - 210) - RATE * 2_190) / (260 - RATE * 2_400)
    assert met(book)[0].buffer_used == pytest.approx(used)


def test_a_short_mirrors() -> None:
    """A 20x short at 2,400 that saw 2,500 has used its buffer as the formula says."""
    book = Scribe(make_columns([*ROWS, (2_480, 2_490, 2_470, 2_480)]), leverage=20.0)
    book.open(1, -1.0, 2_400.0)
    book.close(5, 2_480.0)
    used = 1 - ((120 - 100) - RATE * 2_500) / (120 - RATE * 2_400)
    assert met(book)[0].buffer_used == pytest.approx(used)


def test_a_liquidated_position_is_no_near_miss() -> None:
    """What was liquidated did not live: it is neither counted nor the closest approach."""
    book = Scribe(make_columns(ROWS))
    book.open(1, 1.0, 2_400.0)
    book.liquidate(2, 2_170.0)
    found = figures(book)
    assert (found.lived, found.at_80, found.rows, found.closest_bp) == (0, 0, (), None)


def test_last_through_the_level_while_mark_was_not() -> None:
    """Last fell below the liquidation price inside a whole bar, the mark stopped above it."""
    mark = [(o, h, max(low, 2_190), c) for o, h, low, c in ROWS]
    rows = [(o, h, 2_100 if low == 2_200 else low, c) for o, h, low, c in ROWS]
    found = figures(long_held(rows, mark=mark))
    assert found.last_through == 1
    assert found.rows[0].last_through
    assert not figures(long_held()).rows[0].last_through


def test_where_no_mark_liquidates_there_is_no_near_miss() -> None:
    """A long on more margin than its notional has no liquidation price, no buffer, no distance."""
    book = Scribe(make_columns(ROWS), cash=5_000.0, isolated=False)
    book.open(1, 1.0, 2_400.0)
    (excursion,) = met(book)
    assert (excursion.buffer_used, excursion.closest, excursion.worst) == (None, None, None)
    assert figures(book).closest_buffer_used is None


def test_two_positions_in_one_bar_are_not_judged_by_its_lowest_equity() -> None:
    """In a bar that closed one position and opened another, its lowest equity is neither's."""
    book = Scribe(make_columns(ROWS))
    book.open(1, 1.0, 2_400.0)
    book.close(2, 2_390.0)
    book.open(2, 1.0, 2_390.0, worst=500.0)
    assert met(book)[1].adverse == pytest.approx(200 / 2_390)  # the low of bar 3 alone


def test_the_costs_of_an_exit_are_no_mark() -> None:
    """Stopped at 2,180 above its liquidation price of 2,171, with 20 of fee: the lowest equity of
    that bar is the one left behind, which would stand for a mark of 2,160 that ends the position.
    """
    rows = [*ROWS[:2], (2_410, 2_430, 2_150, 2_300), *ROWS[3:]]
    book = Scribe(make_columns(rows))
    book.open(1, 1.0, 2_400.0)
    book.close(2, 2_180.0, fee=20.0, worst=1_000.0 - 220.0 - 20.0)
    used = 1 - ((240 - 220) - RATE * 2_180) / (240 - RATE * 2_400)
    assert met(book)[0].buffer_used == pytest.approx(used)
    assert met(book)[0].closest == pytest.approx(1 - 2_160 / (1 - RATE) / 2_180)


def test_a_lower_equity_before_the_exit_is_a_mark() -> None:
    """Down to 2,175 and closed at 2,300 in the same bar: the 2,175 count; a survivor that slipped
    out below its liquidation price had used all of its buffer and no more."""
    rows = [*ROWS[:2], (2_410, 2_430, 2_150, 2_300), *ROWS[3:]]
    book = Scribe(make_columns(rows))
    book.open(1, 1.0, 2_400.0)
    book.close(2, 2_300.0, fee=20.0, worst=1_000.0 - 225.0)
    used = 1 - ((240 - 225) - RATE * 2_175) / (240 - RATE * 2_400)
    assert met(book)[0].buffer_used == pytest.approx(used)
    book = Scribe(make_columns(rows))
    book.open(1, 1.0, 2_400.0)
    book.close(2, 2_165.0, worst=1_000.0 - 235.0)
    assert met(book)[0].buffer_used == pytest.approx(1.0)


def test_volatility_units() -> None:
    """The unit is the root of the summed squared log returns of the 24 h before the worst bar."""
    prices = 2_400 * np.exp(0.001 * np.cumsum(np.resize([1.0, -1.0, 1.0], 1_500)))
    close_ns = np.arange(1, 1_501, dtype=np.int64) * MINUTE
    unit = volatility_24h(close_ns, prices, 1_499)
    assert unit == pytest.approx(math.sqrt(DAY / MINUTE) * 0.001)
    assert volatility_24h(close_ns, prices, 1_000) is None
    assert volatility_24h(close_ns, np.full(1_500, 5.0), 1_499) is None
