"""The job in vectorbt: ``Portfolio.from_order_func`` with a compiled order function.

Decided on the close before, filled at the open of the row; features by NumPy. What it does not
model here: margin, liquidation, a mark, funding. Each column of a sweep holds the year's bars again
and so do its masks, so that memory grows with combinations times bars.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio import nb

from benchmarks.peers.protocol import CASH, Made, Market, serve
from benchmarks.signals import YEAR_RULE, Features, Rule, entries


@njit
def decide(c, opened, close, enter, of, stop, target,  # type: ignore[no-untyped-def]
           since, entry, hold, notional, fee):
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
    """FOLDER: the year in one column; a sweep with one column a combination."""
    path = sys.argv[1]

    def once() -> Made:
        market = Market.read(path)
        result = portfolio(market, market.features(), [YEAR_RULE])
        orders = result.orders.values
        bought = orders["side"] == 0
        return Made(orders["idx"][bought].tolist(), orders["idx"][~bought].tolist(),
                    float(np.ravel(result.final_value())[0]) - CASH)

    def sweep(rules: Sequence[Rule]) -> list[int]:
        market = Market.read(path)
        result = portfolio(market, market.features(), rules)
        result.final_value()
        orders = result.orders.values
        counts: list[int] = np.bincount(orders["col"][orders["side"] == 1],
                                        minlength=len(rules)).tolist()
        return counts

    serve(vbt.__version__, once, sweep)


if __name__ == "__main__":
    main()
