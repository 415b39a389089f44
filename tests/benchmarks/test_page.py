"""Figures are kept, judged by their aims, and written between the page's comments."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import figures, page, profiles
from benchmarks.figures import Figure, at_least, at_most


@pytest.mark.parametrize(("aim", "value", "verdict"), [
    (at_most(5), 5.0, "met"), (at_most(5), 7.5, "missed, 1.50 times"),
    (at_least(10), 10.0, "met"), (at_least(10), 4.0, "missed, 2.50 times"),
    (at_most(0.2, 0.1), 0.15, "met, the better one not"), (at_most(0.2, 0.1), 0.1, "met"),
])
def test_a_figure_is_judged_by_its_aim(aim: figures.Aim, value: float, verdict: str) -> None:
    """The limit itself meets it; beyond it the verdict says how far."""
    assert Figure("x", value, aim=aim).verdict == verdict


@pytest.mark.parametrize(("value", "shown"), [
    (1234.5, "1,234 ms"), (12.34, "12.3 ms"), (1.234, "1.23 ms"), (0.1234, "0.123 ms")])
def test_a_figure_shows_the_digits_that_count(value: float, shown: str) -> None:
    """Three or four digits and the unit."""
    assert Figure("x", value, "ms").shown == shown


def test_a_part_run_again_replaces_its_own_figures_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures come back as they were kept; those of a source are replaced together."""
    monkeypatch.setattr(figures, "STORE", tmp_path / "kept")
    first, second = Figure("a", 1.0, source="one"), Figure("b", 2.0, "s", at_most(1), "two")
    figures.keep([first, Figure("c", 3.0, source="one"), second])
    figures.keep([Figure("a", 4.0, source="one")])
    assert figures.kept() == (Figure("a", 4.0, source="one"), second)


def test_only_what_stands_between_the_comments_is_written() -> None:
    """Words around a block stay; a second writing changes nothing."""
    text = "before\n<!-- figures: aims -->\nold\n<!-- end -->\nafter\n"
    once = page.filled(text, {"aims": "| new |"})
    assert once == "before\n<!-- figures: aims -->\n| new |\n<!-- end -->\nafter\n"
    assert page.filled(once, {"aims": "| new |"}) == once


def test_a_block_nobody_makes_is_an_error() -> None:
    """A misspelt name in the page is not left empty."""
    with pytest.raises(KeyError, match="aimz"):
        page.filled("<!-- figures: aimz -->\n<!-- end -->\n", {"aims": ""})


def test_every_block_of_the_page_is_made() -> None:
    """The page's blocks are those that the command fills, each once."""
    named = page._BLOCK.findall(page.PAGE.read_text(encoding="utf-8"))
    assert sorted(name for _, name, _ in named) == [
        "aims", "beside", "machine", "peers", "profile-engine", "profile-sweep",
        "profile-year"]


def test_the_aims_that_are_missed_are_named() -> None:
    """The table has a line for each figure with an aim, and the sentence below names the missed."""
    text = page.with_aims((Figure("fast", 1.0, aim=at_most(2), source="benchmarks/a.py::t"),
                           Figure("slow", 3.0, aim=at_most(2), source="b"), Figure("plain", 9.0)))
    assert "| fast | 1.00 | ≤ 2 | met | `a.py::t` |" in text
    assert text.endswith("1 of 2 aims are met; missed: slow.")
    assert "plain" not in text


def test_a_profile_names_functions_and_whose_they_are() -> None:
    """The busy function is found, with its share, as part of what it belongs to."""
    def busy() -> int:
        return sum(number * number for number in range(3_000_000))

    found = profiles.profile(busy, 2)
    assert found["samples"] > 0
    assert any("busy" in name for name, _, _ in found["functions"])
    assert sum(share for _, share in found["parts"]) == pytest.approx(1.0)
    code = SimpleNamespace(co_filename=profiles.__file__, co_qualname="label", co_name="label")
    assert profiles.label(code) == "benchmarks/profiles:label"  # type: ignore[arg-type]
    assert profiles.part("deleverage/loops:Loop") == "deleverage"
    assert profiles.part("backtrader/order:Order") == "backtrader"
