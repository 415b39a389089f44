"""Liquidation prices of printed figures, by the shape of their inputs, put to the venue's rules."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from deleverage.errors import DataError
from deleverage.venues import bybit, hyperliquid, okx
from deleverage.venues.cases.inputs import Inputs
from deleverage.venues.rules import VenueRules


def liquidation_price(case: Inputs) -> float | None:
    """The mark that liquidates; None where no positive mark does."""
    shape = shape_of(case)
    if shape not in SHAPES:
        raise DataError(f"{case.where}: no known shape of a liquidation price: "
                        f"{', '.join(case.values)}")
    price = SHAPES[shape](case)
    return float(price) if price is not None and 0 < price < math.inf else None


def out_of_scope(case: Inputs) -> str | None:
    """Why no shipped rule gives this liquidation price; None where one does."""
    shape = shape_of(case)
    if shape in _NOT_SHIPPED:
        return _NOT_SHIPPED[shape]
    if shape is not None and shape not in SHAPES:
        return f"no rule takes inputs of the shape {shape!r}"
    if shape is None and not case.known:
        return f"no rules of {case.venue} are shipped, and no generic rule takes these inputs"
    if case.text("mm_basis", "") == "at_mark":
        return "maintenance at the current mark is an estimate for display: no rule shipped"
    if case.product is None:
        return f"{case.venue} has no inverse contracts"
    return None


def shape_of(case: Inputs) -> str | None:
    """The declared shape of the inputs, or the one their names show."""
    if case.has("input_shape"):
        return case.text("input_shape")
    for names, shape in _SIGNS:
        if case.has(*names):
            return shape
    return None


def _wallet(case: Inputs) -> Any:
    """A wallet or posted margin, with rate and amount; cross: with the other positions."""
    return _of_wallet(case, case.number("mmr"))


def _wallet_fee(case: Inputs) -> Any:
    """The fee inside maintenance: by the venue's rule, or part of the rate where it has none."""
    return _of_wallet(case, case.number("mmr") + (0.0 if case.known else case.number("taker_fee")))


def _of_wallet(case: Inputs, rate: float) -> Any:
    rules = case.rules()
    return rules.liquidation_price(
        case.side, case.size, case.entry, case.number("wallet"), cross=case.cross, rate=rate,
        amount=case.number("cum", case.number("mm_deduction", 0.0)), **_others(case, rules))


def _wallet_tiers(case: Inputs) -> Any:
    """The bracket is the one that holds the liquidation notional."""
    rules = case.rules(case.ladder())
    return rules.liquidation_price(case.side, case.size, case.entry, case.number("wallet"),
                                   cross=case.cross, **_others(case, rules))


def _others(case: Inputs, rules: VenueRules) -> dict[str, Any]:
    """Unrealised profit and maintenance of the account's other positions, at their marks."""
    unrealised = maintenance = 0.0
    for other in case.objects("other_positions", []):
        mark = other.number("mark_price")
        unrealised += rules.unrealised(other.side * other.size, other.entry, mark)
        maintenance += rules.maintenance_margin(
            rules.notional(other.size, mark), rate=other.number("mmr") + rules.maintenance_fee,
            amount=other.number("cum", 0.0))
    return {"others_unrealised": unrealised, "others_maintenance": maintenance}


def _leverage(case: Inputs) -> Any:
    """Margin posted at a leverage, and what was added by hand; one unit where no size is given."""
    rules = case.rules()
    size = case.size if case.has("size") or case.has("contracts") else 1.0
    extra = case.number("extra_margin", 0.0)
    if extra and case.inverse and case.venue == "bybit":
        extra = bybit.added_margin_behind(extra, case.side, rules.fees.taker
                                          if rules.closing_fee is None else rules.closing_fee)
    posted = rules.initial_margin(rules.notional(size, case.entry), case.number("leverage"))
    return rules.liquidation_price(case.side, size, case.entry, posted + extra, cross=case.cross,
                                   rate=case.number("mmr"),
                                   amount=case.number("mm_deduction", 0.0))


def _added_margin(case: Inputs) -> Any:
    """At its liquidation price a position is worth its maintenance: what is added stands alone."""
    rules, level = case.rules(), case.number("liquidation_without_extra")
    rate, amount = case.number("mmr", 0.0), case.number("mm_deduction", 0.0)
    held = rules.maintenance_margin(rules.notional(case.size, level), rate=rate, amount=amount)
    return rules.liquidation_price(case.side, case.size, level, held + case.number("extra_margin"),
                                   rate=rate, amount=amount)


