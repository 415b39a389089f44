"""A page as a tree, and what its charts hold, by the standard library alone."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "link", "img", "br", "hr", "input", "base", "area", "embed", "source", "track"}


@dataclass
class Node:
    """An element: its attributes, its children, the text directly inside it."""

    tag: str
    attributes: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text below it, white space made single."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            else:
                yield from child._texts()

    def all(self, tag: str = "", **attributes: str) -> list[Node]:
        """Every element below it of this tag and with these attributes (``class_``: one of the
        classes)."""
        return [node for node in self._below() if tag in ("", node.tag) and all(
            value in node.attributes.get("class", "").split() if name == "class_"
            else node.attributes.get(name) == value for name, value in attributes.items())]

    def one(self, tag: str = "", **attributes: str) -> Node:
        """The only such element."""
        (found,) = self.all(tag, **attributes)
        return found

    def _below(self) -> Iterator[Node]:
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child._below()

    def rows(self) -> list[list[str]]:
        """The cells of a table, its head first."""
        return [[cell.text for cell in row.children
                 if isinstance(cell, Node) and cell.tag in ("th", "td")] for row in self.all("tr")]


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        while len(self.open) > 1 and self.open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def tree(page: str) -> Node:
    """The page as a tree of elements."""
    builder = _Builder()
    builder.feed(page)
    builder.close()
    return builder.root


def charts(page: Node) -> dict[str, Any]:
    """What the page's script reads."""
    raw = page.one("script", id="charts-data").children
    return dict(json.loads("".join(part for part in raw if isinstance(part, str))))


def columns(page: Node) -> dict[str, list[dict[str, Any]]]:
    """The data of every chart by its element's id: one mapping a source, arrays as lists."""
    found = charts(page)
    ids = found["roots"]
    return {ids[root["id"]]: [_columns(model) for model in _models(root)
                              if model["name"] == "ColumnDataSource"]
            for root in found["document"]["roots"]}


def _models(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("type") == "object" and "name" in value:
            yield value
        for item in value.values():
            yield from _models(item)
    elif isinstance(value, list):
        for item in value:
            yield from _models(item)


def _columns(model: dict[str, Any]) -> dict[str, Any]:
    return {name: _array(value) for name, value in model["attributes"]["data"]["entries"]}


def _array(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    import numpy as np

    raw = gzip.decompress(base64.b64decode(value["array"]["data"]))
    return np.frombuffer(raw, value["dtype"]).tolist()


def references(page: Node) -> list[str]:
    """Whatever a browser would fetch: addresses in attributes, and url() and @import of styles."""
    named = ("src", "href", "srcset", "action", "data", "poster", "background", "formaction")
    found = [node.attributes[name] for node in page.all() for name in named
             if name in node.attributes]
    styles = [node.text for node in page.all("style")]
    styles += [node.attributes["style"] for node in page.all() if "style" in node.attributes]
    for text in styles:
        found += re.findall(r"url\(\s*['\"]?([^'\")]+)", text)
        found += re.findall(r"@import\s+['\"]?([^'\";]+)", text)
    return found
