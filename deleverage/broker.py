"""The broker: backtrader's interface on the account.

Execution is written on the ledger; nothing of backtrader's BackBroker is inherited. What happens
inside a bar is described in docs/inside-one-bar.md.
"""

from __future__ import annotations

from typing import Any

import backtrader as bt

from deleverage import account as accounts
from deleverage import notices, policies, venues
from deleverage.account import Terms
from deleverage.book import Desk
from deleverage.comminfo import PerpetualCommInfo
from deleverage.errors import UsageError, unknown_name
from deleverage.execution import Clerk, Positions
from deleverage.feedview import FeedView
from deleverage.funding import Treasurer
from deleverage.journal import Journal
from deleverage.ledger import Account
from deleverage.matching import Walk, may_act, walk
from deleverage.orders import Orders, source_of
from deleverage.policies import InsideBar
from deleverage.reception import Reception
from deleverage.steps import Bar, Liquidated
from deleverage.venues.ladder import LadderUse


class PerpetualBroker(Reception):
    """An account at a venue for leveraged perpetuals.

    Parameters: ``venue`` (a name or VenueRules), ``leverage``, ``margin`` isolated | cross,
    ``cash`` the opening wallet (quote), ``ladder`` a JSON/TOML file or Ladder instead of the
    bundled one, ``path`` adverse | favourable | ohlc, ``fill`` through | touch, ``entry_bar`` live
    | backtrader, ``missing`` fail | impute | skip for absent funding and mark, ``mark="last"`` to
    judge liquidation on the last price, ``fees`` (Fees; default the venue's), ``slippage_bp`` on
    market and stop fills, ``stop_trigger`` last | mark (default the venue's), ``on_liquidation``
    continue | stop. A misspelt parameter raises UnknownName.

    After a run: ``journal``, ``account``, ``ladder_in_use`` by symbol.
    """

    params = (
        ("venue", "binance"), ("leverage", 10.0), ("margin", "isolated"), ("cash", 10_000.0),
        ("ladder", None), ("path", "adverse"), ("fill", "through"), ("entry_bar", "live"),
        ("missing", "fail"), ("mark", None), ("fees", None), ("slippage_bp", 0.0),
        ("stop_trigger", None), ("on_liquidation", "continue"),
    )

    def __init__(self, **unknown: Any) -> None:
        for name in unknown:
            raise unknown_name("broker parameter", name, self.p._getkeys())
        p = self.p
        policies.one_of("margin mode", p.margin, policies.MARGIN_MODES)
        policies.one_of("missing policy", p.missing, policies.MISSING)
        policies.one_of("after a liquidation", p.on_liquidation, policies.AFTER_LIQUIDATION)
        if p.mark is not None:
            policies.one_of("mark", p.mark, ("last",))
        if p.stop_trigger is not None:
            policies.one_of("trigger price", p.stop_trigger, ("last", "mark"))
        if isinstance(p.venue, str):
            policies.one_of("venue", p.venue, venues.names())
        if not p.cash > 0 or not p.leverage > 0 or not p.slippage_bp >= 0:
            raise UsageError(f"cash and leverage must be > 0 and slippage_bp ≥ 0, found cash="
                             f"{p.cash}, leverage={p.leverage}, slippage_bp={p.slippage_bp}")
        self.inside_bar = InsideBar(p.path, p.fill, p.entry_bar)
        self.startingcash = float(p.cash)
        self._running = False
        super().__init__()

    # ---------------------------------------------------------------- life of a run

    def init(self) -> None:
        """Forget everything of an earlier run; called by the constructor and at every start."""
        self.journal = Journal()
        self.ladder_in_use: dict[str, LadderUse] = {}
        self.views: list[FeedView] = []
        self.book = {}
        self.account = Account(Terms(self.p.margin, {}, {}), self.journal)
        self.positions = Positions()
        self._orders = Orders()
        self._stopping = False
        self._ready = False

    def start(self) -> None:
        """A run begins: everything of an earlier one is forgotten."""
        super().start()
        self._running = True

    def stop(self) -> None:
        """A run has ended; its journal and account stay until the next."""
        self._running = False

    def setup(self) -> None:
        """Look at the loaded feeds: instruments, ladders, leverage. Idempotent, called lazily."""
        if self._ready:
            return
        p = self.p
        slip = p.slippage_bp / 10_000
        self.views = [FeedView(data, p.mark, p.missing, slip)
                      for data in self.cerebro.datas if _is_source(data)]
        self._by_data = {id(view.data): view for view in self.views}
        self.desk = Desk(Terms(p.margin, {}, {}), {}, {})
        self.comminfos: dict[str, PerpetualCommInfo] = {}
        self.account = Account(self.desk.terms, self.journal)
        self._clerk = Clerk(self.account, self._orders, {}, self.comminfos, self.positions)
        self._treasurer = Treasurer(self.account, p.missing)
        perpetuals = [view for view in self.views if view.columns is not None]
        _refuse_twins([view.symbol for view in perpetuals])
        if perpetuals:  # what the run is about: its ladder and leverage are checked at once
            self._enrol(perpetuals[0])
        starts = [view.started for view in self.views if view.started is not None]
        self.account.commit(accounts.deposit(self.account.state, self.startingcash), -1,
                            min(starts, default=0))
        self._ready = True

    def _enrol(self, view: FeedView) -> None:
        """Make a feed's instrument tradable; a further feed nobody trades needs no ladder."""
        symbol, p = view.symbol, self.p
        if self._clerk.views.get(symbol) is view:
            return
        view.check_tradable()
        _refuse_twins([symbol, *self._clerk.views])
        rules = p.venue if isinstance(p.venue, venues.VenueRules) else venues.get(
            p.venue, symbol=symbol, at=view.started, ladder=p.ladder)
        if isinstance(rules, venues.InverseRules):
            raise UsageError(f"{rules.name} {rules.product}: the account trades linear contracts; "
                             "rules of inverse ones answer margins and prices only")
        venues.check_leverage(rules, p.leverage)
        fees = p.fees or rules.fees
        self.desk.terms.rules[symbol] = rules
        self.desk.terms.leverage[symbol] = float(p.leverage)
        self.desk.fees[symbol] = fees
        self.desk.instruments[symbol] = view.instrument
        self.ladder_in_use[symbol] = rules.use
        self.comminfos[symbol] = PerpetualCommInfo(view.instrument, fees, p.leverage)
        self._clerk.enrol(view)

    # ---------------------------------------------------------------- one step of the clock

    def next(self) -> None:
        """Walk the bars that have just ended: open and path, then the close with its funding."""
        if not self._ready:
            self.setup()
        if self._stopping:  # a bar later, so that the strategy has heard of the liquidation
            self.cerebro.runstop()
            return
        moved = []
        for view in self.views:
            length = len(view.data)
            if length != view.seen:
                view.seen = length
                moved.append(view)
        if not self.book and not self.account.state.positions:
            return
        self._expire()
        if self.inside_bar.entry_bar == "backtrader":
            self._activate_children()
        involved = {working.symbol for working in self.book.values()}
        involved.update(self.account.state.positions)
        moved = [view for view in moved if view.symbol in involved]
        bars = {view.symbol: view.current() for view in moved}
        for view in moved:
            self._inside(view, bars)
        for view in moved:
            self._at_close(view, bars)

    def _inside(self, view: FeedView, bars: dict[str, Bar]) -> None:
        bar, symbol = bars[view.symbol], view.symbol
        self._arm(view)
        if not self._may_happen(bar, bars):
            return
        others = self._others(symbol, bars)
        done = walk(self.desk, self.inside_bar, bar, self.account.state, self.book, others)
        self._carry_out(done, view)

    def _carry_out(self, done: Walk, view: FeedView) -> None:
        marks = self._marks()
        self.book = dict(done.book)
        for step in done.steps:
            self._clerk.apply(step, view, marks)
            if isinstance(step, Liquidated) and self.p.on_liquidation == "stop":
                self._stopping = True
        if done.steps:
            self._note_worst(view, done.worst)

    def _may_happen(self, bar: Bar, bars: dict[str, Bar]) -> bool:
        """A superset of the bars in which matching or liquidation does anything."""
        for order in self.book.values():
            if order.symbol == bar.symbol and may_act(order, bar):
                return True
        position = self.account.state.positions.get(bar.symbol)
        if position is None:
            return False
        level = accounts.liquidation_price(self.account.state, bar.symbol,
                                           self._others(bar.symbol, bars), self.desk.terms)
        if level is None:
            return False
        return bar.mark.low <= level if position.size > 0 else bar.mark.high >= level

    def _at_close(self, view: FeedView, bars: dict[str, Bar]) -> None:
        positions = self.account.state.positions
        if view.symbol in positions:
            bar = bars[view.symbol]
            for number in view.settlements.get(view.bar, ()):
                self._settle(view, bar, number)
            if view.symbol in self.account.state.positions and len(positions) > 1:
                self._check_at_close(view, bar, "cross")
        for ref, working in list(self.book.items()):
            if working.symbol == view.symbol:
                self.book[ref] = self._orders.trailed(working, view.last)

    def _settle(self, view: FeedView, bar: Bar, number: int) -> None:
        """One settlement of funding, then the maintenance check of the same instant."""
        if view.symbol not in self.account.state.positions:
            return
        extreme, owner = self._bar_worst(view, bar), self._clerk.owner(view.symbol)
        payment = self._treasurer.settle(view, number, self._marks())
        self._note_worst(view, min(extreme, self.getvalue()))
        notices.funding(owner, payment)
        self._check_at_close(view, bar, "funding")

    def _check_at_close(self, view: FeedView, bar: Bar, cause: str) -> None:
        """Funding, or another instrument's mark, may have used up the margin at this instant."""
        check = Walk(self.desk, self.inside_bar, bar, self.account.state, self.book,
                     self._marks())
        check.last, check.mark = bar.last.close, bar.mark.close
        check.worst = check.end_equity()
        if check.check_liquidation(cause=cause):
            self._carry_out(check, view)

    # ---------------------------------------------------------------- small parts

    def _marks(self) -> dict[str, float]:
        return {view.symbol: view.mark for view in self.views if view.seen}

    def _others(self, symbol: str, bars: dict[str, Bar]) -> dict[str, float]:
        """Marks at which the other positions count while ``symbol`` moves inside the bar."""
        positions = self.account.state.positions
        if len(self.views) < 2:
            return {}
        marks = self._marks()
        if self.inside_bar.path != "ohlc" and not self.desk.terms.isolated:
            worst = self.inside_bar.path == "adverse"
            for name, position in positions.items():
                if name != symbol and name in bars:
                    mark = bars[name].mark
                    marks[name] = mark.low if (position.size > 0) == worst else mark.high
        return marks

    def _bar_worst(self, view: FeedView, bar: Bar) -> float:
        known = self.journal.worst_equity.get(view.ts)
        if known is not None:
            return known
        marks = self._marks()
        size = self.account.state.positions[view.symbol].size
        marks[view.symbol] = bar.mark.low if size > 0 else bar.mark.high
        return accounts.equity(self.account.state, marks)

    def _note_worst(self, view: FeedView, value: float) -> None:
        worst = self.journal.worst_equity
        worst[view.ts] = min(worst.get(view.ts, value), value)

    def view_of(self, data: Any) -> FeedView:
        """The account's view of a feed or of the feed behind its clone."""
        self.setup()
        view = self._by_data.get(id(source_of(data)))
        if view is None:
            raise UsageError(f"feed {data._name!r} is not part of this run")
        return view

    def get_notification(self) -> bt.Order | None:
        """The next queued order notification; None ends the step."""
        return self._orders.queue.popleft() if self._orders.queue else None


def _refuse_twins(symbols: list[str]) -> None:
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            raise UsageError(f"two feeds of the same instrument {symbol!r}: an account trades each "
                             "instrument on one feed (resampledata gives the others)")


def _is_source(data: Any) -> bool:
    return not getattr(data, "_clone", False) and not getattr(data, "resampling", 0) \
        and not getattr(data, "replaying", 0)
