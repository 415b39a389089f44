"""What a dataset says about itself (``market.toml``), as one frozen object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from deleverage.instrument import Instrument


@dataclass(frozen=True, slots=True)
class Coverage:
    """An interval in which a feed is known to have been alive; outside it a zero means nothing."""

    table: str
    venue: str
    provider: str
    start_ns: int
    end_ns: int
    completeness: str = "unknown"  # all | sampled | sampled_1s | aggregate | unknown


@dataclass(frozen=True, slots=True)
class Market:
    """Instrument, clock, provenance and honesty of one dataset.

    ``start_ns`` is the open of the first bar, ``end_ns`` the close of the last; a dataset without
    bars (events only) has ``step_ns`` 0 and the range of what it covers. ``synthetic`` data is
    called SYNTHETIC wherever it is printed. ``provenance`` maps a table to where it came from,
    ``sha256`` a file name to its hash, ``notes`` carries anything else (scaling factors of a
    scenario, dropped rows of a reader).
    """

    instrument: Instrument
    step_ns: int
    start_ns: int
    end_ns: int
    synthetic: bool = False
    name: str = ""
    mark_step_ns: int | None = None
    provenance: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    coverage: tuple[Coverage, ...] = ()
    sha256: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    notes: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
