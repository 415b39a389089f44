"""The base of strategies that say when they want to look: event time instead of every bar.

A strategy declares three things::

    class Mine(PerpetualStrategy):
        def wake(self):              # the bars at which a FLAT strategy looks, from self.columns
            return np.flatnonzero(self.columns.lines["long_liquidations"] > 1e6)

        def next_wake(self, bar):    # optional: the next bar it wants while in position
            return bar + 60

        def act(self):               # what it does there: plain backtrader
            ...

``next()`` is the gate, in every mode and under a stock ``bt.Cerebro`` as well. ``act()`` runs

- while flat, exactly at the bars ``wake()`` named;
- in position, at the bar the last ``next_wake()`` returned;
- and in every bar that brought a notification of an order, a trade or a liquidation,

and nowhere else, so an engine may jump over the bars between. Bars are those of the first feed: on
feeds with different clocks each is looked at once, in the step that brings it, and not while the
first feed stands at it and another moves on (docs/clock.md). The gate does not pass through
``notify_order`` and its kind: override them freely, calling ``super()`` or not.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

import backtrader as bt
import numpy as np
from numpy.typing import NDArray

from deleverage.columns import MarketColumns
from deleverage.errors import UsageError, unknown_name
from deleverage.strategies.parameters import check_parameters
from deleverage.strategies.tables import require_tables

Ints = NDArray[np.int64]

_NEVER = -1


class _MetaPerpetualStrategy(type(bt.Strategy)):  # type: ignore[misc]
    """Checks parameters before the strategy exists; backtrader lets a misspelt one pass."""

    def doprenew(cls, *args: Any, **kwargs: Any) -> Any:
        cls, args, kwargs = super().doprenew(*args, **kwargs)
        known = cls.params._getkeys()
        given = {name: value for name, value in kwargs.items() if name in known}
        accepted = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
        if not any(each.kind is each.VAR_KEYWORD for each in accepted.values()):
            for name in sorted(kwargs.keys() - known - {*accepted, *cls.plotinfo._getkeys()}):
                raise unknown_name(f"parameter of {cls.__name__}", name, known)
        return cls, args, {**kwargs, **check_parameters(cls, given)}


class PerpetualStrategy(bt.Strategy, metaclass=_MetaPerpetualStrategy):  # type: ignore[misc]
    """Base of strategies on one :class:`~deleverage.feeds.PerpetualData` (the first feed).

    ``required_tables``: tables of the dataset without which the strategy means nothing; a run
    without them ends in MissingTable, in one line. ``jump_safe`` tells the engine that the gate
    below is the only way into user code.

    ``exit_reasons`` maps the ``ref`` of each order that was sent with ``reason=…`` to that reason;
    shipped strategies use stop, target, time and signal. ``wakes`` is the checked result of
    ``wake()``. A misspelt parameter raises UnknownName with the nearest known one; text (from a
    command line) is read by the type of the parameter's default.
    """

    jump_safe = True
    required_tables: tuple[str, ...] = ()

    params: Any
    exit_reasons: dict[int, str]
    wakes: Ints
    _mask: bytes
    _flat: bool
    _wanted: int
    _stirred: bool

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in ("next", "nextstart"):
            if getattr(cls, name) is not getattr(PerpetualStrategy, name):
                owner = next(base for base in cls.__mro__ if name in vars(base))
                raise UsageError(
                    f"{owner.__name__} overrides {name}(), which is the gate that calls act(): "
                    f"move the code into act() and drop {name}(), or derive from bt.Strategy to be "
                    "called at every bar")

    def __new__(cls, *args: Any, **kwargs: Any) -> PerpetualStrategy:
        # here and not in __init__, which subclasses override without calling super()
        strategy: PerpetualStrategy = super().__new__(cls)
        strategy.exit_reasons = {}
        strategy.wakes = np.empty(0, dtype=np.int64)
        strategy._mask = b""
        strategy._flat = True
        strategy._wanted = _NEVER
        strategy._stirred = False
        return strategy

    def __init__(self) -> None:
        """Nothing to set up; subclasses need not call it."""

    # ---------------------------------------------------------------- for subclasses

    @property
    def columns(self) -> MarketColumns:
        """The market this run sees, as arrays; row 0 is the first bar. Index them with the past.

        Raises UsageError where the first feed is not a PerpetualData.
        """
        columns = getattr(self.data, "columns", None)
        if not isinstance(columns, MarketColumns):
            raise UsageError(f"{type(self).__name__} needs deleverage.feeds.PerpetualData as its "
                             f"first feed, found {type(self.data).__name__}")
        return columns

    @property
    def bar(self) -> int:
        """Number of the current bar in ``columns``."""
        return len(self.data) - 1

    @property
    def fresh(self) -> bool:
        """Whether the current bar has come just now; on feeds with different clocks the first may
        stand at it since an earlier step."""
        return len(self.datas) == 1 or bool(self.data.datetime[0] == self.datetime[0])

    @property
    def flat(self) -> bool:
        """Whether no position is open on any feed."""
        held = self.broker.getposition
        for data in self.datas:  # noqa: SIM110  a generator for all() takes as long again
            if held(data).size:
                return False
        return True

    @property
    def warmup_bars(self) -> int:
        """Bars at the start of the data on which no signal can fall."""
        return 0

    def tables(self) -> tuple[str, ...]:
        """Tables needed with the parameters as they are; by default ``required_tables``."""
        return self.required_tables

    def wake(self) -> Ints | Iterable[int]:
        """Bars, ascending, at which the strategy looks while flat; by default all of them.

        Called once, after ``start()``. Decide bar *b* from rows up to and including *b*.
        """
        return np.arange(len(self.columns), dtype=np.int64)

    def next_wake(self, bar: int) -> int | None:
        """The next bar after ``bar`` to look at while in position; None: only when notified.

        Asked after each ``act()`` that leaves a position open. The default is None for a strategy
        that says when it wakes, and the next bar for one that does not.
        """
        return bar + 1 if type(self).wake is PerpetualStrategy.wake else None

    def act(self) -> None:
        """What the strategy does at a bar it asked for; orders as in any backtrader strategy."""
        raise NotImplementedError(f"{type(self).__name__} must define act()")

    # ---------------------------------------------------------------- the gate

    def next(self) -> None:
        """Call ``act()`` if this is a bar for it. Not to be overridden."""
        bar = len(self.data) - 1
        # and after act() too: what it sends is filled in a later bar
        self._flat = flat = self.flat
        if not self._stirred:
            if not self._mask[bar] if flat else bar != self._wanted:
                return
            if not self.fresh:
                return
        self._stirred = False
        self.act()
        self._wanted = _NEVER if flat else self._ask(bar)

    def next_look(self, bar: int) -> int | None:
        """The first bar after ``bar`` at which the gate opens if nothing is notified before.

        For the engine; None when time alone will not open it again.
        """
        if self._stirred:  # told of something before there were bars enough for next()
            return bar + 1
        if not self._flat:  # since the gate has looked: a fill would have been told of
            return self._wanted if self._wanted > bar else None
        wakes = self.wakes
        at = wakes.searchsorted(bar, side="right")
        return int(wakes[at]) if at < len(wakes) else None

    def _ask(self, bar: int) -> int:
        wanted = self.next_wake(bar)
        if wanted is None:
            return _NEVER
        if not wanted > bar or wanted % 1:  # no bar has such a number: it would never come
            raise UsageError(f"{type(self).__name__}.next_wake({bar}) returned {wanted}: expected "
                             "a later bar, or None")
        return int(wanted)

    # ---------------------------------------------------------------- backtrader's side

    def _start(self) -> None:
        require_tables(type(self).__name__, self.columns, self.tables())
        super()._start()
        self.look_ahead()
        mask = np.zeros(len(self.columns), dtype=np.uint8)
        mask[self.wakes] = 1
        self._mask = mask.tobytes()

    def look_ahead(self) -> None:
        """Ask once at which bars it looks; for the engine.

        Raises MissingTable and whatever ``wake()`` raises.
        """
        columns = self.columns
        require_tables(type(self).__name__, columns, self.tables())
        self.wakes = _checked(type(self).__name__, self.wake(), len(columns))
        self.wakes.setflags(write=False)  # the gate goes by the mask, a jump by the bars

    def _addnotification(self, order: Any, quicknotify: bool = False) -> None:
        self._stirred = True
        reason = order.info.get("reason")
        if reason and reason != "entry":
            self.exit_reasons[order.ref] = reason
        if quicknotify or order.executed.size or order.p.simulated:
            super()._addnotification(order, quicknotify=quicknotify)
        else:  # all that backtrader does with one that has filled nothing
            self._orderspending.append(order)


def _checked(name: str, wake: Any, bars: int) -> Ints:
    """``wake()``'s answer as an ascending int64 array. Raises UsageError saying what is wrong."""
    if not isinstance(wake, Iterable):
        raise UsageError(f"{name}.wake() must return bar numbers, found {wake!r}")
    found = np.asarray(wake if isinstance(wake, np.ndarray) else list(wake))
    if found.size == 0:
        return np.empty(0, dtype=np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        raise UsageError(f"{name}.wake() must return bar numbers, found dtype {found.dtype} (the "
                         "numbers of a mask are np.flatnonzero(mask))")
    found = found.astype(np.int64)
    if found[0] < 0 or found[-1] >= bars:
        raise UsageError(f"{name}.wake() names bar {found[0] if found[0] < 0 else found[-1]}: the "
                         f"data has bars 0 to {bars - 1}")
    if np.any(np.diff(found) <= 0):
        at = int(np.flatnonzero(np.diff(found) <= 0)[0])
        raise UsageError(f"{name}.wake() must ascend, found bar {found[at + 1]} after {found[at]}")
    return found
