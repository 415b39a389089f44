"""What the market did, beside what the strategies did: levels, and liquidations by venue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deleverage import timestamps
from deleverage.columns import MarketColumns
from deleverage.detectors.level_history import LevelHistory, level_history
from deleverage.detectors.levels import LevelRules, parse_levels
from deleverage.market import Coverage, Market
from deleverage.tearsheet.text import dollars, lines, section, share, table

if TYPE_CHECKING:
    import pandas as pd

LEVELS = "2350,2750-2800,3000"  # of the source documents


def level_histories(columns: MarketColumns, text: str = LEVELS) -> tuple[LevelHistory, ...]:
    """What happened at each of the levels, by the default rules."""
    lines = columns.lines
    return level_history(parse_levels(text), lines["high"], lines["low"], lines["close"])


def levels(columns: MarketColumns, text: str = LEVELS) -> str:
    """At each level: touched, accepted, held, failed, with the first time and how often."""
    rules, found = LevelRules(), level_histories(columns, text)
    made = "SYNTHETIC " if columns.market.synthetic else ""
    body = table(
        ("level", "last word", "touched", "accepted", "held", "failed"),
        ([str(item.level), item.outcome, *_times(item, columns)] for item in found), left=2)
    words = (f"First time (UTC) and number of times. Touched: within {rules.retest_bp:g} bp. "
             f"Accepted: {rules.n_closes} closes above, after {rules.arm_below} closes below. "
             f"Held: {rules.retest_hold} closes at or above after a test. "
             f"Failed: {rules.fail_closes} closes below.")
    return section(f"LEVELS on {made}{columns.market.name}", body, lines([words], ""))


def _times(item: LevelHistory, columns: MarketColumns) -> list[str]:
    return [_first(bars, columns) for bars in (item.touched, item.accepted, item.held, item.failed)]


def _first(bars: Sequence[int], columns: MarketColumns) -> str:
    if not bars:
        return "never"
    return f"{timestamps.show(int(columns.close_ns[bars[0]]))} × {len(bars)}"


@dataclass(frozen=True, slots=True)
class VenueTotal:
    """Liquidated USD of one venue in one window, as its provider reports it."""

    venue: str
    provider: str
    completeness: str
    long_usd: float
    short_usd: float
    orders: int
    covered: bool  # whether the feed was alive for the whole window


def venue_totals(market: Market, events: pd.DataFrame, start_ns: int,
                 end_ns: int) -> tuple[VenueTotal, ...]:
    """Totals by venue of the events with ``start_ns`` ≤ ts < ``end_ns``, largest first."""
    covers = {cover.venue: cover for cover in market.coverage if cover.table == "liquidations"}
    inside = events[(events["ts"] >= start_ns) & (events["ts"] < end_ns)]
    found = []
    for venue, rows in inside.groupby("venue", observed=True):
        cover = covers.get(str(venue))
        usd = rows.groupby("liq_side", observed=True)["notional_usd"].sum()
        found.append(VenueTotal(
            str(venue), "unknown" if cover is None else cover.provider,
            "unknown" if cover is None else cover.completeness, float(usd.get("long", 0.0)),
            float(usd.get("short", 0.0)), len(rows), _covers(cover, start_ns, end_ns)))
    return tuple(sorted(found, key=lambda row: -(row.long_usd + row.short_usd)))


def day_totals(market: Market, events: pd.DataFrame, day: str) -> tuple[VenueTotal, ...]:
    """Totals by venue of one calendar day in UTC."""
    start = timestamps.parse(day)
    return venue_totals(market, events, start, start + timestamps.DAY)


def _covers(cover: Coverage | None, start_ns: int, end_ns: int) -> bool:
    return cover is not None and cover.start_ns <= start_ns and cover.end_ns >= end_ns


def liquidation_day(market: Market, events: pd.DataFrame, day: str) -> str:
    """One calendar day in UTC: each venue's reported liquidations, and Binance's reported share."""
    totals = day_totals(market, events, day)
    made = "SYNTHETIC " if market.synthetic else ""
    title = f"{made}LIQUIDATIONS of {market.instrument.base}, calendar day {day} UTC"
    if not totals:
        return section(title, "none reported in this window")
    long, short = sum(row.long_usd for row in totals), sum(row.short_usd for row in totals)
    rows = [[row.venue, row.provider, row.completeness, "all day" if row.covered else "in part",
             dollars(row.long_usd), dollars(row.short_usd), f"{row.orders:,}",
             share(row.long_usd / long if long else None)] for row in totals]
    rows.append(["all venues", "", "", "", dollars(long), dollars(short),
                 f"{sum(row.orders for row in totals):,}", share(1.0 if long else None)])
    body = table(("venue", "provider", "completeness", "covered", "longs", "shorts", "orders",
                  "reported share\nof longs"), rows, left=4)
    return section(title, body, lines(_binance(totals, long), ""))


def _binance(totals: Sequence[VenueTotal], long: float) -> list[str]:
    own = next((row for row in totals if row.venue == "binance"), None)
    if own is None or not long:
        return []
    words = (f"Binance reported {dollars(own.long_usd)} of {dollars(long)} in longs, a reported "
             f"share of {share(own.long_usd / long)}.")
    if own.completeness == "sampled_1s":
        words += (" Its feed publishes at most one order a second, so a low reported share does "
                  "not show that it was quiet.")
    return [words]
