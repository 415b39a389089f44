"""Write the figures kept by the last runs into docs/performance.md: ``make performance``.

The page holds pairs of comments, ``<!-- figures: NAME -->`` and ``<!-- end -->``; what stands
between them is replaced, the words around are left.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from benchmarks import figures, profiles
from benchmarks.figures import Figure
from benchmarks.peers import table as peers

PAGE = figures.ROOT / "docs" / "performance.md"
NOTHING = "Not measured yet."
ORDER = ("test_year", "test_load", "make bench-peers", "test_sweep", "test_strip", "test_dense",
         "test_scaling")
_BLOCK = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, blocks: Mapping[str, str]) -> str:
    """The page with its blocks replaced. Raises KeyError for a block nobody makes."""
    return _BLOCK.sub(lambda found: f"{found[1]}{blocks[found[2]]}\n{found[3]}", text)


def with_aims(rows: tuple[Figure, ...]) -> str:
    """The figures that have an aim, and how many meet it."""
    aimed = [row for row in rows if row.aim]
    if not aimed:
        return NOTHING
    missed = [row.name for row in aimed if row.aim and not row.aim.met(row.value)]
    lines = ["| figure | measured | aim | | measured by |", "| --- | --- | --- | --- | --- |"]
    lines += [f"| {row.name} | {row.shown} | {row.aim} | {row.verdict} | {_source(row)} |"
              for row in aimed]
    said = f"{len(aimed) - len(missed)} of {len(aimed)} aims are met"
    return "\n".join([*lines, "", f"{said}; missed: {'; '.join(missed)}." if missed
                      else f"{said}."])


def without_aims(rows: tuple[Figure, ...]) -> str:
    """The others."""
    plain = [row for row in rows if not row.aim]
    if not plain:
        return NOTHING
    return "\n".join(["| figure | measured | measured by |", "| --- | --- | --- |",
                      *(f"| {row.name} | {row.shown} | {_source(row)} |" for row in plain)])


def machine() -> str:
    """What the figures were taken on: processor, Python, what counts of its packages."""
    cpu = Path("/proc/cpuinfo")
    named = re.search(r"model name\s*:\s*(.+)", cpu.read_text()) if cpu.exists() else None
    versions = ", ".join(f"{name} {metadata.version(name)}"
                         for name in ("backtrader", "numpy", "pandas", "pyarrow", "numba"))
    load = os.getloadavg()[2]  # of a quarter of an hour: who else was there
    return (f"{os.cpu_count()} cores of {named[1] if named else platform.machine()}, "
            f"Python {platform.python_version()}, {versions}; load average {load:.1f}.")


def _source(row: Figure) -> str:
    return f"`{row.source.removeprefix('benchmarks/')}`"


def _place(row: Figure) -> tuple[int, str]:
    """Where a row stands: by the order of the files, then by what measured it."""
    return next((at for at, name in enumerate(ORDER) if f"{name}.py" in row.source
                 or name == row.source), len(ORDER)), row.source


def blocks() -> dict[str, str]:
    """Every block of the page, from what is kept."""
    rows = tuple(sorted(figures.kept(), key=_place))
    told = figures.load("peers")
    made = {"machine": machine(), "aims": with_aims(rows), "beside": without_aims(rows),
            "peers": peers.markdown(told) if told else NOTHING}
    for name in ("year", "sweep", "engine"):
        profile = figures.load(f"profile-{name}")
        made[f"profile-{name}"] = profiles.markdown(profile) if profile else NOTHING
    return made


def main() -> int:
    """Rewrite the page in place."""
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), blocks()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
