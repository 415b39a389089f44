"""What a run was made of: the stamps that every result carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the run was made of.

    ``dataset`` is its name (never a path), ``sha256`` one hash of its content. ``first_ns`` and
    ``last_ns`` are the closes of the first and last bar, ``step_ns`` the length of a bar,
    ``mark_step_ns`` that of the mark rows (None: no mark). ``ladder`` is one line that names the
    maintenance ladder with age and confidence, ``ladder_assumed`` whether it is a declared
    assumption. ``fees`` are (maker, taker) in use, ``fee_tier`` the line of the venue's tier they
    are of ("" where none was asked for), ``slippage`` that of the policy, ``procedure`` what the
    venue does with a position at or below maintenance. ``walked_step_ns`` is the length of the bars
    the account walked: finer than ``step_ns`` where the strategy stood on coarser ones.
    ``stop_trigger`` is the price (last, mark) that stops watched unless an order said otherwise.
    ``code`` is the version of this software, ``strategy`` the class run, ``title`` its first line
    of documentation, ``params`` all its parameters, defaults included.
    """

    dataset: str
    sha256: str
    synthetic: bool
    symbol: str
    venue: str
    quote: str
    step_ns: int
    mark_step_ns: int | None
    bars: int
    first_ns: int
    last_ns: int
    margin: str
    leverage: float
    sizing: str
    fees: tuple[float, float]
    ladder: str
    ladder_id: str
    ladder_assumed: bool
    strategy: str
    title: str
    params: Mapping[str, Any]
    code: str
    procedure: str
    slippage: str
    fee_tier: str
    walked_step_ns: int
    stop_trigger: str

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The provenance of a JSON object with the fields of this class."""
        return cls(**{**values, "fees": tuple(values["fees"])})
