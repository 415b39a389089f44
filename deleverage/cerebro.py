"""``deleverage.Cerebro``: backtrader's engine without the standard observers."""

from __future__ import annotations

import backtrader as bt


class Cerebro(bt.Cerebro):
    """A bt.Cerebro whose ``stdstats`` default to False; everything else is backtrader's."""

    params = (("stdstats", False),)
