"""backtrader's broker interface: cash, value, positions, fees, and what is refused with a hint."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import backtrader as bt

from deleverage import account as accounts
from deleverage import book as books
from deleverage import changes
from deleverage.errors import UsageError
from deleverage.lean_orders import LeanBuy, LeanSell
from deleverage.orders import check_tradable
from deleverage.policies import Fees

_NOT_HERE = {
    "set_coc": "cheat-on-close would fill at a price already seen",
    "set_coo": "cheat-on-open would decide on a bar that has already ended",
    "set_filler": "use volume_limit=… (share of a bar's volume)",
    "set_checksubmit": "the account always checks margin",
    "set_shortcash": "shorts post margin like longs",
    "set_int2pnl": "funding is settled from its table",
    "set_eosbar": "bars are stamped with their close",
    "seteosbar": "bars are stamped with their close",
    "set_fundstartval": "equity is counted in quote, in one share",
    "set_slippage_fixed": "use slippage_bp=… (basis points of price)",
    "addcommissioninfo": "use fees=Fees(maker, taker)",
    "add_order_history": "orders come from strategies",
    "set_fund_history": "equity comes from the ledger",
}


def _refused(name: str, why: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> None:
        raise UsageError(f"broker.{name}() has no place on this account: {why}")

    method.__name__ = name
    method.__doc__ = f"Refused: {why}."
    return method


class StockApi(bt.BrokerBase):
    """What an unmodified strategy, sizer, observer or analyzer asks of its broker."""

    # ---------------------------------------------------------------- money

    def getcash(self) -> float:
        """Available margin at mark, after what open orders reserve (quote)."""
        if not self._ready:
            return self.startingcash
        state = self.account.state
        if not state.positions and not self.book:
            return state.free
        return books.free_margin(state, self.book.values(), self._marks(), self.desk)

    get_cash = getcash

    def getvalue(self, datas: Iterable[Any] | None = None) -> float:
        """Equity at mark (quote); of some ``datas`` the signed notional at last."""
        if not self._ready:
            return 0.0 if datas else self.startingcash
        state = self.account.state
        if datas:
            last = {view.symbol: view.last for view in map(self.view_of, datas)}
            return sum(position.size * last[position.symbol]
                       for position in state.positions.values() if position.symbol in last)
        if not state.positions:
            return state.free
        return accounts.equity(state, self._marks())

    get_value = getvalue

    def setcash(self, cash: float) -> None:
        """The opening wallet (quote)."""
        self._only_between_runs("setcash", "; use add_cash")
        if not cash > 0:
            raise UsageError(f"cash must be > 0, found {cash}")
        self.startingcash = float(cash)

    set_cash = setcash

    def add_cash(self, cash: float) -> None:
        """Deposit (or, negative, withdraw) during a run."""
        self.setup()
        if cash < 0 and -cash > self.getcash():
            raise UsageError(f"cannot withdraw {-cash:,.2f}: {self.getcash():,.2f} is available")
        view = self.views[0]
        self.account.commit(changes.deposit(self.account.state, float(cash)), view.bar, view.ts)
        self.account.snapshot(view.bar, view.ts, view.symbol, self._marks())

    # ---------------------------------------------------------------- positions and orders

    def getposition(self, data: Any) -> bt.Position:
        """The position in the instrument of a feed (or of the feed behind a resampled clone)."""
        return self.positions[data]

    def get_orders_open(self, safe: bool = False) -> list[bt.Order]:
        """Open orders in submission order; clones with ``safe``."""
        found = [self._orders.by_ref[ref] for ref in self.book]
        return [order.clone() for order in found] if safe else found

    def orderstatus(self, order: bt.Order) -> int:
        """The status of an order as the broker knows it."""
        return self._orders.by_ref.get(order.ref, order).status

    def buy(self, owner: Any, data: Any, size: float, price: float | None = None,
            plimit: float | None = None, exectype: int | None = None, valid: Any = None,
            tradeid: int = 0, oco: bt.Order | None = None, trailamount: float | None = None,
            trailpercent: float | None = None, parent: bt.Order | None = None,
            transmit: bool = True, **info: Any) -> bt.Order:
        """Send a buy; ``reduce_only=True`` and ``trigger="mark"|"last"`` are understood in info."""
        return self._send(LeanBuy, owner, data, oco, info, size=size, price=price,
                          pricelimit=plimit, exectype=exectype, valid=valid, tradeid=tradeid,
                          trailamount=trailamount, trailpercent=trailpercent, parent=parent,
                          transmit=transmit)

    def sell(self, owner: Any, data: Any, size: float, price: float | None = None,
             plimit: float | None = None, exectype: int | None = None, valid: Any = None,
             tradeid: int = 0, oco: bt.Order | None = None, trailamount: float | None = None,
             trailpercent: float | None = None, parent: bt.Order | None = None,
             transmit: bool = True, **info: Any) -> bt.Order:
        """Send a sell; see :meth:`buy`."""
        return self._send(LeanSell, owner, data, oco, info, size=size, price=price,
                          pricelimit=plimit, exectype=exectype, valid=valid, tradeid=tradeid,
                          trailamount=trailamount, trailpercent=trailpercent, parent=parent,
                          transmit=transmit)

    def _send(self, build: Any, owner: Any, data: Any, oco: bt.Order | None,
              info: dict[str, Any], **values: Any) -> bt.Order:
        if id(data) not in self._by_data:
            check_tradable(data)
        order = build.make(owner=owner, data=data, **values)
        if info:
            info.pop("histnotify", None)
            info.pop("_checksubmit", None)
            order.addinfo(**info)
        self._orders.group(order, oco)
        return self.submit(order)

    # ---------------------------------------------------------------- fees and slippage

    def getcommissioninfo(self, data: Any) -> Any:
        """Margin, fee and size arithmetic of a feed's instrument."""
        view = self.view_of(data)
        self._enrol(view)
        return self.comminfos[view.symbol]

    def setcommission(self, commission: float = 0.0, margin: float | None = None,
                      mult: float = 1.0, commtype: int | None = None, percabs: bool = True,
                      stocklike: bool = False, interest: float = 0.0,
                      interest_long: bool = False, leverage: float = 1.0,
                      automargin: Any = False, name: str | None = None) -> None:
        """The fee of every fill, maker and taker alike; margin and leverage are the broker's."""
        given = {"margin": (margin, None, 'PerpetualBroker(margin="isolated"|"cross")'),
                 "mult": (mult, 1.0, "an instrument whose size is in coin"),
                 "stocklike": (stocklike, False, "nothing: perpetuals are margined"),
                 "interest": (interest, 0.0, "the dataset's funding table"),
                 "interest_long": (interest_long, False, "the dataset's funding table"),
                 "leverage": (leverage, 1.0, "PerpetualBroker(leverage=…)"),
                 "automargin": (automargin, False, "PerpetualBroker(leverage=…)"),
                 "name": (name, None, "one broker fee for all instruments")}
        for argument, (value, default, instead) in given.items():
            if value != default:
                raise UsageError(f"setcommission({argument}=…) has no place on this account; "
                                 f"use {instead}")
        if commtype not in (None, bt.CommInfoBase.COMM_PERC):
            raise UsageError("setcommission(commtype=COMM_FIXED) has no place on this account; "
                             "fees are a share of the notional")
        self._only_between_runs("setcommission")
        self.p.fees = Fees.flat(commission if percabs else commission / 100)

    def set_slippage_perc(self, perc: float, slip_open: bool = True, slip_limit: bool = True,
                          slip_match: bool = True, slip_out: bool = False) -> None:
        """Slippage of market and stop fills as a fraction of price."""
        self._only_between_runs("set_slippage_perc")
        self.p.slippage = None
        self.p.slippage_bp = perc * 10_000

    def _only_between_runs(self, name: str, instead: str = "") -> None:
        if self._running and self._ready:
            raise UsageError(f"broker.{name}() came after the account was opened{instead}")

    for _name, _why in _NOT_HERE.items():
        locals()[_name] = _refused(_name, _why)
    del _name, _why
