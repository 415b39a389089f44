"""The broker: backtrader's interface on the account.

Execution is written on the ledger; nothing of backtrader's BackBroker is inherited. What happens
inside a bar is described in docs/inside-one-bar.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import backtrader as bt

from deleverage import account as accounts
from deleverage import changes, policies, slippage, timestamps, venues
from deleverage.account import State, Terms
from deleverage.adjusting import Adjusting
from deleverage.band import around
from deleverage.book import Desk, Kind
from deleverage.comminfo import PerpetualCommInfo
from deleverage.errors import UsageError, unknown_name
from deleverage.execution import Clerk, Positions
from deleverage.feedview import FeedView
from deleverage.funding import Treasurer
from deleverage.journal import Journal
from deleverage.ledger import Account
from deleverage.matching import Walk, may_act, walk
from deleverage.moments import as_adl, as_outages
from deleverage.orders import Orders, source_of
from deleverage.policies import InsideBar
from deleverage.steps import Bar, Deleveraged, Liquidated
from deleverage.venues.ladder import LadderUse

Instant = list[tuple[FeedView, int]]  # feeds whose (finer) bars end together, and which ones


class PerpetualBroker(Adjusting):
    """An account at a venue for leveraged perpetuals.

    Parameters: ``venue`` (a name or VenueRules), ``leverage``, ``margin`` isolated | cross,
    ``cash`` the opening wallet (quote), ``ladder`` a JSON/TOML file or Ladder instead of the
    bundled one, ``path`` adverse | favourable | ohlc, ``fill`` through | touch, ``entry_bar`` live
    | backtrader, ``missing`` fail | impute | skip for absent funding and mark, ``mark="last"`` to
    judge liquidation on the last price, ``fees`` (Fees; default the venue's), ``slippage`` (a
    policy or its text, see deleverage.slippage) or ``slippage_bp`` on taker fills,
    ``volume_limit`` the share of a bar's volume that one's fills in it may take, ``latency`` bars
    until an order or cancel reaches the venue, ``outage`` (from, to) pairs, ``adl`` AdlEvents,
    ``off_tick`` round | refuse, ``liquidation`` venue | takeover, ``stop_trigger`` last | mark
    (default the venue's), ``hedge`` True for both sides at once (a buy opens the long, a sale the
    short; ``reduce_only`` or ``position_side`` closes, which close() must be told: it knows the net
    position only), ``on_liquidation`` continue | stop. A misspelt parameter raises UnknownName.

    After a run: ``journal``, ``account``, ``ladder_in_use`` by symbol (the one it began with) and
    ``ladder_changes``, what replaced it while the run went on.
    """

    params = (
        ("venue", "binance"), ("leverage", 10.0), ("margin", "isolated"), ("cash", 10_000.0),
        ("ladder", None), ("path", "adverse"), ("fill", "through"), ("entry_bar", "live"),
        ("missing", "fail"), ("mark", None), ("fees", None), ("slippage_bp", 0.0),
        ("stop_trigger", None), ("on_liquidation", "continue"), ("liquidation", "venue"),
        ("slippage", None), ("volume_limit", None), ("latency", 0), ("outage", ()), ("adl", ()),
        ("off_tick", "round"), ("hedge", False),
    )

    def __init__(self, **unknown: Any) -> None:
        for name in unknown:
            raise unknown_name("broker parameter", name, self.p._getkeys())
        p = self.p
        for kind, value, known in (
            ("margin mode", p.margin, policies.MARGIN_MODES),
            ("missing policy", p.missing, policies.MISSING),
            ("after a liquidation", p.on_liquidation, policies.AFTER_LIQUIDATION),
            ("liquidation", p.liquidation, policies.LIQUIDATIONS),
            ("off_tick rule", p.off_tick, policies.OFF_TICK),
            ("mark", p.mark or "last", ("last",)),
            ("trigger price", p.stop_trigger or "last", policies.STOP_TRIGGERS),
        ):
            policies.one_of(kind, value, known)
        if isinstance(p.venue, str):
            policies.one_of("venue", p.venue, venues.names())
        self._check_numbers()
        self.inside_bar = InsideBar(p.path, p.fill, p.entry_bar)
        self.slippage = self._slippage()
        self.outages = as_outages(p.outage)
        self.adl = as_adl(p.adl)
        self.startingcash = float(p.cash)
        self._running = False
        super().__init__()

    def _check_numbers(self) -> None:
        p = self.p
        if not p.cash > 0 or not p.leverage > 0 or not p.slippage_bp >= 0:
            raise UsageError(f"cash and leverage must be > 0 and slippage_bp ≥ 0, found cash="
                             f"{p.cash}, leverage={p.leverage}, slippage_bp={p.slippage_bp}")
        if not isinstance(p.hedge, bool):
            raise UsageError(f"hedge must be True or False, found {p.hedge!r}")
        if isinstance(p.latency, bool) or not (isinstance(p.latency, int) and p.latency >= 0):
            raise UsageError(f"latency must be a whole number of bars ≥ 0, found {p.latency}")
        if p.volume_limit is not None and not 0 < p.volume_limit <= 1:
            raise UsageError("volume_limit must be a share of a bar's volume, above 0 and at most "
                             f"1, found {p.volume_limit}")

    def _slippage(self) -> slippage.Slippage:
        given, flat = self.p.slippage, self.p.slippage_bp
        if given is None:
            return slippage.FixedBp(flat)
        if flat:
            raise UsageError(f"slippage and slippage_bp exclude one another: found {given!r} and "
                             f"{flat}")
        return slippage.parse(given) if isinstance(given, str) else given

    # ---------------------------------------------------------------- life of a run

    def init(self) -> None:
        """Forget everything of an earlier run; called by the constructor and at every start."""
        self.journal = Journal()
        self.ladder_in_use: dict[str, LadderUse] = {}
        self.ladder_changes: list[tuple[int, str, LadderUse]] = []  # since when (UTC ns), symbol
        self._coming: dict[str, deque[tuple[int, venues.VenueRules]]] = {}
        self.views: list[FeedView] = []
        self._by_data: dict[int, FeedView] = {}
        self.book = {}
        self.transit = deque()
        self._band = None
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
        # set_slippage_perc may have come after the constructor
        self.slippage = self._slippage()
        self.views = [FeedView(data, p.mark, p.missing, self.adl)
                      for data in self.cerebro.datas if _is_source(data)]
        self._by_data = {id(view.data): view for view in self.views}
        self.desk = Desk(Terms(p.margin, {}, {}, bool(p.hedge)), {}, {}, self.slippage,
                         p.volume_limit, p.liquidation)
        self.comminfos: dict[str, PerpetualCommInfo] = {}
        self.account = Account(self.desk.terms, self.journal)
        self._treasurer = Treasurer(self.account, p.missing)
        self._clerk = Clerk(self.account, self._orders, {}, self.comminfos, self.positions,
                            self._treasurer)
        perpetuals = [view for view in self.views if view.columns is not None]
        _refuse_twins([view.symbol for view in perpetuals])
        _refuse_strangers(perpetuals)
        if perpetuals:  # what the run is about: its ladder and leverage are checked at once
            self._enrol(perpetuals[0])
        starts = [view.started for view in self.views if view.started is not None]
        self.account.commit(changes.deposit(self.account.state, self.startingcash), -1,
                            min(starts, default=0))
        self._ready = True

    def _enrol(self, view: FeedView) -> None:
        """Make a feed's instrument tradable; a further feed nobody trades needs no ladder."""
        symbol, p = view.symbol, self.p
        if self._clerk.views.get(symbol) is view:
            return
        view.check_tradable()
        if p.volume_limit is not None:
            view.check_volumes()
        _refuse_twins([symbol, *self._clerk.views])
        rules = p.venue if isinstance(p.venue, venues.VenueRules) else venues.get(
            p.venue, symbol=symbol, at=view.started, ladder=p.ladder)
        if isinstance(rules, venues.InverseRules):
            raise UsageError(f"{rules.name} {rules.product}: the account trades linear contracts; "
                             "rules of inverse ones answer margins and prices only")
        venues.check_leverage(rules, p.leverage)
        if p.hedge and p.margin == "cross" and not hasattr(rules, "hedged_liquidation_price"):
            raise UsageError(f"{rules.name}: the liquidation price of two sides held in a cross "
                             "account is not known; use margin='isolated'")
        fees = p.fees or rules.fees
        if p.fees:
            rules = rules.charging(fees)
        if isinstance(p.venue, str) and p.ladder is None and view.span is not None:
            self._coming[symbol] = deque(venues.changes(p.venue, rules.symbol, *view.span))
        self.desk.terms.rules[symbol] = rules
        self.desk.terms.leverage[symbol] = float(p.leverage)
        self.desk.fees[symbol] = fees
        self.desk.instruments[symbol] = view.instrument
        self.ladder_in_use[symbol] = rules.use
        self.comminfos[symbol] = PerpetualCommInfo(view.instrument, fees, p.leverage)
        self._clerk.enrol(view)

    # ---------------------------------------------------------------- one step of the clock

    def next(self) -> None:
        """Walk the bars that have just ended, then let arrive what was sent long enough ago."""
        if not self._ready:
            self.setup()
        if self._stopping:  # a bar later, so that the strategy has heard of the liquidation
            self.cerebro.runstop()
            return
        moved = []
        for view in self.views:
            length = len(view.data)
            if length != view.seen:
                if self.book and length > view.seen + 1:
                    self._trail_over(view, view.seen, length - 1)
                inside = view.advance(length)
                moved.append((view, inside))
                view.stand(inside[-1])
        if not self.book and not self.account.state.positions and not self.transit:
            return
        if self._band is not None and len(moved) == 1 and not self.transit:
            view, inside = moved[0]
            if len(inside) == 1 and self._band.holds(view, self.account.state):
                return
        if self.inside_bar.entry_bar == "backtrader":
            self._activate_children()
        involved = self._involved()
        moved = [(view, inside) for view, inside in moved if view.symbol in involved]
        for view, inside in moved:
            view.stand(inside[0])
            if self._coming.get(view.symbol):
                self._change_ladder(view)
        for view, inside in moved:
            view.stand(inside[0] - 1)  # a finer bar that has not been walked is not known yet
        if len(moved) == 1:
            [(view, inside)] = moved
            for index in inside:
                self._walk([(view, index)])
        else:
            for instant in _instants(moved):
                self._walk(instant)
        if self.transit:
            self._arrivals()

    @property
    def busy(self) -> bool:
        """Whether the next bar has work whatever its prices: something under way or to be told."""
        return bool(not self._ready or self._stopping or self.transit or self._orders.queue)

    def stays(self, bar: int) -> bool:
        """Whether a bar of the only feed lies between the levels of all that is open."""
        band, view = self._band, self.views[0]
        if band is None or len(self.views) > 1 or len(view.within(bar)) > 1:
            return False
        view.stand(bar)
        return band.holds(view, self.account.state)

    def _change_ladder(self, view: FeedView) -> None:
        """A ladder observed by the bar's open replaces the one before it, open positions included.
        """
        coming, symbol = self._coming[view.symbol], view.symbol
        while coming and coming[0][0] <= view.opened:
            since, rules = coming.popleft()
            if rules.ladder.id == self.desk.terms.rules[symbol].ladder.id:
                continue
            self.desk.terms.rules[symbol] = rules.charging(self.p.fees) if self.p.fees else rules
            self.ladder_changes.append((since, symbol, rules.use))
            for slot, position in self.account.state.positions.items():
                if position.symbol == symbol:
                    self.account.snapshot(view.bar, view.ts, slot, self._marks())

    def _walk(self, instant: Instant) -> None:
        """The bars that end at one instant, all together."""
        for view, index in instant:
            view.stand(index)
            if self.book:
                self._expire(view)
                self._arm(view)
        if self._may_happen(instant):
            involved = self._involved()  # of a finer bar: less may be open than at the coarse one's
            bars = {view.symbol: self._bar(view) for view, _ in instant if view.symbol in involved}
            still = {} if len(self.views) == 1 else {
                name: mark for name, mark in self._marks().items() if name not in bars}
            done = walk(self.desk, self.inside_bar, bars, self.account.state, self.book, still)
            self._carry_out(done, max(view.ts for view, _ in instant))
        elif len(self.views) == 1:
            self._band = None if self._coming.get(instant[0][0].symbol) else around(
                self.book, self._orders.by_ref, self.account.state, self.desk.terms)
        if self.book:
            for view, _ in instant:
                self._trail(view)

    def _involved(self) -> set[str]:
        """The symbols of which a position or an order is open."""
        if len(self.views) == 1:
            return {self.views[0].symbol} if self.book or self.account.state.positions else set()
        found = {working.symbol for working in self.book.values()}
        found.update(held.symbol for held in self.account.state.positions.values())
        return found

    def _bar(self, view: FeedView) -> Bar:
        return view.current(self._treasurer.dues(view, self.desk.rules(view.symbol)))

    def _carry_out(self, done: Walk, ts: int) -> None:
        self.book, self._band = dict(done.book), None
        marks = self._marks()
        for step in done.steps:
            self._clerk.apply(step, marks)
            if isinstance(step, Liquidated):
                self._after_liquidation(step)
            elif isinstance(step, Deleveraged):
                self._recall({step.slot})
        if done.steps:
            worst = self.journal.worst_equity
            worst[ts] = min(worst.get(ts, done.worst), done.worst)

    def _after_liquidation(self, step: Liquidated) -> None:
        self._recall({seized.slot for seized in step.seized} if self.desk.terms.isolated else None)
        if self.p.on_liquidation == "stop" and any(not seized.size_after for seized in step.seized):
            self._stopping = True

    def _trail(self, view: FeedView) -> None:
        for ref, working in list(self.book.items()):
            if working.symbol == view.symbol:
                self.book[ref] = self._orders.trailed(working, view.last)

    def _trail_over(self, view: FeedView, first: int, stop: int) -> None:
        """Trailing stops after the bars ``first`` to ``stop`` (exclusive), which nobody visited:
        they have followed the best close among them."""
        closes = view.closes(first, stop)
        for ref, working in list(self.book.items()):
            if working.symbol == view.symbol and closes:
                best = max(closes) if working.side < 0 else min(closes)
                self.book[ref] = self._orders.trailed(working, best)

    # ---------------------------------------------------------------- can anything happen?

    def _may_happen(self, instant: Instant) -> bool:
        """A superset of the bars in which matching, liquidation or funding does anything."""
        state = self.account.state
        if any(view.timed() for view, _ in instant):
            return True
        if self.book:
            if any(order.kind is Kind.MARKET and order.live and order.symbol == view.symbol
                   for order in self.book.values() for view, _ in instant):
                return True  # without a bar made to ask of
            for view, _ in instant:
                bar = view.current()
                if any(order.symbol == bar.symbol and may_act(order, bar)
                       for order in self.book.values()):
                    return True
        if not state.positions:
            return False
        if not self.desk.terms.isolated and len(state.positions) > 1:
            return self._may_exhaust(state, instant)
        moving = {view.symbol: view for view, _ in instant}
        for slot, position in state.positions.items():
            if position.symbol not in moving:
                continue
            level = self.account.level(slot, {})
            low, high = moving[position.symbol].mark_range()
            if low != low:
                return True  # no mark: whether that may be is decided where the bar is made
            if level is not None and (low <= level if position.size > 0 else high >= level):
                return True
        return False

    def _may_exhaust(self, state: State, instant: Instant) -> bool:
        """Whether equity at every position's worst mark is within maintenance at its highest."""
        ranges = {view.symbol: view.mark_range() for view, _ in instant}
        marks = self._marks()
        worth, held = state.wallet, 0.0
        for slot, position in state.positions.items():
            low, high = ranges.get(position.symbol, (marks[position.symbol],) * 2)
            worth += position.unrealised(low if position.size > 0 else high)
            held += accounts.maintenance(state, slot, high, self.desk.terms)
        return not worth > held

    # ---------------------------------------------------------------- small parts

    def _marks(self) -> dict[str, float]:
        return {view.symbol: view.mark for view in self.views if view.seen}

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


