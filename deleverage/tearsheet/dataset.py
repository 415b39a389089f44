"""What a dataset holds, as text: ``data show`` and the end of ``data import``."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from deleverage import timestamps
from deleverage.feeds.summary import DayTotal, Summary
from deleverage.tearsheet.text import (
    dollars,
    lines,
    page,
    percent,
    price,
    rule,
    section,
    stack,
    table,
)

_BARS = "▁▂▃▄▅▆▇█"
_ORDINALS = {1: "largest", 2: "second largest", 3: "third largest"}


def sheet(facts: Summary) -> str:
    """All that is known of one dataset."""
    made = "SYNTHETIC " if facts.synthetic else ""
    blocks = [
        section(rule(f"{facts.name}{' · SYNTHETIC' if facts.synthetic else ''}"), stack(
            *_head(facts, made))),
        section("TABLES", table(("table", "from", "rows", "first (UTC)", "last (UTC)"), (
            [row.name, textwrap.fill(row.provenance, 52), f"{row.rows:,}", row.first, row.last]
            for row in facts.tables), left=2)),
        section("COVERAGE", table(("table", "venue", "provider", "completeness", "from", "to"), (
            [row.table, row.venue, row.provider[:40], row.completeness,
             timestamps.show(row.start_ns), timestamps.show(row.end_ns)]
            for row in facts.coverage), left=4)),
        *_liquidated(facts, made),
    ]
    if facts.notes:
        blocks.append(section("NOTES", lines(_notes(facts.notes))))
    return page(*blocks)


def _head(facts: Summary, made: str) -> Iterator[str]:
    coin = facts.instrument
    yield f"folder      {facts.path}"
    yield (f"instrument  {coin.symbol} at {coin.venue}, {coin.product}, {coin.base}/{coin.quote}, "
           f"tick {coin.tick_size or 'unknown'}, lot {coin.lot_size or 'unknown'}")
    if facts.step is None:
        yield f"bars        none: nothing can be run on it; {facts.start} … {facts.end} UTC"
    else:
        yield (f"bars        {facts.bars:,} {made}bars of {facts.step}, {facts.start} … "
               f"{facts.end} UTC; mark {facts.mark_step or 'none'}")
    if any(not math.isnan(value) for value in facts.price):
        known = [value for value in facts.price if not math.isnan(value)]
        yield f"price       {sparkline(facts.price)}  {price(min(known))} to {price(max(known))}"
    if any(facts.liquidated):
        yield (f"liquidated  {sparkline(facts.liquidated, zero=True)}  up to "
               f"{dollars(max(facts.liquidated))} in a sixtieth of the range")
    yield f"sha256      {facts.sha256}"


def _liquidated(facts: Summary, made: str) -> Iterator[str]:
    """Largest windows with their rank, venues' shares in the largest, the largest order."""
    if not facts.largest:
        return
    first = facts.largest[0]
    yield section(
        f"LARGEST {made}LIQUIDATIONS ({facts.window}; venues: {_venues(facts.venues)}; provider: "
        f"{', '.join(facts.providers)})",
        table(("window", "long", "short", "both", "rows", "rank", ""), (
            [row.label, dollars(row.long_usd), dollars(row.short_usd), dollars(row.usd),
             f"{row.events:,}", f"{_ordinal(row.rank)} since {row.since}",
             "" if row.whole else "covered in part"] for row in facts.largest)))
    if facts.shares:
        sampled = any(row.completeness != "all" for row in facts.shares)
        word = "reported share" if sampled else "share"
        yield section(
            f"VENUES in the window {first.label}",
            table(("venue", "liquidated", word, "feed"), (
                [row.venue, dollars(row.usd), percent(row.share, sign=False),
                 _feed(row.completeness)] for row in facts.shares)))
    event = facts.largest_event
    if event is not None:
        alone = "single-source, not confirmed by a second provider" if event.single_source else \
            "its venue is covered by a second provider too"
        yield section("LARGEST SINGLE ORDER", (
            f"{dollars(event.usd)} {event.side} of {event.symbol} at {event.venue}, "
            f"{event.moment} UTC, price {price(event.price)}\n{event.provider}, {event.row}; feed "
            f"{_feed(event.completeness)}; {alone}"))


def _venues(names: Sequence[str]) -> str:
    """The venue ``all`` is a vendor's own sum over several."""
    return "a sum over several" if tuple(names) == ("all",) else ", ".join(names)


def _feed(completeness: str) -> str:
    return {"all": "complete", "sampled_1s": "sampled, one a second at most",
            "sampled": "sampled", "aggregate": "sums per bar"}.get(completeness, completeness)


def _ordinal(rank: int) -> str:
    return _ORDINALS.get(rank, f"{rank}th largest")


def totals_sheet(totals: Sequence[DayTotal], window: str) -> str:
    """What several datasets report together, window by window and coin by coin, largest first."""
    return section(
        f"TOTALS OVER ALL DATASETS ({window}; what is reported, not the market)",
        table(("window", "long", "short", "both", "by coin"), (
            [row.label, dollars(row.long_usd), dollars(row.short_usd),
             dollars(row.long_usd + row.short_usd),
             ", ".join(f"{coin} {dollars(usd)}" for coin, usd in row.by_coin)]
            for row in totals), left=1))


def sparkline(values: Sequence[float], zero: bool = False) -> str:
    """``values`` as one line of blocks, from the lowest (``zero``: from 0) to the highest; a blank
    where there is none."""
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return ""
    low, high = 0.0 if zero else min(known), max(known)
    span = (high - low) or 1.0
    return "".join(" " if math.isnan(value) else
                   _BARS[min(int((value - low) / span * len(_BARS)), len(_BARS) - 1)]
                   for value in values)


def _notes(notes: Any, name: str = "") -> Iterator[str]:
    """Every note of market.toml as one line: ``key.key: value``."""
    if isinstance(notes, dict):
        for key, value in notes.items():
            yield from _notes(value, f"{name}.{key}" if name else str(key))
    elif isinstance(notes, list | tuple):
        yield from (f"{name}: {item}" for item in notes)
    else:
        yield f"{name}: {notes}"
