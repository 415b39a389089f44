"""What a sheet is made of: tables, lines, sections. Each *is* its text and keeps its parts.

A terminal prints them as they are; a page of HTML reads the parts (headers, cells, titles) and
draws them its own way, so that both say the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

Cell = str


class Table(str):
    """Rows of cells under headers; the first ``left`` columns are words, the others figures."""

    headers: tuple[Cell, ...]
    rows: tuple[tuple[Cell, ...], ...]
    left: int

    def __new__(cls, text: str, headers: Sequence[Cell], rows: Sequence[Sequence[Cell]],
                left: int) -> Self:
        """``text`` is how a terminal shows it."""
        made = super().__new__(cls, text)
        made.headers = tuple(headers)
        made.rows = tuple(tuple(row) for row in rows)
        made.left = left
        return made

    def spaced(self) -> Self:
        """The same table with an empty line after it."""
        return type(self)(f"{self}\n", self.headers, self.rows, self.left)


class Lines(str):
    """Sentences, each behind the same bullet (a dash, a name, nothing)."""

    texts: tuple[str, ...]
    bullet: str

    def __new__(cls, text: str, texts: Sequence[str], bullet: str) -> Self:
        """``text`` is them wrapped to the sheet's width."""
        made = super().__new__(cls, text)
        made.texts, made.bullet = tuple(texts), bullet
        return made

    def spaced(self) -> Self:
        """The same lines with an empty one after them."""
        return type(self)(f"{self}\n", self.texts, self.bullet)


class Rule(str):
    """A heavy line with a title, between sheets."""

    heading: str

    def __new__(cls, title: str, width: int) -> Self:
        """Drawn ``width`` wide."""
        made = super().__new__(cls, f"{'═' * 3} {title} {'═' * max(3, width - len(title) - 5)}")
        made.heading = title
        return made


class Group(str):
    """Pieces below one another; between them ``between``: nothing, or an empty line."""

    parts: tuple[str, ...]
    between: str

    def __new__(cls, parts: Sequence[str], between: str) -> Self:
        """Empty pieces are left out."""
        kept = tuple(part for part in parts if part)
        made = super().__new__(cls, between.join(kept))
        made.parts, made.between = kept, between
        return made


class Section(Group):
    """A group under a title."""

    heading: str

    def __new__(cls, title: str, parts: Sequence[str]) -> Self:
        """The title stands on a line of its own; ``heading`` is its words, also of a rule."""
        made = super().__new__(cls, (title, *parts), "\n")
        made.parts = made.parts[1:]
        made.heading = title.heading if isinstance(title, Rule) else title
        return made
