"""What happens at 2,350, 2,750-2,800 and 3,000, judged by a small tracker of its own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pandas as pd
import pytest

from deleverage import scenarios
from deleverage.timestamps import MINUTE, parse, show

ZONES = {"2,350": (2_350, 2_350), "2,750-2,800": (2_750, 2_800), "3,000": (3_000, 3_000)}
BUFFER, TOLERANCE = 10e-4, 25e-4


def gathered(bars: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """Bars of ``minutes`` minutes."""
    group = np.arange(len(bars)) // minutes
    return bars.groupby(group).agg({"close_ns": "last", "high": "max", "low": "min",
                                    "close": "last"})


def events(bars: pd.DataFrame, low: float, high: float) -> Iterator[tuple[str, str]]:
    """The level's story after methods, section 5: three closes above top, two below low."""
    top, below_for = high * (1 + BUFFER), 0
    state, above, under, held = "above", 0, 0, 0
    columns = (bars[column].tolist() for column in ("close_ns", "high", "low", "close"))
    for close_ns, bar_high, bar_low, close in zip(*columns, strict=True):
        when = show(close_ns)
        above = above + 1 if close > top else 0
        under = under + 1 if close < low else 0
        if state == "below":
            below_for += close < low
            if below_for >= 30 and bar_high >= low:
                state = "attempt"
                yield when, "touch"
        if state in ("above", "accepted", "retest") and under >= 2:
            yield when, "lost" if state == "above" else "failed"
            state, below_for = "below", under if state == "above" else 30
        elif state == "attempt" and above >= 3:
            state = "accepted"
            yield when, "accepted"
        elif state == "attempt" and close < low * (1 - 3 * TOLERANCE):
            state = "below"
            yield when, "rejected"
        elif state == "accepted" and bar_low <= high * (1 + TOLERANCE):
            state, held = "retest", 0
            yield when, "retest"
        if state == "retest":
            held = held + 1 if close >= high else 0
            if held == 3:
                state = "above"
                yield when, "held"


@cache
def bars_of(name: str) -> pd.DataFrame:
    """The scenario's bars."""
    return scenarios.build(name)[1]["bars"]


def story(name: str, zone: str, minutes: int) -> list[tuple[str, str]]:
    """Events of a scenario at one level on bars of ``minutes`` minutes."""
    return list(events(gathered(bars_of(name), minutes), *ZONES[zone]))


@pytest.mark.parametrize("minutes", [1, 5])
def test_2350_holds_in_constructive(minutes: int) -> None:
    """Swept by wicks and touched again on 2 February, never lost on closes."""
    assert story("constructive", "2,350", minutes) == []
    bars = scenarios.build("constructive")[1]["bars"]
    later = bars[bars.close_ns > parse("2026-02-01")]
    assert 2_350 < later.low.min() < 2_350 * (1 + TOLERANCE)
    assert bars.close.min() > 2_350
    assert bars.low.min() < 2_350


@pytest.mark.parametrize("minutes", [1, 5])
def test_the_zone_is_accepted_in_constructive(minutes: int) -> None:
    """Lost on 31 January, refused several times, accepted on 8 February after a retest."""
    found = story("constructive", "2,750-2,800", minutes)
    kinds = [kind for _, kind in found]
    assert kinds[0] == "lost"
    assert kinds.count("rejected") >= 2
    assert kinds[-3:] == ["accepted", "retest", "held"]
    assert "failed" not in kinds
    assert found[-3][0].startswith("2026-02-08")


@pytest.mark.parametrize("minutes", [1, 5])
def test_3000_is_reclaimed_in_constructive(minutes: int) -> None:
    """Lost on 31 January, refused on the 10th, accepted on the last day and held to its end."""
    found = story("constructive", "3,000", minutes)
    assert [kind for _, kind in found] == ["lost", "touch", "rejected", "touch", "accepted",
                                           "retest", "held"]
    assert found[0][0].startswith("2026-01-31")
    assert found[4][0].startswith("2026-02-11")
    market, tables = scenarios.build("constructive")
    assert market.end_ns == parse("2026-02-12")  # it ends with the day of the reclaim
    assert tables["bars"].close.iloc[-1] > 3_003


@pytest.mark.parametrize("minutes", [1, 5])
def test_2350_is_lost_in_risk(minutes: int) -> None:
    """Lost on 1 February, refused at least twice from below, never accepted again."""
    found = story("risk", "2,350", minutes)
    kinds = [kind for _, kind in found]
    assert kinds[0] == "lost"
    assert found[0][0].startswith("2026-02-01")
    assert kinds.count("rejected") >= 2
    assert "accepted" not in kinds
    assert story("risk", "3,000", minutes)[-1][1] == "lost"


def test_risk_goes_on_falling_with_fresh_liquidations() -> None:
    """At least 15 % below 2,350 within the week; more than 50 M of longs on four of its days."""
    tables = scenarios.build("risk")[1]
    bars, rows = tables["bars"], tables["liquidations"]
    assert bars.low.min() < 2_350 * .85
    longs = rows[(rows.ts > parse("2026-02-01")) & (rows.liq_side == "long")]
    per_day = longs.notional_usd.groupby(longs.ts // (1_440 * MINUTE)).sum() / 1e6
    assert (per_day > 50).sum() >= 4
