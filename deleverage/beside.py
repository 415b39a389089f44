"""What stands beside a result, one home for all of it: made by other runs, saved in one file with
the result they belong to, and read back with it.

Random entries (:class:`Baseline`), the run again with one thing changed (:class:`Rerun`), at other
notionals (:class:`CapacityRow`) and on an account that nothing liquidates (:class:`Shadow`). They
are made by :mod:`deleverage.scan`, :mod:`deleverage.robustness`, :mod:`deleverage.capacity` and
:mod:`deleverage.shadow`; every sheet and page is a view of what is kept here.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from deleverage.errors import DataError, UsageError
from deleverage.fromjson import maybe, record
from deleverage.result_files import finite
from deleverage.results import RunResult
from deleverage.statistics.summary import plain

FILE = "beside.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run came to; shares are fractions, money in the quote currency."""

    name: str
    net: float
    total_return: float
    max_drawdown: float  # worst inside the bar
    trades: int
    liquidations: int
    margin_lost: float

    @classmethod
    def of(cls, result: RunResult, name: str = "") -> Self:
        """The figures of a result, as it states them."""
        figures = result.statistics
        return cls(name or result.name, figures["performance"]["net"],
                   figures["performance"]["total_return"], figures["drawdown"]["max_inside"],
                   figures["trades"]["count"] + figures["trades"]["open"],
                   figures["liquidations"]["count"], figures["liquidations"]["margin_lost"])


@dataclass(frozen=True, slots=True)
class Baseline:
    """Entries at random times, as many and held as long as those of the strategy ``like``.

    One outcome per seed, all on the same market and account; ``own`` is the return of the strategy
    itself.
    """

    like: str
    own: float
    outcomes: tuple[Outcome, ...]

    @classmethod
    def against(cls, result: RunResult, random: Sequence[RunResult]) -> Self:
        """The yardstick of ``result``; UsageError without a random run."""
        if not random:
            raise UsageError("a baseline needs at least one run with random entries")
        outcomes = tuple(Outcome.of(run, f"seed {run.spec.params.get('seed', index)}")
                         for index, run in enumerate(random))
        return cls(result.spec.strategy, result.statistics["performance"]["total_return"], outcomes)

    @property
    def beaten(self) -> int:
        """Seeds whose return was below the strategy's."""
        return sum(outcome.total_return < self.own for outcome in self.outcomes)

    @property
    def median(self) -> Outcome:
        """The run in the middle by return (the lower one of an even number)."""
        return middle(self.outcomes)

    @property
    def worst(self) -> Outcome:
        """The run with the lowest return."""
        return min(self.outcomes, key=lambda outcome: outcome.total_return)

    @property
    def best(self) -> Outcome:
        """The run with the highest return."""
        return max(self.outcomes, key=lambda outcome: outcome.total_return)


def middle(outcomes: Sequence[Outcome]) -> Outcome:
    """The outcome in the middle by return, the lower one of an even number."""
    wanted = statistics.median_low(outcome.total_return for outcome in outcomes)
    return next(outcome for outcome in outcomes if outcome.total_return == wanted)


@dataclass(frozen=True, slots=True)
class Rerun:
    """The run again with one thing changed, and what it then came to; ``outcome`` is None where it
    could not be made, ``why`` says why not."""

    name: str
    outcome: Outcome | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class CapacityRow:
    """The run again with every entry of ``notional`` (USD) from a wallet of ``cash``, the margin an
    entry posts being the same share of it, its takers' fills charged by the volume they take.

    ``policy`` is the line of the slippage policy, ``slippage`` ≥ 0 what it took (USD) and
    ``slippage_bp`` that in basis points of the turnover (None without a fill); ``largest_share`` is
    the most that the fills in one bar took of its volume (above 1: more than was traded; None where
    no bar of a fill has a known one). ``rejections`` counts the orders refused, ``reason`` is what
    most were refused for. ``outcome`` None: ``why`` it says nothing.
    """

    notional: float
    cash: float
    outcome: Outcome | None
    policy: str
    slippage: float = 0.0
    slippage_bp: float | None = None
    largest_share: float | None = None
    rejections: int = 0
    reason: str = ""
    why: str = ""


def carried(rows: Sequence[CapacityRow]) -> float | None:
    """The largest notional (USD) up to which every row that ran has a net result above zero; 0
    where the smallest has none, None where nothing ran."""
    ran = sorted((row for row in rows if row.outcome is not None), key=lambda row: row.notional)
    best = 0.0
    for row in ran:
        if row.outcome is None or not row.outcome.net > 0:
            break
        best = row.notional
    return best if ran else None


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a framework without liquidation would have claimed of a run: the same orders on an
    account that nothing is taken from by force.

    ``lowest`` is the lowest equity inside a bar, in quote currency, below zero where the account
    owed money; ``end`` the equity at the end.
    """

    outcome: Outcome
    lowest: float
    end: float


@dataclass(frozen=True, slots=True)
class Compared:
    """A result with what stands beside it; ``baseline`` is None where the strategy needs none,
    ``reruns`` and ``capacity`` are empty where none were made, ``shadow`` is None where nothing was
    liquidated or none was made."""

    result: RunResult
    baseline: Baseline | None = None
    reruns: tuple[Rerun, ...] = ()
    capacity: tuple[CapacityRow, ...] = ()
    shadow: Shadow | None = None

    def save(self, folder: str | Path) -> Path:
        """The result's folder with all that stands beside it, written whole or not at all.

        A folder with an earlier result is replaced, and what stood beside that one with it;
        UsageError for one that holds other files.
        """
        text = json.dumps(self._beside(), indent=1, allow_nan=False, ensure_ascii=False)
        return self.result.save(folder, {FILE: text.encode()})

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """What :meth:`save` wrote; a result saved alone has nothing beside it.

        Raises what :meth:`RunResult.load` raises, and DataError where the file beside the result is
        damaged, of another schema or of another run.
        """
        result = RunResult.load(folder)
        path = Path(folder) / FILE
        if not path.is_file():
            return cls(result)
        raw = _open(path)
        if raw["run"] != result.spec.key() or raw["sha256"] != result.provenance.sha256:
            raise DataError(f"{path}: stands beside a result of another run; make it again with "
                            "`run --out`")
        try:
            return cls(
                result, maybe(Baseline, raw["baseline"]),
                tuple(record(Rerun, row) for row in raw["reruns"]),
                tuple(record(CapacityRow, row) for row in raw["capacity"]),
                maybe(Shadow, raw["shadow"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: damaged: {error}") from None

    def _beside(self) -> dict[str, Any]:
        """All but the result as JSON values (NaN and infinity are null), and whose it is."""
        return {"schema": SCHEMA, "run": self.result.spec.key(),
                "sha256": self.result.provenance.sha256, **{
                    name: finite(plain(getattr(self, name)))
                    for name in ("baseline", "reruns", "capacity", "shadow")}}


def _open(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    found = raw.get("schema") if isinstance(raw, dict) else None
    if found != SCHEMA:
        raise DataError(f"{path}: of schema {found}; this version reads schema {SCHEMA}")
    absent = [name for name in ("run", "sha256", "baseline", "reruns", "capacity", "shadow")
              if name not in raw]
    if absent:
        raise DataError(f"{path}: damaged: {absent[0]!r} is missing")
    return dict(raw)
