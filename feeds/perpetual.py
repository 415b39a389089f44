"""``PerpetualData``: everything known of one perpetual, as lines of one backtrader feed.

Bars are stamped with their CLOSE (naive UTC). Where nothing is resampled or filtered the lines are
filled in bulk; otherwise row by row, with the same values.
"""

from __future__ import annotations

import copyreg
import sys
from array import array
from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import backtrader as bt
import numpy as np

from deleverage.coarser import coarser
from deleverage.columns import BASE_LINES, Floats, MarketColumns
from deleverage.errors import DataError, UsageError, unknown_name
from deleverage.feeds.dataset import Dataset
from deleverage.feeds.event_access import EventBook, Liquidations
from deleverage.instrument import Instrument
from deleverage.market import Market
from deleverage.publication import delayed, latency
from deleverage.shared_lines import as_array, share
from deleverage.timestamps import DAY, MINUTE, SECOND, day_numbers, parse_step, show

_EXTRA = BASE_LINES[6:]  # backtrader's own feed has the six before them
_CHUNK = 4096  # rows turned into Python floats at a time when loading row by row
_PREFIX = "PerpetualData_"


def _read_only(mapping: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(mapping)


# backtrader's optimiser pickles the engine with its feeds; read-only mappings cannot be otherwise
copyreg.pickle(MappingProxyType, lambda view: (_read_only, (dict(view),)))


class _MetaPerpetualData(bt.feed.DataBase.__class__):  # type: ignore[misc]
    """Opens the market before the feed exists, because its venues decide which lines it has."""

    def doprenew(cls, *args: Any, **kwargs: Any) -> Any:
        cls, args, kwargs = super().doprenew(*args, **kwargs)
        _check_parameters(cls, kwargs)
        if kwargs.get("dataset") is None and kwargs.get("columns") is None:
            kwargs["dataset"] = args[0] if args else kwargs.pop("dataname", None)
            args = args[1:]
        source: Any = kwargs.get("dataset")
        columns: Any = kwargs.get("columns")
        if (source is None) == (columns is None):
            raise UsageError("PerpetualData needs one of dataset= (a folder or Dataset) and "
                             "columns= (MarketColumns)")
        if source is not None:
            dataset = source if isinstance(source, Dataset) else Dataset.open(source)
            columns, kwargs["dataset"] = dataset.columns(), dataset.path
        kwargs["columns"] = gathered(columns, kwargs.get("step"))
        kwargs["publication_latency"] = latency(kwargs.get("publication_latency", 0))
        for name in ("fromdate", "todate"):
            kwargs[name] = _moment(name, kwargs.get(name))
        return with_venues(cls, columns.venues), args, kwargs


class PerpetualData(bt.feed.DataBase, metaclass=_MetaPerpetualData):  # type: ignore[misc]
    """One perpetual's bars, mark, index, funding, open interest and liquidations on one clock.

    ``dataset``: a dataset folder or :class:`Dataset`; or ``columns``: a MarketColumns. ``fromdate``
    and ``todate`` (datetime, date or ISO text, naive UTC) keep bars whose close lies between them,
    both included. ``step`` ("1h") shows coarser bars than the data has, the finer ones staying
    under them for the account (``.columns.inner``). ``publication_latency``: bars by which open
    interest and liquidations are shown late. Lines beyond OHLCV and ``openinterest``:
    ``mark_open/high/low/close`` (last COMPLETED mark row), ``index_close``, ``funding_rate`` (NaN
    but in the bar of a settlement), ``long_liquidations``, ``short_liquidations`` and
    ``largest_liquidation`` (USD in the bar), ``liquidation_count``, and
    ``long_liquidations_<venue>``, ``short_liquidations_<venue>``.
    """

    lines: ClassVar[Any] = _EXTRA
    params = (("dataset", None), ("columns", None), ("step", None), ("publication_latency", 0))
    fromdate: float  # day numbers, made by backtrader when the feed starts
    todate: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # backtrader's metaclass has taken the parameters out of kwargs by now
        super().__init__()
        if not self.p.name:
            self._name = self.market.instrument.symbol
        self.p.timeframe, self.p.compression = timeframe(self.market.step_ns)
        self._cut: MarketColumns | None = None
        self._row = 0
        self._rows: list[tuple[float, ...]] = []

    @property
    def market(self) -> Market:
        """What the dataset says about itself."""
        return self._whole().market

    @property
    def instrument(self) -> Instrument:
        """The contract whose market this is."""
        return self.market.instrument

    @property
    def columns(self) -> MarketColumns:
        """The bars this feed delivers, as arrays: row 0 is the first bar.

        Raises UsageError on a feed with filters (a resampled one): its bars are not the market's.
        """
        if self._filters:
            raise UsageError(f"{self._name}: resampled or filtered bars have no columns of their "
                             "own; add the PerpetualData itself and resample a second view of it")
        return self._delivered()

    @property
    def undelayed(self) -> MarketColumns:
        """The same bars with every line at its own time, whatever the publication latency: for an
        account's models of the market (how deep the book is in a cascade), never for a strategy."""
        shown = self.columns
        return self._between(self._whole()) if self.p.publication_latency else shown

    def liquidations(self, bars: int = 1) -> Liquidations:
        """The single liquidations that became known in the last ``bars`` bars, this one included.

        Raises UsageError on a feed of columns, which has sums per bar only, MissingTable where the
        dataset has no liquidations.
        """
        if self.p.dataset is None:
            raise UsageError(f"{self._name}: single liquidations need dataset=, columns= has sums "
                             "per bar only")
        columns, late = self.columns, self.p.publication_latency
        book = columns.memo.get(("liquidations", str(self.p.dataset), late), lambda: EventBook(
            Dataset.open(self.p.dataset), columns, late))
        return book.within(len(self) - 1, bars)

    def __len__(self) -> int:
        # as backtrader's, which goes through three objects; asked some 25 times a round trip
        length: int = self.lines.lines[0].lencount
        return length

    def _whole(self) -> MarketColumns:
        if self.p.columns is None:  # came out of a pickle
            self.p.columns = gathered(Dataset.open(self.p.dataset).columns(), self.p.step)
        return self.p.columns

    def _delivered(self) -> MarketColumns:
        if self._cut is None:
            whole, late = self._whole(), self.p.publication_latency
            self._cut = self._between(whole.memo.get(
                ("delayed", late), lambda: delayed(whole, late)) if late else whole)
        return self._cut

    def _between(self, whole: MarketColumns) -> MarketColumns:
        """The bars of ``whole`` whose close lies between the limits."""
        early, late = self._limits()
        if (early, late) == (float("-inf"), float("inf")):
            return whole
        days = day_numbers(whole.close_ns)
        first = int(np.searchsorted(days, early, side="left"))
        stop = int(np.searchsorted(days, late, side="right"))
        if stop - first == len(whole):
            return whole
        return whole.memo.get(("sliced", first, stop), lambda: whole.sliced(first, stop))

    def _limits(self) -> tuple[float, float]:
        """``fromdate`` and ``todate`` as day numbers, also before backtrader has made them."""
        if self._started:
            return self.fromdate, self.todate
        early, late = (value and bt.date2num(value) for value in (self.p.fromdate, self.p.todate))
        return early or float("-inf"), late or float("inf")

    def _start(self) -> None:
        super()._start()
        self._cut = None
        self._row, self._rows = 0, []
        if not len(self._delivered()):
            whole = self._whole()
            raise DataError(f"{self._name}: no bars between fromdate {self.p.fromdate} and todate "
                            f"{self.p.todate} (the data covers {show(whole.market.start_ns)} to "
                            f"{show(whole.market.end_ns)})")

    def preload(self) -> None:
        """Give all lines their numbers at once; row by row where a filter, a buffer limit or a zone
        asks for that."""
        lines = self.lines.lines
        if self._filters or self._tzinput or any(
                line.mode == line.QBuffer or line.bindings for line in lines):
            super().preload()
            return
        columns = self._delivered()
        for name, line in zip(self.getlinealiases(), lines, strict=True):
            room = line.extension
            share(line, partial(line_of, columns, name))
            if room:
                line.extension = 0
                line.extend(size=room)
        self._row = len(columns)
        self.home()

    def _load(self) -> bool:
        """The next row into the current bar (preload off, filters, resampling)."""
        row, count = self._row, len(self._delivered())
        if row >= count:
            return False
        if row % _CHUNK == 0:
            chunk = [column[row:row + _CHUNK].tolist() for column in self._columns_in_order()]
            self._rows = list(zip(*chunk, strict=True))
        for line, value in zip(self.lines.lines, self._rows[row % _CHUNK], strict=True):
            line[0] = value
        self._row = row + 1
        return True

    def _columns_in_order(self) -> list[Floats]:
        columns = self._delivered()
        return [_column(columns, name) for name in self.getlinealiases()]

    def __getstate__(self) -> dict[str, Any]:
        """Without what can be opened again: the memory-mapped columns."""
        state = dict(self.__dict__)
        state["_cut"], state["_rows"] = None, []
        if self.p.dataset is not None:
            state["params"] = state["p"] = bare = type(self.p)()
            for name, value in self.p._getkwargs().items():
                setattr(bare, name, None if name == "columns" else value)
        return state


def _column(columns: MarketColumns, name: str) -> Floats:
    return day_numbers(columns.close_ns) if name == "datetime" else columns.lines[name]


def line_of(columns: MarketColumns, name: str) -> array[float]:
    """A line of a market in full, made once for all runs on it; nobody may change it."""
    return columns.memo.get(("line", name), lambda: as_array(_column(columns, name)))


def with_venues(cls: type, venues: Sequence[str]) -> type:
    """``cls`` with the lines of ``venues``, made once per set and found again by its name."""
    if not venues or getattr(cls, "venues_of_lines", None) == tuple(venues):
        return cls
    name = f"{cls.__name__}_{'__'.join(venues)}"
    module = sys.modules[cls.__module__]
    found: type | None = vars(module).get(name)
    if found is None:
        lines = tuple(f"{side}_liquidations_{venue}" for venue in venues
                      for side in ("long", "short"))
        found = type(cls)(name, (cls,), {
            "lines": lines, "__module__": cls.__module__, "__doc__": cls.__doc__,
            "venues_of_lines": tuple(venues)})
        setattr(module, name, found)
    return found


def __getattr__(name: str) -> Any:
    """Classes with venue lines, made again when a process without them unpickles a feed."""
    if name.startswith(_PREFIX):
        return with_venues(PerpetualData, name.removeprefix(_PREFIX).split("__"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def gathered(columns: MarketColumns, step: str | None) -> MarketColumns:
    """``columns`` on bars of ``step`` ("1h"), as they are without one; UsageError for no length."""
    if step is None:
        return columns
    length = parse_step(str(step))
    return columns.memo.get(("coarser", length), lambda: coarser(columns, length))


def timeframe(step_ns: int) -> tuple[int, int]:
    """backtrader's timeframe and compression of a bar length (1 h is 60 minutes)."""
    for unit, length in ((bt.TimeFrame.Days, DAY), (bt.TimeFrame.Minutes, MINUTE),
                         (bt.TimeFrame.Seconds, SECOND)):
        if step_ns % length == 0:
            return unit, step_ns // length
    raise DataError(f"bars of {step_ns} ns are no whole number of seconds")


def _moment(name: str, value: Any) -> Any:
    """A date limit as backtrader takes it; ISO text is read."""
    if not isinstance(value, (str, Path)):
        return value
    try:
        text = str(value)
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{name}: not an ISO date or time: {str(value)!r}") from None


def _check_parameters(cls: Any, given: dict[str, Any]) -> None:
    """backtrader would take a misspelt parameter for an argument of the constructor."""
    known = {*cls.params._getkeys(), *cls.plotinfo._getkeys()}
    for name in given:
        if name not in known:
            raise unknown_name(f"parameter of {cls.__name__}", name, known)
