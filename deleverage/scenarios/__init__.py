"""The embedded scenarios: a SYNTHETIC market shaped after ETH's cascade of 31 January 2026.

Made by this code on demand, the same to the last byte on every run; nothing is shipped as data.
``constructive`` and ``risk`` share their history up to and including 31 January and then part.

>>> names()
('constructive', 'risk')
"""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from deleverage._version import __version__
from deleverage.columns import MarketColumns
from deleverage.errors import DataError, unknown_name
from deleverage.market import Market
from deleverage.scenarios.presets import PRESETS, Preset

if TYPE_CHECKING:
    import pandas as pd

    from deleverage.feeds.dataset import Dataset

__all__ = ["build", "columns", "dataset", "names"]


def names() -> tuple[str, ...]:
    """The names of the scenarios."""
    return tuple(PRESETS)


def build(name: str) -> tuple[Market, dict[str, pd.DataFrame]]:
    """Market and canonical tables of a scenario; raises UnknownName with the near miss."""
    from deleverage.scenarios.simulation import simulate
    from deleverage.scenarios.tables import market, tables

    preset = _preset(name)
    made = simulate(preset)
    return market(made, preset), tables(made, preset)


@lru_cache(maxsize=len(PRESETS))
def columns(name: str) -> MarketColumns:
    """The scenario on one clock, kept for the process: what a feed shows and an account trades."""
    from deleverage.feeds.join import market_columns

    return market_columns(*build(name))


def dataset(name: str, cache_dir: str | Path | None = None) -> Dataset:
    """The scenario as a dataset on disk, written on the first call and opened afterwards.

    It lies in ``cache_dir`` (default: the user's cache folder) under a name that holds a hash of
    the code that made it, so that a changed model is written anew.
    """
    from deleverage.feeds.dataset import Dataset
    from deleverage.feeds.writing import write_dataset

    _preset(name)
    folder = _cache_dir() if cache_dir is None else Path(cache_dir)
    path = folder / f"{name}-{_code_hash()}"
    if path.is_dir():
        try:
            return Dataset.open(path)
        except DataError:
            pass  # an incomplete cache is written again, never trusted
    return write_dataset(path, *build(name))


def _preset(name: str) -> Preset:
    try:
        return PRESETS[name]
    except KeyError:
        raise unknown_name("scenario", name, PRESETS) from None


def _cache_dir() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "deleverage" / "scenarios"


@lru_cache(maxsize=1)
def _code_hash() -> str:
    digest = hashlib.sha256(__version__.encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:16]
