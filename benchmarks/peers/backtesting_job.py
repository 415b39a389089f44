"""The job in backtesting.py: ``FractionalBacktest``, one ``next()`` a bar, features by NumPy.

Decided on a close, filled at the next open, in units of 0.001 coins. What it does not model here:
margin by brackets and liquidation, a mark, funding. It has no sweep on features made once: its
``optimize`` runs the same engine again for each combination, as the sweep here does.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

import backtesting
import numpy as np
import pandas as pd
from backtesting import Strategy
from backtesting.lib import FractionalBacktest

from benchmarks.peers.protocol import CASH, Made, Market, serve
from benchmarks.signals import YEAR_RULE, Features, Rule, entries

UNIT = 0.001


class Exhausted(Strategy):
    """The rule; what it compares is read from arrays, which is faster than the engine's own."""

    market: Market
    mask: np.ndarray
    rule: Rule

    def init(self) -> None:
        """Everything is ready."""
        self.opened, self.shut = self.market.columns["open"], self.market.columns["close"]

    def next(self) -> None:
        """One decision on each close, filled at the next open."""
        bar = len(self.data) - 1
        close, rule = self.shut[bar], self.rule
        if self.position:
            since = self.trades[0].entry_bar
            entry = self.opened[since]
            if close >= entry * (1 + rule.target) or close <= entry * (1 - rule.stop) \
                    or bar - since >= rule.hold:
                self.position.close()
        elif self.mask[bar]:
            self.buy(size=round(round(rule.notional / close, 3) / UNIT))


def run(market: Market, features: Features, rule: Rule) -> Any:
    """One run; the raw statistics."""
    columns = market.columns
    mask = np.zeros(len(columns["close"]), dtype=np.bool_)
    mask[entries(rule, columns["close"], features)] = True
    data = pd.DataFrame({name.capitalize(): columns[name] for name in
                         ("open", "high", "low", "close", "volume")},
                        index=pd.to_datetime(market.close_ns))
    kind = type("Job", (Exhausted,), {"market": market, "mask": mask, "rule": rule})
    return FractionalBacktest(data, kind, fractional_unit=UNIT, cash=CASH, commission=rule.fee,
                              finalize_trades=False).run()


def main() -> None:
    """FOLDER: the year; a sweep one combination after the other."""
    warnings.simplefilter("ignore")
    path = sys.argv[1]

    def once() -> Made:
        market = Market.read(path)
        found = run(market, market.features(), YEAR_RULE)
        trades = found._trades
        return Made(trades.EntryBar.tolist(), trades.ExitBar.tolist(),
                    float(found["Equity Final [$]"]) - CASH)

    def sweep(rules: Sequence[Rule]) -> list[int]:
        market = Market.read(path)
        features = market.features()
        return [len(run(market, features, rule)._trades) for rule in rules]

    serve(backtesting.__version__, once, sweep)


if __name__ == "__main__":
    main()
