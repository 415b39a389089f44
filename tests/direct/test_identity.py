"""The law: a run without an engine is the engine's run, over drawn scenes.

What is compared is the journal to the last bit (orders renumbered), the reasons of all fills, what
is held and free at the end, the changes of the ladder, and the error that ends a run.
"""

from __future__ import annotations

from collections import Counter

import pytest

from deleverage.direct import NotDirect
from tests.direct import counts
from tests.direct.generated import drawn
from tests.direct.runs import columns_of, lanes, through_engine, without_engine
from tests.direct.scenes import Scene


def tried(first: int, stop: int) -> Counter[str]:
    """Run a scene for each seed both ways, and compare; what happened in all of them."""
    found: Counter[str] = Counter()

    def law(scene: Scene) -> None:
        taken: Counter[str] = Counter()
        try:
            with lanes(taken):  # on columns nobody has read yet
                direct = without_engine(scene, columns_of(scene))
        except NotDirect as reason:
            found.update({"scenes": 1, f"not direct: {reason}": 1})
            direct = None
        if direct is not None:
            outcome = through_engine(scene, columns_of(scene))
            assert outcome.differs(direct) == ""
            found.update(counts.counted(scene, outcome) + taken)

    drawn(first, stop, law)
    return found


@pytest.mark.parametrize(("first", "stop"), [
    pytest.param(0, 30, id="30"),
    pytest.param(30, 630, id="600", marks=pytest.mark.slow)])
def test_a_run_without_an_engine_is_the_engines(first: int, stop: int) -> None:
    """Record by record, and enough happened to tell them apart."""
    found = tried(first, stop)
    print(counts.table(found))
    assert found["scenes"] >= stop - first
    assert counts.missing(found) == {}
    assert counts.not_allowed(found) == []
