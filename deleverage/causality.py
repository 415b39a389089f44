"""The truncation test: does a strategy decide from the past alone?

A decision on bar *b* may depend on what was known at its close and on nothing else. So the run is
repeated with a tail of the data cut off, and every decision before the cut must be the same: each
order sent or cancelled (bar, side, size, prices, kind), and each bar a flat strategy said it would
look at. What is cut is the tail of all bars, or of one table alone (mark, funding, liquidations,
open interest) while the others go on.

Cuts fall right behind the run's own decisions, where a look ahead by one bar shows, and evenly in
between, where a decision that was NOT taken shows. From a :class:`~deleverage.feeds.Dataset` the
tables themselves are cut, at times that are row borders of bars and mark, so that the joins of the
feed are tested as well.

A test that passes proves nothing about data that was never cut; a test that fails names the bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import backtrader as bt
import numpy as np

from deleverage import tails
from deleverage.broker import PerpetualBroker
from deleverage.cerebro import Cerebro
from deleverage.columns import MarketColumns
from deleverage.errors import MissingTable, UsageError
from deleverage.feeds import PerpetualData
from deleverage.feeds.dataset import Dataset
from deleverage.sizers import MarginFraction
from deleverage.timestamps import show

Broker = Callable[[], Any]
LookAt = tuple[int, str]  # bar, what was decided there

@dataclass(frozen=True, slots=True)
class Difference:
    """The first decision that changed: ``cut`` is the first bar that was not there."""

    table: str
    cut: int
    bar: int
    full: str
    without_tail: str


@dataclass(frozen=True, slots=True)
class TruncationReport:
    """Outcome of a truncation test; ``str()`` of it is one line."""

    strategy: str
    decisions: int  # of the run on all data
    runs: int  # on cut data
    tables: tuple[str, ...]
    difference: Difference | None
    stamp: str = ""  # close of the bar of the difference

    @property
    def passed(self) -> bool:
        """Whether no decision changed."""
        return self.difference is None

    def __str__(self) -> str:
        found = self.difference
        if found is None:
            return (f"{self.strategy}: {self.decisions} decisions unchanged in {self.runs} runs "
                    f"without a tail of {', '.join(self.tables)}")
        return (f"{self.strategy} looks ahead: with {found.table} cut at bar {found.cut}, bar "
                f"{found.bar} ({self.stamp}) decides {found.without_tail} instead of {found.full}")


def truncation_test(
    strategy: type[bt.Strategy],
    params: Mapping[str, Any] | None = None,
    *,
    source: MarketColumns | Dataset,
    cuts: Iterable[int] | None = None,
    tables: Sequence[str] | None = None,
    count: int = 8,
    broker: Broker | None = None,
) -> TruncationReport:
    """Run ``strategy`` on ``source`` with and without its tails, and compare the decisions.

    ``cuts``: bars from which on data is removed; by default ``count`` behind decisions and
    ``count`` spread evenly. ``tables``: whose tails are cut, by default every one the data has.
    ``broker`` makes a fresh broker per run; by default a PerpetualBroker at 10x on the venue of the
    data, imputing what a cut removed. Raises UnknownName for a table that does not exist and
    UsageError for a cut outside the data or off the row borders of a dataset.
    """
    whole = source.columns() if isinstance(source, Dataset) else source
    chosen = tails.tables_of(whole, tables)
    make = broker or (lambda: _broker(whole))
    asked = dict(params or {})
    full, failure = _decisions(strategy, asked, whole, make)
    if failure is not None and not isinstance(failure, IndexError):
        raise failure
    places = _cuts(full, source, whole, count) if cuts is None else sorted(cuts)
    runs = 0
    for cut in places:
        if not 0 < cut < len(whole):
            raise UsageError(f"a cut must leave bars on both sides, found {cut} of {len(whole)}")
        for table in chosen:
            runs += 1
            shorter = tails.without(source, whole, table, cut)
            changed, _ = _decisions(strategy, asked, shorter, make)
            found = _compare(full, changed, table, cut)
            if found is not None:
                stamp = show(int(whole.close_ns[found.bar]))
                return TruncationReport(strategy.__name__, len(full), runs, chosen, found, stamp)
    if failure is not None:  # an index error that has nothing to do with the end of the data
        raise failure
    return TruncationReport(strategy.__name__, len(full), runs, chosen, None)


# -------------------------------------------------------------------- what a run decides


def _decisions(strategy: type[bt.Strategy], params: Mapping[str, Any], columns: MarketColumns,
               make: Broker) -> tuple[list[LookAt], Exception | None]:
    """Every decision of one run, in order of bars; an exception counts as one at its bar."""
    cerebro, broker = Cerebro(), make()
    heard: list[LookAt] = []
    failure: Exception | None = None
    _listen(broker, heard)
    data = PerpetualData(columns=columns)  # type: ignore[call-arg]  # read by its metaclass
    cerebro.adddata(data)
    cerebro.setbroker(broker)
    cerebro.addsizer(MarginFraction)
    cerebro.addstrategy(strategy, **params)
    try:
        ran = cerebro.run()
    except MissingTable as error:  # cut so early that the table is empty: nothing was decided
        return [], error
    except Exception as error:  # reading beyond the end is what this test is looking for
        failure = error
        heard.append((max(len(data) - 1, 0), f"{type(error).__name__}: {error}"))
    else:
        heard += [(int(bar), "look") for bar in getattr(ran[0], "wakes", ())]
    return sorted(heard, key=lambda decision: decision[0]), failure


def _listen(broker: Any, heard: list[LookAt]) -> None:
    """Write down every order that reaches ``broker`` from a strategy."""
    def sender(side: str, send: Callable[..., Any]) -> Callable[..., Any]:
        def sent(owner: Any, data: Any, size: float, *args: Any, **terms: Any) -> Any:
            if not terms.get("liquidation"):
                heard.append((len(data) - 1, _said(side, data, size, args, terms)))
            return send(owner, data, size, *args, **terms)
        return sent

    def cancelled(order: Any, *args: Any) -> Any:
        heard.append((len(order.data) - 1, f"cancel {order.getordername()} {order.size:g}"))
        return cancel(order, *args)

    cancel = broker.cancel
    broker.buy, broker.sell = sender("buy", broker.buy), sender("sell", broker.sell)
    broker.cancel = cancelled


def _said(side: str, data: Any, size: float, args: Sequence[Any], terms: Mapping[str, Any]) -> str:
    names = ("price", "plimit", "exectype", "valid", "tradeid", "trailamount", "trailpercent")
    kind = terms.get("exectype")
    words = [side, data._name, repr(float(size)), bt.Order.ExecTypes[kind or 0]]
    words += [f"{name} {terms[name]}" for name in names
              if name != "exectype" and terms.get(name) is not None]
    return " ".join([*words, *map(str, args)])


def _compare(full: list[LookAt], changed: list[LookAt], table: str, cut: int) -> Difference | None:
    """The first decision before ``cut`` that is not the same."""
    before = [each for each in full if each[0] < cut]
    after = [each for each in changed if each[0] < cut]
    for one, other in zip(before, after, strict=False):
        if one != other:
            bar = min(one[0], other[0])
            return Difference(table, cut, bar, *(each[1] if each[0] == bar else "nothing"
                                                 for each in (one, other)))
    if len(before) == len(after):
        return None
    bar, what = (before + after)[0] if not min(len(before), len(after)) else (
        max(before, after, key=len)[min(len(before), len(after))])
    words = (what, "nothing") if len(before) > len(after) else ("nothing", what)
    return Difference(table, cut, bar, *words)


def _cuts(full: list[LookAt], source: MarketColumns | Dataset, whole: MarketColumns,
          count: int) -> list[int]:
    """Behind decisions and evenly spread; on a dataset, moved back to the nearest row border."""
    bars = sorted({bar for bar, _ in full})
    behind = [bars[k] + 1 for k in np.linspace(0, len(bars) - 1, min(count, len(bars)), dtype=int)]
    evenly = np.linspace(0, len(whole), count + 2, dtype=int)[1:-1].tolist()
    places = {*behind, *evenly}
    if isinstance(source, Dataset):
        borders = tails.borders(whole)
        places = {int(borders[at - 1]) for cut in places
                  if (at := int(np.searchsorted(borders, cut, side="right"))) > 0}
    return sorted(cut for cut in places if 0 < cut < len(whole))



def _broker(columns: MarketColumns) -> PerpetualBroker:
    return PerpetualBroker(venue=columns.market.instrument.venue, leverage=10, missing="impute")
