"""How far the mark went for and against a position, and how much of its buffer that used.

What is known inside a bar differs: a position held through a whole bar met the bar's mark extremes;
in the bar of a fill only the path after (before) it counts, of which the journal keeps the lowest
equity. So the points looked at are

* the adverse and favourable mark extreme of every bar held through,
* the closing mark of every bar in which something changed and the position lived on,
* in the bar of a fill, the mark at which the account had the lowest equity of that bar,
* the mark that triggered each forced step, the position in the state before it,
* the price of the exit (at a liquidation the mark that triggered it).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from deleverage.columns import MARK_STATES, Floats, MarketColumns
from deleverage.journal import Journal, Snapshot
from deleverage.records import unlocked
from deleverage.statistics.episodes import Episode
from deleverage.statistics.path import Path

_Held = tuple[Snapshot, int, int]  # state, first bar, stop: whole bars held in one state


@unlocked
@dataclass(frozen=True, slots=True)
class Point:
    """A mark the position met in ``bar``, and the state it met it in."""

    bar: int
    mark: float
    state: Snapshot


@unlocked
@dataclass(frozen=True, slots=True)
class Excursion:
    """The worst and best of one position.

    ``adverse`` and ``favourable`` are fractions of the entry price, ≥ 0. ``buffer_used`` is
    1 − (equity − maintenance) ÷ (the same at entry, after the last added margin), at ``worst``:
    0 at entry, 1 where the venue acts (a position it only reduced lives on with 1 or more); None
    where no mark could liquidate. ``closest`` is the least
    distance of a mark to the liquidation price as a share of that mark. ``last_through``: in a bar
    held through, last crossed the liquidation price and the mark did not.
    """

    adverse: float
    favourable: float
    buffer_used: float | None
    worst: Point | None
    closest: float | None
    last_through: bool
    mark_state: str | None


def excursions(
    found: Sequence[Episode], journal: Journal, columns: MarketColumns
) -> tuple[Excursion, ...]:
    """Worst and best mark, buffer used and closest approach of every position, in their order."""
    path = Path.of(columns, journal, found)
    return tuple(excursion(episode, path) for episode in found)


def excursion(episode: Episode, path: Path) -> Excursion:
    """Worst and best mark, buffer used and closest approach of one position."""
    side, bars = episode.side, len(path.close)
    through, closes = tuple(_held_through(episode, bars)), tuple(_closes(episode, path))
    lowest, highest = _lowest(path.low, through), _highest(path.high, through)
    worst_points = [*(lowest if side > 0 else highest), *closes,
                    *_inside_fill_bars(episode, path), *_forced_steps(episode)]
    best_points = [*(highest if side > 0 else lowest), *closes]
    against = [side * (1 - point.mark / point.state.entry_price) for point in worst_points]
    best = [side * (point.mark / point.state.entry_price - 1) for point in best_points]
    final = _exit_mark(episode)
    if final is not None:
        entry = episode.states[-1].entry_price if episode.states else episode.entry_price
        against.append(side * (1 - final / entry))
        best.append(side * (final / entry - 1))
    used, worst = _buffer(episode, worst_points)
    gaps = [side * (1 - point.state.liquidation_price / point.mark) for point in worst_points
            if not math.isnan(point.state.liquidation_price)]
    state = None if worst is None else MARK_STATES[int(path.mark_state[worst.bar])]
    return Excursion(max(0.0, *against), max(0.0, *best), used, worst, min(gaps, default=None),
                     _last_through(side, through, path), state)


def _held_through(episode: Episode, bars: int) -> Iterator[_Held]:
    """(state, first, stop): runs of whole bars held in one state."""
    exit_bar, states = episode.exit_bar, episode.states
    end = bars if exit_bar is None else exit_bar
    for k, state in enumerate(states):
        stop = end
        if k + 1 < len(states):
            later = states[k + 1]
            # funding or a margin transfer leaves the size alone: its bar was held through, too
            stop = later.bar + 1 if later.size == state.size else later.bar
        stop = min(stop, end)
        if state.bar + 1 < stop:
            yield state, state.bar + 1, stop


def _lowest(low: Floats, through: Iterable[_Held]) -> Iterator[Point]:
    """The least mark of each run of bars held through."""
    for state, first, stop in through:
        bar = first + int(low[first:stop].argmin())
        yield Point(bar, float(low[bar]), state)


def _highest(high: Floats, through: Iterable[_Held]) -> Iterator[Point]:
    """The greatest mark of each run of bars held through."""
    for state, first, stop in through:
        bar = first + int(high[first:stop].argmax())
        yield Point(bar, float(high[bar]), state)


def _closes(episode: Episode, path: Path) -> Iterator[Point]:
    """The closing mark of each bar of a change, in the state it was closed in."""
    states, exit_bar = episode.states, episode.exit_bar
    end = len(path.close) if exit_bar is None else min(exit_bar, len(path.close))
    for k, state in enumerate(states):
        last_of_bar = k + 1 == len(states) or states[k + 1].bar > state.bar
        if last_of_bar and state.bar < end:
            yield Point(state.bar, float(path.close[state.bar]), state)


def _inside_fill_bars(episode: Episode, path: Path) -> Iterator[Point]:
    """The mark at the lowest equity of each bar with a fill, from the journal.

    In the opening bar the state is the one after the fill, in later ones the one before. The bar of
    a liquidation is left out: its trigger is known exactly.
    """
    exit_bar = episode.exit_bar
    for bar in sorted({leg.bar for leg in (*episode.opened, *episode.closed)}):
        worst = path.worst_equity.get(bar)
        before = [state for state in episode.states if state.bar < bar]
        state = before[-1] if before else next(iter(episode.states), None)
        if worst is None or state is None or (bar == exit_bar and episode.liquidated):
            continue
        mark = state.entry_price + (worst - state.wallet) / state.size
        if bar == exit_bar:
            mark = _before_the_exit(episode, state, worst, mark)
        low, high = float(path.low[bar]), float(path.high[bar])
        yield Point(bar, min(max(mark, low), high), state)


def _before_the_exit(episode: Episode, state: Snapshot, worst: float, mark: float) -> float:
    """The worst mark of the bar of its exit, which left the position alive.

    Where the lowest equity is the one it left behind, fee and slippage are in it: they are no mark,
    and the price of the exit stands for it. A mark at the liquidation price would have ended it.
    """
    bar = episode.closed[-1].bar
    left = state.wallet + math.fsum(flow.amount for flow in episode.flows if flow.bar == bar)
    if worst >= left - 1e-9 * abs(state.wallet):
        mark = episode.closed[-1].price
    level = state.liquidation_price
    if math.isnan(level) or any(event.bar == bar for event in episode.liquidations):
        return mark
    return max(mark, level) if episode.side > 0 else min(mark, level)


def _forced_steps(episode: Episode) -> Iterator[Point]:
    """The mark that triggered each forced step that left some, in the state before it."""
    for event in episode.liquidations:
        held = event.size + event.size_after
        before = [state for state in episode.states if state.bar <= event.bar
                  and math.isclose(state.size, held, rel_tol=1e-9)]
        if event.size_after and before:
            yield Point(event.bar, event.trigger_mark, before[-1])


def _exit_mark(episode: Episode) -> float | None:
    if episode.liquidated:
        return episode.liquidations[-1].trigger_mark
    return episode.exit_price


def _buffer(episode: Episode, points: list[Point]) -> tuple[float | None, Point | None]:
    """Most of the buffer used, and where.

    Equity minus maintenance runs linearly in the mark from its value at the entry price to zero at
    the liquidation price: exact while the venue's bracket does not change in between.
    """
    bases = _bases(episode)
    used, worst = None, None
    for point in points:
        state = point.state
        room = state.entry_price - state.liquidation_price
        base = bases[id(state)]
        if math.isnan(room) or room == 0.0 or base <= 0:
            continue
        left = _buffer_at_entry(state) * (point.mark - state.liquidation_price) / room
        share = 1.0 - left / base
        if used is None or share > used:
            used, worst = share, point
    return used, worst


def _bases(episode: Episode) -> dict[int, float]:
    """Buffer each state is measured against: that after the last fill or added margin."""
    bases: dict[int, float] = {}
    base, previous = 0.0, None
    for state in episode.states:
        added = previous is not None and state.margin != previous.margin \
            and state.bar not in episode.funded
        if previous is None or state.size != previous.size or added:
            base = _buffer_at_entry(state)
        bases[id(state)] = base
        previous = state
    return bases


def _buffer_at_entry(state: Snapshot) -> float:
    """Equity minus maintenance at the entry price: isolated its margin, cross the whole wallet."""
    return (state.margin if state.margin > 0 else state.wallet) - state.maintenance


def _last_through(side: int, through: Iterable[_Held], path: Path) -> bool:
    for state, first, stop in through:
        level = state.liquidation_price
        if math.isnan(level):
            continue
        bars = slice(first, stop)
        if side > 0:
            # asked of the extreme first, which is hardly ever beyond it (nor a NaN)
            if not path.last_low[bars].min() > level and bool(
                    ((path.last_low[bars] <= level) & (path.low[bars] > level)).any()):
                return True
        elif not path.last_high[bars].max() < level and bool(
                ((path.last_high[bars] >= level) & (path.high[bars] < level)).any()):
            return True
    return False
