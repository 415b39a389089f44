"""``compare``: saved results side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deleverage.cli import html, pictures
from deleverage.cli.account import add_debug
from deleverage.cli.arguments import Parser
from deleverage.cli.output import say, say_json
from deleverage.errors import UsageError


def main(arguments: Sequence[str], prog: str) -> int:
    """Read the folders `run --out` wrote and print them on one page."""
    options = parser(prog).parse_args(arguments)
    page = html.target(options.html)
    from deleverage import tearsheet
    from deleverage.beside import Compared
    from deleverage.cli.run import as_json
    from deleverage.compare import Comparison

    _once(options.results)
    drawn = pictures.place(options.plots)
    rows = [Compared.load(folder) for folder in options.results]
    comparison = Comparison.of(rows, force=options.force)
    pictures.draw(comparison, drawn)
    if options.json:
        say_json({"differences": comparison.differences, "noise": comparison.noise,
                  "results": [as_json(row) for row in comparison.rows]})
    else:
        say(tearsheet.side_by_side(comparison))
    if page is not None:
        html.write_comparison(comparison, page)
    return 0


def _once(folders: Sequence[str]) -> None:
    """Refuse a folder that was given twice, by whatever path."""
    seen: dict[Path, str] = {}
    for folder in folders:
        place = Path(folder).resolve()
        if place in seen:
            same = "" if seen[place] == folder else f", as {seen[place]} before"
            raise UsageError(f"{folder} is given twice{same}")
        seen[place] = folder


def parser(prog: str) -> Parser:
    """The options of ``compare``."""
    made = Parser(prog=prog, description=__doc__)
    made.add_argument("results", nargs="+", metavar="DIR", help="folders written by `run --out`")
    made.add_argument("--force", action="store_true",
                      help="compare runs on different data, and say so")
    made.add_argument("--json", action="store_true", help="JSON on stdout instead of tables")
    pictures.add_plots(made)
    made.add_argument("--html", metavar="FILE", help="the same with charts as one file that needs "
                      "no network (pip install 'deleverage[html]')")
    add_debug(made)
    return made
