"""The sheet of one run, in the order a trader reads; a view of results alone."""

from __future__ import annotations

from collections.abc import Sequence

from deleverage.beside import Baseline, CapacityRow, Outcome, Rerun, Shadow
from deleverage.results import RunResult
from deleverage.tearsheet import beside, forced
from deleverage.tearsheet import cascades as falls
from deleverage.tearsheet import leverage as lever
from deleverage.tearsheet import money as cash
from deleverage.tearsheet import replay as again
from deleverage.tearsheet.blocks import Group
from deleverage.tearsheet.heading import heading, label
from deleverage.tearsheet.text import (
    lines,
    money,
    page,
    percent,
    section,
    share,
    table,
)


def render(result: RunResult, baseline: Baseline | None = None, reruns: Sequence[Rerun] = (),
           capacity: Sequence[CapacityRow] = (), shadow: Shadow | None = None) -> Group:
    """The whole sheet as text, at most 120 columns wide."""
    return page(*sections(result, baseline, reruns, capacity, shadow).values())


def sections(result: RunResult, baseline: Baseline | None = None,
             reruns: Sequence[Rerun] = (), capacity: Sequence[CapacityRow] = (),
             shadow: Shadow | None = None) -> dict[str, str]:
    """The sections by name, in the order a trader reads; one with nothing to say is empty."""
    figures, quote = result.statistics, result.provenance.quote
    return {
        "heading": heading(result),
        "warnings": warnings(result),
        "verdict": verdict(result, shadow),
        "scan": lever.scan(result.scan, quote),
        "robustness": robustness(result, reruns),
        "random": random_entries(result, baseline),
        "cascades": falls.cascades(figures["cascades"], quote),
        "costs": cash.costs(figures["costs"], quote),
        "capacity": beside.capacity(capacity, quote),
        "trades": cash.trades(figures["trades"], quote),
        "exposure": lever.exposure(figures["exposure"], quote),
        "liquidations": forced.liquidations(figures["liquidations"], quote),
        "paradox": again.paradox(figures["paradox"], quote, result.provenance.margin),
        "frontier": again.frontier(figures["frontier"], quote),
        "near_misses": lever.near_misses(figures["near_misses"]),
        "drawdown": cash.drawdown(figures["drawdown"], quote),
        "funding": cash.funding(figures["funding"], quote),
        "orders": cash.orders(figures["orders"]),
        "performance": cash.performance(figures["performance"]),
    }


def warnings(result: RunResult) -> str:
    """What must be known before any figure is believed."""
    return section("WARNINGS", lines(result.warnings, "! ")) if result.warnings else ""


def verdict(result: RunResult, shadow: Shadow | None = None) -> str:
    """The result in a few sentences; a loss is called a loss."""
    figures, made = result.statistics, result.provenance
    earned, drop = figures["performance"], figures["drawdown"]
    texts = [
        f"{_went(earned['net'])} {percent(abs(earned['total_return']), sign=False)} net "
        f"({money(earned['net'])} {made.quote}) in {earned['days']:.1f} days at "
        f"{made.leverage:g}x {made.margin}, while the market moved "
        f"{percent(earned['market_return'])}; worst drawdown inside the bar "
        f"{percent(drop['max_inside'], sign=False)}.",
        _liquidated(result),
        beside.claimed(shadow, made.quote),
    ]
    if result.scan is not None:
        for name, survives, rows in (
                ("Same margin fraction", result.scan.survives_fraction, result.scan.same_fraction),
                ("Same notional", result.scan.survives_notional, result.scan.same_notional)):
            texts.append(f"{name}: {lever.survival(survives, rows)}.")
    texts.append(again.survivable(figures["paradox"]))
    texts.append(_best_trade(result))
    texts.append(falls.verdict(figures["cascades"]))
    return section("VERDICT", lines(text for text in texts if text))


def _went(net: float) -> str:
    if abs(net) < 0.005:
        return "No gain, no loss:"
    return "GAINED" if net > 0 else "LOST"


def _liquidated(result: RunResult) -> str:
    figures, trades = result.statistics["liquidations"], result.statistics["trades"]
    positions = trades["count"] + trades["open"]
    if not positions:
        if result.statistics["orders"]["rejections"]:
            return "No trade: what the strategy ordered was refused or never filled."
        return "No trade: the strategy gave no signal that was filled. That is a result."
    held = f"{positions} position{'s' if positions > 1 else ''}"
    taken, reduced = "", ""
    if trades["auto_deleveraged"]:
        taken = f" Auto-deleveraged: {trades['auto_deleveraged']}."
    if figures["reductions"]:
        reduced = (f", {figures['reductions']} reduction"
                   f"{'s' if figures['reductions'] > 1 else ''} by the venue")
    lost = f"margin lost {money(figures['margin_lost'], sign=False)} {result.provenance.quote}"
    if not figures["count"]:
        return f"No liquidation in {held}{f'{reduced}: {lost}' if reduced else ''}.{taken}"
    return (f"{figures['count']} of {held} liquidated{reduced}, {lost}; right on direction all the "
            f"same: {trades['right_liquidated']}.{taken}")


def _best_trade(result: RunResult) -> str:
    figures = result.statistics["trades"]
    if figures["best"] is None or figures["count"] + figures["open"] < 2:
        return ""
    part = ("" if figures["best_share"] is None else
            f", {share(figures['best_share'])} of the net result")
    return (f"Best trade {money(figures['best'])}{part}; without it the net result is "
            f"{money(figures['net_without_best'])}.")


OUTCOME_HEADERS = ("", "return", "net", "drawdown\nin bar", "trades", "liquid-\nations",
                   "margin\nlost")


def robustness(result: RunResult, reruns: Sequence[Rerun]) -> str:
    """The run again with one thing changed at a time, beside the run itself."""
    if not reruns:
        return ""
    rows = [_outcome(Outcome.of(result, label(result)))]
    rows += [_outcome(row.outcome, row.name) for row in reruns if row.outcome is not None]
    left = [f"{row.name}: not run, {row.why}" for row in reruns if row.outcome is None]
    return section("ROBUSTNESS (the run again, one thing changed at a time)",
                   table(OUTCOME_HEADERS, rows), lines(left))


def random_entries(result: RunResult, baseline: Baseline | None) -> str:
    """The strategy beside entries at random times, as many and held as long."""
    if baseline is None:
        return ""
    n = len(baseline.outcomes)
    rows = [_outcome(Outcome.of(result, label(result)))]
    if n == 1:
        rows.append(_outcome(baseline.median, "random entries"))
    else:
        rows += [_outcome(baseline.best, f"random entries, best of {n} seeds"),
                 _outcome(baseline.median, "random entries, median seed"),
                 _outcome(baseline.worst, "random entries, worst seed")]
    words = (f"{label(result)} did better than {baseline.beaten} of {n} random runs. Without skill "
             f"it beats all {n} once in {n + 1} tries.")
    return section("AGAINST RANDOM ENTRIES (same number, same holding times, same account)",
                   table(OUTCOME_HEADERS, rows), words)


def _outcome(row: Outcome, name: str = "") -> list[str]:
    return [name or row.name, percent(row.total_return), money(row.net),
            percent(row.max_drawdown, sign=False), f"{row.trades:,}", f"{row.liquidations:,}",
            money(row.margin_lost, sign=False)]
