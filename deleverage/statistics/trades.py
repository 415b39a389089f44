"""The trade list: one record per position from flat to flat."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trade:
    """One position from flat to flat; the last one may still be open (``exit_*`` None).

    Money is signed as the account sees it: ``net = gross + fees + funding + liquidation_fee +
    insurance``, where ``gross`` is the realised price profit plus, while open, the unrealised one
    (``unrealised``) at the last mark. ``fees`` and ``liquidation_fee`` are ≤ 0 (a rebate is > 0).

    ``leverage`` is the set leverage; ``entry_tier`` (a name of tiers.TIERS) is that of the
    effective leverage right after the opening fill: position-effective when isolated,
    account-effective when cross. ``margin`` is the most that was posted (isolated; 0 for cross),
    ``max_size`` (coins, ≥ 0) and ``max_notional`` (at entry prices) the largest held.

    ``mae`` and ``mfe`` are the worst and best mark while held, as fractions of the entry price,
    ≥ 0. ``exit_reason`` is the strategy's word (stop, target, time, signal), else the order's;
    ``liquidation`` or ``open``. ``margin_lost`` ≥ 0 is the loss of the liquidation.

    ``right``: was the direction right? For a position that lived: exit price beyond entry price.
    For a liquidated one, what the mark said later: at the strategy's own time exit where that is
    known (``right_basis`` "time exit"), else at the end of the run ("end of run"). ``right_basis``
    is "exit" for those that lived and "end of run" for an open one.

    ``return_on_equity`` is net ÷ equity before the opening fill.
    """

    number: int
    symbol: str
    side: int  # +1 long, −1 short
    entry_bar: int
    entry_ns: int
    entry_price: float  # average of the opening fills
    exit_bar: int | None
    exit_ns: int | None
    exit_price: float | None  # average of the reducing fills
    max_size: float
    max_notional: float
    margin: float
    leverage: float
    entry_leverage: float
    entry_tier: str
    gross: float
    unrealised: float
    fees: float
    funding: float
    liquidation_fee: float
    insurance: float
    net: float
    return_on_equity: float | None
    liquidated: bool
    margin_lost: float
    mark_state: str | None  # of the liquidation: exact, clipped, last
    exit_reason: str
    mae: float | None
    mfe: float | None
    holding_ns: int
    right: bool | None
    right_basis: str
