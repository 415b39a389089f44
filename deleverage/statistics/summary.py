"""All figures of a run from its journal, as the nested dict of ``RunResult.statistics``."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from deleverage.columns import Floats, Ints, MarketColumns
from deleverage.journal import Journal
from deleverage.statistics.cascade_table import CascadeTable, cascade_table, not_looked_for
from deleverage.statistics.cascades import cascades
from deleverage.statistics.costs import costs
from deleverage.statistics.course import Course
from deleverage.statistics.curves import Curves
from deleverage.statistics.drawdown import DrawdownFigures, drawdown
from deleverage.statistics.episodes import Episode, episodes
from deleverage.statistics.excursions import Excursion, excursions
from deleverage.statistics.exposure import exposure
from deleverage.statistics.frontier import (
    NOT_REPLAYED,
    SurvivalFrontier,
    no_frontier,
    replays,
    survival_frontier,
)
from deleverage.statistics.funding import funding
from deleverage.statistics.liquidations import liquidations
from deleverage.statistics.marks import judged_on
from deleverage.statistics.near_miss import near_misses
from deleverage.statistics.orders import order_figures
from deleverage.statistics.paradox import Paradox, paradox
from deleverage.statistics.performance import Performance, day_by_day, last_bars
from deleverage.statistics.placing import placed, walked
from deleverage.statistics.plans import Plan, plans
from deleverage.statistics.replay import Replay, VenueTerms, survivable
from deleverage.statistics.trade_figures import trade_figures
from deleverage.statistics.trades import Trade, trade_list
from deleverage.statistics.wallet import opening_wallet
from deleverage.timestamps import DAY

_PLAIN = frozenset({float, int, str, bool, type(None)})


@dataclass(frozen=True)
class RunRecord:
    """One run prepared for its figures: what every calculator takes, computed once."""

    journal: Journal  # its records of this instrument counted in the bars of ``columns``
    columns: MarketColumns  # those the account walked, with the mark it was judged on
    course: Course
    episodes: tuple[Episode, ...]
    excursions: tuple[Excursion, ...]
    trades: tuple[Trade, ...]
    start: float  # wallet before the first bar
    start_ns: int  # open of the first bar
    terms: VenueTerms | None = None  # what a replay trades under; None where nothing was traded
    horizon_bars: int | None = None

    @cached_property
    def curves(self) -> Curves:
        """The account at every bar."""
        return self.course.every_bar()

    @cached_property
    def daily(self) -> tuple[Ints, Floats]:
        """(00:00 of each UTC day, equity at its last bar)."""
        days, last = self.columns.memo.get("days", lambda: last_bars(self.columns.close_ns))
        return days, self.course.told.equity[self.course.spans.of(last)]

    @cached_property
    def fall(self) -> DrawdownFigures:
        """Its drawdowns."""
        told = self.course.told
        return drawdown(self.columns.close_ns, told.equity, told.worst_equity, self.start,
                        self.start_ns, self.course.spans)

    @cached_property
    def plans(self) -> tuple[Plan, ...]:
        """What every position was meant to do; empty where the venue's rules are not known."""
        if self.terms is None:
            return ()
        return plans(self.episodes, self.trades, self.columns, self.journal, self.terms.rules,
                     self.horizon_bars)

    @cached_property
    def replays(self) -> tuple[Replay, ...]:
        """Every plan at every leverage the venue grants."""
        if self.terms is None:
            return ()
        return replays(self.plans, self.terms, self.columns.execution_mark.open)

    @cached_property
    def survivable(self) -> Floats:
        """The largest leverage each plan survives (NaN: not even 1x)."""
        if self.terms is None:
            return np.empty(0)
        return survivable(self.plans, self.terms)

    @classmethod
    def of(
        cls,
        journal: Journal,
        columns: MarketColumns,
        mark: str | None = None,
        exit_reasons: Mapping[int, str] | None = None,
        horizon_bars: int | None = None,
        others: Sequence[MarketColumns] = (),
        terms: VenueTerms | None = None,
    ) -> RunRecord:
        """Rebuild curves, positions and trades of one instrument from the journal, in the bars
        the account walked (the finer ones, where ``columns`` has some inside).

        ``others`` are further instruments of the same account, on any clock that meets its own;
        ``mark="last"`` where the run was judged on last price; ``exit_reasons`` and
        ``horizon_bars`` (counted in those bars) as
        :func:`~deleverage.statistics.trades.trade_list` takes them; ``terms`` are what trades are
        replayed under.
        """
        judged = judged_on(walked(columns), mark)
        journal = placed(journal, judged)
        found = episodes(journal, columns.market.instrument.symbol)
        met = excursions(found, journal, judged)
        trades = trade_list(found, met, judged, exit_reasons, horizon_bars)
        start_ns = int(judged.close_ns[0]) - judged.market.step_ns if len(judged) else 0
        course = Course.of(journal, judged, [judged_on(walked(other), mark) for other in others])
        return cls(journal, judged, course, found, met, trades, opening_wallet(journal), start_ns,
                   terms, horizon_bars)


