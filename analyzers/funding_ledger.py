"""Funding: every settlement met, what was paid and received, and how much of it is uncertain."""

from __future__ import annotations

from typing import Any

from deleverage.analyzers.base import JournalAnalyzer
from deleverage.statistics.funding import funding
from deleverage.statistics.summary import RunRecord


class FundingLedger(JournalAnalyzer):
    """Every settlement under ``ledger``, with rate, amount and state; sums under ``figures``.

    Keys and units: :class:`deleverage.journal.FundingPayment` and
    :class:`deleverage.statistics.funding.FundingFigures`.
    """

    def figures(self, record: RunRecord) -> dict[str, Any]:
        """The ledger and the figures of one run."""
        symbol = record.columns.market.instrument.symbol
        return {"ledger": [row for row in record.journal.funding if row.symbol == symbol],
                "figures": funding(record.journal, record.columns)}
