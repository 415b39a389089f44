"""How a page reads the blocks of a sheet: which kind each is, and its words in HTML's terms."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from deleverage.tearsheet.blocks import Group, Lines, Section, Table

SIGNED = re.compile(r"[+-][\d,.]+(?: %| bp)?(?: \(\d+\))?")  # a figure whose sign is printed
COMPOUNDS = ("notional-",)  # hyphens at a header's line end that belong to the word


def is_table(block: object) -> bool:
    """Rows under headers."""
    return isinstance(block, Table)


def is_lines(block: object) -> bool:
    """Sentences behind a bullet."""
    return isinstance(block, Lines)


def is_section(block: object) -> bool:
    """Pieces under a title."""
    return isinstance(block, Section)


def is_group(block: object) -> bool:
    """Pieces below one another, titled or not."""
    return isinstance(block, Group)


def header(text: str) -> str:
    """A cell that a terminal breaks into lines, in one: a word cut at its end is whole again.

    >>> header("liquid-\\nations"), header("notional-\\nhours"), header("cascade_\\nexhaustion")
    ('liquidations', 'notional-hours', 'cascade_exhaustion')
    """
    whole = ""
    for part in text.strip().split("\n"):
        if whole.endswith("-") and part[:1].islower():
            whole = whole if whole.endswith(COMPOUNDS) else whole[:-1]
        elif whole and not whole.endswith("_"):
            whole += " "
        whole += part.strip()
    return whole


def headline(title: str) -> tuple[str, str]:
    """A sheet's title without capitals, and what it says beside it.

    >>> headline("LEVERAGE SCAN, same notional: only the distance changes (money in USDT)")
    ('Leverage scan', 'same notional: only the distance changes (money in USDT)')
    >>> headline("MONEY BY TIER AT ENTRY (USDT)")
    ('Money by tier at entry', 'USDT')
    """
    words = title.split(" ")
    loud = list(itertools.takewhile(_loud, words))
    if not loud:
        return title, ""
    first = " ".join(loud)
    rest = " ".join(words[len(loud):]).strip()
    if rest.startswith("(") and rest.endswith(")") and rest.count("(") == 1:
        rest = rest[1:-1]
    return first.rstrip(",:").capitalize(), rest


def _loud(word: str) -> bool:
    return not word.startswith("(") and word == word.upper() and any(map(str.isalpha, word))


def anchor(title: str) -> str:
    """A title as the end of an element's id."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def tone(cell: str) -> str:
    """``gain`` or ``loss`` of a signed figure, nothing of any other cell.

    >>> tone("+12.34 %"), tone("-36.8 (2)"), tone("-20.5 … +48.9"), tone("0.00")
    ('gain', 'loss', '', '')
    """
    if not SIGNED.fullmatch(cell):
        return ""
    return "gain" if cell[0] == "+" else "loss"


def term(block: object) -> str:
    """The name in front of a line (``venue       ``), nothing for a bullet that is a sign."""
    name = block.bullet.strip().rstrip(":") if isinstance(block, Lines) else ""
    return name if name[:1].isalpha() else ""


def runs(parts: Iterable[str]) -> Iterator[tuple[bool, Sequence[str]]]:
    """Parts in their order, named lines that follow one another together: (named?, parts)."""
    for named, found in itertools.groupby(_flat(parts), key=lambda part: bool(term(part))):
        yield named, list(found)


def _flat(parts: Iterable[str]) -> Iterator[str]:
    """Untitled groups that stand close are one with what is around them."""
    for part in parts:
        if isinstance(part, Group) and not isinstance(part, Section) and part.between == "\n":
            yield from _flat(part.parts)
        else:
            yield part
