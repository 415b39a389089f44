"""What is wrong, odd or missing in a dataset: one finding per question asked of each table.

``bad``: the table cannot be trusted or used; ``warn``: a result may depend on it; ``ok``: said
because it was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from deleverage.columns import FUNDING_MISSING, MARK_MISSING, Floats, Ints, MarketColumns
from deleverage.errors import DeleverageError
from deleverage.feeds import sides, totals
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.join import mark_rows, market_columns, price_rows
from deleverage.feeds.liquidations import venue_name
from deleverage.feeds.marks import close_at
from deleverage.feeds.tables import SCHEMAS, numbers
from deleverage.market import Market
from deleverage.timestamps import DAY, MINUTE, show, show_step

OK, WARN, BAD = "ok", "warn", "bad"
JUMP = 0.05  # share of price between two neighbouring bars that deserves a look
STALE = 30 * MINUTE  # as long without any movement of price
DIVERGENCE = 0.02  # share of price between last and mark at the same instant
LARGE_RATE = 0.01  # funding per settlement; venues cap near 2 % or below


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer about one table (or ``dataset``)."""

    table: str
    verdict: str  # ok | warn | bad
    text: str


def check(dataset: Dataset) -> list[Finding]:
    """Findings for every table, defects that stop reading included; never raises for bad data."""
    tables: dict[str, pa.Table] = {}
    findings: list[Finding] = []
    for name in dataset.tables:
        try:
            tables[name] = dataset.table(name)
        except DeleverageError as error:
            findings.append(Finding(name, BAD, str(error)))
    for name, table in tables.items():
        findings += [Finding(name, verdict, text)
                     for verdict, text in _CHECKS[name](table, dataset.market)]
    findings += [Finding(name, WARN, "not in this dataset") for name in ("mark", "funding")
                 if name not in dataset.tables and not (name == "mark" and _own_mark(tables))]
    if "bars" in tables and tables["bars"].num_rows:
        try:
            columns = market_columns(dataset.market, tables)
        except DeleverageError as error:
            return [*findings, Finding("dataset", BAD, str(error))]
        findings += [Finding(name, verdict, text)
                     for name, verdict, text in _joined(dataset.market, tables, columns)]
    return findings


def verdicts(findings: Iterable[Finding]) -> dict[str, str]:
    """The worst verdict on each table, in the order of the findings."""
    worst: dict[str, str] = {}
    rank = (OK, WARN, BAD)
    for finding in findings:
        before = worst.get(finding.table, OK)
        worst[finding.table] = max(before, finding.verdict, key=rank.index)
    return worst


Answers = Iterator[tuple[str, str]]


def _own_mark(tables: dict[str, pa.Table]) -> bool:
    return "bars" in tables and "mark_close" in tables["bars"].column_names


