"""What a run came to: journal, market and terms into one RunResult, whoever traded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import backtrader as bt

from deleverage.columns import MarketColumns
from deleverage.journal import Journal
from deleverage.results import DailyEquity, RunResult
from deleverage.spec import RunSpec
from deleverage.stamps import assumptions, idle, provenance
from deleverage.statistics.caveats import caveats
from deleverage.statistics.closeups import CloseUp, closeups
from deleverage.statistics.overview import overview
from deleverage.statistics.placing import walked
from deleverage.statistics.replay import VenueTerms
from deleverage.statistics.summary import RunRecord, summary
from deleverage.venues.rules import VenueRules


@dataclass(frozen=True)
class Traded:
    """What was traded, by which strategy and under which rules.

    ``params`` are all parameters of ``strategy``, defaults included; ``warmup`` the bars it could
    not act on. ``terms`` are what trades are replayed under (None: nothing was traded).
    ``exit_reasons`` (by order ref) and ``horizon_bars`` (of those the account walked) as
    :func:`~deleverage.statistics.trades.trade_list` takes them.
    """

    journal: Journal
    strategy: type[bt.Strategy]
    params: Mapping[str, Any]
    warmup: int
    rules: VenueRules
    terms: VenueTerms | None
    exit_reasons: Mapping[int, str] | None = None
    horizon_bars: int | None = None


def conclude(spec: RunSpec, sha256: str, columns: MarketColumns, traded: Traded,
             record: bool) -> RunResult:
    """The result of a run of ``spec``; ``columns`` are those the strategy saw, ``sha256`` the hash
    of the data they were cut from. ``record=False`` as in :func:`deleverage.runner.run`."""
    taken = RunRecord.of(traded.journal, columns, spec.mark, traded.exit_reasons,
                         traded.horizon_bars, terms=traded.terms)
    figures = summary(taken, deep=record)
    lines = (*_warmup(traded.warmup, len(columns)), *idle(spec, columns), *caveats(
        walked(columns), figures, taken.trades, mark=spec.mark,
        assumptions=assumptions(spec, traded.rules, figures)))
    return RunResult(
        spec=spec, provenance=provenance(spec, sha256, columns, traded.rules, traded.strategy,
                                         traded.params),
        journal=traded.journal, trades=taken.trades, statistics=figures, warnings=lines,
        daily=DailyEquity(*taken.daily, taken.start),
        recorded=taken.curves if record else None,
        overview=overview(taken.columns) if record else None,
        closeups=_closeups(taken) if record else ())


def _closeups(taken: RunRecord) -> tuple[CloseUp, ...]:
    planned = {plan.number: plan.exit_bar for plan in taken.plans}
    return closeups(taken.trades, taken.curves, taken.columns, planned)


def _warmup(needed: int, bars: int) -> tuple[str, ...]:
    """A line where less than half of the data was traded on."""
    if needed > bars / 2:
        return (f"{needed} of {bars} bars went into warming up: less than half was traded on",)
    return ()
