"""A maintenance ladder: brackets over notional, when it was seen, and how far it can be trusted.

``MM = notional × rate − amount`` with
``amount_n = amount_(n−1) + lower_n × (rate_n − rate_(n−1))``, which makes MM continuous. A
notional exactly on a bound belongs to the lower bracket.
"""

from __future__ import annotations

import hashlib
import json
import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deleverage import timestamps
from deleverage.errors import DataError, LadderError, UsageError, unknown_name

_COLUMNS = ("min_notional", "max_notional", "mmr", "max_leverage", "amount")
VERIFIED = ("venue_reply_copied", "published_copy", "inferred", "user")


@dataclass(frozen=True, slots=True)
class Bracket:
    """One rung: ``lower`` < notional ≤ ``upper`` (inf at the top), in quote."""

    lower: float
    upper: float
    rate: float
    amount: float
    max_leverage: float | None


@dataclass(frozen=True, slots=True)
class Ladder:
    """The brackets of one symbol as observed on one day.

    ``observed`` is the date of an observation (ISO), not the day the ladder began; None if undated.
    """

    id: str
    venue: str
    symbol: str
    brackets: tuple[Bracket, ...]
    observed: str | None
    confidence: str
    source: str = ""
    note: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        _check(self)

    def bracket(self, notional: float) -> Bracket:
        """The bracket of a notional ≥ 0; above the last upper bound the last one."""
        uppers = [rung.upper for rung in self.brackets]
        return self.brackets[min(bisect_left(uppers, notional), len(uppers) - 1)]

    @property
    def trusted(self) -> bool:
        """Dated and copied from a venue or a publication (not a guess or a sample)."""
        return self.observed is not None and self.confidence in VERIFIED


@dataclass(frozen=True, slots=True)
class LadderUse:
    """A ladder in use at a time, and in which state: what every sheet prints."""

    ladder: Ladder
    at_ns: int

    @property
    def age_days(self) -> int | None:
        """Whole days from the observation to the time of use (negative: observed later)."""
        if self.ladder.observed is None:
            return None
        return (self.at_ns - timestamps.parse(self.ladder.observed)) // timestamps.DAY

    @property
    def state(self) -> str:
        """given | dated | older than 180 days | undated or unverified | nearest later."""
        if self.ladder.confidence == "user":
            return "given"
        age = self.age_days
        if age is None or not self.ladder.trusted:
            return "undated or unverified"
        if age < 0:
            return "nearest later"
        return "older than 180 days" if age > 180 else "dated"

    @property
    def assumed(self) -> bool:
        """True where using this ladder is a declared assumption."""
        return self.state in ("undated or unverified", "nearest later")

    def describe(self) -> str:
        """One line: id, age, confidence, state, and ASSUMED where it is."""
        seen = self.ladder.observed or "undated"
        if self.age_days is not None:
            seen = f"observed {seen}, {self.age_days} days old"
            if self.age_days < 0:
                seen = f"observed {self.ladder.observed}, {-self.age_days} days LATER"
        mark = "ASSUMED: " if self.assumed else ""
        return f"{mark}{self.ladder.id} ({seen}, {self.ladder.confidence}, {self.state})"


def from_mapping(raw: dict[str, Any], *, where: str, sha256: str = "") -> Ladder:
    """A ladder from one JSON/TOML object with ``columns`` and ``rows`` (bundled or a user's file).

    Raises LadderError naming ``where`` and the row.
    """
    columns, rows = raw.get("columns", list(_COLUMNS)), raw.get("rows", [])
    for name, value in (("columns", columns), ("rows", rows)):
        if not isinstance(value, list):
            raise LadderError(f"{where}: {name} must be a list, found {value!r}")
    needed = {"min_notional", "max_notional", "mmr"}
    if not needed <= set(map(str, columns)):
        raise LadderError(f"{where}: columns must contain {sorted(needed)}, found {columns}")
    for column in columns:
        if column not in _COLUMNS:
            raise LadderError(f"{where}: {unknown_name('column', str(column), _COLUMNS)}")
    brackets = tuple(_brackets(rows, columns, where))
    try:
        return Ladder(
            id=str(raw.get("id", Path(where).name)), venue=str(raw.get("venue", "")),
            symbol=str(raw.get("symbol", "")), brackets=brackets,
            observed=None if raw.get("observed") is None else str(raw["observed"]),
            confidence=str(raw.get("confidence", "user")), source=str(raw.get("source", where)),
            note=str(raw.get("note", "")), sha256=sha256,
        )
    except LadderError as error:
        raise LadderError(f"{where}: {error}") from None


