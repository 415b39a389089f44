"""Sheets side by side: ranking, one column a run, and the same scan of every run.

A view of results alone: nothing is calculated here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deleverage.beside import Baseline, Compared, Outcome
from deleverage.compare import YARDSTICKS, Comparison
from deleverage.results import RunResult
from deleverage.statistics.leverage_scan import ScanRow
from deleverage.statistics.tiers import TIERS
from deleverage.tearsheet import leverage as lever
from deleverage.tearsheet.blocks import Group
from deleverage.tearsheet.heading import label, terms
from deleverage.tearsheet.noise import noise
from deleverage.tearsheet.text import (
    basis_points,
    hours,
    leverage,
    lines,
    money,
    number,
    page,
    percent,
    rule,
    section,
    share,
    table,
)

RANK_HEADERS = ("#", "strategy", "return", "drawdown\nin bar", "trades", "liquid-\nations",
                "margin\nlost", "P(liq. |\nright)", "lives at\nfraction", "lives at\nnotional")


def side_by_side(comparison: Comparison, title: str = "COMPARISON") -> Group:
    """The scan of every run, the ranking, the sheets in columns, exposure by tier."""
    return page(*sections(comparison, title).values())


def sections(comparison: Comparison, title: str = "COMPARISON") -> dict[str, str]:
    """The sections by name, in the order of the page; one with nothing to say is empty."""
    mark = " · SYNTHETIC" if comparison.synthetic else ""
    return {
        "heading": section(rule(title + mark), terms(comparison.rows[0].result),
                           lines(comparison.differences, "! ")),
        "warnings": warnings(comparison),
        "scan": scan_grid(comparison),
        "ranking": ranking(comparison),
        "noise": noise(comparison.noise, [label(row.result) for row in comparison.rows]),
        "sheets": sheets(comparison),
        "tiers": tiers(comparison),
    }


def warnings(comparison: Comparison) -> str:
    """What holds for every run, then what one of them alone must be read with."""
    own = [row.result.warnings for row in comparison.rows]
    shared = [text for text in own[0] if all(text in texts for texts in own)]
    texts = shared + [f"{place} {label(row.result)}: {text}"
                      for place, row in enumerate(comparison.rows, start=1)
                      for text in row.result.warnings if text not in shared]
    return section("WARNINGS", lines(texts, "! ")) if texts else ""


def ranking(comparison: Comparison) -> str:
    """One row a run, best return first; random entries directly below the run they belong to."""
    rows: list[list[str]] = []
    for place, row in enumerate(comparison.rows, start=1):
        rows.append(_ranked(place, row))
        rows += _shadow(row)
        if row.baseline is not None:
            rows.append(_random(row.baseline))
        elif row.result.trades and row.result.spec.strategy not in YARDSTICKS:
            rows.append(["", "└ random: not saved", *[""] * (len(RANK_HEADERS) - 2)])
    foot = ("lives at: the largest leverage without a liquidation, keeping the margin fraction or "
            "the notional. random: entries at random times, as many and held as long, the median "
            "seed by return; the strategy beats so many of the seeds.")
    if any(row.shadow is not None for row in comparison.rows):
        foot += (" shadow: what a framework without liquidation would have reported, an account "
                 "that nothing is taken from by force; the lowest equity it went through stands "
                 "under margin lost.")
    return section("RANKING (by return)", table(RANK_HEADERS, rows, left=2), lines([foot], ""))


def _shadow(row: Compared) -> list[list[str]]:
    shadow = row.shadow
    if shadow is None:
        taken = row.result.statistics["liquidations"]["rows"]
        return [["", "└ shadow: not saved", *[""] * (len(RANK_HEADERS) - 2)]] if taken else []
    done = shadow.outcome
    return [["", "└ shadow: no liquidation", percent(done.total_return),
            percent(done.max_drawdown, sign=False), f"{done.trades:,}", f"{done.liquidations:,}",
            f"low {shadow.lowest:,.0f}", "", "", ""]]


def _random(baseline: Baseline) -> list[str]:
    middle, n = baseline.median, len(baseline.outcomes)
    return ["", f"└ random: beats {baseline.beaten}/{n}", percent(middle.total_return),
            percent(middle.max_drawdown, sign=False), f"{middle.trades:,}",
            f"{middle.liquidations:,}", money(middle.margin_lost, sign=False), "", "", ""]


def _ranked(place: int, row: Compared) -> list[str]:
    trades, scan = row.result.statistics["trades"], row.result.scan
    own = Outcome.of(row.result)
    return [
        str(place), label(row.result), percent(own.total_return),
        percent(own.max_drawdown, sign=False), f"{own.trades:,}", f"{own.liquidations:,}",
        money(own.margin_lost, sign=False),
        lever.chance(trades["p_liquidated_right"], trades["right"]),
        *(("not run", "not run") if scan is None else
          (_survives(scan.survives_fraction, scan.same_fraction),
           _survives(scan.survives_notional, scan.same_notional))),
    ]


def _survives(value: float | None, rows: Sequence[ScanRow]) -> str:
    if value is not None:
        return f"{value:g}x"
    return "none" if any(row.trades for row in rows) else "n/a"


def scan_grid(comparison: Comparison) -> str:
    """Return and liquidations of every run at every leverage of the scans."""
    blocks = []
    for name, attribute in (("same margin fraction", "same_fraction"),
                            ("same notional", "same_notional")):
        scans = [(f"{place} {label(row.result)}"[:20],
                  {item.leverage: item for item in getattr(row.result.scan, attribute)})
                 for place, row in enumerate(comparison.rows, start=1)
                 if row.result.scan is not None]
        levels = sorted({value for _, found in scans for value in found})
        if not levels:
            continue
        rows = [[words, *(_grid_cell(found.get(value)) for value in levels)]
                for words, found in scans]
        blocks.append(section(f"LEVERAGE SCAN, {name}: return in % (liquidations)",
                              table(("strategy", *(f"{value:g}x" for value in levels)), rows)))
    return page(*blocks)


def tiers(comparison: Comparison) -> str:
    """Where each run stood while it held, and what each tier at entry brought it."""
    blocks = []
    for title, part, form in (
            ("TIME BY CURRENT TIER (effective leverage, share of the time held)", "by_tier",
             _time_cell),
            ("MONEY BY TIER AT ENTRY: net (liquidations)", "by_entry", _money_cell)):
        rows = [(f"{place} {label(row.result)}"[:20],
                 {item["tier"]: item for item in row.result.statistics["exposure"][part]})
                for place, row in enumerate(comparison.rows, start=1)]
        used = [tier for tier in TIERS if any(form(found.get(tier)) for _, found in rows)]
        if used:
            blocks.append(section(title, table(("strategy", *used), (
                [name, *(form(found.get(tier)) for tier in used)] for name, found in rows))))
    return page(*blocks)


def _time_cell(row: Mapping[str, Any] | None) -> str:
    return share(row["share"]) if row and row["time_h"] else ""


def _money_cell(row: Mapping[str, Any] | None) -> str:
    return f"{money(row['net'])} ({row['liquidations']})" if row and row["trades"] else ""


def _grid_cell(row: ScanRow | None) -> str:
    if row is None or not row.feasible or row.total_return is None:
        return "–"
    if not row.trades:
        return "no trade"
    return f"{100 * row.total_return:+.1f} ({row.liquidations})"


SIDE_BY_SIDE = 6  # sheets that fit beside one another


def sheets(comparison: Comparison) -> str:
    """The figures of every sheet as rows, one column a run."""
    blocks = []
    for start in range(0, len(comparison.rows), SIDE_BY_SIDE):
        part = [row.result for row in comparison.rows[start:start + SIDE_BY_SIDE]]
        names = ["\n".join(textwrap.wrap(f"{start + place} {label(result)}".replace("_", "_ "), 12))
                 .replace("_ ", "_") for place, result in enumerate(part, 1)]
        quote = part[0].provenance.quote
        rows = [[name.format(quote=quote), *(form(result) for result in part)]
                for name, form in FIGURES]
        blocks.append(table(("", *names), rows))
    return section("SHEETS SIDE BY SIDE", page(*blocks))


def _figure(path: str, form: Callable[..., str], **style: Any) -> Callable[[RunResult], str]:
    """A cell: the figure at ``section.name``, or the reason it was withheld."""
    part, name = path.split(".")

    def cell(result: RunResult) -> str:
        figures = result.statistics[part]
        reason = figures.get("withheld", {}).get(name)
        return str(reason) if reason else form(figures[name], **style)

    return cell


def _count(value: int | None) -> str:
    return "n/a" if value is None else f"{value:,}"


def _settings(result: RunResult) -> str:
    return f"{result.provenance.leverage:g}x {result.provenance.margin}"


FIGURES: tuple[tuple[str, Callable[[RunResult], str]], ...] = (
    ("account", _settings),
    ("return", _figure("performance.total_return", percent)),
    ("net, {quote}", _figure("performance.net", money)),
    ("· gross", _figure("costs.gross", money)),
    ("· · of it slippage", _figure("costs.slippage", money)),
    ("· fees", _figure("costs.fees", money)),
    ("· funding", _figure("costs.funding", money)),
    ("worst drawdown in the bar", _figure("drawdown.max_inside", percent, sign=False)),
    ("drawdown at the bar's close", _figure("drawdown.max", percent, sign=False)),
    ("time under water", _figure("drawdown.under_water", share)),
    ("trades closed", _figure("trades.count", _count)),
    ("· still open", _figure("trades.open", _count)),
    ("win rate", _figure("trades.win_rate", share)),
    ("best trade, {quote}", _figure("trades.best", money)),
    ("worst trade, {quote}", _figure("trades.worst", money)),
    ("time in the market", _figure("exposure.time_in_market", share)),
    ("liquidations", _figure("liquidations.count", _count)),
    ("· reductions by the venue", _figure("liquidations.reductions", _count)),
    ("· margin lost, {quote}", _figure("liquidations.margin_lost", money, sign=False)),
    ("· right on direction", _figure("trades.right_liquidated", _count)),
    ("auto-deleveraged", _figure("trades.auto_deleveraged", _count)),
    ("near misses (≥ 80 %)", _figure("near_misses.at_80", _count)),
    ("closest survivor", _figure("near_misses.closest_bp", basis_points)),
    ("account leverage, max", _figure("exposure.max_account_leverage", leverage)),
    ("position leverage, max", _figure("exposure.max_position_leverage", leverage)),
    ("average holding", _figure("trades.average_holding_h", hours)),
    ("Sharpe (365 days)", _figure("performance.sharpe", number)),
    ("orders refused", _figure("orders.rejections", _count)),
)
