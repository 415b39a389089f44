"""Orders that follow from positions and the path; totals, thinning and times of the reports."""

from __future__ import annotations

import numpy as np
import pandas as pd

from deleverage.market import Market
from deleverage.scenarios import venues
from deleverage.scenarios.book import first_at_or_below
from deleverage.scenarios.reporting import last_of_each_second
from deleverage.scenarios.simulation import Simulation
from deleverage.timestamps import DAY, HOUR, MINUTE, SECOND, parse

CASCADE = parse("2026-01-31")


def rates(venue: pd.Series, leverage: pd.Series) -> np.ndarray:
    """The maintenance rates as they are declared, written out again."""
    return np.where(venue.astype(str) == "hyperliquid", .02, np.where(leverage > 25, .004, .005))


def of_cascade(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the calendar day 31 January (UTC)."""
    return rows[(rows.ts > CASCADE) & (rows.ts <= CASCADE + DAY)]


def test_every_order_is_where_the_mark_reached_its_price(tables: dict[str, pd.DataFrame]) -> None:
    """The minute's mark reaches the liquidation price of each order's entry and leverage."""
    rows, mark = tables["liquidations"], tables["mark"]
    side = np.where(rows.liq_side == "long", 1, -1)
    level = (rows.entry_price * (1 - side / rows.leverage)
             / (1 - side * rates(rows.venue, rows.leverage)))
    bar = np.searchsorted(mark.close_ns, rows.ts, side="left")
    low, high = mark.low.to_numpy()[bar], mark.high.to_numpy()[bar]
    assert ((low <= level) & (level <= high)).all()


def test_the_price_is_the_bankruptcy_price(tables: dict[str, pd.DataFrame]) -> None:
    """Price = E (1 − s/L) on the tick, beyond the liquidation price; notional = size × price."""
    rows = tables["liquidations"]
    side = np.where(rows.liq_side == "long", 1, -1)
    bankrupt = rows.entry_price * (1 - side / rows.leverage)
    np.testing.assert_allclose(rows.price, bankrupt, atol=.0051)
    np.testing.assert_allclose(rows.notional_usd, rows.qty_base * rows.price, atol=.006)
    assert (rows.price_basis == "bankruptcy").all()
    assert (rows.qty_base > 0).all()
    assert rows.leverage.between(3, 100).all()
    assert rows[rows.venue == "hyperliquid"].leverage.max() == 25


def test_every_position_was_opened_before_and_lived_until_then(made: Simulation) -> None:
    """Entry inside the bar it was opened in; no minute in between reached the liquidation price."""
    orders, prices = made.orders, made.prices
    low, high = prices.last.low[orders.opened], prices.last.high[orders.opened]
    assert (orders.opened < orders.minute).all()
    assert ((orders.entry >= low) & (orders.entry <= high)).all()
    level = (orders.entry * (1 - orders.side / orders.leverage)
             / (1 - orders.side * venues.maintenance_rate(orders.venue, orders.leverage)))
    for row in np.linspace(0, len(orders) - 1, 4_000).astype(int):
        between = slice(orders.opened[row] + 1, orders.minute[row])
        if orders.side[row] > 0:
            assert (prices.mark.low[between] > level[row]).all()
        else:
            assert (prices.mark.high[between] < level[row]).all()


def test_first_passage_is_that_of_a_plain_search() -> None:
    """The search by windows finds the first index at or below the level, as a loop does."""
    draw = np.random.default_rng(5)
    series = np.cumsum(draw.standard_normal(700))
    level = draw.uniform(series.min() - 1, series.max() + 1, 900)
    start = draw.integers(0, 701, 900)
    found = first_at_or_below(series, level, start)
    for query in range(900):
        hits = np.flatnonzero(series[start[query]:] <= level[query])
        assert found[query] == (start[query] + hits[0] if len(hits) else 700)


def test_totals_before_and_after_scaling(market: Market, tables: dict[str, pd.DataFrame]) -> None:
    """Long liquidations of 31 January: within 2 % of 485 and 40 M before, exactly those after."""
    notes = market.notes["liquidations"]
    raw = notes["before_scaling_musd"]
    assert abs(raw["all"] / 485 - 1) < .02
    assert abs(raw["binance"] / 40 - 1) < .02
    assert abs(raw["others"] / 445 - 1) < .02
    for group, goal in (("binance", 40), ("others", 445)):
        assert abs(notes["factors"][group] * raw[group] / goal - 1) < 1e-4
    assert .2 < notes["happened_musd"]["binance"] / notes["happened_musd"]["all"] < .3
    longs = of_cascade(tables["liquidations"]).query("liq_side == 'long'")
    assert round(longs.notional_usd.sum() / 1e6, 2) == 485.0
    assert round(longs[longs.venue == "binance"].notional_usd.sum() / 1e6, 2) == 40.0


def test_binance_keeps_the_last_of_each_second(made: Simulation) -> None:
    """At most one Binance event a second, the last of them; the share reported falls in stress."""
    mine = made.orders.venue == venues.BINANCE
    ts, seen = made.orders.ts[mine], made.reported[mine]
    assert len(np.unique(ts[seen] // SECOND)) == seen.sum()
    last = pd.Series(np.arange(len(ts))).groupby(ts // SECOND).last()
    assert np.array_equal(np.flatnonzero(seen), np.sort(last))
    usd = made.orders.notional[mine]
    day = (ts > CASCADE) & (ts <= CASCADE + DAY)
    calm = ts <= CASCADE
    stressed = usd[day & seen].sum() / usd[day].sum()
    assert .15 < stressed < .40
    assert usd[calm & seen].sum() / usd[calm].sum() > .6


def test_thinning_rule() -> None:
    """Of events in one second only the last row stays, also where two have the same time."""
    ts = np.array([0, SECOND - 1, SECOND, SECOND + 5, SECOND + 5, 3 * SECOND], np.int64)
    assert last_of_each_second(ts).tolist() == [False, True, False, False, True, True]


def test_complete_feeds_are_complete(made: Simulation) -> None:
    """Every Bybit and Hyperliquid order is published, about 0.6 of OKX's."""
    names = np.array(venues.NAMES)[made.orders.venue]
    for venue in ("bybit", "hyperliquid", "gate", "bitget", "htx", "other"):
        assert made.reported[names == venue].all()
    assert .57 < made.reported[names == "okx"].mean() < .63


def test_nothing_is_known_before_it_happened(tables: dict[str, pd.DataFrame]) -> None:
    """available_at is later than the event everywhere, within two seconds at the fast venues."""
    rows = tables["liquidations"]
    assert rows.ts.is_monotonic_increasing
    late = rows.available_at - rows.ts
    assert late.min() > 0
    assert late[rows.venue.isin(["binance", "bybit", "okx", "hyperliquid"])].max() < 2 * SECOND
    assert late.max() < 2 * MINUTE
    interest = tables["open_interest"]
    assert (interest.available_at > interest.ts).all()


def test_sizes_are_heavy_tailed(tables: dict[str, pd.DataFrame]) -> None:
    """Median between 0.8k and 2k USD, p90 about 13k, p99 above 100k; the largest a few million."""
    usd = tables["liquidations"].notional_usd
    assert 800 < usd.median() < 2_000
    assert 8_000 < usd.quantile(.9) < 20_000
    assert 100e3 < usd.quantile(.99) < 300e3
    assert 4e6 < usd.max() < 15e6


def test_three_waves_most_of_it_near_the_low(tables: dict[str, pd.DataFrame]) -> None:
    """Three separate hours carry the day, the last and largest around the low; few in between."""
    longs = of_cascade(tables["liquidations"]).query("liq_side == 'long'")
    usd = longs.notional_usd.groupby((longs.ts - CASCADE) // HOUR).sum() / 485e6
    assert usd.loc[18] == usd.max() > .40
    assert usd.loc[14] > .10
    assert usd.loc[16] > .15
    assert usd.reindex([17, 19, 20]).fillna(0).max() < .03


def test_bursts(tables: dict[str, pd.DataFrame]) -> None:
    """Most events of a complete feed follow the one before within a second."""
    ts = tables["liquidations"].query("venue == 'bybit'").ts.to_numpy()
    assert .5 < np.mean(np.diff(ts) < SECOND) < .8


def test_both_sides_and_quiet_days(tables: dict[str, pd.DataFrame]) -> None:
    """Shorts die on bounces and rallies; the days before the cascade see 10 to 60 M in all."""
    rows = tables["liquidations"]
    for day in ("2026-01-28", "2026-01-29", "2026-01-30"):
        start = parse(day)
        usd = rows[(rows.ts > start) & (rows.ts <= start + DAY)].groupby(
            "liq_side", observed=True).notional_usd.sum() / 1e6
        assert 10 < usd.sum() < 60
        assert usd.min() > 5
    shorts = of_cascade(rows).query("liq_side == 'short'").notional_usd.sum() / 1e6
    assert 2 < shorts < 60
