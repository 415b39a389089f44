"""Levels: parsing, the table of states, noise, sweeps, zones, and what is told about a run."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage.detectors import (
    Level,
    LevelRules,
    LevelState,
    LevelTracker,
    level_events,
    level_history,
    next_above,
    next_below,
    parse_levels,
    signal_bars,
)
from deleverage.errors import UnknownName, UsageError
from deleverage.timestamps import MINUTE

LINE = Level(2_350.0, 2_350.0)
ZONE = Level(2_750.0, 2_800.0)
Bar = tuple[float, float, float]


def closes(*values: float) -> list[Bar]:
    """Bars without wicks: high = low = close."""
    return [(value, value, value) for value in values]


def told(level: Level, rules: LevelRules, bars: list[Bar]) -> list[tuple[int, str]]:
    """(bar, kind) of every event."""
    high, low, close = (np.array(column) for column in zip(*bars, strict=True))
    return [(event.bar, event.kind) for event in level_events(level, rules, high, low, close)]


QUICK = LevelRules(arm_below=2)


def test_parsing() -> None:
    """Lines and zones parse, come lowest first, and print as they are spoken."""
    levels = parse_levels("3000, 2350,2750-2800")
    assert levels == (LINE, ZONE, Level(3_000.0, 3_000.0))
    assert [str(level) for level in levels] == ["2,350", "2,750–2,800", "3,000"]
    assert next_above(levels, 2_360.0) == ZONE
    assert next_above(levels, 3_000.0) is None
    assert next_below(levels, 2_900.0) == ZONE
    assert next_below(levels, 2_350.0) is None


@pytest.mark.parametrize("text", ["", "abc", "2800-2750", "1-2-3", "-5", "0", "2350,,3000", "nan"])
def test_what_is_no_level(text: str) -> None:
    """Anything else is refused, naming what was found."""
    with pytest.raises(UsageError, match="not a level"):
        parse_levels(text)


def test_overlap_is_refused() -> None:
    """Two levels that share prices cannot be told apart."""
    with pytest.raises(UsageError, match="overlap"):
        parse_levels("2750-2800,2800-2900")


def test_misspelt_rules_name_the_near_miss() -> None:
    """Ways to arm and modes are checked by name."""
    with pytest.raises(UnknownName, match="did you mean 'wick'"):
        LevelRules(arm="wik")
    with pytest.raises(UnknownName, match="mode of acceptance"):
        LevelRules(mode="m")
    with pytest.raises(UsageError, match="n_closes"):
        LevelRules(n_closes=0)


def test_reclaim_of_a_line() -> None:
    """Lost on two closes, armed after two below, touched, and accepted on the third close above
    top; a retest that holds three closes ends it."""
    bars = closes(2_400, 2_340, 2_330, 2_335, 2_360, 2_361, 2_362, 2_380, 2_354, 2_355, 2_356)
    assert told(LINE, QUICK, bars) == [
        (1, "tested"), (2, "lost"), (4, "touch"), (6, "accepted"), (8, "retest"), (10, "held")]


def test_acceptance_may_come_in_the_bar_of_the_touch() -> None:
    """With n = 1 the touching bar's own close is enough."""
    bars = closes(2_400, 2_340, 2_330, 2_360)
    assert told(LINE, LevelRules(n_closes=1, arm_below=2), bars)[-2:] == [
        (3, "touch"), (3, "accepted")]


