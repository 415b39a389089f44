"""Runs beside a run, as a sheet shows them: other notionals, and an account nobody liquidates."""

from __future__ import annotations

from collections.abc import Sequence

from deleverage.beside import CapacityRow, Shadow, carried
from deleverage.tearsheet.text import lines, money, number, percent, section, share, table

HEADERS = ("notional of\nan entry", "wallet", "return", "net", "slippage", "bp of\nturnover",
           "most of a\nbar's volume", "trades", "liquid-\nations", "orders\nrefused")


def capacity(rows: Sequence[CapacityRow], quote: str) -> str:
    """The run at other notionals, and up to which of them it earned anything."""
    if not rows:
        return ""
    ran = [row for row in rows if row.outcome is not None]
    left: dict[str, list[str]] = {}
    for row in rows:
        if row.outcome is None:
            left.setdefault(row.why, []).append(_whole(row.notional))
    notes = [f"{', '.join(notionals)}: not run, {why}" for why, notionals in left.items()]
    notes += [f"{_whole(row.notional)}: {row.rejections:,} order{'s' if row.rejections > 1 else ''}"
              f" refused, most of them: {row.reason}" for row in ran if row.rejections]
    return section(
        f"CAPACITY ({quote}; the run again, every entry of one notional, the wallet in proportion)",
        lines([_carried(rows)], "") if ran else "",
        table(HEADERS, [_cells(row) for row in ran], left=0) if ran else "",
        lines(notes),
        lines([f"Every entry is of the same notional, whatever was won or lost before it. Takers' "
               f"fills cost {ran[0].policy}. Limit fills are as in the run, whatever the size."],
              "") if ran else "")


def _carried(rows: Sequence[CapacityRow]) -> str:
    best = carried(rows)
    largest = max(row.notional for row in rows if row.outcome is not None)
    if not best:
        return "The net result is positive at none of these notionals from the smallest up."
    if best == largest:
        return f"The net result is positive at every notional tried, up to {_whole(best)}."
    return f"The net result stays positive up to a notional of {_whole(best)}, of those tried."


def _cells(row: CapacityRow) -> list[str]:
    done = row.outcome
    if done is None:
        return []
    return [_whole(row.notional), _whole(row.cash), percent(done.total_return), money(done.net),
            money(row.slippage, sign=False), number(row.slippage_bp), share(row.largest_share),
            f"{done.trades:,}", f"{done.liquidations:,}", f"{row.rejections:,}"]


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def claimed(shadow: Shadow | None, quote: str) -> str:
    """The sentence of a verdict; empty where there is no shadow."""
    if shadow is None:
        return ""
    owed = ", below zero" if shadow.lowest < 0 else ""
    return (f"Without liquidation this run would have been reported as "
            f"{percent(shadow.outcome.total_return)} ({money(shadow.outcome.net)} {quote}), "
            f"through an equity of {money(shadow.lowest, sign=False)} {quote}{owed}.")
