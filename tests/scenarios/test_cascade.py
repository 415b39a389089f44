"""The detectors' state machine on the scenarios: a start, calls of exhaustion, false ones too."""

from __future__ import annotations

import numpy as np
import pytest

from deleverage import scenarios
from deleverage.detectors.cascade import CascadeEvent, cascade_events
from deleverage.detectors.cascade_config import CascadeConfig
from deleverage.timestamps import parse


def calls(name: str) -> list[tuple[int, CascadeEvent]]:
    """(close of the bar, event) of the machine with its defaults."""
    columns = scenarios.columns(name)
    lines = columns.lines
    found = cascade_events(CascadeConfig(), lines["low"], lines["long_liquidations"],
                           lines["openinterest"], lines["mark_close"])
    return [(int(columns.close_ns[event.bar]), event) for event in found]


@pytest.mark.parametrize("scenario", scenarios.names())
def test_the_cascade_starts_on_31_january(scenario: str) -> None:
    """Nothing is called before that day; of two confirmed exhaustions the first is too early."""
    found = calls(scenario)
    assert found[0][1].kind == "start"
    day, end = parse("2026-01-31"), parse("2026-02-01")
    assert day < found[0][0] <= end
    confirmed = [when for when, event in found if event.confirmed and when <= end]
    low = parse("2026-01-31T18:41")
    assert [when > low for when in confirmed] == [False, True]


def test_the_last_call_of_the_day_holds_or_fails_with_the_continuation() -> None:
    """The same call, an hour after the low: true in constructive, false in risk."""
    last = {}
    for scenario in scenarios.names():
        columns = scenarios.columns(scenario)
        when, event = [(when, event) for when, event in calls(scenario)
                       if event.confirmed and when <= parse("2026-02-01")][-1]
        last[scenario] = when
        later = np.asarray(columns.lines["low"])[event.bar + 1:]
        assert bool(later.min() < event.low) is (scenario == "risk")
    assert len(set(last.values())) == 1


def test_forced_selling_is_not_exhausted_in_risk() -> None:
    """After 31 January the machine starts anew and takes back at least one call."""
    kinds = [event.kind for when, event in calls("risk") if when > parse("2026-02-01")]
    assert "start" in kinds
    assert "resume" in kinds
