"""What a reader must know before the figures: one line per caveat, the gravest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from deleverage.columns import MARK_CLIPPED, MarketColumns
from deleverage.statistics.trades import Trade
from deleverage.timestamps import show_step

FEW_CASCADES = 6  # below, 2 ÷ 2^n, the least two-sided p of a sign flip, is above 5 %
FEW_TRADES = 30  # below, the mean of trades is noise whatever it is
_LESS_THAN_ALL = {"sampled": "(sampled)", "sampled_1s": "(sampled, at most one a second)",
                  "aggregate": "(aggregated)", "unknown": "(completeness unknown)"}


def caveats(
    columns: MarketColumns,
    statistics: Mapping[str, Any],
    trades: Sequence[Trade],
    *,
    mark: str | None,
    assumptions: Iterable[str] = (),
) -> tuple[str, ...]:
    """The warnings of one run; ``assumptions`` are lines about the venue's rules and ladder."""
    quote = columns.market.instrument.quote
    lines = [*_market(columns), *assumptions, *_mark(columns, statistics, mark),
             *_funding(statistics["funding"], quote), *_feeds(columns),
             *_orders(statistics["orders"]), *_trades(trades, statistics, quote),
             *_cascades(statistics.get("cascades"))]
    return tuple(lines)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _market(columns: MarketColumns) -> Iterable[str]:
    if columns.market.synthetic:
        name = columns.market.name or columns.market.instrument.symbol
        yield f"SYNTHETIC market ({name}): made up, no evidence about a real one"


def _mark(columns: MarketColumns, statistics: Mapping[str, Any],
          mark: str | None) -> Iterable[str]:
    if mark == "last":
        yield "liquidation was judged on last price, as asked for: wicks that mark never saw count"
    market = columns.market
    if market.mark_step_ns is not None and market.mark_step_ns > market.step_ns and \
            columns.memo.get("a clipped mark", lambda: bool(
                (columns.execution_mark.state == MARK_CLIPPED).any())):
        yield (f"mark is known per {show_step(market.mark_step_ns)} under bars of "
               f"{show_step(market.step_ns)}: inside its rows it is last price clipped to them")
    forced = statistics["liquidations"]
    if forced["depends_on_mark"]:
        states = ", ".join(f"{row['count'] + row['reductions']} judged on a {row['mark_state']} "
                           "mark" for row in forced["by_mark_state"]
                           if row["mark_state"] != "exact")
        numbers = ", ".join(str(number) for number in forced["depends_on_mark"])
        which = "position" if len(forced["depends_on_mark"]) == 1 else "positions"
        taken = _count(forced["count"], "liquidation")
        if forced["reductions"]:
            taken += f" and {_count(forced['reductions'], 'reduction')}"
        yield (f"of {taken}, {states}: the way the mark was known may have decided them "
               f"({which} {numbers})")
    near = statistics["near_misses"]
    loose = sum(count for state, count in near["by_mark_state"].items() if state != "exact")
    if loose:
        yield f"{loose} of {near['at_80']} near misses were judged on a clipped or last mark"
    absent = columns.memo.get("bars without a mark", lambda: int(
        np.isnan(columns.execution_mark.close).sum()))
    if absent and mark != "last":
        yield f"{absent} of {len(columns)} bars have no mark: last price stands in for it"


def _funding(figures: Mapping[str, Any], quote: str) -> Iterable[str]:
    if not figures["missing_due"]:
        return
    words = {"missing": "skipped", "stale": "skipped, the last rate too old"}
    states = ", ".join(f"{row['count']} {words.get(row['state'], row['state'])}"
                       for row in figures["by_state"] if row["state"] != "settled")
    money = "an unknown amount" if figures["uncertain"] is None else \
        f"about {figures['uncertain']:,.2f} {quote}"
    share = "" if figures["uncertain_share"] is None else \
        f" ({figures['uncertain_share']:.0%} of all funding)"
    yield (f"{_count(figures['missing_due'], 'funding settlement')} fell due without a known rate "
           f"or price ({states}): {money} is uncertain{share}")


def _feeds(columns: MarketColumns) -> Iterable[str]:
    venues: dict[str, list[str]] = {}
    for cover in columns.market.coverage:
        known = venues.get(cover.completeness, [])
        if cover.table == "liquidations" and cover.completeness in _LESS_THAN_ALL \
                and cover.venue not in known:
            venues[cover.completeness] = [*known, cover.venue]
    if venues:
        kinds = "; ".join(f"{', '.join(names)} {_LESS_THAN_ALL[kind]}"
                          for kind, names in venues.items())
        yield f"liquidations are reported shares, not totals, of: {kinds}"


def _cascades(figures: Mapping[str, Any] | None) -> Iterable[str]:
    if figures and figures["trigger"] and 0 < figures["traded"] < FEW_CASCADES:
        smallest = 2.0 / 2 ** figures["traded"]
        yield (f"only {_count(figures['traded'], 'cascade')} traded: the smallest p a comparison "
               f"over so few can reach is {smallest:.3g}")


def _orders(figures: Mapping[str, Any]) -> Iterable[str]:
    if figures["rejections"]:
        reasons = "; ".join(f"{count} × {reason}"
                            for reason, count in figures["rejections_by_reason"].items())
        verb = "was" if figures["rejections"] == 1 else "were"
        yield f"{_count(figures['rejections'], 'order')} {verb} refused: {reasons}"


def _trades(trades: Sequence[Trade], statistics: Mapping[str, Any], quote: str) -> Iterable[str]:
    for trade in trades:
        if trade.exit_bar is None:
            side = "long" if trade.side > 0 else "short"
            yield (f"position {trade.number} ({side}) is still open at the end, valued at mark: "
                   f"unrealised {trade.unrealised:+,.2f} {quote}")
    count = statistics["trades"]["count"]
    if not trades:
        refused = statistics["orders"]["rejections"]
        yield "no trade: what was ordered was refused or never filled" if refused else \
            "no trade: the strategy gave no signal in this data"
    elif not count:
        yield "no trade was closed: what is shown depends on the last mark"
    elif count < FEW_TRADES:
        yield f"only {_count(count, 'closed trade')}: no average over so few is distinguishable " \
              "from luck"
    lost = statistics["costs"]["unattributed"]
    if abs(lost) > 1e-6 * max(1.0, statistics["costs"]["turnover"]):
        yield f"bookings of {lost:+,.6f} {quote} could not be put down to a trade"
