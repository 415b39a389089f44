"""Bars that a market could have printed, and the fall that the documents describe."""

from __future__ import annotations

import numpy as np
import pandas as pd

from deleverage.timestamps import DAY, MINUTE, parse

BP = 1e-4


def of_day(table: pd.DataFrame, day: str) -> pd.DataFrame:
    """The minutes of a calendar day (UTC)."""
    start = parse(day)
    return table[(table.close_ns > start) & (table.close_ns <= start + DAY)]


def between(table: pd.DataFrame, first: str, last: str) -> pd.DataFrame:
    """The minutes that close after ``first`` and not after ``last``."""
    return table[(table.close_ns > parse(first)) & (table.close_ns <= parse(last))]


def annualised(close: pd.Series) -> float:
    """Realised volatility of five-minute closes, scaled to a year of 365 days."""
    moves = np.diff(np.log(close.to_numpy()[4::5]))
    return float(np.sqrt(np.mean(moves ** 2) * 288 * 365))


def test_bars_are_possible(tables: dict[str, pd.DataFrame]) -> None:
    """High and low enclose open and close, each bar opens where the last closed, on the tick."""
    for table in (tables["bars"], tables["mark"]):
        assert (table.high >= table[["open", "close"]].max(axis=1)).all()
        assert (table.low <= table[["open", "close"]].min(axis=1)).all()
        assert (table.low > 0).all()
        assert np.array_equal(table.open.to_numpy()[1:], table.close.to_numpy()[:-1])
        for column in ("open", "high", "low", "close"):
            assert np.allclose(table[column] * 100, np.rint(table[column] * 100), atol=1e-6)
    assert (tables["bars"].volume > 0).all()


def test_the_fall_of_31_january(tables: dict[str, pd.DataFrame]) -> None:
    """From the 3,000 zone to about 2,350 in one day, the low of the day between 18:30 and 19:00."""
    last, mark = of_day(tables["bars"], "2026-01-31"), of_day(tables["mark"], "2026-01-31")
    assert 2_980 < last.open.iloc[0] < 3_040
    assert 2_340 < mark.low.min() < 2_360
    assert 2_400 < last.close.iloc[-1] < 2_460
    lowest = int(last.close_ns.iloc[int(last.low.argmin())])
    assert parse("2026-01-31T18:30") < lowest <= parse("2026-01-31T19:00")


def test_the_wick_at_the_low_comes_back_within_minutes(tables: dict[str, pd.DataFrame]) -> None:
    """Last trades 0.5 to 3 % below 2,350; the minute closes above it, ten minutes later +2 %."""
    last = of_day(tables["bars"], "2026-01-31").reset_index(drop=True)
    at = int(last.low.argmin())
    assert 2_280 < last.low[at] < 2_338
    assert last.close[at] > 2_350
    assert last.close[at:at + 10].max() > last.low[at] * 1.02
    assert last.close.min() > 2_350


def test_bounces_on_the_way_down(tables: dict[str, pd.DataFrame]) -> None:
    """Between the waves five-minute closes rise 1 to 3 % above their running minimum, twice."""
    for first, last in (("2026-01-31T14:00", "2026-01-31T15:45"),
                        ("2026-01-31T16:30", "2026-01-31T17:57")):
        close = between(tables["bars"], first, last).close.to_numpy()[4::5]
        bounce = (close / np.minimum.accumulate(close) - 1).max()
        assert .01 < bounce < .03, (first, bounce)


def test_volatility(tables: dict[str, pd.DataFrame]) -> None:
    """Annualised about 0.5-0.75 before, about 1.1-1.3 on the day; no five minutes beyond -3 %."""
    for day in ("2026-01-28", "2026-01-29", "2026-01-30"):
        assert .45 < annualised(of_day(tables["bars"], day).close) < .80, day
    before = between(tables["bars"], "2026-01-28", "2026-01-31").close
    assert .55 < annualised(before) < .70
    close = of_day(tables["bars"], "2026-01-31").close
    assert 1.0 < annualised(close) < 1.35
    assert -.03 < np.diff(np.log(close.to_numpy()[4::5])).min() < -.01


def test_fat_tails_and_clusters(tables: dict[str, pd.DataFrame]) -> None:
    """Five-minute returns have fat tails and clustered sizes, as measured on real bars."""
    moves = np.diff(np.log(tables["bars"].close.to_numpy()[4::5]))
    size = np.abs(moves)
    assert 3 < np.mean(moves ** 4) / np.mean(moves ** 2) ** 2 < 60
    assert np.corrcoef(size[1:], size[:-1])[0, 1] > .15


def test_last_against_mark(tables: dict[str, pd.DataFrame]) -> None:
    """Lows differ by 1-2 bp in ordinary hours, by 40 to 200 in the worst hour of each wave."""
    bars, mark = tables["bars"], tables["mark"]
    hour = (bars.close_ns - MINUTE) // (60 * MINUTE)
    gap = (1 - bars.low.groupby(hour).min() / mark.low.groupby(hour).min()) / BP
    calm = gap[gap.index < parse("2026-01-31") // (60 * MINUTE)]
    assert .3 < calm.abs().median() < 3
    assert calm.abs().quantile(.9) < 12
    worst = gap[gap.index >= parse("2026-01-31") // (60 * MINUTE)]
    assert 100 < worst.max() < 200
    in_the_day = gap[(gap.index // 24) == parse("2026-01-31") // DAY]
    assert (in_the_day > 40).sum() == 3  # one per wave
    closes = np.abs(bars.close / mark.close - 1) / BP
    assert closes.median() < 2


def test_index_is_near_the_mark(tables: dict[str, pd.DataFrame]) -> None:
    """The perpetual trades a few basis points below the index, never more than ten."""
    premium = (tables["mark"].close / tables["bars"].index_close - 1) / BP
    assert -6 < premium.median() < -2
    assert premium.abs().max() < 10
