"""Detectors: pure functions and small state machines on numbers, no backtrader, no pandas.

Each streaming object takes one closed bar per ``push`` in constant time; each function of the same
name takes whole columns and agrees with it to the last bit. Nothing here looks ahead.
"""

from deleverage.detectors.cascade import (
    CascadeEvent,
    CascadeMachine,
    CascadeReadings,
    CascadeState,
    Phase,
    cascade_events,
    readings,
)
from deleverage.detectors.cascade_config import CascadeConfig
from deleverage.detectors.cusum import Cusum, cusum
from deleverage.detectors.intensity import (
    OnlineIntensity,
    hawkes_excitation,
    hawkes_log_likelihood,
    online_intensity,
)
from deleverage.detectors.level_history import LevelHistory, level_history
from deleverage.detectors.level_tracker import LevelEvent, LevelState, LevelTracker, level_events
from deleverage.detectors.levels import Level, LevelRules, next_above, next_below, parse_levels
from deleverage.detectors.open_interest import ShareClosed, flush, share_closed
from deleverage.detectors.robust_z import RobustZ, log_size, robust_z
from deleverage.detectors.rolling import RollingSum, rolling_sum
from deleverage.detectors.signal_bars import SignalBars, signal_bars

__all__ = [
    "CascadeConfig",
    "CascadeEvent",
    "CascadeMachine",
    "CascadeReadings",
    "CascadeState",
    "Cusum",
    "Level",
    "LevelEvent",
    "LevelHistory",
    "LevelRules",
    "LevelState",
    "LevelTracker",
    "OnlineIntensity",
    "Phase",
    "RobustZ",
    "RollingSum",
    "ShareClosed",
    "SignalBars",
    "cascade_events",
    "cusum",
    "flush",
    "hawkes_excitation",
    "hawkes_log_likelihood",
    "level_events",
    "level_history",
    "log_size",
    "next_above",
    "next_below",
    "online_intensity",
    "parse_levels",
    "readings",
    "robust_z",
    "rolling_sum",
    "share_closed",
    "signal_bars",
]
