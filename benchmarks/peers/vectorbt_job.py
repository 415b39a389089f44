"""The job in vectorbt: ``Portfolio.from_order_func`` with a compiled order function.

Decided on the close before, filled at the open of the row; features by NumPy.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio import nb

from benchmarks.peers.job_file import CASH, Made, Market, answer
from benchmarks.signals import GRID, YEAR_RULE, Features, Rule, entries


@njit
def decide(c, opened, close, enter, of, stop, target, since, entry, hold, notional, fee):
    """One order, or none, at the open of a row from the close before it."""
    row, col = c.i, c.col
    if row == 0:
        return nb.order_nothing_nb()
    before = row - 1
    if c.position_now > 0:
        if close[before] >= entry[col] * (1 + target[col]) \
                or close[before] <= entry[col] * (1 - stop[col]) or before - since[col] >= hold:
            return nb.order_nb(size=-c.position_now, price=opened[row], fees=fee)
    elif enter[before, of[col]]:
        since[col], entry[col] = row, opened[row]
        size = np.rint(notional / close[before] * 1000.0) / 1000.0
        return nb.order_nb(size=size, price=opened[row], fees=fee)
    return nb.order_nothing_nb()


def portfolio(market: Market, features: Features, rules: Sequence[Rule]) -> vbt.Portfolio:
    """All rules side by side, one column each; one mask per threshold and decay."""
    opened, close = market.columns["open"], market.columns["close"]
    masks = list(dict.fromkeys((rule.threshold, rule.decay) for rule in rules))
    enter = np.zeros((len(close), len(masks)), dtype=np.bool_)
    for number, (threshold, decay) in enumerate(masks):
        enter[entries(Rule(threshold, decay), close, features), number] = True
    of = np.array([masks.index((rule.threshold, rule.decay)) for rule in rules])
    stop, target = (np.array([getattr(rule, name) for rule in rules])
                    for name in ("stop", "target"))
    wide = np.repeat(close[:, None], len(rules), axis=1)
    return vbt.Portfolio.from_order_func(
        wide, decide, opened, close, enter, of, stop, target,
        np.zeros(len(rules), np.int64), np.zeros(len(rules)), YEAR_RULE.hold,
        YEAR_RULE.notional, YEAR_RULE.fee, init_cash=CASH)


def main() -> None:
    """DATA ROUNDS [sweep]; the sweep is of twenty combinations, for memory's sake."""
    path = sys.argv[1]

    def once() -> Made:
        market = Market.read(path)
        result = portfolio(market, market.features(), [YEAR_RULE])
        orders = result.orders.values
        bought = orders["side"] == 0
        return Made(orders["idx"][bought].tolist(), orders["idx"][~bought].tolist(),
                    float(np.ravel(result.final_value())[0]) - CASH)

    def sweep(rules: Sequence[Rule]) -> int:
        market = Market.read(path)
        result = portfolio(market, market.features(), rules)
        result.final_value()
        return int((result.orders.values["side"] == 1).sum())

    answer(vbt.__version__, once, int(sys.argv[2]), sweep if "sweep" in sys.argv else None,
           GRID[::10])


if __name__ == "__main__":
    main()
