"""What a reader of vendors' files is, and what it hands over.

A reader is one module or package beside this one with a ``READER`` (or several ``READERS``): adding
one touches no other file. What readers share is in :mod:`deleverage.feeds.readers.parsing`. Most
know single files (:class:`FileReader`): they tell one from its name and first bytes, and yield its
rows in pieces of canonical columns, each row with its number in the file, so that an error can name
file and row. What a reader chose, changed or left out goes into a :class:`Log`, never by silently.
A reader of a whole folder (:class:`Reader`) chooses among its files by itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa

from deleverage.errors import DataError, MissingTable
from deleverage.feeds.readers.names import Contract
from deleverage.instrument import Instrument
from deleverage.market import Coverage

Progress = Callable[[str, int, int], None]  # (what is read, files done, files in all)


def silent(what: str, done: int, total: int) -> None:
    """The progress of somebody who does not want to know."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for; None where he left it to the reader.

    ``symbol`` as any venue writes it; only its coin decides which rows are wanted (``wants``).
    ``contract_size`` is the coins in one contract, where neither the file nor the venue's known
    contracts tell. ``side`` overrules a file's convention: ``order`` (sell closes a long) or
    ``position`` (buy is a long).
    """

    symbol: str | None = None
    venue: str | None = None
    timeframe: str | None = None
    progress: Progress = silent
    contract_size: float | None = None
    side: str | None = None
    allow_bad_checksum: bool = False
    columns: Mapping[str, object] | None = None  # of the generic reader: the parsed TOML


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of one table out of one file, in the file's order.

    ``rows`` has the canonical columns of ``table`` (:mod:`deleverage.feeds.tables`) but for
    ``provider``, and ``source_row``: the row's number in the file, counted from 1 without the
    header (of text lines: the line's). Rows of ``liquidations`` name their own ``venue``,
    ``symbol`` and ``base`` (the coin); all other tables are about ``contract``. ``step_ns`` is the
    step of bars, mark, index and premium.
    """

    table: str
    rows: pa.Table
    contract: Contract | None = None
    step_ns: int | None = None


@dataclass(slots=True)
class Log:
    """What is to be said about reading one file: notes, rows left out with their reason, and what
    the file covers where that is more than its rows show (an hour without a liquidation)."""

    notes: list[str] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)
    coverage: list[Coverage] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)

    def drop(self, reason: str, count: int = 1) -> None:
        """Count rows that do not enter the dataset: ``reason`` reads after "12 rows: "."""
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count


@runtime_checkable
class FileReader(Protocol):
    """One vendor's files, each by itself.

    ``name`` is what the command line calls it, ``provider`` what the rows say of their origin,
    ``gives`` the tables it can give. ``version`` is raised when the same file would be read
    otherwise. Rows that one file holds twice by the vendor's own fault are its reader's to drop and
    count; of two files the assembler takes the last row of one time, and of events as many equal
    ones as the file with most of them has.
    """

    name: str
    about: str
    provider: str
    gives: tuple[str, ...]
    version: int

    def kind(self, path: Path, head: bytes) -> str | None:
        """What ``path`` is, in words ("Binance klines, um"), or None if it is not this vendor's.

        ``head`` holds its first bytes, unpacked (:func:`deleverage.feeds.archives.head`). A file
        that is the vendor's and no input of a dataset (trades, quotes) is known too: ``pieces``
        then raises NotAnInput.
        """

    def pieces(self, path: Path, request: Request, log: Log) -> Iterator[Piece]:
        """The rows of ``path``, some hundred thousand at a time.

        Raises DataError or MissingTable naming file, row and field, UsageError where the request
        leaves a choice open that the file does not settle.
        """


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
    """A folder or file read as a whole. ``name`` is what the command line calls it, ``gives`` its
    tables."""

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


def provider_of(reader: FileReader, request: Request) -> str:
    """What rows say of their origin: the reader's ``provider``, or what its own ``provider_of``
    makes of the request (a column map may name one)."""
    named = getattr(reader, "provider_of", None)
    return reader.provider if named is None else str(named(request))


class NotAnInput(DataError):
    """A file that is recognised, of a kind that no dataset holds."""


def not_an_input(path: Path, kind: str) -> NotAnInput:
    """The one line about a file such as a venue's trades."""
    return NotAnInput(f"{path}: recognised as {kind}, not an input of a dataset")


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
