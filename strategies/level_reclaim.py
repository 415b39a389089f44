"""Long when a level is reclaimed: several closes above its high edge after having been below."""

from __future__ import annotations

from deleverage.detectors import next_above, parse_levels
from deleverage.detectors.levels import BP
from deleverage.strategies.exits import LONG, Signal, SignalStrategy, reward
from deleverage.strategies.level_signals import LEVEL_PARAMS, below, rules_of


class LevelReclaim(SignalStrategy):
    """Buys acceptance above a level that had been lost.

    Wakes at the close on which a level of ``levels`` is accepted (``n_closes`` closes above its
    high edge plus ``buffer_bp``, on bars of ``timeframe`` base bars, after having been below:
    ``arm="close"`` by ``arm_below`` closes, ``arm="wick"`` by one bar ``sweep_bp`` deep). Stop
    ``stop_bp`` below the level, target the next level, or ``r_multiple`` times the risk above the
    last one; time exit after ``hold``.
    """

    params = (("levels", "2350,2750-2800,3000"), *LEVEL_PARAMS)

    def signals(self) -> dict[int, Signal]:
        """One long per acceptance; of two in one bar, the higher level's."""
        levels, rules = parse_levels(self.p.levels), rules_of(self.p)
        found = {}
        for level in levels:
            stop = level.low * (1.0 - self.p.stop_bp * BP)
            for seen in below(self.columns, level, rules, self.p.timeframe):
                if seen.kind == "accepted":
                    goal = next_above(levels, seen.close)
                    target = goal.low if goal else reward(seen.close, stop, self.p.r_multiple)
                    found[seen.bar] = Signal(LONG, stop, target, f"accepted {level}")
        return found