def _instants(moved: Iterable[tuple[FeedView, range]]) -> Iterator[Instant]:
    """The finer bars of the bars that have just ended, those that end together side by side."""
    found: dict[int, Instant] = {}
    for view, inside in moved:
        for index in inside:
            found.setdefault(view.close_of(index), []).append((view, index))
    for _, instant in sorted(found.items()):
        yield instant


def _refuse_twins(symbols: list[str]) -> None:
    for symbol in symbols:
        if symbols.count(symbol) > 1:
            raise UsageError(f"two feeds of the same instrument {symbol!r}: an account trades each "
                             "instrument on one feed (resampledata gives the others)")


def _refuse_strangers(views: list[FeedView]) -> None:
    """Two instruments whose bars share no stretch of time have no account in common."""
    for number, first in enumerate(views):
        for second in views[number + 1:]:
            one, other = first.span, second.span
            if one is not None and other is not None \
                    and (one[1] < other[0] or other[1] < one[0]):
                raise UsageError(
                    f"the clocks of {first.symbol} and {second.symbol} never meet: "
                    f"{timestamps.show(one[0])} to {timestamps.show(one[1])} and "
                    f"{timestamps.show(other[0])} to {timestamps.show(other[1])}")


def _is_source(data: Any) -> bool:
    return not getattr(data, "_clone", False) and not getattr(data, "resampling", 0) \
        and not getattr(data, "replaying", False)
