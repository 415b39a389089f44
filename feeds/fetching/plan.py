"""What a fetch would do: files and answers, how many bytes where that is known, and what is not to
be had. Making a plan writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from deleverage.timestamps import show


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to fetch. ``path`` is where it goes, below the folder of raw files, with folders by
    which readers tell it; ``what`` the source's word for its kind. The time it covers is [start,
    end) in ns. ``size`` is None where nobody tells before."""

    source: str
    path: str
    what: str
    url: str
    start_ns: int
    end_ns: int
    size: int | None = None
    asks: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Gap:
    """What was wanted and is not there, or will not be asked for, with the reason."""

    what: str
    start_ns: int
    end_ns: int
    why: str

    def __str__(self) -> str:
        return f"{self.what}, {show(self.start_ns)} to {show(self.end_ns)}: {self.why}"


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one fetch is to do. ``symbol`` is the instrument's as its venue writes it; ``venue``
    whose data the files are where they do not tell."""

    symbol: str
    items: tuple[Item, ...]
    gaps: tuple[Gap, ...] = ()
    venue: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One source's files of one kind, added up. ``size`` in bytes, None where unknown."""

    source: str
    what: str
    count: int
    size: int | None
    start_ns: int
    end_ns: int


def together(plans: Sequence[Plan]) -> Plan:
    """Several sources' plans as one; symbol and venue are those of the first."""
    return Plan(plans[0].symbol, tuple(item for plan in plans for item in plan.items),
                tuple(gap for plan in plans for gap in plan.gaps), plans[0].venue)


def lines(items: Iterable[Item]) -> list[Line]:
    """``items`` added up by source and kind, in their order."""
    groups: dict[tuple[str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.source, item.what), []).append(item)
    return [Line(source, what, len(of),
                 None if any(item.size is None for item in of) else sum(
                     item.size or 0 for item in of),
                 min(item.start_ns for item in of), max(item.end_ns for item in of))
            for (source, what), of in groups.items()]


def joined_gaps(gaps: Iterable[Gap]) -> list[Gap]:
    """Gaps of one kind and reason that follow each other, as one."""
    found: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: (gap.what, gap.why, gap.start_ns)):
        last = found[-1] if found else None
        if last and (last.what, last.why) == (gap.what, gap.why) and gap.start_ns <= last.end_ns:
            found[-1] = Gap(last.what, last.start_ns, max(last.end_ns, gap.end_ns), last.why)
        else:
            found.append(gap)
    return found