def read(path: str | Path) -> Ladder:
    """A user's ladder from a ``.json`` or ``.toml`` file."""
    path = Path(path)
    if path.suffix not in (".json", ".toml"):
        raise LadderError(f"ladder file {path}: expected a .json or .toml file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"ladder file {path}: {error.strerror or error}") from None
    try:
        if path.suffix == ".toml":
            import tomllib

            raw: Any = tomllib.loads(data.decode())
        else:
            raw = json.loads(data)
    except ValueError as error:
        raise LadderError(f"ladder file {path}: not readable as {path.suffix}: "
                          f"{error}") from None
    if isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    if not isinstance(raw, dict):
        raise LadderError(f"ladder file {path}: expected one object with 'rows'")
    raw = {**raw, "confidence": "user"}
    return from_mapping(raw, where=str(path), sha256=hashlib.sha256(data).hexdigest())


def _brackets(
    rows: Iterable[Sequence[Any]], columns: list[str], where: str
) -> Iterable[Bracket]:
    amount, previous = 0.0, 0.0
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, (list, tuple)) or len(row) != len(columns):
            raise LadderError(f"{where}: row {number} must have {len(columns)} values {columns}")
        cell = dict(zip(columns, row, strict=True))
        try:
            lower, rate = float(cell["min_notional"]), float(cell["mmr"])
            upper = math.inf if cell["max_notional"] is None else float(cell["max_notional"])
            limit = cell.get("max_leverage")
            limit = None if limit is None else float(limit)
            given = cell.get("amount")
            amount += lower * (rate - previous)
            if given is not None:
                amount = float(given)
        except (TypeError, ValueError):
            raise LadderError(f"{where}: row {number} holds something that is not a number: "
                              f"{list(row)}") from None
        previous = rate
        yield Bracket(lower, upper, rate, amount, limit)


def _check(ladder: Ladder) -> None:
    """Refuse a ladder with a gap, an overlap, a falling rate or a jump in maintenance.

    Comparisons are put so that a NaN fails them.
    """
    name = f"ladder {ladder.id}"
    if not ladder.brackets:
        raise LadderError(f"{name}: no rows")
    if ladder.observed is not None:
        try:
            timestamps.parse(ladder.observed)
        except UsageError as error:
            raise LadderError(f"{name}: observed: {error}") from None
    below = Bracket(0.0, 0.0, 0.0, 0.0, None)  # so that the first row starts at 0 with amount 0
    for number, rung in enumerate(ladder.brackets, start=1):
        if not (0 < rung.rate < 1) or not rung.lower < rung.upper:
            raise LadderError(f"{name}: row {number} needs 0 < rate < 1 and lower < upper, "
                              f"found {rung}")
        if rung.max_leverage is not None and not rung.max_leverage >= 1:
            raise LadderError(f"{name}: row {number}: max_leverage {rung.max_leverage:g} is "
                              "below 1")
        if number == 1 and rung.lower != 0:
            raise LadderError(f"{name}: row 1 must start at 0, found {rung.lower:g}")
        if rung.lower != below.upper:
            kind = "gap" if rung.lower > below.upper else "overlap"
            raise LadderError(f"{name}: {kind} between row {number - 1} (to {below.upper:g}) and "
                              f"row {number} (from {rung.lower:g})")
        if rung.rate < below.rate:
            raise LadderError(f"{name}: row {number}: rate falls from {below.rate:g} to "
                              f"{rung.rate:g}")
        expected = below.amount + rung.lower * (rung.rate - below.rate)
        if not abs(rung.amount - expected) <= 1e-6 * max(1.0, abs(rung.amount)):
            raise LadderError(f"{name}: row {number}: amount {rung.amount:g} makes maintenance "
                              f"jump (expected {expected:g})")
        below = rung
