"""``--html``: the page beside the sheet; refused before the work begins, written after it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from deleverage.cli.output import note
from deleverage.errors import UsageError

if TYPE_CHECKING:
    from deleverage.beside import Compared
    from deleverage.compare import Comparison


def target(name: str | None) -> Path | None:
    """Where the page goes, None where none is asked for; UsageError where it cannot go there."""
    if name is None:
        return None
    from deleverage import pages

    return pages.destination(name)


def folder(name: str | None) -> Path | None:
    """A folder for pages, made where only it is missing; UsageError where it cannot be one."""
    if name is None:
        return None
    from deleverage import pages

    path = Path(name)
    if path.exists() and not path.is_dir():
        raise UsageError(f"--html {path}: is a file, expected a folder")
    if path.is_dir():
        pages.destination(str(path / "page"))
    else:
        pages.destination(name)
        path.mkdir()
    return path


def write_run(done: Compared, path: Path) -> None:
    """The page of one run, and a remark where it is."""
    from deleverage import pages

    _wrote(path, pages.save(pages.run_page(done), path))


def write_comparison(comparison: Comparison, path: Path, title: str = "COMPARISON",
                     more: Mapping[str, str] | None = None) -> None:
    """The page of several runs; ``more``: blocks behind those of the comparison, by name."""
    from deleverage import pages

    _wrote(path, pages.save(pages.comparison_page(comparison, title, more or {}), path))


def _wrote(path: Path, size: int) -> None:
    note(f"page: {path} ({size / 1e6:.2f} MB)")
