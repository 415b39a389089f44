"""From gross to net as a staircase: where each step begins and ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of the staircase, from ``start`` to ``end``; ``total``: it stands on zero."""

    name: str
    start: float
    end: float
    total: bool

    @property
    def amount(self) -> float:
        """What the step adds (of a total: what it is), signed."""
        return self.end - self.start


def staircase(costs: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps of ``statistics["costs"]`` that are not nothing, then the net result."""
    made, level = [], 0.0
    for row in costs["steps"]:
        if row["amount"]:
            made.append(Step(row["name"], level, level + row["amount"], False))
            level += row["amount"]
    return (*made, Step("net", 0.0, costs["net"], True))