def summary(record: RunRecord, deep: bool = True) -> dict[str, Any]:
    """Every figure of a run; the layout is that of ``deleverage.results``.

    ``deep=False`` replays no trade and does not look for cascades in the market, which together
    take longer than a run that jumps over it; their blocks say so (``withheld``, ``missing``).
    """
    journal, columns, found, trades = record.journal, record.columns, record.episodes, record.trades
    figures = {
        "performance": performance_of(record),
        "drawdown": record.fall,
        "trades": trade_figures(trades, run_length(record)),
        "costs": costs(journal, found, trades, columns.market.instrument.symbol),
        "exposure": exposure(record.course, found, trades, record.fall, record.start_ns),
        "near_misses": near_misses(found, record.excursions, columns),
        "liquidations": liquidations(found, trades),
        "funding": funding(journal, columns),
        "orders": order_figures(journal),
        "paradox": paradox_of(record) if deep else paradox((), (), np.empty(0), NOT_REPLAYED),
        "frontier": frontier_of(record) if deep else no_frontier(NOT_REPLAYED),
        "cascades": cascades_of(record) if deep else not_looked_for(trades),
    }
    return {name: plain(value) for name, value in figures.items()}


def performance_of(record: RunRecord) -> Performance:
    """Return of a run, and its annual figures."""
    equity = record.course.told.equity
    return day_by_day(record.daily[1], record.start,
                      float(equity[-1]) if len(equity) else record.start,
                      run_length(record) / DAY, market_return(record.columns))


def paradox_of(record: RunRecord) -> Paradox:
    """The paradox of a run."""
    return paradox(record.trades, record.replays, record.survivable)


def frontier_of(record: RunRecord) -> SurvivalFrontier:
    """The survival frontier of a run."""
    if record.terms is None:
        return no_frontier()
    right = {trade.number: trade.right for trade in record.trades}
    return survival_frontier(record.replays, right, record.terms)


def cascades_of(record: RunRecord) -> CascadeTable:
    """The cascades of a run's market, and what was traded in them."""
    survived = {plan.number: float(value) for plan, value in
                zip(record.plans, record.survivable, strict=True)}
    return cascade_table(cascades(record.columns), record.episodes, record.excursions,
                         record.trades, record.journal, record.columns, survived)


def run_length(record: RunRecord) -> int:
    """Nanoseconds from the open of the first bar to the close of the last."""
    close_ns = record.columns.close_ns
    return int(close_ns[-1]) - record.start_ns if len(close_ns) else 0


def plain(value: Any) -> Any:
    """Dataclasses as dicts, tuples as lists: what JSON gives back."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if dataclasses.is_dataclass(kind):
        return {name: plain(getattr(value, name)) for name in _fields(kind)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in dataclasses.fields(kind))


def market_return(columns: MarketColumns) -> float:
    """Return of holding the coin, first open to last close, at last price; 0 without bars."""
    if not len(columns):
        return 0.0
    first, last = float(columns.lines["open"][0]), float(columns.lines["close"][-1])
    return last / first - 1.0
