"""A strategy that buys into a fall with a ladder of limits, each with its stop and its target.

It is made to meet everything an account can meet in a cascade (limits, stops, cancels, market
exits, liquidation), not to earn money: scripts/stress_table.py puts it through two of them. By
hand, for instance

    python run_backtest.py run --data eth --strategy scripts/falling_ladder.py:FallingLadder \\
        --leverage 25 --from 2026-01-31 --to 2026-02-03
"""

from __future__ import annotations

from typing import Any

import backtrader as bt


class FallingLadder(bt.Strategy):
    """Limit buys under a market that has fallen.

    Flat, at a close ``fall`` below the highest price of the last ``look`` bars, it sends a limit at
    each of ``rungs`` under that close, all of one size; together they post what the run's size rule
    gives. Each carries a stop ``stop`` under and a target ``target`` over its own price, live from
    its fill on. Rungs that have not filled after ``patience`` bars are cancelled; what is still
    held after ``hold`` bars is closed at the market. All but the two last in shares of a price.
    """

    params: Any = (
        ("fall", 0.02), ("look", 12), ("rungs", (0.005, 0.015, 0.03)), ("stop", 0.025),
        ("target", 0.015), ("patience", 6), ("hold", 24),
    )

    def __init__(self) -> None:
        self.highest = bt.ind.Highest(self.data.high, period=self.p.look)
        self.forget()

    def forget(self) -> None:
        """No ladder is out."""
        self.brackets: list[list[Any]] = []  # entry, stop, target
        self.sent_at = 0
        self.leaving: Any = None

    def next(self) -> None:
        """Look after the ladder that is out, or send one."""
        working = [order for bracket in self.brackets for order in bracket if order.alive()]
        held = self.position.size
        if not held and not working:
            self.forget()
            if self.data.close[0] <= self.highest[0] * (1.0 - self.p.fall):
                self.send()
            return
        age = len(self) - self.sent_at
        if held and age >= self.p.hold:
            self.leave(working)
        elif age >= self.p.patience:
            for entry, *_ in self.brackets:
                if entry.alive():
                    self.cancel(entry)

    def send(self) -> None:
        """A limit with its stop and target at every rung."""
        self.sent_at = len(self)
        size = self.getsizing(self.data, isbuy=True) / len(self.p.rungs)
        for rung in self.p.rungs:
            price = self.data.close[0] * (1.0 - rung)
            self.brackets.append(self.buy_bracket(
                size=size, price=price, exectype=bt.Order.Limit,
                stopprice=price * (1.0 - self.p.stop), limitprice=price * (1.0 + self.p.target)))

    def leave(self, working: list[Any]) -> None:
        """Take everything off the book and close at the market; once, unless that was refused."""
        for order in working:
            self.cancel(order)
        if self.leaving is None or not self.leaving.alive():
            self.leaving = self.close(reduce_only=True)
