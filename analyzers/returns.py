"""Returns: return, and annual figures where the sample carries them."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.performance import Performance
from deleverage.statistics.summary import RunRecord, performance_of


class Returns(JournalAnalyzer):
    """Return and, from 180 daily returns on, CAGR, Sharpe, Sortino and Calmar on 365 days.

    Keys and units: :class:`deleverage.statistics.performance.Performance`.
    """

    def figures(self, record: RunRecord) -> Performance:
        """The figures of one run."""
        return performance_of(record)
