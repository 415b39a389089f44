"""What stands around a picture of a run: whose it is, on what, drawn from how many points."""

from __future__ import annotations

from deleverage import timestamps
from deleverage._version import __version__
from deleverage.plots.words import clean
from deleverage.results import RunResult

LONGEST = 64  # characters of a name before it is cut in the middle


def name_of(result: RunResult) -> str:
    """The run's name without the folder of its file, cut where it is very long."""
    return cut(result.name.rpartition("/")[2])


def cut(name: str, longest: int = LONGEST) -> str:
    """``name`` with at most ``longest`` characters: a long one loses its middle."""
    name = clean(name)
    half = (longest - 1) // 2
    return name if len(name) <= longest else f"{name[:half]}…{name[-half:]}"


def title(words: str, synthetic: bool) -> str:
    """A title; a market that is made up says so."""
    return f"{words} · SYNTHETIC" if synthetic else words


def subtitle(result: RunResult) -> str:
    """Name, instrument and venue in one line."""
    made = result.provenance
    return f"{name_of(result)} · {cut(made.symbol, 24)} · {made.venue}"


def small_print(result: RunResult, drawn: str) -> list[str]:
    """The terms a picture must not be read without; ``drawn``: of how many points it is made."""
    made = result.provenance
    return [name_of(result), f"{made.venue} {cut(made.symbol, 24)}", f"{made.leverage:g}x set",
            f"{made.margin} margin",
            ("SYNTHETIC data: " if made.synthetic else "data: ") + cut(made.dataset, 48),
            f"{timestamps.show(made.first_ns)} … {timestamps.show(made.last_ns)} UTC",
            drawn, f"Deleverage {__version__}"]


def bars_of(result: RunResult, bars: int | None = None) -> str:
    """``21,600 bars of 1m``; ``bars`` where it is known better than by the provenance."""
    made = result.provenance
    finer = max(1, made.step_ns // made.walked_step_ns)
    count = made.bars * finer if bars is None else bars
    return f"{many(count, 'bar')} of {timestamps.show_step(made.walked_step_ns)}"


def points_of(result: RunResult, drawn: int, bars: int) -> str:
    """``1,964 points of 21,600 bars of 1m``."""
    return f"{many(drawn, 'point')} of {bars_of(result, bars)}"


def many(count: int, word: str) -> str:
    """``1 bar``, ``21,600 bars``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"
