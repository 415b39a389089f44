"""Results of runs with and without an engine, held against one another."""

from __future__ import annotations

from typing import Any

import backtrader as bt

from deleverage.columns import MarketColumns
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from tests.broker.flows import comparable


def spec(**fields: Any) -> RunSpec:
    """A specification of a test market."""
    return RunSpec(**{"data": "test", "strategy": "test", "slippage_bp": 0.0, **fields})


def same(one: RunResult, other: RunResult) -> None:
    """Two results that are equal in all they say; as text, where a NaN equals itself."""
    assert repr(one.as_dict()) == repr(other.as_dict())
    assert repr(one.trades) == repr(other.trades)
    assert repr(one.provenance) == repr(other.provenance)
    assert comparable(one.journal) == comparable(other.journal)
    assert one.warnings == other.warnings


def both(asked: RunSpec, columns: MarketColumns | None = None,
         strategy: type[bt.Strategy] | None = None, record: bool = True) -> RunResult:
    """The result of a run with ``direct``, which is the one without."""
    found = run(asked, columns, strategy, record, direct=True)
    same(found, run(asked, columns, strategy, record))
    return found
