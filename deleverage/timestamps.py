"""Time inside Deleverage: int64 nanoseconds since 1970 in UTC; naive UTC at the backtrader edge."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from deleverage.errors import UsageError

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH_DAY = 719_163.0  # day number of 1970-01-01 in backtrader's (matplotlib's old) calendar
_STEP = re.compile(r"^(\d+)(s|m|h|d)$")
_UNIT = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}


def day_numbers(stamps: NDArray[np.int64]) -> NDArray[np.float64]:
    """backtrader's float day numbers of UTC nanoseconds; equal to ``bt.date2num``, in one pass."""
    day, rest = np.divmod(stamps, DAY)  # in this order, so that the last bit is date2num's
    return (_EPOCH_DAY + day) + rest / float(DAY)


def parse(text: str) -> int:
    """UTC nanoseconds of an ISO date or time; a zone is honoured, no zone means UTC.

    Raises UsageError for anything that is not an ISO date or time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"not an ISO date or time: {text!r} (expected 2026-01-31 or "
                         "2026-01-31T18:40)") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return from_datetime(moment)


def from_datetime(moment: datetime) -> int:
    """UTC nanoseconds of a datetime; a naive one is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds * 1_000


def to_datetime(stamp: int) -> datetime:
    """Naive UTC datetime of nanoseconds (microseconds, rounded down)."""
    moment = datetime.fromtimestamp(stamp // SECOND, tz=UTC)
    return moment.replace(tzinfo=None, microsecond=(stamp % SECOND) // 1_000)


def show(stamp: int) -> str:
    """``2026-01-31 18:40`` (seconds only where they are not zero)."""
    moment = to_datetime(stamp)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")


def parse_step(text: str) -> int:
    """Nanoseconds of a bar length written ``5m``, ``1h``, ``30s``, ``1d``."""
    match = _STEP.match(text)
    if match is None or int(match[1]) == 0:
        raise UsageError(f"not a bar length: {text!r} (expected 30s, 1m, 5m, 1h, 1d)")
    return int(match[1]) * _UNIT[match[2]]


def show_step(step: int) -> str:
    """``5m`` for 300 seconds of nanoseconds: the largest unit that divides it."""
    for unit in ("d", "h", "m", "s"):
        if step % _UNIT[unit] == 0:
            return f"{step // _UNIT[unit]}{unit}"
    return f"{step / SECOND:g}s"
