"""Exposure by leverage tier: time by the current tier, money by the tier at entry."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.exposure import Exposure, exposure
from deleverage.statistics.summary import RunRecord


class LeverageExposure(JournalAnalyzer):
    """Time, notional and distance to liquidation by current tier; P&L and losses by entry tier.

    Keys and units: :class:`deleverage.statistics.exposure.Exposure`.
    """

    def figures(self, record: RunRecord) -> Exposure:
        """The figures of one run."""
        return exposure(record.course, record.episodes, record.trades, record.fall,
                        record.start_ns)
