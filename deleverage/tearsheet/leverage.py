"""What leverage did, as tables: the scan, exposure by tier, near misses.

Each function takes the part of ``RunResult.statistics`` (or the scan) it shows and calculates
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deleverage import timestamps
from deleverage.statistics.leverage_scan import LeverageScan, ScanRow
from deleverage.tearsheet.text import (
    basis_points,
    hours,
    leverage,
    lines,
    money,
    number,
    page,
    percent,
    price,
    section,
    share,
    table,
    withheld,
)

Figures = Mapping[str, Any]
ROWS = 10  # longer lists are cut here; all rows are in the JSON

SCAN_HEADERS = ("set", "return", "drawdown\nin bar", "trades", "liquid-\nations",
                "margin\nlost", "P(liq. |\nright)", "funding", "near\nmisses",
                "closest\nto mark")


def scan(view: LeverageScan | None, quote: str) -> str:
    """Both scans, the largest surviving leverage under each."""
    if view is None:
        return section("LEVERAGE SCAN", "not run (--no-scan)")
    blocks = []
    for name, words, rows, survives in (
            ("same margin fraction", "notional grows with leverage", view.same_fraction,
             view.survives_fraction),
            ("same notional", "only the distance to liquidation changes", view.same_notional,
             view.survives_notional)):
        title = f"LEVERAGE SCAN, {name}: {words} (money in {quote})"
        blocks.append(section(
            title, table(SCAN_HEADERS, [_scan_row(row, view.base_leverage) for row in rows]),
            _scan_notes(rows), f"{survival(survives, rows).capitalize()}."))
    return page(*blocks)


def survival(survives: float | None, rows: Sequence[ScanRow]) -> str:
    """The largest leverage without a liquidation, in words."""
    traded = [row for row in rows if row.feasible and row.trades]
    if not traded:
        return "largest leverage without a liquidation n/a, nothing was traded"
    if survives is None:
        return f"no leverage survived: liquidated at {leverage(traded[0].leverage)} already"
    return f"largest leverage without a liquidation {leverage(survives)}"


def _scan_row(row: ScanRow, base: float) -> list[str]:
    mark = " ◄" if row.leverage == base else ""
    if not row.feasible:
        return [f"{leverage(row.leverage)}{mark}", *["–"] * (len(SCAN_HEADERS) - 1)]
    return [
        f"{leverage(row.leverage)}{mark}", percent(row.total_return),
        percent(row.max_drawdown, sign=False), _count(row.trades), _count(row.liquidations),
        money(row.margin_lost, sign=False), chance(row.p_liquidated_right, row.right),
        money(row.funding), _count(row.near_misses), basis_points(row.closest_bp),
    ]


def _scan_notes(rows: Sequence[ScanRow]) -> str:
    return lines((f"{leverage(row.leverage)}: {row.note}" for row in rows if row.note), "  ")


def chance(value: float | None, n: int | None) -> str:
    """A probability with the sample it was counted on."""
    if value is None:
        return withheld(n or 0)
    return f"{percent(value, sign=False, digits=0)} (n={n})"


def _count(value: int | None) -> str:
    return withheld() if value is None else f"{value:,}"


def exposure(figures: Figures, quote: str) -> str:
    """Time by current tier, money by tier at entry."""
    current = [row for row in figures["by_tier"] if row["time_h"]]
    entry = [row for row in figures["by_entry"] if row["trades"]]
    if not current and not entry:
        return section("EXPOSURE BY LEVERAGE TIER", "never in the market")
    time = table(
        ("tier", "time", "share of\ntime held", f"notional-\nhours {quote}",
         "distance to\nliquidation p05", "\np25", "\np50", "without a liq-\nuidation price",
         "margin ratio\nmaximum"),
        ([row["tier"], hours(row["time_h"]), share(row["share"]),
          number(row["notional_hours"], 0), share(row["distance_p05"]),
          share(row["distance_p25"]), share(row["distance_p50"]),
          hours(row["no_liquidation_price_h"]), share(row["margin_ratio_max"])]
         for row in current))
    cash = table(
        ("tier", "trades", "net", "gross", "fees", "funding", "liqui-\ndations", "reduc-\ntions",
         "margin\nlost", "part of\ndrawdown"),
        ([row["tier"], _count(row["trades"]), money(row["net"]), money(row["gross"]),
          money(row["fees"]), money(row["funding"]), _count(row["liquidations"]),
          _count(row["reductions"]), money(row["margin_lost"], sign=False),
          money(row["drawdown"])] for row in entry))
    most = (f"Largest effective leverage: account {leverage(figures['max_account_leverage'])}, "
            f"position {leverage(figures['max_position_leverage'])}.")
    return page(
        section("EXPOSURE BY CURRENT TIER (effective leverage while held)", time, most),
        section(f"MONEY BY TIER AT ENTRY ({quote})", cash))


def near_misses(figures: Figures) -> str:
    """Positions that came close to liquidation and lived."""
    title = "NEAR MISSES (positions that lived with at least 80 % of their buffer used)"
    head = (f"{figures['at_80']} of {figures['lived']} positions that lived used ≥ 80 % of their "
            f"buffer, {figures['at_90']} ≥ 90 %, {figures['at_95']} ≥ 95 %; closest approach "
            f"{basis_points(figures['closest_bp'])} of mark; last price went through the "
            f"liquidation price without the mark: {figures['last_through']}.")
    if not figures["lived"]:
        return section(title, "no position lived")
    rows = sorted(figures["rows"], key=lambda row: -(row["buffer_used"] or 0.0))
    if not rows:
        return section(title, *wrapped(head))
    body = table(
        ("#", "when (UTC)", "side", "buffer\nused", "USD\naway", "of mark", "24 h\nvols", "mark",
         "liq.\nprice", "mark\nis", "last\nthrough"),
        ([f"#{row['number']}", timestamps.show(row["ts"]), side(row["side"]),
          share(row["buffer_used"]), money(row["distance_usd"], sign=False),
          basis_points(row["distance_bp"]), number(row["distance_vol"]), price(row["mark"]),
          price(row["liquidation_price"]), row["mark_state"], YES_NO[row["last_through"]]]
         for row in rows[:ROWS]), left=2)
    return section(title, *wrapped(head), body, more(rows))


YES_NO = {True: "yes", False: "no", None: "n/a"}


def side(value: object) -> str:
    """``long`` or ``short`` of a sign or of the word itself."""
    if isinstance(value, str):
        return value
    return "long" if isinstance(value, int | float) and value > 0 else "short"


def more(rows: Sequence[object]) -> str:
    """How many rows of a cut list are not shown."""
    return f"… {len(rows) - ROWS} more in the JSON" if len(rows) > ROWS else ""


def wrapped(text: str) -> tuple[str, ...]:
    """The text wrapped to the sheet's width; nothing of an empty one."""
    return (lines([text], ""),) if text else ()
