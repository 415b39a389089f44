"""A page is one file of at most 3 MB that fetches nothing and runs only what it brought."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re

import pytest

from deleverage import pages
from deleverage.beside import Compared
from deleverage.compare import Comparison
from deleverage.results import RunResult
from tests.pages.conftest import of_a_year
from tests.pages.reader import Node, columns, references, tree

LIMIT = 3_000_000  # bytes


def test_a_year_of_minutes_fits(result: RunResult) -> None:
    """The page of 525,600 bars, eight venues and 2,500 trades is small enough and says what of them
    it does not show."""
    text = pages.run_page(Compared(of_a_year(result)))
    assert 1_000_000 < len(text.encode()) <= LIMIT
    page = tree(text)
    assert "points for 525,600 bars, extremes kept" in page.text
    assert len(page.one(id="trade-table").one("tbody").all("tr")) == 2_000
    assert "500 more are not shown" in page.one(id="trade-list").text
    assert max(len(source.get("t", ())) for source in columns(page)["chart-price"]) == 2_000


@pytest.mark.slow
def test_twenty_years_of_minutes_fit(result: RunResult) -> None:
    """The page of twenty such runs side by side is small enough."""
    one = of_a_year(result)
    text = pages.comparison_page(Comparison.of([Compared(dataclasses.replace(
        one, spec=one.spec.changed(strategy=f"s{place}"))) for place in range(20)]))
    assert 1_000_000 < len(text.encode()) <= LIMIT


@pytest.mark.parametrize("which", ["run", "comparison"])
def test_nothing_is_fetched(which: str, run_page: Node, comparison_page: Node) -> None:
    """No attribute and no style names anything outside the file."""
    page = run_page if which == "run" else comparison_page
    found = references(page)
    assert found
    assert [word for word in found if not word.startswith(("#", "data:"))] == []
    assert page.all("link") == page.all("img") == page.all("iframe") == page.all("base") == []


def test_only_its_own_scripts_run(run_text: str, run_page: Node) -> None:
    """The policy allows nothing but the scripts of the file, by their hashes, and no eval."""
    policy = run_page.one("meta", **{"http-equiv": "Content-Security-Policy"})
    rules = dict(part.strip().split(" ", 1) for part in policy.attributes["content"].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    bodies = re.findall(r"<script>(.*?)</script>", run_text, re.DOTALL)
    hashes = ["'sha256-" + base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() + "'"
              for body in bodies]
    assert len(hashes) == 2
    assert rules["script-src"] == " ".join(hashes)
    assert all(not name.startswith("on") for node in run_page.all() for name in node.attributes)


def test_bokeh_is_there_once(run_text: str) -> None:
    """BokehJS is inlined once, without the bundles that no chart needs."""
    assert run_text.count("BEGIN bokeh.min.js") == 1
    for bundle in ("widgets", "tables", "mathjax", "gl", "api"):
        assert f"BEGIN bokeh-{bundle}" not in run_text
