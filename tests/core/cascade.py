"""The real cascade of 31 January 2026 for tests: the vendor's files, and one limit long in them.

Bybit ETHUSDT, five-minute last prices and hourly mark. A bar is named by its OPEN time, as in the
vendor's files; our stamps are its close.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import backtrader as bt
import pytest

import deleverage as dl
from deleverage import timestamps
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.importing import import_dataset

STEP = timedelta(minutes=5)


def import_eth(reference: Path, folder: Path) -> Dataset:
    """The vendor's directory, imported into ``folder``; the test is skipped where it is absent."""
    source = reference / "data" / "freqtrade_bybit"
    if not source.is_dir():
        pytest.skip(f"no real data at {source}")
    made, _ = import_dataset("freqtrade", [source], folder, symbol="ETHUSDT")
    return made


class LongOnce(bt.Strategy):
    """Buys once, at the close of the bar before ``bar``: a limit there, or at the market."""

    params: Any = (("bar", None), ("limit", None), ("size", 10))

    def next(self) -> None:
        """Send the order so that it is live from the open of ``bar``."""
        if self.data.datetime.datetime(0) == self.p.bar:  # this bar closes when that one opens
            kind = bt.Order.Market if self.p.limit is None else bt.Order.Limit
            self.buy(size=self.p.size, exectype=kind, price=self.p.limit)


def trade(dataset: Dataset, leverage: float, *, bar: str = "2026-01-31 17:10",
          limit: float | None = 2_450.0, until: str = "2026-02-04", size: float = 10,
          **options: Any) -> dl.PerpetualBroker:
    """The run, from an hour before the entry; the broker keeps everything. 10,000 of cash and
    Bybit's rules unless ``options`` say otherwise."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(dl.feeds.PerpetualData(dataset=dataset, fromdate="2026-01-31T16:00",
                                           todate=until))
    options = {"venue": "bybit", "cash": 10_000, **options}
    broker = dl.PerpetualBroker(leverage=leverage, margin="isolated", path="adverse", **options)
    cerebro.setbroker(broker)
    cerebro.addstrategy(LongOnce, bar=datetime.fromisoformat(bar), limit=limit, size=size)
    cerebro.run()
    return broker


def named(stamp: int) -> str:
    """The open time of the bar that closes at ``stamp``: the vendor's name of it."""
    return f"{timestamps.to_datetime(stamp) - STEP:%m-%d %H:%M}"
