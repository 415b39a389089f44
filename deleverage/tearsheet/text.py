"""How a sheet writes its cells: numbers with a sign where one matters, ``n/a`` where withheld.

Fractions come in, per cent goes out; money is in the quote currency, times are hours. A value that
is None or NaN was withheld or never existed and is written ``n/a``, with the sample size if known.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from deleverage.tearsheet.blocks import Cell, Group, Lines, Rule, Section, Table

WIDTH = 120


def absent(value: float | None) -> bool:
    """True for None and NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def withheld(n: int | None = None) -> Cell:
    """``n/a`` or, with the sample that was too small, ``n/a (n=7)``."""
    return "n/a" if n is None else f"n/a (n={n})"


def money(value: float | None, n: int | None = None, sign: bool = True) -> Cell:
    """``+1,234.50``; whole dollars from 100,000 on; a zero has no sign."""
    if value is None or absent(value):
        return withheld(n)
    if math.isinf(value):
        return "∞"
    digits = 0 if abs(value) >= 100_000 else 2
    if round(value, digits) == 0:
        return f"{0:.{digits}f}"
    return f"{value:{'+' if sign else ''},.{digits}f}"


def percent(value: float | None, n: int | None = None, sign: bool = True, digits: int = 2) -> Cell:
    """A fraction as ``+12.34 %``."""
    if value is None or absent(value):
        return withheld(n)
    if math.isinf(value):
        return "∞"
    scaled = 100 * value
    if round(scaled, digits) == 0:
        return f"{0:.{digits}f} %"
    return f"{scaled:{'+' if sign else ''},.{digits}f} %"


def share(value: float | None, n: int | None = None) -> Cell:
    """A share or probability as ``37.5 %``, unsigned."""
    return percent(value, n, sign=False, digits=1)


def number(value: float | None, digits: int = 2, n: int | None = None) -> Cell:
    """A plain figure, ``1,234.50``."""
    if value is None or absent(value):
        return withheld(n)
    return "∞" if math.isinf(value) else f"{value:,.{digits}f}"


def price(value: float | None) -> Cell:
    """A price with two decimals, four below ten."""
    if value is None or absent(value):
        return withheld()
    return f"{value:,.{2 if abs(value) >= 10 else 4}f}"


def leverage(value: float | None) -> Cell:
    """``10x``, ``2.5x``."""
    return withheld() if value is None or absent(value) else f"{value:,.4g}x"


def basis_points(value: float | None) -> Cell:
    """A figure already in basis points, ``12.5 bp``."""
    return withheld() if value is None or absent(value) else f"{value:,.1f} bp"


def hours(value: float | None, n: int | None = None) -> Cell:
    """A duration given in hours: ``12 min``, ``5.0 h`` or ``3.2 d``."""
    if value is None or absent(value):
        return withheld(n)
    if value < 1:
        return f"{60 * value:.0f} min"
    return f"{value:.1f} h" if value < 48 else f"{value / 24:.1f} d"


def dollars(value: float | None) -> Cell:
    """A large sum in words: ``$485.0M``, ``$1.2bn``, ``$790``."""
    if value is None or absent(value):
        return withheld()
    for size, unit in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"${value / size:,.1f}{unit}"
    return f"${value:,.0f}"


def table(headers: Sequence[Cell], rows: Iterable[Sequence[Cell]], left: int = 1) -> Table:
    """Rows under headers; the first ``left`` columns flush left, the others flush right."""
    cells = [list(row) for row in rows]
    align = ["left"] * left + ["right"] * (len(headers) - left)
    text = tabulate(cells, headers=list(headers), tablefmt="simple", disable_numparse=True,
                    colalign=align if cells else None)
    return Table(text, headers, cells, left)


def section(title: str, *parts: str) -> Section:
    """A titled block; empty parts are left out."""
    return Section(title, parts)


def stack(*parts: str) -> Group:
    """Pieces of a section below one another."""
    return Group(parts, "\n")


def page(*parts: str) -> Group:
    """Sections with an empty line between them."""
    return Group(parts, "\n\n")


def lines(texts: Iterable[str], bullet: str = "- ") -> Lines:
    """One bullet a text, wrapped to the sheet's width."""
    said, indent = list(texts), " " * len(bullet)
    return Lines("\n".join(
        textwrap.fill(text, WIDTH, initial_indent=bullet, subsequent_indent=indent)
        for text in said), said, bullet)


def rule(title: str) -> Rule:
    """A heavy line with a title, between sheets."""
    return Rule(title, WIDTH)
