"""The rows of the stress table as tests look at them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from deleverage.columns import MarketColumns
from deleverage.journal import Fill
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.timestamps import parse
from tests.scripts.load import load

stress: Any = load("stress_table")
OCTOBER, JANUARY = stress.WINDOWS
BOTH = [pytest.param(window, id=window.day) for window in stress.WINDOWS]


@dataclass(frozen=True)
class Made:
    """The market, where it lies, and every row of both windows."""

    path: str
    columns: MarketColumns
    rows: dict[Any, list[Any]]

    def result(self, window: Any, name: str) -> RunResult:
        """The result of one row."""
        (found,) = [each.result for each in self.rows[window] if each.row.name == name]
        return found


def at(text: str) -> int:
    """UTC nanoseconds of a bar's close."""
    return parse(text)


def fills(result: RunResult, *reasons: str) -> list[Fill]:
    """The fills of some kinds."""
    return [fill for fill in result.journal.fills if fill.reason in reasons]


def plain(records: Sequence[Fill]) -> list[str]:
    """Fills without the numbers of orders, which go on counting from run to run; as text, in which
    a NaN is like another."""
    return [repr(dataclasses.replace(each, order_ref=0)) for each in records]


def filled(made: Made, window: Any, name: str) -> list[Any]:
    """The strategy's own orders of a row as they were when they filled, from running it again."""
    kind = load("falling_ladder").FallingLadder
    heard = []

    class Noting(kind):  # type: ignore[misc, valid-type]
        """Keeps what it hears of executions."""

        def notify_order(self, order: Any) -> None:
            """An execution, in part or whole."""
            if order.status in (order.Partial, order.Completed) and \
                    not order.info.get("liquidation"):
                heard.append(order)

    result = made.result(window, name)
    again = run(result.spec, made.columns, Noting, record=False)
    assert plain(again.journal.fills) == plain(result.journal.fills)
    return heard
