"""Shipped code does not read a bar that has not happened: a search of the source for the spellings.

Index 0 of a backtrader line is now, −1 the bar before; +1 reads the future wherever lines are
preloaded. The truncation tests of the strategies prove behaviour; this one names the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house import tree

DATA = re.compile(r"^(?:data|datas|data\d+|lines|feed|l)$")


def _names(node: ast.expr) -> Iterator[str]:
    """Identifiers of an attribute/subscript chain, outermost last: self.data.close → all three."""
    if isinstance(node, ast.Attribute):
        yield from _names(node.value)
        yield node.attr
    elif isinstance(node, ast.Subscript):
        yield from _names(node.value)
    elif isinstance(node, ast.Name):
        yield node.id


def _positive(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and isinstance(node.value, int)
            and not isinstance(node.value, bool) and node.value > 0)


def future_reads(source: ast.AST) -> list[int]:
    """Line numbers of ``data[1]``, ``data.close[2]``, ``data.close(1)`` and ``….get(ago=1)``."""
    found = []
    for node in ast.walk(source):
        if isinstance(node, ast.Subscript) and _positive(node.slice):
            names = list(_names(node.value))
            # datas[1] is the second feed, not a bar
            if names[-1:] != ["datas"] and any(map(DATA.match, names)):
                found.append(node.lineno)
        elif isinstance(node, ast.Call):
            names = list(_names(node.func))
            shifted = names[-1:] != ["get"] and node.args and _positive(node.args[0])
            asked = any(word.arg == "ago" and _positive(word.value) for word in node.keywords)
            if any(map(DATA.match, names[:-1])) and (asked or (shifted and _is_line(names))):
                found.append(node.lineno)
    return sorted(found)


def _is_line(names: list[str]) -> bool:
    """Whether a call chain ends in the name of one of the feed's lines: data.close(1) shifts it."""
    from deleverage.columns import BASE_LINES

    return names[-1] in BASE_LINES or names[-1] == "datetime"


def _shipped() -> list[tree.Module]:
    examples = [module for module in tree.scripts() if module.label.startswith("examples/")]
    return [*tree.modules(), *examples]


def test_no_shipped_code_indexes_the_future() -> None:
    """No strategy, analyzer, feed, example or engine file uses a positive line index."""
    found = [f"{module.label}:{line}" for module in _shipped()
             for line in future_reads(module.tree)]
    assert found == []


@pytest.mark.parametrize(("code", "reads"), [
    ("self.data[1]", True),
    ("self.data.close[2]", True),
    ("self.datas[0].lines.high[1]", True),
    ("self.data0.mark_low[1]", True),
    ("self.data.close(1)", True),
    ("self.data.close.get(ago=1, size=3)", True),
    ("self.data.close[0] - self.data.close[-1]", False),
    ("self.datas[1].close[0]", False),
    ("self.data.close(-1)", False),
    ("self.data.close.get(ago=-1, size=3)", False),
    ("names[1]", False),
])
def test_the_search_knows_the_spellings(code: str, reads: bool) -> None:
    """The search finds each way of reading ahead and leaves the legal neighbours alone."""
    assert bool(future_reads(ast.parse(code))) is reads
