"""The options that describe a run, and the specification made of those that were given.

No default is repeated here: an option that was not typed is left to ``RunSpec``.
"""

from __future__ import annotations

import argparse
from typing import Any

from deleverage.cli.arguments import (
    Parser,
    assignment,
    count,
    deleveraging,
    fees,
    number,
)
from deleverage.errors import UsageError
from deleverage.policies import FILLS, MARGIN_MODES, MISSING, PATHS, STOP_TRIGGERS
from deleverage.spec import RunSpec

FIELDS = ("data", "strategy", "venue", "symbol", "leverage", "margin", "margin_fraction",
          "notional", "ladder", "path", "fill", "mark", "missing", "fees", "fee_tier",
          "slippage_bp", "slippage", "cash", "fromdate", "todate", "on_liquidation", "liquidation",
          "volume_limit", "latency", "publication_latency", "outage", "adl", "off_tick", "step",
          "stop_trigger")


def add_data(parser: Parser) -> None:
    """What runs on what."""
    group = parser.add_argument_group("data and strategy")
    group.add_argument("--data", metavar="DATASET",
                       help="a dataset's folder or the name of a scenario")
    group.add_argument("--strategy", metavar="REF", help="NAME, module:Class or file.py:Class")
    group.add_argument("--set", type=assignment, action="append", default=[], dest="parameters",
                       metavar="NAME=VALUE", help="a strategy parameter; may be repeated")
    group.add_argument("--symbol", metavar="NAME", help="refuse data of another symbol")
    group.add_argument("--from", dest="fromdate", metavar="TIME", help="first bar; ISO, UTC")
    group.add_argument("--to", dest="todate", metavar="TIME", help="last bar; ISO, UTC")
    group.add_argument("--step", metavar="STEP", help="the strategy's bars (1h); the account walks "
                       "the finer ones of the data inside them")
    group.add_argument("--publication-latency", type=count, metavar="BARS",
                       help="open interest and liquidations are seen so much later (default 0)")


def add_account(parser: Parser) -> None:
    """What the account is."""
    group = parser.add_argument_group("account")
    group.add_argument("--cash", type=number, metavar="USD", help="opening wallet (default 10000)")
    group.add_argument("--leverage", type=number, metavar="X", help="set leverage (default 10)")
    group.add_argument("--margin", metavar="MODE", help=f"{_either(MARGIN_MODES)}")
    group.add_argument("--margin-fraction", type=number, metavar="F",
                       help="an entry posts F × equity as margin (default 0.20)")
    group.add_argument("--notional", type=number, metavar="USD",
                       help="an entry opens this notional instead")


def add_market(parser: Parser) -> None:
    """What the account meets."""
    _add_costs(parser)
    group = parser.add_argument_group("venue and policies")
    group.add_argument("--venue", metavar="NAME", help="rules and ladder (default: the data's)")
    group.add_argument("--ladder", metavar="FILE", help="a maintenance ladder of "
                       "your own, or nearest-later: assume that the first one known held before")
    group.add_argument("--path", metavar="POLICY", help=f"inside a bar: {_either(PATHS)}; `run` "
                       "takes both as well: two runs and where they part")
    group.add_argument("--fill", metavar="RULE", help=f"of limit orders: {_either(FILLS)}")
    group.add_argument("--missing", metavar="POLICY",
                       help=f"funding or mark that is not there: {_either(MISSING)}")
    group.add_argument("--mark", metavar="SOURCE",
                       help="last: liquidate on last price, said on the sheet")
    group.add_argument("--stop-trigger", metavar="PRICE", help="that stops watch: "
                       f"{' or '.join(STOP_TRIGGERS)} (default: the venue's)")
    group.add_argument("--liquidation", metavar="HOW", help="venue (default): the venue's own "
                       "procedure and fee; takeover: whole, at the bankruptcy price, no fee; none: "
                       "nothing is ever closed by force, said on the sheet")
    group.add_argument("--on-liquidation", metavar="RULE", help="continue (default) or stop")
    group.add_argument("--adl", type=deleveraging, action="append",
                       metavar="TIME,SIDE,SHARE,PRICE", help="the venue takes a share of a long or "
                       "short position at a price, as recorded or supposed; may be repeated")


def _add_costs(parser: Parser) -> None:
    """What a fill costs, and what keeps an order from it."""
    group = parser.add_argument_group("orders and what they cost")
    group.add_argument("--fees", type=fees, metavar="MAKER,TAKER",
                       help="fractions of notional, 0.0002,0.0005 (default: the venue's)")
    group.add_argument("--fee-tier", metavar="NAME", help="the venue's fees of a tier (VIP1)")
    group.add_argument("--slippage-bp", type=number, metavar="BP",
                       help="of market and stop fills, in basis points (default 2)")
    group.add_argument("--slippage", metavar="POLICY", help="instead: 2bp, volume or cascade, "
                       "with parameters as in cascade:depth=1e6,stop_wick=0.25")
    group.add_argument("--volume-limit", type=number, metavar="SHARE",
                       help="of a bar's volume that one's fills in it may take, above 0 up to 1; "
                       "the rest of an order stays open (default: none)")
    group.add_argument("--latency", type=count, metavar="BARS",
                       help="until an order or its cancel reaches the venue (default 0)")
    group.add_argument("--outage", action="append", metavar="FROM/TO", help="times (ISO, UTC) "
                       "between which no order is placed or cancelled; may be repeated")
    group.add_argument("--off-tick", metavar="RULE", help="a price that is not on the tick: round "
                       "by rule (default) or refuse")


def add_debug(parser: Parser) -> None:
    """``--debug``, which :func:`deleverage.cli.main.entry` reads by itself."""
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")


def specification(options: argparse.Namespace, **more: Any) -> RunSpec:
    """The run of the options that were given, parameters read by the strategy's own defaults.

    Raises UsageError where data or strategy is missing and UnknownName for a misspelt strategy or
    parameter.
    """
    values: dict[str, Any] = {name: getattr(options, name, None) for name in FIELDS}
    values = {name: value for name, value in {**values, **more}.items() if value is not None}
    for name in ("data", "strategy"):
        if name not in values:
            raise UsageError(f"--{name} is missing")
    given = dict(getattr(options, "parameters", ()))
    from deleverage.strategies import registry

    params = registry.check_parameters(registry.load(values["strategy"]), given)
    return RunSpec(params=params, **values)


def _either(names: tuple[str, ...]) -> str:
    first, *others = names
    return f"{first} (default){', ' if len(others) > 1 else ' or '}{' or '.join(others)}"
