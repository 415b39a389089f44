"""Where a page goes: said before the work begins, and written whole or not at all."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from pathlib import Path

from deleverage.disk import umask
from deleverage.errors import UsageError

NEEDS = "--html needs more packages: pip install 'deleverage[html]'"


def destination(name: str) -> Path:
    """The file ``name`` if a page can be made and written there.

    Raises UsageError where a package is absent, for a folder, and where its folder is missing or
    may not be written to.
    """
    if any(importlib.util.find_spec(package) is None for package in ("bokeh", "jinja2")):
        raise UsageError(NEEDS)
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"--html {path}: is a folder, expected a file")
    if not path.parent.is_dir():
        raise UsageError(f"--html {path}: no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"--html {path}: the folder {path.parent} may not be written to")
    return path


def save(text: str, path: Path) -> int:
    """Write ``text`` to ``path``: a draft beside it, synced, then one rename. Its size in bytes."""
    content = text.encode()
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~umask())
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return len(content)
