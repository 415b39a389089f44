"""Carry out a RunSpec: data, account and strategy into one RunResult."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import backtrader as bt

import deleverage
from deleverage import timestamps, venues
from deleverage.analyzers.base import record_of
from deleverage.broker import PerpetualBroker
from deleverage.cerebro import Cerebro
from deleverage.columns import MarketColumns
from deleverage.errors import DataError, unknown_name
from deleverage.feeds import PerpetualData
from deleverage.policies import Fees
from deleverage.results import DailyEquity, Provenance, RunResult
from deleverage.sizers import FixedNotional, MarginFraction
from deleverage.spec import RunSpec
from deleverage.statistics.caveats import caveats
from deleverage.statistics.performance import daily_equity
from deleverage.statistics.summary import summary
from deleverage.strategies import registry
from deleverage.venues.rules import VenueRules

BASELINE = "random_entry"


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
) -> RunResult:
    """Run ``spec`` and collect everything that is known of it.

    ``columns`` saves loading the data again (they are cut to the dates of ``spec``); ``strategy``
    is a class that stands in for the one named; ``record=False`` leaves out the per-bar curves,
    which can be rebuilt later. Raises UnknownName for a strategy or parameter nobody knows,
    LeverageError beyond the venue's limit, DataError for data that cannot carry the run.
    """
    chosen = registry.load(spec.strategy) if strategy is None else strategy
    params = registry.check_parameters(chosen, dict(spec.params))
    source = load(spec, columns)
    cerebro, data = _build(spec, source.columns, chosen, params)
    ran = cerebro.run()[0]
    return _result(spec, source, data.columns, ran, record)


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
    return run(baseline_spec(result, seed), source.columns, record=record)


def baseline_spec(result: RunResult, seed: int = 0) -> RunSpec:
    """The specification of :func:`baseline`."""
    return result.spec.changed(strategy=BASELINE, params=baseline_params(result, seed))


def baseline_params(result: RunResult, seed: int = 0) -> dict[str, Any]:
    """Parameters of ``random_entry`` that repeat a run's number of entries, sides and holdings."""
    last = result.provenance.bars - 1
    if not result.trades:
        return {"seed": seed, "trades": 0}
    held = [max(1, (last if trade.exit_bar is None else trade.exit_bar) - trade.entry_bar)
            for trade in result.trades]
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


def _build(spec: RunSpec, columns: MarketColumns, strategy: type[bt.Strategy],
           params: Mapping[str, Any]) -> tuple[Cerebro, PerpetualData]:
    cerebro = Cerebro()
    limits = {name: timestamps.to_datetime(stamp) for name, stamp in (
        ("fromdate", spec.from_ns), ("todate", spec.to_ns)) if stamp is not None}
    feed: Any = PerpetualData  # backtrader's metaclasses hide its parameters from type checkers
    data = feed(columns=columns, **limits)
    cerebro.adddata(data)
    cerebro.setbroker(PerpetualBroker(
        venue=spec.venue or columns.market.instrument.venue, leverage=spec.leverage,
        margin=spec.margin, cash=spec.cash, ladder=spec.ladder, path=spec.path, fill=spec.fill,
        missing=spec.missing, mark=spec.mark, slippage_bp=spec.slippage_bp,
        fees=None if spec.fees is None else Fees(*spec.fees),
        on_liquidation=spec.on_liquidation))
    cerebro.addanalyzer(Setup, sizer=_sizer(spec), _name="setup")
    cerebro.addstrategy(strategy, **params)
    return cerebro, data


def _sizer(spec: RunSpec) -> bt.Sizer:
    if spec.notional is not None:
        return FixedNotional(notional=spec.notional)
    return MarginFraction(fraction=spec.margin_fraction, notional_leverage=spec.notional_leverage)


def _result(spec: RunSpec, source: Source, columns: MarketColumns, ran: bt.Strategy,
            record: bool) -> RunResult:
    broker = ran.broker
    taken = record_of(ran)
    figures = summary(taken)
    rules = broker.account.terms.rules.get(columns.market.instrument.symbol)
    if rules is None:  # nothing was traded, so the broker never asked the venue
        rules = rules_of(spec, columns)
    lines = (*_warmup(ran, len(columns)), *caveats(
        columns, figures, taken.trades, mark=spec.mark,
        assumptions=_assumptions(rules, spec.margin)))
    days, equity = daily_equity(columns.close_ns, taken.curves.equity, taken.start)
    return RunResult(
        spec=spec, provenance=_provenance(spec, source, columns, rules, ran),
        journal=broker.journal, trades=taken.trades, statistics=figures, warnings=lines,
        daily=DailyEquity(days, equity, taken.start),
        recorded=taken.curves if record else None)


def _provenance(spec: RunSpec, source: Source, columns: MarketColumns, rules: VenueRules,
                ran: bt.Strategy) -> Provenance:
    market, kind = columns.market, type(ran)
    fees = Fees(*spec.fees) if spec.fees is not None else rules.fees
    return Provenance(
        dataset=market.name or Path(spec.data).name, sha256=source.sha256,
        synthetic=market.synthetic, symbol=market.instrument.symbol, venue=rules.name,
        quote=market.instrument.quote, step_ns=market.step_ns, mark_step_ns=market.mark_step_ns,
        bars=len(columns), first_ns=int(columns.close_ns[0]), last_ns=int(columns.close_ns[-1]),
        margin=spec.margin, leverage=spec.leverage, sizing=spec.sizing,
        fees=(fees.maker, fees.taker), ladder=rules.use.describe(), ladder_id=rules.ladder.id,
        ladder_assumed=rules.use.assumed, strategy=kind.__name__,
        title=(kind.__doc__ or "").strip().split("\n")[0], params=_parameters(ran),
        code=deleverage.__version__)


def _parameters(ran: bt.Strategy) -> Mapping[str, Any]:
    """All parameters of the strategy; what JSON cannot hold as its text."""
    def plain(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        return [plain(item) for item in value] if isinstance(value, (list, tuple)) else str(value)

    return {name: plain(value) for name, value in ran.p._getkwargs().items()}


def _assumptions(rules: VenueRules, mode: str) -> tuple[str, ...]:
    lines = rules.assumptions
    if mode == "cross" and rules.cross_assumed:
        lines += (rules.cross_assumed,)
    if rules.funding_price != "mark":
        lines += (f"{rules.name} pays funding on the {rules.funding_price} price; here it is paid "
                  "on mark",)
    if rules.use.state == "older than 180 days":
        lines += (f"maintenance ladder is older than 180 days: {rules.use.describe()}",)
    return lines


def warmup_bars(ran: bt.Strategy) -> int:
    """Bars before a strategy can act: its own word, or those its indicators need."""
    return max(int(getattr(ran, "warmup_bars", 0)), ran._minperiod - 1)


def _warmup(ran: bt.Strategy, bars: int) -> tuple[str, ...]:
    """A line where less than half of the data was traded on."""
    needed = warmup_bars(ran)
    if needed > bars / 2:
        return (f"{needed} of {bars} bars went into warming up: less than half was traded on",)
    return ()


def _known_hash(data: str, columns: MarketColumns) -> str:
    from deleverage.feeds.dataset import Dataset

    if Path(data).is_dir():
        return Dataset.open(data).sha256
    return fingerprint(columns)
