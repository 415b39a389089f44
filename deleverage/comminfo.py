"""The commission-info object strategies and sizers ask, answered from the account's own terms."""

from __future__ import annotations

import backtrader as bt

from deleverage.instrument import Instrument
from deleverage.policies import Fees


class PerpetualCommInfo(bt.CommInfoBase):
    """Margin, fee and size arithmetic of one instrument; ``leverage`` 1 and no interest of its own.

    It books nothing: the account does. ``get_margin`` is the initial margin of one coin.
    """

    params = (("stocklike", False), ("commtype", bt.CommInfoBase.COMM_PERC), ("percabs", True))

    def __init__(self, instrument: Instrument, fees: Fees, leverage: float) -> None:
        self.p.commission = fees.taker
        super().__init__()
        self.instrument = instrument
        self.fees = fees
        self.set_leverage = leverage

    def get_margin(self, price: float) -> float:
        """Initial margin of one coin at a price."""
        return price / self.set_leverage

    def getsize(self, price: float, cash: float) -> float:
        """Coins a notional of ``cash`` buys at a price, cut to the lot step."""
        return self.instrument.round_size(cash / price)

    def getoperationcost(self, size: float, price: float) -> float:
        """Initial margin an opening of ``size`` would post (quote)."""
        return abs(size) * price / self.set_leverage

    def getvaluesize(self, size: float, price: float) -> float:
        """Signed notional (quote)."""
        return size * price

    def getvalue(self, position: bt.Position, price: float) -> float:
        """Signed notional of a position (quote)."""
        return position.size * price

    def profitandloss(self, size: float, price: float, newprice: float) -> float:
        """Profit of ``size`` from ``price`` to ``newprice`` (quote)."""
        return size * (newprice - price)

    def getcommission(self, size: float, price: float) -> float:
        """Taker fee of a fill (quote, ≥ 0)."""
        return abs(size) * price * self.fees.taker

    def cashadjust(self, size: float, price: float, newprice: float) -> float:
        """Nothing: the ledger values positions, no cash is moved per bar."""
        return 0.0

    def get_credit_interest(self, data, pos, dt) -> float:
        """Nothing: perpetuals pay funding, which the account settles from its table."""
        return 0.0
