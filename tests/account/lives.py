"""A drawn scene played on the broker, and all that was seen of the account while it lived."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import backtrader as bt

from deleverage.account import Position, State
from deleverage.changes import Change
from deleverage.columns import MarketColumns
from deleverage.journal import Journal
from tests.account.generated import Scene, ladder_of
from tests.account.orders import Script
from tests.broker.runs import Run, play


class Seen(NamedTuple):
    """The account as a strategy finds it at a close: its value and state, and how much of the
    journal was written by then."""

    ts: int
    bars: dict[str, int]  # by symbol, the bar its feed stands at
    value: float
    state: State
    entries: int
    fills: int


class Booked(NamedTuple):
    """One change of the account: before, what it was, and where in the journal it went."""

    before: State
    change: Change
    bar: int
    ts: int
    fills: int
    events: int


@dataclass
class Sent:
    """An order of the strategy, the bar of its feed in which it was sent, and that in which the
    venue took, refused or dropped it, with the time (None: on its way)."""

    order: bt.Order
    bar: int
    decided: int | None = None
    ts: int = 0
    status: str = ""


class Watched(Script):
    """Sends a scene's steps, each once, and writes down what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self.booked: list[Booked] = []
        self.orders: list[Sent] = []
        self._done = -1

    def start(self) -> None:
        self.broker.setup()
        account, journal = self.broker.account, self.broker.journal
        commit = account.commit

        def watched(change: Change, bar: int, ts: int) -> None:
            before = account.state
            commit(change, bar, ts)
            self.booked.append(Booked(before, change, bar, ts, len(journal.fills),
                                      len(journal.liquidations)))

        account.commit = watched

    def next(self) -> None:
        broker, bar = self.broker, len(self.data) - 1
        views = broker.views
        self.seen.append(Seen(
            max(view.ts for view in views), {view.symbol: view.bar for view in views},
            broker.getvalue(), broker.account.state, len(broker.journal.entries),
            len(broker.journal.fills)))
        self._look()
        for step in self.p.steps:
            if self._done < step.bar <= bar:  # the first call may come after the first bar
                step.act(self)
        self._done = bar
        self._look()

    def _look(self) -> None:
        for sent in self.orders:
            if sent.decided is None and sent.order.status not in (bt.Order.Created,
                                                                  bt.Order.Submitted):
                sent.decided = len(sent.order.data) - 1
                sent.ts = self.seen[-1].ts
                sent.status = sent.order.getstatusname()

    def buy(self, *args: Any, **kwargs: Any) -> bt.Order:
        return self._kept(super().buy(*args, **kwargs))

    def sell(self, *args: Any, **kwargs: Any) -> bt.Order:
        return self._kept(super().sell(*args, **kwargs))

    def _kept(self, order: bt.Order) -> bt.Order:
        if order is not None:
            self.orders.append(Sent(order, len(order.data) - 1))
        return order


@dataclass
class Life:
    """A scene that was played."""

    scene: Scene
    columns: dict[str, MarketColumns]
    run: Run

    @property
    def journal(self) -> Journal:
        """The account's journal."""
        return self.run.journal

    @property
    def seen(self) -> list[Seen]:
        """What the strategy saw, close by close."""
        found: list[Seen] = self.run.strategy.seen
        return found

    @property
    def booked(self) -> list[Booked]:
        """Every change of the account but the first deposit, in order."""
        found: list[Booked] = self.run.strategy.booked
        return found

    @property
    def sent(self) -> list[Sent]:
        """Every order of the strategy, as they were sent."""
        found: list[Sent] = self.run.strategy.orders
        return found

    @property
    def state(self) -> State:
        """The account at the end."""
        found: State = self.run.broker.account.state
        return found

    def rules(self, symbol: str) -> Any:
        """The venue's rules for a symbol."""
        return self.run.broker.desk.terms.rules[symbol]

    def rules_or_none(self, symbol: str) -> Any:
        """The venue's rules for a symbol, None where it was never traded."""
        return self.run.broker.desk.terms.rules.get(symbol)

    def mark(self, symbol: str, bar: int) -> float:
        """The mark at a bar's close."""
        return float(self.columns[symbol].execution_mark.close[bar])


def live(scene: Scene) -> Life:
    """Play a scene."""
    columns = {each.symbol: each.columns(scene.account["venue"]) for each in scene.series}
    account = {"ladder": ladder_of(scene.account["venue"]), **scene.account}
    return Life(scene, columns, play(Watched, list(columns.values()),
                                     params={"steps": scene.steps}, **account))


# ------------------------------------------------------------------ what happened in it


def bracket(life: Life, position: Position, mark: float) -> int:
    """The bracket of the ladder that a position stands in at a mark."""
    rules = life.rules(position.symbol)
    frozen = rules.frozen_at_entry(life.scene.account["margin"] == "cross")
    counted = rules.measure(abs(position.size), position.entry_price if frozen else mark)
    uppers = rules.ladder.uppers
    return sum(counted > upper for upper in uppers[:-1])


def changed_bracket(life: Life) -> bool:
    """Whether a position stood in two brackets while it was held, or was reduced to a lower one."""
    if any(event.stage == "market" and event.size_after for event in life.journal.liquidations):
        return True
    stood: dict[int, int] = {}
    for seen in life.seen:
        for position in seen.state.positions.values():
            at = bracket(life, position, life.mark(position.symbol, seen.bars[position.symbol]))
            if stood.setdefault(position.number, at) != at:
                return True
    return False


def gapped(life: Life) -> bool:
    """Whether a bar opened beyond the level of a liquidation, a stop or a limit that lived then."""
    if any(event.gap for event in life.journal.liquidations):
        return True
    orders = {sent.order.ref: sent.order for sent in life.sent}
    for fill in life.journal.fills:
        if fill.reason not in ("limit", "stop", "trail") or fill.order_ref not in orders:
            continue
        lines = life.columns[fill.symbol].lines
        opened, before = (float(lines["open"][fill.bar]), float(lines["close"][fill.bar - 1]))
        level = orders[fill.order_ref].created.price
        if fill.reason != "trail" and min(before, opened) < level < max(before, opened):
            return True
    return False


@dataclass
class Tally:
    """How many of the examples of a law had what it is about, and the least there must be."""

    counts: Counter[str] = field(default_factory=Counter)

    def note(self, life: Life) -> None:
        """Count one example."""
        journal = life.journal
        self.counts.update({
            "all": 1, "liquidation": bool(journal.liquidations),
            "funding": any(paid.amount < 0 for paid in journal.funding),
            "bracket": changed_bracket(life), "gap": gapped(life)})

    def check(self) -> None:
        """Enough of each, or the law was tried on too tame a sample."""
        for name, least in (("liquidation", 0.2), ("funding", 0.2), ("bracket", 0.1), ("gap", 0.1)):
            assert self.counts[name] >= least * self.counts["all"], (name, self.counts)
