"""The two paths of the documents as one strategy: hold, accept, reclaim; or fail."""

from __future__ import annotations

from deleverage.detectors import Level, LevelRules, parse_levels
from deleverage.detectors.levels import BP
from deleverage.errors import UsageError
from deleverage.strategies.exits import LONG, SHORT, Signal, SignalStrategy, reward
from deleverage.strategies.level_signals import LEVEL_PARAMS, Seen, above, below, rules_of


class ScenarioTree(SignalStrategy):
    """Buys support that holds and the zone above it once accepted; sells support that fails.

    Constructive path: 2,350 holds → long toward 2,750; acceptance above 2,750–2,800 → long (or
    add) toward 3,000. Risk path: 2,350 fails → close and short.

    ``levels`` are three: support, zone, goal. Support holds when price came to it and made
    ``hold_closes`` closes at or above it in a row, or was reclaimed after a loss; acceptance and
    failure as in level_reclaim and breakdown. Stops ``stop_bp`` beyond the level, the short's
    target at ``r_multiple`` times its risk, time exit after ``hold``.
    """

    params = (("levels", "2350,2750-2800,3000"), ("hold_closes", 60), *LEVEL_PARAMS)

    def signals(self) -> dict[int, Signal]:
        """The branches in rising rank: of two in one bar, the later branch counts."""
        levels = parse_levels(self.p.levels)
        if len(levels) != 3:
            raise UsageError(f"ScenarioTree needs three levels (support, zone, goal), found "
                             f"{len(levels)} in {self.p.levels!r}")
        support, zone, goal = levels
        return (self._held(support, zone) | self._accepted(zone, goal)
                | self._failed(support))

    def _held(self, support: Level, zone: Level) -> dict[int, Signal]:
        rules = rules_of(self.p, retest_hold=self.p.hold_closes)
        signal = Signal(LONG, self._under(support), zone.low, f"held {support}")
        return {seen.bar: signal for seen in self._below(support, rules)
                if seen.kind in ("stood", "accepted") and seen.close < zone.low}

    def _accepted(self, zone: Level, goal: Level) -> dict[int, Signal]:
        signal = Signal(LONG, self._under(zone), goal.low, f"accepted {zone}", adds=True)
        return {seen.bar: signal for seen in self._below(zone, rules_of(self.p))
                if seen.kind == "accepted" and seen.close < goal.low}

    def _failed(self, support: Level) -> dict[int, Signal]:
        stop = support.high * (1.0 + self.p.stop_bp * BP)
        return {seen.bar: Signal(SHORT, stop, reward(seen.close, stop, self.p.r_multiple),
                                 f"failed {support}")
                for seen in above(self.columns, support, rules_of(self.p),
                                  self.p.timeframe)
                if seen.kind == "accepted"}

    def _under(self, level: Level) -> float:
        return level.low * (1.0 - self.p.stop_bp * BP)

    def _below(self, level: Level, rules: LevelRules) -> tuple[Seen, ...]:
        return below(self.columns, level, rules, self.p.timeframe)
