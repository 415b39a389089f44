"""SYNTHETIC markets and strategies that runs in these tests share."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import numpy as np

from deleverage.columns import MarketColumns
from deleverage.results import RunResult
from deleverage.runner import run
from deleverage.spec import RunSpec
from tests.markets import random_market


class Wobbler(bt.Strategy):  # type: ignore[misc]
    """Enters, adds, halves, reverses and leaves at random bars, long and short."""

    params = (("seed", 0), ("every", 25))

    def __init__(self) -> None:
        self.chance = np.random.default_rng(self.p.seed)

    def next(self) -> None:
        """One random action now and then."""
        if self.chance.random() > 1.0 / self.p.every:
            return
        action = self.chance.integers(0, 6)
        size = self.position.size
        if not size:
            (self.buy if action % 2 else self.sell)()
        elif action == 0:
            self.close()
        elif action == 1:
            (self.sell if size > 0 else self.buy)(size=abs(size) / 2)
        elif action == 2:
            (self.buy if size > 0 else self.sell)()
        elif action == 3:
            (self.sell if size > 0 else self.buy)(size=2 * abs(size))
        elif action == 4:
            price = self.data.close[0]
            (self.sell if size > 0 else self.buy)(exectype=bt.Order.Stop, size=abs(size),
                                                  price=price * (0.99 if size > 0 else 1.01))


def wobble(seed: int, bars: int = 1_500, columns: MarketColumns | None = None,
           **fields: Any) -> tuple[RunResult, MarketColumns]:
    """A run of Wobbler on a random market, and the market."""
    market = random_market(seed, bars, step="5m") if columns is None else columns
    params = {"seed": seed, **fields.pop("params", {})}
    made = RunSpec(data="test", strategy="wobbler", params=params, **fields)
    return run(made, market, Wobbler), market
