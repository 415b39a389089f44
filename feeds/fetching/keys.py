"""Vendors' keys: from the environment, and nowhere else."""

from __future__ import annotations

import os

from deleverage.errors import UsageError


def key(name: str) -> str | None:
    """The key in the environment variable ``name``, None where there is none."""
    return os.environ.get(name, "").strip() or None


def needed_key(name: str, about: str) -> str:
    """As :func:`key`; UsageError naming the variable where it is not set."""
    found = key(name)
    if found is None:
        raise UsageError(f"{about}: set the environment variable {name}")
    return found
