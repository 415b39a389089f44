"""A scene run in each mode of the engine, and all that could tell one run from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import backtrader as bt
import numpy as np
import pytest

import deleverage as dl
from deleverage import venues
from deleverage.columns import MarketColumns
from deleverage.errors import DeleverageError
from deleverage.horizon import Horizon
from deleverage.journal import Journal
from deleverage.loops import Loop
from deleverage.matching import Walk
from deleverage.statistics.curves import account_curves
from deleverage.timestamps import parse
from deleverage.venues.ladder import Ladder
from tests.broker.flows import comparable
from tests.engine.actor import Actor
from tests.engine.scenes import START, Scene


@dataclass(frozen=True)
class Mode:
    """One way through the bars: whose engine, and how it was told to go."""

    name: str
    engine: str = "own"  # stock | own
    mode: str = "dense"
    preload: bool = True
    runonce: bool = True
    thorough: bool = False  # the broker walks every bar, whether or not anything can happen in it
    wanders: bool = False  # bars are visited that nobody asked for


STOCK = Mode("stock", "stock")
DENSE = Mode("dense")
JUMP = Mode("jump", mode="jump")
WANDER = Mode("jump and look around", mode="jump", wanders=True)
THOROUGH = Mode("every bar walked", thorough=True)
OTHERS = tuple(
    Mode(f"{engine}, preload {preload}, runonce {runonce}", engine, "dense", preload, runonce)
    for engine in ("stock", "own")
    for preload, runonce in ((True, False), (False, True), (False, False)))
MODES = (STOCK, *OTHERS, DENSE, THOROUGH, WANDER, JUMP)


def modes_of(scene: Scene) -> tuple[Mode, ...]:
    """The modes a scene can run in: a feed that is not preloaded has no time yet when a strategy
    sends something before the first bar, and backtrader's orders want one."""
    return tuple(mode for mode in MODES if mode.preload or "start" not in scene.plan.replies)


class Watched(dl.PerpetualBroker):  # type: ignore[misc, valid-type]
    """The account, counting the bars the engine visits."""

    visits = 0

    def next(self) -> None:
        self.visits += 1
        super().next()


class Thorough(Watched):
    """It walks every bar in full: what it finds without its own short cuts."""

    def _may_happen(self, instant: Any) -> bool:
        return True


@dataclass(frozen=True)
class Outcome:
    """What a run left behind, as text where a NaN must equal itself; ``journal``, ``visits`` and
    ``columns`` (of the feeds) are not compared. ``bars`` are the steps there were, of all feeds'
    clocks."""

    told: tuple[str, ...]
    records: dict[str, str]
    positions: str
    cash: str
    value: str
    ladders: str
    curves: tuple[bytes, ...]
    error: str
    journal: Journal
    visits: int
    bars: int
    used: str | None
    columns: tuple[MarketColumns, ...] = ()

    def differs(self, other: Outcome) -> str:
        """The first thing in which another run differs, in words; empty where nothing does."""
        for number, (mine, its) in enumerate(zip(self.told, other.told, strict=False)):
            if mine != its:
                return f"told {number}: {mine} ≠ {its}"
        if len(self.told) != len(other.told):
            both = min(len(self.told), len(other.told))
            return f"one is told more: {(self.told + other.told)[both:][:1]}"
        for name, mine in self.records.items():
            if mine != other.records[name]:
                return f"{name}: {mine} ≠ {other.records[name]}"
        for item in fields(self)[2:8]:
            if getattr(self, item.name) != getattr(other, item.name):
                return (f"{item.name}: {getattr(self, item.name)!r} ≠ "
                        f"{getattr(other, item.name)!r}")
        return ""


def columns_of(scene: Scene) -> list[MarketColumns]:
    """The scene's markets, made once for all its runs."""
    return [series.columns(str(scene.account.get("venue", "binance"))) for series in scene.series]


def run(scene: Scene, mode: Mode, markets: Iterable[MarketColumns] | None = None) -> Outcome:
    """The scene in one mode; an error of the run is part of its outcome."""
    told: list[Any] = []
    engine = engine_of(mode)
    found = columns_of(scene) if markets is None else markets
    for series, columns in zip(scene.series, found, strict=True):
        engine.adddata(dl.feeds.PerpetualData(columns=columns, step=series.shown or scene.step,
                                              **scene.feed))
    broker: Any = (Thorough if mode.thorough else Watched)(**scene.account)
    engine.setbroker(broker)
    engine.addstrategy(Actor, plan=scene.plan, told=told)
    error = ""
    with pytest.MonkeyPatch.context() as patch:
        if scene.changes:
            with_changes(scene.account, scene.changes, patch)
            broker.p.ladder = None  # one of one's own is never replaced
        if mode.thorough:
            patch.setattr(Walk, "meets_nothing", lambda self: False)
            patch.setattr(Loop, "gated", Loop.dense)
        if mode.wanders:
            earliest = Horizon.next_event
            patch.setattr(Horizon, "next_event", lambda self, bar, until: min(
                earliest(self, bar, until), bar + 1 + bar * 7 % 5))
        try:
            engine.run()
        except DeleverageError as raised:
            error = f"{type(raised).__name__}: {raised}"
    return outcome_of(engine, broker, told, error)


def engine_of(mode: Mode) -> bt.Cerebro:
    """An engine that goes the way of the mode."""
    options = {"preload": mode.preload, "runonce": mode.runonce, "stdstats": False}
    if mode.engine == "stock":
        return bt.Cerebro(**options)
    return dl.Cerebro(mode=mode.mode, **options)


def with_changes(account: Mapping[str, Any], changes: Iterable[tuple[int, Ladder]],
                 patch: pytest.MonkeyPatch) -> None:
    """The venue begins with the account's ladder and replaces it, for every symbol, at the times
    given."""
    known, given = venues.get, dict(account)

    def rules(symbol: str, ladder: Ladder) -> venues.VenueRules:
        return known(given.get("venue", "binance"), symbol=symbol, at=parse(START), ladder=ladder)

    patch.setattr(venues, "get", lambda _, symbol, **values: rules(symbol, given["ladder"]))
    patch.setattr(venues, "changes", lambda _, symbol, *span: tuple(
        (at, rules(symbol, ladder)) for at, ladder in changes))


def outcome_of(engine: bt.Cerebro, broker: Any, told: list[Any], error: str = "") -> Outcome:
    """What a run left behind; ``told`` are lines of (bar, kind, facts …), an order's first fact its
    reference."""
    refs = sorted({line[2] for line in told if line[1] == "order"})
    number = {ref: n for n, ref in enumerate(refs)}
    lines = tuple(repr((*line[:2], number[line[2]], *line[3:]) if line[1] == "order" else line)
                  for line in told)
    columns = [view.columns for view in broker.views]
    curves: tuple[bytes, ...] = ()
    if not error and columns:
        try:
            found = account_curves(broker.journal, columns[0], columns[1:], clock="union")
            curves = tuple(curve.tobytes() for curve in found.arrays().values())
        except DeleverageError as without:  # a market with bars that have no mark has no curve
            error = f"curves: {without}"
    return Outcome(
        lines, comparable(broker.journal), repr(dict(broker.account.state.positions)),
        repr(broker.getcash()), repr(broker.getvalue()),
        repr([(at, symbol, use.ladder.id) for at, symbol, use in broker.ladder_changes]),
        curves, error, broker.journal, broker.visits,
        len(np.unique(np.concatenate([each.close_ns for each in columns]))) if columns else 0,
        getattr(engine, "mode_used", None), tuple(columns))
