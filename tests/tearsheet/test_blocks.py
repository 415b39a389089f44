"""A piece of a sheet is its text and keeps its parts."""

from __future__ import annotations

from deleverage import tearsheet
from deleverage.tearsheet.blocks import Lines, Section, Table
from deleverage.tearsheet.sheet import sections
from deleverage.tearsheet.text import lines, page, rule, section, table
from tests.tearsheet import sheets


def test_a_section_reads_as_text_and_by_its_parts() -> None:
    """Title, table and sentences below one another; a table knows its headers and cells."""
    cells = table(("side", "net"), [["long", "+1.00"], ["short", "-2.00"]])
    block = section("TRADES", cells.spaced(), "", lines(["all of them"], ""))
    assert block == ("TRADES\nside      net\n------  -----\nlong    +1.00\nshort   -2.00\n\n"
                     "all of them")
    assert isinstance(block, Section)
    assert block.heading == "TRADES"
    first, last = block.parts
    assert isinstance(first, Table)
    assert first.headers == ("side", "net")
    assert first.rows == (("long", "+1.00"), ("short", "-2.00"))
    assert isinstance(last, Lines)
    assert last.texts == ("all of them",)


def test_an_empty_section_leaves_no_gap() -> None:
    """Pages and sections leave out what has nothing to say."""
    assert page("one", "", "two") == "one\n\ntwo"
    assert section("TITLE", "") == "TITLE"
    assert section(rule("run"), "body").heading == "run"


def test_every_section_of_a_sheet_keeps_its_structure() -> None:
    """Nothing of a whole sheet is plain text with a table glued into it."""
    result = sheets.result()
    for name, block in sections(result).items():
        for part in block.parts if isinstance(block, Section) else ():
            assert isinstance(part, Table) or "---  " not in part, name
    assert tearsheet.render(result) == "\n\n".join(
        block for block in sections(result).values() if block)
