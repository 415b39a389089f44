"""Funding: what was paid and received, and how much of it is uncertain."""

from __future__ import annotations

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.funding import FundingFigures, funding
from deleverage.statistics.summary import RunRecord


class Funding(JournalAnalyzer):
    """Totals of the funding ledger, by state of each settlement, with the uncertain money.

    Keys and units: :class:`deleverage.statistics.funding.FundingFigures`.
    """

    def figures(self, record: RunRecord) -> FundingFigures:
        """The figures of one run."""
        return funding(record.journal, record.columns)
