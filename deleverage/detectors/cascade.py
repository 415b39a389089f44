"""Is a liquidation cascade running, and has it run out? Three states, one push per closed bar.

CALM → CASCADE (``start``)
    z > z_on  and  S60 / OI in USD > share  and  the CUSUM alarm stands.
    z is the robust z of log1p(S15 / floor); S15 and S60 are USD liquidated in the last 15 and 60
    bars. The share is what keeps a silent feed from firing at two dollars.
CASCADE → COOL (``exhausted``)
    at least ``min_bars`` since the start (or resume), ``quiet`` bars without a new low, and an
    intensity L below ``decay`` of its peak. The event is *confirmed* when open interest, in coins,
    has fallen by more than ``flush`` since the start; a rule should trade confirmed ones only.
COOL → CASCADE (``resume``)
    a price below the low of the call with z > z_on: the last call was false.
COOL → CALM
    after ``cool_bars`` bars, once z < z_off.

Decided here, where the description of the method leaves it open:

- the flush is a property of the event, not a condition of the transition: a cascade that fades
  without a flush cools down unconfirmed and cannot be called exhausted days later by an unrelated
  fall of open interest;
- the low to be broken stays that of the call while cooling, also when price drifts below it with a
  small z: reports of liquidations and of open interest come later than the price they caused (one
  five-minute step later at the wick of 31 January 2026), and a moved low would meet them too late.
  A resume takes the lowest price since as the cascade's low;
- ``resume`` resets the peak of L and the counters: a second, smaller wave is measured against its
  own peak, else it would look decayed at birth;
- the open interest at the start survives a resume: it is one cascade, and its flush adds up.

Unknown input is never zero. While liquidations (or open interest) are unknown nothing starts and
nothing is called exhausted; a running cascade stays in CASCADE and keeps its low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from deleverage.detectors.cascade_config import CascadeConfig
from deleverage.detectors.cusum import Cusum, cusum
from deleverage.detectors.intensity import OnlineIntensity, online_intensity
from deleverage.detectors.open_interest import flush
from deleverage.detectors.robust_z import RobustZ, log_size, robust_z
from deleverage.detectors.rolling import BILLIONTHS, CENTS, RollingSum, rolling_sum

Floats = NDArray[np.float64]


class Phase(StrEnum):
    """State of the machine."""

    CALM = "calm"
    CASCADE = "cascade"
    COOL = "cool"


@dataclass(frozen=True, slots=True)
class CascadeEvent:
    """What the machine called on the close of ``bar``.

    ``low`` is the lowest price of the cascade so far, ``flush`` the change of open interest in
    coins since its start (NaN: unknown), ``confirmed`` whether an exhaustion passed the flush gate,
    ``z``, ``share`` and ``intensity`` the readings of the bar.
    """

    bar: int
    kind: str  # start | exhausted | resume
    low: float
    flush: float
    confirmed: bool
    z: float
    share: float
    intensity: float


class CascadeMachine:
    """The transitions alone, on readings computed elsewhere; see :class:`CascadeState`."""

    def __init__(self, config: CascadeConfig) -> None:
        self.config = config
        self.phase = Phase.CALM
        self.low = math.nan
        self._lowest = math.nan  # of the cascade and the cooling after it
        self._bar = -1
        self._peak = math.nan
        self._start_interest = math.nan
        self._since = 0  # bars since start or resume; in COOL since the call
        self._quiet = 0

    def step(self, low: float, z: float, size: float, share: float, alarm: bool,
             intensity: float, open_interest: float) -> CascadeEvent | None:
        """Advance by one closed bar; the event it called, if any."""
        self._bar += 1
        phase = self.phase
        if phase is Phase.CALM:
            if not (alarm and z > self.config.z_on and intensity == intensity
                    and self._large(size, share)):
                return None
            self.low, self._start_interest = low, open_interest
            kind = self._enter_cascade(intensity, "start")
        elif phase is Phase.CASCADE:
            if not self._exhausted(low, intensity):
                return None
            self.phase, self._since, kind = Phase.COOL, 0, "exhausted"
            self._lowest = self.low
        else:
            self._lowest = min(self._lowest, low)
            self._since += 1
            if not (low < self.low and z > self.config.z_on):
                if self._since > self.config.cool_bars and z < self.config.z_off:
                    self.phase = Phase.CALM
                return None
            self.low = self._lowest
            kind = self._enter_cascade(intensity, "resume")
        change = flush(open_interest, self._start_interest)
        confirmed = kind == "exhausted" and (
            self.config.flush == 0.0 or change < -self.config.flush
        )
        return CascadeEvent(self._bar, kind, self.low, change, confirmed, z, share, intensity)

    def _large(self, size: float, share: float) -> bool:
        """Large in itself and against the book, each where it is asked for; unknown is not."""
        config = self.config
        return size >= config.size and (config.share == 0.0 or share > config.share)

    def _enter_cascade(self, intensity: float, kind: str) -> str:
        self.phase = Phase.CASCADE
        self._peak, self._since, self._quiet = intensity, 0, 0
        return kind

    def _exhausted(self, low: float, intensity: float) -> bool:
        config = self.config
        self._since += 1
        if not self._peak >= intensity and intensity == intensity:
            self._peak = intensity
        if low < self.low:
            self.low, self._quiet = low, 0
        else:
            self._quiet += 1
        return (self._since >= config.min_bars and self._quiet >= config.quiet
                and intensity < config.decay * self._peak)


class CascadeState:
    """The streaming detector: readings and machine in one object, one :meth:`push` per bar."""

    def __init__(self, config: CascadeConfig | None = None) -> None:
        self.config = config = config or CascadeConfig()
        self._machine = CascadeMachine(config)
        units = BILLIONTHS if config.of_book else CENTS
        self._fast, self._slow = RollingSum(config.fast, units), RollingSum(config.slow, units)
        self._z = RobustZ(config.half_life, config.warm_up)
        self._cusum = Cusum(config.cusum_allowance, config.cusum_threshold)
        self._intensity = OnlineIntensity(
            config.intensity_half_life, config.branching,
            base_half_life=config.half_life, floor=config.intensity_floor,
        )
        self.z = math.nan
        self.intensity = math.nan

    @property
    def phase(self) -> Phase:
        """Where the machine stands."""
        return self._machine.phase

    @property
    def has_data(self) -> bool:
        """Whether the last bar could be judged at all (False: liquidations unknown)."""
        return self.z == self.z and self.intensity == self.intensity

    def push(self, low: float, amount: float, open_interest: float,
             price: float) -> CascadeEvent | None:
        """Take one closed bar: its low, what was liquidated, open interest in coins, mark price.

        ``amount`` is USD of long liquidations, or with ``of_book`` the share of open interest
        closed; NaN means the feed was not alive. ``open_interest`` NaN means it is unknown.
        """
        self.z = z = self._z.push(math.log1p(self._fast.push(amount) / self.config.floor))
        self.intensity = self._intensity.push(amount)
        size = self._slow.push(amount)
        share = size if self.config.of_book else _ratio(size, open_interest * price)
        return self._machine.step(low, z, size, share, self._cusum.push(z), self.intensity,
                                  open_interest)


@dataclass(frozen=True, slots=True)
class CascadeReadings:
    """Everything the machine looks at, per bar."""

    z: Floats
    size: Floats
    share: Floats
    alarm: NDArray[np.bool_]
    intensity: Floats


def readings(config: CascadeConfig, amount: Floats, open_interest: Floats,
             price: Floats) -> CascadeReadings:
    """The readings of whole columns; arguments as :meth:`CascadeState.push`."""
    units = BILLIONTHS if config.of_book else CENTS
    z = robust_z(log_size(rolling_sum(amount, config.fast, units), config.floor),
                 config.half_life, config.warm_up)
    size = rolling_sum(amount, config.slow, units)
    book = (open_interest * price).tolist()
    share = size if config.of_book else np.array(list(map(_ratio, size.tolist(), book)))
    return CascadeReadings(
        z, size, share, cusum(z, config.cusum_allowance, config.cusum_threshold),
        online_intensity(amount, config.intensity_half_life, config.branching,
                         base_half_life=config.half_life, floor=config.intensity_floor),
    )


def cascade_events(config: CascadeConfig, low: Floats, amount: Floats, open_interest: Floats,
                   price: Floats) -> tuple[CascadeEvent, ...]:
    """Every event :class:`CascadeState` would call on these columns, in order."""
    read = readings(config, amount, open_interest, price)
    called = map(CascadeMachine(config).step, low.tolist(), read.z.tolist(), read.size.tolist(),
                 read.share.tolist(), read.alarm.tolist(), read.intensity.tolist(),
                 open_interest.tolist())
    return tuple(event for event in called if event is not None)


def _ratio(amount: float, book: float) -> float:
    """``amount`` over the book; NaN where the book is unknown or empty."""
    return amount / book if book > 0.0 else math.nan
