"""The figures the benchmarks give, each with what was aimed at; kept as JSON between commands.

``make bench``, ``make bench-peers`` and ``make profile`` leave theirs in ``.benchmarks``, which git
does not know; :mod:`benchmarks.page` writes them into docs/performance.md. A command that ran in
part replaces what it measured and leaves the rest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / ".benchmarks"


@dataclass(frozen=True)
class Aim:
    """What a figure should be: at most or at least ``limit``, and ``better`` if it can be had."""

    sign: str  # ≤ or ≥
    limit: float
    better: float | None = None

    def met(self, value: float) -> bool:
        """Whether ``value`` is within the limit."""
        return value <= self.limit if self.sign == "≤" else value >= self.limit

    def verdict(self, value: float) -> str:
        """One word or two for a table: met, or by how many times it is missed."""
        if not self.met(value):
            short = value / self.limit if self.sign == "≤" else self.limit / value
            return f"missed, {short:.2f} times"
        if self.better is not None and not Aim(self.sign, self.better).met(value):
            return "met, the better one not"
        return "met"

    def __str__(self) -> str:
        better = "" if self.better is None else f", better {self.better:g}"
        return f"{self.sign} {self.limit:g}{better}"


def at_most(limit: float, better: float | None = None) -> Aim:
    """An aim that a smaller figure meets."""
    return Aim("≤", limit, better)


def at_least(limit: float, better: float | None = None) -> Aim:
    """An aim that a larger figure meets."""
    return Aim("≥", limit, better)


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was compared, the figure, what was aimed at, what measured it."""

    name: str
    value: float
    unit: str = ""
    aim: Aim | None = None
    source: str = ""  # a test's id, or a command

    @property
    def shown(self) -> str:
        """The value with three digits that count, and its unit."""
        digits = 0 if self.value >= 100 else 1 if self.value >= 10 else 2 if self.value >= 1 else 3
        return f"{self.value:,.{digits}f} {self.unit}".rstrip()

    @property
    def verdict(self) -> str:
        """Whether the aim is met; nothing where there is none."""
        return self.aim.verdict(self.value) if self.aim else ""


def save(name: str, content: Any) -> None:
    """Keep JSON under ``name`` for the page."""
    STORE.mkdir(exist_ok=True)
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (STORE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def load(name: str) -> Any:
    """What was kept under ``name``; None where nothing was."""
    path = STORE / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def keep(found: Iterable[Figure]) -> None:
    """Keep figures in place of earlier ones from the same sources."""
    before: dict[str, list[Any]] = load("figures") or {}
    fresh: dict[str, list[Any]] = {}
    for figure in found:
        fresh.setdefault(figure.source, []).append(asdict(figure))
    save("figures", before | fresh)


def kept() -> tuple[Figure, ...]:
    """All figures kept, ordered by what measured them."""
    stored: dict[str, list[dict[str, Any]]] = load("figures") or {}
    return tuple(Figure(**{**row, "aim": Aim(**row["aim"]) if row["aim"] else None})
                 for source in sorted(stored) for row in stored[source])
