"""The course of an account, told in spans, stands for its curves at every bar: to the last bit."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from deleverage.columns import MarketColumns
from deleverage.errors import DataError
from deleverage.journal import Journal, symbol_of
from deleverage.statistics.course import Course
from deleverage.statistics.curves import account_curves
from deleverage.statistics.marks import judged_on
from deleverage.statistics.placing import walked
from deleverage.statistics.spans import Spans
from deleverage.statistics.summary import RunRecord, summary
from deleverage.timestamps import MINUTE
from tests.engine.generated import scenes
from tests.engine.runs import JUMP, columns_of, run
from tests.engine.scenes import Scene
from tests.markets import make_columns, random_market
from tests.statistics.scribe import Scribe

ROWS = [(2_400, 2_410, 2_390, 2_400), (2_400, 2_420, 2_350, 2_400), (2_400, 2_430, 2_290, 2_300),
        (2_300, 2_460, 2_290, 2_450), (2_450, 2_900, 2_440, 2_880), (2_880, 2_890, 2_800, 2_850)]


def compared(journal: Journal, columns: MarketColumns, others: Sequence[MarketColumns] = (),
             mark: str | None = None) -> Course:
    """The course of an account, once its curves and every figure read from it are those of the
    curves at every bar."""
    told = RunRecord.of(journal, columns, mark, others=others)
    judged = told.columns
    dense = account_curves(journal, judged, [judged_on(walked(each), mark) for each in others])
    for name, values in told.course.every_bar().arrays().items():
        assert values.tobytes() == getattr(dense, name).tobytes(), name
    each = dataclasses.replace(told, course=Course(judged, Spans.each(len(judged)), dense))
    assert repr(summary(told, deep=False)) == repr(summary(each, deep=False))
    assert [part.tobytes() for part in told.daily] == [part.tobytes() for part in each.daily]
    return told.course


def figures_of(scene: Scene, found: Counter[str]) -> None:
    """Run a scene; compare what is told of each of its instruments."""
    markets = columns_of(scene)
    outcome = run(scene, JUMP, markets)
    if outcome.error and not outcome.error.startswith("curves"):
        return
    journal, shown = outcome.journal, outcome.columns
    symbols = dict.fromkeys(symbol_of(shot.symbol) for shot in journal.snapshots)
    own = {each.market.instrument.symbol: each for each in shown}
    mark = scene.account.get("mark")
    for columns in shown[:1] if not symbols else [own[symbol] for symbol in symbols]:
        others = [each for each in shown if each is not columns
                  and each.market.instrument.symbol in symbols]
        try:
            course = compared(journal, columns, others, mark)
        except DataError:
            assert len(shown) > 1  # their clocks never meet
            continue
        held = course.told.size != 0
        found.update({
            "instruments": 1, "mark=last": mark == "last", "finer": columns.inner is not None,
            "several": bool(others), "cross": scene.account.get("margin") == "cross",
            "both sides": any(" " in shot.symbol for shot in journal.snapshots),
            "liquidations": len(journal.liquidations), "settlements": len(journal.funding),
            "never traded": not symbols, "told in fewer spans": not course.spans.whole,
            "open at the end": bool(len(held)) and bool(held[-1]),
            "each bar of another clock": bool(others) and course.spans.whole})


@pytest.mark.parametrize(("first", "stop", "apart"), [
    pytest.param(0, 40, False, id="40"), pytest.param(0, 15, True, id="15-apart"),
    pytest.param(40, 340, False, id="300", marks=pytest.mark.slow),
    pytest.param(15, 115, True, id="100-apart", marks=pytest.mark.slow)])
def test_drawn_accounts(first: int, stop: int, apart: bool) -> None:
    """Drawn markets, accounts and strategies of every kind: each figure is that of every bar."""
    found: Counter[str] = Counter()
    for number in range(first, stop):
        seed(number)(settings(max_examples=2, deadline=None, database=None,
                              suppress_health_check=list(HealthCheck))(given(scenes(apart))(
                                  lambda scene: figures_of(scene, found))))()
    print(dict(found))
    wanted = {"settlements", "liquidations", "several", "cross", "open at the end"}
    wanted |= {"each bar of another clock"} if apart else {
        "mark=last", "finer", "both sides", "never traded", "told in fewer spans"}
    assert not wanted - {name for name, count in found.items() if count}


@given(data=st.data(), chance=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_written_journals(data: st.DataObject, chance: int) -> None:
    """Journals that open, add, fund, halve and close at drawn bars, the first one among them."""
    columns = random_market(chance, 120, step="1h")
    book = Scribe(columns, cash=1e6, isolated=data.draw(st.booleans()))
    price = columns.execution_mark.close
    for bar in sorted(data.draw(st.sets(st.integers(0, 119), max_size=12))):
        kind = data.draw(st.sampled_from(["open", "halve", "close", "fund", "low", "paid"]))
        if kind == "open":
            side = math.copysign(1.0, book.size) if book.size else data.draw(
                st.sampled_from([1.0, -1.0]))
            book.open(bar, side, float(price[bar]), fee=1.0)
        elif kind == "low":  # told by the journal where nothing is held, too
            book.journal.worst_equity[int(columns.close_ns[bar])] = 9e5
        elif kind == "paid":  # a booking that no snapshot goes with
            book.lift(bar, 25.0)
        elif book.size and kind == "fund":
            book.fund(bar, 1e-4, float(price[bar]))
        elif book.size:
            book.close(bar, float(price[bar]), fee=1.0, share=0.5 if kind == "halve" else 1.0)
    compared(book.journal, columns)


def test_a_position_in_the_first_bar_and_one_in_the_last() -> None:
    """Opened where the market begins, closed, opened where it ends: three spans of six bars."""
    book = Scribe(make_columns(ROWS))
    book.open(0, 1.0, 2_400.0, fee=1.0)
    book.close(1, 2_390.0, fee=1.0)
    book.open(5, 1.0, 2_850.0)
    course = compared(book.journal, book.columns)
    assert course.spans.first.tolist() == [0, 1, 5]


def test_without_a_trade_there_is_one_span() -> None:
    """An account that never trades is told once, whatever the market did."""
    book = Scribe(make_columns(ROWS))
    course = compared(book.journal, book.columns)
    assert (course.spans.first.tolist(), course.spans.times.tolist()) == ([0], [6])


def test_several_instruments_on_one_clock() -> None:
    """A bar in which either instrument is held is told by itself."""
    eth = Scribe(make_columns(ROWS), isolated=False)
    btc = Scribe(make_columns([tuple(10 * price for price in row) for row in ROWS],
                              symbol="BTCUSDT"), isolated=False, journal=eth.journal)
    eth.open(1, 1.0, 2_400.0)
    btc.open(2, -0.1, 23_000.0)
    eth.close(2, 2_300.0)
    btc.close(3, 24_500.0)
    course = compared(eth.journal, eth.columns, [btc.columns])
    assert course.spans.first.tolist() == [0, 1, 2, 3]
    assert compared(eth.journal, btc.columns, [eth.columns]).spans.first.tolist() == [0, 1, 2, 3]


def test_bars_that_are_missing_count_as_long_as_they_are() -> None:
    """Times are those of the bars: a gap in a flat span adds to its hours, not to its bars."""
    columns = make_columns(ROWS)
    stamps = columns.close_ns.copy()
    stamps[4:] += 59 * MINUTE
    gapped = dataclasses.replace(columns, close_ns=stamps)
    book = Scribe(gapped)
    book.open(0, 1.0, 2_400.0, fee=1.0)
    book.close(2, 2_300.0, fee=1.0)
    course = compared(book.journal, gapped)
    assert len(course.spans) < len(np.unique(stamps))
