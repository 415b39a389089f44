"""What the analyzers share: one record of the run, rebuilt from the broker's journal at the end."""

from __future__ import annotations

from typing import Any

import backtrader as bt

from deleverage.columns import MarketColumns
from deleverage.errors import UsageError, unknown_name
from deleverage.statistics.placing import walked
from deleverage.statistics.replay import VenueTerms
from deleverage.statistics.summary import RunRecord, plain
from deleverage.strategies.exits import SignalStrategy, bars_of
from deleverage.venues.procedure import Takeover

_KEPT = "_deleverage_records"  # on the strategy, so that several analyzers share one pass


class JournalAnalyzer(bt.Analyzer):  # type: ignore[misc]
    """Base of the analyzers: ``figures(record)`` is what a subclass defines.

    ``symbol`` chooses the instrument where the strategy has several (None: that of the first
    PerpetualData). The analysis is a dict of plain numbers; the classes in
    ``deleverage.statistics`` that the figures come from define each with its unit and sign. Nothing
    happens per bar, so an engine may jump. Raises UsageError under a broker without a journal.
    """

    jump_safe = True
    params = (("symbol", None),)

    def start(self) -> None:
        """Refuse a broker that keeps no journal before anything has run."""
        if not hasattr(self.strategy.broker, "journal"):
            raise UsageError(f"{type(self).__name__} reads the journal of a PerpetualBroker, found "
                             f"{type(self.strategy.broker).__name__}: "
                             "cerebro.setbroker(deleverage.PerpetualBroker(…))")

    def stop(self) -> None:
        """Rebuild the run from its journal and compute the figures."""
        self.rets = plain(self.figures(record_of(self.strategy, self.p.symbol)))

    def figures(self, record: RunRecord) -> Any:
        """The figures of one run, as a dataclass or mapping."""
        raise NotImplementedError(f"{type(self).__name__} must define figures()")

    def get_analysis(self) -> Any:
        """The figures; empty before the run has ended."""
        return self.rets


def record_of(strategy: bt.Strategy, symbol: str | None = None) -> RunRecord:
    """The run of a strategy on a PerpetualBroker, rebuilt from its journal (once per instrument).

    Raises UsageError where no feed is a PerpetualData and UnknownName for a symbol it has not.
    """
    broker = strategy.broker
    broker.setup()
    markets = {view.symbol: view.columns for view in broker.views if view.columns is not None}
    if not markets:
        raise UsageError("analyzers need the market's columns: use deleverage.feeds.PerpetualData")
    chosen = next(iter(markets)) if symbol is None else symbol
    if chosen not in markets:
        raise unknown_name("instrument of this run", chosen, markets)
    kept: dict[str, RunRecord] = vars(strategy).setdefault(_KEPT, {})
    if chosen not in kept:
        others = [columns for name, columns in markets.items()
                  if name != chosen and name in broker.ladder_in_use]
        kept[chosen] = RunRecord.of(
            broker.journal, markets[chosen], broker.p.mark,
            getattr(strategy, "exit_reasons", None),
            horizon_bars(strategy, walked(markets[chosen])),
            others, terms_of(broker, markets[chosen]))
    return kept[chosen]


def terms_of(broker: Any, columns: MarketColumns) -> VenueTerms | None:
    """What the trades of an instrument are replayed under; None where it was never traded."""
    instrument = columns.market.instrument
    rules = broker.account.terms.rules.get(instrument.symbol)
    if rules is None:
        return None
    procedure = Takeover() if broker.p.liquidation == "takeover" else rules.procedure
    return VenueTerms(rules, procedure, instrument.lot_size)


def horizon_bars(strategy: bt.Strategy, columns: MarketColumns) -> int | None:
    """Bars after which the strategy's time exit closes; None where it has none that is known."""
    hold = getattr(strategy.p, "hold", None)
    if not isinstance(strategy, SignalStrategy) or not isinstance(hold, str):
        return None
    return bars_of(hold, columns.market.step_ns)
