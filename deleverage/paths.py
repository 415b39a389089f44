"""One specification under both path policies, and the bars in which the two accounts part.

::

    found = paths.both(spec)                  two runs: adverse and favourable inside the bar
    found.partings[0]                         the first bar in which they did not do the same
    paths.part(one, other)                    the same of two results, also of saved ones

The two are scenarios, not bounds: after the first parting the accounts live different lives, and
the favourable one may end below the other.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import backtrader as bt

from deleverage import runner
from deleverage.columns import MarketColumns
from deleverage.errors import UsageError
from deleverage.journal import Journal
from deleverage.results import RunResult
from deleverage.spec import RunSpec

SCENARIOS = ("adverse", "favourable")
_SAME = 1e-9  # relative: prices and sizes nearer than this differ by rounding alone


@dataclass(frozen=True, slots=True)
class Did:
    """One thing an account did, or had done to it.

    ``what``: the kind of order that filled (market, limit, stop, …), ``liquidation`` with its
    stage, ``adl`` or ``funding``. ``side``: buy or sell; of funding the side held (long, short).
    ``size`` ≥ 0 coins at ``price``; ``size_after`` the signed size held then.
    """

    what: str
    symbol: str
    side: str
    size: float
    price: float
    size_after: float


@dataclass(frozen=True, slots=True)
class Parting:
    """A bar in which two accounts did not do the same: each did ``one`` or ``other``, in order.

    ``bar`` is the strategy's (the journal's), ``ts`` the close of the bar the account walked (UTC
    ns). ``first`` marks the first parting: until then the accounts were the same in every record.
    """

    bar: int
    ts: int
    one: tuple[Did, ...]
    other: tuple[Did, ...]
    first: bool


@dataclass(frozen=True, slots=True)
class Scenarios:
    """The two runs of one specification, and where they part."""

    adverse: RunResult
    favourable: RunResult
    partings: tuple[Parting, ...]

    @classmethod
    def of(cls, adverse: RunResult, favourable: RunResult) -> Scenarios:
        """The two runs with their partings."""
        return cls(adverse, favourable, part(adverse, favourable))


def both(spec: RunSpec, columns: MarketColumns | None = None,
         strategy: type[bt.Strategy] | None = None, record: bool = True) -> Scenarios:
    """Run ``spec`` under the adverse and the favourable path policy, whatever its own.

    Arguments and errors as those of :func:`deleverage.runner.run`.
    """
    source = runner.load(spec, columns)
    return Scenarios.of(*(runner.run(spec.changed(path=name), source.columns, strategy, record)
                          for name in SCENARIOS))


def part(a: RunResult, b: RunResult) -> tuple[Parting, ...]:
    """The bars in which two runs of one specification did not do the same, in order of time.

    Up to the first, everything counts: kind, side, size and price of fills, forced closes and
    settlements. From then on sizes differ by themselves, as the accounts do; a later bar counts
    where they did other things or at other prices, in another order or not at all, funding apart.
    Raises UsageError for runs on different data or of different strategies.
    """
    _comparable(a, b)
    one, other = _deeds(a.journal), _deeds(b.journal)
    found: list[Parting] = []
    for ts in sorted({*one, *other}):
        left, right = one.get(ts, _NOTHING), other.get(ts, _NOTHING)
        bar = left.bar if left.did else right.bar
        if not found and not _same(left.did, right.did, sizes=True):
            found.append(Parting(bar, ts, tuple(left.did), tuple(right.did), True))
        elif found:
            mine, theirs = _decided(left.did), _decided(right.did)
            if not _same(mine, theirs, sizes=False):
                found.append(Parting(bar, ts, tuple(mine), tuple(theirs), False))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Bar:
    """What an account did in one bar."""

    bar: int
    did: list[Did]


_NOTHING = _Bar(-1, [])


def _comparable(a: RunResult, b: RunResult) -> None:
    for what in ("sha256", "symbol", "step_ns", "first_ns", "last_ns", "strategy"):
        if getattr(a.provenance, what) != getattr(b.provenance, what):
            where = {"sha256": "data", "strategy": "strategies"}.get(what, what.removesuffix("_ns"))
            raise UsageError(f"{a.name} and {b.name} cannot part: their {where} differ")


def _deeds(journal: Journal) -> Mapping[int, _Bar]:
    """What was done, by the close of the bar; settlements first, as nothing tells their place."""
    found: dict[int, _Bar] = {}
    closes = [shot.ts for shot in journal.snapshots]
    for payment in journal.funding:
        # a payment names its own instant; its bar's close is that of the snapshot taken after it
        ts = closes[bisect_left(closes, payment.ts)]
        found.setdefault(ts, _Bar(payment.bar, [])).did.append(Did(
            "funding", payment.symbol, "long" if payment.size > 0 else "short", abs(payment.size),
            payment.price, payment.size))
    stages = iter(journal.liquidations)
    for fill in journal.fills:
        what = fill.reason
        if what == "liquidation":
            what = f"liquidation ({next(stages).stage})"
        found.setdefault(fill.ts, _Bar(fill.bar, [])).did.append(Did(
            what, fill.symbol, "buy" if fill.size > 0 else "sell", abs(fill.size), fill.price,
            fill.size_after))
    return found


def _decided(did: Iterable[Did]) -> list[Did]:
    return [each for each in did if each.what != "funding"]


def _same(one: list[Did], other: list[Did], *, sizes: bool) -> bool:
    return len(one) == len(other) and all(
        (mine.what, mine.symbol, mine.side) == (theirs.what, theirs.symbol, theirs.side)
        and _close(mine.price, theirs.price)
        and (not sizes or (_close(mine.size, theirs.size)
                           and _close(mine.size_after, theirs.size_after)))
        for mine, theirs in zip(one, other, strict=True))


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SAME) or (math.isnan(one) and math.isnan(other))
