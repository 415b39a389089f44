"""Costs: from gross to net."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics import costs
from deleverage.statistics.summary import RunRecord


class Costs(JournalAnalyzer):
    """From gross to net: price, slippage, fees, funding, liquidation, insurance; they add up.

    Keys and units: :class:`deleverage.statistics.costs.Costs`.
    """

    def figures(self, record: RunRecord) -> costs.Costs:
        """The figures of one run."""
        return costs.costs(record.journal, record.episodes, record.trades,
                           record.columns.market.instrument.symbol)
