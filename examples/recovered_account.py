"""The account that recovered from minus nine thousand: stock backtrader beside Deleverage.

$1,000, long 16 ETH at 3,000 (48x), 5 bp a fill; the price falls to 2,350 and comes back to 3,050.
Both runs use the same unchanged strategy and the same feed; only the broker differs.

    python examples/recovered_account.py
"""

from __future__ import annotations

import backtrader as bt
import numpy as np
import pandas as pd
from tabulate import tabulate

import deleverage as dl

CASH, SIZE, FEE = 1_000.0, 16.0, 0.0005
CLOSES = [3_000, 3_000, 2_960, 2_900, 2_790, 2_640, 2_350, 2_420, 2_610, 2_800, 2_930, 3_050]


class BuyAndWait(bt.Strategy):
    """Buys once and never sells; writes down what the broker says it is worth."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.liquidations: list = []

    def notify_liquidation(self, event) -> None:
        """Called by Deleverage alone; stock backtrader knows no such thing."""
        self.liquidations.append(event)

    def next(self) -> None:
        if len(self) == 1:
            self.buy(size=SIZE)
        self.values.append(self.broker.getvalue())


def feed() -> bt.feeds.PandasData:
    """One bar an hour, each opening where the last one closed."""
    close = np.array(CLOSES, dtype=float)
    opened = np.append(close[:1], close[:-1])
    frame = pd.DataFrame(
        {"open": opened, "high": np.maximum(opened, close), "low": np.minimum(opened, close),
         "close": close, "volume": 1.0},
        index=pd.date_range("2026-01-31 13:00", periods=len(close), freq="h"))
    return bt.feeds.PandasData(dataname=frame)


def run(broker: bt.BrokerBase) -> BuyAndWait:
    """The same strategy on the same bars with the broker given."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(feed(), name="ETHUSDT")
    cerebro.setbroker(broker)
    cerebro.addstrategy(BuyAndWait)
    return cerebro.run()[0]


def stock_broker() -> bt.brokers.BackBroker:
    """backtrader's own broker with the leverage it needs to take the order at all."""
    broker = bt.brokers.BackBroker(cash=CASH)
    broker.setcommission(commission=FEE, leverage=50.0)
    return broker


def perpetual_broker() -> dl.PerpetualBroker:
    """The account at a venue; a plain feed has no mark and no funding, and that is said here."""
    return dl.PerpetualBroker(venue="binance", leverage=50, margin="isolated", cash=CASH,
                              fees=dl.Fees.flat(FEE), mark="last", missing="skip")


def main() -> None:
    """Print both accounts as one table."""
    stock, ours = run(stock_broker()), run(perpetual_broker())
    rows = []
    for name, strategy in (("stock backtrader", stock), ("Deleverage", ours)):
        end = strategy.values[-1]
        rows.append([name, f"{min(strategy.values):,.2f}", f"{end:,.2f}",
                     f"{end / CASH - 1:+.1%}", len(strategy.liquidations),
                     f"{strategy.position.size:g}"])
    print("long 16 ETH at 3,000 on $1,000 (48x), 5 bp; the price goes 3,000 → 2,350 → 3,050")
    print(tabulate(rows, headers=["account", "lowest equity at a close", "final equity", "return",
                                  "liquidations", "ETH held"], disable_numparse=True,
                   colalign=("left", "right", "right", "right", "right", "right")))
    event = ours.liquidations[0]
    posted = SIZE * event.entry_price / event.leverage
    print(f"\nDeleverage: liquidated at mark {event.trigger_mark:,.2f}, closed at "
          f"{event.price:,.2f}; lost {event.loss:,.2f}, of that {event.fee:,.2f} the venue's fee; "
          f"the margin posted was {posted:,.2f}")
    print(f"ladder: {ours.broker.ladder_in_use['ETHUSDT'].describe()}")


if __name__ == "__main__":
    main()
