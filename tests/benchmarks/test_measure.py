"""How the benchmarks measure: in turns, the fastest round of each side, ratios."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks import measure


class Rounds:
    """Stands in for pytest-benchmark's fixture."""

    def __init__(self) -> None:
        self.extra_info: dict[str, float] = {}

    def pedantic(self, work: Callable[[], Any], rounds: int, warmup_rounds: int,
                 setup: Callable[[], Any] = lambda: None) -> Any:
        """``work`` as often as asked; its last result."""
        for _ in range(rounds + warmup_rounds):
            setup()
            result = work()
        return result


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, list[float]], Callable[[], str]]:
    """Makes work that takes the CPU seconds given, one after the other, on a clock of its own."""
    now = [0.0]
    monkeypatch.setattr(measure, "time", SimpleNamespace(process_time=lambda: now[0]))

    def work(name: str, costs: list[float]) -> Callable[[], str]:
        left = iter(costs)

        def once() -> str:
            now[0] += next(left)
            return name

        return once

    return work


def test_the_fastest_round_of_each_side_counts(clock: Any) -> None:
    """Ours over the yardstick and under it, the yardstick taken as often as asked."""
    measured = measure.compare(Rounds(), clock("ours", [9, 4, 6]), clock("loop", [5, 3, 2]), 2)
    assert (measured.result, measured.ours, measured.yardstick) == ("ours", 4, 2)
    assert measured.over() == 2
    assert measured.under(scale=10) == 5


def test_parts_add_up_their_fastest_rounds(clock: Any) -> None:
    """Each part has its own fastest round on either side; results come in order."""
    parts = [(clock("a", [5, 1, 3]), clock("loop", [2, 2, 1])),
             (clock("b", [2, 7, 8]), clock("loop", [4, 3, 5]))]
    measured = measure.compare_parts(Rounds(), parts, 2)
    assert measured.result == ["a", "b"]
    assert (measured.ours, measured.yardstick) == (1 + 2, 1 + 3)
