"""Names and reasons come from files of others: on a page they are words, whatever they hold."""

from __future__ import annotations

import dataclasses

import pytest

from deleverage import pages
from deleverage.beside import Baseline, Compared
from deleverage.compare import Comparison
from deleverage.results import RunResult
from tests.pages.reader import charts, tree

HOSTILE = ("</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>',
           "' onmouseover='alert(3) {{ 7 * 7 }}")


def _poisoned(result: RunResult, word: str) -> RunResult:
    figures = {**result.statistics, "orders": {**result.statistics["orders"],
                                               "rejections_by_reason": {word: 1}}}
    made = dataclasses.replace(
        result.provenance, dataset=word, symbol=word, strategy=word, title=word, venue=word,
        quote=word, params={"levels": word, word: word}, ladder=word)
    trades = tuple(dataclasses.replace(trade, exit_reason=word) for trade in result.trades)
    return dataclasses.replace(
        result, spec=result.spec.changed(strategy=f"mine/{word}.py:Mine", data=word),
        provenance=made, statistics=figures, trades=trades, warnings=(word,))


@pytest.mark.parametrize("word", HOSTILE)
def test_a_run_made_of_markup(result: RunResult, word: str) -> None:
    """Markup in every name makes no element and no handler, and is read as it was written."""
    one = _poisoned(result, word)
    page = tree(pages.run_page(Compared(one, Baseline.against(one, [one]))))
    assert len(page.all("script")) == 3
    assert page.all("img") == []
    assert all(not name.startswith("on") for node in page.all() for name in node.attributes)
    for place in ("top", "warnings", "orders", "trade-table"):
        assert word in page.one(id=place).text
    assert word in str(charts(page)).replace("\\'", "'")  # inside a chart's words as well
    assert "49" not in page.one("title").text


@pytest.mark.parametrize("word", HOSTILE)
def test_a_comparison_made_of_markup(result: RunResult, word: str) -> None:
    """The same holds for runs side by side."""
    one = _poisoned(result, word)
    page = tree(pages.comparison_page(Comparison.of([Compared(one), Compared(one)]), word))
    assert len(page.all("script")) == 3
    assert page.all("img") == []
    assert all(not name.startswith("on") for node in page.all() for name in node.attributes)
    assert word in page.one("title").text
    assert word in page.one(id="warnings").text
