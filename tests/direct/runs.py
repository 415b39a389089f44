"""A scene through the engine and without one, and whatever could tell the two apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import pytest

import deleverage as dl
from deleverage import sizers
from deleverage.book import WorkingOrder
from deleverage.columns import MarketColumns
from deleverage.direct import ask, trade
from deleverage.direct.account import DirectAccount
from deleverage.direct.plain import Plain
from deleverage.direct.trading import Trader
from deleverage.errors import DeleverageError
from deleverage.journal import Journal
from tests.broker.flows import comparable
from tests.direct.scenes import Scene, Teller
from tests.engine.runs import with_changes
from tests.ledger import check_ledger

LANES = ("enter", "leave", "settle")  # bars that are written out


@dataclass(frozen=True)
class Outcome:
    """What a run left behind, as text where a NaN must equal itself; ``journal`` is not compared.
    ``reasons`` are those of the fills, in their order."""

    records: dict[str, str]
    reasons: tuple[str | None, ...]
    positions: str
    cash: str
    ladders: str
    error: str
    journal: Journal

    def differs(self, other: Outcome) -> str:
        """The first thing in which another run differs, in words; empty where nothing does."""
        if self.error != other.error:
            return f"error: {self.error!r} ≠ {other.error!r}"
        for name, mine in self.records.items():
            its = other.records[name]
            if mine != its:
                at = next((n for n, (one, two) in enumerate(zip(mine, its, strict=False))
                           if one != two), min(len(mine), len(its)))
                around = slice(max(0, at - 250), at + 100)
                return f"{name}: …{mine[around]} ≠ …{its[around]}"
        for item in fields(self)[1:5]:
            if getattr(self, item.name) != getattr(other, item.name):
                return (f"{item.name}: {getattr(self, item.name)!r} ≠ "
                        f"{getattr(other, item.name)!r}")
        return ""


def columns_of(scene: Scene) -> MarketColumns:
    """The scene's market, made once for both runs."""
    return scene.series.columns(str(scene.account.get("venue", "binance")))


def through_engine(scene: Scene, columns: MarketColumns) -> Outcome:
    """The scene in the engine; an error of the run is part of its outcome."""
    seen: list[Any] = []
    engine, broker = dl.Cerebro(mode="jump", stdstats=False), _broker(scene)
    engine.adddata(dl.feeds.PerpetualData(columns=columns))
    engine.setbroker(broker)
    engine.addsizer(getattr(sizers, scene.sizer[0]), **scene.sizer[1])
    engine.addstrategy(Teller, **_params(scene), seen=seen)
    error = ""
    with _changed(scene, broker):
        try:
            engine.run()
        except DeleverageError as raised:
            error = f"{type(raised).__name__}: {raised}"
    return _outcome(broker, seen[-1].exit_reasons if seen else {}, error)


def without_engine(scene: Scene, columns: MarketColumns) -> Outcome:
    """The scene without one. Raises NotDirect where that cannot be."""
    broker, error = _broker(scene), ""
    seen: list[Any] = []
    reasons: dict[int, str] = {}
    with _changed(scene, broker), traders() as made:
        try:
            asked = ask(Teller, {**_params(scene), "seen": seen}, columns)
            reasons = trade(asked, broker, _sizer(scene)).exit_reasons
        except DeleverageError as raised:
            error = f"{type(raised).__name__}: {raised}"
            reasons = _so_far(made)
    if broker._ready and not error:
        check_ledger(broker)
    return _outcome(broker, reasons, error)


@contextmanager
def traders() -> Iterator[list[Any]]:
    """The traders that are made meanwhile: what one that ended in an error had done so far."""
    made: list[Any] = []
    with pytest.MonkeyPatch.context() as patch:
        begun = Trader.__init__

        def init(self: Trader, *given: Any) -> None:
            made.append(self)
            begun(self, *given)

        patch.setattr(Trader, "__init__", init)
        yield made


@contextmanager
def lanes(found: Counter[str]) -> Iterator[None]:
    """Count which bars are written out and which ones are handed to the walk; and the orders by
    which what the venue has left of a position is guarded."""
    with pytest.MonkeyPatch.context() as patch:
        for name in LANES:
            patch.setattr(Plain, name, _counting(getattr(Plain, name), name, found))
        guard = DirectAccount.guard

        def guarded(self: DirectAccount, order: WorkingOrder) -> None:
            found["guards"] += 1
            guard(self, order)

        patch.setattr(DirectAccount, "guard", guarded)
        yield


def _counting(lane: Any, name: str, found: Counter[str]) -> Any:
    def taken(self: Plain, *given: Any) -> bool:
        done: bool = lane(self, *given)
        found[f"{name} {'written out' if done else 'walked'}"] += 1
        return done
    return taken


def _so_far(made: list[Any]) -> dict[int, str]:
    if not made or not hasattr(made[-1], "exit_reasons"):
        return {}
    reasons = dict(made[-1].exit_reasons)
    return {**reasons, **dict.fromkeys(made[-1].account.forced, "liquidation")}


def _params(scene: Scene) -> dict[str, Any]:
    step = scene.series.step
    hold = "none" if scene.hold is None else f"{scene.hold * int(step[:-1])}{step[-1]}"
    return {"told": scene.told, "as_columns": scene.columns, "hold": hold}


def _broker(scene: Scene) -> Any:
    broker: Any = dl.PerpetualBroker
    return broker(**scene.account)


def _sizer(scene: Scene) -> Any:
    return getattr(sizers, scene.sizer[0])(**scene.sizer[1])


@contextmanager
def _changed(scene: Scene, broker: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if scene.changes:
            with_changes(scene.account, scene.changes, patch)
            broker.p.ladder = None  # one of one's own is never replaced
        yield


def _outcome(broker: Any, reasons: dict[int, str], error: str) -> Outcome:
    journal = broker.journal
    return Outcome(
        comparable(journal), tuple(reasons.get(fill.order_ref) for fill in journal.fills),
        repr(dict(broker.account.state.positions)), repr(broker.account.state.free),
        repr([(at, symbol, use.ladder.id) for at, symbol, use in broker.ladder_changes]),
        error, journal)
