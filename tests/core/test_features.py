"""What is worked out once for each market, and forgotten with it."""

from __future__ import annotations

import dataclasses
import gc
import pickle
import weakref
from functools import partial

import numpy as np

from deleverage import features
from deleverage.features import Features
from deleverage.strategies import registry
from tests.markets import make_columns
from tests.strategies.runs import CONSTRUCTIVE, RISK, run


def test_the_same_key_is_worked_out_once() -> None:
    """A second asking gets the very object of the first; another key its own."""
    kept, calls = Features(), []

    def work() -> list[int]:
        calls.append(1)
        return [len(calls)]

    assert kept.get("a", work) is kept.get("a", work)
    assert kept.get("b", work) == [2]
    assert kept.computed == 2


def test_the_longest_unused_goes_first() -> None:
    """Memory is bounded, and what is asked for again stays."""
    kept = Features()
    for number in range(features.KEPT):
        kept.get(number, partial(int, number))
    kept.get(0, lambda: -1)
    kept.get("new", lambda: -2)
    assert kept.get(0, lambda: -3) == 0
    assert kept.get(1, lambda: -4) == -4
    assert len(kept) == features.KEPT


def test_a_changed_or_sent_market_starts_with_nothing() -> None:
    """dataclasses.replace and pickle take no result along: it might not be true there."""
    columns = make_columns([3_000.0] * 10)
    columns.memo.get("a", lambda: 1)
    assert len(dataclasses.replace(columns, close_ns=columns.close_ns + 1).memo) == 0
    assert len(pickle.loads(pickle.dumps(columns.memo))) == 0
    assert len(columns.memo) == 1


def test_results_do_not_keep_their_market_alive() -> None:
    """Coarser bars hold the finer ones they came from: both go together."""
    columns = make_columns([3_000.0] * 240)
    held = weakref.ref(columns.close_ns)
    from deleverage.feeds.perpetual import gathered
    gathered(columns, "1h")
    del columns
    gc.collect()
    assert held() is None


def test_runs_with_other_exits_share_their_signals() -> None:
    """level_reclaim with another stop asks for the same levels: nothing is worked out again, and
    the fills are those of a run alone."""
    prices = np.append(CONSTRUCTIVE, RISK)
    shared = make_columns(prices)
    kind = registry.load("level_reclaim")
    run(kind, shared, stop_bp=50)
    before = shared.memo.computed
    second = run(kind, shared, stop_bp=150)
    assert shared.memo.computed == before
    alone = run(kind, make_columns(prices), stop_bp=150)
    assert [(f.bar, f.price, f.size) for f in second.broker.journal.fills] == [
        (f.bar, f.price, f.size) for f in alone.broker.journal.fills]
