"""The sheets as text: of a run, of runs side by side, of a sweep, a dataset and a market.

::

    print(tearsheet.render(result))                    one run
    print(tearsheet.side_by_side(comparison))          several

Views of results alone: nothing is calculated here. A sheet is read from :mod:`.sheet`, which puts
the sections in the order a trader reads; each section is one function of a module named after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deleverage.tearsheet.compare import side_by_side
    from deleverage.tearsheet.sheet import render

__all__ = ["render", "side_by_side"]


def __getattr__(name: str) -> Any:  # PEP 562: `--help` needs the words, not the results
    if name == "render":
        from deleverage.tearsheet.sheet import render

        return render
    if name == "side_by_side":
        from deleverage.tearsheet.compare import side_by_side

        return side_by_side
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
