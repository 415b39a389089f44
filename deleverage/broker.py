"""The broker: backtrader's interface on the account.

Execution is written on the ledger; nothing of backtrader's BackBroker is inherited. What happens
inside a bar is described in docs/inside-one-bar.md.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import backtrader as bt

from deleverage import changes, policies, slippage, timestamps, venues
from deleverage.account import Terms
from deleverage.bar_walk import BarWalk
from deleverage.book import Desk
from deleverage.comminfo import PerpetualCommInfo
from deleverage.errors import UsageError, unknown_name
from deleverage.execution import Clerk, Positions
from deleverage.feedview import FeedView
from deleverage.funding import Treasurer
from deleverage.journal import Journal
from deleverage.ledger import Account
from deleverage.moments import as_adl, as_outages
from deleverage.orders import Orders, source_of
from deleverage.policies import InsideBar
from deleverage.venues.ladder import LadderUse


class PerpetualBroker(BarWalk):
    """An account at a venue for leveraged perpetuals.

    Parameters: ``venue`` (a name or VenueRules), ``leverage``, ``margin`` isolated | cross,
    ``cash`` the opening wallet (quote), ``ladder`` a JSON/TOML file or Ladder instead of the
    bundled one, ``path`` adverse | favourable | ohlc, ``fill`` through | touch, ``entry_bar`` live
    | backtrader, ``missing`` fail | impute | skip for absent funding and mark, ``mark="last"`` to
    judge liquidation on the last price, ``fees`` (Fees; default the venue's), ``slippage`` (a
    policy or its text, see deleverage.slippage) or ``slippage_bp`` on taker fills,
    ``volume_limit`` the share of a bar's volume that one's fills in it may take, ``latency`` bars
    until an order or cancel reaches the venue, ``outage`` (from, to) pairs, ``adl`` AdlEvents,
    ``off_tick`` round | refuse, ``liquidation`` venue | takeover | none (nothing is ever closed by
    force and equity may fall below zero: no venue's account, but what stock frameworks report),
    ``stop_trigger`` last | mark (default the venue's), ``hedge`` True for both sides at once (a buy
    opens the long, a sale the short; ``reduce_only`` or ``position_side`` closes, which close()
    must be told: it knows the net position only), ``on_liquidation`` continue | stop. A misspelt
    parameter raises UnknownName.

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
        policies.check_unforced(p.liquidation, p.on_liquidation)
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
        terms = Terms(p.margin, {}, {}, bool(p.hedge), p.liquidation != "none")
        self.desk = Desk(terms, {}, {}, self.slippage, p.volume_limit, p.liquidation)
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

    # ---------------------------------------------------------------- small parts

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
