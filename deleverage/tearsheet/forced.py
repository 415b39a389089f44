"""What the venue did: liquidations step by step, as tables; a view of results alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deleverage import timestamps
from deleverage.tearsheet.blocks import Table
from deleverage.tearsheet.leverage import ROWS, YES_NO, more, side, wrapped
from deleverage.tearsheet.text import money, number, price, section, table

Figures = Mapping[str, Any]

STATES = {"exact": "the exact mark", "clipped": "a mark clipped from coarser rows",
          "last": "the last price, as asked"}
STAGES = {"market": "through the book", "takeover": "taken over at the bankruptcy price",
          "backstop": "by the backstop"}


def liquidations(figures: Figures, quote: str) -> str:
    """Forced closes by step: where, at what cost, what their mark was known from."""
    if not figures["rows"]:
        return section("LIQUIDATIONS", "none")
    return section(
        f"LIQUIDATIONS ({quote})", *wrapped(_head(figures, quote)), *wrapped(_stages(figures)),
        *wrapped(_states(figures)), _where(figures).spaced(), _money(figures),
        more(figures["rows"]), *wrapped(_doubt(figures)))


def _head(figures: Figures, quote: str) -> str:
    reduced = ""
    if figures["reductions"]:
        reduced = (f", {figures['reductions']} reduction{'s' * (figures['reductions'] > 1)} "
                   f"({figures['reduced']} of the positions reduced lived)")
    fund = [f"lifted the account by {money(figures['insurance'], sign=False)}"] \
        if figures["insurance"] else []
    fund += [f"gained {money(figures['fund_gained'], sign=False)}",
             f"paid {money(figures['deficit'], sign=False)}"]
    return (f"{figures['count']} liquidated ({figures['long']} long, {figures['short']} short)"
            f"{reduced}; margin lost {money(figures['margin_lost'], sign=False)} {quote}, of it "
            f"fees {money(figures['fees'])}, given back {money(figures['returned'], sign=False)}; "
            f"insurance fund: {', '.join(fund)}; the bar opened beyond the level in "
            f"{figures['gaps']}.")


def _stages(figures: Figures) -> str:
    return "; ".join(
        f"{row['count'] + row['reductions']} {STAGES.get(row['stage'], row['stage'])} (margin lost "
        f"{money(row['margin_lost'], sign=False)})" for row in figures["by_stage"]) + "."


def _states(figures: Figures) -> str:
    return "; ".join(
        f"{row['count'] + row['reductions']} judged on "
        f"{STATES.get(row['mark_state'], row['mark_state'])} (margin lost "
        f"{money(row['margin_lost'], sign=False)})" for row in figures["by_mark_state"]) + "."


def _where(figures: Figures) -> Table:
    return table(
        ("#", "when (UTC)", "side", "entry", "liq.\nprice", "mark\nthen", "last\nthen",
         "closed\nat", "cause", "mark\nis", "right"),
        ([f"#{row['number']}", timestamps.show(row["ts"]), side(row["side"]),
          price(row["entry_price"]), price(row["liquidation_price"]), price(row["trigger_mark"]),
          price(row["last_at_trigger"]), price(row["price"]), row["cause"], row["mark_state"],
          YES_NO[row["right"]]] for row in figures["rows"][:ROWS]), left=2)


def _money(figures: Figures) -> Table:
    return table(
        ("#", "stage", "coins\nclosed", "coins\nleft", "loss", "of it\nfee", "margin\ngiven back",
         "insurance\nfund"),
        ([f"#{row['number']}", row["stage"], number(row["size"], 4), number(row["size_after"], 4),
          money(row["loss"], sign=False), money(row["fee"]), money(row["returned"], sign=False),
          money(row["insurance"])] for row in figures["rows"][:ROWS]), left=2)


def _doubt(figures: Figures) -> str:
    named = figures["depends_on_mark"]
    return ("Depends on a mark that was not exact: position "
            + ", ".join(f"#{item}" for item in named) + ".") if named else ""
