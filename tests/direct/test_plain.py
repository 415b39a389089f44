"""Bars that are written out are those of the walk, and what is not of their kind is walked."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from deleverage import Fees
from deleverage.direct import NotDirect
from deleverage.direct.plain import Plain
from deleverage.timestamps import MINUTE, parse
from tests.account.generated import LADDER
from tests.direct.generated import drawn
from tests.direct.runs import LANES, Outcome, columns_of, lanes, through_engine, without_engine
from tests.direct.scenes import Scene, Told
from tests.engine.generated import STRICTER
from tests.engine.scenes import START, Ohlc, Rows, Series

ACCOUNT = {"venue": "binance", "leverage": 10, "ladder": LADDER, "missing": "impute",
           "fees": Fees(0.0002, 0.0005)}


def walked(scene: Scene) -> Outcome:
    """The scene without an engine and without a bar written out."""
    with pytest.MonkeyPatch.context() as patch:
        made = Plain.__init__

        def init(self: Plain, *given: Any) -> None:
            made(self, *given)
            self.usable = False

        patch.setattr(Plain, "__init__", init)
        return without_engine(scene, columns_of(scene))


def compared(scene: Scene) -> tuple[Counter[str], Outcome]:
    """The lanes that a scene takes, after it has been held against the walk and the engine."""
    taken: Counter[str] = Counter()
    with lanes(taken):
        outcome = without_engine(scene, columns_of(scene))
    assert outcome.differs(walked(scene)) == ""
    assert outcome.differs(through_engine(scene, columns_of(scene))) == ""
    return taken, outcome


@pytest.mark.parametrize(("first", "stop"), [
    pytest.param(5_000, 5_030, id="30"),
    pytest.param(5_030, 5_330, id="300", marks=pytest.mark.slow)])
def test_bars_written_out_are_those_of_the_walk(first: int, stop: int) -> None:
    """The journal with the worst equity of every bar, over drawn scenes."""
    taken: Counter[str] = Counter()

    def law(scene: Scene) -> None:
        try:
            with lanes(taken):
                outcome = without_engine(scene, columns_of(scene))
        except NotDirect:
            return
        assert outcome.differs(walked(scene)) == ""

    drawn(first, stop, law)
    print(taken)
    for lane in LANES:
        assert taken[f"{lane} written out"] >= (stop - first) // 30, lane


# ------------------------------------------------------------------ one bar each

HOLD = 6  # bars: entered in bar 3, left in bar 9


def scene(told: dict[int, Ohlc] | None = None, side: int = 1, signal: dict[str, Any] | None = None,
          account: dict[str, Any] | None = None, sizer: float = 0.2, changes: Any = (),
          **rows: Any) -> Scene:
    """A quiet market at 100, a signal at bar 2 and a time exit: every bar can be written out."""
    signal = {"side": side, "hold": HOLD, **(signal or {})}
    return Scene(Rows(told or {}, bars=16, **rows), (Told(2, **signal),),
                 {**ACCOUNT, **(account or {})}, ("MarginFraction", {"fraction": sizer}), changes)


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("more", [
    {}, {"account": {"slippage": "5bp"}}, {"account": {"slippage": "volume"}},
    {"account": {"slippage": "cascade"}}, {"account": {"fees": Fees.free()}},
    {"account": {"liquidation": "none"}}, {"account": {"path": "favourable"}},
    {"account": {"path": "ohlc"}}, {"signal": {"stop": 300, "target": 500}},
    {"signal": {"stop": 300, "on_close": True}},
    {"account": {"stop_trigger": "mark"}, "signal": {"stop": 300}}])
def test_every_lane_is_taken(side: int, more: dict[str, Any]) -> None:
    """An entry, a settlement and a close in a moving but harmless market are written out: with and
    without a bracket, slippage, fees and procedure."""
    moving = {3: (100.1, 100.6, 99.5, 100.2), 5: (100.2, 100.9, 99.7, 100.3),
              9: (100.4, 100.8, 99.9, 100.0)}
    mark = {3: (100.05, 100.5, 99.6, 100.1), 9: (100.3, 100.7, 99.8, 100.1)}
    taken, outcome = compared(scene(moving, side, mark=mark, funding=(5,), **more))
    assert dict(taken) == {"enter written out": 1, "settle written out": 1, "leave written out": 1}
    assert [fill.bar for fill in outcome.journal.fills] == [3, 9]
    assert [payment.bar for payment in outcome.journal.funding] == [5]
    assert sorted(outcome.journal.worst_equity) == sorted(
        parse(START) + (bar + 1) * MINUTE for bar in (3, 5, 9))


STOP = {"stop": 50}  # at 99.5 of a long


UNPAID = Series(bars=200, volatility=0, basis=0, unpaid=(1,))  # at the second hour
WIDE = {"leverage": 50}  # liquidated some 1.6 % away


def _changed(bar: int) -> Any:
    return ((parse(START) + bar * MINUTE, STRICTER),)


# what happens besides → the scene, the lane, whether it is asked at all, what the journal shows
CASES: dict[str, tuple[Scene, str, bool, dict[str, Any]]] = {
    "a settlement in the bar of the entry": (
        scene(funding=(3,)), "enter", True, {"funding": {"bar": 3}}),
    "a stop touched in the bar of the entry": (
        scene({3: (100, 100, 99.5, 99.8)}, signal=STOP), "enter", True,
        {"fills": {"bar": 3, "reason": "stop"}}),
    "a target touched in the bar of the entry": (
        scene({3: (100, 100.6, 99.9, 100)}, signal={"target": 50}), "enter", True,
        {"fills": {"bar": 3, "reason": "limit"}}),
    "a stop touched by the mark in the bar of the entry": (
        scene(mark={3: (100, 100, 99.4, 99.8)}, signal=STOP, account={"stop_trigger": "mark"}),
        "enter", True, {"fills": {"bar": 3, "reason": "stop"}}),
    "the mark at the liquidation price of an entry": (
        scene(mark={3: (100, 100, 98.3, 100)}, account=WIDE), "enter", True,
        {"liquidations": {"bar": 3}}),
    "an entry that is unaffordable after a gap": (
        scene({3: (101,) * 4}, sizer=1.0), "enter", True, {"rejections": {"bar": 3}}),
    "an entry beyond its bracket after a gap": (
        scene({3: (101,) * 4}, account={"leverage": 75}, sizer=59_900 / 750_000), "enter", True,
        {"rejections": {"bar": 3}}),
    "a ladder change in the bar of the entry": (
        scene(changes=_changed(3)), "enter", False, {"fills": {"bar": 3}}),
    "a settlement in the bar of the close": (
        scene(funding=(9,)), "leave", True, {"fills": {"bar": 9}}),
    "the mark at the liquidation price at a close": (
        scene(mark={9: (98.3, 100, 98.3, 100)}, account=WIDE, sizer=0.02), "leave", True,
        {"liquidations": {"bar": 9, "gap": True}}),
    "a close beyond bankruptcy after a gap": (
        scene({9: (97,) * 4}, mark={9: (100,) * 4}, account=WIDE), "leave", True,
        {"fills": {"bar": 9, "reason": "market", "price": 98.0}}),
    "a ladder change in the bar of the close": (
        scene(changes=_changed(9)), "leave", False, {"fills": {"bar": 9}}),
    "a stop touched in the bar of a settlement": (
        scene({5: (100, 100, 99.5, 99.8)}, signal=STOP, funding=(5,)), "settle", False,
        {"fills": {"bar": 5, "reason": "stop"}}),
    "the mark at the liquidation price in the bar of a settlement": (
        scene(mark={5: (100, 100, 98.3, 100)}, account=WIDE, funding=(5,)), "settle", False,
        {"liquidations": {"bar": 5, "cause": "mark"}}),
    "a settlement that takes the margin down to the mark": (
        scene(mark={5: (100, 100, 98.515, 98.515)}, funding=(5,), sizer=1.0,
              account={**WIDE, "cash": 1_000.0}), "settle", True,
        {"liquidations": {"bar": 5, "cause": "funding"}}),
    "two settlements in one bar": (
        scene(funding=(4.5, 5)), "settle", True, {"funding": {"bar": 5}}),
    "a settlement inside the bar": (scene(funding=(4.5,)), "settle", True, {"funding": {"bar": 5}}),
    "a settlement of no known rate": (
        Scene(UNPAID, (Told(100, hold=60),), {**ACCOUNT, "missing": "skip"}), "settle", True,
        {"funding": {"bar": 119, "state": "missing"}}),
    "a settlement at an imputed rate": (
        Scene(UNPAID, (Told(100, hold=60),), ACCOUNT), "settle", True,
        {"funding": {"bar": 119, "state": "imputed"}}),
    "a ladder change in the bar of a settlement": (
        scene(funding=(5,), changes=_changed(5)), "settle", False, {"funding": {"bar": 5}}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_of_their_kind_is_walked(case: str) -> None:
    """A bar in which anything else happens is not written out, and the run is the same."""
    chosen, lane, asked, shown = CASES[case]
    taken, outcome = compared(chosen)
    assert (taken[f"{lane} walked"], taken[f"{lane} written out"]) == (int(asked), 0)
    for name, wanted in shown.items():
        assert any(all(getattr(each, field) == value for field, value in wanted.items())
                   for each in getattr(outcome.journal, name)), getattr(outcome.journal, name)


@pytest.mark.parametrize("lane", LANES)
def test_a_cross_account_is_walked(lane: str) -> None:
    """Its liquidation price depends on all of the account: nothing of it is written out."""
    taken, _ = compared(scene(funding=(5,), account={"margin": "cross"}))
    assert (taken[f"{lane} walked"], taken[f"{lane} written out"]) == (1, 0)


def test_a_close_that_leaves_debts_is_walked() -> None:
    """Where nothing is closed by force a close may cost more than there is."""
    taken, outcome = compared(scene({9: (90,) * 4}, sizer=1.0, mark={9: (100,) * 4},
                                    account={**WIDE, "liquidation": "none", "cash": 1_000.0}))
    assert taken["leave walked"] == 1
    assert float(outcome.cash) < 0
