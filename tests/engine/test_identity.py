"""The law: stock backtrader, the dense loop and the jump are one run, over drawn scenes.

What is compared is everything a strategy was told (each call with its bar, the order's type,
status, size and price, and the account's value and cash at that moment), the journal to the last
bit, positions, cash, value and every curve at every bar.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.engine import counts
from tests.engine.generated import scenes
from tests.engine.runs import JUMP, STOCK, Outcome, columns_of, modes_of, run
from tests.engine.scenes import Scene


def tried(first: int, stop: int, apart: bool = False) -> Counter[str]:
    """Draw a scene (``apart``: of feeds on different clocks) for each seed, run it in every mode,
    compare; what happened in all of them.

    A seed each, for hypothesis makes most of its examples by varying those before; its first one is
    always the simplest scene there is, and run once only. What fails is shrunk as usual.
    """
    found: Counter[str] = Counter()
    passed: set[str] = set()

    def law(scene: Scene) -> None:
        if repr(scene) in passed:
            return
        markets = columns_of(scene)
        outcomes = {mode: run(scene, mode, markets) for mode in modes_of(scene)}
        for mode, outcome in outcomes.items():
            assert outcomes[STOCK].differs(outcome) == "", f"stock and {mode.name}"
        _jumped(outcomes[JUMP])
        passed.add(repr(scene))
        found.update(counts.counted(scene, outcomes[JUMP]))

    for number in range(first, stop):
        seed(number)(settings(max_examples=2, deadline=None, database=None,
                              suppress_health_check=list(HealthCheck))(given(scenes(apart))(law)))()
    return found


def _jumped(outcome: Outcome) -> None:
    assert outcome.used == "jump"
    assert outcome.visits <= outcome.bars


@pytest.mark.parametrize(("first", "stop"), [
    pytest.param(0, 30, id="30"),
    pytest.param(30, 330, id="300", marks=pytest.mark.slow)])
def test_every_mode_is_the_same_run(first: int, stop: int) -> None:
    """Eleven ways through the bars, bit for bit, and enough happened to tell them apart."""
    found = tried(first, stop)
    print(counts.table(found))
    assert found["scenes"] >= stop - first
    assert found["visited"] * 2 < found["bars"]
    assert counts.missing(found) == {}


@pytest.mark.parametrize(("first", "stop"), [
    pytest.param(1_000, 1_020, id="20"),
    pytest.param(1_020, 1_220, id="200", marks=pytest.mark.slow)])
def test_every_mode_is_the_same_run_on_different_clocks(first: int, stop: int) -> None:
    """Two instruments of which one begins later, ends earlier, has gaps, is slower or faster, ends
    its bars at other times or has finer ones inside: a step for each time at which a bar ends."""
    found = tried(first, stop, apart=True)
    print(counts.table(found))
    assert found["scenes"] >= stop - first
    assert found["visited"] * 2 < found["bars"]
    assert counts.missing(found, counts.APART) == {}
