"""How large an entry is: a share of equity as margin, or a fixed notional."""

from __future__ import annotations

from typing import Any

import backtrader as bt

from deleverage.errors import UsageError


class MarginFraction(bt.Sizer):
    """Post ``fraction`` of equity as initial margin: notional = fraction × leverage × equity.

    ``notional_leverage`` fixes the leverage in that product (None: the broker's), so that the same
    notional can be tried at another leverage. The size is cut to the lot step, and so that margin
    and opening fee together fit what is available.
    """

    params = (("fraction", 0.20), ("notional_leverage", None))

    def _getsizing(self, comminfo: Any, cash: float, data: Any, isbuy: bool) -> float:
        if not self.p.fraction > 0:
            raise UsageError(f"margin fraction must be > 0, found {self.p.fraction}")
        leverage = self.p.notional_leverage or comminfo.set_leverage
        notional = self.p.fraction * leverage * self.broker.getvalue()
        return _affordable(comminfo, notional, cash, data.close[0])


class FixedNotional(bt.Sizer):
    """The same notional (quote) for every entry, as far as margin and fee can be afforded."""

    params = (("notional", 10_000.0),)

    def _getsizing(self, comminfo: Any, cash: float, data: Any, isbuy: bool) -> float:
        if not self.p.notional > 0:
            raise UsageError(f"notional must be > 0, found {self.p.notional}")
        return _affordable(comminfo, self.p.notional, cash, data.close[0])


def _affordable(comminfo: Any, notional: float, cash: float, price: float) -> float:
    """Coins for a notional, reduced only where the opening fee would not be covered."""
    if cash <= 0 or notional <= 0:
        return 0.0
    margin, fee = notional / comminfo.set_leverage, notional * comminfo.fees.taker
    # the fee is part of the affordability check; a notional whose margin alone is beyond the
    # account is sent as it is and refused with its reason
    if margin <= cash < margin + fee:
        notional *= cash / (margin + fee)
    return comminfo.getsize(price, notional)
