"""The job in nautilus_trader: bars through the engine, entries from a mask known beforehand.

A market order there fills at the close it was decided on; there is no next open to fill it at. So
that it makes the same decisions, barriers are those of the next open, which it is told, and the
driver compares its money with fills at those closes. Its account is a margin account at 10x; what
it does not model here: brackets and liquidation, a mark, funding.
"""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import nautilus_trader
import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.instruments import CryptoPerpetual
from nautilus_trader.model.objects import Money, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers.protocol import CASH, Made, Market, serve
from benchmarks.signals import YEAR_RULE, Rule, entries

DEEP = 1e6  # coins in every bar: an order never moves the price


class Exhausted(Strategy):
    """The rule, one call a bar; it counts its bars and keeps its own position.

    A fill is noted at the bar after its decision, where the other engines fill.
    """

    def __init__(self, market: Market, mask: np.ndarray, rule: Rule, bar_type: BarType) -> None:
        super().__init__()
        self.opened, self.shut = market.columns["open"], market.columns["close"]
        self.mask, self.rule = mask, rule
        self.bar_type = bar_type
        self.number, self.since, self.entry, self.size = -1, 0, 0.0, 0.0
        self.entered: list[int] = []
        self.left: list[int] = []

    def on_start(self) -> None:
        """Ask for the bars."""
        self.subscribe_bars(self.bar_type)

    def on_bar(self, bar: Any) -> None:
        """One decision on each close, filled there."""
        self.number += 1
        close, rule = self.shut[self.number], self.rule
        if self.size:
            if close >= self.entry * (1 + rule.target) or close <= self.entry * (1 - rule.stop) \
                    or self.number - self.since >= rule.hold:
                self.send(OrderSide.SELL, self.size)
                self.left.append(self.number + 1)
                self.size = 0.0
        elif self.mask[self.number]:
            self.size, self.since = round(rule.notional / close, 3), self.number + 1
            self.entry = self.opened[self.since]
            self.entered.append(self.since)
            self.send(OrderSide.BUY, self.size)

    def send(self, side: OrderSide, size: float) -> None:
        """A market order."""
        self.submit_order(self.order_factory.market(self.bar_type.instrument_id, side,
                                                    Quantity(size, 3)))


def instrument() -> CryptoPerpetual:
    """ETHUSDT with a taker fee of 5 bp."""
    fields = CryptoPerpetual.to_dict(TestInstrumentProvider.ethusdt_perp_binance())
    return CryptoPerpetual.from_dict({**fields, "taker_fee": str(YEAR_RULE.fee)})


def once(path: str) -> Made:
    """Load, wrangle and run."""
    market = Market.read(path)
    contract = instrument()
    columns = {name: market.columns[name] for name in ("open", "high", "low", "close")}
    columns["volume"] = np.full(len(market.close_ns), DEEP)
    kind = BarType.from_str(f"{contract.id}-1-MINUTE-LAST-EXTERNAL")
    stamps = pd.to_datetime(market.close_ns, utc=True)
    bars = BarDataWrangler(kind, contract).process(pd.DataFrame(columns, index=stamps))
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    venue = Venue("BINANCE")
    engine.add_venue(venue, OmsType.NETTING, AccountType.MARGIN, [Money(CASH, USDT)],
                     default_leverage=Decimal(10))
    engine.add_instrument(contract)
    engine.add_data(bars)
    mask = np.zeros(len(market.close_ns), dtype=np.bool_)
    mask[entries(YEAR_RULE, market.columns["close"], market.features())] = True
    mask[-1] = False  # nothing is filled after the last close
    strategy = Exhausted(market, mask, YEAR_RULE, kind)
    engine.add_strategy(strategy)
    engine.run()
    net = float(engine.trader.generate_account_report(venue)["total"].iloc[-1]) - CASH
    made = Made(tuple(strategy.entered), tuple(strategy.left), net)
    engine.dispose()
    return made


def main() -> None:
    """FOLDER: the year; a sweep there is as many runs."""
    serve(nautilus_trader.__version__, lambda: once(sys.argv[1]))


if __name__ == "__main__":
    main()
