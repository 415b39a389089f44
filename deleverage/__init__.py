"""Deleverage: leveraged perpetual futures through liquidation cascades, on backtrader.

Names are loaded when they are first used, so that the pure core imports without backtrader or
pandas::

    import deleverage as dl

    cerebro = dl.Cerebro()
    cerebro.adddata(dl.feeds.PerpetualData(dataset="…"))
    cerebro.setbroker(dl.PerpetualBroker(venue="binance", leverage=10, cash=10_000))
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from deleverage._version import __version__

if TYPE_CHECKING:
    from deleverage import analyzers, feeds, sizers, strategies, sweeps, venues
    from deleverage.broker import PerpetualBroker
    from deleverage.cerebro import Cerebro
    from deleverage.policies import Fees
    from deleverage.results import RunResult
    from deleverage.runner import run
    from deleverage.spec import RunSpec

_HOME = {
    "Cerebro": "deleverage.cerebro",
    "Fees": "deleverage.policies",
    "PerpetualBroker": "deleverage.broker",
    "RunResult": "deleverage.results",
    "RunSpec": "deleverage.spec",
    "run": "deleverage.runner",
}
_ROOMS = ("analyzers", "feeds", "sizers", "strategies", "sweeps", "venues")

__all__ = [
    "Cerebro", "Fees", "PerpetualBroker", "RunResult", "RunSpec", "__version__", "analyzers",
    "feeds", "run", "sizers", "strategies", "sweeps", "venues",
]

# where the committed links did not survive (a zip download, Windows without the right to make
# them), the root folders are found through the path instead
_here = os.path.dirname(os.path.abspath(__file__))
if not os.path.isdir(os.path.join(_here, "feeds")):
    __path__.append(os.path.dirname(_here))


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"deleverage.{name}")
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'deleverage' has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
