"""The sheet of a sweep: what was tried on what, the best and the worst, and what that is worth.

A view of a :class:`~deleverage.sweeps.SweepResult` alone: nothing is calculated here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deleverage import timestamps
from deleverage.sweeps.grid import show
from deleverage.sweeps.outcome import BP, COUNT, MONEY, RATIO, SHARE, Figure, figure
from deleverage.sweeps.result import Row, SweepResult
from deleverage.tearsheet.text import (
    WIDTH,
    basis_points,
    lines,
    money,
    number,
    page,
    percent,
    rule,
    section,
    table,
    withheld,
)

TOP = 10  # rows shown from either end
# the columns of the ranking; where they are too many for the page, the last ones give way
COLUMNS = ("total_return", "net", "drawdown", "trades", "liquidations", "p_liquidated_right",
           "margin_lost", "profit_factor", "buffer_used", "fees", "funding", "calmar")
KEPT = 3  # of them, whatever the width
HEADERS = {
    "total_return": "return", "drawdown": "draw-\ndown", "liquidations": "liq.",
    "p_liquidated_right": "P(liq.|\nright)", "leverage": "lever-\nage",
}
NOTES = {
    "drawdown": "drawdown: the worst inside a bar.",
    "p_liquidated_right": "P(liq.|right): of the positions whose direction was right, the share "
                          "that was liquidated.",
    "buffer_used": "buffer used: the most that a position which lived used of its distance to "
                   "liquidation.",
}
BY_GRID = "as in the grid"
_DIGITS = re.compile(r"\d[\d.,]*")


def render(result: SweepResult, by: str = "net", top: int = TOP, *more: str) -> str:
    """Heading, warnings, ranking with best and worst, ``more`` (heat maps), failures, verdict."""
    blocks = [heading(result), warnings(result), ranking(result, by, top), *more, failures(result),
              verdict(result)]
    return page(*blocks)


def heading(result: SweepResult) -> str:
    """What was tried on what: grid, fixed parameters, data, account, venue, costs, policies."""
    spec, made = result.spec, result.stamps
    mark = " · SYNTHETIC" if result.synthetic else ""
    fixed = ", ".join(f"{name}={value}" for name, value in result.params.items()
                      if name not in result.grid.names)
    size = "size: " + str(made.get("sizing", BY_GRID))
    account = (f"{_given(result, 'cash', '{:,.2f}')} {made.get('quote', '')}, leverage "
               f"{_given(result, 'leverage', '{:g}x set')}, margin {_given(result, 'margin')}, "
               f"{size}")
    policies = (f"path inside the bar {_given(result, 'path')}, limit fill "
                f"{_given(result, 'fill')}, missing data {_given(result, 'missing')}, stops on "
                f"{_stamp(made.get('stop_trigger'))}, liquidation on {spec.mark or 'mark'}, then "
                f"{_given(result, 'on_liquidation')}; version {result.code.partition('+')[0]}")
    return section(
        rule(f"SWEEP {_name(spec.strategy)}{mark}"),
        _row("grid", f"{result.grid} = {_count(len(result.rows))}"),
        _row("fixed", fixed or "nothing but the strategy's own"),
        _row("data", _data(result)), _row("account", account),
        _row("venue", f"{_stamp(made.get('venue'))}; {_stamp(made.get('ladder'))}"),
        _row("costs", f"{_fees(made.get('fees'))}; slippage {_stamp(made.get('slippage'))}"),
        _row("policies", policies))


def warnings(result: SweepResult) -> str:
    """What the runs warn of and how many do; texts that differ in their numbers alone are one."""
    runs, kinds = len(result.done), dict[str, list[tuple[str, int]]]()
    for text, count in result.warnings:
        kinds.setdefault(_DIGITS.sub("#", text), []).append((text, count))
    texts = []
    for found in kinds.values():
        several = ", e.g." if len(found) > 1 else ""
        count = sum(count for _, count in found)
        who = "" if count == runs and not several else f"{count} of {runs} runs{several}: "
        texts.append(who + found[0][0])
    return section("WARNINGS", lines(texts, "! ")) if texts else ""


def ranking(result: SweepResult, by: str = "net", top: int = TOP) -> str:
    """The best and the worst ``top`` combinations by a figure."""
    ranked = result.ranked(by)
    if not ranked:
        return ""
    wanted = figure(by)
    names = [by, *(name for name in COLUMNS if name != by)]
    drawn = _table(result, ranked, top, names)
    while max(map(len, drawn.splitlines())) > WIDTH and len(names) > KEPT:
        names.pop()
        drawn = _table(result, ranked, top, names)
    absent = sum(row.figures[by] is None for row in ranked)
    better = "highest" if wanted.better > 0 else "lowest"
    foot = [text for name, text in NOTES.items() if name in names]
    if absent:
        foot.append(f"{absent} of {len(ranked)} have no {by} and stand last.")
    foot.append("All rows and figures: --json, --out.")
    return section(f"RANKING (by {by}, {better} first)", drawn, lines([" ".join(foot)], ""))


def _table(result: SweepResult, ranked: Sequence[Row], top: int, names: Sequence[str]) -> str:
    axes = result.grid.names
    headers = ["#", *map(_header, (*axes, *names))]
    rows = [_ranked(place, row, axes, names) for place, row in enumerate(ranked, start=1)]
    left_out = len(rows) - 2 * top
    if left_out > 0:
        gap = ["…", f"{left_out} more", *[""] * (len(headers) - 2)]
        rows = [*rows[:top], gap, *rows[-top:]]
    return table(headers, rows)


def _ranked(place: int, row: Row, axes: Sequence[str], names: Sequence[str]) -> list[str]:
    return [str(place), *(show(row.point[name]) for name in axes),
            *(cell(figure(name), row.figures, row.traded) for name in names)]


def cell(wanted: Figure, figures: Mapping[str, Any], traded: bool = True) -> str:
    """A figure as the sheet writes it; a run that never traded has no share and no ratio."""
    value = figures[wanted.name]
    if wanted.name == "p_liquidated_right" and value is not None:
        return f"{100 * value:.0f} %"
    if wanted.name == "trades" and figures["open"]:
        return f"{value:,}+{figures['open']}"
    return FORMS[wanted.unit](wanted, value) if value is not None else (
        withheld() if traded else "no trade" if wanted.unit == RATIO else "")


def _money(wanted: Figure, value: float) -> str:
    return money(round(value), sign=wanted.better > 0).removesuffix(".00")


def _share(wanted: Figure, value: float) -> str:
    return percent(value, sign=wanted.neutral is not None, digits=1)


FORMS: dict[str, Callable[[Figure, Any], str]] = {
    MONEY: _money, SHARE: _share, RATIO: lambda _, value: number(value),
    COUNT: lambda _, value: f"{value:,}", BP: lambda _, value: basis_points(value),
}


def failures(result: SweepResult) -> str:
    """The combinations that failed, by reason; the first ones by their values."""
    if not result.failed:
        return ""
    reasons = Counter(row.error for row in result.failed)
    texts = []
    for reason, count in reasons.items():
        first = next(row for row in result.failed if row.error == reason)
        where = ", ".join(f"{name}={show(value)}" for name, value in first.point.items())
        texts.append(f"{count}: {reason} (first at {where})")
    return section(f"FAILED ({len(result.failed)} of {len(result.rows)})", lines(texts))


def verdict(result: SweepResult) -> str:
    """How many were tried, how many lost, the median, and what the best of so many is worth."""
    return section("VERDICT", lines([text for text in (tried(result), caution(result)) if text]))


def tried(result: SweepResult) -> str:
    """One line: combinations tried, failed, without a trade, losing; the median."""
    total, done = len(result.rows), result.done
    quote = result.stamps.get("quote", "")
    parts = [f"{_count(total)} tried", f"{result.lost} lost money"]
    idle = sum(not row.traded for row in done)
    if idle:
        parts.append(f"{idle} never traded")
    if result.failed:
        parts.append(f"{len(result.failed)} failed")
    if not done:
        return f"{', '.join(parts)}."
    parts.append(f"median net {money(result.median('net'))} {quote} "
                 f"({percent(result.median('total_return'))})")
    best, worst = result.ranked()[0], result.ranked()[-1]
    market = result.median("market_return")
    return (f"{', '.join(parts)}; best {money(best.figures['net'])}, worst "
            f"{money(worst.figures['net'])}; the market moved {percent(market)}.")


def caution(result: SweepResult) -> str:
    """Why the best is no forecast; empty where there was no choice."""
    total = len(result.rows)
    if total < 2:
        return ""
    return (f"The best of {total} is flattered by the choice: the more are tried, the better the "
            "best one looks by luck alone, and this one was chosen after its result was known. "
            f"Whatever else was tried on these data counts beside the {total}. Only data that no "
            "choice was made on can judge it.")


def _data(result: SweepResult) -> str:
    made = result.stamps
    mark = "SYNTHETIC data, " if result.synthetic else ""
    if not {"dataset", "step_ns", "first_ns", "last_ns", "bars"} <= set(made):
        return f"{mark}{_name(result.spec.data)}, sha256 {result.sha256[:12]}"
    return (f"{mark}{made['dataset']}: {made['symbol']}, {timestamps.show_step(made['step_ns'])} "
            f"bars {timestamps.show(made['first_ns'])} … {timestamps.show(made['last_ns'])} UTC "
            f"({made['bars']:,}), sha256 {result.sha256[:12]}")


def _fees(fees: Sequence[float] | None) -> str:
    if fees is None:
        return f"fees {BY_GRID}"
    return f"fees maker {1e4 * fees[0]:g} bp, taker {1e4 * fees[1]:g} bp"


def _stamp(value: Any, form: str = "{}") -> str:
    return BY_GRID if value is None else form.format(value)


def _given(result: SweepResult, name: str, form: str = "{}") -> str:
    """A field of the specification, unless it is an axis."""
    varied = {axis.removeprefix("run.") for axis in result.grid.names}
    return BY_GRID if name in varied else form.format(getattr(result.spec, name))


def _header(name: str) -> str:
    """A name over its column, broken at its underscores."""
    name = name.removeprefix("params.").removeprefix("run.")
    return HEADERS.get(name, name.replace("_", "\n"))


def _name(text: str) -> str:
    """A reference without the folder of its file."""
    return text.rstrip("/").rpartition("/")[2]


def _count(number_: int) -> str:
    return f"{number_:,} combination{'s' if number_ != 1 else ''}"


def _row(name: str, text: str) -> str:
    return lines([text], f"{name:<12}")
