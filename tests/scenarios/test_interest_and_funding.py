"""Open interest in coins and the rates of funding around the cascade."""

from __future__ import annotations

import numpy as np
import pandas as pd

from deleverage.scenarios.funding import settled_rate
from deleverage.timestamps import DAY, HOUR, MINUTE, parse

CASCADE = parse("2026-01-31")


def coins(table: pd.DataFrame, instant: str) -> float:
    """Open interest of the snapshot taken at ``instant``."""
    return float(table.set_index("ts").oi_base.loc[parse(instant)])


def test_open_interest_falls_in_waves(tables: dict[str, pd.DataFrame]) -> None:
    """12 to 18 % of the coins leave on 31 January, in three waves of which the last is largest."""
    table = tables["open_interest"]
    assert (np.diff(table.ts) == 5 * MINUTE).all()
    day = coins(table, "2026-02-01") / coins(table, "2026-01-31") - 1
    assert -.18 < day < -.12
    waves = [coins(table, f"2026-01-31T{last}") - coins(table, f"2026-01-31T{first}")
             for first, last in (("14:00", "15:00"), ("16:00", "17:00"), ("18:00", "19:00"))]
    assert waves[2] < waves[1] < waves[0] < -20e3


def test_closing_goes_on_after_the_low(tables: dict[str, pd.DataFrame]) -> None:
    """In the hour after the wave another per cent is closed, with hardly a liquidation."""
    table, rows = tables["open_interest"], tables["liquidations"]
    tail = coins(table, "2026-01-31T20:00") / coins(table, "2026-01-31T19:00") - 1
    assert -.05 < tail < -.008
    after = rows[(rows.ts > CASCADE + 19 * HOUR) & (rows.ts <= CASCADE + 20 * HOUR)]
    assert after.notional_usd.sum() < 5e6


def test_open_interest_rises_into_the_cascade(tables: dict[str, pd.DataFrame]) -> None:
    """Longs are added before the fall: the peak stands within hours of the first wave."""
    table = tables["open_interest"]
    before = table[table.ts <= CASCADE + 14 * HOUR]
    assert before.oi_base.iloc[-1] > 1.02 * before.oi_base.iloc[0]
    assert before.ts.iloc[int(before.oi_base.argmax())] > CASCADE + 6 * HOUR
    np.testing.assert_allclose(
        table.oi_usd, table.oi_base * _mark_at(tables["mark"], table.ts), rtol=1e-9)


def _mark_at(mark: pd.DataFrame, ts: pd.Series) -> np.ndarray:
    """Mark at each snapshot; the first one is the open of the first bar."""
    known = dict(zip(mark.close_ns, mark.close, strict=True))
    known[int(mark.close_ns.iloc[0]) - MINUTE] = float(mark.open.iloc[0])
    return np.array([known[stamp] for stamp in ts])


def test_settlements_every_eight_hours(tables: dict[str, pd.DataFrame]) -> None:
    """Stamps at 00, 08 and 16 UTC without a hole, each with its interval, known at its stamp."""
    table, end = tables["funding"], int(tables["bars"].close_ns.iloc[-1])
    expected = np.arange(parse("2026-01-28") + 8 * HOUR, end + 1, 8 * HOUR)
    assert np.array_equal(table.ts, expected)
    assert (table.interval_h == 8).all()
    assert (table.available_at >= table.ts).all()


def test_funding_range(tables: dict[str, pd.DataFrame]) -> None:
    """About 0 to +1 bp before, -0.9 to -2 bp right after the cascade, never outside -3 … +1 bp."""
    bp = tables["funding"].set_index("ts").rate * 1e4
    before = bp[bp.index <= CASCADE - DAY]
    assert before.between(-.3, 1).all()
    assert before.mean() > .1
    around = bp[(bp.index > CASCADE + 16 * HOUR) & (bp.index <= CASCADE + 40 * HOUR)]
    assert around.between(-2, -.9).all()
    assert bp.between(-3, 1).all()


def test_the_formula_of_the_rate() -> None:
    """Mean premiums of the reference give its rates."""
    premium = np.array([-.0020, -.00046, .0003, .0008])
    np.testing.assert_allclose(settled_rate(premium), [-.0015, .00004, .0001, .0003], atol=1e-12)
