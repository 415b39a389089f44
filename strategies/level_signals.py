"""Levels as signals: tracker events on the signal's timeframe, from above and from below."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deleverage.columns import MarketColumns
from deleverage.detectors import (
    Level,
    LevelEvent,
    LevelRules,
    SignalBars,
    level_events,
    signal_bars,
)
from deleverage.errors import UsageError

# the parameters every strategy on levels has: timeframe in base bars, the rest as LevelRules; the
# next level is some 7 % away, days at ordinary volatility, hence the longer time exit
LEVEL_PARAMS = (
    ("hold", "72h"),
    ("timeframe", 1), ("n_closes", 3), ("mode", "n"), ("share", 0.80), ("window", 30),
    ("buffer_bp", 10.0), ("arm", "close"), ("arm_below", 30), ("sweep_bp", 25.0),
    ("stop_bp", 50.0), ("r_multiple", 2.0),
)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event at a level: known on the close of base bar ``bar``, at the price ``close``."""

    bar: int
    kind: str
    close: float


def rules_of(params: Any, **changes: Any) -> LevelRules:
    """The LevelRules in a strategy's parameters."""
    names = ("n_closes", "mode", "share", "window", "buffer_bp", "arm", "arm_below", "sweep_bp")
    return LevelRules(**({name: getattr(params, name) for name in names} | changes))


def bars_for(columns: MarketColumns, timeframe: int) -> SignalBars:
    """Bars of the signal's timeframe, from the last price."""
    if timeframe < 1:
        raise UsageError(f"timeframe counts base bars and must be at least 1, found {timeframe}")
    lines = columns.lines
    return columns.memo.get(("signal bars", timeframe), lambda: signal_bars(
        columns.close_ns, columns.market.step_ns, timeframe,
        lines["high"], lines["low"], lines["close"]))


def below(columns: MarketColumns, level: Level, rules: LevelRules,
          timeframe: int) -> tuple[Seen, ...]:
    """Events of a level that is to be reclaimed: ``accepted`` means above its high edge.

    Worked out once for each market, level, rules and timeframe.
    """
    def found() -> tuple[Seen, ...]:
        bars = bars_for(columns, timeframe)
        return _seen(bars, level_events(level, rules, bars.high, bars.low, bars.close))

    return columns.memo.get(("from below", level, rules, timeframe), found)


def above(columns: MarketColumns, level: Level, rules: LevelRules,
          timeframe: int) -> tuple[Seen, ...]:
    """The same rules upside down: ``accepted`` means n closes below the low edge after having been
    above. Prices enter as 1/price, which turns a fall into a rise of the same ratio."""
    def found() -> tuple[Seen, ...]:
        bars = bars_for(columns, timeframe)
        turned = Level(1.0 / level.high, 1.0 / level.low)
        return _seen(bars, level_events(turned, rules, 1.0 / bars.low, 1.0 / bars.high,
                                        1.0 / bars.close))

    return columns.memo.get(("from above", level, rules, timeframe), found)


def _seen(bars: SignalBars, events: Iterable[LevelEvent]) -> tuple[Seen, ...]:
    return tuple(Seen(int(bars.known[event.bar]), event.kind, float(bars.close[event.bar]))
                 for event in events)
