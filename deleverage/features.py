"""Arrays worked out once for each market and distinct set of parameters, and used again by every
later run on the same columns: indicators, signals, coarser or cut views of the market itself.

What is kept hangs on one MarketColumns object (its ``memo``) and is gone with it. A key names what
was computed and every parameter that went into it; nobody may change the value he gets.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")

KEPT = 512  # results kept for one market; the one longest unused goes first


class Features:
    """The results kept for one market. ``computed`` counts those that had to be worked out."""

    __slots__ = ("_kept", "computed")

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Any] = OrderedDict()
        self.computed = 0

    def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """What ``compute`` gave for this key, worked out at the first asking."""
        if key in self._kept:
            self._kept.move_to_end(key)
        else:
            self._kept[key] = compute()
            self.computed += 1
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        found: Value = self._kept[key]
        return found

    def __len__(self) -> int:
        return len(self._kept)

    def __reduce__(self) -> tuple[type[Features], tuple[()]]:
        # another process works out what it needs itself
        return Features, ()
