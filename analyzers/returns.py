"""Returns: return, and annual figures where the sample carries them."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics import performance
from deleverage.statistics.summary import RunRecord, market_return


class Returns(JournalAnalyzer):
    """Return and, from 180 daily returns on, CAGR, Sharpe, Sortino and Calmar on 365 days.

    Keys and units: :class:`deleverage.statistics.performance.Performance`.
    """

    def figures(self, record: RunRecord) -> performance.Performance:
        """The figures of one run."""
        return performance.performance(
            record.columns.close_ns, record.curves.equity, record.start, record.start_ns,
            market_return(record.columns))
