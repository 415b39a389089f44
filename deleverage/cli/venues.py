"""``venues check``: a file of printed figures against the shipped rules."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from deleverage.cli.account import add_debug
from deleverage.cli.arguments import Parser
from deleverage.cli.output import say, say_json
from deleverage.errors import DataError, UsageError, unknown_name
from deleverage.tearsheet.text import lines, section, table

if TYPE_CHECKING:
    from deleverage.venues.cases.report import Report, Verdict

ACTIONS = ("check",)
ORIGINS = {"exchange_api_real": "venue output", "exchange_doc_example": "venue documents",
           "third_party_test": "third parties"}


def main(arguments: Sequence[str], prog: str) -> int:
    """Hand over to check."""
    if not arguments or arguments[0] in ("-h", "--help"):
        made = Parser(prog=prog, description=__doc__, usage=f"{prog} {{{','.join(ACTIONS)}}} …",
                      epilog=f"`{prog} ACTION --help` lists the options of one of them")
        if arguments:
            made.print_help()
            return 0
        raise UsageError(f"{prog} needs one of {', '.join(ACTIONS)}")
    if arguments[0] not in ACTIONS:
        raise unknown_name("venues command", arguments[0], ACTIONS)
    return check(arguments[1:], f"{prog} {arguments[0]}")


def check(arguments: Sequence[str], prog: str) -> int:
    """Answer every case of a file by the shipped rules and count what agrees within its tolerance.

    The exit code is 3 when a case disagrees or cannot be read.
    """
    made = Parser(prog=prog, description=check.__doc__,
                  formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("file", metavar="FILE.json", help='{"cases": [{id, venue, kind, inputs, '
                                                        "expected, tolerance, origin}, …]}")
    made.add_argument("--json", action="store_true", help="JSON on stdout instead of tables")
    add_debug(made)
    options = made.parse_args(arguments)
    from deleverage.venues import cases

    report = cases.check(options.file)
    if options.json:
        say_json(_as_json(report))
    else:
        say("\n\n".join(_page(report)))
    if report.faults:
        more = len(report.faults) - 1
        raise DataError(f"{report.path}: {report.faults[0].fault}"
                        + (f" (and {more} more that cannot be read)" if more else ""))
    if report.disagreements:
        raise DataError(f"{report.path}: {len(report.disagreements)} of {len(report.in_scope)} "
                        f"cases disagree: {', '.join(each.id for each in report.disagreements)}")
    return 0


def _page(report: Report) -> Iterator[str]:
    origins = [name for name in (*ORIGINS, *sorted(
        {each.origin for each in report.in_scope} - set(ORIGINS)))
        if any(each.origin == name for each in report.in_scope)]
    by_all = report.agreement("venue", "kind", "origin")
    rows = [[venue, kind, *(str(by_all.get((venue, kind, name), "")) for name in origins),
             str(count)]
            for (venue, kind), count in sorted(report.agreement("venue", "kind").items())]
    by_origin = report.agreement("origin")
    rows.append(["all", "", *(str(by_origin[name,]) for name in origins),
                 *map(str, report.agreement().values())])
    heads = ("venue", "kind", *(ORIGINS.get(name, name) for name in origins), "agree")
    yield section(f"AGREEMENT of the shipped rules with {report.path}",
                  table(heads, rows, left=2), _generic(report))
    if report.disagreements:
        yield section("DISAGREEMENTS", lines(map(_difference, report.disagreements)))
    if report.out_of_scope:
        yield section(f"OUT OF SCOPE ({len(report.out_of_scope)})", lines(
            f"{each.id} ({each.venue} {each.kind}): {each.reason}"
            for each in report.out_of_scope))


def _generic(report: Report) -> str:
    """Which venues have no rules of their own."""
    from deleverage import venues

    others = sorted({each.venue for each in report.in_scope} - set(venues.names()))
    return f"by the generic rules of a family: {', '.join(others)}" if others else ""


def _difference(each: Verdict) -> str:
    if each.fault is not None:
        return each.fault
    return (f"{each.id} ({each.venue} {each.kind}, {ORIGINS.get(each.origin, each.origin)}): "
            f"got {each.got}, expected {each.expected}, tolerance {_said(each.tolerance)}")


def _said(tolerance: Any) -> str:
    return "1e-09 relative" if tolerance is None else \
        " ".join(f"{value:g} {name}" for name, value in tolerance.items())


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "file": report.path, "in_scope": len(report.in_scope),
        "agree": sum(each.agrees for each in report.in_scope),
        "agreement": [
            {"venue": venue, "kind": kind, "origin": origin, "agree": count.agree,
             "total": count.total}
            for (venue, kind, origin), count in sorted(
                report.agreement("venue", "kind", "origin").items())],
        "disagreements": report.disagreements,
        "out_of_scope": [{"id": each.id, "venue": each.venue, "kind": each.kind,
                          "reason": each.reason} for each in report.out_of_scope],
    }
