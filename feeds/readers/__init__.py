"""Readers of vendors' files, found by their modules: a file for each vendor, or a folder."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from deleverage.errors import unknown_name
from deleverage.feeds import archives
from deleverage.feeds.readers.protocol import FileReader, Reader


@cache
def _readers() -> dict[str, Reader | FileReader]:
    found: list[Reader | FileReader] = []
    for each in iter_modules(__path__):
        module = import_module(f"{__name__}.{each.name}")
        found += getattr(module, "READERS", ()) or (
            (module.READER,) if hasattr(module, "READER") else ())
    return {reader.name: reader for reader in sorted(found, key=lambda reader: reader.name)}


def names() -> tuple[str, ...]:
    """All readers, as the command line calls them."""
    return tuple(_readers())


def get(name: str) -> Reader | FileReader:
    """The reader called ``name``; UnknownName with the near miss otherwise."""
    if name not in _readers():
        raise unknown_name("source", name, names())
    return _readers()[name]


def kinds(path: Path) -> dict[str, str]:
    """What the readers of single files take ``path`` for: reader's name to kind of file."""
    start = archives.head(path) if path.is_file() and path.stat().st_size else b""
    found = {}
    for name, reader in _readers().items():
        if isinstance(reader, FileReader):
            kind = reader.kind(path, start)
            if kind is not None:
                found[name] = kind
        elif reader.sniff(path):
            found[name] = reader.about
    return found


def sniff(path: str | Path) -> Reader | FileReader | None:
    """The reader that knows ``path``, or None."""
    return next((get(name) for name in kinds(Path(path))), None)


def sources_of(table: str) -> tuple[str, ...]:
    """Names of the readers that can give ``table``: what to tell somebody who lacks it."""
    return tuple(name for name, reader in _readers().items() if table in reader.gives)
