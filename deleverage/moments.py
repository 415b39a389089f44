"""Times as a user writes them for a run: outages and auto-deleveragings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from numbers import Real
from typing import Any

from deleverage import timestamps
from deleverage.errors import UsageError
from deleverage.policies import AdlEvent, Outage


def as_ns(moment: Any) -> int:
    """UTC nanoseconds of ISO text, a datetime (naive: UTC) or nanoseconds themselves."""
    if isinstance(moment, bool) or not isinstance(moment, (str, int, datetime)):
        raise UsageError(f"a time must be ISO text, a datetime or UTC nanoseconds, found "
                         f"{moment!r}")
    if isinstance(moment, str):
        return timestamps.parse(moment)
    return timestamps.from_datetime(moment) if isinstance(moment, datetime) else moment


def as_outages(given: Iterable[Any]) -> tuple[Outage, ...]:
    """(from, to) pairs as outages, in the order of time. Raises UsageError for one reversed."""
    pairs = _listed("outage", "(from, to) pairs", given)
    return tuple(sorted((_outage(pair) for pair in pairs), key=lambda each: each.start))


def _outage(pair: Any) -> Outage:
    if isinstance(pair, Outage):
        return pair
    if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
        raise UsageError(f"an outage is a pair (from, to), found {pair!r}")
    return Outage(as_ns(pair[0]), as_ns(pair[1]))


def as_adl(given: Iterable[Any]) -> tuple[AdlEvent, ...]:
    """AdlEvents, or (time, side, share, price[, symbol]) rows, in the order of time."""
    rows = _listed("adl", "AdlEvents or rows", given)
    return tuple(sorted((_adl(row) for row in rows), key=lambda each: each.ts))


def _adl(row: Any) -> AdlEvent:
    if isinstance(row, AdlEvent):
        return row
    if not isinstance(row, Sequence) or isinstance(row, str) or len(row) not in (4, 5):
        raise UsageError("an auto-deleveraging is a row (time, side, share, price), found "
                         f"{row!r}")
    if any(isinstance(part, bool) or not isinstance(part, Real) for part in row[2:4]):
        raise UsageError(f"share and price of an auto-deleveraging are numbers, found {row!r}")
    return AdlEvent(as_ns(row[0]), row[1], float(row[2]), float(row[3]), *row[4:])


def _listed(name: str, what: str, given: Any) -> Iterable[Any]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise UsageError(f"{name} must be a list of {what}, found {given!r}")
    return given
