"""The page of one run: the sheet's sections in a reader's order, each with its charts."""

from __future__ import annotations

from collections.abc import Mapping

from deleverage.beside import Compared
from deleverage.charts.account import AccountChart, account_chart
from deleverage.charts.deeds import deeds, levels
from deleverage.charts.distance import distance_map
from deleverage.charts.leverage import frontier_curve, scan_curves
from deleverage.charts.steps import staircase
from deleverage.pages.drawing import account as accounts
from deleverage.pages.drawing import leverage as lever
from deleverage.pages.drawing import market as markets
from deleverage.pages.drawing import money as cash
from deleverage.pages.drawing.document import as_json
from deleverage.pages.drawing.frame import Absent, Clock
from deleverage.pages.environment import render
from deleverage.pages.parts import Drawn, Part, charts_of
from deleverage.pages.trading import trade_table
from deleverage.results import RunResult
from deleverage.tearsheet.sheet import sections

FIRST = ("heading", "verdict", "warnings")  # the top of the page has them in places of their own
BEHIND = "scan"  # what happened is shown behind this section
NO_MARKET = "no overview of the market was saved with this result"
NO_CURVES = "no curves were recorded with this result"


def run_page(done: Compared) -> str:
    """The whole page as HTML; it needs no other file."""
    result = done.result
    blocks = sections(result, done.baseline, done.reruns, done.capacity, done.shadow)
    parts = _parts(blocks, result)
    return render("run.html", blocks=blocks, parts=parts, trades=trade_table(result),
                  result=result, charts=as_json(charts_of(parts)))


def _parts(blocks: Mapping[str, str], result: RunResult) -> list[Part]:
    """The sheet's order, with what happened behind the scan; a section with nothing to say is left
    out unless a chart of it has."""
    parts = []
    for name, block in blocks.items():
        if name in FIRST:
            continue
        charts = _drawn(name, result)
        if block or charts:
            parts.append(Part.of(name, block, charts))
        if name == BEHIND:
            parts += _happened(result)
    return parts


def _drawn(name: str, result: RunResult) -> Drawn:
    """The charts that stand at the top of a section of the sheet."""
    figures, quote = result.statistics, result.provenance.quote
    if name == "scan":
        curves = scan_curves(result.scan)
        counted = lever.liquidated_by_leverage(curves)
        return (lever.scan(curves, result.provenance.leverage, result.scan is not None),
                *(() if counted is None else (counted,)))
    if name == "frontier":
        return (lever.frontier(frontier_curve(figures["frontier"]), quote),)
    if name == "costs":
        return (cash.waterfall(staircase(figures["costs"]), quote),)
    return ()


def _happened(result: RunResult) -> list[Part]:
    """What the market did and what the account did over one time axis, then trades near by."""
    made = result.provenance
    clock = Clock.over(made.first_ns, made.last_ns)
    account = None if result.recorded is None or not len(result.recorded) else account_chart(
        result.recorded, result.daily.start)
    parts = [Part("market", "What happened", "", _market(result, clock, account)),
             Part("account", "The account over time", "", _account(result, clock, account))]
    if result.closeups:
        done = deeds(result.trades, result.journal.liquidations)
        parts.append(Part("closeups", "Trades near by", "", tuple(
            markets.close_up(item, done, made.quote) for item in result.closeups)))
    return parts


def _market(result: RunResult, clock: Clock, account: AccountChart | None) -> Drawn:
    seen = result.overview
    if seen is None or not len(seen):
        return (Absent("price", "Price", NO_MARKET),
                Absent("liquidations", "Liquidations by venue", NO_MARKET))
    done = deeds(result.trades, result.journal.liquidations)
    return (markets.price(clock, seen, account, done, levels(result.provenance.params),
                          result.provenance.quote),
            markets.liquidations(clock, seen))


def _account(result: RunResult, clock: Clock, account: AccountChart | None) -> Drawn:
    if account is None or result.recorded is None:
        return tuple(Absent(name, title, NO_CURVES) for name, title in (
            ("equity", "Equity at mark"), ("underwater", "Under water"),
            ("distance", "Time and distance to liquidation")))
    return (accounts.equity(clock, account, result.daily.start, result.provenance.quote),
            accounts.under_water(clock, account),
            accounts.distance(clock, distance_map(result.recorded)))
