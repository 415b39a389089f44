"""The shadow: what a framework without liquidation would have claimed of a run.

The same orders on an account from which nothing is ever taken by force, isolated margins
notwithstanding, and whose equity may fall below zero; orders are refused without funds, as stock
frameworks refuse them. A real run under ``liquidation="none"``, so that exits, sizes and refusals
are those such a framework would have had; made only for a run from which something was taken.
"""

from __future__ import annotations

import backtrader as bt

from deleverage import runner
from deleverage.beside import Outcome, Shadow
from deleverage.columns import MarketColumns
from deleverage.results import RunResult
from deleverage.spec import RunSpec

NAME = "shadow: no liquidation"


def shadow(result: RunResult, columns: MarketColumns | None = None, *,
           strategy: type[bt.Strategy] | None = None) -> Shadow | None:
    """What ``result``'s run would have been reported as; None where nothing was taken by force.

    Arguments as :func:`deleverage.runner.run` takes them, and what it raises.
    """
    if not result.statistics["liquidations"]["rows"]:
        return None
    source = runner.load(result.spec, columns)
    claimed = runner.run(shadow_spec(result.spec), source.columns, strategy, record=False,
                         direct=True)
    curves = claimed.curves(source.columns)
    return Shadow(Outcome.of(claimed, NAME),
                  float(curves.worst_equity.min()),
                  claimed.statistics["performance"]["end_equity"])


def shadow_spec(spec: RunSpec) -> RunSpec:
    """The same run with nothing forced; it goes on where the run itself would have stopped."""
    return spec.changed(liquidation="none", on_liquidation="continue")
