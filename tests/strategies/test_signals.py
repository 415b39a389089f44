"""Signals as a mapping or as columns, and exits that are judged on closes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deleverage.broker import PerpetualBroker
from deleverage.causality import truncation_test
from deleverage.columns import MarketColumns
from deleverage.direct import ask, trade
from deleverage.errors import UsageError
from deleverage.sizers import MarginFraction
from deleverage.strategies.barriers import first_met, met
from deleverage.strategies.exits import LEAVE, LONG, SHORT, Signal, Signals, SignalStrategy
from tests.markets import make_columns, random_market
from tests.strategies.runs import MODES, fills, run


class Tells(SignalStrategy):
    """Gives the signals that it is given."""

    params: Any = (("told", None), ("hold", "none"))

    def signals(self) -> Mapping[int, Signal]:
        told: Mapping[int, Signal] = self.p.told
        return told


class Rises(SignalStrategy):
    """Long after three rising closes: 1 % below its entry is its stop, 1 % above its target, on
    closes; as columns."""

    params: Any = (("hold", "45m"),)

    def signals(self) -> Signals:
        rising = np.diff(self.columns.lines["close"]) > 0
        bars = np.flatnonzero(rising[2:] & rising[1:-1] & rising[:-2]) + 3
        return Signals(bars, LONG, stop=0.01, target=0.01, on_close=True, from_entry=True)


class Foresees(Rises):
    """Long where the next close is higher."""

    def signals(self) -> Signals:
        rising = np.diff(self.columns.lines["close"]) > 0
        return Signals(np.flatnonzero(rising), LONG, stop=0.01, on_close=True, from_entry=True)


# ------------------------------------------------------------------ the mapping

def test_columns_are_a_mapping_of_bar_to_signal() -> None:
    """Lookup, iteration, length and membership as in the dict of the same signals."""
    columns = Signals([2, 5, 9], LONG, stop=[95.0, 96.0, 97.0], target=110.0, hold=4, why="x",
                      size=[1.0, 2.0, 3.0])
    same = {2: Signal(LONG, 95.0, 110.0, "x", 4, size=1.0),
            5: Signal(LONG, 96.0, 110.0, "x", 4, size=2.0),
            9: Signal(LONG, 97.0, 110.0, "x", 4, size=3.0)}
    assert dict(columns) == same
    assert list(columns) == [2, 5, 9]
    assert len(columns) == 3
    assert columns == same
    assert 5 in columns
    assert [bar for bar in (0, 3, 8, 10, -1) if bar in columns] == []
    assert columns.get(4) is None
    assert [columns.nth(at) for at in range(3)] == list(same.values())
    assert columns.nth(-1) == same[9]
    with pytest.raises(KeyError, match="3"):
        columns[3]


@given(st.lists(st.integers(0, 60), unique=True).map(sorted), st.sampled_from([LONG, SHORT, LEAVE]),
       st.sampled_from([None, 95.0, "each"]), st.sampled_from([None, 2, 7]), st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_columns_are_the_dict_of_their_signals(bars: list[int], side: int, stop: Any,
                                               hold: int | None, on_close: bool) -> None:
    """Over drawn columns: every number is a plain one, as of a signal written by hand."""
    each = 90.0 + np.arange(len(bars)) if stop == "each" else stop
    columns = Signals(bars, side, stop=each, hold=hold, on_close=on_close)
    wanted = {bar: Signal(side, 90.0 + at if stop == "each" else stop, hold=hold,
                          on_close=on_close) for at, bar in enumerate(bars)}
    assert dict(columns) == wanted
    assert all(type(signal.stop) in (float, type(None)) for signal in columns.values())
    assert all(type(bar) is int for bar in columns)


def test_no_signals_are_no_signals() -> None:
    """Empty columns: nothing is found, nothing is traded."""
    nothing = Signals([], LONG, stop=[])
    assert (len(nothing), list(nothing), nothing.get(0)) == (0, [], None)
    assert run(Tells, make_columns([100.0] * 5), told=nothing).broker.journal.fills == []


@pytest.mark.parametrize(("given", "words"), [
    ({"from_entry": True}, "from_entry needs on_close"),
    ({"adds": True, "on_close": True}, "adds cannot have its stop judged on the close")])
def test_signals_that_cannot_be(given: dict[str, Any], words: str) -> None:
    """The same refusal for one signal and for columns of them, empty ones too."""
    for make in (lambda: Signal(LONG, 0.01, **given), lambda: Signals([1, 2], LONG, **given),
                 lambda: Signals([], LONG, **given)):
        with pytest.raises(UsageError, match=words):
            make()


@pytest.mark.parametrize(("bars", "columns", "words"), [
    ([1, 2], {"stop": [95.0]}, r"stop of signals must be .* 2 bars, found \(1,\)"),
    ([1, 2], {"target": [[95.0, 96.0]]}, r"target of signals .* found \(1, 2\)"),
    ([1, 2, 3], {"size": np.ones(2)}, r"size of signals .* 3 bars, found \(2,\)"),
    ([[1, 2]], {}, r"bars of signals must be one column, found shape \(1, 2\)"),
    (3, {}, r"bars of signals must be one column, found shape \(\)")])
def test_columns_that_do_not_fit(bars: Any, columns: dict[str, Any], words: str) -> None:
    """One value for all bars or one for each."""
    with pytest.raises(UsageError, match=words):
        Signals(bars, LONG, **columns)


@pytest.mark.parametrize(("bars", "words"), [
    ([3, 2], "must ascend"), ([2, 2], "must ascend"), ([-1, 2], "names bar -1"),
    ([2, 99], "names bar 99")])
def test_bars_that_are_none(bars: list[int], words: str) -> None:
    """What a strategy wakes at is checked, given as columns as well."""
    with pytest.raises(UsageError, match=words):
        run(Tells, make_columns([100.0] * 9), told=Signals(bars, LONG))


def test_barriers_from_the_entry() -> None:
    """Fractions of the entry price on the side that loses and the one that wins; else as given."""
    long, short = (Signal(side, 0.02, 0.05, on_close=True, from_entry=True)
                   for side in (LONG, SHORT))
    assert long.barriers(100.0) == pytest.approx((98.0, 105.0))
    assert short.barriers(100.0) == pytest.approx((102.0, 95.0))
    assert Signal(LONG, on_close=True, from_entry=True).barriers(100.0) == (None, None)
    assert Signal(LONG, 95.0, None, on_close=True).barriers(100.0) == (95.0, None)


@given(st.lists(st.integers(90, 110), min_size=1, max_size=40), st.sampled_from([LONG, SHORT]),
       st.sampled_from([None, 92, 95, 99, 108]), st.sampled_from([None, 101, 105, 92]),
       st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_the_first_close_that_meets_a_level(closes: list[int], side: int, stop: int | None,
                                            target: int | None, start: int, until: int) -> None:
    """Found at once as it is bar by bar, near and far."""
    until = min(until, len(closes))
    start = min(start, until)
    wanted = next((bar for bar in range(start, until)
                   if met(closes[bar], side, (stop, target))), until)
    array = np.array(closes, dtype=float)
    assert first_met(array, side, (stop, target), start, until) == wanted
    quiet = np.full(3_000, 100.0 if stop != 99 or side > 0 else 98.0)
    if not met(quiet[0], side, (stop, target)):
        far = np.concatenate([quiet, array[start:until]])
        assert first_met(far, side, (stop, target), 0, len(far)) == wanted - start + len(quiet)


# ------------------------------------------------------------------ judged on closes

# entered at 100, the open of bar 2; its low and high go far beyond before any close does
ROWS = [(100, 100, 100, 100), (100, 100, 100, 100), (100, 104, 96, 100), (100, 103, 97, 100.5),
        (100.5, 101, 97, 98), (98.5, 99, 98, 98.6), (98.6, 99, 98, 98.7)]


def told(**signal: Any) -> Any:
    """The run of one long signal at bar 1."""
    return run(Tells, make_columns(ROWS), told={1: Signal(LONG, on_close=True, **signal)})


@pytest.mark.parametrize("signal", [
    {"stop": 98.0}, {"stop": 0.02, "from_entry": True}], ids=["price", "from entry"])
def test_a_stop_is_judged_on_closes(signal: dict[str, Any]) -> None:
    """Lows below it are passed by; the close at it (bar 4) sells at the next open."""
    assert fills(told(**signal)) == [(2, "market", 1, 100.0), (5, "stop", -1, 98.5)]


def test_a_target_is_judged_on_closes() -> None:
    """Highs above it are passed by; the close beyond it sells at the next open."""
    assert fills(told(target=100.4)) == [(2, "market", 1, 100.0), (4, "target", -1, 100.5)]


def test_the_close_of_the_fills_own_bar_counts() -> None:
    """A close at the target already in the bar of the fill leaves in the one after."""
    assert fills(told(target=100.0)) == [(2, "market", 1, 100.0), (3, "target", -1, 100.0)]


def test_the_stop_counts_before_the_target_and_both_before_the_time() -> None:
    """A close that meets all of them has one reason."""
    assert fills(told(stop=100.0, target=100.0, hold=1))[1][1] == "stop"
    assert fills(told(target=100.0, hold=1))[1][1] == "target"
    assert fills(told(stop=90.0, target=110.0, hold=1)) == [
        (2, "market", 1, 100.0), (3, "time", -1, 100.0)]


def test_a_short_is_judged_the_other_way_round() -> None:
    """Its stop lies above, its target below the entry."""
    short = run(Tells, make_columns(ROWS), told={
        1: Signal(SHORT, 0.02, 0.02, on_close=True, from_entry=True)})
    assert fills(short) == [(2, "market", -1, 100.0), (5, "target", 1, 98.5)]


def test_no_order_rests() -> None:
    """Nothing but the entry and the close is ever sent."""
    ran = told(stop=98.0, target=110.0)
    assert len(ran.exit_reasons) == 1
    assert ran.broker.book == {}
    assert ran.broker.journal.rejections == []


def test_a_close_on_the_last_bar_leaves_it_open() -> None:
    """There is no bar left in which it could be sold."""
    ran = run(Tells, make_columns(ROWS[:5]), told={1: Signal(LONG, 98.0, on_close=True)})
    assert fills(ran) == [(2, "market", 1, 100.0)]
    assert ran.position.size > 0


def market(seed: int = 4) -> MarketColumns:
    return random_market(seed, 900, volatility=0.002, crashes=2)


@pytest.mark.parametrize(("engine", "preload", "runonce"), MODES)
def test_every_mode_is_the_same_run(engine: str, preload: bool, runonce: bool) -> None:
    """With stops, targets and time exits on closes, as columns and as a dict."""
    jumped = run(Rises, market(), engine="jump")
    ran = run(Rises, market(), engine=engine, preload=preload, runonce=runonce)
    assert fills(ran) == fills(jumped)
    assert {reason for _, reason, _, _ in fills(ran)} >= {"stop", "target", "time", "market"}
    written = run(Tells, market(), engine=engine, preload=preload, runonce=runonce, hold="45m",
                  told=dict(jumped._signals))
    assert fills(written) == fills(ran)


def test_every_exit_is_known_before_it_is_sold() -> None:
    """Each sale lies at the open after the close that decided it: the first since the fill at or
    beyond a level, or the last bar of the time."""
    columns = market()
    closes, opens = columns.lines["close"], columns.lines["open"]
    found = fills(run(Rises, columns))
    pairs = list(zip(found[::2], found[1::2], strict=False))
    assert len(pairs) > 10
    for (first, _, _, entry), (bar, reason, _, price) in pairs:
        levels = (entry * 0.99, entry * 1.01)
        reasons = [met(closes[at], LONG, levels) for at in range(first, bar)]
        assert reasons[:-1] == [""] * (len(reasons) - 1)
        assert reasons[-1] or bar - first == 45
        assert reason == (reasons[-1] or "time")
        assert price == opens[bar]


def test_it_decides_from_the_past_alone() -> None:
    """The truncation test clears it, and finds the one that looks at the next close."""
    report = truncation_test(Rises, source=market())
    assert report.passed, str(report)
    assert report.decisions > 20
    assert not truncation_test(Foresees, source=market()).passed


def test_columns_that_add_add_to_the_position() -> None:
    """A further signal of the same side buys more, and without ``adds`` is passed by."""
    for adds, sizes in ((True, [1.0, 1.0]), (False, [1.0])):
        ran = run(Tells, make_columns(ROWS), told=Signals([1, 3], LONG, size=1.0, adds=adds))
        assert [fill.size for fill in ran.broker.journal.fills] == sizes


@pytest.mark.parametrize("side", [7, "long", None])
def test_a_side_that_is_none(side: Any) -> None:
    """A misspelt side does not sell."""
    for make in (lambda: Signal(side), lambda: Signals([1], side)):
        with pytest.raises(UsageError, match="side of a signal must be LONG"):
            make()


@pytest.mark.parametrize("name", ["stop", "target", "size"])
def test_a_price_or_size_that_is_no_number(name: str) -> None:
    """A NaN out of a column of features is named where its signal is followed, in either way."""
    for value in (float("nan"), float("inf")):
        given: dict[str, Any] = {name: value}
        with pytest.raises(UsageError, match=f"the {name} of a signal must be a number"):
            Signal(LONG, **given)
    columns = make_columns(ROWS)
    odd: dict[str, Any] = {name: np.array([float("nan"), 98.0])}
    told = Signals([1, 3], LONG, hold=1, **odd)
    with pytest.raises(UsageError, match=f"the {name} of a signal"):
        run(Tells, columns, told=told)
    with pytest.raises(UsageError, match=f"the {name} of a signal"):
        trade(ask(Tells, {"told": told}, columns), PerpetualBroker(), MarginFraction())
