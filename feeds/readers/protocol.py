"""What a reader of vendors' files is, and what it hands over.

A reader is one module of this package with a ``READER``: adding one touches no other file. It
turns files into canonical tables (:mod:`deleverage.feeds.tables`) whose rows are those of the file,
so that an error can name file and row, and says in ``notes`` whatever it chose or changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from deleverage.errors import DataError, MissingTable
from deleverage.instrument import Instrument
from deleverage.market import Coverage

Progress = Callable[[str, int, int], None]  # (what is read, files done, files in all)


def silent(what: str, done: int, total: int) -> None:
    """The progress of somebody who does not want to know."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; None where he left it to the reader."""

    symbol: str | None = None
    venue: str | None = None
    timeframe: str | None = None
    progress: Progress = silent


@dataclass(frozen=True, slots=True)
class Reading:
    """Canonical tables and what is known of them.

    ``instrument`` and ``step_ns`` are None for a reader of single tables. ``provenance`` maps a
    table to the file it came from. An empty ``coverage`` leaves it to what the rows show.
    """

    tables: Mapping[str, pa.Table]
    provenance: Mapping[str, str]
    notes: tuple[str, ...] = ()
    instrument: Instrument | None = None
    step_ns: int | None = None
    mark_step_ns: int | None = None
    coverage: tuple[Coverage, ...] = field(default_factory=tuple)


class Reader(Protocol):
    """One vendor's files. ``name`` is what the command line calls it, ``gives`` its tables."""

    name: str
    about: str
    gives: tuple[str, ...]

    def sniff(self, path: Path) -> bool:
        """Whether ``path`` looks like this reader's, from its name and first bytes."""

    def read(self, paths: Sequence[Path], request: Request) -> Reading:
        """The tables in ``paths``.

        Raises DataError or MissingTable naming file, row and field, UsageError where the request
        leaves a choice open that the files do not settle.
        """


def existing(path: Path) -> Path:
    """``path`` if it is a file with something in it, else a one-line error."""
    if not path.is_file():
        raise MissingTable(f"{path}: no such file")
    if not path.stat().st_size:
        raise DataError(f"{path}: file is empty")
    return path


def origin(path: Path) -> str:
    """A file's name and the start of its sha256: the same on every machine."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"{path.name} (sha256 {digest[:16]})"
