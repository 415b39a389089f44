"""What it earned and cost, as tables: performance, drawdown, gross to net, funding, trades.

Each function takes the part of ``RunResult.statistics`` it shows and calculates nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deleverage import timestamps
from deleverage.tearsheet.blocks import Table
from deleverage.tearsheet.text import (
    hours,
    lines,
    money,
    number,
    percent,
    section,
    share,
    table,
)

Figures = Mapping[str, Any]


def drawdown(figures: Figures, quote: str) -> str:
    """Depth at the bar's close and inside it, and how long it lasted."""
    rows = (
        ("at the bar's close", percent(figures["max"], sign=False),
         money(figures["max_usd"], sign=False), when(figures["peak_ns"]),
         when(figures["trough_ns"]), _recovered(figures)),
        ("inside the bar (worst point)", percent(figures["max_inside"], sign=False),
         money(figures["max_inside_usd"], sign=False), when(figures["inside_peak_ns"]),
         when(figures["inside_trough_ns"]), ""),
    )
    rest = (f"Under water {share(figures['under_water'])} of the time, longest "
            f"{hours(_span(figures['longest_ns']))}, {figures['drawdowns']} drawdowns, average "
            f"{percent(figures['average'], sign=False)}.")
    head = ("equity at mark", "deepest", quote, "from (UTC)", "to (UTC)", "recovered (UTC)")
    return section("DRAWDOWN", table(head, rows), rest)


def _recovered(figures: Figures) -> str:
    if figures["trough_ns"] is None:
        return "n/a"
    return when(figures["recovered_ns"]) if figures["recovered_ns"] is not None else "not yet"


def _span(value: float | None) -> float | None:
    return None if value is None else value / timestamps.HOUR


def when(stamp: int | None) -> str:
    """A UTC stamp, ``n/a`` where there is none."""
    return "n/a" if stamp is None else timestamps.show(stamp)


def performance(figures: Figures) -> str:
    """Annual figures, each withheld with its reason where the sample is short."""
    names = (("cagr", "CAGR", percent), ("volatility", "volatility p.a.", percent),
             ("sharpe", "Sharpe", number), ("sortino", "Sortino", number),
             ("calmar", "Calmar", number))
    reasons = figures["withheld"]
    cells = [(label, reasons.get(key) or form(figures[key])) for key, label, form in names]
    span = number(figures["days"], 1)
    head = f"PERFORMANCE ({span} days, 365 a year, from {figures['daily_returns']} daily returns)"
    cells += [("best day", percent(figures["best_day"])),
              ("worst day", percent(figures["worst_day"]))]
    return section(head, table([name for name, _ in cells], [[cell for _, cell in cells]], left=0))


STEPS = {
    "price": "price, before slippage", "slippage": "slippage", "fees": "fees",
    "funding": "funding", "liquidation": "liquidation, price loss and the venue's fee",
    "insurance": "insurance fund",
}


def costs(figures: Figures, quote: str) -> str:
    """From gross to net, step by step; the steps add up to the net."""
    rows = [(STEPS[step["name"]], money(step["amount"])) for step in figures["steps"]]
    rows.append(("= net", money(figures["net"])))
    foot = (f"Gross at the prices paid {money(figures['gross'])}, of it liquidated positions "
            f"{money(figures['of_gross']['liquidations'])}, unrealised "
            f"{money(figures['unrealised'])}; turnover {money(figures['turnover'], sign=False)}, "
            f"fees {percent(_positive(figures['fees_share']), sign=False, digits=3)} of it.")
    return section(f"FROM GROSS TO NET ({quote})", table(("", quote), rows), lines([foot], ""))


def _positive(value: float | None) -> float | None:
    return None if value is None else abs(value)


