"""Pictures in a folder: looked at before the work, written whole or not at all.

A folder may hold earlier pictures of ours, known by name and by the maker inside the file; they are
replaced, and those that the new result has none of are taken away, so that a folder never shows two
runs at once. Any other file is somebody's, and the folder is refused.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deleverage.disk import sync
from deleverage.errors import UsageError
from deleverage.statistics.closeups import SHOWN

if TYPE_CHECKING:
    from deleverage.plots.pictures import Drawn

RUN = ("price", "equity", "distance", "scan", "frontier", "money")
CLOSEUPS = tuple(f"closeup_{place}" for place in range(1, SHOWN + 1))
COMPARED = ("compared_equity", "compared_under_water", "compared_scan")
FORMS = ("png", "svg")
MAKER = b"Deleverage"  # stands in the first bytes of every picture of ours

_FILES = frozenset(f"{name}.{form}" for name in (*RUN, *CLOSEUPS, *COMPARED) for form in FORMS)
_DRAFT = re.compile(r"^\.(.+)\.\d+\.part$")


def check(folder: str | Path, below: Iterable[str] = ()) -> Path:
    """``folder`` if pictures may be put there, or into its sub-folders ``below``.

    UsageError where it is a file, where its parent does not exist, where nothing may be written, or
    where it holds files that are not pictures of ours.
    """
    path, inner = Path(folder), tuple(below)
    if not path.exists() and not path.parent.is_dir():
        raise UsageError(f"pictures: {path.parent}: no such folder to make {path.name} in")
    _refuse_foreign(path, inner)
    if not os.access(path if path.exists() else path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"pictures: {path}: may not be written to")
    for name in inner:
        _refuse_foreign(path / name)
    return path


def write(drawn: Drawn, folder: str | Path) -> list[Path]:
    """Put the pictures into ``folder``: each a draft, synced, then one rename; gives the files.

    UsageError as :func:`check`; OSError where the disk refuses, and then no file is half written.
    """
    path = Path(folder)
    _refuse_foreign(path)
    new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    files = {f"{picture.name}.{form}": getattr(picture, form)
             for picture in drawn.pictures for form in FORMS}
    try:
        _replace(path, files)
    except BaseException:
        if new and not any(path.iterdir()):
            path.rmdir()
        raise
    for item in list(path.iterdir()):
        if item.name not in files and _ours(item):
            item.unlink()
    sync(path)
    return [path / name for name in files]


def _replace(path: Path, files: Mapping[str, bytes]) -> None:
    """All drafts first, so that a full disk is met before anything is replaced."""
    drafts = {name: path / f".{name}.{os.getpid()}.part" for name in files}
    try:
        for name, content in files.items():
            drafts[name].write_bytes(content)
            sync(drafts[name])
        for name, draft in drafts.items():
            os.replace(draft, path / name)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def _refuse_foreign(path: Path, allowed: Iterable[str] = ()) -> None:
    if path.exists() and not path.is_dir():
        raise UsageError(f"pictures: {path}: is a file, expected a folder")
    if not path.exists():
        return
    foreign = sorted(item.name for item in path.iterdir()
                     if not _ours(item) and item.name not in allowed)
    if foreign:
        raise UsageError(f"pictures: {path}: holds other files ({foreign[0]}); choose a new or "
                         "empty folder")


def _ours(item: Path) -> bool:
    """A picture by name and maker, or the draft of one that was cut off."""
    draft = _DRAFT.match(item.name)
    if (draft[1] if draft else item.name) not in _FILES or not item.is_file():
        return False
    if draft:
        return True
    with item.open("rb") as held:
        return MAKER in held.read(2_048)
