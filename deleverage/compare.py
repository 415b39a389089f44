"""Results side by side: the same market, the same ranking, and random entries as the yardstick."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from deleverage.errors import DataError, UsageError
from deleverage.pairs import NOT_PAIRED, Noise
from deleverage.results import RunResult

BASELINE_FILE = "random_entry.json"
YARDSTICKS = ("random_entry", "buy_and_hold")  # what strategies are measured by


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
        wanted = statistics.median_low(outcome.total_return for outcome in self.outcomes)
        return next(outcome for outcome in self.outcomes if outcome.total_return == wanted)

    @property
    def worst(self) -> Outcome:
        """The run with the lowest return."""
        return min(self.outcomes, key=lambda outcome: outcome.total_return)

    @property
    def best(self) -> Outcome:
        """The run with the highest return."""
        return max(self.outcomes, key=lambda outcome: outcome.total_return)

    def save(self, folder: Path) -> None:
        """Write it beside the result it belongs to."""
        text = json.dumps(asdict(self), indent=1)
        (folder / BASELINE_FILE).write_text(text, "utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The yardstick saved beside a result, None where there is none."""
        path = folder / BASELINE_FILE
        if not path.is_file():
            return None
        try:
            values = json.loads(path.read_text("utf-8"))
            outcomes = tuple(Outcome(**row) for row in values["outcomes"])
            return cls(values["like"], values["own"], outcomes)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path} is not a saved baseline: {error}") from None


@dataclass(frozen=True, slots=True)
class Rerun:
    """The run again with one thing changed, and what it then came to; ``outcome`` is None where it
    could not be made, ``why`` says why not."""

    name: str
    outcome: Outcome | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """A result with its yardstick; ``baseline`` is None where the strategy needs none, ``reruns``
    are empty where none were made."""

    result: RunResult
    baseline: Baseline | None = None
    reruns: tuple[Rerun, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """Results ranked by return; ``differences`` says in what the runs are not alike, ``noise``
    which of them did better by more than chance."""

    rows: tuple[Compared, ...]
    differences: tuple[str, ...]
    noise: Noise = NOT_PAIRED

    @classmethod
    def of(cls, rows: Sequence[Compared], force: bool = False) -> Self:
        """Rank the runs; UsageError where they ran on different data, unless ``force``."""
        if not rows:
            raise UsageError("nothing to compare")
        different = _different_data(rows)
        if different and not force:
            raise UsageError(f"the runs are on different data ({different}); --force compares "
                             "them all the same")
        ranked = sorted(rows, key=lambda row: -row.result.statistics["performance"]["total_return"])
        notes = (f"DIFFERENT DATA: {different}",) if different else ()
        noise = Noise(why="the runs are on different data") if different else \
            Noise.of([row.result for row in ranked])
        return cls(tuple(ranked), notes + tuple(_different_accounts(rows)), noise)

    @property
    def synthetic(self) -> bool:
        """Whether any of the markets is made up."""
        return any(row.result.synthetic for row in self.rows)


def _different_data(rows: Sequence[Compared]) -> str:
    first = rows[0].result
    for row in rows[1:]:
        ours, other = first.provenance, row.result.provenance
        for what in ("sha256", "symbol", "step_ns", "first_ns", "last_ns"):
            if getattr(ours, what) != getattr(other, what):
                where = "content" if what == "sha256" else what.removesuffix("_ns")
                return (f"{first.name} on {ours.dataset}, {row.result.name} on {other.dataset}: "
                        f"{where} differs")
    return ""


def _different_accounts(rows: Sequence[Compared]) -> list[str]:
    """The settings of the account that are not the same in all runs, in words."""
    notes = []
    for what, words in (("venue", "venue"), ("ladder_id", "ladder"), ("leverage", "leverage"),
                        ("margin", "margin mode"), ("sizing", "size rule"), ("fees", "fees"),
                        ("slippage", "slippage"), ("stop_trigger", "price that stops watch")):
        values = {_text(getattr(row.result.provenance, what)) for row in rows}
        if len(values) > 1:
            notes.append(f"{words} differs: {', '.join(sorted(values))}")
    for what, words in (("cash", "opening wallet"), ("path", "path policy"), ("fill", "fill rule"),
                        ("mark", "mark"), ("missing", "missing policy"),
                        ("liquidation", "liquidation procedure"), ("volume_limit", "volume limit"),
                        ("latency", "latency"), ("publication_latency", "publication latency"),
                        ("outage", "outage"), ("adl", "auto-deleveraging"),
                        ("off_tick", "off-tick rule")):
        values = {_text(getattr(row.result.spec, what)) for row in rows}
        if len(values) > 1:
            notes.append(f"{words} differs: {', '.join(sorted(values))}")
    return notes


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
