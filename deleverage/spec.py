"""What a run is: one frozen object that says everything needed to repeat it, and round-trips JSON.

::

    spec = RunSpec(data="constructive", strategy="level_reclaim", leverage=10)
    spec.changed(leverage=20)            # a copy with other fields, validated again
    RunSpec.from_json(spec.to_json())    # equal to spec
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from deleverage import slippage, timestamps
from deleverage.errors import DataError, UsageError, unknown_name
from deleverage.policies import (
    FILLS,
    LIQUIDATIONS,
    MARGIN_MODES,
    MISSING,
    OFF_TICK,
    PATHS,
    STOP_TRIGGERS,
    check_unforced,
    one_of,
)
from deleverage.slippage import Slippage
from deleverage.values import (
    as_count,
    as_deleveragings,
    as_fees,
    as_json,
    as_moment,
    as_number,
    as_outages,
    as_parameter,
    as_slippage,
    as_step,
)
from deleverage.venues import fee_tiers

DEFAULT_MARGIN_FRACTION = 0.20
DEFAULT_SLIPPAGE_BP = 2.0
_EXCLUDING = (("slippage", "slippage_bp"), ("fees", "fee_tier"))


@dataclass(frozen=True)
class RunSpec:
    """One run: data, strategy, account, venue and policies; frozen, validated, JSON-valued.

    ==================  ==========================================================================
    data                path of a dataset folder, or the name of a scenario
    strategy            NAME | module:Class | file.py:Class
    params              strategy parameters (numbers, text, booleans, None, tuples of these)
    venue               rules and ladder; None: the venue of the data
    symbol              refuse data of another symbol; None: whatever the data holds
    leverage            set leverage, > 0
    margin              isolated | cross
    margin_fraction     an entry posts this share of equity as initial margin, in (0, 1];
                        0.20 unless ``notional`` is given
    notional            an entry opens this notional (quote) instead; excludes margin_fraction
    notional_leverage   notional = margin_fraction × this × equity instead of × leverage: how the
                        same-notional scan changes only the distance to liquidation
    ladder              maintenance ladder file that replaces the shipped one
    path, fill          policies inside a bar
    mark                None, or "last": liquidate on last price
    stop_trigger        last | mark: the price that triggers stops; None: the venue's default
    missing             fail | impute | skip: funding or mark that is not there
    fees                (maker, taker) as fractions of notional; None: the venue's
    fee_tier            the venue's fees of one tier (VIP1) instead; excludes fees
    slippage_bp         market and stop fills, basis points, ≥ 0; 2 unless ``slippage`` is given
    slippage            a policy as text instead (2bp, volume, cascade:depth=1e6), see
                        deleverage.slippage; excludes slippage_bp
    liquidation         venue: the venue's own procedure with its fee | takeover: the whole
                        position at its bankruptcy price, no fee | none: nothing is ever closed by
                        force and equity may fall below zero, as stock frameworks have it
    volume_limit        share of a bar's volume that one's own fills in it may take, in (0, 1];
                        what is left of an order stays open; None: orders fill whole
    latency             bars until an order or cancel arrives at the venue, ≥ 0
    publication_latency bars by which open interest and liquidations are shown late, ≥ 0
    outage              (from, to) pairs of UTC times: nothing is placed or cancelled in between,
                        orders on the book and liquidations go on
    adl                 (time, side, share, price) rows: at that time the venue takes a share of a
                        long or short position at that price against another's liquidation
    off_tick            round (by rule) | refuse a price that is not on the tick
    step                bars of the strategy (1h) over the data's finer ones, which the account
                        walks; None: the data's own
    cash                opening wallet, quote currency, > 0
    fromdate, todate    ISO text, UTC; also taken as datetime, date or UTC nanoseconds
    on_liquidation      continue | stop
    ==================  ==========================================================================

    Raises UnknownName for a name nobody knows and UsageError for values out of range or excluding
    one another.
    """

    data: str
    strategy: str
    params: Mapping[str, Any] = field(default_factory=dict)
    venue: str | None = None
    symbol: str | None = None
    leverage: float = 10.0
    margin: str = "isolated"
    margin_fraction: float | None = None
    notional: float | None = None
    notional_leverage: float | None = None
    ladder: str | None = None
    path: str = "adverse"
    fill: str = "through"
    mark: str | None = None
    missing: str = "fail"
    fees: tuple[float, float] | None = None
    slippage_bp: float | None = None
    cash: float = 10_000.0
    fromdate: str | None = None
    todate: str | None = None
    on_liquidation: str = "continue"
    liquidation: str = "venue"
    slippage: str | None = None
    volume_limit: float | None = None
    latency: int = 0
    publication_latency: int = 0
    outage: tuple[tuple[str, str], ...] = ()
    adl: tuple[tuple[str, str, float, float], ...] = ()
    off_tick: str = "round"
    step: str | None = None
    fee_tier: str | None = None
    stop_trigger: str | None = None

    def __post_init__(self) -> None:
        self._names()
        self._sizes()
        self._costs()
        self._delays()
        for name in ("leverage", "cash"):
            self._put(name, as_number(name, getattr(self, name), above=0.0))
        self._put("params", MappingProxyType({str(key): as_parameter(str(key), value)
                                              for key, value in dict(self.params).items()}))
        for name in ("fromdate", "todate"):
            self._put(name, as_moment(getattr(self, name)))
        if self.from_ns is not None and self.to_ns is not None and self.from_ns >= self.to_ns:
            raise UsageError(f"fromdate {self.fromdate} is not before todate {self.todate}")

    @property
    def from_ns(self) -> int | None:
        """``fromdate`` as UTC nanoseconds."""
        return None if self.fromdate is None else timestamps.parse(self.fromdate)

    @property
    def to_ns(self) -> int | None:
        """``todate`` as UTC nanoseconds."""
        return None if self.todate is None else timestamps.parse(self.todate)

    @property
    def slippage_policy(self) -> Slippage:
        """The policy that a taker's fill is charged by."""
        if self.slippage is not None:
            return slippage.parse(self.slippage)
        return slippage.FixedBp(self.slippage_bp or 0.0)

    @property
    def sizing(self) -> str:
        """The size rule in words, for headers: ``0.2 × equity as margin``, ``notional 5,000``."""
        if self.notional is not None:
            return f"notional {self.notional:,.10g}"
        text = f"{self.margin_fraction:g} × equity as margin"
        if self.notional_leverage is not None:
            text = f"notional {self.margin_fraction:g} × {self.notional_leverage:g} × equity"
        return text

    def changed(self, **fields: Any) -> Self:
        """A copy with other values; a new size rule, slippage or fee replaces the old one.

        Raises UnknownName for a field that does not exist.
        """
        known = [item.name for item in dataclasses.fields(self)]
        for name in fields:
            if name not in known:
                raise unknown_name("field of a run", name, known)
        if fields.get("notional") is not None:
            fields = {"margin_fraction": None, "notional_leverage": None, **fields}
        elif fields.get("margin_fraction") is not None:
            fields = {"notional": None, **fields}
        for one, other in _EXCLUDING:
            for name, excluded in ((one, other), (other, one)):
                if fields.get(name) is not None:
                    fields = {excluded: None, **fields}
        return dataclasses.replace(self, **fields)

    def as_dict(self) -> dict[str, Any]:
        """Every field as a plain JSON value, in the order of the class."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {name: as_json(value) for name, value in values.items()}

    def to_json(self) -> str:
        """Canonical JSON: the same text for equal specifications."""
        return json.dumps(self.as_dict(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The specification written by :meth:`to_json`; DataError where it is none."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(f"not a run specification: {error}") from None
        if not isinstance(values, dict):
            raise DataError(f"not a run specification: found {type(values).__name__}")
        return cls.from_dict(values)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The specification of :meth:`as_dict`; UnknownName for a field that does not exist."""
        known = [item.name for item in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise unknown_name("field of a run", str(name), known)
        for name in ("data", "strategy"):
            if name not in values:
                raise UsageError(f"a run needs {name!r}; found only "
                                 f"{', '.join(values) or 'nothing'}")
        return cls(**values)

    def key(self) -> str:
        """SHA-256 of the canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __reduce__(self) -> tuple[Any, ...]:
        # a mapping proxy cannot be pickled; workers of a scan or sweep receive specifications
        return type(self).from_json, (self.to_json(),)

    def _names(self) -> None:
        from deleverage import venues

        for name in ("data", "strategy"):
            value = getattr(self, name)
            value = str(value) if isinstance(value, Path) else value
            if not isinstance(value, str) or not value:
                raise UsageError(f"{name} must be a non-empty text, found {value!r}")
            self._put(name, value)
        if self.venue is not None:
            one_of("venue", self.venue, venues.names())
        if self.ladder is not None:
            self._put("ladder", str(self.ladder))
        one_of("margin mode", self.margin, MARGIN_MODES)
        one_of("path policy", self.path, PATHS)
        one_of("fill rule", self.fill, FILLS)
        one_of("missing policy", self.missing, MISSING)
        one_of("on_liquidation rule", self.on_liquidation, ("continue", "stop"))
        one_of("liquidation procedure", self.liquidation, LIQUIDATIONS)
        check_unforced(self.liquidation, self.on_liquidation)
        one_of("off_tick rule", self.off_tick, OFF_TICK)
        if self.mark is not None:
            one_of("mark source", self.mark, ("last",))
        if self.stop_trigger is not None:
            one_of("trigger price", self.stop_trigger, STOP_TRIGGERS)

    def _sizes(self) -> None:
        if self.notional is not None:
            for name in ("margin_fraction", "notional_leverage"):
                if getattr(self, name) is not None:
                    raise UsageError(f"notional and {name} exclude one another: found notional "
                                     f"{self.notional} and {name} {getattr(self, name)}")
            self._put("notional", as_number("notional", self.notional, above=0.0))
            return
        fraction = DEFAULT_MARGIN_FRACTION if self.margin_fraction is None else self.margin_fraction
        self._put("margin_fraction", as_number("margin_fraction", fraction, above=0.0, most=1.0))
        if self.notional_leverage is not None:
            self._put("notional_leverage",
                      as_number("notional_leverage", self.notional_leverage, above=0.0))

    def _costs(self) -> None:
        for one, other in _EXCLUDING:
            if getattr(self, one) is not None and getattr(self, other) is not None:
                raise UsageError(f"{one} and {other} exclude one another: found {one} "
                                 f"{getattr(self, one)} and {other} {getattr(self, other)}")
        self._put("slippage", as_slippage(self.slippage))
        if self.slippage is None:
            given = DEFAULT_SLIPPAGE_BP if self.slippage_bp is None else self.slippage_bp
            self._put("slippage_bp", as_number("slippage_bp", given, least=0.0, most=1_000.0))
        if self.fees is not None:
            self._put("fees", as_fees(self.fees))
        if self.fee_tier is not None:
            self._put("fee_tier", str(self.fee_tier))
            if self.venue is not None:
                fee_tiers.find(self.venue, self.fee_tier)
        if self.volume_limit is not None:
            self._put("volume_limit", as_number("volume_limit", self.volume_limit, above=0.0,
                                                most=1.0))

    def _delays(self) -> None:
        for name in ("latency", "publication_latency"):
            self._put(name, as_count(name, getattr(self, name)))
        self._put("outage", as_outages(self.outage))
        self._put("adl", as_deleveragings(self.adl))
        self._put("step", as_step(self.step))

    def _put(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
