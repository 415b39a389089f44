"""Carry out a RunSpec: data, account and strategy into one RunResult."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import backtrader as bt

from deleverage import timestamps, venues
from deleverage.analyzers.base import horizon_bars, terms_of
from deleverage.broker import PerpetualBroker
from deleverage.cerebro import Cerebro
from deleverage.columns import MarketColumns
from deleverage.concluding import Traded, conclude
from deleverage.direct import NotDirect, ask, trade
from deleverage.errors import DataError, unknown_name
from deleverage.feeds import PerpetualData
from deleverage.results import RunResult
from deleverage.sizers import FixedNotional, MarginFraction
from deleverage.spec import RunSpec
from deleverage.stamps import own_fees, venue_of
from deleverage.statistics.placing import walked
from deleverage.strategies import registry
from deleverage.venues.rules import VenueRules

BASELINE = "random_entry"
_DEFAULTS = {item.name: item.default for item in dataclasses.fields(RunSpec)}


@dataclass(frozen=True)
class Source:
    """A market ready to run: its columns and one hash of the content they come from."""

    columns: MarketColumns
    sha256: str


def run(
    spec: RunSpec,
    columns: MarketColumns | None = None,
    strategy: type[bt.Strategy] | None = None,
    record: bool = True,
    direct: bool = False,
) -> RunResult:
    """Run ``spec`` and collect everything that is known of it.

    ``columns`` saves loading the data again (they are cut to the dates of ``spec``); ``strategy``
    is a class that stands in for the one named; ``record=False`` leaves out the per-bar curves,
    which can be rebuilt later, replays and the search for cascades. ``direct=True`` runs without
    backtrader's engine where the strategy has said beforehand all it wants (``deleverage.direct``):
    the result is the same, several times as soon. Raises UnknownName for a
    strategy or parameter nobody knows, LeverageError beyond the venue's limit, DataError for data
    that cannot carry the run.
    """
    chosen = registry.load(spec.strategy) if strategy is None else strategy
    params = registry.check_parameters(chosen, dict(spec.params))
    source = load(spec, columns)
    if direct:
        try:
            columns, traded = _without_engine(spec, source.columns, chosen, params)
            return conclude(spec, source.sha256, columns, traded, record)
        except NotDirect:
            pass
    columns, traded = _through_engine(spec, source.columns, chosen, params)
    return conclude(spec, source.sha256, columns, traded, record)


def load(spec: RunSpec, columns: MarketColumns | None = None) -> Source:
    """The market that ``spec`` names: a scenario or a dataset folder, unless given.

    Raises MissingTable where there is none and UnknownName where it holds another symbol.
    """
    from deleverage import scenarios
    from deleverage.feeds.dataset import Dataset

    if columns is not None:
        source = Source(columns, _known_hash(spec.data, columns))
    elif spec.data in scenarios.names():
        columns = scenarios.columns(spec.data)
        source = Source(columns, fingerprint(columns))
    else:
        dataset = Dataset.open(spec.data)
        source = Source(dataset.columns(), dataset.sha256)
    found = source.columns.market.instrument.symbol
    if spec.symbol is not None and spec.symbol != found:
        raise unknown_name(f"symbol in {spec.data}", spec.symbol, [found])
    return source


def rules_of(spec: RunSpec, columns: MarketColumns) -> VenueRules:
    """The venue rules a run trades under, with the ladder of its first bar's date."""
    market = columns.market
    at = spec.from_ns or (int(columns.close_ns[0]) if len(columns) else None)
    return venues.get(spec.venue or market.instrument.venue, symbol=market.instrument.symbol,
                      at=at, ladder=spec.ladder)


def fingerprint(columns: MarketColumns) -> str:
    """One hash of a market's content: of its files' hashes where known, else of its prices."""
    digest = hashlib.sha256()
    for name, value in sorted(columns.market.sha256.items()):
        digest.update(f"{name} {value}\n".encode())
    if not columns.market.sha256:
        for series in (columns.close_ns, *(columns.lines[name] for name in (
                "open", "high", "low", "close")), columns.execution_mark.low,
                columns.execution_mark.high, columns.funding.rate):
            digest.update(series.tobytes())
    return digest.hexdigest()


def baseline(
    result: RunResult, columns: MarketColumns | None = None, seed: int = 0, record: bool = False
) -> RunResult:
    """The same account with as many entries and the same holding times, at random bars.

    What a named strategy must beat before its entries mean anything; the same ``seed`` gives the
    same entries. Per-bar curves are left out unless asked for with ``record``.
    """
    source = load(result.spec, columns)
    return run(baseline_spec(result, seed), source.columns, record=record, direct=True)


def baseline_spec(result: RunResult, seed: int = 0) -> RunSpec:
    """The specification of :func:`baseline`."""
    return result.spec.changed(strategy=BASELINE, params=baseline_params(result, seed))


