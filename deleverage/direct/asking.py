"""A strategy asked for its signals without an engine, and why a run has to have one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from deleverage.broker import PerpetualBroker
from deleverage.columns import MarketColumns
from deleverage.direct.feed import StandIn
from deleverage.errors import DeleverageError
from deleverage.strategies.exits import SignalStrategy
from deleverage.strategies.parameters import check_parameters

# what a strategy may define anew; everything else that its base has is a part of how it trades
_ITS_OWN = frozenset({"signals", "tables", "required_tables", "warmup_bars"})
# what backtrader's metaclasses give every class
_MADE = frozenset({"alias", "aliased", "packages", "frompackages", "params", "linealias", "lines",
                   "plotinfo", "plotlines"})
# broker parameters that make orders wait, fill in parts or be told of: value without any of that
_PLAIN = {"hedge": False, "latency": 0, "volume_limit": None, "outage": (), "adl": (),
          "entry_bar": "live", "on_liquidation": "continue"}


class NotDirect(Exception):
    """A run that needs the engine; the text says for what."""


@dataclass(frozen=True)
class Asked:
    """A strategy that has said what it wants: an object of its class that no engine drives, with
    its parameters, its signals and the feed it was asked on."""

    strategy: Any
    feed: StandIn


def ask(kind: type, params: Mapping[str, Any], columns: MarketColumns) -> Asked:
    """The signals of a strategy on a market.

    Raises NotDirect for a strategy that does more than give signals or asks for more than its
    parameters and columns to give them, and the errors of Deleverage that ``signals()`` raises.
    """
    reason = why_not(kind)
    if reason:
        raise NotDirect(reason)
    feed, made = StandIn(columns), cast(Any, kind)
    strategy = made.__new__(made)
    strategy.lines = feed.lines  # backtrader looks there for any name it does not find
    strategy.data, strategy.datas = feed, [feed]
    strategy.p = strategy.params = _given(kind, params)
    try:
        strategy.look_ahead()
    except DeleverageError:
        raise
    except Exception as error:  # what it asks of an engine that is not there, or a fault of its own
        raise NotDirect(f"{kind.__name__}.signals(): {error!r}") from error
    if strategy.p.entry != "market":
        raise NotDirect(f"entry={strategy.p.entry}: an entry that rests")
    return Asked(strategy, feed)


def why_not(kind: type) -> str:
    """Why a strategy's class needs an engine; an empty text where it does not."""
    if not issubclass(kind, SignalStrategy):
        return f"{kind.__name__} is no SignalStrategy"
    for base in kind.__mro__:
        if base in SignalStrategy.__mro__:
            continue
        for name in vars(base):  # of one behind SignalStrategy as well: notices find it there
            if name in _ITS_OWN or name in _MADE or (name[:2] == "__" and name != "__init__"):
                continue
            if hasattr(SignalStrategy, name) or name.startswith("notify_"):
                return f"{base.__name__} has its own {name}"
    return ""


def check_account(broker: PerpetualBroker) -> None:
    """NotDirect for an account on which orders do not simply fill."""
    for name, plain in _PLAIN.items():
        given = getattr(broker.p, name)
        if given != plain:
            raise NotDirect(f"{name}={given}")


def _given(kind: Any, params: Mapping[str, Any]) -> Any:
    """The strategy's parameters: its defaults, and those given, checked as the engine does."""
    values = kind.params()
    for name, value in check_parameters(kind, params).items():
        setattr(values, name, value)
    return values
