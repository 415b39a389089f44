"""What a strategy wants at a bar: one :class:`Signal`, or all of a market as columns."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from deleverage.errors import UsageError
from deleverage.records import unlocked

LONG, SHORT, LEAVE = 1, -1, 0


@unlocked
@dataclass(frozen=True, slots=True)
class Signal:
    """What to do at a bar: go LONG or SHORT, or LEAVE what is open.

    ``stop`` and ``target`` are prices (None: none), ``hold`` the bars after which the time exit
    closes (None: the strategy's own), ``why`` a few words for the log. ``adds`` lets the signal add
    to a position of the same side; otherwise it is ignored there. A signal of the other side closes
    the position and turns it. ``size`` is in coin (None: the run's size rule).

    With ``on_close`` stop and target are no orders: they are looked at on each close from the
    fill's bar on, and the first close at or beyond one of them closes the position at the market,
    in the next bar. ``from_entry``, for these only, gives them as fractions of the entry price (a
    ``stop`` of 0.02 lies 2 % below a long's).
    """

    side: int
    stop: float | None = None
    target: float | None = None
    why: str = ""
    hold: int | None = None
    adds: bool = False
    size: float | None = None
    on_close: bool = False
    from_entry: bool = False

    def __post_init__(self) -> None:
        if self.side not in (LONG, SHORT, LEAVE):
            raise UsageError("the side of a signal must be LONG (1), SHORT (-1) or LEAVE (0), "
                             f"found {self.side!r}")
        stop, target, size = self.stop, self.target, self.size
        if ((stop is not None and not -math.inf < stop < math.inf)
                or (target is not None and not -math.inf < target < math.inf)
                or (size is not None and not -math.inf < size < math.inf)):
            self._name_what_is_no_number()
        if self.from_entry and not self.on_close:
            raise UsageError("a signal with from_entry needs on_close as well: an order that rests "
                             "at the venue needs its price when it is sent")
        if self.adds and self.on_close:
            raise UsageError("a signal that adds cannot have its stop judged on the close: a "
                             "position has one stop and one target then")

    def _name_what_is_no_number(self) -> None:
        for name in ("stop", "target", "size"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise UsageError(f"the {name} of a signal must be a number or None, found {value}")

    def barriers(self, entry: float) -> tuple[float | None, float | None]:
        """The prices of stop and target of a position entered at ``entry``."""
        if not self.from_entry:
            return self.stop, self.target
        return (None if self.stop is None else entry * (1 - self.side * self.stop),
                None if self.target is None else entry * (1 + self.side * self.target))


class Signals(Mapping[int, Signal]):
    """Signals of one kind as columns: a mapping of bar → signal without an object for each.

    ``bars`` ascend; ``stop``, ``target`` and ``size`` are one value for all bars, or an array of as
    many as there are bars; the rest is as in :class:`Signal`. Raises UsageError for columns that do
    not fit together.
    """

    def __init__(self, bars: ArrayLike, side: int, *, stop: ArrayLike | None = None,
                 target: ArrayLike | None = None, size: ArrayLike | None = None, why: str = "",
                 hold: int | None = None, adds: bool = False, on_close: bool = False,
                 from_entry: bool = False) -> None:
        self.bars: NDArray[np.int64] = np.asarray(bars, dtype=np.int64)
        self.side, self.adds = side, adds
        if self.bars.ndim != 1:
            raise UsageError(f"bars of signals must be one column, found shape {self.bars.shape}")
        self._same: dict[str, Any] = {"side": side, "why": why, "hold": hold, "adds": adds,
                                      "on_close": on_close, "from_entry": from_entry}
        self._columns: dict[str, NDArray[np.float64]] = {}
        for name, value in (("stop", stop), ("target", target), ("size", size)):
            self._place(name, value)
        Signal(**self._same)  # what cannot be is said here

    def _place(self, name: str, value: ArrayLike | None) -> None:
        if value is None or not np.ndim(value):
            self._same[name] = None if value is None else float(value)  # type: ignore[arg-type]
            return
        column = np.asarray(value, dtype=np.float64)
        if column.shape != self.bars.shape:
            raise UsageError(f"{name} of signals must be one value or one for each of "
                             f"{len(self.bars)} bars, found {column.shape}")
        self._columns[name] = column

    def __getitem__(self, bar: int) -> Signal:
        at = int(self.bars.searchsorted(bar))
        if at == len(self.bars) or self.bars[at] != bar:
            raise KeyError(bar)
        return self.nth(at)

    def nth(self, at: int) -> Signal:
        """The signal of ``bars[at]``."""
        found = dict(self._same)
        for name, column in self._columns.items():
            found[name] = float(column[at])
        return Signal(**found)

    def __iter__(self) -> Iterator[int]:
        return iter(self.bars.tolist())

    def __len__(self) -> int:
        return len(self.bars)