def funding(figures: Figures, quote: str) -> str:
    """The settlements met, by state, and how much money was uncertain."""
    if not figures["payments"] and not figures["missing_due"]:
        return section("FUNDING", "no settlement on a held position")
    rows = ([row["state"], f"{row['count']:,}", money(row["net"]),
             "" if row["state"] == "settled" else money(row["expected"])]
            for row in figures["by_state"] if row["count"])
    head = (f"{figures['payments']} payments, net {money(figures['net'])} (received "
            f"{money(figures['received'])}, paid {money(figures['paid'])}), largest "
            f"{money(figures['largest'])}; on longs {money(figures['long'])}, on shorts "
            f"{money(figures['short'])}.")
    basis = ", ".join(f"{row['count']:,} on {row['basis']} ({money(row['net'])})"
                      for row in figures["by_basis"])
    doubt = ""
    if figures["missing_due"] or figures["uncertain"]:
        doubt = (f"Without a known rate or price: {figures['missing_due']}, of these not booked "
                 f"{figures['unbooked']} (at the last known rate {money(figures['expected'])}); "
                 f"uncertain money {money(figures['uncertain'], sign=False)} "
                 f"({share(figures['uncertain_share'])} of all funding).")
    return section(f"FUNDING ({quote}; a payment of the account is negative)",
                   lines([head], ""),
                   table(("state", "settlements", "net", "at the last\nknown rate"), rows),
                   f"Charged on the price of: {basis}." if basis else "",
                   lines([doubt], "") if doubt else "")


def trades(figures: Figures, quote: str) -> str:
    """The trade list added up by exit reason and by side."""
    if not figures["count"] and not figures["open"]:
        return section("TRADES", "none")
    short = figures["withheld"]
    head = (f"{figures['count']} closed, {figures['open']} open; {figures['wins']} won, "
            f"{figures['losses']} lost (win rate "
            f"{short.get('win_rate') or share(figures['win_rate'])}); expectancy "
            f"{short.get('expectancy') or money(figures['expectancy'])} a trade, profit factor "
            f"{short.get('profit_factor') or number(figures['profit_factor'])}; best "
            f"{money(figures['best'])}, worst {money(figures['worst'])}; in the market "
            f"{share(figures['time_in_market'])} of the time, "
            f"{hours(figures['average_holding_h'])} a trade.")
    right = (f"Direction right in {figures['right']}, wrong in {figures['wrong']}; liquidated "
             f"{figures['liquidated']}, of these right on direction "
             f"{figures['right_liquidated']}; reduced by the venue and lived "
             f"{figures['reduced']}, auto-deleveraged {figures['auto_deleveraged']}.")
    return section(f"TRADES BY EXIT REASON ({quote})", lines([head], ""), lines([right], ""),
                   _groups("exit reason", figures["by_exit_reason"]).spaced(),
                   _groups("side", figures["by_side"]))


def _groups(name: str, rows: Any) -> Table:
    return table((name, "trades", "won", "right on\ndirection", "net", "average",
                  "average\nholding", "average\nMAE", "average\nMFE", "worst\nMAE"),
                 ([row["name"], f"{row['count']:,}", f"{row['wins']:,}", f"{row['right']:,}",
                   money(row["net"]), money(row["average"]), hours(row["holding_h"]),
                   *(percent(row[key], sign=False) for key in ("mae", "mfe", "worst_mae"))]
                  for row in rows if row["count"]))


def orders(figures: Figures) -> str:
    """Fills by role and kind, orders filled in parts, every reason one was refused for."""
    head = (f"{figures['fills']:,} fills ({figures['maker']:,} maker, {figures['taker']:,} taker; "
            f"{figures['forced']:,} by the venue), {figures['rejections']:,} orders refused")
    parts = (f"Of {figures['orders']:,} orders with a fill, {figures['in_parts']:,} filled in "
             f"parts ({figures['part_fills']:,} fills).")
    kinds = table(("filled", "fills"), ([reason, f"{count:,}"] for reason, count in
                                        figures["fills_by_reason"].items()))
    rows = [[reason, f"{count:,}"] for reason, count in
            sorted(figures["rejections_by_reason"].items(), key=lambda item: -item[1])]
    return section("ORDERS", head, parts, kinds if figures["fills"] else "",
                   table(("refused because", "orders"), rows) if rows else "")
