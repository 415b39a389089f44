"""What other leverages would have met, as tables: the paradox and the survival frontier.

Each function takes the part of ``RunResult.statistics`` it shows and calculates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deleverage import timestamps
from deleverage.statistics.leverage_scan import LEVERAGES
from deleverage.tearsheet.text import leverage, lines, money, percent, section, share, table

Figures = Mapping[str, Any]
ROWS = 10  # longer lists are cut here; all rows are in the JSON

PARADOX_HEADERS = ("trade", "entry (UTC)", "lever-\nage", "net", "on\nmargin", "at 1x",
                   "of its\nnotional", "had it\nlived", "until", "survives\nup to")
FRONTIER_HEADERS = ("leverage", "trades", "survive", "share", "net", "right and\nliquidated")


def paradox(figures: Figures, quote: str, margin: str) -> str:
    """Trades that were right and liquidated, three times each; then what all of them add up to."""
    if not figures["trades"]:
        return section("PARADOX", figures["withheld"]) if figures["withheld"] else ""
    hit = [row for row in figures["rows"] if row["paradox"]]
    made = ""
    if figures["right_liquidated"]:
        made = (f": they made {money(figures['net_right_liquidated'])}, and had they lived to "
                f"their planned exit {money(figures['planned_right_liquidated'])}")
    head = (f"Of {_trades(figures['trades'])} liquidated: {figures['liquidated']}, of these right "
            f"on direction: {figures['right_liquidated']}{made}. All trades as they were "
            f"{money(figures['net'])}, at 1x {money(figures['net_at_1x'])}, with nothing forced "
            f"out {money(figures['net_planned'])}.")
    foot = f"{len(hit) - ROWS} more in the JSON." if len(hit) > ROWS else ""
    if margin == "cross":
        foot += " Positions of a cross account are replayed as if each stood alone, isolated."
    return section(
        f"PARADOX: RIGHT AND LIQUIDATED ({quote}; replayed on the mark, the same notional)",
        lines([head], ""), lines([survivable(figures)], ""),
        table(PARADOX_HEADERS, [_paradox_row(row) for row in hit[:ROWS]]) if hit else "",
        lines([foot.strip()], "") if foot else "")


def survivable(figures: Figures) -> str:
    """The verdict line: which leverage 95 % of the trades would have survived."""
    if not figures["trades"]:
        return ""
    return (f"Largest leverage survived, by replay of each trade: 5 % quantile "
            f"{survived(figures['survivable_q05'])}, median "
            f"{survived(figures['survivable_q50'])}, least "
            f"{survived(figures['survivable_min'])} (over {_trades(figures['trades'])}).")


def frontier(figures: Figures, quote: str) -> str:
    """Share of trades that survive and their P&L, by leverage."""
    if not figures["trades"]:
        return ""
    every = figures["all_survive"]
    words = "not even 1x is survived by every trade" if every is None else \
        f"every trade survives up to {leverage(every)}"
    foot = [f"{words[0].upper()}{words[1:]}."]
    if figures["extended"]:
        where = ", ".join(f"{count} to its {name}" if name != "end of run" else
                          f"{count} to the end of the run"
                          for name, count in figures["by_basis"].items())
        foot.append(f"Trades the venue ended or reduced are held on: {where}.")
    if any(row["in_steps"] for row in figures["rows"]):
        foot.append("Where the venue would have closed in steps, the whole margin counts as lost.")
    return section(
        f"SURVIVAL FRONTIER ({quote}; every trade replayed with its notional, no compounding)",
        table(FRONTIER_HEADERS, [_frontier_row(row) for row in _shown(figures)]),
        lines([" ".join(foot)], ""))


def _shown(figures: Figures) -> Sequence[Figures]:
    """The rows of the scan's leverages, the limit, and both sides of the border."""
    border = figures["all_survive"] or 0.0
    wanted = {*LEVERAGES, figures["limit"], border, border + 1}
    return [row for row in figures["rows"] if row["leverage"] in wanted and row["granted"]]


def _frontier_row(row: Figures) -> list[str]:
    return [leverage(row["leverage"]), f"{row['granted']:,}", f"{row['surviving']:,}",
            share(row["share"]), money(row["net"]), f"{row['right_liquidated']:,}"]


def _paradox_row(row: Figures) -> list[str]:
    return [f"{row['number']} {'long' if row['side'] > 0 else 'short'}",
            timestamps.show(row["entry_ns"]), leverage(row["leverage"]), money(row["net"]),
            percent(row["return_on_margin"], digits=0), money(row["net_at_1x"]),
            percent(row["return_at_1x"]), money(row["net_planned"]), row["basis"],
            survived(row["survivable"])]


def survived(value: float | None) -> str:
    """A leverage that was survived, never rounded up to one that was not."""
    if not value:
        return "not even 1x"
    return f"{int(value * 10 + 1e-9) / 10:.1f}x"


def _trades(count: int) -> str:
    return f"{count:,} trade{'' if count == 1 else 's'}"
