"""The course of an account: its curves told once for each span of bars that leaves it alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deleverage.columns import MarketColumns
from deleverage.journal import Journal, Snapshot
from deleverage.statistics.clock import bars_of, union_clock
from deleverage.statistics.curves import (
    Curves,
    account_curves,
    check_known,
    curves_at,
    worst_by_bar,
)
from deleverage.statistics.marks import marks
from deleverage.statistics.slots import since
from deleverage.statistics.spans import Spans
from deleverage.statistics.wallet import booked, running_wallet


@dataclass(frozen=True, eq=False)
class Course:
    """An account on the bars of ``columns``, the instrument whose position its curves describe.

    ``told`` are the curves at the first bar of each span of ``spans``: at its other bars all but
    the mark is the same. Whatever is open, in any instrument, is told bar by bar.
    """

    columns: MarketColumns
    spans: Spans
    told: Curves

    @classmethod
    def of(cls, journal: Journal, columns: MarketColumns,
           others: Sequence[MarketColumns] = ()) -> Course:
        """The course of an account that also traded ``others``; raises what
        :func:`~deleverage.statistics.curves.account_curves` raises."""
        markets = (columns, *others)
        check_known(journal, markets)
        if union_clock(markets) is not columns.close_ns or not len(columns):
            spans = Spans.each(len(columns))
            return cls(columns, spans, account_curves(journal, columns, others))
        changes = running_wallet(booked(journal.entries, markets))
        spans = _spans(journal, markets[0], [stamp for stamp, _ in changes])
        return cls(columns, spans, curves_at(journal, markets, spans, changes))

    def every_bar(self) -> Curves:
        """The curves at every bar: those of :func:`~deleverage.statistics.curves.account_curves`.
        """
        if self.spans.whole:
            return self.told
        spread = {name: self.spans.spread(values) for name, values in self.told.arrays().items()
                  if name not in ("close_ns", "mark")}
        return dataclasses.replace(self.told, close_ns=self.columns.close_ns,
                                   mark=marks(self.columns)[2], **spread)


def _spans(journal: Journal, market: MarketColumns, changes: Sequence[int]) -> Spans:
    """Every bar of ``market`` with something open or with a lowest equity of its own, and what
    lies between two; ``changes`` are the stamps at which the wallet changes."""
    close_ns = market.close_ns
    begins = np.zeros(len(close_ns) + 1, dtype=bool)  # the last one is beyond the market
    slots: dict[str, list[Snapshot]] = {}
    for shot in journal.snapshots:
        slots.setdefault(shot.symbol, []).append(shot)
    for shots in slots.values():
        bars = since(close_ns, shots).tolist()
        for shot, first, stop in zip(shots, bars, [*bars[1:], len(close_ns)], strict=True):
            begins[first:stop + 1 if shot.size else first + 1] = True
    for bar in worst_by_bar(journal, close_ns):
        begins[bar:bar + 2] = True
    begins[bars_of(market, np.array(changes, dtype=np.int64))] = True
    return Spans.beginning(begins[:-1])
