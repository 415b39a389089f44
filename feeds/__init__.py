"""Market data in: datasets on disk, readers of vendors' files, backtrader feeds.

Import this package as ``deleverage.feeds``. Names are loaded when first used, so that reading data
does not import backtrader.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if __name__ != "deleverage.feeds":
    raise ImportError(
        f"import 'deleverage.feeds', not {__name__!r}: one file must not get two module names"
    )

if TYPE_CHECKING:
    from deleverage.feeds.dataset import Dataset
    from deleverage.feeds.events import FundingData, LiquidationData
    from deleverage.feeds.perpetual import PerpetualData
    from deleverage.feeds.writing import write_dataset

__all__ = ["Dataset", "FundingData", "LiquidationData", "PerpetualData", "write_dataset"]

_HOME = {
    "Dataset": "dataset",
    "FundingData": "events",
    "LiquidationData": "events",
    "PerpetualData": "perpetual",
    "write_dataset": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
