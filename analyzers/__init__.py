"""Import this package as ``deleverage.analyzers``.

Analyzers for a Cerebro of one's own, all read from the broker's journal when the run ends::

    cerebro.addanalyzer(dl.analyzers.LeverageExposure, _name="leverage")

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import Any

if __name__ != "deleverage.analyzers":
    raise ImportError(
        f"import 'deleverage.analyzers', not {__name__!r}: one file must not get two module names"
    )

_HOME = {
    "Cascades": "cascades",
    "Costs": "costs",
    "Drawdown": "drawdown",
    "FundingLedger": "funding_ledger",
    "LeverageExposure": "exposure",
    "LeverageScan": "leverage_scan",
    "Liquidations": "liquidations",
    "NearMisses": "near_misses",
    "Paradox": "paradox",
    "Returns": "returns",
    "SurvivalFrontier": "survival_frontier",
    "TradeList": "trade_list",
}

__all__ = [
    "Cascades", "Costs", "Drawdown", "FundingLedger", "LeverageExposure", "LeverageScan",
    "Liquidations", "NearMisses", "Paradox", "Returns", "SurvivalFrontier", "TradeList",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'deleverage.analyzers' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"deleverage.analyzers.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
