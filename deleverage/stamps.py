"""The stamps of a run, worked out from its specification, its market and the venue's rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import backtrader as bt

import deleverage
from deleverage import timestamps
from deleverage.columns import MarketColumns
from deleverage.policies import Fees
from deleverage.provenance import Provenance
from deleverage.spec import RunSpec
from deleverage.statistics.placing import walked
from deleverage.venues import fee_tiers
from deleverage.venues.procedure import Procedure, Takeover
from deleverage.venues.rules import VenueRules


def venue_of(spec: RunSpec, columns: MarketColumns) -> str:
    """The venue whose rules a run trades under."""
    return spec.venue or columns.market.instrument.venue


def own_fees(spec: RunSpec, columns: MarketColumns) -> Fees | None:
    """The fees a run asks for by rate or by tier; None: the venue's own."""
    if spec.fee_tier is not None:
        return fee_tiers.tier(venue_of(spec, columns), spec.fee_tier)
    return None if spec.fees is None else Fees(*spec.fees)


UNFORCED = ("NOTHING IS EVER CLOSED BY FORCE and equity may fall below zero: what a framework "
            "without liquidation reports, no venue's account")


def procedure_of(spec: RunSpec, rules: VenueRules) -> Procedure:
    """What happens to a position at or below maintenance: the venue's way, or a plain takeover."""
    return Takeover() if spec.liquidation == "takeover" else rules.procedure


def provenance(spec: RunSpec, sha256: str, columns: MarketColumns, rules: VenueRules,
               strategy: type[bt.Strategy], params: Mapping[str, Any]) -> Provenance:
    """What a run was made of; ``columns`` are those the strategy saw, ``params`` all parameters
    of ``strategy``."""
    market = columns.market
    fees = own_fees(spec, columns) or rules.fees
    return Provenance(
        dataset=market.name or Path(spec.data).name, sha256=sha256,
        synthetic=market.synthetic, symbol=market.instrument.symbol, venue=rules.name,
        quote=market.instrument.quote, step_ns=market.step_ns, mark_step_ns=market.mark_step_ns,
        bars=len(columns), first_ns=int(columns.close_ns[0]), last_ns=int(columns.close_ns[-1]),
        margin=spec.margin, leverage=spec.leverage, sizing=spec.sizing,
        fees=(fees.maker, fees.taker), ladder=rules.use.describe(), ladder_id=rules.ladder.id,
        ladder_assumed=rules.use.assumed, strategy=strategy.__name__,
        title=(strategy.__doc__ or "").strip().split("\n")[0], params=_parameters(params),
        code=deleverage.__version__,
        procedure=UNFORCED if spec.liquidation == "none" else procedure_of(spec, rules).describe(),
        slippage=spec.slippage_policy.describe(),
        fee_tier="" if spec.fee_tier is None else fee_tiers.find(
            venue_of(spec, columns), spec.fee_tier).describe(),
        walked_step_ns=walked(columns).market.step_ns,
        stop_trigger=spec.stop_trigger or rules.stop_trigger)


def _parameters(params: Mapping[str, Any]) -> Mapping[str, Any]:
    """Parameters as JSON holds them; what it cannot hold as its text."""
    def plain(value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        return [plain(item) for item in value] if isinstance(value, (list, tuple)) else str(value)

    return {name: plain(value) for name, value in params.items()}


def idle(spec: RunSpec, columns: MarketColumns) -> tuple[str, ...]:
    """A line for each outage or auto-deleveraging that lies outside the data."""
    first, last = columns.market.start_ns, int(columns.close_ns[-1])
    first = max(first, int(columns.close_ns[0]) - columns.market.step_ns)
    lines = [f"the outage {start} to {end} lies outside the data: it changed nothing"
             for start, end in spec.outage if timestamps.parse(end) <= first
             or timestamps.parse(start) >= last]
    lines += [f"the auto-deleveraging at {when} lies outside the data: it changed nothing"
              for when, *_ in spec.adl if not first < timestamps.parse(when) <= last]
    return tuple(lines)


def assumptions(spec: RunSpec, rules: VenueRules, figures: Mapping[str, Any]) -> tuple[str, ...]:
    """What is assumed of the venue, as far as it had a part in this run: a line each."""
    lines = rules.assumptions
    if spec.liquidation == "none":
        lines = (UNFORCED, *lines)
    if spec.margin == "cross" and rules.cross_assumed:
        lines += (rules.cross_assumed,)
    if figures["liquidations"]["rows"]:
        lines += procedure_of(spec, rules).assumed
    booked = figures["funding"]["by_basis"]
    if rules.funding_price != "mark" and booked:
        on = ", ".join(f"{row['count']} on {row['basis']}" for row in booked)
        lines += (f"{rules.name} pays funding on the {rules.funding_price} price; here settlements "
                  f"were charged {on}",)
    if rules.use.state == "older than 180 days":
        lines += (f"maintenance ladder is older than 180 days: {rules.use.describe()}",)
    return lines
