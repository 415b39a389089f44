"""Would the tests notice? Each predicate is spoilt in turn, and the scene made for it must differ.

A mutation that survives is a test that is missing.
"""

from __future__ import annotations

from functools import cache

import pytest

from deleverage.columns import MarketColumns
from tests.engine.clock_mutations import STEPS, WASTED_STEPS
from tests.engine.clock_witnesses import WITNESSES
from tests.engine.mutations import ASKED, MUTATIONS, WASTEFUL, Mutation, spoilt
from tests.engine.runs import DENSE, JUMP, THOROUGH, Outcome, columns_of, run


@cache
def _markets(name: str) -> list[MarketColumns]:
    return columns_of(WITNESSES[name].scene)


@cache
def _truth(name: str) -> Outcome:
    """The scene with every bar walked, by the engine as it is."""
    return run(WITNESSES[name].scene, THOROUGH, _markets(name))


def _jump(name: str) -> Outcome:
    return run(WITNESSES[name].scene, JUMP, _markets(name))


@pytest.mark.parametrize("mutation", MUTATIONS + STEPS, ids=lambda mutation: mutation.name)
def test_a_wrong_engine_is_noticed(mutation: Mutation) -> None:
    """With the mutation the jump tells another story than a walk through every bar; without, the
    same."""
    truth = _truth(mutation.by)
    with spoilt(mutation):
        assert truth.differs(_jump(mutation.by)) != ""
    assert truth.differs(_jump(mutation.by)) == ""


@pytest.mark.parametrize("mutation", ASKED, ids=lambda mutation: mutation.name)
def test_a_wrong_dense_loop_is_noticed(mutation: Mutation) -> None:
    """What is asked of each bar by itself, spoilt: the dense loop tells another story."""
    truth, markets = _truth(mutation.by), _markets(mutation.by)
    with spoilt(mutation):
        assert truth.differs(run(WITNESSES[mutation.by].scene, DENSE, markets)) != ""
    assert truth.differs(run(WITNESSES[mutation.by].scene, DENSE, markets)) == ""


@pytest.mark.parametrize("mutation", WASTEFUL + WASTED_STEPS, ids=lambda mutation: mutation.name)
def test_a_bar_too_many_is_harmless(mutation: Mutation) -> None:
    """A superset of the bars: more visits, the same story to the last bit."""
    truth, lean = _truth(mutation.by), _jump(mutation.by)
    with spoilt(mutation):
        wasteful = _jump(mutation.by)
    assert truth.differs(wasteful) == ""
    assert wasteful.visits > lean.visits


@pytest.mark.slow
def test_which_scenes_notice_which_mutation() -> None:
    """The whole table: every mutation against every scene, printed; each is caught by its own."""
    for mutation in MUTATIONS + STEPS:
        with spoilt(mutation):
            caught = [name for name in WITNESSES if _differs(name)]
        print(f"{mutation.name}: {', '.join(caught)}")
        assert mutation.by in caught


def _differs(name: str) -> bool:
    try:
        return _truth(name).differs(_jump(name)) != ""
    except (KeyError, IndexError, AttributeError, AssertionError):  # it may also fall over
        return True
