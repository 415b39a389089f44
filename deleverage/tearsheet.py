"""The sheet of a run and of several runs, in the order a trader reads; a view of results alone.

::

    print(tearsheet.render(result))                    one run
    print(tearsheet.side_by_side(comparison))          several, ranked
"""

from __future__ import annotations

from deleverage import tearsheet_leverage as lever
from deleverage import tearsheet_money as cash
from deleverage import timestamps
from deleverage.compare import Baseline, Compared, Comparison, Outcome
from deleverage.results import RunResult
from deleverage.statistics.leverage_scan import ScanRow
from deleverage.tearsheet_text import (
    lines,
    money,
    percent,
    rule,
    section,
    share,
    table,
)


def render(result: RunResult, baseline: Baseline | None = None) -> str:
    """The whole sheet as text, at most 120 columns wide."""
    figures, quote = result.statistics, result.provenance.quote
    blocks = [
        heading(result), warnings(result), lever.scan(result.scan, quote),
        verdict(result), random_entries(result, baseline),
        cash.drawdown(figures["drawdown"], quote),
        lever.exposure(figures["exposure"], quote),
        lever.near_misses(figures["near_misses"]),
        lever.liquidations(figures["liquidations"], quote),
        cash.costs(figures["costs"], quote),
        cash.funding(figures["funding"], quote),
        cash.trades(figures["trades"], quote),
        cash.orders(figures["orders"]),
        cash.performance(figures["performance"]),
    ]
    return "\n\n".join(block for block in blocks if block)


def heading(result: RunResult) -> str:
    """What ran on what, under which rules: everything a reader must know to repeat it."""
    spec, made = result.spec, result.provenance
    mark = "SYNTHETIC data, " if made.synthetic else ""
    maker, taker = made.fees
    marks = "none" if made.mark_step_ns is None else timestamps.show_step(made.mark_step_ns)
    parameters = ", ".join(f"{key}={value}" for key, value in made.params.items())
    rows = (
        ("strategy", f"{made.strategy}: {made.title}".rstrip(": ")),
        ("parameters", parameters or "none"),
        ("data", f"{mark}{made.dataset}: {made.symbol}, {timestamps.show_step(made.step_ns)} bars "
                 f"{timestamps.show(made.first_ns)} … {timestamps.show(made.last_ns)} UTC "
                 f"({made.bars:,}), mark {marks}, sha256 {made.sha256[:12]}"),
        ("account", f"{spec.cash:,.2f} {made.quote}, leverage {made.leverage:g}x set, "
                    f"{made.margin} margin, size: {made.sizing}"),
        ("venue", f"{made.venue}; {made.ladder}"),
        ("costs", f"fees maker {1e4 * maker:g} bp, taker {1e4 * taker:g} bp; slippage "
                  f"{spec.slippage_bp:g} bp"),
        ("policies", f"path inside the bar {spec.path}, limit fill {spec.fill}, missing data "
                     f"{spec.missing}, liquidation on {spec.mark or 'mark'}, then "
                     f"{spec.on_liquidation}; version {made.code}"),
    )
    title = result.name + (" · SYNTHETIC" if made.synthetic else "")
    return section(rule(title), *(lines([text], f"{name:<11}") for name, text in rows))


def warnings(result: RunResult) -> str:
    """What must be known before any figure is believed."""
    return section("WARNINGS", lines(result.warnings, "! ")) if result.warnings else ""


def verdict(result: RunResult) -> str:
    """The result in four sentences; a loss is called a loss."""
    figures, made = result.statistics, result.provenance
    earned, drop = figures["performance"], figures["drawdown"]
    texts = [
        f"{_went(earned['net'])} {percent(abs(earned['total_return']), sign=False)} net "
        f"({money(earned['net'])} {made.quote}) in {earned['days']:.1f} days at "
        f"{made.leverage:g}x {made.margin}, while the market moved "
        f"{percent(earned['market_return'])}; worst drawdown inside the bar "
        f"{percent(drop['max_inside'], sign=False)}.",
        _liquidated(result),
    ]
    if result.scan is not None:
        for name, survives, rows in (
                ("Same margin fraction", result.scan.survives_fraction, result.scan.same_fraction),
                ("Same notional", result.scan.survives_notional, result.scan.same_notional)):
            texts.append(f"{name}: {lever.survival(survives, rows)}.")
    texts.append(_best_trade(result))
    return section("VERDICT", lines(text for text in texts if text))


