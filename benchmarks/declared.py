"""What a compiled path for declared rules would cost: the loop with the account inside.

Not a part of the product: a measurement for docs/performance.md. The rule is given as numbers, so
that its whole life can be compiled: isolated margin at a set leverage, both fees, every settlement
of funding while it is held, and each bar's mark against the liquidation price. It agrees with the
engine on every combination as long as nothing is liquidated, and says where something would be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.signals import REBOUND, Features, Floats, Ints, Rule
from benchmarks.yardstick import compiled
from deleverage import venues
from deleverage.columns import MarketColumns


@dataclass(frozen=True)
class Ready:
    """A market and its features as the arrays the loop reads, made once for a sweep."""

    opened: Floats
    close: Floats
    mark_low: Floats
    features: Features
    settled: Ints  # bar of each settlement, ascending
    paid: Floats  # what one coin held long pays at it
    maintenance: float  # rate of the lowest bracket
    upper: float  # notional up to which that rate holds

    @classmethod
    def of(cls, columns: MarketColumns, features: Features) -> Ready:
        """From a market's columns; Binance's ladder on its first day."""
        lines, funding = columns.lines, columns.funding
        rules = venues.get("binance", symbol=columns.market.instrument.symbol,
                           at=int(columns.close_ns[0]))
        first = rules.bracket(1.0)
        return cls(np.array(lines["open"]), np.array(lines["close"]),
                   np.array(columns.execution_mark.low), features, np.array(funding.bar),
                   funding.rate * funding.price, first.rate, first.upper)


@dataclass(frozen=True)
class Declared:
    """What the loop made: bars of the fills, the wallet at the end, whether a mark came too low."""

    entered: Ints
    left: Ints
    equity: float
    liquidated: bool


def declared(ready: Ready, rule: Rule, cash: float, leverage: float) -> Declared:
    """One rule. Raises ValueError where its notional may leave the lowest bracket."""
    if rule.notional * (1 + rule.target) > ready.upper / 2:
        raise ValueError("the loop knows the lowest bracket only")
    found = ready.features
    entered, left, equity, liquidated = _run(
        ready.opened, ready.close, ready.mark_low, found.peak, found.flow, found.flow_peak,
        found.floor, ready.settled, ready.paid, ready.maintenance, rule.threshold, rule.decay,
        REBOUND, rule.stop, rule.target, rule.hold, rule.notional, rule.fee, cash, leverage)
    return Declared(entered, left, equity, liquidated)


@compiled
def _run(opened, close, mark_low, peak, flow, flow_peak, floor, settled, paid,  # type: ignore[no-untyped-def]
         maintenance, threshold, decay, rebound, stop, target, hold, notional, fee, cash, leverage):
    """:func:`benchmarks.yardstick._walk` with fees, funding, margin and the liquidation price."""
    bars = len(close)
    entered, left = np.empty(bars, np.int64), np.empty(bars, np.int64)
    trades, closed, wallet, bar, due = 0, 0, cash, 0, 0
    liquidated = False
    while bar < bars - 1:
        if not (peak[bar] > threshold and flow[bar] < decay * flow_peak[bar]
                and close[bar] > floor[bar] * rebound):
            bar += 1
            continue
        size = np.rint(notional / close[bar] * 1000.0) / 1000.0
        since = bar + 1
        entry = opened[since]
        high, low = entry * (1 + target), entry * (1 - stop)
        level = entry * (1 - 1 / leverage) / (1 - maintenance)
        entered[trades] = since
        trades += 1
        wallet -= fee * size * entry
        while due < len(settled) and settled[due] < since:
            due += 1
        bar = since
        while True:
            if mark_low[bar] <= level:
                liquidated = True
            if due < len(settled) and settled[due] == bar:
                wallet -= size * paid[due]
                due += 1
            if close[bar] >= high or close[bar] <= low or bar - since >= hold:
                break
            if bar == bars - 1:
                break
            bar += 1
        if bar + 1 >= bars:
            break
        bar += 1
        left[closed] = bar
        closed += 1
        wallet += size * (opened[bar] - entry) - fee * size * opened[bar]
    return entered[:trades].copy(), left[:closed].copy(), wallet, liquidated
