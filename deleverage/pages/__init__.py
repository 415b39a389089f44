"""Results as one HTML file: a run, or runs side by side. Needs ``pip install 'deleverage[html]'``.

::

    from deleverage import pages

    pages.save(pages.run_page(done), path)                 one run (a ``Compared``)
    pages.save(pages.comparison_page(comparison), path)    several

The file needs nothing else: no network, no second file. Tables are the blocks of
:mod:`deleverage.tearsheet`, charts the data of :mod:`deleverage.charts`; nothing is calculated
here, so that page, terminal and pictures say the same.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deleverage.pages.comparing import comparison_page
    from deleverage.pages.running import run_page
    from deleverage.pages.writing import destination, save

__all__ = ["comparison_page", "destination", "run_page", "save"]

_HOMES = {"run_page": "running", "comparison_page": "comparing", "destination": "writing",
          "save": "writing"}


def __getattr__(name: str) -> Any:  # PEP 562: a run without --html needs neither of the packages
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
