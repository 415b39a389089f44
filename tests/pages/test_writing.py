"""Where a page goes is settled before the work, and it is written whole or not at all."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from deleverage import pages
from deleverage.errors import UsageError


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    """The file holds the text, an earlier one is replaced, nothing else is left beside it."""
    path = pages.destination(str(tmp_path / "run.html"))
    path.write_text("before")
    assert pages.save("<p>ä</p>", path) == 9
    assert path.read_text("utf-8") == "<p>ä</p>"
    assert [item.name for item in tmp_path.iterdir()] == ["run.html"]


def test_a_page_that_cannot_be_written_leaves_the_old_one(tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rename fails, the earlier file stands and no draft is left."""
    path = tmp_path / "run.html"
    path.write_text("before")

    def fail(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no"):
        pages.save("after", path)
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [
        ("run.html", "before")]


def test_places_where_no_page_can_be(tmp_path: Path) -> None:
    """A folder and a missing parent are refused with the option's name."""
    with pytest.raises(UsageError, match=r"--html .*: is a folder"):
        pages.destination(str(tmp_path))
    with pytest.raises(UsageError, match="no folder"):
        pages.destination(str(tmp_path / "nowhere" / "run.html"))


@pytest.mark.parametrize("package", ["bokeh", "jinja2"])
def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                    package: str) -> None:
    """Without one of the packages, one line says what to install."""
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec",
                        lambda name, *rest: None if name == package else found(name, *rest))
    with pytest.raises(UsageError, match=r"pip install 'deleverage\[html\]'"):
        pages.destination(str(tmp_path / "run.html"))
