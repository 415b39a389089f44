"""What every writer of files needs so that nothing is lost or half there: sync, and permissions."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk itself."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def umask() -> int:
    """Permissions that new files of this process are denied; drafts are made with fewer."""
    current = os.umask(0)
    os.umask(current)
    return current
