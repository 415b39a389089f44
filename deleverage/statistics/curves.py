"""Per-bar curves of an account, rebuilt from the journal and the price arrays in one pass."""

from __future__ import annotations

from dataclasses import dataclass

from deleverage.columns import Floats, Ints


@dataclass(frozen=True, slots=True)
class Curves:
    """The account at the close of every bar (arrays of equal length).

    ``equity`` and ``worst_equity`` (lowest inside the bar) in quote currency, at mark; ``wallet``
    all collateral; ``size`` signed coins; ``entry_price``, ``liquidation_price``, ``distance``
    (share of the mark between it and the liquidation price, > 0 is safe), ``position_leverage`` and
    ``account_leverage`` are NaN while flat, the liquidation price and distance also where no mark
    can liquidate. ``position`` is the journal's number of the open position, −1 while flat.
    """

    close_ns: Ints
    mark: Floats
    wallet: Floats
    equity: Floats
    worst_equity: Floats
    size: Floats
    entry_price: Floats
    liquidation_price: Floats
    distance: Floats
    position_leverage: Floats
    account_leverage: Floats
    position: Ints
