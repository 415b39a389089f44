"""Lines of a feed whose numbers all runs on one market have in common.

backtrader's line keeps its numbers in an array of its own. Seventeen of them, half a million bars
each, are 70 MB to copy for a run and to be collected after it, though most strategies read two or
three. A shared line takes the market's array when it is first read, and makes a copy of its own
before anything is written. Measured on a year of minutes: 13 ms a run to load become 1, and what a
finished run leaves behind is a fortieth.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np
from backtrader.linebuffer import LineBuffer

from deleverage.columns import Floats

Source = Callable[[], "array[float]"]


class SharedLine(LineBuffer):  # type: ignore[misc]
    """A line that reads somebody else's array; to everybody else it is backtrader's own.

    Writing to it (``line[0] = x``, ``forward``, ``extend`` …) changes this line alone. The array
    itself, ``line.array``, is the market's: it is there to be read.
    """

    _source: Source | None

    def __getattr__(self, name: str) -> Any:
        # asked only while there is no array yet, so that reading costs what it always did
        if name != "array" or self.__dict__.get("_source") is None:
            raise AttributeError(name)
        self.array = found = self.__dict__["_source"]()
        return found

    def own(self) -> None:
        """Go on with a copy, before it is written to."""
        if self._source is not None:
            self.array, self._source = array("d", self.array), None

    def reset(self) -> None:
        """Empty, as backtrader's."""
        self._source = None
        super().reset()

    def __getitem__(self, ago: int) -> float:
        return self.array[self._idx + ago]  # as backtrader's, whose cursor is a property

    def __setitem__(self, ago: int, value: float) -> None:
        self.own()
        super().__setitem__(ago, value)

    def set(self, value: float, ago: int = 0) -> None:
        """Write one value."""
        self.own()
        super().set(value, ago)

    def forward(self, *args: Any, **options: Any) -> None:
        """Make it longer."""
        self.own()
        super().forward(*args, **options)

    def backwards(self, *args: Any, **options: Any) -> None:
        """Make it shorter."""
        self.own()
        super().backwards(*args, **options)

    def extend(self, *args: Any, **options: Any) -> None:
        """Give it room that its bars do not reach."""
        self.own()
        super().extend(*args, **options)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "array": self.array, "_source": None}


def share(line: LineBuffer, source: Source) -> None:
    """Let a line of backtrader's read what ``source`` gives when it is first read."""
    line.__class__ = SharedLine
    vars(line).pop("array", None)
    line._source = source


def is_shared(line: LineBuffer) -> bool:
    """Whether the numbers of a line are another one's."""
    return isinstance(line, SharedLine) and line._source is not None


def as_array(column: Floats) -> array[float]:
    """A column as the kind of array that backtrader's lines have."""
    filled = array("d")
    filled.frombytes(np.ascontiguousarray(column, dtype=np.float64).view(np.uint8).data)
    return filled