def test_noise_at_the_line_accepts_nothing() -> None:
    """Price oscillating ±5 bp around 2,350 is never an acceptance, however it is armed."""
    wave = [2_350 * (1 + 5e-4 * (-1) ** (bar // 3)) for bar in range(3_000)]
    for arm in ("close", "wick"):
        kinds = {kind for _, kind in told(LINE, LevelRules(arm=arm), closes(*wave))}
        assert "accepted" not in kinds


def test_a_short_dip_does_not_arm_by_close() -> None:
    """Fewer than ``arm_below`` closes below do not count as having been below."""
    bars = closes(2_400, 2_340, 2_340, 2_360, 2_365, 2_370, 2_375)
    assert told(LINE, LevelRules(arm_below=30), bars) == [(1, "tested"), (2, "lost")]


def test_a_wick_arms_within_one_bar() -> None:
    """Swept by 4.8 % and closed above in the same bar: armed by wick, three closes later accepted;
    by close nothing happened but a test that stood."""
    bars = [*closes(2_410, 2_400), (2_353.19, 2_237.52, 2_351.27),
            *closes(2_367.23, 2_372, 2_371)]
    assert told(LINE, LevelRules(arm="wick"), bars) == [
        (2, "swept"), (2, "touch"), (5, "accepted")]
    assert told(LINE, LevelRules(arm="close"), bars) == [(2, "tested"), (4, "stood")]


def test_closes_before_the_sweep_do_not_count() -> None:
    """A long stay above the level before it was swept accepts nothing by itself, in any mode."""
    bars = [*closes(*[2_400.0] * 50), (2_400.0, 2_300.0, 2_360.0)]
    for mode in ("n", "time", "both"):
        kinds = [kind for _, kind in told(LINE, LevelRules(arm="wick", mode=mode), bars)]
        assert kinds == ["swept", "touch"]


def test_swept_and_then_lost() -> None:
    """A level swept by a wick that then closes below it is lost like any other."""
    bars = [*closes(2_400), (2_400.0, 2_300.0, 2_345.0), *closes(2_344, 2_343)]
    assert told(LINE, LevelRules(arm="wick"), bars) == [
        (1, "swept"), (1, "touch"), (2, "lost")]


def test_rejection_stays_armed() -> None:
    """A close 75 bp below the level ends the attempt; the next touch starts another one."""
    bars = [*closes(2_400, 2_300, 2_300), (2_352.0, 2_320.0, 2_330.0),
            *closes(2_360, 2_361, 2_362)]
    assert told(LINE, QUICK, bars) == [
        (1, "tested"), (2, "lost"), (3, "touch"), (3, "rejected"), (4, "touch"), (6, "accepted")]


def test_failure_after_acceptance_stays_armed() -> None:
    """Two closes below the level after an acceptance fail it, and it can be reclaimed at once."""
    bars = closes(2_300, 2_300, 2_360, 2_361, 2_362, 2_340, 2_341, 2_360, 2_361, 2_362)
    kinds = told(LINE, QUICK, bars)
    assert kinds == [(2, "touch"), (4, "accepted"), (5, "retest"), (6, "failed"), (7, "touch"),
                     (9, "accepted")]


def test_no_retest() -> None:
    """Price that runs away without coming back is said to have had no retest."""
    bars = closes(2_300, 2_300, 2_360, 2_361, 2_362, *[2_500.0] * 6)
    assert told(LINE, LevelRules(arm_below=2, max_retest=5), bars)[-1] == (10, "no_retest")


def test_inside_a_zone_is_neither() -> None:
    """Closes inside the zone accept nothing and fail nothing: its width is the hysteresis."""
    inside = [2_760.0, 2_790.0, 2_775.0] * 20
    below, above = [2_700.0, 2_700.0], [2_810.0, 2_811.0, 2_812.0]
    events = told(ZONE, QUICK, closes(*below, *inside, *above, *inside))
    assert [kind for _, kind in events] == ["touch", "accepted", "retest", "no_retest"][:3]
    assert events[1][0] == len(below) + len(inside) + 2


def test_mode_time_needs_most_of_the_window() -> None:
    """τW of the last W closes above top, the current one included; ``both`` needs n as well."""
    above = [2_360.0, 2_340.0] + [2_360.0] * 12
    bars = closes(2_300, 2_300, *above)
    time = LevelRules(mode="time", window=10, share=0.8, arm_below=2)
    assert told(LINE, time, bars) == [(2, "touch"), (10, "accepted")]
    both = LevelRules(mode="both", window=10, share=0.8, arm_below=2, n_closes=9)
    assert told(LINE, both, bars)[-1] == (12, "accepted")


def test_buffer_moves_the_top() -> None:
    """Closes above the line but within the buffer are no acceptance."""
    bars = closes(2_300, 2_300, *[2_351.0] * 10)
    assert told(LINE, QUICK, bars) == [(2, "touch")]
    assert told(LINE, LevelRules(arm_below=2, buffer_bp=0.0), bars) == [
        (2, "touch"), (4, "accepted"), (5, "retest"), (7, "held")]


def test_support_that_was_never_lost() -> None:
    """A test of the level from above that holds is told, and not again before price has left."""
    bars = closes(2_400, 2_351, 2_352, 2_351, 2_352, 2_353, 2_400, 2_351, 2_352, 2_353)
    assert told(LINE, LevelRules(), bars) == [
        (1, "tested"), (3, "stood"), (7, "tested"), (9, "stood")]


def test_first_state_follows_the_first_close() -> None:
    """The first close decides: below the level is BELOW, on or above it ABOVE."""
    for close, state in ((2_349.0, LevelState.BELOW), (2_350.0, LevelState.ABOVE)):
        tracker = LevelTracker(LINE)
        tracker.push(close, close, close)
        assert tracker.state is state


def test_history_in_five_words() -> None:
    """Per level: visits, acceptances, holds and failures by bar, and the last word."""
    bars = closes(*[2_900.0] * 3, *[2_600.0] * 5, 2_360, 2_352, 2_353, 2_354, *[2_700.0] * 3,
                  *[2_810.0] * 4, *[2_900.0] * 3)
    high, low, close = (np.array(column) for column in zip(*bars, strict=True))
    levels = (LINE, ZONE, Level(3_000.0, 3_000.0))
    line, zone, top = level_history(levels, high, low, close, QUICK)
    assert line.outcome == "held"
    assert line.touched == (9,)
    assert line.held == (11,)
    assert line.failed == ()
    assert zone.outcome == "accepted"
    assert zone.accepted == (17,)
    assert zone.failed == (4,)
    assert top.outcome == "never"
    assert top.touched == top.accepted == ()


def test_touched_alone() -> None:
    """A level that price came near to, and no more, is touched."""
    high, low, close = (np.array([value] * 5) for value in (2_999.0, 2_990.0, 2_991.0))
    (history,) = level_history((Level(3_000.0, 3_000.0),), high, low, close)
    assert history.outcome == "touched"


def test_signal_bars_close_on_the_clock() -> None:
    """Five-minute bars end at full five minutes and are known there, not earlier; the unfinished
    one at the end is left out."""
    close_ns = np.arange(3, 14) * MINUTE
    price = np.arange(3.0, 14.0)
    bars = signal_bars(close_ns, MINUTE, 5, price + 0.5, price - 0.5, price)
    assert bars.known.tolist() == [2, 7]
    assert bars.close.tolist() == [5.0, 10.0]
    assert bars.high.tolist() == [5.5, 10.5]
    assert bars.low.tolist() == [2.5, 5.5]


def test_signal_bars_with_a_hole() -> None:
    """Where the last base bar is missing, the signal's bar is known with the next base bar."""
    close_ns = np.array([1, 2, 3, 7, 10]) * MINUTE
    price = np.array([1.0, 2.0, 3.0, 7.0, 10.0])
    bars = signal_bars(close_ns, MINUTE, 5, price, price, price)
    assert bars.known.tolist() == [3, 4]
    assert bars.close.tolist() == [3.0, 10.0]


def test_one_base_bar_per_signal_bar() -> None:
    """A timeframe of one base bar is the base bars themselves."""
    price = np.array([1.0, 2.0])
    bars = signal_bars(np.array([1, 2]) * MINUTE, MINUTE, 1, price, price, price)
    assert bars.known.tolist() == [0, 1]
    assert bars.close is price