def _went(net: float) -> str:
    if abs(net) < 0.005:
        return "No gain, no loss:"
    return "GAINED" if net > 0 else "LOST"


def _liquidated(result: RunResult) -> str:
    figures, trades = result.statistics["liquidations"], result.statistics["trades"]
    positions = trades["count"] + trades["open"]
    if not positions:
        return "No trade: the strategy gave no signal that was filled. That is a result."
    if not figures["count"]:
        return f"No liquidation in {positions} positions."
    return (f"{figures['count']} of {positions} positions liquidated, margin lost "
            f"{money(figures['margin_lost'], sign=False)} {result.provenance.quote}; "
            f"right on direction all the same: {trades['right_liquidated']}.")


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
    words = (f"{baseline.better} of {n} random runs did better than {label(result)}. Without skill "
             f"it beats all {n} once in {n + 1} tries.")
    return section("AGAINST RANDOM ENTRIES (same number, same holding times, same account)",
                   table(OUTCOME_HEADERS, rows), words)


def _outcome(row: Outcome, name: str = "") -> list[str]:
    return [name or row.name, percent(row.total_return), money(row.net),
            percent(row.max_drawdown, sign=False), f"{row.trades:,}", f"{row.liquidations:,}",
            money(row.margin_lost, sign=False)]


RANK_HEADERS = ("#", "strategy", "return", "drawdown\nin bar", "trades", "liquid-\nations",
                "margin\nlost", "P(liq. |\nright)", "survives\nfraction", "survives\nnotional")


def side_by_side(comparison: Comparison, title: str = "COMPARISON") -> str:
    """Ranking, the scan of every run, and random entries where the strategy needs them."""
    mark = " · SYNTHETIC" if comparison.synthetic else ""
    blocks = [section(rule(title + mark), lines(comparison.differences, "! ")),
              ranking(comparison), scan_grid(comparison)]
    return "\n\n".join(block for block in blocks if block)


def ranking(comparison: Comparison) -> str:
    """One row a run, best return first; random entries directly below the run they belong to."""
    rows: list[list[str]] = []
    for place, row in enumerate(comparison.rows, start=1):
        rows.append(_ranked(place, row))
        if row.baseline is not None:
            middle = row.baseline.median
            rows.append(["", f"  random × {len(row.baseline.outcomes)}, median",
                         percent(middle.total_return), percent(middle.max_drawdown, sign=False),
                         f"{middle.trades:,}", f"{middle.liquidations:,}",
                         money(middle.margin_lost, sign=False), "", "", ""])
    foot = ("survives: the largest leverage without a liquidation, keeping the margin fraction or "
            "the notional")
    return section("RANKING (by return)", table(RANK_HEADERS, rows, left=2), foot)


def _ranked(place: int, row: Compared) -> list[str]:
    trades, scan = row.result.statistics["trades"], row.result.scan
    own = Outcome.of(row.result)
    return [
        str(place), label(row.result), percent(own.total_return),
        percent(own.max_drawdown, sign=False), f"{own.trades:,}", f"{own.liquidations:,}",
        money(own.margin_lost, sign=False),
        lever.chance(trades["p_liquidated_right"], trades["right"]),
        _survives(scan.survives_fraction if scan else None, scan is not None),
        _survives(scan.survives_notional if scan else None, scan is not None),
    ]


def _survives(value: float | None, scanned: bool) -> str:
    return "not run" if not scanned else "none" if value is None else f"{value:g}x"


def label(result: RunResult) -> str:
    """The strategy's reference without the folder of its file, at most 24 characters."""
    text = result.spec.strategy.rpartition("/")[2]
    return text if len(text) <= 24 else f"…{text[-23:]}"


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
    return "\n\n".join(blocks)


def _grid_cell(row: ScanRow | None) -> str:
    if row is None or not row.feasible or row.total_return is None:
        return "–"
    return f"{100 * row.total_return:+.1f} ({row.liquidations})"