def _rows(stamps: Ints, step_ns: int | None = None) -> Answers:
    """Range, gaps and stamps off the grid of one table's clock."""
    if not len(stamps):
        yield WARN, "no rows"
        return
    yield OK, f"{len(stamps):,} rows, {show(int(stamps[0]))} to {show(int(stamps[-1]))}"
    if step_ns is None:
        return
    gaps = np.diff(stamps)
    lost = int((gaps // step_ns - 1).clip(0).sum())
    if lost:
        at = int(gaps.argmax())
        share = lost / (lost + len(stamps))
        yield BAD if share > 0.05 else WARN, (
            f"{lost:,} rows of {show_step(step_ns)} missing in {int((gaps > step_ns).sum())} gaps, "
            f"the longest {show_step(int(gaps[at]) - step_ns)} after {show(int(stamps[at]))}")
    else:
        yield OK, f"no gap on its {show_step(step_ns)} clock"
    off = np.flatnonzero(stamps % min(step_ns, DAY))
    if len(off):
        yield WARN, (f"{len(off):,} stamps off the {show_step(step_ns)} grid, the first "
                     f"{show(int(stamps[off[0]]))}")


def _prices(table: pa.Table, step_ns: int) -> Answers:
    """Jumps between neighbouring rows and stretches without movement."""
    rows = price_rows(table, step_ns)
    yield from _rows(rows.close_ns, step_ns)
    if len(rows) < 2:
        return
    jump = np.abs(rows.open[1:] / rows.close[:-1] - 1)
    at = int(jump.argmax())
    yield WARN if jump[at] > JUMP else OK, (
        f"largest jump from close to next open {jump[at]:.2%} at {show(int(rows.close_ns[at]))}")
    still = (rows.high == rows.low) & np.append(False, rows.close[1:] == rows.close[:-1])
    length, end = _longest(still)
    stale = length * step_ns
    yield WARN if stale >= STALE and length > 1 else OK, (
        f"longest stretch without movement {show_step(stale)}, to {show(int(rows.close_ns[end]))}"
        if length else "price moves in every row")


def _bars(table: pa.Table, market: Market) -> Answers:
    yield from _prices(table, market.step_ns)
    empty = int((numbers(table, "volume") == 0).sum())
    if empty:
        yield WARN, f"{empty:,} bars without volume"


def _mark(table: pa.Table, market: Market) -> Answers:
    yield from _prices(table, market.mark_step_ns or market.step_ns)


def _funding(table: pa.Table, market: Market) -> Answers:
    stamps, rate = numbers(table, "ts"), numbers(table, "rate")
    yield from _rows(stamps)
    if not len(stamps):
        return
    hours, counts = np.unique(numbers(table, "interval_h"), return_counts=True)
    shown = ", ".join(f"{hour:g} h ({count:,})" for hour, count in zip(hours, counts, strict=True))
    yield OK if len(hours) == 1 else WARN, f"intervals: {shown}"
    at = int(np.abs(rate).argmax())
    yield WARN if abs(rate[at]) > LARGE_RATE else OK, (
        f"largest rate {rate[at]:+.4%} at {show(int(stamps[at]))}")
    jitter = int(np.abs(numbers(table, "raw_ts") - stamps).max())
    if jitter:
        yield OK, f"stamps snapped by up to {jitter / 1e6:g} ms"


def _liquidations(table: pa.Table, market: Market) -> Answers:
    yield from _rows(numbers(table, "ts"))
    covers = [cover for cover in market.coverage if cover.table == "liquidations"]
    for venue in dict.fromkeys(cover.venue for cover in covers):
        own = [cover for cover in covers if cover.venue == venue]
        rows = table.filter(pc.equal(table.column("venue"), venue))
        usd = float(np.sum(numbers(rows, "notional_usd")))
        kinds = ", ".join(sorted({cover.completeness for cover in own}))
        holes = f" with {len(own) - 1} holes" if len(own) > 1 else ""
        yield OK if kinds == "all" and not holes else WARN, (
            f"{venue_name(venue)}: {rows.num_rows:,} rows, {usd:,.0f} USD, completeness {kinds}, "
            f"covered {show(own[0].start_ns)} to {show(own[-1].end_ns)}{holes}")
    yield from _shares(table, market)


def _shares(table: pa.Table, market: Market) -> Answers:
    """What each venue reported of the day with most, in the words of its feeds."""
    for day in totals.largest(table, market.coverage, count=1):
        found = totals.shares(table, day.start_ns, day.end_ns)
        if len(found) > 1:
            sampled = any(row.completeness != "all" for row in found)
            parts = ", ".join(f"{row.venue} {row.share:.0%}" for row in found)
            yield WARN if sampled else OK, (
                f"{'reported shares' if sampled else 'shares'} of the largest day {day.label}: "
                f"{parts}")


def _sides(tables: dict[str, pa.Table]) -> Iterator[tuple[str, str, str]]:
    """Whether each venue's sides fit the prices."""
    bars = tables["bars"]
    found = sides.by_venue([tables["liquidations"]], numbers(bars, "close_ns"),
                           numbers(bars, "close"))
    for venue, verdict in found.items():
        state = {sides.AGREES: OK, sides.INVERTED: BAD}.get(verdict.state, WARN)
        yield "liquidations", state, f"sides of {venue}: {verdict.state} ({verdict.why})"


def _open_interest(table: pa.Table, market: Market) -> Answers:
    stamps = numbers(table, "ts")
    step = int(np.median(np.diff(stamps))) if len(stamps) > 1 else None
    yield from _rows(stamps, step)
    late = numbers(table, "available_at") - stamps
    if len(late):
        yield OK, f"used {show_step(int(np.median(late)))} after its stamp"


def _steady(table: pa.Table, market: Market) -> Answers:
    yield from _rows(numbers(table, "close_ns"), market.step_ns or None)


def _context(table: pa.Table, market: Market) -> Answers:
    yield from _rows(numbers(table, SCHEMAS["context"].clock))


_CHECKS: dict[str, Callable[[pa.Table, Market], Answers]] = {
    "bars": _bars, "mark": _mark, "funding": _funding, "liquidations": _liquidations,
    "open_interest": _open_interest, "context": _context, "index": _steady, "premium": _steady,
}


def _joined(market: Market, tables: dict[str, pa.Table],
            columns: MarketColumns) -> Iterator[tuple[str, str, str]]:
    """What only shows when tables meet: missing settlements, mark coverage, last against mark."""
    state = columns.funding.state
    missing = int((state == FUNDING_MISSING).sum())
    if "funding" in tables:
        first = columns.funding.settle_ns[np.argmax(state == FUNDING_MISSING)] if missing else 0
        yield "funding", WARN if missing else OK, (
            f"{missing} of {len(state)} settlements due within the bars are missing"
            + (f", the first {show(int(first))}" if missing else ""))
    if "liquidations" in tables:
        yield from _sides(tables)
    mark = mark_rows(market, tables["bars"], tables.get("mark"))
    if mark is None:
        return
    bare = int((columns.execution_mark.state == MARK_MISSING).sum())
    yield "mark", WARN if bare else OK, f"{bare:,} of {len(columns):,} bars have no mark"
    at_close = close_at(mark, columns.close_ns)
    apart = np.abs(columns.lines["close"] / at_close - 1)
    if not np.isnan(apart).all():
        at = int(np.nanargmax(apart))
        yield "mark", WARN if apart[at] > DIVERGENCE else OK, (
            f"last and mark closes differ most by {apart[at]:.2%} at "
            f"{show(int(columns.close_ns[at]))}")
    yield from _beyond(columns.lines, columns.close_ns, columns.execution_mark.low,
                       columns.execution_mark.high)


def _beyond(lines: Mapping[str, Floats], close_ns: Ints, low: Floats,
            high: Floats) -> Iterator[tuple[str, str, str]]:
    """How far last ran beyond the mark inside one bar: judged on last, accounts die there."""
    last_low, last_high = lines["low"], lines["high"]
    below, above = low / last_low - 1, last_high / high - 1
    excess = np.fmax(below, above)
    if np.isnan(excess).all():
        return
    at = int(np.nanargmax(excess))
    side, last, mark = (("low", last_low, low) if below[at] >= above[at]
                        else ("high", last_high, high))
    yield "mark", WARN if excess[at] > DIVERGENCE else OK, (
        f"last ran beyond the mark most at {show(int(close_ns[at]))}: {side} {last[at]:,.8g} "
        f"against {mark[at]:,.8g} ({excess[at]:.2%})")


def _longest(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Length of the longest run of True and the index of its last element."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    if not len(edges):
        return 0, 0
    lengths = edges[1::2] - edges[::2]
    at = int(lengths.argmax())
    return int(lengths[at]), int(edges[1::2][at]) - 1
