"""``list``: what there is, by kind, with one line of what each is."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence

from deleverage.cli.account import add_debug
from deleverage.cli.arguments import Parser
from deleverage.cli.output import say, say_json
from deleverage.errors import unknown_name
from deleverage.tearsheet.text import table


def main(arguments: Sequence[str], prog: str) -> int:
    """Print the names of one kind, or of all kinds."""
    options = parser(prog).parse_args(arguments)
    if options.kind is not None and options.kind not in KINDS:
        raise unknown_name("kind of list", options.kind, KINDS)
    kinds = tuple(KINDS) if options.kind is None else (options.kind,)
    found = {kind: KINDS[kind]() for kind in kinds}
    if options.json:
        say_json(found)
        return 0
    say("\n\n".join(table((kind, "what it is"), rows.items(), left=2)
                    for kind, rows in found.items()))
    return 0


def parser(prog: str) -> Parser:
    """The options of ``list``."""
    made = Parser(prog=prog, description=__doc__)
    made.add_argument("kind", nargs="?", help=", ".join(KINDS) + "; all of them without it")
    made.add_argument("--json", action="store_true", help="JSON on stdout instead of tables")
    add_debug(made)
    return made


def strategies() -> dict[str, str]:
    """Names ``--strategy`` takes, shipped or dropped into strategies/."""
    from deleverage.strategies import registry

    return {item.name: item.summary + (f" Needs {', '.join(item.required_tables)}."
                                       if item.required_tables else "")
            for item in registry.describe()}


def venues() -> dict[str, str]:
    """Venues and their products; the symbols whose ladder is shipped, by its state today."""
    from deleverage import venues as known

    now = time.time_ns()
    found = {}
    for name in known.names():
        for product in known.products(name):
            states: dict[str, list[str]] = {}
            for symbol in known.symbols(name, product):
                state = known.get(name, product, symbol, at=now).use.state
                states.setdefault(state, []).append(symbol)
            found[f"{name} {product}"] = "; ".join(
                f"{state}: {', '.join(symbols)}" for state, symbols in states.items()) \
                or "no ladder shipped: pass one"
    return found


def sources() -> dict[str, str]:
    """Readers ``data import`` takes."""
    from deleverage.feeds import readers

    return {name: f"{readers.get(name).about}; gives {', '.join(readers.get(name).gives)}"
            for name in readers.names()}


def analyzers() -> dict[str, str]:
    """Analyzers for a Cerebro of one's own."""
    import deleverage.analyzers as room

    return {name: _first_line(getattr(room, name)) for name in sorted(room.__all__)}


def scenarios() -> dict[str, str]:
    """Embedded markets ``--data`` takes by name."""
    from deleverage import scenarios as known
    from deleverage.scenarios.presets import PRESETS

    return {name: f"SYNTHETIC: {PRESETS[name].story}" for name in known.names()}


KINDS: dict[str, Callable[[], dict[str, str]]] = {
    "strategies": strategies, "venues": venues, "sources": sources, "analyzers": analyzers,
    "scenarios": scenarios,
}


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0]
