"""Short when a level fails: several closes below its low edge after having been above."""

from __future__ import annotations

from deleverage.detectors import next_below, parse_levels
from deleverage.detectors.levels import BP
from deleverage.strategies.exits import SHORT, Signal, SignalStrategy, reward
from deleverage.strategies.level_signals import LEVEL_PARAMS, above, rules_of


class Breakdown(SignalStrategy):
    """Sells the failure of a level: if 2,350 goes, forced selling is not exhausted.

    The rules of a reclaim upside down: wakes at the close on which price is accepted BELOW a level
    of ``levels`` (``n_closes`` closes under its low edge less ``buffer_bp``) after having been
    above. Stop ``stop_bp`` above the level, target the next level below, or ``r_multiple`` times
    the risk under the last one; time exit after ``hold``.
    """

    params = (("levels", "2350"), *LEVEL_PARAMS)

    def signals(self) -> dict[int, Signal]:
        """One short per failure; of two in one bar, the lower level's."""
        levels, rules = parse_levels(self.p.levels), rules_of(self.p)
        found = {}
        for level in reversed(levels):
            stop = level.high * (1.0 + self.p.stop_bp * BP)
            for seen in above(self.columns, level, rules, self.p.timeframe):
                if seen.kind == "accepted":
                    goal = next_below(levels, seen.close)
                    target = goal.high if goal else reward(seen.close, stop, self.p.r_multiple)
                    found[seen.bar] = Signal(SHORT, stop, target, f"failed {level}")
        return found
