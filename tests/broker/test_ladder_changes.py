"""A ladder that the venue replaces while a position is open is an event of the run."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from deleverage import venues
from deleverage.timestamps import parse
from deleverage.venues.ladder import Bracket, LadderUse
from tests.broker.runs import buy, market, play, still
from tests.core.desks import flat_ladder

CHANGE = parse("2026-01-28T00:04")


def _stricter(monkeypatch: pytest.MonkeyPatch, rate: float) -> None:
    """From 00:04 on the venue's maintenance rate is another one."""
    ladder = flat_ladder(rate)
    rules = venues.get("binance", at="2026-01-28", ladder=ladder)

    def changes(*given: Any) -> tuple[tuple[int, venues.VenueRules], ...]:
        return ((CHANGE, rules),)

    monkeypatch.setattr(venues, "changes", changes)


def test_a_stricter_ladder_liquidates_at_the_bar_it_begins_with(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten coins at 10x from 100: at 92 a rate of 0.4 % is met with room, one of 5 % is not."""
    _stricter(monkeypatch, 0.05)
    rows = [*still(3), (100, 100, 92, 92), *still(4, 92)]
    run = play({1: buy(size=10)}, market(*rows))
    event, = run.journal.liquidations
    assert (event.bar, event.gap) == (4, True)
    assert event.liquidation_price == pytest.approx(90 / 0.95)
    assert [(since, use.ladder.id) for since, _, use in run.broker.ladder_changes] == [
        (CHANGE, "test")]
    assert run.broker.ladder_in_use["ETHUSDT"].ladder.id != "test"


def test_the_new_level_is_on_record_from_its_bar_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ladder that leaves the position alive moves its liquidation price, and the journal says."""
    _stricter(monkeypatch, 0.01)
    run = play({1: buy(size=10)}, market(*still(8)))
    levels = [(shot.bar, shot.liquidation_price) for shot in run.journal.snapshots]
    assert levels == [(2, pytest.approx(90 / 0.996)), (4, pytest.approx(90 / 0.99))]


def test_a_ladder_of_one_s_own_is_never_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """``ladder=`` stands for the whole run."""
    _stricter(monkeypatch, 0.05)
    rows = [*still(3), (100, 100, 92, 92), *still(4, 92)]
    run = play({1: buy(size=10)}, market(*rows), ladder=flat_ladder(0.004))
    assert run.journal.liquidations == []
    assert run.broker.ladder_changes == []
    assert isinstance(run.broker.ladder_in_use["ETHUSDT"], LadderUse)


def test_an_order_is_judged_by_the_ladder_of_its_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replaced while nothing was open, too: what it no longer grants is refused when it is sent."""
    strict = replace(flat_ladder(0.05), brackets=(Bracket(0.0, math.inf, 0.05, 0.0, 5.0),))
    rules = venues.get("binance", at="2026-01-28", ladder=strict)
    monkeypatch.setattr(venues, "changes", lambda *given: ((CHANGE, rules),))
    run = play({6: buy(size=10)}, market(*still(10)))
    refused, = run.journal.rejections
    assert (refused.bar, refused.reason[:11]) == (6, "leverage 10")
    assert run.journal.fills == []
    assert [since for since, _, _ in run.broker.ladder_changes] == [CHANGE]