def baseline_params(result: RunResult, seed: int = 0) -> dict[str, Any]:
    """Parameters of ``random_entry`` that repeat a run's number of entries, sides and holdings."""
    made = result.provenance
    last = made.bars - 1
    if not result.trades:
        return {"seed": seed, "trades": 0}
    finer = max(1, made.step_ns // made.walked_step_ns)  # trades count the bars the account walked
    held = [max(1, -(-((made.bars * finer - 1 if trade.exit_bar is None else trade.exit_bar)
                       - trade.entry_bar) // finer)) for trade in result.trades]
    while sum(held) + len(held) > last and max(held) > 1:
        # one that is always in the market leaves no room between trades drawn apart: trim them
        held[held.index(max(held))] -= 1
    return {"seed": seed, "hold": None, "holding": tuple(held),
            "sides": tuple(trade.side for trade in result.trades)}


class Setup(bt.Analyzer):  # type: ignore[misc]
    """Looks at the strategy after its ``__init__`` and before the first bar.

    Refuses data shorter than its warm-up, which stock indicators would answer with an IndexError,
    and gives it the run's size rule unless it has chosen a sizer of its own (``cerebro.addsizer``
    would replace that one).
    """

    jump_safe = True
    params = (("sizer", None),)

    def start(self) -> None:
        """Before the first bar. Raises DataError where no bar is left to trade on."""
        bars, needed = len(self.strategy.data.columns), warmup_bars(self.strategy)
        if needed >= bars:
            raise DataError(f"the data has {bars} bars and {type(self.strategy).__name__} needs "
                            f"{needed} to warm up: no bar is left to trade on")
        own = self.strategy.getsizer()
        if type(own) is bt.sizers.FixedSize and own.p.stake == 1:
            self.strategy.setsizer(self.p.sizer)


def _through_engine(spec: RunSpec, columns: MarketColumns, strategy: type[bt.Strategy],
                    params: Mapping[str, Any]) -> tuple[MarketColumns, Traded]:
    """Run a strategy in an engine; the columns it saw, and what it has done."""
    cerebro, data = Cerebro(), _feed(spec, columns)
    cerebro.adddata(data)
    cerebro.setbroker(PerpetualBroker(**_account(spec, columns)))
    cerebro.addanalyzer(Setup, sizer=_sizer(spec), _name="setup")
    cerebro.addstrategy(strategy, **params)
    ran = cerebro.run()[0]
    return data.columns, _traded(spec, data.columns, ran, ran.broker)


def _without_engine(spec: RunSpec, columns: MarketColumns, strategy: type[bt.Strategy],
                    params: Mapping[str, Any]) -> tuple[MarketColumns, Traded]:
    """The same without one; NotDirect where that cannot be."""
    data = _feed(spec, columns)
    shown = data.columns
    if shown.inner is not None or data.undelayed is not shown or not len(shown):
        raise NotDirect("bars of another length, shown late, or none")
    asked = ask(strategy, params, shown)
    if warmup_bars(asked.strategy) >= len(shown):
        raise NotDirect("no bar left after warming up")
    ran = trade(asked, PerpetualBroker(**_account(spec, columns)), _sizer(spec))
    return shown, _traded(spec, shown, asked.strategy, ran.broker, ran.exit_reasons)


def _feed(spec: RunSpec, columns: MarketColumns) -> PerpetualData:
    limits = {name: timestamps.to_datetime(stamp) for name, stamp in (
        ("fromdate", spec.from_ns), ("todate", spec.to_ns)) if stamp is not None}
    feed: Any = PerpetualData  # backtrader's metaclasses hide its parameters from type checkers
    data: PerpetualData = feed(columns=columns, step=spec.step,
                               publication_latency=spec.publication_latency, **limits)
    return data


def _account(spec: RunSpec, columns: MarketColumns) -> dict[str, Any]:
    """The broker's parameters; of those that have a default, what differs from it."""
    given = {
        "venue": venue_of(spec, columns), "leverage": spec.leverage, "margin": spec.margin,
        "cash": spec.cash, "ladder": spec.ladder, "path": spec.path, "fill": spec.fill,
        "missing": spec.missing, "mark": spec.mark, "fees": own_fees(spec, columns),
        "on_liquidation": spec.on_liquidation}
    if spec.slippage is None:
        given["slippage_bp"] = spec.slippage_bp
    for name in ("liquidation", "slippage", "volume_limit", "latency", "outage", "adl",
                 "off_tick", "stop_trigger"):
        value = getattr(spec, name)
        if value != _DEFAULTS[name]:
            given[name] = value
    return given


def _sizer(spec: RunSpec) -> bt.Sizer:
    if spec.notional is not None:
        return FixedNotional(notional=spec.notional)
    return MarginFraction(fraction=spec.margin_fraction, notional_leverage=spec.notional_leverage)


def _traded(spec: RunSpec, columns: MarketColumns, ran: bt.Strategy, broker: PerpetualBroker,
            exit_reasons: Mapping[int, str] | None = None) -> Traded:
    """What a strategy has done, once it has run."""
    rules = broker.account.terms.rules.get(columns.market.instrument.symbol)
    if rules is None:  # nothing was traded, so the broker never asked the venue
        rules = rules_of(spec, columns)
    return Traded(
        journal=broker.journal, strategy=type(ran), params=ran.p._getkwargs(),
        warmup=warmup_bars(ran), rules=rules, terms=terms_of(broker, columns),
        exit_reasons=getattr(ran, "exit_reasons", None) if exit_reasons is None else exit_reasons,
        horizon_bars=horizon_bars(ran, walked(columns)))


def warmup_bars(ran: bt.Strategy) -> int:
    """Bars before a strategy can act: its own word, or those its indicators need."""
    return max(int(getattr(ran, "warmup_bars", 0)), getattr(ran, "_minperiod", 1) - 1)


def _known_hash(data: str, columns: MarketColumns) -> str:
    """The hash of the data that columns in memory come from, asked for once."""
    from deleverage.feeds.dataset import Dataset

    return columns.memo.get(("sha256", data), lambda: Dataset.open(data).sha256
                            if Path(data).is_dir() else fingerprint(columns))