def _reported_margins(case: Inputs) -> Any:
    """Margins as BitMEX and KuCoin report them: maintenance is an amount, the closing fee in it."""
    frozen = case.number("pos_maint") - case.number("pos_comm")
    return case.rules().liquidation_price(
        case.side, case.size, case.entry, case.number("pos_init") + case.number("pos_cross"),
        rate=0.0, amount=-frozen)


def _account_value(case: Inputs) -> Any:
    """Margin or account value at a price, which stands in for the entry price."""
    rules, price = case.rules(), case.number("price")
    rate = hyperliquid.maintenance_rate(case.number("max_leverage"))
    if case.has("margin") and not (case.cross and case.has("account_value")):
        return rules.liquidation_price(case.side, case.size, price, case.number("margin"),
                                       rate=rate)
    own = rules.maintenance_margin(rules.notional(case.size, price), rate=rate)
    return rules.liquidation_price(
        case.side, case.size, price, case.number("account_value"), cross=True, rate=rate,
        others_maintenance=case.number("total_maintenance_margin", own) - own)


def _raw_usd(case: Inputs) -> Any:
    return hyperliquid.from_raw_usd(case.number("szi"), case.number("raw_usd"),
                                    case.number("max_leverage"))


def _account_equity(case: Inputs) -> Any:
    """Equity of the account at mark; the other positions' maintenance stays as it is there."""
    rules, mark, rate = case.rules(), case.number("mark_price"), case.number("mmr")
    own = rules.maintenance_margin(rules.notional(case.size, mark), rate=rate)
    return rules.liquidation_price(
        case.side, case.size, mark, case.number("equity"), cross=True, rate=rate,
        others_maintenance=max(0.0, case.number("total_account_maintenance") - own))


def _okx_margin_ratio(case: Inputs) -> Any:
    """The equity behind a printed ratio, less the unrealised profit in it."""
    rules = case.rules()
    equity = okx.equity_of_ratio(case.number("margin_ratio"), case.number("mm_amount"),
                                 case.number("position_value"), case.number("taker_fee"))
    return rules.liquidation_price(case.side, case.size, case.entry, equity - case.number("upl"),
                                   cross=case.cross, rate=case.number("mmr"))


SHAPES: dict[str, Callable[[Inputs], Any]] = {
    "wallet_cum": _wallet, "wallet_entry_mm": _wallet, "inverse_wallet": _wallet,
    "wallet_fee": _wallet_fee, "inverse_wallet_fee": _wallet_fee, "wallet_tiers": _wallet_tiers,
    "leverage_deduction": _leverage, "inverse_leverage": _leverage, "added_margin": _added_margin,
    "reported_margins": _reported_margins, "account_value": _account_value, "raw_usd": _raw_usd,
    "account_equity": _account_equity, "okx_margin_ratio": _okx_margin_ratio,
}
_NOT_SHIPPED = {
    "adjust_factor": "HTX's adjust factor makes maintenance a share of the margin: no rule shipped",
    "bitget_margin_ratio": "Bitget's displayed estimate takes maintenance at the current mark: no "
                           "rule shipped",
    "poloniex_margin_ratio": "Poloniex: the equity must be worked back from its printed ratio: no "
                             "rule shipped",
}
_SIGNS: tuple[tuple[tuple[str, ...], str], ...] = (  # first match; the rest of the names is context
    (("adjust_factor",), "adjust_factor"),
    (("liquidation_without_extra",), "added_margin"),
    (("pos_init",), "reported_margins"),
    (("raw_usd",), "raw_usd"),
    (("total_account_maintenance",), "account_equity"),
    (("margin_ratio_inv",), "poloniex_margin_ratio"),
    (("margin_ratio", "position_value"), "okx_margin_ratio"),
    (("margin_ratio",), "bitget_margin_ratio"),
    (("wallet", "tiers"), "wallet_tiers"),
    (("wallet", "taker_fee"), "wallet_fee"),
    (("wallet",), "wallet_cum"),
    (("max_leverage",), "account_value"),
    (("leverage",), "leverage_deduction"),
)
