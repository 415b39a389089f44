"""One run of the job on each engine, with what it did and what it cost."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

import deleverage as dl
from benchmarks.signals import GRID, Rule
from benchmarks.strategies import Exhausted, ExhaustedSignals
from deleverage.columns import MarketColumns
from deleverage.direct import ask, trade
from deleverage.feeds.dataset import Dataset
from deleverage.sizers import MarginFraction

CASH, LEVERAGE, FEE = 1_000_000.0, 10.0, 0.0005
SHOWN = ("mark_close", "long_liquidations", "short_liquidations", "largest_liquidation",
         "liquidation_count")  # what the stock feed carries beside backtrader's own six


@dataclass(frozen=True)
class Done:
    """What a run did. ``load`` and ``run`` are CPU seconds before and in the loop over the bars;
    they do not count when two runs are compared."""

    fills: tuple[tuple[int, float, float], ...]  # bar, signed size, price
    equity: float
    settlements: int = 0  # of funding, paid or received
    liquidations: int = 0
    mode: str = field(default="", compare=False)
    load: float = field(default=0.0, compare=False)
    run: float = field(default=0.0, compare=False)

    @property
    def entered(self) -> tuple[int, ...]:
        """Bars of the fills that bought."""
        return tuple(bar for bar, size, _ in self.fills if size > 0)

    @property
    def left(self) -> tuple[int, ...]:
        """Bars of the fills that sold."""
        return tuple(bar for bar, size, _ in self.fills if size < 0)


class _Clocked:
    """Mixed into an engine: how long its loop over the bars took."""

    ran = 0.0

    def _runonce(self, runstrats: list[bt.Strategy]) -> None:
        began = time.process_time()
        super()._runonce(runstrats)  # type: ignore[misc]
        self.ran = time.process_time() - began


class OurEngine(_Clocked, dl.Cerebro):  # type: ignore[misc]
    """Our engine with a clock."""


class StockEngine(_Clocked, bt.Cerebro):  # type: ignore[misc]
    """backtrader's engine with a clock."""


def ours(source: Path | MarketColumns, strategy: type[bt.Strategy] = Exhausted, *,
         mode: str = "auto", entry_bar: str = "live", **params: Any) -> Done:
    """A run on our engine and account: mark, funding, fees on, isolated at 10x.

    From a dataset's folder everything counts, from its opening on; from columns, what comes after.
    """
    began = time.process_time()
    columns = source if isinstance(source, MarketColumns) else Dataset.open(source).columns()
    engine = OurEngine(mode=mode)
    engine.adddata(dl.feeds.PerpetualData(columns=columns))
    engine.setbroker(_account(entry_bar))
    engine.addstrategy(strategy, **params)
    engine.run()
    whole = time.process_time() - began
    return _done(engine.broker, engine.mode_used or "", whole - engine.ran, engine.ran)


def without_engine(columns: MarketColumns, strategy: type = ExhaustedSignals,
                   **params: Any) -> Done:
    """A run of :func:`ours` on the same account without the engine: signals only."""
    ran = trade(ask(strategy, params, columns), _account(), MarginFraction())
    return _done(ran.broker, "direct")


def _account(entry_bar: str = "live") -> Any:
    return dl.PerpetualBroker(
        venue="binance", leverage=LEVERAGE, margin="isolated", cash=CASH,
        fees=dl.Fees(maker=FEE, taker=FEE), entry_bar=entry_bar)


def _done(broker: Any, mode: str, load: float = 0.0, run: float = 0.0) -> Done:
    journal = broker.journal
    return Done(tuple((fill.bar, fill.size, fill.price) for fill in journal.fills),
                broker.getvalue(), len(journal.funding), len(journal.liquidations), mode, load, run)


def params_of(rule: Rule) -> dict[str, Any]:
    """A rule as parameters of a strategy."""
    return {name: getattr(rule, name) for name in
            ("threshold", "decay", "stop", "target", "hold", "notional")}


def signals_of(rule: Rule) -> dict[str, Any]:
    """A rule as parameters of the strategy that gives signals."""
    return {"longest" if name == "hold" else name: value
            for name, value in params_of(rule).items()}


def sweep(columns: MarketColumns, rules: Iterable[Rule] = GRID) -> list[Done]:
    """A run for each rule on one market, one after the other."""
    return [ours(columns, **params_of(rule)) for rule in rules]


def direct_sweep(columns: MarketColumns, rules: Iterable[Rule] = GRID) -> list[Done]:
    """The same without the engine."""
    return [without_engine(columns, **signals_of(rule)) for rule in rules]


class _Fills(bt.Analyzer):  # type: ignore[misc]
    """What was filled."""

    def start(self) -> None:
        """Nothing yet."""
        self.fills: list[tuple[int, float, float]] = []

    def notify_order(self, order: Any) -> None:
        """A filled order."""
        if order.status == order.Completed:
            done = order.executed
            self.fills.append((len(self.data) - 1, done.size, done.price))


class StockFeed(bt.feeds.PandasData):  # type: ignore[misc]
    """backtrader's own feed of a data frame with eleven columns."""

    lines = SHOWN
    params = tuple((name, name) for name in SHOWN)


def frame(columns: MarketColumns) -> pd.DataFrame:
    """A market as the data frame a user of stock backtrader would have."""
    names = ("open", "high", "low", "close", "volume", "openinterest", *SHOWN)
    return pd.DataFrame({name: np.array(columns.lines[name]) for name in names},
                        index=pd.to_datetime(columns.close_ns))


def stock(data: pd.DataFrame, strategy: type[bt.Strategy], **params: Any) -> Done:
    """A run on stock backtrader with its own broker: last prices and commission, no observers."""
    began = time.process_time()
    engine = StockEngine(stdstats=False)
    engine.adddata(StockFeed(dataname=data))
    engine.broker.setcash(CASH)
    engine.broker.setcommission(commission=FEE)
    engine.addstrategy(strategy, **params)
    engine.addanalyzer(_Fills, _name="fills")
    [ran] = engine.run()
    whole = time.process_time() - began
    return Done(tuple(ran.analyzers.fills.fills), engine.broker.getvalue(),
                mode="stock", load=whole - engine.ran, run=engine.ran)
