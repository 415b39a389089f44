"""What was done in cascades, as tables: one row each, and P&L inside them, after them, elsewhere.

Each function takes the part of ``RunResult.statistics`` it shows and calculates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deleverage import timestamps
from deleverage.tearsheet.replay import survived
from deleverage.tearsheet.text import (
    dollars,
    hours,
    lines,
    money,
    percent,
    price,
    section,
    share,
    table,
)

Figures = Mapping[str, Any]
ROWS = 12  # longer lists are cut here; all rows are in the JSON
NO_SIZE = "no data"

MARKET_HEADERS = ("#", "start (UTC)", "lasted", "longs\nliquidated", "of open\ninterest",
                  "open\ninterest", "low", "low at (UTC)", "confirmed")
TRADE_HEADERS = ("#", "trades", "first entry\nafter the low", "MAE", "MFE", "net", "funding",
                 "slippage", "liqui-\ndated", "near\nmisses", "all survive\nup to")
ZONE_HEADERS = ("time", "", "net", "long", "short")


def cascades(figures: Figures, quote: str) -> str:
    """The market's cascades, the trades that belong to them, and P&L by zone of time."""
    if figures["trigger"] is None:
        return section("CASCADES", lines(figures["missing"], ""))
    if not figures["count"]:
        return section("CASCADES", lines(["none in these bars", *figures["missing"]], ""))
    rows = _shown(figures["rows"])
    more = len(figures["rows"]) - len(rows)
    traded = [row for row in rows if row["trades"]]
    foot = [f"Elsewhere entered and ended: {money(figures['net_elsewhere'])}."]
    if more > 0:
        foot.append(f"Shown are those traded and the largest; {more} more in the JSON.")
    return section(
        f"CASCADES ({quote}; told from {figures['trigger'].replace('_', ' ')})",
        table(MARKET_HEADERS, [_market_row(row) for row in rows]).spaced(),
        table(TRADE_HEADERS, [_trade_row(row) for row in traded]).spaced() if traded
        else "No trade belongs to one.",
        lines([" ".join(foot)], "").spaced(),
        table(ZONE_HEADERS, [_zone_row(row) for row in figures["zones"]], left=1),
        lines(figures["missing"], ""))


def _shown(rows: Sequence[Figures]) -> list[Figures]:
    """Those that were traded, then the largest, as many as fit; in order of time."""
    def weight(row: Figures) -> tuple[bool, float]:
        size = row["size_usd"]
        return bool(row["trades"]), -(row["interest_change"] or 0.0) if size is None else size

    chosen = sorted(rows, key=weight, reverse=True)[:ROWS]
    return sorted(chosen, key=lambda row: int(row["number"]))


def verdict(figures: Figures) -> str:
    """How many cascades, and what hangs on the best of them; empty where they were not looked
    for."""
    if figures["trigger"] is None:
        return ""
    found = f"{figures['count']} cascade{'' if figures['count'] == 1 else 's'} in these bars"
    if figures["best"] is None:
        return f"{found}, none of them traded."
    part = ("" if figures["best_share"] is None else
            f" ({share(figures['best_share'])} of the net result)")
    return (f"{found}, {figures['traded']} traded; the best brought "
            f"{money(figures['best'])}{part}, without it the net of all trades "
            f"is {money(figures['net_without_best'])}.")


def _market_row(row: Figures) -> list[str]:
    lasted = hours((row["end_ns"] - row["start_ns"]) / timestamps.HOUR)
    size = NO_SIZE if row["size_usd"] is None else dollars(row["size_usd"])
    return [str(row["number"]), timestamps.show(row["start_ns"]),
            lasted if row["ended"] else f"{lasted}+", size,
            "" if row["size_share"] is None else percent(row["size_share"], sign=False),
            percent(row["interest_change"], digits=1), price(row["low"]),
            timestamps.show(row["low_ns"]), "yes" if row["confirmed"] else "no"]


def _trade_row(row: Figures) -> list[str]:
    return [str(row["number"]), f"{len(row['trades'])}", _lag(row["entry_lag_h"]),
            percent(row["mae"], sign=False), percent(row["mfe"], sign=False), money(row["net"]),
            money(row["funding"]), money(row["slippage"]), f"{row['liquidated']}",
            f"{row['near_misses']}", survived(row["survivable"])]


def _lag(value: float | None) -> str:
    if value is None:
        return "held before"
    return f"−{hours(-value)}" if value < 0 else hours(value)


def _zone_row(row: Figures) -> list[str]:
    return [f"{row['name']} cascades" if row["name"] == "inside" else row["name"],
            hours(row["hours"]), money(row["net"]), money(row["long"]), money(row["short"])]
