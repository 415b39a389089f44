"""The folder of raw files beside a dataset: ``.{DATASET}.fetch``, whole files only.

A file is there once its name is in the manifest with its sha256 and size; what a kill left half
done is gone on with (a part of a download) or cleared away. The folder may be deleted at any time:
what was in it is fetched again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deleverage.disk import sync
from deleverage.errors import DataError

MANIFEST = "manifest.jsonl"


class Store:
    """Raw files of one dataset. Use :func:`opened`, which keeps others out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.raw = folder, folder / "raw"
        self._known: dict[str, dict[str, Any]] = {}
        file = folder / MANIFEST
        for line in file.read_text(errors="replace").splitlines() if file.is_file() else ():
            with contextlib.suppress(ValueError, TypeError, KeyError):  # a kill cuts the last line
                entry = json.loads(line)
                self._known[entry["path"]] = entry

    def path(self, name: str) -> Path:
        """Where the file called ``name`` is or will be."""
        return self.raw / name

    def has(self, name: str) -> bool:
        """Whether ``name`` is there, whole and as it was written."""
        entry, path = self._known.get(name), self.path(name)
        if entry is None or "sha256" not in entry or not path.is_file():
            return False
        return path.stat().st_size == entry["size"] and _sha256(path) == entry["sha256"]

    def same_as(self, draft: Path, name: str) -> str | None:
        """Another file than ``name`` with the content of ``draft``."""
        digest = _sha256(draft)
        return next((other for other, entry in self._known.items()
                     if other != name and entry.get("sha256") == digest), None)

    def draft(self, name: str) -> Path:
        """A place to write ``name`` at, in the same folder; then :meth:`keep` it."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{path.name}.draft")

    def write(self, name: str, content: bytes, url: str, final: bool = True) -> Path:
        """``content`` as the file ``name``; one that is not ``final`` is asked for again next time.
        """
        draft = self.draft(name)
        with draft.open("wb") as sink:
            sink.write(content)
            sink.flush()
            os.fsync(sink.fileno())
        return self.keep(name, draft, url, final)

    def keep(self, name: str, draft: Path, url: str, final: bool = True) -> Path:
        """Make ``draft`` the file ``name``, at once and for good."""
        path = self.path(name)
        entry = {"path": name, "url": url, "size": draft.stat().st_size, "sha256": _sha256(draft)}
        os.replace(draft, path)
        sync(path.parent)
        self._note(entry if final else {"path": name, "url": url})
        return path

    def forget(self, name: str) -> None:
        """Fetch ``name`` again next time."""
        self._note({"path": name})

    def aside(self, name: str, content: bytes) -> Path:
        """Keep an answer that is not what was expected, for whoever wants to report it."""
        path = self.folder / "unexpected" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def set_aside(self, name: str) -> Path:
        """Move a file that cannot be used out of the way, as :meth:`aside`."""
        path = self.folder / "unexpected" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.path(name), path)
        self.forget(name)
        return path

    def _note(self, entry: dict[str, Any]) -> None:
        file = self.folder / MANIFEST
        torn = file.is_file() and file.stat().st_size and file.read_bytes()[-1:] != b"\n"
        with file.open("a") as sink:
            sink.write(("\n" if torn else "") + json.dumps(entry, sort_keys=True) + "\n")
            sink.flush()
            os.fsync(sink.fileno())
        self._known[entry["path"]] = entry


@contextlib.contextmanager
def opened(dataset: Path) -> Iterator[Store]:
    """The folder of raw files of ``dataset``; DataError while another fetch is at work on it."""
    folder = dataset.with_name(f".{dataset.name}.fetch")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{dataset}: another fetch is at work on it") from None
        if not (folder / "lock").exists():
            raise DataError(f"{dataset}: another fetch has just ended; try again")
        try:
            yield Store(folder)
        except OSError as error:
            if error.filename is None:  # a write that failed does not say of which file
                raise DataError(f"{folder}: {error.strerror}") from None
            raise
        finally:
            if [path.name for path in folder.iterdir()] == ["lock"]:  # nothing came
                (folder / "lock").unlink()
                folder.rmdir()


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
