"""Pictures of results for print and slides: PNG and SVG, drawn with matplotlib.

::

    drawn = plots.of_run(result)            # or plots.of_comparison(comparison)
    plots.write(drawn, "pictures")

Views of :mod:`deleverage.charts`: nothing is calculated here. Needs the extra ``plots``; matplotlib
is imported when the first picture is asked for, never its pyplot, and its settings stay as they
were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deleverage.errors import UsageError
from deleverage.plots.folder import check, write

if TYPE_CHECKING:
    from deleverage.plots.pictures import Drawn, Picture, of_comparison, of_run

__all__ = ["Drawn", "Picture", "check", "needed", "of_comparison", "of_run", "write"]

_DRAWING = ("Drawn", "Picture", "of_comparison", "of_run")


def needed() -> None:
    """UsageError, with the command that helps, where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError("pictures need one more package: pip install 'deleverage[plots]'") \
            from None


def __getattr__(name: str) -> Any:  # PEP 562: a folder is looked at without matplotlib
    if name in _DRAWING:
        needed()
        from deleverage.plots import pictures

        return getattr(pictures, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
