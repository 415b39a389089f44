"""Results side by side: the same market, the same ranking, and random entries as the yardstick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from deleverage.beside import Compared
from deleverage.errors import UsageError
from deleverage.pairs import NOT_PAIRED, Noise

YARDSTICKS = ("random_entry", "buy_and_hold")  # what strategies are measured by


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
        form = _fees if what == "fees" else _text
        values = {form(getattr(row.result.provenance, what)) for row in rows}
        if len(values) > 1:
            verb = "differ" if what == "fees" else "differs"
            notes.append(f"{words} {verb}: {', '.join(sorted(values))}")
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
    """A setting as a reader would write it: ``none`` where there is none of it."""
    if value is None or value == ():
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _fees(fees: tuple[float, float]) -> str:
    maker, taker = fees
    return f"maker {1e4 * maker:g} bp and taker {1e4 * taker:g} bp"
